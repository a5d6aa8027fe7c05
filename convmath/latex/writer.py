"""Writes statements with what they suppose and what their symbols mean, in one dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

import sympy

from ..calculus.index import Formula
from ..calculus.terms import Equation, Statement
from ..catalog import Notation
from ..phrases import listed, phrase, say
from .assumptions import Hypotheses
from .bibliography import cited
from .dialect import Dialect
from .mentions import Name, bound, label, mentions
from .page import Block, Display, Listing, Row, Rows, Sizes, display
from .printer import Piece, Printer
from .words import sentence

_AXIS = re.compile(r"(.*) on axis (\d+)$")


class Writer:
    """Writes about some symbols in one dialect.

    Attributes:
        symbols: what each symbol means, in the order in which they are introduced.
        dialect: how formulas are written.
        sizes: how wide lines are.
        hypotheses: the statements that say over which index a sequence runs.
        printer: writes formulas with the notations.
        plain: writes them without.
    """

    def __init__(
        self,
        symbols: Mapping[Name, str],
        names: set[Name],
        dialect: Dialect,
        sizes: Sizes,
        notations: Sequence[Notation] = (),
        hypotheses: Sequence[Statement] = (),
    ) -> None:
        """Write about these symbols, and of other names too."""
        self.symbols, self.dialect, self.sizes, self.hypotheses = symbols, dialect, sizes, hypotheses
        self.printer = Printer(dialect, notations=tuple(notations))
        self.plain = Printer(dialect)
        self.order: list[Name] = list(symbols)
        labels = {label(name) for name in {*symbols, *names}}
        self.known = labels | {name.rstrip("123") for name in labels}

    # Words

    def words(self, text: str) -> str:
        """Words, with their formulas set as such."""
        return sentence(phrase(text), self.dialect, self.known)

    def sources(self, keys: Sequence[str]) -> tuple[tuple[str, str], ...]:
        """Keys of the bibliography as they are, with words in place of a key that is none."""
        return tuple((key, "" if cited(key)[0] else self.words(key)) for key in keys)

    def math(self, item: Any) -> str:
        """A formula inside a sentence."""
        return self.dialect.inline(item if isinstance(item, str) else self.printer.flat.line(item))

    def display(self, pieces: Sequence[Piece], tag: str = "") -> Display:
        """A formula on lines of its own."""
        return display(pieces, self.dialect, self.sizes, tag)

    # Statements

    def equal(self, left: str, right: Sequence[Piece]) -> list[Piece]:
        """``left = right``."""
        first, *rest = right
        return [Piece(f"{left} {self.dialect.relations['==']} {first.text}", 0.0), *rest]

    def supposed(self, given: Hypotheses) -> str:
        """ "For all integers ... with ...:" """
        at_least = self.dialect.relations[">="]
        bounded = [
            self.math(f"{', '.join(map(self.printer.term, symbols))} {at_least} {number}")
            for number, symbols in given.least
        ]
        bounded += [self.math("".join(p.link + p.text for p in self.printer.chain(chain))) for chain in given.ranges]
        free = listed([self.math(symbol) for symbol in given.free])
        conditions = listed([self.math(formula) for formula in given.others])
        if given.free and bounded:
            named = given.names_all_free
            template = "all integers {names} and all {bounded}" if named else "{bounded} and all other integers"
            who = say(template, bounded=listed(bounded), **({"names": free} if named else {}))
        elif bounded or (given.free and given.names_all_free):
            who = say("all integers {names}", names=listed(bounded) or free)
        elif given.free or conditions:
            who = say("all integers")
        else:
            return say("Without any condition:")
        return (
            say("For {who} with {conditions}:", who=who, conditions=conditions)
            if conditions
            else say("For {who}:", who=who)
        )

    def supposed_of_reals(self, statement: Statement) -> str:
        """ "For all real t, all positive sigma and all functions f and g for which the integrals exist:" """
        names = sorted(mentions(statement) - bound(statement), key=lambda name: (self.order.index(name), str(name)))
        positive = [name for name in names if isinstance(name, sympy.Symbol) and name.is_positive]
        real = [name for name in names if isinstance(name, sympy.Symbol) and not name.is_positive]
        functions = [name for name in names if not isinstance(name, sympy.Symbol)]
        groups = (("all real {names}", real), ("all positive {names}", positive), ("all functions {names}", functions))
        who = [
            say(template, names=listed([self.math(self.symbol(name)) for name in group]))
            for template, group in groups
            if group
        ]
        for_whom = "For {who} for which the integrals exist:" if functions else "For {who}:"
        return say(for_whom, who=listed(who))

    def definitions(self, statements: Sequence[Statement]) -> Rows:
        """One below the other; a start value stands before its recursion, equal bounds stand together."""
        rows: list[Row] = []
        for bodies, statement in self._gathered(statements):
            reason = self.range_of(statement)
            line = "".join(f"{body},{self.dialect.gap}" for body in bodies[:-1])
            alone = bodies == [self.printer.line(statement)]
            shown = self.display(self.printer.body(statement.body)).lines if alone else (line + bodies[-1],)
            wide = [self.dialect.width(text) > self.sizes.beside for text in shown]
            lines = [Row(text, "", w, number > 0) for number, (text, w) in enumerate(zip(shown, wide, strict=True))]
            fits = not reason or not wide[-1]
            rows += [*lines[:-1], replace(lines[-1], reason=reason)] if fits else [*lines, Row("", reason)]
        return Rows(tuple(rows))

    def _gathered(self, statements: Sequence[Statement]) -> Iterator[tuple[list[str], Statement]]:
        """What stands on a line, and the statement that says where it holds."""
        start: Statement | None = None
        bounds: dict[Any, list[tuple[str, Statement]]] = {}
        for statement in statements:
            body = statement.body
            if isinstance(body, Formula) and body.op == "<=" and isinstance(body.args[1], sympy.Indexed):
                key = (body.args[0], statement.variables, statement.conditions)
                bounds.setdefault(key, []).append((self.printer.term(body.args[1]), statement))
                continue
            if start is not None and (_defined(start) != _defined(statement) or not self._short(start, statement)):
                yield [self.printer.line(start)], start
                start = None
            if start is None and not statement.variables:
                start = statement
                continue
            yield [self.printer.line(part) for part in (start, statement) if part is not None], statement
            start = None
        if start is not None:
            yield [self.printer.line(start)], start
        for (least, _, _), members in bounds.items():
            terms = ", ".join(term for term, _ in members)
            yield [f"{terms} {self.dialect.relations['>=']} {self.printer.term(least)}"], members[0][1]

    def _short(self, *statements: Statement) -> bool:
        return sum(self.dialect.width(self.printer.line(s)) + 2 for s in statements) <= self.sizes.beside

    def range_of(self, statement: Statement) -> str:
        """ "for l >= 0 and all o and i" """
        conditions = [self.math(condition) for condition in statement.conditions]
        bounded = frozenset[sympy.Symbol]().union(*(condition.free_symbols for condition in statement.conditions))
        others = [self.math(v) for v in statement.variables if v not in bounded]
        every = [say("all {names}", names=listed(others))] if others else []
        both = [*([listed(conditions)] if conditions else []), *every]
        return say("for {who}", who=listed(both)) if both else ""

    # Symbols

    def introduced(self, names: set[Name]) -> Iterator[Block]:
        """The meanings of the names, in their order; the same thing on several axes together."""
        chosen = [(name, words) for name, words in self.symbols.items() if name in names]
        grouped = []
        for stem, group in groupby(chosen, lambda item: m[1] if (m := _AXIS.match(item[1])) else item[1]):
            members = list(group)
            symbols = self.dialect.inline(", ".join(self.symbol(name) for name, _ in members))
            several = len(members) > 1 or _AXIS.match(members[0][1])
            axes = [m[2] for _, words in members if (m := _AXIS.match(words))]
            meaning = self.words(stem)
            if several and axes:
                meaning = on_axes(meaning, axes)
            grouped.append((symbols, meaning))
        if grouped:
            yield Listing(tuple(grouped))

    def symbol(self, name: Name) -> str:
        """A symbol; a sequence with the index over which its definition runs."""
        if not isinstance(name, sympy.IndexedBase):
            return self.plain.term(name)
        label = str(name.label)
        for hypothesis in self.hypotheses if name.is_integer else ():
            entries = [entry for entry in _entries(hypothesis.body) if entry.base == name]
            if entries and len(hypothesis.variables) == len(entries[0].indices):
                return self.dialect.indexed(label, list(map(self.plain.term, hypothesis.variables)))
        return self.dialect.name(label)


def meaning_of(words: str) -> str:
    """What a symbol means, in plain words; its axis is said apart.

    >>> meaning_of("stride on axis 2")
    'stride on axis 2'
    """
    match = _AXIS.match(words)
    return phrase(words) if match is None else on_axes(phrase(match[1]), [match[2]])


def on_axes(meaning: str, axes: Sequence[str]) -> str:
    """The meaning of a symbol, or of one for each of some axes."""
    if len(axes) > 1:
        return say("{meaning} on axes {axes}", meaning=meaning, axes=listed(axes))
    return say("{meaning} on axis {axes}", meaning=meaning, axes=axes[0])


def _entries(body: Formula | Equation) -> Iterator[sympy.Indexed]:
    """The entries of sequences in a formula."""
    if isinstance(body, Formula):
        for arg in body.args:
            yield from _entries(arg) if isinstance(arg, Formula) else arg.atoms(sympy.Indexed)


def _defined(statement: Statement) -> Any:
    """The base of the entry that a statement defines."""
    body = statement.body
    left = body.args[0] if isinstance(body, Formula) else next(iter(body.left.terms[0].factors), None)
    return left.base if isinstance(left, sympy.Indexed) else None
