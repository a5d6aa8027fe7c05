"""Writes an entry's page: statement, derivation, special cases, example, usual mistake, what it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import sympy

from ..calculus.index import Formula
from ..calculus.kernel import KERNEL, Theorem
from ..calculus.terms import Statement, Value
from ..catalog import Entry, Proof
from .assumptions import Hypotheses, hypotheses
from .certificates import Identity, cases, facts, identities
from .dialect import Dialect
from .examples import example_blocks, mistake_blocks
from .mentions import Name, label, mentions, on_page, part_names
from .page import Block, Boxed, Display, Listing, Page, Paragraph, Row, Rows, Section, Sizes, calculation, display
from .printer import BREAK_TERM, Piece, Printer
from .words import sentence

if TYPE_CHECKING:
    from ..calculus.derive import Part

_AXIS = re.compile(r"(.*) on axis (\d+)$")


class Author:
    """Writes the page of one proof in one dialect."""

    def __init__(self, entry: Entry, proof: Proof, dialect: Dialect, sizes: Sizes) -> None:
        """See the class."""
        self.entry, self.proof, self.dialect, self.sizes = entry, proof, dialect, sizes
        self.printer = Printer(dialect, notations=proof.notations)
        self.plain = Printer(dialect)
        self.order: list[Name] = list(proof.symbols)
        labels = {label(name) for name in {*proof.symbols, *on_page(proof)}}
        self.known = labels | {name.rstrip("123") for name in labels}

    def page(self) -> Page:
        """The whole page."""
        sections = [
            Section("", tuple(self._statement())),
            Section("Derivation", tuple(self._derivation())),
            *(Section("Special case", tuple(self._special(part))) for part in self.proof.special),
            Section("Example", tuple(example_blocks(self))),
            Section("A common mistake", tuple(mistake_blocks(self))),
            Section("What it rests on", tuple(self._trust())),
        ]
        return Page(
            self.entry.id,
            self.words(self.entry.title),
            self.entry.title,
            self.words(self.entry.summary),
            tuple(sections),
            tuple((source, self.words(source)) for source in self.entry.sources),
        )

    # Words

    def words(self, text: str) -> str:
        """Words of the proof, with their formulas set as such."""
        return sentence(text, self.dialect, self.known)

    def math(self, item: Any) -> str:
        """A formula inside a sentence."""
        return self.dialect.inline(item if isinstance(item, str) else self.printer.flat.line(item))

    def display(self, pieces: Sequence[Piece], tag: str = "") -> Display:
        """A formula on lines of its own."""
        return display(pieces, self.dialect, self.sizes, tag)

    def listed(self, parts: Sequence[str]) -> str:
        """A list in words: "a, b and c"."""
        return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)

    # Statement

    def _statement(self) -> Iterator[Block]:
        several = len(self.proof.statements) > 1
        before: Hypotheses | None = None
        shown: list[Statement] = []
        for number, part in enumerate(self.proof.statements, 1):
            given = self._hypotheses(part.theorem)
            if several:
                yield Paragraph(self.words(part.title))
            if before is None or replace(before, free=given.free, definitions=given.definitions) != given:
                yield Paragraph(self._supposed(given))
            elif more := [v for v in given.free if v not in before.free]:
                yield Paragraph(f"For these and all integers {self.listed([self.math(v) for v in more])}:")
            yield self.display(self.printer.body(part.theorem.conclusion.body), str(number) if several else "")
            new = [statement for statement in given.definitions if statement not in shown]
            if new:
                yield Paragraph("where" if not shown else "where moreover")
                yield self._definitions(new)
            shown += new
            before = given
        yield from self._symbols(self._on_statement())
        for notation in self.proof.notations:
            right = self.plain.value(notation.right)
            yield Paragraph(self.words(f"Here {notation.words}"))
            yield self.display(self._equal(self.plain.term(notation.left), right))

    def _hypotheses(self, theorem: Theorem) -> Hypotheses:
        return hypotheses(theorem.hypotheses, theorem.conclusion, self.order)

    def _equal(self, left: str, right: Sequence[Piece]) -> list[Piece]:
        first, *rest = right
        return [Piece(f"{left} {self.dialect.relations['==']} {first.text}", 0.0), *rest]

    def _supposed(self, given: Hypotheses) -> str:
        """ "For all integers ... with ...:" """
        at_least = self.dialect.relations[">="]
        bounded = [
            self.math(f"{', '.join(map(self.printer.term, symbols))} {at_least} {number}")
            for number, symbols in given.least
        ]
        bounded += [self.math("".join(p.link + p.text for p in self.printer.chain(chain))) for chain in given.ranges]
        free = [self.math(symbol) for symbol in given.free]
        if given.free and not given.names_all_free:
            free = ["all other integers"] if bounded else []
        conditions = [self.math(formula) for formula in given.others]
        who = self.listed([*bounded, *free])
        with_ = f" with {self.listed(conditions)}" if conditions else ""
        if not who:
            return f"For all integers{with_}:" if given.free or conditions else "Without any condition:"
        return f"For all integers {who}{with_}:" if "all other" not in who else f"For {who}{with_}:"

    def _definitions(self, statements: Sequence[Statement]) -> Rows:
        """One below the other; a start value stands before its recursion, equal bounds stand together."""
        rows: list[Row] = []
        for bodies, statement in self._gathered(statements):
            reason = self._range_of(statement)
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

    def _range_of(self, statement: Statement) -> str:
        """ "for l >= 0 and all o and i" """
        conditions = [self.math(condition) for condition in statement.conditions]
        bounded = frozenset[sympy.Symbol]().union(*(condition.free_symbols for condition in statement.conditions))
        others = [self.math(v) for v in statement.variables if v not in bounded]
        every = f"all {self.listed(others)}" if others else ""
        return f"for {' and '.join(filter(None, (self.listed(conditions), every)))}" if conditions or every else ""

    # Symbols

    def _on_statement(self) -> set[Name]:
        names: set[Name] = set()
        for part in self.proof.statements:
            names |= mentions(part.theorem.conclusion)
            for hypothesis in part.theorem.hypotheses:
                names |= mentions(hypothesis)
        for notation in self.proof.notations:
            names |= mentions(notation.right) | mentions(notation.left)
        return names

    def _symbols(self, names: set[Name]) -> Iterator[Block]:
        """The meanings of the names, in the proof's order; the same thing on several axes together."""
        chosen = [(name, words) for name, words in self.proof.symbols.items() if name in names]
        grouped = []
        for stem, group in groupby(chosen, lambda item: m[1] if (m := _AXIS.match(item[1])) else item[1]):
            members = list(group)
            symbols = self.dialect.inline(", ".join(self._symbol(name) for name, _ in members))
            several = len(members) > 1 or _AXIS.match(members[0][1])
            axes = [m[2] for _, words in members if (m := _AXIS.match(words))]
            where = f" on {'axes' if len(axes) > 1 else 'axis'} {self.listed(axes)}" if several and axes else ""
            grouped.append((symbols, self.words(stem + where)))
        if grouped:
            yield Listing(tuple(grouped))

    def _symbol(self, name: Name) -> str:
        """A symbol; a sequence with the index over which its definition runs."""
        if not isinstance(name, sympy.IndexedBase):
            return self.plain.term(name)
        label = str(name.label)
        index = next(
            (
                h.variables[0]
                for part in self.proof.statements
                for h in sorted(part.theorem.hypotheses, key=lambda h: repr(h.json()))
                if name.is_integer and len(h.variables) == 1 and name in mentions(h)
            ),
            None,
        )
        return self.dialect.name(label) if index is None else self.dialect.indexed(label, [self.plain.term(index)])

    # Derivation

    def _derivation(self) -> Iterator[Block]:
        shown = self._on_statement()
        further = {name for part in self.proof.parts for name in part_names(part)} - shown
        yield from self._symbols(further)
        main = self.proof.statements
        numbers = {part.theorem.number: str(n) for n, part in enumerate(main, 1)} if len(main) > 1 else {}
        for part in self.proof.parts:
            number = numbers.get(part.theorem.number)
            title = self.words(part.title)
            if part.start is not None:
                yield Paragraph(f"({number}) {title}" if number else title)
                yield self._chain(part)
                yield from self._behind(part)
                continue
            if not number:
                yield Paragraph(title)
                yield from self._fact(part, among=main)
            yield from self._shown(part.theorem, f"({number}) " if number else "")
        yield from self._conclusion()

    def _fact(self, part: Part, among: Sequence[Part]) -> Iterator[Block]:
        """A statement within the derivation, with what it supposes if the main statement supposes otherwise."""
        given = self._hypotheses(part.theorem)
        if part not in among and self._supposed(given) != self._supposed(self._hypotheses(among[-1].theorem)):
            yield Paragraph(self._supposed(given))
        yield self.display(self.printer.body(part.theorem.conclusion.body))

    def _chain(self, part: Part) -> Rows:
        steps = [(self.printer.value(step.value), self.words(step.why)) for step in part.steps]
        relation = f"{self.dialect.relations['==']} "
        return calculation(self.printer.value(part.start or Value(())), steps, relation, self.dialect, self.sizes)

    def _behind(self, part: Part) -> Iterator[Block]:
        used = {fact.conclusion: fact for fact in facts(part.theorem)}
        if used:
            total = sum(cases(fact.arguments["certificate"]) for fact in used.values())
            yield Paragraph(f"Behind these steps {_facts(len(used), total)}.")

    def _shown(self, theorem: Theorem, label: str) -> Iterator[Block]:
        """How an integer fact, or an induction, is shown."""
        root = _root(theorem)
        if root.rule == "induct":
            yield Paragraph(label + _induction(root))
        elif root.rule == "fact":
            yield from self._refuted(root, label)
        else:
            used = facts(theorem)
            yield Paragraph(
                f"{label}Behind this {_facts(len(used), sum(cases(f.arguments['certificate']) for f in used))}."
            )

    def _refuted(self, fact: Theorem, label: str) -> Iterator[Block]:
        found = identities(fact)
        if not found:
            count = cases(fact.arguments["certificate"])
            each = f" in each of {count} cases" if count > 1 else ""
            yield Paragraph(f"{label}An integer fact: its negation is refuted by an exact polynomial identity{each}.")
            return
        flat = self.plain.flat
        names = [self.math(f"{flat.term(v)} = {flat.term(term)}") for v, term in found[0].names]
        defined = f" With {self.listed(names)}," if names else ""
        bracket = "no bracket below is negative, those marked are 0, and yet"
        cased = f"there are {len(found)} cases, in each of which " if len(found) > 1 else ""
        opening = f"{defined} {cased}{bracket}" if defined else f" Then {cased}{bracket}"
        yield Paragraph(f"{label}Suppose the contrary.{opening}")
        for identity in found:
            yield self.display(self._identity(identity))
        yield Paragraph("which cannot be.")

    def _identity(self, identity: Identity) -> list[Piece]:
        pieces: list[Piece] = []
        for number, product in identity.products:
            written = "".join(self._bracket(part) for part in product)
            pieces.append(Piece(self._times(number, written), BREAK_TERM, " + " if pieces else ""))
        for factor, zero in identity.zeros:
            marked = self.dialect.marked(
                self._bracket(zero, always=True), f"{self.dialect.relations['==']}0".replace(" ", "")
            )
            negative = bool(factor.as_coeff_Mul()[0].is_negative)
            absolute = -factor if negative else factor
            front = "" if absolute == 1 else self._bracket(absolute)
            sign = self.dialect.minus if negative else "+"
            pieces.append(Piece(front + marked, BREAK_TERM, f" {sign} " if pieces else ""))
        return [*pieces, Piece(f"{self.dialect.minus}1", 0.0, f" {self.dialect.relations['==']} ")]

    def _bracket(self, term: sympy.Expr, *, always: bool = False) -> str:
        written = self.plain.term(term)
        return written if not always and not isinstance(term, sympy.Add) else self.dialect.parentheses(written)

    def _times(self, number: sympy.Rational, written: str) -> str:
        return written if number == 1 else self.plain.term(number) + self.dialect.product + written

    def _conclusion(self) -> Iterator[Block]:
        last = self.proof.parts[-1]
        if len(last.steps) > 3 and len(self.proof.statements) == 1:
            yield Paragraph("Hence, as claimed,")
            yield self.display(self.printer.body(last.theorem.conclusion.body))
        if self.entry.helper:
            yield Paragraph(f"{self.dialect.code('convmath.' + self.entry.helper)} computes it.")

    def _special(self, part: Part) -> Iterator[Block]:
        body = self.display(self.printer.body(part.theorem.conclusion.body))
        yield Boxed(self.words(part.title), body.lines)
        if part.steps:
            yield self._chain(part)

    # Trust

    def _trust(self) -> Iterator[Block]:
        trust = frozenset[str]().union(*(theorem.trust for theorem in self.proof.theorems))
        used = {fact.conclusion: fact for theorem in self.proof.theorems for fact in facts(theorem)}
        total = sum(cases(fact.arguments["certificate"]) for fact in used.values())
        proved = "Proved: every step is a rule of the kernel"
        proved += f"; behind the steps {_facts(len(used), total)}." if used else "."
        admitted = sorted(trust - {KERNEL})
        if admitted:
            proved += f" It also rests on {self.listed([self.dialect.prose(name) for name in admitted])}."
        yield Paragraph(proved)


def _induction(theorem: Theorem) -> str:
    ends = [_root(premise) for premise in theorem.premises]
    if any(end.rule != "fact" for end in ends):
        return "By induction, from the base and the step shown above."
    base, step = (_counted(cases(end.arguments["certificate"]), "case") for end in ends)
    return f"By induction. The base and the step are integer facts, with certificates of {base} and {step}."


def _facts(number: int, total: int) -> str:
    stand = "stands an integer fact" if number == 1 else f"stand {number} integer facts"
    certificates = "a checked certificate" if number == 1 else "checked certificates"
    return f"{stand} with {certificates} ({_counted(total, 'case')})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _root(theorem: Theorem) -> Theorem:
    """The theorem without the lemmas that were cut into it."""
    while theorem.rule == "cut":
        theorem = theorem.premises[1]
    return theorem


def _defined(statement: Statement) -> Any:
    """The base of the entry that a statement defines."""
    body = statement.body
    left = body.args[0] if isinstance(body, Formula) else next(iter(body.left.terms[0].factors), None)
    return left.base if isinstance(left, sympy.Indexed) else None
