"""A report on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from ...notebook import ruled
from ..report import NetworkReport
from .cells import short, shown
from .details import Position, node_lines, position_note

INDENT = (0, 0, 0, 2)
"""What sentences have around them: two columns before every line."""

OPERATION = 30
"""Longer names of operations go on in the next line where a terminal is narrow."""


def view(report: NetworkReport, convention: str = "mac", dtype: Any = None, position: Position | None = None) -> Group:
    """The whole report, 80 columns wide where names are short, and what a position of a node reads.

    Raises:
        DomainError: what the position reads is unknown.
    """
    return Group(*_parts(report, convention, dtype, position))


def _parts(report: NetworkReport, convention: str, dtype: Any, position: Position | None) -> Iterator[RenderableType]:
    more = position_note(report, position)
    found = shown(report, convention, count=short, dtype=dtype, more=more)
    yield Text(found.title, "bold")
    yield Text()
    rows = ruled()
    rows.add_column(found.head[0], overflow="fold")
    rows.add_column(found.head[1], overflow="fold", no_wrap=all(len(cells[1]) <= OPERATION for cells in found.rows))
    for name in found.head[2:]:
        two_lines = name.replace("Parameters", "Params").replace("Field ", "Field\n")
        rows.add_column(two_lines, justify="right", overflow="fold")
    for cells in found.rows:
        rows.add_row(*map(Text, cells))
    yield rows
    yield Text()
    totals = ruled("Total")
    totals.add_column("", justify="right", overflow="fold")
    totals.add_column("")
    for name, value, status in found.totals:
        totals.add_row(Text(name), Text(value), Text(status, "green" if status == "complete" else "yellow"))
    yield totals
    for heading, sentences in found.notes:
        yield Text()
        yield Text(heading, "bold")
        yield from (Padding(Text(sentence, overflow="fold"), INDENT, expand=False) for sentence in sentences)


def node_view(
    report: NetworkReport,
    name: str,
    convention: str = "mac",
    dtype: Any = None,
    position: Position | None = None,
) -> Group:
    """Everything that is known of a node, and what a position of it reads exactly.

    Raises:
        DomainError: there is no such node, or what the position reads is unknown.
    """
    table = ruled()
    table.show_header = False
    for heading, words in node_lines(report, name, convention, dtype, position):
        table.add_row(Text(heading), Text(words, overflow="fold"))
    return Group(table)
