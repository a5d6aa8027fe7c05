"""What frameworks make of the same cases: frozen data, to be printed or saved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from math import isfinite
from pathlib import Path
from textwrap import shorten
from typing import Any

import jinja2

from ..errors import DomainError
from ..notebook import brief
from .backends.divergences import DECISIONS, Divergence
from .report import Failure, Printed, axes


@dataclass(frozen=True)
class Installation:
    """A backend, and the versions of its packages."""

    name: str
    versions: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        """Name and versions."""
        told = [f"{package} {version}" if package != self.name else version for package, version in self.versions]
        return f"{self.name} ({', '.join(filter(None, told))})"


@dataclass(frozen=True)
class Found:
    """One way in which a backend diverges on cases of a kind.

    Attributes:
        count: how many of the cases show it.
        failure: the smallest of them that was found.
        diagnosis: the usual mistakes that would explain it, each to be read after "matches if".
        known: the known divergence that it is; None if it is a new one.
        notes: what else there is to know, such as that the failure does not repeat itself.
    """

    count: int
    failure: Failure
    diagnosis: tuple[str, ...]
    known: Divergence | None = None
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """How often, and what is wrong."""
        return brief(self, f"{self.count:,} times", self.summary, self.status)

    @property
    def entry(self) -> str:
        """The id of the known divergence; "" if it is a new one."""
        return "" if self.known is None else self.known.id

    @property
    def status(self) -> str:
        """What the list says of it, in a line."""
        return "not in the list" if self.known is None else f"{self.known.id}, {self.known.decision}"

    @property
    def summary(self) -> str:
        """What is wrong, without the end of a long message."""
        return f"{self.failure.verdict}: {shorten(self.failure.reason, _SUMMARY, placeholder=' ...')}"


@dataclass(frozen=True)
class Cell:
    """What a backend makes of the cases of one kind.

    Attributes:
        drawn: how many cases there are.
        passed: how many are right.
        not_judged: how many no bound or exact data exists for, or were left when too many had hung or crashed.
        unsupported: why the framework does not compute cases, and how many.
        found: the divergences.
    """

    backend: str
    kind: str
    ndim: int
    drawn: int
    passed: int
    not_judged: int
    unsupported: tuple[tuple[str, int], ...]
    found: tuple[Found, ...]
    seconds: float = field(compare=False)

    def __repr__(self) -> str:
        """Whose cases of which kind, and how many are right."""
        return brief(self, f"{self.backend}: {self.place}", self.text, self.state)

    @property
    def failed(self) -> int:
        """How many cases diverge."""
        return sum(found.count for found in self.found)

    @property
    def new(self) -> int:
        """How many of them the list of known divergences does not explain."""
        return sum(found.count for found in self.found if not found.entry)

    @property
    def place(self) -> str:
        """The kind and the number of axes."""
        return f"{self.kind} with {axes(self.ndim)}"

    @property
    def judged(self) -> int:
        """How many cases are right or wrong."""
        return self.passed + self.failed

    @property
    def state(self) -> str:
        """In a word.

        >>> Cell("scipy", "avg_pool", 1, 5, 0, 0, (("scipy has no operator for avg_pool", 5),), (), 0.0).state
        'not supported'
        """
        if not self.judged:
            return "not supported" if self.unsupported else "not judged"
        if self.new:
            return "new divergence"
        return "known divergence" if self.failed else "passes"

    @property
    def text(self) -> str:
        """Passed of judged cases; a dash where none is supported."""
        return f"{self.passed}/{self.judged}" if self.judged else "-"


@dataclass(frozen=True, repr=False)
class Conformance(Printed):
    """What backends make of the same cases.

    Attributes:
        backends: those that were tested.
        environment: names and versions of what they ran with.
        arithmetic, mode: what they claim to compute in, and how they are judged.
        seed, examples, max_macs: what the cases were drawn from, for each kind and number of axes.
        cells: one for each backend, kind and number of axes.
        seconds: how long it took; not part of a comparison of reports.
    """

    backends: tuple[Installation, ...]
    environment: tuple[tuple[str, str], ...]
    arithmetic: str
    mode: str
    seed: int
    examples: int
    max_macs: int
    cells: tuple[Cell, ...]
    seconds: float = field(compare=False)

    @property
    def ok(self) -> bool:
        """Whether some case was judged and no divergence is new."""
        return any(cell.judged for cell in self.cells) and not any(cell.new for cell in self.cells)

    @property
    def verdict(self) -> str:
        """One sentence."""
        judged, failed = sum(cell.judged for cell in self.cells), sum(cell.failed for cell in self.cells)
        new = sum(cell.new for cell in self.cells)
        return f"{judged - failed} of {judged} answers are right, {failed - new} diverge as known, {new} as not known"

    @property
    def title(self) -> str:
        """What was judged, and how."""
        names = ", ".join(map(str, self.backends))
        return f"{names} in {self.arithmetic}, {self.mode}"

    @property
    def rows(self) -> tuple[tuple[str, int, tuple[Cell, ...]], ...]:
        """Kind, number of axes, and the cells in the order of the backends."""
        by_place = {(cell.kind, cell.ndim, cell.backend): cell for cell in self.cells}
        places = dict.fromkeys((cell.kind, cell.ndim) for cell in self.cells)
        names = [tested.name for tested in self.backends]
        return tuple((kind, ndim, tuple(by_place[kind, ndim, name] for name in names)) for kind, ndim in places)

    @property
    def divergences(self) -> tuple[tuple[Cell, Found], ...]:
        """Every divergence with its cell, the new ones first."""
        pairs = [(cell, found) for cell in self.cells for found in cell.found]
        return tuple(sorted(pairs, key=lambda pair: bool(pair[1].entry)))

    @property
    def known(self) -> tuple[Divergence, ...]:
        """The known divergences that show, each once."""
        return tuple(dict.fromkeys(found.known for _, found in self.divergences if found.known is not None))

    @property
    def refusals(self) -> tuple[tuple[str, str, int], ...]:
        """Backend, reason and how many cases it does not support for it."""
        counts: dict[tuple[str, str], int] = {}
        for cell in self.cells:
            for reason, count in cell.unsupported:
                counts[cell.backend, reason] = counts.get((cell.backend, reason), 0) + count
        return tuple((backend, reason, count) for (backend, reason), count in counts.items())

    def __rich__(self) -> Any:
        """The whole report, for a terminal."""
        from .conformance_view import view

        return view(self)

    def json(self) -> str:
        """The report as JSON; NaN and infinities are strings."""
        cells = [{"state": cell.state, "failed": cell.failed, **asdict(cell)} for cell in self.cells]
        data = {"ok": self.ok, "verdict": self.verdict, **asdict(self), "cells": cells}
        return json.dumps(_plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def markdown(self) -> str:
        """The report as a Markdown page."""
        return _template("md").render(report=self)

    def html(self) -> str:
        """The report as an HTML page that needs no other file."""
        return _template("html").render(report=self)

    def rendered(self, suffix: str) -> str:
        """The report as the text of a file with that suffix, .html, .json or .md; DomainError for another one."""
        writer = {".html": self.html, ".json": self.json, ".md": self.markdown}.get(suffix.lower())
        if writer is None:
            raise DomainError("suffix", suffix, f"needs one of {', '.join(SUFFIXES)}")
        return writer()

    def save(self, path: str | Path) -> None:
        """Write the report to a file, as its suffix says.

        Raises:
            DomainError: the suffix is none of .html, .json, .md.
            OSError: the file cannot be written.
        """
        Path(path).write_text(self.rendered(Path(path).suffix), encoding="utf-8")


SUFFIXES = (".html", ".json", ".md")
"""Of the files that a report is saved as."""

_SUMMARY = 300


@cache
def _template(suffix: str) -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("convmath.oracle"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=suffix == "html",  # noqa: S701 - Markdown is not HTML
    )
    environment.globals["DECISIONS"] = DECISIONS
    environment.filters["cell"] = lambda text: str(text).replace("|", "\\|").replace("\n", " ")
    return environment.get_template(f"conformance.{suffix}")


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return list(_entries(value)) if isinstance(value, (list, tuple)) else value


def _entries(values: Any) -> Iterator[Any]:
    return map(_plain, values)
