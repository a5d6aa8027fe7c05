"""Attention."""

from __future__ import annotations

from typing import Any

import torch

from ...operators import Attention
from .. import calls
from ..builder import Builder
from ..registry import NotUnderstoodError, RefusedError, handles
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
    if enable_gqa and query.carried[-3] != key.carried[-3]:
        raise NotUnderstoodError("queries that share keys in groups are not followed")
    masks = () if attn_mask is None else (attn_mask,)
    for mask in masks:
        if mask.sizes is not None:
            of_mask("attn_mask", mask.dtype, torch.bool, torch.float32, query.dtype)
    result = builder.emit(Attention(dropout=dropout_p, causal=is_causal), query, key, value, *masks)
    return builder.checks.note_strides(drops(builder, result) if dropout_p else result, NOT_KNOWN)
