"""What counts as a learned parameter in an ONNX file: the role of a constant, against what torch calls a parameter."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from convmath.errors import DomainError
from convmath.network import from_onnx, from_torch
from convmath.network.onnx_import import skeleton

from .computing import Function, UNet, resized
from .onnx_models import model, run
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


@pytest.mark.parametrize("learned", [False, True])
def test_scales_of_rows_are_not_learned_where_the_network_is_quantised_as_it_runs(learned):
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"], "quantize"),
        helper.make_node("Mul", ["x" if learned else "s", "scales"], ["both"], "both"),
        helper.make_node("MatMulInteger", ["q", "w", "z"], ["whole"], "whole"),
        helper.make_node("Cast", ["whole"], ["real"], "real", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["real", "both"], ["y"], "y"),
    ]
    constants = {"w": np.ones((8, 8), np.int8), "scales": np.ones(8, np.float32)}
    proto = model(nodes, {"x": (2, 8)}, constants)
    report = from_onnx(proto).analyze()
    assert run(proto, np.ones((2, 8), np.float32)).shape == report.output.sizes
    assert (report.status, report.params) == ("complete", 64 + 8 * learned)


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


SHARES = {
    "parts": (("Split", ("w", "lengths"), ("a", "b"), {"axis": 1}), 48),
    "the same in other sizes": (("Reshape", ("w", "shape"), ("a",), {}), 48),
    "the same with its bytes and their scale": (("DequantizeLinear", ("bytes", "scale", "zero"), ("a",), {}), 48 + 24),
    "joined with its halves": (("Concat", ("w", "half", "half"), ("a",), {"axis": 1}), 48 + 24),
    "stretched": (("Expand", ("row", "shape"), ("a",), {}), 48 + 8),
    "the same by its length": (("Mul", ("w", "row"), ("a",), {}), 48 + 8),
    "the same where it is kept": (("Where", ("kept", "w", "w"), ("a",), {}), 48),
}


@pytest.mark.parametrize("name", SHARES)
@pytest.mark.parametrize("first", [True, False])
def test_a_weight_counts_once_whatever_is_made_of_it(name, first):
    (op, given, made, more), count = SHARES[name]
    whole = helper.make_node("MatMul", ["x", "w"], ["whole"], "whole")
    nodes = [whole] if first else []
    nodes.append(helper.make_node(op, given, made, op, **more))
    nodes += [helper.make_node("MatMul", ["x", one], [f"{one}_y"], one) for one in made]
    stored = {"w": np.ones((6, 8), np.float32), "half": np.ones((6, 4), np.float32), "row": np.ones(8, np.float32)}
    stored |= {"lengths": np.array([2, 6]), "shape": np.array([6, 8]), "bytes": np.ones((6, 4), np.uint8)}
    stored |= {"scale": np.ones(4, np.float32), "zero": np.zeros(4, np.uint8), "kept": np.ones((6, 8), bool)}
    proto = model(nodes if first else [*nodes, whole], {"x": (1, 5, 6)}, stored)
    assert from_onnx(proto).analyze().params == count


@pytest.mark.parametrize("number", [np.int8, np.float32])
def test_a_weight_is_what_is_scaled_and_not_its_scale(number):
    nodes = [
        helper.make_node("Cast", ["w"], ["real"], "real", to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["real", "row"], ["scaled"], "scaled"),
        helper.make_node("MatMul", ["x", "scaled"], ["y"], "y"),
    ]
    stored = {"w": np.ones((6, 8), number), "row": np.ones(8, np.float32)}
    learned = 48 + (8 if number is np.float32 else 0)  # the length of a direction is learned, as of weight_norm
    assert from_onnx(model(nodes, {"x": (1, 5, 6)}, stored)).analyze().params == learned


def test_what_nodes_say_is_not_learned_where_the_file_says_what_is():
    """torch's newer exporter adds a bias of zeros where a convolution has none."""
    zeros = helper.make_node("Constant", [], ["zeros"], "zeros", value_floats=[0.0] * 8)
    conv = helper.make_node("Conv", ["x", "w", "zeros"], ["y"], "conv")
    proto = model([zeros, conv], {"x": (1, 6, 5)}, {"w": np.ones((8, 6, 3), np.float32)})
    assert from_onnx(proto).analyze().params == 144 + 8
    said = helper.make_tensor_value_info("w", onnx.TensorProto.FLOAT, (8, 6, 3))
    said.metadata_props.add(key="pkg.torch.export.graph_signature.InputSpec.kind", value="PARAMETER")
    proto.graph.value_info.append(said)
    assert from_onnx(proto).analyze().params == 144


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


def weighed(added: Any, *between: onnx.NodeProto, length: int = 40) -> onnx.ModelProto:
    """Weights that a softmax makes of the input and of what is added to it by way of some nodes."""
    nodes = [
        helper.make_node("Add", ["x", "c"], ["sum"], "sum"),
        *between,
        helper.make_node("Softmax", [between[-1].output[0] if between else "sum"], ["y"], "weights"),
    ]
    return model(nodes, {"x": (1, 1, length, length)}, {"c": added})


@pytest.mark.parametrize("softmax", [False, True])
def test_what_is_learned_is_so_in_small_integers_too(softmax):
    """An exporter quantises what is added as it does weights; a mask and a learned matrix then look alike."""
    nodes = [
        helper.make_node("DequantizeLinear", ["c", "scale"], ["real"], "real"),
        helper.make_node("Add", ["x", "real"], ["sum"], "sum"),
        helper.make_node("QuantizeLinear", ["sum", "scale"], ["small"], "small"),
        helper.make_node("DequantizeLinear", ["small", "scale"], ["large"], "large"),
        helper.make_node("Softmax" if softmax else "Relu", ["large"], ["y"], "y"),
    ]
    stored = {"c": np.ones((4, 4), np.uint8), "scale": np.float32(2)}
    found = from_onnx(model(nodes, {"x": (1, 2, 4, 4)}, stored)).analyze().total("params")
    assert (found.value, found.missing) == ((0, ("constant",)) if softmax else (16, ()))


def test_a_bias_of_small_integers_is_learned():
    reads = ["c", "scale", "zero", "x", "scale", "zero"]
    nodes = [
        helper.make_node("QuantizeLinear", ["input", "scale", "zero"], ["x"], "x"),
        helper.make_node("QLinearAdd", reads, ["y"], "y", domain="com.microsoft"),
    ]
    nodes[1].input.extend(["scale", "zero"])
    stored = {"scale": np.float32(2), "zero": np.uint8(0)}
    for c, count in ((np.ones(4, np.uint8), 4), (np.ones((4, 4), np.uint8), None)):
        proto = model(nodes, {"input": (1, 2, 4, 4)}, {"c": c, **stored})
        proto.opset_import.add(domain="com.microsoft", version=1)
        found = from_onnx(proto).analyze().total("params")
        assert (found.value, found.status) == ((0, "partial") if count is None else (count, "complete"))


LEARNED = np.random.default_rng(1).normal(size=(40, 40)).astype(np.float32)
LATE = np.where(np.arange(1600).reshape(40, 40) == 1561, np.float32(-1), hidden(40, 40))
HELD = {"mask": (hidden(40, 40), 0), "learned": (LEARNED, 1600), "learned at the end": (LATE, 1600)}


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("kind", ["float32", "float64", "float16", "bfloat16", "listed"])
def test_what_a_long_tensor_holds_says_whether_it_is_a_mask(name, kind, tmp_path):
    held, count = HELD[name]
    proto = weighed(held if kind == "listed" else held.astype(kind))
    if kind == "listed":
        proto.graph.initializer[0].CopyFrom(helper.make_tensor("c", 1, (40, 40), held.ravel()))
    onnx.save(proto, tmp_path / "net.onnx")
    for given in (proto, tmp_path / "net.onnx"):
        found = from_onnx(given).analyze().total("params")
        assert (found.value, found.status) == (count, "complete")


@pytest.mark.parametrize("name", HELD)
def test_what_other_files_hold_is_not_guessed(name, tmp_path):
    elsewhere = {"save_as_external_data": True, "location": "data", "size_threshold": 1024}
    onnx.save(weighed(HELD[name][0]), tmp_path / "net.onnx", **elsewhere)
    (tmp_path / "data").unlink()
    report = from_onnx(tmp_path / "net.onnx").analyze()
    assert report.total("params").missing == ("c",)
    assert "would show whether it is a mask or learned" in report["c"].remarks[0]
    assert (report.status, report.output.sizes) == ("complete", (1, 1, 40, 40))
    assert report.reads("weights", 3, 4)["x"][0].parts == ((3, 4),)


def test_elements_of_another_type_than_the_tensors_say_nothing(tmp_path):
    proto = weighed(hidden(40, 40))
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.double_data.extend([-1e300] * 1600)
    onnx.save(proto, tmp_path / "net.onnx")
    for given in (proto, tmp_path / "net.onnx"):
        assert from_onnx(given).analyze().total("params").missing == ("c",)


def test_a_long_tensor_that_a_node_says_has_its_sizes_in_a_file_too(tmp_path):
    proto = weighed(hidden(40, 40))
    said = helper.make_node("Constant", [], ["c"], "c", value=proto.graph.initializer.pop())
    proto.graph.node.insert(0, said)
    onnx.save(proto, tmp_path / "net.onnx")
    for given in (proto, tmp_path / "net.onnx"):
        report = from_onnx(given).analyze()
        assert (report.status, report.output.sizes, report.params) == ("complete", (1, 1, 40, 40), 0)
    proto.graph.node[0].attribute[0].t.dims[0] = -40
    with pytest.raises(DomainError, match="each >= 0"):
        from_onnx(proto)


def test_a_mask_beside_others_is_none_that_is_learned():
    further = helper.make_node("Add", ["x", "sum"], ["both"], "both")
    bounded = helper.make_node("Max", ["both", "sum"], ["bounded"], "bounded")
    for held, count in HELD.values():
        assert from_onnx(weighed(held, further, bounded)).analyze().params == count


def test_more_masks_than_are_looked_at_are_not_guessed(tmp_path, monkeypatch):
    onnx.save(weighed(hidden(40, 40)), tmp_path / "net.onnx")
    monkeypatch.setattr(skeleton, "MOST_LOOKED_AT", 6000)
    assert from_onnx(tmp_path / "net.onnx").analyze().total("params").missing == ("c",)


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
