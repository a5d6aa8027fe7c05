"""Pooling, adaptive pooling and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any, ClassVar

from ...formulas.padding import resolve_padding
from ...formulas.pooling import pool_output_size
from ..fields.field import Field
from ..fields.spans import Spans
from .base import Operator, Reads, Size, Sizes, Work, merging, one, product, require_dims, split
from .convolution import per_axis
from .domains import DIMS, FLAG, NONE, POSITIVE, POSITIVE_PER_AXIS, WINDOW, Domains, one_of, several

_HOW = one_of("max", "avg", "lp")


@dataclass(frozen=True)
class Pool(Operator):
    """Pooling by the maximum, the average or a norm, channel by channel.

    Attributes:
        how: ``"max"``, ``"avg"`` or ``"lp"``.
        kernel_size: elements of a window per axis.
        stride: elements between windows; None means ``kernel_size``.
        padding: in any form of :func:`convmath.resolve_padding`.
        dilation: elements between neighbouring taps.
        ceil_mode: whether a last window may go beyond the padded input.

    >>> Pool("max", (3, 3), stride=2, padding=1).sizes((1, 64, 112, 112))
    (1, 64, 56, 56)
    """

    how: str
    kernel_size: tuple[int, ...]
    stride: Any = None
    padding: Any = 0
    dilation: Any = 1
    ceil_mode: bool = False

    domains: ClassVar[Domains] = {
        "how": _HOW,
        **WINDOW,
        "stride": POSITIVE_PER_AXIS | NONE,
        "ceil_mode": FLAG,
    }

    @property
    def kind(self) -> str:
        """``max_pool2d`` and the like."""
        return f"{self.how}_pool{len(self.kernel_size)}d"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """A position for every window; channels are kept."""
        batch, channels, spatial = split(self, one(self, inputs), len(self.kernel_size))
        window = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        pooled = pool_output_size(tuple(spatial), self.kernel_size, ceil_mode=self.ceil_mode, **window)
        return (batch, channels, *pooled)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each axis through its window."""
        axes = len(self.kernel_size)
        stride = per_axis(self.kernel_size if self.stride is None else self.stride, axes)
        dilation = per_axis(self.dilation, axes)
        padding = resolve_padding(self.padding, inputs[0][2:], self.kernel_size, stride=stride, dilation=dilation)
        windows = [
            Field.window(k, stride=s, dilation=d, padding=lo)
            for k, s, d, (lo, _) in zip(self.kernel_size, stride, dilation, padding, strict=True)
        ]
        return (((0, Field.same()), (1, Field.same()), *((axis + 2, field) for axis, field in enumerate(windows))),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """For each output an operation less than its window has elements, and a division for an average.

        A norm takes a power of each element, and a root. Elements of the padding are counted, too.
        """
        return Work(other=_joined(self.how, product(output) * product(self.kernel_size), product(output)))


@dataclass(frozen=True)
class AdaptivePool(Operator):
    """Pooling to a given output size, in windows that lie as evenly as they can; None keeps an axis as it is.

    >>> AdaptivePool("avg", (7, None)).sizes((1, 512, 10, 12))
    (1, 512, 7, 12)
    """

    how: str
    output_size: tuple[Size | None, ...]

    domains: ClassVar[Domains] = {
        "how": _HOW,
        "output_size": several(POSITIVE | NONE, "one integer per axis, each >= 1, or None", empty=False),
    }

    @property
    def kind(self) -> str:
        """``adaptive_avg_pool2d`` and the like."""
        return f"adaptive_{self.how}_pool{len(self.output_size)}d"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes."""
        batch, channels, spatial = split(self, one(self, inputs), len(self.output_size))
        wanted = (n if size is None else size for n, size in zip(spatial, self.output_size, strict=True))
        return (batch, channels, *wanted)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Position o reads from floor(o*n/m) up to ceil((o + 1)*n/m)."""
        axes = [(axis, adaptive(inputs[0][axis], output[axis])) for axis in range(2, len(output))]
        return (((0, Field.same()), (1, Field.same()), *axes),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """What the windows take that :class:`Pool` has.

        Windows overlap by one element wherever one begins within an element, so that the windows of an axis from n
        elements to m positions have n + m - gcd(n, m) elements together.
        """
        axes = zip(inputs[0][2:], output[2:], strict=True)
        taken = product(output[:2]) * product([n + m - gcd(n, m) for n, m in axes])
        return Work(other=_joined(self.how, taken, product(output)))


def _joined(how: str, taken: Size, outputs: Size) -> Size:
    """What so many outputs take that are pooled from so many elements together."""
    return {"max": taken - outputs, "avg": taken, "lp": 2 * taken}[how]


def adaptive(size: int, windows: int) -> Field:
    """The windows of adaptive pooling from ``size`` elements to ``windows`` positions.

    >>> adaptive(5, 2).phases
    (Spans(0:3), Spans(2:5))
    """
    common = gcd(size, windows)
    return Field.sampled(
        windows // common,
        size // common,
        lambda o: Spans(((o * size // windows, -(-(o + 1) * size // windows)),)),
    )


_BESIDES = {
    **dict.fromkeys(("sum", "nansum", "prod", "all", "any"), (0, 0)),
    **dict.fromkeys(("max", "min", "amax", "amin", "argmax", "argmin"), (0, 0)),
    **dict.fromkeys(("mean", "nanmean", "log_sum"), (0, 1)),
    **dict.fromkeys(("l0", "l1", "linf", "sum_square", "count_nonzero"), (1, 0)),
    **dict.fromkeys(("norm", "l2", "logsumexp", "log_sum_exp"), (1, 1)),
    "var": (3, 1),
    "std": (3, 2),
    "cosine_similarity": (4, 2),
}
"""Operations on each element, and on each result, besides those that join the elements.

A variance takes the mean of all elements before, and of each its distance and its square; a similarity two lengths.
"""

_IN_ORDER = tuple(
    f"{arg}{name}"
    for arg in ("", "arg")
    for name in ("median", "nanmedian", "mode", "kthvalue", *(("quantile", "nanquantile") if not arg else ()))
)
"""Those that need the elements in order."""


@dataclass(frozen=True)
class Reduce(Operator):
    """A sum, mean or maximum over whole dimensions: global pooling, with ``keepdims``.

    Attributes: how: the name. dims: the dimensions, from 0. keepdims: whether they stay, with size 1.

    >>> Reduce("mean", (2, 3)).sizes((1, 512, 7, 7)), Reduce("mean", (2, 3), keepdims=True).sizes((1, 512, 7, 7))
    ((1, 512), (1, 512, 1, 1))
    """

    how: str
    dims: tuple[int, ...]
    keepdims: bool = False

    domains: ClassVar[Domains] = {"how": one_of(*_BESIDES, *_IN_ORDER), "dims": DIMS, "keepdims": FLAG}

    @property
    def kind(self) -> str:
        """The name."""
        return self.how

    @property
    def differentiable(self) -> bool:
        """Not a place, a test or a number of elements."""
        return not self.how.startswith("arg") and self.how not in ("all", "any", "count_nonzero")

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the other dimensions."""
        source = require_dims(self, one(self, inputs), *self.dims)
        kept = [1 if d in self.dims else n for d, n in enumerate(source) if self.keepdims or d not in self.dims]
        return tuple(kept)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """What is summed over is read whole."""
        source = inputs[0]
        return (
            tuple(
                (d, Field.whole(n) if d in self.dims else Field.same())
                for d, n in enumerate(source)
                if self.keepdims or d not in self.dims
            ),
        )

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """For each output an operation less than it has elements, and what is done to elements and result besides."""
        elements, outputs = product(inputs[0]), product(output)
        if self.how in _IN_ORDER:
            return Work(other=merging(elements, elements // outputs))
        each, after = _BESIDES[self.how]
        return Work(other=(1 + each) * elements + (after - 1) * outputs)
