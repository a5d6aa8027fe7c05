"""A conformance report on a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..notebook import ruled
from .backends.divergences import DECISIONS, Divergence
from .conformance_report import Cell, Conformance, Found

STYLES = {
    "passes": "green",
    "known divergence": "yellow",
    "new divergence": "bold red",
    "not supported": "dim",
    "not judged": "dim",
}


def view(report: Conformance) -> Group:
    """The whole report."""
    return Group(*_parts(report))


def _parts(report: Conformance) -> Iterator[RenderableType]:
    yield Text(report.title, "bold")
    yield Text(report.verdict, "green" if report.ok else "bold red")
    yield Text(f"{report.examples} cases for each kind and number of axes, drawn from seed {report.seed}")
    yield Text()
    yield _matrix(report)
    if report.divergences:
        yield Text()
        yield Text("Divergences", "bold")
        for cell, found in report.divergences:
            yield from _divergence(cell, found)
    if report.known:
        yield Text()
        yield Text("Known divergences", "bold")
        for entry in report.known:
            yield from _known(entry)
    if report.refusals:
        yield Text()
        yield _refusals(report)


def _matrix(report: Conformance) -> Table:
    table = ruled()
    table.add_column("Kind", no_wrap=True)
    table.add_column("Axes", justify="right")
    for tested in report.backends:
        table.add_column(tested.name, justify="right")
    for kind, ndim, cells in report.rows:
        table.add_row(kind, str(ndim), *(Text(cell.text, STYLES[cell.state]) for cell in cells))
    return table


def _divergence(cell: Cell, found: Found) -> Iterator[Text]:
    place = f"{cell.backend} {cell.place}, {found.count} of {cell.judged}"
    yield Text(f"  {place}: {found.status}", "" if found.known else "bold red")
    yield Text(f"    {found.failure.case}")
    yield Text(f"    {found.summary}")
    for text in found.diagnosis:
        yield Text(f"    matches if {text}")
    for note in found.notes:
        yield Text(f"    {note}")


def _known(entry: Divergence) -> Iterator[RenderableType]:
    yield Text(f"  {entry.id}: {entry.decision}, {DECISIONS[entry.decision]}", overflow="fold")
    details = Table.grid(padding=(0, 1, 0, 0))
    details.add_column()
    details.add_column(overflow="fold")
    least = {"gives": entry.gives, "rule": entry.rule, "source": entry.source}
    for name, text in (least | {"issue": entry.issue or "none is known", "least": entry.case}).items():
        details.add_row(f"    {name}", Text(text))
    yield details


def _refusals(report: Conformance) -> Table:
    table = ruled()
    table.add_column("Not supported", overflow="fold")
    table.add_column("Cases", justify="right")
    for backend, reason, count in report.refusals:
        table.add_row(reason if reason.startswith(backend) else f"{backend}: {reason}", str(count))
    return table
