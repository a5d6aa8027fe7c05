"""What the inputs of an operator are for: which of them hold parameters that are learned, and which only numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping

WEIGHTS: Mapping[str, Collection[int] | None] = {
    **dict.fromkeys(("Add", "Sum", "Mul", "Pow", "PRelu", "Concat", "MatMul", "Gemm", "Einsum")),
    **dict.fromkeys(("Conv", "ConvTranspose", "CausalConvWithState", "BatchNormalization"), (1, 2)),
    **dict.fromkeys(("GroupNormalization", "InstanceNormalization", "LayerNormalization", "RMSNormalization"), (1, 2)),
    **dict.fromkeys(("LSTM", "GRU", "RNN"), (1, 2, 3, 7)),
    **dict.fromkeys(("Gather", "GatherElements", "GatherND"), (0,)),
    "Attention": (0, 1, 2),
    "ConvInteger": (1,),
    "DeformConv": (1, 3),
    "MatMulInteger": (0, 1),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (0, 3),
}
"""The inputs of an operator that are weights, biases, tables or operands that scale and shift; None for all of them.

Not so the bounds of Clip, Max and Min, the branches of Where, what is compared, scales and zero points of quantisation,
the factors of Resize, grids, windows and masks. Nor what is subtracted and what is divided by: this normalises the
input as a rule, by a mean and a deviation that are not learned.
"""


def holds_weights(op: str, number: int) -> bool:
    """Whether an input of an operator is there for learned parameters.

    >>> holds_weights("Mul", 1), holds_weights("Div", 1), holds_weights("Conv", 2), holds_weights("ConvInteger", 2)
    (True, False, True, False)
    """
    numbers = WEIGHTS.get(op, ())
    return numbers is None or number in numbers


_MADE_OF: Mapping[str, Collection[int] | None] = {
    **dict.fromkeys(("And", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Mean", "Or", "Xor")),
    **dict.fromkeys(("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "Reciprocal"), ()),
    **dict.fromkeys(("Scatter", "ScatterElements", "ScatterND"), (0, 2)),
    "Where": (1, 2),
}
"""The inputs that an operator's output is made of, where it is not the first and those that hold weights."""


def makes(op: str, number: int) -> bool:
    """Whether the output of an operator is made of an input, and not only changed, bounded or chosen by it.

    >>> makes("Div", 0), makes("Div", 1), makes("Gather", 1), makes("Where", 0), makes("Mul", 1)
    (True, False, False, False, True)
    """
    numbers = _MADE_OF.get(op, (0,))
    return numbers is None or number in numbers or holds_weights(op, number)
