"""What counts as a learned parameter in an ONNX file: the role of a constant, against what torch calls a parameter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from torch import nn

from convmath.network import from_onnx, from_torch

from .computing import Function, UNet, resized
from .onnx_models import model
from .test_models import SMALL
from .test_onnx_import import exported


class Scaled(nn.Module):
    """A convolution, and what is done with a parameter of some sizes."""

    def __init__(self, sizes: tuple[int, ...], change: Callable[[Any, Any], Any]) -> None:
        super().__init__()
        self.conv, self.gamma, self.change = nn.Conv2d(3, 4, 1), nn.Parameter(torch.ones(sizes)), change

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.change(self.conv(x), self.gamma)


class Placed(nn.Module):
    """Patches with learned places, and a learned first one."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 2, stride=2)
        self.places, self.first = nn.Parameter(torch.ones(1, 16, 4)), nn.Parameter(torch.ones(1, 1, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        patches = self.conv(x).flatten(2).transpose(1, 2) + self.places
        return torch.cat([self.first.expand(patches.shape[0], -1, -1), patches], 1)


class Normalised(nn.Module):
    """The input by a mean and a deviation that are buffers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.register_buffer("mean", torch.rand(1, 3, 1, 1))
        self.register_buffer("deviation", torch.rand(1, 3, 1, 1) + 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv((x - self.mean) / self.deviation)


class Sequences(nn.Module):
    """A layer for sequences, along the pixels."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.layer(x.flatten(2).transpose(1, 2))
        return found[0] if isinstance(found, tuple) else found


def after(*layers: nn.Module, channels: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, channels, 1), *layers)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "one slope": lambda: after(nn.PReLU()),
    "a slope for each channel": lambda: after(nn.PReLU(4)),
    "layer norm": lambda: after(nn.LayerNorm(8)),
    "group norm": lambda: after(nn.GroupNorm(4, 8), channels=8),
    "instance norm": lambda: after(nn.InstanceNorm2d(4, affine=True)),
    "instance norm without": lambda: after(nn.InstanceNorm2d(4)),
    "a scale": lambda: Scaled((1,), lambda x, gamma: x * gamma),
    "a scale for each channel": lambda: Scaled((4, 1, 1), lambda x, gamma: x * gamma),
    "a positive scale": lambda: Scaled((4, 1, 1), lambda x, gamma: x * gamma.exp()),
    "a shift": lambda: Scaled((1,), lambda x, gamma: x + gamma),
    "an exponent": lambda: Scaled((1,), lambda x, gamma: x.abs() ** gamma),
    "places": Placed,
    "constants": lambda: after(Function(lambda x: (x * 0.5 + 1.5) / 8**0.5 - x.mean()), nn.ReLU6(), nn.Hardtanh(-2, 2)),
    "activations": lambda: after(nn.GELU(), nn.GELU("tanh"), nn.Hardswish(), nn.SiLU(), nn.Softplus()),
    "resized": lambda: after(nn.Upsample(scale_factor=2.0, mode="bilinear"), nn.Upsample(scale_factor=1.5)),
    "normalised": Normalised,
    "a recurrent layer": lambda: Sequences(nn.LSTM(3, 5, batch_first=True)),
    "two directions": lambda: Sequences(nn.GRU(3, 5, batch_first=True, bidirectional=True)),
    "dense": lambda: Sequences(nn.Linear(3, 5)),
    "attention": lambda: Sequences(nn.TransformerEncoderLayer(3, 1, 8, batch_first=True)),
}

EXPORTERS = {
    "folded at 13": (13, False, {"do_constant_folding": True, "training": torch.onnx.TrainingMode.EVAL}),
    "as written at 17": (17, False, {}),
    "optimized at 18": (18, True, {"optimize": True}),
}
LATER = {"attention": {"folded at 13"}}
"""What an exporter cannot write."""


def trained(make: Callable[[], nn.Module]) -> nn.Module:
    """In evaluation, with parameters that are all different, since exporters merge those that are equal."""
    module = make().eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.uniform_(0.5, 1.5)
    return module


NEWER = ("attention", "group norm", "instance norm without", "a scale", "a positive scale", "places", "normalised")
"""Those that are written by the newer exporter, too, which takes its time."""

CASES = [
    (name, how)
    for name in MODULES
    for how, (_, dynamo, _) in EXPORTERS.items()
    if how not in LATER.get(name, ()) and (not dynamo or name in NEWER)
]


@pytest.mark.parametrize(("name", "how"), CASES)
def test_parameters_of_a_file_are_those_of_the_module(name, how, tmp_path):
    module, (opset, dynamo, options) = trained(MODULES[name]), EXPORTERS[how]
    path = exported(module, tmp_path / "net.onnx", (3, 8, 8), opset, dynamo=dynamo, **options)
    learned = sum(parameter.numel() for parameter in module.parameters())
    assert from_onnx(path).analyze().params == from_torch(module, (3, 8, 8)).analyze().params == learned


@pytest.mark.parametrize("name", SMALL)
def test_parameters_of_a_networks_file_are_those_of_the_network(name, tmp_path):
    make, size = SMALL[name]
    module = trained(make)
    learned = sum(parameter.numel() for parameter in module.parameters())
    assert sum_of(exported(module, tmp_path / "net.onnx", size, 17, dynamo=False)) == learned
    folded = exported(module, tmp_path / "folded.onnx", size, 17, dynamo=False, **EXPORTERS["folded at 13"][2])
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    assert sum_of(folded) < learned if norms else sum_of(folded) == learned


def sum_of(path: Path) -> Any:
    return from_onnx(path).analyze().params


def test_parameters_of_a_network_that_computes_with_sizes(tmp_path):
    module = trained(lambda: UNet(resized))
    path = exported(module, tmp_path / "net.onnx", (3, 36, 44), 17, dynamo=False)
    assert sum_of(path) == sum(parameter.numel() for parameter in module.parameters())


UNTOLD: dict[str, Callable[[], nn.Module]] = {
    "a scalar": lambda: Scaled((), lambda x, gamma: x * gamma),
    "a divisor": lambda: Scaled((4, 1, 1), lambda x, gamma: x / gamma),
    "what is subtracted": lambda: Scaled((4, 1, 1), lambda x, gamma: x - gamma),
    "a bound": lambda: Scaled((4, 1, 1), torch.maximum),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_what_only_the_newer_exporter_says_is_counted_by_its_word(name, tmp_path):
    module = trained(UNTOLD[name])
    learned = sum(parameter.numel() for parameter in module.parameters())
    told = exported(module, tmp_path / "told.onnx", (3, 8, 8), 18, dynamo=True, optimize=True)
    assert sum_of(told) == learned
    silent = onnx.load(told)
    for info in silent.graph.value_info:
        del info.metadata_props[:]
    assert from_onnx(silent).analyze().params == 16


def test_a_filter_that_is_a_buffer_is_not_learned(tmp_path):
    class Blurred(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)
            self.register_buffer("blur", torch.ones(4, 1, 3, 3) / 9)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.conv2d(self.conv(x), self.blur, groups=4)

    told = exported(trained(Blurred), tmp_path / "told.onnx", (3, 8, 8), 18, dynamo=True, optimize=True)
    assert sum_of(told) == from_torch(Blurred(), (3, 8, 8)).analyze().params == 16
    assert from_onnx(told).analyze().macs == from_torch(Blurred(), (3, 8, 8)).analyze().macs


# Roles


def params(op: str, number: int, *sizes: int, opset: int = 17, **attributes: Any) -> int:
    """The parameters of a node that reads the network's input, and a stored tensor of ones of these sizes."""
    reads = ["x", *[""] * (number - 1), "c"] if number else ["c", "x"]
    nodes = [helper.make_node(op, reads, ["y"], "y", **attributes)]
    return from_onnx(model(nodes, {"x": (1, 3, 4)}, {"c": np.ones(sizes, np.float32)}, opset)).analyze().params


def test_what_scales_and_shifts_is_learned_and_other_operands_are_not():
    learned = {op: params(op, 1, 3, 1) for op in ("Mul", "Add", "Sum", "Pow", "PRelu", "Sub", "Div", "Max", "Min")}
    assert learned == {"Mul": 3, "Add": 3, "Sum": 3, "Pow": 3, "PRelu": 3, "Sub": 0, "Div": 0, "Max": 0, "Min": 0}
    assert params("Div", 0, 1) == params("Clip", 1) == params("Greater", 1, 1) == 0
    assert params("Concat", 1, 1, 2, 4, axis=1) == 8
    assert params("Mul", 1) == 0  # without dimensions


def test_scales_of_quantisation_are_not_learned():
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], "quantize", axis=1),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], "dequantize", axis=1),
    ]
    constants = {"s": np.ones(3, np.float32), "z": np.zeros(3, np.int8)}
    assert from_onnx(model(nodes, {"x": (1, 3, 4)}, constants)).analyze().params == 0


def test_a_constant_counts_where_it_is_first_read_for_its_elements_whatever_reads_it_before():
    nodes = [
        helper.make_node("Sub", ["x", "c"], ["a"], "away"),
        helper.make_node("Mul", ["a", "c"], ["b"], "scaled"),
        helper.make_node("Add", ["b", "c"], ["y"], "shifted"),
    ]
    report = from_onnx(model(nodes, {"x": (1, 3, 4)}, {"c": np.ones((3, 1), np.float32)})).analyze()
    assert report.params == 3
    assert report["c"].params == 3


def test_what_nodes_say_is_not_learned_and_what_is_stored_is():
    def normalised(**stored: np.ndarray) -> Any:
        said = [
            helper.make_node("Constant", [], [name], name, value_floats=[value] * 4)
            for name, value in (("scale", 1.0), ("shift", 0.0))
            if name not in stored
        ]
        last = helper.make_node("LayerNormalization", ["x", "scale", "shift"], ["y"], "norm")
        return from_onnx(model([*said, last], {"x": (1, 3, 4)}, stored)).analyze().params

    assert normalised() == 0
    assert normalised(scale=np.ones(4, np.float32)) == 4
    assert normalised(scale=np.ones(4, np.float32), shift=np.zeros(4, np.float32)) == 8


def hidden(*sizes: int, low: float = -np.inf) -> Any:
    """What hides the places after each one, with sizes of 1 before."""
    length = sizes[-1]
    return np.triu(np.full((length, length), low, np.float32), 1).reshape(sizes)


def attended(added: Any, *others: onnx.NodeProto, heads: int = 2) -> Any:
    """The parameters of weights that a softmax makes of the input and of what is added to it."""
    nodes = [
        helper.make_node("Slice", ["c", "from", "to", "axis"], ["part"], "part"),
        helper.make_node("Add", ["x", "part"], ["sum"], "sum"),
        helper.make_node("Reshape", ["sum", "shape"], ["joined"], "joined"),
        *others,
        helper.make_node("Softmax", ["joined"], ["y"], "weights", axis=-1),
    ]
    n = added.shape[-1]
    numbers = {"from": [0], "to": [n], "axis": [-1], "shape": [heads, n, n]}
    stored = {name: np.array(value, np.int64) for name, value in numbers.items()}
    return from_onnx(model(nodes, {"x": (1, heads, n, n)}, {"c": added, **stored})).analyze().params


@pytest.mark.parametrize("length", [6, 40])
@pytest.mark.parametrize("low", [-np.inf, np.finfo(np.float32).min, -10000.0])
def test_a_stored_mask_of_attention_is_not_learned(length, low):
    for before in ((), (1,), (1, 1)):
        assert attended(hidden(*before, length, length, low=low)) == 0


def test_what_is_added_before_a_softmax_and_is_no_mask_is_learned():
    ones = np.ones((6, 6), np.float32)
    assert attended(ones) == attended(ones * 0) == attended(hidden(6, 6) + ones) == 36
    assert attended(np.stack([hidden(40, 40)] * 2)) == 3200  # one for each head
    assert attended(np.ones((1, 6), np.float32)) == 6


def test_what_something_else_reads_too_is_learned():
    other = helper.make_node("Mul", ["joined", "c"], ["scaled"], "scaled")
    assert attended(hidden(40, 40), other) == 1600
    again = helper.make_node("Relu", ["sum"], ["kept"], "kept")
    assert attended(hidden(40, 40), again) == 1600


def test_a_causal_mask_that_an_exporter_has_stored_is_not_learned(tmp_path):
    class Causal(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.made = nn.Linear(4, 12)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            q, k, v = self.made(x).unsqueeze(1).chunk(3, -1)
            return nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)

    path = exported(trained(Causal), tmp_path / "net.onnx", (24, 4), 18, dynamo=True, optimize=True)
    stored = [one for one in onnx.load(path).graph.initializer if tuple(one.dims) == (24, 24)]
    assert len(stored) == 1
    assert sum_of(path) == 60
