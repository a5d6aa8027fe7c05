"""What the output of a node reads of the network's inputs, by way of what it reads of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...errors import UnsupportedError
from ..graph import Node
from ..layer import Access
from ..operators import Sizes
from .budget import Budget
from .crossing import Crossed, single
from .field import Field
from .receptive import Misalignment
from .spans import Spans
from .state import Run, Source, State


class Join:
    """What the output of a node reads, gathered input by input.

    Attributes: misaligned: paths that meet here and look elsewhere.
    """

    def __init__(self, node: Node, sizes: Sizes, lengths: Mapping[Source, int], budget: Budget) -> None:
        """Nothing is read yet.

        Args:
            node: the node.
            sizes: of its output.
            lengths: elements of every axis of the inputs.
            budget: composes the fields.
        """
        self.node, self.sizes, self.lengths, self.budget = node, sizes, lengths, budget
        self.runs: list[dict[Source, Run]] = [{} for _ in sizes]
        self.first: dict[tuple[int, Source], tuple[str, Field]] = {}
        self.held: dict[Source, Spans] = {}
        self.crossed: dict[Source, tuple[Crossed, str]] = {}
        self.misaligned: list[Misalignment] = []
        self.unknown = ""

    def take(
        self,
        name: str,
        state: State,
        access: Sequence[Access | None],
        apart: Sequence[tuple[Access, ...]] | None = None,
    ) -> None:
        """Add what one input reads; along a dimension that none of the output's reads, all of it is read."""
        if apart is not None or state.crossed:
            self._take_apart(name, state, apart or [() if one is None else (one,) for one in access])
        else:
            named = set()
            for dimension, one in enumerate(access):
                if one is not None:
                    named.add(one.dimension)
                    for source in state.runs[one.dimension]:
                        self._read(dimension, one, source, state.runs[one.dimension], name)
            for dimension, runs in enumerate(state.runs):
                if dimension not in named:
                    for source, run in runs.items():
                        self._hold(source, run.extent)
        for source, reads in state.held.items():
            self._hold(source, reads)

    def _read(self, dimension: int, one: Access, source: Source, runs: Mapping[Source, Run], name: str) -> None:
        inner = runs[source]
        extent = inner.extent
        if not one.whole:
            extent = inner.field.image(one.touched).clipped(0, self.lengths[source])
            extent = extent if inner.field is Field.same() else extent.bounded()
        run = Run(self.budget.through(one.field, inner.field), extent)
        if inner.field.period > 1 and not any(other.field.step for other in runs.values()):
            inside = one.field.image(Spans.first(self.sizes[dimension])) == one.touched
            run = run if inside else run.bounded()  # beyond the border the phases do not go on
        self._run(dimension, source, run, name)

    def _take_apart(self, name: str, state: State, apart: Sequence[tuple[Access, ...]]) -> None:
        """Add what one input reads, of which dimensions are split or merged, or were so before."""
        readers: dict[int, dict[int, Access]] = {}
        for dimension, reads in enumerate(apart):
            for one in reads:
                readers.setdefault(one.dimension, {})[dimension] = one
        for own, runs in enumerate(state.runs):
            for source, run in runs.items():
                by = readers.get(own, {})
                if len(by) > 1 and sum(source in others for others in state.runs) > 1:
                    self.unknown = f"at {self.node.name} one of two dimensions that run along {source[0]} is split"
                try:
                    self._through(source, runs, by, (state.sizes or ())[own], name)
                except UnsupportedError:
                    self._hold(source, run.extent.bounded())
        for source, crossed in state.crossed.items():
            self._cross(source, crossed.moved(apart, state.sizes or (), self.sizes, self.budget), name)

    def _through(
        self, source: Source, runs: Mapping[Source, Run], by: Mapping[int, Access], length: int, name: str
    ) -> None:
        """What the dimensions of the output read by way of one of ``length`` elements: several, where it is split."""
        run = runs[source]
        for dimension, one in by.items() if len(by) == 1 else ():
            self._read(dimension, one, source, runs, name)
        if not by:
            self._hold(source, run.extent)
        elif len(by) > 1:
            fields = {dimension: one.field for dimension, one in by.items()}
            parts = tuple(fields.items())
            alone = self.budget.once(length, single, run.field, parts, tuple(self.sizes[d] for d in fields), length)
            if alone is None:
                self._cross(source, Crossed(run.field, run.extent, length, fields), name)
            else:
                self._run(alone[0], source, Run(alone[1], run.extent), name)

    def _cross(self, source: Source, crossed: Crossed, name: str) -> None:
        before = self.crossed.get(source)
        joined = crossed if before is None else before[0].joined(crossed)
        if joined is None:
            self.unknown = f"at {self.node.name} paths read {source[0]} by different parts of a dimension"
        else:
            self.crossed[source] = joined, name

    def _settle(self) -> dict[Source, Crossed]:
        """What is left of split dimensions: one that is whole again runs as others do; of none the whole is held."""
        found = {}
        for source, (crossed, name) in self.crossed.items():
            for runs in self.runs if len(crossed.fields) > 1 else ():
                if source in runs and runs[source].field.is_constant:
                    self._hold(source, runs.pop(source).field.phases[0].clipped(0, self.lengths[source]))
            running = any(source in runs for runs in self.runs)
            if not crossed.fields:
                self._hold(source, crossed.extent if crossed.exact else crossed.extent.bounded())
            elif len(crossed.fields) == 1 and (running or source in self.held or crossed.is_whole):
                ((dimension, part),) = crossed.fields.items()
                run = Run(self.budget.through(part, crossed.inner), crossed.extent)
                self._run(dimension, source, run if crossed.exact else run.bounded(), name)
            elif running:
                self.unknown = f"at {self.node.name} paths read {source[0]} by one dimension and by two together"
            else:
                found[source] = crossed
        for source in found.keys() & self.held.keys():
            extent = found.pop(source).extent
            self._hold(source, extent if self.held[source] | extent == self.held[source] else extent.bounded())
        return found

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
        if self.sizes[dimension] != 1 and first.step and run.field.step and not first.is_aligned(run.field):
            self.misaligned.append(Misalignment(self.node.name, (other, name), source, (first, run.field)))

    def _union(self, dimension: int, source: Source, first: Field, second: Field) -> Field | None:
        if self.sizes[dimension] == 1:  # one position has no stride
            first, second = Field.constant(first.reads(0)), Field.constant(second.reads(0))
        return joined(first, second, self.lengths[source])

    def state(self, even: bool, inputs: Sequence[State], *, picks: bool) -> State:
        """What the output reads; what is held joins the fields of its source."""
        crossed = self._settle()
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
        for runs in self.runs:
            for run in runs.values():
                self.budget.spend(1)
                self.budget.keep(run.field, run.extent)
        for reads in held.values():
            self.budget.spend(1)
            self.budget.keep(reads)
        if picks and not all(state.even for state in inputs):
            held = {source: reads.bounded() for source, reads in held.items()}
            bounded = [{source: run.bounded() for source, run in runs.items()} for runs in self.runs]
            less = {source: replace(one, exact=False) for source, one in crossed.items()}
            return State(self.sizes, bounded, held, less, even)
        return State(self.sizes, self.runs, held, crossed, even)


def joined(first: Field, second: Field, length: int) -> Field | None:
    """The union of two fields of an axis of ``length`` elements; None where one moves and the other does not so."""
    paced = first.keeps_pace(second)
    if paced and (first.step or first.period == second.period):
        return first.joined(second)
    everything = Spans.first(length)
    for one in (first, second):
        inside = [reads.clipped(0, length) for reads in one.phases] if one.step == 0 else [Spans()]
        if all(reads.parts == everything.parts for reads in inside):
            return Field.whole(length) if all(reads.exact for reads in inside) else Field.whole(length).bounded()
    return first.joined(second) if paced else None
