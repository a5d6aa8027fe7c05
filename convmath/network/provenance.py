"""How a graph is known: who reads it again at other sizes, and what was seen while it was read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from .operators import Sizes

if TYPE_CHECKING:
    from .graph import Graph
    from .sizes.trail import Trail

Reader: TypeAlias = "Callable[[Mapping[str, Sizes]], Graph]"
"""Reads a network at sizes of its inputs, without the batch, by their names."""

Edit: TypeAlias = "Callable[[Graph], Graph]"
"""A changed copy of a graph."""


@dataclass(frozen=True)
class Provenance:
    """How a graph is known. Every copy of the graph has it, so that none claims more; by hand, there is nothing in it.

    Attributes:
        source: reads the network again; None if no importer has read it.
        edits: how the graph was changed since; what is read again is changed in the same way.
        trail: what the network's own code saw of sizes, where an importer has followed it.
        reading: the same network at the sizes at which an importer has read it, where sizes of its inputs are symbols.
        unused: parts of the model that no node is made of, and the parameters in them.
    """

    source: Reader | None = None
    edits: tuple[Edit, ...] = ()
    trail: Trail | None = None
    reading: Graph | None = None
    unused: Mapping[str, int] = field(default_factory=dict)

    @property
    def reread(self) -> Reader | None:
        """Reads the graph again, with all that was changed in it; None if no importer has read it."""
        source = self.source
        if source is None:
            return None

        def again(sizes: Mapping[str, Sizes]) -> Graph:
            found = source(sizes)
            found.provenance = replace(found.provenance, source=source)
            for edit in self.edits:
                found = edit(found)
            return found

        return again

    def edited(self, edit: Edit) -> Provenance:
        """That of a copy that is changed."""
        if self.source is None:
            return self
        return replace(self, edits=(*self.edits, edit), reading=self.reading and edit(self.reading))
