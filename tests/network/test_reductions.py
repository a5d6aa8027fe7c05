"""What reductions take, against the operations of the same arithmetic on numbers that count them."""

from __future__ import annotations

import math
from functools import reduce
from itertools import product
from operator import add, mul

import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from convmath.network import Graph, from_torch
from convmath.network.conventions import flops
from convmath.network.operators import Attention, Einsum, Reduce, Softmax

from .computing import Function


class Counted:
    """A number of which only the operations matter."""

    operations = 0

    def done(self, *_: object) -> Counted:
        Counted.operations += 1
        return self

    __add__ = __sub__ = __mul__ = __truediv__ = larger = applied = done


def mean(numbers):
    return reduce(add, numbers) / len(numbers)


def length(numbers):
    return reduce(add, [number * number for number in numbers]).applied()


def variance(numbers):
    middle = mean(numbers)
    distances = [number - middle for number in numbers]
    return reduce(add, [distance * distance for distance in distances]) / len(numbers)


def softmax(numbers):
    exponentials = [number.applied() for number in numbers]
    total = reduce(add, exponentials)
    return [one / total for one in exponentials]


REDUCTIONS = {
    "sum": lambda numbers: reduce(add, numbers),
    "prod": lambda numbers: reduce(mul, numbers),
    "amax": lambda numbers: reduce(Counted.larger, numbers),
    "argmin": lambda numbers: reduce(Counted.larger, numbers),
    "mean": mean,
    "norm": length,
    "l0": lambda numbers: reduce(add, [number.larger() for number in numbers]),
    "linf": lambda numbers: reduce(Counted.larger, [number.applied() for number in numbers]),
    "l1": lambda numbers: reduce(add, [number.applied() for number in numbers]),
    "sum_square": lambda numbers: reduce(add, [number * number for number in numbers]),
    "logsumexp": lambda numbers: reduce(add, [number.applied() for number in numbers]).applied(),
    "log_sum": lambda numbers: reduce(add, numbers).applied(),
    "var": variance,
    "std": lambda numbers: variance(numbers).applied(),
    "cosine_similarity": lambda numbers: reduce(add, numbers) / (length(numbers) * length(numbers)),
}


def counted(function, *arguments) -> int:
    Counted.operations = 0
    function(*arguments)
    return Counted.operations


def said(operator, *sizes) -> int:
    graph = Graph()
    inputs = [graph.input(size, f"input{number}") for number, size in enumerate(sizes)]
    graph.add("layer", operator, *inputs)
    return graph.analyze().flops("exact")


@pytest.mark.parametrize("name", sorted(REDUCTIONS))
def test_a_reduction_takes_what_its_arithmetic_does(name):
    for count in (1, 2, 7):
        wanted = counted(REDUCTIONS[name], [Counted() for _ in range(count)])
        for keepdims in (False, True):
            assert said(Reduce(name, (2,), keepdims), (3, count)) == 3 * wanted, (name, count)


@pytest.mark.parametrize(
    ("order", "name"), [(1, "l1"), (math.inf, "linf"), (-math.inf, "linf"), (0, "l0"), (2, "norm"), (3, "norm")]
)
def test_a_norm_takes_a_root_only_where_its_order_asks_for_one(order, name):
    """Also of a difference."""
    wanted = 3 * counted(REDUCTIONS[name], [Counted() for _ in range(7)])
    norms = {
        "method": lambda x: x.norm(order, -1),
        "vector norm": lambda x: torch.linalg.vector_norm(x, ord=order, dim=-1),
        "norm": lambda x: torch.linalg.norm(x, order, -1),
        "distance": lambda x: F.pairwise_distance(x, x, order),
    }
    for way, norm in norms.items():
        report = from_torch(Function(norm), (3, 7)).analyze()
        assert report.rows[-1].flops("exact") == wanted, way


def test_the_norm_of_a_matrix_is_no_norm_of_its_elements():
    for order, status in ((2, "unknown"), ("fro", "complete"), (None, "complete")):
        report = from_torch(Function(lambda x, order=order: torch.linalg.norm(x, order, (1, 2))), (3, 7)).analyze()
        assert report.total(flops("exact")).status == status


def test_an_operation_for_every_element_is_caught():
    assert counted(REDUCTIONS["sum"], [Counted() for _ in range(7)]) == 6 != 7


def test_a_softmax_takes_what_its_arithmetic_does():
    assert said(Softmax(2), (3, 7)) == 3 * counted(softmax, [Counted() for _ in range(7)])


def test_attention_takes_its_products_scaled_and_its_softmaxes():
    """Two heads of 4 features each, 5 queries and 3 keys."""

    def attention():
        for _query, _head in product(range(5), range(2)):
            one = [Counted() for _ in range(4)]
            weights = softmax([reduce(add, [a * a for a in one]) * one[0] for _key in range(3)])
            for _feature in range(4):
                reduce(add, [weight * weight for weight in weights])

    assert said(Attention(2), (5, 8), (3, 8), (3, 8)) == counted(attention)


@pytest.mark.parametrize(
    ("inputs", "output", "sizes"),
    [(("bij",), "bi", [(3, 4)]), (("bij", "bj"), "bj", [(3, 4), (4,)]), (("bi", "bj"), "b", [(3,), (4,)])],
)
def test_what_only_one_input_has_is_summed_before_the_products(inputs, output, sizes):
    def arithmetic():
        for letters, size in zip(inputs, sizes, strict=True):
            kept = [n for letter, n in zip(letters[1:], size, strict=True) if letter in output]
            summed = [n for letter, n in zip(letters[1:], size, strict=True) if letter not in output]
            for _ in product(*map(range, kept)):
                reduce(add, [Counted() for _ in product(*map(range, summed))])
        if len(inputs) == 2:
            for _ in product(*(range({"b": 1, "j": 4}[letter]) for letter in output)):
                Counted() * Counted()

    assert said(Einsum(inputs, output), *sizes) == counted(arithmetic)
