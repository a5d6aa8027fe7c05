"""The order in which textbooks write the terms of a sum and the factors of a product; SymPy sorts by other needs.

A position comes before what is added to it, the stride's term before the dilation's, padding late, subtracted terms
after added ones, the constant last: ``n + p_l + p_r - d*(k - 1) - 1``. In a product numbers come first, then steps
such as stride and dilation, then sizes and indices, then brackets: ``d*(k - 1)``.
"""

from __future__ import annotations

import sympy

from ..inert import Rounding
from .dialect import name_parts

_ADDED = "nNijhIJHtoLKElrke"
_STEPPED = "JsdCFG"
_LATE = "abcumvpqgsd"
_MULTIPLIERS = "JsdgGBCF"


def summands(term: sympy.Expr) -> list[tuple[bool, sympy.Expr]]:
    """The terms of a sum as (is subtracted, absolute term), in order.

    >>> n, k, d, p = sympy.symbols("n k d p_l", integer=True)
    >>> [str(part) for _, part in summands(p - d * (k - 1) - 1 + n)]
    ['n', 'p_l', 'd*(k - 1)', '1']
    """
    parts = [_signed(part) for part in sympy.Add.make_args(term)]
    return sorted(parts, key=lambda part: (part[1].is_Number, part[0], _rank(part[1]), sympy.default_sort_key(part[1])))


def factors(term: sympy.Expr) -> tuple[sympy.Rational, list[sympy.Expr]]:
    """The number in front and the other factors of a product, in order."""
    number, rest = term.as_coeff_Mul()
    parts = [part for part in sympy.Mul.make_args(rest) if part != 1]
    return number, sorted(parts, key=_factor_rank)


def _signed(part: sympy.Expr) -> tuple[bool, sympy.Expr]:
    number, _ = part.as_coeff_Mul()
    return (True, -part) if number.is_negative else (False, part)


def _letter(term: sympy.Expr) -> str:
    if isinstance(term, sympy.Symbol):
        return name_parts(term.name)[0]
    if isinstance(term, sympy.Indexed):
        return name_parts(str(term.base.label))[0]
    return ""


def _rank(term: sympy.Expr) -> tuple[int, int, str]:
    """Where a term stands in a sum, by the letter that leads it."""
    _, parts = factors(term)
    if not parts:
        return (9, 0, "")
    lead = _letter(parts[0].base if isinstance(parts[0], sympy.Pow) else parts[0])
    if isinstance(parts[0], Rounding):
        return (1, 0, "")
    if len(parts) > 1 and lead and lead in _STEPPED:
        return (2, _STEPPED.index(lead), lead)
    if len(parts) == 1 and lead and lead in _LATE:
        return (3, _LATE.index(lead), lead)
    return (0, _ADDED.find(lead) if lead and lead in _ADDED else len(_ADDED), lead)


def _factor_rank(part: sympy.Expr) -> tuple[int, int, object]:
    base = part.base if isinstance(part, sympy.Pow) else part
    letter = _letter(base)
    kind = (
        3
        if isinstance(base, sympy.Add)
        else 2
        if isinstance(base, Rounding)
        else 0
        if letter and letter in _MULTIPLIERS
        else 1
    )
    return (kind, _MULTIPLIERS.find(letter), sympy.default_sort_key(part))
