"""What every format says of a node: backward, memory, and the fields in all inputs of the network."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from torch import nn

from convmath.errors import DomainError
from convmath.network import Graph, NetworkReport, Node, ReceptiveFields, Row, from_torch
from convmath.network.conventions import CONVENTIONS, flops
from convmath.network.fields.field import Field
from convmath.network.fields.spans import Spans
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    Conv,
    ConvTranspose,
    Flatten,
    Input,
    Linear,
    MatMul,
    Norm,
    Permute,
    Pool,
    Resize,
    Softmax,
    Unknown,
)
from convmath.network.placement import Placement
from convmath.network.views.cells import ALONG, HOLES, MISALIGNED, OTHERS, PADDED, STRIDES, shown, stored
from convmath.network.views.details import FIELD_HEAD, details, field_rows
from convmath.network.views.documents import document
from convmath.network.views.forms import Forms
from convmath.network.views.forms import shown as forms_shown
from convmath.network.views.records import record


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


def varied() -> NetworkReport:
    """A report of rows that differ in everything that a row can tell, and that has everything that a report can."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 4, 2, stride=2)
            self.up, self.idle = nn.ConvTranspose2d(4, 4, 2, stride=2), nn.Linear(2, 2, bias=False)
            self.shifted = nn.ZeroPad2d((1, -1, 1, -1))

        def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            seen = self.one(image) + self.shifted(self.up(self.two(image))) * mask
            return torch.fft.fft2(seen).real.flatten(1).transpose(0, 1)

    report = from_torch(Model(), [(3, 8, 8), (1, 8, 8)], batch_size=2).analyze()
    first = replace(report.rows[0], remarks=("it is the first",))
    return replace(report, rows=(first, *report.rows[1:]))


def told(row: Row) -> str:
    """What JSON holds of a row, as a text; the names of what it reads are the network's."""
    return json.dumps(record(row, "mac", []), default=str)


def kept_back(told: Callable[[Row], str]) -> list[str]:
    """The fields of a row that can be exchanged for those of another row without a change in what is told."""
    report, found = varied(), []
    for name in (one.name for one in fields(Row)):
        values = [getattr(row, name) for row in report]
        pairs = [(row, value) for row in report for value in values if value != getattr(row, name)]
        assert pairs, f"all rows have the same {name}"
        exchanged = ((row, replace(row, **{name: value})) for row, value in pairs)
        if all(told(row) == told(other) for row, other in exchanged):
            found.append(name)
    return found


def test_json_holds_every_field_of_a_row():
    assert kept_back(told) == []


@pytest.mark.parametrize(
    ("key", "field"),
    [("origin", "origin"), ("given_sizes", "given"), ("remarks", "remarks")],
)
def test_a_field_that_json_leaves_out_is_found(key, field):
    def without(row: Row) -> str:
        return json.dumps({name: value for name, value in record(row, "mac", []).items() if name != key}, default=str)

    assert kept_back(without) == [field]


def properties(kind: type) -> list[str]:
    return [name for name, value in vars(kind).items() if isinstance(value, property)]


def values_of(found: Any) -> list[Any]:
    """Everything in dictionaries and lists, at any depth, and these themselves."""
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    return [found, *(value for one in inner for value in values_of(one))]


def plain_of(value: object) -> object:
    """A property as JSON has it, rows by their names."""
    return list(map(plain_of, value)) if isinstance(value, tuple) else value.name if isinstance(value, Row) else value


def test_json_holds_every_property_of_a_report_and_of_its_rows():
    report = varied()
    found = json.loads(document(report, "json"))
    for name in properties(NetworkReport):
        value = getattr(report, name)
        assert plain_of(value) in values_of(found), name
    for row, node in zip(report, found["nodes"], strict=True):
        for name in properties(Row):
            value = getattr(row, name)
            if isinstance(value, ReceptiveFields):
                assert list(value.size) == [axis["size"] for axis in next(iter(node["receptive_fields"].values()))]
            elif value is not None and not row.reason:
                assert (list(value) if isinstance(value, tuple) else value) in values_of(node), (row.name, name)
    assert found["unused"] == dict(report.graph.unused) == {"idle": 4}
    assert found["missing"] == list(report.missing)
    assert [one["node"] for one in found["misaligned"]] == [one.node for one in report.misaligned]
    assert report.missing
    assert report.misaligned


def test_a_report_is_written_by_itself_as_the_documents_are():
    report = varied()
    assert report.to() == document(report, "json")
    for style in ("csv", "markdown", "latex", "html"):
        name = report.rows[1].name
        told = report.to(style, convention="2mac", node=name, dtype="float16")
        assert told == document(report, style, "2mac", name, "float16") != report.to(style)
    with pytest.raises(DomainError, match="style='xml': needs one of json, csv"):
        report.to("xml")


def test_json_says_which_elements_have_a_type_of_their_own():
    module = nn.Sequential(nn.Embedding(10, 4), nn.ReLU())
    found = json.loads(from_torch(module, (7,), dtype=torch.int64).analyze().to())
    assert [node["own_dtype"] for node in found["nodes"]] == ["int64", None, None]
    assert [node["activation_bytes"] for node in found["nodes"]] == [8 * 7, 4 * 28, 4 * 28]


def test_json_says_along_which_dimension_a_field_runs_and_exactly_what_is_read():
    graph = Graph()
    up = graph.add("up", ConvTranspose(3, 2, (2,), stride=2), graph.input((3, 8)))
    graph.add("turned", Permute((0, 2, 1)), up)
    nodes = {node["name"]: node for node in json.loads(document(graph.analyze(), "json"))["nodes"]}
    (field,) = nodes["turned"]["receptive_fields"]["input"]
    assert (field["dimension"], field["stride"], field["phases"]) == (1, "1/2", 2)
    assert (field["reads"], field["exact"]) == ([[[0, 1]], [[0, 1]]], True)
    assert nodes["up"]["receptive_fields"]["input"][0]["dimension"] == 2
    assert rows_of(document(graph.analyze(), "csv"))["turned"]["field_dimension"] == "1"
    told = shown(graph.analyze(), wide=True)
    assert dict(zip(told.head, told.rows[-1], strict=True))["Field along"] == "1"
    assert ALONG in dict(told.notes)["Marks"]
    assert "along dimension 1 of the output" in dict(details(graph.analyze()["turned"]))["Field in input, axis 0"]
    assert "Field along" not in shown(joined().analyze(), wide=True).head


def test_bytes_are_those_of_the_dtype():
    report = joined().analyze()
    found = json.loads(document(report, "json", dtype="float16"))
    assert (found["dtype"], found["activation_bytes"]) == ("float16", report.activation_bytes("float16"))
    assert 2 * found["activation_bytes"] == report.activation_bytes() > 0
    assert [node["activation_bytes"] for node in found["nodes"]] == [row.activation_bytes("half") for row in report]
    assert ("Activations in float16", stored(found["activation_bytes"])) in [
        total[:2] for total in shown(report, dtype="float16").totals
    ]
    with pytest.raises(DomainError, match="no dtype has this name"):
        document(report, "json", dtype="float17")


def test_documents_list_every_node_and_a_table_the_first_of_many():
    graph = Graph()
    last = graph.input((3, 8, 8))
    for number in range(30):
        last = graph.add(f"odd{number}", Unknown("odd", f"reason {number}", (1, 3, 8, 8), 0), last)
    report = graph.analyze()
    assert len(dict(shown(report, wide=True).notes)["Not understood"]) == 30
    assert dict(shown(report).notes)["Not understood"][-1] == "and 18 more"
    assert len(json.loads(document(report, "json"))["notes"]["Not understood"]) == 30


def test_reasons_come_in_the_order_of_their_nodes():
    graph = Graph()
    first = graph.add("one", Unknown("b", "zeta", (1, 3, 8, 8), 0), graph.input((3, 8, 8)))
    graph.add("two", Unknown("a", "alpha", (1, 3, 8, 8), 0), first)
    assert dict(shown(graph.analyze()).notes)["Not understood"] == ("one (b): zeta", "two (a): alpha")


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_nodes_come_to_the_totals(convention):
    report = joined().analyze()
    found = json.loads(document(report, "json", convention))
    nodes, totals = found["nodes"], found["totals"]
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
        *("Node", "Operation", "Output", "Field size", "Field stride", "Field padding", "Field centre"),
        *("Parameters", "FLOPs", "Backward", "Activation"),
    )
    cells = {row[0]: dict(zip(found.head, row, strict=True)) for row in found.rows}
    both = cells["both"]
    assert both["Field size"] == "image: 3; mask: 5*"
    assert (both["Field padding"], both["Field centre"]) == ("image: 1; mask: 2x1", "image: 1/2; mask: 1/2x3/2")
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
    graph.add("conv", Conv(3, 4, (3, 3)), graph.add("norm", Norm("layer_norm", 1, (2, 3)), graph.input((3, 8, 8))))
    notes = dict(shown(graph.analyze(), "exact").notes)
    assert "What it counts at these nodes is not known: norm." in notes["Convention exact"]
    assert "not known: norm" not in str(shown(graph.analyze(), "thop").notes)


def test_a_network_that_names_no_modules_is_said_to_be_taken_for_those_of_torch():
    told = [str(shown(joined().analyze(), name).notes) for name in ("thop", "2mac")]
    assert ["taken for torch's module of its kind" in text for text in told] == [True, False]


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_of_what_reads_an_unknown_result_no_convention_says_anything(convention):
    """Whatever the layer is: none of its sizes are known."""
    graph = Graph()
    odd = graph.add("odd", Unknown("odd", "it is odd"), graph.input((4, 8, 8)))
    layers = (
        Conv(4, 4, (3, 3)),
        Linear(8, 4),
        Norm("batch_norm", 4),
        Softmax(1),
        Pool("max", (2, 2)),
        Resize("cubic", (2,)),
    )
    for number, operator in enumerate((*layers, AdaptivePool("avg", (2, 2)), Activation("relu"))):
        graph.add(f"layer{number}", operator, odd)
    graph.add("product", MatMul(), odd, odd)
    graph.add("attention", Attention(), odd, odd, odd)
    report = graph.analyze()
    assert {row.flops(convention) for row in report.rows[1:]} == {None}
    assert report.total(flops(convention)).missing == tuple(row.name for row in report.rows[1:])


@pytest.mark.parametrize("turn", [1, -1])
def test_a_field_that_may_have_holes_on_one_axis_is_marked(turn):
    axes = (Field.window(3), Field.constant(Spans.first(3).bounded()))[::turn]
    report = joined().analyze()
    row = replace(report["one"], fields={"image": ReceptiveFields(axes, (2, None)[::turn], 4)})
    assert [row.fields["image"].holes[number] for number in (0, 1)] == [False, None][::turn]
    found = shown(replace(report, rows=(report["image"], report["mask"], row)))
    assert found.rows[-1][3] == "3~"
    assert HOLES in dict(found.notes)["Marks"]


def test_a_tensor_that_is_not_given_is_named_a_parameter_or_a_constant():
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1, 3, 8, 8))
            self.frozen = nn.Parameter(torch.zeros(1, 3, 1, 1), requires_grad=False)
            self.register_buffer("mean", torch.zeros(1, 3, 1, 1))

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return (image - self.mean) * self.frozen + self.weight + torch.arange(8)

    graph = from_torch(Model(), (3, 8, 8))
    wanted = {"image": "input", "mean": "constant", "frozen": "parameter", "weight": "parameter", "arange": "constant"}
    assert {row.name: row.op for row in graph.analyze() if row.name in wanted} == wanted
    assert {node.name: node.op for node in graph if node.name in wanted} == wanted
    assert {cells[0]: cells[1] for cells in shown(graph.analyze()).rows if cells[0] in wanted} == wanted
    lettered = Forms.of(from_torch(Model(), (3, "n", 8), at=8))
    assert {cells[0]: cells[1] for cells in forms_shown(lettered).rows if cells[0] in wanted} == wanted
    assert graph.analyze().status == "complete"


def test_a_network_of_which_only_parameters_are_understood_is_unknown():
    weight = Node("weight", Input((1, 3, 8, 8)), (), 192, placement=Placement(stored=True))
    odd = Node("odd", Unknown("odd", "it is odd"), ("image", "weight"))
    graph = Graph([Node("image", Input((1, 3, 8, 8), (2, 3))), weight, odd])
    assert graph.analyze().status == "unknown"


def test_a_field_that_counts_padding_is_marked():
    graph = Graph()
    conv = graph.add("conv", Conv(1, 2, (3, 3), padding=1), graph.input((1, 20, 20)))
    pooled = graph.add("pool", AdaptivePool("avg", (1, 1)), conv)
    graph.add("flat", Flatten(1), pooled)
    report = graph.analyze()
    assert [report[name].receptive_field.size for name in ("pool", "flat")] == [(22, 22), (20, 20)]
    assert PADDED in dict(shown(report).notes)["Marks"]
    smaller = Graph()
    smaller.add("conv", Conv(1, 2, (3, 3), padding=1), smaller.input((1, 20, 20)))
    assert PADDED not in str(shown(smaller.analyze()).notes)


@pytest.mark.parametrize("padding", ["same", "causal"])
def test_that_causal_skip_connections_are_misaligned_is_explained(padding):
    graph = Graph()
    conv = graph.add("conv", Conv(1, 1, (3,), padding=padding), graph.input((1, 20)))
    graph.add("sum", Combine("add"), conv, "input")
    found = dict(shown(graph.analyze()).notes)
    assert (MISALIGNED in found.get("Marks", ()), "Misaligned" in found) == (padding == "causal",) * 2


def test_strides_of_fields_that_are_no_single_integer_are_explained():
    turned, doubled = Graph(), Graph()
    patches = turned.add("patches", Conv(1, 8, (4, 4), stride=4), turned.input((1, 16, 16)))
    turned.add("flat", Flatten(2), patches)
    doubled.add("up", ConvTranspose(1, 1, (2,), stride=2), doubled.input((1, 8)))
    plain = Graph()
    plain.add("conv", Conv(1, 2, (3, 3), stride=2), plain.input((1, 20, 20)))
    found = {name: shown(graph.analyze()) for name, graph in (("1x0", turned), ("1/2", doubled), ("2", plain))}
    assert [told.rows[-1][4] for told in found.values()] == list(found)
    assert [STRIDES in dict(told.notes).get("Marks", ()) for told in found.values()] == [True, True, False]


def test_a_notebook_shows_the_phases_of_fields_and_the_dimensions_along_which_they_run():
    graph = Graph()
    patches = graph.add("patches", Conv(1, 8, (4, 4), stride=4), graph.input((1, 16, 16)))
    graph.add("tokens", Permute((0, 2, 1)), graph.add("flat", Flatten(2), patches))
    rows = [list(map(str, row)) for row in field_rows(graph.analyze().output.receptive_field)]
    assert [row[-2:] for row in rows] == [["4", "1"], ["4", "1"]]
    html = graph.analyze().output.receptive_field._repr_html_()
    assert "<th>phases</th><th>along dimension of the output</th>" in html
    assert [len(row) for row in rows] == [len(FIELD_HEAD)] * 2
