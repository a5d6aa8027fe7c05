"""The strategy of pooling layers and their gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from math import isqrt

from hypothesis import strategies as st

from ..options import integer
from ..pool_case import PoolCase
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

POOL_OPTIONS = frozenset(
    {
        "asymmetric_padding",
        "batch",
        "ceil_mode",
        "dilated_average",
        "dilation",
        "divisor_override",
        "exclude_pad",
        "padding",
        "stride",
    }
)

_USES = {
    "asymmetric_padding": {"padding"},
    "dilation": {"dilation"},
    "kernel_below_stride": {"stride"},
    "overhang": {"stride"},
    "overlap": {"stride"},
    "size_one_axis": {"padding"},
    "skipped_window": {"padding", "stride"},
    "uncovered_tail": {"stride"},
    "unequal_axes": {"dilation", "padding", "stride"},
}
_CEIL_CORNERS = ("overhang", "skipped_window")


def pool_cases(
    *,
    ndim: int | Iterable[int] | None = None,
    kind: str | Iterable[str] = ("max_pool", "avg_pool"),
    max_macs: int = 10_000,
    features: Iterable[str] | None = None,
) -> st.SearchStrategy[PoolCase]:
    """Cases of a pooling layer that visit at most ``max_macs`` elements, padding at most half the kernel.

    Args:
        ndim: spatial axes, one number or several; 1 to 3 unless given.
        kind: one of :attr:`PoolCase.kinds`, or several.
        max_macs: the size, padding included.
        features: which of :data:`POOL_OPTIONS` a case may use; all but dilated_average unless given. Without ``stride``
            the stride is the kernel size.

    >>> from hypothesis import find
    >>> print(find(pool_cases(ndim=1), lambda case: "overlap" in case.features))
    max_pool n1 c1 i2 k2 s1 #0
    """
    ndims, allowed = ndims_of(ndim), allowed_options(features, POOL_OPTIONS, {"dilated_average"})
    kinds = kinds_of(kind, PoolCase.kinds)
    budget = integer("max_macs", max_macs, least=1)
    return drawn(lambda draw: _pool_case(draw, ndims, kinds, budget, allowed), 17 + 6 * max(ndims))


def _pool_case(
    draw: Draw, ndims: Sequence[int], kinds: Sequence[str], max_macs: int, allowed: frozenset[str]
) -> PoolCase:
    ndim, kind = pick(draw, ndims), pick(draw, kinds)
    averages = kind.startswith("avg_pool")
    corner = pick(draw, list(_pool_corners(ndim, averages, allowed)))
    allowed = plainer(draw, allowed, _USES.get(corner or "", set()))
    max_macs = smaller(draw, max_macs, corner)
    if corner == "plain":
        allowed, max_macs = frozenset(), min(max_macs, PLAIN)
    batch = between(draw, 1, min(BATCH, max_macs)) if "batch" in allowed else 1
    channels = between(draw, 1, min(BATCH, max_macs // batch))
    ceil_mode, exclude_pad, overridden = (coin(draw) for _ in range(3))
    divisor = between(draw, 1, 9)
    seed = seed_of(draw)
    ceil_mode = "ceil_mode" in allowed and corner != "uncovered_tail" and (ceil_mode or corner in _CEIL_CORNERS)
    if averages and "dilated_average" not in allowed:
        allowed = allowed - {"dilation"}
    budget = root(max_macs // (batch * channels), ndim)
    place = draw(ndim)
    axes: list[AxisDraw] = []
    for number in range(ndim):
        mine = corner if number == place or corner == "unequal_axes" else None
        axes.append(_pool_axis(draw, mine, budget, allowed, ceil_mode, axes))
    return PoolCase(
        kind=kind,
        batch=batch,
        channels=channels,
        input_size=tuple(input_length(axis, False) for axis in axes),
        kernel_size=tuple(axis.kernel_size for axis in axes),
        stride=tuple(axis.stride for axis in axes),
        padding=tuple(axis.padding for axis in axes),
        dilation=tuple(axis.dilation for axis in axes),
        ceil_mode=ceil_mode,
        count_include_pad=not (averages and "exclude_pad" in allowed and exclude_pad),
        divisor_override=divisor if averages and "divisor_override" in allowed and overridden else None,
        seed=seed,
    )


def _pool_corners(ndim: int, averages: bool, allowed: frozenset[str]) -> Iterator[str | None]:
    yield from (None, "even_kernel", "plain", "size_one_axis")
    conditions = {
        "asymmetric_padding": {"padding", "asymmetric_padding"} <= allowed,
        "dilation": "dilation" in allowed and (not averages or "dilated_average" in allowed),
        "kernel_below_stride": "stride" in allowed,
        "overhang": {"stride", "ceil_mode"} <= allowed,
        "overlap": "stride" in allowed,
        "skipped_window": {"stride", "ceil_mode"} <= allowed,
        "uncovered_tail": "stride" in allowed,
        "unequal_axes": ndim > 1,
    }
    yield from (corner for corner, possible in conditions.items() if possible)


def _pool_axis(
    draw: Draw, corner: str | None, budget: int, allowed: frozenset[str], ceil_mode: bool, others: list[AxisDraw]
) -> AxisDraw:
    kernels = list(range(1, min(budget, max(3, isqrt(budget)), KERNEL) + 1))
    if corner == "unequal_axes":
        kernels = unlike(kernels, [axis.kernel_size for axis in others])
    elif corner == "even_kernel":
        kernels = kernels[1::2] or kernels
    elif corner in ("overhang", "overlap", "dilation"):
        kernels = kernels[1:] or kernels
    elif corner in ("kernel_below_stride", "uncovered_tail", "skipped_window"):
        kernels = kernels[: STRIDE - 1]
    elif corner == "size_one_axis":
        kernels = [k for k in kernels if _one_element(k, allowed)]
    k = pick(draw, kernels)
    dilated = "dilation" in allowed and corner not in ("size_one_axis", "skipped_window")
    dilation = between(draw, 1 + (corner == "dilation"), DILATION if dilated else 1)
    strides = list(range(1, max(STRIDE, k) + 1)) if "stride" in allowed else [k]
    if corner == "unequal_axes":
        strides = unlike(strides, [axis.stride for axis in others])
    elif corner == "overlap":
        strides = strides[: k - 1] or strides
    elif corner == "kernel_below_stride":
        strides = strides[k:]
    elif corner in ("overhang", "uncovered_tail"):
        strides = strides[1:]
    elif corner == "skipped_window":
        strides = [s for s in strides[1:] if k + 1 - s <= max(_pool_sides(k, allowed))]
    axis = AxisDraw(k, pick(draw, strides), dilation, 1, 0)
    axis.rest = pick(draw, _pool_rests(corner, axis, allowed, ceil_mode))
    axis.windows = between(draw, least_windows(corner, axis, allowed, False, others), budget // k)
    if corner == "size_one_axis":
        axis.rest, axis.windows = 0, 1
    axis.padding = pick(draw, _pool_padding(corner, axis, allowed, ceil_mode, others))
    return axis


def _one_element(k: int, allowed: frozenset[str]) -> bool:
    """Whether padding can leave a window of ``k`` a single element of the input."""
    if "padding" not in allowed or k == 1:
        return k == 1
    return k == 3 or (k == 2 and "asymmetric_padding" in allowed)


def _pool_sides(k: int, allowed: frozenset[str]) -> list[int]:
    return [side for side in range(k) if 2 * side <= k] if "padding" in allowed else [0]


def _pool_rests(corner: str | None, axis: AxisDraw, allowed: frozenset[str], ceil_mode: bool) -> list[int]:
    """What may be left over: a tail; with ceil_mode an overhang, or the tail of a window that starts in the padding."""
    tails, overhangs = list(range(1, axis.stride)), []
    if ceil_mode:
        tails = [
            tail for tail in tails if axis.span + tail - axis.stride <= max(_pool_sides(axis.kernel_size, allowed))
        ]
        overhangs = [-over for over in range(1, min(axis.stride, axis.span))]
    if corner in ("uncovered_tail", "skipped_window"):
        return tails or [0]
    return overhangs or [0] if corner == "overhang" else [0, *tails, *overhangs]


def _pool_padding(
    corner: str | None, axis: AxisDraw, allowed: frozenset[str], ceil_mode: bool, others: list[AxisDraw]
) -> list[tuple[int, int]]:
    """The paddings that keep every window in touch with the input, and the number of windows as it is."""
    pairs = []
    for lo, hi in product(_pool_sides(axis.kernel_size, allowed), repeat=2):
        size = axis.reach + axis.rest - lo - hi
        fits = size >= (axis.dilation if lo else 1) and (lo == hi or "asymmetric_padding" in allowed)
        if ceil_mode:
            next_start = axis.stride * axis.windows - lo
            last_start = next_start - axis.stride
            fits = fits and last_start < size and (axis.rest <= 0 or next_start >= size)
        if fits:
            pairs.append((lo, hi))
    if corner == "asymmetric_padding":
        return [(lo, hi) for lo, hi in pairs if lo != hi] or pairs
    if corner == "size_one_axis":
        return [pair for pair in pairs if axis.reach + axis.rest - sum(pair) == 1]
    if corner == "unequal_axes":
        sizes = [input_length(other, False) for other in others]
        return [pair for pair in pairs if axis.reach + axis.rest - sum(pair) not in sizes] or pairs
    return pairs
