"""Patches: the elements of every window side by side, as a view without copying, and their sum back into the input.

An array (..., *input_size) has the patches (..., *kernel_size, *output_size).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any, Unpack

import numpy as np
from numpy.lib.stride_tricks import as_strided

from ..axes import AdaptiveAxis, Axis, fold_axes, window_axes
from ..options import Index, IntOrAxes, PatchOptions, per_axis
from .arithmetic import INT64_LIMIT, Array, exact_numbers, layer_numbers, peak


def unfold(x: Any, *, kernel_size: IntOrAxes, **options: Unpack[PatchOptions]) -> Array:
    """The windows of ``x`` as columns (im2col); an element outside the input is 0.

    >>> unfold([[[1, 2, 3]]], kernel_size=2, padding=((1, 0),)).tolist()
    [[[0, 1, 2], [1, 2, 3]]]
    """
    x = layer_numbers("x", x)
    kernel = per_axis("kernel_size", kernel_size, x.ndim - 2)
    patches = gather(x, window_axes(x.shape[2:], kernel, **options))
    return patches.reshape(x.shape[0], x.shape[1] * prod(kernel), -1)


def fold(columns: Any, *, output_size: IntOrAxes, kernel_size: IntOrAxes, **options: Unpack[PatchOptions]) -> Array:
    """Columns added where :func:`unfold` took them from, in an array of spatial shape ``output_size``.

    An int for ``output_size`` means one axis.

    >>> fold([[[1, 2], [10, 20]]], output_size=3, kernel_size=2).tolist()
    [[[1, 12, 20]]]
    """
    columns = exact_numbers("columns", columns)
    axes, shape = fold_axes(columns.shape, output_size, kernel_size, **options)
    if columns.dtype == np.int64 and peak(columns) * prod(axis.kernel_size for axis in axes) >= INT64_LIMIT:
        columns = columns.astype(object)
    return scatter(columns.reshape(shape), axes)


def gather(x: Array, axes: Sequence[Axis]) -> Array:
    """The patches of ``x``, 0 outside the input; a view that must not be written to."""
    padded = fit(x, axes)
    lead = padded.ndim - len(axes)
    steps = padded.strides[lead:]
    return as_strided(
        padded,
        shape=(*x.shape[:lead], *kernel_size(axes), *output_size(axes)),
        strides=(
            *padded.strides[:lead],
            *(axis.dilation * step for axis, step in zip(axes, steps, strict=True)),
            *(axis.stride * step for axis, step in zip(axes, steps, strict=True)),
        ),
        writeable=False,
    )


def scatter(patches: Array, axes: Sequence[Axis]) -> Array:
    """The sum of the patches at the places that :func:`gather` takes them from."""
    covered = empty_cover(patches.shape[: patches.ndim - 2 * len(axes)], axes, patches.dtype)
    add_patches(covered, patches, axes)
    return uncover(covered, axes)


def fit(x: Array, axes: Sequence[Axis]) -> Array:
    """``x`` padded with zeros, or cropped, to what the windows cover."""
    if _covered(x.shape[-len(axes) :], axes):
        return x
    inside, target = _overlap(axes)
    covered = empty_cover(x.shape[: x.ndim - len(axes)], axes, x.dtype)
    covered[target] = x[inside]
    return covered


def uncover(covered: Array, axes: Sequence[Axis]) -> Array:
    """The part of what the windows cover that lies in the input; inputs that they do not cover are 0."""
    size = tuple(axis.input_size for axis in axes)
    if _covered(size, axes):
        return covered
    inside, target = _overlap(axes)
    x = np.zeros(covered.shape[: covered.ndim - len(axes)] + size, dtype=covered.dtype)
    x[inside] = covered[target]
    return x


def empty_cover(lead: Index, axes: Sequence[Axis], dtype: np.dtype[Any]) -> Array:
    """Zeros of the size that the windows cover."""
    return np.zeros(lead + cover_size(axes), dtype=dtype)


def add_patches(covered: Array, patches: Array, axes: Sequence[Axis]) -> None:
    """Add the patches of the first windows into ``covered``, tap by tap: one tap meets no element twice."""
    windows = patches.shape[-len(axes) :]
    everywhere = (slice(None),) * len(axes)
    for taps in np.ndindex(*kernel_size(axes)):
        places: list[Any] = [...]
        for axis, k, count in zip(axes, taps, windows, strict=True):
            start = axis.dilation * k
            places.append(slice(start, start + axis.stride * (count - 1) + 1, axis.stride))
        covered[tuple(places)] += patches[(..., *taps, *everywhere)]


def kernel_size(axes: Sequence[Axis]) -> Index:
    """Taps per axis."""
    return tuple(axis.kernel_size for axis in axes)


def output_size(axes: Sequence[Axis | AdaptiveAxis]) -> Index:
    """Windows per axis."""
    return tuple(axis.output_size for axis in axes)


def cover_size(axes: Sequence[Axis]) -> Index:
    """Elements per axis from the start of the first window to the end of the last."""
    return tuple(axis.stride * (axis.output_size - 1) + axis.dilation * (axis.kernel_size - 1) + 1 for axis in axes)


def _covered(size: Index, axes: Sequence[Axis]) -> bool:
    """Whether the windows cover the input, no more and no less."""
    return size == cover_size(axes) and not any(axis.lo for axis in axes)


def _overlap(axes: Sequence[Axis]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Where the input and what the windows cover meet: as an index into each."""
    inside: list[Any] = [...]
    target: list[Any] = [...]
    for axis, cover in zip(axes, cover_size(axes), strict=True):
        start = max(0, -axis.lo)
        stop = max(start, min(axis.input_size, cover - axis.lo))
        inside.append(slice(start, stop))
        target.append(slice(start + axis.lo, stop + axis.lo))
    return tuple(inside), tuple(target)
