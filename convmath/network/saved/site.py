"""What a rule sees of a node, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

from ..operators import Attention, Sizes
from ..operators.base import product
from ..row import Row
from ..strides import Strides, is_contiguous

Besides: TypeAlias = tuple[str, Any] | tuple[str, Any, str]
"""What a tensor is, its elements, and their type where it is not the network's."""


@dataclass(frozen=True, slots=True)
class Site:
    """A node whose gradients are computed.

    Attributes: row: what is known of it. strides: how each input lies in memory; None where that is not known.
        training: whether normalisation takes the statistics of the batch, and dropout drops.
    """

    row: Row
    strides: tuple[Strides | None, ...]
    training: bool

    @property
    def source(self) -> Sizes:
        """The sizes of the first input."""
        return self.row.inputs[0] or ()

    @property
    def sizes(self) -> Sizes:
        """Those of the result."""
        return self.row.sizes or ()

    @property
    def called(self) -> str:
        """The name of the function that was called, in place or not; empty where none is known."""
        origin = self.row.origin
        if origin is None:
            return ""
        place, _, name = origin.function.rpartition(".")
        return name.removeprefix("i" if place == "operator" else "").rstrip("_")

    @property
    def in_place(self) -> bool:
        """Whether it is written into what it reads."""
        return bool(self.row.placement.shares)

    @property
    def drops(self) -> bool:
        """Whether dropout drops, if its rate is not 0."""
        origin = self.row.origin
        return self.training or (origin is not None and origin.drops)

    @property
    def fused(self) -> bool:
        """Whether it is attention that torch computes without its weights, and lays out as the queries lie."""
        operator, inputs = self.row.operator, [sizes or () for sizes in self.row.inputs]
        if not isinstance(operator, Attention) or len(inputs) != 3 or (operator.dropout and self.drops):
            return False
        query, key, value = inputs
        if not all(strides and strides[-1] == 1 for strides in self.strides):
            return False
        return len(query) == 4 and query[:2] == key[:2] == value[:2] and query[-1] == value[-1]

    @property
    def half(self) -> bool:
        """Whether it computes in a type of 16 bits, of which torch takes some sums in float32."""
        return self.row.dtype in ("float16", "bfloat16")

    def widened(self, what: str, elements: Any) -> Besides:
        """A tensor of its own that has at least the bits of float32."""
        return (what, elements, "float32") if self.half else (what, elements)

    def wanted(self, number: int) -> bool:
        """Whether the gradient of an input is computed."""
        return self.row.learned[number]


@dataclass(frozen=True, slots=True)
class Keeps:
    """What a node saves: which of its inputs, its output, and tensors of its own."""

    inputs: tuple[int, ...] = ()
    output: bool = False
    besides: tuple[Besides, ...] = ()


Answer: TypeAlias = Keeps | str
"""What is kept, or why that is not known, in words."""

NOTHING = Keeps()
INPUT = Keeps((0,))
OUTPUT = Keeps(output=True)
BOTH = Keeps((0,), output=True)

OTHER = "what torch saves of it is not known here"
LAYOUT = "torch copies what does not lie in order, and how its input lies in memory is not known"


def copied(*sizes: Sizes, inputs: tuple[int, ...] = ()) -> Keeps:
    """Copies of so many tensors, and some of the inputs."""
    return Keeps(inputs, besides=tuple(("copy", product(one)) for one in sizes))


def in_order(site: Site) -> bool:
    """Whether the first input lies one row after the other."""
    strides = site.strides[0]
    return strides is not None and is_contiguous(site.source, strides)
