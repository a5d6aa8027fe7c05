"""Statements and values as ordinary SymPy objects, to substitute into, lambdify or print. Untrusted.

SymPy reads ``Sum(f, (k, a, b))`` with ``b < a - 1`` as minus the sum over the integers between, while a sum of the
calculus over an empty range is 0. An upper limit for which ``b >= a - 1`` is not among the given formulas is therefore
written as ``Max(a - 1, b)``. A derivative is written out: SymPy would fold the brackets of a sum inside it out of the
sum that binds their indices.
"""

from __future__ import annotations

from collections.abc import Iterable

import sympy

from ..inert import Rounding
from .index import Formula, Term, expanded, variables
from .kernel import diff
from .layout import Range, layout
from .reals import RealTerm, real_function
from .terms import Application, Contraction, Equation, Factor, Gradient, Statement, Value, total

_COMPARISONS = {"<=": sympy.Le, "<": sympy.Lt, "==": sympy.Eq, "!=": sympy.Ne}
_CONNECTIVES = {
    "and": sympy.And,
    "or": sympy.Or,
    "not": sympy.Not,
    "=>": sympy.Implies,
    "<=>": sympy.Equivalent,
}


def to_sympy(item: Statement | Equation | Formula | Value | RealTerm, given: Iterable[Formula] = ()) -> sympy.Basic:
    """The SymPy object: an equation, inequality or boolean for what is true or false, an expression for a value.

    Roundings become SymPy's own; a bracket becomes ``Piecewise((1, condition), (0, True))``; quantifiers are dropped,
    and their variables become free.

    Raises:
        ProofError: a derivative is taken of a sum that is not visibly finite.

    Args:
        item: what to convert.
        given: formulas that hold, from which simpler limits of sums may follow.

    >>> from .index import integers, le, within
    >>> from .terms import tensor, total
    >>> i, n = integers("i n")
    >>> to_sympy(total((i,), within(0, i, n), tensor("x")[i]), [le(0, n)])
    Sum(x[i], (i, 0, n - 1))
    """
    given = tuple(given)
    if isinstance(item, Statement):
        return to_sympy(item.body, (*given, *item.conditions))
    if isinstance(item, Equation):
        left, right = (to_sympy(side, given) for side in (item.left, item.right))
        return sympy.Eq(left, right, evaluate=False)
    if isinstance(item, Formula):
        return _boolean(item, evaluate=False)
    if isinstance(item, RealTerm):
        return item.expr
    return sympy.Add(*(_contraction(term, given) for term in item.terms))


def _boolean(formula: Formula, *, evaluate: bool) -> sympy.Basic:
    """The formula; a comparison that SymPy takes for true or false stays written out unless it is to be evaluated."""
    if formula.is_comparison:
        return _COMPARISONS[formula.op](*map(_standard, formula.args), evaluate=evaluate)
    return _CONNECTIVES[formula.op](*(_boolean(arg, evaluate=evaluate) for arg in formula.args))


def _contraction(contraction: Contraction, given: tuple[Formula, ...]) -> sympy.Expr:
    given = tuple(formula for formula in given if not variables(formula) & set(contraction.bound))
    for position, factor in enumerate(contraction.factors):
        if isinstance(factor, Gradient):
            return to_sympy(_differentiated(contraction, position, factor), given)
    shown = layout(contraction)
    factors = (_factor(factor, given) for factor in contraction.factors)
    summand = _standard(contraction.coefficient) * sympy.Mul(*factors)
    if shown.bracket:
        condition = sympy.And(*(_boolean(atom, evaluate=True) for atom in shown.bracket))
        summand *= sympy.Piecewise((1, condition), (0, True))
    limits = [_limits(part, given) for part in shown.ranges]
    return sympy.Sum(summand, *reversed(limits)) if limits else summand


def _factor(factor: Factor, given: tuple[Formula, ...]) -> sympy.Expr:
    if isinstance(factor, Application):
        return real_function(factor.function)(to_sympy(factor.body, given))
    return _standard(factor)


def _differentiated(contraction: Contraction, position: int, gradient: Gradient) -> Value:
    """The contraction with what the derivative at this position comes to, multiplied out."""
    others = contraction.factors[:position] + contraction.factors[position + 1 :]
    rest = Contraction((), (), contraction.coefficient, others).value
    return total(contraction.bound, contraction.guard, rest * diff(gradient).equation.right)


def _standard(term: sympy.Expr) -> sympy.Expr:
    """The term with SymPy's own roundings; ``doit`` would take the assumptions from sequences and tensors."""
    return term.replace(lambda part: isinstance(part, Rounding), lambda part: part.standard(*part.args))


def _limits(part: Range, given: tuple[Formula, ...]) -> tuple[sympy.Symbol, sympy.Expr, sympy.Expr]:
    first = -sympy.oo if part.first is None else _standard(part.first)
    last = sympy.oo if part.last is None else _standard(part.last)
    if part.first is not None and part.last is not None and not _never_below(part.last, part.first - 1, given):
        last = sympy.Max(first - 1, last)
    return part.index, first, last


def _never_below(larger: Term, smaller: Term, given: tuple[Formula, ...]) -> bool:
    """Whether one of the formulas says so, up to a constant."""
    gap = expanded(larger - smaller)
    gaps = [expanded(f.args[1] - f.args[0]) - int(f.op == "<") for f in given if f.op in ("<=", "<")]
    rests = [expanded(gap - known) for known in (0, *gaps)]
    return any(rest.is_Integer and rest >= 0 for rest in rests)
