"""Integer terms and formulas: what is refused, above all what SymPy would simplify behind the proof's back."""

from __future__ import annotations

import itertools

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from convmath.calculus import kernel
from convmath.calculus.evaluate import Model
from convmath.calculus.index import (
    Formula,
    both,
    either,
    eq,
    equivalent,
    implies,
    integer_term,
    integers,
    le,
    lt,
    ne,
    negation,
    sequence,
    term_json,
)
from convmath.calculus.search import find_certificate
from convmath.calculus.terms import Contraction, tensor, value
from convmath.errors import ProofError
from convmath.inert import CeilDiv, FloorDiv, Max, Min, Mod

from .refusals import REFUSALS
from .samples import conditions, terms

a, b, i, j, n, s = integers("a b i j n s")
g = tensor("g")
POINTS = [{"a": p, "b": q} for p, q in itertools.product(range(-3, 4), repeat=2)]


@pytest.mark.parametrize("refusal", REFUSALS["index"], ids=lambda refusal: refusal.name)
def test_an_integer_term_and_a_formula_refuse(refusal):
    refusal.check()


# What SymPy would do behind the proof's back


def test_the_half_index_of_deltasummation_is_no_factor():
    free = sympy.IndexedBase("g", real=True)
    proposed = sympy.Sum(free[i] * sympy.KroneckerDelta(j, 2 * i), (i, 0, n - 1)).doit()
    halves = [entry for entry in proposed.atoms(sympy.Indexed) if entry.indices == (j / 2,)]
    assert halves, "SymPy no longer proposes g[j/2]"
    for entry in (*halves, g[j / 2], proposed):
        with pytest.raises(ProofError):
            value(entry)
    honest = Contraction((i,), (le(0, i), lt(i, n), eq(j, 2 * i)), 1, (g[i],))
    with pytest.raises(ProofError, match="says what i is"):
        kernel.one_point(honest, i)
    at = {"n": 4}
    assert [Model({**at, "j": odd}, seed=1).value(honest.value.json()) for odd in (1, 3, 5)] == [0, 0, 0]
    assert [Model({**at, "j": 2 * x}, tensors={"g": lambda i: 7 + i}).value(honest.value.json()) for x in (0, 3)] == [
        7,
        10,
    ]


def test_a_floor_does_not_rewrite_itself():
    assert sympy.floor(a / s + 1) == sympy.floor(a / s) + 1, "SymPy no longer rewrites floor(a/s + 1)"
    left, right = FloorDiv(a + s, s), FloorDiv(a, s) + 1
    assert left != right
    with pytest.raises(ProofError):
        kernel.ring(value(left), value(right))
    with pytest.raises(ProofError):
        find_certificate([], eq(left, right).json())
    certificate = find_certificate([le(1, s).json()], eq(left, right).json(), [le(left, right).json()])
    kernel.fact([le(1, s)], eq(left, right), certificate)


def test_a_quotient_by_itself_is_one_only_where_the_divisor_is_positive():
    assert n / n == 1
    goal = eq(FloorDiv(n, n), 1)
    with pytest.raises(ProofError):
        find_certificate([], goal.json())
    with pytest.raises(ProofError):
        find_certificate([le(0, n).json()], goal.json())
    cut = le(FloorDiv(n, n), 1)
    kernel.fact([le(1, n)], goal, find_certificate([le(1, n).json()], goal.json(), [cut.json()]))


@pytest.mark.parametrize("function", [FloorDiv, CeilDiv, Mod])
@pytest.mark.parametrize("divisor", [0, -1, -2])
def test_a_rounding_by_what_is_not_positive_has_no_value(function, divisor):
    assert function(7, 2).is_Integer
    rounding = function(7, divisor)
    assert not rounding.is_Integer
    for claim in range(-8, 9):
        with pytest.raises(ProofError):
            find_certificate([], eq(rounding, claim).json())


def test_nothing_of_rounding_and_extrema_simplifies_itself():
    for written in (FloorDiv(2 * n, 2), Mod(2 * n, 2), CeilDiv(n, 1), Min(n, n), Max(n, n + 1), FloorDiv(0, n)):
        assert written.func in (FloorDiv, CeilDiv, Mod, Min, Max)
        assert integer_term(written) is written


@pytest.mark.parametrize("assumption", ["positive", "nonnegative", "even", "odd", "prime", "nonzero", "negative"])
def test_assumptions_of_symbols_prove_nothing(assumption):
    loaded = sympy.Symbol("n", integer=True, **{assumption: True})
    for build in (
        lambda: le(0, loaded),
        lambda: value(loaded),
        lambda: value(g[loaded]),
        lambda: eq(FloorDiv(loaded, 2), 0),
    ):
        with pytest.raises(ProofError, match="no other assumption"):
            build()
    for claim in (le(0, n), le(n, 0), ne(n, 0), eq(Mod(n, 2), 0), eq(Mod(n, 2), 1)):
        with pytest.raises(ProofError):
            find_certificate([], claim.json())


def test_dummies_with_equal_names_are_refused_before_their_names_are_used():
    first, second = sympy.Dummy("n", integer=True), sympy.Dummy("n", integer=True)
    for build in (lambda: eq(first, second), lambda: value(g[first]), lambda: integer_term(first - second)):
        with pytest.raises(ProofError):
            build()


def test_the_power_of_zero_by_zero_is_one_everywhere():
    written = sympy.Pow(0, 0, evaluate=False)
    assert Model().term(term_json(written)) == sympy.Integer(0) ** 0 == 1
    kernel.fact([], eq(written, 1), find_certificate([], eq(written, 1).json()))
    with pytest.raises(ProofError, match="natural exponents"):
        eq(0**n, 0)


def test_unevaluated_expressions_mean_what_they_say():
    for written, point in (
        (sympy.Add(n, -n, evaluate=False), 0),
        (sympy.Mul(2, sympy.Add(n, 1, evaluate=False), evaluate=False), 8),
        (sympy.Pow(sympy.Add(n, n, evaluate=False), 2, evaluate=False), 36),
    ):
        assert Model({"n": 3}).term(term_json(written)) == point


def test_sequences_and_tensors_of_one_name_are_different_things():
    offsets, entries = sequence("g"), tensor("g")
    with pytest.raises(ProofError):
        kernel.ring(value(offsets[n]), value(entries[n]))
    both_kinds = Contraction((), (), offsets[n], (entries[n],))
    assert Model({"n": 0}, {"g": {0: 2}}, {"g": {0: 5}}).value(both_kinds.value.json()) == 10


# Formulas


@given(terms(a, b), terms(a, b))
def test_the_plain_data_of_a_term_have_its_value(p, q):
    for written in (p, q, p + q, p * q, FloorDiv(p, 2), Max(p, q), p**2):
        for point in POINTS[::5]:
            numbers = {a: point["a"], b: point["b"]}
            exact = Model(point, {"s": lambda index: 3 * index - 1}).term(term_json(written))
            symbolic = written.xreplace({v: sympy.Integer(c) for v, c in numbers.items()})
            symbolic = symbolic.replace(
                lambda part: isinstance(part, sympy.Indexed), lambda part: 3 * part.indices[0] - 1
            )
            assert sympy.simplify(symbolic) == exact, (written, point)


@given(conditions(a, b), conditions(a, b))
def test_connectives_mean_what_their_names_say(f, h):
    for point in POINTS:
        model = Model(point, seed=1)
        p, q = (model.holds(formula.json()) for formula in (f, h))
        meanings = {
            negation(f): not p,
            negation(negation(f)): p,
            both(f, h): p and q,
            either(f, h): p or q,
            implies(f, h): not p or q,
            equivalent(f, h): p == q,
            both(): True,
            either(): False,
        }
        for formula, meaning in meanings.items():
            assert model.holds(formula.json()) is meaning, (formula, point)


@given(conditions(a, b), conditions(a, b))
def test_formulas_with_equal_keys_are_equivalent(f, h):
    shifted = Formula(f.op, tuple(arg + a * b for arg in f.args)) if f.is_comparison else f
    assert f.key({}) == shifted.key({})
    if f.key({}) == h.key({}):
        assert all(Model(p, seed=1).holds(f.json()) == Model(p, seed=1).holds(h.json()) for p in POINTS)


@pytest.mark.parametrize(
    ("first", "second"),
    [(le(a, b), lt(a, b)), (le(a, b), le(b, a)), (eq(a, b), ne(a, b)), (lt(a, b), le(a, b)), (eq(a, b), eq(a, b + 1))],
)
def test_formulas_that_differ_have_different_keys(first, second):
    assert first.key({}) != second.key({})


@given(conditions(a, b), st.sampled_from((b, a + 1, 2 * b - a)), st.sampled_from((a, b - 1)))
def test_substitution_is_simultaneous(formula, for_a, for_b):
    changed = formula.substitute({a: for_a, b: for_b})
    for point in POINTS:
        inner = {name: Model(point).term(term_json(term)) for name, term in (("a", for_a), ("b", for_b))}
        assert Model(point, seed=1).holds(changed.json()) == Model(inner, seed=1).holds(formula.json())
