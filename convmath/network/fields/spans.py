"""Finite sets of integers as disjoint intervals."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ...notebook import brief, listed

MOST_PARTS = 1024
"""A set of more intervals is replaced by its hull."""


@dataclass(frozen=True, slots=True)
class Spans:
    """A finite set of integers.

    Attributes:
        parts: disjoint intervals ``(start, stop)`` in order, with a gap before each but the first.
        exact: False where the set is only known to lie within the intervals.

    >>> Spans.of([(0, 2), (1, 4), (6, 7)])
    Spans(0:4, 6:7)
    """

    parts: tuple[tuple[int, int], ...] = ()
    exact: bool = True

    @staticmethod
    def of(parts: Iterable[tuple[int, int]], *, exact: bool = True) -> Spans:
        """The union of intervals in any order; empty ones are left out.

        >>> Spans.of([(6, 7), (0, 2), (1, 4), (9, 9)])
        Spans(0:4, 6:7)
        """
        joined: list[tuple[int, int]] = []
        for start, stop in sorted([part for part in parts if part[0] < part[1]]):
            if joined and start <= joined[-1][1]:
                joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
            else:
                joined.append((start, stop))
        if len(joined) > MOST_PARTS:
            return Spans(((joined[0][0], joined[-1][1]),), exact=False)
        return Spans(tuple(joined), exact)

    @staticmethod
    def point(element: int) -> Spans:
        """One integer.

        >>> Spans.point(-1)
        Spans(-1:0)
        """
        return Spans(((element, element + 1),))

    @staticmethod
    def first(count: int) -> Spans:
        """The integers from 0 up to ``count``.

        >>> Spans.first(4), Spans.first(0)
        (Spans(0:4), Spans())
        """
        return Spans(((0, count),)) if count > 0 else Spans()

    def __repr__(self) -> str:
        """The intervals as slices are written; "within" where only a part of them may be meant."""
        return brief(self, ("" if self.exact else "within ") + listed([f"{a}:{b}" for a, b in self.parts]))

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self.parts)

    def __contains__(self, element: int) -> bool:
        """Whether an integer lies in one of the intervals."""
        return any(start <= element < stop for start, stop in self.parts)

    @property
    def hull(self) -> tuple[int, int]:
        """``(start, stop)`` of the least interval around it; ``(0, 0)`` of the empty set.

        >>> Spans(((-2, 3), (5, 9))).hull, Spans().hull
        ((-2, 9), (0, 0))
        """
        return (self.parts[0][0], self.parts[-1][1]) if self.parts else (0, 0)

    @property
    def count(self) -> int:
        """How many integers the intervals have.

        >>> Spans(((-2, 3), (5, 9))).count
        9
        """
        return sum(stop - start for start, stop in self.parts)

    @property
    def length(self) -> int:
        """How much there is to write down: itself, and its intervals.

        >>> Spans(((-2, 3), (5, 9))).length
        3
        """
        return 1 + len(self.parts)

    @property
    def holes(self) -> bool | None:
        """Whether integers are missing between both ends; None where that is not known.

        >>> Spans.first(3).holes, Spans(((-2, 3), (5, 9))).holes, Spans.first(3).bounded().holes
        (False, True, None)
        """
        return len(self.parts) > 1 if self.exact else None

    def bounded(self) -> Spans:
        """The same intervals, of which only a part may be meant.

        >>> Spans.first(3).bounded()
        Spans(within 0:3)
        """
        return Spans(self.parts, exact=False) if self.exact and self.parts else self

    def __or__(self, other: Spans) -> Spans:
        """The union; exact, too, where one of both is exact and has all of the other.

        >>> Spans.point(3) | Spans.point(4)
        Spans(3:5)
        >>> Spans.first(9) | Spans.first(4).bounded()
        Spans(0:9)
        """
        if not other.parts or self._covers(other) or self == other:
            return self
        if not self.parts or other._covers(self):
            return other
        union = Spans.of((*self.parts, *other.parts))
        exact = any(one.exact and one.parts == union.parts for one in (self, other))
        return union if exact or (self.exact and other.exact) else union.bounded()

    def __and__(self, other: Spans) -> Spans:
        """The integers that both have.

        >>> Spans.first(5) & Spans.point(1).repeated(4, 2)
        Spans(1:2, 3:4)
        """
        if self.parts == other.parts:
            return self if other.exact else other
        found, i, j = [], 0, 0
        while i < len(self.parts) and j < len(other.parts):
            (start, stop), (first, last) = self.parts[i], other.parts[j]
            found.append((max(start, first), min(stop, last)))
            i, j = i + (stop <= last), j + (last <= stop)
        return Spans.of(found, exact=self.exact and other.exact)

    def _covers(self, other: Spans) -> bool:
        """Whether it is one exact interval around all of another set that is not empty."""
        if not self.exact or len(self.parts) != 1:
            return False
        ((start, stop),) = self.parts
        return start <= other.parts[0][0] and other.parts[-1][1] <= stop

    def shifted(self, by: int) -> Spans:
        """Every integer plus ``by``.

        >>> Spans(((0, 2), (5, 9))).shifted(-1)
        Spans(-1:1, 4:8)
        """
        return Spans(tuple([(start + by, stop + by) for start, stop in self.parts]), self.exact) if by else self

    def repeated(self, count: int, step: int) -> Spans:
        """The union of the set shifted by ``0, step, ..., (count - 1)*step``.

        >>> Spans.point(-1).repeated(3, 2)
        Spans(-1:0, 1:2, 3:4)
        >>> Spans(((0, 5),)).repeated(2**62, 4).count == 4 * (2**62 - 1) + 5
        True
        """
        if count <= 0 or not self.parts:
            return Spans()
        if count == 1 or not step:
            return self
        if step < 0:
            return self.shifted((count - 1) * step).repeated(count, -step)
        if len(self.parts) == 1:
            start, stop = self.parts[0]
            if step <= stop - start:
                return Spans(((start, stop + (count - 1) * step),), self.exact)
            if count <= MOST_PARTS:
                moved = range(0, count * step, step)
                return Spans(tuple([(start + by, stop + by) for by in moved]), self.exact)
        elif min([stop - start for start, stop in self.parts]) >= step:  # every interval meets itself, moved
            return Spans.of([(start, stop + (count - 1) * step) for start, stop in self.parts], exact=self.exact)
        found, have = self, 1
        while have < count:
            more = min(have, count - have)
            found |= found.shifted(more * step)
            have += more
        return found

    def clipped(self, start: int, stop: int) -> Spans:
        """The part within ``start <= element < stop``.

        >>> Spans(((-2, 3), (5, 9))).clipped(0, 6)
        Spans(0:3, 5:6)
        """
        if not self.parts or (start <= self.parts[0][0] and self.parts[-1][1] <= stop):
            return self
        return Spans.of(((max(start, a), min(stop, b)) for a, b in self.parts), exact=self.exact)
