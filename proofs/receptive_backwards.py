"""Receptive fields from the output back to the input, as Araujo, Norris and Sim set them up.

Going back through layer l takes a run of r elements of its output, beginning at u, to ``s_l*(r - 1) + d_l*(k_l - 1) +
1`` elements of its input, beginning at ``s_l*u - p_l``. However many layers one goes back through, this agrees with
going forward: size, stride and padding of the receptive field.

Source: Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks".
"""

from __future__ import annotations

from typing import Any

from convmath.calculus.derive import Part, definition, instance, natural_induction, prove
from convmath.calculus.index import eq, integers, le, sequence
from convmath.calculus.kernel import Theorem, assume, generalize
from convmath.calculus.terms import Statement
from convmath.catalog import Example, Mistake, Proof, theorem

from .receptive import FIRST, SIZE, SIZE_STEP, START, START_STEP, STRIDE, STRIDE_STEP, SYMBOLS, D, K, L, P, S, at, l

r, u = integers("r u")
ELEMENTS, BEGIN = map(sequence, ("E", "B"))
WHERE = (le(0, l),)
READ = S[l + 1] * (r - 1) + D[l + 1] * (K[l + 1] - 1) + 1
ELEMENTS_STEP = definition(ELEMENTS[l + 1, r], ELEMENTS[l, READ], (l, r), WHERE)
BEGIN_STEP = definition(BEGIN[l + 1, u], BEGIN[l, S[l + 1] * u - P[l + 1]], (l, u), WHERE)
NOTHING = (definition(ELEMENTS[0, r], r, (r,)), definition(BEGIN[0, u], u, (u,)))


@theorem(
    "receptive.backwards",
    title="The receptive field from the output back to the input",
    helper="receptive_field",
    sources=("AraujoNorrisSim2019, single-path networks",),
)
def backwards() -> Proof:
    """What a run of positions after L layers reads is what the forward size, stride and padding give."""

    def elements(layer: Any) -> Statement:
        return Statement(eq(ELEMENTS[layer, r], STRIDE[layer] * (r - 1) + SIZE[layer]), (r,))

    def beginning(layer: Any) -> Statement:
        return Statement(eq(BEGIN[layer, u], STRIDE[layer] * u - START[layer]), (u,))

    first = list(map(assume, FIRST))
    size, stride, start = (at(statement, l=L) for statement in (SIZE_STEP, STRIDE_STEP, START_STEP))

    def induction(claim: Any, nothing: Statement, back: Statement, inner: Any, *forward: Theorem) -> Theorem:
        (run,) = nothing.variables
        base = prove(claim(0).body, [at(nothing, **{run.name: run}), *first])
        one_more = at(back, **{"l": L, run.name: run})

        def step(so_far: Theorem) -> Theorem:
            before = instance(so_far, {run: inner.subs(l, L)})
            return generalize(prove(claim(L + 1).body, [before, one_more, *forward]), [run])

        return natural_induction(claim, L, generalize(base, [run]), step)

    count = induction(elements, NOTHING[0], ELEMENTS_STEP, READ, size, stride)
    begin = induction(beginning, NOTHING[1], BEGIN_STEP, S[l + 1] * u - P[l + 1], start, stride)
    return Proof(
        parts=(
            Part("How many elements of the input r positions after layer L read:", count),
            Part("Where they begin, if the positions begin at u:", begin),
        ),
        symbols={
            **{v: SYMBOLS[v] for v in (l, L)},
            r: "positions in a row",
            u: "the first of them",
            ELEMENTS: "elements of the input that r positions after layer l read",
            BEGIN: "where they begin",
            **{v: SYMBOLS[v] for v in (K, S, D, P, SIZE, STRIDE, START)},
        },
        example=Example(
            {L: 2, r: 2, u: 1}, sequences={"k": [0, 3, 3, 1], "s": [1, 2, 2, 1], "d": [1, 1, 1, 1], "p": [0, 1, 1, 0]}
        ),
        mistake=Mistake(
            "taking s*r + d(k - 1) + 1, as if neighbouring windows shared nothing",
            Statement(eq(ELEMENTS[1, r], S[1] * r + D[1] * (K[1] - 1) + 1)),
            (NOTHING[0], ELEMENTS_STEP, *(le(1, part[1]) for part in (K, S, D)), le(1, r)),
        ),
        main=2,
    )
