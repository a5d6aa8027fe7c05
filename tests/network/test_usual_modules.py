"""What no framework made counts, in the tools, as torch's module of its kind: against the tools on that module."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch
from torch import nn

from convmath.network import Graph
from convmath.network.conventions import flops
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Conv,
    ConvTranspose,
    Embedding,
    Linear,
    LocalResponseNorm,
    Norm,
    Operator,
    PixelShuffle,
    Pool,
    Recurrent,
    Resize,
    Softmax,
)

from .counting import TOOLS, counted

IMAGE, WORDS = (4, 8, 8), (6, 8)


class Steps(nn.Module):
    """A recurrent layer of which only the output of the steps is returned."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]


class Rows(nn.Module):
    """An embedding of what may be floats."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Embedding(10, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x.long())


SAME = "same"
CASES: dict[str, tuple[Operator, nn.Module, tuple[int, ...]]] = {
    "conv": (Conv(4, 6, (3, 3), 2, groups=2), nn.Conv2d(4, 6, 3, 2, groups=2), IMAGE),
    "conv, same": (Conv(4, 6, (3, 3), padding=SAME), nn.Conv2d(4, 6, 3, padding=SAME), IMAGE),
    "conv, valid": (Conv(4, 6, (3, 3), padding="valid"), nn.Conv2d(4, 6, 3, padding="valid"), IMAGE),
    "conv_transpose": (ConvTranspose(4, 6, (3, 3), 2), nn.ConvTranspose2d(4, 6, 3, 2), IMAGE),
    "linear": (Linear(8, 3), nn.Linear(8, 3), IMAGE),
    "lstm": (Recurrent("lstm", 8, 5, time=1), Steps(nn.LSTM(8, 5, batch_first=True)), WORDS),
    "two lstms": (
        Recurrent("lstm", 8, 5, time=1, layers=2, both=True),
        Steps(nn.LSTM(8, 5, 2, batch_first=True, bidirectional=True)),
        WORDS,
    ),
    "lstm, projected": (
        Recurrent("lstm", 8, 5, time=1, projected=3),
        Steps(nn.LSTM(8, 5, batch_first=True, proj_size=3)),
        WORDS,
    ),
    "gru": (Recurrent("gru", 8, 5, time=1, bias=False), Steps(nn.GRU(8, 5, bias=False, batch_first=True)), WORDS),
    "rnn": (Recurrent("rnn", 8, 5, time=1), Steps(nn.RNN(8, 5, batch_first=True)), WORDS),
    "embedding": (Embedding(10, 4), Rows(), (9,)),
    "batch_norm": (Norm("batch_norm", 8), nn.BatchNorm2d(4), IMAGE),
    "instance_norm": (Norm("instance_norm", 0, (2, 3)), nn.InstanceNorm2d(4), IMAGE),
    "group_norm": (Norm("group_norm", 8, (1, 2, 3), 2), nn.GroupNorm(2, 4), IMAGE),
    "local_response_norm": (LocalResponseNorm(3, 1), nn.LocalResponseNorm(3), IMAGE),
    "layer_norm": (Norm("layer_norm", 16, (3,)), nn.LayerNorm(8), IMAGE),
    "rms_norm": (Norm("rms_norm", 8, (3,)), nn.RMSNorm(8), IMAGE),
    "relu": (Activation("relu"), nn.ReLU(), IMAGE),
    "relu6": (Activation("relu6"), nn.ReLU6(), IMAGE),
    "silu": (Activation("silu"), nn.SiLU(), IMAGE),
    "prelu": (Activation("prelu", 4), nn.PReLU(4), IMAGE),
    "softmax": (Softmax(1), nn.Softmax(1), IMAGE),
    "max": (Pool("max", (2, 2)), nn.MaxPool2d(2), IMAGE),
    "avg": (Pool("avg", (2, 2)), nn.AvgPool2d(2), IMAGE),
    "lp": (Pool("lp", (2, 2)), nn.LPPool2d(2, 2), IMAGE),
    "adaptive max": (AdaptivePool("max", (2, 2)), nn.AdaptiveMaxPool2d(2), IMAGE),
    "adaptive avg": (AdaptivePool("avg", (2, 2)), nn.AdaptiveAvgPool2d(2), IMAGE),
    "nearest": (Resize("nearest", (Fraction(2),) * 2), nn.Upsample(scale_factor=2), IMAGE),
    "bilinear": (Resize("linear", (Fraction(2),) * 2), nn.Upsample(scale_factor=2, mode="bilinear"), IMAGE),
    "pixel_shuffle": (PixelShuffle(2), nn.PixelShuffle(2), IMAGE),
}


def told(operator: Operator, size: tuple[int, ...], tool: str) -> tuple[int, str]:
    graph = Graph()
    graph.add("layer", operator, graph.input(size))
    total = graph.analyze().total(flops(tool))
    return total.value, total.status


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", CASES)
def test_an_operator_counts_as_torchs_module_of_its_kind(name, tool):
    operator, module, size = CASES[name]
    value, status = told(operator, size, tool)
    if tool == "flop_counter" and isinstance(operator, Recurrent):
        assert status != "complete"
    else:
        assert (value, status) == (counted(tool, module, (1, *size)) or 0, "complete")


@pytest.mark.parametrize("tool", TOOLS)
def test_what_torch_has_no_module_for_is_no_call_of_one(tool):
    assert told(AdaptivePool("lp", (1, 1)), IMAGE, tool) == (0, "complete")


@pytest.mark.parametrize("tool", ["torchinfo", "thop", "ptflops"])
def test_a_layer_that_is_called_by_no_module_is_caught(tool):
    """The same numbers would come of nothing where the tools count nothing."""
    assert told(Recurrent("lstm", 8, 5, time=1), WORDS, tool)[0] != told(Activation("tanh"), WORDS, tool)[0]
