"""Backpropagation through the layers of a CNN: the error of one layer from the error of the next.

The error of a layer is the gradient of the loss for its net input, ``delta = dL/dz``; what leaves the layer is ``x =
a(z)``. To first order a change epsilon of the net input changes the layer's output by ``alpha*epsilon``, where alpha
is the derivative of the activation at the net input, a tensor of numbers like any other. So the error of a layer is
the derivative, for epsilon, of what the next layer makes of ``alpha*epsilon``.

Sources: Li Hang, "Machine Learning Methods", section 24.2.2; Rumelhart, Hinton and Williams.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from convmath.calculus.derive import Calc, Part
from convmath.calculus.index import eq, integers, le, within
from convmath.calculus.terms import Equation, Gradient, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem

from .gradients import GIVEN, arrays, loss_derivative, ramp, small
from .gradients import symbols as layer_symbols
from .layer import CHANNEL, B, Layer, b, beta, c, delta, f, pairs, renamed, u, w, x, y
from .numbering import digits, number_pair, numbered
from .pooling_gradients import average_gradient, example, full, handed_over, maximum_gradient, mean, shared_out, taken
from .pooling_gradients import symbols as pool_symbols
from .unfold import HELD, C

a, e, j, n, v, F = integers("a e j n v F")
alpha, epsilon, gamma, target = map(tensor, ("alpha", "epsilon", "gamma", "t"))
SYMBOLS = {
    alpha: "derivative of the activation at the net input of the layer below",
    epsilon: "small change of the net input of the layer below",
    delta: "error of the layer, the gradient of the loss for its net input",
}


def below(g: Layer) -> Value:
    """How the input of the layer changes, at i."""
    at = (b, c, *g.each("i"))
    return value(alpha[at]) * epsilon[at]


@theorem(
    "backprop.output",
    title="Where backpropagation begins: the squared error",
    sources=("RumelhartHintonWilliams1986, equations 3 and 4",),
)
def output() -> Proof:
    """For half the sum of the squared differences, the gradient for an output is its difference from the target."""
    difference = value(x[a, e]) - target[a, e]
    loss = total((a, e), (*within(0, a, B), *within(0, e, n)), difference * difference * Fraction(1, 2))
    calc = Calc(value(Gradient(loss, x[b, j])), [*within(0, b, B), *within(0, j, n)])
    calc.diff(why="differentiate the square, factor by factor")
    for term in range(len(calc.value.terms)):
        calc.one_point({a: b, e: j}, why="the brackets leave one output", term=term)
        calc.guard((within(0, b, B), ()), (within(0, j, n), ()), why="which is in range", term=term)
    calc.qed(value(x[b, j]) - target[b, j])
    return Proof(
        parts=(calc.part("Each of the two factors is differentiated in turn, and the half takes them together."),),
        symbols={
            b: "index in the batch of B",
            B: "batch size",
            j: "output of the network, from 0",
            n: "number of outputs",
            x: "output",
            target: "target",
            a: "image that is summed over",
            e: "output that is summed over",
        },
        example=Example({B: 1, b: 0, n: 2, j: 1}, {"x": [[3, 5]], "t": [[1, 2]]}),
        mistake=Mistake(
            "the same without the half in the loss",
            Statement(Equation(calc.value * 2, calc.value)),
            (*within(0, b, B), *within(0, j, n)),
        ),
    )


@theorem(
    "backprop.activation",
    title="Backpropagation through an activation",
    sources=("LiHang2022, section 24.2.2", "RumelhartHintonWilliams1986, equation 5"),
)
def activation() -> Proof:
    """The gradient for the net input is the gradient for the output times the derivative of the activation."""
    ranges = (*within(0, a, B), *within(0, e, n))
    change = Gradient(value(alpha[a, e]) * epsilon[a, e], epsilon[b, j])
    calc = Calc(total((a, e), ranges, value(gamma[a, e]) * change), [*within(0, b, B), *within(0, j, n)])
    calc.diff(why="differentiate: a change counts where it is the one that we differentiate for")
    calc.one_point({a: b, e: j}, why="the brackets leave one image and one element")
    calc.guard((within(0, b, B), ()), (within(0, j, n), ()), why="which are in range")
    calc.qed(value(alpha[b, j]) * gamma[b, j])
    return Proof(
        parts=(calc.part("Every output depends on its own net input only."),),
        symbols={
            b: "index in the batch of B",
            B: "batch size",
            j: "element of the layer, on any number of axes",
            n: "number of elements",
            alpha: "derivative of the activation at the net input",
            epsilon: "small change of the net input",
            gamma: "gradient of the loss for the output of the activation",
            a: "image that is summed over",
            e: "element that is summed over",
        },
        notations=(Notation("to first order the output changes by", y[b, j], value(alpha[b, j]) * epsilon[b, j]),),
        example=Example({B: 1, b: 0, n: 2, j: 1}, {"alpha": [[0, 1]], "epsilon": [[1, 2]], "gamma": [[5, 7]]}),
        mistake=Mistake(
            "multiplying with the output itself",
            Statement(Equation(calc.value, value(x[b, j]) * gamma[b, j])),
            (*within(0, b, B), *within(0, j, n)),
        ),
    )


@theorem(
    "backprop.conv",
    title="Backpropagation through a convolution layer",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.2.2",),
)
def convolution(ndim: int) -> Proof:
    """The error below a convolution layer is the transposed convolution of its error, times the derivative there."""
    g = Layer(ndim)
    i, t = g.each("i"), g.fresh("t")
    bound = (c, u, *i, *g.each("m"))
    change = total(bound, (*CHANNEL, *g.relation), value(w[(f, u, *g.each("m"))]) * below(g))
    one_image = renamed(change.substitute({b: a}), {c: e, **pairs(i, t)})
    calc = Calc(loss_derivative(g, one_image, epsilon[(b, c, *i)], batch=a), [*within(0, b, B), *g.inputs])
    calc.diff(why="differentiate: a change counts where it is the one that we differentiate for")
    calc.one_point({a: b, e: c, **pairs(t, i)}, why="the brackets leave one image, channel and position each")
    calc.guard((within(0, b, B), ()), *((within(0, axis.i, axis.I), ()) for axis in g.axes), why="these lie in range")
    error = value(alpha[(b, c, *i)])
    calc.qed(error * g.transposed(delta, w))
    ones = full((1, 1, *[3] * ndim), 1)
    return Proof(
        parts=(calc.part("A change of the net input below reaches the loss through the windows that see it."),),
        symbols=layer_symbols(
            g,
            a="image that is summed over",
            e="channel that is summed over",
            **{s.name: "input position that is summed over" for s in t},
        )
        | SYMBOLS,
        notations=(Notation("to first order the net input changes by", y[(b, f, *g.each("k"))], change),),
        example=Example(small(g), arrays(g) | {"alpha": ones, "epsilon": ones}),
        special=(stride_one(g),),
        mistake=Mistake(
            "leaving out the derivative of the activation",
            Statement(Equation(calc.value, g.transposed(delta, w))),
            (*GIVEN, *g.positive, *within(0, b, B), *g.inputs),
        ),
    )


def stride_one(g: Layer) -> Part:
    """At stride 1, without dilation: the flipped kernel slides over the padded error."""
    unit = {term: sympy.Integer(1) for axis in g.axes for term in (axis.s, axis.d)}
    m, t = g.each("m"), g.fresh("t")
    calc = Calc(value(alpha[(b, c, *g.each("i"))]) * g.transposed(delta, w).substitute(unit))
    calc.reindex(
        {axis.m: axis.M - 1 - tap for axis, tap in zip(g.axes, t, strict=True)}, why="run through the kernel backwards"
    )
    calc.rename(pairs(t, m))
    for axis in g.axes:
        calc.guard((within(0, axis.M - 1 - axis.m, axis.M), within(0, axis.m, axis.M)), why="the same taps")
        position = axis.i + axis.m - (axis.M - 1 - axis.p)
        bracket = axis.aligned(axis.k, axis.i, axis.M - 1 - axis.m).substitute(unit)
        calc.guard(([bracket], [eq(axis.k, position)]), why="solve the bracket for the output")
        calc.one_point({axis.k: position}, why="the bracket leaves one output")
    return calc.part("Stride 1, no dilation: rot180 of the kernel over the error, padded by M - 1 - p")


@theorem(
    "backprop.pool",
    title="Backpropagation through a pooling layer",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.2.2",),
)
def pooling(ndim: int) -> Proof:
    """The error below a pooling layer is its error, shared out or handed over, times the derivative there."""
    g = Layer(ndim)
    at = (b, c, *g.each("i"))
    average = average_gradient(g, below(g), epsilon[at])
    average.qed(value(alpha[at]) * shared_out(g))
    maximum = maximum_gradient(g, below(g), epsilon[at])
    maximum.rewrite(pairs(taken(g), g.each("i")), why="the derivative is that of the element that was taken")
    maximum.qed(value(alpha[at]) * handed_over(g))
    ones = full((1, 1, *[3] * ndim), 1)
    numbers = example(g)
    there = pairs(g.each("i"), taken(g))
    return Proof(
        parts=(
            average.part("Average pooling: every window shares its error out."),
            maximum.part("Maximum pooling: every window hands its error to the element that it took."),
        ),
        symbols=pool_symbols(g) | SYMBOLS,
        notations=(
            Notation("to first order a mean changes by", y[(b, c, *g.each("k"))], mean(g, below(g))),
            Notation(
                "to first order a maximum changes by", tensor("z")[(b, c, *g.each("k"))], below(g).substitute(there)
            ),
        ),
        example=Example(numbers.numbers, {**numbers.tensors, "alpha": ones, "epsilon": ones}, numbers.sequences),
        mistake=Mistake(
            "leaving out the derivative of the activation",
            Statement(Equation(average.value, shared_out(g))),
            (*g.positive, *HELD, *g.inputs),
        ),
        main=2,
    )


@theorem(
    "backprop.dense",
    title="Backpropagation through a dense layer",
    sources=("LiHang2022, section 24.2.2", "RumelhartHintonWilliams1986, equations 6 and 7"),
)
def dense() -> Proof:
    """The error below is the transposed weights times the error; a weight's gradient is the error times its input."""
    outputs, inputs, images = within(0, f, F), within(0, c, C), within(0, b, B)

    def derivative(response: Value, entry: sympy.Indexed, image: Any, unit: Any) -> Value:
        ranges = (*within(0, image, B), *within(0, unit, F))
        return total((image, unit), ranges, value(delta[image, unit]) * Gradient(response, entry))

    bias = Calc(derivative(value(beta[e]), beta[f], b, e), outputs)
    bias.diff(why="differentiate: a bias counts where it is the one that we differentiate for")
    bias.one_point({e: f}, why="the bracket leaves one unit")
    bias.guard((outputs, ()), why="which exists")
    bias.qed(total((b,), images, delta[b, f]))

    response = total((v,), within(0, v, C), value(w[e, v]) * x[b, v])
    weight = Calc(derivative(response, w[f, c], b, e), [*outputs, *inputs])
    weight.diff(why="differentiate: a weight counts where it is the one that we differentiate for")
    weight.one_point({e: f, v: c}, why="the brackets leave one unit and one input")
    weight.guard((outputs, ()), (inputs, ()), why="which exist")
    weight.qed(total((b,), images, value(delta[b, f]) * x[b, c]))

    change = total((v,), within(0, v, C), value(w[f, v]) * alpha[a, v] * epsilon[a, v])
    error = Calc(derivative(change, epsilon[b, c], a, f), [*images, *inputs])
    error.diff(why="differentiate: a change counts where it is the one that we differentiate for")
    error.one_point({a: b, v: c}, why="the brackets leave one image and one input")
    error.guard((images, ()), (inputs, ()), why="which exist")
    error.qed(value(alpha[b, c]) * total((f,), outputs, value(w[f, c]) * delta[b, f]))
    untransposed = value(alpha[b, c]) * total((f,), outputs, value(w[c, f]) * delta[b, f])
    return Proof(
        parts=(
            bias.part("The gradient for a bias sums the errors of the batch."),
            weight.part("The gradient for a weight sums the error times the input."),
            error.part("The error below goes back through the same weights."),
        ),
        symbols={
            b: "index in the batch of B",
            B: "batch size",
            f: "unit of the layer, from 0",
            c: "its input, from 0",
            F: "number of units",
            C: "number of inputs",
            w: "weights",
            beta: "biases",
            x: "input",
            **SYMBOLS,
            a: "image that is summed over",
            e: "unit that is summed over",
            v: "input that is summed over",
        },
        notations=(
            Notation(
                "the layer computes",
                y[b, f],
                total((c,), inputs, value(w[f, c]) * x[b, c]) + beta[f],
            ),
        ),
        example=Example(
            {B: 1, b: 0, F: 2, f: 0, C: 2, c: 1},
            {
                "w": [[1, 2], [3, 4]],
                "beta": [0, 0],
                "x": [[5, 6]],
                "delta": [[1, 10]],
                "alpha": [[1, 1]],
                "epsilon": [[1, 1]],
            },
        ),
        mistake=Mistake(
            "not transposing the weights",
            Statement(Equation(error.value, untransposed)),
            (*images, *inputs, le(C, F), le(F, C)),
        ),
        main=3,
    )


@theorem(
    "backprop.flatten",
    title="Backpropagation through flattening",
    ndims=(1, 2, 3),
    sources=("new here",),
)
def flatten(ndim: int) -> Proof:
    """Flattening numbers channels and positions row by row; the gradient goes back to where each number came from."""
    g = Layer(ndim)
    i, there, sizes = g.each("i"), g.fresh("t"), (C, *g.each("I"))
    places = within(0, e, C) + tuple(
        atom for at, size in zip(there, g.each("I"), strict=True) for atom in within(0, at, size)
    )
    gradient = Gradient(value(x[(a, e, *there)]), x[(b, c, *i)])
    number = numbered((e, *there), sizes)
    by_place = Calc(
        total((a, e, *there), (*within(0, a, B), *places), value(delta[a, number]) * gradient),
        [le(1, size) for size in g.each("I")],
    )
    first, count = e, C
    for at, axis, name in zip(there, g.axes, (*g.fresh("v")[:-1], v), strict=True):
        number_pair(by_place, name, (first, count), (at, axis.I), "number channels and positions row by row")
        first, count = name, count * axis.I

    calc = Calc(by_place.value, [*by_place.given, *within(0, b, B), *within(0, c, C), *g.inputs])
    calc.meet(by_place, why="every number belongs to one channel and one position")
    calc.diff(why="differentiate: an element counts where it is the one that we differentiate for")
    calc.one_point({a: b, e: c, **pairs(there, i)}, why="the brackets leave one image, channel and position")
    held = (within(0, b, B), within(0, c, C), *(within(0, axis.i, axis.I) for axis in g.axes))
    calc.guard(*((atoms, ()) for atoms in held), why="these lie in range")
    calc.qed(delta[b, numbered((c, *i), sizes)])
    channels_fastest = delta[b, numbered((*i, c), (*sizes[1:], C))]
    numbers = {number: size for number, size in small(g).items() if number in {B, b, *i}}
    numbers |= {c: 1, **dict.fromkeys(sizes, 2)}
    return Proof(
        parts=(calc.part("Every element has one number, and every number one element."),),
        symbols={
            b: "index in the batch of B",
            B: "batch size",
            c: "channel, from 0",
            C: "number of channels",
            **{name: words for name, words in g.symbols.items() if name in {*i, *sizes}},
            x: "input of the flattening",
            delta: "gradient of the loss for the flat output",
            v: "number of a channel and a position",
            a: "image that is summed over",
            e: "channel that is summed over",
            **dict.fromkeys(there, "position that is summed over"),
            **dict.fromkeys(g.fresh("v"), "number of a channel and a position"),
        },
        notations=(Notation("flattening computes", y[b, v], value(x[(b, *digits(v, sizes))])),),
        example=Example(numbers, {"x": ramp((1, *[2] * len(sizes))), "delta": ramp((1, 2 ** len(sizes)))}),
        mistake=Mistake(
            "as if the channels had been numbered fastest",
            Statement(Equation(calc.value, value(channels_fastest))),
            (*within(0, b, B), *within(0, c, C), *g.inputs),
        ),
    )
