"""Patches by loops: ``unfold`` copies every window into a column, ``fold`` adds the columns back where they came from.

Columns have the shape (N, C * product of kernel_size, product of output_size), as in torch: channel before tap, taps
and windows in row-major order. Each function is the other's transpose, and so its gradient.
"""

from __future__ import annotations

from math import prod
from typing import Any, Unpack

import numpy as np

from ..axes import fold_axes, spatial_triples, window_axes
from ..options import IntOrAxes, PatchOptions, per_axis
from .arrays import ObjectArray, exact_array, layer_array, zeros


def unfold(x: Any, *, kernel_size: IntOrAxes, **options: Unpack[PatchOptions]) -> ObjectArray:
    """The windows of ``x`` as columns (im2col); an element outside the input is 0.

    >>> unfold([[[1, 2, 3]]], kernel_size=2, padding=((1, 0),)).tolist()
    [[[0, 1, 2], [1, 2, 3]]]
    """
    x = layer_array("x", x)
    kernel = per_axis("kernel_size", kernel_size, x.ndim - 2)
    axes = window_axes(x.shape[2:], kernel, **options)
    patches = zeros((*x.shape[:2], *kernel, *(axis.output_size for axis in axes)))
    for plane in np.ndindex(x.shape[:2]):
        for o, i, k in spatial_triples(axes):
            patches[plane + k + o] = x[plane + i]
    return patches.reshape(x.shape[0], x.shape[1] * prod(kernel), -1)


def fold(
    columns: Any,
    *,
    output_size: IntOrAxes,
    kernel_size: IntOrAxes,
    **options: Unpack[PatchOptions],
) -> ObjectArray:
    """Columns added where :func:`unfold` took them from, in an array of spatial shape ``output_size``.

    An int for ``output_size`` means one axis.

    >>> fold([[[1, 2], [10, 20]]], output_size=3, kernel_size=2).tolist()
    [[[1, 12, 20]]]
    """
    columns = exact_array("columns", columns)
    axes, shape = fold_axes(columns.shape, output_size, kernel_size, **options)
    patches = columns.reshape(shape)
    x = zeros((*shape[:2], *(axis.input_size for axis in axes)))
    for plane in np.ndindex(x.shape[:2]):
        for o, i, k in spatial_triples(axes):
            x[plane + i] += patches[plane + k + o]
    return x
