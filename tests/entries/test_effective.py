"""The width of the effective receptive field against NumPy's moments of the weights themselves."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .claims import Claim, caught, claims, covers, for_all, mistaken, refutes

WEIGHTS = st.lists(st.integers(-4, 5), min_size=1, max_size=4)
PAIRS = st.tuples(WEIGHTS, WEIGHTS)
LAYERS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)), max_size=4)


def moment(weights, power: int) -> int:
    return sum(int(weight) * position**power for position, weight in enumerate(weights))


def moment_differences(stated: Claim, case, power: int) -> list[str]:
    first, second = case
    expected = moment(np.convolve(first, second), power)
    tables = {"u": lambda n: first[n], "v": lambda n: second[n]}
    sides = Model({"M": len(first), "I": len(second)}, tensors=tables).sides(stated.body)
    return [f"{side} for {case}, by NumPy {expected}" for side in sides if side != expected]


@covers("effective.moments")
@pytest.mark.parametrize("power", [0, 1, 2])
def test_the_moments_of_a_convolution_are_those_of_numpy(power):
    stated = claims("effective.moments")[power]
    for_all(PAIRS, lambda case: moment_differences(stated, case, power))


@refutes("effective.moments")
def test_squares_without_the_mixed_product_and_other_sizes_are_caught():
    caught(PAIRS, lambda case: moment_differences(mistaken("effective.moments"), case, 2))
    wrong = claims("effective.moments")[1].wrong({"M": ("+", "M", -1)}, side=1)
    caught(PAIRS, lambda case: moment_differences(wrong, case, 1))


def uniform_differences(stated: Claim, size: int, power: int, factor: int) -> list[str]:
    expected = factor * moment(np.ones(size, dtype=int), power)
    sides = Model({"k": size}).sides(stated.body)
    return [f"{side} for {size}, by NumPy {expected}" for side in sides if side != expected]


@covers("effective.uniform")
def test_the_moments_of_a_uniform_kernel_are_those_of_numpy_and_so_is_the_variance():
    mean, square = claims("effective.uniform")
    for size in range(30):
        assert not uniform_differences(mean, size, 1, 2)
        assert not uniform_differences(square, size, 2, 6)
        if size:
            doubled, sixfold = (Model({"k": size}).sides(claim.body)[1] for claim in (mean, square))
            found = Fraction(sixfold, 6 * size) - Fraction(doubled, 2 * size) ** 2
            assert found == Fraction(size**2 - 1, 12)
            assert float(found) == pytest.approx(np.var(np.arange(size)))


@refutes("effective.uniform")
def test_a_uniform_kernel_with_a_position_more_is_caught():
    mean, square = claims("effective.uniform")
    sizes = st.integers(1, 20)
    caught(sizes, lambda size: uniform_differences(mistaken("effective.uniform"), size, 1, 2))
    caught(sizes, lambda size: uniform_differences(mean.wrong({"k": ("+", "k", 1)}, side=0), size, 1, 2))
    caught(sizes, lambda size: uniform_differences(square.wrong({"k": ("+", "k", 1)}, side=1), size, 2, 6))


def path_weights(layers) -> np.ndarray:
    """How many paths lead from output 0 of a stack of uniform kernels to each input, by walking down."""
    counts = {0: 1}
    for size, stride, dilation in reversed(layers):
        below: dict[int, int] = {}
        for position, number in counts.items():
            for tap in range(size):
                place = stride * position + dilation * tap
                below[place] = below.get(place, 0) + number
        counts = below
    return np.array([counts.get(place, 0) for place in range(max(counts) + 1)])


def variance_differences(stated: Claim, layers) -> list[str]:
    weights = path_weights(layers)
    total, first, second = (moment(weights, power) for power in range(3))
    expected = 12 * (Fraction(second, total) - Fraction(first, total) ** 2)
    k, s, d = ({layer: row[place] for layer, row in enumerate(layers, 1)} for place in range(3))
    steps = {0: 1}
    spread = {0: 0}
    for layer in k:
        spread[layer] = spread[layer - 1] + (steps[layer - 1] * d[layer]) ** 2 * (k[layer] ** 2 - 1)
        steps[layer] = steps[layer - 1] * s[layer]
    model = Model({"L": len(layers)}, {"k": k, "s": s, "d": d, "J": steps, "W": spread})
    every = [(layer,) for layer in range(len(layers))]
    stated.require(model, {}, {("l",): every})
    return [f"{side} for {layers}, the paths have {expected}" for side in model.sides(stated.body) if side != expected]


@covers("effective.variance")
def test_the_variance_of_a_stack_is_that_of_its_paths():
    (stated,) = claims("effective.variance")
    for_all(LAYERS, lambda layers: variance_differences(stated, layers))


@refutes("effective.variance")
def test_a_variance_without_the_strides_or_the_dilation_is_caught():
    (stated,) = claims("effective.variance")
    caught(LAYERS, lambda layers: variance_differences(mistaken("effective.variance"), layers))
    caught(LAYERS, lambda layers: variance_differences(stated.wrong({("at", "d", "j"): 1}, side=1), layers))
