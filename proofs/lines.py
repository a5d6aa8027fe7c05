"""Many moves of a calculation shown as one."""

from __future__ import annotations

from collections.abc import Sequence

from convmath.calculus.derive import Calc, Step
from convmath.calculus.kernel import Theorem
from convmath.calculus.terms import Contraction, Value, value


def on_one_line(calc: Calc, first: int, why: str) -> None:
    """Show all moves from number ``first`` on as one, each bracket once."""
    once = (
        Contraction(term.bound, tuple(dict.fromkeys(term.guard)), term.coefficient, term.factors)
        for term in calc.value.terms
    )
    calc.ring(Value(tuple(once)))
    calc.steps[first:] = [Step(calc.value, why)]


def opened(calc: Calc, laws: Sequence[Theorem], why: str) -> None:
    """Replace every factor that one of the laws is about, shown as one move."""
    first = len(calc.steps)
    while found := [
        (number, law)
        for number, term in enumerate(calc.value.terms)
        for law in laws
        if any(value(factor) == law.equation.left for factor in term.factors)
    ]:
        number, law = found[0]
        calc.unfold(law, why="", term=number)
    on_one_line(calc, first, why)
