"""What a refusal is made of: a bad input, the nearest good one, and a part of the message.

Plain Python without pytest, so that ``python -O -m tests.calculus.refusals`` runs the same cases without assertions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType

from convmath.calculus import kernel
from convmath.calculus.index import Formula
from convmath.calculus.kernel import Theorem
from convmath.calculus.search import find_certificate
from convmath.errors import ProofError


@dataclass(frozen=True)
class Refusal:
    """An input that must be refused with a ProofError, and its nearest neighbour that must be accepted."""

    name: str
    bad: Callable[[], object]
    good: Callable[[], object]
    says: str

    def check(self) -> ProofError:
        """The error that the bad input ends in; anything else is a RuntimeError that says what went wrong."""
        try:
            self.good()
        except Exception as error:
            raise RuntimeError(f"{self.name}: the good neighbour is refused: {error!r}") from error
        try:
            outcome = self.bad()
        except ProofError as error:
            if self.says not in str(error):
                raise RuntimeError(f"{self.name}: refused for another reason: {error}") from error
            return error
        except Exception as error:
            raise RuntimeError(f"{self.name}: {type(error).__name__} instead of ProofError: {error}") from error
        raise RuntimeError(f"{self.name}: accepted, with the outcome {outcome!r}")


def refused(refusals: Iterable[Refusal]) -> list[ProofError]:
    """The errors of the refusals that hold."""
    errors = []
    for refusal in refusals:
        try:
            errors.append(refusal.check())
        except RuntimeError:
            continue
    return errors


def proved(hypotheses: Sequence[Formula], goal: Formula, cuts: Sequence[Formula] = ()) -> Theorem:
    """An integer fact whose certificate is searched for."""
    plain = [hypothesis.json() for hypothesis in hypotheses]
    return kernel.fact(hypotheses, goal, find_certificate(plain, goal.json(), [cut.json() for cut in cuts]))


def frames(error: BaseException) -> list[tuple[str, tuple[int | None, ...]]]:
    """Where an error passed: each frame's file and exact position (first and last line, first and last column)."""
    found = []
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append((code.co_filename, list(code.co_positions())[trace.tb_lasti // 2]))
        trace = trace.tb_next
    return found
