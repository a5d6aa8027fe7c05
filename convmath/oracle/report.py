"""The report of a check: frozen data with a verdict, to be printed or saved."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree import ElementTree

from ..errors import DomainError
from ..notebook import brief, html_text, printed

Nested: TypeAlias = Any
"""A number, or a tuple of such per axis of an array."""

_NOT_XML = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Verdict(StrEnum):
    """What is wrong with a call."""

    WRONG_VALUE = "wrong value"
    WRONG_SHAPE = "wrong shape"
    WRONG_TYPE = "wrong type"
    NAN = "NaN"
    NO_ARRAY = "no array"
    EXCEPTION = "exception"
    INPUT_CHANGED = "input changed"
    HANG = "hang"
    CRASH = "crash"


DEAR = frozenset({Verdict.HANG, Verdict.CRASH})
"""What costs a process, and maybe the time limit, each time that it is seen."""


@dataclass(frozen=True)
class FeatureCount:
    """How many cases with a feature passed and failed; neither, if none was tried."""

    name: str
    passed: int
    failed: int

    @property
    def result(self) -> str:
        """In words.

        >>> FeatureCount("stride", 0, 0).result
        'not tried'
        """
        if self.failed:
            return "fails" if not self.passed else "fails in part"
        return "passes" if self.passed else "not tried"


@dataclass(frozen=True)
class Failure:
    """A failing case.

    Attributes:
        case: its descriptor, which ``check_case`` and ``convmath check --case`` take.
        verdict: what kind of failure it is.
        reason: what happened, in a line.
        features: what the case exercises.
        expected: the exact result, nested by axis; None if it is large.
        got: what came out, likewise; None if nothing did.
        differing: how many of the elements are wrong.
        elements: how many there are.
        traceback: of an exception or a crash, the function's own frames.
        snippet: a script that fails as the case does, with NumPy and the function alone; "" for large arrays.
        command: a command line that replays the case; "" for a function that cannot be imported by name.
    """

    case: str
    verdict: Verdict
    reason: str
    features: tuple[str, ...]
    expected: Nested = None
    got: Nested = None
    differing: int = 0
    elements: int = 0
    traceback: str = ""
    snippet: str = ""
    command: str = ""

    def __repr__(self) -> str:
        """The case, and what is wrong with it."""
        return brief(self, f"{self.case}: {self.verdict}: {self.reason}")


class Printed(ABC):
    """A report with a verdict: a line at a prompt, all of it in print, on a terminal and in a notebook."""

    @property
    @abstractmethod
    def title(self) -> str:
        """What was judged."""

    @property
    @abstractmethod
    def verdict(self) -> str:
        """One sentence."""

    @abstractmethod
    def __rich__(self) -> Any:
        """The whole report, for a terminal."""

    def __repr__(self) -> str:
        """Title and verdict."""
        return brief(self, f"{self.title}: {self.verdict}")

    def __str__(self) -> str:
        """The whole report as text."""
        return printed(self.__rich__())

    def _repr_html_(self) -> str:
        """The whole report, for notebooks."""
        return html_text(str(self))


@dataclass(frozen=True, repr=False)
class Report(Printed):
    """What became of a function under test.

    Attributes:
        function: its name.
        kind, ndim: what it was judged as.
        arithmetic: what it claims to compute in, in words.
        mode: "exact" or "bounded".
        seed: what the cases were drawn from.
        examples: how many were asked for; fewer are tried where fewer differ.
        passed, failed: how many cases did.
        not_judged: how many no bound or exact data exists for.
        by_bound: how many of an exact check's cases were judged by a bound, as they cannot be exact (averages).
        verdicts: each kind of failure, how many cases show it, and the first of them.
        features: what passes and fails, by feature.
        common: the features that every failing case has and not every passing one.
        minimal: the smallest failing case found, of the commonest kind of failure; None if all is well.
        minimised: whether it was made small, which a hang or a crash may cost too much for.
        diagnosis: the usual mistakes that explain every failing case, each to be read after "matches if".
        notes: what else there is to know.
        place: where the function ran.
        seconds: how long it took; not part of a comparison of reports.
    """

    function: str
    kind: str
    ndim: int
    arithmetic: str
    mode: str
    seed: int
    examples: int
    passed: int
    failed: int
    not_judged: int
    by_bound: int
    verdicts: tuple[tuple[Verdict, int, str], ...]
    features: tuple[FeatureCount, ...]
    common: tuple[str, ...]
    minimal: Failure | None
    diagnosis: tuple[str, ...]
    notes: tuple[str, ...]
    place: str
    seconds: float = field(compare=False)
    minimised: bool = True

    @property
    def ok(self) -> bool:
        """Whether some case was judged, and none failed."""
        return self.passed > 0 and not self.failed

    @property
    def verdict(self) -> str:
        """One sentence."""
        judged = self.passed + self.failed
        if not judged:
            return f"not judged: {self.not_judged} cases, none with exact data or a finite bound"
        if self.ok:
            return f"passes {judged} of {judged} cases"
        kinds = ", ".join(f"{count} {verdict}" for verdict, count, _ in self.verdicts)
        return f"fails {self.failed} of {judged} cases: {kinds}"

    @property
    def title(self) -> str:
        """What was judged as what."""
        return f"{self.function} as {self.kind} with {axes(self.ndim)} in {self.arithmetic}, {self.mode}"

    def __rich__(self) -> Any:
        """The whole report, for a terminal."""
        from .report_view import view

        return view(self)

    def json(self) -> str:
        """The report as JSON; NaN and infinities are strings."""
        data = {"ok": self.ok, "verdict": self.verdict, **asdict(self)}
        return json.dumps(_plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def junit(self) -> str:
        """The report as JUnit XML: a test case for the whole, and one for each feature."""
        tests = list(self._tests())
        counts = {name: sum(child is not None and child.tag == name for *_, child in tests) for name in _OUTCOMES}
        attributes = {"tests": str(len(tests)), "failures": str(counts["failure"]), "skipped": str(counts["skipped"])}
        attributes |= {"errors": "0", "time": f"{self.seconds:.3f}"}
        suite = ElementTree.Element("testsuite", {"name": "convmath check", **attributes})
        for name, seconds, child in tests:
            given = {"classname": _xml(f"{self.function}.{self.kind}"), "name": name, "time": f"{seconds:.3f}"}
            test = ElementTree.SubElement(suite, "testcase", given)
            if child is not None:
                test.append(child)
        suites = ElementTree.Element("testsuites")
        suites.append(suite)
        ElementTree.indent(suites)
        return ElementTree.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"

    def rendered(self, suffix: str) -> str:
        """The report as the text of a file with that suffix, .json or .xml (JUnit); DomainError for another one."""
        writer = {".json": self.json, ".xml": self.junit}.get(suffix.lower())
        if writer is None:
            raise DomainError("suffix", suffix, f"needs one of {', '.join(SUFFIXES)}")
        return writer()

    def save(self, path: str | Path) -> None:
        """Write the report to a file, as JSON or as JUnit XML according to the suffix.

        Raises:
            DomainError: the suffix is neither .json nor .xml.
            OSError: the file cannot be written.
        """
        Path(path).write_text(self.rendered(Path(path).suffix), encoding="utf-8")

    def _tests(self) -> Iterator[tuple[str, float, ElementTree.Element | None]]:
        yield self.arithmetic, self.seconds, None if self.ok else _child("failure", self.verdict, self._details())
        for feature in self.features:
            counts = f"{feature.failed} of {feature.passed + feature.failed} cases fail"
            failed = _child("failure", counts) if feature.failed else None
            yield feature.name, 0.0, failed if feature.passed or feature.failed else _child("skipped", "not tried")

    def _details(self) -> str:
        if self.minimal is None:
            return ""
        found = self.minimal
        lines = [f"{found.case}: {found.verdict}: {found.reason}", *(f"matches if {text}" for text in self.diagnosis)]
        return "\n\n".join(filter(None, ["\n".join(lines), found.traceback, found.snippet]))


SUFFIXES = (".json", ".xml")
"""Of the files that a report is saved as."""

_OUTCOMES = ("failure", "skipped")


def axes(ndim: int) -> str:
    """A number of axes in words.

    >>> axes(1), axes(2)
    ('1 axis', '2 axes')
    """
    return "1 axis" if ndim == 1 else f"{ndim} axes"


def _child(tag: str, message: str, text: str = "") -> ElementTree.Element:
    element = ElementTree.Element(tag, {"message": _xml(message)})
    element.text = _xml(text) or None
    return element


def _xml(text: str) -> str:
    """Text without what XML 1.0 has no place for, such as a terminal's escape sequences."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value
