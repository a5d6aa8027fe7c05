"""Rounding to formats that NumPy lacks, and exact values next to floats, against torch and against rationals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.errors import DomainError
from convmath.oracle.exact_values import DoubleFloats, Scaled, scaled
from convmath.oracle.formats import FORMATS, FloatFormat, arithmetic, float_format, number_format, round_to

FLOATS = [name for name, found in FORMATS.items() if isinstance(found, FloatFormat)]
finite = st.floats(allow_nan=False, allow_infinity=False)


def bit_patterns(count):
    """float32 of all kinds: random bits, ties of bfloat16 and TF32, their neighbours, the extremes; one kind of NaN."""
    bits = np.random.default_rng(0).integers(0, 2**32, count, dtype=np.uint32)
    ties = [(bits & ~np.uint32(2**low - 1)) | np.uint32(2 ** (low - 1)) for low in (16, 13)]
    near = [tie + np.uint32(step) for tie in ties for step in (0, 1)] + [tie - np.uint32(1) for tie in ties]
    extremes = np.uint32([0, 1, 0x7F7FFFFF, 0x7F7F8000, 0x7F7F7FFF, 0x80000001])
    values = np.concatenate([bits, *near, extremes]).view(np.float32)
    return np.where(np.isnan(values), np.float32(np.nan), values)


def neighbours(value, target):
    """The numbers of a format on either side of a positive Fraction, with their significands; from the definition."""
    exponent = target.min_exponent
    while Fraction(2) ** (exponent + 1) <= value:
        exponent += 1
    step = Fraction(2) ** (exponent - target.precision + 1)
    below = value // step
    return [(below * step, below), ((below + 1) * step, below + 1)]


def nearest(value, target):
    """Ties to the even significand; beyond the largest number infinity, as if exponents went on."""
    sign = -1 if value < 0 else 1
    (low, m), (high, _) = neighbours(abs(value), target)
    down, up = abs(value) - low, high - abs(value)
    chosen = low if down < up or (down == up and m % 2 == 0) else high
    return sign * (float("inf") if chosen > Fraction(target.largest) else float(chosen))


def test_rounding_to_bfloat16_is_torchs():
    torch = pytest.importorskip("torch")
    values = bit_patterns(50_000)
    np.testing.assert_array_equal(round_to(values, "bfloat16"), torch.from_numpy(values).bfloat16().float().numpy())


@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_rounding_to_a_numpy_type_is_numpys(dtype):
    values = bit_patterns(50_000).astype(np.float64) * (1 + 2.0**-30)
    np.testing.assert_array_equal(round_to(values, dtype), values.astype(dtype))


@given(st.sampled_from(FLOATS), finite)
def test_rounding_takes_the_nearest_number_and_of_two_the_even(name, value):
    assert round_to(value, name) == nearest(Fraction(value), float_format(name)), (name, value)


@pytest.mark.parametrize("name", ["tf32", "bfloat16"])
def test_rounding_of_bit_patterns_takes_the_nearest_number(name):
    values = bit_patterns(300)
    values = values[np.isfinite(values)]
    expected = [nearest(Fraction(float(value)), float_format(name)) for value in values]
    np.testing.assert_array_equal(round_to(values, name), np.float32(expected))


def test_truncation_ties_away_and_rounding_twice_are_caught():
    values = bit_patterns(2_000)
    values = values[np.isfinite(values)]
    bits, low = values.view(np.uint32), np.uint32(2**13 - 1)
    truncated = (bits & ~low).view(np.float32)
    away = ((bits + np.uint32(2**12)) & ~low).view(np.float32)
    assert np.any(truncated != round_to(values, "tf32"))
    assert np.any(away != round_to(values, "tf32"))
    beyond_tie = 1 + 2.0**-8 + 2.0**-40
    assert round_to(np.float32(beyond_tie), "bfloat16") != round_to(beyond_tie, "bfloat16")


def test_rounding_keeps_nan_infinity_and_the_sign_of_zero():
    rounded = round_to([np.nan, -np.inf, -0.0, -1e-60], "bfloat16")
    assert np.isnan(rounded[0])
    assert rounded[1] == -np.inf
    assert np.all(np.signbit(rounded[2:]) & (rounded[2:] == 0))


@pytest.mark.parametrize("name", FLOATS)
def test_constants_of_a_format_are_those_of_torch(name):
    torch = pytest.importorskip("torch")
    found = float_format(name)
    if name == "tf32":
        assert (found.largest, found.smallest) == (2.0**128 - 2.0**117, 2.0**-136)
        return
    info = torch.finfo(getattr(torch, name))
    assert (found.largest, found.smallest_normal) == (info.max, info.tiny)
    assert (2 * found.unit_roundoff, found.smallest) == (info.eps, info.smallest_normal * info.eps)


@pytest.mark.parametrize("name", FORMATS)
def test_integers_up_to_the_largest_are_exact_and_the_next_is_not(name):
    found = number_format(name)
    if isinstance(found, FloatFormat):
        assert round_to(float(found.largest_integer), name) == found.largest_integer
        assert int(round_to(float(found.largest_integer + 1), name)) != found.largest_integer + 1 or name == "float64"
    else:
        assert np.iinfo(name).max == found.largest_integer


def test_an_unknown_format_and_an_integer_one_for_floats_are_refused():
    with pytest.raises(DomainError, match="dtype='float8'"):
        arithmetic("float8")
    with pytest.raises(DomainError, match="needs a float format"):
        float_format("int8")
    with pytest.raises(DomainError, match="complex"):
        round_to(np.complex64(1), "tf32")


def test_factors_are_rounded_to_a_narrower_accumulator():
    assert arithmetic("float64", accumulator="float32").inputs.name == "float32"
    assert arithmetic("float16", accumulator="float32").inputs.name == "float16"


@given(st.lists(finite, max_size=6))
def test_scaled_floats_are_the_floats(values):
    found = scaled("x", np.array(values, dtype=np.float64))
    numbers = [int(n) * Fraction(2) ** found.exponent for n in found.numerators]
    assert numbers == [Fraction(value) for value in values]


@given(st.lists(finite, min_size=1, max_size=4), st.lists(finite, min_size=1, max_size=4))
def test_scaled_numbers_add_up_exactly(a, b):
    count = min(len(a), len(b))
    total = scaled("a", np.array(a[:count])).plus(scaled("b", np.array(b[:count])))
    numbers = [int(n) * Fraction(2) ** total.exponent for n in total.numerators]
    assert numbers == [Fraction(x) + Fraction(y) for x, y in zip(a, b, strict=False)]


@given(st.integers(-(2**100), 2**100), st.integers(-200, 200), finite)
def test_distances_to_exact_numbers_are_right(numerator, exponent, got):
    exact = Fraction(numerator) * Fraction(2) ** exponent
    values = DoubleFloats.of(Scaled(np.array([numerator], dtype=object), exponent))
    distance = float(values.distance(np.array([got]))[0])
    true = abs(exact - Fraction(got))
    assert abs(Fraction(distance) - true) <= true * Fraction(2) ** -50, (numerator, exponent, got)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1))
def test_integers_are_compared_exactly(expected, got):
    distance = DoubleFloats.of(Scaled(np.array([expected]), 0)).distance(np.array([got]))
    assert (distance[0] == 0) == (expected == got)


def test_a_distance_to_the_nearest_float_alone_is_caught():
    exact = 2**60 + 1
    assert abs(float(2**60) - float(exact)) == 0
    assert DoubleFloats.of(Scaled(np.array([exact]), 0)).distance(np.array([2.0**60])).tolist() == [1.0]


def test_numbers_that_are_not_finite_are_refused():
    with pytest.raises(DomainError, match=r"x=nan: needs finite numbers"):
        scaled("x", [1.0, float("nan")])
