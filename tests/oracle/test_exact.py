"""The fast arithmetic against the loops: the same numbers, at the edges of every number type, in little memory."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.errors import DomainError
from convmath.oracle import ConvCase, PoolCase, conv_cases, exact, pool_cases, reference
from convmath.oracle.exact import arithmetic, kernels, patches
from convmath.oracle.strategies import CONV_OPTIONS, POOL_OPTIONS

CONV = {
    "conv": "conv_forward",
    "conv_transpose": "conv_transpose_forward",
    "grad_input": "conv_grad_input",
    "grad_weight": "conv_grad_weight",
    "grad_bias": "conv_grad_bias",
}


def same(ours, theirs):
    """Equal shapes and exactly equal numbers, compared as Python's."""
    ours, theirs = np.asarray(ours).astype(object), np.asarray(theirs).astype(object)
    return ours.shape == theirs.shape and bool(np.all(ours == theirs))


def both(function, *arguments, **options):
    """The answer of ``exact``, once it has been found to be the reference's."""
    ours = getattr(exact, function)(*arguments, **options)
    assert same(ours, getattr(reference, function)(*arguments, **options)), (function, options)
    return ours


@pytest.mark.parametrize("kind", ConvCase.kinds)
@given(case=st.data())
def test_every_kind_of_convolution_is_the_loops(kind, case):
    case = case.draw(conv_cases(kind=kind, max_macs=1_000, features=CONV_OPTIONS))
    assert both(CONV[kind], *case.arguments, **case.options).dtype == np.int64


@given(conv_cases(kind="conv_transpose", max_macs=1_000, features=CONV_OPTIONS))
def test_gradients_of_transposed_convolution_are_the_loops(case):
    both("conv_transpose_grad_input", case.grad_output, case.w, input_size=case.input_size, **case.options)
    both("conv_transpose_grad_weight", case.x, case.grad_output, kernel_size=case.kernel_size, **case.options)


@given(pool_cases(kind=PoolCase.kinds, max_macs=1_000, features=POOL_OPTIONS))
def test_pooling_is_the_loops(case):
    assert both(case.kind, *case.arguments, **case.options).dtype == np.int64
    if case.kind == "max_pool":
        both("max_pool_indices", case.x, **case.options)


@given(pool_cases(kind="avg_pool", max_macs=500))
def test_averages_that_are_no_integers_are_the_loops_fractions(case):
    values = case.x // case.scale
    both("avg_pool", values, **case.options)
    both("avg_pool_grad_input", case.grad_output // case.scale, input_size=case.input_size, **case.options)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(1, 6)), min_size=1, max_size=3), st.integers(0, 99))
def test_adaptive_pooling_is_the_loops(axes, seed):
    size, output_size = zip(*axes, strict=True)
    rng = np.random.default_rng(seed)
    x, dy = rng.integers(-3, 4, (2, 2, *size)), rng.integers(-3, 4, (2, 2, *output_size))
    for function in ("adaptive_avg_pool", "adaptive_max_pool", "adaptive_max_pool_indices"):
        both(function, x, output_size=output_size)
    both("adaptive_avg_pool_grad_input", dy, input_size=size)
    both("adaptive_max_pool_grad_input", dy, x)


@given(conv_cases(max_macs=1_000, features=CONV_OPTIONS))
def test_unfold_and_fold_are_the_loops(case):
    options = {name: case.options[name] for name in ("stride", "padding", "dilation")}
    columns = both("unfold", case.x, kernel_size=case.kernel_size, **options)
    both("fold", columns, output_size=case.input_size, kernel_size=case.kernel_size, **options)


@pytest.mark.parametrize("kind", ["conv", "conv_transpose", "grad_input", "grad_weight"])
@given(data=st.data())
def test_blocks_of_any_size_give_the_same(kind, data):
    case = data.draw(conv_cases(kind=kind, max_macs=1_000))
    block, kernels.BLOCK = kernels.BLOCK, data.draw(st.integers(1, 200))
    try:
        both(CONV[kind], *case.arguments, **case.options)
    finally:
        kernels.BLOCK = block


@given(conv_cases(features=CONV_OPTIONS))
def test_the_view_of_the_patches_stays_inside_its_array(case):
    padded = patches.fit(case.x, case.axes)
    low, high = np.lib.array_utils.byte_bounds(padded)
    view_low, view_high = np.lib.array_utils.byte_bounds(patches.gather(padded, whole(case.axes)))
    assert low <= view_low
    assert view_high <= high


def whole(axes):
    """The same windows over an input that is all that they cover."""
    sizes = patches.cover_size(axes)
    return tuple(replace(axis, input_size=size, lo=0, hi=0) for axis, size in zip(axes, sizes, strict=True))


@pytest.mark.parametrize("value", [2**11, 2**12, 2**26, 2**26 + 1, 2**31, 2**32, 2**52, 2**62, 2**63, 2**100])
@pytest.mark.parametrize("sign", [1, -1])
def test_large_numbers_stay_exact_through_every_number_type(value, sign):
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 4, (2, 2, 5)).astype(object) + sign * value
    w = rng.integers(-3, 4, (2, 2, 3)).astype(object) + value
    both("conv_forward", x, w, [value, 1], padding=1)
    dy = both("conv_forward", x, w)
    both("conv_grad_input", dy, w, input_size=5)
    both("conv_grad_weight", x, dy, kernel_size=3)
    both("conv_grad_bias", x)
    both("avg_pool", x, kernel_size=2)
    both("avg_pool_grad_input", x, input_size=6, kernel_size=2, stride=1)
    both("max_pool_grad_input", x, rng.integers(0, 9, (2, 2, 6)), kernel_size=2, stride=1)
    both("fold", x, output_size=6, kernel_size=2)


def carriers(monkeypatch):
    """Records the number type in which each contraction is computed."""
    seen = []
    choose = arithmetic._carrier

    def recording(*arguments):
        seen.append(choose(*arguments))
        return seen[-1]

    monkeypatch.setattr(arithmetic, "_carrier", recording)
    return seen


@pytest.mark.parametrize(
    ("values", "carrier"),
    [
        ([2**23, 2**23], np.float32),
        ([2**23 + 1, 2**23], np.float64),
        ([2**52, 2**52], np.float64),
        ([2**53 - 2**8, 1], np.float64),
        ([2**53, 1], np.int64),
        ([2**61, 2**61], np.int64),
        ([2**62, 2**62], object),
        ([2**64, 0], object),
    ],
)
def test_each_number_type_carries_sums_up_to_its_limit(monkeypatch, values, carrier):
    seen = carriers(monkeypatch)
    y = exact.conv_forward([[values]], [[[1, 1]]])
    assert seen == [np.dtype(carrier)]
    assert y.item() == sum(values)


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 2**24), (np.float64, 2**53)])
def test_a_float_beyond_its_limit_would_round(dtype, limit):
    x, w = np.array([[[limit, 1]]]), np.array([[[1, 1]]])
    assert int((x.astype(dtype) @ w.astype(dtype).swapaxes(1, 2)).item()) == limit
    assert exact.conv_forward(x, w).item() == limit + 1


def test_one_large_number_among_small_ones_does_not_cost_speed(monkeypatch):
    seen = carriers(monkeypatch)
    x, w = np.ones((1, 1, 1000), dtype=np.int64), np.ones((1, 1, 500), dtype=np.int64)
    x[0, 0, 0] = 2**50
    exact.conv_forward(x, w)
    assert seen == [np.dtype(np.float64)]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=4))
def test_floats_count_as_the_numbers_that_they_are(values):
    ours = exact.conv_forward(np.array([[values]]), [[[1, 0.5]]])
    expected = [Fraction(a) + Fraction(b) / 2 for a, b in pairwise(values)]
    assert ours.ravel().tolist() == expected


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64, np.float16, np.float32, bool])
def test_every_real_dtype_is_taken(dtype):
    x = np.array([[[1, 0, 1]]], dtype=dtype)
    both("conv_forward", x, x)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1j, "1", None])
def test_what_is_no_finite_real_number_is_refused(bad):
    with pytest.raises(DomainError, match="needs finite real numbers"):
        exact.conv_forward([[[1, bad]]], [[[1]]])


def test_an_empty_batch_has_an_empty_answer():
    x, w = np.zeros((0, 2, 3), dtype=np.int64), np.ones((4, 2, 2), dtype=np.int64)
    assert both("conv_forward", x, w).shape == (0, 4, 2)
    assert not both("conv_grad_weight", x, np.zeros((0, 4, 2), dtype=np.int64), kernel_size=2).any()


def memory(case):
    """The most memory that the answer takes, and what is granted: three times what goes in and out, and 64 MB."""
    arguments = case.arguments
    tracemalloc.start()
    y = getattr(exact, CONV[case.kind])(*arguments, **case.options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak, 3 * (y.nbytes + sum(array.nbytes for array in arguments if array is not None)) + 64 * 2**20


@pytest.mark.parametrize("kind", ["conv", "conv_transpose", "grad_input", "grad_weight"])
def test_a_large_case_needs_little_memory(kind):
    peak, granted = memory(ConvCase.parse(f"{kind} n8 c64 o64 i56x56 k5x5 p2x2 #0"))
    assert peak <= granted


def test_the_patches_of_a_whole_large_case_would_need_too_much(monkeypatch):
    monkeypatch.setattr(kernels, "BLOCK", 2**60)
    peak, granted = memory(ConvCase.parse("conv n8 c64 o64 i56x56 k5x5 p2x2 #0"))
    assert peak > granted


def test_wrong_arguments_are_refused_as_by_the_loops():
    for function in (reference, exact):
        with pytest.raises(DomainError, match="spans 9 elements"):
            function.conv_forward([[[0] * 6]], [[[1] * 5]], padding=1, dilation=2)
        with pytest.raises(DomainError, match=r"leaves window \(0,\) without"):
            function.max_pool([[[1]]], kernel_size=2, padding=1, dilation=2)
        with pytest.raises(DomainError, match=r"leaves window \(0,\) without"):
            function.avg_pool([[[1]]], kernel_size=2, padding=1, dilation=2, count_include_pad=False)
        with pytest.raises(DomainError, match="needs shape"):
            function.max_pool_grad_input([[[1, 1]]], [[[1]]], kernel_size=1)
        with pytest.raises(DomainError, match="needs shape"):
            function.avg_pool_grad_input([[[1, 1]]], input_size=1, kernel_size=1)


def test_both_have_the_same_functions():
    assert sorted(exact.__all__) == sorted(reference.__all__)
    assert all(callable(getattr(module, name)) for module in (exact, reference) for name in module.__all__)
