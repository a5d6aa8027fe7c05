"""In which of the two modes of a network its fields and costs are meant."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from convmath.network import Graph, from_torch
from convmath.network.fields.spans import Spans
from convmath.network.operators import Conv, Norm

DOCS = Path(__file__).parents[2] / "docs" / "networks.md"
SIZE = (3, 9, 9)


def model() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(), nn.Conv2d(4, 2, 3, padding=1))


def read_by(module: nn.Module, row: int, column: int) -> set[tuple[int, int]]:
    """The pixels of one image on which a position of the last layer depends."""
    torch.manual_seed(0)
    image = torch.rand(2, *SIZE, dtype=torch.float64, requires_grad=True)
    module.double()(image)[0, :, row, column].square().sum().backward()
    return {(int(i), int(j)) for i, j in image.grad[0].abs().sum(0).nonzero()}


def test_fields_and_costs_are_those_in_evaluation_whichever_mode_a_module_is_in():
    new, evaluated = (from_torch(one, SIZE).analyze() for one in (model(), model().eval()))
    assert new.rows == evaluated.rows
    assert new.output.receptive_field.size == (5, 5)
    window = {(i, j) for i in range(2, 7) for j in range(2, 7)}
    assert read_by(model().eval(), 4, 4) == window < read_by(nn.Sequential(*model()[:2], model()[3]), 4, 4)


def test_a_row_says_which_statistics_are_meant():
    row = from_torch(model(), SIZE).analyze()["1"]
    assert "in training a position also reads all others of its channel" in str(row)
    assert "evaluation" not in str(from_torch(nn.BatchNorm2d(3, track_running_stats=False), SIZE).analyze().output)
    assert "evaluation" not in str(from_torch(nn.LayerNorm(9), SIZE).analyze().output)


@pytest.mark.parametrize("norm", ["replaced", "by hand", "without running statistics"])
def test_statistics_of_the_batch_are_read_at_every_position(norm):
    """As the page says that they are asked for."""
    assert 'Norm("batch_norm", 128, (0, 2, 3))' in DOCS.read_text()
    if norm == "replaced":
        graph = from_torch(model(), SIZE, batch_size=2).replaced({"1": Norm("batch_norm", 8, (0, 2, 3))})
    elif norm == "by hand":
        graph = Graph()
        conv = graph.add("0", Conv(3, 4, (3, 3), padding=1), graph.input(SIZE, batch_size=2))
        graph.add("3", Conv(4, 2, (3, 3), padding=1), graph.add("1", Norm("batch_norm", 8, (0, 2, 3)), conv))
    else:
        graph = from_torch(
            nn.Sequential(*model()[:1], nn.BatchNorm2d(4, track_running_stats=False), *model()[2:]), SIZE
        )
    reads = graph.analyze().reads("3", 4, 4)
    everything = {(i, j) for i in range(9) for j in range(9)}
    assert next(iter(reads.values())) == (Spans.first(9),) * 2
    assert read_by(nn.Sequential(*model()[:2], model()[3]), 4, 4) == everything
