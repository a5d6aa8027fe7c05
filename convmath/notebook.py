"""How values show themselves in notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape


def html_table(head: Iterable[object], rows: Iterable[Iterable[object]], caption: str = "") -> str:
    """A table in HTML; everything in it is text.

    >>> html_table(["size"], [["<3"]])
    '<table><thead><tr><th>size</th></tr></thead><tbody><tr><td>&lt;3</td></tr></tbody></table>'
    """
    words = f"<caption>{escape(caption)}</caption>" if caption else ""
    body = "".join(_row(row, "td") for row in rows)
    return f"<table>{words}<thead>{_row(head, 'th')}</thead><tbody>{body}</tbody></table>"


def _row(cells: Iterable[object], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(str(cell))}</{tag}>' for cell in cells)}</tr>"
