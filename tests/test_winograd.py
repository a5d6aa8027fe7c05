"""The transforms of Winograd's filtering: published ones, all small ones by polynomial identity, and wrong ones."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from convmath import DomainError, WinogradTransform, winograd_transform
from convmath.oracle.winograd import winograd_matrices
from convmath.winograd import INFINITY, POINTS

LAVIN_GRAY = WinogradTransform(
    output=((1, 1, 1, 0), (0, 1, -1, -1)),
    kernel=((1, 0, 0), *[(Fraction(1, 2), Fraction(sign, 2), Fraction(1, 2)) for sign in (1, -1)], (0, 0, 1)),
    data=((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1)),
)
"""F(2, 3) as it is printed in their section 4.1."""
RATIONALS = st.fractions(-3, 3, max_denominator=3)
SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4))


def test_f_2_3_is_that_of_lavin_and_gray_up_to_the_sign_at_infinity():
    ours = winograd_transform(2, 3)
    assert ours.kernel == LAVIN_GRAY.kernel
    assert ours.data[:3] == LAVIN_GRAY.data[:3]
    assert [-entry for entry in ours.data[3]] == list(LAVIN_GRAY.data[3])
    assert [row[:3] for row in ours.output] == [row[:3] for row in LAVIN_GRAY.output]
    assert [-row[3] for row in ours.output] == [row[3] for row in LAVIN_GRAY.output]


@pytest.mark.parametrize(("outputs", "taps"), [(2, 3), (4, 3), (6, 3), (3, 2), (2, 5), (1, 1), (1, 4), (4, 1)])
def test_the_matrices_agree_with_those_that_the_oracle_uses_up_to_the_sign_of_a_point(outputs, taps):
    ours, theirs = winograd_transform(outputs, taps), winograd_matrices(outputs, taps)
    assert [list(row) for row in ours.output] == theirs[0]
    for mine, other in ((ours.kernel, theirs[1]), (ours.data, theirs[2])):
        assert [tuple(map(abs, row)) for row in mine] == [tuple(map(abs, row)) for row in other]
    products = [
        [[g * d for g in kernel for d in data] for kernel, data in zip(*pair, strict=True)]
        for pair in ((ours.kernel, ours.data), theirs[1:])
    ]
    assert products[0] == products[1]


@pytest.mark.parametrize(("outputs", "taps"), [*product(range(1, 5), range(1, 5))])
def test_the_result_is_the_correlation_as_polynomials(outputs, taps):
    transform = winograd_transform(outputs, taps)
    g, d = sympy.symbols(f"g:{taps}"), sympy.symbols(f"d:{outputs + taps - 1}")
    found = transform.correlate(g, d)
    for k in range(outputs):
        assert sympy.expand(found[k] - sum(g[i] * d[k + i] for i in range(taps))) == 0
    assert transform.multiplications == outputs + taps - 1
    assert transform.direct_multiplications == outputs * taps


@given(SIZES, st.data(), st.booleans())
def test_any_different_points_will_do(sizes, data, infinity):
    outputs, taps = sizes
    number = outputs + taps - 1
    points = data.draw(st.lists(RATIONALS, min_size=number - infinity, max_size=number - infinity, unique=True))
    where = data.draw(st.integers(0, len(points)))
    points[where:where] = [INFINITY] * infinity
    transform = winograd_transform(outputs, taps, points)
    kernel = data.draw(st.lists(RATIONALS, min_size=taps, max_size=taps))
    tile = data.draw(st.lists(RATIONALS, min_size=number, max_size=number))
    expected = [sum(kernel[i] * tile[k + i] for i in range(taps)) for k in range(outputs)]
    assert transform.correlate(kernel, tile).tolist() == expected


@pytest.mark.parametrize("ndim", [2, 3])
def test_nested_over_the_axes_it_is_the_correlation_of_numpy(ndim):
    transform, draw = winograd_transform(2, 3), np.random.default_rng(7)
    kernel, tile = draw.integers(-9, 9, (3,) * ndim), draw.integers(-9, 9, (4,) * ndim)
    windows = np.lib.stride_tricks.sliding_window_view(tile, kernel.shape)
    expected = np.tensordot(windows, kernel, axes=ndim)
    assert transform.correlate(kernel, tile).tolist() == expected.tolist()
    assert transform.multiplications**ndim < transform.direct_multiplications**ndim


def test_sympy_rationals_are_points_too():
    half = sympy.Rational(1, 2)
    assert winograd_transform(2, 2, [0, half, -half]) == winograd_transform(2, 2, [0, Fraction(1, 2), Fraction(-1, 2)])


# What is refused


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([0, 1, 1, INFINITY], r"needs 4 different points"),
        ([0, Fraction(1, 2), sympy.Rational(1, 2), 1], r"'1/2', '1/2'.*needs 4 different points"),
        ([INFINITY, 0, 1, INFINITY], r"'infinity'.*needs 4 different points"),
        ([0, 1, -1], "needs 4 different points"),
        ([0, 1, -1, 2, -2], "needs 4 different points"),
        ([0, 1, -1, 0.5], "needs exact numbers"),
        ([0, 1, -1, "2"], "needs exact numbers"),
        ([0, 1, -1, True], "needs exact numbers"),
    ],
)
def test_repeated_inexact_and_missing_points_are_refused(points, says):
    assert winograd_transform(2, 3, [0, 1, -1, 2]).multiplications == 4
    with pytest.raises(DomainError, match=says):
        winograd_transform(2, 3, points)


@pytest.mark.parametrize("sizes", [(0, 3), (2, 0), (-1, 3), (2.0, 3), (True, 3)])
def test_sizes_that_are_no_numbers_of_outputs_and_taps_are_refused(sizes):
    with pytest.raises(DomainError, match="needs an int"):
        winograd_transform(*sizes)


def test_more_points_than_are_known_have_to_be_given():
    assert winograd_transform(len(POINTS) - 1, 3, range(len(POINTS) + 1)).taps == 3
    with pytest.raises(DomainError, match="different points"):
        winograd_transform(len(POINTS), 3)


@pytest.mark.parametrize("name", ["output", "kernel", "data"])
def test_a_wrong_sign_anywhere_is_refused_with_the_coefficient(name):
    matrix = getattr(LAVIN_GRAY, name)
    places = [(i, j) for i, row in enumerate(matrix) for j, entry in enumerate(row) if entry]
    for i, j in places:
        row = (*matrix[i][:j], -matrix[i][j], *matrix[i][j + 1 :])
        with pytest.raises(DomainError, match=r"is the coefficient of g\[\d\] d\[\d\] in y\[\d\]"):
            replace(LAVIN_GRAY, **{name: (*matrix[:i], row, *matrix[i + 1 :])})


@pytest.mark.parametrize(
    "changes",
    [
        {"output": LAVIN_GRAY.output[:1]},
        {"kernel": LAVIN_GRAY.kernel[:3]},
        {"data": [row[:3] for row in LAVIN_GRAY.data]},
        {"data": ()},
        {"kernel": ((1,), (1, 2), (1,), (1,))},
        {"kernel": [[0.5] * 3] * 4},
    ],
)
def test_matrices_that_do_not_fit_together_are_refused(changes):
    with pytest.raises(DomainError):
        replace(LAVIN_GRAY, **changes)


@pytest.mark.parametrize(
    ("kernel", "data"), [([1, 2], [1, 2, 3, 4]), ([1, 2, 3], [1, 2, 3]), ([[1, 2, 3]], [[1]]), (1, 2)]
)
def test_a_tile_of_another_shape_is_refused(kernel, data):
    with pytest.raises(DomainError, match="needs the shape"):
        winograd_transform(2, 3).correlate(kernel, data)
