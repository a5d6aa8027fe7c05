"""Exact numbers: what a worked example computes with, and how large it may grow."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from ..oracle.options import Index, IntOrAxes, Padding, padding_pairs, per_axis
from ..oracle.reference.arrays import ObjectArray, exact_array

Number: TypeAlias = int | Fraction

MOST_ELEMENTS = 4096
"""Elements of an array that is written out."""
MOST_PRODUCTS = 10**6
"""Products of a calculation."""
MOST_DIGITS = 34
"""Digits above or below a fraction line: a fraction stays narrower than a line."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+/0*[1-9][0-9]*|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,2})?)")
_FORMS = "needs numbers such as 3, -1.5, 2e-3 or 2/3"


def number(parameter: str, text: str) -> Number:
    """An integer, a decimal or a fraction, exactly.

    Raises:
        DomainError: the text is none of these, or has too many digits.

    >>> number("input", "-3"), number("input", "0.1"), number("input", "2/4")
    (-3, Fraction(1, 10), Fraction(1, 2))
    """
    if not _NUMBER.fullmatch(text):
        shown = text if len(text) <= 40 else f"{text[:37]}..."
        raise DomainError(parameter, shown, _FORMS)
    if len(text) > 4 * MOST_DIGITS:
        raise DomainError(parameter, f"{text[:37]}...", f"needs numbers of at most {MOST_DIGITS} digits")
    return exact(parameter, Fraction(text))


def exact(parameter: str, value: Any, *, binary: bool = False) -> Number:
    """A Python or NumPy number as an int or a Fraction.

    A float stands for the shortest decimal that is rounded to it, which is what Python and NumPy print for it; with
    ``binary`` for the binary fraction that it holds.

    Raises:
        DomainError: it is no finite real number, or has too many digits.

    >>> exact("x", 0.1), exact("x", np.float32(0.1)), exact("x", 2.0), exact("x", True)
    (Fraction(1, 10), Fraction(1, 10), 2, 1)
    >>> exact("x", 0.1, binary=True)
    Fraction(3602879701896397, 36028797018963968)
    """
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return _short(parameter, Fraction(int(value)))
    if isinstance(value, Fraction):
        return _short(parameter, value)
    if isinstance(value, (float, np.floating)):
        if not np.isfinite(value):
            raise DomainError(parameter, float(value), "needs finite numbers")
        return _short(parameter, Fraction(*value.as_integer_ratio()) if binary else _decimal(value))
    raise DomainError(parameter, value, "needs numbers: ints, Fractions or floats")


def _decimal(value: float | np.floating[Any]) -> Fraction:
    """The decimal with the fewest digits that is rounded to the float."""
    return Fraction(np.format_float_scientific(value, unique=True, trim="-"))


def _short(parameter: str, value: Fraction) -> Number:
    if max(abs(value.numerator), value.denominator) >= 10**MOST_DIGITS:
        rounded = f"{Decimal(value.numerator) / Decimal(value.denominator):.3g}"
        condition = f"needs numbers with at most {MOST_DIGITS} digits above and below the fraction line: round them"
        raise DomainError(parameter, rounded, condition)
    return value.numerator if value.denominator == 1 else value


def array(parameter: str, values: Any, axes: tuple[int, ...], *, binary: bool = False) -> ObjectArray:
    """An array of exact numbers, read as by :func:`exact`, that has one of these numbers of axes, none of them empty.

    Raises:
        DomainError: the shape or a number is wrong, or there are more than a page can hold.

    >>> array("x", [[1, 0.5]], (2,)).tolist()
    [[1, Fraction(1, 2)]]
    """
    if not isinstance(values, (list, tuple)) and getattr(values, "size", 0) > MOST_ELEMENTS:
        require_writable(parameter, tuple(values.shape))
    found = exact_array(parameter, _without_floats(parameter, values, binary))
    if found.ndim not in axes:
        raise DomainError(parameter, found.shape, f"needs {' or '.join(map(str, axes))} axes, and has {found.ndim}")
    if 0 in found.shape:
        raise DomainError(parameter, found.shape, "needs at least one element on each axis")
    require_writable(parameter, found.shape)
    for index, value in np.ndenumerate(found):
        found[index] = exact(parameter, value)
    return found


def _without_floats(parameter: str, values: Any, binary: bool) -> npt.NDArray[Any]:
    """The values with exact numbers in place of floats, whose precision says which decimals they stand for."""
    given = np.array(values, dtype=object) if isinstance(values, (list, tuple)) else np.asarray(values)
    if given.dtype.kind not in "fO":
        return given
    found = np.empty(given.shape, dtype=object)
    for index, value in np.ndenumerate(given):
        is_float = isinstance(value, (float, np.floating))
        found[index] = exact(parameter, value, binary=binary) if is_float else value
    return found


def require_writable(parameter: str, shape: Index, what: str = "elements") -> None:
    """Raise DomainError unless every element of an array of this shape can be written out.

    >>> require_writable("x", (1, 28, 28))
    """
    if prod(shape) > MOST_ELEMENTS:
        raise DomainError(
            parameter,
            shape,
            f"has {prod(shape)} {what}, and a worked example writes every one (needs at most {MOST_ELEMENTS})",
        )


def require_products(count: int) -> None:
    """Raise DomainError unless a calculation of so many products is small enough.

    >>> require_products(700)
    """
    if count > MOST_PRODUCTS:
        raise DomainError(
            "products", count, f"needs at most {MOST_PRODUCTS}: take a smaller input, kernel or number of channels"
        )


def finished(name: str, result: ObjectArray) -> ObjectArray:
    """A result with whole Fractions as ints.

    Raises:
        DomainError: a number has more digits than fit on a line.

    >>> finished("y", np.array([Fraction(4, 2)], dtype=object)).tolist()
    [2]
    """
    for index, value in np.ndenumerate(result):
        result[index] = exact(name, value)
    return result


def nonnegative_padding(padding: Padding, ndim: int) -> tuple[tuple[int, int], ...]:
    """One (lo, hi) per axis.

    Raises:
        DomainError: it is negative, or no padding at all.

    >>> nonnegative_padding(1, 2)
    ((1, 1), (1, 1))
    """
    pairs = padding_pairs(padding, ndim)
    if min(min(pair) for pair in pairs) < 0:
        raise DomainError("padding", padding, "needs padding >= 0")
    return pairs


def per_axes(name: str, value: IntOrAxes, ndim: int, least: int = 1) -> Index:
    """One int per axis.

    >>> per_axes("stride", 2, 2)
    (2, 2)
    """
    return per_axis(name, value, ndim, least=least)
