"""Exact numbers next to floats: floats as integers times a power of two, and exact results as sums of two float64."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from .exact.arithmetic import INT64_LIMIT, as_int64, peak, total

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

_SPLIT_LIMIT = 2**62  # below it no integer rounds to a float64 outside int64


@dataclass(frozen=True)
class Scaled:
    """``numerators`` * 2**exponent: numerators are int64, or Python ints or Fractions in an object array.

    >>> scaled("x", [0.5, -3.0])
    Scaled(numerators=array([ 1, -6]), exponent=-1)
    """

    numerators: Array
    exponent: int

    def plus(self, other: Scaled) -> Scaled:
        """The sum, element by element."""
        exponent = min(self.exponent, other.exponent)
        return Scaled(total(_lowered(self, exponent), _lowered(other, exponent)), exponent)


@dataclass(frozen=True)
class DoubleFloats:
    """Numbers as unevaluated sums ``high + low``: high is the nearest float64, low the nearest to what it leaves.

    The sum differs from the number by at most 2**-106 of it, underflow aside; integers below 2**106 are exact. A number
    beyond the range of float64 has an infinite ``high``.

    >>> value = DoubleFloats.of(Scaled(np.array([2**60 + 1]), 0))
    >>> value.high.item() == 2**60, value.low.item()
    (True, 1.0)
    """

    high: Floats
    low: Floats

    @classmethod
    def of(cls, value: Scaled) -> DoubleFloats:
        """The numbers of ``value``."""
        if value.numerators.dtype != np.int64 or peak(value.numerators) > _SPLIT_LIMIT:
            return cls._of_objects(value)
        high = value.numerators.astype(np.float64)
        low = (value.numerators - high.astype(np.int64)).astype(np.float64)
        with np.errstate(over="ignore", under="ignore"):
            return cls(np.ldexp(high, value.exponent), np.ldexp(low, value.exponent))

    @classmethod
    def _of_objects(cls, value: Scaled) -> DoubleFloats:
        parts = [_split(numerator, value.exponent) for numerator in value.numerators.ravel().tolist()]
        high, low = np.array(parts, dtype=np.float64).reshape(-1, 2).T
        return cls(high.reshape(value.numerators.shape), low.reshape(value.numerators.shape))

    def distance(self, got: Array) -> Floats:
        """Absolute differences to numbers of any NumPy type, each right to within a factor of 1 +- 2**-50.

        Where ``got`` and ``high`` are within a factor of two of each other their difference is exact (Sterbenz's lemma
        [Higham2002, chapter 2]) and subtracting ``low`` rounds once; elsewhere ``low`` is far below the difference.
        """
        other = DoubleFloats.of(Scaled(got, 0)) if got.dtype.kind in "iub" else None
        high = got.astype(np.float64) if other is None else other.high
        low = 0.0 if other is None else other.low
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs((high - self.high) + (low - self.low)), dtype=np.float64)


def scaled(name: str, values: Any) -> Scaled:
    """Finite floats or integers as integers with a common power of two; NaN and infinity raise DomainError.

    >>> scaled("bias", [1.25, 0.0]).numerators.tolist()
    [5, 0]
    """
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return Scaled(as_int64(array.astype(object)) if array.dtype == np.uint64 else array.astype(np.int64), 0)
    if array.dtype.kind != "f" or array.dtype.itemsize > 8:
        raise DomainError(name, array.dtype.name, "needs numbers of at most 64 bits")
    if not np.all(np.isfinite(array)):
        raise DomainError(name, float(array[~np.isfinite(array)][0]), "needs finite numbers")
    fraction, exponent = np.frexp(array.astype(np.float64))
    significand = np.ldexp(fraction, 53).astype(np.int64)
    present = significand != 0
    if not present.any():
        return Scaled(significand, 0)
    least = int(np.min((exponent - 53 + _trailing_zeros(significand))[present]))
    shift = np.where(present, exponent - 53 - least, 0)
    return Scaled(_shifted(significand, shift), least)


def _trailing_zeros(numbers: Array) -> Array:
    """How often 2 divides each; 0 for 0."""
    lowest = numbers & -numbers
    return np.asarray(np.maximum(np.frexp(lowest.astype(np.float64))[1] - 1, 0))


def _shifted(numbers: Array, shift: Array) -> Array:
    """``numbers`` * 2**shift, where that is known to be integers."""
    right = numbers >> np.clip(-shift, 0, 63)
    left = np.maximum(shift, 0)
    if peak(right) << int(left.max(initial=0)) < INT64_LIMIT:
        return np.asarray(right << left)
    return np.asarray(np.frompyfunc(lambda number, bits: int(number) << int(bits), 2, 1)(right, left), dtype=object)


def _lowered(value: Scaled, exponent: int) -> Array:
    bits = value.exponent - exponent
    numerators = value.numerators
    if numerators.dtype == np.int64 and peak(numerators) << bits < INT64_LIMIT:
        return np.asarray(numerators << bits)
    return np.asarray(numerators.astype(object) * (1 << bits))


def _split(numerator: int | Fraction, exponent: int) -> tuple[float, float]:
    """The nearest float64 to ``numerator`` * 2**exponent, and to what it leaves: Python's int / int is rounded once."""
    above, below = numerator.as_integer_ratio()
    above, below = (above << exponent, below) if exponent >= 0 else (above, below << -exponent)
    try:
        high = above / below
    except OverflowError:
        return (inf if above > 0 else -inf), 0.0
    near, unit = high.as_integer_ratio()
    return high, (above * unit - near * below) / (below * unit)
