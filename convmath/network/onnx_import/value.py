"""A tensor while a network is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ..operators import Sizes

MOST_DIMENSIONS = 64
"""A tensor of more is refused; NumPy has this limit, too."""

Array: TypeAlias = Any
"""A NumPy array: of ints, floats or bools, or of objects where sizes are symbols."""


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor.

    Attributes:
        sizes: its sizes; None if unknown.
        node: the node of the graph that makes it; empty for one that depends on no input.
        array: its elements, of short tensors that depend on nothing but sizes.
        name: the name of a constant.
        learned: whether it is taken for a parameter that is learned.
        parts: the constants that a constant is made of.
    """

    sizes: Sizes | None
    node: str = ""
    array: Array = None
    name: str = ""
    learned: bool = False
    parts: tuple[Value, ...] = ()

    @property
    def constant(self) -> bool:
        """Whether it depends on no input."""
        return not self.node
