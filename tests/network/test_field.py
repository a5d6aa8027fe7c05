"""Access relations along an axis against explicit sets."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath import Window, receptive_field
from convmath.errors import UnsupportedError
from convmath.network.fields.field import Field
from convmath.network.fields.spans import MOST_PARTS, Spans
from convmath.network.operators.pooling import adaptive
from convmath.network.operators.resize import Resize

POSITIONS = range(-12, 13)
WINDOWS = st.fixed_dictionaries(
    {
        "kernel_size": st.integers(1, 5),
        "stride": st.integers(1, 4),
        "dilation": st.integers(1, 4),
        "padding": st.integers(-3, 6),
    }
)
NEIGHBOURHOOD = range(-200, 201)

Reads = Callable[[int], set[int]]


def elements(spans: Spans) -> set[int]:
    return {element for start, stop in spans.parts for element in range(start, stop)}


def window(kernel_size, stride, dilation, padding) -> Reads:
    return lambda o: {stride * o + dilation * m - padding for m in range(kernel_size)}


def spread(kernel_size, stride, dilation, padding) -> Reads:
    """The transpose: t is written by every o for which t is one of the places that o reaches."""
    reached = window(kernel_size, stride, dilation, padding)
    return lambda t: {o for o in NEIGHBOURHOOD if t in reached(o)}


@st.composite
def fields(draw) -> tuple[Field, Reads]:
    """A field and its explicit sets, of any kind that a layer has."""
    options = draw(WINDOWS)
    match draw(st.sampled_from(["window", "spread", "adaptive", "constant"])):
        case "window":
            return Field.window(**options), window(**options)
        case "spread":
            return Field.spread(**options), spread(**options)
        case "adaptive":
            size, windows = draw(st.integers(1, 12)), draw(st.integers(1, 12))
            return adaptive(size, windows), lambda o: set(range(o * size // windows, -(-(o + 1) * size // windows)))
    parts = draw(st.lists(st.tuples(st.integers(-5, 5), st.integers(-5, 5)), max_size=3))
    return Field.constant(Spans.of(parts)), lambda _: elements(Spans.of(parts))


@given(fields())
def test_a_field_reads_what_its_definition_says(pair):
    field, reads = pair
    assert [elements(field.reads(o)) for o in POSITIONS] == [reads(o) for o in POSITIONS]


def test_a_window_without_its_dilation_or_padding_is_caught():
    true = window(3, 2, 2, 1)
    for wrong in (Field.window(3, stride=2, padding=1), Field.window(3, stride=2, dilation=2)):
        assert any(elements(wrong.reads(o)) != true(o) for o in POSITIONS)
    for wrong in (Field.spread(3, stride=2, padding=1), Field.spread(3, stride=2, dilation=2)):
        assert any(elements(wrong.reads(o)) != spread(3, 2, 2, 1)(o) for o in POSITIONS)


@given(fields(), fields())
def test_through_is_the_composition(outer, inner):
    composed = outer[0].through(inner[0])
    for position in POSITIONS:
        passed = set().union(*(inner[1](middle) for middle in outer[1](position)))
        assert elements(composed.reads(position)) == passed


def test_the_order_of_composition_matters():
    wide, strided = Field.window(3), Field.window(1, stride=2)
    assert wide.through(strided).reads(0) != strided.through(wide).reads(0)


@given(fields(), fields(), fields())
def test_composition_is_associative(first, second, third):
    left = first[0].through(second[0]).through(third[0])
    right = first[0].through(second[0].through(third[0]))
    assert [left.reads(o) for o in POSITIONS] == [right.reads(o) for o in POSITIONS]


@given(fields(), st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), max_size=3))
def test_the_image_is_the_union_over_the_positions(pair, parts):
    field, reads = pair
    positions = Spans.of(parts)
    image = field.image(positions)
    assert elements(image) == set().union(*(reads(o) for o in elements(positions)))
    assert image.exact
    assert not field.image(positions.bounded()).exact or not image


@given(fields(), fields())
def test_joined_is_the_union_position_by_position(first, second):
    if first[0].stride != second[0].stride:
        with pytest.raises(UnsupportedError, match="strides"):
            first[0].joined(second[0])
        return
    both = first[0].joined(second[0])
    assert [elements(both.reads(o)) for o in POSITIONS] == [first[1](o) | second[1](o) for o in POSITIONS]


@given(st.integers(1, 3), fields())
def test_a_field_joins_another_of_its_stride(times, pair):
    """The same relation, written with another period."""
    field, reads = pair
    longer = Field.sampled(field.period * times, field.step * times, field.reads)
    assert [elements(longer.joined(field).reads(o)) for o in POSITIONS] == [reads(o) for o in POSITIONS]
    assert longer.is_aligned(field)
    assert longer.stride == field.stride


PHASES = st.one_of(st.just(Spans()), st.builds(Spans.point, st.integers(-4, 4)))
TURNS = st.lists(PHASES, min_size=1, max_size=4).map(tuple)


@given(st.integers(-2, 2), TURNS, TURNS)
def test_the_distance_is_the_mean_over_the_positions_that_have_both_centres(step, first, second):
    one, other = Field(len(first), len(first) * step, first), Field(len(second), len(second) * step, second)
    pairs = [(one.center(at), other.center(at)) for at in range(len(first) * len(second))]
    apart = [theirs - ours for ours, theirs in pairs if None not in (ours, theirs)]
    assert one.distance(other) == sum(apart, Fraction()) / max(1, len(apart))


@given(
    st.sampled_from(["nearest", "linear", "cubic"]), st.integers(1, 20), st.integers(1, 20), st.booleans(), st.data()
)
def test_resizing_reads_the_elements_that_the_definition_weighs(mode, size, wanted, align_corners, data):
    layer = Resize(mode, output_size=(wanted,), align_corners=align_corners and mode != "nearest")
    field = layer.reads([(1, 1, size)], (1, 1, wanted))[0][2][1]
    position = data.draw(st.integers(0, wanted - 1))
    if mode == "nearest":
        true = {position * size // wanted}
    else:
        ratio = Fraction(size - 1, max(1, wanted - 1)) if align_corners else Fraction(size, wanted)
        half = Fraction(0) if align_corners else Fraction(1, 2)
        place = (position + half) * ratio - half
        reach = {"linear": 1, "cubic": 2}[mode]
        true = {j for j in range(-3, size + 3) if abs(j - place) < reach and (place.denominator > 1 or j == place)}
    assert elements(field.reads(position)) == true


@given(st.lists(WINDOWS, min_size=1, max_size=5))
def test_a_stack_of_windows_has_the_receptive_field_of_the_formula(layers):
    layers = [{**options, "padding": abs(options["padding"])} for options in layers]
    found = reduce(lambda inner, options: Field.window(**options).through(inner), layers, Field.same())
    true = receptive_field([Window(**options) for options in layers])
    assert (found.size, found.stride, found.padding) == (true.size, true.stride, true.padding)


def test_holes_are_elements_within_the_hull_that_are_not_read():
    assert Field.window(3, dilation=2).holes
    assert not Field.window(3).through(Field.window(3, dilation=2)).holes
    assert Field.window(2, dilation=2 * MOST_PARTS).through(Field.window(MOST_PARTS + 1, dilation=2)).holes is None


def test_positions_that_read_nothing_have_no_centre():
    """A transposed convolution of one tap and stride 2 writes every second element."""
    field = Field.spread(1, stride=2)
    assert [elements(field.reads(t)) for t in range(4)] == [{0}, set(), {1}, set()]
    assert field.is_aligned(Field.spread(2, stride=2))  # that is at other positions where only one of both has any
    assert not field.holes


def test_a_relation_of_too_many_phases_is_refused():
    with pytest.raises(UnsupportedError, match="phases"):
        Field.spread(3, stride=2**62)


def test_composition_of_fields_with_many_holes_stays_bounded():
    comb = Field.window(MOST_PARTS, dilation=3)
    found = comb.through(comb.through(Field.window(1, stride=2**40)))
    assert len(found.phases[0].parts) <= MOST_PARTS
    assert not found.phases[0].exact
