"""The error of a convolution computed by fast Fourier transforms."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import expm1, log2, sqrt

import numpy as np

from ..errors import UnsupportedError
from .accumulation import Accumulation, Error, Floats, gamma, largest
from .axes import Axis
from .layer import Layer

_ONE = Axis(input_size=1, output_size=1, kernel_size=1, stride=1, dilation=1, lo=0, hi=0)
RADICES = (2, 3, 5, 7, 11)
_OPERATIONS = 26  # real ones an element and a bit of the length: 8 r for a butterfly of r elements, r <= 11


@dataclass(frozen=True)
class Fourier:
    """Transforms of both operands, zero-padded, their product summed over channels, and the inverse transform.

    A stage of radix r multiplies by a matrix of norm sqrt(r) whose entries have modulus 1. On its way through a stage a
    real number meets two rounded constants, each with an error of at most 2u, and r + 4 roundings; real and imaginary
    parts mix twice, which costs a factor of 2. So the error of a stage is at most eta_r times the norm of its result,

        eta_r = 2 sqrt(r) ((1 + gamma_{r+4})(1 + 2u)**2 - 1),

    and that of a transform of length N, of stages r_1 r_2 ... = N, at most phi times its result's norm, with

        1 + phi = product of (1 + eta_r) <= exp(beta * log2 N),    beta = largest of eta_r / log2 r

    (with radix 2 this is [Higham2002, chapter 24], at a larger constant that also covers radices without trivial
    multiplications). Let ||.|| and ||.||_1 be norms over space, x and w one channel, and sums over channels. Products
    and their sums have a relative error of chi = sqrt(2) gamma_{C+1} [Higham2002, chapter 3]. By Cauchy's inequality,
    the inverse transform taken exactly, an element is off by at most

        ((1 + phi)**2 (1 + chi) - 1) * sum of ||x|| ||w||,

    and the inverse transform adds, since the product's norm is at most that of one factor times the other's maximum,

        phi (1 + phi)(1 + chi) * (sum of ||x|| ||w||_1 + phi sqrt(N) * sum of ||x|| ||w||),

    or the same with x and w exchanged. Division by N and the bias make three roundings more. The bound is relative to
    norms, not to the products that meet in an element: elements much smaller than others may be entirely wrong.

    On each axis N is between the least length without wrap-around and twice that, and has no prime factor above 11. In
    the probable bound only the sum over channels grows with its square root: log2 N is too short for that to pay.
    """

    radices: tuple[int, ...] = RADICES

    def paths(self, layer: Layer) -> float:
        """Terms of the sum over channels, and the bias."""
        _require_products(layer)
        return float(_channels(layer)) + 1

    def error(self, layer: Layer, accumulation: Accumulation) -> Error:
        """The bound above, with rounded factors and underflow."""
        _require_products(layer)
        unit, bits = accumulation.relative, _bits(layer)
        phi = transform_growth(bits, unit, self.radices)
        chi = sqrt(2) * accumulation.growth(_channels(layer) + 1)
        norms, peaked = _norm_products(layer)
        forward = ((1 + phi) ** 2 * (1 + chi) - 1) * norms
        inverse = phi * (1 + phi) * (1 + chi) * (peaked + phi * 2 ** (bits / 2) * norms)
        last = gamma(3, unit)
        with np.errstate(invalid="ignore", over="ignore"):
            absolute = (1 + last) * (forward + inverse) + last * (peaked + layer.bias)
            absolute = (
                accumulation.with_inputs(np.zeros(()), 2) * layer.products
                + absolute * (1 + accumulation.inputs.relative) ** 2
            )
            absolute = absolute + _underflow(layer, accumulation, bits) * (1 + phi) ** 2 * (1 + chi)
            reach = 2**bits * (1 + phi) ** 2 * (1 + chi) * (norms + largest(layer))
        return Error(absolute, reach + layer.bias + absolute)


def transform_growth(bits: float, unit: float, radices: tuple[int, ...] = RADICES) -> float:
    """phi: the relative error of a transform of length 2**bits in the Euclidean norm, at most.

    >>> round(transform_growth(10, 2.0**-24, radices=(2,)) * 2.0**24)
    283
    """
    return expm1(bits * max(_stage_growth(radix, unit) / log2(radix) for radix in radices))


def _stage_growth(radix: int, unit: float) -> float:
    """eta_r."""
    return 2 * sqrt(radix) * float(np.expm1(np.log1p(gamma(radix + 4, unit)) + 2 * np.log1p(2 * unit)))


def _require_products(layer: Layer) -> None:
    if not layer.bilinear:
        raise UnsupportedError(f"fft does not compute the kind {layer.kind}")


def _channels(layer: Layer) -> int:
    """How many pairs of planes an output element sums over."""
    relation = layer.relation
    return {
        "conv": relation.in_channels // relation.groups,
        "grad_weight": relation.batch,
    }.get(layer.kind) or relation.out_channels // relation.groups


def _bits(layer: Layer) -> float:
    """log2 of the longest transform: twice both operands' extents, padded, dilated and stretched, on each axis."""
    return sum(
        log2(2 * (max(axis.input_size + max(axis.lo, 0) + max(axis.hi, 0), 1) + _extent(axis)))
        for axis in layer.relation.axes
    )


def _extent(axis: Axis) -> int:
    return max(axis.dilation * (axis.kernel_size - 1), axis.stride * (axis.output_size - 1)) + 1


def _norm_products(layer: Layer) -> tuple[Floats, Floats]:
    """Sums over channels of ||x|| ||w||, and the lesser of those of ||x|| ||w||_1 and ||x||_1 ||w||."""
    planes = [np.abs(operand).reshape(*operand.shape[:2], -1) for operand in layer.operands]
    euclid = [np.sqrt(np.sum(plane**2, axis=2, keepdims=True)) for plane in planes]
    total = [np.sum(plane, axis=2, keepdims=True) for plane in planes]
    collapsed = replace(layer.relation, axes=(_ONE,))
    pairs = ((euclid[0], euclid[1]), (euclid[0], total[1]), (total[0], euclid[1]))
    pairs = ((euclid[0], euclid[1]), (euclid[0], total[1]), (total[0], euclid[1]))
    norms, *mixed = (layer.contract(a, b, collapsed) for a, b in pairs)
    spatial = (...,) + (np.newaxis,) * (len(layer.relation.axes) - 1)
    return norms[spatial], np.minimum(*mixed)[spatial]


def _underflow(layer: Layer, accumulation: Accumulation, bits: float) -> float:
    """What all underflow adds up to: each is multiplied by at most 1 + ||x|| + ||w|| on its way to an element."""
    operations = _channels(layer) * 2**bits * (_OPERATIONS * bits + 8)
    euclid = sum(float(np.sqrt(np.sum(operand**2))) for operand in layer.operands)
    inputs = accumulation.lost_inputs(layer) * float(np.max(layer.terms, initial=0))
    return inputs + operations * accumulation.absolute * (1 + euclid)
