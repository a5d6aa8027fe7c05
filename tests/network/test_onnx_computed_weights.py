"""Which constants are learned parameters where nodes of a file compute a weight of several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from convmath.network import from_onnx

from .onnx_models import model
from .test_onnx_import import exported
from .test_onnx_parameters import sum_of, trained

CONV, MUL, ADD, MATMUL = (("y", op, ("x", "w"), {}) for op in ("Conv", "Mul", "Add", "MatMul"))
"""What reads the input and the weight that is computed."""

Node = tuple[str, str, Sequence[str], dict[str, Any]]


def real(*sizes: int) -> np.ndarray:
    return np.ones(sizes, np.float32) if sizes else np.float32(2)


def whole(*sizes: int, number: Any = np.int8) -> np.ndarray:
    return np.ones(sizes, number)


def counted(nodes: Sequence[Node], stored: dict[str, np.ndarray], **said: str) -> int:
    """The parameters of a network of these nodes; ``said`` is what the file says of stored tensors."""
    made = [helper.make_node(op, reads, [name], name, **more) for name, op, reads, more in nodes]
    sizes = {"Conv": (1, 4, 8, 8), "MatMul": (1, 5, 4)}.get(nodes[-1][1], (1, 8, 4, 4))
    proto = model(made, {"x": sizes}, stored)
    for name, kind in said.items():
        info = helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, stored[name].shape)
        info.metadata_props.add(key="pkg.torch.export.graph_signature.InputSpec.kind", value=kind)
        proto.graph.value_info.append(info)
    total = from_onnx(proto).analyze().total("params")
    assert total.status == "complete"
    return total.value


W, EACH = real(8, 4, 3, 3), real(8, 1, 1, 1)
MOVED, SCALED = ("a", "Sub", ("W", "m"), {}), ("w", "Div", ("a", "s"), {})
NORM = ("n", "ReduceL2", ("W",), {"axes": [1, 2, 3], "keepdims": 1})
BINARY = ("k", "Greater", ("W", "zero"), {})

COMPUTED: dict[str, tuple[list[Node], dict[str, np.ndarray], int]] = {
    "less a mean, by a deviation": ([MOVED, SCALED, CONV], {"W": W, "m": EACH, "s": EACH}, 288),
    "by as many deviations": ([("w", "Div", ("W", "s"), {}), CONV], {"W": W, "s": W}, 288),
    "by its own length, times one": (
        [NORM, ("a", "Div", ("W", "n"), {}), ("w", "Mul", ("a", "s"), {}), CONV],
        {"W": W, "s": EACH},
        288 + 8,
    ),
    "times one by its own length": (
        [NORM, ("a", "Div", ("s", "n"), {}), ("w", "Mul", ("W", "a"), {}), CONV],
        {"W": W, "s": EACH},
        288 + 8,
    ),
    "by what vectors make of it": (
        [
            ("f", "Flatten", ("W",), {}),
            ("a", "MatMul", ("f", "v"), {}),
            ("s", "MatMul", ("u", "a"), {}),
            ("w", "Div", ("W", "s"), {}),
            CONV,
        ],
        {"W": W, "u": real(1, 8), "v": real(36, 1)},
        288,
    ),
    "plus a product": (
        [("a", "MatMul", ("b", "c"), {}), ("w", "Add", ("W", "a"), {}), MATMUL],
        {"W": real(4, 6), "b": real(4, 2), "c": real(2, 6)},
        24 + 8 + 12,
    ),
    "integers less a zero point, by hand": (
        [("r", "Cast", ("W",), {"to": 1}), ("a", "Sub", ("r", "m"), {}), ("w", "Mul", ("a", "s"), {}), CONV],
        {"W": whole(8, 4, 3, 3), "m": EACH, "s": EACH},
        288,
    ),
    "the scale and shift of statistics": (
        [
            ("d", "Sqrt", ("v",), {}),
            ("r", "Reciprocal", ("d",), {}),
            ("w", "Mul", ("g", "r"), {}),
            ("a", "Mul", ("m", "w"), {}),
            ("b", "Sub", ("c", "a"), {}),
            ("z", "Mul", ("x", "w"), {}),
            ("y", "Add", ("z", "b"), {}),
        ],
        dict.fromkeys("vgmc", real(8, 1, 1)),
        8 + 8,
    ),
    "few where others hide them": (
        [("w", "Where", ("k", "s", "zero"), {}), CONV],
        {"k": whole(8, 4, 3, 3, number=bool), "s": EACH, "zero": real()},
        8,
    ),
    "some where others hide them": (
        [("w", "Where", ("k", "zero", "W"), {}), CONV],
        {"k": whole(8, 4, 3, 3, number=bool), "W": W, "zero": real()},
        288,
    ),
    "one of two by a bound": (
        [BINARY, ("w", "Where", ("k", "one", "zero"), {}), CONV],
        {"W": W, "one": real(), "zero": real()},
        288,
    ),
    "rows of a table, some twice": (
        [("w", "Gather", ("t", "i"), {}), MATMUL],
        {"t": real(3, 6), "i": np.array([0, 1, 0, 2])},
        18,
    ),
    "a table by more places than elements": (
        [("w", "Gather", ("t", "i"), {}), MATMUL],
        {"t": real(3), "i": np.zeros((4, 6), int)},
        3,
    ),
    "what is not left": ([("w", "Sub", ("one", "W"), {}), CONV], {"W": W, "one": real()}, 288),
    "times what is not left": ([("w", "Sub", ("one", "s"), {}), MUL], {"s": real(8, 1, 1), "one": real()}, 8),
    "times one by it": ([("w", "Div", ("one", "s"), {}), MUL], {"s": real(8, 1, 1), "one": real()}, 8),
    "a layer of constants": (
        [("w", "LayerNormalization", ("q", "g", "b"), {}), ADD],
        {"q": real(8, 4, 4), "g": real(4), "b": real(4)},
        128 + 4 + 4,
    ),
    "a dense layer of constants": (
        [("w", "Gemm", ("q", "g", "b"), {}), ADD],
        {"q": real(4, 3), "g": real(3, 4), "b": real(4)},
        12 + 12 + 4,
    ),
    "a convolution of constants": (
        [("w", "Conv", ("q", "g", "b"), {}), ADD],
        {"q": real(1, 3, 4, 4), "g": real(8, 3, 1, 1), "b": real(8)},
        48 + 24 + 8,
    ),
    "slopes of constants": ([("w", "PRelu", ("q", "g"), {}), ADD], {"q": real(8, 4, 4), "g": real(8, 1, 1)}, 128 + 8),
}


@pytest.mark.parametrize("name", COMPUTED)
def test_a_computed_weight_counts_what_it_is_made_of(name):
    nodes, stored, learned = COMPUTED[name]
    assert counted(nodes, stored) == learned


def test_what_the_file_says_is_learned_counts_wherever_it_is_in_a_weight():
    nodes, stored, _ = COMPUTED["less a mean, by a deviation"]
    assert counted(nodes, stored, W="PARAMETER", m="BUFFER", s="BUFFER") == 288
    assert counted(nodes, stored, W="PARAMETER", m="PARAMETER", s="BUFFER") == 288 + 8
    assert counted(nodes, stored, W="BUFFER", m="BUFFER", s="PARAMETER") == 8
    index, table, _ = COMPUTED["a table by more places than elements"]
    assert counted(index, table, t="PARAMETER", i="BUFFER") == 3


def test_what_an_operator_of_another_set_makes_is_made_of_all_that_it_reads():
    nodes = [helper.make_node("Sub", ["W", "m"], ["w"], "w"), helper.make_node("Add", ["x", "w"], ["y"], "y")]
    known = model(nodes, {"x": (1, 8, 4, 4)}, {"W": real(8, 4, 4), "m": real(8, 1, 1)})
    assert from_onnx(known).analyze().params == 128
    known.graph.node[0].domain = "own"
    known.opset_import.add(domain="own", version=1)
    assert from_onnx(known).analyze().params == 128 + 8


# Quantised norms


QUANTISED = {
    "per tensor": (whole(8), np.float32(1), None),
    "of 8 bits": (np.full(8, 255, np.uint8), np.float32(1 / 255), np.uint8(0)),
    "of 7 bits": (np.full(8, 127, np.int8), np.float32(1 / 127), np.int8(0)),
    "from a zero point on": (np.full(8, 130, np.uint8), np.float32(0.5), np.uint8(128)),
    "per channel": (np.arange(1, 9, dtype=np.int8), (1 / np.arange(1, 9)).astype(np.float32), np.zeros(8, np.int8)),
}


@pytest.mark.parametrize("name", QUANTISED)
@pytest.mark.parametrize("learned", [False, True])
def test_ones_and_zeros_of_an_instance_norm_are_its_own_in_small_integers_too(name, learned):
    ones, scale, zero = QUANTISED[name]
    stored = {"ones": ones + learned, "scale": scale, "none": np.zeros(8, np.int32), "step": np.float32(1e-5)}
    stored |= {} if zero is None else {"zero": zero}
    nodes = [
        helper.make_node("DequantizeLinear", ["ones", "scale", *(["zero"] if "zero" in stored else [])], ["g"], axis=0),
        helper.make_node("DequantizeLinear", ["none", "step"], ["b"]),
        helper.make_node("InstanceNormalization", ["x", "g", "b"], ["y"]),
    ]
    assert from_onnx(model(nodes, {"x": (1, 8, 5, 5)}, stored)).analyze().params == (8 if learned else 0)


def test_ones_that_a_node_says_and_another_quantises_are_a_norms_own():
    def norm(number: float) -> int:
        nodes = [
            helper.make_node("Constant", [], ["said"], value_floats=[number] * 8),
            helper.make_node("QuantizeLinear", ["said", "scale", "zero"], ["small"]),
            helper.make_node("DequantizeLinear", ["small", "scale", "zero"], ["g"]),
            helper.make_node("InstanceNormalization", ["x", "g", "b"], ["y"]),
        ]
        stored = {"scale": np.float32(1 / 127), "zero": np.int8(0), "b": real(8)}
        return from_onnx(model(nodes, {"x": (1, 8, 5, 5)}, stored)).analyze().params

    assert norm(1.0) == 8
    assert norm(0.5) == 16


def test_a_single_number_that_a_node_stretches_is_not_learned():
    def norm(said: list[float]) -> int:
        nodes = [
            helper.make_node("Constant", [], ["one"], value_floats=said),
            helper.make_node("Expand", ["one", "shape"], ["g"]),
            helper.make_node("CastLike", ["g", "x"], ["h"]),
            helper.make_node("InstanceNormalization", ["x", "h", "b"], ["y"]),
        ]
        stored = {"shape": np.array([8]), "b": real(8)}
        return from_onnx(model(nodes, {"x": (1, 8, 5, 5)}, stored)).analyze().params

    assert norm([1.0]) == 8
    assert norm([1.0] * 7 + [2.0]) == 16


# As torch writes them


class Standardised(nn.Module):
    """A convolution whose weight has the mean 0 and a deviation of 1, or those that are buffers."""

    def __init__(self, *, buffers: bool) -> None:
        super().__init__()
        self.weight, self.buffers = nn.Parameter(torch.ones(8, 3, 3, 3)), buffers
        self.register_buffer("mean", torch.rand(8, 1, 1, 1))
        self.register_buffer("deviation", torch.rand(8, 1, 1, 1) + 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        axes, w = (1, 2, 3), self.weight
        mean = self.mean if self.buffers else w.mean(axes, keepdim=True)
        deviation = self.deviation if self.buffers else w.std(axes, keepdim=True)
        return nn.functional.conv2d(x, (w - mean) / deviation)


class Asked(nn.Module):
    """What learned questions, which have a norm, ask of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.questions, self.norm, self.keys = nn.Parameter(torch.ones(1, 5, 3)), nn.LayerNorm(3), nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values = x.flatten(2).transpose(1, 2)
        return (self.norm(self.questions) @ self.keys(values).transpose(1, 2)).softmax(-1) @ values


class Hand(nn.Module):
    """Batch normalisation by hand, with statistics that are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.shift = (nn.Parameter(torch.ones(3, 1, 1)) for _ in range(2))
        self.register_buffer("mean", torch.rand(3, 1, 1))
        self.register_buffer("variance", torch.rand(3, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scale = self.scale * (self.variance + 1e-5).rsqrt()
        return x * scale + (self.shift - self.mean * scale)


TORCH: dict[str, Callable[[], nn.Module]] = {
    "standardised": lambda: Standardised(buffers=False),
    "standardised by buffers": lambda: Standardised(buffers=True),
    "of a greatest singular value": lambda: nn.utils.spectral_norm(nn.Conv2d(3, 8, 3)),
    "of a direction and a length": lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3)),
    "questions": Asked,
    "normalised by hand": Hand,
}


@pytest.mark.parametrize("name", TORCH)
def test_weights_that_a_module_computes_have_its_parameters(name, tmp_path):
    module = trained(TORCH[name])
    path = exported(module, tmp_path / "net.onnx", (3, 8, 8), 17, dynamo=False, do_constant_folding=False)
    assert sum_of(path) == sum(parameter.numel() for parameter in module.parameters())
