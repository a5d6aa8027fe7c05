"""The three contractions of a convolution as matrix products over patches, in any number type.

The patches of a block of images, or of a block of rows of one image, are copied out at a time, so that the work space
stays small whatever the kernel. Nothing here guards against rounding: see :mod:`.arithmetic`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from ..relation import Relation
from .arithmetic import Array
from .patches import add_patches, empty_cover, gather, output_size, uncover

BLOCK = 2**19  # elements of one block of patches


def correlate(x: Array, w: Array, relation: Relation) -> Array:
    """Sum of ``w[k] * x[i]`` for each output ``o``."""
    groups, f, c = _groups(relation)
    patches = gather(x.reshape(relation.batch, groups, c, *x.shape[2:]), relation.axes)
    matrix = w.reshape(groups, f, -1)
    y = np.empty((relation.batch, groups, f, prod(output_size(relation.axes))), dtype=x.dtype)
    for images, rows, columns in _blocks(relation):
        block = _columns(patches, images, rows)
        np.matmul(matrix, block, out=y[images, ..., columns])
    return y.reshape(relation.y_shape)


def spread(dy: Array, w: Array, relation: Relation) -> Array:
    """Sum of ``w[k] * dy[o]`` for each input ``i``."""
    axes = relation.axes
    groups, f, c = _groups(relation)
    matrix = w.reshape(groups, f, -1).swapaxes(1, 2)
    flat = dy.reshape(relation.batch, groups, f, prod(output_size(relation.axes)))
    covered = empty_cover((relation.batch, groups, c), axes, dy.dtype)
    kernel, windows = relation.w_shape[2:], output_size(axes)
    for images, rows, columns in _blocks(relation):
        patches = np.matmul(matrix, flat[images, ..., columns])
        patches = patches.reshape(len(patches), groups, c, *kernel, -1, *windows[1:])
        below = (slice(None),) * 2 + (slice(rows.start * axes[0].stride, None),)
        add_patches(covered[images][(slice(None), *below)], patches, axes)
    return uncover(covered, axes).reshape(relation.x_shape)


def compare(x: Array, dy: Array, relation: Relation) -> Array:
    """Sum of ``x[i] * dy[o]`` for each weight ``k``."""
    groups, f, c = _groups(relation)
    patches = gather(x.reshape(relation.batch, groups, c, *x.shape[2:]), relation.axes)
    flat = dy.reshape(relation.batch, groups, f, prod(output_size(relation.axes)))
    dw = np.zeros((groups, f, c * prod(relation.w_shape[2:])), dtype=x.dtype)
    for images, rows, columns in _blocks(relation):
        block = _columns(patches, images, rows)
        dw += np.matmul(flat[images, ..., columns], block.swapaxes(2, 3)).sum(axis=0)
    return dw.reshape(relation.w_shape)


def _groups(relation: Relation) -> tuple[int, int, int]:
    """Groups, output channels per group, input channels per group."""
    return relation.groups, relation.out_channels // relation.groups, relation.in_channels // relation.groups


def _columns(patches: Array, images: slice, rows: slice) -> Array:
    """The patches of a block as matrices (images, groups, channels * taps, windows)."""
    ndim = (patches.ndim - 3) // 2
    block = patches[(images, *(slice(None),) * (2 + ndim), rows)]
    rows_of_matrix = prod(block.shape[2 : 3 + ndim])
    return block.reshape(*block.shape[:2], rows_of_matrix, -1)


def _blocks(relation: Relation) -> Iterator[tuple[slice, slice, slice]]:
    """Slices of the batch, of the first output axis, and of the flattened output, block by block."""
    rows, *rest = output_size(relation.axes)
    width = prod(rest)
    row = relation.in_channels * prod(relation.w_shape[2:]) * width
    images = max(1, BLOCK // (row * rows))
    height = min(rows, max(1, BLOCK // row))
    for n in range(0, relation.batch, images):
        for top in range(0, rows, height):
            bottom = min(top + height, rows)
            yield slice(n, n + images), slice(top, bottom), slice(top * width, bottom * width)
