"""What a closed form rests on: facts that the engine proves, found and kept while the program runs.

A fact for which there is no proof, because none was found or because SciPy is missing, is checked at many sizes, and
says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, TypeAlias

import sympy

from ...calculus import kernel
from ...calculus.derive import instance
from ...calculus.index import Formula, Term, eq, integers, le
from ...calculus.kernel import Theorem
from ...calculus.search import find_certificate
from ...errors import ProofError, UnsupportedError
from ...inert import Rounding
from .linear import linear_certificate
from .rewriting import Law, collected, replaced, rewritten
from .terms import REMEMBERED, evaluated

Label: TypeAlias = Literal["proved", "checked by sampling", "unknown"]

Placeholders: TypeAlias = tuple[tuple[sympy.Symbol, Term], ...]
"""Placeholders of sizes and the closed forms that they stand for."""

Facts: TypeAlias = tuple[Formula | Theorem, ...]
"""What is given: formulas that are supposed, and theorems."""

MOST_SPLIT = 10
"""A fact with more roundings than these is not tried: each of them splits the proof."""

MOST_PRODUCTS = 2
"""Products of more inequalities are not tried: where they do not help, that takes most of the time."""

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
def combined(goal: Formula, given: Facts) -> Theorem | None:
    """An equation as the theorem that it follows from others by adding multiples of them; None if it does not."""
    known = [fact.formula if isinstance(fact, Theorem) else fact for fact in given]
    certificate = linear_certificate(known, goal)
    if certificate is None:
        return None
    return without(kernel.fact(known, goal, certificate), [fact for fact in given if isinstance(fact, Theorem)])


@lru_cache(maxsize=REMEMBERED)
def proved(goal: Formula, given: Facts = (), cuts: tuple[Formula, ...] = ()) -> Theorem | None:
    """The fact as a theorem, or None: it may be false, or no proof is found; ``cuts`` are what to split on first.

    >>> from convmath.inert import CeilDiv, FloorDiv
    >>> n = integers("n")
    >>> proved(eq(FloorDiv(n - 1, 2) + 1, CeilDiv(n, 2))) is None, proved(eq(CeilDiv(n, 2), FloorDiv(n, 2))) is None
    (False, True)
    """
    theorem = combined(goal, given)
    if theorem is not None:
        return theorem
    known = [fact.formula if isinstance(fact, Theorem) else fact for fact in given]
    if len(set[Term]().union(*(_roundings(fact) for fact in (goal, *known)))) > MOST_SPLIT:
        return None
    try:
        plain = [fact.json() for fact in known]
        certificate = find_certificate(plain, goal.json(), [cut.json() for cut in cuts], MOST_PRODUCTS)
    except (ProofError, UnsupportedError, OverflowError):  # the last from numbers beyond what a float can be
        return None
    return without(kernel.fact(known, goal, certificate), [fact for fact in given if isinstance(fact, Theorem)])


@lru_cache(maxsize=REMEMBERED)
def step(made: Term, places: Placeholders, symbol: sympy.Symbol) -> Step:
    """The closed form of a size, in the input size ``symbol``, proved where a proof is found.

    Raises:
        UnsupportedError: it is too long.

    >>> from convmath.inert import FloorDiv
    >>> n, x = integers("n x")
    >>> found = step(FloorDiv(x - 1, 2) + 1, ((x, FloorDiv(n + 1, 2)),), n)
    >>> found.form, found.label
    (CeilDiv(n, 4), 'proved')
    """
    alone = collected(made)
    put = replaced(alone.term, places)
    found = rewritten(put.term)
    if len(found.term.atoms(Rounding)) > MOST_ROUNDINGS:
        raise UnsupportedError(f"its closed form has more than {MOST_ROUNDINGS} roundings")
    if any(abs(int(number)).bit_length() > MOST_BITS for number in found.term.atoms(sympy.Integer)):
        raise UnsupportedError(f"its closed form has numbers of more than {MOST_BITS} bits")
    laws = (*alone.laws, *put.laws, *found.laws)
    return _checked(made, places, symbol, found.term, laws) or _unchanged(made, places, symbol)


def _unchanged(made: Term, places: Placeholders, symbol: sympy.Symbol) -> Step:
    """The closed forms put into each other, without joining them."""
    composed = replaced(made, places)
    found = _checked(made, places, symbol, composed.term, composed.laws)
    return found or Step(composed.term, "checked by sampling", None)


def _checked(made: Term, places: Placeholders, symbol: sympy.Symbol, form: Term, laws: Sequence[Law]) -> Step | None:
    known = tuple(eq(place, term) for place, term in places)
    positive = tuple(le(1, size) for size in dict.fromkeys((symbol, *(place for place, _ in places))))
    lawful = _lawful(laws, known, positive)
    theorem = lawful and combined(eq(made_size(symbol), form), (eq(made_size(symbol), made), *lawful))
    if theorem:
        return Step(form, "proved", theorem)
    return Step(form, "checked by sampling", None) if same(made.xreplace(dict(places)), form) else None


def _lawful(laws: Sequence[Law], known: Sequence[Formula], positive: Sequence[Formula]) -> Facts | None:
    """What is known and the laws, each proved from what it needs of those before it; None where one is not proved."""
    found: Facts = tuple(known)
    for law in laws:
        needs = tuple(combined(eq(*need), found) for need in law.needs)
        theorem = _law(law, tuple(need for need in needs if need is not None), positive)
        if theorem is None:
            return None
        found = (*found, theorem)
    return found


def _law(law: Law, needs: tuple[Theorem, ...], positive: Sequence[Formula]) -> Theorem | None:
    """A law from equal terms; if need be, for sizes of at least 1."""
    equal = tuple(need.formula for need in needs)
    theorem = _opaque(law, equal) or _proved_law(eq(law.left, law.right), equal, positive)
    return theorem and without(theorem, needs)


def _proved_law(goal: Formula, equal: tuple[Formula, ...], positive: Sequence[Formula]) -> Theorem | None:
    symbols = set().union(*(side.free_symbols for side in goal.args))
    used = tuple(fact for fact in positive if fact.args[1] in symbols)
    return proved(goal, equal) or proved(goal, (*equal, *used))


def _opaque(law: Law, equal: tuple[Formula, ...]) -> Theorem | None:
    """A law whatever the roundings are of which it says nothing: those in equal terms, or on both of its sides."""
    shared = law.left.atoms(Rounding) & law.right.atoms(Rounding)
    inner = shared.union(*(side.atoms(Rounding) for fact in equal for side in fact.args)) - {law.left, law.right}
    if not inner:
        return None
    ordered = sorted(inner, key=sympy.default_sort_key)
    named = {rounding: integers(f"opaque{number}") for number, rounding in enumerate(ordered)}
    goal, *given = (
        Formula(fact.op, tuple(side.xreplace(named) for side in fact.args))
        for fact in (eq(law.left, law.right), *equal)
    )
    theorem = proved(goal, tuple(given))
    return theorem and instance(theorem, {name: rounding for rounding, name in named.items()})


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
