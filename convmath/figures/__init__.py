"""Figures: convolution arithmetic, what a pixel sees through a network, kernels and feature maps.

>>> from convmath.network.operators import Conv
>>> picture = frame(Windows(Conv(1, 1, (3, 3), stride=2), (5, 5)), 3)
>>> picture.svg.count('data-mark="read"')
9
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .arithmetic import animation, frame, frames
from .seen import Seen, seen
from .seen_picture import seen_picture
from .svg import Picture, require_svg
from .windows import Windows

if TYPE_CHECKING:
    from .grid import ImageGrid, image_grid

__all__ = [
    "ImageGrid",
    "Picture",
    "Seen",
    "Windows",
    "animation",
    "frame",
    "frames",
    "image_grid",
    "require_svg",
    "seen",
    "seen_picture",
]


if not TYPE_CHECKING:  # a type checker would take any name for an export

    def __getattr__(name: str) -> Any:
        """Grids of images, with NumPy, when they are first asked for."""
        if name not in ("ImageGrid", "image_grid"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import grid

        return getattr(grid, name)
