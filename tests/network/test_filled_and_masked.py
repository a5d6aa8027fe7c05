"""What is filled reads nothing of what was there; of a triangle a part is read: against the support of gradients."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import nn

from convmath.network import from_torch
from convmath.network.fields.spans import Spans
from convmath.network.operators import Activation


class Changed(nn.Module):
    """A convolution, and what is done to its result."""

    def __init__(self, body):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        nn.init.ones_(self.conv.weight)
        self.body = body

    def forward(self, x):
        return self.body(self.conv(x))


FILLED = {
    "zero_": lambda y: y.zero_(),
    "fill_": lambda y: y.fill_(3.0),
    "fill": lambda y: torch.fill(y, 3.0),
    "uniform_": lambda y: y.uniform_(-1, 1),
    "normal_": lambda y: y.normal_(0, 1),
}
MASKED = {"tril": lambda y: y.tril(), "triu": lambda y: torch.triu(y, 1)}


def read(module, row, column):
    """Per axis the elements of the input on which an output depends."""
    x = torch.rand(1, 1, 6, 6, requires_grad=True)
    out = module(x)[0, 0, row, column]
    if not out.requires_grad:
        return set(), set()
    (gradient,) = torch.autograd.grad(out, x)
    rows, columns = torch.nonzero(gradient[0, 0], as_tuple=True)
    return set(rows.tolist()), set(columns.tolist())


def elements(spans: Spans) -> set[int]:
    return {element for start, stop in spans.parts for element in range(start, stop)}


@pytest.mark.parametrize("name", FILLED)
def test_what_is_filled_reads_nothing(name):
    report = from_torch(Changed(FILLED[name]), (1, 6, 6)).analyze()
    for row, column in product(range(6), repeat=2):
        assert report.reads(report.graph.outputs[0], row, column) == {}
    assert report.backward_macs == 0


def test_what_is_filled_by_another_name_is_unknown():
    def body(y):
        part = y[:, :, 1:]
        part.zero_()
        return y

    assert from_torch(Changed(body), (1, 6, 6)).analyze().status == "partial"


def test_random_numbers_about_means_that_are_given_are_no_filling():
    told = from_torch(Changed(lambda y: torch.normal(y, 1.0)), (1, 6, 6)).analyze()
    assert told.rows[-1].reason


def test_a_computed_filling_is_read():
    report = from_torch(Changed(lambda y: torch.zeros_like(y).fill_(y.mean())), (1, 6, 6)).analyze()
    (read_,) = report.reads(report.graph.outputs[0], 2, 3).values()
    assert [elements(axis) for axis in read_] == [set(range(6))] * 2


@pytest.mark.parametrize("name", MASKED)
def test_of_a_triangle_positions_read_a_part_at_most(name):
    module = Changed(MASKED[name])
    report = from_torch(module, (1, 6, 6)).analyze()
    for row, column in product(range(6), repeat=2):
        (axes,) = report.reads(report.graph.outputs[0], row, column).values()
        for axis, real in zip(axes, read(module, row, column), strict=True):
            assert real <= elements(axis)
            assert not axis.exact


def test_a_triangle_whose_positions_read_as_they_are_is_caught():
    whole = Activation("relu").reads([(1, 1, 6, 6)], (1, 1, 6, 6))[0]
    part = Activation("triu").reads([(1, 1, 6, 6)], (1, 1, 6, 6))[0]
    assert [entry[1].reads(0).exact for entry in whole] == [True] * 4
    assert [entry[1].reads(0).exact for entry in part] == [True, True, False, False]
    assert read(Changed(MASKED["tril"]), 0, 5) == (set(), set())


def test_a_root_mean_square_norm_has_its_own_name():
    module = nn.Sequential(nn.RMSNorm(6), nn.LayerNorm(6))
    assert [row.op for row in from_torch(module, (1, 6, 6)).analyze()] == ["input", "rms_norm", "layer_norm"]
