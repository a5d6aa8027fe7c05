"""Where training computes gradients: those of which inputs, and of whose weights."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import compress
from typing import TypeAlias

from .graph import Graph
from .layer import Layer

Gradients: TypeAlias = tuple[tuple[bool, ...], bool]
"""For each input of a node whether training computes its gradient, and whether it does those of the node's weights."""


def gradients_of(graph: Graph, layers: Mapping[str, Layer]) -> dict[str, Gradients]:
    """What training computes at every node.

    A gradient goes from what the network returns back to parameters that are trained, by every way that is open: no
    way goes through a comparison, the place of an extremum or an input that is detached. Where a function has gradients
    of its own, ways are open through all that it computes.
    """
    learned: set[str] = set()
    found: dict[str, Gradients] = {}
    nodes = list(graph)
    for node in nodes:
        layer, own = layers[node.name], False
        inputs: tuple[bool, ...] = tuple([name in learned for name in node.inputs])
        if node.cut:
            inputs = tuple([goes and number not in node.cut for number, goes in enumerate(inputs)])
        if not layer.operator.differentiable and not (node.origin and node.origin.custom):
            inputs = (False,) * len(inputs)
        elif (node.params or node.learned or layer.learns) and node.frozen != "all":
            learned.add(node.name)
            own = node.frozen == ""
        elif True in inputs:
            learned.add(node.name)
        found[node.name] = inputs, own
    wanted = ends(graph)
    for node in reversed(nodes):
        inputs, own = found[node.name]
        if node.name in wanted:
            wanted.update(compress(node.inputs, inputs), () if node.frozen == "all" else node.weights)
        elif own or True in inputs:
            found[node.name] = (False,) * len(inputs), False
    return found


def ends(graph: Graph) -> set[str]:
    """Where gradients begin: at what is returned, if it is not detached."""
    return {name for name in graph.outputs if not graph[name].detached}
