"""Which symbols, sequences and tensors occur in a statement or value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import AppliedUndef

from ..calculus.index import Formula, variables
from ..calculus.reals import RealTerm, real_function
from ..calculus.terms import Application, Contraction, Equation, Gradient, Statement, Value

if TYPE_CHECKING:
    from ..calculus.derive import Part
    from ..catalog import Proof

Name = Any
"""A symbol, the base of a sequence or tensor, or a function."""


def mentions(item: Any) -> set[Name]:
    """Every name in a term, formula, value or statement, bound ones too."""
    return set(_names(item))


def bound(item: Any) -> set[Name]:
    """The names that a sum or a quantifier in it introduces by itself."""
    if isinstance(item, Statement):
        return {*item.variables, *bound(item.body)}
    if isinstance(item, Equation):
        return bound(item.left) | bound(item.right)
    if isinstance(item, Value):
        return {v for term in item.terms for v in _bound_in(term)}
    if isinstance(item, RealTerm):
        return {v for integral in item.expr.atoms(sympy.Integral) for v in integral.variables}
    return set()


def _bound_in(term: Contraction) -> Iterator[Name]:
    yield from term.bound
    for factor in term.factors:
        if isinstance(factor, (Gradient, Application)):
            yield from bound(factor.body)


def _names(item: Any) -> Iterator[Name]:
    if isinstance(item, RealTerm):
        yield from item.expr.atoms(sympy.Symbol)
        yield from (part.func for part in item.expr.atoms(AppliedUndef))
    elif isinstance(item, sympy.Basic):
        yield from variables(item)
        for entry in item.atoms(sympy.Indexed):
            yield entry.base
    elif isinstance(item, Gradient):
        yield from _all((item.body, item.at))
    elif isinstance(item, Application):
        yield real_function(item.function)
        yield from _names(item.body)
    elif isinstance(item, Statement):
        yield from item.variables
        yield from _all((item.body, *item.conditions))
    elif isinstance(item, Equation):
        yield from _all((item.left, item.right))
    elif isinstance(item, Value):
        yield from _all(item.terms)
    elif isinstance(item, Contraction):
        yield from item.bound
        yield from _all((*item.guard, item.coefficient, *item.factors))
    elif isinstance(item, Formula):
        yield from _all(item.args)


def _all(items: Iterable[Any]) -> Iterator[Name]:
    for item in items:
        yield from _names(item)


def label(name: Name) -> str:
    """How a proof's words call it."""
    return str(name.label) if isinstance(name, sympy.IndexedBase) else str(name)


def part_names(part: Part) -> set[Name]:
    """The names in a part's theorem and calculation."""
    items: Iterable[Any] = (part.theorem.conclusion, part.start or Value(()), *(step.value for step in part.steps))
    return set[Name]().union(*map(mentions, items))


def on_page(proof: Proof) -> set[Name]:
    """Every name on the proof's page."""
    names = set[Name]().union(*(part_names(part) for part in (*proof.parts, *proof.special)))
    for part in (*proof.parts, *proof.special):
        names = names.union(*map(mentions, part.theorem.hypotheses))
    for notation in proof.notations:
        names |= mentions(notation.left) | mentions(notation.right)
    return names | mentions(proof.mistake.claim)


def orphans(proof: Proof) -> tuple[str, ...]:
    """Names on the page that nothing introduces: neither the symbols, nor a sum or quantifier, nor a notation."""
    introduced = {label(name) for name in proof.symbols}
    for notation in proof.notations:
        introduced |= {label(name) for name in mentions(notation.left)}
    found: set[str] = set()
    for part in (*proof.parts, *proof.special):
        items = (
            *part.theorem.hypotheses,
            part.theorem.conclusion,
            part.start or Value(()),
            *(s.value for s in part.steps),
        )
        for item in items:
            found |= {label(name) for name in mentions(item) - bound(item)}
    return tuple(sorted(found - introduced))
