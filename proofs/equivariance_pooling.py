"""Pooling and shifts: maxima move with the input, and only a sum over everything stays where it is.

Sources: Goodfellow, Bengio and Courville, "Deep Learning", section 9.3.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc, Part, definition, instance, prove
from convmath.calculus.index import both, eq, le, negation, sequence, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .equivariance import inside
from .gradients import ramp, small
from .layer import Layer, b, c, pairs, w, x, z
from .pooling import RANK, dominates, ranks, rising, symbols, under

SHIFTED = sequence("sigma")


@theorem(
    "equivariance.pooling",
    title="Maximum pooling commutes with shifts by multiples of its stride",
    ndims=(1, 2),
    sources=("GoodfellowBengioCourville2016, section 9.3",),
)
def pooling(ndim: int) -> Proof:
    """Shifting the input by s*t moves the maxima by t: window k takes the tap that window k - t took."""
    g = Layer(ndim)
    k, i, m, t = g.each("k"), g.each("i"), g.each("m"), g.fresh("t")
    before = tuple(o - by for o, by in zip(k, t, strict=True))
    back = tuple(axis.i - axis.s * by for axis, by in zip(g.axes, t, strict=True))
    took = g.fresh("a")
    shifted_ranks = definition(ranks(SHIFTED, i), ranks(RANK, back), i)
    shifted = definition(z[(b, c, *i)], value(x[(b, c, *back)]), i)
    largest = dominates(g, before, took, ())
    here, there = under(g, k, m), under(g, k, took)
    law = prove(
        le(ranks(SHIFTED, here), ranks(SHIFTED, there)),
        [
            *inside(m, g.each("M")),
            instance(assume(shifted_ranks), pairs(i, here)),
            instance(assume(shifted_ranks), pairs(i, there)),
            instance(assume(largest), pairs(m, m)),
        ],
    )
    calc = Calc(z[(b, c, *there)])
    calc.unfold(instance(assume(shifted), pairs(i, there)), why="the shifted input")
    calc.qed(x[(b, c, *under(g, before, took))])
    stays = Equation(calc.start, value(x[(b, c, *under(g, k, took))]))
    plain = {term: number for axis in g.axes for term, number in ((axis.s, 1), (axis.d, 1), (axis.p, 0), (axis.M, 2))}
    held = (largest, *inside(took, g.each("M")), *inside(k, g.each("K")))
    return Proof(
        parts=(
            Part("No element of window k of the shifted input is larger than the one under that tap:", law),
            calc.part("That element is the one that window k - t took before the shift."),
        ),
        symbols={
            **symbols(g),
            SHIFTED: "rank by size of an element of the shifted input",
            z: "shifted input; both reach beyond the windows, so that there is no border",
            **dict.fromkeys(t, "positions by which the maxima move"),
        },
        example=rising(g, small(g) | dict.fromkeys((*t, *took), 1)),
        mistake=Mistake(
            "maximum pooling is invariant under shifts",
            Statement(stays.substitute(plain)),
            tuple(h.substitute(plain) for h in (shifted, *held)),
        ),
        main=2,
    )


@theorem(
    "equivariance.global_pooling",
    title="Global pooling of a fully padded layer is invariant under shifts",
    ndims=(1, 2, 3),
    sources=("new here",),
)
def global_pooling(ndim: int) -> Proof:
    """The sum of all outputs at full padding is the sum of the kernel times that of the input, wherever it lies."""
    g = Layer(ndim)
    k, i, m, t, e = g.each("k"), g.each("i"), g.each("m"), g.fresh("t"), g.fresh("e")
    full = {term: n for axis in g.axes for term, n in ((axis.s, 1), (axis.p, axis.d * (axis.M - 1)))}
    sizes = tuple(axis.I + axis.d * (axis.M - 1) for axis in g.axes)
    relation = tuple(atom.substitute(full) for atom in g.relation)

    def all_outputs(source: Any) -> Value:
        return total((*k, *i, *m), (*inside(k, sizes), *relation), value(w[m]) * source[i])

    def sums(source: Any) -> Value:
        return total((*m, *i), (*g.taps, *g.inputs), value(w[m]) * source[i])

    def summed(source: Any) -> Calc:
        calc = Calc(all_outputs(source), [le(1, axis.d) for axis in g.axes])
        for axis, size in zip(g.axes, sizes, strict=True):
            calc.guard((within(0, axis.k, size), ()), why="every tap meets every element in some window")
            place = axis.i - axis.d * axis.m + axis.d * (axis.M - 1)
            calc.guard(
                ([axis.aligned(axis.k, axis.i, axis.m).substitute(full)], [eq(axis.k, place)]),
                why="solve the bracket for the window",
            )
            calc.one_point({axis.k: place}, why="in exactly one")
        calc.qed(sums(source))
        return calc

    whole = summed(x)
    stays = both(*inside([at + by for at, by in zip(i, t, strict=True)], g.each("I")))
    blank = definition(x[i], Value(()), i, (negation(stays),))
    back = tuple(at - by for at, by in zip(i, t, strict=True))
    shifted = definition(z[i], total((), inside(back, g.each("I")), x[back]), i)
    moved = Calc(all_outputs(z), [le(1, axis.d) for axis in g.axes])
    moved.apply(summed(z).theorem, why="the sums of the kernel and of the shifted input")
    moved.unfold(instance(assume(shifted), pairs(i, i)), why="the shifted input")
    moved.reindex({at: to + by for at, to, by in zip(i, e, t, strict=True)}, why="count from where the elements were")
    moved.rename(pairs(e, i))
    other = Calc(all_outputs(x), [le(1, axis.d) for axis in g.axes])
    other.apply(whole.theorem, why="the sums of the kernel and of the input")
    other.split(stays, why="the elements that stay and the others, together")
    other.unfold(
        instance(assume(blank), pairs(i, i)), why="add what the shift would push over the border, which is 0", term=1
    )
    moved.meet(other)
    strided = total(
        (*k, *i, *m),
        (
            *inside(k, sizes),
            *(atom.substitute({axis.p: axis.d * (axis.M - 1) for axis in g.axes}) for atom in g.relation),
        ),
        value(w[m]) * x[i],
    )
    return Proof(
        parts=(
            whole.part("Every tap meets every element once."),
            moved.part("So a shift that pushes nothing but zeros over the border changes nothing."),
        ),
        symbols={**g.symbols, z: "shifted input", **dict.fromkeys(t, "elements by which the input is shifted")},
        example=Example(
            {v: n for axis in g.axes for v, n in ((axis.I, 3), (axis.M, 2), (axis.d, 1))} | dict.fromkeys(t, 1),
            {"x": ramp((2,) * ndim), "w": ramp((2,) * ndim)},
        ),
        mistake=Mistake(
            "the same with a stride",
            Statement(Equation(strided, sums(x))),
            g.positive,
        ),
        main=2,
    )
