"""Circular convolution and its transform against NumPy's, over the complex numbers and over a finite field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .claims import Claim, UnmetError, caught, claims, covers, for_all, mistaken, refutes

UNITS = (1, 1j, -1, -1j)
"""The fourth roots of unity: products and sums of a few of them are exact."""
PRIME, GENERATOR = 17, 3
"""The powers of 3 are all residues of 17 but 0."""
SMALL = st.integers(-4, 4)


@dataclass(frozen=True)
class Period:
    """Two signals of one period."""

    kernel: tuple[int, ...]
    signal: tuple[int, ...]

    @property
    def size(self) -> int:
        """The period."""
        return len(self.signal)

    def model(self, frequency, roots, **numbers) -> Model:
        """The signals, and the powers of a root of unity."""
        tables = {
            "w": lambda n: self.kernel[n],
            "x": lambda n: self.signal[n],
            "z": lambda row: roots[1 % len(roots)] if row == frequency else 0,
            "e": lambda row, n: roots[1 % len(roots)] ** n,
        }
        return Model({"N": self.size, "l": frequency, **numbers}, tensors=tables)


def periods(*sizes):
    """Signals of one of these sizes."""
    one = st.sampled_from(sizes).flatmap(lambda n: st.lists(st.tuples(SMALL, SMALL), min_size=n, max_size=n))
    return one.map(lambda pairs: Period(*(tuple(side) for side in zip(*pairs, strict=True))))


def roots(size, frequency):
    """1 and a root of unity, for periods of 1, 2 and 4."""
    return (1, UNITS[frequency * 4 // size % 4])


# Powers


def power_differences(stated: Claim, case) -> list[str]:
    point, first, second = case
    model = Model({"l": 0, "a": first, "b": second}, tensors={"e": lambda row, n: point**n, "z": lambda row: point})
    stated.require(model, {}, {("l",): [(0,)], ("l", "n"): [(0, n) for n in range(4)]})
    expected = point ** (first + second)
    return [f"{side} for {case}, not {expected}" for side in model.sides(stated.body) if side != expected]


POWERS = st.tuples(st.integers(-3, 3), st.integers(0, 5), st.integers(0, 5))


@covers("powers.product")
def test_exponents_add():
    (stated,) = claims("powers.product")
    for_all(POWERS, lambda case: power_differences(stated, case))


@refutes("powers.product")
def test_exponents_that_multiply_are_caught():
    caught(POWERS, lambda case: power_differences(mistaken("powers.product"), case))


# Transforms


def transform_differences(stated: Claim, case: Period) -> list[str]:
    """At every frequency: NumPy's transform of its circular convolution, which turns the other way round."""
    found = []
    circular = [
        sum(case.kernel[m] * case.signal[(k - m) % case.size] for m in range(case.size)) for k in range(case.size)
    ]
    expected = np.fft.fft(circular)
    for frequency in range(case.size):
        model = case.model(frequency, roots(case.size, frequency))
        stated.require(model, {}, {("l",): [(frequency,)], ("l", "n"): [(frequency, n) for n in range(5)]})
        number = complex(np.round(expected[-frequency % case.size]))
        found += [
            f"{side} at frequency {frequency} of {case}, by NumPy {number}"
            for side in map(complex, model.sides(stated.body))
            if side != number
        ]
    return found


def field_differences(stated: Claim, case: Period) -> list[str]:
    """In the integers modulo 17, where the powers of 3 are roots of unity: both sides have the same remainder."""
    found = []
    for frequency in range(case.size):
        root = pow(GENERATOR, (PRIME - 1) // case.size * frequency, PRIME)
        sides = case.model(frequency, (1, root)).sides(stated.body)
        if (sides[0] - sides[1]) % PRIME:
            found.append(f"{sides} at frequency {frequency} of {case}")
    return found


@covers("fourier.convolution")
def test_the_transform_of_a_circular_convolution_is_the_product_of_the_transforms():
    (stated,) = claims("fourier.convolution")
    for_all(periods(1, 2, 4), lambda case: transform_differences(stated, case), share=0.3)
    for_all(periods(1, 2, 4, 8), lambda case: field_differences(stated, case), share=0.3)


@refutes("fourier.convolution")
def test_a_transform_of_another_convolution_is_caught():
    (stated,) = claims("fourier.convolution")
    wrong = stated.wrong({("+", "i", "m"): ("+", "i", "m", 1)})
    for claim in (wrong, mistaken("fourier.convolution")):
        caught(periods(2, 4), lambda case, claim=claim: transform_differences(claim, case))
        caught(periods(2, 4, 8), lambda case, claim=claim: field_differences(claim, case))


def sum_differences(stated: Claim, case: Period, point: int) -> list[str]:
    """At a root that is not 1 with the inverse of what it lacks to 1, or at the root 1."""
    found = []
    for frequency in range(1, case.size) if point else (0,):
        model = case.model(frequency, roots(case.size, frequency), k=frequency)
        root = roots(case.size, frequency)[-1]
        model.tables["tensor"]["h"] = lambda row, root=root: 1 / (root - 1) if root != 1 else 1
        at = {("l",): [(frequency,)], ("l", "n"): [(frequency, n) for n in range(5)]}
        stated.require(model, {}, at)
        expected = np.sum(np.round(np.exp(2j * np.pi * frequency * np.arange(case.size) / case.size)))
        found += [f"{side} at {frequency} of {case.size}" for side in model.sides(stated.body) if side != expected]
    return found


@covers("fourier.sum")
@pytest.mark.parametrize("point", [1, 0])
def test_the_powers_of_a_root_of_unity_add_up_to_0_unless_it_is_1(point):
    stated = claims("fourier.sum")[1 - point]
    for_all(periods(1, 2, 4), lambda case: sum_differences(stated, case, point), share=0.1)


@refutes("fourier.sum")
def test_the_same_for_a_power_too_many_or_any_point_is_caught():
    for point, stated in enumerate(reversed(claims("fourier.sum"))):
        wrong = stated.wrong({"N": ("+", "N", 1)}, side=0)
        caught(periods(2, 4), lambda case, wrong=wrong, point=point: sum_differences(wrong, case, point))
    zero, _ = claims("fourier.sum")
    with pytest.raises(UnmetError):
        sum_differences(zero, Period((1, 1), (1, 1)), 0)
    wrong = mistaken("fourier.sum")
    model = Model({"l": 0, "N": 2}, tensors={"e": lambda row, n: 3**n, "z": lambda row: 3})
    assert model.sides(wrong.body) == (12, 4)


def inverse_differences(stated: Claim, case: Period) -> list[str]:
    """Back and forth with the powers of the roots and those of their inverses; NumPy's own pair does the same."""
    signal = np.fft.ifft(np.fft.fft(case.signal))

    def turn(frequency, n):
        return UNITS[frequency * n * 4 // case.size % 4]

    tables = {
        "x": lambda n: case.signal[n],
        "e": turn,
        "f": lambda frequency, n: turn(frequency, -n),
        "S": lambda a, b: sum(turn(frequency, b - a) for frequency in range(case.size)),
    }
    found = []
    for position in range(case.size):
        model = Model({"N": case.size, "m": position}, tensors=tables)
        stated.require(model, {}, {("m", "i"): [(a, b) for a in range(case.size) for b in range(case.size)]})
        number = complex(case.size * np.round(signal[position]))
        found += [
            f"{side} at {position} of {case}, by NumPy {number}"
            for side in map(complex, model.sides(stated.body))
            if side != number
        ]
    return found


@covers("fourier.inverse")
def test_transforming_back_gives_the_signal_as_often_as_the_period():
    (stated,) = claims("fourier.inverse")
    for_all(periods(1, 2, 4), lambda case: inverse_differences(stated, case), share=0.3)


@refutes("fourier.inverse")
def test_transforming_twice_in_the_same_direction_and_the_mistake_are_caught():
    (stated,) = claims("fourier.inverse")
    twice = stated.wrong({("tensor", "f", "l", "m"): ("tensor", "e", "l", "m")}, side=0)
    for claim in (twice, mistaken("fourier.inverse")):
        caught(periods(2, 4), lambda case, claim=claim: inverse_differences(claim, case))


# Zero padding


@dataclass(frozen=True)
class Padded:
    """A kernel, a signal, and by how much the period is longer than it has to be."""

    kernel: tuple[int, ...]
    signal: tuple[int, ...]
    extra: int


SIGNALS = st.lists(SMALL, min_size=1, max_size=4).map(tuple)
PADDED = st.builds(Padded, SIGNALS, SIGNALS, st.integers(0, 2))


def padding_differences(stated: Claim, case: Padded, shorter: int = 0) -> list[str]:
    size = len(case.kernel) + len(case.signal) - 1
    expected = [*np.convolve(case.kernel, case.signal).tolist(), *[0] * case.extra]
    tables = {"w": lambda n: case.kernel[n], "x": lambda n: case.signal[n]}
    sizes = {"M": len(case.kernel), "I": len(case.signal), "N": size + case.extra - shorter}
    found = []
    for position, number in enumerate(expected[: sizes["N"]]):
        sides = Model({"k": position, **sizes}, tensors=tables).sides(stated.body)
        found += [f"{side} at {position} of {case}, by NumPy {number}" for side in sides if side != number]
    return found


@covers("fourier.padding")
def test_a_long_enough_period_gives_the_convolution_of_numpy():
    (stated,) = claims("fourier.padding")
    for_all(PADDED, lambda case: padding_differences(stated, case))


@refutes("fourier.padding")
@pytest.mark.parametrize("shorter", [1, 2])
def test_a_period_that_is_too_short_is_caught(shorter):
    (stated,) = claims("fourier.padding")
    long = PADDED.filter(lambda case: len(case.kernel) > 2 and len(case.signal) > 2 and case.extra == 0)
    caught(long, lambda case: padding_differences(stated, case, shorter))
    caught(long, lambda case: padding_differences(mistaken("fourier.padding"), case, shorter))
