"""Winograd's filtering against the sum itself, with data made of powers of the points."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .claims import Claim, caught, claims, covers, for_all, mistaken, refutes

SHARE = {1: 0.5, 2: 0.2, 3: 0.1}


@dataclass(frozen=True)
class Tile:
    """A tile of a correlation on 1 to 3 axes, with points that may be repeated: no theorem asks them to differ."""

    ndim: int
    outputs: int
    taps: int
    points: tuple[int, ...]
    seed: int

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """The kernel, and the transformed data, with one entry more on the only axis for the point at infinity."""
        draw = np.random.default_rng(self.seed)
        sizes = len(self.points) + (self.ndim == 1)
        return draw.integers(-4, 5, (self.taps,) * self.ndim), draw.integers(-4, 5, (sizes,) * self.ndim)


@st.composite
def tiles(draw, ndim, points=None):
    taps, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    number = outputs + taps - 2 if points == "finite" else draw(st.integers(1, 3))
    found = draw(st.lists(st.integers(-2, 2), min_size=number, max_size=number))
    return Tile(ndim, outputs, taps, tuple(found), draw(st.integers(0, 1000)))


def names(ndim, letters):
    return letters.split()[:ndim]


def model_of(tile: Tile, data) -> Model:
    kernel, transformed = tile.arrays()
    tables = {
        "e": lambda row, n: tile.points[row] ** n,
        "z": lambda row: tile.points[row],
        "g": lambda *index: int(kernel[index]),
        "D": lambda *index: int(transformed[index]),
        "d": data,
    }
    sizes = dict.fromkeys(names(tile.ndim, "R S T"), tile.taps)
    return Model({**sizes, **dict.fromkeys(names(tile.ndim, "J H I"), len(tile.points))}, tensors=tables)


def filter_differences(stated: Claim, tile: Tile) -> list[str]:
    kernel, transformed = tile.arrays()
    every = list(product(range(len(tile.points)), repeat=tile.ndim))

    def data(*at):
        return sum(int(transformed[j]) * prod(tile.points[p] ** t for p, t in zip(j, at, strict=True)) for j in every)

    model, found = model_of(tile, data), []
    for position in product(range(tile.outputs), repeat=tile.ndim):
        taps = product(range(tile.taps), repeat=tile.ndim)
        expected = sum(int(kernel[m]) * data(*(k + i for k, i in zip(position, m, strict=True))) for m in taps)
        sides = model.extended(dict(zip(names(tile.ndim, "k l r"), position, strict=True))).sides(stated.body)
        found += [f"{side} at {position} of {tile}, the sum is {expected}" for side in sides if side != expected]
    return found


@covers("winograd.filter")
def test_multiplying_point_by_point_correlates(ndim):
    (stated,) = claims("winograd.filter", ndim)
    for_all(tiles(ndim), lambda tile: filter_differences(stated, tile), share=SHARE[ndim])


@refutes("winograd.filter")
def test_other_exponents_and_the_mistake_are_caught(ndim):
    (stated,) = claims("winograd.filter", ndim)
    caught(tiles(ndim), lambda tile: filter_differences(stated.wrong({"k": ("+", "k", 1)}, side=1), tile))
    caught(tiles(ndim), lambda tile: filter_differences(mistaken("winograd.filter", ndim), tile))


def infinity_differences(stated: Claim, tile: Tile) -> list[str]:
    kernel, transformed = tile.arrays()
    finite = len(tile.points)

    def data(at):
        powers = sum(int(transformed[j]) * point**at for j, point in enumerate(tile.points))
        return powers + int(transformed[finite]) * (at == finite)

    model, found = model_of(tile, data), []
    for position in range(tile.outputs):
        expected = sum(int(kernel[m]) * data(position + m) for m in range(tile.taps))
        at = model.extended({"k": position, "K": tile.outputs, "P": finite})
        stated.require(
            at, {}, {("l",): [(0,)] * (finite > 0), ("l", "n"): [], ("t",): [(t,) for t in range(finite + 1)]}
        )
        sides = at.sides(stated.body)
        found += [f"{side} at {position} of {tile}, the sum is {expected}" for side in sides if side != expected]
    return found


@covers("winograd.infinity")
def test_with_a_point_at_infinity_it_correlates_too():
    (stated,) = claims("winograd.infinity")
    for_all(tiles(1, "finite"), lambda tile: infinity_differences(stated, tile), share=0.5)


@refutes("winograd.infinity")
def test_infinity_at_another_output_or_left_out_is_caught():
    (stated,) = claims("winograd.infinity")
    wrong = stated.wrong({("==", "k", ("+", -1, "K")): ("==", "k", 0)}, side=1)
    caught(tiles(1, "finite"), lambda tile: infinity_differences(wrong, tile))
    caught(tiles(1, "finite"), lambda tile: infinity_differences(mistaken("winograd.infinity"), tile))
