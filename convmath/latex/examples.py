"""The numeric example and the usual mistake of an entry's page: what is substituted and what comes out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby, product
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import UndefinedFunction

from ..calculus.evaluate import Number
from ..calculus.index import Formula
from ..calculus.reals import RealTerm, is_real
from ..calculus.refute import Witness, refute
from ..calculus.terms import Equation, Statement, Value
from ..catalog import Mistake
from ..errors import ProofError
from ..phrases import listed, phrase, say
from .mentions import mentions
from .page import Block, Paragraph
from .printer import Piece, Printer
from .worked import Point, example_point

if TYPE_CHECKING:
    from .author import Author
    from .writer import Writer

_LARGEST, _SHOWN = 10**6, 6
"""A number with a larger denominator is shown with so many decimals."""


def example_blocks(author: Author) -> Iterator[Block]:
    """The entry's statements at small numbers."""
    proof = author.proof
    theorems = [part.theorem for part in proof.statements]
    used = set[Any]().union(*(mentions(item) for t in theorems for item in (t.conclusion, *t.hypotheses)))
    free = set[Any]().union(*(part.free_symbols for t in theorems for part in (t.conclusion.body, *t.hypotheses)))
    free |= {name for name in used if isinstance(name, sympy.Symbol) and not name.is_integer}
    numbers = {v: n for v, n in proof.example.numbers.items() if v in free}
    given = [*_equal_numbers(author, numbers), *_tables(author, used)]
    if given:
        yield Paragraph(say("Take {given}. Then", given=listed(given)))
    for theorem in theorems:
        body = theorem.conclusion.body
        point = example_point(proof.example, theorem.hypotheses)
        if not point.holds(body):
            raise ProofError(f"{author.entry.id}: the example contradicts the theorem")
        yield from _evaluated(author, body, point)


def _equal_numbers(author: Writer, numbers: dict[sympy.Symbol, int]) -> list[str]:
    """ "p_l = p_r = 1": neighbours with the same number together."""
    groups: list[tuple[list[str], int]] = []
    for symbol, number in numbers.items():
        if groups and groups[-1][1] == number:
            groups[-1][0].append(author.plain.term(symbol))
        else:
            groups.append(([author.plain.term(symbol)], number))
    return [author.math(f"{' = '.join(names)} = {author.plain.term(sympy.Integer(n))}") for names, n in groups]


def _tables(author: Author, used: set[Any]) -> Iterator[str]:
    """The entries of the sequences and tensors, the last two axes as a matrix."""
    yield from _step_functions(author, used)
    labels = {str(name.label) for name in used if isinstance(name, sympy.IndexedBase)}
    dialect = author.dialect
    dot = r"\cdot" if dialect.times.strip() == r"\cdot" else "·"
    for name, entries in {**author.proof.example.sequences, **author.proof.example.tensors}.items():
        if name not in labels:
            continue
        shape = []
        inner = entries
        while isinstance(inner, (list, tuple)):
            shape.append(len(inner))
            inner = inner[0]
        flat = min(2, len(shape))
        for index in product(*map(range, shape[:-flat])):
            block = entries
            for position in index:
                block = block[position]
            rows = block if flat == 2 else [block]
            array = dialect.array([[str(number) for number in row] for row in rows])
            left = dialect.indexed(name, [*map(str, index), *[dot] * flat]) if index else dialect.name(name)
            yield author.math(f"{left} = {array}")


def _step_functions(author: Author, used: set[Any]) -> Iterator[str]:
    """Functions with a few steps, each between neighbouring whole numbers."""
    names = {str(name) for name in used if isinstance(name, UndefinedFunction)}
    for name, heights in author.proof.example.tensors.items():
        if name in names:
            yield from _steps(author, name, enumerate(heights))


def _steps(author: Writer, name: str, heights: Iterable[tuple[int, Number]]) -> Iterator[str]:
    x, at_most, less = (author.dialect.name("x"), *(author.dialect.relations[sign] for sign in ("<=", "<")))
    for start, height in heights:
        low, high, value = (author.plain.term(sympy.Rational(number)) for number in (start, start + 1, height))
        reach = author.math(f"{low} {at_most} {x} {less} {high}")
        applied = author.dialect.name(name) + author.dialect.flat.parentheses(x)
        if height:
            yield say("{equation} for {range}", equation=author.math(f"{applied} = {value}"), range=reach)


def _evaluated(author: Author, body: Formula | Equation, point: Point) -> Iterator[Block]:
    """What is substituted, and what it comes to."""
    printer = Printer(author.dialect, point.number, author.proof.notations)
    if isinstance(body, Equation) or body.is_comparison:
        sides = (body.left, body.right) if isinstance(body, Equation) else body.args
        shown = [_with_value(author, printer, side, point) for side in sides]
        yield from (author.display(p) for p in shown if len(p) > 1 or not any(len(other) > 1 for other in shown))
    else:
        yield author.display(printer.formula(body))
        yield Paragraph(say("that is,"))
        yield author.display(author.plain.formula(_reduced(body, point)))


def author_number(point: Point, term: sympy.Expr) -> int:
    """The value of a term at a point that has all its variables."""
    number = point.number(term)
    if number is None:
        raise ProofError(f"the example gives no number for a variable of {term}")
    return number


def _with_value(author: Author, printer: Printer, side: Any, point: Point) -> list[Piece]:
    """A side with numbers put in, and what it comes to; an entry of a sequence keeps its name."""
    if isinstance(side, RealTerm):
        numbers = {v: n for v, n in author.proof.example.numbers.items() if v in side.expr.free_symbols}
        number, pieces = point.value(side), printer.value(RealTerm(side.expr.subs(numbers)))
    elif isinstance(side, Value):
        number, pieces = point.value(side), printer.value(side)
    elif isinstance(side, sympy.Indexed):
        number = author_number(point, side)
        indices = [printer.term(index) for index in side.indices]
        pieces = [Piece(author.dialect.indexed(str(side.base.label), indices), 0.0)]
    else:
        number, pieces = author_number(point, side), printer.sum_pieces(side)
    relation, written = _number(author, number)
    if len(pieces) == 1 and pieces[0].text == written:
        return pieces
    return [*pieces, Piece(written, 0.0, f" {author.dialect.relations[relation]} ")]


def _number(author: Writer, number: Number) -> tuple[str, str]:
    """A number as it is, or, where it comes from quadrature, a few of its digits."""
    if sympy.Rational(number).q <= _LARGEST:
        return "==", author.plain.term(sympy.Rational(number))
    return "~", f"{float(number):.{_SHOWN}f}".replace("-", author.dialect.minus)


def _reduced(formula: Formula, point: Point) -> Formula:
    """The formula with the numbers to which its terms come."""
    return Formula(
        formula.op,
        tuple(
            _reduced(arg, point) if isinstance(arg, Formula) else sympy.Integer(author_number(point, arg))
            for arg in formula.args
        ),
    )


def mistake_blocks(author: Author) -> Iterator[Block]:
    """The wrong claim, and the least numbers at which it fails; on several axes, it fails on one already."""
    entry, proof = author.entry, author.proof
    if entry.ndims and proof is not (least := entry.proof(entry.ndims[0])):
        least_axes = entry.ndims[0]
        on_one, on_several = "It shows on one axis already.", "It shows on {axes} axes already."
        yield Paragraph(say(on_one) if least_axes == 1 else say(on_several, axes=least_axes))
        yield from mistake_blocks(type(author)(entry, least, author.dialect, author.sizes))
        return
    mistake = proof.mistake
    witness = _counterexample(mistake)
    if witness is None or not witness.check():
        raise ProofError(f"{entry.id}: no counterexample of the mistake was found")
    yield Paragraph(say("{words}:", words=_capital(author.words(mistake.words))))
    yield author.display(author.printer.body(mistake.claim.body))
    yield Paragraph(failure(author, mistake.claim, witness))


@lru_cache(maxsize=256)
def _counterexample(mistake: Mistake) -> Witness | None:
    given = [h if isinstance(h, Statement) else Statement(h) for h in mistake.given]
    return refute([h.json() for h in given], mistake.claim.json())


def _capital(text: str) -> str:
    """The words of a sentence, which a name and its formula are not."""
    return text if re.match(r"\w+ =", text) else text[:1].upper() + text[1:]


def failure(author: Writer, claim: Statement, witness: Witness) -> str:
    """The least numbers at which a claim fails, and what its sides come to there."""
    names = {str(symbol): symbol for symbol in mentions(claim) if isinstance(symbol, sympy.Symbol)}
    order = {str(symbol): place for place, symbol in enumerate(author.order) if isinstance(symbol, sympy.Symbol)}
    ordered = sorted(witness.variables, key=lambda name: (order.get(name, len(order)), name))
    numbers = {names.get(name, sympy.Symbol(name, integer=True)): witness.variables[name] for name in ordered}
    functions = {str(name) for name in mentions(claim) if isinstance(name, UndefinedFunction)}
    entries = [
        author.math(
            f"{author.dialect.indexed(name, [str(i) for i in index])} = {author.plain.term(sympy.Rational(number))}"
        )
        for (_, name, index), number in sorted(witness.entries.items())
        if number and name not in functions
    ]
    entries += _heights(author, witness, functions)
    given = listed([*_equal_numbers(author, numbers), *entries])
    if is_real(claim.body) and entries:
        given = say("{given}, where the functions are 0 elsewhere", given=given)
    elif entries and 0 in witness.entries.values():
        given = say("{given}, where all other entries are 0", given=given)
    parts = _parts(author, claim, witness)
    return (
        say("It fails at {given}: {parts}.", given=given, parts=parts)
        if given
        else say("It fails always: {parts}.", parts=parts)
    )


def _heights(author: Writer, witness: Witness, functions: set[str]) -> Iterator[str]:
    """The steps of the functions in a witness."""
    for name, group in groupby(sorted(witness.entries.items()), key=lambda cell: cell[0][1]):
        if name in functions:
            yield from _steps(author, name, ((index[0], height) for (_, _, index), height in group))


def _parts(author: Writer, claim: Statement, witness: Witness) -> str:
    body = claim.body
    if isinstance(body, Formula) and not body.is_comparison:
        first, second = (phrase("true") if part[1] else phrase("false") for part in witness.parts[:2])
        return say("the first part is {first} but the second part is {second}", first=first, second=second)
    found = [_number(author, number) for number in (witness.left, witness.right)]
    sides = [
        say("about {number}", number=author.math(written)) if relation == "~" else author.math(written)
        for relation, written in found
    ]
    return say("the left side is {left}, the right side is {right}", left=sides[0], right=sides[1])
