"""How values show themselves: in a line at a prompt, as text on paper, as tables in notebooks."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

PAPER = 100
"""Columns of a text that is not for a terminal."""

FEW = 8
"""Items that a line lists; of more, the first of them and how many there are besides."""


def plain(text: str) -> str:
    r"""Text in which nothing acts on a terminal or breaks a file: characters without a picture are written out.

    >>> print(plain("conv\x1b[2J\n"))
    conv\x1b[2J\n
    """
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def brief(value: object, *words: str) -> str:
    """The line that a prompt shows of a value: its class, and in words what there is to know of it.

    >>> brief(3, "odd", "")
    'int(odd)'
    """
    return plain(f"{type(value).__name__}({', '.join(filter(None, words))})")


def listed(items: Collection[object], most: int = FEW) -> str:
    """Items one after the other, in a line.

    >>> listed(range(3)), listed(range(1000), 2)
    ('0, 1, 2', '0, 1, ... 998 more')
    """
    more = len(items) - most
    first = ", ".join(map(str, islice(items, most)))
    return first if more <= 0 else f"{first}, ... {more} more"


def bracketed(values: Iterable[object]) -> str:
    """Values as Python writes a tuple of numbers; fractions are written with a slash.

    >>> from fractions import Fraction
    >>> bracketed([3, Fraction(1, 2)]), bracketed([3])
    ('(3, 1/2)', '(3,)')
    """
    first, *others = map(str, values)
    return f"({first}, {', '.join(others)})" if others else f"({first},)"


def counted(number: int, what: str) -> str:
    """A number of things in words.

    >>> counted(1, "node"), counted(10_000, "node")
    ('1 node', '10,000 nodes')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def ruled(*columns: str) -> Table:
    """An empty table for a terminal, with a line below its head and none elsewhere."""
    from rich import box
    from rich.table import Table

    return Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False, show_edge=False)


def printed(what: RenderableType, width: int = PAPER) -> str:
    """What rich prints, as text without colours for a file or a string.

    >>> printed("[bold]a[/bold]")
    'a'
    """
    from rich.console import Console

    paper = Console(
        file=io.StringIO(), width=width, color_system=None, force_terminal=False, force_jupyter=False, highlight=False
    )
    with paper.capture() as captured:
        paper.print(what)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def html_table(head: Iterable[object], rows: Iterable[Iterable[object]], caption: str = "") -> str:
    """A table in HTML; everything in it is text.

    >>> html_table(["size"], [["<3"]])
    '<table><thead><tr><th>size</th></tr></thead><tbody><tr><td>&lt;3</td></tr></tbody></table>'
    """
    words = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "".join(_row(row, "td") for row in rows)
    return f"<table>{words}<thead>{_row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def html_text(text: str) -> str:
    """Lines of text in HTML, as they are.

    >>> html_text("a < b")
    '<pre>a &lt; b</pre>'
    """
    return f"<pre>{escape(text)}</pre>"


def _row(cells: Iterable[object], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
