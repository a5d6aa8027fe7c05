"""Unfold and fold: torch's own, one-hot convolutions, loops, and windows counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .cases import SHARE, Axis, LayerCase, axes, conv_axis, entries, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, other_claims, refutes
from .columns import columns, folded, loops_fold, loops_unfold, model, one_hot_unfold, torch_unfold, unfolded
from .mistakes import wrong_parameters
from .reality import CPU, gradient, tensor

POINTS = 4


def inner_product_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """``<unfold(x), z>`` and ``<x, fold(z)>``, by every source."""
    x, z = case.arrays["x"], columns(case)
    sources = {f"unfold by {name}": (found * z).sum() for name, found in unfolded(case, x, device).items()}
    sources |= {f"fold by {name}": (found * x).sum() for name, found in folded(case, z, device).items()}
    return differences(stated, model(case, x=x, z=z), Grid((), sources))


def gradient_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """The derivative of ``<unfold(x), z>`` by autograd, and fold."""
    x, z = case.arrays["x"], columns(case)
    sources = folded(case, z, device) | {"autograd": gradient(lambda x: one_hot_unfold(case, x), x, z, device)}
    if case.ndim <= 2:
        sources["autograd of torch's unfold"] = gradient(lambda x: torch_unfold(case, x), x, z, device)
    reality = Grid(("b", "c", *names(case.ndim, "i")), sources)
    return differences(stated, model(case, x=x, z=z), reality, limit=POINTS, seed=case.seed)


ADJOINT = {"inner products": inner_product_differences, "gradient": gradient_differences}
"""The statements of ``unfold.adjoint``, in its order."""
PARAMETERS = wrong_parameters(1, channels=False)


@covers("unfold.adjoint")
@pytest.mark.parametrize("statement", ADJOINT)
def test_fold_is_the_adjoint_and_the_gradient_of_unfold(ndim, statement, device):
    stated = dict(zip(ADJOINT, claims("unfold.adjoint", ndim), strict=True))[statement]
    for_all(layers(ndim), lambda case: ADJOINT[statement](stated, case, device), share=SHARE[ndim])


@refutes("unfold.adjoint")
@pytest.mark.parametrize("mistake", PARAMETERS)
@pytest.mark.parametrize("statement", ADJOINT)
def test_a_wrong_fold_is_caught(ndim, statement, mistake):
    stated = dict(zip(ADJOINT, claims("unfold.adjoint", ndim), strict=True))[statement]
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=1)
    caught(layers(ndim), lambda case: ADJOINT[statement](wrong, case))


@refutes("unfold.adjoint")
def test_the_mistake_of_the_entry_about_fold_is_caught(ndim):
    def differ(case: LayerCase) -> list[str]:
        z = columns(case)
        reality = Grid(("b", "c", *names(ndim, "i")), folded(case, z))
        return differences(mistaken("unfold.adjoint", ndim), model(case, z=z), reality, limit=POINTS, seed=case.seed)

    caught(layers(ndim), differ)


def covering(case: LayerCase) -> np.ndarray:
    """How many windows cover each position."""
    return loops_fold(case, loops_unfold(case, np.ones(case.x_shape, np.int64)))[0, 0]


def overlap_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    x = case.arrays["x"]
    sources = folded(case, loops_unfold(case, x), device) | {"windows counted": covering(case) * x}
    reality = Grid(("b", "c", *names(case.ndim, "i")), sources)
    numbers = Model({**case.numbers, "C": case.inputs}, tensors={"x": entries(x), "nu": entries(covering(case))})
    over = {names(case.ndim, "i"): list(np.ndindex(*case.each("n")))}
    return differences(stated, numbers, reality, limit=POINTS, seed=case.seed, over=over)


@covers("unfold.overlap")
def test_folding_what_was_unfolded_multiplies_with_the_number_of_windows(ndim, device):
    _, stated = claims("unfold.overlap", ndim)
    for_all(layers(ndim), lambda case: overlap_differences(stated, case, device), share=SHARE[ndim])


@refutes("unfold.overlap")
@pytest.mark.parametrize("mistake", ["stride dropped", "stride and dilation exchanged", "padding off by one"])
def test_a_wrong_overlap_is_caught(ndim, mistake):
    wrong = claims("unfold.overlap", ndim)[1].wrong(wrong_parameters(ndim, channels=False)[mistake], side=0)
    caught(layers(ndim), lambda case: overlap_differences(wrong, case))


@refutes("unfold.overlap")
def test_the_mistake_of_the_entry_about_the_overlap_is_caught(ndim):
    caught(layers(ndim), lambda case: overlap_differences(mistaken("unfold.overlap", ndim), case))


COUNTING = ("stride dropped", "padding off by one", "the last window forgotten", "one more tap")
UNDILATED = axes().map(lambda a: conv_axis(a.n, a.k, a.s, 1, a.lo, a.hi))


def count_differences(stated: Claim, axis: Axis, ndim: int) -> list[str]:
    """The windows that cover a position of the first axis, one after the other."""
    windows = range(axis.K)
    found = [sum(0 <= i + axis.lo - axis.s * k < axis.k for k in windows) for i in range(axis.n)]
    ours = {"K": axis.K, "M": axis.k, "s": axis.s, "p": axis.lo}
    numbers = {names(ndim, part)[0]: number for part, number in ours.items()}
    return differences(stated, Model(numbers), Grid(names(ndim, "i")[:1], {"windows": found}))


@covers("unfold.overlap")
def test_without_dilation_the_number_of_windows_has_a_closed_form(ndim):
    stated, _ = claims("unfold.overlap", ndim)
    for_all(UNDILATED, lambda axis: count_differences(stated, axis, ndim))


@refutes("unfold.overlap")
@pytest.mark.parametrize(
    "mistake", ["stride dropped", "padding off by one", "the last window forgotten", "one more tap"]
)
def test_a_wrong_number_of_windows_is_caught(ndim, mistake):
    s, p, size, taps = (names(ndim, part)[0] for part in "spKM")
    changes = {
        "stride dropped": {s: 1},
        "padding off by one": {p: ("+", p, 1)},
        "the last window forgotten": {size: ("+", size, -1)},
        "one more tap": {taps: ("+", taps, 1)},
    }[mistake]
    wrong = claims("unfold.overlap", ndim)[0].wrong(changes, side=1)
    caught(UNDILATED, lambda axis: count_differences(wrong, axis, ndim))


def tiling_differences(stated: Claim, taps: int, windows: int, padding: int, ndim: int) -> list[str]:
    """Every covered position of windows that neither overlap nor leave gaps."""
    found = [sum(0 <= i - taps * k < taps for k in range(windows)) for i in range(taps * windows)]
    numbers = {name: n for part, n in (("K", windows), ("M", taps), ("p", padding)) for name in names(ndim, part)[:1]}
    return differences(stated, Model(numbers), Grid(names(ndim, "i")[:1], {"windows": found}, (-padding,)))


@covers("unfold.overlap")
def test_windows_that_tile_cover_every_position_once(ndim):
    (stated,) = [claim for title, claim in other_claims("unfold.overlap", ndim).items() if title.startswith("Windows")]
    sizes = st.tuples(*[st.integers(1, 4)] * 2, st.integers(0, 4))
    for_all(sizes, lambda drawn: tiling_differences(stated, *drawn, ndim))
    wrong = stated.wrong({names(ndim, "K")[0]: ("+", names(ndim, "K")[0], -1)}, side=0)
    caught(sizes, lambda drawn: tiling_differences(wrong, *drawn, ndim))


def test_torch_folds_ones_to_the_number_of_windows():
    case = LayerCase((Axis(4, 2, 1, 1, 0, 0, 3, 0),), 1, 1, 1, 1, seed=1)
    assert covering(case).tolist() == [1, 2, 2, 1]
    ones = tensor(np.ones(case.x_shape))
    assert torch.equal(torch_unfold(case, ones), one_hot_unfold(case, ones))
