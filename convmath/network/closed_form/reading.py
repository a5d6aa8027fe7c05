"""What an importer has read at one size: whether the network's own code could make another one of it at other sizes.

Its comparisons of sizes are conditions under which the graph is known to be this one, and sizes that it computes are
terms. Code that was told no number reads the same at every size at which these conditions hold. That it is a function
of what it is given is tried by reading it again at the same sizes.

What code may have done with a number that it was told is found by reading it again at other sizes: there it has to be
the same, up to sizes that are the same terms. That it is so at every size is checked by sampling, and not proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from ...errors import ConvmathError
from ..graph import Graph, Node
from ..operators import Input, Sizes, Unknown
from ..sizes.in_operators import with_terms
from ..sizes.trail import Leaf, Trail

OTHERS = (
    *((Fraction(1), more) for more in (1, 3, 32, 64, -1, -3)),
    *((Fraction(times), 0) for times in ("1/2", "2", "11")),
    *((Fraction(1), more) for more in (5, 96)),
)
"""So many times as large, and so much larger, are sizes at which a network is read again.

Those by which it goes another way are passed over; those that it refuses have to be refused by the closed forms, too.
"""

AS_MANY = 9
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

    def __init__(self, graph: Graph, moving: Mapping[str, tuple[int, ...]]) -> None:
        """A graph of which nothing is asked yet.

        Args:
            graph: the network.
            moving: the dimensions of each input whose size is varied.
        """
        self.fixed: dict[str, str] = {}
        self.refused = _by_chance(graph)
        self.words = BY_CONSTRUCTION
        self.failures: list[tuple[dict[str, Sizes], str]] = []
        self._graph, self._moving = graph, moving
        trail = graph.trail or Trail(astray=None if graph.reread is None else 0)
        self._guards = trail.guards
        self._looked = sorted(trail.looked, key=lambda one: one[0])
        self._astray = trail.astray

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
        graph, same = self._graph, 0
        if graph.reread is None:
            self.refused = "the network's own code was told sizes, and nobody can read it again at others"
            return
        for sizes, words in _others(graph, self._moving):
            try:
                other = graph.reread(sizes)
            except ConvmathError as error:
                self.failures.append((sizes, str(error)))
                continue
            branch = _branch(graph, other)
            if branch is None:
                continue
            same += 1
            if not branch or _flow(graph) != _flow(other):
                self.refused = f"the network reads otherwise {words}: it goes by the size in a way that is not followed"
                return
            for node in graph:
                if not _same(node, other[node.name]):
                    why = f"{node.name} was fixed to the size at reading: it is another {words}"
                    self.fixed.setdefault(node.name, why)
        self.words = f"read again at {same} other size{'s' if same > 1 else ''}"
        if not same:
            self.refused = "the network takes none of the other sizes at which it was read again"


def _by_chance(graph: Graph) -> str:
    """Why nothing is known of a network that is another one when it is read again at the same sizes; empty if not."""
    if graph.reread is None:
        return ""
    try:
        other = graph.reread({name: graph[name].operator.sizes()[1:] for name in graph.inputs})
    except ConvmathError as error:
        return f"the network cannot be read again at the same sizes: {error}"
    if _branch(graph, other) and _flow(graph) == _flow(other) and all(_same(node, other[node.name]) for node in graph):
        return ""
    return "the network reads otherwise at the same sizes: it goes by chance, or by what it has done before"


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


def _others(graph: Graph, moving: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[dict[str, Sizes], str]]:
    inputs = {name: (graph[name].operator.sizes(), moving.get(name, ())) for name in graph.inputs}
    seen: list[dict[str, Sizes]] = []
    for times, more in OTHERS:
        sizes = {
            name: tuple(int(times * n) + more if d in varied else n for d, n in enumerate(shape))[1:]
            for name, (shape, varied) in inputs.items()
        }
        if sizes not in seen and len(seen) < AS_MANY:
            seen.append(sizes)
            words = f"{times} times as large" if more == 0 else f"{abs(more)} {'larger' if more > 0 else 'smaller'}"
            yield sizes, f"with inputs {words}"
