"""How a sum is written down: the guard taken apart into the limits of its indices and a bracket for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sympy

from .index import Formula, Term, variables
from .terms import Contraction

_LINKS = ("<=", "<")


@dataclass(frozen=True)
class Range:
    """An index of a sum, with its first and its last value where the guard gives them."""

    index: sympy.Symbol
    first: Term | None = None
    last: Term | None = None


@dataclass(frozen=True)
class Chain:
    """Terms linked by comparisons: ``0 <= m < k`` is ``Chain((0, m, k), ("<=", "<"))``."""

    terms: tuple[Term, ...]
    links: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """The sums from the outside to the inside, and the conditions that stay in the bracket, in the guard's order."""

    ranges: tuple[Range, ...]
    bracket: tuple[Formula, ...]


def layout(contraction: Contraction) -> Layout:
    """Limits for every index that the guard compares with terms of the indices outside of it.

    >>> from .index import integers, within
    >>> from .terms import total
    >>> o, n, s = integers("o n s")
    >>> layout(total((o,), within(0, o, n), 1).terms[0]).ranges
    (Range(index=o, first=0, last=n - 1),)
    """
    rest = list(contraction.guard)
    inside = list(contraction.bound)
    ranges = []
    while inside:
        index = next((v for v in inside if _can_come_next(v, rest, inside)), inside[0])
        inside.remove(index)
        first = _limit(index, rest, set(inside), lower=True)
        last = _limit(index, rest, set(inside), lower=False)
        ranges.append(Range(index, first, last))
    return Layout(tuple(ranges), tuple(rest))


def _can_come_next(index: sympy.Symbol, guard: Sequence[Formula], inside: Sequence[sympy.Symbol]) -> bool:
    """Whether the index has both limits now, or would gain none if the others were placed before it."""
    others = set(inside) - {index}
    sides = [[not variables(term) & others for _, term in _limits(index, guard, lower=side)] for side in (True, False)]
    return all(any(side) for side in sides) or all(all(side) for side in sides)


def _limit(index: sympy.Symbol, guard: list[Formula], inside: set[sympy.Symbol], *, lower: bool) -> Term | None:
    """The first limit that the guard gives; it leaves the guard."""
    for atom, term in _limits(index, guard, lower=lower):
        if not variables(term) & inside:
            guard.remove(atom)
            return term
    return None


def _limits(index: sympy.Symbol, guard: Iterable[Formula], *, lower: bool) -> list[tuple[Formula, Term]]:
    found = []
    for atom in guard:
        if atom.op in _LINKS:
            term, compared = atom.args if lower else atom.args[::-1]
            if compared == index and index not in variables(term):
                gap = 0 if atom.op == "<=" else 1 if lower else -1
                found.append((atom, term + gap))
    return found


def chains(formulas: Iterable[Formula]) -> tuple[Chain | Formula, ...]:
    """Neighbouring comparisons ``a <= t``, ``t < b`` joined to one chain.

    >>> from .index import integers, within
    >>> chains(within(*integers("a t b")))
    (Chain(terms=(a, t, b), links=('<=', '<')),)
    """
    joined: list[Chain | Formula] = []
    for formula in formulas:
        if not formula.is_comparison:
            joined.append(formula)
            continue
        left, right = formula.args
        last = joined[-1] if joined else None
        if isinstance(last, Chain) and last.terms[-1] == left and {*last.links, formula.op} <= set(_LINKS):
            joined[-1] = Chain((*last.terms, right), (*last.links, formula.op))
        else:
            joined.append(Chain((left, right), (formula.op,)))
    return tuple(joined)
