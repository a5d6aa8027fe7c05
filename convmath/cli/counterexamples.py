"""``convmath counterexamples``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .documents import SUFFIXES, DocumentFormat, Language, format_of, write


def counterexamples(
    ids: Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="The counterexamples.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every counterexample.")] = False,
    style: Annotated[
        DocumentFormat | None,
        typer.Option("--format", help="Default: what the suffix of the file says, otherwise text."),
    ] = None,
    language: Annotated[Language, typer.Option("--lang", help="The language.")] = Language.EN,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file (.tex, .md, .txt).")
    ] = None,
) -> None:
    """List plausible claims that are false, or show where some of them fail and what is true instead.

    \b
    Examples:
      convmath counterexamples
      convmath counterexamples transpose.inverts
    """
    from ..counterexamples import all_counterexamples, find_counterexample

    if not ids and not every:
        _list()
        return
    from ..latex.document import FORMS, render_pages
    from ..latex.refutation import refutation
    from ..phrases import speaking

    items = all_counterexamples() if every else tuple(map(find_counterexample, dict.fromkeys(ids or ())))
    chosen = format_of(output, style, SUFFIXES, DocumentFormat.TEXT).value
    form = FORMS[chosen]
    with speaking(language.value):
        pages = [refutation(item, form.dialect, form.sizes) for item in items]
        subjects = {item.id: item.subject for item in items}
        write(render_pages(pages, style=chosen, alone=len(pages) == 1, subjects=subjects), output)


def _list() -> None:
    from rich.text import Text

    from ..counterexamples import all_counterexamples
    from ..notebook import ruled
    from .tables import console, word

    listed = ruled("Id", "False claim", "Fails at")
    for item in all_counterexamples():
        numbers = ", ".join(f"{name} = {number}" for name, number in sorted(item.witness.variables.items()))
        listed.add_row(word(item.id), Text(item.title), Text(numbers or "always"))
    console().print(listed)
