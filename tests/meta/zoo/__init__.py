"""Wrong kernels of every kind, each its twin with one step changed."""

from __future__ import annotations

from . import conv, conv_transpose, gradients, pooling
from .specimen import Specimen
from .twins import TWINS

ZOO: tuple[Specimen, ...] = (*conv.SPECIMENS, *conv_transpose.SPECIMENS, *gradients.SPECIMENS, *pooling.SPECIMENS)

__all__ = ["TWINS", "ZOO", "Specimen"]
