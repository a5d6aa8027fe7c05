"""Absurd nodes, tensors and branches, and damaged files: a sentence or a result, in little time and memory."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from convmath.errors import DomainError
from convmath.network import from_onnx
from convmath.network.onnx_import.registry import HANDLERS

from .onnx_models import model, one_node
from .test_hostile_onnx import result_or_sentence
from .test_onnx_import_operators import TABLE, Case

F32, I64 = np.float32, np.int64
HUGE = 2**62
IMAGE = (1, 1, 8, 8)
FILTER = np.ones((1, 1, 3, 3), F32)

WINDOWS: list[dict[str, Any]] = [
    *({"pads": [pad] * 4, "ceil_mode": 1} for pad in (HUGE, -HUGE, 1)),
    *({"strides": [stride, 1]} for stride in (-1, 0, HUGE)),
    *({"dilations": [dilation] * 2, "auto_pad": "SAME_UPPER"} for dilation in (0, -1, HUGE)),
    *({"kernel_shape": [size] * 2} for size in (0, -1, HUGE)),
    *({name: [size] * 2} for name in ("output_padding", "output_shape") for size in (-1, HUGE)),
    *({"group": groups} for groups in (0, -1, HUGE)),
]
LAYERS = {"Conv": (FILTER,), "ConvTranspose": (FILTER,), "MaxPool": (), "AveragePool": (), "LpPool": ()}


@pytest.mark.parametrize("opset", [1, 12, 21, 22])
@pytest.mark.parametrize("op", LAYERS)
def test_an_absurd_window_gives_a_sentence_or_a_result(op, opset):
    for attributes in WINDOWS:
        given = ({"kernel_shape": [3, 3]} if "Pool" in op else {}) | attributes
        result_or_sentence(one_node(op, IMAGE, *LAYERS[op], opset=opset, **given))
    for sizes in ((1, 1, HUGE, HUGE), (HUGE,) * 4, (1, 1, 2**63 - 1, 2**63 - 1)):
        given = {"kernel_shape": [3, 3], "ceil_mode": 1, "strides": [2**40 + 1, 3]} if "Pool" in op else {}
        result_or_sentence(one_node(op, sizes, *LAYERS[op], opset=opset, **given))


@pytest.mark.parametrize("scale", [float("inf"), float("nan"), -1.0, 0.0, 1e38, 1e-38, 1e-45])
def test_an_absurd_factor_gives_a_sentence_or_a_result(scale):
    scales = np.array([1, 1, scale, scale], F32)
    found = [
        result_or_sentence(proto)
        for proto in (
            one_node("Resize", IMAGE, scales, opset=10),
            one_node("Resize", IMAGE, None, scales, opset=19),
            one_node("Upsample", IMAGE, scales, opset=9),
            one_node("Upsample", IMAGE, opset=7, scales=[1.0, 1.0, scale, scale]),
            one_node("Upsample", IMAGE, opset=1, height_scale=scale, width_scale=scale),
        )
    ]
    if not 0 < scale < float("inf"):
        assert all("needs factors > 0, and not" in sentence for sentence in found)


def ints(*values: int) -> np.ndarray:
    return np.array(values, I64)


NODES: dict[str, Callable[[], onnx.ModelProto]] = {
    "sizes to resize to": lambda: one_node("Resize", IMAGE, None, None, ints(1, 1, HUGE, -3), opset=21),
    "parts": lambda: one_node("Split", IMAGE, opset=21, num_outputs=2**40),
    "padding": lambda: one_node("Pad", IMAGE, ints(*[HUGE] * 8), opset=21, mode="wrap"),
    "cropping": lambda: one_node("Pad", IMAGE, ints(*[-HUGE] * 8), opset=21),
    "copies": lambda: one_node("Tile", IMAGE, ints(*[HUGE] * 4), opset=21),
    "no sizes": lambda: one_node("Expand", (1,), ints(0, -1), opset=21),
    "many dimensions": lambda: one_node("Reshape", IMAGE, ints(*[1] * 500), opset=21),
    "many letters": lambda: one_node("Einsum", IMAGE, opset=21, equation="abcd->" + "a" * 5000),
    "a step of none": lambda: one_node("STFT", (1, 8, 1), I64(0), np.ones(4, F32), opset=17),
    "a signal without a batch": lambda: one_node("STFT", (8,), I64(1), np.ones(4, F32), opset=17),
    "two window lengths": lambda: one_node("STFT", (1, 8, 1), I64(1), None, ints(1, 2), opset=17),
    "a long transform": lambda: one_node("DFT", (1, 8, 1), I64(HUGE), opset=17, axis=77),
    "places to put back": lambda: one_node(
        "MaxUnpool", IMAGE, np.zeros(IMAGE, I64), ints(-1, 0, HUGE, HUGE), opset=21, kernel_shape=[2, 2]
    ),
    "more conditions than elements": lambda: one_node("Compress", IMAGE, np.ones(500, bool), opset=21, axis=3),
    "no condition that holds": lambda: one_node("Compress", IMAGE, np.zeros(5, bool), opset=21),
    "conditions that are no bools": lambda: one_node("Compress", IMAGE, np.array([np.nan, np.inf], F32), opset=21),
    "a node without outputs": lambda: one_node(
        "Resize", IMAGE, None, np.array([1, 1, 0.7, 0.7], F32), opset=19, outputs=1
    ),
    "no heads": lambda: one_node(
        *("Attention", (1, 3, 8), np.ones((1, 5, 8), F32), np.ones((1, 5, 8), F32)),
        opset=23, q_num_heads=0, kv_num_heads=0,
    ),
    "a loop without a body": lambda: one_node("Loop", (1,), opset=11),
}  # fmt: skip


@pytest.mark.parametrize("name", NODES)
def test_an_absurd_node_gives_a_sentence_or_a_result(name):
    proto = NODES[name]()
    result_or_sentence(proto)
    del proto.graph.node[0].output[:]
    result_or_sentence(proto)
    del proto.graph.output[:]
    result_or_sentence(proto)


@pytest.mark.parametrize("dims", [[4], [], [HUGE], [2**31] * 3, [0], [-1], [1] * 70])
@pytest.mark.parametrize("content", [None, b"abc", bytes(64)])
def test_a_tensor_of_any_type_gives_a_sentence_or_a_result(dims, content):
    """Types that exist, such as texts, bfloat16, float8 and int4, and others."""
    for kind in range(-1, 40):
        proto = one_node("Add", (1, 4), np.ones(4, F32), opset=21)
        tensor = proto.graph.initializer[0]
        tensor.Clear()
        tensor.name, tensor.data_type = "c0", kind
        tensor.dims.extend(dims)
        if content is not None:
            tensor.raw_data = content
        result_or_sentence(proto)


@pytest.mark.parametrize("kind", ["BFLOAT16", "FLOAT8E4M3FN", "INT4", "FLOAT4E2M1", "STRING"])
def test_a_weight_of_any_type_counts(kind):
    proto = one_node("Conv", IMAGE, FILTER, opset=21)
    tensor = proto.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_type = TensorProto.DataType.Value(kind)
    report = from_onnx(proto).analyze()
    assert (report.output.sizes, report.params) == ((1, 1, 6, 6), 9)


def test_functions_that_call_each_other_are_followed_to_a_depth():
    proto = model([helper.make_node("F", ["x"], ["y"], "f", domain="own")], {"x": (1, 3)})
    own = helper.make_opsetid("own", 1)
    for name, other in (("F", "G"), ("G", "F")):
        node = helper.make_node(other, ["a"], ["b"], domain="own")
        proto.functions.append(helper.make_function("own", name, ["a"], ["b"], [node], [own]))
    proto.opset_import.append(own)
    assert "graphs lie in each other" in from_onnx(proto).analyze().output.reason


# Handlers


CONTENTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "empty": lambda array: array.reshape(-1)[:0],
    "a scalar": lambda array: np.array(array.reshape(-1)[0]),
    "a matrix": lambda array: np.full((2, 2), array.reshape(-1)[0]),
}


def odd(one: Case, opset: int) -> Iterator[onnx.ModelProto]:
    """The node without outputs, of a scalar, with a letter for the batch, and with constants of other sizes."""
    proto = one.model(opset)
    proto.graph.node[0].ClearField("output")
    yield proto
    proto = one.model(opset)
    proto.graph.input[0].type.tensor_type.shape.ClearField("dim")
    yield proto
    proto = one.model(opset)
    for dim in proto.graph.input[0].type.tensor_type.shape.dim[:1]:
        dim.dim_param = "N"
    yield proto
    for number, array in enumerate(map(numpy_helper.to_array, proto.graph.initializer)):
        for change in CONTENTS.values() if array.size else ():
            proto = one.model(opset)
            tensor = proto.graph.initializer[number]
            tensor.CopyFrom(numpy_helper.from_array(change(array), tensor.name))
            yield proto


@pytest.mark.parametrize("newest", [False, True])
def test_every_operator_gives_a_sentence_or_a_result(newest):
    for one, opset in TABLE:
        if opset == (max if newest else min)(one.opsets):
            for proto in odd(one, opset):
                result_or_sentence(proto, batch_size="N")


REFUSED: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "a ratio that is empty": (
        lambda: one_node("Dropout", IMAGE, np.zeros(0, F32), opset=13), "Dropout needs one number in its input 1",
    ),
    "parts of nothing": (lambda: one_node("Split", IMAGE, opset=13, outputs=0), "needs an output for each part"),
    "factors of a scalar": (lambda: one_node("Resize", (), np.zeros(0, F32), opset=10), "other dimensions than"),
    "chosen of a letter": (
        lambda: one_node("Compress", ("N", 3), np.ones(1, bool), opset=11, axis=0), "whose size is a symbol",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_an_operator_cannot_take_is_said_in_its_own_words(name):
    make, words = REFUSED[name]
    proto = make()
    if name == "parts of nothing":
        proto.graph.node[0].ClearField("output")
        proto.graph.ClearField("output")
    assert words in result_or_sentence(proto, batch_size="N")


@pytest.mark.parametrize("turns", [0, 2])
def test_outputs_of_a_loop_may_be_left_out(turns):
    body = helper.make_graph(
        [helper.make_node("Relu", ["v"], ["u"])],
        "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, ()), *map(helper.make_empty_tensor_value_info, "cv")],
        [*map(helper.make_empty_tensor_value_info, "cuu")],
    )
    node = helper.make_node("Loop", ["times", "", "x"], ["y"], "loop", body=body)
    report = from_onnx(model([node], {"x": IMAGE}, {"times": np.array(turns)})).analyze()
    assert (report.status, report.output.sizes) == ("complete", IMAGE)


@pytest.mark.parametrize("error", [ZeroDivisionError("by 0"), KeyError("k"), TypeError("none"), ValueError("bad")])
def test_what_a_handler_did_not_see_coming_names_the_node(monkeypatch, error):
    def faulty(call: Any) -> Any:
        raise error

    monkeypatch.setitem(HANDLERS, "Faulty", faulty)
    proto = model([helper.make_node("Faulty", ["x"], ["y"], "odd")], {"x": IMAGE})
    with pytest.raises(DomainError, match="node='odd': Faulty cannot be followed with these inputs") as caught:
        from_onnx(proto)
    assert caught.value.__cause__ is error
    assert type(error).__name__ in str(caught.value)
    with pytest.raises(AssertionError):
        result_or_sentence(proto)


# Branches


def branching() -> onnx.ModelProto:
    node = helper.make_node("Relu", ["x"], ["z"])
    inner = helper.make_graph([node], "inner", [], [helper.make_empty_tensor_value_info("z")])
    nodes = [helper.make_node("If", ["c"], ["y"], "if", then_branch=inner, else_branch=inner)]
    return model(nodes, {"x": (1, 3)}, {"c": np.array(True)})


def each(change: Callable[[Any], Any]) -> Callable[[Any], None]:
    """A change of both branches of a node."""
    return lambda node: [change(attribute.g) for attribute in node.attribute] and None


DAMAGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "reads what is not there": (each(lambda g: g.node[0].input.__setitem__(0, "nothing")), "reads 'nothing'"),
    "no branch": (lambda node: node.attribute.__delitem__(slice(None)), "needs the attribute then_branch"),
    "gives what is not there": (each(lambda g: g.output.add(name="zz")), "reads 'zz'"),
    "gives nothing": (each(lambda g: g.output.__delitem__(0)), "not followed"),
    "a name twice": (lambda node: node.output.extend(["x"]), "not followed|two tensors"),
    "a branch that is a number": (
        lambda node: [setattr(one, "type", onnx.AttributeProto.INT) for one in node.attribute], "has the type INT",
    ),
    "nothing": (each(lambda g: None), "relu"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_branch_gives_a_sentence_or_a_result(name):
    proto, (change, words) = branching(), DAMAGES[name]
    change(proto.graph.node[0])
    try:
        report = from_onnx(proto).analyze()
        found = "; ".join(f"{row.op} {row.reason}" for row in report)
    except DomainError as error:
        found = str(error)
    assert any(word in found for word in words.split("|")), found


def test_many_branches_take_linear_time():
    def seconds(count: int) -> float:
        inner = [branching().graph.node[0].attribute[0].g for _ in range(2)]
        nodes = [
            helper.make_node("If", ["c"], [f"y{n}"], f"if{n}", then_branch=inner[0], else_branch=inner[1])
            for n in range(count)
        ]
        proto = model(nodes, {"x": (1, 3)}, {"c": np.array(True)})
        start = process_time()
        assert len(from_onnx(proto).analyze()) == count + 1
        return process_time() - start

    seconds(50)
    short, long = min(seconds(250) for _ in range(3)), min(seconds(2000) for _ in range(2))
    assert long < 24 * short, (short, long)


# Damaged files, in another process with little memory

READ_ALL = """
import resource, sys, signal
from pathlib import Path
resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30))
from convmath.errors import ConvmathError
from convmath.network import from_onnx
signal.alarm(240)
for path in sorted(Path(sys.argv[1]).iterdir()):
    try:
        from_onnx(path).analyze()
    except ConvmathError:
        pass
    except BaseException as error:
        print(path.name, repr(error))
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print("read", int(peak.split()[1]) // 1024, "MiB")
"""


def damaged(seed: int, sources: list[bytes]) -> bytes:
    """A file of which some bytes are others, or not there."""
    chance = random.Random(seed)  # noqa: S311
    content = bytearray(chance.choice(sources))
    for _ in range(chance.choice((1, 1, 2, 3, 6))):
        at = chance.randrange(len(content))
        content[at] = chance.choice((chance.randrange(256), content[at] ^ 1 << chance.randrange(8), 0, 255, 127, 128))
    return bytes(content[: chance.randrange(len(content))] if chance.random() < 0.2 else content)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc, where Linux says a process's own peak")
def test_damaged_files_give_sentences_or_results_in_little_memory(tmp_path: Path):
    sources = [one.model(opset).SerializeToString() for one, opset in TABLE[::9]] + [branching().SerializeToString()]
    for seed in range(800):
        (tmp_path / f"{seed}.onnx").write_bytes(damaged(seed, sources))
    command = [sys.executable, "-c", READ_ALL, str(tmp_path)]
    found = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert found.stdout.startswith("read"), found.stdout + found.stderr
    assert int(found.stdout.split()[1]) < 1024
