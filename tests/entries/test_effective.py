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


def spread_differences(stated: Claim, case) -> list[str]:
    """The variance times the square of the sum of the weights, from NumPy's convolution."""
    first, second = case
    moments = [
        [moment(weights, power) for power in range(3)] for weights in (first, second, np.convolve(first, second))
    ]
    number, ends, squares = moments[2]
    tables = dict(zip("abc", moments, strict=True)) | {"u": first, "v": second}
    model = Model({"M": len(first), "I": len(second)}, tensors={n: list_.__getitem__ for n, list_ in tables.items()})
    stated.require(model, {}, {})
    expected = number * squares - ends**2
    return [f"{side} for {case}, by NumPy {expected}" for side in model.sides(stated.body) if side != expected]


@covers("effective.moments")
def test_variances_add_times_the_squares_of_the_sums():
    *_, stated = claims("effective.moments")
    for_all(PAIRS, lambda case: spread_differences(stated, case))
    caught(PAIRS, lambda case: spread_differences(stated.wrong({("tensor", "b", 0): ("tensor", "a", 0)}, side=1), case))


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
    mean, square, spread = claims("effective.uniform")
    for size in range(30):
        assert not uniform_differences(mean, size, 1, 2)
        assert not uniform_differences(square, size, 2, 6)
        if size:
            sides = Model({"k": size}).sides(spread.body)
            found = {Fraction(side, 12 * size**2) for side in sides}
            assert found == {Fraction(size**2 - 1, 12)}
            assert float(*found) == pytest.approx(np.var(np.arange(size)))


@refutes("effective.uniform")
def test_a_uniform_kernel_with_a_position_more_is_caught():
    mean, square, spread = claims("effective.uniform")
    sizes = st.integers(1, 20)
    caught(sizes, lambda size: uniform_differences(mistaken("effective.uniform"), size, 1, 2))
    caught(sizes, lambda size: uniform_differences(mean.wrong({"k": ("+", "k", 1)}, side=0), size, 1, 2))
    caught(sizes, lambda size: uniform_differences(square.wrong({"k": ("+", "k", 1)}, side=1), size, 2, 6))
    wrong = spread.wrong({"k": ("+", "k", 1)}, side=1)
    caught(sizes, lambda size: [size] if len(set(Model({"k": size}).sides(wrong.body))) > 1 else [])


def path_ends(layers, position: int = 0) -> dict[int, int]:
    """How many paths lead from an output of a stack of uniform kernels to each input, by walking down."""
    counts = {position: 1}
    for size, stride, dilation, padding in reversed(layers):
        below: dict[int, int] = {}
        for place, number in counts.items():
            for tap in range(size):
                end = stride * place + dilation * tap - padding
                below[end] = below.get(end, 0) + number
        counts = below
    return counts


def ends_moment(layers, position: int, power: int) -> int:
    return sum(number * end**power for end, number in path_ends(layers, position).items())


def stack_model(layers, position: int) -> Model:
    """The layers, and the moments of the paths that are walked."""
    k, s, d, p = ({layer: row[place] for layer, row in enumerate(layers, 1)} for place in range(4))
    steps = {0: 1}
    spread = {0: 0}
    for layer in k:
        spread[layer] = spread[layer - 1] + (steps[layer - 1] * d[layer]) ** 2 * (k[layer] ** 2 - 1)
        steps[layer] = steps[layer - 1] * s[layer]
    tables = {
        name: lambda layer, at, power=power: ends_moment(layers[:layer], at, power) for power, name in enumerate("fgh")
    }
    sequences = {"k": k, "s": s, "d": d, "p": p, "J": steps, "W": spread}
    return Model({"L": len(layers), "o": position}, sequences, tables)


LAYERS = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3)), max_size=3)
STACKS = st.tuples(LAYERS, st.integers(-3, 3))
MORE = STACKS.filter(lambda stack: bool(stack[0]))


def over(layers) -> dict[tuple[str, ...], list[tuple[int, ...]]]:
    every = [(layer,) for layer in range(len(layers))]
    return {("l",): every, ("o",): [(0,), (2,)], ("l", "o"): [(*layer, at) for layer in every for at in (-1, 1)]}


def layer_differences(stated: Claim, stack, power: int) -> list[str]:
    """With one layer more: the moment of the paths that are walked through all the layers."""
    layers, position = stack
    model = stack_model(layers, position).extended({"L": len(layers) - 1})
    stated.require(model, {}, over(layers))
    expected = ends_moment(layers, position, power)
    return [f"{side} for {stack}, the paths have {expected}" for side in model.sides(stated.body) if side != expected]


@covers("effective.layer")
@pytest.mark.parametrize("power", range(3))
def test_a_layer_adds_its_moments_to_those_of_the_paths(power):
    stated = claims("effective.layer")[power]
    for_all(MORE, lambda stack: layer_differences(stated, stack, power), share=0.5)


@refutes("effective.layer")
@pytest.mark.parametrize("power", range(3))
def test_a_layer_with_a_tap_more_or_another_dilation_is_caught(power):
    stated = claims("effective.layer")[power]
    last = ("+", 1, "L")
    size, dilation = ("at", "k", last), ("at", "d", last)
    for changes in ({size: ("+", size, 1)}, *([{dilation: 1}] if power else [])):
        wrong = stated.wrong(changes, side=1)
        caught(MORE, lambda stack, wrong=wrong: layer_differences(wrong, stack, power))
    if power == 1:
        caught(MORE, lambda stack: layer_differences(mistaken("effective.layer"), stack, power))


def closed_differences(stated: Claim, stack) -> list[str]:
    """Twelve times the variance of the ends of the paths."""
    layers, position = stack
    number, ends, squares = (ends_moment(layers, position, power) for power in range(3))
    expected = 12 * (Fraction(squares, number) - Fraction(ends, number) ** 2)
    model = stack_model(layers, position)
    stated.require(model, {}, over(layers))
    return [f"{side} for {stack}, the paths have {expected}" for side in model.sides(stated.body) if side != expected]


def variance_differences(stated: Claim, stack) -> list[str]:
    """The same, times the square of the number of paths."""
    layers, position = stack
    number, ends, squares = (ends_moment(layers, position, power) for power in range(3))
    model = stack_model(layers, position)
    stated.require(model, {}, over(layers))
    expected = 12 * (number * squares - ends**2)
    return [f"{side} for {stack}, the paths have {expected}" for side in model.sides(stated.body) if side != expected]


@covers("effective.variance")
def test_the_variance_of_a_stack_is_that_of_its_paths():
    closed, spread = claims("effective.variance")
    for_all(STACKS, lambda stack: closed_differences(closed, stack), share=0.5)
    for_all(STACKS, lambda stack: variance_differences(spread, stack), share=0.5)


@refutes("effective.variance")
def test_a_variance_without_the_strides_or_the_dilation_is_caught():
    closed, spread = claims("effective.variance")
    caught(STACKS, lambda stack: closed_differences(mistaken("effective.variance"), stack))
    caught(STACKS, lambda stack: closed_differences(closed.wrong({("at", "d", "j"): 1}, side=1), stack))
    wrong = spread.wrong({("tensor", "f", "L", "o"): ("tensor", "g", "L", "o")}, side=1)
    caught(STACKS, lambda stack: variance_differences(wrong, stack))
