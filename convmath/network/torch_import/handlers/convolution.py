"""Convolutions, dense layers, products of matrices, unfold and fold."""

from __future__ import annotations

from functools import partial
from typing import Any

from ....assumptions import require
from ....errors import DomainError
from ...operators import Combine, Conv, ConvTranspose, Fold, Linear, MatMul, Reshape, Unfold
from ...origin import VECTOR
from ...sizes.in_operators import same
from ..builder import Builder
from ..in_place import require_room
from ..registry import handles
from ..values import Value
from .shared import batched, of_constants, of_fractions, of_one_type, per_axis


def _layer(
    kind: type[Conv] | type[ConvTranspose],
    axes: int,
    builder: Builder,
    x: Value,
    weight: Value,
    bias: Value | None,
    groups: int,
    **window: Any,
) -> Value:
    """A convolution by weights as torch lays them out: the filters first, or the channels where it is transposed."""
    of_constants(weight, bias)
    of_one_type(x, weight)
    first, per_group, *kernel = weight.known
    channels = (per_group * groups, first) if kind is Conv else (first, per_group * groups)
    options: dict[str, Any] = {
        name: value if isinstance(value, str) else per_axis(value, axes) for name, value in window.items()
    }
    layer = kind(*channels, tuple(kernel), groups=groups, bias=bias is not None, **options)
    return batched(builder, x, axes, lambda y: builder.emit(layer, y, weights=(weight, bias)))


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
    window = {"stride": stride, "padding": padding, "dilation": dilation}
    return _layer(Conv, axes, builder, x, weight, bias, groups, **window)


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
    window = {"stride": stride, "padding": padding, "output_padding": output_padding, "dilation": dilation}
    return _layer(ConvTranspose, axes, builder, x, weight, bias, groups, **window)


for _axes in (1, 2, 3):
    handles(f"conv{_axes}d")(partial(_conv, _axes))
handles("conv_transpose1d")(partial(_conv_transpose, 1))
handles("conv_transpose2d", "conv_transpose2d.input")(partial(_conv_transpose, 2))
handles("conv_transpose3d", "conv_transpose3d.input")(partial(_conv_transpose, 3))


@handles("convolution")
def _convolution(
    builder: Builder,
    x: Value,
    weight: Value,
    bias: Value | None,
    stride: Any,
    padding: Any,
    dilation: Any,
    transposed: bool,
    output_padding: Any,
    groups: int,
) -> Value:
    """Along as many axes as its weights have, as the decompositions of torch.export leave every convolution."""
    if x.rank != weight.rank:
        raise DomainError("dimensions", x.rank, f"convolution needs as many as its weights have, {weight.rank}")
    window = {"stride": stride, "padding": padding, "dilation": dilation}
    kind, more = (ConvTranspose, {"output_padding": output_padding}) if transposed else (Conv, {})
    return _layer(kind, weight.rank - 2, builder, x, weight, bias, groups, **window, **more)


@handles("linear", contiguous=True)
def _linear(builder: Builder, x: Value, weight: Value, bias: Value | None = None) -> Value:
    of_constants(weight, bias)
    of_one_type(x, weight)
    outputs, inputs = weight.known
    return builder.emit(Linear(inputs, outputs, bias is not None), x, weights=(weight, bias))


_RANKS = {"mm": (2, 2), "bmm": (3, 3), "mv": (2, 1), "dot": (1, 1), "vdot": (1, 1)}
_RANKS |= {"addmm": (2, 2), "baddbmm": (3, 3), "addmv": (2, 1)}
"""The numbers of dimensions that the factors of a product need."""


@handles("matmul", contiguous=True)
def _matmul(builder: Builder, first: Value, other: Value) -> Value:
    """A vector is a matrix of one row or one column."""
    of_one_type(first, other)
    rows = first if first.rank > 1 else builder.emit(Reshape((1, *first.carried)), first)
    columns = other if other.rank > 1 else builder.emit(Reshape((*other.carried, 1)), other)
    product = builder.emit(MatMul(), rows, columns, function="" if columns is other else VECTOR)
    *stack, height, width = product.carried
    sizes = (*stack, *((height,) if rows is first else ()), *((width,) if columns is other else ()))
    return product if same(sizes, product.carried) else builder.emit(Reshape(sizes), product)


def _ranked_matmul(name: str, builder: Builder, first: Value, other: Value, **_: Any) -> Value:
    """A product whose factors are of these dimensions alone, and stretch none of them."""
    if (first.rank, other.rank) != _RANKS[name]:
        needs = f"{name} needs factors of {' and '.join(map(str, _RANKS[name]))} dimensions"
        raise DomainError("dimensions", (first.rank, other.rank), needs)
    if first.rank == other.rank == 3:
        batch, same_batch = first.carried[0], other.carried[0]
        require("==", batch, same_batch, "batch", f"{name} needs as many matrices as {same_batch}", batch=batch)
    return _matmul(builder, first, other)


for _name in ("mm", "bmm", "mv", "dot", "vdot"):
    handles(_name, contiguous=True)(partial(_ranked_matmul, _name))


def _added_matmul(
    name: str, builder: Builder, x: Value, first: Value, second: Value, *, beta: Any = 1, **_: Any
) -> Value:
    """A product, and what is added unless its factor is 0."""
    product = _ranked_matmul(name, builder, first, second)
    sizes = Combine("add").sizes(x.carried, product.carried)
    require_room(product, Value(sizes, product.dtype))
    return product if beta == 0 else builder.emit(Combine("add"), x, product, params=0)


for _name in ("addmm", "baddbmm", "addmv"):
    handles(_name, broadcasts=True, contiguous=True)(partial(_added_matmul, _name))


@handles("im2col", "functional.unfold")
def _unfold(
    builder: Builder, x: Value, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Value:
    of_fractions("unfold", x)
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
    of_fractions("fold", x)
    window = {name: per_axis(value, 2) for name, value in options.items()}
    layer = Fold(per_axis(output_size, 2), per_axis(kernel_size, 2), **window)
    return batched(builder, x, 1, lambda y: builder.emit(layer, y))
