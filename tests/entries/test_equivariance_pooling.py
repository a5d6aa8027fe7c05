"""Pooling of shifted inputs: torch's maxima, and the sum of all that torch's layer gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from convmath.calculus.evaluate import Model

from .cases import SHARE, LayerCase, conv_axis, fresh, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import wrong_parameters
from .pooled import distinct, max_pool, pools, taps_taken
from .reality import CPU, Array, conv, convolved, exact, tensor
from .test_equivariance import shifted

POINTS = 4


def moved_windows(case: LayerCase, t: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Some outputs k for which k - t is one too: image, channel and window."""
    ranges = [range(max(0, e), min(axis.K, axis.K + e)) for axis, e in zip(case.axes, t, strict=True)]
    generator = np.random.default_rng(case.seed)
    if not all(ranges):
        return []
    return [
        (case.seed % case.batch, case.seed % case.inputs, *(int(generator.choice(np.array(r))) for r in ranges))
        for _ in range(POINTS)
    ]


def unpadded(case: LayerCase) -> LayerCase:
    """The same layer without padding, on an input with one more window."""
    return replace(case, axes=tuple(conv_axis(a.n + a.s, a.k, a.s, a.d, 0, 0) for a in case.axes))


def moves(case: LayerCase) -> tuple[int, ...]:
    """By how many positions the maxima move on each axis."""
    generator = np.random.default_rng(case.seed)
    return tuple(int(generator.integers(-1, 2)) for _ in case.axes)


def shift_model(case: LayerCase, at: tuple[int, ...], t: tuple[int, ...], x: Array, z: Array, taps: Any) -> Model:
    """Window ``at`` of the shifted input, with the taps that the maximum took before the shift."""
    numbers = case.numbers | dict(zip(("b", "c", *names(case.ndim, "k")), at, strict=True))
    numbers |= dict(zip((*fresh(case.ndim, "t"), *fresh(case.ndim, "a")), (*t, *map(int, taps)), strict=True))
    ranks = {"rho": lambda *index: int(x[index]), "sigma": lambda *index: int(z[index])}
    return Model(numbers, ranks, {"x": ranks["rho"], "z": ranks["sigma"]})


def under(case: LayerCase, at: tuple[int, ...], taps: Any) -> tuple[int, ...]:
    """Where a tap of a window lies."""
    return tuple(int(a.s * o + a.d * m) for a, o, m in zip(case.axes, at[2:], taps, strict=True))


def maxima_differences(claims_: tuple[Claim, Claim], case: LayerCase, device=CPU) -> list[str]:
    """No element is larger than the one under the old tap, and it is torch's maximum, before and after the shift."""
    largest, value = claims_
    case, x = unpadded(case), distinct(unpadded(case))
    t = moves(case)
    z = shifted(x, tuple(axis.s * e for axis, e in zip(case.axes, t, strict=True)))
    before, after = (exact(max_pool(case, tensor(array, device))) for array in (x, z))
    taken = np.stack(taps_taken(case, tensor(x, device)))
    found = []
    for at in moved_windows(case, t):
        old = (*at[:2], *(k - e for k, e in zip(at[2:], t, strict=True)))
        taps = taken[(slice(None), *old)]
        model = shift_model(case, at, t, x, z, taps)
        every = list(np.ndindex(*case.each("k")))
        over = {names(case.ndim, "m"): every, names(case.ndim, "i"): [under(case, at, m) for m in every]}
        sources = {"torch, window k - t": before[old], "torch, shifted, window k": after[at]}
        found += differences(value, model, Grid((), sources), over=over)
        for m in every:
            point = dict(zip(names(case.ndim, "m"), m, strict=True))
            largest.require(model, point, over)
            if not model.holds_at(largest.body, point):
                found.append(f"{case}: tap {m} of window {at} holds a larger element")
    return found


@covers("equivariance.pooling")
def test_shifting_by_multiples_of_the_stride_moves_torchs_maxima(ndim, device):
    stated = claims("equivariance.pooling", ndim)
    assert len(stated) == 2
    for_all(pools(ndim), lambda case: maxima_differences(stated, case, device), share=SHARE[ndim])


@refutes("equivariance.pooling")
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("mistake", ["stride dropped", "padding off by one"])
def test_a_wrong_window_of_the_shifted_input_is_caught(ndim, number, mistake):
    stated = list(claims("equivariance.pooling", ndim))
    stated[number] = stated[number].wrong(wrong_parameters(ndim, channels=False)[mistake], side=1)
    caught(pools(ndim), lambda case: maxima_differences(tuple(stated), case))


@refutes("equivariance.pooling")
def test_taking_the_first_tap_of_the_shifted_window_is_caught(ndim):
    largest, value = claims("equivariance.pooling", ndim)
    wrong = largest.wrong(dict.fromkeys(fresh(ndim, "a"), 0))
    caught(pools(ndim), lambda case: maxima_differences((wrong, value), case))


@refutes("equivariance.pooling")
def test_the_mistake_that_maximum_pooling_is_invariant_is_caught(ndim):
    largest, _ = claims("equivariance.pooling", ndim)
    wrong = mistaken("equivariance.pooling", ndim)

    def pairs(case: LayerCase) -> LayerCase:
        axes = tuple(conv_axis(a.n + 2, 2, 1, 1, 0, 0) for a in case.axes)
        return replace(case, axes=axes)

    caught(pools(ndim).map(pairs), lambda case: maxima_differences((largest, wrong), case))


def plain(ndim: int):
    """Layers of one channel and one image."""
    return layers(ndim, channels=False)


def all_outputs(case: LayerCase, source: Array, w: Array, device=CPU) -> dict[str, Any]:
    """The sum of all outputs at full padding and stride 1: of torch's layer, and of NumPy's full convolution."""
    full = replace(case, axes=tuple(conv_axis(a.n, a.k, 1, a.d, a.reach, a.reach) for a in case.axes))
    found = exact(conv(full, tensor(source[None, None], device), tensor(w[None, None], device)))
    sources = {"torch": found.sum(), "the product of the sums": w.sum() * source.sum()}
    if all(axis.d == 1 for axis in case.axes):
        sources["NumPy"] = convolved(w, source).sum()
    return sources


def blank_margins(case: LayerCase, t: tuple[int, ...]) -> Array:
    """An input that is 0 wherever the shift would push it over the border."""
    return shifted(shifted(case.arrays["x"][0, 0], t), tuple(-e for e in t))


def global_differences(stated: Claim, case: LayerCase, device=CPU, *, move: bool) -> list[str]:
    t = tuple(int(e) for e in np.random.default_rng(case.seed).integers(-2, 3, case.ndim))
    x = blank_margins(case, t) if move else case.arrays["x"][0, 0]
    z, w = shifted(x, t), case.arrays["w"][0, 0]
    sources = all_outputs(case, x, w, device)
    if move:
        sources |= {f"{name}, shifted": number for name, number in all_outputs(case, z, w, device).items()}
    model = case.model(x=x, w=w, z=z).extended(dict(zip(fresh(case.ndim, "t"), t, strict=True)))
    over = {names(case.ndim, "i"): list(np.ndindex(x.shape))[:8]}
    return differences(stated, model, Grid((), sources), over=over)


@covers("equivariance.global_pooling")
@pytest.mark.parametrize("move", [False, True])
def test_the_sum_of_torchs_outputs_is_the_product_of_the_sums_wherever_the_input_lies(ndim, move, device):
    stated = claims("equivariance.global_pooling", ndim)[move]
    for_all(plain(ndim), lambda case: global_differences(stated, case, device, move=move), share=SHARE[ndim])


@refutes("equivariance.global_pooling")
@pytest.mark.parametrize("move", [False, True])
def test_leaving_out_the_last_elements_is_caught(ndim, move):
    stated = claims("equivariance.global_pooling", ndim)[move]
    wrong = stated.wrong({size: ("+", -1, size) for size in names(ndim, "I")}, side=1)
    caught(plain(ndim), lambda case: global_differences(wrong, case, move=move))


@refutes("equivariance.global_pooling")
def test_the_mistake_of_a_stride_is_caught(ndim):
    wrong = mistaken("equivariance.global_pooling", ndim)
    caught(plain(ndim), lambda case: global_differences(wrong, case, move=False))


def test_a_shift_leaves_zeros_behind_in_torch_as_well():
    x = torch.arange(1, 4)
    assert shifted(x.numpy(), (1,)).tolist() == torch.nn.functional.pad(x, (1, -1)).tolist()
