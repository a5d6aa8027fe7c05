"""Padding: from a form to the explicit elements before and after an axis."""

from __future__ import annotations

from typing import Any

from ..assumptions import Integer
from ..division import ceil_div, floor_div, maximum
from ..geometry import Padding, PerAxis, axes_of, each_axis

FITTING_FORMS = ("same", "same_upper", "same_lower", "full", "causal")
"""The forms whose padded input holds at least one window, whatever the other parameters are."""


def resolve_padding(
    padding: Padding, input_size: PerAxis, kernel_size: PerAxis, *, stride: PerAxis = 1, dilation: PerAxis = 1
) -> Any:
    """Elements that a padding form adds before and after each axis of a convolution or pooling window.

    With the reach r = d(k - 1) of the dilated kernel: ``"valid"`` adds none; ``"same"`` r in total, for stride 1, the
    odd one after; ``"same_upper"`` and ``"same_lower"`` the least total that gives ceil(n/s) windows, the odd one after
    or before; ``"full"`` r on both sides; ``"causal"`` r before. Integers and pairs come back as pairs.

    Args:
        padding: a form, an integer, or pairs and integers as :mod:`convmath.geometry` reads them, each >= 0.
        input_size: elements per axis, an integer or one per axis, each >= 1.
        kernel_size: taps per axis, >= 1.
        stride: elements between neighbouring windows, >= 1.
        dilation: elements between neighbouring taps, >= 1.

    Returns:
        ``(lo, hi)`` in elements, for per-axis sizes one pair per axis; itself a valid ``padding``.

    Raises:
        DomainError: a value lies outside its domain, the form is unknown, or ``"same"`` meets a stride other than 1.

    Source: [torch.nn.Conv2d, padding], [onnx.Conv, auto_pad].

    >>> resolve_padding("same", 10, 4)
    (1, 2)
    >>> resolve_padding("same_lower", (10, 11), 3, stride=2)
    ((1, 0), (1, 1))
    """
    return each_axis(
        _resolved,
        axes_of(input_size),
        {"input_size": input_size, "kernel_size": kernel_size, "stride": stride, "dilation": dilation},
        padding,
    )


def reach(kernel_size: Integer, dilation: Integer) -> Integer:
    """Elements from the first tap of a dilated kernel to its last; its span is one more.

    >>> reach(3, 2)
    4
    """
    return dilation * (kernel_size - 1)


def axis_padding(
    padding: Any, input_size: Integer, kernel_size: Integer, stride: Integer, dilation: Integer
) -> tuple[Integer, Integer]:
    """``(lo, hi)`` of one axis, from checked values: ``padding`` is a form or a pair.

    >>> axis_padding("same_upper", 10, 3, 2, 1)
    (0, 1)
    """
    extra = reach(kernel_size, dilation)
    match padding:
        case "valid":
            return 0, 0
        case "full":
            return extra, extra
        case "causal":
            return extra, 0
        case "same":
            return halves(extra, "same")
        case "same_upper" | "same_lower":
            windows = ceil_div(input_size, stride)
            return halves(maximum(0, (windows - 1) * stride + extra + 1 - input_size), padding)
    lo, hi = padding
    return lo, hi


def halves(total: Integer, form: str) -> tuple[Integer, Integer]:
    """Split a total padding; the odd element goes before for ``"same_lower"``, after for the other forms.

    >>> halves(3, "same_upper"), halves(3, "same_lower")
    ((1, 2), (2, 1))
    """
    smaller = floor_div(total, 2)
    return (total - smaller, smaller) if form == "same_lower" else (smaller, total - smaller)


def _resolved(
    axis: int | None, input_size: Integer, kernel_size: Integer, stride: Integer, dilation: Integer, padding: Any
) -> tuple[Integer, Integer]:
    return axis_padding(padding, input_size, kernel_size, stride, dilation)
