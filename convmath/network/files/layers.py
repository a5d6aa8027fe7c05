"""The layers that a network's file may name, and their options; ``docs/networks.md`` has them as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from inspect import Parameter, signature
from types import MappingProxyType
from typing import Any, TypeAlias

from ...errors import DomainError
from ..node import Node
from ..operators import (
    Activation,
    Attention,
    Combine,
    Concat,
    Cumulative,
    Dropout,
    Einsum,
    Embedding,
    Expand,
    ExpandKeeping,
    Flatten,
    Flip,
    Identity,
    Input,
    Linear,
    LocalResponseNorm,
    MatMul,
    Norm,
    Operator,
    Permute,
    Recurrent,
    Reduce,
    Repeat,
    Reshape,
    ReshapeKeeping,
    Sizes,
    Slice,
    SliceFromEnd,
    Softmax,
    Sort,
)
from ..operators.base import product
from ..operators.einsum import parsed
from ..placement import Placement
from . import spatial
from .options import Count, Each, Flag, Integer, Share, Text, dim_of, dims_of, spread

Make: TypeAlias = Callable[..., Operator]
"""Takes the sizes of the first input, and the options of the layer by name."""

MakeSeveral: TypeAlias = Callable[..., list[Node]]
"""Takes the name of the layer, the names of its inputs and the sizes of each, and the options of the layer by name."""


def _reduce(how: str, sizes: Sizes, *, dim: Each, keepdim: Flag = False) -> Operator:
    return Reduce(how, dims_of(sizes, dim), keepdim)


def _linear(sizes: Sizes, *, out_features: Count, bias: Flag = True) -> Operator:
    return Linear(sizes[-1], out_features, bias)


def _batch_norm(sizes: Sizes, *, affine: Flag = True) -> Operator:
    return Norm("batch_norm", 2 * _channels(sizes) if affine else 0)


def _instance_norm(sizes: Sizes, *, affine: Flag = False) -> Operator:
    return Norm("instance_norm", 2 * _channels(sizes) if affine else 0, tuple(range(2, len(sizes))))


def _channels(sizes: Sizes) -> Any:
    return sizes[1] if len(sizes) > 1 else 0


def _group_norm(sizes: Sizes, *, num_groups: Count = 1, affine: Flag = True) -> Operator:
    if len(sizes) < 2 or sizes[1] % num_groups:
        raise DomainError("num_groups", num_groups, f"needs to divide the channels of {sizes}")
    return Norm("group_norm", 2 * sizes[1] if affine else 0, tuple(range(1, len(sizes))), num_groups)


def _local_response_norm(sizes: Sizes, *, size: Count) -> Operator:
    return LocalResponseNorm(size, size // 2)


def _of_features(name: str, learned: int, sizes: Sizes, *, elementwise_affine: Flag = True) -> Operator:
    """A norm over the last dimension, with so many learned numbers for each feature."""
    return Norm(name, learned * sizes[-1] if elementwise_affine else 0, (len(sizes) - 1,))


def _dropout(channels: bool, sizes: Sizes, *, p: Share = 0.5) -> Operator:
    return Dropout(p, channels)


def _plain(operator: Operator, sizes: Sizes) -> Operator:
    """One that has no options."""
    return operator


def _prelu(sizes: Sizes, *, num_parameters: Integer = 1) -> Operator:
    return Activation("prelu", num_parameters)


def _along(make: Callable[[int], Operator], sizes: Sizes, *, dim: Each = 1) -> Operator:
    return make(dim_of(sizes, dim))


def _flatten(sizes: Sizes, *, start_dim: Integer = 1, end_dim: Integer = -1) -> Operator:
    return Flatten(start_dim, end_dim)


def _reshape(sizes: Sizes, *, shape: Each) -> Operator:
    return Reshape((0, *spread(shape, 1)))


def _squeeze(sizes: Sizes, *, dim: Each) -> Operator:
    dims = dims_of(sizes, dim)
    if any(sizes[one] != 1 for one in dims):
        raise DomainError("dim", dim, f"needs dimensions of size 1, and the input has the sizes {sizes}")
    kept = tuple(one for one in range(len(sizes)) if one not in dims)
    return ReshapeKeeping((0,) * len(kept), kept)


def _unsqueeze(sizes: Sizes, *, dim: Each) -> Operator:
    at = dim_of((*sizes, 1), dim)
    return ReshapeKeeping((*(0,) * at, 1, *(0,) * (len(sizes) - at)), tuple(range(len(sizes))))


def _expand(sizes: Sizes, *, size: Each) -> Operator:
    whole = spread(size, 1)
    return (ExpandKeeping if -1 in whole else Expand)(whole)


def _slice(sizes: Sizes, *, dim: Each, start: Integer = 0, stop: Integer = None, step: Integer = 1) -> Operator:
    """Ends that are counted from the end stay there at other sizes, too; without a stop it goes to the end."""
    own = dim_of(sizes, dim)
    if stop == 0:
        raise DomainError("stop", stop, "needs a stop after its start; without stop, a slice goes to the end")
    if stop is None or start < 0 or stop < 0:
        return SliceFromEnd(own, start, stop or 0, step)
    return Slice(own, start, stop, step)


def _over(make: Callable[[tuple[int, ...]], Operator], sizes: Sizes, *, dims: Each) -> Operator:
    return make(dims_of(sizes, dims))


def _repeat(sizes: Sizes, *, repeats: Each) -> Operator:
    return Repeat(spread(repeats, 1))


def _cumulative(name: str, sizes: Sizes, *, dim: Each = 1, reverse: Flag = False) -> Operator:
    return Cumulative(name, dim_of(sizes, dim), reverse)


def _sort(sizes: Sizes, *, dim: Each = -1) -> Operator:
    return Sort("sort", dim_of(sizes, dim))


def _topk(sizes: Sizes, *, k: Count, dim: Each = -1) -> Operator:
    return Sort("topk", dim_of(sizes, dim), k)


def _embedding(sizes: Sizes, *, num_embeddings: Count, embedding_dim: Count) -> Operator:
    return Embedding(num_embeddings, embedding_dim)


def _recurrent(
    cell: str,
    sizes: Sizes,
    *,
    hidden_size: Count,
    num_layers: Count = 1,
    bias: Flag = True,
    bidirectional: Flag = False,
) -> Operator:
    if len(sizes) != 3:
        raise DomainError("inputs", sizes, f"{cell} needs a sequence: the batch, its length, and features")
    return Recurrent(cell, sizes[-1], hidden_size, 1, num_layers, bias, bidirectional)


def _einsum(sizes: Sizes, *, equation: Text) -> Operator:
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    if any("." in term for term in terms):
        raise DomainError("equation", equation, "needs a letter for each dimension")
    return Einsum(*parsed(equation, [len(term) for term in terms]))


def _attention(
    sizes: Sizes,
    *,
    num_heads: Count = 1,
    dropout_p: Share = 0.0,
    is_causal: Flag = False,
    enable_gqa: Flag = False,
) -> Operator:
    return Attention(num_heads, dropout_p, is_causal, enable_gqa)


def _parameter(name: str, inputs: Sequence[str], sizes: Sequence[Sizes], *, shape: Each) -> list[Node]:
    whole = spread(shape, 1)
    return [Node(name, Input(whole), (), product(whole), placement=Placement(stored=True))]


def _multi_head_attention(
    name: str,
    inputs: Sequence[str],
    sizes: Sequence[Sizes],
    *,
    num_heads: Count,
    dropout: Share = 0.0,
    bias: Flag = True,
) -> list[Node]:
    """Projections of query, key and value, attention, and a projection of the result, as torch's module has them."""
    if len(inputs) not in (1, 3):
        raise DomainError("inputs", list(inputs), "needs one for all, or query, key and value")
    features = sizes[0][-1]
    if features % num_heads:
        raise DomainError("num_heads", num_heads, f"needs to divide the {features} features of the query")
    given = [*zip(inputs, sizes, strict=True)] * (3 if len(inputs) == 1 else 1)
    parts = [f"{name}.{part}" for part in ("query", "key", "value")]
    return [
        *(Node(part, Linear(own[-1], features, bias), (one,)) for part, (one, own) in zip(parts, given, strict=True)),
        Node(f"{name}.attention", Attention(num_heads, dropout), tuple(parts)),
        Node(name, Linear(features, features, bias), (f"{name}.attention",)),
    ]


_ACTIVATIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus"),
    *("softsign", "log_sigmoid", "hardsigmoid", "hardswish", "hardtanh", "hardshrink", "softshrink", "tanhshrink"),
    *("abs", "exp", "log", "sqrt", "square"),
)
_COMBINED = ("add", "sub", "mul", "div", "maximum", "minimum", "pow")
_REDUCTIONS = ("mean", "sum", "prod", "amax", "amin", "var", "std", "norm", "logsumexp")

JOINS = (*_COMBINED, "concat", "matmul")
"""The layers that join what several others give, so that the one before them says too little."""

LAYERS: Mapping[str, Make] = MappingProxyType(
    {
        "conv": spatial.conv,
        "conv_transpose": spatial.conv_transpose,
        "max_pool": spatial.max_pool,
        "avg_pool": spatial.avg_pool,
        "lp_pool": spatial.lp_pool,
        "adaptive_max_pool": partial(spatial.adaptive, "max"),
        "adaptive_avg_pool": partial(spatial.adaptive, "avg"),
        **{name: partial(_reduce, name) for name in _REDUCTIONS},
        "linear": _linear,
        "batch_norm": _batch_norm,
        "instance_norm": _instance_norm,
        "layer_norm": partial(_of_features, "layer_norm", 2),
        "group_norm": _group_norm,
        "rms_norm": partial(_of_features, "rms_norm", 1),
        **{name: partial(_plain, Activation(name)) for name in _ACTIVATIONS},
        "local_response_norm": _local_response_norm,
        "prelu": _prelu,
        "softmax": partial(_along, Softmax),
        "identity": partial(_plain, Identity()),
        "dropout": partial(_dropout, False),
        "feature_dropout": partial(_dropout, True),
        **{name: partial(_plain, Combine(name)) for name in _COMBINED},
        "concat": partial(_along, Concat),
        "matmul": partial(_plain, MatMul()),
        "einsum": _einsum,
        "attention": _attention,
        "embedding": _embedding,
        **{cell: partial(_recurrent, cell) for cell in ("lstm", "gru", "rnn")},
        "cumsum": partial(_cumulative, "cumsum"),
        "cumprod": partial(_cumulative, "cumprod"),
        "sort": _sort,
        "topk": _topk,
        "flatten": _flatten,
        "reshape": _reshape,
        "squeeze": _squeeze,
        "unsqueeze": _unsqueeze,
        "expand": _expand,
        "permute": partial(_over, Permute),
        "slice": _slice,
        "flip": partial(_over, Flip),
        "repeat": _repeat,
        "pad": spatial.pad,
        "resize": spatial.resize,
        "unfold": spatial.unfold,
        "fold": spatial.fold,
        "pixel_shuffle": spatial.pixel_shuffle,
        "pixel_unshuffle": spatial.pixel_unshuffle,
    }
)
"""The operators by name: the options of each are the keyword arguments of its function, annotated with their kinds.

One more needs its operator in ``writing``, and a row in ``docs/networks.md``.
"""

SEVERAL: Mapping[str, MakeSeveral] = MappingProxyType(
    {"parameter": _parameter, "multi_head_attention": _multi_head_attention}
)
"""The layers that are no single operator with inputs: the last of their nodes has the name of the layer."""


@cache
def options_of(op: str) -> Mapping[str, Parameter]:
    """The options of a layer by name, each annotated with the kind of its values."""
    found = signature({**LAYERS, **SEVERAL}[op], eval_str=True).parameters
    return {name: one for name, one in found.items() if one.kind is Parameter.KEYWORD_ONLY}
