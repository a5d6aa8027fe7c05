"""What is no integer term and no formula, each beside its nearest acceptable neighbour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

from convmath.calculus.index import Formula, eq, integer_term, integers, sequence
from convmath.inert import CeilDiv, FloorDiv, Max, Min, Mod

from .case import Refusal

n, m = integers("n m")
s = sequence("s")


def term(name: str, bad: Callable[[], Any], good: Any, says: str) -> Refusal:
    """The bad term is built late, since SymPy itself may refuse it."""
    return Refusal(name, lambda: integer_term(bad()), lambda: integer_term(good), says)


def symbol(name: str, **assumptions: Any) -> Refusal:
    return term(name, lambda: sympy.Symbol("n", **assumptions), n, "must be an integer with no other assumption")


SYMBOLS = [
    symbol("a symbol without assumptions"),
    symbol("a real symbol", real=True),
    symbol("a positive symbol", integer=True, positive=True),
    symbol("a nonnegative symbol", integer=True, nonnegative=True),
    symbol("an even symbol", even=True),
    symbol("an odd symbol", odd=True),
    symbol("a nonzero symbol", integer=True, nonzero=True),
    symbol("a prime symbol", prime=True),
    term("a dummy", lambda: sympy.Dummy("n", integer=True), n, "must be an integer with no other assumption"),
    term("a wild symbol", lambda: sympy.Wild("n", integer=True), n, "must be an integer with no other assumption"),
    term("a name that is no identifier", lambda: integers("%0"), n, "must be an integer with no other assumption"),
    term("a name of the checker's own", lambda: integers("#0"), n, "must be an integer with no other assumption"),
]
TERMS = [
    term("a float", lambda: 2.0, 2, "not an integer term"),
    term("a boolean", lambda: True, 1, "not an integer term"),
    term("a NumPy integer", lambda: np.int64(2), 2, "not an integer term"),
    term("a string", lambda: "n", n, "not an integer term"),
    term("a SymPy boolean", lambda: sympy.true, sympy.Integer(1), "not an integer term"),
    term("a relation", lambda: sympy.Eq(n, m), n - m, "not an integer term"),
    term("a SymPy float", lambda: n + sympy.Float(1.0), n + 1, "Float is not allowed"),
    term("a fraction", lambda: n / 2, FloorDiv(n, 2), "Half is not allowed"),
    term("a reciprocal", lambda: n / m, FloorDiv(n, m), "natural exponents only"),
    term("a square root", lambda: sympy.sqrt(n), n**2, "natural exponents only"),
    term("a power of a variable", lambda: 2**n, n**2, "natural exponents only"),
    term("a power of zero", lambda: 0**n, n**0, "natural exponents only"),
    term("SymPy's floor", lambda: sympy.floor(n / m), FloorDiv(n, m), "floor is not allowed"),
    term("SymPy's ceiling", lambda: sympy.ceiling(n / m), CeilDiv(n, m), "ceiling is not allowed"),
    term("SymPy's Mod", lambda: sympy.Mod(n, m), Mod(n, m), "Mod is not allowed"),
    term("SymPy's Min", lambda: sympy.Min(n, m), Min(n, m), "Min is not allowed"),
    term("SymPy's Max", lambda: sympy.Max(n, m), Max(n, m), "Max is not allowed"),
    term("an absolute value", lambda: abs(n), Max(n, -n), "Abs is not allowed"),
    term("a sign", lambda: sympy.sign(n), n, "sign is not allowed"),
    term("a Piecewise", lambda: sympy.Piecewise((1, n > 0), (0, True)), n, "Piecewise is not allowed"),
    term("a Kronecker delta", lambda: sympy.KroneckerDelta(n, m), n - m, "KroneckerDelta is not allowed"),
    term("a Sum", lambda: sympy.Sum(n, (n, 0, m)), n, "Sum is not allowed"),
    term("infinity", lambda: n + sympy.oo, n, "not allowed"),
    term("complex infinity", lambda: sympy.zoo, sympy.Integer(0), "not allowed"),
    term("not a number", lambda: sympy.nan, sympy.Integer(0), "not allowed"),
    term("the imaginary unit", lambda: sympy.I * n, n, "not allowed"),
    term("an Idx", lambda: sympy.Idx("n"), n, "Idx is not allowed"),
    term("a bad part of a rounding", lambda: FloorDiv(n / 2, m), FloorDiv(n, 2 * m), "not allowed"),
    term("a bad part of a sum of products", lambda: 1 + m * (n + sympy.pi), 1 + m * (n + 1), "not allowed"),
    term("a bad index of a sequence", lambda: s[n / 2], s[FloorDiv(n, 2)], "not allowed"),
    term("an entry of a real tensor", lambda: sympy.IndexedBase("s", real=True)[n], s[n], "no entry of an integer"),
    term("an entry without assumptions", lambda: sympy.IndexedBase("s")[n], s[n], "no entry of an integer sequence"),
    term(
        "an entry of a positive sequence",
        lambda: sympy.IndexedBase("s", integer=True, positive=True)[n],
        s[n],
        "no entry of an integer sequence",
    ),
    term(
        "an entry of a sequence with a shape",
        lambda: sympy.IndexedBase(sympy.Symbol("s"), shape=(m,), integer=True)[n],
        s[n],
        "no entry of an integer sequence",
    ),
]


class Liar(Formula):
    """A formula that prints another one."""

    def json(self) -> Any:
        """Something true."""
        return eq(0, 0).json()


FORGED = Liar("==", (n, 0))


def formula(name: str, bad: tuple[Any, Any], good: tuple[Any, Any], says: str) -> Refusal:
    return Refusal(name, lambda: Formula(*bad), lambda: Formula(*good), says)


FORMULAS = [
    formula("an unknown operation", (">", (n, m)), ("<", (n, m)), "not a formula"),
    formula("a comparison of one", ("<", (n,)), ("<", (n, m)), "not a formula"),
    formula("a comparison of three", ("<", (n, m, n)), ("<", (n, m)), "not a formula"),
    formula("a negation of two", ("not", (eq(n, 0), eq(m, 0))), ("not", (eq(n, 0),)), "not a formula"),
    formula("an implication of one", ("=>", (eq(n, 0),)), ("=>", (eq(n, 0), eq(m, 0))), "not a formula"),
    formula("an equivalence of three", ("<=>", (eq(n, 0),) * 3), ("<=>", (eq(n, 0),) * 2), "not a formula"),
    formula("a conjunction of terms", ("and", (n, m)), ("and", (eq(n, 0), eq(m, 0))), "combines formulas"),
    formula("a conjunction of SymPy relations", ("and", (sympy.Eq(n, 0),)), ("and", (eq(n, 0),)), "combines formulas"),
    formula("a conjunction with a forged formula", ("and", (FORGED,)), ("and", (eq(n, 0),)), "combines formulas"),
    formula("a comparison of formulas", ("==", (eq(n, 0), eq(n, 0))), ("==", (n, n)), "not an integer term"),
    formula("a comparison of fractions", ("<", (n / 2, m)), ("<", (n, 2 * m)), "not allowed"),
]
REFUSALS = [*SYMBOLS, *TERMS, *FORMULAS]
