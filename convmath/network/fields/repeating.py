"""Fields that are known position by position: one that repeats, or runs of positions, each of which repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...errors import UnsupportedError
from .field import MOST_PHASES, Field
from .spans import Spans

MOST_POSITIONS = 2**14
"""More positions are not looked at one by one: the time that takes grows with their number."""

LONGEST_PERIOD = 128
"""Runs whose positions repeat after more than so many are not looked for."""

OFTEN = 64
"""What repeats so often is taken for a run, and no longer one with a longer period is looked for."""


def looked_at(count: int, reads: Callable[[int], Spans]) -> Field:
    """The field of so many positions, each looked at.

    Raises:
        UnsupportedError: there are too many of them.
    """
    if count > MOST_POSITIONS:
        what = f"{count} positions, whose places do not repeat, are too many to look at one by one"
        raise UnsupportedError(f"{what} (at most {MOST_POSITIONS})")
    return repeating([reads(at) for at in range(count)], most=MOST_POSITIONS)


def repeating(table: Sequence[Spans], length: int | None = None, *, most: int = MOST_PHASES) -> Field:
    """The field of so many positions with the fewest phases: what lies beyond ``length`` elements is left out there.

    >>> repeating([Spans(((o, o + 2),)).clipped(0, 4) for o in range(4)], length=4)
    Field(size=2, stride=1, padding=0)
    """
    count = len(table)
    for period in range(1, min(count // 2, MOST_PHASES) + 1):
        if count % period == 0 and (found := _of_period(table, period, length)) is not None:
            return Field.same() if found == Field.same() else found
    return Field.sampled(count, 0, lambda at: table[at], most=most)


def runs(table: Sequence[Spans], start: int = 0) -> Iterator[tuple[int, Field]]:
    """Runs of positions from ``start`` on that a field tells each: the position after the run, and the field.

    >>> jump = [Spans.point(at // 2) for at in range(9)] + [Spans.point(at // 2 + 1) for at in range(9, 20)]
    >>> [(stop, field.period, field.step) for stop, field in runs(jump)]
    [(9, 2, 1), (20, 2, 1)]
    """
    known: dict[Spans, int] = {}
    kinds = [known.setdefault(reads.shifted(-reads.hull[0]), len(known)) for reads in table]
    firsts = [reads.hull[0] if reads else None for reads in table]
    at = 0
    while at < len(table):
        period, step, length = _longest(kinds, firsts, at)
        begin = start + at
        turned = {(begin + i) % period: table[at + i].shifted(-step * ((begin + i) // period)) for i in range(period)}
        found = Field(period, step, tuple(turned[phase] for phase in range(period)))
        at += length
        yield start + at, Field.same() if found == Field.same() else found


def _longest(kinds: Sequence[int], firsts: Sequence[int | None], at: int) -> tuple[int, int, int]:
    """Period, step and length of the longest run from ``at`` on that repeats at least once, or of one position."""
    best = (1, 0, 1)
    for period in range(1, min(LONGEST_PERIOD, (len(kinds) - at) // 2) + 1):
        step, last = None, at
        while last + period < len(kinds) and kinds[last] == kinds[last + period]:
            here, there = firsts[last], firsts[last + period]
            if here is not None and there is not None:
                if step is not None and there - here != step:
                    break
                step = there - here
            last += 1
        if last - at >= period and last - at + period > best[2]:
            best = (period, step or 0, last - at + period)
        if at + best[2] == len(kinds) or best[2] >= OFTEN * best[0]:
            break
    return best


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
