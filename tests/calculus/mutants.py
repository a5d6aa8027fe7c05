"""Certificates with one mistake in them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

Certificate = Any
Mutant = tuple[str, Certificate]
KINDS = ("coefficient", "sign", "index", "dropped term", "swapped case", "dropped case", "variable", "cut", "split")


def mutants(certificate: Certificate) -> Iterator[Mutant]:
    """Every certificate that differs from this one by one mistake, with the kind of the mistake."""
    if "close" in certificate:
        for kind, close in _products(certificate["close"]):
            yield kind, {**certificate, "close": close}
        for kind, equations in _equations(certificate["equations"]):
            yield kind, {**certificate, "equations": equations}
        return
    cases = certificate["cases"]
    for position, case in enumerate(cases):
        for kind, mutant in mutants(case):
            yield kind, {**certificate, "cases": _with(cases, position, mutant)}
        yield "dropped case", {**certificate, "cases": cases[:position] + cases[position + 1 :]}
    if cases != cases[::-1]:
        yield "swapped case", {**certificate, "cases": cases[::-1]}
    if "cut" in certificate:
        yield "cut", {**certificate, "cut": ["not", certificate["cut"]]}
    else:
        yield "split", {**certificate, "split": certificate["split"] + 1}


def _products(close: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    for position, (number, indices) in enumerate(close):
        for kind, changed in _numbers(number):
            yield kind, _with(close, position, [changed, indices])
        for where, index in enumerate(indices):
            for other in (index + 1, index - 1):
                yield "index", _with(close, position, [number, _with(indices, where, other)])
            yield "dropped term", _with(close, position, [number, indices[:where] + indices[where + 1 :]])
        yield "dropped term", close[:position] + close[position + 1 :]


def _equations(equations: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    for position, (polynomial, index) in enumerate(equations):
        for other in (index + 1, index - 1):
            yield "index", _with(equations, position, [polynomial, other])
        for where, (number, monomial) in enumerate(polynomial):
            for kind, changed in _numbers(number):
                yield kind, _with(equations, position, [_with(polynomial, where, [changed, monomial]), index])
            yield "variable", _with(equations, position, [_with(polynomial, where, [number, [*monomial, "n"]]), index])
            rest = polynomial[:where] + polynomial[where + 1 :]
            yield "dropped term", _with(equations, position, [rest, index])
        yield "dropped term", equations[:position] + equations[position + 1 :]


def _numbers(number: Any) -> Iterator[tuple[str, Any]]:
    exact = Fraction(number)
    for kind, changed in (("coefficient", exact + 1), ("coefficient", exact / 2), ("sign", -exact)):
        yield kind, changed.numerator if changed.denominator == 1 else str(changed)


def _with(items: list[Any], position: int, item: Any) -> list[Any]:
    return [*items[:position], item, *items[position + 1 :]]
