"""How views lie in memory at all sizes: their strides are products of sizes, and keep the terms of these.

torch makes a view of other sizes where the dimensions that are put together follow each other in memory. Which are put
together is chosen by the numbers at hand, and stated in equations of sizes and strides. Wherever these hold, torch
makes the view, and it lies as said here; so nothing is claimed of sizes at which one of them does not. Where torch can
make no view and copies, the copy lies one row after the other, at all sizes at which it can make none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from ..operators import Dropout, Expand, Flatten, Identity, Operator, Permute, Reshape, Slice
from ..operators.base import product
from ..sizes.in_operators import identical, numbers
from ..sizes.number import number_of
from ..strides import Strides, viewed

Terms: TypeAlias = tuple[Any, ...]
"""Ints, or sizes with their terms."""

MOST_COPIES = 8
"""How a copy of more copies lies is not followed."""


@dataclass(frozen=True, slots=True)
class Strided:
    """How a tensor lies in memory at every size at which some equations hold.

    Attributes:
        sizes: its sizes.
        strides: how far apart the elements of each dimension are; of one of size 1 that may be any number.
        equations: the sides of these equations.
        dense: whether nothing lies between its elements, and none lie in one place.
        copies: sizes, strides and other sizes, of which torch must not be able to make a view.
    """

    sizes: Terms
    strides: Terms
    equations: tuple[tuple[Any, Any], ...] = ()
    dense: bool = False
    copies: tuple[tuple[Terms, Terms, Terms], ...] = ()

    def hold(self) -> bool:
        """Whether all that is so; what is compared is noted."""
        return all(left == right for left, right in self.equations) and not any(
            viewed(*copy) is not None for copy in self.copies
        )


def row_major(sizes: Terms) -> Strided:
    """One row after the other.

    >>> row_major((2, 3, 4)).strides
    (12, 4, 1)
    """
    return Strided(sizes, tuple(_within(sizes, 1)), dense=True)


def follow(strided: Strided) -> bool:
    """Whether a tensor lies one row after the other; what is compared is noted.

    >>> follow(row_major((2, 3))), follow(Strided((2, 3), (1, 2))), follow(Strided((2, 1, 3), (3, 7, 1)))
    (True, False, True)
    """
    expected = 1
    for size, stride in zip(reversed(strided.sizes), reversed(strided.strides), strict=True):
        if size != 1:
            if stride != expected:
                return 0 in strided.sizes
            expected = size * expected
    return True


def after(operator: Operator, strided: Strided, sizes: Terms) -> Strided | None:
    """How the view lies that an operator makes of what lies so; None where it is none, or where that is not known.

    Args:
        operator: with the terms of sizes, if any.
        strided: how its input lies.
        sizes: those of the view, by which its dimensions may be told apart.

    >>> after(Permute((1, 0)), row_major((2, 3)), (3, 2)).strides
    (1, 3)
    >>> after(Slice(1, 0, 3, 2), row_major((2, 3)), (2, 2)).strides
    (3, 2)
    """
    own, strides, dense = list(strided.sizes), list(strided.strides), strided.dense
    match operator:
        case Identity() | Dropout():
            return strided
        case Permute(order=order):
            own, strides = [own[d] for d in order], [strides[d] for d in order]
        case Slice(dim=dim, step=step):
            own[dim], strides[dim], dense = sizes[dim], strides[dim] * step, False
        case Expand(shape=shape):
            return _stretched(strided, shape)
        case Reshape(shape=shape):
            whole = tuple(n if number_of(n) > 0 else size for n, size in zip(shape, sizes, strict=True))
            return regrouped(strided, whole)
        case Flatten(start=start, end=end):
            first, last = start % len(own), end % len(own)
            return regrouped(strided, (*own[:first], product(own[first : last + 1]), *own[last + 1 :]))
        case _:
            return None
    return replace(strided, sizes=tuple(own), strides=tuple(strides), dense=dense)


def _stretched(strided: Strided, shape: Terms) -> Strided:
    """Elements that are one in memory along what is stretched."""
    new = len(shape) - len(strided.sizes)
    strides, equations = [0] * new, list(strided.equations)
    for before, stride, size in zip(strided.sizes, strided.strides, shape[new:], strict=True):
        kept = number_of(before) == number_of(size)
        equations += _equation(before, size if kept else 1)
        strides.append(stride if kept else 0)
    return replace(strided, sizes=shape, strides=tuple(strides), equations=tuple(equations), dense=False)


def without_ones(strided: Strided, before: Terms, sizes: Terms) -> Strided | None:
    """How a tensor lies of which only dimensions of size 1 are taken away or added, told apart by their terms.

    >>> taken = without_ones(Strided((1, 3, 2), (6, 1, 3)), (1, 3, 2), (3, 2))
    >>> taken.strides, without_ones(taken, (3, 2), (3, 1, 2)).strides
    ((1, 3), (1, 6, 3))
    """
    strides, own, at = [], [], len(before)
    for size in reversed(sizes):
        found = next((d for d in range(at - 1, -1, -1) if identical((before[d],), (size,))), None)
        if found is not None:
            own.append(strided.sizes[found])
            strides.append(strided.strides[found])
            at = found
        elif number_of(size) == 1:
            strides.append(own[-1] * strides[-1] if own else 1)
            own.append(size)
        else:
            return None
    return replace(strided, sizes=tuple(own[::-1]), strides=tuple(strides[::-1]))


def regrouped(strided: Strided, shape: Terms) -> Strided | None:
    """How a view of other sizes lies; None where elements would have to move.

    >>> regrouped(Strided((2, 3, 8), (24, 1, 3)), (2, 3, 4, 2)).strides
    (24, 1, 6, 3)
    >>> regrouped(Strided((2, 3, 8), (24, 1, 3)), (6, 8)) is None
    True
    """
    strides: list[Any] = []
    equations = list(strided.equations)
    groups = list(_groups(numbers(strided.sizes), numbers(shape)))
    for (first, last), (start, end) in groups:
        own, made = strided.sizes[first:last], shape[start:end]
        if (first, start) != groups[-1][0][:1] + groups[-1][1][:1]:  # the last follows from the others
            equations += _equation(product(own), product(made))
        together = _together(own, strided.strides[first:last])
        if together is None:
            return None
        innermost, needed = together
        equations += needed
        strides += _within(made, innermost)
    return replace(strided, sizes=shape, strides=tuple(strides), equations=tuple(equations))


def copied(strided: Strided, shape: Terms) -> Strided | None:
    """How a copy of other sizes lies where torch can make no view of what lies so; None after too many copies.

    >>> copied(Strided((2, 3), (1, 2)), (6,)).strides
    (1,)
    """
    copies = (*strided.copies, (strided.sizes, strided.strides, shape))
    return replace(row_major(shape), equations=strided.equations, copies=copies) if len(copies) <= MOST_COPIES else None


def _within(sizes: Sequence[Any], innermost: Any) -> list[Any]:
    """The strides of dimensions that follow each other."""
    found = [innermost]
    for size in sizes[:0:-1]:
        found.append(found[-1] * size)
    return found[::-1][: len(sizes)]


def _groups(own: Strides, shape: Strides) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """The smallest groups of dimensions with as many elements in both; what is left belongs to the last."""
    i = j = 0
    while i < len(own) or j < len(shape):
        first, start = i, j
        i, j = min(i + 1, len(own)), min(j + 1, len(shape))
        while (ours := product(own[first:i])) != (theirs := product(shape[start:j])):
            i, j = (i + 1, j) if ours < theirs else (i, j + 1)
        if len(own) == i or len(shape) == j:
            i, j = len(own), len(shape)
        yield (first, i), (start, j)


def _together(sizes: Terms, strides: Terms) -> tuple[Any, list[tuple[Any, Any]]] | None:
    """The stride of the innermost of dimensions that follow each other, and what has to hold; None if they do not."""
    innermost, count, needed = (strides[-1], sizes[-1], []) if strides else (1, 1, [])
    for size, stride in zip(sizes[-2::-1], strides[-2::-1], strict=True):
        if number_of(stride) == number_of(innermost) * number_of(count):
            needed += _equation(stride, innermost * count)
            count = size * count
        elif number_of(size) == 1:
            needed += _equation(size, 1)
        elif number_of(count) == 1:
            needed += _equation(count, 1)
            innermost, count = stride, size
        else:
            return None
    return innermost, needed


def _equation(left: Any, right: Any) -> list[tuple[Any, Any]]:
    """Nothing where it holds at all sizes."""
    return [] if identical((left,), (right,)) else [(left, right)]
