"""Mathematics in LaTeX, on a page and inside Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..phrases import phrase
from .dialect import GREEK, Dialect, name_parts
from .widths import width

_SPECIAL = {character: f"\\{character}" for character in "{}$&#%_"} | {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
}


def escape(text: str) -> str:
    """Plain text in LaTeX.

    >>> escape("50% of x_1")
    '50\\\\% of x\\\\_1'
    """
    return "".join(_SPECIAL.get(character, character) for character in text)


def _operator(name: str) -> str:
    return rf"\{name}" if name in ("min", "max") else rf"\mathrm{{{name}}}"


class Latex(Dialect):
    """LaTeX with amsmath."""

    relations = {"<=": r"\le", "<": "<", "==": "=", "!=": r"\ne", ">=": r"\ge", ">": ">", "~": r"\approx"}  # noqa: RUF012
    minus = "-"
    product = r"\,"
    times = r" \cdot "
    tight = ""
    gap = r"\quad "
    stacked = True
    infinity = r"\infty"

    @property
    def flat(self) -> Dialect:
        """Quotients with a slash, brackets that do not grow."""
        return FLAT_LATEX

    def connective(self, sign: str) -> str:
        """An arrow, or a word with the space of a relation."""
        arrows = {"=>": r"\implies", "<=>": r"\iff", "not": r"\neg"}
        return arrows[sign] if sign in arrows else rf"\mathrel{{\text{{{phrase(sign)}}}}}"

    def encloses(self, formula: str) -> bool:
        """A bracket; TeX itself sets the space before a growing one."""
        return formula.startswith(("(", r"\left"))

    def beside(self, before: str, after: str) -> str:
        """A thin space where TeX sets none: it does after a sum sign, and before a growing bracket."""
        if after.startswith((r"\left", r"\frac")):
            return ""
        return "" if before.startswith((r"\sum", r"\int")) and not after.startswith(("[", "(")) else self.product

    def name(self, name: str) -> str:
        """A symbol: ``p_l`` gets a subscript, a word stands upright."""
        letter, subscripts = name_parts(name)
        written = self._letter(letter)
        if not subscripts:
            return written
        below = ",".join(part if len(part) == 1 or part.isdigit() else rf"\mathrm{{{part}}}" for part in subscripts)
        return f"{written}_{below}" if len(below) == 1 else f"{written}_{{{below}}}"

    def _letter(self, letter: str) -> str:
        if letter in GREEK:
            return f"\\{letter}"
        return letter if len(letter) == 1 else rf"\mathit{{{letter}}}"

    def indexed(self, base: str, indices: Sequence[str]) -> str:
        """An entry, with its indices below."""
        letter, subscripts = name_parts(base)
        written = self._letter(letter) + (f"^{{({','.join(subscripts)})}}" if subscripts else "")
        below = ", ".join(indices)
        return f"{written}_{below}" if len(below) == 1 else f"{written}_{{{below}}}"

    def fraction(self, numerator: str, denominator: str) -> str:
        """A built-up fraction."""
        return rf"\frac{{{numerator}}}{{{denominator}}}"

    def floor(self, numerator: str, denominator: str | None) -> str:
        """Floor brackets round a fraction."""
        return rf"\left\lfloor {self._quotient(numerator, denominator)} \right\rfloor"

    def ceil(self, numerator: str, denominator: str | None) -> str:
        """Ceiling brackets round a fraction."""
        return rf"\left\lceil {self._quotient(numerator, denominator)} \right\rceil"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        """An operator name with its arguments."""
        return rf"{_operator(name)}\left({', '.join(arguments)}\right)"

    def mod(self, a: str, b: str) -> str:
        """The binary mod."""
        return rf"{a} \bmod {b}"

    def power(self, base: str, exponent: str) -> str:
        """A superscript."""
        return f"{base}^{{{exponent}}}"

    def parentheses(self, inner: str) -> str:
        """Round brackets as high as what they hold, if that is higher than a line."""
        tall = any(command in inner for command in (r"\frac", r"\left", r"\sum"))
        return rf"\left({inner}\right)" if tall else f"({inner})"

    def sum(self, index: str, first: str | None, last: str | None) -> str:
        """A sum sign; an index with one limit is compared with it below the sign."""
        if first is not None and last is not None:
            return rf"\sum_{{{index}={first}}}^{{{last}}}"
        if first is not None:
            return rf"\sum_{{{index} \ge {first}}}"
        return rf"\sum_{{{index} \le {last}}}" if last is not None else rf"\sum_{{{index}}}"

    def sums(self, ranges: Sequence[str]) -> list[str]:
        """The ranges stacked below the sign, several a line when there are many."""
        columns = 2 if len(ranges) <= 4 else 3
        rows = [r",\ ".join(ranges[start : start + columns]) for start in range(0, len(ranges), columns)]
        stack = r" \\ ".join(rows)
        return [rf"\sum_{{\substack{{{stack}}}}}"]

    def root(self, inner: str) -> str:
        """The sign over what it holds."""
        return rf"\sqrt{{{inner}}}"

    def exponential(self, exponent: str) -> str:
        """A superscript of e."""
        return f"e^{{{exponent}}}"

    def integral(self, variable: str, low: str, high: str) -> str:
        """The limits at the sign."""
        return rf"\int_{{{low}}}^{{{high}}}"

    def differential(self, variable: str) -> str:
        """A thin space and d with the variable."""
        return rf"{self.product}d{variable}"

    def derivative(self, of: str, at: str) -> str:
        """Curly d's as a fraction."""
        return rf"\frac{{\partial {of}}}{{\partial {at}}}" if of else rf"\frac{{\partial}}{{\partial {at}}}"

    def grouped(self, pieces: Sequence[str]) -> list[str]:
        """Large round brackets of a fixed height, so that a line may break between them."""
        return (
            [rf"\biggl({pieces[0]}", *pieces[1:-1], rf"{pieces[-1]}\biggr)"]
            if len(pieces) > 1
            else [rf"\biggl({pieces[0]}\biggr)"]
        )

    def array(self, rows: Sequence[Sequence[str]]) -> str:
        """A matrix; a single row is a tuple."""
        if len(rows) == 1:
            return f"({', '.join(rows[0])})"
        lines = " \\\\ ".join(" & ".join(row) for row in rows)
        return rf"\begin{{pmatrix}} {lines} \end{{pmatrix}}"

    def marked(self, formula: str, mark: str) -> str:
        """The remark below a brace."""
        return rf"\underbrace{{{formula}}}_{{{mark}}}"

    def words(self, text: str) -> str:
        """Upright text."""
        return rf"\text{{{escape(text)}}}"

    def inline(self, formula: str) -> str:
        """Between dollars."""
        return f"${formula}$"

    def prose(self, text: str) -> str:
        """Special characters escaped."""
        return escape(text)

    def code(self, text: str) -> str:
        """Typewriter."""
        return rf"\texttt{{{escape(text)}}}"

    def entry(self, identifier: str) -> str:
        """A command, which leads to the entry in the complete document."""
        return rf"\entry{{{identifier}}}"

    def width(self, formula: str) -> float:
        """In em, from the shapes of the commands."""
        return width(formula)


class _Flat(Latex):
    stacked = False

    @property
    def flat(self) -> Dialect:
        return self

    def fraction(self, numerator: str, denominator: str) -> str:
        return f"{numerator}/{denominator}"

    def floor(self, numerator: str, denominator: str | None) -> str:
        return rf"\lfloor {self._quotient(numerator, denominator)} \rfloor"

    def ceil(self, numerator: str, denominator: str | None) -> str:
        return rf"\lceil {self._quotient(numerator, denominator)} \rceil"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        return rf"{_operator(name)}({', '.join(arguments)})"

    def encloses(self, formula: str) -> bool:
        return formula.startswith(("(", r"\lfloor", r"\lceil"))


class Markdown(Latex):
    """LaTeX for GitHub and Jupyter: nothing that Markdown takes for its own."""

    product = r"\thinspace "

    @property
    def flat(self) -> Dialect:
        """The same with slashes."""
        return FLAT_MARKDOWN

    def words(self, text: str) -> str:
        """Upright text, in which Markdown would eat the backslash of an escaped underscore."""
        return rf"\text{{{text.replace('_', ' ')}}}"

    def prose(self, text: str) -> str:
        """Characters that mean something in Markdown escaped."""
        return re.sub(r"([\\`*_\[\]<>$|])", r"\\\1", text)

    def code(self, text: str) -> str:
        """Between backticks."""
        return f"`{text}`"

    def entry(self, identifier: str) -> str:
        """Between backticks."""
        return self.code(identifier)


class _FlatMarkdown(_Flat, Markdown):
    product = Markdown.product

    @property
    def flat(self) -> Dialect:
        return self


LATEX, MARKDOWN = Latex(), Markdown()
FLAT_LATEX, FLAT_MARKDOWN = _Flat(), _FlatMarkdown()
