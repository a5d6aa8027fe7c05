"""Positions numbered row by row, and what division tells of a number: lemmas for the proofs of other entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from convmath.calculus.derive import Calc, instance, prove
from convmath.calculus.index import Formula, both, eq, equivalent, integers, le, lt, within
from convmath.calculus.kernel import Theorem, guard
from convmath.calculus.terms import Contraction
from convmath.inert import FloorDiv, Mod

t, m, n, s, M, N = integers("t m n s M N")


def digits(number: Any, sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """The position on every axis of a number that counts positions row by row."""
    if len(sizes) == 1:
        return (number,)
    return (*digits(FloorDiv(number, sizes[-1]), sizes[:-1]), Mod(number, sizes[-1]))


def numbered(indices: tuple[Any, ...], sizes: tuple[Any, ...]) -> Any:
    """The number of a tuple of indices, the last running fastest."""
    number, *others = indices
    for index, size in zip(others, sizes[1:], strict=True):
        number = size * number + index
    return number


def division() -> Theorem:
    """``t = N*m + n`` with ``0 <= n < N`` says that m is the quotient and n the remainder of t."""
    pair = both(eq(t, N * m + n), *within(0, n, N))
    return prove(
        equivalent(pair, both(eq(m, FloorDiv(t, N)), eq(n, Mod(t, N)))), [le(1, N)], cuts=[eq(m, FloorDiv(t, N))]
    )


def numbering() -> Theorem:
    """The same for m below M: then t lies below ``M*N``, and every such t comes from one pair."""
    pair = both(eq(t, N * m + n), *within(0, m, M), *within(0, n, N))
    number = both(eq(m, FloorDiv(t, N)), eq(n, Mod(t, N)), *within(0, t, M * N))
    return prove(equivalent(pair, number), [le(1, N)], cuts=[eq(m, FloorDiv(t, N))])


def steps() -> tuple[Theorem, Theorem]:
    """Adding ``s*N`` adds s to the quotient and leaves the remainder."""
    quotient = prove(eq(FloorDiv(t + s * N, N), FloorDiv(t, N) + s), [le(1, N)])
    return quotient, prove(eq(Mod(t + s * N, N), Mod(t, N)), [le(1, N), quotient])


def small_steps() -> tuple[Theorem, Theorem]:
    """Adding s without reaching the next multiple leaves the quotient and adds s to the remainder."""
    given = [le(1, N), le(0, s), lt(Mod(t, N) + s, N)]
    quotient = prove(eq(FloorDiv(t + s, N), FloorDiv(t, N)), given)
    return quotient, prove(eq(Mod(t + s, N), Mod(t, N) + s), [*given, quotient])


def at(lemma: Theorem, terms: dict[Any, Any], given: Sequence[Formula | Theorem] = ()) -> Theorem:
    """A lemma at given terms; what it supposes there is proved from what is given, unless it is given itself."""
    return Calc(0, given).discharged(instance(lemma, terms))


def exchange(calc: Calc, fact: Theorem, why: str) -> None:
    """Replace conjuncts of the guard by what a fact says is equivalent to them."""
    before, after = (side.args for side in fact.formula.args)
    (term,) = calc.value.terms
    staying = [atom for atom in term.guard if atom not in before]
    ordered = Contraction(term.bound, (*before, *staying), term.coefficient, term.factors)
    calc.apply(guard(ordered, [*staying, *after], fact), why=why)


def number_pair(calc: Calc, name: Any, first: tuple[Any, Any], second: tuple[Any, Any], why: str) -> None:
    """Sum over the number ``name = size*first + second`` in place of two indices; each comes with its size."""
    (major, count), (minor, size) = first, second
    number = size * major + minor
    calc.insert(name, number, {number: name}, why=why)
    fact = at(numbering(), {t: name, m: major, n: minor, M: count, N: size}, calc.given)
    exchange(calc, fact, why="a number tells its quotient and its remainder")
    calc.one_point({major: FloorDiv(name, size), minor: Mod(name, size)}, why="put them in")
