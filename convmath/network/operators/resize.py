"""Upsampling and pixel shuffle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from ...assumptions import require
from ...division import floor_div, mod
from ...errors import DomainError
from ..fields.field import Field
from ..fields.repeating import MOST_POSITIONS, looked_at
from ..fields.spans import Spans
from .base import Operator, Reads, Size, Sizes, Work, one, product, split
from .domains import FLAG, NONE, POSITIVE, SCALES, SIZE_PER_AXIS, Domains, one_of

_TAPS = {"nearest": (0, 1), "nearest_exact": (0, 1), "linear": (0, 2), "cubic": (-1, 3)}
"""The elements around the place that a position falls on: first and last plus 1."""


@dataclass(frozen=True)
class Resize(Operator):
    """Interpolation to other spatial sizes, at exact places: one by one, where they do not repeat soon.

    torch computes places in single precision: nearest neighbours lie one element earlier where that rounds a whole
    number down, as at position 41 from 2 elements to 82.

    Attributes:
        mode: ``"nearest"``, ``"nearest_exact"``, ``"linear"`` or ``"cubic"``, on each axis. The nearest element is the
            one in which the start of a position falls, the exact one that in which its middle falls.
        scale: output elements for one of the input per axis, exact; None where ``output_size`` says it.
        output_size: elements per axis; None where ``scale`` says it.
        align_corners: whether the first and last elements of both lie on each other, and not their outer edges.

    >>> Resize("linear", scale=(Fraction(3, 2),)).sizes((1, 8, 5)), Resize("nearest", output_size=(7,)).sizes((1, 8, 5))
    ((1, 8, 7), (1, 8, 7))
    """

    mode: str
    scale: tuple[Fraction, ...] | None = None
    output_size: tuple[Size, ...] | None = None
    align_corners: bool = False

    domains: ClassVar[Domains] = {
        "mode": one_of(*_TAPS),
        "scale": SCALES | NONE,
        "output_size": SIZE_PER_AXIS | NONE,
        "align_corners": FLAG,
    }

    def __post_init__(self) -> None:
        """Require a size or a scale for each axis, and corners only where there is something between elements.

        Raises:
            DomainError: it is otherwise, or a parameter lies outside of its domain.
        """
        if isinstance(self.scale, (list, tuple)):
            ratios = tuple(
                Fraction(ratio) if isinstance(ratio, int) and ratio is not True else ratio for ratio in self.scale
            )
            object.__setattr__(self, "scale", ratios)
        super().__post_init__()
        if self.scale is None and self.output_size is None:
            raise DomainError("scale", None, "needs scale or output_size")
        if self.scale and self.output_size and len(self.scale) != len(self.output_size):
            raise DomainError("output_size", self.output_size, f"needs an axis for each of scale={self.scale}")
        if self.align_corners and self.mode.startswith("nearest"):
            raise DomainError("align_corners", self.align_corners, f"needs mode linear or cubic, not {self.mode}")

    @property
    def kind(self) -> str:
        """``resize`` with the mode."""
        return f"resize_{self.mode}"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes, or the scaled ones rounded down."""
        axes = len(self.scale or self.output_size or ())
        batch, channels, spatial = split(self, one(self, inputs), axes)
        if self.output_size is not None:
            return (batch, channels, *self.output_size)
        scaled = zip(spatial, self.scale or (), strict=True)
        return (batch, channels, *(floor_div(n * ratio.numerator, ratio.denominator) for n, ratio in scaled))

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each axis the elements with which it interpolates."""
        axes = [(axis, self._axis(axis - 2, inputs[0][axis], output[axis])) for axis in range(2, len(output))]
        return (((0, Field.same()), (1, Field.same()), *axes),)

    def _axis(self, axis: int, size: int, wanted: int) -> Field:
        interpolates = self.mode in ("linear", "cubic")
        if self.align_corners:
            ratio = Fraction(size - 1, wanted - 1) if wanted > 1 else Fraction(0)
        else:
            ratio = 1 / self.scale[axis] if self.scale else Fraction(size, wanted)
        half = Fraction(0) if self.align_corners or self.mode == "nearest" else Fraction(1, 2)
        first, end = _TAPS[self.mode]

        def reads(position: int) -> Spans:
            place = (position + half) * ratio - (half if interpolates else 0)
            element = place.numerator // place.denominator
            on_it = place == element and interpolates
            return Spans.point(element) if on_it else Spans(((element + first, element + end),))

        if ratio.denominator <= MOST_POSITIONS:
            return Field.sampled(ratio.denominator, ratio.numerator, reads, most=MOST_POSITIONS)
        return looked_at(wanted, reads)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """A product for each tap of each output; copying takes none."""
        first, end = _TAPS[self.mode]
        taps = (end - first) ** (len(output) - 2)
        return Work() if taps == 1 else Work(other=product(output) * (2 * taps - 1))


@dataclass(frozen=True)
class PixelShuffle(Operator):
    """Channels moved into space: ``(N, C*r*r, H, W)`` becomes ``(N, C, r*H, r*W)``.

    >>> PixelShuffle(2).sizes((1, 12, 4, 4))
    (1, 3, 8, 8)
    """

    rearranges = True

    factor: int

    domains: ClassVar[Domains] = {"factor": POSITIVE}

    @property
    def kind(self) -> str:
        """``pixel_shuffle``."""
        return "pixel_shuffle"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """Larger by the factor on each axis."""
        batch, channels, spatial = split(self, one(self, inputs), 2)
        if channels % self.factor**2:
            raise DomainError("channels", channels, f"pixel_shuffle needs a multiple of {self.factor}**2")
        return (batch, channels // self.factor**2, *(n * self.factor for n in spatial))

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Position o reads element floor(o/r), from one of the channels."""
        axis = Field.sampled(self.factor, 1, lambda _: Spans.point(0))
        return (((0, Field.same()), None, (2, axis), (3, axis)),)


@dataclass(frozen=True)
class PixelUnshuffle(Operator):
    """Space moved into channels, the inverse of :class:`PixelShuffle`.

    >>> PixelUnshuffle(2).sizes((1, 3, 8, 8))
    (1, 12, 4, 4)
    """

    rearranges = True

    factor: int

    domains: ClassVar[Domains] = {"factor": POSITIVE}

    @property
    def kind(self) -> str:
        """``pixel_unshuffle``."""
        return "pixel_unshuffle"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """Smaller by the factor on each axis."""
        batch, channels, spatial = split(self, one(self, inputs), 2)
        for n in spatial:
            needs = f"pixel_unshuffle needs multiples of {self.factor}"
            require("==", mod(n, self.factor), 0, "sizes", needs, sizes=spatial)
        return (batch, channels * self.factor**2, *(floor_div(n, self.factor) for n in spatial))

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Position o reads the r elements from r*o on, over its channels together."""
        axis = Field.window(self.factor, stride=self.factor)
        return (((0, Field.same()), None, (2, axis), (3, axis)),)
