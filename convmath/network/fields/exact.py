"""Exactly what one position of a node reads of the inputs: back through every path, cut off at every border."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import TYPE_CHECKING, TypeAlias

from ...errors import DomainError, UnsupportedError
from ..graph import Graph, Node
from ..operators import Input, Operator, Sizes
from ..operators.base import Merged, Reads, parts
from .field import Field
from .receptive import indices
from .spans import Spans

if TYPE_CHECKING:
    from ..report import NetworkReport

Box: TypeAlias = tuple[Spans, ...]
"""A set of positions on every dimension of a tensor: their product."""

MOST_BOXES = 64
"""More boxes at a node are joined, axis by axis; then what is found may be more than is read."""


def exact_field(report: NetworkReport, name: str, position: Sequence[int]) -> dict[str, Box]:
    """What a position of a node reads of each input, axis by axis; all batch entries and channels of it together.

    Args:
        report: the network.
        name: the node.
        position: the index on each spatial axis of its output, those after batch and channels.

    Raises:
        DomainError: there is no such node or position, or it depends on what is not understood.
    """
    sizes = report[name].sizes
    if sizes is not None and len(position) != max(0, len(sizes) - 2):
        raise _wrong_count(sizes, position)
    found: dict[str, Box] = {}
    for node, boxes in regions(report, name, position):
        if isinstance(node.operator, Input) and node.operator.axes:
            joined = _hull(boxes)
            found[node.name] = tuple(joined[dimension] for dimension in node.operator.axes)
    return found


def regions(report: NetworkReport, name: str, position: Sequence[int]) -> Iterator[tuple[Node, list[Box]]]:
    """Every node that a position depends on, back from its own, and the boxes of it that are read.

    A position that has fewer indices than there are axes is one of the last axes, and everything on those before.

    Raises:
        DomainError: as :func:`exact_field` does.
    """
    row = report[name]
    if row.sizes is None:
        raise DomainError("name", name, f"what it reads is unknown: {row.reason}")
    boxes: dict[str, list[Box]] = {name: [_start(row.sizes, position)]}
    for node in reversed(list(_before(report.graph, name))):
        here = boxes.pop(node.name, [])
        if here:
            yield node, here
            if not isinstance(node.operator, Input):
                _back(node, report, here, boxes)


def _before(graph: Graph, name: str) -> Iterator[Node]:
    """The nodes up to one, in order."""
    for node in graph:
        yield node
        if node.name == name:
            return


def _wrong_count(sizes: Sizes, position: Sequence[int]) -> DomainError:
    needs = f"needs an index for each axis after the channels of {sizes}, {max(0, len(sizes) - 2)} in all"
    return DomainError("position", tuple(position), needs)


def _start(sizes: Sizes, position: Sequence[int]) -> Box:
    whole = [Spans.first(n) for n in sizes]
    first = len(sizes) - len(position)
    if first < min(2, len(sizes)):
        raise _wrong_count(sizes, position)
    for axis, index in enumerate(indices(position)):
        if not 0 <= index < sizes[first + axis]:
            raise DomainError("position", tuple(position), f"needs 0 <= index < {sizes[first + axis]}", axis=axis)
        whole[first + axis] = Spans.point(index)
    return tuple(whole)


def _back(node: Node, report: NetworkReport, here: Sequence[Box], boxes: dict[str, list[Box]]) -> None:
    """Add to each input of a node what the boxes of its output read of it."""
    row = report[node.name]
    if row.reason or row.sizes is None:
        raise DomainError("name", node.name, f"what it reads is unknown: {row.reason}")
    try:
        accesses = report.accesses(node.name)
    except UnsupportedError as error:
        raise DomainError("name", node.name, f"what it reads is unknown: {error}") from error
    inputs = tuple(sizes for sizes in row.inputs if sizes is not None)
    for other, shape, reads in zip(node.inputs, inputs, accesses, strict=True):
        for box in here:
            back = _box(node.operator, box, shape, reads, row.sizes)
            if all(back):
                boxes[other] = _with(boxes.get(other, []), back)


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
    part_of_named = part_of_unnamed = lost = False
    for here, n, entry in zip(box, output, reads, strict=True):
        if entry is None:
            part_of_unnamed |= (operator.rearranges or operator.parted) and here != Spans.first(n)
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
    for number, box in enumerate(boxes):
        differing = [d for d, (a, b) in enumerate(zip(box, new, strict=True)) if a != b]
        if len(differing) <= 1:
            joined = tuple(a | b for a, b in zip(box, new, strict=True))
            return [*boxes[:number], joined, *boxes[number + 1 :]]
    if len(boxes) < MOST_BOXES:
        return [*boxes, new]
    return [tuple(reads.bounded() for reads in _hull([*boxes, new]))]


def _hull(boxes: Sequence[Box]) -> Box:
    """The union on each dimension."""
    joined = boxes[0]
    for box in boxes[1:]:
        joined = tuple(a | b for a, b in zip(joined, box, strict=True))
    return joined
