"""What the rules of several tools read of a row."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..operators import Sizes
from ..origin import Call, Origin, usual
from ..row import Row


def origin_of(row: Row) -> Origin:
    """Where a row comes from; what no framework made is taken for a module of torch."""
    return row.origin or usual(row.operator, row.sizes)


def watching(rule: Callable[[Row], Any]) -> Callable[[Row], Any]:
    """A rule by calls of modules: of a graph of operators, as torch.export makes it, these are not known."""

    @wraps(rule)
    def count(row: Row) -> Any:
        origin = origin_of(row)
        graph = origin.module.startswith("torch.fx.graph_module.")
        return None if graph and origin.function.startswith("aten.") else rule(row)

    return count


def is_cell(row: Row) -> bool:
    """Whether a row is one step of a recurrent layer, called by itself: two dense layers and operations on elements."""
    return origin_of(row).name.endswith("_cell")


def given_to(row: Row) -> tuple[Sizes | None, ...]:
    """The sizes of what the module is given whose result a row is."""
    return row.inputs if row.origin is None else row.given


def first(row: Row) -> Sizes:
    """The sizes of the first input."""
    return (row.inputs[0] if row.inputs else None) or ()


def second(row: Row) -> Sizes:
    """The sizes of the second input."""
    return (row.inputs[1] if len(row.inputs) > 1 else None) or ()


def torchs(call: Call) -> str:
    """The type of a module of torch without the number of its axes; empty for one that is not torch's.

    >>> [torchs(Call(kind, ())) for kind in ("torch.nn.Conv2d", "my.layers.Conv2d", "torch.nn.Softmax2d")]
    ['Conv', '', 'Softmax2d']
    """
    place, _, name = call.kind.rpartition(".")
    if place != "torch.nn":
        return ""
    return name[:-2] if name[-2:] in ("1d", "2d", "3d") and name != "Softmax2d" else name
