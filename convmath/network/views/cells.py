"""A report in words: the cells, totals and notes that every way of showing it has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from typing import Any, TypeAlias

from ...notebook import html_table, plain
from ..conventions import CONVENTIONS, flops
from ..fields.field import Field
from ..fields.pieces import Pieces
from ..fields.receptive import ReceptiveFields
from ..fields.spans import Spans
from ..report import NetworkReport, Total
from ..row import Row

DTYPE = "float32"
"""The dtype in which bytes are counted if nobody says any."""

LISTED = 12
"""Names and sentences of one kind that are written out where space is short; of more, how many more there are."""

_HOLES = {True: "*", False: "", None: "~"}
SEVERAL = "; "
"""Between what is said of fields in several inputs."""

OTHERS = "+: of the first of several inputs; what a node reads of the others is among its details"
ALONG = "Field along: the dimension of the output along which each axis runs, the batch being 0"
DIFFERS = "differs"
"""The stride of pieces of positions that have none in common."""

PIECES = "a..b: positions read piece by piece, from a to b elements each; the pieces are among the details of the node"
HOLES = "*: a position leaves out elements within its extent; ~: it may"


@dataclass(frozen=True)
class Shown:
    """A report as text.

    Attributes:
        title: the nodes and inputs in a line.
        head: the columns.
        rows: the cells of every row.
        totals: the name of a total, its value, and what is missing in it.
        notes: a heading and sentences.
    """

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[tuple[str, str, str], ...]
    notes: tuple[tuple[str, tuple[str, ...]], ...]


def shown(
    report: NetworkReport,
    convention: str = "mac",
    name: str | None = None,
    count: Callable[[Any], str] | None = None,
    *,
    wide: bool = False,
    dtype: Any = DTYPE,
) -> Shown:
    """A report as text.

    Args:
        report: the network.
        convention: what counts as an operation, one of :data:`~convmath.network.conventions.CONVENTIONS`.
        name: the only node to show; None for all.
        count: how numbers in the rows are written; by default with all their digits.
        wide: whether rows and notes say everything; otherwise they leave out what fields are padded by and where their
            centres are, fields in other inputs than the first, what is computed backward, memory, and long lists.
        dtype: in which bytes of activations are counted.

    Raises:
        DomainError: the convention or the dtype is unknown, or there is no such node.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("stem", Conv(3, 8, (3, 3), stride=2), net.input((3, 9, 9)))
    >>> found = shown(net.analyze())
    >>> found.rows[1], found.totals[1]
    (('stem', 'conv2d', '8x4x4', '3', '2', '224', '3,456'), ('MACs', '3,456', 'complete'))
    """
    rows = report.rows if name is None else (report[name],)
    title = f"{len(report)} nodes, {report.status}; input {' and '.join(_inputs(report))}"
    columns = tuple(_columns(rows, convention, count or digits, dtype, wide=wide))
    cells = tuple(tuple(cell(row) for _, cell in columns) for row in rows)
    totals = tuple(_totals(report, convention, dtype))
    return Shown(title, tuple(head for head, _ in columns), cells, totals, tuple(notes(report, convention, wide=wide)))


def _columns(
    rows: Sequence[Row], convention: str, written: Callable[[Any], str], dtype: Any, *, wide: bool
) -> Iterator[tuple[str, Callable[[Row], str]]]:
    """The name of each column, and its cells."""
    flops(convention)
    yield "Node", lambda row: plain(row.name)
    yield "Operation", lambda row: plain(row.op)
    yield "Output", lambda row: sizes(row.output_size)
    each = in_all if wide else in_first
    yield "Field size", lambda row: each(row, _extent)
    yield "Field stride", lambda row: each(row, _stride)
    if wide:
        yield "Field padding", lambda row: in_all(row, lambda fields: alike(fields.padding))
        if any(map(_turned, rows)):
            yield "Field along", lambda row: in_all(row, _along)
        yield "Field centre", lambda row: in_all(row, lambda fields: alike(_centers(fields)))
    yield "Parameters", lambda row: "?" if row.lacks("params") else written(row.params)
    yield unit(convention), lambda row: known(row.flops(convention), written)
    if wide:
        if CONVENTIONS[convention].backward is not None:
            yield "Backward", lambda row: known(row.flops(convention, backward=True), written)
        yield "Activation", lambda row: known(row.activation_bytes(dtype), stored)


def known(value: Any, written: Callable[[Any], str]) -> str:
    """A number in words, "?" for None."""
    return "?" if value is None else written(value)


def _extent(fields: ReceptiveFields) -> str:
    sizes = [_between(axis) if isinstance(axis, Pieces) else axis.size for axis in fields.axes]
    return alike(sizes) + max((_HOLES[axis.holes] for axis in fields.axes), key=("", "~", "*").index)


def _stride(fields: ReceptiveFields) -> str:
    return alike([DIFFERS if stride is None else stride for stride in fields.stride])


def _between(axis: Pieces) -> str:
    """The sizes of the smallest and of the largest hull."""
    return "..".join(map(str, dict.fromkeys(axis.sizes)))


def _centers(fields: ReceptiveFields) -> tuple[object, ...]:
    return tuple("-" if center is None else center for center in (axis.center(0) for axis in fields.axes))


def _along(fields: ReceptiveFields) -> str:
    return alike(["-" if dimension is None else dimension for dimension in fields.dimensions])


def _turned(row: Row) -> bool:
    """Whether an axis of an input runs along another dimension of the output than its own."""
    pairs = (pair for fields in row.fields.values() for pair in enumerate(fields.dimensions, start=2))
    return any(dimension not in (None, own) for own, dimension in pairs)


def in_first(row: Row, words: Callable[[ReceptiveFields], str]) -> str:
    """What is said of the field in the first input, marked where there are others; "-" where none is read, or "?"."""
    first = row.receptive_field
    if first is None:
        return "?" if row.field_unknown else "-"
    return words(first) + ("+" if len(row.fields) > 1 else "")


def in_all(row: Row, words: Callable[[ReceptiveFields], str]) -> str:
    """The same of the fields in all inputs, with their names where there are several."""
    if len(row.fields) < 2:
        return in_first(row, words)
    return SEVERAL.join(f"{plain(name)}: {words(fields)}" for name, fields in row.fields.items())


def unit(convention: str) -> str:
    """What a convention counts."""
    return {"mac": "MACs", "2mac": "FLOPs", "exact": "Operations"}.get(convention, convention)


def _inputs(report: NetworkReport) -> Iterator[str]:
    without_axes = takewhile(lambda row: row.op == "input" and not row.params, report)
    for row in [report[name] for name in report.graph.inputs] or without_axes:
        yield sizes(row.output_size) + (f" (batch {row.sizes[0]})" if row.sizes and row.sizes[0] != 1 else "")


def field_cells(row: Row) -> tuple[str, str]:
    """Size and stride of the receptive field, or "?"; "-" where nothing of an input is read."""
    return in_first(row, _extent), in_first(row, _stride)


def alike(values: Sequence[object]) -> str:
    """One value where all are equal."""
    return str(values[0]) if len(set(values)) == 1 else "x".join(map(str, values))


def sizes(values: Sequence[object] | None) -> str:
    """Sizes one after the other; "?" where they are unknown, "-" where there is none."""
    return "?" if values is None else "x".join(map(str, values)) or "-"


def digits(value: Any) -> str:
    """A number with all its digits, in groups."""
    return f"{value:,}" if isinstance(value, int) else str(value)


def short(value: Any) -> str:
    """A number in four digits and a letter.

    >>> short(0), short(9408), short(118013952), short(2**62), short(10**30)
    ('0', '9,408', '118.0M', '4.612E', '1.000e+30')
    """
    if not isinstance(value, int) or abs(value) < 10_000:
        return digits(value)
    for power, letter in enumerate("kMGTPE", 1):
        scaled = Fraction(value, 1000**power)
        if abs(scaled) < 1000:
            return f"{float(scaled):#.4g}{letter}"
    return f"{float(value):.3e}" if value < 10**300 else f"about 10^{len(str(value)) - 1}"


def stored(count: Any) -> str:
    """Bytes in words.

    >>> stored(512), stored(3 * 2**20)
    ('512 bytes', '3.0 MiB')
    """
    if not isinstance(count, int) or count < 1024:
        return f"{count} bytes"
    power = min((count.bit_length() - 1) // 10, 6)
    tenths = 10 * count >> (10 * power)
    return f"{tenths // 10:,}.{tenths % 10} {'KMGTPE'[power - 1]}iB"


def _totals(report: NetworkReport, convention: str, dtype: Any) -> Iterator[tuple[str, str, str]]:
    def line(name: str, total: Total, value: str = "") -> tuple[str, str, str]:
        return name, value or digits(total.value), status(total)

    yield line("Parameters", report.total("params"))
    yield line(unit(convention), report.total(flops(convention)))
    if CONVENTIONS[convention].backward is not None:
        yield line(f"{unit(convention)} backward", report.total(flops(convention, backward=True)))
    elements = report.total("elements")
    yield line("Activations", elements)
    yield line(f"Activations in {dtype}", elements, stored(report.activation_bytes(dtype)))
    yield line("Alive at once at most", elements, stored(report.peak_bytes(dtype)))


def status(total: Total) -> str:
    """Whether a total is complete, and how many nodes are missing in it."""
    if total.status == "complete":
        return "complete"
    nodes = "1 node" if len(total.missing) == 1 else f"{len(total.missing)} nodes"
    return f"{total.status}: without {nodes}"


Note: TypeAlias = tuple[str, tuple[str, ...]]
"""A heading, and sentences."""


def notes(report: NetworkReport, convention: str = "mac", *, wide: bool = False) -> Iterator[Note]:
    """What there is to say besides the numbers; all of it where there is room for it, otherwise the first of many."""
    most = len(report) + len(report.misaligned) + len(report.graph.unused) if wide else LISTED
    yield from _convention(report, convention, most)
    yield from _notes(report, most, wide=wide)


def _convention(report: NetworkReport, name: str, most: int) -> Iterator[Note]:
    """What is counted, where it is not multiply-accumulates alone, and which nodes are missing in it."""
    if name == "mac":
        return
    found = CONVENTIONS[name]
    missing = set(report.missing)
    left = _some((one for one in report.total(found.forward).missing if one not in missing), most)
    sentences = [found.why]
    if left:
        sentences.append(f"What it counts at these nodes is not known: {plain(', '.join(left))}.")
    if found.version and any(row.origin is None and row.op != "input" for row in report):
        sentences.append(f"{NO_MODULES} Every layer is taken for torch's module of its kind.")
    yield f"Convention {name} {found.version}".rstrip(), tuple(sentences)


NO_MODULES = "The network does not say which modules and functions compute it."


def _notes(report: NetworkReport, most: int, *, wide: bool) -> Iterator[Note]:
    """What was not understood, where fields are unknown, what does not lie on each other, and what marks mean."""
    reasons = [(f"{row.name} ({row.op})" if row.reason else row.name, row.reason) for row in report]
    if any(reason for _, reason in reasons):
        yield "Not understood", _grouped(reasons, most)
    fields = [(row.name, row.field_unknown) for row in report]
    if any(reason for _, reason in fields):
        yield "Receptive field unknown", _grouped(fields, most)
    remarks = [(row.name, remark) for row in report for remark in row.remarks]
    if remarks:
        yield "Remarks", _grouped(remarks, most)
    if report.misaligned:
        yield "Misaligned", _some([plain(str(one)) for one in report.misaligned], most)
    if report.graph.unused:
        idle = report.graph.unused.items()
        sentences = (f"{plain(name)}: {digits(count)} parameters, in no total" for name, count in idle)
        yield "Never used", _some(sentences, most)
    holes = any(axis.holes is not False for row in report for fields in row.fields.values() for axis in fields.axes)
    several = not wide and any(len(row.fields) > 1 for row in report)
    along = wide and any(map(_turned, report))
    pieces = any(isinstance(axis, Pieces) for row in report for fields in row.fields.values() for axis in fields.axes)
    marks = ((HOLES, holes), (OTHERS, several), (ALONG, along), (PIECES, pieces))
    if any(used for _, used in marks):
        yield "Marks", tuple(word for word, used in marks if used)


def _grouped(reasons: Iterable[tuple[str, str]], most: int) -> tuple[str, ...]:
    """A sentence for each reason, with the names that share it, in the order of the first of them."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons:
        if reason:
            names.setdefault(reason, []).append(name)
    return _some((f"{plain(', '.join(_some(who, most)))}: {plain(reason)}" for reason, who in names.items()), most)


def _some(words: Iterable[str], most: int = LISTED) -> tuple[str, ...]:
    listed = tuple(words)
    more = len(listed) - most
    return listed if more <= 0 else (*listed[:most], f"and {more} more")


def details(row: Row, convention: str = "mac", dtype: Any = DTYPE) -> Iterator[tuple[str, str]]:
    """Everything that is known of a node, in lines with names.

    Raises:
        DomainError: the convention or the dtype is unknown.
    """
    done = known(row.flops(convention), digits)
    yield "Node", plain(row.name)
    yield "Operation", plain(row.op)
    if row.inputs:
        yield "Input", ", ".join(sizes(None if one is None else one[1:]) for one in row.inputs)
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
    if row.reason:
        yield "Not understood", plain(row.reason)
    for remark in row.remarks:
        yield "Remark", plain(remark)
    if convention != "mac":
        yield "Convention", CONVENTIONS[convention].why


def _memory(row: Row, dtype: Any) -> str:
    if row.sizes is None:
        return "?"
    return f"{digits(row.elements)} elements, {stored(row.activation_bytes(dtype))} in {dtype}"


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
        if isinstance(axis, Pieces):
            size, stride = _between(axis), DIFFERS if axis.stride is None else axis.stride
            words = f"size {size}, stride {stride}, padding {axis.padding}, position 0 {first}"
            phases = f", in {len(axis.stops)} pieces: {'; '.join(_some(map(_piece, axis)))}"
        else:
            words = f"size {axis.size}, stride {axis.stride}, padding {axis.padding}, position 0 {first}"
            phases = f", in {axis.period} phases" if axis.period > 1 else ""
        runs = fields.dimensions[number]
        along = "" if runs in (None, number + 2) else f", along dimension {runs} of the output"
        yield f"{words}, {holes}{phases}{along}"


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
    parts = _some(f"{start} to {stop - 1}" if stop - start > 1 else str(start) for start, stop in spans.parts)
    return ("" if spans.exact else "some of ") + (", ".join(parts) or "nothing")


def field_rows(fields: ReceptiveFields) -> Iterator[tuple[object, ...]]:
    """Axis, size, stride, padding, centre of position 0 and holes of a field."""
    words = {True: "yes", False: "no", None: "perhaps"}
    for number, axis in enumerate(fields.axes):
        center = axis.center(0)
        stride = DIFFERS if axis.stride is None else axis.stride
        yield number, axis.size, stride, axis.padding, "-" if center is None else center, words[axis.holes]


FIELD_HEAD = ("axis", "size", "stride", "padding", "centre of position 0", "holes")
