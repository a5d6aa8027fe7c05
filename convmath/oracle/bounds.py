"""How far a correct kernel may be from the exact result: a bound for each output element, derived, not chosen.

An algorithm (:class:`Direct`, :class:`Winograd`, :class:`Fourier`) bounds the error of its accumulators, in the worst
case or in probability: see :mod:`.accumulation`. Three things are added here.

Formats. Factors rounded to a format of unit roundoff v before they are multiplied (TF32, bfloat16) change each product
by a factor within (1 +- v)**2. gamma_n has the accumulator's u. If the output's format does not hold the accumulator's
numbers, the result is rounded once more [BlanchardHighamLopezMaryPranesh2020]:

    |output - exact| <= (1 + u_out) * ((1 + v)**2 (1 + gamma_n) - 1) * sum of |x||w| + u_out * |exact|.

Underflow. Half the smallest subnormal (the smallest normal, if the kernel flushes) for each operation and conversion.

Overflow. Where the accumulators or the output may leave their range, or n u >= 1 in the worst case, the bound is
infinite: nothing can be said of a correct kernel, and the element is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import DomainError
from .accumulation import Accumulation, Algorithm, Conversion, Error, Floats, probable_lambda
from .direct import Direct
from .exact_values import DoubleFloats
from .formats import Arithmetic, FloatFormat, arithmetic, float_format
from .fourier import Fourier
from .layer import Layer
from .winograd import Winograd

ALGORITHMS: dict[str, Algorithm] = {"direct": Direct(), "fft": Fourier(), "winograd": Winograd()}


@dataclass(frozen=True)
class Bounded:
    """An exact result, and how far from each element of it the output of a correct kernel may be.

    ``bound`` is infinite where nothing can be said. ``lam`` is the lambda of a probable bound, None for the worst case.
    """

    expected: DoubleFloats
    bound: Floats
    claim: Arithmetic
    lam: float | None = None


def error_bound(
    layer: Layer, claim: Any, *, algorithm: str | Algorithm = "direct", failure: float | None = None
) -> Bounded:
    """The exact result of a layer, with a bound on the error of each element of the output.

    Args:
        layer: what is computed, with its data; the arguments count as the numbers that they are.
        claim: the arithmetic, or the one format that everything is in.
        algorithm: "direct", "fft", "winograd", or an instance such as ``Winograd(tile=2)``.
        failure: None for the worst case; else the probability with which any element of a correct kernel may exceed its
            bound, if rounding errors are independent with mean zero. Long sums of one sign in a narrow accumulator do
            not have such errors.

    Raises:
        DomainError: a format of integers, an unknown algorithm, or ``failure`` with truncation, whose errors have no
            mean of zero.
        UnsupportedError: the algorithm does not compute such a layer.

    Source: [Higham2002, chapters 3 and 24], [HighamMary2019, section 3].

    >>> layer = Layer("conv", (np.full((1, 1, 3), 1.5), np.full((1, 1, 2), 0.5), None), {})
    >>> (error_bound(layer, "float16").bound / (1.5 * 2.0**-11)).round(3).tolist()
    [[[2.002, 2.002]]]
    """
    claim, method = arithmetic(claim), _algorithm(algorithm)
    accumulation = Accumulation.of(claim, products=layer.bilinear)
    paths = method.paths(layer)
    if failure is not None:
        if claim.truncating:
            raise DomainError("failure", failure, "needs rounding to nearest: truncation errs to one side")
        lam = probable_lambda(failure, paths * layer.expected.high.size, accumulation.relative)
        accumulation = replace(accumulation, lam=lam)
    bound = _output_bound(layer, _upwards(method.error(layer, accumulation), layer, paths), claim)
    return Bounded(layer.expected, bound, claim, accumulation.lam)


def _algorithm(algorithm: str | Algorithm) -> Algorithm:
    if not isinstance(algorithm, str):
        return algorithm
    if algorithm not in ALGORITHMS:
        raise DomainError("algorithm", algorithm, f"needs one of {', '.join(ALGORITHMS)}")
    return ALGORITHMS[algorithm]


def _upwards(error: Error, layer: Layer, paths: float) -> Error:
    """The error enlarged by more than its evaluation in float64, and that of a distance to it, can have lost.

    Sums of non-negative numbers, one for each path or element of an operand, and fewer than 256 operations besides.
    """
    summands = paths + sum(operand.size for operand in layer.operands)
    factor = 1 + (summands + 256) * 2.0**-52
    with np.errstate(over="ignore"):
        return Error(error.absolute * factor, error.reach * factor)


def _output_bound(layer: Layer, error: Error, claim: Arithmetic) -> Floats:
    """The accumulators' error and the rounding of the output; infinite where there may be overflow."""
    sums, output = float_format(claim.accumulator), float_format(claim.output)
    source = float_format(claim.storage) if layer.kind == "max_pool" else sums
    last = Conversion.between(source, output, truncating=False, flushing=claim.flushing)
    exact = np.abs(layer.expected.high)
    with np.errstate(invalid="ignore", over="ignore"):
        bound = (1 + last.relative) * error.absolute + last.relative * exact + last.absolute
        bound = np.nextafter(bound * (1 + 2.0**-44), np.inf)
        in_range = (error.reach <= _reach(layer, sums)) & (exact + bound <= output.largest)
    return np.where(in_range & _inputs_in_range(layer, claim), bound, np.inf)


def _reach(layer: Layer, sums: FloatFormat) -> float:
    """The largest number on the way to a result; a maximum is never computed with."""
    return np.inf if layer.kind == "max_pool" else sums.largest


def _inputs_in_range(layer: Layer, claim: Arithmetic) -> bool:
    """Whether no factor can overflow as it is rounded."""
    target = float_format(claim.inputs) if layer.bilinear else float_format(claim.storage)
    return all(np.max(np.abs(operand), initial=0) <= target.largest for operand in layer.operands)
