"""Pooling and its gradients: fast, and exact for every finite input.

The functions, their rules and options are those of :mod:`convmath.oracle.reference`. A maximum keeps the type of its
input; sums and means are int64, or object arrays of Python ints or Fractions where int64 may not hold them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from math import lcm, prod
from typing import Any, TypeAlias, Unpack

import numpy as np

from ..axes import AdaptiveAxis, Axis, adaptive_axes, empty_window, pool_axes
from ..options import IntOrAxes, PoolOptions, integer, per_axis, required_shape
from .arithmetic import INT64_LIMIT, Array, layer_numbers, peak, quotient
from .patches import gather, kernel_size, output_size, scatter

Axes: TypeAlias = Sequence[Axis | AdaptiveAxis]


def max_pool(x: Any, **options: Unpack[PoolOptions]) -> Array:
    """The largest element of each window.

    >>> max_pool([[[3, 2, 0, 1, 7]]], kernel_size=2, ceil_mode=True).tolist()
    [[[3, 1, 7]]]
    """
    x = layer_numbers("x", x)
    return _largest(x, pool_axes(x.shape[2:], **options))[0]


def max_pool_indices(x: Any, **options: Unpack[PoolOptions]) -> Array:
    """Where each largest element stands: its row-major position in its own channel, as torch counts.

    >>> max_pool_indices([[[3, 3, 0, 1, 7]]], kernel_size=2, ceil_mode=True).tolist()
    [[[0, 3, 4]]]
    """
    x = layer_numbers("x", x)
    return _largest(x, pool_axes(x.shape[2:], **options))[1]


def max_pool_grad_input(grad_output: Any, x: Any, **options: Unpack[PoolOptions]) -> Array:
    """Gradient of maximum pooling at ``x``: each output's gradient goes to the element that was the largest.

    >>> max_pool_grad_input([[[10, 20]]], [[[3, 5, 1]]], kernel_size=2, stride=1).tolist()
    [[[0, 30, 0]]]
    """
    dy, x = layer_numbers("grad_output", grad_output), layer_numbers("x", x)
    return _to_largest(dy, x, pool_axes(x.shape[2:], **options))


def avg_pool(
    x: Any,
    *,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    **options: Unpack[PoolOptions],
) -> Array:
    """The mean element of each window.

    >>> avg_pool([[[2, 4, 6]]], kernel_size=2, stride=1).tolist()
    [[[3, 5]]]
    """
    x = layer_numbers("x", x)
    axes = pool_axes(x.shape[2:], **options)
    return _mean(x, axes, window_divisors(axes, count_include_pad, divisor_override))


def avg_pool_grad_input(
    grad_output: Any,
    *,
    input_size: IntOrAxes,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
    **options: Unpack[PoolOptions],
) -> Array:
    """Gradient of average pooling: each output's gradient is shared out among the elements of its window.

    >>> avg_pool_grad_input([[[2, 4]]], input_size=3, kernel_size=2, stride=1).tolist()
    [[[1, 3, 2]]]
    """
    dy = layer_numbers("grad_output", grad_output)
    axes = pool_axes(per_axis("input_size", input_size, dy.ndim - 2), **options)
    return _share_out(dy, axes, window_divisors(axes, count_include_pad, divisor_override))


def adaptive_max_pool(x: Any, *, output_size: IntOrAxes) -> Array:
    """The largest element of each of ``output_size`` windows that divide the input evenly.

    >>> adaptive_max_pool([[[1, 5, 2]]], output_size=2).tolist()
    [[[5, 5]]]
    """
    x = layer_numbers("x", x)
    return _largest(x, adaptive_axes(x.shape[2:], output_size))[0]


def adaptive_max_pool_indices(x: Any, *, output_size: IntOrAxes) -> Array:
    """Where each largest element stands: its row-major position in its own channel.

    >>> adaptive_max_pool_indices([[[1, 5, 2]]], output_size=2).tolist()
    [[[1, 1]]]
    """
    x = layer_numbers("x", x)
    return _largest(x, adaptive_axes(x.shape[2:], output_size))[1]


def adaptive_max_pool_grad_input(grad_output: Any, x: Any) -> Array:
    """Gradient of adaptive maximum pooling at ``x``.

    >>> adaptive_max_pool_grad_input([[[10, 20]]], [[[1, 5, 2]]]).tolist()
    [[[0, 30, 0]]]
    """
    dy, x = layer_numbers("grad_output", grad_output), layer_numbers("x", x)
    return _to_largest(dy, x, adaptive_axes(x.shape[2:], dy.shape[2:]))


def adaptive_avg_pool(x: Any, *, output_size: IntOrAxes) -> Array:
    """The mean of each of ``output_size`` windows that divide the input evenly.

    >>> adaptive_avg_pool([[[1, 5, 3]]], output_size=2).tolist()
    [[[3, 4]]]
    """
    x = layer_numbers("x", x)
    axes = adaptive_axes(x.shape[2:], output_size)
    return _mean(x, axes, window_divisors(axes))


def adaptive_avg_pool_grad_input(grad_output: Any, *, input_size: IntOrAxes) -> Array:
    """Gradient of adaptive average pooling of an input of spatial shape ``input_size``.

    >>> adaptive_avg_pool_grad_input([[[2, 4]]], input_size=3).tolist()
    [[[1, 3, 2]]]
    """
    dy = layer_numbers("grad_output", grad_output)
    axes = adaptive_axes(per_axis("input_size", input_size, dy.ndim - 2), dy.shape[2:])
    return _share_out(dy, axes, window_divisors(axes))


def _tables(axes: Axes) -> list[Array]:
    """Per axis the input of each tap and output, -1 where there is none."""
    tables = []
    for axis in axes:
        triples = np.array(list(axis.triples()), dtype=np.int64).reshape(-1, 3)
        taps = axis.kernel_size if isinstance(axis, Axis) else int(triples[:, 2].max()) + 1
        table = np.full((taps, axis.output_size), -1)
        table[triples[:, 2], triples[:, 0]] = triples[:, 1]
        tables.append(table)
    return tables


def _taps(x: Array, axes: Axes) -> Iterator[tuple[Array, Array]]:
    """Tap by tap, what each output reads and where in its channel that stands: -1 for what is outside the input."""
    patches = gather(x, regular) if (regular := _regular(axes)) else None
    tables = _tables(axes)
    for taps in np.ndindex(*(len(table) for table in tables)):
        index = np.ix_(*(table[k] for table, k in zip(tables, taps, strict=True)))
        position, inside = np.zeros((), dtype=np.int64), np.ones((), dtype=bool)
        for axis, i in zip(axes, index, strict=True):
            position, inside = position * axis.input_size + i, inside & (i >= 0)
        value = x[(..., *index)] if patches is None else patches[(..., *taps, *(slice(None) for _ in axes))]
        yield value, np.where(inside, position, -1)


def _largest(x: Array, axes: Axes) -> tuple[Array, Array]:
    """The first largest element of each window, and its position."""
    best = np.zeros(x.shape[:2] + output_size(axes), dtype=x.dtype)
    where = np.full(best.shape, -1)
    for value, position in _taps(x, axes):
        better = (position >= 0) & ((where < 0) | (value > best))
        np.copyto(best, value, where=better)
        np.copyto(where, position, where=better)
    for empty in np.argwhere(where < 0):
        raise empty_window(axes, tuple(empty[2:].tolist()))
    return best, where


def _to_largest(dy: Array, x: Array, axes: Axes) -> Array:
    _, where = _largest(x, axes)
    required_shape("grad_output", dy.shape, where.shape)
    dx = np.zeros((prod(x.shape[:2]), prod(x.shape[2:])), dtype=_sum_type(dy, prod(dy.shape[2:])))
    planes = np.arange(len(dx))[:, np.newaxis]
    np.add.at(dx, (planes, where.reshape(len(dx), -1)), dy.reshape(len(dx), -1))
    return dx.reshape(x.shape)


def _mean(x: Array, axes: Axes, divisors: Array) -> Array:
    taps = prod(len(table) for table in _tables(axes))
    y = np.zeros(x.shape[:2] + divisors.shape, dtype=_sum_type(x, taps))
    for value, position in _taps(x, axes):
        np.add(y, value, out=y, where=position >= 0)
    return quotient(y, divisors)


def _share_out(dy: Array, axes: Axes, divisors: Array) -> Array:
    required_shape("grad_output", dy.shape, dy.shape[:2] + divisors.shape)
    common = lcm(*divisors.ravel().tolist())
    shares = dy.astype(_sum_type(dy, common * divisors.size)) * (common // divisors)
    return quotient(_add_to_windows(shares, axes), common)


def _add_to_windows(shares: Array, axes: Axes) -> Array:
    """Each output's share added to every input in its window."""
    if regular := _regular(axes):
        taps, windows = kernel_size(regular), output_size(regular)
        single = shares.reshape(*shares.shape[:2], *(1 for _ in taps), *windows)
        return scatter(np.broadcast_to(single, (*shares.shape[:2], *taps, *windows)), regular)
    size = tuple(axis.input_size for axis in axes)
    dx = np.zeros((prod(shares.shape[:2]), prod(size)), dtype=shares.dtype)
    planes = np.arange(len(dx))[:, np.newaxis]
    for _, position in _taps(np.zeros((1, 1, *size)), axes):
        inside = position >= 0
        np.add.at(dx, (planes, position[inside]), shares[..., inside].reshape(len(dx), -1))
    return dx.reshape(*shares.shape[:2], *size)


def window_divisors(axes: Axes, count_include_pad: bool = True, divisor_override: int | None = None) -> Array:
    """What each window's sum is divided by."""
    if divisor_override is not None:
        return np.full(output_size(axes), integer("divisor_override", divisor_override, least=1))
    counts = [
        [axis.padded_taps(o) for o in range(axis.output_size)] if count_include_pad else (table >= 0).sum(axis=0)
        for axis, table in zip(axes, _tables(axes), strict=True)
    ]
    divisors: Array = reduce(np.multiply.outer, map(np.asarray, counts))
    for empty in np.argwhere(divisors == 0):
        raise empty_window(axes, tuple(empty.tolist()))
    return divisors


def _sum_type(array: Array, terms: int) -> np.dtype[Any]:
    """int64 where a sum of so many elements fits, else object."""
    fits = array.dtype == np.int64 and peak(array) * terms < INT64_LIMIT
    return np.dtype(np.int64 if fits else object)


def _regular(axes: Axes) -> tuple[Axis, ...]:
    return tuple(axis for axis in axes if isinstance(axis, Axis))
