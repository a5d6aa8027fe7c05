"""Windows laid side by side, and put together again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ...errors import DomainError, UnsupportedError
from ...formulas.cost_taps import valid_pairs, valid_written_elements
from ...formulas.padding import resolve_padding
from ...formulas.size import conv_output_size
from ..fields.field import MOST_PHASES, Field
from ..fields.spans import Spans
from .base import Merged, Operator, Reads, Sizes, Work, one, parts, product, require_equal, split
from .convolution import per_axis
from .domains import DIM, POSITIVE, SIZE_PER_AXIS, WINDOW, Domains
from .regrouping import indexed, regrouped


@dataclass(frozen=True)
class Unfold(Operator):
    """The windows of an image as columns: ``(N, C, H, W)`` becomes ``(N, C*kh*kw, L)``.

    >>> Unfold((2, 2), stride=2).sizes((1, 3, 8, 8))
    (1, 12, 16)
    """

    rearranges = True

    kernel_size: tuple[int, ...]
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1

    domains: ClassVar[Domains] = WINDOW

    def windows(self, spatial: Sizes) -> Sizes:
        """Windows per axis.

        >>> Unfold((2, 2), stride=2).windows((8, 6))
        (4, 3)
        """
        window = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        return tuple(conv_output_size(tuple(spatial), self.kernel_size, **window))

    def sizes(self, *inputs: Sizes) -> Sizes:
        """A column for every window."""
        batch, channels, spatial = split(self, one(self, inputs), len(self.kernel_size))
        return (batch, channels * product(self.kernel_size), product(self.windows(spatial)))

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """The windows lie one after the other, row by row: the index has that of every axis among its digits."""
        spatial, axes = inputs[0][2:], len(self.kernel_size)
        counts = self.windows(spatial)
        (entry,) = regrouped(counts, (product(counts),))
        digits = {d: (field, index) for d, field, index in indexed(entry)}
        if any(d not in digits for d, count in enumerate(counts) if count > 1):
            return (((0, Field.same()), None, None),)
        stride, dilation = per_axis(self.stride, axes), per_axis(self.dilation, axes)
        padding = resolve_padding(self.padding, spatial, self.kernel_size, stride=stride, dilation=dilation)
        found = []
        for d, (k, s, apart, (lo, _)) in enumerate(zip(self.kernel_size, stride, dilation, padding, strict=True)):
            field, index = digits.get(d, (Field.constant(Spans.point(0)),) * 2)
            found.append((2 + d, field.through(Field.window(k, stride=s, dilation=apart, padding=lo)), index))
        return (((0, Field.same()), None, Merged(found)),)


@dataclass(frozen=True)
class Fold(Operator):
    """Columns as an image, overlapping elements added up: the adjoint of :class:`Unfold`.

    >>> Fold((8, 8), (2, 2), stride=2).sizes((1, 12, 16))
    (1, 3, 8, 8)
    """

    rearranges = True

    output_size: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: Any = 1
    padding: Any = 0
    dilation: Any = 1

    domains: ClassVar[Domains] = {"output_size": SIZE_PER_AXIS, **WINDOW}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The image whose windows the columns are."""
        source = one(self, inputs)
        if len(source) != 3:
            raise DomainError("sizes", source, "fold needs 3 dimensions (N, C*taps, windows)")
        batch, rows, columns = source
        window = Unfold(self.kernel_size, self.stride, self.padding, self.dilation)
        require_equal(self, "windows", columns, product(window.windows(self.output_size)))
        taps = product(self.kernel_size)
        if rows % taps:
            raise DomainError("rows", rows, f"fold needs a multiple of the {taps} taps")
        return (batch, rows // taps, *self.output_size)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Of the columns those whose index has the windows over a position, axis by axis, among its digits."""
        spatial, axes, columns = output[2:], len(self.kernel_size), inputs[0][2]
        counts = Unfold(self.kernel_size, self.stride, self.padding, self.dilation).windows(spatial)
        stride, dilation = per_axis(self.stride, axes), per_axis(self.dilation, axes)
        padding = resolve_padding(self.padding, spatial, self.kernel_size, stride=stride, dilation=dilation)
        digits = [
            Field.whole(columns) if count == 1 else dict(parts(entry)).get(0)
            for count, entry in zip(counts, regrouped((columns,), counts), strict=True)
        ]
        found: list[tuple[int, Field] | None] = []
        rows = zip(spatial, counts, digits, self.kernel_size, stride, dilation, padding, strict=True)
        try:
            for n, count, digit, k, s, d, (lo, _) in rows:
                over = Field.spread(k, stride=s, dilation=d, padding=lo)
                found.append(None if digit is None else (2, _found(digit, over, n, count)))
        except UnsupportedError:
            found = [None] * axes
        return (((0, Field.same()), None, *found),)

    def work(self, inputs: Sequence[Sizes], output: Sizes) -> Work:
        """An addition for every element of the columns that lies in the image, but the first at its place."""
        columns, places = self._joined(output[2:])
        return Work(other=product(output[:2]) * (columns - places))

    def _joined(self, spatial: Sizes) -> tuple[Any, Any]:
        """Elements of the columns that lie in the image, and places at which there are any, for each channel."""
        axes, columns, places = len(self.kernel_size), 1, 1
        stride, dilation = per_axis(self.stride, axes), per_axis(self.dilation, axes)
        window = Unfold(self.kernel_size, self.stride, self.padding, self.dilation)
        padding = resolve_padding(self.padding, spatial, self.kernel_size, stride=stride, dilation=dilation)
        rows = zip(self.kernel_size, spatial, window.windows(spatial), stride, padding, dilation, strict=True)
        for k, n, windows, s, (lo, _), d in rows:
            columns *= valid_pairs(k, n, windows, s, lo, d)
            places *= valid_written_elements(k, n, windows, s, lo, d)
        return columns, places


def _found(digit: Field, over: Field, positions: int, count: int) -> Field:
    """The windows that have a digit by which one of ``count`` lies over a position of so many."""
    if digit.moves:
        return over.through(digit)
    return Field.sampled(positions, 0, lambda at: digit.image(over.reads(at).clipped(0, count)))


@dataclass(frozen=True)
class Windows(Operator):
    """The windows of a dimension, their elements as a last dimension.

    Attributes: dim: the dimension, from 0. size: elements of a window. step: elements from one to the next.

    >>> Windows(1, 3, 2).sizes((2, 9))
    (2, 4, 3)
    """

    rearranges = True

    dim: int
    size: int
    step: int

    domains: ClassVar[Domains] = {"dim": DIM, "size": POSITIVE, "step": POSITIVE}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """A position for every window, and one for every element of it."""
        source = one(self, inputs)
        if not 0 <= self.dim < len(source):
            raise DomainError("dim", self.dim, f"windows needs a dimension of an input that has {len(source)}")
        count = conv_output_size(source[self.dim], self.size, stride=self.step)
        return (*source[: self.dim], count, *source[self.dim + 1 :], self.size)

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Each position its window; and the element at its place in it, where windows do not overlap."""
        rest = [(d, Field.same()) for d in range(len(output) - 1)]
        rest[self.dim] = (self.dim, Field.window(self.size, stride=self.step))
        count, apart = output[self.dim], self.size <= min(self.step, MOST_PHASES)
        places = Field.sampled(self.size, 0, lambda m: Spans.point(m).repeated(count, self.step)) if apart else None
        return ((*rest, None if places is None else (self.dim, places)),)
