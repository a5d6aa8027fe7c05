"""Counting the integers of an interval, the step from sets to sizes.

Source: Concrete Mathematics, section 2.1 (Iverson brackets) and 3.2 (integers in an interval).
"""

from __future__ import annotations

from convmath.calculus.derive import Calc, Part, natural_induction
from convmath.calculus.index import eq, integers, le, ne, within
from convmath.calculus.kernel import Theorem
from convmath.calculus.terms import Equation, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

N, o = integers("N o")


def count_below(size: object) -> Value:
    """How many integers o have ``0 <= o < size``."""
    return total((o,), within(0, o, size), 1)


@theorem("interval.count", title="Counting an interval", sources=("GrahamKnuthPatashnik1994, section 3.2",))
def interval_count() -> Proof:
    """There are N integers from 0 to N - 1."""

    def claim(size: object) -> Statement:
        return Statement(Equation(count_below(size), value(size)))

    base = Calc(count_below(0)).vanish(using=within(0, o, 0), why="no integer is both at least 0 and below 0")
    base.qed(0)
    parts = [base.part("For N = 0 the sum is empty.")]

    def step(hypothesis: Theorem) -> Theorem:
        calc = Calc(count_below(N + 1), [le(0, N)])
        calc.split(eq(o, N), why="set the last integer apart")
        calc.guard(([*within(0, o, N + 1), eq(o, N)], [eq(o, N)]), why="it lies in the interval")
        calc.one_point({o: N}, why="the bracket leaves o = N alone")
        calc.guard(([*within(0, o, N + 1), ne(o, N)], within(0, o, N)), why="the others are below N", term=1)
        calc.apply(hypothesis, why="by the induction hypothesis", term=1)
        theorem = calc.qed(N + 1)
        parts.append(calc.part("From N to N + 1:"))
        return theorem

    theorem = natural_induction(claim, N, base.theorem, step)
    return Proof(
        parts=(*parts, Part("By induction on N:", theorem)),
        symbols={N: "number of integers", o: "integer"},
        example=Example({N: 3}),
        mistake=Mistake(
            "counting both ends", Statement(Equation(total((o,), (le(0, o), le(o, N)), 1), value(N))), (le(0, N),)
        ),
    )
