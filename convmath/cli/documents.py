"""What the commands that write documents have in common: formats, languages, files."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

import typer

from ..errors import DomainError


class DocumentFormat(StrEnum):
    """How a document is written."""

    LATEX = "latex"
    MARKDOWN = "markdown"
    TEXT = "text"


class ReportFormat(StrEnum):
    """How a report or an answer is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    LATEX = "latex"
    HTML = "html"


class Language(StrEnum):
    """The language of a document."""

    EN = "en"
    ZH = "zh"


Format = TypeVar("Format", bound=StrEnum)
SUFFIXES: Mapping[str, DocumentFormat] = {
    ".tex": DocumentFormat.LATEX,
    ".md": DocumentFormat.MARKDOWN,
    ".txt": DocumentFormat.TEXT,
}
REPORT_SUFFIXES: Mapping[str, ReportFormat] = {
    ".txt": ReportFormat.TABLE,
    ".json": ReportFormat.JSON,
    ".csv": ReportFormat.CSV,
    ".md": ReportFormat.MARKDOWN,
    ".tex": ReportFormat.LATEX,
    ".html": ReportFormat.HTML,
}


def format_of(output: Path | None, chosen: Format | None, suffixes: Mapping[str, Format], default: Format) -> Format:
    """The chosen format, or what the suffix of the file says, or without a file the default.

    Raises:
        DomainError: neither a format is chosen nor does the suffix say one.
    """
    if chosen is not None:
        return chosen
    if output is None:
        return default
    if output.suffix.lower() not in suffixes:
        raise DomainError("output", str(output), f"needs --format, or one of the suffixes {', '.join(suffixes)}")
    return suffixes[output.suffix.lower()]


def write(text: str, output: Path | None) -> None:
    """Print a document, or write it to a file, whose folder is made if need be."""
    if output is None:
        typer.echo(text, nl=not text.endswith("\n"))
        return
    from ..text_files import write_file

    write_file(output, text)
