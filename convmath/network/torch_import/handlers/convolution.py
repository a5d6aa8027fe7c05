"""Convolutions, dense layers, products of matrices, unfold and fold."""

from __future__ import annotations

from functools import partial
from typing import Any

from ...computed_sizes import same
from ...operators import Combine, Conv, ConvTranspose, Fold, Linear, MatMul, Reshape, Unfold
from ...origin import VECTOR
from ..builder import Builder
from ..registry import handles
from ..values import Value
from .shared import batched, of_constants, per_axis


def _conv(
    axes: int,
    builder: Builder,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    of_constants(weight, bias)
    filters, per_group, *kernel = weight.known
    window = {"stride": per_axis(stride, axes), "dilation": per_axis(dilation, axes)}
    pads = padding if isinstance(padding, str) else per_axis(padding, axes)
    layer = Conv(
        per_group * groups, filters, tuple(kernel), padding=pads, groups=groups, bias=bias is not None, **window
    )
    return batched(builder, x, axes, lambda y: builder.emit(layer, y, params=builder.claim(weight, bias)))


def _conv_transpose(
    axes: int,
    builder: Builder,
    x: Value,
    weight: Value,
    bias: Value | None = None,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    groups: int = 1,
    dilation: Any = 1,
) -> Value:
    of_constants(weight, bias)
    channels, per_group, *kernel = weight.known
    options = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
    window = {name: per_axis(value, axes) for name, value in options.items()}
    layer = ConvTranspose(channels, per_group * groups, tuple(kernel), groups=groups, bias=bias is not None, **window)
    return batched(builder, x, axes, lambda y: builder.emit(layer, y, params=builder.claim(weight, bias)))


for _axes in (1, 2, 3):
    handles(f"conv{_axes}d")(partial(_conv, _axes))
handles("conv_transpose1d")(partial(_conv_transpose, 1))
handles("conv_transpose2d", "conv_transpose2d.input")(partial(_conv_transpose, 2))
handles("conv_transpose3d", "conv_transpose3d.input")(partial(_conv_transpose, 3))


@handles("linear")
def _linear(builder: Builder, x: Value, weight: Value, bias: Value | None = None) -> Value:
    of_constants(weight, bias)
    outputs, inputs = weight.known
    return builder.emit(Linear(inputs, outputs, bias is not None), x, params=builder.claim(weight, bias))


@handles("matmul", "mm", "bmm", "mv", "dot", "vdot")
def _matmul(builder: Builder, first: Value, other: Value) -> Value:
    """A vector is a matrix of one row or one column."""
    rows = first if first.rank > 1 else builder.emit(Reshape((1, *first.carried)), first)
    columns = other if other.rank > 1 else builder.emit(Reshape((*other.carried, 1)), other)
    vector = rows is not first or columns is not other
    product = builder.emit(MatMul(), rows, columns, function=VECTOR if vector else "")
    *stack, height, width = product.carried
    sizes = (*stack, *((height,) if rows is first else ()), *((width,) if columns is other else ()))
    return product if same(sizes, product.carried) else builder.emit(Reshape(sizes), product)


@handles("addmm", "baddbmm", "addmv")
def _added_matmul(builder: Builder, x: Value, first: Value, second: Value, **_: Any) -> Value:
    return builder.emit(Combine("add"), x, _matmul(builder, first, second), params=0)


@handles("im2col", "functional.unfold")
def _unfold(
    builder: Builder, x: Value, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Value:
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    window = {name: per_axis(value, 2) for name, value in options.items()}
    return batched(builder, x, 2, lambda y: builder.emit(Unfold(per_axis(kernel_size, 2), **window), y))


@handles("col2im", "functional.fold")
def _fold(
    builder: Builder,
    x: Value,
    output_size: Any,
    kernel_size: Any,
    dilation: Any = 1,
    padding: Any = 0,
    stride: Any = 1,
) -> Value:
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    window = {name: per_axis(value, 2) for name, value in options.items()}
    layer = Fold(per_axis(output_size, 2), per_axis(kernel_size, 2), **window)
    return batched(builder, x, 1, lambda y: builder.emit(layer, y))
