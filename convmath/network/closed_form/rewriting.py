"""Terms collected into as few roundings as there have to be, and written in short, with the laws that say so.

Nothing here is trusted: each law is proposed to the prover. A collected term is a sum of a number and of whole
multiples of atoms, and its only rounding is ``floor((u + r)/m)`` with ``0 <= r < m``; :func:`written` chooses what is
shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import gcd
from typing import NamedTuple, TypeAlias

import sympy

from ...calculus.index import Term
from ...errors import UnsupportedError
from ...inert import CeilDiv, FloorDiv, Max, Min, Mod, Rounding
from .terms import ONE, REMEMBERED, Parts, bounds, parts

Equation: TypeAlias = tuple[Term, Term]


class Law(NamedTuple):
    """That a term is another.

    Attributes: left, right: the terms. needs: equal terms, by the laws before it, in each of which they are replaced.
    """

    left: Term
    right: Term
    needs: tuple[Equation, ...] = ()


class Rewritten(NamedTuple):
    """What a term was made into.

    Attributes: term: the result. laws: each after those on which it rests; the term is the result by adding them up.
    """

    term: Term
    laws: tuple[Law, ...] = ()


def short(term: Term) -> Term:
    """The term with nested roundings joined, as it is written.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> short(FloorDiv(FloorDiv(n - 1, 2) + 2, 2)), short(2 * FloorDiv(4 * n + 6, 8))
    (CeilDiv(n, 4), 2*CeilDiv(n, 2))
    """
    return rewritten(term).term


@lru_cache(maxsize=REMEMBERED)
def rewritten(term: Term) -> Rewritten:
    """What :func:`short` gives, with the laws by which it is the term.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> found = rewritten(n + Mod(32 - Mod(n, 32), 32))
    >>> found.term, found.laws[0][:2]
    (32*CeilDiv(n, 32), (Mod(n, 32), n - 32*FloorDiv(n, 32)))
    """
    first = collected(term)
    last = written(first.term)
    return Rewritten(last.term, tuple(dict.fromkeys((*first.laws, *last.laws))))


@lru_cache(maxsize=REMEMBERED)
def replaced(term: Term, at: tuple[Equation, ...]) -> Rewritten:
    """The term with others for some symbols, with the laws that its roundings are the same for what is equal.

    >>> from convmath.calculus.index import integers
    >>> n, x = integers("n x")
    >>> found = replaced(FloorDiv(x - 1, 2) + 1, ((x, CeilDiv(n, 4)),))
    >>> found.term, found.laws
    (FloorDiv(CeilDiv(n, 4) - 1, 2) + 1, (Law(left=FloorDiv(x - 1, 2), right=FloorDiv(CeilDiv(n, 4) - 1, 2), \
needs=((x - 1, CeilDiv(n, 4) - 1),)),))
    """
    notes, places = _Notes(), dict(at)
    for atom in sorted(term.atoms(Rounding, sympy.Pow), key=sympy.count_ops):
        notes.same(atom, [argument.xreplace(places) for argument in atom.args])
    found = term.xreplace(places)
    for product in term.atoms(sympy.Mul):
        _, rest = product.as_coeff_Mul()
        if isinstance(rest, sympy.Mul):
            notes.same(rest, [factor.xreplace(places) for factor in rest.args])
    return Rewritten(found, tuple(notes.laws))


@lru_cache(maxsize=REMEMBERED)
def collected(term: Term) -> Rewritten:
    """The term in the form of this module."""
    notes = _Notes()
    return Rewritten(notes.collect(term), tuple(notes.laws))


@lru_cache(maxsize=REMEMBERED)
def written(term: Term) -> Rewritten:
    """A collected term with floors, ceilings and remainders such that the least has to be written."""
    notes = _Notes()
    return Rewritten(notes.write(term), tuple(notes.laws))


def _of(found: Mapping[Term, int], number: int = 0) -> Term:
    return sympy.Add(*(factor * atom for atom, factor in found.items()), number)


class _Notes:
    """One rewriting; what is done is noted as laws."""

    def __init__(self) -> None:
        self.laws: dict[Law, None] = {}

    def law(self, left: Term, right: Term, *needs: Equation) -> Term:
        if left != right:
            self.laws[Law(left, right, tuple(need for need in needs if need[0] != need[1]))] = None
        return right

    def same(self, term: Term, arguments: Iterable[Term]) -> Term:
        """The term with equal arguments in place of its own."""
        equal = tuple(arguments)
        found = term.func(*equal)
        if isinstance(term, Mod) and term != found:  # a divisor stands before the quotient only
            self.quotient(term)
            self.same(FloorDiv(*term.args), equal)
            if isinstance(found, Mod):
                self.quotient(found)
            return found
        return self.law(term, found, *zip(term.args, equal, strict=True))

    def quotient(self, term: Mod) -> Term:
        """A remainder as what is left of a division."""
        a, b = term.args
        return self.law(term, a - b * FloorDiv(a, b))

    def by(self, found: Rewritten) -> Term:
        """What a part was made into."""
        self.laws.update(dict.fromkeys(found.laws))
        return found.term

    # Collecting

    def collect(self, term: Term) -> Term:
        if isinstance(term, (sympy.Integer, sympy.Symbol)):
            return term
        if isinstance(term, sympy.Add):
            return self.sum([(self.by(collected(part)), 1) for part in term.args])
        if isinstance(term, sympy.Mul):
            number, rest = term.as_coeff_Mul()
            return self.sum([(self.product(rest), int(number))])
        if isinstance(term, Rounding):
            return self.rounding(term)
        return self.same(term, [self.by(rewritten(part)) for part in term.args])

    def product(self, term: Term) -> Term:
        """A product of more than numbers is an atom; the factors are written in short."""
        if not isinstance(term, sympy.Mul):
            return self.by(collected(term))
        product = self.same(term, [self.by(rewritten(factor)) for factor in term.args])
        return product if isinstance(product, sympy.Mul) else self.by(collected(product))

    def sum(self, terms: list[tuple[Term, int]]) -> Term:
        """The sum of multiples; one extremum among them takes in the others, so that it stands outside."""
        total: Parts = {}
        for term, factor in terms:
            for atom, number in parts(term).items():
                total[atom] = total.get(atom, 0) + factor * number
        whole = _of(total)
        found = [atom for atom, number in total.items() if number and isinstance(atom, (Min, Max))]
        if len(found) != 1 or whole == found[0]:
            return whole
        factor = total.pop(found[0])
        other = {Min: Max, Max: Min}[type(found[0])]
        how, rest = type(found[0]) if factor > 0 else other, _of(total)
        sides = [self.sum([(rest, 1), (side, factor)]) for side in found[0].args]
        plain = [rest + factor * side for side in found[0].args]
        self.law(whole, how(*sides), *zip(plain, sides, strict=True))
        return self.extremum(how, *sides)

    def rounding(self, term: Rounding) -> Term:
        a, b = (self.by(collected(part)) for part in term.args)
        if isinstance(term, (Min, Max)):
            self.same(term, (a, b))
            return self.extremum(type(term), a, b)
        if not isinstance(b, sympy.Integer) or b <= 0:
            return self.same(term, (a, b))
        if isinstance(term, Mod):
            self.quotient(term)
            self.same(FloorDiv(*term.args), (a, b))
            return self.sum([(a, 1), (self.floor(a, int(b)), -int(b))])
        self.same(term, (a, b))
        return self.rounded(type(term), a, int(b))

    def rounded(self, how: type[Rounding], a: Term, m: int) -> Term:
        """``floor(a / m)`` or ``ceil(a / m)``."""
        if isinstance(a, (Min, Max)):  # rounding keeps the order
            outer = type(a)(*(how(side, m) for side in a.args))
            self.law(how(a, m), outer)
            sides = [self.rounded(how, side, m) for side in a.args]
            self.same(outer, sides)
            return self.extremum(type(a), *sides)
        if how is CeilDiv:
            self.law(CeilDiv(a, m), FloorDiv(a + m - 1, m))
            a = a + m - 1
        return self.floor(a, m)

    def floor(self, a: Term, m: int) -> Term:
        """``floor(a / m)``: multiples of m go out, common factors cancel, and a floor inside joins."""
        found = parts(a)
        number = found.pop(ONE, 0)
        outside = {atom: factor // m for atom, factor in found.items() if factor % m == 0}
        inside = {atom: factor for atom, factor in found.items() if factor % m}
        self.law(FloorDiv(a, m), _of(outside) + FloorDiv(_of(inside, number), m))
        common = gcd(m, *inside.values())
        if common > 1:
            before = FloorDiv(_of(inside, number), m)
            inside = {atom: factor // common for atom, factor in inside.items()}
            number, m = number // common, m // common
            self.law(before, FloorDiv(_of(inside, number), m))
        return self.sum([(_of(outside), 1), (self.inner(inside, number, m), 1)])

    def inner(self, inside: Parts, number: int, m: int) -> Term:
        """``floor((inside + number) / m)`` where nothing goes out and nothing cancels."""
        before = FloorDiv(_of(inside, number), m)
        if len(inside) == 1:
            ((atom, factor),) = inside.items()
            if factor == 1 and isinstance(atom, FloorDiv) and isinstance(atom.args[1], sympy.Integer):
                u, within = atom.args[0], int(atom.args[1])
                self.law(before, FloorDiv(u + number * within, m * within))
                return self.floor(u + number * within, m * within)
        known = _only_floor(_of(inside, number), m)
        if known is not None:
            return self.law(before, known)
        if inside and max(inside.values()) < 0:  # floor(-u/m) = -ceil(u/m)
            turned = {atom: -factor for atom, factor in inside.items()}
            self.law(before, -FloorDiv(_of(turned, m - 1 - number), m))
            return self.sum([(self.inner(turned, m - 1 - number, m), -1)])
        whole, rest = divmod(number, m)
        return self.law(before, sympy.Integer(whole) + (FloorDiv(_of(inside, rest), m) if inside else 0))

    def extremum(self, how: type[Rounding], a: Term, b: Term) -> Term:
        """One of both where it is known, for all inputs of at least 1, which; else both in a fixed order."""
        for smaller, larger in ((a, b), (b, a)):
            if _least(_Notes().sum([(larger, 1), (smaller, -1)])) >= 0:
                return self.law(how(a, b), smaller if how is Min else larger)
        return self.law(how(a, b), how(*sorted((a, b), key=sympy.default_sort_key)))

    # Writing

    def write(self, term: Term) -> Term:
        if isinstance(term, (sympy.Integer, sympy.Symbol)):
            return term
        if isinstance(term, (Min, Max)):
            return self.same(term, [self.by(written(side)) for side in term.args])
        found = parts(term)
        number = found.pop(ONE, 0)
        total: Term = sympy.Integer(0)
        for atom in [atom for atom in found if isinstance(atom, FloorDiv)]:
            rest = self.remainder(atom, found) if atom in found else None
            if rest is not None:
                remainder, shift = rest
                total, number = total + remainder, number + shift
        floors = sum(isinstance(atom, FloorDiv) for atom in found)
        for atom, factor in found.items():
            if not isinstance(atom, FloorDiv):
                total += factor * atom
                continue
            u = self.by(written(atom.args[0]))
            alone = number if floors == 1 else 0
            ways = _ways(u, int(atom.args[1]), factor, alone)
            rounding, shift = min(ways, key=lambda way: _length(factor, alone, *way))
            self.law(atom, rounding + shift, (atom.args[0], u))
            total += factor * rounding
            number += factor * shift
        return total + number

    def remainder(self, atom: FloorDiv, found: Parts) -> tuple[Term, int] | None:
        """``c*(u - m*floor(u/m))`` taken out of a sum as a multiple of ``u mod m`` and a number; None if it is none."""
        m = int(atom.args[1])
        times, other = divmod(-found[atom], m)
        own = parts(atom.args[0])
        number = own.pop(ONE, 0)
        if other or times <= 0 or any(found.get(part) != times * factor for part, factor in own.items()):
            return None
        for part in (atom, *own):
            del found[part]
        u = self.by(written(atom.args[0]))
        self.quotient(Mod(u, m))
        self.same(atom, (u, sympy.Integer(m)))
        return times * Mod(u, m), -times * number


def _only_floor(a: Term, m: int) -> Term | None:
    """The only value of ``floor(a / m)`` at all sizes; None if none is known."""
    if len(a.free_symbols) != 1:
        return None
    try:
        (low_slope, low), (high_slope, high) = bounds(a)
    except UnsupportedError:
        return None
    value = low // m
    return sympy.Integer(value) if low_slope == high_slope == 0 and high // m == value else None


def _least(difference: Term) -> Fraction:
    """A lower bound for all inputs of at least 1; -1 where none is known."""
    found = parts(difference)
    floors = [atom for atom in found if isinstance(atom, FloorDiv)]
    if len(floors) == 2 and set(found) <= {*floors, ONE}:
        (u, m), (v, k) = (atom.args for atom in floors)
        apart = u - v
        if m == k and found[floors[0]] == -found[floors[1]] and isinstance(apart, sympy.Integer):
            factor = found[floors[0]]
            whole = int(apart) // int(m) if factor > 0 else -(-int(apart) // int(m))
            return Fraction(factor * whole + found.get(ONE, 0))
    if len(difference.free_symbols) > 1:
        return Fraction(-1)
    try:
        slope, number = bounds(difference)[0]
    except UnsupportedError:
        return Fraction(-1)
    return slope + number if slope >= 0 else Fraction(-1)


def _ways(u: Term, m: int, factor: int, number: int) -> list[tuple[Rounding, int]]:
    """``floor(u/m)``, of which a multiple is added to a number, in several ways: a rounding, and a number more."""
    shifts = {0, 1, -1} | ({number // factor} if number % factor == 0 else set())
    ways: list[tuple[Rounding, int]] = []
    for shift in sorted(shifts):
        ways.append((FloorDiv(u + m * shift, m), -shift))
        ways.append((CeilDiv(u + m * shift - m + 1, m), -shift))
    return ways


def _length(factor: int, number: int, rounding: Rounding, shift: int) -> tuple[int, bool, int, bool, int]:
    """How many numbers are added, whether inside, how large they are, and whether it is a ceiling."""
    inner, left = abs(int(rounding.args[0].as_coeff_Add()[0])), abs(number + factor * shift)
    return bool(left) + bool(inner), bool(inner), left + inner, isinstance(rounding, CeilDiv), left
