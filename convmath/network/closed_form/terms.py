"""Sizes as terms in the input's size: collected into as few roundings as there have to be, and written in short.

Nothing here is trusted: each result is proposed to the prover. Inside, a term is a sum of a number and of whole
multiples of atoms, and its only rounding is ``floor((u + r)/m)`` with ``0 <= r < m``; :func:`written` chooses what is
shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm, prod
from typing import TypeAlias

import sympy

from ...calculus.index import Formula, Term, term_json
from ...calculus.plain import Frozen, freeze, text
from ...division import ceil_div, floor_div, maximum, minimum, mod
from ...errors import UnsupportedError
from ...inert import CeilDiv, FloorDiv, Max, Min, Mod, Rounding

Parts: TypeAlias = dict[Term, int]
"""Whole multiples of atoms, and that of 1."""

Affine: TypeAlias = tuple[Fraction, Fraction]
"""A slope and a number."""

ONE = sympy.Integer(1)
REMEMBERED = 8192
_OPERATIONS: Mapping[type[Rounding], Callable[[int, int], int]] = {
    FloorDiv: floor_div,
    CeilDiv: ceil_div,
    Mod: mod,
    Min: minimum,
    Max: maximum,
}


def short(term: Term) -> Term:
    """The term with nested roundings joined, as it is written.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> short(FloorDiv(FloorDiv(n - 1, 2) + 2, 2)), short(2 * FloorDiv(4 * n + 6, 8))
    (CeilDiv(n, 4), 2*CeilDiv(n, 2))
    """
    return written(collected(term))


@lru_cache(maxsize=REMEMBERED)
def collected(term: Term) -> Term:
    """The term in the form of this module."""
    if isinstance(term, (sympy.Integer, sympy.Symbol)):
        return term
    if isinstance(term, sympy.Add):
        return _sum([(collected(part), 1) for part in term.args])
    if isinstance(term, sympy.Mul):
        number, rest = term.as_coeff_Mul()
        return _sum([(_product(rest), int(number))])
    if isinstance(term, Rounding):
        a, b = map(collected, term.args)
        if isinstance(term, (Min, Max)):
            return _extremum(type(term), a, b)
        if isinstance(b, sympy.Integer) and b > 0:
            return _rounded(type(term), a, int(b))
    return term.func(*(collected(part) for part in term.args))


def _product(term: Term) -> Term:
    """A product of more than numbers is an atom; the factors are written in short."""
    if not isinstance(term, sympy.Mul):
        return collected(term)
    product = sympy.Mul(*(short(factor) for factor in term.args))
    return product if isinstance(product, sympy.Mul) else collected(product)


def parts(term: Term) -> Parts:
    """The multiples of atoms of which a term is the sum.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> parts(2 * n - 3) == {n: 2, ONE: -3}
    True
    """
    return {atom: int(number) for atom, number in term.as_coefficients_dict().items() if number}


def _of(found: Mapping[Term, int]) -> Term:
    return sympy.Add(*(number * atom for atom, number in found.items()))


def _sum(terms: list[tuple[Term, int]]) -> Term:
    """The sum of multiples; one extremum among them takes in the others, so that it stands outside."""
    total: Parts = {}
    for term, factor in terms:
        for atom, number in parts(term).items():
            total[atom] = total.get(atom, 0) + factor * number
    found = [atom for atom, number in total.items() if number and isinstance(atom, (Min, Max))]
    if len(found) != 1:
        return _of(total)
    factor = total.pop(found[0])
    a, b = (_sum([(_of(total), 1), (side, factor)]) for side in found[0].args)
    other = {Min: Max, Max: Min}[type(found[0])]
    return _extremum(type(found[0]) if factor > 0 else other, a, b)


def _rounded(how: type[Rounding], a: Term, m: int) -> Term:
    if isinstance(a, (Min, Max)) and how is not Mod:  # rounding keeps the order
        return _extremum(type(a), *(_rounded(how, side, m) for side in a.args))
    if how is CeilDiv:
        return _floor(_sum([(a, 1), (ONE, m - 1)]), m)
    floor = _floor(a, m)
    return floor if how is FloorDiv else _sum([(a, 1), (floor, -m)])


def _floor(a: Term, m: int) -> Term:
    """``floor(a / m)``: multiples of m go out, common factors cancel, and a floor inside joins."""
    found = parts(a)
    number = found.pop(ONE, 0)
    outside = {atom: factor // m for atom, factor in found.items() if factor % m == 0}
    inside = {atom: factor for atom, factor in found.items() if factor % m}
    common = gcd(m, *inside.values())
    inside, number, m = {atom: factor // common for atom, factor in inside.items()}, number // common, m // common
    if len(inside) == 1:
        ((atom, factor),) = inside.items()
        if factor == 1 and isinstance(atom, FloorDiv) and isinstance(atom.args[1], sympy.Integer):
            u, within = atom.args
            return _sum([(_of(outside), 1), (_floor(_sum([(u, 1), (ONE, number * int(within))]), m * int(within)), 1)])
    if inside and max(inside.values()) < 0:  # floor(-u/m) = -ceil(u/m)
        turned = _floor(_sum([*((atom, -factor) for atom, factor in inside.items()), (ONE, m - 1 - number)]), m)
        return _sum([(_of(outside), 1), (turned, -1)])
    whole, rest = divmod(number, m)
    rounded = FloorDiv(_of(inside) + rest, m) if inside else sympy.Integer(0)
    return _sum([(_of(outside), 1), (ONE, whole), (rounded, 1)])


def _extremum(how: type[Rounding], a: Term, b: Term) -> Term:
    """One of both where it is known, for all inputs of at least 1, which; else both in a fixed order."""
    for smaller, larger in ((a, b), (b, a)):
        if _least(_sum([(larger, 1), (smaller, -1)])) >= 0:
            return smaller if how is Min else larger
    return how(*sorted((a, b), key=sympy.default_sort_key))


def _least(difference: Term) -> Fraction:
    """A lower bound for all inputs of at least 1; -1 where none is known."""
    found = parts(difference)
    floors = [atom for atom in found if isinstance(atom, FloorDiv)]
    if len(floors) == 2 and set(found) <= {*floors, ONE}:
        (u, m), (v, k) = (atom.args for atom in floors)
        apart = _sum([(u, 1), (v, -1)])
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


@lru_cache(maxsize=REMEMBERED)
def bounds(term: Term) -> tuple[Affine, Affine]:
    """Affine functions of the only variable between which the term lies.

    Raises:
        UnsupportedError: it is no sum of multiples of variables and roundings.

    >>> from convmath.calculus.index import integers
    >>> bounds(FloorDiv(integers("n") + 1, 2))
    ((Fraction(1, 2), Fraction(0, 1)), (Fraction(1, 2), Fraction(1, 2)))
    """
    low = high = (Fraction(0), Fraction(0))
    for atom, factor in parts(term).items():
        ends = _atom_bounds(atom)
        first, last = ends if factor > 0 else ends[::-1]
        low = low[0] + factor * first[0], low[1] + factor * first[1]
        high = high[0] + factor * last[0], high[1] + factor * last[1]
    return low, high


def _atom_bounds(atom: Term) -> tuple[Affine, Affine]:
    one = Fraction(1)
    if atom == ONE:
        return ((0 * one, one),) * 2
    if isinstance(atom, sympy.Symbol):
        return ((one, 0 * one),) * 2
    if isinstance(atom, (FloorDiv, CeilDiv)) and isinstance(atom.args[1], sympy.Integer):
        m = int(atom.args[1])
        (a, b), (c, d) = bounds(atom.args[0])
        lost = Fraction(m - 1, m)
        below, above = (lost, 0) if isinstance(atom, FloorDiv) else (0, lost)
        return (a / m, b / m - below), (c / m, d / m + above)
    raise UnsupportedError(f"{atom} has no bounds")


@lru_cache(maxsize=REMEMBERED)
def period(term: Term) -> tuple[int, int]:
    """``(P, D)``: with P more in the only variable, the term is always D more.

    Raises:
        UnsupportedError: there is no such number that is known.

    >>> from convmath.calculus.index import integers
    >>> period(3 * FloorDiv(integers("n") + 1, 4))
    (4, 3)
    """
    found = [(*_atom_period(atom), factor) for atom, factor in parts(term).items()]
    common = lcm(*(length for length, _, _ in found))
    return common, sum(factor * rise * (common // length) for length, rise, factor in found)


def _atom_period(atom: Term) -> tuple[int, int]:
    if atom == ONE:
        return 1, 0
    if isinstance(atom, sympy.Symbol):
        return 1, 1
    if isinstance(atom, (FloorDiv, CeilDiv, Mod)) and isinstance(atom.args[1], sympy.Integer):
        length, rise = period(atom.args[0])
        m = int(atom.args[1])
        rounds = m // gcd(m, rise)
        return length * rounds, 0 if isinstance(atom, Mod) else rise * rounds // m
    if isinstance(atom, (Min, Max)):
        (first, rise), (second, other) = map(period, atom.args)
        common = lcm(first, second)
        if rise * (common // first) == other * (common // second):
            return common, rise * (common // first)
    raise UnsupportedError(f"{atom} has no period")


def rises(term: Term, start: int = 1) -> bool:
    """Whether the term is known never to become smaller as the only variable, from ``start`` on, becomes larger.

    >>> from convmath.calculus.index import integers
    >>> square = (FloorDiv(integers("n"), 4) - 3) ** 2
    >>> rises(square), rises(square, 12)
    (False, True)
    """
    return all(factor > 0 and _rises(atom, start) for atom, factor in parts(term).items() if atom != ONE)


def _rises(atom: Term, start: int) -> bool:
    if isinstance(atom, sympy.Symbol):
        return True
    if isinstance(atom, (FloorDiv, CeilDiv)) and isinstance(atom.args[1], sympy.Integer):
        return rises(atom.args[0], start)
    if isinstance(atom, (Min, Max)):
        return all(rises(part, start) for part in atom.args)
    if isinstance(atom, (sympy.Mul, sympy.Pow)):
        factors = atom.args if isinstance(atom, sympy.Mul) else atom.args[:1]
        return all(rises(factor, start) and evaluated(factor)(start) >= 0 for factor in factors)
    return False


@lru_cache(maxsize=REMEMBERED)
def evaluated(term: Term) -> Callable[[int], int]:
    """The term as a function of its only variable.

    >>> from convmath.calculus.index import integers
    >>> evaluated(2 * CeilDiv(integers("n"), 32) + 1)(224)
    15
    """
    if isinstance(term, sympy.Integer):
        number = int(term)
        return lambda n: number
    if isinstance(term, sympy.Symbol):
        return lambda n: n
    functions = [evaluated(part) for part in term.args]
    if isinstance(term, sympy.Add):
        return lambda n: sum(function(n) for function in functions)
    if isinstance(term, sympy.Mul):
        return lambda n: prod(function(n) for function in functions)
    first, second = functions
    if isinstance(term, sympy.Pow):
        return lambda n: int(first(n) ** second(n))
    operation = _OPERATIONS[type(term)]
    return lambda n: operation(first(n), second(n))


# How a term is written


def shown(item: Term | Formula) -> str:
    """A term or formula as a person writes it.

    >>> from convmath.calculus.index import integers
    >>> shown(4 * CeilDiv(integers("n") - 1, 8) - 3)
    '4*ceil((n - 1)/8) - 3'
    """
    return text(_numbers_last(freeze(item.json() if isinstance(item, Formula) else term_json(item))))


def _numbers_last(item: Frozen) -> Frozen:
    if not isinstance(item, tuple):
        return item
    inner = [_numbers_last(part) for part in item[1:]]
    return item[0], *(sorted(inner, key=lambda part: isinstance(part, int)) if item[0] == "+" else inner)


@lru_cache(maxsize=REMEMBERED)
def written(term: Term) -> Term:
    """A collected term with floors and ceilings such that the least has to be written."""
    if isinstance(term, (sympy.Integer, sympy.Symbol)):
        return term
    if isinstance(term, (Min, Max)):
        return term.func(*map(written, term.args))
    found = parts(term)
    floors = [atom for atom in found if isinstance(atom, FloorDiv)]
    number = found.pop(ONE, 0)
    total: Term = sympy.Integer(0)
    for atom, factor in found.items():
        if not isinstance(atom, FloorDiv):
            total += factor * atom
            continue
        alone = number if len(floors) == 1 else 0
        shown, number_left = min(_ways(atom, factor, alone), key=lambda way: _length(*way))
        total += shown
        number += number_left - alone
    return total + number


def _ways(atom: Term, factor: int, number: int) -> list[tuple[Term, int]]:
    """A multiple of a floor plus a number, in several ways: the multiple of a floor or ceiling, and the number left."""
    u, m = written(atom.args[0]), int(atom.args[1])
    shifts = {0, 1, -1} | ({number // factor} if number % factor == 0 else set())
    ways = []
    for shift in sorted(shifts):
        left = number - factor * shift
        ways.append((factor * FloorDiv(u + m * shift, m), left))
        ways.append((factor * CeilDiv(u + m * shift - m + 1, m), left))
    return ways


def _length(shown: Term, number: int) -> tuple[int, bool, int, bool, int]:
    """How many numbers are added, whether inside, how large they are, and whether it is a ceiling."""
    rounding = next(iter(shown.atoms(FloorDiv, CeilDiv)))
    inner = abs(int(rounding.args[0].as_coeff_Add()[0]))
    return bool(number) + bool(inner), bool(inner), abs(number) + inner, isinstance(rounding, CeilDiv), abs(number)
