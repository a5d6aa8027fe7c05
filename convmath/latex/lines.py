"""Breaks a formula into lines: as few as possible, at the cheapest places."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .dialect import Dialect
from .printer import Piece

_LINE, _TOO_WIDE = 10.0, 1000.0


def broken(pieces: Sequence[Piece], dialect: Dialect, room: float, later: float | None = None) -> list[str]:
    """The lines of a formula; the first has ``room``, the others have ``later``.

    Among equally good places the last is taken. A piece that is wider than a line stands on a line of its own.
    """
    later = room if later is None else later
    widths = [dialect.width(piece.text) for piece in pieces]
    links = [dialect.width(piece.link) for piece in pieces]
    heads = [0.0, *(dialect.width(_sign(piece, dialect)) for piece in pieces[1:])]
    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, len(pieces) + 1):
        choices = []
        for start in range(stop):
            wide = sum(widths[start:stop]) + sum(links[start + 1 : stop]) + heads[start]
            excess = max(0.0, wide - (later if start else room))
            cost = best[start][0] + (_LINE + pieces[start].cost if start else 0.0)
            choices.append((cost + (_TOO_WIDE + excess) * bool(excess), start))
        best.append(min(choices, key=lambda choice: (choice[0], -choice[1])))
    cuts = [len(pieces)]
    while cuts[-1]:
        cuts.append(best[cuts[-1]][1])
    cuts.reverse()
    lines = [_written(pieces[a:b], "" if a == 0 else _sign(pieces[a], dialect)) for a, b in pairwise(cuts)]
    return [part for number, line in enumerate(lines) for part in _fitting(line, dialect, later if number else room)]


def _fitting(line: str, dialect: Dialect, room: float) -> list[str]:
    return [line] if dialect.width(line) <= room else dialect.split(line, room)


def _sign(piece: Piece, dialect: Dialect) -> str:
    """What a line begins with before the piece: a relation or a sign, but no space that stood between factors."""
    link = piece.link.strip()
    return "" if link == dialect.product.strip() else piece.link.lstrip()


def _written(pieces: Sequence[Piece], head: str) -> str:
    return head + "".join((piece.link if number else "") + piece.text for number, piece in enumerate(pieces))
