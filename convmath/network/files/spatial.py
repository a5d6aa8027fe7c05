"""The layers over the spatial axes of their input: convolutions, pooling, padding, resizing and their like."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ...errors import DomainError
from ..operators import (
    AdaptivePool,
    Conv,
    ConvTranspose,
    Fold,
    Operator,
    Pad,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Resize,
    Sizes,
    Unfold,
)
from .options import Count, Each, Factor, Flag, Sides, Text, axes_of_input, spread


def conv(
    sizes: Sizes,
    *,
    out_channels: Count,
    kernel_size: Each,
    stride: Each = 1,
    padding: Sides = 0,
    dilation: Each = 1,
    groups: Count = 1,
    bias: Flag = True,
) -> Operator:
    """A convolution; it reads the channels of its input."""
    kernel = spread(kernel_size, axes_of_input(sizes))
    return Conv(sizes[1], out_channels, kernel, stride, padding, dilation, groups, bias)


def conv_transpose(
    sizes: Sizes,
    *,
    out_channels: Count,
    kernel_size: Each,
    stride: Each = 1,
    padding: Sides = 0,
    output_padding: Each = 0,
    dilation: Each = 1,
    groups: Count = 1,
    bias: Flag = True,
) -> Operator:
    """A transposed convolution; it reads the channels of its input."""
    kernel = spread(kernel_size, axes_of_input(sizes))
    return ConvTranspose(sizes[1], out_channels, kernel, stride, padding, dilation, groups, bias, output_padding)


def max_pool(
    sizes: Sizes,
    *,
    kernel_size: Each,
    stride: Each = None,
    padding: Sides = 0,
    dilation: Each = 1,
    ceil_mode: Flag = False,
) -> Operator:
    """The largest element of each window."""
    return Pool("max", spread(kernel_size, axes_of_input(sizes)), stride, padding, dilation, ceil_mode)


def avg_pool(
    sizes: Sizes,
    *,
    kernel_size: Each,
    stride: Each = None,
    padding: Sides = 0,
    ceil_mode: Flag = False,
    count_include_pad: Flag = True,
) -> Operator:
    """By what the elements of a window are divided is no matter of what it reads."""
    return Pool("avg", spread(kernel_size, axes_of_input(sizes)), stride, padding, 1, ceil_mode)


def lp_pool(
    sizes: Sizes, *, kernel_size: Each, norm_type: Factor = 2, stride: Each = None, ceil_mode: Flag = False
) -> Operator:
    """To which power the elements of a window are taken is no matter of what it reads."""
    return Pool("lp", spread(kernel_size, axes_of_input(sizes)), stride, ceil_mode=ceil_mode)


def adaptive(how: str, sizes: Sizes, *, output_size: Each = 1) -> Operator:
    """Pooling to sizes that are given, by windows that follow from them."""
    return AdaptivePool(how, spread(output_size, axes_of_input(sizes)))


def pad(sizes: Sizes, *, amounts: Sides, mode: Text = "constant") -> Operator:
    """The input with more elements around it, or fewer."""
    modes = ("constant", "reflect", "replicate", "circular")
    if mode not in modes:
        raise DomainError("mode", mode, f"needs one of {', '.join(modes)}")
    pairs = [spread(one, 2) for one in spread(amounts, axes_of_input(sizes))]
    if any(len(pair) != 2 for pair in pairs):
        raise DomainError("amounts", amounts, "needs one integer or a pair for each axis")
    return Pad(((0, 0), (0, 0), *pairs), mode)


def resize(
    sizes: Sizes, *, size: Each = None, scale_factor: Factor = None, mode: Text = "nearest", align_corners: Flag = False
) -> Operator:
    """The input interpolated at other sizes, or at a multiple of its own."""
    if (scale_factor is None) == (size is None):
        raise DomainError("scale_factor", scale_factor, "needs either scale_factor or size")
    axes = axes_of_input(sizes)
    found = next((own for (own, count), name in MODES.items() if (name, count) == (mode, axes)), None)
    if found is None:
        known = ", ".join(name for (_, count), name in MODES.items() if count == axes)
        raise DomainError("mode", mode, f"needs one of {known}, as torch has them for {len(sizes)} dimensions")
    scale = None if scale_factor is None else spread(scale_factor, axes)
    return Resize(found, scale, None if size is None else spread(size, axes), align_corners)


MODES: Mapping[tuple[str, int], str] = MappingProxyType(
    {
        **{("nearest", axes): "nearest" for axes in (1, 2, 3)},
        **{("nearest_exact", axes): "nearest-exact" for axes in (1, 2, 3)},
        **{("linear", axes): name for axes, name in enumerate(("linear", "bilinear", "trilinear"), 1)},
        ("cubic", 2): "bicubic",
    }
)
"""What torch calls the modes of interpolation, by the number of axes."""


def unfold(sizes: Sizes, *, kernel_size: Each, stride: Each = 1, padding: Sides = 0, dilation: Each = 1) -> Operator:
    """The elements of each window as a column."""
    return Unfold(spread(kernel_size, axes_of_input(sizes)), stride, padding, dilation)


def fold(
    sizes: Sizes, *, output_size: Each, kernel_size: Each, stride: Each = 1, padding: Sides = 0, dilation: Each = 1
) -> Operator:
    """Columns do not say how many axes an image has: as many as there are sizes, and two for a single number."""
    image = spread(output_size, 2)
    return Fold(image, spread(kernel_size, len(image)), stride, padding, dilation)


def pixel_shuffle(sizes: Sizes, *, upscale_factor: Count) -> Operator:
    """The spatial axes made longer by a factor, with elements of the channels."""
    return PixelShuffle(upscale_factor)


def pixel_unshuffle(sizes: Sizes, *, downscale_factor: Count) -> Operator:
    """The spatial axes made shorter by a factor; their elements become channels."""
    return PixelUnshuffle(downscale_factor)
