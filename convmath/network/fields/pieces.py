"""What positions read that no single field tells: piece by piece."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from ...errors import UnsupportedError
from ...notebook import brief
from .field import Field
from .repeating import MOST_POSITIONS, runs
from .spans import MOST_PARTS, Spans

MOST_PIECES = 1024
"""More pieces are too many to write down."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """What each of so many positions reads: consecutive pieces of them, each by a field of its own.

    Tensors that are put one after the other read so, and paths whose strides disagree where they meet: there a piece
    ends wherever one path is an element behind the other. What lies beyond the first or the last position is not there,
    and reads nothing.

    Attributes:
        stops: the position after the last of each piece; the first piece begins at position 0.
        fields: the field of each piece, which takes the number of a position among all.

    >>> token_and_patches = pieced([(1, Field.constant(Spans())), (5, Field.window(4, stride=4, padding=4))])
    >>> token_and_patches
    Pieces(size=0..4, stride=4, 2 pieces)
    >>> [token_and_patches.interval(position) for position in range(3)]
    [(0, 0), (0, 4), (4, 8)]
    """

    stops: tuple[int, ...]
    fields: tuple[Field, ...]

    def __repr__(self) -> str:
        """As a receptive field, in a line."""
        holes = {True: "with holes", False: "", None: "perhaps with holes"}[self.holes]
        stride = "differs" if self.stride is None else self.stride
        sizes = "..".join(map(str, dict.fromkeys(self.sizes)))
        return brief(self, f"size={sizes}", f"stride={stride}", holes, f"{len(self.fields)} pieces")

    def __iter__(self) -> Iterator[tuple[int, int, Field]]:
        """The first position of each piece, the one after its last, and its field."""
        return zip((0, *self.stops), self.stops, self.fields, strict=False)

    @property
    def count(self) -> int:
        """How many positions there are.

        >>> Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))).count
        6
        """
        return self.stops[-1]

    def reads(self, position: int) -> Spans:
        """The elements that a position reads; nothing where there is no such position.

        >>> Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))).reads(4)
        Spans(12:13)
        """
        if not 0 <= position < self.count:
            return Spans()
        return self.fields[bisect_right(self.stops, position)].reads(position)

    def image(self, positions: Spans) -> Spans:
        """The elements that some of the positions read.

        >>> pieced([(2, Field.window(1)), (6, Field.window(1, stride=3))]).image(Spans(((1, 4),)))
        Spans(1:2, 6:7, 9:10)
        """
        exact, found = positions.exact, list[tuple[int, int]]()
        for start, stop in positions.clipped(0, self.count).parts:
            number = bisect_right(self.stops, start)
            while start < stop:
                end = min(stop, self.stops[number])
                field = self.fields[number]
                if field.is_constant:
                    image = field.phases[0]
                else:
                    image = field.reads(start) if end - start == 1 else field.image(Spans(((start, end),)))
                exact = exact and image.exact
                found.extend(image.parts)
                start, number = end, number + 1
            if len(found) > 4 * MOST_PARTS:
                joined = Spans.of(found)
                exact, found = exact and joined.exact, list(joined.parts)
        return Spans.of(found, exact=exact or not found)

    def bounded(self) -> Pieces:
        """The same, where each position may read only a part of what it says.

        >>> Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))).bounded().reads(4)
        Spans(within 12:13)
        """
        return Pieces(self.stops, tuple([field.bounded() for field in self.fields]))

    @property
    def is_constant(self) -> bool:
        """Whether every position reads the same: no, as no single field tells what they read.

        >>> Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))).is_constant
        False
        """
        return False

    @property
    def moves(self) -> bool:
        """Whether positions read by their number: they do.

        >>> Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))).moves
        True
        """
        return True

    @property
    def length(self) -> int:
        """How many pieces, phases and intervals there are to write down.

        >>> Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))).length
        6
        """
        return sum([1 + field.length for field in self.fields])

    # As a receptive field

    def each(self) -> Iterator[Spans]:
        """What is read, a period of each piece: of these every position reads one, moved by some elements.

        >>> list(Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))).each())
        [Spans(0:1), Spans(6:7)]
        """
        for start, stop, field in self:
            yield from map(field.reads, range(start, min(stop, start + field.period)))

    @property
    def sizes(self) -> tuple[int, int]:
        """Elements of the smallest and of the largest hull of a position.

        >>> Pieces((1, 6), (Field.constant(Spans()), Field.window(4, stride=4))).sizes
        (0, 4)
        """
        found = [stop - start for start, stop in (reads.hull for reads in self.each())]
        return min(found), max(found)

    @property
    def size(self) -> int:
        """Elements of the hull of the position that has the largest.

        >>> Pieces((1, 6), (Field.constant(Spans()), Field.window(4, stride=4))).size
        4
        """
        return self.sizes[1]

    @property
    def stride(self) -> Fraction | None:
        """That of the pieces of positions that do not all read the same; None where they have none in common.

        >>> print(Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))).stride)
        None
        """
        found = {field.stride for start, stop, field in self if stop - start > 1 and not field.is_constant}
        return found.pop() if len(found) == 1 else None

    @property
    def padding(self) -> int:
        """Elements by which the hull of position 0 begins before element 0; 0 where position 0 reads nothing.

        >>> Pieces((2, 6), (Field.window(3, padding=1), Field.window(1))).padding
        1
        """
        return -self.reads(0).hull[0]

    @property
    def holes(self) -> bool | None:
        """Whether a position leaves out elements within its hull; None where that is not known.

        >>> Pieces((2, 6), (Field.window(1), Field.window(2, dilation=2))).holes
        True
        """
        known = [reads.holes for reads in self.each()]
        return True if True in known else None if None in known else False

    def interval(self, position: int) -> tuple[int, int]:
        """``(start, stop)`` of the hull of a position; ``(0, 0)`` where it reads nothing.

        >>> Pieces((1, 6), (Field.constant(Spans()), Field.window(4, stride=4, padding=4))).interval(2)
        (4, 8)
        """
        return self.reads(position).hull

    def center(self, position: int) -> Fraction | None:
        """The centre of the hull, where element j covers [j, j + 1); None where the position reads nothing.

        >>> Pieces((1, 6), (Field.constant(Spans()), Field.window(4, stride=4, padding=4))).center(2)
        Fraction(6, 1)
        """
        reads = self.reads(position)
        return Fraction(sum(reads.hull), 2) if reads else None


Followed: TypeAlias = Field | Pieces
"""What the positions of a dimension read: one field, or piece by piece."""


def pieced(parts: Iterable[tuple[int, Field]]) -> Followed:
    """The position after each piece and its field, as few of them as neighbours say the same; of one, its field.

    Raises:
        UnsupportedError: there are too many.

    >>> pieced([(3, Field.window(1)), (4, Field.constant(Spans.point(3))), (9, Field.window(1))])
    Field(size=1, stride=1, padding=0)
    """
    stops, fields, start = list[int](), list[Field](), 0
    for stop, field in parts:
        begin = stops[-2] if len(stops) > 1 else 0
        if fields and (fields[-1] == field or _says(fields[-1], start, stop, field)):
            stops[-1] = stop
        elif fields and _says(field, begin, start, fields[-1]):
            stops[-1], fields[-1] = stop, field
        else:
            stops.append(stop)
            fields.append(field)
        start = stop
        if len(stops) > MOST_PIECES:
            raise UnsupportedError(f"more than {MOST_PIECES} pieces, each of which reads in its own way, are too many")
    return fields[0] if len(fields) == 1 else Pieces(tuple(stops), tuple(fields))


def _says(field: Field, start: int, stop: int, other: Field) -> bool:
    """Whether a field tells what another does of a single position."""
    return stop - start == 1 and field.reads(start) == other.reads(start)


def by_position(count: int, reads: Callable[[int], Spans]) -> Followed:
    """What so many positions read, each looked at.

    Raises:
        UnsupportedError: there are too many of them.

    >>> by_position(4, lambda position: Spans.first(position // 2 + 1))
    Pieces(size=1..2, stride=differs, 2 pieces)
    """
    if count > MOST_POSITIONS:
        raise UnsupportedError(f"{count} positions are too many to look at one by one (at most {MOST_POSITIONS})")
    return pieced(runs([reads(position) for position in range(count)]))


def through(
    outer: Field,
    inner: Pieces,
    count: int,
    inside: Callable[[Spans], Spans],
    composed: Callable[[Field, Field], Field],
) -> Followed:
    """What ``count`` positions read that read those of ``inner`` by a field.

    Positions that read within one piece have a field together; those that read across borders are looked at each.

    Args:
        outer: what each position reads of those of ``inner``.
        inner: what these read.
        count: how many positions there are.
        inside: the positions of ``inner`` that are read, where some that are named may lie outside.
        composed: the composition of two fields.

    Raises:
        UnsupportedError: there are too many pieces.
    """
    if outer.is_constant:
        return Field.constant(inner.image(inside(outer.phases[0])))
    within = list[tuple[int, int, Field]]()
    for start, stop, field in inner:
        first, last = covered(outer, start, stop, count) if stop - start > 1 else (0, 0)
        if first < last:
            within.append((first, last, composed(outer, field)))
    found, at, left = list[tuple[int, Field]](), 0, MOST_POSITIONS
    for first, last, field in (*sorted(within, key=lambda one: one[:2]), (count, count, outer)):
        left -= max(0, first - at)
        if left < 0:
            raise UnsupportedError(f"more than {MOST_POSITIONS} positions are too many to look at one by one")
        found += runs([inner.image(inside(outer.reads(position))) for position in range(at, first)], at)
        if last > max(at, first):
            found.append((last, field))
            at = last
    return pieced(found)


def covered(field: Field, start: int, stop: int, count: int) -> tuple[int, int]:
    """``(first, last)`` such that the positions from the first on, up to the last, read between two elements only.

    >>> covered(Field.window(3, padding=1), 4, 9, 100), covered(Field.window(2, stride=2), 4, 9, 100)
    ((5, 8), (2, 4))
    """
    first, last = 0, count
    for phase, reads in enumerate(field.phases):
        if not reads:
            continue
        low, high = reads.hull
        if not field.step:
            if low < start or high > stop:
                return 0, 0
            continue
        ends = (start - low, stop - high) if field.step > 0 else (high - stop, low - start)
        step = abs(field.step)
        rounds = (-(-ends[0] // step), ends[1] // step)
        if rounds[0] > rounds[1]:
            return 0, 0
        first = max(first, phase + field.period * (rounds[0] - 1) + 1)
        last = min(last, phase + field.period * (rounds[1] + 1))
    return (first, last) if first < last else (0, 0)


def shared(first: Followed, second: Followed, count: int) -> Iterator[tuple[int, int, Field, Field]]:
    """The pieces that two have in common, and the field of each there."""
    stops = sorted({count, *(stop for one in (first, second) if isinstance(one, Pieces) for stop in one.stops)})
    start = 0
    for stop in stops:
        yield start, stop, field_at(first, start), field_at(second, start)
        start = stop


def field_at(one: Followed, position: int) -> Field:
    """The field that tells what a position reads.

    >>> field_at(Pieces((2, 6), (Field.window(1), Field.window(1, stride=3))), 4)
    Field(size=1, stride=3, padding=0)
    """
    return one if isinstance(one, Field) else one.fields[bisect_right(one.stops, position)]


def united(
    first: Followed, second: Followed, count: int, joined: Callable[[Field, Field], Field | None]
) -> Followed | None:
    """What one or the other of two reads at each of ``count`` positions; None where these are too many to look at.

    Where two fields have no field as their union, the positions are looked at each.

    Args:
        first: what positions read by one path.
        second: what they read by another.
        count: how many positions there are.
        joined: the union of two fields, or None.
    """
    found, left = list[tuple[int, Field]](), MOST_POSITIONS
    for start, stop, one, other in shared(first, second, count):
        union = joined(one, other)
        if union is not None:
            found.append((stop, union))
            continue
        left -= stop - start
        if left < 0:
            return None
        found += runs([one.reads(at) | other.reads(at) for at in range(start, stop)], start)
    return pieced(found)


def aligned(first: Followed, second: Followed, count: int) -> bool:
    """Whether two have one stride and centres that agree, wherever several positions in a row move by both.

    Where there are no such positions, whether they are alike in having a stride or none.
    """
    if isinstance(first, Field) and isinstance(second, Field):
        return first.is_aligned(second)
    moving = list(_moving(first, second, count))
    return all(one.is_aligned(other) for _, _, one, other in moving) if moving else first.stride == second.stride


def parted(first: Followed, second: Followed, count: int) -> tuple[int, int, Field, Field]:
    """The first piece of ``count`` positions in which two that are not :func:`aligned` are not, or all of them.

    >>> patches = Pieces((2, 6), (Field.window(1), Field.window(1, stride=3)))
    >>> parted(patches, Field.window(1), 6)[:2]
    (2, 6)
    """
    pieces = (piece for piece in _moving(first, second, count) if not piece[2].is_aligned(piece[3]))
    return next(pieces, (0, count, field_at(first, 0), field_at(second, 0)))


def _moving(first: Followed, second: Followed, count: int) -> Iterator[tuple[int, int, Field, Field]]:
    """The pieces that two have in common, of several positions that move by both."""
    for piece in shared(first, second, count):
        start, stop, one, other = piece
        if stop - start > 1 and one.moves and other.moves:
            yield piece


def concatenated(
    parts: Sequence[tuple[int, int, Followed]], count: int, shifted: Callable[[Field, int], Field]
) -> Followed:
    """What ``count`` positions read of which each part reads in its own way; what is in no part reads nothing.

    Args:
        parts: the first position of each, the one after its last, and what its own positions from 0 on read.
        count: how many positions there are.
        shifted: the field of positions that come so many later.

    Raises:
        UnsupportedError: there are too many pieces.
    """
    found, at, nothing = list[tuple[int, Field]](), 0, Field.constant(Spans())
    for start, stop, one in parts:
        if start > at:
            found.append((start, nothing))
        for _, end, field in ((0, stop - start, one),) if isinstance(one, Field) else one:
            found.append((start + end, shifted(field, start)))
        at = stop
        if len(found) > 2 * MOST_PIECES:
            found = _shorter(found)
    return pieced([*found, (count, nothing)] if at < count else found)


def _shorter(found: list[tuple[int, Field]]) -> list[tuple[int, Field]]:
    """The same pieces, those that say the same joined.

    Raises:
        UnsupportedError: there are too many pieces.
    """
    joined = pieced(found)
    return [(found[-1][0], joined)] if isinstance(joined, Field) else [(stop, field) for _, stop, field in joined]
