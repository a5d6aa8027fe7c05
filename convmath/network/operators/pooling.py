"""Pooling, adaptive pooling and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

from ...errors import DomainError
from ...formulas.padding import resolve_padding
from ...formulas.pooling import pool_output_size
from ..fields.field import Field
from ..fields.spans import Spans
from .base import Operator, Reads, Size, Sizes, Windowed, Work, one, product, split
from .convolution import per_axis


@dataclass(frozen=True)
class Pool(Windowed):
    """Maximum or average pooling, channel by channel.

    Attributes:
        how: ``"max"`` or ``"avg"``.
        kernel_size: elements of a window per axis.
        stride: elements between windows; None means ``kernel_size``.
        padding: in any form of :func:`convmath.resolve_padding`.
        dilation: elements between neighbouring taps.
        ceil_mode: whether a last window may go beyond the padded input.
    """

    how: str
    kernel_size: tuple[int, ...]
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    ceil_mode: bool = False

    @property
    def kind(self) -> str:
        """``max_pool2d`` and the like."""
        return f"{self.how}_pool{len(self.kernel_size)}d"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """A position for every window; channels are kept."""
        batch, channels, spatial = split(self, one(self, inputs), len(self.kernel_size))
        window = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        pooled = pool_output_size(tuple(spatial), self.kernel_size, ceil_mode=self.ceil_mode, **window)
        return (batch, channels, *pooled)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each axis through its window."""
        axes = len(self.kernel_size)
        stride = per_axis(self.kernel_size if self.stride is None else self.stride, axes)
        dilation = per_axis(self.dilation, axes)
        padding = resolve_padding(self.padding, inputs[0][2:], self.kernel_size, stride=stride, dilation=dilation)
        windows = [
            Field.window(k, stride=s, dilation=d, padding=lo)
            for k, s, d, (lo, _) in zip(self.kernel_size, stride, dilation, padding, strict=True)
        ]
        return (((0, Field.same()), (1, Field.same()), *((axis + 2, field) for axis, field in enumerate(windows))),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """For each output an operation less than its window has elements, and a division for an average."""
        each = product(self.kernel_size) - (0 if self.how == "avg" else 1)
        return Work(other=product(output) * each)


@dataclass(frozen=True)
class AdaptivePool(Windowed):
    """Pooling to a given output size, in windows that lie as evenly as they can; None keeps an axis as it is."""

    how: str
    output_size: tuple[Size | None, ...]

    @property
    def kind(self) -> str:
        """``adaptive_avg_pool2d`` and the like."""
        return f"adaptive_{self.how}_pool{len(self.output_size)}d"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes."""
        batch, channels, spatial = split(self, one(self, inputs), len(self.output_size))
        wanted = (n if size is None else size for n, size in zip(spatial, self.output_size, strict=True))
        return (batch, channels, *wanted)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Position o reads from floor(o*n/m) up to ceil((o + 1)*n/m)."""
        axes = [(axis, adaptive(inputs[0][axis], output[axis])) for axis in range(2, len(output))]
        return (((0, Field.same()), (1, Field.same()), *axes),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """For each output an operation less than its window has elements, and a division for an average.

        Windows overlap by one element wherever one begins within an element, so that the windows of an axis from n
        elements to m positions have n + m - gcd(n, m) elements together.
        """
        axes = zip(inputs[0][2:], output[2:], strict=True)
        taken = product(output[:2]) * product([n + m - gcd(n, m) for n, m in axes])
        return Work(other=taken if self.how == "avg" else taken - product(output))


def adaptive(size: int, windows: int) -> Field:
    """The windows of adaptive pooling from ``size`` elements to ``windows`` positions.

    >>> adaptive(5, 2).phases
    (Spans(0:3), Spans(2:5))
    """
    common = gcd(size, windows)
    return Field.sampled(
        windows // common,
        size // common,
        lambda o: Spans(((o * size // windows, -(-(o + 1) * size // windows)),)),
    )


@dataclass(frozen=True)
class Reduce(Operator):
    """A sum, mean or maximum over whole dimensions: global pooling, with ``keepdims``.

    Attributes: how: the name. dims: the dimensions, from 0. keepdims: whether they stay, with size 1.
    """

    how: str
    dims: tuple[int, ...]
    keepdims: bool = False

    @property
    def kind(self) -> str:
        """The name."""
        return self.how

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the other dimensions."""
        source = one(self, inputs)
        if any(not 0 <= dimension < len(source) for dimension in self.dims):
            raise DomainError("dims", self.dims, f"{self.how} needs dimensions of an input that has {len(source)}")
        kept = [1 if d in self.dims else n for d, n in enumerate(source) if self.keepdims or d not in self.dims]
        return tuple(kept)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """What is summed over is read whole."""
        source = inputs[0]
        return (
            tuple(
                (d, Field.whole(n) if d in self.dims else Field.same())
                for d, n in enumerate(source)
                if self.keepdims or d not in self.dims
            ),
        )

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """An operation for every element."""
        return Work(other=product(inputs[0]))
