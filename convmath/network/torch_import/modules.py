"""The modules of torch whose forward is not followed, as what they compute is known without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.ao.quantization import FakeQuantizeBase, ObserverBase
from torch.nn import functional as F  # noqa: N812

from ...errors import DomainError
from ..operators import Attention, Concat, Expand, Identity, Linear, Pad, Permute, Reshape, Sizes, Unknown
from ..operators.base import product
from ..sizes.in_operators import numbers
from .builder import Builder
from .handlers.attention import of_mask
from .handlers.layout import squeeze, unsqueeze
from .handlers.shared import is_whole
from .registry import name_of
from .values import NOT_KNOWN, Value

if TYPE_CHECKING:
    from .tracing import ModuleTracer

MODULES: dict[type, Callable[..., Any]] = {}
"""By exact type: takes the tracer, the module and its arguments; returns values."""


def handler_of(module: Any) -> Callable[..., Any] | None:
    """What takes the place of a module's forward; None where that is followed."""
    own = vars(module)
    if "forward" in own or own.get("padding_mode", "zeros") != "zeros":
        return _script if isinstance(module, torch.jit.ScriptModule) else None
    if type(module) in MODULES:
        return MODULES[type(module)]
    return _rounded if isinstance(module, (FakeQuantizeBase, ObserverBase)) else None


def _script(tracer: ModuleTracer, module: Any, *args: Any, **kwargs: Any) -> Any:
    """Unknown, with the sizes that it gives when it runs without elements."""
    reason = "it is compiled by torch.jit, which leaves no forward to follow"
    return _not_followed(tracer.builder, module, module.original_name, reason, args, kwargs)


def _not_followed(
    builder: Builder, module: Any, name: str, reason: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Any:
    """The results of a module that is not understood, with its parameters."""
    first = len(builder.steps)
    result = builder.unknown(name, reason, module.forward, args, kwargs)
    if first < len(builder.steps):
        builder.parameters.count(module.parameters(), first)
    return result


def _rounded(tracer: ModuleTracer, module: Any, X: Value) -> Any:  # noqa: N803
    """What is looked at, or rounded as it will be later on: nothing that is counted."""
    return tracer.builder.emit(Identity("fake_quantize"), X)


def _calls(function: Any, *names: str) -> Callable[..., Any]:
    """A forward that passes its input and the module's attributes of these names to a function of torch."""

    def call(tracer: ModuleTracer, module: Any, input: Value) -> Any:  # noqa: A002
        values = {name: tracer.value(_attribute(module, name)) for name in names}
        return tracer.builder.call(name_of(function), function, (input,), values)

    return call


def _attribute(module: Any, name: str) -> Any:
    """As the module holds it, without what torch.fx makes of it."""
    for place in (vars(module), module._parameters, module._buffers):
        if name in place:
            return place[name]
    return getattr(module, name)


_WEIGHTS = ("weight", "bias")
_WINDOW = ("stride", "padding", "dilation", "groups")
for _type, _function in ((nn.Conv1d, F.conv1d), (nn.Conv2d, F.conv2d), (nn.Conv3d, F.conv3d)):
    MODULES[_type] = _calls(_function, *_WEIGHTS, *_WINDOW)
_RANKS: dict[type, tuple[int, ...]] = {
    nn.BatchNorm1d: (2, 3),
    nn.BatchNorm2d: (4,),
    nn.BatchNorm3d: (5,),
    **dict.fromkeys((nn.LSTM, nn.GRU, nn.RNN, nn.MultiheadAttention), (2, 3)),
}
"""The numbers of dimensions that they take."""


def _require_rank(tracer: ModuleTracer, module: Any, value: Value) -> None:
    """Require as many dimensions as torch's module takes."""
    ranks = _RANKS.get(type(module), ())
    if ranks and value.sizes is not None and value.rank not in ranks:
        needs = f"{type(module).__name__} needs {' or '.join(map(str, ranks))} dimensions"
        has = f"its input has {value.rank}, {numbers(value.sizes)} with the batch"
        raise DomainError("node", tracer.builder.scope, f"{has}: {needs}")


def _batch_norm(tracer: ModuleTracer, module: Any, input: Value) -> Any:  # noqa: A002
    """By the running statistics, in training, too; where there are none, by those of the input."""
    _require_rank(tracer, module, input)
    own = (_attribute(module, name) for name in ("running_mean", "running_var", *_WEIGHTS))
    values = [tracer.value(one) for one in own]
    return tracer.builder.call(name_of(F.batch_norm), F.batch_norm, (input, *values, values[0] is None), {})


for _type in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm):
    MODULES[_type] = _batch_norm
MODULES[nn.Linear] = _calls(F.linear, *_WEIGHTS)
MODULES[nn.ReLU] = _calls(F.relu, "inplace")


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
    for one in call:
        _require_rank(tracer, module, one)
    masks = (attn_mask, key_padding_mask)
    by_hint = is_causal is True and key_padding_mask is None and not need_weights
    causal = by_hint and attn_mask is not None and module.bias_k is None and not module.add_zero_attn
    try:
        if is_causal is True and attn_mask is None and not _may_be_fast(module, call):
            raise DomainError("is_causal", True, "MultiheadAttention needs attn_mask with it")
        _require_masks(query, masks, () if by_hint else masks, need_weights)
        return _MultiHead(tracer, module)(call, masks, need_weights, average_attn_weights, causal=causal)
    except DomainError as error:
        raise DomainError("node", builder.scope, str(error)) from error


MODULES[nn.MultiheadAttention] = _attention


def _may_be_fast(module: Any, call: tuple[Value, Value, Value]) -> bool:
    """Whether torch may compute it in one function, which knows no hint: it does so without gradients."""
    alone = call[0] is call[1] is call[2] and module.in_proj_weight is not None and module.in_proj_bias is not None
    plain = not module.training and module.batch_first and module.bias_k is None and not module.add_zero_attn
    return bool(alone and plain and module.num_heads % 2 == 0 and call[0].rank == 3)


def _require_masks(query: Value, given: tuple[Any, Any], used: tuple[Any, ...], need_weights: bool) -> None:
    """Require masks of true and false, or fractions; the sum of those that are used as torch's functions take it."""
    for name, mask in zip(("attn_mask", "key_padding_mask"), given, strict=True):
        if mask is not None and is_whole(mask.dtype):
            of_mask(name, mask.dtype, torch.bool)
    kinds = [query.dtype if mask.dtype is torch.bool else mask.dtype for mask in used if mask is not None]
    if kinds and query.sizes is not None:
        others = () if need_weights else (torch.float32,)
        of_mask("attn_mask", reduce(torch.promote_types, kinds), *others, query.dtype)


class _MultiHead:
    """The steps of a ``MultiheadAttention``."""

    def __init__(self, tracer: ModuleTracer, module: Any) -> None:
        self.builder, self.module = tracer.builder, module
        self.more = [tracer.value(one) for one in (module.bias_k, module.bias_v)]
        weights = [self.builder.parameters.value(weight) for weight in module.parameters()]
        self.weights = [weight for weight in weights if weight not in self.more]
        self.claimed = self.builder.parameters.claim(*self.weights)
        self.fresh = self.claimed == sum(product(weight.sizes or ()) for weight in self.weights)

    def __call__(
        self,
        inputs: tuple[Value, ...],
        given: tuple[Value | None, Value | None],
        need_weights: bool,
        averaged: bool,
        *,
        causal: bool,
    ) -> Any:
        module, builder = self.module, self.builder
        widths = (module.embed_dim, module.kdim, module.vdim)
        bias = module.in_proj_bias is not None
        query, *pair = [
            self._first(self._dense(value, width, bias, label))
            for value, width, label in zip(inputs, widths, ("query", "key", "value"), strict=True)
        ]
        masks = self._masks(query, *given)
        if self.more[0] is not None:
            pair, masks = self._longer(pair, self.more, masks)
        if module.add_zero_attn:
            zeros = Value((1, 1, module.embed_dim), query.dtype, constant=True, name="zeros")
            pair, masks = self._longer(pair, [zeros, zeros], masks)
        scores = "torch.baddbmm" if masks else "torch.bmm"
        function = scores if need_weights else "functional.scaled_dot_product_attention"
        attention = Attention(module.num_heads, module.dropout, causal)
        mixed = builder.emit(attention, query, *pair, *masks, label="attention", function=function)
        result = self._dense(self._first(mixed), module.embed_dim, module.out_proj.bias is not None, "out_proj")
        if module.batch_first:  # transposed, unless torch takes its fast way
            builder.checks.note_strides(result, NOT_KNOWN)
        if not need_weights:
            return result, None
        *batch, rows, _ = mixed.carried
        heads = () if averaged else (module.num_heads,)
        sizes: Sizes = (*batch, *heads, rows, pair[0].carried[-2])
        reason = "the weights of attention, as a result of their own, are not followed"
        return result, builder.later(Unknown("attention_weights", reason, sizes), mixed, sizes=sizes, name="weights")

    def _masks(self, query: Value, mask: Value | None, padding: Value | None) -> list[Value]:
        """As attention takes them: one for every head has a dimension for these, one of keys has one for queries."""
        found = [one for one in (mask, padding) if one is not None]
        batched = query.rank == 3
        if mask is not None and mask.rank == 3 and batched:
            shape = (query.carried[0], self.module.num_heads, *mask.carried[1:])
            found[0] = self.builder.emit(Reshape(shape), mask, label="mask")
        if padding is not None and batched:
            found[-1] = unsqueeze(self.builder, padding, 1)
        return found

    def _longer(self, pair: list[Value], more: list[Any], masks: list[Value]) -> tuple[list[Value], list[Value]]:
        """Keys and values with one more each at the end, which no mask hides."""
        emit, at = self.builder.emit, pair[0].rank - 2
        longer = []
        for own, one in zip(pair, more, strict=True):
            shape = (*own.carried[:at], 1, own.carried[-1])
            added = emit(Expand(shape) if at else Reshape(shape), one, label="expand")
            longer.append(emit(Concat(at), own, added, label="concat"))
        pads = (((0, 0),) * (one.rank - 1) + ((0, 1),) for one in masks)
        return longer, [emit(Pad(amounts), one, label="pad") for one, amounts in zip(masks, pads, strict=True)]

    def _dense(self, value: Value, width: int, bias: bool, label: str) -> Value:
        layer = Linear(width, self.module.embed_dim, bias)
        params, self.claimed = layer.params if self.fresh else self.claimed, 0
        return self.builder.emit(
            layer, value, weights=self._weights(label), label=label, params=params, function="functional.linear"
        )

    def _weights(self, label: str) -> list[Value]:
        """The weights and the bias of a projection."""
        module, names = self.module, ("in_proj_weight", f"{label[0]}_proj_weight", "in_proj_bias")
        own = module.out_proj.parameters() if label == "out_proj" else map(module._parameters.get, names)
        return [self.builder.parameters.value(one) for one in own if one is not None]

    def _first(self, value: Value) -> Value:
        """The batch to the front, or back behind the positions."""
        if self.module.batch_first or value.rank == 2:
            return value
        return self.builder.emit(Permute((1, 0, 2)), value, label="transpose")


def _recurrent(tracer: ModuleTracer, module: Any, input: Value, hx: Any = None) -> Any:  # noqa: A002
    """The layer as torch's function of the same name, from states of 0 where none are given."""
    builder, function = tracer.builder, module.mode.lower()
    lstm = function == "lstm"
    x, states = input, ([] if hx is None else list(hx) if lstm else [hx])
    if isinstance(input, Value):
        _require_rank(tracer, module, input)
    if isinstance(input, Value) and input.sizes and numbers(input.sizes)[-1] != module.input_size:
        needs = f"features={numbers(input.sizes)[-1]}: {function} needs {module.input_size}"
        raise DomainError("node", builder.scope, needs)
    if x.rank == 2:
        x, states = (unsqueeze(builder, x, 0 if module.batch_first else 1), [unsqueeze(builder, s, 1) for s in states])
    if not states:
        cells = module.num_layers * (2 if module.bidirectional else 1)
        batch = x.carried[0 if module.batch_first else 1]
        features = [module.proj_size or module.hidden_size, *([module.hidden_size] if lstm else [])]
        states = [Value((cells, batch, n), x.dtype, constant=True, name="zeros") for n in features]
    weights = [builder.parameters.value(weight) for weight in module._flat_weights]
    options = (module.bias, module.num_layers, module.dropout, module.training, module.bidirectional)
    call = (x, states if lstm else states[0], weights, *options, module.batch_first)
    result = builder.call(function, getattr(torch._VF, function), call, {})
    if x is not input:
        output, *ends = result
        dims = (0 if module.batch_first else 1, *(1 for _ in ends))
        result = [squeeze(builder, one, dim) for one, dim in zip((output, *ends), dims, strict=True)]
    output, *ends = result
    return output, tuple(ends) if lstm else ends[0]


for _type in (nn.LSTM, nn.GRU, nn.RNN):
    MODULES[_type] = _recurrent
