"""A tensor while a network is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

from ..operators import Sizes

MOST_DIMENSIONS = 64
"""A tensor of more is refused; NumPy has this limit, too."""

Array: TypeAlias = Any
"""A NumPy array: of ints, floats or bools, or of objects where sizes are symbols."""


class Learned(Enum):
    """Whether a stored tensor is a parameter that is learned.

    The file says that it is one, or that it is none; or nothing, and it may be one where an operator is there for
    parameters, or is no number that is learned but as the weights of a layer.
    """

    YES = "yes"
    NO = "no"
    PERHAPS = "perhaps"
    UNLIKELY = "unlikely"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor.

    Attributes:
        sizes: its sizes; None if unknown.
        node: the node of the graph that makes it; empty for one that depends on no input.
        array: its elements, of short tensors that depend on nothing but sizes.
        name: the name of a constant.
        learned: whether it is a parameter.
        parts: the constants that a constant is made of.
        items: the tensors of a sequence; None if it is a tensor, or unknown what it holds.
    """

    sizes: Sizes | None
    node: str = ""
    array: Array = None
    name: str = ""
    learned: Learned = Learned.UNLIKELY
    parts: tuple[Value, ...] = ()
    items: tuple[Value, ...] | None = None

    @property
    def constant(self) -> bool:
        """Whether it depends on no input."""
        return not self.node

    def filled(self, number: float) -> bool:
        """Whether all of its elements are known to be this number."""
        return self.array is not None and bool((self.array == number).all())

    @property
    def stored(self) -> bool:
        """Whether it is made of a tensor that is stored in the file, and not of what nodes say alone."""
        waiting = [self]
        while waiting:
            one = waiting.pop()
            if one.name:
                return True
            waiting += one.parts
        return False
