"""What follows from a graph: the sizes of every tensor, and what each position reads of the network's inputs.

Along each dimension the access relations of the layers are composed, over all paths. Channels are taken together: a
position reads what any of its channels reads.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeGuard

from ..errors import UnsupportedError
from .batches import batch_of, batch_remarks, images_of
from .fields.budget import Budget
from .fields.concatenation import beside
from .fields.crossing import Crossed
from .fields.field import Field
from .fields.joining import Join, joined
from .fields.pieces import Followed
from .fields.receptive import Misalignment, ReceptiveFields
from .fields.spans import Spans
from .fields.state import Run, Source, State
from .gradients import gradients_of
from .graph import Graph
from .layer import Access, Layer, layers_of
from .node import Node
from .operators import Concat, Input, Operator, Sizes, Unknown
from .operators.lookup import Chosen
from .origin import Call
from .placement import DTYPE
from .report import NetworkReport
from .row import Row

Along: TypeAlias = tuple[Followed, int | None]
"""What is read of an axis, and the dimension of the output along which it runs; None where all read the same."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a node's state comes to.

    Attributes: state: what is known of its output. fields: the receptive field in each input of the network, by name.
        unknown: why that is unknown, in words; empty if it is known. batch: the dimension of its output that is the
        batch; None where none is.
    """

    state: State
    fields: Mapping[str, ReceptiveFields]
    unknown: str
    batch: int | None


def sizes_of(graph: Graph) -> dict[str, Sizes | None]:
    """The sizes of every node's output; None where an operator before it is unknown.

    Raises:
        DomainError: sizes do not fit; the message names the node.
    """
    return {name: layer.sizes for name, layer in layers_of(graph, Budget(len(graph))).items()}


def analyze(graph: Graph) -> NetworkReport:
    """Sizes, receptive fields and costs of every node; the sizes of the inputs are ints.

    Raises:
        DomainError: sizes do not fit; the message names the node.
    """
    return Analysis(graph).report()


class Analysis:
    """One pass over a graph; layers that are equal are looked at once."""

    def __init__(self, graph: Graph) -> None:
        """Layers are looked at, and no fields."""
        self.graph = graph
        self.budget = Budget(len(graph))
        self.layers = layers_of(graph, self.budget)
        self.lengths: dict[Source, int] = {}
        self.sequences: set[Source] = set()
        for node in graph:
            for number, dimension in enumerate(node.operator.axes if isinstance(node.operator, Input) else ()):
                self.lengths[node.name, number] = node.operator.sizes()[dimension]
                self.sequences |= {(node.name, number)} if dimension == 1 else set()
        self.images = images_of(graph)
        self.axes: dict[str, list[Source]] = {}
        for source in self.lengths:
            self.axes.setdefault(source[0], []).append(source)
        self.order = {name: number for number, name in enumerate(self.axes)}
        self.gradients = gradients_of(graph, self.layers)
        self.misaligned: list[Misalignment] = []

    def report(self) -> NetworkReport:
        """A row for every node."""
        known: dict[str, Known] = {}
        readers = Counter(name for node in self.graph for name in node.inputs)
        rows = []
        for node in self.graph:
            layer = self.layers[node.name]
            inputs = [known[name] for name in node.inputs]
            found = known[node.name] = self.known(node, layer, inputs)
            rows.append(self.row(node, layer, found, tuple([one.batch for one in inputs])))
            for name in node.inputs:
                readers[name] -= 1
                if not readers[name]:
                    del known[name]
        return NetworkReport(self.graph, tuple(rows), tuple(self.misaligned))

    def known_of_all(self) -> dict[str, Known]:
        """What is known of every node, by its name."""
        known: dict[str, Known] = {}
        for node in self.graph:
            known[node.name] = self.known(node, self.layers[node.name], [known[name] for name in node.inputs])
        return known

    def row(self, node: Node, layer: Layer, found: Known, batches: tuple[int | None, ...]) -> Row:
        """What a report says of a node."""
        params = layer.params if node.params is None else node.params
        learned, trained = self.gradients[node.name]
        inputs, sizes, work, reason = layer.inputs, layer.sizes, layer.work, layer.reason
        fields, unknown, origin = found.fields, found.unknown, node.origin
        given = () if origin is None or origin.call is None else self.given(origin.call)
        rows = node.operator.remarks if isinstance(node.operator, Chosen) else ()
        return Row(
            *(node.name, node.operator, inputs, sizes, params, work, learned, fields, unknown, reason, origin, given),
            *((*node.remarks, *batch_remarks(node.operator, batches), *rows), trained, node.placement),
            *(found.batch, batches),
            dtype=node.placement.dtype or self.graph.provenance.dtype or DTYPE,
        )

    def given(self, call: Call) -> tuple[Sizes | None, ...]:
        """The sizes of what a module is given."""
        found = [self.layers.get(name) for name in call.inputs]
        return tuple([None if layer is None else layer.sizes for layer in found])

    def known(self, node: Node, layer: Layer, inputs: Sequence[Known]) -> Known:
        """What is known of a node; the same as of its input where every element reads the one in its place."""
        if len(inputs) == 1 and not inputs[0].state.unknown and layer.in_place:
            return inputs[0]
        state = self.state(node, layer, [one.state for one in inputs])
        batch = batch_of(node, layer, [one.batch for one in inputs], self.images, layer.sizes)
        if len(inputs) == 1 and _reads_alike(state, inputs[0].state):
            return Known(state, inputs[0].fields, inputs[0].unknown, batch)
        return Known(state, *self.receptive(state), batch)

    def receptive(self, state: State) -> tuple[Mapping[str, ReceptiveFields], str]:
        """The fields by input, or why they are unknown; an axis along which nothing runs is read by all positions."""
        if state.unknown:
            return {}, state.unknown
        sizes = state.sizes or ()
        along: dict[Source, Along] = {source: (Field.constant(reads), None) for source, reads in state.held.items()}
        try:
            indexed = self.indices(state)
            for source, crossed in state.crossed.items():
                along[source] = self.moving(source, crossed, sizes, indexed)
        except UnsupportedError as error:
            return {}, str(error)
        for dimension, runs in enumerate(state.runs):
            for source, run in runs.items():
                found = _indexed(run, dimension, sizes, indexed)
                union = self.together(source, along[source], found, sizes) if source in along else found
                if union is None:
                    return {}, _by_two(source, along[source][1], dimension)
                along[source] = union
        self.bound(along, state)
        nothing: Along = (Field.constant(Spans()), None)
        names = {name for name, _ in along}
        return {
            name: ReceptiveFields(
                tuple([along.get(source, nothing)[0] for source in self.axes[name]]),
                tuple([along.get(source, nothing)[1] for source in self.axes[name]]),
                len(sizes),
            )
            for name in (names if len(names) < 2 else sorted(names, key=self.order.__getitem__))
        }, ""

    def indices(self, state: State) -> frozenset[int]:
        """The dimensions whose indices a position has: none of features; batch or channels if an axis moves there."""
        rank = len(state.sizes or ())
        if rank <= 2:  # features, but along the sequence that an input without channels is
            moving = {source for source, run in state.runs[-1].items() if run.field.moves} if rank == 2 else set()
            return frozenset({1} if moving & self.sequences else ())
        indexed = set(range(2, rank))
        for dimension, runs in enumerate(state.runs[:2]):
            if any(run.field.moves for run in runs.values()):
                indexed.add(dimension)
        for one in state.crossed.values():
            for dimension in one.fields.keys() - indexed:
                if self.budget.through(one.fields[dimension], one.inner, (state.sizes or ())[dimension]).moves:
                    indexed.add(dimension)
        return frozenset(indexed)

    def bound(self, along: dict[Source, Along], state: State) -> None:
        """Let what is read by an index be bounded where it also goes by another index that a position has."""
        sizes = state.sizes or ()
        positions: Collection[int] = {dimension for _, dimension in along.values() if dimension is not None}
        if min(positions, default=2) >= 2:
            positions = range(2, len(sizes))
        uneven = any(dimension in positions for dimension in state.uneven)
        for source, (field, dimension) in along.items() if uneven or state.crossed else ():
            crossed = state.crossed.get(source)
            if uneven or (crossed is not None and not crossed.goes_by(dimension, positions, sizes)):
                along[source] = field.bounded(), dimension

    def together(self, source: Source, one: Along, other: Along, sizes: Sizes) -> Along | None:
        """What one or the other reads; None where both move, along two dimensions or with two strides."""
        length = self.lengths[source]
        (first, dimension), (second, another) = one, other
        if None not in (dimension, another) and dimension != another:
            if first.moves and second.moves:
                return None
            if second.moves:
                first, dimension = _at_all(first, sizes[dimension or 0], length), None
            else:
                second, another = _at_all(second, sizes[another or 0], length), None
        along = another if dimension is None else dimension
        union = joined(first, second, length, 1 if along is None else sizes[along])
        if union is None:
            return None
        return union, None if union.is_constant else along

    def moving(self, source: Source, crossed: Crossed, sizes: Sizes, indexed: Collection[int]) -> Along:
        """What is read by the index on the one dimension that moves along the axis, whatever the others are."""
        found = {
            dimension: self.budget.through(part, crossed.inner, sizes[dimension])
            for dimension, part in (crossed.fields.items() if len(sizes) > 2 else ())
        }
        if not found:
            return Field.constant(crossed.read(sizes)), None
        moving = [(dimension, one) for dimension, one in found.items() if one.moves or len(found) == 1]
        moving = moving or [(dimension, one) for dimension, one in found.items() if not one.is_constant]
        if len(moving) != 1:
            raise UnsupportedError(f"two dimensions together run along axis {source[1]} of {source[0]}")
        ((dimension, one),) = moving
        run = Run(one, crossed.read(sizes))
        return _indexed(run if crossed.exact else run.bounded(), dimension, sizes, indexed)

    def state(self, node: Node, layer: Layer, inputs: Sequence[State]) -> State:
        """What each position of a node's output reads."""
        operator, sizes = layer.operator, layer.sizes
        if isinstance(operator, Input):
            return _input(node.name, operator)
        if isinstance(operator, Unknown):
            return State(sizes, unknown=f"{node.name} ({operator.name}) is not understood")
        unknown = next((state.unknown for state in inputs if state.unknown), "")
        if unknown or sizes is None:
            return State(sizes, unknown=unknown or f"the sizes at {node.name} are unknown")
        if layer.refusal:
            return State(sizes, unknown=f"{node.name}: {layer.refusal}")
        join = Join(node, sizes, self.lengths, self.budget)
        try:
            if _goes_on(operator, inputs):
                beside(join, operator.dim, node.inputs, inputs)
            else:
                for name, state, access, apart in zip(node.inputs, inputs, layer.accesses, layer.apart, strict=True):
                    join.take(name, state, access, apart)
            uneven, unsure = _uneven(layer, sizes, inputs)
            return join.state(uneven, unsure=unsure)
        except UnsupportedError as error:
            return State(sizes, unknown=f"{node.name}: {error}")
        finally:
            self.misaligned += join.misaligned


def _by_two(source: Source, first: int | None, second: int) -> str:
    """Why no field says what is read of an axis, in words."""
    goes = f"what a position reads of axis {source[1]} of {source[0]} goes by two of its indices, on the dimensions"
    why = "as in the product of every query with every key, and no single field says it"
    return f"{goes} {first} and {second} of the output, {why}; report.reads, or --pixel, does for any position"


def _reads_alike(one: State, other: State) -> bool:
    """Whether the receptive fields are those of another state: only the batch and the channels may differ."""
    if one.unknown or one.held or other.held or one.crossed or other.crossed or one.uneven != other.uneven:
        return False
    first, second = one.sizes or (), other.sizes or ()
    return first[2:] == second[2:] and one.runs == other.runs and not any(one.runs[:2])


def _indexed(run: Run, dimension: int, sizes: Sizes, indexed: Collection[int]) -> Along:
    """What a position reads by a run: by its index on that dimension if it has one, else by all of them together."""
    if dimension in indexed:
        return run.field, None if run.field.is_constant else dimension
    if run.extent.exact or run.folds:
        return Field.constant(run.extent), None
    image = run.field.image(Spans.first(sizes[dimension])) & Spans(run.extent.parts)
    return Field.constant(image if run.sure else image.bounded()), None


def _at_all(field: Followed, size: int, length: int) -> Field:
    """What all positions of a dimension read together, each a part of it, of an axis of ``length`` elements."""
    return Field.constant(field.image(Spans.first(size)).clipped(0, length).bounded())


def _input(name: str, operator: Input) -> State:
    runs: list[Mapping[Source, Run]] = [{} for _ in operator.shape]
    for number, dimension in enumerate(operator.axes):
        runs[dimension] = {(name, number): Run(Field.same(), Spans.first(operator.shape[dimension]), sure=True)}
    return State(operator.shape, runs)


def _uneven(layer: Layer, sizes: Sizes, inputs: Sequence[State]) -> tuple[frozenset[int], bool]:
    """The dimensions along which positions may read otherwise; whether only a part of such a dimension is left."""
    operator, found, part = layer.operator, set[int](), False
    if operator.halves:
        found.add(len(sizes) - 1)
    if len(inputs) > 1 and isinstance(operator, Concat) and not _goes_on(operator, inputs):
        first = inputs[0]
        if any((one.runs, one.held, one.crossed) != (first.runs, first.held, first.crossed) for one in inputs):
            found.add(operator.dim)
    for number, state in enumerate(inputs):
        if state.uneven or operator.rearranges:
            apart = layer.apart[number] or [() if one is None else (one,) for one in layer.accesses[number]]
            by = [(d, one) for d, reads in enumerate(apart) for one in reads if one.dimension in state.uneven]
            found.update(d for d, _ in by)
            part = part or not all(one.whole for _, one in by)
            if operator.rearranges:
                found |= _moved(apart, state)
    return frozenset(dimension for dimension in found if sizes[dimension] != 1), part


def _moved(apart: Sequence[Sequence[Access]], state: State) -> set[int]:
    """The dimensions of the output to which elements were moved that read otherwise, and nothing says from where."""
    same, found = Field.same(), set[int]()
    named = {one.dimension for reads in apart for one in reads}
    kept = {one.dimension for reads in apart for one in reads if one.field is same}
    for dimension, n in enumerate(state.sizes or ()):
        if dimension not in kept and n != 1 and (state.runs_along(dimension) or dimension in state.uneven):
            found.update(d for d, reads in enumerate(apart) if not reads)
            if dimension not in named:
                found.update(d for d, reads in enumerate(apart) if any(one.field is not same for one in reads))
    return found


def _goes_on(operator: Operator, inputs: Sequence[State]) -> TypeGuard[Concat]:
    """Whether it puts positions one after the other along a dimension along which an axis of an input runs."""
    if len(inputs) < 2 or not isinstance(operator, Concat):
        return False
    return any(state.runs_along(operator.dim) for state in inputs)
