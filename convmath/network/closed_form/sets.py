"""Sets of input sizes: between two bounds, with some remainders; and what of them satisfies a condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from math import ceil, floor, gcd, lcm

import sympy

from ...calculus.index import Formula, Term, both, either, eq, le
from ...errors import UnsupportedError
from ...inert import CeilDiv, FloorDiv, Mod
from ...notebook import brief, listed
from .terms import bounds, evaluated, period, rises, short, shown

MOST_TRIED = 2**16
"""A set for which more sizes would have to be tried is not worked out."""

MOST_LISTED = 12
"""Remainders that are written out; of more, how many more there are."""

LARGEST = 2**64
"""A bound beyond this is none."""


@dataclass(frozen=True)
class SizeSet:
    """Sizes of at least 1 between two bounds, with some remainders.

    Attributes:
        least: the least of them.
        greatest: the greatest of them; None if there is none.
        modulus: the divisor to which the remainders belong, as small as it can be.
        remainders: those of its elements, in order; empty for the empty set.

    >>> odd = SizeSet.of(1, None, 2, [1])
    >>> print(odd & SizeSet.of(10, None, 3, [0]), odd.up_to(6), 7 in odd, sep=" | ")
    n >= 15 with n mod 6 = 3 | [1, 3, 5] | True
    """

    least: int = 1
    greatest: int | None = None
    modulus: int = 1
    remainders: tuple[int, ...] = (0,)

    @staticmethod
    def of(least: int, greatest: int | None, modulus: int, remainders: Iterable[int]) -> SizeSet:
        """The set with bounds that belong to it and with the least modulus."""
        modulus, found = _reduced(modulus, sorted({r % modulus for r in remainders}))
        if not found:
            return EMPTY
        least = min(least + (r - least) % modulus for r in found)
        if greatest is not None:
            greatest = max(greatest - (greatest - r) % modulus for r in found)
            if greatest < least:
                return EMPTY
            if greatest - least < modulus:  # remainders that no element has
                inside = {n % modulus for n in _between(least, greatest, modulus, found)}
                modulus, found = (1, [0]) if least == greatest else _reduced(modulus, sorted(inside))
        return SizeSet(least, greatest, modulus, tuple(found))

    def __contains__(self, n: int) -> bool:
        """Whether a size is in it."""
        return self.least <= n and (self.greatest is None or n <= self.greatest) and n % self.modulus in self.remainders

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.remainders)

    def up_to(self, largest: int) -> list[int]:
        """Its elements that are not larger, in order."""
        last = largest if self.greatest is None else min(largest, self.greatest)
        return list(_between(self.least, last, self.modulus, self.remainders))

    def __and__(self, other: SizeSet) -> SizeSet:
        """What is in both.

        Raises:
            UnsupportedError: there are too many remainders.
        """
        if not (self and other):
            return EMPTY
        modulus = lcm(self.modulus, other.modulus)
        common = gcd(self.modulus, other.modulus)
        if len(self.remainders) * len(other.remainders) > MOST_TRIED:
            raise UnsupportedError(f"there are more than {MOST_TRIED} pairs of remainders")
        turn = pow(self.modulus // common, -1, other.modulus // common)
        remainders = (
            a + self.modulus * ((b - a) // common * turn % (other.modulus // common))
            for a in self.remainders
            for b in other.remainders
            if (b - a) % common == 0
        )
        ends = [end for end in (self.greatest, other.greatest) if end is not None]
        return SizeSet.of(max(self.least, other.least), min(ends, default=None), modulus, remainders)

    def formulas(self, n: sympy.Symbol) -> tuple[Formula, ...]:
        """What being in it means, for a size of at least 1."""
        found = [le(self.least, n)]
        if self.greatest is not None:
            found.append(le(n, self.greatest))
        if not self or self.modulus > 1:
            found.append(self.remainder(n))
        return tuple(found)

    def remainder(self, n: sympy.Symbol) -> Formula:
        """Which remainders are those of its elements."""
        rest = Mod(n, self.modulus)
        if len(self.remainders) == 1:
            return eq(rest, self.remainders[0])
        if self and self.remainders[-1] - self.remainders[0] == len(self.remainders) - 1:
            return both(le(self.remainders[0], rest), le(rest, self.remainders[-1]))
        return either(*(eq(rest, r) for r in self.remainders))

    def text(self, name: str = "n") -> str:
        """In words.

        >>> SizeSet.of(193, 224, 1, [0]).text(), SizeSet.of(4, None, 8, [0, 4, 5]).text(), EMPTY.text("h")
        ('193 <= n <= 224', 'n >= 4 with n mod 8 in {0, 4, 5}', 'no h')
        """
        if not self:
            return f"no {name}"
        if self.greatest == self.least:
            return f"{name} = {self.least}"
        found = f"{name} >= {self.least}" if self.greatest is None else f"{self.least} <= {name} <= {self.greatest}"
        if self.modulus == 1:
            return found
        if len(self.remainders) == 1:
            return f"{found} with {name} mod {self.modulus} = {self.remainders[0]}"
        return f"{found} with {name} mod {self.modulus} in {{{listed(self.remainders, MOST_LISTED)}}}"

    def latex(self, n: sympy.Symbol) -> str:
        r"""In LaTeX.

        >>> print(SizeSet.of(4, None, 8, [0, 4, 5]).latex(sympy.Symbol("n")))
        n \ge 4, \; n \bmod 8 \in \{0, 4, 5\}
        """
        name = sympy.latex(n)
        if not self:
            return rf"{name} \in \emptyset"
        if self.greatest == self.least:
            return f"{name} = {self.least}"
        found = (
            rf"{name} \ge {self.least}" if self.greatest is None else rf"{self.least} \le {name} \le {self.greatest}"
        )
        if self.modulus == 1:
            return found
        rest = ", ".join(map(str, self.remainders[:MOST_LISTED]))
        if len(self.remainders) > 1:
            more = r", \dots" if len(self.remainders) > MOST_LISTED else ""
            rest = rf"\in \{{{rest}{more}\}}"
        else:
            rest = f"= {rest}"
        return rf"{found}, \; {name} \bmod {self.modulus} {rest}"

    def __repr__(self) -> str:
        """In words."""
        return brief(self, str(self))

    def __str__(self) -> str:
        """In words, with n for the size."""
        return self.text()


EMPTY = SizeSet(1, None, 1, ())
"""No size."""


def _between(least: int, greatest: int, modulus: int, remainders: Sequence[int]) -> Iterator[int]:
    for turn in range(least - least % modulus, greatest + 1, modulus):
        yield from (turn + r for r in remainders if least <= turn + r <= greatest)


def _reduced(modulus: int, remainders: list[int]) -> tuple[int, list[int]]:
    """The same remainders to the least divisor."""
    prime = 2
    rest = modulus
    while rest > 1:
        if prime * prime > rest:
            prime = rest
        if rest % prime:
            prime += 1
            continue
        rest //= prime
        smaller = modulus // prime
        if len(remainders) % prime == 0:
            fewer = sorted({r % smaller for r in remainders})
            if len(fewer) * prime == len(remainders):
                modulus, remainders = smaller, fewer
    return modulus, remainders


@dataclass(frozen=True)
class Claim:
    """A condition on the input size: a term is 0, or at least 0.

    Attributes: term: the term in the input size. equal: whether it has to be 0. formula: the condition as it was made.
    """

    term: Term
    equal: bool
    formula: Formula

    @staticmethod
    def of(relation: str, left: Term, right: Term) -> Claim:
        """The claim ``left relation right``, with ``"<="``, ``"<"`` or ``"=="``."""
        term = short(right - left - (1 if relation == "<" else 0))
        return Claim(term, relation == "==", Formula(relation, (left, right)))

    @property
    def trivial(self) -> bool:
        """Whether it is known to hold for every size of at least 1."""
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
        """Whether it holds for an input size."""
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
    if not within:
        return EMPTY
    value = evaluated(claim.term)
    for sign in (1, -1):
        if rises(claim.term if sign == 1 else short(-claim.term), within.least):
            grown = _where_rising(lambda n: sign * value(max(n, within.least)), claim.equal, sign)  # noqa: B023
            return within & grown
    try:
        length, rise = period(claim.term)
    except UnsupportedError:
        if claim.equal:
            return _by_polynomials(claim, within)
        raise
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
        return SizeSet.of(reaches, passes - 1 if passes < LARGEST else None, 1, [0]) if reaches < LARGEST else EMPTY
    if sign == 1:
        return SizeSet.of(reaches, None, 1, [0]) if reaches < LARGEST else EMPTY
    return SizeSet.of(1, passes - 1 if passes < LARGEST else None, 1, [0])


def _first(holds: Callable[[int], bool]) -> int:
    """The first size of at least 1 from which on a condition holds; LARGEST if there is none below it."""
    low, high = 0, 1
    while high < LARGEST and not holds(high):
        low, high = high, 2 * high
    if high >= LARGEST:
        return LARGEST
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
    for n in _between(within.least, within.least + modulus - 1, within.modulus, within.remainders):
        rounds = max(0, -(value(n) // each) if each > 0 else value(n) // -each + 1)
        turns.append(n + modulus * rounds)
    first, last = (min(turns), max(turns)) if each > 0 else (within.least, max(turns))
    if last - first > MOST_TRIED:
        raise UnsupportedError(f"{claim} would have to be tried for the sizes {first} to {last}")
    tried = list(_between(first, last, within.modulus, within.remainders))
    found = [n for n in tried if n in within and claim.holds(n)]
    if each > 0:
        if len(found) < len([n for n in tried if n in within]):
            raise UnsupportedError(f"{claim} holds for some sizes between {first} and {last}, and for all after them")
        return within & SizeSet.of(first, None, 1, [0])
    return SizeSet.of(found[0], found[-1], last - first + 1, found) if found else EMPTY


def _by_polynomials(claim: Claim, within: SizeSet) -> SizeSet:
    """Where a sum of products is 0: for each remainder it is a polynomial in the number of periods."""
    atoms = claim.term.atoms(FloorDiv, CeilDiv, Mod)
    modulus = lcm(within.modulus, *(period(atom)[0] for atom in atoms))
    if len(within.remainders) * (modulus // within.modulus) > MOST_TRIED:
        raise UnsupportedError(f"the remainders to {modulus} are too many to be tried")
    always, once = [], []
    for r in _between(0, modulus - 1, within.modulus, within.remainders):
        coefficients = _polynomial(claim.term, r, modulus)
        while coefficients and coefficients[-1] == 0:
            coefficients.pop()
        if not coefficients:
            always.append(r)
            continue
        last = 1 + max(map(abs, coefficients)) // abs(coefficients[-1])  # Cauchy's bound on the roots
        if last > MOST_TRIED:
            raise UnsupportedError(f"{claim} would have to be tried for too many sizes")
        once += [n for q in range(last + 1) if (n := modulus * q + r) in within and claim.holds(n)]
    if not once:
        return SizeSet.of(within.least, within.greatest, modulus, always)
    if always:
        raise UnsupportedError(f"{claim} holds for some remainders and, besides, for {once[0]}")
    return SizeSet.of(min(once), max(once), max(once) - min(once) + 1, once)


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
