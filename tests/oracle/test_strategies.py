"""The strategies: no draw is thrown away, no corner is rare, and what fails becomes small."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.statistics import collector

from convmath.errors import DomainError
from convmath.oracle import ConvCase, PoolCase, conv_cases, pool_cases
from convmath.oracle.features import CONV_FEATURES, POOL_FEATURES
from convmath.oracle.strategies import CONV_OPTIONS, POOL_OPTIONS

many = settings(
    max_examples=500,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def drawn(strategy):
    """Five hundred draws, and how Hypothesis classed each attempt."""
    cases, statistics = [], []

    @many
    @given(strategy)
    def collect(case):
        cases.append(case)

    with collector.with_value(statistics.append):
        collect()
    attempts = Counter(attempt["status"] for attempt in statistics[0]["generate-phase"]["test-cases"])
    return cases, attempts


def shares(cases):
    """The share of the draws that shows each feature."""
    counts = Counter(feature for case in cases for feature in case.features)
    return {feature: count / len(cases) for feature, count in counts.items()}


CORNERS = {
    "asymmetric_padding",
    "even_kernel",
    "kernel_below_stride",
    "padding_above_kernel",
    "partial_groups",
    "size_one_axis",
    "stride_groups_dilation",
    "uncovered_tail",
    "unequal_axes",
    "unequal_channels",
}


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("kind", ConvCase.kinds)
def test_every_corner_of_convolution_is_in_a_twentieth_of_the_draws_and_none_is_discarded(kind, ndim):
    cases, attempts = drawn(conv_cases(ndim=ndim, kind=kind))
    assert set(attempts) == {"valid"}
    expected = CORNERS - ({"unequal_axes"} if ndim == 1 else set())
    if kind == "conv_transpose":
        expected = expected - {"uncovered_tail"} | {"output_padding"}
    found = shares(cases)
    assert {corner: found.get(corner, 0) for corner in expected if found.get(corner, 0) < 0.05} == {}


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("kind", PoolCase.kinds)
def test_every_corner_of_pooling_is_in_a_twentieth_of_the_draws_and_none_is_discarded(kind, ndim):
    cases, attempts = drawn(pool_cases(ndim=ndim, kind=kind))
    assert set(attempts) == {"valid"}
    expected = {
        *("asymmetric_padding", "batch", "ceil_mode", "even_kernel", "kernel_below_stride", "overhang", "overlap"),
        *("padding", "size_one_axis", "skipped_window", "uncovered_tail"),
        *({"unequal_axes"} if ndim > 1 else set()),
        *({"divisor_override", "exclude_pad"} if kind.startswith("avg") else {"dilation"}),
    }
    found = shares(cases)
    assert {corner: found.get(corner, 0) for corner in expected if found.get(corner, 0) < 0.05} == {}


def test_a_discarded_draw_and_a_rare_corner_are_noticed():
    _, attempts = drawn(conv_cases(ndim=1).filter(lambda case: case.seed % 4))
    assert attempts["invalid"] > 0
    cases, _ = drawn(conv_cases(ndim=1, features={"padding"}))
    assert shares(cases).get("asymmetric_padding", 0) == 0


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("max_macs", [1, 10, 100, 10_000])
def test_no_case_is_larger_than_asked(ndim, max_macs):
    @given(conv_cases(ndim=ndim, kind=ConvCase.kinds, max_macs=max_macs), pool_cases(ndim=ndim, max_macs=max_macs))
    def holds(conv, pool):
        assert conv.macs <= max_macs, str(conv)
        assert pool.macs <= max_macs, str(pool)

    holds()


USES = {
    "asymmetric_padding": "asymmetric_padding",
    "batch": "batch",
    "bias": "bias",
    "ceil_mode": "ceil_mode",
    "dilation": "dilation",
    "divisor_override": "divisor_override",
    "exclude_pad": "exclude_pad",
    "groups": "groups",
    "negative_padding": "negative_padding",
    "output_padding": "output_padding",
    "padding": "padding",
    "stride": "stride",
}


@given(st.sets(st.sampled_from(sorted(CONV_OPTIONS))), st.data())
def test_a_convolution_uses_only_the_options_that_are_allowed(allowed, data):
    case = data.draw(conv_cases(kind=ConvCase.kinds, features=allowed))
    used = {option for option, feature in USES.items() if option in CONV_OPTIONS and feature in case.features}
    if "negative_padding" in used:
        used -= {"padding"}
    assert used <= allowed, str(case)


@given(st.sets(st.sampled_from(sorted(POOL_OPTIONS))), st.data())
def test_a_pooling_layer_uses_only_the_options_that_are_allowed(allowed, data):
    case = data.draw(pool_cases(kind=PoolCase.kinds, features=allowed))
    used = {option for option, feature in USES.items() if option in POOL_OPTIONS and feature in case.features}
    if "stride" not in allowed:
        assert case.stride == case.kernel_size
        used -= {"stride"}
    if case.averages and "dilation" in used:
        assert {"dilated_average", "dilation"} <= allowed
    assert used <= allowed, str(case)


@pytest.mark.parametrize("feature", sorted(CONV_FEATURES))
def test_a_convolution_shrinks_to_a_few_elements(feature):
    kind = "conv_transpose" if feature == "output_padding" else "conv"
    cases = conv_cases(ndim=2, kind=kind, features=CONV_OPTIONS)
    case = find(cases, lambda case: feature in case.features, settings=settings(database=None, max_examples=2_000))
    assert case.x.size <= 8, str(case)
    assert case.w.size <= 8, str(case)
    assert case.seed == 0


@pytest.mark.parametrize("feature", sorted(POOL_FEATURES))
def test_a_pooling_layer_shrinks_to_a_few_elements(feature):
    kind = "avg_pool" if feature in {"divisor_override", "exclude_pad"} else "max_pool"
    case = find(
        pool_cases(ndim=2, kind=kind),
        lambda case: feature in case.features,
        settings=settings(database=None, max_examples=2_000),
    )
    assert case.x.size <= 8, str(case)
    assert case.seed == 0


def test_every_feature_has_a_case():
    conv, _ = drawn(conv_cases(kind=("conv", "conv_transpose"), features=CONV_OPTIONS))
    pool, _ = drawn(pool_cases(features=POOL_OPTIONS))
    assert set(shares(conv)) == set(CONV_FEATURES)
    assert set(shares(pool)) == set(POOL_FEATURES)


@pytest.mark.parametrize(
    "call",
    [
        lambda: conv_cases(ndim=4),
        lambda: conv_cases(ndim=()),
        lambda: conv_cases(kind="max_pool"),
        lambda: conv_cases(max_macs=0),
        lambda: conv_cases(features={"strides"}),
        lambda: pool_cases(kind="conv"),
        lambda: pool_cases(features={"groups"}),
    ],
)
def test_a_strategy_that_makes_no_sense_is_refused_at_once(call):
    with pytest.raises(DomainError):
        call()
