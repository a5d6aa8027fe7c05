"""What a layer with real data is made of, against the loops of the reference on rationals."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from convmath.errors import DomainError
from convmath.oracle import parse_case, reference
from convmath.oracle.layer import Layer
from convmath.oracle.trials import bounded_trial

LOOPS = {
    "conv": reference.conv_forward,
    "conv_transpose": reference.conv_transpose_forward,
    "grad_input": reference.conv_grad_input,
    "grad_weight": reference.conv_grad_weight,
    "grad_bias": reference.conv_grad_bias,
    "max_pool": reference.max_pool,
    "avg_pool": reference.avg_pool,
    "max_pool_grad_input": reference.max_pool_grad_input,
    "avg_pool_grad_input": reference.avg_pool_grad_input,
}
CONVOLUTIONS = (
    "conv n2 c4 o6 g2 i7x5 k3x2 s2x1 p1:0x0:2 d1x2 b #1",
    "conv_transpose n2 c4 o6 g2 i4x3 k3x2 s2x1 p1x0 op1x0 b #2",
    "grad_input c4 o4 g2 i6x5 k3x2 s2 p0:1x1 #3",
    "grad_weight n2 c2 o4 g2 i7 k3 s2 #4",
    "grad_bias n2 o3 i6 k3 #5",
)
POOLS = (
    "max_pool c2 i7x5 k3x2 s2x1 p1 #6",
    "avg_pool c2 i7x5 k3x2 s2x1 p1 exclude_pad #7",
    "max_pool_grad_input c2 i7x5 k3x2 s2x1 #8",
    "avg_pool_grad_input c2 i7x5 k3 s2x1 p1 #9",
)


def layer(text, dtype="float64"):
    trial = bounded_trial(parse_case(text), dtype)
    return Layer(trial.case.kind, trial.arguments, trial.options)


def rationals(array):
    return np.vectorize(Fraction, otypes=[object])(np.asarray(array, dtype=np.float64))


def loops(found, arguments):
    return LOOPS[found.kind](*arguments, **found.options)


@pytest.mark.parametrize("dtype", ["float64", "float16"])
@pytest.mark.parametrize("text", [*CONVOLUTIONS, *POOLS])
def test_the_expected_result_is_that_of_the_loops_to_106_bits(text, dtype):
    found = layer(text, dtype)
    exact = loops(found, [None if a is None else rationals(a) for a in found.arguments])
    for index, value in np.ndenumerate(exact):
        number = Fraction(float(found.expected.high[index])) + Fraction(float(found.expected.low[index]))
        assert abs(number - value) <= abs(value) / 2**106, (text, index)
    if dtype == "float64" and text.startswith("conv"):
        assert np.any(found.expected.low != 0)  # float64 alone would not do


@pytest.mark.parametrize("text", [*CONVOLUTIONS, *POOLS])
def test_the_sizes_of_the_terms_are_those_of_the_loops(text):
    found = layer(text)
    count = len(found.operands)
    sizes = [rationals(np.abs(operand)) for operand in found.operands]
    if found.kind.startswith("max_pool"):
        sizes[-1] = rationals(found.operands[-1])  # the maximum is that of the numbers themselves
    exact = loops(found, sizes)
    exact = np.abs(exact)
    assert np.all(np.abs(found.products - exact.astype(float)) <= 2.0**-40 * found.products)
    bias = found.arguments[count] if len(found.arguments) > count else None
    assert np.array_equal(found.bias.ravel(), [0.0] if bias is None else np.abs(bias))


@pytest.mark.parametrize("text", [*CONVOLUTIONS, POOLS[2]])
def test_the_numbers_of_terms_are_those_of_the_loops(text):
    found = layer(text)
    ones = [np.ones(operand.shape, dtype=int) for operand in found.operands]
    if found.kind == "max_pool_grad_input":
        ones[1] = rationals(found.operands[1])
    np.testing.assert_array_equal(found.terms, loops(found, ones).astype(float))


@pytest.mark.parametrize("text", [POOLS[1], POOLS[3]])
def test_the_numbers_of_terms_of_averages_are_at_least_those_of_the_loops(text):
    found = layer(text)
    options = {"divisor_override": 1} | {k: v for k, v in found.options.items() if k != "divisor_override"}
    ones = np.ones(found.operands[0].shape, dtype=int)
    assert np.all(found.terms >= LOOPS[found.kind](ones, **options).astype(float))


def test_what_is_no_layer_or_not_finite_is_refused():
    with pytest.raises(DomainError, match="kind='deconv'"):
        Layer("deconv", (), {})
    with pytest.raises(DomainError, match="needs finite numbers"):
        _ = Layer("grad_bias", (np.full((1, 1, 2), np.inf),), {}).expected
