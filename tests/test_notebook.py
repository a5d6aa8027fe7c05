"""What a prompt and a notebook show of a value: one short line, a readable text, and well-formed HTML or LaTeX."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
import sympy
from rich.table import Table

import convmath
from convmath import catalog, notebook, worked
from convmath.counterexamples import all_counterexamples
from convmath.figures import Windows, frame, image_grid, seen
from convmath.figures.svg import by
from convmath.network import Graph, solve
from convmath.network.fields.spans import Spans
from convmath.network.operators import Combine, Conv, ConvTranspose, Unknown
from convmath.oracle import ConvCase, check
from convmath.oracle.reference import conv_forward

LONGEST = 160
"""Characters of a line that is read at a glance: two lines of a narrow terminal."""

VOID = {"br", "hr", "img", "meta", "link"}


class Cells(HTMLParser):
    """The text of every cell, row by row; an element that is not closed in its place is an error."""

    def __init__(self):
        super().__init__()
        self.open, self.rows, self.cell = [], [], None

    def handle_starttag(self, tag, attrs):
        self.open += [] if tag in VOID else [tag]
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = ""

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            raise ValueError(f"</{tag}> closes nothing")
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


def cells(html):
    parser = Cells()
    parser.feed(html)
    parser.close()
    if parser.open:
        raise ValueError(f"<{parser.open[-1]}> is not closed")
    return parser.rows


def balanced(latex):
    """Whether dollars enclose a formula whose braces match, and in which every \\left has its \\right."""
    inside = latex.removeprefix("$").removesuffix("$")
    braces = inside.replace(r"\{", "").replace(r"\}", "")
    pairs = [(braces.count("{"), braces.count("}")), (inside.count(r"\left"), inside.count(r"\right"))]
    return len(inside) == len(latex) - 2 and "$" not in inside and all(one == other for one, other in pairs)


def small():
    """A network that halves its input and doubles it again, and adds what came before."""
    net = Graph()
    stem = net.add("stem", Conv(3, 8, (3, 3), padding=1, bias=False), net.input((3, 32, 32)))
    down = net.add("down", Conv(8, 16, (3, 3), stride=2, padding=1), stem)
    up = net.add("up", ConvTranspose(16, 8, (3, 3), stride=2, padding=1, output_padding=1), down)
    net.add("both", Combine("add"), up, stem)
    return net


def deep(layers):
    """Many dilated layers: fields with holes, long chains of sizes."""
    net = Graph()
    last = net.input((1, 4096))
    for number in range(layers):
        last = net.add(f"layer{number}", Conv(1, 1, (3,), dilation=2, stride=1 + number % 2), last)
    return net


@pytest.fixture(scope="module")
def values():
    """What users hold in their hands, by a name of each."""
    net, long = small(), deep(8)
    report, forms = net.analyze(), net.closed_forms()
    layers = worked.Conv([[[1, 2, 3]]], [[[[1, -1]]]])
    failing = check(lambda x, w, b=None, **options: conv_forward(x, w, b, **options).astype("int8"), examples=10)
    return {
        "graph": net,
        "node": net["up"],
        "questions": solve,
        "round trip": solve(net, round_trip=True),
        "long graph": long,
        "report": report,
        "long report": long.analyze(),
        "row": report["down"],
        "fields": report["up"].receptive_field,
        "field": report["up"].receptive_field[0],
        "sparse field": long.analyze().output.receptive_field[0],
        "spans": Spans.of((3 * i, 3 * i + 1) for i in range(500)),
        "total": report.total("macs"),
        "forms": forms,
        "form": forms.output,
        "long form": long.closed_forms().output,
        "length": long.closed_forms().output.dimensions[-1],
        "valid": forms.valid,
        "condition": forms.conditions[0],
        "sizes": long.closed_forms().lossless,
        "change": solve.receptive_field(net, 9, node="both")[0],
        "window": solve.layers(8, 4)[0],
        "paddings": solve.output_padding(net),
        "entry": catalog.entries()[0],
        "counterexample": all_counterexamples()[0],
        "closed form's theorem": forms["down"].theorem,
        "transform": convmath.winograd_transform(6, 3),
        "receptive field": convmath.ReceptiveField(3, 2, 1),
        "case": ConvCase.parse("conv i5 k3 #1"),
        "check": failing,
        "failure": failing.minimal,
        "calculation": layers,
        "example": worked.example("ml-24.4"),
        "picture": frame(Windows(Conv(1, 1, (3, 3)), (8, 8)), 2),
        "seen": seen(long.analyze()),
        "stage": seen(long.analyze()).stages[0],
        "images": image_grid(np.zeros((9, 20, 20))),
        "image": image_grid(np.zeros((20, 20))).images[0],
    }


def sides(picture):
    root = ElementTree.fromstring(picture.svg)  # noqa: S314 - our own output
    return f"{by((root.get('width'), root.get('height')))} pixels"


def line(value):
    """The repr, if it is a short line that begins with a class; else what is wrong with it."""
    text = repr(value)
    if "\n" in text or len(text) > LONGEST:
        return f"{len(text)} characters, {text.count(chr(10))} ends of lines"
    known = type(value).__name__ in text[: len(type(value).__name__) + 1] and " object at 0x" not in text
    return "" if known else f"says nothing: {text}"


def test_every_value_shows_itself_in_a_short_line(values):
    wrong = {name: line(value) for name, value in values.items() if line(value)}
    assert wrong == {}


def test_a_dump_and_a_value_that_says_nothing_are_caught(values):
    @dataclass
    class Dumped:
        rows: object

    class Silent:
        pass

    assert "characters" in line(Dumped(list(values["report"])))
    assert "says nothing" in line(Silent())


def test_a_line_says_what_there_is_to_know(values):
    assert repr(values["graph"]) == "Graph(5 nodes, input (1, 3, 32, 32))"
    assert repr(values["node"]).endswith("output_padding=1), reads down)")
    assert repr(values["questions"]).startswith("Solver(input_sizes, ")
    assert repr(values["report"]) == "NetworkReport(5 nodes, complete, 2,544 params, 811,008 MACs)"
    assert repr(values["row"]) == "Row(down, conv2d, output 16x16x16, field 5, 1,168 params, 294,912 MACs)"
    assert repr(values["fields"]) == "ReceptiveFields(size=(7, 7), stride=(1, 1), padding=(2, 2))"
    assert repr(values["form"]).startswith("ClosedForm(both: (8, n, n) for n >= 2 with n mod 2 = 0, proved")
    assert repr(values["valid"]) == "InputSizes(n >= 2 with n mod 2 = 0, where no size 1 is stretched, proved)"
    assert repr(values["paddings"]) == "OutputPaddings(up: (1, 1))"
    assert repr(values["closed form's theorem"]) == "<Theorem n_2 = ⌈n/2⌉>"
    assert repr(values["transform"]) == "WinogradTransform(F(6, 3), 8 multiplications)"
    assert repr(values["calculation"]) == "Conv(x of shape (1, 1, 3), w of shape (1, 1, 1, 2))"
    assert repr(values["picture"]) == f"Picture(Convolution, {by((8, 8))} to {by((6, 6))}; {sides(values['picture'])})"
    assert repr(values["images"]) == f"ImageGrid(9 images of {by((20, 20))} elements, 3 columns, grey)"
    assert (
        repr(values["seen"])
        == f"Seen(layer7 at {values['seen'].position}, input, " + ", ".join(f"layer{i}" for i in range(8)) + ")"
    )
    assert repr(values["spans"]).endswith("21:22, ... 492 more)")


def test_what_was_not_understood_is_said():
    net = Graph()
    net.add("odd", Unknown("my_op", "nobody knows"), net.add("stem", Conv(3, 8, (3, 3)), net.input((3, 8, 8))))
    report = net.analyze()
    assert repr(report) == "NetworkReport(3 nodes, partial: 1 not understood, 224 params, 7,776 MACs)"
    assert repr(report["odd"]) == "Row(odd, my_op, not understood)"
    assert repr(report.total("macs")) == "Total(7,776, partial: without 1 node)"
    assert repr(net.closed_forms()["odd"]).startswith("ClosedForm(odd: unknown: ")
    assert net.closed_forms()["odd"]._repr_latex_() is None


def test_a_report_prints_as_its_table(values):
    report = values["report"]
    lines = [line.split() for line in str(report).splitlines()]
    above, head, *rows = [line for line in lines if line][1:]
    assert (above, head) == (["Field"] * 2, ["Node", "Operation", "Output", "size", "stride", "Params", "MACs"])
    names = [row.name for row in report]
    assert [row[0] for row in rows[1 : 1 + len(names)]] == names
    assert ["Parameters", "2,544", "complete"] in lines
    assert str(report) != str(values["long report"])


def test_a_printed_value_has_no_colours_even_where_they_are_forced():
    code = (
        "from convmath.network import Graph; from convmath.network.operators import Conv; n = Graph();"
        "n.add('c', Conv(1, 1, (3,)), n.input((1, 8))); print(n.analyze())"
    )
    colours = {"FORCE_COLOR": "1", "TERM": "xterm-256color"}
    out = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | colours, capture_output=True, text=True, check=True
    ).stdout
    assert "conv1d" in out
    assert "\x1b" not in out


def test_a_check_prints_its_whole_report(values):
    report = values["check"]
    assert report.verdict in repr(report)
    assert "The smallest failing case" in str(report)
    assert "The smallest failing case" not in repr(report)
    assert report._repr_html_() == notebook.html_text(str(report))


def test_a_graph_prints_a_line_for_each_node(values):
    lines = str(values["graph"]).splitlines()
    assert lines[0] == "input: Input(shape=(1, 3, 32, 32), axes=(2, 3))"
    assert lines[-1].endswith(" of up, stem")
    assert len(lines) == len(values["graph"])


def test_entries_and_calculations_print_what_they_are(values):
    entry = values["entry"]
    assert str(entry).splitlines()[:2] == [f"{entry.id}: {entry.title}", entry.summary]
    assert str(values["calculation"]) == worked.render(values["calculation"])
    assert values["calculation"]._repr_markdown_() == worked.render(values["calculation"], style="markdown")
    assert str(values["transform"]).splitlines()[0] == "output"


# Notebooks


def html_values(values) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if hasattr(value, "_repr_html_"):
            yield name, value._repr_html_()


def test_every_table_in_a_notebook_is_well_formed(values):
    shown_ = dict(html_values(values))
    assert {"graph", "report", "row", "fields", "forms", "paddings", "check"} <= set(shown_)
    for name, html in shown_.items():
        assert cells(html) or html.startswith("<pre>"), name


def test_html_that_is_not_well_formed_is_caught():
    with pytest.raises(ValueError, match="is not closed"):
        cells("<table><tr><td>1</td></tr>")
    with pytest.raises(ValueError, match="closes nothing"):
        cells("<table><tr><td>1</tr></td></table>")


def test_a_graph_shows_its_nodes(values):
    graph = values["graph"]
    rows = cells(graph._repr_html_())
    assert rows[0] == ["node", "operator", "reads"]
    assert [(row[0], row[2]) for row in rows[1:]] == [(node.name, ", ".join(node.inputs)) for node in graph]
    assert rows[1][1] == "Input(shape=(1, 3, 32, 32), axes=(2, 3))"


def test_closed_forms_show_their_nodes_and_sets(values):
    forms = values["forms"]
    rows = cells(forms._repr_html_())
    assert [row[0] for row in rows[1 : 1 + len(forms)]] == list(forms.forms)
    assert rows[3][:2] == ["down", "(16, ceil(n/2), ceil(n/2))"]
    assert [row[:2] for row in rows[-3:]] == [
        [name, str(getattr(forms, name))] for name in ("valid", "matching", "lossless")
    ]


def test_formulas_show_themselves_in_latex(values):
    form, valid = values["forms"]["down"]._repr_latex_(), values["valid"]._repr_latex_()
    assert r"\left(16, \left\lceil \frac{n}{2} \right\rceil, \left\lceil \frac{n}{2} \right\rceil\right)" in form
    assert r"n \ge 2, \; n \bmod 2 = 0" in valid
    found = [value._repr_latex_() for value in values.values() if hasattr(value, "_repr_latex_")]
    assert len(found) >= 6
    assert all(map(balanced, found))
    assert not balanced(form[:-1])
    assert not balanced(form.replace(r"\right)", "", 1))
    assert not balanced(form.replace("}", "", 1))


def test_many_remainders_are_not_all_written():
    from convmath.network.closed_form.sets import SizeSet

    many, n = SizeSet.of(1, None, 64, range(0, 64, 3)), sympy.Symbol("n")
    assert str(many).endswith("27, 30, 33, ... 10 more}")
    assert many.latex(n).endswith(r"30, 33, \dots\}")
    assert SizeSet.of(1, None, 8, [0, 3]).latex(n).endswith(r"\in \{0, 3\}")


def test_answers_of_solve_are_tuples_that_show_themselves(values):
    changes, layers = solve.receptive_field(values["graph"], 9, node="stem"), solve.layers(8, 4, max_kernel_size=3)
    assert isinstance(layers, tuple)
    assert str(changes).splitlines() == [str(change) for change in changes]
    head, *rows = cells(changes._repr_html_())
    assert head == ["Change", "Receptive field", "Holes", "Parameters", "MACs"]
    assert [row[:3] for row in rows] == [
        [change.text, str(change.size[0]), "yes" if change.holes[0] else "no"] for change in changes
    ]
    assert [row[3:] for row in rows] == [[f"{change.params:+,}", f"{change.macs:+,}"] for change in changes]
    head, *rows = cells(layers._repr_html_())
    assert head == ["Kernel size", "Stride", "Padding", "Dilation", "Output padding"]
    order = ("kernel_size", "stride", "padding", "dilation", "output_padding")
    assert [tuple(map(int, row)) for row in rows] == [tuple(getattr(one, name) for name in order) for one in layers]
    assert "that is large enough.</p>" in solve.receptive_field(values["graph"], 1, node="stem")._repr_html_()


def test_names_from_a_file_act_on_nothing():
    net = Graph()
    net.add("a\x1b[2J<b>\n", Conv(1, 2, (3,)), net.input((1, 9), "in\x07put"))
    report, forms = net.analyze(), net.closed_forms()
    texts = [f(value) for value in (net, report, report.output, forms, forms.output) for f in (repr, str)]
    assert [text for text in texts if "\x1b" in text or "\x07" in text] == []
    for value in (net, report, report.output, forms):
        html = value._repr_html_()
        assert cells(html)
        assert "<b>" not in html
        assert "\x1b" not in html


# Helpers


def test_lists_fractions_and_tables_are_written_short():
    assert notebook.listed(range(9)) == "0, 1, 2, 3, 4, 5, 6, 7, ... 1 more"
    assert notebook.bracketed([Fraction(1, 2), 3]) == "(1/2, 3)"
    table = notebook.ruled("size")
    assert isinstance(table, Table)
    table.add_row("[bold]3[/bold]")
    assert notebook.printed(table).split() == ["size", "────", "3"]
