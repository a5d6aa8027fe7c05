"""Certificates of equations that follow from others by adding multiples of them: no search is needed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from ...calculus.certificate import Facts, Polynomial, add, constant, minus, multiply
from ...calculus.index import Formula, Json


def linear_certificate(hypotheses: Sequence[Formula], goal: Formula) -> Json | None:
    """The certificate of an equation that is a sum of multiples of equations among the hypotheses, or None.

    >>> from convmath.calculus.index import eq, integers
    >>> n, x, y = integers("n x y")
    >>> given = [eq(x, n - 2), eq(y, 3 * x + 1)]
    >>> linear_certificate(given, eq(y, 3 * n)) is None, linear_certificate(given, eq(y, 3 * n - 5)) is None
    (True, False)
    """
    if goal.op != "==":
        return None
    facts = Facts()
    for hypothesis in hypotheses:
        facts.assume(hypothesis.json())
    left, right = goal.json()[1:]
    wanted = minus(facts.polynomial(left), facts.polynomial(right))
    facts.assume(goal.json(), False)
    equations = [(index, node[1]) for index, node in enumerate(facts.listed) if node[0] == "=="]
    factors = _factors(wanted, [equation for _, equation in equations])
    if factors is None:
        return None
    last = len(facts.listed)
    cases = []
    for sign in (-1, 1):  # the negated goal says that the difference is at least 1, or at most -1
        used = [(sign * factor, index) for factor, (index, _) in zip(factors, equations, strict=True) if factor]
        listed = [[[[_number(factor), []]], index] for factor, index in used]
        cases.append({"close": [[1, [last]]], "equations": listed})
    return {"split": last - 1, "cases": cases}


def _factors(wanted: Polynomial, equations: Sequence[Polynomial]) -> list[Fraction] | None:
    """Numbers with which the equations add up to a polynomial, by elimination."""
    rows: list[tuple[Polynomial, Polynomial]] = []
    for number, equation in enumerate(equations):
        row, history = _reduced(equation, {(str(number),): Fraction(1)}, rows)
        if row:
            rows.append((row, history))
    rest, history = _reduced(wanted, {}, rows)
    return None if rest else [-history.get((str(number),), Fraction(0)) for number in range(len(equations))]


def _reduced(
    row: Polynomial, history: Polynomial, rows: Sequence[tuple[Polynomial, Polynomial]]
) -> tuple[Polynomial, Polynomial]:
    """A polynomial less multiples of those before, each of which has a monomial that the later ones have not."""
    for other, made in rows:
        pivot = min(other)
        if pivot in row:
            factor = constant(-row[pivot] / other[pivot])
            row, history = add(row, multiply(factor, other)), add(history, multiply(factor, made))
    return row, history


def _number(factor: Fraction) -> Json:
    return factor.numerator if factor.denominator == 1 else str(factor)
