"""Networks that cast sizes, in a file that does nothing with ``int`` but to call it, to ask by it and to compare it."""

from __future__ import annotations

import math

from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit


class Own(nn.Module):
    """A forward that is written in this file, and a function that is, too."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        """The function of the input."""
        return self.function(x)


def tf_padding(x):
    """As Hugging Face pads MobileNetV2."""
    height, width = int(x.shape[-2]), int(x.shape[-1])
    rows = max(3 - 2, 0) if height % 2 == 0 else max(3 - height % 2, 0)
    columns = max(3 - 2, 0) if width % 2 == 0 else max(3 - width % 2, 0)
    top, left = rows // 2, columns // 2
    return F.pad(x, (left, columns - left, top, rows - top))


def to_multiples(x):
    """As MobileViT makes its patches fit."""
    height, width = (int(math.ceil(n / 32) * 32) for n in x.shape[2:])
    return F.interpolate(x, size=(height, width), mode="bilinear")


def less(x):
    """By a number below 0, rounded towards 0."""
    return F.pad(x, (0, 3 + int((x.shape[-1] - 20) / 7)))


KEPT = {
    "size": lambda x: F.interpolate(x, size=int(x.shape[-1]) + 1),
    "half": lambda x: F.interpolate(x, size=int(x.shape[-1] / 2)),
    "times a float": lambda x: F.interpolate(x, size=int(x.shape[-1] * 0.75)),
    "through math": lambda x: F.interpolate(x, size=int(math.floor(x.shape[-1] / 3)) + 1),  # noqa: RUF046 - this way, too
    "through round": lambda x: F.interpolate(x, size=int(round(x.shape[-1] / 4)) + 1),  # noqa: RUF046 - this way, too
    "by map": lambda x: F.interpolate(x, size=tuple(map(int, x.shape[2:]))),
    "float": lambda x: F.interpolate(x, size=int(float(x.shape[-1]) / 2) + 1),
    "float times a float": lambda x: F.interpolate(x, size=int(float(x.shape[-1]) * 1.5)),
    "float of a quotient": lambda x: F.interpolate(x, size=int(float(x.shape[-1] / 2) / 2) + 1),
    "half of a half": lambda x: F.interpolate(x, size=math.ceil(x.shape[-1] / 2 / 2)),
    "half and three times": lambda x: F.interpolate(x, size=int(x.shape[-1] / 2 * 3)),
    "sliced": lambda x: x[:, :, : int(x.shape[2] / 2), int(x.shape[3] * 0.25) :],
    "viewed": lambda x: x.view(int(x.shape[0]), -1, int(x.shape[3])),
    "tf padding": tf_padding,
    "to multiples": to_multiples,
    "below 0": less,
    "asked": lambda x: F.relu(x) if isinstance(int(x.shape[2]), int) and type(int(x.shape[2])) == int else x[:, :1],  # noqa: E721
    "asked of a float": lambda x: F.relu(x) if isinstance(float(x.shape[2]), int | float) else x[:, :1],
}
"""What networks do with a size that they cast."""

BELOW = (less, lambda x: F.pad(x, (0, 4 + int((x.shape[-1] - 30) * 0.25))))
"""Casts of what is below 0."""
