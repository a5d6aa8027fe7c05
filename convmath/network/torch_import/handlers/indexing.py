"""Parts of tensors: indices, slices, chunks."""

from __future__ import annotations

from functools import partial
from itertools import accumulate, pairwise
from typing import Any

import torch

from ....errors import DomainError
from ...operators import Expand, Gather, Identity, Lookup, Reshape, Slice, Take, Unknown
from ...operators.base import Sizes, broadcast, product
from ...sizes.in_operators import bounds, identical, numbers, same
from ...sizes.number import look, number_of
from ..builder import Builder
from ..registry import NotUnderstoodError, RefusedError, handles
from ..values import Value, values_in
from .shared import dimension, looked_up, without_value

_MASKS = (torch.bool, torch.uint8)
"""Types of tensors that choose by what is not 0."""


def part(builder: Builder, x: Value, dim: int, start: int, stop: int, step: int = 1) -> Value:
    """The elements of a dimension from ``start`` on, up to ``stop``; itself where those are all at every size."""
    if identical((start, stop, step), (0, x.carried[dim], 1)):
        return x
    return builder.emit(Slice(dim, start, stop, step), x)


@handles("getitem", views=True, strided=True)
def _getitem(builder: Builder, x: Any, index: Any) -> Any:
    if not isinstance(x, Value):
        return x[index]
    entries = _entries(x, index)
    tensors = [entry for entry in entries if isinstance(entry, Value)]
    if tensors and x.constant and all(tensor.constant for tensor in tensors):
        known = Lookup(_sizes_of_chosen(x, entries, tensors), back=True)
        return looked_up(builder, known, x, tensors, _rows(x, entries))
    if sum(map(_is_list, entries)) > 1 or not all(
        entry is None or _is_int(entry) or isinstance(entry, slice) or _is_list(entry) for entry in entries
    ):
        raise NotUnderstoodError("an index that is a tensor or a list chooses elements that are not known")
    kept: list[int | None] = []
    found, dim = x, 0
    for entry in entries:
        if entry is None:
            kept.append(None)
            continue
        if dim >= x.rank:
            raise DomainError("index", str(index), f"has more entries than there are dimensions: {x.rank}")
        found = _chosen(builder, found, dim, entry)
        if isinstance(entry, slice | list):
            kept.append(dim)
        dim += 1
    if kept == list(range(x.rank)):
        return found
    return builder.emit(Reshape(tuple(1 if d is None else found.carried[d] for d in kept)), found)


def _entries(x: Value, index: Any) -> list[Any]:
    """Those of an index, one for each dimension and each new one."""
    entries = list(index) if isinstance(index, tuple) else [index]
    used = sum(entry is not None and entry is not Ellipsis for entry in entries)
    at = next((number for number, entry in enumerate(entries) if entry is Ellipsis), len(entries))
    entries[at : at + 1] = [slice(None)] * (x.rank - used)
    return entries


def _rows(x: Value, entries: list[Any]) -> list[Any]:
    """How many there are to choose from, for each tensor of an index."""
    own = [entry for entry in entries if entry is not None]
    return [x.carried[d] for d, entry in enumerate(own) if isinstance(entry, Value)]


def _is_int(entry: Any) -> bool:
    return isinstance(entry, int) and not isinstance(entry, bool)


def _is_list(entry: Any) -> bool:
    return isinstance(entry, list) and len(entry) > 0 and all(map(_is_int, entry))


def _sizes_of_chosen(x: Value, entries: list[Any], tensors: list[Value]) -> Sizes:
    """The sizes of what tensors of integers choose, among whole dimensions and new ones."""
    if len(entries) - entries.count(None) > x.rank:
        raise DomainError("index", len(entries), f"has more entries than there are dimensions: {x.rank}")
    own = iter(x.carried)
    sizes = [1 if entry is None else next(own) for entry in entries]
    rest = [size for size, entry in zip(sizes, entries, strict=True) if entry is None or entry == slice(None)]
    if len(rest) + len(tensors) < len(entries) or any(tensor.dtype in _MASKS for tensor in tensors):
        raise NotUnderstoodError("how many elements a mask chooses, or an index among slices, is not known")
    chosen = broadcast(Lookup(()), *(tensor.carried for tensor in tensors)) if tensors[1:] else tensors[0].carried
    places = [number for number, entry in enumerate(entries) if isinstance(entry, Value)]
    at = places[0] if places[-1] - places[0] < len(places) else 0  # apart from each other, they come first
    return (*rest[:at], *chosen, *rest[at:])


def _chosen(builder: Builder, x: Value, dim: int, entry: int | slice | list[int]) -> Value:
    n = x.carried[dim]
    if isinstance(entry, list):
        if not all(-n <= place < n for place in entry):
            raise DomainError("index", entry, f"needs -{n} <= index < {n} in dimension {dim}")
        return builder.emit(Take(dim, tuple(place + n if place < 0 else place for place in entry)), x)
    if isinstance(entry, slice):
        without_value(entry.start, entry.stop, entry.step)
        step = 1 if entry.step is None else entry.step
        return part(builder, x, dim, *bounds(n, entry.start, entry.stop, step), step)
    first = _place(n, entry, dim)
    return part(builder, x, dim, first, first + 1)


def _place(n: int, entry: int, dim: int) -> int:
    """The place of an integer in a dimension, counted from its start."""
    if not -n <= entry < n:
        raise DomainError("index", entry, f"needs -{n} <= index < {n} in dimension {dim}")
    return entry if entry >= 0 else entry + n


@handles("index_put")
def _index_put(builder: Builder, x: Value, indices: Any, *rest: Any, **options: Any) -> Value:
    """At an index for each dimension; None for one that is written whole."""
    return _setitem(builder, x, tuple([slice(None) if one is None else one for one in indices]), *rest, **options)


@handles("setitem", "masked_scatter")
def _setitem(builder: Builder, x: Value, index: Any = None, *rest: Any, **options: Any) -> Value:
    """At an index of its dimensions."""
    index = options.pop("mask", index)
    if not x.constant or x.sizes is None:
        return _written(builder, x, [], [], values_in((index, rest, options)))
    entries = _entries(x, tuple(index) if isinstance(index, list) and values_in(index) else index)
    tensors = [entry for entry in entries if isinstance(entry, Value)]
    others = values_in((rest, options))
    if any(tensor.dtype in _MASKS for tensor in tensors):
        return _written(builder, x, [], [], [*tensors, *others])
    for d, entry in enumerate([one for one in entries if one is not None]):
        for place in [entry] if _is_int(entry) else entry if _is_list(entry) else ():
            _place(x.carried[d], place, d)
    return _written(builder, x, tensors, _rows(x, entries), others)


def _scattered(back: bool, builder: Builder, x: Value, dim: int, index: Value, *rest: Any, **options: Any) -> Value:
    """Along a dimension."""
    return _written(builder, x, [index], [x.carried[dimension(x, dim)]], values_in((rest, options)), back=back)


handles("index_fill")(partial(_scattered, True))
handles("scatter", "scatter_add", "index_add", "index_copy")(partial(_scattered, False))


def _written(
    builder: Builder, x: Value, indices: list[Value], rows: list[Any], others: list[Value], *, back: bool = True
) -> Value:
    """A constant of constants; which elements of another tensor are written is not followed."""
    if not (x.constant and all(value.constant for value in (*indices, *others))):
        reason = "which elements are written is not followed"
        return builder.emit(Unknown("setitem", reason, x.sizes), x, *indices, *others)
    if indices or any(value.trained or value.step is not None for value in (x, *others)):
        found = looked_up(builder, Lookup(x.carried, back=back), x, indices, rows, others)
        found.integers = None
        return found
    return Value(x.sizes, x.dtype, constant=True, name=x.name or "constant")


@handles("copy")
def _copy(builder: Builder, x: Value, other: Any, *_: Any) -> Value:
    """What is copied takes the place of what was there."""
    if not isinstance(other, Value):
        return Value(x.sizes, x.dtype, constant=True, name=x.name or "constant")
    return builder.emit(Identity("copy") if same(other.carried, x.carried) else Expand(x.carried), other, dtype=x.dtype)


@handles("select", views=True, strided=True)
def _select(builder: Builder, x: Value, dim: int, index: int) -> Value:
    at = dimension(x, dim)
    without_value(index)
    found = _chosen(builder, x, at, index)
    sizes = found.carried
    return builder.emit(Reshape((*sizes[:at], *sizes[at + 1 :])), found)


@handles("narrow", views=True, strided=True)
def _narrow(builder: Builder, x: Value, dim: int, start: int, length: int) -> Value:
    at = dimension(x, dim)
    without_value(start)
    n = x.carried[at]
    first = start + n if start < 0 else start
    if first < 0 or first + length > n:
        raise DomainError("length", length, f"needs start + length <= {n}, and start={start}")
    return part(builder, x, at, first, first + length)


@handles("slice", views=True, strided=True)
def _slice(
    builder: Builder, x: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    return _chosen(builder, x, dimension(x, dim), slice(start, end, step))


@handles("split", "split_with_sizes", "unsafe_split", "functional.split", views=True, strided=True)
def _split(builder: Builder, x: Value, split_size_or_sections: Any = None, dim: int = 0, **options: Any) -> Any:
    at = dimension(x, dim)
    given = split_size_or_sections or options.get("split_size") or options.get("split_sizes")
    n = x.carried[at]
    without_value(given)
    lengths = _equal(n, given) if isinstance(given, int) else list(given or ())
    if sum(lengths) != n or any(length < 0 for length in lengths):
        raise DomainError("split_sizes", lengths, f"needs a sum of {n}, and none below 0")
    return _parts(builder, x, at, lengths)


@handles("chunk", "unsafe_chunk", views=True, strided=True)
def chunk(builder: Builder, x: Value, chunks: int, dim: int = 0) -> Any:
    """As many parts, all but the last of the same length; fewer where that leaves none."""
    at = dimension(x, dim)
    n = x.carried[at]
    return _parts(builder, x, at, _equal(n, -(-n // chunks)))


def _equal(n: int, length: int) -> list[int]:
    """The lengths of the parts of ``n`` elements, the last of which may be shorter."""
    if length < 1:
        raise DomainError("split_size", length, "needs at least 1")
    lengths, start = [], 0
    while start < n:
        lengths.append(min(length, n - start))
        start += length
    return lengths


@handles("tensor_split", views=True, strided=True)
def _tensor_split(builder: Builder, x: Value, indices_or_sections: Any, dim: int = 0, **options: Any) -> Any:
    at = dimension(x, dim)
    without_value(indices_or_sections)
    n = x.carried[at]
    if isinstance(indices_or_sections, int):
        whole, longer = divmod(n, indices_or_sections)
        return _parts(builder, x, at, [whole + (i < longer) for i in range(indices_or_sections)])
    ends = [0, *(bounds(n, None, bound)[1] for bound in indices_or_sections), n]
    return _parts(builder, x, at, [max(stop - start, 0) for start, stop in pairwise(ends)])


def _parts(builder: Builder, x: Value, dim: int, lengths: list[int]) -> tuple[Value, ...]:
    if len(lengths) == 1:
        return (builder.emit(Identity("split"), x),)
    cuts = (Slice(dim, *bounds) for bounds in pairwise(accumulate(lengths, initial=0)))
    return tuple(
        builder.later(operator, x, sizes=(*x.carried[:dim], length, *x.carried[dim + 1 :]))
        for operator, length in zip(cuts, lengths, strict=True)
    )


@handles("unbind", views=True, strided=True)
def _unbind(builder: Builder, x: Value, dim: int = 0) -> Any:
    at = dimension(x, dim)
    n = x.carried[at]
    look((n,))
    return tuple(_select(builder, x, at, index) for index in range(number_of(n)))


@handles("index_select")
def _index_select(builder: Builder, x: Value, dim: int, index: Value) -> Value:
    at = dimension(x, dim)
    places = index.carried if index.rank else (1,)
    _of_constants(x, index)
    if index.rank > 1:
        raise RefusedError("index", numbers(index.carried), "index_select needs a row of indices")
    return looked_up(builder, Lookup((*x.carried[:at], *places, *x.carried[at + 1 :])), x, [index], [x.carried[at]])


@handles("gather", contiguous=True)
def _gather(builder: Builder, x: Value, dim: int, index: Value, **_: Any) -> Value:
    at = dimension(x, dim)
    return looked_up(builder, Gather(at), x, [index], [x.carried[at]])


@handles("take")
def _take(builder: Builder, x: Value, index: Value) -> Value:
    _of_constants(x, index)
    return looked_up(builder, Lookup(index.carried, back=True), x, [index], [product(x.carried)])


def _of_constants(x: Value, index: Value) -> None:
    if not (x.constant and index.constant):
        raise NotUnderstoodError("an index that is a tensor chooses elements that are not known")


@handles("take_along_dim", "masked_select", "index")
def _chosen_by_tensor(builder: Builder, *_: Any, **__: Any) -> Any:
    raise NotUnderstoodError("an index that is a tensor chooses elements that are not known")
