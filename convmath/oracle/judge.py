"""Verdicts: is this output one that a correct kernel may give?"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import Any

import numpy as np
import numpy.typing as npt

from .bounds import Bounded
from .formats import FloatFormat, NumberFormat, round_to

Array = npt.NDArray[Any]

_SHOWN_IN_FULL = 1e16  # larger floats are written with an exponent


@dataclass(frozen=True)
class Judgement:
    """What became of one output.

    Attributes:
        ok: whether it has the right shape and type, and no judged element is further off than its bound.
        reason: why not, in words; "" if ok.
        elements: how many there are.
        judged: how many have a finite bound.
        ratio: the largest error over bound; 0 where both are 0, infinite where only the bound is, and for NaN.
        index: where that is; None if nothing was compared.
        expected: the exact element there, as the nearest float (an int, if it is one).
        got: the element of the output there.
        error: how far the two are apart.
        bound: how far they may be.
        lam: the lambda of a probable bound; None for a worst-case bound and for an exact judgement.
    """

    ok: bool
    reason: str
    elements: int
    judged: int = 0
    ratio: float = nan
    index: tuple[int, ...] | None = None
    expected: float | int = nan
    got: float | int = nan
    error: float = nan
    bound: float = nan
    lam: float | None = None

    def __str__(self) -> str:
        """One sentence."""
        if self.index is None:
            return self.reason or "nothing to compare"
        return self.comparison if self.ok else f"{self.reason}: {self.comparison}"

    @property
    def comparison(self) -> str:
        """The element that is furthest off, and by how much; whole numbers are written alike, whatever their type."""
        text = f"expected {_shown(self.expected)}, got {_shown(self.got)} at index {self.index}"
        return text if self.bound <= 0 else f"{text}: off by {self.error:.3g}, bound {self.bound:.3g}"


def judge(output: Any, bounded: Bounded) -> Judgement:
    """Hold an output against an exact result and its bounds.

    ``output`` is anything that ``numpy.asarray`` takes, in the output format claimed; one that NumPy lacks (bfloat16)
    in float32, or in an extension type of that name. A wrong shape or type, NaN and infinity are failures, except for
    NaN and infinity where the bound is infinite. An output no element of which can be judged is not ok.

    >>> from convmath.oracle.bounds import error_bound
    >>> from convmath.oracle.layer import Layer
    >>> bounded = error_bound(Layer("conv", (np.full((1, 1, 2), 0.1), np.full((1, 1, 1), 3.0), None), {}), "float64")
    >>> judge(np.full((1, 1, 2), 0.1) * 3.0, bounded).ok
    True
    >>> print(judge(np.full((1, 1, 2), 0.25), bounded))
    beyond the bound: expected 0.30000000000000004, got 0.25 at index (0, 0, 0): off by 0.05, bound 3.33e-17
    """
    expected = bounded.expected.high
    try:
        got = np.asarray(output)
    except Exception as error:  # whatever a foreign type raises is a verdict on it
        return _refused(bounded, f"no array: {type(error).__name__}: {error}")
    if problem := _problem(got, expected.shape, bounded.claim.output):
        return _refused(bounded, problem)
    if got.dtype.kind == "V":
        got = got.astype(np.float32)
    return _compared(got, bounded)


def _refused(bounded: Bounded, reason: str) -> Judgement:
    return Judgement(False, reason, bounded.expected.high.size, lam=bounded.lam)


def _problem(got: Array, shape: tuple[int, ...], wanted: NumberFormat) -> str:
    """Why an output cannot be compared; "" if it can."""
    if got.shape != shape:
        return f"expected shape {shape}, got shape {got.shape}"
    if got.dtype.name == wanted.name:
        return ""
    if got.dtype != wanted.container:
        return f"expected elements of type {wanted.name}, got {got.dtype.name}"
    if isinstance(wanted, FloatFormat) and not np.array_equal(round_to(got, wanted), got, equal_nan=True):
        return f"expected numbers of {wanted.name}, got others in {got.dtype.name}"
    return ""


def _compared(got: Array, bounded: Bounded) -> Judgement:
    error = bounded.expected.distance(got)
    judged = np.isfinite(bounded.bound)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(error > 0, error / bounded.bound, 0.0)
    ratio = np.where(judged, np.where(np.isnan(error), inf, ratio), 0.0)
    count = int(np.count_nonzero(judged))
    if not count:
        reason = "no element can be judged" if got.size else ""
        return Judgement(not got.size, reason, got.size, lam=bounded.lam)
    index = tuple(int(i) for i in np.unravel_index(int(np.argmax(ratio)), got.shape))
    worst = float(ratio[index])
    return Judgement(
        ok=worst <= 1,
        reason=_reason(got[index], worst, float(bounded.bound[index])),
        elements=got.size,
        judged=count,
        ratio=worst,
        index=index,
        expected=_number(bounded.expected.high[index], bounded.expected.low[index]),
        got=got[index].item(),
        error=float(error[index]),
        bound=float(bounded.bound[index]),
        lam=bounded.lam,
    )


def _reason(got: Any, ratio: float, bound: float) -> str:
    if ratio <= 1:
        return ""
    if not np.isfinite(got):
        return "NaN" if np.isnan(got) else "infinity"
    return "beyond the bound" if bound else "not exact"


def _shown(number: complex) -> str:
    whole = isinstance(number, float) and number.is_integer() and abs(number) < _SHOWN_IN_FULL
    return str(int(number.real) if whole else number)


def _number(high: Any, low: Any) -> float | int:
    """The sum, as an int if it is one and finite."""
    if np.isfinite(high) and float(high).is_integer() and float(low).is_integer():
        return int(high) + int(low)
    return float(high)
