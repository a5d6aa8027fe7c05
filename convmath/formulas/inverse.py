"""Size formulas read backwards: from an output size to the input sizes, and to the output padding."""

from __future__ import annotations

from typing import Any

from ..assumptions import Integer, require
from ..division import maximum
from ..geometry import SIZED_FORMS, Padding, PerAxis, axes_of, each_axis
from .padding import axis_padding, reach
from .size import SizeT, transposed_size


def conv_transpose_output_padding(
    input_size: PerAxis,
    output_size: SizeT,
    kernel_size: PerAxis,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
) -> SizeT:
    """The least output_padding with which a transposed convolution reaches an output size.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        output_size: the positions to reach per axis, >= 1.
        kernel_size: taps per axis, >= 1.
        stride: output elements between the windows of neighbouring inputs, >= 1.
        padding: elements taken away before and after each axis, >= 0, in any form of :func:`resolve_padding`.
        dilation: elements between neighbouring taps, >= 1.

    Returns:
        elements per axis, from 0 to max(stride, dilation) - 1, in the shape of ``input_size``.

    Raises:
        DomainError: no output_padding reaches the size, and the message names the sizes that are reachable; a value
            lies outside its domain, or the numbers of axes differ.

    Entry: size.conv_transpose.recovers. Source: [torch.nn.ConvTranspose2d, output_padding].

    >>> conv_transpose_output_padding(112, 224, 7, stride=2, padding=3)
    1
    >>> conv_transpose_output_padding(5, 12, 3, stride=2, padding=1)
    Traceback (most recent call last):
    convmath.errors.DomainError: output_size=12 would need output_padding=3, but 0 to 1 are allowed and give sizes 9 \
to 10 (needs 0 <= output_padding < max(stride, dilation))
    """
    sizes: SizeT = each_axis(
        _output_padding_axis,
        axes_of(input_size),
        {
            "input_size": input_size,
            "output_size": output_size,
            "kernel_size": kernel_size,
            "stride": stride,
            "dilation": dilation,
        },
        padding,
    )
    return sizes


def conv_input_sizes(
    output_size: PerAxis, kernel_size: PerAxis, *, stride: PerAxis = 1, padding: Padding = 0, dilation: PerAxis = 1
) -> Any:
    """All input sizes >= 1 from which a convolution makes the output size.

    Args:
        output_size: positions per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1.
        stride: elements between neighbouring windows, >= 1.
        padding: elements added before and after each axis, >= 0, in any form of :func:`resolve_padding`.
        dilation: elements between neighbouring taps, >= 1.

    Returns:
        a ``range`` of ``stride`` consecutive sizes, fewer where sizes below 1 are cut off, and empty where so much
        padding makes more positions from every input. For other values than ints the pair ``(least, greatest)``,
        with least > greatest for none. For per-axis sizes one of these per axis.

    Raises:
        DomainError: a value lies outside its domain, or the numbers of axes differ.

    Entry: size.preimage. Source: [DumoulinVisin2016, section 2.4].

    >>> conv_input_sizes(112, 7, stride=2, padding=3)
    range(223, 225)
    >>> conv_input_sizes((3, 1), 3, stride=2, padding="same_upper")
    (range(5, 7), range(1, 3))
    """
    return each_axis(
        _input_sizes_axis,
        axes_of(output_size),
        {"output_size": output_size, "kernel_size": kernel_size, "stride": stride, "dilation": dilation},
        padding,
    )


def input_size_bounds(
    output_size: Integer, kernel_size: Integer, stride: Integer, lo: Integer, hi: Integer, dilation: Integer
) -> tuple[Integer, Integer]:
    """Least and greatest input size of one axis that give the output size, without regard to sizes below 1.

    >>> input_size_bounds(4, 3, 2, 1, 1, 1)
    (7, 8)
    """
    least = transposed_size(output_size, kernel_size, stride, lo, hi, 0, dilation)
    return least, least + stride - 1


def _input_sizes_axis(
    axis: int | None, output_size: Integer, kernel_size: Integer, stride: Integer, dilation: Integer, padding: Any
) -> Any:
    if padding in SIZED_FORMS:
        bounds = (output_size - 1) * stride + 1, output_size * stride
    else:
        lo, hi = axis_padding(padding, None, kernel_size, stride, dilation)
        bounds = input_size_bounds(output_size, kernel_size, stride, lo, hi, dilation)
    least, greatest = maximum(1, bounds[0]), bounds[1]
    if type(least) is int and type(greatest) is int:
        return range(least, maximum(least, greatest + 1))
    return least, greatest


def _output_padding_axis(
    axis: int | None,
    input_size: Integer,
    output_size: Integer,
    kernel_size: Integer,
    stride: Integer,
    dilation: Integer,
    padding: Any,
) -> Integer:
    if padding in SIZED_FORMS:
        return _output_padding_of_same(axis, input_size, output_size, kernel_size, stride, dilation, padding)
    lo, hi = axis_padding(padding, None, kernel_size, stride, dilation)
    least = transposed_size(input_size, kernel_size, stride, lo, hi, 0, dilation)
    output_padding = output_size - least
    most = maximum(stride, dilation) - 1
    shown = {"output_size": output_size, "output_padding": output_padding, "most": most}
    shown |= {"least": maximum(1, least), "greatest": least + most}
    for relation, left, right in (("<=", 0, output_padding), ("<=", output_padding, most)):
        require(
            relation,
            left,
            right,
            "output_size",
            "needs 0 <= output_padding < max(stride, dilation)",
            "would need output_padding={output_padding}, but 0 to {most} are allowed and give sizes {least} to "
            "{greatest}",
            axis=axis,
            **shown,
        )
    return output_padding


def _output_padding_of_same(
    axis: int | None,
    input_size: Integer,
    output_size: Integer,
    kernel_size: Integer,
    stride: Integer,
    dilation: Integer,
    padding: str,
) -> Integer:
    reachable = input_size * stride
    require(
        "==",
        output_size,
        reachable,
        "output_size",
        f"{padding!r} needs output_size == input_size*stride",
        "cannot be reached: {padding!r} gives {reachable} with every output_padding",
        axis=axis,
        output_size=output_size,
        padding=padding,
        reachable=reachable,
    )
    return maximum(0, stride - reach(kernel_size, dilation) - 1)
