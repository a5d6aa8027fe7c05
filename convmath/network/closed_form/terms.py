"""Sizes as terms in the input's size: what they are at each size, between which bounds, and how they are written."""

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


def parts(term: Term) -> Parts:
    """The multiples of atoms of which a term is the sum.

    >>> from convmath.calculus.index import integers
    >>> n = integers("n")
    >>> parts(2 * n - 3) == {n: 2, ONE: -3}
    True
    """
    return {atom: int(number) for atom, number in term.as_coefficients_dict().items() if number}


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
    if isinstance(atom, Mod) and isinstance(atom.args[1], sympy.Integer):
        return (0 * one, 0 * one), (0 * one, one * (int(atom.args[1]) - 1))
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
    if (length := _of_remainders(term)) is not None:
        return length, 0
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


def _of_remainders(term: Term) -> int | None:
    """The period of a term that is remainders and no more, if products are among them; None if it is none.

    A quotient that is rounded is the quotient less a remainder: where the quotients cancel, only the remainders are
    left, ``u - m*floor(u/m)``.
    """
    found = parts(term)
    if not any(atom.has(sympy.Mul, sympy.Pow) for atom in found):
        return None
    rest, lengths = sympy.Integer(0), [1]
    for atom, factor in found.items():
        if not isinstance(atom, (FloorDiv, Mod)) or not isinstance(atom.args[1], sympy.Integer):
            rest += factor * atom
            continue
        over, under = atom.args[0], int(atom.args[1])
        lengths.append(_residues(over, under))
        rest += sympy.Rational(factor, under) * over if isinstance(atom, FloorDiv) else 0
    return None if rest.expand().free_symbols else lcm(*lengths)


def _residues(term: Term, m: int) -> int:
    """After how much more in the only variable a term leaves the same remainder by ``m`` again.

    >>> from convmath.calculus.index import integers
    >>> _residues(FloorDiv(integers("n"), 4) ** 2 + 3, 64)
    256
    """
    if isinstance(term, sympy.Integer):
        return 1
    if isinstance(term, sympy.Symbol):
        return m
    if isinstance(term, (sympy.Add, sympy.Mul)):
        return lcm(*(_residues(part, m) for part in term.args))
    if isinstance(term, sympy.Pow):
        return _residues(term.args[0], m)
    if isinstance(term, (FloorDiv, CeilDiv)) and isinstance(term.args[1], sympy.Integer):
        return _residues(term.args[0], m * int(term.args[1]))
    length, rise = period(term)
    return length * (m // gcd(m, rise))


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
