"""Mathematics in a line of Unicode text."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from ..phrases import phrase
from .dialect import GREEK, Dialect, name_parts


class Text(Dialect):
    """One line of Unicode."""

    relations = {"<=": "≤", "<": "<", "==": "=", "!=": "≠", ">=": "≥", ">": ">", "~": "≈"}  # noqa: RUF012
    minus = "-"
    product = "·"
    times = "·"
    tight = "·"
    gap = " "
    stacked = False
    infinity = "∞"

    def connective(self, sign: str) -> str:
        """An arrow, or a word."""
        return {"=>": "⟹", "<=>": "⟺"}.get(sign) or phrase(sign)

    def encloses(self, formula: str) -> bool:
        """A bracket."""
        return formula.startswith("(")

    def beside(self, before: str, after: str) -> str:
        """A space."""
        return " "

    def name(self, name: str) -> str:
        """As it is, Greek letters as such."""
        letter, subscripts = name_parts(name)
        return self._letter(letter) + ("_" * (name != letter and "_" in name) + "_".join(subscripts))

    @staticmethod
    def _letter(letter: str) -> str:
        if letter not in GREEK:
            return letter
        first = "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩ"
        names = (
            "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon"
        )
        capital = first[[*names.split(), "phi", "chi", "psi", "omega"].index(letter.lower())]
        return capital if letter[0].isupper() else capital.lower()

    def indexed(self, base: str, indices: Sequence[str]) -> str:
        """With square brackets."""
        return f"{self.name(base)}[{', '.join(indices)}]"

    def fraction(self, numerator: str, denominator: str) -> str:
        """With a slash."""
        return f"{numerator}/{denominator}"

    def floor(self, numerator: str, denominator: str | None) -> str:
        """Floor brackets."""
        return f"⌊{self._quotient(numerator, denominator)}⌋"

    def ceil(self, numerator: str, denominator: str | None) -> str:
        """Ceiling brackets."""
        return f"⌈{self._quotient(numerator, denominator)}⌉"

    def function(self, name: str, arguments: Sequence[str]) -> str:
        """As in a program."""
        return f"{name}({', '.join(arguments)})"

    def mod(self, a: str, b: str) -> str:
        """The binary mod."""
        return f"{a} mod {b}"

    def power(self, base: str, exponent: str) -> str:
        """With a caret."""
        return f"{base}^{exponent}"

    def parentheses(self, inner: str) -> str:
        """Round brackets."""
        return f"({inner})"

    def sum(self, index: str, first: str | None, last: str | None) -> str:
        """The sign with its limits in round brackets."""
        if first is not None and last is not None:
            return f"∑({index}={first}..{last})"
        if first is not None:
            return f"∑({index}≥{first})"
        return f"∑({index}≤{last})" if last is not None else f"∑({index})"

    def sums(self, ranges: Sequence[str]) -> list[str]:
        """All ranges behind one sign."""
        first, *rest = [part.replace(" ", "") for part in ranges]
        return [
            f"∑({first}{',' if rest else ')'}",
            *(f"{part}," for part in rest[:-1]),
            *(f"{part})" for part in rest[-1:]),
        ]

    def root(self, inner: str) -> str:
        """The sign before brackets."""
        return f"√{inner}" if inner.isalnum() else f"√({inner})"

    def exponential(self, exponent: str) -> str:
        """As in a program."""
        return f"exp({exponent})"

    def integral(self, variable: str, low: str, high: str) -> str:
        """The sign with its variable and limits in round brackets."""
        return f"∫({variable}={low}..{high})"

    def differential(self, variable: str) -> str:
        """Nothing: the variable stands at the sign."""
        return ""

    def derivative(self, of: str, at: str) -> str:
        """With a slash."""
        return f"∂{of}/∂{at}"

    def grouped(self, pieces: Sequence[str]) -> list[str]:
        """Round brackets."""
        return [f"({pieces[0]}", *pieces[1:-1], f"{pieces[-1]})"] if len(pieces) > 1 else [f"({pieces[0]})"]

    def array(self, rows: Sequence[Sequence[str]]) -> str:
        """Tuples."""
        written = [f"({', '.join(row)})" for row in rows]
        return written[0] if len(rows) == 1 else f"({', '.join(written)})"

    def marked(self, formula: str, mark: str) -> str:
        """The remark behind it."""
        return f"{formula}{{{mark}}}"

    def words(self, text: str) -> str:
        """As they are."""
        return text

    def inline(self, formula: str) -> str:
        """As it is."""
        return formula

    def prose(self, text: str) -> str:
        """As it is."""
        return text

    def code(self, text: str) -> str:
        """As it is."""
        return text

    def entry(self, identifier: str) -> str:
        """As it is."""
        return identifier

    def split(self, line: str, room: float) -> list[str]:
        """Broken at spaces."""
        return textwrap.wrap(line, int(room), break_long_words=False, break_on_hyphens=False)

    def width(self, formula: str) -> float:
        """Characters."""
        return len(formula)


TEXT = Text()
