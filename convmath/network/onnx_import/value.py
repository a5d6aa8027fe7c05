"""A tensor while a network is read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, TypeAlias

from ...errors import DomainError
from ..input_sizes import LARGEST
from ..operators import Sizes
from ..operators.base import product
from ..sizes.trail import Leaf, listening

MOST_DIMENSIONS = 64
"""A tensor of more is refused; NumPy has this limit, too."""

Array: TypeAlias = Any
"""A NumPy array: of ints, floats or bools, or of objects where sizes are symbols."""


class Learned(Enum):
    """Whether a stored tensor is a parameter that is learned.

    The file says that it is one, or that it is none; or nothing, and it may be one where an operator is there for
    parameters, or is no number that is learned but as the weights of a layer. Where its elements would show whether it
    is one or a mask, and lie in another file, it is untold.
    """

    YES = "yes"
    NO = "no"
    PERHAPS = "perhaps"
    UNLIKELY = "unlikely"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """A tensor.

    Attributes:
        sizes: its sizes; None if unknown.
        node: the node of the graph that makes it; empty for one that depends on no input and not on its sizes.
        elements: those of short tensors that depend on nothing but sizes.
        told: the sizes by whose numbers these go.
        name: the name of a constant.
        learned: whether it is a parameter.
        parts: the constants that a constant is made of.
        items: the tensors of a sequence; None if it is a tensor, or unknown what it holds.
        stored: the elements of the largest tensor stored in the file that it is made of; 0 where nodes alone say it.
        said: whether it is made of a tensor of which the file says that it is a parameter.
        made: whether it is a node that depends on no input but on its sizes, as positions and masks do.
        lone: whether it is made of nothing but what others are divided by, compared with or the like.
        scales: whether it is the scale by which a tensor of the network is quantised.
        last: the greatest of its elements, integers of at least 0, where it is known to be so at all sizes.
        around: integers between which its elements are at all sizes, where it has those of a tensor that has such.
    """

    sizes: Sizes | None
    node: str = ""
    elements: Array = None
    told: frozenset[Leaf] = frozenset()
    name: str = ""
    learned: Learned = Learned.UNLIKELY
    parts: tuple[Value, ...] = ()
    items: tuple[Value, ...] | None = None
    made: bool = False
    lone: bool = False
    scales: bool = False
    last: Any = None
    around: tuple[int, int] | None = None
    stored: int = field(init=False)
    said: bool = field(init=False)

    @property
    def constant(self) -> bool:
        """Whether it depends on no input, but perhaps on its sizes."""
        return self.made or not self.node

    @property
    def array(self) -> Array:
        """Its elements, for what may go by their numbers."""
        if self.told and (note := listening(*self.told)) is not None:
            for leaf in self.told:
                note.look(leaf)
        return self.elements

    @property
    def fixed(self) -> Value:
        """Itself with the elements that it has at these sizes."""
        return replace(self, elements=self.array, told=frozenset())

    @property
    def bounds(self) -> tuple[int, int] | None:
        """Integers between which its elements, which are such, are at all sizes; None where that is not known."""
        array = self.elements
        if array is None or self.told or array.dtype.kind != "i" or not array.size:
            return self.around
        return int(array.min()), int(array.max())

    def filled(self, number: float) -> bool:
        """Whether all of its elements are known to be this number."""
        return self.array is not None and bool((self.array == number).all())

    def __post_init__(self) -> None:
        """Say once what it is made of, because many may be made of the same ones."""
        own = product(self.sizes or ()) if self.name else 0
        object.__setattr__(self, "stored", max((one.stored for one in self.parts), default=own))
        object.__setattr__(self, "said", self.learned is Learned.YES or any(one.said for one in self.parts))


def sizes_of_stored(tensor: Any) -> Sizes:
    """The sizes of a tensor of the file.

    Raises:
        DomainError: they are too many, or one is negative.
    """
    sizes = tuple(tensor.dims)
    if len(sizes) > MOST_DIMENSIONS or min(sizes, default=0) < 0:
        raise DomainError("initializer", tensor.name, f"needs at most {MOST_DIMENSIONS} sizes, each >= 0")
    return sizes


def require_sizes(name: str, sizes: Sizes) -> None:
    """Require sizes that the output of a node may have.

    Raises:
        DomainError: they are too many, or one is too small or too large.
    """
    if len(sizes) > MOST_DIMENSIONS:
        raise DomainError("node", name, f"has {len(sizes)} dimensions; needs at most {MOST_DIMENSIONS}")
    for size in sizes:
        if isinstance(size, int) and not 1 <= size <= LARGEST:
            raise DomainError("node", name, f"its output would have the sizes {sizes}; each needs 1 <= size < 2**63")
