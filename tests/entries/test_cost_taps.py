"""The taps that lie in the input, and what a convolution saves against a dense layer, counted by trying."""

from __future__ import annotations

import itertools
from dataclasses import replace
from math import prod
from typing import Any

import pytest

from convmath.calculus.evaluate import Model
from convmath.oracle.relation import conv_relation
from convmath.proofs.layer import Layer

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
    untruths,
)
from .operations import cost_model, counted_conv, off
from .reality import loop_options


def single(case: LayerCase) -> LayerCase:
    """One image, one channel."""
    return replace(case, batch=1, groups=1, inputs_per_group=1, outputs_per_group=1)


def windows_of_taps(axis: Axis) -> list[int]:
    """For every tap the windows in which it lies in the input, by trying."""
    return [sum(0 <= axis.s * k + axis.d * tap - axis.lo < axis.n for k in range(axis.K)) for tap in range(axis.k)]


def off_by_taps(stated: Claim, case: LayerCase, number: int) -> list[str]:
    """Where a statement about the windows of the taps, whose numbers are counted, is not the count."""
    sequences = ("v",) if case.ndim == 1 else tuple(f"v{axis + 1}" for axis in range(case.ndim))
    counted = {name: dict(enumerate(windows_of_taps(axis))) for name, axis in zip(sequences, case.axes, strict=True)}
    over = {(m,): [(tap,) for tap in range(axis.k)] for m, axis in zip(names(case.ndim, "m"), case.axes, strict=True)}
    at = Model(cost_model(case).variables, counted)
    return differences(stated, at, Grid((), {"counted": number}), over=over)


def taps_differences(stated: Claim, case: LayerCase) -> list[str]:
    return off_by_taps(stated, case, counted_conv(single(case), taps="valid")["multiplications"])


@covers("cost.valid_taps")
def test_the_taps_in_the_input_are_those_of_the_loops(ndim):
    (stated,) = claims("cost.valid_taps", ndim)
    for_all(layers(ndim), lambda case: taps_differences(stated, case), share=SHARE[ndim])


def closed_forms(identifier: str, ndim: int) -> list[Claim]:
    """What a statement says about the windows of a tap on each axis, as claims about every tap."""
    *_, stated = claims(identifier, ndim)
    defined = [hypothesis for hypothesis in stated.hypotheses if hypothesis[1]]
    assert len(defined) == ndim
    return [Claim((), ("forall", (), (), hypothesis[3])) for hypothesis in defined]


def closed_form_differences(stated: Claim, case: LayerCase, number: int) -> list[str]:
    """Where the closed form of an axis is not what is counted."""
    axis, tap = case.axes[number], names(case.ndim, "m")[number]
    counted = windows_of_taps(axis)
    sequence = "v" if case.ndim == 1 else f"v{number + 1}"
    at = Model(cost_model(case).variables, {sequence: dict(enumerate(counted))})
    return differences(stated, at, Grid((tap,), {"counted": counted}))


@covers("cost.valid_taps")
def test_the_windows_of_a_tap_are_those_that_are_counted(ndim):
    for identifier in ("cost.valid_taps", "sparse.connections"):
        for number, stated in enumerate(closed_forms(identifier, ndim)):
            for_all(layers(ndim), lambda case, s=stated, n=number: closed_form_differences(s, case, n), share=0.5)


def three_differences(stated: Claim, case: LayerCase) -> list[str]:
    return off((stated,), case, counted_conv(single(case), taps="valid")["multiplications"])


@covers("cost.valid_taps")
def test_three_taps_are_what_the_helper_returns(ndim):
    (stated,) = other_claims("cost.valid_taps", ndim).values()
    of_three = layers(1).filter(lambda case: case.axes[0].k == 3)
    for_all(of_three, lambda case: three_differences(stated, case), share=0.3)


TAP_MISTAKES: dict[str, dict[str, Any]] = {
    "dilation dropped": {"d": 1},
    "stride dropped": {"s": 1},
    "padding dropped": {"p": 0},
    "windows beyond the output": {"K": ("+", "K", 1)},
}


@refutes("cost.valid_taps")
@pytest.mark.parametrize("mistake", TAP_MISTAKES)
def test_wrong_windows_of_a_tap_are_caught(ndim, mistake):
    ((part, new),) = TAP_MISTAKES[mistake].items()
    for number, stated in enumerate(closed_forms("cost.valid_taps", ndim)):
        old = names(ndim, part)[number]
        wrong = stated.wrong({old: ("+", old, 1) if part == "K" else new}, side=1)
        caught(layers(ndim), lambda case, w=wrong, n=number: closed_form_differences(w, case, n))


@refutes("cost.valid_taps")
def test_a_tap_too_many_is_caught(ndim):
    (stated,) = claims("cost.valid_taps", ndim)
    wrong = stated.wrong({("<=", 0, names(ndim, "m")[0]): ("<=", 1, names(ndim, "m")[0])}, side=1)
    caught(layers(ndim), lambda case: taps_differences(wrong, case))


@refutes("cost.valid_taps")
def test_the_mistake_of_the_entry_about_padding_is_caught(ndim):
    caught(layers(ndim), lambda case: taps_differences(mistaken("cost.valid_taps", ndim), case))


def connections(case: LayerCase) -> set[Any]:
    """The pairs of an output and an input element that a tap connects, by trying."""
    one = replace(case, batch=1)
    found = set()
    for o, i, _ in triples(one):
        assert (o, i) not in found, "two taps connect one pair"
        found.add((o, i))
    return found


def triples(case: LayerCase) -> Any:
    """Output, input and kernel entries that belong together."""
    return conv_relation(case.x_shape, case.w_shape, **loop_options(case)).triples()


def elements(case: LayerCase) -> int:
    """Weights of a dense layer in place of a convolution of one image."""
    return prod(case.x_shape[1:]) * prod(case.y_shape[1:])


def connection_differences(stated: Claim, case: LayerCase) -> list[str]:
    return off_by_taps(stated, case, elements(case) - len(connections(case)))


@covers("sparse.connections")
def test_the_saved_connections_are_the_pairs_that_no_tap_connects(ndim):
    once, stated = claims("sparse.connections", ndim)
    for_all(layers(ndim), lambda case: connection_differences(stated, case), share=SHARE[ndim])
    for_all(layers(ndim), lambda case: untruths(once, cost_model(case), two_taps(case)), share=SHARE[ndim])


def two_taps(case: LayerCase) -> list[dict[str, int]]:
    """All pairs of taps of a window, and where the first of them lies."""
    found = []
    for taps in itertools.product(*(range(axis.k) for axis in case.axes for _ in range(2))):
        first, second = taps[::2], taps[1::2]
        at = [a.s * (a.K - 1) + a.d * m - a.lo for a, m in zip(case.axes, first, strict=True)]
        last = [axis.K - 1 for axis in case.axes]
        others = [symbol.name for symbol in Layer(case.ndim).fresh("e")]
        parts = ((names(case.ndim, "m"), first), (others, second), (names(case.ndim, "i"), at))
        found.append(
            {
                n: v
                for keys, values in (*parts, (names(case.ndim, "k"), last))
                for n, v in zip(keys, values, strict=True)
            }
        )
    return found


@refutes("sparse.connections")
def test_that_two_taps_connect_a_pair_is_caught(ndim):
    once, _ = claims("sparse.connections", ndim)
    tap, other = names(ndim, "m")[0], Layer(ndim).fresh("e")[0].name
    wrong = once.wrong({("==", tap, other): ("<", tap, other)})
    caught(layers(ndim), lambda case: untruths(wrong, cost_model(case), two_taps(case)))


@refutes("sparse.connections")
def test_wrong_saved_connections_are_caught(ndim):
    _, stated = claims("sparse.connections", ndim)
    for changes in ({"C_g": ("*", "C_g", "G")}, {"G": 1}, {"F_g": ("+", "F_g", 1)}):
        wrong = stated.wrong(changes, side=1)
        caught(layers(ndim), lambda case, wrong=wrong: connection_differences(wrong, case))


@refutes("sparse.connections")
def test_the_mistake_of_the_entry_about_connections_in_the_padding_is_caught(ndim):
    caught(layers(ndim), lambda case: connection_differences(mistaken("sparse.connections", ndim), case))


def weight_differences(stated: Claim, case: LayerCase) -> list[str]:
    return off((stated,), case, elements(case) - prod(case.w_shape))


@covers("sparse.parameters")
def test_the_saved_weights_are_those_that_a_dense_layer_has_more(ndim):
    (stated,) = claims("sparse.parameters", ndim)
    for_all(layers(ndim), lambda case: weight_differences(stated, case), share=SHARE[ndim])


@refutes("sparse.parameters")
def test_wrong_saved_weights_are_caught(ndim):
    (stated,) = claims("sparse.parameters", ndim)
    for changes in ({("div", ("*", "C_g", "G"), "G"): ("*", "C_g", "G")}, {"M": ("+", "M", 1)}):
        wrong = stated.wrong(changes, side=1)
        caught(layers(ndim), lambda case, wrong=wrong: weight_differences(wrong, case))


@refutes("sparse.parameters")
def test_the_mistake_of_the_entry_about_weights_that_are_not_shared_is_caught(ndim):
    caught(layers(ndim), lambda case: weight_differences(mistaken("sparse.parameters", ndim), case))
