"""Number types that hold every intermediate result: float32 or float64 where they can, else int64, else Python's ints.

A sum of integer products is exact in float64, in whatever order BLAS adds, when the sum of the absolute products is at
most 2**53: every partial sum is then an integer that float64 holds. In float32 the limit is 2**24, in int64 2**63.
Fractions and floats are brought to integers by their common denominator first, so every finite input has an exact
result.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import isfinite, lcm
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...errors import DomainError
from ..options import layer_shape
from ..reference.arrays import exact_array

Array: TypeAlias = npt.NDArray[Any]
Kernel: TypeAlias = Callable[[Array, Array], Array]

FLOAT32_LIMIT = 2**24
FLOAT64_LIMIT = 2**53
INT64_LIMIT = 2**63


def exact_numbers(name: str, values: Any) -> Array:
    """``values`` as int64, or as an object array of ints and Fractions where they do not fit.

    A float counts as the number that it is. NaN, infinity and what is no number raise DomainError.

    >>> exact_numbers("x", [1.0, 2.0]), exact_numbers("x", [0.5, 2**64])
    (array([1, 2]), array([Fraction(1, 2), 18446744073709551616], dtype=object))
    """
    array = exact_array(name, values) if isinstance(values, (list, tuple)) else np.asarray(values)
    if array.dtype == np.int64:
        return array
    if array.dtype.kind in "iub" and array.dtype != np.uint64:
        return array.astype(np.int64)
    if array.dtype in (np.float64, np.float32, np.float16) and np.all(np.abs(array, dtype=np.float64) < FLOAT64_LIMIT):
        rounded = array.astype(np.int64)
        if np.array_equal(rounded, array):
            return rounded
    exact = np.empty(array.shape, dtype=object)
    for index, value in np.ndenumerate(exact_array(name, array)):
        exact[index] = _exact_number(name, value)
    return as_int64(exact)


def layer_numbers(name: str, values: Any) -> Array:
    """Exact numbers with a batch axis, a channel axis and 1 to 3 spatial axes.

    >>> layer_numbers("x", [[[1, 2]]]).shape
    (1, 1, 2)
    """
    array = exact_numbers(name, values)
    layer_shape(name, array.shape)
    return array


def as_int64(array: Array) -> Array:
    """The same numbers as int64 where each is an int that fits, otherwise unchanged.

    >>> as_int64(np.array([1, 2], dtype=object))
    array([1, 2])
    """
    fits = all(isinstance(value, int) and abs(value) < INT64_LIMIT for value in array.flat)
    return array.astype(np.int64) if fits else array


def contract(kernel: Kernel, a: Array, b: Array, *, terms: int) -> Array:
    """``kernel(a, b)``, a bilinear map, without rounding; each of its elements sums at most ``terms`` products.

    int64 if the result surely fits, else an object array.

    >>> contract(np.dot, np.array([2**62, 1]), np.array([4, 1]), terms=2).item()
    18446744073709551617
    """
    (a, a_denominator), (b, b_denominator) = _integers(a), _integers(b)
    carrier = _carrier(kernel, a, b, terms)
    result = np.asarray(kernel(a.astype(carrier, copy=False), b.astype(carrier, copy=False)))
    if carrier.kind == "f":
        result = result.astype(np.int64)
    return quotient(result, a_denominator * b_denominator)


def total(a: Array, b: Array) -> Array:
    """``a + b`` without overflow.

    >>> total(np.array([2**62]), np.array([2**62]))
    array([9223372036854775808], dtype=object)
    """
    if a.dtype == b.dtype == np.int64 and peak(a) + peak(b) < INT64_LIMIT:
        return np.asarray(a + b)
    return np.asarray(a.astype(object) + b.astype(object))


def quotient(array: Array, divisor: int | Array) -> Array:
    """``array / divisor``: integers where all of it divides, else Fractions.

    >>> quotient(np.array([4, 6]), 2), quotient(np.array([1]), 2)
    (array([2, 3]), array([Fraction(1, 2)], dtype=object))
    """
    if isinstance(divisor, int) and divisor == 1:
        return array
    if array.dtype == np.int64 and (isinstance(divisor, np.ndarray) or divisor < INT64_LIMIT):
        whole, rest = np.divmod(array, divisor)
        if not np.any(rest):
            return np.asarray(whole)
    return np.asarray(np.frompyfunc(Fraction, 2, 1)(array, divisor), dtype=object)


def peak(array: Array) -> int:
    """The largest absolute value of an array of ints; 0 for none.

    >>> peak(np.array([3, -5]))
    5
    """
    return max(int(array.max()), -int(array.min())) if array.size else 0


def _exact_number(name: str, value: Any) -> int | Fraction:
    if isinstance(value, (int, Fraction)):
        return value
    if isinstance(value, float) and isfinite(value):
        return int(value) if value.is_integer() else Fraction(value)
    raise DomainError(name, value, "needs finite real numbers")


def _integers(array: Array) -> tuple[Array, int]:
    """The array times a common denominator, and that denominator."""
    if array.dtype == np.int64:
        return array, 1
    denominator = lcm(*(value.denominator for value in array.flat))
    scaled = np.frompyfunc(lambda value: int(value * denominator), 1, 1)(array)
    return as_int64(np.asarray(scaled, dtype=object)), denominator


def _carrier(kernel: Kernel, a: Array, b: Array, terms: int) -> np.dtype[Any]:
    if a.dtype == b.dtype == np.int64:
        bound: float = peak(a) * peak(b) * terms
        if bound <= FLOAT32_LIMIT:
            return np.dtype(np.float32)
        if bound > FLOAT64_LIMIT:
            bound = _largest_sum(kernel, a, b, terms)
        if bound <= FLOAT64_LIMIT:
            return np.dtype(np.float64)
        if bound < INT64_LIMIT:
            return np.dtype(np.int64)
    return np.dtype(object)


def _largest_sum(kernel: Kernel, a: Array, b: Array, terms: int) -> float:
    """An upper bound of ``kernel(|a|, |b|)``: its value in float64, enlarged by more than that can have lost.

    Two conversions, a product and up to ``terms`` additions lose a factor of at most (1 - 2**-53)**(terms + 3).
    """
    largest = np.max(kernel(np.abs(a.astype(np.float64)), np.abs(b.astype(np.float64))))
    return float(largest) * (1 + (terms + 4) * 2.0**-52)
