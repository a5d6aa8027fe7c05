"""What a case is like, by name: the words in which operators say what they lack and divergences where they occur."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ..axes import Axis
from ..case import ConvCase, PoolCase
from ..features import CONV_FEATURES, POOL_FEATURES

AnyCase: TypeAlias = ConvCase | PoolCase


def _reach(axis: Axis) -> int:
    """Elements from a window's first tap to its last."""
    return axis.dilation * (axis.kernel_size - 1) + 1


def _taps(axis: Axis) -> Counter[int]:
    """How many taps on the input each window has, where it has any."""
    return Counter(o for o, _, _ in axis.triples())


def _overhangs(axis: Axis) -> bool:
    return axis.stride * (axis.output_size - 1) + _reach(axis) > axis.lo + axis.input_size + axis.hi


def _crops_then_pads(case: AnyCase) -> bool:
    """Whether the layer, as one correlation, drops elements at the start and appends no more zeros at the end.

    A transposed convolution and the gradient for the input are correlations too, with a low padding of d(k - 1) - lo.
    No axis has zeros at its start, or more of them at its end than it loses at its start.
    """
    if not isinstance(case, ConvCase) or case.kind in ("grad_weight", "grad_bias"):
        return False
    pads = [(axis.lo, axis.hi) if case.kind == "conv" else _padding_of_the_transpose(axis) for axis in case.axes]
    return all(hi <= -lo and lo <= 0 for lo, hi in pads) and any(lo < 0 < hi for lo, hi in pads)


def _padding_of_the_transpose(axis: Axis) -> tuple[int, int]:
    """What a correlation with the flipped kernel, over the outputs spread by the stride, has in front and behind."""
    before = _reach(axis) - 1 - axis.lo
    spread = axis.stride * (axis.output_size - 1) + 1
    return before, axis.input_size + _reach(axis) - 1 - spread - before


def _tied(case: AnyCase) -> bool:
    """Whether the maximum of some window is there more than once."""
    if not isinstance(case, PoolCase) or case.averages:
        return False
    sizes = [axis.stride * (axis.output_size - 1) + _reach(axis) for axis in case.axes]
    lengths = [max(size, axis.lo + axis.input_size) for size, axis in zip(sizes, case.axes, strict=True)]
    padded = np.full((*case.x_shape[:2], *lengths), -np.inf)
    inside: Any = (..., *(slice(axis.lo, axis.lo + axis.input_size) for axis in case.axes))
    padded[inside] = case.x
    taps = np.stack([_read(padded, case.axes, tap) for tap in product(*map(range, case.kernel_size))])
    maxima = np.max(taps, axis=0)
    return bool(np.any(np.count_nonzero((taps == maxima) & (maxima > -np.inf), axis=0) > 1))


def _read(padded: npt.NDArray[Any], axes: tuple[Axis, ...], tap: tuple[int, ...]) -> npt.NDArray[Any]:
    """What each window reads through a tap."""
    starts = [axis.dilation * k for axis, k in zip(axes, tap, strict=True)]
    stops = [start + axis.stride * (axis.output_size - 1) + 1 for axis, start in zip(axes, starts, strict=True)]
    index: Any = (..., *map(slice, starts, stops, (axis.stride for axis in axes)))
    return padded[index]  # type: ignore[no-any-return]


def _any_axis(test: Callable[[Axis], bool]) -> Callable[[AnyCase], bool]:
    return lambda case: any(map(test, case.axes))


_TESTS: dict[str, Callable[[AnyCase], bool]] = {
    "crops_then_pads": _crops_then_pads,
    "dilated_stride": lambda case: max(case.stride) > 1 and max(case.dilation) > 1,
    "dilation_above_1": lambda case: max(case.dilation) > 1,
    "input_below_kernel": _any_axis(lambda axis: axis.input_size < axis.kernel_size),
    "kernel_of_one": lambda case: set(case.kernel_size) == {1},
    "output_padding_from_stride": lambda case: (
        isinstance(case, ConvCase)
        and any(extra >= s for extra, s in zip(case.output_padding, case.stride, strict=True) if extra)
    ),
    "padded_overhang": lambda case: any(map(_overhangs, case.axes)) and any(map(any, case.padding)),
    "padding_above_half_kernel": _any_axis(lambda axis: 2 * max(axis.lo, axis.hi) > axis.kernel_size),
    "tied_maximum": _tied,
    "unit_stride_and_dilation": lambda case: {*case.stride, *case.dilation} == {1},
    "untouched_input": _any_axis(lambda axis: not _taps(axis)),
    "window_above_padded_input": _any_axis(lambda axis: _reach(axis) > axis.lo + axis.input_size + axis.hi),
    "window_with_one_tap": _any_axis(lambda axis: axis.kernel_size > 1 and 1 in _taps(axis).values()),
}

PROPERTIES = tuple(sorted({*CONV_FEATURES, *POOL_FEATURES, *_TESTS}))
"""Every name: the features that reports count, and what only some framework minds."""


def properties(case: AnyCase) -> frozenset[str]:
    """The names that hold for a case.

    >>> sorted(properties(ConvCase.parse("conv_transpose i2 k1 d3 op1 #0")))
    ['dilation_above_1', 'kernel_of_one', 'output_padding', 'output_padding_from_stride']
    """
    return case.features | frozenset(_found(case))


def _found(case: AnyCase) -> Iterator[str]:
    if case.kind != "grad_bias":
        yield from (name for name, holds in _TESTS.items() if holds(case))
