"""What the positions of an axis read: one access relation, of a layer or of all layers before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm

from ...errors import UnsupportedError
from ...notebook import brief
from .spans import MOST_PARTS, Spans

MOST_PHASES = 1024
"""More phases are too many to write down."""

LONGEST_STEP = 2**64
"""Strides multiply: without an end to them, the numbers of a deep network would grow with every layer."""


@dataclass(frozen=True, slots=True)
class Field:
    """What each position reads: position ``period*q + r`` reads ``phases[r]`` moved by ``step*q``.

    A convolution has one phase; a transposed convolution of stride s has s of them, and moves by one element from one
    round of the phases to the next. What lies outside the input is padding.

    Attributes:
        period: the number of phases, >= 1.
        step: elements from one round to the next; with 0 all rounds read the same, below 0 they run backwards.
        phases: what positions 0 to ``period - 1`` read.

    >>> stem = Field.window(7, stride=2, padding=3)
    >>> deeper = Field.window(3, stride=2, padding=1).through(stem)
    >>> deeper.size, deeper.stride, deeper.padding, deeper.interval(0)
    (11, Fraction(4, 1), 5, (-5, 6))
    """

    period: int
    step: int
    phases: tuple[Spans, ...]

    @staticmethod
    def window(kernel_size: int, *, stride: int = 1, dilation: int = 1, padding: int = 0) -> Field:
        """Position o reads ``stride*o + dilation*m - padding`` for every tap m: convolution and pooling.

        >>> Field.window(3, stride=2, padding=1, dilation=2).reads(4)
        Spans(7:8, 9:10, 11:12)
        """
        if (kernel_size, stride, padding) == (1, 1, 0):
            return _SAME
        return Field(1, stride, (Spans.point(-padding).repeated(kernel_size, dilation),))

    @staticmethod
    def spread(kernel_size: int, *, stride: int = 1, dilation: int = 1, padding: int = 0) -> Field:
        """Position t reads every o with ``t = stride*o + dilation*m - padding``: a transposed convolution.

        >>> Field.spread(3, stride=2, padding=1).phases
        (Spans(0:1), Spans(0:2))
        """
        common = gcd(stride, dilation)
        every = stride // common  # so many taps lie between two that reach the same position

        def reads(phase: int) -> Spans:
            rest = phase + padding
            if rest % common:
                return Spans()
            tap = rest // common * pow(dilation // common, -1, every) % every
            taps = len(range(tap, kernel_size, every))
            last = (rest - dilation * (tap + every * (taps - 1))) // stride
            return Spans.point(last).repeated(taps, dilation // common)

        return Field.sampled(stride, 1, reads)

    @staticmethod
    def sampled(period: int, step: int, reads: Callable[[int], Spans], *, most: int = MOST_PHASES) -> Field:
        """The field of a function that repeats: ``reads(r)`` for the positions of one period.

        Raises:
            UnsupportedError: there are more than the most phases that can be kept, or the step is too long.

        >>> Field.sampled(2, 1, lambda r: Spans.first(r + 1)).reads(3)
        Spans(1:3)
        """
        if period > most:
            raise UnsupportedError(f"a field of {period} phases is too long to write down (at most {most})")
        if abs(step) >= LONGEST_STEP:
            raise UnsupportedError(f"a field that moves by {step} elements at once is not followed (less than 2**64)")
        return Field(period, step, tuple(map(reads, range(period))))

    @staticmethod
    def same() -> Field:
        """Every position reads the element of its own number.

        >>> Field.same().reads(4)
        Spans(4:5)
        """
        return _SAME

    @staticmethod
    def constant(reads: Spans) -> Field:
        """Every position reads the same.

        >>> Field.constant(Spans.point(2)).interval(7)
        (2, 3)
        """
        return Field(1, 0, (reads,))

    @staticmethod
    def whole(size: int) -> Field:
        """Every position reads all ``size`` elements.

        >>> Field.whole(5).interval(7)
        (0, 5)
        """
        return Field.constant(Spans.first(size))

    def __repr__(self) -> str:
        """As a receptive field, in a line."""
        numbers = (f"size={self.size}", f"stride={self.stride}", f"padding={self.padding}")
        holes = {True: "with holes", False: "", None: "perhaps with holes"}[self.holes]
        return brief(self, *numbers, holes, f"{self.period} phases" if self.period > 1 else "")

    def reads(self, position: int) -> Spans:
        """The elements that a position reads.

        >>> [Field.spread(3, stride=2).reads(position) for position in range(4)]
        [Spans(-1:1), Spans(0:1), Spans(0:2), Spans(1:2)]
        """
        turn, phase = divmod(position, self.period)
        return self.phases[phase].shifted(self.step * turn)

    def image(self, positions: Spans) -> Spans:
        """The elements that some of the positions read.

        >>> Field.window(3, stride=2, padding=1).image(Spans.first(4))
        Spans(-1:8)
        """
        if self is _SAME:
            return positions
        if self.period == 1 and len(positions.parts) == 1:
            ((start, stop),) = positions.parts
            found = self.phases[0].shifted(self.step * start).repeated(stop - start, self.step)
            return found if positions.exact else found.bounded()
        if self.period == len(self.phases[0].parts) == 1:
            ((first, last),) = self.phases[0].parts
            if positions and 0 < self.step <= last - first:  # neighbours read one interval together
                moved = [(first + self.step * start, last + self.step * (stop - 1)) for start, stop in positions.parts]
                return Spans.of(moved, exact=positions.exact and self.phases[0].exact)
        exact, pieces = positions.exact, list[tuple[int, int]]()
        for start, stop in positions.parts:
            for first in range(start, min(stop, start + self.period)):  # the first position of each phase
                rounds = (stop - 1 - first) // self.period + 1
                found = self.reads(first).repeated(rounds, self.step)
                exact = exact and found.exact
                pieces.extend(found.parts)
            if len(pieces) > 4 * MOST_PARTS:
                joined = Spans.of(pieces)
                exact, pieces = exact and joined.exact, list(joined.parts)
        return Spans.of(pieces, exact=exact) if len(pieces) > 1 else Spans(tuple(pieces), exact or not pieces)

    def through(self, inner: Field) -> Field:
        """This field, of the positions that ``inner`` is about, in the elements that ``inner`` reads.

        Raises:
            UnsupportedError: there are more phases than can be kept.

        >>> Field.window(3, stride=2).through(Field.window(5, padding=2))
        Field(size=7, stride=2, padding=2)
        """
        if inner is _SAME or self is _SAME:
            return self if inner is _SAME else inner
        rounds = inner.period // gcd(inner.period, self.step)
        return Field.sampled(
            self.period * rounds,
            inner.step * (self.step * rounds // inner.period),
            lambda position: inner.image(self.reads(position)),
        )

    def joined(self, other: Field) -> Field:
        """The union of both, position by position.

        Raises:
            UnsupportedError: the strides differ, or there are more phases than can be kept.

        >>> Field.window(1).joined(Field.window(3, padding=1, dilation=2))
        Field(size=5, stride=1, padding=1, with holes)
        """
        if self == other:
            return self
        if not self.keeps_pace(other):
            raise UnsupportedError(f"fields of strides {self.stride} and {other.stride} have no field as their union")
        period = lcm(self.period, other.period)
        step = self.step * (period // self.period)
        return Field.sampled(period, step, lambda position: self.reads(position) | other.reads(position))

    def bounded(self) -> Field:
        """The same field, where each position may read only a part of what it says.

        >>> Field.window(3).bounded().reads(0)
        Spans(within 0:3)
        """
        return Field(self.period, self.step, tuple(reads.bounded() for reads in self.phases))

    @property
    def is_constant(self) -> bool:
        """Whether every position reads the same.

        >>> Field.whole(5).is_constant, Field.window(5).is_constant
        (True, False)
        """
        return self.period == 1 and self.step == 0

    @property
    def moves(self) -> bool:
        """Whether positions read further on from one round of the phases to the next, or further back.

        >>> Field.window(5).moves, Field.whole(5).moves
        (True, False)
        """
        return self.step != 0

    @property
    def length(self) -> int:
        """How many phases and intervals there are to write down.

        >>> Field.spread(3, stride=2).length
        4
        """
        return sum([reads.length for reads in self.phases])

    # As a receptive field

    @property
    def size(self) -> int:
        """Elements of the hull; of the largest, where phases differ.

        >>> Field.window(3, dilation=2).size, Field.spread(3, stride=2).size
        (5, 2)
        """
        return max(stop - start for start, stop in (reads.hull for reads in self.phases))

    @property
    def stride(self) -> Fraction:
        """Elements from the field of one position to that of the next, on average over the phases.

        >>> Field.window(3, stride=2).stride, Field.spread(3, stride=2).stride
        (Fraction(2, 1), Fraction(1, 2))
        """
        return Fraction(self.step, self.period)

    def keeps_pace(self, other: Field) -> bool:
        """Whether both have one stride.

        >>> Field.spread(3, stride=2).keeps_pace(Field.window(1)), Field.whole(5).keeps_pace(Field.whole(3))
        (False, True)
        """
        return self.step * other.period == other.step * self.period

    def is_aligned(self, other: Field) -> bool:
        """Whether both have one stride, and centres that are no :meth:`distance` apart.

        >>> Field.window(3, padding=1).is_aligned(Field.window(1)), Field.window(2).is_aligned(Field.window(1))
        (True, False)
        """
        if self.period == 1 == other.period and self.phases[0] and other.phases[0]:
            return self.step == other.step and sum(self.phases[0].hull) == sum(other.phases[0].hull)
        return self.keeps_pace(other) and not self.distance(other)

    def distance(self, other: Field) -> Fraction:
        """How much further the centres of another field of this stride lie, on average over positions with both.

        >>> twice = Field.spread(2, stride=2)
        >>> [twice.through(Field.window(taps, stride=2)).distance(Field.same()) for taps in (1, 2)]
        [Fraction(1, 2), Fraction(0, 1)]
        """
        common, total, both = gcd(self.period, other.period), Fraction(), 0
        for rest in range(common):
            ours, theirs = (list(one._starts(rest, common)) for one in (self, other))
            total += len(ours) * sum(theirs) - len(theirs) * sum(ours)
            both += len(ours) * len(theirs)
        return total / max(1, both)

    def _starts(self, rest: int, modulus: int) -> Iterator[Fraction]:
        """The centres less the stride times the position, of phases that read something and leave a remainder."""
        for phase in range(rest, self.period, modulus):
            center = self.center(phase)
            if center is not None:
                yield center - self.stride * phase

    @property
    def padding(self) -> int:
        """Elements by which the field of position 0 begins before element 0; 0 where position 0 reads nothing.

        >>> Field.window(3, padding=1).padding
        1
        """
        return -self.phases[0].hull[0]

    @property
    def holes(self) -> bool | None:
        """Whether a position leaves out elements within its hull; None where that is not known.

        A position that reads nothing has no hull, and leaves nothing out.

        >>> Field.window(3).holes, Field.window(3, dilation=2).holes
        (False, True)
        """
        known = [reads.holes for reads in self.phases]
        return True if True in known else None if None in known else False

    def interval(self, position: int) -> tuple[int, int]:
        """``(start, stop)`` of the hull of a position; ``(0, 0)`` where it reads nothing.

        >>> Field.window(7, stride=2, padding=3).interval(1)
        (-1, 6)
        """
        return self.reads(position).hull

    def center(self, position: int) -> Fraction | None:
        """The centre of the hull, where element j covers [j, j + 1); None where the position reads nothing.

        >>> Field.spread(1, stride=2).center(0), Field.spread(1, stride=2).center(1)
        (Fraction(1, 2), None)
        """
        reads = self.reads(position)
        return Fraction(sum(reads.hull), 2) if reads else None


_SAME = Field(1, 1, (Spans.point(0),))
