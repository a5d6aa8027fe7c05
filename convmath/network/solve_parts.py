"""What the questions that are read backwards have in common: parts of networks, and layers with other parameters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .graph import Graph, Node
from .operators import Operator
from .operators.convolution import per_axis


def name_of(graph: Graph, node: str | None) -> str:
    """The name of a node, by default of the last; DomainError if there is none."""
    return graph[node].name if node is not None else list(graph)[-1].name


def changed(operator: Operator, **parameters: Any) -> Operator:
    """The operator with other parameters."""
    return replace(operator, **parameters)  # type: ignore[type-var]


def axes_of(operator: Any) -> int:
    """The number of spatial axes of a layer with windows."""
    return len(operator.kernel_size)


def strides_of(operator: Any) -> tuple[int, ...]:
    """The stride on each axis."""
    return per_axis(operator.kernel_size if operator.stride is None else operator.stride, axes_of(operator))


def dilations_of(operator: Any) -> tuple[int, ...]:
    """The dilation on each axis."""
    return per_axis(operator.dilation, axes_of(operator))


def part_up_to(graph: Graph, name: str) -> Graph:
    """The part of a network on which a node depends, that node the last."""
    needed = {graph[name].name}
    kept: list[Node] = []
    for node in reversed(list(graph)):
        if node.name in needed:
            needed.update(node.inputs)
            kept.append(node)
    return Graph(reversed(kept))
