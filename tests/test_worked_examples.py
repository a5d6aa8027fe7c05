"""The named examples come to what their sources state, and their pages show a calculation that is right."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest

from convmath.errors import DomainError
from convmath.latex.bibliography import cited
from convmath.latex.document import FORMS
from convmath.worked import Conv, Matrix, Pool, example, examples

from .worked_pages import wrong_sums

L = [[4, 8], [8, 20]]
# What the sources state, part by part.
STATED = {
    "nb-corr2d": [[[[19, 25], [37, 43]]]],
    "nb-edge": [[[[0, 1, 0, 0, 0, -1, 0]] * 6]],
    "nb-multi-in": [[[[56, 72], [104, 120]]]],
    "nb-multi-out": [[[[56, 72], [104, 120]], [[76, 100], [148, 172]], [[96, 128], [192, 224]]]],
    "nb-shapes": [[8, 8], [8, 8], [4, 4], [2, 2]],
    "ml-24.2": [[[[11, 18], [6, 22]]]],
    "ml-24.3": [[[[10, 2, 7, 0], [13, 11, 18, 1], [10, 6, 22, 4], [11, 7, 12, 3]]]],
    "ml-24.4": [[[[11, 4, 11], [9, 6, 15], [8, 10, 13]]]],
    "ml-24.5": [[L]],
    "ml-24.6": [[[[24, 25], [14, 30]]]],
    "ml-24.7": [[[[3, 2], [3, 3]]]],
    "ml-24.8": [[[[Fraction("1.75"), 1], [Fraction("1.75"), Fraction("1.5")]]]],
    "ml-24.9": [[[[3, 2], [3, 3]], [[3, 1], [2, 2]], [[4, 1], [3, 2]]]],
    "ml-24.10": [[L], [[[20]]], [[[20, 8], [8, 4]]], [[[20]]]],
    "pf-edge": [[[[-5, -4, 0, 8], [-10, -2, 2, 3], [0, -2, -4, -7], [-3, -2, -3, -16]]]],
    "pf-network": [[[4704, 456], [1176, 0], [1600, 2416], [400, 0], [120, 48120], [84, 10164], [10, 850]]],
    "cp-pooling": [[[[4, 5], [7, 8]]]],
}
OTHERWISE_CHECKED = {"nb-learn-kernel", "pf-transposed"}
NAMES = [found.id for found in examples()]


def test_every_example_has_a_stated_result_or_a_test_of_its_own():
    assert {*STATED, *OTHERWISE_CHECKED} == set(NAMES)


@pytest.mark.parametrize("name", STATED)
def test_an_example_comes_to_what_its_source_states(name):
    assert [part.result.tolist() for part in example(name).parts] == STATED[name]


def test_another_number_in_the_input_does_not_come_to_the_stated_result():
    part = example("ml-24.2").parts[0]
    changed = part.x.copy()
    changed[0, 0, 0] += 1
    assert Conv(changed, part.w).result.tolist() != STATED["ml-24.2"][0]


def test_pooling_without_the_stride_does_not_come_to_the_stated_result():
    part = example("ml-24.7").parts[0]
    assert Pool(part.x, 2, stride=1).result.tolist() != STATED["ml-24.7"][0]


def test_the_shifted_letter_gives_the_same_feature_at_another_place():
    first, second = example("ml-24.10").parts[::2], example("ml-24.10").parts[1::2]
    assert second[0].result.tolist() == second[1].result.tolist()
    assert first[0].result.argmax() != first[1].result.argmax()


def test_the_transposed_convolution_is_the_transpose_of_the_matrix_and_no_inverse():
    matrix, transposed = example("pf-transposed").parts
    assert isinstance(matrix, Matrix)
    assert matrix.matrix.shape == (4, 16)
    assert transposed.result.shape == matrix.x.shape == (1, 4, 4)
    assert np.array_equal(transposed.result.ravel(), matrix.matrix.T.dot(matrix.result.ravel()))
    assert np.array_equal(transposed.result, matrix.transposed)
    assert not np.array_equal(transposed.result, matrix.x)
    assert not np.array_equal(transposed.result.ravel(), matrix.matrix[:, ::-1].T.dot(matrix.result.ravel()))


@pytest.mark.parametrize("name", NAMES)
def test_every_sum_on_a_page_is_right(name):
    found, wrong = wrong_sums(example(name).render(steps=None))
    assert wrong == []
    assert found > 0 or name in {"nb-learn-kernel"}


def test_a_page_shows_the_windows_the_products_and_the_sum():
    page = example("nb-corr2d").render()
    assert "    ⎡ 0  1 ⎤ ⊙ ⎡ 0  1 ⎤ = ⎡ 0   1 ⎤\n    ⎣ 3  4 ⎦   ⎣ 2  3 ⎦   ⎣ 6  12 ⎦" in page
    assert "y[0, 0] = 0·0 + 1·1 + 3·2 + 4·3 = 0 + 1 + 6 + 12 = 19" in page
    assert "y[0, 0] = max(0, 1, 3, 4) = 4" in example("cp-pooling").render()


def test_the_edge_patch_has_the_products_of_its_source():
    page = example("pf-edge").render()
    assert "= ⎢ 1  0  -8 ⎥" in page
    assert "= 3 + 0 - 1 + 1 + 0 - 8 + 2 + 0 - 2 = -5" in page


@pytest.mark.parametrize("name", NAMES)
def test_an_example_cites_a_source_of_the_bibliography(name):
    assert all(cited(source)[0] for source in example(name).sources)
    assert example(name).sources


def test_titles_and_summaries_are_plain_sentences():
    for found in examples():
        assert not re.search(r"[{}_$\\]", found.title + found.summary), found.id
        assert found.summary.endswith("."), found.id


def test_ids_are_unique_and_an_unknown_one_is_refused():
    assert len(set(NAMES)) == len(NAMES)
    with pytest.raises(DomainError, match=r"example='ml-24.44': no example has this name; did you mean ml-24\.4"):
        example("ml-24.44")


def test_a_page_can_stand_in_a_larger_document():
    page = example("ml-24.4").page(FORMS["latex"], steps=1)
    assert (page.id, page.plain_title) == ("ml-24.4", "A convolution with stride 2")
    assert [section.heading for section in page.sections if section.heading] == ["Given", "Size", "Windows", "Result"]
