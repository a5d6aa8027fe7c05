"""What the windows of a layer cover and read, position by position: from its access relation, as pictures need it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Literal, TypeAlias

from ..errors import DomainError
from ..formulas.padding import resolve_padding
from ..network.fields.field import Field
from ..network.fields.spans import Spans
from ..network.operators import Conv, ConvTranspose, Pool
from ..network.operators.base import parts
from ..network.operators.convolution import per_axis

Layer: TypeAlias = Conv | ConvTranspose | Pool
Kind: TypeAlias = Literal["input", "zero", "padding", "beyond"]
Place: TypeAlias = tuple[int, ...]

MOST_ALONG = 128
"""Cells along an axis that a picture may have."""

MOST_CELLS = 4096
"""Cells of an input with its padding, or of an output, that a picture may have."""


@dataclass(frozen=True)
class Cell:
    """A cell under a window.

    Attributes: place: where it is. element: the element of the input that is read there, None where there is none.
        tap: the tap of the kernel that lies on it.
    """

    place: Place
    element: Place | None
    tap: Place


@dataclass(frozen=True)
class WindowAxis:
    """One axis of a layer as a row of cells, of which every ``spacing``-th holds an element of the input.

    A convolution has no cells between the elements. A transposed convolution is drawn as the convolution that it is: of
    the input with zeros between its elements and around them, with the kernel backwards.

    Attributes:
        size: elements of the input.
        output_size: positions of the output.
        kernel_size: taps of the kernel.
        spacing: cells from one element to the next.
        window: the cells that a position of the output covers.
        reads: the elements that it reads: the layer's own relation.
        start: the first cell that is drawn.
        stop: the cell after the last that is drawn.
        padded: the cells of the input with its padding, those before and those after.
    """

    size: int
    output_size: int
    kernel_size: int
    spacing: int
    window: Field
    reads: Field
    start: int
    stop: int
    padded: tuple[int, int]

    def kind(self, cell: int) -> Kind:
        """What a cell is: an element, a zero between two, padding, or beyond the padding, as with ceil mode."""
        if 0 <= cell <= (self.size - 1) * self.spacing:
            return "zero" if cell % self.spacing else "input"
        return "padding" if self.padded[0] <= cell < self.padded[1] else "beyond"

    def under(self, position: int) -> Iterator[tuple[int, int | None, int]]:
        """The cells under a window in order: the cell, the element that is read there if any, and the tap on it."""
        inside = self.reads.reads(position).clipped(0, self.size)
        for rank, cell in enumerate(_elements(self.window.reads(position))):
            element, rest = divmod(cell, self.spacing)
            tap = rank if self.window is self.reads else self.kernel_size - 1 - rank
            yield cell, element if not rest and element in inside else None, tap


@dataclass(frozen=True)
class Windows:
    """The windows of a layer on an input of one or two axes.

    Attributes:
        layer: a convolution, transposed convolution or pooling.
        input_size: elements per axis.

    Raises:
        DomainError: a parameter lies outside its domain, or there is more to draw than fits.

    >>> figure = Windows(Conv(1, 1, (3,), stride=2, padding=1), (5,))
    >>> figure.output_size, [(cell.place, cell.element) for cell in figure.under((0,))]
    ((3,), [((-1,), None), ((0,), (0,)), ((1,), (1,))])
    """

    layer: Layer
    input_size: tuple[int, ...]

    def __post_init__(self) -> None:
        """Check everything."""
        axes = len(self.input_size)
        if axes not in (1, 2):
            raise DomainError("input_size", self.input_size, "needs one or two axes to be drawn")
        if len(self.layer.kernel_size) != axes:
            raise DomainError("kernel_size", self.layer.kernel_size, f"needs {axes} axes, as the input has")
        for what, sizes in (
            ("input with its padding", [axis.stop - axis.start for axis in self.axes]),
            ("output", self.output_size),
        ):
            if max(sizes) > MOST_ALONG or prod(sizes) > MOST_CELLS:
                detail = f"leads to an {what} of {'x'.join(map(str, sizes))} cells"
                limit = f"a picture has at most {MOST_ALONG} along an axis and {MOST_CELLS} in all"
                raise DomainError("input_size", self.input_size, limit, detail)

    @cached_property
    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        channels = 1 if isinstance(self.layer, Pool) else self.layer.in_channels
        source = (1, channels, *self.input_size)
        return source, self.layer.sizes(source)

    @property
    def output_size(self) -> tuple[int, ...]:
        """Positions per axis.

        >>> Windows(Conv(1, 1, (3,), stride=2, padding=1), (5,)).output_size
        (3,)
        """
        return self._shapes[1][2:]

    @cached_property
    def axes(self) -> tuple[WindowAxis, ...]:
        """Every axis.

        >>> Windows(Conv(1, 1, (3,), stride=2, padding=1), (5,)).axes[0].kind(-1)
        'padding'
        """
        source, output = self._shapes
        fields = [field for one in self.layer.reads((source,), output)[0][2:] for _, field in parts(one)]
        if isinstance(self.layer, ConvTranspose):
            return tuple(_transposed(self.layer, axis, self._shapes, reads) for axis, reads in enumerate(fields))
        return tuple(_windowed(self.layer, axis, self._shapes, reads) for axis, reads in enumerate(fields))

    @property
    def positions(self) -> Sequence[Place]:
        """The positions of the output, row by row.

        >>> Windows(Conv(1, 1, (2, 2)), (3, 2)).positions
        [(0, 0), (1, 0)]
        """
        return list(product(*map(range, self.output_size)))

    @property
    def cells(self) -> Iterator[tuple[Place, Kind]]:
        """Every cell of the input with its padding; on two axes it is the less real of both.

        >>> list(Windows(Conv(1, 1, (2,), padding=1), (2,)).cells)
        [((-1,), 'padding'), ((0,), 'input'), ((1,), 'input'), ((2,), 'padding')]
        """
        ranges = (range(axis.start, axis.stop) for axis in self.axes)
        for place in product(*ranges):
            kinds = [axis.kind(cell) for axis, cell in zip(self.axes, place, strict=True)]
            yield place, max(kinds, key=_KINDS.index)

    @property
    def covers_more(self) -> bool:
        """Whether some window covers a cell that is no element.

        >>> Windows(Conv(1, 1, (3,), padding=1), (5,)).covers_more, Windows(Conv(1, 1, (3,)), (5,)).covers_more
        (True, False)
        """
        return any(
            element is None for axis in self.axes for o in range(axis.output_size) for _, element, _ in axis.under(o)
        )

    def under(self, position: Place) -> Iterator[Cell]:
        """The cells under the window of a position of the output.

        >>> [cell.element for cell in Windows(Conv(1, 1, (3,), stride=2), (5,)).under((1,))]
        [(2,), (3,), (4,)]
        """
        for along in product(*(axis.under(at) for axis, at in zip(self.axes, position, strict=True))):
            elements = tuple(element for _, element, _ in along if element is not None)
            yield Cell(
                tuple(cell for cell, _, _ in along),
                elements if len(elements) == len(along) else None,
                tuple(tap for _, _, tap in along),
            )


_KINDS: tuple[Kind, ...] = ("input", "zero", "padding", "beyond")
_Shapes: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


def _windowed(layer: Conv | Pool, axis: int, shapes: _Shapes, reads: Field) -> WindowAxis:
    """An axis of a convolution or pooling: the cells are the elements."""
    n, m = (sizes[axis + 2] for sizes in shapes)
    stride = layer.kernel_size if layer.stride is None else layer.stride
    lo, hi = resolve_padding(layer.padding, shapes[0][2:], layer.kernel_size, stride=stride, dilation=layer.dilation)[
        axis
    ]
    start, stop = reads.image(Spans.first(m)).hull
    return WindowAxis(n, m, layer.kernel_size[axis], 1, reads, reads, min(-lo, start), max(n + hi, stop), (-lo, n + hi))


def _transposed(layer: ConvTranspose, axis: int, shapes: _Shapes, reads: Field) -> WindowAxis:
    """An axis of a transposed convolution: zeros lie between the elements, and the kernel is read backwards."""
    n, m = (sizes[axis + 2] for sizes in shapes)
    stride, dilation = (per_axis(value, len(shapes[0]) - 2)[axis] for value in (layer.stride, layer.dilation))
    lo = resolve_padding(layer.padding, shapes[1][2:], layer.kernel_size, stride=layer.stride, dilation=layer.dilation)[
        axis
    ][0]
    taps = layer.kernel_size[axis]
    window = Field.window(taps, dilation=dilation, padding=dilation * (taps - 1) - lo)
    start, stop = window.image(Spans.first(m)).hull
    start, stop = min(0, start), max((n - 1) * stride + 1, stop)
    return WindowAxis(n, m, taps, stride, window, reads, start, stop, (start, stop))


def _elements(spans: Spans) -> Iterator[int]:
    for start, stop in spans.parts:
        yield from range(start, stop)
