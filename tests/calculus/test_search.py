"""The search finds the certificates of this field, and none for what is false."""

from __future__ import annotations

import pytest

from convmath.calculus import search
from convmath.calculus.certificate import check
from convmath.calculus.search import find_certificate
from convmath.errors import ProofError

from .lemmas import LEMMAS
from .mutants import mutants


@pytest.mark.parametrize("lemma", LEMMAS, ids=lambda lemma: lemma.name)
def test_a_certificate_is_found(lemma):
    hypotheses, goal, cuts = lemma.plain
    check(hypotheses, goal, find_certificate(hypotheses, goal, cuts))


@pytest.mark.parametrize(
    ("hypotheses", "goal"),
    [
        ([], ["<=", 0, "n"]),
        ([["<=", 1, "s"]], ["==", ["ceil", "n", "s"], ["div", "n", "s"]]),
        ([["<=", 1, "s"]], ["==", ["+", ["div", "n", "s"], 1], ["ceil", "n", "s"]]),
        ([], ["==", ["*", "s", ["div", "n", "s"]], ["+", "n", ["*", -1, ["mod", "n", "s"]]]]),
        ([["<=", 1, "s"]], ["==", ["*", "s", ["div", "n", "s"]], "n"]),
        ([["<=", 0, "s"]], ["<", ["mod", "n", "s"], "s"]),
        ([["<=", "n", "m"]], ["<", "n", "m"]),
        ([], ["==", ["at", "f", "n"], ["at", "f", "m"]]),
        ([], ["==", ["at", "f", "n"], ["at", "g", "n"]]),
        ([], ["==", ["min", "n", "m"], "n"]),
    ],
)
def test_no_certificate_is_found_for_what_is_false(hypotheses, goal):
    with pytest.raises(ProofError, match="no certificate found"):
        find_certificate(hypotheses, goal)


@pytest.fixture
def degrees(monkeypatch):
    """Of how many inequalities products are tried, one by one."""
    found, close = [], search._close
    monkeypatch.setattr(search, "_close", lambda facts, products: found.append(products) or close(facts, products))
    return found


AFFINE = [["==", ["mod", "n", 4], 1]], ["==", ["ceil", "n", 4], ["div", "n", 4]]
SQUARES = [["<=", 0, "a"], ["<=", "a", "b"]], ["<=", ["*", "b", "b"], ["*", "a", "b"]]
CUBES = [["<=", 1, "a"], ["<=", 1, "b"], ["<=", 1, "c"]], ["<=", 1, ["*", "a", ["*", "b", "c"]]]


@pytest.mark.parametrize("m", [320, 40_960, 81_920, 1_000_000])
def test_a_certificate_with_large_numbers_is_found(m):
    """The mean over the 2,560 x 2,560 windows of a network that has made its input 32 times smaller."""
    window, last = ["div", ["+", "n", m - 32], m], ["+", "n", -31]
    fact, wrong = ["==", window, ["ceil", last, m]], ["==", window, ["ceil", ["+", last, 1], m]]
    check([], fact, find_certificate([], fact))
    with pytest.raises(ProofError, match="no certificate found"):
        find_certificate([], wrong)


def test_products_are_tried_of_nothing_but_products(degrees):
    for fact, tried in ((AFFINE, {1}), (SQUARES, {1, 2, 3})):
        degrees.clear()
        with pytest.raises(ProofError, match="no certificate found"):
            find_certificate(*fact)
        assert set(degrees) == tried
    degrees.clear()
    check(*CUBES, find_certificate(*CUBES))
    assert max(degrees) == 3


def test_products_of_more_inequalities_than_asked_for_are_not_tried(degrees):
    with pytest.raises(ProofError, match="no certificate found"):
        find_certificate(*CUBES, products=2)
    assert set(degrees) == {1, 2}


def test_a_rounding_by_a_number_is_no_case_of_its_own(degrees):
    """Its divisor is not below 1, so nothing is tried before all that is known of it is there."""
    quotients = [["div", "n", divisor] for divisor in (2, 3, 5, 7, 11)]
    goal = ["<=", ["+", *quotients], ["*", 2, "n"]]
    find_certificate([["<=", 0, "n"]], goal)
    assert degrees == [1]
    with pytest.raises(ProofError, match="no certificate found"):
        find_certificate([], goal)


def test_a_certificate_has_few_terms():
    for lemma in LEMMAS:
        for close in _closes(find_certificate(*lemma.plain)):
            assert 0 < len(close["close"]) + len(close["equations"]) <= 12, lemma.name


def _closes(certificate):
    if "close" in certificate:
        return [certificate]
    return [close for case in certificate["cases"] for close in _closes(case)]


def test_each_mutant_has_one_mistake():
    certificate = {
        "split": 0,
        "cases": [{"close": [[1, [0, 2]]], "equations": []}, {"close": [[2, [1]]], "equations": []}],
    }
    found = [mutant for _, mutant in mutants(certificate)]
    assert {"split": 1, "cases": certificate["cases"]} in found
    assert {"split": 0, "cases": certificate["cases"][::-1]} in found
    assert certificate not in found
    assert len(found) == len({repr(mutant) for mutant in found})
