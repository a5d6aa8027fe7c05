"""Which usual mistakes explain every failing case of a function."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import DomainError, UnsupportedError
from .bounds import Bounded, error_bound
from .exact_values import DoubleFloats
from .formats import Arithmetic, FloatFormat, IntegerFormat, arithmetic
from .judge import judge
from .layer import Layer
from .mistakes import KEPT, Mistake, Wrong, mistakes
from .trials import Trial
from .worker import CRASH, EXCEPTION, Outcome

_NARROWER = {
    "float64": ("float32", "float16", "bfloat16"),
    "float32": ("float16", "bfloat16"),
}
_SHOWN = 3


class Diagnosis:
    """The mistakes that explain each failing case seen so far.

    A mistake explains a case if the output is what a kernel that makes it gives, to within its rounding errors, and
    also if it makes the call impossible and the function has raised, crashed or given a wrong shape. One that explains
    no output is not named. That the right answer is another one is known, as the case fails.
    """

    def __init__(self, kind: str, claim: Arithmetic) -> None:
        """Begin with every usual mistake of the kind."""
        self._claim = claim
        self._left = dict.fromkeys(mistakes(kind), 0)
        self._narrow = dict.fromkeys(_NARROWER.get(claim.accumulator.name, ()), 0)

    def add(self, trial: Trial, outcome: Outcome) -> None:
        """Take in a failing case."""
        if not self._left and not self._narrow:
            return
        exact, layer = trial.limit is not None, Layer(trial.case.kind, trial.arguments, trial.case.options)
        for mistake in list(self._left):
            if (matches := self._explains(mistake, layer, outcome, exact)) is None:
                del self._left[mistake]
            else:
                self._left[mistake] += matches
        for name in list(self._narrow):
            if self._rounded_to(name, layer, outcome):
                self._narrow[name] += 1
            else:
                del self._narrow[name]

    def rule_out(self) -> None:
        """Take in a case that fails though the answer is right: no mistake in it explains that."""
        self._left.clear()
        self._narrow.clear()

    @property
    def found(self) -> tuple[str, ...]:
        """What explains every case, after "matches if"; empty if nothing does."""
        texts = [mistake.text for mistake, matches in self._left.items() if matches]
        texts = [text for text in texts if not text.endswith(KEPT)] or texts
        narrow = [f"sums are kept in {name}" for name, matches in self._narrow.items() if matches]
        return tuple(texts[:_SHOWN] or narrow[:1])

    def _explains(self, mistake: Mistake, layer: Layer, outcome: Outcome, exact: bool) -> bool | None:
        """Whether the output matches; False where there need be none, None if the mistake is none of this function."""
        try:
            wrong = mistake.wrong(layer)
            shape = wrong.after(wrong.layer.expected.high).shape
        except (DomainError, ValueError):
            impossible = outcome.fate in (EXCEPTION, CRASH)
            return False if impossible or _another_shape(outcome, layer) else None
        if outcome.output is None or outcome.output.shape != shape:
            return None
        try:
            return judge(outcome.output, self._bounded(wrong, exact)).ok or None
        except (DomainError, UnsupportedError):
            return None

    def _bounded(self, wrong: Wrong, exact: bool) -> Bounded:
        """What the mistake gives, and how far a kernel that makes it may be from that; ``exact`` data is integers."""
        layer, claim = wrong.layer, self._claim
        if isinstance(claim.accumulator, IntegerFormat) or (exact and _in_range(layer, claim)):
            bounded = Bounded(layer.expected, np.zeros_like(layer.expected.high), claim)
        else:
            bounded = error_bound(layer, claim)
        expected = DoubleFloats(wrong.after(layer.expected.high), wrong.after(layer.expected.low))
        bound = wrong.after(bounded.bound)
        if wrong.rounds and isinstance(claim.output, FloatFormat):
            bound = bound + 4 * claim.output.unit_roundoff * np.abs(expected.high)
        return Bounded(expected, np.abs(bound), claim)

    def _rounded_to(self, name: str, layer: Layer, outcome: Outcome) -> bool:
        """Whether the right answer, with the rounding errors of a narrower accumulator, is what came out."""
        if outcome.output is None:
            return False
        claim = arithmetic(self._claim.storage, accumulator=name, output=self._claim.output)
        try:
            return judge(outcome.output, error_bound(layer, claim)).ok
        except (DomainError, UnsupportedError):
            return False


def _in_range(layer: Layer, claim: Arithmetic) -> bool:
    """Whether every partial sum is an integer that the formats hold; averages divide, and are never taken to be."""
    if layer.kind.startswith("avg_pool"):
        return False
    sums: npt.NDArray[np.float64] = layer.products + layer.bias
    return bool(np.max(sums, initial=0) <= claim.exact_limit)


def _another_shape(outcome: Outcome, layer: Layer) -> bool:
    return outcome.output is not None and outcome.output.shape != layer.expected.high.shape
