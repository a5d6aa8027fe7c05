"""What each layer computes, as nested loops over its definition: slow, exact, and the truth that the rest is held to.

Ints and Fractions stay exact; floats are added in the order of the loops. Results are object arrays of Python numbers.
"""

from __future__ import annotations

from .conv import (
    conv_forward,
    conv_grad_bias,
    conv_grad_input,
    conv_grad_weight,
    conv_transpose_forward,
    conv_transpose_grad_input,
    conv_transpose_grad_weight,
)
from .patches import fold, unfold
from .pool import (
    adaptive_avg_pool,
    adaptive_avg_pool_grad_input,
    adaptive_max_pool,
    adaptive_max_pool_grad_input,
    adaptive_max_pool_indices,
    avg_pool,
    avg_pool_grad_input,
    max_pool,
    max_pool_grad_input,
    max_pool_indices,
)

__all__ = [
    "adaptive_avg_pool",
    "adaptive_avg_pool_grad_input",
    "adaptive_max_pool",
    "adaptive_max_pool_grad_input",
    "adaptive_max_pool_indices",
    "avg_pool",
    "avg_pool_grad_input",
    "conv_forward",
    "conv_grad_bias",
    "conv_grad_input",
    "conv_grad_weight",
    "conv_transpose_forward",
    "conv_transpose_grad_input",
    "conv_transpose_grad_weight",
    "fold",
    "max_pool",
    "max_pool_grad_input",
    "max_pool_indices",
    "unfold",
]
