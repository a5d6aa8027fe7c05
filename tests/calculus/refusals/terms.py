"""What is no contraction, value or statement, each beside its nearest acceptable neighbour."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy

from convmath.calculus.index import Formula, eq, integers, sequence, within
from convmath.calculus.terms import Application, Contraction, Equation, Gradient, Statement, Value, tensor, total, value

from .case import Refusal

i, j, n = integers("i j n")
x, s = tensor("x"), sequence("s")
FIELDS: dict[str, Any] = {"bound": (j,), "guard": within(0, j, n), "coefficient": 1, "factors": (x[j],)}


def contraction(name: str, says: str, **bad: Any) -> Refusal:
    return Refusal(name, lambda: Contraction(**FIELDS | bad), lambda: Contraction(**FIELDS), says)


def coefficient(name: str, bad: Any, good: Any, says: str) -> Refusal:
    return Refusal(
        name,
        lambda: Contraction(**FIELDS | {"coefficient": bad}),
        lambda: Contraction(**FIELDS | {"coefficient": good}),
        says,
    )


def factor(name: str, bad: Any, good: Any, says: str) -> Refusal:
    return Refusal(
        name,
        lambda: Contraction(**FIELDS | {"factors": (bad,)}),
        lambda: Contraction(**FIELDS | {"factors": (good,)}),
        says,
    )


class Counterfeit(Contraction):
    """A contraction that says of itself what the rules want to hear."""

    def is_bounded(self) -> bool:
        """Always."""
        return True


class Liar(Formula):
    """A formula that prints another one."""

    def json(self) -> Any:
        """Something true."""
        return eq(0, 0).json()


NESTED = Statement(eq(n, n), (n,))
CONTRACTIONS = [
    contraction("an index bound twice", "must be different symbols", bound=(j, j)),
    contraction("a bound entry of a sequence", "must be different symbols", bound=(s[0],)),
    contraction("a bound number", "must be different symbols", bound=(sympy.Integer(1),)),
    contraction("a bound dummy", "no other assumption", bound=(sympy.Dummy("j", integer=True),)),
    contraction("a bound even symbol", "no other assumption", bound=(sympy.Symbol("j", even=True),)),
    contraction("a guard that is a term", "must be made of formulas", guard=(j,)),
    contraction("a guard of a subclass", "must be made of formulas", guard=(Liar("<", (j, n)),)),
    contraction("a guard that is a SymPy relation", "must be made of formulas", guard=(sympy.Eq(j, 0),)),
    coefficient("a float coefficient", 0.5, Fraction(1, 2), "not a coefficient"),
    coefficient("a boolean coefficient", True, 1, "not a coefficient"),
    coefficient("a coefficient in words", "1/2", Fraction(1, 2), "not a coefficient"),
    coefficient("a SymPy float as coefficient", sympy.Float("0.5"), sympy.Rational(1, 2), "not allowed"),
    coefficient("an irrational coefficient", sympy.sqrt(2), 2, "natural exponents only"),
    coefficient("a reciprocal as coefficient", 1 / n, n / 2, "natural exponents only"),
    coefficient("a power as coefficient", (-1) ** n, (-1) ** 3 * n, "natural exponents only"),
    coefficient("an infinite coefficient", sympy.oo, 1, "not allowed"),
    coefficient("a coefficient that is no number", sympy.nan, 0, "not allowed"),
    coefficient("a coefficient with a delta", sympy.KroneckerDelta(j, n), j - n, "not allowed"),
    coefficient("a coefficient with a tensor", x[j], s[j], "no entry of an integer sequence"),
]
FACTORS = [
    factor("a factor that is a term", n, x[n], "a factor is"),
    factor("a factor that is an entry of a sequence", s[j], x[j], "a factor is"),
    factor("a factor without assumptions", sympy.IndexedBase("x")[j], x[j], "a factor is"),
    factor(
        "a factor with a shape", sympy.IndexedBase(sympy.Symbol("x"), shape=(n,), real=True)[j], x[j], "a factor is"
    ),
    factor("a factor with a positive entry", sympy.IndexedBase("x", positive=True)[j], x[j], "a factor is"),
    factor("a factor with a rational index", x[j / 2], x[2 * j], "not allowed"),
    factor("a factor with an even index", x[sympy.Symbol("j", even=True)], x[j], "no other assumption"),
    factor("a factor with a floor", x[sympy.floor(j / 2)], x[j], "not allowed"),
]


def quantified(name: str, bad: sympy.Expr, says: str) -> Refusal:
    return Refusal(name, lambda: Statement(eq(n, n), (bad,)), lambda: Statement(eq(n, n), (n,)), says)


STATEMENTS = [
    quantified("a quantified entry of a sequence", s[0], "quantifies over integer symbols"),
    quantified("a quantified number", sympy.Integer(1), "quantifies over integer symbols"),
    quantified("a quantified term", n + 1, "quantifies over integer symbols"),
    quantified("a quantified tensor", sympy.Symbol("x"), "no other assumption"),
    quantified("a quantified even number", sympy.Symbol("n", even=True), "no other assumption"),
    quantified("a quantified dummy", sympy.Dummy("n", integer=True), "no other assumption"),
    Refusal("a statement in a statement", lambda: Statement(NESTED), lambda: Statement(NESTED.body), "is a formula or"),
    Refusal("a statement in words", lambda: Statement("0 = 0"), lambda: Statement(eq(0, 0)), "is a formula or"),
    Refusal(
        "a statement of a subclass",
        lambda: Statement(Liar("==", (0, 1))),
        lambda: Statement(eq(0, 1)),
        "is a formula or",
    ),
    Refusal(
        "a condition that is an equation",
        lambda: Statement(eq(n, n), (n,), (Equation(value(1), value(1)),)),
        lambda: Statement(eq(n, n), (n,), (eq(1, 1),)),
        "is a formula or",
    ),
    Refusal(
        "a variable twice", lambda: Statement(eq(n, n), (n, n)), lambda: Statement(eq(n, n), (n, j)), "must differ"
    ),
    Refusal(
        "conditions without variables",
        lambda: Statement(eq(n, n), (), (eq(n, 0),)),
        lambda: Statement(eq(n, n), (n,), (eq(n, 0),)),
        "conditions need some",
    ),
]
PLAIN = Contraction(**FIELDS)
SHAPED = sympy.IndexedBase(sympy.Symbol("x"), shape=(n,), real=True)
VALUES = [
    Refusal(
        "a derivative of a contraction", lambda: Gradient(PLAIN, x[0]), lambda: Gradient(PLAIN.value, x[0]), "only a"
    ),
    Refusal(
        "a derivative for a term", lambda: Gradient(PLAIN.value, n), lambda: Gradient(PLAIN.value, x[n]), "a factor is"
    ),
    Refusal(
        "a derivative for an entry of a sequence",
        lambda: Gradient(PLAIN.value, s[0]),
        lambda: Gradient(PLAIN.value, x[0]),
        "a factor is",
    ),
    Refusal(
        "a derivative for an entry of a tensor with a shape",
        lambda: Gradient(PLAIN.value, SHAPED[0]),
        lambda: Gradient(PLAIN.value, x[0]),
        "a factor is",
    ),
    Refusal(
        "a derivative at a fraction",
        lambda: Gradient(PLAIN.value, x[n / 2]),
        lambda: Gradient(PLAIN.value, x[2 * n]),
        "not allowed",
    ),
    Refusal(
        "a function without a name",
        lambda: Application("f(x)", PLAIN.value),
        lambda: Application("f", PLAIN.value),
        "an identifier",
    ),
    Refusal(
        "a function whose name is a symbol",
        lambda: Application(n, PLAIN.value),
        lambda: Application("n", PLAIN.value),
        "an identifier",
    ),
    Refusal(
        "a function of a contraction",
        lambda: Application("f", PLAIN),
        lambda: Application("f", PLAIN.value),
        "applied to a value",
    ),
    Refusal("a value of values", lambda: Value((value(1),)), lambda: Value(value(1).terms), "made of contractions"),
    Refusal(
        "a value of a counterfeit contraction",
        lambda: Counterfeit((j,), (), 1, ()).value,
        lambda: Contraction((j,), (), 1, ()).value,
        "made of contractions",
    ),
    Refusal("an equation of numbers", lambda: Equation(1, 1), lambda: Equation(value(1), value(1)), "values on both"),
    Refusal(
        "an equation of a value and a number",
        lambda: Equation(value(1), 1),
        lambda: Equation(value(1), value(1)),
        "values on both sides",
    ),
    Refusal("a sum over a fraction", lambda: total((n / 2,), (), 1), lambda: total((n,), (), 1), "symbols"),
    Refusal("a value of a float", lambda: value(0.5), lambda: value(Fraction(1, 2)), "not a coefficient"),
    Refusal("a value of a string", lambda: value("n"), lambda: value(n), "not a coefficient"),
    Refusal(
        "a value of an untyped entry", lambda: value(sympy.IndexedBase("x")[j]), lambda: value(x[j]), "a factor is"
    ),
    Refusal(
        "a sum over an index bound twice",
        lambda: total((j, j), (), x[j]),
        lambda: total((j, i), (), x[j]),
        "must be different symbols",
    ),
]
REFUSALS = [*CONTRACTIONS, *FACTORS, *STATEMENTS, *VALUES]
