"""Pooling: windows that tile the input, the mean as a convolution, the maximum as a choice.

Pooling slides the windows of a layer over every channel by itself and has no weights, so it keeps the channels. The
mean is a convolution by a constant kernel. Maximum pooling takes one element of every window, the one under tap A; it
is known by its rank among the elements by size, an integer, which is all that an order of real numbers needs.

Sources: Li Hang, "Machine Learning Methods", section 24.1.3; Goodfellow, Bengio and Courville, "Deep Learning", section
9.3; the documentation of torch's pooling layers.
"""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import sympy

from convmath.calculus.derive import Calc, Part, definition, instance, prove
from convmath.calculus.index import Formula, both, eq, equivalent, le, lt, sequence, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem
from convmath.inert import FloorDiv

from .equivariance import inside
from .gradients import ramp, small
from .inside import inside as inside_sum
from .layer import C_g, F_g, Layer, b, c, f, pairs, u, w, x

r = tensor("r")
RANK = sequence("rho")


def under(g: Layer, k: Any, taps: Any) -> tuple[Any, ...]:
    """Where taps of the window at k lie."""
    return tuple(axis.s * o + axis.d * tap - axis.p for axis, o, tap in zip(g.axes, k, taps, strict=True))


def ranks(of: sympy.IndexedBase, at: Any) -> sympy.Indexed:
    """The rank by size of an element."""
    return of[(b, c, *at)]


def dominates(g: Layer, k: Any, took: Any, where: tuple[Any, ...]) -> Statement:
    """No element of the window at k, where the conditions hold, is larger than the one under the tap that is taken."""
    m = g.each("m")
    larger = lt(ranks(RANK, under(g, k, took)), ranks(RANK, under(g, k, m)))
    return Statement(Formula("not", (larger,)), m, (*inside(m, g.each("M")), *where))


def on_axis(g: Layer) -> tuple[str, ...]:
    """The words that tell the axes apart."""
    return tuple(f" on axis {number + 1}" for number in range(len(g.axes))) if len(g.axes) > 1 else ("",)


def symbols(g: Layer) -> dict[Any, str]:
    """What the symbols of a page about pooling mean."""
    return {
        **g.symbols,
        RANK: "rank of an element by size",
        r: "the reciprocals, r[4] = 1/4",
        **{tap: f"tap that the maximum takes{at}" for tap, at in zip(g.fresh("a"), on_axis(g), strict=True)},
    }


def counted_from_one(g: Layer) -> dict[Any, str]:
    """What window, element and place mean on the page of the index."""
    words = {"k": "window", "i": "element of the input", "m": "place in the window"}
    return {
        v: f"{meaning} (from 1){at}"
        for name, meaning in words.items()
        for v, at in zip(g.each(name), on_axis(g), strict=True)
    }


def containing(g: Layer, brackets: Any) -> Value:
    """How many windows and places, counted from 1, meet the brackets."""
    ranges = [atom for axis in g.axes for v, n in ((axis.k, axis.K), (axis.m, axis.M)) for atom in (le(1, v), le(v, n))]
    return total((*g.each("k"), *g.each("m")), (*brackets, *ranges), 1)


def covered(g: Layer) -> Value:
    """1 for the elements up to M*K, counted from 1, and 0 for the others."""
    return total((), [atom for axis in g.axes for atom in (le(1, axis.i), le(axis.i, axis.M * axis.K))], 1)


@theorem(
    "pool.index",
    title="Pooling with the stride of its window tiles the input",
    ndims=(1, 2, 3),
    sources=("LiHang2022, definition 24.2, where the index lacks the stride",),
)
def pool_index(ndim: int) -> Proof:
    """Counted from 1, element m of window k is element (k - 1)*s + m; with s = M each lies in exactly one window."""
    g = Layer(ndim)
    k, i, m = g.each("k"), g.each("i"), g.each("m")
    counted = both(*(eq(axis.i, (axis.k - 1) * axis.s + axis.m) for axis in g.axes))
    before = {v: v - 1 for v in (*k, *i, *m)}
    from_zero = both(*(eq(axis.i, axis.s * axis.k + axis.m).substitute(before) for axis in g.axes))
    same = prove(equivalent(counted, from_zero))
    tiles = Calc(
        containing(g, [eq(axis.i, (axis.k - 1) * axis.M + axis.m) for axis in g.axes]),
        [le(1, axis.M) for axis in g.axes],
    )
    for axis in g.axes:
        place, window = axis.i - (axis.k - 1) * axis.M, FloorDiv(axis.i - 1, axis.M) + 1
        tiles.guard(([eq(axis.i, (axis.k - 1) * axis.M + axis.m)], [eq(axis.m, place)]), why="solve for the place")
        tiles.one_point({axis.m: place}, why="and put it in")
        tiles.guard(
            ([le(1, place), le(place, axis.M)], [eq(axis.k, window)]), why="only one window is at that distance"
        )
        tiles.one_point({axis.k: window}, why="put it in")
        tiles.guard(
            ([le(1, window), le(window, axis.K)], [le(1, axis.i), le(axis.i, axis.M * axis.K)]),
            why="there is such a window for the elements that are covered",
        )
    tiles.qed(covered(g))
    printed = containing(g, [eq(axis.i, axis.k + axis.m - 1) for axis in g.axes])
    numbers = {
        v: n
        for axis in g.axes
        for v, n in ((axis.K, 2), (axis.M, 2), (axis.i, 3), (axis.k, 2), (axis.m, 1), (axis.s, 2))
    }
    return Proof(
        parts=(
            Part("The index from 1, and from 0:", same),
            tiles.part("The number of windows that hold element i is 1, up to the end of the last window."),
        ),
        symbols={**g.symbols, **counted_from_one(g)},
        example=Example(numbers),
        mistake=Mistake(
            "leaving the stride out of the index",
            Statement(Equation(printed, covered(g))),
            tuple(le(1, size) for axis in g.axes for size in (axis.K, axis.M)),
        ),
        main=2,
    )


@theorem(
    "pool.average.is_convolution",
    title="Average pooling is the convolution by a constant kernel, channel by channel",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.1.3", "torch.nn.AvgPool2d"),
)
def average(ndim: int) -> Proof:
    """A layer with a group for each channel, whose taps are all 1 over the number of taps, averages every window."""
    g = Layer(ndim)
    m, i = g.each("m"), g.each("i")
    share = r[prod(g.each("M"))]
    constant = definition(w[(f, u, *m)], value(share), (f, u, *m))
    depthwise = {C_g: 1, F_g: 1}
    layer = g.forward(x, w)
    calc = Calc(layer.substitute(depthwise))
    calc.unfold(instance(assume(constant), {f: f, u: u, **pairs(m, m)}), why="every tap has the same weight")
    calc.one_point({c: FloorDiv(f, 1) + u}, why="the bracket says which channel is read")
    calc.guard((within(0, u, 1), [eq(u, 0)]), why="a group has one channel")
    calc.one_point({u: 0}, why="put it in")
    calc.rewrite({FloorDiv(f, 1): f}, why="the channel itself, so there are as many outputs as inputs")
    calc.qed(total((*i, *m), g.relation, value(share) * x[(b, f, *i)]))
    count = prod(g.each("M"))
    sums = Calc(calc.start * count)
    sums.apply(inside_sum(calc.theorem, (), (), count), why="the average")
    whole = Equation(value(share) * count, value(1))
    each = inside_sum(assume(whole), (*i, *m), g.relation, x[(b, f, *i)])
    sums.apply(each, why="the taps have the weight 1 together")
    taps = prod([2] * ndim)
    shares = [0] * taps + [Fraction(1, taps)]
    return Proof(
        parts=(calc.part("Take the constant kernel."),),
        symbols=symbols(g),
        special=(sums.part("The number of taps times an output is the sum of what the window holds"),),
        example=Example(small(g), {"x": ramp((1, 1, *[3] * ndim)), "r": shares}),
        mistake=Mistake(
            "one group for all channels, which averages over the channels as well",
            Statement(Equation(layer.substitute({F_g: C_g}), calc.value)),
            (constant, *g.positive, le(1, C_g), *within(0, f, C_g)),
        ),
    )


@theorem(
    "pool.max",
    title="Maximum pooling takes one element of each window, channel by channel",
    ndims=(1, 2),
    sources=("LiHang2022, section 24.1.3", "torch.nn.MaxPool2d"),
)
def maximum(ndim: int) -> Proof:
    """The maximum of a window is the element under a tap that no element exceeds; all such taps give the same."""
    g = Layer(ndim)
    k, m, i, took, other = g.each("k"), g.each("m"), g.each("i"), g.fresh("a"), g.fresh("e")
    places = [under(g, k, taps) for taps in (took, other)]
    lies = [
        (*inside(taps, g.each("M")), *inside(at, g.each("I"))) for taps, at in zip((took, other), places, strict=True)
    ]
    counts = inside(under(g, k, m), g.each("I"))
    rivals = [
        Calc(0, given).discharged(instance(assume(dominates(g, k, taps, counts)), pairs(m, rival)))
        for taps, rival, given in zip((took, other), (other, took), reversed(lies), strict=True)
    ]
    unique = prove(eq(*(ranks(RANK, at) for at in places)), rivals)
    calc = Calc(_one_hot(g, took), lies[0])
    calc.one_point(pairs(m, took), why="the kernel is 1 at the tap that is taken")
    calc.one_point(pairs(i, places[0]), why="which lies at one element")
    calc.guard((inside(took, g.each("M")), ()), (inside(places[0], g.each("I")), ()), why="in the window and the input")
    calc.qed(x[(b, c, *places[0])])
    first = _one_hot(g, (0,) * ndim)
    held = (*lies[0], *inside(under(g, k, (0,) * ndim), g.each("I")), dominates(g, k, took, counts))
    return Proof(
        parts=(
            Part("If two taps dominate their window, their elements have the same rank:", unique),
            calc.part("Pooling is a correlation whose kernel the input chooses, 1 at one tap."),
        ),
        symbols={
            **symbols(g),
            **{tap: f"another tap that dominates the window{at}" for tap, at in zip(other, on_axis(g), strict=True)},
        },
        example=rising(g, small(g) | dict.fromkeys((*took, *other), 1)),
        mistake=Mistake("always taking the first tap", Statement(Equation(calc.value, first)), (*held, *g.positive)),
        main=2,
    )


def _one_hot(g: Layer, taps: Any) -> Value:
    """The correlation of a channel with the kernel that is 1 at the taps and 0 elsewhere."""
    brackets = [eq(*pair) for pair in zip(g.each("m"), taps, strict=True)]
    return total((*g.each("i"), *g.each("m")), (*brackets, *g.relation), x[(b, c, *g.each("i"))])


def rising(g: Layer, numbers: dict[Any, int]) -> Example:
    """Elements that rise, so that the last of each window is the largest."""
    elements = ramp((1, 1, *[3] * len(g.axes)))
    return Example(numbers, {"x": elements}, {"rho": elements})
