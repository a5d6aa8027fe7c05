"""Operators on inputs of given sizes: what holds for every node that has this operator and these inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from ..errors import DomainError, UnsupportedError
from .fields.budget import Budget
from .fields.field import Field
from .fields.spans import Spans
from .graph import Graph, Node
from .operators import Operator, Pad, Sizes, Slice, Unknown, Work
from .operators.base import Merged, Reads, parts


@dataclass(frozen=True, slots=True)
class Access:
    """How a dimension of an output reads one of an input.

    Attributes: dimension: that of the input. field: what each position reads. touched: what all of them read, inside
        the input. whole: whether that is all there is.
    """

    dimension: int
    field: Field
    touched: Spans
    whole: bool


Accesses: TypeAlias = Sequence[Sequence[Access | None]]
"""For each input, how each dimension of the output reads it."""


class Layer:
    """An operator on inputs of given sizes; what follows from them is found once, when it is asked for.

    Attributes:
        operator: the operator.
        inputs: the sizes of what it reads; None where they are unknown.
        sizes: the sizes of its output; None if unknown.
    """

    def __init__(
        self, operator: Operator, inputs: tuple[Sizes | None, ...], sizes: Sizes | None, budget: Budget
    ) -> None:
        """A layer whose sizes fit; the fields by which it reads its inputs are taken from the budget."""
        self.operator = operator
        self.inputs = inputs
        self.sizes = sizes
        self._budget = budget

    @cached_property
    def reason(self) -> str:
        """Why it is not understood, in words; empty if it is."""
        if isinstance(self.operator, Unknown):
            return self.operator.reason
        return "an input's sizes are unknown" if self.sizes is None or None in self.inputs else ""

    @cached_property
    def params(self) -> int:
        """The parameters of the operator."""
        return self.operator.params

    @cached_property
    def learns(self) -> bool:
        """Whether its output depends on parameters of its own, as far as is known."""
        return bool(self.params) or (isinstance(self.operator, Unknown) and self.operator.parameters is None)

    @cached_property
    def work(self) -> Work:
        """What computing it takes, if it is understood."""
        return Work() if self.reason else self.operator.work(self._known, self.sizes or ())

    @property
    def _known(self) -> tuple[Sizes, ...]:
        return tuple(sizes for sizes in self.inputs if sizes is not None)

    @cached_property
    def picks(self) -> bool:
        """Whether a part of its output may read a part of a dimension that is named nowhere."""
        return self.operator.rearranges or isinstance(self.operator, (Slice, Pad))

    @cached_property
    def in_place(self) -> bool:
        """Whether every element of its output reads the one in its place, of one input."""
        if len(self.inputs) != 1 or self.sizes != self.inputs[0] or self.picks or self.operator.mixes:
            return False
        if self.reason or self.refusal:
            return False
        same, (reads,) = Field.same(), self.accesses
        return all(one is not None and one.dimension == d and one.field is same for d, one in enumerate(reads))

    @property
    def accesses(self) -> Accesses:
        """For each input, how each dimension of the output reads it; empty if that is refused."""
        return self._accesses[0]

    @property
    def refusal(self) -> str:
        """Why that cannot be written down, in words; empty if it can."""
        return self._accesses[1]

    @cached_property
    def apart(self) -> Sequence[Sequence[tuple[Access, ...]] | None]:
        """For each input, all that each dimension of the output reads of it; None where that is one each time.

        One of several where dimensions were merged, and several read the same one where it was split.
        """
        found: list[Sequence[tuple[Access, ...]] | None] = []
        for reads, sizes, accesses in zip(self._reads, self._known, self.accesses, strict=True):
            every = [parts(one) for one in reads]
            named = [one[0] for entry in every for one in entry]
            if len(named) == len(set(named)) and max(map(len, every), default=0) < 2:
                found.append(None)
                continue
            rows = zip(self.sizes or (), every, accesses, strict=True)
            found.append(
                [(one,) if one else tuple(self._reading(n, p, sizes) for p in entry) for n, entry, one in rows]
            )
        return found

    @cached_property
    def _reads(self) -> Sequence[Reads]:
        return self.operator.reads(self._known, self.sizes or ())

    @cached_property
    def _accesses(self) -> tuple[Accesses, str]:
        found, output = [], self.sizes or ()
        try:
            for sizes, reads in zip(self._known, self._reads, strict=True):
                rows = zip(output, reads, strict=True)
                found.append([self._access(n, one, sizes) for n, one in rows])
        except UnsupportedError as error:
            vars(self).pop("_reads", None)
            return (), str(error)
        return found, ""

    def _access(self, n: int, one: tuple[int, Field] | Merged | None, sizes: Sizes) -> Access | None:
        """How a dimension of ``n`` positions reads one of an input; None where it reads no single one."""
        return None if one is None or isinstance(one, Merged) else self._reading(n, one, sizes)

    def _reading(self, n: int, one: tuple[int, Field], sizes: Sizes) -> Access:
        dimension, field = one
        everything = Spans.first(sizes[dimension])
        if field is Field.same() and n == sizes[dimension]:
            return Access(dimension, field, everything, whole=True)
        touched = self.operator.inside(field.image(Spans.first(n)), sizes[dimension])
        self._budget.keep(field, touched)
        return Access(dimension, field, touched, touched == everything)


def layers_of(graph: Graph, budget: Budget) -> dict[str, Layer]:
    """The layer of every node; nodes that are equal but for their names and inputs have the same.

    Raises:
        DomainError: sizes do not fit; the message names the node.
    """
    layers: dict[tuple[Operator, tuple[Sizes | None, ...]], Layer] = {}
    found: dict[str, Layer] = {}
    for node in graph:
        inputs = tuple([found[name].sizes for name in node.inputs])
        key = (node.operator, inputs)
        layer = layers.get(key)
        if layer is None:
            layer = layers[key] = Layer(node.operator, inputs, _output(node, inputs), budget)
        found[node.name] = layer
    return found


def _output(node: Node, inputs: Sequence[Sizes | None]) -> Sizes | None:
    if isinstance(node.operator, Unknown):
        return node.operator.output
    if None in inputs:
        return None
    try:
        sizes = node.operator.sizes(*(sizes for sizes in inputs if sizes is not None))
    except DomainError as error:
        raise DomainError("node", node.name, str(error)) from error
    if any(isinstance(size, int) and size < 1 for size in sizes):
        raise DomainError("node", node.name, f"its output would have the sizes {sizes}; each needs at least 1")
    return sizes
