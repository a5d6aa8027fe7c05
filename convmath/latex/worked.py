"""Numeric examples: the numbers come from evaluating the statements, never from the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy

from ..calculus.evaluate import Model, Number
from ..calculus.index import Formula, term_json, variables
from ..calculus.models import Models
from ..calculus.reals import RealTerm
from ..calculus.terms import Equation, Statement, Value
from ..errors import ProofError

if TYPE_CHECKING:
    from ..catalog import Example


@dataclass(frozen=True)
class Point:
    """Numbers for the symbols, and a model that has them and the entries of the sequences and tensors."""

    numbers: Mapping[sympy.Symbol, int]
    model: Model

    def number(self, term: sympy.Expr) -> int | None:
        """The value of an integer term, or None where a variable in it has none."""
        return self.model.term(term_json(term)) if variables(term) <= self.numbers.keys() else None

    def value(self, value: Value | RealTerm) -> Number:
        """The number that a value stands for."""
        return self.model.value(value.json())

    def holds(self, body: Formula | Equation) -> bool:
        """Whether a statement without quantifiers is true."""
        return self.model.holds(body.json())


def example_point(example: Example, hypotheses: Iterable[Statement]) -> Point:
    """The numbers of an entry's example; sequences and tensors that the hypotheses define are computed from them.

    Raises:
        ProofError: the example does not meet the hypotheses.
    """
    hypotheses = tuple(hypotheses)
    model = Models([h.json() for h in hypotheses]).model({v.name: number for v, number in example.numbers.items()})
    model.seed = model.undefined = None
    for kind, given in (("at", example.sequences), ("tensor", example.tensors)):
        tables = dict(model.tables[kind])
        tables |= {(name, _depth(entries)): _listed(entries) for name, entries in given.items()}
        model.tables[kind] = tables
    point = Point(dict(example.numbers), model)
    for statement in hypotheses:
        if not statement.variables and not point.holds(statement.body):
            raise ProofError(f"the example does not meet the hypothesis {statement.body}")
    return point


def _depth(entries: Any) -> int:
    return 1 + _depth(entries[0]) if isinstance(entries, (list, tuple)) else 0


def _listed(entries: Any) -> Callable[..., Number]:
    """The entries from index 0 on; elsewhere they are 0."""

    def at(*index: int) -> Number:
        here = entries
        for position in index:
            if not 0 <= position < len(here):
                return 0
            here = here[position]
        number: Number = here
        return number

    return at
