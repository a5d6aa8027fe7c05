"""Maximum and average pooling, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import prod
from typing import Any, ClassVar

import numpy as np

from ..errors import DomainError, ProofError
from ..latex.page import Block, Paragraph, Section
from ..latex.printer import BREAK_TERM, Piece
from ..oracle.axes import Axis, pool_axes, spatial_triples
from ..oracle.options import Index, IntOrAxes, Padding, Pairs
from ..oracle.reference import avg_pool, max_pool
from ..oracle.reference.arrays import ObjectArray
from ..phrases import say
from .calculation import Calculation, options_in_words, stepwise
from .layout import Writer
from .numbers import Number, array, finished, nonnegative_padding, per_axes, require_products, require_writable
from .sizes import pool_helper, size_section
from .steps import element, left_out, matrices

MAX, AVG = "max", "avg"


@dataclass(frozen=True, eq=False, repr=False)
class Pool(Calculation):
    """Pooling with numbers, in each channel on its own.

    Args:
        x: the input, (C, *size) with one or two axes of size: ints, Fractions or floats, where a float stands for the
            shortest decimal that is rounded to it.
        kernel_size: elements of a window, for all axes or per axis.
        mode: ``"max"`` or ``"avg"``.
        stride: elements between neighbouring windows; None for the kernel size.
        padding: places on both sides of every axis, or one number or pair (lo, hi) per axis.
        dilation: elements between neighbouring taps.
        ceil_mode: whether a last window may hang over the end.
        count_include_pad: whether an average counts places in the padding.

    Raises:
        DomainError: options do not fit together, a number is not finite, or there is too much to write.

    >>> Pool([[[3, 2, 0, 1], [0, 2, 1, 2]]], 2, mode="avg").result.tolist()
    [[[Fraction(7, 4), 1]]]
    """

    x: Any
    kernel_size: IntOrAxes
    mode: str = MAX
    stride: IntOrAxes | None = None
    padding: Padding = 0
    dilation: IntOrAxes = 1
    ceil_mode: bool = False
    count_include_pad: bool = True
    kind: ClassVar[str] = "pool"

    def __post_init__(self) -> None:
        """Make the numbers exact, and refuse what does not fit together."""
        if self.mode not in (MAX, AVG):
            raise DomainError("mode", self.mode, f"needs {MAX} or {AVG}")
        x = array("x", self.x, (2, 3))
        object.__setattr__(self, "x", x)
        outputs = (x.shape[0], *(axis.output_size for axis in self.axes))
        require_writable("y", outputs)
        require_products(prod(outputs) * prod(self.window))

    @property
    def options(self) -> dict[str, Any]:
        """Kernel size, stride, padding, dilation and ceil mode."""
        names = ("stride", "dilation", "ceil_mode")
        return {name: getattr(self, name) for name in names} | {"kernel_size": self.window, "padding": self.pads}

    @cached_property
    def window(self) -> Index:
        """Elements of a window per axis."""
        return per_axes("kernel_size", self.kernel_size, self.x.ndim - 1)

    @cached_property
    def pads(self) -> Pairs:
        """Places before and after each axis."""
        return nonnegative_padding(self.padding, self.x.ndim - 1)

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The access relation of every axis."""
        return pool_axes(self.x.shape[1:], **self.options)

    @property
    def title(self) -> str:
        """What is computed."""
        return say("Maximum pooling step by step") if self.mode == MAX else say("Average pooling step by step")

    @cached_property
    def result(self) -> ObjectArray:
        """The output: (C, *output_size)."""
        return finished("y", np.asarray(self._pooled(self.x)))

    def _pooled(self, x: ObjectArray) -> ObjectArray:
        if self.mode == MAX:
            return np.asarray(max_pool(x[None], **self.options)[0])
        return np.asarray(avg_pool(x[None], count_include_pad=self.count_include_pad, **self.options)[0])

    @cached_property
    def windows(self) -> dict[Index, list[Index]]:
        """The places in the input that each window covers, in row-major order."""
        found: dict[Index, list[Index]] = {o: [] for o in np.ndindex(self.result.shape[1:])}
        for o, i, _ in spatial_triples(self.axes):
            found[o].append(i)
        return found

    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """The input, the size, each window, the result."""
        yield Section(say("Given"), tuple(self._given(write)))
        yield size_section(write, self.axes, pool_helper(self.ceil_mode))
        yield from stepwise(say("Windows"), [self._shown(write, steps), left_out(write, steps, self.result.size)])
        yield Section(say("Result"), tuple(write.arrays(matrices(write, "Y", self.result))))

    def _given(self, write: Writer) -> Iterator[Block]:
        yield from write.arrays(matrices(write, "X", self.x))
        yield Paragraph(say("A window has {size} elements.", size=write.size(self.window)))
        yield options_in_words(write, self.axes)
        if self.x.shape[0] > 1:
            yield Paragraph(say("Every channel is pooled on its own."))
        if any(lo or hi for lo, hi in self.pads):
            yield Paragraph(self._about_padding())

    def _about_padding(self) -> str:
        if self.mode == MAX:
            return say("Places in the padding take no part in a maximum.")
        if self.count_include_pad:
            return say("Places in the padding are 0 and count in an average.")
        return say("Places in the padding do not count in an average.")

    def _shown(self, write: Writer, steps: int | None) -> Iterator[Block]:
        y = self.result
        for index in islice(np.ndindex(y.shape), steps):
            inside = self.windows[index[1:]]
            values = [self.x.item(index[0], *place) for place in inside]
            entry = element(write, "y", y, index)
            yield Paragraph(self._covered(write, entry, inside))
            pieces = _maximum(write, values) if self.mode == MAX else self._mean(write, index, values)
            yield from write.chain(entry, [pieces, write.terms([y.item(index)])])

    def _covered(self, write: Writer, entry: str, inside: list[Index]) -> str:
        if not inside:
            return say("{entry}: the window covers padding only.", entry=write.inline(entry))
        places = [sorted(set(axis)) for axis in zip(*inside, strict=True)]
        return say(
            "{entry}: the window covers {places} of {source}.",
            entry=write.inline(entry),
            places=write.where(places),
            source=write.inline(write.entry("X", ())),
        )

    def _mean(self, write: Writer, index: Index, values: list[Number]) -> list[Piece]:
        """The sum over the divisor; nothing where the window lies in the padding."""
        if not values:
            return []
        divisor = len(values) / self._shares[index]
        if sum(values) != divisor * self.result[index]:
            raise ProofError(f"the mean of element {index} is not {self.result[index]}")
        if len(values) == 1:
            return [Piece(f"{write.factor(values[0])}/{divisor}", BREAK_TERM)]
        first, *rest, last = write.terms(values)
        pieces = [Piece(f"({first.text}", BREAK_TERM), *rest]
        return [*pieces, Piece(f"{last.text})/{divisor}", BREAK_TERM, last.link)]

    @cached_property
    def _shares(self) -> ObjectArray:
        """The mean where every element is 1: how many of its places a window has in the input, over the divisor."""
        return self._pooled(np.full(self.x.shape, 1, dtype=object))


def _maximum(write: Writer, values: list[Number]) -> list[Piece]:
    """A maximum that a line may break in."""
    name = r"\max" if write.dialect.stacked else "max"
    texts = [write.number(value) for value in values]
    texts[0] = f"{name}({texts[0]}"
    ends = [*[","] * (len(texts) - 1), ")"]
    return [
        Piece(text + end, BREAK_TERM, " " if place else "")
        for place, (text, end) in enumerate(zip(texts, ends, strict=True))
    ]
