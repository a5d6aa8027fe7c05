"""Output sizes of convolutions and transposed convolutions."""

from __future__ import annotations

from typing import Any, TypeVar

from ..assumptions import Integer, require
from ..division import floor_div, maximum
from ..geometry import SIZED_FORMS, Padding, PerAxis, axes_of, each_axis
from .padding import FITTING_FORMS, axis_padding, halves, reach

SizeT = TypeVar("SizeT", bound=Any)
"""A size in, a size out: an int for an int, a tuple for a tuple."""


def conv_output_size(
    input_size: SizeT, kernel_size: PerAxis, *, stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1
) -> SizeT:
    """Output positions of a convolution along each axis: the windows that lie inside the padded input.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1.
        stride: elements between neighbouring windows, >= 1.
        padding: elements added before and after each axis, >= 0, in any form of :func:`resolve_padding`.
        dilation: elements between neighbouring taps, >= 1.

    Returns:
        positions per axis, >= 1, in the shape of ``input_size``.

    Raises:
        DomainError: the dilated kernel is larger than the padded input, a value lies outside its domain, or the
            numbers of axes differ.

    Entry: size.conv. Source: [DumoulinVisin2016, relationship 6], [torch.nn.Conv2d, shape].

    >>> conv_output_size(224, 7, stride=2, padding=3)
    112
    >>> conv_output_size((1080, 1920), (3, 5), stride=2, padding="same_upper")
    (540, 960)
    >>> conv_output_size((8, 6), 5, padding=1, dilation=2)
    Traceback (most recent call last):
    convmath.errors.DomainError: kernel_size=5 with dilation=2 spans 9 elements, but axis 1 has 6 + 1 + 1 after \
padding (needs input + padding >= dilation*(kernel_size-1) + 1)
    """
    # The short way for ints inside the domain, where a window fits exactly if the count is at least 1.
    # Everything else, and every error, takes the general way.
    ints = type(input_size) is type(kernel_size) is type(stride) is type(padding) is type(dilation) is int
    if ints and input_size >= 1 <= kernel_size and stride >= 1 <= dilation and padding >= 0:
        windows: SizeT = window_count(input_size, kernel_size, stride, padding, padding, dilation)
        if windows >= 1:
            return windows
    sizes: SizeT = each_axis(
        _conv_axis,
        axes_of(input_size),
        {"input_size": input_size, "kernel_size": kernel_size, "stride": stride, "dilation": dilation},
        padding,
    )
    return sizes


def conv_transpose_output_size(
    input_size: SizeT,
    kernel_size: PerAxis,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
) -> SizeT:
    """Output positions of a transposed convolution along each axis.

    The padding is that of the convolution whose transpose this is: it shortens the output. The forms ``"same_upper"``
    and ``"same_lower"`` give ``input_size * stride`` positions, as ONNX does: they take away what goes beyond that,
    the odd element after or before, and so need a kernel that reaches it.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1.
        stride: output elements between the windows of neighbouring inputs, >= 1.
        padding: elements taken away before and after each axis, >= 0, in any form of :func:`resolve_padding`.
        output_padding: elements added after each axis, from 0 to max(stride, dilation) - 1.
        dilation: elements between neighbouring taps, >= 1.

    Returns:
        positions per axis, >= 1, in the shape of ``input_size``.

    Raises:
        DomainError: the padding leaves nothing, output_padding is too large, the kernel is too small for a same form,
            a value lies outside its domain, or the numbers of axes differ.

    Entry: size.conv_transpose. Source: [DumoulinVisin2016, relationship 14], [torch.nn.ConvTranspose2d, shape],
    [onnx.ConvTranspose, auto_pad].

    >>> conv_transpose_output_size(112, 7, stride=2, padding=3, output_padding=1)
    224
    >>> conv_transpose_output_size((5, 7), 3, stride=2, padding="same_upper")
    (10, 14)
    """
    sizes: SizeT = each_axis(
        _conv_transpose_axis,
        axes_of(input_size),
        {
            "input_size": input_size,
            "kernel_size": kernel_size,
            "stride": stride,
            "output_padding": output_padding,
            "dilation": dilation,
        },
        padding,
    )
    return sizes


def window_count(
    input_size: Integer, kernel_size: Integer, stride: Integer, lo: Integer, hi: Integer, dilation: Integer
) -> Integer:
    """Windows inside one padded axis, >= 1 where one fits at all.

    >>> window_count(7, 3, 2, 1, 1, 1)
    4
    """
    return floor_div(input_size + lo + hi - reach(kernel_size, dilation) - 1, stride) + 1


def transposed_size(
    input_size: Integer,
    kernel_size: Integer,
    stride: Integer,
    lo: Integer,
    hi: Integer,
    output_padding: Integer,
    dilation: Integer,
) -> Integer:
    """Output size of a transposed convolution on one axis.

    >>> transposed_size(4, 3, 2, 1, 1, 0, 1)
    7
    """
    return (input_size - 1) * stride - lo - hi + reach(kernel_size, dilation) + 1 + output_padding


def require_window_fits(
    axis: int | None, input_size: Integer, kernel_size: Integer, lo: Integer, hi: Integer, dilation: Integer
) -> None:
    """Require that the dilated kernel is no larger than the padded input.

    >>> require_window_fits(None, 3, 4, 0, 1, 1)
    """
    span = reach(kernel_size, dilation) + 1
    require(
        "<=",
        span,
        input_size + lo + hi,
        "kernel_size",
        "needs input + padding >= dilation*(kernel_size-1) + 1",
        "with dilation={dilation} spans {span} elements, but {where} has {input_size} + {lo} + {hi} after padding",
        axis=axis,
        kernel_size=kernel_size,
        dilation=dilation,
        span=span,
        input_size=input_size,
        lo=lo,
        hi=hi,
    )


def transposed_padding(
    axis: int | None, padding: Any, kernel_size: Integer, stride: Integer, output_padding: Integer, dilation: Integer
) -> tuple[Integer, Integer]:
    """``(lo, hi)`` that a transposed convolution takes away on one axis, from checked values.

    >>> transposed_padding(None, "same_lower", 4, 1, 0, 1)
    (2, 1)
    """
    if padding not in SIZED_FORMS:
        return axis_padding(padding, None, kernel_size, stride, dilation)
    span = reach(kernel_size, dilation) + 1
    require(
        "<=",
        stride,
        span + output_padding,
        "kernel_size",
        f"{padding!r} needs dilation*(kernel_size-1) + 1 + output_padding >= stride",
        "with dilation={dilation} spans {span} elements, too few for stride={stride}",
        axis=axis,
        kernel_size=kernel_size,
        dilation=dilation,
        span=span,
        stride=stride,
    )
    return halves(span + output_padding - stride, padding)


def require_output_padding(axis: int | None, output_padding: Integer, stride: Integer, dilation: Integer) -> None:
    """Require that the output padding stays below the larger of stride and dilation.

    >>> require_output_padding(None, 1, 2, 1)
    """
    require(
        "<",
        output_padding,
        maximum(stride, dilation),
        "output_padding",
        "needs output_padding < max(stride, dilation)",
        "with stride={stride} and dilation={dilation}",
        axis=axis,
        output_padding=output_padding,
        stride=stride,
        dilation=dilation,
    )


def _conv_axis(
    axis: int | None, input_size: Integer, kernel_size: Integer, stride: Integer, dilation: Integer, padding: Any
) -> Integer:
    lo, hi = axis_padding(padding, input_size, kernel_size, stride, dilation)
    if padding not in FITTING_FORMS:
        require_window_fits(axis, input_size, kernel_size, lo, hi, dilation)
    return window_count(input_size, kernel_size, stride, lo, hi, dilation)


def _conv_transpose_axis(
    axis: int | None,
    input_size: Integer,
    kernel_size: Integer,
    stride: Integer,
    output_padding: Integer,
    dilation: Integer,
    padding: Any,
) -> Integer:
    require_output_padding(axis, output_padding, stride, dilation)
    lo, hi = transposed_padding(axis, padding, kernel_size, stride, output_padding, dilation)
    size = transposed_size(input_size, kernel_size, stride, lo, hi, output_padding, dilation)
    if padding not in SIZED_FORMS:
        require(
            "<=",
            1,
            size,
            "padding",
            "needs an output size >= 1",
            "takes away {lo} + {hi} elements and leaves {size}",
            axis=axis,
            padding=padding,
            lo=lo,
            hi=hi,
            size=size,
        )
    return size
