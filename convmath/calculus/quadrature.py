"""Evaluates real terms from their plain data: exactly where an integrand is made of steps, else by quadrature.

In a model an uninterpreted function f is the step function whose value between the integers n and n + 1 is the entry
``f[n]`` of a tensor of that name, for n from -SUPPORT to SUPPORT - 1, and 0 elsewhere. An integral is taken from step
to step: a constant integrand exactly, any other one by mpmath's quadrature with an estimate of the error. What is not
rational is rounded to DIGITS decimals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from itertools import pairwise
from math import floor, inf, prod
from typing import Any, Protocol

import mpmath

from ..errors import DomainError, UnsupportedError
from .plain_reals import ENDS, Frozen, inner

SUPPORT, DIGITS = 3, 12
_WORKING = 20
"""So many digits are carried along, so that rounding to DIGITS is safe."""

Environment = Mapping[str, Any]


class Steps(Protocol):
    """What gives the values of the variables and of the steps."""

    variables: dict[str, Any]

    def entry(self, cell: tuple[str, str, tuple[int, ...]]) -> Any:
        """The value of a step."""


def evaluated(term: Frozen, model: Steps) -> Fraction:
    """The value of a real term.

    Raises:
        DomainError: a variable has no value, or one that must be positive is not.
        UnsupportedError: an integral does not converge, or quadrature is not sure of the digits.
    """
    with mpmath.workdps(_WORKING):
        value = _value(term, model.variables, model)
        if isinstance(value, Fraction):
            return value
        return Fraction(int(mpmath.nint(value * 10**DIGITS)), 10**DIGITS)


def _value(term: Frozen, e: Environment, model: Steps) -> Any:
    """The value, rational as long as it can be; a number stands for itself."""
    if not isinstance(term, (str, tuple)):
        return Fraction(term) if isinstance(term, int) else term
    if isinstance(term, str) or term[0] == "positive":
        return _variable(term, e)
    op, *args = term
    if op == "integral":
        return _integral(term, e, model)
    if op == "apply":
        return _step(args[0], _value(args[1], e, model), model)
    if op == "/":
        return Fraction(*args)
    if op == "pi":
        return +mpmath.pi
    parts = [_value(part, e, model) for part in inner(term)]
    if op in ("+", "*"):
        numbers = parts if all(isinstance(part, Fraction) for part in parts) else map(_float, parts)
        return sum(numbers, start=Fraction(0)) if op == "+" else prod(numbers, start=Fraction(1))
    if op == "^":
        return _power(parts[0], args[1], args[2])
    return (mpmath.exp if op == "exp" else mpmath.erf)(_float(parts[0]))


def _variable(term: Frozen, e: Environment) -> Any:
    name, positive = (term, False) if isinstance(term, str) else (term[1], True)
    if name not in e:
        raise DomainError(name, None, "needs a value")
    if positive and e[name] <= 0:
        raise DomainError(name, e[name], "needs a positive value")
    return Fraction(e[name]) if isinstance(e[name], int) else e[name]


def _step(function: str, at: Any, model: Steps) -> Fraction:
    number = floor(at)
    return Fraction(model.entry(("tensor", function, (number,))) if -SUPPORT <= number < SUPPORT else 0)


def _float(number: Any) -> Any:
    return mpmath.mpf(number.numerator) / number.denominator if isinstance(number, Fraction) else number


def _power(base: Any, p: int, q: int) -> Any:
    if base <= 0:
        raise DomainError("base", base, "needs a positive base", f"in a power {p}/{q}")
    if q == 1 and isinstance(base, Fraction):
        return base**p
    return mpmath.power(_float(base), mpmath.mpf(p) / q)


def _integral(term: Frozen, e: Environment, model: Steps) -> Any:
    """From one step of a function to the next."""
    _, variable, low, high, body = term
    ends = [{"oo": inf, "-oo": -inf}[end] if end in ENDS else _value(end, e, model) for end in (low, high)]
    if not all(end in (inf, -inf) or isinstance(end, Fraction) for end in ends):
        raise UnsupportedError(f"the limits of an integral over {variable} are not rational")
    backwards = ends[0] > ends[1]
    first, last = sorted(ends)
    inside = sorted(step for step in {Fraction(0), *_steps(body, variable, e, model)} if first < step < last)
    pieces = [_piece(term, start, stop, e, model) for start, stop in pairwise([first, *inside, last])]
    total = sum(pieces if all(isinstance(piece, Fraction) for piece in pieces) else map(_float, pieces))
    return -total if backwards else total


def _steps(body: Frozen, variable: str, e: Environment, model: Steps) -> Iterator[Any]:
    """Where a function in the integrand steps; its argument must be affine in the variable."""
    if not isinstance(body, tuple):
        return
    if body[0] == "apply":
        at = [_value(body[2], here, model) for here in ({**e, variable: Fraction(x)} for x in range(3))]
        slope = at[1] - at[0]
        if at[2] - at[1] != slope:
            raise UnsupportedError(f"the argument of {body[1]} is not affine in {variable}")
        yield from ((n - at[0]) / slope for n in range(-SUPPORT, SUPPORT + 1) if slope)
    for part in inner(body):
        yield from _steps(part, variable, e, model)


def _piece(term: Frozen, start: Any, stop: Any, e: Environment, model: Steps) -> Any:
    """The integral between two neighbouring steps."""
    _, variable, _, _, body = term
    middle = stop - 1 if start == -inf else start + 1 if stop == inf else (start + stop) / 2
    integrand = _folded(body, variable, {**e, variable: middle}, model)
    if not isinstance(integrand, (str, tuple)):
        if integrand and inf in (stop, -start):
            raise UnsupportedError(f"an integral over {variable} does not converge")
        return integrand * (stop - start) if integrand else Fraction(0)
    limits = [mpmath.mpf(end) if end in (inf, -inf) else _float(end) for end in (start, stop)]
    with mpmath.workdps(2 * _WORKING):  # quadrature works with more digits than it is asked for
        function = _compiled(integrand)
    value, error = mpmath.quad(function, limits, error=True)
    if error > mpmath.mpf(10) ** -(DIGITS + 3):
        raise UnsupportedError(f"quadrature over {variable} is off by {mpmath.nstr(error, 2)}")
    return value


def _folded(term: Frozen, variable: str, e: Environment, model: Steps) -> Frozen:
    """Numbers in place of what does not vary with the variable between two steps, functions among it."""
    if not _varies(term, variable):
        return _value(term, e, model)
    if isinstance(term, str):
        return term
    parts = (_folded(part, variable, e, model) for part in inner(term))
    return (term[0], *parts, *(term[2:] if term[0] == "^" else ()))


def _compiled(integrand: Frozen) -> Callable[[Any], Any]:
    """A folded integrand as a function of its variable."""
    if not isinstance(integrand, (str, tuple)):
        number = _float(integrand)
        return lambda x: number
    if isinstance(integrand, str):
        return lambda x: x
    op, parts = integrand[0], [_compiled(part) for part in inner(integrand)]
    if op in ("+", "*"):
        combine: Callable[[list[Any]], Any] = sum if op == "+" else prod
        return lambda x: combine([part(x) for part in parts])
    (only,) = parts
    if op == "^":
        return lambda x: _power(only(x), *integrand[2:])
    function = mpmath.exp if op == "exp" else mpmath.erf
    return lambda x: function(only(x))


def _varies(body: Frozen, variable: str) -> bool:
    if not isinstance(body, tuple):
        return bool(body == variable)
    return body[0] != "apply" and any(_varies(part, variable) for part in inner(body))
