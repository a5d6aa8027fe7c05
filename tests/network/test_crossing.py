"""Dimensions that are split and merged: what they share of their indices, and what comes of it."""

from __future__ import annotations

from itertools import product
from math import prod

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from convmath.errors import UnsupportedError
from convmath.network import Graph
from convmath.network.fields.crossing import Crossed, met, single
from convmath.network.fields.field import Field
from convmath.network.fields.repeating import repeating
from convmath.network.fields.spans import Spans
from convmath.network.operators import (
    Combine,
    Concat,
    Conv,
    Flatten,
    Flip,
    Fold,
    Linear,
    Pad,
    Permute,
    Reduce,
    Repeat,
    Reshape,
    Slice,
)
from convmath.network.operators.base import parts
from convmath.network.operators.regrouping import regrouped


def elements(spans):
    return {element for start, stop in spans.parts for element in range(start, stop)}


def digits_read(source, output):
    """For every position of the output the one element of the input that it is, by the fields of all dimensions."""
    reads = regrouped(source, output)
    for position in product(*map(range, output)):
        found = [set(range(n)) for n in source]
        for at, entry in zip(position, reads, strict=True):
            for dimension, field in parts(entry):
                found[dimension] &= elements(field.reads(at))
        yield position, found


def number(position, sizes):
    """The place of a position in row-major order."""
    place = 0
    for at, n in zip(position, sizes, strict=True):
        place = place * n + at
    return place


FACTORS = st.lists(st.integers(1, 4), min_size=1, max_size=5)


@given(FACTORS, st.data())
def test_digits_that_fit_name_the_very_element(factors, data):
    """Sizes before and after that are products of the same factors, in the same order."""
    cuts = [
        sorted(data.draw(st.sets(st.integers(1, len(factors) - 1)) if len(factors) > 1 else st.just(set())))
        for _ in range(2)
    ]
    source, output = (
        tuple(prod(factors[a:b]) for a, b in zip([0, *cut], [*cut, len(factors)], strict=True)) for cut in cuts
    )
    for position, found in digits_read(source, output):
        (element,) = [at for at in product(*found) if number(at, source) == number(position, output)]
        assert all(len(one) == 1 or n == 1 for one, n in zip(found, source, strict=True)), (source, output, position)
        assert number(element, source) == number(position, output)


def test_digits_that_do_not_fit_say_nothing():
    assert regrouped((3, 4), (4, 3)) == (None, None)
    assert regrouped((2, 3, 4), (2, 4, 3)) == ((0, Field.same()), None, None)


def test_digits_that_are_too_long_say_nothing():
    assert regrouped((2, 4000), (8000,)) == (None,)


def test_a_split_that_takes_the_wrong_digit_is_caught():
    high, low = regrouped((6,), (3, 2))
    assert (high[1].reads(1), low[1].reads(1)) == (Spans.of([(2, 4)]), Spans.of([(1, 2), (3, 4), (5, 6)]))
    assert regrouped((6,), (2, 3))[0][1] != high[1]


@given(st.integers(1, 6), st.integers(1, 6), st.integers(-3, 3), st.integers(0, 3))
def test_a_table_that_repeats_is_a_field_of_few_phases(rounds, period, step, width):
    assume(rounds > 1)
    field = Field(period, step, tuple(Spans(((r * r, r * r + 1 + width),)) for r in range(period)))
    found = repeating([field.reads(at) for at in range(rounds * period)])
    assert [found.reads(at) for at in range(rounds * period)] == [field.reads(at) for at in range(rounds * period)]
    assert found.period <= period


def test_a_table_that_does_not_repeat_stays_one():
    table = [Spans.point(at * at) for at in range(7)]
    assert repeating(table).period == 7
    with pytest.raises(UnsupportedError, match="phases"):
        repeating([Spans.point(at * at) for at in range(1031)])


def test_what_lies_beyond_the_border_does_not_hide_that_a_table_repeats():
    table = [Spans(((at - 1, at + 2),)).clipped(0, 8) for at in range(8)]
    assert repeating(table, 8) == Field.window(3, padding=1)
    assert repeating(table).period == 8


def test_a_part_by_which_alone_an_axis_is_read_is_found():
    rows, columns = (field for _, field, _ in regrouped((3, 4), (12,))[0])
    split = tuple((d, field) for d, (_, field) in enumerate(regrouped((12,), (3, 4))))
    assert single(rows, split, (3, 4), 12) == (0, Field.same())
    assert single(columns, split, (3, 4), 12) == (1, Field.same())
    assert single(Field.same(), split, (3, 4), 12) is None
    assert met(tuple(field for _, field in split), 12, 12).phases != ()
    with pytest.raises(UnsupportedError, match="split"):
        single(Field.same(), split, (3, 4), 2**20)
    with pytest.raises(UnsupportedError, match="merged"):
        met((Field.same(),), 2**20, 2**20)


def test_paths_that_read_by_different_parts_are_joined_or_said_to_be_unsure():
    window, place = (field for _, field in regrouped((12,), (3, 4)))
    whole = Crossed(Field.same(), Spans.first(12), 12, {2: window, 3: place})
    part = Crossed(Field.same(), Spans.first(12), 12, {2: window})
    assert whole.joined(part) == part  # which has all that the other has
    shifted = Crossed(Field.same(), Spans.first(12), 12, {2: window, 3: Field.window(1, padding=1).through(place)})
    assert whole.joined(shifted).exact
    both = Crossed(Field.same(), Spans.first(12), 12, {2: Field.window(2).through(window), 3: shifted.fields[3]})
    assert not whole.joined(both).exact
    wider = Crossed(Field.window(3, padding=1), Spans.first(12), 12, whole.fields)
    assert whole.joined(wider).inner == Field.window(3, padding=1)
    assert part.joined(wider) is None
    assert part.joined(Crossed(Field.same(), Spans.first(9), 9, {2: window})) is None


# Networks


def image(*sizes):
    graph = Graph()
    return graph, graph.input(sizes)


def windows(graph, name, sizes, rows):
    """Rows in windows: (N, C, H) becomes (N, C, H/rows, rows)."""
    return graph.add(f"{name} in windows", Reshape((*sizes[:-1], sizes[-1] // rows, rows)), name)


def test_split_and_merged_again_is_the_same():
    graph, x = image(1, 12)
    graph.add("merged", Reshape((1, 1, 12)), windows(graph, x, (1, 1, 12), 4))
    report = graph.analyze()
    assert report["merged"].receptive_field[0] == Field.same()
    assert report["input in windows"].receptive_field[0] == Field.window(4, stride=4).bounded()


def test_a_sum_over_the_places_of_a_window_reads_the_window():
    graph, x = image(1, 12)
    apart = windows(graph, graph.add("conv", Conv(1, 1, (3,), padding=1), x), (1, 1, 12), 4)
    graph.add("sum", Reduce("sum", (3,)), apart)
    graph.add("of places", Reduce("sum", (2,)), apart)
    report = graph.analyze()
    assert report["sum"].receptive_field[0] == Field.window(6, stride=4, padding=1)
    assert report.reads("sum", 1) == {"input": (Spans.of([(3, 9)]),)}
    assert elements(report.reads("of places", 0)["input"][0]) == {0, 1, 3, 4, 5, 7, 8, 9}


def test_a_layer_over_windows_keeps_them_apart():
    """What a window reads is its own, whatever happens within it; a branch around it joins."""
    graph, x = image(1, 12)
    apart = windows(graph, x, (1, 1, 12), 4)
    mixed = graph.add("mixed", Linear(4, 4), apart)
    joined = graph.add("joined", Combine("add"), apart, mixed)
    graph.add("back", Reshape((1, 1, 12)), joined)
    report = graph.analyze()
    assert report["mixed"].receptive_field[0] == Field.window(4, stride=4)
    assert [report["back"].receptive_field[0].reads(at) for at in (0, 5, 11)] == [
        Spans.of([pair]) for pair in ((0, 4), (4, 8), (8, 12))
    ]
    assert report.misaligned == ()


def test_a_convolution_over_windows_reads_the_same_place_of_the_next_ones():
    graph, x = image(1, 12)
    over = graph.add("over", Conv(1, 1, (3, 1), padding=(1, 0)), windows(graph, x, (1, 1, 12), 4))
    graph.add("back", Reshape((1, 1, 12)), over)
    report = graph.analyze()
    assert report.reads("back", 5) == {"input": (Spans.of([(1, 2), (5, 6), (9, 10)]),)}
    assert report["back"].receptive_field[0].reads(5) == Spans.of([(1, 2), (5, 6), (9, 10)])


def test_what_leaves_a_window_is_not_read_from_the_next_one():
    """Within windows a border is a border: what lies beyond is not known to be exact without it."""
    graph, x = image(1, 12)
    within = graph.add("within", Conv(1, 1, (1, 3), padding=(0, 1)), windows(graph, x, (1, 1, 12), 4))
    graph.add("back", Reshape((1, 1, 12)), within)
    report = graph.analyze()
    assert report.reads("back", 3) == {"input": (Spans.of([(2, 4)]),)}
    assert not report["back"].receptive_field[0].reads(3).exact


def test_windows_turned_crosswise_read_their_places():
    graph, x = image(1, 12)
    apart = windows(graph, x, (1, 1, 12), 4)
    graph.add("back", Reshape((1, 1, 12)), graph.add("turned", Permute((0, 1, 3, 2)), apart))
    report = graph.analyze()
    assert [report.reads("back", at)["input"][0] for at in range(4)] == [Spans.point(at) for at in (0, 4, 8, 1)]


def test_a_path_around_that_is_not_split_is_unsure():
    graph, x = image(1, 12)
    apart = windows(graph, x, (1, 1, 12), 4)
    rows = graph.add("rows", Reduce("sum", (2,), keepdims=True), graph.add("other", Reshape((1, 1, 12, 1)), x))
    graph.add("meet", Combine("add"), apart, rows)
    beside = graph.add("beside", Slice(2, 0, 4), x)
    graph.add("clash", Combine("add"), apart, graph.add("line", Reshape((1, 1, 1, 4)), beside))
    report = graph.analyze()
    assert report["meet"].receptive_field[0] == Field.whole(12)  # a sum over everything is added
    assert "by one dimension and by two together" in report["clash"].field_unknown
    assert report.reads("clash", 1, 2) == {"input": (Spans.of([(2, 3), (6, 7)]),)}


def test_a_position_of_a_flattened_image_reads_its_pixel():
    graph, x = image(1, 5, 7)
    flat = graph.add("flat", Flatten(2, 3), graph.add("conv", Conv(1, 1, (3, 3), padding=1), x))
    graph.add("image", Reshape((1, 1, 5, 7)), flat)
    report = graph.analyze()
    assert [axis.reads(9).clipped(0, 7) for axis in report["flat"].receptive_field.axes] == [
        Spans.of([(0, 3)]),
        Spans.of([(1, 4)]),
    ]
    assert report["image"].receptive_field.axes == (Field.window(3, padding=1),) * 2


def test_tokens_before_those_of_the_image_leave_them_even():
    graph, x = image(2, 4, 4)
    tokens = graph.add("tokens", Permute((0, 2, 1)), graph.add("flat", Flatten(2, 3), x))
    token = graph.add("token", Reshape((1, 1, 2)), graph.add("sum", Reduce("sum", (2, 3)), x))
    both = graph.add("both", Concat(1), token, tokens)
    graph.add("part", Slice(2, 0, 1), both)
    assert graph.analyze()["part"].receptive_field.holes == (False, False)


def test_what_repeats_ends_at_its_border():
    graph, x = image(1, 4)
    twice = graph.add("twice", Repeat((1, 1, 2)), x)
    graph.add("conv", Conv(1, 1, (3,), padding=1), twice)
    report = graph.analyze()
    assert report.reads("conv", 4) == {"input": (Spans.of([(0, 2), (3, 4)]),)}
    assert report["conv"].receptive_field[0].reads(0) == Spans.first(2)  # there is nothing before the first element
    assert report["conv"].receptive_field[0].reads(4) == Spans.of([(0, 2), (3, 4)])


def test_a_reversal_undoes_another():
    graph, x = image(1, 9)
    once = graph.add("once", Flip((2,)), graph.add("conv", Conv(1, 1, (2,), padding=1), x))
    graph.add("twice", Flip((2,)), once)
    graph.add("meet", Combine("add"), "twice", "conv")
    graph.add("clash", Combine("add"), once, "conv")
    report = graph.analyze()
    assert (report["once"].receptive_field.stride, report["once"].receptive_field.interval(0)) == ((-1,), ((8, 10),))
    assert report["meet"].receptive_field[0] == Field.window(2, padding=1)
    assert report.misaligned[0].node == "clash"
    assert report["clash"].receptive_field.stride == (None,)
    assert report["clash"].receptive_field[0].reads(2) == Spans.of([(1, 3), (6, 8)])
    assert report.reads("clash", 0) == {"input": (Spans.of([(0, 1), (8, 9)]),)}


def test_a_padded_window_that_is_cut_off_is_read_no_more():
    graph, x = image(1, 6)
    apart = windows(graph, x, (1, 1, 6), 2)
    padded = graph.add("padded", Pad(((0, 0), (0, 0), (1, 0), (0, 0))), apart)
    graph.add("back", Reshape((1, 1, 8)), padded)
    report = graph.analyze()
    assert (report.reads("back", 1), report.reads("back", 2)) == ({}, {"input": (Spans.point(0),)})


# Tokens that become a grid


def of_position(*operators, size, position):
    """The field on the only axis, and what a position is known to read."""
    graph, last = image(*size)
    for number, operator in enumerate(operators):
        last = graph.add(str(number), operator, last)
    report = graph.analyze()
    return report.output.receptive_field[0], report.reads(last, *position)["input"][0]


GRIDS = {
    "a view": ((Reshape((1, 8, 4, 4)),), Field.window(4, stride=4), {6}),
    "a convolution of it": (
        (Reshape((1, 8, 4, 4)), Conv(8, 8, (2, 2))),
        Field.window(8, stride=4),
        {6, 7, 10, 11},
    ),
    "a fold": ((Fold((8, 8), (2, 2), 2),), Field.spread(2, stride=2).through(Field.window(4, stride=4)), {1}),
}


@pytest.mark.parametrize("name", GRIDS)
def test_a_row_of_a_grid_of_tokens_is_bounded_and_its_position_exact(name):
    operators, row, wanted = GRIDS[name]
    position = (0, 3) if name == "a fold" else (1, 2)
    field, reads = of_position(*operators, size=(8, 16), position=position)
    assert field == row.bounded() != row
    assert (elements(reads), reads.exact) == (wanted, True)


def test_places_that_become_channels_leave_the_rows_exact():
    to_channels = Reshape((1, 8, 4, 4)), Permute((0, 1, 3, 2)), Reshape((1, 32, 4))
    field, reads = of_position(*to_channels, size=(8, 16), position=(2,))
    assert field == Field.window(4, stride=4)
    assert reads == Spans.of([(8, 12)])


# Two ways to read one axis


def test_what_a_second_index_says_of_an_axis_is_a_part_of_what_all_of_it_read():
    """One path reads by rows, another by columns: a position reads neither all rows nor all columns."""
    graph, x = image(16, 4)
    turned = graph.add("turned", Permute((0, 2, 1)), x)
    rows = graph.add("rows", Reshape((1, 1, 4, 16)), turned)
    columns = graph.add("columns", Reshape((1, 1, 4, 16)), x)
    both = graph.add("both", Concat(1), rows, columns)
    report = graph.analyze()
    assert report["columns"].receptive_field[0].reads(3) == Spans.point(3)
    assert report[both].receptive_field[0] == Field.whole(4).bounded()
    assert report.reads(both, 0, 0)["input"][0] == Spans.point(0)


def test_parts_beside_each_other_that_read_by_other_dimensions_are_bounded():
    graph, x = image(4, 4, 4)
    strided = graph.add("strided", Conv(4, 16, (2, 2), stride=2), x)
    other = graph.add("other", Reshape((1, 16, 2, 2)), x)
    both = graph.add("both", Concat(2), strided, other)
    report = graph.analyze()
    field = report[both].receptive_field[0]
    assert elements(field.reads(0)) == {0, 1, 2, 3}
    assert not field.reads(0).exact
    assert report.reads(both, 0, 0)["input"][0] == Spans.first(2)


def test_a_batch_in_letters_that_is_padded_and_split_has_a_field():
    graph = Graph()
    images = graph.add("images", Pad(((0, 3), (0, 0), (0, 0))), graph.input((2, 64), batch_size="N"))
    graph.add("split", Reshape((-1, 4, 8)), images)
    row = graph.analyze().output
    assert (row.output_size[1:], row.field_unknown) == ((4, 8), "")
    assert row.receptive_field[0].reads(0) == Spans.first(64).bounded()
