"""Fields that are known position by position."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...errors import UnsupportedError
from .field import MOST_PHASES, Field
from .spans import Spans

MOST_POSITIONS = 2**13
"""More positions are not looked at one by one."""


def looked_at(count: int, reads: Callable[[int], Spans]) -> Field:
    """The field of so many positions, each looked at.

    Raises:
        UnsupportedError: there are too many of them, or they do not repeat.
    """
    if count > MOST_POSITIONS:
        raise UnsupportedError(f"{count} positions, whose places do not repeat, are too many to look at")
    return repeating([reads(at) for at in range(count)])


def repeating(table: Sequence[Spans], length: int | None = None) -> Field:
    """The field of so many positions with the fewest phases: what lies beyond ``length`` elements is left out there.

    >>> repeating([Spans(((o, o + 2),)).clipped(0, 4) for o in range(4)], length=4)
    Field(size=2, stride=1, padding=0)
    """
    count = len(table)
    for period in range(1, min(count // 2, MOST_PHASES) + 1):
        if count % period == 0 and (found := _of_period(table, period, length)) is not None:
            return Field.same() if found == Field.same() else found
    return Field.sampled(count, 0, lambda at: table[at])


def _of_period(table: Sequence[Spans], period: int, length: int | None) -> Field | None:
    """The field whose phases are those in the middle, where it gives the whole table."""
    middle = len(table) // period // 2 * period
    pairs = zip(table[middle : middle + period], table[middle - period : middle], strict=True)
    step = next((here.hull[0] - before.hull[0] for here, before in pairs if here and before), 0)
    phases = tuple(one.shifted(-step * (middle // period)) for one in table[middle : middle + period])
    found = Field(period, step, phases)
    for at, reads in enumerate(table):
        said = found.reads(at)
        if (said if length is None else said.clipped(0, length)) != reads:
            return None
    return found
