"""Counting on one axis: the pairs of a window and a tap, dense or inside the input only, and the sums that they make.

Tap m of window k lies at element ``stride*k + dilation*m - lo``. For a transposed convolution the windows are the input
positions and the elements the output positions. A dense count has every pair; a valid count leaves out those whose tap
lies in the padding, for a transposed convolution those whose output position is taken away. The number of pairs is
proved; the number of sums that they make, which the exact operations without a bias need, is checked by counting loops.
"""

from __future__ import annotations

import math
import sys
from typing import Any, Literal, TypeAlias

from ..assumptions import Integer
from ..division import ceil_div, floor_div, is_array, maximum, minimum
from ..errors import DomainError

Taps: TypeAlias = Literal["dense", "valid"]

TAPS = ("dense", "valid")


def windows_of_tap(
    tap: Integer, elements: Integer, windows: Integer, stride: Integer, lo: Integer, dilation: Integer
) -> tuple[Integer, Integer]:
    """``(start, stop)`` of the windows whose tap number ``tap`` lies at one of the elements; stop <= start for none.

    >>> windows_of_tap(0, 5, 5, 1, 1, 1)  # the first tap of the first window lies in the padding
    (1, 5)
    """
    first = lo - dilation * tap
    return maximum(0, ceil_div(first, stride)), minimum(windows, ceil_div(first + elements, stride))


def valid_windows(
    tap: Integer, elements: Integer, windows: Integer, stride: Integer, lo: Integer, dilation: Integer
) -> Integer:
    """How many windows have their tap number ``tap`` at one of the elements.

    Entry: cost.valid_taps.

    >>> [valid_windows(tap, 5, 5, 1, 1, 1) for tap in range(3)]
    [4, 5, 4]
    """
    start, stop = windows_of_tap(tap, elements, windows, stride, lo, dilation)
    return maximum(0, stop - start)


def valid_pairs(
    kernel_size: int, elements: Integer, windows: Integer, stride: Integer, lo: Integer, dilation: Integer
) -> Integer:
    """Pairs of a window and a tap of it that lies at one of the elements, in one step for each tap.

    Entry: cost.valid_taps.

    >>> valid_pairs(3, 5, 5, 1, 1, 1)
    13
    """
    return sum(valid_windows(tap, elements, windows, stride, lo, dilation) for tap in range(kernel_size))


def windows_with_input(
    kernel_size: int, elements: Integer, windows: Integer, stride: Integer, lo: Integer, dilation: Integer
) -> Integer:
    """Windows with a tap at one of the elements, in one step for each tap.

    The windows of a tap form an interval, whose ends do not grow from tap to tap: a tap adds those that begin before
    the interval of the tap before it.

    >>> windows_with_input(1, 3, 7, 1, 2, 1)  # two windows on either side lie in the padding
    3
    """
    total, before = 0, windows
    for tap in range(kernel_size):
        start, stop = windows_of_tap(tap, elements, windows, stride, lo, dilation)
        total, before = total + maximum(0, minimum(stop, before) - start), start
    return total


def written_elements(kernel_size: Integer, windows: Integer, stride: Integer, dilation: Integer) -> Integer:
    """Output positions to which a transposed convolution adds a product, before any is taken away.

    Taps m and m + stride/g write to the same positions, dilation/g windows apart, where g is the greatest common
    divisor of stride and dilation: the first stride/g taps write each to positions of their own, a later one to
    dilation/g further ones.

    >>> written_elements(3, 4, 2, 1), written_elements(2, 4, 3, 1)  # 9 positions; 11 with gaps
    (9, 8)
    """
    step, apart = _reduced(stride, dilation)
    alone = minimum(kernel_size, step)
    return windows * alone + (kernel_size - alone) * minimum(windows, apart)


def valid_written_elements(
    kernel_size: int, elements: Integer, windows: Integer, stride: int, lo: Integer, dilation: int
) -> Integer:
    """Output positions that remain and to which a transposed convolution adds a product, in one step for each tap.

    >>> valid_written_elements(3, 7, 4, 2, 1, 1)
    7
    """
    step, apart = _reduced(stride, dilation)
    total = 0
    for tap in range(kernel_size):
        start, stop = windows_of_tap(tap, elements, windows, stride, lo, dilation)
        total += maximum(0, stop - (start if tap < step else maximum(start, windows - apart)))
    return total


def require_taps(taps: Any) -> None:
    """Require the name of a way to count taps.

    >>> require_taps("dense")
    """
    if taps not in TAPS:
        raise DomainError("taps", taps, "needs 'dense' or 'valid'")


def require_int(axis: int | None, name: str, value: Any) -> None:
    """Require an int where a count takes one step for each tap.

    >>> require_int(None, "kernel_size", 3)
    """
    if type(value) is not int:
        place = "" if axis is None else f"on axis {axis}"
        raise DomainError(name, value, "taps='valid' counts tap by tap and needs an int", place, axis)


def _reduced(stride: Integer, dilation: Integer) -> tuple[Integer, Integer]:
    """Stride and dilation without their common divisor."""
    if (type(stride) is int and stride == 1) or (type(dilation) is int and dilation == 1):
        return stride, dilation
    divisor = _gcd(stride, dilation)
    return floor_div(stride, divisor), floor_div(dilation, divisor)


def _gcd(a: Integer, b: Integer) -> Integer:
    if type(a) is int is type(b):
        return math.gcd(a, b)
    if is_array(a) or is_array(b):
        return sys.modules["numpy"].gcd(a, b)
    why = "counting the outputs that receive a product needs its greatest common divisor with the stride"
    raise DomainError("dilation", b, f"needs an int, or stride 1 or dilation 1: {why}")
