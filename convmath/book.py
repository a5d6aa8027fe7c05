"""The whole catalogue as one document: entries, counterexamples, worked examples, indexes and bibliography."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from .catalog import Entry, Proof, entries
from .counterexamples import all_counterexamples
from .errors import DomainError
from .latex.author import Author
from .latex.document import FORMS, Form, bibliography, chapters_of, written
from .latex.front import introduction, notation
from .latex.indexes import conditions, literature_table
from .latex.page import Page
from .latex.refutation import refutation
from .literature import literature, titles
from .phrases import say, speaking
from .worked import examples

_STEPS = 6
"""Elements of a worked example whose calculation is written out."""
PREFIXES = {"entry": "", "counterexample": "counterexample:", "worked": "worked:"}
"""What stands before the id of a page in the name by which the document refers to it."""


@dataclass(frozen=True)
class Chapter:
    """Pages of one kind under a heading."""

    heading: str
    pages: tuple[Page, ...]
    prefix: str


@dataclass(frozen=True)
class Index:
    """A table with its heading and what it shows."""

    heading: str
    words: str
    rows: Sequence[object]


def book(*, ndim: int | None = None, style: str = "latex", language: str = "en") -> str:
    """The complete document; always the same bytes for the same catalogue.

    Args:
        ndim: the number of axes, for the entries that have a choice and have that one.
        style: ``"latex"``, ``"markdown"`` or ``"text"``.
        language: ``"en"`` or ``"zh"``; a Chinese document is for XeLaTeX.

    Raises:
        DomainError: the style or the language is unknown.
        ProofError: something in it does not hold.
    """
    if style not in FORMS:
        raise DomainError("style", style, f"needs one of: {', '.join(FORMS)}")
    with speaking(language):
        return _book(FORMS[style], style, ndim)


def _book(form: Form, style: str, ndim: int | None) -> str:
    dialect, sizes = form.dialect, form.sizes
    proved = [(entry, entry.proof(ndim if ndim in entry.ndims else None)) for entry in entries()]
    pages = [Author(entry, proof, dialect, sizes).page() for entry, proof in proved]
    refuted = tuple(refutation(item, dialect, sizes) for item in all_counterexamples())
    worked = tuple(item.page(form, steps=_STEPS) for item in examples())
    chapters = [
        *(Chapter(part.heading, part.pages, PREFIXES["entry"]) for part in chapters_of(pages)),
        Chapter(say("Counterexamples"), refuted, PREFIXES["counterexample"]),
        Chapter(say("Worked examples"), worked, PREFIXES["worked"]),
    ]
    stated = literature()
    cited = [source for part in chapters for page in part.pages for source, _ in page.sources]
    return written(
        "book",
        style,
        alone=False,
        title=say("Convolution arithmetic, derived and proved"),
        version=version("convmath"),
        front=(introduction(dialect), notation(dialect)),
        chapters=chapters,
        assumptions=Index(
            say("Index of assumptions"),
            say("The conditions under which the entries hold, with the numbers of the entries that suppose them. "
                "Sequences and tensors that an entry defines are not conditions."),
            conditions(_in_order(proved, chapters), dialect, sizes),
        ),
        literature=Index(
            say("Table of the literature"),
            say("What other texts state, in our words, and the pages and functions that show it here."),
            literature_table(stated, titles(), PREFIXES, dialect),
        ),
        references=bibliography([*cited, *(row.source for row in stated if row.source not in titles())]),
    )  # fmt: skip


def _in_order(proved: Iterable[tuple[Entry, Proof]], chapters: Iterable[Chapter]) -> list[tuple[Entry, Proof]]:
    """The entries in the order of their pages."""
    place = {page.id: number for number, page in enumerate(page for part in chapters for page in part.pages)}
    return sorted(proved, key=lambda item: place[item[0].id])
