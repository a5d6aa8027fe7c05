"""The theorems and sums that the refusals of the rules share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from convmath.calculus import kernel
from convmath.calculus.index import (
    both,
    eq,
    equivalent,
    integers,
    le,
    lt,
    negation,
    sequence,
    within,
)
from convmath.calculus.kernel import Theorem, assume
from convmath.calculus.terms import Contraction, Equation, Statement, tensor, value

from .case import Refusal, proved

i, j, k, m, n = integers("i j k m n")
x, y, w = tensor("x"), tensor("y"), tensor("w")
s = sequence("s")
RANGE = within(0, j, n)
TRIVIAL = proved([], eq(n, n))
REFLEXIVE = kernel.ring(value(x[j]), value(x[j]))
ASSUMED = assume(eq(n, 1))
FOR_ALL = assume(Statement(le(0, n), (n,)))


def sum_(*guard: Any, bound: Any = (j,), factors: Any = (x[j],), coefficient: Any = 1) -> Contraction:
    return Contraction(tuple(bound), tuple(guard), coefficient, tuple(factors))


PLAIN = sum_(*RANGE)
UNBOUNDED = sum_(le(0, j))


def rule(name: str, bad: Callable[[], Any], good: Callable[[], Any], says: str) -> Refusal:
    return Refusal(name, bad, good, says)


OLD, NEW = lt(j, n), le(j, n - 1)
SAME_BOUND = proved([], equivalent(OLD, NEW))
MENDED = (le(0, j), NEW)
NEVER = proved([], negation(both(lt(j, 0), le(0, j))))
EMPTY = sum_(lt(j, 0), le(0, j), le(j, n))
INNER = sum_(*within(0, k, 3), bound=(k,), factors=[w[k], y[j + k]])
FOR_EVERY_J = kernel.specialize(assume(Statement(Equation(value(x[j]), INNER.value), (j,))), {j: j})


def guarded(theorem: Any = SAME_BOUND, contraction: Any = PLAIN, new: Any = MENDED, using: Any = ()) -> Theorem:
    return kernel.guard(contraction, new, theorem, using)


class Forged(Theorem):
    """What someone might hand in as a theorem."""

    def __init__(self) -> None:
        """Take nobody's key."""


def needs_theorem(name: str, call: Callable[[Any], Any], good: Theorem) -> list[Refusal]:
    """A rule takes a theorem, and neither its statement nor an object of a subclass."""
    return [
        rule(f"{name}: {what} in place of a theorem", lambda bad=bad: call(bad), lambda: call(good), "not a theorem")
        for what, bad in (("a statement", good.conclusion), ("a forgery", Forged.__new__(Forged)), ("a number", 0))
    ]
