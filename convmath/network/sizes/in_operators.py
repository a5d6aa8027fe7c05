"""Sizes with terms: those of a node, and those among the parameters of an operator."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields, replace
from functools import cache
from typing import Any

from ...division import is_symbolic
from ..operators import Operator
from .number import look, number_of
from .size import Size
from .trail import Leaf

NO_END = 2**63 - 1
"""The end of a slice that has none, as exported programs write it."""


def sizes_of_node(node: int | str, sizes: Iterable[Any]) -> tuple[Any, ...]:
    """The sizes of a node's output, ints with their terms."""
    return tuple([size_of_node(node, dimension, size) for dimension, size in enumerate(sizes)])


def size_of_node(node: int | str, dimension: int, size: Any) -> Any:
    """One of the sizes of a node's output, an int with its term."""
    return Size(number_of(size), Leaf(node, dimension)) if isinstance(size, int) else size


def sizes_in(operator: Operator) -> tuple[Size, ...]:
    """The sizes with terms among the parameters of an operator.

    >>> from convmath.network.operators import Resize
    >>> sizes_in(Resize("nearest", output_size=(Size(7, Leaf("conv1", 2)), 8)))
    (7,)
    """
    held = vars(operator)
    return tuple([size for name in _names(type(operator)) for size in _sizes_in(held[name])])


def _sizes_in(item: Any) -> Iterator[Size]:
    if type(item) is Size:
        yield item
    elif type(item) is tuple:
        for part in item:
            yield from _sizes_in(part)


def changed(operator: Operator, change: Callable[[Size], Any]) -> Operator:
    """An operator with other sizes for those with terms among its parameters; itself if it has none.

    >>> from convmath.network.operators import Reshape
    >>> type(changed(Reshape((3, Size(7, Leaf("conv1", 2)))), number_of).shape[1])
    <class 'int'>
    """
    held = vars(operator)
    others = {name: _changed(held[name], change) for name in _names(type(operator)) if _has_terms(held[name])}
    found: Operator = replace(operator, **others) if others else operator  # type: ignore[type-var]
    return found


@cache
def _names(kind: type[Operator]) -> tuple[str, ...]:
    """The parameters of a class of operators."""
    return tuple(one.name for one in fields(kind))  # type: ignore[arg-type]


def with_terms(operator: Operator) -> tuple[Any, ...]:
    """The class and the parameters of an operator, with the terms of sizes in their places, to compare it by.

    >>> from convmath.network.operators import Reshape
    >>> with_terms(Reshape((3, Size(7, Leaf("conv1", 2)))))[1:]
    ((3, Leaf(node='conv1', dimension=2)),)
    """
    parameters = (getattr(operator, one.name) for one in fields(operator) if one.compare)  # type: ignore[arg-type]
    return type(operator), *(_changed(parameter, lambda size: size.term) for parameter in parameters)


def _changed(item: Any, change: Callable[[Size], Any]) -> Any:
    if type(item) is Size:
        return change(item)
    if type(item) is tuple:
        return tuple([_changed(part, change) for part in item])
    return item


def _has_terms(item: Any) -> bool:
    return type(item) is Size or (type(item) is tuple and any(map(_has_terms, item)))


def numbers(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """Sizes without their terms, which is not noted."""
    return tuple(map(number_of, sizes))


def same(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether sizes are equal; that they are not is not noted, for what is right for equal sizes, too."""
    return numbers(first) == numbers(second) and first == second


def identical(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    """Whether sizes are equal whatever the sizes of the input are: the same numbers, or computed in the same way.

    >>> n = Size(64, Leaf("conv1", 2))
    >>> identical((0, n), (0, Size(64, Leaf("conv1", 2)))), identical((0, n), (0, 64)), same((0, n), (0, 64))
    (True, False, True)
    """
    if numbers(first) != numbers(second):
        return False
    pairs = zip(first, second, strict=True)
    return all(type(a) is type(b) and (type(a) is not Size or a.term == b.term) for a, b in pairs)


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
