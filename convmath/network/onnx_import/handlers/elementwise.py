"""Operators that work element by element, and softmax."""

from __future__ import annotations

from ....errors import DomainError
from ...operators import Activation, Combine, Dropout, Flatten, Identity, Reshape, Softmax
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..value import Value

_ACTIVATIONS = {
    **{name: name.lower() for name in ("Abs", "Ceil", "Celu", "Cos", "Cosh", "Elu", "Erf", "Exp", "Floor", "Gelu")},
    **{name: name.lower() for name in ("Log", "Mish", "Neg", "Not", "Reciprocal", "Relu", "Round", "Selu", "Shrink")},
    **{name: name.lower() for name in ("Sigmoid", "Sign", "Sin", "Sinh", "Softplus", "Softsign", "Sqrt", "Tan")},
    **{name: name.lower() for name in ("Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Tanh", "IsInf", "IsNaN")},
    "Bernoulli": "bernoulli",
    "BitwiseNot": "bitwise_not",
    "Clip": "clamp",
    "DequantizeLinear": "dequantize",
    "HardSigmoid": "hardsigmoid",
    "HardSwish": "hardswish",
    "LeakyRelu": "leaky_relu",
    "QuantizeLinear": "quantize",
    "Swish": "silu",
    "ThresholdedRelu": "threshold",
}
"""Functions of each element of the first input; the other inputs are parameters of them."""

_COMBINATIONS = {
    **{name: name.lower() for name in ("Add", "Sub", "Mul", "Div", "Pow", "And", "Or", "Xor", "Mod", "BitShift")},
    **{name: name.lower() for name in ("Equal", "Greater", "Less", "Max", "Min", "Mean", "Where")},
    "BitwiseAnd": "and",
    "BitwiseOr": "or",
    "BitwiseXor": "xor",
    "GreaterOrEqual": "greater_equal",
    "LessOrEqual": "less_equal",
    "Sum": "add",
}
"""Functions of the elements of all inputs that lie in one place."""

_COPIES = {"Identity": "identity", "Cast": "cast", "CastLike": "cast", "BitCast": "cast"}


@handles(*_ACTIVATIONS)
def _activation(call: Call) -> Value:
    others = [value for value in call.inputs[1:] if value is not None and not value.constant]
    if others:
        raise NotUnderstoodError("its parameters are computed from the input of the network")
    return call.emit(Activation(_ACTIVATIONS[call.op]), call.value())


@handles("PRelu")
def _prelu(call: Call) -> Value:
    """With a learned slope for every element that the slopes are stretched to."""
    if call.value(1).node:
        return call.emit(Combine("prelu"), call.value(0), _aligned(call, call.value(1)))
    params = call.params(call.value(1))
    return call.emit(Activation("prelu", params), call.value(0), params=params)


@handles(*_COPIES)
def _copy(call: Call) -> list[Value | None]:
    value = call.value(0)
    return [call.emit(Identity(_COPIES[call.op]), value) if value.items is None else value]


@handles("Dropout")
def _dropout(call: Call) -> list[Value | None]:
    """As in evaluation; how much is dropped in training is an attribute, or from opset 12 on an input."""
    given = call.optional(1) if call.opset >= 12 else None
    if given is not None and given.array is None:
        return [call.emit(Identity("dropout"), call.value(0))]
    rate = call.decimal("ratio", 0.5) if call.opset < 12 else 0.5 if given is None else call.number(1)
    return [call.emit(Dropout(rate), call.value(0))]


@handles(*_COMBINATIONS)
def _combination(call: Call) -> Value:
    values = call.values()
    if len(values) == 2 and call.opset < 7:
        values[1] = _aligned(call, values[1])
    return call.emit(Combine(_COMBINATIONS[call.op]), *values)


def _aligned(call: Call, second: Value) -> Value:
    """Before opset 7 the attribute ``axis`` says with which dimension of the first operand the second one begins."""
    axis = call.integer("axis", None)
    if call.opset >= 7 or axis is None or not call.integer("broadcast", 0):
        return second
    rank, own = call.rank(0), call.rank(1)
    after = rank - own - call.dimension(axis, rank)
    if after < 0:
        raise DomainError("node", call.name, f"axis={axis} leaves no room for {own} dimensions among {rank}")
    return call.emit(Reshape((0,) * own + (1,) * after), second, label="align") if after else second


@handles("Softmax", "LogSoftmax", "Hardmax")
def _softmax(call: Call) -> Value:
    """Over one dimension; before opset 13 over all from one on, taken as one."""
    sizes, whole = call.sizes(kept=True), call.opset < 13
    axis = call.dimension(call.integer("axis", 1 if whole else -1), len(sizes))
    if not whole or all(size == 1 for size in sizes[axis + 1 :]):
        return call.emit(Softmax(axis), call.value())
    flat = call.emit(Flatten(axis, -1), call.value(), label="flatten")
    return call.emit(Reshape(sizes), call.emit(Softmax(axis), flat, label=call.op.lower()))
