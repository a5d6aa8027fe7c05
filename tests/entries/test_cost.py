"""Costs: what a statement says, against the multiplications and additions that nested loops really do."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import convmath as cm
from convmath.calculus.evaluate import Model

from .cases import SHARE, Axis, LayerCase, layers, names
from .claims import (
    Claim,
    Grid,
    caught,
    claims,
    covers,
    differences,
    for_all,
    mistaken,
    other_claims,
    refutes,
    replaced,
)
from .mistakes import Changes
from .operations import (
    cost_model,
    counted_conv,
    counted_conv_transpose,
    counted_gradients,
    counted_linear,
    counted_matmul,
    counted_pool,
    off,
)


def by_every_change(identifier: str, ndim: int, differ: Any, cases: SearchStrategy[Any], changes: Changes) -> None:
    """Each change of the right side of a statement is caught, and changes some statement."""
    stated = claims(identifier, ndim)
    for old, new in changes.items():
        changed = [
            number for number, claim in enumerate(stated) if replaced(claim.sides[1], {old: new}) != claim.sides[1]
        ]
        assert changed, f"no statement has {old} on its right side"
        for number in changed:
            wrong = stated[number].wrong({old: new}, side=1)
            caught(cases, lambda case, n=number, w=wrong: differ((*stated[:n], w, *stated[n + 1 :]), case))


def params_differences(stated: tuple[Claim, ...], case: LayerCase) -> list[str]:
    weights = prod(case.w_shape)
    return off(stated, case, weights, weights + case.outputs)


@covers("cost.conv.params")
def test_the_parameters_are_the_entries_of_kernel_and_bias(ndim):
    for_all(layers(ndim), lambda case: params_differences(claims("cost.conv.params", ndim), case))


@refutes("cost.conv.params")
def test_wrong_parameters_are_caught(ndim):
    forgotten = {("div", ("*", "C_g", "G"), "G"): ("*", "C_g", "G")}
    by_every_change("cost.conv.params", ndim, params_differences, layers(ndim), forgotten | {"F_g": "C_g"})


def macs_differences(stated: tuple[Claim, ...], case: LayerCase) -> list[str]:
    number = counted_conv(case)["multiplications"]
    return off(stated, case, *[number] * len(stated))


@covers("cost.conv.macs")
def test_the_products_are_those_of_the_loops(ndim):
    for_all(layers(ndim), lambda case: macs_differences(claims("cost.conv.macs", ndim), case), share=SHARE[ndim])


@refutes("cost.conv.macs")
def test_wrong_products_are_caught(ndim):
    changes: Changes = {("div", ("*", "C_g", "G"), "G"): ("*", "C_g", "G"), "M": ("+", "M", 1), "K": "I", "B": 1}
    by_every_change("cost.conv.macs", ndim, macs_differences, layers(ndim), changes)


@refutes("cost.conv.macs")
def test_the_mistake_of_the_entry_about_groups_is_caught(ndim):
    caught(layers(ndim), lambda case: macs_differences((mistaken("cost.conv.macs", ndim),), case))


def flops_differences(stated: tuple[Claim, ...], case: LayerCase) -> list[str]:
    plain, biased = counted_conv(case).operations, counted_conv(case, bias=True).operations
    return off(stated, case, plain, biased)


@covers("cost.conv.flops")
def test_the_operations_are_those_of_the_loops(ndim):
    for_all(layers(ndim), lambda case: flops_differences(claims("cost.conv.flops", ndim), case), share=SHARE[ndim])


@refutes("cost.conv.flops")
def test_wrong_operations_are_caught(ndim):
    by_every_change("cost.conv.flops", ndim, flops_differences, layers(ndim), {2: 1, -1: 0, "C_g": "F_g"})


@refutes("cost.conv.flops")
def test_the_mistake_of_the_entry_about_2k_operations_is_caught(ndim):
    wrong = mistaken("cost.conv.flops", ndim)
    caught(layers(ndim), lambda case: off((wrong,), case, counted_conv(case).operations))


def backward_differences(stated: tuple[Claim, ...], case: LayerCase) -> list[str]:
    valid = [tally["multiplications"] for tally in counted_gradients(case, taps="valid")]
    dense = sum(tally["multiplications"] for tally in counted_gradients(case))
    assert set(valid) == {counted_conv(case, taps="valid")["multiplications"]}
    return off(stated, case, *valid, dense)


@covers("cost.backward")
def test_the_gradients_take_the_products_of_their_loops(ndim):
    for_all(layers(ndim), lambda case: backward_differences(claims("cost.backward", ndim), case), share=SHARE[ndim])


@covers("cost.backward")
def test_a_first_layer_takes_those_of_the_gradient_for_the_weight(ndim):
    first = other_claims("cost.backward", ndim)["A network's first layer needs the gradient for the weight alone"]

    def differ(case: LayerCase) -> list[str]:
        _, of_weight = counted_gradients(case)
        return off((first,), case, of_weight["multiplications"])

    for_all(layers(ndim), differ, share=SHARE[ndim])


@refutes("cost.backward")
def test_a_wrong_number_of_products_of_gradients_is_caught(ndim):
    changes: Changes = dict.fromkeys(names(ndim, "p"), 0) | {"M": ("+", "M", 1)}
    by_every_change("cost.backward", ndim, backward_differences, layers(ndim), changes)


@refutes("cost.backward")
def test_the_mistake_of_the_entry_about_the_backward_pass_is_caught(ndim):
    wrong = mistaken("cost.backward", ndim)

    def differ(case: LayerCase) -> list[str]:
        return off((wrong,), case, sum(tally["multiplications"] for tally in counted_gradients(case)))

    caught(layers(ndim), differ)


def transposed_differences(stated: tuple[Claim, ...], case: LayerCase) -> list[str]:
    number = counted_conv_transpose(case)["multiplications"]
    return off(stated, case, *[number] * len(stated))


def transposed_layers(ndim: int) -> SearchStrategy[LayerCase]:
    return layers(ndim, transposed=True)


@covers("cost.transposed")
def test_the_products_of_a_transposed_convolution_are_those_of_the_loops(ndim):
    stated = claims("cost.transposed", ndim)
    for_all(transposed_layers(ndim), lambda case: transposed_differences(stated, case), share=SHARE[ndim])


@refutes("cost.transposed")
def test_output_sizes_for_input_sizes_are_caught(ndim):
    sizes = dict(zip(names(ndim, "K"), names(ndim, "I"), strict=True))
    groups: Changes = {"C_g": ("*", "C_g", "G")}
    by_every_change("cost.transposed", ndim, transposed_differences, transposed_layers(ndim), sizes | groups)


@refutes("cost.transposed")
def test_the_mistake_of_the_entry_about_output_sizes_is_caught(ndim):
    wrong = mistaken("cost.transposed", ndim)
    cases = transposed_layers(ndim).map(
        lambda case: replace(case, axes=tuple(replace(axis, n=axis.n - axis.output_padding) for axis in case.axes))
    )
    cases = cases.filter(lambda case: min(case.each("n")) > 0)
    caught(cases, lambda case: transposed_differences((wrong,), case))


def separable_differences(stated: tuple[Claim, ...], case: LayerCase) -> list[str]:
    """For a layer without groups: its depthwise and pointwise part, and the layer itself."""
    depthwise = replace(case, groups=case.inputs, inputs_per_group=1, outputs_per_group=1)
    whole = replace(case, groups=1, inputs_per_group=case.inputs, outputs_per_group=case.outputs)
    pointwise = replace(whole, axes=tuple(Axis(axis.K, 1, 1, 1, 0, 0, axis.K, 0) for axis in case.axes))
    separable = sum(counted_conv(part)["multiplications"] for part in (depthwise, pointwise))
    ordinary = counted_conv(whole)["multiplications"]
    return off(stated, case, separable, ordinary, separable * case.outputs * prod(case.each("k")))


@covers("cost.depthwise_separable")
def test_a_separable_convolution_takes_the_products_of_its_two_parts(ndim):
    stated = claims("cost.depthwise_separable", ndim)
    for_all(layers(ndim), lambda case: separable_differences(stated, case), share=SHARE[ndim])


@refutes("cost.depthwise_separable")
def test_a_wrong_separable_convolution_is_caught(ndim):
    changes: Changes = {"C": 1, "F": "C", "M": 1}
    by_every_change("cost.depthwise_separable", ndim, separable_differences, layers(ndim), changes)


@refutes("cost.depthwise_separable")
def test_the_mistake_of_the_entry_about_the_ratio_is_caught(ndim):
    wrong = mistaken("cost.depthwise_separable", ndim)

    def differ(case: LayerCase) -> list[str]:
        at = cost_model(case)
        left, right = at.sides(wrong.body)
        return [] if left == right else [f"{left} is not {right}"]

    caught(layers(ndim), differ)


def pooling(ndim: int) -> SearchStrategy[LayerCase]:
    """Layers whose padding pooling admits."""

    def halved(case: LayerCase) -> LayerCase:
        axes = (replace(a, n=a.n + a.lo + a.hi, lo=a.k // 2, hi=a.k // 2) for a in case.axes)
        sized = tuple(replace(a, K=(a.n + a.lo + a.hi - a.reach - 1) // a.s + 1) for a in axes)
        return replace(case, axes=sized)

    return layers(ndim).map(halved)


def pool_differences(stated: tuple[Claim, ...], case: LayerCase) -> list[str]:
    planes = (case.batch, case.inputs)
    counts = (counted_pool(pool, planes, case.axes).operations for pool in ("max", "average"))
    return off(stated, case, *list(counts)[: len(stated)])


@covers("cost.pool")
def test_pooling_takes_the_operations_of_its_loops(ndim):
    for_all(pooling(ndim), lambda case: pool_differences(claims("cost.pool", ndim), case), share=SHARE[ndim])


@refutes("cost.pool")
def test_wrong_operations_of_pooling_are_caught(ndim):
    by_every_change("cost.pool", ndim, pool_differences, pooling(ndim), {-1: 0, "M": ("+", "M", 1), "C": 1, "B": 1})


@refutes("cost.pool")
def test_the_mistake_of_the_entry_about_comparisons_is_caught(ndim):
    caught(pooling(ndim), lambda case: pool_differences((mistaken("cost.pool", ndim),), case))


THREE = st.tuples(*[st.integers(1, 5)] * 3)


def linear_differences(stated: tuple[Claim, ...], sizes: tuple[int, int, int]) -> list[str]:
    inputs, outputs, batch = sizes
    plain, biased = (counted_linear(*sizes, bias=bias) for bias in (False, True))
    counts = (inputs * outputs + outputs, plain["multiplications"], plain.operations, biased.operations)
    at = Model({"I": inputs, "O": outputs, "B": batch})
    found = zip(stated, counts, strict=True)
    return [d for claim, number in found for d in differences(claim, at, Grid((), {"counted": number}))]


@covers("cost.linear")
def test_a_dense_layer_takes_the_operations_of_its_loops():
    for_all(THREE, lambda sizes: linear_differences(claims("cost.linear"), sizes))


@refutes("cost.linear")
@pytest.mark.parametrize("number", range(4))
def test_a_wrong_dense_layer_is_caught(number):
    stated = list(claims("cost.linear"))
    stated[number] = stated[number].wrong({"I": ("+", "I", 1)}, side=1)
    caught(THREE, lambda sizes: linear_differences(tuple(stated), sizes))


def matmul_differences(stated: Claim, sizes: tuple[int, int, int]) -> list[str]:
    at = Model(dict(zip("RTQ", sizes, strict=True)))
    sources = {"counted": counted_matmul(*sizes).operations, "helper": cm.matmul_flops(*sizes, convention="exact")}
    return differences(stated, at, Grid((), sources))


@covers("cost.matmul")
def test_a_matrix_product_takes_the_operations_of_its_loops():
    for_all(THREE, lambda sizes: matmul_differences(*claims("cost.matmul"), sizes))


@refutes("cost.matmul")
def test_two_operations_for_every_product_are_caught():
    caught(THREE, lambda sizes: matmul_differences(mistaken("cost.matmul"), sizes))


def element_differences(stated: Claim, sizes: tuple[int, int, int], ndim: int) -> list[str]:
    at = Model(dict(zip("RQT", sizes, strict=True)))
    return differences(stated, at, Grid((), {"numpy": prod(sizes[:ndim])}))


@covers("cost.elementwise")
def test_an_elementwise_operation_takes_one_for_each_element(ndim):
    for_all(THREE, lambda sizes: element_differences(*claims("cost.elementwise", ndim), sizes, ndim))


@refutes("cost.elementwise")
def test_the_mistake_of_the_entry_about_the_sum_of_the_sizes_is_caught(ndim):
    caught(THREE, lambda sizes: element_differences(mistaken("cost.elementwise", ndim), sizes, ndim))
