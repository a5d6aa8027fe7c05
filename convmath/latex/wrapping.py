"""Paragraphs of plain text in 80 columns; a Chinese character takes two, and a line may end after most of them."""

from __future__ import annotations

import re
from unicodedata import east_asian_width

WIDTH = 80
# What a line is filled with: a run without spaces, in which each wide character stands alone with the punctuation that
# may not begin a line, and behind that which may not end one.
_WIDE = r"[\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uffee\u3000-\u303f]"
_CLOSING = r"[\uff0c\u3002\u3001\uff1b\uff1a\uff1f\uff01\uff09\u300b\u300d\u300f\u201d\u2026]"
_OPENING = r"[\uff08\u300a\u300c\u300e\u201c]"
_PART = re.compile(rf"\s+|{_OPENING}*{_WIDE}{_CLOSING}*|{_OPENING}*(?:(?!{_WIDE})\S)+{_CLOSING}*")


def columns(text: str) -> int:
    """How many columns a terminal needs for a line.

    >>> columns("k = 卷积核")
    10
    """
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def wrapped(words: str, indent: int = 0, mark: str = "") -> str:
    """A paragraph, with a mark before every line.

    >>> wrapped("a kernel", 2, "| ")
    '  | a kernel'
    """
    pad = " " * indent + mark
    lines = [""]
    for part in _PART.findall(words):
        if part.isspace():
            lines[-1] += " " * bool(lines[-1])
        elif columns(pad + lines[-1] + part) <= WIDTH or not lines[-1]:
            lines[-1] += part
        else:
            lines.append(part)
    return "\n".join((pad + line).rstrip() for line in lines)
