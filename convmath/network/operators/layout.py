"""Operators that move elements: padding, flattening, reshaping, permuting, slicing, concatenating."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...assumptions import require
from ...division import ceil_div, floor_div, is_symbolic
from ...errors import DomainError
from ..fields.field import Field
from ..fields.spans import Spans
from .base import WHICH, Operator, Reads, Size, Sizes, broadcast, in_place, one, product, stretched
from .domains import ANY, DIM, DIMS, INTEGERS, PAIRS, Domains, least, one_of, several
from .regrouping import regrouped


@dataclass(frozen=True)
class Pad(Operator):
    """Elements added before and after dimensions.

    Attributes:
        amounts: ``(before, after)`` for every dimension; negative ones crop.
        mode: ``"constant"``, ``"reflect"`` (by less than there is), ``"replicate"``, ``"circular"`` (by at most what
            there is) or ``"wrap"`` (the same, over and over).

    >>> Pad(((0, 0), (0, 0), (1, 2))).sizes((1, 3, 8)), Pad(((0, 0), (0, 0), (-1, 0))).sizes((1, 3, 8))
    ((1, 3, 11), (1, 3, 7))
    """

    amounts: tuple[tuple[int, int], ...]
    mode: str = "constant"

    domains: ClassVar[Domains] = {
        "amounts": PAIRS,
        "mode": one_of("constant", "reflect", "replicate", "circular", "wrap"),
    }

    def sizes(self, *inputs: Sizes) -> Sizes:
        """Larger by what is added."""
        source = one(self, inputs)
        if len(self.amounts) != len(source):
            raise DomainError("amounts", self.amounts, f"pad needs a pair for each of {len(source)} dimensions")
        for dimension, (n, amounts) in enumerate(zip(source, self.amounts, strict=True)):
            self._require_enough(dimension, n, amounts)
        padded = tuple(n + before + after for n, (before, after) in zip(source, self.amounts, strict=True))
        for n in padded:
            if isinstance(n, int) and n < 1:
                raise DomainError("amounts", self.amounts, f"pad leaves nothing of {source}")
        return padded

    def _require_enough(self, dimension: int, n: Size, amounts: tuple[Size, Size]) -> None:
        """Require as many elements as are cut off, reflected, or taken from the other end."""
        if self.mode not in ("reflect", "circular"):
            cut = -sum(amount for amount in amounts if not is_symbolic(amount) and amount < 0)
            if cut:
                needs = f"pad needs the {cut} elements that it cuts off dimension {dimension}, which has {n}"
                require("<=", cut, n, "amounts", needs, amounts=amounts)
            return
        relation, words = ("<", "less than") if self.mode == "reflect" else ("<=", "at most")
        for amount in amounts:
            if is_symbolic(amount) or amount > 0:
                needs = f"{self.mode} padding needs {words} the {n} elements of dimension {dimension} on each side"
                require(relation, amount, n, "padding", needs, padding=amount)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each position the element that lies ``before`` places back."""
        return (
            tuple(
                (dimension, Field.window(1, padding=before) if before else Field.same())
                for dimension, (before, _) in enumerate(self.amounts)
            ),
        )

    def inside(self, reads: Spans, size: int) -> Spans:
        """What lies outside, folded back as the mode says."""
        kept = reads.clipped(0, size)
        if self.mode == "constant":
            return kept
        outside = [reads.clipped(min(reads.hull[0], 0), 0), reads.clipped(size, max(reads.hull[1], size))]
        if self.mode == "replicate":
            return kept | Spans.of((edge, edge + 1) for edge, part in zip((0, size - 1), outside, strict=True) if part)
        if self.mode == "wrap":
            return Spans.of((piece for part in reads.parts for piece in _wrapped(*part, size)), exact=reads.exact)
        for low, part in zip((True, False), outside, strict=True):
            for start, stop in part.parts:
                if self.mode == "circular":
                    by = size if low else -size
                    kept |= Spans(((start + by, stop + by),))
                else:
                    around = 0 if low else 2 * (size - 1)
                    kept |= Spans(((around - stop + 1, around - start + 1),))
        return kept.clipped(0, size)


def _wrapped(start: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """An interval, its elements taken modulo the size."""
    first = start % size
    last = first + min(stop - start, size)
    yield first, min(last, size)
    yield 0, last - size


@dataclass(frozen=True)
class Reshape(Operator):
    """The same elements in other dimensions.

    Attributes: shape: the sizes of the output; one may be -1, which makes up the rest, and 0 keeps that of the input.

    >>> Reshape((0, -1, 4)).sizes((2, 3, 8))
    (2, 6, 4)
    """

    rearranges = True

    shape: tuple[Size, ...]

    domains: ClassVar[Domains] = {"shape": several(least(-1), "a tuple of integers >= -1")}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes, with -1 filled in."""
        source = one(self, inputs)
        wanted = list(self.filled(source))
        total, known = product(source), product([size for size in wanted if size != -1])
        if wanted.count(-1) > 1 or known == 0:
            raise DomainError("shape", self.shape, "reshape needs at most one -1 and no size of 0")
        if -1 in wanted:
            wanted[wanted.index(-1)] = _quotient(total, known)
        needs = f"reshape needs as many elements as {source} has"
        require("==", product(wanted), total, "shape", needs, shape=self.shape)
        return tuple(wanted)

    def filled(self, source: Sizes) -> Sizes:
        """The given sizes, with those of the input for 0."""
        return tuple(source[d] if size == 0 and d < len(source) else size for d, size in enumerate(self.shape))

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Dimensions that stay alone are in place; those that are merged or split share digits of their indices."""
        return (regrouped(inputs[0], output),)


@dataclass(frozen=True)
class ReshapeKeeping(Reshape):
    """A reshape that keeps sizes of its input in other places.

    Attributes: kept: for each 0 of the shape, in order, the dimension of the input whose size stands there.

    >>> ReshapeKeeping((6, 0), kept=(2,)).sizes((2, 3, 8))
    (6, 8)
    """

    kept: tuple[int, ...] = ()

    domains: ClassVar[Domains] = {**Reshape.domains, "kept": DIMS}

    @property
    def kind(self) -> str:
        """A reshape as any other."""
        return "reshape"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes, with those that are kept filled in."""
        source = one(self, inputs)
        if self.shape.count(0) != len(self.kept) or not all(d < len(source) for d in self.kept):
            needs = f"reshape needs one of {len(source)} dimensions for each 0 of {self.shape}"
            raise DomainError("kept", self.kept, needs)
        kept = iter(self.kept)
        wanted = tuple(source[next(kept)] if size == 0 else size for size in self.shape)
        new, rest = (size for size in self.shape if size), (n for d, n in enumerate(source) if d not in self.kept)
        needs = f"reshape needs as many elements as {source} has"
        require("==", product(tuple(rest)), product(tuple(new)), "kept", needs, kept=self.kept)
        return wanted


def _quotient(total: Size, known: Size) -> Size:
    """How often ``known`` goes into ``total``; sizes that are factors of both cancel."""
    if not is_symbolic(total):
        return floor_div(total, known)
    exact = total / known
    if exact.is_integer:
        return exact
    over, under = exact.as_numer_denom()
    return floor_div(over, under) if under.is_Integer else floor_div(total, known)


@dataclass(frozen=True)
class Flatten(Operator):
    """The dimensions from ``start`` to ``end``, both included, as one.

    >>> Flatten().sizes((2, 3, 8, 8)), Flatten(2).sizes((2, 3, 8, 8))
    ((2, 192), (2, 3, 64))
    """

    rearranges = True

    start: int = 1
    end: int = -1

    domains: ClassVar[Domains] = {"start": ANY, "end": ANY}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """One dimension with all elements of those."""
        source = one(self, inputs)
        first, last = self._ends(source)
        return (*source[:first], product(source[first : last + 1]), *source[last + 1 :])

    def _ends(self, source: Sizes) -> tuple[int, int]:
        first, last = (d + len(source) if d < 0 else d for d in (self.start, self.end))
        if not 0 <= first <= last < len(source):
            raise DomainError(
                "start", self.start, f"flatten needs 0 <= start <= end < {len(source)}, and end={self.end}"
            )
        return first, last

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """The dimensions outside are in place; those that are merged are the digits of the index."""
        return (regrouped(inputs[0], output),)


@dataclass(frozen=True)
class Permute(Operator):
    """The dimensions in another order: dimension d of the output is ``order[d]`` of the input.

    >>> Permute((0, 2, 1)).sizes((1, 64, 49))
    (1, 49, 64)
    """

    order: tuple[int, ...]

    domains: ClassVar[Domains] = {"order": INTEGERS}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sizes in that order."""
        source = one(self, inputs)
        if sorted(self.order) != list(range(len(source))):
            raise DomainError("order", self.order, f"permute needs each of {len(source)} dimensions once")
        return tuple(source[d] for d in self.order)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each dimension its own."""
        return (tuple((d, Field.same()) for d in self.order),)


@dataclass(frozen=True)
class Slice(Operator):
    """Every ``step``-th element of a dimension from ``start`` on, up to ``stop``.

    >>> Slice(1, 1, 8, step=2).sizes((1, 10, 4))
    (1, 4, 4)
    """

    dim: int
    start: int
    stop: int
    step: int = 1

    domains: ClassVar[Domains] = {"dim": DIM, "start": ANY, "stop": ANY, "step": ANY}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """As many as there are."""
        source = one(self, inputs)
        if not 0 <= self.dim < len(source):
            raise DomainError("dim", self.dim, f"slice needs a dimension of {len(source)}")
        require("<=", 1, self.step, "step", "slice needs step >= 1", step=self.step)
        require("<=", 0, self.start, "start", "slice needs start >= 0", start=self.start)
        require("<", self.start, self.stop, "stop", f"slice needs stop > start={self.start}", stop=self.stop)
        needs = f"slice needs at most the {source[self.dim]} of dimension {self.dim}"
        require("<=", self.stop, source[self.dim], "stop", needs, stop=self.stop)
        length = ceil_div(self.stop - self.start, self.step)
        return (*source[: self.dim], length, *source[self.dim + 1 :])

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Position o reads ``start + step*o``."""
        return self._reads(output, self.start)

    def _reads(self, output: Sizes, start: Size) -> tuple[Reads, ...]:
        reads: list[Any] = list(in_place(output))
        reads[self.dim] = (self.dim, Field.window(1, stride=self.step, padding=-start))
        return (tuple(reads),)


@dataclass(frozen=True)
class SliceFromEnd(Slice):
    """A slice whose ends are counted from the end where ``start`` is negative, and ``stop`` negative or 0, the end.

    >>> SliceFromEnd(1, -3, 0).sizes((1, 10, 4))
    (1, 3, 4)
    """

    @property
    def kind(self) -> str:
        """A slice as any other."""
        return "slice"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """As many as there are."""
        source = one(self, inputs)
        if not 0 <= self.dim < len(source):
            raise DomainError("dim", self.dim, f"slice needs a dimension of {len(source)}")
        size = source[self.dim]
        has = f"as the dimension has {size} elements"
        ends: dict[str, Any] = {"start": self.start, "stop": self.stop}
        for name, place in ends.items():
            needs = f"needs {name} >= -{size}" if place <= 0 else f"needs {name} <= {size}"
            require("<=", abs(place), size, name, f"{needs}, {has}", **{name: place})
        more = (self.stop <= 0) - (self.start < 0)
        length = self.stop - self.start + (more * size if more else 0)
        require("<=", 1, length, "stop", f"slice needs a stop after start={self.start}, {has}", stop=self.stop)
        require("<=", 1, self.step, "step", "slice needs step >= 1", step=self.step)
        return (*source[: self.dim], ceil_div(length, self.step), *source[self.dim + 1 :])

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Position o reads ``start + step*o``, with the start counted from 0."""
        return self._reads(output, self.start + (inputs[0][self.dim] if self.start < 0 else 0))


@dataclass(frozen=True)
class Concat(Operator):
    """Branches one after the other along a dimension, from 0.

    >>> Concat(1).sizes((1, 64, 8, 8), (1, 32, 8, 8))
    (1, 96, 8, 8)
    """

    dim: int

    domains: ClassVar[Domains] = {"dim": DIM}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The sum along the dimension; the others are equal."""
        if not inputs or not 0 <= self.dim < len(inputs[0]):
            raise DomainError("dim", self.dim, "concat needs a dimension of its inputs")
        first = inputs[0]
        for source in inputs[1:]:
            needs = f"concat needs equal sizes in every dimension but {self.dim}"
            if len(source) != len(first):
                raise DomainError("sizes", inputs, needs)
            for dimension, (a, b) in enumerate(zip(first, source, strict=True)):
                if dimension != self.dim:
                    require("==", a, b, "sizes", f"{needs}; {WHICH}", sizes=inputs)
        return (*first[: self.dim], sum(source[self.dim] for source in inputs), *first[self.dim + 1 :])

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Along the dimension each branch begins where the one before it ends."""
        found, before = [], 0
        for source in inputs:
            reads: list[Any] = list(in_place(output))
            reads[self.dim] = (self.dim, Field.window(1, padding=before))
            found.append(tuple(reads))
            before += source[self.dim]
        return tuple(found)


@dataclass(frozen=True)
class Expand(Operator):
    """The same elements again along dimensions of size 1, and along new dimensions before them.

    Attributes: shape: the sizes of the output.

    >>> Expand((4, 3, 8)).sizes((3, 1))
    (4, 3, 8)
    """

    shape: tuple[Size, ...]

    domains: ClassVar[Domains] = {"shape": INTEGERS}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes."""
        return self._from(one(self, inputs), self.shape)

    def _from(self, source: Sizes, shape: Sizes) -> Sizes:
        common = broadcast(self, source, shape)
        if len(common) != len(shape) or any(n == 1 != full for n, full in zip(shape, common, strict=True)):
            raise DomainError("shape", self.shape, f"expand needs the sizes of {source} but where it has 1")
        return shape

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """What is stretched is read at 0."""
        return (tuple(stretched(inputs[0], output, dimension) for dimension in range(len(output))),)


@dataclass(frozen=True)
class ExpandKeeping(Expand):
    """The same where the shape may have -1, which keeps the size of the input.

    >>> ExpandKeeping((4, -1, 8)).sizes((3, 1))
    (4, 3, 8)
    """

    @property
    def kind(self) -> str:
        """An expansion as any other."""
        return "expand"

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes, with those that are kept filled in."""
        source = one(self, inputs)
        new = len(self.shape) - len(source)
        if new < 0 or -1 in self.shape[:new]:
            needs = f"expand needs a size for each dimension, and can keep only the last {len(source)}, of its input"
            raise DomainError("shape", self.shape, needs)
        return self._from(source, tuple(source[d - new] if n == -1 else n for d, n in enumerate(self.shape)))
