"""Convolution and transposed convolution, dense layers and products of matrices."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import DomainError
from ...formulas.cost import conv_macs, conv_params
from ...formulas.cost_linear import linear_macs, linear_params
from ...formulas.cost_product import channels_of_a_group
from ...formulas.cost_taps import written_elements
from ...formulas.cost_transpose import conv_transpose_macs
from ...formulas.padding import resolve_padding
from ...formulas.size import conv_output_size, conv_transpose_output_size
from ...geometry import is_per_axis
from ..fields.field import MOST_PHASES, Field
from ..fields.spans import Spans
from .base import (
    Operator,
    Reads,
    Sizes,
    Work,
    broadcast,
    one,
    product,
    require_equal,
    split,
    stretched,
)
from .domains import COUNT_PER_AXIS, FLAG, POSITIVE, WINDOW, Domains


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """One value an axis."""
    return tuple(value) if is_per_axis(value) else (value,) * axes


def _channels(in_channels: int, out_channels: int, groups: int) -> tuple[int, Field] | None:
    """The channels that each channel reads: those of its group; None where that is all, or too long to write down."""
    size = out_channels // groups
    if groups == 1 or size > MOST_PHASES:
        return None
    return 1, Field(size, in_channels // groups, (Spans.first(in_channels // groups),) * size)


@dataclass(frozen=True)
class Convolution(Operator):
    """What a convolution and a transposed one have in common: one access relation an axis, read in either direction.

    It has as many axes as ``kernel_size`` has entries.

    Attributes:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: taps per axis.
        stride: one integer, or one per axis.
        padding: in any form of :func:`convmath.resolve_padding`.
        dilation: one integer, or one per axis.
        groups: groups of channels.
        bias: whether each output channel has one.

    >>> Conv(64, 128, (3, 3), groups=64, bias=False).params, ConvTranspose(64, 32, (2, 2), bias=False).params
    (1152, 8192)
    """

    in_channels: int
    out_channels: int
    kernel_size: tuple[int, ...]
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1
    groups: int = 1
    bias: bool = True

    name: ClassVar[str]
    domains: ClassVar[Domains] = {
        "in_channels": POSITIVE,
        "out_channels": POSITIVE,
        **WINDOW,
        "groups": POSITIVE,
        "bias": FLAG,
    }

    def __post_init__(self) -> None:
        """Require groups of equally many channels, too.

        Raises:
            DomainError: they are none, or a parameter lies outside of its domain.
        """
        super().__post_init__()
        if self.groups != 1:
            channels_of_a_group(self.in_channels, self.out_channels, self.groups)

    @property
    def kind(self) -> str:
        """Its name with its axes, from ``1d`` to ``3d``."""
        return f"{self.name}{len(self.kernel_size)}d"

    @property
    def params(self) -> int:
        """Weights and biases."""
        return int(conv_params(self.kernel_size, bias=self.bias, **self.channels))

    @property
    def mixes(self) -> bool:
        """Without groups, every channel reads every channel."""
        return self.groups == 1

    @property
    def channels(self) -> dict[str, Any]:
        """The options that speak of channels."""
        return {"in_channels": self.in_channels, "out_channels": self.out_channels, "groups": self.groups}

    @property
    def window(self) -> dict[str, Any]:
        """The options that place the windows."""
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The output's channels, and its positions on each axis."""
        batch, channels, spatial = split(self, one(self, inputs), len(self.kernel_size))
        require_equal(self, "channels", channels, self.in_channels)
        return (batch, self.out_channels, *self.positions(spatial))

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each axis through its window; every channel of the group."""
        axes = len(self.kernel_size)
        stride, dilation = per_axis(self.stride, axes), per_axis(self.dilation, axes)
        padded = self.padded(inputs[0], output)[2:]
        padding = resolve_padding(self.padding, padded, self.kernel_size, stride=self.stride, dilation=self.dilation)
        fields = [
            self.access(k, stride=s, dilation=d, padding=lo)
            for k, s, d, (lo, _) in zip(self.kernel_size, stride, dilation, padding, strict=True)
        ]
        channels = _channels(self.in_channels, self.out_channels, self.groups)
        return (((0, Field.same()), channels, *((axis + 2, field) for axis, field in enumerate(fields))),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """Every tap of every window, those in the padding too."""
        macs, sums = self.macs(inputs[0][2:], batch_size=output[0]), self.sums(inputs[0], output)
        return Work(macs, sums, sums if self.bias else 0)

    def sums(self, source: Sizes, output: Sizes) -> Any:
        """Outputs that are made of at least one product."""
        return product(output)

    @abstractmethod
    def positions(self, spatial: Sizes) -> Sizes:
        """The positions of the output on each axis."""

    @abstractmethod
    def padded(self, source: Sizes, output: Sizes) -> Sizes:
        """Which of the two has the windows, and the padding."""

    @abstractmethod
    def access(self, kernel_size: int, *, stride: int, dilation: int, padding: int) -> Field:
        """How an axis of the output reads that of the input, with so much padding before it."""

    @abstractmethod
    def macs(self, spatial: Sizes, *, batch_size: Any) -> Any:
        """Multiply-accumulates."""


@dataclass(frozen=True)
class Conv(Convolution):
    """A convolution; its parameters are those of :class:`Convolution`.

    >>> Conv(3, 64, (7, 7), stride=2, padding=3).sizes((1, 3, 224, 224))
    (1, 64, 112, 112)
    """

    name: ClassVar[str] = "conv"

    def positions(self, spatial: Sizes) -> Sizes:
        """A position for every window that fits.

        >>> Conv(3, 8, (3, 5), stride=2).positions((9, 9))
        (4, 3)
        """
        return tuple(conv_output_size(spatial, self.kernel_size, **self.window))

    def padded(self, source: Sizes, output: Sizes) -> Sizes:
        """The input.

        >>> Conv(3, 8, (3, 3)).padded((1, 3, 9, 9), (1, 8, 7, 7))
        (1, 3, 9, 9)
        """
        return source

    def access(self, kernel_size: int, *, stride: int, dilation: int, padding: int) -> Field:
        """A position reads its window.

        >>> Conv(3, 8, (3, 3)).access(3, stride=2, dilation=1, padding=1).reads(4)
        Spans(7:10)
        """
        return Field.window(kernel_size, stride=stride, dilation=dilation, padding=padding)

    def macs(self, spatial: Sizes, *, batch_size: Any) -> Any:
        """A product for every tap of every window.

        >>> Conv(3, 8, (3, 3)).macs((9, 9), batch_size=1)
        10584
        """
        return conv_macs(spatial, self.kernel_size, batch_size=batch_size, **self.channels, **self.window)


@dataclass(frozen=True)
class ConvTranspose(Convolution):
    """A transposed convolution, with the parameters of :class:`Convolution` and ``output_padding``.

    >>> ConvTranspose(64, 32, (3, 3), stride=2, padding=1, output_padding=1).sizes((1, 64, 7, 7))
    (1, 32, 14, 14)
    """

    output_padding: Any = 0

    name: ClassVar[str] = "conv_transpose"
    domains: ClassVar[Domains] = {**Convolution.domains, "output_padding": COUNT_PER_AXIS}

    def positions(self, spatial: Sizes) -> Sizes:
        """What a convolution with these parameters would take to this input.

        >>> ConvTranspose(8, 3, (3, 5), stride=2).positions((4, 3))
        (9, 9)
        """
        more = {"output_padding": self.output_padding, **self.window}
        return tuple(conv_transpose_output_size(spatial, self.kernel_size, **more))

    def padded(self, source: Sizes, output: Sizes) -> Sizes:
        """The output.

        >>> ConvTranspose(8, 3, (3, 3)).padded((1, 8, 7, 7), (1, 3, 9, 9))
        (1, 3, 9, 9)
        """
        return output

    def access(self, kernel_size: int, *, stride: int, dilation: int, padding: int) -> Field:
        """A position reads those in whose windows it lies: in phases, where the stride is not 1.

        >>> ConvTranspose(8, 3, (3, 3)).access(3, stride=2, dilation=1, padding=1).reads(3)
        Spans(1:3)
        """
        return Field.spread(kernel_size, stride=stride, dilation=dilation, padding=padding)

    def macs(self, spatial: Sizes, *, batch_size: Any) -> Any:
        """A product for every tap for every element of the input.

        >>> ConvTranspose(8, 3, (3, 3)).macs((7, 7), batch_size=1)
        10584
        """
        more = {"output_padding": self.output_padding, **self.channels, **self.window}
        return conv_transpose_macs(spatial, self.kernel_size, batch_size=batch_size, **more)

    def sums(self, source: Sizes, output: Sizes) -> Any:
        """Those that a tap reaches, the border that the padding takes away included.

        >>> ConvTranspose(8, 3, (3,), stride=4).sums((1, 8, 2), (1, 3, 7))  # positions 0 to 2 and 4 to 6 of 3 channels
        18
        """
        axes = len(self.kernel_size)
        window = zip(
            self.kernel_size, source[2:], per_axis(self.stride, axes), per_axis(self.dilation, axes), strict=True
        )
        return product([*output[:2], *(written_elements(k, n, s, d) for k, n, s, d in window)])


@dataclass(frozen=True)
class Linear(Operator):
    """A dense layer on the last dimension.

    >>> Linear(512, 10).sizes((1, 49, 512)), Linear(512, 10).params
    ((1, 49, 10), 5130)
    """

    in_features: int
    out_features: int
    bias: bool = True

    domains: ClassVar[Domains] = {"in_features": POSITIVE, "out_features": POSITIVE, "bias": FLAG}

    @property
    def params(self) -> int:
        """Weights and biases."""
        return int(linear_params(self.in_features, self.out_features, bias=self.bias))

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The last dimension becomes ``out_features``."""
        source = one(self, inputs)
        require_equal(self, "features", source[-1] if source else 0, self.in_features)
        return (*source[:-1], self.out_features)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """The last dimension is read whole; the others are in place."""
        return ((*((dimension, Field.same()) for dimension in range(len(output) - 1)), None),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """Every weight for every row."""
        macs = linear_macs(self.in_features, self.out_features, batch_size=product(output[:-1]))
        return Work(macs, product(output), product(output) if self.bias else 0)


@dataclass(frozen=True)
class MatMul(Operator):
    """A product of two matrices, or of stacks of them.

    >>> MatMul().sizes((8, 10, 64), (64, 10)), MatMul().work([(8, 10, 64), (64, 10)], (8, 10, 10)).macs
    ((8, 10, 10), 51200)
    """

    def sizes(self, *inputs: Sizes) -> Sizes:
        """Rows of the first and columns of the second; the dimensions before them are stacked."""
        if len(inputs) != 2 or min(map(len, inputs)) < 2:
            raise DomainError("inputs", inputs, "matmul needs two inputs of at least two dimensions")
        first, second = inputs
        require_equal(self, "rows of the second input", second[-2], first[-1])
        return (*broadcast(self, first[:-2], second[:-2]), first[-2], second[-1])

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Rows read rows and columns read columns; what is summed over is read whole."""
        found = []
        for number, source in enumerate(inputs):
            stacked = [stretched(source, output, dimension) for dimension in range(len(output) - 2)]
            kept = len(source) - 2 + number
            ends: list[tuple[int, Field] | None] = [None, None]
            ends[number] = (kept, Field.same())
            found.append((*stacked, *ends))
        return tuple(found)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """A product for every output and every element that is summed over."""
        return Work(product(output) * inputs[0][-1], product(output))
