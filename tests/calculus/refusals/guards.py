"""What the rules that change a guard or an index must refuse, beside its nearest acceptable neighbour."""

from __future__ import annotations

from typing import Any

from convmath.calculus import kernel
from convmath.calculus.index import (
    both,
    eq,
    equivalent,
    implies,
    le,
    lt,
    negation,
)
from convmath.calculus.kernel import Theorem
from convmath.calculus.terms import Application, Contraction, Gradient, value

from .case import proved
from .parts import (
    EMPTY,
    NEVER,
    NEW,
    OLD,
    PLAIN,
    RANGE,
    SAME_BOUND,
    guarded,
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

ON_J = proved([eq(j, j)], equivalent(OLD, NEW))
ON_N = proved([eq(n, n)], equivalent(OLD, NEW))


def _index(new: Any, theorem: Any, using: Any = (), contraction: Contraction = PLAIN) -> Theorem:
    return kernel.index(contraction, new, theorem, using)


POINT = sum_(le(0, j), eq(j, n), factors=[x[j]])
AT_POINT = sum_(le(0, j), eq(j, n), factors=[x[n]])
EQUAL_INDEX = proved([], implies(eq(j, n), eq(j, n)))
GUARDS = [
    *needs_theorem("guard", guarded, SAME_BOUND),
    rule(
        "guard: a fact about other conjuncts",
        lambda: guarded(new=(le(0, j), le(j, n))),
        guarded,
        "the fact must be",
    ),
    rule(
        "guard: an implication for an equivalence",
        lambda: guarded(proved([], implies(OLD, le(j, n))), new=(le(0, j), le(j, n))),
        guarded,
        "the fact must be",
    ),
    rule(
        "guard: a conjunct dropped",
        lambda: guarded(new=(NEW,)),
        guarded,
        "the fact must be",
    ),
    rule(
        "guard: a quantified fact",
        lambda: guarded(kernel.generalize(SAME_BOUND, [m])),
        guarded,
        "a plain integer formula",
    ),
    rule(
        "guard: what is used does not stay",
        lambda: guarded(proved([], equivalent(both(OLD, OLD), both(OLD, NEW))), using=(OLD,)),
        lambda: guarded(proved([], equivalent(both(le(0, j), OLD), both(le(0, j), NEW))), using=(le(0, j),)),
        "must stay in the guard",
    ),
    rule(
        "guard: what is used is not there",
        lambda: guarded(proved([], equivalent(both(le(j, 5), OLD), both(le(j, 5), NEW))), using=(le(j, 5),)),
        lambda: guarded(proved([], equivalent(both(le(0, j), OLD), both(le(0, j), NEW))), using=(le(0, j),)),
        "must stay in the guard",
    ),
    rule(
        "guard: a hypothesis on the bound index",
        lambda: guarded(ON_J),
        lambda: guarded(ON_N),
        "a bound index is free in the hypotheses",
    ),
    rule(
        "guard: a guard that is a term",
        lambda: guarded(new=(j,)),
        guarded,
        "must be made of formulas",
    ),
    *needs_theorem("index", lambda t: _index(AT_POINT, t, (eq(j, n),), POINT), EQUAL_INDEX),
    rule(
        "index: another guard",
        lambda: _index(sum_(le(0, n), eq(j, n), factors=[x[n]]), EQUAL_INDEX, (eq(j, n),), POINT),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "the sum and its guard must stay",
    ),
    rule(
        "index: another bound index",
        lambda: _index(sum_(le(0, j), eq(j, n), bound=(j, k), factors=[x[n]]), EQUAL_INDEX, (eq(j, n),), POINT),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "the sum and its guard must stay",
    ),
    rule(
        "index: a factor more",
        lambda: _index(sum_(le(0, j), eq(j, n), factors=[x[n], y[0]]), EQUAL_INDEX, (eq(j, n),), POINT),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "the factors must stay",
    ),
    rule(
        "index: another tensor",
        lambda: _index(sum_(le(0, j), eq(j, n), factors=[y[n]]), EQUAL_INDEX, (eq(j, n),), POINT),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "the factors must stay",
    ),
    rule(
        "index: a derivative for another entry",
        lambda: _index(
            sum_(eq(j, n), factors=[Gradient(PLAIN.value, x[n])]),
            EQUAL_INDEX,
            (eq(j, n),),
            sum_(eq(j, n), factors=[Gradient(PLAIN.value, x[j])]),
        ),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "a derivative or an application must stay",
    ),
    rule(
        "index: a function of another entry",
        lambda: _index(
            sum_(eq(j, n), factors=[Application("f", value(x[n]))]),
            EQUAL_INDEX,
            (eq(j, n),),
            sum_(eq(j, n), factors=[Application("f", value(x[j]))]),
        ),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "a derivative or an application must stay",
    ),
    rule(
        "index: another number of indices",
        lambda: _index(sum_(le(0, j), eq(j, n), factors=[x[n, n]]), EQUAL_INDEX, (eq(j, n),), POINT),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "the factors must stay",
    ),
    rule(
        "index: what is used is not in the guard",
        lambda: _index(sum_(*RANGE, factors=[x[n]]), EQUAL_INDEX, (eq(j, n),), PLAIN),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "must stand in the guard",
    ),
    rule(
        "index: a fact about other indices",
        lambda: _index(sum_(le(0, j), eq(j, n), factors=[x[n + 1]]), EQUAL_INDEX, (eq(j, n),), POINT),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "the fact must be",
    ),
    rule(
        "index: a coefficient changed on the way",
        lambda: _index(sum_(le(0, j), eq(j, n), factors=[x[n]], coefficient=2), EQUAL_INDEX, (eq(j, n),), POINT),
        lambda: _index(AT_POINT, EQUAL_INDEX, (eq(j, n),), POINT),
        "the fact must be",
    ),
    rule(
        "index: a hypothesis on the bound index",
        lambda: _index(sum_(*RANGE, factors=[x[n]]), proved([eq(j, n)], eq(j, n)), (), PLAIN),
        lambda: _index(sum_(*RANGE, factors=[x[j]], coefficient=n), proved([eq(n, 1)], eq(1, n)), (), PLAIN),
        "a bound index is free in the hypotheses",
    ),
    *needs_theorem("vanish", lambda t: kernel.vanish(EMPTY, t, (lt(j, 0), le(0, j))), NEVER),
    rule(
        "vanish: nothing is used",
        lambda: kernel.vanish(EMPTY, NEVER, ()),
        lambda: kernel.vanish(EMPTY, NEVER, (lt(j, 0), le(0, j))),
        "must stand in the guard",
    ),
    rule(
        "vanish: what is used is not in the guard",
        lambda: kernel.vanish(sum_(le(0, j), le(j, n)), NEVER, (lt(j, 0), le(0, j))),
        lambda: kernel.vanish(EMPTY, NEVER, (lt(j, 0), le(0, j))),
        "must stand in the guard",
    ),
    rule(
        "vanish: a fact about something else",
        lambda: kernel.vanish(EMPTY, NEVER, (le(0, j), le(j, n))),
        lambda: kernel.vanish(EMPTY, NEVER, (lt(j, 0), le(0, j))),
        "the fact must be",
    ),
    rule(
        "vanish: a hypothesis on the bound index",
        lambda: kernel.vanish(PLAIN, proved([lt(j, 0)], negation(le(0, j))), (le(0, j),)),
        lambda: kernel.vanish(PLAIN, proved([lt(n, 0)], negation(both(*RANGE))), RANGE),
        "a bound index is free in the hypotheses",
    ),
]
