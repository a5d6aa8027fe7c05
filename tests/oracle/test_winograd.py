"""Winograd's matrices compute a correlation, and the bound's amplification is what their absolute values say."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from convmath.errors import DomainError, UnsupportedError
from convmath.oracle.accumulation import Accumulation, Conversion, gamma
from convmath.oracle.layer import Layer
from convmath.oracle.winograd import Winograd, winograd_matrices

SIZES = [(m, r) for m in (1, 2, 3, 4, 6) for r in (1, 2, 3, 5)]
FLOAT64 = 256 * 2.0**-53  # fewer than 256 roundings on the way of a non-negative term, on either side
UNIT = Accumulation(relative=2.0**-40, absolute=0.0, inputs=Conversion(0.0, 0.0), aligned=False)


def filtered(matrices, w, x):
    at, g, bt = (np.array(matrix, dtype=object) for matrix in matrices)
    return at @ ((g @ w) * (bt @ x))


def correlation(w, x):
    return [sum(w[k] * x[j + k] for k in range(len(w))) for j in range(len(x) - len(w) + 1)]


def units(size):
    return np.array([[Fraction(i == j) for i in range(size)] for j in range(size)], dtype=object)


@pytest.mark.parametrize(("m", "r"), SIZES)
def test_the_matrices_compute_a_correlation(m, r):
    matrices = winograd_matrices(m, r)
    for w, x in product(units(r), units(m + r - 1)):  # both sides are bilinear
        assert list(filtered(matrices, w, x)) == correlation(w, x), (m, r, w, x)


@pytest.mark.parametrize(("m", "r"), [(2, 3), (4, 3)])
def test_a_changed_entry_is_caught(m, r):
    for which in range(3):
        matrices = winograd_matrices(m, r)
        matrices[which][1][1] += Fraction(1, 24)
        pairs = product(units(r), units(m + r - 1))
        assert any(list(filtered(matrices, w, x)) != correlation(w, x) for w, x in pairs)


def test_the_matrices_of_lavin_and_gray_are_these_up_to_signs():
    _, g, bt = winograd_matrices(4, 3)
    lavin_g = [[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]
    lavin_b = [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    assert np.abs(np.array(g) * 24).tolist() == np.abs(lavin_g).tolist()
    assert np.abs(np.array(bt)).tolist() == np.abs(lavin_b).tolist()


def test_too_few_or_equal_points_are_refused():
    with pytest.raises(DomainError, match="needs 5 different points"):
        winograd_matrices(4, 3, points=(0, 1, -1, 1))
    with pytest.raises(DomainError, match="needs 13 different points"):
        winograd_matrices(12, 3)


@pytest.mark.parametrize(
    ("m", "roundings"),
    [
        (2, 2 + 2 + 1 + 1 + 1),  # additions of A', G and B', the product, the second channel
        (4, 4 + (2 + 2) + (2 + 1) + 1 + 1),  # and 1/24 rounded and multiplied in G, 5 multiplied in B'
    ],
)
def test_the_bound_is_the_sum_over_all_paths_at_the_worst_place_in_a_tile(m, roundings):
    rng = np.random.default_rng(0)
    x, w = rng.standard_normal((1, 2, 9)), rng.standard_normal((1, 2, 3))
    found = Winograd(m).error(Layer("conv", (x, w, None), {"padding": ((1, 1),)}), UNIT)
    at, g, bt = (np.abs(np.array(matrix, dtype=float)) for matrix in winograd_matrices(m, 3))
    padded = np.abs(np.pad(x[0], ((0, 0), (m, m))))  # one for the padding, the rest for tiles that overhang
    worst = np.zeros(9)
    for o, j in product(range(9), range(m)):
        tile = padded[:, o + m - 1 - j : o + 2 * m + 1 - j]
        sums = sum(at @ ((g @ np.abs(w[0, c])) * (bt @ tile[c])) for c in range(2))
        worst[o] = max(worst[o], sums[j])
    np.testing.assert_allclose(found.absolute[0, 0], gamma(roundings, 2.0**-40) * worst, rtol=FLOAT64)


def test_a_larger_tile_amplifies_more_and_one_tap_not_at_all():
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal((1, 2, 12, 12)), rng.standard_normal((3, 2, 3, 3))
    layer = Layer("conv", (x, w, None), {})
    errors = [Winograd(m).error(layer, UNIT).absolute.max() for m in (1, 2, 4, 6)]
    assert errors == sorted(errors)
    assert errors[-1] > 50 * errors[0]
    pointwise = Layer("conv", (x, w[..., :1, :1], None), {})
    np.testing.assert_allclose(
        Winograd(4).error(pointwise, UNIT).absolute, 2 * 2.0**-40 * pointwise.products, rtol=1e-9
    )


@pytest.mark.parametrize(("kind", "options"), [("conv", {"stride": 2}), ("conv", {"dilation": 2}), ("grad_bias", {})])
def test_layers_that_the_algorithm_does_not_compute_are_refused(kind, options):
    x, w = np.ones((1, 1, 9)), np.ones((1, 1, 3))
    layer = Layer(kind, (x, w, None) if kind == "conv" else (x,), options)
    with pytest.raises(UnsupportedError, match="stride 1 and dilation 1"):
        Winograd().error(layer, UNIT)
