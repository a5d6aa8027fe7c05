"""The windows of an input as columns: by torch's unfold and fold, by one-hot kernels, and by loops."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch

from convmath.calculus.evaluate import Model

from .cases import LayerCase, entries
from .reality import CPU, Array, conv, conv_transpose, exact, tensor


def column_shape(case: LayerCase) -> tuple[int, ...]:
    """The shape of the columns: image, channel, tap on every axis, window on every axis."""
    return (case.batch, case.inputs, *case.each("k"), *case.each("K"))


def columns(case: LayerCase) -> Array:
    """Small integers in the columns' shape."""
    return np.random.default_rng(case.seed + 1).integers(-4, 5, column_shape(case))


def model(case: LayerCase, **tensors: Any) -> Model:
    """Where statements about columns are evaluated."""
    numbers = {**case.numbers, "C": case.inputs}
    return Model(numbers, tensors={name: entries(array) for name, array in tensors.items()})


def reads(case: LayerCase, tap: tuple[int, ...], window: tuple[int, ...]) -> tuple[int, ...] | None:
    """The position under a tap of a window, None in the padding."""
    at = tuple(a.s * k + a.d * m - a.lo for a, m, k in zip(case.axes, tap, window, strict=True))
    return at if all(0 <= i < a.n for a, i in zip(case.axes, at, strict=True)) else None


def loops_unfold(case: LayerCase, x: Array) -> Array:
    """Every window copied, element by element."""
    found = np.zeros(column_shape(case), np.int64)
    for index in np.ndindex(found.shape):
        at = reads(case, index[2 : 2 + case.ndim], index[2 + case.ndim :])
        if at is not None:
            found[index] = x[(*index[:2], *at)]
    return found


def loops_fold(case: LayerCase, z: Array) -> Array:
    """Every column added back, element by element."""
    found = np.zeros(case.x_shape, np.int64)
    for index in np.ndindex(z.shape):
        at = reads(case, index[2 : 2 + case.ndim], index[2 + case.ndim :])
        if at is not None:
            found[(*index[:2], *at)] += z[index]
    return found


def one_hot_unfold(case: LayerCase, x: torch.Tensor) -> torch.Tensor:
    """torch's convolution with a one-hot kernel for every tap, channel by channel."""
    single, kernels = _one_hot(case, x.device)
    return conv(single, x.reshape(-1, 1, *case.each("n")), kernels).reshape(column_shape(case))


def one_hot_fold(case: LayerCase, z: torch.Tensor) -> torch.Tensor:
    """torch's transposed convolution with the same kernels."""
    single, kernels = _one_hot(case, z.device)
    return conv_transpose(single, z.reshape(-1, len(kernels), *case.each("K")), kernels).reshape(case.x_shape)


def _one_hot(case: LayerCase, device: torch.device) -> tuple[LayerCase, torch.Tensor]:
    taps = prod(case.each("k"))
    kernels = torch.eye(taps, dtype=torch.float64, device=device).reshape(taps, 1, *case.each("k"))
    return replace(case, batch=case.batch * case.inputs, groups=1, inputs_per_group=1, outputs_per_group=taps), kernels


def torch_unfold(case: LayerCase, x: torch.Tensor) -> torch.Tensor:
    """torch's unfold, which knows two axes; a single axis gets another of one element."""
    padded = torch.nn.functional.pad(x, [side for a in reversed(case.axes) for side in (a.lo, a.hi)])
    flat = torch.nn.functional.unfold(padded.reshape(*x.shape[:2], *_padded(case)), **_options(case))
    return flat.reshape(column_shape(case))


def torch_fold(case: LayerCase, z: torch.Tensor) -> torch.Tensor:
    """torch's fold into the padded input, the padding cut off."""
    flat = z.reshape(case.batch, case.inputs * prod(case.each("k")), -1)
    whole = torch.nn.functional.fold(flat, _padded(case), **_options(case))
    whole = whole.reshape(*case.x_shape[:2], *(a.lo + a.n + a.hi for a in case.axes))
    return whole[(..., *(slice(a.lo, a.lo + a.n) for a in case.axes))]


def _padded(case: LayerCase) -> tuple[int, ...]:
    return (*[1] * (2 - case.ndim), *(a.lo + a.n + a.hi for a in case.axes))


def _options(case: LayerCase) -> dict[str, tuple[int, ...]]:
    ones = (1,) * (2 - case.ndim)
    return {
        "kernel_size": (*ones, *case.each("k")),
        "dilation": (*ones, *case.each("d")),
        "stride": (*ones, *case.each("s")),
    }


def unfolded(case: LayerCase, x: Array, device: torch.device = CPU) -> dict[str, Array]:
    """The columns of an input, by every source that knows so many axes."""
    found = {"loops": loops_unfold(case, x), "one-hot kernels": exact(one_hot_unfold(case, tensor(x, device)))}
    return found | ({"torch": exact(torch_unfold(case, tensor(x, device)))} if case.ndim <= 2 else {})


def folded(case: LayerCase, z: Array, device: torch.device = CPU) -> dict[str, Array]:
    """What the columns add up to, by every source that knows so many axes."""
    found = {"loops": loops_fold(case, z), "one-hot kernels": exact(one_hot_fold(case, tensor(z, device)))}
    return found | ({"torch": exact(torch_fold(case, tensor(z, device)))} if case.ndim <= 2 else {})
