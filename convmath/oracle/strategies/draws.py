"""What the strategies of convolutions and of pooling share: single draws, an axis under construction, the options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

from hypothesis import strategies as st

from ...errors import DomainError, unknown

T = TypeVar("T")

STRIDE, DILATION, KERNEL, BATCH = 4, 3, 11, 3  # the largest of each
PLAIN = 4  # the size of a case without any option: such cases are few, so their shapes recur in a run
_FITTING = 600


class Draw:
    """Choices for one case, each made by a byte of a single draw.

    Hypothesis makes most new cases of earlier ones by giving draws the values of others. Of a case that is a single
    draw it makes none, so that cases are independent, and it takes a third of the time. Zeros choose the least.

    >>> draw = Draw(bytes([7, 255, 5]))
    >>> draw(4), draw(1000), draw(9)
    (3, 999, 5)
    """

    def __init__(self, data: bytes) -> None:
        """Start with the first byte."""
        self._bytes = iter(data)

    def __call__(self, count: int) -> int:
        """A number from 0 to ``count`` - 1: one of 256, the larger of them spread out, if there are more."""
        byte = next(self._bytes)
        if count <= 256:
            return byte % count
        return byte if byte < 128 else 128 + (byte - 128) * (count - 129) // 127


def drawn(build: Callable[[Draw], T], choices: int) -> st.SearchStrategy[T]:
    """The strategy of what ``build`` makes of a draw, with so many choices at most; a case is printed as itself."""

    @st.composite
    def cases(draw: st.DrawFn) -> T:
        return build(Draw(draw(st.binary(min_size=choices, max_size=choices))))

    return cases()


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


def plainer(draw: Draw, allowed: frozenset[str], used: set[str]) -> frozenset[str]:
    """The allowed options without some of those that are not used: code often has a path of its own for stride 1."""
    left_out = {name for name in ("dilation", "groups", "padding", "stride") if draw(4) == 3}
    return allowed - (left_out - used)


def smaller(draw: Draw, size: int, corner: str | None) -> int:
    """The size, a quarter or a sixteenth of it, but not so small that the corner does not fit."""
    least = size if corner == "unequal_axes" else _FITTING
    return min(size, max(least, size >> 2 * draw(3)))


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
    most = max(most, 0)
    least = min(least, most)
    return least + draw(most - least + 1)


def pick(draw: Draw, values: Sequence[T]) -> T:
    """One of the values; takes a choice even where there is but one, so that those after it keep their bytes."""
    return values[draw(len(values))]


def seed_of(draw: Draw) -> int:
    """A seed of 16 bits."""
    return 256 * draw(256) + draw(256)


def coin(draw: Draw) -> bool:
    """False or True."""
    return bool(draw(2))


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
    """The options that a case may use: those named, of which a single one may stand alone, or all but the rare ones."""
    if features is None:
        return known - rare
    named = frozenset([features] if isinstance(features, str) else features)
    for name in sorted(named - known, key=str):
        raise unknown("features", str(name), sorted(known), "option of a case", ", ".join(sorted(known)))
    return named
