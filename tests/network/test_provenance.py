"""Copies of a graph that was read are known as far as the graph itself is, and no further."""

from __future__ import annotations

import copy
import math
import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from time import process_time
from typing import Any

import pytest
import torch
from torch import nn

from convmath.errors import DomainError, UnsupportedError
from convmath.network import Graph, Node, from_onnx, from_torch, solve
from convmath.network.closed_form.report import ClosedForms
from convmath.network.operators import Activation, Conv, ConvTranspose, Input, Linear
from convmath.network.provenance import Provenance
from convmath.network.solving.parts import part_up_to

from .computing import Function

SIZE = (3, 64, 64)


def rooted(x: Any, conv: Any, up: Any) -> Any:
    """A pool whose kernel is the root of the size: what is computed of it is not followed."""
    return up(nn.functional.avg_pool2d(conv(x), int(math.sqrt(x.shape[2]))))


def steady(x: Any, conv: Any, up: Any) -> Any:
    """A pool by a number that is told, and is the same at every size."""
    return up(nn.functional.avg_pool2d(conv(x), 2 + int(x.shape[2] * 0.0)))


def compared(x: Any, conv: Any, up: Any) -> Any:
    """A size decides after the convolution."""
    x = conv(x)
    return up(x[..., ::2, ::2]) if x.shape[2] > 40 else up(x)


def resized(x: Any, conv: Any, up: Any) -> Any:
    """A size is computed, and followed."""
    y = conv(x)
    return nn.functional.interpolate(up(y), size=(x.shape[2] // 2, x.shape[3] // 2))


def read(forward: Callable[..., Any], size: Any = SIZE) -> Graph:
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1)
    return from_torch(Function(forward, *layers), size)


def test_copies_of_a_graph_are_of_its_type():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3)).half()
    read_at_numbers, symbols = from_torch(module, SIZE), from_torch(module, (3, "n", "n"))
    longer = Graph(read_at_numbers)
    longer.add("more", Activation("relu"), "2")
    changed = read_at_numbers.replaced({"1": Activation("gelu")})
    for graph in (longer, changed, part_up_to(symbols, "1").at(64), symbols.at(64), Graph(changed)):
        assert graph.analyze().dtype == "float16"
    assert Graph(list(read_at_numbers)).analyze().dtype == "float32"


def test_adding_to_a_graph_that_was_read_takes_time_in_proportion_to_its_nodes():
    def seconds(count: int) -> float:
        graph = from_torch(nn.ReLU(), (3, "n"))
        start = process_time()
        for number in range(count):
            graph.add(f"more{number}", Activation("relu"), graph.outputs[0] if not number else f"more{number - 1}")
        assert len(graph.reading) == len(graph.at(64)) == count + 2
        return process_time() - start

    seconds(100)
    assert min(seconds(4000) for _ in range(3)) < 10 * min(seconds(1000) for _ in range(3))


def test_nodes_that_are_added_and_replaced_in_turns_are_so_where_the_graph_is_read_again():
    graph = from_torch(nn.ReLU(), (3, "n"))
    last = graph.outputs[0]
    graph.add("first", Activation("gelu"), last)
    graph = graph.replaced({"first": Activation("tanh")})
    graph.add("second", Activation("silu"), "first")
    again = Graph(graph)
    again.add("third", Activation("elu"), "second")
    names = ["tanh", "silu", "elu"]
    for one in (again, again.reading, again.at(5), again.reread({"input": (3, 7)})):
        assert [node.operator.name for node in list(one)[-3:]] == names
    assert [node.operator.name for node in list(graph.reading)[-2:]] == names[:2]


def conv_of(graph: Graph) -> str:
    return next(node.name for node in graph if isinstance(node.operator, Conv))


def widened(graph: Graph) -> Graph:
    name = conv_of(graph)
    return graph.replaced({name: replace(graph[name].operator, dilation=3, padding=3)})


def padded(graph: Graph) -> Graph:
    up = next(node.name for node in graph if isinstance(node.operator, ConvTranspose))
    return graph.replaced({up: replace(graph[up].operator, output_padding=1)})


def added(graph: Graph) -> Graph:
    found = Graph(graph)
    found.add("further", Activation("relu"), list(graph)[-1].name)
    return found


def enlarged(kind: str) -> Callable[[Graph], Graph]:
    def change(graph: Graph) -> Graph:
        row = graph.analyze().output
        wanted = max(row.receptive_field.size) + 4
        changes = solve(graph, receptive_field=wanted, layers=conv_of(graph))
        return next(change.graph for change in changes if kind in change.text)

    return change


COPIES = {
    "graph": Graph,
    "with outputs": lambda graph: Graph(graph, graph.outputs),
    "replaced by nothing": lambda graph: graph.replaced({}),
    "replaced": widened,
    "other output padding": padded,
    "a node more": added,
    "dilated": enlarged("dilation"),
    "wider": enlarged("kernel"),
    "deeper": enlarged("more"),
    "twice": lambda graph: enlarged("more")(enlarged("more")(graph)),
}


@cache
def read_and_known(forward: Callable[..., Any]) -> tuple[Graph, ClosedForms]:
    graph = read(forward)
    return graph, graph.closed_forms()


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("forward", [rooted, steady, compared, resized])
def test_a_copy_claims_no_more_than_what_was_read(forward, name):
    graph, known = read_and_known(forward)
    forms = COPIES[name](graph).closed_forms()
    assert forms.output.reading == known.output.reading
    assert (forms.output.sizes is None) == (known.output.sizes is None) == (forward is rooted)
    assert str(forms.valid) == str(known.valid) or forward is rooted
    assert str(forms.scope) == str(known.scope)


def test_nodes_alone_are_taken_as_they_are():
    """The control: nodes that are taken out of a graph are a network by hand, which is meant at all sizes."""
    graph = read(rooted)
    assert graph.closed_forms().output.sizes is None
    assert Graph(list(graph)).closed_forms().output.sizes is not None
    assert Graph(list(graph)).provenance == Provenance()


@pytest.mark.parametrize("name", ["replaced", "dilated", "wider", "deeper", "twice", "a node more"])
@pytest.mark.parametrize("forward", [compared, resized])
def test_a_changed_copy_is_read_again_with_its_changes(forward, name):
    graph = read(forward)
    copy = COPIES[name](graph)
    again = copy.reread(dict.fromkeys(graph.inputs, (3, 96, 96)))
    own = graph.reread(dict.fromkeys(graph.inputs, (3, 96, 96)))
    ops = [(node.name, node.operator) for node in again if not isinstance(node.operator, Input)]
    assert [name for name, _ in ops] == [node.name for node in copy if not isinstance(node.operator, Input)]
    assert (again[conv_of(graph)].operator, len(again)) == (copy[conv_of(graph)].operator, len(copy))
    assert list(own) != list(again)
    if name != "a node more":
        assert copy.closed_forms().output.at(96) == again.analyze().output.sizes


@pytest.mark.parametrize("name", ["replaced", "a node more", "graph"])
def test_a_changed_copy_at_numbers_keeps_its_changes(name):
    graph = read(resized, (3, "n", "n"))
    copy = COPIES[name](graph)
    numbers = copy.at(48)
    assert [node.name for node in numbers] == [node.name for node in copy]
    assert numbers[conv_of(graph)].operator == copy[conv_of(graph)].operator
    assert copy.closed_forms().output.at(48) == numbers.analyze().output.sizes
    assert [node.name for node in copy.reading] == [node.name for node in copy]


def test_what_a_node_was_fixed_to_is_not_changed_into_a_proof():
    """A layer whose padding is told by a size, made wider, is still the one of that size."""

    def told(x: Any, conv: Any) -> Any:
        return nn.functional.conv2d(x, conv.weight, padding=int(math.sqrt(x.shape[2])))

    graph = from_torch(Function(told, nn.Conv2d(3, 4, 3)), SIZE)
    for kind in ("dilation", "kernel", "more"):
        found = enlarged(kind)(graph).closed_forms().output
        assert found.sizes is None
        assert "fixed to the size at reading" in found.reason


def test_the_inputs_of_a_graph_that_was_read_are_not_replaced_by_others_in_secret():
    graph = read(rooted)
    (name,) = graph.inputs
    other = graph.replaced({name: Input((1, 3, 100, 100), (2, 3))})
    assert other.closed_forms().output.sizes is None
    assert "at the same sizes" in other.closed_forms().output.reason


def test_parts_that_no_node_is_made_of_stay_known():
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = nn.Conv2d(3, 4, 3), nn.Linear(2, 5)

        def forward(self, x: Any) -> Any:
            return self.used(x)

    graph = from_torch(Spare(), SIZE)
    assert graph.unused == {"spare": 15}
    for name in ("graph", "with outputs", "replaced", "a node more", "dilated", "deeper"):
        assert COPIES[name](graph).unused == graph.unused, name
    assert from_torch(Spare(), (3, "n", "n")).at(20).unused == graph.unused


def test_files_are_read_again_with_changes(tmp_path):
    onnx = pytest.importorskip("onnx")
    image = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 3, 32, 32])
    nodes = [
        onnx.helper.make_node("MaxPool", ["x"], ["y"], "pool", kernel_shape=[3, 3], strides=[2, 2]),
        onnx.helper.make_node("Relu", ["y"], ["z"], "relu"),
    ]
    graph = from_onnx(onnx.helper.make_model(onnx.helper.make_graph(nodes, "net", [image], [])))
    copy = graph.replaced({"relu": Activation("sigmoid")})
    again = copy.reread({"x": (3, 17, 9)})
    assert (again["relu"].operator, again.analyze()["relu"].output_size) == (Activation("sigmoid"), (3, 8, 4))


def test_another_operator_has_all_of_its_own_parameters_if_the_first_had():
    graph = from_torch(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 1)), SIZE)
    wider = graph.replaced({"0": Conv(3, 4, (5, 5), padding=1)})
    assert (graph.analyze().params, wider.analyze().params) == (112 + 20, 304 + 20)
    shared = Graph([Node("x", Input((1, 3))), Node("a", Linear(3, 3), ("x",)), Node("b", Linear(3, 3), ("a",), 0)])
    assert shared.replaced({"b": Linear(3, 5)}).analyze().params == 12


def test_a_node_that_is_not_there_cannot_be_replaced():
    with pytest.raises(DomainError, match="name='zz': no node has this name"):
        read(resized).replaced({"zz": Activation("relu")})


@pytest.mark.parametrize(
    ("operators", "message"),
    [
        ({"0": 5}, "operator=5: needs an operator: those of convmath.network.operators"),
        ({"0": "conv"}, r"needs an operator, not its name; did you mean Conv\(...\)"),
        ({"0": Activation}, "operator='Activation': is a class; call it"),
        ([("0", Activation("relu"))], "operators=.*: needs a mapping of the names of nodes to their operators"),
    ],
)
def test_what_is_no_operator_does_not_replace_one(operators, message):
    graph = from_torch(nn.Sequential(nn.ReLU()), SIZE)
    with pytest.raises(DomainError, match=message):
        graph.replaced(operators)
    assert [node.op for node in graph.replaced({"0": Activation("tanh")})] == ["input", "tanh"]


def test_torch_agrees_on_what_is_said_of_the_copies():
    """At a size at which the root is another, what a copy would have said by construction is wrong."""
    module = Function(lambda x, conv: nn.functional.avg_pool2d(conv(x), int(math.sqrt(x.shape[2]))), nn.Conv2d(3, 4, 1))
    graph = from_torch(module, SIZE)
    assert Graph(graph).closed_forms().output.sizes is None
    said = Graph(list(graph)).closed_forms().output.at(100)
    assert said != tuple(module(torch.rand(1, 3, 100, 100)).shape) == (1, 4, 10, 10)


# Pickles and deep copies


def pickled(item: Any) -> Any:
    return pickle.loads(pickle.dumps(item))  # noqa: S301 - made here


@pytest.mark.parametrize("copied", [pickled, copy.deepcopy])
def test_a_report_survives_pickling_and_copying(copied):
    for graph in (read(resized), read(resized).replaced({"parts.0": Conv(3, 4, (5, 5), padding=(2, 2))})):
        report = graph.analyze()
        found = copied(report)
        assert [found.to(form) for form in ("json", "csv", "html")] == [
            report.to(form) for form in ("json", "csv", "html")
        ]
        assert (found.flops("fvcore"), found.status) == (report.flops("fvcore"), "complete")


def test_a_pickled_graph_is_without_its_model_and_says_so():
    graph = from_torch(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), (3, "n", "n"), at=40)
    found, whole = pickled(graph), copy.deepcopy(graph)
    assert found.at(n=40).analyze().macs == whole.at(n=40).analyze().macs
    assert whole.at(n=32).analyze().macs == graph.at(n=32).analyze().macs
    with pytest.raises(UnsupportedError, match="a pickled graph is without its model"):
        found.at(n=32)
    assert all("without its model" in form.reason for form in found.closed_forms())
