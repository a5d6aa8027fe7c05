"""How sizes and their quotients compare: exactly wherever floats do, and what comes out is noted."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from .number import Number, look, number_of
from .rounding import EXACT, SURE, are_exact, is_power, most, short
from .trail import Term, listening


def term_of(size: Any) -> Term:
    """The term of a size; itself for any other int."""
    term: Term = size.term if isinstance(size, Number) else int(size)
    return term


def most_of(item: Any) -> int:
    """What an int stays below or at, sizes being below :data:`SURE`, or as they are where they are larger."""
    return max(abs(int(number_of(item))), most(term_of(item), SURE))


def ratio(item: Any) -> tuple[Any, Any] | None:
    """A size, quotient, int or float as a quotient; None for anything else, and for a float that is none."""
    if isinstance(item, Number):
        return item._ratio()
    if isinstance(item, int):
        return item, 1
    return item.as_integer_ratio() if isinstance(item, float) and isfinite(item) else None


def exact(item: Any) -> tuple[Any, Any] | None:
    """As :func:`ratio`, for floats that are short."""
    return short(item) if type(item) is float else ratio(item)


def decide(name: str, left: Any, right: Any, holds: bool) -> None:
    """Note that a comparison of sizes holds, or that it does not."""
    sides = term_of(left), term_of(right)
    if sides[0] == sides[1] or all(type(side) is int for side in sides) or (note := listening(*sides)) is None:
        return
    if name in (">", ">="):
        name, sides = name.replace(">", "<"), sides[::-1]
    if name == "!=":
        name, holds = "==", not holds
    question = (name, *sides)
    if holds:
        found = question
    elif name == "==":
        found = ("<", *(sides if number_of(left) < number_of(right) else sides[::-1]))
    else:
        found = ("<=" if name == "<" else "<", *sides[::-1])
    note.decide(question, found)


def of_sizes(name: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    """The method by which a size compares; a quotient knows better how it compares with a size."""

    def compared(self: Any, other: Any) -> Any:
        if not isinstance(other, int | float) or (isinstance(other, Number) and type(other) is not type(self)):
            return NotImplemented
        holds = compare(number_of(self), number_of(other))
        if isinstance(other, int):
            decide(name, self, other, holds)
        elif isfinite(other):
            over, under = other.as_integer_ratio()
            decide(name, self * under, over, holds)
        return holds

    return compared


def of_quotients(name: str, compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Any]:
    """The method by which a quotient compares; where floats may be rounded otherwise, both numbers are told."""

    def compared(self: Any, other: Any) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        holds = compare(number_of(self), number_of(other))
        if (others := ratio(other)) is None:
            return holds
        if _is_rounded_otherwise(self, other):
            look((self, other))
        else:
            decide(name, self.over * others[1], others[0] * self.under, holds)
        return holds

    return compared


def _is_rounded_otherwise(quotient: Any, other: Any) -> bool:
    """Whether floats may compare otherwise than what they are rounded from."""
    if type(other) is type(quotient):
        return not are_exact(quotient._ratio(), other._ratio())
    if is_power(quotient.under):
        return type(other) is float and short(other) is None
    found = exact(other)
    return found is None or most_of(quotient.under) * max(1, most_of(found[0])) >= EXACT
