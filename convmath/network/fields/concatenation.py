"""Tensors put one after the other along a dimension of which positions read by their index."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from ...errors import UnsupportedError
from .field import Field
from .joining import Join
from .pieces import Followed, concatenated
from .spans import Spans
from .state import Run, Source, State

Part = tuple[int, int, Run]
"""The first position of a part, the one after its last, and what its own positions from 0 on read."""


def beside(join: Join, dim: int, names: Sequence[str], states: Sequence[State]) -> None:
    """Add what the inputs of a concatenation read: along its dimension each part of the positions reads its own.

    An index on another dimension is one of positions in all parts; where these differ, they read at most what all do.

    Args:
        join: what the output reads.
        dim: the dimension.
        names: of the inputs.
        states: what is known of them.
    """
    apart = {source for state in states for source in state.crossed}
    others = {source for state in states for d, runs in enumerate(state.runs) if d != dim for source in runs} | apart
    everywhere = {
        source: reads
        for source, reads in states[0].held.items()
        if source not in others and all(state.held.get(source) == reads for state in states)
    }
    first: dict[tuple[int, Source], Run] = {}
    parts: dict[Source, list[Part]] = {}
    stops = accumulate((state.sizes or ())[dim] for state in states)
    for name, state, (start, stop) in zip(names, states, pairwise((0, *stops)), strict=True):
        for dimension, runs in enumerate(state.runs):
            for source, run in runs.items():
                if source in apart:
                    join.hold(source, run.extent)
                elif dimension == dim:
                    parts.setdefault(source, []).append((start, stop, run))
                else:
                    join.run(dimension, source, run, name)
                    first.setdefault((dimension, source), run)
        for source, reads in state.held.items():
            if source in others:
                join.hold(source, reads)
                join.unsure.add(source)
            elif source not in everywhere:
                parts.setdefault(source, []).append((start, stop, Run(Field.constant(reads), reads, reads.exact)))
    for (dimension, source), run in first.items():
        others_run = (state for state in states if state.runs[dimension].get(source) != run)
        if any(source in runs for state in others_run for runs in state.runs):
            join.unsure.add(source)
    for source, reads in everywhere.items():
        join.hold(source, reads)
    for source, found in parts.items():
        join.run(dim, source, _together(join, found, join.sizes[dim]), names[0])
    for source in apart:
        _cross(join, dim, source, names[0], states)


def _together(join: Join, parts: Sequence[Part], count: int) -> Run:
    """What the parts of ``count`` positions read of an axis; of too many parts, a part of what all of them do."""

    def later(field: Field, by: int) -> Field:
        return join.budget.composed(Field.window(1, padding=by), field) if by else field

    sure, unsure = (
        Spans.of((part for _, _, run in parts if run.extent.exact is exact for part in run.extent.parts), exact=exact)
        for exact in (True, False)
    )
    extent = sure | unsure
    try:
        field: Followed = concatenated([(start, stop, run.field) for start, stop, run in parts], count, later)
    except UnsupportedError:
        field = Field.constant(extent.bounded())
    runs = [run for _, _, run in parts]
    return Run(field, extent, all(run.sure for run in runs), any(run.folds for run in runs))


def _cross(join: Join, dim: int, source: Source, name: str, states: Sequence[State]) -> None:
    """What several dimensions index together stays so where it is the same in all parts."""
    found = states[0].crossed.get(source)
    alike = found is not None and dim not in found.fields and all(s.crossed.get(source) == found for s in states)
    if found is not None and alike:
        join.cross(source, found, name)
        return
    join.unsure.add(source)
    for state in states:
        if source in state.crossed:
            join.hold(source, state.crossed[source].extent)
