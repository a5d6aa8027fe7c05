"""Small files that could cost much: time and memory grow with what is written in them, or it is said what is left out.

Times are of the processor, and compared with each other: of a file, and of one that is several times as long.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from time import process_time

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from convmath.errors import DomainError
from convmath.network import from_onnx
from convmath.network.onnx_import.scope import LISTED, LONGEST, MOST_STEPS, nodes_in
from convmath.network.operators import Activation

from .onnx_models import model, one_node
from .test_onnx_control import GOES_ON, KEEP_ON, ON, TURN, calling, function, graph, loop

IMAGE = (1, 3, 8, 8)
FEW = "are followed at most"
PRIMES = [n for n in range(2, 100) if all(n % k for k in range(2, n))]
node = helper.make_node


def several(name: str, count: int) -> list[str]:
    return [f"{name}{number}" for number in range(count)]


def reasons(proto: onnx.ModelProto) -> list[str]:
    return [row.reason for row in from_onnx(proto).analyze() if row.reason]


# Bodies


def turning(times: int, *nodes: onnx.NodeProto) -> onnx.ModelProto:
    """A loop whose body has no nodes but these, and gives what it takes."""
    body = graph(nodes, [TURN, GOES_ON, "v"], [GOES_ON, "v"])
    return model([node("Loop", ["times", "", "x"], ["y"], "loop", body=body)], {"x": IMAGE}, {"times": np.array(times)})


def test_a_body_without_nodes_has_no_turns_without_end():
    assert from_onnx(turning(MOST_STEPS // 10)).analyze().output.sizes == IMAGE
    for times in (MOST_STEPS + 1, 2**62):
        report = from_onnx(turning(times)).analyze()
        assert (report.output.sizes, report.output.op) == (IMAGE, "Loop")
        assert f"it runs {times:,} nodes" in report.output.reason


def scanning(length: int) -> onnx.ModelProto:
    scan = node("Scan", ["x"], ["y"], "scan", body=graph([], ["e"], ["e"]), num_scan_inputs=1)
    return model([scan], {"x": (length, 3)})


def test_what_a_scan_takes_and_gives_counts_as_its_body_does():
    """Each turn cuts an element out, drops its dimension, and gives it a new one."""
    longest = MOST_STEPS // 4 - 1
    assert reasons(scanning(longest // 10)) == []
    assert len(from_onnx(scanning(100))) - 1 <= 4 * 100
    assert f"it runs {4 * (longest + 2):,} nodes" in reasons(scanning(longest + 2))[0]


def test_what_a_loop_gathers_counts_as_its_body_does():
    same = node("Identity", ["v"], ["u"], "same")
    sizes = (1, 2)
    times = MOST_STEPS // 4
    assert reasons(loop(times // 10, [same], ["u", "u", "u"], ["z", "a", "b"], sizes)) == []
    assert f"it runs {4 * (times + 1):,} nodes" in reasons(
        loop(times + 1, [same], ["u", "u", "u"], ["z", "a", "b"], sizes)
    )[0]  # fmt: skip


def test_long_lists_in_a_body_count():
    add = node("Sum", ["v"] * 10 * LISTED, ["u"])
    assert 10 <= nodes_in(graph([add], ["v"], ["u"])) <= 12
    assert 10 <= nodes_in(graph([], several("v", 10 * LISTED), ["v0"])) <= 12
    assert 10 <= nodes_in(graph([node("Slice", ["v"], ["u"], starts=[0] * 10 * LISTED)], ["v"], ["u"])) <= 12
    assert nodes_in(graph([KEEP_ON, node("Relu", ["v"], ["u"])], [TURN, GOES_ON, "v"], [ON, "u"])) == 2


def test_names_do_not_grow_with_the_turns():
    proto = loop(20, [node("Relu", ["v"], ["u"], "relu")], ["u"], ["z"])
    proto.graph.node[0].name = "a" * 10**5
    names = [row.name for row in from_onnx(proto).analyze()]
    assert max(map(len, names)) < LONGEST + 10
    assert [name for name in names if name.endswith("/7/relu")] == ["a" * (LONGEST - 7) + "/7/relu"]
    assert len(set(names)) == 22


# Sequences


def grown(length: int) -> onnx.ModelProto:
    inserts = [node("SequenceInsert", [f"s{n}", "x"], [f"s{n + 1}"]) for n in range(length)]
    first = node("SequenceConstruct", ["x"], ["s0"])
    return model([first, *inserts, node("SequenceAt", [f"s{length}", "k"], ["y"])], {"x": IMAGE}, {"k": np.array(0)})


def test_sequences_that_grow_one_by_one_are_followed_to_a_length():
    """All of them together hold about half of the square of the length."""
    longest = int((2 * LISTED * MOST_STEPS) ** 0.5)
    assert reasons(grown(longest // 2)) == []
    assert any(FEW in reason for reason in reasons(grown(longest + LISTED)))


def joined_often(times: int, op: str = "ConcatFromSequence") -> onnx.ModelProto:
    split = node("SplitToSequence", ["x"], ["s"], "split", axis=1)
    often = [node(op, ["s"], [f"y{n}"], f"y{n}", axis=0, new_axis=1) for n in range(times)]
    return model([split, *often], {"x": (1, 1000, 2)})


def test_a_long_sequence_that_is_joined_often_counts_each_time():
    assert reasons(joined_often(1)) == []
    assert any(FEW in reason for reason in reasons(joined_often(30)))


def test_what_is_not_understood_lists_a_long_sequence_only_so_often():
    listed = [len(node.inputs) for node in from_onnx(joined_often(3000, "Foo")) if node.operator.kind == "Foo"]
    assert listed[0] == 1000
    assert sum(listed) < LISTED * MOST_STEPS + 3000
    assert listed[-1] == 1


# Long files


def of_outputs(count: int) -> onnx.ModelProto:
    split = node("Split", ["x"], several("y", count), "split", axis=1, num_outputs=count)
    return model([split, node("Relu", ["y0"], ["z"])], {"x": (1, count, 2)})


def of_calls(count: int) -> onnx.ModelProto:
    """As many calls of a function as it has nodes, which are too many."""
    wide = function("F", [node("Relu", ["a"], [f"c{n}"]) for n in range(MOST_STEPS + count)])
    proto = calling(wide)
    del proto.graph.node[1:]
    proto.graph.node.extend(node("F", ["x", "w"], [f"z{n}"], domain="own") for n in range(count))
    return proto


def of_the_unknown(count: int) -> onnx.ModelProto:
    """As many inputs as outputs, each of which may depend on every one."""
    relus = [node("Relu", ["x"], [name]) for name in several("c", count)]
    foo = node("Foo", several("c", count), several("y", count), "foo")
    return model([*relus, foo, node("Sum", several("y", count), ["z"])], {"x": (1, 3)})


LONG: dict[str, tuple[Callable[[int], onnx.ModelProto], int]] = {
    "a sum of one tensor": (lambda n: model([node("Sum", ["x"] * n, ["y"])], {"x": (1, 3)}), 2000),
    "parts": (of_outputs, 500),
    "a product of one tensor": (
        lambda n: model([node("Einsum", ["x"] * n, ["y"], equation=",".join(["ab"] * n) + "->ab")], {"x": (1, 3)}),
        1000,
    ),
    "inputs and outputs": (of_the_unknown, 200),
}


def ratio(make: Callable[[int], onnx.ModelProto], short: int, long: int) -> tuple[float, float]:
    """Seconds of two lengths; each the least of several."""

    def seconds(proto: onnx.ModelProto) -> float:
        start = process_time()
        from_onnx(proto).analyze()
        return process_time() - start

    protos = make(short), make(long)
    seconds(protos[0])
    return min(seconds(protos[0]) for _ in range(3)), min(seconds(protos[1]) for _ in range(2))


@pytest.mark.parametrize("name", LONG)
def test_time_is_linear_in_what_a_node_lists(name):
    make, count = LONG[name]
    short, long = ratio(make, count, 8 * count)
    assert long < 24 * short, (short, long)  # 8 where it is linear, 64 where it is quadratic


def test_calls_of_a_function_do_not_count_its_nodes_each_time():
    assert FEW in reasons(of_calls(2))[0]
    short, long = ratio(of_calls, 10, 300)
    assert long < 8 * short, (short, long)  # little more than once, or 30 times as many


def of_constants(count: int) -> onnx.ModelProto:
    """Each constant is made of the one before, twice."""
    first = node("Constant", [], ["c0"], value=numpy_helper.from_array(np.ones(8, np.float32)))
    squares = [node("Mul", [f"c{n}"] * 2, [f"c{n + 1}"]) for n in range(count)]
    return model([first, *squares, node("LayerNormalization", ["x", f"c{count}"], ["y"])], {"x": (1, 4, 8)})


def of_dimensions(count: int) -> onnx.ModelProto:
    slopes = np.ones([1] * (count - 1) + [PRIMES[count - 1]], np.float32)
    return one_node("PRelu", PRIMES[:count], slopes, opset=21)


@pytest.mark.parametrize(("make", "count"), [(of_constants, 22), (of_dimensions, 20)])
def test_time_does_not_double_with_each_step(make, count):
    short, long = ratio(make, count // 2, count)
    assert long < 30 * short, (short, long)  # 2 where it is linear, 1000 where it doubles


def test_slopes_are_as_many_as_some_dimensions_have_elements():
    sizes = tuple(PRIMES[:12])
    for numbers in (1, 2, 37, 2 * 5 * 31, int(np.prod(sizes, dtype=object))):
        assert Activation("prelu", numbers).sizes(sizes) == sizes
    for numbers in (4, 2 * 41, 43):
        with pytest.raises(DomainError, match="needs 1, or one for each element of some dimensions"):
            Activation("prelu", numbers).sizes(sizes)
    with pytest.raises(DomainError, match="more than 4096 numbers of parameters"):
        Activation("prelu", int(np.prod(PRIMES[:20], dtype=object))).sizes(tuple(PRIMES[:20]))


def test_constants_that_are_read_again_and_again_are_not_put_together():
    def peak(count: int) -> int:
        joins = node("Concat", ["c"] * count, ["d"], axis=0)
        proto = model([joins, node("Relu", ["x"], ["y"])], {"x": (1, 3)}, {"c": np.zeros(512, np.int64)})
        tracemalloc.start()
        from_onnx(proto)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(8000) - peak(2000) < 1024 * 6000  # 4096 bytes hold the elements once
