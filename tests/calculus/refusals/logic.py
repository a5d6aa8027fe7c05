"""What the rules of logic must refuse, beside its nearest acceptable neighbour."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from convmath.calculus import kernel
from convmath.calculus.index import (
    eq,
    le,
    ne,
)
from convmath.calculus.kernel import Theorem, assume

from .case import proved
from .parts import (
    ASSUMED,
    FOR_ALL,
    TRIVIAL,
    m,
    n,
    needs_theorem,
    rule,
    s,
)

SQUARE = le(0, n * n)


def _induct(
    base: Any = None, step: Any = None, over: Any = n, *, claim: Any = SQUARE, extra: Any = ()
) -> Callable[[], Theorem]:
    """The claim by induction on n, from the hypotheses that the step may use."""

    def call() -> Theorem:
        first = base if base is not None else proved([], claim.substitute({over: sympy.Integer(0)}))
        last = step if step is not None else proved([claim, le(0, over), *extra], claim.substitute({over: over + 1}))
        return kernel.induct(first, last, over)

    return call


NEXT_SQUARE = le(0, (n + 1) * (n + 1))
LOGIC = [
    rule(
        "a fact with the wrong certificate",
        lambda: kernel.fact([le(1, n)], le(3, 2 * n), {"close": [[2, [0]], [1, [1]]], "equations": []}),
        lambda: kernel.fact([le(1, n)], le(2, 2 * n), {"close": [[2, [0]], [1, [1]]], "equations": []}),
        "adds up",
    ),
    rule("assume: a SymPy relation", lambda: assume(sympy.Eq(n, 0)), lambda: assume(eq(n, 0)), "not a statement"),
    rule(
        "admit: a SymPy boolean", lambda: kernel.admit(sympy.true, "me"), lambda: kernel.admit(eq(n, n), "me"), "not a"
    ),
    rule(
        "a fact without its hypothesis",
        lambda: kernel.fact([], le(2, 2 * n), {"close": [[2, [0]], [1, [1]]], "equations": []}),
        lambda: kernel.fact([le(1, n)], le(2, 2 * n), {"close": [[2, [0]], [1, [1]]], "equations": []}),
        "there is no fact number",
    ),
    *needs_theorem("specialize", lambda t: kernel.specialize(t, {n: m}), FOR_ALL),
    rule(
        "specialize: a term missing",
        lambda: kernel.specialize(FOR_ALL, {}),
        lambda: kernel.specialize(FOR_ALL, {n: m}),
        "give a term for each",
    ),
    rule(
        "specialize: a variable that is not quantified",
        lambda: kernel.specialize(FOR_ALL, {n: m, m: n}),
        lambda: kernel.specialize(FOR_ALL, {n: m}),
        "give a term for each",
    ),
    rule(
        "specialize: a free variable",
        lambda: kernel.specialize(TRIVIAL, {n: m}),
        lambda: kernel.specialize(kernel.generalize(TRIVIAL, [n]), {n: m}),
        "give a term for each",
    ),
    rule(
        "specialize: a fraction",
        lambda: kernel.specialize(FOR_ALL, {n: m / 2}),
        lambda: kernel.specialize(FOR_ALL, {n: 2 * m}),
        "not allowed",
    ),
    *needs_theorem("generalize", lambda t: kernel.generalize(t, [n]), TRIVIAL),
    rule(
        "generalize: a quantified conclusion",
        lambda: kernel.generalize(FOR_ALL, [m]),
        lambda: kernel.generalize(kernel.specialize(FOR_ALL, {n: m}), [m]),
        "quantified already",
    ),
    rule(
        "generalize: a variable that is free in a hypothesis",
        lambda: kernel.generalize(ASSUMED, [n]),
        lambda: kernel.generalize(ASSUMED, [n], [eq(n, 1)]),
        "free in the hypotheses that stay",
    ),
    rule(
        "generalize: a condition that differs from the hypothesis",
        lambda: kernel.generalize(ASSUMED, [n], [eq(1, n)]),
        lambda: kernel.generalize(ASSUMED, [n], [eq(n, 1)]),
        "free in the hypotheses that stay",
    ),
    *needs_theorem("cut: the lemma", lambda t: kernel.cut(t, TRIVIAL), TRIVIAL),
    *needs_theorem("cut: the theorem", lambda t: kernel.cut(TRIVIAL, t), TRIVIAL),
    *needs_theorem("induct: the base", lambda t: _induct(t, claim=le(0, n))(), proved([], le(0, 0))),
    *needs_theorem("induct: the step", lambda t: _induct(None, t, claim=le(0, n))(), proved([le(0, n)], le(0, n + 1))),
    rule(
        "induct: another base",
        _induct(proved([], le(0, 1))),
        _induct(proved([], le(0, 0))),
        "no hypothesis of the step",
    ),
    rule(
        "induct: a step from another claim",
        _induct(None, proved([le(1, n)], NEXT_SQUARE)),
        _induct(None, proved([le(0, n * n), le(0, n)], NEXT_SQUARE)),
        "no hypothesis of the step",
    ),
    rule(
        "induct: a step of two",
        _induct(None, proved([le(0, n * n), le(0, n)], le(0, (n + 2) * (n + 2)))),
        _induct(None, proved([le(0, n * n), le(0, n)], NEXT_SQUARE)),
        "no hypothesis of the step",
    ),
    rule(
        "induct: over another variable",
        lambda: kernel.induct(proved([], le(0, 0)), proved([le(0, n)], le(0, n + 1)), m),
        lambda: kernel.induct(proved([], le(0, 0)), proved([le(0, n)], le(0, n + 1)), n),
        "no hypothesis of the step",
    ),
    rule(
        "induct: over an entry of a sequence",
        _induct(claim=eq(s[0], 0), extra=[eq(s[0], 1)], over=s[0]),
        _induct(),
        "",
    ),
    rule(
        "induct: a hypothesis on the variable in the step",
        _induct(extra=[ne(n, 7)]),
        _induct(extra=[ne(m, 7)]),
        "free in the hypotheses that stay",
    ),
    rule(
        "induct: a hypothesis on the variable in the base",
        _induct(proved([eq(n, 5)], le(0, 0))),
        _induct(proved([eq(m, 5)], le(0, 0))),
        "free in the hypotheses that stay",
    ),
    rule(
        "admit: without a reason",
        lambda: kernel.admit(eq(0, 1), ""),
        lambda: kernel.admit(eq(0, 1), "me"),
        "names what",
    ),
    rule(
        "admit: in the name of the kernel",
        lambda: kernel.admit(eq(0, 1), kernel.KERNEL),
        lambda: kernel.admit(eq(0, 1), "me"),
        "names what it rests on",
    ),
    rule(
        "admit: in the name of SymPy",
        lambda: kernel.admit(eq(0, 1), kernel.SYMPY),
        lambda: kernel.admit(eq(0, 1), "me"),
        "names what it rests on",
    ),
    rule(
        "admit: for no reason",
        lambda: kernel.admit(eq(0, 1), None),
        lambda: kernel.admit(eq(0, 1), "me"),
        "names what it rests on",
    ),
]
