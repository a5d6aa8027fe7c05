"""Costs of transposed convolutions; their parameters are those of a convolution."""

from __future__ import annotations

from functools import partial
from typing import Any, Required, TypedDict, Unpack

from ..assumptions import Integer
from ..geometry import Padding, PerAxis, axes_of, each_axis
from .cost_product import (
    Convention,
    channels_of_a_group,
    counts,
    named,
    operations,
    product,
    require_convention,
    require_flag,
)
from .cost_taps import (
    Taps,
    require_int,
    require_taps,
    valid_pairs,
    valid_written_elements,
    written_elements,
)
from .size import conv_transpose_output_size, transposed_padding


class ConvTransposeCost(TypedDict, total=False):
    """The options of :func:`conv_transpose_macs`."""

    in_channels: Required[Integer]
    out_channels: Required[Integer]
    stride: PerAxis
    padding: Padding
    output_padding: PerAxis
    dilation: PerAxis
    groups: Integer
    batch_size: Integer
    taps: Taps


def conv_transpose_macs(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    in_channels: Integer,
    out_channels: Integer,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: Integer = 1,
    batch_size: Integer = 1,
    taps: Taps = "dense",
) -> Integer:
    """Multiply-accumulates of a transposed convolution: a product for every input and every weight that it meets.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1; with ``taps="valid"`` ints.
        in_channels: input channels, >= 1.
        out_channels: output channels, >= 1.
        stride: output elements between the windows of neighbouring inputs, >= 1.
        padding: elements taken away before and after each axis, in any form of :func:`resolve_padding`.
        output_padding: elements added after each axis, from 0 to max(stride, dilation) - 1.
        dilation: elements between neighbouring taps, >= 1.
        groups: groups of channels, a divisor of both numbers of channels.
        batch_size: images, >= 1.
        taps: ``"dense"`` counts every tap of every input; ``"valid"`` leaves out those whose output is taken away.

    Returns:
        the number of multiply-accumulates; with dense taps it depends on the input size, not on the output size.

    Raises:
        DomainError: groups does not divide the channels, the output would be empty, a value lies outside its domain,
            or the numbers of axes differ.

    Entry: cost.transposed. Source: [DumoulinVisin2016, chapter 4].

    >>> conv_transpose_macs((7, 7), 4, in_channels=256, out_channels=128, stride=2, padding=1)
    25690112
    """
    in_channels, out_channels, groups, batch_size = counts(
        in_channels=in_channels, out_channels=out_channels, groups=groups, batch_size=batch_size
    )
    channels_of_a_group(in_channels, out_channels, groups)
    per_group = channels_of_a_group(out_channels, in_channels, groups)
    window = {"kernel_size": kernel_size, "stride": stride, "output_padding": output_padding, "dilation": dilation}
    pairs = _each_axis(_pairs, input_size, window, padding, taps)
    return product([("batch_size", batch_size), ("in_channels", in_channels), ("out_channels", per_group), *pairs])


def conv_transpose_flops(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    convention: Convention,
    bias: bool = True,
    **layer: Unpack[ConvTransposeCost],
) -> Integer:
    """Operations of a transposed convolution, by a named convention.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1.
        convention: ``"mac"``: one for each multiply-accumulate; ``"2mac"``: two for each; ``"exact"``: multiplications
            and additions as they are, where the first product of an output, the border that the padding takes away
            included with dense taps, is added only to a bias.
        bias: whether each output channel has a bias, which the exact convention alone counts.
        layer: the other options of :func:`conv_transpose_macs`; the exact convention without bias needs an int for
            stride and dilation, unless one of them is 1 and the taps are dense.

    Returns:
        the number of operations.

    Raises:
        DomainError: the convention is unknown, or what :func:`conv_transpose_macs` refuses.

    Entry: cost.transposed. Source: [DumoulinVisin2016, chapter 4].

    >>> layer = {"in_channels": 1, "out_channels": 1, "stride": 2, "bias": False}
    >>> [conv_transpose_flops(4, 3, convention=name, **layer) for name in ("mac", "2mac", "exact")]
    [12, 24, 15]
    """
    require_convention(convention)
    require_flag("bias", bias)
    macs = conv_transpose_macs(input_size, kernel_size, **layer)
    return operations(convention, macs, partial(_outputs, input_size, kernel_size, **layer), bias)


def conv_transpose_backward_macs(
    input_size: PerAxis, kernel_size: PerAxis, *, input_gradient: bool = True, **layer: Unpack[ConvTransposeCost]
) -> Integer:
    """Multiply-accumulates of a transposed convolution's gradients for its input and its weight.

    Each takes as many as the transposed convolution itself.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1.
        input_gradient: whether the gradient for the input is needed; in a network's first layer it is not.
        layer: the other options of :func:`conv_transpose_macs`.

    Returns:
        the number of multiply-accumulates; the gradient for the bias has none.

    Raises:
        DomainError: what :func:`conv_transpose_macs` refuses.

    Entry: cost.backward. Source: [GoodfellowBengioCourville2016, section 9.5].

    >>> conv_transpose_backward_macs(4, 3, in_channels=2, out_channels=1, stride=2)
    48
    """
    require_flag("input_gradient", input_gradient)
    return (1 + int(input_gradient)) * conv_transpose_macs(input_size, kernel_size, **layer)


def _each_axis(
    formula: Any, input_size: PerAxis, window: dict[str, PerAxis], padding: Padding, taps: Taps
) -> list[tuple[str, Integer]]:
    """What the formula gives for every axis, to be multiplied."""
    require_taps(taps)
    elements = conv_transpose_output_size(input_size, padding=padding, **window)
    parameters = {"input_size": input_size, "elements": elements, **window}
    return named("input_size", each_axis(partial(formula, taps), axes_of(input_size), parameters, padding))


def _pairs(
    taps: Taps,
    axis: int | None,
    input_size: Integer,
    elements: Integer,
    kernel_size: Integer,
    stride: Integer,
    output_padding: Integer,
    dilation: Integer,
    padding: Any,
) -> Integer:
    if taps == "dense":
        return input_size * kernel_size
    require_int(axis, "kernel_size", kernel_size)
    lo, _ = transposed_padding(axis, padding, kernel_size, stride, output_padding, dilation)
    return valid_pairs(kernel_size, elements, input_size, stride, lo, dilation)


def _outputs(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    out_channels: Integer,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    batch_size: Integer = 1,
    taps: Taps = "dense",
    **_: Integer,
) -> Integer:
    """Outputs that are made of at least one product."""
    out_channels, batch_size = counts(out_channels=out_channels, batch_size=batch_size)
    window = {"kernel_size": kernel_size, "stride": stride, "output_padding": output_padding, "dilation": dilation}
    written = _each_axis(_written, input_size, window, padding, taps)
    return product([("batch_size", batch_size), ("out_channels", out_channels), *written])


def _written(
    taps: Taps,
    axis: int | None,
    input_size: Integer,
    elements: Integer,
    kernel_size: Integer,
    stride: Integer,
    output_padding: Integer,
    dilation: Integer,
    padding: Any,
) -> Integer:
    if taps == "dense":
        return written_elements(kernel_size, input_size, stride, dilation)
    require_int(axis, "stride", stride)
    require_int(axis, "dilation", dilation)
    lo, _ = transposed_padding(axis, padding, kernel_size, stride, output_padding, dilation)
    return valid_written_elements(kernel_size, elements, input_size, stride, lo, dilation)
