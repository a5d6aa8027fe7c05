"""Conditions on the input size, and what of a set of sizes satisfies them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from math import ceil, floor, lcm

import sympy

from ...calculus.index import Formula, Term
from ...errors import UnsupportedError
from ...inert import CeilDiv, FloorDiv, Mod
from ...notebook import brief
from .rewriting import short
from .sets import EMPTY, MOST_TRIED, SizeSet, between
from .terms import bounds, evaluated, period, rises, shown

ENDLESS = 2**64
"""A bound beyond this is none."""


@dataclass(frozen=True)
class Claim:
    """A condition on the input size: a term is 0, or at least 0.

    Attributes: term: the term in the input size. equal: whether it has to be 0. formula: the condition as it was made.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> Claim.of("==", 2 * FloorDiv(n, 2), n), Claim.of("==", 2 * FloorDiv(n, 2), n).holds(7)
    (Claim(2*floor(n/2) == n), False)
    """

    term: Term
    equal: bool
    formula: Formula

    @staticmethod
    def of(relation: str, left: Term, right: Term) -> Claim:
        """The claim ``left relation right``, with ``"<="``, ``"<"`` or ``"=="``.

        >>> from convmath.calculus.index import integers
        >>> Claim.of("<", sympy.Integer(2), integers("n")).term
        n - 3
        """
        term = short(right - left - (1 if relation == "<" else 0))
        return Claim(term, relation == "==", Formula(relation, (left, right)))

    @property
    def trivial(self) -> bool:
        """Whether it is known to hold for every size of at least 1.

        >>> from convmath.calculus.index import integers
        >>> [Claim.of("<=", sympy.Integer(least), integers("n")).trivial for least in (1, 2)]
        [True, False]
        """
        if self.equal:
            return bool(self.term == 0)
        return rises(self.term) and evaluated(self.term)(1) >= 0

    def __repr__(self) -> str:
        """As it was made."""
        return brief(self, str(self))

    def __str__(self) -> str:
        """As it was made."""
        return shown(self.formula)

    def holds(self, n: int) -> bool:
        """Whether it holds for an input size.

        >>> from convmath.calculus.index import integers
        >>> n = integers("n")
        >>> [size for size in range(9) if Claim.of("==", 2 * FloorDiv(n, 2), n).holds(size)]
        [0, 2, 4, 6, 8]
        """
        value: int = evaluated(self.term)(n)
        return value == 0 if self.equal else value >= 0


def satisfying(claim: Claim, within: SizeSet) -> SizeSet:
    """What of a set satisfies a claim.

    Raises:
        UnsupportedError: it cannot be worked out.

    >>> from convmath.calculus.index import integers
    >>> from convmath.inert import FloorDiv
    >>> n = integers("n")
    >>> print(satisfying(Claim.of("==", 16 * FloorDiv(n, 16), n), SizeSet()))
    n >= 16 with n mod 16 = 0
    >>> print(satisfying(Claim.of("==", FloorDiv(n, 32), sympy.Integer(7)), SizeSet()))
    224 <= n <= 255
    """
    try:
        return _satisfying(claim, within) if within else EMPTY
    except UnsupportedError:
        if within.greatest is None or within.greatest - within.least >= MOST_TRIED:
            raise
        every = between(within.least, within.greatest, within.modulus, within.remainders)
        found = [n for n in every if n in within and claim.holds(n)]
        return SizeSet.of(found[0], found[-1], found[-1] - found[0] + 1, found) if found else EMPTY


def _satisfying(claim: Claim, within: SizeSet) -> SizeSet:
    """As :func:`satisfying`, of a set with sizes, by what is known of the term."""
    value = evaluated(claim.term)
    for sign in (1, -1):
        if rises(claim.term if sign == 1 else short(-claim.term), within.least):
            grown = _where_rising(lambda n: sign * value(max(n, within.least)), claim.equal, sign)  # noqa: B023
            return within & grown
    try:
        length, rise = period(claim.term)
    except UnsupportedError:
        return _by_polynomials(claim, within) if claim.equal else _by_leading(claim, within)
    if rise == 0:
        return _by_remainders(claim, within, length)
    if not claim.equal:
        return _by_growth(claim, within, length, rise)
    (slope, low), (_, high) = bounds(claim.term)  # both ends have the slope of the term
    ends = sorted((-low / slope, -high / slope))
    first, last = max(within.least, ceil(ends[0])), floor(ends[1])
    last = last if within.greatest is None else min(last, within.greatest)
    if last - first >= MOST_TRIED:
        raise UnsupportedError(f"{claim} would have to be tried for the sizes {first} to {last}")
    found = [n for n in range(first, last + 1) if n in within and claim.holds(n)]
    return SizeSet.of(found[0], found[-1], last - first + 1, found) if found else EMPTY


def _where_rising(value: Callable[[int], int], equal: bool, sign: int) -> SizeSet:
    """Where a function that never falls, ``sign`` times a term, makes the term 0, or at least 0."""
    reaches = _first(lambda n: value(n) >= 0)
    passes = _first(lambda n: value(n) > 0)
    if equal:
        return SizeSet.of(reaches, passes - 1 if passes < ENDLESS else None, 1, [0]) if reaches < ENDLESS else EMPTY
    if sign == 1:
        return SizeSet.of(reaches, None, 1, [0]) if reaches < ENDLESS else EMPTY
    return SizeSet.of(1, passes - 1 if passes < ENDLESS else None, 1, [0])


def _first(holds: Callable[[int], bool]) -> int:
    """The first size of at least 1 from which on a condition holds; ENDLESS if there is none below it."""
    low, high = 0, 1
    while high < ENDLESS and not holds(high):
        low, high = high, 2 * high
    if high >= ENDLESS and not holds(ENDLESS - 1):
        return ENDLESS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _by_remainders(claim: Claim, within: SizeSet, length: int) -> SizeSet:
    modulus = lcm(length, within.modulus)
    if len(within.remainders) * (modulus // within.modulus) > MOST_TRIED:
        raise UnsupportedError(f"the remainders to {modulus} are too many to be tried")
    found = [r for start in within.remainders for r in range(start, modulus, within.modulus) if claim.holds(r)]
    return SizeSet.of(within.least, within.greatest, modulus, found)


def _by_growth(claim: Claim, within: SizeSet, length: int, rise: int) -> SizeSet:
    """Where a term is at least 0 that becomes larger, or smaller, with each period."""
    value, modulus = evaluated(claim.term), lcm(length, within.modulus)
    if len(within.remainders) * (modulus // within.modulus) > MOST_TRIED:
        raise UnsupportedError(f"the remainders to {modulus} are too many to be tried")
    each = rise * (modulus // length)
    turns = []  # for each remainder, the first size with it at which the condition turns true, or is not true any more
    for n in between(within.least, within.least + modulus - 1, within.modulus, within.remainders):
        rounds = max(0, -(value(n) // each) if each > 0 else value(n) // -each + 1)
        turns.append(n + modulus * rounds)
    first, last = (min(turns), max(turns)) if each > 0 else (within.least, max(turns))
    if last - first > MOST_TRIED:
        raise UnsupportedError(f"{claim} would have to be tried for the sizes {first} to {last}")
    tried = list(between(first, last, within.modulus, within.remainders))
    found = [n for n in tried if n in within and claim.holds(n)]
    if each > 0:
        if len(found) < len([n for n in tried if n in within]):
            raise UnsupportedError(f"{claim} holds for some sizes between {first} and {last}, and for all after them")
        return within & SizeSet.of(first, None, 1, [0])
    return SizeSet.of(found[0], found[-1], last - first + 1, found) if found else EMPTY


def _by_polynomials(claim: Claim, within: SizeSet) -> SizeSet:
    """Where a sum of products is 0: for each remainder it is a polynomial in the number of periods."""
    modulus, polynomials = _polynomials(claim, within)
    always = [r for r, (coefficients, _) in polynomials.items() if not coefficients]
    if sum(last + 1 for coefficients, last in polynomials.values() if coefficients) > MOST_TRIED:
        raise UnsupportedError(f"{claim} would have to be tried for too many sizes")
    once = [
        n
        for r, (coefficients, last) in polynomials.items()
        for q in range(last + 1 if coefficients else 0)
        if (n := modulus * q + r) in within and claim.holds(n)
    ]
    if not once:
        return SizeSet.of(within.least, within.greatest, modulus, always)
    if always:
        raise UnsupportedError(f"{claim} holds for some remainders and, besides, for {once[0]}")
    return SizeSet.of(min(once), max(once), max(once) - min(once) + 1, once)


def _by_leading(claim: Claim, within: SizeSet) -> SizeSet:
    """Where a sum of products is at least 0: after its last root it has the sign of its leading coefficient."""
    modulus, polynomials = _polynomials(claim, within)
    grow = {not coefficients or coefficients[-1] > 0 for coefficients, _ in polynomials.values()}
    if len(grow) > 1:
        raise UnsupportedError(f"{claim} holds for all large sizes with some remainders, and for none with others")
    end = modulus * (1 + max(last for _, last in polynomials.values()))
    if end > MOST_TRIED:
        raise UnsupportedError(f"{claim} would have to be tried for too many sizes")
    tried = list(between(within.least, end, within.modulus, within.remainders))
    found = [n for n in tried if claim.holds(n)]
    if grow == {False}:
        return within & SizeSet.of(found[0], found[-1], found[-1] - found[0] + 1, found) if found else EMPTY
    first = found[0] if found else end + 1
    if [n for n in tried if n >= first] != found:
        raise UnsupportedError(f"{claim} holds for some sizes up to {end}, and for all after them")
    return within & SizeSet.of(first, None, 1, [0])


def _polynomials(claim: Claim, within: SizeSet) -> tuple[int, dict[int, tuple[list[int], int]]]:
    """A modulus, and for each remainder the coefficients of the term in the number of periods, and a bound on roots."""
    atoms = claim.term.atoms(FloorDiv, CeilDiv, Mod)
    modulus = lcm(within.modulus, *(period(atom)[0] for atom in atoms))
    if len(within.remainders) * (modulus // within.modulus) > MOST_TRIED:
        raise UnsupportedError(f"the remainders to {modulus} are too many to be tried")
    found = {}
    for r in between(0, modulus - 1, within.modulus, within.remainders):
        coefficients = _polynomial(claim.term, r, modulus)
        while coefficients and coefficients[-1] == 0:
            coefficients.pop()
        last = 1 + max(map(abs, coefficients)) // abs(coefficients[-1]) if coefficients else 0  # Cauchy's bound
        if last > MOST_TRIED:
            raise UnsupportedError(f"{claim} would have to be tried for too many sizes")
        found[r] = coefficients, last
    return modulus, found


def _polynomial(term: Term, r: int, modulus: int) -> list[int]:
    """The coefficients in q, the constant first, of a term in a variable that is ``modulus*q + r``."""
    if isinstance(term, sympy.Integer):
        return [int(term)]
    if isinstance(term, sympy.Symbol):
        return [r, modulus]
    if isinstance(term, sympy.Pow) and isinstance(term.args[1], sympy.Integer) and term.args[1] > 0:
        return reduce(_multiplied, [_polynomial(term.args[0], r, modulus)] * int(term.args[1]))
    parts = [_polynomial(part, r, modulus) for part in term.args]
    if isinstance(term, sympy.Add):
        return [sum(column) for column in zip_longest(*parts, fillvalue=0)]
    if isinstance(term, sympy.Mul):
        return reduce(_multiplied, parts)
    if isinstance(term, (FloorDiv, CeilDiv, Mod)) and len(parts[0]) <= 2 and len(parts[1]) == 1:
        (b, a), (m,) = (*parts[0], 0)[:2], parts[1]
        if a % m == 0:
            rounded = int(term.compute(b, m))
            return [rounded] if isinstance(term, Mod) else [rounded, a // m]
    raise UnsupportedError(f"{term} is no polynomial, not even for one remainder")


def _multiplied(first: list[int], second: list[int]) -> list[int]:
    found = [0] * (len(first) + len(second) - 1)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            found[i + j] += a * b
    return found
