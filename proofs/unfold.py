"""Unfold and fold: the windows of an input laid side by side, and laid back with their overlaps added up.

Unfold copies every window into a column, ``X[b, c, m, k] = x[b, c, s*k + d*m - p]``, 0 in the padding. Fold adds
every column back where its window lies. Frameworks flatten (c, m) into one row index and k into one column index, row
by row, which moves nothing.

Sources: the documentation of torch.nn.Unfold and torch.nn.Fold.
"""

from __future__ import annotations

from typing import Any

import sympy

from convmath.calculus.derive import Calc, Part, instance
from convmath.calculus.index import Formula, eq, integers, le, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Gradient, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, entry, theorem
from convmath.inert import CeilDiv, FloorDiv, Max, Min

from .gradients import ramp, small
from .intervals import N
from .layer import B, Layer, b, c, pairs, x, z

a, e, o, C = integers("a e o C")
nu = tensor("nu")
HELD = (*within(0, b, B), *within(0, c, C))
"""The image and the channel exist."""


def aligned(g: Layer, at: Any = None) -> list[Formula]:
    """Tap m of window k lies at the position, i by default, on every axis."""
    return [axis.aligned(axis.k, i, axis.m) for axis, i in zip(g.axes, at or g.each("i"), strict=True)]


def unfold(g: Layer, source: sympy.IndexedBase) -> Value:
    """``X[b, c, m, k]``: the element under tap m of window k, 0 in the padding."""
    return total(g.each("i"), (*aligned(g), *g.inputs), source[(b, c, *g.each("i"))])


def fold(g: Layer, columns: Value) -> Value:
    """``[b, c, i]``: the sum of the entries of all columns that lie at i."""
    return total((*g.each("m"), *g.each("k")), (*aligned(g), *g.taps, *g.outputs), columns)


def column(g: Layer) -> sympy.Indexed:
    """An entry of any tensor of the columns' shape."""
    return z[(b, c, *g.each("m"), *g.each("k"))]


def count(g: Layer) -> Value:
    """In how many ways a tap of a window lies at i."""
    return fold(g, value(1))


def symbols(g: Layer, **more: str) -> dict[Any, str]:
    """What the symbols of a page on columns mean."""
    channels = {"f", "u", "G", "C_g", "F_g"}
    kept = {v: words for v, words in g.symbols.items() if getattr(v, "name", "") not in channels and str(v) != "w"}
    return {**kept, C: "number of channels", **{integers(name): words for name, words in more.items()}}


def notations(g: Layer) -> tuple[Notation, ...]:
    """What unfold and fold compute."""
    i, m, k = g.each("i"), g.each("m"), g.each("k")
    return (
        Notation("unfold makes the columns", tensor("X")[(b, c, *m, *k)], unfold(g, x)),
        Notation("fold makes of columns z the tensor", tensor("y")[(b, c, *i)], fold(g, value(column(g)))),
    )


def example(g: Layer) -> Example:
    """Three inputs, two windows and two taps an axis."""
    numbers = {v: number for v, number in small(g).items() if v.name not in ("G", "C_g", "F_g", "f", "u")}
    ndim = len(g.axes)
    return Example(numbers | {C: 1}, {"x": ramp((1, 1, *[3] * ndim)), "z": ramp((1, 1, *[2] * 2 * ndim))})


@theorem(
    "unfold.adjoint",
    title="Fold is the adjoint of unfold",
    ndims=(1, 2, 3),
    sources=("torch.nn.Unfold, note", "torch.nn.Fold, note"),
)
def adjoint(ndim: int) -> Proof:
    """The inner products <unfold(x), z> and <x, fold(z)> agree, and fold is the gradient of unfold."""
    g = Layer(ndim)
    i, m, k, t = g.each("i"), g.each("m"), g.each("k"), g.fresh("t")
    ranges = (*within(0, b, B), *within(0, c, C))
    inner = Calc(total((b, c, *m, *k), (*ranges, *g.taps, *g.outputs), unfold(g, x) * column(g)))
    inner.swap(b, c, *i, *m, *k, why="sum over the input first: the bracket treats both alike")
    inner.qed(total((b, c, *i), (*ranges, *g.inputs), fold(g, value(column(g))) * x[(b, c, *i)]))

    ours = {b: a, c: e}
    output = Value(tuple(term.with_indices(pairs(i, t)) for term in unfold(g, x).substitute(ours).terms))
    at = x[(b, c, *i)]
    gradient = Calc(
        total(
            (a, e, *m, *k),
            (*(atom.substitute(ours) for atom in ranges), *g.taps, *g.outputs),
            value(column(g).xreplace(ours)) * Gradient(output, at),
        ),
        [*ranges, *g.inputs],
    )
    gradient.diff(why="differentiate: an entry of x counts where it is the entry that we differentiate for")
    gradient.one_point({a: b, e: c, **pairs(t, i)}, why="the brackets leave one image, channel and position each")
    gradient.guard(
        (within(0, b, B), ()),
        (within(0, c, C), ()),
        *((within(0, axis.i, axis.I), ()) for axis in g.axes),
        why="these lie in range",
    )
    gradient.qed(fold(g, value(column(g))))
    one = {axis.d: sympy.Integer(1) for axis in g.axes}
    return Proof(
        parts=(
            inner.part("Both inner products are the sum over all pairs of an element and a place in a column."),
            gradient.part("So a gradient for the columns flows back through fold."),
        ),
        symbols=symbols(
            g,
            a="image that is summed over",
            e="channel that is summed over",
            **{s.name: "position that is summed over" for s in t},
        )
        | {z: "any tensor of the columns' shape"},
        notations=notations(g),
        example=example(g),
        mistake=Mistake(
            "folding without the dilation",
            Statement(Equation(gradient.value, gradient.value.substitute(one))),
            (*g.positive, *ranges, *g.inputs),
        ),
        main=2,
    )


@theorem(
    "unfold.overlap",
    title="Fold after unfold counts the windows",
    ndims=(1, 2, 3),
    sources=("torch.nn.Fold, note",),
)
def overlap(ndim: int) -> Proof:
    """Folding what was unfolded multiplies every element with the number of windows that cover it."""
    g = Layer(ndim)
    i, h = g.each("i"), g.fresh("t")
    columns = Value(tuple(term.with_indices(pairs(i, h)) for term in unfold(g, x).terms))
    number = Statement(Equation(value(nu[i]), count(g)), i, g.inputs)
    calc = Calc(fold(g, columns), g.inputs)
    for axis, there in zip(g.axes, h, strict=True):
        calc.guard(
            ([axis.aligned(axis.k, there, axis.m)], [eq(there, axis.i)]),
            why="both elements lie under the same tap of the same window: they are the same",
        )
        calc.one_point({there: axis.i}, why="the bracket leaves the element itself")
    calc.guard(*((within(0, axis.i, axis.I), ()) for axis in g.axes), why="it lies in range")
    other = Calc(value(nu[i]) * x[(b, c, *i)])
    other.unfold(instance(assume(number), dict(zip(i, i, strict=True))), why="which is how often the element occurs")
    calc.meet(other, why="one copy for every tap of a window at i: their number is nu")
    closed = windows_that_cover(g)
    return Proof(
        parts=(
            closed.part("Without dilation, on the first axis: the windows k that cover i follow one another:"),
            calc.part("Every copy of an element comes back to it."),
        ),
        symbols=symbols(
            g, o="window, counted from the first that covers i", **{s.name: "position in a column" for s in h}
        )
        | {nu: "number of windows that cover a position"},
        notations=notations(g)[:1],
        example=Example(dict(example(g).numbers), {"x": example(g).tensors["x"]}),
        mistake=Mistake(
            "fold undoes unfold",
            Statement(Equation(fold(g, columns), value(x[(b, c, *i)]))),
            (*g.positive, *g.inputs, *(le(1, size) for size in (*g.each("K"), *g.each("M")))),
        ),
        special=(tiling(g, closed),),
        main=2,
    )


def tiling(g: Layer, closed: Calc) -> Part:
    """Windows that neither overlap nor leave gaps cover every position once."""
    axis = g.axes[0]
    tiles = {axis.s: axis.M}
    calc = Calc(closed.start.substitute(tiles), [le(1, axis.M), *within(0, axis.i + axis.p, axis.M * axis.K)])
    calc.apply(instance(closed.theorem, tiles), why="the number of windows at stride M")
    calc.rewrite({closed.value.substitute(tiles).terms[0].coefficient: 1}, why="the first that covers i is the last")
    return calc.part(
        "Windows that tile, at stride M and for 0 <= i + p < M*K: each position is covered once, so fold undoes unfold"
    )


def windows_that_cover(g: Layer) -> Calc:
    """The number of windows of an axis without dilation that cover a position."""
    axis = g.axes[0]
    first = Max(0, CeilDiv(axis.i + axis.p - axis.M + 1, axis.s))
    last = Min(axis.K - 1, FloorDiv(axis.i + axis.p, axis.s))
    size = Max(0, last - first + 1)
    under = eq(axis.i, axis.s * axis.k + axis.m - axis.p)
    calc = Calc(total((axis.m, axis.k), (under, *within(0, axis.m, axis.M), *axis.outputs), 1), [le(1, axis.s)])
    tap = axis.i - axis.s * axis.k + axis.p
    calc.guard(([under], [eq(axis.m, tap)]), why="solve the bracket for the tap")
    calc.one_point({axis.m: tap}, why="every window has at most one tap there")
    calc.guard(
        ([*within(0, tap, axis.M), *axis.outputs], [le(first, axis.k), le(axis.k, last)]),
        why="solve for the window: from the first that reaches i to the last that begins before it",
    )
    calc.reindex({axis.k: first + o}, why="count them from the first")
    calc.guard(([le(first, first + o), le(first + o, last)], within(0, o, size)), why="so many follow one another")
    calc.apply(instance(entry("interval.count").theorem, {N: size}), why="an interval holds as many integers")
    return calc
