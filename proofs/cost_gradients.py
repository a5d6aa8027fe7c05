"""Costs of the gradients of a convolution, and of the transposed convolution: the same triples, summed otherwise.

Sources: Goodfellow, Bengio and Courville, "Deep Learning", section 9.5; Dumoulin and Visin's guide, chapter 4.
"""

from __future__ import annotations

from math import prod

import convmath as cm
from convmath.calculus.derive import Calc
from convmath.calculus.index import eq, le, within
from convmath.calculus.terms import Equation, Statement, Value, total
from convmath.catalog import Example, Mistake, Proof, theorem
from convmath.inert import FloorDiv

from .cost import FILTERS, IMAGES, PER_GROUP, Costs, counted, helper_count, on_symbols, plain_count
from .layer import CHANNEL, B, C_g, F_g, G, b, c, f, pairs, u
from .transpose import GROUP

CHANNELS = within(0, c, G * C_g)


def forward(g: Costs) -> Value:
    """The products that make all outputs, where the tap lies in the input."""
    bound = (b, f, *g.each("k"), c, u, *g.each("i"), *g.each("m"))
    return total(bound, (*IMAGES, *FILTERS, *g.outputs, *CHANNEL, *g.relation), 1)


def of_input(g: Costs) -> Value:
    """The products that make the gradient for the input: for each of its entries those of :meth:`Layer.transposed`."""
    bound = (b, c, *g.each("i"), f, u, *g.each("k"), *g.each("m"))
    return total(bound, (*IMAGES, *CHANNELS, *FILTERS, *CHANNEL, *g.relation, *g.outputs), 1)


def of_weight(g: Costs) -> Value:
    """The products that make the gradient for the weight: for each of its entries those of :meth:`Layer.weight`."""
    bound = (f, u, *g.each("m"), b, c, *g.each("k"), *g.each("i"))
    return total(bound, (*FILTERS, *IMAGES, *CHANNEL, *g.outputs, *g.relation), 1)


@theorem(
    "cost.backward",
    title="The backward pass of a convolution takes twice the forward pass",
    ndims=(1, 2),
    sources=("GoodfellowBengioCourville2016, section 9.5",),
    helper="conv_backward_macs",
)
def backward(ndim: int) -> Proof:
    """The gradients for the input and for the weight each have a product for every triple, as the outputs do.

    A network's first layer needs no gradient for its input: there the backward pass takes as much as the forward pass.
    """
    g = Costs(ndim)
    weight = Calc(of_weight(g))
    weight.swap(b, f, *g.each("k"), c, u, *g.each("i"), *g.each("m"), why="sum over the outputs first")
    weight.qed(forward(g))
    source = Calc(of_input(g), g.given)
    source.guard((CHANNELS, ()), why="the channel that is read exists anyway", cuts=GROUP)
    source.swap(b, f, *g.each("k"), c, u, *g.each("i"), *g.each("m"), why="sum over the outputs first")
    source.qed(forward(g))
    plain, line = plain_count(g), Costs(1, written=True)

    def dense(layer: Costs) -> Calc:
        calc, each = Calc(layer.products + layer.products, layer.given), helper_count(layer)
        calc.apply(each.theorem, why="the gradient for the input")
        calc.apply(each.theorem, why="and the gradient for the weight", term=1)
        calc.qed(layer.returned(cm.conv_backward_macs, **layer.options))
        return calc

    both, first = dense(g), helper_count(g)
    first.qed(g.returned(cm.conv_backward_macs, input_gradient=False, **g.options))
    return Proof(
        parts=(
            source.part("The gradient for the input is made of the products of the layer itself."),
            weight.part("So is the gradient for the weight."),
            both.part("Both together, with the taps in the padding, are what the helper returns:"),
        ),
        special=(
            first.part("A network's first layer needs the gradient for the weight alone"),
            dense(line).part("One axis, the output size written out"),
        ),
        symbols=g.names,
        example=g.example(),
        mistake=Mistake(
            "taking the backward pass for as expensive as the forward pass",
            Statement(Equation(both.start, plain.value)),
            g.given,
        ),
        main=3,
    )


@theorem(
    "cost.transposed",
    title="Multiply-accumulates of a transposed convolution",
    ndims=(1, 2),
    sources=("DumoulinVisin2016, chapter 4", "torch.nn.ConvTranspose2d, shape"),
    helper="conv_transpose_macs",
)
def transposed(ndim: int) -> Proof:
    """There is a product for each image, input channel, input position, output channel of the group, and tap.

    The input of the transposed convolution has the positions k and the channels f, its output the positions i and the
    channels c: the layer's own letters, with their roles exchanged.
    """
    g = Costs(ndim)
    k, m, K, M = g.each("k"), g.each("m"), g.each("K"), g.each("M")
    ones = [le(1, number) for number in (B, G, C_g, F_g, *K, *M)]
    bound = (b, f, *k, c, u, *g.each("i"), *m)
    start = total(bound, (*IMAGES, *FILTERS, *CHANNEL, *g.padded), 1)
    named = {axis.i: axis.s * axis.k + axis.d * axis.m - axis.p for axis in g.axes}

    def products() -> Calc:
        calc = Calc(start, ones)
        calc.one_point(
            {c: C_g * FloorDiv(f, F_g) + u}, why="an input channel and a channel of its group name the output's"
        )
        return calc.one_point(named, why="an input position and a tap name the output position")

    plain = counted(products(), {b: B, f: G * F_g, **pairs(k, K), u: C_g, **pairs(m, M)}, why="count each index")
    plain.qed(B * G * F_g * C_g * prod(K) * prod(M))
    helper = products()
    helper.guard((within(0, u, C_g), within(0, u, PER_GROUP)), why="a group has its share of the output channels")
    counted(helper, {b: B, f: G * F_g, **pairs(k, K), u: PER_GROUP, **pairs(m, M)}, why="count each index")
    channels = {"in_channels": G * F_g, "out_channels": G * C_g, "groups": G, "batch_size": B}
    helper.qed(on_symbols(cm.conv_transpose_macs, K, M, **channels, **g.geometry))
    by_outputs = total((b, f, *g.each("i"), u, *m), (*IMAGES, *FILTERS, *g.inputs, *within(0, u, C_g), *g.taps), 1)
    sizes = on_symbols(cm.conv_transpose_output_size, K, M, **g.geometry)
    outputs = [eq(axis.I, size) for axis, size in zip(g.axes, sizes, strict=True)]
    roles = {
        f: "input channel, from 0",
        c: "output channel, from 0",
        C_g: "output channels per group",
        F_g: "input channels per group",
        **dict.fromkeys(k, "input position"),
        **dict.fromkeys(g.each("i"), "output position"),
        **dict.fromkeys(K, "input size"),
        **dict.fromkeys(g.each("I"), "output size"),
        **dict.fromkeys(g.each("p"), "padding on the left, which is taken away"),
    }
    return Proof(
        parts=(
            helper.part("What the helper returns counts them:"),
            plain.part("In the symbols of the layer:"),
        ),
        symbols=g.names | roles,
        example=Example(g.example().numbers),
        mistake=Mistake(
            "taking the output sizes in place of the input sizes",
            Statement(Equation(start, by_outputs)),
            (
                *ones,
                *g.positive,
                *(le(0, number) for number in (*g.each("p"), *g.right)),
                *outputs,
                *(le(1, axis.I) for axis in g.axes),
            ),
        ),
        main=2,
    )
