"""Rounding operations as SymPy functions that never rewrite themselves.

SymPy's ``floor(a/s + 1)`` becomes ``floor(a/s) + 1`` the moment it is built: a proof step would vanish unchecked.
These stay as they are written until every argument is a number.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import sympy
from sympy.printing.printer import Printer


class Rounding(sympy.Function):
    """Base of the inert integer functions of two integers; evaluates on two numbers only."""

    nargs = 2
    is_integer = True
    is_finite = True

    @classmethod
    def eval(cls, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr | None:
        """Evaluate on two integers (a divisor must be positive), otherwise stay inert."""
        if isinstance(a, sympy.Integer) and isinstance(b, sympy.Integer) and cls.defined(int(b)):
            return sympy.Integer(cls.compute(int(a), int(b)))
        return None

    @staticmethod
    def defined(b: int) -> bool:
        """Whether the function has a value for the second argument ``b``."""
        return b > 0

    @staticmethod
    @abstractmethod
    def compute(a: int, b: int) -> int:
        """The value on two ints."""

    @staticmethod
    @abstractmethod
    def standard(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        """The value in SymPy's own, self-rewriting functions."""

    def doit(self, **hints: Any) -> sympy.Expr:
        """The same value in SymPy's own functions."""
        a, b = (arg.doit(**hints) for arg in self.args)
        return self.standard(a, b)


class FloorDiv(Rounding):
    """``floor(a / b)`` for an integer ``a`` and a positive integer ``b``.

    >>> from sympy import symbols
    >>> n, s = symbols("n s", integer=True)
    >>> FloorDiv(n + s, s)
    FloorDiv(n + s, s)
    >>> FloorDiv(n, s).subs({n: -7, s: 2})
    -4
    """

    @staticmethod
    def compute(a: int, b: int) -> int:
        """The value on two ints."""
        return a // b

    @staticmethod
    def standard(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        """SymPy's ``floor``."""
        return sympy.floor(a / b)

    def _latex(self, printer: Printer) -> str:
        return rf"\left\lfloor {_fraction(printer, *self.args)} \right\rfloor"


class CeilDiv(Rounding):
    """``ceil(a / b)`` for an integer ``a`` and a positive integer ``b``.

    >>> CeilDiv(-7, 2), CeilDiv(7, 2)
    (-3, 4)
    """

    @staticmethod
    def compute(a: int, b: int) -> int:
        """The value on two ints."""
        return -(-a // b)

    @staticmethod
    def standard(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        """SymPy's ``ceiling``."""
        return sympy.ceiling(a / b)

    def _latex(self, printer: Printer) -> str:
        return rf"\left\lceil {_fraction(printer, *self.args)} \right\rceil"


class Mod(Rounding):
    """``a - b*floor(a / b)`` for an integer ``a`` and a positive integer ``b``.

    >>> Mod(-7, 2)
    1
    """

    @staticmethod
    def compute(a: int, b: int) -> int:
        """The value on two ints."""
        return a % b

    @staticmethod
    def standard(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        """SymPy's ``Mod``."""
        return sympy.Mod(a, b)

    def _latex(self, printer: Printer) -> str:
        a, b = (_bracketed(printer, arg) for arg in self.args)
        return rf"{a} \bmod {b}"


class Min(Rounding):
    """The smaller of two integers.

    >>> Min(3, -1)
    -1
    """

    @staticmethod
    def defined(b: int) -> bool:
        """Always."""
        return True

    @staticmethod
    def compute(a: int, b: int) -> int:
        """The value on two ints."""
        return min(a, b)

    @staticmethod
    def standard(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        """SymPy's ``Min``."""
        return sympy.Min(a, b)

    def _latex(self, printer: Printer) -> str:
        return r"\min\left({}, {}\right)".format(*(printer._print(arg) for arg in self.args))


class Max(Min):
    """The larger of two integers.

    >>> Max(3, -1)
    3
    """

    @staticmethod
    def compute(a: int, b: int) -> int:
        """The value on two ints."""
        return max(a, b)

    @staticmethod
    def standard(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
        """SymPy's ``Max``."""
        return sympy.Max(a, b)

    def _latex(self, printer: Printer) -> str:
        return r"\max\left({}, {}\right)".format(*(printer._print(arg) for arg in self.args))


def _fraction(printer: Printer, a: sympy.Expr, b: sympy.Expr) -> str:
    return rf"\frac{{{printer._print(a)}}}{{{printer._print(b)}}}"


def _bracketed(printer: Printer, arg: sympy.Expr) -> str:
    text: str = printer._print(arg)
    return text if arg.is_Atom else rf"\left({text}\right)"
