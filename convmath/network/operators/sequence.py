"""Operators along one dimension: running sums, reversal, sorting, choices of elements, recurrent layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...assumptions import require
from ...division import is_symbolic
from ...errors import DomainError
from ..fields.field import MOST_PHASES, Field
from ..fields.spans import Spans
from .base import Operator, Pointwise, Reads, Size, Sizes, Work, in_place, merging, one, product, require_dims
from .domains import COUNTS, DIM, DIMS, FLAG, NAME, NONE, POSITIVE, Domains, one_of
from .lookup import Chosen


def _along(output: Sizes, dims: dict[int, Field | None]) -> tuple[Reads, ...]:
    """Some dimensions as given, the others in place."""
    reads: list[Any] = list(in_place(output))
    for dimension, field in dims.items():
        reads[dimension] = None if field is None else (dimension, field)
    return (tuple(reads),)


@dataclass(frozen=True)
class Flip(Pointwise):
    """Dimensions in reverse.

    Attributes: dims: the dimensions, from 0.

    >>> Flip((1,)).reads([(2, 5)], (2, 5))[0][1][1].reads(0)
    Spans(4:5)
    """

    dims: tuple[int, ...]

    domains: ClassVar[Domains] = {"dims": DIMS}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input."""
        return require_dims(self, one(self, inputs), *self.dims)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Position o reads element n - 1 - o."""
        return _along(output, {d: Field(1, -1, (Spans.point(output[d] - 1),)) for d in self.dims if output[d] > 1})


@dataclass(frozen=True)
class Cumulative(Pointwise):
    """A running sum, product or extremum along a dimension.

    Attributes:
        name: ``"cumsum"``, ``"cumprod"``, ``"logcumsumexp"``, ``"cummax"`` or ``"cummin"``, or the last two with
            ``"_places"``, where the extrema are.
        dim: the dimension, from 0.
        reverse: whether it runs from the end.
        exclusive: whether it leaves out the element in its place.

    >>> Cumulative("cumsum", 0).reads([(5,)], (5,))[0][0][1].reads(2).clipped(0, 5)
    Spans(0:3)
    """

    name: str
    dim: int
    reverse: bool = False
    exclusive: bool = False

    domains: ClassVar[Domains] = {
        "name": one_of("cumsum", "cumprod", "logcumsumexp", "cummax", "cummin", "cummax_places", "cummin_places"),
        "dim": DIM,
        "reverse": FLAG,
        "exclusive": FLAG,
    }

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    @property
    def differentiable(self) -> bool:
        """Not the places of extrema."""
        return not self.name.endswith("_places")

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input."""
        return require_dims(self, one(self, inputs), self.dim)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Every element from the first to the one in its place, or from there to the last."""
        return _along(output, {self.dim: running(output[self.dim], reverse=self.reverse, exclusive=self.exclusive)})

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """An operation for every element that has one before it; of sums of exponentials two function values more.

        Without the element in its place the first is empty, and the second takes nothing; how many are left is
        not known along a dimension whose size is no number.
        """
        n = output[self.dim]
        if self.exclusive and is_symbolic(n):
            return Work(other=None)
        joined = max(n - 2, 0) if self.exclusive else n - 1
        besides = 2 * n if self.name == "logcumsumexp" else 0
        rows = product([size for dimension, size in enumerate(output) if dimension != self.dim])
        return Work(other=rows * (joined + besides))


def running(size: int, *, reverse: bool = False, exclusive: bool = False) -> Field:
    """All of ``size`` elements up to the one in its place, as a window that ends there; or from it on.

    >>> [running(3, reverse=True, exclusive=True).reads(o).clipped(0, 3) for o in range(3)]
    [Spans(1:3), Spans(2:3), Spans()]
    """
    if exclusive:
        return Field.window(size - 1, padding=-1 if reverse else size - 1)
    return Field.window(size, padding=0 if reverse else size - 1)


@dataclass(frozen=True)
class Sort(Operator):
    """The elements of a dimension in order: all of them, the first few, or their places.

    Attributes:
        name: which one.
        dim: the dimension, from 0.
        length: how many are given; None for all.

    >>> Sort("topk", 1, length=5).sizes((1, 1000))
    (1, 5)
    """

    name: str
    dim: int
    length: Size | None = None

    domains: ClassVar[Domains] = {"name": NAME, "dim": DIM, "length": POSITIVE | NONE}

    @property
    def kind(self) -> str:
        """The name."""
        return self.name

    @property
    def differentiable(self) -> bool:
        """Not the places of the elements."""
        return not self.name.startswith("arg")

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes of the input, or fewer elements of the dimension."""
        source = require_dims(self, one(self, inputs), self.dim)
        if self.length is None:
            return source
        needs = f"{self.name} needs at most the {source[self.dim]} of dimension {self.dim}"
        require("<=", self.length, source[self.dim], "length", needs, length=self.length)
        return (*source[: self.dim], self.length, *source[self.dim + 1 :])

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """The dimension is read whole."""
        return _along(output, {self.dim: Field.whole(inputs[0][self.dim])})

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """For every element as many comparisons as halves of the dimension can be taken, as in merging."""
        return Work(other=merging(product(inputs[0]), inputs[0][self.dim]))


@dataclass(frozen=True)
class Take(Operator):
    """Elements of a dimension, chosen by a list.

    Attributes: dim: the dimension, from 0. places: which elements, from 0.

    >>> Take(0, (4, 0, 0)).reads([(5,)], (3,))[0][0][1].phases
    (Spans(4:5), Spans(0:1), Spans(0:1))
    """

    dim: int
    places: tuple[int, ...]

    domains: ClassVar[Domains] = {"dim": DIM, "places": COUNTS}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """As many elements as places."""
        source = require_dims(self, one(self, inputs), self.dim)
        last = max(self.places, default=-1)
        if min(self.places, default=-1) < 0:
            raise DomainError("places", self.places, "take needs at least one place, each >= 0")
        needs = f"take needs places of the {source[self.dim]} of dimension {self.dim}"
        require("<", last, source[self.dim], "places", needs, places=last)
        return (*source[: self.dim], len(self.places), *source[self.dim + 1 :])

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each position the element of its place."""
        if len(self.places) > MOST_PHASES:
            return _along(output, {self.dim: Field.constant(Spans.of((p, p + 1) for p in self.places).bounded())})
        return _along(output, {self.dim: Field.sampled(len(self.places), 0, lambda o: Spans.point(self.places[o]))})


@dataclass(frozen=True)
class Gather(Chosen):
    """Elements of a dimension, chosen for every position by the index in its place; inputs: what is read, and indices.

    Attributes: dim: the dimension, from 0.

    >>> Gather(0).reads([(5,), (3,)], (3,))[0][0][1].reads(2)
    Spans(within 0:5)
    """

    dim: int

    domains: ClassVar[Domains] = {**Chosen.domains, "dim": DIM}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """Those of the indices."""
        self.require_rows()
        if len(inputs) != 2 or len(inputs[0]) != len(inputs[1]):
            raise DomainError("inputs", inputs, "gather needs indices of as many dimensions as what it reads")
        source, index = inputs
        require_dims(self, source, self.dim, parameter="dim")
        for dimension, (n, m) in enumerate(zip(source, index, strict=True)):
            if dimension != self.dim:
                needs = f"gather needs at most the {n} indices of dimension {dimension}"
                require("<=", m, n, "index", needs, index=m)
        return index

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Some element of the dimension; the others, and the indices, are read in place."""
        some = Field.constant(Spans.first(inputs[0][self.dim]).bounded())
        return (*_along(output, {self.dim: some}), in_place(output))


@dataclass(frozen=True)
class Embedding(Operator):
    """A row of learned features for every element, which is the number of the row.

    >>> Embedding(1000, 64).sizes((1, 16)), Embedding(1000, 64).params
    ((1, 16, 64), 64000)
    """

    rows: int
    features: int

    domains: ClassVar[Domains] = {"rows": POSITIVE, "features": POSITIVE}

    @property
    def params(self) -> int:
        """The elements of all rows."""
        return self.rows * self.features

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The features as a last dimension more."""
        return (*one(self, inputs), self.features)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Every row is chosen by the element in its place."""
        return ((*in_place(inputs[0]), None),)
