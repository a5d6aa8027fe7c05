"""What a network's own code saw of sizes while it was read: whose numbers it was told, and by which it decided.

A size of a node, or one that is computed of such sizes, is a small term. Where the code compares sizes, the graph is
known to be this one only for input sizes for which the comparison comes out the same: that is a :class:`Guard`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from ...division import floor_div, is_symbolic, mod


@dataclass(frozen=True, slots=True)
class Leaf:
    """A size of a node's output.

    Attributes: node: its name, or its number while the network is read. dimension: which of its sizes.
    """

    node: Any
    dimension: int


@dataclass(frozen=True, slots=True)
class Operation:
    """A size that is computed of others.

    Attributes: name: ``"+"``, ``"-"``, ``"*"``, ``"//"`` or ``"%"``. left, right: of what. length: its operations.
    """

    name: str
    left: Term
    right: Term
    length: int = field(compare=False)


Term: TypeAlias = int | Leaf | Operation

Condition: TypeAlias = tuple[str, Term, Term]
"""``(relation, left, right)`` with the relation ``"<="``, ``"<"`` or ``"=="``."""

COMPUTE: Mapping[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "//": floor_div,
    "%": mod,
}
"""What each operation computes."""


def leaves(term: Term) -> Iterator[Leaf]:
    """The sizes of which a term is made."""
    if isinstance(term, Leaf):
        yield term
    elif isinstance(term, Operation):
        yield from leaves(term.left)
        yield from leaves(term.right)


def value(term: Term, at: Callable[[Leaf], Any]) -> Any:
    """The value of a term, an int or a SymPy expression.

    >>> value(Operation("//", Leaf("conv1", 2), 2, 1), lambda leaf: 9)
    4
    """
    if isinstance(term, Leaf):
        return at(term)
    if isinstance(term, Operation):
        found = COMPUTE[term.name](value(term.left, at), value(term.right, at))
        return int(found) if is_symbolic(found) and found.is_Integer else found
    return term


def renamed(item: Any, name: Callable[[Any], str]) -> Any:
    """A term, or a condition on terms, with names for what stands for nodes."""
    if isinstance(item, Leaf):
        return Leaf(name(item.node), item.dimension)
    if isinstance(item, Operation):
        return Operation(item.name, renamed(item.left, name), renamed(item.right, name), item.length)
    return tuple(renamed(part, name) for part in item) if isinstance(item, tuple) else item


@dataclass(frozen=True, slots=True)
class Guard:
    """A comparison of sizes by which a network decided, and what it found.

    Where it found two sizes different, what holds says which of them is smaller.

    Attributes:
        position: so many nodes had been read before.
        question: the comparison.
        holds: what was found to hold.
    """

    position: int
    question: Condition
    holds: Condition


@dataclass(frozen=True)
class Trail:
    """What the code of a network saw of sizes while it was read.

    Attributes:
        guards: by which comparisons it decided.
        looked: the sizes whose numbers it was told, each with the number of nodes that had been read before.
        astray: the number of nodes after which sizes may have been seen in other ways; None if that was never so.
        asked: whether the code had sizes at all.
    """

    guards: tuple[Guard, ...] = ()
    looked: tuple[tuple[int, Leaf], ...] = ()
    astray: int | None = None
    asked: bool = True


class Recorder:
    """Notes what a network's code sees of sizes.

    Attributes:
        handed_out: whether any size was handed out with its term, for more than to be compared.
        asked: whether the network's own code asked for any.
        kinds: the classes that a size and a quotient of sizes pass for.
        package: the one whose code is answered by these; any other takes a size for an int.
        casts: whether ``int`` and ``float`` keep the terms of sizes, where an importer has put others in their place.
        plain: whether sizes are handed out as Python's own ints, of which nothing is noted.
        failure: why the network cannot be followed, also where its own code caught that.
        went_on: whether the network's own code went on after an operator had refused its input.
    """

    def __init__(
        self, read: Callable[[], int], kinds: tuple[type, type] = (int, float), package: str = "convmath"
    ) -> None:
        """Nothing is seen yet.

        Args:
            read: the number of nodes so far.
            kinds: the classes that a size and a quotient of sizes pass for.
            package: the one whose code is answered by these.
        """
        self.handed_out = self.asked = False
        self.kinds, self.package = kinds, package
        self.casts = self.plain = False
        self.failure: Exception | None = None
        self.went_on = self._refused = False
        self._read = read
        self._guards: dict[Condition, Guard] = {}
        self._looked: dict[Leaf, int] = {}
        self._astray: int | None = None

    @contextmanager
    def on(self) -> Iterator[None]:
        """Meanwhile comparisons of sizes are noted here."""
        token = RECORDER.set(self)
        _ON.append(self)
        try:
            yield
        finally:
            _ON.remove(self)
            RECORDER.reset(token)

    def look(self, term: Term) -> None:
        """Note that the network's code is told the number of a size."""
        for leaf in leaves(term):
            self._looked.setdefault(leaf, self._read())

    def stray(self) -> None:
        """Note that sizes may be seen from here on in ways that are not followed."""
        self._astray = self._read() if self._astray is None else self._astray

    @property
    def is_on(self) -> bool:
        """Whether the network is being read."""
        return self in _ON

    def refuse(self) -> None:
        """Note that an operator refuses its input."""
        self.went_on |= self._refused
        self._refused = True

    def decide(self, question: Condition, holds: Condition) -> None:
        """Note a comparison."""
        self.went_on |= self._refused
        if question not in self._guards:
            self._guards[question] = Guard(self._read(), question, holds)

    def forget(self, mark: int) -> None:
        """Take back what was seen of the nodes from ``mark`` on, which are taken back, too."""
        self._guards = {
            question: replace(guard, position=min(guard.position, mark))
            for question, guard in self._guards.items()
            if all(leaf.node < mark for side in question[1:] for leaf in leaves(side))
        }
        self._looked = {leaf: min(at, mark) for leaf, at in self._looked.items() if leaf.node < mark}

    @property
    def looked(self) -> bool:
        """Whether any number was told."""
        return bool(self._looked)

    @property
    def nodes(self) -> set[int]:
        """The nodes whose sizes were compared."""
        return {leaf.node for question in self._guards for side in question[1:] for leaf in leaves(side)}

    def trail(self, name: Callable[[Any], str], place: Callable[[int], int]) -> Trail:
        """All that was seen.

        Args:
            name: of a node.
            place: of so many nodes, how many are kept.
        """
        guards = []
        for guard in self._guards.values():
            question = renamed(guard.question, name)
            holds = question if guard.holds is guard.question else renamed(guard.holds, name)
            guards.append(Guard(place(guard.position), question, holds))
        looked = ((place(at), renamed(leaf, name)) for leaf, at in self._looked.items())
        astray = None if self._astray is None else place(self._astray)
        return Trail(tuple(guards), tuple(looked), astray, self.asked)


RECORDER: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
"""The one that is on here: in this thread, and in what it calls with its own context."""

_ON: list[Recorder] = []
"""All that are on, wherever they are."""


def recorders() -> tuple[Recorder, ...]:
    """The one that is on here; where none is, as in another thread, all of them, as nobody knows which is meant."""
    note = RECORDER.get()
    return tuple(_ON) if note is None else (note,)


def stray() -> None:
    """Note that sizes may be seen from here on in ways that are not followed."""
    for note in recorders():
        note.stray()


def listening(*terms: Term) -> Recorder | None:
    """The recorder that is on here; where none is, sizes of a network that is being read elsewhere go astray."""
    note = RECORDER.get()
    if note is None and _ON and any(type(leaf.node) is int for term in terms for leaf in leaves(term)):
        stray()
    return note
