"""Calculations with integrals, step by step. Untrusted: every step is made by the kernel."""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from ..errors import ProofError
from . import kernel
from .derive import Part, Step
from .kernel import Theorem
from .reals import RealTerm


class Integration:
    """A calculation that starts at a real term: moves, ended by :meth:`part`.

    >>> from .reals import line, real_function, reals
    >>> f, t, u = real_function("f"), *reals("t u")
    >>> moved = Integration(line(f(t), t)).substitute({t: 1 - u}, why="run backwards")
    >>> moved.value.expr
    Integral(f(1 - u), (u, -oo, oo))
    """

    def __init__(self, start: sympy.Expr) -> None:
        """Start from a real term."""
        self.start = RealTerm(start)
        self.steps: list[Step] = []
        self.theorem = kernel.ring(self.start, self.start)

    @property
    def value(self) -> RealTerm:
        """Where the calculation has arrived."""
        reached: RealTerm = self.theorem.equation.right
        return reached

    def _move(self, theorem: Theorem, why: str) -> Integration:
        self.theorem = kernel.trans(self.theorem, theorem)
        self.steps.append(Step(self.value, why))
        return self

    def substitute(self, substitution: Mapping[sympy.Symbol, sympy.Expr], why: str) -> Integration:
        """Another variable of integration: the old one is given as plus or minus the new one and a rest."""
        ((old, point),) = substitution.items()
        if not isinstance(self.value.expr, sympy.Integral) or self.value.expr.variables != [old]:
            raise ProofError(f"{self.value.expr} is no integral over {old}")
        (new,) = point.free_symbols - self.value.expr.function.free_symbols
        return self._move(kernel.substitution(self.value, new, point), why)

    def ring(self, target: sympy.Expr, why: str) -> Integration:
        """The same after polynomial arithmetic, also under the integral sign."""
        return self._move(kernel.ring(self.value, RealTerm(target)), why)

    def integrate(self, target: sympy.Expr, why: str) -> Integration:
        """What SymPy finds equal when it works out the integrals."""
        return self._move(kernel.integrate(self.value, RealTerm(target)), why)

    def part(self, title: str) -> Part:
        """The calculation with the words that introduce it."""
        return Part(title, self.theorem, self.start, tuple(self.steps))
