"""What every format says of a node: backward, memory, and the fields in all inputs of the network."""

from __future__ import annotations

import csv
import io
import json

import pytest

from convmath.errors import DomainError
from convmath.network import Graph
from convmath.network.conventions import CONVENTIONS, flops
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    Conv,
    ConvTranspose,
    Linear,
    MatMul,
    Norm,
    Pool,
    Resize,
    Softmax,
    Unknown,
)
from convmath.network.views.cells import OTHERS, details, shown
from convmath.network.views.documents import document


def joined(first: str = "image", second: str = "mask") -> Graph:
    """Two inputs that meet, each seen through another kernel; an operation that is not understood at the end."""
    graph = Graph()
    one = graph.add("one", Conv(3, 4, (3, 3), padding=1), graph.input((3, 8, 8), first))
    two = graph.add("two", Conv(1, 4, (5, 3), padding=(2, 1), dilation=(1, 2)), graph.input((1, 8, 10), second))
    both = graph.add("both", Combine("add"), one, two)
    graph.add("up", ConvTranspose(4, 2, (2, 2), stride=2), both)
    graph.add("odd", Unknown("odd", "it is odd"), "up")
    return graph


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in csv.DictReader(io.StringIO(text))}


KEYS = {
    *("name", "op", "inputs", "batch_size", "output_size", "params", "macs", "backward_macs", "operations"),
    *("backward_operations", "activations", "activation_bytes", "receptive_fields", "receptive_field_unknown"),
    "unknown",
}
COLUMNS = {
    *(KEYS - {"receptive_fields", "receptive_field_unknown"}),
    *("field_inputs", "field_size", "field_stride", "field_padding", "field_center", "field_phases", "holes"),
    "field_unknown",
}


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_nodes_come_to_the_totals(convention):
    report = joined().analyze()
    found = json.loads(document(report, "json", convention))
    nodes, totals = found["nodes"], found["totals"]
    assert all(set(node) == KEYS for node in nodes)
    for key in ("params", "macs", "backward_macs", "operations", "backward_operations", "activations"):
        values = [node[key] for node in nodes]
        if totals[key] is None:
            assert values == [None] * len(nodes)
        else:
            assert totals[key]["value"] == sum(value for value in values if value is not None)
            assert totals[key]["missing"] == [n["name"] for n in nodes if n[key] is None] == ["odd"]
    assert (
        sum(node["activation_bytes"] or 0 for node in nodes) == found["activation_bytes"] == report.activation_bytes()
    )
    assert (found["dtype"], found["convention"]) == ("float32", convention)
    assert (found["convention_version"] or "", found["convention_why"]) == (
        CONVENTIONS[convention].version,
        CONVENTIONS[convention].why,
    )


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_row_says_what_the_convention_counts_for_it(convention):
    report = joined().analyze()
    assert sum(row.flops(convention) or 0 for row in report) == report.flops(convention)
    assert report["odd"].flops(convention) is None
    if CONVENTIONS[convention].backward is None:
        with pytest.raises(DomainError, match="says nothing of the gradients"):
            report["up"].flops(convention, backward=True)
    else:
        backward = [row.flops(convention, backward=True) for row in report]
        assert sum(filter(None, backward)) == report.flops(convention, backward=True)


def test_json_and_csv_say_the_same():
    report = joined().analyze()
    nodes = {node["name"]: node for node in json.loads(document(report, "json", "2mac"))["nodes"]}
    rows = rows_of(document(report, "csv", "2mac"))
    assert all(set(row) == COLUMNS for row in rows.values())
    for name, row in rows.items():
        for key in ("batch_size", "params", "macs", "backward_macs", "operations", "backward_operations"):
            assert row[key] == ("" if nodes[name][key] is None else str(nodes[name][key]))
        assert row["field_inputs"].split() == list(nodes[name]["receptive_fields"])
        for key in ("size", "stride", "padding", "center"):
            columns = ["x".join(str(axis[key]) for axis in axes) for axes in nodes[name]["receptive_fields"].values()]
            assert row[f"field_{key}"].split() == columns


def test_a_node_has_its_field_in_every_input():
    row = rows_of(document(joined().analyze(), "csv"))["both"]
    assert (row["field_inputs"], row["field_size"], row["field_padding"]) == ("image mask", "3x3 5x5", "1x1 2x1")
    assert (row["field_center"], row["holes"], row["field_phases"]) == ("1/2x1/2 1/2x3/2", "no yes", "1x1 1x1")


def test_spaces_in_names_do_not_part_them():
    row = rows_of(document(joined("an image", "a mask").analyze(), "csv"))["both"]
    assert row["field_inputs"] == r"an\x20image a\x20mask"
    assert len(row["field_inputs"].split()) == len(row["field_size"].split()) == 2


def test_a_table_marks_that_it_shows_the_field_in_the_first_of_several_inputs():
    found = shown(joined().analyze())
    cells = {row[0]: row for row in found.rows}
    assert (cells["one"][3:5], cells["both"][3:5], cells["odd"][3:5]) == (("3", "1"), ("3+", "1+"), ("?", "?"))
    assert OTHERS in dict(found.notes)["Marks"]
    only = Graph()
    only.add("one", Conv(3, 4, (3, 3)), only.input((3, 8, 8)))
    assert OTHERS not in str(shown(only.analyze()).notes)


def test_a_wide_table_says_everything_of_every_input():
    found = shown(joined().analyze(), "2mac", wide=True)
    assert found.head == (
        *("Node", "Operation", "Output", "Field", "Stride", "Padding", "Centre"),
        *("Parameters", "FLOPs", "Backward", "Activation"),
    )
    cells = {row[0]: dict(zip(found.head, row, strict=True)) for row in found.rows}
    assert cells["both"]["Field"] == "image: 3; mask: 5*"
    assert (cells["both"]["Padding"], cells["both"]["Centre"]) == ("image: 1; mask: 2x1", "image: 1/2; mask: 1/2x3/2")
    assert (cells["up"]["Backward"], cells["up"]["Activation"]) == ("8,192", "2.0 KiB")
    assert (cells["odd"]["Backward"], cells["odd"]["Activation"]) == ("?", "?")
    assert "Backward" not in shown(joined().analyze(), "thop", wide=True).head
    assert OTHERS not in str(found.notes)


def test_the_details_of_a_node_say_everything():
    found = dict(details(joined().analyze()["up"], "2mac"))
    assert (found["FLOPs"], found["FLOPs backward"]) == ("4,096", "8,192")
    assert found["Activation"] == "512 elements, 2.0 KiB in float32"
    assert found["Convention"] == CONVENTIONS["2mac"].why
    fields = [name for name in found if name.startswith("Field in ")]
    assert fields == [f"Field in {name}, axis {axis}" for name in ("image", "mask") for axis in (0, 1)]
    assert found[fields[0]].startswith("size 3, stride 1/2, padding 1, position 0 from -1 to 1, centre 1/2")


def test_what_a_convention_does_not_know_of_a_node_is_said_where_its_number_is():
    graph = Graph()
    graph.add(
        "conv", Conv(3, 4, (3, 3)), graph.add("lrn", Norm("local_response_norm", 0, (1,)), graph.input((3, 8, 8)))
    )
    notes = dict(shown(graph.analyze(), "ptflops").notes)
    assert "What it counts at these nodes is not known: lrn." in notes["Convention ptflops 0.7.5"]
    assert not any("not known: lrn" in sentence for sentence in dict(shown(graph.analyze(), "thop").notes).popitem()[1])


def test_a_network_that_names_no_modules_is_said_to_be_taken_for_those_of_torch():
    told = [str(shown(joined().analyze(), name).notes) for name in ("thop", "2mac")]
    assert ["taken for torch's module of its kind" in text for text in told] == [True, False]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_of_what_reads_an_unknown_result_no_convention_says_anything(convention):
    """Whatever the layer is: none of its sizes are known."""
    graph = Graph()
    odd = graph.add("odd", Unknown("odd", "it is odd"), graph.input((4, 8, 8)))
    layers = (Conv(4, 4, (3, 3)), Linear(8, 4), Norm("batch_norm", 4), Softmax(1), Pool("max", (2, 2)), Resize("cubic"))
    for number, operator in enumerate((*layers, AdaptivePool("avg", (2, 2)), Activation("relu"))):
        graph.add(f"layer{number}", operator, odd)
    graph.add("product", MatMul(), odd, odd)
    graph.add("attention", Attention(), odd, odd, odd)
    report = graph.analyze()
    assert {row.flops(convention) for row in report.rows[1:]} == {None}
    assert report.total(flops(convention)).missing == tuple(row.name for row in report.rows[1:])
