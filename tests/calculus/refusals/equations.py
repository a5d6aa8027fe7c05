"""What the rules of equations must refuse, beside its nearest acceptable neighbour."""

from __future__ import annotations

from convmath.calculus import kernel
from convmath.calculus.index import (
    le,
    lt,
    within,
)
from convmath.calculus.reals import RealTerm, reals
from convmath.calculus.terms import Application, Gradient, value

from .parts import (
    PLAIN,
    RANGE,
    REFLEXIVE,
    TRIVIAL,
    i,
    j,
    k,
    n,
    needs_theorem,
    rule,
    sum_,
    x,
    y,
)

RESULT = kernel.swap(sum_(*RANGE, le(0, i), lt(i, n), bound=(i, j)), (j, i))
SQUARE = RealTerm(reals("t") ** 2)
EQUATIONS = [
    rule(
        "ring: different tensors",
        lambda: kernel.ring(value(x[j]), value(y[j])),
        lambda: kernel.ring(value(x[j]), value(x[j])),
        "not equal as polynomials",
    ),
    rule(
        "ring: different indices",
        lambda: kernel.ring(value(x[j * j]), value(x[j * (j + 1)])),
        lambda: kernel.ring(value(x[j * j + j]), value(x[j * (j + 1)])),
        "not equal as polynomials",
    ),
    rule(
        "ring: different coefficients",
        lambda: kernel.ring(value(x[j]) * n * n, value(x[j]) * n),
        lambda: kernel.ring(value(x[j]) * n * n, value(x[j]) * n**2),
        "not equal as polynomials",
    ),
    rule(
        "ring: a guard more",
        lambda: kernel.ring(PLAIN.value, sum_(*RANGE, le(j, 3)).value),
        lambda: kernel.ring(PLAIN.value, sum_(*RANGE[::-1], le(j, n - 1)).value),
        "not equal as polynomials",
    ),
    rule(
        "ring: a bound index turned free",
        lambda: kernel.ring(PLAIN.value, sum_(*RANGE, factors=[x[k]]).value),
        lambda: kernel.ring(PLAIN.value, sum_(*within(0, k, n), bound=(k,), factors=[x[k]]).value),
        "not equal as polynomials",
    ),
    rule(
        "ring: an index more, which is not used",
        lambda: kernel.ring(PLAIN.value, sum_(*RANGE, *within(0, i, 2), bound=(j, i)).value),
        lambda: kernel.ring(PLAIN.value, sum_(*RANGE, *RANGE).value),
        "not equal as polynomials",
    ),
    rule(
        "ring: a square for a product",
        lambda: kernel.ring(value(x[j]) * x[j], value(x[j]) * x[i]),
        lambda: kernel.ring(value(x[i]) * x[j], value(x[j]) * x[i]),
        "not equal as polynomials",
    ),
    rule(
        "ring: derivatives for different entries",
        lambda: kernel.ring(value(Gradient(PLAIN.value, x[i])), value(Gradient(PLAIN.value, x[k]))),
        lambda: kernel.ring(value(Gradient(PLAIN.value, x[i])), value(Gradient(PLAIN.value, x[i]))),
        "not equal as polynomials",
    ),
    rule(
        "ring: another function of the same value",
        lambda: kernel.ring(value(Application("f", PLAIN.value)), value(Application("g", PLAIN.value))),
        lambda: kernel.ring(value(Application("f", PLAIN.value)), value(Application("f", PLAIN.value))),
        "not equal as polynomials",
    ),
    rule(
        "ring: a function of another value",
        lambda: kernel.ring(value(Application("f", value(x[i]) * 2)), value(Application("f", value(x[i])))),
        lambda: kernel.ring(value(Application("f", value(x[i]) * 2)), value(Application("f", value(x[i]) + x[i]))),
        "not equal as polynomials",
    ),
    rule(
        "ring: a function taken for linear",
        lambda: kernel.ring(value(Application("f", value(x[i]) * 2)), value(Application("f", value(x[i]))) * 2),
        lambda: kernel.ring(value(Application("f", value(x[i]))) * 2, value(Application("f", value(x[i]))) * 2),
        "not equal as polynomials",
    ),
    rule(
        "ring: a function taken for a tensor",
        lambda: kernel.ring(value(Application("x", value(i))), value(x[i])),
        lambda: kernel.ring(value(Application("x", value(i))), value(Application("x", value(i)))),
        "not equal as polynomials",
    ),
    *needs_theorem("congruence", lambda t: kernel.congruence("f", t), REFLEXIVE),
    rule(
        "congruence: a formula",
        lambda: kernel.congruence("f", TRIVIAL),
        lambda: kernel.congruence("f", REFLEXIVE),
        "a plain equation",
    ),
    rule(
        "congruence: a quantified equation",
        lambda: kernel.congruence("f", kernel.generalize(REFLEXIVE, [j])),
        lambda: kernel.congruence("f", REFLEXIVE),
        "a plain equation",
    ),
    rule(
        "congruence: real terms",
        lambda: kernel.congruence("f", kernel.ring(SQUARE, SQUARE)),
        lambda: kernel.congruence("f", REFLEXIVE),
        "applied to a value",
    ),
    *needs_theorem("sym", kernel.sym, REFLEXIVE),
    rule("sym: a formula", lambda: kernel.sym(TRIVIAL), lambda: kernel.sym(REFLEXIVE), "a plain equation"),
    rule(
        "sym: a quantified equation",
        lambda: kernel.sym(kernel.generalize(REFLEXIVE, [j])),
        lambda: kernel.sym(REFLEXIVE),
        "a plain equation",
    ),
    *needs_theorem("trans: the first", lambda t: kernel.trans(t, REFLEXIVE), REFLEXIVE),
    *needs_theorem("trans: the second", lambda t: kernel.trans(REFLEXIVE, t), REFLEXIVE),
    rule(
        "trans: a gap",
        lambda: kernel.trans(REFLEXIVE, kernel.ring(value(x[i]), value(x[i]))),
        lambda: kernel.trans(REFLEXIVE, kernel.ring(value(x[j]), value(x[j]) + 0)),
        "does not end where the second begins",
    ),
    rule(
        "trans: the second the wrong way round",
        lambda: kernel.trans(RESULT, RESULT),
        lambda: kernel.trans(RESULT, kernel.sym(RESULT)),
        "does not end where the second begins",
    ),
    *needs_theorem("replace", lambda t: kernel.replace(value(x[j]), 0, t), REFLEXIVE),
    rule(
        "replace: past the end",
        lambda: kernel.replace(value(x[j]), 1, REFLEXIVE),
        lambda: kernel.replace(value(x[j]), 0, REFLEXIVE),
        "no contraction number",
    ),
    rule(
        "replace: from the end",
        lambda: kernel.replace(value(x[j]), -1, REFLEXIVE),
        lambda: kernel.replace(value(x[j]), 0, REFLEXIVE),
        "no contraction number",
    ),
    rule(
        "replace: another contraction",
        lambda: kernel.replace(value(x[i]) + x[j], 0, REFLEXIVE),
        lambda: kernel.replace(value(x[i]) + x[j], 1, REFLEXIVE),
        "about another contraction",
    ),
    rule(
        "replace: a multiple of the contraction",
        lambda: kernel.replace(value(x[j]) * 2, 0, REFLEXIVE),
        lambda: kernel.replace(value(x[j]) * 1, 0, REFLEXIVE),
        "about another contraction",
    ),
]
