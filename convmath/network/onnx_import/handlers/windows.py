"""Convolution, transposed convolution, and columns to images."""

from __future__ import annotations

from typing import Any, TypeAlias

from ....errors import DomainError
from ....formulas.padding import reach
from ...operators import Conv, ConvTranspose, Fold, Sizes
from .. import other_programs
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..roles import WEIGHTS
from ..value import Value

Row: TypeAlias = tuple[Any, int, int, int, tuple[int, int]]

_FORMS = {"SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower", "VALID": "valid"}


def _padding(call: Call, axes: int) -> Any:
    """A form of padding, or pairs: ONNX lists all that is added before, then all that is added after. [onnx.Conv]"""
    form = call.text("auto_pad", "NOTSET")
    if form != "NOTSET":
        if form not in _FORMS:
            raise DomainError("node", call.name, f"auto_pad={form!r} needs one of NOTSET, {', '.join(_FORMS)}")
        return _FORMS[form]
    pads = call.integers("pads", (0,) * (2 * axes))
    if len(pads) != 2 * axes:
        raise DomainError(
            "node", call.name, f"its attribute pads has {len(pads)} entries; needs two for each axis of {axes}"
        )
    return tuple(zip(pads[:axes], pads[axes:], strict=True))


def _kernel(call: Call, weight: Sizes) -> tuple[int, ...]:
    """The taps per axis, which the weights say; where the attribute is there, it says the same."""
    if len(weight) < 3:
        raise DomainError("node", call.name, f"{call.op} needs weights with spatial axes, and not {weight}")
    kernel = tuple(weight[2:])
    if call.integers("kernel_shape", kernel) != kernel:
        raise DomainError(
            "node", call.name, f"kernel_shape={call.integers('kernel_shape')} needs to be {kernel}, as in the weights"
        )
    return kernel


def window_of(call: Call, axes: int) -> dict[str, Any]:
    """Stride and dilation per axis, and padding as a form or in pairs."""
    strides, dilations = call.integer_each("strides", axes, 1), call.integer_each("dilations", axes, 1)
    return {"stride": strides, "dilation": dilations, "padding": _padding(call, axes)}


def rows_of(sizes: Sizes, kernel: tuple[int, ...], window: dict[str, Any]) -> list[Row]:
    """Size, taps, stride, dilation and padding of each spatial axis; no padding where a form says how much."""
    pads = [(0, 0)] * len(kernel) if isinstance(window["padding"], str) else window["padding"]
    return list(zip(sizes[2:], kernel, window["stride"], window["dilation"], pads, strict=False))


def _groups(call: Call) -> int:
    groups: int = call.integer("group", 1)
    if groups < 1:
        raise DomainError("node", call.name, f"group={groups} needs group >= 1")
    return groups


@handles("Conv", "ConvInteger", "QLinearConv")
def _conv(call: Call) -> Value:
    """The weights are ``(M, C/group, *kernel)``. [onnx.Conv]"""
    place, *biases = WEIGHTS[call.op] or ()
    weight = call.weight(place)
    kernel, groups = _kernel(call, weight), _groups(call)
    bias = call.optional(biases[0]) if biases else None
    operator = Conv(
        weight[1] * groups, weight[0], kernel, groups=groups, bias=bias is not None, **window_of(call, len(kernel))
    )
    return call.emit(operator, call.value(0), params=call.params(call.value(place), bias))


@handles("ConvTranspose")
def _conv_transpose(call: Call) -> Value:
    """The weights are ``(C, M/group, *kernel)``. [onnx.ConvTranspose, auto_pad]"""
    weight = call.weight(1)
    kernel, groups, bias = _kernel(call, weight), _groups(call), call.optional(2)
    axes = len(kernel)
    window = window_of(call, axes)
    extra = call.integer_each("output_padding", axes)
    padding, extra = _transposed_padding(call, kernel, window, extra)
    operator = ConvTranspose(
        weight[0],
        weight[1] * groups,
        kernel,
        stride=window["stride"],
        padding=padding,
        dilation=window["dilation"],
        groups=groups,
        bias=bias is not None,
        output_padding=extra,
    )
    value = call.emit(operator, call.value(0), params=call.params(call.value(1), bias))
    if isinstance(window["padding"], str) and any(extra):
        other_programs.from_inference(call, value, "it enlarges even a same form by the output padding")
    return value


def _transposed_padding(
    call: Call, kernel: tuple[int, ...], window: dict[str, Any], extra: tuple[int, ...]
) -> tuple[Any, tuple[int, ...]]:
    """Padding and output padding, where ``output_shape`` or a same form says how much is taken away in total."""
    form, axes = window["padding"], len(kernel)
    wanted = call.integers("output_shape", None)
    steps = zip(kernel, window["stride"], window["dilation"], extra, strict=True)
    beyond = [reach(k, d) + 1 + more - s for k, s, d, more in steps]
    if wanted is None:
        if form in ("same_upper", "same_lower") and min(beyond) < 0:
            return _shared(beyond, form), extra
        return form, extra
    if len(wanted) != axes:
        raise DomainError("node", call.name, f"output_shape={wanted} needs one size for each of {axes} axes")
    sizes = call.sizes(0, kept=True)[2:]
    if len(sizes) != axes:
        raise DomainError("node", call.name, f"needs an input of {axes} spatial axes, and not {call.sizes(0)}")
    totals = [n * s + over - m for n, s, over, m in zip(sizes, window["stride"], beyond, wanted, strict=True)]
    if not all(isinstance(total, int) for total in totals):
        raise NotUnderstoodError("its output_shape is given, and the sizes of its input are symbols")
    longer = tuple(more + max(0, -total) for more, total in zip(extra, totals, strict=True))
    return _shared(totals, form), longer


def _shared(totals: list[int], form: Any) -> tuple[tuple[int, int], ...]:
    """What is taken away in total, before and after; the odd one before, unless the form says after."""
    halves = [divmod(max(0, total), 2) for total in totals]
    return tuple((half, half + odd) if form == "same_upper" else (half + odd, half) for half, odd in halves)


@handles("Col2Im")
def _col2im(call: Call) -> Value:
    """Columns as an image, where those of several windows overlap added up."""
    shape, block = tuple(call.whole(1)), tuple(call.whole(2))
    axes = len(block)
    pads = call.integers("pads", (0,) * (2 * axes))
    if not axes or len(shape) != axes or len(pads) != 2 * axes:
        raise DomainError("node", call.name, f"Col2Im needs a size for each axis, and not {shape}, {block}, {pads}")
    window = {"stride": call.integer_each("strides", axes, 1), "dilation": call.integer_each("dilations", axes, 1)}
    pairs = tuple(zip(pads[:axes], pads[axes:], strict=True))
    return call.emit(Fold(shape, block, padding=pairs, **window), call.value())
