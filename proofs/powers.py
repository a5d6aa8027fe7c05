"""Powers of points as a tensor: ``e[l, n]`` is the n-th power of the point ``z[l]``.

No rule of the kernel asks which of two numbers is larger, so the points may be complex.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc, Part, definition, instance, natural_induction
from convmath.calculus.index import integers, le
from convmath.calculus.kernel import Theorem, assume
from convmath.calculus.terms import Equation, Statement, tensor, value
from convmath.catalog import Example, Mistake, Proof, entry, theorem

l, n, a, b = integers("l n a b")  # noqa: E741
e, z = tensor("e"), tensor("z")
POWERS = (
    definition(value(e[l, 0]), value(1), (l,)),
    definition(value(e[l, n + 1]), value(e[l, n]) * z[l], (l, n), (le(0, n),)),
)
SYMBOLS = {e: "powers of the points", z: "points, real or complex"}


def product_of_powers(point: Any, first: Any, second: Any) -> Theorem:
    """``e[point, first + second] = e[point, first] e[point, second]``, for exponents that are not negative."""
    return instance(entry("powers.product").theorem, {l: point, a: first, b: second})


@theorem("powers.product", title="The product of two powers has the sum of the exponents", sources=("new here",))
def product() -> Proof:
    """A power is defined by one factor more at a time; so exponents add in a product."""
    first, following = map(assume, POWERS)
    base = Calc(value(e[l, a]) * e[l, 0])
    base.unfold(instance(first, {l: l}), why="the power 0 is 1")
    start = Calc(e[l, a]).meet(base)
    parts = [base.part("A factor with exponent 0:")]

    def claim(b: Any) -> Statement:
        return Statement(Equation(value(e[l, a + b]), value(e[l, a]) * e[l, b]))

    def step(hypothesis: Theorem) -> Theorem:
        calc = Calc(e[l, a + b + 1], [le(0, a), le(0, b)])
        calc.unfold(calc.discharged(instance(following, {l: l, n: a + b})), why="one factor more")
        calc.unfold(hypothesis, why="by the induction hypothesis")
        longer = Calc(value(e[l, a]) * e[l, b + 1], [le(0, b)])
        longer.unfold(longer.discharged(instance(following, {l: l, n: b})), why="one factor more")
        theorem = calc.meet(longer)
        parts.append(calc.part("From an exponent b to the next:"))
        return theorem

    theorem = natural_induction(claim, b, start, step)
    return Proof(
        parts=(*parts, Part("By induction on the second exponent:", theorem)),
        symbols={l: "which point", a: "an exponent", b: "another exponent", n: "an exponent", **SYMBOLS},
        example=Example({l: 0, a: 2, b: 3}, {"z": [2]}),
        mistake=Mistake(
            "multiplying the exponents",
            Statement(Equation(value(e[l, a * b]), value(e[l, a]) * e[l, b])),
            (*POWERS, le(0, a), le(0, b)),
        ),
    )
