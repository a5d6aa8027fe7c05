"""What stands behind the pages of the complete document: the conditions by entry, and the literature by source."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from string import ascii_letters

from ..calculus.terms import Statement
from ..catalog import Entry, Proof
from ..literature import Statement as Stated
from ..phrases import phrase
from .assumptions import hypotheses, is_definition
from .bibliography import located, references
from .dialect import Dialect
from .page import Sizes
from .words import sentence
from .writer import Writer

_LETTERS = {*ascii_letters, "out", "in"} - {"x"}
"""What the statements of the literature call by letters; an x in them stands between numbers."""
_NO_PAGE = ("helper", "model")


@dataclass(frozen=True)
class Condition:
    """A condition, and the ids of the entries that suppose it."""

    condition: str
    ids: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """What shows a statement here; ``prefix`` tells its kind of page, and is None for a function of the library."""

    prefix: str | None
    id: str


@dataclass(frozen=True)
class Shown:
    """A statement of another text, and where it is shown here."""

    place: str
    says: str
    shown: tuple[Target, ...]
    wrong: bool


@dataclass(frozen=True)
class Source:
    """A text with its statements."""

    title: str
    rows: tuple[Shown, ...]


def conditions(proved: Iterable[tuple[Entry, Proof]], dialect: Dialect, sizes: Sizes) -> tuple[Condition, ...]:
    """The conditions of all entries, each once: bounds of one symbol first, then by what they are about."""
    found: dict[tuple[int, str], dict[str, None]] = {}
    for entry, proof in proved:
        writer = Writer(proof.symbols, set(), dialect, sizes)
        for part in proof.statements:
            for rank, condition in _conditions(writer, part.theorem.hypotheses, part.theorem.conclusion):
                found.setdefault((rank, condition), {})[entry.id] = None
    ordered = sorted(found, key=lambda item: (item[0], item[1].lower(), item[1]))
    return tuple(Condition(key[1], tuple(found[key])) for key in ordered)


def _conditions(writer: Writer, supposed: Iterable[Statement], conclusion: Statement) -> Iterator[tuple[int, str]]:
    given = hypotheses(supposed, conclusion, writer.order)
    at_least = writer.dialect.relations[">="]
    for number, symbols in given.least:
        yield from ((0, writer.math(f"{writer.printer.term(v)} {at_least} {number}")) for v in symbols)
    for chain in given.ranges:
        yield 1, writer.math("".join(piece.link + piece.text for piece in writer.printer.flat.chain(chain)))
    yield from ((2, writer.math(formula)) for formula in given.others)
    for statement in given.definitions:
        if not is_definition(statement):
            yield 3, phrase(" ").join([writer.math(statement), writer.range_of(statement)])


def literature_table(
    statements: Sequence[Stated], titles: Mapping[str, str], prefixes: Mapping[str, str], dialect: Dialect
) -> tuple[Source, ...]:
    """The statements source by source; ``prefixes`` has one for each kind of page."""
    return tuple(
        Source(
            _title(source, titles, dialect), tuple(_row(row, source in references(), prefixes, dialect) for row in rows)
        )
        for source, rows in groupby(statements, key=lambda row: row.source)
    )


def _title(source: str, titles: Mapping[str, str], dialect: Dialect) -> str:
    if source in titles:
        return dialect.prose(phrase(titles[source]))
    reference = references()[source]
    return dialect.prose(reference.short) if reference.surnames else dialect.code(reference.short)


def _row(row: Stated, public: bool, prefixes: Mapping[str, str], dialect: Dialect) -> Shown:
    place = sentence(located(row.place), dialect, ()) if public else dialect.code(row.place)
    return Shown(
        place,
        sentence(phrase(row.says), dialect, _LETTERS),
        tuple(_target(kind, name, prefixes, dialect) for kind, name in row.shown),
        row.wrong,
    )


def _target(kind: str, name: str, prefixes: Mapping[str, str], dialect: Dialect) -> Target:
    if kind in prefixes:
        return Target(prefixes[kind], name)
    return Target(None, dialect.code(f"convmath.{name}" if kind == "helper" else name))
