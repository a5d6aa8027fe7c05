"""What a pixel sees, as a picture: every tensor on the way with what is read of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from typing import Any
from xml.etree.ElementTree import Element

from .seen import Part, Seen, Stage
from .svg import BLUE, FAINT, GREEN, INK, LIGHT_BLUE, ORANGE, Drawing, Picture, by, elements, number, width_of

MARGIN = 20
HEAD = 78
LARGEST, SMALLEST = 260, 56
"""Pixels along the longer axis of the largest and the smallest tensor."""

APART = 34
LINE = 16
PANEL_HEAD = 22
STRIP, STRIPS_APART, STRIP_WIDTH = 22, 40, 680
"""A tensor of one axis is a strip."""

_DASHED: dict[str, Any] = {"fill": "none", "stroke": INK, "stroke_width": 1.25, "stroke_dasharray": "5 3"}


def seen_picture(what: Seen) -> Picture:
    """The tensors on the way from the input to a position, and what is read of each.

    On two axes they stand side by side, on one above each other; of three axes each is drawn on its own.

    >>> from convmath.figures.seen import seen
    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("stem", Conv(3, 8, (3, 3), stride=2), net.input((3, 9, 9)))
    >>> seen_picture(seen(net.analyze())).svg.count('data-node="')
    2
    """
    panels = list(_panels(what))
    right = max(plane.right for panel in panels for plane in panel.planes)
    bottom = max(plane.bottom for panel in panels for plane in panel.planes)
    title = f"What {what.name} reads at ({', '.join(map(str, what.position))})"
    told = "; ".join(f"{stage.name}: {' '.join(_words(stage, what))}" for stage in what.stages)
    framed = any(stage.field for stage in what.stages)
    goes_on = any(_goes_on(plane) for panel in panels for plane in panel.planes)
    more = ", open where it goes on" if goes_on else ""
    least = 460 + width_of(more, 11)
    width = max(
        right + MARGIN, width_of(title, 15, bold=True) + 2 * MARGIN, width_of(_summary(what)) + 2 * MARGIN, least
    )
    drawing = Drawing(width, bottom + 44, title, f"From the inputs to {what.name}: {told}.")
    drawing.text(drawing.root, MARGIN, 32, title, 15, font_weight="bold")
    drawing.text(drawing.root, MARGIN, 52, _summary(what), fill=FAINT)
    for panel in panels:
        _panel(drawing, panel)
    _legend(drawing, bottom + 24, f"field, as if there were no border{more}" if framed else "")
    return drawing.picture()


def _summary(what: Seen) -> str:
    readers = {stage.reader for stage in what.stages}
    inputs = [stage for stage in what.stages if stage.name not in readers]
    told = "; ".join(f"of {one.name} with {by(one.size)} elements it {' '.join(_read(one))}" for one in inputs)
    return f"{by(what.stages[-1].size)} positions; {told}"


def _read(stage: Stage) -> list[str]:
    """How much is read: the size of the hull, and the number of elements where the hull has holes."""
    sides = [stop - start for start, stop in stage.hull]
    most = "" if stage.exact else "at most "
    if stage.count == prod(sides):
        return [f"reads {most}{by(sides)}"]
    return [f"reads {most}{elements(stage.count)}", f"within {by(sides)}"]


def _words(stage: Stage, what: Seen) -> list[str]:
    """What is written below a tensor."""
    if stage.name == what.name:
        return [by(stage.size), f"at {', '.join(map(str, what.position))}"]
    lines = [by(stage.size), *_read(stage)]
    if stage.field is not None and stage.field != stage.hull:
        lines.append(f"of a field of {by(stop - start for start, stop in stage.field)}")
    return lines


@dataclass(frozen=True)
class _Plane:
    """Where a tensor is drawn: the pixel of its element 0 on each axis, and pixels an element.

    Attributes: right, bottom: of what belongs to it, its words too. beyond: pixels that the field of a strip goes on.
    """

    stage: Stage
    x: float
    y: float
    scale: tuple[float, float]
    right: float
    bottom: float
    beyond: float = 0

    def box(self, part: Part) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of a rectangle of elements; a strip has the height of one."""
        rows, columns = part if len(part) == 2 else ((0, 1), part[0])
        (high, wide) = self.scale
        return (
            self.x + columns[0] * wide,
            self.y + rows[0] * high,
            self.x + columns[1] * wide,
            self.y + rows[1] * high,
        )

    @property
    def whole(self) -> Part:
        return tuple((0, n) for n in self.stage.size)


def _reach(stage: Stage) -> Part:
    """The elements that are drawn: the tensor's, and the field beyond it where that ends near.

    That is within half its length on each side, and of a strip within its length, as the field of causal layers lies to
    one side alone.
    """
    field = stage.field or tuple((0, n) for n in stage.size)
    return tuple(
        (min(0, start) if start >= -most else 0, max(n, stop) if stop <= n + most else n)
        for n, (start, stop) in zip(stage.size, field, strict=True)
        for most in (n if len(stage.size) == 1 else n // 2,)
    )


def _goes_on(plane: _Plane) -> bool:
    """Whether a side of the field lies too far away to be drawn."""
    pairs = zip(plane.stage.field or (), _reach(plane.stage), strict=False)
    return any(start < least or stop > most for (start, stop), (least, most) in pairs)


@dataclass(frozen=True)
class _Panel:
    """What is drawn together: the tensors along one axis or two, or along one of more, below a heading.

    Attributes: axis: the only axis of several, or None. y: what the heading stands on.
    """

    what: Seen
    planes: list[_Plane]
    axis: int | None = None
    y: float = 0


def _panels(what: Seen) -> Iterator[_Panel]:
    """A single panel, or of more than two axes one for each."""
    if len(what.position) <= 2:
        yield _Panel(what, _beside(what) if len(what.position) == 2 else _stacked(what))
        return
    y = float(HEAD)
    for axis in range(len(what.position)):
        along = what.along(axis)
        planes = _stacked(along, y + PANEL_HEAD)
        yield _Panel(along, planes, axis, y + 6)
        y = max(plane.bottom for plane in planes) + APART


def _panel(drawing: Drawing, panel: _Panel) -> None:
    """Its heading, its tensors, and lines from each to the one that reads it."""
    group = drawing.root
    if panel.axis is not None:
        group = drawing.group(data_axis=str(panel.axis))
        words = f"Along axis {panel.axis}, for any place on the others"
        drawing.text(group, MARGIN, panel.y, words, font_weight="bold")
    for plane in panel.planes:
        _plane(drawing, group, plane, panel.what)
    by_name = {plane.stage.name: plane for plane in panel.planes}
    for plane in panel.planes:
        if plane.stage.reader is not None:
            _rays(drawing, group, plane, by_name[plane.stage.reader], flat=len(panel.what.position) == 1)


def _beside(what: Seen) -> list[_Plane]:
    """Planes side by side, in the middle of the height; larger tensors are drawn larger, but not as much."""
    longest = max(max(stage.size) for stage in what.stages)
    drawn = []
    for stage in what.stages:
        long = SMALLEST + (LARGEST - SMALLEST) * (max(stage.size) / longest) ** 0.5
        reach = _reach(stage)
        scale = min(long / max(stage.size), 1.25 * LARGEST / max(stop - start for start, stop in reach))
        drawn.append((stage, reach, scale, [(stop - start) * scale for start, stop in reach]))
    tallest = max(sides[0] for _, _, _, sides in drawn)
    planes, left = [], float(MARGIN)
    for stage, reach, scale, (high, wide) in drawn:
        words = [_name(stage.name), *_words(stage, what)]
        column = max(wide, *(width_of(text, 11, bold=True) for text in words))
        x = left + (column - wide) / 2 - reach[1][0] * scale
        y = HEAD + (tallest - high) / 2 - reach[0][0] * scale
        bottom = HEAD + tallest + LINE * (len(words) + 1)
        planes.append(_Plane(stage, x, y, (scale, scale), left + column, bottom))
        left += column + APART
    return planes


def _stacked(what: Seen, top: float = HEAD) -> list[_Plane]:
    """Strips above each other, the inputs lowest; all are as long, so that elements lie below what reads them."""
    names = max(width_of(_name(stage.name), 12) for stage in what.stages)
    words = max(width_of(", ".join(_words(stage, what)), 11) for stage in what.stages)
    before = max(-_reach(stage)[0][0] / stage.size[0] for stage in what.stages) * STRIP_WIDTH
    after = max(_reach(stage)[0][1] / stage.size[0] - 1 for stage in what.stages) * STRIP_WIDTH
    x = MARGIN + names + 16 + before
    right = x + STRIP_WIDTH + after + 16 + words
    planes = []
    for level, stage in enumerate(reversed(what.stages)):
        y = top + level * (STRIP + STRIPS_APART)
        planes.append(_Plane(stage, x, y, (STRIP, STRIP_WIDTH / stage.size[0]), right, y + STRIP + 14, after))
    return planes[::-1]


def _plane(drawing: Drawing, parent: Element, plane: _Plane, what: Seen) -> None:
    """A tensor, what is read of it, and its words."""
    stage, last = plane.stage, plane.stage.name == what.name
    group = drawing.group(parent, data_node=stage.name)
    left, top, right, bottom = plane.box(plane.whole)
    size: dict[str, Any] = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    drawing.add(group, "rect", **size, fill=LIGHT_BLUE)
    high, wide = plane.scale
    inside = drawing.group(group, transform=f"translate({number(left)} {number(top)}) scale({wide:.6g} {high:.6g})")
    drawing.add(inside, "path", d=_path(stage.parts), fill=GREEN if last else ORANGE, data_reads="1")
    if min(high, wide) >= 5:
        lines = [f"M{number(left + i * wide)} {number(top)}V{number(bottom)}" for i in range(1, stage.size[-1])]
        rows = stage.size[0] if len(stage.size) == 2 else 1
        lines += [f"M{number(left)} {number(top + i * high)}H{number(right)}" for i in range(1, rows)]
        if lines:
            drawing.add(group, "path", d="".join(lines), stroke=BLUE, stroke_width=0.4, stroke_opacity=0.6)
    drawing.add(group, "rect", **size, fill="none", stroke=BLUE, stroke_width=1)
    hull = plane.box(stage.hull)
    outline: dict[str, Any] = {"fill": "none", "stroke": INK, "stroke_width": 1.25}
    if not stage.exact:
        outline["stroke_dasharray"] = "2 2"
    if last and min(hull[2] - hull[0], hull[3] - hull[1]) < 6:
        middle: dict[str, Any] = {"cx": (hull[0] + hull[2]) / 2, "cy": (hull[1] + hull[3]) / 2}
        drawing.add(group, "circle", **middle, r=9, fill="none", stroke=GREEN, stroke_width=2)
        outline["stroke_width"] = 0.5
    where: dict[str, Any] = {"x": hull[0], "y": hull[1], "width": hull[2] - hull[0], "height": hull[3] - hull[1]}
    drawing.add(group, "rect", **where, **outline)
    if stage.field is not None:
        _field(drawing, group, plane, stage.field)
    _label(drawing, group, plane, _words(stage, what))


def _path(parts: tuple[Part, ...]) -> str:
    """Rectangles in elements."""
    pairs = [part if len(part) == 2 else ((0, 1), part[0]) for part in parts]
    return "".join(
        f"M{column[0]} {row[0]}h{column[1] - column[0]}v{row[1] - row[0]}h{column[0] - column[1]}z"
        for row, column in pairs
    )


def _field(drawing: Drawing, group: Element, plane: _Plane, field: Part) -> None:
    """The outline of the field without borders; sides that lie too far away are left out."""
    reach = _reach(plane.stage)
    kept = [(max(s, lo), min(e, hi)) for (s, e), (lo, hi) in zip(field, reach, strict=True)]
    left, top, right, bottom = plane.box(tuple(kept))
    if len(field) == 1:
        top, bottom = top - 4, bottom + 4
    ends = [(start == own[0], stop == own[1]) for (start, stop), own in zip(kept, field, strict=True)]
    (above, below), (before, after) = ends if len(ends) == 2 else [(True, True), ends[0]]
    sides = [
        (before, f"M{number(left)} {number(bottom)}V{number(top)}"),
        (above, f"M{number(left)} {number(top)}H{number(right)}"),
        (after, f"M{number(right)} {number(top)}V{number(bottom)}"),
        (below, f"M{number(right)} {number(bottom)}H{number(left)}"),
    ]
    drawing.add(group, "path", d="".join(side for shown, side in sides if shown), **_DASHED)


def _label(drawing: Drawing, group: Element, plane: _Plane, words: list[str]) -> None:
    stage = plane.stage
    if len(stage.size) == 1:
        y = plane.y + STRIP / 2 + 4
        name = drawing.text(group, MARGIN, y, _name(stage.name))
        drawing.text(group, plane.x + STRIP_WIDTH + plane.beyond + 16, y, ", ".join(words), 11, fill=FAINT)
    else:
        middle = sum(plane.box(_reach(stage))[::2]) / 2
        y = plane.bottom - LINE * (len(words) + 1)
        name = drawing.text(group, middle, y + LINE, _name(stage.name), 11, text_anchor="middle", font_weight="bold")
        for row, line in enumerate(words, 2):
            drawing.text(group, middle, y + LINE * row, line, 11, text_anchor="middle")
    drawing.add(name, "title", stage.name)


def _name(name: str) -> str:
    """A name of at most 24 characters; of a longer one its end."""
    return name if len(name) <= 24 else f"…{name[-23:]}"


def _rays(drawing: Drawing, parent: Element, before: _Plane, after: _Plane, *, flat: bool) -> None:
    """Lines from what is read of a tensor to what is read of the next."""
    left, top, right, bottom = before.box(before.stage.hull)
    next_left, next_top, next_right, next_bottom = after.box(after.stage.hull)
    if flat:
        rays = [((left, top), (next_left, next_bottom)), ((right, top), (next_right, next_bottom))]
    else:
        rays = [((right, top), (next_left, next_top)), ((right, bottom), (next_left, next_bottom))]
    for (x1, y1), (x2, y2) in rays:
        drawing.add(parent, "line", x1=x1, y1=y1, x2=x2, y2=y2, stroke=FAINT, stroke_width=0.75)


def _legend(drawing: Drawing, y: float, field: str) -> None:
    group = drawing.group()
    x = float(MARGIN)
    entries: list[tuple[str, dict[str, Any]]] = [
        ("elements", {"fill": LIGHT_BLUE, "stroke": BLUE}),
        ("read", {"fill": ORANGE, "stroke": INK}),
        ("the position", {"fill": GREEN, "stroke": INK}),
    ]
    if field:
        entries.append((field, _DASHED))
    for words, look in entries:
        drawing.add(group, "rect", x=x, y=y - 11, width=14, height=14, **look)
        drawing.text(group, x + 20, y, words, 11)
        x += 20 + width_of(words, 11) + 16
