"""Output sizes of pooling in ceil mode: windows counted one after the other, and torch's shapes on meta tensors."""

from __future__ import annotations

import pytest
import torch

import convmath as cm

from .cases import Axis
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes, term, untruths
from .mistakes import SIZE_MISTAKES, Changes, rounded
from .sizes import conv_model, pools


def ceil_windows(axis: Axis) -> int:
    """Window after window, until one reaches the end of the padded axis or would begin in the padding on the right."""
    count = 0
    while axis.s * count - axis.lo < axis.n:
        count += 1
        if axis.s * (count - 1) - axis.lo + axis.reach >= axis.n + axis.hi - 1:
            break
    return count


def pool_sources(axis: Axis) -> dict[str, int]:
    options = {"stride": axis.s, "dilation": axis.d, "ceil_mode": True}
    sources = {
        "counted": ceil_windows(axis),
        "the helper": cm.pool_output_size(axis.n, axis.k, padding=(axis.lo, axis.hi), **options),
    }
    if axis.lo == axis.hi:
        x = torch.empty(1, 1, axis.n, device="meta")
        sources["torch"] = torch.nn.functional.max_pool1d(x, axis.k, padding=axis.lo, **options).shape[-1]
    return sources


def pool_differences(stated: Claim, axis: Axis) -> list[str]:
    return differences(stated, conv_model(axis), Grid((), pool_sources(axis)))


def clamp_differences(stated: Claim, axis: Axis) -> list[str]:
    """An implication about the size, whose conclusion must speak of the real size."""
    found, at = untruths(stated, conv_model(axis), [{}]), conv_model(axis)
    size = at.term(term(stated, 2, 1))
    reality = Grid((), pool_sources(axis)).numbers[()]
    return found if size == reality else [*found, f"{axis}: the size is {reality}, not {size}"]


@covers("size.pool_ceil")
def test_pooling_in_ceil_mode_counts_the_windows_that_begin_in_time():
    *_, stated = claims("size.pool_ceil")
    for_all(pools(), lambda axis: pool_differences(stated, axis), share=2)


@covers("size.pool_ceil")
def test_torchs_rule_takes_one_off_exactly_if_the_last_window_begins_in_the_padding():
    *rules, _ = claims("size.pool_ceil")
    assert len(rules) == 2
    for_all(pools(), lambda axis: [d for rule in rules for d in clamp_differences(rule, axis)], share=2)


POOL_MISTAKES: dict[str, Changes] = {
    name: SIZE_MISTAKES[name]
    for name in ("dilation dropped", "stride and dilation exchanged", "padding of one side twice", "off by one")
}


@refutes("size.pool_ceil")
@pytest.mark.parametrize("mistake", POOL_MISTAKES)
def test_a_wrong_pooling_size_is_caught(mistake):
    *rules, stated = claims("size.pool_ceil")
    for side in (0, 1):
        wrong = stated.wrong(POOL_MISTAKES[mistake], side=side)
        caught(pools(), lambda axis, wrong=wrong: pool_differences(wrong, axis))
    for rule in rules:
        caught(pools(), lambda axis, rule=rule: clamp_differences(rule.wrong(POOL_MISTAKES[mistake]), axis))


@refutes("size.pool_ceil")
def test_rounding_down_in_ceil_mode_is_caught():
    wrong = rounded(claims("size.pool_ceil")[-1], "ceil", "div", side=1)
    caught(pools(), lambda axis: pool_differences(wrong, axis))


@refutes("size.pool_ceil")
def test_the_mistake_of_the_entry_about_the_clamp_is_caught():
    caught(pools(), lambda axis: pool_differences(mistaken("size.pool_ceil"), axis))
