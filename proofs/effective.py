"""How wide a receptive field is in effect: the variance of where its weight lies.

With uniform kernels the weight with which an output sees an input is the number of paths between them, and that is a
convolution of uniform kernels, dilated and stretched by the strides below. Means and variances add in a convolution.

Sources: Luo, Li, Urtasun and Zemel, "Understanding the Effective Receptive Field".
"""

from __future__ import annotations

from typing import Any

import sympy

from convmath.calculus.derive import Calc, Part, definition, natural_induction
from convmath.calculus.index import eq, integers, le, ne, sequence, within
from convmath.calculus.kernel import Theorem
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .receptive import FIRST, POSITIVE, STRIDE, STRIDE_STEP, SYMBOLS, D, K, L, S, closed_form, j, l

i, k, m, t, I, M = integers("i k m t I M")  # noqa: E741
u, v = tensor("u"), tensor("v")
W = sequence("W")
_START = definition(W[0], 0)
_STEP = definition(W[l + 1], W[l] + (STRIDE[l] * D[l + 1]) ** 2 * (K[l + 1] ** 2 - 1), (l,), (le(0, l),))


def moment(source: sympy.IndexedBase, index: sympy.Symbol, size: Any, power: int) -> Value:
    """The sum of the weights, each times a power of its position."""
    return total((index,), within(0, index, size), value(source[index]) * index**power)


@theorem(
    "effective.moments",
    title="Moments of a convolution",
    sources=("LuoLiUrtasunZemel2016, section 2.2",),
)
def moments() -> Proof:
    """Weights multiply, and, with weights of sum 1, means add, and so do variances."""

    def of_both(power: int) -> Calc:
        guard = (eq(t, m + i), *within(0, m, M), *within(0, i, I))
        calc = Calc(total((t, m, i), guard, value(u[m]) * v[i] * t**power))
        return calc.one_point({t: m + i}, why="a path reaches the sum of its parts")

    first, second = ([moment(x, n, size, power) for power in range(3)] for x, n, size in ((u, m, M), (v, i, I)))
    targets = (
        first[0] * second[0],
        first[1] * second[0] + first[0] * second[1],
        first[2] * second[0] + first[1] * second[1] * 2 + first[0] * second[2],
    )
    words = ("The sum of the weights:", "The sum of the positions:", "The sum of their squares:")
    parts = []
    for power, (target, title) in enumerate(zip(targets, words, strict=True)):
        calc = of_both(power)
        calc.ring(target, why="multiply out" if power else "the sums part")
        parts.append(calc.part(title))
    wrong = Statement(Equation(of_both(2).start, first[2] * second[0] + first[0] * second[2]))
    return Proof(
        parts=tuple(parts),
        symbols={
            t: "position in the convolution",
            m: "position in the first kernel",
            i: "position in the second kernel",
            M: "size of the first kernel",
            I: "size of the second kernel",
            u: "weights of the first kernel",
            v: "weights of the second kernel",
        },
        example=Example({M: 2, I: 3}, {"u": [1, 2], "v": [3, 1, 2]}),
        mistake=Mistake("adding up the squares without the mixed product", wrong),
        main=3,
    )


@theorem(
    "effective.uniform",
    title="Moments of a uniform kernel",
    sources=("LuoLiUrtasunZemel2016, section 2.2",),
)
def uniform() -> Proof:
    """k equal weights have the mean (k - 1)/2 and the variance (k*k - 1)/12."""
    mean, mean_parts = _closed_sum(m, k * (k - 1), 2)
    square, square_parts = _closed_sum(m**2, (k - 1) * k * (2 * k - 1), 6)
    return Proof(
        parts=(
            *mean_parts,
            *square_parts,
            Part("By induction on k, twice the sum of the positions:", mean),
            Part("and six times the sum of their squares:", square),
        ),
        symbols={k: "kernel size", m: "position in the kernel"},
        example=Example({k: 3}),
        mistake=Mistake(
            "k in place of k - 1 for the last position",
            Statement(Equation(total((m,), within(0, m, k), 2 * m), value(k * (k + 1)))),
            (le(0, k),),
        ),
        main=2,
    )


def _closed_sum(summand: Any, closed: Any, factor: int) -> tuple[Theorem, tuple[Part, ...]]:
    """``factor * sum over m < k of summand = closed``, by induction on k."""

    def claim(size: Any) -> Statement:
        left = total((m,), within(0, m, size), factor * summand)
        return Statement(Equation(left, value(closed.xreplace({k: size}))))

    base = Calc(claim(sympy.Integer(0)).body.left)
    base.vanish(using=within(0, m, 0), why="there is no position")
    base.qed(claim(sympy.Integer(0)).body.right)
    parts: list[Part] = []

    def step(hypothesis: Theorem) -> Theorem:
        calc = Calc(claim(k + 1).body.left, [le(0, k)])
        calc.split(eq(m, k), why="set the last position apart")
        calc.guard(([*within(0, m, k + 1), eq(m, k)], [eq(m, k)]), why="it is one of them")
        calc.one_point({m: k}, why="the bracket leaves it")
        calc.guard(([*within(0, m, k + 1), ne(m, k)], within(0, m, k)), why="the others come before it", term=1)
        calc.apply(hypothesis, why="by the induction hypothesis", term=1)
        theorem = calc.qed(claim(k + 1).body.right)
        parts.append(calc.part("One position more:"))
        return theorem

    theorem = natural_induction(claim, k, base.theorem, step)
    return theorem, tuple(parts)


@theorem(
    "effective.variance",
    title="Variance of the effective receptive field",
    sources=("LuoLiUrtasunZemel2016, section 2.2",),
)
def variance() -> Proof:
    """A stack of uniform kernels spreads the weight with the sum of the variances of its dilated, stretched kernels."""

    def summand(layer: Any) -> Any:
        return (STRIDE[layer - 1] * D[layer]) ** 2 * (K[layer] ** 2 - 1)

    parts = closed_form(W, _START, _STEP, 0, summand)
    wrong = total((j,), (le(1, j), le(j, L)), D[j] ** 2 * (K[j] ** 2 - 1))
    return Proof(
        parts=parts,
        symbols={n: SYMBOLS[n] for n in (l, L, j, K, S, D, STRIDE)} | {W: "twelve times the variance after layer l"},
        example=Example({L: 2}, sequences={"k": [0, 3, 3], "s": [1, 2, 1], "d": [1, 1, 2]}),
        mistake=Mistake(
            "leaving out the strides below",
            Statement(Equation(value(W[L]), wrong)),
            (le(0, L), FIRST[1], _START, _STEP, STRIDE_STEP, *POSITIVE),
        ),
    )
