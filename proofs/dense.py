"""A convolution is a dense layer under two constraints: weights are shared, and most of them are zero.

A dense layer has a weight ``a[f, k, c, i]`` from every input element to every output element. Sharing: the weight
depends on the offset of the input element in the window, ``i - (s*k - p)``, only. Locality: outside of the window it is
zero. Together they leave a kernel, and the layer is a cross-correlation.

Sources: Zhang and others, "Dive into Deep Learning", section 7.1; Goodfellow, Bengio and Courville, "Deep Learning",
section 9.2.
"""

from __future__ import annotations

from math import prod
from typing import Any

from convmath.calculus.derive import Calc, definition, instance
from convmath.calculus.index import Formula, both, eq, integers, le, negation, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, entry, theorem

from .gradients import GIVEN, ramp, small
from .inside import count
from .layer import C_g, F_g, G, Layer, b, c, f, pairs, u, w, x
from .transpose import matrix

C, F = integers("C F")
a = tensor("a")


def offsets(g: Layer) -> tuple[Any, ...]:
    """Where position i lies in window k."""
    return tuple(axis.i - axis.s * axis.k + axis.p for axis in g.axes)


def spanned(g: Layer, at: Any, sizes: Any = None) -> Formula:
    """The offsets lie in the window."""
    sizes = sizes or g.each("M")
    return both(*(atom for offset, size in zip(at, sizes, strict=True) for atom in within(0, offset, size)))


def sharing(g: Layer) -> Statement:
    """The weight of the input element at offset m in window k does not depend on k."""
    k, m = g.each("k"), g.each("m")
    at = (axis.s * axis.k + axis.m - axis.p for axis in g.axes)
    return definition(a[(f, *k, c, *at)], value(w[(f, c, *m)]), (f, *k, c, *m))


def locality(g: Layer) -> Statement:
    """Outside of the window it is zero."""
    m = g.each("m")
    return definition(w[(f, c, *m)], Value(()), (f, c, *m), (negation(spanned(g, m)),))


def dense(g: Layer) -> Value:
    """What a dense layer computes at an output element."""
    i = g.each("i")
    return total((c, *i), (*within(0, c, C), *g.inputs), value(a[(f, *g.each("k"), c, *i)]) * x[(b, c, *i)])


def correlation(g: Layer) -> Value:
    """What a convolution layer without dilation computes there."""
    i, m = g.each("i"), g.each("m")
    relation = [atom.substitute({axis.d: 1 for axis in g.axes}) for atom in g.relation]
    return total((c, *i, *m), (*within(0, c, C), *relation), value(w[(f, c, *m)]) * x[(b, c, *i)])


def symbols(g: Layer, **more: str) -> dict[Any, str]:
    """What the symbols of a page about dense layers mean."""
    own = {
        C: "number of input channels",
        F: "number of output channels",
        a: "weight of the dense layer, from input element to output element",
    }
    return {**g.symbols, **own, **{integers(name): words for name, words in more.items()}}


@theorem(
    "dense.to_convolution",
    title="A dense layer with shared, local weights is a convolution layer",
    ndims=(1, 2, 3),
    sources=("ZhangLiptonLiSmola2023, section 7.1.2", "GoodfellowBengioCourville2016, section 9.2"),
)
def to_convolution(ndim: int) -> Proof:
    """Where weights depend on the offset alone and vanish outside of a window, a dense layer is a cross-correlation."""
    g = Layer(ndim)
    m, t = g.each("m"), g.fresh("t")
    shared = {v: v for v in (f, *g.each("k"), c)} | pairs(m, offsets(g))
    calc = Calc(dense(g))
    calc.unfold(instance(assume(sharing(g)), shared), why="shared: only the offset in the window counts")
    for at, offset in zip(t, offsets(g), strict=True):
        calc.insert(at, offset, {offset: at}, why="name the offset")
    inner = spanned(g, t)
    calc.split(inner, why="inside of the window, and outside")
    calc.unfold(
        instance(assume(locality(g)), {f: f, c: c, **pairs(m, t)}), why="local: outside the weight is zero", term=1
    )
    calc.rename(pairs(t, m))
    calc.guard(
        *(
            ([eq(axis.m, offset)], [axis.aligned(axis.k, axis.i, axis.m).substitute({axis.d: 1})])
            for axis, offset in zip(g.axes, offsets(g), strict=True)
        ),
        why="solve the bracket for the input position",
    )
    calc.qed(correlation(g))
    return Proof(
        parts=(calc.part("Name the offset, and leave out what is zero."),),
        symbols=symbols(g),
        example=Example(
            small(g) | {C: 1},
            {"x": ramp((1, 1, *[3] * ndim)), "w": ramp((1, 1, *[2] * ndim))},
        ),
        mistake=Mistake(
            "sharing alone, without locality",
            Statement(Equation(dense(g), correlation(g))),
            (sharing(g), *(le(1, axis.s) for axis in g.axes)),
        ),
    )


@theorem(
    "convolution.to_dense",
    title="A convolution layer is a dense layer with shared, local weights",
    ndims=(1, 2, 3),
    sources=("ZhangLiptonLiSmola2023, section 7.1", "GoodfellowBengioCourville2016, section 9.2"),
)
def to_dense(ndim: int) -> Proof:
    """Every convolution layer is a dense layer whose weights repeat from window to window and vanish outside of it."""
    g = Layer(ndim)
    k, i, t = g.each("k"), g.each("i"), g.fresh("t")
    weight = a[(f, *k, c, *i)]
    entries = definition(weight, matrix(g, value(1)), (f, *k, c, *i))

    def opened(at: Any) -> Any:
        return instance(assume(entries), {f: f, c: c, **pairs(k, at[1 : 1 + ndim]), **pairs(i, at[-ndim:])})

    rows = entry("transpose.adjoint").proof(ndim).statements[0].theorem
    whole = Calc(g.forward(x, w), [*GIVEN, *within(0, f, G * F_g)])
    whole.apply(rows, why="collect what each input element is multiplied with")
    layer = Calc(dense(g).substitute({C: G * C_g}))
    whole.meet(layer.unfold(opened((f, *k, c, *i)), why="the weights of the layer"), why="these are its weights")

    moved = (f, *(axis.k + e for axis, e in zip(g.axes, t, strict=True)))
    moved += (c, *(axis.i + axis.s * e for axis, e in zip(g.axes, t, strict=True)))
    shared = Calc(a[moved]).unfold(opened(moved), why="the weights of the layer")
    shared.meet(Calc(weight).unfold(opened((f, *k, c, *i)), why="the weights of the layer"), why="the same bracket")

    spans = tuple(axis.d * (axis.M - 1) + 1 for axis in g.axes)
    windows = [within(0, offset, span) for offset, span in zip(offsets(g), spans, strict=True)]
    in_window = [atom for pair in windows for atom in pair]
    local = Calc(weight, [le(1, axis.d) for axis in g.axes])
    local.unfold(opened((f, *k, c, *i)), why="the weights of the layer")
    local.guard(*(((), pair) for pair in windows), why="every tap lies in the window")
    again = Calc(total((), in_window, weight)).unfold(opened((f, *k, c, *i)), why="the weights of the layer")
    local.meet(again, why="so the bracket of the window changes nothing")
    still = (f, *moved[1 : 1 + ndim], c, *i)
    return Proof(
        parts=(
            local.part("Locality: the weights are 0 outside of the window, which spans d*(M - 1) + 1 elements."),
            shared.part("Sharing: t windows further, all weights have moved by s*t elements."),
            whole.part("The layer multiplies every input element with its weight."),
        ),
        symbols=symbols(g, **{e.name: "windows further" for e in t}),
        example=Example(
            small(g) | dict.fromkeys(t, -1) | {axis.i: 2 for axis in g.axes},
            {"x": ramp((1, 1, *[3] * ndim)), "w": ramp((1, 1, *[2] * ndim))},
        ),
        mistake=Mistake(
            "the same weights for every output element",
            Statement(Equation(value(a[still]), value(weight))),
            (entries, *GIVEN, *g.positive, *within(0, f, G * F_g)),
        ),
        main=3,
    )


@theorem(
    "dense.weights",
    title="Number of weights of a dense layer and of a convolution layer",
    ndims=(1, 2, 3),
    sources=("ZhangLiptonLiSmola2023, section 7.1", "GoodfellowBengioCourville2016, section 9.2"),
)
def weights(ndim: int) -> Proof:
    """A dense layer has a weight for each output and input element, a convolution layer one for each tap and slice."""
    g = Layer(ndim)
    own: dict[Any, Any] = {f: F, u: C_g, **pairs(g.each("m"), g.each("M"))}
    every: dict[Any, Any] = {
        f: F,
        **pairs(g.each("k"), g.each("K")),
        c: C,
        **pairs(g.each("i"), g.each("I")),
    }
    words = {f: "the output channels", u: "the input channels of a group", c: "the input channels"}
    for name, plural in (("k", "output positions"), ("i", "input positions"), ("m", "taps")):
        words |= {v: f"the {plural}{_axis(n, ndim)}" for n, v in enumerate(g.each(name))}
    shared, free = (
        count(Calc(_all(sizes), [le(0, size) for size in sizes.values()]), sizes, words) for sizes in (own, every)
    )
    positions = {v: size for v, size in every.items() if v not in (f, c)}
    return Proof(
        parts=(
            shared.part("Convolution: one weight for each output channel, input channel of its group, and tap."),
            free.part("Dense: one weight for each pair of an output element and an input element."),
        ),
        symbols=symbols(g),
        example=Example(small(g) | {F: 2, C: 1}),
        mistake=Mistake(
            "forgetting the channels of the dense layer",
            Statement(Equation(_all(every), value(prod(positions.values())))),
            tuple(le(1, size) for size in every.values()),
        ),
        main=2,
    )


def _axis(number: int, ndim: int) -> str:
    return f" on axis {number + 1}" if ndim > 1 else ""


def _all(sizes: Any) -> Value:
    """How many combinations of indices there are."""
    return total(sizes, [atom for index, size in sizes.items() for atom in within(0, index, size)], 1)
