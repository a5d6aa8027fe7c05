"""Layers of torch whose forward is not followed, against the same layers where it is."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from convmath.network import from_torch  # noqa: E402
from convmath.network.operators import Unknown  # noqa: E402
from convmath.network.torch_import import modules  # noqa: E402

FOLLOWED = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear, nn.ReLU)
SHARED = nn.Conv2d(3, 3, 3, padding=1)
NETWORKS = {
    "options": (
        (3, 28, 28),
        nn.Sequential(
            nn.Conv2d(3, 4, 3, padding="same"),
            nn.ReLU(True),
            nn.Conv2d(4, 6, (3, 2), stride=(2, 1), groups=2, bias=False, dilation=2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(6 * 12 * 26, 5, bias=False),
        ),
    ),
    "a window": ((4, 28, 28), nn.Sequential(nn.Conv2d(4, 6, 3, stride=(2, 1), padding=1, dilation=2))),
    "one axis": ((3, 9), nn.Sequential(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), nn.ReLU())),
    "three axes": ((3, 5, 6, 7), nn.Sequential(nn.Conv3d(3, 4, 3), nn.BatchNorm3d(4, affine=False), nn.ReLU())),
    "a layer used again": ((3, 9, 9), nn.Sequential(SHARED, nn.ReLU(), SHARED)),
    "weights that are computed": (
        (3, 9, 9),
        nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), nn.ReLU()),
    ),
    "other padding": ((3, 9, 9), nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"))),
}


def read(name: str, monkeypatch: pytest.MonkeyPatch, *, follow: bool) -> list:
    """Everything that is said of the nodes."""
    with monkeypatch.context() as patch:
        for kind in FOLLOWED if follow else ():
            patch.delitem(modules.MODULES, kind)
        size, model = NETWORKS[name]
        graph = from_torch(model, size, verify=True)
        return [(node, row.sizes, row.params, row.work) for node, row in zip(graph, graph.analyze(), strict=True)]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_layer_is_what_its_forward_calls(name, monkeypatch):
    assert read(name, monkeypatch, follow=False) == read(name, monkeypatch, follow=True)


@pytest.mark.parametrize("left_out", ["stride", "padding", "dilation", "bias"])
def test_a_layer_without_one_of_its_options_is_caught(left_out, monkeypatch):
    names = ("weight", "bias", "stride", "padding", "dilation", "groups")
    wrong = modules._calls(F.conv2d, *(name for name in names if name != left_out))
    followed = read("a window", monkeypatch, follow=True)
    monkeypatch.setitem(modules.MODULES, nn.Conv2d, wrong)
    assert read("a window", monkeypatch, follow=False) != followed


def test_a_forward_that_was_replaced_is_followed():
    layer = nn.ReLU()
    layer.forward = lambda x: torch.sigmoid(x)
    assert from_torch(nn.Sequential(layer), (3, 9, 9)).analyze().output.op == "sigmoid"


class Tagger(nn.Module):
    """A recurrent layer that is not followed, as how many rows it is given is not known, twice."""

    def __init__(self):
        super().__init__()
        self.words, self.steps = nn.Embedding(10, 8), nn.LSTM(8, 8, batch_first=True)

    def forward(self, x):
        return self.steps(self.steps(self.words(x[x > 3]))[0])[0]


def test_the_parameters_of_a_layer_that_is_not_followed_are_counted_once():
    module = Tagger()
    graph = from_torch(module, (6,), dtype=torch.int64)
    assert isinstance(graph["steps"].operator, Unknown)
    assert graph.analyze().params == sum(weight.numel() for weight in module.parameters())
    assert not graph.unused


class Holder(nn.Module):
    """A module without parts, and what it returns of an input and its parameter."""

    def __init__(self, function):
        super().__init__()
        self.weight, self.function = nn.Parameter(torch.zeros(4, 6)), function

    def forward(self, x):
        return self.function(x, self.weight)


RETURNED = {
    "its parameter": lambda x, weight: weight,
    "a constant": lambda x, weight: torch.arange(3),
    "places": lambda x, weight: (x @ weight).max(1).indices,
}


@pytest.mark.parametrize("name", RETURNED)
def test_a_network_without_parts_may_return_what_no_call_of_its_own_makes(name):
    module = Holder(RETURNED[name])
    report = from_torch(module, (2, 4)).analyze()
    assert (report.output.sizes, report.params) == (tuple(module(torch.zeros(1, 2, 4)).shape), 24)
