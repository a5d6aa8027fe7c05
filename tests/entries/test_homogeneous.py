"""Translations, scalings and rotations as NumPy's 3x3 matrices, and images that SciPy transforms."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.ndimage import affine_transform

from convmath.calculus.evaluate import Model

from .cases import entries
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, other_claims, refutes
from .reality import Array

TRANSLATION, SCALING, ROTATION, IMAGE = (
    f"homogeneous.{kind}" for kind in ("translation", "scaling", "rotation", "image")
)
EVERY = {("i", "j"): list(itertools.product(range(3), repeat=2))}


# Matrices


def translation(by: tuple[int, int]) -> Array:
    """The matrix of a translation."""
    matrix = np.eye(3, dtype=object)
    matrix[:2, 2] = by
    return matrix


def scaling(factors: tuple[int, int]) -> Array:
    """The matrix of a scaling."""
    return np.diag(np.array([*factors, 1], dtype=object))


def rotation(cosine: Fraction, sine: Fraction) -> Array:
    """The matrix of a rotation."""
    return np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]], dtype=object)


NUMBERS = st.integers(-4, 4)
PAIRS = st.tuples(NUMBERS, NUMBERS)
MOVED = st.tuples(PAIRS, PAIRS, PAIRS)
"""A point, and the numbers of two translations or scalings."""


def two_matrices(case: Any, matrix: Any) -> Model:
    point, first, second = case
    tables = {"v": [*point, 1], "t": first, "u": second, "T": matrix(first), "U": matrix(second)}
    return Model(tensors={name: entries(array) for name, array in tables.items()})


def point_differences(stated: Claim, case: Any, matrix: Any) -> list[str]:
    point, first, _ = case
    reality = Grid(("i",), {"numpy": matrix(first) @ np.array([*point, 1], dtype=object)})
    return differences(stated, two_matrices(case, matrix), reality, over=EVERY)


def product_differences(stated: Claim, case: Any, matrix: Any) -> list[str]:
    reality = Grid(("i", "k"), {"numpy": matrix(case[1]) @ matrix(case[2])})
    return differences(stated, two_matrices(case, matrix), reality, over=EVERY)


KINDS = {TRANSLATION: (translation, sum), SCALING: (scaling, np.prod)}


def check_kind(identifier: str) -> None:
    """A point, the product, and that the product is of the same kind."""
    matrix, combine = KINDS[identifier]
    moved, both = claims(identifier)
    for_all(MOVED, lambda case: point_differences(moved, case, matrix))
    for_all(MOVED, lambda case: product_differences(both, case, matrix))
    together = matrix(tuple(map(combine, zip((2, 3), (5, 7), strict=True))))
    assert (matrix((2, 3)) @ matrix((5, 7)) == together).all()


@covers(TRANSLATION)
def test_a_translation_is_a_matrix_and_shifts_add_up():
    check_kind(TRANSLATION)


@covers(SCALING)
def test_a_scaling_is_a_matrix_and_factors_multiply():
    check_kind(SCALING)


@refutes(TRANSLATION)
@refutes(SCALING)
@pytest.mark.parametrize("identifier", KINDS)
def test_a_product_that_leaves_out_the_second_matrix_is_caught(identifier):
    matrix, _ = KINDS[identifier]
    wrong = claims(identifier)[1].wrong({("tensor", "u", "i"): ("tensor", "t", "i")}, side=1)
    caught(MOVED, lambda case: product_differences(wrong, case, matrix))


@refutes(TRANSLATION)
def test_the_mistake_of_writing_the_shifts_into_the_last_row_is_caught():
    caught(MOVED, lambda case: point_differences(mistaken(TRANSLATION), case, translation))


@refutes(SCALING)
def test_the_mistake_of_adding_the_factors_is_caught():
    caught(MOVED, lambda case: product_differences(mistaken(SCALING), case, scaling))


@pytest.mark.parametrize(("identifier", "first"), [(TRANSLATION, 6), (SCALING, 8), (ROTATION, -5)])
def test_each_row_gives_its_coordinate(identifier, first):
    """The point (4, 5) moved by (2, 3), scaled by (2, 3), and turned by a quarter."""
    model = Model(
        {"a": 0},
        tensors={
            "v": {0: 4, 1: 5, 2: 1},
            "t": {0: 2, 1: 3},
            "c": {0: 0},
            "s": {0: 1},
            "T": entries(KINDS[identifier][0]((2, 3)) if identifier in KINDS else np.eye(3, dtype=object)),
            "R": {(0, *at): number for at, number in entries(rotation(0, 1)).items()},
        },
    )
    stated = list(other_claims(identifier).values())
    assert [model.sides(claim.body)[0] for claim in stated][::2] == [first, 1]
    for claim in stated:
        claim.require(model, {}, EVERY | {("a", "i", "j"): [(0, *at) for at in EVERY["i", "j"]]})
        assert len(set(model.sides(claim.body))) == 1


@dataclass(frozen=True)
class Angles:
    """Two angles by their cosines and sines, which are fractions, and a point."""

    first: tuple[Fraction, Fraction]
    second: tuple[Fraction, Fraction]
    point: tuple[int, int]

    @property
    def matrices(self) -> tuple[Array, Array]:
        """The rotations."""
        return rotation(*self.first), rotation(*self.second)

    def model(self) -> Model:
        """Angles 0 and 1, and 2, which is their sum by NumPy's product."""
        first, second = self.matrices
        turned = np.array([first, second, first @ second])
        tables = {"R": turned, "c": turned[:, 0, 0], "s": turned[:, 1, 0], "v": [*self.point, 1], "t": [2, 3]}
        tables["T"] = translation((2, 3))
        return Model({"a": 0, "b": 1, "e": 2}, tensors={name: entries(array) for name, array in tables.items()})


def on_the_circle(slope: Fraction) -> tuple[Fraction, Fraction]:
    """The second point in which the line of this slope through (-1, 0) meets the unit circle."""
    return (1 - slope**2) / (1 + slope**2), 2 * slope / (1 + slope**2)


CIRCLE = st.fractions(min_value=-3, max_value=3, max_denominator=4).map(on_the_circle)
ANGLES = st.builds(Angles, CIRCLE, CIRCLE, PAIRS)
OVER = EVERY | {("a", "i", "j"): [(n, *at) for n in range(3) for at in EVERY["i", "j"]]}


def turn_differences(number: int, stated: Claim, case: Angles) -> list[str]:
    """By the number of the statement: a point, the product of two rotations, the transpose."""
    first, second = case.matrices
    realities = (
        Grid(("i",), {"numpy": first @ np.array([*case.point, 1], dtype=object)}),
        Grid(("i", "k"), {"numpy": first @ second}),
        Grid(("i", "k"), {"numpy": first.T @ first, "the identity": np.eye(3, dtype=int)}),
    )
    return differences(stated, case.model(), realities[number], over=OVER)


@covers(ROTATION)
@pytest.mark.parametrize("number", range(3))
def test_a_rotation_is_a_matrix_whose_transpose_turns_back(number):
    stated = claims(ROTATION)[number]
    for_all(ANGLES, lambda case: turn_differences(number, stated, case), share=0.5)


@refutes(ROTATION)
@pytest.mark.parametrize("number", range(3))
def test_a_rotation_the_other_way_round_is_caught(number):
    stated = claims(ROTATION)[number]
    changes: tuple[Mapping[Any, Any], ...] = (
        {("tensor", "s", "a"): ("tensor", "c", "a")},
        {("tensor", "R", "b", "j", "k"): ("tensor", "R", "b", "k", "j")},
        {("tensor", "R", "a", "j", "i"): ("tensor", "R", "a", "i", "j")},
    )
    wrong = stated.wrong(changes[number])
    caught(ANGLES, lambda case: turn_differences(number, wrong, case))


@refutes(ROTATION)
def test_the_mistake_of_exchanging_a_rotation_and_a_translation_is_caught():
    quarter = Angles((Fraction(0), Fraction(1)), (Fraction(1), Fraction(0)), (0, 0))
    (turned, _), moved = quarter.matrices, translation((2, 3))
    reality = Grid(("i", "k"), {"numpy": turned @ moved})
    assert differences(mistaken(ROTATION), quarter.model(), reality, over=OVER)


def test_angles_beyond_those_with_fractions_agree_to_the_last_digits():
    """With NumPy's cosine and sine the two sides differ by rounding only."""
    for angle in np.linspace(-3, 3, 7):
        matrix = rotation(np.cos(angle), np.sin(angle)).astype(float)
        assert np.abs(matrix.T @ matrix - np.eye(3)).max() <= 4 * np.finfo(float).eps


# Images

SIZE, TAPS = 9, 2
QUARTER = np.array([[0, -1], [1, 0]])
UNIMODULAR = [
    np.linalg.matrix_power(QUARTER, n) @ flip for n in range(4) for flip in (np.eye(2, dtype=int), np.diag([1, -1]))
]


@dataclass(frozen=True)
class Moved:
    """An image that is pulled back by an integer matrix and shift."""

    matrix: tuple[tuple[int, int], tuple[int, int]]
    shift: tuple[int, int]
    seed: int

    @property
    def image(self) -> Array:
        """Numbers from 1 to 9."""
        return np.random.default_rng(self.seed).integers(1, 10, (4, 4))

    @property
    def kernel(self) -> Array:
        """Numbers from -4 to 4, not all of them 0."""
        return np.random.default_rng(self.seed + 1).integers(-4, 5, (TAPS, TAPS)) + np.diag([9, 0])

    @property
    def transformed(self) -> Array:
        """By SciPy."""
        return affine_transform(
            self.image, np.array(self.matrix), self.shift, (SIZE, SIZE), order=0, mode="constant", output=np.int64
        )

    def model(self) -> Model:
        """The numbers of the entry; the image is 0 outside."""
        image, inside = entries(self.image), range(4)
        named = dict(zip(("b_11", "b_12", "b_21", "b_22"), np.ravel(self.matrix).tolist(), strict=True))
        if abs(np.linalg.det(self.matrix)) == 1:
            back = np.linalg.inv(self.matrix).round().astype(int)
            named |= dict(zip(("a_11", "a_12", "a_21", "a_22"), np.ravel(back).tolist(), strict=True))
        return Model(
            named | {"r_1": self.shift[0], "r_2": self.shift[1], "M": TAPS, "N": TAPS, "s": self.matrix[0][0]},
            tensors={
                "x": lambda i, j: image[i, j] if i in inside and j in inside else 0,
                "z": entries(self.transformed),
                "w": entries(self.kernel),
            },
        )


SHIFTS = st.tuples(st.integers(-4, 4), st.integers(-4, 4))
SEEDS = st.integers(0, 2**16)


def moved_by(matrices: list[Array]) -> st.SearchStrategy[Moved]:
    return st.builds(Moved, st.sampled_from([tuple(map(tuple, m.tolist())) for m in matrices]), SHIFTS, SEEDS)


SCALINGS = [np.diag([n, n]) for n in (1, 2, 3)]
PIXELS = {("i", "j"): list(itertools.product(range(SIZE), repeat=2))}


def pixel_differences(stated: Claim, case: Moved) -> list[str]:
    """Where SciPy shows each pixel of the image, if that lies among those that it made."""
    back = np.linalg.inv(case.matrix).round().astype(int)
    found = []
    for pixel in np.ndindex(4, 4):
        place = back @ (np.array(pixel) - case.shift)
        if ((place >= 0) & (place < SIZE)).all():
            at = dict(zip("ijgh", (*pixel, *place.tolist()), strict=True))
            reality = Grid((), {"scipy": case.transformed[tuple(place)], "the image": case.image[pixel]})
            found += differences(stated, case.model().extended(at), reality, over=PIXELS)
    return found


def layer_differences(stated: Claim, case: Moved) -> list[str]:
    """The windows of SciPy's image times the kernel."""
    windows = np.lib.stride_tricks.sliding_window_view(case.transformed, (TAPS, TAPS))
    reality = Grid(("k", "l"), {"numpy": np.einsum("klab,ab->kl", windows, case.kernel)})
    return differences(stated, case.model(), reality, limit=8, seed=case.seed, over=PIXELS)


@covers(IMAGE)
def test_scipy_shows_the_pixels_where_the_transformation_leads():
    stated, _ = claims(IMAGE)
    for_all(moved_by(UNIMODULAR), lambda case: pixel_differences(stated, case), share=0.1)


@covers(IMAGE)
def test_a_correlation_of_scipys_image_lays_the_taps_out_by_the_inverse():
    _, stated = claims(IMAGE)
    for_all(moved_by(UNIMODULAR + SCALINGS), lambda case: layer_differences(stated, case), share=0.2)


SPECIAL = {"Translation": SCALINGS[:1], "Scaling": SCALINGS, "Rotation": [-QUARTER]}


@pytest.mark.parametrize("kind", SPECIAL)
def test_a_correlation_of_a_moved_shrunk_or_turned_image(kind):
    (stated,) = (claim for words, claim in other_claims(IMAGE).items() if words.startswith(kind))
    for_all(moved_by(SPECIAL[kind]), lambda case: layer_differences(stated, case), share=0.1)


@refutes(IMAGE)
@pytest.mark.parametrize("kind", ["Scaling", "Rotation"])
def test_the_layer_itself_on_a_shrunk_or_turned_image_is_caught(kind):
    """As if it moved along with every transformation as it does with a translation."""
    translated, special = (
        next(claim for words, claim in other_claims(IMAGE).items() if words.startswith(k))
        for k in ("Translation", kind)
    )
    wrong = replace(special, conclusion=translated.conclusion)
    caught(moved_by(SPECIAL[kind][1:] or SPECIAL[kind]), lambda case: layer_differences(wrong, case))


@refutes(IMAGE)
def test_the_mistake_of_the_transformation_in_the_index_is_caught():
    def inside(case: Moved) -> list[str]:
        """Where the mistake looks among the pixels that SciPy made."""
        found = []
        for pixel in np.ndindex(4, 4):
            place = np.array(case.matrix) @ pixel + case.shift
            if ((place >= 0) & (place < SIZE)).all():
                at = case.model().extended(dict(zip("ij", pixel, strict=True)))
                found += differences(mistaken(IMAGE), at, Grid((), {"the image": case.image[pixel]}), over=PIXELS)
        return found

    caught(moved_by(UNIMODULAR), inside)
