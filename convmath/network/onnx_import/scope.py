"""Where the nodes of a graph are read: in the network itself, in a graph inside of a node, or in a function."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .registry import NotUnderstoodError
from .value import Value

MOST_GRAPHS = 30
"""Graphs inside of each other that are followed; the encoding of files has a limit of about this, too."""

MOST_STEPS = 20_000
"""Nodes of bodies of loops and of functions that are followed, each as often as it runs."""


def graphs_in(*nodes: Any) -> Iterator[Any]:
    """The graphs that are attributes of nodes, and those of their nodes, and so on."""
    waiting = list(nodes)
    while waiting:
        for attribute in waiting.pop().attribute:
            for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield graph
                waiting += graph.node


def nodes_in(*graphs: Any) -> int:
    """How many nodes graphs or functions have, with those of the graphs inside of them."""
    return sum(len(graph.node) + sum(len(inner.node) for inner in graphs_in(*graph.node)) for graph in graphs)


def names_read(graph: Any) -> frozenset[str]:
    """The names of the tensors that the nodes of a graph read, and that graphs inside of these read or give."""
    inner = list(graphs_in(*graph.node))
    read = (tensor for one in (graph, *inner) for node in one.node for tensor in node.input)
    return frozenset((*read, *(info.name for one in inner for info in one.output)))


@dataclass(frozen=True, slots=True)
class Scope:
    """What names stand for.

    Attributes:
        opsets: the version of every set of operators, by domain.
        used: the names of the tensors that are read, or given.
        values: the tensors by their names; those of graphs around it are seen, too.
        prefix: what comes before the names of its nodes.
        depth: how many graphs lie around it.
    """

    opsets: Mapping[str, int]
    used: frozenset[str]
    values: ChainMap[str, Value] = field(default_factory=ChainMap)
    prefix: str = ""
    depth: int = 0

    def inside(self, label: str) -> Scope:
        """The scope of a graph inside of this one, whose nodes have a label before their names.

        Raises:
            NotUnderstoodError: it lies too deep.
        """
        return Scope(self.opsets, self.used, self.values.new_child(), f"{self.prefix}{label}", self._deeper())

    def apart(self, label: str, opsets: Mapping[str, int], used: frozenset[str]) -> Scope:
        """The scope of a function, which sees nothing of what is around its call.

        Raises:
            NotUnderstoodError: it lies too deep.
        """
        return Scope(opsets, used, ChainMap(), f"{self.prefix}{label}", self._deeper())

    def _deeper(self) -> int:
        if self.depth >= MOST_GRAPHS:
            raise NotUnderstoodError(f"graphs lie in each other, more than {MOST_GRAPHS} deep")
        return self.depth + 1


class Steps:
    """How many nodes of bodies and functions may still be followed."""

    def __init__(self) -> None:
        """All of them."""
        self._left = MOST_STEPS

    def take(self, count: int) -> None:
        """Follow so many.

        Raises:
            NotUnderstoodError: they are too many.
        """
        if count > self._left:
            raise NotUnderstoodError(
                f"it runs {count:,} nodes, and of bodies of loops and functions {MOST_STEPS:,} are followed at most"
            )
        self._left -= count
