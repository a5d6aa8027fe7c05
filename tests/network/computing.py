"""Networks that compute with sizes, and their closed forms against torch."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath.network.closed_form.report import ClosedForms


class Function(nn.Module):
    """A module of one function, to which its parts are handed after the input."""

    def __init__(self, function, *parts: nn.Module):
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, x):
        """The function of the input."""
        return self.function(x, *self.parts)


class UNet(nn.Module):
    """An encoder and a decoder that is brought to the size of each skip connection in some way."""

    def __init__(self, fit, depth: int = 3, padding: int = 1, scale: bool = False):
        super().__init__()
        self.fit, self.scale = fit, scale
        widths = [4 << level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, padding=padding) for a, b in zip([3, *widths], widths, strict=False)
        )
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, 2) for a, b in pairwise(widths))
        self.join = nn.ModuleList(nn.Conv2d(2 * a, a, 3, padding=padding) for a in widths[:-1])

    def forward(self, x):
        """The image, level by level down and up."""
        skips = []
        for level, conv in enumerate(self.down):
            x = F.relu(conv(F.max_pool2d(x, 2) if level else x))
            skips.append(x)
        skips.pop()
        for skip, up, join in list(zip(skips, self.up, self.join, strict=True))[::-1]:
            x, skip = self.fit(F.relu(up(x)), skip)
            x = join(torch.cat([skip, x], 1))
        return x


def resized(x, skip):
    """A branch at the size of the skip connection."""
    return F.interpolate(x, size=skip.shape[2:], mode="bilinear", align_corners=False), skip


def padded(x, skip):
    """A branch padded to the size of the skip connection."""
    rows = skip.size()[2] - x.size()[2]
    columns = skip.size()[3] - x.size()[3]
    return F.pad(x, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2]), skip


def cropped(x, skip):
    """The middle of the skip connection, of the size of the branch."""
    rows, columns = ((skip.shape[d] - x.shape[d]) // 2 for d in (2, 3))
    return x, skip[:, :, rows : rows + x.shape[2], columns : columns + x.shape[3]]


def resized_where_needed(x, skip):
    """As :func:`resized`, unless the sizes are the same."""
    return (x if x.shape == skip.shape else F.interpolate(x, skip.shape[-2:])), skip


class SegFormerHead(nn.Module):
    """Levels at several strides as tokens, projected, made images again, resized and joined; then the input's size."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList([nn.Conv2d(3, 8, 7, 4, 3), nn.Conv2d(8, 16, 3, 2, 1), nn.Conv2d(16, 32, 3, 2, 1)])
        self.project = nn.ModuleList(nn.Linear(width, 8) for width in (8, 16, 32))
        self.fuse = nn.Conv2d(24, 5, 1)

    def forward(self, x):
        """Classes for each pixel."""
        levels, y = [], x
        for stage in self.stages:
            y = stage(y)
            levels.append(y)
        maps = []
        for level, project in zip(levels, self.project, strict=True):
            batch, _, height, width = level.shape
            tokens = project(level.flatten(2).transpose(1, 2))
            maps.append(tokens.permute(0, 2, 1).reshape(batch, -1, height, width))
        size = maps[0].size()[2:]
        fused = self.fuse(torch.cat([F.interpolate(one, size=size, mode="bilinear") for one in maps[::-1]], 1))
        return F.interpolate(fused, size=x.shape[2:], mode="bilinear")


class PaddedAsTensorFlow(nn.Module):
    """A convolution with the padding computed in the forward, so that it gives ceil(n/s)."""

    def __init__(self, kernel: int, stride: int):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, kernel, stride)

    def forward(self, x):
        """The padded image, convolved."""
        amounts = []
        for n, k, s in zip(x.shape[:1:-1], self.conv.kernel_size[::-1], self.conv.stride[::-1], strict=True):
            total = max(0, (math.ceil(n / s) - 1) * s + k - n)
            amounts += [total // 2, total - total // 2]
        return self.conv(F.pad(x, amounts))


def windows(x):
    """Windows of 7 by 7, one after the other."""
    batch, channels, height, width = x.shape
    parts = x.view(batch, channels, height // 7, 7, width // 7, 7)
    return parts.permute(0, 2, 4, 3, 5, 1).reshape(-1, 49, channels)


def shuffled(x):
    """Channels in another order."""
    batch, channels, height, width = x.size()
    return x.view(batch, 3, channels // 3, height, width).transpose(1, 2).contiguous().view(batch, -1, height, width)


def positioned(x):
    """With the number of each row, and a channel of nothing."""
    rows = torch.arange(x.shape[2], device=x.device).view(1, 1, -1, 1).expand(1, 1, x.shape[2], x.shape[3])
    return torch.cat([x, rows.to(x.dtype), x.new_zeros(1, 1, *x.shape[2:])], 1)


def coordinates(x):
    """With its coordinates from -1 to 1, as two channels more."""
    rows, columns = (torch.linspace(-1, 1, n, device=x.device) for n in x.shape[2:])
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"))
    return torch.cat([x, grid.unsqueeze(0).expand(x.shape[0], -1, -1, -1)], 1)


def waves(x):
    """Tokens, and waves of four lengths over their places added to each."""
    tokens = F.pad(x, (0, 0, 0, 0, 0, 5)).flatten(2).transpose(1, 2)
    places = torch.arange(x.shape[2] * x.shape[3], device=x.device).unsqueeze(1) / (x.shape[2] * x.shape[3])
    lengths = torch.exp(torch.arange(0, 8, 2, device=x.device) * (-math.log(100.0) / 8))
    return tokens + torch.cat([torch.sin(places * lengths), torch.cos(places * lengths)], 1).unsqueeze(0)


class VisionTransformer(nn.Module):
    """Patches of 8 by 8 with learned positions that are resized to their grid, a token for the class, and attention."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 8, 8)
        self.token, self.positions = nn.Parameter(torch.zeros(1, 1, 16)), nn.Parameter(torch.zeros(1, 50, 16))
        self.attention, self.norm = nn.MultiheadAttention(16, 2, batch_first=True), nn.LayerNorm(16)

    def forward(self, x):
        """The tokens after a layer."""
        patches = self.patches(x)
        batch, width, *grid = patches.shape
        side = math.isqrt(self.positions.shape[1] - 1)
        first, rest = self.positions[:, :1], self.positions[:, 1:].reshape(1, side, side, width).permute(0, 3, 1, 2)
        rest = F.interpolate(rest, size=grid, mode="bicubic").permute(0, 2, 3, 1).reshape(1, grid[0] * grid[1], width)
        tokens = torch.cat([self.token.expand(batch, -1, -1), patches.flatten(2).transpose(1, 2)], 1)
        tokens = self.norm(tokens + torch.cat([first, rest], 1))
        return tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]


def shape_of(module: nn.Module, n: int, channels: int = 3) -> tuple[int, ...] | None:
    """The sizes that torch gives for a square input; None where it refuses, or where nothing is left."""
    return next(shapes_of(module, [n], channels))


def shapes_of(module: nn.Module, sizes: Iterable[int], channels: int = 3) -> Iterator[tuple[int, ...] | None]:
    """As :func:`shape_of`, for several inputs, one after the other."""
    meta = copy.deepcopy(module).to("meta").eval()
    for n in sizes:
        try:
            with torch.no_grad():
                shape = tuple(meta(torch.empty(1, channels, n, n, device="meta")).shape)
        except (AssertionError, IndexError, RuntimeError, TypeError, ValueError, ZeroDivisionError):
            yield None
        else:
            yield None if 0 in shape else shape


def checked(module: nn.Module, forms: ClosedForms, sizes: Sequence[int], channels: int = 3) -> None:
    """Assert that the closed form is torch's size where it is valid, and that torch refuses everywhere else."""
    for n, real in zip(sizes, shapes_of(module, sizes, channels), strict=True):
        assert (n in forms.valid) == (n in forms.output.valid), n
        if n in forms.valid:
            assert forms.output.at(n) == real, (n, str(forms.output))
        else:
            assert real is None, (n, real, str(forms.output))
