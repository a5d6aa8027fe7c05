"""Small cases that keep a failing one's features, for failures that are too dear to be shrunk by trial and error.

Every run of a hang lasts as long as the time limit, and a crash costs a process; a case that passes costs next to
nothing. So the search goes upwards from the smallest cases there are, and most of what it tries passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from time import monotonic
from typing import Any, TypeAlias

from ..errors import DomainError
from .case import ConvCase, PoolCase

AnyCase: TypeAlias = ConvCase | PoolCase
Change: TypeAlias = tuple[str, int | None, Any]
"""A field, an axis of it (None for the whole), and what the failing case has there, or less of it."""

_TOGETHER = 3
_MOST_CASES = 400
_SECONDS = 60.0


@dataclass(frozen=True)
class Reduced:
    """The smallest failing case found, and whether it is one that was searched for from the smallest on."""

    case: AnyCase
    minimal: bool


def reduced(
    failing: AnyCase,
    fails: Callable[[AnyCase], bool],
    *,
    allowed: Callable[[AnyCase], bool] = lambda _: True,
    enough: Callable[[], bool] = lambda: False,
) -> Reduced:
    """A small case that fails as well: the first, from the smallest on, that has few of the failing case's features.

    ``fails`` is asked about at most 400 cases within a minute, all but the last of which pass, about none that is not
    ``allowed``, and about no more when ``enough``. Where no case fails, the failing one is returned, as not minimal.

    >>> found = reduced(ConvCase.parse("c4 o2 i9x7 k3x3 s2x3 p1 b #9"), lambda case: case.stride[1] > 1)
    >>> print(found.case, found.minimal)
    conv n1 c1 o1 i1x1 k1x1 s1x2 #0 True
    """
    tried: set[str] = set()
    end = monotonic() + _SECONDS
    for case in _candidates(failing):
        if len(tried) >= _MOST_CASES or monotonic() > end or enough():
            break
        if str(case) in tried or case.macs > failing.macs or not allowed(case):
            continue
        tried.add(str(case))
        if fails(case):
            return Reduced(case, True)
    return Reduced(failing, False)


def _candidates(failing: AnyCase) -> Iterator[AnyCase]:
    """Cases with none, one, two and three of the failing case's features, the axes as short as they can be."""
    changes = list(_changes(failing))
    for count in range(_TOGETHER + 1):
        for chosen in combinations(changes, count):
            places = [change[:2] for change in chosen]
            if len(set(places)) == count and (case := _built(failing, chosen)) is not None:
                yield case


def _changes(failing: AnyCase) -> Iterator[Change]:
    """What the failing case has that the plainest has not; of a size that is large, 2 as well."""
    plain = _plainest(failing)
    for name in _FIELDS:
        if not hasattr(failing, name) or (value := getattr(failing, name)) == getattr(plain, name):
            continue
        if not isinstance(value, tuple):
            yield from ((name, None, less) for less in _less(value))
            continue
        for axis, (entry, usual) in enumerate(zip(value, getattr(plain, name), strict=True)):
            if entry != usual:
                yield from ((name, axis, less) for less in _less(entry))


_FIELDS = (
    *("stride", "dilation", "padding", "groups", "bias", "output_padding", "ceil_mode", "count_include_pad"),
    *("divisor_override", "kernel_size", "batch", "in_channels", "out_channels", "channels", "input_size"),
)


def _less(value: Any) -> list[Any]:
    """The value, after 2 where that is less of it."""
    return [2, value] if isinstance(value, int) and not isinstance(value, bool) and value > 2 else [value]


def _plainest(failing: AnyCase) -> AnyCase:
    ones = (1,) * failing.ndim
    sizes: dict[str, Any] = {"input_size": ones, "kernel_size": ones, "stride": ones, "dilation": ones}
    if isinstance(failing, ConvCase):
        return ConvCase(kind=failing.kind, **sizes)
    return PoolCase(kind=failing.kind, **sizes)


def _built(failing: AnyCase, chosen: tuple[Change, ...]) -> AnyCase | None:
    """The plainest case with the chosen changes, and as many channels and as much input as they need."""
    plain = _plainest(failing)
    fields: dict[str, Any] = {}
    for name, axis, value in chosen:
        if axis is None:
            fields[name] = value
        else:
            entries = list(fields.get(name, getattr(plain, name)))
            entries[axis] = value
            fields[name] = tuple(entries)
    if groups := fields.get("groups"):
        for name in ("in_channels", "out_channels"):
            fields[name] = groups * -(-fields.get(name, 1) // groups)
    fields["input_size"] = _input_size(plain, fields)
    if isinstance(plain, PoolCase) and _side_by_side(failing):
        fields["stride"] = fields.get("kernel_size", plain.kernel_size)
    try:
        return replace(plain, **fields)
    except DomainError:
        return None


def _side_by_side(case: AnyCase) -> bool:
    """Whether windows of a pooling layer lie side by side, as they do where no stride is given."""
    return isinstance(case, PoolCase) and case.stride == case.kernel_size


def _input_size(plain: AnyCase, fields: dict[str, Any]) -> tuple[int, ...]:
    """What the changes say, or on each axis the least that a window needs."""
    names = ("input_size", "kernel_size", "dilation", "padding")
    sizes = zip(*(fields.get(name, getattr(plain, name)) for name in names), strict=True)
    if plain.kind == "conv_transpose":
        return tuple(size for size, *_ in sizes)
    return tuple(max(size, d * (k - 1) + 1 - lo - hi) for size, k, d, (lo, hi) in sizes)
