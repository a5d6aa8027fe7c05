"""Models that are built to meet hypotheses do meet them."""

from __future__ import annotations

import pytest

from convmath.calculus.models import Models, opened
from convmath.calculus.plain import statement
from convmath.errors import ProofError, UnsupportedError


def at(name, *indices):
    return ["at", name, *indices]


def for_all(variables, conditions, body):
    return {"forall": variables, "if": conditions, "then": body}


def single(name, *indices):
    return [{"sum": [], "guard": [], "coefficient": ["1", 1], "factors": [["tensor", name, *indices]]}]


NEXT = ["+", "l", 1]
NATURAL = [["<=", 0, "l"]]
JUMP = [
    for_all(["l"], NATURAL, ["==", at("J", NEXT), ["*", at("J", "l"), at("s", NEXT)]]),
    ["==", at("J", 0), 1],
    for_all(["l"], NATURAL, ["<=", 1, at("s", NEXT)]),
]


def layer(above, below):
    taps = {
        "sum": ["m"],
        "guard": [["<=", 0, "m"], ["<", "m", 2]],
        "coefficient": ["1", 1],
        "factors": [["tensor", "c", below, ["+", "o", "m"]]],
    }
    return ["equal", single("c", above, "o"), [taps]]


# Assignments


def test_assignments_meet_the_hypotheses_and_stay_in_the_box():
    models = Models([["<=", 1, "s"], ["==", "n", ["*", "s", "s"]], ["!=", "s", 2]])
    assert list(models.assignments(9)) == [{"n": 1, "s": 1}, {"n": 9, "s": 3}]


def test_contradictory_hypotheses_have_no_assignment():
    models = Models([["<", "n", 0], ["<", 0, "n"]])
    assert list(models.assignments(5)) == []
    assert models.sample(5, 0) is None


def test_rarely_met_hypotheses_are_met():
    """A draw from the box would need 10**6 points; the window of o is built from its bounds."""
    rare = [
        ["<=", 2, "s"],
        ["<", ["*", "s", "o"], "n"],
        ["<=", "n", ["+", ["*", "s", "o"], 1]],
        ["==", "n", ["+", "p", 7]],
        ["==", ["mod", "p", 5], 3],
    ]
    model = Models(rare).sample(12, 1)
    assert model is not None
    assert all(model.holds(formula) for formula in rare)


def test_wishes_are_met_when_they_can_be():
    wishes = (("<", "i", "n"), ("<=", 3, "i"))
    for seed in range(5):
        assert Models([["<=", 0, "n"]]).sample(4, seed, wishes).variables["n"] > 3
    assert Models([["<=", "n", 1], ["<=", 0, "n"]]).sample(4, 0, wishes).variables["n"] <= 1


def test_a_wish_about_an_entry_that_depends_on_a_variable_is_left_open():
    """The limit of s[l + 1] is known when l is."""
    models = Models([["<=", 1, at("s", NEXT)], ["<=", 0, "l"]])
    assert models.admits(models.sample(3, 0, (("<", "i", ("at", "s", ("+", "l", 1))),)))


# Definitions


def test_a_recursion_defines_a_sequence():
    model = Models(JUMP).model({}, seed=3)
    steps = [model.term(at("s", layer)) for layer in (1, 2, 3)]
    assert min(steps) >= 1
    assert model.term(at("J", 3)) == steps[0] * steps[1] * steps[2]
    assert Models(JUMP).admits(model)


def test_a_definition_may_have_a_number_or_a_difference_for_its_index():
    backwards = for_all(["l"], [["<=", 1, "l"]], ["==", at("J", ["+", "n", ["*", -1, "l"]]), ["*", 10, "l"]])
    model = Models([backwards]).model({"n": 4})
    assert [model.term(at("J", index)) for index in (3, 2)] == [10, 20]


def test_an_equation_defines_a_tensor_by_recursion_on_its_leading_index():
    recursion = for_all(["l", "o"], NATURAL, layer(NEXT, "l"))
    start = for_all(["o"], [], ["equal", single("c", 0, "o"), single("x", "o")])
    models = Models([recursion, start])
    model = models.model({}, seed=1)
    x = [model.entry(("tensor", "x", (index,))) for index in range(3)]
    assert model.value(single("c", 2, 0)) == x[0] + 2 * x[1] + x[2]
    assert models.admits(model)


def test_a_definition_that_depends_on_a_variable_follows_it():
    models = Models([for_all(["l"], [], ["==", at("q", "l"), ["*", "n", "l"]]), ["<=", 3, "n"]])
    assert [models.model({"n": n}).term(at("q", 2)) for n in (3, 4)] == [6, 8]


def test_entries_that_are_bounded_are_drawn_within_their_bounds():
    models = Models([for_all(["l"], NATURAL, ["<=", 2, at("k", "l")]), for_all(["l"], [], ["<", at("p", "l"), 5])])
    for seed in range(10):
        model = models.model({}, seed)
        assert all(model.term(at("k", index)) >= 2 and model.term(at("p", index)) < 5 for index in range(4))


def test_a_model_is_not_admitted_when_a_quantified_hypothesis_fails_where_it_was_used():
    models = Models([for_all(["l"], NATURAL, ["<=", at("a", "l"), at("a", NEXT)])])
    verdicts = set()
    for seed in range(20):
        model = models.model({}, seed)
        rising = model.term(at("a", 0)) <= model.term(at("a", 1)) <= model.term(at("a", 2)) <= model.term(at("a", 3))
        admitted = models.admits(model)
        assert rising or not admitted
        verdicts.add(admitted)
    assert False in verdicts


def test_a_quantified_hypothesis_about_integers_alone_is_tried_at_small_ones():
    absurd = Models([for_all(["l"], [], ["==", "l", 0])])
    assert not absurd.admits(absurd.model({}))
    true = Models([for_all(["l"], [], ["<=", 0, ["*", "l", "l"]])])
    assert true.admits(true.model({}))


def test_a_definition_without_end_is_an_error():
    endless = Models([for_all(["l"], [], ["==", at("a", "l"), at("a", NEXT)])])
    with pytest.raises(UnsupportedError, match="does not come to an end"):
        endless.model({}).term(at("a", 0))


def test_a_circle_is_entered_with_a_guess_that_must_come_out_again():
    guarded = [{**single("c", "o")[0], "guard": [["<=", 0, "o"]]}]
    models = Models([for_all(["o"], [], ["equal", single("c", "o"), guarded])])
    model = models.model({}, seed=2)
    assert model.value(single("c", -1)) == 0
    assert model.value(single("c", 3)) != 0
    assert models.admits(model)
    impossible = Models([for_all(["o"], [], ["==", at("a", "o"), ["+", at("a", "o"), 1]])])
    with pytest.raises(UnsupportedError, match="circle"):
        impossible.model({}).term(at("a", 0))


# Claims without quantifiers


def test_the_variables_of_a_claim_become_free_under_names_of_their_own():
    premises, body = opened([["<=", 5, "n"]], for_all(["n"], [["<=", 1, "n"]], ["<=", 0, "n"]))
    (name,) = {body[2]}
    assert name != "n"
    assert premises == (statement(["<=", 5, "n"]), statement(("<=", 1, name)))


def test_a_malformed_claim_is_refused():
    with pytest.raises(ProofError):
        opened([], ["<=", "n"])


def squares(*names):
    return [{"sum": [], "guard": [], "coefficient": ["1", 1], "factors": [["tensor", name, 0]] * 2} for name in names]


ONE = [{"sum": [], "guard": [], "coefficient": ["1", 1], "factors": []}]


def test_an_equation_that_defines_no_entry_is_met_by_small_numbers():
    circle = ["equal", squares("c", "s"), ONE]
    for seed in range(5):
        models = Models([circle])
        model = models.sample(3, seed)
        assert models.admits(model)
        assert {abs(number) for number in model.cells.values()} == {0, 1}


def test_an_equation_that_no_small_numbers_meet_has_no_model():
    models = Models([["equal", squares("c", "s") + ONE, []]])
    assert not models.admits(models.sample(3, 0))


def transformed(left, *index):
    return [for_all(["i", "j"], [], ["equal", single(left, "i", "j"), single("x", *index)])]


def test_a_definition_is_met_where_what_it_reads_does_not_tell_its_variables():
    models = Models(transformed("z", ["+", "i", "j"]))
    model = models.model({}, 0)
    assert model.value(single("x", 3)) == model.value(single("z", 1, 2))
    assert models.admits(model)


def test_what_is_no_definition_needs_entries_that_tell_its_variables():
    both = ["equal", single("z", "i", "j") + ONE, single("x", ["+", "i", "j"]) + ONE]
    models = Models([for_all(["i", "j"], [], both)])
    model = models.model({}, 0)
    model.value(single("x", 3))
    with pytest.raises(UnsupportedError, match="does not bound"):
        models.admits(model)
