"""What the version that a file says of ONNX's operators has, and what it lacks: ONNX Runtime refuses that, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper

from convmath.errors import DomainError
from convmath.network import from_onnx

from .onnx_models import inferred, model, one_node, run


def ones(*sizes: int) -> np.ndarray:
    return np.ones(sizes, np.float32)


LATER: list[tuple[str, int, tuple[np.ndarray, ...], dict[str, Any]]] = [
    ("Gelu", 20, (), {}),
    ("Expand", 8, (np.array([1, 8, 5, 5]),), {}),
    ("Einsum", 12, (), {"equation": "abcd->abdc"}),
    ("HardSwish", 14, (), {}),
    ("Mish", 18, (), {}),
]


@pytest.mark.parametrize(("op", "first", "constants", "attributes"), LATER)
def test_an_operator_that_comes_with_a_later_version_is_not_understood(op, first, constants, attributes):
    before, there = (one_node(op, (1, 8, 5, 5), *constants, opset=v, **attributes) for v in (first - 1, first))
    assert (inferred(before), run(before, ones(1, 8, 5, 5))) == (None, None)
    row = from_onnx(before).analyze()["y"]
    said = f"{op} is there from version {first} of ONNX's operators on, and the model says {first - 1}"
    assert (row.reason, row.sizes) == (said, None)
    report = from_onnx(there).analyze()
    assert (report.status, report.output.sizes) == ("complete", run(there, ones(1, 8, 5, 5)).shape)


@pytest.mark.parametrize(
    ("op", "opset", "constants"), [("LayerNormalization", 16, (ones(5),)), ("ThresholdedRelu", 9, ())]
)
def test_what_onnx_runtime_has_in_versions_that_lack_it_is_understood(op, opset, constants):
    proto = one_node(op, (1, 8, 5, 5), *constants, opset=opset)
    assert not onnx.defs.has(op, opset)
    assert run(proto, ones(1, 8, 5, 5)).shape == from_onnx(proto).analyze().output.sizes == (1, 8, 5, 5)


def test_a_function_of_the_model_may_have_the_name_of_a_later_operator():
    proto = one_node("Gelu", (1, 3), opset=19)
    relu = helper.make_node("Relu", ["a"], ["b"], "relu")
    proto.functions.append(helper.make_function("", "Gelu", ["a"], ["b"], [relu], [helper.make_opsetid("", 19)]))
    assert [row.op for row in from_onnx(proto).analyze()] == ["input", "relu"]


@pytest.mark.parametrize(("n", "parts"), [(5, 2), (6, 2), (7, 4), (8, 4)])
@pytest.mark.parametrize("opset", [2, 11, 13, 18])
def test_parts_without_lengths_are_equal_before_opset_18(opset, n, parts):
    number = {"num_outputs": parts} if opset >= 18 else {}
    proto = one_node("Split", (1, n), opset=opset, outputs=parts, axis=1, **number)
    if opset < 18 and n % parts:
        assert (inferred(proto), run(proto, ones(1, n))) == (None, None)
        with pytest.raises(DomainError, match=f"needs {parts} equal parts without num_outputs, .*{parts} does not"):
            from_onnx(proto)
    else:
        rows = [row.sizes for row in from_onnx(proto).analyze() if row.op == "slice"]
        assert rows[0] == inferred(proto) == run(proto, ones(1, n)).shape


@pytest.mark.parametrize("parts", [1, 2])
def test_parts_of_a_size_that_the_file_leaves_open_are_equal_where_their_number_is_not_given(parts):
    proto = one_node("Split", (1, "n"), opset=18, outputs=parts, axis=1)
    for n in (5, 6):
        output = run(proto, ones(1, n))
        assert (output is None) == (n % parts > 0)
        if output is not None:
            (row, *_) = (row for row in from_onnx(proto, (n,)).analyze() if row.op == "slice")
            assert row.sizes == output.shape
        else:
            with pytest.raises(DomainError, match="needs 2 equal parts without num_outputs"):
                from_onnx(proto, (n,))


NORMS: list[tuple[str, int, tuple[tuple[int, ...], ...], bool, dict[str, Any]]] = [
    ("BatchNormalization", 17, ((8,),) * 4, True, {}),
    ("BatchNormalization", 17, ((2,), (8,), (8,), (8,)), False, {}),
    ("BatchNormalization", 17, ((8,), (8,), (8,), (2,)), False, {}),
    ("BatchNormalization", 17, ((1,),) * 4, False, {}),
    ("InstanceNormalization", 17, ((8,), (8,)), True, {}),
    ("InstanceNormalization", 17, ((8,), (1,)), False, {}),
    ("GroupNormalization", 18, ((2,), (2,)), True, {"num_groups": 2}),
    ("GroupNormalization", 18, ((8,), (8,)), False, {"num_groups": 2}),
    ("GroupNormalization", 21, ((8,), (8,)), True, {"num_groups": 2}),
    ("GroupNormalization", 21, ((1,), (1,)), True, {"num_groups": 2}),
    ("GroupNormalization", 21, ((2,), (2,)), False, {"num_groups": 2}),
    ("LayerNormalization", 17, ((5,), (5,)), True, {}),
    ("LayerNormalization", 17, ((8, 1, 1), (1,)), True, {}),
    ("LayerNormalization", 17, ((2,),), False, {}),
    ("LayerNormalization", 17, ((5,), (3, 1, 8, 5, 5)), False, {}),
    ("RMSNormalization", 23, ((5, 5),), True, {"axis": 2}),
    ("RMSNormalization", 23, ((2,),), False, {}),
]


@pytest.mark.parametrize(("op", "opset", "constants", "fits", "attributes"), NORMS)
def test_a_norm_takes_the_scales_that_onnx_runtime_takes(op, opset, constants, fits, attributes):
    proto = one_node(op, (1, 8, 5, 5), *(ones(*sizes) for sizes in constants), opset=opset, **attributes)
    assert (run(proto, ones(1, 8, 5, 5)) is not None) == fits
    if fits:
        assert from_onnx(proto).analyze().output.sizes == (1, 8, 5, 5)
    else:
        with pytest.raises(DomainError, match=rf"node='y': {op} needs .* counted from 0"):
            from_onnx(proto)


def test_a_norm_of_early_versions_may_have_a_scale_for_each_element():
    early = one_node("BatchNormalization", (1, 8, 5), *[ones(8, 5)] * 4, opset=7, spatial=0)
    assert from_onnx(early).analyze().output.sizes == (1, 8, 5)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
def test_the_name_of_a_node_is_that_of_the_row_with_its_output(op):
    nodes = [helper.make_node(op, ["x"], ["p"], "share", axis=2), helper.make_node("Relu", ["p"], ["y"], "relu")]
    proto = model(nodes, {"x": (2, 3, 4, 5)}, opset=11)
    graph = from_onnx(proto)
    assert graph["relu"].inputs == ("share",)
    assert graph.analyze()["share"].sizes == run(proto, ones(2, 3, 4, 5)).shape
    (over,) = [node for node in graph if node.op == "softmax"]
    assert (over.name, graph.analyze()[over.name].sizes) == (f"share/{op.lower()}", (2, 3, 20))
    newer = from_onnx(model(nodes, {"x": (2, 3, 4, 5)}, opset=13))
    assert [node.name for node in newer] == ["x", "share", "relu"]


def test_the_name_of_a_product_with_a_sum_is_that_of_the_sum():
    gemm = helper.make_node("Gemm", ["x", "w", "x"], ["p"], "gemm", transB=1)
    graph = from_onnx(model([gemm, helper.make_node("Relu", ["p"], ["y"], "relu")], {"x": (3, 3)}, {"w": ones(3, 3)}))
    assert [(node.name, node.op) for node in graph][-3:] == [
        ("gemm/matmul", "matmul"),
        ("gemm", "add"),
        ("relu", "relu"),
    ]


def test_a_function_that_says_no_version_has_no_operators():
    relu = helper.make_node("Relu", ["a"], ["b"], "relu")
    own = helper.make_opsetid("own", 1)
    for imports, understood in (([own], False), ([own, helper.make_opsetid("", 17)], True)):
        proto = model([helper.make_node("F", ["x"], ["y"], "f", domain="own")], {"x": (1, 3)}, opset=17)
        proto.opset_import.append(own)
        proto.functions.append(helper.make_function("own", "F", ["a"], ["b"], [relu], imports))
        assert (run(proto, ones(1, 3)) is not None) == understood
        reason = "" if understood else "Relu is there from version 1 of ONNX's operators on, and the model says none"
        assert from_onnx(proto).analyze().output.reason == reason


@pytest.mark.parametrize(("start", "end"), [(-4, -(2**63)), (-1, -(2**63)), (-2, -9), (2, 0)])
def test_sizes_are_sliced_backwards_from_the_first_one_at_least(start, end):
    bounds = {name: np.array([n]) for name, n in {"start": start, "end": end, "axis": 0, "step": -1}.items()}
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Slice", ["shape", "start", "end", "axis", "step"], ["part"]),
        helper.make_node("Concat", ["part", "rest"], ["sizes"], axis=0),
        helper.make_node("Reshape", ["x", "sizes"], ["y"]),
    ]
    proto = model(nodes, {"x": (2, 4, 6)}, bounds | {"rest": np.array([-1])})
    assert from_onnx(proto).analyze().output.sizes == run(proto, ones(2, 4, 6)).shape
