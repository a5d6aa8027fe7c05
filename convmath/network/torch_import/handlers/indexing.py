"""Parts of tensors: indices, slices, chunks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ....errors import DomainError
from ...operators import Expand, Identity, Reshape, Slice, Unknown
from ..builder import Builder
from ..registry import NotUnderstoodError, handles
from ..values import Value, values_in
from .layout import reshaped
from .shared import dimension, without_value


def part(builder: Builder, x: Value, dim: int, start: int, stop: int, step: int = 1) -> Value:
    """The elements of a dimension from ``start`` on, up to ``stop``; itself where those are all."""
    if (start, stop, step) == (0, x.known[dim], 1):
        return x
    return builder.emit(Slice(dim, start, stop, step), x)


@handles("getitem", views=True)
def _getitem(builder: Builder, x: Any, index: Any) -> Any:
    if not isinstance(x, Value):
        return x[index]
    entries = list(index) if isinstance(index, tuple) else [index]
    if not all(entry is None or entry is Ellipsis or _is_int(entry) or isinstance(entry, slice) for entry in entries):
        raise NotUnderstoodError("an index that is a tensor or a list chooses elements that are not known")
    used = sum(entry is not None and entry is not Ellipsis for entry in entries)
    at = entries.index(Ellipsis) if Ellipsis in entries else len(entries)
    entries[at : at + 1] = [slice(None)] * (x.rank - used)
    sizes: list[int] = []
    found, dim = x, 0
    for entry in entries:
        if entry is None:
            sizes.append(1)
            continue
        if dim >= x.rank:
            raise DomainError("index", str(index), f"has more entries than there are dimensions: {x.rank}")
        found = _chosen(builder, found, dim, entry)
        if isinstance(entry, slice):
            sizes.append(found.known[dim])
        dim += 1
    return reshaped(builder, found, tuple(sizes))


def _is_int(entry: Any) -> bool:
    return isinstance(entry, int) and not isinstance(entry, bool)


def _chosen(builder: Builder, x: Value, dim: int, entry: int | slice) -> Value:
    n = x.known[dim]
    if isinstance(entry, slice):
        without_value(entry.start, entry.stop, entry.step)
        start, stop, step = entry.indices(n)
        return part(builder, x, dim, start, stop, step)
    if not -n <= entry < n:
        raise DomainError("index", entry, f"needs -{n} <= index < {n} in dimension {dim}")
    return part(builder, x, dim, entry % n, entry % n + 1)


@handles("setitem", "index_put", "index_fill", "scatter", "scatter_add", "index_add", "index_copy", "masked_scatter")
def _setitem(builder: Builder, x: Value, *rest: Any, **options: Any) -> Value:
    """A constant of constants; which elements of another tensor are written is not followed."""
    others = values_in((rest, options))
    if x.constant and all(value.constant for value in others):
        return Value(x.sizes, x.dtype, constant=True, name=x.name or "constant")
    return builder.emit(Unknown("setitem", "which elements are written is not followed", x.sizes), x, *others)


@handles("copy")
def _copy(builder: Builder, x: Value, other: Any, *_: Any) -> Value:
    """What is copied takes the place of what was there."""
    if not isinstance(other, Value):
        return Value(x.sizes, x.dtype, constant=True, name=x.name or "constant")
    return builder.emit(Identity("copy") if other.sizes == x.sizes else Expand(x.known), other, dtype=x.dtype)


@handles("select", views=True)
def _select(builder: Builder, x: Value, dim: int, index: int) -> Value:
    at = dimension(x, dim)
    without_value(index)
    found = _chosen(builder, x, at, index)
    return builder.emit(Reshape((*x.known[:at], *x.known[at + 1 :])), found)


@handles("narrow", views=True)
def _narrow(builder: Builder, x: Value, dim: int, start: int, length: int) -> Value:
    at = dimension(x, dim)
    without_value(start)
    first = start % x.known[at] if start < 0 else start
    if first + length > x.known[at]:
        raise DomainError("length", length, f"needs start + length <= {x.known[at]}, and start={start}")
    return part(builder, x, at, first, first + length)


@handles("slice", views=True)
def _slice(
    builder: Builder, x: Value, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Value:
    return _chosen(builder, x, dimension(x, dim), slice(start, end, step))


@handles("split", "split_with_sizes", "unsafe_split", "functional.split", views=True)
def _split(builder: Builder, x: Value, split_size_or_sections: Any = None, dim: int = 0, **options: Any) -> Any:
    at = dimension(x, dim)
    given = split_size_or_sections or options.get("split_size") or options.get("split_sizes")
    n = x.known[at]
    without_value(given)
    lengths = [min(given, n - i) for i in range(0, n, given)] if isinstance(given, int) else list(given or ())
    if sum(lengths) != n:
        raise DomainError("split_sizes", lengths, f"needs a sum of {n}")
    return _parts(builder, x, at, lengths)


@handles("chunk", "unsafe_chunk", views=True)
def chunk(builder: Builder, x: Value, chunks: int, dim: int = 0) -> Any:
    """As many parts, all but the last of the same length; fewer where that leaves none."""
    at = dimension(x, dim)
    n = x.known[at]
    length = -(-n // chunks)
    return _parts(builder, x, at, [min(length, n - i) for i in range(0, n, length)])


@handles("tensor_split", views=True)
def _tensor_split(builder: Builder, x: Value, indices_or_sections: Any, dim: int = 0, **options: Any) -> Any:
    at = dimension(x, dim)
    without_value(indices_or_sections)
    n = x.known[at]
    if isinstance(indices_or_sections, int):
        whole, longer = divmod(n, indices_or_sections)
        return _parts(builder, x, at, [whole + (i < longer) for i in range(indices_or_sections)])
    bounds = [0, *(slice(None, bound).indices(n)[1] for bound in indices_or_sections), n]
    return _parts(builder, x, at, [stop - start for start, stop in pairwise(bounds)])


def _parts(builder: Builder, x: Value, dim: int, lengths: list[int]) -> tuple[Value, ...]:
    if len(lengths) == 1:
        return (builder.emit(Identity("split"), x),)
    starts = [sum(lengths[:i]) for i in range(len(lengths))]
    slices = ((Slice(dim, start, start + length), length) for start, length in zip(starts, lengths, strict=True))
    return tuple(
        builder.later(operator, x, sizes=(*x.known[:dim], length, *x.known[dim + 1 :])) for operator, length in slices
    )


@handles("unbind", views=True)
def _unbind(builder: Builder, x: Value, dim: int = 0) -> Any:
    at = dimension(x, dim)
    return tuple(_select(builder, x, at, index) for index in range(x.known[at]))


@handles("index_select", "gather", "take", "take_along_dim", "masked_select", "index", "embedding")
def _chosen_by_tensor(builder: Builder, *_: Any, **__: Any) -> Any:
    raise NotUnderstoodError("an index that is a tensor chooses elements that are not known")
