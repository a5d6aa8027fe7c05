"""What real terms and the rules of integrals must refuse, beside its nearest acceptable neighbour."""

from __future__ import annotations

import sympy

from convmath.calculus import kernel
from convmath.calculus.index import integers
from convmath.calculus.kernel import Theorem
from convmath.calculus.reals import RealTerm, line, positives, real_function, reals
from convmath.calculus.terms import Equation, value

from .parts import rule

t, u, v = reals("t u v")
f, g = real_function("f"), real_function("g")
sigma = positives("sigma")
PRODUCT = RealTerm(line(f(u) * g(t - u), u))
BELL = line(sympy.exp(-(u**2) / (2 * sigma**2)), u)
AREA = sympy.sqrt(2 * sympy.pi) * sigma


def substituted(point: sympy.Expr = t - v, new: sympy.Symbol = v, integral: RealTerm = PRODUCT) -> Theorem:
    return kernel.substitution(integral, new, point)


REALS = [
    rule(f"a real term: {name}", lambda bad=bad: RealTerm(bad), lambda good=good: RealTerm(good), says)
    for name, bad, good, says in (
        ("an integer symbol", integers("n"), t, "not a real term"),
        ("a symbol with further assumptions", sympy.Symbol("t", nonnegative=True), t, "not a real term"),
        ("a symbol that is no name", sympy.Symbol("t u", real=True), t, "not a real term"),
        ("a number that is not rational", sympy.Float(0.5), sympy.Rational(1, 2), "not a real term"),
        ("infinity", sympy.oo, sympy.Integer(7), "not a real term"),
        ("a Python number", 1, sympy.Integer(1), "not a real term"),
        ("another function of SymPy", sympy.gamma(t), sympy.erf(t), "not a real term"),
        ("a function of which more is known", sympy.Function("f", positive=True)(t), f(t), "not a real term"),
        ("a function of two variables", f(t, u), f(t), "not a real term"),
        ("a sum", sympy.Sum(f(u), (u, 0, 3)), f(u), "not a real term"),
        ("a reciprocal of what may be 0", 1 / t, 1 / sigma, "must be positive"),
        ("a root of what may be negative", sympy.sqrt(t), sympy.sqrt(sigma), "must be positive"),
        ("a symbolic exponent", sigma**t, sigma**2, "not a real term"),
        ("a double integral", sympy.Integral(f(u - v), (u, 0, 1), (v, 0, 1)), line(f(u), u), "one variable between"),
        ("an indefinite integral", sympy.Integral(f(u), u), line(f(u), u), "one variable between"),
        ("an integral inside an integral", line(line(f(u - v), u), v), line(f(u - t), u), "none inside it"),
        ("an integral over a positive symbol", line(f(sigma), sigma), line(f(u), u), "over a real symbol"),
        ("its variable in a limit", sympy.Integral(f(u), (u, 0, u)), sympy.Integral(f(u), (u, 0, t)), "do not contain"),
    )
]
INTEGRALS = [
    rule(
        "substitution: not a whole integral",
        lambda: substituted(integral=RealTerm(2 * PRODUCT.expr)),
        lambda: substituted(integral=RealTerm(PRODUCT.expr)),
        "only an integral over the line",
    ),
    rule(
        "substitution: an integral over an interval",
        lambda: substituted(integral=RealTerm(sympy.Integral(f(u), (u, 0, sympy.oo)))),
        lambda: substituted(integral=RealTerm(line(f(u), u))),
        "only an integral over the line",
    ),
    rule("substitution: a name that is taken", lambda: substituted(u - t, t), lambda: substituted(), "is not used"),
    rule(
        "substitution: a positive variable",
        lambda: substituted(t - sigma, sigma),
        lambda: substituted(t - v, v),
        "must be a real symbol",
    ),
    rule("substitution: another slope", lambda: substituted(t - 2 * v), lambda: substituted(t - v), "slope 1 or -1"),
    rule("substitution: not affine", lambda: substituted(v**3), lambda: substituted(v), "slope 1 or -1"),
    rule("substitution: a varying slope", lambda: substituted(t * v), lambda: substituted(t + v), "slope 1 or -1"),
    rule("substitution: the old variable again", lambda: substituted(u - v), lambda: substituted(t - v), "must not"),
    rule(
        "integrate: another value",
        lambda: kernel.integrate(RealTerm(BELL), RealTerm(2 * AREA)),
        lambda: kernel.integrate(RealTerm(BELL), RealTerm(AREA)),
        "does not find the two sides equal",
    ),
    rule(
        "integrate: what SymPy cannot work out",
        lambda: kernel.integrate(RealTerm(line(f(u), u)), RealTerm(sympy.Integer(1))),
        lambda: kernel.integrate(RealTerm(line(f(u), u)), RealTerm(line(f(u), u))),
        "does not find the two sides equal",
    ),
    rule(
        "integrate: what does not converge",
        lambda: kernel.integrate(RealTerm(line(u**2, u)), RealTerm(line(u**2 + 1, u))),
        lambda: kernel.integrate(RealTerm(line(u**2, u)), RealTerm(line(u**2, u))),
        "does not find the two sides equal",
    ),
    rule(
        "ring: different integrals",
        lambda: kernel.ring(PRODUCT, RealTerm(line(f(u) * g(t + u), u))),
        lambda: kernel.ring(PRODUCT, RealTerm(line(f(v) * g(t - v), v))),
        "not equal as polynomials",
    ),
    rule(
        "an equation of a real term and a value",
        lambda: Equation(PRODUCT, value(1)),
        lambda: Equation(PRODUCT, RealTerm(sympy.Integer(1))),
        "values on both sides",
    ),
]
