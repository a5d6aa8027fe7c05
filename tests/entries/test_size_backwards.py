"""Sizes read backwards: what a transposed convolution writes, the output paddings that recover, and enumeration."""

from __future__ import annotations

import pytest
import torch

import convmath as cm

from .cases import Axis, LayerCase, count_windows
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes, term, untruths
from .mistakes import Changes, rounded
from .reality import conv_transpose
from .sizes import conv_model, long_axes, long_transposed, preimage_model, transposed_model

MISTAKES: dict[str, Changes] = {
    "dilation dropped": {"d": 1},
    "stride dropped": {"s": 1},
    "stride and dilation exchanged": {"s": "d", "d": "s"},
    "padding on one side only": {"p_r": 0},
    "padding of one side twice": {"p_r": "p_l"},
}


def written(axis: Axis, inputs: int, output_padding: int) -> int:
    """Up to the last element that a tap reaches, less the padding, and the output padding; it may be negative."""
    last = max(axis.s * o + axis.d * m for o in range(inputs) for m in range(axis.k))
    return last + 1 - axis.lo - axis.hi + output_padding


def torch_transposed(axis: Axis) -> int:
    meta = torch.empty(1, 1, axis.K, device="meta"), torch.empty(1, 1, axis.k, device="meta")
    return conv_transpose(LayerCase((axis,), 1, 1, 1, 1, 0), *meta).shape[-1]


def transposed_differences(stated: Claim, axis: Axis) -> list[str]:
    options = {"stride": axis.s, "padding": (axis.lo, axis.hi), "dilation": axis.d}
    sources = {
        "written": written(axis, axis.K, axis.output_padding),
        "torch": torch_transposed(axis),
        "the helper": cm.conv_transpose_output_size(axis.K, axis.k, output_padding=axis.output_padding, **options),
    }
    return differences(stated, transposed_model(axis), Grid((), sources))


def back_differences(stated: Claim, axis: Axis) -> list[str]:
    """The implication holds, and what it says of is the windows of a convolution over the result."""
    at = transposed_model(axis)
    windows = count_windows(axis.n, axis.k, axis.s, axis.d, axis.lo, axis.hi)
    size = at.term(term(stated, 2, 1))
    found = untruths(stated, at, [{}])
    return found if size == windows else [*found, f"{axis}: {windows} windows, not {size}"]


def smaller_differences(stated: Claim, axis: Axis) -> list[str]:
    """The same for every size b up to the result's."""
    at, found = transposed_model(axis), []
    for b in range(axis.n + 1):
        windows = count_windows(b, axis.k, axis.s, axis.d, axis.lo, axis.hi)
        size = at.extended({"b": b}).term(term(stated, 2, 1))
        if max(0, size) != windows:
            found.append(f"{axis}: {windows} windows over {b} elements, not {size}")
    return found + untruths(stated, at, [{"b": b} for b in range(-2, axis.n + 3)])


@covers("size.conv_transpose")
def test_the_transposed_size_counts_what_is_written_and_kept():
    *_, stated = claims("size.conv_transpose")
    for_all(long_transposed(), lambda axis: transposed_differences(stated, axis), share=2)


@covers("size.conv_transpose")
def test_a_convolution_takes_the_size_back_and_a_smaller_size_gives_fewer():
    back, least, _ = claims("size.conv_transpose")
    for_all(long_transposed(), lambda axis: back_differences(back, axis) + smaller_differences(least, axis))


@refutes("size.conv_transpose")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", [*MISTAKES, "output padding forgotten"])
def test_a_wrong_transposed_size_is_caught(mistake, side):
    changes = {**MISTAKES, "output padding forgotten": {"a": 0}}[mistake]
    wrong = claims("size.conv_transpose")[-1].wrong(changes, side=side)
    caught(long_transposed(), lambda axis: transposed_differences(wrong, axis))


@refutes("size.conv_transpose")
def test_rounding_up_on_the_way_back_is_caught():
    back, least, _ = claims("size.conv_transpose")
    caught(long_transposed(), lambda axis: back_differences(rounded(back, "div", "ceil", side=1), axis))
    caught(long_transposed(), lambda axis: smaller_differences(rounded(least, "div", "ceil", side=1), axis))


@refutes("size.conv_transpose")
def test_the_mistake_of_the_entry_about_output_padding_is_caught():
    """Its output padding may be as large as the stride, which the rule of torch allows where the dilation is larger."""
    wrong = mistaken("size.conv_transpose")
    found = caught(long_transposed(), lambda axis: untruths(wrong, transposed_model(axis), [{}]))
    assert "false at" in found


def recovering(axis: Axis) -> int:
    """The only output padding below the stride for which the input's size is written again."""
    (found,) = [a for a in range(axis.s) if written(axis, axis.K, a) == axis.n]
    return found


def recovery_differences(stated: Claim, axis: Axis) -> list[str]:
    options = {"stride": axis.s, "padding": (axis.lo, axis.hi), "dilation": axis.d}
    found = recovering(axis)
    again = Axis(axis.n, axis.k, axis.s, axis.d, axis.lo, axis.hi, axis.K, found)
    assert torch_transposed(again) == axis.n
    sources = {"tried": found, "the helper": cm.conv_transpose_output_padding(axis.K, axis.n, axis.k, **options)}
    return differences(stated, conv_model(axis), Grid((), sources))


def unique_differences(stated: Claim, axis: Axis) -> list[str]:
    """The equivalence holds for every a, and its left side speaks of the size that is written."""
    at, found = conv_model(axis), []
    for a in range(-1, axis.s + 2):
        size = at.extended({"a": a}).term(term(stated, 2, 1, 1))
        if size != written(axis, axis.K, a):
            found.append(f"{axis}: {written(axis, axis.K, a)} elements are written with a = {a}, not {size}")
    return found + untruths(stated, at, [{"a": a} for a in range(-1, axis.s + 2)])


@covers("size.conv_transpose.recovers")
def test_the_remainder_is_the_output_padding_that_recovers_the_size():
    unique, needed = claims("size.conv_transpose.recovers")
    for_all(long_axes(), lambda axis: unique_differences(unique, axis) + recovery_differences(needed, axis), share=2)


@refutes("size.conv_transpose.recovers")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_output_padding_is_caught(mistake):
    unique, needed = (claim.wrong(MISTAKES[mistake]) for claim in claims("size.conv_transpose.recovers"))
    caught(long_axes(), lambda axis: unique_differences(unique, axis))
    caught(long_axes(), lambda axis: recovery_differences(needed, axis))


@refutes("size.conv_transpose.recovers")
def test_the_mistake_of_the_entry_about_the_remainder_is_caught():
    caught(long_axes(), lambda axis: recovery_differences(mistaken("size.conv_transpose.recovers"), axis))


def sizes_with(axis: Axis) -> list[int]:
    """By trying all sizes: those with as many windows, also sizes below 1 that padding fills up."""
    stop = axis.n + 2 * axis.s + 1
    tried = range(-axis.lo - axis.hi, stop)
    return [n for n in tried if count_windows(n, axis.k, axis.s, axis.d, axis.lo, axis.hi) == axis.K]


def preimage_differences(stated: Claim, axis: Axis) -> list[str]:
    """The equivalence holds for every n, and its right side holds for the sizes that were found by trying."""
    at, found = preimage_model(axis), sizes_with(axis)
    tried = range(-axis.lo - axis.hi, axis.n + 2 * axis.s + 1)
    stated_sizes = [n for n in tried if at.holds_at(term(stated, 2), {"n": n})]
    wrong = [] if stated_sizes == found else [f"{axis}: {found} have as many windows, not {stated_sizes}"]
    return wrong + untruths(stated, at, [{"n": n} for n in tried])


def count_differences(stated: Claim, axis: Axis) -> list[str]:
    return differences(stated, preimage_model(axis), Grid((), {"tried": len(sizes_with(axis))}))


def input_differences(stated: Claim, axis: Axis) -> list[str]:
    """For inputs of at least one element: both sides hold for those that were found by trying, as the helper says."""
    at, found, tried = preimage_model(axis), [], range(-axis.lo - axis.hi, axis.n + 2 * axis.s + 1)
    inputs = [n for n in sizes_with(axis) if n >= 1]
    helper = cm.conv_input_sizes(axis.K, axis.k, stride=axis.s, padding=(axis.lo, axis.hi), dilation=axis.d)
    assert list(helper) == inputs
    for side in (1, 2):
        sizes = [n for n in tried if n >= 1 and at.holds_at(term(stated, 2, side), {"n": n})]
        if sizes != inputs:
            found.append(f"{axis}: {inputs} have as many windows, not {sizes}")
    bounds = at.term(term(stated, 2, 2, 1, 1)), at.term(term(stated, 2, 2, 2, 2))
    if bounds != (inputs[0], inputs[-1]):
        found.append(f"{axis}: the least and the greatest input are {inputs[0]} and {inputs[-1]}, not {bounds}")
    return found + untruths(stated, at, [{"n": n} for n in tried])


@covers("size.preimage")
def test_exactly_the_sizes_between_the_bounds_share_the_output_size():
    between, count, _ = claims("size.preimage")
    for_all(long_axes(), lambda axis: preimage_differences(between, axis) + count_differences(count, axis))


@covers("size.preimage")
def test_the_inputs_among_them_are_those_that_the_helper_gives():
    *_, inputs = claims("size.preimage")
    for_all(long_axes(), lambda axis: input_differences(inputs, axis))


@refutes("size.preimage")
@pytest.mark.parametrize("mistake", MISTAKES)
def test_wrong_bounds_are_caught(mistake):
    between, count, inputs = (claim.wrong(MISTAKES[mistake]) for claim in claims("size.preimage"))
    caught(long_axes(), lambda axis: preimage_differences(between, axis))
    caught(long_axes(), lambda axis: input_differences(inputs, axis))
    if "s" in MISTAKES[mistake]:
        caught(long_axes(), lambda axis: count_differences(count, axis))


@refutes("size.preimage")
def test_a_least_input_below_1_is_caught():
    *_, inputs = claims("size.preimage")
    clipped = term(inputs, 2, 2, 1, 1)
    assert clipped[:2] == ("max", 1)
    caught(long_axes(), lambda axis: input_differences(inputs.wrong({clipped: clipped[2]}), axis))


@refutes("size.preimage")
def test_the_mistake_of_the_entry_about_the_preimage_is_caught():
    wrong, tried = mistaken("size.preimage"), range(1, 40)
    caught(long_axes(), lambda axis: untruths(wrong, preimage_model(axis), [{"n": n} for n in tried]))
