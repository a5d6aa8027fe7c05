"""What positions read of the inputs of a network, and where paths do not agree about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from ...errors import DomainError
from ...notebook import bracketed, brief
from .field import Field


@dataclass(frozen=True)
class ReceptiveFields:
    """What a position reads of an input, axis by axis, as if no tensor had a border.

    On each axis it is what any position of that index reads: where a path leaves positions out on one axis, as a
    transposed convolution may whose stride exceeds its kernel, the others still tell what its other positions read.

    Attributes: axes: the field on each axis.
    """

    axes: tuple[Field, ...]

    def __getitem__(self, axis: int) -> Field:
        """The field on an axis."""
        return self.axes[axis]

    def __len__(self) -> int:
        """The number of axes."""
        return len(self.axes)

    @property
    def size(self) -> tuple[int, ...]:
        """Elements of the hull on each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """Elements from the field of one position to that of the next."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def padding(self) -> tuple[int, ...]:
        """Elements by which the field of position 0 begins before element 0."""
        return tuple(axis.padding for axis in self.axes)

    @property
    def holes(self) -> tuple[bool | None, ...]:
        """Whether a position leaves out elements within its hull; None where that is not known.

        A position that reads nothing has no hull, and leaves nothing out.
        """
        return tuple(axis.holes for axis in self.axes)

    def center(self, *position: int) -> tuple[Fraction | None, ...]:
        """The centre of the hull of a position, where element j covers [j, j + 1); None where it reads nothing.

        Raises:
            DomainError: the position has not an index for each axis.
        """
        return tuple(axis.center(at) for axis, at in self._at(position))

    def interval(self, *position: int) -> tuple[tuple[int, int], ...]:
        """``(start, stop)`` of the hull of a position; ``(0, 0)`` where it reads nothing.

        Raises:
            DomainError: the position has not an index for each axis.
        """
        return tuple(axis.interval(at) for axis, at in self._at(position))

    def __repr__(self) -> str:
        """Size, stride, padding, and whether there are holes."""
        numbers = (f"{name}={bracketed(getattr(self, name))}" for name in ("size", "stride", "padding"))
        holes = "with holes" if True in self.holes else "perhaps with holes" if None in self.holes else ""
        return brief(self, *numbers, holes)

    def __str__(self) -> str:
        """A line for each axis."""
        from ..views.cells import field_lines

        return "\n".join(f"axis {axis}: {words}" for axis, words in enumerate(field_lines(self)))

    def _at(self, position: tuple[int, ...]) -> Iterator[tuple[Field, int]]:
        if len(position) != len(self.axes):
            raise DomainError("position", position, f"needs an index for each of the {len(self.axes)} axes")
        return zip(self.axes, position, strict=True)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from ...notebook import html_table
        from ..views.cells import FIELD_HEAD, field_rows

        return html_table(FIELD_HEAD, field_rows(self), "Receptive field")


@dataclass(frozen=True)
class Misalignment:
    """Two paths that meet and do not agree where they look: their strides differ, or their centres.

    Attributes:
        node: where they meet.
        paths: the inputs of that node by which they come; the same twice where the node reads one two times.
        source: the input of the network and its axis.
        fields: the field by each path.

    Source: [AraujoNorrisSim2019, section on arbitrary computation graphs].
    """

    node: str
    paths: tuple[str, str]
    source: tuple[str, int]
    fields: tuple[Field, Field]

    def __str__(self) -> str:
        """One sentence."""
        first, second = self.fields
        strides = first.stride != second.stride
        what = "strides" if strides else "centres at position 0"
        one, other = (first.stride, second.stride) if strides else (first.offset, second.offset)
        where, paths = f"axis {self.source[1]} of {self.source[0]}", " and ".join(self.paths)
        return f"at {self.node} the {what} of {paths} disagree on {where}: {one} and {other}"
