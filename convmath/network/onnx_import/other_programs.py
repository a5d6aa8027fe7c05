"""Where programs give an output another size than the text of its operator: remarks on the node, with their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..operators import Sizes
from . import framework
from .value import Value

if TYPE_CHECKING:
    from .call import Call
    from .handlers.windows import Row

EXACT = 2**24
"""Integers up to this are exact as 32-bit floats."""

INFERENCE = "the inference of the onnx package"


def from_inference(call: Call, value: Value, why: str) -> None:
    """Remark the sizes that the inference of the onnx package gives, if they are others; ``why`` says what it does."""
    for told in framework.inferred(call)[:1]:
        if told is not None:
            say(call, value, told, INFERENCE, why)


def pooled(call: Call, value: Value, source: Sizes, rows: Sequence[Row], *, form: str, ceil: bool) -> None:
    """Remark the sizes that ONNX Runtime gives a pooling layer, if they are others.

    Args:
        call: the node.
        value: its output.
        source: the sizes of its input.
        rows: size, taps, stride, dilation and padding of each spatial axis.
        form: the form of padding; empty where that is given in numbers.
        ceil: whether the number of windows is rounded up.
    """
    if any(not isinstance(n, int) or max(lo, hi) >= k for n, k, _, _, (lo, hi) in rows):
        return  # ONNX Runtime refuses so wide a padding
    found = tuple(windows_of_runtime(*row, form=form, ceil=ceil) for row in rows)
    if "same" in form and any(d > 1 for _, _, _, d, _ in rows):
        why = "it pads a same form by the kernel without its dilation"
    elif any(n + lo + hi > EXACT for n, _, _, _, (lo, hi) in rows):
        why = "in ceil mode it divides as 32-bit floats"
    else:
        why = "in ceil mode it drops a window that begins in the padding, in every opset"
    say(call, value, (*source[:2], *found), "ONNX Runtime", why)


def windows_of_runtime(n: int, k: int, s: int, d: int, pads: tuple[int, int], *, form: str, ceil: bool) -> int:
    """The positions of a pooling layer in ONNX Runtime, on one axis. [onnxruntime.PoolAttributes]

    >>> windows_of_runtime(7, 2, 4, 1, (1, 1), form="", ceil=True)
    2
    """
    lo, hi = pads
    if "same" in form:
        total = (-(-n // s) - 1) * s + k - n
        half = _towards_zero(total + (form == "same_lower"), 2)
        lo, hi = half, total - half
    room = n + lo + hi - d * (k - 1) - 1
    if not ceil:
        return _towards_zero(room, s) + 1
    windows = int(np.ceil(np.float32(room) / np.float32(s))) + 1
    return windows - ((windows - 1) * s >= n + lo)


def _towards_zero(a: int, b: int) -> int:
    return -(-a // b) if a < 0 else a // b


def say(call: Call, value: Value, sizes: Sizes, program: str, why: str) -> None:
    """Remark the sizes that a program gives, if they are others."""
    if value.sizes is not None and value.sizes != sizes:
        call.remark(value, f"{program} gives the output {_shown(sizes)} and not {_shown(value.sizes)}: {why}")


def _shown(sizes: Sizes) -> str:
    return "x".join(map(str, sizes[1:]))
