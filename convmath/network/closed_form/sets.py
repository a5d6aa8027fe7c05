"""Sets of input sizes: between two bounds, with some remainders."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import gcd, lcm

import sympy

from ...calculus.index import Formula, both, either, eq, le
from ...errors import UnsupportedError
from ...inert import Mod
from ...notebook import brief, listed

MOST_TRIED = 2**16
"""A set for which more sizes would have to be tried is not worked out."""

MOST_LISTED = 12
"""Remainders that are written out; of more, how many more there are."""

MOST_ELEMENTS = 1024
"""A set of no more sizes is told from others by the least divisor there is, if it is not above LARGEST_TRIED."""

LARGEST_TRIED = 64

MOST_AROUND = 2**13
"""So many sizes are looked at before and after each end of a set."""


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
        """The set with bounds that belong to it and with the least modulus.

        >>> SizeSet.of(2, None, 6, [1, 3, 5]), SizeSet.of(3, 5, 4, [2])
        (SizeSet(n >= 3 with n mod 2 = 1), SizeSet(no n))
        """
        modulus, found = _reduced(modulus, sorted({r % modulus for r in remainders}))
        if not found:
            return EMPTY
        least = min(least + (r - least) % modulus for r in found)
        if greatest is not None:
            greatest = max(greatest - (greatest - r) % modulus for r in found)
            if greatest < least:
                return EMPTY
            few = list(islice(between(least, greatest, modulus, found), MOST_ELEMENTS + 1))
            if modulus > 1 and len(few) <= MOST_ELEMENTS:
                modulus, found = _fewest(few, modulus, found)
        return SizeSet(least, greatest, modulus, tuple(found))

    def __contains__(self, n: int) -> bool:
        """Whether a size is in it."""
        if n < self.least or (self.greatest is not None and n > self.greatest):
            return False
        rest = n % self.modulus
        place = bisect_left(self.remainders, rest)
        return place < len(self.remainders) and self.remainders[place] == rest

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.remainders)

    def up_to(self, largest: int) -> list[int]:
        """Its elements that are not larger, in order.

        >>> SizeSet.of(1, None, 2, [1]).up_to(6)
        [1, 3, 5]
        """
        last = largest if self.greatest is None else min(largest, self.greatest)
        return list(between(self.least, last, self.modulus, self.remainders))

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
        """What being in it means, for a size of at least 1.

        >>> from convmath.calculus.index import integers
        >>> SizeSet.of(1, 9, 2, [1]).formulas(integers("n"))
        (Formula(op='<=', args=(1, n)), Formula(op='<=', args=(n, 9)), Formula(op='==', args=(Mod(n, 2), 1)))
        """
        found = [le(self.least, n)]
        if self.greatest is not None:
            found.append(le(n, self.greatest))
        if not self or self.modulus > 1:
            found.append(self.remainder(n))
        return tuple(found)

    def remainder(self, n: sympy.Symbol) -> Formula:
        """Which remainders are those of its elements.

        >>> from convmath.calculus.index import integers
        >>> SizeSet.of(1, None, 8, [0, 1, 2]).remainder(integers("n"))
        Formula(op='and', args=(Formula(op='<=', args=(0, Mod(n, 8))), Formula(op='<=', args=(Mod(n, 8), 2))))
        """
        rest = Mod(n, self.modulus)
        if len(self.remainders) == 1:
            return eq(rest, self.remainders[0])
        if self and self.remainders[-1] - self.remainders[0] == len(self.remainders) - 1:
            return both(le(self.remainders[0], rest), le(rest, self.remainders[-1]))
        return either(*(eq(rest, r) for r in self.remainders))

    @property
    def listed(self) -> tuple[int, ...]:
        """Its elements where they are few and no range, so that they are best written one by one; else none.

        >>> SizeSet.of(30, 35, 3, [0, 2]).listed, SizeSet(30, 35).listed
        ((30, 32, 33, 35), ())
        """
        if self.greatest is None or self.modulus == 1:
            return ()
        found = tuple(islice(between(self.least, self.greatest, self.modulus, self.remainders), MOST_LISTED + 1))
        return found if len(found) <= MOST_LISTED else ()

    @property
    def shorter(self) -> tuple[bool, tuple[int, ...]]:
        """Whether the remainders are these, or all but these, whichever are fewer.

        >>> SizeSet.of(1, None, 8, [0, 4]).shorter, SizeSet.of(1, None, 4, [1, 2, 3]).shorter
        ((True, (0,)), (False, (0,)))
        """
        if 2 * len(self.remainders) <= self.modulus:
            return True, self.remainders
        own = set(self.remainders)
        return False, tuple(r for r in range(self.modulus) if r not in own)

    def text(self, name: str = "n") -> str:
        """In words.

        >>> SizeSet.of(193, 224, 1, [0]).text(), SizeSet.of(4, None, 8, [0, 4, 5]).text(), EMPTY.text("h")
        ('193 <= n <= 224', 'n >= 4 with n mod 8 in {0, 4, 5}', 'no h')
        >>> SizeSet.of(1, None, 3, [0, 2]).text(), SizeSet.of(30, 35, 3, [0, 2]).text()
        ('n >= 2 with n mod 3 != 1', 'n in {30, 32, 33, 35}')
        """
        if not self:
            return f"no {name}"
        if self.greatest == self.least:
            return f"{name} = {self.least}"
        if self.listed:
            return f"{name} in {{{listed(self.listed, MOST_LISTED)}}}"
        found = f"{name} >= {self.least}" if self.greatest is None else f"{self.least} <= {name} <= {self.greatest}"
        if self.modulus == 1:
            return found
        these, rest = self.shorter
        if len(rest) == 1:
            return f"{found} with {name} mod {self.modulus} {'=' if these else '!='} {rest[0]}"
        return f"{found} with {name} mod {self.modulus} {'' if these else 'not '}in {{{listed(rest, MOST_LISTED)}}}"

    def latex(self, n: sympy.Symbol) -> str:
        r"""In LaTeX.

        >>> print(SizeSet.of(4, None, 8, [0, 4, 5]).latex(sympy.Symbol("n")))
        n \ge 4, \; n \bmod 8 \in \{0, 4, 5\}
        >>> print(SizeSet.of(1, None, 32, range(1, 32)).latex(sympy.Symbol("n")))
        n \ge 1, \; n \bmod 32 \ne 0
        """
        name = sympy.latex(n)
        if not self:
            return rf"{name} \in \emptyset"
        if self.greatest == self.least:
            return f"{name} = {self.least}"
        if self.listed:
            return rf"{name} \in {_braces(self.listed)}"
        found = (
            rf"{name} \ge {self.least}" if self.greatest is None else rf"{self.least} \le {name} \le {self.greatest}"
        )
        if self.modulus == 1:
            return found
        these, rest = self.shorter
        single, several = ("=", r"\in") if these else (r"\ne", r"\notin")
        how = f"{single} {rest[0]}" if len(rest) == 1 else f"{several} {_braces(rest)}"
        return rf"{found}, \; {name} \bmod {self.modulus} {how}"

    def __repr__(self) -> str:
        """In words."""
        return brief(self, str(self))

    def __str__(self) -> str:
        """In words, with n for the size."""
        return self.text()


EMPTY = SizeSet(1, None, 1, ())
"""No size."""


def union(first: SizeSet | None, second: SizeSet | None) -> SizeSet | None:
    """What is in one of two sets or in both; None where it is no such set, or one of them is unknown.

    >>> print(union(SizeSet.of(1, 31, 1, [0]), SizeSet.of(32, None, 2, [0, 1])))
    n >= 1
    >>> union(SizeSet.of(1, 9, 1, [0]), SizeSet.of(32, None, 2, [0])) is None
    True
    """
    if not first or not second:
        return None if first is None or second is None else first or second
    modulus = lcm(first.modulus, second.modulus)
    ends = [one.greatest for one in (first, second)]
    bounds = [end for end in (first.least, second.least, *ends) if end is not None]
    last = max(bounds) + modulus
    if last > MOST_TRIED:
        return None
    elements = sorted({*first.up_to(last), *second.up_to(last)})
    whole = SizeSet.of(elements[0], None if None in ends else elements[-1], modulus, elements)
    return whole if whole.up_to(last) == elements else None


def around(size: int, last: int, *sets: SizeSet) -> list[int]:
    """Sizes up to a last one, those near a size first; of many, those near it and near the ends of sets.

    Between the ends of sets what is in them repeats, so that a period after each shows which sizes there are.

    >>> around(3, 5), len(around(2**40, 2**42, SizeSet.of(7, None, 2, [1]))) < 2**14
    ([3, 2, 4, 1, 5], True)
    """
    reach = min(max(MOST_ELEMENTS, lcm(*(one.modulus for one in sets))), MOST_AROUND)
    ends = {1, last, size, *(end for one in sets for end in (one.least, one.greatest) if end is not None)}
    near = (range(max(1, end - reach), min(last, end + reach) + 1) for end in ends)
    return sorted(set().union(*near), key=lambda n: (abs(n - size), n))


def _braces(numbers: Sequence[int]) -> str:
    more = r", \dots" if len(numbers) > MOST_LISTED else ""
    return rf"\{{{', '.join(map(str, numbers[:MOST_LISTED]))}{more}\}}"


def _fewest(elements: Sequence[int], modulus: int, remainders: list[int]) -> tuple[int, list[int]]:
    """The least divisor whose remainders tell the elements between their bounds from others; else that is given."""
    least, greatest = elements[0], elements[-1]
    for fewer in range(1, LARGEST_TRIED + 1):
        found = sorted({n % fewer for n in elements})
        if sum((greatest - r) // fewer - (least - 1 - r) // fewer for r in found) == len(elements):
            return fewer, found
    if modulus > greatest - least:
        modulus = greatest - least + 1
        return modulus, sorted(n % modulus for n in elements)
    return modulus, remainders


def between(least: int, greatest: int, modulus: int, remainders: Sequence[int]) -> Iterator[int]:
    """Numbers between two bounds with some remainders, in order.

    >>> list(between(5, 12, 4, (0, 1)))
    [5, 8, 9, 12]
    """
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
