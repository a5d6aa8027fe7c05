"""The named examples: read from ``examples.toml``, computed when asked for."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from ..errors import unknown
from ..latex.document import Form, render_pages
from ..latex.page import Page
from ..notebook import brief
from ..phrases import phrase, speaking
from .calculation import STEPS, Calculation
from .conv import Conv
from .grad import Gradients
from .learn import learn_kernel
from .matrix import Matrix
from .network import Network, layer_of
from .numbers import number
from .pool import Pool
from .reading import kernel, signal, vector
from .render import Style, form_of, page
from .sizes import Size
from .transpose import ConvTranspose

_KINDS: Mapping[str, Callable[..., Calculation]] = {
    "conv": Conv,
    "conv_transpose": ConvTranspose,
    "grad": Gradients,
    "matrix": Matrix,
    "learn": learn_kernel,
}


@dataclass(frozen=True)
class Example:
    """A named example: one calculation or several, with what a page says about them."""

    id: str
    title: str
    summary: str
    sources: tuple[str, ...]
    given: tuple[Mapping[str, Any], ...]

    def __repr__(self) -> str:
        """Id and title."""
        return brief(self, f"{self.id}: {self.title}")

    def __str__(self) -> str:
        """The page as text."""
        return self.render()

    def _repr_markdown_(self) -> str:
        """The page, for notebooks."""
        return self.render(style="markdown")

    @property
    def parts(self) -> list[Calculation]:
        """The calculations; one without an input starts from the result of the one before."""
        found: list[Calculation] = []
        for given in self.given:
            found.append(_calculation(given, found[-1] if found else None))
        return found

    def page(self, form: Form, *, steps: int | None = STEPS) -> Page:
        """The page, for a document that holds several."""
        return page(
            self.parts,
            form,
            identifier=self.id,
            title=phrase(self.title),
            summary=phrase(self.summary),
            sources=self.sources,
            steps=steps,
        )

    def render(
        self, *, style: Style = "text", steps: int | None = STEPS, standalone: bool = True, language: str = "en"
    ) -> str:
        """The example step by step; the arguments are those of :func:`convmath.worked.render`."""
        form = form_of(style)
        with speaking(language):
            return render_pages([self.page(form, steps=steps)], style=style, alone=True, standalone=standalone)


@cache
def examples() -> tuple[Example, ...]:
    """All named examples, in the order of their sources.

    >>> [example.id for example in examples()][:2]
    ['nb-corr2d', 'nb-edge']
    """
    data = tomllib.loads(files(__package__).joinpath("examples.toml").read_text(encoding="utf-8"))
    return tuple(
        Example(item["id"], item["title"], item["summary"], tuple(item["sources"]), tuple(item["part"]))
        for item in data["example"]
    )


def example(identifier: str) -> Example:
    """A named example.

    Raises:
        DomainError: there is none of that name; the message has the nearest.

    >>> example("ml-24.2").parts[0].result.tolist()
    [[[11, 18], [6, 22]]]
    """
    known = {found.id: found for found in examples()}
    if identifier not in known:
        raise unknown("example", identifier, known, "example", "convmath worked --list")
    return known[identifier]


def _calculation(given: Mapping[str, Any], before: Calculation | None) -> Calculation:
    """The calculation of a part, whose arrays are in the notation of :mod:`convmath.worked.reading`."""
    options: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in given.items()}
    kind = options.pop("kind")
    if kind == "size":
        return Size(**options)
    if kind == "network":
        return Network(layers=tuple(map(layer_of, options.pop("layers"))), **options)
    text = options.pop("input", None)
    x = before.result if text is None and before is not None else signal("input", text)
    if kind == "pool":
        return Pool(x, **options)
    for name, read in (("bias", vector), ("grad_output", signal), ("rate", number)):
        if name in options:
            options[name] = read(name, options[name])
    return _KINDS[kind](x, kernel("kernel", options.pop("kernel")), **options)
