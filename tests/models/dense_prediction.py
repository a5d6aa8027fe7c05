"""Networks whose output has a value for every place: U-Net, PatchGAN, a temporal network, an autoencoder."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class UNet(nn.Module):
    """Ronneberger, Fischer and Brox 2015, figure 1: unpadded 3x3 convolutions, 2x2 up-convolutions, cropped copies.

    ``width`` is that of the first level, 64 in the paper; a picture of 572x572 gives a map of 388x388.
    """

    def __init__(self, channels: int = 1, classes: int = 2, *, width: int = 64, depth: int = 4) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(_twice(a, b) for a, b in zip([channels, *widths], widths, strict=False))
        self.pool = nn.MaxPool2d(2)
        pairs = list(pairwise(widths))[::-1]
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairs)
        self.merge = nn.ModuleList(_twice(b, a) for a, b in pairs)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        copies = []
        for level in self.down:
            x = level(self.pool(x) if copies else x)
            copies.append(x)
        for up, merge, copy in zip(self.up, self.merge, copies[-2::-1], strict=True):
            x = up(x)
            top, left = ((a - b) // 2 for a, b in zip(copy.shape[2:], x.shape[2:], strict=True))
            cropped = copy[:, :, top : top + x.shape[2], left : left + x.shape[3]]
            x = merge(torch.cat([cropped, x], dim=1))
        return self.head(x)


def _twice(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3), nn.ReLU(), nn.Conv2d(outputs, outputs, 3), nn.ReLU())


class PatchGAN(nn.Module):
    """Isola et al. 2017, appendix 6.1.2: the 70x70 discriminator C64-C128-C256-C512 of a picture and its condition.

    The last two 4x4 convolutions have stride 1, as in the authors' code.
    """

    def __init__(self, channels: int = 6, *, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        for a, b, stride in ((1, 2, 2), (2, 4, 2), (4, 8, 1)):
            layers += [
                nn.Conv2d(a * width, b * width, 4, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(b * width),
                nn.LeakyReLU(0.2),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Conv2d(8 * width, 1, 4, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


class TemporalBlock(nn.Module):
    """Bai, Kolter and Koltun 2018, figure 1b: two causal dilated convolutions and a residual connection."""

    def __init__(self, inputs: int, outputs: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        self.reach = (kernel_size - 1) * dilation
        self.conv1 = nn.Conv1d(inputs, outputs, kernel_size, dilation=dilation)
        self.conv2 = nn.Conv1d(outputs, outputs, kernel_size, dilation=dilation)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(0.2)
        self.downsample = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        out = self.dropout(self.relu(self.conv1(nn.functional.pad(x, (self.reach, 0)))))
        out = self.dropout(self.relu(self.conv2(nn.functional.pad(out, (self.reach, 0)))))
        return self.relu(out + (x if self.downsample is None else self.downsample(x)))


class TCN(nn.Module):
    """Bai, Kolter and Koltun 2018, section 3: blocks whose dilation doubles."""

    def __init__(self, channels: int = 1, *, width: int = 25, levels: int = 4, kernel_size: int = 3) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            *(TemporalBlock(width if level else channels, width, kernel_size, 2**level) for level in range(levels))
        )
        self.head = nn.Conv1d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.blocks(x))


class Autoencoder(nn.Module):
    """Strided convolutions down, transposed convolutions up: every even size comes back, as long as it stays even."""

    def __init__(self, channels: int = 1, *, width: int = 16) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 7),
        )
        self.decoder = nn.Sequential(
            nn.ConvTranspose2d(4 * width, 2 * width, 7),
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 3, stride=2, padding=1, output_padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 3, stride=2, padding=1, output_padding=1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))
