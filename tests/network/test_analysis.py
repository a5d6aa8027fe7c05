"""Whole networks against torch: sizes by meta execution, receptive fields by the support of real gradients."""

from __future__ import annotations

import gc
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from time import process_time
from typing import Any

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from convmath.errors import DomainError
from convmath.network import Graph, NetworkReport
from convmath.network.fields.field import Field
from convmath.network.fields.spans import Spans
from convmath.network.operators import (
    AdaptivePool,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Input,
    Linear,
    MatMul,
    Operator,
    Permute,
    Pool,
    Reduce,
    Reshape,
    Slice,
    Unknown,
)
from convmath.network.operators.base import parts
from convmath.network.totals import Total

from .networks import Network, Support, is_interior, networks, reached, supports, torch_sizes


def elements(spans: Spans) -> set[int]:
    return {element for start, stop in spans.parts for element in range(start, stop)}


@given(st.integers(1, 3).flatmap(lambda axes: networks(axes=axes, head=True)))
def test_sizes_are_those_of_torch(network):
    assert {row.name: row.sizes for row in network.graph.analyze()} == torch_sizes(network)


def wrong_reads(network: Network, report: NetworkReport, support: dict[str, Support]) -> list[str]:
    """Where ``report.reads`` is not what the gradients say; only more where it does not claim to be exact."""
    wrong = []
    for row in report:
        for position in product(*map(range, row.sizes[2:])):
            found = report.reads(row.name, *position).get("input")
            for axis in range(len(network.sizes["input"]) - 2):
                true = support[row.name].reads(axis, *position)
                said = elements(found[axis]) if found else set()
                exact = found is None or found[axis].exact
                if not (said == true if exact else said >= true):
                    wrong.append(f"{row.name}{position} axis {axis}: {sorted(said)} for {sorted(true)}")
    return wrong


def wrong_fields(network: Network, report: NetworkReport, support: dict[str, Support]) -> list[str]:
    """Where the field of an interior position is not what the gradients say.

    An axis knows nothing of the others: where a path leaves out positions of one, its field may be more than is read.
    """
    entries = (entry for row in report for reads in report.accesses(row.name) for entry in reads)
    fields = (field for entry in entries for _, field in parts(entry))
    gaps = len(network.sizes["input"]) > 3 and not all(all(field.phases) for field in fields)
    wrong = []
    for row in report:
        if len(row.sizes) != len(network.sizes["input"]) or row.field_unknown:
            continue
        axes = range(len(row.sizes) - 2)
        interior = [[i for i in range(row.sizes[2 + d]) if is_interior(report, row.name, 2 + d, i)] for d in axes]
        for position in product(*interior):
            for axis, index in enumerate(position):
                true = support[row.name].reads(axis, *position)
                found = row.receptive_field[axis].reads(index)
                if not (elements(found) >= true if gaps or not found.exact else elements(found) == true):
                    wrong.append(f"{row.name} {position} axis {axis}: {found} for {sorted(true)}")
    return wrong


@given(networks(axes=1, head=True))
def test_on_one_axis_the_exact_field_is_the_support_of_the_gradients(network):
    assert wrong_reads(network, network.graph.analyze(), supports(network)) == []


@settings(max_examples=max(10, settings.default.max_examples // 2))
@given(networks(axes=2, head=True))
def test_on_two_axes_the_exact_field_is_the_support_of_the_gradients(network):
    assert wrong_reads(network, network.graph.analyze(), supports(network)) == []


@given(networks(axes=1))
def test_on_one_axis_the_field_of_interior_positions_is_the_support_of_the_gradients(network):
    assert wrong_fields(network, network.graph.analyze(), supports(network)) == []


@settings(max_examples=max(10, settings.default.max_examples // 2))
@given(networks(axes=2))
def test_on_two_axes_the_field_of_interior_positions_is_the_support_of_the_gradients(network):
    assert wrong_fields(network, network.graph.analyze(), supports(network)) == []


@given(networks(axes=1, maxima=True))
def test_with_maximum_pooling_the_fields_are_what_each_element_alone_reaches(network):
    report, support = network.graph.analyze(), reached(network)
    assert wrong_reads(network, report, support) == []
    assert wrong_fields(network, report, support) == []


def without(option: str) -> Callable[..., Field]:
    true = Field.window

    def window(kernel_size: int, **options: int) -> Field:
        return true(kernel_size, **{name: value for name, value in options.items() if name != option})

    return window


def spread_without_padding(kernel_size: int, *, stride: int = 1, dilation: int = 1, padding: int = 0) -> Field:
    return TRUE_SPREAD(kernel_size, stride=stride, dilation=dilation)


TRUE_SPREAD = Field.spread
FIRST_FOUND = settings(max_examples=2000, database=None, phases=[Phase.generate])
MISTAKES = {
    "dilation dropped": ("window", without("dilation")),
    "padding dropped": ("window", without("padding")),
    "stride dropped": ("window", without("stride")),
    "padding of a transposed convolution dropped": ("spread", spread_without_padding),
    "the first path instead of the union": ("joined", lambda first, second: first),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_relation_is_caught(mistake, monkeypatch):
    name, wrong = MISTAKES[mistake]
    monkeypatch.setattr(Field, name, wrong if name == "joined" else staticmethod(wrong))

    def is_caught(network: Network) -> bool:
        report = network.graph.analyze()
        return wrong_fields(network, report, supports(network)) != []

    assert find(networks(axes=1), is_caught, settings=FIRST_FOUND)


def test_a_path_left_out_is_caught_by_the_exact_field(monkeypatch):
    monkeypatch.setattr("convmath.network.fields.exact._with", lambda boxes, new: boxes or [new])

    def is_caught(network: Network) -> bool:
        return wrong_reads(network, network.graph.analyze(), supports(network)) != []

    assert find(networks(axes=1), is_caught, settings=FIRST_FOUND)


# Where paths meet


def meeting(n: int, *paths: tuple[Operator, ...], join: Operator = Combine("add")) -> Graph:  # noqa: B008
    """Paths from one input of n elements that meet in a sum."""
    graph = Graph()
    image = graph.input((1, n))
    ends = []
    for number, path in enumerate(paths):
        name = image
        for step, operator in enumerate(path):
            name = graph.add(f"path{number}.{step}", operator, name)
        ends.append(name)
    graph.add("meet", join, *ends)
    return graph


def conv(kernel_size: int, **options: Any) -> Conv:
    return Conv(1, 1, (kernel_size,), **options)


def test_paths_whose_centres_disagree_are_reported_with_the_pair():
    """Two paths of the same stride, one of them without its padding: the second sees one element further."""
    aligned = meeting(9, (conv(3, stride=2, padding=1),), (conv(1, stride=2),)).analyze()
    assert aligned.misaligned == ()
    (found,) = meeting(9, (conv(3, stride=2, padding=1),), (conv(2, stride=2, padding=((0, 1),)),)).analyze().misaligned
    assert (found.node, found.paths, found.source) == ("meet", ("path0.0", "path1.0"), ("input", 0))
    assert [path.center(0) for path in found.fields] == [Fraction(1, 2), 1]
    assert str(found) == (
        "at meet the centres of path0.0 and path1.0 disagree on axis 0 of input: 1/2 and 1 at position 0"
    )


def test_same_padding_aligns_paths_for_odd_sizes_alone():
    """SAME puts the odd element at the end, so that for an even size a strided 3-tap window looks half a step later.

    [AraujoNorrisSim2019, section on arbitrary computation graphs]: alignment may depend on the size of the input.
    """
    paths = ((conv(3, stride=2, padding="same_upper"),), (conv(1, stride=2, padding="same_upper"),))
    misaligned = {n: bool(meeting(n, *paths).analyze().misaligned) for n in range(5, 13)}
    assert misaligned == {n: n % 2 == 0 for n in range(5, 13)}


def test_a_shortcut_that_joins_an_autoencoder_of_odd_taps_is_misaligned():
    """A transposed convolution of 3 taps reads later on odd positions; one of 2 taps, or of 4, looks straight on."""
    for taps, padding, extra, wanted in ((2, 0, 0, False), (4, 1, 0, False), (3, 1, 1, True)):
        up = ConvTranspose(1, 1, (taps,), stride=2, padding=padding, output_padding=extra)
        report = meeting(8, (Pool("avg", (2,)), up), ()).analyze()
        assert bool(report.misaligned) == wanted, taps
        assert not report["meet"].field_unknown


def test_paths_whose_strides_disagree_are_misaligned_and_joined_position_by_position():
    """Sizes that fit by chance: 9 elements in steps of 2 are 5 positions, and so are 5 taps in steps of 1."""
    report = meeting(9, (conv(1, stride=2),), (conv(5),)).analyze()
    (found,) = report.misaligned
    assert "strides of path0.0 and path1.0 disagree on axis 0 of input: 2 and 1" in str(found)
    assert report.status == "complete"
    (found,) = report["meet"].receptive_field.axes
    assert (found.size, found.stride, found.holes) == (5, 1, False)  # the longer windows have what the others read
    for position in range(5):
        assert report.reads("meet", position) == {"input": (found.reads(position),)}


def test_of_too_many_positions_whose_strides_disagree_the_union_is_unknown():
    report = meeting(2**15 + 1, (conv(1, stride=2),), (conv(2**14 + 1),)).analyze()
    assert "strides 2 and 1 disagree, and 16385 positions are too many" in report["meet"].field_unknown
    assert report["meet"].receptive_field is None
    assert report.status == "complete"
    assert report.reads("meet", 3) == {"input": (Spans.of([(3, 2**14 + 4)]),)}
    (found,) = meeting(2**15 - 1, (conv(1, stride=2),), (conv(2**14),)).analyze()["meet"].receptive_field.axes
    assert (found.size, found.stride) == (2**14, 1)


def test_three_paths_are_each_compared_with_the_first():
    report = meeting(9, (conv(1),), (conv(3, padding=1),), (conv(3, padding=((2, 0),)),), join=Concat(1)).analyze()
    assert [found.paths for found in report.misaligned] == [("path0.0", "path2.0")]


def test_a_branch_that_reads_everything_is_not_misaligned():
    """Squeeze and excitation: the union is everything, at every position."""
    graph = Graph()
    features = graph.add("features", conv(3, padding=1), graph.input((1, 9)))
    pooled = graph.add("pooled", AdaptivePool("avg", (1,)), features)
    graph.add("scaled", Combine("mul"), features, pooled)
    report = graph.analyze()
    assert report.misaligned == ()
    assert report["scaled"].receptive_field[0] == Field.whole(9)


def test_one_position_has_no_stride():
    """Heads that end in one position each: their strides say nothing, and what they read is joined."""
    report = meeting(8, (AdaptivePool("max", (1,)),), (conv(8, stride=3),)).analyze()
    assert report.misaligned == ()
    assert report["meet"].receptive_field[0].reads(0) == Spans.first(8)


def test_dilated_windows_have_holes_until_others_fill_them():
    graph = Graph()
    dilated = graph.add("dilated", conv(3, dilation=2), graph.input((1, 20)))
    graph.add("filled", conv(2), dilated)
    graph.add("beside", conv(3, dilation=4), dilated)
    report = graph.analyze()
    assert [report[name].receptive_field.holes for name in ("dilated", "filled", "beside")] == [
        (True,),
        (False,),
        (True,),
    ]
    assert report["dilated"].receptive_field.size == (5,)


# What runs along no dimension, or along two


def test_flattened_features_read_what_all_positions_together_do():
    graph = Graph()
    strided = graph.add("strided", conv(3, stride=3), graph.input((1, 11)))
    graph.add("flat", Flatten(1), strided)
    graph.add("dense", Linear(3, 2), "flat")
    report = graph.analyze()
    for name in ("flat", "dense"):
        assert report[name].receptive_field[0] == Field.constant(Spans.first(9))  # the last two are never read
    assert report.reads("dense") == {"input": (Spans.first(9),)}


def test_flattened_features_read_nothing_beyond_a_border_before_them():
    graph = Graph()
    strided = graph.add("strided", Conv(1, 3, (3,), stride=2), graph.input((1, 64)))
    padded = graph.add("padded", Conv(3, 3, (3,), padding=1), strided)
    graph.add("flat", Flatten(1), padded)
    report = graph.analyze()
    beyond = report["padded"].receptive_field[0].reads(30).clipped(0, 64)
    assert 63 in beyond  # as if the strided positions went on
    assert report["flat"].receptive_field[0] == Field.constant(Spans.first(63))
    assert report.reads("flat") == {"input": (Spans.first(63),)}


def test_a_part_of_flattened_features_reads_its_own_part():
    graph = Graph()
    flat = graph.add("flat", Flatten(1), graph.input((2, 6)))
    graph.add("part", Slice(1, 1, 4), flat)
    graph.add("across", Slice(1, 4, 8), flat)
    report = graph.analyze()
    assert report["part"].receptive_field[0].phases == (Spans.of([(1, 4)]),)
    assert report.reads("part") == {"input": (Spans.of([(1, 4)]),)}
    assert report.reads("across")["input"] == (Spans.of([(0, 2), (4, 6)]).bounded(),)  # of one channel each


def test_a_part_of_features_that_are_taken_apart_crosswise_reads_an_unknown_part():
    graph = Graph()
    crosswise = graph.add("crosswise", Reshape((1, 4, 3)), graph.input((3, 4)))
    graph.add("part", Slice(1, 0, 2), crosswise)
    report = graph.analyze()
    assert report["part"].receptive_field[0].phases == (Spans.first(4).bounded(),)
    assert report["part"].receptive_field.holes == (None,)
    assert report.reads("part", 0)["input"][0] == Spans.first(4).bounded()


def test_channels_that_read_the_same_may_be_taken_apart():
    """Of channels that were put together from paths that differ, a part reads less than all."""
    graph = Graph()
    image = graph.input((1, 9))
    graph.add("even", Concat(1), graph.add("a", conv(3), image), graph.add("b", conv(3), image))
    graph.add("uneven", Concat(1), "a", graph.add("c", conv(5, padding=1), image))
    for name in ("even", "uneven"):
        graph.add(f"{name} part", Slice(1, 0, 1), name)
    report = graph.analyze()
    assert report["even part"].receptive_field[0] == Field.window(3)
    assert report["uneven part"].receptive_field[0] == Field.window(5, padding=1).bounded()
    assert report.reads("uneven part", 2) == {"input": (Spans.of([(2, 5)]),)}


def test_a_sum_over_a_dimension_reads_all_of_it_though_another_runs_along_the_same_axis():
    """The products of all rows with all rows: summed over one of them, each row still reads every row."""
    graph = Graph()
    image = graph.add("rows", Reshape((1, 5, 3)), graph.add("image", Input((1, 1, 5, 3), (2,))))
    turned = graph.add("turned", Permute((0, 2, 1)), image)
    graph.add("products", MatMul(), image, turned)
    graph.add("sum", Reduce("sum", (2,)), "products")
    report = graph.analyze()
    reason = report["products"].field_unknown
    assert "reads of axis 0 of image goes by two of its indices, on the dimensions 1 and 2 of the output" in reason
    assert report["sum"].receptive_field[0] == Field.whole(5)
    assert report["rows"].receptive_field[0] == Field.same()


def test_an_image_and_its_transpose_have_no_single_field():
    graph = Graph()
    image = graph.input((1, 4, 4))
    graph.add("sum", Combine("add"), image, graph.add("turned", Permute((0, 1, 3, 2)), image))
    report = graph.analyze()
    assert "goes by two of its indices, on the dimensions 2 and 3 of the output" in report["sum"].field_unknown
    assert report.reads("sum", 1, 3) == {"input": (Spans.of([(1, 2), (3, 4)]),) * 2}


def test_each_input_has_a_field_of_its_own():
    graph = Graph()
    left, right = graph.input((1, 9), "left"), graph.input((1, 9), "right")
    graph.add("sum", Combine("add"), graph.add("conv", conv(3, padding=1), left), right)
    row = graph.analyze()["sum"]
    assert {name: fields.size for name, fields in row.fields.items()} == {"left": (3,), "right": (1,)}
    assert row.receptive_field is row.fields["left"]


# What is not understood

ODD = "it is not one of the operators"


def with_unknown(output: tuple[int, ...] | None, parameters: int | None = None) -> NetworkReport:
    graph = Graph()
    image = graph.input((1, 8))
    graph.add("before", conv(3), image)
    graph.add("odd", Unknown("my_op", ODD, output, parameters), "before")
    graph.add("after", conv(3), "odd")
    graph.add("beside", conv(3), image)
    return graph.analyze()


def test_after_an_unknown_operator_sizes_are_known_if_its_own_are():
    report = with_unknown((1, 1, 6))
    assert [row.sizes for row in report][2:4] == [(1, 1, 6), (1, 1, 4)]
    assert (report.status, report.missing) == ("partial", ("odd",))
    assert "odd (my_op) is not understood" in report["after"].field_unknown
    assert report["after"].macs == 12
    assert report["beside"].receptive_field.size == (3,)
    with pytest.raises(DomainError, match=r"odd.*what it reads is unknown: it is not one of the operators"):
        report.reads("after", 0)


def test_after_an_unknown_operator_of_unknown_sizes_all_that_depends_on_it_is_unknown():
    report = with_unknown(None)
    assert [(row.name, row.sizes) for row in report if row.reason] == [("odd", None), ("after", None)]
    assert report.total("macs") == Total(36, "partial", ("odd", "after"))
    assert report.total("params") == Total(12, "partial", ("odd",))
    assert report.total("elements").missing == ("odd", "after")
    with pytest.raises(DomainError, match="unknown"):
        report.reads("after", 0)


def test_a_total_is_complete_where_nothing_of_it_is_unknown():
    assert with_unknown(None, 7).total("params") == Total(19, "complete", ())
    assert with_unknown((1, 1, 6)).total("elements").status == "complete"


def test_a_network_of_which_nothing_is_understood_is_unknown():
    graph = Graph()
    graph.add("odd", Unknown("my_op", ODD), graph.input((1, 8)))
    assert graph.analyze().status == "unknown"


def test_a_field_of_too_many_phases_is_unknown_and_its_sizes_are_not():
    graph = Graph()
    graph.add("up", ConvTranspose(1, 1, (3,), stride=5000), graph.input((1, 8)))
    row = graph.analyze()["up"]
    assert "phases" in row.field_unknown
    assert row.sizes == (1, 1, 35003)
    with pytest.raises(DomainError, match="phases"):
        graph.analyze().reads("up", 0)


def test_absurd_sizes_are_only_numbers():
    graph = Graph()
    graph.add("conv", Conv(1, 1, (2**40,), stride=2**20, dilation=2**10), graph.input((1, 2**62)))
    report = graph.analyze()
    assert report["conv"].sizes == (1, 1, (2**62 - 2**10 * (2**40 - 1) - 1) // 2**20 + 1)
    assert report["conv"].receptive_field.size == (2**10 * (2**40 - 1) + 1,)
    assert report["conv"].receptive_field.holes == (None,)


def test_sizes_that_do_not_fit_name_the_node():
    graph = Graph()
    graph.add("first", conv(3), graph.input((1, 8)))
    graph.add("second", conv(9), "first")
    with pytest.raises(DomainError, match=r"node='second'.*kernel_size=9"):
        graph.analyze()


def test_ten_thousand_layers_take_time_in_proportion():
    """A chain in which every second layer joins the one before: paths double, time does not."""

    def seconds(layers: int) -> float:
        graph = Graph()
        name = graph.input((4, 64))
        for number in range(0, layers, 2):
            branch = graph.add(f"conv{number}", Conv(4, 4, (3,), padding=1), name)
            name = graph.add(f"add{number}", Combine("add"), branch, name)
        gc.collect()
        gc.disable()  # what other tests have left in memory is no matter of the analysis
        try:
            start = process_time()
            report = graph.analyze()
            took = process_time() - start
        finally:
            gc.enable()
        assert report.output.receptive_field.size == (layers + 1,)
        return took

    seconds(100)
    assert min(seconds(2000) for _ in range(3)) < 12 * min(seconds(500) for _ in range(3))
