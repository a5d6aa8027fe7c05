"""Matrices, sums and pictures of windows in LaTeX, Markdown or text, no wider than a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from ..latex.dialect import Dialect
from ..latex.page import Block, Display, Paragraph, Sizes
from ..latex.printer import BREAK_TERM, Piece, Printer
from ..latex.wrapping import columns
from ..oracle.options import Index
from ..oracle.reference.arrays import ObjectArray
from ..phrases import say
from .numbers import Number

_LINES_TOGETHER = 12
"""Lines of a sum between which no page may end."""
_ROWS_TOGETHER = 32
"""Rows of a matrix on a page."""
_SLASHED_DIGITS = range(4, 11)
"""Digits of a fraction in a sum that has a slash: a built-up one is easier to read with fewer, narrower with more."""
_GAP, _BRACKETS, _MINUS = 0.92, 1.1, 0.78
"""In em: the space round a column of a LaTeX array, both of its brackets, and a sign."""


@dataclass(frozen=True)
class Part:
    """A piece of a displayed line: LaTeX on one line, or a block of text."""

    lines: tuple[str, ...]
    width: float


class Writer:
    """Writes what a worked example shows, in one dialect.

    >>> from convmath.latex.unicode import TEXT
    >>> write = Writer(TEXT, Sizes(line=74, beside=74))
    >>> print(*write.line([write.part("X ="), write.matrix([[1, -2], [30, 4]])]).lines, sep="\\n")
    X = ⎡  1  -2 ⎤
        ⎣ 30   4 ⎦
    """

    def __init__(self, dialect: Dialect, sizes: Sizes) -> None:
        """See the class."""
        self.dialect, self.sizes = dialect, sizes

    # Numbers and names

    def number(self, value: Number, *, flat: bool = False) -> str:
        """A number; ``flat`` writes a fraction with a slash, as those of middle length have one."""
        sign, size = self.dialect.minus if value < 0 else "", abs(Fraction(value))
        above, below = str(size.numerator), str(size.denominator)
        if size.denominator == 1:
            return f"{sign}{above}"
        dialect = self.dialect.flat if flat or max(len(above), len(below)) in _SLASHED_DIGITS else self.dialect
        return sign + dialect.fraction(above, below)

    def factor(self, value: Number) -> str:
        """A number in a product, in brackets where it is negative or has a slash."""
        written = self.number(value)
        return self.dialect.parentheses(written) if value < 0 or "/" in written else written

    def entry(self, name: str, index: Iterable[int]) -> str:
        """An element of an array, or a matrix of it; without indices the name."""
        places = [str(i) for i in index]
        return self.dialect.indexed(name, places) if places else self.dialect.name(name)

    def inline(self, formula: str) -> str:
        """A formula in a sentence."""
        return self.dialect.inline(formula)

    def equal(self, name: str, value: int) -> str:
        """ "s = 2" in a sentence."""
        return self.inline(f"{self.dialect.name(name)} {self.dialect.relations['==']} {value}")

    # Parts of a line

    def part(self, formula: str) -> Part:
        """A formula."""
        return Part((formula,), self.dialect.width(formula))

    def matrix(self, rows: Any) -> Part:
        """A matrix in brackets, its columns flush right."""
        cells = [[self.number(value, flat=True) for value in row] for row in rows]
        widths = [max(map(self._cell_width, column)) for column in zip(*cells, strict=True)]
        if not self.dialect.stacked:
            return _bracketed([[cell.rjust(int(w)) for cell, w in zip(row, widths, strict=True)] for row in cells])
        body = r" \\ ".join(" & ".join(row) for row in cells)
        written = rf"\left(\begin{{array}}{{{'r' * len(widths)}}} {body} \end{{array}}\right)"
        return Part((written,), sum(widths) + _GAP * len(widths) + _BRACKETS)

    def _cell_width(self, cell: str) -> float:
        """The width of a number that stands alone, whose sign has no space behind it."""
        if self.dialect.stacked and cell.startswith(self.dialect.minus):
            return _MINUS + self.dialect.width(cell.removeprefix(self.dialect.minus))
        return self.dialect.width(cell)

    def line(self, parts: Sequence[Part]) -> Part:
        """Parts beside each other."""
        total = sum(part.width for part in parts)
        if self.dialect.stacked:
            spaced = len(parts) * self.dialect.width(r"\ ")
            return Part((" ".join(part.lines[0] for part in parts),), total + spaced)
        height = max(len(part.lines) for part in parts)
        centred = [_centred(part, height) for part in parts]
        rows = tuple(" ".join(row).rstrip() for row in zip(*centred, strict=True))
        return Part(rows, total + len(parts) - 1)

    def symbol(self, latex: str, text: str) -> Part:
        """A sign between matrices."""
        return self.part(latex if self.dialect.stacked else text)

    # Blocks

    def display(self, parts: Sequence[Part]) -> Display:
        """Parts beside each other on a line of their own."""
        return Display(("\n".join(self.line(parts).lines),))

    def fits(self, parts: Sequence[Part]) -> bool:
        """Whether parts have room beside each other."""
        return self.line(parts).width <= self.sizes.line

    def flow(self, groups: Iterable[Sequence[Part]]) -> Iterator[Block]:
        """Groups of parts, as many on a line as have room."""
        gap = self.symbol(r"\quad", "  ")
        waiting: list[Part] = []
        for group in groups:
            longer = [*waiting, gap, *group] if waiting else list(group)
            if waiting and not self.fits(longer):
                yield self.display(waiting)
                longer = list(group)
            waiting = longer
        if waiting:
            yield self.display(waiting)

    def arrays(self, named: Iterable[tuple[str, ObjectArray]]) -> Iterator[Block]:
        """Matrices with their names; one that is too large for a line or a page comes in blocks."""
        small: list[Sequence[Part]] = []
        for name, values in named:
            whole = [self.part(f"{name} ="), self.matrix(values)]
            if self.fits(whole) and (len(values) <= _ROWS_TOGETHER or not self.dialect.stacked):
                small.append(whole)
                continue
            yield from self.flow(small)
            small = []
            yield from self._in_blocks(name, values)
        yield from self.flow(small)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[Block]:
        """Rows of numbers under words, so many rows together as a page holds."""
        for start in range(0, len(rows), _ROWS_TOGETHER):
            part = rows[start : start + _ROWS_TOGETHER]
            if self.dialect.stacked:
                words = " & ".join(self.dialect.words(word) for word in head)
                body = r" \\ ".join(" & ".join(row) for row in part)
                yield Display((rf"\begin{{array}}{{{'r' * len(head)}}} {words} \\ \hline {body} \end{{array}}",))
                continue
            widths = [max(map(columns, column)) for column in zip(head, *part, strict=True)]
            lines = [
                [" " * (w - columns(cell)) + cell for cell, w in zip(row, widths, strict=True)] for row in (head, *part)
            ]
            yield Display(("\n".join("  ".join(line) for line in lines),))

    def _in_blocks(self, name: str, values: ObjectArray) -> Iterator[Block]:
        heights = range(0, len(values), _ROWS_TOGETHER) if self.dialect.stacked else range(1)
        tops = [*heights, len(values)]
        for left, right in pairwise(self._column_cuts(values)):
            for top, bottom in pairwise(tops):
                yield Paragraph(
                    say(
                        "{name}, rows {rows}, columns {columns}:",
                        name=self.inline(name),
                        rows=self.span(range(top, bottom)),
                        columns=self.span(range(left, right)),
                    )
                )
                yield self.display([self.matrix(values[top:bottom, left:right])])

    def _column_cuts(self, values: ObjectArray) -> list[int]:
        """Where a matrix is cut so that each block is as wide as a line allows."""
        cuts = [0]
        for stop in range(1, values.shape[1] + 1):
            if stop - cuts[-1] > 1 and not self.fits([self.matrix(values[:, cuts[-1] : stop])]):
                cuts.append(stop - 1)
        return [*cuts, values.shape[1]]

    def span(self, places: Sequence[int]) -> str:
        """Places along an axis: "0 to 2", "0, 2, 4" or "3"."""
        first, last = places[0], places[-1]
        if len(places) > 2 and last - first == len(places) - 1:
            return say("{first} to {last}", first=first, last=last)
        return ", ".join(map(str, places))

    def where(self, places: Sequence[Sequence[int]]) -> str:
        """The places of a window: its rows and columns, or its positions on one axis."""
        if len(places) == 1:
            one = len(places[0]) == 1
            return say("position {place}" if one else "positions {place}", place=self.span(places[0]))
        rows, columns = places
        return ", ".join(
            (
                say("row {place}" if len(rows) == 1 else "rows {place}", place=self.span(rows)),
                say("column {place}" if len(columns) == 1 else "columns {place}", place=self.span(columns)),
            )
        )

    def size(self, size: Index) -> str:
        """ "4 x 4" in a sentence."""
        return self.inline((r" \times " if self.dialect.stacked else " x ").join(map(str, size)))

    # Sums

    def sum(
        self, left: str, factors: Sequence[tuple[Number, Number]], value: Number, *, more: Sequence[Number] = ()
    ) -> Iterator[Block]:
        """A sum of products and of ``more`` numbers, its terms, and what they come to."""
        written = [piece for a, b in factors for piece in self._product(a, b)]
        written += [Piece(self.factor(number), BREAK_TERM, " + ") for number in more]
        terms = [*(a * b for a, b in factors), *more]
        yield from self.chain(left, [written, self.terms(terms), self.terms([value])])

    def _product(self, a: Number, b: Number) -> list[Piece]:
        """A product with a plus before it, in two parts if it is wider than a line."""
        first, second, times = self.factor(a), self.factor(b), self.dialect.times
        whole = f"{first}{times}{second}"
        if self.dialect.width(whole) < self._room - self.dialect.width(" + "):
            return [Piece(whole, BREAK_TERM, " + ")]
        return [Piece(first, BREAK_TERM, " + "), Piece(second, BREAK_TERM, times)]

    def terms(self, values: Sequence[Number]) -> list[Piece]:
        """A sum of numbers, a negative one subtracted."""
        pieces = []
        for place, value in enumerate(values):
            sign = f" {self.dialect.minus if value < 0 else '+'} " if place else ""
            pieces.append(Piece(self.number(-value if place and value < 0 else value), BREAK_TERM, sign))
        return pieces

    def chain(self, left: str, sides: Sequence[Sequence[Piece]]) -> Iterator[Block]:
        """Equal sides, one after the other; a side that repeats the one before is left out."""
        equal = f" {self.dialect.relations['==']} "
        bare = [[replace(side[0], link=""), *side[1:]] for side in sides if side]
        shown = [side for place, side in enumerate(bare) if not place or side != bare[place - 1]]
        lines = [left] if left else []
        for place, (first, *rest) in enumerate(shown):
            side = [replace(first, link=equal if lines else ""), *rest]
            if place and self.dialect.width(lines[-1] + _written(side)) > self._room:
                lines.append("")
            self._fill(lines, side)
        for start in range(0, len(lines), _LINES_TOGETHER):
            yield Display(tuple(lines[start : start + _LINES_TOGETHER]))

    def _fill(self, lines: list[str], side: Sequence[Piece]) -> None:
        """Write a side behind the last line, and go to a new one whenever that is full."""
        lines[:] = lines or [""]
        used = self.dialect.width(lines[-1])
        for piece in side:
            width = self.dialect.width(piece.link + piece.text)
            if lines[-1] and used + width > self._room:
                lines.append("")
            link = piece.link if lines[-1] else piece.link.lstrip()
            used = used + width if lines[-1] else width
            lines[-1] += link + piece.text

    @property
    def _room(self) -> float:
        """How wide a line may be behind an indentation."""
        return self.sizes.line - self.dialect.width(r"\quad")

    def formula(self, term: Any, numbers: dict[Any, int]) -> list[list[Piece]]:
        """An integer term in letters, and with numbers in their place."""
        return [Printer(self.dialect).sum_pieces(term), Printer(self.dialect, numbers.get).sum_pieces(term)]


def _written(side: Sequence[Piece]) -> str:
    return "".join(piece.link + piece.text for piece in side)


def as_rows(values: ObjectArray) -> ObjectArray:
    """A matrix as it is, and a sequence as its only row.

    >>> as_rows(np.array([1, 2])).shape
    (1, 2)
    """
    return np.atleast_2d(values)


def _bracketed(cells: Sequence[Sequence[str]]) -> Part:
    middle = len(cells) - 2
    left, right = ("[", "]") if len(cells) == 1 else (f"⎡{'⎢' * middle}⎣", f"⎤{'⎥' * middle}⎦")
    lines = tuple(f"{a} {'  '.join(row)} {b}" for a, row, b in zip(left, cells, right, strict=True))
    return Part(lines, len(lines[0]))


def _centred(part: Part, height: int) -> list[str]:
    """The lines of a part, as many as the highest part beside it has."""
    above = (height - len(part.lines)) // 2
    blank = " " * int(part.width)
    filled = [line.ljust(int(part.width)) for line in part.lines]
    return [*[blank] * above, *filled, *[blank] * (height - above - len(filled))]
