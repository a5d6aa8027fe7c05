"""What calculations with a kernel have in common: their numbers, and how a page shows what is given."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import DomainError
from ..latex.page import Block, Paragraph, Section
from ..notebook import counted
from ..oracle.options import Index, IntOrAxes, Padding, Pairs
from ..oracle.relation import Relation
from ..phrases import say
from .calculation import Calculation, options_in_words
from .layout import Writer
from .numbers import array, nonnegative_padding, require_products
from .steps import matrices


@dataclass(frozen=True, eq=False, repr=False)
class Kernelled(Calculation):
    """A convolution or transposed convolution with numbers.

    Args:
        x: the input, (C, *size) with one or two axes of size: nested lists or an array of ints, Fractions or floats,
            where a float stands for the shortest decimal that is rounded to it.
        w: the kernel: (F, C/groups, *kernel_size), transposed (C, F/groups, *kernel_size).
        bias: a number per output channel, or None.
        stride: elements between neighbouring windows; transposed between the kernels of neighbouring inputs.
        padding: zeros on both sides of every axis, transposed what is cut off there; or one number or pair (lo, hi) per
            axis.
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
        require_products(self._products)
        self._check()
        if bias is not None and bias.shape != (self.out_channels,):
            needs = f"needs {counted(self.out_channels, 'number')}, one for each output channel"
            raise DomainError("bias", bias.shape, needs)

    @property
    @abstractmethod
    def relation(self) -> Relation:
        """The access relation of the convolution; of a transposed one, that of the convolution that it transposes."""

    @property
    @abstractmethod
    def out_channels(self) -> int:
        """Channels of the output."""

    @property
    @abstractmethod
    def _products(self) -> int:
        """How many products the output takes."""

    @abstractmethod
    def _check(self) -> None:
        """Refuse what is too large to be written, or does not fit."""

    @abstractmethod
    def _about_kernels(self, write: Writer) -> str:
        """Which channels each matrix of the kernel joins, in a sentence."""

    @property
    def extra(self) -> Index:
        """Elements added at the end of each axis; none but with transposed convolutions."""
        return ()

    @property
    def options(self) -> dict[str, Any]:
        """Stride, padding, dilation and groups."""
        return {"stride": self.stride, "padding": self.pads, "dilation": self.dilation, "groups": self.groups}

    @cached_property
    def pads(self) -> Pairs:
        """The padding before and after each axis."""
        return nonnegative_padding(self.padding, self.x.ndim - 1)

    @property
    def is_padded(self) -> bool:
        """Whether there is any padding."""
        return any(lo or hi for lo, hi in self.pads)

    def given(self, write: Writer) -> Section:
        """The input, the kernel, the bias and the options."""
        return Section(say("Given"), tuple(self._given(write)))

    def _given(self, write: Writer) -> Iterator[Block]:
        yield from write.arrays([*matrices(write, "X", self.x), *matrices(write, "W", self.w, kernel=True)])
        if max(self.w.shape[:2]) > 1:
            yield Paragraph(self._about_kernels(write))
        if self.bias is not None:
            yield from write.arrays([(write.entry("b", ()), self.bias[None])])
        yield options_in_words(write, self.relation.axes, self.groups, self.extra)
