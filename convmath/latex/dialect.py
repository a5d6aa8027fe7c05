"""What a way of writing mathematics has to say, and how the names of symbols are read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence

GREEK = frozenset(
    [
        "alpha",
        "beta",
        "gamma",
        "delta",
        "epsilon",
        "zeta",
        "eta",
        "theta",
        "iota",
        "kappa",
        "lambda",
        "mu",
        "nu",
        "xi",
        "pi",
        "rho",
        "sigma",
        "tau",
        "phi",
        "chi",
        "psi",
        "omega",
        "Gamma",
        "Delta",
        "Theta",
        "Lambda",
        "Xi",
        "Pi",
        "Sigma",
        "Phi",
        "Psi",
        "Omega",
    ]
)
_NAME = re.compile(r"([A-Za-z]+?)_?(\d+|(?<=_)[A-Za-z]+)?((?:_\w+)*)$")


def name_parts(name: str) -> tuple[str, tuple[str, ...]]:
    """The letter and the subscripts of a symbol's name.

    >>> name_parts("p_l"), name_parts("s1"), name_parts("n_out_2"), name_parts("delta")
    (('p', ('l',)), ('s', ('1',)), ('n', ('out', '2')), ('delta', ()))
    """
    match = _NAME.match(name)
    if match is None:
        return name, ()
    letter, first, more = match.groups()
    return letter, tuple(part for part in (first, *more.split("_")) if part)


class Dialect(ABC):
    """How the pieces of a formula are written."""

    relations: dict[str, str]
    minus: str
    product: str
    times: str
    tight: str
    gap: str
    stacked: bool
    infinity: str

    @property
    def flat(self) -> Dialect:
        """The same for small or inner places: quotients with a slash."""
        return self

    @abstractmethod
    def connective(self, sign: str) -> str:
        """How ``and``, ``or``, ``=>``, ``<=>`` or ``not`` is written between formulas."""

    @abstractmethod
    def encloses(self, formula: str) -> bool:
        """Whether a factor begins with brackets, which need no sign before them."""

    @abstractmethod
    def beside(self, before: str, after: str) -> str:
        """What stands between a sum sign, a bracket or a factor and the next factor."""

    @abstractmethod
    def name(self, name: str) -> str:
        """A symbol."""

    @abstractmethod
    def indexed(self, base: str, indices: Sequence[str]) -> str:
        """An entry of a tensor or sequence; ``base`` is its name."""

    @abstractmethod
    def fraction(self, numerator: str, denominator: str) -> str:
        """A quotient; unless it is ``stacked``, the arguments come with the brackets that a slash needs."""

    def _quotient(self, numerator: str, denominator: str | None) -> str:
        return numerator if denominator is None else self.fraction(numerator, denominator)

    @abstractmethod
    def floor(self, numerator: str, denominator: str | None) -> str:
        """A quotient rounded down; without a denominator, a term."""

    @abstractmethod
    def ceil(self, numerator: str, denominator: str | None) -> str:
        """A quotient rounded up; without a denominator, a term."""

    @abstractmethod
    def function(self, name: str, arguments: Sequence[str]) -> str:
        """A named function such as ``min``."""

    @abstractmethod
    def mod(self, a: str, b: str) -> str:
        """A remainder."""

    @abstractmethod
    def power(self, base: str, exponent: str) -> str:
        """A power."""

    @abstractmethod
    def parentheses(self, inner: str) -> str:
        """Round brackets."""

    @abstractmethod
    def sum(self, index: str, first: str | None, last: str | None) -> str:
        """A sum sign with its limits."""

    @abstractmethod
    def sums(self, ranges: Sequence[str]) -> list[str]:
        """One sum sign for several indices, each given as a range such as ``0 <= k < K``; a line may break in it."""

    @abstractmethod
    def root(self, inner: str) -> str:
        """A square root."""

    @abstractmethod
    def exponential(self, exponent: str) -> str:
        """A power of e; the exponent has slashes for quotients."""

    @abstractmethod
    def integral(self, variable: str, low: str, high: str) -> str:
        """An integral sign with its limits."""

    @abstractmethod
    def differential(self, variable: str) -> str:
        """What closes an integral."""

    @abstractmethod
    def derivative(self, of: str, at: str) -> str:
        """A partial derivative; with ``of`` empty, the operator before a bracket."""

    @abstractmethod
    def grouped(self, pieces: Sequence[str]) -> list[str]:
        """Large brackets round pieces between which a line may break."""

    @abstractmethod
    def array(self, rows: Sequence[Sequence[str]]) -> str:
        """Numbers in rows and columns."""

    @abstractmethod
    def marked(self, formula: str, mark: str) -> str:
        """A part of a formula with a remark."""

    @abstractmethod
    def words(self, text: str) -> str:
        """Words inside a formula."""

    @abstractmethod
    def inline(self, formula: str) -> str:
        """A formula inside a sentence."""

    @abstractmethod
    def prose(self, text: str) -> str:
        """Words of a sentence."""

    @abstractmethod
    def code(self, text: str) -> str:
        """An identifier of a programming language inside a sentence."""

    @abstractmethod
    def entry(self, identifier: str) -> str:
        """The id of an entry inside a sentence."""

    def split(self, line: str, room: float) -> list[str]:
        """A line that has no place to break, in parts that are no wider, where the dialect can."""
        return [line]

    @abstractmethod
    def width(self, formula: str) -> float:
        """How wide a formula is: in em for LaTeX, in characters for text."""
