"""Cases made into trials for one arithmetic: data that fits it, and the judge of what comes back.

An exact trial has integers so small that every partial sum, in any order, is a number of the accumulator and of the
output: then a correct kernel makes no rounding error at all. A bounded trial has numbers that fill the format, and a
bound for each output element.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedError
from ..notebook import brief
from .accumulation import Algorithm
from .base_case import LARGEST_LIMIT
from .bounds import Bounded, error_bound
from .conv_case import ConvCase
from .exact.arithmetic import peak
from .exact.pool import window_divisors
from .fill import fill
from .formats import Arithmetic, FloatFormat, arithmetic, float_format
from .judge import Judgement, judge
from .layer import Layer
from .pool_case import PoolCase

Array = npt.NDArray[Any]

_REAL_STREAM = 16  # streams of the fill from here on are for real data, those below for integers
_ORDER_STREAM = 32
_ORDERS = 2**40


@dataclass(frozen=True)
class Trial:
    """Data for a kernel, and what to hold its output against: ``trial.judge(fn(*trial.arguments, **trial.options))``.

    ``limit`` is the largest absolute value of an integer fill, ``nonzeros`` how many entries of the sparse operand one
    sum reads; None where the data is real, or dense.
    """

    case: ConvCase | PoolCase
    arguments: tuple[Any, ...]
    options: dict[str, Any]
    bounded: Bounded
    limit: int | None = None
    nonzeros: int | None = None

    def __repr__(self) -> str:
        """The case."""
        return brief(self, str(self.case))

    def judge(self, output: Any) -> Judgement:
        """The verdict on an output."""
        return judge(output, self.bounded)


def exact_trial(case: ConvCase | PoolCase, claim: Any, *, limit: int | None = None) -> Trial:
    """The case with the largest integers for which a kernel of the claimed arithmetic makes no rounding error.

    Entries are at most a in absolute value, with terms * a**2 + a <= 2**p for a sum of products and a bias, where p is
    the lesser precision of accumulator and output (the largest integer takes the place of 2**p for integer formats),
    and a is exact as an argument. Every partial sum, in any order, is then an exact integer. If even a = 1 is too much,
    one operand is thinned out, so that no sum has more than 2**p terms that are not 0. The kernel must compute the sums
    as they stand: Fourier transforms and Winograd's algorithm round on the way. ``limit`` asks for smaller entries.

    UnsupportedError if there is no such fill: an average over a number of elements that is no power of two, whose
    reciprocal is rounded, or pooling of too large windows.

    >>> case = ConvCase.parse("c4 i9x9 k3x3 b #1")
    >>> [exact_trial(case, dtype).limit for dtype in ("float32", "float16", "bfloat16", "int8")]
    [682, 7, 2, 1]
    >>> exact_trial(ConvCase.parse("c64 i5x5 k3x3 #1"), "bfloat16").nonzeros
    256
    """
    claim = arithmetic(claim)
    largest, nonzeros = _fill_limits(case, claim)
    limit = largest if limit is None else min(limit, largest)
    filled = replace(case, limit=limit)
    arguments = filled.arguments
    if nonzeros is not None and isinstance(filled, ConvCase):
        arguments = _thinned(filled, nonzeros)
    expected = Layer(case.kind, arguments, case.options).expected
    return Trial(
        filled,
        _stored(arguments, claim),
        case.options,
        Bounded(expected, np.zeros_like(expected.high), claim),
        limit,
        nonzeros,
    )


def bounded_trial(
    case: ConvCase | PoolCase, claim: Any, *, algorithm: str | Algorithm = "direct", failure: float | None = None
) -> Trial:
    """The case with numbers between -1 and 1 that use all digits of the storage format, and a bound for each element.

    The other arguments are those of :func:`error_bound`.

    >>> trial = bounded_trial(ConvCase.parse("i3 k2 #1"), "float32")
    >>> x, w, bias = trial.arguments
    >>> trial.judge(x[..., :-1] * w[..., 0] + x[..., 1:] * w[..., 1]).ok
    True
    """
    claim = arithmetic(claim)
    storage = float_format(claim.storage)
    arguments = tuple(
        None if argument is None else _real(np.shape(argument), case.seed, _REAL_STREAM + i, storage)
        for i, argument in enumerate(case.arguments)
    )
    bounded = error_bound(Layer(case.kind, arguments, case.options), claim, algorithm=algorithm, failure=failure)
    return Trial(case, arguments, case.options, bounded)


def _stored(arguments: tuple[Any, ...], claim: Arithmetic) -> tuple[Any, ...]:
    return tuple(None if argument is None else argument.astype(claim.storage.container) for argument in arguments)


def _real(shape: tuple[int, ...], seed: int, stream: int, storage: FloatFormat) -> Array:
    """Numbers of the format between -1 and 1, evenly spread multiples of 2**-precision without 0."""
    numerators = fill(shape, seed=seed, stream=stream, limit=storage.largest_integer)
    return np.asarray((numerators * storage.unit_roundoff).astype(storage.container))


def _fill_limits(case: ConvCase | PoolCase, claim: Arithmetic) -> tuple[int, int | None]:
    """The largest entry, and how many of one sum may differ from 0 (None for all)."""
    if isinstance(case, PoolCase):
        return _pool_limit(case, claim), None
    terms = max(int(np.max(Layer(case.kind, case.arguments, case.options).terms, initial=0)), 1)
    if case.kind == "grad_bias":
        dense = claim.exact_limit // terms
    else:
        dense = (isqrt(case.bias + 4 * terms * claim.exact_limit) - case.bias) // (2 * terms)
    if dense:
        return min(dense, claim.entry_limit, LARGEST_LIMIT), None
    return 1, claim.exact_limit - case.bias


def _pool_limit(case: PoolCase, claim: Arithmetic) -> int:
    """The largest entry, before averages multiply it by what their divisors have in common."""
    unit = replace(case, limit=1)
    if case.kind == "max_pool":
        return min(claim.exact_limit, claim.entry_limit, LARGEST_LIMIT)
    if case.averages:
        divisors = window_divisors(case.axes, case.count_include_pad, case.divisor_override)
        if np.any(divisors & (divisors - 1)):
            raise UnsupportedError(f"{case}: divides by {int(divisors.max())}, whose reciprocal is rounded")
    terms = int(np.max(Layer(case.kind, unit.arguments, case.options).terms, initial=1))
    multiple = peak(unit.arguments[0])
    limit = min(claim.exact_limit // (max(terms, 1) * max(multiple, 1)), claim.entry_limit // max(multiple, 1))
    if not limit:
        raise UnsupportedError(f"{case}: sums of {terms} entries of {multiple} leave the integers of {claim}")
    return min(limit, LARGEST_LIMIT)


def _thinned(case: ConvCase, nonzeros: int) -> tuple[Any, ...]:
    """The arguments, with all but so many entries of the operand that each sum reads set to 0."""
    position = 0 if case.kind == "grad_bias" else 1
    operand = case.arguments[position]
    rows = _sums(case, np.arange(operand.size).reshape(operand.shape))
    order = fill(rows.shape, seed=case.seed, stream=_ORDER_STREAM, limit=_ORDERS).argsort(axis=1, kind="stable")
    thinned = operand.copy()
    thinned.flat[np.take_along_axis(rows, order[:, nonzeros:], axis=1)] = 0
    return (*case.arguments[:position], thinned, *case.arguments[position + 1 :])


def _sums(case: ConvCase, operand: Array) -> Array:
    """The operand's entries as rows, such that no sum reads from two rows."""
    if case.kind == "conv":
        return operand.reshape(len(operand), -1)
    if case.kind in ("grad_weight", "grad_bias"):
        return operand.swapaxes(0, 1).reshape(operand.shape[1], -1)
    grouped = operand.reshape(case.groups, -1, *operand.shape[1:]).swapaxes(1, 2)
    return grouped.reshape(case.groups * operand.shape[1], -1)
