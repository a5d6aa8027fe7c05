"""Convolution, its gradients and the transposed convolution: fast, and exact for every finite input.

The functions, their layouts and options are those of :mod:`convmath.oracle.reference`. Results are int64, or object
arrays of Python ints or Fractions where int64 may not hold them.
"""

from __future__ import annotations

from math import prod
from typing import Any, Unpack

import numpy as np

from ..options import ConvOptions, ConvTransposeOptions, IntOrAxes, required_shape
from ..relation import (
    Relation,
    conv_grad_input_relation,
    conv_grad_weight_relation,
    conv_relation,
    conv_transpose_grad_input_relation,
    conv_transpose_grad_weight_relation,
    conv_transpose_relation,
)
from .arithmetic import INT64_LIMIT, Array, contract, exact_numbers, layer_numbers, peak, total
from .kernels import compare, correlate, spread


def conv_forward(x: Any, w: Any, bias: Any = None, **options: Unpack[ConvOptions]) -> Array:
    """Convolution as networks compute it: cross-correlation of ``x`` with ``w``, plus ``bias`` per output channel.

    >>> conv_forward([[[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]], [[[[0, 1], [2, 3]]]]).tolist()
    [[[[19, 25], [37, 43]]]]
    """
    x, w = layer_numbers("x", x), layer_numbers("w", w)
    return _with_bias(_correlate(x, w, conv_relation(x.shape, w.shape, **options)), bias)


def conv_grad_input(grad_output: Any, w: Any, *, input_size: IntOrAxes, **options: Unpack[ConvOptions]) -> Array:
    """Gradient of a convolution for its input, which has the spatial shape ``input_size``.

    >>> conv_grad_input([[[1, 10]]], [[[1, 2]]], input_size=5, stride=2).tolist()
    [[[1, 2, 10, 20, 0]]]
    """
    dy, w = layer_numbers("grad_output", grad_output), layer_numbers("w", w)
    return _spread(dy, w, conv_grad_input_relation(dy.shape, w.shape, input_size, **options))


def conv_grad_weight(x: Any, grad_output: Any, *, kernel_size: IntOrAxes, **options: Unpack[ConvOptions]) -> Array:
    """Gradient of a convolution for its weight, which has the spatial shape ``kernel_size``.

    >>> conv_grad_weight([[[1, 2, 3, 4, 5]]], [[[1, 10]]], kernel_size=2, stride=2).tolist()
    [[[31, 42]]]
    """
    x, dy = layer_numbers("x", x), layer_numbers("grad_output", grad_output)
    return _compare(x, dy, conv_grad_weight_relation(x.shape, dy.shape, kernel_size, **options))


def conv_grad_bias(grad_output: Any) -> Array:
    """Gradient of a convolution, transposed or not, for its bias: the sum over batch and positions.

    >>> conv_grad_bias([[[1, 2], [3, 4]], [[10, 20], [30, 40]]]).tolist()
    [33, 77]
    """
    dy = layer_numbers("grad_output", grad_output)
    if dy.dtype == np.int64 and peak(dy) * dy.size >= INT64_LIMIT:
        dy = dy.astype(object)
    return np.asarray(dy.sum(axis=(0, *range(2, dy.ndim))))


def conv_transpose_forward(x: Any, w: Any, bias: Any = None, **options: Unpack[ConvTransposeOptions]) -> Array:
    """Transposed convolution: the gradient of a convolution for its input, run forward, plus ``bias``.

    >>> conv_transpose_forward([[[1, 10]]], [[[1, 2]]], stride=2, output_padding=1).tolist()
    [[[1, 2, 10, 20, 0]]]
    """
    x, w = layer_numbers("x", x), layer_numbers("w", w)
    return _with_bias(_spread(x, w, conv_transpose_relation(x.shape, w.shape, **options)), bias)


def conv_transpose_grad_input(
    grad_output: Any, w: Any, *, input_size: IntOrAxes, **options: Unpack[ConvTransposeOptions]
) -> Array:
    """Gradient of a transposed convolution for its input, which has the spatial shape ``input_size``.

    >>> conv_transpose_grad_input([[[1, 2, 3, 4, 5]]], [[[1, 10]]], input_size=2, stride=2, output_padding=1).tolist()
    [[[21, 43]]]
    """
    dy, w = layer_numbers("grad_output", grad_output), layer_numbers("w", w)
    return _correlate(dy, w, conv_transpose_grad_input_relation(dy.shape, w.shape, input_size, **options))


def conv_transpose_grad_weight(
    x: Any, grad_output: Any, *, kernel_size: IntOrAxes, **options: Unpack[ConvTransposeOptions]
) -> Array:
    """Gradient of a transposed convolution for its weight, which has the spatial shape ``kernel_size``.

    >>> conv_transpose_grad_weight([[[1, 10]]], [[[1, 2, 3, 4]]], kernel_size=2, stride=2).tolist()
    [[[31, 42]]]
    """
    x, dy = layer_numbers("x", x), layer_numbers("grad_output", grad_output)
    return _compare(dy, x, conv_transpose_grad_weight_relation(x.shape, dy.shape, kernel_size, **options))


def _correlate(x: Array, w: Array, relation: Relation) -> Array:
    return contract(lambda a, b: correlate(a, b, relation), x, w, terms=prod(relation.w_shape[1:]))


def _spread(dy: Array, w: Array, relation: Relation) -> Array:
    terms = relation.out_channels // relation.groups * prod(relation.w_shape[2:])
    return contract(lambda a, b: spread(a, b, relation), dy, w, terms=terms)


def _compare(x: Array, dy: Array, relation: Relation) -> Array:
    terms = relation.batch * prod(relation.y_shape[2:])
    return contract(lambda a, b: compare(a, b, relation), x, dy, terms=terms)


def _with_bias(y: Array, bias: Any) -> Array:
    if bias is None:
        return y
    b = exact_numbers("bias", bias)
    required_shape("bias", b.shape, (y.shape[1],))
    return total(y, b.reshape(-1, *(1,) * (y.ndim - 2)))
