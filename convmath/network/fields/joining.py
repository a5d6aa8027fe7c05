"""What the output of a node reads of the network's inputs, by way of what it reads of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...errors import UnsupportedError
from ..layer import Access
from ..node import Node
from ..operators import Sizes
from .budget import Budget
from .crossing import Crossed, single
from .field import Field
from .pieces import Followed, Pieces, aligned, united
from .receptive import Misalignment
from .repeating import MOST_POSITIONS
from .spans import Spans
from .state import Run, Source, State


class Join:
    """What the output of a node reads, gathered input by input.

    Attributes:
        misaligned: paths that meet here and look elsewhere.
        unsure: sources of which a position may read only a part of what is said.
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
        self.first: dict[tuple[int, Source], tuple[str, Followed]] = {}
        self.held: dict[Source, Spans] = {}
        self.crossed: dict[Source, tuple[Crossed, str]] = {}
        self.unsure: set[Source] = set()
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
            named, sizes = set(), state.sizes or ()
            for dimension, one in enumerate(access):
                if one is not None:
                    named.add(one.dimension)
                    runs = state.runs[one.dimension]
                    for source in runs:
                        self._read(dimension, one, source, runs, sizes[one.dimension], name)
            for dimension, runs in enumerate(state.runs):
                if dimension not in named:
                    for source, run in runs.items():
                        self.hold(source, run.extent)
        for source, reads in state.held.items():
            self.hold(source, reads)

    def _read(
        self, dimension: int, one: Access, source: Source, runs: Mapping[Source, Run], length: int, name: str
    ) -> None:
        """Add what a dimension reads of one of ``length`` positions."""
        inner, count = runs[source], self.sizes[dimension]
        if one.in_place and isinstance(inner.field, Field):
            self.run(dimension, source, inner, name)
            return
        field, extent = inner.field, inner.extent
        if not one.whole:
            found = inner.extent if inner.folds else field.image(one.touched) & Spans(inner.extent.parts)
            extent = found if inner.sure else found.bounded()
        sure, folds = inner.sure, inner.folds
        if not one.within:
            if isinstance(field, Field) and field.period > 1 and not _moves(runs):
                field = Pieces((length,), (field,))  # beyond the border the phases do not go on
            at_its_border = field is Field.same() and length >= self.lengths[source] and one.inside is None
            sure = sure and (isinstance(field, Pieces) or at_its_border)
            folds = folds or (one.inside is not None and isinstance(field, Field))
        field = self.budget.through(one.field, field, count, one.inside)
        self.run(dimension, source, Run(field, extent, sure, folds), name)

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
                    self.hold(source, run.extent.bounded())
        for source, crossed in state.crossed.items():
            self.cross(source, crossed.moved(apart, state.sizes or (), self.sizes, self.budget), name)

    def _through(
        self, source: Source, runs: Mapping[Source, Run], by: Mapping[int, Access], length: int, name: str
    ) -> None:
        """What the dimensions of the output read by way of one of ``length`` elements: several, where it is split."""
        run = runs[source]
        for dimension, one in by.items() if len(by) == 1 else ():
            self._read(dimension, one, source, runs, length, name)
        if not by:
            self.hold(source, run.extent)
        elif len(by) > 1:
            fields = {dimension: one.field for dimension, one in by.items()}
            parts = tuple(fields.items())
            alone = self.budget.once(length, single, run.field, parts, tuple(self.sizes[d] for d in fields), length)
            if alone is None:
                self.cross(source, Crossed(run.field, run.extent, length, fields), name)
            else:
                self.run(alone[0], source, Run(alone[1], run.extent, folds=run.folds), name)

    def cross(self, source: Source, crossed: Crossed, name: str) -> None:
        """Add what positions read of an axis by their indices on several dimensions, by way of a node."""
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
                    self.hold(source, runs.pop(source).field.reads(0).clipped(0, self.lengths[source]))
            running = any(source in runs for runs in self.runs)
            if not crossed.fields:
                self.hold(source, crossed.extent if crossed.exact else crossed.extent.bounded())
            elif len(crossed.fields) == 1 and (running or source in self.held or crossed.is_whole):
                ((dimension, part),) = crossed.fields.items()
                run = Run(self.budget.through(part, crossed.inner, self.sizes[dimension]), crossed.read(self.sizes))
                self.run(dimension, source, run if crossed.exact else run.bounded(), name)
            elif running:
                self.unknown = f"at {self.node.name} paths read {source[0]} by one dimension and by two together"
            else:
                found[source] = crossed
        for source in found.keys() & self.held.keys():
            extent = found.pop(source).extent
            self.hold(source, extent if self.held[source] | extent == self.held[source] else extent.bounded())
        return found

    def hold(self, source: Source, reads: Spans) -> None:
        """Add what every position reads of an axis."""
        self.held[source] = self.held[source] | reads if source in self.held else reads

    def run(self, dimension: int, source: Source, run: Run, name: str) -> None:
        """Add what positions read of an axis by their index on a dimension, by way of a node."""
        before = self.runs[dimension].get(source)
        if before is None:
            self.runs[dimension][source] = run
            self.first[dimension, source] = (name, run.field)
            return
        self._compare(dimension, source, run, name)
        if before != run:
            union = self._union(dimension, source, before.field, run.field)
            if union is None:
                self.unknown = f"{self._disagree(before.field, run.field)}, {self._many(dimension)}"
            sure, folds = before.sure and run.sure, before.folds or run.folds
            self.runs[dimension][source] = Run(union or before.field, before.extent | run.extent, sure, folds)

    def _disagree(self, first: Followed, second: Followed) -> str:
        if isinstance(first, Field) and isinstance(second, Field):
            return f"at {self.node.name} the paths' strides {first.stride} and {second.stride} disagree"
        return f"at {self.node.name} paths disagree that read piece by piece"

    def _many(self, dimension: int) -> str:
        return f"and {self.sizes[dimension]} positions are too many to look at one by one (at most {MOST_POSITIONS})"

    def _compare(self, dimension: int, source: Source, run: Run, name: str) -> None:
        """Strides and centres of two paths that move; what reads the same at every position has neither."""
        other, first = self.first[dimension, source]
        moving = self.sizes[dimension] != 1 and first.moves and run.field.moves
        if moving and not aligned(first, run.field, self.sizes[dimension]):
            fields, count = (first, run.field), self.sizes[dimension]
            self.misaligned.append(Misalignment(self.node.name, (other, name), source, fields, count))

    def _union(self, dimension: int, source: Source, first: Followed, second: Followed) -> Followed | None:
        if self.sizes[dimension] == 1:  # one position has no stride
            first, second = Field.constant(first.reads(0)), Field.constant(second.reads(0))
        return joined(first, second, self.lengths[source], self.sizes[dimension])

    def state(self, uneven: frozenset[int], *, unsure: bool) -> State:
        """What the output reads; what is held joins the fields of its source. If unsure, only a part may be read."""
        crossed = self._settle()
        for dimension, runs in enumerate(self.runs):
            for source in runs.keys() & self.held.keys():
                reads = self.held[source]
                union = self._union(dimension, source, runs[source].field, Field.constant(reads))
                if union is None:
                    what = f"at {self.node.name} some paths read a part of {source[0]} that does not move"
                    self.unknown = f"{what}, {self._many(dimension)}"
                before = runs[source]
                sure = before.sure and reads.exact
                runs[source] = Run(union or before.field, before.extent | reads, sure, before.folds)
        if self.unknown:
            return State(self.sizes, unknown=self.unknown)
        held = {one: reads for one, reads in self.held.items() if not any(one in runs for runs in self.runs)}
        empty = set()
        for runs in self.runs:
            for source, run in runs.items():
                self.budget.spend(1)
                self.budget.keep(run.field, run.extent)
                if not run.extent:
                    empty.add(source[0])
        for reads in held.values():
            self.budget.spend(1)
            self.budget.keep(reads)
        for name in empty:
            self._empty(name, held)
        for count, runs in zip(self.sizes, self.runs, strict=True):
            if len(runs) > 1 and not all(self._is_inside(source, run, count) for source, run in runs.items()):
                runs.update({source: replace(run, sure=False) for source, run in runs.items()})
        if unsure:
            self.unsure = {*(source for runs in self.runs for source in runs), *held, *crossed}
        if self.unsure:
            for runs in self.runs:
                runs.update({source: runs[source].bounded() for source in runs.keys() & self.unsure})
            held.update({source: held[source].bounded() for source in held.keys() & self.unsure})
            crossed.update({source: replace(crossed[source], exact=False) for source in crossed.keys() & self.unsure})
        return State(self.sizes, self.runs, held, crossed, uneven)

    def _is_inside(self, source: Source, run: Run, count: int) -> bool:
        """Whether ``count`` positions are said to read nothing outside: of several axes, one border takes all."""
        image = run.field.image(Spans.first(count))
        return image == image.clipped(0, self.lengths[source])

    def _empty(self, name: str, held: dict[Source, Spans]) -> None:
        """Nothing is read of an input of which nothing is read along one of its axes."""
        for runs in self.runs:
            runs.update({one: replace(runs[one], extent=Spans()) for one in runs if one[0] == name})
        held.update({one: Spans() for one in held if one[0] == name})


def _moves(runs: Mapping[Source, Run]) -> bool:
    return any(run.field.moves for run in runs.values())


def joined(first: Followed, second: Followed, length: int, count: int) -> Followed | None:
    """The union of what ``count`` positions read of an axis of ``length`` elements by two paths.

    It is a field where both have one stride or one of them reads everything; else it is found piece by piece, or None
    where there are too many.
    """

    def union(one: Field, other: Field) -> Field | None:
        try:
            return _joined(one, other, length)
        except UnsupportedError:
            return None

    if isinstance(first, Field) and isinstance(second, Field):
        found = union(first, second)
        if found is not None:
            return found
    return united(first, second, count, union)


def _joined(first: Field, second: Field, length: int) -> Field | None:
    """The union of two fields; None where one moves and the other does not so."""
    paced = first.keeps_pace(second)
    if paced and (first.step or first.period == second.period):
        return first.joined(second)
    everything = Spans.first(length)
    for one in (first, second):
        inside = [reads.clipped(0, length) for reads in one.phases] if one.step == 0 else [Spans()]
        if all(reads.parts == everything.parts for reads in inside):
            return Field.whole(length) if all(reads.exact for reads in inside) else Field.whole(length).bounded()
    return first.joined(second) if paced else None
