"""Where floats that are made of sizes are rounded on the same side of any integer as what they stand for."""

from __future__ import annotations

from math import isfinite
from typing import Any

from .trail import Leaf, Operation, Term

MOST_DIGITS = 2**20
"""A float is a quotient of ints up to this."""

SURE = 2**23
"""Of sizes below this it is known that what is divided stays below :data:`EXACT`, or its quotient is not followed."""

EXACT = 2**47
"""Below this a quotient of floats, and what so many operations make of it, is on the same side of any integer."""


def are_exact(*ratios: tuple[Any, Any]) -> bool:
    """Whether quotients are floats that are not rounded, at every size."""
    return all(is_power(under) for _, under in ratios)


def is_one(item: Any) -> bool:
    """Whether it is 1 at every size."""
    return type(item) is int and item == 1


def is_power(item: Any) -> bool:
    """Whether it is a power of two at every size."""
    return type(item) is int and item & (item - 1) == 0


def short(item: Any) -> tuple[int, int] | None:
    """A short float as a quotient of ints; None for anything else."""
    if type(item) is not float or not isfinite(item):
        return None
    over, under = item.as_integer_ratio()
    return (over, under) if max(abs(over), under) <= MOST_DIGITS else None


def most(term: Term, largest: int) -> int:
    """What the number of a term stays below or at, with either sign, if sizes of nodes do, and divisors are positive.

    >>> most(Operation("-", Operation("*", Leaf("conv1", 2), 3, 1), 5, 2), 100)
    305
    """
    if isinstance(term, Leaf):
        return largest
    if isinstance(term, Operation):
        left, right = most(term.left, largest), most(term.right, largest)
        return {"+": left + right, "-": left + right, "*": left * right, "//": left, "%": right}[term.name]
    return abs(term)
