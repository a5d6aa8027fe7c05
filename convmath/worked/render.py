"""Worked examples as documents: LaTeX, Markdown or text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from ..errors import DomainError
from ..latex.document import FORMS, Form, render_pages
from ..latex.page import Page, Section
from ..phrases import say, speaking
from .calculation import STEPS, Calculation
from .layout import Writer

Style = Literal["latex", "markdown", "text"]


def render(
    parts: Calculation | Sequence[Calculation],
    *,
    style: Style = "text",
    steps: int | None = STEPS,
    standalone: bool = True,
    language: str = "en",
) -> str:
    """A calculation, or several one after the other, step by step.

    Args:
        parts: what is computed.
        style: ``"latex"``, ``"markdown"`` or ``"text"`` (80 columns).
        steps: how many elements of each result are written out; None for all.
        standalone: for LaTeX, whether to write a whole document and not only what stands in its body.
        language: ``"en"`` or ``"zh"``; a Chinese document is for XeLaTeX.

    Raises:
        DomainError: the style or the language is unknown, or ``steps`` is negative.
    """
    chosen = list(parts) if isinstance(parts, Sequence) else [parts]
    form = form_of(style)
    with speaking(language):
        return render_pages([page(chosen, form, steps=steps)], style=style, alone=True, standalone=standalone)


def form_of(style: str) -> Form:
    """How a style writes and lays out a page.

    Raises:
        DomainError: the style is unknown.

    >>> form_of("text").suffix
    'txt'
    """
    if style not in FORMS:
        raise DomainError("style", style, f"needs one of: {', '.join(FORMS)}")
    return FORMS[style]


def page(
    parts: Sequence[Calculation],
    form: Form,
    *,
    identifier: str = "",
    title: str = "",
    summary: str = "",
    sources: Sequence[str] = (),
    steps: int | None = STEPS,
) -> Page:
    """The page of some calculations; without an identifier, title and summary they are those of the first."""
    if steps is not None and steps < 0:
        raise DomainError("steps", steps, "needs steps >= 0")
    write = Writer(form.dialect, form.sizes)
    title = title or parts[0].title
    return Page(
        identifier or parts[0].kind,
        form.dialect.prose(title),
        title,
        form.dialect.prose(summary or say("Every number is exact.")),
        tuple(_sections(parts, write, steps)),
        tuple((source, form.dialect.prose(source)) for source in sources),
    )


def _sections(parts: Sequence[Calculation], write: Writer, steps: int | None) -> Iterator[Section]:
    for number, part in enumerate(parts, 1):
        if len(parts) > 1:
            yield Section(say("Part {number}: {title}", number=number, title=part.title), ())
        yield from part.sections(write, steps)
