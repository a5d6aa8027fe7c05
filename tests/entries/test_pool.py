"""Pooling: windows that tile, the mean as a convolution, the maximum as a choice; torch's layers and nested loops."""

from __future__ import annotations

from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import pytest
import torch

from convmath.calculus.evaluate import Model
from convmath.oracle import reference

from .cases import SHARE, LayerCase, conv_axis, entries, fresh, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, other_claims, refutes, untruths
from .mistakes import Changes, wrong_parameters
from .pooled import distinct, max_pool, mean, options, pools, taps_taken, torch_knows, torch_mean
from .reality import CPU, Array, exact, tensor

POINTS = 4
PARAMETERS = wrong_parameters(1, channels=False)

_FOLD = {
    1: torch.nn.functional.conv_transpose1d,
    2: torch.nn.functional.conv_transpose2d,
    3: torch.nn.functional.conv_transpose3d,
}


def tile_differences(stated: Claim, case: LayerCase) -> list[str]:
    """How often torch lays windows of ones, side by side, on each element, from one before the first to one behind."""
    windows = torch.ones(1, 1, *case.each("K"), dtype=torch.float64)
    laid = _FOLD[case.ndim](windows, torch.ones(1, 1, *case.each("k"), dtype=torch.float64), stride=case.each("k"))
    reality = Grid(names(case.ndim, "i"), {"torch": np.pad(exact(laid)[0, 0], 1)})
    return differences(stated, Model(case.numbers), reality, limit=2 * POINTS, seed=case.seed)


def index_untruths(stated: Claim, case: LayerCase) -> list[str]:
    """The two ways to count, at elements that torch's windows hold, numbered in torch's order, and at others."""
    generator = np.random.default_rng(case.seed)
    found = []
    for _ in range(POINTS):
        k, m = ([int(generator.integers(1, size + 1)) for size in case.each(part)] for part in ("K", "k"))
        ends = [torch.arange(a.s * (a.K - 1) + a.k).unfold(0, a.k, a.s) for a in case.axes]
        i = [int(end[o - 1, tap - 1]) + 1 for end, o, tap in zip(ends, k, m, strict=True)]
        point = dict(
            zip((*names(case.ndim, "k"), *names(case.ndim, "m"), *names(case.ndim, "i")), (*k, *m, *i), strict=True)
        )
        model = Model(case.numbers)
        found += untruths(stated, model, [point, {**point, names(case.ndim, "i")[0]: i[0] + 1}])
        first = model.extended(point)
        if not first.holds(stated.body[1]) or not first.holds(stated.body[2]):
            found.append(f"element {i} is not found at {point}")
    return found


@covers("pool.index")
def test_windows_with_the_stride_of_their_size_tile_the_input(ndim):
    _, tiles = claims("pool.index", ndim)
    for_all(pools(ndim, tiled=True), lambda case: tile_differences(tiles, case), share=SHARE[ndim])


@covers("pool.index")
def test_the_index_with_the_stride_finds_the_elements_of_torchs_windows(ndim):
    index, _ = claims("pool.index", ndim)
    for_all(pools(ndim), lambda case: index_untruths(index, case), share=SHARE[ndim])


def tile_mistakes(ndim: int) -> dict[str, Changes]:
    """One window less, or elements counted from 0."""
    return {
        "one window less": {size: ("+", -1, size) for size in names(ndim, "K")},
        "from 0": {i: ("+", -1, i) for i in names(ndim, "i")},
    }


@refutes("pool.index")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", tile_mistakes(1))
def test_wrong_tiles_are_caught(ndim, mistake, side):
    _, tiles = claims("pool.index", ndim)
    wrong = tiles.wrong(tile_mistakes(ndim)[mistake], side=side)
    caught(pools(ndim, tiled=True), lambda case: tile_differences(wrong, case))


@refutes("pool.index")
def test_an_index_without_the_stride_is_caught(ndim):
    index, _ = claims("pool.index", ndim)
    caught(pools(ndim), lambda case: index_untruths(index.wrong(dict.fromkeys(names(ndim, "s"), 1)), case))


@refutes("pool.index")
def test_the_mistake_of_the_printed_index_is_caught(ndim):
    caught(pools(ndim, tiled=True), lambda case: tile_differences(mistaken("pool.index", ndim), case))


def average_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """Every input is a multiple of the number of taps, so that the means are integers."""
    taps = prod(case.each("k"))
    x = case.arrays["x"] * taps
    share = Fraction(1, taps)
    kernel = np.full((case.inputs, 1, *case.each("k")), share)
    sources: dict[str, Any] = {
        "sums over the taps": exact(mean(case, tensor(x, device), count_include_pad=True)),
        "loops": reference.avg_pool(x, **options(case)),
        "loops over the convolution": reference.conv_forward(
            x,
            kernel,
            stride=case.each("s"),
            padding=tuple(zip(case.each("lo"), case.each("hi"), strict=True)),
            dilation=case.each("d"),
            groups=case.inputs,
        ),
    }
    if torch_knows(case):
        sources["torch's average pooling"] = exact(torch_mean(case, tensor(x, device), count_include_pad=True))
    tensors = {"x": entries(x), "w": lambda *index: share, "r": lambda number: Fraction(1, number)}
    over = {("f", "u", *names(case.ndim, "m")): [(0,) * (2 + case.ndim)]}
    reality = Grid(("b", "f", *names(case.ndim, "k")), sources)
    return differences(stated, Model(case.numbers, tensors=tensors), reality, limit=POINTS, seed=case.seed, over=over)


@covers("pool.average.is_convolution")
def test_average_pooling_is_a_convolution_by_a_constant_kernel(ndim, device):
    (stated,) = claims("pool.average.is_convolution", ndim)
    for_all(pools(ndim), lambda case: average_differences(stated, case, device), share=SHARE[ndim])


@refutes("pool.average.is_convolution")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", PARAMETERS)
def test_a_wrong_average_is_caught(ndim, mistake, side):
    (stated,) = claims("pool.average.is_convolution", ndim)
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=side)
    caught(pools(ndim), lambda case: average_differences(wrong, case))


def whole_differences(stated: Claim, case: LayerCase) -> list[str]:
    """The loops' averages times the number of taps, padding counted as zeros."""
    taps = prod(case.each("k"))
    x = case.arrays["x"]
    tensors = {"x": entries(x), "w": lambda *index: Fraction(1, taps), "r": lambda number: Fraction(1, number)}
    averages = reference.avg_pool(x * taps, **options(case))
    over = {("f", "u", *names(case.ndim, "m")): [(0,) * (2 + case.ndim)]}
    model = Model(case.numbers | {"C_g": 1, "F_g": 1, "u": 0}, tensors=tensors)
    reality = Grid(("b", "f", *names(case.ndim, "k")), {"loops": averages})
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


@covers("pool.average.is_convolution")
def test_the_weights_of_an_average_are_1_together(ndim):
    (stated,) = other_claims("pool.average.is_convolution", ndim).values()
    for_all(pools(ndim), lambda case: whole_differences(stated, case), share=SHARE[ndim])
    last = names(ndim, "M")[-1]
    wrong = stated.wrong({last: ("+", last, 1)}, side=1)
    caught(pools(ndim), lambda case: whole_differences(wrong, case))


@refutes("pool.average.is_convolution")
def test_the_mistake_of_one_group_for_all_channels_is_caught(ndim):
    wrong = mistaken("pool.average.is_convolution", ndim)

    def one_group(case: LayerCase) -> list[str]:
        model = {"C_g": case.inputs, "F_g": case.inputs}
        taps = prod(case.each("k"))
        x = case.arrays["x"] * taps
        tensors = {"x": entries(x), "w": lambda *index: Fraction(1, taps), "r": lambda number: Fraction(1, number)}
        reality = Grid(("b", "f", *names(case.ndim, "k")), {"loops": reference.avg_pool(x, **options(case))})
        over = {("f", "u", *names(case.ndim, "m")): [(0,) * (2 + case.ndim)]}
        return differences(
            wrong, Model(case.numbers | model, tensors=tensors), reality, limit=POINTS, seed=case.seed, over=over
        )

    caught(pools(ndim), one_group)


def windows(case: LayerCase) -> list[tuple[int, ...]]:
    """Some outputs: image, channel and window."""
    generator = np.random.default_rng(case.seed)
    shape = (case.batch, case.inputs, *case.each("K"))
    return [tuple(int(generator.integers(size)) for size in shape) for _ in range(POINTS)]


def taken(case: LayerCase, x: Array, device=CPU) -> Array:
    """The taps of torch's maxima, axis by axis."""
    return np.stack(taps_taken(case, tensor(x, device)))


def last_largest(case: LayerCase, x: Array, at: tuple[int, ...]) -> tuple[int, ...]:
    """The last tap of a window under which a largest element lies, by looking at one after the other."""
    found: tuple[int, tuple[int, ...]] | None = None
    for taps in np.ndindex(*case.each("k")):
        place = tuple(a.s * o + a.d * m - a.lo for a, o, m in zip(case.axes, at[2:], taps, strict=True))
        if all(0 <= i < a.n for i, a in zip(place, case.axes, strict=True)):
            element = int(x[at[:2]][place])
            if found is None or element >= found[0]:
                found = element, taps
    assert found is not None, f"window {at} has no element"
    return found[1]


def held(case: LayerCase) -> dict[Any, Any]:
    """Where the hypothesis that no element of a window is larger is checked: at every tap."""
    return {names(case.ndim, "m"): list(np.ndindex(*case.each("k")))}


def choice_model(case: LayerCase, x: Array, at: tuple[int, ...], taps: Any, others: Any) -> Model:
    numbers = case.numbers | dict(zip(("b", "c", *names(case.ndim, "k")), at, strict=True))
    numbers |= dict(zip((*fresh(case.ndim, "a"), *fresh(case.ndim, "e")), (*taps, *others), strict=True))
    return Model(numbers, {"rho": lambda *index: int(x[index])}, {"x": entries(x)})


def maximum_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """The element under torch's tap, and torch's maximum."""
    x = distinct(case)
    pooled = {
        "torch": exact(max_pool(case, tensor(x, device))),
        "loops": reference.max_pool(x, **options(case)),
    }
    found = []
    for at in windows(case):
        taps = taken(case, x, device)[(slice(None), *at)]
        model = choice_model(case, x, at, map(int, taps), map(int, taps))
        reality = Grid((), {name: array[at] for name, array in pooled.items()})
        found += differences(stated, model, reality, over=held(case))
    return found


def unique_differences(stated: Claim, case: LayerCase) -> list[str]:
    """With ties: the first tap that torch finds and the last one."""
    x = np.random.default_rng(case.seed).integers(0, 2, case.x_shape)
    pooled = exact(max_pool(case, tensor(x)))
    found = []
    for at in windows(case):
        first = map(int, taken(case, x)[(slice(None), *at)])
        model = choice_model(case, x, at, first, last_largest(case, x, at))
        found += differences(stated, model, Grid((), {"torch": pooled[at]}), over=held(case))
    return found


@covers("pool.max")
def test_maximum_pooling_takes_the_element_that_torch_takes(ndim, device):
    _, stated = claims("pool.max", ndim)
    for_all(pools(ndim), lambda case: maximum_differences(stated, case, device), share=SHARE[ndim])


@covers("pool.max")
def test_all_largest_elements_of_a_window_are_equal(ndim):
    stated, _ = claims("pool.max", ndim)
    for_all(pools(ndim), lambda case: unique_differences(stated, case), share=SHARE[ndim])


@refutes("pool.max")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", ["stride dropped", "padding off by one"])
def test_a_wrong_place_of_the_maximum_is_caught(ndim, mistake, side):
    _, stated = claims("pool.max", ndim)
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=side)
    caught(pools(ndim), lambda case: maximum_differences(wrong, case))


@refutes("pool.max")
def test_a_maximum_that_need_not_dominate_is_caught(ndim):
    stated, _ = claims("pool.max", ndim)
    wrong = stated.wrong(dict.fromkeys(fresh(ndim, "e"), 0))
    caught(pools(ndim), lambda case: unique_differences(wrong, case))


@refutes("pool.max")
def test_the_mistake_of_the_first_tap_is_caught(ndim):
    caught(pools(ndim), lambda case: maximum_differences(mistaken("pool.max", ndim), case))


def test_the_last_of_two_largest_elements_is_found():
    case = LayerCase((conv_axis(3, 3, 1, 1, 0, 0),), 1, 1, 1, 1, 0)
    assert last_largest(case, np.array([[[5, 5, 1]]]), (0, 0, 0)) == (1,)
