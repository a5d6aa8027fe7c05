"""Graphs and reports: rows, look-ups, totals, activation memory, and what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from functools import partial
from itertools import pairwise
from typing import get_overloads

import pytest

from convmath.errors import DomainError
from convmath.network import Graph, NetworkReport, Node
from convmath.network.memory import peak
from convmath.network.operators import (
    Activation,
    Combine,
    Conv,
    ConvTranspose,
    Flatten,
    Identity,
    Input,
    Linear,
    Pool,
    Unknown,
)
from convmath.network.views.details import field_lines, field_rows
from convmath.network.views.documents import document


def stem() -> Graph:
    """The first layers of a residual network."""
    graph = Graph()
    conv = graph.add("conv1", Conv(3, 64, (7, 7), stride=2, padding=3, bias=False), graph.input((3, 224, 224)))
    graph.add("pool", Pool("max", (3, 3), stride=2, padding=1), graph.add("relu", Activation("relu"), conv))
    return graph


def test_a_report_has_a_row_for_every_node_in_order():
    report = stem().analyze()
    assert [row.name for row in report] == ["input", "conv1", "relu", "pool"]
    assert [row.op for row in report] == ["input", "conv2d", "relu", "max_pool2d"]
    assert (len(report), report.output, report["pool"]) == (4, report.rows[-1], report.rows[-1])


def test_a_row_says_what_is_known_of_its_node():
    row = stem().analyze()["conv1"]
    assert (row.output_size, row.sizes, row.inputs) == ((64, 112, 112), (1, 64, 112, 112), ((1, 3, 224, 224),))
    assert (row.params, row.macs, row.elements) == (64 * 3 * 49, 118_013_952, 64 * 112**2)


def test_a_receptive_field_has_a_value_for_each_axis():
    fields = stem().analyze().output.receptive_field
    assert (fields.size, fields.stride, fields.padding, fields.holes) == ((11, 11), (4, 4), (5, 5), (False, False))
    assert (len(fields), fields.interval(0, 10), fields.center(0, 10)) == (
        2,
        ((-5, 6), (35, 46)),
        (Fraction(1, 2), Fraction(81, 2)),
    )


def test_a_name_and_a_row_are_found_in_a_report_and_a_name_and_a_node_in_a_graph():
    report = stem().analyze()
    for found in (report, report.graph):
        assert [one in found and one.name in found for one in found] == [True] * len(found)
        assert ("nothing" in found, None in found, 1 in found) == (False, False, False)


def test_an_unknown_name_is_refused_with_its_neighbour():
    with pytest.raises(DomainError, match="did you mean pool"):
        stem().analyze()["poool"]
    with pytest.raises(DomainError, match="did you mean conv1"):
        stem()["conv2"]


def test_names_are_said_where_none_is_near():
    for ask in (stem(), stem().analyze()):
        with pytest.raises(DomainError, match=r"no node has this name; see: input, conv1, relu, pool$"):
            ask["zzz"]
    with pytest.raises(DomainError, match=r"see: input, dense0, .*, \.\.\. 2 more$"):
        chain([2] * 10).analyze()["zzz"]


def test_totals_sum_the_rows():
    report = stem().analyze()
    assert report.params == sum(row.params for row in report) == 9408
    assert report.macs == sum(row.macs for row in report)
    assert report.total(lambda row: row.elements if row.op == "input" else 0).value == 3 * 224**2
    assert report.status == report.total("macs").status == "complete"


def test_parameters_that_are_shared_count_once():
    weight = Conv(4, 4, (3, 3), padding=1, bias=False)
    nodes = [
        Node("input", Input((1, 4, 8, 8), (2, 3))),
        Node("first", weight, ("input",)),
        Node("again", weight, ("first",), params=0),
    ]
    report = Graph(nodes).analyze()
    assert (report.params, report.macs) == (144, 2 * 144 * 64)
    assert [row.backward_macs for row in report] == [0, 144 * 64, 2 * 144 * 64]


def test_the_output_is_what_the_network_returns():
    graph = Graph()
    image = graph.input((3, 8, 8))
    graph.add("returned", Conv(3, 4, (3, 3)), image)
    graph.add("unused", Conv(3, 5, (1, 1)), image)
    report = Graph(graph, outputs=["returned"]).analyze()
    assert (report.output.name, [row.name for row in report.outputs]) == ("returned", ["returned"])
    assert report.output.name == report.closed_forms().output.name != report.rows[-1].name
    both = Graph(graph, outputs=["unused", "returned"]).analyze()
    assert (both.output.name, [row.name for row in both.outputs]) == ("unused", ["unused", "returned"])


def test_numbers_that_are_unknown_are_none_and_missing_in_totals():
    graph = Graph()
    known = graph.add("known", Conv(3, 3, (1, 1)), graph.input((3, 8, 8)))
    graph.add("after", Conv(3, 3, (3, 3)), graph.add("odd", Unknown("odd", "nobody knows it"), known))
    report = graph.analyze()
    for name in ("odd", "after"):
        row = report[name]
        assert (row.macs, row.backward_macs, row.elements, row.flops()) == (None,) * 4
    for what in ("macs", "backward_macs", "elements", lambda row: 2 * row.macs):
        assert (report.total(what).status, report.total(what).missing) == ("partial", ("odd", "after"))
    assert report.macs == report["known"].macs == 9 * 64
    assert report["known"].backward_macs is not None


def test_a_row_has_the_field_in_the_first_input_that_it_reads():
    graph = Graph()
    graph.add("small", Conv(3, 4, (3, 3)), graph.input((3, 8, 8), "one"))
    graph.add("large", Conv(3, 4, (5, 5)), graph.input((3, 8, 8), "two"))
    report = graph.analyze()
    assert [report[name].receptive_field.size for name in ("small", "large")] == [(3, 3), (5, 5)]
    assert list(report["large"].fields) == ["two"]


# Activations


def chain(sizes: list[int]) -> Graph:
    graph = Graph()
    name = graph.input((sizes[0],))
    for number, (before, after) in enumerate(pairwise(sizes)):
        name = graph.add(f"dense{number}", Linear(before, after), name)
    return graph


def test_activations_are_all_results_and_inputs():
    report = chain([10, 40, 30, 5]).analyze()
    assert report.activations == 85
    assert [report.activation_bytes(dtype) for dtype in ("float64", "float32", "float16", "bfloat16")] == [
        680,
        340,
        170,
        170,
    ]


def test_the_peak_is_what_is_alive_at_once():
    assert peak(chain([10, 40, 30, 5]).analyze()).value == 70
    assert chain([10, 40, 30, 5]).analyze().peak_bytes("float32") == 280
    assert chain([10, 40, 30, 5]).analyze().peak_bytes() < chain([10, 40, 30, 5]).analyze().activation_bytes()


def test_a_shortcut_stays_alive_until_it_is_read():
    graph = Graph()
    image = graph.add("wide", Linear(10, 50), graph.input((10,)))
    narrow = graph.add("narrow", Linear(50, 5), image)
    graph.add("sum", Combine("add"), graph.add("widened", Linear(5, 50), narrow), image)
    assert peak(graph.analyze()).value == 50 + 50 + 50  # the shortcut, the branch and their sum


def test_other_names_for_the_same_elements_take_no_memory():
    graph = chain([10, 40])
    graph.add("flat", Flatten(1), graph.add("dropout", Identity("dropout"), "dense0"))
    graph.add("last", Linear(40, 30), "flat")
    assert peak(graph.analyze()).value == 70


def test_results_that_the_network_returns_stay_alive():
    graph = Graph(chain([10, 40, 30, 5]), outputs=["dense0", "dense2"])
    assert peak(graph.analyze()).value == 75


def test_another_dtype_is_refused():
    with pytest.raises(DomainError, match="dtype='float24': no dtype has this name; did you mean float64 or"):
        chain([2, 3]).analyze().activation_bytes("float24")


# Graphs


def test_nodes_may_come_in_any_order():
    nodes = list(stem())
    assert [node.name for node in Graph(nodes[::-1])] == [node.name for node in nodes]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([Node("a", Identity(), ("b",)), Node("b", Identity(), ("a",))], "no cycle"),
        ([Node("a", Identity(), ("a",))], "no cycle"),
        ([Node("a", Input((1,))), Node("a", Input((1,)))], "two nodes have this name"),
        ([Node("a", Identity(), ("nowhere",))], "no node of this name"),
    ],
)
def test_what_is_no_network_is_refused(nodes, message):
    with pytest.raises(DomainError, match=message):
        Graph(nodes)


def test_a_name_is_taken_once():
    graph = stem()
    with pytest.raises(DomainError, match="a node of this name already"):
        graph.add("pool", Identity(), "relu")
    with pytest.raises(DomainError, match="no node of this name"):
        graph.add("next", Identity(), "relu6")


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        ("conv", r"operator='conv': needs an operator, not its name; did you mean Conv\(...\)\?"),
        ("max_pool2d", r"did you mean Pool\(...\)\?"),
        ("zzz", "see: those of convmath.network.operators, such as Conv"),
        (5, "operator=5: needs an operator: those of convmath.network.operators"),
        (Conv, "operator='Conv': is a class; call it"),
    ],
)
def test_what_is_no_operator_is_refused_where_it_is_added(operator, message):
    graph = stem()
    with pytest.raises(DomainError, match=message):
        graph.add("next", operator, "pool")
    with pytest.raises(DomainError, match=message):
        Graph([Node("first", operator)])
    assert graph.add("next", Conv(64, 8, (3, 3)), "pool") == "next"


@pytest.mark.parametrize(
    ("add", "message"),
    [
        (lambda graph: graph.add(5, Identity(), "pool"), "name=5: needs the name of a node, which is a text"),
        (lambda graph: graph.add("", Identity(), "pool"), "name='': needs a name that is not empty"),
        (lambda graph: graph.input((3, 8, 8), 5), "name=5: needs the name of a node"),
        (lambda graph: graph.add("next", Identity(), ["pool"]), r"inputs=\['pool'\]: needs the name of a node"),
        (lambda graph: graph.input(8, "other"), "input_size=8: needs the sizes of the input without the batch"),
    ],
)
def test_a_name_that_is_no_text_and_sizes_that_are_no_list_are_refused(add, message):
    graph = stem()
    with pytest.raises(DomainError, match=message):
        add(graph)
    assert len(graph) == len(stem())


def test_a_node_is_asked_for_by_its_name():
    with pytest.raises(DomainError, match=r"name=\['pool'\]: no node has this name"):
        stem()[["pool"]]


def test_outputs_are_what_no_other_node_reads_unless_they_are_named():
    assert stem().outputs == ("pool",)
    assert Graph(stem(), outputs=["relu"]).outputs == ("relu",)
    assert stem().inputs == ("input",)
    with pytest.raises(DomainError):
        Graph(stem(), outputs=["relu6"])


def test_a_graph_with_other_operators_keeps_the_rest():
    graph = stem().replaced({"conv1": Conv(3, 64, (3, 3), padding=1)})
    assert graph.analyze().output.output_size == (64, 112, 112)
    assert stem().analyze().output.output_size == (64, 56, 56)


def test_the_room_loads_no_framework():
    heavy = ("torch", "onnx", "numpy", "sympy", "yaml")
    code = f"import sys, convmath.network; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"


def test_what_an_empty_network_gives_is_refused():
    with pytest.raises(DomainError, match="an empty network has no output"):
        _ = Graph().analyze().output


def test_a_row_is_asked_for_by_its_name():
    with pytest.raises(DomainError, match="name=0: needs the name of a node"):
        stem().analyze()[0]


@pytest.mark.parametrize("position", [(), (1,), (1, 2, 3)])
def test_a_position_has_an_index_for_each_axis(position):
    fields = stem().analyze().output.receptive_field
    for ask in (fields.center, fields.interval):
        with pytest.raises(DomainError, match="needs an index for each of the 2 axes"):
            ask(*position)


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ((1.5, 1), r"position=\(1.5, 1\): needs an integer for each axis"),
        ((0, True), "needs an integer for each axis"),
        (((10,), 0), "needs an integer for each axis"),
        ((0, "1"), "needs an integer for each axis"),
        ((0, -1), r"needs index >= 0|needs 0 <= index < 56"),
    ],
)
def test_an_index_is_an_integer_of_at_least_0(position, message):
    report = stem().analyze()
    fields = report.output.receptive_field
    for ask in (fields.center, fields.interval, partial(report.reads, "pool")):
        with pytest.raises(DomainError, match=message):
            ask(*position)
    assert fields.interval(0, 100) == ((-5, 6), (395, 406))
    with pytest.raises(DomainError, match="needs 0 <= index < 56"):
        report.reads("pool", 0, 56)


def spread() -> Graph:
    """A transposed convolution whose stride leaves out every second position, moved by ``padding``."""
    graph = Graph()
    graph.add("up", ConvTranspose(1, 1, (1, 1), stride=2, padding=((0, 0), (1, 0))), graph.input((1, 4, 4)))
    return graph


def test_a_position_that_reads_nothing_has_no_centre():
    report = spread().analyze()
    fields = report.output.receptive_field
    assert [fields.center(0, y) for y in range(4)] == [
        (Fraction(1, 2), None),
        (Fraction(1, 2), Fraction(3, 2)),
        (Fraction(1, 2), None),
        (Fraction(1, 2), Fraction(5, 2)),
    ]
    assert (fields.interval(1, 0), fields.holes) == (((0, 0), (0, 0)), (False, False))
    assert report.reads("up", 1, 0) == {}
    assert list(field_lines(fields))[1] == (
        "size 1, stride 1/2, padding 0, position 0 reads nothing, without holes, in 2 phases"
    )
    axes = json.loads(document(report, "json", name="up"))["nodes"][0]["receptive_fields"]["input"]
    assert [axis["center"] for axis in axes] == ["1/2", None]
    assert ",1/2x-," in document(report, "csv", name="up")
    assert [row[4] for row in field_rows(fields)] == [Fraction(1, 2), "-"]


def test_type_checkers_know_the_same_of_the_closed_forms_of_a_graph_and_of_its_report():
    """Those of a graph are either kind for one symbol, and of several letters always one form for each."""
    said = [[one.__annotations__ for one in get_overloads(of.closed_forms)] for of in (Graph, NetworkReport)]
    assert said[0] == said[1]
    assert [one["return"] for one in said[0]] == ["ClosedForms | Any", "FormsBySymbol"]
