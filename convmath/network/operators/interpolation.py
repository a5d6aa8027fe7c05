"""Resizing with the choices that ONNX leaves, and tiling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from struct import pack, unpack
from typing import ClassVar

from ...errors import DomainError
from ..fields.field import MOST_PHASES, Field
from ..fields.repeating import looked_at
from ..fields.spans import Spans
from .base import Operator, Reads, Sizes, one
from .domains import POSITIVE, Domains, one_of, several
from .resize import Resize

_HALF = Fraction(1, 2)

ROUNDINGS: Mapping[str, Callable[[Fraction], int]] = {
    "floor": floor,
    "ceil": ceil,
    "round_prefer_floor": lambda place: ceil(place - _HALF),
    "round_prefer_ceil": lambda place: floor(place + _HALF),
}
"""The element that is nearest to a place, by name."""

COORDINATES = (
    *("half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"),
    *("align_corners", "asymmetric", "tf_half_pixel_for_nn"),
)


def _rounded(number: float) -> float:
    """The nearest 32-bit float."""
    return float(unpack("f", pack("f", number))[0])


@dataclass(frozen=True)
class Interpolate(Resize):
    """Interpolation where the place of a position and the nearest element to it are chosen by name.

    Places are exact where they repeat soon; where they do not, as with a factor that is no simple fraction, they are
    those of 32-bit floats, one by one, as ONNX Runtime has them; ONNX leaves the precision open, and half-way between
    two elements ONNX Runtime may take the other one. Where all sizes of the output are those of the input, it copies
    the input, whatever the scale is.

    Attributes:
        coordinates: how the place of position o follows from it, one of ``COORDINATES``.
        rounding: which element is nearest, one of ``ROUNDINGS``.
        align_corners: that of torch; False, as ``coordinates`` say it.

    Source: [onnx.Resize, coordinate_transformation_mode and nearest_mode].

    >>> Interpolate("linear", (Fraction(2),), coordinates="asymmetric").reads([(1, 1, 4)], (1, 1, 8))[0][2][1].phases
    (Spans(0:1), Spans(0:2))
    """

    coordinates: str = "half_pixel"
    rounding: str = "round_prefer_floor"

    domains: ClassVar[Domains] = {
        **Resize.domains,
        "mode": one_of("nearest", "linear", "cubic"),
        "coordinates": one_of(*COORDINATES),
        "rounding": one_of(*ROUNDINGS),
    }

    def __post_init__(self) -> None:
        """Require that coordinates are said in one way.

        Raises:
            DomainError: corners are aligned by another name, or a parameter lies outside of its domain.
        """
        super().__post_init__()
        if self.align_corners:
            raise DomainError("align_corners", self.align_corners, "needs coordinates='align_corners' instead")

    def _axis(self, axis: int, size: int, wanted: int) -> Field:
        ratio, first = self._line(axis, size, wanted)
        nearest = ROUNDINGS[self.rounding]
        before, end = (0, 2) if self.mode == "linear" else (-1, 3)

        def reads(place: Fraction) -> Spans:
            if self.mode == "nearest":
                return Spans.point(nearest(place))
            element = floor(place)
            return Spans.point(element) if place == element else Spans(((element + before, element + end),))

        if ratio.denominator <= MOST_PHASES and self.coordinates != "half_pixel_symmetric":
            return Field.sampled(ratio.denominator, ratio.numerator, lambda o: reads(o * ratio + first))
        return looked_at(wanted, lambda o: reads(self._place(axis, size, wanted, o)))

    def _place(self, axis: int, size: int, wanted: int, position: int) -> Fraction:
        """The place of a position, each operation rounded to a 32-bit float as ONNX Runtime's are.

        Of ``half_pixel_symmetric`` it rounds those of the offset and the sum, and takes doubles in between.
        """
        scale = _rounded(float(self.scale[axis]) if self.scale else wanted / size)
        half = 0.0 if self.coordinates == "asymmetric" else 0.5
        back = half if self.coordinates != "tf_half_pixel_for_nn" else 0.0
        offset = 0.0
        if self.coordinates == "half_pixel_symmetric":
            adjusted = _rounded(wanted / _rounded(scale * size))
            offset = _rounded(_rounded(size / 2) * _rounded(1 - adjusted))
        if self.coordinates == "align_corners":
            return Fraction(_rounded(_rounded(position * (size - 1)) / (wanted - 1)))
        if self.coordinates == "half_pixel_symmetric":
            return Fraction(_rounded(offset + (position + half) / scale - half))
        return Fraction(_rounded(_rounded(_rounded(position + half) / scale) - back))

    def _line(self, axis: int, size: int, wanted: int) -> tuple[Fraction, Fraction]:
        """The place of position o as ``ratio*o + first``."""
        ratio = 1 / self.scale[axis] if self.scale else Fraction(size, wanted)
        if wanted == 1 and self.coordinates in ("pytorch_half_pixel", "align_corners"):
            return Fraction(0), Fraction(0)
        if self.coordinates == "align_corners":
            return Fraction(size - 1, wanted - 1), Fraction(0)
        if self.coordinates == "asymmetric":
            return ratio, Fraction(0)
        return ratio, ratio / 2 - (0 if self.coordinates == "tf_half_pixel_for_nn" else _HALF)

    def inside(self, reads: Spans, size: int) -> Spans:
        """What lies outside is the first or the last element."""
        first, last = reads.clipped(min(reads.hull[0], 0), 0), reads.clipped(size, max(reads.hull[1], size))
        edges = [(edge, edge + 1) for edge, part in ((0, first), (size - 1, last)) if part]
        return reads.clipped(0, size) | Spans.of(edges)


@dataclass(frozen=True)
class Repeat(Operator):
    """The whole tensor again and again along its dimensions.

    Attributes: times: how often, for each dimension.

    >>> Repeat((1, 2)).sizes((3, 4))
    (3, 8)
    """

    times: tuple[int, ...]

    domains: ClassVar[Domains] = {"times": several(POSITIVE, "a tuple of integers >= 1")}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """So many times the sizes."""
        source = one(self, inputs)
        if len(self.times) != len(source):
            raise DomainError("times", self.times, f"repeat needs a number >= 1 for each of {len(source)} dimensions")
        return tuple(size * count for size, count in zip(source, self.times, strict=True))

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Position o reads element o mod n, for a dimension of n; one of all, where they are too many to write down."""
        rows = zip(inputs[0], self.times, strict=True)
        return (tuple((d, _again(n) if count != 1 else Field.same()) for d, (n, count) in enumerate(rows)),)


def _again(size: int) -> Field:
    return Field.whole(size).bounded() if size > MOST_PHASES else Field.sampled(size, 0, Spans.point)
