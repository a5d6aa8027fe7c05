"""Questions about large sizes and many layers: what answering takes goes by the number of layers alone."""

from __future__ import annotations

import sys

import pytest
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath.calculus.index import integers
from convmath.errors import DomainError, UnsupportedError
from convmath.inert import CeilDiv
from convmath.network import Graph, from_torch, solve
from convmath.network.closed_form.claims import Claim, satisfying
from convmath.network.closed_form.sets import SizeSet, around
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Permute,
    Pool,
    Slice,
)


def calls(question) -> int:
    """How many functions are called to answer a question."""
    count = 0

    def counted(_, event, __):
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        question()
    finally:
        sys.setprofile(before)
    return count


# Large sizes


def clip(n: int) -> Graph:
    return from_torch(nn.Conv1d(1, 8, 7, 2).to("meta"), (1, n))


class Padded(nn.Module):
    """Padded to multiples of 32, by a branch for other sizes."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(1, 1, 32, 32)

    def forward(self, clip):
        rest = clip.shape[-1] % 32
        return self.conv(F.pad(clip, (0, 32 - rest)) if rest else clip)


@pytest.mark.parametrize("make", [clip, lambda n: from_torch(Padded(), (1, n))], ids=["conditions", "ways"])
def test_closed_forms_take_no_longer_where_the_network_was_read_at_a_large_size(make):
    graphs = [make(2**power) for power in (8, 13, 18)]
    forms = [str(graph.closed_forms().output) for graph in graphs]
    assert len(set(forms)) == 1
    few, many = (calls(graph.closed_forms) for graph in graphs[1:])
    assert many < 2 * few


@pytest.mark.parametrize("size", [5, 300, 2**17])
def test_the_nearest_and_the_first_size_outside_of_a_set_are_found(size):
    """Against all sizes, which are as many as four times the size."""
    for inside in (SizeSet.of(7, None, 1, [0]), SizeSet.of(1, 40, 3, [1]), SizeSet.of(9, None, 1000, range(1, 999))):
        found = [n for n in around(size, 2 * size, inside) if n not in inside]
        every = [n for n in range(1, 2 * size + 1) if n not in inside]
        assert (found[0], min(found)) == (min(every, key=lambda n: (abs(n - size), n)), every[0])
    assert len(around(2**40, 2**42, SizeSet.of(7, None, 1, [0]))) < 2**14


def test_an_equation_between_products_is_tried_for_few_sizes():
    n = integers("n")
    claim = Claim.of("==", n * CeilDiv(n, 2000), 400 * n)
    with pytest.raises(UnsupportedError, match="tried for too many sizes"):
        satisfying(claim, SizeSet())
    assert satisfying(claim, SizeSet.of(797_900, 798_100, 1, [0])) == SizeSet.of(798_001, 798_100, 1, [0])


def test_the_last_of_large_sizes_is_found():
    """The layer takes the sizes from 4 strides to 5, which are more than half of 2**64 or on both sides of it."""
    stride = 2**61 - 1
    graph = Graph()
    graph.add("conv", Conv(1, 1, (3,), stride=stride, padding=1), graph.input((1, 2**62)))
    assert str(solve.input_sizes(graph, 5)) == f"{4 * stride + 1} <= n <= {5 * stride}"


# Output paddings


def coders(pairs: int) -> Graph:
    graph = Graph()
    last = graph.input((1, 64, 64))
    for number in range(pairs):
        last = graph.add(f"down{number}", Conv(1, 1, (3, 3), stride=2, padding=1), last)
        last = graph.add(f"up{number}", ConvTranspose(1, 1, (3, 3), stride=2, padding=1), last)
    return graph


def test_output_paddings_take_time_by_the_number_of_layers():
    few, many = coders(20), coders(80)
    assert solve.output_padding(many).graph.analyze().output.output_size == (1, 64, 64)
    assert calls(lambda: solve.output_padding(many)) < 6 * calls(lambda: solve.output_padding(few))


def test_hundreds_of_transposed_layers_without_a_choice_are_no_hundreds_of_calls():
    graph = Graph()
    last = graph.input((1, 8, 8))
    for number in range(600):
        last = graph.add(f"up{number}", ConvTranspose(1, 1, (3, 3), padding=1 if number else 0), last)
    with pytest.raises(DomainError, match="none of the output paddings"):
        solve.output_padding(graph)
    assert solve.output_padding(graph.replaced({"up0": ConvTranspose(1, 1, (3, 3), padding=1)}))["up599"] == (0, 0)


def test_of_many_layers_fewer_output_paddings_are_tried():
    graph = Graph()
    last = graph.input((1, 9))
    for number in range(60):
        last = graph.add(f"up{number}", ConvTranspose(1, 1, (3,), padding=1, stride=2 if number > 55 else 1), last)
    with pytest.raises(DomainError, match=r"that were tried \(at most 2149\)"):
        solve.output_padding(graph)


# Receptive fields


def chain(layers: int) -> Graph:
    graph = Graph()
    last = graph.input((8, 64))
    for number in range(layers):
        last = graph.add(f"conv{number}", Conv(8, 8, (3,), padding=1), last)
    return graph


def residual(blocks: int) -> Graph:
    graph = Graph()
    last = graph.add("stem", Conv(3, 8, (7,), stride=2, padding=3), graph.input((3, 512)))
    for number in range(blocks):
        first = graph.add(f"first{number}", Conv(8, 8, (3,), padding=1), last)
        second = graph.add(
            f"second{number}", Conv(8, 8, (3,), padding=1), graph.add(f"a{number}", Activation("relu"), first)
        )
        last = graph.add(f"sum{number}", Combine("add"), last, second)
    return graph


@pytest.mark.parametrize("make", [chain, residual])
def test_changes_take_time_by_the_number_of_layers(make):
    few, many = make(10), make(40)

    def asked(graph):
        (size,) = graph.analyze().output.receptive_field.size
        return solve.receptive_field(graph, size + 20)

    assert len(asked(many)) > 100
    assert calls(lambda: asked(many)) < 6 * calls(lambda: asked(few))


def crossing() -> Graph:
    """Paths that meet by a sum and side by side, in two inputs, with the axes turned and a part cut out."""
    graph = Graph()
    image, mask = graph.input((3, 32, 32)), graph.input((2, 16, 16), "mask")
    stem = graph.add("stem", Conv(3, 4, (3, 5), stride=2, padding=(1, 2)), image)
    wide = graph.add("wide", Conv(4, 4, (5, 1), padding=(2, 0), dilation=1), stem)
    both = graph.add("both", Combine("add"), stem, wide)
    beside = graph.add("beside", Concat(1), graph.add("mixed", Conv(2, 4, (3, 3), padding="same"), mask), both)
    pool = graph.add("pool", Pool("max", (2, 2)), beside)
    up = graph.add("up", ConvTranspose(8, 4, (2, 2), stride=2), pool)
    turned = graph.add("turned", Permute((0, 1, 3, 2)), graph.add("sum", Combine("add"), up, both))
    graph.add("end", Conv(4, 4, (3, 1), padding=((1, 1), (0, 0))), graph.add("cut", Slice(2, 2, 14), turned))
    graph.add("few", AdaptivePool("avg", (5, 7)), "end")
    return graph


@pytest.mark.parametrize("source", [None, "mask"])
@pytest.mark.parametrize("node", ["few", "end", "both", "mixed"])
@pytest.mark.parametrize("wanted", [9, 14, (21, 6)], ids=str)
def test_each_change_is_what_the_analysis_of_the_changed_network_says_and_the_least(source, node, wanted):
    graph = crossing()
    before = graph.analyze()
    if source is not None and source not in before[node].fields:
        with pytest.raises(DomainError, match="does not read this input"):
            solve.receptive_field(graph, wanted, source=source, node=node)
        return
    both = wanted if isinstance(wanted, tuple) else (wanted, wanted)

    def field(graph: Graph, base: str):
        fields = graph.analyze()[next(one.name for one in reversed(list(graph)) if one.name.startswith(base))].fields
        return fields[source or next(iter(fields))]

    for change in solve.receptive_field(graph, wanted, source=source, node=node):
        after, found = change.graph.analyze(), field(change.graph, node)
        assert (change.size, change.holes) == (found.size, found.holes), str(change)
        assert (change.params, change.macs) == (after.params - before.params, after.macs - before.macs)
        assert all(after[row.name].sizes == row.sizes for row in before)
        assert all(size >= n for size, n in zip(found.size, both, strict=True))
        *given, by = change.make.args
        for less in range(1, by):
            size = field(change.make.func(*given, less), node).size
            assert any(one < n for one, n in zip(size, both, strict=True)), (str(change), less)


def test_too_many_changes_ask_for_the_names_of_layers(monkeypatch):
    graph = chain(30)
    monkeypatch.setattr("convmath.network.solving.field.MOST_STEPS", 200)
    with pytest.raises(DomainError, match="needs the names of those that may change"):
        solve.receptive_field(graph, 70)
    assert len(solve.receptive_field(graph, 63, layers=["conv3"])) == 3


def test_a_changed_network_is_made_when_it_is_asked_for():
    (change, *_) = solve.receptive_field(chain(3), 9, layers="conv1")
    assert "graph" not in vars(change)
    assert change.graph is change.graph
    assert change.graph.analyze().output.receptive_field.size == change.size
