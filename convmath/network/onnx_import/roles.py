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
