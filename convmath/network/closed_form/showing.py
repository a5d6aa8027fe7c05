"""How closed forms show themselves: a node in a line, and all of them with the sets of input sizes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

from ...calculus.index import Term
from ...notebook import brief, counted, html_table, listed
from .inputs import InputSizes


class Line(ABC):
    """The closed form of a node, in one symbol or in several."""

    @property
    @abstractmethod
    def sizes(self) -> tuple[int | Term, ...] | None:
        """The sizes, the batch first, as ints and SymPy terms; None where they are unknown."""

    @property
    @abstractmethod
    def cells(self) -> tuple[str, str, str, str]:
        """The name, the sizes without the batch, the valid input sizes and the label, as text."""

    def __repr__(self) -> str:
        """In a line."""
        return brief(self, str(self))

    def __str__(self) -> str:
        """In a line."""
        name, sizes, valid, label = self.cells
        return f"{name}: {label}" if self.sizes is None else f"{name}: {sizes} for {valid}, {label}"


class Lines(ABC):
    """The closed forms of all nodes, in one symbol or in several."""

    @abstractmethod
    def __iter__(self) -> Iterator[Line]:
        """The closed forms in order."""

    @abstractmethod
    def __len__(self) -> int:
        """The number of nodes."""

    @property
    @abstractmethod
    def outputs(self) -> Sequence[Line]:
        """Those of the nodes whose results the network returns, in its order."""

    @abstractmethod
    def sets(self) -> Iterator[tuple[str, InputSizes]]:
        """The sets of input sizes, each with its name."""

    def __repr__(self) -> str:
        """The number of nodes and the closed forms of what the network returns."""
        return brief(self, counted(len(self), "node"), listed(self.outputs))

    def __str__(self) -> str:
        """A line for every node and for the sets."""
        return "\n".join((*map(str, self), *(f"{name}: {found}" for name, found in self.sets())))

    def _repr_html_(self) -> str:
        """Tables for notebooks."""
        nodes = html_table(("node", "output size", "for", "label"), (form.cells for form in self))
        sets = ((name, found, found.label) for name, found in self.sets())
        return nodes + html_table(("input sizes", "which", "label"), sets)
