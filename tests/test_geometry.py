"""How parameters are read: scalars, per-axis values, padding forms; and every refusal with its message."""

from __future__ import annotations

import numpy as np
import pytest

from convmath import (
    DomainError,
    Window,
    adaptive_pool_windows,
    conv_input_sizes,
    conv_output_size,
    conv_transpose_output_padding,
    conv_transpose_output_size,
    pool_output_size,
    resolve_padding,
)
from convmath.formulas.pooling import adaptive_pool_window
from convmath.formulas.receptive import ReceptiveField, receptive_field

REFUSED = {
    "window larger than the padded input": (
        lambda: conv_output_size((8, 6), 5, padding=1, dilation=2),
        "kernel_size=5 with dilation=2 spans 9 elements, but axis 1 has 6 + 1 + 1 after padding "
        "(needs input + padding >= dilation*(kernel_size-1) + 1)",
    ),
    "window larger than the input": (
        lambda: conv_output_size(2, 3),
        "kernel_size=3 with dilation=1 spans 3 elements, but the input has 2 + 0 + 0 after padding "
        "(needs input + padding >= dilation*(kernel_size-1) + 1)",
    ),
    "window larger than the input, valid": (
        lambda: conv_output_size(2, 3, padding="valid"),
        "kernel_size=3 with dilation=1 spans 3 elements, but the input has 2 + 0 + 0 after padding "
        "(needs input + padding >= dilation*(kernel_size-1) + 1)",
    ),
    "window larger than an element of an array": (
        lambda: conv_output_size(np.array([7, 4, 3]), 5, padding=(1, 0)),
        "kernel_size=5 with dilation=1 spans 5 elements, but the input has 3 + 1 + 0 after padding at element 2 "
        "(needs input + padding >= dilation*(kernel_size-1) + 1)",
    ),
    "stride 0": (lambda: conv_output_size(5, 3, stride=0), "stride=0: needs stride >= 1"),
    "stride 0 on an axis": (
        lambda: conv_output_size((5, 5), 3, stride=(1, 0)),
        "stride=0 on axis 1 (needs stride >= 1)",
    ),
    "dilation 0": (lambda: conv_output_size(5, 3, dilation=0), "dilation=0: needs dilation >= 1"),
    "kernel 0": (lambda: conv_output_size(5, 0), "kernel_size=0: needs kernel_size >= 1"),
    "input 0": (lambda: conv_output_size(0, 1), "input_size=0: needs input_size >= 1"),
    "negative padding": (lambda: conv_output_size(5, 3, padding=-1), "padding=-1: needs padding >= 0"),
    "negative padding after": (lambda: conv_output_size(5, 3, padding=(1, -2)), "padding=-2: needs padding >= 0"),
    "bool size": (lambda: conv_output_size(True, 1), "input_size=True: needs an integer, not bool"),
    "float size": (lambda: conv_output_size(5.0, 3), "input_size=5.0: needs an integer, not float"),
    "float stride on an axis": (
        lambda: conv_output_size((5, 5), 3, stride=(1, 2.0)),
        "stride=2.0 on axis 1 (needs an integer, not float)",
    ),
    "bool padding": (lambda: conv_output_size(5, 3, padding=True), "padding=True: needs an integer, not bool"),
    "same with stride": (
        lambda: conv_output_size(5, 3, stride=2, padding="same"),
        "padding='same' with stride=2 ('same' needs stride 1; 'same_upper' and 'same_lower' take any stride)",
    ),
    "unknown form": (
        lambda: conv_output_size(5, 3, padding="SAME"),
        "padding='SAME': needs one of valid, same, same_upper, same_lower, full, causal, or integers",
    ),
    "axes of the kernel": (
        lambda: conv_output_size((5, 5, 5), (3, 3)),
        "kernel_size=(3, 3): needs one value or 3 of them, because there are 3 axes",
    ),
    "axes of the padding": (
        lambda: conv_output_size((5, 5, 5), 3, padding=(1, 1)),
        "padding=(1, 1): needs one value or 3 of them, because there are 3 axes",
    ),
    "kernel per axis, one size": (
        lambda: conv_output_size(5, (3, 3)),
        "kernel_size=(3, 3): needs one value, because there is one axis",
    ),
    "three paddings on one axis": (
        lambda: conv_output_size(5, 3, padding=(1, 2, 3)),
        "padding=(1, 2, 3): needs an integer or a pair (lo, hi) for an axis",
    ),
    "a pair of pairs on one axis": (
        lambda: conv_output_size(5, 3, padding=((1, 2), (1, 2))),
        "padding=(1, 2): needs an integer, not tuple",
    ),
    "no axes": (lambda: conv_output_size((), 3), "input_size=(): needs at least one axis"),
    "output_padding too large": (
        lambda: conv_transpose_output_size((5, 5), 3, stride=2, output_padding=(1, 2)),
        "output_padding=2 with stride=2 and dilation=1 on axis 1 (needs output_padding < max(stride, dilation))",
    ),
    "negative output_padding": (
        lambda: conv_transpose_output_size(5, 3, output_padding=-1),
        "output_padding=-1: needs output_padding >= 0",
    ),
    "padding leaves nothing": (
        lambda: conv_transpose_output_size(2, 3, padding=2),
        "padding=(2, 2) takes away 2 + 2 elements and leaves 0 (needs an output size >= 1)",
    ),
    "kernel too small for a transposed same": (
        lambda: conv_transpose_output_size(5, 2, stride=3, padding="same_upper"),
        "kernel_size=2 with dilation=1 spans 2 elements, too few for stride=3 "
        "('same_upper' needs dilation*(kernel_size-1) + 1 + output_padding >= stride)",
    ),
    "unreachable output size": (
        lambda: conv_transpose_output_padding(5, 12, 3, stride=2, padding=1),
        "output_size=12 would need output_padding=3, but 0 to 1 are allowed and give sizes 9 to 10 "
        "(needs 0 <= output_padding < max(stride, dilation))",
    ),
    "unreachable smaller output size": (
        lambda: conv_transpose_output_padding((5, 5), (9, 8), 3, stride=2, padding=1),
        "output_size=8 would need output_padding=-1, but 0 to 1 are allowed and give sizes 9 to 10 on axis 1 "
        "(needs 0 <= output_padding < max(stride, dilation))",
    ),
    "unreachable output size of same": (
        lambda: conv_transpose_output_padding(5, 11, 3, stride=2, padding="same_upper"),
        "output_size=11 cannot be reached: 'same_upper' gives 10 with every output_padding "
        "('same_upper' needs output_size == input_size*stride)",
    ),
    "pool padding beyond half": (
        lambda: pool_output_size(5, 3, padding=2, dilation=2),
        "padding=2 with kernel_size=3 (pooling needs 2*padding <= kernel_size)",
    ),
    "pool window does not fit": (
        lambda: pool_output_size(2, 3),
        "kernel_size=3 with dilation=1 spans 3 elements, but the input has 2 + 0 + 0 after padding "
        "(needs input + padding >= dilation*(kernel_size-1) + 1)",
    ),
    "pool window goes too far beyond": (
        lambda: pool_output_size(2, 4, stride=2, ceil_mode=True),
        "kernel_size=4 with dilation=1 spans 4 elements, but the input has 2 + 0 + 0 after padding, with stride=2 "
        "(ceil_mode needs input + padding + stride - 1 >= dilation*(kernel_size-1) + 1)",
    ),
    "ceil_mode 1": (lambda: pool_output_size(5, 3, ceil_mode=1), "ceil_mode=1: needs True or False"),
    "adaptive output of an array": (
        lambda: adaptive_pool_windows(5, np.array([2, 3])),
        "output_size=array([2, 3]): needs an int, one window for each position; "
        "adaptive_pool_window gives the window of one position",
    ),
    "adaptive index": (
        lambda: adaptive_pool_window(3, 10, 3),
        "index=3 with output_size=3 (needs index < output_size)",
    ),
    "window that needs the input size": (
        lambda: Window(3, stride=2, padding="same_upper"),
        "padding='same_upper': depends on the input size: pass what resolve_padding returns",
    ),
    "window with same and stride": (
        lambda: Window(3, stride=2, padding="same"),
        "padding='same' with stride=2 ('same' needs stride 1; 'same_upper' and 'same_lower' take any stride)",
    ),
    "window of unequal axes": (
        lambda: Window((3, 3), stride=(1, 1, 1)),
        "stride=(1, 1, 1): needs one value or 2 of them, because there are 2 axes",
    ),
    "window with kernel 0": (lambda: Window(0), "kernel_size=0: needs kernel_size >= 1"),
    "field of size 0": (lambda: ReceptiveField(size=0), "size=0: needs size >= 1"),
    "field padding of pairs": (
        lambda: ReceptiveField(padding=((1, 2), (3, 4))),
        "padding=(1, 2) on axis 0 (needs an integer, not tuple)",
    ),
    "stack of unequal axes": (
        lambda: receptive_field([Window((3, 3)), Window((3, 3, 3))]),
        "window=Window(kernel_size=(3, 3, 3), stride=1, padding=0, dilation=1): "
        "needs 2 axes, as the field has, or parameters for every axis",
    ),
    "stack of something else": (lambda: receptive_field([3]), "window=3: needs a Window"),
    "float position": (lambda: ReceptiveField().interval(0.5), "i=0.5: needs an integer, not float"),
    "positions on one axis": (
        lambda: ReceptiveField(size=(3, 3)).interval((1, 2, 3)),
        "i=(1, 2, 3): needs one value or 2 of them, because there are 2 axes",
    ),
    "unknown convention": (
        lambda: ReceptiveField().center(0, "pixel"),
        "convention='pixel': needs 'half_pixel' or 'index'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_values_are_refused_with_parameter_value_and_condition(name):
    call, message = REFUSED[name]
    with pytest.raises(DomainError) as caught:
        call()
    assert str(caught.value) == message
    assert str(caught.value).startswith(f"{caught.value.parameter}={caught.value.value!r}")
    assert caught.value.condition in message


ACCEPTED = {
    "the window that just fits": lambda: conv_output_size((8, 7), 5, padding=1, dilation=2),
    "the stride that is least": lambda: conv_output_size(5, 3, stride=1),
    "same without stride": lambda: conv_output_size(5, 3, padding="same"),
    "output_padding that is most": lambda: conv_transpose_output_size(5, 3, stride=2, output_padding=1),
    "padding that leaves one": lambda: conv_transpose_output_size(3, 3, padding=2),
    "kernel as wide as the stride": lambda: conv_transpose_output_size(5, 3, stride=3, padding="same_upper"),
    "pool padding of a half": lambda: pool_output_size(5, 4, padding=2),
    "pool window that goes as far as it may": lambda: pool_output_size(2, 3, stride=2, ceil_mode=True),
    "last adaptive index": lambda: adaptive_pool_window(2, 10, 3),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_the_neighbour_inside_the_domain_is_accepted(name):
    ACCEPTED[name]()


def test_a_pair_of_integers_is_one_axis_or_two():
    assert resolve_padding((1, 2), 9, 3) == (1, 2)
    assert resolve_padding((1, 2), (9, 9), 3) == ((1, 1), (2, 2))
    assert resolve_padding(((1, 2), 3), (9, 9), 3) == ((1, 2), (3, 3))
    assert resolve_padding(((1, 2),), (9,), 3) == ((1, 2),)
    assert resolve_padding(4, (9, 9), 3) == ((4, 4), (4, 4))


def test_the_axes_of_a_window_come_from_its_other_parameters():
    assert Window(3, padding=(1, 2)).axes is None
    assert Window((3, 3), padding=(1, 2)).axes == 2
    assert Window(3, dilation=(1, 2), padding=(1, 2)).axes == 2
    fields = [
        receptive_field([window]).padding for window in (Window(3, padding=(1, 2)), Window((3, 3), padding=(1, 2)))
    ]
    assert fields == [1, (1, 2)]


def test_a_window_is_a_value():
    assert Window([3, 5], padding=[1, (2, 0)]) == Window((3, 5), padding=(1, (2, 0)))
    assert len({Window([3, 5]), Window((3, 5))}) == 1
    with pytest.raises(AttributeError):
        Window(3).stride = 2  # type: ignore[misc]


@pytest.mark.parametrize("sizes", [(9, 11), [9, 11]])
def test_per_axis_sizes_give_a_tuple_and_one_size_gives_an_int(sizes):
    results = [
        conv_output_size(sizes, 3),
        conv_transpose_output_size(sizes, 3),
        conv_transpose_output_padding(sizes, (11, 13), 3),
        pool_output_size(sizes, 3),
        conv_input_sizes(sizes, 3),
        resolve_padding(0, sizes, 3),
        adaptive_pool_windows(sizes, 3),
    ]
    assert [(type(result), len(result)) for result in results] == [(tuple, 2)] * len(results)
    singles = [
        conv_output_size(9, 3),
        conv_transpose_output_size(9, 3),
        conv_transpose_output_padding(9, 11, 3),
        pool_output_size(9, 3),
    ]
    assert [type(result) for result in singles] == [int] * len(singles)


def test_axes_do_not_influence_each_other():
    sizes, kernels, strides, pads, dilations = (9, 12, 15), (3, 2, 5), (1, 3, 2), ((0, 1), 2, (3, 0)), (2, 1, 3)
    together = conv_output_size(sizes, kernels, stride=strides, padding=pads, dilation=dilations)
    apart = tuple(
        conv_output_size(n, k, stride=s, padding=p, dilation=d)
        for n, k, s, p, d in zip(sizes, kernels, strides, pads, dilations, strict=True)
    )
    assert together == apart
    assert conv_output_size(sizes, kernels, stride=strides, padding=pads[::-1], dilation=dilations) != apart
