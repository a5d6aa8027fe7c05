"""Substitution, canonical forms and well-formedness of plain data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model
from convmath.calculus.index import integers
from convmath.calculus.plain import (
    canonical,
    check_statement,
    entries,
    free_variables,
    freeze,
    fresh,
    statement,
    substitute,
    text,
)
from convmath.errors import ProofError

from .samples import affine, contractions

A, B = integers("a b")


def contraction(bound, guard, *factors, coefficient=1, number="1"):
    return ("sum", tuple(bound), tuple(guard), (number, coefficient), tuple(factors))


def x(*indices):
    return ("tensor", "x", *indices)


SUM = contraction("i", [("<=", 0, "i"), ("<", "i", "n")], x("i", "j"))


# Free variables and substitution


def test_bound_and_quantified_variables_are_not_free_and_names_of_tensors_are_none():
    assert free_variables((SUM,)) == {"n", "j"}
    assert free_variables(("forall", ("n",), (("<", "n", "m"),), ("equal", (SUM,), ()))) == {"m", "j"}
    assert free_variables(("gradient", (SUM,), x("k"))) == {"n", "j", "k"}
    assert {entry[1] for entry in entries(("equal", (SUM,), (contraction("", [], ("tensor", "y", 0)),)))} == {"x", "y"}


def test_bound_variables_step_aside():
    moved = substitute((SUM,), {"j": "i"})
    assert free_variables(moved) == {"n", "i"}
    model = Model({"n": 3, "i": 5}, tensors={"x": lambda i, j: 10 * i + j})
    assert model.value(moved) == 5 + 15 + 25


def test_a_fresh_name_is_not_one_that_is_replaced_too():
    """Renaming i to i2, say, while i2 is replaced by 5 must not replace the bound index."""
    names = fresh(("i",), {"i"}, ("n", "j"))
    taken = names["i"]
    moved = substitute((SUM,), {"j": "i", taken: 5})
    assert Model({"n": 2, "i": 7}, tensors={"x": lambda i, j: i * j}).value(moved) == 7


def test_quantified_variables_step_aside():
    claim = ("forall", ("n",), (), ("<=", "m", "n"))
    moved = substitute(claim, {"m": ("+", "n", 1)})
    assert free_variables(moved) == {"n"}
    assert moved[1] != ("n",)
    assert canonical(moved) != canonical(("forall", ("n",), (), ("<=", ("+", "n", 1), "n")))


def test_a_bound_variable_is_not_replaced():
    assert substitute((SUM,), {"i": 3}) == (SUM,)


@given(contractions(outer=(A, B)), affine(B), st.integers(-1, 3), st.integers(0, 3))
def test_substituting_a_term_is_evaluating_at_its_value(source, term, b, seed):
    (data,) = map(freeze, source.value.json())
    replacement = freeze(["+", 0, str(term)]) if term.is_Symbol else freeze(_json(term))
    model = Model({"b": b}, seed=seed)
    at = model.extended({"a": model.term(replacement)})
    assert model.value(substitute((data,), {"a": replacement})) == at.value((data,))


def _json(term):
    from convmath.calculus.index import term_json

    return term_json(term)


# Canonical forms


def test_equal_polynomials_have_one_form():
    assert canonical(("*", ("+", "n", 1), ("+", "n", -1))) == canonical(("+", ("*", "n", "n"), -1))
    assert canonical(("div", ("+", "a", "b"), 2)) == canonical(("div", ("+", "b", "a"), 2))
    assert canonical(("div", ("+", "a", 2), 2)) != canonical(("+", ("div", "a", 2), 1))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (("<", "a", "b"), ("<=", ("+", "a", 1), "b"), True),
        (("<", "a", "b"), ("<=", "a", "b"), False),
        (("==", "a", "b"), ("==", "b", "a"), True),
        (("<=", "a", "b"), ("<=", "b", "a"), False),
        (("==", "a", "b"), ("!=", "a", "b"), False),
        (("=>", ("<", 0, "a"), ("<", 0, "b")), ("=>", ("<", 0, "b"), ("<", 0, "a")), False),
    ],
)
def test_comparisons_are_compared_over_the_integers(first, second, same):
    assert (canonical(first) == canonical(second)) == same


def test_bound_names_order_and_like_terms_are_forgotten():
    other = contraction("k", [("<=", ("+", "k", 1), "n"), ("<=", 0, "k")], x("k", "j"))
    assert canonical((SUM, SUM)) == canonical(((*other[:3], ("2", 1), other[4]),))
    assert canonical((SUM, (*SUM[:3], ("-1", 1), SUM[4]))) == canonical(())
    assert canonical((SUM,)) != canonical((contraction("i", SUM[2], x("j", "i")),))


def test_a_repeated_factor_counts():
    assert canonical((contraction("", [], x(0), x(0)),)) != canonical((contraction("", [], x(0)),))


def test_nested_sums_that_hide_names_are_kept_apart():
    """The innermost index and the one hidden around it differ, however many names are hidden."""

    def nested(inner_index):
        inside = contraction("k", [("<=", 0, "k"), ("<", "k", 2)], ("tensor", "b", "k"), ("tensor", "c", inner_index))
        middle = contraction("i", [("<=", 0, "i"), ("<", "i", 2)], x("i"), ("gradient", (inside,), ("tensor", "b", 0)))
        return (contraction("i", [("<=", 0, "i"), ("<", "i", 2)], ("gradient", (middle,), x(0))),)

    assert canonical(nested("i")) != canonical(nested("k"))


@given(contractions(), st.randoms(use_true_random=False), st.integers(-1, 3), st.integers(0, 3))
def test_data_with_one_form_have_one_value(source, random, a, seed):
    (data,) = map(freeze, source.value.json())
    head, bound, guard, coefficient, factors = data
    names = {name: f"{name}9" for name in bound}
    mixed = substitute((head, (), tuple(random.sample(guard, len(guard))), coefficient, factors), names)
    renamed = (head, tuple(names.values()), *mixed[2:4], tuple(random.sample(mixed[4], len(factors))))
    assert canonical((renamed,)) == canonical((data,))
    model = Model({"a": a, "b": 2}, seed=seed)
    assert model.value((renamed,)) == model.value((data,))


# Well-formed or not


def equation(left, right=()):
    return ("forall", (), (), ("equal", left, right))


def test_what_a_trace_holds_is_well_formed():
    check_statement(equation((SUM,), (contraction("", [], ("gradient", (SUM,), x(0, "n"))),)))
    check_statement(equation((SUM,), (contraction("", [], ("apply", "f", (SUM,))),)))
    check_statement(statement(["=>", ["and"], ["not", ["<", "a", ["min", "b", ["at", "s", 1]]]]]))


@pytest.mark.parametrize(
    "bad",
    [
        ("forall", ("n", "n"), (), ("<", 0, 1)),
        ("forall", ("%0",), (), ("<", 0, 1)),
        ("forall", (), ("<", 0, 1), ("<", 0, 1)),
        statement(["<", 0]),
        statement(["<", 0, "i~"]),
        statement(["<", 0, ["at", "s"]]),
        statement(["<", 0, ["floor", "a", "b"]]),
        statement(["equal", 1, 2]),
        statement(["equal", ["n"], []]),
        equation((contraction("ii", []),)),
        equation((contraction("", [], number="1/0"),)),
        equation((contraction("", [], number=1),)),
        equation((contraction("", [], coefficient="1/2"),)),
        equation((contraction("", ["n"]),)),
        equation((contraction("", [], ("tensor", "x")),)),
        equation((contraction("", [], ("gradient", (), ("at", "s", 0))),)),
        equation((contraction("", [], ("apply", "%0", (SUM,))),)),
        equation((contraction("", [], ("apply", "f", ("real", "t"))),)),
        equation((contraction("", [], ("apply", "f", ("n",))),)),
    ],
)
def test_what_is_not_well_formed_is_refused(bad):
    with pytest.raises(ProofError):
        check_statement(bad)


@pytest.mark.parametrize("bad", [1.0, None, True, {"sum": []}, ["<", 0, False]])
def test_what_is_no_plain_data_is_refused(bad):
    with pytest.raises(ProofError):
        freeze(bad)


# Text


def test_text_reads_like_a_formula():
    assert text((SUM,)) == "sum over i of [0 <= i, i < n] x[i, j]"
    assert text(("==", ("+", "n", ("*", -1, ("+", "k", -1))), 0)) == "n - (k - 1) == 0"
    assert text(("=>", ("and", ("<", 0, "a"), ("<", 0, "b")), ("not", ("<", "a", 0)))) == (
        "(0 < a and 0 < b) => (not (a < 0))"
    )
    assert text(statement({"forall": ["l"], "if": [["<=", 0, "l"]], "then": ["<=", 1, ["at", "s", "l"]]})) == (
        "for all l with 0 <= l: 1 <= s[l]"
    )
    assert text((contraction("", [], ("apply", "f", (SUM,))),)) == "f(sum over i of [0 <= i, i < n] x[i, j])"
    assert text(("equal", (), (contraction("", [], ("gradient", (SUM,), x(0, 0)), number="1/2"),))) == (
        "0 = 1/2 d(sum over i of [0 <= i, i < n] x[i, j])/dx[0, 0]"
    )
