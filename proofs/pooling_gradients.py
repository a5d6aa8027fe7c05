"""Gradients of pooling: the mean shares the gradient out, the maximum hands it to the element that it took.

Average pooling computes ``y[b, c, k] = v[k] * sum over the window``, where v[k] is 1 over the divisor of window k:
the number of its taps, or of those inside the input, as the framework has it. Maximum pooling takes the element under
tap mu[b, c, k] of window k. Near an input without ties that tap stays the same, so it is a number for the derivative.

Sources: Li Hang, "Machine Learning Methods", section 24.2.2; the documentation of torch's pooling layers.
"""

from __future__ import annotations

from typing import Any

import sympy

from convmath.calculus.derive import Calc, Part, instance
from convmath.calculus.index import Formula, eq, integers, le, lt, sequence, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Gradient, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem
from convmath.inert import FloorDiv, Mod

from . import numbering as division
from .gradients import ramp
from .layer import Axis, B, Layer, b, c, delta, pairs, renamed, x, y
from .unfold import HELD, C, aligned, fold
from .unfold import example as columns_example
from .unfold import symbols as columns_symbols

SHOWN = 2
"""On more axes than this the special case says nothing more, at some length."""
a, e = integers("a e")
kappa, v = tensor("kappa"), tensor("v")
EXIST: Any = ((within(0, b, B), ()), (within(0, c, C), ()))
"""The image and the channel that an entry names exist, so nothing need be said about them."""


def chosen(g: Layer) -> tuple[sympy.Indexed, ...]:
    """``mu[b, c, k]``: the tap that the maximum takes, on every axis."""
    return tuple(sequence(name)[(b, c, *g.each("k"))] for name in ("mu", "nu", "xi")[: len(g.axes)])


def share(g: Layer) -> sympy.Indexed:
    """``v[k]``: 1 over the divisor of window k."""
    return v[g.each("k")]


def mean(g: Layer, elements: Value) -> Value:
    """The elements of a window, each with the share of the window."""
    inside = (*aligned(g), *g.inputs, *g.taps)
    return total((*g.each("i"), *g.each("m")), inside, elements * share(g))


def taken(g: Layer) -> tuple[Any, ...]:
    """Where the element lies that the maximum takes."""
    return tuple(axis.s * axis.k + axis.d * tap - axis.p for axis, tap in zip(g.axes, chosen(g), strict=True))


def among_the_taps(g: Layer) -> tuple[Statement, ...]:
    """What the maximum takes lies in its window."""
    over = (b, c, *g.each("k"))
    both = zip(g.axes, chosen(g), strict=True)
    return tuple(Statement(bound, over) for axis, tap in both for bound in (le(0, tap), lt(tap, axis.M)))


def cotangent(g: Layer) -> sympy.Indexed:
    """The gradient of the loss for an output."""
    return delta[(b, c, *g.each("k"))]


def shared_out(g: Layer) -> Value:
    """Every window gives each of its elements its share of the gradient."""
    return fold(g, value(share(g)) * cotangent(g))


def handed_over(g: Layer) -> Value:
    """Every window gives its gradient to the element that it took."""
    hits = [axis.aligned(axis.k, axis.i, tap) for axis, tap in zip(g.axes, chosen(g), strict=True)]
    return total(g.each("k"), (*hits, *g.outputs), cotangent(g))


def pooled_derivative(g: Layer, output: Value, at: sympy.Indexed) -> Value:
    """``sum over all outputs of delta * d output / d at``."""
    ours = {b: a, c: e}
    ranges = (*(atom.substitute(ours) for atom in HELD), *g.outputs)
    gradient = Gradient(renamed(output, pairs(g.each("i"), g.fresh("t"))).substitute(ours), at)
    return total((a, e, *g.each("k")), ranges, value(cotangent(g).xreplace(ours)) * gradient)


def average_gradient(g: Layer, element: Value, at: sympy.Indexed) -> Calc:
    """The calculation from the loss to the shares."""
    calc = Calc(pooled_derivative(g, mean(g, element), at), [*HELD, *g.inputs])
    calc.diff(why="differentiate: an entry counts where it is the entry that we differentiate for")
    points = {a: b, e: c, **pairs(g.fresh("t"), g.each("i"))}
    calc.one_point(points, why="the brackets leave one image, channel and position each")
    calc.guard(*EXIST, *((within(0, axis.i, axis.I), ()) for axis in g.axes), why="these lie in range")
    return calc


def maximum_gradient(g: Layer, element: Value, at: sympy.Indexed) -> Calc:
    """The calculation from the loss to the elements that were taken."""
    where = pairs(g.each("i"), taken(g))
    calc = Calc(pooled_derivative(g, element.substitute(where), at), [*HELD, *g.inputs])
    calc.diff(why="differentiate: the element that is taken counts where it is the one that we differentiate for")
    calc.one_point({a: b, e: c}, why="the brackets leave one image and one channel")
    hits = zip(taken(g), g.axes, chosen(g), strict=True)
    calc.guard(
        *EXIST,
        *(([eq(place, axis.i)], [axis.aligned(axis.k, axis.i, tap)]) for place, axis, tap in hits),
        why="both lie in range; the bracket the other way round",
    )
    return calc


def symbols(g: Layer) -> dict[Any, str]:
    """What the symbols of a page on pooling mean."""
    return {
        **columns_symbols(g, a="image that is summed over", e="channel that is summed over"),
        **dict.fromkeys(g.fresh("t"), "position that is summed over"),
        **{entry.base: "tap that the maximum takes" + _axis(g, at) for at, entry in enumerate(chosen(g))},
        y: "output",
        v: "share of each element of window k, 1 over its divisor",
        kappa: "number of elements in window k",
        delta: "gradient of the loss for the output",
    }


def _axis(g: Layer, number: int) -> str:
    return f" on axis {number + 1}" if len(g.axes) > 1 else ""


def example(g: Layer) -> Example:
    """Two windows of two elements an axis, at stride 1; the maximum takes the last element of each."""
    ndim = len(g.axes)
    tensors = {
        "x": ramp((1, 1, *[3] * ndim)),
        "delta": ramp((1, 1, *[2] * ndim), 2),
        "v": full((2,) * ndim, 1),
        "kappa": full((2,) * ndim, 2**ndim),
    }
    last = {str(entry.base.label): full((1, 1, *[2] * ndim), 1) for entry in chosen(g)}
    return Example(columns_example(g).numbers, tensors, last)


def full(shape: tuple[int, ...], number: int) -> Any:
    """An array of one number."""
    return [full(shape[1:], number) for _ in range(shape[0])] if shape else number


@theorem(
    "grad.pool.average",
    title="Gradient of average pooling",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.2.2", "torch.nn.AvgPool2d, parameters"),
)
def grad_pool_average(ndim: int) -> Proof:
    """Every window shares its gradient out: each of its elements gets the gradient times the share."""
    g = Layer(ndim)
    i, k = g.each("i"), g.each("k")
    calc = average_gradient(g, value(x[(b, c, *i)]), x[(b, c, *i)])
    calc.qed(shared_out(g))

    number = Statement(
        Equation(value(kappa[k]), total((*i, *g.each("m")), (*aligned(g), *g.inputs, *g.taps), 1)), k, g.outputs
    )
    whole = Calc(total(i, g.inputs, shared_out(g)))
    other = Calc(total(k, g.outputs, value(share(g)) * kappa[k] * cotangent(g)))
    other.unfold(instance(assume(number), pairs(k, k)), why="one share for every element of the window")
    whole.meet(other, why="sum over the windows first: their elements are counted")
    return Proof(
        parts=(
            whole.part(
                "Where the share is 1 over the number of elements, v*kappa = 1, the gradient's sum stays the same."
            ),
            calc.part("The loss depends on x through the means only."),
        ),
        symbols=symbols(g),
        notations=(Notation("the layer computes", y[(b, c, *k)], mean(g, value(x[(b, c, *i)]))),),
        example=example(g),
        special=(tiled_average(g),) if ndim <= SHOWN else (),
        mistake=Mistake(
            "giving every element the whole gradient",
            Statement(Equation(shared_out(g), fold(g, value(cotangent(g))))),
            (*g.positive, *HELD, *g.inputs),
        ),
        main=2,
    )


def tiles(g: Layer) -> dict[Any, Any]:
    """Windows side by side: the stride is the size of the window, without dilation."""
    return {old: new for axis in g.axes for old, new in ((axis.s, axis.M), (axis.d, sympy.Integer(1)))}


def covered(g: Layer) -> tuple[Formula, ...]:
    """The position lies in one of the windows side by side."""
    return tuple(atom for axis in g.axes for atom in (le(1, axis.M), *within(0, axis.i + axis.p, axis.M * axis.K)))


def one_window(calc: Calc, axis: Axis) -> None:
    """Of windows side by side one has the position, under one tap."""
    bracket, place = eq(axis.i, axis.M * axis.k + axis.m - axis.p), axis.i + axis.p
    calc.guard(([bracket], [eq(place, axis.M * axis.k + axis.m)]), why="divide by the size of a window")
    terms = {division.t: place, division.m: axis.k, division.n: axis.m, division.N: axis.M}
    division.exchange(
        calc,
        division.at(division.division(), terms, calc.given),
        why="the quotient is the window, the remainder the tap",
    )
    window = FloorDiv(place, axis.M)
    calc.one_point({axis.k: window, axis.m: Mod(place, axis.M)}, why="the brackets leave that window and that tap")
    calc.guard((within(0, window, axis.K), ()), why="it exists")


def tiled_average(g: Layer) -> Part:
    """With windows side by side every element has one window."""
    calc = Calc(shared_out(g).substitute(tiles(g)), covered(g))
    for axis in g.axes:
        one_window(calc, axis)
    return calc.part("Windows side by side, s = M, d = 1, at 0 <= i + p < M*K: the gradient is sampled up")


@theorem(
    "grad.pool.max",
    title="Gradient of maximum pooling",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.2.2", "torch.nn.MaxPool2d, parameters"),
)
def grad_pool_max(ndim: int) -> Proof:
    """Every window hands its gradient to the element that it took; an element adds up what its windows hand over."""
    g = Layer(ndim)
    i, k = g.each("i"), g.each("k")
    calc = maximum_gradient(g, value(x[(b, c, *i)]), x[(b, c, *i)])
    calc.qed(handed_over(g))
    return Proof(
        parts=(calc.part("The loss depends on x through the elements that are taken only."),),
        symbols=symbols(g),
        notations=(Notation("the layer computes", y[(b, c, *k)], value(x[(b, c, *taken(g))])),),
        example=example(g),
        special=(tiled_maximum(g),) if ndim <= SHOWN else (),
        mistake=Mistake(
            "giving every element of the window the gradient",
            Statement(Equation(handed_over(g), fold(g, value(cotangent(g))))),
            (*g.positive, *HELD, *g.inputs, *among_the_taps(g)),
        ),
    )


def tiled_maximum(g: Layer) -> Part:
    """With windows side by side every element has one window, which took it or another."""
    over = (b, c, *g.each("k"))
    in_window = [instance(assume(bound), pairs(over, over)) for bound in among_the_taps(g)]
    calc = Calc(handed_over(g).substitute(tiles(g)), [*covered(g), *in_window])
    for axis, tap in zip(g.axes, chosen(g), strict=True):
        bracket = axis.aligned(axis.k, axis.i, tap).substitute(tiles(g))
        calc.insert(axis.m, tap, {}, why="name the tap")
        named = [axis.aligned(axis.k, axis.i, axis.m).substitute(tiles(g)), *within(0, axis.m, axis.M)]
        calc.guard(([bracket], named), why="it is one of the window's")
    for axis in g.axes:
        one_window(calc, axis)
    return calc.part(
        "Windows side by side, s = M, d = 1, at 0 <= i + p < M*K: the gradient goes to the element that was taken"
    )
