"""Files and models that nobody means well with: a sentence or a result, in time and memory that grow with the file."""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import AttributeProto, TensorProto, helper, numpy_helper
from typer.testing import CliRunner

from convmath.cli import app
from convmath.errors import ConvmathError, DomainError
from convmath.network import NetworkReport, from_onnx
from convmath.network.onnx_import import skeleton

from .onnx_models import model
from .test_onnx_import_operators import TABLE

WEIGHT = np.ones((2, 2, 3, 3), np.float32)
ABSURD = (0, -1, 1, 2, 7, 64, 4096, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63))


def conv(**attributes: Any) -> onnx.ModelProto:
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv", **attributes)
    return model([node], {"x": (1, 2, 8, 8)}, {"w": WEIGHT})


def looked_at(report: NetworkReport) -> str:
    """Everything that a table shows."""
    shown = []
    for row in report:
        field = row.receptive_field
        shown += [row.name, row.output_size, row.params, row.macs, field and (field.size, field.stride, field.holes)]
    return repr(shown)


def result_or_sentence(source: onnx.ModelProto | Path, **options: Any) -> str:
    """What a user sees; any other error than one of this library's passes through.

    So does one that a handler did not see coming, though that is a sentence, too.
    """
    try:
        report = from_onnx(source, **options).analyze()
        found = looked_at(report) + "".join(row.reason for row in report)
    except ConvmathError as error:
        found = str(error)
    assert "cannot be followed with these inputs" not in found, found
    return found


# Mutated models


@st.composite
def mutated(draw: st.DrawFn) -> onnx.ModelProto:
    """A valid model of one node, in which a few things are changed at random."""
    one, opset = draw(st.sampled_from(TABLE))
    proto = onnx.ModelProto.FromString(one.model(opset).SerializeToString())
    for change in draw(st.lists(st.sampled_from(CHANGES), min_size=1, max_size=3)):
        change(draw, proto.graph)
    return proto


def _attribute(draw: st.DrawFn, graph: Any) -> None:
    attribute = draw(st.sampled_from(list(graph.node[0].attribute) or [AttributeProto()]))
    attribute.i = draw(st.sampled_from(ABSURD))
    attribute.f = draw(st.sampled_from([0.0, -1.0, float("nan"), float("inf"), 1e30]))
    attribute.s = draw(st.sampled_from([b"", b"\xff\xfe", b"SAME_LOWER", b"cubic"]))
    if attribute.ints:
        attribute.ints[draw(st.integers(0, len(attribute.ints) - 1))] = draw(st.sampled_from(ABSURD))


def _type(draw: st.DrawFn, graph: Any) -> None:
    for attribute in graph.node[0].attribute[:1]:
        attribute.type = draw(st.sampled_from(AttributeProto.AttributeType.values()))


def _without(draw: st.DrawFn, graph: Any) -> None:
    if graph.node[0].attribute:
        del graph.node[0].attribute[draw(st.integers(0, len(graph.node[0].attribute) - 1))]


def _added(draw: st.DrawFn, graph: Any) -> None:
    name = draw(st.sampled_from(["pads", "strides", "axis", "group", "axes", "perm", "num_outputs", "output_shape"]))
    value = draw(st.sampled_from([[1, 2], [2**62] * 4, 3, 2**40, "SAME_LOWER", [1.5]]))
    graph.node[0].attribute.append(helper.make_attribute(name, value))


def _operator(draw: st.DrawFn, graph: Any) -> None:
    others = {"LSTM", "TopK", "Einsum", "Loop", "Range", "OneHot", "NonZero", "Foo"}
    names = sorted({one.op for one, _ in TABLE} | others)
    graph.node[0].op_type = draw(st.sampled_from(names))


def _dimension(draw: st.DrawFn, graph: Any) -> None:
    dims = graph.input[0].type.tensor_type.shape.dim
    draw(st.sampled_from([*dims, dims.add()])).dim_value = draw(st.sampled_from(ABSURD))


def _constant(draw: st.DrawFn, graph: Any) -> None:
    for tensor in graph.initializer[:2]:
        kind = draw(st.sampled_from(["dims", "type", "elements", "nothing"]))
        if kind == "dims" and tensor.dims:
            tensor.dims[0] = draw(st.sampled_from(ABSURD))
        elif kind == "type":
            tensor.data_type = draw(st.integers(0, 30))
        elif kind == "elements" and tensor.data_type == TensorProto.INT64:
            count = len(tensor.raw_data) // 8
            elements = draw(st.lists(st.sampled_from(ABSURD), min_size=count, max_size=count))
            tensor.raw_data = np.array(elements, np.int64).tobytes()


def _names(draw: st.DrawFn, graph: Any) -> None:
    graph.node[0].input[0] = draw(st.sampled_from(["", "x", "y", "c0", "nothing"]))
    graph.node[0].output.append(draw(st.sampled_from(["", "x", "y", "more"])))


CHANGES = [_attribute, _type, _without, _added, _operator, _dimension, _constant, _names]


@given(mutated())
def test_a_mutated_model_gives_a_sentence_or_a_result(proto):
    result_or_sentence(proto)


VALID = conv().SerializeToString()


@given(st.data())
def test_a_mutated_file_gives_a_sentence_or_a_result(tmp_path_factory, data):
    content = bytearray(VALID)
    for at in data.draw(st.lists(st.integers(0, len(VALID) - 1), max_size=4)):
        content[at] = data.draw(st.integers(0, 255))
    file = tmp_path_factory.mktemp("files") / "net.onnx"
    file.write_bytes(bytes(content[: data.draw(st.integers(0, len(VALID)))]))
    result_or_sentence(file)


# Files


@pytest.fixture
def file(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(content: bytes) -> Path:
        path = tmp_path / "net.onnx"
        path.write_bytes(content)
        return path

    return write


NO_MODELS = [b"", b"\xff" * 100, b"\x89PNG\r\n\x1a\n", b"{}", VALID[:40], VALID[:-7], b"\x08\x0a"]


@pytest.mark.parametrize("content", NO_MODELS)
def test_what_is_no_model_is_said_to_be_none(file, content):
    with pytest.raises(DomainError, match=r"empty|no ONNX model|no nodes|UTF-8|version of ONNX"):
        from_onnx(file(content))


@pytest.mark.parametrize("content", [*NO_MODELS, conv(pads=[2**63 - 1] * 4).SerializeToString()])
def test_the_command_line_says_a_sentence_and_no_traceback(file, content):
    result = CliRunner().invoke(app, ["net", str(file(content))])
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "Error: " in result.output


def test_the_command_line_shows_a_model_that_is_whole(file):
    assert CliRunner().invoke(app, ["net", str(file(VALID))]).exit_code == 0


def test_what_is_no_file_is_said_to_be_none(tmp_path):
    with pytest.raises(DomainError, match="cannot be read"):
        from_onnx(tmp_path / "nothing.onnx")
    for path in (tmp_path, "/dev/zero"):
        with pytest.raises(DomainError, match="needs a file"):
            from_onnx(path)
    with pytest.raises(DomainError, match="needs a path or"):
        from_onnx(VALID)


def test_the_weights_of_a_file_are_never_read(file):
    large = np.zeros((2, 2, 300, 300), np.float32)
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv")
    path = file(model([node], {"x": (1, 2, 400, 400)}, {"w": large}).SerializeToString())
    kept = skeleton.read(path)
    assert len(kept) < 500 < large.nbytes < path.stat().st_size
    assert from_onnx(path).analyze().params == large.size


def test_a_file_of_gigabytes_takes_neither_time_nor_memory(tmp_path):
    head = helper.make_tensor("w", TensorProto.FLOAT, [2, 2, 3, 3], bytes(144), raw=True)
    head.ClearField("raw_data")
    length = 5 * 2**30
    tensor = head.SerializeToString() + b"\x4a" + skeleton._varint(length)
    graph = conv().graph
    del graph.initializer[:]
    rest = graph.SerializeToString()
    opening = b"\x2a" + skeleton._varint(len(tensor) + length) + tensor
    proto = conv()
    proto.ClearField("graph")
    path = tmp_path / "net.onnx"
    with path.open("wb") as stream:
        stream.write(proto.SerializeToString())
        stream.write(b"\x3a" + skeleton._varint(len(rest) + len(opening) + length) + rest + opening)
        stream.truncate(stream.tell() + length)  # a hole: nothing lies on the disk
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert from_onnx(path).analyze().params == 36
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024


def test_a_file_that_is_long_without_its_weights_is_refused(file):
    with pytest.raises(DomainError, match=f"more than {skeleton.MOST_NODES} nodes"):
        from_onnx(file(_nested(7, b"\x0a\x00" * (skeleton.MOST_NODES + 1))))
    with pytest.raises(DomainError, match="more than 32 MiB beside its weights"):
        from_onnx(file(_nested(7, _nested(10, b"d" * (skeleton.MOST_BYTES + 1)))))


def _nested(number: int, content: bytes) -> bytes:
    return skeleton._varint(number << 3 | 2) + skeleton._varint(len(content)) + content


def test_graphs_in_graphs_in_graphs_are_no_way_down(file):
    inner = b""
    for _ in range(2000):
        inner = _nested(1, _nested(5, _nested(6, inner)))  # a node's attribute that is a graph
    node = _nested(1, _nested(4, b"If") + _nested(2, b"y") + _nested(5, _nested(1, b"then") + _nested(6, inner)))
    opset = _nested(8, b"\x10\x15")
    with pytest.raises(DomainError, match=r"no ONNX model|leaves|recursion|reads"):
        from_onnx(file(opset + _nested(7, node + _nested(12, _nested(1, b"nothing")))))


OPENED: list[str] = []
sys.addaudithook(lambda event, args: OPENED.append(str(args[0])) if event == "open" else None)


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "w.bin"])
def test_data_in_other_files_is_never_looked_at(file, tmp_path, location):
    weight = numpy_helper.from_array(WEIGHT, "w")
    shape = numpy_helper.from_array(np.array([1, -1]), "shape")
    for tensor in (weight, shape):
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)
    proto = conv()
    del proto.graph.initializer[:]
    proto.graph.initializer.extend([weight, shape])
    proto.graph.node.append(helper.make_node("Reshape", ["y", "shape"], ["z"], "flat"))
    (tmp_path / "w.bin").write_bytes(b"")
    path = file(proto.SerializeToString())
    OPENED.clear()
    report = from_onnx(path).analyze()
    assert [str(path)] == OPENED
    assert report["conv"].params == 36
    assert "elements of its input 1" in report["flat"].reason


# Graphs


def test_a_cycle_is_named():
    nodes = [helper.make_node("Relu", ["b"], ["a"], "first"), helper.make_node("Relu", ["a"], ["b"], "second")]
    with pytest.raises(DomainError, match=r"node='first': reads 'b', which no input.* order, each after .* no cycle"):
        from_onnx(model(nodes, {"x": (1, 2)}))


def sized(proto: onnx.ModelProto, size: int) -> None:
    proto.graph.input[0].type.tensor_type.shape.dim[2].dim_value = size


def given_attribute(proto: onnx.ModelProto, name: str, value: Any) -> None:
    proto.graph.node[0].attribute.append(helper.make_attribute(name, value))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda proto: proto.graph.node[0].output.append("y"), "two tensors of the graph have this name"),
        (lambda proto: proto.graph.node.append(proto.graph.node[0]), "two tensors of the graph have this name"),
        (lambda proto: proto.graph.input.append(proto.graph.input[0]), "two tensors of the graph have this name"),
        (lambda proto: proto.graph.output.add(name="z"), "output='z': no input, initializer or node of"),
        (lambda proto: proto.opset_import[0].__setattr__("version", 999), "knows the versions 1 to"),
        (lambda proto: proto.ClearField("opset_import"), "does not say which version"),
        (lambda proto: proto.graph.initializer[0].dims.__setitem__(0, -2), "each >= 0"),
        (lambda proto: proto.graph.initializer[0].dims.__setitem__(0, 0), "out_channels=0: needs"),
        (lambda proto: proto.graph.initializer[0].dims.extend([1] * 70), "at most 64"),
        (lambda proto: sized(proto, 0), "1 <= size < 2"),
        (lambda proto: sized(proto, -4), "1 <= size < 2"),
        (lambda proto: proto.graph.node[0].input.__delitem__(1), "Conv needs its input 1"),
        (lambda proto: given_attribute(proto, "pads", 3), "has the type INT"),
        (lambda proto: given_attribute(proto, "pads", [3]), "two for each axis"),
        (
            lambda proto: given_attribute(proto, "auto_pad", "MOST"),
            "auto_pad='MOST'",
        ),
        (lambda proto: given_attribute(proto, "group", 0), "needs group >= 1"),
    ],
)
def test_what_breaks_the_rules_is_named(change, sentence):
    proto = conv()
    change(proto)
    with pytest.raises(DomainError, match=sentence):
        from_onnx(proto).analyze()
    assert from_onnx(conv()).analyze().status == "complete"


def test_a_missing_attribute_is_named():
    with pytest.raises(DomainError, match="MaxPool needs the attribute kernel_shape"):
        from_onnx(model([helper.make_node("MaxPool", ["x"], ["y"])], {"x": (1, 2, 8)}))


def test_names_with_escapes_are_shown_without_them():
    proto = conv()
    proto.graph.node[0].name = "\x1b[2Jconv\n"
    assert [row.name for row in from_onnx(proto).analyze()] == ["x", "?[2Jconv?"]


def test_absurd_sizes_give_a_result():
    report = from_onnx(conv(strides=[2**62, 1]), (2, 2**62, 2**62)).analyze()
    assert report.output.output_size == (2, 1, 2**62 - 2)


def test_sizes_that_no_file_can_hold_are_refused():
    nodes = [helper.make_node("Concat", [f"t{n}", f"t{n}"], [f"t{n + 1}"], axis=1) for n in range(100)]
    with pytest.raises(DomainError, match=r"each needs 1 <= size < 2\*\*63"):
        from_onnx(model(nodes, {"t0": (1, 1, 8)}))


def test_numbers_do_not_grow_with_the_depth():
    weight = np.ones((1, 1, 1), np.float32)
    nodes = [helper.make_node("Conv", [f"t{n}", "w"], [f"t{n + 1}"], strides=[2**62]) for n in range(3000)]
    row = from_onnx(model(nodes, {"t0": (1, 1, 1)}, {"w": weight})).analyze().output
    assert row.output_size == (1, 1)
    field = row.receptive_field
    assert "not followed" in row.field_unknown if field is None else field.size == (1,)
    assert len(row.field_unknown) < 200


def test_constants_do_not_grow_with_the_depth():
    squares = [helper.make_node("Mul", [f"s{n}", f"s{n}"], [f"s{n + 1}"]) for n in range(3000)]
    nodes = [helper.make_node("Shape", ["x"], ["s0"]), *squares, helper.make_node("Reshape", ["x", "s3000"], ["y"])]
    with pytest.raises(DomainError, match="reshape needs"):
        from_onnx(model(nodes, {"x": (1, 3, 7)}))
    fills = [helper.make_node("ConstantOfShape", ["huge"], ["y"]), helper.make_node("Expand", ["x", "y"], ["z"])]
    report = from_onnx(model(fills, {"x": (1, 3)}, {"huge": np.array([2**62])})).analyze()
    assert report.missing == ("z",)


def layers(count: int) -> onnx.ModelProto:
    nodes = [helper.make_node("Conv", [f"t{n}", "w"], [f"t{n + 1}"], pads=[1] * 4) for n in range(count)]
    return model(nodes, {"t0": (1, 2, 8, 8)}, {"w": WEIGHT})


def test_time_is_linear_in_the_nodes():
    def seconds(count: int) -> float:
        proto = layers(count)
        start = process_time()
        assert len(from_onnx(proto).analyze()) == count + 1
        return process_time() - start

    seconds(100)
    short, long = min(seconds(500) for _ in range(3)), min(seconds(4000) for _ in range(2))
    assert long < 24 * short, (short, long)  # 8 where it is linear, 64 where it is quadratic


def test_a_chain_of_constants_is_counted_in_linear_time():
    def seconds(count: int) -> float:
        sums = [helper.make_node("Add", [f"w{n}", "w"], [f"w{n + 1}"]) for n in range(count)]
        reads = [helper.make_node("Add", ["x", f"w{n + 1}"], [f"y{n}"]) for n in range(count)]
        proto = model([*sums, *reads], {"x": (1, 600)}, {name: np.ones(600, np.float32) for name in ("w", "w0")})
        start = process_time()
        assert from_onnx(proto).analyze().params == 1200
        return process_time() - start

    seconds(50)
    short, long = min(seconds(250) for _ in range(3)), min(seconds(2000) for _ in range(2))
    assert long < 24 * short, (short, long)  # 8 where it is linear, 64 where it is quadratic
