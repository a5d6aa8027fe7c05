"""The certificate checker: what it refuses, mutated certificates, and its reading of formulas against truth tables."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convmath.calculus.certificate import Facts, Node, Polynomial, add, check, minus
from convmath.calculus.search import find_certificate
from convmath.errors import ProofError

from .lemmas import LEMMAS, Lemma
from .mutants import KINDS, mutants
from .refusals import REFUSALS

LEAST_MUTANTS = 1000
VARIABLES = ("u", "v")
POINTS = [dict(zip(VARIABLES, point, strict=True)) for point in itertools.product(range(-3, 4), repeat=len(VARIABLES))]
UNDEFINED = 11
"""Stands for the arbitrary value of a rounding by a divisor <= 0."""


@pytest.mark.parametrize("refusal", REFUSALS["certificate"], ids=lambda refusal: refusal.name)
def test_the_checker_refuses(refusal):
    refusal.check()


# Mutated certificates


@pytest.fixture(scope="module")
def certificates() -> list[tuple[Lemma, Any]]:
    return [(lemma, find_certificate(*lemma.plain)) for lemma in LEMMAS]


def accepted(hypotheses: list[Any], goal: Any, certificate: Any) -> bool:
    try:
        check(hypotheses, goal, certificate)
    except ProofError:
        return False
    return True


def test_mutated_certificates_are_refused(certificates):
    refused: Counter[str] = Counter()
    for lemma, certificate in certificates:
        hypotheses, goal, _ = lemma.plain
        check(hypotheses, goal, certificate)
        for kind, mutant in mutants(certificate):
            if mutant == certificate:
                continue
            assert not accepted(hypotheses, goal, mutant), (lemma.name, kind, mutant)
            refused[kind] += 1
    assert set(refused) == set(KINDS)
    assert refused.total() >= LEAST_MUTANTS, refused


def test_certificates_do_not_carry_over_to_stronger_facts(certificates):
    for lemma, certificate in certificates:
        hypotheses, goal, _ = lemma.plain
        for other in (["not", goal], ["<", 0, 0], ["and", goal, ["<=", "zz", 0]]):
            with pytest.raises(ProofError):
                check(hypotheses, other, certificate)


def test_certificates_need_the_hypotheses_that_they_use(certificates):
    dropped = 0
    for lemma, certificate in certificates:
        hypotheses, goal, _ = lemma.plain
        for position in range(len(hypotheses)):
            weaker = [["<=", 0, 0] if at == position else h for at, h in enumerate(hypotheses)]
            if not _holds_in_a_box(weaker, goal):
                dropped += 1
                with pytest.raises(ProofError):
                    check(weaker, goal, certificate)
    assert dropped >= len(LEMMAS) / 2


def _holds_in_a_box(hypotheses: list[Any], goal: Any) -> bool:
    names = sorted(_names([hypotheses, goal]))
    box = itertools.islice(itertools.product((0, 1, -1, 2, 3, -2), repeat=len(names)), 60000)
    points = (dict(zip(names, point, strict=True)) for point in box)
    return all(true(goal, point) for point in points if all(true(h, point) for h in hypotheses))


def _names(plain: Any) -> set[str]:
    if isinstance(plain, str):
        return {plain}
    if isinstance(plain, int):
        return set()
    parts = plain[1:] if plain and isinstance(plain[0], str) else plain
    return set().union(*map(_names, parts))


# Formulas against truth tables


def number(term: Any, point: Mapping[str, int]) -> int:
    """The value of a term, straight from the definition."""
    if isinstance(term, int):
        return term
    if isinstance(term, str):
        return point[term]
    op, *parts = term
    if op == "at":
        return sequence(*(number(part, point) for part in parts[1:]))
    values = [number(part, point) for part in parts]
    if op == "+":
        return sum(values)
    if op == "*":
        product = 1
        for value in values:
            product *= value
        return product
    if op in ("min", "max"):
        return {"min": min, "max": max}[op](values)
    a, b = values
    if b < 1:
        return UNDEFINED
    return {"div": a // b, "ceil": -(-a // b), "mod": a % b}[op]


def sequence(*indices: int) -> int:
    return sum((2 * position + 3) * index for position, index in enumerate(indices)) % 5 - 2


def true(formula: Any, point: Mapping[str, int]) -> bool:
    """Whether a formula holds, straight from the definition."""
    op, *parts = formula
    if op in ("<=", "<", "==", "!="):
        a, b = (number(part, point) for part in parts)
        return {"<=": a <= b, "<": a < b, "==": a == b, "!=": a != b}[op]
    values = [true(part, point) for part in parts]
    if op == "not":
        return not values[0]
    if op == "=>":
        return not values[0] or values[1]
    if op == "<=>":
        return values[0] == values[1]
    return all(values) if op == "and" else any(values)


def extended(facts: Facts, point: Mapping[str, int]) -> dict[str, int]:
    """The point with the values of the variables that stand for roundings and for entries of sequences."""
    values = dict(point)
    for (op, *keys), name in facts.names.items():
        if op == "at":
            values[name] = sequence(*(_value(dict(key), values) for key in keys[1:]))
            continue
        a, b = (_value(dict(key), values) for key in keys)
        values[name] = number([op, a, b], {})
        values[name + "r"] = {"div": number(["mod", a, b], {}), "ceil": values[name] * b - a}.get(op, 0)
    return values


def _value(polynomial: Polynomial, values: Mapping[str, int]) -> int:
    total = Fraction(0)
    for monomial, coefficient in polynomial.items():
        for name in monomial:
            coefficient *= values[name]
        total += coefficient
    return int(total)


def holds(node: Node, values: Mapping[str, int]) -> bool:
    kind, content = node
    if kind in ("and", "or"):
        return (all if kind == "and" else any)(holds(part, values) for part in content)
    return _value(content, values) >= 0 if kind == ">=" else _value(content, values) == 0


def disagreements(facts: Facts, formula: Any, expected: bool) -> list[dict[str, int]]:
    """The points at which what is listed is not what the formula, or its negation, says."""
    facts.assume(formula, expected)
    return [
        point
        for point in POINTS
        if all(holds(node, extended(facts, point)) for node in facts.listed) != (true(formula, point) == expected)
    ]


def _terms(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(parts, max_size=3)
    return st.one_of(
        st.builds(lambda op, args: [op, *args], st.sampled_from(("+", "*")), several),
        st.builds(lambda op, a, b: [op, a, b], st.sampled_from(("div", "ceil", "mod", "min", "max")), parts, parts),
        st.builds(lambda args: ["at", "f", *args], st.lists(parts, min_size=1, max_size=2)),
    )


def _formulas(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda op, args: [op, *args], st.sampled_from(("and", "or")), st.lists(parts, max_size=3)),
        st.builds(lambda f: ["not", f], parts),
        st.builds(lambda op, f, g: [op, f, g], st.sampled_from(("=>", "<=>")), parts, parts),
    )


TERMS = st.recursive(st.integers(-2, 3) | st.sampled_from(VARIABLES), _terms, max_leaves=5)
COMPARISONS = st.builds(lambda op, a, b: [op, a, b], st.sampled_from(("<=", "<", "==", "!=")), TERMS, TERMS)
FORMULAS = st.recursive(COMPARISONS, _formulas, max_leaves=4)


@given(FORMULAS, st.booleans())
def test_a_formula_and_its_negation_are_listed_as_what_they_say(formula, expected):
    assert disagreements(Facts(), formula, expected) == []


class GapDropped(Facts):
    """Takes the negation of ``p <= q`` for ``p >= q``."""

    def node(self, formula: Any, holds: bool = True) -> Node:
        if formula[0] == "<=" and not holds:
            return (">=", minus(self.polynomial(formula[1]), self.polynomial(formula[2])))
        return super().node(formula, holds)


class ConjunctionKept(Facts):
    """Forgets de Morgan."""

    def node(self, formula: Any, holds: bool = True) -> Node:
        if formula[0] == "and" and not holds:
            return ("and", [self.node(part, False) for part in formula[1:]])
        return super().node(formula, holds)


class RemainderUnbounded(Facts):
    """Lets a remainder be as large as the divisor."""

    def append(self, node: Node) -> None:
        if node[0] == ">=" and node[1].get((), 0) == -1:
            node = (">=", add(node[1], {(): Fraction(1)}))
        super().append(node)


@pytest.mark.parametrize(
    ("wrong", "formula", "expected"),
    [
        (GapDropped, ["<=", "u", "v"], False),
        (ConjunctionKept, ["and", ["<=", "u", 0], ["<=", "v", 0]], False),
        (RemainderUnbounded, ["<", "u", "v"], True),
    ],
)
def test_a_wrong_negation_is_caught_by_the_truth_table(wrong, formula, expected):
    assert disagreements(Facts(), formula, expected) == []
    assert disagreements(wrong(), formula, expected)


@given(st.lists(FORMULAS, min_size=1, max_size=2), FORMULAS)
def test_the_cases_of_a_split_and_of_a_cut_cover_what_is_listed(hypotheses, cut):
    facts = Facts()
    for hypothesis in hypotheses:
        facts.assume(hypothesis)
    both = [facts.node(cut, True), facts.node(cut, False)]
    splits = [content for kind, content in facts.listed if kind == "or"]
    for point in POINTS:
        values = extended(facts, point)
        if all(holds(node, values) for node in facts.listed):
            assert all(any(holds(case, values) for case in cases) for cases in splits)
        assert [holds(node, values) for node in both] == [true(cut, point), not true(cut, point)]


@settings(max_examples=settings.default.max_examples // 2)
@given(st.lists(FORMULAS, max_size=2), FORMULAS)
def test_a_certified_fact_has_no_counterexample(hypotheses, goal):
    try:
        find_certificate(hypotheses, goal)
    except ProofError:
        return
    for point in POINTS:
        assert true(goal, point) or not all(true(h, point) for h in hypotheses), point


# Numbers and depth


@pytest.mark.parametrize("half", ["1/2", "2/4", "0.5", " 1/2 ", "5e-1", "0.5000000000000000000001", "0x1", "½"])
def test_however_a_number_is_written_it_is_refused_or_exact(half):
    def closing(number: Any) -> Any:
        return {"close": [[number, [0]], [number, [1]]], "equations": []}

    for hypothesis, exact in ((2, half in ("1/2", "2/4")), (1, False)):
        try:
            check([["<=", hypothesis, "n"]], ["<=", 1, "n"], closing(half))
        except ProofError:
            assert not exact
        else:
            assert hypothesis == 2
            assert Fraction(half) == Fraction(1, 2)


def test_nesting_without_end_is_an_error():
    deep = {"close": [[1, [0]], [1, [1]]], "equations": []}
    formula = ["<=", 1, "n"]
    for _ in range(100_000):
        deep = {"cut": ["<=", 0, "n"], "cases": [deep, deep]}
        formula = ["not", formula]
    for hypotheses, certificate in (([["<=", 1, "n"]], deep), ([formula], {"close": [], "equations": []})):
        with pytest.raises((ProofError, RecursionError)):
            check(hypotheses, ["<=", 1, "n"], certificate)
