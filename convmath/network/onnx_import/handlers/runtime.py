"""Operators that ONNX Runtime's optimizer and quantizer write, as those of ONNX. [onnxruntime.ContribOperators]"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ....errors import DomainError
from ...operators import Combine, Permute, Reduce
from ..call import Call
from ..registry import HANDLERS, NotUnderstoodError, handles
from ..value import Value

DOMAIN = "com.microsoft"


def as_standard(call: Call, op: str, inputs: Sequence[Value | None], label: str = "", opset: int = 0) -> Value:
    """The first output of the operator of ONNX that a node is, or a part of it."""
    found = HANDLERS[op](call.standing_for(op, inputs, label, opset))
    first = found if isinstance(found, Value) else found[0]
    if first is None:
        raise NotUnderstoodError("this output of the operator is not followed")
    return first


# Numbers with a scale and a zero point

_PLAIN = {
    "QLinearAdd": ("Add", (0, 3)),
    "QLinearMul": ("Mul", (0, 3)),
    "QLinearWhere": ("Where", (0, 1, 4)),
    "QLinearSigmoid": ("Sigmoid", (0,)),
    "QLinearLeakyRelu": ("LeakyRelu", (0,)),
    "QGemm": ("Gemm", (0, 3, 6)),
    "QuantizeLinear": ("QuantizeLinear", (0, 1, 2)),
    "DequantizeLinear": ("DequantizeLinear", (0, 1, 2)),
    "Gelu": ("Gelu", (0,)),
    "QuickGelu": ("Gelu", (0,)),
}
"""The operator that each is, and which inputs are its own; the others are scales and zero points."""


def _plain(op: str, numbers: Sequence[int], call: Call) -> Value:
    return as_standard(call, op, [call.optional(number) for number in numbers])


for _name, (_op, _numbers) in _PLAIN.items():
    handles(_name, domain=DOMAIN)(partial(_plain, _op, _numbers))


@handles("QLinearSoftmax", domain=DOMAIN)
def _softmax(call: Call) -> Value:
    """By the rules of the opset that its attribute says."""
    return as_standard(call, "Softmax", [call.value()], opset=call.integer("opset"))


@handles("QLinearConcat", domain=DOMAIN)
def _concat(call: Call) -> Value:
    """Every third input from the third one on, each with its scale and zero point."""
    return as_standard(call, "Concat", call.inputs[2::3])


@handles("DynamicQuantizeLinear")
def _quantize(call: Call) -> list[Value | None]:
    """By a scale and a zero point that all elements make."""
    dims = tuple(range(call.rank()))
    scale = call.emit(Reduce("max", dims), call.value(), label="scale")
    zero = call.emit(Reduce("min", dims), call.value(), label="zero_point") if call.used[2:3] == [True] else None
    quantised = call.emit(Combine("quantize"), call.value(), scale)
    return [quantised, replace(scale, scales=True), zero][: len(call.used)]


_BIASED = {"DynamicQuantizeMatMul": 4, "MatMulIntegerToFloat": 6}


@handles(*_BIASED, domain=DOMAIN)
def _matmul(call: Call) -> Value:
    """A product of matrices, and perhaps a bias."""
    bias = call.optional(_BIASED[call.op])
    found = as_standard(call, "MatMul", [call.value(0), call.value(1)], "matmul" if bias else "")
    return found if bias is None else as_standard(call, "Add", [found, bias])


# Channels last


def _channels_last(call: Call, op: str, inputs: Sequence[Value | None]) -> Value:
    """An operator whose input and output have their channels behind the spatial axes."""
    first, last = call.value(), call.rank() - 1
    if last < 2:
        raise DomainError("node", call.name, f"{call.op} needs an input with spatial axes, and not {call.sizes()}")
    turned = call.emit(Permute((0, last, *range(1, last))), first, label="channels_first")
    found = as_standard(call, op, [turned, *inputs[1:]], op.lower())
    return call.emit(Permute((0, *range(2, last + 1), 1)), found)


_ALWAYS = {"NhwcMaxPool": "MaxPool", "NhwcConv": "Conv"}
_SOMETIMES = {"QLinearConv": "QLinearConv", "QLinearAveragePool": "AveragePool"}
_SOMETIMES |= {"QLinearGlobalAveragePool": "GlobalAveragePool"}


@handles(*_ALWAYS, *_SOMETIMES, domain=DOMAIN)
def _window(call: Call) -> Value:
    """Convolution and pooling, with channels last by their name or their attribute."""
    op = _ALWAYS.get(call.op) or _SOMETIMES[call.op]
    inputs = call.inputs if op in ("Conv", "QLinearConv") else call.inputs[:1]
    if call.op in _ALWAYS or call.integer("channels_last", 0):
        return _channels_last(call, op, inputs)
    return as_standard(call, op, inputs)


# Several operators in one

_ACTIVATIONS = ("Relu", "Tanh", "Sigmoid", "LeakyRelu", "Clip", "HardSigmoid")


def _activated(call: Call, op: str, inputs: Sequence[Value | None], added: Value | None = None) -> Value:
    """An operator, what is added to its output, and an activation."""
    activation = call.text("activation", "")
    if activation and activation not in _ACTIVATIONS:
        raise NotUnderstoodError(f"its activation {activation} is not one of those that are understood")
    found = as_standard(call, op, inputs, op.lower() if activation or added else "")
    if added is not None:
        found = as_standard(call, "Add", [found, added], "add" if activation else "")
    return as_standard(call, activation, [found]) if activation else found


@handles("FusedConv", domain=DOMAIN)
def _fused_conv(call: Call) -> Value:
    """A convolution, perhaps with the sum of another branch, and an activation."""
    return _activated(call, "Conv", call.inputs[:3], call.optional(3))


@handles("FusedGemm", domain=DOMAIN)
def _fused_gemm(call: Call) -> Value:
    """A dense layer and an activation."""
    return _activated(call, "Gemm", call.inputs)


@handles("FusedMatMul", "TransposeMatMul", domain=DOMAIN)
def _fused_matmul(call: Call) -> Value:
    """A product of matrices, of which each may be transposed, and before that be stacked along its second dimension."""
    factors: list[Value | None] = []
    for number, name in enumerate(("A", "B")):
        value, turned = call.value(number), list(range(call.rank(number)))
        if call.integer(f"transBatch{name}", 0) and len(turned) > 2:
            turned.insert(-1, turned.pop(0))
        if call.integer(f"trans{name}", 0) and len(turned) > 1:
            turned[-2:] = reversed(turned[-2:])
        if turned != sorted(turned):
            value = call.emit(Permute(tuple(turned)), value, label=f"transpose_{name.lower()}")
        factors.append(value)
    return as_standard(call, "MatMul", factors)


@handles("BiasGelu", "FastGelu", domain=DOMAIN)
def _biased_gelu(call: Call) -> Value:
    """GELU of the sum with a bias, if it has one."""
    bias = call.optional(1)
    found = call.value() if bias is None else as_standard(call, "Add", [call.value(), bias], "add")
    return as_standard(call, "Gelu", [found])


@handles("SimplifiedLayerNormalization")
def _rms_norm(call: Call) -> Value:
    """Without the mean; written into the domain of ONNX itself."""
    return as_standard(call, "RMSNormalization", call.inputs[:2])


@handles("SkipLayerNormalization", "SkipSimplifiedLayerNormalization", domain=DOMAIN)
def _skip_norm(call: Call) -> list[Value | None]:
    """The sum of two branches and perhaps a bias, and its norm; the sum is the fourth output."""
    simple = call.op == "SkipSimplifiedLayerNormalization"
    scales, bias = (call.inputs[2:3], 3) if simple else (call.inputs[2:4], 4)
    total = as_standard(call, "Add", [call.value(0), call.value(1)], "skip")
    if call.optional(bias) is not None:
        total = as_standard(call, "Add", [total, call.optional(bias)], "bias")
    norm = as_standard(call, "RMSNormalization" if simple else "LayerNormalization", [total, *scales])
    return [norm, None, None, total][: len(call.used)]
