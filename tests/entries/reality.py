"""What layers really compute: nested loops, NumPy and torch in float64, whose results on small integers are exact."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch

from convmath.oracle import reference

from .cases import LayerCase

CPU = torch.device("cpu")
Array = np.ndarray[Any, Any]

_CONV = {1: torch.nn.functional.conv1d, 2: torch.nn.functional.conv2d, 3: torch.nn.functional.conv3d}
_TRANSPOSED = {
    1: torch.nn.functional.conv_transpose1d,
    2: torch.nn.functional.conv_transpose2d,
    3: torch.nn.functional.conv_transpose3d,
}


def tensor(array: Any, device: torch.device = CPU) -> torch.Tensor:
    """Integers as float64."""
    return torch.tensor(np.asarray(array), dtype=torch.float64, device=device)


def exact(values: torch.Tensor) -> Array:
    """The integers in a float64 tensor; one that is no integer below 2**53 is an AssertionError."""
    array = values.detach().cpu().numpy()
    integers = array.astype(np.int64)
    assert (integers == array).all(), f"not integers: {array}"
    assert np.abs(integers).max(initial=0) < 2**53, f"too large to be exact: {array}"
    return integers


def conv(case: LayerCase, x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
    """torch's convolution, with padding on the left and on the right of every axis."""
    sides = [side for axis in reversed(case.axes) for side in (axis.lo, axis.hi)]
    padded = torch.nn.functional.pad(x, sides)
    return _CONV[case.ndim](padded, w, bias, case.each("s"), 0, case.each("d"), case.groups)


def conv_transpose(case: LayerCase, y: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """torch's transposed convolution; what torch cannot say, unequal sides, is cut out of the whole output."""
    padding, more = case.each("lo"), case.each("output_padding")
    function, options = _TRANSPOSED[case.ndim], (more, case.groups, case.each("d"))
    if padding == case.each("hi"):
        return function(y, w, None, case.each("s"), padding, *options)
    whole = function(y, w, None, case.each("s"), 0, *options)
    return whole[(..., *(slice(axis.lo, axis.lo + axis.n) for axis in case.axes))]


def matrix(case: LayerCase, device: torch.device = CPU) -> Array:
    """The matrix of the convolution of one image: a column for every input element, made from the unit vectors."""
    columns = case.inputs * prod(case.each("n"))
    units = torch.eye(columns, dtype=torch.float64, device=device).reshape(columns, *case.x_shape[1:])
    return exact(conv(case, units, tensor(case.arrays["w"], device))).reshape(columns, -1).T


def gradient(function: Callable[..., torch.Tensor], at: Any, cotangent: Any, device: torch.device = CPU) -> Array:
    """torch's gradient of ``<cotangent, function(at)>``."""
    variable = tensor(at, device).requires_grad_()
    output = function(variable)
    (found,) = torch.autograd.grad(output, variable, tensor(cotangent, device))
    return exact(found)


def loop_options(case: LayerCase) -> dict[str, Any]:
    """The options of a convolution for the nested loops."""
    return {
        "stride": case.each("s"),
        "padding": tuple(zip(case.each("lo"), case.each("hi"), strict=True)),
        "dilation": case.each("d"),
        "groups": case.groups,
    }


def loops_conv(case: LayerCase, x: Any, w: Any, bias: Any = None) -> Array:
    """The convolution by nested loops."""
    return reference.conv_forward(x, w, bias, **loop_options(case))


def stretched(array: Array, steps: tuple[int, ...]) -> Array:
    """``step - 1`` zeros between neighbours, on the last axes.

    >>> stretched(np.array([1, 2, 3]), (2,)).tolist()
    [1, 0, 2, 0, 3]
    """
    sizes = array.shape[array.ndim - len(steps) :]
    longer = [step * (size - 1) + 1 for step, size in zip(steps, sizes, strict=True)]
    result = np.zeros((*array.shape[: array.ndim - len(steps)], *longer), array.dtype)
    result[(..., *(slice(None, None, step) for step in steps))] = array
    return result


def padded(array: Array, sides: list[tuple[int, int]]) -> Array:
    """Zeros before and after the last axes; a negative number takes elements away.

    >>> padded(np.array([1, 2, 3]), [(-1, 2)]).tolist()
    [2, 3, 0, 0]
    """
    keep = [(0, 0)] * (array.ndim - len(sides))
    grown = np.pad(array, [*keep, *((max(lo, 0), max(hi, 0)) for lo, hi in sides)])
    cut = (slice(max(-lo, 0), size - max(-hi, 0)) for (lo, hi), size in zip(sides, _last(grown, sides), strict=True))
    return grown[(..., *cut)]


def flipped(array: Array, ndim: int) -> Array:
    """Turned round on the last axes: rot180 on two."""
    return np.flip(array, tuple(range(array.ndim - ndim, array.ndim))).copy()


def correlated(kernel: Array, array: Array) -> Array:
    """The valid correlation of two arrays of as many axes, at stride 1.

    >>> correlated(np.array([1, 2]), np.array([1, 0, 3])).tolist()
    [1, 6]
    """
    windows = np.lib.stride_tricks.sliding_window_view(array, kernel.shape)
    return np.tensordot(windows, kernel, kernel.ndim)


def convolved(first: Array, second: Array) -> Array:
    """The full convolution of two arrays of as many axes: NumPy's on one axis.

    >>> convolved(np.array([1, 2]), np.array([1, 10])).tolist()
    [1, 12, 20]
    """
    if first.ndim == 1:
        return np.convolve(first, second)
    return correlated(flipped(first, first.ndim), padded(second, [(size - 1, size - 1) for size in first.shape]))


def full_correlation(case: LayerCase, source: Array) -> Array:
    """What a page on backpropagation says: stretch the source, pad it by d(M - 1) - p, correlate it with rot180(w)."""
    long = stretched(source, case.each("s"))
    kernel = stretched(flipped(case.arrays["w"], case.ndim), case.each("d"))
    sides = [(a.reach - a.lo, a.n + a.lo - size) for a, size in zip(case.axes, long.shape[2:], strict=True)]
    return _over_outputs(case, lambda w, y: correlated(w, padded(y, sides)), kernel, long)


def exchanged_correlation(case: LayerCase, source: Array) -> Array:
    """The other form: the stretched source turned round slides over the stretched kernel, padded by s(K - 1) - p."""
    long = flipped(stretched(source, case.each("s")), case.ndim)
    kernel = stretched(case.arrays["w"], case.each("d"))
    sides = [(size - 1 - a.lo, a.n - 1 - a.reach + a.lo) for a, size in zip(case.axes, long.shape[2:], strict=True)]
    return _over_outputs(case, lambda w, y: correlated(y, padded(w, sides)), kernel, long)


def _over_outputs(case: LayerCase, pair: Callable[[Array, Array], Array], kernel: Array, source: Array) -> Array:
    """For every image and input channel the sum over the output channels of its group."""
    result = np.zeros(case.x_shape, np.int64)
    for image, channel in np.ndindex(result.shape[:2]):
        group, local = divmod(channel, case.inputs_per_group)
        for f in range(group * case.outputs_per_group, (group + 1) * case.outputs_per_group):
            result[image, channel] += pair(kernel[f, local], source[image, f])
    return result


def _last(array: Array, sides: list[tuple[int, int]]) -> tuple[int, ...]:
    return array.shape[array.ndim - len(sides) :]
