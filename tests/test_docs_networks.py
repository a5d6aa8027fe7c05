"""The page about networks: its file can be read, and its tables are those of the code."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import pytest

from convmath import network
from convmath.errors import DomainError
from convmath.network.files.layers import LAYERS, SEVERAL
from convmath.network.files.reading import described
from convmath.network.operators import Conv, ConvTranspose
from convmath.network.views import answers, forms
from convmath.network.views.details import Position
from convmath.network.views.documents import document

from .network.test_formats import varied

PAGE = (Path(__file__).parents[1] / "docs/networks.md").read_text(encoding="utf-8")


def table(head: str, page: str = PAGE) -> dict[str, str]:
    """The first two columns of the table whose first column has this name; a line may have several names."""
    lines = page.partition(f"| {head} | ")[2].partition("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines)
    return {name: "".join(rest).strip("| ") for first, *rest in cells for name in re.findall(r"`(\w+)`", first)}


def options(make: Callable[..., Any]) -> Iterator[str]:
    for name, one in signature(make).parameters.items():
        if one.kind is Parameter.KEYWORD_ONLY:
            default = "" if one.default is None else f" = {json.dumps(one.default, default=str)}"
            yield f"**{name}**" if one.default is Parameter.empty else f"{name}{default}"


def test_the_table_of_layers_has_every_layer_with_its_options_and_defaults():
    wanted = {op: ", ".join(options(make)) for op, make in {**LAYERS, **SEVERAL}.items()}
    assert table("`op`") == wanted
    assert table("`op`", PAGE.replace("**num_heads**, dropout", "**heads**, dropout")) != wanted


def test_the_network_of_the_page_can_be_read(tmp_path):
    (source,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "net.toml").write_text(source, encoding="utf-8")
    report = network.read(tmp_path / "net.toml").analyze()
    assert (report.status, report.output.output_size) == ("complete", (10,))


def test_the_keys_of_a_file_are_those_of_the_page():
    known = set(re.findall(r"`(\w+)`", PAGE.partition("| Key of the file |")[2].partition("\n\n")[0])) - {"op", "name"}
    with pytest.raises(DomainError, match="see: ") as error:
        described({"???": 1})
    assert set(str(error.value).partition("see: ")[2].split(", ")) == known


def test_the_keys_of_json_are_those_of_the_page():
    found = json.loads(document(varied(), "json"))
    assert list(table("Key of the report")) == list(found)
    assert {tuple(node) for node in found["nodes"]} == {tuple(table("Key of a node"))}
    axes = [axis for node in found["nodes"] for fields in node["receptive_fields"].values() for axis in fields]
    assert {tuple(axis) for axis in axes} == {tuple(table("Key of a field on an axis"))}


def test_the_keys_of_a_position_are_those_of_the_page():
    net = network.Graph()
    net.add("conv", Conv(1, 1, (3,)), net.input((1, 9)))
    found = json.loads(document(net.analyze(), "json", position=Position("conv", (2,))))["position"]
    assert list(table("Key of a position")) == list(found)


def coder(*sizes: int | str) -> network.Graph:
    net = network.Graph()
    code = net.add("encode", Conv(1, 8, (3, 3), stride=2, padding=1), net.input((1, *sizes)))
    net.add("decode", ConvTranspose(8, 1, (3, 3), stride=2, padding=1), code)
    return net


def test_the_keys_of_closed_forms_are_those_of_the_page():
    found = json.loads(forms.document(forms.Forms.of(coder("h", "w")), "json"))
    assert list(table("Key of closed forms")) == list(found)
    assert {tuple(node) for node in found["nodes"]} == {tuple(table("Key of a closed form"))}
    sets = [one for each in found["input_sizes"].values() for one in each.values()]
    assert {tuple(one) for one in sets} == {tuple(table("Key of input sizes"))}
    assert {tuple(one["sizes"]) for one in sets} == {tuple(table("Key of a set of sizes"))}
    assert list(table("Key of a round trip")) != list(found)


def test_the_keys_of_answers_are_those_of_the_page():
    trip, changes, layers, sizes = (
        json.loads(answers.document(answer, "json"))
        for answer in (
            network.solve(coder(28, 28), round_trip=True),
            network.solve(coder(28, 28), receptive_field=9),
            network.solve(input_size=8, output_size=4),
            network.solve(coder(28, 28), output_size=27),
        )
    )
    assert list(table("Key of a round trip")) == list(trip)
    assert {tuple(one) for one in changes} == {tuple(table("Key of a change"))}
    assert {tuple(one) for one in layers} == {tuple(table("Key of a layer"))}
    assert list(table("Key of input sizes")) == list(sizes) == list(trip["input_sizes"])


def test_the_columns_of_csv_are_those_of_the_page():
    head = next(csv.reader(io.StringIO(document(varied(), "csv"))))
    spread = {"receptive_fields", "receptive_field_unknown", "work"}
    assert set(head) == (set(table("Key of a node")) - spread) | set(table("Column"))
