"""ONNX operators in every version: sizes against ONNX's inference and ONNX Runtime, reads against real runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product
from math import floor
from typing import Any

import numpy as np
import pytest
from onnx import helper
from onnx.reference import ReferenceEvaluator

from convmath.network import from_onnx
from convmath.network.fields.spans import Spans

from .onnx_models import depends, inferred, model, one_node, run, versions

I64 = np.int64


def ints(*values: int) -> np.ndarray:
    return np.array(values, I64)


def floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def weights(*sizes: int) -> np.ndarray:
    return np.arange(1, 1 + np.prod(sizes), dtype=np.float32).reshape(sizes) / 8


@dataclass(frozen=True)
class Case:
    """A node: its operator, the sizes of its input, its other inputs and attributes, and the opsets that have them."""

    op: str
    sizes: tuple[int, ...]
    constants: tuple[Any, ...] = ()
    attributes: dict[str, Any] = field(default_factory=dict)
    since: int = 1
    until: int = 99
    reads: bool = True

    def __str__(self) -> str:
        shown = ", ".join(f"{name}={value}" for name, value in self.attributes.items())
        others = ", ".join("-" if c is None else str(c.tolist() if c.size < 7 else c.shape) for c in self.constants)
        return f"{self.op}{self.sizes} ({others}) {shown}"

    @property
    def opsets(self) -> list[int]:
        return [opset for opset in versions(self.op) if self.since <= opset <= self.until]

    def model(self, opset: int) -> Any:
        outputs = self.attributes.get("outputs", 1)
        rest = {name: value for name, value in self.attributes.items() if name != "outputs"}
        return one_node(self.op, self.sizes, *self.constants, opset=opset, outputs=outputs, **rest)


def case(
    op: str,
    sizes: tuple[int, ...],
    *constants: Any,
    since: int = 1,
    until: int = 99,
    reads: bool = True,
    **attributes: Any,
) -> Case:
    return Case(op, sizes, constants, attributes, since, until, reads)


W3 = weights(1, 1, 3)
CONVOLUTIONS = [
    case("Conv", (1, 1, 9), W3),
    case("Conv", (1, 1, 9), W3, strides=[2], pads=[2, 1]),
    case("Conv", (1, 1, 9), W3, strides=[2], dilations=[3], pads=[0, 4]),
    case("Conv", (1, 1, 9), W3, auto_pad="SAME_UPPER", strides=[2]),
    case("Conv", (1, 1, 8), W3, auto_pad="SAME_LOWER", strides=[2]),
    case("Conv", (1, 1, 8), W3, auto_pad="SAME_UPPER", strides=[5]),
    case("Conv", (1, 1, 8), W3, auto_pad="VALID"),
    case("Conv", (2, 4, 5, 6), weights(6, 2, 3, 2), weights(6), group=2, kernel_shape=[3, 2], pads=[1, 0, 1, 2]),
    case("Conv", (1, 2, 4, 4, 4), weights(3, 2, 2, 2, 2), strides=[1, 2, 2], reads=False),
    case("ConvTranspose", (1, 1, 5), W3),
    case("ConvTranspose", (1, 1, 5), W3, strides=[3], pads=[1, 0], output_padding=[2]),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], dilations=[3], pads=[2, 3]),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], auto_pad="SAME_UPPER"),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], auto_pad="SAME_LOWER"),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], auto_pad="VALID"),
    case("ConvTranspose", (1, 1, 5), W3, strides=[4], auto_pad="SAME_UPPER"),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], output_shape=[9]),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], output_shape=[10]),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], output_shape=[10], auto_pad="SAME_UPPER"),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], output_shape=[10], auto_pad="SAME_LOWER"),
    case("ConvTranspose", (1, 1, 5), W3, strides=[2], output_shape=[12]),
    case("ConvTranspose", (1, 4, 3, 3), weights(4, 3, 2, 3), weights(6), group=2, strides=[2, 1], reads=False),
]

POOLS = [
    case(op, sizes, since=since, **attributes)
    for op in ("MaxPool", "AveragePool")
    for sizes, since, attributes in [
        ((1, 1, 9), 1, {"kernel_shape": [3]}),
        ((1, 1, 9), 1, {"kernel_shape": [3], "strides": [2], "pads": [1, 1]}),
        ((1, 1, 9), 1, {"kernel_shape": [3], "strides": [2], "pads": [2, 0]}),
        ((1, 1, 9), 1, {"kernel_shape": [4], "strides": [2], "auto_pad": "SAME_UPPER"}),
        ((1, 1, 9), 1, {"kernel_shape": [4], "strides": [2], "auto_pad": "SAME_LOWER"}),
        ((1, 1, 9), 1, {"kernel_shape": [4], "strides": [3], "auto_pad": "VALID"}),
        ((1, 1, 8), 10, {"kernel_shape": [3], "strides": [2], "ceil_mode": 1}),
        ((1, 1, 6), 10, {"kernel_shape": [2], "strides": [3], "pads": [0, 1], "ceil_mode": 1}),
        ((1, 1, 6), 10, {"kernel_shape": [1], "strides": [3], "ceil_mode": 1}),
        ((1, 1, 6), 10, {"kernel_shape": [3], "strides": [4], "pads": [2, 2], "ceil_mode": 1}),
        ((1, 2, 5, 6), 10, {"kernel_shape": [2, 3], "strides": [2, 2], "ceil_mode": 1, "pads": [1, 0, 0, 1]}),
        ((1, 1, 9), 19, {"kernel_shape": [3], "dilations": [2], "pads": [1, 1]}),
    ]
] + [
    case("MaxPool", (1, 1, 9), since=10, kernel_shape=[3], dilations=[3], pads=[1, 1]),
    case("LpPool", (1, 1, 9), since=2, kernel_shape=[3], strides=[2], pads=[1, 1]),
    case("LpPool", (1, 1, 9), since=18, kernel_shape=[3], strides=[2], dilations=[2], ceil_mode=1),
    case("GlobalAveragePool", (1, 2, 3, 4)),
    case("GlobalMaxPool", (1, 2, 3, 4)),
    case("GlobalLpPool", (1, 2, 3, 4), since=2),
]

PLAIN = [
    *(
        case(op, (2, 3, 4))
        for op in ("Relu", "Sigmoid", "Tanh", "Exp", "Abs", "Neg", "Sqrt", "Floor", "Softplus", "Erf")
    ),
    *(case(op, (2, 3, 4)) for op in ("Elu", "Selu", "LeakyRelu", "HardSigmoid", "HardSwish", "Softsign", "Identity")),
    *(case(op, (2, 3, 4)) for op in ("Gelu", "Mish", "Celu", "ThresholdedRelu", "Sin", "Round", "Reciprocal", "Erf")),
    case("Clip", (2, 3), until=10, min=0.0, max=1.0),
    case("Clip", (2, 3), np.float32(0), np.float32(1), since=11),
    case("PRelu", (1, 3, 4), weights(3, 1), since=7),
    case("Dropout", (2, 3)),
    case("Cast", (2, 3), since=6, to=1),
    case("Add", (2, 3, 4), weights(3, 1), since=7),
    case("Add", (2, 3, 4), weights(3), until=6, broadcast=1, axis=1),
    case("Mul", (2, 3, 4), weights(2, 3, 4), until=6),
    case("Mul", (2, 1, 4), weights(3, 1), since=7),
    case("Sub", (2, 3), weights(3), since=7),
    case("Div", (2, 3), weights(3), since=7),
    case("Pow", (2, 3), weights(3), since=7),
    case("Max", (2, 3), weights(3), since=8),
    case("Sum", (2, 3), weights(1, 3), weights(2, 1), since=8),
    case("Mean", (2, 3), weights(1, 3), since=8),
    case("Softmax", (2, 3)),
    case("Softmax", (2, 3, 4)),
    case("LogSoftmax", (2, 3, 4), axis=2),
    case("Hardmax", (2, 3, 4), axis=1, reads=False),
]

DENSE = [
    case("Gemm", (2, 3), weights(3, 4), weights(4), since=7),
    case("Gemm", (2, 3), weights(4, 3), since=11, transB=1),
    case("Gemm", (3, 2), weights(3, 4), weights(4), since=7, transA=1, alpha=0.5, beta=2.0),
    case("MatMul", (2, 3, 4), weights(4, 5)),
    case("MatMul", (2, 3, 4), weights(2, 4, 5)),
    case("BatchNormalization", (2, 3, 4), *(weights(3) for _ in range(4)), since=7),
    case("InstanceNormalization", (2, 3, 4), weights(3), weights(3), since=6, reads=False),
    case("GroupNormalization", (2, 4, 3), weights(2), weights(2), since=18, until=20, num_groups=2, reads=False),
    case("GroupNormalization", (2, 4, 3), weights(4), weights(4), since=21, num_groups=2, reads=False),
    case("LayerNormalization", (2, 3, 4), weights(4), weights(4), reads=False),
    case("LayerNormalization", (2, 3, 4), weights(3, 4), axis=1, reads=False),
    case("RMSNormalization", (2, 3, 4), weights(4), reads=False),
    case("LRN", (1, 5, 3, 3), size=3, reads=False),
    case("MeanVarianceNormalization", (2, 3, 4, 4), reads=False),
    case("LpNormalization", (2, 3), axis=1, reads=False),
]

LAYOUT = [
    case("Flatten", (2, 3, 4)),
    case("Flatten", (2, 3, 4), axis=0),
    case("Flatten", (2, 3, 4), axis=2),
    case("Flatten", (2, 3, 4), axis=3),
    case("Flatten", (2, 3, 4), since=11, axis=-1),
    case("Reshape", (2, 3, 4), until=1, shape=[0, -1]),
    case("Reshape", (2, 3, 4), ints(0, -1), since=5),
    case("Reshape", (2, 3, 4), ints(4, 0, 2), since=5),
    case("Reshape", (2, 3, 4), ints(6, 4), since=14, allowzero=1),
    case("Squeeze", (1, 3, 1, 4), until=12, axes=[0]),
    case("Squeeze", (1, 3, 1, 4), until=12),
    case("Squeeze", (1, 3, 1, 4), ints(-2), since=13),
    case("Squeeze", (1, 3, 1, 4), since=13),
    case("Unsqueeze", (3, 4), until=12, axes=[0, 2]),
    case("Unsqueeze", (3, 4), ints(-1, 1), since=13),
    case("Transpose", (2, 3, 4)),
    case("Transpose", (2, 3, 4), perm=[1, 2, 0]),
    case("Concat", (2, 3), weights(2, 1), since=4, axis=1),
    case("Concat", (2, 3), weights(2, 1), since=11, axis=-1),
    case("Slice", (4, 9), until=9, starts=[1, -8], ends=[3, 1000], axes=[0, 1]),
    case("Slice", (4, 9), until=9, starts=[1], ends=[-1]),
    case("Slice", (4, 9), ints(1), ints(2**63 - 1), ints(-1), ints(3), since=10),
    case("Slice", (4, 9), ints(0, -7), ints(3, -2), since=10),
    case("Slice", (4, 2), ints(-4), ints(-(2**63)), ints(1), ints(-1), since=10),
    case("Slice", (4, 5), ints(-7), ints(-9), ints(1), ints(-2), since=10),
    case("Slice", (4, 9), ints(0), ints(4), since=10),
    case("Split", (2, 9), since=2, until=12, outputs=2, axis=1, split=[4, 5]),
    case("Split", (2, 9), since=2, until=17, outputs=3, axis=1),
    case("Split", (2, 9), ints(4, 5), since=13, outputs=2, axis=-1),
    case("Split", (2, 9), since=18, outputs=2, num_outputs=2, axis=1),
    case("Pad", (2, 3), until=1, paddings=[0, 1, 0, 2]),
    case("Pad", (2, 5), since=2, until=10, pads=[0, 1, 0, -2]),
    *(
        case("Pad", (2, 5), ints(0, 3, 0, 2), since=since, mode=mode)
        for mode, since in (("constant", 11), ("reflect", 11), ("edge", 11), ("wrap", 19))
    ),
    case("Pad", (2, 5), ints(3, 2), None, ints(-1), since=18),
    case("Expand", (3, 1), ints(2, 1, 4)),
    case("Expand", (3, 4), ints(1, 1)),
    case("Tile", (2, 3), ints(1, 3), since=6),
    case("Gather", (2, 5), np.int64(3), axis=1),
    case("Gather", (2, 5), ints(1, 3), axis=1),
    case("Gather", (2, 5), ints(-1), since=11, axis=1),
    case("DepthToSpace", (1, 8, 2, 3), blocksize=2),
    case("DepthToSpace", (1, 8, 2, 3), since=11, blocksize=2, mode="CRD"),
    case("SpaceToDepth", (1, 2, 4, 6), blocksize=2),
    *(
        case(f"Reduce{how}", (2, 3, 4), until=12 if how == "Sum" else 17, axes=[1], keepdims=keepdims)
        for how in ("Mean", "Sum", "Max", "Min", "L1", "L2", "Prod", "LogSumExp", "SumSquare", "LogSum")
        for keepdims in (0, 1)
    ),
    *(case(f"Reduce{how}", (2, 3, 4), ints(-1), since=18) for how in ("Mean", "Max", "L2")),
    case("ReduceSum", (2, 3, 4), ints(0, 2), since=13, keepdims=0),
    case("ReduceSum", (2, 3, 4), since=13, noop_with_empty_axes=1),
    case("ReduceMean", (2, 3, 4)),
    case("ArgMax", (2, 3), axis=1, reads=False),
]

EMPTY = floats()
RESIZES = [
    case("Upsample", (1, 1, 2, 3), until=1, height_scale=2.0, width_scale=1.5, mode="nearest"),
    *(
        case("Upsample", (1, 1, 2, 5), since=7, until=7, scales=[1.0, 1.0, 2.0, scale], mode=mode)
        for scale in (2.0, 1.5)
        for mode in ("nearest", "linear")
    ),
    *(case("Upsample", (1, 1, 2, 5), floats(1, 1, 2, 1.5), since=9, until=9, mode=m) for m in ("nearest", "linear")),
    *(
        case("Resize", (1, 1, 2, 6), floats(1, 1, 1, scale), until=10, mode=mode)
        for scale in (2.0, 0.5, 1.5)
        for mode in ("nearest", "linear")
    ),
    *(
        case(
            "Resize", (1, 1, 2, 6), EMPTY, floats(1, 1, 1, scale), since=11,
            mode=mode, coordinate_transformation_mode=coordinates,
        )
        for scale in (2.0, 0.5, 1.5, 0.75)
        for mode in ("linear", "cubic")
        for coordinates in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    ),
    *(
        case(
            "Resize", (1, 1, 2, 6), EMPTY, None, ints(1, 1, 2, size), since=11,
            mode="nearest", coordinate_transformation_mode=coordinates, nearest_mode=rounding,
        )
        for size in (12, 3, 9, 4, 1)
        for coordinates in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    ),
    case("Resize", (1, 1, 2, 6), None, None, ints(4), since=18, axes=[3], mode="linear"),
    case(
        "Resize", (1, 1, 2, 6), None, floats(2), since=19,
        axes=[3], coordinate_transformation_mode="half_pixel_symmetric",
    ),
]  # fmt: skip

FLOOR = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
UNEVEN = [
    case("Resize", (1, 1, 2, n), EMPTY, floats(1, 1, 1, scale), since=11, **options)
    for n, scale in ((6, 2 / 3), (15, 0.6667), (9, 0.7), (7, 1.3), (11, 1.7), (10, 0.3))
    for options in (
        {"mode": "nearest"},
        {"mode": "nearest", "nearest_mode": "ceil", "coordinate_transformation_mode": "asymmetric"},
        FLOOR,
        {"mode": "linear"},
        {"mode": "linear", "coordinate_transformation_mode": "asymmetric"},
        {"mode": "cubic", "coordinate_transformation_mode": "pytorch_half_pixel"},
    )
]
"""Factors that are no simple fractions as 32-bit floats."""

SYMMETRIC = {"since": 19, "coordinate_transformation_mode": "half_pixel_symmetric", "axes": [3]}
UNEVEN += [case("Resize", (1, 1, 2, n), None, floats(0.6), mode="linear", **SYMMETRIC) for n in (7, 12)]

W_LSTM, R_LSTM, B_LSTM = weights(1, 8, 3) / 8, weights(1, 8, 2) / 8, weights(1, 16) / 8
TWO = [np.concatenate([array, array[:, ::-1]]) for array in (W_LSTM, R_LSTM, B_LSTM)]
SEQUENCES = [
    case("LSTM", (5, 1, 3), W_LSTM, R_LSTM, since=7, hidden_size=2),
    case("LSTM", (5, 1, 3), W_LSTM, R_LSTM, B_LSTM, since=7, hidden_size=2, direction="reverse"),
    case("LSTM", (5, 1, 3), *TWO, since=7, hidden_size=2, direction="bidirectional"),
    case("LSTM", (5, 1, 3), W_LSTM, R_LSTM, since=7, hidden_size=2, outputs=2),
    case("GRU", (5, 1, 3), W_LSTM[:, :6], R_LSTM[:, :6], B_LSTM[:, :12], since=7, hidden_size=2),
    case("RNN", (5, 1, 3), W_LSTM[:, :2], R_LSTM[:, :2], since=7, hidden_size=2),
    *(
        case("CumSum", (1, 1, 6), np.int64(2), exclusive=exclusive, reverse=reverse)
        for exclusive in (0, 1)
        for reverse in (0, 1)
    ),
    case("CumProd", (2, 5), np.int64(-1), reads=False),
    case("ReverseSequence", (1, 1, 5, 2), ints(5), batch_axis=0, time_axis=2, reads=False),
    case("Slice", (1, 1, 9), ints(-1), ints(-100), ints(2), ints(-1), since=10),
    case("Slice", (1, 1, 9), ints(7), ints(0), ints(2), ints(-3), since=10),
    case("Gather", (1, 1, 5), ints(4, 0, 0, 3), axis=2),
    case("TopK", (2, 5), ints(3), since=10, outputs=2, reads=False),
    case("Trilu", (3, 4), reads=False),
    case("CenterCropPad", (1, 1, 5, 8), ints(1, 1, 8, 3), reads=False),
    case("CenterCropPad", (1, 1, 5, 8), ints(8, 3), axes=[2, 3]),
    case("Col2Im", (1, 8, 12), ints(4, 5), ints(2, 2), reads=False),
    case("Col2Im", (1, 4, 6), ints(4, 6), ints(2, 2), pads=[0, 0, 1, 0], strides=[2, 1], dilations=[2, 3], reads=False),
    case("Einsum", (1, 2, 4, 3), weights(3, 5), equation="bchw,wk->bchk"),
    case("Einsum", (1, 2, 4, 3), equation="...hw->...wh"),
    case("Einsum", (1, 2, 4, 3), equation="b...w->b...", reads=False),
    case("Einsum", (2, 4), weights(4, 3), weights(3, 2), equation="ab, bc, cd", reads=False),
    case("SwiGLU", (2, 3), weights(2, 3), reads=False),
    case("Attention", (1, 2, 3, 4), weights(1, 2, 5, 4), weights(1, 2, 5, 6), reads=False),
    case(
        "Attention", (1, 3, 8), weights(1, 5, 8), weights(1, 5, 6), q_num_heads=2, kv_num_heads=2, reads=False,
    ),
    case("Attention", (1, 4, 3, 4), weights(1, 2, 5, 4), weights(1, 2, 5, 6), reads=False),
]  # fmt: skip

ALL = [*CONVOLUTIONS, *POOLS, *PLAIN, *DENSE, *LAYOUT, *RESIZES, *UNEVEN, *SEQUENCES]
TABLE = [(one, opset) for one in ALL for opset in one.opsets]


IDS = [f"{one} at {opset}" for one, opset in TABLE]
CLAMPED = 22
"""From this opset on ONNX leaves out windows that begin in the padding; ONNX Runtime always does."""


def beyond_the_end(one: Case, opset: int) -> bool:
    """Whether ceil mode has a window that begins in the padding after the input, in an opset where it counts."""
    if not one.attributes.get("ceil_mode") or opset >= CLAMPED:
        return False
    return one.model(opset) is not None and inferred(one.model(opset)) != inferred(one.model(CLAMPED))


@pytest.mark.parametrize(("one", "opset"), TABLE, ids=IDS)
def test_sizes_are_those_of_onnx_and_of_onnx_runtime(one, opset):
    proto = one.model(opset)
    rows = from_onnx(proto).analyze()
    name = ("y/0" if one.op == "Split" else "y") if "outputs" in one.attributes else rows.output.name
    said = rows[name].sizes
    assert [row.reason for row in rows if row.reason] == []
    result = None if beyond_the_end(one, opset) else run(proto, np.ones(one.sizes, np.float32))
    real = None if result is None else result.shape
    told = inferred(proto)
    if real is None and told is None:
        pytest.skip(f"ONNX's inference and ONNX Runtime lack {one.op} of opset {opset}")
    assert {said, real or said, told or said} == {said}


def test_most_cases_are_compared_with_both():
    told = [inferred(one.model(opset)) is not None for one, opset in TABLE]
    real = [run(one.model(opset), np.ones(one.sizes, np.float32)) is not None for one, opset in TABLE]
    assert sum(map(min, told, real)) > len(TABLE) / 2, (sum(told), sum(real), len(TABLE))


BEYOND = [(one, opset) for one in POOLS for opset in one.opsets if beyond_the_end(one, opset)]


@pytest.mark.parametrize(("one", "opset"), BEYOND, ids=[f"{one} at {opset}" for one, opset in BEYOND])
def test_a_window_that_begins_in_the_padding_counts_before_opset_22_though_onnx_runtime_drops_it(one, opset):
    said = from_onnx(one.model(opset)).analyze().output.sizes
    assert said == inferred(one.model(opset))
    assert said != run(one.model(opset), np.ones(one.sizes, np.float32)).shape
    assert from_onnx(one.model(CLAMPED)).analyze().output.sizes != said


def test_a_factor_that_is_no_binary_fraction_is_multiplied_as_a_32_bit_float():
    one = case("Resize", (1, 1, 2, 10), EMPTY, floats(1, 1, 1, 0.7), mode="nearest")
    assert run(one.model(19), np.ones(one.sizes, np.float32)).shape == (1, 1, 2, 7)
    assert from_onnx(one.model(19)).analyze().output.sizes == (1, 1, 2, 7)
    assert inferred(one.model(19)) == (1, 1, 2, 6)  # ONNX's inference multiplies exactly


def test_output_padding_does_not_enlarge_a_same_form():
    one = case("ConvTranspose", (1, 1, 5), W3, strides=[2], output_padding=[1], auto_pad="SAME_UPPER")
    assert run(one.model(11), np.ones(one.sizes, np.float32)).shape == (1, 1, 10)
    assert from_onnx(one.model(11)).analyze().output.sizes == (1, 1, 10)
    assert inferred(one.model(11)) == (1, 1, 11)  # against the text of the operator


# What is read


def spatial(positions: Iterable[tuple[int, ...]]) -> set[tuple[int, ...]]:
    """Without batch and channels."""
    return {position[2:] for position in positions}


def read_by_the_formulas(proto: Any) -> dict[tuple[int, ...], set[tuple[int, ...]]]:
    report = from_onnx(proto).analyze()
    found = {}
    for position in np.ndindex(*report.output.sizes[2:]):
        axes = report.reads(report.output.name, *position).get("x", ())
        ranges = [[element for start, stop in axis.parts for element in range(start, stop)] for axis in axes]
        found[position] = set(product(*ranges)) if axes else set()
    return found


def read_in_reality(proto: Any, sizes: tuple[int, ...]) -> dict[tuple[int, ...], set[tuple[int, ...]]] | None:
    found = depends(proto, sizes)
    if found is None:
        return None
    joined: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for position, reads in found.items():
        joined.setdefault(position[2:], set()).update(spatial(reads))
    return joined


MOVING = [one for one in LAYOUT if one.op in ("DepthToSpace", "SpaceToDepth")] + [
    case("Pad", (1, 1, 5), ints(0, 0, 3, 0, 0, 2), since=19, mode=mode)
    for mode in ("constant", "reflect", "edge", "wrap")
] + [
    case("Pad", (1, 1, 6), ints(0, 0, before, 0, 0, after), since=19, mode="wrap")
    for before, after in ((-1, 2), (2, -1), (-2, 6))
] + [
    case("Slice", (1, 1, 9), ints(2), ints(9), ints(2), ints(3), since=10),
    case("Transpose", (1, 1, 3, 4), perm=[0, 1, 3, 2]),
    case("Tile", (1, 1, 3), ints(1, 1, 3), since=6),
    case("Concat", (1, 1, 3), weights(1, 1, 2), since=4, axis=2),
]  # fmt: skip
READ = [
    (one, one.opsets[-1]) for one in [*CONVOLUTIONS, *POOLS, *RESIZES[1:], *UNEVEN, *SEQUENCES, *MOVING] if one.reads
]
READ += [(one, one.opsets[0]) for one in RESIZES if one.opsets == [10]]


@pytest.mark.parametrize(("one", "opset"), READ, ids=[f"{one} at {opset}" for one, opset in READ])
def test_every_position_reads_what_changes_it_in_onnx_runtime(one, opset):
    proto = one.model(opset)
    real = read_in_reality(proto, one.sizes)
    if real is None:
        proto = one.model(newest_that_runs(one))
        real = read_in_reality(proto, one.sizes)
    assert read_by_the_formulas(proto) == real


def newest_that_runs(one: Case) -> int:
    return next(
        opset for opset in reversed(one.opsets) if run(one.model(opset), np.ones(one.sizes, np.float32)) is not None
    )


def test_a_factor_that_is_nearly_a_fraction_reads_otherwise_where_the_difference_adds_up():
    """Position 2 lies on 3 by 2/3, whose float is a little larger, only because the quotient is rounded, too."""
    nearly, fraction = (
        from_onnx(case("Resize", (1, 1, 1, 30), EMPTY, floats(1, 1, 1, scale), **FLOOR).model(19)).analyze()
        for scale in (0.6667, 2 / 3)
    )
    assert nearly.output.output_size == fraction.output.output_size == (1, 1, 20)
    found = [[report.reads("y", 0, at)["x"][1] for at in (0, 1, 2)] for report in (nearly, fraction)]
    assert found == [[Spans.point(at) for at in row] for row in ((0, 1, 2), (0, 1, 3))]
    assert fraction.output.receptive_field[1].stride == Fraction(3, 2)
    assert floor(2 / Fraction(float(np.float32(2 / 3)))) == 2  # without rounding


WEIGHED = [one for one in UNEVEN if one.attributes["mode"] != "nearest" and "asymmetric" not in str(one)]


@pytest.mark.parametrize("one", WEIGHED, ids=map(str, WEIGHED))
def test_what_is_weighed_is_that_of_onnxs_reference_where_no_place_is_an_elements_own(one):
    """The reference has the places in double precision, ONNX Runtime in single: they differ on whole numbers alone."""
    proto = one.model(one.opsets[-1])
    reference, report = ReferenceEvaluator(proto), from_onnx(proto).analyze()
    weights = []
    for element in range(one.sizes[3]):
        spike = np.zeros(one.sizes, np.float32)
        spike[..., 0, element] = 1
        weights.append(reference.run(None, {"x": spike})[0][0, 0, 0])
    for position, column in enumerate(np.array(weights).T):
        (axis,) = report.reads("y", 0, position)["x"][1:]
        assert {e for start, stop in axis.parts for e in range(start, stop)} == set(np.nonzero(column)[0].tolist())


def test_places_that_are_too_many_leave_the_field_unknown():
    row = from_onnx(case("Resize", (1, 1, 1, 2**18), EMPTY, floats(1, 1, 1, 0.7)).model(19)).analyze().output
    assert row.output_size == (1, 1, 183500)
    assert "183500 positions" in row.field_unknown


REFUSED = [
    (case("GridSample", (1, 1, 4, 4), floats(*[0] * 18).reshape(1, 3, 3, 2)), "grid"),
    (case("ScatterND", (4, 3), ints(1).reshape(1, 1), weights(1, 3), since=11), "computed indices"),
    (case("RoiAlign", (1, 1, 8, 8), weights(2, 4), ints(0, 0), since=10, output_height=3, output_width=3), "regions"),
    (case("MaxRoiPool", (1, 1, 8, 8), weights(2, 5), pooled_shape=[3, 3]), "regions"),
    (case("GatherND", (4, 3), ints(1).reshape(1, 1), since=11), "not known beforehand"),
    (case("ReverseSequence", (1, 1, 5, 2), ints(3), batch_axis=0, time_axis=2), "different lengths"),
    (case("Einsum", (3, 3), equation="ii->i"), "diagonal"),
    (case("LSTM", (5, 1, 3), W_LSTM, R_LSTM, None, np.array([3], np.int32), since=7, hidden_size=2), "lengths"),
]


@pytest.mark.parametrize(("one", "reason"), REFUSED, ids=[str(one) for one, _ in REFUSED])
def test_what_is_not_followed_says_why_and_has_onnxs_sizes(one, reason):
    proto = one.model(one.opsets[-1])
    row = from_onnx(proto).analyze().output
    assert reason in row.reason
    assert row.sizes in (inferred(proto), None)


def along_an_axis(direction: str, layer: Sequence[np.ndarray]) -> Any:
    """An LSTM along the only axis of the input, its directions and features as channels."""
    names = ["w", "r", "b"][: len(layer)]
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], "steps", perm=[2, 0, 1]),
        helper.make_node("LSTM", ["steps", *names], ["run"], "run", hidden_size=2, direction=direction),
        helper.make_node("Transpose", ["run"], ["turned"], "turned", perm=[2, 1, 3, 0]),
        helper.make_node("Reshape", ["turned", "shape"], ["y"], "y"),
    ]
    constants = {**dict(zip(names, layer, strict=True)), "shape": ints(1, -1, 5)}
    return model(nodes, {"x": (1, 3, 5)}, constants)


@pytest.mark.parametrize(
    ("direction", "layer"),
    [("forward", (W_LSTM, R_LSTM)), ("reverse", (W_LSTM, R_LSTM, B_LSTM)), ("bidirectional", TWO)],
)
def test_a_recurrent_layer_reads_in_its_direction(direction, layer):
    proto = along_an_axis(direction, layer)
    real = read_in_reality(proto, (1, 3, 5))
    assert read_by_the_formulas(proto) == real
    if direction != "bidirectional":
        other = along_an_axis({"forward": "reverse", "reverse": "forward"}[direction], layer)
        assert read_by_the_formulas(other) != real


def test_a_recurrent_layer_counts_its_weights_and_products():
    (one, *_) = [one for one in SEQUENCES if one.op == "LSTM" and len(one.constants) == 3]
    report = from_onnx(one.model(22)).analyze()
    assert report.params == sum(array.size for array in one.constants)
    assert report.macs == 5 * (8 * 3 + 8 * 2)


@pytest.mark.parametrize(
    ("one", "wrong"),
    [
        (case("Conv", (1, 1, 9), W3, dilations=[2]), {"dilations": [1]}),
        (case("Conv", (1, 1, 9), W3, pads=[2, 1]), {"pads": [1, 2]}),
        (case("Conv", (1, 1, 8), W3, auto_pad="SAME_LOWER", strides=[2]), {"auto_pad": "SAME_UPPER"}),
        (case("CumSum", (1, 1, 6), np.int64(2), exclusive=1), {"exclusive": 0}),
        (UNEVEN[0], {"nearest_mode": "floor"}),
        (
            case("ConvTranspose", (1, 1, 5), W3, strides=[2], output_shape=[10], auto_pad="SAME_LOWER"),
            {"auto_pad": "SAME_UPPER"},
        ),
    ],
)
def test_a_wrong_attribute_is_caught(one, wrong):
    other = case(one.op, one.sizes, *one.constants, **one.attributes | wrong)
    assert read_by_the_formulas(other.model(13)) != read_in_reality(one.model(13), one.sizes)
