"""A node of a network: an operator in its place, and the order of several."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from graphlib import CycleError, TopologicalSorter
from typing import Literal

from ..errors import DomainError
from ..notebook import brief, listed
from . import operators
from .operators import Operator
from .origin import Origin
from .placement import USUAL, Placement, operation


@dataclass(frozen=True)
class Node:
    """An operation in its place.

    Attributes:
        name: its name.
        operator: what it does.
        inputs: the names of the nodes that it reads, in order.
        params: the learned parameters that it adds to those of the nodes before it; None means all that the operator
            has. A node that shares its weights with one before it adds none.
        origin: where it comes from, if a framework made it; two nodes are equal without it.
        traced: the operator with the terms of the sizes that the network computes; None if it has none.
        remarks: sentences about it that every report shows; two nodes are equal without them.
        cut: the numbers of the inputs through which no gradient goes back, as those that are detached; two nodes are
            equal without them.
        frozen: which of its own parameters training leaves as they are: none, its ``"weights"`` but not what is added,
            or ``"all"``; two nodes are equal without it.
        weights: the names of the nodes that compute weights of it; two nodes are equal without them.
        detached: whether no gradient goes back from what the network returns of it; two nodes are equal without it.
        learned: whether training computes a gradient for the tensor itself, whatever it reads, as for a parameter that
            a node before it has counted; two nodes are equal without it.
        placement: how its result lies in memory; two nodes are equal without it.
        layer: the path of the module without parts whose result it is, which all calls of the module have; or that of
            the module that called a function with windows, and which of its calls that was; empty where it is not
            known; two nodes are equal without it.

    >>> from convmath.network.operators import Conv
    >>> Node("stem", Conv(3, 8, (3, 3)), ("image",)).op
    'conv2d'
    """

    name: str
    operator: Operator
    inputs: tuple[str, ...] = ()
    params: int | None = None
    origin: Origin | None = field(default=None, compare=False)
    traced: Operator | None = field(default=None, compare=False)
    remarks: tuple[str, ...] = field(default=(), compare=False)
    cut: tuple[int, ...] = field(default=(), compare=False)
    frozen: Literal["", "weights", "all"] = field(default="", compare=False)
    placement: Placement = field(default=USUAL, compare=False)
    layer: str = field(default="", compare=False)
    weights: tuple[str, ...] = field(default=(), compare=False)
    detached: bool = field(default=False, compare=False)
    learned: bool = field(default=False, compare=False)

    @property
    def op(self) -> str:
        """The operation; that of a tensor that is not given is ``"parameter"`` or ``"constant"``."""
        return operation(self.operator, self.params, self.placement)

    def computing(self, operator: Operator) -> Node:
        """The node with another operator, and all the parameters of that if it had all those of its own.

        It comes from where it came if the operator has the same kind and as many parameters.

        >>> shared = Node("again", operators.Linear(8, 8), ("first",), params=0)
        >>> shared.computing(operators.Linear(8, 4)).params  # the weights are those of another node still
        0
        """
        same = (operator.kind, operator.params) == (self.operator.kind, self.operator.params)
        params = None if self.params == self.operator.params else self.params
        origin = self.origin if same else None
        placement = self.placement if operator.kind == self.operator.kind else USUAL
        found = replace(self, operator=operator, params=params, traced=None, remarks=())
        return replace(found, origin=origin, placement=placement)

    def __repr__(self) -> str:
        """The operator and what it reads."""
        return brief(self, f"{self.name}: {self.operator}", f"reads {listed(self.inputs)}" if self.inputs else "")


def ordered(nodes: list[Node]) -> Iterator[Node]:
    """The nodes, each after those that it reads; as they come where they are in order already."""
    for node in nodes:
        if not isinstance(node, Node):
            raise DomainError("nodes", node, "needs nodes, such as Node('conv', Conv(3, 8, (3, 3)), ('input',))")
    by_name = {node.name: node for node in nodes}
    if len(by_name) != len(nodes):
        seen: set[str] = set()
        twice = next(node.name for node in nodes if node.name in seen or seen.add(node.name))  # type: ignore[func-returns-value]
        raise DomainError("name", twice, "two nodes have this name")
    position = {node.name: number for number, node in enumerate(nodes)}
    if all(position.get(name, -1) < position[node.name] for node in nodes for name in node.inputs):
        yield from nodes
        return
    sorter = TopologicalSorter({node.name: [name for name in node.inputs if name in by_name] for node in nodes})
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        raise DomainError("nodes", " -> ".join(error.args[1]), "a network has no cycle; this one has") from None
    yield from (by_name[name] for name in order)


def no_operator(found: object) -> DomainError:
    """The error about what is no operator; of a name it names the operators that are nearest."""
    if isinstance(found, type) and issubclass(found, Operator):
        return DomainError("operator", found.__name__, "is a class; call it, and pass the operator that it gives")
    see = "those of convmath.network.operators, such as Conv(3, 8, (3, 3))"
    if not isinstance(found, str):
        return DomainError("operator", found, f"needs an operator: {see}")
    known = {name.lower(): name for name in operators.__all__ if name not in ("Operator", "Sizes", "Work")}
    word = found.lower()
    near = get_close_matches(word, known, n=3, cutoff=0.65) or [name for name in known if name in word]
    hint = f"did you mean {' or '.join(f'{known[name]}(...)' for name in near)}?" if near else f"see: {see}"
    return DomainError("operator", found, f"needs an operator, not its name; {hint}")
