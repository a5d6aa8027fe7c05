"""A report in words: the cells, totals and notes that every way of showing it has in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile
from typing import Any, TypeAlias

from ...notebook import counted, plain
from ..conventions import CONVENTIONS, flops
from ..fields.pieces import Followed, Pieces
from ..fields.receptive import ReceptiveFields
from ..operators import Embedding, Input
from ..report import NetworkReport
from ..row import Row
from ..totals import Total

LISTED = 12
"""Names and sentences of one kind that are written out where space is short; of more, how many more there are."""

_HOLES = {True: "*", False: "", None: "~"}
SEVERAL = "; "
"""Between what is said of fields in several inputs."""

OTHERS = "+: of the first of several inputs; what a node reads of the others is among its details"
ALONG = "Field along: the dimension of the output along which each axis runs, counted from 0 with the batch"
DIFFERS = "differs"
"""The stride of pieces of positions that have none in common."""

PIECES = "a..b: positions read piece by piece, from a to b elements each; the pieces are among the details of the node"
HOLES = "*: a position leaves out elements within its extent; ~: it may"
MISALIGNED = (
    "Misaligned: paths that meet look at other places of the input, and the field is that of all of them; "
    "where layers pad on one side, as causal ones do, skip connections are so by design"
)
PADDED = (
    "Field size: counts what windows reach of padding, so that it may exceed the input; "
    "where no dimension is left for positions, as of features, it counts the input alone"
)
STRIDES = (
    "Field stride: from the field of one position to that of the next, with x between the axes of the input; "
    "a fraction is the mean of positions that take turns, and 0 is where they go no further"
)
STEPS = "Field -: no input has axes; a letter for its size makes the steps of a sequence one"
"""Of networks of ids in numbers."""


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
    count: Callable[[Any], str] | None = None,
    *,
    wide: bool = False,
    dtype: Any = None,
    more: Sequence[Note] = (),
) -> Shown:
    """A report as text.

    Args:
        report: the network.
        convention: what counts as an operation, one of :data:`~convmath.network.conventions.CONVENTIONS`.
        count: how numbers in the rows are written; by default with all their digits.
        wide: whether rows and notes say everything; otherwise they leave out what fields are padded by and where their
            centres are, fields in other inputs than the first, what is computed backward, memory, and long lists.
        dtype: in which bytes of activations are counted; by default that of the network.
        more: notes that follow those of the report.

    Raises:
        DomainError: the convention or the dtype is unknown.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("stem", Conv(3, 8, (3, 3), stride=2), net.input((3, 9, 9)))
    >>> found = shown(net.analyze())
    >>> found.rows[1], found.totals[1]
    (('stem', 'conv2d', '8x4x4', '3', '2', '224', '3,456'), ('MACs', '3,456', 'complete'))
    """
    dtype = report.dtype if dtype is None else dtype
    title = f"{counted(len(report), 'node')}, {report.status}; input {' and '.join(_inputs(report))}"
    columns = tuple(_columns(report.rows, convention, count or digits, dtype, wide=wide))
    cells = tuple(tuple(cell(row) for _, cell in columns) for row in report)
    totals = tuple(_totals(report, convention, dtype))
    said = (*notes(report, convention, wide=wide), *more)
    return Shown(title, tuple(head for head, _ in columns), cells, totals, said)


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
    mark = max((_HOLES[axis.holes] for axis in fields.axes), key=("", "~", "*").index)
    return alike(list(map(between, fields.axes))) + mark


def _stride(fields: ReceptiveFields) -> str:
    return alike([DIFFERS if stride is None else stride for stride in fields.stride])


def between(axis: Followed) -> str:
    """The size of the hull; of pieces, those of the smallest and of the largest."""
    return "..".join(map(str, dict.fromkeys(axis.sizes if isinstance(axis, Pieces) else (axis.size,))))


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
    without_axes = takewhile(lambda row: row.op == "input", report)
    for row in [report[name] for name in report.graph.inputs] or without_axes:
        yield sizes(row.output_size) + (f" (batch {row.batch_size})" if row.batch_size not in (None, 1) else "")


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
    saved = report.saved(dtype)
    yield line("Saved for the gradients", saved, stored(saved.value))


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
    left = some((one for one in report.total(found.forward).missing if one not in missing), most)
    sentences = [found.why]
    if left:
        sentences.append(f"What it counts at these nodes is not known: {plain(', '.join(left))}.")
    if found.version and any(row.origin is None and not isinstance(row.operator, Input) for row in report):
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
    saved = [(row.name, "" if row.reason else report.saved_tensors(row.name).unknown) for row in report]
    if any(reason for _, reason in saved):
        yield "Not known what is saved for the gradients", _grouped(saved, most)
    remarks = [(row.name, remark) for row in report for remark in row.remarks]
    if remarks:
        yield "Remarks", _grouped(remarks, most)
    if report.misaligned:
        yield "Misaligned", some([plain(str(one)) for one in report.misaligned], most)
    if report.graph.unused:
        idle = report.graph.unused.items()
        sentences = (f"{plain(name)}: {digits(count)} parameters, in no total" for name, count in idle)
        yield "Never used", some(sentences, most)
    marks = tuple(_marks(report, wide=wide))
    if marks:
        yield "Marks", marks


def _marks(report: NetworkReport, *, wide: bool) -> Iterator[str]:
    """What the marks and numbers mean that fields have in this report."""
    found = [(name, fields) for row in report for name, fields in row.fields.items()]
    yield from _letter(report)
    if any(axis.holes is not False for _, fields in found for axis in fields.axes):
        yield HOLES
    if not wide and any(len(row.fields) > 1 for row in report):
        yield OTHERS
    if wide and any(map(_turned, report)):
        yield ALONG
    if any(isinstance(axis, Pieces) for _, fields in found for axis in fields.axes):
        yield PIECES
    if report.misaligned:
        yield MISALIGNED
    if any(_exceeds(report, name, fields) for name, fields in found):
        yield PADDED
    if any(len(set(fields.stride)) > 1 or any(map(_is_no_integer, fields.stride)) for _, fields in found):
        yield STRIDES


def _letter(report: NetworkReport) -> Iterator[str]:
    """How steps are made an axis, in a network of ids that has none."""
    inputs = {node.name: node.operator for node in report.graph if isinstance(node.operator, Input)}
    if any(operator.axes for operator in inputs.values()):
        return
    ids = (node.inputs[0] for node in report.graph if isinstance(node.operator, Embedding))
    for name in ids:
        if name in inputs:
            size = inputs[name].shape[-1]
            yield f"{STEPS}, as in --input {plain(name)}=n --at {size}, or ('n',) and .at({size}) in Python"
            return


def _exceeds(report: NetworkReport, name: str, fields: ReceptiveFields) -> bool:
    """Whether a field has more elements than its input."""
    operator = report[name].operator
    lengths = [operator.shape[dimension] for dimension in operator.axes] if isinstance(operator, Input) else []
    return any(size > n for size, n in zip(fields.size, lengths, strict=True))


def _is_no_integer(stride: Fraction | None) -> bool:
    return stride is not None and stride.denominator > 1


def _grouped(reasons: Iterable[tuple[str, str]], most: int) -> tuple[str, ...]:
    """A sentence for each reason, with the names that share it, in the order of the first of them."""
    names: dict[str, list[str]] = {}
    for name, reason in reasons:
        if reason:
            names.setdefault(reason, []).append(name)
    return some((f"{plain(', '.join(some(who, most)))}: {plain(reason)}" for reason, who in names.items()), most)


def some(words: Iterable[str], most: int = LISTED) -> tuple[str, ...]:
    """The first of many, and how many more there are."""
    listed = tuple(words)
    more = len(listed) - most
    return listed if more <= 0 else (*listed[:most], f"and {more} more")
