"""Positions and masks that an ONNX file makes of sizes: closed forms against ONNX Runtime at many lengths."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from torch import nn

from convmath.errors import DomainError
from convmath.network import from_onnx, from_torch

from .onnx_models import model, run, session

LENGTHS = range(1, 21)
MOST, WORDS, WIDTH, HEADS = 64, 50, 8, 2


class Decoder(nn.Module):
    """A layer of attention over words whose places it knows in one of some ways, each with the words before it."""

    def __init__(self, places: str, mask: str) -> None:
        super().__init__()
        self.places, self.mask = places, mask
        self.words, self.table = nn.Embedding(WORDS, WIDTH), nn.Embedding(MOST, WIDTH)
        self.learned = nn.Parameter(torch.randn(1, MOST, WIDTH))
        self.register_buffer("rates", 10.0 ** torch.arange(WIDTH // HEADS // 2))
        self.register_buffer("numbers", torch.arange(MOST)[None])
        self.register_buffer("lower", torch.ones(MOST, MOST).tril().bool())
        self.joined, self.head = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WORDS)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        length, x = words.shape[1], self.words(words)
        if self.places == "rows":
            x = x + self.table(torch.arange(length))
        elif self.places == "rows of a slice":
            x = x + self.table(self.numbers[:, :length])
        elif self.places == "a slice":
            x = x + self.learned[:, :length]
        query, key, value = (
            part.view(*x.shape[:2], HEADS, -1).transpose(1, 2) for part in self.joined(x).split(WIDTH, 2)
        )
        if self.places == "turned":
            query, key = turned(query, self.rates), turned(key, self.rates)
        mixed = self.masked(query @ key.transpose(2, 3)).softmax(3) @ value
        return self.head(mixed.transpose(1, 2).reshape(x.shape))

    def masked(self, scores: torch.Tensor) -> torch.Tensor:
        length = scores.shape[3]
        if self.mask == "tril":
            return scores.masked_fill(torch.ones(length, length).tril() == 0, -torch.inf)
        if self.mask == "triu":
            return scores + torch.full((length, length), -torch.inf).triu(1)
        if self.mask == "slice":
            return scores.masked_fill(~self.lower[:length, :length], -torch.inf)
        places = torch.arange(length)
        return torch.where(places[:, None] >= places[None], scores, -torch.inf)


def turned(x: torch.Tensor, rates: torch.Tensor) -> torch.Tensor:
    """Rotary embedding: pairs of features turned by their place."""
    half = x.shape[3] // 2
    angles = torch.arange(x.shape[2]).float()[:, None] / rates
    first, second = x[..., :half], x[..., half:]
    cos, sin = angles.cos(), angles.sin()
    return torch.cat((first * cos - second * sin, second * cos + first * sin), 3)


WAYS = {"rows": "1 <= n <= 64", "rows of a slice": "1 <= n <= 64", "a slice": "1 <= n <= 64", "turned": "n >= 1"}
MASKS = ("tril", "triu", "slice", "where")
DECODERS = [(places, mask, turn % 2 == 1) for turn, (places, mask) in enumerate(zip(WAYS, MASKS, strict=True))]
DECODERS += [(places, mask, not dynamo) for (places, _, dynamo), mask in zip(DECODERS, reversed(MASKS), strict=True)]


def written(module: nn.Module, path: Path, *, dynamo: bool) -> Path:
    """A file for sequences of words of any length."""
    logging.getLogger("torch.onnx").setLevel(logging.CRITICAL)
    options: dict[str, Any] = {"dynamic_axes": {"tokens": {0: "batch", 1: "n"}}, "opset_version": 17}
    if dynamo:
        sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("n", max=MOST)}
        options = {"dynamic_shapes": (sizes,), "verbose": False}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module, (torch.zeros(2, 8, dtype=torch.int64),), str(path), dynamo=dynamo, input_names=["tokens"], **options
        )
    return path


@pytest.mark.parametrize(("places", "mask", "dynamo"), DECODERS)
def test_positions_and_masks_follow_the_length(places, mask, dynamo, tmp_path):
    module = Decoder(places, mask).eval()
    path = written(module, tmp_path / "net.onnx", dynamo=dynamo)
    found = from_onnx(path, ("n",)).closed_forms()
    bounded = WAYS[places] if mask != "slice" else "1 <= n <= 64"
    assert (found.output.label, found.output.reading) == ("proved", "by construction"), str(found.output)
    assert str(found.valid.sizes) == bounded
    runtime = session(onnx.load(path))
    real = {n: runtime.run(None, {"tokens": np.zeros((1, n), np.int64)})[0].shape for n in LENGTHS}
    assert {n: found.output.at(n) for n in LENGTHS} == real
    ours, theirs = (report.analyze() for report in (from_onnx(path, (8,)), from_torch(module, (8,), dtype="int64")))
    assert (ours.status, ours.macs) == (theirs.status, theirs.macs) == ("complete", theirs.macs)
    tables = 0 if places == "turned" else MOST * WIDTH
    unsaid = 2 if places == "turned" and not dynamo else 0  # older files do not say what is no parameter
    layers = (module.words, module.joined, module.head)
    assert ours.params == sum(one.numel() for layer in layers for one in layer.parameters()) + tables + unsaid


@pytest.mark.parametrize("dynamo", [False, True])
def test_rows_beyond_the_table_are_refused_as_onnx_runtime_refuses_them(dynamo, tmp_path):
    path = written(Decoder("rows", "triu").eval(), tmp_path / "net.onnx", dynamo=dynamo)
    runtime = session(onnx.load(path))
    tokens = {n: {"tokens": np.zeros((1, n), np.int64)} for n in (MOST, MOST + 1)}
    assert runtime.run(None, tokens[MOST])[0].shape == (1, MOST, WORDS)
    assert from_onnx(path, (MOST,)).analyze().output.output_size == (MOST, WORDS)
    with pytest.raises(Exception, match="out of data bounds"):
        runtime.run(None, tokens[MOST + 1])
    with pytest.raises(DomainError, match=r"index=64: what is looked up has 64 rows: needs 0 <= index < 64"):
        from_onnx(path, (MOST + 1,))


# Nodes one by one


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


CONSTANTS = {
    "two": np.int64(2),
    "zero": np.int64(0),
    "one": np.int64(1),
    "[0]": ints(0),
    "[1]": ints(1),
    "[2]": ints(2),
}
CONSTANTS |= {"[-1]": ints(-1), "ones": np.float32([1]), "0.0": np.float32(0), "0.5": np.float32(0.5)}
CONSTANTS |= {"table": np.zeros((64, 5), np.float32), "boxes": np.zeros((30, 5, 2), np.float32)}

LENGTH = [
    helper.make_node("Shape", ["x"], ["sizes"]),
    helper.make_node("Gather", ["sizes", "two"], ["n"]),
    helper.make_node("Gather", ["sizes", "[2]"], ["[n]"]),
    helper.make_node("Concat", ["[n]", "[n]"], ["[n, n]"], axis=0),
    helper.make_node("Range", ["zero", "n", "one"], ["range"], "range"),
]


def step(op: str, reads: tuple[str, ...], gives: str, more: dict[str, Any] | None = None) -> onnx.NodeProto:
    return helper.make_node(op, list(reads), [gives], gives, **(more or {}))


PROVED, READ, UNKNOWN = "proved", "checked by sampling", ""
NODES = {
    "rows": (PROVED, ("Gather", ("table", "range"), "y")),
    "boxes": (PROVED, ("Gather", ("boxes", "range"), "y")),
    "every second": (PROVED, ("Range", ("zero", "n", "two"), "y")),
    "from the length": (PROVED, ("Add", ("n", "two"), "end"), ("Range", ("n", "end", "one"), "y")),
    "as many": (PROVED, ("Size", ("range",), "count"), ("Range", ("zero", "count", "one"), "y")),
    "filled": (PROVED, ("ConstantOfShape", ("[n, n]",), "y")),
    "one place": (PROVED, ("ConstantOfShape", ("[n, n]",), "square"), ("EyeLike", ("square",), "y")),
    "stretched": (PROVED, ("Expand", ("ones", "[n]"), "row"), ("Add", ("x", "row"), "y")),
    "half": (PROVED, ("Div", ("[n]", "[2]"), "half"), ("Slice", ("range", "[0]", "half"), "y")),
    "a factor": (
        PROVED,
        ("Cast", ("n",), "whole", {"to": 1}),
        ("Sqrt", ("whole",), "root"),
        ("Div", ("x", "root"), "y"),
    ),
    "the first": (READ, ("Gather", ("range", "[0]"), "first"), ("Gather", ("x", "first"), "y", {"axis": 3})),
    "the last": (UNKNOWN, ("Gather", ("range", "[-1]"), "last"), ("Gather", ("x", "last"), "y", {"axis": 3})),
    "the largest": (UNKNOWN, ("ReduceMax", ("range",), "most"), ("Expand", ("ones", "most"), "y")),
    "fractions": (UNKNOWN, ("Cast", ("n",), "end", {"to": 1}), ("Range", ("0.0", "end", "0.5"), "y")),
    "rounded": (
        UNKNOWN,
        *(("Cast", ("[n]",), "float", {"to": 1}), ("Mul", ("float", "0.5"), "half")),
        *(("Cast", ("half",), "whole", {"to": 7}), ("Expand", ("ones", "whole"), "y")),
    ),
}


def of_runtime(proto: onnx.ModelProto, n: int) -> tuple[int, ...] | None:
    """The sizes of the output; None where ONNX Runtime refuses."""
    for kind in (TensorProto.FLOAT, TensorProto.INT64):
        proto.graph.output[0].type.tensor_type.elem_type = kind
        runtime = session(proto)
        if runtime is not None:
            return runtime.run(None, {"x": np.zeros((1, 1, n, n), np.float32)})[0].shape
    return None


@pytest.mark.parametrize("name", NODES)
def test_what_is_made_of_sizes_has_no_more_claimed_than_its_own_sizes(name):
    """Elements that say sizes, or what is taken of an input, are those at reading until other readings show it."""
    label, *steps = NODES[name]
    proto = model([*LENGTH, *(step(*one) for one in steps)], {"x": (1, 1, "n", "n")}, CONSTANTS)
    found = from_onnx(proto, (1, 1, "n", "n"), at=6).closed_forms().output
    assert (found.label if found.dimensions is not None else "") == label, str(found)
    for n in LENGTHS if label else ():
        if n in found.valid:
            assert found.at(n) == of_runtime(proto, n), n


def test_elements_that_are_made_are_still_known_at_reading():
    proto = model([*LENGTH, step("Gather", ("x", "range"), "y", {"axis": 3})], {"x": (1, 1, 6, 6)}, CONSTANTS)
    report = from_onnx(proto).analyze()
    assert (report.status, report.output.sizes) == ("complete", (1, 1, 6, 6))
    assert [row.name for row in report] == ["x", "y"], "what nothing reads is no row"


@pytest.mark.parametrize("length", [63, 64, 65])
def test_stored_rows_of_a_table_are_among_its_rows(length):
    stored = {**CONSTANTS, "rows": np.arange(length)[None], "few": np.full((1, length), -1)}
    made = {}
    for rows in ("rows", "few"):
        nodes = [
            helper.make_node("Gather", ["table", rows], ["chosen"], "chosen"),
            helper.make_node("Add", ["x", "chosen"], ["y"], "y"),
        ]
        made[rows] = model(nodes, {"x": (1, length, 5)}, stored)
    assert from_onnx(made["few"]).analyze().output.output_size == (length, 5)
    if length > 64:
        with pytest.raises(DomainError, match=r"index=64: what is looked up has 64 rows"):
            from_onnx(made["rows"])
    else:
        assert from_onnx(made["rows"]).analyze().output.output_size == (length, 5)


def test_a_range_is_followed_to_the_table_by_way_of_other_dimensions():
    nodes = [
        *LENGTH,
        helper.make_node("Unsqueeze", ["range", "[0]"], ["line"], "line"),
        helper.make_node("Gather", ["table", "line"], ["chosen"], "chosen"),
        helper.make_node("Add", ["x", "chosen"], ["y"], "y"),
    ]
    found = from_onnx(model(nodes, {"x": (1, 1, "n", 5)}, CONSTANTS), (1, "n", 5)).closed_forms()
    assert (str(found.valid.sizes), found.output.label) == ("1 <= n <= 64", "proved")


@pytest.mark.parametrize("least", [-64, -65])
def test_stored_rows_that_are_counted_from_the_end_are_among_those_of_the_table(least):
    nodes = [
        helper.make_node("Gather", ["table", "rows"], ["chosen"], "chosen"),
        helper.make_node("Add", ["x", "chosen"], ["y"], "y"),
    ]
    proto = model(nodes, {"x": (1, "n", 5)}, {**CONSTANTS, "rows": ints(least)})
    if least < -64:
        with pytest.raises(DomainError, match=r"index=-65: what is looked up has 64 rows: needs -64 <= index < 64"):
            from_onnx(proto, (1, "n", 5), at=6)
    else:
        assert from_onnx(proto, (1, "n", 5), at=6).closed_forms().output.given == ""


def test_positions_from_numbers_of_the_type_of_others_are_followed():
    nodes = [
        helper.make_node("Constant", [], ["other"], "other", value_int=6),
        *(helper.make_node("Constant", [], [f"real{n}"], f"real{n}", value_float=float(n)) for n in (0, 1)),
        *(helper.make_node("CastLike", [f"real{n}", "other"], [f"like{n}"], f"like{n}") for n in (0, 1)),
        helper.make_node("Range", ["like0", "other", "like1"], ["rows"], "rows"),
        helper.make_node("Gather", ["table", "rows"], ["chosen"], "chosen"),
        helper.make_node("Add", ["x", "chosen"], ["y"], "y"),
    ]
    report = from_onnx(model(nodes, {"x": (1, 6, 5)}, CONSTANTS)).analyze()
    assert (report.status, report.output.sizes) == ("complete", (1, 6, 5))


def added(*steps: tuple[Any, ...]) -> onnx.ModelProto:
    """A model that adds to its input the sum of what is chosen of constants."""
    sums = (("ReduceSum", ("chosen",), "total", {"keepdims": 0}), ("Add", ("x", "total"), "y"))
    return model([*LENGTH, *(step(*one) for one in (*steps, *sums))], {"x": (1, 1, "n", "n")}, CONSTANTS)


def takes(proto: onnx.ModelProto, n: int) -> bool:
    """Whether ONNX Runtime runs a model on an input of ``n`` by ``n``."""
    return run(proto, np.zeros((1, 1, n, n), np.float32)) is not None


CONSTANTS |= {"few": np.zeros((10, 5), np.float32), "numbers": np.arange(3, 13), "one row": ints(3)}
CONSTANTS |= {"ten": np.int64(10), "[1, 1]": ints(1, 1), "two rows": ints(2, 0)}
CHOSEN = {
    "a row": (63, ("Gather", ("table", "n"), "chosen")),
    "one of few rows": (9, ("Gather", ("few", "n"), "chosen")),
    "a column": (4, ("Gather", ("few", "[n]"), "chosen", {"axis": 1})),
    "from the end": (64, ("Sub", ("zero", "n"), "back"), ("Gather", ("table", "back"), "chosen")),
    "before the start": (19, ("Sub", ("n", "ten"), "less"), ("Gather", ("few", "less"), "chosen")),
    "every second": (4, ("Mul", ("n", "two"), "twice"), ("Gather", ("few", "twice"), "chosen")),
    "two rows": (9, ("Concat", ("[1]", "[n]"), "both", {"axis": 0}), ("Gather", ("few", "both"), "chosen")),
    "of a number of a table": (9, ("Gather", ("numbers", "n"), "row"), ("Gather", ("table", "row"), "chosen")),
    "a range of another type": (64, ("Cast", ("range",), "short", {"to": 6}), ("Gather", ("table", "short"), "chosen")),
    "a range that is copied": (64, ("Expand", ("range", "[1]"), "copy"), ("Gather", ("table", "copy"), "chosen")),
    "one of which only an element is read": (9, ("Gather", ("few", "n"), "row"), ("Gather", ("row", "two"), "chosen")),
    "one that is not read": (9, ("Gather", ("few", "n"), "row"), ("Gather", ("few", "two rows"), "chosen")),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_a_row_whose_number_is_a_size_is_among_those_of_the_table(name):
    last, *steps = CHOSEN[name]
    proto = added(*steps)
    assert [takes(proto, n) for n in (1, last, last + 1)] == [True, True, False]
    found = from_onnx(proto, (1, 1, "n", "n"), at=3).closed_forms()
    assert (str(found.valid), found.output.label) == (f"1 <= n <= {last}", "proved")
    with pytest.raises(DomainError, match=r"needs (0|-[0-9]+) <= index < "):
        from_onnx(proto, (1, 1, last + 1, last + 1))


ROWS = "where the tables have all rows that are looked up"
UNCOUNTED = {
    "an embedding": (33, ("Mul", ("range", "two"), "even"), ("Gather", ("table", "even"), "chosen")),
    "of a number that may be too large": (7, ("Gather", ("numbers", "n"), "row"), ("Gather", ("few", "row"), "chosen")),
    "many": (10, ("Concat", ("[n]",) * 9, "rows", {"axis": 0}), ("Gather", ("few", "rows"), "chosen")),
    "one of all dimensions": (10, ("GatherND", ("few", "[n]"), "chosen")),
    "one of each": (10, ("Expand", ("[n]", "[1, 1]"), "rows"), ("GatherElements", ("few", "rows"), "chosen")),
}


@pytest.mark.parametrize("name", UNCOUNTED)
def test_rows_of_which_no_bound_is_known_are_said_to_be_taken_to_be_there(name):
    beyond, *steps = UNCOUNTED[name]
    proto = added(*steps)
    assert [takes(proto, n) for n in (1, beyond)] == [True, False]
    found = from_onnx(proto, (1, 1, "n", "n"), at=3).closed_forms()
    assert (found.output.given, str(found.valid).endswith(ROWS)) == (ROWS, True)


def test_a_part_of_stored_numbers_has_none_but_these():
    parts = ("Slice", ("numbers", "[0]", "[n]"), "part"), ("Gather", ("table", "part"), "chosen")
    found = from_onnx(added(*parts), (1, 1, "n", "n"), at=3).closed_forms()
    assert takes(added(*parts), 20)
    assert (str(found.valid), found.output.given) == ("n >= 1", "")


STORED = {
    "rows": ("Gather", ("few", "two rows"), "chosen"),
    "one of all dimensions": ("GatherND", ("few", "one row"), "chosen"),
}


@pytest.mark.parametrize("name", STORED)
def test_rows_whose_numbers_are_stored_leave_nothing_to_be_said(name):
    proto = added(STORED[name])
    assert takes(proto, 20)
    found = from_onnx(proto, (1, 1, "n", "n"), at=3).closed_forms()
    assert (str(found.valid), found.output.label, found.output.given) == ("n >= 1", "proved", "")
    assert [row.op for row in from_onnx(proto, (1, 1, 3, 3)).analyze()] == ["input", "parameter", "add"]


# Sizes that a reshape copies or makes up


COPIED = {"behind": (0, -1, 2, 0), "before": (0, 2, -1, 0), "around": (0, 0, -1, 2)}


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("name", COPIED)
def test_a_reshape_that_copies_sizes_takes_what_onnx_runtime_takes(name, channels):
    nodes = [
        helper.make_node("MaxPool", ["x"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["p", "shape"], ["y"], "y"),
    ]
    proto = model(nodes, {"x": (1, channels, "n", "n")}, {"shape": ints(*COPIED[name])})
    found = from_onnx(proto, (channels, "n", "n")).closed_forms()
    assert (found.output.label, found.valid.scope.clauses) == ("proved", ())
    for n in range(2, 14):
        real = run(proto, np.ones((1, channels, n, n), np.float32))
        assert (n in found.valid) == (real is not None), n
        assert real is None or found.output.at(n) == real.shape


def test_what_a_reshape_makes_up_beside_sizes_that_do_not_divide_is_as_it_was_read():
    """Of 4 floor(n/2) elements in n parts, each of which is copied, 2 are left if n is even."""
    nodes = [
        helper.make_node("MaxPool", ["x"], ["p"], "pool", kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Shape", ["x"], ["[n]"], "size", start=2, end=3),
        helper.make_node("Concat", ["[0, -1]", "[n]", "[0]"], ["shape"], "shape", axis=0),
        helper.make_node("Reshape", ["p", "shape"], ["y"], "y"),
    ]
    proto = model(nodes, {"x": (1, 4, "n", "n")}, {"[0, -1]": ints(0, -1), "[0]": ints(0)})
    found = from_onnx(proto, (4, "n", "n")).closed_forms()
    assert str(found.output.output_size) == "(2, n, FloorDiv(n, 2))"
    assert found.valid.scope.clauses == ("where the network is as it was read",)
    for n in range(2, 14):
        real = run(proto, np.ones((1, 4, n, n), np.float32))
        assert (n in found.valid) == (real is not None), n
        assert real is None or real.shape == (1, 2, n, n // 2)
