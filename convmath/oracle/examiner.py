"""One function under examination: each case run and judged once, and the tally of it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any, TypeAlias

import numpy as np

from ..errors import DomainError, UnsupportedError
from .accumulation import Algorithm
from .case import ConvCase, PoolCase
from .diagnosis import Diagnosis
from .formats import Arithmetic, IntegerFormat
from .isolation import Runner
from .report import DEAR, Failure, FeatureCount, Report, Verdict
from .snippet import NAMES, snippet
from .supports import Supports
from .target import Target
from .trials import Trial, bounded_trial, exact_trial
from .verdicts import Finding, find_fault

AnyCase: TypeAlias = ConvCase | PoolCase
Fault: TypeAlias = tuple[Verdict, str]
"""A verdict, and which exception it is."""

TIME_LIMIT = 10.0
"""Seconds for one call, unless another limit is given."""

_SHOWN_ELEMENTS = 200
_COMMON_FROM = 3
_SMALL_SEEDS = (1, 2, 3)


@dataclass(frozen=True)
class Setup:
    """What a function is judged as, and how."""

    target: Target
    kind: str
    ndim: int
    claim: Arithmetic
    mode: str
    supports: Supports
    algorithm: str | Algorithm
    failure: float | None
    time_limit: float

    def trial(self, case: AnyCase, limit: int | None = None) -> Trial | None:
        """The case with its data; None if no element of the result could be judged."""
        if self.mode == "exact":
            if self.kind == "max_pool_grad_input":
                limit = case.limit  # so small that there are ties
            try:
                return exact_trial(case, self.claim, limit=limit)
            except UnsupportedError:
                if isinstance(self.claim.accumulator, IntegerFormat):
                    return None
        try:
            trial = self._bounded(case)
        except DomainError:  # an average whose data int64 cannot hold
            return None
        return trial if np.any(np.isfinite(trial.bounded.bound)) else None

    def _bounded(self, case: AnyCase) -> Trial:
        try:
            return bounded_trial(case, self.claim, algorithm=self.algorithm, failure=self.failure)
        except UnsupportedError:  # not every layer has such an algorithm; libraries use the direct one for it
            return bounded_trial(case, self.claim, failure=self.failure)

    def misfit(self, arguments: Sequence[Any], options: Mapping[str, Any], message: str) -> DomainError:
        """The error about a function that has other parameters."""
        call = ", ".join([*NAMES[self.kind][: len(arguments)], *(f"{name}=..." for name in options)])
        condition = f"cannot be called as fn({call}): {message}; an option that is turned off need not be a parameter"
        return DomainError("fn", self.target.path or self.target.name, condition)

    def command(self, case: AnyCase) -> str:
        """The command line that judges the case; "" if the function has no name to import it by."""
        if self.target.path is None:
            return ""
        formats = {
            "--accumulator": self.claim.accumulator,
            "--inputs": self.claim.inputs,
            "--result": self.claim.output,
        }
        words = ["convmath", "check", self.target.path, "--dtype", self.claim.storage.name]
        words += [w for name, used in formats.items() if used != self.claim.storage for w in (name, used.name)]
        words += ["--mode", self.mode] if self.mode != "exact" else []
        words += (
            ["--algorithm", self.algorithm] if isinstance(self.algorithm, str) and self.algorithm != "direct" else []
        )
        words += [f"--{prefix}{name.replace('_', '-')}" for prefix, name in self.supports.changes]
        words += ["--time-limit", f"{self.time_limit:g}"] if self.time_limit != TIME_LIMIT else []
        return shlex.join([*words, "--case", str(case)])


class Examiner:
    """Runs and judges cases, and keeps count; a context manager that ends the runner."""

    def __init__(self, setup: Setup, runner: Runner, *, replayed: bool = False) -> None:
        """Nothing is counted yet; a replayed case has its own limit of numbers, a drawn one the largest possible."""
        self.setup, self._runner, self._replayed = setup, runner, replayed
        self._seen: dict[str, Fault | None] = {}
        self._first: dict[Fault, AnyCase] = {}
        self._counts: Counter[Fault] = Counter()
        self._costly: Counter[Verdict] = Counter()
        self._passed: Counter[str] = Counter()
        self._failed: Counter[str] = Counter()
        self._notes: list[str] = []
        self._diagnosis = Diagnosis(setup.kind, setup.claim)
        self.tried = self.examined = self.passed = self.failed = self.not_judged = self.by_bound = 0

    def __enter__(self) -> Examiner:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the runner."""
        self._runner.close()

    def judge(self, case: AnyCase) -> Fault | None:
        """What is wrong with the function on a case, counted if the case is new."""
        key = str(case)
        if key in self._seen:
            return self._seen[key]
        fault, trial = self._examined(case)
        self._seen[key] = fault
        self.tried += 1
        if trial is None:
            self.not_judged += 1
            return None
        self.by_bound += self.setup.mode == "exact" and trial.limit is None
        if fault is None:
            self.passed += 1
        else:
            self.failed += 1
            self._first.setdefault(fault, case)
            self._counts[fault] += 1
        (self._failed if fault else self._passed).update(case.features)
        return fault

    def examine(self, case: AnyCase) -> Fault | None:
        """The same, not counted; a case is run once."""
        key = str(case)
        if key not in self._seen:
            self.examined += 1
            self._seen[key] = self._examined(case)[0]
        return self._seen[key]

    def _examined(self, case: AnyCase) -> tuple[Fault | None, Trial | None]:
        trial = self.setup.trial(case, case.limit if self._replayed else None)
        finding = None if trial is None else self._run(trial)
        return None if finding is None or finding.ok else finding.fault, trial

    @property
    def cost(self) -> int:
        """What hangs and crashes have cost so far, counted or not; the time of a hang is that of many crashes."""
        return 8 * self._costly[Verdict.HANG] + self._costly[Verdict.CRASH]

    def note(self, text: str) -> None:
        """Add something that the report ought to say."""
        self._notes.append(text)

    @property
    def commonest(self) -> tuple[Fault, AnyCase]:
        """The fault that most cases show, and the first of them."""
        fault = max(self._counts, key=lambda fault: self._counts[fault])
        return fault, self._first[fault]

    def report(self, minimal: AnyCase | None, *, seed: int, examples: int) -> Report:
        """The report, with the fault of the minimal case in full."""
        failure = None if minimal is None else self._failure(minimal)
        verdicts: Counter[Verdict] = Counter()
        first: dict[Verdict, AnyCase] = {}
        for fault, count in self._counts.items():
            verdicts[fault[0]] += count
            first.setdefault(fault[0], self._first[fault])
        features = self.setup.supports.features(self.setup.ndim)
        return Report(
            function=self.setup.target.path or self.setup.target.name,
            kind=self.setup.kind,
            ndim=self.setup.ndim,
            arithmetic=str(self.setup.claim),
            mode=self.setup.mode,
            seed=seed,
            examples=examples,
            passed=self.passed,
            failed=self.failed,
            not_judged=self.not_judged,
            by_bound=self.by_bound,
            verdicts=tuple((verdict, count, str(first[verdict])) for verdict, count in verdicts.most_common()),
            features=tuple(FeatureCount(name, self._passed[name], self._failed[name]) for name in features),
            common=tuple(self._common(features)),
            minimal=failure,
            diagnosis=self._diagnosis.found,
            notes=tuple(self._notes),
            place=self._runner.place,
            seconds=nan,
        )

    def _common(self, features: Iterable[str]) -> list[str]:
        if self.failed < _COMMON_FROM:
            return []
        return [name for name in features if self._failed[name] == self.failed and self._passed[name] < self.passed]

    def _run(self, trial: Trial) -> Finding:
        arguments, options = self.setup.supports.call(trial.arguments, trial.options, self._runner.left_out)
        outcome = self._runner.run(arguments, options)
        if outcome.uncalled and not self.passed:
            raise self.setup.misfit(arguments, options, outcome.message)
        finding = find_fault(trial, outcome)
        if not finding.ok:
            self._costly[finding.fault[0]] += 1
            if finding.verdict is Verdict.INPUT_CHANGED:
                self._diagnosis.rule_out()
            else:
                self._diagnosis.add(trial, finding.outcome)
        return finding

    def _failure(self, case: AnyCase) -> Failure:
        """A failing case in full."""
        fault = self._seen[str(case)]
        for trial in self._trials(case, fault):
            finding = self._run(trial)
            if not finding.ok and finding.fault == fault:
                break
        self._repeat(trial, finding, fault)
        if finding.ok and fault is not None:
            finding = replace(finding, verdict=fault[0], reason="not when it was repeated")
        return self._described(trial, finding)

    def _trials(self, case: AnyCase, fault: Fault | None) -> Iterator[Trial]:
        """The case with small numbers, if it was drawn, and at last as it was run."""
        if not self._replayed:
            ends = fault is not None and fault[0] in DEAR
            for seed in (case.seed, *(() if ends else _SMALL_SEEDS)):
                if trial := self.setup.trial(replace(case, seed=seed), case.limit):
                    yield trial
        if trial := self.setup.trial(case, case.limit if self._replayed else None):
            yield trial

    def _repeat(self, trial: Trial, finding: Finding, fault: Fault | None) -> None:
        """Say so if the same call does not give the same again."""
        if finding.ok or finding.fault != fault:
            self.note(
                "The failing case that is shown does not fail when it is repeated: the function is not deterministic"
            )
        elif finding.outcome.output is not None:
            again = self._run(trial).outcome.output
            if again is None or not np.array_equal(again, finding.outcome.output, equal_nan=True):
                self.note(
                    "The failing case that is shown gives another result each time: the function is not deterministic"
                )

    def _described(self, trial: Trial, finding: Finding) -> Failure:
        setup, expected = self.setup, trial.bounded.expected.high
        shown = expected.size <= _SHOWN_ELEMENTS
        got, verdict = finding.outcome.output, finding.fault[0]
        arguments, options = setup.supports.call(trial.arguments, trial.options, self._runner.left_out)
        return Failure(
            case=str(trial.case),
            verdict=verdict,
            reason=finding.reason,
            features=tuple(sorted(trial.case.features)),
            expected=_nested(expected) if shown else None,
            got=_nested(got) if shown and got is not None and got.size <= _SHOWN_ELEMENTS else None,
            differing=finding.differing,
            elements=expected.size,
            traceback=finding.outcome.trace,
            snippet=snippet(
                verdict, setup.kind, setup.target.path, arguments, options, trial.bounded, setup.time_limit
            ),
            command=setup.command(trial.case),
        )


def _nested(array: Any) -> Any:
    """An array as tuples in tuples, with whole numbers as ints."""
    if isinstance(array, np.ndarray):
        return _nested(array.tolist())
    if isinstance(array, list):
        return tuple(_nested(entry) for entry in array)
    if isinstance(array, complex):
        return str(array)
    return int(array) if isinstance(array, float) and array.is_integer() else array
