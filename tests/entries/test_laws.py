"""Shift, unit, linearity and order of nesting: NumPy, torch and nested loops."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from convmath.calculus.evaluate import Model

from .cases import SHARE, LayerCase, entries, fresh, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, other_claims, refutes
from .mistakes import Changes, wrong_parameters
from .reality import Array, conv, convolved, correlated, exact, loops_conv, padded, tensor

POINTS = 6


def plain(ndim: int):
    """Layers of one channel and one image."""
    return layers(ndim, channels=False)


def impulse_differences(stated: Claim, case: LayerCase, *, at_zero: bool = False) -> list[str]:
    """The impulse at a tap drawn with the case's seed, by convolving and by moving the array."""
    x, sizes = case.arrays["x"][0, 0], case.each("k")
    generator = np.random.default_rng(case.seed)
    t = tuple(0 if at_zero else int(generator.integers(size)) for size in sizes)
    w = np.zeros(sizes, np.int64)
    w[t] = 1
    sides = [(at + 1, size - at) for at, size in zip(t, sizes, strict=True)]
    sources = {"NumPy": padded(convolved(w, x), [(1, 1)] * case.ndim), "moved": padded(x, sides)}
    numbers = case.numbers | dict(zip(fresh(case.ndim, "t"), t, strict=True))
    model = Model(numbers, tensors={"x": entries(x), "w": lambda *index: int(index == t)})
    over = {names(case.ndim, "m"): [(0,) * case.ndim, t, (-1,) * case.ndim, sizes]}
    reality = Grid(names(case.ndim, "k"), sources, start=(-1,) * case.ndim)
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


@covers("convolution.identity")
def test_convolving_with_an_impulse_shifts(ndim):
    (stated,) = claims("convolution.identity", ndim)
    for_all(plain(ndim), lambda case: impulse_differences(stated, case), share=SHARE[ndim])


@covers("convolution.identity")
def test_convolving_with_the_impulse_at_0_changes_nothing(ndim):
    (stated,) = other_claims("convolution.identity", ndim).values()
    for_all(plain(ndim), lambda case: impulse_differences(stated, case, at_zero=True), share=SHARE[ndim])


@refutes("convolution.identity")
@pytest.mark.parametrize("side", [0, 1])
def test_an_input_that_is_one_too_short_is_caught(ndim, side):
    (stated,) = claims("convolution.identity", ndim)
    wrong = stated.wrong({size: ("+", -1, size) for size in names(ndim, "I")}, side=side)
    caught(plain(ndim), lambda case: impulse_differences(wrong, case))


@refutes("convolution.identity")
def test_the_mistake_of_the_entry_about_the_direction_is_caught(ndim):
    caught(plain(ndim), lambda case: impulse_differences(mistaken("convolution.identity", ndim), case))


Product = Callable[[LayerCase, Array, Array], Array]


def convolution(case: LayerCase, w: Array, x: Array) -> Array:
    return padded(convolved(w, x), [(1, 1)] * case.ndim)


def correlation(case: LayerCase, w: Array, x: Array) -> Array:
    found = exact(conv(case, tensor(x[None, None]), tensor(w[None, None])))
    assert np.array_equal(found, loops_conv(case, x[None, None], w[None, None]))
    return found[0, 0]


PRODUCTS: dict[str, tuple[Product, int]] = {
    "convolution.linear": (convolution, -1),
    "correlation.linear": (correlation, 0),
}
"""What multiplies, and its first position."""


def linear_differences(stated: Claim, case: LayerCase, law: str) -> list[str]:
    """Up to three kernels and up to three inputs."""
    multiply, first = PRODUCTS[law]
    generator = np.random.default_rng(case.seed)
    shapes = {"v": (case.seed % 3 + 1, *case.each("k")), "z": (case.seed // 3 % 3 + 1, *case.each("n"))}
    v, z = (generator.integers(-4, 5, shape) for shape in shapes.values())
    alpha, mu = (generator.integers(-3, 4, len(parts)) for parts in (v, z))
    w, x = np.tensordot(alpha, v, 1), np.tensordot(mu, z, 1)
    pairs = [
        a * m * multiply(case, kernel, source)
        for a, kernel in zip(alpha, v, strict=True)
        for m, source in zip(mu, z, strict=True)
    ]
    sources = {"of the combinations": multiply(case, w, x), "combined": sum(pairs)}
    arrays = {"w": w, "x": x, "v": v, "z": z, "alpha": alpha, "mu": mu}
    model = case.model(**arrays).extended({"A": len(v), "B": len(z)})
    over = {names(case.ndim, part): list(np.ndindex(array.shape))[:4] for part, array in (("m", w), ("i", x))}
    reality = Grid(names(case.ndim, "k"), sources, start=(first,) * case.ndim)
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


@covers("convolution.linear")
def test_convolution_is_bilinear(ndim):
    (stated,) = claims("convolution.linear", ndim)
    for_all(plain(ndim), lambda case: linear_differences(stated, case, "convolution.linear"), share=SHARE[ndim])


@covers("correlation.linear")
def test_a_layer_is_bilinear(ndim):
    (stated,) = claims("correlation.linear", ndim)
    for_all(plain(ndim), lambda case: linear_differences(stated, case, "correlation.linear"), share=SHARE[ndim])


def incomplete(law: str, ndim: int, forgotten: str) -> None:
    """The last kernel or input left out has to be caught."""
    (stated,) = claims(law, ndim)
    wrong = stated.wrong({forgotten: ("+", -1, forgotten)}, side=1)
    caught(plain(ndim), lambda case: linear_differences(wrong, case, law))


@refutes("convolution.linear")
@pytest.mark.parametrize("forgotten", ["A", "B"])
def test_leaving_out_a_part_of_a_convolution_is_caught(ndim, forgotten):
    incomplete("convolution.linear", ndim, forgotten)


@refutes("correlation.linear")
@pytest.mark.parametrize("forgotten", ["A", "B"])
def test_leaving_out_a_part_of_a_layer_is_caught(ndim, forgotten):
    incomplete("correlation.linear", ndim, forgotten)


@refutes("correlation.linear")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", wrong_parameters(1, channels=False))
def test_a_wrong_layer_of_combinations_is_caught(ndim, mistake, side):
    (stated,) = claims("correlation.linear", ndim)
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=side)
    caught(plain(ndim), lambda case: linear_differences(wrong, case, "correlation.linear"))


def paired(law: str, ndim: int) -> None:
    """The mistake of the entry has to be caught."""
    caught(plain(ndim), lambda case: linear_differences(mistaken(law, ndim), case, law))


@refutes("convolution.linear")
def test_the_mistake_of_convolving_in_pairs_is_caught(ndim):
    paired("convolution.linear", ndim)


@refutes("correlation.linear")
def test_the_mistake_of_correlating_in_pairs_is_caught(ndim):
    paired("correlation.linear", ndim)


def sequence_differences(stated: Claim, case: LayerCase) -> list[str]:
    """The second kernel has as many taps as the case's dilation says."""
    x, w, sizes = case.arrays["x"][0, 0], case.arrays["w"][0, 0], case.each("d")
    v = np.random.default_rng(case.seed + 1).integers(-4, 5, sizes)

    def everywhere(kernel: Array, source: Array) -> Array:
        return correlated(kernel, padded(source, [(size - 1, size - 1) for size in kernel.shape]))

    sources = {
        "w on v on x": everywhere(w, everywhere(v, x)),
        "w convolved with v, on x": everywhere(convolved(w, v), x),
    }
    model = case.model(x=x, w=w, v=v).extended(dict(zip(fresh(case.ndim, "E"), sizes, strict=True)))
    start = tuple(2 - taps - size for taps, size in zip(w.shape, sizes, strict=True))
    return differences(stated, model, Grid(names(case.ndim, "k"), sources, start), limit=POINTS, seed=case.seed)


@covers("correlation.associates")
def test_correlating_twice_is_correlating_with_the_convolution_of_the_kernels(ndim):
    (stated,) = claims("correlation.associates", ndim)
    for_all(plain(ndim), lambda case: sequence_differences(stated, case), share=SHARE[ndim])


def sequence_wrong(ndim: int, side: int) -> Changes:
    """An intermediate result that lacks its last position."""
    if side == 0:
        return {size: ("+", -1, size) for size in names(ndim, "I")}
    pairs = zip(fresh(ndim, "E"), names(ndim, "M"), strict=True)
    return {("+", -1, *sorted(pair)): ("+", -2, *sorted(pair)) for pair in pairs}


@refutes("correlation.associates")
@pytest.mark.parametrize("side", [0, 1])
def test_an_intermediate_result_that_is_one_too_short_is_caught(ndim, side):
    (stated,) = claims("correlation.associates", ndim)
    caught(plain(ndim), lambda case: sequence_differences(stated.wrong(sequence_wrong(ndim, side), side=side), case))


@refutes("correlation.associates")
def test_the_mistake_that_the_kernels_correlate_is_caught(ndim):
    caught(plain(ndim), lambda case: sequence_differences(mistaken("correlation.associates", ndim), case))
