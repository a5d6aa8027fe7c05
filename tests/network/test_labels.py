"""What is not proved never says that it is: forms, sets of sizes, and what is read again."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sympy
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.calculus.index import integers
from convmath.errors import UnsupportedError
from convmath.inert import CeilDiv, FloorDiv
from convmath.network import Graph
from convmath.network.closed_form import closed_forms
from convmath.network.closed_form.claims import Claim, satisfying
from convmath.network.closed_form.inputs import InputSizes
from convmath.network.closed_form.laws import step
from convmath.network.closed_form.rewriting import Rewritten, rewritten
from convmath.network.closed_form.sets import SizeSet
from convmath.network.operators import Combine, Concat, Conv, Pool

from .computing import Function

n, x = integers("n x")


def halved() -> Graph:
    graph = Graph()
    graph.add("conv", Conv(1, 1, (5,), stride=2), graph.input((1, 64)))
    return graph


def no_proof(*_: object) -> None:
    """A prover that finds none."""


def test_a_set_without_a_proof_is_checked_by_sampling_though_the_forms_are_proved(monkeypatch):
    proved = closed_forms(halved())
    assert (str(proved.valid), proved.valid.label) == ("n >= 5", "proved")
    monkeypatch.setattr("convmath.network.closed_form.by_remainder.proved", no_proof)
    found = closed_forms(halved())
    assert (found.label, str(found.valid), found.valid.label) == ("proved", "n >= 5", "checked by sampling")
    assert found.lossless.label == "checked by sampling"


def test_a_wrong_set_without_a_proof_is_unknown(monkeypatch):
    claim = Claim.of("<=", sympy.Integer(5), n)
    monkeypatch.setattr("convmath.network.closed_form.by_remainder.proved", no_proof)
    monkeypatch.setattr("convmath.network.closed_form.inputs.satisfying", lambda *_: SizeSet.of(6, None, 1, [0]))
    found = InputSizes(SizeSet(), n).where([claim])
    assert (found.sizes, found.label) == (None, "unknown")


def test_a_wrong_form_without_a_proof_is_not_given(monkeypatch):
    """One more than it is: no law makes it, and at the sizes that are tried it differs."""
    made, places = FloorDiv(x - 1, 2) + 1, ((x, CeilDiv(n, 16)),)
    assert step(made, places, n).form == CeilDiv(n, 32)
    wrong = Rewritten(CeilDiv(n, 32) + 1, rewritten(made.xreplace(dict(places))).laws)
    monkeypatch.setattr("convmath.network.closed_form.laws.rewritten", lambda term: wrong)
    found = step.__wrapped__(made, places, n)
    assert found.form == made.xreplace(dict(places))


def test_a_size_that_is_made_of_one_without_a_proof_has_none(monkeypatch):
    def weaker(made, places, symbol):
        found = step(made, places, symbol)
        return replace(found, label="checked by sampling", theorem=None) if found.form == CeilDiv(n, 2) else found

    graph = Graph()
    first = graph.add("first", Conv(1, 1, (3,), stride=2, padding=1), graph.input((1, 64)))
    graph.add("second", Conv(1, 1, (3,), stride=2, padding=1), first)
    proved = closed_forms(graph)
    assert [form.label for form in proved] == ["proved"] * 3
    monkeypatch.setattr("convmath.network.closed_form.composing.step", weaker)
    found = closed_forms(graph)
    assert [form.label for form in found] == ["proved", *["checked by sampling"] * 2]
    assert found.output.dimensions[-1].step.label == "proved"  # from the size before it
    assert (found.output.theorem, proved.output.theorem is None) == (None, False)


def test_sizes_without_remainder_rest_on_the_forms_of_the_remainders():
    found = closed_forms(halved())
    assert found.lossless.label == "proved"
    weaker = replace(found, tails_label="checked by sampling")
    assert [weaker.valid.label, weaker.lossless.label] == ["proved", "checked by sampling"]


def test_where_some_remainders_and_besides_a_single_size_satisfy_a_claim_the_set_is_unknown():
    """The even sizes, and 3."""
    claim = Claim.of("==", (n - 3) * (n - 2 * FloorDiv(n, 2)), sympy.Integer(0))
    assert [size for size in range(1, 40) if claim.holds(size)] == sorted({3, *range(2, 40, 2)})
    with pytest.raises(UnsupportedError, match="besides, for 3"):
        satisfying(claim, SizeSet())
    assert satisfying(claim, SizeSet.of(4, None, 1, [0])) == SizeSet.of(4, None, 2, [0])


@pytest.mark.parametrize("join", [Combine("add"), Concat(1)], ids=["sum", "concatenation"])
def test_branches_that_meet_match_where_their_sizes_are_equal(join):
    graph = Graph()
    image = graph.input((1, 64))
    down = graph.add("down", Pool("max", (2,)), image)
    up = graph.add("up", Conv(1, 1, (3,), padding=1), graph.add("twice", Concat(2), down, down))
    graph.add("meet", join, up, image)
    found = closed_forms(graph)
    assert (str(found.matching), found.matching.label) == ("n >= 2 with n mod 2 = 0", "proved")
    assert [size for size in range(1, 40) if 2 * (size // 2) == size] == found.matching.up_to(39)


def asked(*dimensions: int):
    """Code that is told sizes, one after the other, and then does what it does anyway."""

    def forward(image: torch.Tensor) -> torch.Tensor:
        for dimension in dimensions:
            hash(image.shape[dimension])
        return F.relu(image)

    return Function(forward)


@pytest.mark.parametrize(
    ("dimensions", "label"),
    [((2,), "checked by sampling"), ((2, 1), "checked by sampling"), ((1, 2), "checked by sampling"), ((1,), "proved")],
    ids=str,
)
def test_a_size_that_was_told_counts_whatever_else_was_asked_after_it(dimensions, label):
    found = closed_forms(network.from_torch(asked(*dimensions), (3, 32, 32)))
    assert found.output.label == label


def test_an_answer_for_one_symbol_says_where_the_code_goes_by_another():
    def forward(image: torch.Tensor) -> torch.Tensor:
        return F.relu(image) if image.shape[3] > 20 else F.avg_pool2d(image, 2)

    graph = network.from_torch(Function(forward), (3, "h", "w"), at={"h": 40, "w": 48})
    found = network.solve(graph, output_size=7, axis=0)
    assert str(found) == "h = 7, where the network is as it was read"
    wide = network.from_torch(Function(F.relu), (3, "h", "w"), at={"h": 40, "w": 48})
    assert str(network.solve(wide, output_size=7, axis=0)) == "h = 7"
