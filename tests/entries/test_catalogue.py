"""No entry is left out: each has its property test and its sibling, a refuted mistake and an example that works."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from convmath import catalog
from convmath.calculus.evaluate import Model
from convmath.calculus.plain import free_variables, statement
from convmath.calculus.refute import refute
from convmath.catalog import Entry, Proof
from convmath.errors import DomainError

from .claims import covers
from .examples import example_model, example_point

EVERY = [(entry.id, ndim) for entry in catalog.entries() for ndim in entry.ndims or (None,)]


def marked(kind: str) -> set[str]:
    """The entries that the tests of this folder name with a mark, by what the modules hold."""
    modules = [
        importlib.import_module(f".{path.stem}", __package__)
        for path in sorted(Path(__file__).parent.glob("test_*.py"))
    ]
    tests = [test for module in modules for name, test in vars(module).items() if name.startswith("test_")]
    return set(itertools.chain.from_iterable(getattr(test, kind, ()) for test in tests))


def left_out(kind: str, entries: tuple[Entry, ...]) -> list[str]:
    return sorted({entry.id for entry in entries} - marked(kind))


@pytest.mark.parametrize("kind", ["covers", "refutes"])
def test_no_entry_is_left_without_a_property_test_and_its_sibling(kind):
    assert left_out(kind, catalog.entries()) == []


def test_an_entry_without_a_property_test_is_caught():
    stranger = Entry("size.stranger", "", "", (), (), None, lambda: None)
    assert left_out("covers", (*catalog.entries(), stranger)) == ["size.stranger"]


def test_a_mark_runs_a_test_for_every_ndim_of_the_entry():
    @covers("grad.input")
    def marked_test(ndim):
        return ndim

    (mark,) = marked_test.pytestmark
    assert mark.args == ("ndim", (1, 2, 3))
    assert not hasattr(covers("size.conv")(lambda: None), "pytestmark")


@pytest.mark.parametrize("identifier", [entry.id for entry in catalog.entries()])
def test_the_mistake_is_refuted_by_a_witness_that_plain_evaluation_confirms(identifier):
    mistake = catalog.entry(identifier).proof().mistake
    given, claim = [hypothesis.json() for hypothesis in mistake.given], mistake.claim.json()
    witness = refute(given, claim)
    assert witness is not None, f"{mistake.words}: no witness"
    model = Model(witness.variables, *_tables(witness.entries))
    assert not model.holds_at(claim, witness.variables), witness.text()
    for hypothesis in map(statement, given):
        if not hypothesis[1]:
            assert model.holds(hypothesis), f"{hypothesis} in {witness.text()}"
    assert witness.check(), witness.text()


def _tables(cells: Any) -> Iterator[dict[Any, Any]]:
    for kind in ("at", "tensor"):
        table: dict[Any, dict[Any, Any]] = {}
        for (found, name, index), number in cells.items():
            if found == kind:
                table.setdefault((name, len(index)), {})[index] = number
        yield table


@pytest.mark.parametrize("identifier", [entry.id for entry in catalog.entries() if not entry.ndims])
def test_a_true_statement_has_no_witness(identifier):
    theorem = catalog.entry(identifier).theorem
    given = [hypothesis.json() for hypothesis in theorem.hypotheses]
    assert refute(given, theorem.conclusion.json(), largest=2, tries=200) is None


@pytest.mark.parametrize(("identifier", "ndim"), EVERY)
def test_both_sides_agree_at_the_example(identifier, ndim):
    proof = catalog.entry(identifier).proof(ndim)
    for part in proof.statements:
        hypotheses = [hypothesis.json() for hypothesis in part.theorem.hypotheses]
        conclusion = statement(part.theorem.conclusion.json())
        missing = _needed(hypotheses, conclusion) - _named(proof)
        assert not missing, f"{part.title} the example has no value for {sorted(missing)}"
        model = example_model(proof, hypotheses, conclusion)
        assert model.holds_at(conclusion, example_point(proof, conclusion)), part.title


def _named(proof: Proof) -> set[str]:
    return {symbol.name for symbol in proof.example.numbers}


def _needed(hypotheses: list[Any], conclusion: Any) -> set[str]:
    return set(frozenset[str]().union(*map(free_variables, map(statement, [*hypotheses, conclusion])))) | set(
        conclusion[1]
    )


@pytest.mark.parametrize(("identifier", "ndim"), EVERY)
def test_the_example_shows_a_number_that_is_not_0(identifier, ndim):
    """Both sides 0 would be met by almost any formula."""
    proof = catalog.entry(identifier).proof(ndim)
    part = proof.statements[-1]
    hypotheses = [hypothesis.json() for hypothesis in part.theorem.hypotheses]
    conclusion = statement(part.theorem.conclusion.json())
    model = example_model(proof, hypotheses, conclusion).extended(example_point(proof, conclusion))
    if conclusion[3][0] == "equal":
        assert model.sides(conclusion[3]) != (0, 0)


def refused(proof: Proof, **example: Any) -> None:
    wrong = replace(proof, example=replace(proof.example, **example))
    theorem = proof.statements[-1].theorem
    hypotheses = [hypothesis.json() for hypothesis in theorem.hypotheses]
    with pytest.raises(AssertionError, match="does not meet"):
        example_model(wrong, hypotheses, statement(theorem.conclusion.json()))


def test_an_example_that_does_not_meet_the_hypotheses_is_refused():
    proof = catalog.entry("size.conv").proof()
    refused(proof, numbers={v: -1 if v.name == "p_l" else number for v, number in proof.example.numbers.items()})


def test_an_example_whose_layers_do_not_meet_the_hypotheses_is_refused():
    proof = catalog.entry("size.compose").proof()
    refused(proof, sequences={**proof.example.sequences, "s": [1, -2, 2]})


def test_an_example_that_lacks_a_layer_is_refused():
    proof = catalog.entry("size.compose").proof()
    short = replace(proof, example=replace(proof.example, sequences={**proof.example.sequences, "k": [0, 3]}))
    theorem = proof.statements[-1].theorem
    hypotheses = [hypothesis.json() for hypothesis in theorem.hypotheses]
    with pytest.raises(DomainError, match=r"k\[2\]"):
        example_model(short, hypotheses, statement(theorem.conclusion.json()))
