"""The layers that a network's file may name, and their options; ``docs/networks.md`` has them as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeAlias

from ...errors import DomainError
from ..graph import Node
from ..operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Cumulative,
    Dropout,
    Einsum,
    Embedding,
    Expand,
    ExpandKeeping,
    Flatten,
    Flip,
    Input,
    Linear,
    MatMul,
    Norm,
    Operator,
    Pad,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Recurrent,
    Reduce,
    Repeat,
    Reshape,
    ReshapeKeeping,
    Resize,
    Sizes,
    Slice,
    SliceFromEnd,
    Softmax,
    Sort,
)
from ..operators.base import product
from ..operators.einsum import parsed
from ..placement import Placement

Make: TypeAlias = Callable[..., Operator]
"""Takes the sizes of the first input, and the options of the layer by name."""

MakeSeveral: TypeAlias = Callable[..., list[Node]]
"""Takes the name of the layer, the names of its inputs and the sizes of each, and the options of the layer by name."""


def _axes(sizes: Sizes) -> int:
    axes = len(sizes) - 2
    if axes < 1:
        raise DomainError("inputs", sizes, "needs an input with channels and spatial axes")
    return axes


def _spread(value: Any, axes: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * axes


def _dim(sizes: Sizes, dim: int) -> int:
    """A dimension from 0, where it may be counted from the end."""
    if type(dim) is not int:
        raise DomainError("dim", dim, "needs one dimension, an integer")
    if not -len(sizes) <= dim < len(sizes):
        raise DomainError("dim", dim, f"needs a dimension of {len(sizes)}, from 0 or from -1 backwards")
    return dim % len(sizes)


def _dims(sizes: Sizes, dims: Any) -> tuple[int, ...]:
    return tuple(_dim(sizes, one) for one in _spread(dims, 1))


def _conv(
    sizes: Sizes,
    *,
    out_channels: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    bias: bool = True,
) -> Operator:
    kernel = _spread(kernel_size, _axes(sizes))
    return Conv(sizes[1], out_channels, kernel, stride, padding, dilation, groups, bias)


def _conv_transpose(
    sizes: Sizes,
    *,
    out_channels: int,
    kernel_size: Any,
    stride: Any = 1,
    padding: Any = 0,
    output_padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    bias: bool = True,
) -> Operator:
    kernel = _spread(kernel_size, _axes(sizes))
    return ConvTranspose(sizes[1], out_channels, kernel, stride, padding, dilation, groups, bias, output_padding)


def _max_pool(
    sizes: Sizes, *, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Operator:
    return Pool("max", _spread(kernel_size, _axes(sizes)), stride, padding, dilation, ceil_mode)


def _avg_pool(
    sizes: Sizes,
    *,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Operator:
    """By what the elements of a window are divided is no matter of what it reads."""
    return Pool("avg", _spread(kernel_size, _axes(sizes)), stride, padding, 1, ceil_mode)


def _adaptive(how: str) -> Make:
    def make(sizes: Sizes, *, output_size: Any = 1) -> Operator:
        return AdaptivePool(how, _spread(output_size, _axes(sizes)))

    return make


def _reduce(how: str) -> Make:
    def make(sizes: Sizes, *, dim: Any, keepdim: bool = False) -> Operator:
        return Reduce(how, _dims(sizes, dim), keepdim)

    return make


def _linear(sizes: Sizes, *, out_features: int, bias: bool = True) -> Operator:
    return Linear(sizes[-1], out_features, bias)


def _batch_norm(sizes: Sizes, *, affine: bool = True) -> Operator:
    return Norm("batch_norm", 2 * _channels(sizes) if affine else 0)


def _instance_norm(sizes: Sizes, *, affine: bool = False) -> Operator:
    return Norm("instance_norm", 2 * _channels(sizes) if affine else 0, tuple(range(2, len(sizes))))


def _channels(sizes: Sizes) -> Any:
    return sizes[1] if len(sizes) > 1 else 0


def _group_norm(sizes: Sizes, *, num_groups: int = 1, affine: bool = True) -> Operator:
    if len(sizes) < 2 or sizes[1] % num_groups:
        raise DomainError("num_groups", num_groups, f"needs to divide the channels of {sizes}")
    return Norm("group_norm", 2 * sizes[1] if affine else 0, tuple(range(1, len(sizes))), num_groups)


def _of_features(name: str, learned: int) -> Make:
    """A norm over the last dimension, with so many learned numbers for each feature."""

    def make(sizes: Sizes, *, elementwise_affine: bool = True) -> Operator:
        return Norm(name, learned * sizes[-1] if elementwise_affine else 0, (len(sizes) - 1,))

    return make


def _dropout(*, channels: bool) -> Make:
    return lambda sizes, *, p=0.5: Dropout(p, channels)


def _activation(name: str) -> Make:
    return lambda sizes: Activation(name)


def _prelu(sizes: Sizes, *, num_parameters: int = 1) -> Operator:
    return Activation("prelu", num_parameters)


def _combine(name: str) -> Make:
    return lambda sizes: Combine(name)


def _softmax(sizes: Sizes, *, dim: int = 1) -> Operator:
    return Softmax(_dim(sizes, dim))


def _concat(sizes: Sizes, *, dim: int = 1) -> Operator:
    return Concat(_dim(sizes, dim))


def _flatten(sizes: Sizes, *, start_dim: int = 1, end_dim: int = -1) -> Operator:
    return Flatten(start_dim, end_dim)


def _reshape(sizes: Sizes, *, shape: Any) -> Operator:
    return Reshape((0, *_spread(shape, 1)))


def _squeeze(sizes: Sizes, *, dim: Any) -> Operator:
    dims = _dims(sizes, dim)
    if any(sizes[one] != 1 for one in dims):
        raise DomainError("dim", dim, f"needs dimensions of size 1, and the input has the sizes {sizes}")
    kept = tuple(one for one in range(len(sizes)) if one not in dims)
    return ReshapeKeeping((0,) * len(kept), kept)


def _unsqueeze(sizes: Sizes, *, dim: int) -> Operator:
    at = _dim((*sizes, 1), dim)
    return ReshapeKeeping((*(0,) * at, 1, *(0,) * (len(sizes) - at)), tuple(range(len(sizes))))


def _expand(sizes: Sizes, *, size: Any) -> Operator:
    whole = _spread(size, 1)
    return (ExpandKeeping if -1 in whole else Expand)(whole)


def _slice(sizes: Sizes, *, dim: int, start: int = 0, stop: Any = None, step: int = 1) -> Operator:
    """Ends that are counted from the end stay there at other sizes, too; without a stop it goes to the end."""
    own = _dim(sizes, dim)
    if stop == 0:
        raise DomainError("stop", stop, "needs a stop after its start; without stop, a slice goes to the end")
    if stop is None or start < 0 or stop < 0:
        return SliceFromEnd(own, start, stop or 0, step)
    return Slice(own, start, stop, step)


def _flip(sizes: Sizes, *, dims: Any) -> Operator:
    return Flip(_dims(sizes, dims))


def _repeat(sizes: Sizes, *, repeats: Any) -> Operator:
    return Repeat(_spread(repeats, 1))


def _cumulative(name: str) -> Make:
    def make(sizes: Sizes, *, dim: int = 1, reverse: bool = False) -> Operator:
        return Cumulative(name, _dim(sizes, dim), reverse)

    return make


def _sort(sizes: Sizes, *, dim: int = -1) -> Operator:
    return Sort("sort", _dim(sizes, dim))


def _topk(sizes: Sizes, *, k: int, dim: int = -1) -> Operator:
    return Sort("topk", _dim(sizes, dim), k)


def _embedding(sizes: Sizes, *, num_embeddings: int, embedding_dim: int) -> Operator:
    return Embedding(num_embeddings, embedding_dim)


def _recurrent(cell: str) -> Make:
    def make(
        sizes: Sizes, *, hidden_size: int, num_layers: int = 1, bias: bool = True, bidirectional: bool = False
    ) -> Operator:
        if len(sizes) != 3:
            raise DomainError("inputs", sizes, f"{cell} needs a sequence: the batch, its length, and features")
        return Recurrent(cell, sizes[-1], hidden_size, 1, num_layers, bias, bidirectional)

    return make


def _einsum(sizes: Sizes, *, equation: str) -> Operator:
    terms = equation.replace(" ", "").partition("->")[0].split(",")
    if any("." in term for term in terms):
        raise DomainError("equation", equation, "needs a letter for each dimension")
    return Einsum(*parsed(equation, [len(term) for term in terms]))


def _matmul(sizes: Sizes) -> Operator:
    return MatMul()


def _attention(sizes: Sizes, *, num_heads: int = 1, dropout_p: float = 0.0, is_causal: bool = False) -> Operator:
    return Attention(num_heads, dropout_p, is_causal)


def _parameter(name: str, inputs: Sequence[str], sizes: Sequence[Sizes], *, shape: Any) -> list[Node]:
    whole = _spread(shape, 1)
    return [Node(name, Input(whole), (), product(whole), placement=Placement(stored=True))]


def _multi_head_attention(
    name: str,
    inputs: Sequence[str],
    sizes: Sequence[Sizes],
    *,
    num_heads: int,
    dropout: float = 0.0,
    bias: bool = True,
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


def _permute(sizes: Sizes, *, dims: Any) -> Operator:
    return Permute(_dims(sizes, dims))


def _pad(sizes: Sizes, *, amounts: Any, mode: str = "constant") -> Operator:
    modes = ("constant", "reflect", "replicate", "circular")
    if mode not in modes:
        raise DomainError("mode", mode, f"needs one of {', '.join(modes)}")
    pairs = [_spread(one, 2) for one in _spread(amounts, _axes(sizes))]
    if any(len(pair) != 2 for pair in pairs):
        raise DomainError("amounts", amounts, "needs one integer or a pair for each axis")
    return Pad(((0, 0), (0, 0), *pairs), mode)


def _resize(
    sizes: Sizes,
    *,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool = False,
) -> Operator:
    if (scale_factor is None) == (size is None):
        raise DomainError("scale_factor", scale_factor, "needs either scale_factor or size")
    axes = _axes(sizes)
    found = next((own for (own, count), name in MODES.items() if (name, count) == (mode, axes)), None)
    if found is None:
        known = ", ".join(name for (_, count), name in MODES.items() if count == axes)
        raise DomainError("mode", mode, f"needs one of {known}, as torch has them for {len(sizes)} dimensions")
    scale = None if scale_factor is None else _spread(scale_factor, axes)
    return Resize(found, scale, None if size is None else _spread(size, axes), align_corners)


MODES: Mapping[tuple[str, int], str] = MappingProxyType(
    {
        **{("nearest", axes): "nearest" for axes in (1, 2, 3)},
        **{("nearest_exact", axes): "nearest-exact" for axes in (1, 2, 3)},
        **{("linear", axes): name for axes, name in enumerate(("linear", "bilinear", "trilinear"), 1)},
        ("cubic", 2): "bicubic",
    }
)
"""What torch calls the modes of interpolation, by the number of axes."""


def _pixel_shuffle(sizes: Sizes, *, upscale_factor: int) -> Operator:
    return PixelShuffle(upscale_factor)


def _pixel_unshuffle(sizes: Sizes, *, downscale_factor: int) -> Operator:
    return PixelUnshuffle(downscale_factor)


_ACTIVATIONS = ("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus")
_HARD = ("hardsigmoid", "hardswish")
_COMBINED = ("add", "sub", "mul", "div", "maximum")

JOINS = (*_COMBINED, "concat", "matmul")
"""The layers that join what several others give, so that the one before them says too little."""

LAYERS: Mapping[str, Make] = MappingProxyType(
    {
        "conv": _conv,
        "conv_transpose": _conv_transpose,
        "max_pool": _max_pool,
        "avg_pool": _avg_pool,
        "adaptive_max_pool": _adaptive("max"),
        "adaptive_avg_pool": _adaptive("avg"),
        "mean": _reduce("mean"),
        "sum": _reduce("sum"),
        "linear": _linear,
        "batch_norm": _batch_norm,
        "instance_norm": _instance_norm,
        "layer_norm": _of_features("layer_norm", 2),
        "group_norm": _group_norm,
        "rms_norm": _of_features("rms_norm", 1),
        **{name: _activation(name) for name in (*_ACTIVATIONS, *_HARD)},
        "prelu": _prelu,
        "softmax": _softmax,
        "dropout": _dropout(channels=False),
        "feature_dropout": _dropout(channels=True),
        **{name: _combine(name) for name in _COMBINED},
        "concat": _concat,
        "matmul": _matmul,
        "einsum": _einsum,
        "attention": _attention,
        "embedding": _embedding,
        **{cell: _recurrent(cell) for cell in ("lstm", "gru", "rnn")},
        "cumsum": _cumulative("cumsum"),
        "cumprod": _cumulative("cumprod"),
        "sort": _sort,
        "topk": _topk,
        "flatten": _flatten,
        "reshape": _reshape,
        "squeeze": _squeeze,
        "unsqueeze": _unsqueeze,
        "expand": _expand,
        "permute": _permute,
        "slice": _slice,
        "flip": _flip,
        "repeat": _repeat,
        "pad": _pad,
        "resize": _resize,
        "pixel_shuffle": _pixel_shuffle,
        "pixel_unshuffle": _pixel_unshuffle,
    }
)
"""The operators by name: the options of each are the keyword arguments of its function.

One more needs its options among ``reading._CHECKS``, its operator in ``writing``, and a row in ``docs/networks.md``.
"""

SEVERAL: Mapping[str, MakeSeveral] = MappingProxyType(
    {"parameter": _parameter, "multi_head_attention": _multi_head_attention}
)
"""The layers that are no single operator with inputs: the last of their nodes has the name of the layer."""
