"""One call of a kernel and the answer that a method expects."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

FORWARD = {
    "grad_input": "conv",
    "grad_weight": "conv",
    "grad_bias": "conv",
    "max_pool_grad_input": "max_pool",
    "avg_pool_grad_input": "avg_pool",
}
"""The layer that a gradient belongs to."""


@dataclass(frozen=True)
class Call:
    """Arguments as NumPy arrays, keywords as kernels take them, and the answer."""

    arguments: tuple[Any, ...]
    options: dict[str, Any]
    expected: Any

    def answer(self, kernel: Callable[..., Any]) -> Any:
        """What the kernel gives for copies of the arguments."""
        given = [None if argument is None else argument.copy() for argument in self.arguments]
        return np.ascontiguousarray(kernel(*given, **self.options))


def any_fails(kernel: Callable[..., Any], calls: Iterable[Call], compare: Callable[[Any, Any], None]) -> bool:
    """Whether one of the calls raises, or its answer is refused by the comparison."""
    for call in calls:
        try:
            compare(call.answer(kernel), call.expected)
        except Exception:  # whatever a wrong kernel raises fails the test that calls it
            return True
    return False


def per_axis(value: Any, ndim: int) -> tuple[int, ...]:
    """One int per axis of what torch takes for a size."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return tuple(int(entry) for entry in (values * ndim if len(values) == 1 else values))


def pairs(padding: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    """Both sides per axis of torch's padding."""
    return tuple((side, side) for side in per_axis(padding, ndim))


def same_padding(kernel_size: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
    """What torch's padding="same" stands for, at stride 1: the odd one at the end."""
    totals = [d * (k - 1) for k, d in zip(kernel_size, dilation, strict=True)]
    return tuple((total // 2, total - total // 2) for total in totals)
