"""Positions that read piece by piece, against the support of real gradients."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import product
from time import process_time
from typing import Any

import pytest
import torch
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F  # noqa: N812

from convmath.network import Graph, NetworkReport, Row, from_torch
from convmath.network.fields import budget, pieces, repeating
from convmath.network.fields.field import Field
from convmath.network.fields.pieces import Followed, Pieces, pieced
from convmath.network.fields.repeating import runs
from convmath.network.fields.spans import Spans
from convmath.network.operators import (
    Combine,
    Concat,
    Conv,
    Flatten,
    Flip,
    Input,
    Linear,
    Pad,
    Reduce,
    Repeat,
    Reshape,
    Resize,
    Slice,
)
from convmath.network.operators.base import parts
from convmath.network.views.cells import field_cells

from .computing import Function, UNet, resized
from .networks import LARGEST, Builder, Network, Support, per_axis, supports
from .test_sharing import BYTES


def elements(spans: Spans) -> set[int]:
    return {element for start, stop in spans.parts for element in range(start, stop)}


class Pieced(Builder):
    """Draws networks whose positions are put one after the other, and whose paths meet at odd sizes."""

    def room(self, name: str, dim: int, more: int) -> bool:
        return self.network.sizes[name][dim] + more <= self.largest

    def axis(self) -> int:
        return self.draw(st.integers(2, 1 + self.axes))

    def slice(self, name: str, dim: int, start: int, stop: int) -> str:
        index = (slice(None),) * dim + (slice(start, stop),)
        return self.network.add(Slice(dim, start, stop), lambda x: x[index], name)

    def concat(self, dim: int, *names: str) -> str:
        return self.network.add(Concat(dim), lambda *xs: torch.cat(xs, dim), *names)

    def beside(self, name: str) -> str | None:
        """Results that fit, one after the other."""
        dim, sizes = self.axis(), self.network.sizes
        others = [
            other
            for other in sizes
            if len(sizes[other]) == 2 + self.axes
            and all(a == b for d, (a, b) in enumerate(zip(sizes[other], sizes[name], strict=True)) if d != dim)
        ]
        other = self.draw(st.sampled_from(others))
        if not self.room(name, dim, sizes[other][dim]):
            return None
        return self.concat(dim, *self.draw(st.permutations([name, other])))

    def ring(self, name: str) -> str | None:
        """The last elements before the first, and the first after the last."""
        dim = self.axis()
        n = self.network.sizes[name][dim]
        by = self.draw(st.integers(1, min(2, n)))
        if not self.room(name, dim, 2 * by):
            return None
        return self.concat(dim, self.slice(name, dim, n - by, n), name, self.slice(name, dim, 0, by))

    def again(self, name: str) -> str | None:
        dim = self.axis()
        if not self.room(name, dim, self.network.sizes[name][dim]):
            return None
        times = tuple(2 if d == dim else 1 for d in range(2 + self.axes))
        return self.network.add(Repeat(times), lambda x: x.repeat(times), name)

    def turned_over(self, name: str) -> str | None:
        dim = self.axis()
        turned = self.network.add(Flip((dim,)), lambda x: x.flip(dim), name)
        if self.draw(st.booleans()):
            return self.network.add(Combine("add"), torch.add, name, turned)
        return self.concat(dim, name, turned) if self.room(name, dim, self.network.sizes[name][dim]) else None

    def token(self, name: str) -> str | None:
        """A mean, or ones, before the first."""
        dim = self.axis()
        if not self.room(name, dim, 1):
            return None
        if self.draw(st.booleans()):
            first = self.network.add(Reduce("mean", (dim,), True), lambda x: x.mean(dim, keepdim=True), name)
        else:
            sizes = tuple(1 if d == dim else n for d, n in enumerate(self.network.sizes[name]))
            first = self.network.graph.add(f"ones_{len(self.network.graph)}", Input(sizes))
            self.network.sizes[first] = sizes
            self.network.steps.append(
                (first, lambda x: torch.ones(len(x), *sizes[1:], dtype=x.dtype) + 0 * x.sum(), (name,))
            )
        return self.concat(dim, first, name)

    def one(self, name: str) -> str:
        dim = self.axis()
        at = self.draw(st.integers(0, self.network.sizes[name][dim] - 1))
        return self.slice(name, dim, at, at + 1)

    def there_and_back(self, name: str) -> str | None:
        """To another size and back to the own one, where both paths meet."""
        down = self.conv(name, kernel_size=(3,) * self.axes, padding=(1,) * self.axes, stride=(2,) * self.axes)
        size = self.spatial(name)
        mode = self.draw(st.sampled_from(["nearest", "linear"]))
        torch_mode = mode if mode == "nearest" else {1: "linear", 2: "bilinear"}[self.axes]
        up = self.network.add(Resize(mode, output_size=size), nn.Upsample(size, mode=torch_mode), down)
        return self.join(name, up)

    def step(self) -> None:
        kinds = ["beside", "beside", "ring", "again", "turned_over", "token", "one", "there_and_back"]
        kind = self.draw(st.sampled_from([*kinds, *["any"] * 4]))
        if kind == "any":
            super().step()
            return
        names = [name for name, sizes in self.network.sizes.items() if len(sizes) == 2 + self.axes]
        getattr(self, kind)(self.draw(st.sampled_from(names[-3:])))


@st.composite
def pieced_networks(draw: Callable[..., Any], *, axes: int) -> Network:
    sizes = per_axis(draw, st.integers(3, LARGEST[axes] // 2 + 1), axes)
    builder = Pieced(draw, Network.of(draw(st.integers(1, 2)), *sizes), axes, False)
    for _ in range(draw(st.integers(1, 6))):
        builder.step()
    if draw(st.booleans()):
        network = builder.network
        flat = network.add(Flatten(1), nn.Flatten(), draw(st.sampled_from(list(network.sizes))))
        features = network.sizes[flat][1]
        network.add(Linear(features, 2, bias=False), nn.Linear(features, 2, bias=False), flat)
    return builder.network


def is_interior(report: NetworkReport, name: str, dimension: int, position: int) -> bool:
    """Whether a position depends on no border: on the way back through every path all that is read is there.

    That a part of a concatenation is not where another is, is no border.
    """
    wanted = {name: {position}}
    for node in reversed(list(report.graph)):
        here, row = wanted.pop(node.name, set()), report[node.name]
        if not here or not node.inputs:
            continue
        for other, shape, reads in zip(node.inputs, row.inputs, report.accesses(node.name), strict=True):
            if reads[dimension] is None or reads[dimension][0] != dimension:
                return False
            seen = set().union(*(elements(reads[dimension][1].reads(at)) for at in here))
            there = set(range(shape[dimension]))
            if isinstance(node.operator, Concat) and node.operator.dim == dimension:
                seen &= there
            elif not seen <= there:
                return False
            wanted[other] = wanted.get(other, set()) | seen
    return True


def read(row: Row, axis: int, position: tuple[int, ...]) -> Spans:
    """What a position reads by its row: all its channels together, where the axis runs along them."""
    field, dimension = row.receptive_field[axis], row.receptive_field.dimensions[axis]
    if dimension is None or dimension > 1:
        return field.reads(0 if dimension is None else position[dimension - 2])
    return field.image(Spans.first(row.sizes[dimension]))


def wrong_fields(network: Network, report: NetworkReport, support: dict[str, Support]) -> list[str]:
    """Where what a row says of a position is not what the gradients say.

    It is no less; and no more where it is exact and no border is met, or where all positions read the same.
    """
    entries = (entry for row in report for reads in report.accesses(row.name) for entry in reads)
    fields = (field for entry in entries for _, field in parts(entry))
    axes = len(network.sizes["input"]) - 2
    folds = any(isinstance(row.operator, Pad) and row.operator.mode != "constant" for row in report)
    ones = sum(isinstance(row.operator, Input) for row in report) > 1
    gaps = axes > 1 and (ones or not all(all(field.phases) for field in fields))
    wrong = []
    for row in report:
        if row.name not in support or row.field_unknown or len(row.sizes) not in (2, 2 + axes):
            continue
        spatial = row.sizes[2:]
        inner = [[is_interior(report, row.name, 2 + d, at) for at in range(n)] for d, n in enumerate(spatial)]
        for position in product(*map(range, spatial)):
            tight = all(inner[d][at] for d, at in enumerate(position)) and (axes == 1 or bool(spatial))
            for axis in range(axes):
                true = support[row.name].reads(axis, *position)
                if row.receptive_field is None:
                    wrong += [f"{row.name} {position} reads {sorted(true)}"] * bool(true)
                    continue
                found = read(row, axis, position)
                said = elements(found.clipped(0, network.sizes["input"][2 + axis]))
                same = elements(found) == true if tight and found.exact and not gaps else folds or said >= true
                if not same:
                    wrong.append(f"{row.name} {position} axis {axis}: {found} for {sorted(true)}")
    return wrong


@settings(deadline=None)
@given(pieced_networks(axes=1))
def test_on_one_axis_rows_say_what_the_gradients_do(network):
    assert wrong_fields(network, network.graph.analyze(), supports(network)) == []


@settings(deadline=None)
@given(pieced_networks(axes=2))
def test_on_two_axes_rows_say_what_the_gradients_do(network):
    assert wrong_fields(network, network.graph.analyze(), supports(network)) == []


# Pieces as sets


@st.composite
def followed(draw: Callable[..., Any], count: int) -> Followed:
    """So many positions in one to four pieces: windows, transposed windows, constants, reversed ones."""
    cuts = sorted(draw(st.sets(st.integers(1, count - 1), max_size=3))) if count > 1 else []
    return pieced((stop, draw(FIELDS)) for stop in [*cuts, count])


SMALL = st.integers(1, 4)
FIELDS = st.one_of(
    st.builds(
        lambda k, s, d, p: Field.window(k, stride=s, dilation=d, padding=p), SMALL, SMALL, SMALL, st.integers(-3, 4)
    ),
    st.builds(lambda k, s, p: Field.spread(k, stride=s, padding=p), SMALL, SMALL, st.integers(-3, 4)),
    st.builds(lambda n: Field(1, -1, (Spans.point(n),)), st.integers(0, 9)),
    st.builds(lambda a, b: Field.constant(Spans.of([(a, b)])), st.integers(-3, 5), st.integers(-3, 5)),
)


def explicit(one: Followed, count: int) -> list[set[int]]:
    return [elements(one.reads(at)) for at in range(count)]


@given(FIELDS, st.integers(1, 12), st.integers(1, 12), st.data())
def test_what_is_read_through_pieces_is_what_is_read_of_their_positions(outer, inner_count, count, data):
    inner = data.draw(followed(inner_count))
    inner = inner if isinstance(inner, Pieces) else Pieces((inner_count,), (inner,))
    found = pieces.through(outer, inner, count, lambda reads: reads, Field.through)
    there = explicit(inner, inner_count)
    wanted = [
        set().union(*(there[at] for at in elements(outer.reads(position)) if 0 <= at < inner_count))
        for position in range(count)
    ]
    assert explicit(found, count) == wanted
    assert elements(inner.image(outer.reads(0))) == wanted[0]


@given(st.integers(1, 12), st.data())
def test_the_union_of_pieces_is_that_of_their_positions(count, data):
    first, second = data.draw(followed(count)), data.draw(followed(count))

    def joined(one: Field, other: Field) -> Field | None:
        return one.joined(other) if one.keeps_pace(other) else None

    found = pieces.united(first, second, count, joined)
    assert explicit(found, count) == [
        a | b for a, b in zip(explicit(first, count), explicit(second, count), strict=True)
    ]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.data())
def test_parts_that_are_put_one_after_the_other_read_as_they_did(counts, data):
    parts, wanted, start = [], [], 0
    for count in counts:
        part = data.draw(followed(count))
        missing = data.draw(st.booleans())
        wanted += [set()] * count if missing else explicit(part, count)
        parts += [] if missing else [(start, start + count, part)]
        start += count
    found = pieces.concatenated(parts, start, lambda field, by: Field.window(1, padding=by).through(field))
    assert explicit(found, start) == wanted


@given(st.integers(2, 12), st.data())
def test_sizes_strides_and_holes_are_those_of_the_positions(count, data):
    one = data.draw(followed(count))
    if not isinstance(one, Pieces):
        return
    reads = [one.reads(at) for at in range(count)]
    hulls = [stop - start for start, stop in (one.interval(at) for at in range(count))]
    assert one.sizes == (min(hulls), max(hulls))
    assert one.holes == any(found.holes for found in reads)
    assert (one.reads(-1), one.reads(count)) == (Spans(), Spans())


@st.composite
def tables(draw: Callable[..., Any]) -> list[Spans]:
    """What positions read one by one: a few fields that repeat, one after the other, with a few others between."""
    found: list[Spans] = []
    for _ in range(draw(st.integers(1, 4))):
        field, count = draw(FIELDS), draw(st.integers(1, 40))
        begin = len(found)
        found += [field.reads(begin + at) for at in range(count)]
        found += [Spans.point(place * place) for place in range(draw(st.integers(0, 3)))]
    return found


@given(tables(), st.integers(0, 5))
def test_runs_say_what_each_position_reads(table, start):
    stops, at = [], start
    for stop, field in runs(table, start):
        assert [field.reads(position) for position in range(at, stop)] == table[at - start : stop - start]
        at = stop
        stops.append(stop)
    assert stops[-1] == start + len(table)
    assert stops == sorted(set(stops))


@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(1, 4), st.integers(0, 9))
def test_what_repeats_between_jumps_is_a_run_each(jumps, period, start):
    """Positions that move by one from round to round, and some elements more at every jump."""
    table, moved = [], 0
    for jump in jumps:
        begin = len(table)
        table += [Spans.point((begin + at) // period + moved) for at in range(20 * period)]
        moved += jump * 50
    assert len(list(runs(table, start))) <= 2 * len(jumps) - 1


def test_a_run_that_goes_on_for_one_position_more_is_caught(monkeypatch):
    longest = repeating._longest
    monkeypatch.setattr(
        repeating, "_longest", lambda kinds, firsts, at: (lambda p, s, n: (p, s, n + 1))(*longest(kinds, firsts, at))
    )
    table = [Spans.point(at // 2) for at in range(9)] + [Spans.point(at + 9) for at in range(9)]
    (stop, field), *_ = runs(table)
    assert [field.reads(at) for at in range(stop)] != table[:stop]


def test_neighbours_that_say_the_same_are_one_piece():
    window = Field.window(3, padding=1)
    assert pieced([(4, window), (9, window)]) == window
    assert pieced([(1, Field.constant(window.reads(0))), (9, window)]) == window
    assert pieced([(8, window), (9, Field.constant(window.reads(8)))]) == window
    assert len(pieced([(8, window), (9, Field.constant(window.reads(7)))]).stops) == 2
    assert len(pieced([(2, Field.constant(window.reads(0))), (9, window)]).stops) == 2


# Mistakes

FIRST_FOUND = settings(max_examples=2000, database=None, phases=[Phase.generate])
TRUE = {name: getattr(pieces, name) for name in ("covered", "concatenated")}


def one_more(field, start, stop, count):
    first, last = TRUE["covered"](field, start, stop, count)
    return first, min(count, last + 1) if first < last else last


def one_later(parts, count, shifted):
    later = [(start, min(count, stop + 1), one) for start, stop, one in parts[:1]] + list(parts[1:])
    return TRUE["concatenated"](later, count, shifted)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("convmath.network.fields.pieces.covered", one_more),
        ("convmath.network.fields.concatenation.concatenated", one_later),
        ("convmath.network.fields.pieces.united", lambda first, second, count, joined: first),
    ],
)
def test_a_border_between_pieces_that_is_off_by_one_is_caught(name, wrong, monkeypatch):
    monkeypatch.setattr(name, wrong)
    monkeypatch.setattr("convmath.network.fields.joining.united", pieces.united)

    def is_caught(network: Network) -> bool:
        return wrong_fields(network, network.graph.analyze(), supports(network)) != []

    assert find(pieced_networks(axes=1), is_caught, settings=FIRST_FOUND)


# Networks


class Tokens(nn.Module):
    """A class token before the patches, an encoder, and the class token alone."""

    def __init__(self, layers: int = 1):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 16, 16)
        self.cls = nn.Parameter(torch.zeros(1, 1, 8))
        self.encoder = nn.Sequential(*[nn.TransformerEncoderLayer(8, 2, 16, batch_first=True) for _ in range(layers)])

    def forward(self, x):
        tokens = torch.cat([self.cls, self.patches(x).flatten(2).transpose(1, 2)], 1)
        return tokens[:, 1:], tokens[:, 0], self.encoder(tokens)[:, 0]


def test_a_class_token_reads_nothing_and_each_patch_its_own():
    report = from_torch(Tokens(), (3, 224, 224)).analyze()
    (cat,) = [row for row in report if row.op == "concat"]
    rows, columns = cat.receptive_field.axes
    assert (rows.sizes, rows.stops, rows.holes) == ((0, 16), (1, 197), False)
    assert [(rows.interval(at), columns.interval(at)) for at in (0, 1, 15, 196)] == [
        ((0, 0), (0, 0)),
        ((0, 16), (0, 16)),
        ((16, 32), (0, 16)),
        ((208, 224), (208, 224)),
    ]
    assert field_cells(cat)[0] == "0..16"
    assert "0: nothing; 1 to 196: size 16" in str(cat)
    (first, token, answer) = (report[name] for name in report.graph.outputs)
    patches = report.rows[[row.op for row in report].index("permute")]
    assert first.fields == patches.fields  # with the class token taken away again
    assert token.receptive_field is None or token.receptive_field.size == (0, 0)
    assert (answer.receptive_field.size, answer.receptive_field.holes) == ((224, 224), (False, False))


@pytest.mark.parametrize("n", [57, 113])
def test_an_encoder_and_a_decoder_of_an_odd_size_are_misaligned_and_have_a_field(n):
    """The largest size is that of an even one; that paths disagree is said with the pair."""
    module = UNet(resized, depth=2)
    report = from_torch(module, (3, n, n)).analyze()
    even = from_torch(module, (3, n - 1, n - 1)).analyze()
    assert not any(row.field_unknown for row in report)
    assert (even.misaligned, report.output.receptive_field.size) == ((), even.output.receptive_field.size)
    first = report.misaligned[0]
    assert first.paths == tuple(report.graph[first.node].inputs)
    assert f"strides of {' and '.join(first.paths)} disagree" in str(first)
    axis = report.output.receptive_field[0]
    for position in (0, 1, n // 2, n - 1):
        exact = report.reads(report.output.name, position, n // 2)["x"][0]
        assert exact == axis.reads(position).clipped(0, n)


@pytest.mark.parametrize(("n", "depth"), [(1023, 3), (4095, 4), (9999, 2)])
def test_an_encoder_and_a_decoder_of_any_size_have_a_field_whose_length_does_not_grow_with_it(n, depth):
    graph = from_torch(UNet(resized, depth=depth), (3, n, 33))
    start = process_time()
    report = graph.analyze()
    assert process_time() - start < 10
    assert not any(row.field_unknown for row in report)
    axis = report.output.receptive_field[0]
    assert axis.length < 4 * 2**depth
    for position in (0, 1, n // 3, n // 2, n - 2, n - 1):
        exact = report.reads(report.output.name, position, 16)["x"][0]
        assert exact == axis.reads(position).clipped(0, n)


def test_positions_of_which_there_are_too_many_to_look_at_are_unknown_with_a_reason():
    report = from_torch(UNet(resized, depth=2), (3, 2**15 - 1, 9)).analyze()
    reason = report.output.field_unknown
    assert "too many to look at one by one (at most 16384)" in reason
    assert report.output.sizes == (1, 4, 2**15 - 1, 9)


def test_the_last_of_paths_that_were_joined_position_by_position_is_misaligned_once():
    """What comes after is compared with what it is added to, which has no stride either."""
    report = from_torch(
        Function(
            lambda x, down, same: (lambda y: y + same(y))(x + F.interpolate(down(x), size=x.shape[2:])),
            nn.Conv1d(1, 1, 3, 2, 1),
            nn.Conv1d(1, 1, 3, padding=1),
        ),
        (1, 11),
    ).analyze()
    assert len(report.misaligned) == 1
    assert not report.output.field_unknown


def test_the_position_at_which_paths_disagree_lies_in_the_piece_in_which_they_do():
    graph = Graph()
    late = graph.add("late", Conv(1, 1, (3,), padding=((2, 0),)), graph.input((1, 9), "x"))
    first, second = graph.add("twice", Concat(2), "x", "x"), graph.add("later", Concat(2), "x", late)
    graph.add("sum", Combine("add"), first, second)
    report = graph.analyze()
    (found,) = report.misaligned
    assert str(found) == "at sum the centres of twice and later disagree on axis 0 of x: 1/2 and -1/2 at position 9"
    assert found.centers == tuple(report[path].receptive_field.center(9)[0] for path in found.paths)


# What it may take


def doubled(count: int) -> Graph:
    graph = Graph()
    name = graph.input((1, 8))
    for number in range(count):
        name = graph.add(f"twice{number}", Concat(2), name, name)
    graph.add("conv", Conv(1, 1, (3,), padding=1), name)
    return graph


def chained(count: int) -> Graph:
    graph = Graph()
    first = last = graph.input((1, 8))
    for number in range(count):
        last = graph.add(f"longer{number}", Concat(2), first, last)
    return graph


def in_one(count: int) -> Graph:
    graph = Graph()
    graph.add("long", Concat(2), *[graph.input((1, 8))] * count)
    graph.add("part", Slice(2, 5, 6), "long")
    return graph


def peak(graph: Graph) -> tuple[int, NetworkReport]:
    """Bytes that the analysis takes at most, and what it gives."""
    tracemalloc.start()
    try:
        report = graph.analyze()
        return tracemalloc.get_traced_memory()[1], report
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("build", "count"), [(doubled, 40), (in_one, 2000)])
def test_concatenations_without_end_are_known_in_part_in_little_memory(build, count):
    taken, report = peak(build(count))
    assert taken < 10e3 * 2000
    assert report.output.receptive_field.holes == (None,)
    assert report.reads("twice5", 100)["input"] == (Spans.point(4),) if build is doubled else True


def test_a_chain_of_concatenations_is_not_known_beyond_the_budget(monkeypatch):
    graph = chained(400)
    monkeypatch.setattr(budget, "SPARE", 1000)
    most = BYTES * (budget.SPARE + budget.EACH * len(graph))
    taken, report = peak(graph)
    assert taken < most
    assert "budget" in report.output.field_unknown
    monkeypatch.setattr(budget, "SPARE", 10**9)
    taken, report = peak(graph)
    assert taken > most
    assert not report.output.field_unknown


@pytest.mark.parametrize(("build", "count"), [(doubled, 20), (chained, 1000), (in_one, 2000)])
def test_concatenations_without_end_take_time_in_proportion_to_their_number(build, count, monkeypatch):
    def seconds(graph: Graph) -> float:
        start = process_time()
        graph.analyze()
        return process_time() - start

    monkeypatch.setattr(budget, "SPARE", 2**15)
    short, long = (min(seconds(build(times)) for _ in range(2)) for times in (count, 4 * count))
    assert long < 10 * short, (short, long)  # 4 where it is linear, 16 where it is quadratic


def test_a_part_of_what_is_cut_off_at_a_border_in_between_is_not_said_to_be_exact():
    """The middle two of three elements, smoothed: what lies before them is padding, and not the first element."""
    graph = Graph()
    middle = graph.add("middle", Slice(2, 1, 3), graph.input((1, 3)))
    smoothed = graph.add("smoothed", Conv(1, 1, (3,), padding=1), middle)
    graph.add("flat", Flatten(1), graph.add("first", Slice(2, 0, 1), smoothed))
    report = graph.analyze()
    assert report.reads("flat") == {"input": (Spans.of([(1, 3)]),)}
    found = report["flat"].receptive_field[0].reads(0)
    assert not found.exact
    assert {1, 2} <= elements(found)


def test_one_position_of_an_uneven_tensor_has_no_holes_that_it_had_not():
    """Channels of two branches, of which positions are selected: no channel is left out."""
    graph = Graph()
    image = graph.input((1, 16))
    wide = graph.add("wide", Conv(1, 1, (4,), stride=4), image)
    both = graph.add("both", Concat(1), wide, graph.add("narrow", Conv(1, 1, (2,), stride=4), image))
    graph.add("features", Reshape((1, 2)), graph.add("one", Slice(2, 1, 2), both))
    graph.add("channel", Slice(1, 0, 1), both)
    report = graph.analyze()
    assert [report[name].receptive_field.holes for name in ("one", "features", "channel")] == [
        (False,),
        (False,),
        (None,),
    ]
    assert report.reads("features") == {"input": (Spans.of([(4, 8)]),)}


def test_a_tiled_dimension_that_is_too_long_says_at_most_what_it_reads():
    graph = Graph()
    graph.add("twice", Repeat((1, 1, 2)), graph.input((1, 2000)))
    report = graph.analyze()
    assert report["twice"].receptive_field.holes == (None,)
    assert not report.reads("twice", 1)["input"][0].exact
