"""Costs of convolutions against operations counted in loops, and against torch's own counter."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import convmath as cm
from convmath import DomainError, UnsupportedError

from .entries.cases import Axis, LayerCase, conv_axis, layers
from .entries.operations import counted_conv, counted_conv_transpose, counted_gradients

torch = pytest.importorskip("torch")
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

TAPS = ("dense", "valid")


def channels(case: LayerCase) -> dict[str, int]:
    return {"in_channels": case.inputs, "out_channels": case.outputs, "groups": case.groups, "batch_size": case.batch}


def windows(case: LayerCase) -> dict[str, tuple]:
    padding = tuple(zip(case.each("lo"), case.each("hi"), strict=True))
    return {"stride": case.each("s"), "padding": padding, "dilation": case.each("d")}


def conv(helper, case, **more):
    return helper(case.each("n"), case.each("k"), **channels(case), **windows(case), **more)


def transposed(helper, case, **more):
    """The helper of the transposed convolution from the outputs of a layer back to its input."""
    roles = channels(case) | {"in_channels": case.outputs, "out_channels": case.inputs}
    extra = {"output_padding": case.each("output_padding")}
    return helper(case.each("K"), case.each("k"), **roles, **windows(case), **extra, **more)


LAYERS = st.sampled_from([1, 1, 2, 3]).flatmap(layers)
TRANSPOSED = st.sampled_from([1, 1, 2, 3]).flatmap(lambda ndim: layers(ndim, transposed=True))


@pytest.mark.parametrize("taps", TAPS)
@given(case=LAYERS)
def test_a_convolution_costs_what_its_loops_do(taps, case):
    plain, biased = counted_conv(case, taps=taps), counted_conv(case, taps=taps, bias=True)
    macs = plain["multiplications"]
    assert conv(cm.conv_macs, case, taps=taps) == macs
    assert conv(cm.conv_flops, case, taps=taps, convention="mac") == macs
    assert conv(cm.conv_flops, case, taps=taps, convention="2mac") == 2 * macs
    assert conv(cm.conv_flops, case, taps=taps, convention="exact", bias=False) == plain.operations
    assert conv(cm.conv_flops, case, taps=taps, convention="exact", bias=True) == biased.operations


@pytest.mark.parametrize("taps", TAPS)
@given(case=TRANSPOSED)
def test_a_transposed_convolution_costs_what_its_loops_do(taps, case):
    plain = counted_conv_transpose(case, taps=taps)
    biased = counted_conv_transpose(case, taps=taps, bias=True)
    macs = plain["multiplications"]
    assert transposed(cm.conv_transpose_macs, case, taps=taps) == macs
    assert transposed(cm.conv_transpose_flops, case, taps=taps, convention="2mac") == 2 * macs
    assert transposed(cm.conv_transpose_flops, case, taps=taps, convention="exact", bias=False) == plain.operations
    assert transposed(cm.conv_transpose_flops, case, taps=taps, convention="exact") == biased.operations


@pytest.mark.parametrize("taps", TAPS)
@given(case=LAYERS)
def test_the_gradients_cost_what_their_loops_do(taps, case):
    of_input, of_weight = (tally["multiplications"] for tally in counted_gradients(case, taps=taps))
    assert conv(cm.conv_backward_macs, case, taps=taps) == of_input + of_weight
    assert conv(cm.conv_backward_macs, case, taps=taps, input_gradient=False) == of_weight
    # The gradients of the transposed convolution are the convolution and the same gradient for the weight.
    macs = conv(cm.conv_macs, case, taps="valid")
    assert transposed(cm.conv_transpose_backward_macs, case, taps="valid") == 2 * macs


MISTAKES = {
    "groups forgotten": lambda case: cm.conv_macs(
        case.each("n"), case.each("k"), **channels(case) | {"groups": 1}, **windows(case)
    ),
    "2K for 2K - 1": lambda case: conv(cm.conv_flops, case, convention="2mac"),
    "a bias that is not there": lambda case: conv(cm.conv_flops, case, convention="exact"),
    "input sizes for output sizes": lambda case: (
        conv(cm.conv_macs, case) // np.prod(case.each("K")) * np.prod(case.each("n"))
    ),
    "padding skipped in a dense count": lambda case: conv(cm.conv_macs, case, taps="valid"),
}
GROUPED = LayerCase((Axis(5, 3, 2, 1, 1, 1, 3, 0),), 1, 2, 2, 2, 0)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_cost_of_a_convolution_is_caught(mistake):
    tally = counted_conv(GROUPED)
    assert MISTAKES[mistake](GROUPED) not in (tally["multiplications"], tally.operations)


def test_output_sizes_in_a_transposed_convolution_are_caught():
    right = counted_conv_transpose(GROUPED)["multiplications"]
    assert transposed(cm.conv_transpose_macs, GROUPED) == right == right // 3 * GROUPED.axes[0].K
    assert right // 3 * GROUPED.axes[0].n != right


FULL = list(itertools.product(range(1, 5), range(1, 4), range(1, 5), range(4), range(4), range(1, 5)))
"""Input size, kernel size, stride, padding before and after, dilation."""


def test_every_small_axis_is_counted_exactly_without_bias():
    """Where windows lie in the padding and outputs are hit by no tap."""
    for n, k, s, lo, hi, d in FULL:
        if d * (k - 1) + 1 <= n + lo + hi:
            pairs = [
                (o, t) for o in range((n + lo + hi - d * (k - 1) - 1) // s + 1) for t in range(k)
                if 0 <= s * o + d * t - lo < n
            ]  # fmt: skip
            exact = 2 * len(pairs) - len({o for o, _ in pairs})
            layer = {"in_channels": 1, "out_channels": 1, "stride": s, "padding": (lo, hi), "dilation": d}
            found = cm.conv_flops(n, k, convention="exact", bias=False, taps="valid", **layer)
            assert found == exact, (n, k, s, lo, hi, d)


def test_every_small_axis_of_a_transposed_convolution_is_counted_exactly_without_bias():
    for n, k, s, lo, hi, d in FULL:
        size = s * (n - 1) + d * (k - 1) + 1 - lo - hi
        if size >= 1:
            written = [s * i + d * t - lo for i in range(n) for t in range(k)]
            kept = [at for at in written if 0 <= at < size]
            layer = {"in_channels": 1, "out_channels": 1, "stride": s, "padding": (lo, hi), "dilation": d}
            options = {"convention": "exact", "bias": False, **layer}
            assert cm.conv_transpose_flops(n, k, **options) == 2 * len(written) - len(set(written)), (n, k, s, d)
            found = cm.conv_transpose_flops(n, k, taps="valid", **options)
            assert found == 2 * len(kept) - len(set(kept)), (n, k, s, lo, hi, d)


def test_counting_an_output_that_no_tap_reaches_is_caught():
    layer = {"in_channels": 1, "out_channels": 1, "stride": 3, "bias": False}
    every_output = 2 * cm.conv_transpose_macs(2, 1, in_channels=1, out_channels=1, stride=3) - 4
    assert cm.conv_transpose_flops(2, 1, convention="exact", **layer) == 2 != every_output


def by_torch(run) -> int:
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


CONV = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}
CONV_TRANSPOSE = {
    1: torch.nn.functional.conv_transpose1d,
    2: torch.nn.functional.conv_transpose2d,
    3: torch.nn.functional.conv_transpose3d,
}


def with_equal_padding(case: LayerCase) -> LayerCase:
    """The same windows with as much padding on the right as on the left, the only kind that torch takes."""

    def equal(axis: Axis) -> Axis:
        return conv_axis(max(axis.n + axis.hi - axis.lo, axis.reach + 1), axis.k, axis.s, axis.d, axis.lo, axis.lo)

    return replace(case, axes=tuple(map(equal, case.axes)))


def by_torch_forward_and_backward(case: LayerCase, *, input_gradient: bool) -> tuple[int, int]:
    x = torch.empty(case.x_shape, device="meta", requires_grad=input_gradient)
    w = torch.empty(case.w_shape, device="meta", requires_grad=True)
    outputs = []
    forward = by_torch(
        lambda: outputs.append(
            CONV[case.ndim](x, w, None, case.each("s"), case.each("lo"), case.each("d"), case.groups)
        )
    )
    return forward, by_torch(lambda: outputs[0].sum().backward())


@settings(max_examples=25)
@given(case=LAYERS.map(with_equal_padding))
def test_torch_counts_the_same_forward(case):
    forward, _ = by_torch_forward_and_backward(case, input_gradient=True)
    assert conv(cm.conv_flops, case, convention="2mac") == forward


@settings(max_examples=25)
@given(case=LAYERS.map(with_equal_padding).map(lambda case: replace(case, groups=1)))
def test_torch_counts_the_same_backward(case):
    """Without groups, which torch's counter forgets in the gradient for the weight."""
    _, both = by_torch_forward_and_backward(case, input_gradient=True)
    _, of_weight = by_torch_forward_and_backward(case, input_gradient=False)
    assert (2 * conv(cm.conv_backward_macs, case), both - of_weight) == (both, both // 2)
    assert 2 * conv(cm.conv_backward_macs, case, input_gradient=False) == of_weight


def test_torch_agrees_with_no_cost_that_forgets_the_groups():
    case = with_equal_padding(GROUPED)
    forward, _ = by_torch_forward_and_backward(case, input_gradient=True)
    assert 2 * MISTAKES["groups forgotten"](case) != forward == 2 * conv(cm.conv_macs, case)


@settings(max_examples=25)
@given(case=TRANSPOSED.filter(lambda case: case.each("lo") == case.each("hi")))
def test_torch_counts_the_same_for_a_transposed_convolution(case):
    y, w = torch.empty(case.y_shape, device="meta"), torch.empty(case.w_shape, device="meta")
    options = (case.each("s"), case.each("lo"), case.each("output_padding"), case.groups, case.each("d"))
    found = by_torch(lambda: CONV_TRANSPOSE[case.ndim](y, w, None, *options))
    assert transposed(cm.conv_transpose_flops, case, convention="2mac") == found


MODULES = [
    (torch.nn.Conv2d, {"kernel_size": (3, 5), "in_channels": 4, "out_channels": 6, "groups": 2}),
    (torch.nn.Conv1d, {"kernel_size": (3,), "in_channels": 4, "out_channels": 6, "bias": False}),
    (torch.nn.ConvTranspose2d, {"kernel_size": (3, 5), "in_channels": 4, "out_channels": 6, "groups": 2}),
]


@pytest.mark.parametrize(("module", "options"), MODULES)
def test_parameters_are_those_of_torch(module, options):
    assert cm.conv_params(**options) == sum(parameter.numel() for parameter in module(**options).parameters())


@pytest.mark.parametrize(("module", "options"), MODULES[::2])
def test_parameters_without_groups_are_caught(module, options):
    wrong = cm.conv_params(**options | {"groups": 1})
    assert wrong != sum(parameter.numel() for parameter in module(**options).parameters())


@given(case=LAYERS)
def test_a_depthwise_separable_convolution_costs_its_two_layers(case):
    one, taps = {"batch_size": case.batch, **windows(case)}, np.prod(case.each("k"))
    sizes = {"in_channels": case.inputs, "out_channels": case.outputs}
    found = cm.depthwise_separable_macs(case.each("n"), case.each("k"), **sizes, **one)
    depthwise = replace(case, groups=case.inputs, inputs_per_group=1, outputs_per_group=1)
    pointwise = LayerCase(
        tuple(Axis(size, 1, 1, 1, 0, 0, size, 0) for size in case.each("K")),
        case.batch,
        1,
        case.inputs,
        case.outputs,
        0,
    )
    parts = [counted_conv(part)["multiplications"] for part in (depthwise, pointwise)]
    assert found == sum(parts)
    whole = cm.conv_macs(case.each("n"), case.each("k"), **sizes, **one)
    assert found * case.outputs * taps == whole * (case.outputs + taps)
    assert cm.depthwise_separable_params(case.each("k"), **sizes) == case.inputs * (taps + 1) + case.outputs * (
        case.inputs + 1
    )


LAYER = {"in_channels": 4, "out_channels": 6}
REFUSED = [
    (lambda: cm.conv_macs(8, 3, in_channels=4, out_channels=6, groups=3), "groups=3 does not divide in_channels=4"),
    (lambda: cm.conv_macs(8, 3, in_channels=6, out_channels=4, groups=3), "groups=3 does not divide out_channels=4"),
    (lambda: cm.conv_macs(8, 3, in_channels=0, out_channels=4), "needs in_channels >= 1"),
    (lambda: cm.conv_macs(8, 3, batch_size=True, **LAYER), "batch_size=True: needs an integer"),
    (lambda: cm.conv_macs(8, 3, taps="sparse", **LAYER), "needs 'dense' or 'valid'"),
    (lambda: cm.conv_macs((8, 2), 3, **LAYER), "axis 1 has 2"),
    (lambda: cm.conv_flops(8, 3, convention="flops", **LAYER), "needs 'mac', '2mac' or 'exact'"),
    (lambda: cm.conv_flops(8, 3, convention="mac", bias=1, **LAYER), "bias=1: needs True or False"),
    (lambda: cm.conv_params(3, **LAYER), "needs one integer per axis"),
    (lambda: cm.conv_params((3, 0), **LAYER), "kernel_size=0 on axis 1"),
    (lambda: cm.conv_transpose_macs(8, 3, in_channels=6, out_channels=4, groups=3), "does not divide out_channels=4"),
    (lambda: cm.conv_transpose_macs(1, 1, padding=1, **LAYER), "needs an output size >= 1"),
    (lambda: cm.conv_macs((8, 8), (3, sympy.Symbol("k", integer=True)), taps="valid", **LAYER), "on axis 1"),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
def test_what_has_no_cost_is_refused_by_name(call, sentence):
    with pytest.raises(DomainError) as caught:
        call()
    assert sentence in str(caught.value)


def test_a_convention_must_be_named():
    with pytest.raises(TypeError, match="convention"):
        cm.conv_flops(8, 3, **LAYER)


def test_arrays_give_the_costs_of_their_elements():
    n, s, c = np.array([8, 9, 16]), np.array([1, 2, 3]), np.array([2, 4, 6])
    for taps, convention in itertools.product(TAPS, ("mac", "exact")):
        options = {"out_channels": 6, "padding": 1, "taps": taps, "convention": convention, "bias": False}
        found = cm.conv_flops(n, 3, in_channels=c, stride=s, groups=2, **options)
        each = [
            cm.conv_flops(int(a), 3, in_channels=int(b), stride=int(e), groups=2, **options)
            for a, b, e in zip(n, c, s, strict=True)
        ]
        assert found.tolist() == each
    found = cm.conv_transpose_flops(n, 3, convention="exact", bias=False, stride=s, dilation=c, **LAYER)
    each = [
        cm.conv_transpose_flops(int(a), 3, convention="exact", bias=False, stride=int(e), dilation=int(b), **LAYER)
        for a, b, e in zip(n, c, s, strict=True)
    ]
    assert found.tolist() == each


def test_an_array_cost_beyond_64_bits_is_refused_and_an_int_is_not():
    large = {"in_channels": 2**29, "out_channels": 2**29}
    assert cm.conv_macs(2**20, 1, **large) == 2**78
    with pytest.raises(DomainError, match="array arithmetic needs a cost of at most"):
        cm.conv_macs(np.array([2**20]), 1, **large)


def test_arrays_and_symbols_do_not_mix():
    with pytest.raises(UnsupportedError):
        cm.conv_macs(np.array([8]), 3, in_channels=sympy.Symbol("C", integer=True), out_channels=1)


def test_symbols_give_the_formula_of_the_textbook():
    n, c, f, k = sympy.symbols("n c f k", integer=True, positive=True)
    found = cm.conv_flops((n, n), k, convention="exact", in_channels=c, out_channels=f, padding="same")
    assert sympy.simplify(found.doit() - 2 * c * f * k**2 * n**2) == 0
    assert cm.conv_params((k, k), in_channels=c, out_channels=f) == f * (c * k**2 + 1)


def test_traced_sizes_stay_symbolic():
    from torch.fx.experimental.proxy_tensor import make_fx

    def cost(x):
        batch, c, height, width = x.shape
        layer = {"in_channels": c, "out_channels": 8, "stride": 2, "padding": 1, "batch_size": batch}
        return cm.conv_macs((height, width), 3, taps="valid", **layer), x

    module = make_fx(cost, tracing_mode="symbolic")(torch.empty(2, 3, 9, 11, device="meta"))
    for shape in ((4, 6, 13, 8), (5, 7, 12, 10)):
        assert module(torch.empty(shape, device="meta"))[0] == cost(torch.empty(shape, device="meta"))[0]
