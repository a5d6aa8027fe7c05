"""Hypotheses as a reader states them: "for all integers n, k >= 1 and 0 <= b < B with ...", definitions apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from ..calculus.index import Formula
from ..calculus.layout import Chain
from ..calculus.terms import Equation, Statement

_FEW = 4


@dataclass(frozen=True)
class Hypotheses:
    """The hypotheses of a theorem, sorted by what they are.

    Attributes:
        free: symbols about which nothing is supposed, beyond being integers.
        least: symbols with the same lower bound together.
        ranges: symbols between two bounds.
        others: all other conditions on numbers.
        definitions: statements that define or restrict sequences and tensors.
    """

    free: tuple[sympy.Symbol, ...]
    least: tuple[tuple[int, tuple[sympy.Symbol, ...]], ...]
    ranges: tuple[Chain, ...]
    others: tuple[Formula, ...]
    definitions: tuple[Statement, ...]

    @property
    def names_all_free(self) -> bool:
        """Whether the free symbols are few enough to be named."""
        return len(self.free) <= _FEW


def hypotheses(statements: Iterable[Statement], conclusion: Statement, order: Sequence[Any]) -> Hypotheses:
    """The hypotheses of a conclusion; symbols come in the given order."""
    position = {symbol: number for number, symbol in enumerate(order)}

    def place(symbol: Any) -> tuple[int, str]:
        return position.get(symbol, len(position)), str(symbol)

    listed = sorted(statements, key=lambda s: (min(map(place, s.free_symbols), default=(0, "")), repr(s.json())))
    definitions = tuple(sorted((s for s in listed if s.variables or is_definition(s)), key=lambda s: (
        _first(s, position), bool(s.variables), repr(s.json()))))  # fmt: skip
    plain = [s.body for s in listed if s not in definitions and isinstance(s.body, Formula)] + [*conclusion.conditions]
    lower = {
        f.args[1]: f
        for f in plain
        if f.op == "<=" and isinstance(f.args[1], sympy.Symbol) and not f.args[0].free_symbols
    }
    upper = {
        f.args[0]: f for f in plain
        if f.op in ("<", "<=") and f.args[0] in lower and isinstance(f.args[1], (sympy.Symbol, sympy.Mul))
    }  # fmt: skip
    ranges = tuple(
        Chain((lower[v].args[0], v, upper[v].args[1]), ("<=", upper[v].op)) for v in sorted(upper, key=place)
    )
    least: dict[int, list[sympy.Symbol]] = {}
    for v in sorted(lower.keys() - upper.keys(), key=place):
        least.setdefault(int(lower[v].args[0]), []).append(v)
    used = {*lower.values(), *upper.values()}
    mentioned = conclusion.free_symbols.union(conclusion.variables, *(s.free_symbols for s in listed))
    return Hypotheses(
        tuple(sorted(mentioned - lower.keys(), key=place)),
        tuple((number, tuple(symbols)) for number, symbols in sorted(least.items(), reverse=True)),
        ranges,
        tuple(f for f in plain if f not in used),
        definitions,
    )


def _first(statement: Statement, position: dict[Any, int]) -> tuple[bool, int]:
    """What a definition is about: restrictions come last, definitions in the order of the symbols."""
    body = statement.body
    left = body.args[0] if isinstance(body, Formula) else next(iter(body.left.terms[0].factors), None)
    base = left.base if isinstance(left, sympy.Indexed) else None
    return not is_definition(statement), position.get(base, len(position))


def is_definition(statement: Statement) -> bool:
    """Whether it says what an entry of a sequence or tensor is."""
    body = statement.body
    if isinstance(body, Equation):
        return True
    return body.op == "==" and isinstance(body.args[0], sympy.Indexed)
