"""A report in words: the cells, totals and notes that every way of showing it has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, takewhile
from typing import Any

from ...notebook import html_table, plain
from ..conventions import CONVENTIONS, flops
from ..fields.receptive import ReceptiveFields
from ..fields.spans import Spans
from ..report import NetworkReport, Total
from ..row import Row

LISTED = 12
"""Names and sentences of one kind that are written out; of more, how many more there are."""

_HOLES = {True: "*", False: "", None: "~"}
SEVERAL = "; "
"""Between what is said of fields in several inputs."""

OTHERS = "+: of the first of several inputs; what a node reads of the others is among its details"
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
) -> Shown:
    """A report as text.

    Args:
        report: the network.
        convention: what counts as an operation, one of :data:`~convmath.network.conventions.CONVENTIONS`.
        name: the only node to show; None for all.
        count: how numbers in the rows are written; by default with all their digits.
        wide: whether rows say everything; otherwise they leave out what fields are padded by and where their centres
            are, fields in other inputs than the first, what is computed backward, and memory.

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
    rows = report.rows if name is None else (report[name],)
    title = f"{len(report)} nodes, {report.status}; input {' and '.join(_inputs(report))}"
    columns = tuple(_columns(convention, count or digits, wide=wide))
    cells = tuple(tuple(cell(row) for _, cell in columns) for row in rows)
    notes = (*_convention(report, convention), *_notes(report, wide=wide))
    return Shown(title, tuple(head for head, _ in columns), cells, tuple(_totals(report, convention)), notes)


def _columns(
    convention: str, written: Callable[[Any], str], *, wide: bool
) -> Iterator[tuple[str, Callable[[Row], str]]]:
    """The name of each column, and its cells."""
    flops(convention)
    yield "Node", lambda row: plain(row.name)
    yield "Operation", lambda row: plain(row.op)
    yield "Output", lambda row: sizes(row.output_size)
    each = in_all if wide else in_first
    yield "Field", lambda row: each(row, _extent)
    yield "Stride", lambda row: each(row, _stride)
    if wide:
        yield "Padding", lambda row: in_all(row, lambda fields: alike(fields.padding))
        yield "Centre", lambda row: in_all(row, lambda fields: alike(_centers(fields)))
    yield "Parameters", lambda row: "?" if row.lacks("params") else written(row.params)
    yield unit(convention), lambda row: known(row.flops(convention), written)
    if wide:
        if CONVENTIONS[convention].backward is not None:
            yield "Backward", lambda row: known(row.flops(convention, backward=True), written)
        yield "Activation", lambda row: known(row.activation_bytes(), stored)


def known(value: Any, written: Callable[[Any], str]) -> str:
    """A number in words, "?" for None."""
    return "?" if value is None else written(value)


def _extent(fields: ReceptiveFields) -> str:
    return alike(fields.size) + max((_HOLES[axis.holes] for axis in fields.axes), key="~*".find)


def _stride(fields: ReceptiveFields) -> str:
    return alike(fields.stride)


def _centers(fields: ReceptiveFields) -> tuple[object, ...]:
    return tuple("-" if center is None else center for center in (axis.center(0) for axis in fields.axes))


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


def _convention(report: NetworkReport, name: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is counted, where it is not multiply-accumulates alone, and which nodes are missing in it."""
    if name == "mac":
        return
    found = CONVENTIONS[name]
    missing = set(report.missing)
    left = _some(one for one in report.total(found.forward).missing if one not in missing)
    sentences = [found.why]
    if left:
        sentences.append(f"What it counts at these nodes is not known: {plain(', '.join(left))}.")
    if found.version and any(row.origin is None and row.op != "input" for row in report):
        sentences.append(f"{NO_MODULES} Every layer is taken for torch's module of its kind.")
    yield f"Convention {name} {found.version}".rstrip(), tuple(sentences)


NO_MODULES = "The network does not say which modules and functions compute it."


def _notes(report: NetworkReport, *, wide: bool) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What was not understood, where fields are unknown, what does not lie on each other, and what marks mean."""
    reasons = [(f"{row.name} ({row.op})" if row.reason else row.name, row.reason) for row in report]
    if any(reason for _, reason in reasons):
        yield "Not understood", _grouped(reasons)
    fields = [(row.name, row.field_unknown) for row in report]
    if any(reason for _, reason in fields):
        yield "Receptive field unknown", _grouped(fields)
    if report.misaligned:
        yield "Misaligned", _some([plain(str(one)) for one in report.misaligned])
    if report.graph.unused:
        idle = report.graph.unused.items()
        yield "Never used", _some(f"{plain(name)}: {digits(count)} parameters, in no total" for name, count in idle)
    holes = any(axis.holes is not False for row in report for fields in row.fields.values() for axis in fields.axes)
    several = not wide and any(len(row.fields) > 1 for row in report)
    if holes or several:
        yield "Marks", (*((HOLES,) if holes else ()), *((OTHERS,) if several else ()))


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
    done = known(row.flops(convention), digits)
    yield "Node", plain(row.name)
    yield "Operation", plain(row.op)
    if row.inputs:
        yield "Input", ", ".join(sizes(None if one is None else one[1:]) for one in row.inputs)
    yield "Output", sizes(row.output_size)
    yield "Activation", _memory(row)
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
    if convention != "mac":
        yield "Convention", CONVENTIONS[convention].why


def _memory(row: Row) -> str:
    if row.sizes is None:
        return "?"
    return f"{digits(row.elements)} elements, {stored(row.activation_bytes())} in float32"


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
        words = f"size {axis.size}, stride {axis.stride}, padding {axis.padding}, position 0 {first}"
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
