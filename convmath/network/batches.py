"""Which dimension of a tensor is the batch: it is followed through what moves it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..errors import ConvmathError
from .fields.budget import Budget
from .graph import Graph
from .layer import Layer, layers_of
from .node import Node
from .operators import Input, Operator, Recurrent, Sizes


def images_of(graph: Graph, sizes: Mapping[str, Sizes | None] | None = None) -> Sizes:
    """The sizes of the first input of a network, or none: the first of them is how many images there are at once."""
    for node in graph:
        if isinstance(node.operator, Input) and not node.placement.stored:
            return node.operator.shape if sizes is None else sizes[node.name] or ()
    return ()


def batch_of(node: Node, layer: Layer, inputs: Sequence[int | None], images: Sizes, sizes: Sizes | None) -> int | None:
    """The dimension that reads the batch of an input in its place; else the first, if it is as long as a batch.

    Args:
        node: the node.
        layer: its layer.
        inputs: the dimension of the batch in each of its inputs; None where none is.
        images: as :func:`images_of` says.
        sizes: those of its output; None if unknown.
    """
    for batch, kept in zip(inputs, layer.kept, strict=False):
        if batch is not None and batch in kept:
            return kept.index(batch)
    if not inputs:
        own = node.placement.stored or node.placement.made
        return None if own or not sizes else 0
    return 0 if sizes and sizes[:1] == images[:1] else None


def batch_remarks(operator: Operator, batches: Sequence[int | None]) -> tuple[str, ...]:
    """What to say of a layer that runs from one sequence to the next, if that is what the batch is taken for.

    >>> from convmath.network.operators import Recurrent
    >>> batch_remarks(Recurrent("lstm", 4, 5, time=1), (0,))
    ()
    """
    if not isinstance(operator, Recurrent) or batches[:1] != (operator.time,):
        return ()
    taken = f"its steps are dimension {operator.time} of its input, which is taken for the batch"
    return (f"{taken}, as the first dimension of an input of the network is: output sizes leave out the steps",)


def batches_of(
    graph: Graph, sizes: Mapping[str, Sizes | None] | None = None, *, letters: bool = True
) -> dict[str, int | None]:
    """The dimension of the batch in the output of every node; None where none is.

    Args:
        graph: the network.
        sizes: those of every node in letters, where they are known; by default all are numbers.
        letters: whether the inputs of the graph are of sizes in letters, too; else they are numbers, at which other
            sizes may be as long as the batch.

    >>> from convmath.network.operators import Permute
    >>> net = Graph()
    >>> turned = net.add("turned", Permute((1, 0, 2)), net.input((8, 100)))
    >>> batches_of(net)
    {'input': 0, 'turned': 1}
    """
    layers, images = layers_of(graph, Budget(len(graph)), sizes if letters else None), images_of(graph, sizes)
    found: dict[str, int | None] = {}
    for node in graph:
        inputs, layer = [found[name] for name in node.inputs], layers[node.name]
        found[node.name] = batch_of(node, layer, inputs, images, layer.sizes if sizes is None else sizes[node.name])
    return found


def known_batches(graph: Graph, sizes: Mapping[str, Sizes | None], *, letters: bool) -> dict[str, int | None]:
    """The same, or nothing of a network that does not take the sizes at which it is given."""
    try:
        return batches_of(graph, sizes, letters=letters)
    except ConvmathError:
        return {}
