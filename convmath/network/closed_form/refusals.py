"""Whether a network takes sizes that an operator in it refuses: its own code may catch that, and go another way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeAlias

from ...errors import ConvmathError, DomainError
from ..operators import Sizes, Unknown
from ..provenance import RefusedLaterError
from .claims import Claim
from .scope import Kind, narrowed
from .sets import SizeSet, around
from .terms import evaluated

if TYPE_CHECKING:
    from ..graph import Graph

MOST_REFUSED = 16
"""A network is read again at so many of the sizes that it refuses, however many nodes it has."""

MOST_READ = 30_000
"""It is read again at more of them if these are no more nodes than this together."""

Places: TypeAlias = Mapping[str, Sequence[int]]
"""The dimensions of each input that have the size that is asked for."""


def sizes_at(graph: Graph, places: Places, n: int) -> dict[str, Sizes]:
    """The sizes of all inputs, without the batch, for an input size."""
    shapes = {name: graph[name].operator.sizes() for name in graph.inputs}
    return {
        name: tuple(n if d in places.get(name, ()) else size for d, size in enumerate(shape))[1:]
        for name, shape in shapes.items()
    }


def start_of(graph: Graph, places: Places) -> int:
    """The input size at which a network was read."""
    return next(int(graph[name].operator.sizes()[d]) for name, dimensions in places.items() for d in dimensions)


def is_caught(graph: Graph, places: Places, conditions: Iterable[tuple[Claim, Kind]]) -> bool:
    """Whether a network can be read at a size that one of its operators refuses.

    It is read again where the first condition that does not hold is one that an operator needs, for each of those that
    leave sizes out: at that nearest to the size of its reading, and at the least. Where it is that a tensor has
    elements, the network may take another size, with an empty one on the way. Where these sizes are too many, it is
    taken to be so.
    """
    again = graph.reread
    if again is None or not any(places.values()):
        return False
    refused = dict.fromkeys(_refused(list(conditions), start_of(graph, places)))
    if len(refused) > max(MOST_REFUSED, MOST_READ // len(graph)):
        return True
    for n, kind in refused:
        try:
            other = again(sizes_at(graph, places, n))
        except RefusedLaterError:
            return True
        except DomainError:
            continue
        except ConvmathError:  # it goes on, in a way that cannot be followed
            return True
        if kind != "empty" or not _has_empty(other):
            return True
    return False


def _has_empty(graph: Graph) -> bool:
    """Whether a tensor on the way is empty, as that of an operator that is not understood for this."""
    return any(isinstance(node.operator, Unknown) and 0 in (node.operator.output or ()) for node in graph)


def _refused(conditions: Sequence[tuple[Claim, Kind]], start: int) -> Iterator[tuple[int, Kind]]:
    """Sizes that are refused, and by what kind of condition; those that are refused by different ones first."""
    taken, unplaced, least = SizeSet(), tuple[Claim, ...](), list[tuple[int, Kind]]()
    for claim, kind in conditions:
        before = taken
        taken, unplaced = narrowed((*unplaced, claim), before)
        if kind == "read" or taken == before:
            continue
        out = [n for n in around(start, 4 * start + 64, before, taken) if n in before and n not in taken]
        if kind == "equal":
            out = [n for n in out if not _stretches(claim, n)]
        if out:
            least.append((min(out), kind))
            yield out[0], kind
    yield from least


def _stretches(claim: Claim, n: int) -> bool:
    """Whether one of two sizes is 1, so that the branch is stretched and not refused."""
    return any(evaluated(side)(n) == 1 for side in claim.formula.args)
