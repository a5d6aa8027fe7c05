"""How rounding errors grow along a sum: gamma_n, in the worst case and in probability.

An operation in a format with unit roundoff u gives the exact result times 1 + delta, |delta| <= u, plus at most eta
near underflow [Higham2002, chapter 2]. The product of n factors (1 + delta)**+-1 is within 1 +- gamma_n,
gamma_n = n u / (1 - n u), if n u < 1 [Higham2002, chapter 3].

If the errors are independent with mean zero, it is within 1 +- gamma~_n(lambda),

    gamma~_n(lambda) = exp(lambda * sqrt(n) * u + n * u**2 / (1 - u)) - 1,

except with probability at most 2 exp(-lambda**2 * (1 - u)**2 / 2) [HighamMary2019, section 2].
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, sqrt
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from .formats import Arithmetic, FloatFormat, float_format
from .layer import Layer

Floats = npt.NDArray[np.float64]


def gamma(n: Any, unit: float) -> Floats:
    """gamma_n = n u / (1 - n u), the worst relative effect of n roundings; infinite for n u >= 1.

    >>> gamma([1024, 2048], 2.0**-11).tolist()
    [1.0, inf]
    """
    product = np.asarray(n, dtype=np.float64) * unit
    with np.errstate(divide="ignore"):
        return np.asarray(np.where(product < 1, product / np.maximum(1 - product, 0), np.inf))


def probable_gamma(n: Any, unit: float, lam: float) -> Floats:
    """gamma~_n(lambda), which the effect of n independent roundings with mean zero hardly ever exceeds.

    >>> round(float(probable_gamma(10_000, 2.0**-24, lam=8) / gamma(10_000, 2.0**-24)), 4)
    0.08
    """
    count = np.asarray(n, dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(np.expm1(lam * np.sqrt(count) * unit + count * unit**2 / (1 - unit)))


def probable_lambda(failure: float, paths: float, unit: float) -> float:
    """The lambda with which any of ``paths`` products exceeds its gamma~ with probability ``failure`` at most.

    It makes the sum of their probabilities ``failure``.

    >>> round(probable_lambda(1e-9, paths=1e6, unit=2.0**-24), 2)
    8.39
    """
    if not 0 < failure < 1:
        raise DomainError("failure", failure, "needs a probability between 0 and 1, neither included")
    return sqrt(2 * log(2 * max(paths, 1) / failure)) / (1 - unit)


@dataclass(frozen=True)
class Conversion:
    """Rounding of stored numbers to another format: relative and absolute error of one of them."""

    relative: float
    absolute: float

    @classmethod
    def between(cls, source: FloatFormat, target: FloatFormat, *, truncating: bool, flushing: bool) -> Conversion:
        """What is lost from ``source`` to ``target``: nothing if that holds every number, and none is flushed."""
        underflow = target.smallest_normal if flushing else 0.0
        if target.holds(source):
            return cls(0.0, underflow)
        factor = 2 if truncating else 1
        return cls(factor * target.unit_roundoff, max(underflow, factor * target.smallest / 2))


@dataclass(frozen=True)
class Accumulation:
    """The errors of single operations in a kernel's accumulator, and how they grow.

    Args:
        relative: of one operation.
        absolute: of one operation that underflows.
        inputs: the rounding of each factor before.
        aligned: whether several products are added at once, aligned to the largest and cut off: b products and the sum
            so far then make at most b + 1 errors, each relative to the sum of all absolute values, so that twice the
            roundings cover them [FasiHighamMikaitisPranesh2021].
        lam: lambda for the probable growth, None for the worst.
    """

    relative: float
    absolute: float
    inputs: Conversion
    aligned: bool
    lam: float | None = None

    @classmethod
    def of(cls, claimed: Arithmetic, *, products: bool, lam: float | None = None) -> Accumulation:
        """Of an arithmetic, for a sum of products or of single numbers; DomainError for an integer format."""
        sums, stored = float_format(claimed.accumulator), float_format(claimed.storage)
        factor = 2 if claimed.truncating else 1
        inputs = Conversion.between(
            stored,
            float_format(claimed.inputs) if products else sums,
            truncating=claimed.truncating,
            flushing=claimed.flushing,
        )
        absolute = sums.smallest_normal if claimed.flushing else factor * sums.smallest / 2
        return cls(factor * sums.unit_roundoff, absolute, inputs, claimed.truncating, lam)

    def growth(self, roundings: Any) -> Floats:
        """The relative effect of so many roundings."""
        n = np.asarray(roundings, dtype=np.float64) * (2 if self.aligned else 1)
        worst = gamma(n, self.relative)
        return worst if self.lam is None else np.minimum(worst, probable_gamma(n, self.relative, self.lam))

    def with_inputs(self, growth: Floats, factors: int) -> Floats:
        """``growth`` of a product whose factors are rounded before: (1 + v)**factors * (1 + growth) - 1."""
        return np.asarray(np.expm1(factors * np.log1p(self.inputs.relative) + np.log1p(growth)))

    def lost_inputs(self, layer: Layer) -> float:
        """What a term loses, at most, if factors of it underflow as they are rounded."""
        lost = self.inputs.absolute
        return lost * (largest(layer) + lost) if layer.bilinear else lost


@dataclass(frozen=True)
class Error:
    """How far a kernel's accumulators are from the exact result: at most ``absolute``, per element.

    No number on the way to them exceeds ``reach``.
    """

    absolute: Floats
    reach: Floats


class Algorithm(Protocol):
    """A way to compute a layer, whose roundings are known."""

    def paths(self, layer: Layer) -> float:
        """On how many paths terms reach an output element, at most."""

    def error(self, layer: Layer, accumulation: Accumulation) -> Error:
        """The error of the accumulators; UnsupportedError for a layer that the algorithm does not compute."""


def largest(layer: Layer) -> float:
    """The sum of the operands' largest absolute values."""
    return sum(float(np.max(np.abs(operand), initial=0)) for operand in layer.operands)
