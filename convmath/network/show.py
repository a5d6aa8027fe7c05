"""A report in words: the cells, totals and notes that every way of showing it has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from typing import Any

from ..notebook import html_table
from .conventions import CONVENTIONS, flops
from .field import Field
from .report import NetworkReport, ReceptiveFields, Row, Total
from .spans import Spans

LISTED = 12
"""Names and sentences of one kind that are written out; of more, how many more there are."""

_HOLES = {True: "*", False: "", None: "~"}
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
    report: NetworkReport, convention: str = "mac", name: str | None = None, count: Callable[[Any], str] | None = None
) -> Shown:
    """A report as text.

    Args:
        report: the network.
        convention: what counts as an operation, one of :data:`~convmath.network.conventions.CONVENTIONS`.
        name: the only node to show; None for all.
        count: how numbers in the rows are written; by default with all their digits.

    Raises:
        DomainError: the convention is unknown, or there is no such node.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("stem", Conv(3, 8, (3, 3), stride=2), net.input((3, 9, 9)))
    >>> found = shown(net.analyze())
    >>> found.rows[1], found.totals[1]
    (('stem', 'conv2d', '8x4x4', '3', '2', '224', '3,456'), ('MACs', '3,456', 'complete'))
    """
    operations, written = flops(convention), count or digits
    rows = report.rows if name is None else (report[name],)
    title = f"{len(report)} nodes, {report.status}; input {' and '.join(_inputs(report))}"
    head = ("Node", "Operation", "Output", "Field", "Stride", "Parameters", unit(convention))
    cells = tuple(_cells(row, operations, written) for row in rows)
    return Shown(title, head, cells, tuple(_totals(report, convention)), (*_convention(convention), *_notes(report)))


def unit(convention: str) -> str:
    """What a convention counts."""
    return {"mac": "MACs", "2mac": "FLOPs", "exact": "Operations"}.get(convention, convention)


def _inputs(report: NetworkReport) -> Iterator[str]:
    for name in report.graph.inputs:
        row = report[name]
        yield sizes(row.output_size) + (f" (batch {row.sizes[0]})" if row.sizes and row.sizes[0] != 1 else "")


def _cells(row: Row, operations: Callable[[Row], Any], written: Callable[[Any], str]) -> tuple[str, ...]:
    done = None if row.lacks(operations) else operations(row)
    size, stride = field_cells(row)
    params = "?" if row.lacks("params") else written(row.params)
    name, op = plain(row.name), plain(row.op)
    return name, op, sizes(row.output_size), size, stride, params, "?" if done is None else written(done)


def field_cells(row: Row) -> tuple[str, str]:
    """Size and stride of the receptive field, or "?"; "-" where nothing of an input is read."""
    fields = row.receptive_field
    if fields is None:
        return ("?", "?") if row.field_unknown else ("-", "-")
    marks = {_HOLES[axis.holes] for axis in fields.axes}
    return alike(fields.size) + max(marks, key="~*".find), alike(fields.stride)


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


def _totals(report: NetworkReport, convention: str) -> Iterator[tuple[str, str, str]]:
    def line(name: str, total: Total, value: str = "") -> tuple[str, str, str]:
        return name, value or digits(total.value), status(total)

    yield line("Parameters", report.total("params"))
    yield line(unit(convention), report.total(flops(convention)))
    if CONVENTIONS[convention].backward is not None:
        yield line(f"{unit(convention)} backward", report.total(flops(convention, backward=True)))
    elements = report.total("elements")
    yield line("Activations", elements)
    yield line("Activations in float32", elements, stored(report.activation_bytes()))
    yield line("Alive at once at most", elements, stored(report.peak_bytes()))


def status(total: Total) -> str:
    """Whether a total is complete, and how many nodes are missing in it."""
    if total.status == "complete":
        return "complete"
    nodes = "1 node" if len(total.missing) == 1 else f"{len(total.missing)} nodes"
    return f"{total.status}: without {nodes}"


def _convention(name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is counted, where it is not multiply-accumulates alone."""
    if name != "mac":
        found = CONVENTIONS[name]
        yield f"Convention {name} {found.version}".rstrip(), (found.why,)


def _notes(report: NetworkReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What was not understood, where fields are unknown, what does not lie on each other, and what marks mean."""
    reasons = [(f"{row.name} ({row.op})" if row.reason else row.name, row.reason) for row in report]
    if any(reason for _, reason in reasons):
        yield "Not understood", _grouped(reasons)
    fields = [(row.name, row.field_unknown) for row in report]
    if any(reason for _, reason in fields):
        yield "Receptive field unknown", _grouped(fields)
    if report.misaligned:
        yield "Misaligned", _some([plain(str(one)) for one in report.misaligned])
    if any(axis.holes is not False for row in report for fields in row.fields.values() for axis in fields.axes):
        yield "Marks", (HOLES,)


def _grouped(reasons: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """A sentence for each reason, with the names that share it."""
    known = sorted(((reason, name) for name, reason in reasons if reason), key=lambda pair: pair[0])
    return _some(
        f"{plain(', '.join(_some(name for _, name in group)))}: {plain(reason)}"
        for reason, group in groupby(known, key=lambda pair: pair[0])
    )


def _some(words: Iterable[str]) -> tuple[str, ...]:
    listed = tuple(words)
    more = len(listed) - LISTED
    return listed if more <= 0 else (*listed[:LISTED], f"and {more} more")


def details(row: Row, convention: str = "mac") -> Iterator[tuple[str, str]]:
    """Everything that is known of a node, in lines with names.

    Raises:
        DomainError: the convention is unknown.
    """
    cells = _cells(row, flops(convention), digits)
    yield "Node", cells[0]
    yield "Operation", cells[1]
    if row.inputs:
        yield "Input", ", ".join(sizes(None if one is None else one[1:]) for one in row.inputs)
    yield "Output", cells[2]
    yield "Parameters", cells[5]
    yield unit(convention), cells[6]
    for source, fields in row.fields.items():
        for axis, words in enumerate(field_lines(fields)):
            yield f"Field in {plain(source)}, axis {axis}", words
    if row.field_unknown:
        yield "Field", f"unknown: {plain(row.field_unknown)}"
    if row.reason:
        yield "Not understood", plain(row.reason)


def row_html(row: Row) -> str:
    """A node as a table for notebooks."""
    first, *others = details(row)
    return html_table(first, others)


def field_lines(fields: ReceptiveFields) -> Iterator[str]:
    """The field on each axis in words."""
    for axis in fields.axes:
        holes = {True: "with holes", False: "without holes", None: "perhaps with holes"}[axis.holes]
        center, (start, stop) = axis.center(0), axis.interval(0)
        first = "reads nothing" if center is None else f"from {start} to {stop - 1}, centre {center}"
        words = f"size {axis.size}, stride {axis.stride}, position 0 {first}"
        phases = f", in {axis.period} phases" if axis.period > 1 else ""
        yield f"{words}, {holes}{phases}"


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
        yield number, axis.size, axis.stride, axis.padding, "-" if center is None else center, words[axis.holes]


FIELD_HEAD = ("axis", "size", "stride", "padding", "centre of position 0", "holes")


def record(row: Row, operations: Callable[[Row], Any], inputs: Sequence[str]) -> dict[str, Any]:
    """A row for programs: None where a number is unknown; fractions that are no integers are texts such as "1/2"."""
    return {
        "name": row.name,
        "op": row.op,
        "inputs": list(inputs),
        "output_size": None if row.output_size is None else list(row.output_size),
        "params": None if row.lacks("params") else row.params,
        "macs": None if row.lacks("macs") else row.macs,
        "operations": None if row.lacks(operations) else operations(row),
        "receptive_fields": {name: [_axis(axis) for axis in fields.axes] for name, fields in row.fields.items()},
        "receptive_field_unknown": row.field_unknown or None,
        "unknown": row.reason or None,
    }


def _axis(axis: Field) -> dict[str, Any]:
    center = axis.center(0)
    return {
        "size": axis.size,
        "stride": exact(axis.stride),
        "padding": axis.padding,
        "center": None if center is None else exact(center),
        "holes": axis.holes,
        "phases": axis.period,
    }


def exact(value: Fraction) -> int | str:
    """An int, or the text of a fraction."""
    return value.numerator if value.denominator == 1 else str(value)


def plain(text: str) -> str:
    r"""Text in which nothing acts on a terminal or breaks a file: characters without a picture are written out.

    >>> print(plain("conv\x1b[2J\n"))
    conv\x1b[2J\n
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
