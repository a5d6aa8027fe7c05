"""Output paddings that make a network give back the size of its input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from ...errors import DomainError, unknown
from ...formulas.inverse import conv_transpose_output_padding
from ...notebook import brief, html_table, listed
from ..analysis import sizes_of
from ..fields.budget import Budget
from ..graph import Graph
from ..layer import Layer
from ..node import Node
from ..operators import Conv, ConvTranspose, Pool, Sizes
from ..symbolic import require_numbers
from .parts import axes_asked, axes_of, changed, dilations_of, name_of, part_up_to, strides_of

MOST_TRIED = 4096
"""So many combinations of output paddings are tried at most."""

MOST_SIZED = 2**17
"""They are fewer where the nodes whose sizes are computed for them would be more than this together."""


@dataclass(frozen=True)
class OutputPaddings:
    """Output paddings that make a network give back the size of its input.

    Attributes:
        values: the output padding of every transposed convolution by its name, one number an axis.
        graph: the network with them.

    >>> from convmath.network.operators import Conv, ConvTranspose
    >>> net = Graph()
    >>> code = net.add("code", Conv(1, 8, (3, 3), stride=2, padding=1), net.input((1, 8, 8)))
    >>> _ = net.add("decode", ConvTranspose(8, 1, (3, 3), stride=2, padding=1), code)
    >>> found = output_padding(net)
    >>> found["decode"], found.graph.analyze().output.output_size
    ((1, 1), (1, 8, 8))
    """

    values: Mapping[str, tuple[int, ...]]
    graph: Graph

    def __getitem__(self, name: str) -> tuple[int, ...]:
        """That of a transposed convolution."""
        return self.values[name]

    def __repr__(self) -> str:
        """The values."""
        return brief(self, listed([f"{name}: {value}" for name, value in self.values.items()]))

    def __str__(self) -> str:
        """A line for each transposed convolution."""
        return "\n".join(f"{name}: output padding {value}" for name, value in self.values.items())

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from ..views.cells import alike

        rows = ((name, alike(value)) for name, value in self.values.items())
        return html_table(("Transposed convolution", "Output padding"), rows)


def output_padding(
    graph: Graph, *, node: str | None = None, axis: int | None = None, source: str | None = None
) -> OutputPaddings:
    """The output paddings of the transposed convolutions with which a node has the spatial sizes of the input.

    First each transposed convolution is taken to undo a layer with strides, the last undoing the first; where that does
    not fit, combinations are tried, small ones first. What is found is checked: all sizes of the network are computed.

    Args:
        graph: the network; its input's sizes are ints.
        node: the name of the node; by default the last that the network returns.
        axis: the only spatial axis on which the sizes have to be equal, from 0; by default all of them.
        source: the name of the input; by default the first that the node reads.

    Raises:
        DomainError: there is no transposed convolution before the node, or no output paddings make it fit.

    Source: [DumoulinVisin2016, relationship 14]. Entry: size.conv_transpose.recovers.

    >>> from convmath.network.operators import Conv, ConvTranspose
    >>> net = Graph()
    >>> code = net.add("encode", Conv(1, 8, (3, 3), stride=2, padding=1), net.input((1, 28, 27)))
    >>> _ = net.add("decode", ConvTranspose(8, 1, (3, 3), stride=2, padding=1), code)
    >>> output_padding(net).values
    {'decode': (1, 0)}
    """
    name = name_of(graph, node)
    part = part_up_to(graph, name)
    transposed = [item for item in part if isinstance(item.operator, ConvTranspose)]
    if not part.inputs:
        raise DomainError("node", name, "reads no input with spatial axes, so that there is no size to give back")
    if not transposed:
        raise DomainError("node", name, f"no output padding, as no transposed convolution is before {name}")
    require_numbers(part)
    chosen = part.inputs[0] if source is None else source
    if chosen not in part.inputs:
        raise unknown("source", chosen, part.inputs, f"input before {name}", ", ".join(part.inputs))
    axes = axes_asked(axis, len(part[chosen].operator.sizes()) - 2)
    wanted = _on(axes, part[chosen].operator.sizes())
    most = min(MOST_TRIED, MOST_SIZED // len(part) + 1)
    for values in chain([_mirrored(part, transposed)], islice(_combinations(transposed), most)):
        sizes = _sizes(_with_paddings(part, values)).get(name)
        if sizes is not None and _on(axes, sizes) == wanted:
            return OutputPaddings(values, _with_paddings(graph, values))
    needs = f"none of the output paddings that were tried (at most {most}) gives the input's sizes {wanted}"
    raise DomainError("node", name, needs)


def _on(axes: Sequence[int], sizes: Sizes) -> Sizes:
    """The sizes on spatial axes."""
    return tuple(sizes[2:][axis] for axis in axes if axis < len(sizes) - 2)


def _sizes(graph: Graph) -> Mapping[str, Sizes | None]:
    """The sizes of every node; none where they do not fit."""
    try:
        return sizes_of(graph)
    except DomainError:
        return {}


def _with_paddings(graph: Graph, values: Mapping[str, tuple[int, ...]]) -> Graph:
    return graph.replaced(
        {name: changed(graph[name].operator, output_padding=padding) for name, padding in values.items()}
    )


def _mirrored(graph: Graph, transposed: Sequence[Node]) -> dict[str, tuple[int, ...]]:
    """What makes each transposed convolution with strides undo a layer with strides, as far as it can."""
    strided = [node for node in graph if isinstance(node.operator, (Conv, Pool)) and max(strides_of(node.operator)) > 1]
    undoing = [node for node in transposed if max(strides_of(node.operator)) > 1]
    undone = {node.name: other for node, other in zip(undoing, reversed(strided), strict=False)}
    values = {node.name: (0,) * axes_of(node.operator) for node in transposed}
    sizes: dict[str, Sizes | None] = {}
    budget = Budget(len(graph))
    for node in graph:
        operator = node.operator
        if isinstance(operator, ConvTranspose) and node.name in undone:
            source, target = (sizes.get(item.inputs[0]) for item in (node, undone[node.name]))
            if source is not None and target is not None:
                values[node.name] = _reaching(operator, source[2:], target[2:]) or values[node.name]
        if node.name in values:
            node = node.computing(changed(operator, output_padding=values[node.name]))
        try:
            sizes[node.name] = Layer(node, tuple([sizes[name] for name in node.inputs]), budget).sizes
        except DomainError:
            sizes[node.name] = None
    return values


def _reaching(operator: ConvTranspose, source: Sizes, target: Sizes) -> tuple[int, ...] | None:
    options = {"stride": operator.stride, "padding": operator.padding, "dilation": operator.dilation}
    try:
        return tuple(conv_transpose_output_padding(source, target, operator.kernel_size, **options))
    except DomainError:
        return None


def _combinations(transposed: Sequence[Node]) -> Iterator[dict[str, tuple[int, ...]]]:
    """Output paddings of all transposed convolutions, those with small sums first."""
    largest = [
        max(stride, dilation) - 1
        for node in transposed
        for stride, dilation in zip(strides_of(node.operator), dilations_of(node.operator), strict=True)
    ]
    for total in range(sum(largest) + 1):
        for numbers in _summing(largest, total):
            rest = iter(numbers)
            yield {node.name: tuple(islice(rest, axes_of(node.operator))) for node in transposed}


def _summing(largest: Sequence[int], total: int) -> Iterator[list[int]]:
    """Numbers up to the largest at each place that add up to a total, in order; the list is one and the same."""
    numbers, place, rest = [0] * len(largest), -1, total
    while True:
        for other in range(len(largest) - 1, place, -1):  # as much as there is room for at the last places
            numbers[other] = min(largest[other], rest)
            rest -= numbers[other]
        yield numbers
        place, rest = len(largest) - 1, 0
        while place >= 0 and (rest == 0 or numbers[place] == largest[place]):
            rest += numbers[place]
            place -= 1
        if place < 0:
            return
        numbers[place] += 1
        rest -= 1
