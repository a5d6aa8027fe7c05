"""What the comparison rests on: exact integers out of torch, and the two ways to a transposed convolution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from .cases import LayerCase, layers
from .claims import caught, for_all
from .reality import conv_transpose, exact, full_correlation, gradient, tensor


def test_integers_come_back_exactly():
    assert exact(tensor([[1, -3]])).tolist() == [[1, -3]]


@pytest.mark.parametrize("number", [0.5, 2.0**53])
def test_what_need_not_be_exact_is_refused(number):
    with pytest.raises(AssertionError, match=r"exact|integers"):
        exact(torch.tensor([number], dtype=torch.float64))


def test_a_gradient_is_that_of_the_inner_product_with_the_cotangent():
    assert gradient(lambda x: x**3, [2, 1], [1, 10]).tolist() == [12, 30]


def cut(case: LayerCase) -> LayerCase:
    """Padding of equal sides moved by one to the left, so that torch's option cannot say it."""
    return replace(case, axes=tuple(replace(a, lo=a.lo + 1, n=a.n - 1) for a in case.axes))


def cut_differences(case: LayerCase, shift: int) -> list[str]:
    if case.each("lo") != case.each("hi") or min(case.each("n")) < 2:
        return []
    y, w = tensor(case.arrays["y"]), tensor(case.arrays["w"])
    whole = exact(conv_transpose(case, y, w))[(..., *(slice(shift, size - 1 + shift) for size in case.each("n")))]
    return [] if np.array_equal(whole, exact(conv_transpose(cut(case), y, w))) else [f"{case}"]


def test_unequal_padding_cuts_the_transposed_convolution():
    for_all(layers(1, transposed=True), lambda case: cut_differences(case, 1))


def test_a_cut_on_the_wrong_side_is_caught():
    caught(layers(1, transposed=True), lambda case: cut_differences(case, 0))


def test_the_full_correlation_uses_the_flipped_kernel():
    def unflipped(case: LayerCase) -> list[str]:
        arrays = {**case.arrays, "w": np.flip(case.arrays["w"], -1)}
        other = replace(case)
        other.__dict__["arrays"] = arrays
        same = np.array_equal(full_correlation(case, case.arrays["y"]), full_correlation(other, case.arrays["y"]))
        return [] if same else [f"{case}"]

    caught(layers(1, transposed=True), unflipped)
