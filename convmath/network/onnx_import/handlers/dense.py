"""Dense layers, matrix products and normalisation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ....errors import DomainError
from ...operators import Attention, Combine, Linear, LocalResponseNorm, MatMul, Norm, Permute, Sizes
from ...operators.einsum import pairwise, parsed
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..value import Learned, Value


def _transposed(call: Call, value: Value, label: str, *, wanted: int) -> Value:
    return call.emit(Permute((1, 0)), value, label=label) if wanted else value


@handles("Gemm")
def _gemm(call: Call) -> Value:
    """A product of matrices, each perhaps transposed, and a sum: a dense layer where the second one is constant."""
    first, second = call.value(0), call.value(1)
    sizes = call.sizes(1)
    if len(sizes) != 2 or call.rank(0) != 2:
        raise DomainError("node", call.name, f"Gemm needs two matrices, and not {call.sizes(0)} and {sizes}")
    bias = call.optional(2)
    left = _transposed(call, first, "transpose_a", wanted=call.integer("transA", 0))
    features = tuple(reversed(sizes)) if call.integer("transB", 0) else sizes
    if not second.node and (bias is None or not bias.node):
        layer = Linear(features[0], features[1], bias=bias is not None)
        return call.emit(layer, left, params=call.params(second, bias))
    right = _transposed(call, second, "transpose_b", wanted=call.integer("transB", 0))
    product = call.emit(MatMul(), left, right, label="" if bias is None else "matmul")
    return product if bias is None else call.emit(Combine("add"), product, bias)


_FACTORS = {"MatMul": (0, 1), "MatMulInteger": (0, 1), "QLinearMatMul": (0, 3)}


@handles(*_FACTORS)
def _matmul(call: Call) -> Value:
    """As in NumPy; a dense layer where the second factor is a constant matrix."""
    first, second = (call.value(number) for number in _FACTORS[call.op])
    left, right = (call.sizes(number, kept=True) for number in _FACTORS[call.op])
    if min(len(left), len(right)) < 2:
        raise NotUnderstoodError("a product with a vector is not one of those that are understood")
    if not second.node and len(right) == 2 and not first.constant:
        return call.emit(Linear(right[0], right[1], bias=False), first, params=call.params(second))
    return call.emit(MatMul(), first, second)


@handles("Einsum")
def _einsum(call: Call) -> Value:
    """From left to right, two at a time."""
    values = call.values()
    terms, output = parsed(call.text("equation", ""), [call.rank(number) for number in range(len(values))])
    if any(len(set(term)) != len(term) for term in terms):
        raise NotUnderstoodError("it takes a diagonal, which is no matter of one dimension")
    if len(terms) == 1 and sorted(terms[0]) == sorted(output):
        return call.emit(Permute(tuple(terms[0].index(letter) for letter in output)), values[0])
    steps, found = pairwise(terms, output), values[0]
    for number, step in enumerate(steps, 1):
        label = "" if number == len(steps) else f"product_{number}"
        found = call.emit(step, found, *values[number : number + 1], label=label)
    return found


@handles("Attention")
def _attention(call: Call) -> list[Value | None]:
    """Queries, keys and values with a dimension for the heads, or with their features one after the other."""
    values = [call.value(number) for number in range(3)]
    ranks = {call.rank(number) for number in range(3)}
    if call.optional(4) is not None or call.optional(5) is not None:
        raise NotUnderstoodError("keys and values of steps before are not followed")
    heads = [call.integer("q_num_heads", 1), call.integer("kv_num_heads", 1)] if ranks == {3} else [1, 1]
    stacks = [call.sizes(number, kept=True)[1] for number in range(2)] if ranks == {4} else heads
    if ranks not in ({3}, {4}) or heads[0] != heads[1]:
        raise NotUnderstoodError("queries that share keys in groups are not followed where heads lie in the features")
    mask = call.optional(3)
    if mask is not None and (mask.sizes is None or (ranks == {3} and len(mask.sizes) not in (2, 4))):
        raise NotUnderstoodError("its mask is not followed")
    attention = Attention(heads[0], causal=bool(call.integer("is_causal", 0)), grouped=stacks[0] != stacks[1])
    return [call.emit(attention, *values, *([] if mask is None else [mask]))]


@handles("BatchNormalization")
def _batch_norm(call: Call) -> Value:
    """By the running statistics, or those of the batch where it trains."""
    rank = call.rank()
    one_each = call.opset >= 9 or call.integer("spatial", 1)
    for number in (1, 2, 3, 4):
        call.value(number)
    if one_each:
        _require_each(call, range(1, 5), _channels(call) if rank > 1 else 1)
    params = _scale_and_shift(call)
    trains = call.integer("training_mode", 0) if call.opset >= 14 else 0
    dims = tuple(d for d in range(rank) if d != 1) if trains else ()
    return call.emit(Norm("batch_norm", params, dims), call.value(), params=params)


@handles("InstanceNormalization")
def _instance_norm(call: Call) -> Value:
    """Over the spatial axes."""
    dims = tuple(range(2, call.rank()))
    _require_each(call, (1, 2), _channels(call))
    return _normalised(call, "instance_norm", dims)


@handles("GroupNormalization")
def _group_norm(call: Call) -> Value:
    """Over the spatial axes and the channels of a group."""
    groups, channels = call.integer("num_groups"), _channels(call)
    if groups < 1 or (isinstance(channels, int) and channels % groups):
        raise DomainError("node", call.name, f"num_groups={groups} needs to divide the channels of {call.sizes()}")
    _require_each(call, (1, 2), groups if call.opset < 21 else channels, stretched=True)
    return _normalised(call, "group_norm", tuple(range(1, call.rank())), groups)


@handles("LayerNormalization", "RMSNormalization")
def _layer_norm(call: Call) -> list[Value | None]:
    """Over the dimensions from one on."""
    rank = call.rank()
    first = call.dimension(call.integer("axis", -1), rank)
    name = "layer_norm" if call.op == "LayerNormalization" else "rms_norm"
    for number in (1, 2):
        _require_stretched(call, number)
    return [_normalised(call, name, tuple(range(first, rank)))]


def _channels(call: Call) -> Any:
    """The size of the dimension after the batch."""
    sizes = call.sizes(kept=True)
    if len(sizes) < 2:
        raise DomainError("node", call.name, f"{call.op} needs an input with channels, and not {sizes}")
    return sizes[1]


def _require_each(call: Call, numbers: Iterable[int], count: Any, *, stretched: bool = False) -> None:
    """Require inputs with an element for each channel or group; where they are stretched, one for all will do."""
    for number in numbers:
        own = _own_sizes(call, number)
        if own is None or (len(own) == 1 and ((stretched and own[0] == 1) or own[0] == count)):
            continue
        needs = f"{call.op} needs {count} elements in its input {number}, counted from 0"
        raise DomainError("node", call.name, f"{needs}, and not those of {own}, as its input has {call.sizes()}")


def _require_stretched(call: Call, number: int) -> None:
    """Require an input that can be stretched to the sizes of the first."""
    own, sizes = _own_sizes(call, number), call.sizes(kept=True)
    if own is None:
        return
    pairs = zip(reversed(own), reversed(sizes), strict=False)
    if len(own) > len(sizes) or any(one != 1 and one != n for one, n in pairs):
        needs = f"{call.op} needs an input {number}, counted from 0, that can be stretched to {call.sizes()}"
        raise DomainError("node", call.name, f"{needs}, and not one of {own}")


def _own_sizes(call: Call, number: int) -> Sizes | None:
    """Those of an input; None where it is left out, or they are unknown."""
    value = call.optional(number)
    return None if value is None or value.sizes is None else call.sizes_of(value, kept=True)


def _normalised(call: Call, name: str, dims: tuple[int, ...], groups: int = 1) -> Value:
    params = _scale_and_shift(call)
    return call.emit(Norm(name, params, dims, groups), call.value(), params=params)


def _scale_and_shift(call: Call) -> int:
    """Their parameters; none where they are ones and zeros because the operator cannot be without them.

    So where nodes and no stored tensors say them, and where InstanceNormalization has them, with which exporters write
    norms that have neither.
    """
    learned = []
    for number, neutral in ((1, 1.0), (2, 0.0)):
        value = call.optional(number)
        if value is None or (value.filled(neutral) and _fills_in(call, value)):
            continue
        learned.append(value)
    return call.params(*learned)


def _fills_in(call: Call, value: Value) -> bool:
    """Whether ones or zeros are there for want of a scale or a shift."""
    return not value.stored or (call.op == "InstanceNormalization" and value.learned is not Learned.YES)


@handles("LRN")
def _local_response_norm(call: Call) -> Value:
    """Over neighbouring channels."""
    call.axes_of()
    size = call.integer("size")
    return call.emit(LocalResponseNorm(size, (size - 1) // 2), call.value())


@handles("MeanVarianceNormalization")
def _mean_variance_norm(call: Call) -> Value:
    """Over the dimensions that are given; all but the channels by default."""
    rank = call.rank()
    axes = call.integers("axes", (0, 2, 3))
    return call.emit(Norm("mean_variance_norm", 0, tuple(call.dimension(d, rank) for d in axes)), call.value())


@handles("LpNormalization")
def _lp_norm(call: Call) -> Value:
    """Over one dimension."""
    axis = call.dimension(call.integer("axis", -1), call.rank())
    return call.emit(Norm("lp_norm", 0, (axis,)), call.value())
