"""Convolution and correlation against NumPy, torch and nested loops, also at positions beside the result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from .cases import SHARE, LayerCase, conv_axis, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import Changes, wrong_parameters
from .reality import CPU, conv, convolved, correlated, exact, flipped, loops_conv, padded, stretched, tensor

POINTS = 6


def plain(ndim: int):
    """Layers of one channel and one image."""
    return layers(ndim, channels=False)


def data(case: LayerCase) -> tuple[np.ndarray, np.ndarray]:
    """Input and kernel, without batch and channels."""
    return case.arrays["x"][0, 0], case.arrays["w"][0, 0]


def wider(case: LayerCase) -> LayerCase:
    """One more window on either side of every axis."""
    return replace(case, axes=tuple(conv_axis(a.n, a.k, a.s, a.d, a.lo + a.s, a.hi + a.s) for a in case.axes))


def flip_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    x, w = data(case)
    wide, turned = wider(case), flipped(case.arrays["w"], case.ndim)
    sides = [(axis.lo, axis.hi) for axis in wide.axes]
    steps = tuple(slice(None, None, axis.s) for axis in wide.axes)
    long = stretched(w, case.each("d"))
    sources = {
        "torch": exact(conv(wide, tensor(case.arrays["x"], device), tensor(turned, device)))[0, 0],
        "loops": loops_conv(wide, case.arrays["x"], turned)[0, 0],
        "NumPy": correlated(flipped(long, case.ndim), padded(x, sides))[steps],
    }
    if case.ndim == 1:
        sources["numpy.convolve"] = np.convolve(padded(x, sides), long, "valid")[steps]
    reality = Grid(names(case.ndim, "k"), sources, start=(-1,) * case.ndim)
    return differences(stated, case.model(x=x, w=w), reality, limit=POINTS, seed=case.seed)


@covers("correlation.flip")
def test_correlating_with_the_flipped_kernel_is_convolving(ndim, device):
    (stated,) = claims("correlation.flip", ndim)
    for_all(plain(ndim), lambda case: flip_differences(stated, case, device), share=SHARE[ndim])


@refutes("correlation.flip")
@pytest.mark.parametrize("mistake", wrong_parameters(1, channels=False, flip=True))
def test_a_wrong_correlation_is_caught(ndim, mistake):
    (stated,) = claims("correlation.flip", ndim)
    wrong = stated.wrong(wrong_parameters(ndim, channels=False, flip=True)[mistake], side=0)
    caught(plain(ndim), lambda case: flip_differences(wrong, case))


@refutes("correlation.flip")
@pytest.mark.parametrize("mistake", wrong_parameters(1, channels=False))
def test_a_wrong_convolution_is_caught(ndim, mistake):
    (stated,) = claims("correlation.flip", ndim)
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=1)
    caught(plain(ndim), lambda case: flip_differences(wrong, case))


@refutes("correlation.flip")
def test_the_mistake_of_the_entry_about_the_flip_is_caught(ndim):
    caught(plain(ndim), lambda case: flip_differences(mistaken("correlation.flip", ndim), case))


def product_differences(stated: Claim, case: LayerCase) -> list[str]:
    x, w = data(case)
    around = [(1, 1)] * case.ndim
    sources = {"w by x": padded(convolved(w, x), around), "x by w": padded(convolved(x, w), around)}
    reality = Grid(names(case.ndim, "k"), sources, start=(-1,) * case.ndim)
    return differences(stated, case.model(x=x, w=w), reality, limit=POINTS, seed=case.seed)


@covers("convolution.commutes")
def test_convolution_commutes(ndim):
    (stated,) = claims("convolution.commutes", ndim)
    for_all(plain(ndim), lambda case: product_differences(stated, case), share=SHARE[ndim])


def products_wrong(ndim: int) -> dict[str, Changes]:
    """The last element left out; the difference of the indices for their sum."""
    taps, inputs, outputs = (names(ndim, part) for part in "mik")
    sums = [("+", *sorted(pair)) for pair in zip(taps, inputs, strict=True)]
    return {
        "off by one": {size: ("+", size, -1) for size in names(ndim, "I")},
        "correlated": {
            ("==", k, both): ("==", i, ("+", k, m)) for k, both, i, m in zip(outputs, sums, inputs, taps, strict=True)
        },
    }


@refutes("convolution.commutes")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", products_wrong(1))
def test_a_wrong_product_is_caught(ndim, mistake, side):
    (stated,) = claims("convolution.commutes", ndim)
    wrong = stated.wrong(products_wrong(ndim)[mistake], side=side)
    caught(plain(ndim), lambda case: product_differences(wrong, case))


@refutes("convolution.commutes")
def test_the_mistake_that_correlation_commutes_is_caught(ndim):
    caught(plain(ndim), lambda case: product_differences(mistaken("convolution.commutes", ndim), case))


def reflection_differences(stated: Claim, case: LayerCase) -> list[str]:
    x, w = data(case)
    full = [(size - 1, size - 1) for size in w.shape]
    sources = {
        "w with x": correlated(w, padded(x, full)),
        "x with w, turned round": flipped(correlated(x, padded(w, [(size - 1, size - 1) for size in x.shape])), x.ndim),
    }
    if case.ndim == 1:
        sources["numpy.correlate"] = np.correlate(x, w, "full")
    reality = Grid(names(case.ndim, "k"), sources, start=tuple(1 - size for size in w.shape))
    return differences(stated, case.model(x=x, w=w), reality, limit=POINTS, seed=case.seed)


@covers("correlation.commutes")
def test_exchanging_the_two_reflects_the_correlation(ndim):
    (stated,) = claims("correlation.commutes", ndim)
    for_all(plain(ndim), lambda case: reflection_differences(stated, case), share=SHARE[ndim])


@refutes("correlation.commutes")
def test_a_correlation_that_lacks_its_last_element_is_caught(ndim):
    (stated,) = claims("correlation.commutes", ndim)
    wrong = stated.wrong({size: ("+", size, -1) for size in names(ndim, "I")})
    caught(plain(ndim), lambda case: reflection_differences(wrong, case))


@refutes("correlation.commutes")
def test_the_mistake_that_nothing_is_reflected_is_caught(ndim):
    caught(plain(ndim), lambda case: reflection_differences(mistaken("correlation.commutes", ndim), case))


def triple_differences(stated: Claim, case: LayerCase) -> list[str]:
    """The second kernel has as many taps as the case's dilation says."""
    (x, w), sizes = data(case), case.each("d")
    v = np.random.default_rng(case.seed + 1).integers(-4, 5, sizes)
    around = [(1, 1)] * case.ndim
    sources = {
        "(w by v) by x": padded(convolved(convolved(w, v), x), around),
        "w by (v by x)": padded(convolved(w, convolved(v, x)), around),
    }
    model = case.model(x=x, w=w, v=v)
    model.variables |= dict(zip(second_sizes(case.ndim), sizes, strict=True))
    reality = Grid(names(case.ndim, "k"), sources, start=(-1,) * case.ndim)
    return differences(stated, model, reality, limit=POINTS, seed=case.seed)


def second_sizes(ndim: int) -> tuple[str, ...]:
    """The names of the second kernel's sizes."""
    return ("E",) if ndim == 1 else tuple(f"E{axis + 1}" for axis in range(ndim))


@covers("convolution.associates")
def test_convolution_is_associative(ndim):
    (stated,) = claims("convolution.associates", ndim)
    for_all(plain(ndim), lambda case: triple_differences(stated, case), share=SHARE[ndim])


@refutes("convolution.associates")
@pytest.mark.parametrize("side", [0, 1])
def test_an_intermediate_result_that_is_one_too_short_is_caught(ndim, side):
    (stated,) = claims("convolution.associates", ndim)
    others = names(ndim, "M" if side == 0 else "I")
    lengths = [("+", -1, *sorted(pair)) for pair in zip(second_sizes(ndim), others, strict=True)]
    wrong = stated.wrong({length: (length[0], -2, *length[2:]) for length in lengths}, side=side)
    caught(plain(ndim), lambda case: triple_differences(wrong, case))


@refutes("convolution.associates")
def test_the_mistake_that_correlation_is_associative_is_caught(ndim):
    caught(plain(ndim), lambda case: triple_differences(mistaken("convolution.associates", ndim), case))
