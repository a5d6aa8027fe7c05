"""Writes a counterexample's page: the claim, where it fails, and what is true instead."""

from __future__ import annotations

from collections.abc import Iterator

from ..calculus.terms import Statement
from ..counterexamples import Counterexample
from ..phrases import listed, phrase, say
from .assumptions import hypotheses
from .dialect import Dialect
from .examples import failure
from .mentions import mentions
from .page import Block, Page, Paragraph, Section, Sizes
from .writer import Writer


def refutation(item: Counterexample, dialect: Dialect, sizes: Sizes) -> Page:
    """The page of a counterexample in one dialect.

    Raises:
        ProofError: no counterexample of the claim was found.
    """
    claim = Statement(item.claim.body)
    given = tuple(h if isinstance(h, Statement) else Statement(h) for h in item.claim.given)
    names = set().union(*map(mentions, (claim, *given)))
    writer = Writer(item.claim.symbols, names, dialect, sizes, hypotheses=given)

    def blocks() -> Iterator[Block]:
        yield Paragraph(say("It is claimed:"))
        if item.claim.symbols:
            yield Paragraph(writer.supposed(hypotheses(given, claim, writer.order)))
        yield writer.display(writer.printer.body(claim.body))
        yield from writer.introduced(names)
        yield Paragraph(failure(writer, claim, item.witness))
        entries = listed([dialect.entry(identifier) for identifier in item.instead])
        yield Paragraph(say("What is true instead: {entries}.", entries=entries))

    return Page(
        item.id,
        writer.words(item.title),
        phrase(item.title),
        writer.words(item.summary),
        (Section("", tuple(blocks())),),
        writer.sources(item.sources),
    )
