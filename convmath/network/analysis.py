"""What follows from a graph: the sizes of every tensor, and what each position reads of the network's inputs.

Along each dimension the access relations of the layers are composed, over all paths. Channels are taken together: a
position reads what any of its channels reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from ..errors import DomainError, UnsupportedError
from .field import Field
from .graph import Graph, Node
from .operators import Concat, Input, Operator, Pad, Sizes, Slice, Unknown, Work
from .report import Misalignment, NetworkReport, ReceptiveFields, Row
from .spans import Spans

Source: TypeAlias = tuple[str, int]
"""An axis of an input: its name, and the number of the axis."""

CACHED = 4096


@dataclass(frozen=True, slots=True)
class Access:
    """How a dimension of an output reads one of an input.

    Attributes: dimension: that of the input. field: what each position reads. touched: what all of them read, inside
        the input. whole: whether that is all there is.
    """

    dimension: int
    field: Field
    touched: Spans
    whole: bool


@dataclass(frozen=True, slots=True)
class Run:
    """What a dimension reads of an axis of an input that runs along it.

    Attributes: field: what each position reads, as if no tensor had a border. extent: what all of them read.
    """

    field: Field
    extent: Spans

    def bounded(self) -> Run:
        """The same, of which only a part may be read."""
        return Run(self.field.bounded(), self.extent.bounded())


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a tensor.

    Attributes:
        sizes: its sizes, None if unknown.
        runs: for every dimension, what it reads of each source that runs along it.
        held: what every position reads of the sources that run along no dimension.
        even: whether positions that differ only in dimensions along which nothing runs read the same.
        unknown: why this is unknown, in words; empty if it is known.
    """

    sizes: Sizes | None
    runs: Sequence[Mapping[Source, Run]] = ()
    held: Mapping[Source, Spans] = field(default_factory=dict)
    even: bool = True
    unknown: str = ""


def sizes_of(graph: Graph) -> dict[str, Sizes | None]:
    """The sizes of every node's output; None where an operator before it is unknown.

    Raises:
        DomainError: sizes do not fit; the message names the node.
    """
    found: dict[str, Sizes | None] = {}
    output = lru_cache(maxsize=CACHED)(_sizes)
    for node in graph:
        inputs = [found[name] for name in node.inputs]
        found[node.name] = _output(node, inputs, output)
    return found


def _sizes(operator: Operator, inputs: tuple[Sizes, ...]) -> Sizes:
    return operator.sizes(*inputs)


def _output(node: Node, inputs: Sequence[Sizes | None], output: Callable[..., Sizes]) -> Sizes | None:
    if isinstance(node.operator, Unknown):
        return node.operator.output
    if None in inputs:
        return None
    try:
        sizes = output(node.operator, tuple(sizes for sizes in inputs if sizes is not None))
    except DomainError as error:
        raise DomainError("node", node.name, str(error)) from error
    if any(isinstance(size, int) and size < 1 for size in sizes):
        raise DomainError("node", node.name, f"its output would have the sizes {sizes}; each needs at least 1")
    return sizes


def analyze(graph: Graph) -> NetworkReport:
    """Sizes, receptive fields and costs of every node; the sizes of the inputs are ints.

    Raises:
        DomainError: sizes do not fit; the message names the node.
    """
    return _Analysis(graph).report()


class _Analysis:
    """One pass over a graph; layers that are equal are looked at once."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.sizes = sizes_of(graph)
        self.lengths = {
            (node.name, number): node.operator.shape[dimension]
            for node in graph
            if isinstance(node.operator, Input)
            for number, dimension in enumerate(node.operator.axes)
        }
        self.axes: dict[str, list[Source]] = {}
        for source in self.lengths:
            self.axes.setdefault(source[0], []).append(source)
        self.access = lru_cache(maxsize=CACHED)(_access)
        self.params = lru_cache(maxsize=CACHED)(_params)
        self.work = lru_cache(maxsize=CACHED)(_work)
        self.through = lru_cache(maxsize=CACHED)(_through)
        self.learned: set[str] = set()

    def report(self) -> NetworkReport:
        states: dict[str, State] = {}
        rows, misaligned = [], []
        for node in self.graph:
            state, disagreements = self.state(node, [states[name] for name in node.inputs])
            states[node.name] = state
            misaligned += disagreements
            rows.append(self.row(node, state))
        return NetworkReport(self.graph, tuple(rows), tuple(misaligned))

    def row(self, node: Node, state: State) -> Row:
        operator, sizes = node.operator, self.sizes[node.name]
        inputs = tuple(self.sizes[name] for name in node.inputs)
        missing = sizes is None or None in inputs
        reason = operator.reason if isinstance(operator, Unknown) else "an input's sizes are unknown" if missing else ""
        work = Work() if reason else self.work(operator, inputs, sizes)
        weights = self.params(operator)
        params = weights if node.params is None else node.params
        learned = tuple(name in self.learned for name in node.inputs)
        if params or weights or any(learned) or (isinstance(operator, Unknown) and operator.parameters is None):
            self.learned.add(node.name)
        fields, unknown = self.receptive(state)
        return Row(node.name, operator, inputs, sizes, params, work, learned, fields, unknown, reason)

    def receptive(self, state: State) -> tuple[Mapping[str, ReceptiveFields], str]:
        """The fields by input, or why they are unknown; an axis along which nothing runs is read by all positions."""
        if state.unknown:
            return {}, state.unknown
        along: dict[Source, Field] = {source: Field.constant(reads) for source, reads in state.held.items()}
        for runs in state.runs:
            for source, run in runs.items():
                other = along.get(source)
                two = other is not None and other.step and run.field.step
                union = None if two else _union(other, run.field, self.lengths[source]) if other else run.field
                if union is None:
                    return {}, f"two dimensions run along axis {source[1]} of {source[0]}"
                along[source] = union
        nothing = Field.constant(Spans())
        return {
            name: ReceptiveFields(tuple(along.get(source, nothing) for source in axes))
            for name, axes in self.axes.items()
            if any(source in along for source in axes)
        }, ""

    def state(self, node: Node, inputs: Sequence[State]) -> tuple[State, list[Misalignment]]:
        operator, sizes = node.operator, self.sizes[node.name]
        if isinstance(operator, Input):
            return _input(node.name, operator), []
        if isinstance(operator, Unknown):
            return State(sizes, unknown=f"{node.name} ({operator.name}) is not understood"), []
        unknown = next((state.unknown for state in inputs if state.unknown), "")
        if unknown or sizes is None:
            return State(sizes, unknown=unknown or f"the sizes at {node.name} are unknown"), []
        join = _Join(node, sizes, self.lengths)
        try:
            accesses = self.access(operator, tuple(state.sizes for state in inputs), sizes)
            for name, state, access in zip(node.inputs, inputs, accesses, strict=True):
                join.take(name, state, access, self.through)
            return join.state(_even(operator, inputs, accesses), inputs), join.misaligned
        except UnsupportedError as error:
            return State(sizes, unknown=f"{node.name}: {error}"), join.misaligned


def _input(name: str, operator: Input) -> State:
    runs: list[Mapping[Source, Run]] = [{} for _ in operator.shape]
    for number, dimension in enumerate(operator.axes):
        runs[dimension] = {(name, number): Run(Field.same(), Spans.first(operator.shape[dimension]))}
    return State(operator.shape, runs)


def _params(operator: Operator) -> int:
    return operator.params


def _work(operator: Operator, inputs: tuple[Sizes, ...], output: Sizes) -> Work:
    return operator.work(inputs, output)


def _access(operator: Operator, inputs: tuple[Sizes, ...], output: Sizes) -> list[list[Access | None]]:
    """For each input, how each dimension of the output reads it."""
    found = []
    for sizes, reads in zip(inputs, operator.reads(inputs, output), strict=True):
        own: list[Access | None] = []
        for n, one in zip(output, reads, strict=True):
            if one is None:
                own.append(None)
                continue
            dimension, one_field = one
            touched = operator.inside(one_field.image(Spans.first(n)), sizes[dimension])
            own.append(Access(dimension, one_field, touched, touched == Spans.first(sizes[dimension])))
        found.append(own)
    return found


def _through(outer: Field, inner: Field) -> Field:
    return outer.through(inner)


def _even(operator: Operator, inputs: Sequence[State], accesses: Sequence[Sequence[Access | None]]) -> bool:
    """Whether positions of the output that differ only where nothing runs read the same."""
    if operator.mixes and inputs[0].sizes and inputs[0].sizes[0] == 1:  # entries of a batch are never mixed
        return True
    if not all(state.even for state in inputs):
        return False
    if isinstance(operator, Concat):
        first = inputs[0]
        return all((state.runs, state.held) == (first.runs, first.held) for state in inputs[1:])
    if operator.rearranges:
        kept = {one.dimension for one in accesses[0] if one is not None and one.field is Field.same()}
        state = inputs[0]
        moved = (dimension for dimension, n in enumerate(state.sizes or ()) if dimension not in kept and n != 1)
        return not any(state.runs[dimension] for dimension in moved)
    return True


class _Join:
    """What the output of a node reads, gathered input by input."""

    def __init__(self, node: Node, sizes: Sizes, lengths: Mapping[Source, int]) -> None:
        self.node, self.sizes, self.lengths = node, sizes, lengths
        self.runs: list[dict[Source, Run]] = [{} for _ in sizes]
        self.first: dict[tuple[int, Source], tuple[str, Field]] = {}
        self.held: dict[Source, Spans] = {}
        self.misaligned: list[Misalignment] = []
        self.unknown = ""

    def take(
        self, name: str, state: State, access: Sequence[Access | None], through: Callable[[Field, Field], Field]
    ) -> None:
        """Add what one input reads; along a dimension that none of the output's reads, all of it is read."""
        named = set()
        for dimension, one in enumerate(access):
            if one is not None:
                named.add(one.dimension)
                for source, inner in state.runs[one.dimension].items():
                    extent = inner.extent
                    if not one.whole:
                        extent = inner.field.image(one.touched).clipped(0, self.lengths[source])
                        extent = extent if inner.field is Field.same() else extent.bounded()
                    self._run(dimension, source, Run(through(one.field, inner.field), extent), name)
        for dimension, runs in enumerate(state.runs):
            if dimension not in named:
                for source, run in runs.items():
                    self._hold(source, run.extent)
        for source, reads in state.held.items():
            self._hold(source, reads)

    def _hold(self, source: Source, reads: Spans) -> None:
        self.held[source] = self.held[source] | reads if source in self.held else reads

    def _run(self, dimension: int, source: Source, run: Run, name: str) -> None:
        before = self.runs[dimension].get(source)
        if before is None:
            self.runs[dimension][source] = run
            self.first[dimension, source] = (name, run.field)
        elif before != run:
            self._compare(dimension, source, run, name)
            union = self._union(dimension, source, before.field, run.field)
            if union is None:
                strides = f"{before.field.stride} and {run.field.stride}"
                self.unknown = f"at {self.node.name} the paths' strides {strides} disagree"
            self.runs[dimension][source] = Run(union or before.field, before.extent | run.extent)

    def _compare(self, dimension: int, source: Source, run: Run, name: str) -> None:
        """Strides and centres of two paths that move; what reads the same at every position has neither."""
        other, first = self.first[dimension, source]
        if (
            self.sizes[dimension] != 1
            and first.step
            and run.field.step
            and (first.stride, first.offset) != (run.field.stride, run.field.offset)
        ):
            self.misaligned.append(Misalignment(self.node.name, (other, name), source, (first, run.field)))

    def _union(self, dimension: int, source: Source, first: Field, second: Field) -> Field | None:
        if self.sizes[dimension] == 1:  # one position has no stride
            first, second = Field.constant(first.reads(0)), Field.constant(second.reads(0))
        return _union(first, second, self.lengths[source])

    def state(self, even: bool, inputs: Sequence[State]) -> State:
        """What the output reads; what is held joins the fields of its source."""
        for dimension, runs in enumerate(self.runs):
            for source in runs.keys() & self.held.keys():
                reads = self.held[source]
                union = self._union(dimension, source, runs[source].field, Field.constant(reads))
                if union is None:
                    self.unknown = f"at {self.node.name} some paths read a part of {source[0]} that does not move"
                runs[source] = Run(union or runs[source].field, runs[source].extent | reads)
        if self.unknown:
            return State(self.sizes, unknown=self.unknown)
        running = {source for runs in self.runs for source in runs}
        held = {source: reads for source, reads in self.held.items() if source not in running}
        picks = self.node.operator.rearranges or isinstance(self.node.operator, (Slice, Pad))
        if picks and not all(state.even for state in inputs):
            held = {source: reads.bounded() for source, reads in held.items()}
            bounded = [{source: run.bounded() for source, run in runs.items()} for runs in self.runs]
            return State(self.sizes, bounded, held, even)
        return State(self.sizes, self.runs, held, even)


def _union(first: Field, second: Field, length: int) -> Field | None:
    """The union of two fields of an axis of ``length`` elements; None where one moves and the other does not so."""
    if first.stride == second.stride:
        return first.joined(second)
    for one in (first, second):
        if one.step == 0 and all(reads.clipped(0, length) == Spans.first(length) for reads in one.phases):
            return Field.whole(length)
    return None
