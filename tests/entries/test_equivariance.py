"""Shifted, mirrored and turned inputs: what torch's layer makes of them, and what becomes of its output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis.strategies import SearchStrategy

from .cases import SHARE, Axis, LayerCase, conv_axis, fresh, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import Changes, wrong_parameters
from .reality import CPU, Array, conv, exact, loops_conv, tensor

POINTS = 4


def moves(case: LayerCase) -> tuple[int, ...]:
    """By how many positions the output moves on each axis."""
    generator = np.random.default_rng(case.seed)
    return tuple(int(generator.integers(-2, 3)) for _ in case.axes)


def shifted(array: Array, by: tuple[int, ...]) -> Array:
    """The last axes moved, zeros moved in.

    >>> shifted(np.array([1, 2, 3]), (1,)).tolist(), shifted(np.array([1, 2, 3]), (-4,)).tolist()
    ([0, 1, 2], [0, 0, 0])
    """
    result = np.zeros_like(array)
    sizes = array.shape[array.ndim - len(by) :]
    target = tuple(slice(max(0, e), max(0, min(n, n + e))) for n, e in zip(sizes, by, strict=True))
    source = tuple(slice(max(0, -e), max(0, min(n, n - e))) for n, e in zip(sizes, by, strict=True))
    result[(..., *target)] = array[(..., *source)]
    return result


def fits(axis: Axis, k: int) -> bool:
    """Whether window k lies inside the input."""
    return axis.s * k >= axis.lo and axis.s * k - axis.lo + axis.reach < axis.n


def translated(case: LayerCase, t: tuple[int, ...], *, inside: bool) -> list[range]:
    """The positions k for which k - t is one too, and whose windows lie inside the input if that is asked for."""
    found = []
    for axis, e in zip(case.axes, t, strict=True):
        every = [k for k in range(max(0, e), min(axis.K, axis.K + e)) if not inside or fits(axis, k)]
        found.append(range(every[0], every[-1] + 1) if every else range(0))
    return found


def translation_differences(stated: Claim, case: LayerCase, device=CPU, *, inside: bool, steps: int = 0) -> list[str]:
    """With ``steps`` the input moves by so many elements and not by a multiple of the stride."""
    x, w, t = case.arrays["x"], case.arrays["w"], moves(case)
    if steps:
        t = (steps,) * case.ndim
    z = shifted(x, t if steps else tuple(axis.s * e for axis, e in zip(case.axes, t, strict=True)))
    y, after = (exact(conv(case, tensor(source, device), tensor(w, device))) for source in (x, z))
    where = translated(case, t, inside=inside)
    before = tuple(slice(at.start - e, at.stop - e) if at else slice(0) for at, e in zip(where, t, strict=True))
    sources = {"torch, k - t": y[(..., *before)]}
    if inside and not steps:
        sources["torch on the shifted input, k"] = after[(..., *(slice(at.start, at.stop) for at in where))]
    model = case.model(x=x, w=w, z=z).extended(dict(zip(fresh(case.ndim, "t"), t, strict=True)))
    start = (0, 0, *(at.start for at in where))
    reality = Grid(("b", "f", *names(case.ndim, "k")), sources, start)
    over = {
        ("c", *names(case.ndim, "i")): [(0,) * (1 + case.ndim), (case.inputs - 1, *(n - 1 for n in case.each("n")))]
    }
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


def shiftable(ndim: int, *, inside: bool) -> SearchStrategy[LayerCase]:
    """Layers; those for what happens inside have some windows that padding does not touch."""

    def wider(case: LayerCase) -> LayerCase:
        return replace(
            case, axes=tuple(conv_axis(a.n + a.reach + 2 * a.s, a.k, a.s, a.d, a.lo, a.hi) for a in case.axes)
        )

    return layers(ndim).map(wider) if inside else layers(ndim)


@covers("equivariance.translation")
@pytest.mark.parametrize("inside", [False, True])
def test_shifting_by_multiples_of_the_stride_moves_torchs_output(ndim, inside, device):
    stated = claims("equivariance.translation", ndim)[inside]
    for_all(layers(ndim), lambda case: translation_differences(stated, case, device, inside=inside), share=SHARE[ndim])


def border_forgotten(ndim: int) -> Claim:
    """The law away from the border, claimed for every window."""
    at_border, away = claims("equivariance.translation", ndim)
    return replace(at_border, conclusion=away.conclusion)


@refutes("equivariance.translation")
def test_forgetting_the_border_is_caught(ndim):
    wrong = border_forgotten(ndim)
    caught(layers(ndim), lambda case: translation_differences(wrong, case, inside=False))


@refutes("equivariance.translation")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
@pytest.mark.parametrize("inside", [False, True])
def test_a_wrong_layer_of_the_shifted_input_is_caught(ndim, inside, mistake):
    wrong = claims("equivariance.translation", ndim)[inside].wrong(wrong_parameters(ndim)[mistake], side=1)
    caught(shiftable(ndim, inside=inside), lambda case: translation_differences(wrong, case, inside=inside))


@refutes("equivariance.translation")
def test_the_mistake_of_shifting_by_one_element_is_caught(ndim):
    wrong = mistaken("equivariance.translation", ndim)

    def plain(case: LayerCase) -> LayerCase:
        axes = tuple(Axis(a.n, a.k, a.s, 1, 0, 0, (a.n - a.k) // a.s + 1, 0) for a in case.axes)
        return replace(case, axes=axes)

    roomy = layers(ndim).filter(lambda case: all(a.n >= a.k for a in case.axes)).map(plain)
    caught(roomy, lambda case: translation_differences(wrong, case, inside=True, steps=1))


@dataclass(frozen=True)
class Turn:
    """What NumPy does to an array, which old axis each new one is, and which of them are run backwards."""

    turn: Callable[[Array], Array]
    order: tuple[int, ...]
    backwards: tuple[bool, ...]

    def layer(self, case: LayerCase) -> LayerCase:
        """The layer whose axes are turned: run backwards, an axis is padded on the left as the last window needs."""
        axes = []
        for number, back in zip(self.order, self.backwards, strict=True):
            axis = case.axes[number]
            axes.append(replace(axis, lo=last_padding(axis), hi=axis.lo) if back else axis)
        return replace(case, axes=tuple(axes))


def last_padding(axis: Axis) -> int:
    """The padding on the right up to the end of the last window."""
    return axis.s * (axis.K - 1) + axis.reach + 1 - axis.n - axis.lo


def turns(ndim: int) -> dict[str, Turn]:
    """In the order of the entry."""
    rest = tuple(range(2, ndim))
    return {
        "flipped": Turn(np.flip, tuple(range(ndim)), (True,) * ndim),
        "exchanged": Turn(lambda array: np.swapaxes(array, 0, 1), (1, 0, *rest), (False,) * ndim),
        "turned": Turn(np.rot90, (1, 0, *rest), (True, *[False] * (ndim - 1))),
    }


def turn_differences(stated: Claim, case: LayerCase, turn: Turn, device: Any = CPU) -> list[str]:
    x, w = case.arrays["x"][0, 0], case.arrays["w"][0, 0]
    moved = turn.layer(case)
    exact_case = replace(case, axes=tuple(replace(axis, hi=last_padding(axis)) for axis in case.axes))
    source, kernel = (turn.turn(array).copy()[None, None] for array in (x, w))
    sources = {
        "torch on what is turned": exact(conv(moved, tensor(source, device), tensor(kernel, device)))[0, 0],
        "the output turned": turn.turn(loops_conv(exact_case, x[None, None], w[None, None])[0, 0]),
    }
    right = dict(zip(fresh(case.ndim, "p_r"), map(last_padding, case.axes), strict=True))
    reality = Grid(names(case.ndim, "k"), sources)
    return differences(stated, case.model(x=x, w=w).extended(right), reality, limit=POINTS, seed=case.seed)


def plain(ndim: int):
    """Layers of one channel and one image, whose last window needs padding or ends where the input does."""
    return layers(ndim, channels=False).filter(lambda case: all(last_padding(axis) >= 0 for axis in case.axes))


@covers("equivariance.rotation")
@pytest.mark.parametrize("how", turns(2))
def test_turning_input_and_kernel_turns_torchs_output(ndim, how, device):
    stated = dict(zip(turns(ndim), claims("equivariance.rotation", ndim), strict=True))[how]
    for_all(plain(ndim), lambda case: turn_differences(stated, case, turns(ndim)[how], device), share=SHARE[ndim])


def unturned(ndim: int, how: str) -> Changes:
    """The kernel as it is, or its axes exchanged only."""
    taps, sizes = names(ndim, "m"), names(ndim, "M")
    if how == "exchanged":
        pair = ("tensor", "w", taps[1], taps[0], *taps[2:])
        return {pair: ("tensor", "w", *taps)}
    backwards = {("+", -1, size, ("*", -1, tap)): tap for tap, size in zip(taps, sizes, strict=True)}
    return backwards if how == "flipped" else {("+", -1, sizes[1], ("*", -1, taps[0])): taps[0]}


@refutes("equivariance.rotation")
@pytest.mark.parametrize("how", ["flipped", "turned"])
def test_turning_the_input_alone_is_caught(ndim, how):
    stated = dict(zip(turns(ndim), claims("equivariance.rotation", ndim), strict=True))[how]
    wrong = stated.wrong(unturned(ndim, how), side=0)
    caught(plain(ndim), lambda case: turn_differences(wrong, case, turns(ndim)[how]))


@refutes("equivariance.rotation")
@pytest.mark.parametrize("how", turns(2))
@pytest.mark.parametrize("mistake", ["dilation dropped", "stride dropped", "padding off by one"])
def test_a_wrong_turned_layer_is_caught(ndim, how, mistake):
    stated = dict(zip(turns(ndim), claims("equivariance.rotation", ndim), strict=True))[how]
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=1)
    caught(plain(ndim), lambda case: turn_differences(wrong, case, turns(ndim)[how]))


@refutes("equivariance.rotation")
def test_the_mistake_of_the_entry_about_turning_is_caught(ndim):
    wrong = mistaken("equivariance.rotation", 2)

    def bare(case: LayerCase) -> LayerCase:
        axes = tuple(Axis(a.n + a.reach, a.k, 1, 1, 0, 0, a.n + a.reach - a.k + 1, 0) for a in case.axes)
        return replace(case, axes=axes)

    caught(plain(2).map(bare), lambda case: turn_differences(wrong, case, turns(2)["flipped"]))
