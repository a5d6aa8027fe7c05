"""Answers of ``solve`` against brute force: every axis, the least change, the cheapest first, shared weights."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath.errors import DomainError
from convmath.network import Graph, from_torch, solve
from convmath.network.node import Node
from convmath.network.operators import Combine, Conv, ConvTranspose, Input, Pool


def halved_twice(n: int, m: int) -> Graph:
    """Pooled, and made large again by two transposed convolutions that undo no layer each."""
    graph = Graph()
    last = graph.add("pool", Pool("max", (4, 4)), graph.input((1, n, m)))
    for name in ("up", "again"):
        last = graph.add(name, ConvTranspose(1, 1, (2, 2), stride=2), last)
    return graph


@pytest.mark.parametrize(("n", "m"), [(27, 25), (25, 27), (24, 26), (27, 27)])
def test_combinations_of_output_paddings_satisfy_every_axis(n, m):
    found = solve.output_padding(halved_twice(n, m))
    image = torch.empty(1, 1, n, m, device="meta")
    layers = [nn.MaxPool2d(4)] + [
        nn.ConvTranspose2d(1, 1, 2, 2, output_padding=found[name]) for name in ("up", "again")
    ]
    assert nn.Sequential(*layers).to("meta")(image).shape[2:] == (n, m)
    assert found.graph.analyze().output.output_size == (1, n, m)


@pytest.mark.parametrize("extra", list(product(range(3), repeat=2)), ids=str)
def test_an_output_padding_may_be_as_large_as_the_dilation_allows(extra):
    """Torch takes any that is less than the stride or the dilation."""
    options = {"stride": 1, "dilation": 3, "padding": 3}
    graph = Graph()
    cut = graph.add("cut", Conv(1, 1, tuple(e + 1 for e in extra)), graph.input((1, 9, 10)))
    graph.add("up", ConvTranspose(1, 1, (3, 3), **options), cut)
    found = solve.output_padding(graph)
    assert found["up"] == extra
    layer = nn.ConvTranspose2d(1, 1, 3, output_padding=extra, **options).to("meta")
    assert layer(torch.empty(1, 1, 9 - extra[0], 10 - extra[1], device="meta")).shape[2:] == (9, 10)


def test_an_output_padding_as_large_as_the_dilation_is_none():
    graph = Graph()
    cut = graph.add("cut", Conv(1, 1, (4,)), graph.input((1, 9)))
    graph.add("up", ConvTranspose(1, 1, (3,), dilation=3, padding=3), cut)
    with pytest.raises(DomainError, match="none of the output paddings"):
        solve.output_padding(graph)
    with pytest.raises(RuntimeError):
        F.conv_transpose1d(torch.zeros(1, 1, 6), torch.zeros(1, 1, 3), dilation=3, padding=3, output_padding=3)


# The least change


def stem_and_body() -> Graph:
    """Few channels at many positions, and many at few, so that weights and products cost apart."""
    graph = Graph()
    first = graph.add("first", Conv(1, 2, (3,), padding=1), graph.input((1, 400)))
    small = graph.add("small", Pool("avg", (100,)), first)
    graph.add("last", Conv(2, 60, (3,), padding=1), small)
    return graph


def before_and_after(text: str) -> tuple[str, str, int]:
    """The layer, the kind of the change, and how far it goes."""
    layer, change = text.split(": ")
    words = change.split()
    if "more" in words:
        return layer, "layers", int(words[0])
    return layer, words[0], int(words[1])


def changed(graph: Graph, layer: str, kind: str, amount: int) -> int:
    """The size of the receptive field after a change, which is made here by hand."""
    operator = graph[layer].operator
    (kernel,), dilation = operator.kernel_size, operator.dilation
    if kind == "layers":
        found, names = Graph(), {}
        for node in graph:
            names[node.name] = found.add(node.name, node.operator, *(names[name] for name in node.inputs))
            if node.name == layer:
                channels = operator.out_channels
                for number in range(amount):
                    further = Conv(channels, channels, (3,), padding=1)
                    names[layer] = found.add(f"{layer} {number}", further, names[layer])
        return found.analyze().output.receptive_field.size[0]
    kernel, dilation = (amount, dilation) if kind == "kernel" else (kernel, amount)
    wider = Conv(
        operator.in_channels, operator.out_channels, (kernel,), dilation=dilation, padding=dilation * (kernel // 2)
    )
    return graph.replaced({layer: wider}).analyze().output.receptive_field.size[0]


@pytest.mark.parametrize("wanted", [303, 304, 306, 390])
@pytest.mark.parametrize("layer", ["first", "last"])
def test_every_change_by_one_less_is_not_enough(layer, wanted):
    graph = stem_and_body()
    found = [before_and_after(change.text) for change in solve.receptive_field(graph, wanted, layers=[layer])]
    assert {kind for _, kind, _ in found} == {"dilation", "kernel", "layers"}
    for name, kind, amount in found:
        less = amount - (2 if kind == "kernel" else 1)  # kernels keep their parity
        assert changed(graph, name, kind, amount) >= wanted
        assert not less or changed(graph, name, kind, less) < wanted


@pytest.mark.parametrize("wanted", range(10, 40))
def test_a_change_that_is_hidden_at_first_by_another_path_is_the_least_that_is_enough(wanted):
    """The path beside it sees nine elements: a dilation of 2 to 4 changes nothing."""
    graph = Graph()
    image = graph.input((1, 64))
    near = graph.add("near", Conv(1, 1, (3,), padding=1), image)
    graph.add("sum", Combine("add"), near, graph.add("far", Conv(1, 1, (9,), padding=4), image))
    changes = [before_and_after(change.text) for change in solve.receptive_field(graph, wanted, layers="near")]
    found = {kind: amount for _, kind, amount in changes}
    taps = wanted + (wanted % 2 == 0)
    assert found == {"dilation": (taps - 1) // 2, "kernel": taps, "layers": (taps - 3) // 2}


def test_a_field_that_grows_with_every_second_step_is_enlarged():
    """After the transposed convolution four neighbours lie on one element: two more of them gain one or none."""
    graph = Graph()
    up = graph.add("up", ConvTranspose(1, 1, (3,), stride=4), graph.input((1, 64)))
    graph.add("body", Conv(1, 1, (3,), padding=1), up)
    for wanted in (5, 12):
        found = [before_and_after(change.text) for change in solve.receptive_field(graph, wanted, layers="body")]
        assert {kind for _, kind, _ in found} == {"dilation", "kernel", "layers"}
        for name, kind, amount in found:
            assert changed(graph, name, kind, amount) >= wanted
            assert changed(graph, name, kind, amount - (2 if kind == "kernel" else 1)) < wanted


def test_a_field_that_grows_by_fits_and_starts_is_enlarged():
    """Between the blocks that the transposed convolution writes lie zeros: most dilations read one block alone."""
    graph = Graph()
    up = graph.add("up", ConvTranspose(1, 1, (2,), stride=7), graph.input((1, 64)))
    graph.add("body", Conv(1, 1, (3,), padding=1), up)
    found = [before_and_after(change.text) for change in solve.receptive_field(graph, 30, layers="body")]
    assert {kind for _, kind, _ in found} == {"dilation", "kernel", "layers"}
    for name, kind, amount in found:
        assert changed(graph, name, kind, amount) >= 30
        assert changed(graph, name, kind, amount - (2 if kind == "kernel" else 1)) < 30
        assert amount < 7 * 30


class Beside(nn.Module):
    """A layer with padding by reflection, hidden at first by one that reads more."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = (nn.Conv1d(1, 1, k, padding=k // 2, padding_mode="reflect") for k in (3, 9))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.near(x) + self.far(x)


def test_a_change_is_found_below_those_that_are_refused():
    found = solve.receptive_field(from_torch(Beside(), (1, 24)), 25, layers="near")
    kept = [before_and_after(change.text) for change in found]
    assert kept == [("near", "dilation", 12), ("near", "kernel", 25), ("near", "layers", 11)]
    with pytest.raises(RuntimeError, match="Padding size should be less"):
        nn.Conv1d(1, 1, 3, dilation=25, padding=25, padding_mode="reflect")(torch.rand(1, 1, 24))


def test_the_cheapest_change_is_the_one_of_the_fewest_products():
    """Here the order by parameters is another one."""
    found = solve.receptive_field(stem_and_body(), 390)
    by_products = sorted(found, key=lambda change: (change.macs, change.params))
    by_weights = sorted(found, key=lambda change: (change.params, change.macs))
    assert [change.text for change in found] == [change.text for change in by_products]
    assert [change.text for change in found] != [change.text for change in by_weights]


def test_a_layer_whose_weights_another_one_has_keeps_its_kernel():
    """Its kernel is that of the other one, too."""

    def kinds(graph: Graph) -> set[str]:
        return {before_and_after(change.text)[1] for change in solve.receptive_field(graph, 40, layers=["again"])}

    for params, wanted in ((None, {"dilation", "kernel", "layers"}), (0, {"dilation", "layers"})):
        operator = Conv(1, 1, (3,), padding=1)
        nodes = [Node("image", Input((1, 1, 64), (2,))), Node("first", operator, ("image",))]
        assert kinds(Graph([*nodes, Node("again", operator, ("first",), params=params)])) == wanted
