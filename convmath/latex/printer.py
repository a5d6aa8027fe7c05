"""Terms, formulas, values and statements in LaTeX or in plain text.

Everything is first written as pieces between which a line may break (:class:`Piece`), because only the page knows how
wide a line is; :func:`latex` and :func:`text` put them on one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sympy

from ..calculus.index import Formula, expanded, variables
from ..calculus.layout import Chain, Range, chains, layout
from ..calculus.reals import RealTerm
from ..calculus.terms import Application, Contraction, Equation, Factor, Gradient, Statement, Value
from ..inert import CeilDiv, FloorDiv, Mod, Rounding
from .dialect import Dialect
from .integrals import RealWriter
from .order import factors, summands
from .tex import LATEX
from .unicode import TEXT

if TYPE_CHECKING:
    from ..catalog import Notation

_SUM, _PRODUCT, _ATOM = range(3)
"""How tightly the surroundings of a term bind: what stands in a product needs brackets round a sum."""
_SEPARATE = 3
"""From so many indices on, a sum gets one sign for all of them."""

_TURNED = {("<=",): (">=",), ("<",): (">",)}

BREAK_EQUATION, BREAK_RELATION, BREAK_TERM, BREAK_FACTOR, BREAK_FACTORS, BREAK_SUM = -8.0, 0.0, 1.0, 2.0, 5.0, 7.0
BREAK_BRACKET = 16.0
"""What it costs to break a line between the sides of an equation (almost a line less), before a relation, before a
summand, behind a bracket, between factors, right behind a sum sign; and inside a bracket (more than a line more)."""


@dataclass(frozen=True)
class Piece:
    """A part of a formula before which a line may break, at a cost; ``link`` joins it to the one before on a line."""

    text: str
    cost: float
    link: str = ""
    is_sum: bool = False


class Printer:
    """Writes in one dialect.

    Args:
        dialect: LaTeX, Markdown or text.
        numbers: numbers to write in place of terms, where it gives one.
        notations: names that are written for values.
    """

    def __init__(
        self,
        dialect: Dialect = LATEX,
        numbers: Callable[[sympy.Expr], int | None] | None = None,
        notations: Sequence[Notation] = (),
    ) -> None:
        """See the class."""
        self.dialect = dialect
        self.numbers = numbers
        self.notations = tuple(notations)
        self.bound: frozenset[sympy.Symbol] = frozenset()

    # Integer terms

    def term(self, term: sympy.Expr, place: int = _SUM) -> str:
        """An integer term, in brackets where its place needs them."""
        number = self._number(term)
        if number is not None:
            written = f"{self.dialect.minus}{-number}" if number < 0 else str(number)
            return self.dialect.parentheses(written) if number < 0 and place else written
        if isinstance(term, sympy.Add):
            return self._bracketed("".join(piece.link + piece.text for piece in self.sum_pieces(term)), place > _SUM)
        if isinstance(term, (sympy.Mul, sympy.Rational)):
            negative = term.as_coeff_Mul()[0].is_negative
            written = self.dialect.minus + self._product(-term) if negative else self._product(term)
            return self._bracketed(written, place == _ATOM or (negative and place > _SUM))
        if isinstance(term, sympy.Pow):
            return self.dialect.power(self.term(term.base, _ATOM), self.term(term.exp))
        if isinstance(term, Rounding):
            return self._rounding(term, place)
        if isinstance(term, sympy.Indexed):
            return self.dialect.indexed(str(term.base.label), [self.flat.term(index) for index in term.indices])
        return self.dialect.name(str(term))

    def _number(self, term: sympy.Expr) -> int | None:
        if isinstance(term, sympy.Integer):
            return int(term)
        if self.numbers is None or not isinstance(term, (sympy.Symbol, sympy.Indexed)) or variables(term) & self.bound:
            return None
        return None if isinstance(term, sympy.Indexed) and not term.base.is_integer else self.numbers(term)

    def sum_pieces(self, term: sympy.Expr) -> list[Piece]:
        """The terms of a sum, each with its sign."""
        pieces: list[Piece] = []
        for negative, part in summands(term):
            written = self.term(part, _PRODUCT if isinstance(part, Mod) and part != term else _SUM)
            number = self._number(part)
            if number is not None and number < 0:
                written = self.dialect.parentheses(written)
            if pieces:
                pieces.append(Piece(written, BREAK_TERM, f" {self.dialect.minus if negative else '+'} "))
            else:
                pieces.append(Piece(self.dialect.minus + written if negative else written, BREAK_TERM))
        return pieces

    def _product(self, term: sympy.Expr) -> str:
        number, parts = factors(term)
        written = self._rational(number) if number != 1 or not parts else ""
        for part in parts:
            text = self.term(part, _PRODUCT)
            written += (self._between(written, part, text) if written else "") + text
        return written

    def _between(self, before: str, part: sympy.Expr, text: str) -> str:
        """What stands between the factors of a product."""
        if self.numbers is not None or text[0].isdigit():
            return self.dialect.times
        if self.dialect.encloses(text) or before.isdigit():
            return self.dialect.tight
        return self.dialect.product

    def _rational(self, number: sympy.Rational) -> str:
        if number.q == 1:
            return str(number.p)
        return self.dialect.fraction(str(number.p), str(number.q))

    def _rounding(self, term: Rounding, place: int) -> str:
        if isinstance(term, Mod):
            a, b = (self.term(arg, _ATOM) for arg in term.args)
            return self._bracketed(self.dialect.mod(a, b), place > _SUM)
        if not isinstance(term, (FloorDiv, CeilDiv)):
            return self.dialect.function(type(term).__name__.lower(), [self.term(arg) for arg in term.args])
        write = self.dialect.floor if isinstance(term, FloorDiv) else self.dialect.ceil
        a, b = term.args
        if b == 1:
            return write(self.term(a), None)
        slash = not self.dialect.stacked
        return write(self.term(a, _PRODUCT if slash else _SUM), self.term(b, _ATOM if slash else _SUM))

    def _bracketed(self, written: str, needed: bool) -> str:
        return self.dialect.parentheses(written) if needed else written

    # Formulas

    def chain(self, chain: Chain) -> list[Piece]:
        """Terms linked by comparisons; a number is compared with a term from the right: ``n >= 1``."""
        if (
            chain.links in _TURNED
            and chain.terms[0].is_Integer
            and not chain.terms[1].is_Integer
            and self.numbers is None
        ):
            chain = Chain(chain.terms[::-1], _TURNED[chain.links])
        pieces = self.sum_pieces(chain.terms[0])
        for link, term in zip(chain.links, chain.terms[1:], strict=True):
            first, *rest = self.sum_pieces(term)
            relation = self.dialect.relations[link]
            pieces += [replace(first, cost=BREAK_RELATION, link=f" {relation} "), *rest]
        return [replace(piece, cost=piece.cost + BREAK_FACTOR * (piece.cost > 0)) for piece in pieces]

    def formula(self, formula: Formula | Chain) -> list[Piece]:
        """A formula; comparisons of the same term are joined."""
        if isinstance(formula, Chain):
            return self.chain(formula)
        if formula.is_comparison:
            return self.chain(Chain(formula.args, (formula.op,)))
        if formula.op == "not":
            first, *rest = self._inner(formula.args[0])
            return [replace(first, text=f"{self.dialect.connective('not')} {first.text}"), *rest]
        parts = chains(formula.args) if formula.op == "and" else formula.args
        if not parts:
            return [Piece(self.dialect.words("true" if formula.op == "and" else "false"), BREAK_RELATION)]
        pieces = self._operand(parts[0], formula.op)
        for part in parts[1:]:
            first, *rest = self._operand(part, formula.op)
            link = f" {self.dialect.connective(formula.op)} "
            pieces += [replace(first, cost=BREAK_RELATION, link=link), *rest]
        return pieces

    def _operand(self, formula: Formula | Chain, within: str) -> list[Piece]:
        if isinstance(formula, Formula) and not formula.is_comparison:
            binds_tighter = formula.op in ("and", "or") and within in ("=>", "<=>")
            if not binds_tighter:
                return self._inner(formula)
        return [replace(piece, cost=piece.cost + BREAK_TERM) for piece in self.formula(formula)]

    def _inner(self, formula: Formula) -> list[Piece]:
        pieces = self.formula(formula)
        texts = self.dialect.grouped([piece.text for piece in pieces])
        return [
            replace(piece, text=text, cost=piece.cost + BREAK_FACTOR) for piece, text in zip(pieces, texts, strict=True)
        ]

    # Values

    def value(self, value: Value | RealTerm) -> list[Piece]:
        """A linear combination of sums, or a real term."""
        if isinstance(value, RealTerm):
            return self._real(value)
        pieces: list[Piece] = []
        for contraction in value.terms:
            for negative, term in self._within(contraction)._contraction(contraction):
                sign = (
                    f" {self.dialect.minus if negative else '+'} " if pieces else self.dialect.minus if negative else ""
                )
                head, *rest = term
                joined = replace(head, link=sign) if pieces else replace(head, text=sign + head.text)
                pieces += [joined, *rest]
        return pieces or [Piece("0", BREAK_TERM)]

    def _real(self, term: RealTerm) -> list[Piece]:
        pieces: list[Piece] = []
        for negative, (head, *rest) in RealWriter(self.dialect).terms(term.expr):
            sign = self.dialect.minus if negative else "+"
            pieces.append(Piece(head, BREAK_TERM, f" {sign} ") if pieces else Piece(sign * negative + head, BREAK_TERM))
            for part in rest:
                pieces.append(Piece(part, BREAK_FACTORS, self.dialect.beside("", part)))
        return pieces or [Piece("0", BREAK_TERM)]

    def _within(self, contraction: Contraction) -> Printer:
        """A printer for the inside of a sum, whose indices have no numbers."""
        inner = Printer(self.dialect, self.numbers, self.notations)
        inner.bound = self.bound | set(contraction.bound)
        return inner

    @property
    def flat(self) -> Printer:
        """A printer for indices, limits and brackets, in which quotients have a slash."""
        inner = Printer(self.dialect.flat, self.numbers, self.notations)
        inner.bound = self.bound
        return inner

    def _contraction(self, contraction: Contraction) -> list[tuple[bool, list[Piece]]]:
        """The signed terms that a contraction is written as: one, or those of an integer term that stands alone."""
        coefficient = contraction.coefficient
        if not (contraction.bound or contraction.guard or contraction.factors):
            parts = summands(coefficient)
            place = _PRODUCT if len(parts) > 1 else _SUM
            return [
                (negative, [Piece(self.term(part, place if isinstance(part, Mod) else _SUM), BREAK_TERM)])
                for negative, part in parts
            ]
        negative = bool(coefficient.as_coeff_Mul()[0].is_negative)
        coefficient = -coefficient if negative else coefficient
        shown = layout(contraction)
        pieces = self._sums(shown.ranges)
        for condition in chains(shown.bracket):
            first, *rest = self._bracket(condition)
            pieces += [self._beside(pieces, first), *rest]
        if coefficient != 1 or not (contraction.factors or shown.bracket):
            pieces.append(self._beside(pieces, Piece(self.term(coefficient, _PRODUCT), BREAK_FACTOR)))
        for number, factor in enumerate(contraction.factors):
            first, *rest = self._factor(factor)
            pieces += [self._beside(pieces, replace(first, cost=BREAK_FACTORS if number else BREAK_FACTOR)), *rest]
        return [(negative, pieces)]

    def _beside(self, before: Sequence[Piece], piece: Piece) -> Piece:
        if not before:
            return piece
        cost = BREAK_SUM if before[-1].is_sum else piece.cost
        return Piece(piece.text, cost, self.dialect.beside(before[-1].text, piece.text))

    def _bracket(self, condition: Formula | Chain) -> list[Piece]:
        """An Iverson bracket, within which a line breaks only if it must."""
        pieces = [replace(piece, cost=piece.cost + BREAK_BRACKET) for piece in self.flat.formula(condition)]
        pieces[0] = replace(pieces[0], text=f"[{pieces[0].text}", cost=BREAK_FACTOR)
        pieces[-1] = replace(pieces[-1], text=f"{pieces[-1].text}]")
        return pieces

    def _sums(self, ranges: Sequence[Range]) -> list[Piece]:
        if not ranges:
            return []
        if len(ranges) < _SEPARATE:
            return [Piece("".join(map(self._sum, ranges)), BREAK_TERM, is_sum=True)]
        parts = self.dialect.sums([self.flat._range(part) for part in ranges])
        pieces = [Piece(part, BREAK_SUM, " " if number else "") for number, part in enumerate(parts)]
        return [*pieces[:-1], replace(pieces[-1], is_sum=True)]

    def _sum(self, part: Range) -> str:
        first, last = (None if limit is None else self.flat.term(limit) for limit in (part.first, part.last))
        return self.dialect.sum(self.term(part.index), first, last)

    def _range(self, part: Range) -> str:
        at_most = self.dialect.relations["<="]
        written = self.term(part.index)
        if part.first is not None:
            written = f"{self.term(part.first)} {at_most} {written}"
        if part.last is not None:
            stop = part.last + 1
            plain = isinstance(stop, (sympy.Symbol, sympy.Integer)) or len(sympy.Add.make_args(stop)) < len(
                sympy.Add.make_args(part.last)
            )
            written += (
                f" {self.dialect.relations['<']} {self.term(stop)}" if plain else f" {at_most} {self.term(part.last)}"
            )
        return written

    def _factor(self, factor: Factor) -> list[Piece]:
        if isinstance(factor, Application):
            return self._application(factor)
        if not isinstance(factor, Gradient):
            return [Piece(self.term(factor), BREAK_FACTOR)]
        at = self.term(factor.at)
        for notation in self.notations:
            name = named(notation, factor.body)
            if name is not None:
                return [Piece(self.dialect.derivative(self.term(name), at), BREAK_FACTOR)]
        body = self.value(factor.body)
        texts = self.dialect.grouped([piece.text for piece in body])
        inside = [Piece(text, piece.cost + BREAK_TERM, piece.link) for text, piece in zip(texts, body, strict=True)]
        return [Piece(self.dialect.derivative("", at), BREAK_FACTOR), *inside]

    def _application(self, application: Application) -> list[Piece]:
        """A function of a value, in large brackets where a line may break within."""
        name = self.dialect.name(application.function)
        notations = (named(notation, application.body) for notation in self.notations)
        short = next((self.term(found) for found in notations if found is not None), None)
        body = self.value(application.body) if short is None else [Piece(short, BREAK_TERM)]
        if len(body) == 1:
            return [Piece(name + self.dialect.parentheses(body[0].text), BREAK_FACTOR)]
        first, *rest = self.dialect.grouped([piece.text for piece in body])
        inside = zip(rest, body[1:], strict=True)
        return [
            Piece(name + first, BREAK_FACTOR),
            *(Piece(text, piece.cost + BREAK_TERM, piece.link) for text, piece in inside),
        ]

    # Statements

    def body(self, body: Formula | Equation) -> list[Piece]:
        """What a statement says, without its quantifiers."""
        if isinstance(body, Formula):
            return self.formula(body)
        left, (first, *rest) = self.value(body.left), self.value(body.right)
        return [*left, replace(first, cost=BREAK_EQUATION, link=f" {self.dialect.relations['==']} "), *rest]

    def line(self, item: Any) -> str:
        """A term, formula, value, equation, or the body of a statement, on one line."""
        if isinstance(item, sympy.Expr):
            return self.term(item)
        if isinstance(item, (Value, RealTerm)):
            return _line(self.value(item))
        return _line(self.body(item.body if isinstance(item, Statement) else item))


def _line(pieces: Iterable[Piece]) -> str:
    return "".join(piece.link + piece.text for piece in pieces)


def named(notation: Notation, value: Value) -> sympy.Indexed | sympy.Symbol | None:
    """The entry that a notation writes for a value: the notation's left side at suitable indices, or None."""
    mapping: dict[sympy.Symbol, sympy.Expr] = {}
    for ours, theirs in zip(notation.right.terms, value.terms, strict=False):
        for mine, other in _paired(ours, theirs):
            unknown = (variables(mine) & variables(notation.left)) - mapping.keys()
            if len(unknown) == 1:
                (symbol,) = unknown
                found = expanded(other - mine.xreplace(mapping) + symbol)
                if not variables(found) & set(ours.bound) and symbol not in variables(expanded(mine - symbol)):
                    mapping[symbol] = found
    if notation.right.substitute(mapping).canonical() != value.canonical():
        return None
    left: sympy.Indexed | sympy.Symbol = notation.left.xreplace(mapping)
    return left


def _paired(ours: Contraction, theirs: Contraction) -> Iterator[tuple[sympy.Expr, sympy.Expr]]:
    """The indices and the terms of the guards that stand at the same places, in the first one's bound indices."""
    names = dict(zip(theirs.bound, ours.bound, strict=False))
    for mine, other in zip(ours.factors, theirs.factors, strict=False):
        if isinstance(mine, sympy.Indexed) and isinstance(other, sympy.Indexed):
            yield from ((a, b.xreplace(names)) for a, b in zip(mine.indices, other.indices, strict=False))
    for first, second in zip(ours.guard, theirs.guard, strict=False):
        if first.is_comparison and second.is_comparison:
            yield from ((a, b.xreplace(names)) for a, b in zip(first.args, second.args, strict=True))


def latex(item: Any) -> str:
    r"""A term, formula, value or statement in LaTeX, on one line.

    >>> from ..calculus.index import integers
    >>> n, k, s, d, p_l = integers("n k s d p_l")
    >>> print(latex(FloorDiv(n + p_l - d * (k - 1) - 1, s) + 1))
    \left\lfloor \frac{n + p_l - d(k - 1) - 1}{s} \right\rfloor + 1
    """
    return Printer(LATEX).line(item)


def text(item: Any) -> str:
    """A term, formula, value or statement in Unicode text, on one line.

    >>> from ..calculus.index import integers, within
    >>> from ..calculus.terms import tensor, total
    >>> k, K, o = integers("k K o")
    >>> text(total((k,), within(0, k, K), tensor("x")[o + k]))
    '∑(k=0..K - 1) x[o + k]'
    """
    return Printer(TEXT).line(item)
