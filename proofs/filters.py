"""Separable filters: a kernel of rank one is two one-dimensional correlations in sequence; edge filters among them.

The filters of Sobel, with weights 1, 2, 1, and of Scharr, with 3, 10, 3, smooth along one axis and take a difference
along the other.

Sources: Gonzalez and Woods, "Digital Image Processing", sections 3.4 and 10.2; Scharr, "Optimal operators in digital
image processing".
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc, definition, instance
from convmath.calculus.index import eq, integers, le, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .gradients import ramp
from .layer import Layer, pairs, w, x, z
from .lines import on_one_line

k, l, m, n, M, N = integers("k l m n M N")  # noqa: E741
v, q = tensor("v"), tensor("q")
_ONE_AXIS = tuple(map(tensor, ("v", "h", "e")))
"""The one-dimensional kernels, axis by axis."""


@theorem(
    "filters.separable",
    title="A kernel of rank one is a sequence of one-dimensional correlations",
    ndims=(2, 3),
    sources=("GonzalezWoods2018, section 3.4",),
)
def separable(ndim: int) -> Proof:
    """If every weight is a product of one factor an axis, the axes can be correlated one after the other."""
    g = Layer(ndim)
    taps, i, at = g.each("m"), g.each("i"), g.each("k")
    factors = _ONE_AXIS[:ndim]
    product = value(1)
    for factor, tap in zip(factors, taps, strict=True):
        product *= factor[tap]
    rank_one = definition(w[taps], product, taps)
    first, *others = g.axes
    rest = definition(
        z[(first.i, *at[1:])],
        total(
            (*i[1:], *taps[1:]),
            [atom for axis in others for atom in axis.relation(axis.k, axis.i, axis.m)],
            _times(x[i], [factor[tap] for factor, tap in zip(factors[1:], taps[1:], strict=True)]),
        ),
        (first.i,),
    )
    calc = Calc(total((*i, *taps), g.relation, value(w[taps]) * x[i]))
    calc.unfold(instance(assume(rank_one), pairs(taps, taps)), why="the kernel has rank one")
    inner = total(
        (first.i, first.m),
        first.relation(first.k, first.i, first.m),
        value(factors[0][first.m]) * z[(first.i, *at[1:])],
    )
    last = Calc(inner).unfold(instance(assume(rest), {first.i: first.i}), why="which correlates along them")
    last.swap(*i, *taps, why="sum over the other axes first")
    calc.meet(last)
    sums = value(0)
    for factor, tap in zip(factors, taps, strict=True):
        sums += factor[tap]
    added = definition(w[taps], sums, taps)
    return Proof(
        parts=(calc.part("Put the factors in, and sum axis by axis."),),
        symbols={
            **g.symbols,
            **{factor: f"one-dimensional kernel on axis {n + 1}" for n, factor in enumerate(factors)},
            z: "the input correlated along the other axes",
        },
        example=Example(
            _numbers(g), {"x": ramp((3,) * ndim), **{str(f.label): [1, n + 2] for n, f in enumerate(factors)}}
        ),
        mistake=Mistake(
            "the same for a kernel that is a sum of one term an axis",
            Statement(Equation(calc.start, inner)),
            (added, rest, *g.positive, *(le(0, term) for axis in g.axes for term in (axis.k, axis.p))),
        ),
    )


def _times(first: Any, factors: Any) -> Value:
    product = value(first)
    for factor in factors:
        product *= factor
    return product


def _numbers(g: Layer) -> dict[Any, int]:
    """Three elements and two taps an axis, position 1."""
    each = ("I", 3), ("M", 2), ("k", 1), ("s", 1), ("d", 1), ("p", 0)
    return {getattr(axis, name): number for axis in g.axes for name, number in each}


def smoothing_difference() -> Statement:
    """``w[m, n]`` smooths along m and takes the difference of the outermost taps along n."""
    ends = total((), [eq(n, 0)], v[m]) - total((), [eq(n, N - 1)], v[m])
    return definition(w[m, n], ends, (m, n))


def smoothed(source: Any) -> Value:
    """The smoothing alone."""
    return total((m,), within(0, m, M), value(v[m]) * source)


def detected(source: Any, *, turned: bool = False) -> Value:
    """The filter, or the filter turned by 90 degrees, at position (k, l) of an image."""
    if turned:
        return total((m, n), (*within(0, m, N), *within(0, n, M)), value(w[n, N - 1 - m]) * source)
    return total((m, n), (*within(0, m, M), *within(0, n, N)), value(w[m, n]) * source)


def edge(source: Any) -> Calc:
    """The filter on an image, as a difference of two smoothed images."""
    calc = Calc(detected(source), [le(2, N)])
    calc.unfold(instance(assume(smoothing_difference()), {m: m, n: n}), why="what the kernel is")
    for term, tap in enumerate((0, N - 1)):
        calc.one_point({n: tap}, why="", term=term)
        calc.guard((within(0, tap, N), ()), why="", term=term)
    on_one_line(calc, 1, "the difference has two taps, which are in range")
    return calc


@theorem(
    "filters.sobel",
    title="Sobel and Scharr filters: smoothing along one axis, a difference along the other",
    sources=("GonzalezWoods2018, section 10.2", "Scharr2000", "Ng2017, more edge detection"),
)
def sobel() -> Proof:
    """They answer to edges across one axis, not to those across the other; turned by 90 degrees it is the reverse."""
    image_ = x[k + m, l + n]
    whole = edge(image_)
    whole.qed(smoothed(x[k + m, l]) - smoothed(x[k + m, l + N - 1]))
    across, along = edge(q[l + n]), edge(q[k + m])
    across.qed(smoothed(q[l]) - smoothed(q[l + N - 1]))
    along.ring(Value(()), why="the same on both sides")
    turned = Calc(detected(q[k + m], turned=True), [le(2, N)])
    turned.unfold(instance(assume(smoothing_difference()), {m: n, n: N - 1 - m}), why="what the turned kernel is")
    for term, (before, tap) in enumerate(((0, N - 1), (N - 1, 0))):
        turned.guard(([eq(N - 1 - m, before)], [eq(m, tap)]), why="", term=term)
        turned.one_point({m: tap}, why="", term=term)
        turned.guard((within(0, tap, N), ()), why="", term=term)
        turned.rename({n: m}, term=term)
    on_one_line(turned, 1, "the difference has two taps, now along the first axis and the other way round")
    turned.qed(smoothed(q[k + N - 1]) - smoothed(q[k]))
    return Proof(
        parts=(
            whole.part("On any image: the difference of two smoothed images, N - 1 elements apart."),
            along.part("On an image q that varies along the first axis only, as a horizontal edge does: nothing."),
            across.part(
                "On an image q that varies along the second axis only, as a vertical edge does: its difference."
            ),
            turned.part("The filter turned by 90 degrees on an image that varies along the first axis only:"),
        ),
        symbols={
            k: "output position on axis 1",
            l: "output position on axis 2",
            m: "kernel tap on axis 1",
            n: "kernel tap on axis 2",
            M: "kernel size on axis 1, 3 for both filters",
            N: "kernel size on axis 2, 3 for both filters",
            x: "image",
            w: "the filter",
            v: "weights of the smoothing, 1, 2, 1 for Sobel and 3, 10, 3 for Scharr",
            q: "image that varies along one axis",
        },
        example=Example({k: 0, l: 0, M: 3, N: 3}, {"v": [1, 2, 1], "x": ramp((3, 3)), "q": [1, 1, 4]}),
        mistake=Mistake(
            "the same filter detects the edges of both directions",
            Statement(Equation(detected(q[k + m]), smoothed(q[k]) - smoothed(q[k + N - 1]))),
            (smoothing_difference(), le(2, N), le(1, M)),
        ),
        main=4,
    )
