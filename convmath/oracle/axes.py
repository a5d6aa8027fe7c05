"""The access relation of a layer: which input element meets which kernel tap for which output element.

Along one axis output ``o`` reads input ``i`` through tap ``k`` when

    i = stride*o + dilation*k - lo,    0 <= o < output_size,  0 <= i < input_size,  0 <= k < kernel_size.

Everything a layer computes is a sum over these triples. Positions outside the input are in no triple, so padding adds
nothing; negative padding crops, because the windows then start inside the input and end before its end. The right
padding enters through the number of windows alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Unpack

from ..errors import DomainError
from .options import Index, IntOrAxes, Padding, PatchOptions, padding_pairs, per_axis, required_shape


@dataclass(frozen=True)
class Axis:
    """The access relation of one spatial axis; all sizes in elements.

    >>> list(Axis(input_size=3, output_size=2, kernel_size=2, stride=2, dilation=1, lo=1, hi=0).triples())
    [(0, 0, 1), (1, 1, 0), (1, 2, 1)]
    """

    input_size: int
    output_size: int
    kernel_size: int
    stride: int
    dilation: int
    lo: int
    hi: int

    def triples(self) -> Iterator[tuple[int, int, int]]:
        """Every (o, i, k) of the relation, by output and then by tap."""
        for o in range(self.output_size):
            for k in range(self.kernel_size):
                i = self.stride * o + self.dilation * k - self.lo
                if 0 <= i < self.input_size:
                    yield o, i, k

    def padded_taps(self, o: int) -> int:
        """How many taps of window ``o`` lie in the padded input: all, unless the window hangs over its end."""
        positions = (self.stride * o + self.dilation * k - self.lo for k in range(self.kernel_size))
        return sum(-self.lo <= i < self.input_size + self.hi for i in positions)


@dataclass(frozen=True)
class AdaptiveAxis:
    """The access relation of adaptive pooling along one axis: both sides divide the same length into equal cells.

    Output ``o`` reads input ``i`` when the cells [o, o+1)/output_size and [i, i+1)/input_size overlap; ``k`` counts the
    elements of a window.

    >>> list(AdaptiveAxis(input_size=3, output_size=2).triples())
    [(0, 0, 0), (0, 1, 1), (1, 1, 0), (1, 2, 1)]
    """

    input_size: int
    output_size: int

    def window(self, o: int) -> list[int]:
        """The inputs of output ``o``."""
        n, m = self.input_size, self.output_size
        return [i for i in range(n) if i * m < (o + 1) * n and o * n < (i + 1) * m]

    def padded_taps(self, o: int) -> int:
        """How many inputs output ``o`` has: there is no padding."""
        return len(self.window(o))

    def triples(self) -> Iterator[tuple[int, int, int]]:
        """Every (o, i, k) of the relation, by output and then by input."""
        for o in range(self.output_size):
            for k, i in enumerate(self.window(o)):
                yield o, i, k


def spatial_triples(axes: Sequence[Axis | AdaptiveAxis]) -> Iterator[tuple[Index, Index, Index]]:
    """Every (o, i, k) of all axes together, each an index with one entry per axis.

    >>> list(spatial_triples([AdaptiveAxis(1, 1), AdaptiveAxis(2, 1)]))
    [((0, 0), (0, 0), (0, 0)), ((0, 0), (0, 1), (0, 1))]
    """
    for steps in product(*(axis.triples() for axis in axes)):
        o, i, k = zip(*steps, strict=True)
        yield o, i, k


def window_axes(
    input_size: Index,
    kernel_size: Index,
    *,
    stride: IntOrAxes = 1,
    padding: Padding = 0,
    dilation: IntOrAxes = 1,
    ceil_mode: bool = False,
) -> tuple[Axis, ...]:
    """One axis per spatial dimension, with an output for each window; DomainError where an axis has none.

    A window must lie in the padded input. With ``ceil_mode`` it may hang over the end by less than a stride, if it does
    not start in the right padding.

    >>> [axis.output_size for axis in window_axes((7, 7), (2, 2), stride=2, ceil_mode=True)]
    [4, 4]
    """
    ndim = len(input_size)
    strides, dilations = per_axis("stride", stride, ndim), per_axis("dilation", dilation, ndim)
    axes = []
    for axis, (n, k, s, (lo, hi), d) in enumerate(
        zip(input_size, kernel_size, strides, padding_pairs(padding, ndim), dilations, strict=True)
    ):
        span = d * (k - 1) + 1
        stop = n + hi - span + 1
        starts = range(-lo, min(stop + s - 1, n) if ceil_mode else stop, s)
        if not starts:
            raise DomainError(
                "kernel_size",
                k,
                f"with dilation={d} spans {span} elements, but axis {axis} has {n} + {lo} + {hi} after padding "
                "(needs input + padding >= dilation*(kernel_size-1) + 1)",
            )
        axes.append(Axis(n, len(starts), k, s, d, lo, hi))
    return tuple(axes)


def transposed_axes(
    input_size: Index,
    kernel_size: Index,
    *,
    stride: IntOrAxes,
    padding: Padding,
    output_padding: IntOrAxes,
    dilation: IntOrAxes,
) -> tuple[Axis, ...]:
    """One axis per spatial dimension of a transposed convolution, whose input is each axis's output.

    The size is how far the windows reach, less the padding, plus ``output_padding``; DomainError where that is nothing.

    >>> [axis.input_size for axis in transposed_axes((3,), (3,), stride=2, padding=1, output_padding=1, dilation=1)]
    [6]
    """
    ndim = len(input_size)
    strides, dilations = per_axis("stride", stride, ndim), per_axis("dilation", dilation, ndim)
    pads, extras = padding_pairs(padding, ndim), per_axis("output_padding", output_padding, ndim, least=0)
    axes = []
    for axis, (o, k, s, (lo, hi), extra, d) in enumerate(
        zip(input_size, kernel_size, strides, pads, extras, dilations, strict=True)
    ):
        if extra >= max(s, d):
            raise DomainError(
                "output_padding", extra, f"on axis {axis} needs output_padding < max(stride, dilation) = {max(s, d)}"
            )
        reached = s * (o - 1) + d * (k - 1) + 1
        size = reached - lo - hi + extra
        if size < 1:
            raise DomainError(
                "padding",
                (lo, hi),
                f"leaves {reached} - {lo} - {hi} + {extra} = {size} elements of axis {axis} (needs at least 1)",
            )
        axes.append(Axis(size, o, k, s, d, lo, hi))
    return tuple(axes)


def pool_axes(
    input_size: Index,
    *,
    kernel_size: IntOrAxes,
    stride: IntOrAxes | None = None,
    padding: Padding = 0,
    dilation: IntOrAxes = 1,
    ceil_mode: bool = False,
) -> tuple[Axis, ...]:
    """One axis per spatial dimension of a pooling layer; the stride is the kernel size unless given.

    >>> [axis.output_size for axis in pool_axes((5,), kernel_size=3, padding=1)]
    [2]
    """
    ndim = len(input_size)
    kernel = per_axis("kernel_size", kernel_size, ndim)
    for pads, k, d in zip(padding_pairs(padding, ndim), kernel, per_axis("dilation", dilation, ndim), strict=True):
        if min(pads) < 0 or max(pads) > d * (k - 1):
            raise DomainError("padding", pads, f"needs 0 <= padding < dilation*(kernel_size-1) + 1 = {d * (k - 1) + 1}")
    return window_axes(
        input_size,
        kernel,
        stride=kernel if stride is None else stride,
        padding=padding,
        dilation=dilation,
        ceil_mode=ceil_mode,
    )


def adaptive_axes(input_size: Index, output_size: IntOrAxes) -> tuple[AdaptiveAxis, ...]:
    """One axis per spatial dimension of an adaptive pooling layer.

    >>> adaptive_axes((5, 7), 2)
    (AdaptiveAxis(input_size=5, output_size=2), AdaptiveAxis(input_size=7, output_size=2))
    """
    outputs = per_axis("output_size", output_size, len(input_size))
    return tuple(AdaptiveAxis(n, m) for n, m in zip(input_size, outputs, strict=True))


def fold_axes(
    columns_shape: Index, output_size: IntOrAxes, kernel_size: IntOrAxes, **options: Unpack[PatchOptions]
) -> tuple[tuple[Axis, ...], Index]:
    """The axes of the windows that columns (N, C * taps, windows) were taken from, and the shape (N, C, *k, *o) of it.

    >>> fold_axes((1, 4, 2), 3, 2)[1]
    (1, 2, 2, 2)
    """
    if len(columns_shape) != 3:
        raise DomainError("columns", columns_shape, "needs a shape of batch, channels * taps and windows")
    size = per_axis("output_size", output_size, len(output_size) if isinstance(output_size, Sequence) else 1)
    kernel = per_axis("kernel_size", kernel_size, len(size))
    axes = window_axes(size, kernel, **options)
    windows = tuple(axis.output_size for axis in axes)
    channels = columns_shape[1] // prod(kernel)
    required_shape("columns", columns_shape, (columns_shape[0], channels * prod(kernel), prod(windows)))
    return axes, (columns_shape[0], channels, *kernel, *windows)


def empty_window(axes: Sequence[Axis | AdaptiveAxis], o: Index) -> DomainError:
    """The error that window ``o`` has no element of the input, to be raised.

    >>> print(empty_window(window_axes((1,), (2,), padding=1, dilation=2), (0,)))
    padding=((1, 1),): leaves window (0,) without an element of the input
    """
    pads = tuple((axis.lo, axis.hi) for axis in axes if isinstance(axis, Axis))
    return DomainError("padding", pads, f"leaves window {o} without an element of the input")
