"""What positions read of the inputs of a network, and where paths do not agree about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import index
from typing import SupportsIndex

from ...errors import DomainError
from ...notebook import bracketed, brief
from .field import MOST_PHASES
from .pieces import Followed, Pieces, parted


def indices(position: Sequence[object]) -> tuple[int, ...]:
    """The indices of a position as ints.

    Raises:
        DomainError: one is no integer.

    >>> indices([3, 0])
    (3, 0)
    """
    for axis, at in enumerate(position):
        if isinstance(at, bool) or not isinstance(at, SupportsIndex):
            raise DomainError("position", tuple(position), "needs an integer for each axis", axis=axis)
    return tuple(index(at) for at in position if isinstance(at, SupportsIndex))


@dataclass(frozen=True)
class ReceptiveFields:
    """What a position reads of an input, axis by axis, as if no tensor had a border.

    On each axis it is what any position of that index reads: where a path leaves positions out on one axis, as a
    transposed convolution may whose stride exceeds its kernel, the others still tell what its other positions read.

    Attributes:
        axes: the field on each axis, or the pieces of the positions and the field of each.
        dimensions: the dimension of the output along which each axis runs, whose indices its field takes; None where
            all positions read the same.
        rank: dimensions of the output, the batch and the channels first.

    Sizes, strides, paddings and centres are in elements of the input.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("conv", Conv(1, 1, (3, 2), stride=2, padding=(1, 0), dilation=(2, 1)), net.input((1, 9, 9)))
    >>> fields = net.analyze()["conv"].receptive_field
    >>> fields.size, fields.stride, fields.padding, fields.holes
    ((5, 2), (Fraction(2, 1), Fraction(2, 1)), (1, 0), (True, False))
    >>> fields.center(1, 0), fields.interval(1, 0)
    ((Fraction(7, 2), Fraction(1, 1)), ((1, 6), (0, 2)))
    """

    axes: tuple[Followed, ...]
    dimensions: tuple[int | None, ...]
    rank: int

    def __getitem__(self, axis: int) -> Followed:
        """The field on an axis."""
        return self.axes[axis]

    def __len__(self) -> int:
        """The number of axes."""
        return len(self.axes)

    @property
    def size(self) -> tuple[int, ...]:
        """Elements of the hull on each axis; of the position that has the largest.

        >>> from convmath.network.fields.field import Field
        >>> ReceptiveFields((Field.window(3, dilation=2), Field.window(3)), (2, 3), 4).size
        (5, 3)
        """
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> tuple[Fraction | None, ...]:
        """Elements from the field of one position to that of the next; None where pieces have none or several.

        >>> from convmath.network.fields.field import Field
        >>> ReceptiveFields((Field.window(3, stride=2), Field.spread(4, stride=2)), (2, 3), 4).stride
        (Fraction(2, 1), Fraction(1, 2))
        """
        return tuple(axis.stride for axis in self.axes)

    @property
    def padding(self) -> tuple[int, ...]:
        """Elements by which the field of position 0 begins before element 0.

        >>> from convmath.network.fields.field import Field
        >>> ReceptiveFields((Field.window(3, padding=1), Field.window(3)), (2, 3), 4).padding
        (1, 0)
        """
        return tuple(axis.padding for axis in self.axes)

    @property
    def holes(self) -> tuple[bool | None, ...]:
        """Whether a position leaves out elements within its hull; None where that is not known.

        A position that reads nothing has no hull, and leaves nothing out.

        >>> from convmath.network.fields.field import Field
        >>> ReceptiveFields((Field.window(3, dilation=2), Field.window(3)), (2, 3), 4).holes
        (True, False)
        """
        return tuple(axis.holes for axis in self.axes)

    def center(self, *position: int) -> tuple[Fraction | None, ...]:
        """The centre of the hull of a position, where element j covers [j, j + 1); None where it reads nothing.

        Args:
            position: the index on each axis of the output after batch and channels, >= 0; there is a last one only
                where positions read piece by piece, as no tensor has a border otherwise.

        Raises:
            DomainError: the position has not an index for each axis of the output, or one is no integer >= 0, or none
                of the pieces has it; an axis of the input runs along the batch or the channels, which have none.

        >>> from convmath.network.fields.field import Field
        >>> fields = ReceptiveFields((Field.window(4, stride=2), Field.window(3)), (2, 3), 4)
        >>> fields.center(5, 0)
        (Fraction(12, 1), Fraction(3, 2))
        """
        return tuple(axis.center(at) for axis, at in self._at(position))

    def interval(self, *position: int) -> tuple[tuple[int, int], ...]:
        """``(start, stop)`` of the hull of a position; ``(0, 0)`` where it reads nothing.

        Args:
            position: as in :meth:`center`.

        Raises:
            DomainError: as there.

        >>> from convmath.network.fields.field import Field
        >>> fields = ReceptiveFields((Field.window(4, stride=2), Field.window(3, padding=1)), (2, 3), 4)
        >>> fields.interval(5, 0)
        ((10, 14), (-1, 2))
        """
        return tuple(axis.interval(at) for axis, at in self._at(position))

    def __repr__(self) -> str:
        """Size, stride, padding, and whether there are holes."""
        numbers = (f"{name}={bracketed(getattr(self, name))}" for name in ("size", "stride", "padding"))
        holes = "with holes" if True in self.holes else "perhaps with holes" if None in self.holes else ""
        return brief(self, *numbers, holes)

    def __str__(self) -> str:
        """A line for each axis."""
        from ..views.details import field_lines

        return "\n".join(f"axis {axis}: {words}" for axis, words in enumerate(field_lines(self)))

    def _at(self, position: tuple[int, ...]) -> Iterator[tuple[Followed, int]]:
        """The field on each axis of the input, and the index on the dimension of the output along which it runs."""
        wanted = max(0, self.rank - 2)
        if len(position) != wanted:
            needs = f"needs an index for each of the {wanted} axes of the output after batch and channels"
            raise DomainError("position", position, needs)
        for axis, at in enumerate(found := indices(position)):
            if at < 0:
                raise DomainError("position", position, "needs index >= 0", axis=axis)
        for axis, dimension in enumerate(self.dimensions):
            if dimension is not None and dimension < 2:
                runs = f"axis {axis} of the input runs along dimension {dimension} of the output, its"
                first = f"{runs} {'channels' if dimension else 'batch'}"
                needs = f"needs an axis after batch and channels for each of the input, but {first}"
                raise DomainError("position", position, f"{needs}; index i on it reads fields[{axis}].interval(i)")
        pairs = list(zip(self.axes, self.dimensions, strict=True))
        for field, dimension in pairs:
            if dimension is not None and isinstance(field, Pieces) and found[dimension - 2] >= field.count:
                raise DomainError("position", position, f"needs index < {field.count}", axis=dimension - 2)
        return ((field, 0 if dimension is None else found[dimension - 2]) for field, dimension in pairs)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from ...notebook import html_table
        from ..views.details import FIELD_HEAD, field_rows

        return html_table(FIELD_HEAD, field_rows(self), "Receptive field")


@dataclass(frozen=True)
class Misalignment:
    """Two paths that meet and do not agree where they look: their strides differ, or their centres.

    Where positions take turns, as after upsampling, centres differ if they are apart on average: those of a repeated
    element lie on both sides of what stands at its positions elsewhere.

    Attributes:
        node: where they meet.
        paths: the inputs of that node by which they come; the same twice where the node reads one two times.
        source: the input of the network and its axis.
        fields: the field by each path.
        count: how many positions there are.

    Source: [AraujoNorrisSim2019, section on arbitrary computation graphs].

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> half = net.add("half", operators.Conv(1, 1, (3,), stride=2, padding=1), net.input((1, 8)))
    >>> again = net.add("again", operators.Resize("nearest", scale=(2,)), half)
    >>> _ = net.add("sum", operators.Combine("add"), "input", again)
    >>> (found,) = net.analyze().misaligned
    >>> print(found)
    at sum the centres of input and again disagree on axis 0 of input, by 1/2 on average: 3/2 and 1/2 at position 1
    >>> found.position, found.centers
    (1, (Fraction(3, 2), Fraction(1, 2)))
    """

    node: str
    paths: tuple[str, str]
    source: tuple[str, int]
    fields: tuple[Followed, Followed]
    count: int

    @property
    def position(self) -> int | None:
        """The first position that has a centre by each path, and not the same one; None where none is found."""
        start, stop, one, other = parted(*self.fields, self.count)
        for at in range(start, min(stop, start + 2 * MOST_PHASES)):
            if None not in (centers := (one.center(at), other.center(at))) and centers[0] != centers[1]:
                return at
        return None

    @property
    def centers(self) -> tuple[Fraction | None, Fraction | None]:
        """The centres of that position by each path."""
        first, second = self.fields
        at = self.position
        return (None, None) if at is None else (first.center(at), second.center(at))

    def __str__(self) -> str:
        """One sentence."""
        first, second = self.fields
        where = f"of {' and '.join(self.paths)} disagree on axis {self.source[1]} of {self.source[0]}"
        if first.stride != second.stride:
            strides = ("no single one" if field.stride is None else str(field.stride) for field in self.fields)
            return f"at {self.node} the strides {where}: {' and '.join(strides)}"
        _, _, here, there = parted(first, second, self.count)
        turns = here.keeps_pace(there) and (here.period, there.period) != (1, 1)
        apart = f", by {abs(here.distance(there))} on average" if turns else ""
        at, (one, other) = self.position, self.centers
        shown = "" if at is None else f": {one} and {other} at position {at}"
        return f"at {self.node} the centres {where}{apart}{shown}"
