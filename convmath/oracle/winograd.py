"""Winograd's minimal filtering: its matrices from their points, and the error of a convolution computed with them."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any, TypeAlias

import numpy as np

from ..errors import DomainError, UnsupportedError
from .accumulation import Accumulation, Error, Floats, largest
from .exact.kernels import correlate
from .layer import Layer
from .relation import conv_relation

Matrix: TypeAlias = list[list[Fraction]]
Transforms: TypeAlias = tuple[Matrix, Matrix, Matrix]

POINTS = tuple(Fraction(text) for text in ("0", "1", "-1", "2", "-2", "1/2", "-1/2", "4", "-4", "1/4", "-1/4"))
"""The points in the order in which implementations take them; the last one is infinity."""


def winograd_matrices(tile: int, taps: int, points: Any = POINTS) -> Transforms:
    """A', G and B' of F(tile, taps): ``tile`` outputs y = A' ((G w) * (B' x)) of ``tile + taps - 1`` inputs.

    Interpolation at the first ``tile + taps - 2`` points and at infinity, transposed; each row of G is divided by the
    product of its point's differences to the others, which clears the denominators of B'. Exact. DomainError if there
    are too few points or two are equal.

    Source: [LavinGray2016, section 4], [BarabaszAndersonSoodhalterGregg2020].

    >>> at, g, bt = winograd_matrices(2, 3)
    >>> [[str(entry) for entry in row] for row in g]
    [['-1', '0', '0'], ['1/2', '1/2', '1/2'], ['1/2', '-1/2', '1/2'], ['0', '0', '1']]
    """
    finite = [Fraction(point) for point in points][: tile + taps - 2]
    if len(finite) < tile + taps - 2 or len(set(finite)) < len(finite):
        raise DomainError("points", tuple(map(str, finite)), f"needs {tile + taps - 2} different points")
    others = [[point for j, point in enumerate(finite) if j != i] for i in range(len(finite))]
    differences = [prod((p - q for q in rest), start=Fraction(1)) for p, rest in zip(finite, others, strict=True)]
    a = [*([p**j for j in range(tile)] for p in finite), _infinity(tile)]
    g = [[p**j / d for j in range(taps)] for p, d in zip(finite, differences, strict=True)]
    b = [[*_with_roots(rest), Fraction(0)] for rest in others]
    return [list(row) for row in zip(*a, strict=True)], [*g, _infinity(taps)], [*b, _with_roots(finite)]


@dataclass(frozen=True)
class Winograd:
    """F(tile, kernel_size), nested over the axes; an axis with one tap is left as it is.

    The computed y = A' ((G w) * (B' x)), summed over channels, is a sum over paths: an input, a tap and a point t. If n
    roundings lie on each,

        |computed - exact| <= gamma_n * |A'| ((|G||w|) * (|B'||x|)), summed over channels,

    which exceeds the |x| conv |w| of the direct sum by the amplification of the transforms
    [BarabaszAndersonSoodhalterGregg2020, there with norms]. Here it is evaluated per output element, as a
    convolution of |x| with the kernel sum over k of |w[k]| T_j[i, k], T_j[i, k] = sum over t of |A'[j,t]| |G[t,k]|
    |B'[t,i]|. T does not change if rows of the three matrices are scaled against each other. The element's place j in
    its tile is unknown, so the largest is taken.

    n counts, per axis, for each transform one addition less than a row has entries, and up to two roundings for an
    entry that is no power of two (of itself, if it is no binary fraction, and of the product); then the product, and
    the channels, and the bias. The transformed tiles are kept in the accumulator's format.

    Args:
        tile: outputs of a tile, per axis.
        points: all finite ones; the first ``tile + kernel_size - 2`` are used.
    """

    tile: int = 4
    points: tuple[Any, ...] = POINTS

    def paths(self, layer: Layer) -> float:
        """Inputs of a tile, taps and points of each axis, channels, and the bias."""
        _require_plain(layer)
        sizes = [axis.kernel_size for axis in layer.relation.axes]
        return float(np.shape(layer.arguments[1])[1]) * prod(len(self._transforms(k)[1]) ** 2 * k for k in sizes) + 1

    def error(self, layer: Layer, accumulation: Accumulation) -> Error:
        """gamma_n times the amplified sum of the terms' absolute values, with rounded factors and underflow."""
        _require_plain(layer)
        channels = np.shape(layer.arguments[1])[1]
        transforms = [self._transforms(axis.kernel_size) for axis in layer.relation.axes]
        roundings = 1 + (channels - 1) + np.any(layer.bias > 0) + sum(_roundings(*three) for three in transforms)
        growth = accumulation.growth(roundings)
        size = _amplified(layer, [_amplification(*three) for three in transforms])
        lost = channels * _norms(transforms) * _underflow(layer, accumulation, transforms)
        with np.errstate(invalid="ignore", over="ignore"):
            absolute = accumulation.with_inputs(growth, 2) * size + growth * layer.bias + (1 + growth) * lost
            transformed = np.max(size, initial=0) + _norms(transforms) * largest(layer)
        return Error(absolute, transformed + layer.bias + absolute)

    def _transforms(self, taps: int) -> Transforms:
        return winograd_matrices(self.tile if taps > 1 else 1, taps, self.points)


def _require_plain(layer: Layer) -> None:
    if layer.kind != "conv" or any(axis.stride * axis.dilation > 1 for axis in layer.relation.axes):
        raise UnsupportedError("winograd computes the kind conv with stride 1 and dilation 1")


def _infinity(size: int) -> list[Fraction]:
    """The row of the point at infinity: it picks the leading coefficient."""
    return [Fraction(j == size - 1) for j in range(size)]


def _with_roots(roots: list[Fraction]) -> list[Fraction]:
    """The coefficients of the product of x - root, the constant one first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        coefficients = [up - root * down for up, down in zip(shifted, [*coefficients, Fraction(0)], strict=True)]
    return coefficients


def _roundings(*transforms: Matrix) -> int:
    """The most roundings on a path through one axis' three transforms."""
    return sum(max(map(_row_roundings, matrix)) for matrix in transforms)


def _row_roundings(row: list[Fraction]) -> int:
    present = [entry for entry in row if entry]
    return len(present) - 1 + max(map(_entry_roundings, present))


def _entry_roundings(entry: Fraction) -> int:
    if not _is_power_of_two(entry.denominator):
        return 2
    return 0 if _is_power_of_two(abs(entry.numerator)) else 1


def _is_power_of_two(number: int) -> bool:
    return number & (number - 1) == 0


def _absolute(matrix: Matrix) -> Floats:
    return np.abs(np.array(matrix, dtype=np.float64))


def _amplification(at: Matrix, g: Matrix, bt: Matrix) -> Floats:
    """T[j, i, k]: what place j of a tile gets of input i through tap k, on all paths together."""
    return np.asarray(np.einsum("jt,tk,ti->jik", _absolute(at), _absolute(g), _absolute(bt)))


def _amplified(layer: Layer, amplifications: list[Floats]) -> Floats:
    """The sum of the absolute values of all paths to each output element, the largest over its places in a tile."""
    x, w = (np.abs(operand) for operand in layer.operands)
    found = np.zeros(layer.relation.y_shape)
    for places in product(*(range(len(amplification)) for amplification in amplifications)):
        kernel, padding = w, []
        for axis, amplification, j in zip(layer.relation.axes, amplifications, places, strict=True):
            kernel = np.tensordot(kernel, amplification[j], axes=([2], [1]))
            padding.append((axis.lo + j, axis.hi + len(amplification) - 1 - j))
        enlarged = conv_relation(x.shape, kernel.shape, padding=padding, groups=layer.relation.groups)
        np.maximum(found, correlate(x, kernel, enlarged), out=found)
    return found


def _norms(transforms: list[Transforms]) -> float:
    """A bound of what all transforms together multiply a number by."""
    return prod(max(1.0, float(_absolute(matrix).sum(axis=1).max())) for three in transforms for matrix in three)


def _underflow(layer: Layer, accumulation: Accumulation, transforms: list[Transforms]) -> float:
    """What a path loses near underflow, before the transforms and the channels multiply it.

    Each of at most 4 operations a point and transform loses the accumulator's ``absolute``, times the other factor.
    """
    operations = 4 * sum(len(matrix) for three in transforms for matrix in three)
    return accumulation.lost_inputs(layer) + operations * accumulation.absolute * (1 + largest(layer))
