"""The three contractions of a convolution as matrix products over patches, in any number type.

The patches of a block of images, or of a block of rows of one image, are copied out at a time, always to the same work
space, which stays small whatever the kernel. Blocks are no smaller than that, because the threads of a matrix product
wait for each other at its end. Nothing here guards against rounding: see :mod:`.arithmetic`.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from ..relation import Relation
from .arithmetic import Array
from .patches import add_patches, empty_cover, gather, output_size, uncover

BLOCK = 2**21  # elements of one block of patches


def correlate(x: Array, w: Array, relation: Relation) -> Array:
    """Sum of ``w[k] * x[i]`` for each output ``o``."""
    groups, f, c = _groups(relation)
    patches = gather(x.reshape(relation.batch, groups, c, *x.shape[2:]), relation.axes)
    matrix = w.reshape(groups, f, -1)
    y = np.empty(relation.y_shape, dtype=x.dtype)
    flat = y.reshape(relation.batch, groups, f, prod(y.shape[2:]))
    blocks, space = _blocks(relation, x.dtype)
    for images, rows, columns in blocks:
        np.matmul(matrix, _columns(patches, images, rows, space), out=flat[images, ..., columns])
    return y


def spread(dy: Array, w: Array, relation: Relation) -> Array:
    """Sum of ``w[k] * dy[o]`` for each input ``i``."""
    axes = relation.axes
    groups, f, c = _groups(relation)
    matrix = w.reshape(groups, f, -1).swapaxes(1, 2)
    kernel, windows = relation.w_shape[2:], output_size(axes)
    flat = dy.reshape(relation.batch, groups, f, prod(windows))
    covered = empty_cover((relation.batch, groups, c), axes, dy.dtype)
    blocks, space = _blocks(relation, dy.dtype)
    for images, rows, columns in blocks:
        block = flat[images, ..., columns]
        shape = (len(block), groups, matrix.shape[1], block.shape[3])
        patches = np.matmul(matrix, block, out=space[: prod(shape)].reshape(shape))
        patches = patches.reshape(len(block), groups, c, *kernel, -1, *windows[1:])
        below = (slice(None),) * 2 + (slice(rows.start * axes[0].stride, None),)
        add_patches(covered[images][(slice(None), *below)], patches, axes)
    return uncover(covered, axes).reshape(relation.x_shape)


def compare(x: Array, dy: Array, relation: Relation) -> Array:
    """Sum of ``x[i] * dy[o]`` for each weight ``k``."""
    groups, f, c = _groups(relation)
    patches = gather(x.reshape(relation.batch, groups, c, *x.shape[2:]), relation.axes)
    flat = dy.reshape(relation.batch, groups, f, prod(dy.shape[2:]))
    dw = np.zeros((groups, f, c * prod(relation.w_shape[2:])), dtype=x.dtype)
    blocks, space = _blocks(relation, x.dtype)
    for images, rows, columns in blocks:
        block = _columns(patches, images, rows, space)
        dw += np.matmul(flat[images, ..., columns], block.swapaxes(2, 3)).sum(axis=0)
    return dw.reshape(relation.w_shape)


def _groups(relation: Relation) -> tuple[int, int, int]:
    """Groups, output channels per group, input channels per group."""
    return relation.groups, relation.out_channels // relation.groups, relation.in_channels // relation.groups


def _columns(patches: Array, images: slice, rows: slice, space: Array) -> Array:
    """The patches of a block, copied out as matrices (images, groups, channels * taps, windows)."""
    ndim = (patches.ndim - 3) // 2
    block = patches[(images, *(slice(None),) * (2 + ndim), rows)]
    columns = space[: block.size].reshape(block.shape)
    np.copyto(columns, block)
    return columns.reshape(*block.shape[:2], prod(block.shape[2 : 3 + ndim]), -1)


def _blocks(relation: Relation, dtype: np.dtype[Any]) -> tuple[list[tuple[slice, slice, slice]], Array]:
    """Slices of the batch, of the first output axis and of the flattened output, block by block; room for one block."""
    rows, *rest = output_size(relation.axes)
    width = prod(rest)
    row = relation.in_channels * prod(relation.w_shape[2:]) * width
    images = max(1, min(relation.batch, BLOCK // (row * rows)))
    height = min(rows, max(1, BLOCK // row))
    blocks = [
        (slice(n, n + images), slice(top, top + height), slice(top * width, (top + height) * width))
        for n in range(0, relation.batch, images)
        for top in range(0, rows, height)
    ]
    return blocks, np.empty(images * height * row, dtype=dtype)
