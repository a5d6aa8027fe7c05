"""The example of an entry as a model, in which what the hypotheses define follows from its numbers and arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from convmath.calculus.evaluate import Model
from convmath.calculus.models import Models
from convmath.catalog import Proof

from .cases import entries


def example_model(proof: Proof, hypotheses: list[Any], conclusion: Any) -> Model:
    """Where an entry's statement is shown at small numbers; it has to meet the hypotheses.

    Tensors are 0 where the example gives no entry. A sequence has no value there, and a hypothesis about all layers is
    passed over where it speaks of one.
    """
    models = Models(hypotheses, [conclusion])
    model = models.model({symbol.name: number for symbol, number in proof.example.numbers.items()})
    model.seed = None
    for name, values in proof.example.sequences.items():
        model.tables["at"][name, np.ndim(values)] = entries(values)
    for name, values in proof.example.tensors.items():
        known = entries(values)
        model.tables["tensor"][name, np.ndim(values)] = lambda *index, known=known: known.get(index, 0)
    model.holds_at(conclusion, example_point(proof, conclusion))
    assert models.admits(model, partial=True), "the example does not meet the hypotheses"
    return model


def example_point(proof: Proof, conclusion: Any) -> dict[str, int]:
    """The example's values of the quantified variables."""
    numbers = {symbol.name: number for symbol, number in proof.example.numbers.items()}
    return {name: numbers[name] for name in conclusion[1]}
