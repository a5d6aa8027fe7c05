"""What the convention ``exact`` counts, against numbers that count the operations of the same arithmetic in loops."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction
from functools import partial, reduce
from itertools import product
from operator import add

import pytest

from convmath.network import Graph, operators
from convmath.network.conventions import CONVENTIONS
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    Conv,
    ConvTranspose,
    Cumulative,
    Einsum,
    Fold,
    Interpolate,
    Linear,
    LocalResponseNorm,
    MatMul,
    Norm,
    Operator,
    Pool,
    Recurrent,
    Reduce,
    Resize,
    Softmax,
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


# Every operator that takes work


def dot(count: int, *, bias: bool = False) -> Counted:
    """A sum of so many products."""
    total = reduce(add, [Counted() * Counted() for _ in range(count)])
    return total + Counted() if bias else total


def times(count: int, call: Callable[[], object]) -> Callable[[], None]:
    """So many of the same."""

    def loops() -> None:
        for _ in range(count):
            call()

    return loops


def windows(how: str) -> Callable[[], None]:
    """Of 3 channels and 2x2 windows of 2x3 elements."""
    return times(3 * 2 * 2, lambda: pooled(how, numbers(2 * 3)))


def softmax(values: list[Counted]) -> list[Counted]:
    exponentials = [value.applied() for value in values]
    total = reduce(add, exponentials)
    return [one / total for one in exponentials]


def attending(*, masked: bool) -> None:
    """2 heads of 2 features each, 5 queries and 3 keys; the products are scaled."""
    for _query, _head in product(range(5), range(2)):
        scores = [dot(2) * Counted() for _ in range(3)]
        weights = softmax([score + Counted() for score in scores] if masked else scores)
        for _feature in range(2):
            reduce(add, [weight * Counted() for weight in weights])


def step(cell: str, features: int, hidden: int) -> None:
    """A step of a cell, for one sequence: the sums for the input and for the state, and what is made of them."""

    def gate() -> Counted:
        return dot(features, bias=True) + dot(hidden, bias=True)

    for _ in range(hidden):
        if cell == "rnn":
            gate().applied()
        elif cell == "lstm":
            forget, enter, leave, new = (gate().applied() for _ in range(4))
            leave * (forget * Counted() + enter * new).applied()
        else:
            reset, update = gate().applied(), gate().applied()
            new = (dot(features, bias=True) + reset * dot(hidden, bias=True)).applied()
            (Counted() - update) * new + update * Counted()


def two_layers(cell: str) -> None:
    """A sequence of 4 steps of 3 features, read from both ends by two layers of 2 features."""
    for _step, _direction in product(range(4), range(2)):
        step(cell, 3, 2)
        step(cell, 2 * 2, 2)


def by_neighbours() -> None:
    """An element by its own square and those of two neighbours, which are taken already."""
    squares = [Counted() * Counted(), *numbers(2)]
    Counted() / (reduce(add, squares) * Counted() + Counted()).applied()


TABLE: dict[str, tuple[Operator, tuple[tuple[int, ...], ...], Callable[[], object]]] = {
    "conv": (Conv(4, 6, (3, 2), bias=False), ((4, 5, 4),), times(6 * 3 * 3, lambda: dot(4 * 3 * 2))),
    "conv with bias": (Conv(4, 6, (3, 2)), ((4, 5, 4),), times(6 * 3 * 3, lambda: dot(4 * 3 * 2, bias=True))),
    "conv in groups": (Conv(4, 6, (3,), groups=2, bias=False), ((4, 5),), times(6 * 3, lambda: dot(2 * 3))),
    "transposed conv": (ConvTranspose(2, 3, (2,), 2, bias=False), ((2, 4),), times(3 * 8, lambda: dot(2))),
    "dense": (Linear(5, 3, bias=False), ((4, 5),), times(4 * 3, lambda: dot(5))),
    "dense with bias": (Linear(5, 3), ((4, 5),), times(4 * 3, lambda: dot(5, bias=True))),
    "product": (MatMul(), ((4, 5), (5, 3)), times(4 * 3, lambda: dot(5))),
    "einsum": (Einsum(("bij", "bkj"), "bik"), ((4, 5), (3, 5)), times(4 * 3, lambda: dot(5))),
    "attention": (Attention(2), ((5, 4), (3, 4), (3, 4)), lambda: attending(masked=False)),
    "attention with a mask": (Attention(2), ((5, 4), (3, 4), (3, 4), (5, 3)), lambda: attending(masked=True)),
    "activation": (Activation("relu"), ((3, 4),), times(12, lambda: Counted().larger())),
    "sum of three": (Combine("add"), ((3, 4),) * 3, times(12, lambda: reduce(add, numbers(3)))),
    "softmax": (Softmax(2), ((3, 4),), times(3, lambda: softmax(numbers(4)))),
    "norm": (Norm("layer_norm", 8, (2,)), ((3, 4),), times(3, lambda: centred(numbers(4), 2))),
    "norm by the training": (Norm("batch_norm", 6), ((3, 4),), times(12, lambda: Counted() * Counted() + Counted())),
    "norm by neighbours": (LocalResponseNorm(3, 1), ((3, 4),), times(12, by_neighbours)),
    "maximum": (Pool("max", (2, 3)), ((3, 4, 6),), windows("max")),
    "average": (Pool("avg", (2, 3)), ((3, 4, 6),), windows("avg")),
    "adaptive maximum": (AdaptivePool("max", (2, 2)), ((3, 4, 6),), windows("max")),
    "mean": (Reduce("mean", (2,)), ((3, 4),), times(3, lambda: mean(numbers(4)))),
    "running sum": (Cumulative("cumsum", 2), ((3, 4),), times(3, lambda: running(numbers(4)))),
    "resize": (Resize("linear", (2,)), ((3, 4),), times(3 * 8, lambda: dot(2))),
    "interpolation": (Interpolate("linear", (2,)), ((3, 4),), times(3 * 8, lambda: dot(2))),
    "order": (Sort("sort", 2), ((3, 4),), times(3 * 4 * 2, lambda: Counted().larger())),
    "fold": (Fold((3,), (2,)), ((4, 2),), times(2, lambda: Counted() + Counted())),
    **{
        cell: (Recurrent(cell, 3, 2, time=1, layers=2, both=True), ((4, 3),), partial(two_layers, cell))
        for cell in ("rnn", "gru", "lstm")
    },
}
"""An operator, the sizes of its inputs, and its arithmetic in loops."""


@pytest.mark.parametrize("name", TABLE)
def test_an_operator_takes_the_operations_of_its_arithmetic(name):
    operator, sizes, loops = TABLE[name]
    assert said(operator, *sizes) == counted(loops)


def test_every_operator_that_takes_work_is_in_the_table():
    every = {one for one in vars(operators).values() if isinstance(one, type) and issubclass(one, Operator)}
    working = {one for one in every if one.work is not Operator.work}
    assert working == {type(operator) for operator, _, _ in TABLE.values()}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("conv", times(6 * 3 * 3, lambda: dot(4 * 3 * 2, bias=True))),
        ("maximum", windows("avg")),
        ("attention", lambda: [dot(4) for _ in range(5 * 3)] + [dot(3) for _ in range(5 * 4)]),
        ("softmax", times(12, lambda: Counted().applied() / Counted())),
        ("norm", times(12, lambda: Counted() * Counted() + Counted())),
    ],
)
def test_the_usual_wrong_count_is_caught(name, wrong):
    operator, sizes, _ = TABLE[name]
    assert said(operator, *sizes) != counted(wrong)


def test_the_convention_says_what_is_not_counted_one_by_one():
    told = CONVENTIONS["exact"].why
    for words in ("one function value for each element", "n - 1 operations", "taps in the padding included"):
        assert words in told
