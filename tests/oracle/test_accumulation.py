"""gamma_n and its probable version bound products of rounding factors, as they say."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from convmath.oracle.accumulation import gamma, probable_gamma, probable_lambda


@pytest.mark.parametrize("n", [1, 7, 100, 1000])
def test_gamma_bounds_every_product_of_roundings(n):
    u = Fraction(1, 2**11)
    extremes = (1 + u) ** n - 1, 1 - (1 - u) ** n, (1 - u) ** -n - 1
    assert max(extremes) <= Fraction(float(gamma(n, 2.0**-11))) * (1 + Fraction(2) ** -50)
    assert n == 1 or (1 + u) ** n - 1 > n * u  # n u alone is no bound


def test_the_probable_gamma_is_exceeded_as_rarely_as_it_says():
    rng, u, n = np.random.default_rng(0), 2.0**-11, 400
    products = np.array([np.prod(1 + rng.choice([-u, u], n)) for _ in range(20_000)])
    for lam in (1.5, 2.0, 2.5):
        exceeded = np.mean(np.abs(products - 1) > probable_gamma(n, u, lam))
        assert exceeded <= 2 * np.exp(-(lam**2) * (1 - u) ** 2 / 2), lam
    assert np.mean(np.abs(products - 1) > probable_gamma(n, u, 0.5)) > 0.5
    assert np.abs(products - 1).max() < gamma(n, u)


@pytest.mark.parametrize("failure", [1e-3, 1e-12])
def test_lambda_gives_the_failure_probability_that_was_asked_for(failure):
    lam = probable_lambda(failure, paths=1e5, unit=2.0**-8)
    assert np.isclose(2 * 1e5 * np.exp(-((lam * (1 - 2.0**-8)) ** 2) / 2), failure, rtol=1e-9)
