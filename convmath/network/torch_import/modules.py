"""The modules of torch whose forward is not followed, as what they compute is known without it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch import nn

from ..operators import Attention, Linear, Permute, Sizes, Unknown
from .builder import Builder
from .values import Value

if TYPE_CHECKING:
    from .tracing import ModuleTracer

MODULES: dict[type, Callable[..., Any]] = {}
"""By exact type: takes the tracer, the module and its arguments; returns values."""


def _batch_norm(tracer: ModuleTracer, module: Any, input: Value) -> Any:  # noqa: A002
    """By the running statistics, whether the module trains or not."""
    weights = (module.running_mean, module.running_var, module.weight, module.bias)
    constants = [tensor if tensor is None else tracer.builder.constant(tensor) for tensor in weights]
    return tracer.builder.call("functional.batch_norm", nn.functional.batch_norm, (input, *constants), {})


for _type in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm):
    MODULES[_type] = _batch_norm


def _attention(
    tracer: ModuleTracer,
    module: Any,
    query: Value,
    key: Value,
    value: Value,
    key_padding_mask: Any = None,
    need_weights: bool = True,
    attn_mask: Any = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> Any:
    """Projections of query, key and value, attention, and a projection of the result."""
    builder = tracer.builder
    call = (query, key, value)
    mask = attn_mask if isinstance(attn_mask, Value) else None
    per_head = mask is not None and mask.sizes is not None and len(mask.sizes) == 3
    if module.bias_k is not None or module.add_zero_attn or key_padding_mask is not None or per_head:
        reason = "attention with keys of its own, with a mask of keys or with a mask for every head is not followed"
        return builder.unknown("multi_head_attention", reason, module.forward, call, {"attn_mask": attn_mask})
    return _MultiHead(builder, module)(call, mask, need_weights, average_attn_weights)


MODULES[nn.MultiheadAttention] = _attention


class _MultiHead:
    """The steps of a ``MultiheadAttention``."""

    def __init__(self, builder: Builder, module: Any) -> None:
        self.builder, self.module = builder, module
        self.fresh = builder.claim_parameters(module.parameters()) > 0

    def __call__(self, inputs: tuple[Value, ...], mask: Value | None, need_weights: bool, averaged: bool) -> Any:
        module, builder = self.module, self.builder
        widths = (module.embed_dim, module.kdim, module.vdim)
        bias = module.in_proj_bias is not None
        projected = [
            self._first(self._dense(value, width, bias, label))
            for value, width, label in zip(inputs, widths, ("query", "key", "value"), strict=True)
        ]
        masks = (mask,) if mask is not None else ()
        mixed = builder.emit(Attention(module.num_heads), *projected, *masks, label="attention")
        result = self._dense(self._first(mixed), module.embed_dim, module.out_proj.bias is not None, "out_proj")
        if not need_weights:
            return result, None
        *batch, rows, _ = mixed.known
        heads = () if averaged else (module.num_heads,)
        sizes: Sizes = (*batch, *heads, rows, projected[1].known[-2])
        reason = "the weights of attention, as a result of their own, are not followed"
        return result, builder.later(Unknown("attention_weights", reason, sizes), mixed, sizes=sizes, name="weights")

    def _dense(self, value: Value, width: int, bias: bool, label: str) -> Value:
        layer = Linear(width, self.module.embed_dim, bias)
        return self.builder.emit(layer, value, label=label, params=layer.params if self.fresh else 0)

    def _first(self, value: Value) -> Value:
        """The batch to the front, or back behind the positions."""
        if self.module.batch_first or value.rank == 2:
            return value
        return self.builder.emit(Permute((1, 0, 2)), value, label="transpose")
