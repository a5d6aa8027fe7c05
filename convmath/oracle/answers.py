"""The exact function of each kind of case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from . import exact

ANSWERS: dict[str, Callable[..., npt.NDArray[Any]]] = {
    "conv": exact.conv_forward,
    "conv_transpose": exact.conv_transpose_forward,
    "grad_input": exact.conv_grad_input,
    "grad_weight": exact.conv_grad_weight,
    "grad_bias": exact.conv_grad_bias,
    "max_pool": exact.max_pool,
    "avg_pool": exact.avg_pool,
    "max_pool_grad_input": exact.max_pool_grad_input,
    "avg_pool_grad_input": exact.avg_pool_grad_input,
}
"""By kind: what takes the case's arguments and options to its answer."""
