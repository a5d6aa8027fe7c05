"""The size after a stack of layers, by induction on the number of layers.

Layer l has kernel size k_l, stride s_l, dilation d_l, padding p_l before and q_l after; n_l is the size after it.
"""

from __future__ import annotations

from typing import Any

import convmath as cm
from convmath.calculus.derive import Part, definition, instance, natural_induction, prove
from convmath.calculus.index import eq, equivalent, integers, le, sequence
from convmath.calculus.kernel import assume
from convmath.calculus.terms import Statement
from convmath.catalog import Example, Mistake, Proof, theorem
from convmath.inert import CeilDiv, FloorDiv

from .size import k, n, on_symbols

a, b, L, l = integers("a b L l")  # noqa: E741


@theorem("size.compose", title="The size after a stack of layers", sources=("new here",), helper="conv_output_size")
def compose() -> Proof:
    """After L layers one rounding is left: floor((n + E_L) / J_L), with J the product of the strides."""
    nested = prove(eq(FloorDiv(FloorDiv(n, a), b), FloorDiv(n, a * b)), [le(1, a), le(1, b)])
    K, S, D, P, Q, M, J, E = map(sequence, ("k", "s", "d", "p", "q", "n", "J", "E"))
    layer = {"stride": S[l + 1], "padding": (P[l + 1], Q[l + 1]), "dilation": D[l + 1]}
    size, _ = on_symbols(cm.conv_output_size, M[l], K[l + 1], **layer)
    excess = P[l + 1] + Q[l + 1] - D[l + 1] * (K[l + 1] - 1) - 1 + S[l + 1]
    where = (le(0, l),)
    base = [definition(M[0], n), definition(J[0], 1), definition(E[0], 0)]
    recursion = [
        definition(M[l + 1], size, (l,), where),
        definition(J[l + 1], J[l] * S[l + 1], (l,), where),
        definition(E[l + 1], E[l] + J[l] * excess, (l,), where),
    ]
    positive = Statement(le(1, S[l + 1]), (l,), where)
    facts = [assume(statement) for statement in base]
    steps = [instance(assume(statement), {l: L}) for statement in (*recursion, positive)]

    def stride_claim(at: Any) -> Statement:
        return Statement(le(1, J[at]))

    def size_claim(at: Any) -> Statement:
        return Statement(eq(M[at], FloorDiv(n + E[at], J[at])))

    stride = natural_induction(
        stride_claim,
        L,
        prove(stride_claim(0).body, facts),
        lambda hypothesis: prove(stride_claim(L + 1).body, [hypothesis, *steps]),
    )
    one_more = eq(
        FloorDiv(FloorDiv(n + E[L], J[L]) + excess.xreplace({l: L}), S[L + 1]),
        FloorDiv(n + E[L] + J[L] * excess.xreplace({l: L}), J[L] * S[L + 1]),
    )
    inner = prove(one_more, [stride, steps[3]])
    closed = natural_induction(
        size_claim,
        L,
        prove(size_claim(0).body, facts),
        lambda hypothesis: prove(size_claim(L + 1).body, [hypothesis, inner, stride, *steps], everything=True),
    )
    return Proof(
        parts=(
            Part("A floor of a floor is one floor:", nested),
            Part("The product of the strides stays positive:", stride),
            Part("One layer more, with the induction hypothesis put in:", inner),
            Part("So by induction on the number of layers L:", closed),
        ),
        symbols={
            n: "input size",
            L: "number of layers",
            M: "size after layer l",
            K: "kernel size of layer l",
            S: "its stride",
            D: "its dilation",
            P: "its padding on the left",
            Q: "its padding on the right",
            J: "product of the strides up to layer l",
            E: "collected offset up to layer l",
            a: "a divisor",
            b: "another",
        },
        example=Example(
            {n: 20, L: 2},
            sequences={"k": [0, 3, 3], "s": [1, 2, 2], "d": [1, 1, 1], "p": [0, 1, 1], "q": [0, 1, 1]},
        ),
        mistake=Mistake(
            "rounding up the inner division",
            Statement(eq(FloorDiv(CeilDiv(n, a), b), FloorDiv(n, a * b))),
            (le(1, a), le(1, b)),
        ),
    )


@theorem(
    "size.depth",
    title="How many layers without padding an image survives",
    sources=("ZhangLiptonLiSmola2023, section 7.3",),
)
def depth() -> Proof:
    """Layers with k taps, stride 1 and no padding take k - 1 elements each; at most (n - 1)/(k - 1) of them fit."""
    M = sequence("n")
    size, _ = on_symbols(cm.conv_output_size, M[l], k, padding="valid")
    step = definition(M[l + 1], size, (l,), (le(0, l),))
    one_more = instance(assume(step), {l: L})

    def left_over(at: Any) -> Any:
        return n - at * (k - 1)

    law = natural_induction(
        lambda at: Statement(eq(M[at], left_over(at))),
        L,
        prove(eq(M[0], left_over(0)), [assume(definition(M[0], n))]),
        lambda hypothesis: prove(eq(M[L + 1], left_over(L + 1)), [hypothesis, one_more]),
    )
    most = FloorDiv(n - 1, k - 1)
    survives = prove(equivalent(le(1, M[L]), le(L, most)), [law, le(2, k)])
    return Proof(
        parts=(
            Part("By induction on the number of layers, each takes k - 1 elements:", law),
            Part("So an element is left as long as there are no more layers than this:", survives),
        ),
        symbols={n: "input size", k: "kernel size of every layer", L: "number of layers", M: "size after layer l"},
        example=Example({n: 32, k: 5, L: 7}),
        mistake=Mistake(
            "dividing by the kernel size",
            Statement(equivalent(le(1, left_over(L)), le(L, FloorDiv(n, k)))),
            (le(2, k), le(1, n), le(0, L)),
        ),
        main=2,
    )
