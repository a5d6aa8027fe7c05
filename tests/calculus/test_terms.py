"""Contractions and values: what is refused, and that renaming, substitution and canonical forms keep the value."""

from __future__ import annotations

import itertools

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model
from convmath.calculus.index import either, eq, integers, le, lt, term_json, within
from convmath.calculus.terms import Contraction, Gradient, Value, fresh, tensor, total, value
from convmath.errors import ProofError

from .refusals import REFUSALS
from .samples import BOUND, FREE, affine, contractions, values

a, b = FREE
i, j, k = BOUND
m, n = integers("m n")
x, w = tensor("x"), tensor("w")
POINTS = [{"a": p, "b": q, "i": 1, "j": 2, "k": 0} for p, q in itertools.product((-1, 0, 2, 3), repeat=2)]
FEWER = settings(max_examples=settings.default.max_examples // 4)


@pytest.mark.parametrize("refusal", REFUSALS["terms"], ids=lambda refusal: refusal.name)
def test_a_contraction_and_a_statement_refuse(refusal):
    refusal.check()


def numbers(part: Value) -> list[object]:
    return [Model(point, seed=3).value(part.json()) for point in POINTS]


@FEWER
@given(contractions(), st.sets(st.sampled_from((*FREE, *BOUND, *integers("i2 j2 k2")))))
def test_renaming_bound_indices_keeps_the_value(contraction, taken):
    renamed = contraction.renamed(taken)
    assert not set(renamed.bound) & taken
    assert renamed.free_symbols == contraction.free_symbols
    assert numbers(renamed.value) == numbers(contraction.value)
    assert renamed.value.canonical() == contraction.value.canonical()


@FEWER
@given(contractions(), affine(a, b, i), affine(a, b, j))
def test_substitution_evaluates_the_terms_first(contraction, for_a, for_b):
    changed = contraction.substitute({a: for_a, b: for_b}).value
    for point in POINTS:
        inner = {**point, **{name: Model(point).term(term_json(t)) for name, t in (("a", for_a), ("b", for_b))}}
        assert Model(point, seed=3).value(changed.json()) == Model(inner, seed=3).value(contraction.value.json())


def test_substitution_without_renaming_would_capture():
    contraction = Contraction((i,), within(0, i, a), 1, (x[i],))
    naive = Contraction(contraction.bound, *contraction._substituted({a: i + 1}))
    point = Model({"i": 1}, tensors={"x": lambda index: 1})
    assert point.value(contraction.substitute({a: i + 1}).value.json()) == 2
    assert not naive.is_bounded()


@FEWER
@given(values(), values())
def test_sums_and_products_of_values_are_those_of_numbers(p, q):
    for left, right, together, product in zip(*map(numbers, (p, q, p + q, p * q)), strict=True):
        assert together == left + right
        assert product == left * right
    assert numbers(p - q) == numbers(p + -q)


@FEWER
@given(values(), values())
def test_equal_canonical_forms_mean_equal_values(p, q):
    assert (p + q - q).canonical() == p.canonical() == (q + p - q).canonical()
    if p.canonical() == q.canonical():
        assert numbers(p) == numbers(q)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (value(x[i]), value(x[j])),
        (value(x[i]) * 2, value(x[i])),
        (Contraction((i,), within(0, i, n), 1, ()).value, Contraction((i,), within(1, i, n), 1, ()).value),
        (Contraction((i,), within(0, i, n), i, ()).value, Contraction((i,), within(0, i, n), n, ()).value),
        (Contraction((i,), within(0, i, n), 1, (x[i],)).value, Contraction((i,), within(0, i, n), 1, (x[n],)).value),
        (value(w[i, j]), value(w[j, i])),
        (value(Gradient(value(x[i]) * x[j], x[i])), value(Gradient(value(x[i]) * x[j], x[j]))),
    ],
)
def test_different_values_have_different_canonical_forms(first, second):
    assert first.canonical() != second.canonical()


@FEWER
@given(contractions(), contractions(1))
def test_a_sum_of_a_sum_is_merged_without_capture(inner, outer):
    (index,) = outer.bound
    merged = total((index,), outer.guard, inner)
    for point in POINTS[::5]:
        model = Model(point, seed=3)
        plain = Contraction((index,), outer.guard, 1, ()).value.json()
        hits = [c for c in range(-12, 16) if _in_guard(model, outer, index, c)]
        assert model.value(plain) == len(hits)
        direct = sum(model.extended({index.name: c}).value(inner.value.json()) for c in hits)
        assert model.value(merged.json()) == direct


def _in_guard(model: Model, contraction: Contraction, index: sympy.Symbol, at: int) -> bool:
    inside = model.extended({index.name: at})
    return all(inside.holds(atom.json()) for atom in contraction.guard)


@pytest.mark.parametrize(
    ("guard", "finite"),
    [
        (within(0, j, n), True),
        ((eq(2 * j, n),), True),
        ((le(j, n), le(m, 3 * j)), True),
        ((*within(0, i, n), *within(i, j, n)), True),
        ((*within(0, i, n), eq(i, j)), True),
        ((le(0, j),), False),
        ((eq(i, j),), False),
        ((*within(i, j, n), *within(j, i, n)), False),
        ((eq(j * j, 4),), False),
        ((le(0, j), le(m * j, n)), False),
        ((either(eq(j, 0), eq(j, 1)),), False),
        ((le(0, j), lt(j, j + n)), False),
        ((), False),
    ],
)
def test_only_visible_bounds_make_a_sum_finite(guard, finite):
    bound = (i, j) if any(i in atom.free_symbols for atom in guard) else (j,)
    assert Contraction(bound, guard, 1, ()).is_bounded() is finite


def test_a_made_up_name_is_new():
    taken = set(integers("i i2 i3 j"))
    assert fresh(i, taken) == integers("i4")
    assert fresh(k, taken) == integers("k2")


def test_a_pole_does_not_hide_in_a_coefficient():
    """SymPy cancels n when it multiplies (n + n**2)/n out."""
    try:
        contraction = Contraction((), (), (n + n**2) / n, ())
    except ProofError:
        return
    at_zero = contraction.substitute({n: sympy.Integer(0)})
    assert Model().value(at_zero.value.json()) == Model({"n": 0}).value(contraction.value.json())


def test_a_coefficient_has_exact_content_and_primitive_part():
    half = Contraction((), (), n / 2 + sympy.Rational(1, 3), ())
    assert half.json()["coefficient"] == ["1/6", ["+", 2, ["*", 3, "n"]]]
    assert Model({"n": 5}).value(half.value.json()) * 6 == 17
