"""Pooling."""

from __future__ import annotations

from typing import Any

from ....division import ceil_div, is_symbolic
from ....errors import DomainError
from ....formulas.padding import reach
from ...operators import AdaptivePool, Pad, Pool
from .. import other_programs
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..value import Value
from .windows import rows_of, window_of

_POOLS = {"MaxPool": "max", "AveragePool": "avg", "LpPool": "lp"}
_CLAMPED = 22
"""From this opset on no window begins in the padding after the input. [onnx.MaxPool-22]"""


@handles(*_POOLS)
def _pool(call: Call) -> list[Value | None]:
    """The window slides by one element where no stride is given. [onnx.MaxPool-22]"""
    if call.op == "LpPool" and call.opset < 2 and call.integers("kernel_shape", None) is None:
        raise NotUnderstoodError("its kernel_shape is left out")
    kernel = tuple(call.integers("kernel_shape"))
    window = window_of(call, len(kernel))
    rounds_up = ceil = bool(call.integer("ceil_mode", 0))
    padding, source = window["padding"], call.value(0)
    sizes = source.sizes
    if not ceil:
        _require_a_window(call, kernel, window)
    if not isinstance(padding, str):
        more = _padded(call, kernel, window, ceil=ceil)
        if more is not None:
            source, padding, ceil = call.emit(Pad(more), source, label="pad"), 0, False
    else:
        ceil = ceil and padding == "valid"
    operator = Pool(_POOLS[call.op], kernel, window["stride"], padding, window["dilation"], ceil)
    value = call.emit(operator, source)
    if sizes is not None and value.sizes is not None:
        form = window["padding"] if isinstance(window["padding"], str) else ""
        other_programs.pooled(call, value, sizes, rows_of(sizes, kernel, window), form=form, ceil=rounds_up)
    if isinstance(padding, str) and rounds_up and call.opset < _CLAMPED:
        other_programs.from_inference(call, value, f"in ceil mode it adds a window to the form {padding}")
    return [value]


def _require_a_window(call: Call, kernel: tuple[int, ...], window: dict[str, Any]) -> None:
    """Require that a whole window fits, where programs round the number of windows towards zero."""
    if window["padding"] in ("same_upper", "same_lower"):
        return
    for n, k, s, d, (lo, hi) in rows_of(call.value(0).sizes or (), kernel, window):
        room = n + lo + hi - reach(k, d) - 1
        if isinstance(room, int) and -s < room < 0:
            fits = f"a window of {reach(k, d) + 1} elements does not fit into {n} + {lo} + {hi} after padding"
            others = f"the onnx package and ONNX Runtime round {room}/{s} towards zero, and count one window"
            raise DomainError("node", call.name, f"{fits}, so that there is none by the text of {call.op}; {others}")


def _padded(call: Call, kernel: tuple[int, ...], window: dict[str, Any], *, ceil: bool) -> Any:
    """What to add around the input beforehand, where pooling itself cannot: None if it can.

    It can add at most half of the window on a side, and no window that begins in the padding after the input.
    """
    wide = any(2 * side > k for k, sides in zip(kernel, window["padding"], strict=True) for side in sides)
    if not wide and (not ceil or call.opset >= _CLAMPED):
        return None
    sizes = call.sizes(0, kept=True)
    if len(sizes) != len(kernel) + 2:
        raise DomainError("node", call.name, f"needs an input of {len(kernel)} spatial axes, and not {call.sizes(0)}")
    amounts, needed = [(0, 0), (0, 0)], wide
    for n, k, s, d, (lo, hi) in rows_of(sizes, kernel, window):
        if min(s, d, k) < 1:
            raise DomainError("node", call.name, "needs kernel_shape, strides and dilations >= 1")
        if is_symbolic(n):
            raise NotUnderstoodError("its padding depends on sizes that are symbols")
        if ceil:
            span = reach(k, d) + 1
            windows = ceil_div(n + lo + hi - span, s) + 1
            if (windows - 1) * s >= n + lo:
                windows -= call.opset >= _CLAMPED
                needed = needed or call.opset < _CLAMPED
            hi = (windows - 1) * s + span - n - lo
        amounts.append((lo, hi))
    return tuple(amounts) if needed else None


@handles("GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool")
def _global_pool(call: Call) -> Value:
    """One window over all of every axis."""
    how = {"GlobalAveragePool": "avg", "GlobalMaxPool": "max", "GlobalLpPool": "lp"}[call.op]
    return call.emit(AdaptivePool(how, (1,) * call.axes_of()), call.value(0))
