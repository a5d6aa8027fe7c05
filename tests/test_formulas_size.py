"""Sizes, paddings and their inverses against counting."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest

from convmath import (
    DomainError,
    conv_input_sizes,
    conv_output_size,
    conv_transpose_output_padding,
    conv_transpose_output_size,
    resolve_padding,
)
from convmath.formulas.inverse import input_size_bounds


def windows_inside(n, k, s, lo, hi, d):
    """Windows whose taps all lie on the padded axis, counted one by one."""
    return sum(all(-lo <= o * s + d * t - lo < n + hi for t in range(k)) for o in range(n + lo + hi))


LAYERS = [
    (n, k, s, lo, hi, d)
    for n, k, s, lo, hi, d in itertools.product(range(1, 9), range(1, 5), range(1, 5), range(4), range(4), range(1, 4))
    if d * (k - 1) + 1 <= n + lo + hi
]


def wrong_sizes(formula):
    return [layer for layer in LAYERS if formula(*layer) != windows_inside(*layer)]


def test_conv_output_size_counts_the_windows():
    assert wrong_sizes(lambda n, k, s, lo, hi, d: conv_output_size(n, k, stride=s, padding=(lo, hi), dilation=d)) == []


@pytest.mark.parametrize(
    "mistake",
    [
        lambda n, k, s, lo, hi, d: (n + 2 * lo - d * (k - 1) - 1) // s + 1,  # one side for both
        lambda n, k, s, lo, hi, d: (n + lo + hi - k) // s + 1,  # dilation dropped
        lambda n, k, s, lo, hi, d: (n + lo + hi - d * k) // s + 1,  # extent d*k
        lambda n, k, s, lo, hi, d: -(-(n + lo + hi - d * (k - 1) - 1) // s) + 1,  # ceil for floor
        lambda n, k, s, lo, hi, d: (n + lo + hi - s * (k - 1) - 1) // d + 1,  # stride and dilation swapped
        lambda n, k, s, lo, hi, d: (n + lo + hi - d * (k - 1) - 1) // s,  # off by one
    ],
)
def test_a_wrong_size_is_caught_by_counting(mistake):
    assert wrong_sizes(mistake) != []


def test_the_fast_way_and_the_general_way_agree():
    for n, k, s, p, _, d in LAYERS:
        layer = {"stride": s, "padding": p, "dilation": d}
        try:
            assert conv_output_size(n, k, **layer) == conv_output_size((n,), k, **layer)[0]
        except DomainError:
            with pytest.raises(DomainError):
                conv_output_size((n,), k, **layer)


SIZED = list(itertools.product(range(1, 14), range(1, 6), range(1, 6), range(1, 4)))


def least_total(n, k, s, d):
    """The least total padding with which ceil(n/s) windows fit, by trying."""
    return next(t for t in itertools.count() if windows_inside(n, k, s, 0, t, d) >= -(-n // s))


@pytest.mark.parametrize(("form", "odd_side"), [("same_upper", 1), ("same_lower", 0)])
def test_same_padding_is_the_least_that_gives_ceil_n_over_s(form, odd_side):
    for n, k, s, d in SIZED:
        pads = resolve_padding(form, n, k, stride=s, dilation=d)
        total = least_total(n, k, s, d)
        assert sum(pads) == total, (n, k, s, d)
        assert pads[odd_side] - pads[1 - odd_side] == total % 2, (n, k, s, d)
        assert conv_output_size(n, k, stride=s, padding=form, dilation=d) == -(-n // s), (n, k, s, d)


def test_a_fixed_total_padding_is_not_same_for_strides():
    assert any(d * (k - 1) != least_total(n, k, s, d) for n, k, s, d in SIZED)
    assert all(d * (k - 1) == least_total(n, k, 1, d) for n, k, s, d in SIZED if d * (k - 1) < n)


@pytest.mark.parametrize("form", ["same", "same_upper", "same_lower", "full", "causal"])
def test_forms_that_are_not_checked_always_hold_a_window(form):
    for n, k, s, d in SIZED:
        if form != "same" or s == 1:
            lo, hi = resolve_padding(form, n, k, stride=s, dilation=d)
            assert n + lo + hi >= d * (k - 1) + 1, (form, n, k, s, d)


def test_valid_padding_does_not_always_hold_a_window():
    assert any(n < d * (k - 1) + 1 for n, k, s, d in SIZED)


def test_full_padding_reaches_every_overlap_and_causal_no_later_element():
    for n, k, _, d in SIZED:
        reach = d * (k - 1)
        assert conv_output_size(n, k, padding="full", dilation=d) == n + reach
        lo, hi = resolve_padding("causal", n, k, dilation=d)
        # The last tap of position o sees element o itself, never a later one.
        assert (lo, hi) == (reach, 0)
        assert conv_output_size(n, k, padding="causal", dilation=d) == n


def same_values(pads, n, k, d):
    """Whether torch's own padding="same" gives the values of explicit padding on unlike elements."""
    torch = pytest.importorskip("torch")
    x = torch.arange(1, n + 1, dtype=torch.float64).square()[None]
    w = torch.arange(1, k + 1, dtype=torch.float64)[None, None]
    own = torch.nn.functional.conv1d(x, w, padding="same", dilation=d)
    explicit = torch.nn.functional.conv1d(torch.nn.functional.pad(x, pads), w, dilation=d)
    return own.shape == explicit.shape and bool((own == explicit).all())


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
def test_same_is_torchs_with_the_odd_element_after():
    cases = list(itertools.product(range(1, 9), range(1, 6), range(1, 4)))
    assert all(same_values(resolve_padding("same", n, k, dilation=d), n, k, d) for n, k, d in cases)
    assert not all(same_values(resolve_padding("same", n, k, dilation=d)[::-1], n, k, d) for n, k, d in cases)


TRANSPOSED = [
    (n, k, s, lo, hi, e, d)
    for n, k, s, lo, hi, d in itertools.product(range(1, 6), range(1, 5), range(1, 5), range(3), range(3), range(1, 4))
    for e in range(max(s, d))
    if (n - 1) * s - lo - hi + d * (k - 1) + 1 + e >= 1
]


def test_the_output_padding_of_a_reached_size_is_found_again():
    for n, k, s, lo, hi, e, d in TRANSPOSED:
        layer = {"stride": s, "padding": (lo, hi), "dilation": d}
        size = conv_transpose_output_size(n, k, output_padding=e, **layer)
        assert conv_transpose_output_padding(n, size, k, **layer) == e


def test_sizes_that_no_output_padding_reaches_are_refused():
    for n, k, s, lo, hi, d in {(n, k, s, lo, hi, d) for n, k, s, lo, hi, _, d in TRANSPOSED}:
        layer = {"stride": s, "padding": (lo, hi), "dilation": d}
        reachable = set()
        for size in range(1, (n + 1) * s + d * k + s + d):
            with suppress(DomainError):
                conv_transpose_output_padding(n, size, k, **layer)
                reachable.add(size)
        made = {(n - 1) * s + d * (k - 1) + 1 - lo - hi + e for e in range(max(s, d))}
        assert reachable == {size for size in made if size >= 1}, (n, k, s, lo, hi, d)


def test_a_transposed_layer_undoes_the_size_of_its_convolution():
    for n, k, s, lo, hi, d in LAYERS:
        layer = {"stride": s, "padding": (lo, hi), "dilation": d}
        out = conv_output_size(n, k, **layer)
        extra = conv_transpose_output_padding(out, n, k, **layer)
        assert extra == (n + lo + hi - d * (k - 1) - 1) % s, (n, k, s, lo, hi, d)
        assert conv_transpose_output_size(out, k, output_padding=extra, **layer) == n


@pytest.mark.parametrize("form", ["same_upper", "same_lower"])
def test_transposed_same_gives_input_times_stride_with_the_padding_of_its_convolution(form):
    for n, k, s, d in SIZED:
        layer = {"stride": s, "dilation": d}
        extra = conv_transpose_output_padding(n, n * s, k, padding=form, **layer)
        assert conv_transpose_output_size(n, k, padding=form, output_padding=extra, **layer) == n * s
        explicit = resolve_padding(form, n * s, k, **layer)
        assert conv_transpose_output_size(n, k, padding=explicit, output_padding=extra, **layer) == n * s
        assert conv_output_size(n * s, k, padding=form, **layer) == n


def preimages(formula):
    """The layers whose output size is not given by exactly the input sizes that the formula says, found by trying."""
    wrong = []
    for o, k, s, lo, hi, d in itertools.product(range(1, 6), range(1, 5), range(1, 5), range(4), range(4), range(1, 4)):
        found = [n for n in range(1, o * s + d * k + s) if windows_inside(n, k, s, lo, hi, d) == o]
        if list(formula(o, k, s, lo, hi, d)) != found:
            wrong.append((o, k, s, lo, hi, d))
    return wrong


def test_conv_input_sizes_are_all_that_give_the_size():
    assert preimages(lambda o, k, s, lo, hi, d: conv_input_sizes(o, k, stride=s, padding=(lo, hi), dilation=d)) == []


@pytest.mark.parametrize(
    "mistake",
    [
        lambda *layer: range(input_size_bounds(*layer)[0], input_size_bounds(*layer)[1] + 1),  # sizes below 1 kept
        lambda *layer: range(max(1, input_size_bounds(*layer)[0]), max(1, input_size_bounds(*layer)[1])),  # last lost
        lambda o, k, s, lo, hi, d: [n] if (n := (o - 1) * s - lo - hi + d * (k - 1) + 1) >= 1 else [],  # one size only
    ],
)
def test_a_wrong_preimage_is_caught(mistake):
    assert preimages(mistake) != []


@pytest.mark.parametrize("form", ["valid", "full", "causal", "same_upper", "same_lower", "same"])
def test_conv_input_sizes_of_a_form_are_all_that_give_the_size(form):
    for o, k, s, d in itertools.product(range(1, 8), range(1, 5), range(1, 5), range(1, 4)):
        if form == "same" and s != 1:
            continue
        found = []
        for n in range(1, o * s + d * k + s):
            try:
                found += [n] if conv_output_size(n, k, stride=s, padding=form, dilation=d) == o else []
            except DomainError:
                continue
        assert list(conv_input_sizes(o, k, stride=s, padding=form, dilation=d)) == found, (o, k, s, d)


def test_an_output_size_that_padding_rules_out_has_no_input_sizes():
    assert conv_input_sizes(1, 1, padding=3) == range(0)
