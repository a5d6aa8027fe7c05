"""Costs of dense layers, matrix products, elementwise operations and pooling against operations counted in loops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import convmath as cm
from convmath import DomainError

from .entries.cases import Axis
from .entries.operations import counted_inside, counted_linear, counted_matmul, counted_pool

SIZES = list(itertools.product(range(1, 5), range(1, 4), range(1, 4)))


@pytest.mark.parametrize("bias", [False, True])
def test_a_dense_layer_costs_what_its_loops_do(bias):
    for inputs, outputs, batch in SIZES:
        tally = counted_linear(inputs, outputs, batch, bias=bias)
        options = {"bias": bias, "batch_size": batch}
        assert cm.linear_macs(inputs, outputs, batch_size=batch) == tally["multiplications"]
        assert cm.linear_flops(inputs, outputs, convention="mac", **options) == tally["multiplications"]
        assert cm.linear_flops(inputs, outputs, convention="2mac", **options) == 2 * tally["multiplications"]
        assert cm.linear_flops(inputs, outputs, convention="exact", **options) == tally.operations


def test_a_matrix_product_costs_what_its_loops_do():
    for m, n, p in SIZES:
        tally = counted_matmul(m, n, p)
        assert cm.matmul_flops(m, n, p, convention="exact") == tally.operations
        assert cm.matmul_flops(m, n, p, convention="mac", batch_size=2) == 2 * tally["multiplications"]


def test_2k_for_2k_minus_1_is_caught():
    assert cm.matmul_flops(2, 3, 4, convention="2mac") != counted_matmul(2, 3, 4).operations
    without = counted_linear(3, 2, 1, bias=False).operations
    assert cm.linear_flops(3, 2, convention="exact") != without


def test_torch_counts_the_same_for_a_dense_layer():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    layer, x = torch.nn.Linear(5, 7, bias=False), torch.ones(3, 5, requires_grad=True)
    with FlopCounterMode(display=False) as forward:
        y = layer(x)
    with FlopCounterMode(display=False) as backward:
        y.sum().backward()
    assert forward.get_total_flops() == cm.linear_flops(5, 7, convention="2mac", batch_size=3)
    assert backward.get_total_flops() == 2 * cm.linear_backward_macs(5, 7, batch_size=3)
    assert backward.get_total_flops() != 2 * cm.linear_backward_macs(5, 7, batch_size=3, input_gradient=False)
    assert cm.linear_params(5, 7) == sum(p.numel() for p in torch.nn.Linear(5, 7).parameters()) == 42


def test_elementwise_operations_are_the_elements():
    assert [cm.elementwise_flops(shape) for shape in (7, (4,), (2, 3, 4))] == [7, 4, 24]
    assert cm.elementwise_flops((2, 3, 4)) == np.zeros((2, 3, 4)).size != sum((2, 3, 4))


@st.composite
def pooled(draw, ndim: int) -> tuple[Axis, ...]:
    """Windows of a pooling layer; with ``ceil_mode`` the last one may run over the end."""
    return tuple(draw(_pooled_axis()) for _ in range(ndim))


@st.composite
def _pooled_axis(draw) -> Axis:
    k, s, d = draw(st.integers(1, 4)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    lo, hi = draw(st.integers(0, k // 2)), draw(st.integers(0, k // 2))
    n = max(1, d * (k - 1) + 1 - lo - hi) + draw(st.integers(0, 4))
    ceil_mode = draw(st.booleans())
    windows = cm.pool_output_size(n, k, stride=s, padding=(lo, hi), dilation=d, ceil_mode=ceil_mode)
    return Axis(n, k, s, d, lo, hi, windows, int(ceil_mode))


def pool_cost(axes: tuple[Axis, ...], **options) -> int:
    sizes = {name: tuple(getattr(axis, short) for axis in axes) for name, short in PARTS.items()}
    n, k = sizes.pop("input_size"), sizes.pop("kernel_size")
    padding = tuple((axis.lo, axis.hi) for axis in axes)
    ceil_mode = bool(axes[0].output_padding)
    return cm.pool_flops(n, k, padding=padding, ceil_mode=ceil_mode, channels=2, batch_size=3, **sizes, **options)


PARTS = {"input_size": "n", "kernel_size": "k", "stride": "s", "dilation": "d"}
POOLS = st.sampled_from([1, 1, 2]).flatmap(pooled).filter(lambda axes: len({a.output_padding for a in axes}) == 1)


@pytest.mark.parametrize("mode", ["max", "avg"])
@given(axes=POOLS)
def test_pooling_costs_what_its_loops_do(mode, axes):
    assert pool_cost(axes, mode=mode) == counted_pool(mode, (3, 2), axes).operations
    assert pool_cost(axes, mode=mode, taps="valid") == counted_inside(mode, (3, 2), axes)


def test_a_comparison_too_many_is_caught():
    axes = (Axis(4, 2, 2, 1, 0, 0, 2, 0),)
    assert pool_cost(axes, mode="avg") != counted_pool("max", (3, 2), axes).operations


def test_a_window_without_input_takes_no_operation():
    dilated = {"stride": 1, "padding": 1, "dilation": 2}
    assert cm.pool_flops(1, 2, mode="max", **dilated) == 1
    assert cm.pool_flops(1, 2, mode="max", taps="valid", **dilated) == 0
    assert cm.pool_flops(1, 2, mode="avg", taps="valid", **dilated) == 0


REFUSED = [
    (lambda: cm.linear_params(0, 3), "needs in_features >= 1"),
    (lambda: cm.linear_flops(2, 3, convention="gemm"), "needs 'mac', '2mac' or 'exact'"),
    (lambda: cm.linear_backward_macs(2, 3, input_gradient=None), "needs True or False"),
    (lambda: cm.matmul_flops(2, 1.5, 3, convention="mac"), "n=1.5: needs an integer, not float"),
    (lambda: cm.elementwise_flops((3, 0)), "size=0 on axis 1"),
    (lambda: cm.pool_flops(8, 2, mode="min"), "needs 'max' or 'avg'"),
    (lambda: cm.pool_flops(8, 2, mode="max", padding=2), "pooling needs 2*padding <= kernel_size"),
]


@pytest.mark.parametrize(("call", "sentence"), REFUSED)
def test_what_has_no_cost_is_refused_by_name(call, sentence):
    with pytest.raises(DomainError) as caught:
        call()
    assert sentence in str(caught.value)


def test_the_numbers_of_the_textbooks():
    assert cm.linear_params(1920 * 1080, 1000, bias=False) == 2_073_600_000
    assert cm.linear_params(32 * 32 * 3, 28 * 28 * 6, bias=False) == 4704 * 3072 == 14_450_688
    assert cm.conv_params((5, 5), in_channels=1, out_channels=6) == 156
