"""Operations element by element, normalisation, softmax, dropout."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from ....assumptions import require
from ....errors import DomainError
from ...computed_sizes import numbers
from ...operators import Activation, Combine, Identity, Norm, Softmax
from ...operators.base import product
from ..builder import Builder
from ..registry import NotUnderstoodError, handles
from ..values import Value, values_in
from .indexing import chunk
from .shared import dimension, of_constants

_FUNCTIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign"),
    *("hardsigmoid", "hardswish", "hardshrink", "softshrink", "tanhshrink", "threshold", "logsigmoid"),
    *("rrelu", "sigmoid", "tanh", "abs", "absolute", "neg", "negative", "pos", "positive", "exp", "expm1", "exp2"),
    *("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "sin", "cos", "tan", "asin", "acos"),
    *("atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "erfc", "erfinv", "floor", "ceil", "round", "trunc"),
    *("frac", "sign", "sgn", "nan_to_num", "logit", "digamma", "lgamma", "bitwise_not", "invert", "_threshold"),
    *("zero", "fill", "normal", "uniform", "bernoulli", "log_sigmoid", "tril", "triu", "deg2rad", "rad2deg", "sinc"),
)
_TESTS = ("isnan", "isinf", "isfinite", "logical_not", "not", "isposinf", "isneginf", "signbit")
_COMBINATIONS = (
    *("add", "sub", "subtract", "rsub", "mul", "multiply", "div", "divide", "true_divide", "truediv", "floordiv"),
    *("floor_divide", "remainder", "fmod", "mod", "pow", "float_power", "maximum", "minimum", "fmax", "fmin", "atan2"),
    *("lerp", "addcmul", "addcdiv", "hypot", "logaddexp", "xlogy", "bitwise_and", "bitwise_or", "bitwise_xor"),
    *("and", "or", "xor", "clamp", "clip", "clamp_min", "clamp_max", "_weight_norm", "masked_fill"),
    *("heaviside", "copysign", "ldexp", "nextafter"),
)
_COMPARISONS = (
    *("eq", "ne", "lt", "le", "gt", "ge", "equal_to", "less", "less_equal", "greater", "greater_equal", "not_equal"),
    *("logical_and", "logical_or", "logical_xor", "isclose"),
)


def _activation(name: str, builder: Builder, x: Any, *_: Any, **__: Any) -> Value:
    return builder.emit(Activation(name), x)


def combined(name: str, builder: Builder, *operands: Any, dtype: Any = None, **options: Any) -> Value:
    """Operands, element by element; numbers are part of the operation."""
    tensors = values_in((operands, options))
    return builder.emit(Combine(name), *tensors, dtype=dtype)


for _name in _FUNCTIONS:
    handles(_name, pointwise=True)(partial(_activation, _name))
for _name in _TESTS:
    handles(_name)(partial(combined, _name, dtype=torch.bool))
for _name in _COMBINATIONS:
    handles(_name, broadcasts=True)(partial(combined, _name))
for _name in _COMPARISONS:
    handles(_name, broadcasts=True)(partial(combined, _name, dtype=torch.bool))


@handles("hardtanh", pointwise=True)
def _hardtanh(builder: Builder, x: Value, min_val: float = -1.0, max_val: float = 1.0) -> Value:
    """Between 0 and 6 it is ReLU6, whose module calls this function."""
    return builder.emit(Activation("relu6" if (min_val, max_val) == (0, 6) else "hardtanh"), x)


@handles("where")
def _where(builder: Builder, condition: Value, *choices: Any, **options: Any) -> Value:
    if not choices and not options:
        raise NotUnderstoodError("how many elements meet a condition is not known")
    return combined("where", builder, condition, *choices, **options)


@handles("prelu")
def _prelu(builder: Builder, x: Value, weight: Value) -> Value:
    of_constants(weight)
    return builder.emit(Activation("prelu", product(weight.known)), x, params=builder.claim(weight))


@handles("glu")
def _glu(builder: Builder, x: Value, dim: int = -1) -> Value:
    """One half times the sigmoid of the other."""
    first, second = chunk(builder, x, 2, dim)
    return builder.emit(Combine("mul"), first, builder.emit(Activation("sigmoid"), second, label="sigmoid"))


@handles(
    *("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"),
    views=True,
    pointwise=True,
)
def _dropout(builder: Builder, x: Value, *_: Any, **__: Any) -> Value:
    """As in evaluation: nothing is dropped."""
    return builder.emit(Identity("dropout"), x)


# Softmax


def _softmax(builder: Builder, x: Value, dim: int | None = None, *_: Any, **__: Any) -> Value:
    if dim is None:
        dim = 0 if x.rank in (0, 1, 3) else 1  # torch's rule for callers that name none
    return builder.emit(Softmax(dimension(x, dim)), x)


handles("softmax", "log_softmax", "softmin", "_softmax", "_log_softmax")(_softmax)


@handles("gumbel_softmax")
def _gumbel_softmax(
    builder: Builder, logits: Value, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Value:
    """Of the elements and random numbers."""
    return builder.emit(Softmax(dimension(logits, dim)), logits)


# Normalisation


def _norm(builder: Builder, name: str, x: Value, weights: tuple[Any, ...], dims: tuple[int, ...]) -> Value:
    of_constants(*weights)
    learned = [weight for weight in weights if isinstance(weight, Value)]
    count = sum(product(weight.known) for weight in learned)
    return builder.emit(Norm(name, count, dims), x, params=builder.claim(*learned))


def _several(name: str, *sizes: Any) -> None:
    """Require more than one element for statistics."""
    if not any(size > 1 for size in sizes):
        raise DomainError("sizes", numbers(sizes), f"{name} needs the statistics of more than one element")


@handles("functional.batch_norm")
def _batch_norm(
    builder: Builder,
    x: Value,
    running_mean: Value | None,
    running_var: Value | None,
    weight: Value | None = None,
    bias: Value | None = None,
    *_: Any,
    **__: Any,
) -> Value:
    """By the running statistics, as in evaluation, if there are any."""
    dims = () if running_mean is not None else (0, *range(2, x.rank))
    if dims:
        _several("batch_norm", *(x.carried[d] for d in dims))
    return _norm(builder, "batch_norm", x, (weight, bias), dims)


@handles("batch_norm", "native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm")
def _aten_batch_norm(
    builder: Builder,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    *_: Any,
    **__: Any,
) -> Value:
    return _batch_norm(builder, x, running_mean, running_var, weight, bias)


@handles("functional.instance_norm")
def _instance_norm(
    builder: Builder,
    x: Value,
    running_mean: Value | None = None,
    running_var: Value | None = None,
    weight: Value | None = None,
    bias: Value | None = None,
    *_: Any,
    **__: Any,
) -> Value:
    """By the statistics of each image, or the running ones, if there are any."""
    dims = () if running_mean is not None else tuple(range(2, x.rank))
    if running_mean is None:
        _several("instance_norm", *x.carried[2:])
    return _norm(builder, "instance_norm", x, (weight, bias), dims)


@handles("instance_norm")
def _aten_instance_norm(
    builder: Builder,
    x: Value,
    weight: Value | None,
    bias: Value | None,
    running_mean: Value | None,
    running_var: Value | None,
    *_: Any,
    **__: Any,
) -> Value:
    dims = () if running_mean is not None else tuple(range(2, x.rank))
    return _norm(builder, "instance_norm", x, (weight, bias), dims)


@handles("functional.group_norm")
def _functional_group_norm(builder: Builder, x: Value, num_groups: int, *weights: Any, **options: Any) -> Value:
    """Of more than one element in each group."""
    made = _group_norm(builder, x, num_groups, *weights, **options)
    batch, channels, *spatial = x.carried
    _several("group_norm", batch * (channels // num_groups), *spatial)
    return made


@handles("group_norm")
def _group_norm(
    builder: Builder,
    x: Value,
    num_groups: int,
    weight: Value | None = None,
    bias: Value | None = None,
    *_: Any,
    **__: Any,
) -> Value:
    if x.rank < 2:
        raise DomainError("dimensions", x.rank, "group_norm needs at least 2")
    channels = x.carried[1]
    needs = f"group_norm needs num_groups={num_groups} to divide the channels"
    require("==", channels % num_groups, 0, "channels", needs, channels=channels)
    return _norm(builder, "group_norm", x, (weight, bias), tuple(range(1, x.rank)))


@handles("layer_norm", "rms_norm")
def _layer_norm(
    builder: Builder,
    x: Value,
    normalized_shape: Any,
    weight: Value | None = None,
    bias: Any = None,
    *_: Any,
    **__: Any,
) -> Value:
    shape = tuple(normalized_shape)
    if x.carried[x.rank - len(shape) :] != shape:
        raise DomainError("normalized_shape", shape, f"the sizes {numbers(x.carried)} do not end in it")
    return _norm(builder, "layer_norm", x, (weight, bias), tuple(range(x.rank - len(shape), x.rank)))


@handles("local_response_norm")
def _local_response_norm(builder: Builder, x: Value, *_: Any, **__: Any) -> Value:
    """Over neighbouring channels."""
    return _norm(builder, "local_response_norm", x, (), (1,))


@handles("normalize")
def _normalize(builder: Builder, x: Value, p: float = 2.0, dim: int = 1, *_: Any, **__: Any) -> Value:
    return _norm(builder, "normalize", x, (), (dimension(x, dim),))
