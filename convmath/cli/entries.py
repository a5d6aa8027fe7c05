"""``convmath list``, ``convmath show`` and ``convmath derive``."""

from __future__ import annotations

import json
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .documents import Language, format_of, write

if TYPE_CHECKING:
    from ..calculus.terms import Statement
    from ..catalog import Entry


class ListFormat(StrEnum):
    """How the catalogue is listed."""

    TABLE = "table"
    JSON = "json"


class ShowFormat(StrEnum):
    """How an entry is shown."""

    TEXT = "text"
    JSON = "json"


class DeriveFormat(StrEnum):
    """How a derivation is written."""

    LATEX = "latex"
    MARKDOWN = "markdown"
    TEXT = "text"
    JSON = "json"


SUFFIXES = {
    ".tex": DeriveFormat.LATEX,
    ".md": DeriveFormat.MARKDOWN,
    ".txt": DeriveFormat.TEXT,
    ".json": DeriveFormat.JSON,
}


def list_entries(
    style: Annotated[ListFormat, typer.Option("--format", help="How to list.")] = ListFormat.TABLE,
) -> None:
    """List what is proved.

    An entry is certified when its certificates are there, so that convmath prove can prove it again.
    """
    from ..catalog import entries

    rows = [_summary(item) for item in entries()]
    if style is ListFormat.JSON:
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from rich.text import Text

    from ..notebook import ruled
    from .tables import console, word

    listed = ruled("Id", "Title", "Status", "Rests on")
    for _, group in groupby(rows, key=lambda row: row["group"]):
        for row in group:
            listed.add_row(word(row["id"]), Text(row["title"]), word(row["status"]), word(", ".join(row["trust"])))
        listed.add_section()
    console().print(listed)


def _summary(item: Entry) -> dict[str, Any]:
    from ..calculus import store

    return {
        "id": item.id,
        "group": item.id.partition(".")[0],
        "title": item.title,
        "status": "certified" if store.file_of(item.id, store.committed()).is_file() else "not certified",
        "ndims": list(item.ndims),
        "helper": item.helper,
        "trust": list(item.trust),
    }


def show(
    identifier: Annotated[str, typer.Argument(metavar="ID", help="The entry, such as size.conv.")],
    ndim: Annotated[int | None, typer.Option("--ndim", help="Number of axes, where the entry has several.")] = None,
    style: Annotated[ShowFormat, typer.Option("--format", help="How to show it.")] = ShowFormat.TEXT,
) -> None:
    """Show what an entry says, what it supposes and what it rests on.

    \b
    Examples:
      convmath show size.conv
      convmath show grad.input --ndim 2 --format json
    """
    from ..catalog import entry

    facts = described(entry(identifier), ndim)
    if style is ShowFormat.JSON:
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{facts['id']}: {facts['title']}\n{facts['summary']}\n")
    labels = {
        "Statement": facts["statements"],
        "Assuming": facts["assumptions"],
        "Sources": facts["sources"],
        "Helper": [f"convmath.{facts['helper']}"] if facts["helper"] else [],
        "Axes": [", ".join(map(str, facts["ndims"]))] if facts["ndims"] else [],
        "Rests on": [", ".join(facts["trust"])],
    }
    for label, lines in labels.items():
        for position, line in enumerate(lines):
            typer.echo(f"{'' if position else label:<11}{line}")


def described(item: Entry, ndim: int | None) -> dict[str, Any]:
    """What an entry says, as plain data with the formulas in Unicode text.

    Raises:
        DomainError: the entry has no such number of axes.
        ProofError: it cannot be proved.
    """
    statements = [part.theorem for part in item.proof(ndim).statements]
    supposed = {hypothesis for theorem in statements for hypothesis in theorem.hypotheses}
    return {
        "id": item.id,
        "title": item.title,
        "summary": item.summary,
        "statements": [_sentence(theorem.conclusion) for theorem in statements],
        "assumptions": [_sentence(hypothesis) for hypothesis in sorted(supposed, key=lambda h: repr(h.json()))],
        "sources": list(item.sources),
        "helper": item.helper,
        "ndims": list(item.ndims),
        "trust": sorted(frozenset[str]().union(*(theorem.trust for theorem in item.proof(ndim).theorems))),
    }


def _sentence(statement: Statement) -> str:
    from ..latex.printer import text

    if not statement.variables:
        return text(statement)
    names, conditions = (", ".join(map(text, part)) for part in (statement.variables, statement.conditions))
    return f"{text(statement)} for all {names}" + (f" with {conditions}" if conditions else "")


def derive(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The entries.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every entry.")] = False,
    ndim: Annotated[int | None, typer.Option("--ndim", help="Number of axes, where an entry has several.")] = None,
    style: Annotated[
        DeriveFormat | None, typer.Option("--format", help="Default: what the suffix of the file says, otherwise text.")
    ] = None,
    language: Annotated[Language, typer.Option("--lang", help="The language.")] = Language.EN,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file (.tex, .md, .txt, .json).")
    ] = None,
) -> None:
    """Write derivations, step by step, each step with its reason.

    LaTeX is a complete document; with --all it is the book, which also has the counterexamples, the worked examples and
    the indexes. A Chinese document is for XeLaTeX. The folder of the file is made if need be.

    \b
    Examples:
      convmath derive size.conv
      convmath derive grad.input --ndim 2 --format markdown
      convmath derive --all -o build/convmath.tex
    """
    if every == bool(ids):
        raise typer.BadParameter("give the ids of entries, or --all for every entry", param_hint="ID")
    from .. import catalog
    from ..latex.document import render

    chosen = format_of(output, style, SUFFIXES, DeriveFormat.TEXT)
    if every and chosen is not DeriveFormat.JSON:
        from ..book import book

        write(book(ndim=ndim, style=chosen.value, language=language.value), output)
        return
    items = catalog.entries() if every else [catalog.entry(identifier) for identifier in dict.fromkeys(ids or ())]
    if ndim is not None and not every:
        for item in items:
            item.proof(ndim)
    chosen_items = items[0] if len(items) == 1 else items
    write(render(chosen_items, ndim=ndim, style=chosen.value, language=language.value), output)
