"""Equations used inside a sum: from ``a = b`` to ``sum of [guard] c*a = sum of [guard] c*b``, and counting with it.

The kernel replaces a factor by a value that equals it. A value becomes a factor as a derivative: for an entry e that
does not occur in ``a``, ``d(a*e)/de = a``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sympy

from convmath.calculus import kernel
from convmath.calculus.derive import Calc, instance
from convmath.calculus.index import Formula, eq, integers, within
from convmath.calculus.kernel import Theorem
from convmath.calculus.terms import Contraction, Gradient, Value, fresh, tensor, total
from convmath.catalog import entry

from .intervals import N

_unit = tensor("unit")
_ZERO = sympy.Integer(0)


def inside(theorem: Theorem, bound: Sequence[sympy.Symbol], guard: Sequence[Formula], factors: Any = 1) -> Theorem:
    """From ``a = b`` follows that the sums of ``factors * a`` and of ``factors * b`` are equal.

    >>> from convmath.calculus.terms import Equation, value
    >>> x, y, i = tensor("x"), tensor("y"), integers("i")
    >>> law = kernel.assume(Equation(value(x[0]), value(y[0])))
    >>> inside(law, (i,), within(0, i, 2)).equation.right == total((i,), within(0, i, 2), y[0])
    True
    """
    (rest,) = total(bound, guard, factors).terms
    named, opened = _as_factor(theorem.equation.left)
    whole = Contraction(rest.bound, rest.guard, rest.coefficient, (*rest.factors, named))
    before, after = (kernel.unfold(whole, len(rest.factors), each) for each in (opened, kernel.trans(opened, theorem)))
    return kernel.trans(kernel.sym(before), after)


def _as_factor(left: Value) -> tuple[Gradient, Theorem]:
    """A derivative that equals the value, and the theorem that says so."""
    at = fresh(integers("e"), left.free_symbols)
    named = total((at,), (eq(at, _ZERO),), _unit[at])
    gradient = Gradient(named * left, _unit[_ZERO])
    theorem = kernel.diff(gradient)
    calc = Calc(theorem.equation.right)
    calc.ring(total((at,), (eq(at, _ZERO),), left))
    for number in range(len(left.terms)):
        calc.one_point({at: _ZERO}, why="", term=number)
    return gradient, kernel.trans(theorem, calc.qed(left))


def count(calc: Calc, sizes: Mapping[sympy.Symbol, Any], meanings: Mapping[Any, str]) -> Calc:
    """Count the indices of a sum of 1, the last first: what is left is the product of their sizes."""
    ranges = list(sizes.items())
    while ranges:
        index, size = ranges.pop()
        (term,) = calc.value.terms
        guard = [atom for other, n in ranges for atom in within(0, other, n)]
        counted = instance(entry("interval.count").theorem, {N: size})
        whole = inside(counted, [other for other, _ in ranges], guard, term.coefficient)
        calc.apply(whole, why=f"count: {meanings[index]}")
    return calc
