"""Costs of convolutions: parameters, multiply-accumulates and operations by a named convention."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Required, TypedDict, Unpack

from ..assumptions import Integer
from ..errors import DomainError
from ..geometry import Padding, PerAxis, axes_of, each_axis, is_per_axis
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
from .cost_taps import Taps, require_int, require_taps, valid_pairs, windows_with_input
from .padding import axis_padding
from .size import conv_output_size


class ConvCost(TypedDict, total=False):
    """The options of :func:`conv_macs`."""

    in_channels: Required[Integer]
    out_channels: Required[Integer]
    stride: PerAxis
    padding: Padding
    dilation: PerAxis
    groups: Integer
    batch_size: Integer
    taps: Taps


def conv_params(
    kernel_size: PerAxis, *, in_channels: Integer, out_channels: Integer, groups: Integer = 1, bias: bool = True
) -> Integer:
    """Parameters of a convolution or a transposed convolution: the same whatever the input size is.

    Args:
        kernel_size: taps per axis, a tuple or list with one integer per axis, each >= 1.
        in_channels: input channels, >= 1.
        out_channels: output channels, >= 1: the number of filters.
        groups: groups of channels, a divisor of both.
        bias: whether each output channel has a bias.

    Returns:
        the number of weights and biases.

    Raises:
        DomainError: groups does not divide the channels, kernel_size does not tell the number of axes, or a value lies
            outside its domain.

    Entry: cost.conv.params. Source: [torch.nn.Conv2d, variables].

    >>> conv_params((5, 5), in_channels=1, out_channels=6)
    156
    >>> conv_params((3, 3), in_channels=64, out_channels=64, groups=64, bias=False)
    576
    """
    require_flag("bias", bias)
    if not is_per_axis(kernel_size):
        raise DomainError("kernel_size", kernel_size, "needs one integer per axis, such as (3, 3), to tell how many")
    taps = each_axis(_taps, axes_of(kernel_size), {"kernel_size": kernel_size})
    in_channels, out_channels, groups = counts(in_channels=in_channels, out_channels=out_channels, groups=groups)
    per_group = channels_of_a_group(in_channels, out_channels, groups)
    filter_ = product([("in_channels", per_group), *(("kernel_size", size) for size in taps)])
    return product([("out_channels", out_channels), ("kernel_size", filter_ + int(bias))])


def conv_macs(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    in_channels: Integer,
    out_channels: Integer,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: Integer = 1,
    batch_size: Integer = 1,
    taps: Taps = "dense",
) -> Integer:
    """Multiply-accumulates of a convolution: a product for every output and every weight that it is made with.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1; with ``taps="valid"`` ints.
        in_channels: input channels, >= 1.
        out_channels: output channels, >= 1.
        stride: elements between neighbouring windows, >= 1.
        padding: elements added before and after each axis, >= 0, in any form of :func:`resolve_padding`.
        dilation: elements between neighbouring taps, >= 1.
        groups: groups of channels, a divisor of both numbers of channels.
        batch_size: images, >= 1.
        taps: ``"dense"`` counts every tap of every window; ``"valid"`` leaves out those that lie in the padding.

    Returns:
        the number of multiply-accumulates; a bias adds none.

    Raises:
        DomainError: groups does not divide the channels, no window fits, a value lies outside its domain, or the
            numbers of axes differ.

    Entry: cost.conv.macs, cost.valid_taps. Source: [MolchanovTyreeKarrasAilaKautz2017, appendix A.1].

    >>> conv_macs((224, 224), 7, in_channels=3, out_channels=64, stride=2, padding=3)
    118013952
    >>> conv_macs((224, 224), 7, in_channels=3, out_channels=64, stride=2, padding=3, taps="valid")
    116214528
    """
    in_channels, out_channels, groups, batch_size = counts(
        in_channels=in_channels, out_channels=out_channels, groups=groups, batch_size=batch_size
    )
    per_group = channels_of_a_group(in_channels, out_channels, groups)
    pairs = _each_axis(_pairs, input_size, kernel_size, stride, padding, dilation, taps)
    return product([("batch_size", batch_size), ("out_channels", out_channels), ("in_channels", per_group), *pairs])


def conv_flops(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    convention: Convention,
    bias: bool = True,
    **layer: Unpack[ConvCost],
) -> Integer:
    """Operations of a convolution, by a named convention.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1.
        convention: ``"mac"``: one for each multiply-accumulate; ``"2mac"``: two for each; ``"exact"``: multiplications
            and additions as they are, which for an output made of K products are K and K - 1, and one more addition
            with a bias. An output of which every tap lies in the padding takes none with ``taps="valid"``.
        bias: whether each output channel has a bias, which the exact convention alone counts.
        layer: the other options of :func:`conv_macs`.

    Returns:
        the number of operations.

    Raises:
        DomainError: the convention is unknown, or what :func:`conv_macs` refuses.

    Entry: cost.conv.flops. Source: [MolchanovTyreeKarrasAilaKautz2017, appendix A.1].

    >>> layer = {"in_channels": 3, "out_channels": 2, "bias": False}
    >>> [conv_flops((6, 6), 3, convention=name, **layer) for name in ("mac", "2mac", "exact")]
    [864, 1728, 1696]
    """
    require_convention(convention)
    require_flag("bias", bias)
    macs = conv_macs(input_size, kernel_size, **layer)
    return operations(convention, macs, partial(_outputs, input_size, kernel_size, **layer), bias)


def conv_backward_macs(
    input_size: PerAxis, kernel_size: PerAxis, *, input_gradient: bool = True, **layer: Unpack[ConvCost]
) -> Integer:
    """Multiply-accumulates of a convolution's gradients for its input and its weight, each those of the convolution.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1.
        input_gradient: whether the gradient for the input is needed; in a network's first layer it is not.
        layer: the other options of :func:`conv_macs`.

    Returns:
        the number of multiply-accumulates; the gradient for the bias has none.

    Raises:
        DomainError: what :func:`conv_macs` refuses.

    Entry: cost.backward. Source: [GoodfellowBengioCourville2016, section 9.5].

    >>> conv_backward_macs((6, 6), 3, in_channels=3, out_channels=2)
    1728
    >>> conv_backward_macs((6, 6), 3, in_channels=3, out_channels=2, input_gradient=False)
    864
    """
    require_flag("input_gradient", input_gradient)
    return (1 + int(input_gradient)) * conv_macs(input_size, kernel_size, **layer)


def depthwise_separable_params(
    kernel_size: PerAxis, *, in_channels: Integer, out_channels: Integer, bias: bool = True
) -> Integer:
    """Parameters of a depthwise convolution, a filter for each channel, and the 1x1 convolution after it.

    Args:
        kernel_size: taps of the depthwise part per axis, a tuple or list, each >= 1.
        in_channels: input channels, >= 1.
        out_channels: output channels, >= 1.
        bias: whether both parts have a bias.

    Returns:
        the number of weights and biases.

    Raises:
        DomainError: what :func:`conv_params` refuses.

    Entry: cost.depthwise_separable. Source: [HowardEtAl2017, section 3.1].

    >>> depthwise_separable_params((3, 3), in_channels=64, out_channels=128, bias=False)
    8768
    """
    depthwise = conv_params(
        kernel_size, in_channels=in_channels, out_channels=in_channels, groups=in_channels, bias=bias
    )
    pointwise = conv_params((1,) * len(kernel_size), in_channels=in_channels, out_channels=out_channels, bias=bias)
    return depthwise + pointwise


def depthwise_separable_macs(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    in_channels: Integer,
    out_channels: Integer,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    batch_size: Integer = 1,
    taps: Taps = "dense",
) -> Integer:
    """Multiply-accumulates of a depthwise convolution, a filter for each channel, and the 1x1 convolution after it.

    That is 1/out_channels + 1/taps of what one convolution takes, with the taps of its kernel on all axes.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps of the depthwise part per axis, >= 1.
        in_channels: input channels, >= 1.
        out_channels: output channels, >= 1.
        stride: of the depthwise part, as are padding, dilation and taps: see :func:`conv_macs`.
        padding: elements added before and after each axis.
        dilation: elements between neighbouring taps.
        batch_size: images, >= 1.
        taps: ``"dense"`` or ``"valid"``.

    Returns:
        the number of multiply-accumulates.

    Raises:
        DomainError: what :func:`conv_macs` refuses.

    Entry: cost.depthwise_separable. Source: [HowardEtAl2017, section 3.1].

    >>> depthwise_separable_macs((14, 14), 3, in_channels=512, out_channels=512, padding=1)
    52283392
    """
    window: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    channels = {"in_channels": in_channels, "out_channels": in_channels, "groups": in_channels}
    depthwise = conv_macs(input_size, kernel_size, batch_size=batch_size, taps=taps, **channels, **window)
    in_channels, out_channels, batch_size = counts(
        in_channels=in_channels, out_channels=out_channels, batch_size=batch_size
    )
    mixed = [("batch_size", batch_size), ("in_channels", in_channels), ("out_channels", out_channels)]
    outputs = named("input_size", conv_output_size(input_size, kernel_size, **window))
    return depthwise + product([*mixed, *outputs])


def _taps(axis: int | None, kernel_size: Integer) -> Integer:
    return kernel_size


def _each_axis(
    formula: Callable[..., Integer],
    input_size: PerAxis,
    kernel_size: PerAxis,
    stride: PerAxis,
    padding: Padding,
    dilation: PerAxis,
    taps: Taps,
) -> list[tuple[str, Integer]]:
    """What the formula gives for every axis, to be multiplied."""
    require_taps(taps)
    windows = conv_output_size(input_size, kernel_size, stride=stride, padding=padding, dilation=dilation)
    parameters = {
        "input_size": input_size,
        "windows": windows,
        "kernel_size": kernel_size,
        "stride": stride,
        "dilation": dilation,
    }
    return named("input_size", each_axis(partial(formula, taps), axes_of(input_size), parameters, padding))


def _pairs(
    taps: Taps,
    axis: int | None,
    input_size: Integer,
    windows: Integer,
    kernel_size: Integer,
    stride: Integer,
    dilation: Integer,
    padding: Any,
) -> Integer:
    if taps == "dense":
        return windows * kernel_size
    require_int(axis, "kernel_size", kernel_size)
    lo, _ = axis_padding(padding, input_size, kernel_size, stride, dilation)
    return valid_pairs(kernel_size, input_size, windows, stride, lo, dilation)


def _outputs(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    out_channels: Integer,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    batch_size: Integer = 1,
    taps: Taps = "dense",
    **_: Integer,
) -> Integer:
    """Outputs that are made of at least one product."""
    out_channels, batch_size = counts(out_channels=out_channels, batch_size=batch_size)
    made = _each_axis(_windows_with_input, input_size, kernel_size, stride, padding, dilation, taps)
    return product([("batch_size", batch_size), ("out_channels", out_channels), *made])


def _windows_with_input(
    taps: Taps,
    axis: int | None,
    input_size: Integer,
    windows: Integer,
    kernel_size: Integer,
    stride: Integer,
    dilation: Integer,
    padding: Any,
) -> Integer:
    if taps == "dense":
        return windows
    lo, _ = axis_padding(padding, input_size, kernel_size, stride, dilation)
    return windows_with_input(kernel_size, input_size, windows, stride, lo, dilation)
