"""Replays an exported trace with other means than the kernel's: the shape of every step, brute force, Z3 and cvc5.

Every step is checked for its shape, and, as a statement of its own, evaluated in small models of its hypotheses. Every
integer fact is put to the solvers. What is unknown, timed out or never met by a model is no pass.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import ProofError
from .brute import Brute, BruteForce
from .plain import Json, text
from .smt import script, smtlib, write_smtlib
from .solvers import SOLVERS, Answer, Solver
from .structure import Step, check_step

__all__ = ["Brute", "Recheck", "RecheckReport", "StepReport", "recheck", "smtlib", "write_smtlib"]

_SUMS = frozenset({"ring", "guard", "index", "one_point", "swap", "reindex", "split", "vanish", "unfold", "diff"}) | {
    "substitution",
    "integrate",
}
"""The rules whose steps need brute force to agree: the others follow from their premises by their shape."""
_CASES, _FEW = 6, 2
"""So many telling models decide a fact or one of these steps, and a step that follows by its shape."""
_SECOND = 1.0
"""So many seconds a solver has for a fact that another one has proved."""


@dataclass(frozen=True)
class StepReport:
    """What was found about a step.

    Attributes:
        number: its position in the trace.
        rule: the rule that it names.
        statement: its conclusion in words.
        problem: what does not follow from the premises by the rule, or nothing.
        solvers: what each solver says about an integer fact.
        brute: what brute force says.
    """

    number: int
    rule: str
    statement: str
    problem: str
    solvers: Mapping[str, Answer]
    brute: Brute

    @property
    def refuted(self) -> bool:
        """Whether anything speaks against the step."""
        answers = [answer.verdict for answer in self.solvers.values()]
        return bool(self.problem) or "refuted" in (*answers, self.brute.verdict)

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the step and enough speaks for it."""
        if self.rule == "fact":
            return not self.refuted and any(answer.verdict == "proved" for answer in self.solvers.values())
        return not self.refuted and (self.rule not in _SUMS or self.brute.verdict == "agrees")

    def line(self) -> str:
        """One line of plain text."""
        answers = [f"{name} {answer.verdict}" for name, answer in self.solvers.items()]
        brute = f"brute force {self.brute.verdict} ({self.brute.cases} cases, {self.brute.telling} not zero)"
        note = "; ".join(filter(None, (self.problem, self.brute.note)))
        return f"{self.number} {self.rule}: {', '.join([*answers, brute])}{f': {note}' if note else ''}"


@dataclass(frozen=True)
class RecheckReport:
    """What was found about a trace.

    Attributes:
        steps: a report per step.
        trust: what the theorem rests on.
        seconds: how long it took.
    """

    steps: tuple[StepReport, ...]
    trust: tuple[str, ...]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether every step is confirmed; what was admitted shows in ``trust`` and ``admitted``."""
        return bool(self.steps) and all(step.ok for step in self.steps)

    @property
    def facts(self) -> tuple[StepReport, ...]:
        """The integer facts."""
        return tuple(step for step in self.steps if step.rule == "fact")

    @property
    def admitted(self) -> tuple[StepReport, ...]:
        """The statements that were taken on trust."""
        return tuple(step for step in self.steps if step.rule == "admit")

    @property
    def refuted(self) -> tuple[StepReport, ...]:
        """The steps that something speaks against."""
        return tuple(step for step in self.steps if step.refuted)

    @property
    def unknown(self) -> tuple[StepReport, ...]:
        """The steps about which a solver or brute force knows nothing, those that pass among them."""
        return tuple(
            step
            for step in self.steps
            if "unknown" in (step.brute.verdict, *(answer.verdict for answer in step.solvers.values()))
        )

    def json(self) -> Json:
        """Everything as plain data."""
        rows = []
        for step in self.steps:
            solvers = {name: answer._asdict() for name, answer in step.solvers.items()}
            rows.append({**vars(step), "solvers": solvers, "brute": vars(step.brute), "ok": step.ok})
        return {"ok": self.ok, "trust": list(self.trust), "seconds": self.seconds, "steps": rows}

    def text(self) -> str:
        """A summary, and a line for each step that failed or that someone knows nothing about."""
        verdict = "confirmed" if self.ok else "NOT CONFIRMED"
        lines = [f"{verdict}: {len(self.steps)} steps, {len(self.facts)} facts, rests on {', '.join(self.trust)}"]
        lines += [f"  admitted: {step.statement}" for step in self.admitted]
        failed = [step for step in self.steps if not step.ok]
        lines += [f"  failed: {step.line()}" for step in failed]
        return "\n".join(lines + [f"  unknown: {step.line()}" for step in self.unknown if step.ok])


def recheck(trace: Sequence[Mapping[str, Any]], *, seconds: float = 5.0) -> RecheckReport:
    """Check a trace of :func:`convmath.calculus.trace.trace` with other means than the kernel's.

    Args:
        trace: the steps as plain data.
        seconds: the time limit of a solver for a fact.

    Raises:
        UnsupportedError: a solver is not installed: ``pip install 'convmath[recheck]'``.
    """
    return Recheck(seconds=seconds).report(trace)


class Recheck:
    """Rechecks traces one after the other, and what they have in common only once.

    Args:
        seconds: the time limit of a solver for a fact.

    >>> step = {"rule": "ring", "arguments": {}, "premises": [], "hypotheses": [], "trust": ["kernel"],
    ...         "conclusion": {"forall": [], "if": [], "then": ["equal", [], []]}}
    >>> print(Recheck().report([step]).text())
    confirmed: 1 steps, 0 facts, rests on kernel
    """

    def __init__(self, *, seconds: float = 5.0) -> None:
        """See the class."""
        self.seconds = seconds
        self._brute = BruteForce()
        self._solvers = [Solver(name) for name in SOLVERS]
        self._answers: dict[str, dict[str, Answer]] = {}

    def report(self, trace: Sequence[Mapping[str, Any]]) -> RecheckReport:
        """Check a trace, like :func:`recheck`."""
        start = time.perf_counter()
        steps = [Step.read(data) for data in trace]
        reports = tuple(self._step(number, steps) for number in range(len(steps)))
        trust = tuple(sorted(steps[-1].trust)) if steps else ()
        return RecheckReport(reports, trust, time.perf_counter() - start)

    def _step(self, number: int, steps: Sequence[Step]) -> StepReport:
        step = steps[number]
        answers = self._solve(step) if step.rule == "fact" else {}
        cases = _CASES if step.rule in _SUMS or step.rule == "fact" else _FEW
        brute = self._brute.check(step.hypotheses, step.conclusion, cases)
        return StepReport(number, step.rule, text(step.conclusion), _problem(number, steps), answers, brute)

    def _solve(self, step: Step) -> dict[str, Answer]:
        try:
            query = script(sorted(step.hypotheses, key=repr), step.conclusion)
        except ProofError:
            return {name: Answer("unknown", 0.0) for name in SOLVERS}
        if query not in self._answers:
            answers: dict[str, Answer] = {}
            for solver in self._solvers:
                proved = any(answer.verdict == "proved" for answer in answers.values())
                answers[solver.name] = solver.ask(query, min(self.seconds, _SECOND) if proved else self.seconds)
            self._answers[query] = answers
        return self._answers[query]


def _problem(number: int, steps: Sequence[Step]) -> str:
    """What does not follow in a step, or nothing."""
    step = steps[number]
    if not all(0 <= premise < number for premise in step.premises):
        return "a premise does not come before the step"
    try:
        check_step(step, [steps[premise] for premise in step.premises])
    except Exception as error:  # whatever is wrong with its arguments: it does not follow
        return str(error) or type(error).__name__
    return ""
