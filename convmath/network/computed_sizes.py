"""Sizes that a network computes with while it is read: ints that know of which sizes they are made.

An importer that follows a network's own code hands it a :class:`Size` for each size that the code asks for. It is the
int that it is, and carries its term; comparisons of sizes are noted. A size that leaves Python's arithmetic, as the
length of a range or as text, loses its term and is an int.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from math import isfinite
from typing import Any

from ..division import is_symbolic
from .operators import Operator
from .trail import COMPUTE, RECORDER, Leaf, Operation, Term

MOST_OPERATIONS = 64
"""A size that takes more operations than these loses its term."""

NO_END = 2**63 - 1
"""The end of a slice that has none, as exported programs write it."""

MOST_DIGITS = 2**20
"""A float is a quotient of ints up to this; products with sizes below 2**33 are exact."""


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
}


class Size(int):
    """An int with the term of how it was computed.

    Arithmetic with ints gives others; floor division by what is not positive, and whatever is more than arithmetic,
    gives an int.

    >>> n = Size(225, Leaf("conv1", 2))
    >>> (n + 1) // 2 - 3, ((n + 1) // 2 - 3).term == Operation("-", ((n + 1) // 2).term, 3, 3)
    (110, True)
    >>> type(int(n)), type(sum([n, n])).__name__
    (<class 'int'>, 'Size')
    """

    term: Leaf | Operation

    def __new__(cls, number: int, term: Leaf | Operation) -> Size:
        """The int ``number``, computed so."""
        made = int.__new__(cls, number)
        made.term = term
        return made

    def __getnewargs__(self) -> Any:
        """What a copy is made of."""
        return int(self), self.term

    __hash__ = int.__hash__

    def __mul__(self, other: Any) -> Any:
        """With a short float, a quotient."""
        if type(other) is float and isfinite(other):
            over, under = other.as_integer_ratio()
            if max(abs(over), under) <= MOST_DIGITS:
                return Quotient(self * over, under)
            look((self,))
            return int(self) * other
        return _computed("*", self, other)

    def __truediv__(self, other: Any) -> Any:
        """As a quotient."""
        return _quotient(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        """As a quotient."""
        return _quotient(other, self)

    def __divmod__(self, other: Any) -> Any:
        """Both at once."""
        return NotImplemented if not isinstance(other, int) else (self // other, self % other)

    def __rdivmod__(self, other: Any) -> Any:
        """Both at once."""
        return NotImplemented if not isinstance(other, int) else (other // self, other % self)

    def __pow__(self, other: Any, *modulus: Any) -> Any:
        """By a small number, a product."""
        if modulus or type(other) is not int or not 1 <= other <= 4:
            return int.__pow__(self, other, *modulus)
        found: Any = self
        for _ in range(other - 1):
            found = found * self
        return found

    def __lshift__(self, other: Any) -> Any:
        """A product."""
        return self * 2**other if type(other) is int and 0 <= other <= 32 else int.__lshift__(self, other)

    def __rshift__(self, other: Any) -> Any:
        """A quotient, rounded down."""
        return self // 2**other if type(other) is int and 0 <= other <= 32 else int.__rshift__(self, other)

    def __neg__(self) -> Any:
        """The other sign."""
        return 0 - self

    def __pos__(self) -> Size:
        """Itself."""
        return self

    def __abs__(self) -> Any:
        """Without its sign."""
        return self if self >= 0 else -self

    def __floor__(self) -> Size:
        """Itself."""
        return self

    __ceil__ = __trunc__ = __floor__

    def __round__(self, *digits: Any) -> Any:
        """Itself."""
        return int.__round__(self, *digits) if digits else self

    def __bool__(self) -> bool:
        """Whether it is not 0."""
        return self != 0


class Quotient(float):
    """A quotient of two sizes, the second of which is positive, as a float; it is rounded as the quotient itself.

    Sizes stay below 2**53, where a quotient of floats is rounded down or up as the exact one.

    >>> from math import ceil, floor
    >>> half = Size(225, Leaf("conv1", 2)) / 2
    >>> float(half), floor(half).term == Operation("//", Leaf("conv1", 2), 2, 1), ceil(half)
    (112.5, True, 113)
    """

    over: int
    under: int

    def __new__(cls, over: int, under: int) -> Quotient:
        """The quotient of both."""
        made = float.__new__(cls, int(over) / int(under))
        made.over, made.under = over, under
        return made

    def __getnewargs__(self) -> Any:
        """What a copy is made of."""
        return self.over, self.under

    __hash__ = float.__hash__

    def __floor__(self) -> Any:
        """Rounded down."""
        return self.over // self.under

    def __ceil__(self) -> Any:
        """Rounded up."""
        return -(-self.over // self.under)

    def __trunc__(self) -> Any:
        """Rounded towards 0."""
        return self.__floor__() if self >= 0 else self.__ceil__()

    def __bool__(self) -> bool:
        """Whether it is not 0."""
        return self != 0.0


def _computed(name: str, left: Any, right: Any) -> Any:
    """The result with its term; without it where it is long, or where the divisor is not positive."""
    if not isinstance(left, int) or not isinstance(right, int):
        return NotImplemented
    number = COMPUTE[name](int(left), int(right))
    if name in ("//", "%"):
        if int(right) < 0:
            look((left, right))
            return number
        _decide("<", 0, right, True)
    return _with_term(number, name, term_of(left), term_of(right))


def _with_term(number: int, name: str, left: Any, right: Any) -> int:
    if (name, right) in (("*", 1), ("//", 1), ("+", 0), ("-", 0)):
        return Size(number, left)
    if (name, left) in (("*", 1), ("+", 0)):
        return Size(number, right)
    length = 1 + sum(side.length for side in (left, right) if isinstance(side, Operation))
    made = Size(number, Operation(name, left, right, length))
    if length <= MOST_OPERATIONS:
        return made
    look((made,))
    return number


def _quotient(over: Any, under: Any) -> Any:
    if not isinstance(over, int) or not isinstance(under, int):
        return NotImplemented
    if int(under) <= 0:
        look((over, under))
        return int(over) / int(under)
    _decide("<", 0, under, True)
    return Quotient(over, under)


def term_of(number: int) -> Term:
    """The term of a size; itself for any other int."""
    return number.term if type(number) is Size else int(number)


def _ratio(number: Any) -> tuple[int, int] | None:
    """A size, int or float as a quotient; None for anything else, as nothing needs to be noted of it."""
    if isinstance(number, int):
        return number, 1
    if type(number) is Quotient:
        return number.over, number.under
    return number.as_integer_ratio() if isinstance(number, float) and isfinite(number) else None


def _decide(name: str, left: int, right: int, holds: bool) -> None:
    """Note that a comparison of sizes holds, or that it does not."""
    sides = term_of(left), term_of(right)
    note = RECORDER.get()
    if note is None or sides[0] == sides[1] or all(type(side) is int for side in sides):
        return
    if name in (">", ">="):
        name, sides = name.replace(">", "<"), sides[::-1]
    if name == "!=":
        name, holds = "==", not holds
    if holds:
        found = (name, *sides)
    elif name == "==":
        found = ("<", *(sides if int(left) < int(right) else sides[::-1]))
    else:
        found = ("<=" if name == "<" else "<", *sides[::-1])
    note.decide((name, *sides), found)


def _arithmetic(name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return lambda self, other: _computed(name, self, other), lambda self, other: _computed(name, other, self)


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    def compare(self: Any, other: Any) -> Any:
        own, others = _ratio(self), _ratio(other)
        plain = int if isinstance(self, int) else float
        if not isinstance(other, int | float):
            return NotImplemented
        holds = _COMPARE[name](plain(self), int(other) if isinstance(other, int) else float(other))
        if own is not None and others is not None:
            _decide(name, own[0] * others[1], others[0] * own[1], holds)
        return holds

    return compare


for _symbol, _method in (("+", "add"), ("-", "sub"), ("*", "mul"), ("//", "floordiv"), ("%", "mod")):
    _forward, _reflected = _arithmetic(_symbol)
    if _symbol != "*":
        setattr(Size, f"__{_method}__", _forward)
    setattr(Size, f"__r{_method}__", _reflected)
for _symbol, _method in (("<", "lt"), ("<=", "le"), ("==", "eq"), ("!=", "ne"), (">", "gt"), (">=", "ge")):
    setattr(Size, f"__{_method}__", _comparison(_symbol))
    setattr(Quotient, f"__{_method}__", _comparison(_symbol))


# Sizes of nodes, and in the parameters of operators


def sizes_of_node(node: int | str, sizes: Iterable[Any]) -> tuple[Any, ...]:
    """The sizes of a node's output, ints with their terms."""
    return tuple(
        Size(size, Leaf(node, dimension)) if isinstance(size, int) else size for dimension, size in enumerate(sizes)
    )


def look(sizes: Iterable[Any]) -> None:
    """Note that these sizes go on without their terms, or are told to code that may do so."""
    if (note := RECORDER.get()) is not None:
        for size in sizes:
            if type(size) is Size:
                note.look(size.term)


def sizes_in(operator: Operator) -> tuple[Size, ...]:
    """The sizes with terms among the parameters of an operator.

    >>> from convmath.network.operators import Resize
    >>> sizes_in(Resize("nearest", output_size=(Size(7, Leaf("conv1", 2)), 8)))
    (7,)
    """
    found: list[Size] = []
    changed(operator, lambda size: found.append(size) or size)  # type: ignore[func-returns-value]
    return tuple(found)


def changed(operator: Operator, change: Callable[[Size], Any]) -> Operator:
    """An operator with other sizes for those with terms among its parameters; itself if it has none.

    >>> from convmath.network.operators import Reshape
    >>> type(changed(Reshape((3, Size(7, Leaf("conv1", 2)))), int).shape[1])
    <class 'int'>
    """
    others = {}
    for one in fields(operator):  # type: ignore[arg-type]
        before = getattr(operator, one.name)
        after = _changed(before, change)
        if after is not before:
            others[one.name] = after
    found: Operator = replace(operator, **others) if others else operator  # type: ignore[type-var]
    return found


def _changed(item: Any, change: Callable[[Size], Any]) -> Any:
    if type(item) is Size:
        return change(item)
    if type(item) is tuple:
        parts = tuple(_changed(part, change) for part in item)
        return item if all(map(operator.is_, parts, item)) else parts
    return item


def numbers(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes without their terms."""
    return tuple(int(size) if type(size) is Size else size for size in sizes)


def same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether sizes are equal; that they are not is not noted, for what is right for equal sizes, too."""
    return numbers(first) == numbers(second) and first == second


def cropping(
    sizes: tuple[Any, ...], amounts: tuple[tuple[Any, Any], ...]
) -> tuple[list[tuple[int, Any, Any]], tuple[tuple[Any, Any], ...]]:
    """What padding by negative amounts crops first, as dimension, start and end, and the amounts that are left.

    >>> cropping((3, 6), ((0, 0), (-1, 2)))
    ([(1, 1, 6)], ((0, 0), (0, 2)))
    """
    negative = [[0 if is_symbolic(amount) or amount >= 0 else amount for amount in pair] for pair in amounts]
    cuts = [(d, -start, sizes[d] + stop) for d, (start, stop) in enumerate(negative) if start or stop]
    rows = zip(amounts, negative, strict=True)
    return cuts, tuple((before - start, after - stop) for (before, after), (start, stop) in rows)


def bounds(n: int, start: int | None, stop: int | None, step: int = 1) -> tuple[int, int]:
    """Where a slice of ``n`` elements begins and ends, as ``slice.indices`` says it; sizes keep their terms.

    >>> bounds(9, -3, None), bounds(9, 2, 99), bounds(9, None, None, -1)
    ((6, 9), (2, 9), (8, -1))
    """
    if step < 0:
        first, last, _ = slice(start, stop, step).indices(n)
        look((n,))
        return first, last
    return _bound(n, start, 0), _bound(n, stop, n)


def _bound(n: int, bound: int | None, default: int) -> int:
    if bound is None or (type(bound) is int and bound >= NO_END):
        return default if bound is None else n
    place = bound + n if bound < 0 else bound
    return 0 if place < 0 else min(place, n)
