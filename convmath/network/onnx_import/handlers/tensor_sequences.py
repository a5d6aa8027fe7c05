"""Sequences of tensors, of which it is known what is in them: no nodes of their own, but what they hold."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

import numpy as np

from ....errors import DomainError
from ...operators import Concat, Slice
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..scope import LISTED, nodes_in
from ..value import Value
from .layout import moved, stacked


def _of(items: Sequence[Value]) -> Value:
    """A sequence; it depends on what one of its tensors depends on."""
    node = next((one.node for one in items if one.node), "")
    return Value(None, node, parts=() if node else tuple(items), items=tuple(items))


def _items(call: Call) -> tuple[Value, ...]:
    """What a sequence holds.

    Raises:
        NotUnderstoodError: that is not known.
    """
    found = call.value().items
    if found is None:
        raise NotUnderstoodError("what is in the sequence is not known beforehand")
    return found


def _place(call: Call, number: int, count: int, last: int) -> int:
    """A place of a sequence of ``count`` tensors, counted from 0; ``last`` where it is left out."""
    if call.optional(number) is None:
        return last
    given = call.integer_of(number)
    place = given + count if given < 0 else given
    if not 0 <= place <= max(last, count - 1):
        raise DomainError("node", call.name, f"{call.op} needs a place in a sequence of {count}, and not {given}")
    return place


@handles("SequenceConstruct")
def _construct(call: Call) -> Value:
    return _of(call.values())


@handles("SequenceEmpty")
def _empty(call: Call) -> Value:
    return _of(())


@handles("SequenceInsert")
def _insert(call: Call) -> Value:
    """Before the element at a place, or at the end."""
    items = _items(call)
    call.take_steps(len(items) // LISTED)
    place = _place(call, 2, len(items), len(items))
    return _of([*items[:place], call.value(1), *items[place:]])


@handles("SequenceErase")
def _erase(call: Call) -> Value:
    """Without the element at a place, or the last."""
    items = _items(call)
    call.take_steps(len(items) // LISTED)
    place = _place(call, 1, len(items), len(items) - 1)
    return _of([*items[:place], *items[place + 1 :]])


@handles("SequenceAt")
def _at(call: Call) -> Value:
    items = _items(call)
    call.value(1)
    return items[_place(call, 1, len(items), len(items) - 1)]


@handles("SequenceLength")
def _length(call: Call) -> Value:
    return Value((), elements=np.array(len(_items(call))))


@handles("SplitToSequence")
def _split(call: Call) -> Value:
    """Parts of given lengths, or of one length, of which the last one may be shorter; or all elements one by one."""
    sizes = call.sizes(kept=True)
    axis = call.dimension(call.integer("axis", 0), len(sizes))
    n, given = sizes[axis], call.optional(1)
    if not isinstance(n, int):
        raise NotUnderstoodError("it splits a dimension whose size is a symbol")
    lengths = [] if given is None else call.whole(1)
    if given is None or given.sizes == ():
        length = 1 if given is None else call.integer_of(1)
        if length < 1:
            raise DomainError("node", call.name, f"SplitToSequence needs a length >= 1, and not {length}")
        call.take_steps(-(-n // length))
        lengths = [min(length, n - start) for start in range(0, n, length)]
    if sum(lengths) != n or min(lengths, default=0) < 1:
        needs = f"lengths >= 1 whose sum is {n}, and not {tuple(lengths)}"
        raise DomainError("node", call.name, f"SplitToSequence needs {needs}")
    kept = None if given is not None or call.integer("keepdims", 1) else [d for d in range(len(sizes)) if d != axis]
    items = []
    for number, (start, stop) in enumerate(pairwise([0, *accumulate(lengths)])):
        label = str(number) if kept is None else f"{number}/slice"
        item = call.emit(Slice(axis, start, stop), call.value(), label=label)
        items.append(item if kept is None else call.emit(moved(sizes, kept), item, label=str(number)))
    return _of(items)


@handles("ConcatFromSequence")
def _concat(call: Call) -> Value:
    """One after the other along a dimension, or along a new one."""
    items, new = _items(call), call.integer("new_axis", 0)
    if not items:
        raise DomainError("node", call.name, "ConcatFromSequence needs a sequence that holds something")
    call.take_steps(len(items) if new else len(items) // LISTED)
    axis, rank = call.integer("axis"), len(call.sizes_of(items[0]))
    return stacked(call, items, axis) if new else call.emit(Concat(call.dimension(axis, rank)), *items)


@handles("SequenceMap")
def _map(call: Call) -> list[Value | None]:
    """A graph for every element; tensors beside the sequences are the same each time."""
    body, inputs = call.graph("body"), call.values()
    count, names = len(_items(call)), [info.name for info in body.input]
    if len(names) != len(inputs) or any(one.items is not None and len(one.items) != count for one in inputs):
        raise DomainError("node", call.name, f"SequenceMap needs sequences of {count}, and a body that takes them all")
    call.take_steps(count * nodes_in(body))
    rows = []
    for number in range(count):
        given = [one if one.items is None else one.items[number] for one in inputs]
        rows.append(call.run(body, dict(zip(names, given, strict=True)), f"{number}/"))
    return [_of([row[place] for row in rows]) for place in range(len(body.output))]
