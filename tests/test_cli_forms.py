"""``convmath net`` with letters and ``convmath solve``: every format holds what the library says."""

from __future__ import annotations

import csv
import html as html_module
import io
import json
import re
import sys
from pathlib import Path

import pytest
from rich.console import Console

from convmath.errors import DomainError
from convmath.network import Graph, read, solve
from convmath.network.operators import Combine, Conv, ConvTranspose, Flatten, Pool, Unknown
from convmath.network.symbolic import resized
from convmath.network.views import answers
from convmath.network.views.forms import OUTSIDE, SETS, TERMINAL, UNICODE, Forms, document, shown, view

from . import command_line
from .latex.compiled import compiled
from .test_cli_net import cells_of

MODELS = """
from collections import OrderedDict

import torch
from torch import nn


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.deep = nn.Conv2d(8, 8, 3, padding=2, dilation=2)

    def forward(self, image):
        return torch.relu(self.deep(self.stem(image)))


def pooled():
    return nn.Sequential(OrderedDict(pool=nn.AvgPool2d(4), flat=nn.ReLU()))


class Large(nn.Module):
    def forward(self, image):
        return nn.functional.avg_pool2d(image, 2) if image.shape[2] > 100 else image


def picky():
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.AvgPool2d(62), nn.Flatten(), nn.Linear(2, 5))


def pair():
    from convmath.network import Graph
    from convmath.network.operators import Conv

    net = Graph()
    first, second = net.input((3, 9, 9), "a"), net.input((3, 9, 9), "b")
    net.add("a.conv", Conv(3, 8, (3, 3)), first)
    net.add("b.conv", Conv(3, 8, (3, 3)), second)
    return net


def graph():
    from convmath.network import Graph
    from convmath.network.operators import Conv

    net = Graph()
    net.add("stem", Conv(3, 8, (3, 3)), net.input((3, "h", "w")))
    return net
"""
CODER = """
input = [1, 28, 28]
[[layers]]
op = "conv"
name = "encode"
out_channels = 8
kernel_size = 3
stride = 2
padding = 1
[[layers]]
op = "conv_transpose"
name = "decode"
out_channels = 1
kernel_size = 3
stride = 2
padding = 1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of a user with models, in which commands run."""
    (tmp_path / "lettered.py").write_text(MODELS)
    (tmp_path / "coder.toml").write_text(CODER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "lettered", raising=False)
    yield tmp_path
    sys.modules.pop("lettered", None)


def printed(line: str) -> str:
    return command_line.printed(*line.split())


def refused(line: str) -> str:
    return command_line.refused(*line.split())


def branched(*sizes) -> Graph:
    """A network with branches, a dense layer, and a node that is not understood."""
    net = Graph()
    image = net.input((3, *sizes), "image")
    stem = net.add("stem_1", Conv(3, 8, (3, 3), stride=2, padding=1), image)
    pool = net.add("pool", Pool("max", (2, 2)), stem)
    up = net.add("up", ConvTranspose(8, 8, (2, 2), stride=2), pool)
    both = net.add("sum", Combine("add"), up, stem)
    net.add("flat", Flatten(1), both)
    net.add("odd\x1b[2J<b>|_$&", Unknown("my::op", "it is *strange*", None, None), both)
    return net


@pytest.fixture(scope="module", params=[("n", "n"), ("h", "w"), ("n", 64)], ids=str)
def forms(request) -> Forms:
    return Forms.of(branched(*request.param))


# Closed forms in every format


def test_json_holds_every_closed_form_and_set(forms):
    found = json.loads(document(forms, "json"))
    assert found["symbols"] == [str(symbol) for symbol in forms.graph.symbols]
    first = forms.found.each[0]
    assert [node["name"] for node in found["nodes"]] == [form.name for form in first]
    for node, form in zip(found["nodes"], first, strict=True):
        assert node["op"] == forms.graph[form.name].operator.kind
        assert (node["output_size"] is None) == (form.output_size is None) == bool(node["unknown"])
        for text, size in zip(node["output_size"] or (), form.output_size or (), strict=True):
            assert text == size or (isinstance(text, str) and not isinstance(size, int))
    for each in forms.found.each:
        stem = next(node for node in found["nodes"] if node["name"] == "up")["valid"][each.symbol.name]
        valid = each["up"].valid
        assert (stem["least"], stem["modulus"], stem["remainders"]) == (
            *(valid.least, valid.modulus),
            list(valid.remainders),
        )
        sets = found["input_sizes"][each.symbol.name]
        assert set(sets) == set(SETS)
        assert sets["valid"]["sizes"] is None
        assert re.search("not understood|goes by h and w at once", sets["valid"]["unknown"])


def test_csv_has_a_line_for_each_node(forms):
    rows = list(csv.DictReader(io.StringIO(document(forms, "csv"))))
    told = shown(forms)
    assert [(row["name"], row["op"], row["label"]) for row in rows] == [(*row[:2], row[4]) for row in told.rows]
    assert [row["name"] for row in rows if not row["output_size"]] == [row[0] for row in told.rows if row[2] == "?"]
    assert document(forms, "csv", "up").count("\n") == 2


def test_html_and_markdown_hold_the_same_cells(forms):
    told = shown(forms)
    html, web = document(forms, "html"), shown(forms, writing=UNICODE)
    assert cells_of(html) == [list(web.head), *map(list, web.rows), *map(list, web.sets)]
    assert ["⌈" in html, "ceil(" in html, "<b>" in html] == [True, False, False]
    lines = document(forms, "markdown").splitlines()
    rows = [re.split(r"(?<!\\) \| ", line.strip("|").strip()) for line in lines if line.startswith("| ")]
    plain = [[re.sub(r"\\([^\w\s]|_)", r"\1", cell) for cell in row] for row in rows]
    assert plain[2 : 2 + len(told.rows)] == [list(row) for row in told.rows]
    assert plain[-len(told.sets) :] == [list(row) for row in told.sets]


def test_latex_compiles_with_terms_as_mathematics(forms, tmp_path):
    text = document(forms, "latex")
    assert r"\left\lceil" in text or r"\lceil" in text
    assert "ceil(" not in text
    assert compiled(text, tmp_path).overfull == []


def test_a_wrong_format_or_node_is_named(forms):
    for arguments in (("pdf",), ("csv", "none")):
        with pytest.raises(ValueError, match=r"needs one of json|no node has this name"):
            document(forms, *arguments)
    with pytest.raises(ValueError, match="the input sizes are numbers"):
        Forms.of(branched(64, 64))


# On the command line


def test_letters_give_the_table_of_closed_forms_and_the_sets(folder):
    text = printed("net lettered:Small -i 3,n,n")
    assert "input 3 x n x n; read at 3 x 224 x 224" in text
    words = [re.split(r"\s{2,}", line.strip()) for line in text.splitlines()]
    assert ["stem", "conv2d", "8, ceil(n/2), ceil(n/2)", "n >= 1", "proved"] in words
    assert [row[:3] for row in words if row[0] in SETS] == [
        ["valid", "n >= 1", "proved"],
        ["matching", "n >= 1", "proved"],
        ["lossless", "n >= 1", "proved"],
    ]
    assert "MACs" not in text
    assert "MACs" in printed("net lettered:Small -i 3,32,32")


def test_a_table_of_closed_forms_fits_80_columns_and_cuts_nothing_off(forms):
    console = Console(width=80, file=io.StringIO(), force_terminal=False)
    console.print(view(forms))
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    assert "\x1b" not in text
    wide = Console(width=300, file=io.StringIO(), force_terminal=False)
    wide.print(view(forms))
    words = [re.split(r"\s{2,}", line.strip()) for line in wide.file.getvalue().splitlines()]
    found = shown(forms, writing=TERMINAL)
    rows = [[*row[:3], row[3].split("\n")[0], row[4]] for row in found.rows]
    assert [row for row in words if len(row) == 5] == [list(found.head), *rows]


def test_the_sets_of_several_letters_stand_below_each_other_where_they_are_long():
    net = Graph()
    coded = net.add("encode", Conv(1, 8, (3, 3), stride=2, padding=1), net.input((1, "h", "w")))
    net.add("sum", Combine("add"), net.add("decode", ConvTranspose(8, 1, (3, 3), stride=2, padding=1), coded), "input")
    paper = Console(width=200, file=io.StringIO(), force_terminal=False)
    paper.print(view(Forms.of(net)))
    lines = [re.split(r"\s{2,}", line.strip()) for line in paper.file.getvalue().splitlines()]
    assert ["encode", "conv2d", "8, ceil(h/2), ceil(w/2)", "h >= 1, w >= 1", "proved"] in lines
    assert ["sum", "add", "1, h, w", "h >= 1 with h mod 2 = 1,", "proved"] in lines
    assert ["w >= 1 with w mod 2 = 1"] in lines


@pytest.mark.parametrize("style", ["json", "csv", "markdown", "latex", "html", "table"])
def test_a_document_of_closed_forms_is_printed_and_written(folder, style):
    line = f"net coder.toml -i 1,n,n --format {style}"
    out = printed(line)
    assert printed(f"{line} -o new/forms") == ""
    text = (folder / "new" / "forms").read_text(encoding="utf-8")
    if style == "table":
        assert [line for line in text.split("\n") if "ceil" in line] == [
            line.rstrip() for line in out.split("\n") if "ceil" in line
        ]
    else:
        assert text == out == document(Forms.of(resized(read("coder.toml"), (1, "n", "n"))), style)
    assert "conv2d" in out
    assert "conv2d" not in printed(f"{line} --node decode")


def test_the_sizes_that_lenet_takes_are_proved(folder):
    lenet = Path(__file__).parent / "network" / "lenet.toml"
    found = json.loads(printed(f"net {lenet} -i 1,n,n --format json"))["input_sizes"]["n"]
    taken = [size for size in range(1, 100) if _takes(read(lenet), size)]
    valid = found["valid"]["sizes"]
    assert taken == list(range(valid["least"], valid["greatest"] + 1)) == [32, 33, 34, 35]
    assert [one["label"] for one in found.values()] == ["proved"] * 3


def _takes(graph: Graph, size: int) -> bool:
    try:
        resized(graph, (1, "n", "n")).at(size).analyze()
    except DomainError:
        return False
    return True


def test_the_number_at_which_a_network_is_read_is_said(folder):
    assert "read at 3 x 64 x 64" in printed("net lettered:picky -i 3,n,n")
    assert "read at 3 x 100 x 100" in printed("net lettered:picky -i 3,n,n --read-at 100")
    assert "read at 3 x 70 x 90" in printed("net lettered:picky -i 3,h,w --read-at h=70,w=90")
    assert "At 224" not in printed("net lettered:picky -i 3,n,n")
    assert "at=, or --read-at" in refused("net lettered:Small -i 1,n,n")


def test_files_and_graphs_take_letters_for_their_own_sizes(folder):
    assert "8, ceil(n/2), 14" in printed("net coder.toml -i 1,n,28")
    assert "8, h - 2, w - 2" in printed("net lettered:graph")
    assert "8, a - 2, b - 2" in printed("net lettered:graph -i 3,a,b")
    assert "8x7x6" in printed("net lettered:graph --at h=9,w=8")


def test_an_onnx_file_with_open_sizes_needs_no_letters(folder):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    for name, dims in {"named": ["N", 3, "H", "W"], "nameless": ["N", 3, None, None]}.items():
        image = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, dims)
        pool = onnx.helper.make_node("MaxPool", ["image"], ["y"], "pool", kernel_shape=[3, 3], strides=[2, 2])
        onnx.save(onnx.helper.make_model(onnx.helper.make_graph([pool], "net", [image], [])), folder / f"{name}.onnx")
    assert "3, ceil(H/2) - 1, ceil(W/2) - 1" in printed("net named.onnx")
    assert "3x31x31" in printed("net named.onnx -i 3,64,64")
    assert "-i 3,n,n on the command line" in refused("net nameless.onnx")
    assert "read at 3 x 7 x 7" in printed("net nameless.onnx -i 3,n,n --read-at 7")


# convmath solve


def test_the_input_sizes_of_an_output_size(folder):
    assert "27 <= n <= 28" in printed("solve coder.toml --output-size 14 --node encode")
    assert json.loads(printed("solve coder.toml --output-size 27 --format json")) == {
        "sizes": {"least": 27, "greatest": 28, "modulus": 1, "remainders": [0]},
        "symbol": "n",
        "label": "proved",
        "unknown": None,
        "scope": None,
    }
    assert "no n" in printed("solve coder.toml --output-size 28")
    assert "13 <= k <= 14" in printed("solve lettered:Small -i 3,k,k --output-size 7")
    assert "h = 9" in printed("solve lettered:graph --output-size 7 --axis 0")


def test_an_answer_says_among_which_sizes_it_is_complete(folder):
    words = " ".join(printed("solve lettered:Large -i 3,n,n --output-size 51").split())
    assert "102 <= n <= 103, among n >= 101, where the network is as it was read" in words
    scope = json.loads(printed("solve lettered:Large -i 3,n,n --output-size 51 --format json"))["scope"]
    assert (scope["sizes"]["least"], scope["where"]) == (101, ["where the network is as it was read"])
    table = " ".join(printed("net lettered:Large -i 3,n,n").split())
    assert "valid n >= 101, where the network is as it was read" in table
    assert OUTSIDE in table
    assert "\\text{, where the network is as it was read}" in printed("net lettered:Large -i 3,n,n --format latex")
    assert OUTSIDE not in " ".join(printed("net lettered:Small -i 3,n,n").split())


def test_an_axis_is_asked_alone_and_the_letters_of_an_input_too(folder):
    assert "27 <= n <= 28" in printed("solve coder.toml --output-size 27 --axis 0")
    assert "25 <= w <= 26" in printed("solve coder.toml -i 1,h,w --output-size 25 --axis 1")
    words = " ".join(printed("solve coder.toml -i 1,n,n --round-trip").split())
    assert "output paddings go by the size: needs a number in place of n" in words
    assert "closed_forms" not in words


def test_each_letter_has_its_answer(folder):
    assert printed("solve coder.toml -i 1,h,w --output-size 25x7").split("\n")[2:4] == [
        "25 <= h <= 26  proved",
        "7 <= w <= 8    proved",
    ]
    found = json.loads(printed("solve coder.toml -i 1,h,w --output-size 25x7 --format json"))
    assert [(one["symbol"], one["sizes"]["least"], one["sizes"]["greatest"]) for one in found] == [
        *(("h", 25, 26), ("w", 7, 8))
    ]
    rows = printed("solve coder.toml -i 1,h,w --round-trip")
    assert ["h >= 1 with h mod 2 = 1" in rows, "w >= 1 with w mod 2 = 1" in rows] == [True, True]
    trips = json.loads(printed("solve coder.toml -i 1,h,w --round-trip --format json"))["input_sizes"]
    assert [one["sizes"]["remainders"] for one in trips] == [[1], [1]]
    assert "symbol" not in refused("solve coder.toml -i 1,h,w --output-size 1x2x3")


QUESTIONS = {
    "sizes": "solve coder.toml --output-size 14 --node encode",
    "letters": "solve coder.toml -i 1,h,w --output-size 25x7",
    "round trip": "solve coder.toml --round-trip",
    "no padding": "solve lettered:pooled -i 3,8,8 --round-trip",
    "scope": "solve lettered:Large -i 3,n,n --output-size 51",
    "changes": "solve coder.toml --receptive-field 9",
    "no change": "solve coder.toml --receptive-field 2",
    "layers": "solve --from 224 --to 112 -k 3",
}


@pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)
def test_an_answer_is_a_document_with_the_cells_of_the_table(folder, tmp_path, question):
    table = printed(question)
    html, latex, markdown = (printed(f"{question} --format {style}") for style in ("html", "latex", "markdown"))
    head, *rows = cells_of(html) or [[]]
    assert [re.split(r"\s{2,}", line.strip()) for line in table.splitlines()[2 : 2 + len(rows)]] == rows
    assert all(cell in re.sub(r"\\", "", markdown) for row in rows for cell in row)
    assert head == [] or " | ".join(head) in markdown
    for sentence in re.findall("<p>(.*)</p>", html)[1:]:
        assert html_module.unescape(sentence) in " ".join(table.split())
    assert compiled(latex, tmp_path).overfull == []


def test_where_nothing_is_to_be_padded_a_sentence_says_so(folder):
    text = " ".join(printed("solve lettered:pooled -i 3,8,8 --round-trip").split())
    assert "unknown" not in text
    assert "For the input as it is: no output padding, as no transposed convolution is before flat." in text
    assert answers.shown(solve(read("coder.toml"), round_trip=True)).notes == ()


def test_the_round_trip_of_an_autoencoder(folder):
    words = [re.split(r"\s{2,}", line.strip()) for line in printed("solve coder.toml --round-trip").splitlines()]
    assert words[2:] == [
        ["the network as it is", "n >= 1 with n mod 2 = 1", "proved"],
        ["with output padding 1 in layer decode", "the size that the input has", "computed at that size"],
    ]
    assert json.loads(printed("solve coder.toml --round-trip --format json"))["output_padding"] == {"decode": [1, 1]}


def test_the_changes_for_a_receptive_field(folder):
    changes = solve(read("coder.toml"), receptive_field=9, layers=["encode"])
    assert changes
    found = json.loads(printed("solve coder.toml --receptive-field 9 --layer encode --format json"))
    assert [one["change"] for one in found] == [change.text for change in changes]
    assert [one["padding"] for one in found] == [change.padding and [*map(list, change.padding)] for change in changes]
    assert found[0]["padding"] == [[3, 3], [3, 3]]
    assert [one["receptive_field"] for one in found] == [list(change.size) for change in changes]
    rows = list(csv.reader(io.StringIO(printed("solve coder.toml --receptive-field 9 --layer encode --format csv"))))
    assert [row[0] for row in rows[1:]] == [change.text for change in changes]
    assert "5 x 5: that is large enough." in printed("solve coder.toml --receptive-field 2")
    assert "no single change" not in printed("solve coder.toml --receptive-field 2")
    few = printed("solve lettered:pooled -i 3,8,8 --receptive-field 8 --layer flat")
    assert "4 x 4: that is too small, and no single change of a layer makes it large enough." in " ".join(few.split())
    many = printed("solve lettered:pooled -i 3,8,8 --receptive-field 50 --layer flat")
    assert "4 x 4: that is too small, and 50 is larger than the input, 8 x 8: give a larger" in " ".join(many.split())
    assert "4 x 4: that is large enough." in printed("solve lettered:pooled -i 3,8,8 --receptive-field 4")


def test_the_layers_between_two_sizes(folder):
    found = json.loads(printed("solve --from 224 --to 112 --format json -k 3"))
    assert [tuple(one.values()) for one in found] == [
        (one.kernel_size, one.stride, one.padding, one.dilation, one.output_padding)
        for one in solve.layers(224, 112, max_kernel_size=3)
    ]
    assert json.loads(printed("solve --from 14 --to 28 -t --format json"))[0]["output_padding"] == 1
    assert printed("solve --from 3 --to 500").strip() == "No layer within the bounds takes 3 to 500."
    assert printed("solve --from 112 --to 224").split(". ")[1].strip() == "Transposed ones do: ask with -t."
    assert "Kernel size" in printed("solve --from 112 --to 224 -t")
    assert printed("solve --from 224 --to 112 -t -p 0").strip().endswith(". Other ones do: ask without -t.")
    lines = printed("solve --from 28x14 --to 14x7 -o layers.md") or (folder / "layers.md").read_text()
    assert "| Kernel size | Stride |" in lines


WRONG = {
    "": "ask one question",
    "coder.toml": "ask one question",
    "--output-size 7": "ask one question",
    "--from 224": "--to is missing: --from N with --to M asks which layers take N to M",
    "--to 224": "--from is missing",
    "coder.toml --from 224": "ask one question",
    "coder.toml --from 3 --to 3": "ask one question",
    "coder.toml --output-size 7 --round-trip": "ask one question",
    "--from 3 --to 3 -i 1,3,3": "need MODEL",
    "--from n --to 3": "from='n': needs an integer of at most 18 digits",
    "--from 0 --to 3": "needs sizes of at least 1",
    "--from 4611686018427387904 --to 3": "needs an integer of at most 18 digits",
    "--from 8 --to 4 -k 99999999": "layers to try",
    "--from 8 --to 4 --axis 0": "--axis: is no option of the question --from, which takes --transposed,",
    "--from -8 --to 4": "from=(-8,): needs sizes of at least 1",
    "--from 8 --to 4x": "to='4x': needs an integer of at most 18 digits, such as 7, or one for each axis",
    "coder.toml --output-size 0": "needs a size of at least 1",
    "coder.toml --output-size 7 -k 3": "is no option of the question --output-size, which takes --node, --axis,",
    "coder.toml --receptive-field -3": "receptive_field=-3: needs an integer of at least 1",
    "lettered:picky -i 3,64,64 --output-size 5": "do not depend on the input size; those of 1 do (--node 1)",
    "coder.toml --output-size 7 --node code": "did you mean",
    "coder.toml --output-size 28x27": "all axes of the input are taken to have one size, n; give its axes letters",
    "coder.toml -i 1,h,w --output-size 7x7x7": "needs a size of at least 1, or one for each of the 2 that depend on",
    "lettered:pair --output-size 7 --node a.conv --source b": "a.conv does not read this input; it reads a",
    "coder.toml --output-size 7 --axis 2": "needs an axis from 0 to 1",
    "coder.toml --round-trip --source x": "no input before decode has this name",
    "coder.toml --receptive-field n": "needs an integer of at most 18 digits",
    "coder.toml --receptive-field 9 -i 1,n,n": "the sizes are open, by n; --receptive-field needs numbers for them",
    "missing.toml --round-trip": "missing.toml",
    "coder.toml --round-trip -o x.pdf": "needs --format, or one of the suffixes",
}


@pytest.mark.parametrize(("line", "sentence"), WRONG.items(), ids=WRONG)
def test_a_wrong_question_ends_as_a_sentence(folder, line, sentence):
    assert sentence in refused(f"solve {line}")
