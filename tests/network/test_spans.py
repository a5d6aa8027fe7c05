"""Sets of intervals against Python's sets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.network.fields.spans import MOST_PARTS, Spans

ENDS = st.integers(-20, 20)
PARTS = st.lists(st.tuples(ENDS, ENDS), max_size=5)
SPANS = PARTS.map(Spans.of)


def elements(spans: Spans) -> set[int]:
    return {element for start, stop in spans.parts for element in range(start, stop)}


def union(parts: list[tuple[int, int]]) -> set[int]:
    return {element for start, stop in parts for element in range(start, stop)}


def is_canonical(spans: Spans) -> bool:
    ends = [end for part in spans.parts for end in part]
    return all(a < b for a, b in pairwise(ends))


@given(PARTS)
def test_intervals_become_their_union(parts):
    spans = Spans.of(parts)
    assert elements(spans) == union(parts)
    assert is_canonical(spans)
    assert spans.exact


def test_intervals_that_overlap_or_touch_are_no_canonical_form():
    assert not is_canonical(Spans(((0, 2), (1, 3))))
    assert not is_canonical(Spans(((0, 2), (2, 3))))


@given(SPANS, SPANS)
def test_or_is_the_union(first, second):
    found = first | second
    assert elements(found) == elements(first) | elements(second)
    assert is_canonical(found)


@given(SPANS, SPANS)
def test_a_union_is_exact_where_what_is_unsure_changes_nothing(first, second):
    found = first | second.bounded()
    assert found.exact == (elements(second) <= elements(first))
    assert (second.bounded() | first).exact == found.exact


@given(SPANS, st.integers(0, 9), st.integers(-5, 5))
def test_repeated_is_the_union_of_the_shifts(spans, count, step):
    found = spans.repeated(count, step)
    assert elements(found) == {element + step * turn for turn in range(count) for element in elements(spans)}
    assert is_canonical(found)


def test_one_repetition_too_few_is_caught():
    assert elements(Spans.point(0).repeated(4, 2)) != elements(Spans.point(0).repeated(3, 2))


@given(SPANS, ENDS, ENDS)
def test_clipped_is_the_intersection(spans, start, stop):
    found = spans.clipped(start, stop)
    assert elements(found) == elements(spans) & set(range(start, stop))
    assert is_canonical(found)


@given(SPANS, st.integers(-50, 50))
def test_a_set_knows_its_elements(spans, element):
    assert (element in spans) == (element in elements(spans))
    assert spans.count == len(elements(spans))
    assert bool(spans) == bool(elements(spans))
    assert elements(spans.shifted(element)) == {one + element for one in elements(spans)}


@given(SPANS)
def test_the_hull_is_the_least_interval_around(spans):
    inside = elements(spans)
    assert spans.hull == ((min(inside), max(inside) + 1) if inside else (0, 0))
    assert spans.holes == (len(inside) < spans.hull[1] - spans.hull[0])


@pytest.mark.parametrize("count", [0, 1, 5, -2])
def test_first_counts_from_zero(count):
    assert elements(Spans.first(count)) == set(range(count))
    assert is_canonical(Spans.first(count))


def test_a_set_of_too_many_intervals_is_bounded_by_fewer_and_says_so():
    most = Spans.point(0).repeated(MOST_PARTS, 2)
    assert (len(most.parts), most.exact, most.holes) == (MOST_PARTS, True, True)
    more = Spans.point(0).repeated(2**62, 2)
    assert more.hull == (0, 2 * (2**62 - 1) + 1)
    assert (len(more.parts) <= MOST_PARTS, more.exact, more.holes) == (True, False, None)
    assert (more | Spans.point(-5)).exact is False
    assert not (Spans.point(-5) | more).exact
