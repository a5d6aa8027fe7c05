"""What an importer has read at one size: whether the network's own code could make another one of it at other sizes.

Its comparisons of sizes are conditions under which the graph is known to be this one, and sizes that it computes are
terms. Code that was told no number reads the same at every size at which these conditions hold. That it is a function
of what it is given is tried by reading it again at the same sizes, and then it is watched, too.

What code may have done with a number that it was told is found by reading it again at other sizes: there it has to be
the same, up to sizes that are the same terms. That it is so at every size is checked by sampling, and not proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from fractions import Fraction
from weakref import WeakKeyDictionary

from ...errors import ConvmathError
from ..graph import Graph
from ..node import Node
from ..operators import Input, Sizes, Unknown
from ..provenance import Provenance, Reader
from ..sizes.in_operators import with_terms
from ..sizes.trail import Leaf, Trail
from ..sizes.watching import watched
from .refusals import Places

OTHERS = (
    *((Fraction(1), more) for more in (1, 3, 32, -1)),
    *((Fraction(times), 0) for times in ("1/2", "1/4", "1/8", "1/16", "2", "11")),
    *((Fraction(0), size) for size in (1, 64, 40, 20, 500)),
    *((Fraction(1), more) for more in (5, 96, 64, 13, 150)),
)
"""So many times as large as at its reading, and so much larger, are sizes at which a network is read again.

Those by which it goes another way are passed over; those that it refuses have to be refused by the closed forms, too.
"""

AS_MANY = 12
"""At so many of them, each another one."""

BY_CONSTRUCTION = "by construction"
"""How a graph is known at every size that was built by hand, or read from code that was told no number of a size."""


class Reading:
    """Whether a graph is known at all sizes, node by node.

    Attributes:
        fixed: why nodes hold at the size of their reading only, by name.
        refused: why no node from here on is known at other sizes; empty if they are.
        words: how the graph is known from here on.
        failures: sizes, without the batch, at which it could not be read, and why.
    """

    def __init__(self, graph: Graph, moving: Sequence[Places]) -> None:
        """A graph of which nothing is asked yet.

        Args:
            graph: the network.
            moving: for each size that is varied, the dimensions of each input that have it.
        """
        self._again = _again(graph)
        self.fixed: dict[str, str] = {}
        self.refused = self._again.by_chance
        self.words = BY_CONSTRUCTION
        self.failures: list[tuple[dict[str, Sizes], str]] = []
        self._graph, self._moving = graph, moving
        trail = graph.trail or Trail(astray=None if graph.reread is None else 0)
        self._guards = trail.guards
        self._looked = sorted(trail.looked, key=lambda one: one[0])
        self._astray = min((at for at in (trail.astray, self._again.astray) if at is not None), default=None)

    def before(self, number: int, depends: Callable[[Leaf], bool]) -> None:
        """Look at what was asked before a node was read.

        Args:
            number: that of the node.
            depends: whether a size goes by one that is varied.
        """
        if self.words != BY_CONSTRUCTION or self.refused:
            return
        asked = self._astray is not None and self._astray <= number
        while self._looked and self._looked[0][0] <= number:
            asked = depends(self._looked.pop(0)[1]) or asked
        if asked:
            self._read_again()

    def _read_again(self) -> None:
        graph, reread, same = self._graph, self._graph.reread, 0
        if reread is None:
            self.refused = "the network's own code was told sizes, and nobody can read it again at others"
            return
        for sizes in _others(graph, self._moving):
            other, words = self._again.at(graph, reread, sizes), f"with inputs of {_written(sizes)}"
            if other.failure:
                self.failures.append((sizes, other.failure))
            elif other.is_same is False:
                self.refused = _otherwise(words)
                return
            elif other.is_same:
                same += 1
                for name in other.others:
                    self.fixed.setdefault(name, f"{name} was fixed to the size at reading: it is another {words}")
        self.words = f"read again at {same} other size{'s' if same > 1 else ''}"
        if not same:
            self.refused = "the network takes none of the other sizes at which it was read again"

    def refute(self, sizes: dict[str, Sizes]) -> str:
        """Why a network that was read again is not the same at these sizes, too; empty where it may be."""
        reread = self._graph.reread
        if reread is None:
            return ""
        other = self._again.at(self._graph, reread, sizes)
        if other.failure:
            self.failures.append((sizes, other.failure))
        changed = other.is_same is False or any(name not in self.fixed for name in other.others)
        return _otherwise(f"with inputs of {_written(sizes)}") if changed else ""


@dataclass(frozen=True)
class _Other:
    """A network as it is read at other sizes, beside the one that it is.

    Attributes:
        failure: why it could not be read.
        is_same: whether it has the same nodes; None where its code decided otherwise by sizes.
        others: the nodes that have another operator.
    """

    failure: str = ""
    is_same: bool | None = None
    others: tuple[str, ...] = ()


@dataclass
class _Again:
    """What comes of reading a network again, which is done once.

    Attributes:
        provenance: that of the graph, of which this is known.
        by_chance: why nothing is known of a network that is another one at the same sizes; empty if it is the same.
        astray: the number of nodes after which its code did something to sizes that nobody noted; None if it did not.
    """

    provenance: Provenance
    by_chance: str = ""
    astray: int | None = None
    _found: dict[tuple[tuple[str, Sizes], ...], _Other] = field(default_factory=dict)

    def at(self, graph: Graph, reread: Reader, sizes: Mapping[str, Sizes]) -> _Other:
        """How the graph is read at sizes of its inputs."""
        key = tuple(sizes.items())
        if key not in self._found:
            self._found[key] = _other(graph, reread, sizes)
        return self._found[key]


_READ: WeakKeyDictionary[Graph, _Again] = WeakKeyDictionary()


def _again(graph: Graph) -> _Again:
    """What comes of reading a graph again, as it is now."""
    found = _READ.get(graph)
    if found is None or found.provenance is not graph.provenance:
        found = _READ[graph] = _Again(graph.provenance, *_at_the_same_sizes(graph))
    return found


def _at_the_same_sizes(graph: Graph) -> tuple[str, int | None]:
    """Why a network is another one when it is read again at the same sizes, and after how many nodes it goes astray."""
    if graph.reread is None:
        return "", None
    try:
        with watched() if graph.trail is None or graph.trail.asked else nullcontext():
            other = graph.reread({name: graph[name].operator.sizes()[1:] for name in graph.inputs})
    except ConvmathError as error:
        return f"the network cannot be read again at the same sizes: {error}", None
    if _branch(graph, other) and _flow(graph) == _flow(other) and all(_same(node, other[node.name]) for node in graph):
        return "", other.trail.astray if other.trail else None
    return "the network reads otherwise at the same sizes: it goes by chance, or by what it has done before", None


def _other(graph: Graph, reread: Reader, sizes: Mapping[str, Sizes]) -> _Other:
    try:
        other = reread(sizes)
    except ConvmathError as error:
        return _Other(str(error))
    branch = _branch(graph, other)
    if branch is None:
        return _Other()
    if not branch or _flow(graph) != _flow(other):
        return _Other(is_same=False)
    return _Other("", True, tuple(node.name for node in graph if not _same(node, other[node.name])))


def _branch(graph: Graph, other: Graph) -> bool | None:
    """Whether both decided by the same comparisons; None where one of them found something else."""
    first, second = (one.trail.guards if one.trail else () for one in (graph, other))
    for one, another in zip(first, second, strict=False):
        if one.question != another.question:
            return False
        if one.holds != another.holds:
            return None
    return len(first) == len(second)


def _flow(graph: Graph) -> tuple[list[tuple[str, tuple[str, ...]]], tuple[str, ...]]:
    return [(node.name, node.inputs) for node in graph], graph.outputs


def _same(first: Node, second: Node) -> bool:
    """Whether two nodes have the same operator, up to sizes with the same terms; inputs are varied themselves.

    Those that are not understood are unknown in any case.
    """
    if isinstance(first.operator, Unknown) and isinstance(second.operator, Unknown):
        return True
    if isinstance(first.operator, Input) and isinstance(second.operator, Input) and first.operator.axes:
        return first.operator.axes == second.operator.axes
    return with_terms(first.traced or first.operator) == with_terms(second.traced or second.operator)


def _others(graph: Graph, moving: Sequence[Places]) -> Iterator[dict[str, Sizes]]:
    """Other sizes of the inputs: every second time each of those that are varied becomes another one."""
    shapes = {name: list(graph[name].operator.sizes()) for name in graph.inputs}
    seen: list[dict[str, Sizes]] = [{name: tuple(shape[1:]) for name, shape in shapes.items()}]
    for turn in range(len(OTHERS)):
        others = {name: list(shape) for name, shape in shapes.items()}
        for number, places in enumerate(moving):
            times, more = OTHERS[(turn + 2 * number * (turn % 2)) % len(OTHERS)]
            for name, dimension in [(one, dimension) for one, varied in places.items() for dimension in varied]:
                others[name][dimension] = int(times * shapes[name][dimension]) + more
        sizes = {name: tuple(shape[1:]) for name, shape in others.items()}
        if sizes not in seen and len(seen) <= AS_MANY and min(n for size in sizes.values() for n in size or (1,)) > 0:
            seen.append(sizes)
            yield sizes


def _otherwise(words: str) -> str:
    return f"the network reads otherwise {words}: it goes by the size in a way that is not followed"


def _written(sizes: Mapping[str, Sizes]) -> str:
    """Sizes of inputs, with their names where there are several."""
    rows = {name: " x ".join(map(str, size)) for name, size in sizes.items()}
    return next(iter(rows.values())) if len(rows) == 1 else ", ".join(f"{name} {row}" for name, row in rows.items())
