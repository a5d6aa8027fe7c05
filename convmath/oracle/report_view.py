"""A report on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..notebook import ruled

if TYPE_CHECKING:
    from .report import Failure, Report

_STYLES = {"passes": "green", "not tried": "yellow"}


def view(report: Report) -> Group:
    """The whole report."""
    return Group(*_parts(report))


def _parts(report: Report) -> Iterator[RenderableType]:
    yield Text(report.title, "bold")
    yield Text(report.verdict[:1].upper() + report.verdict[1:], "green" if report.ok else "bold red")
    for note in report.notes:
        yield Text(note)
    if report.features:
        yield Text()
        yield _features(report)
    if report.minimal is not None:
        yield Text()
        yield Text(_heading(report), "bold")
        yield from _failure(report.minimal)
    if report.diagnosis:
        yield Text()
        yield Text("Every failing case matches if", "bold")
        yield from (Text(f"  {text}") for text in report.diagnosis)
    if report.minimal is not None and report.minimal.snippet:
        yield Text()
        yield Text("Without this library", "bold")
        yield _block(report.minimal.snippet)


def _heading(report: Report) -> str:
    if report.examples == 1:
        return "The failing case"
    return "The smallest failing case" if report.minimised else "A failing case"


def _features(report: Report) -> Table:
    table = ruled("Feature")
    for name in ("Passed", "Failed"):
        table.add_column(name, justify="right")
    table.add_column("Result")
    for feature in report.features:
        result = "in every failing case" if feature.name in report.common else feature.result
        style = _STYLES.get(result, "bold red" if feature.name in report.common else "red")
        table.add_row(feature.name, str(feature.passed), str(feature.failed), Text(result, style))
    return table


def _failure(failure: Failure) -> Iterator[RenderableType]:
    yield Text(f"  {failure.case}")
    yield Text(f"  {failure.verdict}: {failure.reason}")
    if failure.differing:
        yield Text(f"  wrong elements: {failure.differing} of {failure.elements}")
    if failure.expected is not None and failure.got is not None:
        for name, values in (("expected", failure.expected), ("got", failure.got)):
            yield Text(f"  {name}")
            yield _block(_array(values), "    ")
    if failure.traceback:
        yield _block(failure.traceback, "  ")
    if failure.command:
        yield _block(failure.command.replace(" --case ", " \\\n    --case "), "  ")


def _block(text: str, margin: str = "") -> Text:
    """Lines that stay as they are where there is room for them."""
    return Text(indent(text.rstrip(), margin), overflow="fold")


def _array(values: Any) -> str:
    return np.array2string(np.asarray(values), separator=", ", max_line_width=100)
