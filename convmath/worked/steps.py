"""The windows of a correlation: what each covers, what it is multiplied by, and what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ..errors import ProofError
from ..latex.page import Block, Paragraph
from ..oracle.options import Index
from ..oracle.reference import unfold
from ..oracle.reference.arrays import ObjectArray, zeros
from ..oracle.relation import Relation
from ..phrases import say
from .layout import Part, Writer, as_rows
from .numbers import Number


@dataclass(frozen=True, eq=False)
class Channel:
    """One channel of a window: what it covers, and the kernel that it is multiplied by."""

    number: int
    window: ObjectArray
    kernel: ObjectArray

    @property
    def products(self) -> ObjectArray:
        """Element by element."""
        return np.asarray(self.window * self.kernel)

    @property
    def factors(self) -> list[tuple[Number, Number]]:
        """The pairs that are multiplied, in row-major order."""
        return list(zip(self.window.ravel(), self.kernel.ravel(), strict=True))


@dataclass(frozen=True, eq=False)
class Step:
    """How one element comes about: where its window lies, its channels, the bias and the value."""

    index: Index
    places: tuple[tuple[int, ...], ...]
    channels: tuple[Channel, ...]
    bias: Number | None
    value: Number

    def __post_init__(self) -> None:
        """Refuse a calculation that does not come to the value."""
        total = sum(channel.products.sum() for channel in self.channels) + (self.bias or 0)
        if total != self.value:
            raise ProofError(f"the products of element {self.index} come to {total}, and not to {self.value}")


def padded(x: ObjectArray, padding: Sequence[Sequence[int]]) -> ObjectArray:
    """The channels with their padding: a window of that size sees it all.

    >>> padded(np.array([[1, 2]], dtype=object), ((1, 0),)).tolist()
    [[0, 1, 2]]
    """
    pads = tuple((lo, hi) for lo, hi in padding)
    size = tuple(n + lo + hi for n, (lo, hi) in zip(x.shape[1:], pads, strict=True))
    return np.asarray(unfold(x[None], kernel_size=size, padding=pads).reshape(x.shape[0], *size))


def window_steps(
    relation: Relation, x: ObjectArray, w: ObjectArray, bias: ObjectArray | None, y: ObjectArray, count: int | None
) -> Iterator[Step]:
    """The first windows, in the order of the output: ``relation`` joins (1, *x.shape) and w without padding."""
    wanted = list(islice(np.ndindex(y.shape), count))
    seen = set(wanted)
    windows: dict[Index, dict[int, ObjectArray]] = {o: {} for o in wanted}
    kernels: dict[tuple[Index, int], ObjectArray] = {}
    places: dict[Index, list[set[int]]] = {o: [set() for _ in y.shape[1:]] for o in wanted}
    for o, i, k in relation.triples():
        if (at := o[1:]) in seen:
            channel = i[1]
            windows[at].setdefault(channel, zeros(w.shape[2:]))[k[2:]] = x[i[1:]]
            kernels[at, channel] = w[k[:2]]
            for found, position in zip(places[at], i[2:], strict=True):
                found.add(position)
    for at in wanted:
        channels = tuple(Channel(c, window, kernels[at, c]) for c, window in windows[at].items())
        covered = tuple(tuple(sorted(found)) for found in places[at])
        yield Step(at, covered, channels, None if bias is None else bias.item(at[0]), y.item(at))


def kernel_steps(
    relation: Relation, x: ObjectArray, dy: ObjectArray, dw: ObjectArray, count: int | None
) -> Iterator[Step]:
    """The first taps of a kernel's gradient: which elements of ``x`` the tap meets, one for each output."""
    wanted = list(islice(np.ndindex(dw.shape), count))
    seen = set(wanted)
    met: dict[Index, ObjectArray] = {k: zeros(dy.shape[1:]) for k in wanted}
    channel: dict[Index, int] = {}
    places: dict[Index, list[set[int]]] = {k: [set() for _ in dy.shape[1:]] for k in wanted}
    for o, i, k in relation.triples():
        if k in seen:
            met[k][o[2:]] = x[i[1:]]
            channel[k] = i[1]
            for found, position in zip(places[k], i[2:], strict=True):
                found.add(position)
    for k in wanted:
        covered = tuple(tuple(sorted(found)) for found in places[k])
        yield Step(k, covered, (Channel(channel[k], met[k], dy[k[0]]),), None, dw.item(k))


def show_step(write: Writer, step: Step, entry: str, source: str, *, several: bool) -> Iterator[Block]:
    """The window, the products and the sum of one step.

    Args:
        write: the writer.
        step: the step.
        entry: what is computed, as a formula.
        source: the name of what the window lies in.
        several: whether that has several channels, so that each is named.
    """
    yield Paragraph(
        say(
            "{entry}: the window covers {places} of {source}.",
            entry=write.inline(entry),
            places=write.where(step.places),
            source=write.inline(write.entry(source, ())),
        )
    )
    single = len(step.channels) == 1
    for channel in step.channels:
        if several:
            yield Paragraph(say("Channel {channel}:", channel=channel.number))
        picture = _picture(write, channel)
        if picture:
            yield write.display(picture)
        yield from write.sum(entry if single and step.bias is None else "", channel.factors, channel.products.sum())
    totals = [channel.products.sum() for channel in step.channels]
    if step.bias is not None:
        yield Paragraph(say("With the bias {bias}:", bias=write.inline(write.number(step.bias))))
        totals.append(step.bias)
    elif not single:
        yield Paragraph(say("All channels together:"))
    if len(totals) > 1:
        yield from write.chain(entry, [write.terms(totals), write.terms([step.value])])


def _picture(write: Writer, channel: Channel) -> list[Part]:
    """Window, kernel and products beside each other; nothing for a single element, or where there is no room."""
    if channel.window.size == 1:
        return []
    matrices = [write.matrix(as_rows(a)) for a in (channel.window, channel.kernel, channel.products)]
    parts = [matrices[0], write.symbol(r"\odot", "⊙"), matrices[1], write.symbol("=", "="), matrices[2]]
    return parts if write.fits(parts) else []


def left_out(write: Writer, steps: int | None, total: int) -> Iterator[Block]:
    """A sentence about the elements beyond the first ``steps``, if there are any."""
    if steps is not None and steps < total:
        yield Paragraph(
            say(
                "{rest} of {total} elements are computed in the same way and are not written out here "
                "(the option {option} says how many are).",
                option=write.dialect.code("steps"),
                rest=total - steps,
                total=total,
            )
        )


def matrices(write: Writer, name: str, array: Any, *, kernel: bool = False) -> list[tuple[str, ObjectArray]]:
    """The matrices of an array with channels, each with its name; a single one has no index.

    An input is (C, *size); with ``kernel`` the first two axes are channels.
    """
    lead = 2 if kernel else 1
    planes = list(np.ndindex(array.shape[:lead]))
    return [(write.entry(name, plane if len(planes) > 1 else ()), as_rows(array[plane])) for plane in planes]


def element(write: Writer, name: str, array: ObjectArray, index: Index, *, kernel: bool = False) -> str:
    """An element's name: its channels are left out where the array has one alone, as in :func:`matrices`."""
    lead = 2 if kernel else 1
    several = any(size > 1 for size in array.shape[:lead])
    return write.entry(name, index if several else index[lead:])
