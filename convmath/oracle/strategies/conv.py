"""The strategy of convolutions, transposed convolutions and gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import isqrt

from hypothesis import strategies as st

from ..conv_case import ConvCase
from ..options import integer
from .draws import (
    BATCH,
    DILATION,
    KERNEL,
    PLAIN,
    STRIDE,
    AxisDraw,
    Draw,
    allowed_options,
    between,
    coin,
    drawn,
    input_length,
    kinds_of,
    least_windows,
    ndims_of,
    pick,
    plainer,
    root,
    seed_of,
    smaller,
    unlike,
)

CONV_OPTIONS = frozenset(
    {
        "asymmetric_padding",
        "batch",
        "bias",
        "dilation",
        "groups",
        "negative_padding",
        "output_padding",
        "padding",
        "stride",
    }
)


def conv_cases(
    *,
    ndim: int | Iterable[int] | None = None,
    kind: str | Iterable[str] = "conv",
    max_macs: int = 10_000,
    features: Iterable[str] | None = None,
) -> st.SearchStrategy[ConvCase]:
    """Cases of a convolution with at most ``max_macs`` multiply-accumulates.

    Args:
        ndim: spatial axes, one number or several; 1 to 3 unless given.
        kind: one of :attr:`ConvCase.kinds`, or several.
        max_macs: the size, padding included; corners need about a hundred, and more in three dimensions.
        features: which of :data:`CONV_OPTIONS` a case may use; all but negative_padding unless given.

    >>> from hypothesis import find
    >>> print(find(conv_cases(ndim=1, kind="grad_input"), lambda case: "dilation" in case.features))
    grad_input n1 c1 o1 i3 k2 d2 #0
    """
    ndims, allowed = ndims_of(ndim), allowed_options(features, CONV_OPTIONS, {"negative_padding"})
    kinds = kinds_of(kind, ConvCase.kinds)
    budget = integer("max_macs", max_macs, least=1)
    return drawn(lambda draw: _conv_case(draw, ndims, kinds, budget, allowed), 16 + 11 * max(ndims))


def _conv_case(
    draw: Draw, ndims: Sequence[int], kinds: Sequence[str], max_macs: int, allowed: frozenset[str]
) -> ConvCase:
    ndim, kind = pick(draw, ndims), pick(draw, kinds)
    transposed = kind == "conv_transpose"
    corner = pick(draw, list(_conv_corners(ndim, kind, allowed)))
    allowed = plainer(draw, allowed, _NEEDS.get(corner or "", set()) | _USES.get(corner or "", set()))
    max_macs = smaller(draw, max_macs, corner)
    if corner == "plain":
        allowed, max_macs = frozenset(), min(max_macs, PLAIN)
    bias, seed = coin(draw), seed_of(draw)
    groups, c, f = _channels(draw, corner, isqrt(max_macs), allowed)
    batch = between(draw, 1, min(BATCH, max_macs // (groups * c * f))) if "batch" in allowed else 1
    budget = root(max_macs // (batch * groups * c * f), ndim)
    place = draw(ndim)
    axes: list[AxisDraw] = []
    for number in range(ndim):
        mine = corner if number == place or corner == "unequal_axes" else None
        axis = _conv_window(draw, mine, budget, allowed, transposed, axes)
        axis.padding = _conv_padding(draw, mine, axis, allowed, transposed, axes)
        if "negative_padding" in allowed:
            axis.padding = _cropping(draw, mine, allowed) or axis.padding
        axes.append(axis)
    return ConvCase(
        kind=kind,
        batch=batch,
        in_channels=groups * c,
        out_channels=groups * f,
        groups=groups,
        input_size=tuple(input_length(axis, transposed) for axis in axes),
        kernel_size=tuple(axis.kernel_size for axis in axes),
        stride=tuple(axis.stride for axis in axes),
        padding=tuple(axis.padding for axis in axes),
        dilation=tuple(axis.dilation for axis in axes),
        output_padding=tuple(axis.rest if transposed else 0 for axis in axes),
        bias=bias and "bias" in allowed and kind in ("conv", "conv_transpose"),
        seed=seed,
    )


_NEEDS = {
    "asymmetric_padding": {"padding", "asymmetric_padding"},
    "kernel_below_stride": {"stride"},
    "negative_padding": {"negative_padding"},
    "output_padding": {"output_padding", "stride"},
    "padding_above_kernel": {"padding"},
    "stride_groups_dilation": {"stride", "groups", "dilation"},
    "partial_groups": {"groups"},
    "uncovered_tail": {"stride"},
}
_USES = {"size_one_axis": {"padding"}, "unequal_axes": {"dilation", "padding", "stride"}}


def _conv_corners(ndim: int, kind: str, allowed: frozenset[str]) -> Iterator[str | None]:
    transposed = kind == "conv_transpose"
    yield from (None, "even_kernel", "plain", "size_one_axis", "unequal_channels")
    impossible = {"output_padding": not transposed, "uncovered_tail": transposed}
    yield from (corner for corner, needs in _NEEDS.items() if needs <= allowed and not impossible.get(corner, False))
    if ndim > 1:
        yield "unequal_axes"


def _channels(draw: Draw, corner: str | None, budget: int, allowed: frozenset[str]) -> tuple[int, int, int]:
    """Groups, and input and output channels of each."""
    most = max(3, isqrt(budget))
    several = corner in ("partial_groups", "stride_groups_dilation")
    groups = between(draw, 1 + several, min(most, budget)) if "groups" in allowed else 1
    budget //= groups
    least = 1 + (corner == "partial_groups")
    c = between(draw, least, min(most, budget))
    others = [f for f in range(1, min(most, budget // c) + 1) if f >= least]
    if corner == "unequal_channels":
        others = [f for f in others if f != c]
    return groups, c, pick(draw, others or [1])


def _conv_window(
    draw: Draw, corner: str | None, budget: int, allowed: frozenset[str], transposed: bool, others: list[AxisDraw]
) -> AxisDraw:
    strides = list(range(1, STRIDE + 1 if "stride" in allowed else 2))
    if corner in ("kernel_below_stride", "output_padding", "stride_groups_dilation", "uncovered_tail"):
        strides = strides[1:]
    kernels = list(range(1, min(budget, max(3, isqrt(budget)), KERNEL) + 1))
    if corner == "unequal_axes":
        strides = unlike(strides, [axis.stride for axis in others])
        kernels = unlike(kernels, [axis.kernel_size for axis in others])
    stride = pick(draw, strides)
    if corner == "even_kernel":
        kernels = kernels[1::2] or kernels
    elif corner == "kernel_below_stride":
        kernels = kernels[: stride - 1]
    elif corner == "stride_groups_dilation":
        kernels = kernels[1:] or kernels
    kernel_size = pick(draw, kernels)
    dilation = between(draw, 1 + (corner == "stride_groups_dilation"), DILATION if "dilation" in allowed else 1)
    most = max(stride, dilation) - 1 if transposed else stride - 1
    if transposed and "output_padding" not in allowed:
        most = 0
    rest = between(draw, int(corner in ("uncovered_tail", "output_padding")), most)
    axis = AxisDraw(kernel_size, stride, dilation, 1, rest)
    most = 1 if transposed and corner == "size_one_axis" else budget // kernel_size
    axis.windows = between(draw, least_windows(corner, axis, allowed, transposed, others), most)
    return axis


def _conv_padding(
    draw: Draw, corner: str | None, axis: AxisDraw, allowed: frozenset[str], transposed: bool, others: list[AxisDraw]
) -> tuple[int, int]:
    symmetric = "asymmetric_padding" not in allowed
    length = axis.reach if transposed else axis.reach + axis.rest
    k = axis.kernel_size
    most = min(length - 1, 2 * axis.span + 2) if "padding" in allowed else 0
    totals = [total for total in range(most + 1) if not symmetric or total % 2 == 0]
    if corner == "asymmetric_padding":
        totals = totals[1:]
    elif corner == "padding_above_kernel":
        totals = [total for total in totals if total > (2 * k if symmetric else k)]
    elif corner == "unequal_axes" and not transposed:
        totals = unlike(totals, [length - input_length(other, transposed) for other in others])
    elif corner == "size_one_axis" and not transposed and (not symmetric or length % 2) and "padding" in allowed:
        totals = [length - 1]
    total = pick(draw, totals or [0])
    lows = [lo for lo in range(total + 1) if not symmetric or 2 * lo == total]
    if corner == "asymmetric_padding":
        lows = [lo for lo in lows if 2 * lo != total] or lows
    elif corner == "padding_above_kernel":
        lows = [lo for lo in lows if max(lo, total - lo) > k] or lows
    lo = pick(draw, lows)
    return lo, total - lo


def _cropping(draw: Draw, corner: str | None, allowed: frozenset[str]) -> tuple[int, int] | None:
    crops, swapped = coin(draw), coin(draw)
    one, other = -between(draw, 1, 3), -between(draw, 0, 3)
    if not crops and corner != "negative_padding":
        return None
    if "asymmetric_padding" not in allowed:
        return one, one
    return (other, one) if swapped else (one, other)
