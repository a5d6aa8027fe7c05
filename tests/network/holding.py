"""Layers that call functions of torch.nn.functional by names of their own, or old ones."""

from __future__ import annotations

import warnings

import torch
from torch import nn
from torch.nn.functional import softmax


class Kept(nn.Module):
    """A function that is kept from when the layer was made."""

    def __init__(self):
        super().__init__()
        self.act = nn.functional.relu

    def forward(self, x):
        return self.act(x)


class Named(nn.Module):
    """A function that the file holds under its own name."""

    def forward(self, x):
        return softmax(x, 1)


class Either(nn.Module):
    """A function that is kept, and looked up, too."""

    def __init__(self):
        super().__init__()
        self.act = nn.functional.relu

    def forward(self, x):
        return self.act(x) + torch.nn.functional.relu(x)


class Old(nn.Module):
    """The function that interpolation was before, which calls it."""

    def forward(self, x):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return nn.functional.upsample(x, scale_factor=2)
