"""What the parameters of operators may be: each operator names a domain for each of them, and it is checked there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import inf
from typing import Any, TypeAlias

from ...division import is_symbolic
from ...geometry import PADDING_FORMS

Holds: TypeAlias = Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Domain:
    """The values that a parameter may have.

    Attributes: holds: whether it has a value. needs: what it needs, in words.
    """

    holds: Holds
    needs: str

    def __or__(self, other: Domain) -> Domain:
        """The values of either.

        >>> (COUNT | NONE).needs
        'an integer >= 0, or None'
        """
        first, second = self.holds, other.holds
        return Domain(lambda value: first(value) or second(value), f"{self.needs}, or {other.needs}")


def least(bound: int | None) -> Domain:
    """Integers from a bound on, or all; of those that only a symbol stands for, all that may be integers.

    >>> [least(1).holds(value) for value in (1, 0, True, 1.0)], least(1).needs
    ([True, False, False, False], 'an integer >= 1')
    """
    low = -inf if bound is None else bound

    def holds(value: Any) -> bool:
        return value >= low if type(value) is int else _stands_for(value, low)

    return Domain(holds, "an integer" if bound is None else f"an integer >= {bound}")


def between(first: int, last: int) -> Domain:
    """Integers from one to another.

    >>> [between(1, 9).holds(value) for value in (0, 9, 10, 2.0)], between(1, 9).needs
    ([False, True, False, False], 'an integer from 1 to 9')
    """
    return Domain(lambda value: type(value) is int and first <= value <= last, f"an integer from {first} to {last}")


def _stands_for(value: Any, low: float) -> bool:
    """Whether a size that is computed, or a term, may be an integer from a bound on."""
    if isinstance(value, int) and not isinstance(value, bool):
        return True  # the operator that has its number is checked
    if not is_symbolic(value) or value.is_integer is False:
        return False
    return bool(value >= low) if value.is_number else True


def one_of(*names: str) -> Domain:
    """Some names.

    >>> one_of("max", "avg").needs
    'one of max, avg'
    """
    known = frozenset(names)
    return Domain(lambda value: type(value) is str and value in known, f"one of {', '.join(names)}")


def several(each: Domain, needs: str, *, once: bool = False, empty: bool = True) -> Domain:
    """Tuples of such values, each at most once where that is said.

    >>> DIMS.holds((1, 2)), DIMS.holds((2, 2)), DIMS.holds((-1,)), DIMS.holds(2)
    (True, False, False, False)
    """
    holds = each.holds

    def all_hold(value: Any) -> bool:
        if type(value) is not tuple or not (value or empty) or not all(map(holds, value)):
            return False
        return not once or len(set(value)) == len(value)

    return Domain(all_hold, needs)


def each_axis(each: Domain) -> Domain:
    """One value, or one for each axis.

    >>> POSITIVE_PER_AXIS.needs
    'an integer >= 1, or one for each axis'
    """
    holds = each.holds
    return Domain(
        lambda value: all(map(holds, value)) if type(value) is tuple else holds(value),
        f"{each.needs}, or one for each axis",
    )


Domains: TypeAlias = Mapping[str, Domain]
"""What each parameter may be, by its name."""

ANY = least(None)
COUNT = least(0)
POSITIVE = least(1)
NONE = Domain(lambda value: value is None, "None")
FLAG = Domain(lambda value: value is True or value is False, "True or False")
TEXT = Domain(lambda value: type(value) is str, "a text")
NAME = Domain(lambda value: type(value) is str and value != "", "a name")
SHARE = Domain(lambda value: type(value) in (int, float) and 0 <= value <= 1, "a number from 0 to 1")
SIZE_PER_AXIS = several(POSITIVE, "one integer per axis, each >= 1, such as (3, 3)", empty=False)
POSITIVE_PER_AXIS, COUNT_PER_AXIS = each_axis(POSITIVE), each_axis(COUNT)
DIM = Domain(COUNT.holds, "the number of a dimension, from 0")
DIMS = several(COUNT, "different dimensions, each a number from 0, such as (2, 3)", once=True)
INTEGERS = several(ANY, "a tuple of integers")
COUNTS = several(COUNT, "a tuple of integers >= 0")
PAIRS = several(
    Domain(lambda pair: INTEGERS.holds(pair) and len(pair) == 2, "a pair"), "a pair of integers for each dimension"
)
_SIDES = Domain(
    lambda value: ANY.holds(value) or (INTEGERS.holds(value) and len(value) == 2), "an integer or a pair of integers"
)
_PER_AXIS = each_axis(_SIDES)
PADDING = Domain(
    lambda value: value in PADDING_FORMS if type(value) is str else _PER_AXIS.holds(value),
    f"one of {', '.join(PADDING_FORMS)}, an integer, or an integer or a pair for each axis",
)
WINDOW: Domains = {
    "kernel_size": SIZE_PER_AXIS,
    "stride": POSITIVE_PER_AXIS,
    "padding": PADDING,
    "dilation": POSITIVE_PER_AXIS,
}
"""What the options of a window may be."""
SCALES = several(
    Domain(lambda value: type(value) is Fraction and 1 <= value * 2**64 <= 2**128, ""),
    "a Fraction or an integer > 0 for each axis, from 1/2**64 to 2**64, such as (Fraction(3, 2), 2)",
    empty=False,
)


def with_python_ints(value: Any) -> Any:
    """A value whose integers of NumPy are ints, in tuples too.

    >>> with_python_ints((3, "same"))
    (3, 'same')
    """
    if type(value) is tuple:
        return tuple(map(with_python_ints, value))
    numpy = sys.modules.get("numpy")
    return int(value) if numpy is not None and isinstance(value, numpy.integer) else value
