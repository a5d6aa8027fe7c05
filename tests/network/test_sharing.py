"""What equal layers share, and how much the fields of a network may take."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.network import Graph, NetworkReport, Row
from convmath.network.analysis import Budget
from convmath.network.operators import Combine, Conv, ConvTranspose, Input, Operator, Pool, Reshape, Resize, Unknown

from .networks import networks

LAYER = Conv(4, 4, (3, 3), stride=2, padding=1, dilation=1, groups=2, bias=True)
OTHERS = {
    "out_channels": 6,
    "kernel_size": (2, 3),
    "stride": 1,
    "padding": ((0, 1), 1),
    "dilation": 2,
    "groups": 1,
    "bias": False,
}
"""Another value for every parameter but the channels of the input."""


def known(row: Row) -> tuple[Any, ...]:
    """What a row says of its layer alone."""
    return row.inputs, row.sizes, row.params, row.work, row.reason


def alone(row: Row) -> Row:
    """The row of the same operator in a network of its own."""
    graph = Graph()
    inputs = [graph.add(f"input{number}", Input(sizes)) for number, sizes in enumerate(row.inputs)]
    graph.add("alone", row.operator, *inputs)
    return graph.analyze().output


def beside(*operators: Operator) -> NetworkReport:
    """Layers that read the same input, each twice."""
    graph = Graph()
    image = graph.input((4, 9, 9))
    for number, operator in enumerate((*operators, *operators)):
        graph.add(f"layer{number}", operator, image)
    return graph.analyze()


def variants() -> list[Conv]:
    return [LAYER, *(replace(LAYER, **{name: value}) for name, value in OTHERS.items())]


def mistaken(report: NetworkReport) -> list[str]:
    """The rows that are not what they are in a network of their own, or whose field is not that of their operator."""
    wrong = []
    for row in report.rows[1:]:
        single = beside(row.operator).output
        if known(row) != known(alone(row)) or row.fields != single.fields:
            wrong.append(row.name)
    return wrong


@given(st.integers(1, 2).flatmap(lambda axes: networks(axes=axes, head=True)))
def test_in_any_network_a_layer_has_the_sizes_and_costs_that_it_has_alone(network):
    for row in network.graph.analyze():
        if row.inputs:
            assert known(row) == known(alone(row)), row.name


def test_every_parameter_is_varied():
    assert {field.name for field in fields(Conv)} - {"in_channels"} == set(OTHERS)


def test_layers_that_differ_in_one_parameter_share_nothing():
    report = beside(*variants())
    assert mistaken(report) == []
    half = len(variants())
    for first, second in zip(report.rows[1 : half + 1], report.rows[half + 1 :], strict=True):
        assert (known(first), first.fields) == (known(second), second.fields)


@pytest.mark.parametrize("name", OTHERS)
def test_layers_compared_without_a_parameter_are_caught(name, monkeypatch):
    names = [field.name for field in fields(Conv) if field.name != name]

    def key(layer: Conv) -> tuple[Any, ...]:
        return tuple(getattr(layer, kept) for kept in names)

    monkeypatch.setattr(Conv, "__hash__", lambda layer: hash(key(layer)))
    monkeypatch.setattr(Conv, "__eq__", lambda layer, other: key(layer) == key(other))
    changed = replace(LAYER, **{name: OTHERS[name]})
    report = beside(LAYER, changed)
    assert (known(report["layer0"]), report["layer0"].fields) == (known(report["layer1"]), report["layer1"].fields)
    assert mistaken(report) == ["layer1", "layer3"]


def test_a_network_is_not_told_what_was_found_of_another():
    """The same names and inputs, other parameters, one after the other in any order."""
    first, second = beside(LAYER), beside(replace(LAYER, dilation=2))
    again = beside(LAYER)
    assert [(known(row), row.fields) for row in again] == [(known(row), row.fields) for row in first]
    assert first["layer0"].fields != second["layer0"].fields


def test_a_layer_that_reads_in_place_has_the_field_of_its_input():
    graph = Graph()
    name = graph.add("conv", Conv(1, 1, (3,), stride=2), graph.input((1, 32)))
    graph.add("same", Combine("mul"), name)
    graph.add("windows of one", Pool("max", (1,)), "same")
    graph.add("moved", Pool("max", (2,), stride=1, padding=((0, 1),)), "windows of one")
    report = graph.analyze()
    assert report["same"].fields is report["windows of one"].fields is report["conv"].fields
    assert report["moved"].receptive_field.size == (5,)


# The budget

BUDGET = Budget.__init__.__globals__
"""The names of the module that the analysis uses, where its limits are."""


def deep(layers: int) -> Graph:
    """Five hundred phases at every layer."""
    graph = Graph()
    name = graph.add("up", ConvTranspose(1, 1, (750,), stride=500), graph.input((1, 8)))
    for number in range(layers):
        name = graph.add(f"conv{number}", Conv(1, 1, (3,), padding=1), name)
    return graph


def peak(graph: Graph) -> int:
    """Bytes that the analysis takes at most."""
    tracemalloc.start()
    try:
        graph.analyze()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


BYTES = 200
"""More than a phase or an interval takes with its share of what holds it: a slotted object, two tuples, two ints."""


def test_the_memory_of_the_fields_is_bounded(monkeypatch):
    graph = deep(30)
    monkeypatch.setitem(BUDGET, "SPARE", 2000)
    most = BYTES * (BUDGET["SPARE"] + BUDGET["EACH"] * len(graph))
    assert peak(graph) < most
    monkeypatch.setitem(BUDGET, "SPARE", 10**9)
    assert peak(graph) > 2 * most


def test_the_memory_of_the_fields_of_split_dimensions_is_bounded(monkeypatch):
    """Five hundred phases at every layer, along one of two dimensions that index an axis together."""
    graph = Graph()
    name = graph.add("windows", Reshape((1, 1, 8, 4)), graph.input((1, 32)))
    name = graph.add("up", ConvTranspose(1, 1, (750, 1), stride=(500, 1)), name)
    for number in range(30):
        name = graph.add(f"conv{number}", Conv(1, 1, (3, 1), padding=(1, 0)), name)
    monkeypatch.setitem(BUDGET, "SPARE", 2000)
    most = BYTES * (BUDGET["SPARE"] + BUDGET["EACH"] * len(graph))
    assert peak(graph) < most
    monkeypatch.setitem(BUDGET, "SPARE", 10**9)
    assert peak(graph) > 2 * most


def test_where_the_budget_ends_fields_are_unknown_and_all_else_is_known(monkeypatch):
    whole = deep(20).analyze()
    monkeypatch.setitem(BUDGET, "SPARE", 10_000)
    report = deep(20).analyze()
    unknown = [row.name for row in report if row.field_unknown]
    assert unknown == [f"conv{number}" for number in range(20 - len(unknown), 20)]
    assert 5 < len(unknown) < 15
    sentence = f"{unknown[0]}: the fields of the network have more than 10704 phases and intervals, the budget"
    assert all(sentence in report[name].field_unknown for name in unknown)
    assert report.status == "complete"
    assert [known(row) for row in report] == [known(row) for row in whole]
    assert [row.fields for row in report][:5] == [row.fields for row in whole][:5]


def test_the_relations_of_layers_are_part_of_the_budget(monkeypatch):
    """Layers beside each other, each with five hundred phases of its own."""
    graph = Graph()
    image = graph.input((1, 500))
    for number in range(50):
        graph.add(f"resize{number}", Resize("linear", None, (451 + number,)), image)
    monkeypatch.setitem(BUDGET, "SPARE", 2000)
    most = BYTES * (BUDGET["SPARE"] + BUDGET["EACH"] * len(graph))
    assert peak(graph) < most
    assert "budget" in graph.analyze().output.field_unknown
    monkeypatch.setitem(BUDGET, "SPARE", 10**9)
    assert peak(graph) > 2 * most


def test_what_is_shared_is_counted_once(monkeypatch):
    """Many nodes may have one field of five hundred phases."""
    graph = deep(1)
    for number in range(100):
        graph.add(f"head{number}", Combine("mul"), "conv0")
        graph.add(f"sum{number}", Combine("add"), "conv0", f"head{number}")
    monkeypatch.setitem(BUDGET, "SPARE", 5000)
    assert not graph.analyze().output.field_unknown


def test_ordinary_networks_of_any_length_stay_within_what_every_node_may_take(monkeypatch):
    """Two inputs of three axes and a branch at every layer: nothing of this needs anything to spare."""
    graph = Graph()
    name = graph.add("in", Combine("add"), graph.input((2, 9, 9, 9), "left"), graph.input((2, 9, 9, 9), "right"))
    for number in range(100):
        branch = graph.add(f"conv{number}", Conv(2, 2, (3, 3, 3), padding=1), name)
        name = graph.add(f"add{number}", Combine("add"), branch, name)
    monkeypatch.setitem(BUDGET, "SPARE", 0)
    assert [row.name for row in graph.analyze() if row.field_unknown] == []
    monkeypatch.setitem(BUDGET, "EACH", 2)
    assert graph.analyze().output.field_unknown


def test_thousands_of_inputs_take_bounded_memory_and_time(monkeypatch):
    """Every sum reads all inputs before it."""
    graph = Graph()
    name = graph.input((1, 8), "first")
    for number in range(300):
        name = graph.add(f"sum{number}", Combine("add"), name, graph.input((1, 8), f"input{number}"))
    monkeypatch.setitem(BUDGET, "SPARE", 1000)
    assert "budget" in graph.analyze().output.field_unknown
    monkeypatch.setitem(BUDGET, "SPARE", 10**6)
    assert len(graph.analyze().output.fields) == 301


def test_what_is_not_understood_is_not_read_in_place():
    graph = Graph()
    graph.add("odd", Unknown("my_op", "it is not one of the operators", ()), graph.add("number", Input(())))
    assert "not understood" in graph.analyze().output.field_unknown
