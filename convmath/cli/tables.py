"""The tables that commands print."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console, RenderableType
from rich.text import Text

from ..notebook import printed
from .documents import write


def word(text: str, style: str = "") -> Text:
    """A cell that is not broken, and not read as markup."""
    return Text(text, style=style, no_wrap=True)


LEAST = 60
"""Columns for which tables are laid out at least; a terminal that has fewer breaks their lines."""


def console() -> Console:
    """Standard output; a file or a pipe takes lines of any width.

    Raises:
        OSError: there is none.
    """
    if sys.stdout is None:
        raise OSError("standard output is closed")
    width = max(LEAST, Console().width) if sys.stdout.isatty() else 200
    return Console(width=width, highlight=False)


def show(found: RenderableType, output: Path | None) -> None:
    """Print a table, or write it to a file."""
    if output is None:
        console().print(found)
    else:
        write(printed(found) + "\n", output)
