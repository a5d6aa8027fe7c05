"""The rule of torchinfo."""

from __future__ import annotations

from typing import Any

from ..operators.base import product
from ..row import Row
from .shared import origin_of, watching


@watching
def torchinfo(row: Row) -> Any:
    """Of a call of a module without parts, its own weights and biases times what their names make them count for."""
    call, out = origin_of(row).call, row.sizes
    if call is None or not call.leaf:
        return 0
    if out is None or call.options.get("masked"):
        return None  # of pruned parameters it counts those that are left, and none is read here
    convolution = "Conv" in call.kind.rpartition(".")[2]
    counted = 0
    for name, sizes in call.parameters.items():
        if name in ("weight", "bias"):
            times = product(out[:1]) * (product(out[2:]) if convolution else 1)
        else:
            times = product(out[:2]) if "weight" in name or "bias" in name else 0
        counted += product(sizes) * times
    return counted
