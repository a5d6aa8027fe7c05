"""The content of an entry's page, written in one dialect; templates give it its form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from .dialect import Dialect
from .lines import broken
from .printer import Piece


@dataclass(frozen=True)
class Sizes:
    """How wide lines are, in the dialect's unit: a whole line, and a formula that has its reason beside it."""

    line: float
    beside: float


@dataclass(frozen=True)
class Paragraph:
    """A sentence or more; a ``final`` one ends a train of thought, and need not stand beside what follows."""

    text: str
    kind: str = "paragraph"
    final: bool = False


@dataclass(frozen=True)
class Display:
    """A formula on lines of its own, with a number where the text refers to it."""

    lines: tuple[str, ...]
    tag: str = ""
    kind: str = "display"


@dataclass(frozen=True)
class Row:
    """A line of a calculation with the reason for it; ``wide`` if no reason fits beside it."""

    formula: str
    reason: str = ""
    wide: bool = False
    continued: bool = False


@dataclass(frozen=True)
class Rows:
    """A calculation or a list of definitions, one below the other."""

    rows: tuple[Row, ...]
    kind: str = "rows"


@dataclass(frozen=True)
class Listing:
    """Symbols with their meanings."""

    items: tuple[tuple[str, str], ...]
    kind: str = "listing"


@dataclass(frozen=True)
class Terms:
    """Signs with what they mean, each on a line of its own."""

    items: tuple[tuple[str, str], ...]
    kind: str = "terms"


@dataclass(frozen=True)
class Boxed:
    """A consequence worth a frame."""

    title: str
    lines: tuple[str, ...]
    kind: str = "boxed"


Block = Paragraph | Display | Rows | Listing | Terms | Boxed


@dataclass(frozen=True)
class Section:
    """A run of blocks under a short heading."""

    heading: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Page:
    """An entry's page."""

    id: str
    title: str
    plain_title: str
    summary: str
    sections: tuple[Section, ...]
    sources: tuple[tuple[str, str], ...] = field(default=())
    """Bibliography keys, each with the place in it."""


def display(pieces: Sequence[Piece], dialect: Dialect, sizes: Sizes, tag: str = "") -> Display:
    """A formula, on several lines where it is too wide for one."""
    room = sizes.line - (dialect.width(rf"\quad({tag})") if tag else 0)
    return Display(tuple(broken(pieces, dialect, room, room - dialect.width(r"\quad"))), tag)


def calculation(
    start: Sequence[Piece], steps: Iterable[tuple[Sequence[Piece], str]], relation: str, dialect: Dialect, sizes: Sizes
) -> Rows:
    """A chain of equal values: the start, then each step behind the relation sign with its reason."""
    sign = dialect.width(relation) + 0.5
    rows = [Row(line, wide=dialect.width(line) > sizes.beside, continued=i > 0)
            for i, line in enumerate(broken(start, dialect, sizes.line))]  # fmt: skip
    for pieces, reason in steps:
        rows += _step(pieces, reason, relation, sign, dialect, sizes)
    return Rows(tuple(rows))


def _step(
    pieces: Sequence[Piece], reason: str, relation: str, sign: float, dialect: Dialect, sizes: Sizes
) -> list[Row]:
    """The lines of a step; the reason stands beside the first, or below the last if the first cannot be that short."""
    lines = broken(pieces, dialect, sizes.beside - sign, sizes.line - sign)
    beside = dialect.width(lines[0]) + sign <= sizes.beside
    rows = [
        Row(f"{'' if number else relation}{line}", wide=dialect.width(line) + sign > sizes.beside, continued=number > 0)
        for number, line in enumerate(lines)
    ]
    if beside:
        return [replace(rows[0], reason=reason), *rows[1:]]
    return [*rows, Row("", reason)]
