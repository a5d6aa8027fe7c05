"""Convolution by loops: one relation, three contractions.

:meth:`~convmath.oracle.relation.Relation.triples` yields indices (o, i, k) into the convolution's output, input and
weight that belong together. Forward sums ``w[k] * x[i]`` into ``y[o]``, the input's gradient ``w[k] * dy[o]`` into
``dx[i]``, the weight's gradient ``x[i] * dy[o]`` into ``dw[k]``. A transposed convolution is the second of these run
forward, so its own gradients are the first and the third.

Layouts: ``x`` is (N, C, *input_size); ``w`` is (F, C/groups, *kernel_size), for a transposed convolution
(C, F/groups, *kernel_size); ``grad_output`` is shaped like the output. Arrays or nested lists of ints, Fractions or
floats go in, object arrays come out: exact on ints and Fractions. The options are ``stride``, ``padding``, ``dilation``
and ``groups``, for a transposed convolution also ``output_padding``: an int, or one per axis; ``padding`` may be a pair
(lo, hi) per axis, and crops where it is negative. What does not fit together raises DomainError.
"""

from __future__ import annotations

from typing import Any, Unpack

import numpy as np

from ..options import ConvOptions, ConvTransposeOptions, IntOrAxes, required_shape
from ..relation import (
    conv_grad_input_relation,
    conv_grad_weight_relation,
    conv_relation,
    conv_transpose_grad_input_relation,
    conv_transpose_grad_weight_relation,
    conv_transpose_relation,
)
from .arrays import ObjectArray, exact_array, layer_array, zeros


def conv_forward(x: Any, w: Any, bias: Any = None, **options: Unpack[ConvOptions]) -> ObjectArray:
    """Convolution as networks compute it: cross-correlation of ``x`` with ``w``, plus ``bias`` per output channel.

    >>> conv_forward([[[[0, 1, 2], [3, 4, 5], [6, 7, 8]]]], [[[[0, 1], [2, 3]]]]).tolist()
    [[[[19, 25], [37, 43]]]]
    """
    x, w = layer_array("x", x), layer_array("w", w)
    relation = conv_relation(x.shape, w.shape, **options)
    y = _bias_everywhere(bias, relation.y_shape)
    for o, i, k in relation.triples():
        y[o] += w[k] * x[i]
    return y


def conv_grad_input(grad_output: Any, w: Any, *, input_size: IntOrAxes, **options: Unpack[ConvOptions]) -> ObjectArray:
    """Gradient of a convolution for its input, which has the spatial shape ``input_size``.

    >>> conv_grad_input([[[1, 10]]], [[[1, 2]]], input_size=5, stride=2).tolist()
    [[[1, 2, 10, 20, 0]]]
    """
    dy, w = layer_array("grad_output", grad_output), layer_array("w", w)
    relation = conv_grad_input_relation(dy.shape, w.shape, input_size, **options)
    dx = zeros(relation.x_shape)
    for o, i, k in relation.triples():
        dx[i] += w[k] * dy[o]
    return dx


def conv_grad_weight(
    x: Any, grad_output: Any, *, kernel_size: IntOrAxes, **options: Unpack[ConvOptions]
) -> ObjectArray:
    """Gradient of a convolution for its weight, which has the spatial shape ``kernel_size``.

    >>> conv_grad_weight([[[1, 2, 3, 4, 5]]], [[[1, 10]]], kernel_size=2, stride=2).tolist()
    [[[31, 42]]]
    """
    x, dy = layer_array("x", x), layer_array("grad_output", grad_output)
    relation = conv_grad_weight_relation(x.shape, dy.shape, kernel_size, **options)
    dw = zeros(relation.w_shape)
    for o, i, k in relation.triples():
        dw[k] += x[i] * dy[o]
    return dw


def conv_grad_bias(grad_output: Any) -> ObjectArray:
    """Gradient of a convolution, transposed or not, for its bias: the sum over batch and positions.

    >>> conv_grad_bias([[[1, 2], [3, 4]], [[10, 20], [30, 40]]]).tolist()
    [33, 77]
    """
    dy = layer_array("grad_output", grad_output)
    db = zeros((dy.shape[1],))
    for (_, f, *_), value in np.ndenumerate(dy):
        db[f] += value
    return db


def conv_transpose_forward(x: Any, w: Any, bias: Any = None, **options: Unpack[ConvTransposeOptions]) -> ObjectArray:
    """Transposed convolution: the gradient of a convolution for its input, run forward, plus ``bias``.

    >>> conv_transpose_forward([[[1, 10]]], [[[1, 2]]], stride=2, output_padding=1).tolist()
    [[[1, 2, 10, 20, 0]]]
    """
    x, w = layer_array("x", x), layer_array("w", w)
    relation = conv_transpose_relation(x.shape, w.shape, **options)
    y = _bias_everywhere(bias, relation.x_shape)
    for o, i, k in relation.triples():
        y[i] += w[k] * x[o]
    return y


def conv_transpose_grad_input(
    grad_output: Any, w: Any, *, input_size: IntOrAxes, **options: Unpack[ConvTransposeOptions]
) -> ObjectArray:
    """Gradient of a transposed convolution for its input, which has the spatial shape ``input_size``.

    >>> conv_transpose_grad_input([[[1, 2, 3, 4, 5]]], [[[1, 10]]], input_size=2, stride=2, output_padding=1).tolist()
    [[[21, 43]]]
    """
    dy, w = layer_array("grad_output", grad_output), layer_array("w", w)
    relation = conv_transpose_grad_input_relation(dy.shape, w.shape, input_size, **options)
    dx = zeros(relation.y_shape)
    for o, i, k in relation.triples():
        dx[o] += w[k] * dy[i]
    return dx


def conv_transpose_grad_weight(
    x: Any, grad_output: Any, *, kernel_size: IntOrAxes, **options: Unpack[ConvTransposeOptions]
) -> ObjectArray:
    """Gradient of a transposed convolution for its weight, which has the spatial shape ``kernel_size``.

    >>> conv_transpose_grad_weight([[[1, 10]]], [[[1, 2, 3, 4]]], kernel_size=2, stride=2).tolist()
    [[[31, 42]]]
    """
    x, dy = layer_array("x", x), layer_array("grad_output", grad_output)
    relation = conv_transpose_grad_weight_relation(x.shape, dy.shape, kernel_size, **options)
    dw = zeros(relation.w_shape)
    for o, i, k in relation.triples():
        dw[k] += x[o] * dy[i]
    return dw


def _bias_everywhere(bias: Any, shape: tuple[int, ...]) -> ObjectArray:
    y = zeros(shape)
    if bias is not None:
        b = exact_array("bias", bias)
        required_shape("bias", b.shape, (shape[1],))
        for channel, value in enumerate(b):
            y[:, channel] = value
    return y
