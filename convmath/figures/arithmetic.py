"""Convolution arithmetic as pictures: the input with its padding, a window on it, and the output that it gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from ..errors import DomainError
from ..formulas.padding import resolve_padding
from ..network.operators import ConvTranspose, Pool
from ..network.operators.convolution import per_axis
from .svg import (
    BLUE,
    FAINT,
    GREEN,
    INK,
    LIGHT_BLUE,
    LIGHT_GREEN,
    LIGHT_ORANGE,
    ORANGE,
    PAPER,
    Drawing,
    Picture,
    by,
    elements,
    number,
    width_of,
)
from .windows import Cell, Place, Windows

CELL = 28
MARGIN = 16
HEAD = 86
"""Above the grids: a title, the parameters and the captions."""

GAP = 76
LEGEND_LINE = 22

MOST_ANIMATED_CELLS = 20_000
"""Cells under all windows together that an animation may have."""

MOST_FRAMES_CELLS = 1_000_000
"""Cells that all frames may have together."""

_CELLS: Mapping[str, Mapping[str, Any]] = {
    "input": {"fill": LIGHT_BLUE, "stroke": BLUE, "stroke_width": 0.75},
    "zero": {"fill": PAPER, "stroke": BLUE, "stroke_width": 0.5, "stroke_dasharray": "1 2"},
    "padding": {"fill": PAPER, "stroke": FAINT, "stroke_width": 0.75, "stroke_dasharray": "4 3"},
    "beyond": {"fill": "#e4e4e4", "stroke": FAINT, "stroke_width": 0.75, "stroke_dasharray": "4 3"},
    "output": {"fill": LIGHT_GREEN, "stroke": GREEN, "stroke_width": 0.75},
    "read": {"fill": ORANGE, "stroke": INK, "stroke_width": 1.5},
    "covered": {"fill": LIGHT_ORANGE, "stroke": INK, "stroke_width": 1.5},
    "position": {"fill": GREEN, "stroke": INK, "stroke_width": 1.5},
}
_WORDS = {
    "input": "input",
    "zero": "zero between elements",
    "padding": "padding",
    "beyond": "beyond the padding",
    "output": "output",
    "read": "read",
    "covered": "covered, no element",
    "position": "output of this window",
}
_NAMES = {Pool: "pooling", ConvTranspose: "Transposed convolution"}


def frame(windows: Windows, index: int = 0) -> Picture:
    """The picture of one position of the output.

    Args:
        windows: the layer and its input.
        index: the number of the position, row by row from 0.

    Raises:
        DomainError: there is no such position.

    >>> from convmath.network.operators import Conv
    >>> picture = frame(Windows(Conv(1, 1, (3, 3), padding=1), (4, 4)), 5)
    >>> picture.svg.count('data-mark="read"')
    9
    """
    positions = windows.positions
    if not 0 <= index < len(positions):
        raise DomainError("frame", index, f"needs 0 <= frame < {len(positions)}, the number of outputs")
    page = _Page(windows)
    page.mark(page.drawing.group(), positions[index])
    page.legend()
    return page.drawing.picture()


def frames(windows: Windows) -> Iterator[Picture]:
    """The picture of every position of the output, row by row.

    Raises:
        DomainError: these are too many cells together.

    >>> from convmath.network.operators import Conv
    >>> len(list(frames(Windows(Conv(1, 1, (3, 3), stride=2), (5, 7)))))
    6
    """
    cells = len(windows.positions) * sum(1 for _ in windows.cells)
    if cells > MOST_FRAMES_CELLS:
        detail = f"has {len(windows.positions)} frames with {cells} cells together"
        limit = f"needs at most {MOST_FRAMES_CELLS}; draw single frames"
        raise DomainError("input_size", windows.input_size, limit, detail)
    return (frame(windows, index) for index in range(len(windows.positions)))


def animation(windows: Windows, *, seconds: float = 1.0) -> Picture:
    """One picture that shows all positions, one after the other and again.

    It moves by CSS, without a script; where the reader prefers no motion, or nothing moves, it shows the first.

    Args:
        windows: the layer and its input.
        seconds: how long each position is shown.

    Raises:
        DomainError: there is more to draw than fits, or no time to see it.

    >>> from convmath.network.operators import Conv
    >>> animation(Windows(Conv(1, 1, (3, 3), stride=2), (5, 5))).svg.count("@keyframes")
    1
    """
    positions = windows.positions
    under = sum(1 for _ in windows.under(positions[0])) * len(positions)
    if under > MOST_ANIMATED_CELLS:
        detail = f"has {under} cells under its {len(positions)} windows"
        limit = f"an animation has at most {MOST_ANIMATED_CELLS}; draw single frames"
        raise DomainError("input_size", windows.input_size, limit, detail)
    if not 0.02 <= seconds <= 60:
        raise DomainError("seconds", seconds, "needs 0.02 <= seconds <= 60")
    page = _Page(windows)
    name = f"convmath-{len(positions)}-{number(1000 * seconds)}"
    page.drawing.add(page.drawing.root, "style", _motion(name, len(positions), seconds))
    for turn, position in enumerate(positions):
        delay = f"animation-delay:{number(turn * seconds)}s"
        shown: dict[str, Any] = {"class_": name, "visibility": "hidden" if turn else "visible", "style": delay}
        page.mark(page.drawing.group(**shown), position)
    page.legend()
    return page.drawing.picture()


def _motion(name: str, count: int, seconds: float) -> str:
    """Every element of the class is visible in its turn; the turn is its delay."""
    if count == 1:
        return ""
    return (
        f"@keyframes {name}{{0%{{visibility:visible}}{100 / count:.4f}%{{visibility:hidden}}"
        f"100%{{visibility:hidden}}}}"
        f".{name}{{animation:{name} {number(count * seconds)}s step-end infinite}}"
        f"@media (prefers-reduced-motion:reduce){{.{name}{{animation:none}}}}"
    )


@dataclass(frozen=True)
class _Grid:
    """Where a grid of cells lies: its corner and the place of its first cell."""

    x: float
    y: float
    first: tuple[int, int]
    size: tuple[int, int]

    def corner(self, place: Place) -> tuple[float, float]:
        row, column = place if len(place) == 2 else (0, place[0])
        return self.x + (column - self.first[1]) * CELL, self.y + (row - self.first[0]) * CELL


class _Page:
    """A picture with everything but the windows on it."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.flat = len(windows.input_size) == 1
        self.title, self.parameters = _titles(windows)
        self.kinds = {kind for _, kind in windows.cells} | {"output", "position", "read"}
        if windows.covers_more:
            self.kinds.add("covered")
        axes = windows.axes
        first, size = tuple(axis.start for axis in axes), tuple(axis.stop - axis.start for axis in axes)
        self.source, self.output, width, height = self._placed(_pair(first, 0), _pair(size), _pair(windows.output_size))
        lines = list(self._legend_lines(width))
        self.caption_y, self.legend_y = HEAD + height + 24, HEAD + height + 52
        self.numbered = not isinstance(windows.layer, Pool)
        total = self.legend_y + LEGEND_LINE * (len(lines) + self.numbered) + MARGIN - 16
        description = f"{self.parameters}. The input has {by(windows.input_size)} elements"
        description += f" and the output {by(windows.output_size)}."
        self.drawing = Drawing(width + 2 * MARGIN, total, self.title, description)
        self.lines = lines
        self._base()

    def _placed(
        self, first: tuple[int, int], source: tuple[int, int], output: tuple[int, int]
    ) -> tuple[_Grid, _Grid, float, float]:
        """Both grids, side by side or one above the other, and the width and height of all."""
        (rows, columns), (out_rows, out_columns) = source, output
        words = max(width_of(self.title, 15, bold=True), width_of(self.parameters), 300)
        if self.flat:
            width = max(columns, out_columns) * CELL
            total = max(width + 56, words)
            middle = MARGIN + 56 + (total - 56) / 2
            below = HEAD - 16 + CELL + GAP
            one = _Grid(middle - columns * CELL / 2, below, first, source)
            other = _Grid(middle - out_columns * CELL / 2, HEAD - 16, (0, 0), output)
            return one, other, total, 2 * CELL + GAP - 12
        height = max(rows, out_rows) * CELL
        one = _Grid(MARGIN, HEAD, first, source)
        other = _Grid(MARGIN + columns * CELL + GAP, HEAD, (0, 0), output)
        return one, other, max(columns * CELL + GAP + out_columns * CELL, words), height

    def _base(self) -> None:
        drawing, windows = self.drawing, self.windows
        drawing.text(drawing.root, MARGIN, 30, self.title, 15, font_weight="bold")
        drawing.text(drawing.root, MARGIN, 50, self.parameters, fill=FAINT)
        for name, grid in (("input", self.source), ("output", self.output)):
            if self.flat:
                drawing.text(drawing.root, MARGIN, grid.y + CELL / 2 + 4, name)
            else:
                drawing.text(drawing.root, grid.x, grid.y - 8, name)
        cells = drawing.group()
        for place, kind in windows.cells:
            self._cell(cells, self.source, place, kind, data_kind=kind)
        for position in windows.positions:
            self._cell(cells, self.output, position, "output")

    def _cell(self, parent: Element, grid: _Grid, place: Place, look: str, **data: str) -> None:
        x, y = grid.corner(place)
        at = ",".join(map(str, place))
        self.drawing.add(parent, "rect", x=x, y=y, width=CELL, height=CELL, **_CELLS[look], data_at=at, **data)

    def mark(self, group: Element, position: Place) -> None:
        """The window of a position of the output, what it reads, and the output."""
        under = list(self.windows.under(position))
        read = [cell for cell in under if cell.element is not None]
        self._rays(group, position, under, read)
        for cell in under:
            look = "covered" if cell.element is None else "read"
            self._cell(group, self.source, cell.place, look, data_mark=look)
            if self.numbered:
                self._tap(group, cell)
        self._cell(group, self.output, position, "position", data_mark="position")
        words = f"output ({', '.join(map(str, position))}) reads {elements(len(read))} of the input"
        self.drawing.text(group, MARGIN, self.caption_y, words)

    def _tap(self, group: Element, cell: Cell) -> None:
        words = ",".join(map(str, cell.tap))
        size = min(11, (CELL - 4) / width_of(words, 1))
        x, y = self.source.corner(cell.place)
        self.drawing.text(group, x + CELL / 2, y + CELL / 2 + size / 3, words, size, text_anchor="middle")

    def _rays(self, group: Element, position: Place, under: list[Cell], read: list[Cell]) -> None:
        """Lines from the window to the output: on one axis from every element that is read."""
        x, y = self.output.corner(position)
        if self.flat:
            ends = [self.source.corner(cell.place) for cell in read]
            rays = [((left + CELL / 2, top), (x + CELL / 2, y + CELL)) for left, top in ends]
        else:
            corners = [self.source.corner(cell.place) for cell in under]
            right = max(left for left, _ in corners) + CELL
            top, bottom = min(top for _, top in corners), max(top for _, top in corners) + CELL
            rays = [((right, top), (x, y)), ((right, bottom), (x, y + CELL))]
        for (x1, y1), (x2, y2) in rays:
            self.drawing.add(group, "line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=FAINT, stroke_width=0.75)

    def _legend_lines(self, width: float) -> Iterator[list[tuple[float, str]]]:
        """The kinds of cells that occur, as many on a line as fit."""
        line, x = list[tuple[float, str]](), 0.0
        for kind in (kind for kind in _CELLS if kind in self.kinds):
            wide = 22 + width_of(_WORDS[kind], 11) + 14
            if line and x + wide > width:
                yield line
                line, x = [], 0.0
            line.append((x, kind))
            x += wide
        yield line

    def legend(self) -> None:
        """What the cells mean, and the numbers in them."""
        group = self.drawing.group()
        if self.numbered:
            below = self.legend_y + LEGEND_LINE * len(self.lines)
            self.drawing.text(group, MARGIN, below, "numbers: the tap of the kernel on a cell", 11, fill=FAINT)
        for row, line in enumerate(self.lines):
            y = self.legend_y + row * LEGEND_LINE
            for x, kind in line:
                self.drawing.add(group, "rect", x=MARGIN + x, y=y - 11, width=14, height=14, **_CELLS[kind])
                self.drawing.text(group, MARGIN + x + 20, y, _WORDS[kind], 11)


def _pair(values: tuple[int, ...], missing: int = 1) -> tuple[int, int]:
    """Rows and columns; one axis is a row."""
    return (values[0], values[1]) if len(values) == 2 else (missing, values[0])


def _titles(windows: Windows) -> tuple[str, str]:
    """A title and the parameters."""
    layer, axes = windows.layer, len(windows.input_size)
    name = _NAMES.get(type(layer), "Convolution")
    if isinstance(layer, Pool):
        name = f"{ {'max': 'Max', 'avg': 'Average'}.get(layer.how, layer.how) } {name}"
    stride = layer.kernel_size if layer.stride is None else layer.stride
    sized = windows.output_size if isinstance(layer, ConvTranspose) else windows.input_size
    pads = resolve_padding(layer.padding, sized, layer.kernel_size, stride=stride, dilation=layer.dilation)
    told = [
        f"kernel {by(layer.kernel_size)}",
        f"stride {_alike(per_axis(stride, axes))}",
        f"padding {_padding(pads)}",
    ]
    if set(per_axis(layer.dilation, axes)) != {1}:
        told.append(f"dilation {_alike(per_axis(layer.dilation, axes))}")
    if isinstance(layer, ConvTranspose) and set(per_axis(layer.output_padding, axes)) != {0}:
        told.append(f"output padding {_alike(per_axis(layer.output_padding, axes))}")
    if isinstance(layer, Pool) and layer.ceil_mode:
        told.append("ceil mode")
    return f"{name}, {by(windows.input_size)} to {by(windows.output_size)}", ", ".join(told)


def _alike(values: Sequence[object]) -> str:
    """One value where all are equal."""
    return str(values[0]) if len(set(values)) == 1 else by(values)


def _padding(pads: Sequence[tuple[int, int]]) -> str:
    """The padding of each axis, as before:after where both sides differ."""
    if all(lo == hi for lo, hi in pads):
        return _alike([lo for lo, _ in pads])
    sides = [f"{lo}:{hi}" for lo, hi in pads]
    return sides[0] if len(set(sides)) == 1 else " and ".join(sides)
