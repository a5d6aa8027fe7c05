"""Sentences with formulas in them: the words of a proof name symbols and small terms, which the page sets as such.

A stretch of text is a formula when it is built from known symbols, numbers, ``+ - * / ^``, comparisons, brackets,
indices and ``floor ceil min max``, and names a symbol; the article "a" alone is a word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from string import ascii_lowercase

from ..phrases import spoken
from .dialect import Dialect

# ASCII letters alone: a Chinese character beside a formula is no part of a name.
_TOKEN = re.compile(r"\s*(?:(?P<number>\d+)|(?P<name>[A-Za-z]\w*)|(?P<sign><=|>=|!=|[-+*/=<>()\[\],^]))", re.ASCII)
_START = re.compile(r"(?<![\w'.-])(?=[\w(-])", re.ASCII)
_WORD = re.compile(r"\w+|.", re.ASCII | re.DOTALL)
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)
_PRIME = re.compile(r"'(?![A-Za-z])")
_CODE = re.compile(r"\b[A-Za-z]+(?:_[A-Za-z]+)+\b", re.ASCII)
_ENGLISH_WORDS = ("a", "A", "I")
_RELATIONS = {"=": "==", "<": "<", "<=": "<=", ">=": ">=", ">": ">", "!=": "!="}
_ROUND = ("floor", "ceil")
_FUNCTIONS = (*_ROUND, "min", "max")


def sentence(text: str, dialect: Dialect, known: Collection[str]) -> str:
    """The text with its formulas and identifiers set as such.

    >>> from .tex import LATEX
    >>> sentence("a kernel of d*(k - 1) + 1 elements at s = 1", LATEX, {"d", "k", "s", "a"})
    'a kernel of $d(k - 1) + 1$ elements at $s = 1$'
    """
    words = _ENGLISH_WORDS if spoken() == "en" else ()
    written, position, plain = [], 0, 0
    while match := _START.search(text, position):
        start = match.start()
        parser = _Parser(text, start, dialect, known)
        formula = parser.formula()
        if formula and parser.symbols and text[start : parser.end] not in words:
            written += [_plain(text[plain:start], dialect), dialect.inline(formula)]
            position = plain = parser.end
        else:
            word = _WORD.match(text, start)
            position = word.end() if word else start + 1
    written.append(_plain(text[plain:], dialect))
    return "".join(written)


def _plain(text: str, dialect: Dialect) -> str:
    written, position = [], 0
    for match in _CODE.finditer(text):
        written += [dialect.prose(text[position : match.start()]), dialect.code(match.group())]
        position = match.end()
    return "".join([*written, dialect.prose(text[position:])])


class _Parser:
    """Reads the longest formula at a place; ``end`` is where it stops."""

    def __init__(self, text: str, start: int, dialect: Dialect, known: Collection[str]) -> None:
        self.text, self.end, self.dialect, self.known = text, start, dialect, known
        self.symbols = 0

    def _peek(self, kind: str) -> re.Match[str] | None:
        match = _TOKEN.match(self.text, self.end)
        return match if match and match.group(kind) else None

    def _sign(self, signs: Collection[str], *, adjacent: bool = False) -> str | None:
        match = self._peek("sign")
        if match is None or match["sign"] not in signs or (adjacent and match.start("sign") != self.end):
            return None
        self.end = match.end()
        return match["sign"]

    def formula(self) -> str | None:
        """Terms linked by comparisons."""
        return self._linked(self._sum, _RELATIONS, lambda sign: f" {self.dialect.relations[_RELATIONS[sign]]} ")

    def _sum(self) -> str | None:
        start = self.end
        minus = "-" if self._sign(("-",)) else ""
        terms = self._linked(self._product, "+-", lambda sign: f" {sign} ")
        if terms is None:
            self.end = start
            return None
        return minus + terms

    def _product(self) -> str | None:
        return self._linked(self._power, "*/", lambda sign: "/" if sign == "/" else self.dialect.product, tight=True)

    def _linked(
        self,
        operand: Callable[[], str | None],
        signs: Collection[str],
        written: Callable[[str], str],
        *,
        tight: bool = False,
    ) -> str | None:
        """Operands with signs between them; a sign that no operand follows is left to the words."""
        total = operand()
        while total is not None:
            before = (self.end, self.symbols)
            sign = self._sign(signs)
            operand_text = operand() if sign else None
            if sign is None or operand_text is None:
                self.end, self.symbols = before
                break
            joint = written(sign)
            total += (
                self.dialect.tight if tight and joint != "/" and self.dialect.encloses(operand_text) else joint
            ) + operand_text
        return total

    def _power(self) -> str | None:
        base = self._factors()
        before = (self.end, self.symbols)
        if base is None or not self._sign(("^",), adjacent=True):
            return base
        exponent = self._factors()
        if exponent is None:
            self.end, self.symbols = before
            return base
        return self.dialect.power(base, exponent)

    def _factors(self) -> str | None:
        """A number, symbol or bracket, and what follows it without a sign: ``2h``, ``d(k - 1)``."""
        match = _TOKEN.match(self.text, self.end)
        if match is None:
            return None
        if match["number"]:
            self.end = match.end()
            following = _NAME.match(self.text, self.end)
            if following and following.group() in self.known:
                return match["number"] + (self._name() or "")
            return match["number"] if not following else None
        if match["name"]:
            return self._name()
        return self._bracket("(", ")")

    def _name(self) -> str | None:
        match = self._peek("name")
        if match is None:
            return None
        name = match["name"]
        if name in _FUNCTIONS and self.text[match.end() : match.end() + 1] == "(":
            self.end = match.end()
            return self._function(name)
        if name not in self.known:
            return self._subscripted(match)
        self.end = match.end()
        self.symbols += 1
        if self.text[self.end : self.end + 1] == "[" and (indices := self._list("[", "]")):
            return self.dialect.indexed(name, indices)
        prime = self._prime()
        product = self._bracket("(", ")") if self.text[self.end : self.end + 1] == "(" else None
        return self.dialect.name(name) + prime + (self.dialect.tight + product if product else "")

    def _prime(self) -> str:
        """A prime that no letter follows, as it does in "the layer's"."""
        if not _PRIME.match(self.text, self.end):
            return ""
        self.end += 1
        return "'"

    def _subscripted(self, match: re.Match[str]) -> str | None:
        """An entry of a sequence written with an underscore: ``J_L``, ``r_0``, ``w_(i - k, j)``."""
        base, _, index = match["name"].partition("_")
        if len(base) == 1 and match["name"] == f"{base}_":
            return self._indexed_by_list(base, match.end())
        if base not in self.known or not (index in self.known or index.isdecimal()):
            return None
        self.end = match.end()
        self.symbols += 1
        return self.dialect.indexed(base, [index if index.isdecimal() else self.dialect.name(index)])

    def _indexed_by_list(self, base: str, end: int) -> str | None:
        """``w_(i - k, j)``, whatever the letters are."""
        before, known = (self.end, self.symbols), self.known
        self.end, self.known = end, {*known, *ascii_lowercase}
        indices = self._list("(", ")")
        self.known = known
        if not indices:
            self.end, self.symbols = before
            return None
        self.symbols += 1
        return self.dialect.indexed(base, indices)

    def _function(self, name: str) -> str | None:
        arguments = self._list("(", ")")
        if not arguments:
            return None
        if name not in _ROUND:
            return self.dialect.function(name, arguments)
        flat = self.dialect.flat
        return (flat.floor if name == "floor" else flat.ceil)(", ".join(arguments), None)

    def _bracket(self, opening: str, closing: str) -> str | None:
        inner = self._list(opening, closing)
        return self.dialect.parentheses(", ".join(inner)) if inner else None

    def _list(self, opening: str, closing: str) -> list[str] | None:
        start = (self.end, self.symbols)
        items: list[str] = []
        if self._sign((opening,)):
            while (item := self._sum()) is not None:
                items.append(item)
                if self._sign((closing,)):
                    return items
                if not self._sign((",",)):
                    break
        self.end, self.symbols = start
        return None
