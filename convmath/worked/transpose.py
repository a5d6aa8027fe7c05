"""A transposed convolution: every input element places the kernel, and what lies on one place is added."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import prod
from typing import Any, ClassVar

import numpy as np

from ..errors import ProofError
from ..formulas.size import conv_transpose_output_size
from ..latex.page import Block, Paragraph, Section
from ..oracle.options import Index, IntOrAxes
from ..oracle.reference import conv_transpose_forward
from ..oracle.reference.arrays import ObjectArray
from ..oracle.relation import Relation, conv_transpose_relation
from ..phrases import say
from .calculation import stepwise
from .kernelled import Kernelled
from .layout import Writer, as_rows
from .numbers import Number, finished, per_axes, require_writable
from .sizes import size_section
from .steps import element, left_out, matrices


@dataclass(frozen=True, eq=False, repr=False)
class ConvTranspose(Kernelled):
    """A transposed convolution with numbers; its arguments are those of :class:`Kernelled`.

    Args:
        output_padding: elements added at the end of every axis.

    Raises:
        DomainError: shapes or options do not fit together, a number is not finite, or there is too much to write.

    >>> ConvTranspose([[[1, 10]]], [[[[1, 2]]]], stride=2).result.tolist()
    [[[1, 2, 10, 20]]]
    """

    output_padding: IntOrAxes = 0
    kind: ClassVar[str] = "conv_transpose"

    @property
    def out_channels(self) -> int:
        """Channels of the output."""
        return self.relation.in_channels

    @property
    def _products(self) -> int:
        taps: int = prod(self.w.shape[2:]) * prod(self.x.shape)
        return taps * self.out_channels // self.groups

    def _check(self) -> None:
        require_writable("y", self.canvas_relation.x_shape[1:])

    @property
    def options(self) -> dict[str, Any]:
        """Stride, padding, output padding, dilation and groups."""
        return super().options | {"output_padding": self.output_padding}

    @cached_property
    def extra(self) -> Index:
        """Elements added at the end of each axis."""
        return per_axes("output_padding", self.output_padding, self.x.ndim - 1, least=0)

    @cached_property
    def relation(self) -> Relation:
        """The access relation of the convolution that is transposed: its input is the output here."""
        return conv_transpose_relation((1, *self.x.shape), self.w.shape, **self.options)

    @cached_property
    def canvas_relation(self) -> Relation:
        """The same before the padding is cut off."""
        return conv_transpose_relation((1, *self.x.shape), self.w.shape, **(self.options | {"padding": 0}))

    @property
    def title(self) -> str:
        """What is computed."""
        return say("A transposed convolution step by step")

    @cached_property
    def result(self) -> ObjectArray:
        """The output: (F, *output_size)."""
        return finished("y", np.asarray(conv_transpose_forward(self.x[None], self.w, self.bias, **self.options)[0]))

    @cached_property
    def canvas(self) -> ObjectArray:
        """All that the kernels reach, before padding is cut off and without bias."""
        options = self.options | {"padding": 0}
        return finished("canvas", np.asarray(conv_transpose_forward(self.x[None], self.w, **options)[0]))

    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """The input, the size, each placed kernel, each sum, the result."""
        yield self.given(write)
        yield size_section(write, self.relation.axes, conv_transpose_output_size, self.extra)
        yield from stepwise(say("Placed kernels"), self._placed(write, steps))
        if self.is_padded:
            yield Section(say("Padding"), tuple(self._cut(write)))
        yield Section(say("Sums"), tuple(self._sums(write, steps)))
        yield Section(say("Result"), tuple(write.arrays(matrices(write, "Y", self.result))))

    def _about_kernels(self, write: Writer) -> str:
        return say(
            "{name} is the kernel from input channel {c} to channel {f} of its group."
            if self.groups > 1
            else "{name} is the kernel from input channel {c} to output channel {f}.",
            name=write.inline(write.dialect.indexed("W", ["c", "f"])),
            f=write.inline("f"),
            c=write.inline("c"),
        )

    def _placed(self, write: Writer, steps: int | None) -> Iterator[Iterable[Block]]:
        """Each input element times the kernel, where that lands, and all of it added."""
        places = self._places()
        yield [Paragraph(say("Every input element multiplies the kernel and places it in the output."))]
        for (o, group_channel), (channel, covered) in islice(places.items(), steps):
            yield self._place(write, o, group_channel, channel, covered)
        yield left_out(write, steps, len(places))
        added = Paragraph(say("What lies on the same place is added:"))
        yield [added, *write.arrays(matrices(write, "C", self.canvas))]

    def _place(
        self, write: Writer, o: Index, group_channel: int, channel: int, covered: tuple[tuple[int, ...], ...]
    ) -> Iterator[Block]:
        yield Paragraph(
            say(
                "{entry} places its kernel on {places} of {target}:",
                entry=write.inline(element(write, "x", self.x, o)),
                places=write.where(covered),
                target=write.inline(write.entry("C", (channel,) if self.canvas.shape[0] > 1 else ())),
            )
        )
        factor, taps = self.x[o], as_rows(self.w[o[0], group_channel])
        times = write.part(f"{write.factor(factor)} {write.dialect.times.strip()}")
        parts = [times, write.matrix(taps), write.symbol("=", "="), write.matrix(factor * taps)]
        yield from [write.display(parts)] if write.fits(parts) else write.arrays([("", factor * taps)])

    def _places(self) -> dict[tuple[Index, int], tuple[int, tuple[tuple[int, ...], ...]]]:
        """For an input element and a channel of its group: the output channel and the places that it reaches."""
        found: dict[tuple[Index, int], tuple[int, list[set[int]]]] = {}
        for (_, *o), (_, channel, *i), (_, group_channel, *_) in self.canvas_relation.triples():
            _, reached = found.setdefault((tuple(o), group_channel), (channel, [set() for _ in i]))
            for places, position in zip(reached, i, strict=True):
                places.add(position)
        return {
            key: (channel, tuple(tuple(sorted(places)) for places in reached))
            for key, (channel, reached) in found.items()
        }

    def _cut(self, write: Writer) -> Iterator[Block]:
        sizes = self.result.shape[1:]
        kept = [range(lo, lo + n) for (lo, _), n in zip(self.pads, sizes, strict=True)]
        yield Paragraph(
            say(
                "The padding is cut off: {places} of {name} remain.",
                places=write.where(kept),
                name=write.inline("C"),
            )
        )

    def _sums(self, write: Writer, steps: int | None) -> Iterator[Block]:
        """Each output element as the sum of the products that land on it."""
        y = self.result
        wanted = list(islice(np.ndindex(y.shape), steps))
        factors: dict[Index, list[tuple[Number, Number]]] = {j: [] for j in wanted}
        for (_, *o), (_, *i), k in self.relation.triples():
            if tuple(i) in factors:
                factors[tuple(i)].append((self.x[tuple(o)], self.w[k]))
        for j, pairs in factors.items():
            bias = [] if self.bias is None else [self.bias[j[0]]]
            if sum(a * b for a, b in pairs) + sum(bias) != y[j]:
                raise ProofError(f"the products of element {j} do not come to {y[j]}")
            yield from write.sum(element(write, "y", y, j), pairs, y[j], more=bias)
        yield from left_out(write, steps, y.size)
