"""Every counterexample is one: evaluated again, replayed in NumPy and torch, and least in what it uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import convmath as cm
from convmath import catalog
from convmath.calculus.index import eq, integers, le
from convmath.calculus.refute import Witness
from convmath.counterexamples import Claim, Counterexample, all_counterexamples, find_counterexample
from convmath.errors import DomainError, ProofError
from convmath.inert import FloorDiv
from convmath.latex.bibliography import cited
from convmath.latex.document import FORMS, GROUPS, chapters_of, render_pages
from convmath.latex.refutation import refutation
from convmath.latex.tex import LATEX
from convmath.latex.unicode import TEXT

from .replays import REPLAYS, Numbers

k = integers("k")
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


ARITHMETIC = re.compile(r"\d[\d,]*(?: ?[x*=] ?\d[\d,]*)+")
BARE = re.compile(r"[=*/^_<>+\[\]]|(?<![\w'-])[b-zB-HJ-Z](?![\w'-])")


def bare_mathematics(words: str) -> list[str]:
    """Signs and single letters outside the formulas of a LaTeX sentence; numbers alone are no formula."""
    outside = re.sub(r"\$[^$]*\$|\\texttt\{[^}]*\}|\\_", "", words)
    return BARE.findall(ARITHMETIC.sub("", outside))


@pytest.mark.parametrize("item", EVERY, ids=IDS)
def test_formulas_in_titles_and_summaries_are_set_as_a_whole(item):
    page = refutation(item, LATEX, FORMS["latex"].sizes)
    assert bare_mathematics(page.title) == []
    assert bare_mathematics(page.summary) == []


@pytest.mark.parametrize(
    "words", ["sum of $w_{k}$,l) x", "padding $k$//2", "reads $x$[k]", r"\texttt{output\_padding} = $s$"]
)
def test_a_half_marked_formula_is_found(words):
    assert bare_mathematics(words)


def divisors(data) -> Iterator[Any]:
    """What is divided by in a statement as plain data."""
    if isinstance(data, dict):
        data = [data.get("then"), *data.get("if", ())]
    if isinstance(data, (list, tuple)):
        if data[:1] and data[0] in ("div", "ceil"):
            yield data[2]
        for part in data:
            yield from divisors(part)


@pytest.mark.parametrize("item", EVERY, ids=IDS)
def test_no_claim_divides_by_1_or_supposes_that_half_a_size_is_positive(item):
    assert item.claim.symbols
    assert le(0, FloorDiv(k, 2)) not in item.claim.given
    assert 1 not in divisors([item.witness.claim, *item.witness.hypotheses])


def test_a_division_by_1_is_found():
    assert list(divisors(eq(FloorDiv(k, 1) + FloorDiv(k, 2), k).json())) == [1, 2]


@pytest.mark.parametrize("item", EVERY, ids=IDS)
def test_it_stands_in_a_chapter_of_the_catalogue(item):
    page = refutation(item, LATEX, FORMS["latex"].sizes)
    (chapter,) = chapters_of([page], {item.id: item.subject})
    assert chapter.heading in GROUPS.values()


def test_by_its_own_id_alone_a_counterexample_stands_among_others():
    page = refutation(find_counterexample("rot180.is_transpose"), LATEX, FORMS["latex"].sizes)
    assert [chapter.heading for chapter in chapters_of([page])] == ["Others"]


@pytest.mark.parametrize("item", EVERY, ids=IDS)
def test_a_page_says_that_all_other_entries_are_0(item):
    values = list(item.witness.entries.values())
    page = render_pages([refutation(item, TEXT, FORMS["text"].sizes)], style="text", alone=True)
    assert ("where all other entries are 0" in " ".join(page.split())) == (0 in values)
    assert not values or any(values)


def test_the_transposed_convolution_of_a_kernel_of_ones_is_no_inverse():
    witness = find_counterexample("transpose.inverts").witness
    assert witness.variables["k"] == 2
    ones = np.ones((1, 2))  # the matrix of the only window
    x = np.array([witness.entries["tensor", "x", (i,)] for i in range(2)])
    assert (ones.T @ ones @ x)[witness.variables["i"]] == witness.left != witness.right


@pytest.mark.parametrize("identifier", ["size.same_even", "size.strides_multiply", "size.output_padding_up_to_stride"])
def test_a_witness_of_a_claim_with_fewer_conditions_meets_those_of_the_helper(identifier):
    n, k, s, t = (find_counterexample(identifier).witness.variables.get(name, 1) for name in "nkst")
    match identifier:
        case "size.same_even":
            assert cm.conv_output_size(n, k, padding=k // 2) != n
        case "size.strides_multiply":
            first = cm.conv_output_size(n, k, stride=s)
            assert cm.conv_output_size(first, k, stride=t) != cm.conv_output_size(n, k, stride=s * t)
        case _:
            assert cm.conv_output_size((n - 1) * s + k + s, k, stride=s) != n


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
