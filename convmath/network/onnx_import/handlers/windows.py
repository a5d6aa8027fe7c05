"""Convolution, transposed convolution and pooling."""

from __future__ import annotations

from typing import Any

from ....division import ceil_div
from ....errors import DomainError
from ....formulas.padding import reach
from ...operators import AdaptivePool, Conv, ConvTranspose, Fold, Pad, Pool, Sizes
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..value import Value

_FORMS = {"SAME_UPPER": "same_upper", "SAME_LOWER": "same_lower", "VALID": "valid"}


def _per_axis(call: Call, name: str, axes: int, default: Any) -> tuple[int, ...]:
    """One integer an axis."""
    found: tuple[int, ...] = call.integers(name, default)
    if len(found) != axes:
        raise DomainError(
            "node", call.name, f"its attribute {name} has {len(found)} entries; needs one for each axis of {axes}"
        )
    return found


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


def _window(call: Call, axes: int) -> dict[str, Any]:
    ones = (1,) * axes
    strides, dilations = _per_axis(call, "strides", axes, ones), _per_axis(call, "dilations", axes, ones)
    return {"stride": strides, "dilation": dilations, "padding": _padding(call, axes)}


def _groups(call: Call) -> int:
    groups: int = call.integer("group", 1)
    if groups < 1:
        raise DomainError("node", call.name, f"group={groups} needs group >= 1")
    return groups


_WEIGHTS = {"Conv": (1, 2), "ConvInteger": (1, None), "QLinearConv": (3, 8)}
"""The inputs that are weights and biases."""


@handles(*_WEIGHTS)
def _conv(call: Call) -> Value:
    """The weights are ``(M, C/group, *kernel)``. [onnx.Conv]"""
    place, biases = _WEIGHTS[call.op]
    weight = call.weight(place)
    kernel, groups = _kernel(call, weight), _groups(call)
    bias = None if biases is None else call.optional(biases)
    operator = Conv(
        weight[1] * groups, weight[0], kernel, groups=groups, bias=bias is not None, **_window(call, len(kernel))
    )
    return call.emit(operator, call.value(0), params=call.params(call.value(place), bias))


@handles("ConvTranspose")
def _conv_transpose(call: Call) -> Value:
    """The weights are ``(C, M/group, *kernel)``. [onnx.ConvTranspose, auto_pad]"""
    weight = call.weight(1)
    kernel, groups, bias = _kernel(call, weight), _groups(call), call.optional(2)
    axes = len(kernel)
    window = _window(call, axes)
    extra = _per_axis(call, "output_padding", axes, (0,) * axes)
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
    return call.emit(operator, call.value(0), params=call.params(call.value(1), bias))


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


_POOLS = {"MaxPool": "max", "AveragePool": "avg", "LpPool": "lp"}
_CLAMPED = 22
"""From this opset on no window begins in the padding after the input. [onnx.MaxPool-22]"""


@handles(*_POOLS)
def _pool(call: Call) -> list[Value | None]:
    """The window slides by one element where no stride is given. [onnx.MaxPool-22]"""
    if call.op == "LpPool" and call.opset < 2 and call.integers("kernel_shape", None) is None:
        raise NotUnderstoodError("its kernel_shape is left out")
    kernel = tuple(call.integers("kernel_shape"))
    axes = len(kernel)
    window = _window(call, axes)
    ceil = bool(call.integer("ceil_mode", 0))
    padding, source = window["padding"], call.value(0)
    if not isinstance(padding, str):
        more = _padded(call, kernel, window, ceil=ceil)
        if more is not None:
            source, padding, ceil = call.emit(Pad(more), source, label="pad"), 0, False
    else:
        ceil = ceil and padding == "valid"
    operator = Pool(_POOLS[call.op], kernel, window["stride"], padding, window["dilation"], ceil)
    return [call.emit(operator, source)]


def _padded(call: Call, kernel: tuple[int, ...], window: dict[str, Any], *, ceil: bool) -> Any:
    """What to add around the input beforehand, where pooling itself cannot: None if it can.

    It can add at most half of the window on a side, and no window that begins in the padding after the input.
    """
    wide = any(2 * side > k for k, sides in zip(kernel, window["padding"], strict=True) for side in sides)
    if not wide and (not ceil or call.opset >= _CLAMPED):
        return None
    sizes = call.sizes(0, kept=True)[2:]
    if len(sizes) != len(kernel):
        raise DomainError("node", call.name, f"needs an input of {len(kernel)} spatial axes, and not {call.sizes(0)}")
    amounts, needed = [(0, 0), (0, 0)], wide
    rows = zip(sizes, kernel, window["stride"], window["dilation"], window["padding"], strict=True)
    for n, k, s, d, (lo, hi) in rows:
        if min(s, d, k) < 1:
            raise DomainError("node", call.name, "needs kernel_shape, strides and dilations >= 1")
        if not isinstance(n, int):
            raise NotUnderstoodError("its padding depends on sizes that are symbols")
        span = reach(k, d) + 1
        windows = ceil_div(n + lo + hi - span, s) + 1 if ceil else (n + lo + hi - span) // s + 1
        begun = ceil_div(n + lo, s)
        if ceil and windows > begun:
            windows = begun if call.opset >= _CLAMPED else windows
            needed = needed or call.opset < _CLAMPED
        amounts.append((lo, max(hi, (windows - 1) * s + span - n - lo)))
    return tuple(amounts) if needed else None


@handles("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def _global_pool(call: Call) -> Value:
    """One window over all of every axis."""
    how = {"GlobalAveragePool": "avg", "GlobalMaxPool": "max", "GlobalLpPool": "lp"}[call.op]
    return call.emit(AdaptivePool(how, (1,) * call.axes_of()), call.value(0))


@handles("Col2Im")
def _col2im(call: Call) -> Value:
    """Columns as an image, where those of several windows overlap added up."""
    shape, block = tuple(call.whole(1)), tuple(call.whole(2))
    axes = len(block)
    ones = (1,) * axes
    pads = call.integers("pads", (0,) * (2 * axes))
    if not axes or len(shape) != axes or len(pads) != 2 * axes:
        raise DomainError("node", call.name, f"Col2Im needs a size for each axis, and not {shape}, {block}, {pads}")
    window = {"stride": _per_axis(call, "strides", axes, ones), "dilation": _per_axis(call, "dilations", axes, ones)}
    pairs = tuple(zip(pads[:axes], pads[axes:], strict=True))
    return call.emit(Fold(shape, block, padding=pairs, **window), call.value())
