"""What a pixel sees through the layers of a network: the elements of every tensor on the way that it depends on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise, product
from math import prod

from ..errors import DomainError
from ..network.fields.exact import carried, indexed, placed, regions
from ..network.fields.field import Field
from ..network.fields.receptive import ReceptiveFields
from ..network.fields.spans import Spans
from ..network.node import Node
from ..network.operators import Input, Pad
from ..network.operators.base import parts
from ..network.report import NetworkReport
from ..network.row import Row
from ..notebook import bracketed, brief, listed

MOST_STAGES = 10
"""Tensors that a figure shows; of more, one is shown for each size, or some where all have one size."""

MOST_PARTS = 1024
"""Rectangles of a tensor that are drawn; of more, their hull is."""

Part = tuple[tuple[int, int], ...]
"""``(start, stop)`` on each axis."""


@dataclass(frozen=True)
class Stage:
    """A tensor on the way, along its spatial axes.

    Attributes:
        name: the node that makes it.
        size: elements per axis.
        parts: rectangles that are read, which may overlap.
        exact: False where only a part of them may be read.
        field: the interval on each axis that is read as if nothing had a border; None but for inputs.
        reader: the first tensor among those shown that reads it with none of them between; None of the last.
    """

    name: str
    size: tuple[int, ...]
    parts: tuple[Part, ...]
    exact: bool
    field: Part | None = None
    reader: str | None = None

    def __repr__(self) -> str:
        """Its size, and what is read of it."""
        parts = listed([" x ".join(f"{start}:{stop}" for start, stop in part) for part in self.parts])
        return brief(self, self.name, f"of {' x '.join(map(str, self.size))}", f"reads {parts}")

    @property
    def hull(self) -> Part:
        """The least rectangle around all that is read.

        >>> Stage("image", (9, 9), (((2, 4), (0, 3)), ((6, 8), (0, 3))), exact=True).hull
        ((2, 8), (0, 3))
        """
        return tuple(
            (min(p[a][0] for p in self.parts), max(p[a][1] for p in self.parts)) for a in range(len(self.size))
        )

    @property
    def count(self) -> int:
        """Elements that are read.

        >>> Stage("image", (9, 9), (((2, 4), (0, 3)), ((6, 8), (0, 3))), exact=True).count
        12
        """
        return _count(frozenset(self.parts))

    def along(self, axis: int) -> Stage:
        """What is read along one axis: the places at which something is read for some place on the others.

        >>> Stage("image", (9, 9), (((2, 4), (0, 3)), ((6, 8), (0, 3))), exact=True).along(0).parts
        (((2, 4),), ((6, 8),))
        """
        parts = Spans.of(part[axis] for part in self.parts).parts
        field = None if self.field is None else (self.field[axis],)
        return replace(self, size=(self.size[axis],), parts=tuple((part,) for part in parts), field=field)


@dataclass(frozen=True)
class Seen:
    """What one position of a node sees.

    Attributes:
        name: the node.
        position: the position on each spatial axis.
        stages: the tensors on the way, inputs first and the node itself last.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("conv", operators.Conv(1, 1, (3, 3)), net.input((1, 9, 9)))
    >>> seen(net.analyze(), "conv", (2, 5)), seen(net.analyze(), "conv", (2, 5)).stages[0]
    (Seen(conv at (2, 5), input, conv), Stage(input, of 9 x 9, reads 2:5 x 5:8))
    """

    name: str
    position: tuple[int, ...]
    stages: tuple[Stage, ...]

    def __repr__(self) -> str:
        """The position and the tensors on the way."""
        return brief(self, f"{self.name} at {bracketed(self.position)}", *(stage.name for stage in self.stages))

    def along(self, axis: int) -> Seen:
        """What it sees along one axis.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("conv", operators.Conv(1, 1, (3, 3)), net.input((1, 9, 9)))
        >>> seen(net.analyze(), "conv", (2, 5)).along(1).stages[0]
        Stage(input, of 9, reads 5:8)
        """
        return Seen(self.name, (self.position[axis],), tuple(stage.along(axis) for stage in self.stages))


@lru_cache(maxsize=256)
def _count(boxes: frozenset[Part]) -> int:
    """The elements of a union of boxes: for every slab between two edges on the first axis those of the other axes."""
    if () in boxes:
        return 1
    edges = sorted({edge for first, *_ in boxes for edge in first})
    return sum(
        (stop - start) * _count(frozenset(box[1:] for box in boxes if box[0][0] <= start < box[0][1]))
        for start, stop in pairwise(edges)
    )


def seen(report: NetworkReport, name: str | None = None, position: Sequence[int] | None = None) -> Seen:
    """What a position of a node sees of the network's inputs and of the tensors on the way.

    Args:
        report: the network.
        name: the node; by default the last one that has several positions and a known receptive field.
        position: its position on each spatial axis; by default the middle.

    Raises:
        DomainError: there is no such node or position, it has no spatial axes, or what it reads is unknown.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> stem = net.add("stem", Conv(1, 1, (3,), stride=2), net.input((1, 9)))
    >>> _ = net.add("head", Conv(1, 1, (2,)), stem)
    >>> [(stage.name, stage.parts) for stage in seen(net.analyze(), "head", (1,)).stages]
    [('input', (((2, 7),),)), ('stem', (((1, 3),),)), ('head', (((1, 2),),))]
    """
    places = carried(report)
    row = _last(report, places) if name is None else report[name]
    if row.sizes is not None and row.name not in places:
        lost = f"cannot be drawn, as the axes of an input are no axes of its sizes {row.sizes} any more"
        unknown = f"what it reads is unknown: {row.field_unknown}"
        raise DomainError("node", row.name, unknown if row.field_unknown else lost)
    dimensions = places.get(row.name, ())
    sizes = row.sizes or ()
    if not dimensions or dimensions != indexed(report, row, places):
        reason = row.reason or row.field_unknown or f"its sizes are {row.sizes}"
        needs = f"cannot be drawn, as its positions have no index for each axis of an input in order; {reason}"
        raise DomainError("node", row.name, f"{needs}; {_drawable(report, places)}")
    at = tuple(sizes[d] // 2 for d in dimensions) if not position else tuple(position)
    where = placed(report, row, at)
    walk = [(node, boxes) for node, boxes in regions(report, row.name, where) if node.name in places]
    chosen = _chosen([node for node, _ in reversed(walk)], report, places, row.name)
    stages = {}
    for node, boxes in walk:
        if node.name in chosen and len(places[node.name]) == len(at):
            stages[node.name] = _stage(report[node.name], boxes, places[node.name], row, where)
    readers = _readers([node for node, _ in reversed(walk)], stages)
    shown = (replace(stages[one], reader=readers.get(one)) for one in chosen if one in stages)
    return Seen(row.name, at, tuple(shown))


def _readers(nodes: list[Node], stages: Collection[str]) -> dict[str, str]:
    """For each stage the first that reads it with no other between."""
    through: dict[str, set[str]] = {}
    readers: dict[str, str] = {}
    for node in nodes:
        before = set().union(*(through.get(name, set()) for name in node.inputs))
        if node.name in stages:
            for name in before:
                readers.setdefault(name, node.name)
            before = {node.name}
        through[node.name] = before
    return readers


def _drawable(report: NetworkReport, places: dict[str, tuple[int, ...]]) -> str:
    """What can be drawn, in words."""
    rows = [row for row in reversed(report.rows) if row.fields and row.op != "input"]
    found = next((row.name for row in rows if places.get(row.name, ()) == indexed(report, row, places) != ()), None)
    if found is None:
        return "no node of this network can be; --pixel without --figure says what one reads"
    return f"{found} can be, by --node {found}"


def _last(report: NetworkReport, places: dict[str, tuple[int, ...]]) -> Row:
    for row in reversed(report.rows):
        sizes = row.sizes or ()
        if row.fields and row.op != "input" and any(sizes[d] > 1 for d in places.get(row.name, ())):
            return row
    raise DomainError("node", None, "no node has several positions and a receptive field that is known")


def _chosen(nodes: list[Node], report: NetworkReport, places: dict[str, tuple[int, ...]], last: str) -> list[str]:
    """The inputs, the layers that look around and the last node; or one for each size, if these are too many.

    What is padded on its own is not shown: drawn as long as the others, its elements would not lie below theirs.
    """
    inputs = [node.name for node in nodes if isinstance(node.operator, Input)]
    others = [node for node in nodes if node.name not in (*inputs, last) and not isinstance(node.operator, Pad)]
    looking = [node.name for node in others if _looks_around(node, report, places)]
    if len(looking) > MOST_STAGES:
        spatial = {node.name: [(report[node.name].sizes or ())[d] for d in places[node.name]] for node in nodes}
        order = [*inputs[-1:], *(node.name for node in others)]
        looking = [name for before, name in pairwise(order) if spatial[name] != spatial[before]] or looking
    if len(looking) > MOST_STAGES:
        looking = [looking[i * (len(looking) - 1) // (MOST_STAGES - 1)] for i in range(MOST_STAGES)]
    return [*inputs, *looking, *([last] if last not in inputs else [])]


def _looks_around(node: Node, report: NetworkReport, places: dict[str, tuple[int, ...]]) -> bool:
    return any(
        field != Field.same()
        for reads in report.accesses(node.name)
        for dimension in places[node.name]
        for _, field in parts(reads[dimension])
    )


def _framed(fields: ReceptiveFields, at: Mapping[int, int]) -> Part | None:
    """The hull on each axis at an index on each of some dimensions; None where an axis runs along another."""
    if any(dimension not in (None, *at) for dimension in fields.dimensions):
        return None
    pairs = zip(fields.axes, fields.dimensions, strict=True)
    return tuple(field.interval(0 if dimension is None else at[dimension]) for field, dimension in pairs)


def _stage(
    row: Row, boxes: Sequence[Sequence[Spans]], dimensions: tuple[int, ...], node: Row, at: Mapping[int, int]
) -> Stage:
    kept = [[box[d] for d in dimensions] for box in boxes]
    exact = all(spans.exact for box in boxes for spans in box)
    found: Iterable[Part]
    if sum(prod(len(spans.parts) for spans in box) for box in kept) > MOST_PARTS:
        exact, found = False, [tuple(spans.hull for spans in box) for box in kept]
    else:
        found = (part for box in kept for part in product(*(spans.parts for spans in box)))
    fields = node.fields.get(row.name)
    interval = _framed(fields, at) if fields is not None and len(fields) == len(at) else None
    size = tuple((row.sizes or ())[d] for d in dimensions)
    return Stage(row.name, size, tuple(dict.fromkeys(found)), exact, interval)
