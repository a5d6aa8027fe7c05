"""Among which input sizes the sets of a network are complete: those for which it is known to be as it was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

import sympy

from ...errors import UnsupportedError
from .claims import Claim, satisfying
from .sets import SizeSet
from .terms import REMEMBERED

Kind: TypeAlias = Literal["needed", "read", "equal", "empty"]
"""Of a condition: an operator refuses otherwise; the network was read where it holds; branches that are equal match; or
a tensor has elements, without which no operator may be refused."""

CLAUSES = {
    "read": "where the network is as it was read",
    "equal": "where no size 1 is stretched",
    "empty": "where no tensor on the way is empty",
    "rows": "where the tables have all rows that are looked up",
    "text": "where programs give the sizes of the operators' text, which some do not",
}
"""What is said of the conditions without which a network may still take a size."""


@dataclass(frozen=True)
class Scope:
    """The input sizes among which a set has all that there are; of other sizes nothing is said.

    Attributes:
        sizes: a set in which they lie; None where it is unknown.
        clauses: what else holds for them, in words; none where these are all sizes.

    >>> large = Scope(SizeSet(101), ("where the network is as it was read",))
    >>> bool(large), bool(Scope())
    (True, False)
    """

    sizes: SizeSet | None = field(default_factory=SizeSet)
    clauses: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether there may be other sizes."""
        return bool(self.clauses)

    def said(self, found: SizeSet, symbol: sympy.Symbol) -> str:
        """The clause after a set; empty where the set is complete among all sizes.

        >>> n = sympy.Symbol("n")
        >>> large = Scope(SizeSet(101), ("where the network is as it was read",))
        >>> large.said(SizeSet(101, 102), n)
        ', among n >= 101, where the network is as it was read'
        >>> large.said(SizeSet(101), n), Scope().said(SizeSet(101), n)
        (', where the network is as it was read', '')
        """
        if not self:
            return ""
        among = "" if self.sizes in (None, found, SizeSet()) else f", among {self.sizes.text(symbol.name)}"
        return f"{among}, {' and '.join(self.clauses)}"

    def latex(self, found: SizeSet, symbol: sympy.Symbol) -> str:
        r"""The clause after a set in LaTeX's mathematics.

        >>> large = Scope(SizeSet(101), ("where no tensor on the way is empty",))
        >>> print(large.latex(SizeSet(101, 102), sympy.Symbol("n")))
        \text{, among }n \ge 101\text{, where no tensor on the way is empty}
        """
        if not self:
            return ""
        hidden = self.sizes in (None, found, SizeSet())
        among = "" if hidden or self.sizes is None else rf"\text{{, among }}{self.sizes.latex(symbol)}"
        return rf"{among}\text{{, {' and '.join(self.clauses)}}}"

    def within(self, other: Scope) -> Scope:
        """This scope, with what is said of that of another symbol.

        >>> Scope().within(Scope(SizeSet(101), ("where no tensor on the way is empty",)))
        Scope(sizes=SizeSet(n >= 1), clauses=('where no tensor on the way is empty',))
        """
        return Scope(self.sizes, tuple(dict.fromkeys((*self.clauses, *other.clauses))))


def scope_of(conditions: Iterable[tuple[Claim, Kind]]) -> Scope:
    """The scope that conditions leave, in the order in which a network comes to them.

    Those that an operator needs leave no network outside; others narrow the scope where a size could get there. Those
    that tensors have elements do so where all others hold: elsewhere the network is refused before or after.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> large = Claim.of("<=", sympy.Integer(101), n)
    >>> scope_of([(large, "needed"), (large, "read")])
    Scope(sizes=SizeSet(n >= 1), clauses=())
    >>> scope_of([(large, "read"), (large, "needed")])
    Scope(sizes=SizeSet(n >= 101), clauses=('where the network is as it was read',))
    >>> scope_of([(large, "empty"), (large, "needed")]), scope_of([(large, "empty")]).clauses
    (Scope(sizes=SizeSet(n >= 1), clauses=()), ('where no tensor on the way is empty',))
    """
    taken, unplaced = SizeSet(), tuple[Claim, ...]()
    clauses, read, full = dict[str, None](), list[Claim](), list[Claim]()
    for claim, kind in conditions:
        if kind == "empty":
            full.append(claim)
            continue
        before = taken
        taken, unplaced = narrowed((*unplaced, claim), before)
        if taken == before and claim not in unplaced:
            continue
        if kind == "read" or (kind == "equal" and _stretches(claim, before)):
            clauses[CLAUSES[kind]] = None
            read += [claim] if kind == "read" else []
    if narrowed((*unplaced, *full), taken) != (taken, unplaced):
        clauses[CLAUSES["empty"]] = None
        read += full
    sizes, unplaced = narrowed(read, SizeSet())
    return Scope(None if unplaced else sizes, tuple(clauses))


def _stretches(claim: Claim, taken: SizeSet) -> bool:
    """Whether one of two sizes that are not equal may be 1."""
    equal = where(claim, taken)
    for side in claim.formula.args:
        single = where(Claim.of("==", side, sympy.Integer(1)), taken)
        if single is None or equal is None:
            return True
        try:
            if single & equal != single:
                return True
        except UnsupportedError:
            return True
    return False


def narrowed(claims: Sequence[Claim], within: SizeSet) -> tuple[SizeSet, tuple[Claim, ...]]:
    """What of a set satisfies claims, and the claims for which that is not found, not even among the others' sizes.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> narrowed([Claim.of("<=", sympy.Integer(101), n)], SizeSet())
    (SizeSet(n >= 101), ())
    """
    waiting = tuple(dict.fromkeys(claims))
    while waiting:
        left = []
        for claim in waiting:
            found = where(claim, within)
            if found is None:
                left.append(claim)
            else:
                within = found
        if len(left) == len(waiting):
            break
        waiting = tuple(left)
    return within, waiting


@lru_cache(maxsize=REMEMBERED)
def where(claim: Claim, within: SizeSet) -> SizeSet | None:
    """What of a set satisfies a claim; None where that cannot be worked out."""
    try:
        return satisfying(claim, within)
    except UnsupportedError:
        return None
