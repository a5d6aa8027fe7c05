"""What a closed form rests on: facts that the engine proves, found and kept while the program runs.

A fact for which there is no proof, because none was found or because SciPy is missing, is checked at many sizes, and
says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Literal, TypeAlias

import sympy

from ...calculus import kernel
from ...calculus.derive import instance
from ...calculus.index import Formula, Term, eq, integers, le
from ...calculus.kernel import Theorem
from ...calculus.search import find_certificate
from ...errors import ProofError, UnsupportedError
from ...inert import CeilDiv, FloorDiv, Mod, Rounding
from .linear import linear_certificate
from .terms import REMEMBERED, evaluated, short

Label: TypeAlias = Literal["proved", "checked by sampling", "unknown"]

Places: TypeAlias = tuple[tuple[sympy.Symbol, Term], ...]
"""Placeholders of sizes and the closed forms that they stand for."""

MOST_SPLIT = 10
"""A fact with more roundings than these is not tried: each of them splits the proof."""

MOST_CUTS = 4
"""So many ways to split a proof are tried at most."""

MOST_ROUNDINGS = 32
"""A closed form with more roundings than these is not written down."""

MOST_BITS = 64
"""Nor is one with larger numbers."""

SAMPLES = (*range(1, 300), *(2**power + shift for power in range(9, 40) for shift in (-1, 0, 1)))
"""Input sizes at which a fact without a proof is checked."""


@dataclass(frozen=True)
class Step:
    """The closed form of the size that an operator makes of sizes whose closed forms are known.

    Attributes:
        form: the closed form.
        label: what it rests on.
        theorem: from the closed forms of the placeholders, and from how the size :func:`made_size` is made of them,
            that it is this one.
    """

    form: Term
    label: Label
    theorem: Theorem | None


def made_size(symbol: sympy.Symbol) -> sympy.Symbol:
    """The placeholder of the size that an operator makes."""
    return integers(f"{symbol.name}_out")


def placeholder(symbol: sympy.Symbol, number: int) -> sympy.Symbol:
    """The placeholder of a size that an operator is given."""
    return integers(f"{symbol.name}_in{number}")


def weakest(labels: Iterable[Label]) -> Label:
    """The label of what rests on all of these."""
    found = set(labels)
    return "unknown" if "unknown" in found else "checked by sampling" if "checked by sampling" in found else "proved"


@lru_cache(maxsize=REMEMBERED)
def proved(goal: Formula, given: tuple[Formula | Theorem, ...] = (), cuts: tuple[Formula, ...] = ()) -> Theorem | None:
    """The fact as a theorem, or None: it may be false, or no proof is found; ``cuts`` are what to split on first.

    >>> from convmath.inert import CeilDiv, FloorDiv
    >>> n = integers("n")
    >>> proved(eq(FloorDiv(n - 1, 2) + 1, CeilDiv(n, 2))) is None, proved(eq(CeilDiv(n, 2), FloorDiv(n, 2))) is None
    (False, True)
    """
    lemmas = [lemma for lemma in given if isinstance(lemma, Theorem)]
    known = [fact.formula if isinstance(fact, Theorem) else fact for fact in given]
    certificate = linear_certificate(known, goal)
    if certificate is not None:
        return without(kernel.fact(known, goal, certificate), lemmas)
    if len(set[Term]().union(*(_roundings(fact) for fact in (goal, *known)))) > MOST_SPLIT:
        return None
    try:
        certificate = find_certificate([fact.json() for fact in known], goal.json(), [cut.json() for cut in cuts])
    except (ProofError, UnsupportedError, OverflowError):  # the last from numbers beyond what a float can be
        return None
    return without(kernel.fact(known, goal, certificate), lemmas)


@lru_cache(maxsize=REMEMBERED)
def step(made: Term, places: Places, symbol: sympy.Symbol) -> Step:
    """The closed form of a size, in the input size ``symbol``, proved where a proof is found.

    Raises:
        UnsupportedError: it is too long.

    >>> from convmath.inert import FloorDiv
    >>> n, x = integers("n x")
    >>> found = step(FloorDiv(x - 1, 2) + 1, ((x, FloorDiv(n + 1, 2)),), n)
    >>> found.form, found.label
    (CeilDiv(n, 4), 'proved')
    """
    alone = short(made) if len(places) == 1 else made
    form = short(alone.xreplace(dict(places)))
    if len(form.atoms(Rounding)) > MOST_ROUNDINGS:
        raise UnsupportedError(f"its closed form has more than {MOST_ROUNDINGS} roundings")
    if any(abs(int(number)).bit_length() > MOST_BITS for number in form.atoms(sympy.Integer)):
        raise UnsupportedError(f"its closed form has numbers of more than {MOST_BITS} bits")
    return _checked(made, alone, places, symbol, form) or _unchanged(made, places, symbol)


def _unchanged(made: Term, places: Places, symbol: sympy.Symbol) -> Step:
    """The closed forms put into each other, without joining them."""
    composed = made.xreplace(dict(places))
    return _checked(made, made, places, symbol, composed) or Step(composed, "checked by sampling", None)


def _checked(made: Term, alone: Term, places: Places, symbol: sympy.Symbol, form: Term) -> Step | None:
    known = tuple(eq(place, term) for place, term in places)
    positive = tuple(le(1, size) for size in dict.fromkeys((symbol, *(place for place, _ in places))))
    tries = [
        (known, ()),
        ((*known, *positive), ()),
        *((known, cuts) for cuts in islice(_cuts(places, form), MOST_CUTS)),
    ]
    for given, cuts in tries:
        theorem = _joined(made, alone, form, given, cuts, made_size(symbol))
        if theorem is not None:
            return Step(form, "proved", theorem)
    return Step(form, "checked by sampling", None) if same(made.xreplace(dict(places)), form) else None


def _cuts(places: Places, form: Term) -> Iterator[tuple[Formula, ...]]:
    """Where a proof may have to be split: where two roundings are not as far apart as they are for an input of 1."""
    for inner in (rounding for _, term in places for rounding in term.atoms(FloorDiv, CeilDiv)):
        for outer in form.atoms(FloorDiv, CeilDiv) - {inner}:
            apart = evaluated(outer)(1) - evaluated(inner)(1)
            yield le(outer, inner + apart - 1), le(inner + apart + 1, outer)


def _joined(
    made: Term, alone: Term, form: Term, given: Sequence[Formula], cuts: tuple[Formula, ...], size: sympy.Symbol
) -> Theorem | None:
    """From how the size is made, by its own shortest form, its closed form."""
    own, conditions = eq(made, alone), tuple(fact for fact in given if fact.op == "<=")
    first = proved(own, (*conditions, *_turned(made))) if made != alone else None
    lemmas = [first, _substituted(alone, form, given, cuts, size)]
    if lemmas[1] is None or (made != alone and lemmas[0] is None):
        return None
    return proved(eq(size, form), (eq(size, made), *(lemma for lemma in lemmas if lemma is not None)))


def _substituted(
    alone: Term, form: Term, given: Sequence[Formula], cuts: tuple[Formula, ...], size: sympy.Symbol
) -> Theorem | None:
    """The closed form of a term from those of its sizes; roundings that stay as they are become variables first."""
    named: dict[Term, sympy.Symbol] = {}
    known = [fact.args[1] for fact in given if fact.op == "=="]
    for rounding in sorted((r for term in known for r in term.atoms(Rounding)), key=sympy.count_ops, reverse=True):
        if form.xreplace(named).has(rounding) and rounding not in named:
            named[rounding] = integers(f"{size.name}_kept{len(named)}")
    facts = tuple(Formula(fact.op, tuple(side.xreplace(named) for side in fact.args)) for fact in given)
    theorem = proved(eq(alone, form.xreplace(named)), facts)
    if theorem is None:
        return proved(eq(alone, form), (*given, *_turned(alone), *_images(alone, form, given)), cuts)
    return instance(theorem, {symbol: term for term, symbol in named.items()}) if named else theorem


def _images(alone: Term, form: Term, given: Sequence[Formula]) -> tuple[Theorem, ...]:
    """Roundings of sizes as those of their closed forms, where the whole closed form has them."""
    at = {fact.args[0]: fact.args[1] for fact in given if fact.op == "=="}
    roundings = sorted(alone.atoms(Rounding), key=sympy.default_sort_key)
    pairs = ((rounding, rounding.xreplace(at)) for rounding in roundings)
    found = (proved(eq(rounding, image), tuple(given)) for rounding, image in pairs if form.has(image))
    return tuple(theorem for theorem in found if theorem is not None)


def _turned(term: Term) -> tuple[Theorem, ...]:
    """Remainders as what is left of a division, and roundings of negative terms as those of positive ones."""
    found = []
    for rounding in sorted(term.atoms(FloorDiv, Mod), key=sympy.default_sort_key):
        over, under = rounding.args
        if not isinstance(under, sympy.Integer) or not over.could_extract_minus_sign():
            continue
        found.append(proved(eq(FloorDiv(over, under), -CeilDiv(-over, under))))
        if isinstance(rounding, Mod):
            found.append(proved(eq(rounding, over - under * FloorDiv(over, under))))
    return tuple(theorem for theorem in found if theorem is not None)


def _roundings(fact: Formula) -> set[Term]:
    found = set[Term]()
    for part in fact.args:
        found |= _roundings(part) if isinstance(part, Formula) else part.atoms(Rounding)
    return found


def same(first: Term, second: Term) -> bool:
    """Whether two terms in one variable are equal at many sizes.

    >>> from convmath.inert import CeilDiv, FloorDiv
    >>> n = integers("n")
    >>> same(CeilDiv(n, 2), FloorDiv(n + 1, 2)), same(CeilDiv(n, 2), FloorDiv(n, 2))
    (True, False)
    """
    one, other = evaluated(first), evaluated(second)
    return all(one(n) == other(n) for n in SAMPLES)


def linked(theorem: Theorem, names: dict[sympy.Symbol, Term], lemmas: Iterable[Theorem]) -> Theorem:
    """A step's theorem with the names of sizes for its placeholders, and without what the lemmas conclude."""
    return without(instance(theorem, names), lemmas)


def without(theorem: Theorem, lemmas: Iterable[Theorem]) -> Theorem:
    """The theorem with what the lemmas suppose in place of what they conclude."""
    for lemma in lemmas:
        if lemma.conclusion in theorem.hypotheses:
            theorem = kernel.cut(lemma, theorem)
    return theorem
