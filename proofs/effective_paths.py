"""Moments of the paths from an output of a stack of uniform kernels to the inputs.

With every weight 1, what a stack makes of the image with element ``i^p`` at i is the sum over all paths from the output
of ``i^p``, where i is the input at the end: the moments of the effective receptive field. They are called f, g and h
for p = 0, 1 and 2. A step of t positions moves the ends of all paths by J*t elements; so a layer adds the moments of
its kernel, stretched by the product of the strides below it.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc, Part, definition, instance, natural_induction, prove
from convmath.calculus.index import eq, integers, le, sequence, within
from convmath.calculus.kernel import Theorem, assume, cut, generalize, sym
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, entry, theorem

from .inside import inside
from .intervals import N
from .lines import on_one_line, opened
from .receptive import FIRST, POSITIVE, STRIDE, STRIDE_STEP, SYMBOLS, D, K, L, P, S, at, closed_form, j, l, m, o

t, e, k = integers("t e k")
f, g, h = MOMENTS = tuple(map(tensor, ("f", "g", "h")))
W = sequence("W")
W_START = definition(W[0], 0)
W_STEP = definition(W[l + 1], W[l] + (STRIDE[l] * D[l + 1]) ** 2 * (K[l + 1] ** 2 - 1), (l,), (le(0, l),))
STARTS = tuple(definition(moment[0, o], value(o**power), (o,)) for power, moment in enumerate(MOMENTS))
"""Without layers there is one path, from a position to itself."""
STEPS = tuple(
    definition(
        moment[l + 1, o],
        total((m,), within(0, m, K[l + 1]), moment[l, S[l + 1] * o + D[l + 1] * m - P[l + 1]]),
        (l, o),
        (le(0, l),),
    )
    for moment in MOMENTS
)
"""A path through one layer more goes through one of its taps."""
GIVEN = (*STARTS, *STEPS, FIRST[1], STRIDE_STEP, *POSITIVE)
_WORDS = ("their number", "the sum of their ends", "the sum of the squares of their ends")
_SYMBOLS = {n: SYMBOLS[n] for n in (l, L, K, S, D, P, STRIDE, o, m)} | {
    f: "number of paths from position o of layer l to the inputs",
    g: "sum of the inputs at which they end",
    h: "sum of the squares of these inputs",
    t: "positions further",
    e: "elements further",
    k: "kernel size",
}
_EXAMPLE = {"k": [0, 3, 3], "s": [1, 2, 1], "d": [1, 1, 2], "p": [0, 1, 2]}
_BEGIN = S[L + 1] * o - P[L + 1]
"""Where the window of one layer more begins."""


def further(power: int, layer: Any, position: Any, by: Any) -> Value:
    """A moment at a position that lies so many elements further."""
    here = [value(moment[layer, position]) for moment in MOMENTS]
    return (here[0], here[1] + here[0] * by, here[2] + here[1] * (2 * by) + here[0] * by**2)[power]


def moved(power: int) -> tuple[Theorem, tuple[Part, ...]]:
    """What a step of t positions does to a moment: all paths end e = J*t elements further. By induction."""
    moment = MOMENTS[power]

    def claim(layer: Any) -> Statement:
        body = Equation(value(moment[layer, o + t]), further(power, layer, o, e))
        return Statement(body, (o, t, e), (eq(e, STRIDE[layer] * t),))

    base = Calc(moment[0, o + t], [assume(FIRST[1]), eq(e, STRIDE[0] * t)])
    base.rewrite({o + t: o + e}, why="the stride of the input is 1")
    base.unfold(instance(assume(STARTS[power]), {o: o + e}), why="the path to itself")
    here = Calc(further(power, 0, o, e))
    opened(here, [instance(assume(start), {o: o}) for start in STARTS], "the path to itself")
    base.meet(here, why="multiply out")
    parts = [base.part("Without layers:")]

    def step(hypothesis: Theorem) -> Theorem:
        stride = at(STRIDE_STEP, l=L)
        given = [le(0, L), stride, eq(e, STRIDE[L + 1] * t)]
        calc = Calc(moment[L + 1, o + t], given)
        calc.unfold(at(STEPS[power], l=L, o=o + t), why="one layer more")
        there = _BEGIN + D[L + 1] * m
        calc.ring(total((m,), within(0, m, K[L + 1]), moment[L, there + S[L + 1] * t]), why="collect the step")
        law = instance(hypothesis, {o: there, t: S[L + 1] * t, e: e})
        calc.unfold(cut(prove(eq(e, STRIDE[L] * S[L + 1] * t), given), law), why="by the induction hypothesis")
        below = Calc(further(power, L + 1, o, e))
        opened(below, [at(each, l=L, o=o) for each in STEPS], "one layer more")
        calc.meet(below, why="the layer adds up what each tap sees")
        parts.append(calc.part("From L to L + 1 layers:"))
        return generalize(calc.theorem, (o, t, e), claim(L + 1).conditions)

    law = natural_induction(claim, L, generalize(base.theorem, (o, t, e), claim(0).conditions), step)
    return law, tuple(parts)


def kernel_sums() -> tuple[Theorem, ...]:
    """The number of taps of one layer more, twice the sum of their numbers, six times the sum of the squares."""
    size = K[L + 1]
    squares = entry("effective.uniform").proof().statements
    laws = [instance(entry("interval.count").theorem, {N: size})]
    laws += [instance(part.theorem, {k: size}) for part in squares]
    return tuple(Calc(0, [at(POSITIVE[0], l=L), le(0, L)]).discharged(law) for law in laws)


def layer_more(power: int, law: Theorem) -> Calc:
    """The moment with one layer more from the moments at the beginning of its window."""
    calc = Calc(MOMENTS[power][L + 1, o], [le(0, L)])
    calc.unfold(at(STEPS[power], l=L, o=o), why="one layer more")
    reach = D[L + 1] * m
    tap = instance(law, {o: _BEGIN, t: reach, e: STRIDE[L] * reach})
    same = eq(STRIDE[L] * reach, STRIDE[L] * reach)
    calc.unfold(cut(prove(same), tap), why="every tap lies some elements after the beginning")
    far = STRIDE[L] * D[L + 1]
    factors = ((1,), (1, far / 2), (1, far, far**2 / 6))[power]
    first = len(calc.steps)
    for degree, (sum_, factor) in enumerate(zip(kernel_sums(), factors, strict=False)):
        term = value(MOMENTS[power - degree][L, _BEGIN]) * factor
        calc.apply(inside(sum_, (), (), term), why="", term=degree)
    on_one_line(calc, first, "the sums over the taps of a uniform kernel")
    return calc


@theorem(
    "effective.layer",
    title="Moments of the paths with one layer more",
    sources=("new here",),
)
def layer() -> Proof:
    """A layer multiplies the number of paths by its taps, and adds the moments of its dilated, stretched taps."""
    shifts = [moved(power) for power in range(3)]
    parts = [
        part
        for (law, steps), word in zip(shifts, _WORDS, strict=True)
        for part in (*steps, Part(f"So t positions further all paths end e elements further, {word}:", law))
    ]
    layers = [layer_more(power, law) for power, (law, _) in enumerate(shifts)]
    wrong = value(g[L, _BEGIN]) * K[L + 1] + value(f[L, _BEGIN]) * (D[L + 1] * K[L + 1] * (K[L + 1] - 1) / 2)
    return Proof(
        parts=(*parts, *(calc.part(f"One layer more, {word}:") for calc, word in zip(layers, _WORDS, strict=True))),
        symbols=_SYMBOLS,
        example=Example({L: 1, o: 1}, sequences=_EXAMPLE),
        mistake=Mistake(
            "leaving out the strides below",
            Statement(Equation(value(g[L + 1, o]), wrong)),
            (*GIVEN, le(0, L)),
        ),
        main=3,
    )


def spread() -> tuple[Theorem, tuple[Part, ...]]:
    """``12*(f*h - g**2) = W*f**2`` for any number of layers, by induction."""
    laws = [part.theorem for part in entry("effective.layer").proof().statements]
    parts: list[Part] = []

    def sides(layers: Any) -> tuple[Value, Value]:
        first, second, third = (value(moment[layers, o]) for moment in MOMENTS)
        return first * third * 12 - second * second * 12, first * first * W[layers]

    def claim(layers: Any) -> Statement:
        return Statement(Equation(*sides(layers)), (o,))

    starts = [instance(assume(start), {o: o}) for start in STARTS]
    base = Calc(sides(0)[0])
    opened(base, starts, "the path to itself")
    nothing = Calc(sides(0)[1], [assume(W_START)])
    nothing.rewrite({W[0]: 0}, why="").ring(Value(()))
    on_one_line(nothing, 0, "it has no variance")
    base.meet(nothing, why="it has no variance")
    parts.append(base.part("The variance without layers:"))

    def step(hypothesis: Theorem) -> Theorem:
        more = at(W_STEP, l=L)
        calc = Calc(sides(L + 1)[0])
        opened(calc, laws, "one layer more")
        other = Calc(sides(L + 1)[1], [more, le(0, L)])
        other.rewrite({W[L + 1]: more.formula.args[1]}, why="what one layer more adds")
        opened(other, laws[:1], "one layer more")
        square = value(f[L, _BEGIN]) * f[L, _BEGIN] * K[L + 1] ** 2
        added = square * ((STRIDE[L] * D[L + 1]) ** 2 * (K[L + 1] ** 2 - 1))
        other.ring(square * W[L] + added, why="set apart what was there before")
        other.apply(
            sym(inside(instance(hypothesis, {o: _BEGIN}), (), (), K[L + 1] ** 2)), why="by the induction hypothesis"
        )
        calc.meet(other, why="multiply out")
        parts.append(calc.part("The variance with one layer more:"))
        return generalize(calc.theorem, (o,))

    law = natural_induction(claim, L, generalize(base.theorem, (o,)), step)
    return instance(law, {o: o}), tuple(parts)


@theorem(
    "effective.variance",
    title="Variance of the effective receptive field",
    sources=("LuoLiUrtasunZemel2016, section 2",),
)
def variance() -> Proof:
    """A stack of uniform kernels spreads the weight with the sum of the variances of its dilated, stretched kernels."""

    def summand(layers: Any) -> Any:
        return (STRIDE[layers - 1] * D[layers]) ** 2 * (K[layers] ** 2 - 1)

    law, steps = spread()
    *before, closed = closed_form(W, W_START, W_STEP, 0, summand)
    wrong = total((j,), (le(1, j), le(j, L)), D[j] ** 2 * (K[j] ** 2 - 1))
    return Proof(
        parts=(
            *before,
            *steps,
            closed,
            Part("By induction on the number of layers, W/12 is the variance of where the paths end:", law),
        ),
        symbols=_SYMBOLS | {j: SYMBOLS[j], W: "twelve times the variance after layer l"},
        example=Example({L: 2, o: 0}, sequences=_EXAMPLE),
        mistake=Mistake(
            "leaving out the strides below",
            Statement(Equation(value(W[L]), wrong)),
            (le(0, L), FIRST[1], W_START, W_STEP, STRIDE_STEP, *POSITIVE),
        ),
        main=2,
    )
