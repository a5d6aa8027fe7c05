"""Attention."""

from __future__ import annotations

from ...operators import Attention
from ..builder import Builder
from ..registry import NotUnderstoodError, handles
from ..values import NOT_KNOWN, Value
from .shared import of_fractions


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
    operator = Attention(dropout=dropout_p, causal=is_causal)
    return builder.checks.note_strides(builder.emit(operator, query, key, value, *masks), NOT_KNOWN)
