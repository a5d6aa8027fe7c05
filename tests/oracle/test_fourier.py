"""The growth of errors through fast Fourier transforms, against transforms of every radix."""

from __future__ import annotations

import numpy as np
import pytest

from convmath.oracle.accumulation import Accumulation, Conversion, gamma
from convmath.oracle.bounds import error_bound
from convmath.oracle.fourier import Fourier, transform_growth
from convmath.oracle.judge import judge
from convmath.oracle.layer import Layer

UNIT = 2.0**-24
EXACT = Accumulation(UNIT, 0.0, Conversion(0.0, 0.0), aligned=False)
LENGTHS = (2**12, 3**7, 5**5, 7**4, 11**3, 2 * 3 * 5 * 7 * 11, 2)


def relative_error(transform, n):
    """Of a transform in float32, in the Euclidean norm, against float64."""
    x = np.random.default_rng(n).uniform(-1, 1, n).astype(np.float32)
    exact = np.fft.fft(x.astype(np.float64))
    return np.linalg.norm(transform(x) - exact) / np.linalg.norm(exact)


def radix_two(x, twiddle=np.complex64):
    """Cooley and Tukey's transform, with its twiddle factors rounded to a type."""
    if len(x) == 1:
        return x.astype(np.complex64)
    even, odd = radix_two(x[::2], twiddle), radix_two(x[1::2], twiddle)
    factors = np.exp(-2j * np.pi * np.arange(len(x) // 2) / len(x))
    if twiddle == np.float16:
        factors = factors.real.astype(np.float16) + 1j * factors.imag.astype(np.float16)
    odd = odd * factors.astype(np.complex64)
    return np.concatenate([even + odd, even - odd])


@pytest.mark.parametrize("n", LENGTHS)
def test_the_error_of_a_transform_is_within_its_growth(n):
    assert relative_error(np.fft.fft, n) <= transform_growth(np.log2(n), UNIT)


def test_a_plain_transform_is_within_the_growth_of_radix_two_and_coarse_twiddle_factors_are_caught():
    growth = transform_growth(12, UNIT, radices=(2,))
    assert growth < transform_growth(12, UNIT)
    assert relative_error(radix_two, 2**12) <= growth
    assert relative_error(lambda x: radix_two(x, np.float16), 2**12) > growth


@pytest.mark.parametrize(
    ("kind", "shapes", "options", "channels"),
    [
        ("conv", ((2, 4, 7, 6), (6, 2, 3, 2)), {"groups": 2, "stride": 2}, 2),
        ("conv_transpose", ((2, 4, 7, 6), (4, 3, 3, 2)), {"groups": 2, "stride": 2}, 2),
        ("grad_input", ((2, 6, 3, 3), (6, 2, 3, 2)), {"groups": 2, "stride": 2, "input_size": (7, 6)}, 3),
        ("grad_weight", ((2, 4, 7, 6), (2, 6, 3, 3)), {"groups": 2, "stride": 2, "kernel_size": (3, 2)}, 2),
    ],
)
def test_norms_dominate_the_products_of_each_element_in_every_group(kind, shapes, options, channels):
    """By Cauchy's inequality; operands that are 0 but in one plane each would show a plane that is left out."""
    for planes in np.ndindex(*shapes[0][:2], *shapes[1][:2]):
        operands = [np.zeros(shape) for shape in shapes]
        operands[0][planes[:2]], operands[1][planes[2:]] = 1.0, 1.0
        layer = Layer(kind, (*operands, None), options)
        error = Fourier().error(layer, EXACT).absolute
        assert np.all(error >= UNIT * layer.products), planes
        assert np.count_nonzero(error) <= np.prod(layer.products.shape[2:])
        assert Fourier().paths(layer) == channels + 1


def test_the_bound_is_the_formula_evaluated_by_hand():
    """||x|| = 2, ||w|| = ||w||_1 = 1, one channel, transforms of length 2 * (4 + 4) at most."""
    layer = Layer("conv", (np.ones((1, 1, 4)), np.ones((1, 1, 1)), None), {})
    phi, chi = transform_growth(4, UNIT), np.sqrt(2) * float(gamma(2, UNIT))
    forward = ((1 + phi) ** 2 * (1 + chi) - 1) * 2
    inverse = phi * (1 + phi) * (1 + chi) * (2 + phi * 4 * 2)
    last = float(gamma(3, UNIT))
    expected = (1 + last) * (forward + inverse) + last * 2
    np.testing.assert_allclose(Fourier().error(layer, EXACT).absolute, np.full((1, 1, 4), expected), rtol=2.0**-40)


def test_only_the_lesser_of_the_mixed_norms_counts():
    flat, spike = np.ones((1, 1, 256)), np.zeros((1, 1, 256))
    spike[..., 0] = 16.0  # the Euclidean norm of both is 16, the sums are 256 and 16
    errors = [Fourier().error(Layer("conv", (x, np.ones((1, 1, 1)), None), {}), EXACT).absolute for x in (flat, spike)]
    np.testing.assert_array_equal(*errors)


def test_transforms_are_refused_where_single_products_are_claimed():
    x, w = np.ones((1, 1, 32, 32)), np.full((1, 1, 3, 3), 0.5)
    x[..., 0, 0] = 2.0**30
    layer = Layer("conv", (x, w, None), {})
    spectrum = np.fft.rfft2(np.float32(x), s=(36, 36)) * np.conj(np.fft.rfft2(np.float32(w), s=(36, 36)))
    y = np.float32(np.fft.irfft2(spectrum, s=(36, 36)))[..., :30, :30]
    assert judge(y, error_bound(layer, "float32", algorithm="fft")).ok
    assert not judge(y, error_bound(layer, "float32")).ok
