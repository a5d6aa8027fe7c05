"""Documents: the page of one entry, or all of them with contents and bibliography; always the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby
from types import MappingProxyType
from typing import Any, Literal

import jinja2

from ..calculus.trace import trace
from ..catalog import Entry, Proof
from ..errors import DomainError
from ..phrases import phrase, say, speaking, spoken
from .author import Author
from .bibliography import Reference, cited, located
from .dialect import Dialect
from .page import Page, Sizes
from .printer import latex, text
from .tex import LATEX, MARKDOWN, escape
from .unicode import TEXT
from .words import sentence
from .wrapping import columns, wrapped
from .writer import meaning_of

Style = Literal["latex", "markdown", "text", "json"]

GROUPS: Mapping[str, str] = {
    "interval": "Counting",
    "size": "Output sizes",
    "correlation": "Convolution and correlation",
    "convolution": "Convolution and correlation",
    "dense": "Dense layers, convolution layers and channels",
    "layer": "Dense layers, convolution layers and channels",
    "channels": "Dense layers, convolution layers and channels",
    "grad": "Gradients and backpropagation",
    "backprop": "Gradients and backpropagation",
    "transpose": "Transposed convolution and matrices",
    "matrix": "Transposed convolution and matrices",
    "unfold": "Transposed convolution and matrices",
    "pool": "Pooling",
    "receptive": "Receptive fields",
    "effective": "Receptive fields",
    "homogeneous": "Equivariance",
    "equivariance": "Equivariance",
    "filters": "Filters",
    "cost": "Costs",
    "sparse": "Costs",
    "continuous": "Convolution of functions",
    "powers": "Fourier transforms and minimal filtering",
    "fourier": "Fourier transforms and minimal filtering",
    "winograd": "Fourier transforms and minimal filtering",
}
"""The chapters of the complete document in their order: their headings by the first part of the ids."""


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
    entries: Entry | Iterable[Entry],
    *,
    ndim: int | None = None,
    style: Style = "latex",
    standalone: bool = True,
    language: str = "en",
) -> str:
    """The page of an entry, or one document about several.

    Args:
        entries: an entry, or several.
        ndim: the number of axes, for the entries that have a choice; an entry alone must have it.
        style: ``"latex"``, ``"markdown"``, ``"text"`` (80 columns) or ``"json"``.
        standalone: for LaTeX, whether to write a whole document and not only what stands in its body.
        language: ``"en"`` or ``"zh"``; a Chinese document is for XeLaTeX.

    Raises:
        DomainError: the style or the language is unknown, or the entry has no such number of axes.
        ProofError: a proof does not check, or its example or its counterexample does not hold.
    """
    with speaking(language):
        return _rendered(entries, ndim, style, standalone)


def _rendered(entries: Entry | Iterable[Entry], ndim: int | None, style: Style, standalone: bool) -> str:
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
    return render_pages(pages, style=style, alone=alone, standalone=standalone)


@dataclass(frozen=True)
class Chapter:
    """Pages under a heading."""

    heading: str
    pages: tuple[Page, ...]


def render_pages(
    pages: Sequence[Page],
    *,
    style: str,
    alone: bool,
    standalone: bool = True,
    subjects: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Pages as one document under the headings of the catalogue; ``alone`` gives a page without contents.

    ``subjects`` has the entries in whose chapters the pages of other ids stand.
    """
    chapters = chapters_of(pages, subjects)
    return written("document", style, pages=pages, groups=chapters, alone=alone, standalone=standalone,
                   references=bibliography(source for page in pages for source, _ in page.sources))  # fmt: skip


def written(template: str, style: str, **content: Any) -> str:
    """What a template of a style makes of the content."""
    return _templates(style).get_template(f"{template}.{FORMS[style].suffix}").render(content)


def chapters_of(pages: Iterable[Page], subjects: Mapping[str, str] = MappingProxyType({})) -> list[Chapter]:
    """The pages under the headings of the complete document, each by its id or by that of its subject."""

    def first(page: Page) -> str:
        return subjects.get(page.id, page.id).partition(".")[0]

    def heading(page: Page) -> str:
        return phrase(GROUPS[first(page)]) if first(page) in GROUPS else say("Others")

    order = list(GROUPS)
    ranked = sorted(pages, key=lambda page: order.index(first(page)) if first(page) in GROUPS else len(order))
    return [Chapter(words, tuple(members)) for words, members in groupby(ranked, key=heading)]


def bibliography(sources: Iterable[str]) -> list[Reference]:
    """What is cited, each once, by authors and year."""
    found = {reference.key: reference for source in sources if (reference := cited(source)[0])}
    return sorted(found.values(), key=lambda reference: (not reference.surnames, reference.short, reference.key))


def as_data(entry: Entry, proof: Proof) -> dict[str, Any]:
    """An entry's derivation as plain data: statements, assumptions and steps in LaTeX and in text, and the trace."""
    statements = [part.theorem for part in proof.statements]
    assumed = sorted({h for theorem in statements for h in theorem.hypotheses}, key=lambda h: repr(h.json()))
    return {
        "id": entry.id,
        "title": phrase(entry.title),
        "summary": phrase(entry.summary),
        "sources": list(entry.sources),
        "statement": [_written(theorem.conclusion) for theorem in statements],
        "assumptions": [
            _written(h) | {"for_all": [v.name for v in h.variables], "if": [_written(c) for c in h.conditions]}
            for h in assumed
        ],
        "symbols": {str(getattr(name, "label", name)): meaning_of(words) for name, words in proof.symbols.items()},
        "parts": [
            {
                "title": phrase(part.title),
                "theorem": _written(part.theorem.conclusion),
                "start": None if part.start is None else _written(part.start),
                "steps": [_written(step.value) | {"why": phrase(step.why)} for step in part.steps],
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
    environment.filters |= {
        "escape": escape,
        "wrap": wrapped,
        "columns": columns,
        "github": _github,
        "reason": _reason,
        "cited": cited,
    }
    environment.filters["place"] = lambda words: sentence(located(words), FORMS[style].dialect, ())
    environment.globals |= {"say": say, "phrase": phrase, "spoken": spoken}
    environment.globals |= {"source": lambda reference: _described(reference, FORMS[style].dialect)}
    return environment


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
