"""``convmath net`` and ``convmath draw``: every format holds what the report says, a bad request ends as a sentence."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Console

import convmath
from convmath.errors import DomainError
from convmath.network import Graph
from convmath.network.conventions import CONVENTIONS
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Combine,
    Conv,
    ConvTranspose,
    Flatten,
    Linear,
    Pool,
    Unknown,
)
from convmath.network.views.cells import shown, stored
from convmath.network.views.details import Position, node_lines, position_of
from convmath.network.views.documents import document
from convmath.network.views.terminal import view

from .command_line import printed, ran, refused
from .latex.compiled import compiled

MODELS = """
from pathlib import Path

import torch
from torch import nn

Path("imported").touch()


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.deep = nn.Conv2d(8, 8, 3, padding=2, dilation=2)

    def forward(self, image):
        return torch.relu(self.deep(self.stem(image)))


def make_small():
    return Small()


small = Small()


def graph():
    from convmath.network import Graph
    from convmath.network.operators import Conv

    net = Graph()
    net.add("stem", Conv(3, 8, (3, 3)), net.input((3, 8, 8)))
    return net


def fails():
    raise RuntimeError("no weights\\nin this folder")


def says_nothing():
    raise RuntimeError


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.words, self.tags = nn.Embedding(100, 8), nn.Linear(8, 3)

    def forward(self, ids, mask=None):
        found = self.words(ids)
        return self.tags(found if mask is None else found.masked_fill(~mask[..., None], 0.0))


class Pair(nn.Module):
    def forward(self, image, mask):
        return image * mask


def tagger():
    return Tagger()


def leaves():
    raise SystemExit(3)


def needs(size):
    return size
"""


TOKENS = """
input = [3, 32, 32]
layers = [
  {op = "conv", name = "patches", out_channels = 64, kernel_size = 8, stride = 8},
  {op = "flatten", name = "flat", start_dim = 2},
  {op = "permute", name = "tokens", dims = [0, 2, 1]},
  {op = "layer_norm", name = "norm"},
  {op = "mean", name = "mean", dim = 1},
]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of a user with models, in which commands run."""
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "others.py").write_text("from pathlib import Path\nPath('others').touch()\n")
    (tmp_path / "net.toml").write_text(
        'input = [1, 28, 28]\n[[layers]]\nop = "conv"\nout_channels = 6\nkernel_size = 5\n[[layers]]\nop = "relu"\n'
    )
    (tmp_path / "broken.py").write_text("import not_there\n")
    (tmp_path / "unfinished.py").write_text("def make(:\n")
    (tmp_path / "empty.onnx").touch()
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "wrong.toml").write_text('input = [1, 2\n[[layers]]\nop = "conv"\n')
    (tmp_path / "wrong.yaml").write_text("input: [1, 2\nlayers: {op: conv")
    (tmp_path / "key.toml").write_text('input = [1, 8, 8]\n[[layers]]\nop = "conv"\nout_chanels = 3\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("models", "others"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    sys.modules.pop("models", None)


def branched():
    """A network with paths that disagree, holes, phases, and a node that is not understood."""
    net = Graph()
    image = net.input((3, 32, 32))
    stem = net.add("stem", Conv(3, 8, (3, 3), dilation=2, padding=2), image)
    pooled = net.add("pool", Pool("max", (2, 2)), stem)
    up = net.add("up", ConvTranspose(8, 8, (2, 2), stride=2), pooled)
    even = net.add("[even]", Conv(3, 8, (2, 2), padding=((1, 0), (1, 0))), image)
    net.add("sum_up", Combine("add"), up, stem, even)
    odd = net.add("odd\x1b[2J<b>|_$&", Unknown("my::op", "it is *strange*", (1, 8, 32, 32), None), "sum_up")
    net.add("*head&amp;", Conv(8, 8, (3, 3), bias=False), odd)
    return net


@pytest.fixture(scope="module")
def report():
    return branched().analyze()


# Formats


def test_json_holds_every_node_and_total(report):
    found = json.loads(document(report, "json", "exact"))
    assert found["status"] == report.status == "partial"
    assert [node["name"] for node in found["nodes"]] == [row.name for row in report]
    for node, row in zip(found["nodes"], report, strict=True):
        assert node["inputs"] == list(report.graph[row.name].inputs)
        assert node["output_size"] == list(row.output_size)
        assert node["unknown"] == (row.reason or None)
        for axis, field in zip(node["receptive_fields"].get("input", []), row.receptive_field or (), strict=True):
            stride = str(field.stride) if field.stride.denominator > 1 else field.stride.numerator
            assert (axis["size"], axis["stride"], axis["holes"]) == (field.size, stride, field.holes)
    odd = found["nodes"][6]
    assert (odd["params"], odd["macs"], odd["operations"]) == (None, None, None)
    assert found["totals"]["macs"] == {"value": report.macs, "status": "partial", "missing": [odd["name"]]}
    assert found["totals"]["operations"]["value"] == report.flops("exact")
    assert [one["node"] for one in found["misaligned"]] == [one.node for one in report.misaligned]
    for one in found["misaligned"]:
        fields = [report[path].receptive_field[one["axis"]] for path in one["paths"]]
        assert one["centers"] == [field.center(one["position"]) for field in fields]
    assert found["peak_bytes"] == report.peak_bytes()


def test_csv_has_a_line_for_each_node_and_empty_cells_for_what_is_unknown(report):
    rows = list(csv.DictReader(io.StringIO(document(report, "csv"))))
    assert len(rows) == len(report)
    assert sum(int(row["macs"] or 0) for row in rows) == report.macs
    assert sum(int(row["params"] or 0) for row in rows) == report.params
    assert [row["name"] for row in rows if not row["macs"]] == [r"odd\x1b[2J<b>|_$&"]
    assert [row["holes"] for row in rows[:3]] == ["no", "yes", "no"]


class Cells(HTMLParser):
    """The cells of tables, where every tag is closed by its own."""

    def __init__(self):
        super().__init__()
        self.open, self.rows, self.text = [], [], ""

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta",):
            self.open.append(tag)
        self.rows += [[]] if tag == "tr" else []
        self.text = ""

    def handle_data(self, data):
        self.text += data

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag in ("td", "th"):
            self.rows[-1].append(self.text)


def cells_of(html):
    parser = Cells()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser.rows


def test_html_holds_the_cells_of_the_report(report):
    told = shown(report, wide=True)
    rows = cells_of(document(report, "html"))
    assert rows == [list(told.head), *map(list, told.rows), *map(list, told.totals)]
    assert "<b>" not in document(report, "html")


def test_html_with_a_tag_left_open_is_caught():
    with pytest.raises(AssertionError):
        cells_of("<table><tr><td>1</tr></table>")


def test_markdown_holds_the_cells_of_the_report(report):
    lines = document(report, "markdown").splitlines()
    rows = [re.split(r"(?<!\\) \| ", line.strip("|").strip()) for line in lines if line.startswith("| ")]
    told = shown(report, wide=True)
    unescaped = [[re.sub(r"\\([^\w\s]|_)", r"\1", cell) for cell in row] for row in rows]
    assert unescaped[2 : 2 + len(report)] == [list(row) for row in told.rows]
    assert re.search(r"(?<!\\)&", "".join(lines)) is None
    assert [row[1] for row in unescaped[-len(told.totals) :]] == [value for _, value, _ in told.totals]


@pytest.mark.parametrize("convention", ["mac", "exact"])
def test_latex_compiles_and_no_line_is_too_wide(report, tmp_path, convention):
    assert compiled(document(report, "latex", convention), tmp_path).overfull == []


def test_the_formats_of_one_node_have_that_node_only(report):
    assert [node["name"] for node in json.loads(document(report, "json", name="up"))["nodes"]] == ["up"]
    assert document(report, "csv", name="up").count("\n") == 2


@pytest.mark.parametrize("name", ["up", "sum_up"])
def test_a_document_of_one_node_has_all_its_details_and_nothing_of_the_others(report, tmp_path, name):
    wanted = [list(line) for line in node_lines(report, name, position=Position(name, (3, 20)))]
    assert {"Activation", "Reads", "Field in input, axis 1", "Position (3, 20)"} <= {line[0] for line in wanted}
    assert ("Misaligned" in {line[0] for line in wanted}) == (name == "sum_up")
    texts = {
        style: document(report, style, name=name, position=Position(name, (3, 20)))
        for style in ("html", "markdown", "latex")
    }
    assert cells_of(texts["html"]) == wanted
    lines = [re.split(r"(?<!\\) \| ", line.strip("|").strip()) for line in texts["markdown"].splitlines()[4:]]
    assert [[re.sub(r"\\([^\w\s]|_)", r"\1", cell) for cell in line] for line in lines] == wanted
    assert compiled(texts["latex"], tmp_path).overfull == []
    assert [text for text in texts.values() if "Activations" in text or "stem |" in text] == []


def test_a_report_says_what_a_position_reads_in_every_format_that_has_a_place_for_it(report):
    asked = Position("up", (3, 20))
    words = ("Position (3, 20) of up, on dimensions 2 and 3 of its output", "reads of input, axis 1: 18 to 23")
    for style in ("html", "markdown", "latex"):
        text = re.sub(r"\\allowbreak\{\}|\\(?=[(),])", "", document(report, style, position=asked))
        assert [word in text for word in words] == [True, True], style
        assert words[1] not in document(report, style)
    found = json.loads(document(report, "json", position=asked))["position"]
    assert found == {
        "node": "up",
        "index": [3, 20],
        "dimensions": [2, 3],
        "reads": {"input": [[[0, 6]], [[18, 24]]]},
        "exact": True,
    }
    assert json.loads(document(report, "json"))["position"] is None
    with pytest.raises(DomainError, match="no place for what one position reads"):
        document(report, "csv", position=asked)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_the_total_is_that_of_the_convention(report, convention):
    found = json.loads(document(report, "json", convention))
    assert found["convention"] == convention
    assert found["totals"]["operations"]["value"] == report.flops(convention)


# The table


def lines_of(report, width=80, convention="mac"):
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    console.print(view(report, convention))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def residual():
    net = Graph()
    last = net.add("conv1", Conv(3, 64, (7, 7), stride=2, padding=3, bias=False), net.input((3, 224, 224)))
    last = net.add("maxpool", Pool("max", (3, 3), stride=2, padding=1), last)
    for block in range(3):
        body = net.add(f"layer1.{block}.conv1", Conv(64, 64, (3, 3), padding=1), last)
        body = net.add(f"layer1.{block}.relu", Activation("relu"), body)
        last = net.add(f"layer1.{block}.downsample.add", Combine("add"), body, last)
    net.add("fc", Linear(64 * 56 * 56, 1000), net.add("flatten", Flatten(1, 3), last))
    return net.analyze()


@pytest.mark.parametrize("style", ["table", "markdown", "html", "json"])
def test_a_report_says_why_a_convention_counts_otherwise(folder, style):
    words = {name: re.sub(r"\W+", " ", convention.why) for name, convention in CONVENTIONS.items()}
    for name, others in (("thop", ["mac", "fvcore"]), ("exact", ["mac", "thop"])):
        text = re.sub(r"\W+", " ", html.unescape(printed("net", "net.toml", "--convention", name, "--format", style)))
        assert words[name] in text
        assert not any(words[other] in text for other in others)


def test_a_table_fits_80_columns_and_cuts_nothing_off(report):
    for found in (residual(), report):
        lines = lines_of(found)
        assert max(map(len, lines)) <= 80
        assert "…" not in "".join(lines)
    wanted = ["conv1", "conv2d", "64x112x112", "7", "2", "9,408", "118.0M"]
    assert wanted in [line.split() for line in lines_of(residual())]


def test_numbers_that_do_not_fit_go_on_in_the_next_line():
    net = Graph()
    net.add("pool", Pool("max", (2, 2)), net.input((1, 2**62, 2**62)))
    lines = lines_of(net.analyze())
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)


def test_a_table_says_what_was_not_understood_and_what_disagrees(report):
    text = "\n".join(lines_of(report, 200))
    assert r"odd\x1b[2J<b>|_$& (my::op): it is *strange*" in text
    assert "partial: without 1 node" in text
    assert "Receptive field unknown" in text
    assert (
        "at sum_up the centres of up and [even] disagree on axis 0 of input, by 1/2 on average: 1 and 0 at position 0"
        in text
    )
    assert "\x1b" not in text
    assert "Not understood" not in "\n".join(lines_of(residual()))


def test_a_complete_network_says_so():
    lines = lines_of(residual())
    found = residual()
    assert any(line.split() == ["Parameters", f"{found.params:,}", "complete"] for line in lines)
    assert any(line.split() == ["MACs", f"{found.macs:,}", "complete"] for line in lines)


def test_bytes_are_written_in_the_largest_unit():
    assert [stored(n) for n in (0, 1023, 1024, 1536, 2**70)] == [
        *("0 bytes", "1023 bytes", "1.0 KiB", "1.5 KiB"),
        "1,024.0 EiB",
    ]


# Notebooks


def test_reports_rows_and_fields_show_themselves_in_notebooks(report):
    told = shown(report)
    assert cells_of(report._repr_html_())[1 : 1 + len(report)] == [list(row) for row in told.rows]
    row = dict(cells_of(report["stem"]._repr_html_()))
    assert (row["Node"], row["Parameters"]) == ("stem", "224")
    fields = report["up"].receptive_field
    rows = cells_of(fields._repr_html_())
    assert [row[1:4] for row in rows[1:]] == [
        [str(value) for value in one] for one in zip(fields.size, fields.stride, fields.padding, strict=True)
    ]


def test_the_field_of_a_stack_shows_itself_in_notebooks():
    field = convmath.receptive_field([convmath.Window((7, 3), stride=2), convmath.Window(3)])
    rows = cells_of(field._repr_html_())
    assert [row[1:4] for row in rows[1:]] == [["11", "2", "0"], ["7", "2", "0"]]
    assert cells_of(convmath.ReceptiveField(3, 2, 1)._repr_html_())[1] == ["all", "3", "2", "1", "1/2"]


# Models


@pytest.mark.parametrize("name", ["make_small", "Small", "small"])
def test_a_factory_is_a_function_a_class_or_a_module(folder, name):
    found = json.loads(printed("net", f"models:{name}", "--input", "3,32,32", "--format", "json"))
    nodes = {node["name"]: node for node in found["nodes"]}
    assert nodes["stem"]["output_size"] == [8, 16, 16]
    assert nodes["deep"]["receptive_fields"]["image"][0]["size"] == 11
    assert found["status"] == "complete"


@pytest.mark.parametrize(
    "dtypes", [["--dtype", "ids=int64", "--dtype", "mask=bool"], ["--dtype", "int64", "--dtype", "bool"]]
)
def test_inputs_have_the_types_that_are_given_by_name_or_in_order(folder, dtypes):
    inputs = ["-i", "ids=9", "-i", "mask=9"]
    found = json.loads(printed("net", "models:tagger", *inputs, *dtypes, "--format", "json"))
    assert (found["status"], found["nodes"][-1]["output_size"]) == ("complete", [9, 3])


def test_activations_are_counted_in_the_dtype_that_is_given(folder):
    command = ("net", "net.toml", "--format", "json")
    whole, half = (json.loads(printed(*command, *more)) for more in ((), ("--activation-dtype", "bfloat16")))
    assert (whole["dtype"], half["dtype"]) == ("float32", "bfloat16")
    assert whole["activation_bytes"] == 2 * half["activation_bytes"] > 0
    assert "Activations in bfloat16" in printed("net", "net.toml", "--activation-dtype", "bfloat16")
    assert "in bfloat16" in printed("net", "net.toml", "--node", "conv1", "--activation-dtype", "bfloat16")


def test_bytes_are_those_of_the_type_of_the_weights_unless_another_is_given(folder):
    (folder / "halves.py").write_text("import models\n\n\ndef small():\n    return models.small.half()\n")
    command = ("net", "halves:small", "-i", "3,32,32", "--format", "json")
    own, whole = (json.loads(printed(*command, *more)) for more in ((), ("--activation-dtype", "float32")))
    assert (own["dtype"], whole["dtype"]) == ("float16", "float32")
    assert 2 * own["peak_bytes"] == whole["peak_bytes"] > 0
    assert {node["dtype"] for node in own["nodes"]} == {"float16"}
    assert "Activations in float16" in printed(*command[:-2])


def in_terminal(folder, columns, *arguments):
    """What a command prints on a terminal of so many columns."""
    main, terminal = pytest.importorskip("pty", reason="there are no pseudo-terminals here").openpty()
    environment = {**os.environ, "COLUMNS": str(columns), "NO_COLOR": "1", "TERM": "xterm"}
    command = [sys.executable, "-c", "from convmath.cli import app; app()", *arguments]
    with subprocess.Popen(command, stdout=terminal, cwd=folder, env=environment) as running:
        os.close(terminal)
        found = b""
        with contextlib.suppress(OSError):  # how Linux says that nobody has the other end open any more
            while part := os.read(main, 65536):
                found += part
        os.close(main)
        assert running.wait() == 0
    return re.sub(r"\x1b\[[0-9;]*m|\r", "", found.decode())


def test_a_narrow_terminal_cuts_no_words_in_pieces(folder):
    narrow, wide = (in_terminal(folder, columns, "net", "net.toml").split() for columns in (40, 200))
    assert [word for word in narrow if word.strip("─")] == [word for word in wide if word.strip("─")]
    assert {"Operation", "Output", "stride", "Params"} <= set(narrow)


def test_a_closed_or_full_standard_output_ends_as_a_sentence(folder):
    command = f'{sys.executable} -c "from convmath.cli import app; app()" net net.toml'
    for way, sentence in ((">&-", "standard output is closed"), ("> /dev/full", "No space left on device")):
        if way != ">&-" and not Path("/dev/full").exists():
            continue
        done = subprocess.run(f"{command} {way}", shell=True, capture_output=True, text=True, check=False, cwd=folder)  # noqa: S602 - our own words
        assert (done.returncode, done.stderr) == (2, f"Error: {sentence}\n")


def test_a_reader_that_closes_the_pipe_sees_no_traceback(folder):
    command = f'{sys.executable} -c "from convmath.cli import app; app()" net net.toml --format json | true'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False, cwd=folder)  # noqa: S602 - our own words
    assert "Traceback" not in done.stderr


def test_letters_that_an_encoding_lacks_are_written_out(folder):
    (folder / "odd.toml").write_text('input = [1, 8]\n[[layers]]\nop = "relu"\nname = "größe"\n', encoding="utf-8")
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-c", "from convmath.cli import app; app()", "net", "odd.toml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert r"gr\xf6\xdfe" in done.stdout


def test_only_the_module_that_is_named_is_imported(folder):
    printed("net", "models:graph")
    assert (folder / "imported").exists()
    assert not (folder / "others").exists()


def test_a_file_is_read_without_torch(folder):
    code = "import sys; from convmath.cli import app; app(['net', 'net.toml'], standalone_mode=False)"
    code += "; sys.exit('torch' in sys.modules or 'onnx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert "6x24x24" in done.stdout


def test_an_onnx_file_is_read(folder):
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    image = onnx.helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["N", 3, 32, 32])
    pool = onnx.helper.make_node("MaxPool", ["image"], ["y"], "pool", kernel_shape=[3, 3], strides=[2, 2])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([pool], "net", [image], [])), folder / "net.onnx")
    assert "3x15x15" in printed("net", "net.onnx")
    assert "3x31x31" in printed("net", "net.onnx", "--input", "image=3,64,64")


@pytest.mark.parametrize("suffix", [".txt", ".json", ".csv", ".md", ".tex", ".html"])
def test_a_report_is_written_in_the_format_of_its_file(folder, suffix):
    style = {".txt": "table", ".md": "markdown", ".tex": "latex"}.get(suffix, suffix[1:])
    assert printed("net", "net.toml", "-o", f"new/report{suffix}") == ""
    text = (folder / f"new/report{suffix}").read_text(encoding="utf-8")
    if style == "table":
        assert "6x24x24" in text
        assert "\x1b" not in text
    else:
        assert text == printed("net", "net.toml", "--format", style)


def test_a_node_is_shown_with_all_details(folder):
    out = printed("net", "models:small", "-i", "3,32,32", "--node", "deep", "--pixel", "0,8")
    assert "size 11, stride 2, padding 5, position 0 from -5 to 5, centre 1/2, with holes" in out
    assert "(0, 8) reads of image, axis 0  0 to 1, 3 to 5" in out
    assert "(0, 8) reads of image, axis 1  11 to 13, 15 to 17, 19 to 21" in out


def test_a_figure_of_a_pixel_is_drawn(folder):
    printed("net", "models:small", "-i", "3,32,32", "--node", "deep", "--pixel", "0,8", "--figure", "field.svg")
    svg = (folder / "field.svg").read_text(encoding="utf-8")
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own output
    assert root[0].text == "What deep reads at (0, 8)"
    assert 'd="M11 0h3v2h-3z' in svg
    assert 'd="M12 0h3v2h-3z' not in svg


def test_no_figure_is_drawn_for_a_convention_that_is_none(folder):
    assert "needs one of mac, 2mac, exact" in refused("net", "net.toml", "--figure", "f.svg", "--convention", "macs")
    assert not (folder / "f.svg").exists()


def test_the_numbers_of_a_figure_are_printed_too(folder):
    command = ("net", "models:small", "-i", "3,32,32", "--figure", "field.svg")
    reads = "Position (0, 8) of relu, on dimensions 2 and 3 of its output", "reads of image, axis 0: 0 to 1, 3 to 5"
    assert [words in printed(*command, "--pixel", "0,8") for words in reads] == [True, True]
    assert "reads of image, axis 0: 0 to 1, 3 to 5" not in printed(*command[:4])
    assert "Position (8, 8) of relu" in printed(*command)
    assert printed(*command, "--format", "csv") == printed(*command[:4], "--format", "csv")


def test_a_position_alone_is_one_of_the_last_node_that_has_such(folder):
    alone = printed("net", "models:small", "-i", "3,32,32", "--pixel", "0,8")
    assert "Position (0, 8) of relu, on dimensions 2 and 3 of its output" in alone
    assert "Parameters" in alone
    (folder / "tokens.toml").write_text(TOKENS)
    tokens = printed("net", "tokens.toml", "--pixel", "7")
    assert "Position (7) of norm, on dimension 1 of its output" in tokens
    assert ["reads of input, axis 0: 8 to 15" in tokens, "reads of input, axis 1: 24 to 31" in tokens] == [True, True]
    assert "Position (1, 3) of patches" in printed("net", "tokens.toml", "--pixel", "1,3")
    assert "needs an index on dimension 1 of (1, 16, 64)" in refused(
        "net", "tokens.toml", "--node", "tokens", "--pixel", "3,5"
    )
    assert "cannot be drawn" in refused("net", "tokens.toml", "--node", "flat", "--pixel", "3", "--figure", "f.svg")


WRONG = [
    (["nothing"], "needs MODULE:FACTORY, or a file"),
    (["models"], "needs MODULE:FACTORY, or a file"),
    (["models:no such"], "needs MODULE:FACTORY, or a file"),
    (["models:missing"], "cannot be imported: AttributeError"),
    (["models:smal"], "has no attribute 'smal'; did you mean models:small?"),
    (["models:zzzzz"], "has no attribute 'zzzzz'\n"),
    (["models.small"], "needs MODULE:FACTORY, or a file .onnx, .toml, .yaml, .yml; did you mean models:small?"),
    (["missing.module:make"], "cannot be imported: ModuleNotFoundError"),
    (["models:fails"], "fails when it is called without arguments: RuntimeError: no weights\n"),
    (["models:leaves"], "fails when it is called without arguments: SystemExit: 3"),
    (["models:needs"], "fails when it is called without arguments: TypeError"),
    (["models:MODELS"], "cannot be imported"),
    (["models:Path"], "gives an object of the type PosixPath, and needs a torch.nn.Module"),
    (["models.py"], "MODULE is written as in an import, such as my_pkg.models"),
    (["models.py:small"], "MODULE is written without .py, as in an import"),
    (["./models:small"], "MODULE is written as in an import"),
    (["modles:small"], "searched: the current folder, and where Python looks (PYTHONPATH)"),
    (["broken:make"], "cannot be imported: ModuleNotFoundError: No module named 'not_there'\n"),
    (["unfinished:make"], "cannot be imported: SyntaxError: "),
    (["models:needs"], "name a function that takes none and returns needs(...)"),
    (["models:says_nothing"], "fails when it is called without arguments: RuntimeError\n"),
    (["models:tagger", "-i", "9", "--dtype", "int65"], "dtype='int65': needs a dtype of torch, or the name of one"),
    (
        ["models:tagger", "-i", "9"],
        "needs int64; of an input, by dtype='int64' in Python, or --dtype int64 on the comm",
    ),
    (["models:small", "-i", "3,32,32", "--dtype", "float16"], "of torch.float32: needs both of one type"),
    (["models:small", "-i", "3,32,32", "--dtype", "float16"], "as by .half(); --activation-dtype alone counts"),
    (["models:Pair", "-i", "3,8,8"], "the forward of Pair needs mask, too: give sizes for each input"),
    (["models:tagger", "-i", "9", "--dtype", "nn"], "dtype='nn': needs a dtype of torch"),
    (["models:tagger", "-i", "9", "--dtype", "id=int64"], "dtype='id': no input has this name; did you mean ids?"),
    (["models:tagger", "-i", "9", "--dtype", "int64", "--dtype", "bool"], "or one for each --input: 1"),
    (
        ["models:tagger", "-i", "9", "--dtype", "int64", "--dtype", "ids=bool"],
        "needs a name for each input or for none",
    ),
    (["net.toml", "--dtype", "int64"], ".toml files of networks have no types; --dtype is for modules of torch"),
    (["models:graph", "--dtype", "int64"], "gives a graph; --dtype is for modules of torch"),
    (["net.toml", "--activation-dtype", "float33"], "activation_dtype='float33': no dtype has this name; did you mean"),
    (["models:small", "-i", "3,n,n", "--activation-dtype", "half"], "need sizes in numbers"),
    (["empty.onnx"], "the file is empty"),
    (["empty.onnx", "--dtype", "int64"], "empty.onnx says its own types; --dtype is for modules of torch"),
    (["folder.toml"], "the file cannot be read: Is a directory"),
    (["wrong.toml"], "cannot be parsed: Unclosed array (at line 2, column 1)"),
    (["wrong.yaml"], "expected ',' or ']', but got ':' (at line 2, column 7)"),
    (["key.toml"], "key='layers[0].out_chanels': no key has this name; did you mean out_channels?"),
    (["models:small", "-i", "3,x!"], "needs sizes such as 3,224,224"),
    (["models:small", "-i", "3,2n,n"], "or letters such as 3,n,n"),
    (["models:small", "-i", "3,nxn"], "conv2d needs"),
    (["models:small", "-i", "n,n,n"], "give the channels, whose number no layer can change, as a number"),
    (["models:small", "-i", "3,n,n", "--at", "0"], "at=0: needs an integer from 1"),
    (["models:small", "-i", "3,n,n", "--at", "-1"], "at='-1': needs a number of at most 18 digits"),
    (["models:small", "-i", "3,n,n", "--at", "4611686018427387904"], "needs a number of at most 18 digits"),
    (["models:small", "-i", "3,n,n", "--at", "n=8,n=9"], "or one for each letter as in h=224,w=320"),
    (["models:small", "-i", "3,n,n", "--at", "m=8"], "no symbol among the input sizes has this name; see: n"),
    (["models:small", "-i", "3,h,w", "--at", "h=8"], "needs a number for each of h, w; w has none"),
    (["models:small", "-i", "3,8,8", "--at", "8"], "the sizes of the inputs are numbers already"),
    (["models:small", "-i", "3,n,n", "--node", "den"], "did you mean deep?"),
    (["models:small", "-i", "3,n,n", "--figure", "f.svg"], "need sizes in numbers"),
    (["models:small", "-i", "3,n,n", "--node", "deep", "--pixel", "1,1"], "need sizes in numbers"),
    (["models:small", "-i", "3,n,n", "--convention", "2mac"], "need sizes in numbers"),
    (["models:small", "-i", "3,h,w", "--pixel", "1,1"], "--at h=64,w=64 puts numbers for them"),
    (
        ["models:small", "-i", "3,32,32", "--node", "relu", "--pixel", "0,99"],
        "needs 0 <= index < 16 on dimension 3 of relu, and 99 is none",
    ),
    (["models:small", "-i", "3,n,n_in0"], "needs a name that does not begin with n_"),
    (["models:small", "-i", "2,n,n"], "channels=2: conv2d needs 3"),
    (["net.toml", "-i", "3,n,n"], "the network was made for (1, 28, 28), and its layers do not take this"),
    (["net.toml", "-i", "x=1,n,n"], "no input has this name; see: input"),
    (["net.toml", "-i", "1,n,n", "--at", "2"], "kernel_size=5 with dilation=1 spans 5 elements"),
    (["net.toml", "--at", "28"], "numbers already"),
    (["models:small", "-i", "3,-1,4"], "needs sizes such as 3,224,224"),
    (["models:small", "-i", "3,4611686018427387904,4"], "of at most 18 digits each"),
    (["models:small", "-i", "a=3,8,8", "-i", "3,8,8"], "needs a name for each input or for none"),
    (["models:small", "-i", "4,32,32"], "conv2d needs 3"),
    (["models:graph", "-i", "4,9,9"], "the network was made for (3, 8, 8), and its layers do not take this"),
    (["net.toml", "-b", "2"], "says its own batch"),
    (
        ["models:small", "-b", "4611686018427387904"],
        "batch_size=4611686018427387904: needs a number of at most 18 digits",
    ),
    (
        ["models:small", "-b", "999999999999999999", "--node", "zzz"],
        "no node has this name; see: image, stem, deep, relu",
    ),
    (["models:small", "-i", "3,8"], "(1, 3, 8), the batch first, were taken for C, H, W"),
    (["missing.toml"], "missing.toml"),
    (["missing.onnx"], "missing.onnx"),
    (["net.toml", "--node", "conv"], "did you mean conv1?"),
    (["net.toml", "--convention", "macs"], "needs one of mac, 2mac, exact"),
    (
        ["net.toml", "--pixel", "1"],
        "pixel=(1,): no node is known to have positions with 1 index that read different elements; relu2 takes 2, such",
    ),
    (["net.toml", "--node", "conv1", "--pixel", "1,1", "--format", "csv"], "is told in all formats but csv"),
    (["net.toml", "--node", "conv1", "--pixel", "a"], "pixel='a': needs an index for each axis, such as 3,20"),
    (["net.toml", "--node", "conv1", "--pixel", "1,99"], "needs 0 <= index < 24"),
    (["net.toml", "--node", "conv1", "--pixel", "3"], "pixel=(3,): needs an index on each of the dimensions 2, 3 of"),
    (["net.toml", "--node", "conv1", "--pixel", "3,3,3"], "on each of the dimensions 2, 3 of (1, 6, 24, 24)"),
    (
        ["net.toml", "--node", "conv1", "--pixel", "3", "--figure", "f.svg"],
        "pixel=(3,): needs an index on each of the dimensions 2, 3 of",
    ),
    (["net.toml", "--figure", "field.png"], "needs the suffix .svg"),
    (["net.toml", "-o", "report.docx"], "needs --format, or one of the suffixes"),
]


def test_the_title_says_the_sizes_of_an_input_without_spatial_axes():
    vector, image = Graph(), Graph()
    vector.add("dense", Linear(9, 2), vector.input((9,)))
    image.add("stem", Conv(3, 8, (3, 3)), image.input((3, 9, 9)))
    assert shown(vector.analyze()).title == "2 nodes, complete; input 9"
    assert shown(image.analyze()).title == "2 nodes, complete; input 3x9x9"


def test_the_name_of_an_operation_is_in_one_line():
    net = Graph()
    net.add("pool", AdaptivePool("avg", (1, 1)), net.input((3, 9, 9)))
    paper = Console(width=80)
    with paper.capture() as narrow:
        paper.print(view(net.analyze()))
    assert re.search(r"^pool +adaptive_avg_pool2d +3x1x1 ", narrow.get(), re.MULTILINE)
    long = "my_namespace::" + "x" * 40
    net.add("odd", Unknown(long, "it is strange", (1, 3, 1, 1), None), "pool")
    with paper.capture() as narrow:
        paper.print(view(net.analyze()))
    assert max(map(len, narrow.get().splitlines())) <= 80


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=[" ".join(one) for one, _ in WRONG])
def test_a_wrong_request_ends_as_a_sentence(folder, arguments, sentence):
    assert sentence in refused("net", *arguments)


ODD = """
import sys

import torch
from torch import nn


class OddError(BaseException):
    def __str__(self):
        raise RuntimeError("nothing to say")


class OddClass:
    @property
    def __class__(self):
        raise RuntimeError("no class")


odd = OddClass()


def raises():
    raise OddError


def stops():
    raise GeneratorExit


class Begun(nn.Module):
    def __init__(self):
        self.size = 3


class Attributes(nn.Module):
    def __getattr__(self, name):
        raise RuntimeError("no attributes")

    def forward(self, x):
        return x * self.size


class Exits(nn.Module):
    def forward(self, x):
        sys.exit(3)


class Raises(nn.Module):
    def forward(self, x):
        raise OddError


class Returns(nn.Module):
    def forward(self, x):
        return (x for _ in range(3))


class Long(nn.Module):
    def forward(self, x):
        return nn.functional.pad(x, (10**5000, 0))


class Parts(nn.Module):
    def forward(self, x):
        return torch.vmap(torch.relu)(x)
"""

ODD_ONES = [
    ("odd", "model='oddities:odd': gives an object of the type OddClass, and needs a torch.nn.Module"),
    ("raises", "model='oddities:raises': fails when it is called without arguments: OddError\n"),
    ("stops", "model='oddities:stops': fails when it is called without arguments: GeneratorExit\n"),
    ("Begun", "module='Begun': needs super().__init__() at the beginning of its __init__"),
    ("Attributes", 'raise RuntimeError("no attributes")\': RuntimeError: no attributes'),
    ("Exits", "'sys.exit(3)': SystemExit: 3\n"),
    ("Raises", "'raise OddError': OddError\n"),
    ("Returns", "the forward returns a generator, in which no tensor is looked for"),
    ("Long", "a number has more than 4300 digits, the most that Python writes out"),
    ("Parts", "'return torch.vmap(torch.relu)(x)': it is computed by a transform of torch.func"),
]


@pytest.mark.parametrize(("name", "sentence"), ODD_ONES, ids=[name for name, _ in ODD_ONES])
def test_odd_code_of_a_user_ends_as_a_sentence(folder, monkeypatch, name, sentence):
    (folder / "oddities.py").write_text(ODD)
    monkeypatch.delitem(sys.modules, "oddities", raising=False)
    assert sentence in refused("net", f"oddities:{name}", "-i", "3,8,8")


def test_an_interruption_of_a_users_code_goes_through(folder, monkeypatch):
    (folder / "stopped.py").write_text("raise KeyboardInterrupt\n")
    monkeypatch.delitem(sys.modules, "stopped", raising=False)
    assert ran("net", "stopped:make").exit_code == 130


WORDS = st.sampled_from(
    [
        *("5x5", "5", "3,4", "n", "0", "-1", "1:2", "same", "99999999999", "2x2x2", "", "x", "conv", "pool", "grid"),
        *("-k", "-s", "-p", "-d", "--op", "--frame", "--frames", "--seconds", "-o", "out.svg", "out", "--ceil-mode"),
        *(
            "1,n,n",
            "n,n,n",
            "1,h,w",
            "--at",
            "h=8",
            "28",
            "--output-size",
            "--round-trip",
            "--receptive-field",
            "--from",
        ),
        *("--to", "--axis", "--source", "--transposed", "-t", "--layer", "--max-stride"),
        *("net.toml", "--node", "conv1", "--pixel", "1,1", "--figure", "f.svg", "--format", "csv", "-i", "1,2,3", "--"),
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(command=st.sampled_from(["net", "draw", "solve"]), words=st.lists(WORDS, max_size=8))
@example(command="draw", words=["conv", "5x5", "-k", "3", "--frames", "-o", "out"])
@example(command="net", words=["net.toml", "--node", "conv1", "--pixel", "1,1", "--figure", "f.svg"])
def test_no_command_line_ends_in_a_traceback(folder, command, words):
    result = ran(command, *words)
    assert result.exit_code in (0, 2), (words, result.output)
    assert result.exception is None or isinstance(result.exception, SystemExit), (words, result.exception)


# convmath draw


def test_an_animation_a_frame_and_all_frames_are_drawn(tmp_path):
    animation = printed("draw", "conv", "5x5", "-k", "3", "-s", "2", "-p", "1")
    frame = printed("draw", "conv", "5x5", "-k", "3", "-s", "2", "-p", "1", "--frame", 4)
    assert animation.count('data-mark="position"') == 9
    assert frame.count('data-mark="position"') == 1
    printed("draw", "conv", "5x5", "-k", "3", "-s", "2", "-p", "1", "--frames", "-o", tmp_path / "frames")
    files = sorted((tmp_path / "frames").iterdir())
    assert [file.name for file in files] == [f"frame-{number}.svg" for number in range(9)]
    assert files[4].read_text(encoding="utf-8") == frame


@pytest.mark.parametrize(
    ("line", "title", "parameters"),
    [
        (
            "conv 5,6 -k 3x2 -p 1:2,0 -d 1x2",
            "Convolution, 5x6 to 6x4",
            "kernel 3x2, stride 1, padding 1:2 and 0:0, dilation 1x2",
        ),
        ("conv 16 -k 3 -p causal -d 4", "Convolution, 16 to 16", "kernel 3, stride 1, padding 8:0, dilation 4"),
        ("conv 5 -k 2 -p 1:0", "Convolution, 5 to 5", "kernel 2, stride 1, padding 1:0"),
        (
            "conv-transpose 3x3 -k 3 -s 2 -p 1 --op 1",
            "Transposed convolution, 3x3 to 6x6",
            "kernel 3x3, stride 2, padding 1, output padding 1",
        ),
        ("pool 5x5 -k 2 --ceil-mode", "Max pooling, 5x5 to 3x3", "kernel 2x2, stride 2, padding 0, ceil mode"),
        ("pool 6 -k 3 -s 1 -m avg", "Average pooling, 6 to 4", "kernel 3, stride 1, padding 0"),
    ],
)
def test_a_figure_says_its_parameters(line, title, parameters):
    root = ElementTree.fromstring(printed("draw", *line.split()))  # noqa: S314 - our own output
    words = [
        text.text.replace("\N{MULTIPLICATION SIGN}", "x") for text in root.iter("{http://www.w3.org/2000/svg}text")
    ]
    assert words[:2] == [title, parameters]


def test_a_grid_is_drawn_as_svg_and_png(tmp_path):
    np.save(tmp_path / "kernels.npy", np.arange(54.0).reshape(2, 3, 3, 3))
    printed("draw", "grid", tmp_path / "kernels.npy", "--colors", "diverging", "-o", tmp_path / "grid.svg")
    root = ElementTree.parse(tmp_path / "grid.svg").getroot()  # noqa: S314 - our own output
    assert root[0].text == "kernels"
    assert len(list(root.iter("{http://www.w3.org/2000/svg}image"))) == 6
    printed("draw", "grid", tmp_path / "kernels.npy", "-c", "rgb", "-o", tmp_path / "new" / "grid.png")
    assert (tmp_path / "new" / "grid.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("conv 5x5 -k n", "needs integers"),
        ("conv nxn -k 3", "needs integers"),
        ("conv x -k 1", "needs integers"),
        ("conv 5x5 -k 3 -s x", "needs integers"),
        ("conv 5x5 -k 3 -p 1:x", "needs integers"),
        ("conv 5x5 -k 3 -o x.png", "needs the suffix .svg"),
        ("conv 5x5 -k 3 -p up", "needs integers such as 1 or 1,2, LO:HI"),
        ("conv 5x5 -k 3 -p 0:1x2:0", "needs integers of at most 18 digits, as 1,2 or 0:1,2:0"),
        ("conv 5x5 -k 7", "spans 7 elements"),
        ("conv 300x300 -k 3", "at most 128 along an axis"),
        ("conv 5x5 -k 3 --frame 9", "needs 0 <= frame < 9"),
        ("conv 5x5 -k 3 --frames", "needs --output, a folder"),
        ("conv 5x5 -k 3 --frames -o pyproject.toml", "is a file, and --frames needs a folder"),
        ("conv 5x5 -k 3 --seconds 0", "needs 0.02 <= seconds"),
        ("conv-transpose 3 -k 3 -s 99999", "too long to write down"),
        ("pool 6 -k 3 -p 9", "2*padding <= kernel_size"),
        ("grid missing.npy", "needs an .npy file that exists"),
        ("grid pyproject.toml -o grid.gif", "needs one of the suffixes .svg, .png"),
    ],
)
def test_a_figure_that_cannot_be_drawn_ends_as_a_sentence(line, sentence):
    assert sentence in refused("draw", *line.split())


def test_a_network_whose_positions_all_read_the_same_has_none_to_point_at():
    vector, image = Graph(), Graph()
    vector.add("dense", Linear(9, 2), vector.input((9,)))
    image.add("stem", Conv(3, 8, (3, 3)), image.input((3, 9, 9)))
    with pytest.raises(DomainError, match="no node is known to have positions that read different elements"):
        position_of(vector.analyze(), None, (1,))
    assert position_of(image.analyze(), None, (1, 1)) == Position("stem", (1, 1))
