"""What the strategies of convolutions and of pooling share: single draws, an axis under construction, the options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, TypeAlias, TypeVar

from hypothesis import strategies as st

from ...errors import DomainError

T = TypeVar("T")
Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

STRIDE, DILATION, KERNEL, BATCH = 4, 3, 11, 3  # the largest of each
SEEDS = st.integers(0, 2**16 - 1)


@dataclass
class AxisDraw:
    """One axis as drawn; ``rest`` is the tail after the last window, negative for overhang, or the output padding."""

    kernel_size: int
    stride: int
    dilation: int
    windows: int
    rest: int
    padding: tuple[int, int] = (0, 0)

    @property
    def span(self) -> int:
        """Elements from a window's first tap to its last."""
        return self.dilation * (self.kernel_size - 1) + 1

    @property
    def reach(self) -> int:
        """From the start of the first window to the end of the last."""
        return self.stride * (self.windows - 1) + self.span


def least_windows(
    corner: str | None, axis: AxisDraw, allowed: frozenset[str], transposed: bool, others: list[AxisDraw]
) -> int:
    """How many windows make the axis long enough for its corner."""
    if corner == "unequal_axes" and transposed:
        return 1 + max((other.windows for other in others), default=0)
    needed = {
        "asymmetric_padding": 2,
        "padding_above_kernel": axis.kernel_size + 2 if "asymmetric_padding" in allowed else 2 * axis.kernel_size + 3,
        "unequal_axes": 1 + max((input_length(other, transposed) for other in others), default=0),
    }.get(corner or "", 1)
    return next(n for n in count(1) if axis.stride * (n - 1) + axis.span + (0 if transposed else axis.rest) >= needed)


def input_length(axis: AxisDraw, transposed: bool) -> int:
    """Elements of the layer's input along the axis."""
    return axis.windows if transposed else axis.reach + axis.rest - sum(axis.padding)


def between(draw: Draw, least: int, most: int) -> int:
    """An integer from ``least`` to ``most``; where they cross, ``most``."""
    return int(draw(st.integers(min(least, max(most, 0)), max(most, 0))))


def pick(draw: Draw, values: Sequence[int]) -> int:
    """One of the increasing values, drawn as itself and not as its place, so that it stays when the others shrink."""
    if values[-1] - values[0] == len(values) - 1:
        return int(draw(st.integers(values[0], values[-1])))
    return int(draw(st.sampled_from(values)))


def one_of(draw: Draw, values: Sequence[T]) -> T:
    """One of the values; takes a draw even where there is but one, so that draws keep their meaning when others change.

    Hypothesis replays what it has drawn with small changes, and discards the case if the draws run out.
    """
    return values[draw(st.integers(0, len(values) - 1))]


def unlike(values: list[int], others: list[int]) -> list[int]:
    """The values that are none of the others, or all if that leaves none."""
    return [value for value in values if value not in others] or values


def root(value: int, degree: int) -> int:
    """The largest integer, at least 1, whose power is at most ``value``."""
    return next(n for n in count(1) if (n + 1) ** degree > value)


def ndims_of(ndim: int | Iterable[int] | None) -> list[int]:
    """The numbers of axes to draw from."""
    listed = [1, 2, 3] if ndim is None else [ndim] if isinstance(ndim, int) else sorted(ndim)
    if not listed or not set(listed) <= {1, 2, 3}:
        raise DomainError("ndim", ndim, "needs 1, 2 or 3")
    return listed


def kinds_of(kind: str | Iterable[str], known: Sequence[str]) -> list[str]:
    """The kinds to draw from."""
    named = {kind} if isinstance(kind, str) else set(kind)
    if not named or not named <= set(known):
        raise DomainError("kind", kind, f"needs kinds out of {', '.join(known)}")
    return [name for name in known if name in named]


def allowed_options(features: Iterable[str] | None, known: frozenset[str], rare: set[str]) -> frozenset[str]:
    """The options that a case may use: those named, or all but the rare ones."""
    if features is None:
        return known - rare
    named = frozenset(features)
    if not named <= known:
        raise DomainError("features", sorted(named - known), f"needs names out of {', '.join(sorted(known))}")
    return named
