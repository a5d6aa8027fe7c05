"""Pooling layers with integer data: windows that torch admits, what torch's own functions do, and what loops find."""

from __future__ import annotations

from fractions import Fraction
from math import lcm, prod
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from convmath.calculus.evaluate import Model

from .cases import Axis, LayerCase, conv_axis, entries
from .reality import Array, tensor

_MAX = {1: torch.nn.functional.max_pool1d, 2: torch.nn.functional.max_pool2d, 3: torch.nn.functional.max_pool3d}
_MEAN = {1: torch.nn.functional.avg_pool1d, 2: torch.nn.functional.avg_pool2d, 3: torch.nn.functional.avg_pool3d}


@st.composite
def pool_axes(draw: DrawFn, *, most: int, tiled: bool = False) -> Axis:
    """Windows with at most half a kernel of padding, each with an element of the input; side by side if tiled."""
    k = draw(st.integers(1, most))
    s, d = (k, 1) if tiled else (draw(st.integers(1, most)), draw(st.integers(1, 2)))
    lo, hi = draw(st.integers(0, k // 2)), draw(st.integers(0, k // 2))
    return conv_axis(d * (k - 1) + 1 + draw(st.integers(0, most + 1)), k, s, d, lo, hi)


@st.composite
def pools(draw: DrawFn, ndim: int, *, tiled: bool = False) -> LayerCase:
    """A pooling layer: as many channels out as in."""
    most = {1: 4, 2: 3, 3: 2}[ndim]
    along = tuple(draw(pool_axes(most=most, tiled=tiled)) for _ in range(ndim))
    return LayerCase(along, draw(st.integers(1, 2)), draw(st.integers(1, 3)), 1, 1, draw(st.integers(0, 2**16)))


def options(case: LayerCase) -> dict[str, Any]:
    """The options of the windows for the nested loops."""
    return {
        "kernel_size": case.each("k"),
        "stride": case.each("s"),
        "padding": tuple(zip(case.each("lo"), case.each("hi"), strict=True)),
        "dilation": case.each("d"),
    }


def distinct(case: LayerCase) -> Array:
    """An input without ties: the integers in some order."""
    order = np.random.default_rng(case.seed).permutation(prod(case.x_shape))
    return order.reshape(case.x_shape)


def padded(case: LayerCase, x: torch.Tensor, filling: float) -> torch.Tensor:
    """The input with its padding."""
    sides = [side for axis in reversed(case.axes) for side in (axis.lo, axis.hi)]
    return torch.nn.functional.pad(x, sides, value=filling)


def max_pool(case: LayerCase, x: torch.Tensor) -> torch.Tensor:
    """torch's maximum of each window; padding never is the maximum."""
    found: torch.Tensor = _MAX[case.ndim](padded(case, x, -np.inf), case.each("k"), case.each("s"), 0, case.each("d"))
    return found


def taps_taken(case: LayerCase, x: torch.Tensor) -> tuple[Array, ...]:
    """The tap of each maximum on every axis, from the positions that torch returns."""
    whole = padded(case, x, -np.inf)
    _, flat = _MAX[case.ndim](whole, case.each("k"), case.each("s"), 0, case.each("d"), return_indices=True)
    places = np.unravel_index(flat.cpu().numpy(), tuple(whole.shape[2:]))
    windows = np.indices(case.each("K"))
    return tuple((at - a.s * o) // a.d for at, a, o in zip(places, case.axes, windows, strict=True))


def taken_by_name(case: LayerCase, x: Array) -> dict[str, dict[tuple[int, ...], int]]:
    """The same by the names that the statements about maximum pooling have for them."""
    taps = taps_taken(case, tensor(x))
    return {name: entries(on_axis) for name, on_axis in zip(("mu", "nu", "xi"), taps, strict=False)}


def elements(case: LayerCase) -> Array:
    """How many elements of the input each window has, counted one by one."""
    return np.array(
        [
            prod(
                sum(0 <= a.s * o + a.d * m - a.lo < a.n for m in range(a.k)) for a, o in zip(case.axes, at, strict=True)
            )
            for at in np.ndindex(*case.each("K"))
        ]
    ).reshape(case.each("K"))


def divisors(case: LayerCase, *, count_include_pad: bool) -> Array:
    """The divisor of each window: its taps, or those inside the input."""
    return np.full(case.each("K"), prod(case.each("k"))) if count_include_pad else elements(case)


def mean(case: LayerCase, x: torch.Tensor, *, count_include_pad: bool) -> torch.Tensor:
    """The mean of each window, by sums over the taps; torch's own where it knows the layer."""
    windows = padded(case, x, 0.0)
    for axis, at in enumerate(case.axes):
        taps = torch.as_tensor([[at.s * o + at.d * m for o in range(at.K)] for m in range(at.k)], device=x.device)
        moved = windows.movedim(2 + axis, -1)[..., taps]
        windows = moved.sum(-2).movedim(-1, 2 + axis)
    return windows / torch.as_tensor(divisors(case, count_include_pad=count_include_pad), device=x.device)


def torch_knows(case: LayerCase) -> bool:
    """Whether torch's average pooling has this layer: equal padding on both sides, no dilation."""
    return all(axis.lo == axis.hi and axis.d == 1 for axis in case.axes)


def torch_mean(case: LayerCase, x: torch.Tensor, *, count_include_pad: bool) -> torch.Tensor:
    """torch's average pooling."""
    found: torch.Tensor = _MEAN[case.ndim](
        x, case.each("k"), case.each("s"), case.each("lo"), count_include_pad=count_include_pad
    )
    return found


def divisible(case: LayerCase) -> Array:
    """Gradients for the outputs that every divisor divides, so that their shares are integers."""
    counts = {int(n) for n in elements(case).flat} | {prod(case.each("k"))}
    return case.arrays["y"] * lcm(*counts)


def shares(case: LayerCase, *, count_include_pad: bool) -> dict[tuple[int, ...], Fraction]:
    """1 over the divisor of each window."""
    counts = divisors(case, count_include_pad=count_include_pad)
    return {index: Fraction(1, int(number)) for index, number in np.ndenumerate(counts)}


def pool_model(case: LayerCase, sequences: dict[str, Any] | None = None, **tensors: Any) -> Model:
    """Where statements about pooling are evaluated, C the number of channels."""
    return Model({**case.numbers, "C": case.inputs}, sequences or {}, tensors)
