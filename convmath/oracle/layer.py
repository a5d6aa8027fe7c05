"""A call of a layer with real data: its exact result, and the sizes of the sums that make it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from . import exact
from .answers import ANSWERS
from .axes import Axis
from .exact.kernels import compare, correlate, spread
from .exact_values import DoubleFloats, Scaled, scaled
from .relation import (
    Relation,
    conv_grad_input_relation,
    conv_grad_weight_relation,
    conv_relation,
    conv_transpose_relation,
)

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_BILINEAR: dict[str, Callable[[Array, Array, Relation], Array]] = {
    "conv": correlate,
    "conv_transpose": spread,
    "grad_input": spread,
    "grad_weight": compare,
}


@dataclass(frozen=True)
class Layer:
    """A kind of :class:`ConvCase` or :class:`PoolCase` with its arguments, which are finite numbers, and its options.

    An output element is a sum of products (of single terms for ``grad_bias`` and pooling), plus a bias.

    >>> layer = Layer("conv", (np.array([[[1.0, -2.0, 4.0]]]), np.array([[[0.5, 0.25]]]), np.array([1.0])), {})
    >>> layer.expected.high.tolist(), layer.products.tolist(), layer.bias.tolist(), layer.terms.tolist()
    ([[[1.0, 1.0]]], [[[1.0, 2.0]]], [[[1.0]]], [[[2.0, 2.0]]])
    """

    kind: str
    arguments: tuple[Any, ...]
    options: dict[str, Any]

    def __post_init__(self) -> None:
        """Refuse an unknown kind."""
        if self.kind not in ANSWERS:
            raise DomainError("kind", self.kind, f"needs one of {', '.join(ANSWERS)}")

    @property
    def bilinear(self) -> bool:
        """Whether the terms are products of two arguments."""
        return self.kind in _BILINEAR

    @property
    def operands(self) -> tuple[Floats, ...]:
        """The arguments as float64, without the bias."""
        count = 2 if self.bilinear or self.kind == "max_pool_grad_input" else 1
        return tuple(np.asarray(argument, dtype=np.float64) for argument in self.arguments[:count])

    @cached_property
    def relation(self) -> Relation:
        """The access relation of a convolution or of one of its gradients for input or weight."""
        first, second = (np.shape(argument) for argument in self.arguments[:2])
        if self.kind == "conv":
            return conv_relation(first, second, **self.options)
        if self.kind == "conv_transpose":
            return conv_transpose_relation(first, second, **self.options)
        find = conv_grad_input_relation if self.kind == "grad_input" else conv_grad_weight_relation
        return find(first, second, **self.options)

    def contract(self, a: Array, b: Array, relation: Relation | None = None) -> Array:
        """The layer's bilinear map of other operands, in their own arithmetic."""
        with np.errstate(over="ignore"):
            return _BILINEAR[self.kind](a, b, relation or self.relation)

    @cached_property
    def _exact(self) -> Scaled:
        operands = [
            scaled(f"argument {i}", argument) for i, argument in enumerate(self.arguments) if argument is not None
        ]
        count = len(self.operands)
        result = ANSWERS[self.kind](*(operand.numerators for operand in operands[:count]), **self.options)
        exponent = sum(o.exponent for o in operands[:2]) if self.bilinear else operands[0].exponent
        value = Scaled(result, exponent)
        if len(operands) == count:
            return value
        bias = operands[count]
        return value.plus(Scaled(bias.numerators.reshape(-1, *(1,) * (result.ndim - 2)), bias.exponent))

    @cached_property
    def expected(self) -> DoubleFloats:
        """The exact result."""
        return DoubleFloats.of(self._exact)

    @cached_property
    def bias(self) -> Floats:
        """Absolute value of each bias, shaped to go with the result; zeros where there is none."""
        if len(self.arguments) < 3 or self.arguments[2] is None:
            return np.zeros(())
        bias = np.abs(np.asarray(self.arguments[2], dtype=np.float64))
        return bias.reshape(1, -1, *(1,) * (self.expected.high.ndim - 2))

    @cached_property
    def products(self) -> Floats:
        """For each output element the sum of its terms' absolute values, the bias left out, in float64."""
        operands = [np.abs(operand) for operand in self.operands]
        if self.bilinear:
            return self.contract(operands[0], operands[1])
        if self.kind == "grad_bias":
            return np.asarray(operands[0].sum(axis=(0, *range(2, operands[0].ndim))))
        if self.kind == "max_pool":
            return np.abs(self.expected.high)
        gradient = scaled("argument 0", operands[0])
        others = [scaled("argument 1", operand).numerators for operand in self.operands[1:]]
        result = ANSWERS[self.kind](gradient.numerators, *others, **self.options)
        return DoubleFloats.of(Scaled(result, gradient.exponent)).high

    @cached_property
    def terms(self) -> Floats:
        """For each output element the number of its terms, the bias left out; for averages no more than this."""
        if self.bilinear:
            return _terms(self.kind, self.relation)
        if self.kind == "grad_bias":
            gradient = self.operands[0]
            return np.full(gradient.shape[1], float(gradient.size // max(gradient.shape[1], 1)))
        if self.kind == "max_pool":
            return np.ones_like(self.expected.high)
        if self.kind == "max_pool_grad_input":
            ones = np.ones(self.operands[0].shape, dtype=np.int64)
            return exact.max_pool_grad_input(ones, self.arguments[1], **self.options).astype(np.float64)
        kernel_size = self.options["kernel_size"]
        taps = prod(kernel_size) if isinstance(kernel_size, tuple) else kernel_size ** (self.expected.high.ndim - 2)
        return np.full(self.expected.high.shape, float(taps))


def _terms(kind: str, relation: Relation) -> Floats:
    """How many products each output element of a bilinear layer sums."""
    shape, summed = relation.x_shape, relation.out_channels // relation.groups
    if kind == "conv":
        shape, summed = relation.y_shape, relation.in_channels // relation.groups
    elif kind == "grad_weight":
        shape, summed = relation.w_shape, relation.batch
    counts = reduce(np.multiply.outer, (_axis_terms(kind, axis) for axis in relation.axes))
    return np.full(shape, summed * counts, dtype=np.float64)


def _axis_terms(kind: str, axis: Axis) -> Array:
    """In how many triples of an axis each element of the output stands: an output, a tap or an input of the axis."""
    i = axis.stride * np.arange(axis.output_size)[:, np.newaxis] + axis.dilation * np.arange(axis.kernel_size) - axis.lo
    inside = (i >= 0) & (i < axis.input_size)
    if kind in ("conv", "grad_weight"):
        return np.asarray(inside.sum(axis=1 if kind == "conv" else 0))
    return np.bincount(i[inside], minlength=axis.input_size)
