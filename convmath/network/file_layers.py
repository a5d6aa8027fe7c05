"""The layers that a network's file may name, and their options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from ..errors import DomainError
from .operators import (
    Activation,
    AdaptivePool,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Identity,
    Linear,
    Norm,
    Operator,
    Pad,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Reduce,
    Reshape,
    Resize,
    Sizes,
    Softmax,
)

Make: TypeAlias = Callable[..., Operator]
"""Takes the sizes of the first input, and the options of the layer by name."""


def _axes(sizes: Sizes) -> int:
    axes = len(sizes) - 2
    if axes < 1:
        raise DomainError("inputs", sizes, "needs an input with channels and spatial axes")
    return axes


def _spread(value: Any, axes: int) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,) * axes


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


def _pool(how: str) -> Make:
    def make(
        sizes: Sizes,
        *,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
    ) -> Operator:
        return Pool(how, _spread(kernel_size, _axes(sizes)), stride, padding, dilation, ceil_mode)

    return make


def _adaptive(how: str) -> Make:
    def make(sizes: Sizes, *, output_size: Any = 1) -> Operator:
        return AdaptivePool(how, _spread(output_size, _axes(sizes)))

    return make


def _mean(sizes: Sizes, *, dims: Any, keepdims: bool = False) -> Operator:
    return Reduce("mean", tuple(d % len(sizes) for d in _spread(dims, 1)), keepdims)


def _linear(sizes: Sizes, *, out_features: int, bias: bool = True) -> Operator:
    return Linear(sizes[-1], out_features, bias)


def _norm(name: str, dims: Callable[[int], range]) -> Make:
    def make(sizes: Sizes, *, affine: bool = True) -> Operator:
        normalised = dims(len(sizes))
        features = sizes[-1] if name == "layer_norm" else sizes[1] if len(sizes) > 1 else 0
        return Norm(name, 2 * features if affine else 0, tuple(normalised))

    return make


def _activation(name: str) -> Make:
    return lambda sizes: Activation(name)


def _prelu(sizes: Sizes, *, num_parameters: int = 1) -> Operator:
    return Activation("prelu", num_parameters)


def _combine(name: str) -> Make:
    return lambda sizes: Combine(name)


def _softmax(sizes: Sizes, *, dim: int = 1) -> Operator:
    return Softmax(dim)


def _concat(sizes: Sizes, *, dim: int = 1) -> Operator:
    return Concat(dim % len(sizes))


def _flatten(sizes: Sizes, *, start: int = 1, end: int = -1) -> Operator:
    return Flatten(start, end)


def _reshape(sizes: Sizes, *, shape: Any) -> Operator:
    return Reshape((0, *_spread(shape, 1)))


def _permute(sizes: Sizes, *, order: Any) -> Operator:
    return Permute(_spread(order, 1))


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
    scale_factor: Any = None,
    output_size: Any = None,
    mode: str = "nearest",
    align_corners: bool = False,
) -> Operator:
    if (scale_factor is None) == (output_size is None):
        raise DomainError("scale_factor", scale_factor, "needs either scale_factor or output_size")
    axes = _axes(sizes)
    scale = None if scale_factor is None else _spread(scale_factor, axes)
    return Resize(mode, scale, None if output_size is None else _spread(output_size, axes), align_corners)


def _shuffle(kind: Callable[[int], Operator]) -> Make:
    def make(sizes: Sizes, *, factor: int) -> Operator:
        return kind(factor)

    return make


_ACTIVATIONS = ("relu", "relu6", "leaky_relu", "elu", "selu", "gelu", "silu", "mish", "sigmoid", "tanh", "softplus")
_HARD = ("hardsigmoid", "hardswish")

LAYERS: Mapping[str, Make] = MappingProxyType(
    {
        "conv": _conv,
        "conv_transpose": _conv_transpose,
        "max_pool": _pool("max"),
        "avg_pool": _pool("avg"),
        "adaptive_max_pool": _adaptive("max"),
        "adaptive_avg_pool": _adaptive("avg"),
        "mean": _mean,
        "linear": _linear,
        "batch_norm": _norm("batch_norm", lambda rank: range(0)),
        "instance_norm": _norm("instance_norm", lambda rank: range(2, rank)),
        "layer_norm": _norm("layer_norm", lambda rank: range(rank - 1, rank)),
        **{name: _activation(name) for name in (*_ACTIVATIONS, *_HARD)},
        "prelu": _prelu,
        "softmax": _softmax,
        "dropout": lambda sizes: Identity("dropout"),
        "add": _combine("add"),
        "mul": _combine("mul"),
        "concat": _concat,
        "flatten": _flatten,
        "reshape": _reshape,
        "permute": _permute,
        "pad": _pad,
        "resize": _resize,
        "pixel_shuffle": _shuffle(PixelShuffle),
        "pixel_unshuffle": _shuffle(PixelUnshuffle),
    }
)
"""The operators by name: the options of each are the keyword arguments of its function."""
