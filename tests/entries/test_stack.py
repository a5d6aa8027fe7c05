"""What holds for any number: intervals counted, and sizes of random stacks against torch and counting."""

from __future__ import annotations

import pytest
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
