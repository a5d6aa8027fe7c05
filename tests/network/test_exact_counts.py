"""What the convention ``exact`` counts, against numbers that count the operations of the same arithmetic in loops."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from functools import reduce
from itertools import product
from operator import add

import pytest

from convmath.network import Graph
from convmath.network.conventions import CONVENTIONS
from convmath.network.operators import (
    AdaptivePool,
    Conv,
    ConvTranspose,
    Cumulative,
    Fold,
    Norm,
    Operator,
    Pool,
    Reduce,
    Resize,
    Sort,
)

from .test_reductions import Counted, counted, mean


def said(operator: Operator, *sizes: tuple[int, ...], batch_size: int = 1) -> int | None:
    """By the convention; None where it is not known."""
    graph = Graph()
    graph.add("layer", operator, *(graph.input(size, f"x{n}", batch_size=batch_size) for n, size in enumerate(sizes)))
    return graph.analyze()["layer"].flops("exact")


def numbers(count: int) -> list[Counted]:
    return [Counted() for _ in range(count)]


def pieces(values: list, count: int) -> list[list]:
    size = len(values) // count
    return [values[start : start + size] for start in range(0, len(values), size)]


# Normalisation


def centred(values, weights):
    """Statistics of the values, each of which is then scaled, and moved, as far as there is something to do it with."""
    middle = mean(values)
    distances = [value - middle for value in values]
    spread = (mean([distance * distance for distance in distances]) + Counted()).applied()
    for distance in distances:
        _scaled(distance / spread, weights)


def root_mean_square(values, weights):
    length = (mean([value * value for value in values]) + Counted()).applied()
    for value in values:
        _scaled(value / length, weights)


def by_length(values, weights):
    length = reduce(add, [value.applied() for value in values]).applied()
    for value in values:
        value / length


def by_length_at_least(values, weights):
    length = reduce(add, [value.applied() for value in values]).applied().larger()
    for value in values:
        value / length


def _scaled(value, weights):
    if weights:
        value * Counted()
    if weights > 1:
        value + Counted()


NORMS = {
    "batch_norm": (centred, (0, 2), 3, 1),
    "instance_norm": (centred, (2,), 2 * 3, 1),
    "group_norm": (centred, (1, 2), 2 * 3, 3),
    "layer_norm": (centred, (1, 2), 2, 1),
    "mean_variance_norm": (centred, (0, 2), 3, 1),
    "rms_norm": (root_mean_square, (1, 2), 2, 1),
    "lp_norm": (by_length, (1,), 2 * 4, 1),
    "normalize": (by_length_at_least, (1,), 2 * 4, 1),
}
"""The arithmetic, the dimensions of the statistics among (2, 3, 4), how many statistics there are, and the groups."""


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_takes_what_its_arithmetic_does(name):
    arithmetic, dims, statistics, groups = NORMS[name]
    features = 3 * 4 if name in ("layer_norm", "rms_norm") else 3
    for weights in range(1 if arithmetic in (by_length, by_length_at_least) else 3):

        def loops(weights=weights):
            for values in pieces(numbers(2 * 3 * 4), statistics):
                arithmetic(values, weights)

        assert said(Norm(name, weights * features, dims, groups), (3, 4), batch_size=2) == counted(loops)


def test_a_norm_by_running_statistics_takes_a_factor_and_a_term():
    assert said(Norm("batch_norm", 6), (3, 4)) == 2 * 12


def test_of_a_norm_whose_arithmetic_is_not_known_nothing_is_counted():
    assert said(Norm("local_response_norm", 0, (1,)), (3, 4)) is None
    assert said(Norm("layer_norm", 1, (1, 2)), (3, 4)) is None


def test_four_operations_for_every_element_of_a_norm_are_caught():
    loops = counted(lambda: [centred(values, 2) for values in pieces(numbers(12), 3)])
    assert loops == said(Norm("instance_norm", 6, (2,)), (3, 4)) != 4 * 12


# Pooling and running sums


def pooled(how: str, values: list[Counted]) -> None:
    if how == "max":
        reduce(Counted.larger, values)
    elif how == "avg":
        mean(values)
    else:
        reduce(add, [value.applied() for value in values]).applied()


@pytest.mark.parametrize("how", ["max", "avg", "lp"])
def test_pooling_takes_what_its_windows_do(how):
    window = counted(lambda: pooled(how, numbers(2 * 3)))
    assert said(Pool(how, (2, 3)), (5, 6, 7)) == 5 * 3 * 2 * window


@pytest.mark.parametrize("how", ["max", "avg", "lp"])
@pytest.mark.parametrize(("size", "wanted"), [(7, 3), (8, 4), (3, 5), (6, 1)])
def test_adaptive_pooling_takes_what_its_windows_do(how, size, wanted):
    def loops():
        for o in range(wanted):
            pooled(how, numbers(-(-(o + 1) * size // wanted) - o * size // wanted))

    assert said(AdaptivePool(how, (wanted,)), (3, size)) == 3 * counted(loops)


def running(values, *, exclusive=False):
    total = None
    for value in values[:-1] if exclusive else values:
        total = value if total is None else total + value


def running_exponentials(values):
    running([value.applied() for value in values])
    for value in values:
        value.applied()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_running_sum_takes_an_operation_less_than_it_has_elements(n):
    assert said(Cumulative("cumsum", 2), (3, n)) == 3 * counted(lambda: running(numbers(n)))
    assert said(Cumulative("cummax_places", 2), (3, n)) == 3 * counted(lambda: running(numbers(n)))
    exclusive = counted(lambda: running(numbers(n), exclusive=True))
    assert said(Cumulative("cumprod", 2, exclusive=True), (3, n)) == 3 * exclusive
    assert said(Cumulative("logcumsumexp", 2), (3, n)) == 3 * counted(lambda: running_exponentials(numbers(n)))


def merged(values: list[int]) -> tuple[list[int], int]:
    """The values in order, and the comparisons that merging them takes."""
    if len(values) < 2:
        return values, 0
    half = (len(values) + 1) // 2
    (left, before), (right, after) = merged(values[:half]), merged(values[half:])
    found, taken = [], before + after
    while left and right:
        taken += 1
        found.append(left.pop(0) if left[0] <= right[0] else right.pop(0))
    return found + left + right, taken


@pytest.mark.parametrize("n", [1, 2, 3, 8, 13])
def test_merging_takes_no_more_comparisons_than_are_said(n):
    """For each element as many as halves can be taken is the bound of merging, which it does not reach."""
    for values in ([*range(n)], [*range(n, 0, -1)], [(7 * i) % n for i in range(n)]):
        for operator in (Sort("sort", 2), Reduce("median", (2,))):
            assert merged(values)[1] <= said(operator, (1, n)) == n * (n - 1).bit_length()


# Convolution


GRID = [(n, k, s, d, p) for n, k, s, d, p in product((1, 4, 5), (1, 2, 3, 4), (1, 2, 3, 4), (1, 2, 3), (0, 1))]


def transposed(n: int, k: int, s: int, d: int) -> int:
    """Operations of a transposed convolution in loops: of each product, and of each sum but its first term."""
    found: dict[int, int] = defaultdict(int)
    for i, m in product(range(n), range(k)):
        found[s * i + d * m] += 1
    return sum(2 * terms - 1 for terms in found.values())


@pytest.mark.parametrize(("n", "k", "s", "d", "p"), GRID)
def test_a_transposed_convolution_takes_what_the_loops_do(n, k, s, d, p):
    """What the padding takes away is computed before, as with every convention of dense taps."""
    layer = ConvTranspose(1, 1, (k,), s, min(p, d * (k - 1) // 2), d, bias=False)
    if layer.positions((n,))[0] >= 1:
        assert said(layer, (1, n)) == transposed(n, k, s, d) >= 0


def test_a_transposed_convolution_of_several_channels_and_axes_takes_what_the_loops_do():
    """A group has two channels, of which each output has the products; with a bias the first product is added, too."""
    outputs: dict[tuple[int, ...], int] = defaultdict(int)
    axes = ((4, 2, 3), (3, 3, 2))
    for group, _channel, j in product(range(2), range(2), range(3)):
        spots = [[s * o + m for o in range(n) for m in range(k)] for n, k, s in axes]
        for spot in product(*spots):
            outputs[(group, j, *spot)] += 1
    layer = ConvTranspose(4, 6, (2, 3), (3, 2), groups=2, bias=False)
    assert said(layer, (4, 4, 3)) == sum(2 * terms - 1 for terms in outputs.values())
    biased = ConvTranspose(4, 6, (2, 3), (3, 2), groups=2)
    assert said(biased, (4, 4, 3)) == sum(2 * terms for terms in outputs.values())


def test_an_addition_less_for_every_output_of_a_transposed_convolution_is_caught():
    n, k, s = 4, 1, 3
    outputs = ConvTranspose(1, 1, (k,), s, bias=False).positions((n,))[0]
    assert 2 * n * k - outputs < 0 < transposed(n, k, s, 1)


def test_a_convolution_takes_every_tap_of_every_window_those_in_the_padding_too():
    window = 3 * 5 * 5 + (3 * 5 * 5 - 1) + 1
    assert said(Conv(3, 8, (5, 5), padding=2), (3, 6, 6)) == 8 * 6 * 6 * window


@pytest.mark.parametrize(
    ("size", "k", "s", "d", "p"), [(7, 3, 1, 1, 0), (7, 3, 2, 1, 1), (9, 2, 3, 2, 1), (8, 2, 3, 1, 0)]
)
def test_folding_takes_an_addition_for_each_element_that_meets_another(size, k, s, d, p):
    found: dict[tuple[int, ...], int] = defaultdict(int)
    windows = (size + 2 * p - d * (k - 1) - 1) // s + 1
    spots = [s * o + d * m - p for o in range(windows) for m in range(k)]
    for spot in product([at for at in spots if 0 <= at < size], repeat=2):
        found[spot] += 1
    layer = Fold((size, size), (k, k), s, p, d)
    assert said(layer, (5 * k * k, windows**2)) == 5 * sum(terms - 1 for terms in found.values())


def test_interpolation_takes_a_weight_for_each_element_around_the_place():
    assert said(Resize("linear", (Fraction(2), Fraction(2))), (3, 4, 4)) == 3 * 8 * 8 * (4 + 3)
    assert said(Resize("nearest", (Fraction(2),)), (3, 4)) == 0


def test_the_convention_says_what_is_not_counted_one_by_one():
    told = CONVENTIONS["exact"].why
    for words in ("one function value for each element", "n - 1 operations", "taps in the padding included"):
        assert words in told
