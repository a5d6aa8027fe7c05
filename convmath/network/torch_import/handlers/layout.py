"""Operations that move elements: shapes, order of dimensions, padding, joining."""

from __future__ import annotations

from typing import Any

from ....errors import DomainError
from ...operators import Combine, Concat, Expand, Flatten, Identity, Pad, Permute, Reshape, Slice
from ...operators.base import product
from ...sizes.in_operators import cropping, same
from ...sizes.number import number_of
from ..builder import Builder
from ..integers import integer, together
from ..registry import NotUnderstoodError, RefusedError, handles
from ..values import Value
from .shared import dimension, promoted, sizes_from, within, without_value


def reshaped(builder: Builder, x: Value, sizes: tuple[int, ...]) -> Value:
    """In other dimensions; itself where they are the same."""
    return x if same(x.carried, sizes) else builder.emit(Reshape(sizes), x)


@handles("reshape", "view", "_unsafe_view", "reshape_as", "view_as", views=True)
def _reshape(builder: Builder, x: Value, *shape: Any, **options: Any) -> Value:
    given = options.get("shape", options.get("size", shape))
    if len(given) == 1 and isinstance(given[0], Value):
        given = given[0].carried
    sizes = sizes_from(tuple(given))
    if 0 in sizes:
        raise DomainError("shape", sizes, "needs sizes of at least 1")
    return builder.emit(Reshape(sizes), x)


@handles("flatten", "ravel", views=True)
def _flatten(builder: Builder, x: Value, start_dim: int = 0, end_dim: int = -1) -> Value:
    start, end = dimension(x, start_dim), dimension(x, end_dim)
    return reshaped(builder, x, (product(x.carried),)) if x.rank < 2 else builder.emit(Flatten(start, end), x)


@handles("unflatten", views=True)
def _unflatten(builder: Builder, x: Value, dim: int, sizes: Any) -> Value:
    at = dimension(x, dim)
    parts = sizes_from((sizes,))
    if -1 in parts:
        rest = x.carried[at] // -product(parts)
        parts = tuple(rest if part == -1 else part for part in parts)
    return builder.emit(Reshape((*x.carried[:at], *parts, *x.carried[at + 1 :])), x)


@handles("squeeze", views=True)
def squeeze(builder: Builder, x: Value, dim: Any = None) -> Value:
    """Without a dimension of size 1, or all of them."""
    every = range(x.rank) if dim is None else dim if isinstance(dim, list | tuple) else (dim,)
    gone = {dimension(x, d) for d in every if x.rank}
    return reshaped(builder, x, tuple(n for d, n in enumerate(x.carried) if d not in gone or n != 1))


@handles("unsqueeze", views=True)
def unsqueeze(builder: Builder, x: Value, dim: int) -> Value:
    """A dimension of size 1 more."""
    at = within(dim, x.rank + 1)
    return builder.emit(Reshape((*x.carried[:at], 1, *x.carried[at:])), x)


@handles("permute", views=True, strided=True)
def _permute(builder: Builder, x: Value, *dims: Any, **options: Any) -> Value:
    order = sizes_from((options["dims"],) if "dims" in options else dims)
    return builder.emit(Permute(tuple(dimension(x, d) for d in order)), x)


@handles("transpose", "swapaxes", "swapdims", views=True, strided=True)
def transpose(builder: Builder, x: Value, dim0: int, dim1: int) -> Value:
    """Two dimensions in each other's place."""
    order = list(range(x.rank))
    first, second = dimension(x, dim0), dimension(x, dim1)
    order[first], order[second] = order[second], order[first]
    return builder.emit(Permute(tuple(order)), x)


@handles("mT", "mH", "adjoint", views=True, strided=True)
def _transposed(builder: Builder, x: Value) -> Value:
    if x.rank < 2:
        raise DomainError("dimensions", x.rank, "needs matrices")
    return transpose(builder, x, -2, -1)


@handles("t", "H", views=True, strided=True)
def _transposed_matrix(builder: Builder, x: Value) -> Value:
    if x.rank > 2:
        raise DomainError("dimensions", x.rank, "needs a matrix")
    return x if x.rank < 2 else transpose(builder, x, 0, 1)


@handles("T", views=True, strided=True)
def _reversed(builder: Builder, x: Value) -> Value:
    """All dimensions in reverse order."""
    return x if x.rank < 2 else builder.emit(Permute(tuple(reversed(range(x.rank)))), x)


@handles("movedim", "moveaxis", views=True, strided=True)
def _movedim(builder: Builder, x: Value, source: Any, destination: Any) -> Value:
    sources, targets = ((d,) if isinstance(d, int) else d for d in (source, destination))
    moved = {dimension(x, to): dimension(x, d) for d, to in zip(sources, targets, strict=True)}
    rest = iter([d for d in range(x.rank) if d not in moved.values()])
    return builder.emit(Permute(tuple(moved[d] if d in moved else next(rest) for d in range(x.rank))), x)


@handles("expand", "broadcast_to", "expand_as", views=True, strided=True)
def _expand(builder: Builder, x: Value, *shape: Any, **options: Any) -> Value:
    given = options.get("size", shape)
    if len(given) == 1 and isinstance(given[0], Value):
        given = (given[0].carried,)
    sizes = sizes_from(tuple(given))
    new = len(sizes) - x.rank
    full = tuple(x.carried[d - new] if n == -1 and d >= new else n for d, n in enumerate(sizes))
    return x if same(full, x.carried) else builder.emit(Expand(full), x)


@handles("repeat")
def _repeat(builder: Builder, x: Value, *repeats: Any, **options: Any) -> Value:
    counts = sizes_from(repeats or tuple(options.values()))
    if len(counts) < x.rank:
        raise DomainError("repeats", counts, f"needs a number for each of {x.rank} dimensions")
    return _tile(builder, x, *counts)


@handles("tile")
def _tile(builder: Builder, x: Value, *repeats: Any, **options: Any) -> Value:
    counts = sizes_from(repeats or tuple(options.values()))
    if any(count < 1 for count in counts):
        raise DomainError("repeats", counts, "needs numbers of at least 1")
    counts = (1,) * (x.rank - len(counts)) + counts
    sizes = (1,) * (len(counts) - x.rank) + x.carried
    repeated = builder.emit(Identity("copy") if same(sizes, x.carried) else Reshape(sizes), x)
    for dim, count in enumerate(counts):
        if count == 1:
            continue
        if repeated.carried[dim] == 1:
            sizes = tuple(count if d == dim else n for d, n in enumerate(repeated.carried))
            repeated = builder.emit(Expand(sizes), repeated)
        elif count <= 64:
            repeated = builder.emit(Concat(dim), *(repeated,) * count)
        else:
            raise NotUnderstoodError(f"{count} copies one after the other are too many to follow")
    return repeated


# Joining


@handles("cat", "concat", "concatenate")
def concat(builder: Builder, tensors: Any, dim: int = 0) -> Value:
    """One after the other along a dimension."""
    if not isinstance(tensors, list | tuple):
        raise NotUnderstoodError("the tensors to join are no list")
    branches = [tensor for tensor in tensors if not _is_empty(tensor)] or list(tensors)
    at = dimension(branches[0], dim)
    joined = Concat(at) if len(branches) > 1 else Identity("copy")
    return builder.emit(joined, *branches, dtype=promoted(builder, *branches))


def _is_empty(x: Value) -> bool:
    """Whether it has no elements; noted where that is so."""
    return any(number_of(size) == 0 and size == 0 for size in x.carried)


@handles("stack")
def _stack(builder: Builder, tensors: Any, dim: int = 0) -> Value:
    return concat(builder, [unsqueeze(builder, tensor, dim) for tensor in tensors], within(dim, tensors[0].rank + 1))


@handles("hstack")
def _hstack(builder: Builder, tensors: Any) -> Value:
    rows = [one if one.rank else unsqueeze(builder, one, 0) for one in tensors]
    return concat(builder, rows, 0 if rows[0].rank < 2 else 1)


@handles("vstack", "row_stack")
def _vstack(builder: Builder, tensors: Any) -> Value:
    rows = [one if one.rank else unsqueeze(builder, one, 0) for one in tensors]
    return concat(builder, [unsqueeze(builder, one, 0) if one.rank < 2 else one for one in rows], 0)


@handles("meshgrid", strided=True)
def _meshgrid(builder: Builder, *tensors: Any, indexing: str = "ij") -> tuple[Value, ...]:
    """Each along a dimension of its own, repeated along the others."""
    lines = list(tensors[0]) if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else list(tensors)
    sizes = tuple(product(line.carried) for line in lines)
    found = []
    for number, line in enumerate(lines):
        own = tuple(n if d == number else 1 for d, n in enumerate(sizes))
        alone = reshaped(builder, line, own)
        grid = builder.emit(Expand(sizes), alone) if len(lines) > 1 else alone
        grid = transpose(builder, grid, 0, 1) if indexing == "xy" and len(lines) > 1 else grid
        found.append(builder.writing.shared("expand", (line,), grid))
    return tuple(found)


@handles("broadcast_tensors", strided=True)
def _broadcast_tensors(builder: Builder, *tensors: Any) -> tuple[Value, ...]:
    """Each stretched to the sizes of all."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], list | tuple) else tensors
    sizes = builder.emit(Combine("broadcast"), *given).carried
    stretched = (one if same(one.carried, sizes) else builder.emit(Expand(sizes), one) for one in given)
    return tuple(builder.writing.shared("expand", (one,), view) for one, view in zip(given, stretched, strict=True))


# Padding


def padded(builder: Builder, x: Value, pad: Any, mode: str) -> Value:
    """Elements added around the last dimensions; torch names the last one first, and crops before it wraps."""
    without_value(*pad)
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)][::-1]
    amounts = ((0, 0),) * (x.rank - len(pairs)) + tuple(pairs)
    if mode != "constant" and (len(pairs) > 3 or x.rank - len(pairs) not in (1, 2)):
        raise RefusedError("pad", pad, f"{mode} pads at most 3 dimensions, all but one or two of {x.rank}")
    if mode == "circular":
        cuts, amounts = cropping(x.carried, amounts)
        for cut in cuts:
            x = builder.emit(Slice(*cut), x, label="crop")
    return builder.emit(Pad(amounts, mode), x)


@handles("pad", "constant_pad_nd")
def _pad(builder: Builder, x: Value, pad: Any, mode: Any = "constant", value: Any = None) -> Value:
    found = padded(builder, x, pad, mode if isinstance(mode, str) else "constant")
    if found.constant and mode == "constant" and all(type(n) is int and n >= 0 for n in pad) and any(pad):
        found.integers = together(x.integers, integer(0 if value is None else value))
    return found


for _axes in (1, 2, 3):
    for _name, _mode in (("reflection", "reflect"), ("replication", "replicate")):
        handles(f"{_name}_pad{_axes}d")(lambda builder, x, pad, mode=_mode: padded(builder, x, pad, mode))


@handles("roll")
def _roll(builder: Builder, x: Value, shifts: Any, dims: Any = None) -> Value:
    """Padding at one end by what lies at the other, which is cut off."""
    if dims is None or dims in ((), []):
        raise NotUnderstoodError("a roll of all elements in one row is no matter of one dimension")
    amounts = [(0, 0)] * x.rank
    moves = zip(*((value,) if isinstance(value, int) else value for value in (shifts, dims)), strict=True)
    for shift, dim in moves:
        at = dimension(x, dim)
        by, n = amounts[at][0] + shift, x.carried[at]
        by = by if -n < by < n else by % n
        by = by - n if 2 * by > n else by + n if 2 * by < -n else by
        amounts[at] = (by, -by)
    return builder.emit(Pad(tuple(amounts), "circular"), x)


@handles("channel_shuffle")
def _channel_shuffle(builder: Builder, x: Value, groups: int) -> Value:
    if x.rank < 3:
        raise DomainError("dimensions", x.rank, "channel_shuffle needs at least 3")
    batch, channels, *spatial = x.carried
    split = builder.emit(Reshape((batch, groups, channels // groups, *spatial)), x)
    swapped = builder.emit(Permute((0, 2, 1, *range(3, len(spatial) + 3))), split)
    return builder.emit(Reshape(x.carried), swapped)
