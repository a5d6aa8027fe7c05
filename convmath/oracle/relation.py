"""The access relation of a whole convolution, and which shapes have one.

Forward, gradients and transposed convolution share it; each function here finds it from the arrays that are known, and
raises DomainError where they do not fit together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Unpack

from ..errors import DomainError
from .axes import Axis, spatial_triples, transposed_axes, window_axes
from .options import (
    ConvOptions,
    ConvTransposeOptions,
    Index,
    IntOrAxes,
    Padding,
    integer,
    layer_shape,
    per_axis,
    required_shape,
)


@dataclass(frozen=True)
class Relation:
    """The access relation of a convolution: batch, grouped channels and one :class:`Axis` per spatial axis.

    A transposed convolution has the relation of the convolution that it transposes, read from ``y`` to ``x``.
    """

    axes: tuple[Axis, ...]
    batch: int
    in_channels: int
    out_channels: int
    groups: int

    @property
    def x_shape(self) -> Index:
        """Shape (batch, in_channels, *input_size)."""
        return (self.batch, self.in_channels, *(axis.input_size for axis in self.axes))

    @property
    def y_shape(self) -> Index:
        """Shape (batch, out_channels, *output_size)."""
        return (self.batch, self.out_channels, *(axis.output_size for axis in self.axes))

    @property
    def w_shape(self) -> Index:
        """Shape (out_channels, in_channels / groups, *kernel_size)."""
        kernel_size = (axis.kernel_size for axis in self.axes)
        return (self.out_channels, self.in_channels // self.groups, *kernel_size)

    def triples(self) -> Iterator[tuple[Index, Index, Index]]:
        """Every triple of an index into ``y``, one into ``x`` and one into ``w`` that belong together."""
        c_per_group = self.in_channels // self.groups
        f_per_group = self.out_channels // self.groups
        spatial = list(spatial_triples(self.axes))
        for b, f, c in product(range(self.batch), range(self.out_channels), range(c_per_group)):
            group = f // f_per_group
            for o, i, k in spatial:
                yield (b, f, *o), (b, group * c_per_group + c, *i), (f, c, *k)


def conv_relation(
    x_shape: Index,
    w_shape: Index,
    *,
    stride: IntOrAxes = 1,
    padding: Padding = 0,
    dilation: IntOrAxes = 1,
    groups: int = 1,
) -> Relation:
    """The relation of a convolution of an ``x`` with a ``w`` of these shapes; DomainError where there is none.

    >>> conv_relation((1, 4, 7, 5), (6, 2, 3, 2), stride=2, padding=((1, 0), (0, 2)), groups=2).y_shape
    (1, 6, 3, 3)
    """
    _check_shapes(x_shape, w_shape)
    groups = _check_groups(groups, w_shape[0])
    if x_shape[1] != w_shape[1] * groups:
        raise DomainError("x", x_shape, f"needs {w_shape[1]} * {groups} channels, as w has shape {w_shape}")
    axes = window_axes(x_shape[2:], w_shape[2:], stride=stride, padding=padding, dilation=dilation)
    return Relation(axes, x_shape[0], x_shape[1], w_shape[0], groups)


def conv_transpose_relation(
    x_shape: Index,
    w_shape: Index,
    *,
    stride: IntOrAxes = 1,
    padding: Padding = 0,
    output_padding: IntOrAxes = 0,
    dilation: IntOrAxes = 1,
    groups: int = 1,
) -> Relation:
    """The relation of a transposed convolution: its input has the relation's ``y_shape``, its output the ``x_shape``.

    >>> conv_transpose_relation((1, 6, 3, 3), (6, 2, 3, 2), stride=2, output_padding=(0, 1), groups=2).x_shape
    (1, 4, 7, 7)
    """
    _check_shapes(x_shape, w_shape)
    groups = _check_groups(groups, w_shape[0])
    if x_shape[1] != w_shape[0]:
        raise DomainError("x", x_shape, f"needs {w_shape[0]} channels, as w has shape {w_shape}")
    axes = transposed_axes(
        x_shape[2:], w_shape[2:], stride=stride, padding=padding, output_padding=output_padding, dilation=dilation
    )
    return Relation(axes, x_shape[0], w_shape[1] * groups, x_shape[1], groups)


def conv_grad_input_relation(
    dy_shape: Index, w_shape: Index, input_size: IntOrAxes, **options: Unpack[ConvOptions]
) -> Relation:
    """The relation of the convolution whose output's gradient has ``dy_shape`` and whose input has ``input_size``.

    >>> conv_grad_input_relation((1, 6, 3), (6, 2, 3), 7, stride=2, groups=2).x_shape
    (1, 4, 7)
    """
    channels = w_shape[1] * integer("groups", options.get("groups", 1), least=1)
    x_shape = (dy_shape[0], channels, *per_axis("input_size", input_size, len(w_shape) - 2))
    relation = conv_relation(x_shape, w_shape, **options)
    required_shape("grad_output", dy_shape, relation.y_shape)
    return relation


def conv_grad_weight_relation(
    x_shape: Index, dy_shape: Index, kernel_size: IntOrAxes, **options: Unpack[ConvOptions]
) -> Relation:
    """The relation of the convolution of ``x_shape`` by ``kernel_size`` whose output's gradient has ``dy_shape``.

    >>> conv_grad_weight_relation((1, 4, 7), (1, 6, 3), 3, stride=2, groups=2).w_shape
    (6, 2, 3)
    """
    channels = x_shape[1] // integer("groups", options.get("groups", 1), least=1)
    w_shape = (dy_shape[1], channels, *per_axis("kernel_size", kernel_size, len(x_shape) - 2))
    relation = conv_relation(x_shape, w_shape, **options)
    required_shape("grad_output", dy_shape, relation.y_shape)
    return relation


def conv_transpose_grad_input_relation(
    dy_shape: Index, w_shape: Index, input_size: IntOrAxes, **options: Unpack[ConvTransposeOptions]
) -> Relation:
    """The relation of the transposed convolution whose output's gradient has ``dy_shape``, input ``input_size``.

    >>> conv_transpose_grad_input_relation((1, 4, 7), (6, 2, 3), 3, stride=2, groups=2).y_shape
    (1, 6, 3)
    """
    x_shape = (dy_shape[0], w_shape[0], *per_axis("input_size", input_size, len(w_shape) - 2))
    relation = conv_transpose_relation(x_shape, w_shape, **options)
    required_shape("grad_output", dy_shape, relation.x_shape)
    return relation


def conv_transpose_grad_weight_relation(
    x_shape: Index, dy_shape: Index, kernel_size: IntOrAxes, **options: Unpack[ConvTransposeOptions]
) -> Relation:
    """The relation of the transposed convolution of ``x_shape`` whose output's gradient has ``dy_shape``.

    >>> conv_transpose_grad_weight_relation((1, 6, 3), (1, 4, 7), 3, stride=2, groups=2).w_shape
    (6, 2, 3)
    """
    channels = dy_shape[1] // integer("groups", options.get("groups", 1), least=1)
    w_shape = (x_shape[1], channels, *per_axis("kernel_size", kernel_size, len(x_shape) - 2))
    relation = conv_transpose_relation(x_shape, w_shape, **options)
    required_shape("grad_output", dy_shape, relation.x_shape)
    return relation


def _check_shapes(x_shape: Index, w_shape: Index) -> None:
    layer_shape("x", x_shape)
    layer_shape("w", w_shape)
    if w_shape[0] < 1:
        raise DomainError("w", w_shape, "needs at least one channel in its first axis")
    if len(x_shape) != len(w_shape):
        raise DomainError("w", w_shape, f"needs as many axes as x, which has shape {x_shape}")


def _check_groups(groups: int, channels: int) -> int:
    groups = integer("groups", groups, least=1)
    if channels % groups:
        condition = f"needs to divide the number of channels in w's first axis, which is {channels}"
        raise DomainError("groups", groups, condition)
    return groups
