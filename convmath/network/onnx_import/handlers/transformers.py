"""Operators that ONNX Runtime's optimizer for transformers writes, as the layers that they hold.

[onnxruntime.ContribOperators]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from typing import Any

from ....errors import DomainError
from ...operators import Attention, Input, Linear, Reduce, Reshape, Sizes, Slice
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..value import Value
from .runtime import DOMAIN, as_standard

_NAMES = ("query", "key", "value")

_MASKS = {1: (0, 1, 1), 2: (0, 1, -1), 3: None}
"""By the dimensions of a mask, lengths, keys, or queries and keys of every sequence: the sizes to which it turns."""


def _masks(call: Call, mask: int, bias: int, sequences: Any, output: Sizes) -> list[Value]:
    """What is masked and what is added to the products of queries and keys; nothing is emitted if they are odd.

    Raises:
        NotUnderstoodError: they are others than for every sequence its length, its keys, or its queries and keys.
    """
    given, added = call.optional(mask), call.optional(bias)
    rank = 3 if given is None else call.rank(mask)
    if rank not in _MASKS or (rank == 1 and call.sizes(mask, kept=True)[0] != sequences):
        raise NotUnderstoodError("its mask is not followed", output)
    if added is not None and call.rank(bias) != 4:
        raise NotUnderstoodError("what it adds to the products of queries and keys is not followed", output)
    shape = _MASKS[rank]
    turned = given if given is None or shape is None else call.emit(Reshape(shape), given, label="mask")
    return [one for one in (turned, added) if one is not None]


def _parts(call: Call, value: Value, dim: int, lengths: Sequence[int], label: str = "") -> list[Value]:
    """Queries, keys and values, one after the other along a dimension."""
    ends = pairwise([0, *accumulate(lengths)])
    return [
        call.emit(Slice(dim, *bounds), value, label=name + label) for name, bounds in zip(_NAMES, ends, strict=True)
    ]


def _refuse_past(call: Call, numbers: Sequence[int], output: Sizes) -> None:
    if any(call.optional(number) is not None for number in numbers):
        raise NotUnderstoodError("keys and values of steps before are not followed", output)


@handles("Attention", "QAttention", domain=DOMAIN)
def _attention(call: Call) -> list[Value | None]:
    """One dense layer for queries, keys and values, and attention."""
    mask, bias, past = (5, 9, 8) if call.op == "QAttention" else (3, 5, 4)
    sizes, weights = call.sizes(kept=True), call.weight(1)
    if len(sizes) != 3 or len(weights) != 2:
        raise DomainError("node", call.name, f"{call.op} needs sequences and a matrix, and not {sizes} and {weights}")
    lengths = call.integers("qkv_hidden_sizes", None) or (weights[1] // 3,) * 3
    if len(lengths) != 3 or sum(lengths) != weights[1] or min(lengths) < 1:
        needs = f"three parts of {weights[1]} features for queries, keys and values"
        raise DomainError("node", call.name, f"{call.op} needs {needs}, and not {lengths}")
    output = (*(call.value().sizes or ())[:2], lengths[2])
    _refuse_past(call, [past], output)
    if call.integer("do_rotary", 0):
        raise NotUnderstoodError("turning pairs of features by their place is not followed", output)
    attention = Attention(call.integer("num_heads"), causal=bool(call.integer("unidirectional", 0)))
    masks = _masks(call, mask, bias, sizes[0], output)
    added = call.optional(2)
    layer = Linear(weights[0], weights[1], bias=added is not None)
    run = call.emit(layer, call.value(), params=call.params(call.value(1), added), label="qkv")
    return [call.emit(attention, *_parts(call, run, 2, lengths), *masks)]


@handles("MultiHeadAttention", domain=DOMAIN)
def _multi_head_attention(call: Call) -> list[Value | None]:
    """Attention between three sequences, to each of which perhaps a part of a bias is added."""
    if call.rank() != 3 or any(call.optional(number) is None or call.rank(number) != 3 for number in (1, 2)):
        raise NotUnderstoodError("queries, keys and values that are packed together are not followed")
    sizes = [call.sizes(number, kept=True) for number in range(3)]
    output = (*(call.value().sizes or ())[:2], (call.value(2).sizes or ())[2])
    _refuse_past(call, (6, 7), output)
    bias, values = call.optional(3), [call.value(number) for number in range(3)]
    if bias is not None and (bias.node or call.rank(3) != 1):
        raise NotUnderstoodError("its bias is computed", output)
    attention = Attention(call.integer("num_heads"), causal=bool(call.integer("unidirectional", 0)))
    masks = _masks(call, 4, 5, sizes[0][0], output)
    if bias is not None:
        parts = _parts(call, bias, 0, [one[2] for one in (value.sizes or () for value in values)], "_bias")
        added = zip(values, parts, _NAMES, strict=True)
        values = [as_standard(call, "Add", [value, part], f"{name}_with_bias") for value, part, name in added]
    return [call.emit(attention, *values, *masks)]


@handles("EmbedLayerNormalization", "QEmbedLayerNormalization", domain=DOMAIN)
def _embedding_norm(call: Call) -> list[Value | None]:
    """The sum of the rows for words, for places and perhaps for segments, its norm, and how long each sequence is."""
    sizes = call.sizes(kept=True)
    if len(sizes) != 2:
        raise DomainError("node", call.name, f"{call.op} needs the words of sequences, and not {sizes}")
    places = call.optional(8) if call.op == "EmbedLayerNormalization" else None
    if places is None:
        places = replace(call.emit(Input((sizes[1],)), label="positions"), last=sizes[1] - 1)
    total = _rows(call, call.value(0), 2, "words")
    total = as_standard(call, "Add", [total, _rows(call, places, 3, "places")], "with_places")
    if call.optional(1) is not None and call.optional(4) is not None:
        total = as_standard(call, "Add", [total, _rows(call, call.value(1), 4, "segments")], "with_segments")
    norm = as_standard(call, "LayerNormalization", [total, *call.inputs[5:7]])
    lengths = _lengths(call, sizes[0]) if call.used[1:2] == [True] else None
    return [norm, lengths, total][: len(call.used)]


def _rows(call: Call, index: Value, table: int, label: str) -> Value:
    """Rows of a table."""
    return as_standard(call, "Gather", [call.value(table), index], label)


def _lengths(call: Call, sequences: Any) -> Value:
    """How much of each sequence is not masked."""
    mask = call.optional(7)
    if mask is None:
        return call.emit(Input((sequences,)), label="lengths")
    return call.emit(Reduce("sum", (1,)), mask, label="lengths")


@handles("BiasAdd", domain=DOMAIN)
def _bias_add(call: Call) -> Value:
    """A bias and another branch, added."""
    return as_standard(call, "Add", [as_standard(call, "Add", call.inputs[:2], "bias"), call.value(2)])


@handles("RotaryEmbedding", domain=DOMAIN)
def _rotary(call: Call) -> Value:
    raise NotUnderstoodError("turning pairs of features by their place is not followed", call.sizes())
