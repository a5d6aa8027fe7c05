"""The transposed convolution: the matrix transpose of a convolution, run forward.

A convolution without bias is a linear map of its input, so it has a matrix; the transposed convolution multiplies
with the transpose of that matrix. It is not the inverse. Its layout is the layer's: f counts the channels that go in,
c those that come out, and w[f, u, m] is the kernel.

Sources: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning", chapter 4.
"""

from __future__ import annotations

from typing import Any

import convmath as cm
from convmath.assumptions import collect
from convmath.calculus.derive import Calc, Part
from convmath.calculus.index import eq, formulas, integers, le, within
from convmath.calculus.terms import Equation, Gradient, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem
from convmath.inert import FloorDiv

from .gradients import GIVEN, arrays, flip_taps, flipped_correlation, given_ranges, small, stretch, symbols
from .layer import CHANNEL, Axis, B, C_g, F_g, G, Layer, b, c, delta, f, pairs, renamed, u, w, x, y, z

a, e, v, p_r = integers("a e v p_r")
GROUP = (le(0, FloorDiv(f, F_g)), le(FloorDiv(f, F_g), G - 1))
"""The group of output channel f exists: the case distinction that shows that its input channels do."""


def matrix(g: Layer, other: Value) -> Value:
    """The entry in the row of output (f, k) and the column of input (c, i), times another value."""
    relation = [axis.aligned(axis.k, axis.i, axis.m) for axis in g.axes]
    return total((u, *g.each("m")), (*CHANNEL, *relation, *g.taps), value(w[(f, u, *g.each("m"))]) * other)


def rows(g: Layer) -> Any:
    """Every output channel and position."""
    return (*within(0, f, G * F_g), *g.outputs)


def columns(g: Layer) -> Any:
    """Every input channel and position."""
    return (*within(0, c, G * C_g), *g.inputs)


@theorem(
    "transpose.adjoint",
    title="The transposed convolution is the matrix transpose",
    ndims=(1, 2, 3),
    sources=("DumoulinVisin2016, section 4.1",),
)
def adjoint(ndim: int) -> Proof:
    """Convolution and transposed convolution multiply with the same matrix, one by rows and one by columns."""
    g = Layer(ndim)
    i, k, m = g.each("i"), g.each("k"), g.each("m")
    forward = Calc(g.forward(x, w), [*GIVEN, *within(0, f, G * F_g)])
    forward.guard(((), within(0, c, G * C_g)), why="the channel that is read exists", cuts=GROUP)
    forward.qed(total((c, *i), columns(g), matrix(g, value(x[(b, c, *i)]))))
    backward = Calc(g.transposed(y, w))
    backward.qed(total((f, *k), rows(g), matrix(g, value(y[(b, f, *k)]))))

    inner = Calc(total((b, f, *k), (*within(0, b, B), *rows(g)), g.forward(x, w) * y[(b, f, *k)]), GIVEN)
    inner.guard(((), within(0, c, G * C_g)), why="the channel that is read exists", cuts=GROUP)
    inner.qed(total((b, c, *i), (*within(0, b, B), *columns(g)), g.transposed(y, w) * x[(b, c, *i)]))
    small_dims = small(g)
    wrong = renamed(g.transposed(y, w), {}).substitute({})
    unscattered = [eq(axis.i, axis.s * axis.k - axis.d * axis.m + axis.p) for axis in g.axes]
    mirrored = total((f, u, *k, *m), (*rows(g), *CHANNEL, *unscattered, *g.taps), value(w[(f, u, *m)]) * y[(b, f, *k)])
    return Proof(
        parts=(
            forward.part("A convolution multiplies with the matrix, row by row."),
            backward.part("The transposed convolution multiplies with the same matrix, column by column."),
            inner.part("So the inner products agree."),
        ),
        symbols=symbols(g) | {y: "any tensor of the output's shape"},
        notations=(Notation("the matrix has the entries", e, matrix(g, value(1))),),
        example=Example(small_dims, arrays(g)),
        mistake=Mistake("turning the kernel round as well", Statement(Equation(wrong, mirrored)), given_ranges(g)),
        main=3,
    )


@theorem(
    "transpose.zero_insertion",
    title="A transposed convolution is a convolution of the zero-inserted input",
    ndims=(1, 2, 3),
    sources=("DumoulinVisin2016, relationships 13 and 14",),
)
def zero_insertion(ndim: int) -> Proof:
    """Insert s - 1 zeros between neighbours, pad by d(M - 1) - p, and correlate with the flipped kernel at stride 1."""
    g = Layer(ndim)
    calc = Calc(g.transposed(y, w), g.positive)
    flip_taps(g, calc)
    stretch(g, calc, why="insert s - 1 zeros between neighbouring elements: t = s*k")
    calc.qed(flipped_correlation(g, y))
    wrong = g.transposed(y, w).substitute({axis.s: axis.s + 1 for axis in g.axes})
    return Proof(
        parts=(
            same_size(g.axes[0]),
            calc.part("Scatter becomes gather: solve the bracket for the position that is read."),
        ),
        symbols=symbols(g, **{s.name: "position in the stretched input" for s in g.fresh("t")})
        | {
            y: "input of the transposed convolution",
            p_r: "padding on the right of the first axis",
            a: "output padding of the first axis",
        },
        notations=(Notation("the transposed convolution computes", z[(b, c, *g.each("i"))], g.transposed(y, w)),),
        example=Example(small(g) | {p_r: 0, a: 0}, arrays(g)),
        mistake=Mistake("inserting s zeros instead of s - 1", Statement(Equation(calc.value, wrong)), given_ranges(g)),
        main=2,
    )


def same_size(axis: Axis) -> Part:
    """The stretched, padded input has the size of the transposed convolution's output under a stride-1 convolution."""
    full = axis.d * (axis.M - 1)
    with collect() as conditions:
        size = cm.conv_transpose_output_size(
            axis.K, axis.M, stride=axis.s, padding=(axis.p, p_r), output_padding=a, dilation=axis.d
        )
        gathered = cm.conv_output_size(axis.stretched, axis.M, padding=(full - axis.p, full - p_r + a), dilation=axis.d)
    calc = Calc(gathered, formulas(conditions))
    calc.rewrite({gathered: size}, why="stride 1 rounds nothing, and the kernel takes off what it spans")
    return calc.part("With the output padding as padding on the right, the sizes agree up to full padding:")


@theorem(
    "transpose.grad",
    title="Gradients of a transposed convolution",
    ndims=(1, 2, 3),
    sources=("DumoulinVisin2016, section 4.1",),
)
def gradients(ndim: int) -> Proof:
    """The gradient for the input is the convolution, the one for the kernel the layer's with the roles exchanged."""
    g = Layer(ndim)
    i, k, m, t = g.each("i"), g.each("k"), g.each("m"), g.fresh("t")
    every = (*within(0, b, B), *columns(g))
    cotangent = value(delta[(b, c, *i)])

    output = renamed(g.transposed(y, w), {f: e, **pairs(k, t)}).substitute({b: a})
    of_input = Calc(
        total(
            (a, c, *i),
            (*within(0, a, B), *columns(g)),
            value(delta[(a, c, *i)]) * Gradient(output, y[(b, f, *k)]),
        ),
        [*GIVEN, *within(0, b, B), *rows(g)],
    )
    of_input.diff(why="differentiate: an entry of y counts where it is the entry that we differentiate for")
    of_input.one_point({a: b, e: f, **pairs(t, k)}, why="the brackets leave one image, channel and position each")
    of_input.guard(
        (within(0, b, B), ()),
        (within(0, f, G * F_g), ()),
        *((axis.outputs, ()) for axis in g.axes),
        why="these lie in range",
    )
    of_input.guard((within(0, c, G * C_g), ()), why="the channel that is written exists anyway", cuts=GROUP)
    of_input.qed(g.forward(delta, w))

    output = renamed(g.transposed(y, w), {f: e, u: v, **pairs(m, t)})
    of_kernel = Calc(
        total((b, c, *i), every, cotangent * Gradient(output, w[(f, u, *m)])),
        [*GIVEN, *rows(g)[:2], *within(0, u, C_g), *g.taps],
    )
    of_kernel.diff(why="differentiate: an entry of w counts where it is the entry that we differentiate for")
    of_kernel.one_point({e: f, v: u, **pairs(t, m)}, why="the brackets leave one channel pair and one tap each")
    of_kernel.guard(
        (within(0, f, G * F_g), ()),
        (within(0, u, C_g), ()),
        *((within(0, axis.m, axis.M), ()) for axis in g.axes),
        why="these lie in range",
    )
    of_kernel.guard((within(0, c, G * C_g), ()), why="the channel that is written exists anyway", cuts=GROUP)
    of_kernel.qed(g.weight(delta, y))
    return Proof(
        parts=(
            of_kernel.part("For the kernel: the layer's own gradient with the two tensors exchanged."),
            of_input.part("For the input: gather where the layer scatters."),
        ),
        symbols=symbols(
            g,
            a="image that is summed over",
            e="channel that is summed over",
            v="local channel that is summed over",
            **{s.name: "position or tap that is summed over" for s in t},
        )
        | {y: "input of the transposed convolution", z: "its output"},
        notations=(Notation("the transposed convolution computes", z[(b, c, *i)], g.transposed(y, w)),),
        example=Example(small(g), arrays(g) | {"delta": arrays(g)["x"]}),
        mistake=Mistake(
            "flipping the kernel in the gradient too",
            Statement(Equation(of_input.value, _flipped(g))),
            (*GIVEN, *g.positive, *within(0, b, B), *rows(g)),
        ),
        main=2,
    )


def _flipped(g: Layer) -> Value:
    taps = tuple(axis.M - 1 - axis.m for axis in g.axes)
    relation = (*CHANNEL, *g.relation)
    product = value(w[(f, u, *taps)]) * delta[(b, c, *g.each("i"))]
    return total((c, u, *g.each("i"), *g.each("m")), relation, product)
