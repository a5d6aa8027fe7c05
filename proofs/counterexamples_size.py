"""Plausible but false claims about sizes, receptive fields and counts, each with its least witness.

They stand beside those about values, in the same form.
"""

from __future__ import annotations

from operator import mul
from typing import Any

import convmath as cm
from convmath.calculus.index import eq, implies, integers, le, lt, within
from convmath.calculus.terms import Equation, total, value
from convmath.counterexamples import Claim, counterexample
from convmath.inert import CeilDiv, FloorDiv

from .size import AXIS, d, k, m, n, on_symbols, s

p, t, i, R, J, corner, C, F = integers("p t i R J c C F")
SIZES = {n: AXIS[n], k: AXIS[k], s: AXIS[s], d: AXIS[d], p: "padding on both sides"}


def size(*, kernel: Any = k, source: Any = n, **options: Any) -> tuple[Any, Any]:
    """The output size of a convolution on symbols, with its conditions; nothing is rounded at stride 1."""
    out, given = on_symbols(cm.conv_output_size, source, kernel, **options)
    return out.replace(lambda term: isinstance(term, FloorDiv) and term.args[1] == 1, lambda term: term.args[0]), given


# Sizes


@counterexample(
    "size.divides",
    title="(n + 2p - k)/s + 1 needs no rounding: the windows reach the end",
    sources=("often heard",),
    instead=("size.conv",),
)
def size_divides() -> Claim:
    """Up to s - 1 elements at the end are read by no window."""
    out, given = size(stride=s, padding=p)
    return Claim(eq(s * (out - 1) + k, n + 2 * p), SIZES, given)


@counterexample(
    "size.same_halves",
    title="SAME padding at stride 2 halves every size",
    sources=("often heard",),
    instead=("size.same",),
)
def same_padding_halves() -> Claim:
    """It gives ceil(n/2); an odd size is rounded up."""
    out, given = size(stride=2, padding="same_upper")
    return Claim(eq(2 * out, n), SIZES, given)


@counterexample(
    "size.same_even",
    title="Padding floor(k/2) on both sides keeps the size for every kernel",
    sources=("often heard",),
    instead=("size.same_odd",),
)
def half_padding_keeps_the_size() -> Claim:
    """With an even kernel it adds an element."""
    out, _ = size(padding=FloorDiv(k, 2))
    return Claim(eq(out, n), SIZES, (le(1, n), le(1, k)))


@counterexample(
    "size.ignores_dilation",
    title="Dilation does not change the size",
    sources=("often heard",),
    instead=("size.conv", "receptive.size"),
)
def dilation_keeps_the_size() -> Claim:
    """A dilated kernel spans d(k - 1) + 1 elements."""
    out, given = size(stride=s, padding=p, dilation=d)
    plain, _ = size(stride=s, padding=p)
    return Claim(eq(out, plain), SIZES, given)


@counterexample(
    "size.dilated_extent",
    title="A dilated kernel spans d*k elements",
    sources=("often heard",),
    instead=("size.conv",),
)
def dilated_kernel_spans_d_times_k() -> Claim:
    """Nothing follows its last tap: it spans d(k - 1) + 1."""
    out, given = size(dilation=d)
    return Claim(eq(out, n - d * k + 1), SIZES, given)


@counterexample(
    "size.truncates",
    title="The size may be rounded towards 0, as C's division does",
    sources=("often heard",),
    instead=("size.conv",),
)
def size_truncates() -> Claim:
    """Where the kernel is larger than the input, rounding towards 0 reports an output position that does not exist."""
    truncated = -FloorDiv(k - n, s) + 1
    return Claim(implies(lt(n, k), lt(truncated, 1)), SIZES, (le(1, n), le(1, k), le(1, s)))


@counterexample(
    "size.strides_multiply",
    title="Two layers of stride s and t are, in size, one of stride s*t",
    sources=("often heard",),
    instead=("size.compose",),
)
def two_strides_are_one() -> Claim:
    """Each layer's kernel takes its part off before the next one rounds."""
    first, given = size(stride=s)
    second, _ = size(source=first, stride=t)
    once, _ = size(stride=s * t)
    return Claim(eq(second, once), SIZES | {t: "stride of the second layer"}, (*given, le(1, t), le(k, first)))


@counterexample(
    "size.transpose_recovers",
    title="A transposed convolution with the same options gives the size back",
    sources=("often heard",),
    instead=("size.conv_transpose.recovers", "size.preimage"),
)
def transposed_convolution_recovers_the_size() -> Claim:
    """Up to s input sizes have the same output size; output_padding says which one was meant."""
    out, given = size(stride=s, padding=p)
    back, _ = on_symbols(cm.conv_transpose_output_size, out, k, stride=s, padding=p)
    return Claim(eq(back, n), SIZES, given)


@counterexample(
    "size.output_padding_up_to_stride",
    title="An output padding as large as the stride still recovers an input size of the convolution",
    sources=("often heard",),
    instead=("size.conv_transpose.recovers",),
)
def output_padding_may_be_the_stride() -> Claim:
    """With it the convolution of the larger size has one position more."""
    longer = (n - 1) * s + k + s
    out, _ = on_symbols(cm.conv_output_size, longer, k, stride=s)
    symbols = {n: "size before the transposed convolution", k: AXIS[k], s: AXIS[s]}
    return Claim(eq(out, n), symbols, (le(1, n), le(1, k), le(1, s)))


@counterexample(
    "size.ceil_without_clamp",
    title="Ceil mode only rounds up",
    sources=("often heard",),
    instead=("size.pool_ceil",),
)
def ceil_mode_only_rounds_up() -> Claim:
    """A last window that would begin in the padding on the right is dropped."""
    out, given = on_symbols(cm.pool_output_size, n, k, stride=s, padding=p, ceil_mode=True)
    return Claim(eq(out, CeilDiv(n + 2 * p - k, s) + 1), SIZES, given)


# Receptive fields


@counterexample(
    "receptive.doubles_plus_two",
    title="A 3-tap layer of stride 2 takes a receptive field from R to 2R + 2",
    sources=("often heard",),
    instead=("receptive.size",),
)
def receptive_field_doubles_plus_two() -> Claim:
    """From one element and stride 1 on the fields are 1, 3, 7, 15: 2R + 1, with a stride of (R + 1)/2."""
    field = cm.ReceptiveField(R, J, 0).then(cm.Window(3, 2))
    return Claim(eq(field.size, 2 * R + 2), {R: "size of the field", J: "its stride"}, (le(1, R), eq(2 * J, R + 1)))


@counterexample(
    "receptive.adds_kernels",
    title="The receptive field of two layers is the sum of their kernel sizes",
    sources=("often heard",),
    instead=("receptive.size",),
)
def receptive_fields_add() -> Claim:
    """Each layer adds its kernel size less 1, times the stride so far."""
    first, second = integers("k_1 k_2")
    field = first + s * (second - 1)
    return Claim(
        eq(field, first + second),
        {first: "first kernel size", second: "second kernel size", s: "stride of the first layer"},
        (le(1, first), le(1, second), le(1, s)),
    )


@counterexample(
    "dilation.reads_everything",
    title="A dilated kernel reads every element of its receptive field",
    sources=("often heard",),
    instead=("receptive.size",),
)
def dilated_kernel_reads_everything() -> Claim:
    """It spans d(k - 1) + 1 elements and reads k of them."""
    reads = total((m,), (eq(i, d * m), *within(0, m, k)), 1)
    symbols = {i: "element of the field, from 0", m: "kernel tap", k: AXIS[k], d: AXIS[d]}
    return Claim(Equation(reads, value(1)), symbols, (le(1, d), *within(0, i, d * (k - 1) + 1)))


# Numbers as printed


@counterexample(
    "filters.edge_printed",
    title="The edge kernel with 1 at the top right gives -5",
    sources=("Ng2017, week 1, edge detection, as printed in lecture notes",),
    instead=("correlation.flip",),
)
def edge_patch_as_printed() -> Claim:
    """The right column of the kernel is -1: with 1 in one place the sum over the patch is -3."""
    patch, kernel = (3, 0, 1, 1, 5, 8, 2, 7, 2), (1, 0, corner, 1, 0, -1, 1, 0, -1)
    return Claim(
        eq(sum(map(mul, patch, kernel)), -5), {corner: "kernel element at the top right, as printed"}, (eq(corner, 1),)
    )


@counterexample(
    "cost.dense_printed",
    title="A dense layer from 32x32x3 to 28x28x6 has 4074 x 3072 weights",
    sources=("Ng2017, week 1, why convolutions, as printed in lecture notes",),
    instead=("cost.linear",),
)
def dense_weights_as_printed() -> Claim:
    """28 x 28 x 6 is 4704: there are 4704 x 3072 = 14,450,688."""
    weights = cm.linear_params(32 * 32 * C, 28 * 28 * F, bias=False)
    return Claim(
        eq(weights, 4074 * 3072),
        {C: "input channels of 32x32 elements", F: "output channels of 28x28 elements"},
        (eq(C, 3), eq(F, 6)),
    )
