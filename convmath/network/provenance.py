"""How a graph is known: who reads it again at other sizes, and what was seen while it was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from ..errors import DomainError, UnsupportedError
from .operators import Sizes

if TYPE_CHECKING:
    from .graph import Graph
    from .node import Node
    from .sizes.trail import Trail

Reader: TypeAlias = "Callable[[Mapping[str, Sizes]], Graph]"
"""Reads a network at sizes of its inputs, without the batch, by their names."""

Edit: TypeAlias = "Callable[[Graph], Graph]"
"""A changed copy of a graph."""


class RefusedLaterError(DomainError):
    """A network does not take sizes, though its own code went on after an operator had refused them."""


def _left_behind(sizes: Mapping[str, Sizes]) -> Graph:
    """In place of what reads the network again, in a graph that comes of a pickle."""
    raise UnsupportedError("a pickled graph is without its model, and cannot be read again: read it from the model")


@dataclass(frozen=True)
class Provenance:
    """How a graph is known. Every copy of the graph has it, so that none claims more; by hand, there is nothing in it.

    A pickle of it says that there was a model, but does not hold that.

    Attributes:
        source: reads the network again; None if no importer has read it.
        edits: how the graph was changed since; what is read again is changed in the same way.
        trail: what the network's own code saw of sizes, where an importer has followed it.
        reading: the same network at the sizes at which an importer has read it, where sizes of its inputs are symbols.
        unused: parts of the model that no node is made of, and the parameters in them.
        dtype: the type of the network, which is that of its weights; empty where nobody says it.
        added: the nodes that were added since the last of the edits, which the reading has not yet.
    """

    source: Reader | None = None
    edits: tuple[Edit, ...] = ()
    trail: Trail | None = None
    reading: Graph | None = None
    unused: Mapping[str, int] = field(default_factory=dict)
    dtype: str = ""
    added: tuple[Node, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """All but the model, whose weights and functions do not travel."""
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        return known if self.source is None else known | {"source": _left_behind, "edits": ()}

    def __deepcopy__(self, memo: Any) -> Provenance:
        """Itself, as every copy of the graph has it."""
        return self

    @property
    def reread(self) -> Reader | None:
        """Reads the graph again, with all that was changed in it; None if no importer has read it."""
        source = self.source
        if source is None:
            return None

        def again(sizes: Mapping[str, Sizes]) -> Graph:
            found = source(sizes)
            found.provenance = replace(found.provenance, source=source)
            for edit in self.settled.edits:
                found = edit(found)
            return found

        return again

    def edited(self, edit: Edit) -> Provenance:
        """That of a copy that is changed."""
        if self.source is None:
            return self
        known = self.settled
        return replace(known, edits=(*known.edits, edit), reading=known.reading and edit(known.reading))

    def longer(self, node: Node) -> Provenance:
        """That of the graph with a node more."""
        return self if self.source is None else replace(self, added=(*self.added, node))

    @cached_property
    def settled(self) -> Provenance:
        """With the nodes that were added as one edit."""
        if not (added := self.added):
            return self
        return replace(self, added=()).edited(lambda other: other.longer(added))
