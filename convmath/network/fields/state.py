"""What is known of a tensor while a network is analysed: what each of its positions reads of the network's inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from ..operators import Sizes
from .crossing import Crossed
from .field import Field
from .spans import Spans

Source: TypeAlias = tuple[str, int]
"""An axis of an input: its name, and the number of the axis."""


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
        crossed: what it reads of the sources that several dimensions index together.
        even: whether positions that differ only in dimensions along which nothing runs read the same.
        unknown: why this is unknown, in words; empty if it is known.
        in_parts: why fields that move may tell what positions read only in a part of them; empty if they do in all.
    """

    sizes: Sizes | None
    runs: Sequence[Mapping[Source, Run]] = ()
    held: Mapping[Source, Spans] = field(default_factory=dict)
    crossed: Mapping[Source, Crossed] = field(default_factory=dict)
    even: bool = True
    unknown: str = ""
    in_parts: str = ""

    @property
    def moves(self) -> bool:
        """Whether positions read by their index; else all of them read the same."""
        return bool(self.crossed) or any(not run.field.is_constant for runs in self.runs for run in runs.values())
