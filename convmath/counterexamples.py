"""Plausible claims that are false: each is refused with the least witness that is found, and names what is true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .catalog import entries
from .errors import ProofError, unknown
from .notebook import brief

if TYPE_CHECKING:
    from .calculus.index import Formula
    from .calculus.refute import Witness
    from .calculus.terms import Equation, Statement


@dataclass(frozen=True)
class Claim:
    """A claim with what it is made under.

    Attributes: body: what is claimed. symbols: what each symbol means. given: what is supposed.
    """

    body: Formula | Equation
    symbols: Mapping[Any, str]
    given: tuple[Formula | Statement, ...] = ()


@dataclass(frozen=True)
class Counterexample:
    """A plausible but false claim.

    Attributes:
        id: the permanent name, such as ``"correlation.commutes"``.
        title: the claim in words.
        summary: why it is false, in a sentence.
        sources: where it is printed, or a note that it is often heard.
        instead: the ids of the entries that say what is true.
    """

    id: str
    title: str
    summary: str
    sources: tuple[str, ...]
    instead: tuple[str, ...]
    build: Callable[[], Claim] = field(repr=False)

    def __repr__(self) -> str:
        """Id and title."""
        return brief(self, f"{self.id}: {self.title}")

    def __str__(self) -> str:
        """What is claimed, why it is false, and where it is printed."""
        return f"{self.id}: {self.title}\n{self.summary}\nSources: {'; '.join(self.sources)}"

    @property
    def subject(self) -> str:
        """The id of the entry in whose chapter it belongs: the first that is true instead."""
        return self.instead[0]

    @cached_property
    def claim(self) -> Claim:
        """The claim on symbols."""
        return self.build()

    @cached_property
    def witness(self) -> Witness:
        """The least numbers that are found at which the claim fails; evaluated again before anyone sees them.

        Raises:
            ProofError: no counterexample was found.
        """
        from .calculus.refute import refute
        from .calculus.terms import Statement

        claim = self.claim
        given = [(h if isinstance(h, Statement) else Statement(h)).json() for h in claim.given]
        found = refute(given, Statement(claim.body).json())
        if found is None or not found.check():
            raise ProofError(f"{self.id}: no counterexample of the claim was found")
        return found


_COUNTEREXAMPLES: dict[str, Counterexample] = {}


def counterexample(
    identifier: str, *, title: str, sources: tuple[str, ...], instead: tuple[str, ...]
) -> Callable[[Callable[[], Claim]], Callable[[], Claim]]:
    """Register a false claim under its permanent id; its docstring's first line is the summary."""

    def register(build: Callable[[], Claim]) -> Callable[[], Claim]:
        if identifier in _COUNTEREXAMPLES:
            raise ProofError(f"there are two counterexamples {identifier}")
        summary = (build.__doc__ or "").strip().splitlines()[0]
        _COUNTEREXAMPLES[identifier] = Counterexample(identifier, title, summary, sources, instead, build)
        return build

    return register


def all_counterexamples() -> tuple[Counterexample, ...]:
    """All false claims, in the order in which they are written down."""
    entries()  # loads the package in which they are written down
    return tuple(_COUNTEREXAMPLES.values())


def find_counterexample(identifier: str) -> Counterexample:
    """The false claim with a permanent id.

    Raises:
        DomainError: there is none; the message names the nearest ids.
    """
    known = {item.id: item for item in all_counterexamples()}
    if identifier not in known:
        raise unknown("id", identifier, known, "counterexample", "convmath counterexamples")
    return known[identifier]
