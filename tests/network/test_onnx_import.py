"""Whole models from ONNX: what torch exports, options of the input, parameters, names, and what is not understood."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from sympy import Symbol
from torch import nn
from torch.nn import functional as F  # noqa: N812

from convmath.errors import DomainError
from convmath.network import NetworkReport, Row, from_onnx, from_torch
from convmath.network.fields.spans import Spans

from .onnx_models import inferred, model, run

WEIGHT = np.ones((4, 3, 3, 3), np.float32)


class Encoder(nn.Module):
    """Strides, dilation, groups, ceil pooling, batch normalisation, squeeze and excitation, a dense head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 7, stride=2, padding=3)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True)
        self.norm = nn.BatchNorm2d(8)
        self.grouped = nn.Conv2d(8, 16, 3, padding=2, dilation=2, groups=4)
        self.squeeze = nn.Conv2d(16, 4, 1)
        self.excite = nn.Conv2d(4, 16, 1)
        self.head = nn.Linear(16, 10)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.grouped(torch.relu(self.norm(self.pool(self.stem(image)))))
        gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        return self.head(F.adaptive_avg_pool2d(x * gate, 1).flatten(1))


class Decoder(nn.Module):
    """Transposed convolution, interpolation, skips, padding, cropping, pixel shuffle: everything that has phases."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1, output_padding=1)
        self.mix = nn.Conv2d(12, 8, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        low = F.avg_pool2d(F.pad(self.down(image), (1, 1, 1, 1)), 3, stride=1)
        smooth = F.interpolate(low, scale_factor=2.0, mode="bilinear")
        mixed = self.mix(torch.cat([self.up(low), smooth], 1))
        return F.pixel_shuffle(mixed[:, :, 1:-1, 1:-1], 2)


def exported(module: nn.Module, path: Path, size: tuple[int, ...], opset: int, *, dynamo: bool, **options: Any) -> Path:
    """A file that torch writes, for one image of this size."""
    logging.getLogger("torch.onnx").setLevel(logging.CRITICAL)
    settings = {"opset_version": opset, "dynamo": dynamo, "input_names": ["image"], "do_constant_folding": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            settings |= {"verbose": False, "optimize": False}
            del settings["do_constant_folding"]
        else:
            settings |= {"training": torch.onnx.TrainingMode.PRESERVE}
        torch.onnx.export(module, (torch.zeros(1, *size),), str(path), **settings | options)
    return path


def reads(row: Row) -> list[list[Spans]]:
    """What every position reads, axis by axis: the field without its stride, which one position has none of."""
    sizes = row.output_size[1:] or (1, 1)
    return [[axis.reads(o) for o in range(n)] for axis, n in zip(row.receptive_field.axes, sizes, strict=True)]


def windows(report: NetworkReport) -> list[Any]:
    """What the layers with weights or a window say, in order: sizes, parameters, costs and what they read."""
    kinds = ("conv2d", "conv_transpose2d", "max_pool2d", "avg_pool2d", "linear")
    rows = [row for row in report if row.op in kinds]
    return [(row.op, row.output_size, row.params, row.macs, reads(row)) for row in rows]


SIZE = (3, 36, 28)
EXPORTERS = [(False, 11), (False, 13), (False, 17), (True, 20)]


@pytest.mark.parametrize("network", [Encoder, Decoder])
@pytest.mark.parametrize(("dynamo", "opset"), EXPORTERS)
def test_what_torch_exports_is_what_torch_has(tmp_path, network, dynamo, opset):
    module = network().eval()
    path = exported(module, tmp_path / "net.onnx", SIZE, opset, dynamo=dynamo)
    ours, theirs = from_onnx(path).analyze(), from_torch(module, SIZE).analyze()
    assert ours.status == "complete", ours.missing
    assert ours.output.sizes == tuple(module(torch.zeros(1, *SIZE)).shape)
    assert windows(ours) == windows(theirs)
    assert ours.macs == theirs.macs
    assert reads(ours.output) == reads(theirs.output)
    assert ours.params == theirs.params == sum(parameter.numel() for parameter in module.parameters())


def test_another_module_is_not_what_torch_exports(tmp_path):
    module = Decoder().eval()
    path = exported(module, tmp_path / "net.onnx", SIZE, 17, dynamo=False)
    module.mix.padding, module.mix.dilation = (2, 2), (2, 2)
    assert windows(from_onnx(path).analyze()) != windows(from_torch(module, SIZE).analyze())


@pytest.mark.parametrize("dynamo", [False, True])
def test_every_size_of_an_export_is_that_of_onnx_runtime(tmp_path, dynamo):
    path = exported(Decoder().eval(), tmp_path / "net.onnx", SIZE, 18, dynamo=dynamo)
    proto = onnx.load(path)
    report, compared = from_onnx(path).analyze(), 0
    for node in proto.graph.node:
        one = onnx.ModelProto.FromString(proto.SerializeToString())
        del one.graph.output[:]
        one.graph.output.append(helper.make_empty_tensor_value_info(node.output[0]))
        result = run(one, np.zeros((1, *SIZE), np.float32))
        if result is not None and node.name in [row.name for row in report]:
            assert report[node.name].sizes == result.shape, node.name
            compared += 1
    assert compared >= 9  # the layers and functions of the decoder


# Sizes of the input


def net(*dims: Any) -> onnx.ModelProto:
    return model([helper.make_node("Conv", ["x", "w"], ["y"], "conv")], {"x": dims}, {"w": WEIGHT})


def test_an_open_batch_is_one_image_and_sizes_without_a_name_are_asked_for():
    assert from_onnx(net("N", 3, 8, 9)).analyze().output.sizes == (1, 4, 6, 7)
    assert from_onnx(net("N", 3, 8, 9), batch_size=5).analyze().output.sizes == (5, 4, 6, 7)
    with pytest.raises(
        DomainError, match=r"\(C, H, W\): the network takes none of 224, .* channels, .* conv2d needs 3"
    ):
        from_onnx(net("N", "C", "H", "W"))
    read = from_onnx(net("N", "C", "H", "W"), at={"C": 3, "H": 8, "W": 9})
    assert str(read.closed_forms("C").valid) == "C = 3"
    with pytest.raises(DomainError, match=r"which has \(1, 3, \?, W\): give input_size.* -i 3,n,n on the command line"):
        from_onnx(net("N", 3, None, "W"))
    proto = net(1, 3, 8, 8)
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(DomainError, match="does not say the sizes of the input x"):
        from_onnx(proto)


@pytest.mark.parametrize("given", [(3, 8, 9), (2, 3, 8, 9), [3, 8, 9], {"x": (3, 8, 9)}, [(3, 8, 9)]])
def test_sizes_can_be_given_in_every_form(given):
    report = from_onnx(net("N", "C", "H", "W"), given).analyze()
    assert report.output.output_size == (4, 6, 7)


@pytest.mark.parametrize("given", [(8, 9), (3, 0, 9), (3, 8.0, 9), {"z": (3, 8, 9)}, "3,8,9", 7, (3, 8, True)])
def test_sizes_that_do_not_fit_are_refused(given):
    with pytest.raises(DomainError, match="input_size"):
        from_onnx(net("N", "C", "H", "W"), given)


def test_channels_that_do_not_fit_are_named_with_the_node():
    with pytest.raises(DomainError, match=r"node='conv': channels=5: conv2d needs 3"):
        from_onnx(net("N", "C", "H", "W"), (5, 8, 9))


def test_names_of_open_sizes_are_symbols():
    graph = from_onnx(net("N", 3, "H", "W"))
    assert list(map(str, graph.symbols)) == ["H", "W"]
    assert str(graph.closed_forms("H").output).startswith("conv: (4, H - 2, W - 2) for H >= 3")
    for h, w in ((8, 9), (3, 50)):
        read = from_onnx(net("N", 3, "H", "W"), (3, h, w)).analyze()
        assert graph.at(H=h, W=w).analyze().output.sizes == read.output.sizes == (1, 4, h - 2, w - 2)
    assert [str(symbol) for symbol in from_onnx(net("N", 3, "H", "W"), (3, "n", 9)).symbols] == ["n"]
    assert from_onnx(net("N", 3, "s", "s"), at=7).reading.analyze().output.sizes == (1, 4, 5, 5)
    with pytest.raises(DomainError, match="at=7: the sizes of the inputs are numbers already"):
        from_onnx(net("N", 3, "s", "s"), (3, 8, 8), at=7)


def test_a_batch_that_is_given_stays_where_sizes_are_symbols():
    for given in ((5, 3, "n", "n"), (3, "n", "n")):
        graph = from_onnx(net("N", "C", "H", "W"), given)
        assert graph.at(8).analyze().output.sizes == (5 if len(given) > 3 else 1, 4, 6, 6)
    proto = net(1, 3, 8, 8)
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    assert from_onnx(proto, (3, "n", "n"), batch_size=2).at(8).analyze().output.sizes == (2, 4, 6, 6)


def test_a_channels_last_input_may_have_symbols_for_its_axes():
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], "first", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a", "w"], ["y"], "conv"),
    ]
    graph = from_onnx(model(nodes, {"x": (1, "H", "W", 3)}, {"w": WEIGHT}))
    assert str(graph.closed_forms("W").output).startswith("conv: (4, H - 2, W - 2) for W >= 3")
    with pytest.raises(DomainError, match=r"give the channels, .* as a number\. .* conv2d needs 3"):
        from_onnx(model(nodes, {"x": (1, "H", "W", 3)}, {"w": WEIGHT}), ("n", "n", "n"))


def test_a_batch_that_is_a_symbol_gives_expressions():
    batch = Symbol("N", integer=True, positive=True)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "conv", strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Shape", ["a"], ["s"], "shape"),
        helper.make_node("Gather", ["s", "first"], ["n"], "gather"),
        helper.make_node("Add", ["n", "one"], ["more"], "add"),
        helper.make_node("Div", ["more", "two"], ["half"], "div"),
        helper.make_node("Unsqueeze", ["half", "zero"], ["h"], "unsqueeze"),
        helper.make_node("Concat", ["h", "rest"], ["target"], "concat", axis=0),
        helper.make_node("Reshape", ["a", "target"], ["y"], "reshape"),
    ]
    numbers = {"first": np.int64(0), "one": np.int64(1), "two": np.int64(2)}
    constants = {"w": WEIGHT, "zero": np.array([0]), "rest": np.array([-1]), **numbers}
    graph = from_onnx(model(nodes, {"x": ("N", 3, 7, 7)}, constants), batch_size=batch)
    assert [node.name for node in graph] == ["x", "conv", "reshape"]
    size = graph["reshape"].operator.shape[0]
    assert [size.subs(batch, number).doit() for number in (4, 5)] == [2, 3]


def test_an_input_with_channels_last_has_its_axes_where_they_are():
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], "first", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["a", "w"], ["y"], "conv"),
    ]
    report = from_onnx(model(nodes, {"x": (1, 8, 9, 3)}, {"w": WEIGHT})).analyze()
    assert report.output.receptive_field.size == (3, 3)
    assert [axis.parts for axis in report.reads("conv", 0, 2)["x"]] == [((0, 3),), ((2, 5),)]


def test_several_inputs_are_told_apart_by_name():
    nodes = [helper.make_node("Conv", ["b", "w"], ["c"], "conv"), helper.make_node("Add", ["a", "c"], ["y"], "add")]
    proto = model(nodes, {"a": ("N", 4, "H", "W"), "b": ("N", 3, "H", "W")}, {"w": WEIGHT})
    report = from_onnx(proto, {"a": (4, 6, 6), "b": (3, 8, 8)}).analyze()
    assert {name: field.size for name, field in report.output.fields.items()} == {"a": (1, 1), "b": (3, 3)}
    with pytest.raises(DomainError, match="name them in a mapping"):
        from_onnx(proto, (3, 8, 8))


# Parameters and names


def test_initializers_that_are_inputs_too_are_constants():
    proto = net(1, 3, 8, 8)
    proto.graph.input.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, WEIGHT.shape))
    assert from_onnx(proto).inputs == ("x",)


def test_shared_weights_count_once():
    weight = np.ones((3, 3, 3, 3), np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "one"),
        helper.make_node("Conv", ["a", "w"], ["b"], "two"),
        helper.make_node("Mul", ["b", "scale"], ["c"], "scaled"),
        helper.make_node("Add", ["c", "scale"], ["y"], "shifted"),
    ]
    constants = {"w": weight, "scale": np.ones((3, 1, 1), np.float32)}
    report = from_onnx(model(nodes, {"x": (1, 3, 9, 9)}, constants)).analyze()
    assert {row.name: row.params for row in report} == {
        "x": 0,
        "one": 81,
        "two": 0,
        "scale": 3,
        "scaled": 0,
        "shifted": 0,
    }


def test_weights_are_followed_through_what_is_computed_of_them():
    nodes = [
        helper.make_node("Transpose", ["w"], ["wt"], "turn", perm=[1, 0, 2, 3]),
        helper.make_node("DequantizeLinear", ["wt", "scale"], ["wq"], "real"),
        helper.make_node("Conv", ["x", "wq", "b"], ["y"], "conv"),
    ]
    constants = {"w": np.ones((3, 4, 3, 3), np.int8), "scale": np.float32(0.5), "b": np.ones(4, np.float32)}
    report = from_onnx(model(nodes, {"x": (1, 3, 8, 8)}, constants)).analyze()
    assert [row.name for row in report] == ["x", "conv"]
    assert report.params == 4 * 3 * 9 + 4


def test_quantised_convolutions_are_convolutions():
    weight, zero, one = np.ones((4, 3, 3, 3), np.uint8), np.uint8(0), np.float32(1)
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "one", "zero"], ["q"], "quantize"),
        helper.make_node("QLinearConv", ["q", "one", "zero", "w", "one", "zero", "one", "zero"], ["r"], "conv"),
        helper.make_node("ConvInteger", ["q", "w"], ["s"], "whole", strides=[2, 2]),
        helper.make_node("DequantizeLinear", ["r", "one", "zero"], ["y"], "dequantize"),
    ]
    proto = model(nodes, {"x": (1, 3, 8, 8)}, {"w": weight, "zero": zero, "one": one})
    report = from_onnx(proto).analyze()
    assert report.output.sizes == run(proto, np.ones((1, 3, 8, 8), np.float32)).shape == (1, 4, 6, 6)
    assert report["whole"].output_size == (4, 3, 3)
    assert report.macs == 27 * 4 * (36 + 9)


def test_nodes_without_a_name_take_that_of_their_output():
    steps = [("x", "a", ""), ("a", "b", "twice"), ("b", "y", "twice")]
    nodes = [helper.make_node("Relu", [source], [target], name) for source, target, name in steps]
    assert [node.name for node in from_onnx(model(nodes, {"x": (1, 2)}))] == ["x", "a", "twice", "twice_2"]


def test_the_model_stays_as_it_is():
    proto = net(1, 3, 8, 8)
    before = proto.SerializeToString(deterministic=True)
    from_onnx(proto, (3, 9, 9)).analyze()
    assert proto.SerializeToString(deterministic=True) == before


# What is not understood


def unknown(*nodes: onnx.NodeProto, sizes: tuple[int, ...] = (1, 3, 8, 8), **constants: np.ndarray) -> tuple[Any, Any]:
    proto = model(nodes, {"x": sizes}, constants)
    report = from_onnx(proto).analyze()
    return proto, report


def test_what_is_not_understood_has_the_sizes_that_onnx_infers():
    proto, report = unknown(helper.make_node("Det", ["x"], ["y"], "det"))
    assert report["det"].sizes == inferred(proto) == (1, 3)
    assert report["det"].reason == "a determinant, made of whole matrices, is not followed"
    assert report.status == "unknown"


def test_what_comes_after_it_has_its_sizes_and_no_field():
    picked = helper.make_node("GatherElements", ["x", "k"], ["a"], "picked", axis=1)
    places = np.zeros((1, 3, 8, 8), np.int64)
    _, report = unknown(picked, helper.make_node("Conv", ["a", "w"], ["y"], "conv"), k=places, w=WEIGHT)
    assert report["conv"].output_size == (4, 6, 6)
    assert report["conv"].params == WEIGHT.size
    assert report["conv"].field_unknown == "picked (GatherElements) is not understood"
    assert report.status == "partial"


def graph_of(node: onnx.NodeProto) -> onnx.GraphProto:
    return helper.make_graph([node], "inner", [], [helper.make_empty_tensor_value_info("b")])


def test_operators_of_other_domains_are_not_followed():
    branch = graph_of(helper.make_node("Identity", ["x"], ["b"]))
    _, report = unknown(
        helper.make_node("If", ["c"], ["i"], "if", then_branch=branch, else_branch=branch),
        helper.make_node("MurmurHash3", ["x"], ["f"], "fused", domain="com.microsoft"),
        helper.make_node("Mine", ["x"], ["y"], "mine", domain="own.functions"),
        c=np.array(True), w=WEIGHT,
    )  # fmt: skip
    assert report["fused"].reason == "the operators of the domain com.microsoft are not understood"
    assert report["mine"].reason == "the operators of the domain own.functions are not understood"
    assert report.total("params").status != "complete"


def resize(*numbers: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node("Resize", ["x", "", *numbers], ["y"], "n", **attributes)


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (helper.make_node("Conv", ["x", "x"], ["y"], "n"), "weights are computed"),
        (resize("s", coordinate_transformation_mode="tf_crop_and_resize"), "coordinates"),
        (resize("half", mode="linear", antialias=1), "antialias"),
        (resize("", "z", keep_aspect_ratio_policy="not_larger"), "ratio"),
        (resize("deep"), "other dimensions"),
        (helper.make_node("Gather", ["x", "places"], ["y"], "n", axis=3), "several dimensions"),
        (helper.make_node("MatMul", ["x", "vector"], ["y"], "n"), "vector"),
    ],
)  # fmt: skip
def test_what_cannot_be_represented_says_why(node, reason):
    constants = {
        "s": np.array([1, 1, 2, 2], np.float32), "half": np.array([1, 1, 0.5, 0.5], np.float32),
        "deep": np.array([1, 2, 1, 1], np.float32), "z": np.array([1, 3, 4, 6]),
        "places": np.array([[0, 1, 5]]), "vector": np.ones(8, np.float32),
    }  # fmt: skip
    proto, report = unknown(node, **constants)
    assert reason in report["n"].reason
    assert report["n"].sizes == inferred(proto)


OPERATORS = [schema for schema in onnx.defs.get_all_schemas() if not schema.domain]


def test_every_operator_of_onnx_gives_a_result_or_a_sentence_that_names_the_node():
    results = 0
    for schema in OPERATORS:
        node = helper.make_node(schema.name, ["x", *["w"] * (schema.min_input - 1)], ["y"], "n")
        try:
            results += len(from_onnx(model([node], {"x": (1, 3, 8, 8)}, {"w": WEIGHT})).analyze()) > 0
        except DomainError as error:
            if "node='n'" not in str(error):
                raise
    assert results > len(OPERATORS) / 2


def test_a_tensor_of_the_file_is_read_where_it_is_short(tmp_path):
    path = tmp_path / "net.onnx"
    node = helper.make_node("Reshape", ["x", "shape"], ["y"], "flat")
    proto = model([node], {"x": (1, 3, 4)}, {"shape": np.array([0, -1])})
    onnx.save(proto, path)
    assert from_onnx(path).analyze().output.output_size == (12,)
    assert numpy_helper.to_array(proto.graph.initializer[0]).tolist() == [0, -1]
