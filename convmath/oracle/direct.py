"""The error of sums of products computed as they stand: loops, im2col, implicit GEMM."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .accumulation import Accumulation, Error, Floats
from .layer import Layer


@dataclass(frozen=True)
class Direct:
    """Sums in any order: sequential, reversed, pairwise, blocked, split between processors, with fused operations.

    A product is rounded once, and each term takes part in at most one addition less than there are terms. So for n
    products there are n roundings on the way of each, and with a bias n + 1; then

        |computed - exact| <= gamma_n * sum of |x||w|       [Higham2002, section 3.1].

    A sum without products is rounded once less. An average is rounded twice more, where it is multiplied by the rounded
    reciprocal of its divisor. A maximum is not rounded at all.
    """

    def paths(self, layer: Layer) -> float:
        """As many as there are terms, and the bias."""
        return float(np.max(layer.terms, initial=0)) + 1

    def error(self, layer: Layer, accumulation: Accumulation) -> Error:
        """gamma_n times the sum of the terms' absolute values, with rounded factors and underflow."""
        growth = accumulation.growth(_roundings(layer))
        products = growth
        if layer.kind != "max_pool":
            products = accumulation.with_inputs(growth, 2 if layer.bilinear else 1)
        operations = 0 if layer.kind == "max_pool" else 2 * layer.terms + 2
        lost = layer.terms * accumulation.lost_inputs(layer) + operations * accumulation.absolute
        with np.errstate(invalid="ignore", over="ignore"):
            absolute = products * layer.products + growth * layer.bias + (1 + growth) * lost
        return Error(absolute, layer.products + layer.bias + absolute)


def _roundings(layer: Layer) -> Floats:
    if layer.bilinear:
        return layer.terms + np.any(layer.bias > 0)
    if layer.kind == "max_pool":
        return np.zeros_like(layer.terms)
    averaged = layer.kind.startswith("avg_pool")
    return np.asarray(np.maximum(layer.terms - 1, 0) + 2 * averaged)
