"""What one position reads, borders and all, where boxes are cut, joined and lost."""

from __future__ import annotations

from functools import reduce
from operator import or_

import pytest

from convmath.errors import DomainError
from convmath.network import Graph
from convmath.network.fields.exact import MOST_BOXES, regions
from convmath.network.fields.spans import Spans
from convmath.network.operators import (
    AdaptivePool,
    Combine,
    Concat,
    Conv,
    Flatten,
    Linear,
    Pad,
    PixelShuffle,
    Reduce,
    Reshape,
    Slice,
    Unknown,
)


def conv(channels: int, kernel_size: int, **options: object) -> Conv:
    return Conv(channels, channels, (kernel_size,), **options)


def test_borders_cut_off_what_lies_outside():
    graph = Graph()
    graph.add("second", conv(1, 3, padding=1), graph.add("first", conv(1, 3, padding=1), graph.input((1, 6))))
    report = graph.analyze()
    assert [report.reads("second", at)["input"][0] for at in (0, 2, 5)] == [
        Spans.first(3),
        Spans.first(5),
        Spans.of([(3, 6)]),
    ]
    assert report["second"].receptive_field[0].reads(0) == Spans.of([(-2, 3)])  # as if there were no border


def test_what_is_cut_off_in_between_is_not_read():
    """One tap far outside: the second layer's position 0 reads position -3 of the first, which does not exist."""
    graph = Graph()
    first = graph.add("first", conv(1, 7, padding=3), graph.input((1, 9)))
    graph.add("second", conv(1, 2, dilation=6, padding=3), first)
    assert graph.analyze().reads("second", 0)["input"] == (Spans.first(7),)


def test_a_branch_beside_concatenated_channels_is_left_out():
    graph = Graph()
    image = graph.input((1, 9))
    both = graph.add("both", Concat(1), graph.add("narrow", conv(1, 1), image), graph.add("wide", conv(1, 5), image))
    with pytest.raises(DomainError, match="concat needs equal sizes"):
        graph.analyze()
    graph = graph.replaced({"wide": conv(1, 5, padding=2)})
    graph.add("first", Slice(1, 0, 1), both)
    report = graph.analyze()
    assert report.reads("first", 4) == {"input": (Spans.point(4),)}
    assert report.reads("both", 4) == {"input": (Spans.of([(2, 7)]),)}


def test_groups_keep_the_channels_of_others_out():
    graph = Graph()
    image = graph.input((1, 9))
    both = graph.add(
        "both", Concat(1), graph.add("narrow", conv(1, 1), image), graph.add("wide", conv(1, 5, padding=2), image)
    )
    graph.add("of the narrow", Slice(1, 0, 1), graph.add("grouped", conv(2, 1, groups=2), both))
    graph.add("of both", Slice(1, 0, 1), graph.add("mixed", conv(2, 1), both))
    report = graph.analyze()
    assert report.reads("of the narrow", 4) == {"input": (Spans.point(4),)}
    assert report.reads("of both", 4) == {"input": (Spans.of([(2, 7)]),)}


def test_where_channels_become_positions_the_part_is_unknown_unless_channels_are_mixed_before():
    graph = Graph()
    image = graph.input((1, 6, 6))
    wide = graph.add("wide", Conv(1, 2, (3, 3), padding=1), image)
    narrow = graph.add("narrow", Conv(1, 2, (1, 1)), image)
    graph.add("unsure", PixelShuffle(2), graph.add("joined", Concat(1), wide, narrow))
    graph.add("sure", PixelShuffle(2), graph.add("mixed", Conv(4, 4, (1, 1)), "joined"))
    report = graph.analyze()
    assert report.reads("unsure", 4, 4)["input"] == (Spans.of([(1, 4)]).bounded(),) * 2
    assert report.reads("sure", 4, 4)["input"] == (Spans.of([(1, 4)]),) * 2
    assert report["unsure"].receptive_field.holes == (None, None)
    assert report["sure"].receptive_field.holes == (False, False)


def test_where_an_unknown_part_is_cut_off_all_of_it_is_unsure():
    graph = Graph()
    crosswise = graph.add("crosswise", Reshape((1, 3, 4, 6)), graph.input((4, 3, 6)))
    graph.add("padded", Pad(((0, 0), (2, 0), (0, 0), (0, 0))), crosswise)
    graph.add("part", Slice(1, 0, 3), "padded")
    assert graph.analyze().reads("part", 0, 2)["input"] == (Spans.first(3).bounded(), Spans.point(2))


def test_what_mixes_a_part_that_may_be_empty_is_not_said_to_be_read():
    """Whether any of the two mixed features is among the elements that become a column is not known."""
    graph = Graph()
    tokens = graph.input((4, 16))
    mixed = graph.add("mixed", Linear(16, 2), tokens)
    beside = graph.add("beside", Concat(2), mixed, tokens)
    fours = graph.add("fours", Reshape((1, 18, 1, 4)), beside)
    graph.add("crosswise", Reshape((1, 8, 9, 1)), fours)
    reads = graph.analyze().reads("crosswise", 2, 0)["input"][0]
    assert (0 in reads, 9 in reads, reads.exact) == (True, True, False)


def test_a_row_of_a_flattened_image_is_exact_and_a_part_of_two_rows_is_not():
    graph = Graph()
    flat = graph.add("flat", Flatten(2, 3), graph.input((1, 4, 6)))
    graph.add("row", Slice(2, 6, 12), flat)
    graph.add("corner", Slice(2, 10, 14), flat)
    report = graph.analyze()
    assert report.reads("flat", 13)["input"] == (Spans.point(2), Spans.point(1))
    found = {
        name: [back for node, boxes in regions_of(report, name) if node == "input" for back in boxes]
        for name in ("row", "corner")
    }
    assert found["row"] == [(Spans.first(1), Spans.first(1), Spans.point(1), Spans.first(6))]
    assert not any(axis.exact for axis in found["corner"][0][2:])


def regions_of(report, name):
    """The boxes of every node that all positions of a node read, by its name."""
    graph = Graph(report.graph)
    graph.add("sum", Reduce("sum", (2,), keepdims=True), name)
    return [(node.name, boxes) for node, boxes in regions(graph.analyze(), "sum", {2: 0})]


def test_a_position_that_reads_nothing_has_an_empty_answer():
    graph = Graph()
    graph.add("padded", Pad(((0, 0), (0, 0), (2, 0))), graph.input((1, 4)))
    report = graph.analyze()
    assert (report.reads("padded", 0), report.reads("padded", 2)) == ({}, {"input": (Spans.point(0),)})


def test_more_boxes_than_are_kept_are_joined_and_no_longer_exact():
    """Each branch crops the image at another corner: their union is no box, and no two of them join to one."""
    graph = Graph()
    image = graph.input((1, 200, 200))
    crops = []
    for number in range(MOST_BOXES + 1):
        rows = graph.add(f"rows{number}", Slice(2, number, number + 100), image)
        crops.append(graph.add(f"crop{number}", Slice(3, number, number + 100), rows))
    graph.add("few", Combine("add"), *crops[:3])
    graph.add("many", Combine("add"), *crops)
    report = graph.analyze()
    assert report.reads("few", 0, 0)["input"] == (Spans.first(3),) * 2
    assert report.reads("many", 0, 0)["input"][0].hull == (0, MOST_BOXES + 1)
    assert [axis.exact for axis in report.reads("many", 0, 0)["input"]] == [False, False]


def test_a_box_within_another_is_left_out():
    """Beside each layer its input is read again: of all those windows only the largest is left."""
    graph = Graph()
    last = graph.input((1, 300, 300))
    for number in range(100):
        layer = graph.add(f"conv{number}", Conv(1, 1, (3, 3), padding=1), last)
        last = graph.add(f"sum{number}", Combine("add"), layer, last)
    position = {2: 150, 3: 150}
    assert max(len(boxes) for _, boxes in regions(graph.analyze(), last, position)) == 1


def test_an_unknown_operator_beside_the_way_does_not_matter():
    graph = Graph()
    image = graph.input((1, 6))
    graph.add("odd", Unknown("odd", "it is odd"), image)
    graph.add("conv", conv(1, 3), image)
    assert graph.analyze().reads("conv", 1) == {"input": (Spans.of([(1, 4)]),)}


def test_a_dense_layer_after_global_pooling_reads_everything():
    graph = Graph()
    pooled = graph.add("pooled", AdaptivePool("avg", (1, 1)), graph.input((2, 5, 7)))
    graph.add("dense", Linear(2, 3), graph.add("flat", Flatten(1), pooled))
    assert graph.analyze().reads("dense") == {"input": (Spans.first(5), Spans.first(7))}


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ((9,), "0 <= index < 6"),
        ((-1,), "0 <= index < 6"),
        ((0, 0), r"position=\(0, 0\): needs an index on dimension 2 of \(1, 1, 6\)"),
    ],
)
def test_a_position_that_is_not_there_is_refused(position, message):
    graph = Graph()
    graph.add("conv", conv(1, 3), graph.input((1, 8)))
    with pytest.raises(DomainError, match=message):
        graph.analyze().reads("conv", *position)
    with pytest.raises(DomainError, match="did you mean conv"):
        graph.analyze().reads("con", 0)


def test_without_an_index_all_positions_together_are_meant():
    graph = Graph()
    graph.add("odd", conv(1, 1, stride=2), graph.input((1, 8)))
    report = graph.analyze()
    each = [report.reads("odd", position)["input"][0] for position in range(4)]
    assert report.reads("odd")["input"][0] == reduce(or_, each) == Spans.of([(0, 1), (2, 3), (4, 5), (6, 7)])
