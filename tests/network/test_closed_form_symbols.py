"""Closed forms in several symbols at once, and of several outputs."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import sympy
import torch
from onnx import helper
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.calculus.index import integers
from convmath.errors import DomainError
from convmath.inert import CeilDiv
from convmath.network import Graph
from convmath.network.closed_form import closed_forms
from convmath.network.closed_form.form import Length
from convmath.network.closed_form.laws import placeholder
from convmath.network.closed_form.naming import in_letters
from convmath.network.operators import Concat, Conv, Pool, Reshape

from .computing import Function
from .onnx_models import model

h, w = integers("h w")


def stem(*size) -> Graph:
    graph = Graph()
    first = graph.add("conv", Conv(3, 8, (7, 5), stride=(2, 3), padding=(3, 0)), graph.input((3, *size)))
    graph.add("pool", Pool("max", (2, 2), stride=2, ceil_mode=True), first)
    return graph


@pytest.mark.parametrize("letters", [("h", "w"), ["h", "w"], (h, w)], ids=str)
def test_every_axis_may_have_its_own_symbol(letters):
    found = stem(64, 64).closed_forms(letters)
    assert str(found) == str(stem("h", "w").closed_forms())
    assert found.symbols == (h, w)
    assert str(found.output) == "pool: (8, ceil(h/4), floor((w + 1)/6)) for h >= 1; w >= 5, proved"
    assert {name: str(sizes) for name, sizes in found.valid.items()} == {"h": "h >= 1", "w": "w >= 5"}
    assert str(found.lossless["w"]) == "w >= 5 with w mod 3 = 2"
    assert str(found.about("w")) == str(stem("h", "w").closed_forms("w"))
    assert found.about(h).output.size == CeilDiv(h, 4)
    assert found["conv"].valid["w"] == found.about("w")["conv"].valid
    assert len(found) == len(list(found)) == 3
    assert (found.label, found.output.label) == ("proved", "proved")


def test_both_axes_are_put_in_at_once():
    output = stem(64, 64).closed_forms(("h", "w")).output
    for height, width in ((1, 5), (64, 63), (7, 100)):
        assert output.at(h=height, w=width) == stem(height, width).analyze().output.sizes
    assert output.at(30) == stem(30, 30).analyze().output.sizes
    assert output.at(h=64, w=40) != stem(40, 64).analyze().output.sizes
    with pytest.raises(DomainError, match="w=4: pool needs w >= 5"):
        output.at(h=9, w=4)
    with pytest.raises(DomainError, match="w has none"):
        output.at(h=9)


HALVED = nn.Conv2d(3, 4, 3, 2, 1)
RANKS = {
    "one of them": Function(lambda x: x[:, 0]),
    "squeezed": Function(lambda x: x[:, :1].squeeze(1)),
    "unsqueezed": Function(lambda x: x.unsqueeze(1)),
    "at both ends": Function(lambda x: x[:, None, ..., None]),
    "each": Function(lambda x: sum(x.unbind(1))),
    "each of smaller ones": Function(lambda x, conv: torch.stack(conv(x).unbind(1), 1), HALVED),
    "put together again": Function(lambda x, conv: torch.stack([conv(x)[:, 0], conv(x)[:, 1]], 3), HALVED),
    "in groups": Function(lambda x, conv: torch.channel_shuffle(conv(x), 2), HALVED),
    "split": Function(lambda x: x.unflatten(1, (3, 1)).mean(1)),
    "a volume": Function(lambda x, conv: conv(x.unsqueeze(1)).squeeze(2), nn.Conv3d(1, 2, (3, 2, 1))),
    "rows": Function(lambda x: x.permute(0, 2, 1, 3).reshape(x.shape[0] * x.shape[2], 3, x.shape[3])),
    "of one row": Function(lambda x: x[:, :, 0].unsqueeze(2)),
    "excited": Function(lambda x: x * x.mean((2, 3)).view(-1, 3, 1, 1)),
}


@pytest.mark.parametrize("module", RANKS.values(), ids=RANKS)
def test_dimensions_that_come_or_go_leave_two_symbols_apart(module):
    """Of as many elements before and after, where both sizes are factors of both."""
    output, module = network.from_torch(module, (3, "h", "w")).closed_forms().output, module.to("meta")
    for height, width in product((1, 2, 3, 6, 19, 20), repeat=2):
        if height in output.valid["h"] and width in output.valid["w"]:
            real = module(torch.empty(1, 3, height, width, device="meta"))
            assert output.at(h=height, w=width) == real.shape, (height, width)
        else:
            with pytest.raises(RuntimeError):
                module(torch.empty(1, 3, height, width, device="meta"))


def test_a_product_of_two_symbols_is_unknown():
    form = network.from_torch(Function(lambda x: x.flatten(2)), (3, "h", "w")).closed_forms().output
    assert (form.label, form.sizes) == ("unknown", None)
    assert form.reason.endswith("this goes by h and w at once; give both the same symbol")


def test_why_sizes_are_unknown_is_said_in_the_symbols_of_the_input():
    module = Function(lambda x: x[..., 1:].unflatten(3, (x.shape[2] // 2, -1)))
    found = network.from_torch(module, (3, "n", "m"), at={"n": 8, "m": 9}).closed_forms()
    assert found["unflatten"].reason == "unflatten: the size (m - 1) is divided by the size floor(n/2)"


def test_the_symbols_of_ten_sizes_are_told_apart():
    places = {placeholder(h, number): Length(CeilDiv(h, number + 2)) for number in range(11)}
    assert in_letters("h_in1 and h_in10", places) == "ceil(h/3) and ceil(h/12)"


RANKED = {
    "Unsqueeze": ([helper.make_node("Unsqueeze", ["x", "axis"], ["y"], "y")], "(1, 3, h, w)"),
    "Gather": ([helper.make_node("Gather", ["x", "one"], ["y"], "y", axis=1)], "(h, w)"),
    "Squeeze": (
        [
            helper.make_node("Slice", ["x", "axis", "end", "axis"], ["part"], "part"),
            helper.make_node("Squeeze", ["part", "axis"], ["y"], "y"),
        ],
        "(h, w)",
    ),
}


@pytest.mark.parametrize(("nodes", "sizes"), RANKED.values(), ids=RANKED)
def test_dimensions_that_come_or_go_in_a_file_leave_two_symbols_apart(nodes, sizes):
    """A named axis of size 1 says nothing about the others: they may be 1, too."""
    constants = {"axis": np.array([1]), "end": np.array([2]), "one": np.array(1)}
    found = network.from_onnx(model(nodes, {"x": (1, 3, "h", "w")}, constants), input_size=(3, "h", "w"))
    assert str(found.closed_forms().output) == f"y: {sizes} for h >= 1; w >= 1, proved"


def test_a_reshape_by_hand_leaves_two_symbols_apart():
    """It keeps the size at place 3, and makes up the other one."""
    graph = Graph()
    graph.add("turned", Reshape((1, 3, 1, 0, -1)), graph.input((3, "h", "w")))
    assert graph.closed_forms().output.sizes == (1, 3, 1, w, h)


@pytest.mark.parametrize(
    ("graph", "arguments", "message"),
    [
        (stem(64, 64), {"symbol": ("h",)}, "needs a name for each of the 2 axes of input"),
        (stem(64, 64), {"symbol": ()}, "one for each spatial axis"),
        (stem(64, 64), {"symbol": ("h", "w"), "axis": 0}, "one for each spatial axis, and no axis"),
        (stem(64, 64), {"symbol": ("h", "2w")}, "needs a name"),
        (stem("h", "w"), {"symbol": ("a", "b")}, "are symbols already, h, w"),
        (stem("h", "w"), {"symbol": "n"}, "no input size has this name"),
    ],
    ids=str,
)
def test_wrong_symbols_are_named(graph, arguments, message):
    with pytest.raises(DomainError, match=message):
        closed_forms(graph, **arguments)
    with pytest.raises(DomainError, match="no input size has this name"):
        stem("h", "w").closed_forms().about("n")


def test_the_same_letter_twice_is_one_size():
    found = stem(64, 64).closed_forms(("m", "m"))
    assert found.symbols == (sympy.Symbol("m", integer=True),)
    assert str(found.valid["m"]) == "m >= 5"


def test_forms_in_several_symbols_show_themselves():
    found = stem("h", "w").closed_forms()
    assert repr(found) == f"FormsBySymbol(3 nodes, {found.output})"
    assert str(found).splitlines()[-2:] == ["lossless: h >= 1", "lossless: w >= 5 with w mod 3 = 2"]
    assert "<td>h &gt;= 1; w &gt;= 5</td>" in found._repr_html_()
    assert r"h \ge 1;\quad w \ge 5" in found.output._repr_latex_()


# Outputs


class Pyramid(nn.Module):
    """Maps at three strides, made from the coarsest to the finest."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList(nn.Conv2d(3, 3, 3, 2, 1) for _ in range(3))

    def forward(self, x):
        levels = []
        for conv in self.down:
            levels.append(x := conv(x))
        fine = [levels[-1]]
        for level in levels[-2::-1]:
            fine.insert(0, level + F.interpolate(fine[0], size=level.shape[2:]))
        return fine


def test_all_that_a_network_returns_is_shown():
    graph = network.from_torch(Pyramid(), (3, 64, 64))
    found = graph.closed_forms()
    assert [str(form.size) for form in found.outputs] == ["CeilDiv(n, 2)", "CeilDiv(n, 4)", "CeilDiv(n, 8)"]
    assert tuple(form.name for form in found.outputs) == graph.outputs
    assert all(str(form) in repr(found) for form in found.outputs)
    assert found.output is found.outputs[0]  # the finest is made last
    both = graph.closed_forms(("h", "w"))
    assert [form.name for form in both.outputs] == [form.name for form in found.outputs]
    assert both.output.name == found.output.name


def test_what_is_computed_after_the_result_is_not_the_output():
    graph = Graph()
    image = graph.input((1, 16, 16))
    half = graph.add("half", Pool("max", (2, 2)), image)
    third = graph.add("third", Pool("max", (3, 3)), image)
    graph.add("unused", Conv(1, 1, (3, 3)), third)
    net = Graph(list(graph), ["half"])
    assert net.closed_forms().output.name == half
    assert list(net.closed_forms())[-1].name == "unused"
    assert str(network.solve(net, output_size=8)) == "16 <= n <= 17"
    with pytest.raises(DomainError, match="an empty network has no output"):
        _ = Graph().closed_forms("n").output


def test_nodes_that_are_not_there_are_named_by_those_that_are():
    with pytest.raises(DomainError, match="no node has this name; did you mean conv"):
        _ = stem(64, 64).closed_forms()["conc"]
    graph = Graph()
    first, second = graph.input((1, 8), "first"), graph.input((1, 8), "second")
    graph.add("both", Concat(2), first, second)
    with pytest.raises(DomainError, match="needs a name for each of the 1 axes"):
        graph.closed_forms(("h", "w"))
