"""The rules of fvcore."""

from __future__ import annotations

from math import floor
from typing import Any

from ..operators import (
    AdaptivePool,
    Attention,
    Conv,
    ConvTranspose,
    Einsum,
    Linear,
    MatMul,
    Norm,
    Recurrent,
    Resize,
)
from ..operators.base import product
from ..row import Row
from .shared import first, is_cell, origin_of, second

_PRODUCTS = ("matmul", "mm", "bmm", "addmm", "linear")
_UNKNOWN_TO_IT = ("baddbmm", "tensordot", "bilinear", "outer", "ger", "inner")


def fvcore(row: Row) -> Any:
    """Of an operator that torch.jit.trace records, by its sizes."""
    origin, operator, out = origin_of(row), row.operator, row.elements
    match operator:
        case _ if not origin.used:
            return 0  # a trace holds only what its result depends on
        case Conv(padding="same" | "valid"):
            return 0  # a padding that is named makes it an operator that fvcore does not know
        case Conv() | ConvTranspose() | Linear():
            return row.work.macs
        case Recurrent() if is_cell(row):
            return row.work.macs
        case MatMul() if origin.name in _PRODUCTS:
            return product(first(row)) * second(row)[-1]
        case Einsum() if origin.name == "einsum" and len(operator.inputs) == 2:
            return _einsum(operator, row)
        case MatMul() | Einsum():
            return 0 if origin.name in _UNKNOWN_TO_IT else None
        case Attention():
            sums = out * second(row)[-2]
            scores = product((row.sizes or ())[:-1]) * second(row)[-2] * first(row)[-1]
            return {"bmm": scores + sums, "baddbmm": sums}.get(origin.name, 0)
        case Norm(name="batch_norm", dims=()):
            return out * (2 if operator.params else 1)
        case Norm(name="batch_norm" | "group_norm" | "layer_norm" | "instance_norm"):
            return out * (5 if operator.params else 4)
        case AdaptivePool(how="avg") if len(first(row)) == 4:
            return product(first(row))
        case Resize(mode=mode) if len(first(row)) == 4:
            return out * {"nearest": 1, "linear": 4}.get(mode, 0)
    return 0


def _einsum(operator: Einsum, row: Row) -> Any:
    """Half of what NumPy's path says, which gives four digits; two equations are counted exactly."""
    sizes: dict[str, Any] = {}
    for letters, source in zip(operator.inputs, row.inputs, strict=True):
        for letter, size in zip(letters, source or (), strict=True):
            sizes[letter] = max(size, sizes.get(letter, 1))
    everything = product(list(sizes.values()))
    order = {letter: chr(ord("a") + number) for number, letter in enumerate(sizes)}
    equation = ["".join(order[letter] for letter in letters) for letters in (*operator.inputs, operator.output)]
    if equation in (["abc", "abd", "acd"], ["abc", "adc", "adb"]):
        return everything
    summed = set(sizes) - set(operator.output)
    return floor(float(f"{everything * (2 if summed else 1):.3e}") / 2)
