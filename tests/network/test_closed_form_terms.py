"""The terms in which closed forms are written: shortening keeps every value, and what is known of a term is true."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convmath.calculus.index import eq, integers
from convmath.errors import UnsupportedError
from convmath.inert import CeilDiv, FloorDiv, Max, Min, Mod, Rounding
from convmath.network.closed_form.laws import proved
from convmath.network.closed_form.rewriting import rewritten, short
from convmath.network.closed_form.terms import bounds, evaluated, period, rises, shown

n = integers("n")
SMALL = st.integers(-5, 5)
DIVISORS = st.sampled_from([1, 2, 3, 4, 6])


def larger(inner):
    return st.one_of(
        st.builds(lambda a, c, m, k: FloorDiv(k * a + c, m), inner, SMALL, DIVISORS, st.integers(1, 4)),
        st.builds(lambda a, c, m, k: CeilDiv(k * a + c, m), inner, SMALL, DIVISORS, st.integers(1, 4)),
        st.builds(lambda a, c, k: k * a + c, inner, SMALL, st.integers(1, 3)),
        st.builds(lambda a, b, k: a + k * b, inner, inner, st.integers(-2, 2)),
        st.builds(Max, inner, inner),
        st.builds(Min, inner, inner),
        st.builds(lambda a, b: a * b, inner, inner),
        st.builds(Mod, inner, DIVISORS),
    )


TERMS = st.recursive(st.just(n), larger, max_leaves=5)


@given(TERMS)
def test_a_shortened_term_has_the_same_values(term):
    before, after = evaluated(term), evaluated(short(term))
    assert [(m, before(m)) for m in range(1, 80)] == [(m, after(m)) for m in range(1, 80)], f"{term} -> {short(term)}"


@given(TERMS)
def test_a_term_is_evaluated_as_sympy_does(term):
    assert [evaluated(term)(m) for m in (1, 2, 7, 30)] == [int(term.subs(n, m)) for m in (1, 2, 7, 30)]


def test_floor_in_place_of_ceil_has_other_values():
    assert any(evaluated(FloorDiv(n, 2))(m) != evaluated(short(FloorDiv(n - 1, 2) + 1))(m) for m in range(1, 80))


@given(TERMS)
def test_the_bounds_hold(term):
    try:
        (low, start), (high, end) = bounds(short(term))
    except UnsupportedError:
        return
    assert all(low * m + start <= evaluated(term)(m) <= high * m + end for m in range(1, 80))


@given(TERMS)
def test_the_period_is_one(term):
    try:
        length, rise = period(short(term))
    except UnsupportedError:
        return
    value = evaluated(short(term))
    assert all(value(m + length) == value(m) + rise for m in range(1, 60))


def test_quotients_of_products_that_cancel_repeat():
    rows = FloorDiv(n, 4)
    assert period(rows**2 - 64 * FloorDiv(rows**2, 64)) == (256, 0)
    assert period(FloorDiv(rows**2, 4) - 4 * FloorDiv(rows**2, 16)) == (64, 0)
    assert period(Mod(n * n + n, 6)) == (6, 0)
    for other in (rows**2 - 63 * FloorDiv(rows**2, 64), rows * n - 8 * FloorDiv(rows, 8)):
        with pytest.raises(UnsupportedError):
            period(other)


@given(TERMS, st.integers(1, 30))
def test_what_rises_never_falls(term, start):
    values = [evaluated(term)(m) for m in range(start, 80)]
    assert not rises(short(term), start) or values == sorted(values)


def test_a_product_that_falls_before_it_rises_is_caught():
    square = short((FloorDiv(n, 4) - 3) * (FloorDiv(n, 4) - 3))
    assert [evaluated(square)(m) for m in (1, 12, 32)] == [9, 0, 25]
    assert (rises(square), rises(square, 11), rises(square, 12)) == (False, False, True)


def test_rounding_is_joined_and_written_in_few_signs():
    stack = n
    for _ in range(5):
        stack = FloorDiv(stack - 1, 2) + 1
    assert shown(short(stack)) == "ceil(n/32)"
    assert shown(short(FloorDiv(FloorDiv(n - 11 + 4, 4) - 2, 2) + 1)) == "floor((n - 7)/8)"
    assert shown(short(2 * FloorDiv(n - 1, 2) + 2)) == "2*ceil(n/2)"
    assert shown(short(FloorDiv(3 * FloorDiv(n, 2), 2))) == "floor((3*floor(n/2))/2)"
    same = Max(0, 2 * CeilDiv(n, 2) - 2 + 3 - n)
    assert shown(short(FloorDiv(n + same - 3, 2) + 1)) == "ceil(n/2)"


def true(law, m: int) -> bool:
    return evaluated(law.left)(m) == evaluated(law.right)(m)


@given(TERMS)
def test_every_law_of_a_rewriting_is_true(term):
    found = rewritten(term)
    assert found.term == short(term)
    assert [(law, m) for law in found.laws for m in range(1, 80) if not true(law, m)] == []


@settings(max_examples=max(10, settings.default.max_examples // 10), deadline=None)
@given(TERMS)
def test_laws_of_few_roundings_are_proved_and_their_neighbours_refused(term):
    for law in rewritten(term).laws:
        if len((law.left - law.right).atoms(Rounding)) > 4 or (law.left - law.right).has(Min, Max):
            continue
        given_ = tuple(eq(*need) for need in law.needs)
        assert proved(eq(law.left, law.right), given_) is not None, law
        assert proved(eq(law.left, law.right + 1), given_) is None, law
