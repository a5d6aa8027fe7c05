"""Operators that are not followed: why, and the sizes that they have all the same; and branches that run."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from convmath.errors import DomainError
from convmath.network import Graph, from_onnx, from_torch
from convmath.network.onnx_import.scope import MOST_GRAPHS

from .onnx_models import inferred, model, one_node, run

F32, I64 = np.float32, np.int64
GENERAL = "it is not one of the operators that are understood"


def ones(*sizes: int) -> np.ndarray:
    return np.ones(sizes, F32)


def ints(*values: int) -> np.ndarray:
    return np.array(values, I64)


WITH_SIZES: list[tuple[str, tuple[int, ...], tuple[Any, ...], int, dict[str, Any]]] = [
    ("DFT", (1, 10, 1), (), 17, {"axis": 1}),
    ("DFT", (1, 10, 1), (), 17, {"axis": 1, "onesided": 1}),
    ("DFT", (2, 10, 1), (I64(16), I64(1)), 20, {"onesided": 1}),
    ("STFT", (1, 128, 1), (I64(8), ones(16)), 17, {}),
    ("STFT", (2, 100, 1), (I64(7), ones(15)), 17, {"onesided": 0}),
    ("STFT", (1, 128, 1), (I64(8), None, I64(16)), 17, {}),
    ("AffineGrid", (2, 2, 3), (ints(2, 3, 4, 5),), 20, {}),
    ("AffineGrid", (2, 3, 4), (ints(2, 3, 4, 5, 6),), 20, {}),
    ("Det", (2, 3, 4, 4), (), 11, {}),
    ("Multinomial", (2, 5), (), 7, {"sample_size": 3}),
    ("NegativeLogLikelihoodLoss", (2, 5), (ints(0, 1),), 13, {}),
    ("SoftmaxCrossEntropyLoss", (2, 5, 3), (np.zeros((2, 3), I64),), 13, {"reduction": "none"}),
    ("RotaryEmbedding", (1, 2, 6, 4), (ones(6, 2), ones(6, 2), np.zeros((1, 6), I64)), 23, {}),
    ("GridSample", (1, 2, 4, 4), (ones(1, 3, 5, 2),), 16, {}),
    ("RoiAlign", (1, 2, 8, 8), (ones(3, 4), ints(0, 0, 0)), 16, {"output_height": 3, "output_width": 4}),
    ("MaxRoiPool", (1, 2, 8, 8), (ones(3, 5),), 1, {"pooled_shape": [3, 4]}),
    ("MaxUnpool", (1, 1, 2, 2), (np.zeros((1, 1, 2, 2), I64),), 11, {"kernel_shape": [2, 2], "strides": [2, 2]}),
    (
        *("MaxUnpool", (1, 1, 2, 2), (np.zeros((1, 1, 2, 2), I64), ints(1, 1, 5, 5)), 11),
        {"kernel_shape": [2, 2], "strides": [2, 2]},
    ),
    ("Compress", (2, 3), (np.array([True, False, True]),), 11, {}),
    ("ScatterND", (4, 3), (ints(1).reshape(1, 1), ones(1, 3)), 16, {}),
    ("ScatterElements", (4, 3), (ints(1).reshape(1, 1), ones(1, 1)), 16, {}),
    ("GatherND", (4, 3), (ints(1).reshape(1, 1),), 12, {}),
    ("GatherElements", (4, 3), (ints(1).reshape(1, 1),), 13, {}),
    ("DeformConv", (1, 1, 5, 5), (ones(1, 1, 3, 3), ones(1, 18, 3, 3)), 19, {}),
    ("TensorScatter", (2, 3, 4), (ones(2, 1, 4),), 24, {}),
]


@pytest.mark.parametrize(("op", "sizes", "constants", "opset", "attributes"), WITH_SIZES)
def test_what_is_not_followed_says_why_and_has_the_sizes_of_onnx_runtime(op, sizes, constants, opset, attributes):
    proto = one_node(op, sizes, *constants, opset=opset, **attributes)
    row = from_onnx(proto).analyze().output
    result = run(proto, np.random.default_rng(0).random(sizes, F32))
    assert row.reason not in ("", GENERAL)
    assert row.sizes == (inferred(proto) if result is None else result.shape)
    assert row.sizes is not None


def test_onnxs_inference_takes_the_default_of_a_transform_for_its_opposite():
    """The text of STFT has ``onesided`` as 1 where it is left out."""
    proto = one_node("STFT", (1, 128, 1), I64(8), ones(16), opset=17)
    (row,) = [row for row in from_onnx(proto).analyze() if row.op == "STFT"]
    assert (row.sizes, inferred(proto)) == ((1, 15, 9, 2), (1, 15, 16, 2))
    assert row.remarks[0].startswith("the inference of the onnx package gives the output 15x16x2 and not 15x9x2")


def test_a_window_that_is_longer_than_the_signal_is_refused():
    with pytest.raises(DomainError, match=r"node='y': STFT needs one length of the window"):
        from_onnx(one_node("STFT", (1, 8, 1), I64(8), ones(16), opset=17))


UNKNOWN = ["NonZero", "Unique", "NonMaxSuppression", "SequenceAt", "CausalConvWithState"]


@pytest.mark.parametrize("op", UNKNOWN)
def test_what_has_no_sizes_beforehand_says_why(op):
    others = {
        "NonMaxSuppression": (ones(1, 1, 4),),
        "CausalConvWithState": (ones(4, 1, 3),),
        "SequenceAt": (I64(0),),
    }.get(op, ())
    sizes = (1, 4, 4)
    row = from_onnx(one_node(op, sizes, *others, opset=27)).analyze().output
    assert row.sizes is None
    assert row.reason not in ("", GENERAL)


def test_every_operator_of_onnx_that_is_unknown_has_a_reason_of_its_own():
    found = {}
    for schema in onnx.defs.get_all_schemas():
        if schema.domain:
            continue
        node = helper.make_node(schema.name, ["x", *["w"] * (schema.min_input - 1)], ["y"], "n")
        try:
            report = from_onnx(model([node], {"x": (1, 3, 8, 8)}, {"w": ones(4, 3, 3, 3)}, opset=27)).analyze()
        except DomainError:
            continue
        found[schema.name] = {row.reason for row in report}
    assert [name for name, reasons in found.items() if GENERAL in reasons] == []
    assert len(found) > 100
    report = from_onnx(model([helper.make_node("Foo", ["x"], ["y"], "n")], {"x": (1, 3)})).analyze()
    assert report["n"].reason == GENERAL


def test_a_condition_that_is_known_chooses_elements():
    proto = one_node("Compress", (1, 2, 5), np.array([True, False, True, True]), opset=11, axis=2)
    report = from_onnx(proto).analyze()
    assert report.status == "complete"
    assert report.output.sizes == run(proto, ones(1, 2, 5)).shape == (1, 2, 3)


CONSTANTS = [
    ("HannWindow", (I64(10),), 17, {}),
    ("HammingWindow", (I64(10),), 17, {"periodic": 0}),
    ("BlackmanWindow", (I64(7),), 17, {}),
    ("MelWeightMatrix", (I64(8), I64(16), I64(8000), F32(0), F32(4000)), 17, {}),
    ("RandomNormal", (), 17, {"shape": [2, 10]}),
    ("RandomUniform", (), 17, {"shape": [2, 10]}),
]


@pytest.mark.parametrize(("op", "reads", "opset", "attributes"), CONSTANTS)
def test_what_depends_on_no_input_is_a_constant_of_its_sizes(op, reads, opset, attributes):
    names = [f"c{number}" for number in range(len(reads))]
    nodes = [helper.make_node(op, names, ["w"], "w", **attributes), helper.make_node("Add", ["x", "w"], ["y"], "y")]
    proto = model(nodes, {"x": (3, 1, 1)}, dict(zip(names, reads, strict=True)), opset)
    report = from_onnx(proto).analyze()
    assert (report.status, report.params) == ("complete", 0)
    assert report["y"].sizes == run(proto, ones(3, 1, 1)).shape


def test_dimensions_that_numpy_does_not_stretch_are_followed():
    nodes = [
        helper.make_node("Expand", ["c", "ones"], ["wide"], "wide"),
        helper.make_node("ReduceSum", ["wide"], ["sum"], "sum", keepdims=0),
        helper.make_node("Add", ["x", "sum"], ["y"], "y"),
    ]
    proto = model(nodes, {"x": (3, 1, 2)}, {"c": np.ones(2, np.float32), "ones": np.ones(40, np.int64)}, 17)
    assert from_onnx(proto).analyze().output.sizes == (3, 1, 2)


def test_an_optional_tensor_is_the_tensor():
    nodes = [
        helper.make_node("OptionalHasElement", ["x"], ["there"], "has"),
        helper.make_node("OptionalGetElement", ["x"], ["y"], "get"),
    ]
    report = from_onnx(model(nodes, {"x": (1, 3, 5)}, opset=18)).analyze()
    assert report["get"].sizes == (1, 3, 5)
    assert report["get"].receptive_field.size == (1,)


# Branches


def branch(node: onnx.NodeProto, **stored: np.ndarray) -> onnx.GraphProto:
    tensors = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    return helper.make_graph([node], "inner", [], [helper.make_empty_tensor_value_info(node.output[0])], tensors)


def chosen(condition: Any, sizes: tuple[int, ...] = (1, 3, 8, 8)) -> Graph:
    """A convolution by stored weights, or pooling; then an activation."""
    then = branch(helper.make_node("Conv", ["x", "w"], ["then_y"], "conv"), w=ones(4, 3, 3, 3))
    other = branch(helper.make_node("MaxPool", ["x"], ["else_y"], "pool", kernel_shape=[2, 2]))
    nodes = [
        helper.make_node("If", ["c"], ["z"], "if", then_branch=then, else_branch=other),
        helper.make_node("Relu", ["z"], ["y"], "relu"),
    ]
    return from_onnx(model(nodes, {"x": sizes}, {"c": np.array(condition)}))


def test_a_branch_that_certainly_runs_is_part_of_the_network():
    report = chosen(True).analyze()
    assert [row.op for row in report] == ["input", "conv2d", "relu"]
    assert (report.output.sizes, report.params, report.status) == ((1, 4, 6, 6), 108, "complete")
    assert report.output.receptive_field.size == (3, 3)
    other = chosen(False).analyze()
    assert (other.output.sizes, other.params) == ((1, 3, 7, 7), 0)


def test_a_branch_is_read_from_a_file_without_its_weights(tmp_path):
    then = branch(helper.make_node("Conv", ["x", "w"], ["then_y"], "conv"), w=ones(64, 3, 9, 9))
    other = branch(helper.make_node("Identity", ["x"], ["else_y"], "same"))
    node = helper.make_node("If", ["c"], ["y"], "if", then_branch=then, else_branch=other)
    path = tmp_path / "net.onnx"
    onnx.save(model([node], {"x": (1, 3, 16, 16)}, {"c": np.array(True)}), path)
    report = from_onnx(path).analyze()
    assert (report.output.sizes, report.params) == ((1, 64, 8, 8), 64 * 3 * 81)


def test_a_condition_on_sizes_is_decided_as_onnx_runtime_decides_it():
    then = branch(helper.make_node("Squeeze", ["x", "axis"], ["then_y"], "squeeze"), axis=ints(1))
    other = branch(helper.make_node("Identity", ["x"], ["else_y"], "same"))
    nodes = [
        helper.make_node("Shape", ["x"], ["s"], "shape"),
        helper.make_node("Gather", ["s", "place"], ["n"], "size"),
        helper.make_node("Equal", ["n", "one"], ["c"], "alone"),
        helper.make_node("If", ["c"], ["y"], "if", then_branch=then, else_branch=other),
    ]
    for channels in (1, 2):
        proto = model(nodes, {"x": ("n", "c", 5)}, {"place": I64(1), "one": I64(1)}, opset=17)
        assert from_onnx(proto, (2, channels, 5)).analyze().output.sizes == run(proto, ones(2, channels, 5)).shape


def test_a_condition_that_is_computed_leaves_the_branch_unknown():
    inner = branch(helper.make_node("Identity", ["x"], ["z"]))
    nodes = [
        helper.make_node("Cast", ["x"], ["c"], "cast", to=TensorProto.BOOL),
        helper.make_node("If", ["c"], ["y"], "if", then_branch=inner, else_branch=inner),
    ]
    row = from_onnx(model(nodes, {"x": (1,)})).analyze().output
    assert row.reason == "which of its branches runs is not known beforehand"
    assert row.lacks("params")


def nested(depth: int) -> onnx.ModelProto:
    inner = branch(helper.make_node("Relu", ["x"], ["y0"], "relu"))
    for level in range(1, depth + 1):
        node = helper.make_node("If", ["c"], [f"y{level}"], f"if{level}")
        for name in ("then_branch", "else_branch"):
            attribute = node.attribute.add(name=name, type=onnx.AttributeProto.GRAPH)
            if name == "then_branch":
                attribute.g.CopyFrom(inner)
        inner = branch(node)
    return model(list(inner.node), {"x": (1, 3)}, {"c": np.array(True)})


def test_branches_in_branches_are_followed_to_a_depth():
    assert from_onnx(nested(MOST_GRAPHS)).analyze().status == "complete"
    report = from_onnx(nested(MOST_GRAPHS + 3)).analyze()
    assert [row.reason for row in report if row.reason] == [f"graphs lie in each other, more than {MOST_GRAPHS} deep"]


def test_torch_squeezes_a_size_that_is_open_by_a_branch(tmp_path):
    torch = pytest.importorskip("torch")
    from .computing import Function
    from .test_onnx_import import exported

    module = Function(lambda x: torch.relu(x.mean(1, keepdim=True).squeeze(1)))
    axes = {"image": {0: "n", 2: "h"}}
    path = exported(module, tmp_path / "net.onnx", (3, 6, 5), 17, dynamo=False, dynamic_axes=axes)
    assert from_onnx(path, (3, 6, 5)).analyze().output.sizes == from_torch(module, (3, 6, 5)).analyze().output.sizes
