"""Output sizes: windows counted one by one, NumPy's own windows, and torch's shapes on meta tensors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import sympy
import torch

import convmath as cm
from convmath import catalog
from convmath.calculus.evaluate import Model
from convmath.calculus.export import to_sympy

from .cases import Axis, axes, count_windows
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
    term,
    untruths,
)
from .mistakes import SIZE_MISTAKES, Changes, rounded
from .reality import stretched
from .sizes import ODD, Odd, bare_axes, conv_model, least_padding, same_model, unit_axes, wide_axes


def torch_size(axis: Axis) -> int:
    """The shape that torch gives a meta tensor."""
    x = torch.nn.functional.pad(torch.empty(1, 1, axis.n, device="meta"), (axis.lo, axis.hi))
    kernel = torch.empty(1, 1, axis.k, device="meta")
    return torch.nn.functional.conv1d(x, kernel, stride=axis.s, dilation=axis.d).shape[-1]


def size_differences(stated: Claim, axis: Axis) -> list[str]:
    windows = np.lib.stride_tricks.sliding_window_view(np.zeros(axis.lo + axis.n + axis.hi), axis.reach + 1)
    helper = cm.conv_output_size(axis.n, axis.k, stride=axis.s, padding=(axis.lo, axis.hi), dilation=axis.d)
    sources = {
        "counted": count_windows(axis.n, axis.k, axis.s, axis.d, axis.lo, axis.hi),
        "numpy.sliding_window_view": len(windows[:: axis.s]),
        "torch": torch_size(axis),
        "the helper": helper,
    }
    return differences(stated, conv_model(axis), Grid((), sources))


@covers("size.conv")
def test_the_size_counts_the_windows():
    (stated,) = claims("size.conv")
    for_all(wide_axes(), lambda axis: size_differences(stated, axis))


@covers("size.conv")
def test_the_size_at_stride_1_counts_the_windows():
    stated = other_claims("size.conv")["Stride 1, no dilation"]
    for_all(unit_axes(), lambda axis: size_differences(stated, axis))


@refutes("size.conv")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", SIZE_MISTAKES)
def test_a_wrong_size_is_caught(side, mistake):
    (stated,) = claims("size.conv")
    caught(wide_axes(), lambda axis: size_differences(stated.wrong(SIZE_MISTAKES[mistake], side=side), axis))


@refutes("size.conv")
def test_rounding_up_is_caught():
    wrong = rounded(*claims("size.conv"), "div", "ceil", side=1)
    caught(wide_axes(), lambda axis: size_differences(wrong, axis))


@refutes("size.conv")
def test_the_mistake_of_the_entry_about_the_extent_is_caught():
    caught(wide_axes(), lambda axis: size_differences(mistaken("size.conv"), axis))


def expression_differences(expression: sympy.Expr, axis: Axis) -> list[str]:
    """An ordinary SymPy expression, made a Python function."""
    symbols = sorted(expression.free_symbols, key=str)
    found = sympy.lambdify(symbols, expression, "math")(
        *(conv_model(axis).variables[str(symbol)] for symbol in symbols)
    )
    windows = count_windows(axis.n, axis.k, axis.s, axis.d, axis.lo, axis.hi)
    return [] if found == windows else [f"{axis}: {windows} windows, not {found}"]


@covers("size.conv")
def test_the_sympy_expression_of_the_entry_counts_the_windows():
    for_all(wide_axes(), lambda axis: expression_differences(catalog.entry("size.conv").expr.rhs, axis))


@refutes("size.conv")
def test_the_sympy_expression_of_the_mistake_is_caught():
    wrong = to_sympy(catalog.entry("size.conv").proof().mistake.claim).rhs
    caught(wide_axes(), lambda axis: expression_differences(wrong, axis))


def valid_differences(stated: Claim, axis: Axis) -> list[str]:
    sources = {
        "counted": count_windows(axis.n, axis.k, 1, 1, 0, 0),
        "numpy.convolve": len(np.convolve(np.ones(axis.n), np.ones(axis.k), "valid")),
        "torch": torch_size(axis),
    }
    return differences(stated, Model({"n": axis.n, "k": axis.k}), Grid((), sources))


@covers("size.valid")
def test_without_padding_the_kernel_takes_off_its_taps_but_one():
    (stated,) = claims("size.valid")
    for_all(bare_axes(), lambda axis: valid_differences(stated, axis))


@refutes("size.valid")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("changes", [{"n": ("+", "n", 1)}, {"k": ("+", "k", 1)}])
def test_a_size_without_padding_that_is_off_by_one_is_caught(side, changes):
    (stated,) = claims("size.valid")
    caught(bare_axes(), lambda axis: valid_differences(stated.wrong(changes, side=side), axis))


@refutes("size.valid")
def test_the_mistake_of_the_entry_about_no_padding_is_caught():
    caught(bare_axes(), lambda axis: valid_differences(mistaken("size.valid"), axis))


def odd_differences(stated: Claim, case: Odd) -> list[str]:
    x, kernel = torch.empty(1, 1, case.n, device="meta"), torch.empty(1, 1, 2 * case.h + 1, device="meta")
    reach = case.d * case.h
    sources = {
        "torch, padding='same'": torch.nn.functional.conv1d(x, kernel, padding="same", dilation=case.d).shape[-1],
        "counted": count_windows(case.n, 2 * case.h + 1, 1, case.d, reach, reach),
    }
    return differences(stated, case.model(), Grid((), sources))


@covers("size.same_odd")
def test_half_the_reach_on_both_sides_keeps_the_size():
    (stated,) = claims("size.same_odd")
    for_all(ODD, lambda case: odd_differences(stated, case))


@refutes("size.same_odd")
@pytest.mark.parametrize("side", [0, 1])
def test_a_kept_size_that_is_off_by_one_is_caught(side):
    (stated,) = claims("size.same_odd")
    caught(ODD, lambda case: odd_differences(stated.wrong({"n": ("+", "n", 1)}, side=side), case))


def even_differences(stated: Claim, case: Odd) -> list[str]:
    """What an even kernel of 2h taps really gives."""
    reach = case.d * case.h
    sources = {"counted": count_windows(case.n, 2 * case.h, 1, case.d, reach, reach)}
    return differences(stated, case.model(), Grid((), sources))


@refutes("size.same_odd")
def test_the_mistake_of_the_entry_about_even_kernels_is_caught():
    caught(ODD.filter(lambda case: case.h), lambda case: even_differences(mistaken("size.same_odd"), case))


def full_differences(stated: Claim, axis: Axis) -> list[str]:
    padded = Axis(axis.n, axis.k, 1, axis.d, axis.reach, axis.reach, 0, 0)
    kernel = stretched(np.ones(axis.k), (axis.d,))
    sources = {
        "counted": count_windows(axis.n, axis.k, 1, axis.d, axis.reach, axis.reach),
        "numpy.convolve": len(np.convolve(np.ones(axis.n), kernel, "full")),
        "torch": torch_size(padded),
    }
    return differences(stated, Model({"n": axis.n, "k": axis.k, "d": axis.d}), Grid((), sources))


@covers("size.full")
def test_full_padding_gives_every_window_that_meets_the_input():
    _, stated = claims("size.full")
    for_all(wide_axes(), lambda axis: full_differences(stated, axis))


def offsets(axis: Axis) -> list[int]:
    """Where the taps of the first window lie, counted from its first element: the non-zeros of the dilated kernel."""
    return np.flatnonzero(stretched(np.ones(axis.k), (axis.d,))).tolist()


def largest_padding(axis: Axis) -> int:
    """By trying: the largest padding at which the first window has a tap in the input."""
    return max(p for p in range(axis.d * axis.k + 3) if any(0 <= tap - p < axis.n for tap in offsets(axis)))


def beyond_differences(stated: Claim, axis: Axis) -> list[str]:
    """The premise holds for the taps at every padding beyond the largest, and they are where it is said."""
    found, taps = [], [{"p_l": p, "m": m} for p in range(axis.reach + 3) for m in range(-1, axis.k + 1)]
    for point in taps:
        p, m = point["p_l"], point["m"]
        at, is_tap = conv_model(axis).extended(point), 0 <= m < axis.k
        if at.holds_at(term(stated, 1), {}) != (is_tap and p > largest_padding(axis)):
            found.append(f"{axis}: wrong about tap {m} at padding {p}: {term(stated, 1)}")
        if is_tap and at.term(term(stated, 2, 1)) != offsets(axis)[m] - p:
            found.append(f"{axis}: tap {m} lies at {offsets(axis)[m] - p}, not {at.term(term(stated, 2, 1))}")
    return found + untruths(stated, conv_model(axis), taps)


@covers("size.full")
def test_full_padding_is_the_largest_whose_first_window_meets_the_input():
    beyond, _ = claims("size.full")
    for_all(axes(), lambda axis: beyond_differences(beyond, axis))


FULL_MISTAKES: dict[str, Changes] = {"dilation dropped": {"d": 1}, "d*k for d*(k - 1)": {"k": ("+", "k", 1)}}


@refutes("size.full")
@pytest.mark.parametrize("mistake", FULL_MISTAKES)
def test_a_wrong_largest_padding_is_caught(mistake):
    beyond, _ = (claim.wrong(FULL_MISTAKES[mistake]) for claim in claims("size.full"))
    caught(axes(), lambda axis: beyond_differences(beyond, axis))


@refutes("size.full")
def test_that_no_tap_meets_the_input_at_full_padding_is_caught():
    beyond, _ = claims("size.full")
    below, *bounds = term(beyond, 1)[1:]
    at_most = ("and", ("<=", *below[1:]), *bounds)
    caught(axes(), lambda axis: beyond_differences(beyond.wrong({term(beyond, 1): at_most}), axis))


@refutes("size.full")
@pytest.mark.parametrize("changes", [*FULL_MISTAKES.values(), {"n": ("+", "n", -1)}])
@pytest.mark.parametrize("side", [0, 1])
def test_a_wrong_full_size_is_caught(changes, side):
    _, stated = claims("size.full")
    caught(wide_axes(), lambda axis: full_differences(stated.wrong(changes, side=side), axis))


@refutes("size.full")
def test_the_mistake_of_the_entry_about_full_padding_is_caught():
    caught(wide_axes(), lambda axis: full_differences(mistaken("size.full"), axis))


def same_differences(stated: Claim, axis: Axis) -> list[str]:
    """The helper's size, at the least padding on either side."""
    total = least_padding(axis)
    sources = {"every s-th element": len(range(0, axis.n, axis.s))}
    for form, lo in (("same_upper", total // 2), ("same_lower", total - total // 2)):
        sides = Axis(axis.n, axis.k, axis.s, axis.d, lo, total - lo, 0, 0)
        sources[f"torch, {form}"] = torch_size(sides)
        sources[f"the helper, {form}"] = cm.conv_output_size(
            axis.n, axis.k, stride=axis.s, padding=form, dilation=axis.d
        )
        assert cm.resolve_padding(form, axis.n, axis.k, stride=axis.s, dilation=axis.d) == (lo, total - lo)
    return differences(stated, conv_model(axis), Grid((), sources))


def anywhere_differences(stated: Claim, axis: Axis) -> list[str]:
    """The windows, however the least padding is shared out."""
    total, found = least_padding(axis), []
    for lo in range(total + 1):
        sides = Axis(axis.n, axis.k, axis.s, axis.d, lo, total - lo, 0, 0)
        sources = {
            "every s-th element": len(range(0, axis.n, axis.s)),
            "counted": count_windows(axis.n, axis.k, axis.s, axis.d, lo, total - lo),
            "torch": torch_size(sides),
        }
        found += differences(stated, same_model(axis, total, lo), Grid((), sources))
    return found


def least_differences(stated: Claim, axis: Axis) -> list[str]:
    """The bound is true for every total, and is reached."""
    found, at = [], conv_model(axis)
    if at.term(term(stated, 2, 1)) != least_padding(axis):
        found.append(f"{axis}: the least padding is {least_padding(axis)}, not {at.term(term(stated, 2, 1))}")
    return found + untruths(stated, at, [{"t": t} for t in range(-2, least_padding(axis) + 4)])


@covers("size.same")
def test_same_padding_gives_a_window_for_every_sth_element():
    _, of_helper, _ = claims("size.same")
    for_all(wide_axes(), lambda axis: same_differences(of_helper, axis))


@covers("size.same")
def test_the_least_padding_gives_them_wherever_it_is_put():
    *_, anywhere = claims("size.same")
    (some,) = other_claims("size.same").values()
    for_all(wide_axes(), lambda axis: anywhere_differences(anywhere, axis) + untruths(some, conv_model(axis), [{}]))


@covers("size.same")
def test_no_smaller_padding_does_it():
    stated, *_ = claims("size.same")
    for_all(wide_axes(), lambda axis: least_differences(stated, axis))


@refutes("size.same")
@pytest.mark.parametrize("mistake", ["dilation dropped", "stride and dilation exchanged", "one too large"])
def test_a_wrong_least_padding_is_caught(mistake):
    stated, *_ = claims("size.same")
    wrong = stated.wrong({**SIZE_MISTAKES, "one too large": {1: 2}}[mistake])
    caught(wide_axes(), lambda axis: least_differences(wrong, axis))


@refutes("size.same")
@pytest.mark.parametrize("side", [0, 1])
def test_rounding_down_with_same_padding_is_caught(side):
    _, of_helper, anywhere = claims("size.same")
    caught(wide_axes(), lambda axis: same_differences(rounded(of_helper, "ceil", "div", side=side), axis))
    if side:
        caught(wide_axes(), lambda axis: anywhere_differences(rounded(anywhere, "ceil", "div", side=side), axis))


@refutes("size.same")
@pytest.mark.parametrize("mistake", SIZE_MISTAKES)
def test_wrong_windows_with_same_padding_are_caught(mistake):
    *_, anywhere = claims("size.same")
    wrong = anywhere.wrong(SIZE_MISTAKES[mistake], side=0)
    caught(wide_axes(), lambda axis: anywhere_differences(wrong, axis))


@refutes("size.same")
def test_that_less_than_the_least_padding_gives_as_many_windows_is_caught():
    """Without the hypothesis that the two sides add up to the least padding."""
    *_, anywhere = claims("size.same")
    free = replace(anywhere, hypotheses=tuple(h for h in anywhere.hypotheses if h[3][0] != "=="))
    assert len(free.hypotheses) == len(anywhere.hypotheses) - 1

    def differ(axis: Axis) -> list[str]:
        total = least_padding(axis) - 1
        return untruths(free, same_model(axis, total, 0), [{}]) if total >= 0 else []

    caught(wide_axes(), differ)


@refutes("size.same")
def test_the_mistake_of_the_entry_about_same_padding_is_caught():
    caught(wide_axes(), lambda axis: same_differences(mistaken("size.same"), axis))
