"""The gradient for the input as a textbook prints it: indices from 1, one channel, stride 1, no padding.

Source: Li Hang, "Machine Learning Methods", section 24.2.1.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Calc
from convmath.calculus.index import Formula, eq, le
from convmath.calculus.terms import Equation, Gradient, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Notation, Proof, theorem

from .layer import Layer, delta, w, x, y


def from_one(index: Any, size: Any) -> tuple[Formula, Formula]:
    """``1 <= index <= size``."""
    return le(1, index), le(index, size)


def contracted(layer: Layer, taps: tuple[Any, Any]) -> Value:
    """``sum over k and l of w[taps] * delta[k, l]``, the taps in range."""
    k, sizes = layer.each("k"), layer.each("M")
    outputs = [atom for axis in layer.axes for atom in from_one(axis.k, axis.K)]
    inside = [atom for tap, size in zip(taps, sizes, strict=True) for atom in from_one(tap, size)]
    return total(k, (*outputs, *inside), value(w[taps]) * delta[k])


@theorem(
    "grad.input.index",
    title="Gradient for the input, with indices from 1",
    ndims=(2,),
    sources=("LiHang2022, section 24.2.1",),
)
def with_indices_from_one(ndim: int) -> Proof:
    """The output gradient at (k, l) meets the kernel at (i - k + 1, j - l + 1)."""
    g = Layer(ndim)
    i, k, m = g.each("i"), g.each("k"), g.each("m")
    taps = [atom for axis in g.axes for atom in from_one(axis.m, axis.M)]
    read = tuple(axis.k + axis.m - 1 for axis in g.axes)
    output = total(m, taps, value(w[m]) * x[read])
    outputs = [atom for axis in g.axes for atom in from_one(axis.k, axis.K)]
    calc = Calc(total(k, outputs, value(delta[k]) * Gradient(output, x[i])))
    calc.diff(why="differentiate: an entry of x counts where it is the entry that we differentiate for")
    there = tuple(axis.i - axis.k + 1 for axis in g.axes)
    calc.guard(
        *(([eq(at, axis.i)], [eq(axis.m, tap)]) for at, axis, tap in zip(read, g.axes, there, strict=True)),
        why="solve the brackets for the tap",
    )
    calc.one_point(dict(zip(m, there, strict=True)), why="they leave one tap")
    calc.qed(contracted(g, there))
    printed = contracted(g, (there[0], g.axes[1].i - 1 + 1))
    used = {*i, *k, *m, *g.each("K"), *g.each("M")}
    numbers = {v: n for axis in g.axes for v, n in ((axis.i, 2), (axis.K, 2), (axis.M, 2))}
    kept = [atom for axis in g.axes for atom in (*from_one(axis.i, axis.K + axis.M - 1), le(1, axis.K), le(1, axis.M))]
    return Proof(
        parts=(calc.part("The loss depends on x through the outputs only."),),
        symbols={
            **{
                name: f"{words}, from 1" if name in {*i, *k, *m} else words
                for name, words in g.symbols.items()
                if name in used
            },
            x: "input",
            w: "kernel",
            delta: "gradient of the loss for the output",
        },
        notations=(Notation("the layer computes", y[k], output),),
        example=Example(
            numbers,
            {"w": [[0, 0, 0], [0, 1, 2], [0, 3, 4]], "delta": [[0, 0, 0], [0, 2, 3], [0, 4, 5]]},
        ),
        mistake=Mistake(
            "as printed, with j - 1 + 1 in place of j - l + 1", Statement(Equation(calc.value, printed)), tuple(kept)
        ),
    )
