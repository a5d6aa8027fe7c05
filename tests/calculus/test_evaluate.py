"""Evaluation of plain data: exact, over all integers, or an error that says what is missing."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model
from convmath.calculus.plain import conjuncts, freeze
from convmath.calculus.terms import Value
from convmath.errors import DomainError, ProofError, UnsupportedError

from .samples import contractions

BOX = range(-14, 15)
WITHIN_3 = [["<=", 0, "i"], ["<", "i", 3]]


def total(bound, guard, *factors, coefficient=1, number="1"):
    return [{"sum": bound, "guard": guard, "coefficient": [number, coefficient], "factors": list(factors)}]


def entry(name, *indices):
    return ["tensor", name, *indices]


def ramp(*index):
    return 1 + sum((position + 2) * value for position, value in enumerate(index))


def by_enumeration(model, contraction):
    """The sum over a box of the summand at the points where every conjunct of the guard holds."""
    summed = 0
    for point in product(BOX, repeat=len(contraction["sum"])):
        at = model.extended(dict(zip(contraction["sum"], point, strict=True)))
        if all(at.holds(atom) for atom in contraction["guard"]):
            summed += at.value([{**contraction, "sum": [], "guard": []}])
    return summed


# Terms and formulas


@pytest.mark.parametrize(("a", "b"), list(product(range(-7, 8), (1, 2, 3))))
def test_roundings_are_those_of_exact_fractions(a, b):
    model = Model({"a": a, "b": b})
    floor = Fraction(a, b).__floor__()
    assert model.term(["div", "a", "b"]) == floor
    assert model.term(["ceil", "a", "b"]) == Fraction(a, b).__ceil__()
    assert model.term(["mod", "a", "b"]) == a - b * floor


def test_truncating_division_would_be_noticed():
    assert Model({"a": -7, "b": 2}).term(["div", "a", "b"]) != int(-7 / 2)


@pytest.mark.parametrize("op", ["div", "ceil", "mod"])
@pytest.mark.parametrize("divisor", [0, -2])
def test_a_divisor_that_is_not_positive_is_an_error_unless_a_value_is_given(op, divisor):
    with pytest.raises(DomainError, match=rf"divisor={divisor} in {op}\(5, {divisor}\)"):
        Model().term([op, 5, divisor])
    assert Model(undefined=lambda op, a, b: 10 * a + b).term([op, 5, divisor]) == 50 + divisor


@pytest.mark.parametrize("p", [True, False])
@pytest.mark.parametrize("q", [True, False])
def test_connectives_have_their_truth_tables(p, q):
    model = Model({"p": int(p), "q": int(q)})
    first, second = ["==", "p", 1], ["!=", "q", 0]
    assert model.holds(["and", first, second]) == (p and q)
    assert model.holds(["or", first, second]) == (p or q)
    assert model.holds(["not", first]) == (not p)
    assert model.holds(["=>", first, second]) == (not p or q)
    assert model.holds(["<=>", first, second]) == (p == q)


def test_the_empty_conjunction_is_true_and_the_empty_disjunction_is_false():
    assert Model().holds(["and"])
    assert not Model().holds(["or"])


@pytest.mark.parametrize(
    "term",
    [True, 1.5, None, ["-", "a", "b"], ["div", "a"], ["min", "a", "b", "c"], ["at", "s"], [], ["+", ["<", 1, 2]]],
)
def test_what_is_no_term_is_refused(term):
    with pytest.raises(ProofError):
        Model({"a": 1, "b": 1, "c": 1}).term(term)


@pytest.mark.parametrize(
    "formula", [["<=", 1], ["not"], ["=>", ["<", 1, 2]], ["xor", ["<", 1, 2], ["<", 1, 2]], [1, 2]]
)
def test_what_is_no_formula_is_refused(formula):
    with pytest.raises(ProofError):
        Model().holds(formula)


# Tables


def test_tables_are_functions_or_mappings_and_tell_names_by_the_number_of_indices():
    model = Model(
        {"n": 2},
        sequences={"s": {0: 5, 2: 7}},
        tensors={"x": lambda i: 10 * i, ("x", 2): {(1, 2): Fraction(1, 2)}, ("x", 3): {}},
    )
    assert model.term(["+", ["at", "s", "n"], ["at", "s", 0]]) == 12
    assert model.value(total([], [], entry("x", "n"), entry("x", 1, 2))) == 10
    assert model.cells == {("at", "s", (2,)): 7, ("at", "s", (0,)): 5, ("tensor", "x", (2,)): 20} | {
        ("tensor", "x", (1, 2)): Fraction(1, 2)
    }
    with pytest.raises(DomainError, match=r"x\[0, 0, 1\]=None: needs a value"):
        model.value(total([], [], entry("x", 0, 0, 1)))


def test_drawn_entries_depend_on_the_seed_and_on_nothing_else():
    data = total(["i"], WITHIN_3, entry("x", "i"), entry("y", "i"))
    assert Model(seed=1).value(data) == Model(seed=1).value(data)
    assert len({Model(seed=seed).value(data) for seed in range(20)}) > 5
    assert 0 not in {Model(seed=seed).entry(("tensor", "x", (4,))) for seed in range(50)}


def test_a_variable_without_a_value_is_named():
    with pytest.raises(DomainError, match="n=None: needs a value"):
        Model({"m": 1}).holds(["<", "m", "n"])


# Sums


def test_the_points_of_a_guard_are_those_of_the_model_that_is_asked():
    data = total(["i"], [["<=", 0, "i"], ["<", "i", ["div", "n", "d"]]])
    values = [Model({"n": 6, "d": d}, undefined=lambda op, a, b, r=r: r).value(data) for d in (0, 2) for r in (4, 5)]
    assert values == [4, 5, 3, 3]
    entries = total(["i"], [["<=", 0, "i"], ["<", "i", ["at", "a", 0]]])
    assert [Model(sequences={"a": [number].__getitem__}).value(entries) for number in (2, 7)] == [2, 7]


def test_a_sum_runs_over_all_integers_that_meet_the_guard():
    model = Model({"n": 4}, tensors={"x": ramp})
    assert model.value(total(["i"], [["<=", -2, "i"], ["<", "i", "n"]], entry("x", "i"))) == sum(
        map(ramp, range(-2, 4))
    )
    assert model.value(total(["i"], [["<", "n", "i"], ["<", "i", "n"]], entry("x", "i"))) == 0


def test_coefficients_are_rational_numbers_times_terms():
    model = Model({"n": 3})
    assert model.value(total(["i"], WITHIN_3, coefficient=["*", "i", "n"], number="2/3")) == 6
    assert model.value([*total([], [], number="1/2"), *total([], [], number="1/3")]) == Fraction(5, 6)


@pytest.mark.parametrize("d", [-3, -1, 1, 2])
def test_an_equation_gives_its_last_index_whatever_its_coefficient(d):
    model = Model({"d": d, "n": 5}, tensors={"x": ramp})
    relation = [["==", "n", ["+", "k", ["*", "d", "i"]]], ["<=", 0, "k"], ["<", "k", 9]]
    expected = sum(ramp(i) for i in BOX if 0 <= 5 - d * i < 9)
    assert model.value(total(["k", "i"], relation, entry("x", "i"))) == expected


def test_an_equation_without_an_integer_solution_has_no_points():
    assert Model().value(total(["i"], [["==", ["*", 2, "i"], 3]])) == 0


def test_a_coefficient_that_becomes_zero_leaves_the_other_bounds():
    relation = [["==", 0, ["*", "s", "i"]], *WITHIN_3]
    assert Model({"s": 0}).value(total(["i"], relation)) == 3
    assert Model({"s": 2}).value(total(["i"], relation)) == 1


def test_bounds_may_be_roundings_entries_and_other_indices():
    guard = [["<=", 0, "i"], ["<=", "i", ["at", "s", 1]], ["<=", ["div", "i", 2], "j"], ["<", "j", ["*", "i", "i"]]]
    expected = sum(1 for i in range(5) for j in range(i // 2, i * i))
    assert Model({}, sequences={"s": {1: 4}}).value(total(["j", "i"], guard)) == expected


def test_indices_that_only_their_combinations_bound_are_found():
    guard = [["<=", 0, ["+", "i", "j"]], ["<=", ["+", "i", "j"], 3], ["<=", 0, ["+", "i", ["*", -1, "j"]]]]
    guard.append(["<", ["+", "i", ["*", -1, "j"]], 4])
    expected = sum(1 for i, j in product(BOX, BOX) if 0 <= i + j <= 3 and 0 <= i - j < 4)
    assert Model().value(total(["i", "j"], guard)) == expected == 8


@pytest.mark.parametrize(
    "guard", [[], [["<=", 0, "i"]], [["==", "i", "i"]], [["<=", ["*", "i", "i"], 4]], [["or", *WITHIN_3]]]
)
def test_a_sum_over_an_index_without_bounds_is_refused_not_guessed(guard):
    with pytest.raises(UnsupportedError, match="does not bound the index i"):
        Model().value(total(["i"], guard))


def test_a_sum_without_points_is_zero_even_if_an_index_has_no_bounds():
    assert Model({"n": 1}).value(total(["i"], [["<", "n", 0]])) == 0
    assert Model().value(total(["i", "j"], [["<", 0, "i"], ["<", "i", 0]])) == 0


def test_an_inner_name_hides_an_outer_one():
    model = Model({"i": 7}, tensors={"x": ramp})
    assert model.value(total(["i"], WITHIN_3, entry("x", "i"))) == ramp(0) + ramp(1) + ramp(2)


def test_more_points_than_the_limit_are_an_error():
    data = total(["i"], WITHIN_3)
    assert Model(limit=3).value(data) == 3
    with pytest.raises(UnsupportedError, match="more than 2 points"):
        Model(limit=2).value(data)


@given(contractions(derivatives=False), st.integers(-1, 3), st.integers(-1, 3), st.integers(0, 3))
def test_a_random_sum_is_what_enumeration_finds(contraction, a, b, seed):
    model = Model({"a": a, "b": b}, seed=seed)
    (data,) = contraction.value.json()
    assert model.value([data]) == by_enumeration(model, data)


@given(contractions(bound=2, derivatives=False), st.integers(0, 3), st.data())
def test_a_guard_without_one_of_its_conjuncts_is_told_apart(contraction, seed, data):
    """The enumeration has teeth: where a dropped conjunct lets points in, the count changes."""
    model = Model({"a": 2, "b": 1}, seed=seed)
    (plain,) = contraction.value.json()
    plain = {**plain, "coefficient": ["1", 1], "factors": []}
    dropped = data.draw(st.integers(0, len(plain["guard"]) - 1))
    loose = {**plain, "guard": [*plain["guard"][:dropped], *plain["guard"][dropped + 1 :]]}
    try:
        assert (model.value([loose]) == model.value([plain])) == (by_enumeration(model, loose) == model.value([plain]))
    except UnsupportedError:
        assert by_enumeration(model, loose) >= model.value([plain])


# Derivatives


def gradient(value, *at):
    return [{"sum": [], "guard": [], "coefficient": ["1", 1], "factors": [["gradient", value, entry(*at)]]}]


def shifted(name, index, step, seed):
    """A model in which one entry is larger by a step."""
    base = Model(seed=seed)
    return Model(
        {"a": 2, "b": 1},
        tensors={name: lambda *at: base.entry(("tensor", name, at)) + (step if at == index else 0)},
        seed=seed,
    )


def five_points(value, name, index, seed):
    """The derivative by the five-point stencil, which is exact for polynomials up to degree 4."""
    low, left, right, high = (shifted(name, index, step, seed).value(value) for step in (-2, -1, 1, 2))
    return Fraction(low - 8 * left + 8 * right - high, 12)


@given(
    st.lists(contractions(derivatives=False), min_size=1, max_size=2),
    st.sampled_from((("x", 0), ("x", 2), ("y", 1), ("w", 0, 1), ("w", 1, 1))),
    st.integers(0, 3),
)
def test_a_derivative_is_the_exact_finite_difference(terms, at, seed):
    value = Value(tuple(terms)).json()
    name, *index = at
    derivative = Model({"a": 2, "b": 1}, seed=seed).value(gradient(value, *at))
    assert derivative == five_points(value, name, tuple(index), seed)


def test_both_factors_of_a_square_are_differentiated():
    square = total(["i"], WITHIN_3, entry("x", "i"), entry("x", "i"))
    model = Model(tensors={"x": ramp})
    assert model.value(gradient(square, "x", 1)) == 2 * ramp(1) != ramp(1)
    assert model.value(gradient(square, "x", 3)) == 0


def test_a_tensor_of_the_same_name_with_another_number_of_indices_is_another_tensor():
    mixed = total([], [], entry("x", 1), entry("x", 1, 1))
    assert Model(tensors={"x": ramp}).value(gradient(mixed, "x", 1)) == ramp(1, 1)


def test_second_derivatives_go_through_the_product_rule():
    cube = total([], [], entry("x", 0), entry("x", 0), entry("x", 0), entry("x", 1))
    model = Model(tensors={"x": {0: 5, 1: 7}})
    assert model.value(gradient(cube, "x", 0)) == 3 * 25 * 7
    assert model.value(gradient(gradient(cube, "x", 0), "x", 0)) == 6 * 5 * 7
    assert model.value(gradient(gradient(cube, "x", 0), "x", 1)) == 3 * 25
    assert model.value(gradient(gradient(cube, "x", 1), "x", 0)) == 3 * 25


def test_a_derivative_may_stand_inside_a_sum_and_depend_on_its_index():
    product_of_two = total(["j"], [["==", "j", ["*", 2, "i"]]], entry("x", "j"), entry("x", "i"))
    model = Model(tensors={"x": ramp})
    inside = [{**total(["i"], WITHIN_3)[0], "factors": [["gradient", product_of_two, entry("x", ["+", "i", 1])]]}]
    # d(x[2i] x[i])/dx[i+1] is x[i] where 2i = i+1 and 0 elsewhere.
    assert model.value(inside) == ramp(1)


# Functions


def applied(value):
    return [{"sum": [], "guard": [], "coefficient": ["1", 1], "factors": [["apply", "f", value]]}]


def test_a_function_is_constant_between_neighbouring_integers():
    model = Model(tensors={"x": {0: 5, 1: Fraction(-1, 2)}, "f": {5: 7, -1: 3}})
    assert [model.value(applied(total([], [], entry("x", at)))) for at in (0, 1)] == [7, 3]


def test_a_function_is_not_differentiated():
    with pytest.raises(UnsupportedError, match="f is not differentiated"):
        Model(seed=0).value(gradient(applied(total([], [], entry("x", 0))), "x", 0))


# Statements


def test_a_quantified_statement_is_evaluated_at_given_values_only():
    statement = {"forall": ["l"], "if": [["<=", 0, "l"]], "then": ["<=", 1, ["at", "s", "l"]]}
    model = Model(sequences={"s": lambda index: index})
    with pytest.raises(UnsupportedError, match="all l"):
        model.holds(statement)
    assert [model.holds_at(statement, {"l": value}) for value in (-1, 0, 1)] == [True, False, True]


def test_an_equation_compares_both_sides_exactly():
    model = Model(tensors={"x": ramp})
    left, right = total(["i"], WITHIN_3, entry("x", "i")), total([], [], coefficient=9)
    assert model.sides(["equal", left, right]) == (9, 9)
    assert model.holds(["equal", left, right])
    assert not model.holds(["equal", left, total([], [], coefficient=8)])


def test_frozen_data_evaluate_to_the_same():
    data = total(["i"], [["and", *WITHIN_3]], entry("x", "i"))
    model = Model(tensors={"x": ramp})
    assert model.value(freeze(data)) == model.value(data)
    assert list(conjuncts(freeze(data)[0][2])) == [freeze(atom) for atom in WITHIN_3]
