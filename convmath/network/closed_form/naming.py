"""Placeholders of the sizes that an operator is given, where one may stand for several that are proved to be alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache

import sympy

from ...calculus.index import Term
from .form import Length
from .laws import placeholder
from .terms import REMEMBERED, shown


def names_of(symbol: sympy.Symbol, lengths: Iterable[Length], divides: bool) -> dict[Length, Term]:
    """Placeholders of sizes.

    For an operator that divides by some of them, those of their factors: one for equal ones, and multiples of it for
    multiples.
    """
    unique = list(dict.fromkeys(lengths))
    if not divides:
        return {length: placeholder(symbol, number) for number, length in enumerate(unique)}
    factors = dict.fromkeys(factor for length in unique for factor in length.factors)
    found: dict[Length, Term] = {}
    for length in sorted(factors, key=lambda length: int(length.form.primitive()[0])):
        known = {name: other.form for name, other in lengths_of(found).items() if other.label == "proved"}
        alike = multiple_of(length.form, known) if length.label == "proved" else None
        found[length] = placeholder(symbol, len(found)) if alike is None else alike
    return found


def lengths_of(names: Mapping[Length, Term]) -> dict[sympy.Symbol, Length]:
    """For each placeholder the first of the sizes for which it stands."""
    return {name: length for length, name in reversed(list(names.items())) if isinstance(name, sympy.Symbol)}


def in_letters(sentence: str, places: Mapping[sympy.Symbol, Length]) -> str:
    """A sentence with the closed forms in place of placeholders.

    >>> from convmath.calculus.index import integers
    >>> n, place = integers("n n_in0")
    >>> in_letters("2*n_in0 is less than 3", {place: Length(n + 1)})
    '2*(n + 1) is less than 3'
    """
    for place, length in sorted(places.items(), key=lambda item: -len(item[0].name)):  # n_in10 before n_in1
        form = shown(length.form)
        sentence = sentence.replace(place.name, f"({form})" if length.form.is_Add else form)
    return sentence


def multiple_of(form: Term, known: Mapping[sympy.Symbol, Term]) -> Term | None:
    """A closed form as a multiple of a placeholder of which the closed form is known; None where it is none.

    >>> from convmath.calculus.index import integers
    >>> from convmath.inert import CeilDiv
    >>> n, x = integers("n x")
    >>> multiple_of(4 * CeilDiv(n, 16), {x: CeilDiv(n, 16)}), multiple_of(CeilDiv(n, 16), {x: 4 * CeilDiv(n, 16)})
    (4*x, None)
    """
    for name, other in known.items():
        times = _times(form, other)
        if times is not None:
            return times * name
    return None


@lru_cache(maxsize=REMEMBERED)
def _times(form: Term, other: Term) -> int | None:
    """How many times another term a term is; None where it is no multiple of it."""
    (number, rest), (times, same) = form.primitive(), other.primitive()
    return int(number // times) if rest == same and number % times == 0 else None
