"""Convolution of functions against SciPy's quadrature and against sums over steps."""

from __future__ import annotations

from fractions import Fraction
from math import inf

import numpy as np
import pytest
import sympy
from hypothesis import strategies as st
from scipy.integrate import quad

from convmath import catalog
from convmath.calculus.evaluate import Model
from convmath.calculus.quadrature import DIGITS

from .claims import Claim, caught, claims, covers, for_all, mistaken, other_claims, refutes

SMOOTHING = "continuous.gaussian_smoothing"
LAWS = ("continuous.commutes", "continuous.flip", "continuous.correlation_reflects")
HEIGHTS = st.lists(st.integers(-3, 3), min_size=3, max_size=3)
STEP_CASES = st.tuples(HEIGHTS, HEIGHTS, st.integers(-6, 6).map(lambda halves: Fraction(halves, 2)))


# Laws, on step functions


def steps(heights):
    """A step function from -1 on."""
    return lambda n: heights[n + 1] if -1 <= n < len(heights) - 1 else 0


def overlaps(first, second, at, sign):
    """The integral of f(x) g(at + sign x), half by half: the middle of a half tells on which steps it lies."""
    middles = [Fraction(2 * n + 1, 4) for n in range(-12, 12)]
    return sum(Fraction(1, 2) * first(x // 1) * second((at + sign * x) // 1) for x in middles)


REALITY = {
    "continuous.commutes": lambda f, g, t: overlaps(g, f, t, -1),
    "continuous.flip": lambda f, g, t: overlaps(f, g, t, 1),
    "continuous.correlation_reflects": lambda f, g, t: overlaps(g, f, -t, 1),
}


def law_differences(identifier: str, stated: Claim, case) -> list[str]:
    first, second, t = case
    f, g = steps(first), steps(second)
    sides = Model({"t": t}, tensors={"f": f, "g": g}).sides(stated.body)
    expected = REALITY[identifier](f, g, t)
    return [f"{side} at {t}, by the steps {expected}" for side in sides if side != expected]


@covers("continuous.commutes")
def test_convolution_of_functions_commutes():
    (stated,) = claims("continuous.commutes")
    for_all(STEP_CASES, lambda case: law_differences("continuous.commutes", stated, case))


@covers("continuous.flip")
def test_cross_correlation_is_convolution_with_a_reflected_function():
    (stated,) = claims("continuous.flip")
    for_all(STEP_CASES, lambda case: law_differences("continuous.flip", stated, case))


@covers("continuous.correlation_reflects")
def test_exchanging_the_functions_of_a_cross_correlation_reflects_it():
    (stated,) = claims("continuous.correlation_reflects")
    for_all(STEP_CASES, lambda case: law_differences("continuous.correlation_reflects", stated, case))


@refutes("continuous.commutes")
@refutes("continuous.flip")
@refutes("continuous.correlation_reflects")
@pytest.mark.parametrize("identifier", LAWS)
def test_the_mistake_of_a_law_is_caught(identifier):
    caught(STEP_CASES, lambda case: law_differences(identifier, mistaken(identifier), case))


@pytest.mark.parametrize("identifier", LAWS)
@pytest.mark.parametrize("side", [0, 1])
def test_a_law_with_a_function_at_another_place_is_caught(identifier, side):
    (stated,) = claims(identifier)
    wrong = stated.wrong({"t": ("+", "t", 1)}, side=side)
    caught(STEP_CASES, lambda case: law_differences(identifier, wrong, case))


@pytest.mark.parametrize("identifier", LAWS)
def test_a_law_rests_on_the_kernel_alone(identifier):
    assert catalog.entry(identifier).theorem.trust == {"kernel"}


# Gaussians, by SciPy's quadrature


def density(x, deviation):
    return np.exp(-(x**2) / (2 * deviation**2)) / (np.sqrt(2 * np.pi) * deviation)


def smoothed(function, t, deviation, low=-inf, high=inf):
    """The value and SciPy's bound on its error."""
    pieces = [quad(lambda x: function(x) * density(t - x, deviation), *ends) for ends in ((low, t), (t, high))]
    return sum(value for value, _ in pieces), sum(error for _, error in pieces)


def numeric_differences(stated: Claim, numbers, expected: tuple[float, float]) -> list[str]:
    """Sides that are further from SciPy's value than its error and the last digit of either."""
    value, error = expected
    room = error + 10.0**-DIGITS + np.spacing(abs(value)) * 8
    sides = Model(numbers).sides(stated.body)
    return [f"{float(side)} at {numbers}, by SciPy {value}" for side in sides if abs(float(side) - value) > room]


QUARTERS = st.integers(-8, 8).map(lambda n: Fraction(n, 4))
DEVIATIONS = st.integers(2, 8).map(lambda n: Fraction(n, 4))
SMALL = st.integers(-3, 3)
PARABOLAS = st.fixed_dictionaries({"t": QUARTERS, "sigma": DEVIATIONS, "a_0": SMALL, "a_1": SMALL, "a_2": SMALL})
PAIRS = st.fixed_dictionaries({"t": QUARTERS, "sigma_1": DEVIATIONS, "sigma_2": DEVIATIONS})
WINDOWS = st.fixed_dictionaries({"t": QUARTERS, "sigma": DEVIATIONS, "b": QUARTERS, "c": QUARTERS})


def parabola_differences(stated: Claim, v) -> list[str]:
    at = smoothed(lambda x: v["a_0"] + v["a_1"] * x + v["a_2"] * x**2, float(v["t"]), float(v["sigma"]))
    return numeric_differences(stated, v, at)


def edge_differences(stated: Claim, v) -> list[str]:
    t, deviation = float(v["t"]), float(v["sigma"])
    value, error = quad(lambda x: density(t - x, deviation), 0, inf)
    return numeric_differences(stated, {name: v[name] for name in ("t", "sigma")}, (value, error))


def window_differences(stated: Claim, v) -> list[str]:
    t, deviation = float(v["t"]), float(v["sigma"])
    return numeric_differences(stated, v, quad(lambda x: density(t - x, deviation), float(v["b"]), float(v["c"])))


def pair_differences(stated: Claim, v) -> list[str]:
    first, second = float(v["sigma_1"]), float(v["sigma_2"])
    return numeric_differences(stated, v, smoothed(lambda x: density(x, first), float(v["t"]), second))


@covers(SMOOTHING)
def test_a_gaussian_smooths_a_parabola_and_an_edge():
    parabola, edge = claims(SMOOTHING)
    for_all(PARABOLAS, lambda v: parabola_differences(parabola, v), share=0.2)
    for_all(PARABOLAS, lambda v: edge_differences(edge, v), share=0.2)


def test_a_gaussian_smooths_a_window():
    (window,) = (claim for words, claim in other_claims(SMOOTHING).items() if "window" in words)
    for_all(WINDOWS, lambda v: window_differences(window, v), share=0.2)
    caught(WINDOWS, lambda v: window_differences(window.wrong({"b": "c", "c": "b"}, side=1), v))


@refutes(SMOOTHING)
def test_a_smoothed_parabola_with_another_variance_and_the_mistake_are_caught():
    parabola, edge = claims(SMOOTHING)
    squared = ("*", ("positive", "sigma"), ("positive", "sigma"))
    caught(PARABOLAS, lambda v: parabola_differences(parabola.wrong({squared: ("positive", "sigma")}, side=1), v))
    caught(PARABOLAS, lambda v: parabola_differences(mistaken(SMOOTHING), v))
    caught(PARABOLAS, lambda v: edge_differences(edge.wrong({"t": ("*", -1, "t")}, side=1), v))


@covers("continuous.gaussian_gaussian")
def test_the_variances_of_two_gaussians_add():
    (stated,) = claims("continuous.gaussian_gaussian")
    for_all(PAIRS, lambda v: pair_differences(stated, v), share=0.2)


@refutes("continuous.gaussian_gaussian")
def test_the_mistake_that_the_deviations_add_is_caught():
    caught(PAIRS, lambda v: pair_differences(mistaken("continuous.gaussian_gaussian"), v))


@pytest.mark.parametrize("identifier", [SMOOTHING, "continuous.gaussian_gaussian"])
def test_what_sympy_works_out_is_named(identifier):
    entry = catalog.entry(identifier)
    assert entry.proof().trust == set(entry.trust) == {"kernel", "sympy.integrate"}


# As SymPy objects


def test_the_statements_are_equations_of_sympy_integrals():
    for item in catalog.entries():
        if item.id.startswith("continuous."):
            assert isinstance(item.expr, sympy.Eq)
            assert item.expr.lhs.has(sympy.Integral)


def test_the_entry_solves_what_a_user_puts_in():
    """Smoothing a Gaussian that is put in for f: the two sides of commutativity, worked out by SymPy."""
    equation = catalog.entry("continuous.commutes").expr
    f, g = (next(p.func for p in equation.atoms(sympy.Function) if p.func.__name__ == name) for name in "fg")
    x = sympy.Dummy("x")
    bell = sympy.Lambda(x, sympy.exp(-(x**2)))
    filled = equation.replace(f, bell).replace(g, sympy.Lambda(x, x * sympy.exp(-(x**2))))
    assert sympy.simplify(filled.lhs.doit() - filled.rhs.doit()) == 0
