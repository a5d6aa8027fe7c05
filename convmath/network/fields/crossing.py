"""Axes that several dimensions of a tensor index together, as windows and the places in them do."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from ...errors import UnsupportedError
from ..layer import Access
from ..operators import Sizes
from .budget import Budget
from .field import Field
from .pieces import Followed, Pieces
from .repeating import repeating
from .spans import Spans

MOST_ELEMENTS = 2**16
"""Dimensions of more elements are not split or merged one element after the other."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """What a tensor reads of an axis of an input by way of a dimension that was split.

    A position reads what ``inner`` reads at those elements of the dimension that the fields of all its parts have in
    common.

    Attributes:
        inner: what each element of the dimension reads of the axis.
        extent: what all of them read.
        length: how many elements there are.
        fields: by the dimensions that are its parts, what each position reads of it.
        exact: False where less may be read.
    """

    inner: Followed
    extent: Spans
    length: int
    fields: Mapping[int, Field] = field(hash=False)
    exact: bool = True

    @property
    def is_whole(self) -> bool:
        """Whether one dimension is what the split one was."""
        return list(self.fields.values()) == [Field.same()]

    def goes_by(self, dimension: int | None, positions: Collection[int], sizes: Sizes) -> bool:
        """Whether of all dimensions of a tensor on which positions have an index only one says what they read."""
        everything = Spans.first(self.length)
        for other, part in self.fields.items():
            if other != dimension:
                each = map(part.reads, range(min(part.period, sizes[other]))) if other in positions else ()
                if part.image(Spans.first(sizes[other])) != everything or any(reads != everything for reads in each):
                    return False
        return True

    def read(self, sizes: Sizes) -> Spans:
        """What all positions of a tensor of these sizes read of the axis together."""
        everything = elements = Spans.first(self.length)
        for dimension, part in self.fields.items():
            elements = elements & part.image(Spans.first(sizes[dimension]))
        if elements != everything and self.inner is not Field.same():
            return self.extent.bounded()
        found = self.extent if elements == everything else elements
        return found if self.exact else found.bounded()

    def moved(self, accesses: Sequence[Sequence[Access]], sizes: Sizes, output: Sizes, budget: Budget) -> Crossed:
        """The same, as the output of a layer reads it that reads the tensor; parts that it names nowhere are gone."""
        composed, exact = dict[int, list[Field]](), self.exact
        for own, part in self.fields.items():
            readers = {d: one for d, reads in enumerate(accesses) for one in reads if one.dimension == own}
            alone = None
            if len(readers) > 1:
                pairs = tuple((dimension, one.field) for dimension, one in readers.items())
                alone = budget.once(sizes[own], single, part, pairs, tuple(output[d] for d in readers), sizes[own])
            if alone is not None:
                composed.setdefault(alone[0], []).append(alone[1])
                continue
            exact = exact and self._keeps(part, sizes[own], [(output[d], one) for d, one in readers.items()])
            for dimension, one in readers.items():
                composed.setdefault(dimension, []).append(budget.composed(one.field, part))
        fields = {
            dimension: self._met(tuple(found), output[dimension], budget) for dimension, found in composed.items()
        }
        return Crossed(self.inner, self.extent, self.length, fields, exact)

    def _met(self, fields: tuple[Field, ...], size: int, budget: Budget) -> Field:
        return fields[0] if len(fields) == 1 else budget.once(size, met, fields, size, self.length)

    def _keeps(self, part: Field, size: int, readers: Sequence[tuple[int, Access]]) -> bool:
        """Whether what the readers of a part have in common is all that is read, and no more."""
        if len(readers) == 1:
            ((count, one),) = readers
            inside = one.field is Field.same() or one.field.image(Spans.first(count)) == one.touched
            return inside or part.period == 1 or part.step != 0
        everything = part.image(Spans.first(size)).clipped(0, self.length)
        if not readers:
            return everything == Spans.first(self.length)
        return everything.count == sum(part.reads(at).count for at in range(size))

    def joined(self, other: Crossed) -> Crossed | None:
        """What one or the other reads, at least; None where they have too little in common to say."""
        if self.length != other.length or (self.inner != other.inner and self.fields != other.fields):
            return None
        if self.inner != other.inner:
            if isinstance(self.inner, Pieces) or isinstance(other.inner, Pieces):
                return None
            if self.inner.stride != other.inner.stride:
                return None
            inner, exact = self.inner.joined(other.inner), self.exact and other.exact
            return Crossed(inner, self.extent | other.extent, self.length, self.fields, exact)
        fields, differing = dict[int, Field](), 0
        for dimension in self.fields.keys() & other.fields.keys():
            one, two = self.fields[dimension], other.fields[dimension]
            differing += one != two
            if one.stride == two.stride:
                fields[dimension] = one.joined(two)
        has_all = any(one.exact and one.fields == fields for one in (self, other))
        alike = self.fields.keys() == other.fields.keys() == fields.keys() and differing <= 1
        exact = has_all or (alike and self.exact and other.exact)
        return Crossed(self.inner, self.extent | other.extent, self.length, fields, exact)


def single(
    inner: Followed, parts: tuple[tuple[int, Field], ...], sizes: Sizes, length: int
) -> tuple[int, Field] | None:
    """The part of a split dimension by which alone it reads its axis, and how; None where no single one does.

    Args:
        inner: what each element of the dimension reads of the axis.
        parts: the dimensions that it was split into, and what each of their positions reads of it.
        sizes: of these dimensions.
        length: elements of the dimension.

    Raises:
        UnsupportedError: there are too many of them, or their number is a letter.
    """
    if length > MOST_ELEMENTS:
        raise UnsupportedError(f"a dimension of {length} elements that is split is not followed")
    if isinstance(inner, Field) and inner.is_constant:
        return parts[0][0], inner
    if any(not isinstance(size, int) for size in sizes):
        raise UnsupportedError("how a dimension is split goes by a letter: give a number for it")
    values = [inner.reads(element) for element in range(length)]
    for (dimension, part), size in zip(parts, sizes, strict=True):
        table = [_only(values, part.reads(at).clipped(0, length)) for at in range(size)]
        if None not in table:
            return dimension, repeating([reads for reads in table if reads is not None])
    return None


def _only(values: Sequence[Spans], elements: Spans) -> Spans | None:
    """What all of these elements read; None where some read something else."""
    found = {values[element] for start, stop in elements.parts for element in range(start, stop)}
    return found.pop() if len(found) == 1 else None


def met(fields: tuple[Field, ...], size: int, length: int) -> Field:
    """What all fields have in common at each of ``size`` positions, within ``length`` elements.

    Raises:
        UnsupportedError: there are too many positions, or they do not repeat.

    >>> met((Field(2, 2, (Spans.first(2),) * 2), Field(2, 0, (Spans(((0, 1), (2, 3))), Spans(((1, 2), (3, 4)))))), 4, 4)
    Field(size=1, stride=1, padding=0)
    """
    if size > MOST_ELEMENTS:
        raise UnsupportedError(f"a dimension of {size} elements that is merged is not followed")
    table = []
    for at in range(size):
        common, *others = [one.reads(at).clipped(0, length) for one in fields]
        for other in others:
            common = common & other
        table.append(common)
    return repeating(table, length)
