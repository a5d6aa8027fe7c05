"""What is known of a tensor while a network is analysed: what each of its positions reads of the network's inputs."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..operators import Sizes
from .crossing import Crossed
from .pieces import Followed
from .spans import Spans

Source: TypeAlias = tuple[str, int]
"""An axis of an input: its name, and the number of the axis."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a dimension reads of an axis of an input that runs along it.

    Attributes:
        field: what each position reads, as if no tensor had a border.
        extent: what all of them read.
        sure: whether no border but that of the axis takes anything of what the field says.
        folds: whether at a border it may read elements that the field does not say, as reflection does.
    """

    field: Followed
    extent: Spans
    sure: bool = dataclasses.field(default=False, compare=False)
    folds: bool = dataclasses.field(default=False, compare=False)

    def bounded(self) -> Run:
        """The same, of which only a part may be read."""
        return Run(self.field.bounded(), self.extent.bounded(), folds=self.folds)


@dataclass(frozen=True, slots=True)
class State:
    """What is known of a tensor.

    Attributes:
        sizes: its sizes, None if unknown.
        runs: for every dimension, what it reads of each source that runs along it.
        held: what every position reads of the sources that run along no dimension.
        crossed: what it reads of the sources that several dimensions index together.
        uneven: the dimensions along which positions may read otherwise, and no field says which.
        unknown: why this is unknown, in words; empty if it is known.
    """

    sizes: Sizes | None
    runs: Sequence[Mapping[Source, Run]] = ()
    held: Mapping[Source, Spans] = dataclasses.field(default_factory=dict)
    crossed: Mapping[Source, Crossed] = dataclasses.field(default_factory=dict)
    uneven: frozenset[int] = frozenset()
    unknown: str = ""

    def runs_along(self, dimension: int) -> bool:
        """Whether an axis of an input runs along a dimension, alone or with others."""
        return bool(self.runs[dimension]) or any(dimension in one.fields for one in self.crossed.values())
