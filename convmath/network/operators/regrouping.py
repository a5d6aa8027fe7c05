"""Which dimensions of a tensor each dimension of the same elements in other dimensions is made of.

An index in row-major order is a number of mixed radix. Where the sizes before and after fit in each other, every
dimension of the output shares digits with some of the input, and what it reads of one are the elements with the same
digits there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import mul

from ..fields.field import MOST_PHASES, Field
from ..fields.spans import MOST_PARTS, Spans
from .base import Merged, Reads, Sizes


@dataclass(frozen=True)
class Digits:
    """The digits that a dimension of the output shares with one of the input.

    Attributes:
        dimension: that of the input.
        count: how many values they take.
        below: elements of the output's dimension from one value to the next.
        beneath: elements of the input's dimension from one value to the next.
        highest: whether they are the highest digits of both.
        size: elements of the input's dimension.
    """

    dimension: int
    count: int
    below: int
    beneath: int
    highest: bool
    size: int

    @property
    def period(self) -> int:
        """Positions after which the field repeats."""
        return self.below * (1 if self.highest else self.count)

    @property
    def fits(self) -> bool:
        """Whether the field can be written down."""
        return self.period <= MOST_PHASES and self.size // (self.count * self.beneath) <= MOST_PARTS

    def field(self) -> Field:
        """Position c reads every element whose digits are those of c."""
        if self.highest:
            return Field.sampled(self.period, self.beneath, lambda _: Spans.first(self.beneath))
        turn = self.count * self.beneath

        def reads(position: int) -> Spans:
            first = position // self.below * self.beneath
            return Spans(((first, first + self.beneath),)).repeated(self.size // turn, turn)

        return Field.sampled(self.period, 0, reads)

    def index(self) -> Field:
        """Position c has the value of its digits."""
        return Field.sampled(self.period, 1 if self.highest else 0, lambda c: Spans.point(c // self.below))


def regrouped(source: Sizes, output: Sizes) -> Reads:
    """What each dimension of the output reads; None where digits do not fit, or are too long to write down.

    >>> halves = regrouped((6,), (3, 2))
    >>> [field.phases for _, field in halves]
    [(Spans(0:2),), (Spans(0:1, 2:3, 4:5), Spans(1:2, 3:4, 5:6))]
    """
    reads: list[tuple[int, Field] | Merged | None] = [None] * len(output)
    for ours, theirs in _groups(source, output):
        if len(ours) == len(theirs) == 1:
            reads[theirs[0]] = (ours[0], Field.same())
            continue
        for dimension, shared in zip(theirs, _shared(source, output, ours, theirs), strict=True):
            if len(shared) == 1:
                reads[dimension] = (shared[0].dimension, shared[0].field())
            elif shared:
                reads[dimension] = Merged((digits.dimension, digits.field(), digits.index()) for digits in shared)
    return tuple(reads)


def indexed(entry: tuple[int, Field] | Merged | None) -> Merged:
    """The dimensions that a dimension is made of, or the only one."""
    if isinstance(entry, Merged):
        return entry
    return Merged(() if entry is None else ((*entry, Field.same()),))


def _groups(source: Sizes, output: Sizes) -> Iterator[tuple[list[int], list[int]]]:
    """Dimensions of both that hold the same elements, in row-major order; sizes of 1 without a partner drop out."""
    i = j = 0
    while i < len(source) and j < len(output):
        first, second = i, j
        left, right = source[i], output[j]
        i, j = i + (left == right or right != 1), j + (left == right or left != 1)
        if left != right and 1 in (left, right):
            continue
        while left != right:
            if left < right:
                left, i = left * source[i], i + 1
            else:
                right, j = right * output[j], j + 1
        yield list(range(first, i)), list(range(second, j))


def _shared(source: Sizes, output: Sizes, ours: Sequence[int], theirs: Sequence[int]) -> list[list[Digits]]:
    """For each dimension of the output the digits that it shares; none at all where they do not fit."""
    before, after = _places(source, ours), _places(output, theirs)
    marks = sorted({mark for ends in (*before, *after) for mark in ends})
    if any(larger % smaller for smaller, larger in pairwise(marks)):
        return [[] for _ in theirs]
    found = [
        [
            Digits(
                dimension,
                min(top, high) // max(low, bottom),
                max(low, bottom) // bottom,
                max(low, bottom) // low,
                top == high,
                source[dimension],
            )
            for dimension, (low, high) in zip(ours, before, strict=True)
            if max(low, bottom) < min(top, high)
        ]
        for bottom, top in after
    ]
    return found if all(digits.fits for row in found for digits in row) else [[] for _ in theirs]


def _places(sizes: Sizes, dimensions: Sequence[int]) -> list[tuple[int, int]]:
    """For each dimension, elements of all together from one index of it to the next, and over all of it."""
    ends = [1, *accumulate((sizes[d] for d in reversed(dimensions)), mul)]
    return list(pairwise(ends))[::-1]
