"""Costs of dense layers, matrix products and elementwise operations, counted as sums of 1.

Sources: Molchanov and others, "Pruning Convolutional Neural Networks for Resource Efficient Inference", appendix A.1;
Higham, "Accuracy and Stability of Numerical Algorithms", chapter 23.
"""

from __future__ import annotations

from typing import Any

import convmath as cm
from convmath.calculus.derive import Calc
from convmath.calculus.index import integers, le, within
from convmath.calculus.terms import Equation, Statement, total, value
from convmath.catalog import Example, Mistake, Proof, theorem

from .cost import counted, on_symbols
from .layer import pairs

b, B, i, I, o, O = integers("b B i I o O")  # noqa: E741
r, R, t, T, q, Q = integers("r R t T q Q")
IMAGES, INPUTS, OUTPUTS = within(0, b, B), within(0, i, I), within(0, o, O)
LINEAR = [le(1, number) for number in (B, I, O)]
NAMES = {
    B: "batch size",
    I: "number of inputs",
    O: "number of outputs",
    b: "index in the batch of B",
    i: "input, from 0",
    o: "output, from 0",
}


@theorem(
    "cost.linear",
    title="Parameters and operations of a dense layer",
    sources=("MolchanovTyreeKarrasAilaKautz2017, appendix A.1", "torch.nn.Linear, variables"),
    helper="linear_flops",
)
def linear() -> Proof:
    """A dense layer has I*O weights and O biases, and takes 2*I*O operations with them, for each image."""
    weights = total((o, i), (*OUTPUTS, *INPUTS), 1)
    products = total((b, o, i), (*IMAGES, *OUTPUTS, *INPUTS), 1)
    results = total((b, o), (*IMAGES, *OUTPUTS), 1)
    parameters = Calc(weights + total((o,), OUTPUTS, 1), LINEAR)
    parameters.apply(counted(Calc(weights, LINEAR), {o: O, i: I}, why="").theorem, why="a weight for every pair")
    parameters.apply(
        counted(Calc(total((o,), OUTPUTS, 1), LINEAR), {o: O}, why="").theorem, why="a bias for every output", term=1
    )
    parameters.qed(on_symbols(cm.linear_params, I, O))

    macs = counted(Calc(products, LINEAR), {b: B, o: O, i: I}, why="count each index")
    macs.qed(on_symbols(cm.linear_macs, I, O, batch_size=B))
    without = exactly(products, results, {b: B, o: O, i: I}, LINEAR)
    without.qed(on_symbols(cm.linear_flops, I, O, convention="exact", bias=False, batch_size=B))
    biased = Calc(products + (products - results) + results, LINEAR)
    biased.ring(products + products, why="the bias makes good for the first product")
    biased.apply(macs.theorem, why="the multiplications")
    biased.apply(macs.theorem, why="and the additions", term=1)
    biased.qed(on_symbols(cm.linear_flops, I, O, convention="exact", batch_size=B))
    return Proof(
        parts=(
            parameters.part("Parameters:"),
            macs.part("Multiply-accumulates, one for each image and weight:"),
            without.part("Multiplications and additions, without a bias:"),
            biased.part("And with it, one addition more for each output:"),
        ),
        symbols=NAMES,
        example=Example({B: 1, I: 3, O: 2}),
        mistake=Mistake(
            "forgetting that the first product of an output is added to nothing",
            Statement(Equation(products + (products - results), biased.value)),
            tuple(LINEAR),
        ),
        main=4,
    )


@theorem(
    "cost.matmul",
    title="Operations of a matrix product",
    sources=("Higham2002, chapter 23",),
    helper="matmul_flops",
)
def matmul() -> Proof:
    """An R x T matrix times a T x Q matrix takes R*Q*(2T - 1) operations."""
    given = [le(1, number) for number in (R, T, Q)]
    entries = (*within(0, r, R), *within(0, q, Q))
    products = total((r, q, t), (*entries, *within(0, t, T)), 1)
    results = total((r, q), entries, 1)
    calc = exactly(products, results, {r: R, q: Q, t: T}, given)
    calc.qed(on_symbols(cm.matmul_flops, R, T, Q, convention="exact"))
    return Proof(
        parts=(calc.part("An entry of the result is a sum of T products."),),
        symbols={
            R: "rows of the first matrix",
            T: "columns of the first and rows of the second matrix",
            Q: "columns of the second matrix",
            r: "row of the result",
            q: "column of the result",
            t: "index that is summed over",
        },
        example=Example({R: 2, T: 3, Q: 4}),
        mistake=Mistake(
            "taking T additions for T summands",
            Statement(Equation(calc.start, value(2 * R * T * Q))),
            tuple(given),
        ),
    )


@theorem(
    "cost.elementwise",
    title="Operations of an elementwise operation",
    ndims=(2, 3),
    sources=("new here",),
    helper="elementwise_flops",
)
def elementwise(ndim: int) -> Proof:
    """An operation on each element of an array takes as many operations as the array has elements."""
    at, sizes = integers("r q t")[:ndim], integers("R Q T")[:ndim]
    given = [le(1, size) for size in sizes]
    guard = [atom for index, size in zip(at, sizes, strict=True) for atom in within(0, index, size)]
    calc = counted(Calc(total(at, guard, 1), given), pairs(at, sizes), why="count each index")
    calc.qed(on_symbols(cm.elementwise_flops, tuple(sizes)))
    return Proof(
        parts=(calc.part("Count the elements."),),
        symbols={**dict.fromkeys(at, "index"), **dict.fromkeys(sizes, "size")},
        example=Example(dict(zip(sizes, (4, 3, 2), strict=False))),
        mistake=Mistake("adding the sizes up", Statement(Equation(calc.start, value(sum(sizes)))), tuple(given)),
    )


def exactly(products: Any, results: Any, sizes: dict[Any, Any], given: Any) -> Calc:
    """Multiplications and additions of results that are sums of products; the last index runs through the products."""
    each = counted(Calc(products, given), sizes, why="")
    *of_results, _ = sizes.items()
    first = counted(Calc(results * -1, given), dict(of_results), why="")
    calc = Calc(products + (products - results), given)
    calc.apply(each.theorem, why="the multiplications are the products")
    calc.apply(each.theorem, why="so are the additions,", term=1)
    return calc.apply(first.theorem, why="but the first product of a result is added to nothing", term=2)
