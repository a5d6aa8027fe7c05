"""Convolution against correlation, on one axis or several.

Correlation multiplies the kernel with the input as they lie, ``sum over m of w[m] x[k + m]``; convolution runs
through one of them backwards, ``sum over m of w[m] x[k - m]``. A network's convolution layer computes a correlation.

Sources: Li Hang, "Machine Learning Methods", chapter 24; Dumoulin and Visin's guide.
"""

from __future__ import annotations

from typing import Any

import sympy

from convmath.calculus.derive import Calc
from convmath.calculus.index import eq, within
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .layer import Layer, pairs, w, x

_v = tensor("v")


def convolve(layer: Layer, first: sympy.IndexedBase, second: sympy.IndexedBase, sizes: Any, at: Any) -> Value:
    """``(first ⊛ second)[at]``: a position of the first and one of the second that add up to ``at``."""
    return _contract(layer, first, second, sizes, [eq(t, m + i) for t, m, i in _triples(layer, at)])


def correlate(layer: Layer, first: sympy.IndexedBase, second: sympy.IndexedBase, sizes: Any, at: Any) -> Value:
    """``(first * second)[at]``: positions of the second that lie ``at`` beyond those of the first."""
    return _contract(layer, first, second, sizes, [eq(i, t + m) for t, m, i in _triples(layer, at)])


def _triples(layer: Layer, at: Any) -> Any:
    return zip(at, layer.each("m"), layer.each("i"), strict=True)


def _contract(layer: Layer, first: Any, second: Any, sizes: Any, relation: Any) -> Value:
    m, i = layer.each("m"), layer.each("i")
    first_sizes, second_sizes = sizes
    inside = [
        atom for v, size in zip((*m, *i), (*first_sizes, *second_sizes), strict=True) for atom in within(0, v, size)
    ]
    return total((*m, *i), (*relation, *inside), value(first[m]) * second[i])


@theorem(
    "correlation.flip",
    title="Convolution is correlation with a flipped kernel",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.1.2", "GoodfellowBengioCourville2016, equation 9.6"),
)
def flip(ndim: int) -> Proof:
    """Correlating with the kernel turned round in every axis is convolving, for every stride, dilation and padding."""
    g = Layer(ndim)
    m, i, e = g.each("m"), g.each("i"), g.fresh("e")
    flipped = value(w[tuple(a.M - 1 - a.m for a in g.axes)]) * x[i]
    calc = Calc(total((*i, *m), g.relation, flipped))
    calc.reindex({a.m: a.M - 1 - t for a, t in zip(g.axes, e, strict=True)}, why="run through the kernel backwards")
    calc.rename(pairs(e, m))
    calc.guard(
        *((within(0, a.M - 1 - a.m, a.M), within(0, a.m, a.M)) for a in g.axes),
        why="the taps are the same, in the other order",
    )
    backwards = [eq(a.i, a.s * a.k + a.d * (a.M - 1) - a.p - a.d * a.m) for a in g.axes]
    calc.guard(
        *(([a.aligned(a.k, a.i, a.M - 1 - a.m)], [bracket]) for a, bracket in zip(g.axes, backwards, strict=True)),
        why="collect the tap: it is now subtracted",
    )
    inside = [atom for a in g.axes for atom in (*within(0, a.i, a.I), *within(0, a.m, a.M))]
    calc.qed(total((*i, *m), (*backwards, *inside), value(w[m]) * x[i]))
    unflipped = total((*i, *m), g.relation, value(w[m]) * x[i])
    numbers = {v: n for a in g.axes for v, n in ((a.I, 3), (a.M, 2), (a.k, 0), (a.s, 1), (a.d, 1), (a.p, 0))}
    return Proof(
        parts=(calc.part("Start from the layer with the flipped kernel."),),
        symbols=_used(g, calc),
        example=Example(numbers, {"x": _ramp(ndim, 3, 1), "w": _ramp(ndim, 2, 1)}),
        mistake=Mistake("forgetting the flip", Statement(Equation(unflipped, calc.value)), g.positive),
    )


@theorem(
    "correlation.commutes",
    title="Correlation does not commute: exchanging the two reflects the result",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.1.2",),
)
def correlation_reflects(ndim: int) -> Proof:
    """Exchanging kernel and input in a correlation gives the result at the opposite position."""
    g = Layer(ndim)
    m, i, k, e = g.each("m"), g.each("i"), g.each("k"), g.fresh("e")
    ours, theirs = (g.each("M"), g.each("I")), (g.each("I"), g.each("M"))
    calc = Calc(correlate(g, w, x, ours, k))
    calc.guard(
        *(([eq(a.i, a.k + a.m)], [eq(a.m, -a.k + a.i)]) for a in g.axes),
        why="solve the bracket for the tap: the position changes its sign",
    )
    calc.swap(*i, *m, why="sum over the input first")
    calc.rename({**pairs(m, e), **pairs(i, m)}).rename(pairs(e, i))
    calc.qed(correlate(g, x, w, theirs, tuple(-v for v in k)))
    numbers = {v: n for a in g.axes for v, n in ((a.I, 3), (a.M, 2), (a.k, 1))}
    return Proof(
        parts=(calc.part("Only the sign of the position remembers which came first."),),
        symbols=_used(g, calc),
        example=Example(numbers, {"x": _ramp(ndim, 3, 1), "w": _ramp(ndim, 2, 2)}),
        mistake=Mistake(
            "correlation commutes", Statement(Equation(correlate(g, w, x, ours, k), correlate(g, x, w, theirs, k)))
        ),
    )


@theorem(
    "convolution.commutes",
    title="Convolution commutes",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.1.2", "GoodfellowBengioCourville2016, equation 9.5"),
)
def commutes(ndim: int) -> Proof:
    """Kernel and input can change places in a convolution."""
    g = Layer(ndim)
    m, i, k, e = g.each("m"), g.each("i"), g.each("k"), g.fresh("e")
    ours, theirs = (g.each("M"), g.each("I")), (g.each("I"), g.each("M"))
    calc = Calc(convolve(g, w, x, ours, k))
    calc.swap(*i, *m, why="sum over the input first")
    calc.rename({**pairs(m, e), **pairs(i, m)}).rename(pairs(e, i))
    calc.qed(convolve(g, x, w, theirs, k))
    numbers = {v: n for a in g.axes for v, n in ((a.I, 3), (a.M, 2), (a.k, 1))}
    return Proof(
        parts=(calc.part("The bracket treats both indices alike."),),
        symbols=_used(g, calc),
        example=Example(numbers, {"x": _ramp(ndim, 3, 1), "w": _ramp(ndim, 2, 2)}),
        mistake=Mistake(
            "the same for correlation", Statement(Equation(correlate(g, w, x, ours, k), correlate(g, x, w, theirs, k)))
        ),
    )


@theorem(
    "convolution.associates",
    title="Convolution is associative",
    ndims=(1, 2, 3),
    sources=("GoodfellowBengioCourville2016, section 9.1",),
)
def associates(ndim: int) -> Proof:
    """Convolving with one kernel after another is convolving with their convolution."""
    g = Layer(ndim)
    m, i, k, e, t = g.each("m"), g.each("i"), g.each("k"), g.fresh("e"), g.fresh("t")
    M, I, E = g.each("M"), g.each("I"), g.fresh("E")  # noqa: E741
    triple = value(w[m]) * _v[e] * x[i]
    ranges = [
        atom
        for a, v, size in zip(g.axes, e, E, strict=True)
        for atom in (*within(0, a.m, a.M), *within(0, v, size), *within(0, a.i, a.I))
    ]
    middle = total((*m, *e, *i), [*(eq(o, a + b + c) for o, a, b, c in zip(k, m, e, i, strict=True)), *ranges], triple)

    def nested(inner: Any, inner_size: Any, outer: Any, order: str) -> Calc:
        first, second = inner
        inside = [eq(r, p + q) for r, p, q in zip(t, first, second, strict=True)]
        outside = [eq(o, r + q) for o, r, q in zip(k, t, outer, strict=True)]
        full = [atom for r, size in zip(t, inner_size, strict=True) for atom in within(0, r, size)]
        calc = Calc(total((*t, *m, *e, *i), (*outside, *full, *inside, *ranges), triple))
        for r, p, q, size in zip(t, first, second, inner_size, strict=True):
            calc.guard((within(0, r, size), ()), why=f"the {order} pair only reaches these positions")
            calc.one_point({r: p + q}, why=f"put the {order} pair in")
        return calc

    left = nested((m, e), [a + b - 1 for a, b in zip(M, E, strict=True)], i, "first")
    right = nested((e, i), [a + b - 1 for a, b in zip(E, I, strict=True)], m, "second")
    left.qed(middle)
    right.qed(middle)
    left.meet(right)
    numbers = {v: n for vs, n in ((M, 2), (E, 2), (I, 2), (k, 1)) for v in vs}
    small = _ramp(ndim, 2, 1)
    sums = [
        total(
            (*m, *e, *i), [*(eq(c, o + sign * a + b) for o, a, b, c in zip(k, m, e, i, strict=True)), *ranges], triple
        )
        for sign in (1, -1)
    ]
    return Proof(
        parts=(left.part("Write both sides as one sum over three indices."),),
        symbols={
            **_used(g, left),
            _v: "second kernel",
            **dict.fromkeys(E, "its size"),
            **dict.fromkeys(e, "its tap"),
            **dict.fromkeys(t, "position in the intermediate result"),
        },
        example=Example(numbers, {"w": small, "v": small, "x": small}),
        mistake=Mistake("the same for correlation, w * (v * x) = (w * v) * x", Statement(Equation(sums[0], sums[1]))),
    )


def _used(layer: Layer, calc: Calc) -> dict[Any, str]:
    """The meanings of the symbols that occur in a calculation."""
    values = [calc.start, *(step.value for step in calc.steps)]
    occurring = {v for part in values for term in part.terms for v in (*term.bound, *term.free_symbols)}
    tensors = {factor.base for part in values for term in part.terms for factor in term.factors}
    return {v: words for v, words in layer.symbols.items() if v in occurring or v in tensors}


def _ramp(ndim: int, size: int, start: int) -> Any:
    """A small array that counts upwards."""
    if ndim == 0:
        return start
    inner = size ** (ndim - 1)
    return [_ramp(ndim - 1, size, start + number * inner) for number in range(size)]
