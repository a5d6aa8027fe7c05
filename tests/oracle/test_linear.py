"""Layers as matrices, and the adjoint check in both directions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given

from convmath import oracle
from convmath.errors import DomainError, UnsupportedError
from convmath.oracle import ConvCase, PoolCase, conv_cases, exact, pool_cases
from convmath.oracle.strategies import CONV_OPTIONS, POOL_OPTIONS

LINEAR_POOLS = ("avg_pool", "max_pool_grad_input", "avg_pool_grad_input")


@given(conv_cases(kind=ConvCase.kinds, max_macs=500, features=CONV_OPTIONS - {"bias"}))
def test_the_matrix_of_a_convolution_gives_its_answer(case):
    argument = case.x if case.kind in ("conv", "conv_transpose") else case.grad_output
    case.assert_matches((oracle.matrix(case) @ argument.ravel()).reshape(case.expected.shape))


@given(pool_cases(kind=LINEAR_POOLS, max_macs=200, features=POOL_OPTIONS))
def test_the_matrix_of_pooling_gives_its_answer(case):
    case.assert_matches((oracle.matrix(case).astype(object) @ case.arguments[0].ravel()).reshape(case.expected.shape))


def test_a_matrix_is_printed_in_the_textbooks_as_this():
    """[1, 2] over three elements slides; its transpose scatters; pooling averages."""
    case = ConvCase(input_size=(3,), kernel_size=(2,))
    a, b = case.w.ravel().tolist()
    assert oracle.matrix(case).tolist() == [[a, b, 0], [0, a, b]]
    case = PoolCase(kind="avg_pool", input_size=(3,), kernel_size=(2,), stride=(1,))
    half = Fraction(1, 2)
    assert oracle.matrix(case).tolist() == [[half, half, 0], [0, half, half]]


@given(conv_cases(max_macs=500, features=CONV_OPTIONS - {"bias"}))
def test_a_convolution_and_its_gradient_are_each_other_s_transpose(case):
    options = case.options
    forward = partial(exact.conv_forward, w=case.w, **options)
    backward = partial(exact.conv_grad_input, w=case.w, input_size=case.input_size, **options)
    oracle.adjoint_check(forward, backward, case.x_shape)
    oracle.adjoint_check(backward, forward, case.y_shape)
    assert np.array_equal(oracle.matrix(case).T, oracle.matrix(replace(case, kind="grad_input")))


def test_a_pair_that_is_not_adjoint_is_caught():
    w = np.array([[[1.0, 2.0]]])
    forward = partial(exact.conv_forward, w=w)
    oracle.adjoint_check(forward, partial(exact.conv_grad_input, w=w, input_size=4), (1, 1, 4))
    with pytest.raises(AssertionError, match=r"<A x, y> = -?\d+, but <x, A' y> = -?\d+ \(seed 0\)"):
        oracle.adjoint_check(forward, partial(exact.conv_grad_input, w=w[..., ::-1], input_size=4), (1, 1, 4))
    with pytest.raises(AssertionError, match=r"x has shape \(1, 1, 4\), but A' y has shape \(1, 1, 5\)"):
        oracle.adjoint_check(forward, lambda y: np.zeros((1, 1, 5)), (1, 1, 4))


def test_an_error_in_the_last_bit_is_caught():
    with pytest.raises(AssertionError):
        oracle.adjoint_check(lambda x: x, lambda y: y * (1 + 2.0**-52), (3,))


def test_torch_s_convolution_and_transposed_convolution_are_adjoint():
    torch = pytest.importorskip("torch")
    w = torch.arange(1.0, 7.0, dtype=torch.float64).reshape(1, 1, 2, 3)
    oracle.adjoint_check(
        lambda x: torch.nn.functional.conv2d(torch.from_numpy(x), w, stride=2),
        lambda y: torch.nn.functional.conv_transpose2d(torch.from_numpy(y), w, stride=2, output_padding=(0, 1)),
        (2, 1, 4, 6),
    )


def test_a_maximum_has_no_matrix_and_a_large_one_is_not_made():
    with pytest.raises(UnsupportedError, match="a maximum is not linear"):
        oracle.matrix(PoolCase(input_size=(4,), kernel_size=(2,)))
    with pytest.raises(DomainError, match="matrix="):
        oracle.matrix(ConvCase(input_size=(1000, 1000), kernel_size=(3,)))


def test_every_exported_name_loads_and_no_other():
    assert all(getattr(oracle, name) is not None for name in oracle.__all__)
    assert set(oracle.__all__) <= set(dir(oracle))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = oracle.nothing
