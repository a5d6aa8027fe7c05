"""Attention."""

from __future__ import annotations

from typing import Any

import torch

from ...operators import Attention
from .. import calls
from ..builder import Builder
from ..registry import RefusedError, handles
from ..values import NOT_KNOWN, Value
from .shared import drops, of_fractions


def of_mask(name: str, kind: Any, *kinds: Any) -> None:
    """Require the type of a mask to be one of some, or a fraction that automatic casts make such.

    Raises:
        RefusedError: it is another.
    """
    if kind in kinds or (kind.is_floating_point and calls.casts_by_itself()):
        return
    needs = " or ".join(map(str, dict.fromkeys(kinds)))
    raise RefusedError(name, kind, f"attention needs masks of {needs}, as mask.to({kinds[-1]}) makes it")


def _may_be_fused(*tensors: Value) -> bool:
    """Whether one kernel on a CPU may take these, as far as it is known how they lie."""
    apart = any(one.strides and one.strides[-1] != 1 for one in tensors)
    return not apart and all(one.rank == 4 and one.carried[-1] == tensors[0].carried[-1] for one in tensors)


@handles("scaled_dot_product_attention", contiguous=True)
def _attention(
    builder: Builder,
    query: Value,
    key: Value,
    value: Value,
    attn_mask: Value | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Value:
    """Every query reads every key, whatever a mask leaves of it, unless only those up to its place.

    How the result lies in memory goes by the algorithm that torch chooses on a device.
    """
    of_fractions("attention", query)
    grouped = enable_gqa and any(query.carried[-3] != one.carried[-3] for one in (key, value))
    if is_causal and attn_mask is not None and (dropout_p or not _may_be_fused(query, key, value)):
        needs = "attention takes it with attn_mask only without dropout, and where one kernel of torch's computes all"
        how = "of 4 dimensions, with as many features in each, side by side in memory: put it into the mask"
        raise RefusedError("is_causal", True, f"{needs}, {how}")
    masks = () if attn_mask is None else (attn_mask,)
    for mask in masks:
        if mask.sizes is not None:
            of_mask("attn_mask", mask.dtype, torch.bool, torch.float32, query.dtype)
    result = builder.emit(Attention(dropout=dropout_p, causal=is_causal, grouped=grouped), query, key, value, *masks)
    return builder.checks.note_strides(drops(builder, result) if dropout_p else result, NOT_KNOWN)
