"""A convolution, window by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np

from ..latex.page import Block, Paragraph, Section
from ..oracle.reference import conv_forward
from ..oracle.reference.arrays import ObjectArray
from ..oracle.relation import Relation, conv_relation
from ..phrases import say
from .calculation import stepwise
from .kernelled import Kernelled
from .layout import Writer
from .numbers import finished, require_writable
from .sizes import size_section
from .steps import element, left_out, matrices, padded, show_step, window_steps


@dataclass(frozen=True, eq=False, repr=False)
class Layer(Kernelled):
    """A convolution with numbers: what its forward calculation, its gradients and its matrix start from.

    The arguments are those of :class:`Kernelled`.
    """

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.relation.out_channels

    @property
    def _products(self) -> int:
        relation = self.relation
        taps: int = prod(self.w.shape[2:])
        return prod(relation.y_shape) * relation.in_channels // self.groups * taps

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

    @cached_property
    def padded(self) -> ObjectArray:
        """The input with its padding."""
        return padded(self.x, self.pads)

    @cached_property
    def output(self) -> ObjectArray:
        """The output: (F, *output_size)."""
        return finished("y", np.asarray(conv_forward(self.x[None], self.w, self.bias, **self.options)[0]))

    def _about_kernels(self, write: Writer) -> str:
        return say(
            "{name} is the kernel from channel {c} of its group to output channel {f}."
            if self.groups > 1
            else "{name} is the kernel from input channel {c} to output channel {f}.",
            name=write.inline(write.dialect.indexed("W", ["f", "c"])),
            f=write.inline("f"),
            c=write.inline("c"),
        )

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

    The arguments are those of :class:`Kernelled`.

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
