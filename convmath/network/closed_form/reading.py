"""What an importer has read at one size: whether the network's own code could make another one of it at other sizes.

The code of a network that never asks for a size reads the same at every size. Where it does, its comparisons of sizes
are conditions under which the graph is known to be this one, and sizes that it computes are terms. What else it may
have done with sizes is found by reading it again at other sizes: there it has to be the same, up to sizes that are the
same terms. That it is so at every size is then checked by sampling, and not proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction

from ...errors import ConvmathError
from ..computed_sizes import changed
from ..graph import Graph, Node
from ..operators import Input, Operator, Sizes
from ..trail import Leaf, Trail

MORE = (1, 3, 32, 64, -1, -3)
"""So much larger are sizes at which a network is read again."""

TIMES = (Fraction(1, 2), Fraction(2), Fraction(11))
"""And so many times as large. Sizes that it does not take, or by which it goes another way, are passed over."""

BY_CONSTRUCTION = "by construction"
"""How a graph is known at every size that was built by hand, or read from code that never asked for a size."""


class Reading:
    """Whether a graph is known at all sizes, node by node.

    Attributes:
        fixed: why nodes hold at the size of their reading only, by name.
        refused: why no node from here on is known at other sizes; empty if they are.
        words: how the graph is known from here on.
    """

    def __init__(self, graph: Graph, moving: Mapping[str, tuple[int, ...]]) -> None:
        """A graph of which nothing is asked yet.

        Args:
            graph: the network.
            moving: the dimensions of each input whose size is varied.
        """
        self.fixed: dict[str, str] = {}
        self.refused = ""
        self.words = BY_CONSTRUCTION
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
            return
        for sizes, words in _others(graph, self._moving):
            try:
                other = graph.reread(sizes)
            except ConvmathError:
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


def _branch(graph: Graph, other: Graph) -> bool | None:
    """Whether both decided by the same comparisons; None where one of them found something else."""
    first, second = (one.trail.guards if one.trail else () for one in (graph, other))
    for one, another in zip(first, second, strict=False):
        if one.question != another.question:
            return False
        if one.holds != another.holds:
            return None
    return len(first) == len(second)


def _flow(graph: Graph) -> list[tuple[str, tuple[str, ...]]]:
    return [(node.name, node.inputs) for node in graph]


def _same(first: Node, second: Node) -> bool:
    """Whether two nodes have the same operator, up to sizes with the same terms; inputs are varied themselves."""
    if isinstance(first.operator, Input) and isinstance(second.operator, Input) and first.operator.axes:
        return first.operator.axes == second.operator.axes
    return _terms(first) == _terms(second)


def _terms(node: Node) -> Operator:
    return changed(node.traced or node.operator, lambda size: size.term)


def _others(graph: Graph, moving: Mapping[str, tuple[int, ...]]) -> Iterator[tuple[dict[str, Sizes], str]]:
    inputs = {name: (graph[name].operator.sizes(), moving.get(name, ())) for name in graph.inputs}
    changes = [(f"{abs(more)} {'larger' if more > 0 else 'smaller'}", Fraction(1), more) for more in MORE]
    changes += [(f"{times} times as large", times, 0) for times in TIMES]
    for words, times, more in changes:
        sizes = {
            name: tuple(int(times * n) + more if d in varied else n for d, n in enumerate(shape))[1:]
            for name, (shape, varied) in inputs.items()
        }
        yield sizes, f"with inputs {words}"
