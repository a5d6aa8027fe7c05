"""What an importer fixes to the size at reading is never given as a closed form."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.network.closed_form import closed_forms

SIZE = 32


class Function(nn.Module):
    """A module of one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def forms(module: nn.Module, size: int = SIZE):
    return closed_forms(network.from_torch(module, (3, size, size)))


FIXED = {
    "resized to a size that was read": lambda x: F.interpolate(F.avg_pool2d(x, 2), size=x.shape[-2:]),
    "stretched": lambda x: x * x.mean((2, 3), keepdim=True).expand_as(x),
    "cropped": lambda x: x[:, :, 1:-1, 1:-1],
    "pooled by its own size": lambda x: F.avg_pool2d(x, x.shape[2:]),
    "pooled to a part of its size": lambda x: F.adaptive_avg_pool2d(x, (x.shape[2] // 4, x.shape[3] // 4)),
    "padded where it is odd": lambda x: F.pad(x, (0, 1, 0, 1)) if x.shape[-1] % 2 else x,
    "padded to a multiple": lambda x: F.pad(x, (0, (-x.shape[3]) % 4, 0, (-x.shape[2]) % 4)),
}


@pytest.mark.parametrize("function", FIXED.values(), ids=FIXED)
def test_a_size_that_was_fixed_while_reading_is_no_closed_form(function):
    found = forms(Function(function))
    assert found.output.dimensions is None, str(found.output)
    assert "size" in found.output.reason


TRUE = {
    "scaled up": (lambda: nn.Upsample(scale_factor=2), range(5, 60, 7)),
    "scaled down": (lambda: nn.Upsample(scale_factor=0.5, mode="bilinear"), range(5, 60, 7)),
    "pooled to a given size": (lambda: nn.AdaptiveAvgPool2d(3), range(5, 60, 7)),
    "convolved": (lambda: nn.Conv2d(3, 4, 3, stride=2, padding=1), range(5, 60, 7)),
}


@pytest.mark.parametrize(("make", "sizes"), TRUE.values(), ids=TRUE)
def test_what_the_module_itself_says_stays_and_is_true(make, sizes):
    module = make()
    found = forms(module).output
    for n in sizes:
        with torch.device("meta"):
            real = module.to("meta")(torch.empty(1, 3, n, n)).shape
        assert tuple(found.at(n)) == tuple(real), n


def test_a_network_that_takes_some_sizes_only_is_read_again_at_those():
    module = nn.Sequential(nn.MaxPool2d(7), nn.Flatten(), nn.Linear(3 * 4 * 4, 10))
    assert str(forms(module, 28).valid) == "28 <= n <= 34"


def test_a_network_that_no_other_size_fits_is_unknown():
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 10))
    assert "none of the other sizes" in forms(module).output.reason
