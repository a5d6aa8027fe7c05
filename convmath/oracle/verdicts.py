"""What is wrong with the outcome of one call, if anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .bounds import Bounded
from .judge import Judgement, judge
from .report import Verdict
from .trials import Trial
from .worker import CRASH, EXCEPTION, HANG, NO_ARRAY, Outcome

Array = npt.NDArray[Any]

_FATES = {
    EXCEPTION: Verdict.EXCEPTION,
    NO_ARRAY: Verdict.NO_ARRAY,
    HANG: Verdict.HANG,
    CRASH: Verdict.CRASH,
}


@dataclass(frozen=True, eq=False)
class Finding:
    """A call judged: what is wrong (None if nothing), in words, and how many elements differ."""

    outcome: Outcome
    verdict: Verdict | None = None
    reason: str = ""
    differing: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.verdict is None

    @property
    def fault(self) -> tuple[Verdict, str]:
        """The verdict, and which exception it is."""
        verdict = self.verdict or Verdict.WRONG_VALUE
        return verdict, self.reason.partition(":")[0] if verdict is Verdict.EXCEPTION else ""


def find_fault(trial: Trial, outcome: Outcome) -> Finding:
    """Judge an outcome: a wrong number before a wrong type, and either before a changed input."""
    bounded = trial.bounded
    if outcome.output is None:
        return Finding(outcome, _FATES[outcome.fate], outcome.message)
    output, shape = outcome.output, bounded.expected.high.shape
    changed = f"argument {outcome.written[0] + 1} is changed by the call" if outcome.written else ""
    if output.shape != shape:
        return Finding(outcome, Verdict.WRONG_SHAPE, f"expected shape {shape}, got shape {output.shape}")
    problem = _type_problem(outcome, bounded)
    if output.dtype.kind == "c":
        return Finding(outcome, Verdict.WRONG_TYPE, problem)
    judgement, differing = _judged(output, bounded, cast=bool(problem))
    if judgement.index is None and not judgement.ok:
        return Finding(outcome, Verdict.WRONG_TYPE, judgement.reason)
    extra = "; ".join(filter(None, [problem, changed]))
    if not judgement.ok:
        verdict, told = Verdict.WRONG_VALUE, str(judgement)
        if np.isnan(judgement.got):
            verdict, told = Verdict.NAN, judgement.comparison
        return Finding(outcome, verdict, "; ".join(filter(None, [told, extra])), differing)
    if problem:
        return Finding(outcome, Verdict.WRONG_TYPE, extra)
    return Finding(outcome, Verdict.INPUT_CHANGED, changed) if changed else Finding(outcome)


def _type_problem(outcome: Outcome, bounded: Bounded) -> str:
    wanted = bounded.claim.output
    if outcome.dtype in (wanted.name, wanted.container.name):
        return ""
    return f"expected elements of type {wanted.name}, got {outcome.dtype}"


def _judged(output: Array, bounded: Bounded, *, cast: bool) -> tuple[Judgement, int]:
    """The judgement of the numbers, whatever their type, and how many are wrong."""
    distance = bounded.expected.distance(output)
    differing = int(np.count_nonzero(~(distance <= bounded.bound)))
    if cast:
        wanted = bounded.claim.output.container
        with np.errstate(invalid="ignore", over="ignore"):
            numbers = output.astype(wanted)
        return judge(numbers, bounded), differing
    return judge(output, bounded), differing
