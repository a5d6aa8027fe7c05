"""The laws of discrete convolution and correlation besides those of exchanging and nesting: shift, unit, linearity.

Sources: Li Hang, "Machine Learning Methods", section 24.1.2; Goodfellow, Bengio and Courville, "Deep Learning",
section 9.1; Gonzalez and Woods, "Digital Image Processing", section 3.4.
"""

from __future__ import annotations

from typing import Any

import sympy

from convmath.calculus.derive import Calc, definition, instance
from convmath.calculus.index import eq, integers, within
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Equation, Statement, Value, tensor, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .correlation import convolve
from .gradients import ramp
from .layer import Layer, pairs, w, x, z

A, B, a, b = integers("A B a b")
e, v, alpha, mu = map(tensor, ("e", "v", "alpha", "mu"))


def everywhere(g: Layer) -> tuple[Any, Any]:
    """The sizes of kernel and input."""
    return g.each("M"), g.each("I")


def numbers(g: Layer, **more: int) -> dict[Any, int]:
    """Three elements, two taps, position 1, and stride, dilation 1 without padding."""
    found = {}
    for axis in g.axes:
        found |= {axis.I: 3, axis.M: 2, axis.k: 1, axis.s: 1, axis.d: 1, axis.p: 0}
    return found | {integers(name): number for name, number in more.items()}


@theorem(
    "convolution.identity",
    title="Convolution with an impulse shifts, and the impulse at 0 is the identity",
    ndims=(1, 2, 3),
    sources=("GonzalezWoods2018, section 3.4",),
)
def identity(ndim: int) -> Proof:
    """A kernel that is 1 at tap t and 0 elsewhere moves the input by t; at t = 0 it leaves it as it is."""
    g = Layer(ndim)
    k, t = g.each("k"), g.fresh("t")
    impulse, calc = shifting(g, t)
    _, unit = shifting(g, (sympy.Integer(0),) * ndim)
    example = numbers(g) | dict.fromkeys(t, 1)
    backwards = _shifted(g, tuple(o + at for o, at in zip(k, t, strict=True)))
    taps = [atom for axis, at in zip(g.axes, t, strict=True) for atom in within(0, at, axis.M)]
    return Proof(
        parts=(calc.part("Two brackets leave one element."),),
        special=(unit.part("The impulse at 0, in a kernel of at least one tap"),),
        symbols={**g.symbols, **dict.fromkeys(t, "tap of the impulse")},
        example=Example(example, {"x": ramp((3,) * ndim)}),
        mistake=Mistake(
            "shifting the other way, as correlation does",
            Statement(Equation(calc.start, backwards)),
            (impulse, *taps),
        ),
    )


def shifting(g: Layer, t: Any) -> tuple[Statement, Calc]:
    """What makes the kernel the impulse at t, and the convolution with it."""
    m, i, k = g.each("m"), g.each("i"), g.each("k")
    impulse = definition(w[m], total((), [eq(*pair) for pair in zip(m, t, strict=True)], 1), m)
    ranges = [atom for axis, at in zip(g.axes, t, strict=True) for atom in within(0, at, axis.M)]
    calc = Calc(convolve(g, w, x, everywhere(g), k), ranges)
    calc.unfold(instance(assume(impulse), pairs(m, m)), why="the kernel is an impulse")
    calc.one_point(pairs(m, t), why="the bracket leaves one tap")
    calc.guard((ranges, ()), why="which is in range")
    moved = tuple(o - at for o, at in zip(k, t, strict=True))
    solved = [([eq(o, at + old)], [eq(old, new)]) for o, at, old, new in zip(k, t, i, moved, strict=True)]
    if moved != k:
        calc.guard(*solved, why="solve the bracket for the input")
    calc.one_point(pairs(i, moved), why="one element is left")
    calc.qed(_shifted(g, moved))
    return impulse, calc


def _shifted(g: Layer, at: Any) -> Value:
    """The input at a position, 0 outside."""
    return total((), [atom for axis, o in zip(g.axes, at, strict=True) for atom in within(0, o, axis.I)], x[at])


def combination(g: Layer, whole: Any, weights: Any, parts: Any, over: Any, size: Any, at: Any) -> Statement:
    """``whole[at] = sum over the parts of weight * part[at]``."""
    return definition(whole[at], total((over,), within(0, over, size), value(weights[over]) * parts[(over, *at)]), at)


def bilinear(g: Layer, product: Any) -> tuple[Calc, tuple[Statement, ...]]:
    """A product of combinations is the combination of the products, and what is supposed."""
    m, i = g.each("m"), g.each("i")
    kernels = combination(g, w, alpha, v, a, A, m)
    inputs = combination(g, x, mu, z, b, B, i)
    calc = Calc(product(w[m], x[i]))
    calc.unfold(instance(assume(kernels), pairs(m, m)), why="the kernel is a combination")
    calc.unfold(instance(assume(inputs), pairs(i, i)), why="and so is the input")
    weights = value(alpha[a]) * mu[b]
    ranges = (*within(0, a, A), *within(0, b, B))
    calc.qed(total((a, b), ranges, weights * product(v[(a, *m)], z[(b, *i)])))
    return calc, (kernels, inputs)


def linear_proof(g: Layer, product: Any, words: str) -> Proof:
    """Bilinearity of a product, with the mistake of adding the factors."""
    ndim = len(g.axes)
    calc, given = bilinear(g, product)
    m, i = g.each("m"), g.each("i")
    ranges = (*within(0, a, A), *within(0, b, B))
    paired = total((a, b), (eq(a, b), *ranges), value(alpha[a]) * mu[b] * product(v[(a, *m)], z[(b, *i)]))
    arrays = {"v": ramp((2, *[2] * ndim)), "z": ramp((2, *[3] * ndim)), "alpha": [1, 2], "mu": [3, -1]}
    return Proof(
        parts=(calc.part(words),),
        symbols={
            **g.symbols,
            A: "number of kernels",
            B: "number of inputs",
            a: "a kernel",
            b: "an input",
            v: "the kernels that are combined",
            z: "the inputs that are combined",
            alpha: "weights of the kernels",
            mu: "weights of the inputs",
        },
        example=Example(numbers(g, A=2, B=2), arrays),
        mistake=Mistake(
            "combining every kernel with its own input only",
            Statement(Equation(calc.start, paired)),
            (*given, *g.positive),
        ),
    )


@theorem(
    "convolution.linear",
    title="Convolution is linear in the kernel and in the input",
    ndims=(1, 2, 3),
    sources=("GonzalezWoods2018, section 3.4",),
)
def convolution_linear(ndim: int) -> Proof:
    """The convolution of a combination of kernels with a combination of inputs is the combination of all the pairs."""
    g = Layer(ndim)
    brackets = [eq(axis.k, axis.m + axis.i) for axis in g.axes]

    def product(kernel: Any, source: Any) -> Value:
        return total((*g.each("m"), *g.each("i")), (*brackets, *g.taps, *g.inputs), value(kernel) * source)

    return linear_proof(g, product, "Put both combinations in; the bracket does not mind.")


@theorem(
    "correlation.linear",
    title="A layer without bias is linear in the kernel and in the input",
    ndims=(1, 2, 3),
    sources=("GonzalezWoods2018, section 3.4",),
)
def correlation_linear(ndim: int) -> Proof:
    """The same for correlation, with every stride, dilation and padding."""
    g = Layer(ndim)

    def product(kernel: Any, source: Any) -> Value:
        return total((*g.each("i"), *g.each("m")), g.relation, value(kernel) * source)

    return linear_proof(g, product, "Put both combinations in; the relation does not mind.")


@theorem(
    "correlation.associates",
    title="Correlation is not associative: kernels in sequence convolve",
    ndims=(1, 2, 3),
    sources=("GonzalezWoods2018, section 3.4",),
)
def correlations_in_sequence(ndim: int) -> Proof:
    """Correlating with one kernel after another is correlating with the convolution of the kernels."""
    g = Layer(ndim)
    m, i, k, e, t = g.each("m"), g.each("i"), g.each("k"), g.fresh("e"), g.fresh("t")
    M, I, E = g.each("M"), g.each("I"), g.fresh("E")  # noqa: E741
    triple = value(w[m]) * v[e] * x[i]
    ranges = [
        atom
        for axis, tap, size in zip(g.axes, e, E, strict=True)
        for atom in (*within(0, axis.m, axis.M), *within(0, tap, size), *within(0, axis.i, axis.I))
    ]

    def nested(points: Any, full: Any, outside: Any, inside: Any, words: str) -> Calc:
        within_ = [atom for position, (low, stop) in zip(t, full, strict=True) for atom in within(low, position, stop)]
        calc = Calc(total((*t, *m, *e, *i), (*outside, *within_, *inside, *ranges), triple))
        for position, point, bracket, (low, stop) in zip(t, points, inside, full, strict=True):
            calc.guard((within(low, position, stop), ()), why=f"{words} only reaches these positions")
            if bracket != eq(position, point):
                calc.guard(([bracket], [eq(position, point)]), why="solve the bracket for the position")
            calc.one_point({position: point}, why=f"put {words} in")
        return calc

    response = nested(
        [r - q for r, q in zip(i, e, strict=True)],
        [(1 - size, n) for size, n in zip(E, I, strict=True)],
        [eq(r, o + p) for r, o, p in zip(t, k, m, strict=True)],
        [eq(r, q + p) for r, q, p in zip(i, t, e, strict=True)],
        "the inner correlation",
    )
    kernels = nested(
        [p + q for p, q in zip(m, e, strict=True)],
        [(0, n + size - 1) for n, size in zip(M, E, strict=True)],
        [eq(r, o + q) for r, o, q in zip(i, k, t, strict=True)],
        [eq(r, p + q) for r, p, q in zip(t, m, e, strict=True)],
        "the convolution of the kernels",
    )
    response.guard(
        *(([eq(r - q, o + p)], [eq(r, o + p + q)]) for r, q, o, p in zip(i, e, k, m, strict=True)),
        why="collect both taps",
    )
    response.meet(kernels)
    positions = [atom for r, n, size in zip(t, M, E, strict=True) for atom in within(1 - n, r, size)]
    brackets = [atom for r, o, q, tap, p in zip(i, k, t, e, m, strict=True) for atom in (eq(r, o + q), eq(tap, q + p))]
    wrong = total((*t, *m, *e, *i), (*brackets, *positions, *ranges), triple)
    return Proof(
        parts=(response.part("Write both sides as one sum over three indices."),),
        symbols={
            **g.symbols,
            v: "second kernel",
            **dict.fromkeys(E, "its size"),
            **dict.fromkeys(e, "its tap"),
            **dict.fromkeys(t, "position in the intermediate result"),
        },
        example=Example(
            numbers(g) | dict.fromkeys((*E, *M), 2),
            {"w": ramp((2,) * ndim), "v": ramp((2,) * ndim, 2), "x": ramp((3,) * ndim)},
        ),
        mistake=Mistake(
            "correlating by the correlation of the kernels, as if it were associative",
            Statement(Equation(response.start, wrong)),
        ),
    )
