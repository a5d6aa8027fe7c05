"""Documents: the page of one entry, or all of them with contents and bibliography; always the same bytes."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from typing import Any, Literal

import jinja2

from ..calculus.trace import trace
from ..catalog import Entry, Proof
from ..errors import DomainError
from .author import Author
from .bibliography import Reference, cited
from .dialect import Dialect
from .page import Page, Sizes
from .printer import latex, text
from .tex import LATEX, MARKDOWN, escape
from .unicode import TEXT
from .words import sentence

Style = Literal["latex", "markdown", "text", "json"]

GROUPS: Mapping[str, str] = {
    "interval": "Counting",
    "size": "Output sizes",
    "correlation": "Correlation",
    "convolution": "Convolution",
    "grad": "Gradients",
    "transpose": "Transposed convolution",
    "receptive": "Receptive fields",
}
"""The headings of the complete document, by the first part of the ids and in their order."""


@dataclass(frozen=True)
class Form:
    """How a style writes and lays out a page."""

    dialect: Dialect
    sizes: Sizes
    suffix: str


FORMS: Mapping[str, Form] = {
    "latex": Form(LATEX, Sizes(line=39.0, beside=26.5), "tex"),
    "markdown": Form(MARKDOWN, Sizes(line=46.0, beside=30.0), "md"),
    "text": Form(TEXT, Sizes(line=74, beside=74), "txt"),
}


def render(
    entries: Entry | Iterable[Entry], *, ndim: int | None = None, style: Style = "latex", standalone: bool = True
) -> str:
    """The page of an entry, or one document about several.

    Args:
        entries: an entry, or several.
        ndim: the number of axes, for the entries that have a choice; an entry alone must have it.
        style: ``"latex"``, ``"markdown"``, ``"text"`` (80 columns) or ``"json"``.
        standalone: for LaTeX, whether to write a whole document and not only what stands in its body.

    Raises:
        DomainError: the style is unknown, or the entry has no such number of axes.
        ProofError: a proof does not check, or its example or its counterexample does not hold.
    """
    alone = isinstance(entries, Entry)
    chosen = (entries,) if isinstance(entries, Entry) else tuple(entries)
    proved = [(entry, entry.proof(ndim if alone or ndim in entry.ndims else None)) for entry in chosen]
    if style == "json":
        data = [as_data(entry, proof) for entry, proof in proved]
        return json.dumps(data[0] if alone else data, indent=2, ensure_ascii=False) + "\n"
    if style not in FORMS:
        raise DomainError("style", style, f"needs one of: {', '.join((*FORMS, 'json'))}")
    form = FORMS[style]
    pages = [Author(entry, proof, form.dialect, form.sizes).page() for entry, proof in proved]
    return _templates(style).get_template(f"document.{form.suffix}").render(
        pages=pages,
        groups=_grouped(pages),
        alone=alone,
        standalone=standalone,
        references=_references(pages),
    )  # fmt: skip


def _grouped(pages: Sequence[Page]) -> list[tuple[str, list[Page]]]:
    """The pages under the headings of the complete document."""
    order = [*GROUPS, *sorted({page.id.split(".")[0] for page in pages} - GROUPS.keys())]
    ranked = sorted(pages, key=lambda page: order.index(page.id.split(".")[0]))
    return [
        (GROUPS.get(first, first.capitalize()), list(members))
        for first, members in groupby(ranked, key=lambda page: page.id.split(".")[0])
    ]


def _references(pages: Iterable[Page]) -> list[Reference]:
    """What the pages cite, each once, by authors and year."""
    found = {
        reference.key: reference for page in pages for source, _ in page.sources if (reference := cited(source)[0])
    }
    return sorted(found.values(), key=lambda reference: (not reference.surnames, reference.short, reference.key))


def as_data(entry: Entry, proof: Proof) -> dict[str, Any]:
    """An entry's derivation as plain data: statements, assumptions and steps in LaTeX and in text, and the trace."""
    statements = [part.theorem for part in proof.statements]
    assumed = sorted({h for theorem in statements for h in theorem.hypotheses}, key=lambda h: repr(h.json()))
    return {
        "id": entry.id,
        "title": entry.title,
        "summary": entry.summary,
        "sources": list(entry.sources),
        "statement": [_written(theorem.conclusion) for theorem in statements],
        "assumptions": [
            _written(h) | {"for_all": [v.name for v in h.variables], "if": [_written(c) for c in h.conditions]}
            for h in assumed
        ],
        "symbols": {str(getattr(name, "label", name)): words for name, words in proof.symbols.items()},
        "parts": [
            {
                "title": part.title,
                "theorem": _written(part.theorem.conclusion),
                "start": None if part.start is None else _written(part.start),
                "steps": [_written(step.value) | {"why": step.why} for step in part.steps],
            }
            for part in (*proof.parts, *proof.special)
        ],
        "trust": sorted(frozenset[str]().union(*(theorem.trust for theorem in proof.theorems))),
        "trace": [trace(theorem) for theorem in statements],
    }


def _written(item: Any) -> dict[str, Any]:
    return {"latex": latex(item), "text": text(item)}


@cache
def _templates(style: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("convmath.latex"),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - no HTML is written
    )
    environment.filters |= {"escape": escape, "wrap": _wrapped, "github": _github, "reason": _reason, "cited": cited}
    environment.filters["words"] = lambda words: sentence(words, FORMS[style].dialect, ())
    environment.globals |= {"source": lambda reference: _described(reference, FORMS[style].dialect)}
    return environment


def _wrapped(words: str, indent: int = 0, mark: str = "") -> str:
    """A paragraph in 80 columns, with a mark before every line."""
    pad = " " * indent + mark
    return textwrap.fill(
        words, 80, initial_indent=pad, subsequent_indent=pad, break_long_words=False, break_on_hyphens=False
    )


def _github(formula: str) -> str:
    """A formula in which Markdown finds nothing to unescape: row ends only at the ends of lines."""
    return formula.replace(r"\\ ", "\\\\\n").replace(r"\,", r"\thinspace ").replace(r"\ ", r"\enspace ")


def _reason(words: str) -> str:
    """A sentence with formulas as a formula with words."""
    plain = re.sub(r"\\([^A-Za-z])", r"\1", words.replace("`", ""))
    parts = plain.split("$")
    return "".join(
        rf"\text{{{part}}}" if number % 2 == 0 else _github(part) for number, part in enumerate(parts) if part
    )


def _described(reference: Reference, dialect: Dialect) -> str:
    """A line of the bibliography."""
    parts = [", ".join(map(dialect.prose, reference.authors)), dialect.prose(reference.field("title"))]
    parts += [
        dialect.prose(reference.field(name)) for name in ("edition", "journal", "publisher", "organization", "year")
    ]
    if reference.url:
        parts.append(rf"\url{{{reference.url}}}" if dialect is LATEX else reference.url)
    return ", ".join(part for part in parts if part)
