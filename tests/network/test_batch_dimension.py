"""Which dimension of a tensor is the batch: it is followed through what moves it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from convmath.network import Graph, from_torch
from convmath.network.operators import Combine, Flatten, Input, Linear, Operator, Permute, Reduce, Reshape

from .computing import Function

MOVES: list[tuple[tuple[int, ...], Operator, int | None, tuple[int, ...]]] = [
    ((2, 3, 5), Permute((1, 0, 2)), 1, (3, 5)),
    ((2, 3, 5), Permute((2, 1, 0)), 2, (5, 3)),
    ((2, 3, 5), Linear(5, 4), 0, (3, 4)),
    ((2, 3, 5), Reshape((2, 1, 15)), 0, (1, 15)),
    ((2, 3, 5), Reshape((1, 2, 15)), 1, (1, 15)),
    ((2, 3, 5), Flatten(0, 1), None, (6, 5)),
    ((2, 3, 5), Reduce("sum", (0,), False), None, (3, 5)),
    ((1, 3, 5), Permute((1, 0, 2)), 1, (3, 5)),
    ((1, 3, 5), Flatten(0, 1), None, (3, 5)),
    ((1, 3, 5), Flatten(0, -1), None, (15,)),
]


@pytest.mark.parametrize(("sizes", "operator", "batch", "rest"), MOVES, ids=str)
def test_the_batch_is_where_an_operator_puts_it(sizes, operator, batch, rest):
    graph = Graph()
    graph.add("y", operator, graph.add("x", Input(sizes, ())))
    row = graph.analyze().output
    assert (row.batch, row.batches, row.output_size) == (batch, (0,), rest)
    assert row.batch_size == (None if batch is None else sizes[0])


def test_a_batch_that_was_merged_is_the_first_dimension_that_is_as_long_again():
    """Windows of an image are one after the other in the batch, and then an image again."""
    graph = Graph()
    image = graph.add("x", Input((1, 4, 6), ()))
    apart = graph.add("windows", Reshape((2, 2, 6)), image)
    graph.add("image", Reshape((1, 4, 6)), graph.add("dense", Linear(6, 6), apart))
    report = graph.analyze()
    assert [(row.name, row.batch, row.output_size) for row in report] == [
        ("x", 0, (4, 6)),
        ("windows", None, (2, 2, 6)),
        ("dense", None, (2, 2, 6)),
        ("image", 0, (4, 6)),
    ]


def test_a_weight_has_no_batch():
    scale = nn.Parameter(torch.ones(3))
    report = from_torch(Function(lambda x: x * scale), (4, 3)).analyze()
    stored = [row for row in report if row.placement.stored]
    assert [(row.batch, row.batch_size, row.output_size) for row in stored] == [(None, None, (3,))]
    assert report.output.output_size == (4, 3)


def test_several_inputs_are_followed_by_the_first_that_has_a_batch():
    graph = Graph()
    first = graph.add("a", Input((2, 3), ()))
    turned = graph.add("turned", Permute((1, 0)), graph.add("b", Input((2, 2), ())))
    graph.add("sum", Combine("add"), graph.add("wide", Linear(3, 2), first), turned)
    report = graph.analyze()
    assert (report["turned"].batch, report["sum"].batch, report["sum"].batches) == (1, 0, (0, 1))


def test_what_a_network_makes_of_nothing_has_no_batch():
    """In whichever order it is taken with an image: a range is as long as an axis, and no batch."""

    def places(x):
        return torch.linspace(-1, 1, x.shape[1]).view(1, -1, 1)

    for forward in (lambda x: places(x) * x, lambda x: x * places(x)):
        row = from_torch(Function(forward), (9, 4)).analyze().output
        assert (row.output_size, row.batch, row.batch_size) == ((9, 4), 0, 1)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_size_that_is_as_long_as_the_batch_where_the_network_was_read_is_not_the_batch(batch):
    turned = Function(lambda x: x[0].t())
    for at in (batch, 5):
        form = from_torch(turned, (3, "n"), batch_size=batch, at=at).closed_forms().output
        assert (form.batch, form.output_size) == (None, form.sizes)
        assert form.at(7) == tuple(turned(torch.zeros(batch, 3, 7)).shape)
    kept = from_torch(Function(lambda x: x.mT), (3, "n"), batch_size=batch, at=batch).closed_forms().output
    assert (kept.batch, len(kept.output_size)) == (0, 2)


@pytest.mark.parametrize("width", [720, 721])
def test_a_letter_is_not_taken_for_a_usual_size(width):
    net = Graph()
    net.add("turned", Reshape((width, -1)), net.input((width,), batch_size="n"))
    form = net.closed_forms().output
    assert (form.batch, form.output_size) == (None, form.sizes)
