"""Channels: what a layer with many channels does in terms of correlations of one channel with one kernel slice.

Output channel f has its own kernel ``w[f]``, with one slice ``w[f, u]`` for every channel u that its group reads. The
responses to the slices are added up, and the bias of the output channel is added to the sum.

Sources: Li Hang, "Machine Learning Methods", sections 24.1.2 and 24.1.4; Zhang and others, "Dive into Deep Learning",
section 7.4; the documentation of torch.nn.Conv2d.
"""

from __future__ import annotations

from typing import Any

import convmath as cm
from convmath.assumptions import collect
from convmath.calculus.derive import Calc, definition, instance
from convmath.calculus.index import eq, formulas, integers, le, lt, within
from convmath.calculus.kernel import assume, congruence
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem
from convmath.inert import FloorDiv

from .gradients import ramp, small
from .inside import count
from .layer import ACTIVATION, B, C_g, F_g, G, Layer, activation, b, beta, c, f, pairs, u, w, x, y, z
from .pooling_gradients import full

group, e = integers("g e")
v = tensor("v")
GROUP = FloorDiv(f, F_g)


def response(g: Layer, kernel: Any, source: Any) -> Value:
    """The correlation of one channel of an image with one kernel slice, at the indices before the axes."""
    return total((*g.each("i"), *g.each("m")), g.relation, value(kernel) * source)


def slices(g: Layer, channel: Any) -> Statement:
    """``v[b, f, u, k]`` is the response of input channel ``channel`` to slice u of kernel f."""
    single = response(g, w[(f, u, *g.each("m"))], x[(b, channel, *g.each("i"))])
    return definition(v[(b, f, u, *g.each("k"))], single, (u,))


def added(g: Layer, response_of: Statement) -> Calc:
    """The responses to the slices added up, unfolded."""
    calc = Calc(total((u,), within(0, u, C_g), v[(b, f, u, *g.each("k"))]))
    return calc.unfold(instance(assume(response_of), {u: u}), why="what a response is")


def sum_of_responses(g: Layer) -> Calc:
    """The layer without bias as the sum of its responses."""
    calc = Calc(g.forward(x, w))
    calc.one_point({c: C_g * GROUP + u}, why="the bracket says which input channel is read")
    calc.meet(added(g, slices(g, C_g * GROUP + u)), why="add up the responses")
    return calc


def symbols(layer: Layer, **more: str) -> dict[Any, str]:
    """What the symbols of a page about channels mean."""
    own = {
        y: "output",
        v: "response of one input channel to one slice of a kernel",
        beta: "bias of each output channel",
    }
    return {**layer.symbols, **own, **{integers(name): words for name, words in more.items()}}


def arrays(g: Layer) -> dict[str, Any]:
    """Two input channels, one output channel, three elements and two taps an axis."""
    ndim = len(g.axes)
    return {"x": ramp((1, 2, *[3] * ndim)), "w": ramp((1, 2, *[2] * ndim)), "beta": [5]}


def notation(g: Layer) -> Notation:
    """What the layer computes."""
    return Notation("the layer computes", y[(b, f, *g.each("k"))], g.forward(x, w))


@theorem(
    "channels.sum",
    title="A layer adds up the correlations of its input channels",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.1.2", "ZhangLiptonLiSmola2023, section 7.4"),
)
def channels_sum(ndim: int) -> Proof:
    """Each output channel is the sum, over the input channels of its group, of one correlation per channel."""
    g = Layer(ndim)
    calc = sum_of_responses(g)
    first = total((), (), v[(b, f, 0, *g.each("k"))])
    return Proof(
        parts=(calc.part("Name the input channel, and sum over it last."),),
        symbols=symbols(g),
        notations=(notation(g),),
        example=Example(small(g) | {C_g: 2}, arrays(g)),
        mistake=Mistake(
            "reading the first input channel only",
            Statement(Equation(g.forward(x, w), first)),
            (slices(g, C_g * GROUP + u), *within(0, f, G * F_g), *g.positive, le(1, C_g), le(1, F_g)),
        ),
    )


@theorem(
    "channels.groups",
    title="Groups are layers side by side",
    ndims=(1, 2, 3),
    sources=("torch.nn.Conv2d, groups",),
)
def channels_groups(ndim: int) -> Proof:
    """Group g is a layer of its own: outputs from F_g*g on, from the inputs from C_g*g on, and from no others."""
    g = Layer(ndim)
    own = {f: F_g * group + e}
    calc = Calc(g.forward(x, w).substitute(own), [le(1, F_g), *within(0, e, F_g)])
    its_group = FloorDiv(F_g * group + e, F_g)
    calc.one_point({c: C_g * its_group + u}, why="the bracket says which input channel is read")
    calc.rewrite({its_group: group}, why="the output channel lies in group g", cuts=(eq(its_group, group),))
    kernel, source = w[(F_g * group + e, u, *g.each("m"))], x[(b, C_g * group + u, *g.each("i"))]
    calc.qed(total((u,), within(0, u, C_g), response(g, kernel, source)))
    every = x[(b, u, *g.each("i"))]
    first = total((u,), within(0, u, C_g), response(g, kernel, every))
    return Proof(
        parts=(calc.part("Output channel F_g*g + e is number e of its group."),),
        symbols=symbols(g, g="group, from 0", e="output channel within the group"),
        notations=(notation(g),),
        example=Example(small(g) | {G: 2, group: 1, e: 0}, arrays(g) | {"w": ramp((2, 1, *[2] * ndim))}),
        mistake=Mistake(
            "letting every group read the first input channels",
            Statement(Equation(g.forward(x, w).substitute(own), first)),
            (le(1, F_g), le(1, C_g), le(0, group), *within(0, e, F_g), *g.positive),
        ),
    )


@theorem(
    "channels.one_by_one",
    title="A 1x1 convolution is a matrix product over the channels",
    ndims=(1, 2, 3),
    sources=("ZhangLiptonLiSmola2023, section 7.4.3",),
)
def one_by_one(ndim: int) -> Proof:
    """With one tap, no padding and one group, each pixel's channels are multiplied by the same matrix of weights."""
    g = Layer(ndim)
    one_tap = {term: number for axis in g.axes for term, number in ((axis.M, 1), (axis.p, 0))}
    pixels = tuple(axis.s * axis.k for axis in g.axes)
    inside_ = [within(0, pixel, axis.I) for pixel, axis in zip(pixels, g.axes, strict=True)]
    ranges = [atom for pair in inside_ for atom in pair]
    layer = g.forward(x, w).substitute(one_tap)
    calc = Calc(layer, [*within(0, f, F_g), *ranges])
    calc.guard(*((within(0, axis.m, 1), [eq(axis.m, 0)]) for axis in g.axes), why="there is one tap")
    calc.one_point(dict.fromkeys(g.each("m"), 0), why="put it in")
    calc.one_point(pairs(g.each("i"), pixels), why="it lies at the pixel itself")
    calc.guard(*((pair, ()) for pair in inside_), why="which is in the input")
    calc.one_point({c: C_g * GROUP + u}, why="the bracket says which input channel is read")
    calc.rewrite({C_g * GROUP + u: u}, why="there is one group", cuts=(eq(GROUP, 0),))
    zeros = (0,) * ndim
    calc.qed(total((u,), within(0, u, C_g), value(w[(f, u, *zeros)]) * x[(b, u, *pixels)]))
    transposed = total((u,), within(0, u, C_g), value(w[(u, f, *zeros)]) * x[(b, u, *pixels)])
    numbers = small(g) | {C_g: 2, **dict.fromkeys(g.each("k"), 1)}
    return Proof(
        parts=(calc.part("One tap leaves nothing to sum over but the channels."),),
        symbols=symbols(g),
        example=Example(numbers, arrays(g)),
        mistake=Mistake(
            "multiplying by the transposed matrix",
            Statement(Equation(layer, transposed)),
            (*within(0, f, F_g), *ranges, *g.positive),
        ),
    )


@theorem(
    "layer.forward",
    title="A convolution layer: kernel, bias, activation, and the shape of what comes out",
    ndims=(1, 2, 3),
    sources=("LiHang2022, section 24.1.4", "torch.nn.Conv2d, shape"),
)
def layer_forward(ndim: int) -> Proof:
    """Net input: responses plus bias; output: its activation; both have an element for each image, channel, window."""
    g = Layer(ndim)
    net = sum_of_responses(g)
    biased = Calc(g.forward(x, w) + beta[f])
    biased.apply(net.theorem, why="the layer without bias adds up its responses")
    at = (b, f, *g.each("k"))
    net_input = instance(assume(definition(z[at], biased.start, at)), pairs(at, at))
    activated = instance(assume(definition(y[at], activation(z[at]), at)), pairs(at, at))
    output = Calc(y[at]).unfold(activated, why="what comes out is the activation of the net input")
    output.unfold(congruence(str(ACTIVATION), net_input), why="what the net input is")
    output.unfold(congruence(str(ACTIVATION), biased.theorem), why="the same number, so the same activation")

    right = tuple(integers("p_r" if ndim == 1 else f"p_r{axis + 1}") for axis in range(ndim))
    sizes, given = [], [le(0, B), le(0, G * F_g)]
    for axis, after in zip(g.axes, right, strict=True):
        with collect() as conditions:
            sizes.append(cm.conv_output_size(axis.I, axis.M, stride=axis.s, padding=(axis.p, after), dilation=axis.d))
        given += [*formulas(conditions), eq(axis.K, sizes[-1])]
    fits = [_fits(axis, after) for axis, after in zip(g.axes, right, strict=True)]
    items = (*within(0, b, B), *within(0, f, G * F_g))
    shape = Calc(total((b, f, *g.each("k")), (*items, *(atom for pair in fits for atom in pair)), 1), given)
    shape.guard(*pairs_of_guards(g, fits), why="a window fits when its position lies in the output, whose size says so")
    counted = {axis.k: axis.K for axis in g.axes}
    meanings = {axis.k: f"the positions{_axis(number, ndim)}" for number, axis in enumerate(g.axes)}
    count(shape, {b: B, f: G * F_g} | counted, {b: "the images", f: "the output channels"} | meanings)
    numbers = small(g) | {C_g: 2, **dict.fromkeys(right, 0)}
    taps = [2] * ndim
    ones = {"x": full((1, 2, *[3] * ndim), 1), "w": [[full(tuple(taps), 1), full(tuple(taps), 2)]], "beta": [-1]}
    value_there = 3 * 2**ndim - 1
    return Proof(
        parts=(
            biased.part("The net input of output channel f is the sum of its responses and its bias."),
            output.part("The output is its activation, the same function for every element."),
            shape.part("There is one element for each image, output channel and window that fits."),
        ),
        symbols=symbols(g)
        | {z: "net input", ACTIVATION: "activation function"}
        | {after: f"padding on the right{_axis(n, ndim)}" for n, after in enumerate(right)},
        example=Example(numbers, ones | {"a": [*[0] * value_there, value_there]}),
        mistake=Mistake(
            "adding the bias once for every input channel",
            Statement(
                Equation(
                    g.forward(x, w) + beta[f],
                    total((u,), within(0, u, C_g), value(v[(b, f, u, *g.each("k"))]) + beta[f]),
                )
            ),
            (slices(g, C_g * GROUP + u), *within(0, f, G * F_g), *g.positive, le(1, C_g), le(1, F_g)),
        ),
        main=3,
    )


def pairs_of_guards(g: Layer, fits: Any) -> Any:
    """What each condition of a window that fits says about its position."""
    for axis, (first, last) in zip(g.axes, fits, strict=True):
        yield [first], [le(0, axis.k)]
        yield [last], [lt(axis.k, axis.K)]


def _fits(axis: Any, after: Any) -> tuple[Any, ...]:
    """Window k lies inside the padded input."""
    first, reach = axis.s * axis.k - axis.p, axis.d * (axis.M - 1)
    return le(-axis.p, first), le(first + reach, axis.I + after - 1)


def _axis(number: int, ndim: int) -> str:
    return f" on axis {number + 1}" if ndim > 1 else ""
