"""The known divergences: where a framework's answer is not the oracle's, and whose rule it is that differs."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ...errors import DomainError, UnsupportedError
from ..case import parse_case
from ..examiner import Examiner, Setup
from ..formats import arithmetic
from ..isolation import runner_for
from ..report import Verdict
from ..supports import Supports
from ..target import Target
from . import backend
from .properties import PROPERTIES, AnyCase, properties

BUG, CONVENTION, GAP = "bug", "convention", "gap"
DECISIONS = {
    BUG: "against the framework's own documentation",
    CONVENTION: "a documented rule that differs, or one that the documentation leaves open",
    GAP: "refused, though the documentation allows it",
}


_TIME_LIMIT = 60.0


@dataclass(frozen=True)
class Divergence:
    """One entry of the list.

    Attributes:
        id: its name.
        backend: whose it is.
        version: of the backend's first package, where it was seen.
        kinds: of the cases that show it.
        ndims: their numbers of axes.
        verdicts: what is wrong with them: one of these.
        exceptions: which are raised, if any are.
        properties: what every one of them is like, by the names of :data:`PROPERTIES`.
        case: the descriptor of a small case that shows it.
        got: what comes out of that case in float32: the numbers, flattened, or a part of the message; not compared
            where it takes several attempts or varies.
        gives: what the framework does, in words.
        rule: what its documentation says.
        source: where it says so.
        decision: one of :data:`DECISIONS`.
        issue: the upstream report; "" if none is known.
        varies: whether the numbers differ from call to call, so that only the verdict is asserted.
        before: descriptors of cases that the process runs first, for what depends on what was in memory.
        attempts: in how many runs in one process the case shows it; more than 1 for what depends on what was in memory.
    """

    id: str
    backend: str
    version: str
    kinds: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    properties: tuple[str, ...]
    case: str
    got: tuple[float, ...] | str
    gives: str
    rule: str
    source: str
    decision: str
    exceptions: tuple[str, ...] = ()
    issue: str = ""
    varies: bool = False
    before: tuple[str, ...] = ()
    attempts: int = 1
    ndims: tuple[int, ...] = (1, 2, 3)

    def __post_init__(self) -> None:
        """Refuse words that have no meaning."""
        if self.decision not in DECISIONS:
            raise DomainError("decision", self.decision, f"needs one of {', '.join(DECISIONS)}", f"in {self.id}")
        for name in self.properties:
            if name not in PROPERTIES:
                raise DomainError("properties", name, f"needs names out of {', '.join(PROPERTIES)}", f"in {self.id}")

    def explains(self, backend: str, case: AnyCase, verdict: Verdict, exception: str = "") -> bool:
        """Whether a failing case shows this divergence."""
        if backend != self.backend or verdict not in self.verdicts or case.kind not in self.kinds:
            return False
        if case.ndim not in self.ndims or (verdict is Verdict.EXCEPTION and exception not in self.exceptions):
            return False
        return properties(case).issuperset(self.properties)


@cache
def divergences() -> tuple[Divergence, ...]:
    """The committed list.

    >>> all(entry.source.startswith("https://") for entry in divergences())
    True
    """
    text = (files(__package__) / "divergences.toml").read_text(encoding="utf-8")
    return parse(text)


def parse(text: str) -> tuple[Divergence, ...]:
    """The entries of a list in TOML; DomainError if a field is missing, unknown or without meaning."""
    return tuple(_entry(table) for table in tomllib.loads(text).get("divergence", []))


def listed(
    entries: Iterable[Divergence], backend: str, case: AnyCase, verdict: Verdict, exception: str = ""
) -> Divergence | None:
    """The first entry that explains a failing case; None if it is a new divergence."""
    return next((entry for entry in entries if entry.explains(backend, case, verdict, exception)), None)


def contradiction(entry: Divergence, *, isolated: bool | None = None) -> str:
    """What speaks against an entry: that its case shows something else, or nothing; "" if it shows what it says.

    Raises:
        UnsupportedError: the framework is not installed.
    """
    case, found = parse_case(entry.case), backend(entry.backend)
    if absence := found.absence():
        raise UnsupportedError(absence)
    if reason := found.refusal(case, "float32"):
        return f"{entry.id}: {reason}"
    target, supports = Target.of(f"{__package__}:{entry.backend}.{case.kind}"), Supports.of(case.kind, None)
    claim = arithmetic("float32")
    setup = Setup(target, case.kind, case.ndim, claim, "exact", supports, "direct", None, _TIME_LIMIT)
    runner = runner_for(target, (), isolated=isolated, time_limit=_TIME_LIMIT, quiet=True)
    try:
        for earlier in map(parse_case, entry.before):
            Examiner(setup, runner, replayed=True).judge(earlier)
        attempts = (_attempted(entry, case, Examiner(setup, runner, replayed=True)) for _ in range(entry.attempts))
        return next((told for told in attempts if told is not None), f"{entry.id}: {entry.case} does not diverge")
    finally:
        runner.close()


def _attempted(entry: Divergence, case: AnyCase, it: Examiner) -> str | None:
    """What one run says against an entry; None if it does not diverge at all."""
    fault = it.judge(case)
    if fault is None:
        return None
    if not entry.explains(entry.backend, case, *fault):
        return f"{entry.id}: {entry.case} diverges otherwise: {': '.join(filter(None, fault))}"
    failure = it.report(case, seed=case.seed, examples=1).minimal
    if entry.attempts > 1 or entry.varies or failure is None:
        return ""
    told = entry.got in failure.reason if isinstance(entry.got, str) else _same(entry.got, failure.got)
    return "" if told else f"{entry.id}: {entry.case} gives {failure.got or failure.reason}, not {entry.got}"


def _same(expected: tuple[float, ...], got: Any) -> bool:
    return got is not None and np.array_equal(np.ravel(got), expected)


def _entry(table: dict[str, Any]) -> Divergence:
    known = {field.name for field in fields(Divergence)}
    given = {name: _tuples(value) for name, value in table.items()}
    try:
        given["verdicts"] = tuple(map(Verdict, table["verdicts"]))
        if unknown := set(given) - known:
            raise KeyError(*sorted(unknown))
        return Divergence(**given)
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, DomainError):
            raise
        raise DomainError("divergence", table.get("id", table), f"is no entry: {error}") from None


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
