"""The search finds the certificates of this field, and none for what is false."""

from __future__ import annotations

import pytest

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
