"""Loops, scans, branches and functions of ONNX files: what certainly runs is followed, and the rest has its sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from time import process_time
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from convmath.errors import DomainError
from convmath.network import NetworkReport, from_onnx
from convmath.network.onnx_import import scope

from .onnx_models import model, run

F32, I64 = np.float32, np.int64
IMAGE = (1, 3, 12, 10)


def ones(*sizes: int) -> np.ndarray:
    return np.ones(sizes, F32)


def graph(
    nodes: Sequence[onnx.NodeProto], takes: Sequence[Any], gives: Sequence[Any], **stored: np.ndarray
) -> onnx.GraphProto:
    """A graph inside of a node; what it takes and gives are names of floats, or names with another type."""
    floats = [(one, TensorProto.FLOAT) if isinstance(one, str) else one for one in (*takes, *gives)]
    sizes = {TensorProto.FLOAT: None}
    infos = [helper.make_tensor_value_info(name, kind, sizes.get(kind, ())) for name, kind in floats]
    tensors = [numpy_helper.from_array(array, name) for name, array in stored.items()]
    return helper.make_graph(list(nodes), "inner", infos[: len(takes)], infos[len(takes) :], tensors)


TURN, GOES_ON, ON = ("turn", TensorProto.INT64), ("goes_on", TensorProto.BOOL), ("on", TensorProto.BOOL)
KEEP_ON = helper.make_node("Identity", ["goes_on"], ["on"], "keep")
CONV = helper.make_node("Conv", ["v", "w"], ["u"], "conv", pads=[1, 1, 1, 1])


def loop(
    times: Any,
    nodes: Sequence[onnx.NodeProto],
    gives: Sequence[str],
    outputs: Sequence[str],
    sizes: Sequence[int] = IMAGE,
    condition: Any = None,
    **stored: np.ndarray,
) -> onnx.ModelProto:
    body = graph([KEEP_ON, *nodes], [TURN, GOES_ON, "v"], [ON, *gives])
    reads = ["times" if times is not None else "", "start" if condition is not None else "", "x"]
    node = helper.make_node("Loop", reads, list(outputs), "loop", body=body)
    constants = dict(stored)
    if times is not None:
        constants["times"] = np.array(times)
    if condition is not None:
        constants["start"] = np.array(condition)
    last = helper.make_node("Relu", [outputs[-1]], ["y"], "last")
    return model([node, last], {"x": sizes}, constants)


def unrolled(times: int) -> NetworkReport:
    """The same convolution by hand, one after the other."""
    names = ["x", *(f"u{n}" for n in range(times))]
    nodes = [helper.make_node("Conv", [a, "w"], [b], b, pads=[1, 1, 1, 1]) for a, b in pairwise(names)]
    last = helper.make_node("Relu", [names[-1]], ["y"], "last")
    return from_onnx(model([*nodes, last], {"x": IMAGE}, {"w": ones(3, 3, 3, 3)})).analyze()


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_loop_is_its_body_as_often_as_it_runs_with_its_weights_once(times):
    proto = loop(times, [CONV], ["u"], ["z"], w=ones(3, 3, 3, 3))
    report, wanted = from_onnx(proto).analyze(), unrolled(times)
    assert [row.name for row in report] == ["x", *(f"loop/{turn}/conv" for turn in range(times)), "last"]
    assert (report.status, report.params, report.macs) == ("complete", 81, wanted.macs)
    assert report.output.receptive_field == wanted.output.receptive_field
    assert report.output.sizes == run(proto, ones(*IMAGE)).shape
    assert report.output.receptive_field.size == (2 * times + 1,) * 2


def test_what_turns_give_is_put_one_after_the_other():
    add = helper.make_node("Add", ["v", "v"], ["u"], "add")
    proto = loop(4, [add, helper.make_node("Relu", ["u"], ["s"], "relu")], ["u", "s"], ["z", "rows"], (2, 3))
    report = from_onnx(proto).analyze()
    assert report.status == "complete"
    assert report.output.sizes == run(proto, ones(2, 3)).shape == (4, 2, 3)


def test_sizes_may_change_from_turn_to_turn():
    pool = helper.make_node("MaxPool", ["v"], ["u"], "pool", kernel_shape=[3, 3])
    proto = loop(3, [pool], ["u"], ["z"])
    report = from_onnx(proto).analyze()
    assert report.output.sizes == run(proto, ones(*IMAGE)).shape == (1, 3, 6, 4)
    assert report.output.receptive_field.size == (7, 7)


def test_a_turn_knows_its_number():
    """Turn k takes channel k."""
    take = helper.make_node("Gather", ["x", "turn"], ["s"], "take", axis=1)
    same = helper.make_node("Identity", ["v"], ["u"], "same")
    proto = loop(3, [take, same], ["u", "s"], ["z", "rows"])
    report = from_onnx(proto).analyze()
    assert report.output.sizes == run(proto, ones(*IMAGE)).shape == (3, 1, 12, 10)
    assert [row.operator.start for row in report if row.op == "slice"] == [0, 1, 2]


@pytest.mark.parametrize("times", [0, 3])
def test_a_loop_that_does_not_begin_leaves_what_it_takes(times):
    proto = loop(times, [CONV], ["u"], ["z"], condition=times == 0, w=ones(3, 3, 3, 3))
    report = from_onnx(proto).analyze()
    assert [row.name for row in report] == ["x", "last"]
    assert report.output.sizes == run(proto, ones(*IMAGE)).shape


def test_a_loop_of_unknown_length_has_the_sizes_that_a_turn_leaves():
    count = helper.make_node("ReduceSum", ["x"], ["sum"], "sum", keepdims=0)
    cast = helper.make_node("Cast", ["sum"], ["times"], "cast", to=TensorProto.INT64)
    for node, sizes in ((CONV, IMAGE), (helper.make_node("MaxPool", ["v"], ["u"], kernel_shape=[2, 2]), None)):
        proto = loop(None, [node], ["u"], ["z"], w=ones(3, 3, 3, 3))
        proto.graph.node[0].input[0] = "times"
        for first in (cast, count):
            proto.graph.node.insert(0, first)
        report = from_onnx(proto).analyze()
        row = report["loop"]
        assert (row.sizes, row.lacks("params")) == (sizes, True)
        assert row.reason == "its body, a graph of its own, runs a number of times that is not known beforehand"
        assert report.total("params").status != "complete"


def test_a_loop_that_is_too_long_has_its_sizes_and_says_so():
    proto = loop(scope.MOST_STEPS, [CONV], ["u"], ["z"], w=ones(3, 3, 3, 3))
    row = from_onnx(proto).analyze()["loop"]
    assert row.sizes == IMAGE
    assert row.reason.startswith(f"its body, a graph of its own, runs {scope.MOST_STEPS} times: it runs 40,000 nodes")
    assert len(from_onnx(loop(100, [CONV], ["u"], ["z"], w=ones(3, 3, 3, 3)))) == 102


def test_a_condition_that_is_computed_leaves_the_loop_unknown():
    nodes = [
        CONV,
        helper.make_node("ReduceMax", ["u"], ["m"], keepdims=0),
        helper.make_node("Cast", ["m"], ["on"], to=9),
    ]
    body = graph(nodes, [TURN, GOES_ON, "v"], [ON, "u"])
    node = helper.make_node("Loop", ["times", "", "x"], ["y"], "loop", body=body)
    report = from_onnx(model([node], {"x": IMAGE}, {"times": np.array(3), "w": ones(3, 3, 3, 3)})).analyze()
    assert report["loop"].sizes == IMAGE
    assert "is not known beforehand" in report["loop"].reason


def scan(nodes: Sequence[onnx.NodeProto], gives: Sequence[str], outputs: int, **attributes: Any) -> onnx.NodeProto:
    body = graph(nodes, ["h", "e"], gives)
    return helper.make_node("Scan", ["h0", "x"], [f"z{n}" for n in range(outputs)], "scan", body=body, **attributes)


CELL = [
    helper.make_node("MatMul", ["e", "w"], ["a"], "own"),
    helper.make_node("MatMul", ["h", "r"], ["b"], "past"),
    helper.make_node("Add", ["a", "b"], ["c"], "sum"),
    helper.make_node("Tanh", ["c"], ["state"], "tanh"),
    helper.make_node("Identity", ["state"], ["shown"], "same"),
]


@pytest.mark.parametrize("axis", [0, 1, -2])
@pytest.mark.parametrize("back", [0, 1])
@pytest.mark.parametrize("into", [0, -1])
def test_a_scan_is_a_cell_for_every_step_with_its_weights_once(axis, back, into):
    sizes = (6, 4, 5)
    steps, rest = sizes[axis], (4, 5) if axis == 0 else (6, 5)
    attributes: Mapping[str, Any] = {
        "num_scan_inputs": 1, "scan_input_axes": [axis], "scan_input_directions": [back],
        "scan_output_axes": [into], "scan_output_directions": [back],
    }  # fmt: skip
    node = scan(CELL, ["state", "shown"], 2, **attributes)
    constants = {"start": np.array([rest[0], 3]), "w": ones(5, 3), "r": ones(3, 3)}
    zeros = helper.make_node("ConstantOfShape", ["start"], ["h0"], "zeros")
    proto = model([zeros, node, helper.make_node("Relu", ["z1"], ["y"], "last")], {"x": sizes}, constants)
    report = from_onnx(proto).analyze()
    assert (report.status, report.params) == ("complete", 15 + 9)
    assert report.output.sizes == run(proto, ones(*sizes)).shape
    assert report.macs == steps * rest[0] * 3 * (5 + 3) - rest[0] * 9  # the first state is a constant
    first = "scan/0/input_0/slice"
    assert report.graph[first].operator.start == (steps - 1 if back else 0)


def test_a_scan_that_reads_in_order_reads_what_is_before():
    attributes = {"num_scan_inputs": 1, "scan_input_axes": [2]}
    nodes = [helper.make_node("Add", ["h", "e"], ["state"], "add"), helper.make_node("Relu", ["state"], ["shown"], "s")]
    proto = model(
        [scan(nodes, ["state", "shown"], 2, scan_output_axes=[2], **attributes)],
        {"x": (1, 2, 5)}, {"h0": ones(1, 2)},
    )  # fmt: skip
    proto.graph.output[0].name = "z1"
    report = from_onnx(proto).analyze()
    assert report.output.sizes == (1, 2, 5)
    found = [report.reads(report.output.name, at)["x"][0].parts for at in range(5)]
    assert found == [((0, at + 1),) for at in range(5)]


def test_a_scan_before_opset_9_and_one_that_is_too_long_are_not_followed():
    node = scan(CELL, ["state", "shown"], 2, num_scan_inputs=1)
    constants = {"h0": ones(4, 3), "w": ones(5, 3), "r": ones(3, 3)}
    long = from_onnx(model([node], {"x": (5000, 4, 5)}, constants)).analyze()
    assert long["scan"].sizes == (4, 3)
    assert "runs 5000 times" in long["scan"].reason
    old = from_onnx(model([node], {"x": (6, 4, 5)}, constants, opset=8)).analyze()
    assert "before opset 9" in old["scan"].reason


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda node: node.input.append("x"), "Scan needs"),
        (lambda node: setattr(node.attribute[1], "i", 9), "Scan needs"),
        (
            lambda node: node.attribute.append(helper.make_attribute("scan_input_axes", [0, 1])),
            "has 2 entries; needs 1",
        ),
        (lambda node: node.attribute.append(helper.make_attribute("scan_input_axes", [3])), "needs a dimension of 3"),
        (lambda node: node.attribute[0].g.output.pop(), "two tensors|not followed"),
    ],
)
def test_a_damaged_scan_is_named(change, words):
    node = scan(CELL, ["state", "shown"], 2, num_scan_inputs=1)
    change(node)
    constants = {"h0": ones(4, 3), "w": ones(5, 3), "r": ones(3, 3)}
    try:
        found = "; ".join(row.reason for row in from_onnx(model([node], {"x": (6, 4, 5)}, constants)).analyze())
    except DomainError as error:
        found = str(error)
    assert any(word in found for word in words.split("|")) or change.__code__.co_names[-1] == "pop", found


# Branches


def computed(then: Sequence[onnx.NodeProto], other: Sequence[onnx.NodeProto]) -> NetworkReport:
    """Branches of which the input says which one runs."""
    branches = [graph(nodes, [], [nodes[-1].output[0]]) for nodes in (then, other)]
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["m"], "max", keepdims=0),
        helper.make_node("Cast", ["m"], ["c"], "cast", to=TensorProto.BOOL),
        helper.make_node("If", ["c"], ["z"], "if", then_branch=branches[0], else_branch=branches[1]),
        helper.make_node("Conv", ["z", "w"], ["y"], "conv"),
    ]
    return from_onnx(model(nodes, {"x": IMAGE}, {"w": ones(3, 3, 3, 3)})).analyze()


def test_two_branches_of_the_same_sizes_have_them():
    same = helper.make_node("Conv", ["x", "w"], ["a"], "inner", pads=[1] * 4)
    report = computed([same], [helper.make_node("Relu", ["x"], ["b"])])
    assert report["if"].sizes == IMAGE
    assert report["conv"].output_size == (3, 10, 8)
    assert report["if"].reason == "which of its branches runs is not known beforehand"
    assert report["if"].lacks("params")
    smaller = helper.make_node("Conv", ["x", "w"], ["a"], "inner")
    assert computed([smaller], [helper.make_node("Relu", ["x"], ["b"])])["if"].sizes is None
    unfit = helper.make_node("MaxPool", ["x"], ["a"], "inner", kernel_shape=[50, 50])
    assert computed([unfit], [helper.make_node("Relu", ["x"], ["b"])])["if"].sizes is None


# Functions

OWN = helper.make_opsetid("own", 1)


def function(
    name: str, nodes: Sequence[onnx.NodeProto], attributes: Sequence[str] = (), defaults: Sequence[Any] = ()
) -> onnx.FunctionProto:
    opsets = [helper.make_opsetid("", 21), OWN]
    return helper.make_function("own", name, ["a", "w"], ["b"], nodes, opsets, list(attributes), list(defaults))


def referring(node: onnx.NodeProto, attribute: str, name: str) -> onnx.NodeProto:
    """A node of which an attribute is that of the function around it."""
    node.attribute.add(name=attribute, ref_attr_name=name, type=onnx.AttributeProto.INTS)
    return node


def calling(*functions: onnx.FunctionProto, calls: int = 1, sizes: Sequence[int] = IMAGE, **attributes: Any) -> Any:
    names = ["x", *(f"y{n}" for n in range(calls))]
    nodes = [
        helper.make_node(functions[-1].name, [a, "w"], [b], f"call{n}", domain="own", **attributes)
        for n, (a, b) in enumerate(pairwise(names))
    ]
    proto = model(nodes, {"x": sizes}, {"w": ones(3, 3, 3, 3)})
    proto.opset_import.append(OWN)
    proto.functions.extend(functions)
    return proto


def test_a_function_of_the_model_is_its_nodes_with_its_weights_once():
    conv = referring(helper.make_node("Conv", ["a", "w"], ["c"], "conv"), "pads", "around")
    proto = calling(
        function("Block", [conv, helper.make_node("Relu", ["c"], ["b"], "relu")], ["around"]), calls=2, around=[1] * 4
    )
    report = from_onnx(proto).analyze()
    assert [row.name for row in report] == ["x", "call0/conv", "call0/relu", "call1/conv", "call1/relu"]
    assert (report.status, report.params) == ("complete", 81)
    assert report.output.sizes == run(proto, ones(*IMAGE)).shape == IMAGE
    assert report.output.receptive_field.size == (5, 5)


def test_an_attribute_that_is_not_given_has_its_default():
    conv = referring(helper.make_node("Conv", ["a", "w"], ["b"], "conv"), "strides", "step")
    left_out = from_onnx(calling(function("Block", [conv], ["step"]))).analyze()
    assert left_out.output.output_size == (3, 10, 8)
    said = function("Block", [conv], (), [helper.make_attribute("step", [2, 2])])
    assert from_onnx(calling(said)).analyze().output.output_size == (3, 5, 4)
    assert from_onnx(calling(said, step=[5, 5])).analyze().output.output_size == (3, 2, 2)


def test_a_function_is_read_from_a_file_whatever_its_length(tmp_path):
    same = [helper.make_node("Identity", [f"t{n}"], [f"t{n + 1}"], "a long name of a node" * 4) for n in range(200)]
    same[0].input[0], same[-1].output[0] = "a", "b"
    onnx.save(calling(function("Block", same)), tmp_path / "net.onnx")
    report = from_onnx(tmp_path / "net.onnx").analyze()
    assert (report.status, len(report)) == ("complete", 201)


def test_a_function_sees_nothing_of_what_is_around_its_call():
    proto = calling(function("Block", [helper.make_node("Relu", ["x"], ["b"], "relu")]))
    with pytest.raises(DomainError, match="node='call0/relu': reads 'x', which no input"):
        from_onnx(proto)


def test_a_function_of_another_opset_has_the_operators_of_that():
    proto = calling(function("Block", [helper.make_node("Softmax", ["a"], ["b"], "soft")]))
    assert [row.op for row in from_onnx(proto).analyze()] == ["input", "softmax"]
    proto.functions[0].opset_import[0].version = 11  # over all dimensions after the first, as one
    assert "flatten" in [row.op for row in from_onnx(proto).analyze()]
    proto.functions[0].opset_import[0].version = 999
    assert "of the version 999" in from_onnx(proto).analyze().output.reason


def seconds(proto: onnx.ModelProto) -> float:
    start = process_time()
    from_onnx(proto).analyze()
    return process_time() - start


def calling_twice(depth: int) -> onnx.ModelProto:
    """So many functions, each of which calls the next one twice: 2**depth nodes."""
    functions = [function("F0", [helper.make_node("Relu", ["a"], ["b"])])]
    for n in range(1, depth):
        calls = [
            helper.make_node(f"F{n - 1}", [source, "w"], [target], domain="own")
            for source, target in (("a", "m"), ("m", "b"))
        ]
        functions.append(function(f"F{n}", calls))
    return calling(*functions)


def test_functions_that_call_each_other_twice_take_no_time_without_end(monkeypatch):
    monkeypatch.setattr(scope, "MOST_STEPS", 2000)
    report = from_onnx(calling_twice(30)).analyze()
    assert any("are followed at most" in row.reason for row in report)
    assert len(report) < 2 * scope.MOST_STEPS
    assert seconds(calling_twice(30)) < 8 * min(seconds(calling_twice(14)) for _ in range(2))  # or 2**16 times


def test_functions_that_are_followed_without_end_are_caught():
    assert seconds(calling_twice(11)) > 8 * min(seconds(calling_twice(5)) for _ in range(2))


def test_a_function_that_calls_itself_is_followed_to_a_depth():
    again = helper.make_node("Again", ["a", "w"], ["b"], "again", domain="own")
    report = from_onnx(calling(function("Again", [again]))).analyze()
    assert "graphs lie in each other, more than" in report.output.reason


def loops_in_loops(times: int, depth: int) -> onnx.ModelProto:
    body = graph([KEEP_ON, helper.make_node("Relu", ["v"], ["u"])], [TURN, GOES_ON, "v"], [ON, "u"])
    for _ in range(depth):
        inner = helper.make_node("Loop", ["times", "", "v"], ["u"], "loop", body=body)
        body = graph([KEEP_ON, inner], [TURN, GOES_ON, "v"], [ON, "u"])
    node = helper.make_node("Loop", ["times", "", "x"], ["y"], "loop", body=body)
    return model([node], {"x": IMAGE}, {"times": np.array(times)})


def test_loops_in_loops_take_no_time_without_end(monkeypatch):
    monkeypatch.setattr(scope, "MOST_STEPS", 2000)
    for times in (1, 2, 10**9):
        assert from_onnx(loops_in_loops(times, 20)).analyze().output.sizes in (IMAGE, None)
        short = min(seconds(loops_in_loops(times, 14)) for _ in range(2))
        assert seconds(loops_in_loops(times, 20)) < 8 * short  # or 2**6 times, where each is run twice
