"""How many taps lie in the input, in closed form, and what a convolution saves against a dense layer.

Tap m of window k lies in the input when ``0 <= s*k + d*m - p < I``. For a given tap these windows are an interval,
whose ends are found by solving for k and rounding up. So the taps in the input are counted tap by tap, whatever the
number of windows is.

Sources: Goodfellow, Bengio and Courville, "Deep Learning", section 9.2.
"""

from __future__ import annotations

from math import prod
from typing import Any

import convmath as cm
from convmath.calculus.derive import Calc, Part, definition, instance, prove
from convmath.calculus.index import both, eq, implies, le, lt, ne, sequence, within
from convmath.calculus.kernel import Theorem, assume
from convmath.calculus.terms import Equation, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Proof, entry, theorem
from convmath.formulas.cost_taps import valid_windows, windows_of_tap
from convmath.inert import FloorDiv

from .cost import FILTERS, PER_GROUP, Costs, counted, on_symbols
from .inside import inside
from .intervals import N as COUNT
from .layer import CHANNEL, B, C_g, F_g, G, c, f, pairs, u


def in_input(g: Costs) -> Value:
    """The triples of the relation whose tap lies in the input."""
    return total((*g.each("k"), *g.each("i"), *g.each("m")), (*g.outputs, *g.relation), 1)


def windows(g: Costs) -> list[Any]:
    """For every axis the number of windows whose tap m lies in the input, by m."""
    return [sequence(name)[axis.m] for name, axis in zip(names(g), g.axes, strict=True)]


def names(g: Costs) -> tuple[str, ...]:
    """The names of these sequences."""
    return ("v",) if len(g.axes) == 1 else tuple(f"v{n + 1}" for n in range(len(g.axes)))


def definitions(g: Costs) -> tuple[Statement, ...]:
    """These numbers are what the helper says."""
    return tuple(definition(v, _closed_form(a), (a.m,)) for v, a in zip(windows(g), g.axes, strict=True))


def _closed_form(axis: Any) -> Any:
    return valid_windows(axis.m, axis.I, axis.K, axis.s, axis.p, axis.d)


def by_taps(g: Costs) -> Value:
    """The triples of the relation whose tap lies in the input, tap by tap."""
    return total(g.each("m"), g.taps, prod(windows(g)))


def count_windows(g: Costs, calc: Calc) -> Calc:
    """Name the input position by window and tap, and count the windows of every tap."""
    at = {axis.i: axis.s * axis.k + axis.d * axis.m - axis.p for axis in g.axes}
    calc.one_point(at, why="a window and a tap name the input position")
    for axis, t, v, known in zip(g.axes, g.fresh("t"), windows(g), definitions(g), strict=True):
        interval_of_tap(calc, axis, at[axis.i], t)
        named = Calc(total((t,), within(0, t, _closed_form(axis)), 1), [instance(assume(known), {axis.m: axis.m})])
        named.apply(instance(entry("interval.count").theorem, {COUNT: _closed_form(axis)}), why="")
        named.rewrite({_closed_form(axis): v}, why="")
        count_inside(calc, t, named.theorem, why="count the interval")
    return calc


def interval_of_tap(calc: Calc, axis: Any, at: Any, t: Any) -> Calc:
    """The windows whose tap lies in the input, numbered from the first of them."""
    start, stop = windows_of_tap(axis.m, axis.I, axis.K, axis.s, axis.p, axis.d)
    (_, first), (_, last) = start.args, stop.args
    calc.guard(
        ([le(0, at)], [le(first, axis.k)]),
        ([lt(at, axis.I)], [lt(axis.k, last)]),
        why="solve for the window and round up",
    )
    calc.guard(
        ([le(0, axis.k), le(first, axis.k)], [le(start, axis.k)]),
        ([lt(axis.k, axis.K), lt(axis.k, last)], [lt(axis.k, stop)]),
        why="both bounds on either side in one: the windows of a tap are an interval",
    )
    calc.reindex({axis.k: t + start}, why="begin at its first window")
    known = within(0, t, _closed_form(axis))
    return calc.guard(([le(start, t + start), lt(t + start, stop)], known), why="it has no window if it ends too early")


def count_inside(calc: Calc, index: Any, counted: Theorem, why: str) -> Calc:
    """Count an index by a theorem about its range, inside the sum over the others."""
    (term,) = calc.value.terms
    others = [v for v in term.bound if v != index]
    guard = [atom for atom in term.guard if index not in atom.free_symbols]
    before = len(calc.steps)
    calc.swap(*others, index, why="")
    calc.apply(inside(calc.discharged(counted), others, guard, term.coefficient), why=why)
    calc.steps[before:] = calc.steps[-1:]
    return calc


def numbers(g: Costs) -> dict[Any, int]:
    """Three elements under three taps, with one element of padding on both sides."""
    found = {B: 1, G: 1, C_g: 1, F_g: 1}
    for axis, after in zip(g.axes, g.right, strict=True):
        found |= {axis.I: 3, axis.M: 3, axis.K: 3, axis.s: 1, axis.d: 1, axis.p: 1, after: 1}
    return found


@theorem(
    "cost.valid_taps",
    title="The taps that lie in the input, in closed form",
    ndims=(1, 2),
    sources=("new here",),
    helper="conv_macs",
)
def valid_taps(ndim: int) -> Proof:
    """The windows whose tap m lies in the input are an interval, and the taps in the input are counted tap by tap."""
    g = Costs(ndim)
    calc = count_windows(g, Calc(in_input(g), g.positive))
    calc.qed(by_taps(g))
    dense = prod((*g.each("K"), *g.each("M")))
    at_least_1 = (le(1, size) for size in (*g.each("K"), *g.each("M"), *g.each("I")))
    return Proof(
        parts=(calc.part("Count the windows of every tap."),),
        special=(three_taps().part("Three taps on one axis: what the helper returns for one channel"),),
        symbols=g.names | own_symbols(g),
        example=Example(numbers(g)),
        mistake=Mistake(
            "counting the taps in the padding too",
            Statement(Equation(calc.start, value(dense))),
            (*g.positive, *at_least_1, *(le(0, p) for p in g.each("p"))),
        ),
    )


def own_symbols(g: Costs) -> dict[Any, str]:
    """What the symbols that count windows mean."""
    return {
        **dict.fromkeys(map(sequence, names(g)), "number of windows whose tap m lies in the input, by m"),
        **dict.fromkeys(g.fresh("t"), "window of a tap, counted from its first one"),
    }


def three_taps() -> Calc:
    """What the helper returns for three taps on one axis, the output size called K."""
    line = Costs(1)
    (axis,) = line.axes
    layer = {"in_channels": 1, "out_channels": 1, **line.geometry}
    size = on_symbols(cm.conv_output_size, axis.I, 3, **{name: option[0] for name, option in line.geometry.items()})
    helper = on_symbols(cm.conv_macs, (axis.I,), (3,), **layer, taps="valid").xreplace({size: axis.K})
    calc = Calc(in_input(line).substitute({axis.M: 3}), line.positive)
    at = axis.s * axis.k + axis.d * axis.m - axis.p
    (t,) = line.fresh("t")
    calc.one_point({axis.i: at}, why="a window and a tap name the input position")
    interval_of_tap(calc, axis, at, t)
    interval = instance(entry("interval.count").theorem, {COUNT: _closed_form(axis)})
    count_inside(calc, t, interval, why="count the interval")
    tap, range_ = axis.m, within(0, axis.m, 3)
    calc.split(eq(tap, 0), why="the first tap and the others")
    calc.split(eq(tap, 1), why="the second and the third", term=1)
    others = ([], [ne(tap, 0)], [ne(tap, 0), ne(tap, 1)])
    for number, not_before in enumerate(others):
        found = [*range_, *not_before, *([eq(tap, number)] if number < 2 else [])]
        calc.guard((found, [eq(tap, number)]), why=f"tap {number}", term=number)
        calc.one_point({tap: number}, why=f"put tap {number} in", term=number)
    calc.qed(helper)
    return calc


@theorem(
    "sparse.connections",
    title="Connections that a convolution saves against a dense layer",
    ndims=(1, 2),
    sources=("GoodfellowBengioCourville2016, section 9.2", "ZhangLiptonLiSmola2023, section 7.1"),
    helper="linear_macs",
)
def connections(ndim: int) -> Proof:
    """A dense layer connects every input element to every output element, a convolution those that a tap connects.

    No two taps connect the same pair, so the taps that lie in the input are the connections.
    """
    g = Costs(ndim)
    k, i = g.each("k"), g.each("i")
    other = g.fresh("e")
    once = prove(
        implies(
            both(*(atom for axis, e in zip(g.axes, other, strict=True) for atom in _meeting(axis, e))),
            both(*(eq(axis.m, e) for axis, e in zip(g.axes, other, strict=True))),
        ),
        g.positive,
        everything=True,
    )
    given = [le(1, size) for size in (G, C_g, F_g, *g.each("I"), *g.each("K"))]
    pairs_ = total((f, *k, c, *i), (*FILTERS, *g.outputs, *within(0, c, G * C_g), *g.inputs), 1)
    every = Calc(pairs_, given)
    counted(every, {f: G * F_g, **pairs(k, g.each("K")), c: G * C_g, **pairs(i, g.each("I"))}, why="")
    connected = Calc(
        total((f, *k, c, u, *i, *g.each("m")), (*FILTERS, *CHANNEL, *g.outputs, *g.relation), -1), [*given, *g.positive]
    )
    connected.one_point({c: C_g * FloorDiv(f, F_g) + u}, why="")
    count_windows(g, connected)
    counted_channels(connected)
    calc = Calc(pairs_ + connected.start, [*given, *g.positive])
    calc.apply(every.theorem, why="all pairs of an input and an output element")
    calc.apply(connected.theorem, why="but those that a tap in the input connects", term=1)
    dense = on_symbols(cm.linear_macs, G * C_g * prod(g.each("I")), G * F_g * prod(g.each("K")))
    calc.qed(value(dense) - by_taps(g) * (G * F_g * C_g))
    padded = G * F_g * C_g * prod((*g.each("K"), *g.each("M")))
    return Proof(
        parts=(
            Part("No two taps connect the same elements:", once),
            calc.part("All pairs of elements without those that a tap connects:"),
        ),
        symbols=g.names | dict.fromkeys(other, "another tap") | own_symbols(g),
        example=Example(
            numbers(g)
            | pairs(g.each("i"), (1,) * ndim)
            | pairs(k, (1,) * ndim)
            | pairs(g.each("m"), (1,) * ndim)
            | pairs(other, (1,) * ndim)
        ),
        mistake=Mistake(
            "counting a connection for every tap of every window, those in the padding included",
            Statement(Equation(calc.start, value(dense - padded))),
            (*given, *g.positive, *(le(0, p) for p in g.each("p")), *(le(1, size) for size in g.each("M"))),
        ),
        main=2,
    )


def _meeting(axis: Any, e: Any) -> tuple[Any, Any]:
    """Taps m and e of window k both lie at i."""
    return axis.aligned(axis.k, axis.i, axis.m), axis.aligned(axis.k, axis.i, e)


def counted_channels(calc: Calc) -> Calc:
    """Count output channels and channels of a group in a sum over the taps."""
    for index, size in ((u, C_g), (f, G * F_g)):
        count_inside(calc, index, instance(entry("interval.count").theorem, {COUNT: size}), why="")
    return calc


@theorem(
    "sparse.parameters",
    title="Weights that a convolution saves against a dense layer",
    ndims=(1, 2),
    sources=("GoodfellowBengioCourville2016, section 9.2", "ZhangLiptonLiSmola2023, section 7.1"),
    helper="conv_params",
)
def parameters(ndim: int) -> Proof:
    """A dense layer has a weight for every pair of elements; a convolution shares them, however large the input is."""
    g = Costs(ndim)
    k, i, m = g.each("k"), g.each("i"), g.each("m")
    given = [le(1, size) for size in (G, C_g, F_g, *g.each("I"), *g.each("K"), *g.each("M"))]
    entries = total((f, *k, c, *i), (*FILTERS, *g.outputs, *within(0, c, G * C_g), *g.inputs), 1)
    every = Calc(entries, given)
    counted(every, {f: G * F_g, **pairs(k, g.each("K")), c: G * C_g, **pairs(i, g.each("I"))}, why="")
    shared = Calc(total((f, u, *m), (*FILTERS, *within(0, u, C_g), *g.taps), -1), given)
    shared.guard((within(0, u, C_g), within(0, u, PER_GROUP)), why="")
    counted(shared, {f: G * F_g, u: PER_GROUP, **pairs(m, g.each("M"))}, why="")
    calc = Calc(entries + shared.start, given)
    calc.apply(every.theorem, why="a weight for every pair of an input and an output element")
    calc.apply(shared.theorem, why="and those of the filters", term=1)
    dense = on_symbols(cm.linear_params, G * C_g * prod(g.each("I")), G * F_g * prod(g.each("K")), bias=False)
    channels = {"in_channels": G * C_g, "out_channels": G * F_g, "groups": G, "bias": False}
    calc.qed(dense - on_symbols(cm.conv_params, g.each("M"), **channels))
    unshared = G * F_g * prod(g.each("K")) * C_g * prod(g.each("M"))
    return Proof(
        parts=(calc.part("The weights of a dense layer without those of the filters:"),),
        symbols=g.names,
        example=Example(numbers(g)),
        mistake=Mistake(
            "giving every window weights of its own: local, but not shared",
            Statement(Equation(calc.start, value(dense - unshared))),
            tuple(given),
        ),
    )
