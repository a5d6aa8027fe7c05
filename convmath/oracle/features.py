"""What a case exercises, by name: the corners in which convolutions go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conv_case import ConvCase
    from .pool_case import PoolCase

CONV_FEATURES = (
    "asymmetric_padding",
    "batch",
    "bias",
    "depthwise",
    "dilation",
    "even_kernel",
    "groups",
    "kernel_below_stride",
    "negative_padding",
    "output_padding",
    "padding",
    "padding_above_kernel",
    "partial_groups",
    "size_one_axis",
    "stride",
    "stride_groups_dilation",
    "uncovered_tail",
    "unequal_axes",
    "unequal_channels",
)

POOL_FEATURES = (
    "asymmetric_padding",
    "batch",
    "ceil_mode",
    "dilation",
    "divisor_override",
    "even_kernel",
    "exclude_pad",
    "kernel_below_stride",
    "overhang",
    "overlap",
    "padding",
    "size_one_axis",
    "skipped_window",
    "stride",
    "uncovered_tail",
    "unequal_axes",
)


def conv_features(case: ConvCase) -> frozenset[str]:
    """The names of :data:`CONV_FEATURES` that hold for a case.

    >>> from convmath.oracle import ConvCase
    >>> sorted(ConvCase.parse("conv c2 i6 k2 s3 #0").features)
    ['even_kernel', 'kernel_below_stride', 'stride', 'uncovered_tail', 'unequal_channels']
    """
    c, f, g = case.in_channels, case.out_channels, case.groups
    found = _window_features(case) | {
        "bias": case.bias,
        "depthwise": 1 < g == c,
        "groups": g > 1,
        "negative_padding": any(side < 0 for pads in case.padding for side in pads),
        "output_padding": any(case.output_padding),
        "padding_above_kernel": any(max(p) > k for p, k in zip(case.padding, case.kernel_size, strict=True)),
        "partial_groups": 1 < g < min(c, f),
        "unequal_channels": c != f,
    }
    found["stride_groups_dilation"] = found["stride"] and found["groups"] and found["dilation"]
    found["uncovered_tail"] &= not case.transposed
    return frozenset(name for name, holds in found.items() if holds)


def pool_features(case: PoolCase) -> frozenset[str]:
    """The names of :data:`POOL_FEATURES` that hold for a case.

    >>> from convmath.oracle import PoolCase
    >>> sorted(PoolCase.parse("max_pool i5 k2 ceil #0").features)
    ['ceil_mode', 'even_kernel', 'overhang', 'stride']
    """
    found = _window_features(case) | {
        "ceil_mode": case.ceil_mode,
        "divisor_override": case.divisor_override is not None,
        "exclude_pad": not case.count_include_pad,
        "overhang": any(tail < 0 for tail in _tails(case)),
        "overlap": any(s < k for s, k in zip(case.stride, case.kernel_size, strict=True)),
    }
    found["skipped_window"] = case.ceil_mode and found["uncovered_tail"]
    return frozenset(name for name, holds in found.items() if holds)


def _window_features(case: ConvCase | PoolCase) -> dict[str, bool]:
    sizes = list(zip(case.kernel_size, case.stride, case.dilation, strict=True))
    options = list(zip(case.stride, case.padding, case.dilation, strict=True))
    return {
        "asymmetric_padding": any(lo != hi for lo, hi in case.padding),
        "batch": case.batch > 1,
        "dilation": any(d > 1 and k > 1 for k, _, d in sizes),
        "even_kernel": any(k % 2 == 0 for k in case.kernel_size),
        "kernel_below_stride": any(k < s for k, s, _ in sizes),
        "padding": any(map(any, case.padding)),
        "size_one_axis": 1 in case.input_size,
        "stride": max(case.stride) > 1,
        "uncovered_tail": any(tail > 0 for tail in _tails(case)),
        "unequal_axes": case.ndim > 1 and all(map(_distinct, (case.input_size, case.kernel_size, options))),
    }


def _distinct(values: Sequence[Any]) -> bool:
    return all(a != b for a, b in combinations(values, 2))


def _tails(case: ConvCase | PoolCase) -> list[int]:
    """Per axis the elements of the padded input after the last window; negative where it hangs over the end."""
    return [
        axis.lo
        + axis.input_size
        + axis.hi
        - (axis.stride * (axis.output_size - 1) + axis.dilation * (axis.kernel_size - 1) + 1)
        for axis in case.axes
    ]
