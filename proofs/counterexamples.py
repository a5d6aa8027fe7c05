"""Plausible but false claims about what a layer computes, each with its least witness and what is true instead.

A guard says where input and kernel are; where it is false, nothing is summed.
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.index import eq, integers, le, sequence, within
from convmath.calculus.terms import Equation, Value, tensor, total, value
from convmath.counterexamples import Claim, counterexample
from convmath.inert import FloorDiv, Max

from .size import AXIS, k, m, n, o, s

p, i, j, e, t, q, M, a, b = integers("p i j e t q M a b")
x, w, v = map(tensor, ("x", "w", "v"))
X = sequence("x")
POSITIONS = {o: "output position", i: "input position", m: "kernel tap", n: AXIS[n], k: AXIS[k]}
TENSORS = {x: "input", w: "kernel"}


# Correlation and convolution


@counterexample(
    "correlation.is_commutative",
    title="Correlation commutes",
    sources=("often heard",),
    instead=("correlation.commutes", "convolution.commutes"),
)
def correlation_is_commutative() -> Claim:
    """Exchanging kernel and input reflects the result; only convolution commutes."""
    sides = [
        total((i, m), (eq(far, o + near), *within(0, i, n), *within(0, m, k)), value(w[m]) * x[i])
        for near, far in ((m, i), (i, m))
    ]
    return Claim(Equation(*sides), POSITIONS | TENSORS)


@counterexample(
    "correlation.is_associative",
    title="Correlation is associative",
    sources=("often heard",),
    instead=("convolution.associates",),
)
def correlation_is_associative() -> Claim:
    """Correlating by v and then by w correlates by their convolution, not by their correlation."""
    inside = [atom for index, stop in ((m, k), (e, q), (i, n)) for atom in within(0, index, stop)]
    triple = value(w[m]) * v[e] * x[i]
    sides = [total((m, e, i), (eq(i, o + shift), *inside), triple) for shift in (m + e, e - m)]
    return Claim(
        Equation(*sides), POSITIONS | {e: "tap of the second kernel", q: "its size"} | TENSORS | {v: "second kernel"}
    )


@counterexample(
    "rot180.is_transpose",
    title="rot180 of a kernel is its matrix transpose",
    sources=("often heard",),
    instead=("correlation.flip", "grad.input.rot180"),
)
def rot180_is_transpose() -> Claim:
    """The flip turns both axes round; the transpose exchanges them."""
    inside = (*within(0, a, M), *within(0, b, M))
    return Claim(
        Equation(value(w[M - 1 - a, M - 1 - b]), value(w[b, a])),
        {a: "row of the kernel", b: "its column", M: "its number of rows and columns", w: "kernel"},
        inside,
    )


@counterexample(
    "rotation.commutes",
    title="A convolution layer commutes with rotation",
    sources=("LiHang2022, section 24.1.5",),
    instead=("equivariance.rotation", "homogeneous.image"),
)
def rotation_commutes() -> Claim:
    """Rotating the input rotates the output only if the kernel is rotated too."""

    def layer(rows: Any, columns: Any, entry: Any) -> Value:
        taps = (*within(0, a, M), *within(0, b, M))
        return total((a, b), taps, value(w[a, b]) * x[entry(rows + a, columns + b)])

    turned = layer(o, j, lambda row, column: (column, n - 1 - row))  # the input, rotated by 90 degrees
    rotated = layer(j, n - M - o, lambda row, column: (row, column))  # the output, rotated alike
    return Claim(
        Equation(turned, rotated),
        {o: "row of the output", j: "its column", a: "row of the kernel", b: "its column", M: "kernel size", n: AXIS[n]}
        | TENSORS,
        (le(1, M), le(M, n), *within(0, o, n - M + 1), *within(0, j, n - M + 1)),
    )


@counterexample(
    "scaling.commutes",
    title="A convolution layer commutes with scaling",
    sources=("LiHang2022, section 24.1.5",),
    instead=("homogeneous.image", "equivariance.translation"),
)
def scaling_commutes() -> Claim:
    """Taking every second element before the layer is not taking every second output: the taps lie closer together."""
    taps = within(0, m, k)
    return Claim(
        Equation(total((m,), taps, value(w[m]) * x[2 * (o + m)]), total((m,), taps, value(w[m]) * x[2 * o + m])),
        {o: "output position", m: "kernel tap", k: AXIS[k]} | TENSORS,
    )


@counterexample(
    "equivariance.any_shift",
    title="A strided layer commutes with every shift",
    sources=("often heard",),
    instead=("equivariance.translation",),
)
def strided_layer_commutes_with_every_shift() -> Claim:
    """With stride s only shifts by multiples of s come out as shifts."""
    taps = within(0, m, k)
    return Claim(
        Equation(
            total((m,), taps, value(w[m]) * x[s * o + m - t]), total((m,), taps, value(w[m]) * x[s * (o - t) + m])
        ),
        {o: "output position", t: "shift", m: "kernel tap", k: AXIS[k], s: AXIS[s]} | TENSORS,
        (le(1, s),),
    )


@counterexample(
    "max_pool.is_invariant",
    title="Max pooling is translation invariant",
    sources=("often heard",),
    instead=("equivariance.pooling",),
)
def max_pooling_is_invariant() -> Claim:
    """A maximum that crosses into another window changes two outputs."""
    return Claim(
        eq(Max(X[2 * o + 1], X[2 * o + 2]), Max(X[2 * o], X[2 * o + 1])),
        {o: "output position of a pooling of size and stride 2", X: "input, and the input shifted by 1"},
    )


@counterexample(
    "padding.composes",
    title="Two layers with SAME padding are one layer with the composed kernel",
    sources=("often heard",),
    instead=("convolution.associates", "receptive.size"),
)
def padded_layers_compose() -> Claim:
    """The first layer's output beyond the border is cut off, and the composed kernel would count it."""
    triple = value(v[e]) * w[m] * x[i]
    inside = (*within(0, m, 2 * p + 1), *within(0, e, 2 * p + 1), *within(0, i, n), eq(i, o + m + e - 2 * p))
    return Claim(
        Equation(total((m, e, i), (*inside, *within(0, o + e - p, n)), triple), total((m, e, i), inside, triple)),
        {
            o: "output position",
            i: "input position",
            m: "tap of the first kernel",
            e: "tap of the second",
            p: "padding of both layers, with 2p + 1 taps each",
            n: AXIS[n],
            x: "input",
            w: "first kernel",
            v: "second kernel",
        },
        within(0, o, n),
    )


@counterexample(
    "convolution.circular_is_linear",
    title="A circular convolution of the same size is the linear one",
    sources=("often heard",),
    instead=("fourier.convolution", "fourier.padding"),
)
def circular_convolution_is_linear() -> Claim:
    """Without padding what runs over the end comes back at the start."""
    inside = (*within(0, i, n), *within(0, m, n))
    sides = [
        total((i, m), (relation, *inside), value(w[m]) * x[i])
        for relation in (eq(i + m, o + n * FloorDiv(i + m, n)), eq(i + m, o))
    ]
    return Claim(Equation(*sides), POSITIONS | TENSORS, within(0, o, n))


# Pooling


@counterexample(
    "pool.index_without_stride",
    title="Pooling in windows that do not overlap reads x[o + m]",
    sources=("LiHang2022, definition 24.2",),
    instead=("pool.index",),
)
def pooling_index_without_stride() -> Claim:
    """Window o begins at M*o; without the stride in the index the windows overlap."""
    taps = within(0, m, M)
    return Claim(
        Equation(total((m,), taps, value(x[o + m])), total((m,), taps, value(x[M * o + m]))),
        {o: "output position, from 0", m: "position in the window", M: "size and stride of the window", x: "input"},
        (le(1, M),),
    )


@counterexample(
    "pool.divides_by_size",
    title="An average over a window at the border has M elements of the input",
    sources=("often heard",),
    instead=("pool.average.is_convolution",),
)
def average_pooling_divides_by_the_window() -> Claim:
    """Where padding is not counted, the divisor is the number of elements inside."""
    inside = total((m,), (*within(0, m, M), *within(0, s * o + m - p, n)), 1)
    return Claim(
        Equation(inside, value(M)),
        {
            o: "output position",
            m: "position in the window",
            M: "size of the window",
            s: AXIS[s],
            p: "padding on the left",
            n: AXIS[n],
        },
        (le(1, n), le(1, M), le(1, s), le(0, o), le(0, p), le(2 * p, M), le(s * o + M, n + 2 * p)),
    )


# Gradients and transposed convolutions


@counterexample(
    "transpose.inverts",
    title="The transposed convolution inverts the convolution",
    sources=("often heard",),
    instead=("transpose.adjoint",),
)
def transposed_convolution_inverts() -> Claim:
    """It gives the shape back and not the values: the transpose of a matrix is not its inverse."""
    out = n - k + 1
    inside = [atom for index, stop in ((o, out), (m, k), (e, k), (j, n)) for atom in within(0, index, stop)]
    there_and_back = total((o, m, e, j), (eq(j, o + m), eq(i, o + e), *inside), x[j])
    return Claim(
        Equation(there_and_back, value(x[i])),
        POSITIONS
        | {
            k: "number of kernel taps, each of them 1",
            e: "kernel tap on the way back",
            j: "input position on the way there",
            x: "input",
        },
        (le(1, k), le(k, n), *within(0, i, n)),
    )


@counterexample(
    "grad.input.printed_index",
    title="In the gradient for the input only the row of the kernel goes with the output position",
    sources=("LiHang2022, section 24.2.1",),
    instead=("grad.input", "grad.input.rot180"),
)
def gradient_with_the_printed_index() -> Claim:
    """The entry is w_(i-k+1, j-l+1), printed as w_(i-k+1, j-1+1): both indices go with the output position."""
    row, column, delta = q, t, tensor("delta")
    inside = (*within(0, row, n), *within(0, column, n), *within(0, i - row, M))
    sides = [
        total((row, column), (*inside, *within(0, tap, M)), value(w[i - row, tap]) * delta[row, column])
        for tap in (j, j - column)
    ]
    return Claim(
        Equation(*sides),
        {
            i: "row of the input",
            j: "its column",
            row: "row of the output",
            column: "its column",
            n: "rows and columns of the output",
            M: "rows and columns of the kernel",
            w: "kernel",
            delta: "gradient of the loss for the output",
        },
    )


@counterexample(
    "dense.sharing_without_offset",
    title="With shared weights a dense layer gives the sum of w[m]*x[m] at every output position",
    sources=("ZhangLiptonLiSmola2023, section 7.1.2, as printed in lecture notes",),
    instead=("dense.to_convolution",),
)
def sharing_without_the_offset() -> Claim:
    """What is shared depends on the offset from the output position; without it every output is the same number."""
    taps = within(0, m, k)
    return Claim(
        Equation(total((m,), taps, value(w[m]) * x[m]), total((m,), taps, value(w[m]) * x[o + m])),
        {o: "output position", m: "kernel tap", k: AXIS[k]} | TENSORS,
    )
