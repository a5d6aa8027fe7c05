"""Everything that is known of a node, in words: its numbers, its fields, and what one position of it reads exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import DomainError
from ...notebook import counted, html_table, plain
from ..conventions import CONVENTIONS
from ..fields.exact import along, carried, indexed, placed
from ..fields.field import Field
from ..fields.pieces import Pieces
from ..fields.receptive import ReceptiveFields
from ..fields.spans import Spans
from ..operators import Input, Norm
from ..report import NetworkReport
from ..row import Row, without
from .cells import DIFFERS, Note, between, digits, known, sizes, some, stored, unit


@dataclass(frozen=True)
class Position:
    """A position of a node that is asked for.

    Attributes: node: the node. at: its index on each dimension that has one.
    """

    node: str
    at: tuple[int, ...]


def position_of(report: NetworkReport, node: str | None, at: tuple[int, ...]) -> Position:
    """A position of a node, by default of the last with as many indices along which axes of an input run.

    Raises:
        DomainError: there is no such node or position.
    """
    if node is None:
        rows = [row for row in reversed(report.rows) if not isinstance(row.operator, Input)]
        places = carried(report)
        known = [
            row for row in rows if _several(row, along(row)) or (row.fields and _several(row, places.get(row.name)))
        ]
        node = next((row.name for row in known if len(indexed(report, row, places)) == len(at)), None)
        if node is None:
            raise DomainError("position", at, _no_such_position(report, known, len(at)))
    placed(report, report[node], at)
    return Position(node, at)


NO_AXES = "nothing that is told: no input has axes; a letter makes its steps one, as in --input n --at 20"
"""Of networks whose inputs are features, or ids, in numbers."""


def _no_such_position(report: NetworkReport, known: Sequence[Row], indices: int) -> str:
    """Why no position has so many indices, and which has how many."""
    if not known:
        axes = any(isinstance(node.operator, Input) and node.operator.axes for node in report.graph)
        return f"no node is known to have positions that read different elements{'' if axes else LETTER}"
    row = known[0]
    dimensions = indexed(report, row)
    middle = ",".join(str((row.sizes or ())[dimension] // 2) for dimension in dimensions)
    has = f"with {indices} {'index' if indices == 1 else 'indices'} that read different elements"
    return f"no node is known to have positions {has}; {row.name} takes {len(dimensions)}, such as {middle}"


LETTER = "; no input has axes, and a letter makes any dimension one, as in --input n --at 64"
"""What to do where positions are asked for and no input has axes."""


def _several(row: Row, dimensions: Sequence[int] | None) -> bool:
    """Whether there are several positions along these dimensions of a node's output."""
    return any((row.sizes or ())[dimension] > 1 for dimension in dimensions or ())


def _place(report: NetworkReport, position: Position) -> tuple[str, str]:
    """The indices of a position, and what they mean."""
    dimensions = indexed(report, report[position.node])
    which = f"dimension{'s' * (len(dimensions) > 1)} {' and '.join(map(str, dimensions))}"
    return f"({', '.join(map(str, position.at))})", f"on {which} of its output"


def _reads(report: NetworkReport, position: Position) -> Iterator[tuple[str, str]]:
    """Exactly what a position reads of each input, in lines with names."""
    found = report.reads(position.node, *position.at)
    for source, axes in found.items():
        for axis, spans in enumerate(axes):
            yield f"reads of {plain(source)}, axis {axis}", spans_words(spans)
    if not found:
        yield "reads", "nothing of any input" if report.graph.inputs else NO_AXES


def position_note(report: NetworkReport, position: Position | None) -> tuple[Note, ...]:
    """What a position reads as a note below a report; none without a position.

    Raises:
        DomainError: what it reads is unknown.
    """
    if position is None:
        return ()
    at, where = _place(report, position)
    lines = tuple(f"{what}: {words}" for what, words in _reads(report, position))
    return ((f"Position {at} of {plain(position.node)}, {where}", lines),)


def node_lines(
    report: NetworkReport,
    name: str,
    convention: str = "mac",
    dtype: Any = None,
    position: Position | None = None,
) -> Iterator[tuple[str, str]]:
    """Everything that a report says of a node, in lines with names; with a position, what that reads.

    Raises:
        DomainError: there is no such node, the convention or the dtype is unknown, or what the position reads is.
    """
    yield from details(report[name], convention, dtype)
    if read := ", ".join(map(plain, report.graph[name].inputs)):
        yield "Reads", read
    yield from (("Misaligned", plain(str(one))) for one in report.misaligned if one.node == name)
    if position is not None:
        at, where = _place(report, position)
        yield f"Position {at}", where
        yield from ((f"{at} {what}", words) for what, words in _reads(report, position))


@dataclass(frozen=True)
class ShownNode:
    """All that a report says of a node, as text.

    Attributes: title: the node, and the network that it is one of. lines: names, and what there is to say.
    """

    title: str
    lines: tuple[tuple[str, str], ...]


def shown_node(
    report: NetworkReport, name: str, convention: str, dtype: Any, position: Position | None = None
) -> ShownNode:
    """A node as text; arguments and errors as for :func:`node_lines`."""
    title = f"{plain(name)}, one of {counted(len(report), 'node')}"
    return ShownNode(title, tuple(node_lines(report, name, convention, dtype, position)))


EVALUATES = "those of the training, as in evaluation; in training a position also reads all others of its channel"


def details(row: Row, convention: str = "mac", dtype: Any = None) -> Iterator[tuple[str, str]]:
    """Everything that is known of a node, in lines with names.

    Raises:
        DomainError: the convention or the dtype is unknown.
    """
    done = known(row.flops(convention), digits)
    yield "Node", plain(row.name)
    yield "Operation", plain(row.op)
    if row.inputs:
        yield "Input", ", ".join(sizes(without(*one)) for one in zip(row.batches, row.inputs, strict=True))
    yield "Output", sizes(row.output_size)
    yield "Activation", _memory(row, dtype)
    yield "Parameters", "?" if row.lacks("params") else digits(row.params)
    yield unit(convention), done
    if CONVENTIONS[convention].backward is not None:
        yield f"{unit(convention)} backward", known(row.flops(convention, backward=True), digits)
    for source, fields in row.fields.items():
        for axis, words in enumerate(field_lines(fields)):
            yield f"Field in {plain(source)}, axis {axis}", words
    if row.field_unknown:
        yield "Field", f"unknown: {plain(row.field_unknown)}"
    if isinstance(row.operator, Norm) and row.operator.evaluates:
        yield "Statistics", EVALUATES
    if row.reason:
        yield "Not understood", plain(row.reason)
    for remark in row.remarks:
        yield "Remark", plain(remark)
    if convention != "mac":
        yield "Convention", CONVENTIONS[convention].why


def _memory(row: Row, dtype: Any) -> str:
    if row.sizes is None:
        return "?"
    counted = row.dtype if dtype is None else row.placement.dtype or dtype
    return f"{digits(row.elements)} elements, {stored(row.activation_bytes(dtype))} in {counted}"


def row_html(row: Row) -> str:
    """A node as a table for notebooks."""
    first, *others = details(row)
    return html_table(first, others)


def field_lines(fields: ReceptiveFields) -> Iterator[str]:
    """The field on each axis in words."""
    for number, axis in enumerate(fields.axes):
        holes = {True: "with holes", False: "without holes", None: "perhaps with holes"}[axis.holes]
        center, (start, stop) = axis.center(0), axis.interval(0)
        first = "reads nothing" if center is None else f"from {start} to {stop - 1}, centre {center}"
        stride = DIFFERS if axis.stride is None else axis.stride
        words = f"size {between(axis)}, stride {stride}, padding {axis.padding}, position 0 {first}"
        if isinstance(axis, Pieces):
            phases = f", in {len(axis.stops)} pieces: {'; '.join(some(map(_piece, axis)))}"
        else:
            phases = f", in {axis.period} phases" if axis.period > 1 else ""
        runs = fields.dimensions[number]
        turned = "" if runs in (None, number + 2) else f", along dimension {runs} of the output"
        yield f"{words}, {holes}{phases}{turned}"


def _piece(piece: tuple[int, int, Field]) -> str:
    """The positions of a piece, and what they read."""
    start, stop, field = piece
    begin, end = field.interval(start)
    if stop - start == 1:
        return f"{start}: {_elements(begin, end)}"
    first = f"{start} to {stop - 1}"
    if field.is_constant:
        return f"{first}: {_elements(begin, end)}"
    return f"{first}: size {field.size}, stride {field.stride}, the first {_elements(begin, end)}"


def _elements(start: int, stop: int) -> str:
    return f"from {start} to {stop - 1}" if start < stop else "nothing"


def spans_words(spans: Spans) -> str:
    """A set of elements in words.

    >>> spans_words(Spans(((0, 3), (5, 6)))), spans_words(Spans.first(9).bounded())
    ('0 to 2, 5', 'some of 0 to 8')
    """
    parts = some(f"{start} to {stop - 1}" if stop - start > 1 else str(start) for start, stop in spans.parts)
    return ("" if spans.exact else "some of ") + (", ".join(parts) or "nothing")


def field_rows(fields: ReceptiveFields) -> Iterator[tuple[object, ...]]:
    """What :data:`FIELD_HEAD` names, of the field on each axis."""
    words = {True: "yes", False: "no", None: "perhaps"}
    for number, (axis, runs) in enumerate(zip(fields.axes, fields.dimensions, strict=True)):
        center = axis.center(0)
        stride = DIFFERS if axis.stride is None else axis.stride
        turns = f"{len(axis.stops)} pieces" if isinstance(axis, Pieces) else axis.period
        first = axis.padding, "-" if center is None else center
        yield number, between(axis), stride, *first, words[axis.holes], turns, "-" if runs is None else runs


FIELD_HEAD = (
    *("axis", "size", "stride", "padding", "centre of position 0", "holes"),
    *("phases", "along dimension of the output"),
)
"""The columns of a field."""
