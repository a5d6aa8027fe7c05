"""Gradient descent on a kernel with the derived gradient: a layer learns a kernel from an input and its output."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from ..errors import DomainError
from ..latex.page import Block, Paragraph, Section
from ..oracle.fill import fill
from ..oracle.options import IntOrAxes, Padding, integer, required_shape
from ..oracle.reference import conv_forward, conv_grad_weight
from ..oracle.reference.arrays import ObjectArray
from ..phrases import say
from .conv import Layer
from .layout import Writer
from .numbers import Number, array, exact, require_products
from .steps import matrices

RATE = Fraction(3, 100)
UPDATES = 10
MOST_UPDATES = 1000
_LARGE = 10**9
_START = 300
"""A random start is a multiple of 1/300 from -1/3 to 1/3."""

Gradient = Callable[..., ObjectArray]


@dataclass(frozen=True, eq=False, repr=False)
class Learning(Layer):
    """Gradient descent from a start towards the kernel ``w``; see :func:`learn_kernel`.

    Args:
        start: the kernel before the first update.
        rate: the learning rate.
        updates: how often the kernel is updated.
        gradient: the gradient for the kernel, called as ``conv_grad_weight`` of the oracle.
    """

    start: Any = field(kw_only=True)
    rate: Number = RATE
    updates: int = UPDATES
    gradient: Gradient = conv_grad_weight
    kind: ClassVar[str] = "learn"

    def _check(self) -> None:
        super()._check()
        start = array("start", self.start, (3, 4))
        required_shape("start", start.shape, self.w.shape)
        object.__setattr__(self, "start", start)
        object.__setattr__(self, "rate", exact("rate", self.rate))
        if integer("updates", self.updates, least=1) > MOST_UPDATES:
            raise DomainError("updates", self.updates, f"needs updates <= {MOST_UPDATES}: the fractions grow with each")
        require_products(3 * self.updates * self.output.size * self.w.size)

    @property
    def title(self) -> str:
        """What is computed."""
        return say("Learning a kernel by gradient descent")

    @cached_property
    def kernels(self) -> list[ObjectArray]:
        """The kernel before the first update and after each."""
        found = [self.start]
        for _ in range(self.updates):
            found.append(found[-1] - self.rate * self.slope(found[-1]))
        return found

    def error(self, kernel: ObjectArray) -> ObjectArray:
        """What the kernel's output is too large by: (F, *output_size)."""
        found = conv_forward(self.x[None], kernel, self.bias, **self.options)[0]
        return np.asarray(found - self.output)

    def loss(self, kernel: ObjectArray) -> Number:
        """The sum of the squares of the errors."""
        total: Number = (self.error(kernel) ** 2).sum()
        return total

    def slope(self, kernel: ObjectArray) -> ObjectArray:
        """The gradient of the loss for the kernel: the output's gradient is twice the error."""
        dy = 2 * self.error(kernel)
        return self.gradient(self.x[None], dy[None], kernel_size=self.w.shape[2:], **self.options)

    @cached_property
    def losses(self) -> list[Number]:
        """The loss before the first update and after each."""
        return [self.loss(kernel) for kernel in self.kernels]

    @property
    def result(self) -> ObjectArray:
        """The kernel after the last update, exactly."""
        return self.kernels[-1]

    @property
    def distance(self) -> Number:
        """By how much the learnt kernel misses the other, at most."""
        farthest: Number = np.abs(self.result - self.w).max()
        return farthest

    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """What is given, the first update in full, the loss after each update, the result."""
        yield self.given(write)
        yield Section(say("Task"), tuple(self._task(write)))
        yield Section(say("First update"), tuple(self._first(write)))
        yield Section(say("All updates"), tuple(self._all(write)))

    def _task(self, write: Writer) -> Iterator[Block]:
        yield Paragraph(say("The kernel gives this output:"))
        yield from write.arrays(matrices(write, "Y", self.output))
        yield Paragraph(
            say(
                "Now forget the kernel and learn it from {x} and {y}. The loss of a kernel {v} is the sum of the "
                "squares of the errors {e}, which are its output minus {y}. The output gradient is twice the error, "
                "the kernel's gradient {g} is its correlation with {x} (entry {entry}), and an update subtracts "
                "{rate} times that.",
                **{name: write.inline(write.entry(name.upper(), ())) for name in "xyveg"},
                entry=write.dialect.code("grad.weight"),
                rate=write.inline(write.number(self.rate, flat=True)),
            )
        )

    def _first(self, write: Writer) -> Iterator[Block]:
        kernel = self.start
        yield from write.arrays(matrices(write, "V", kernel, kernel=True))
        yield Paragraph(say("Its errors, and the gradient for the kernel:"))
        yield from write.arrays(
            [*matrices(write, "E", self.error(kernel)), *matrices(write, "G", self.slope(kernel), kernel=True)]
        )
        yield Paragraph(say("The kernel after the update:"))
        yield from write.arrays(matrices(write, "V", self.kernels[1], kernel=True))

    def _all(self, write: Writer) -> Iterator[Block]:
        yield Paragraph(say("Rounded to four decimals, and computed exactly:"))
        places = [tuple(k) for k in np.ndindex(self.w.shape)]
        few = len(places) <= 4
        head = [say("update"), *([say("kernel")] + [""] * (len(places) - 1) if few else []), say("loss")]
        rows = [
            [str(number), *([_decimal(write, kernel[place]) for place in places] if few else []), _decimal(write, loss)]
            for number, (kernel, loss) in enumerate(zip(self.kernels, self.losses, strict=True))
        ]
        yield from write.table(head, rows)
        yield Paragraph(
            say(
                "The learnt kernel differs from the other by at most {distance}.",
                distance=write.inline(_decimal(write, self.distance)),
            )
        )


def learn_kernel(
    x: Any,
    w: Any,
    *,
    seed: int = 0,
    start: Any = None,
    rate: Any = RATE,
    updates: int = UPDATES,
    gradient: Gradient = conv_grad_weight,
    bias: Any = None,
    stride: IntOrAxes = 1,
    padding: Padding = 0,
    dilation: IntOrAxes = 1,
    groups: int = 1,
) -> Learning:
    """Learn a kernel from an input and from the output that the kernel has on it, by gradient descent, exactly.

    The loss is the sum of squared errors; the gradient is the derived one, by its definition, and no automatic one.

    Args:
        x: the input, (C, *size) with one or two axes of size.
        w: the kernel to be learnt, (F, C/groups, *kernel_size).
        seed: what the start is drawn from: multiples of 1/300 from -1/3 to 1/3.
        start: the kernel to start from, in place of a random one.
        rate: the learning rate.
        updates: how often the kernel is updated, >= 1.
        gradient: another gradient for the kernel, called as :func:`convmath.oracle.reference.conv_grad_weight`: a wrong
            one does not learn.
        bias: a number per output channel, which is known, or None.
        stride: elements between neighbouring windows.
        padding: zeros on both sides of every axis, or one number or pair (lo, hi) per axis.
        dilation: elements between neighbouring taps.
        groups: groups of channels.

    Raises:
        DomainError: shapes or options do not fit together, or there is too much to compute: at most 1000 updates.

    Entry: grad.weight. Source: [ZhangLiptonLiSmola2023, section 7.2.4].

    >>> learnt = learn_kernel([[[1, 1, 0, 0, 1]]], [[[[1, -1]]]], rate=0.125, updates=30)
    >>> [round(float(loss), 3) for loss in learnt.losses[:3]], float(learnt.distance) < 0.01
    ([1.796, 0.999, 0.561], True)
    """
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if start is None:
        shape = array("w", w, (3, 4)).shape
        drawn = fill(shape, seed=integer("seed", seed, least=0), stream=0, limit=_START // 3)
        start = drawn.astype(object) * Fraction(1, _START)
    return Learning(
        x, w, bias, **options, start=start, rate=rate, updates=updates, gradient=gradient
    )  # fmt: skip


def _decimal(write: Writer, value: Number) -> str:
    """A number rounded to four decimals, a large one times a power of ten."""
    exactly = Fraction(value)
    rounded = Decimal(exactly.numerator) / Decimal(exactly.denominator)
    if abs(rounded) < _LARGE:
        return f"{rounded:.4f}"
    digits, _, exponent = f"{rounded:.4e}".partition("e+")
    return f"{digits}{write.dialect.times}{write.dialect.power('10', exponent)}"
