"""The gradients of pooling: torch's autograd on its own layers, and loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from convmath.calculus.evaluate import Model
from convmath.oracle import reference

from .cases import SHARE, Axis, LayerCase, entries, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, other_claims, refutes
from .mistakes import wrong_parameters
from .pooled import (
    distinct,
    divisible,
    elements,
    max_pool,
    mean,
    options,
    pool_model,
    pools,
    shares,
    taken_by_name,
    torch_knows,
    torch_mean,
)
from .reality import CPU, gradient, tensor

POINTS = 4
PARAMETERS = wrong_parameters(1, channels=False)
DIVISORS = {"every tap counts": True, "taps inside the input count": False}
"""By torch's option ``count_include_pad``."""


def average_gradient(case: LayerCase, device: Any, *, count_include_pad: bool) -> dict[str, np.ndarray]:
    x, delta = case.arrays["x"], divisible(case)
    found = {
        "autograd": gradient(lambda x: mean(case, x, count_include_pad=count_include_pad), x, delta, device),
        "loops": reference.avg_pool_grad_input(
            delta, input_size=case.each("n"), count_include_pad=count_include_pad, **options(case)
        ),
    }
    if torch_knows(case):
        found["torch's average pooling"] = gradient(
            lambda x: torch_mean(case, x, count_include_pad=count_include_pad), x, delta, device
        )
    return found


def average_model(case: LayerCase, *, count_include_pad: bool) -> Model:
    tensors = {"x": case.arrays["x"], "delta": divisible(case), "kappa": elements(case)}
    shared = shares(case, count_include_pad=count_include_pad)
    return pool_model(case, None, v=shared, **{name: entries(array) for name, array in tensors.items()})


def average_differences(stated: Claim, case: LayerCase, counting: str, device=CPU) -> list[str]:
    padding = {"count_include_pad": DIVISORS[counting]}
    reality = Grid(("b", "c", *names(case.ndim, "i")), average_gradient(case, device, **padding))
    return differences(stated, average_model(case, **padding), reality, limit=POINTS, seed=case.seed)


def preserved_differences(stated: Claim, case: LayerCase, counting: str, device=CPU) -> list[str]:
    """The sum of the gradient over the input of each channel."""
    padding = {"count_include_pad": DIVISORS[counting]}
    found = average_gradient(case, device, **padding)
    sources = {name: array.reshape(*case.x_shape[:2], -1).sum(-1) for name, array in found.items()}
    over = {names(case.ndim, "k"): list(np.ndindex(*case.each("K")))}
    model = average_model(case, **padding)
    return differences(stated, model, Grid(("b", "c"), sources), limit=POINTS, seed=case.seed, over=over)


AVERAGE = {"sum": preserved_differences, "gradient": average_differences}
"""The statements of ``grad.pool.average``, in its order."""


@covers("grad.pool.average")
@pytest.mark.parametrize("counting", DIVISORS)
@pytest.mark.parametrize("statement", AVERAGE)
def test_average_pooling_shares_the_gradient_out(ndim, statement, counting, device):
    stated = dict(zip(AVERAGE, claims("grad.pool.average", ndim), strict=True))[statement]
    for_all(pools(ndim), lambda case: AVERAGE[statement](stated, case, counting, device), share=SHARE[ndim])


@refutes("grad.pool.average")
@pytest.mark.parametrize("mistake", PARAMETERS)
@pytest.mark.parametrize("statement", AVERAGE)
def test_a_wrong_share_is_caught(ndim, statement, mistake):
    stated = dict(zip(AVERAGE, claims("grad.pool.average", ndim), strict=True))[statement]
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=0 if statement == "sum" else 1)
    caught(pools(ndim), lambda case: AVERAGE[statement](wrong, case, "every tap counts"))


@refutes("grad.pool.average")
def test_the_mistake_of_the_entry_about_the_share_is_caught(ndim):
    wrong = mistaken("grad.pool.average", ndim)
    caught(pools(ndim), lambda case: average_differences(wrong, case, "every tap counts"))


def test_the_gradient_keeps_its_sum_where_padding_does_not_count():
    """Without padding in the divisor v*kappa = 1; with it some of the gradient goes to the padding."""
    case = LayerCase((Axis(4, 3, 2, 1, 1, 1, 2, 1),), 1, 1, 1, 1, seed=3)
    for counting, kept in (("taps inside the input count", True), ("every tap counts", False)):
        found = average_gradient(case, CPU, count_include_pad=DIVISORS[counting])["autograd"]
        assert (found.sum() == divisible(case).sum()) == kept


def max_gradient(case: LayerCase, device=CPU) -> dict[str, np.ndarray]:
    x, delta = distinct(case), case.arrays["y"]
    return {
        "autograd": gradient(lambda x: max_pool(case, x), x, delta, device),
        "loops": reference.max_pool_grad_input(delta, x, **options(case)),
    }


def max_model(case: LayerCase) -> Model:
    x = distinct(case)
    return pool_model(case, taken_by_name(case, x), x=entries(x), delta=entries(case.arrays["y"]))


def max_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    reality = Grid(("b", "c", *names(case.ndim, "i")), max_gradient(case, device))
    over = {("b", "c", *names(case.ndim, "k")): list(np.ndindex(*case.y_shape))}
    return differences(stated, max_model(case), reality, limit=POINTS, seed=case.seed, over=over)


@covers("grad.pool.max")
def test_maximum_pooling_hands_the_gradient_to_the_maximum(ndim, device):
    (stated,) = claims("grad.pool.max", ndim)
    for_all(pools(ndim), lambda case: max_differences(stated, case, device), share=SHARE[ndim])


@refutes("grad.pool.max")
@pytest.mark.parametrize("mistake", PARAMETERS)
def test_a_wrong_place_for_the_gradient_is_caught(ndim, mistake):
    (stated,) = claims("grad.pool.max", ndim)
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=1)
    caught(pools(ndim), lambda case: max_differences(wrong, case))


@refutes("grad.pool.max")
def test_the_mistake_of_the_entry_about_the_maximum_is_caught(ndim):
    caught(pools(ndim), lambda case: max_differences(mistaken("grad.pool.max", ndim), case))


def upsampled_differences(identifier: str, stated: Claim, case: LayerCase) -> list[str]:
    """Windows side by side: the positions that a window covers."""
    found = max_gradient(case) if identifier.endswith("max") else average_gradient(case, CPU, count_include_pad=True)
    model = max_model(case) if identifier.endswith("max") else average_model(case, count_include_pad=True)
    inside = tuple(slice(0, min(a.n, a.k * a.K - a.lo)) for a in case.axes)
    reality = Grid(("b", "c", *names(case.ndim, "i")), {name: array[(..., *inside)] for name, array in found.items()})
    over = {("b", "c", *names(case.ndim, "k")): list(np.ndindex(*case.y_shape))}
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


@pytest.mark.parametrize("ndim", [1, 2])
@pytest.mark.parametrize("identifier", ["grad.pool.average", "grad.pool.max"])
def test_with_windows_side_by_side_the_gradient_is_sampled_up(identifier, ndim):
    (stated,) = other_claims(identifier, ndim).values()
    for_all(pools(ndim, tiled=True), lambda case: upsampled_differences(identifier, stated, case), share=SHARE[ndim])
    last = names(ndim, "p")[-1]
    wrong = stated.wrong({last: ("+", last, 1)}, side=1)
    caught(pools(ndim, tiled=True), lambda case: upsampled_differences(identifier, wrong, case))


def test_the_sums_over_taps_are_torchs_average_pooling():
    case = LayerCase((Axis(5, 3, 2, 1, 1, 1, 3, 0), Axis(4, 2, 1, 1, 0, 0, 3, 0)), 1, 2, 1, 1, seed=5)
    x = tensor(case.arrays["x"] * 6)
    for counting in DIVISORS.values():
        ours, torchs = (how(case, x, count_include_pad=counting) for how in (mean, torch_mean))
        assert np.array_equal(ours.numpy(), torchs.numpy())
    assert not np.array_equal(mean(case, x, count_include_pad=True), mean(case, x, count_include_pad=False))
