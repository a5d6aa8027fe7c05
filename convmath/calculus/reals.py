"""Real terms: real variables, uninterpreted functions of one variable, elementary functions and integrals.

A real term is a SymPy expression built from rational numbers, pi, symbols that are real or positive and nothing more,
functions ``real_function("f")`` at one real term, ``exp``, ``erf``, sums, products, rational powers and integrals of
real terms over a line or an interval; no integral stands inside another one. Anything else is refused, and so is a
power of what may be 0 or negative unless its exponent is natural: a real term has a value wherever its integrals exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from sympy.core.function import AppliedUndef

from ..errors import ProofError
from .index import Json

_FUNCTIONS: dict[Any, str] = {sympy.exp: "exp", sympy.erf: "erf"}
_ENDS: dict[Any, str] = {sympy.oo: "oo", -sympy.oo: "-oo"}


def reals(names: str) -> Any:
    """Real symbols, with no further assumption.

    >>> reals("t tau")
    (t, tau)
    """
    return sympy.symbols(names, real=True)


def positives(names: str) -> Any:
    """Positive real symbols."""
    return sympy.symbols(names, positive=True)


def real_function(name: str) -> Any:
    """An uninterpreted function from the reals to the reals."""
    return sympy.Function(name, real=True)


def line(integrand: Any, over: sympy.Symbol) -> sympy.Integral:
    """The integral over the whole line.

    >>> t, tau = reals("t tau")
    >>> f, g = map(real_function, "fg")
    >>> line(f(tau) * g(t - tau), tau)
    Integral(f(tau)*g(t - tau), (tau, -oo, oo))
    """
    return sympy.Integral(integrand, (over, -sympy.oo, sympy.oo))


@dataclass(frozen=True)
class RealTerm:
    """A real number that depends on real variables and on functions: a side of an equation."""

    expr: sympy.Expr

    def __post_init__(self) -> None:
        """Refuse what is no real term."""
        _json(self.expr)

    @property
    def free_symbols(self) -> frozenset[sympy.Symbol]:
        """The integer variables that are free in it: none."""
        return frozenset()

    def substitute(self, mapping: Mapping[Any, Any]) -> RealTerm:
        """Itself: no integer variable occurs in it."""
        return self

    def canonical(self, outer: Mapping[Any, Any] | None = None) -> sympy.Expr:
        """Multiplied out and names of bound variables forgotten: equal for terms that arithmetic makes equal."""
        return sympy.expand(self.expr.as_dummy())

    def substituted(self, new: sympy.Symbol, point: Any) -> RealTerm:
        """An integral over the line with ``point``, plus or minus the new variable and a rest, for its variable."""
        if not isinstance(self.expr, sympy.Integral) or self.expr.limits[0][1:] != (-sympy.oo, sympy.oo):
            raise ProofError(f"only an integral over the line gets another variable, not {self.expr}")
        old = self.expr.variables[0]
        if new in self.expr.function.free_symbols or new != reals(str(new)):
            raise ProofError(f"the new variable must be a real symbol that is not used: {new!r}")
        slope = sympy.expand(RealTerm(point).expr - point.xreplace({new: sympy.Integer(0)}))
        if slope not in (new, -new):
            raise ProofError(f"the new variable must stand with slope 1 or -1: {point}")
        if old in point.free_symbols:
            raise ProofError(f"the old variable must not occur in its replacement: {point}")
        return RealTerm(line(self.expr.function.xreplace({old: point}), new))

    def equals_by_sympy(self, other: RealTerm) -> bool:
        """Whether SymPy works out all the integrals and simplifies the difference to 0."""
        return _is_zero(self.expr - other.expr)

    def json(self) -> Json:
        """The term as plain data."""
        return ["real", _json(self.expr)]


@lru_cache(maxsize=256)
def _is_zero(expr: sympy.Expr) -> bool:
    done = sympy.expand(expr.doit().rewrite(sympy.erf))
    return not done.has(sympy.Integral) and sympy.simplify(done) == 0


def is_real(body: Any) -> bool:
    """Whether a statement's body is an equation between real terms."""
    return isinstance(getattr(body, "left", None), RealTerm)


def _json(term: Any) -> Json:
    """The plain data of a real term, or ProofError."""
    if isinstance(term, sympy.Integer):
        return int(term)
    if isinstance(term, sympy.Rational):
        return ["/", int(term.p), int(term.q)]
    if term is sympy.pi:
        return ["pi"]
    if type(term) is sympy.Symbol and term.name.isidentifier():
        if term == reals(term.name):
            return term.name
        if term == positives(term.name):
            return ["positive", term.name]
    if isinstance(term, (sympy.Add, sympy.Mul)):
        args = sorted(term.args, key=sympy.default_sort_key)
        return ["+" if isinstance(term, sympy.Add) else "*", *map(_json, args)]
    if isinstance(term, sympy.Pow) and isinstance(term.exp, sympy.Rational):
        if isinstance(term.exp, sympy.Integer) and term.exp > 0:
            return ["*", *[_json(term.base)] * int(term.exp)]
        if not term.base.is_positive:
            raise ProofError(f"the base of a power must be positive: {term}")
        return ["^", _json(term.base), int(term.exp.p), int(term.exp.q)]
    if type(term) in _FUNCTIONS:
        return [_FUNCTIONS[type(term)], _json(term.args[0])]
    if isinstance(term, AppliedUndef) and len(term.args) == 1 and term.func == real_function(term.func.__name__):
        return ["apply", term.func.__name__, _json(term.args[0])]
    if isinstance(term, sympy.Integral):
        return _integral_json(term)
    raise ProofError(f"not a real term: {term!r}")


def _integral_json(term: sympy.Integral) -> Json:
    if len(term.limits) != 1 or len(term.limits[0]) != 3 or term.function.has(sympy.Integral):
        raise ProofError(f"an integral has one variable between two limits, and none inside it: {term}")
    variable, *ends = term.limits[0]
    if variable != reals(str(variable)) or any(variable in end.free_symbols for end in ends):
        raise ProofError(f"an integral runs over a real symbol that its limits do not contain: {term}")
    return ["integral", variable.name, *(_ENDS.get(end) or _json(end) for end in ends), _json(term.function)]
