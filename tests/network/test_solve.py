"""Questions read backwards, each answer against trying everything, or against torch."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pickle
import re
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.errors import DomainError
from convmath.formulas.padding import resolve_padding
from convmath.formulas.size import conv_output_size, conv_transpose_output_size
from convmath.network import Graph, from_torch, solve
from convmath.network.analysis import sizes_of
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Input,
    Linear,
    Permute,
    Pool,
    Reduce,
    Unknown,
)
from convmath.network.solving.layers import Window
from convmath.network.torch_import.builder import Builder
from convmath.network.torch_import.exporting import read_exported

from .computing import Function, shape_of


def single(*operators, size: tuple[int, ...] = (1, 64)) -> Graph:
    graph = Graph()
    last = graph.input(size)
    for number, operator in enumerate(operators):
        last = graph.add(f"node{number}", operator, last)
    return graph


def size_at(graph: Graph, n: int, name: str) -> tuple[int, ...] | None:
    """The spatial sizes of a node for an input of n elements on every axis; None where they do not fit."""
    shape = graph["input"].operator.shape
    try:
        sizes = sizes_of(
            graph.replaced({"input": Input((*shape[:2], *(n,) * (len(shape) - 2)), graph["input"].operator.axes)})
        )
    except DomainError:
        return None
    return sizes[name][2:]


# Input sizes


@pytest.mark.parametrize("wanted", [1, 2, 3, 7, 10])
def test_input_sizes_are_those_that_give_the_output_size(wanted):
    graph = single(
        Conv(1, 1, (5,), stride=2), Pool("max", (3,), stride=2, padding=1), Conv(1, 1, (3,), dilation=2, padding=1)
    )
    found = solve.input_sizes(graph, wanted)
    assert found.label == "proved"
    assert found.up_to(200) == [n for n in range(1, 201) if size_at(graph, n, "node2") == (wanted,)]
    assert found.up_to(200)
    pooled = solve.input_sizes(graph, wanted, node="node1")
    shorter = single(*(graph[name].operator for name in ("node0", "node1")))
    assert pooled.up_to(200) == [n for n in range(1, 201) if size_at(shorter, n, "node1") == (wanted,)]
    assert pooled.up_to(200) != found.up_to(200)


def test_an_output_size_that_no_input_gives_has_none():
    graph = single(Conv(1, 1, (3,), padding=1), ConvTranspose(1, 1, (2,), stride=2))
    assert str(solve.input_sizes(graph, 7)) == "no n"
    assert str(solve.input_sizes(graph, 8)) == "n = 4"


def test_each_axis_may_want_another_size():
    graph = single(Conv(1, 1, (3, 5), stride=2, padding=(1, 2)), size=(1, 64, 64))
    assert solve.input_sizes(graph, 32).up_to(99) == [63, 64]
    with pytest.raises(DomainError, match="axes of the input are taken to have one size"):
        solve.input_sizes(graph, (32, 31))
    assert solve.input_sizes(graph, 20, axis=1).up_to(99) == [39, 40]


def test_the_sizes_of_skip_connections_are_respected():
    graph = Graph()
    image = graph.input((1, 64))
    up = graph.add("up", ConvTranspose(1, 1, (2,), stride=2), graph.add("down", Pool("max", (2,)), image))
    graph.add("cat", Concat(1), up, image)
    assert str(solve.input_sizes(graph, 20)) == "n = 20"
    assert str(solve.input_sizes(graph, 21)) == "no n"
    assert str(solve.input_sizes(graph, 20, node="up")) == "20 <= n <= 21"


def test_round_trips_are_the_sizes_that_come_back():
    graph = single(
        Conv(1, 4, (3,), stride=2, padding=1),
        Conv(4, 8, (3,), stride=3, padding=1),
        ConvTranspose(8, 4, (3,), stride=3, padding=1, output_padding=2),
        ConvTranspose(4, 1, (3,), stride=2, padding=1, output_padding=1),
    )
    found = solve.round_trips(graph)
    assert found.label == "proved"
    assert found.up_to(300) == [n for n in range(1, 301) if size_at(graph, n, "node3") == (n,)]
    assert str(found) == "n >= 6 with n mod 6 = 0"


@pytest.mark.parametrize(
    ("graph", "arguments"),
    [
        (single(Conv(1, 1, (3,))), {"output_size": 0}),
        (single(Conv(1, 1, (3,))), {"output_size": (3, 3)}),
        (single(Conv(1, 1, (3,))), {"output_size": 3, "node": "none"}),
        (single(Conv(1, 1, (3,))), {"output_size": 3, "axis": 1}),
        (single(Flatten(1), Linear(64, 5)), {"output_size": 3}),
        (single(Unknown("odd", "nobody knows it")), {"output_size": 3}),
    ],
)
def test_wrong_questions_about_input_sizes_are_named(graph, arguments):
    with pytest.raises(DomainError):
        solve.input_sizes(graph, **arguments)


class Branched(nn.Module):
    """A branch that asks for sizes after a layer that another branch needs to be large."""

    def __init__(self):
        super().__init__()
        self.down = nn.Conv2d(1, 1, 3, stride=2, padding=1)
        self.deep = nn.Conv2d(1, 1, 9)

    def forward(self, image):
        low = self.down(image)
        up = nn.functional.interpolate(low, size=image.shape[2:])
        return self.deep(up) + 0 * self.deep(image)


def test_a_part_of_an_imported_network_is_known_as_the_whole_of_it_is():
    graph = from_torch(Branched(), (1, 40, 40))
    found = solve.input_sizes(graph, 7, node="down")
    assert (str(found), found.label) == ("13 <= n <= 14", "proved")
    assert str(solve.round_trips(graph, node="interpolate")) == "n >= 1"
    whole = solve.input_sizes(graph, 7)
    assert (str(whole), whole.up_to(99)) == ("n = 15", [15])


# Output paddings


@given(
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=3), st.integers(20, 60), st.data()
)
@settings(max_examples=40)
def test_output_paddings_make_torch_give_the_size_back(layers, n, data):
    m = data.draw(st.integers(20, 60))
    graph, modules, last = Graph(), [], None
    last = graph.input((1, n, m))
    for number, (kernel, stride) in enumerate(layers):
        options = {"stride": stride, "padding": kernel // 2}
        last = graph.add(f"down{number}", Conv(1, 1, (kernel, kernel), **options), last)
        modules.append(nn.Conv2d(1, 1, kernel, **options))
    for number, (kernel, stride) in reversed(list(enumerate(layers))):
        options = {"stride": stride, "padding": kernel // 2}
        last = graph.add(f"up{number}", ConvTranspose(1, 1, (kernel, kernel), **options), last)
    found = solve.output_padding(graph)
    for number, (kernel, stride) in reversed(list(enumerate(layers))):
        padding = found[f"up{number}"]
        modules.append(nn.ConvTranspose2d(1, 1, kernel, stride, kernel // 2, output_padding=padding))
    output = nn.Sequential(*modules).to("meta")(torch.empty(1, 1, n, m, device="meta"))
    assert output.shape[2:] == (n, m), found.values
    assert found.graph.analyze().output.output_size == (1, n, m)


def test_where_no_layer_is_undone_combinations_are_tried():
    graph = single(
        Pool("max", (4,)), ConvTranspose(1, 1, (2,), stride=2), ConvTranspose(1, 1, (2,), stride=2), size=(1, 27)
    )
    found = solve.output_padding(graph)
    assert found.graph.analyze().output.output_size == (1, 27)
    every = [values for values in product((0, 1), repeat=2) if 2 * (2 * 6 + values[0]) + values[1] == 27]
    assert [(found["node1"], found["node2"])] == [((a,), (b,)) for a, b in every]


def test_one_axis_may_be_asked_for_alone():
    graph = single(Pool("max", (4, 2)), ConvTranspose(1, 1, (2, 2), stride=2), size=(1, 27, 27))
    with pytest.raises(DomainError, match="none of the output paddings"):
        solve.output_padding(graph)
    found = solve.output_padding(graph, axis=1)
    assert found["node1"][1] == 1
    assert found.graph.analyze().output.output_size[2] == 27
    with pytest.raises(DomainError, match="needs an axis from 0 to 1"):
        solve.output_padding(graph, axis=2)


def test_the_input_whose_size_is_wanted_may_be_named():
    graph = Graph()
    other = graph.input((1, 13), "other")
    half = graph.add("half", Pool("max", (2,)), graph.input((1, 12), "image"))
    up = graph.add("up", ConvTranspose(1, 1, (2,), stride=2), half)
    graph.add("both", Concat(1), graph.add("cut", Conv(1, 1, (2,)), other), up)
    assert solve.output_padding(graph, node="up", source="image")["up"] == (0,)
    with pytest.raises(DomainError, match="no input before up has this name"):
        solve.output_padding(graph, node="up", source="other")


def test_an_output_that_cannot_be_reached_is_named():
    graph = single(Conv(1, 1, (3,), stride=4), ConvTranspose(1, 1, (3,), stride=2), size=(1, 27))
    with pytest.raises(DomainError, match="none of the output paddings"):
        solve.output_padding(graph)
    with pytest.raises(DomainError, match="no transposed convolution is before node0"):
        solve.output_padding(single(Conv(1, 1, (3,))))


# Layers


@pytest.mark.parametrize(("n", "m"), [(28, 14), (7, 7), (9, 3), (4, 9), (1, 1)])
def test_layers_are_all_that_take_one_size_to_the_other(n, m):
    found = solve.layers(n, m, max_kernel_size=5, max_stride=3, max_padding=2)
    tried = []
    for k, d, s, p in product(range(1, 6), (1, 2), range(1, 4), range(3)):
        window = {"stride": s, "padding": p, "dilation": d}
        if d * (k - 1) + 1 <= n + 2 * p and conv_output_size(n, k, **window) == m and (k > 1 or d == 1):
            tried.append(Window(k, d, s, p))
    assert list(found) == tried
    assert list(found) == sorted(found)


@pytest.mark.parametrize(("n", "m"), [(14, 28), (7, 7), (3, 9), (4, 9), (1, 1)])
def test_transposed_layers_are_all_that_take_one_size_to_the_other(n, m):
    found = set(solve.layers(n, m, transposed=True, max_kernel_size=5, max_stride=3, max_padding=2))
    tried = set()
    for k, d, s, p, extra in product(range(1, 6), (1, 2), range(1, 4), range(3), range(3)):
        window = {"stride": s, "padding": p, "dilation": d, "output_padding": extra}
        size = (n - 1) * s - 2 * p + d * (k - 1) + 1 + extra
        if extra < max(s, d) and size == m and (k > 1 or d == 1):
            assert conv_transpose_output_size(n, k, **window) == m
            tried.add(Window(k, d, s, p, extra))
    assert found == tried


def test_layers_for_several_axes_fit_each_of_them():
    found = solve.layers((28, 27), 14)
    assert set(found) == set(solve.layers(28, 14)) & set(solve.layers(27, 14))
    assert found


@pytest.mark.parametrize(
    "arguments",
    [
        {"input_size": 0, "output_size": 3},
        {"input_size": 8, "output_size": -1},
        {"input_size": (8, 8, 8), "output_size": (4, 4)},
        {"input_size": 8, "output_size": 4, "max_kernel_size": 0},
        {"input_size": 8, "output_size": 4, "max_padding": -1},
        {"input_size": 8, "output_size": 4, "max_padding": 1.5},
        {"input_size": 8, "output_size": 4, "max_kernel_size": 10**9},
        {"input_size": True, "output_size": 4},
    ],
    ids=str,
)
def test_wrong_questions_about_layers_are_named(arguments):
    with pytest.raises(DomainError):
        solve.layers(**arguments)


# Receptive fields


def small() -> Graph:
    graph = Graph()
    stem = graph.add("stem", Conv(3, 8, (3, 3), stride=2, padding=1), graph.input((3, 64, 64)))
    body = graph.add("body", Conv(8, 8, (3, 3), padding=1), graph.add("relu", Activation("relu"), stem))
    pool = graph.add("pool", Pool("max", (2, 2)), body)
    graph.add("point", Conv(8, 4, (1, 1)), pool)
    return graph


@pytest.mark.parametrize("wanted", [10, 15, 31, (12, 40)])
def test_every_change_is_enough_and_the_least_of_its_kind(wanted):
    graph = small()
    before = graph.analyze()
    changes = solve.receptive_field(graph, wanted)
    both = wanted if isinstance(wanted, tuple) else (wanted, wanted)
    assert {change.text.split(":")[0] for change in changes} == {"stem", "body", "pool", "point"}
    assert [change.macs for change in changes] == sorted(change.macs for change in changes)
    for change in changes:
        after = change.graph.analyze()
        assert after.output.receptive_field.size == change.size
        assert all(size >= n for size, n in zip(change.size, both, strict=True)), str(change)
        assert all(after[row.name].sizes == row.sizes for row in before)
        assert (change.params, change.macs) == (after.params - before.params, after.macs - before.macs)


def test_one_step_less_is_not_enough():
    graph = small()
    least = {change.text: change for change in solve.receptive_field(graph, 31, layers=["body"])}
    assert set(least) == {
        "body: dilation 7 for 1, padding 7 for 1",
        "body: kernel 15 for 3, padding 7 for 1",
        "body: 6 more layers of 3 taps after it",
    }
    fewer = graph.replaced({"body": Conv(8, 8, (3, 3), padding=6, dilation=6)}).analyze()
    assert fewer.output.output_size == graph.analyze().output.output_size
    dilated = least["body: dilation 7 for 1, padding 7 for 1"]
    assert fewer.output.receptive_field.size < (31, 31) <= dilated.size
    assert dilated.holes == (True, True)


@pytest.mark.parametrize("padding", [0, (1, 2), ((0, 1), (2, 2)), "valid", "same", "causal"], ids=str)
def test_a_change_says_the_padding_that_it_changes(padding):
    graph = single(Conv(1, 1, (3, 3), padding=padding), size=(1, 64, 64))
    before = resolve_padding(padding, (64, 64), (3, 3))
    dilated, widened, deepened = (
        next(one for one in solve.receptive_field(graph, 9) if word in one.text)
        for word in ("dilation", "kernel", "more layers")
    )
    for change in (dilated, widened):
        layer = change.graph["node0"].operator
        after = resolve_padding(layer.padding, (64, 64), layer.kernel_size, dilation=layer.dilation)
        follows = padding in ("same", "causal")
        assert after != before
        assert change.padding == (None if follows else after)
        assert (", padding " in change.text) is not follows
    assert (deepened.padding, deepened.graph["node0"].operator.padding) == (None, padding)


def test_sides_that_differ_are_not_taken_for_axes():
    per_axis = single(Conv(1, 1, (3, 3), padding=(1, 2)), size=(1, 9, 9))
    sides = single(Conv(1, 1, (3, 3), padding=((1, 2), (1, 2))), size=(1, 9, 9))
    texts = [solve.receptive_field(graph, 5)[0].text for graph in (per_axis, sides)]
    assert texts == [
        "node0: dilation 2 for 1, padding (2, 3) for (1, 2)",
        "node0: dilation 2 for 1, padding ((2, 3), (2, 3)) for ((1, 2), (1, 2))",
    ]


def test_where_there_is_no_change_the_answer_says_why():
    graph = single(Conv(1, 1, (3,)), AdaptivePool("avg", (1,)))
    assert str(network.solve(graph, receptive_field=30)) == "The receptive field is 64: that is large enough."
    larger = "The receptive field is 64: that is too small, and 65 is larger than the input, 64: give a larger input."
    assert str(network.solve(graph, receptive_field=65, layers=["node1"])) == larger
    larger_input = graph.replaced({"input": Input((1, 1, 65), (2,))})
    assert str(network.solve(larger_input, receptive_field=65)) == "The receptive field is 65: that is large enough."
    alone = single(Conv(1, 1, (1,)), Activation("relu"))
    none = network.solve(alone, receptive_field=5, layers=["node1"])
    assert str(none).endswith("1: that is too small, and no single change of a layer makes it large enough.")
    assert pickle.loads(pickle.dumps(none)).nothing == none.nothing  # noqa: S301 - our own


def test_a_layer_after_the_node_itself_counts():
    changes = solve.receptive_field(small(), 20, node="body", layers=["body"])
    assert all(change.size[0] >= 20 for change in changes)
    assert any("more layer" in change.text for change in changes)


def test_a_field_that_is_large_enough_needs_no_change():
    graph = small()
    assert solve.receptive_field(graph, graph.analyze().output.receptive_field.size) == ()
    assert solve.receptive_field(graph, graph.analyze().output.receptive_field.size[0] + 1) != ()


def test_a_changed_network_is_asked_again():
    """Layers that were put in before keep their names; further ones have the next."""
    graph = small()
    for _ in range(3):
        name = next(node.name for node in graph if isinstance(node.operator, Conv))
        wanted = graph.analyze().output.receptive_field.size[0] + 2
        found = next(change for change in solve(graph, receptive_field=wanted, layers=name) if "more" in change.text)
        assert found.size == found.graph.analyze().output.receptive_field.size
        assert len(found.graph) > len(graph)
        graph = found.graph
    assert len({node.name for node in graph}) == len(graph)


def test_layers_that_were_read_from_a_module_are_widened_too():
    module = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(3, 1, 1))
    for change in solve(from_torch(module, (3, 32, 32)), receptive_field=9):
        assert change.graph.analyze().params == 112 + change.params
    one = solve(from_torch(module, (3, 32, 32)), receptive_field=9, layers="0")
    assert any("kernel" in change.text for change in one)
    tied = nn.Sequential(*[nn.Conv2d(3, 3, 3, padding=1) for _ in range(2)])
    assert any("kernel" in change.text for change in solve(from_torch(tied, (3, 32, 32)), receptive_field=9))
    tied[1].weight = tied[0].weight
    shared = solve(from_torch(tied, (3, 32, 32)), receptive_field=9)
    assert {change.text.split(":")[0] for change in shared} == {"0", "1"}
    assert not any("kernel" in change.text for change in shared)


class Calling(nn.Module):
    """Layers in an order, in which one may come several times."""

    def __init__(self, layers, order):
        super().__init__()
        self.layers, self.order = nn.ModuleList(layers), order

    def forward(self, x):
        for number in self.order:
            x = self.layers[number](x)
        return x


def made(module, change):
    """The module in which a layer is changed as a text says; torch lets padding="same" follow by itself."""
    path, _, words = change.text.partition(": ")
    layer, other = module.get_submodule(path), copy.deepcopy(module)
    options = {name: getattr(layer, name) for name in ("kernel_size", "stride", "padding", "dilation")}
    if isinstance(layer, nn.Conv2d):
        options |= {"bias": layer.bias is not None, "padding_mode": layer.padding_mode}
        make = functools.partial(nn.Conv2d, layer.in_channels, layer.out_channels)
    else:
        make = nn.MaxPool2d
    if more := re.match(r"(\d+) more", words):
        kernel = {"kernel_size": 3, "padding": 1, "bias": layer.bias is not None}
        changed = nn.Sequential(layer, *[nn.Conv2d(3, 3, **kernel) for _ in range(int(more[1]))])
    else:
        pairs = re.findall(r"(kernel|dilation|padding) (\d+) for", words)
        changed = make(**options | {name.replace("kernel", "kernel_size"): int(value) for name, value in pairs})
    other.layers[int(path.rpartition(".")[2])] = changed
    return other


LAYERS = {
    "reflect": lambda: nn.Conv2d(3, 3, 3, padding=1, padding_mode="reflect"),
    "circular": lambda: nn.Conv2d(3, 3, 3, padding=2, dilation=2, padding_mode="circular", bias=False),
    "replicate": lambda: nn.Conv2d(3, 3, 5, padding=2, padding_mode="replicate"),
    "same": lambda: nn.Conv2d(3, 3, 4, padding="same", padding_mode="circular"),
    "zeros": lambda: nn.Conv2d(3, 3, 3, padding=1),
    "narrow": lambda: nn.Conv2d(3, 3, 1, padding_mode="reflect"),
    "pool": lambda: nn.MaxPool2d(3, 1, 1),
}


@given(st.lists(st.sampled_from([*LAYERS]), min_size=1, max_size=3), st.data())
@settings(max_examples=25)
def test_a_change_that_is_made_in_torch_does_what_it_says(kinds, data):
    order = data.draw(st.lists(st.integers(0, len(kinds) - 1), min_size=1, max_size=4))
    module = Calling([LAYERS[kind]() for kind in kinds], order)
    graph = from_torch(module, (3, 24, 20))
    before = graph.analyze()
    wanted = before.output.receptive_field.size[0] + data.draw(st.integers(1, 6))
    for change in solve(graph, receptive_field=wanted):
        again = from_torch(made(module, change), (3, 24, 20))
        for after in (again.analyze(), change.graph.analyze()):
            assert after.output.receptive_field.size == change.size, str(change)
            assert after.output.sizes == before.output.sizes
            assert (after.params, after.macs) == (before.params + change.params, before.macs + change.macs)


def test_all_calls_of_a_module_change_together():
    module = Calling([LAYERS["zeros"](), LAYERS["pool"](), LAYERS["reflect"]()], [0, 1, 0, 0, 1, 2])
    graph = from_torch(module, (3, 32, 32))
    texts = [change.text for change in solve(graph, receptive_field=15)]
    assert texts[0] == "layers.0: dilation 2 for 1, padding 2 for 1, in 3 calls"
    assert "layers.1: kernel 5 for 3, padding 2 for 1, in 2 calls" in texts
    assert "layers.2: kernel 5 for 3, padding 2 for 1" in texts
    assert {text.split(":")[0] for text in texts} == {"layers.0", "layers.1", "layers.2"}
    named = solve(graph, receptive_field=15, layers=["layers.0_1", "layers.0_2"])
    assert [change.text for change in named] == [text for text in texts if text.startswith("layers.0:")]
    for change in named:
        again = solve(change.graph, receptive_field=40, layers="layers.0")
        assert again
        assert all(one.text.endswith("in 3 calls") for one in again)
    deeper = next(change for change in named if "more" in change.text).graph
    further = solve(deeper, receptive_field=40, layers="layers.0_1_more_1")
    assert {one.text.split(":")[0] for one in further} == {"layers.0_more_1"}
    assert all(one.graph.analyze().output.receptive_field.size == one.size for one in further)


class Twice(nn.Module):
    """One module by two names."""

    def __init__(self):
        super().__init__()
        self.first, self.relu = LAYERS["circular"](), nn.ReLU()
        self.second = self.first

    def forward(self, x):
        return self.second(self.relu(self.first(x)))


def by_export(module, sizes):
    builder = Builder(torch.device("cpu"))
    builder.weights(module)
    return builder.graph(read_exported(builder, module, {"x": builder.input("x", (1, *sizes), torch.float32)}, {}))


@pytest.mark.parametrize("read", [from_torch, by_export])
def test_a_module_of_two_names_is_one_layer(read):
    found = solve(read(Twice(), (3, 32, 32)), receptive_field=15)
    assert [change.text.split(":")[0] for change in found] == ["first"] * 3
    assert all(change.text.endswith("in 2 calls") for change in found)
    assert all(change.graph.analyze().output.receptive_field.size == change.size for change in found)


class Pooled(nn.Module):
    """Functions, one of them called twice in a loop."""

    def __init__(self, kernel_size):
        super().__init__()
        self.options = kernel_size, 1, kernel_size // 2

    def forward(self, x):
        for _ in range(2):
            x = F.max_pool2d(x, 3, 1, 1)
        return F.avg_pool2d(x, *self.options)


def test_functions_of_a_module_change_in_all_its_calls():
    module = Calling([Pooled(3), Pooled(3), nn.Identity()], [0, 0, 1])
    found = solve(from_torch(module, (3, 32, 32)), receptive_field=21)
    texts = {change.text.partition(",")[0]: change.text.endswith("in 2 calls") for change in found}
    names = ("", ".max_pool2d", ".max_pool2d_1")  # the last result of a module without parts has its name
    assert texts == {f"layers.{block}{name}: kernel 5 for 3": block == 0 for block in (0, 1) for name in names}
    other = Calling([Pooled(5), Pooled(3), nn.Identity()], [0, 0, 1])
    change = next(one for one in found if one.text.startswith("layers.0:"))
    assert change.size == from_torch(other, (3, 32, 32)).analyze().output.receptive_field.size == (23, 23)


def test_a_padding_that_torch_refuses_is_no_answer():
    assert solve(from_torch(Calling([LAYERS["zeros"]()], [0]), (3, 12, 12)), receptive_field=25)[0].padding
    found = solve(from_torch(Calling([LAYERS["reflect"]()], [0]), (3, 12, 12)), receptive_field=25)
    assert [change.text.split()[2] for change in found] == ["more"]
    with pytest.raises(RuntimeError, match="Padding size should be less"):
        nn.Conv2d(3, 3, 3, dilation=12, padding=12, padding_mode="reflect")(torch.rand(1, 3, 12, 12))


class Named(nn.Module):
    """Layers that are made in the forward, after one whose name looks like that of the first function."""

    def __init__(self):
        super().__init__()
        self.block = Pooled(3)
        self.add_module("block:1", nn.MaxPool2d(3, 1, 1))

    def forward(self, x):
        x = self.get_submodule("block:1")(self.block(x))
        return nn.MaxPool2d(3, 1, 1)(nn.MaxPool2d(3, 1, 1)(x))


def test_layers_of_the_same_kind_or_name_change_one_by_one():
    found = solve(from_torch(Named(), (3, 32, 32)), receptive_field=15)
    names = {"block", "block.max_pool2d", "block.max_pool2d_1", "block:1", "MaxPool2d", "MaxPool2d_1"}
    assert {change.text.rpartition(": kernel")[0] for change in found} == names
    assert not any("calls" in change.text for change in found)


def test_a_kernel_that_torch_refuses_is_no_answer():
    sizes = (1, 6, 6, 6)
    assert [solve(from_torch(nn.AvgPool3d(3, 1, 1), sizes), receptive_field=n) != () for n in (5, 7)] == [True, False]
    with pytest.raises(RuntimeError, match="smaller than kernel size"):
        nn.AvgPool3d(7, 1, 3)(torch.rand(1, *sizes))
    nn.AvgPool3d(5, 1, 2)(torch.rand(1, *sizes))
    assert solve(from_torch(nn.AvgPool2d(3, 1, 1), sizes[1:]), receptive_field=7)


def test_a_module_whose_calls_differ_is_left_out():
    class Growing(Calling):
        def forward(self, x):
            for dilation in (1, 2):
                self.layers[0].dilation = self.layers[0].padding = (dilation, dilation)
                x = self.layers[0](x)
            return self.layers[1](x)

    graph = from_torch(Growing([LAYERS["zeros"](), LAYERS["pool"]()], []), (3, 32, 32))
    assert {change.text.split(":")[0] for change in solve(graph, receptive_field=15)} == {"layers.1"}


def test_a_symbol_is_asked_for_by_its_name():
    graph = Graph()
    graph.add("conv", Conv(3, 4, (3, 5), padding=(1, 0)), graph.input((3, "h", "w")))
    assert [str(solve(graph, output_size=6, symbol=one)) for one in ("h", "w")] == ["h = 6", "w = 10"]
    assert str(solve(graph, round_trip=True, symbol="h").sizes) == "h >= 1"
    assert str(solve(graph, output_size=6)) == "h = 6\nw = 10"
    with pytest.raises(DomainError, match="symbol='z': no input size has this name"):
        solve(graph, output_size=6, symbol="z")


def test_errors_name_what_was_asked():
    graph = small()
    with pytest.raises(DomainError, match=r"^receptive_field=-1: needs an integer of at least 1"):
        solve(graph, receptive_field=-1)
    with pytest.raises(DomainError, match=r"^at_least=-1: needs an integer of at least 1"):
        solve.receptive_field(graph, -1)
    with pytest.raises(DomainError, match=r"^source='zz': no input has this name"):
        solve(graph, receptive_field=9, source="zz")
    other = graph.input((3, 8), "other")
    with pytest.raises(DomainError, match=r"^source='other': .* does not read this input; it reads "):
        solve(graph, receptive_field=9, source=other, node=list(graph)[-2].name)


def test_wrong_questions_about_fields_are_named():
    with pytest.raises(DomainError):
        solve.receptive_field(small(), (9, 9, 9))
    with pytest.raises(DomainError):
        solve.receptive_field(small(), 0)
    with pytest.raises(DomainError):
        solve.receptive_field(small(), 9, layers=["none"])
    with pytest.raises(DomainError):
        solve.receptive_field(single(Unknown("odd", "nobody knows it", (1, 1, 64))), 9)
    with pytest.raises(DomainError, match="source='nothing': no input has this name"):
        solve.receptive_field(small(), 9, source="nothing")
    with pytest.raises(DomainError, match="needs an axis from 0 to 1"):
        solve.receptive_field(small(), 9, axis=2)


def test_a_field_may_be_wanted_on_one_axis_and_in_one_input():
    wide = Graph()
    wide.add("conv", Conv(1, 1, (3, 9), padding=(1, 4)), wide.input((1, 32, 32)))
    assert solve.receptive_field(wide, 9, axis=1) == ()
    changes = solve.receptive_field(wide, 9, axis=0)
    assert changes
    assert all(change.size[0] >= 9 for change in changes)
    graph = Graph()
    large = graph.add("large", Conv(1, 1, (9,), padding=4), graph.input((1, 32), "first"))
    graph.add("both", Concat(1), large, graph.input((1, 32), "second"))
    assert solve.receptive_field(graph, 9) == solve.receptive_field(graph, 9, source="first") == ()
    assert solve.receptive_field(graph, 9, source="second", layers=["large"]) == ()
    graph.add("after", Conv(2, 1, (3,), padding=1), "both")
    assert {change.text.split(":")[0] for change in solve.receptive_field(graph, 9, source="second")} == {"after"}


def test_an_absurd_field_is_answered_in_few_layers():
    changes = solve.receptive_field(small(), 2**62, layers=["body"])
    assert [change.text.split()[1] for change in changes] == ["dilation", "kernel"]


# The call


def autoencoder() -> Graph:
    return single(Conv(1, 4, (3,), stride=2, padding=1), ConvTranspose(4, 1, (3,), stride=2, padding=1), size=(1, 28))


def test_a_call_asks_the_question_that_its_arguments_name():
    graph = autoencoder()
    assert network.solve(graph, output_size=9) == solve.input_sizes(graph, 9)
    assert network.solve(graph, output_size=9, node="node0") == solve.input_sizes(graph, 9, node="node0")
    assert network.solve(graph, output_size=9) != network.solve(graph, output_size=9, node="node0")
    assert network.solve(graph.analyze(), output_size=(9,), axis=0) == solve.input_sizes(graph, 9, axis=0)
    found = network.solve(graph, round_trip=True)
    assert str(found.sizes) == str(solve.round_trips(graph)) == "n >= 1 with n mod 2 = 1"
    assert found.paddings.values == solve.output_padding(graph).values == {"node1": (1,)}
    texts = [change.text for change in solve.receptive_field(graph, 15, layers=["node0"])]
    assert [change.text for change in network.solve(graph, receptive_field=15, layers=["node0"])] == texts
    assert network.solve(input_size=224, output_size=112) == solve.layers(224, 112)
    assert network.solve(input_size=9, output_size=18, transposed=True) == solve.layers(9, 18, transposed=True)


def test_answers_print_as_sentences():
    graph = autoencoder()
    assert str(network.solve(graph, output_size=9)) == "9 <= n <= 10"
    assert str(network.solve(graph, round_trip=True)).splitlines() == [
        "input sizes that are given back: n >= 1 with n mod 2 = 1 (proved)",
        "for the input as it is: node1: output padding (1,)",
    ]
    lines = str(network.solve(input_size=224, output_size=112, max_kernel_size=2)).splitlines()
    assert lines[0] == "kernel_size=1, stride=2, padding=0, dilation=1"
    lines = str(network.solve(graph, receptive_field=11, layers=["node0"])).splitlines()
    assert lines[0] == "node0: dilation 4 for 1, padding 4 for 1: receptive field 11, +0 parameters, +0 MACs"
    assert str(network.solve(input_size=3, output_size=500)) == "none"


def test_a_round_trip_says_what_of_it_is_unknown():
    only_sizes = network.solve(single(Pool("max", (2,)), Conv(1, 1, (3,), padding=1)), round_trip=True)
    assert (str(only_sizes.sizes), only_sizes.paddings) == ("no n", None)
    assert "as it is: no output padding, as no transposed convolution is before node1" in str(only_sizes)
    lettered = Graph()
    lettered.add("up", ConvTranspose(1, 1, (1,)), lettered.input((1, "n")))
    found = network.solve(lettered, round_trip=True)
    assert (str(found.sizes), found.paddings) == ("n >= 1", None)
    assert "needs a number in place of n" in found.paddings_unknown
    with pytest.raises(DomainError, match=r"do not depend on the input size; .* no transposed convolution"):
        network.solve(single(Flatten(1), Linear(64, 5)), round_trip=True)


NO_QUESTIONS = [
    {},
    {"round_trip": False},
    {"output_size": 3},
    {"input_size": 3},
    {"round_trip": True},
    {"receptive_field": 3},
    {"graph": "graph"},
    {"graph": "graph", "input_size": 3},
    {"graph": "graph", "input_size": 3, "output_size": 3},
    {"graph": "graph", "output_size": 3, "round_trip": True},
    {"graph": "graph", "receptive_field": 3, "round_trip": True},
    {"graph": "graph", "receptive_field": 3, "output_size": 3},
]


@pytest.mark.parametrize("arguments", NO_QUESTIONS, ids=str)
def test_no_question_or_two_of_them_are_refused_with_all_there_are(arguments):
    given = {name: autoencoder() if name == "graph" else value for name, value in arguments.items()}
    with pytest.raises(DomainError, match=r"ask one question: .*output_size.*round_trip.*receptive_field.*input_size"):
        network.solve(**given)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            {"output_size": 3, "layers": ["node0"]},
            r"layers=\['node0'\]: is no option of this question; it takes symbol, node, axis",
        ),
        ({"output_size": 3, "stride": 2}, "is no option of this question"),
        ({"round_trip": True, "max_kernel_size": 2}, "is no option of this question"),
        ({"round_trip": 1}, "needs True or False"),
        ({"round_trip": True, "node": "nothing"}, "no node has this name"),
        (
            {"receptive_field": 3, "transposed": True},
            "is no option of this question; it takes node, axis, source, layers",
        ),
        ({"output_size": True}, "needs a size of at least 1"),
        ({"outputsize": 8}, r"outputsize=8: is no option of this question; did you mean output_size\?"),
        ({"receptivefield": 8, "node": "node0"}, r"receptivefield=8: .*; did you mean receptive_field\?"),
        ({"output_size": 3, "nod": "node0"}, r"nod='node0': is no option of this question; did you mean node\?"),
        ({"wanted": 8}, "wanted=8: is no option of this question; it takes output_size, input_size, receptive_field"),
    ],
    ids=str,
)
def test_wrong_options_of_a_question_are_named(arguments, sentence):
    with pytest.raises(DomainError, match=sentence):
        network.solve(autoencoder(), **arguments)


@pytest.mark.parametrize("question", [{"output_size": 3}, {"round_trip": True}, {"receptive_field": 3}], ids=str)
def test_an_empty_network_and_what_is_no_name_or_axis_are_named(question):
    with pytest.raises(DomainError, match="this network has none"):
        network.solve(Graph(), **question)
    for wrong in ({"node": 5}, {"axis": "0"}, {"source": 5}):
        with pytest.raises(DomainError, match=r"no node has this name|needs an axis|no input|does not read"):
            network.solve(autoencoder(), **question, **wrong)


def test_what_is_no_graph_is_named():
    with pytest.raises(DomainError, match="graph='str': needs a Graph"):
        network.solve("model.onnx", output_size=3)


def test_a_graph_with_symbols_is_asked_in_them():
    graph = Graph()
    graph.add("conv", Conv(1, 1, (3, 5), stride=2), graph.input((1, "h", "w")))
    assert str(network.solve(graph, output_size=7, axis=0)) == "15 <= h <= 16"
    assert str(network.solve(graph, output_size=7, axis=1)) == "17 <= w <= 18"
    both = network.solve(graph, output_size=(7, 6))
    assert [str(one) for one in both] == ["15 <= h <= 16", "15 <= w <= 16"]
    assert [[n for n in range(3, 40) if graph.at(h=n, w=9).analyze().output.sizes[2] == 7]] == [both[0].up_to(39)]
    assert str(network.solve(graph, output_size=7)) == "15 <= h <= 16\n17 <= w <= 18"
    with pytest.raises(DomainError, match="one for each of the 2 that depend on the input size"):
        network.solve(graph, output_size=(7, 7, 7))


def test_an_image_that_is_turned_does_not_come_back_in_its_own_size():
    graph = Graph()
    same = graph.add("same", Conv(1, 1, (3, 3), padding=1), graph.input((1, "h", "w")))
    graph.add("turned", Permute((0, 1, 3, 2)), same)
    graph.add("mean", Reduce("mean", (3,)), same)
    graph.add("fixed", AdaptivePool("avg", (None, 7)), same)
    assert str(solve.round_trips(graph, node="same")) == "h >= 1\nw >= 1"
    for node, sizes in (("turned", r"\(1, w, h\)"), ("mean", r"\(1, h\)"), ("fixed", r"\(1, h, 7\)")):
        with pytest.raises(DomainError, match=rf"its sizes {sizes} are not those of the input on each axis, \(h, w\)"):
            solve.round_trips(graph, node=node)
    assert graph.at({"h": 3, "w": 5}).analyze()["turned"].sizes == (1, 1, 5, 3)
    narrow = Graph()
    code = narrow.add("code", Conv(1, 1, (3, 3), stride=2, padding=1), narrow.input((1, "n", 28)))
    narrow.add("last", ConvTranspose(1, 1, (3, 3), stride=2, padding=1), code)
    assert narrow.at(9).analyze().output.sizes == (1, 1, 9, 27)
    with pytest.raises(DomainError, match=r"are not those of the input on each axis, \(n, 28\)"):
        solve.round_trips(narrow)
    assert str(solve.round_trips(narrow, axis=0)) == "n >= 1 with n mod 2 = 1"


# Answers say among which sizes they are complete


def square(module, size=224):
    return network.from_torch(Function(module), (3, size, size))


READ = "where the network is as it was read"
HALVES = {
    "in quarters": (lambda x: torch.cat(x.chunk(4, dim=2), 2), 50, [50]),
    "by a decision": (lambda x: F.avg_pool2d(x, 2) if x.shape[2] > 100 else x, 50, [50, 101]),
}


def test_an_answer_for_all_the_ways_that_code_goes_is_complete():
    found = solve.input_sizes(square(lambda x: x.chunk(2, dim=2)[0]), 13, axis=0)
    assert (str(found), found.label) == ("25 <= n <= 26", "proved")


@pytest.mark.parametrize(("module", "wanted", "right"), HALVES.values(), ids=HALVES)
def test_an_answer_that_may_miss_sizes_says_where_it_has_them_all(module, wanted, right):
    assert [n for n in range(1, 102) if shape_of(Function(module), n)[2] == wanted] == right
    found = solve.input_sizes(square(module), wanted, axis=0)
    assert str(found).endswith(READ)
    scope = found.scope.sizes
    assert [n for n in right if n in scope] == [n for n in right if n in found]
    assert [n for n in right if n not in found]
    assert READ in repr(found)
    assert READ in found._repr_latex_()


def test_sizes_that_were_cut_when_they_were_read_say_where_they_are_so():
    def module(x):
        return torch.cat(x.split(7, dim=2)[::-1], 2)

    assert {shape_of(Function(module), n)[2] for n in (50, 224)} == {50, 224}
    assert str(solve.input_sizes(square(module), 224)) == f"n = 224, {READ}"
    with pytest.raises(DomainError, match=f"do not depend on the input size for n = 224, {READ}"):
        solve.input_sizes(square(module), 50, axis=0)


def test_an_answer_that_has_all_sizes_says_nothing_of_a_scope():
    module = nn.Sequential(nn.Conv2d(3, 3, 3, stride=2), nn.MaxPool2d(2))
    found = solve.input_sizes(network.from_torch(module, (3, 64, 64)), 13)
    assert [n for n in range(7, 200) if shape_of(module, n)[2] == 13] == found.up_to(200)
    assert (str(found), bool(found.scope)) == ("53 <= n <= 56", False)


def test_a_size_of_1_that_is_stretched_is_outside_the_scope():
    def module(x):
        return F.interpolate(F.max_pool2d(x, 2, ceil_mode=True), scale_factor=2) + x

    assert shape_of(Function(module), 1)[2] == 2
    found = solve.input_sizes(square(module, 64), 2)
    assert str(found) == "n = 2, where no size 1 is stretched"
    never = solve.round_trips(square(lambda x: F.interpolate(F.max_pool2d(x, 2), scale_factor=2) + x, 64))
    assert str(never) == "n >= 2 with n mod 2 = 0"


def test_where_a_form_holds_is_found_by_the_other_conditions():
    def module(x):
        return torch.cat(x.chunk(4, dim=2), 2)

    found = square(module).closed_forms()
    assert str(found.output) == "cat: (3, 4*ceil(n/4), n) for n >= 4 with n mod 4 = 0, proved"
    assert shape_of(Function(module), 13)[2] == 13 != found.output.sizes[2].subs(found.symbol, 13)
    unknown = dataclasses.replace(found.output, valid=None)
    assert (unknown.label, "proved" in str(unknown)) == ("unknown", False)


def test_that_no_size_gives_an_output_is_proved():
    stretched = single(ConvTranspose(1, 1, (50,), stride=12), size=(1, 9))
    for wanted in (64, 7):
        found = solve.input_sizes(stretched, wanted)
        assert (str(found), found.label) == ("no n", "proved")
    assert str(solve.input_sizes(stretched, 62)) == "n = 2"


def test_sizes_for_each_axis_are_asked_one_by_one():
    graph = network.from_torch(nn.ConvTranspose2d(3, 3, 2, stride=2), (3, 30, 41))
    with pytest.raises(
        DomainError, match=r"all axes of the input are taken to have one size, n; .* letters of their own, as in 3,h,w"
    ):
        network.solve(graph, output_size=(60, 82))
    assert [str(network.solve(graph, output_size=n, axis=axis)) for axis, n in enumerate((60, 82))] == [
        "n = 30",
        "n = 41",
    ]
    assert str(network.solve(graph, output_size=(60, 60))) == "n = 30"
