"""What an importer has fixed: a network is read again at other sizes of its input, and has to be the same there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..errors import ConvmathError
from .graph import Graph
from .operators import Input, Operator, Sizes

OTHERS = (1, 3, 32, 64)
"""So much larger are the sizes at which a network is read again; those that it does not take are passed over."""


def fixed_while_reading(graph: Graph, moving: Mapping[str, tuple[int, ...]]) -> tuple[dict[str, str], str]:
    """Why nodes hold at the size of their reading only, by name, and why the whole graph does; empty where they do not.

    An importer resolves sizes that a network computes with, and follows it where it branches on them. A graph that was
    built by hand has nothing of the kind. That the others are the same at every size is checked at some, not proved.

    Args: graph: the network. moving: the dimensions of each input whose size is varied.
    """
    if graph.reread is None:
        return {}, ""
    fixed: dict[str, str] = {}
    tried = False
    for sizes, words in _others(graph, moving):
        try:
            other = graph.reread(sizes)
        except ConvmathError:
            continue
        tried = True
        if [(n.name, n.inputs) for n in graph] != [(n.name, n.inputs) for n in other]:
            return {}, f"the network reads otherwise {words}: its flow of control depends on the size"
        for node in graph:
            if not _same(node.operator, other[node.name].operator):
                fixed.setdefault(node.name, f"{node.name} was fixed to the size at reading: it is another {words}")
    return fixed, "" if tried else "the network takes none of the other sizes at which it was read again"


def _same(first: Operator, second: Operator) -> bool:
    return first == second or (isinstance(first, Input) and isinstance(second, Input))


def _others(graph: Graph, moving: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[dict[str, Sizes], str]]:
    for more in OTHERS:
        sizes = {}
        for name in graph.inputs:
            shape = graph[name].operator.sizes()
            varied = moving.get(name, ())
            sizes[name] = tuple(n + more if d in varied else n for d, n in enumerate(shape))[1:]
        yield sizes, f"with inputs {more} larger"
