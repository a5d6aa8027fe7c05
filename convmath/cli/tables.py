"""The tables that commands print."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.text import Text


def word(text: str, style: str = "") -> Text:
    """A cell that is not broken, and not read as markup."""
    return Text(text, style=style, no_wrap=True)


def console() -> Console:
    """Standard output; a file or a pipe takes lines of any width."""
    return Console(width=None if sys.stdout.isatty() else 200, highlight=False)
