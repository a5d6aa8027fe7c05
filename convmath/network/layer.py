"""Operators on inputs of given sizes: what holds for every node that has this operator and these inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeAlias, TypeVar

from ..division import is_symbolic
from ..errors import DomainError, UnsupportedError
from .fields.budget import Budget
from .fields.field import Field
from .fields.spans import Spans
from .graph import Graph
from .input_sizes import refused_at
from .node import Node
from .operators import Operator, Pad, Sizes, Unknown, Work
from .operators.base import Merged, Reads, Size, parts

MOST_OPERATIONS = 64
"""A size has at most so many in the letter of a batch: SymPy takes long for more, and recurses through them."""

ANY_SIZES = (5040, 46_126_080)
"""What stands for a size where any does: they have many divisors, and no usual size is among them.

The second is for where a layer refuses the first.
"""


@dataclass(frozen=True, slots=True)
class Access:
    """How a dimension of an output reads one of an input.

    Attributes:
        dimension: that of the input.
        field: what each position reads.
        touched: what all of them read, inside the input.
        whole: whether that is all there is.
        within: whether nothing that the field names lies outside.
        inside: which positions, of so many, are read where some that are named lie outside; None if they are left out.
    """

    dimension: int
    field: Field
    touched: Spans
    whole: bool
    within: bool = True
    inside: Callable[[Spans, int], Spans] | None = None

    @property
    def in_place(self) -> bool:
        """Whether each position reads the one in its place, and there are no others."""
        return self.field is Field.same() and self.whole and self.within


Answer = TypeVar("Answer")

Accesses: TypeAlias = Sequence[Sequence[Access | None]]
"""For each input, how each dimension of the output reads it."""


class Layer:
    """An operator on inputs of given sizes; what follows from them is found once, when it is asked for.

    Attributes:
        name: the name of a node that has it.
        operator: the operator.
        inputs: the sizes of what it reads; None where they are unknown.
        sizes: the sizes of its output; None if unknown.
        reason: why it is not understood, in words; empty if it is.
    """

    def __init__(self, node: Node, inputs: tuple[Sizes | None, ...], budget: Budget) -> None:
        """The layer of a node; the fields by which it reads its inputs are taken from the budget.

        Raises:
            DomainError: sizes do not fit; the message names the node, as that of every error about the layer.
        """
        self.name = node.name
        self.operator = node.operator
        self.inputs = inputs
        self._known: tuple[Sizes, ...] = tuple([sizes for sizes in inputs if sizes is not None])
        self.sizes = sizes = self._asked(self._output)
        if not isinstance(self.operator, Unknown) and any(isinstance(size, int) and size < 1 for size in sizes or ()):
            raise DomainError("node", self.name, f"its output would have the sizes {sizes}; each needs at least 1")
        for size in sizes or ():
            if is_symbolic(size) and size.count_ops() > MOST_OPERATIONS:
                goes = f"its sizes go by {' and '.join(_letters([size]))} in more than {MOST_OPERATIONS} operations"
                raise UnsupportedError(f"{self.name}: {goes}; give the batch as a number")
        self._budget = budget
        self.reason = self._reason()

    def _reason(self) -> str:
        if isinstance(self.operator, Unknown):
            return self.operator.reason
        return "an input's sizes are unknown" if self.sizes is None else ""

    @cached_property
    def params(self) -> int:
        """The parameters of the operator."""
        return self._asked(lambda: self.operator.params)

    @cached_property
    def learns(self) -> bool:
        """Whether its output depends on parameters of its own, as far as is known."""
        return bool(self.params) or (isinstance(self.operator, Unknown) and self.operator.parameters is None)

    @cached_property
    def work(self) -> Work:
        """What computing it takes, if it is understood."""
        return Work() if self.reason else self._asked(lambda: self.operator.work(self._known, self.sizes or ()))

    @cached_property
    def in_place(self) -> bool:
        """Whether every element of its output reads the one in its place, of one input."""
        if len(self.inputs) != 1 or self.sizes != self.inputs[0] or self.operator.mixes:
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
    def kept(self) -> Sequence[Sequence[int | None]]:
        """For each input, the dimension that each of the output reads in its place; None where it reads no such one."""
        if self.reason:
            return ()
        try:
            reads = self._read() if self.refusal else self._reads
        except UnsupportedError:
            return ()
        return [[None if one is None or isinstance(one, Merged) else _place(*one) for one in entry] for entry in reads]

    @cached_property
    def _reads(self) -> Sequence[Reads]:
        return self._read()

    def _read(self) -> Sequence[Reads]:
        return self._asked(lambda: self.operator.reads(self._known, self.sizes or ()))

    def _asked(self, question: Callable[[], Answer]) -> Answer:
        """What the operator says; its errors name the node.

        Raises:
            UnsupportedError: it goes by a size that is no number, as that of a batch may be.
        """
        try:
            return question()
        except DomainError as error:
            raise refused_at(self.name, error) from error
        except TypeError as error:  # such as SymPy's, that it cannot say which of two terms is larger
            known = (*self._known, vars(self).get("sizes") or ())
            symbols = _letters(n for sizes in known for n in sizes)
            if not symbols:
                raise
            raise UnsupportedError(f"what it reads goes by {' and '.join(symbols)}, which is no number") from error

    def _output(self) -> Sizes | None:
        if isinstance(self.operator, Unknown):
            return self.operator.output
        if None in self.inputs:
            return None
        return self.operator.sizes(*self._known)

    @cached_property
    def _accesses(self) -> tuple[Accesses, str]:
        found, output = [], self.sizes or ()
        try:
            for sizes, reads in zip(self._known, self._reads, strict=True):
                found.append(self._asked(partial(self._access, sizes, reads, output)))
        except UnsupportedError as error:
            vars(self).pop("_reads", None)
            return (), str(error)
        return found, ""

    def _access(self, sizes: Sizes, reads: Reads, output: Sizes) -> list[Access | None]:
        """How each dimension of the output reads one of an input; None where it reads no single one."""
        return [
            None if one is None or isinstance(one, Merged) else self._reading(n, one, sizes)
            for n, one in zip(output, reads, strict=True)
        ]

    def _reading(self, n: int, one: tuple[int, Field], sizes: Sizes) -> Access:
        dimension, field = one
        everything = Spans.first(sizes[dimension])
        if field is Field.same() and n == sizes[dimension]:
            return Access(dimension, field, everything, whole=True)
        named = field.image(Spans.first(n))
        touched = self.operator.inside(named, sizes[dimension])
        self._budget.keep(field, touched)
        zeros = isinstance(self.operator, Pad) and self.operator.mode == "constant"
        inside = None if zeros or type(self.operator).inside is Operator.inside else self.operator.inside
        return Access(dimension, field, touched, touched == everything, named == touched, inside)


def _letters(sizes: Iterable[Size]) -> list[str]:
    return sorted({str(letter) for size in sizes if is_symbolic(size) for letter in size.free_symbols})


def _place(dimension: int, field: Field) -> int | None:
    return dimension if field is Field.same() else None


def layers_of(graph: Graph, budget: Budget, sizes: Mapping[str, Sizes | None] | None = None) -> dict[str, Layer]:
    """The layer of every node; nodes that are equal but for their names and inputs have the same.

    Args:
        graph: the network.
        budget: from which the fields are taken by which layers read their inputs.
        sizes: those of every node, where they are known in letters: then each layer has sizes of its own for them.

    Raises:
        DomainError: sizes do not fit; the message names the node.
    """
    layers: dict[tuple[Operator, tuple[Sizes | None, ...]], Layer] = {}
    found: dict[str, Layer] = {}
    for node in graph:
        given = [found[name].sizes if sizes is None else sizes[name] for name in node.inputs]
        inputs = tuple(given) if sizes is None else _in_own_letters(given)
        key = (node.operator, inputs)
        layer = layers.get(key)
        if layer is None:
            layer = layers[key] = Layer(node, inputs, budget) if sizes is None else _at_any(node, inputs, budget)
        found[node.name] = layer
    return found


def _in_own_letters(given: Sequence[Sizes | None]) -> tuple[Sizes | None, ...]:
    """Sizes with a letter for each term, the same for all layers: terms would nest from layer to layer."""
    from ..calculus.index import integers

    terms = dict.fromkeys(n for sizes in given for n in sizes or () if is_symbolic(n))
    return _replaced(given, {term: integers(f"?{number}") for number, term in enumerate(terms)})


def _at_any(node: Node, inputs: tuple[Sizes | None, ...], budget: Budget) -> Layer:
    """The layer at numbers for letters, of which it is not known in letters what it reads; in these if it refuses."""
    letters = dict.fromkeys(n for sizes in inputs for n in sizes or () if is_symbolic(n))
    for size in ANY_SIZES:
        numbers = {letter: size * number for number, letter in enumerate(letters, start=1)}
        try:
            return Layer(node, _replaced(inputs, numbers), budget)
        except DomainError:
            continue
    return Layer(node, inputs, budget)


def _replaced(given: Sequence[Sizes | None], others: Mapping[Any, Any]) -> tuple[Sizes | None, ...]:
    return tuple([None if sizes is None else tuple([others.get(n, n) for n in sizes]) for sizes in given])
