"""What holds for any number: intervals counted, and sizes of random stacks against torch and counting."""

from __future__ import annotations

import pytest
import torch
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .cases import Stack, stacks
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
    untruths,
)
from .mistakes import Changes, rounded
from .sizes import stack_model, stack_sizes

COUNTS = st.integers(0, 40)


def count_differences(stated: Claim, number: int) -> list[str]:
    return differences(stated, Model({"N": number}), Grid((), {"len": len(range(number))}))


@covers("interval.count")
def test_the_interval_holds_as_many_integers():
    (stated,) = claims("interval.count")
    for_all(COUNTS, lambda number: count_differences(stated, number))


@refutes("interval.count")
def test_an_interval_that_is_one_too_long_is_caught():
    (stated,) = claims("interval.count")
    for side in (0, 1):
        caught(
            COUNTS, lambda number, side=side: count_differences(stated.wrong({"N": ("+", "N", 1)}, side=side), number)
        )


@refutes("interval.count")
def test_the_mistake_of_counting_both_ends_is_caught():
    caught(COUNTS, lambda number: count_differences(mistaken("interval.count"), number))


def stack_differences(stated: Claim, stack: Stack) -> list[str]:
    sources = {"torch": stack_sizes(stack), "counted": [stack.n, *(layer.K for layer in stack.layers)]}
    over = {("l",): [(layer,) for layer in range(len(stack.layers))]}
    return differences(stated, stack_model(stack), Grid(("L",), sources), over=over)


@covers("size.compose")
def test_the_size_after_a_stack_is_rounded_once():
    (stated,) = claims("size.compose")
    for_all(stacks(), lambda stack: stack_differences(stated, stack))


@covers("size.compose")
def test_the_theorems_on_the_way_hold_in_every_stack():
    nested, positive, inner = other_claims("size.compose").values()
    assert not untruths(nested, Model({}), _triples())

    def differ(stack: Stack) -> list[str]:
        at = stack_model(stack)
        depth = len(stack.layers)
        over = {("l",): [(layer,) for layer in range(depth)]}
        found = []
        for claim, last in ((positive, depth), (inner, depth - 1)):
            for number in range(last + 1):
                claim.require(at, {"L": number}, over)
                found += [] if at.holds_at(claim.body, {"L": number}) else [f"false after {number}: {claim.body}"]
        return found

    for_all(stacks(), differ)


def _triples() -> list[dict[str, int]]:
    return [{"n": n, "a": a, "b": b} for n in range(-13, 14) for a in range(1, 5) for b in range(1, 5)]


STACK_MISTAKES: dict[str, Changes] = {
    "offset forgotten": {("at", "E", "L"): 0},
    "the last stride for the product": {("at", "J", "L"): ("at", "s", "L")},
    "off by one": {("at", "E", "L"): ("+", ("at", "E", "L"), 1)},
}


@refutes("size.compose")
@pytest.mark.parametrize("mistake", STACK_MISTAKES)
def test_a_wrong_size_after_a_stack_is_caught(mistake):
    (stated,) = claims("size.compose")
    caught(stacks(), lambda stack: stack_differences(stated.wrong(STACK_MISTAKES[mistake]), stack))


@refutes("size.compose")
def test_rounding_up_at_the_end_is_caught():
    wrong = rounded(*claims("size.compose"), "div", "ceil", side=1)
    caught(stacks(), lambda stack: stack_differences(wrong, stack))


@refutes("size.compose")
def test_the_mistake_of_rounding_up_the_inner_division_is_caught():
    assert untruths(mistaken("size.compose"), Model({}), _triples())


def survived(n: int, k: int) -> list[int]:
    """The sizes that torch gives, layer by layer, until the kernel no longer fits."""
    image, sizes = torch.zeros(1, 1, n), [n]
    while image.shape[2] >= k:
        image = torch.nn.functional.conv1d(image, torch.zeros(1, 1, k))
        sizes.append(image.shape[2])
    return sizes


DEPTHS = st.tuples(st.integers(1, 30), st.integers(2, 6), st.integers(0, 8))


def depth_differences(stated: Claim, case) -> list[str]:
    """Whether so many layers leave anything, and what; beyond the last one the recursion counts on below 1."""
    n, k, depth = case
    sizes = survived(n, k)
    counted = sizes + [sizes[-1] - (k - 1) * more for more in range(1, depth + 1)]
    model = Model({"n": n, "k": k, "L": depth}, {"n": dict(enumerate(counted))})
    over = {("l",): [(layer,) for layer in range(depth)]}
    stated.require(model, {}, over)
    if stated.body[0] == "<=>":
        fits = [model.holds_at(part, {}) for part in stated.body[1:]]
        return [f"{fits} at {case}, by torch {depth < len(sizes)}" for fit in fits if fit != (depth < len(sizes))]
    return differences(stated, model, Grid((), {"torch": counted[depth]}), over=over)


@covers("size.depth")
@pytest.mark.parametrize("number", [0, 1])
def test_layers_fit_as_long_as_torch_accepts_the_image(number):
    stated = claims("size.depth")[number]
    for_all(DEPTHS, lambda case: depth_differences(stated, case))


@refutes("size.depth")
def test_a_layer_too_many_or_too_few_is_caught():
    law, survives = claims("size.depth")
    caught(DEPTHS, lambda case: depth_differences(law.wrong({"k": ("+", "k", 1)}, side=1), case))
    caught(DEPTHS, lambda case: depth_differences(survives.wrong({("+", -1, "n"): "n"}, side=1), case))
    caught(DEPTHS, lambda case: depth_differences(mistaken("size.depth"), case))


def test_an_image_of_32_survives_7_layers_of_5_taps():
    assert survived(32, 5) == [32, 28, 24, 20, 16, 12, 8, 4]
    _, survives = claims("size.depth")
    sizes = {layer: 32 - 4 * layer for layer in range(9)}
    truths = [Model({"n": 32, "k": 5, "L": depth}, {"n": sizes}).holds_at(survives.body[2], {}) for depth in (7, 8)]
    assert truths == [True, False]
