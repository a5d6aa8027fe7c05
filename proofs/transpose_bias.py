"""The gradient for the bias of a transposed convolution.

Source: Dumoulin and Visin's guide, section 4.1, for the layer.
"""

from __future__ import annotations

from convmath.calculus.derive import Calc
from convmath.calculus.index import integers, le, within
from convmath.calculus.terms import Equation, Gradient, Statement, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem

from .gradients import arrays, small, symbols
from .layer import B, C_g, G, Layer, b, beta, c, delta, w, y, z

e = integers("e")


@theorem(
    "transpose.grad.bias",
    title="Gradient for the bias of a transposed convolution",
    ndims=(1, 2, 3),
    sources=("torch.nn.ConvTranspose2d, variables",),
)
def transposed_bias(ndim: int) -> Proof:
    """The gradient for the bias of a channel that comes out sums its output gradient over batch and positions."""
    g = Layer(ndim)
    i = g.each("i")
    output = g.transposed(y, w).substitute({c: e}) + beta[e]
    exists = within(0, c, G * C_g)
    ranges = (*within(0, b, B), *within(0, e, G * C_g), *g.inputs)
    calc = Calc(total((b, e, *i), ranges, value(delta[(b, e, *i)]) * Gradient(output, beta[c])), exists)
    calc.diff(why="differentiate: only the bias is a function of the bias")
    calc.one_point({e: c}, why="the bracket leaves one channel")
    calc.guard((exists, ()), why="it exists")
    calc.qed(total((b, *i), (*within(0, b, B), *g.inputs), delta[(b, c, *i)]))
    at_inputs = total((b, *g.each("k")), (*within(0, b, B), *g.outputs), delta[(b, c, *g.each("k"))])
    return Proof(
        parts=(calc.part("The loss depends on the bias through the outputs only."),),
        symbols=symbols(g, e="channel that is summed over")
        | {beta: "bias of each channel that comes out", y: "input of the transposed convolution", z: "its output"},
        notations=(Notation("the transposed convolution computes", z[(b, c, *i)], g.transposed(y, w) + beta[c]),),
        example=Example(small(g), arrays(g) | {"delta": arrays(g)["x"]}),
        mistake=Mistake(
            "summing over the positions that go in",
            Statement(Equation(calc.value, at_inputs)),
            (*exists, le(1, B), *(le(1, size) for size in (*g.each("I"), *g.each("K")))),
        ),
    )
