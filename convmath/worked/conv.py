"""A convolution, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any, ClassVar

import numpy as np

from ..errors import DomainError
from ..latex.page import Block, Paragraph, Section
from ..oracle.options import IntOrAxes, Padding, Pairs
from ..oracle.reference import conv_forward
from ..oracle.reference.arrays import ObjectArray
from ..oracle.relation import Relation, conv_relation
from ..phrases import say
from .calculation import options_in_words, stepwise
from .layout import Writer
from .numbers import array, counted, finished, nonnegative_padding, require_products, require_writable
from .sizes import size_section
from .steps import element, left_out, matrices, padded, show_step, window_steps


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution with numbers: what its forward calculation, its gradients and its matrix start from.

    Args:
        x: the input, (C, *size) with one or two axes of size: nested lists or an array of ints, Fractions or floats,
            where a float stands for the shortest decimal that is rounded to it.
        w: the kernel, (F, C/groups, *kernel_size).
        bias: a number per output channel, or None.
        stride: elements between neighbouring windows.
        padding: zeros on both sides of every axis, or one number or pair (lo, hi) per axis.
        dilation: elements between neighbouring taps.
        groups: groups of channels.

    Raises:
        DomainError: shapes or options do not fit together, a number is not finite, or there is too much to write.
    """

    x: Any
    w: Any
    bias: Any = None
    stride: IntOrAxes = 1
    padding: Padding = 0
    dilation: IntOrAxes = 1
    groups: int = 1

    def __post_init__(self) -> None:
        """Make the numbers exact, and refuse what does not fit together."""
        x, w = array("x", self.x, (2, 3)), array("w", self.w, (3, 4))
        bias = None if self.bias is None else array("bias", self.bias, (1,))
        if w.ndim != x.ndim + 1:
            raise DomainError("w", w.shape, f"needs {x.ndim + 1} axes, as x has shape {x.shape}")
        for name, value in (("x", x), ("w", w), ("bias", bias)):
            object.__setattr__(self, name, value)
        relation = self.relation
        require_products(prod(relation.y_shape) * relation.in_channels // self.groups * prod(w.shape[2:]))
        self._check()
        if bias is not None and bias.shape != (relation.out_channels,):
            raise DomainError(
                "bias", bias.shape, f"needs {counted(relation.out_channels, 'number')}, one for each output channel"
            )

    def _check(self) -> None:
        require_writable("y", self.relation.y_shape[1:])
        sizes = (n + lo + hi for n, (lo, hi) in zip(self.x.shape[1:], self.pads, strict=True))
        require_writable("padded input", (len(self.x), *sizes))

    @cached_property
    def relation(self) -> Relation:
        """The access relation."""
        return conv_relation((1, *self.x.shape), self.w.shape, **self.options)

    @cached_property
    def on_padded(self) -> Relation:
        """The access relation of the padded input, in which no tap falls outside."""
        return conv_relation((1, *self.padded.shape), self.w.shape, **(self.options | {"padding": 0}))

    @property
    def options(self) -> dict[str, Any]:
        """Stride, padding, dilation and groups."""
        return {"stride": self.stride, "padding": self.pads, "dilation": self.dilation, "groups": self.groups}

    @cached_property
    def pads(self) -> Pairs:
        """Zeros before and after each axis."""
        return nonnegative_padding(self.padding, self.x.ndim - 1)

    @cached_property
    def padded(self) -> ObjectArray:
        """The input with its padding."""
        return padded(self.x, self.pads)

    @cached_property
    def output(self) -> ObjectArray:
        """The output: (F, *output_size)."""
        return finished("y", np.asarray(conv_forward(self.x[None], self.w, self.bias, **self.options)[0]))

    def given(self, write: Writer) -> Section:
        """The input, the kernel, the bias and the options."""
        return Section(say("Given"), tuple(self._given(write)))

    def _given(self, write: Writer) -> Iterator[Block]:
        yield from write.arrays([*matrices(write, "X", self.x), *matrices(write, "W", self.w, kernel=True)])
        if max(self.w.shape[:2]) > 1:
            yield Paragraph(
                say(
                    "{name} is the kernel from channel {c} of its group to output channel {f}."
                    if self.groups > 1
                    else "{name} is the kernel from input channel {c} to output channel {f}.",
                    name=write.inline(write.dialect.indexed("W", ["f", "c"])),
                    f=write.inline("f"),
                    c=write.inline("c"),
                )
            )
        if self.bias is not None:
            yield from write.arrays([(write.entry("b", ()), self.bias[None])])
        yield options_in_words(write, self.relation.axes, self.groups)

    @property
    def is_padded(self) -> bool:
        """Whether there is any padding."""
        return any(lo or hi for lo, hi in self.pads)

    @property
    def source(self) -> str:
        """The name of what the windows lie in."""
        return "P" if self.is_padded else "X"

    def padding_section(self, write: Writer) -> Iterator[Section]:
        """The padded input, if there is padding."""
        if self.is_padded:
            blocks = [Paragraph(say("The input with its padding, in which the windows lie:"))]
            yield Section(say("Padded input"), (*blocks, *write.arrays(matrices(write, "P", self.padded))))


class Conv(Layer):
    """A convolution, as networks compute it: every window, the products in it and their sum.

    The arguments are those of :class:`Layer`.

    >>> Conv([[[0, 1, 2], [3, 4, 5], [6, 7, 8]]], [[[[0, 1], [2, 3]]]]).result.tolist()
    [[[19, 25], [37, 43]]]
    """

    kind: ClassVar[str] = "conv"

    @property
    def title(self) -> str:
        """What is computed."""
        return say("A convolution step by step")

    @property
    def result(self) -> ObjectArray:
        """The output: (F, *output_size)."""
        return self.output

    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """The input, the size, each window, the result."""
        yield self.given(write)
        yield size_section(write, self.relation.axes)
        yield from self.padding_section(write)
        yield from stepwise(say("Windows"), self._windows(write, steps))
        blocks = write.arrays(matrices(write, "Y", self.output))
        yield Section(say("Result"), tuple(blocks))

    def _windows(self, write: Writer, steps: int | None) -> Iterator[Iterator[Block]]:
        y, several = self.output, self.relation.in_channels > 1
        for step in window_steps(self.on_padded, self.padded, self.w, self.bias, y, steps):
            yield show_step(write, step, element(write, "y", y, step.index), self.source, several=several)
        yield left_out(write, steps, y.size)
