"""A report on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from ...notebook import plain, ruled
from ..report import NetworkReport
from .cells import DTYPE, details, short, shown, spans_words

OPERATION = 30
"""Longer names of operations go on in the next line where a terminal is narrow."""


def view(report: NetworkReport, convention: str = "mac", dtype: Any = DTYPE) -> Group:
    """The whole report, 80 columns wide where names are short."""
    return Group(*_parts(report, convention, dtype))


def _parts(report: NetworkReport, convention: str, dtype: Any) -> Iterator[RenderableType]:
    found = shown(report, convention, count=short, dtype=dtype)
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
        yield from (Text(f"  {sentence}", overflow="fold") for sentence in sentences)


def node_view(
    report: NetworkReport,
    name: str,
    convention: str = "mac",
    position: Sequence[int] | None = None,
    dtype: Any = DTYPE,
) -> Group:
    """Everything that is known of a node, and what a position of it reads exactly.

    Raises:
        DomainError: there is no such node or position, or what it reads is unknown.
    """
    row = report[name]
    read = ", ".join(map(plain, report.graph[name].inputs))
    lines = [*details(row, convention, dtype), *([("Reads", read)] if read else [])]
    lines += [("Misaligned", plain(str(one))) for one in report.misaligned if one.node == name]
    for source, axes in ({} if position is None else report.reads(name, *position)).items():
        at = ", ".join(map(str, position or ()))
        for axis, spans in enumerate(axes):
            lines.append((f"({at}) reads of {plain(source)}, axis {axis}", spans_words(spans)))
    table = ruled()
    table.show_header = False
    for heading, words in lines:
        table.add_row(Text(heading), Text(words, overflow="fold"))
    return Group(table)
