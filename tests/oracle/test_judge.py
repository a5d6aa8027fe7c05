"""Verdicts on single outputs: shapes, types, NaN, infinity, and what cannot be judged."""

from __future__ import annotations

import numpy as np
import pytest

from convmath.oracle.bounds import Bounded, error_bound
from convmath.oracle.exact_values import DoubleFloats, Scaled
from convmath.oracle.formats import arithmetic
from convmath.oracle.judge import judge
from convmath.oracle.layer import Layer


def bounded(values, bound, output="float32"):
    expected = DoubleFloats.of(Scaled(np.array(values), 0))
    return Bounded(expected, np.broadcast_to(np.float64(bound), expected.high.shape), arithmetic(output))


def test_an_output_within_its_bounds_is_ok_and_the_worst_element_is_named():
    found = judge(np.float32([1.25, 2.0, 2.5]), bounded([1, 2, 3], 1.0))
    assert (found.ok, found.ratio, found.index, found.expected, found.got) == (True, 0.5, (2,), 3, 2.5)
    assert (found.elements, found.judged) == (3, 3)


def test_an_output_beyond_one_bound_is_not_ok():
    found = judge(np.float32([1.25, 2.0, 4.5]), bounded([1, 2, 3], [1.0, 1.0, 1.25]))
    assert (found.ok, found.index, found.error, found.bound) == (False, (2,), 1.5, 1.25)
    assert str(found) == "beyond the bound: expected 3, got 4.5 at index (2,): off by 1.5, bound 1.25"


def test_an_exact_judgement_has_no_tolerance():
    assert judge(np.float32([1, 2]), bounded([1, 2], 0.0)).ok
    found = judge(np.nextafter(np.float32([1, 2]), np.float32(3)), bounded([1, 2], 0.0))
    assert (found.ok, found.ratio, found.reason) == (False, np.inf, "not exact")


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (np.float32([1, np.nan]), "NaN"),
        (np.float32([1, np.inf]), "infinity"),
        (np.float32([[1, 2]]), "expected shape (2,), got shape (1, 2)"),
        (np.float64([1, 2]), "expected elements of type float32, got float64"),
        (np.int32([1, 2]), "expected elements of type float32, got int32"),
        (["a", "b"], "expected elements of type float32, got str32"),
        ([[1], [1, 2]], "no array: ValueError"),
        (None, "expected shape (2,), got shape ()"),
    ],
)
def test_what_is_no_such_array_gets_a_verdict(output, reason):
    found = judge(output, bounded([1, 2], 0.5))
    assert not found.ok
    assert found.reason.startswith(reason)
    assert reason in str(found)


def test_nan_and_infinity_are_not_held_against_elements_without_a_bound():
    found = judge(np.float32([1, np.nan, np.inf]), bounded([1, 2, 3], [0.5, np.inf, np.inf]))
    assert (found.ok, found.judged, found.elements) == (True, 1, 3)


def test_an_output_that_cannot_be_judged_at_all_is_not_ok():
    found = judge(np.float32([1, 2]), bounded([1, 2], np.inf))
    assert (found.ok, found.judged, str(found)) == (False, 0, "no element can be judged")


def test_an_empty_output_of_the_right_shape_is_ok():
    assert judge(np.zeros((0, 2), np.float32), bounded(np.zeros((0, 2), np.int64), 0.0)).ok


def test_bfloat16_comes_in_float32_and_must_be_bfloat16_numbers():
    assert judge(np.float32([1, 2.015625]), bounded([1, 2], 0.5, "bfloat16")).ok
    found = judge(np.float32([1, 2.001]), bounded([1, 2], 0.5, "bfloat16"))
    assert found.reason == "expected numbers of bfloat16, got others in float32"


def test_large_integers_are_told_apart():
    expected = bounded([2**62 + 1], 0.0, "int64")
    assert judge(np.array([2**62 + 1]), expected).ok
    assert not judge(np.array([2**62]), expected).ok


def test_elements_that_may_overflow_are_not_judged():
    x = np.array([[[2.0**8, 1.0]]])
    found = error_bound(Layer("conv", (x, np.full((1, 1, 1), 2.0**8), None), {}), "float16")
    assert np.isinf(found.bound).tolist() == [[[True, False]]]
    assert judge(np.float16([[[np.inf, 256.0]]]), found).ok
    wide = error_bound(Layer("conv", (x, np.full((1, 1, 1), 2.0**7), None), {}), "float16")
    assert not judge(np.float16([[[np.inf, 128.0]]]), wide).ok


def test_an_output_narrower_than_the_accumulator_may_overflow():
    layer = Layer("conv", (np.array([[[2.0**8, 1.0]]]), np.full((1, 1, 1), 2.0**8), None), {})
    found = error_bound(layer, arithmetic("float16", accumulator="float32"))
    assert judge(np.float16([[[np.inf, 256.0]]]), found).judged == 1


def test_cancelling_terms_beyond_the_range_of_the_accumulator_are_not_judged():
    x, w = np.array([[[2.0**15, 2.0**15]]]), np.array([[[1.0, -1.0]]])
    layer = Layer("conv", (x, w * 1.5, None), {})
    assert layer.expected.high.tolist() == [[[0.0]]]
    assert np.isinf(error_bound(layer, "float16").bound).all()
    assert np.isfinite(error_bound(layer, arithmetic("float16", accumulator="float32")).bound).all()


def test_factors_that_overflow_as_they_are_rounded_are_not_judged():
    layer = Layer("conv", (np.array([[[1e6]]]), np.array([[[1e-6]]]), None), {})
    assert np.isfinite(error_bound(layer, "float32").bound).all()
    assert np.isinf(error_bound(layer, arithmetic("float32", inputs="float16")).bound).all()
