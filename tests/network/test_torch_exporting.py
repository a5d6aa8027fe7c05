"""Graphs within the graph of torch.export: one that is only called is followed, what chooses among them is named."""

from __future__ import annotations

from inspect import signature

import pytest
import torch
from torch import nn
from torch._higher_order_ops.map import map as mapped
from torch._higher_order_ops.while_loop import while_loop

from convmath import network
from convmath.network.torch_import.builder import Builder
from convmath.network.torch_import.exporting import read_exported

SIZE = (1, 3, 8, 8)


class Two(nn.Module):
    """A forward that is given, on two layers."""

    def __init__(self, function):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 1)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def exported(module):
    """The graph by torch.export, also where torch.fx can follow."""
    builder = Builder(torch.device("cpu"))
    builder.weights(module)
    (name,) = signature(module.forward).parameters
    return builder.graph(read_exported(builder, module, {name: builder.input("x", SIZE, torch.float32)}, {}))


def cast(net, x):
    y = net.first(x)
    with torch.autocast("cpu", torch.bfloat16):
        y = net.second(y).relu()
    return y * 2


def cast_within(net, x):
    with torch.autocast("cpu", torch.bfloat16):
        y = net.first(x)
        with torch.autocast("cpu", enabled=False):
            y = net.second(y.float()).relu()
        y = net.second(y)
    return y * 2


def with_gradients(net, x):
    with torch.enable_grad():
        y = net.first(x)
    return net.second(y)


@pytest.mark.parametrize("function", [cast, cast_within, with_gradients])
def test_what_is_called_within_a_mode_of_torch_is_followed_as_by_torch_fx(function):
    module = Two(function)
    graph, traced = exported(module), network.from_torch(module, SIZE[1:])
    assert [(node.name, node.operator, node.cut) for node in graph] == [
        (node.name, node.operator, node.cut) for node in traced
    ]
    report, other = graph.analyze(), traced.analyze()
    assert (report.status, report.params, report.macs) == ("complete", 96, other.macs)
    assert report.saved().missing == other.saved().missing
    assert bool(report.saved().missing) == (function is not with_gradients)


class Leaf(nn.Module):
    """A layer without parts, a part of whose forward is cast."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3, 3, 1, 1))

    def forward(self, x):
        y = torch.nn.functional.conv2d(x, self.weight)
        with torch.autocast("cpu", torch.bfloat16):
            y = y.mul(2).relu()
        return y + 1


def test_a_layer_that_is_cast_in_part_has_its_name_once():
    report = exported(nn.Sequential(Leaf(), nn.Conv2d(3, 3, 1))).analyze()
    assert [row.name for row in report] == ["x", "0.conv2d", "0.mul", "0.relu", "0", "1"]


def chosen(net, x):
    return net.second(torch.cond(x.sum() > 0, lambda t: net.first(t).relu(), lambda t: t + 1, (x,)))


def repeated(net, x):
    return net.second(while_loop(lambda i, t: i < 3, lambda i, t: (i + 1, net.first(t)), (0, x))[1])


def for_each(net, x):
    return net.second(mapped(lambda t: net.first(t[None])[0], x))


def chosen_in_a_mode(net, x):
    with torch.autocast("cpu", torch.bfloat16):
        y = torch.cond(x.sum() > 0, lambda t: net.first(t), lambda t: t.to(torch.bfloat16), (x,))
    return net.second(y.float())


RUNS = {chosen: "cond", repeated: "while_loop", for_each: "map_impl", chosen_in_a_mode: "cond"}


@pytest.mark.parametrize(("function", "name"), RUNS.items(), ids=[function.__name__ for function in RUNS])
def test_what_chooses_or_repeats_graphs_is_a_node_that_is_not_understood_and_the_rest_is_followed(function, name):
    graph = network.from_torch(Two(function), SIZE[1:])
    report = graph.analyze()
    assert report.missing == (name,)
    assert (report[name].sizes, report[name].params) == (SIZE, 84)
    assert "it runs graphs of its own" in graph[name].operator.reason
    assert (report.output.name, report.output.op, report.output.sizes, report.output.macs) == (
        *("second", "conv2d"),
        *(SIZE, 3 * 3 * 64),
    )
    assert report.params == 96
    assert not torch.is_autocast_enabled("cpu")


def test_a_choice_of_graphs_in_a_part_has_its_path():
    inner = nn.Sequential(nn.Conv2d(3, 3, 1), Two(chosen))
    assert network.from_torch(inner, SIZE[1:]).analyze().missing == ("1.cond",)


def test_a_choice_by_sizes_is_followed():
    report = network.from_torch(Two(lambda net, x: torch.cond(x.shape[2] > 4, net.first, net.second, (x,))), SIZE[1:])
    assert [row.name for row in report.analyze()] == ["x", "first"]


@pytest.mark.parametrize(("function", "status"), [(chosen, "partial"), (cast, "complete")])
def test_what_was_exported_before_is_read_as_the_module(function, status):
    program = torch.export.export(Two(function), (torch.zeros(SIZE),), strict=False)
    report = network.from_torch(program, SIZE[1:]).analyze()
    assert (report.status, report.params, report.output.sizes) == (status, 96, SIZE)
