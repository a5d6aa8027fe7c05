"""The rules of ptflops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    LocalResponseNorm,
    MatMul,
    Pool,
    Resize,
    Sizes,
    Softmax,
)
from ..operators.base import product
from ..origin import RESCALED, SCALES, VECTOR, Call, Origin
from ..row import Row
from .shared import first, given_to, origin_of, second, torchs, watching

_FUNCTIONS = {
    *("relu", "prelu", "elu", "relu6", "gelu", "silu", "softmax"),
    *(f"{how}_pool{axes}d" for how in ("avg", "max", "adaptive_avg", "adaptive_max") for axes in (1, 2, 3)),
    *(f"{how}_pool{axes}d_with_indices" for how in ("max", "adaptive_max") for axes in (1, 2, 3)),
}
"""Functions of torch.nn.functional that count an operation for each element of their input."""

_PATCHED = {
    *(f"torch.{name}" for name in ("matmul", "mm", "bmm", "addmm", "baddbmm", "mul", "add")),
    *(f"Tensor.{name}" for name in ("matmul", "mm", "bmm", "addmm", "mul", "add")),
}
"""Functions and methods that are counted; operators such as + and @ are not, whose functions are others."""

_INTERPOLATE = ("interpolate", "scales")
_LOOKED_UP = {*_FUNCTIONS, *_INTERPOLATE, *(f"lp_pool{axes}d" for axes in (1, 2, 3))}
_COUNTED = (Activation, AdaptivePool, Pool, Resize, Softmax)


@watching
def ptflops(row: Row) -> Any:
    """Of a call of one of the modules that it knows, and of one of the functions that it knows, in a module or not."""
    origin = origin_of(row)
    function, module = _function(row, origin), _call(row, origin)
    return None if function is None or module is None else function + module


def _function(row: Row, origin: Origin) -> Any:
    name = _functional(origin)
    if isinstance(row.operator, LocalResponseNorm):
        return _local_response_norm(row, row.operator.size)
    if name is None:
        return None
    if name in _LOOKED_UP:
        return _elements(row, name) if isinstance(row.operator, _COUNTED) else 0
    if origin.function not in _PATCHED:
        return 0
    name = origin.name
    match row.operator:
        case MatMul():
            return product(first(row)) * second(row)[-1]
        case Attention():
            return _attention(row, origin.name)
        case Combine() if name in ("addmm", "baddbmm"):
            return product(first(row))
        case Combine():
            return _side_by_side(row.inputs)
    return 0


def _functional(origin: Origin) -> str | None:
    """The name of the function of torch.nn.functional; empty for another one, None where that is not known."""
    place, _, name = origin.function.rpartition(".")
    if origin.function in (VECTOR, RESCALED):
        return None
    if place == "aten":
        if "upsample" in name or origin.module == "torch.nn.Upsample":
            name = "interpolate"
        known = origin.module.startswith("torch.nn.") and "Transformer" not in origin.module
        return None if name in _AMBIGUOUS and not known else name
    if not place.startswith("functional"):
        return ""
    if origin.held is None and name in _LOOKED_UP:
        return None
    return "" if origin.held else name  # ptflops puts its own functions where torch's are looked up


_AMBIGUOUS = _LOOKED_UP | {name.rpartition(".")[2] for name in _PATCHED}
"""Names of operators of torch to which functions that are counted come, and others that are not."""


def _elements(row: Row, name: str) -> Any:
    if name in _INTERPOLATE:
        return _interpolate(row)
    more = 2 * row.elements if name.startswith("lp_pool") else 0  # ReLU and a product, after an average
    return product(first(row)) + more


def _local_response_norm(row: Row, size: int) -> Any:
    """Two products, a sum, and an average of what is padded along the channels, which torch computes it by."""
    batch, channels, *rest = first(row)
    return 3 * row.elements + batch * (channels + size - 1) * product(rest)


def _interpolate(row: Row) -> Any:
    """By the scale where that is given; by areas it is an adaptive pooling, too."""
    scale = row.operator.scale if isinstance(row.operator, Resize) else None
    pooled = product(first(row)) if isinstance(row.operator, AdaptivePool) else 0
    if scale is None:
        return row.elements + pooled
    called = origin_of(row).function
    if called.startswith("aten.") and any(one.denominator != 1 for one in scale):
        return None
    ratios = [int(one) for one in scale] if called == SCALES else scale  # of several it takes the product of integers
    return int(product(first(row)) * product(ratios))


def _side_by_side(inputs: tuple[Sizes | None, ...]) -> Any:
    """The larger sizes of the operands, laid side by side from the first dimension on, as ptflops lays them."""
    found = [sizes or () for sizes in inputs]
    return product([max(sizes[d] for sizes in found if d < len(sizes)) for d in range(max(map(len, found)))])


def _attention(row: Row, name: str) -> Any:
    """The two products and the softmax inside of multi-head attention, whose mask enters with the first."""
    query, key, _, *masks = row.inputs
    weights = product((row.sizes or ())[:-1]) * (key or ())[-2]
    heads = row.operator.heads if isinstance(row.operator, Attention) else 1
    mask = _mask([sizes or () for sizes in masks], weights * heads, row.sizes or ()) if name == "baddbmm" else 0
    return weights * ((query or ())[-1] + (row.sizes or ())[-1] + heads) + mask


def _mask(masks: Sequence[Sizes], weights: Any, output: Sizes) -> Any:
    """One for all heads as it is; one for each, or of keys, is laid out for every head, and for queries if one is."""
    if len(masks) == 1 and len(masks[0]) == 2:
        return product(masks[0])
    rows = max(sizes[-2] if len(sizes) > 1 else 1 for sizes in masks)
    return weights * rows // output[-2]


def _call(row: Row, origin: Origin) -> Any:
    call = origin.call
    if call is None:
        return None if origin.function.startswith("aten.") and origin.module == _ATTENTION else 0
    given = given_to(row)
    if torchs(call) not in _KNOWN:
        return 0
    if row.sizes is None or not given or None in given:
        return None
    counted = _module(call, [sizes or () for sizes in given], row.sizes)
    return None if counted is None else call.visits * counted


_ATTENTION = "torch.nn.MultiheadAttention"
_ACTIVATIONS = ("ReLU", "PReLU", "ELU", "LeakyReLU", "ReLU6", "GELU")
_POOLS = ("MaxPool", "AvgPool", "AdaptiveMaxPool", "AdaptiveAvgPool")
_NORMS = ("BatchNorm", "InstanceNorm", "GroupNorm")
_CELLS = {"RNN": 1, "GRU": 7, "LSTM": 10}
"""Operations on single elements for every hidden feature, by the kind of cell."""

_KNOWN = {
    *("Conv", "ConvTranspose", "Linear", "LayerNorm", "Upsample", "MultiheadAttention"),
    *(_ACTIVATIONS + _POOLS + _NORMS),
    *_CELLS,
    *(f"{kind}Cell" for kind in _CELLS),
}


def _module(call: Call, given: Sequence[Sizes], output: Sizes) -> Any:
    source, options = given[0], call.options
    match kind := torchs(call):
        case "Conv" | "ConvTranspose":
            filters = options["out_channels"] // options["groups"]
            weight = product(options["kernel_size"]) * options["in_channels"] * filters
            bias = product((source[0], *output[1:])) if options["bias"] else 0
            return weight * source[0] * product((output if kind == "Conv" else source)[2:]) + bias
        case "Linear":
            return product(source[:-1]) * (source[-1] * output[-1] + (output[-1] if options["bias"] else 0))
        case "LayerNorm":
            return product(source)
        case "Upsample":
            return product(output[1:])  # it takes the first image for all of them
        case "MultiheadAttention":
            return _multi_head(call, given)
    if kind.endswith("Cell"):
        return source[0] * _cells(kind.removesuffix("Cell"), call.parameters)
    if kind in _CELLS:
        return source[0] * source[1] * _cells(kind, call.parameters)
    if kind in _NORMS:
        return product(source) * (2 if options["affine"] else 1)
    return product(output if kind in _ACTIVATIONS else source)


def _cells(kind: str, parameters: Mapping[str, Sizes]) -> Any:
    """Of all layers, for one step of one sequence; where both directions are read, those of one twice."""
    forward = {name: sizes for name, sizes in parameters.items() if not name.endswith("_reverse")}
    counted = sum(product(sizes) for name, sizes in forward.items() if "_hr_" not in name)
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}[kind]
    layers = [sizes[0] // gates for name, sizes in forward.items() if name.startswith("weight_ih")]
    return (counted + _CELLS[kind] * sum(layers)) * (1 if len(forward) == len(parameters) else 2)


def _multi_head(call: Call, given: Sequence[Sizes]) -> Any:
    """By the sizes of query, key and value, which it must be given by position, with a batch."""
    if len(given) != 3 or min(map(len, given)) < 3:
        return None
    query, key, value = given
    batch, length = (0, 1) if call.options["batch_first"] else (1, 0)
    heads, features, width = call.options["num_heads"], query[2], value[2]
    lengths = (query[length], key[length], value[length])
    scaled = query[length] * features
    projected = sum(n * sizes[2] ** 2 for n, sizes in zip(lengths, (query, key, value), strict=True))
    bias = sum(lengths) * features if "in_proj_bias" in call.parameters else 0
    products = query[length] * key[length] * heads * (features // heads + 1 + width // heads)
    return query[batch] * (scaled + projected + bias + products + query[length] * width * (width + 1))
