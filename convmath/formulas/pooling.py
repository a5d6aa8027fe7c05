"""Output sizes of pooling, and the windows of adaptive pooling."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..assumptions import Integer, require
from ..division import ceil_div, floor_div, minimum
from ..errors import DomainError
from ..geometry import SIZED_FORMS, Padding, PerAxis, axes_of, each_axis
from .padding import FITTING_FORMS, axis_padding, reach
from .size import SizeT, require_window_fits, window_count


def pool_output_size(
    input_size: SizeT,
    kernel_size: PerAxis,
    *,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
) -> SizeT:
    """Output positions of a pooling layer along each axis.

    With ``ceil_mode`` a last window that goes beyond the padded input counts too, as long as it begins before the
    padding that follows the input.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: elements of a window per axis, >= 1.
        stride: elements between neighbouring windows, >= 1; None means ``kernel_size``.
        padding: elements added before and after each axis, in any form of :func:`resolve_padding`; on each side at
            most half of ``kernel_size``, except for the same forms, which never add a window without input.
        dilation: elements between neighbouring taps, >= 1.
        ceil_mode: round the number of windows up.

    Returns:
        positions per axis, >= 1, in the shape of ``input_size``.

    Raises:
        DomainError: no window fits, the padding is more than half of the kernel, a value lies outside its domain, or
            the numbers of axes differ.

    Entry: size.pool_ceil. Source: [torch.nn.MaxPool2d, shape], [onnx.MaxPool-22].

    >>> pool_output_size(112, 3, stride=2, padding=1)
    56
    >>> pool_output_size((6, 7), 3, stride=2, ceil_mode=True)
    (3, 3)
    """
    if not isinstance(ceil_mode, bool):
        raise DomainError("ceil_mode", ceil_mode, "needs True or False")
    sizes: SizeT = each_axis(
        partial(_pool_axis, ceil_mode),
        axes_of(input_size),
        {
            "input_size": input_size,
            "kernel_size": kernel_size,
            "stride": kernel_size if stride is None else stride,
            "dilation": dilation,
        },
        padding,
    )
    return sizes


def adaptive_pool_windows(input_size: PerAxis, output_size: PerAxis) -> tuple[Any, ...]:
    """The window of every output position of adaptive pooling.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        output_size: positions per axis, ints >= 1; it may exceed the input size, and then windows repeat.

    Returns:
        ``(start, stop)`` per position, covering the elements start to stop - 1; for per-axis sizes one such tuple per
        axis.

    Raises:
        DomainError: a value lies outside its domain, the numbers of axes differ, or an output size is no int.

    Source: [torch.nn.AdaptiveAvgPool2d].

    >>> adaptive_pool_windows(10, 4)
    ((0, 3), (2, 5), (5, 8), (7, 10))
    >>> adaptive_pool_windows((4, 3), (2, 1))
    (((0, 2), (2, 4)), ((0, 3),))
    """
    windows: tuple[Any, ...] = each_axis(
        _adaptive_axis,
        axes_of(input_size),
        {"input_size": input_size, "output_size": output_size},
    )
    return windows


def adaptive_pool_window(index: PerAxis, input_size: PerAxis, output_size: PerAxis) -> Any:
    """The window of one output position of adaptive pooling, also for symbolic sizes.

    Args:
        index: the position per axis, from 0 to output_size - 1.
        input_size: elements per axis, an integer or one per axis, each >= 1.
        output_size: positions per axis, each >= 1.

    Returns:
        ``(start, stop)``, for per-axis sizes one pair per axis.

    Raises:
        DomainError: a value lies outside its domain, or the numbers of axes differ.

    >>> adaptive_pool_window(1, 10, 4)
    (2, 5)
    """
    return each_axis(
        _adaptive_position,
        axes_of(input_size),
        {"input_size": input_size, "output_size": output_size, "index": index},
    )


def ceil_window_count(
    input_size: Integer, kernel_size: Integer, stride: Integer, lo: Integer, hi: Integer, dilation: Integer
) -> Integer:
    """Windows on one axis that begin before the padding after the input, the last one perhaps not full.

    >>> ceil_window_count(5, 2, 3, 0, 0, 1), ceil_window_count(6, 2, 3, 0, 1, 1)
    (2, 2)
    """
    rounded_up = ceil_div(input_size + lo + hi - reach(kernel_size, dilation) - 1, stride) + 1
    return minimum(rounded_up, ceil_div(input_size + lo, stride))


def adaptive_bounds(index: Integer, input_size: Integer, output_size: Integer) -> tuple[Integer, Integer]:
    """``(start, stop)`` of one window of adaptive pooling on one axis.

    >>> adaptive_bounds(0, 5, 3)
    (0, 2)
    """
    return floor_div(index * input_size, output_size), ceil_div((index + 1) * input_size, output_size)


def _pool_axis(
    ceil_mode: bool,
    axis: int | None,
    input_size: Integer,
    kernel_size: Integer,
    stride: Integer,
    dilation: Integer,
    padding: Any,
) -> Integer:
    lo, hi = axis_padding(padding, input_size, kernel_size, stride, dilation)
    if padding not in ("valid", "same", *SIZED_FORMS):
        _require_half(axis, kernel_size, lo)
        _require_half(axis, kernel_size, hi)
    if padding not in FITTING_FORMS:
        if ceil_mode:
            _require_window_begins(axis, input_size, kernel_size, stride, lo, hi, dilation)
        else:
            require_window_fits(axis, input_size, kernel_size, lo, hi, dilation)
    count = ceil_window_count if ceil_mode else window_count
    return count(input_size, kernel_size, stride, lo, hi, dilation)


def _require_half(axis: int | None, kernel_size: Integer, side: Integer) -> None:
    require(
        "<=",
        2 * side,
        kernel_size,
        "padding",
        "pooling needs 2*padding <= kernel_size",
        "with kernel_size={kernel_size}",
        axis=axis,
        padding=side,
        kernel_size=kernel_size,
    )


def _require_window_begins(
    axis: int | None,
    input_size: Integer,
    kernel_size: Integer,
    stride: Integer,
    lo: Integer,
    hi: Integer,
    dilation: Integer,
) -> None:
    """In ceil mode a window may go beyond the padded input by at most ``stride - 1`` elements."""
    span = reach(kernel_size, dilation) + 1
    require(
        "<=",
        span,
        input_size + lo + hi + stride - 1,
        "kernel_size",
        "ceil_mode needs input + padding + stride - 1 >= dilation*(kernel_size-1) + 1",
        "with dilation={dilation} spans {span} elements, but {where} has {input_size} + {lo} + {hi} after padding, "
        "with stride={stride}",
        axis=axis,
        kernel_size=kernel_size,
        dilation=dilation,
        span=span,
        input_size=input_size,
        lo=lo,
        hi=hi,
        stride=stride,
    )


def _adaptive_axis(axis: int | None, input_size: Integer, output_size: Integer) -> tuple[tuple[Integer, Integer], ...]:
    if type(output_size) is not int:
        needs = "needs an int, one window for each position; adaptive_pool_window gives the window of one position"
        raise DomainError("output_size", output_size, needs, "" if axis is None else f"on axis {axis}", axis)
    return tuple(adaptive_bounds(index, input_size, output_size) for index in range(output_size))


def _adaptive_position(
    axis: int | None, input_size: Integer, output_size: Integer, index: Integer
) -> tuple[Integer, Integer]:
    require(
        "<",
        index,
        output_size,
        "index",
        "needs index < output_size",
        "with output_size={output_size}",
        axis=axis,
        index=index,
        output_size=output_size,
    )
    return adaptive_bounds(index, input_size, output_size)
