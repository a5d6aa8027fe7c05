"""im2col: a convolution as the product of a matrix of kernels with a matrix of windows.

A channel u of a group and a tap make row ``v = N*(M*u + m) + n``: every kernel is a row of a matrix W, every window a
column of a matrix X. The windows of all output positions side by side are what unfold makes.

Sources: Chellapilla, Puri and Simard; the documentation of torch.nn.Unfold.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc
from convmath.calculus.index import integers, le, within
from convmath.calculus.terms import Equation, Statement, tensor, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem
from convmath.inert import FloorDiv

from .gradients import ramp, small, symbols
from .layer import C_g, F_g, Layer, b, c, f, u, w, x, y
from .matrix import at
from .numbering import number_pair, numbered
from .unfold import aligned

v, g_ = integers("v g")
W, X = map(tensor, "WX")


def row_number(layer: Layer) -> Any:
    """The number of a channel of a group and a tap on every axis, row by row."""
    return numbered((u, *layer.each("m")), (C_g, *layer.each("M")))


def as_rows(layer: Layer, number: Any) -> Statement:
    """``W[f, number] = w[f, u, m]``: the kernels as rows."""
    m = layer.each("m")
    there = (*within(0, u, C_g), *layer.taps)
    return Statement(Equation(value(W[f, number]), value(w[(f, u, *m)])), (f, u, *m), there)


def as_columns(layer: Layer, number: Any) -> Statement:
    """``X[b, g, number, k] = x[b, C_g*g + u, s*k + d*m - p]``: the windows of a group as columns."""
    i, m, k = layer.each("i"), layer.each("m"), layer.each("k")
    column = total(i, (*aligned(layer), *layer.inputs), x[(b, C_g * g_ + u, *i)])
    over, there = (b, g_, u, *m, *k), (*within(0, u, C_g), *layer.taps)
    return Statement(Equation(value(X[(b, g_, number, *k)]), column), over, there)


@theorem(
    "matrix.im2col",
    title="A convolution is a matrix product of kernels and columns",
    ndims=(1, 2, 3),
    sources=("ChellapillaPuriSimard2006, abstract", "torch.nn.Unfold, note"),
)
def im2col(ndim: int) -> Proof:
    """Each kernel as a row, each window as a column: their product is the output, group by group."""
    g = Layer(ndim)
    m, k = g.each("m"), g.each("k")
    number, group, sizes = row_number(g), FloorDiv(f, F_g), (C_g, *g.each("M"))
    kernels, columns = as_rows(g, number), as_columns(g, number)
    positive_taps = [le(1, size) for size in g.each("M")]
    calc = Calc(g.forward(x, w), positive_taps)
    calc.one_point({c: C_g * group + u}, why="the channel that is read")
    other = Calc(total((u, *m), kernels.conditions, value(W[f, number]) * X[(b, group, number, *k)]))
    other.unfold(at(kernels, f, u, *m), why="the kernel in its row")
    other.unfold(at(columns, b, group, u, *m, *k), why="and the window in its column")
    calc.meet(other, why="a kernel times a window")
    first, count = u, C_g
    for axis, name in zip(g.axes, (*g.fresh("v")[:-1], v), strict=True):
        number_pair(calc, name, (first, count), (axis.m, axis.M), "number channels and taps row by row")
        first, count = name, count * axis.M
    taps_first = as_rows(g, numbered((*m, u), (*sizes[1:], C_g)))
    return Proof(
        parts=(calc.part("Number the channels of a group and the taps row by row."),),
        symbols={
            **{name: words for name, words in symbols(g).items() if str(name) != "delta"},
            **dict.fromkeys(g.fresh("v"), "number of a channel and some taps"),
            g_: "group",
            v: "number of a channel and a tap, row of the columns",
            W: "kernels as rows",
            X: "windows as columns",
        },
        notations=(Notation("the layer computes", y[(b, f, *k)], g.forward(x, w)),),
        example=Example(small(g), {"x": ramp((1, 1, *[3] * ndim)), "w": ramp((1, 1, *[2] * ndim))}),
        mistake=Mistake(
            "numbering the kernels with the channels fastest and the windows with the taps fastest",
            Statement(Equation(calc.start, calc.value)),
            (*positive_taps, le(1, C_g), le(1, F_g), *g.positive, taps_first, columns),
        ),
    )
