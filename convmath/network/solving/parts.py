"""What the questions that are read backwards have in common: parts of networks, and layers with other parameters."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...errors import DomainError
from ..graph import Graph
from ..node import Node
from ..operators import Operator, Sizes
from ..operators.convolution import per_axis
from ..provenance import Provenance
from ..sizes.in_operators import sizes_in
from ..sizes.size import Size
from ..sizes.trail import Leaf, Trail, leaves


def name_of(graph: Graph, node: str | None) -> str:
    """The name of a node, by default of the last whose result the network returns; DomainError if there is none."""
    if not len(graph):
        raise DomainError("graph", "", "needs a node; this network has none")
    if node is not None:
        return graph[node].name
    returned = set(graph.outputs)
    return next(one.name for one in reversed(list(graph)) if one.name in returned)


def axes_asked(axis: int | None, axes: int) -> tuple[int, ...]:
    """The spatial axes that are asked for: one, or all; DomainError if there is none."""
    if axis is None:
        return tuple(range(axes))
    if type(axis) is not int or not 0 <= axis < axes:
        raise DomainError("axis", axis, f"needs an axis from 0 to {axes - 1}")
    return (axis,)


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
    """The part of a network on which a node depends, that node the last, known at other sizes as the whole of it is."""
    nodes = list(graph)
    last = [node.name for node in nodes].index(graph[name].name)
    trail = graph.trail and _until(graph.trail, last)
    needed = {name, *(leaf.node for leaf in _seen(trail))}
    kept: list[int] = []
    for number in range(last, -1, -1):
        node = nodes[number]
        if node.name in needed:
            needed.update(node.inputs, *((leaf.node for leaf in leaves(size.term)) for size in _told(node)))
            kept.append(number)
    kept.reverse()
    part = Graph(nodes[number] for number in kept)
    reread, reading = graph.reread, graph.reading
    part.provenance = Provenance(
        reread and (lambda sizes: part_up_to(reread({**_own_sizes(graph), **sizes}), name)),
        trail=trail and _placed(trail, kept),
        reading=reading and part_up_to(reading, name),
        unused=graph.unused,
        dtype=graph.provenance.dtype,
    )
    return part


def _told(node: Node) -> Iterable[Size]:
    return sizes_in(node.traced) if node.traced else ()


def _until(trail: Trail, last: int) -> Trail:
    """What was seen before a node was read."""
    guards = tuple(guard for guard in trail.guards if guard.position <= last)
    looked = tuple(one for one in trail.looked if one[0] <= last)
    return Trail(guards, looked, trail.astray if trail.astray is not None and trail.astray <= last else None)


def _seen(trail: Trail | None) -> Iterator[Leaf]:
    """The sizes that were compared or told."""
    if trail is not None:
        for guard in trail.guards:
            for side in (*guard.question[1:], *guard.holds[1:]):
                yield from leaves(side)
        yield from (leaf for _, leaf in trail.looked)


def _placed(trail: Trail, kept: Sequence[int]) -> Trail:
    """The same where only some nodes are kept."""
    guards = tuple(replace(guard, position=bisect_left(kept, guard.position)) for guard in trail.guards)
    looked = tuple((bisect_left(kept, at), leaf) for at, leaf in trail.looked)
    return Trail(guards, looked, None if trail.astray is None else bisect_left(kept, trail.astray))


def _own_sizes(graph: Graph) -> dict[str, Sizes]:
    """The sizes of a network's inputs without the batch, of which a part may read only some."""
    return {name: graph[name].operator.sizes()[1:] for name in graph.inputs}
