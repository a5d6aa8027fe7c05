"""Usual mistakes in convolutions and pooling: each is caught by the comparison that the right answer passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import find, settings

from convmath.errors import DomainError
from convmath.oracle import conv_cases, pool_cases, reference

FORWARD = {
    "conv": reference.conv_forward,
    "conv_transpose": reference.conv_transpose_forward,
    "grad_input": reference.conv_grad_input,
    "grad_weight": reference.conv_grad_weight,
    "max_pool": reference.max_pool,
    "avg_pool": reference.avg_pool,
    "max_pool_grad_input": reference.max_pool_grad_input,
    "avg_pool_grad_input": reference.avg_pool_grad_input,
}


def right(case):
    return FORWARD[case.kind](*case.arguments, **case.options)


def flip(array):
    return np.flip(array, axis=tuple(range(2, array.ndim)))


def with_options(**change):
    """The right function, called with other options than it was given."""

    def wrong(case):
        options = case.options
        return FORWARD[case.kind](*case.arguments, **(options | {k: f(options) for k, f in change.items()}))

    return wrong


def kernel_flipped(case):
    arguments = [flip(a) if a is case.w else a for a in case.arguments]
    return FORWARD[case.kind](*arguments, **case.options)


def channels_interleaved(case):
    """Group j gets the channels j, j + groups, j + 2*groups, ... for the j-th slice."""
    x, w, b = case.arguments
    order = np.arange(case.in_channels).reshape(-1, case.groups).T.ravel()
    return reference.conv_forward(x[:, order], w, b, **case.options)


def output_padding_at_the_start(case):
    x, w, b = case.arguments
    y = reference.conv_transpose_forward(x, w, b, **(case.options | {"output_padding": 0}))
    y = np.pad(y, [(0, 0), (0, 0), *((extra, 0) for extra in case.output_padding)])
    for channel, value in enumerate(() if b is None else b):
        y[:, channel][y[:, channel] == 0] = value
    return y


def output_padding_as_plain_zeros(case):
    """The added elements are left 0, although windows reach them, or the bias does."""
    x, w, b = case.arguments
    y = reference.conv_transpose_forward(x, w, b, **(case.options | {"output_padding": 0}))
    return np.pad(y, [(0, 0), (0, 0), *((0, extra) for extra in case.output_padding)])


def one_window_more(case):
    """The output size is rounded up: x is padded until another window fits where a tail is left."""
    pads = []
    for axis in case.axes:
        reach = axis.stride * (axis.output_size - 1) + axis.dilation * (axis.kernel_size - 1) + 1
        tail = axis.lo + axis.input_size + axis.hi - reach
        pads.append((axis.lo, axis.hi + (axis.stride - tail) % axis.stride))
    return reference.conv_forward(*case.arguments, **(case.options | {"padding": tuple(pads)}))


def windows_counted_from_the_end(case):
    """In the weight's gradient, the tail that no window covers is cut off at the start instead of the end."""
    x, dy = case.arguments
    padded = np.pad(x, [(0, 0), (0, 0), *case.padding])
    starts = []
    for axis in case.axes:
        reach = axis.stride * (axis.output_size - 1) + axis.dilation * (axis.kernel_size - 1) + 1
        starts.append(slice(axis.lo + axis.input_size + axis.hi - reach, None))
    return reference.conv_grad_weight(padded[(..., *starts)], dy, **(case.options | {"padding": 0}))


def tail_not_cut(case):
    """The weight's gradient as a convolution with stride and dilation exchanged: a tail adds taps to the kernel."""
    x, dy = (np.swapaxes(a, 0, 1) for a in case.arguments)
    options = {"stride": case.dilation, "dilation": case.stride, "padding": case.padding}
    return np.swapaxes(reference.conv_forward(x, dy, **options), 0, 1)


def last_of_equals(case):
    order = np.arange(case.x[0, 0].size).reshape(case.input_size)
    return reference.max_pool_grad_input(case.grad_output, case.x * order.size + order, **case.options)


def always_the_whole_kernel(case):
    return reference.avg_pool(*case.arguments, **(case.options | {"divisor_override": int(np.prod(case.kernel_size))}))


def zeros_in_the_padding(case):
    padded = np.pad(case.x, [(0, 0), (0, 0), *case.padding])
    return reference.max_pool(padded, **(case.options | {"padding": 0}))


def swapped_sides(options):
    return tuple((hi, lo) for lo, hi in options["padding"])


ALL = {"batch", "bias", "dilation", "groups", "output_padding", "padding", "asymmetric_padding", "stride"}
CONV_MISTAKES = [
    ("conv", ALL, kernel_flipped),
    ("conv_transpose", ALL, kernel_flipped),
    ("grad_input", ALL, kernel_flipped),
    ("conv", ALL, with_options(dilation=lambda o: 1)),
    ("grad_input", ALL, with_options(dilation=lambda o: 1)),
    ("grad_weight", ALL, with_options(dilation=lambda o: 1)),
    ("conv", ALL, with_options(stride=lambda o: o["dilation"], dilation=lambda o: o["stride"])),
    ("grad_weight", ALL, with_options(stride=lambda o: o["dilation"], dilation=lambda o: o["stride"])),
    ("conv", ALL, with_options(padding=swapped_sides)),
    ("conv_transpose", ALL, with_options(padding=swapped_sides)),
    ("grad_input", ALL, with_options(padding=swapped_sides)),
    ("grad_weight", ALL, with_options(padding=swapped_sides)),
    ("conv", ALL, with_options(padding=lambda o: o["padding"][::-1])),
    ("conv", ALL, with_options(stride=lambda o: o["stride"][::-1])),
    ("conv", ALL, channels_interleaved),
    ("conv", ALL, one_window_more),
    ("conv_transpose", ALL, output_padding_at_the_start),
    ("conv_transpose", ALL, output_padding_as_plain_zeros),
    ("grad_weight", ALL, windows_counted_from_the_end),
    ("grad_weight", ALL - {"groups"}, tail_not_cut),
]
POOL_MISTAKES = [
    ("max_pool", with_options(ceil_mode=lambda o: not o["ceil_mode"])),
    ("max_pool", with_options(dilation=lambda o: 1)),
    ("max_pool", zeros_in_the_padding),
    ("max_pool_grad_input", last_of_equals),
    ("avg_pool", with_options(count_include_pad=lambda o: not o["count_include_pad"])),
    ("avg_pool", always_the_whole_kernel),
    ("avg_pool_grad_input", with_options(divisor_override=lambda o: 1)),
]


def name(value):
    return getattr(value, "__name__", None)


def caught(case, wrong):
    """Whether the comparison refuses the wrong answer; it accepts the right one."""
    case.assert_matches(right(case))
    try:
        case.assert_matches(wrong(case))
    except (AssertionError, DomainError):
        return True
    return False


@pytest.mark.parametrize(("kind", "features", "wrong"), CONV_MISTAKES, ids=name)
def test_a_mistake_in_convolution_is_caught_on_a_small_case(kind, features, wrong):
    cases = conv_cases(ndim=2, kind=kind, max_macs=1_000, features=features)
    case = find(cases, lambda case: caught(case, wrong), settings=settings(database=None, max_examples=2_000))
    assert case.x.size <= 12, str(case)
    assert case.macs <= 16, str(case)


@pytest.mark.parametrize(("kind", "wrong"), POOL_MISTAKES, ids=name)
def test_a_mistake_in_pooling_is_caught_on_a_small_case(kind, wrong):
    cases = pool_cases(ndim=2, kind=kind, max_macs=1_000)
    case = find(cases, lambda case: caught(case, wrong), settings=settings(database=None, max_examples=2_000))
    assert case.x.size <= 12, str(case)


def test_a_case_without_the_feature_does_not_show_the_mistake():
    case = find(conv_cases(ndim=2, features=()), lambda case: case.macs > 8)
    assert not caught(case, with_options(dilation=lambda o: 1))
    assert caught(replace(case, dilation=(2, 2), padding=((9, 9), (9, 9))), with_options(dilation=lambda o: 1))
