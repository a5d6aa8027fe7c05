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

LISTED = 64
"""So many tensors or numbers in a list take as long as a node."""

LONGEST = 1000
"""So many characters of a node's name are kept, the last ones: in a body it has those of the nodes around before it."""


def graphs_in(*nodes: Any) -> Iterator[Any]:
    """The graphs that are attributes of nodes, and those of their nodes, and so on."""
    waiting = list(nodes)
    while waiting:
        for attribute in waiting.pop().attribute:
            for graph in [attribute.g] if attribute.HasField("g") else attribute.graphs:
                yield graph
                waiting += graph.node


def nodes_in(graph: Any) -> int:
    """How many nodes a graph or a function runs, with those of the graphs inside of it; at least one for each graph.

    What lists many tensors or numbers counts as several, because each turn reads them again.
    """
    return sum(map(_own_nodes, (graph, *graphs_in(*graph.node))))


def _own_nodes(graph: Any) -> int:
    lists = ("input", "output", "initializer", "sparse_initializer", "opset_import")
    listed = sum(len(getattr(graph, name, ())) for name in lists)
    return max(1, listed // LISTED + sum(1 + _listed(node) // LISTED for node in graph.node))


def _listed(node: Any) -> int:
    """How many tensors and numbers a node lists."""
    lists = (one for attribute in node.attribute for one in (attribute.ints, attribute.floats, attribute.strings))
    return len(node.input) + len(node.output) + len(node.attribute) + sum(map(len, lists))


def names_read(graph: Any) -> frozenset[str]:
    """The names of the tensors that the nodes of a graph read, and that graphs inside of these read or give."""
    inner = list(graphs_in(*graph.node))
    read = (tensor for one in (graph, *inner) for node in one.node for tensor in node.input)
    return frozenset((*read, *(info.name for one in inner for info in one.output)))


def texts_in(graph: Any) -> Iterator[Any]:
    """The texts of a graph or a function, and of the graphs inside of it."""
    for one in (graph, *graphs_in(*graph.node)):
        sparse = (tensor.values for tensor in getattr(one, "sparse_initializer", ()))
        values = (*one.input, *one.output, *getattr(one, "initializer", ()), *sparse)
        yield from (one.name, *(getattr(value, "name", value) for value in values))
        for node in one.node:
            yield from (node.name, node.op_type, node.domain, *node.input, *node.output)


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
        return Scope(self.opsets, self.used, self.values.new_child(), self._before(label), self._deeper())

    def apart(self, label: str, opsets: Mapping[str, int], used: frozenset[str]) -> Scope:
        """The scope of a function, which sees nothing of what is around its call.

        Raises:
            NotUnderstoodError: it lies too deep.
        """
        return Scope(opsets, used, ChainMap(), self._before(label), self._deeper())

    def _before(self, label: str) -> str:
        return f"{self.prefix}{label}"[-LONGEST:]

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
