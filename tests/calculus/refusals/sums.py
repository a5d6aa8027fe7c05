"""What the rules that move a sum must refuse, beside its nearest acceptable neighbour."""

from __future__ import annotations

import sympy

from convmath.calculus import kernel
from convmath.calculus.index import (
    both,
    either,
    eq,
    le,
    ne,
    within,
)
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Application, Equation, Gradient, Statement, value

from .parts import (
    FOR_EVERY_J,
    INNER,
    PLAIN,
    RANGE,
    UNBOUNDED,
    i,
    j,
    k,
    m,
    n,
    needs_theorem,
    rule,
    sum_,
    x,
    y,
)

DOUBLE = sum_(*within(0, j, n), *within(0, i, n), bound=(i, j), factors=[x[i + j]])
POINT = sum_(le(0, j), eq(j, n))
POWER = sum_(*RANGE, factors=[x[j], y[j]])
DEFINED = assume(Equation(value(x[j]), INNER.value))
DEFINED_INSIDE = kernel.specialize(assume(Statement(Equation(value(x[j]), INNER.value), (j,), RANGE)), {j: j})
ENDLESS = assume(Equation(value(x[j]), sum_(le(0, k), bound=(k,), factors=[y[k]]).value))
SUMS = [
    rule(
        "one_point: an index that is not summed over",
        lambda: kernel.one_point(POINT, n),
        lambda: kernel.one_point(POINT, j),
        "is not summed over",
    ),
    rule(
        "one_point: no equation",
        lambda: kernel.one_point(PLAIN, j),
        lambda: kernel.one_point(POINT, j),
        "says what j is",
    ),
    rule(
        "one_point: an equation for the index itself",
        lambda: kernel.one_point(sum_(eq(j, j * j)), j),
        lambda: kernel.one_point(sum_(eq(j, n * n)), j),
        "says what j is",
    ),
    rule(
        "one_point: an equation for a multiple of the index",
        lambda: kernel.one_point(sum_(eq(2 * j, n)), j),
        lambda: kernel.one_point(sum_(eq(j, 2 * n)), j),
        "says what j is",
    ),
    rule(
        "one_point: an equation in a disjunction",
        lambda: kernel.one_point(sum_(either(eq(j, n), eq(j, 0))), j),
        lambda: kernel.one_point(sum_(both(eq(j, n), le(j, 0))), j),
        "says what j is",
    ),
    rule(
        "one_point: an inequality",
        lambda: kernel.one_point(sum_(ne(j, n)), j),
        lambda: kernel.one_point(sum_(eq(j, n)), j),
        "says what j is",
    ),
    rule(
        "swap: an index missing", lambda: kernel.swap(DOUBLE, (i,)), lambda: kernel.swap(DOUBLE, (j, i)), "not an order"
    ),
    rule(
        "swap: an index twice", lambda: kernel.swap(DOUBLE, (i, i)), lambda: kernel.swap(DOUBLE, (j, i)), "not an order"
    ),
    rule(
        "swap: an index more",
        lambda: kernel.swap(DOUBLE, (i, j, k)),
        lambda: kernel.swap(DOUBLE, (j, i)),
        "not an order",
    ),
    rule(
        "swap: an index of the same name",
        lambda: kernel.swap(DOUBLE, (i, sympy.Dummy("j", integer=True))),
        lambda: kernel.swap(DOUBLE, (i, j)),
        "not an order",
    ),
    rule(
        "reindex: a free variable",
        lambda: kernel.reindex(PLAIN, {n: k}, {k: n}),
        lambda: kernel.reindex(PLAIN, {j: k}, {k: j}),
        "only bound indices",
    ),
    rule(
        "reindex: a new index that is free already",
        lambda: kernel.reindex(PLAIN, {j: n}, {n: j}),
        lambda: kernel.reindex(PLAIN, {j: k}, {k: j}),
        "a name that is taken",
    ),
    rule(
        "reindex: a new index that is bound already",
        lambda: kernel.reindex(DOUBLE, {j: i}, {i: j}),
        lambda: kernel.reindex(DOUBLE, {j: k}, {k: j}),
        "a name that is taken",
    ),
    rule(
        "reindex: an old index in its replacement",
        lambda: kernel.reindex(DOUBLE, {j: k + i - i * 1, i: m + j}, {k: j, m: i - j}),
        lambda: kernel.reindex(DOUBLE, {j: k, i: m + k}, {k: j, m: i - j}),
        "must not occur in their replacements",
    ),
    rule(
        "reindex: a new index that nothing determines",
        lambda: kernel.reindex(PLAIN, {j: m + k}, {k: j - m, m: m}),
        lambda: kernel.reindex(PLAIN, {j: m + 1}, {m: j - 1}),
        "must not occur in what they replace",
    ),
    rule(
        "reindex: only every second integer",
        lambda: kernel.reindex(PLAIN, {j: 2 * k}, {k: j}),
        lambda: kernel.reindex(PLAIN, {j: 2 - k}, {k: 2 - j}),
        "not inverse",
    ),
    rule(
        "reindex: an inverse with fractions",
        lambda: kernel.reindex(PLAIN, {j: 2 * k}, {k: j / 2}),
        lambda: kernel.reindex(PLAIN, {j: 2 - k}, {k: 2 - j}),
        "not allowed",
    ),
    rule(
        "reindex: an inverse that rounds",
        lambda: kernel.reindex(PLAIN, {j: 2 * k}, {k: kernel.sympy.Function("FloorDiv")(j, 2)}),
        lambda: kernel.reindex(PLAIN, {j: 2 - k}, {k: 2 - j}),
        "not allowed",
    ),
    rule(
        "reindex: two indices for one",
        lambda: kernel.reindex(PLAIN, {j: k + m}, {k: j, m: j - j}),
        lambda: kernel.reindex(DOUBLE, {j: k + m, i: m}, {k: j - i, m: i}),
        "not inverse",
    ),
    rule(
        "reindex: one index for two",
        lambda: kernel.reindex(DOUBLE, {j: k, i: k}, {k: j}),
        lambda: kernel.reindex(DOUBLE, {j: k, i: k + m}, {k: j, m: i - j}),
        "not inverse",
    ),
    rule(
        "split: an infinite sum",
        lambda: kernel.split(UNBOUNDED, le(j, 3)),
        lambda: kernel.split(PLAIN, le(j, 3)),
        "only a finite sum",
    ),
    rule(
        "split: a sum that only a disjunction bounds",
        lambda: kernel.split(sum_(either(eq(j, 0), eq(j, n))), le(j, 3)),
        lambda: kernel.split(sum_(either(eq(j, 0), eq(j, n)), *RANGE), le(j, 3)),
        "only a finite sum",
    ),
    rule(
        "split: a sum whose indices bound each other",
        lambda: kernel.split(sum_(eq(i, j), bound=(i, j)), le(j, 3)),
        lambda: kernel.split(sum_(eq(i, j), *RANGE, bound=(i, j)), le(j, 3)),
        "only a finite sum",
    ),
    rule(
        "split: a sum whose bounds have unknown sign",
        lambda: kernel.split(sum_(le(0, j), le(m * j, n)), le(j, 3)),
        lambda: kernel.split(sum_(le(0, j), le(2 * j, n * m)), le(j, 3)),
        "only a finite sum",
    ),
    *needs_theorem("unfold", lambda t: kernel.unfold(PLAIN, 0, t), FOR_EVERY_J),
    rule(
        "unfold: past the end",
        lambda: kernel.unfold(PLAIN, 1, FOR_EVERY_J),
        lambda: kernel.unfold(PLAIN, 0, FOR_EVERY_J),
        "no factor number",
    ),
    rule(
        "unfold: from the end",
        lambda: kernel.unfold(PLAIN, -1, FOR_EVERY_J),
        lambda: kernel.unfold(PLAIN, 0, FOR_EVERY_J),
        "no factor number",
    ),
    rule(
        "unfold: another factor",
        lambda: kernel.unfold(POWER, 1, FOR_EVERY_J),
        lambda: kernel.unfold(POWER, 0, FOR_EVERY_J),
        "about another factor",
    ),
    rule(
        "unfold: an infinite sum outside",
        lambda: kernel.unfold(UNBOUNDED, 0, FOR_EVERY_J),
        lambda: kernel.unfold(PLAIN, 0, FOR_EVERY_J),
        "the sums must be finite",
    ),
    rule(
        "unfold: an infinite sum inside",
        lambda: kernel.unfold(sum_(*RANGE), 0, ENDLESS),
        lambda: kernel.unfold(sum_(*RANGE), 0, FOR_EVERY_J),
        "the sums must be finite",
    ),
    rule(
        "unfold: a definition for one value of the index",
        lambda: kernel.unfold(PLAIN, 0, DEFINED),
        lambda: kernel.unfold(PLAIN, 0, FOR_EVERY_J),
        "not in the guard",
    ),
    rule(
        "unfold: a definition beyond the guard",
        lambda: kernel.unfold(sum_(*within(0, j, n + 1)), 0, DEFINED_INSIDE),
        lambda: kernel.unfold(PLAIN, 0, DEFINED_INSIDE),
        "not in the guard",
    ),
    rule(
        "diff: an infinite sum",
        lambda: kernel.diff(Gradient(UNBOUNDED.value, x[i])),
        lambda: kernel.diff(Gradient(PLAIN.value, x[i])),
        "only a finite sum",
    ),
    rule(
        "diff: a derivative of a derivative",
        lambda: kernel.diff(Gradient(value(Gradient(value(x[0]) * x[0], x[0])), x[0])),
        lambda: kernel.diff(Gradient(value(x[0]) * x[0], x[0])),
        "a derivative of a derivative",
    ),
    rule(
        "diff: a derivative of a function",
        lambda: kernel.diff(Gradient(value(Application("f", value(x[0]))), x[0])),
        lambda: kernel.diff(Gradient(value(x[0]), x[0])),
        "or of an application",
    ),
    rule(
        "diff: a derivative beside a function",
        lambda: kernel.diff(Gradient(value(Application("f", value(y[0]))) * x[0], x[0])),
        lambda: kernel.diff(Gradient(value(y[0]) * x[0], x[0])),
        "or of an application",
    ),
]
