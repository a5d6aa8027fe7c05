"""How wide a receptive field is in effect: the variance of where its weight lies.

With uniform kernels the weight with which an output sees an input is the number of paths between them, and that is a
convolution of uniform kernels, dilated and stretched by the strides below. Means and variances add in a convolution.

Sources: Luo, Li, Urtasun and Zemel, "Understanding the Effective Receptive Field".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from convmath.calculus.derive import Calc, Part, definition, instance, natural_induction
from convmath.calculus.index import eq, integers, le, ne, within
from convmath.calculus.kernel import Theorem, assume
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, entry, theorem

from .inside import inside
from .intervals import N
from .lines import opened

i, k, m, t, I, M = integers("i k m t I M")  # noqa: E741
u, v, a, b, c = map(tensor, ("u", "v", "a", "b", "c"))


def moment(source: sympy.IndexedBase, index: sympy.Symbol, size: Any, power: int) -> Value:
    """The sum of the weights, each times a power of its position."""
    return total((index,), within(0, index, size), value(source[index]) * index**power)


_KERNELS = {a: (u, m, M), b: (v, i, I)}


@theorem(
    "effective.moments",
    title="Moments of a convolution",
    sources=("LuoLiUrtasunZemel2016, section 2",),
)
def moments() -> Proof:
    """Weights multiply, and, with weights of sum 1, means add, and so do variances."""

    def of_both(power: int) -> Calc:
        guard = (eq(t, m + i), *within(0, m, M), *within(0, i, I))
        calc = Calc(total((t, m, i), guard, value(u[m]) * v[i] * t**power))
        return calc.one_point({t: m + i}, why="a path reaches the sum of its parts")

    first, second = ([moment(*of, power) for power in range(3)] for of in _KERNELS.values())
    words = ("The sum of the weights:", "The sum of the positions:", "The sum of their squares:")
    laws = []
    for power, target in enumerate(_products(first, second)):
        laws.append(of_both(power).ring(target, why="multiply out" if power else "the sums part"))
    parts = [law.part(title) for law, title in zip(laws, words, strict=True)]
    parts.append(_spread(laws).part("So the variances add, each times the square of the other sum of weights:"))
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
            a: "moments of the first kernel: the sums of its weights times powers of their positions",
            b: "moments of the second kernel",
            c: "moments of the convolution",
        },
        example=Example({M: 2, I: 3}, {"u": [1, 2], "v": [3, 1, 2]}),
        mistake=Mistake("adding up the squares without the mixed product", wrong),
        main=4,
    )


def _spread(laws: Sequence[Calc]) -> Calc:
    """The variance of the convolution, times the square of its sum of weights, from the moments of both kernels."""
    ours, theirs, both = ([value(name[power]) for power in range(3)] for name in (a, b, c))
    products = _products(ours, theirs)
    named = []
    for power, (law, product) in enumerate(zip(laws, products, strict=True)):
        one = Calc(both[power])
        one.unfold(assume(definition(both[power], law.start)), why="")
        one.apply(law.theorem, why="")
        other = Calc(product)
        opened(other, [assume(definition(x[n], moment(*of, n))) for x, of in _KERNELS.items() for n in range(3)], "")
        named.append(one.meet(other))
    calc = Calc(both[0] * both[2] - both[1] * both[1])
    opened(calc, named, "the three sums above")
    of_first, of_second = (one[0] * one[2] - one[1] * one[1] for one in (ours, theirs))
    calc.ring(theirs[0] * theirs[0] * of_first + ours[0] * ours[0] * of_second, why="multiply out")
    return calc


def _products(first: Sequence[Value], second: Sequence[Value]) -> tuple[Value, ...]:
    """The moments of the convolution from those of both kernels."""
    return (
        first[0] * second[0],
        first[1] * second[0] + first[0] * second[1],
        first[2] * second[0] + first[1] * second[1] * 2 + first[0] * second[2],
    )


@theorem(
    "effective.uniform",
    title="Moments of a uniform kernel",
    sources=("LuoLiUrtasunZemel2016, section 2",),
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
            _uniform_spread(mean, square).part("So twelve times the variance is k*k - 1, times the square of k:"),
        ),
        symbols={k: "kernel size", m: "position in the kernel"},
        example=Example({k: 3}),
        mistake=Mistake(
            "k in place of k - 1 for the last position",
            Statement(Equation(total((m,), within(0, m, k), 2 * m), value(k * (k + 1)))),
            (le(0, k),),
        ),
        main=3,
    )


def _uniform_spread(mean: Theorem, square: Theorem) -> Calc:
    """The variance from the two sums."""
    ones, positions, squares = (total((m,), within(0, m, k), m**power) for power in range(3))
    calc = Calc(ones * squares * 12 - positions * positions * 12, [le(0, k)])
    calc.apply(inside(square, (m,), within(0, m, k), 2), why="six times the sum of the squares")
    calc.apply(inside(mean, (m,), within(0, m, k), -6 * m), why="twice the sum of the positions, once", term=1)
    calc.apply(inside(mean, (), (), -3 * k * (k - 1)), why="and once more", term=1)
    counted = instance(entry("interval.count").theorem, {N: k})
    calc.apply(inside(counted, (), (), 2 * (k - 1) * k * (2 * k - 1)), why="count the positions")
    calc.ring(value(k**2 * (k**2 - 1)), why="multiply out")
    return calc


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
