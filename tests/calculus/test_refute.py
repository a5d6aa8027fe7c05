"""Counterexamples are found, are the least, and are evaluated again from what is written in them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convmath import catalog
from convmath.calculus.brute import BruteForce
from convmath.calculus.index import integers
from convmath.calculus.plain import statement
from convmath.calculus.refute import Witness, refute, validate
from convmath.calculus.terms import Equation, Statement, Value, tensor, value

IDENTIFIERS = [entry.id for entry in catalog.entries()]


def at(name, *indices):
    return ["at", name, *indices]


def total(bound, guard, *factors):
    return [{"sum": bound, "guard": guard, "coefficient": ["1", 1], "factors": list(factors)}]


def within(low, value, stop):
    return [["<=", low, value], ["<", value, stop]]


# Claims about integers

ONE = ["<=", 1, "s"]
FALSE = {
    "ceiling is not floor": ([ONE], ["==", ["div", "n", "s"], ["ceil", "n", "s"]], {"n": 1, "s": 2}),
    "one does not come out of a floor with the divisor": (
        [ONE, ["<=", 0, "a"]],
        ["==", ["div", ["+", "a", 1], "s"], ["+", ["div", "a", "s"], 1]],
        {"a": 0, "s": 2},
    ),
    "truncation is not floor": (
        [ONE],
        ["==", ["div", "n", "s"], ["*", -1, ["div", ["*", -1, "n"], "s"]]],
        {"n": 1, "s": 2},
    ),
    "a floor of a ceiling does not nest": (
        [["<=", 1, "a"], ["<=", 1, "b"]],
        ["==", ["div", ["ceil", "n", "a"], "b"], ["div", "n", ["*", "a", "b"]]],
        {"a": 2, "b": 1, "n": 1},
    ),
    "the extent is d(k-1)+1": (
        [["<=", 1, "d"], ["<=", 1, "k"]],
        ["==", ["*", "d", "k"], ["+", ["*", "d", ["+", "k", -1]], 1]],
        {"d": 2, "k": 1},
    ),
    "output padding is less than the stride": (
        [ONE, ["<=", 0, "a"], ["<=", "a", "s"], ["<=", 1, "n"]],
        ["==", ["div", ["+", ["*", "s", ["+", "n", -1]], "a"], "s"], ["+", "n", -1]],
        {"a": 1, "n": 1, "s": 1},
    ),
}
TRUE = {
    "nested floors": (
        [["<=", 1, "a"], ["<=", 1, "b"]],
        ["==", ["div", ["div", "n", "a"], "b"], ["div", "n", ["*", "a", "b"]]],
    ),
    "ceiling": ([ONE], ["==", ["ceil", "n", "s"], ["+", ["div", ["+", "n", -1], "s"], 1]]),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_claim_about_integers_is_refuted_by_the_least_numbers(name):
    hypotheses, claim, least = FALSE[name]
    witness = refute(hypotheses, claim)
    assert witness.variables == least, witness.text()
    assert witness.check()


@pytest.mark.parametrize("name", TRUE)
def test_a_true_claim_is_not_refuted(name):
    assert refute(*TRUE[name], largest=4) is None
    assert refute(*TRUE[name], largest=1, solver=True) is None


def test_hypotheses_that_contradict_each_other_refute_nothing():
    assert refute([["<", "n", 0], ["<", 0, "n"]], ["<", "n", "n"]) is None


def test_a_division_by_zero_is_no_counterexample():
    assert refute([], ["==", ["div", "n", 0], 3]) is None
    assert refute([], ["<=", ["mod", "n", "s"], "s"]) is None


def test_a_counterexample_out_of_reach_is_found_by_the_solver():
    far = [["<=", 1000, at("s", "l")]], ["!=", ["*", at("s", "l"), "n"], ["+", "m", 7007]]
    assert refute(*far) is None
    witness = refute(*far, solver=True)
    assert witness.check()
    assert witness.entries[("at", "s", (witness.variables["l"],))] >= 1000


def test_a_quantified_claim_is_refuted_at_values_of_its_own_variables():
    claim = {"forall": ["n"], "if": [["<=", 2, "n"]], "then": ["<", ["*", "n", "n"], 9]}
    witness = refute([["==", "n", 1]], claim)
    assert witness.variables["n"] == 1
    assert sorted(witness.variables.values()) == [1, 3]
    assert witness.check()


# Claims about sums

TAPS = [*within(0, "k", "K"), *within(0, ["+", "o", "k"], "I")]
CORRELATION = total(["k"], TAPS, ["tensor", "w", "k"], ["tensor", "x", ["+", "o", "k"]])
FLIPPED = total(["k"], TAPS, ["tensor", "w", ["+", "K", -1, ["*", -1, "k"]]], ["tensor", "x", ["+", "o", "k"]])


def test_a_correlation_without_the_flip_is_refuted_by_small_tensors():
    witness = refute([["<=", 1, "K"], ["<=", 1, "I"]], ["equal", CORRELATION, FLIPPED])
    assert witness.variables == {"I": 1, "K": 2, "o": 0}
    assert {value for (kind, _, _), value in witness.entries.items() if kind == "tensor"} <= {0, 1}
    assert (witness.left, witness.right) in {(0, 1), (1, 0)}
    assert witness.check()


def test_a_bracket_without_its_parity_is_refuted():
    """What ``Sum(g[i]*KroneckerDelta(j, 2*i), (i, 0, n - 1)).doit()`` claims: g[j/2], for odd j too."""
    bracket = total(["i"], [*within(0, "i", "n"), ["==", "j", ["*", 2, "i"]]], ["tensor", "g", "i"])
    half = total([], within(0, ["div", "j", 2], "n"), ["tensor", "g", ["div", "j", 2]])
    witness = refute([], ["equal", bracket, half])
    assert witness.variables["j"] % 2 == 1
    with_parity = total([], [*within(0, ["div", "j", 2], "n"), ["==", ["mod", "j", 2], 0]], half[0]["factors"][0])
    assert refute([], ["equal", bracket, with_parity]) is None


def test_the_derivative_of_a_square_without_the_product_rule_is_refuted():
    square = total(["i"], within(0, "i", 2), ["tensor", "x", "i"], ["tensor", "x", "i"])
    left = total([], [], ["gradient", square, ["tensor", "x", "j"]])
    right = total([], within(0, "j", 2), ["tensor", "x", "j"])
    doubled = [{**right[0], "coefficient": ["2", 1]}]
    assert refute([], ["equal", left, right]).check()
    assert refute([], ["equal", left, doubled]) is None


def test_a_function_taken_for_linear_is_refuted():
    def applied(*values):
        return total([], [], ["apply", "a", [term for value in values for term in value]])

    first, second = (total([], [], ["tensor", "x", name]) for name in "ij")
    witness = refute([], ["equal", applied(first, second), applied(first) + applied(second)])
    assert witness.check()
    assert refute([], ["equal", applied(first, second), applied(second, first)]) is None


# Definitions

NEXT = ["+", "l", 1]
LAYERS = [
    {"forall": ["l"], "if": [["<=", 0, "l"]], "then": ["==", at("J", NEXT), ["*", at("J", "l"), at("s", NEXT)]]},
    {"forall": ["l"], "if": [["<=", 0, "l"]], "then": ["<=", 1, at("s", NEXT)]},
    ["==", at("J", 0), 1],
    ["<=", 0, "L"],
]


def test_definitions_are_obeyed():
    assert refute(LAYERS, ["<=", 1, at("J", "L")], largest=3) is None
    witness = refute(LAYERS, ["<=", at("J", "L"), at("s", "L")])
    entries = {(name, index): value for (_, name, index), value in witness.entries.items()}
    product = 1
    for layer in range(1, witness.variables["L"] + 1):
        product *= entries["s", (layer,)]
        assert entries["J", (layer,)] == product
        assert entries["s", (layer,)] >= 1


def test_without_its_definition_a_sequence_is_free():
    assert refute(LAYERS[1:], ["<=", 1, at("J", "L")], largest=3).check()


# Witnesses


@pytest.fixture
def witness():
    return refute([ONE], ["==", ["div", "n", "s"], ["ceil", "n", "s"]])


def test_a_witness_says_what_it_shows(witness):
    assert (witness.left, witness.right) == (0, 1)
    assert witness.line() == "n = 1, s = 2: floor(n/s) is 0, ceil(n/s) is 1"
    assert witness.text().splitlines() == [
        "claim: floor(n/s) == ceil(n/s)",
        "  n = 1",
        "  s = 2",
        "  but floor(n/s) is 0",
        "  but ceil(n/s) is 1",
    ]


def test_a_witness_of_a_combined_claim_shows_the_truth_of_its_parts():
    found = refute([], ["=>", ["<=", 0, "n"], ["<", "n", 1]])
    assert found.parts == (("0 <= n", True), ("n < 1", False))


def test_the_sides_of_an_equation_are_named_in_one_line():
    found = refute([], ["equal", total([], [], ["tensor", "x", 0]), total([], [], ["tensor", "x", 1])])
    assert found.line() == "x[0] = 0, x[1] = 1: the left side is 0, the right side is 1"


def test_a_changed_witness_is_not_one(witness):
    assert not replace(witness, variables={"n": 2, "s": 2}).check()
    assert not replace(witness, variables={"n": 1, "s": 0}).check()
    assert not replace(witness, variables={"n": 1}).check()
    assert not validate([*witness.hypotheses, ["<=", 2, "n"]], witness.claim, witness)
    assert not validate(witness.hypotheses, ["<=", ["div", "n", "s"], ["ceil", "n", "s"]], witness)


def test_a_witness_against_a_definition_is_not_one():
    honest = refute(LAYERS, ["<=", at("J", "L"), at("s", "L")])
    cell = ("at", "J", (honest.variables["L"],))
    assert honest.check()
    assert not replace(honest, entries={**honest.entries, cell: honest.entries[cell] + 1}).check()
    assert not replace(honest, entries={k: v for k, v in honest.entries.items() if k != cell}).check()


def test_a_witness_must_be_made_of_the_entries_that_it_needs():
    found = refute([], ["equal", total([], [], ["tensor", "x", 0]), total([], [], ["tensor", "x", 1])])
    assert found.check()
    assert not Witness(found.hypotheses, found.claim, found.variables, {}, found.parts).check()


# The mistakes of the catalogue


@pytest.mark.parametrize("identifier", IDENTIFIERS)
def test_the_usual_mistake_beside_an_entry_is_refuted(identifier):
    entry = catalog.entry(identifier)
    for ndim in entry.ndims or (None,):
        mistake = entry.proof(ndim).mistake
        witness = refute([given.json() for given in mistake.given], mistake.claim.json())
        assert witness is not None, mistake.words
        assert witness.check()


def test_a_hypothesis_about_what_the_claim_does_not_mention_is_met_by_a_witness():
    """t[m] is x[m] + x[1 - m], and it is 0: so x[0] and x[1] are opposite, although no t occurs in the claim."""
    m, t, x = integers("m"), tensor("t"), tensor("x")
    sums = Statement(Equation(value(t[m]), value(x[m]) + x[1 - m]), (m,)).json()
    nothing = Statement(Equation(value(t[m]), Value(())), (m,)).json()
    opposite = Statement(Equation(value(x[0]) + x[1], Value(()))).json()
    assert refute([sums], opposite) is not None
    assert refute([sums, nothing], opposite) is None
    verdicts = [
        BruteForce().check(map(statement, given), statement(opposite)).verdict for given in ([sums], [sums, nothing])
    ]
    assert verdicts == ["refuted", "unknown"]


def row(name, *index, square=False):
    return total([], [], *[["tensor", name, *index]] * (1 + square))


def number(term):
    return [{"sum": [], "guard": [], "coefficient": ["1", term], "factors": []}]


def for_all(bound, conditions, left, right):
    return {"forall": bound, "if": conditions, "then": ["equal", left, right]}


FAR = [["<=", 7, "i"]]
SUM, DIFFERENCE = ["+", "i", "j"], ["+", "i", ["*", -1, "j"]]
FOLLOWS = {
    "two definitions of entries that are not used": (
        for_all(["i", "j"], [], row("z", "i", "j"), row("x", SUM)),
        for_all(["i", "j"], [], row("z", "i", "j"), row("y", DIFFERENCE)),
        ["equal", row("x", 0), row("x", 2)],
    ),
    "two definitions of an entry that is used": (
        for_all(["i", "j"], [], row("z", "i", "j"), row("x", SUM)),
        for_all(["i", "j"], [], row("z", "i", "j"), row("y", DIFFERENCE)),
        ["equal", *(total([], [], ["tensor", "z", 0, 0], ["tensor", "x", index]) for index in (0, 2))],
    ),
    "a definition with two right sides for one entry": (
        for_all(
            ["i", "j"],
            [["<=", -1, "i"], ["<=", "i", 1], ["<=", 4, "j"]],
            row("z", ["*", "i", "i"], "j"),
            row("x", ["+", "i", ["*", "j", "j"]]),
        ),
        ["equal", row("x", 15), row("x", 17)],
    ),
    "two definitions that disagree far away": (
        for_all(["i"], [], row("x", "i"), []),
        for_all(["i"], [["<=", 100, "i"]], row("x", "i"), number(1)),
        ["equal", row("y", 0), []],
    ),
    "an equation about what is defined": (
        for_all(["i", "j"], [], row("z", "i", "j"), row("x", SUM)),
        for_all(["i"], FAR, row("z", "i", ["*", -1, "i"], square=True), row("z", "i", ["*", -1, "i"])),
        ["equal", row("x", 0, square=True), row("x", 0)],
    ),
    "a chain of definitions": (
        for_all(["i"], [], row("z", "i"), row("x", "i")),
        for_all(["i"], [], row("y", "i"), row("z", "i")),
        for_all(["i"], FAR, row("y", "i", square=True), row("y", "i")),
        ["equal", row("x", 9, square=True), row("x", 9)],
    ),
    "sums of no single entry": (
        for_all(["i"], FAR, total(["j"], within(0, "j", "i"), ["tensor", "x", "j"]), []),
        ["equal", row("x", 8), []],
    ),
    "values of a function": (
        for_all(["i"], [], row("x", "i"), number("i")),
        for_all(["i"], FAR, total([], [], ["apply", "f", row("x", "i")]), []),
        ["equal", total([], [], ["apply", "f", number(9)]), []],
    ),
}


@pytest.mark.parametrize("case", FOLLOWS)
def test_what_follows_from_hypotheses_about_other_entries_is_not_refuted(case):
    """Without the last hypothesis it does not follow."""
    *given, claim = FOLLOWS[case]
    assert refute(given, claim) is None
    assert BruteForce().check(map(statement, given), statement(claim)).verdict != "refuted"
    assert refute(given[:-1], claim) is not None
