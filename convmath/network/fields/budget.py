"""How much the fields of a network may take: some for every node, and some to spare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from ...errors import UnsupportedError
from .field import MOST_PHASES, Field
from .pieces import Followed, by_position, through
from .repeating import MOST_POSITIONS
from .spans import Spans

Found = TypeVar("Found")

SPARE = 2**19
"""Phases and intervals that the fields of a network may have beyond those of its nodes."""

EACH = 32
"""Phases and intervals that every node may add: a layer on two axes has about ten."""


class Budget:
    """Counts what is written down of fields, each thing once, and ends it when that is too much for the nodes.

    From then on no field is written down any more, so that memory and time are bounded by the number of nodes.

    >>> budget = Budget(nodes=1)
    >>> budget.composed(Field.window(3), Field.window(3, stride=2)).size
    7
    >>> budget.spend(SPARE + EACH)
    Traceback (most recent call last):
    convmath.errors.UnsupportedError: the fields of the network have more than 524320 phases and intervals, the budget \
for its nodes
    """

    def __init__(self, nodes: int) -> None:
        """A budget for so many nodes."""
        self._most = self._left = SPARE + EACH * nodes
        self._composed: dict[tuple[Field, Field], Field] = {}
        self._followed: dict[tuple[Field, Followed, int], Followed] = {}
        self._found: dict[tuple[Any, tuple[Any, ...]], Any] = {}
        self._kept: dict[int, Followed | Spans] = {}

    def spend(self, amount: int) -> None:
        """Take from what is left.

        Raises:
            UnsupportedError: so much is not left, or was not left before.
        """
        if amount > self._left:
            self._left = 0
            taken = f"more than {self._most} phases and intervals, the budget for its nodes"
            raise UnsupportedError(f"the fields of the network have {taken}")
        self._left -= amount

    def keep(self, *written: Followed | Spans) -> None:
        """Take what is written down, unless it was taken before.

        Raises:
            UnsupportedError: so much is not left.
        """
        for one in written:
            if id(one) not in self._kept:
                self.spend(one.length)
                self._kept[id(one)] = one

    def once(self, amount: int, function: Callable[..., Found], *arguments: Any) -> Found:
        """What a function gives, computed once for an amount.

        Raises:
            UnsupportedError: the budget is used up, or the function says so.
        """
        key = (function, arguments)
        if key not in self._found:
            self.spend(amount)
            self._found[key] = function(*arguments)
        return cast("Found", self._found[key])

    def through(
        self, outer: Field, inner: Followed, count: int, inside: Callable[[Spans, int], Spans] | None = None
    ) -> Followed:
        """What ``count`` positions read that read by a field those of another, each found once.

        Args:
            outer: what each position reads of those of ``inner``.
            inner: what these read.
            count: how many positions there are.
            inside: which positions of ``inner``, of so many, are read where some that are named lie outside; None if
                just those are left out.

        Raises:
            UnsupportedError: it is too long to write down, or the budget is used up.
        """
        same = Field.same()
        if outer is same and isinstance(inner, Field):
            return inner
        if isinstance(inner, Field):
            try:
                return self.composed(outer, inner)
            except UnsupportedError:
                if count > MOST_POSITIONS:
                    raise
        elif outer is same and count == inner.count:
            return inner
        key = (outer, inner, count)
        found = self._followed.get(key) if inside is None else None
        if found is None:
            self.spend(1)
            found = self._by_pieces(outer, inner, count, inside)
            self.keep(found)
            if inside is None:
                self._followed[key] = found
        return found

    def _by_pieces(
        self, outer: Field, inner: Followed, count: int, inside: Callable[[Spans, int], Spans] | None
    ) -> Followed:
        if isinstance(inner, Field):
            return by_position(count, lambda position: inner.image(outer.reads(position)))
        there = (lambda reads: reads) if inside is None else (lambda reads: inside(reads, inner.count))
        if outer.period > MOST_PHASES:
            return by_position(count, lambda position: inner.image(there(outer.reads(position))))
        return through(outer, inner, count, there, self.composed)

    def composed(self, outer: Field, inner: Field) -> Field:
        """The field ``outer.through(inner)``, each composed once.

        Raises:
            UnsupportedError: it is too long to write down, or the budget is used up.
        """
        same = Field.same()
        if outer is same or inner is same:
            return outer if inner is same else inner
        key = (outer, inner)
        found = self._composed.get(key)
        if found is None:
            self.spend(1)
            found = outer.through(inner)
            self.keep(found)
            self._composed[key] = found
        return found
