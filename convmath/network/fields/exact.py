"""Exactly what one position of a node reads of the inputs: back through every path, cut off at every border."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from ...errors import DomainError, UnsupportedError
from ..graph import Graph
from ..node import Node
from ..operators import Input, Operator, Sizes
from ..operators.base import Merged, Reads, parts
from .field import Field
from .receptive import indices
from .spans import Spans

if TYPE_CHECKING:
    from ..report import NetworkReport
    from ..row import Row

Box: TypeAlias = tuple[Spans, ...]
"""A set of positions on every dimension of a tensor: their product."""

Places: TypeAlias = Mapping[str, tuple[int, ...]]
"""Dimensions of tensors, by the names of the nodes that make them."""

MOST_BOXES = 64
"""More boxes at a node are joined, axis by axis; then what is found may be more than is read."""


def exact_field(report: NetworkReport, name: str, position: Sequence[int]) -> dict[str, Box]:
    """What a position of a node reads of each input, axis by axis; all batch entries and channels of it together.

    Args:
        report: the network.
        name: the node.
        position: the index on each of the dimensions of its output that :func:`indexed` names; of all positions
            together if there is none.

    Raises:
        DomainError: there is no such node or position, or it depends on what is not understood.
    """
    found: dict[str, Box] = {}
    for node, boxes in regions(report, name, placed(report, report[name], position)):
        if isinstance(node.operator, Input) and node.operator.axes:
            joined = _hull(boxes)
            found[node.name] = tuple(joined[dimension] for dimension in node.operator.axes)
    return found


def indexed(report: NetworkReport, row: Row, places: Places | None = None) -> tuple[int, ...]:
    """The dimensions of a node's output on which a position has an index.

    They are those after batch and channels; but where axes of the inputs run along one of these two, as they do along
    the tokens of a sequence, the dimensions along which axes run. Tokens that all read the same, as after attention,
    still are positions. ``places`` is what :func:`carried` gives, where that is known already.
    """
    running = along(row)
    if not running and row.fields and _of_sequences(report.graph):
        found = (carried(report) if places is None else places).get(row.name, ())
        running = tuple(dimension for dimension in found if dimension < 2 and (row.sizes or ())[dimension] > 1)
    return running if min(running, default=2) < 2 else tuple(range(2, len(row.sizes or ())))


def along(row: Row) -> tuple[int, ...]:
    """The dimensions of a node's output along which axes of inputs run, so that positions read one thing or another."""
    found = (dimension for fields in row.fields.values() for dimension in fields.dimensions)
    return tuple(sorted({dimension for dimension in found if dimension is not None}))


def _of_sequences(graph: Graph) -> bool:
    """Whether an axis of an input is where channels, or the batch, of others are."""
    return any(isinstance(node.operator, Input) and min(node.operator.axes, default=2) < 2 for node in graph)


def carried(report: NetworkReport) -> dict[str, tuple[int, ...]]:
    """The dimensions of every tensor along which the axes of an input run, in their order, where all of them do."""
    places: dict[str, tuple[int, ...]] = {}
    for row, node in zip(report, report.graph, strict=True):
        if isinstance(node.operator, Input):
            if node.operator.axes:
                places[row.name] = node.operator.axes
        elif not row.reason and any(name in places for name in node.inputs):
            found = _carried(report, node, places)
            if found:
                places[row.name] = found
    return places


def _carried(report: NetworkReport, node: Node, places: Places) -> tuple[int, ...]:
    try:
        accesses = report.accesses(node.name)
    except UnsupportedError:
        return ()
    for name, reads in zip(node.inputs, accesses, strict=True):
        own = {
            one[0]: dimension for dimension, one in enumerate(reads) if one is not None and not isinstance(one, Merged)
        }
        if name in places and all(dimension in own for dimension in places[name]):
            return tuple(own[dimension] for dimension in places[name])
    return ()


def placed(report: NetworkReport, row: Row, position: Sequence[int]) -> dict[int, int]:
    """The index of a position on each dimension that it has one on; on none, if it is that of all positions together.

    Raises:
        DomainError: it has too few or too many, there is no such position, or the sizes of the node are unknown.
    """
    if row.sizes is None:
        raise _unknown(row)
    dimensions, sizes = indexed(report, row), row.sizes
    if position and len(position) != len(dimensions):
        which = f"{'each of the dimensions' if len(dimensions) > 1 else 'dimension'} {', '.join(map(str, dimensions))}"
        needs = f"needs an index on {which} of {sizes}" if dimensions else f"needs none: {sizes} has no positions"
        raise DomainError("position", tuple(position), needs)
    for axis, (index, dimension) in enumerate(zip(indices(position), dimensions, strict=False)):
        if not 0 <= index < sizes[dimension]:
            needs = f"needs 0 <= index < {sizes[dimension]} on dimension {dimension} of {row.name}, and {index} is none"
            raise DomainError("position", tuple(position), f"{needs}; its sizes are {sizes}", axis=axis)
    return dict(zip(dimensions, indices(position), strict=False))


def regions(report: NetworkReport, name: str, position: Mapping[int, int]) -> Iterator[tuple[Node, list[Box]]]:
    """Every node that a position depends on, back from its own, and the boxes of it that are read.

    Args:
        report: the network.
        name: the node.
        position: the index on dimensions of its output; on the others all of them are meant.

    Raises:
        DomainError: as :func:`exact_field` does.
    """
    row = report[name]
    if row.sizes is None:
        raise _unknown(row)
    start = tuple(Spans.point(position[d]) if d in position else Spans.first(n) for d, n in enumerate(row.sizes))
    boxes: dict[str, list[Box]] = {name: [start]}
    for node in reversed(list(_before(report.graph, name))):
        here = boxes.pop(node.name, [])
        if here:
            yield node, here
            if not isinstance(node.operator, Input):
                _back(node, report, here, boxes)


def _unknown(row: Row) -> DomainError:
    return DomainError("name", row.name, f"what it reads is unknown: {row.reason}")


def _before(graph: Graph, name: str) -> Iterator[Node]:
    """The nodes up to one, in order."""
    for node in graph:
        yield node
        if node.name == name:
            return


def _back(node: Node, report: NetworkReport, here: Sequence[Box], boxes: dict[str, list[Box]]) -> None:
    """Add to each input of a node what the boxes of its output read of it."""
    row = report[node.name]
    if row.reason or row.sizes is None:
        raise _unknown(row)
    try:
        accesses = report.accesses(node.name)
    except UnsupportedError as error:
        raise DomainError("name", node.name, f"what it reads is unknown: {error}") from error
    inputs = tuple(sizes for sizes in row.inputs if sizes is not None)
    for number, (other, shape, reads) in enumerate(zip(node.inputs, inputs, accesses, strict=True)):
        for box in here:
            halves = () if number else _halves(node.operator, box, row.sizes)
            for operator in halves or (node.operator,):
                own = operator.reads(inputs, row.sizes)[0] if halves else reads
                back = _box(operator, box, shape, own, row.sizes)
                if all(back):
                    boxes[other] = _with(boxes.get(other, []), back)


def _halves(operator: Operator, box: Box, output: Sizes) -> tuple[Operator, ...]:
    """Those halves of an operator that compute some features of a box; none where it has none, or these are unknown."""
    if not operator.halves or not box[-1].exact:
        return ()
    middle = output[-1] // 2
    ends = Spans.first(middle), Spans.of([(middle, output[-1])])
    return tuple(half for half, own in zip(operator.halves, ends, strict=True) if box[-1] & own)


def _box(operator: Operator, box: Box, shape: Sizes, reads: Reads, output: Sizes) -> Box:
    """What a box of the output reads of an input.

    Where elements change dimensions, a part of the output reads an unknown part of a dimension that is named nowhere,
    and a part of such a dimension an unknown part of all that is not kept in place. Where an unknown part is cut off at
    a border, there may be nothing left of the whole box. A dimension that is made of several reads a box of them where
    its positions are one.
    """
    back = [Spans.first(n) for n in shape]
    same = Field.same()
    named, kept = set(), set()
    part_of_named = part_of_unnamed = False
    lost = not any(reads.exact for reads in box)
    for here, n, entry in zip(box, output, reads, strict=True):
        if entry is None:
            part_of_unnamed |= (operator.rearranges or bool(operator.halves)) and here != Spans.first(n)
        if isinstance(entry, Merged) and _product(entry, here) != here.clipped(0, n).count:
            lost = True
        for dimension, one_field in parts(entry):
            image = one_field.image(here)
            inside = operator.inside(image, shape[dimension])
            back[dimension] = back[dimension] & inside if dimension in named else inside
            named.add(dimension)
            if one_field is same:
                kept.add(dimension)
            else:
                part_of_named |= operator.rearranges and here != Spans.first(n)
            if not image.exact and not (all(one_field.phases) and image.parts == inside.parts):
                lost = True
    unsure = set(range(len(shape))) if lost else set()
    if part_of_unnamed:
        unsure |= set(range(len(shape))) - kept
    if part_of_named:
        unsure |= {dimension for dimension, n in enumerate(shape) if n != 1} - named
    return tuple(reads.bounded() if dimension in unsure else reads for dimension, reads in enumerate(back))


def _product(entry: Merged, here: Spans) -> int:
    """Positions of the box that positions of a dimension lie in, by their indices on those that it is made of."""
    return prod(index.image(here).count for _, _, index in entry)


def _with(boxes: list[Box], new: Box) -> list[Box]:
    """One box more; joined with another where the two differ on one dimension at most, so that nothing is added."""
    if any(_has(box, new) for box in boxes):
        return boxes
    boxes = [box for box in boxes if not _has(new, box)]
    for number, box in enumerate(boxes):
        differing = [d for d, (a, b) in enumerate(zip(box, new, strict=True)) if a != b]
        if len(differing) <= 1:
            joined = tuple(a | b for a, b in zip(box, new, strict=True))
            return [*boxes[:number], joined, *boxes[number + 1 :]]
    if len(boxes) < MOST_BOXES:
        return [*boxes, new]
    return [tuple(reads.bounded() for reads in _hull([*boxes, new]))]


def _has(box: Box, other: Box) -> bool:
    """Whether a box is read whole, and another lies in it."""
    return all(one.exact and one | part == one for one, part in zip(box, other, strict=True))


def _hull(boxes: Sequence[Box]) -> Box:
    """The union on each dimension."""
    joined = boxes[0]
    for box in boxes[1:]:
        joined = tuple(a | b for a, b in zip(joined, box, strict=True))
    return joined
