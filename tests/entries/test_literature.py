"""Every statement of the literature is shown by something that exists."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

import convmath as cm
from convmath import catalog
from convmath.counterexamples import all_counterexamples
from convmath.latex.bibliography import cited, references
from convmath.literature import Statement, literature
from convmath.worked import examples

KNOWN = {
    "entry": {entry.id for entry in catalog.entries()},
    "counterexample": {item.id for item in all_counterexamples()},
    "worked": {example.id for example in examples()},
    "helper": set(cm.__all__),
}


def untraced(statement: Statement) -> list[str]:
    """What a statement names and does not exist, and what it lacks."""
    found = [f"{kind} {name}" for kind, name in statement.shown if name not in KNOWN.get(kind, ())]
    kinds = {kind for kind, _ in statement.shown}
    if statement.wrong and not {"counterexample"} < kinds:
        found.append("needs a counterexample and what is right")
    if not statement.shown or not statement.says.endswith("."):
        found.append("is not shown, or says nothing")
    return found


@pytest.mark.parametrize("statement", literature(), ids=lambda s: f"{s.source} {s.place}")
def test_every_statement_is_shown(statement):
    assert untraced(statement) == []
    assert statement.source == "notes" or statement.source in references()


def test_a_statement_that_nothing_shows_is_caught():
    statement = literature()[0]
    assert untraced(replace(statement, shown=(("entry", "size.nothing"),))) == ["entry size.nothing"]
    assert untraced(replace(statement, shown=()))
    assert untraced(replace(statement, wrong=True))


def places(source: str) -> list[str]:
    return [statement.place for statement in literature() if statement.source == source]


def test_every_relationship_of_the_guide_to_convolution_arithmetic_is_there():
    numbers = [
        int(match[1]) for place in places("DumoulinVisin2016") if (match := re.match(r"relationship (\d+)$", place))
    ]
    assert numbers == list(range(1, 15))


def test_the_shape_sections_of_torch_are_there():
    for name in ("Conv2d", "ConvTranspose2d", "MaxPool2d", "AvgPool2d", "Unfold", "Fold"):
        assert places(f"torch.nn.{name}") == ["shape"]


def test_the_errata_are_refuted():
    errata = [statement.place for statement in literature() if statement.wrong]
    assert {"pool.index", "grad.input.index", "cost.lenet.fc"} <= set(errata)


@pytest.mark.parametrize("entry", catalog.entries(), ids=lambda entry: entry.id)
def test_every_entry_has_a_source_or_is_new(entry):
    assert entry.sources
    for source in entry.sources:
        assert cited(source)[0] is not None or source == "new here", source
