"""Operators that move elements, and reductions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from math import ceil
from typing import Any

import numpy as np

from ....division import is_symbolic
from ....errors import DomainError
from ...operators import (
    Concat,
    Embedding,
    Expand,
    Flatten,
    Flip,
    Identity,
    Input,
    Lookup,
    Pad,
    Permute,
    Reduce,
    Reshape,
    Sizes,
    Slice,
    Take,
)
from ...operators.base import product
from ...sizes.in_operators import bounds, cropping, identical, same
from ..call import Call
from ..constants import goes_by_sizes
from ..registry import NotUnderstoodError, handles
from ..value import Value


@handles("Flatten")
def _flatten(call: Call) -> Value:
    """A matrix: the dimensions before one are its rows, the others its columns."""
    axis, rank = call.integer("axis", 1), call.rank()
    if not -rank <= axis <= rank:
        raise DomainError("node", call.name, f"axis={axis} needs -{rank} <= axis <= {rank}")
    axis += rank if axis < 0 else 0
    if axis == 1 < rank:
        return call.emit(Flatten(1, -1), call.value())
    return call.emit(Reshape((product(call.sizes(kept=True)[:axis]), -1)), call.value())


@handles("Reshape")
def _reshape(call: Call) -> Value:
    shape = call.integers("shape") if call.opset < 5 else call.whole(1, kept=True)
    sizes = call.sizes(kept=True)
    allows = call.opset >= 14 and call.integer("allowzero", 0)
    if 0 in shape and allows:
        raise DomainError("node", call.name, f"shape={tuple(shape)} with allowzero=1 leaves no element")
    if any(size == 0 and d >= len(sizes) for d, size in enumerate(shape)):
        raise DomainError("node", call.name, f"shape={tuple(shape)} keeps a dimension that {sizes} does not have")
    return call.emit(Reshape(tuple(shape)), call.value())


def moved(source: Sizes, kept: Sequence[int | None]) -> Reshape:
    """The dimensions of ``source`` in order, None for a new one of size 1; sizes stay open where they can."""
    entries: list[Any] = [1 if own is None else 0 if own == d else source[own] for d, own in enumerate(kept)]
    shifted = [d for d, own in enumerate(kept) if own not in (None, d)]
    if len(shifted) == 1:
        entries[shifted[0]] = -1
    return Reshape(tuple(entries))


@handles("Squeeze")
def _squeeze(call: Call) -> Value:
    """Without dimensions of size 1: all of them, where none are given."""
    sizes, axes = call.sizes(kept=True), call.axes("axes", 1, 13)
    named = set(range(len(sizes))) if axes is None else {call.dimension(axis, len(sizes)) for axis in axes}
    dropped = {d for d in named if sizes[d] == 1}
    if axes is not None and dropped != named:
        raise DomainError("node", call.name, f"Squeeze needs size 1 in the dimensions {sorted(named)} of {sizes}")
    return call.emit(moved(sizes, [d for d in range(len(sizes)) if d not in dropped]), call.value())


@handles("Unsqueeze")
def _unsqueeze(call: Call) -> Value:
    """With new dimensions of size 1, in the places that they have afterwards."""
    sizes, axes = call.sizes(kept=True), call.axes("axes", 1, 13) or []
    rank = len(sizes) + len(axes)
    new = {call.dimension(axis, rank) for axis in axes}
    if len(new) != len(axes):
        raise DomainError("node", call.name, f"Unsqueeze needs different dimensions, and not {axes}")
    own = iter(range(len(sizes)))
    return call.emit(moved(sizes, [None if d in new else next(own) for d in range(rank)]), call.value())


@handles("Transpose")
def _transpose(call: Call) -> Value:
    rank = call.rank()
    return call.emit(Permute(call.integers("perm", tuple(reversed(range(rank))))), call.value())


@handles("Concat")
def _concat(call: Call) -> Value:
    axis = call.integer("axis", 1) if call.opset < 4 else call.integer("axis")
    return call.emit(Concat(call.dimension(axis, call.rank())), *call.values())


def stacked(call: Call, values: Sequence[Value], axis: int, label: str = "") -> Value:
    """Tensors one after the other along a new dimension."""
    each = [call.sizes_of(value, kept=True) for value in values]
    place = call.dimension(axis, len(each[0]) + 1)
    rows = []
    for number, (value, sizes) in enumerate(zip(values, each, strict=True)):
        kept = [*range(place), None, *range(place, len(sizes))]
        rows.append(call.emit(moved(sizes, kept), value, label=f"{label or 'element'}/{number}"))
    return call.emit(Concat(place), *rows, label=label)


@handles("Slice")
def _slice(call: Call) -> Value:
    """Every dimension in turn; ends beyond the dimension mean its end."""
    sizes = call.sizes(kept=True)
    cuts, flipped = {}, []
    for dimension, start, end, step in call.slices(len(sizes)):
        n = sizes[dimension]
        if not isinstance(n, int):
            raise NotUnderstoodError("it cuts a dimension whose size is a symbol")
        first, last = bounds(n, max(start, -n) if step < 0 else start, end, step)
        if first == last or (first < last) != (step > 0):
            raise DomainError("node", call.name, f"the slice from {start} to {end} leaves nothing of {n} elements")
        if step < 0:
            flipped.append(dimension)
            first, last = n - 1 - first, n - 1 - last
        cuts[dimension] = Slice(dimension, first, last, abs(step))
    needed = [cut for d, cut in cuts.items() if not identical((cut.start, cut.stop, cut.step), (0, sizes[d], 1))]
    if not flipped:
        return _in_turn(call, call.value(), needed)
    label = "flip" if needed else ""
    return _in_turn(call, call.emit(Flip(tuple(flipped)), call.value(), label=label), needed, done=True)


def _in_turn(call: Call, value: Value, cuts: Sequence[Slice], *, done: bool = False) -> Value:
    if not cuts and done:
        return value
    if not cuts:
        return call.emit(Identity("slice"), value)
    for number, cut in enumerate(cuts):
        label = "" if number == len(cuts) - 1 else f"axis_{cut.dim}"
        value = call.emit(cut, value, label=label)
    return value


_NUMBERED = 18
"""From this opset on a split may say the number of its parts, which need not be equal then."""


@handles("Split")
def _split(call: Call) -> list[Value | None]:
    """Parts one after the other, equal where no lengths are given; where their number is, the last may be shorter."""
    sizes, count = call.sizes(kept=True), len(call.used)
    axis = call.dimension(call.integer("axis", 0), len(sizes))
    n = sizes[axis]
    if not isinstance(n, int):
        raise NotUnderstoodError("it splits a dimension whose size is a symbol")
    if not count:
        raise DomainError("node", call.name, "Split needs an output for each part, and has none")
    parts = _parts(call, n, count)
    if len(parts) != count or sum(parts) != n or min(parts) < 1:
        raise DomainError(
            "node", call.name, f"Split needs {count} lengths >= 1 whose sum is {n}, and not {tuple(parts)}"
        )
    found: list[Value | None] = []
    for number, (start, stop) in enumerate(pairwise([0, *accumulate(parts)])):
        cut, used = Slice(axis, start, stop), call.used[number]
        found.append(call.emit(cut, call.value(), label=str(number)) if used else Value(None))
    return found


def _parts(call: Call, n: int, count: int) -> list[int]:
    given = call.integers("split", None) if call.opset < 13 else None
    if given is not None:
        return list(given)
    if call.optional(1) is not None:
        return call.whole(1, kept=True)
    wanted = call.integer("num_outputs", None) if call.opset >= _NUMBERED else None
    if wanted is None and n % count:
        needs = f"Split needs {count} equal parts without num_outputs, which opset {_NUMBERED} brings"
        raise DomainError("node", call.name, f"{needs}, and {count} does not divide {n}")
    if wanted not in (None, count):
        raise DomainError("node", call.name, f"num_outputs={wanted} needs to be {count}, as there are outputs")
    length = -(-n // count)
    return [length] * (count - 1) + [n - length * (count - 1)]


_PAD_MODES = {"constant": "constant", "reflect": "reflect", "edge": "replicate", "wrap": "wrap"}


@handles("Pad")
def _pad(call: Call) -> Value:
    """All that is added before the dimensions, then all that is added after; negative amounts crop."""
    rank = call.rank()
    if call.opset < 11:
        amounts, axes = list(call.integers("paddings" if call.opset < 2 else "pads")), None
    else:
        amounts, axes = call.whole(1, kept=True), call.axes("", 3, 0)
    dims = [call.dimension(d, rank) for d in axes] if axes is not None else list(range(rank))
    mode = call.text("mode", "constant")
    if mode not in _PAD_MODES:
        raise NotUnderstoodError(f"its mode {mode} is not one of those that are understood")
    if len(amounts) != 2 * len(dims) or len(set(dims)) != len(dims):
        raise DomainError(
            "node", call.name, f"Pad needs two amounts for each of {len(dims)} dimensions, and not {amounts}"
        )
    pairs = dict(zip(dims, zip(amounts[: len(dims)], amounts[len(dims) :], strict=True), strict=True))
    around, source = tuple(pairs.get(d, (0, 0)) for d in range(rank)), call.value()
    if mode == "wrap":
        cuts, around = cropping(call.sizes(kept=True), around)
        for cut in cuts:
            source = call.emit(Slice(*cut), source, label="crop")
    return call.emit(Pad(around, _PAD_MODES[mode]), source)


@handles("ConstantOfShape")
def _filled(call: Call) -> Value:
    """As large as its input says."""
    return call.emit(Input(tuple(call.whole(0, kept=True))))


@handles("Range")
def _range(call: Call) -> Value:
    """As many numbers as there are steps from the start up to the limit."""
    start, limit, step = (call.number(number, kept=True) for number in range(3))
    if any(map(is_symbolic, (start, limit, step))):
        raise NotUnderstoodError("how many numbers it gives is not known beforehand")
    if step == 0 or (limit <= start if step > 0 else limit >= start):
        raise DomainError("node", call.name, f"Range needs a step that leads from {start} to {limit}, and not {step}")
    whole = all(isinstance(bound, int) for bound in (start, limit, step))
    count = -((start - limit) // step) if whole else ceil((limit - start) / step)
    made = call.emit(Input((count,)))
    return replace(made, last=start + step * (count - 1)) if whole and step > 0 and start >= 0 else made


@handles("Expand")
def _expand(call: Call) -> Value:
    """Dimensions of size 1 stretched, as between operands."""
    shape, sizes = call.whole(1, kept=True), call.sizes(kept=True)
    rank = max(len(shape), len(sizes))
    rows = zip([1] * (rank - len(sizes)) + list(sizes), [1] * (rank - len(shape)) + shape, strict=True)
    wanted = tuple(one if identical((one,), (other,)) or one != 1 == other else other for one, other in rows)
    return call.emit(Identity("expand") if same(wanted, sizes) else Expand(wanted), call.value())


_AXES_AS_INPUT = 18
_REDUCTIONS = {"ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "max", "ReduceMin": "min", "ReduceProd": "prod"}
_REDUCTIONS |= {"ReduceL1": "l1", "ReduceL2": "l2", "ReduceSumSquare": "sum_square"}
_REDUCTIONS |= {"ReduceLogSum": "log_sum", "ReduceLogSumExp": "log_sum_exp"}


@handles(*_REDUCTIONS)
def _reduce(call: Call) -> Value:
    """Over the dimensions that are given, or all; they stay with size 1 unless ``keepdims`` is 0."""
    rank = call.rank()
    axes = call.axes("axes", 1, 13 if call.op == "ReduceSum" else _AXES_AS_INPUT)
    if not axes and call.integer("noop_with_empty_axes", 0):
        return call.emit(Identity("identity"), call.value())
    dims = tuple(sorted({call.dimension(axis, rank) for axis in axes})) if axes else tuple(range(rank))
    return call.emit(Reduce(_REDUCTIONS[call.op], dims, bool(call.integer("keepdims", 1))), call.value())


@handles("ArgMax", "ArgMin")
def _arg(call: Call) -> Value:
    """The place of the largest or least element along one dimension."""
    axis = call.dimension(call.integer("axis", 0), call.rank())
    return call.emit(Reduce(call.op.lower(), (axis,), bool(call.integer("keepdims", 1))), call.value())


@handles("CenterCropPad")
def _center(call: Call) -> Value:
    """Cropped or padded on both sides alike; where that cannot be, by one more at the end."""
    sizes, wanted = call.sizes(), call.whole(1)
    axes = call.integers("axes", tuple(range(len(sizes))))
    if len(axes) != len(wanted):
        raise DomainError("node", call.name, f"CenterCropPad needs a size for each of {axes}, and not {wanted}")
    amounts = [(0, 0)] * len(sizes)
    for axis, size in zip(axes, wanted, strict=True):
        d = call.dimension(axis, len(sizes))
        if not isinstance(sizes[d], int) or not isinstance(size, int):
            raise NotUnderstoodError("its sizes are symbols")
        more = abs(size - sizes[d])
        sign = 1 if size > sizes[d] else -1
        amounts[d] = (sign * (more // 2), sign * (more - more // 2))
    return call.emit(Pad(tuple(amounts)), call.value())


_MOST_PLACES = 8
"""Of more places that are made of sizes no bounds are known."""


@handles("Gather")
def _gather(call: Call) -> Value:
    """Elements of a dimension by constant places, or rows of constant weights by computed ones."""
    sizes = call.sizes(kept=True)
    axis = call.dimension(call.integer("axis", 0), len(sizes))
    table, index = call.value(0), call.value(1)
    if not index.constant and not table.node and axis == 0 and len(sizes) == 2:
        return call.emit(Embedding(*sizes), index, params=call.params(table))
    if table.constant and index.constant:
        shape = (*sizes[:axis], *call.sizes(1, kept=True), *sizes[axis + 1 :])
        ends = _ends(index, sizes[axis])
        least, greatest = (tuple((end, sizes[axis]) for end in some) for some in ends or ((), ()))
        unknown = ends is None and goes_by_sizes(index)
        found = Lookup(shape, least=least, greatest=greatest, back=index.last is None, open=unknown)
        return call.emit(found, table, index)
    if table.constant or not index.constant or not isinstance(sizes[axis], int):
        raise NotUnderstoodError("which elements it takes is not known beforehand")
    array, n = call.array(1), sizes[axis]
    places = [place + (n if place < 0 else 0) for place in call.whole(1)]
    steps = {after - before for before, after in pairwise(places)}
    if array.ndim > 1 or not places:
        raise NotUnderstoodError("its indices have several dimensions")
    if not 0 <= min(places) <= max(places) < n:
        raise DomainError("node", call.name, f"Gather needs indices of {n} elements, and not {call.numbers(1)}")
    if len(steps) > 1 or min(steps, default=1) < 1:
        return call.emit(Take(axis, tuple(places)), call.value())
    cut = Slice(axis, places[0], places[-1] + 1, min(steps, default=1))
    if array.ndim == 1:
        return call.emit(cut, call.value())
    one = call.emit(cut, call.value(), label="slice")
    return call.emit(moved(sizes, [d for d in range(len(sizes)) if d != axis]), one)


def _ends(index: Value, rows: Any) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """Some of constant places, the least and the greatest among them; none if all are there, None if unknown."""
    bounds, array = index.bounds, index.elements
    if index.last is not None:
        return (0,), (index.last,)
    if bounds and type(rows) is int and -rows <= bounds[0] <= bounds[1] < rows:
        return (), ()
    if array is None or index.told or not array.size:
        return None
    if array.dtype.kind == "i":
        return bounds and (bounds[:1], bounds[1:])
    return (tuple(array.flat),) * 2 if array.dtype == object and array.size <= _MOST_PLACES else None


@handles("Compress")
def _compress(call: Call) -> Value:
    """The elements of a dimension, or of all of them in one row, for which a condition holds."""
    sizes, axis = call.sizes(), call.integer("axis", None)
    reason = "which elements it takes, and how many, is not known beforehand"
    if call.value(1).array is None:
        raise NotUnderstoodError(reason)
    places = [int(place) for place in np.flatnonzero(call.array(1))]
    if axis is None:
        raise NotUnderstoodError("it takes elements of all dimensions in one row", (len(places),))
    axis = call.dimension(axis, len(sizes))
    if not isinstance(sizes[axis], int):
        raise NotUnderstoodError("it takes elements of a dimension whose size is a symbol")
    if not places or places[-1] >= sizes[axis]:
        raise DomainError("node", call.name, f"Compress needs places of {sizes[axis]} elements, and not {places}")
    return call.emit(Take(axis, tuple(places)), call.value())


@handles("Optional", "OptionalGetElement")
def _optional(call: Call) -> Value:
    """What it holds: a tensor, or a sequence."""
    value = call.value()
    return call.emit(Identity("optional"), value) if value.items is None else value


@handles("OptionalHasElement")
def _has_element(call: Call) -> Value:
    """Whether something is there, which the graph says."""
    return Value((), elements=np.array(call.optional(0) is not None))
