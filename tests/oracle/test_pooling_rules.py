"""The rules of pooling as torch's and ONNX's documents word them, on the numbers that those documents print.

ONNX (AveragePool and MaxPool, opset 22): with ceil_mode the output size is rounded up, and "sliding windows that would
start in the right padded region are ignored"; a mean divides "by the number of elements (exclude pad when attribute
count_include_pad is zero)"; a maximum is over the elements "exclude pad". torch says the same of its pooling layers.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from convmath.oracle import exact, reference

both = pytest.mark.parametrize("module", [reference, exact], ids=["reference", "exact"])

SQUARE = np.arange(1, 17).reshape(1, 1, 4, 4)


def rounded(values, digits=4):
    return [round(float(value), digits) for value in np.ravel(values)]


@both
def test_torch_s_example_of_average_pooling(module):
    """torch.nn.AvgPool1d(3, stride=2) on 1 to 7."""
    assert module.avg_pool([[[1, 2, 3, 4, 5, 6, 7]]], kernel_size=3, stride=2).tolist() == [[[2, 4, 6]]]


@both
def test_onnx_averagepool_2d_ceil(module):
    y = module.avg_pool(SQUARE, kernel_size=3, stride=2, ceil_mode=True, count_include_pad=False)
    assert y.tolist() == [[[[6, Fraction(15, 2)], [12, Fraction(27, 2)]]]]


@both
def test_onnx_maxpool_2d_ceil(module):
    assert module.max_pool(SQUARE, kernel_size=3, stride=2, ceil_mode=True).tolist() == [[[[11, 12], [15, 16]]]]


@both
def test_onnx_maxpool_2d_dilations(module):
    assert module.max_pool(SQUARE, kernel_size=2, stride=1, dilation=2).tolist() == [[[[11, 12], [15, 16]]]]


@both
def test_onnx_maxpool_2d_ceil_output_size_reduce_by_one(module):
    """The second window would start behind the input."""
    assert module.max_pool([[[[1, 2], [3, 4]]]], kernel_size=1, stride=2, ceil_mode=True).tolist() == [[[[1]]]]


@both
def test_onnx_maxpool_with_argmax_2d_precomputed_pads(module):
    """Padding takes no part; the indices are row-major positions in the plane."""
    x, options = np.arange(1, 26).reshape(1, 1, 5, 5), {"kernel_size": 5, "stride": 1, "padding": 2}
    assert module.max_pool(x, **options)[0, 0].tolist() == [
        [13, 14, 15, 15, 15],
        [18, 19, 20, 20, 20],
        *[[23, 24, 25, 25, 25]] * 3,
    ]
    assert module.max_pool_indices(x, **options)[0, 0].tolist() == [
        [12, 13, 14, 14, 14],
        [17, 18, 19, 19, 19],
        *[[22, 23, 24, 24, 24]] * 3,
    ]


@both
@pytest.mark.parametrize(("include", "divisor"), [(True, 9), (False, 4)])
def test_a_window_that_would_start_on_the_right_padding_is_ignored(module, include, divisor):
    """Kernel 3, stride 3, padding 1 on 2x2: rounding up alone would give 2x2 windows, three of them without input."""
    options = {"kernel_size": 3, "stride": 3, "padding": 1, "ceil_mode": True}
    y = module.avg_pool([[[[1, 2], [3, 5]]]], count_include_pad=include, **options)
    assert y.tolist() == [[[[Fraction(11, divisor)]]]]
    assert module.max_pool([[[[1, 2], [3, 5]]]], **options).tolist() == [[[[5]]]]


@both
def test_an_overhanging_window_divides_by_its_taps_in_the_padded_input(module):
    """Kernel 7, stride 3, padding 3 on 9 elements: the last window has 6 taps before the padded end, not 7."""
    x = [2.0903, 4.6493, 1.6320, -3.2051, 4.6975, 4.7296, 3.3653, -1.5815, -2.3832]
    x = [[[Fraction(round(value * 10_000), 10_000) for value in x]]]
    options = {"kernel_size": 7, "stride": 3, "padding": 3, "ceil_mode": True}
    y = module.avg_pool(x, **options)
    assert rounded(y) == [0.7381, 2.5656, 0.8032, -0.0999]
    divided_by_the_kernel = module.avg_pool(x, divisor_override=7, **options)
    assert rounded(divided_by_the_kernel) == [0.7381, 2.5656, 0.8032, -0.0856]


@both
def test_an_overhanging_window_without_padding_divides_by_what_it_covers(module):
    y = module.avg_pool([[[1, 2, 3, 4, 5]]], kernel_size=2, stride=2, ceil_mode=True)
    assert y.tolist() == [[[Fraction(3, 2), Fraction(7, 2), 5]]]


@both
def test_torch_s_average_with_ceil_mode_and_padding(module):
    y = module.avg_pool(SQUARE, kernel_size=3, stride=2, padding=1, ceil_mode=True)
    assert y.ravel().tolist() == [
        *(Fraction(14, 9), Fraction(10, 3), 2),
        *(Fraction(19, 3), 11, 6),
        *(Fraction(9, 2), Fraction(15, 2), 4),
    ]
    divided_by_the_kernel = module.avg_pool(
        SQUARE, kernel_size=3, stride=2, padding=1, ceil_mode=True, divisor_override=9
    )
    assert rounded(divided_by_the_kernel, 7)[2] == 1.3333333  # what runtimes before opset 19 give


@both
def test_ceil_mode_pools_an_input_that_is_smaller_than_the_window_by_less_than_a_stride(module):
    assert module.avg_pool([[[2, 4]]], kernel_size=3, stride=2, ceil_mode=True).tolist() == [[[3]]]


@both
def test_ties_go_to_the_first_in_row_major_order(module):
    x = [[[[1, 7], [7, 7]]]]
    assert module.max_pool_indices(x, kernel_size=2).tolist() == [[[[1]]]]
    assert module.max_pool_grad_input([[[[5]]]], x, kernel_size=2).tolist() == [[[[0, 5], [0, 0]]]]
