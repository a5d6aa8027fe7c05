"""What features read that have no position: what is flattened, sliced, reduced or put in a batch, and no claim beyond.

Where a field claims to be exact it is the union of the supports of the gradients; else it is no less.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from torch import nn

from convmath.network import Graph, NetworkReport, Row
from convmath.network.fields.crossing import Crossed
from convmath.network.fields.field import Field
from convmath.network.fields.spans import Spans
from convmath.network.operators import (
    Combine,
    Concat,
    Conv,
    Flatten,
    Linear,
    Pad,
    Pool,
    Reduce,
    Reshape,
    Slice,
)

from .networks import Network, Support, networks, supports

FIRST_FOUND = settings(max_examples=3000, database=None, phases=[Phase.generate])


def elements(spans: Spans) -> set[int]:
    return {element for start, stop in spans.parts for element in range(start, stop)}


@st.composite
def with_features(draw: Callable[..., Any], *, axes: int) -> Network:
    """A random network, a result of which is flattened or averaged, cut, and read by a dense layer, or not."""
    network = draw(networks(axes=axes))
    name = draw(st.sampled_from(list(network.sizes)))
    if len(network.sizes[name]) != 2 + axes or draw(st.booleans()):
        last = network.add(Flatten(1), nn.Flatten(), name)
    else:
        dims = tuple(range(2, 2 + axes))
        last = network.add(Reduce("mean", dims), lambda x: x.mean(dims), name)
    if draw(st.booleans()):
        count = network.sizes[last][1]
        start = draw(st.integers(0, count - 1))
        stop, step = draw(st.integers(start + 1, count)), draw(st.integers(1, 2))
        last = network.add(Slice(1, start, stop, step), lambda x: x[:, start:stop:step], last)
    if draw(st.booleans()):
        count = network.sizes[last][1]
        network.add(Linear(count, 2, bias=False), nn.Linear(count, 2, bias=False), last)
    return network


def said(row: Row, axis: int) -> Spans:
    """What a row without positions says that it reads of an axis."""
    return Spans() if row.receptive_field is None else row.receptive_field[axis].reads(0)


def wrong_features(network: Network, report: NetworkReport, support: dict[str, Support]) -> list[str]:
    wrong = []
    for row in report:
        if len(row.sizes) != 2 or row.field_unknown:
            continue
        for axis in range(len(network.sizes["input"]) - 2):
            found, true = said(row, axis), support[row.name].reads(axis)
            if not (elements(found) == true if found.exact else elements(found) >= true):
                wrong.append(f"{row.name} axis {axis}: {found} for {sorted(true)}")
    return wrong


def is_wrong(network: Network) -> bool:
    return wrong_features(network, network.graph.analyze(), supports(network)) != []


@settings(max_examples=3 * settings.default.max_examples)
@given(with_features(axes=1))
def test_on_one_axis_features_read_what_the_gradients_of_all_of_them_do(network):
    assert wrong_features(network, network.graph.analyze(), supports(network)) == []


@given(with_features(axes=2))
def test_on_two_axes_features_read_what_the_gradients_of_all_of_them_do(network):
    assert wrong_features(network, network.graph.analyze(), supports(network)) == []


def test_most_fields_of_features_are_exact():
    """Else nothing would be compared with what is read, and all be within everything."""
    assert find(with_features(axes=1), lambda one: not is_wrong(one) and len(one.graph) > 5, settings=FIRST_FOUND)
    graph = Graph()
    flat = graph.add("flat", Flatten(1), graph.add("conv", Conv(1, 2, (3,), stride=3), graph.input((1, 11))))
    graph.add("part", Slice(1, 1, 3), flat)
    report = graph.analyze()
    assert [said(report[name], 0) for name in ("flat", "part")] == [Spans.first(9), Spans.of([(3, 9)])]


@pytest.mark.parametrize("lost", ["extent", "parts of a split axis"])
def test_a_bound_that_is_lost_is_caught(lost, monkeypatch):
    if lost == "extent":
        monkeypatch.setattr(Spans, "bounded", lambda self: self)
    else:
        monkeypatch.setattr(Crossed, "read", lambda self, sizes: self.extent)
    assert find(with_features(axes=1), is_wrong, settings=FIRST_FOUND)


# One by one


def network_of(*operators: Any, size: tuple[int, ...]) -> NetworkReport:
    """The layers one after the other, each under its number."""
    graph = Graph()
    last = graph.input(size)
    for number, operator in enumerate(operators):
        last = graph.add(str(number), operator, last)
    return graph.analyze()


def test_what_a_border_in_between_takes_away_is_not_said_to_be_read_for_sure():
    """Eight of nine elements, smoothed: the last position does not read the ninth."""
    report = network_of(Slice(2, 0, 8), Conv(1, 1, (3,), padding=1), Flatten(1), Slice(1, 7, 8), size=(1, 9))
    found = said(report.output, 0)
    assert (report.reads("3"), elements(found) >= {6, 7}, found.exact) == (
        {"input": (Spans.of([(6, 8)]),)},
        True,
        False,
    )


@pytest.mark.parametrize("mode", ["replicate", "reflect", "circular"])
@pytest.mark.parametrize("stride", [2, 4])
def test_what_a_border_folds_back_is_never_left_out(mode, stride):
    pad = Pad(((0, 0), (0, 0), (0, 1)), mode)
    for last in (Flatten(1), Reduce("mean", (2,))):
        report = network_of(pad, Conv(1, 1, (1,), stride=stride), last, size=(1, 4))
        found, (true,) = said(report.output, 0), report.reads("2")["input"]
        assert elements(found) == elements(true) if found.exact else elements(found) >= elements(true)


def uneven(graph: Graph) -> str:
    """Two channels, of which one reads more than the other."""
    image = graph.input((1, 9))
    return graph.add(
        "uneven",
        Concat(1),
        graph.add("narrow", Conv(1, 1, (1,)), image),
        graph.add("wide", Conv(1, 1, (5,), padding=2), image),
    )


LAYERS = {
    "pooling": Pool("avg", (2,)),
    "a convolution in groups": Conv(2, 2, (1,), groups=2),
    "a convolution": Conv(2, 2, (1,)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_channel_of_those_that_read_otherwise_is_bounded_unless_they_were_mixed(name):
    graph = Graph()
    graph.add("part", Slice(1, 0, 1), graph.add("layer", LAYERS[name], uneven(graph)))
    report = graph.analyze()
    assert report["layer"].receptive_field[0].reads(1).exact
    assert report["part"].receptive_field[0].reads(1).exact == (name == "a convolution")


def test_of_a_batch_of_two_images_one_is_not_said_to_read_both_for_sure():
    graph = Graph()
    image = graph.input((1, 9))
    narrow, wide = graph.add("narrow", Conv(1, 1, (1,)), image), graph.add("wide", Conv(1, 1, (5,), padding=2), image)
    both = graph.add("both", Concat(0), narrow, wide)
    graph.add("one", Slice(0, 0, 1), graph.add("mixed", Conv(1, 1, (1,)), both))
    report = graph.analyze()
    assert report.reads("one", 4) == {"input": (Spans.point(4),)}
    assert not report["one"].receptive_field[0].reads(4).exact
    assert report["mixed"].receptive_field[0].reads(4) == Spans.of([(2, 7)])


def test_parts_of_two_paths_are_read_together():
    """Halves of the input that are added: of both, and of no more."""
    graph = Graph()
    image = graph.input((1, 12))
    halves = [graph.add(f"half{n}", Slice(2, n, n + 4), image) for n in (0, 6)]
    graph.add("flat", Flatten(1), graph.add("sum", Combine("add"), *halves))
    report = graph.analyze()
    assert said(report["flat"], 0) == report.reads("flat")["input"][0] == Spans.of([(0, 4), (6, 10)])


def test_what_is_held_of_a_part_beside_windows_is_bounded():
    graph = Graph()
    image = graph.input((1, 12))
    apart = graph.add("windows", Reshape((1, 1, 3, 4)), image)
    part = graph.add("part", Reshape((1, 1, 4, 1)), graph.add("first", Slice(2, 0, 4), image))
    held = graph.add("held", Reduce("sum", (2, 3), keepdims=True), part)
    graph.add("meet", Combine("add"), apart, held)
    report = graph.analyze()
    assert report.reads("meet", 1, 2) == {"input": (Spans.of([(0, 4), (6, 7)]),)}
    found = report["meet"].receptive_field[0].reads(0)
    assert elements(found) >= {0, 1, 2, 3, 6}
    assert not found.exact


def test_a_bounded_whole_that_is_added_to_a_position_stays_bounded():
    """Of two channels one reads everything and the other a half; which of them is taken is not followed."""
    graph = Graph()
    image = graph.input((1, 8))
    half = graph.add("half", Reduce("sum", (2,), keepdims=True), graph.add("cut", Slice(2, 0, 4), image))
    both = graph.add("both", Concat(1), graph.add("whole", Reduce("sum", (2,), keepdims=True), image), half)
    graph.add("meet", Combine("add"), image, graph.add("one", Slice(1, 1, 2), both))
    report = graph.analyze()
    assert report.reads("meet", 5) == {"input": (Spans.of([(0, 4), (5, 6)]),)}
    found = report["meet"].receptive_field[0].reads(5)
    assert elements(found) >= {0, 1, 2, 3, 5}
    assert not found.exact


def test_windows_that_overlap_and_are_split_again_are_not_known_apart():
    """What a pair of indices reads is less than what their elements have in common."""
    report = network_of(
        Reshape((1, 1, 4, 3)),
        Conv(1, 1, (3, 1), padding=(1, 0)),
        Reshape((1, 1, 2, 2, 3)),
        Reshape((1, 1, 12)),
        size=(1, 12),
    )
    for position in range(12):
        found, (true,) = report.output.receptive_field[0].reads(position), report.reads("3", position)["input"]
        inside = elements(found.clipped(0, 12))
        assert inside == elements(true) if found.exact else inside >= elements(true), position


def test_two_paths_that_may_read_less_may_read_less_together():
    windows = {2: Field.window(4, stride=4)}
    unsure = Crossed(Field.same(), Spans.first(12), 12, windows, exact=False)
    sure = replace(unsure, exact=True)
    assert [one.joined(other).exact for one in (unsure, sure) for other in (unsure, sure)] == [False, True, True, True]


def test_a_part_of_overlapping_windows_that_are_split_again_is_bounded():
    layers = Reshape((1, 1, 4, 3)), Conv(1, 1, (3, 1), padding=(1, 0)), Reshape((1, 1, 2, 2, 3))
    report = network_of(*layers, Flatten(1), Slice(1, 0, 3), size=(1, 12))
    assert report.reads("4")["input"][0].parts == ((0, 6),)
    found = said(report.output, 0)
    assert elements(found) >= set(range(6))
    assert not found.exact


def test_a_part_of_features_that_read_nothing_reads_nothing():
    pad = Pad(((0, 0), (0, 0), (1, -1), (1, -1)))
    report = network_of(pad, Conv(1, 1, (1, 1), stride=(1, 2)), Flatten(1), Slice(1, 0, 2), size=(1, 4, 2))
    assert report.reads("3") == {}
    assert [said(report[name], axis) for name in "23" for axis in (0, 1)] == [Spans()] * 4


def test_features_that_lie_in_the_padding_of_one_axis_read_nothing_of_the_other():
    pad = Pad(((0, 0), (0, 0), (0, 0), (1, 0)))
    report = network_of(pad, Flatten(1), Slice(1, 5, 6), Linear(1, 1), size=(1, 3, 4))
    assert report.reads("2") == report.reads("3") == {}
    assert [said(report[name], axis) for name in "23" for axis in (0, 1)] == [Spans()] * 4
    assert [said(report["1"], axis) for axis in (0, 1)] == [Spans.first(3), Spans.first(4)]
