"""Every counterexample is one: evaluated again, replayed in NumPy and torch, and least in what it uses."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convmath import catalog
from convmath.calculus.index import eq, integers
from convmath.calculus.refute import Witness
from convmath.counterexamples import Claim, Counterexample, all_counterexamples, find_counterexample
from convmath.errors import DomainError, ProofError
from convmath.latex.bibliography import cited

from .replays import REPLAYS, Numbers

EVERY = all_counterexamples()
IDS = [item.id for item in EVERY]


def test_there_are_at_least_twenty_and_none_is_left_without_a_replay():
    assert len(EVERY) >= 20
    assert sorted(REPLAYS) == sorted(IDS)


@pytest.mark.parametrize("item", EVERY, ids=IDS)
def test_the_witness_refutes_the_claim(item):
    assert item.witness.check(), item.witness.text()


@pytest.mark.parametrize("item", EVERY, ids=IDS)
def test_numpy_and_torch_find_the_same_two_numbers(item):
    found = list(REPLAYS[item.id](Numbers(item.witness)))
    assert [name for name, _ in found] == ["numpy", "torch"]
    for name, (left, right) in found:
        sides = (item.witness.left, item.witness.right)
        assert (left, right) == sides, f"{name} gives {left} and {right}: {item.witness.text()}"
        assert left != right, name


@pytest.mark.parametrize("item", EVERY, ids=IDS)
def test_what_is_true_instead_is_in_the_catalogue(item):
    assert item.instead
    assert [catalog.entry(identifier).id for identifier in item.instead] == list(item.instead)


@pytest.mark.parametrize("item", EVERY, ids=IDS)
def test_it_says_where_the_claim_comes_from(item):
    assert item.sources
    for source in item.sources:
        cited(source)
    assert item.summary.endswith(".")


def test_a_replay_with_other_numbers_does_not_agree():
    item = find_counterexample("size.same_halves")
    other = Numbers(replace(item.witness, variables={"n": 4, "k": 1}))
    sides = (item.witness.left, item.witness.right)
    assert all(found != sides for _, found in REPLAYS[item.id](other))


def test_a_true_claim_has_no_counterexample():
    n = integers("n")
    harmless = Counterexample("n.is_n", "n = n", "It is.", (), (), lambda: Claim(eq(2 * n - n, n), {n: "a number"}))
    with pytest.raises(ProofError, match=r"n\.is_n: no counterexample"):
        harmless.witness  # noqa: B018 - the property is the test


def test_a_forged_witness_does_not_check():
    witness = find_counterexample("size.same_halves").witness
    assert not Witness(witness.hypotheses, witness.claim, {"n": 4, "k": 1}, {}, ()).check()


def test_an_unknown_counterexample_is_a_sentence():
    with pytest.raises(DomainError, match=r"did you mean rot180\.is_transpose"):
        find_counterexample("rot180.is_transposed")
