"""Changes of a network that enlarge a receptive field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import count, islice
from math import inf
from typing import Any, Self

from ...errors import DomainError, unknown
from ...notebook import brief
from ..fields.receptive import ReceptiveFields
from ..graph import Graph
from ..node import Node
from ..operators import Conv, Pool
from ..operators.convolution import per_axis
from ..provenance import Edit
from ..row import Row
from ..sizes.trail import Trail
from .answers import Answers
from .calls import Alter, Calls, Chains, Nodes, Sides, sides_of
from .parts import axes_asked, axes_of, changed, dilations_of, name_of, part_up_to, strides_of
from .replacing import Fields, Replacing

MOST_LAYERS = 256
"""So many further layers are tried at most."""

MOST_STEPS = 2**20
"""So many nodes are looked at again at most, for all changes together."""


@dataclass(frozen=True)
class Change:
    """A change of a network that enlarges a receptive field.

    Attributes:
        text: what changes, in words.
        make: makes the changed network.
        size: the receptive field's elements on each axis.
        holes: whether it leaves elements out, on each axis; None where that is not known.
        padding: the layer's padding before and after each axis; None where it stays as it is.
        params: parameters more than before.
        macs: multiply-accumulates more than before.

    >>> net = Graph()
    >>> _ = net.add("conv", Conv(1, 1, (3,), padding=1), net.input((1, 32)))
    >>> change = receptive_field(net, 5)[0]
    >>> change.size, change.holes, change.params, change.macs
    ((5,), (True,), 0, 0)
    """

    text: str
    make: Callable[[], Graph] = field(repr=False)
    size: tuple[int, ...]
    holes: tuple[bool | None, ...]
    padding: Sides | None
    params: int
    macs: int

    @cached_property
    def graph(self) -> Graph:
        """The changed network.

        >>> net = Graph()
        >>> _ = net.add("conv", Conv(1, 1, (3,), padding=1), net.input((1, 32)))
        >>> receptive_field(net, 5)[0].graph["conv"].operator.dilation
        (2,)
        """
        return self.make()

    def __repr__(self) -> str:
        """In a line."""
        return brief(self, str(self))

    def __str__(self) -> str:
        """In a line."""
        return f"{self.text}: receptive field {_by(self.size)}, {self.params:+} parameters, {self.macs:+} MACs"


class Changes(Answers[Change]):
    """Changes, each of which is enough.

    Attributes:
        nothing: why there is none, where there is none.

    >>> Changes(nothing="there is no convolution before the node").nothing
    'there is no convolution before the node'
    """

    def __new__(cls, changes: Iterable[Change] = (), nothing: str = Answers.nothing) -> Self:
        """Changes, and why there are none."""
        made = super().__new__(cls, changes)
        made.nothing = nothing
        return made


def receptive_field(
    graph: Graph,
    at_least: int | tuple[int, ...],
    *,
    node: str | None = None,
    axis: int | None = None,
    source: str | None = None,
    layers: str | Sequence[str] | None = None,
) -> Changes:
    """Single changes after which a node's receptive field has a wanted size, the cheapest first.

    For every convolution before the node: a larger dilation, a larger kernel, and further convolutions of three taps
    after it; for pooling a larger kernel. Kernels keep their parity. Each change is enough where one step less is not,
    is padded such that no size changes, and is confirmed by the analysis of the changed network. All calls of one
    module change together, as does what a convolution pads by reflection or in another mode; a module whose calls
    differ is left out, and so are larger kernels where other layers may have the same weights. What functions compute
    in a module changes together in all calls of the module; several calls of a function within one change one by one,
    as do those that torch.export has read.

    Args:
        graph: the network; its input's sizes are ints.
        at_least: elements of the receptive field, one integer or one per axis.
        node: the name of the node; by default the last that the network returns.
        axis: the only spatial axis, from 0, on which the field has to have the size; by default all of them.
        source: the name of the input in which the field lies; by default the first.
        layers: the name of the layer that may change, or the names; by default all.

    Returns:
        the changes by MACs and parameters; none if the field is large enough, or if no change is enough, and why.

    Raises:
        DomainError: the node's receptive field is unknown.

    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> stem = net.add("stem", Conv(3, 8, (3, 3), stride=2, padding=1), net.input((3, 32, 32)))
    >>> _ = net.add("body", Conv(8, 8, (3, 3), padding=1), stem)
    >>> for change in receptive_field(net, 9, layers=["body"]):
    ...     print(change)
    body: dilation 2 for 1, padding 2 for 1: receptive field 11 x 11, +0 parameters, +0 MACs
    body: 1 more layer of 3 taps after it: receptive field 11 x 11, +584 parameters, +147456 MACs
    body: kernel 5 for 3, padding 2 for 1: receptive field 11 x 11, +1024 parameters, +262144 MACs
    """
    name = name_of(graph, node)
    before = graph.analyze()
    field = _of(before[name].fields, source)
    if field is None:
        raise _no_field(graph, before[name], source)
    wanted = _wanted(len(field), at_least, axis)
    chosen = [layers] if isinstance(layers, str) else layers
    part = list(part_up_to(graph, name))
    nodes = part if chosen is None else list(map(graph.__getitem__, chosen))
    size = f"The receptive field is {_by(field.size)}"
    if all(n >= least for n, least in zip(field.size, wanted, strict=True)):
        return Changes(nothing=f"{size}: that is large enough.")
    hopeless = Changes(nothing=f"{size}: that is too small, and {_too_small(graph, before[name], source, wanted)}.")
    if any(n > most for n, most in zip(wanted, _bounds(graph, before[name], source), strict=True)):
        return hopeless
    calls = Calls(graph)
    shortest = min(_sizes_of(graph, before[name], source))
    search = _Search(calls, Replacing(graph, part, name), field.size, wanted, source, shortest)
    firsts = {node.name: node for node in (calls.of(node)[0] for node in nodes)}.values()
    found = (search.least(change, node) for node in firsts for change in (_dilated, _widened, _deepened))
    changes = sorted(filter(None, found), key=lambda change: (change.macs, change.params))
    return Changes(changes) if changes else hopeless


def _wanted(axes: int, at_least: int | tuple[int, ...], axis: int | None) -> tuple[int, ...]:
    """The elements that are wanted at least on every axis, 1 on those that are not asked for."""
    places = axes_asked(axis, axes)
    asked = per_axis(at_least, len(places))
    if len(asked) != len(places) or any(type(n) is not int or n < 1 for n in asked):
        needs = f"needs an integer of at least 1, or one for each of {len(places)} axes"
        raise DomainError("at_least", at_least, needs)
    return tuple(dict(zip(places, asked, strict=True)).get(number, 1) for number in range(axes))


def _too_small(graph: Graph, row: Row, source: str | None, wanted: tuple[int, ...]) -> str:
    """Why no change makes a field large enough."""
    sizes = _sizes_of(graph, row, source)
    larger = [n for n, size in zip(wanted, sizes, strict=True) if n > size]
    if larger:
        return f"{larger[0]} is larger than the input, {_by(sizes)}: give a larger input"
    return "no single change of a layer makes it large enough"


def _bounds(graph: Graph, row: Row, source: str | None) -> list[float]:
    """What the field on each axis can never exceed: the input, where no dimension is left for positions."""
    field: Any = _of(row.fields, source)
    pairs = zip(field.dimensions, _sizes_of(graph, row, source), strict=True)
    return [inf if dimension is not None else size for dimension, size in pairs]


def _sizes_of(graph: Graph, row: Row, source: str | None) -> list[int]:
    """The elements on each axis of the input in which a field lies."""
    image: Any = graph[next(iter(row.fields)) if source is None else source].operator
    return [image.shape[axis] for axis in image.axes]


def _by(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


def _no_field(graph: Graph, row: Row, source: str | None) -> DomainError:
    """Why a node has no receptive field in an input."""
    if source is not None and source not in graph.inputs:
        return unknown("source", source, graph.inputs, "input", ", ".join(graph.inputs))
    if row.field_unknown:
        return DomainError("node", row.name, row.field_unknown)
    if source is None:
        return DomainError("node", row.name, "it reads no input with spatial axes")
    reads = f"it reads {', '.join(row.fields)}" if row.fields else "it reads no input with spatial axes"
    return DomainError("source", source, f"{row.name} does not read this input; {reads}")


def _of(fields: Fields, source: str | None) -> ReceptiveFields | None:
    """The field in an input, by default in the first."""
    return next(iter(fields.values()), None) if source is None else fields.get(source)


@dataclass(frozen=True)
class _Search:
    """The least change of a kind that makes a field large enough and leaves all sizes alone."""

    calls: Calls
    replacing: Replacing
    before: tuple[int, ...]
    wanted: tuple[int, ...]
    source: str | None
    shortest: int
    """The elements of the input on the axis that has the fewest."""

    def least(self, change: Alter, node: Node) -> Change | None:
        """The gain is mostly the same with each step: then one step less than are needed for it is not enough.

        What is refused, as padding by reflection of more than there is, is so with more steps, too.
        """
        first = self.tried(change, node, 1)
        if first is None or self.enough(first):
            return first
        most, found = self.most(change, node), None
        low, high, guess = 1, most + 1, min(most, _gain(self.before, first.size, self.wanted) or 2)
        middle = guess
        while high - low > 1:
            tried = self.tried(change, node, middle)
            if tried is None or self.enough(tried):
                high, found, after = middle, tried, middle - 1
            else:
                low, after = middle, min(2 * middle, most)
            middle = after if middle == guess or high > most else (low + high) // 2
        return found

    def most(self, change: Alter, node: Node) -> int:
        """So many steps are enough if any are: each reads a neighbour more, of the layer's input or of its result."""
        if change is _deepened:
            return MOST_LAYERS
        layer = self.replacing.analysis.layers[node.name]
        largest: int = max(n for sizes in (layer.sizes, *layer.inputs) for n in sizes or (1,))
        return max(self.wanted) * (largest // self.shortest + 1)

    def enough(self, change: Change) -> bool:
        return all(size >= n for size, n in zip(change.size, self.wanted, strict=True))

    def tried(self, change: Alter, node: Node, by: int) -> Change | None:
        """The network with a change by so much; None if there is no such change, or if it changes sizes."""
        shared = change is _widened and not self.calls.own_weights(node)
        made = None if shared else self.calls.changed(node, change, by)
        if made is None or any(self.refuses(chain[0]) for chain in made.chains.values()):
            return None
        if self.replacing.steps > MOST_STEPS:
            needs = "needs the names of those that may change: the network has too many to try them all"
            raise DomainError("layers", None, needs)
        try:
            after = self.replacing.by(made.chains)
        except DomainError:
            return None
        field = None if after is None else _of(after.fields, self.source)
        if after is None or field is None:
            return None
        words, sides, padded = made.words, _sides(made.before), _sides(made.after)
        padding = padded if padded != sides else None
        if padding is not None and sides is not None:
            words += f", padding {_shown_sides(padding)} for {_shown_sides(sides)}"
        if len(made.chains) > 1:
            words += f", in {len(made.chains)} calls"
        make = partial(_again, self.calls.graph, node.name, change, by)
        return Change(f"{node.name}: {words}", make, field.size, field.holes, padding, after.params, after.macs)

    def refuses(self, node: Node) -> bool:
        """Whether torch refuses a kernel: its averages of volumes take none that is larger than what they then pad."""
        if node.origin is None or node.origin.name != "avg_pool3d":
            return False
        pool: Any = node.operator
        sizes: Any = self.replacing.analysis.layers[node.name].inputs[0]
        return any(k > n for k, n in zip(pool.kernel_size, sizes[-3:], strict=True))


def _gain(before: tuple[int, ...], after: tuple[int, ...], wanted: tuple[int, ...]) -> int | None:
    """How often the same gain is enough on each axis; None if there is none where one is needed."""
    short = [(n - b, a - b) for n, a, b in zip(wanted, after, before, strict=True) if n > b]
    if any(gain <= 0 for _, gain in short):
        return None
    return max(2, *(-(-missing // gain) for missing, gain in short))


def _replaced(graph: Graph, chains: Chains, edit: Edit) -> Graph:
    """The network with nodes in place of some; what read one of those reads the last in its place."""
    instead: dict[str, Sequence[Node]] = {}
    for name, nodes in chains.items():
        own = [node.name for node in nodes].index(name)  # what it pads itself stays where it is
        instead |= {node.name: [node] for node in nodes[:own]} | {name: nodes[own:]}
    last = {name: nodes[-1].name for name, nodes in instead.items()}
    kept: list[Node] = []
    more: list[tuple[int, int]] = []
    for place, node in enumerate(graph):
        first, *others = instead.get(node.name, [node])
        if any(other in last for other in first.inputs):
            first = replace(first, inputs=tuple(last.get(other, other) for other in first.inputs))
        kept += [first, *others]
        more += [(place, len(others))] if others else []
    outputs = (last.get(output, output) for output in graph.outputs)
    return graph.rebuilt(kept, outputs, edit, graph.trail and _moved(graph.trail, more))


def _again(graph: Graph, name: str, change: Alter, by: int) -> Graph:
    """The network with a change, where it has such a node."""
    node = next((node for node in graph if node.name == name), None)
    made = node and Calls(graph).changed(node, change, by)
    return _replaced(graph, made.chains, lambda other: _again(other, name, change, by)) if made else graph


def _moved(trail: Trail, more: Sequence[tuple[int, int]]) -> Trail:
    """What was seen, where so many nodes are put in after each of these places."""

    def later(position: int) -> int:
        return position + sum(by for place, by in more if position > place)

    guards = tuple(replace(guard, position=later(guard.position)) for guard in trail.guards)
    looked = tuple((later(position), leaf) for position, leaf in trail.looked)
    return Trail(guards, looked, None if trail.astray is None else later(trail.astray))


def _dilated(_: Graph, node: Node, by: int) -> Nodes | None:
    operator = node.operator
    if not isinstance(operator, Conv) or max(operator.kernel_size) == 1:
        return None
    dilation = tuple(d + by if k > 1 else d for d, k in zip(dilations_of(operator), operator.kernel_size, strict=True))
    padding = _padded(operator, [by * (k - 1) for k in operator.kernel_size])
    other = replace(operator, dilation=dilation, padding=padding)
    return [node.computing(other)], f"dilation {_shown(dilation)} for {_shown(dilations_of(operator))}"


def _widened(_: Graph, node: Node, by: int) -> Nodes | None:
    operator = node.operator
    if not isinstance(operator, (Conv, Pool)):
        return None
    kernel = tuple(k + 2 * by for k in operator.kernel_size)
    padding = _padded(operator, [2 * by * d for d in dilations_of(operator)])
    other = changed(operator, kernel_size=kernel, stride=strides_of(operator), padding=padding)
    return [node.computing(other)], f"kernel {_shown(kernel)} for {_shown(operator.kernel_size)}"


def _deepened(graph: Graph, node: Node, by: int) -> Nodes | None:
    operator = node.operator
    if not isinstance(operator, Conv) or by > MOST_LAYERS:
        return None
    channels, axes = operator.out_channels, axes_of(operator)
    layer = Conv(channels, channels, (3,) * axes, padding=1, bias=operator.bias)
    taken, nodes = {other.name for other in graph}, [node]
    free = (number for number in count(1) if f"{node.name}_more_{number}" not in taken)
    for number in islice(free, by):
        path = node.layer and f"{node.layer}_more_{number}"
        nodes.append(Node(f"{node.name}_more_{number}", layer, (nodes[-1].name,), layer=path))
    return nodes, f"{by} more layer{'s' if by > 1 else ''} of 3 taps after it"


def _padded(operator: Conv | Pool, more: Sequence[int]) -> Any:
    """The padding with more elements on each axis, the odd one after; forms that follow the kernel stay."""
    sides = _sides(operator)
    if sides is None:
        return operator.padding
    wider = ((lo + extra // 2, hi + extra - extra // 2) for (lo, hi), extra in zip(sides, more, strict=True))
    return tuple(lo if lo == hi else (lo, hi) for lo, hi in wider)


def _sides(operator: Any) -> Sides | None:
    """The elements that a layer pads before and after each axis; None of forms that follow the kernel."""
    if isinstance(operator.padding, str) and operator.padding != "valid":
        return None
    return sides_of(operator)


def _shown_sides(sides: Sides) -> str:
    return _shown(tuple(lo for lo, _ in sides)) if all(lo == hi for lo, hi in sides) else str(sides)


def _shown(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else str(numbers)
