"""Gradients of a convolution layer, from the derivative of the indexed sum.

The loss depends on the input, kernel and bias through the outputs y only, so its derivative for one entry is the sum
over all outputs of ``delta * dy/d(entry)``, with ``delta = dL/dy``. SymPy differentiates the indexed sum, which
leaves brackets; the rest is the calculus of brackets. Everything holds for every stride, dilation and padding, with
batch and groups.

Sources: Li Hang, "Machine Learning Methods", section 24.2.1; Dumoulin and Visin's guide, chapter 4.
"""

from __future__ import annotations

from typing import Any

import sympy

from convmath.calculus.derive import Calc, instance
from convmath.calculus.index import eq, integers, le, within
from convmath.calculus.terms import Contraction, Equation, Gradient, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem

from .layer import SOURCE, B, C_g, F_g, G, Layer, b, beta, c, delta, f, pairs, renamed, u, w, x, y

a, e, v = integers("a e v")
GIVEN = (le(1, C_g), le(1, F_g), le(1, G))


def loss_derivative(g: Layer, output: Value, at: sympy.Indexed, *, batch: Any = b, channel: Any = f) -> Value:
    """``sum over all outputs of delta * d output / d at``."""
    ranges = (*within(0, batch, B), *within(0, channel, G * F_g), *g.outputs)
    cotangent = value(delta[(batch, channel, *g.each("k"))])
    return total((batch, channel, *g.each("k")), ranges, cotangent * Gradient(output, at))


def input_gradient(g: Layer, *, given: Any = ()) -> Calc:
    """The calculation from the loss to the contraction of kernel and output gradient."""
    t = g.fresh("t")
    output = renamed(g.forward(x, w).substitute({b: a}), {c: e, **pairs(g.each("i"), t)})
    at = x[(b, c, *g.each("i"))]
    calc = Calc(loss_derivative(g, output, at, batch=a), [*within(0, b, B), *g.inputs, *given])
    calc.diff(why="differentiate: an entry of x counts where it is the entry that we differentiate for")
    calc.one_point({a: b, e: c, **pairs(t, g.each("i"))}, why="the brackets leave one image, channel and position each")
    calc.guard((within(0, b, B), ()), *((within(0, axis.i, axis.I), ()) for axis in g.axes), why="these lie in range")
    calc.qed(g.transposed(delta, w))
    return calc


def flip_taps(g: Layer, calc: Calc) -> Calc:
    """Run through the kernel backwards, and bring the bracket to the form of the stretched output."""
    m, t = g.each("m"), g.fresh("t")
    calc.reindex(
        {axis.m: axis.M - 1 - n for axis, n in zip(g.axes, t, strict=True)}, why="run through the kernel backwards"
    )
    calc.rename(pairs(t, m))
    calc.guard(
        *((within(0, axis.M - 1 - axis.m, axis.M), within(0, axis.m, axis.M)) for axis in g.axes),
        why="the taps are the same, in the other order",
    )
    calc.guard(
        *(
            ([axis.aligned(axis.k, axis.i, axis.M - 1 - axis.m)], [eq(axis.s * axis.k, window(axis))])
            for axis in g.axes
        ),
        why="solve the bracket for the output",
    )
    return calc


def window(axis: Any) -> Any:
    """Where tap m of the window at i lies when the padding is d(M - 1) - p."""
    return axis.i + axis.d * axis.m - (axis.d * (axis.M - 1) - axis.p)


def stretch(g: Layer, calc: Calc, why: str) -> Calc:
    """Name the positions ``t = s*k`` of the stretched output."""
    for axis, t in zip(g.axes, g.fresh("t"), strict=True):
        calc.insert(t, axis.s * axis.k, {}, why=why)
        calc.guard(([eq(axis.s * axis.k, window(axis))], [eq(t, window(axis))]), why="and use the name")
        calc.guard(((), within(0, t, axis.stretched)), why="it lies in the stretched output")
    return calc


def flipped_correlation(g: Layer, source: sympy.IndexedBase) -> Value:
    """The stretched source correlated with the flipped kernel, at padding d(M - 1) - p and stride 1."""
    t = g.fresh("t")
    bound = (f, u, *g.each("k"), *g.each("m"), *t)
    relation = [
        atom
        for axis, at in zip(g.axes, t, strict=True)
        for atom in (eq(at, axis.s * axis.k), eq(at, window(axis)), *within(0, at, axis.stretched))
    ]
    guard = (*within(0, f, G * F_g), *within(0, u, C_g), SOURCE, *g.outputs, *g.taps, *relation)
    kernel = w[(f, u, *(axis.M - 1 - axis.m for axis in g.axes))]
    return total(bound, guard, value(kernel) * source[(b, f, *g.each("k"))])


def flipped_output(g: Layer, source: sympy.IndexedBase) -> Value:
    """The stretched kernel correlated with the flipped stretched source, at padding s(K - 1) - p and stride 1."""
    t, n = g.fresh("t"), g.fresh("v")
    bound = (f, u, *g.each("k"), *g.each("m"), *t, *n)
    relation = [
        atom
        for axis, at, to in zip(g.axes, t, n, strict=True)
        for atom in (
            eq(axis.s * (axis.K - 1) - at, axis.s * axis.k),
            eq(to, axis.d * axis.m),
            eq(to, axis.i + at - (axis.s * (axis.K - 1) - axis.p)),
            *within(0, at, axis.stretched),
            *within(0, to, axis.d * (axis.M - 1) + 1),
        )
    ]
    guard = (*within(0, f, G * F_g), *within(0, u, C_g), SOURCE, *g.outputs, *g.taps, *relation)
    return total(bound, guard, value(w[(f, u, *g.each("m"))]) * source[(b, f, *g.each("k"))])


def small(g: Layer, **more: int) -> dict[Any, int]:
    """One image, one group, two channels in and one out, three inputs and two taps an axis, stride 1."""
    numbers = {B: 1, G: 1, C_g: 1, F_g: 1, b: 0, c: 0, f: 0, u: 0}
    for axis in g.axes:
        numbers |= {axis.I: 3, axis.M: 2, axis.K: 2, axis.i: 1, axis.m: 0, axis.k: 1, axis.s: 1, axis.d: 1, axis.p: 0}
    return numbers | {integers(name): number for name, number in more.items()}


def ramp(shape: tuple[int, ...], start: int = 1) -> Any:
    """A small array that counts upwards."""
    if not shape:
        return start
    inner = 1
    for size in shape[1:]:
        inner *= size
    return [ramp(shape[1:], start + number * inner) for number in range(shape[0])]


def arrays(g: Layer) -> dict[str, Any]:
    """Small tensors that fit :func:`small`."""
    ndim = len(g.axes)
    return {
        "x": ramp((1, 1, *[3] * ndim)),
        "w": ramp((1, 1, *[2] * ndim)),
        "delta": ramp((1, 1, *[2] * ndim), 2),
        "y": ramp((1, 1, *[2] * ndim), 2),
        "beta": [1],
    }


def symbols(g: Layer, **more: str) -> dict[Any, str]:
    """What the symbols of a gradient's page mean."""
    return {
        **g.symbols,
        y: "output",
        delta: "gradient of the loss for the output",
        **{integers(k): t for k, t in more.items()},
    }


def without_dilation(g: Layer, correct: Value) -> Statement:
    """The claim in which every dilation of the correct value is dropped."""
    return Statement(Equation(correct, correct.substitute({axis.d: sympy.Integer(1) for axis in g.axes})))


def notation(g: Layer) -> Notation:
    """What the layer computes."""
    return Notation("the layer computes", y[(b, f, *g.each("k"))], g.forward(x, w))


def given_ranges(g: Layer) -> tuple[Any, ...]:
    """Positions in range and positive strides, dilations and groups: what a claim about one entry supposes."""
    return (*GIVEN, *g.positive, *within(0, b, B), *g.inputs)


@theorem(
    "grad.input",
    title="Gradient for the input",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.2.1", "DumoulinVisin2016, chapter 4"),
)
def grad_input(ndim: int) -> Proof:
    """The gradient for the input contracts the kernel with the output gradient over the same relation."""
    g = Layer(ndim)
    calc = input_gradient(g)
    return Proof(
        parts=(calc.part("The loss depends on x through the outputs only."),),
        symbols=symbols(
            g,
            a="image that is summed over",
            e="channel that is summed over",
            **{s.name: "input position that is summed over" for s in g.fresh("t")},
        ),
        notations=(notation(g),),
        example=Example(small(g), arrays(g)),
        mistake=Mistake("leaving the dilation out of the bracket", without_dilation(g, calc.value), given_ranges(g)),
    )


@theorem(
    "grad.input.rot180",
    title="Backpropagation to the input is a full correlation with the flipped kernel",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.2.1", "DumoulinVisin2016, relationship 13"),
)
def grad_input_rot180(ndim: int) -> Proof:
    """The input gradient is the zero-inserted output gradient, fully padded, correlated with rot180 of the kernel."""
    g = Layer(ndim)
    ranges = g.positive
    first = input_gradient(g, given=ranges)
    flip_taps(g, first)
    stretch(g, first, why="insert s - 1 zeros between neighbouring outputs: t = s*k")
    first.qed(flipped_correlation(g, delta))

    second = input_gradient(g, given=ranges)
    for axis, t, n in zip(g.axes, g.fresh("t"), g.fresh("v"), strict=True):
        second.insert(n, axis.d * axis.m, {}, why="insert d - 1 zeros between neighbouring taps: v = d*m")
        second.guard(((), within(0, n, axis.d * (axis.M - 1) + 1)), why="it lies in the stretched kernel")
        second.insert(
            t, axis.s * (axis.K - 1) - axis.s * axis.k, {}, why="and zeros between the outputs, run backwards"
        )
        second.guard(
            ([eq(t, axis.s * (axis.K - 1) - axis.s * axis.k)], [eq(axis.s * (axis.K - 1) - t, axis.s * axis.k)]),
            why="solve for the output",
        )
        second.guard(((), within(0, t, axis.stretched)), why="it lies in the stretched output")
        second.guard(
            ([axis.aligned(axis.k, axis.i, axis.m)], [eq(n, axis.i + t - (axis.s * (axis.K - 1) - axis.p))]),
            why="use both names in the bracket",
        )
    second.qed(flipped_output(g, delta))

    unit = {term: sympy.Integer(1) for axis in g.axes for term in (axis.s, axis.d)}
    plain = input_gradient(g)
    special = Calc(plain.start.substitute(unit), plain.given)
    special.apply(instance(plain.theorem, unit), why="the gradient at stride 1 and dilation 1")
    m, t = g.each("m"), g.fresh("t")
    special.reindex(
        {axis.m: axis.M - 1 - n for axis, n in zip(g.axes, t, strict=True)}, why="run through the kernel backwards"
    )
    special.rename(pairs(t, m))
    for axis in g.axes:
        special.guard((within(0, axis.M - 1 - axis.m, axis.M), within(0, axis.m, axis.M)), why="the same taps")
        position = axis.i + axis.m - (axis.M - 1 - axis.p)
        special.guard(
            ([axis.aligned(axis.k, axis.i, axis.M - 1 - axis.m).substitute(unit)], [eq(axis.k, position)]),
            why="solve the bracket for the output",
        )
        special.one_point({axis.k: position}, why="the bracket leaves one output")

    (right,) = flipped_correlation(g, delta).terms
    wrong = Contraction(right.bound, right.guard, right.coefficient, (w[(f, u, *m)], right.factors[1])).value
    return Proof(
        parts=(
            second.part("With the roles exchanged: the flipped output gradient slides over the fully padded kernel."),
            first.part("The flipped kernel slides over the zero-inserted, fully padded output gradient."),
        ),
        special=(special.part("Stride 1, no dilation: full padding is M - 1 on every side when the layer has none"),),
        symbols=symbols(
            g,
            a="image that is summed over",
            e="channel that is summed over",
            **{s.name: "position in the stretched kernel" for s in g.fresh("v")},
            **{s.name: "position in the stretched output" for s in g.fresh("t")},
        ),
        notations=(notation(g),),
        example=Example(small(g), arrays(g)),
        mistake=Mistake("not flipping the kernel", Statement(Equation(first.value, wrong)), given_ranges(g)),
        main=2,
    )


@theorem("grad.weight", title="Gradient for the kernel", ndims=(1, 2, 3), sources=("LiHang2022, section 24.2.1",))
def grad_weight(ndim: int) -> Proof:
    """The gradient for the kernel correlates the input with the output gradient, stride and dilation exchanged."""
    g = Layer(ndim)
    t = g.fresh("t")
    output = renamed(g.forward(x, w).substitute({f: e}), {u: v, **pairs(g.each("m"), t)})
    at = w[(f, u, *g.each("m"))]
    ranges = (*within(0, f, G * F_g), *within(0, u, C_g), *g.taps)
    calc = Calc(loss_derivative(g, output, at, channel=e), ranges)
    calc.diff(why="differentiate: an entry of w counts where it is the entry that we differentiate for")
    calc.one_point({e: f, v: u, **pairs(t, g.each("m"))}, why="the brackets leave one channel pair and one tap each")
    calc.guard(
        (within(0, f, G * F_g), ()),
        (within(0, u, C_g), ()),
        *((within(0, axis.m, axis.M), ()) for axis in g.axes),
        why="these lie in range",
    )
    calc.qed(g.weight(x, delta))
    swapped = calc.value.substitute({k: t for axis in g.axes for k, t in ((axis.s, axis.d), (axis.d, axis.s))})
    return Proof(
        parts=(calc.part("The loss depends on w through the outputs only."),),
        symbols=symbols(
            g,
            e="output channel that is summed over",
            v="local channel that is summed over",
            **{s.name: "tap that is summed over" for s in t},
        ),
        notations=(notation(g),),
        example=Example(small(g), arrays(g)),
        mistake=Mistake(
            "exchanging stride and dilation", Statement(Equation(calc.value, swapped)), (*GIVEN, *g.positive, *ranges)
        ),
    )


@theorem("grad.bias", title="Gradient for the bias", ndims=(1, 2, 3), sources=("LiHang2022, section 24.2.2",))
def grad_bias(ndim: int) -> Proof:
    """The gradient for the bias of a channel is the sum of its output gradient over batch and positions."""
    g = Layer(ndim)
    output = g.forward(x, w).substitute({f: e}) + beta[e]
    ranges = within(0, f, G * F_g)
    calc = Calc(loss_derivative(g, output, beta[f], channel=e), ranges)
    calc.diff(why="differentiate: only the bias is a function of the bias")
    calc.one_point({e: f}, why="the bracket leaves one channel")
    calc.guard((ranges, ()), why="it lies in range")
    each = (*within(0, b, B), *g.outputs)
    calc.qed(total((b, *g.each("k")), each, delta[(b, f, *g.each("k"))]))
    one_image = total(g.each("k"), g.outputs, value(delta[(0, f, *g.each("k"))]))
    return Proof(
        parts=(calc.part("The loss depends on the bias through the outputs only."),),
        symbols=symbols(g, e="output channel that is summed over") | {beta: "bias of each output channel"},
        notations=(Notation("the layer computes", y[(b, f, *g.each("k"))], g.forward(x, w) + beta[f]),),
        example=Example(small(g), arrays(g)),
        mistake=Mistake("not summing over the batch", Statement(Equation(calc.value, one_image)), (*ranges, le(1, B))),
    )
