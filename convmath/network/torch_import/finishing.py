"""The graph of the steps when all is read: their names, and what results depend on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..graph import Graph
from ..node import Node
from ..provenance import Provenance
from ..sizes.in_operators import changed, sizes_in
from ..sizes.number import number_of
from ..sizes.size import Size
from ..sizes.trail import Recorder, leaves, renamed
from . import calls
from .values import Step, Torch, Value

if TYPE_CHECKING:
    from .builder import Builder


def ends_of(builder: Builder, outputs: Iterable[Value]) -> list[int]:
    """The numbers of the steps that make what is returned; noted are those of which no gradient goes back from that."""
    returned = [builder.writing.seen(value) for value in outputs]
    ends = [builder.step_of(value) for value in returned]
    learned = {end for end, value in zip(ends, returned, strict=True) if not value.is_cut}
    for end in ends:
        builder.steps[end].detached = end not in learned
    return ends


def kept_of(steps: Sequence[Step], ends: Sequence[int], recorder: Recorder) -> set[int]:
    """The numbers of the steps without the constants that nothing reads.

    Args:
        steps: all of them.
        ends: the numbers of those that make the results.
        recorder: what the forward has seen of sizes.
    """
    used = set(ends) | recorder.nodes
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        if not step.constant:
            used.add(number)
        if number in used:
            used.update(step.inputs, step.weights)
            if step.traced is not None:
                used.update(leaf.node for size in sizes_in(step.traced) for leaf in leaves(size.term))
    return used


def finished(steps: Sequence[Step], kept: Sequence[int], ends: Sequence[int], recorder: Recorder, kind: Torch) -> Graph:
    """The nodes with their final names.

    Args:
        steps: all of them.
        kept: the numbers of those that become nodes, in order.
        ends: the numbers of those that make the results.
        recorder: what the forward has seen of sizes.
        kind: the type of the elements of most tensors.
    """
    returned = behind(steps, ends)
    names = distinct([step.name for step in steps])
    trail = recorder.trail(names.__getitem__, lambda step: bisect_left(kept, step))  # before operators compare names
    nodes = (_node(steps[number], names[number], names, used=number in returned) for number in kept)
    graph = Graph(nodes, dict.fromkeys(names[end] for end in ends))
    graph.provenance = Provenance(trail=trail, dtype=str(kind).removeprefix("torch."))
    return graph


def _node(step: Step, name: str, names: Sequence[str], *, used: bool) -> Node:
    origin = calls.of_node(step.origin, step.call, names, used=used)
    named = names.__getitem__
    traced = step.traced and changed(step.traced, lambda size: Size(number_of(size), renamed(size.term, named)))
    inputs = tuple(names[i] for i in step.inputs)
    weights = tuple(names[i] for i in step.weights)
    found = name, step.operator, inputs, step.params, origin, traced, ()
    return Node(*found, step.cut, step.frozen, step.placement, step.layer, weights, step.detached, step.learned)


def distinct(wanted: list[str]) -> list[str]:
    """Each name once: those that come again are numbered.

    >>> distinct(["relu", "conv", "relu", "relu_1"])
    ['relu', 'conv', 'relu_2', 'relu_1']
    """
    taken: set[str] = set(wanted)
    given: set[str] = set()
    counts: dict[str, int] = {}
    names = []
    for name in wanted:
        candidate = name
        while candidate in given or (candidate != name and candidate in taken):
            counts[name] = counts.get(name, 0) + 1
            candidate = f"{name}_{counts[name]}"
        given.add(candidate)
        names.append(candidate)
    return names


def behind(steps: Sequence[Step], ends: Iterable[int]) -> set[int]:
    """The steps that these depend on, by their inputs or by weights that are computed, and they themselves."""
    found = set(ends)
    for number in range(max(found, default=-1), -1, -1):
        if number in found:
            found.update(steps[number].inputs, steps[number].weights)
    return found
