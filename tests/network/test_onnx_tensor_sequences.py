"""Sequences of tensors: what they hold is followed where it is known, with the sizes that ONNX Runtime gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from convmath.errors import ConvmathError
from convmath.network import from_onnx

from .onnx_models import model, run
from .test_hostile_onnx import result_or_sentence
from .test_onnx_control import GOES_ON, KEEP_ON, ON, TURN, graph, ones

SIZES = (2, 7, 3)
I64 = np.int64


def split(*parts: str, **more: Any) -> onnx.NodeProto:
    return helper.make_node("SplitToSequence", ["x", *parts], ["s"], "split", **more)


def at(place: str, sequence: str = "s") -> onnx.NodeProto:
    return helper.make_node("SequenceAt", [sequence, place], ["y"], "at")


def joined(**more: Any) -> onnx.NodeProto:
    return helper.make_node("ConcatFromSequence", ["s"], ["y"], "join", **more)


def ints(*values: int) -> np.ndarray:
    return np.array(values, I64)


GRAPHS: dict[str, tuple[list[onnx.NodeProto], dict[str, np.ndarray]]] = {
    "parts of one length": ([split("n", axis=1), at("k")], {"n": I64(3), "k": I64(2)}),
    "from the end": ([split("n", axis=1), at("k")], {"n": I64(2), "k": I64(-1)}),
    "parts of given lengths": ([split("n", axis=1), at("k")], {"n": ints(1, 2, 4), "k": I64(1)}),
    "one by one": ([split(axis=1), at("k")], {"k": I64(4)}),
    "one by one without the dimension": ([split(axis=1, keepdims=0), at("k")], {"k": I64(4)}),
    "together again": ([split("n", axis=1), joined(axis=1)], {"n": I64(3)}),
    "along another dimension": ([split(axis=1), joined(axis=-1)], {}),
    "along a new dimension": ([split(axis=2, keepdims=0), joined(axis=0, new_axis=1)], {}),
    "constructed": ([helper.make_node("SequenceConstruct", ["x", "x"], ["s"], "both"), joined(axis=0)], {}),
    "grown": (
        [
            helper.make_node("SequenceEmpty", [], ["e"], "none"),
            helper.make_node("SequenceInsert", ["e", "x"], ["t"], "one"),
            helper.make_node("Relu", ["x"], ["r"], "relu"),
            helper.make_node("SequenceInsert", ["t", "r", "k"], ["s"], "two"),
            joined(axis=2),
        ],
        {"k": I64(-1)},
    ),
    "shortened": (
        [split(axis=0), helper.make_node("SequenceErase", ["s", "k"], ["t"], "less"), at("k", "t")],
        {"k": I64(0)},
    ),
    "held by an optional": (
        [
            split(axis=0),
            helper.make_node("Optional", ["s"], ["o"], "held"),
            helper.make_node("OptionalGetElement", ["o"], ["t"], "got"),
            at("k", "t"),
        ],
        {"k": I64(1)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GRAPHS)
def test_what_is_taken_from_a_sequence_has_its_sizes(name):
    nodes, constants = GRAPHS[name]
    proto = model(nodes, {"x": SIZES}, constants, opset=18)
    report = from_onnx(proto).analyze()
    assert report.status == "complete"
    assert report.output.sizes == run(proto, ones(*SIZES)).shape


def test_how_many_there_are_is_known():
    nodes = [
        split(axis=1),
        helper.make_node("SequenceLength", ["s"], ["n"], "count"),
        helper.make_node("Unsqueeze", ["n", "zero"], ["shape"], "shape"),
        helper.make_node("Reshape", ["x", "both"], ["m"], "matrix"),
        helper.make_node("Expand", ["m", "shape"], ["y"], "wide"),
    ]
    proto = model(nodes, {"x": SIZES}, {"zero": ints(0), "both": ints(42, 1)}, opset=18)
    assert from_onnx(proto).analyze().output.sizes == run(proto, ones(*SIZES)).shape == (42, 7)


def test_an_element_reads_its_part():
    report = from_onnx(model([split("n", axis=2), at("k")], {"x": (1, 2, 9)}, {"n": I64(3), "k": I64(1)})).analyze()
    assert report.reads(report.output.name, 0)["x"][0].parts == ((3, 4),)


def test_a_loop_may_gather_a_sequence():
    """As torch writes a list to which a loop appends."""
    nodes = [
        KEEP_ON,
        helper.make_node("Gather", ["x", "turn"], ["e"], "take", axis=1),
        helper.make_node("SequenceInsert", ["v", "e"], ["u"], "append"),
    ]
    body = graph(nodes, [TURN, GOES_ON], [ON])
    for name, infos in (("v", body.input), ("u", body.output)):
        infos.append(helper.make_tensor_sequence_value_info(name, TensorProto.FLOAT, None))
    loop = [
        helper.make_node("SequenceEmpty", [], ["e0"], "none"),
        helper.make_node("Loop", ["times", "", "e0"], ["s"], "loop", body=body),
        joined(axis=0, new_axis=1),
    ]
    proto = model(loop, {"x": SIZES}, {"times": np.array(5)}, opset=18)
    report = from_onnx(proto).analyze()
    assert report.status == "complete"
    assert report.output.sizes == run(proto, ones(*SIZES)).shape == (5, 2, 3)


def test_a_graph_for_every_element_is_followed():
    body = graph([helper.make_node("ReduceSum", ["v"], ["u"], "sum")], ["v"], ["u"])
    each = helper.make_node("SequenceMap", ["s"], ["t"], "each", body=body)
    proto = model([split(axis=0), each, at("k", "t")], {"x": SIZES}, {"k": I64(1)}, opset=17)
    report = from_onnx(proto).analyze()
    assert report.output.sizes == (1, 1, 1)
    assert [row.name for row in report if row.op == "sum"] == ["each/0/sum", "each/1/sum"]


def test_a_sequence_that_is_returned_is_all_that_it_holds():
    graph = from_onnx(model([split(axis=0)], {"x": SIZES}))
    assert graph.outputs == ("split/0", "split/1")


def test_a_place_that_is_computed_is_not_known():
    nodes = [
        split(axis=1),
        helper.make_node("ArgMax", ["x"], ["m"], "max", keepdims=0),
        helper.make_node("SequenceAt", ["s", "m"], ["y"], "at"),
    ]
    assert "are not known" in from_onnx(model(nodes, {"x": SIZES})).analyze()["at"].reason


DAMAGES: dict[str, tuple[list[onnx.NodeProto], dict[str, np.ndarray]]] = {
    "no such place": ([split(axis=1), at("k")], {"k": I64(7)}),
    "no place": ([split(axis=1), helper.make_node("SequenceAt", ["s"], ["y"], "at")], {}),
    "nothing to join": ([helper.make_node("SequenceEmpty", [], ["s"], "none"), joined(axis=0)], {}),
    "nothing to take": ([helper.make_node("SequenceEmpty", [], ["s"], "none"), at("k")], {"k": I64(0)}),
    "lengths that do not fit": ([split("n", axis=1), at("k")], {"n": ints(1, 2), "k": I64(0)}),
    "no length": ([split("n", axis=1), at("k")], {"n": I64(0), "k": I64(0)}),
    "no lengths": ([split("n", axis=1), at("k")], {"n": np.zeros(0, I64), "k": I64(0)}),
    "a tensor": ([at("k", "x")], {"k": I64(0)}),
    "other sizes": ([split("n", axis=1), joined(axis=0)], {"n": I64(3)}),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_sequence_is_named(name):
    nodes, constants = DAMAGES[name]
    try:
        reasons = [row.reason for row in from_onnx(model(nodes, {"x": SIZES}, constants)).analyze()]
    except ConvmathError as error:
        reasons = [str(error)]
    assert any(reasons), reasons


def test_a_sequence_of_very_many_tensors_is_not_followed():
    proto = model([split(axis=1), joined(axis=1)], {"x": (1, 10**12, 3)})
    assert "are followed at most" in from_onnx(proto).analyze()["split"].reason
    result_or_sentence(model([split("n", axis=1), at("n")], {"x": (1, 10**12)}, {"n": I64(10**9)}))
