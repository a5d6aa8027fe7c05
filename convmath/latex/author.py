"""Writes an entry's page: statement, derivation, special cases, example, usual mistake, what it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import sympy

from ..calculus.kernel import KERNEL, SYMPY, Theorem
from ..calculus.reals import is_real
from ..calculus.terms import Statement, Value
from ..catalog import Entry, Proof
from ..phrases import listed, phrase, say
from .assumptions import Hypotheses, hypotheses
from .certificates import Identity, cases, facts, identities
from .dialect import Dialect
from .examples import example_blocks, mistake_blocks
from .mentions import Name, mentions, on_page, part_names
from .page import Block, Boxed, Page, Paragraph, Rows, Section, Sizes, calculation
from .printer import BREAK_TERM, Piece
from .writer import Writer

if TYPE_CHECKING:
    from ..calculus.derive import Part


class Author(Writer):
    """Writes the page of one proof in one dialect."""

    def __init__(self, entry: Entry, proof: Proof, dialect: Dialect, sizes: Sizes) -> None:
        """See the class."""
        super().__init__(proof.symbols, on_page(proof), dialect, sizes, proof.notations, _hypotheses_of(proof))
        self.entry, self.proof = entry, proof

    def page(self) -> Page:
        """The whole page."""
        sections = [
            Section("", tuple(self._statement())),
            Section(say("Derivation"), tuple(self._derivation())),
            *(Section(say("Special case"), tuple(self._special(part))) for part in self.proof.special),
            Section(say("Example"), tuple(example_blocks(self))),
            Section(say("A common mistake"), tuple(mistake_blocks(self))),
            Section(say("What it rests on"), tuple(self._trust())),
        ]
        return Page(
            self.entry.id,
            self.words(self.entry.title),
            phrase(self.entry.title),
            self.words(self.entry.summary),
            tuple(sections),
            self.sources(self.entry.sources),
        )

    # Statement

    def _statement(self) -> Iterator[Block]:
        several = len(self.proof.statements) > 1
        before: Hypotheses | None = None
        shown: list[Statement] = []
        for number, part in enumerate(self.proof.statements, 1):
            given = self._hypotheses(part.theorem)
            if several:
                yield Paragraph(self.words(part.title))
            if is_real(part.theorem.conclusion.body):
                yield Paragraph(self.supposed_of_reals(part.theorem.conclusion))
            elif before is None or replace(before, free=given.free, definitions=given.definitions) != given:
                yield Paragraph(self.supposed(given))
            elif more := [v for v in given.free if v not in before.free]:
                yield Paragraph(say("For these and all integers {more}:", more=listed([self.math(v) for v in more])))
            yield self.display(self.printer.body(part.theorem.conclusion.body), str(number) if several else "")
            new = [statement for statement in given.definitions if statement not in shown]
            if new:
                yield Paragraph(say("where moreover") if shown else say("where"))
                yield self.definitions(new)
            shown += new
            before = given
        yield from self.introduced(self._on_statement())
        for notation in self.proof.notations:
            right = self.plain.value(notation.right)
            yield Paragraph(say("Here {words}", words=self.words(notation.words)))
            yield self.display(self.equal(self.plain.term(notation.left), right))

    def _hypotheses(self, theorem: Theorem) -> Hypotheses:
        return hypotheses(theorem.hypotheses, theorem.conclusion, self.order)

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

    # Derivation

    def _derivation(self) -> Iterator[Block]:
        shown = self._on_statement()
        further = {name for part in self.proof.parts for name in part_names(part)} - shown
        yield from self.introduced(further)
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
        if part not in among and self.supposed(given) != self.supposed(self._hypotheses(among[-1].theorem)):
            yield Paragraph(self.supposed(given))
        yield self.display(self.printer.body(part.theorem.conclusion.body))

    def _chain(self, part: Part) -> Rows:
        steps = [(self.printer.value(step.value), self.words(step.why)) for step in part.steps]
        relation = f"{self.dialect.relations['==']} "
        return calculation(self.printer.value(part.start or Value(())), steps, relation, self.dialect, self.sizes)

    def _behind(self, part: Part) -> Iterator[Block]:
        used = {fact.conclusion: fact for fact in facts(part.theorem)}
        if used:
            total = sum(cases(fact.arguments["certificate"]) for fact in used.values())
            yield Paragraph(say("Behind these steps {facts}.", facts=_facts(len(used), total)), final=True)

    def _shown(self, theorem: Theorem, label: str) -> Iterator[Block]:
        """How an integer fact, or an induction, is shown."""
        root = _root(theorem)
        if root.rule == "induct":
            yield Paragraph(label + _induction(root), final=True)
        elif root.rule == "fact":
            yield from self._refuted(root, label)
        else:
            used = facts(theorem)
            total = sum(cases(fact.arguments["certificate"]) for fact in used)
            yield Paragraph(label + say("Behind this {facts}.", facts=_facts(len(used), total)), final=True)

    def _refuted(self, fact: Theorem, label: str) -> Iterator[Block]:
        found = identities(fact)
        if not found:
            count = cases(fact.arguments["certificate"])
            once = "An integer fact: its negation is refuted by an exact polynomial identity."
            each = "An integer fact: its negation is refuted by an exact polynomial identity in each of {count} cases."
            yield Paragraph(label + (say(each, count=count) if count > 1 else say(once)), final=True)
            return
        flat = self.plain.flat
        names = [self.math(f"{flat.term(v)} = {flat.term(term)}") for v, term in found[0].names]
        opening = [say("Suppose the contrary.")]
        if names:
            opening.append(say("Put {names}.", names=listed(names)))
        if len(found) > 1:
            opening.append(say("There are {count} cases.", count=len(found)))
        opening.append(say("Then no bracket below is negative, those marked are 0, and yet"))
        yield Paragraph(label + phrase(" ").join(opening))
        for identity in found:
            yield self.display(self._identity(identity))
        yield Paragraph(say("which cannot be."), final=True)

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
            yield Paragraph(say("Hence, as claimed,"))
            yield self.display(self.printer.body(last.theorem.conclusion.body))
        if self.entry.helper:
            yield Paragraph(say("{helper} computes it.", helper=self.dialect.code("convmath." + self.entry.helper)))

    def _special(self, part: Part) -> Iterator[Block]:
        body = self.display(self.printer.body(part.theorem.conclusion.body))
        yield Boxed(self.words(part.title), body.lines)
        if part.steps:
            yield self._chain(part)
        shown = self._on_statement().union(*map(part_names, self.proof.parts))
        yield from self.introduced(part_names(part) - shown)

    # Trust

    def _trust(self) -> Iterator[Block]:
        trust = frozenset[str]().union(*(theorem.trust for theorem in self.proof.theorems))
        used = {fact.conclusion: fact for theorem in self.proof.theorems for fact in facts(theorem)}
        total = sum(cases(fact.arguments["certificate"]) for fact in used.values())
        said = [say("Proved: every step is a rule of the kernel.")]
        if used:
            said.append(say("Behind the steps {facts}.", facts=_facts(len(used), total)))
        admitted = sorted(trust - {KERNEL})
        if SYMPY in admitted:
            code = self.dialect.code(SYMPY)
            said.append(say("SymPy works out the integrals ({code}), and the result rests on it.", code=code))
            admitted.remove(SYMPY)
        if admitted:
            said.append(say("It also rests on {names}.", names=listed([self.dialect.prose(name) for name in admitted])))
        yield Paragraph(phrase(" ").join(said))


def _induction(theorem: Theorem) -> str:
    ends = [_root(premise) for premise in theorem.premises]
    if any(end.rule != "fact" for end in ends):
        return say("By induction, from the base and the step shown above.")
    base, step = (_cases(cases(end.arguments["certificate"])) for end in ends)
    template = "By induction. The base and the step are integer facts, with certificates of {base} and {step}."
    return say(template, base=base, step=step)


def _facts(number: int, total: int) -> str:
    if number == 1:
        return say("stands an integer fact with a checked certificate ({cases})", cases=_cases(total))
    return say("stand {number} integer facts with checked certificates ({cases})", number=number, cases=_cases(total))


def _cases(number: int) -> str:
    return say("1 case") if number == 1 else say("{number} cases", number=number)


def _root(theorem: Theorem) -> Theorem:
    """The theorem without the lemmas that were cut into it."""
    while theorem.rule == "cut":
        theorem = theorem.premises[1]
    return theorem


def _hypotheses_of(proof: Proof) -> list[Statement]:
    """What the statements suppose, each in a fixed order."""
    return [h for part in proof.statements for h in sorted(part.theorem.hypotheses, key=lambda h: repr(h.json()))]
