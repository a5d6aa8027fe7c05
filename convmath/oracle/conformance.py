"""``conformance``: what do frameworks make of the same convolutions?"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product
from time import perf_counter
from typing import Any, TypeAlias, cast

from ..errors import DomainError, UnsupportedError
from .backends import backend
from .backends.divergences import Divergence, divergences, listed
from .case import ConvCase, PoolCase
from .conformance_report import Cell, Conformance, Found, Installation
from .drawing import AnyCase, drawn_cases, smallest_case
from .examiner import Examiner, Fault, Setup
from .formats import Arithmetic, arithmetic, float_format
from .isolation import Runner, runner_for
from .options import integer
from .reduction import reduced
from .report import DEAR, Failure
from .supports import Supports
from .target import Target
from .worker import Outcome

Watch: TypeAlias = Callable[[str, str, int, int], None]
Group: TypeAlias = tuple[Fault, Divergence | None]

KINDS = ConvCase.kinds + PoolCase.kinds
_MOST_COST = 24  # three hangs, or as many crashes
_MOST_COST_SHRINKING = 64
_DIAGNOSED = 8


def conformance(
    backends: Sequence[str],
    *,
    kinds: Sequence[str] = KINDS,
    ndims: Sequence[int] = (1, 2, 3),
    dtype: Any = "float32",
    mode: str = "exact",
    examples: int = 100,
    seed: int = 0,
    max_macs: int = 10_000,
    time_limit: float = 60.0,
    isolated: bool | None = None,
    known: Iterable[Divergence] | None = None,
    watch: Watch | None = None,
) -> Conformance:
    """Judge frameworks on the same cases, each in a process of its own.

    A case that a framework does not claim to compute is not put to it, and counted with the reason.

    Args:
        backends: names out of :data:`convmath.oracle.backends.NAMES`.
        kinds: what to compute, as in :func:`convmath.oracle.check`.
        ndims: spatial axes.
        dtype: the format of arguments and results, or what :func:`convmath.oracle.formats.arithmetic` makes.
        mode: "exact" or "bounded", as in :func:`convmath.oracle.check`.
        examples: cases to draw for each kind and number of axes.
        seed: what they are drawn from.
        max_macs: the size of a case in multiply-accumulates.
        time_limit: seconds for one call.
        isolated: as in :func:`convmath.oracle.check`.
        known: divergences that are not new; None for the committed list.
        watch: called after each case with backend, kind, axes and the number of cases so far.

    Raises:
        DomainError: an argument is out of its range, a backend is none, or no operator of any takes the dtype.
        UnsupportedError: a framework is not installed, or Hypothesis is not.

    >>> report = conformance(["scipy"], kinds=["conv"], ndims=[1], examples=5, isolated=False)
    >>> print(report.verdict)
    5 of 5 answers are right, 0 diverge as known, 0 as not known
    """
    claim = _claim(dtype, mode)
    examples, seed = integer("examples", examples, least=1), integer("seed", seed, least=0)
    if not time_limit > 0:
        raise DomainError("time_limit", time_limit, "needs a number of seconds above 0")
    names = _each("backends", backends, None)
    tested = tuple(_tested(name) for name in names)
    places = list(product(_each("kinds", kinds, KINDS), _each("ndims", ndims, (1, 2, 3))))
    _require_dtype(claim.storage.name, names)
    plan = _Plan(claim, mode, examples, seed, integer("max_macs", max_macs, least=1), float(time_limit))
    entries = divergences() if known is None else tuple(known)
    start = perf_counter()
    drawn = {place: plan.drawn(*place) for place in places}
    cells = [cell for name in names for cell in _judged(name, plan, drawn, entries, isolated, watch)]
    return Conformance(
        backends=tested,
        environment=(
            *(("python", platform.python_version()), ("platform", platform.platform(terse=True))),
            *((name, version(name)) for name in ("convmath", "numpy", "hypothesis")),
        ),
        arithmetic=str(claim),
        mode=mode,
        seed=seed,
        examples=examples,
        max_macs=max_macs,
        cells=tuple(cells),
        seconds=perf_counter() - start,
    )


@dataclass(frozen=True)
class _Plan:
    """What is the same for every backend."""

    claim: Arithmetic
    mode: str
    examples: int
    seed: int
    max_macs: int
    time_limit: float

    def drawn(self, kind: str, ndim: int) -> tuple[AnyCase, ...]:
        return drawn_cases(kind, ndim, examples=self.examples, seed=self.seed, max_macs=self.max_macs)

    def setup(self, name: str, kind: str, ndim: int) -> Setup:
        target = Target.of(f"convmath.oracle.backends:{name}.{kind}")
        supports = Supports.of(kind, None)
        return Setup(target, kind, ndim, self.claim, self.mode, supports, "direct", None, self.time_limit)


class _OneKind:
    """A backend's runner, for one kind; the backend stays loaded when it closes."""

    left_out: tuple[str, ...] = ()

    def __init__(self, runner: Runner, kind: str) -> None:
        self._runner, self._kind = runner, kind

    @property
    def place(self) -> str:
        return self._runner.place

    def run(self, arguments: Sequence[Any], options: dict[str, Any]) -> Outcome:
        return self._runner.run(arguments, options | {"kind": self._kind})

    def close(self) -> None:
        """Leave the backend to others."""


def _claim(dtype: Any, mode: str) -> Arithmetic:
    if mode not in ("exact", "bounded"):
        raise DomainError("mode", mode, "needs one of exact, bounded")
    claim = arithmetic(dtype)
    if mode == "bounded":
        for name in (claim.storage, claim.accumulator, claim.output):
            float_format(name)
    return claim


def _each(parameter: str, given: Sequence[Any], known: Sequence[Any] | None) -> list[Any]:
    """What is given, once each; DomainError if that is nothing, or not known."""
    named = list(dict.fromkeys(given))
    wrong = [name for name in named if known is not None and name not in known]
    if not named or wrong:
        options = f" of {', '.join(map(str, known))}" if known is not None else ""
        raise DomainError(parameter, wrong[0] if wrong else given, f"needs at least one{options}")
    return named


def _require_dtype(dtype: str, names: Sequence[str]) -> None:
    """Raise DomainError if none of the backends computes anything in a format."""
    operators = [operator for name in names for found in backend(name).operators.values() for operator in found]
    taken = sorted({taken for operator in operators for taken in operator.dtypes})
    if dtype not in taken:
        raise DomainError("dtype", dtype, f"no operator of {', '.join(names)} takes it; they take {', '.join(taken)}")


def _tested(name: str) -> Installation:
    found = backend(name)
    if absence := found.absence():
        raise UnsupportedError(absence)
    return Installation(name, tuple(found.versions().items()))


def _judged(
    name: str,
    plan: _Plan,
    drawn: dict[tuple[str, int], tuple[AnyCase, ...]],
    entries: tuple[Divergence, ...],
    isolated: bool | None,
    watch: Watch | None,
) -> list[Cell]:
    """The cells of one backend."""
    target = Target.of(f"convmath.oracle.backends:{name}.run")
    runner = runner_for(target, (), isolated=isolated, time_limit=plan.time_limit, quiet=True)
    try:
        return [_Judge(name, plan, place, entries, runner).cell(cases, watch) for place, cases in drawn.items()]
    finally:
        runner.close()


class _Judge:
    """Judges a backend on the cases of one kind and number of axes."""

    def __init__(
        self, name: str, plan: _Plan, place: tuple[str, int], entries: tuple[Divergence, ...], runner: Runner
    ) -> None:
        self._name, self._plan, self._entries = name, plan, entries
        self._kind, self._ndim = place
        self._runner = _OneKind(runner, self._kind)
        self._setup = plan.setup(name, *place)
        self._dtype = plan.claim.storage.name
        self._groups: dict[Group, list[AnyCase]] = {}

    def cell(self, cases: Sequence[AnyCase], watch: Watch | None) -> Cell:
        """The cell."""
        start, refused, it = perf_counter(), Counter[str](), Examiner(self._setup, self._runner)
        left = 0
        for number, case in enumerate(cases, 1):
            if reason := backend(self._name).refusal(case, self._dtype):
                refused[reason] += 1
            elif it.cost >= _MOST_COST:
                left += 1
            elif fault := it.judge(case):
                self._groups.setdefault((fault, self._entry(case, fault)), []).append(case)
            if watch is not None:
                watch(self._name, self._kind, self._ndim, number)
        return Cell(
            backend=self._name,
            kind=self._kind,
            ndim=self._ndim,
            drawn=len(cases),
            passed=it.passed,
            not_judged=it.not_judged + left,
            unsupported=tuple(refused.most_common()),
            found=tuple(self._found(it, *group, cases) for group, cases in self._groups.items()),
            seconds=perf_counter() - start,
        )

    def _entry(self, case: AnyCase, fault: Fault) -> Divergence | None:
        return listed(self._entries, self._name, case, *fault)

    def _found(self, it: Examiner, fault: Fault, entry: Divergence | None, cases: list[AnyCase]) -> Found:
        minimal = min(cases, key=lambda case: (case.macs, len(str(case))))
        if entry is None:
            minimal = self._shrunk(it, fault, minimal)
        detail, ends = Examiner(self._setup, self._runner), fault[0] in DEAR
        for case in (minimal, *([] if ends else cases[:_DIAGNOSED])):
            detail.judge(case)
        report = detail.report(minimal, seed=self._plan.seed, examples=len(cases))
        return Found(
            count=len(cases),
            failure=cast(Failure, report.minimal),  # of the case that was passed
            diagnosis=report.diagnosis,
            known=entry,
            notes=report.notes,
        )

    def _shrunk(self, it: Examiner, fault: Fault, smallest: AnyCase) -> AnyCase:
        """The smallest case found that fails in the same way and is in no entry."""

        def shows(case: AnyCase) -> bool:
            if backend(self._name).refusal(case, self._dtype):
                return False
            return it.examine(case) == fault and self._entry(case, fault) is None

        def enough() -> bool:
            return it.cost >= _MOST_COST_SHRINKING

        if fault[0] in DEAR:
            return reduced(smallest, shows, enough=enough).case
        plan = self._plan
        found = smallest_case(
            self._kind,
            self._ndim,
            shows,
            examples=plan.examples,
            seed=plan.seed,
            max_macs=plan.max_macs,
            enough=enough,
        )
        return found or smallest
