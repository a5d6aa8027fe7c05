"""Costs of pooling."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, TypeAlias

from ..assumptions import Integer
from ..errors import DomainError
from ..geometry import Padding, PerAxis, axes_of, each_axis
from .cost_product import counts, product
from .cost_taps import Taps, require_int, require_taps, valid_pairs, windows_with_input
from .padding import axis_padding
from .pooling import pool_output_size

Mode: TypeAlias = Literal["max", "avg"]


def pool_flops(
    input_size: PerAxis,
    kernel_size: PerAxis,
    *,
    mode: Mode,
    channels: Integer = 1,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    batch_size: Integer = 1,
    taps: Taps = "dense",
) -> Integer:
    """Operations of a pooling layer: K - 1 comparisons, or K - 1 additions and a division, for a window of K elements.

    Args:
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: elements of a window per axis, >= 1; with ``taps="valid"`` ints.
        mode: ``"max"`` or ``"avg"``.
        channels: channels, each pooled by itself, >= 1.
        stride: elements between neighbouring windows, >= 1; None means ``kernel_size``.
        padding: elements added before and after each axis, in any form of :func:`resolve_padding`, as
            :func:`pool_output_size` takes it.
        dilation: elements between neighbouring taps, >= 1.
        ceil_mode: round the number of windows up.
        batch_size: images, >= 1.
        taps: ``"dense"`` counts every element of every window; ``"valid"`` leaves out those outside the input, and a
            window of none takes no operation.

    Returns:
        the number of operations.

    Raises:
        DomainError: ``mode`` is unknown, or what :func:`pool_output_size` refuses.

    Entry: cost.pool. Source: [torch.nn.MaxPool2d].

    >>> pool_flops((112, 112), 3, mode="max", channels=64, stride=2, padding=1)
    1605632
    >>> pool_flops((7, 7), 7, mode="avg", channels=512)
    25088
    """
    require_taps(taps)
    if mode not in ("max", "avg"):
        raise DomainError("mode", mode, "needs 'max' or 'avg'")
    stride = kernel_size if stride is None else stride
    windows = pool_output_size(
        input_size, kernel_size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode
    )
    axes = each_axis(
        partial(_pairs_and_windows, taps),
        axes_of(input_size),
        {
            "input_size": input_size,
            "windows": windows,
            "kernel_size": kernel_size,
            "stride": stride,
            "dilation": dilation,
        },
        padding,
    )
    channels, batch_size = counts(channels=channels, batch_size=batch_size)
    planes = [("batch_size", batch_size), ("channels", channels)]
    pairs, made = zip(*([axes] if axes_of(input_size) is None else axes), strict=True)
    elements = product([*planes, *(("input_size", count) for count in pairs)])
    if mode == "avg":
        return elements
    return elements - product([*planes, *(("input_size", count) for count in made)])


def _pairs_and_windows(
    taps: Taps,
    axis: int | None,
    input_size: Integer,
    windows: Integer,
    kernel_size: Integer,
    stride: Integer,
    dilation: Integer,
    padding: Any,
) -> tuple[Integer, Integer]:
    """Elements that the windows have, and the windows that have any."""
    if taps == "dense":
        return windows * kernel_size, windows
    require_int(axis, "kernel_size", kernel_size)
    lo, _ = axis_padding(padding, input_size, kernel_size, stride, dilation)
    inside = (kernel_size, input_size, windows, stride, lo, dilation)
    return valid_pairs(*inside), windows_with_input(*inside)
