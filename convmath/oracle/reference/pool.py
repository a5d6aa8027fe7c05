"""Pooling by loops: the largest or the mean element of each window, and where a gradient flows back to.

The rules are those of torch and of ONNX: padding takes no part in a maximum; ties go to the first element in row-major
order; ``ceil_mode`` admits a window that hangs over the end, unless it starts in the right padding; a mean divides by
the number of taps in the padded input (``count_include_pad``) or in the input, or by ``divisor_override``. The defaults
are torch's: a stride of ``kernel_size`` and ``count_include_pad``; ONNX has stride 1 and leaves padding out.

The windows' options are ``kernel_size``, ``stride``, ``padding``, ``dilation`` and ``ceil_mode``: an int, or one per
axis; ``padding`` may be a pair (lo, hi) per axis. Arrays are (N, C, *size), nested lists or arrays of ints, Fractions
or floats but NaN. Results are object arrays; the mean of ints is a Fraction. A window with no element of the input has
no maximum, and no mean unless something else counts: DomainError.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import prod
from typing import Any, TypeAlias, Unpack

import numpy as np

from ..axes import AdaptiveAxis, Axis, adaptive_axes, empty_window, pool_axes, spatial_triples
from ..options import Index, IntOrAxes, PoolOptions, integer, per_axis, required_shape
from .arrays import ObjectArray, layer_array, zeros

Axes: TypeAlias = Sequence[Axis | AdaptiveAxis]


def max_pool(x: Any, **options: Unpack[PoolOptions]) -> ObjectArray:
    """The largest element of each window.

    >>> max_pool([[[3, 2, 0, 1, 7]]], kernel_size=2, ceil_mode=True).tolist()
    [[[3, 1, 7]]]
    """
    x = layer_array("x", x)
    return _max(x, pool_axes(x.shape[2:], **options))


def max_pool_indices(x: Any, **options: Unpack[PoolOptions]) -> ObjectArray:
    """Where each largest element stands: its row-major position in its own channel, as torch counts.

    >>> max_pool_indices([[[3, 3, 0, 1, 7]]], kernel_size=2, ceil_mode=True).tolist()
    [[[0, 3, 4]]]
    """
    x = layer_array("x", x)
    return _max_indices(x, pool_axes(x.shape[2:], **options))


def max_pool_grad_input(grad_output: Any, x: Any, **options: Unpack[PoolOptions]) -> ObjectArray:
    """Gradient of maximum pooling at ``x``: each output's gradient goes to the element that was the largest.

    >>> max_pool_grad_input([[[10, 20]]], [[[3, 5, 1]]], kernel_size=2, stride=1).tolist()
    [[[0, 30, 0]]]
    """
    x = layer_array("x", x)
    return _max_grad(grad_output, x, pool_axes(x.shape[2:], **options))


def avg_pool(
    x: Any,
    *,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    **options: Unpack[PoolOptions],
) -> ObjectArray:
    """The mean element of each window.

    >>> avg_pool([[[2, 1, 5]]], kernel_size=2, padding=((1, 0),), count_include_pad=False).tolist()
    [[[Fraction(2, 1), Fraction(3, 1)]]]
    """
    x = layer_array("x", x)
    axes = pool_axes(x.shape[2:], **options)
    return _mean(x, axes, count_include_pad, divisor_override)


def avg_pool_grad_input(
    grad_output: Any,
    *,
    input_size: IntOrAxes,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    **options: Unpack[PoolOptions],
) -> ObjectArray:
    """Gradient of average pooling: each output's gradient is shared out among the elements of its window.

    >>> avg_pool_grad_input([[[2, 4]]], input_size=3, kernel_size=2, stride=1).tolist()
    [[[Fraction(1, 1), Fraction(3, 1), Fraction(2, 1)]]]
    """
    dy = layer_array("grad_output", grad_output)
    size = per_axis("input_size", input_size, dy.ndim - 2)
    axes = pool_axes(size, **options)
    return _mean_grad(dy, axes, count_include_pad, divisor_override)


def adaptive_max_pool(x: Any, *, output_size: IntOrAxes) -> ObjectArray:
    """The largest element of each of ``output_size`` windows that divide the input evenly.

    >>> adaptive_max_pool([[[1, 5, 2]]], output_size=2).tolist()
    [[[5, 5]]]
    """
    x = layer_array("x", x)
    return _max(x, adaptive_axes(x.shape[2:], output_size))


def adaptive_max_pool_indices(x: Any, *, output_size: IntOrAxes) -> ObjectArray:
    """Where each largest element stands: its row-major position in its own channel.

    >>> adaptive_max_pool_indices([[[1, 5, 2]]], output_size=2).tolist()
    [[[1, 1]]]
    """
    x = layer_array("x", x)
    return _max_indices(x, adaptive_axes(x.shape[2:], output_size))


def adaptive_max_pool_grad_input(grad_output: Any, x: Any) -> ObjectArray:
    """Gradient of adaptive maximum pooling at ``x``.

    >>> adaptive_max_pool_grad_input([[[10, 20]]], [[[1, 5, 2]]]).tolist()
    [[[0, 30, 0]]]
    """
    dy, x = layer_array("grad_output", grad_output), layer_array("x", x)
    required_shape("grad_output", dy.shape[:2], x.shape[:2])
    return _max_grad(dy, x, adaptive_axes(x.shape[2:], dy.shape[2:]))


def adaptive_avg_pool(x: Any, *, output_size: IntOrAxes) -> ObjectArray:
    """The mean of each of ``output_size`` windows that divide the input evenly.

    >>> adaptive_avg_pool([[[1, 5, 3]]], output_size=2).tolist()
    [[[Fraction(3, 1), Fraction(4, 1)]]]
    """
    x = layer_array("x", x)
    return _mean(x, adaptive_axes(x.shape[2:], output_size))


def adaptive_avg_pool_grad_input(grad_output: Any, *, input_size: IntOrAxes) -> ObjectArray:
    """Gradient of adaptive average pooling of an input of spatial shape ``input_size``.

    >>> adaptive_avg_pool_grad_input([[[2, 4]]], input_size=3).tolist()
    [[[Fraction(1, 1), Fraction(3, 1), Fraction(2, 1)]]]
    """
    dy = layer_array("grad_output", grad_output)
    size = per_axis("input_size", input_size, dy.ndim - 2)
    return _mean_grad(dy, adaptive_axes(size, dy.shape[2:]))


def _windows(axes: Axes) -> dict[Index, list[Index]]:
    """The input elements of each output's window, in row-major order."""
    windows: dict[Index, list[Index]] = {o: [] for o in np.ndindex(_output_size(axes))}
    for o, i, _ in spatial_triples(axes):
        windows[o].append(i)
    return windows


def _winners(x: ObjectArray, axes: Axes) -> Iterator[tuple[Index, Index]]:
    """Each output's index, and that of the first largest element in its window."""
    windows = _windows(axes)
    for plane in np.ndindex(x.shape[:2]):
        for o, window in windows.items():
            if not window:
                raise empty_window(axes, o)
            yield plane + o, max((plane + i for i in window), key=x.__getitem__)


def _max(x: ObjectArray, axes: Axes) -> ObjectArray:
    y = zeros(x.shape[:2] + _output_size(axes))
    for o, i in _winners(x, axes):
        y[o] = x[i]
    return y


def _max_indices(x: ObjectArray, axes: Axes) -> ObjectArray:
    indices = zeros(x.shape[:2] + _output_size(axes))
    for o, i in _winners(x, axes):
        indices[o] = int(np.ravel_multi_index(i[2:], x.shape[2:]))
    return indices


def _max_grad(grad_output: Any, x: ObjectArray, axes: Axes) -> ObjectArray:
    dy = layer_array("grad_output", grad_output)
    required_shape("grad_output", dy.shape, x.shape[:2] + _output_size(axes))
    dx = zeros(x.shape)
    for o, i in _winners(x, axes):
        dx[i] += dy[o]
    return dx


def _mean(
    x: ObjectArray, axes: Axes, count_include_pad: bool = True, divisor_override: int | None = None
) -> ObjectArray:
    y = zeros(x.shape[:2] + _output_size(axes))
    for o, window in _windows(axes).items():
        divisor = _divisor(axes, o, window, count_include_pad, divisor_override)
        for plane in np.ndindex(x.shape[:2]):
            y[plane + o] = _divide(sum(x[plane + i] for i in window), divisor)
    return y


def _mean_grad(
    dy: ObjectArray, axes: Axes, count_include_pad: bool = True, divisor_override: int | None = None
) -> ObjectArray:
    required_shape("grad_output", dy.shape, dy.shape[:2] + _output_size(axes))
    dx = zeros(dy.shape[:2] + tuple(axis.input_size for axis in axes))
    for o, window in _windows(axes).items():
        divisor = _divisor(axes, o, window, count_include_pad, divisor_override)
        for plane in np.ndindex(dy.shape[:2]):
            share = _divide(dy[plane + o], divisor)
            for i in window:
                dx[plane + i] += share
    return dx


def _divisor(axes: Axes, o: Index, window: list[Index], count_include_pad: bool, divisor_override: int | None) -> int:
    if divisor_override is not None:
        return integer("divisor_override", divisor_override, least=1)
    if count_include_pad:
        return prod(axis.padded_taps(q) for axis, q in zip(axes, o, strict=True))
    if not window:
        raise empty_window(axes, o)
    return len(window)


def _divide(total: Any, divisor: int) -> Any:
    return Fraction(total, divisor) if isinstance(total, int) else total / divisor


def _output_size(axes: Axes) -> Index:
    return tuple(axis.output_size for axis in axes)
