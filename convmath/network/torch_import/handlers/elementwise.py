"""Operations element by element, normalisation, softmax, dropout."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from ....assumptions import require
from ....errors import DomainError
from ...operators import Activation, Combine, Dropout, Expand, LocalResponseNorm, Norm, Sizes, Softmax, Unknown
from ...operators.base import product
from ...operators.elementwise import COMPARISONS, TESTS
from ...sizes.in_operators import numbers
from ..builder import Builder
from ..integers import CLAMPS, NOTHING, computed, integer
from ..registry import NotUnderstoodError, RefusedError, handles
from ..values import Value, mapped, values_in
from .indexing import chunk
from .shared import dimension, drops, is_whole, of_constants, of_fractions, promoted

_FUNCTIONS = (
    *("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign"),
    *("hardsigmoid", "hardswish", "hardshrink", "softshrink", "tanhshrink", "threshold", "logsigmoid"),
    *("rrelu", "sigmoid", "tanh", "abs", "absolute", "neg", "negative", "exp", "expm1", "exp2"),
    *("log", "log2", "log10", "log1p", "sqrt", "rsqrt", "square", "reciprocal", "sin", "cos", "tan", "asin", "acos"),
    *("atan", "sinh", "cosh", "asinh", "acosh", "atanh", "erf", "erfc", "erfinv", "floor", "ceil", "round", "trunc"),
    *("frac", "sign", "sgn", "nan_to_num", "logit", "digamma", "lgamma", "bitwise_not", "invert", "_threshold"),
    *("bernoulli", "log_sigmoid", "tril", "triu", "deg2rad", "rad2deg", "sinc"),
)
_COMBINATIONS = (
    *("add", "sub", "subtract", "rsub", "mul", "multiply", "div", "divide", "true_divide", "truediv", "floordiv"),
    *("floor_divide", "remainder", "fmod", "mod", "pow", "maximum", "minimum", "fmax", "fmin", "atan2"),
    *("lerp", "addcmul", "addcdiv", "hypot", "logaddexp", "xlogy", "bitwise_and", "bitwise_or", "bitwise_xor"),
    *("and", "or", "xor", "clamp", "clip", "clamp_min", "clamp_max", "_weight_norm"),
    *("heaviside", "copysign", "ldexp", "nextafter"),
)
_IDENTITIES = {"eq": False, "ne": True}
"""What Python says of a tensor and what is neither one nor a number."""

_QUOTIENTS = {"div", "divide", "true_divide", "truediv", "atan2", "logaddexp", "xlogy", "copysign", "ldexp"}
"""Those that give no integers for integers."""

_OF_INTEGERS = {
    *("relu", "relu6", "threshold", "_threshold", "abs", "absolute", "neg", "negative", "square"),
    *("floor", "ceil", "round", "trunc", "sign", "sgn", "nan_to_num", "bitwise_not", "invert"),
    *("bernoulli", "tril", "triu"),
}
"""Those that give integers for integers."""


def _activation(operator: Activation, builder: Builder, x: Any, *_: Any, **__: Any) -> Value:
    changes = is_whole(x.dtype) and operator.name not in _OF_INTEGERS
    kind = x.dtype.to_real() if operator.name in ("abs", "absolute") else None
    return builder.emit(operator, x, dtype=torch.get_default_dtype() if changes else kind)


def combined(name: str, builder: Builder, *operands: Any, dtype: Any = None, **options: Any) -> Value:
    """Operands, element by element; numbers are part of the operation."""
    others = [one for one in operands if not _has_elements(one)]
    if others and name not in CLAMPS:
        raise RefusedError("other", others[0], f"{name} needs a tensor or a number")
    tensors = values_in((operands, options))
    bounds = options.values() if name in CLAMPS else ()
    kind = dtype or promoted(builder, *(operands if values_in(operands) else tensors), *bounds)
    if name in _QUOTIENTS and not options.get("rounding_mode") and is_whole(kind):
        kind = torch.get_default_dtype()
    reflected = name == "truediv" and not isinstance(operands[0], Value)  # torch takes the reciprocal, times the number
    found = builder.emit(Combine(name), *tensors, dtype=kind, function="operator.rtruediv" if reflected else "")
    if found.constant and kind is torch.int64:
        found.integers = computed(name, list(map(_integers, operands)), mapped(options, _integers))
    return found


def _has_elements(operand: Any) -> bool:
    """Whether it is a tensor or a number."""
    return isinstance(operand, Value) or hasattr(operand, "__float__") or hasattr(operand, "__complex__")


def _compared(name: str, builder: Builder, *operands: Any, **options: Any) -> Any:
    if name in _IDENTITIES and not all(map(_has_elements, operands)):
        return _IDENTITIES[name]
    return combined(name, builder, *operands, dtype=torch.bool, **options)


def _integers(operand: Any) -> Any:
    """What is known of the integers of an operand; an option that is none as it is."""
    if isinstance(operand, Value):
        return operand.integers or NOTHING
    return operand if operand is None or isinstance(operand, str) else integer(operand)


for _name in _FUNCTIONS:
    handles(_name, pointwise=True)(partial(_activation, Activation(_name)))
for _name in TESTS:
    handles(_name)(partial(combined, _name, dtype=torch.bool))
for _name in _COMBINATIONS:
    handles(_name, broadcasts=True)(partial(combined, _name))
for _name in COMPARISONS:
    handles(_name, broadcasts=True)(partial(_compared, _name))


@handles("float_power", broadcasts=True)
def _float_power(builder: Builder, *operands: Any, **_: Any) -> Value:
    """In double precision, whatever the operands are."""
    kind = promoted(builder, *operands)
    return combined("float_power", builder, *operands, dtype=torch.complex128 if kind.is_complex else torch.float64)


@handles("masked_fill", broadcasts=True)
def _masked_fill(builder: Builder, x: Value, *operands: Any, **options: Any) -> Value:
    """The type stays, whatever it is filled with."""
    return combined("masked_fill", builder, x, *operands, dtype=x.dtype, **options)


@handles("zero", "uniform")
def _filled(builder: Builder, x: Value, *_: Any, **__: Any) -> Value:
    """Of the elements that were there nothing is left."""
    return Value(x.carried, x.dtype, constant=True, name="filled")


@handles("fill")
def _fill(builder: Builder, x: Value, value: Any) -> Value:
    """With one element, perhaps a computed one."""
    return builder.emit(Expand(x.carried), value, dtype=x.dtype) if isinstance(value, Value) else _filled(builder, x)


@handles("normal")
def _normal(builder: Builder, x: Value, *options: Any, **others: Any) -> Value:
    """Written in place, it reads nothing; by itself, of means that are given, these."""
    if len(options) + len(others) == 1:
        raise NotUnderstoodError("whether it reads the means of its first argument is not known")
    return _filled(builder, x)


@handles("hardtanh", pointwise=True)
def _hardtanh(builder: Builder, x: Value, min_val: float = -1.0, max_val: float = 1.0) -> Value:
    """Between 0 and 6 it is ReLU6, whose module calls this function."""
    return builder.emit(Activation("relu6" if (min_val, max_val) == (0, 6) else "hardtanh"), x)


@handles("where")
def _where(builder: Builder, condition: Value, *choices: Any, **options: Any) -> Value:
    if not choices and not options:
        raise NotUnderstoodError("how many elements meet a condition is not known")
    kind = promoted(builder, *choices, *options.values())
    return combined("where", builder, condition, *choices, dtype=kind, **options)


@handles("prelu")
def _prelu(builder: Builder, x: Value, weight: Value) -> Value:
    of_constants(weight)
    return builder.emit(Activation("prelu", product(weight.known)), x, weights=(weight,))


@handles("glu")
def _glu(builder: Builder, x: Value, dim: int = -1) -> Value:
    """One half times the sigmoid of the other."""
    if x.carried[dimension(x, dim)] % 2:
        raise DomainError("dim", dim, f"glu needs an even size, and the sizes are {numbers(x.carried)}")
    first, second = chunk(builder, x, 2, dim)
    return builder.emit(Combine("mul"), first, builder.emit(Activation("sigmoid"), second, label="sigmoid"))


def _dropout(
    channels: bool, builder: Builder, x: Value, p: float = 0.5, training: bool = True, *_: Any, **options: Any
) -> Value:
    """As in evaluation: nothing is dropped; in training nothing either where it is told so while a module trains."""
    told = options.get("train", training)
    never = not told and builder.module is not None and builder.module.training
    result = builder.emit(Dropout(0 if never else p, channels), x)
    return drops(builder, result) if told else result


handles("dropout", "alpha_dropout", views=True, pointwise=True)(partial(_dropout, False))
handles(
    *("dropout1d", "dropout2d", "dropout3d", "feature_dropout", "feature_alpha_dropout"), views=True, pointwise=True
)(partial(_dropout, True))


# Softmax


def _softmax(builder: Builder, x: Value, dim: int | None = None, *_: Any, dtype: Any = None, **__: Any) -> Value:
    of_fractions("softmax", x, dtype)
    if dim is None:
        dim = 0 if x.rank in (0, 1, 3) else 1  # torch's rule for callers that name none
    if not x.rank:
        return builder.emit(Activation("softmax"), x, dtype=dtype)
    return builder.emit(Softmax(dimension(x, dim)), x, dtype=dtype)


handles("softmax", "log_softmax", "softmin", "_softmax", "_log_softmax")(_softmax)


@handles("gumbel_softmax")
def _gumbel_softmax(
    builder: Builder, logits: Value, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1
) -> Value:
    """Of the elements and random numbers."""
    return builder.emit(Softmax(dimension(logits, dim)), logits)


# Normalisation


def _norm(
    builder: Builder, name: str, x: Value, weights: tuple[Any, ...], dims: tuple[int, ...], groups: int = 1
) -> Value:
    of_constants(*weights)
    of_fractions(name, x)
    learned = [weight for weight in weights if isinstance(weight, Value)]
    count = sum(product(weight.known) for weight in learned)
    return builder.emit(Norm(name, count, dims, groups), x, weights=learned)


def _of_channels(name: str, x: Value, *weights: Any) -> None:
    """Require channels, and weights and statistics of one element for each."""
    if x.rank < 2:
        raise DomainError("dimensions", x.rank, f"{name} needs at least 2")
    channels, agreed = x.compared(1), []
    for weight in weights:
        if isinstance(weight, Value) and (count := product(weight.carried)) not in agreed:
            if count != channels:
                sizes = numbers(weight.carried)
                raise RefusedError("weight", sizes, f"{name} needs one for each of {numbers((channels,))[0]} channels")
            agreed.append(count)


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
    training: bool = False,
    *_: Any,
    **__: Any,
) -> Value:
    """By the running statistics, as in evaluation, if there are any; where it trains torch needs others, too."""
    if training:
        _several("batch_norm", x.carried[0], *x.carried[2:])
    elif running_mean is None or running_var is None:
        raise DomainError("running_mean", None, "batch_norm needs statistics, or training=True to take its own")
    _of_channels("batch_norm", x, running_mean, running_var, weight, bias)
    return _aten_batch_norm(builder, x, weight, bias, running_mean, running_var)


@handles("batch_norm")
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
    dims = () if running_mean is not None else (0, *range(2, x.rank))
    return _norm(builder, "batch_norm", x, (weight, bias), dims)


@handles("_native_batch_norm_legit_no_training")
def _native_batch_norm(builder: Builder, x: Value, *statistics: Value | None, **options: Any) -> tuple[Value, ...]:
    """Besides, the statistics of the batch, of which there are none in evaluation."""
    none = Value((0,), x.dtype, constant=True)
    return _aten_batch_norm(builder, x, *statistics, **options), none, none


def _with_statistics(builder: Builder, made: Value, sizes: Sizes) -> tuple[Value, ...]:
    """With the two statistics of these sizes that the operators of torch's dispatcher return besides."""
    besides = Unknown("statistics", "the statistics that it returns besides are not followed", sizes)
    return made, *(builder.later(besides, made, sizes=sizes, name="statistics") for _ in range(2))


@handles("_native_batch_norm_legit")
def _own_batch_norm(
    builder: Builder, x: Value, weight: Value | None, bias: Value | None, *rest: Any
) -> tuple[Value, ...]:
    """By the running statistics, if it is given any before it is told whether it trains."""
    running = (None, None) if isinstance(rest[0], bool) else rest[:2]
    made = _aten_batch_norm(builder, x, weight, bias, *running)
    return _with_statistics(builder, made, (x.carried[1],))


@handles("_native_batch_norm_legit_functional")
def _functional_batch_norm(builder: Builder, x: Value, *rest: Any) -> tuple[Value, ...]:
    """With the running statistics, too, which stay as in evaluation."""
    return *_own_batch_norm(builder, x, *rest), *rest[2:4]


@handles("functional.instance_norm")
def _instance_norm(
    builder: Builder,
    x: Value,
    running_mean: Value | None = None,
    running_var: Value | None = None,
    weight: Value | None = None,
    bias: Value | None = None,
    use_input_stats: bool = True,
    *_: Any,
    **__: Any,
) -> Value:
    """By the running statistics, if there are any, and otherwise by those of each image."""
    if use_input_stats:
        _several("instance_norm", *x.carried[2:])
    elif running_mean is None or running_var is None:
        raise DomainError("running_mean", None, "instance_norm needs statistics, or use_input_stats=True")
    _of_channels("instance_norm", x, running_mean, running_var, weight, bias)
    return _aten_instance_norm(builder, x, weight, bias, running_mean, running_var)


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
    _of_channels("group_norm", x, weight, bias)
    channels = x.carried[1]
    needs = f"group_norm needs num_groups={num_groups} to divide the channels"
    require("==", channels % num_groups, 0, "channels", needs, channels=channels)
    return _norm(builder, "group_norm", x, (weight, bias), tuple(range(1, x.rank)), num_groups)


@handles("native_group_norm")
def _native_group_norm(
    builder: Builder, x: Value, weight: Value | None, bias: Value | None, n: Any, c: Any, hxw: Any, groups: int, *_: Any
) -> tuple[Value, ...]:
    made = _group_norm(builder, x, groups, weight, bias)
    return _with_statistics(builder, made, (x.carried[0], groups))


def _layer_norm(
    name: str,
    builder: Builder,
    x: Value,
    normalized_shape: Any,
    weight: Value | None = None,
    bias: Any = None,
    *_: Any,
    **__: Any,
) -> Value:
    shape = tuple(normalized_shape)
    if not shape:
        raise DomainError("normalized_shape", shape, "needs the sizes of at least one dimension")
    if x.carried[x.rank - len(shape) :] != shape:
        raise DomainError("normalized_shape", shape, f"the sizes {numbers(x.carried)} do not end in it")
    return _norm(builder, name, x, (weight, bias), tuple(range(x.rank - len(shape), x.rank)))


for _name in ("layer_norm", "rms_norm"):
    handles(_name, contiguous=True)(partial(_layer_norm, _name))


@handles("native_layer_norm", contiguous=True)
def _native_layer_norm(builder: Builder, x: Value, normalized_shape: Any, *weights: Any) -> tuple[Value, ...]:
    made = _layer_norm("layer_norm", builder, x, normalized_shape, *weights)
    kept = x.rank - len(normalized_shape)
    return _with_statistics(builder, made, (*x.carried[:kept], *(1,) * len(normalized_shape)))


@handles("local_response_norm")
def _local_response_norm(builder: Builder, x: Value, size: int, *_: Any, **__: Any) -> Value:
    """Over neighbouring channels."""
    if x.rank < 3:
        raise DomainError("dimensions", x.rank, "local_response_norm needs at least 3")
    of_fractions("local_response_norm", x)
    return builder.emit(LocalResponseNorm(size, size // 2), x)


@handles("normalize")
def _normalize(builder: Builder, x: Value, p: float = 2.0, dim: int = 1, *_: Any, **__: Any) -> Value:
    return _norm(builder, "normalize", x, (), (dimension(x, dim),))
