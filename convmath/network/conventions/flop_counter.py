"""The rules of torch.utils.flop_counter."""

from __future__ import annotations

from typing import Any

from ..operators import Attention, Conv, ConvTranspose, Einsum, MatMul, Recurrent
from ..operators.base import product
from ..origin import CHAIN, VECTOR
from ..row import Row
from .shared import first, is_cell, origin_of, second


def flop_counter(row: Row) -> Any:
    """Of an operator of torch, two for each multiply-accumulate; matrix by vector is not among them."""
    if isinstance(row.operator, Recurrent) and not is_cell(row):
        return None  # it is one operator, which is not counted, or a loop, by the device and the layer
    if origin_of(row).function == CHAIN:
        return None
    return 0 if _unseen(row) else 2 * row.work.macs


def flop_counter_backward(row: Row) -> Any:
    """Of the gradients of what is returned; fused attention computes its weights once more, for any of them."""
    operator = row.operator
    if isinstance(operator, Recurrent) or origin_of(row).function == CHAIN:
        return None
    if _unseen(row):
        return 0
    if isinstance(operator, Attention) and origin_of(row).name == "scaled_dot_product_attention":
        out = row.sizes or ()
        each = product(out[:-1]) * second(row)[-2] * (3 * first(row)[-1] + 2 * out[-1])
        return 2 * each if any(row.learned) else 0
    groups = operator.groups if isinstance(operator, (Conv, ConvTranspose)) and row.trained else 1
    return 2 * (row.backward_macs + (groups - 1) * row.work.macs)


def _unseen(row: Row) -> bool:
    """Whether torch computes products by an operator that is not counted."""
    origin = origin_of(row)
    return isinstance(row.operator, (MatMul, Einsum)) and (origin.function == VECTOR or origin.name == "bilinear")
