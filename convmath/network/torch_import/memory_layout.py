"""What torch itself says of calls that are understood: whether it takes them, and how their results lie in memory.

Of most calls torch is not asked. How views lie is computed. It is asked of other calls of tensors that lie in memory
otherwise than usual, as it makes a view only of those whose elements follow each other; and of every call, if all is to
be verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING, Any

import torch
from torch._prims_common import suggest_memory_format

from ..operators import Flatten, Operator, Reshape
from ..sizes.in_operators import identical, numbers, sizes_of_node
from ..sizes.number import look, number_of
from ..strides import Strides, viewed
from . import framework
from .framework import Answer
from .registry import CONTIGUOUS, POINTWISE, STRIDED, VIEWS, NotUnderstoodError, RefusedError
from .strides import Strided, after, copied, row_major, without_ones
from .values import NOT_KNOWN, Value, found_in, mapped, values_in

if TYPE_CHECKING:
    from .builder import Builder

_ONLY_VIEWS = ("view", "view_as")
"""Those that torch takes only where no element has to move."""

MAY_COPY = ("reshape", "reshape_as", "flatten", "ravel", "_unsafe_view")
"""Those that move elements where they have to, and else make a view."""

_JOINS = ("cat", "concat", "concatenate")
"""Those whose results lie as usual if they have other than 4 or 5 dimensions, however what is joined lies."""

_KEEPS = ("to", "float", "double", "half", "bfloat16", "clone", "detach", "data", "alias", "requires_grad")
"""Those whose result lies as their tensor does, if nothing lies between its elements, and no order is given."""

_AS_FIRST = ("add", "sub", "subtract", "mul", "multiply", "div", "divide", "true_divide", "truediv")
"""Those of two tensors whose result lies as the first does that has its sizes, if nothing lies between its elements."""

_ONES = ("getitem", "select", "unbind", "squeeze", "unsqueeze")
"""Those that take away, or add, dimensions of size 1."""

_COMPUTED = {
    *(*_ONLY_VIEWS, *MAY_COPY, *_ONES, "unflatten", "expand", "broadcast_to", "expand_as", "narrow", "slice"),
    *("permute", "transpose", "swapaxes", "swapdims", "mT", "mH", "adjoint", "t", "H", "T", "movedim", "moveaxis"),
    *("split", "split_with_sizes", "unsafe_split", "functional.split", "chunk", "unsafe_chunk", "tensor_split"),
}
"""Views whose strides are computed from the operators that they become."""


_CHANNELS_LAST = {4: (torch.channels_last,), 5: (torch.channels_last_3d,)}

_BATCH_NORM = ("functional.batch_norm", "batch_norm")
"""Those whose results lie otherwise than torch says without elements."""


class Checks:
    """Asks torch about the calls of a builder.

    Attributes:
        layouts: whether it matters how tensors lie; it does not where torch has run the calls already.
    """

    def __init__(self, builder: Builder, *, every: bool) -> None:
        """Nothing is asked yet.

        Args:
            builder: whose calls.
            every: whether torch is asked about every call.
        """
        self.layouts = True
        self._builder, self._every = builder, every
        self._unusual = False
        self._answers: dict[str, Answer | None] = {}

    def note_strides(self, value: Value, strides: Strides | None, strided: Strided | None = None) -> Value:
        """Note how a value lies, at other sizes, too, where that is known; where it matters."""
        if self.layouts and strides is not None:
            value.strides, value.strided, self._unusual = strides, strided, True
        return value

    def note_as(self, value: Value, tensor: Any) -> Value:
        """Note that a value lies as a tensor that is there already, while nothing is recorded."""
        if tensor.layout is not torch.strided or tensor.is_contiguous():
            return value
        fixed = Strided(tuple(tensor.shape), tensor.stride()) if value.source is tensor else None
        return self.note_strides(value, tensor.stride(), fixed)

    def fits(self, x: Value, result: Value) -> bool:
        """Whether a tensor of other sizes lies in the memory of one, as far as that is known."""
        if not x.strides or x.sizes is None or result.sizes is None:
            return False
        return viewed(numbers(x.sizes), x.strides, numbers(result.sizes)) is not None

    def difference(
        self, name: str, result: Any, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> str:
        """What torch says otherwise of a call that is understood, in words; how its results lie is noted there.

        Raises:
            RefusedError: it is a view that torch cannot make of a tensor that lies so.
            NotUnderstoodError: whether torch can is not known.
        """
        matters = self.layouts and self._matters(name, args, kwargs)
        made = values_in(result) if matters or self._every else []
        if not made:
            return ""
        computed = matters and name in _COMPUTED and self._compute(name, args, made)
        if computed and not self._every:
            return ""
        x = args[0] if name in _ONLY_VIEWS and args[0].strides is not None and not computed else None
        if x is not None:
            look(x.carried)  # at other sizes it may be refused, or not
            args = (_apart(x), *args[1:])
        answer = self._answer(name, function, args, kwargs)
        ours = [value.sizes and numbers(value.sizes) for value in made]
        if answer is not None and answer.refusal:
            if x is not None:
                raise _refused(x, ours[0])
            return f"the formulas give {ours}, torch refuses: {answer.refusal}"
        tensors = [] if answer is None else found_in(answer.result, torch.Tensor)
        told = [tuple(tensor.shape) for tensor in tensors]
        if told and told != ours:
            return f"the formulas give {ours}, torch gives {told}"
        if not computed and (matters or not (name in CONTIGUOUS or name in _JOINS)):
            read = values_in((args, kwargs))
            if not tensors or _goes_by_kernel(name, args, kwargs, read):
                tensors = [None] * len(made)
            with framework.suspended(self._builder):
                if name in _BATCH_NORM and args[0].strides != NOT_KNOWN:
                    tensors = [_normed(args[0])]
                chosen = _chosen(name, args, kwargs)
                self._note(name, made, tensors, read, matters, chosen=chosen)
        return ""

    def _matters(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        """Whether the results may lie otherwise than usual."""
        chosen = _chosen(name, args, kwargs)
        if chosen or name in CONTIGUOUS or name in STRIDED:
            return chosen or name in STRIDED
        if not self._unusual:
            return False
        read = values_in((args, kwargs))
        if name in _JOINS and read and len(read[0].sizes or ()) not in (0, 4, 5):  # for others there are orders
            return False
        return any(value.strides is not None for value in read)

    # What is computed

    def _compute(self, name: str, args: tuple[Any, ...], made: list[Value]) -> bool:
        """Note how views lie, without asking torch; whether that is known of all of them.

        Raises:
            RefusedError: torch makes no such view.
        """
        x = args[0]
        if not isinstance(x, Value) or (name == "getitem" and _mixes(args[1:])):
            return False
        if x.strides == NOT_KNOWN:
            if name in _ONLY_VIEWS:
                return False
            for value in made:
                self.note_strides(value, NOT_KNOWN)
            return True
        found = []
        for value in made:
            if value is not x:
                path = self._path(x, value)
                if path is None:
                    return False
                strides, strided = self._follow(name, x, path)
                if strides is None and name in _ONES:  # which dimension went is not known
                    return False
                found.append((value, strides, strided))
        for value, strides, strided in found:
            if strides is None:
                raise _refused(x, numbers(value.sizes or ()))
            if name in _ONLY_VIEWS and (strided is None or not strided.hold()):
                look(x.carried)  # at other sizes it may be refused, or not
                strided = None
            if strides and not (strided and _is_row_major(strided)):
                self.note_strides(value, strides, strided)
        return True

    def _path(self, x: Value, value: Value) -> list[tuple[Operator, tuple[Any, ...]]] | None:
        """The operators that make a value of another one, each with the sizes that it gives; None if others do, too."""
        if value.step is None:
            later = value.source if isinstance(value.source, tuple) else (None, ())
            return [(later[0], value.sizes or ())] if later[1] == (x,) else None
        steps, sizes, number, found = self._builder.steps, numbers(x.sizes or ()), value.step, []
        while number != x.step:
            if len(steps[number].inputs) != 1:
                return None
            found.append(number)
            number = steps[number].inputs[0]
        path = []
        for number in reversed(found):
            sizes = steps[number].operator.sizes(sizes)
            path.append((steps[number].traced or steps[number].operator, sizes_of_node(number, sizes)))
        return path

    def _follow(
        self, name: str, x: Value, path: list[tuple[Operator, tuple[Any, ...]]]
    ) -> tuple[Strides | None, Strided | None]:
        """The strides of a view to the last number, None where torch makes none; and how it lies at other sizes."""
        own = (x.sizes or ()) if x.step is None else sizes_of_node(x.step, x.sizes or ())
        strided: Strided | None = row_major(own) if x.strides is None else x.strided
        strides: Strides | None = x.strides or row_major(numbers(own)).strides
        for operator, sizes in path:
            if isinstance(operator, Reshape | Flatten) and name not in _ONES:
                found = None if strides is None else viewed(numbers(own), strides, numbers(sizes))
                if found is None and name in MAY_COPY:
                    strides, strided = row_major(numbers(sizes)).strides, strided and copied(strided, sizes)
                    own = sizes
                    continue
                strides = found
            else:
                exact = None if strides is None else _after(name, operator, Strided(own, strides), own, sizes)
                strides = numbers(exact.strides) if exact else None
            strided = strided and _after(name, operator, strided, own, sizes)
            own = sizes
        return strides, strided

    # What torch is asked

    def _answer(self, name: str, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Answer | None:
        """As :func:`framework.ask`; the same call is asked about once."""
        key = repr((name, getattr(function, "__name__", ""), mapped((args, dict(kwargs)), _described)))
        if key not in self._answers:
            answer = None
            if name in VIEWS:
                answer = framework.ask(self._builder, function, args, kwargs, computes=False)
            self._answers[key] = answer or framework.ask(self._builder, function, args, kwargs)
        return self._answers[key]

    def _note(
        self, name: str, made: list[Value], tensors: list[Any], read: list[Value], matters: bool, *, chosen: bool
    ) -> None:
        """How the results of a call lie.

        What is computed anew and lies as usual does so at all sizes, unless a size of 1 hides in which order the
        elements that it is computed of lie.
        """
        known = all(value.strides != NOT_KNOWN for value in read)
        hidden = any(value.strides is not None and 1 in numbers(value.sizes or ())[1:] for value in read)
        anew = not hidden and name not in STRIDED and name not in VIEWS
        for value, tensor in zip(made, tensors, strict=True):
            if any(value is one for one in read):
                continue
            if not known or (tensor is None and matters):
                self.note_strides(value, NOT_KNOWN)
            elif tensor is not None and (not tensor.is_contiguous() or (matters and not anew)):
                follows = len(read) == 1 and (name in POINTWISE or (name in _KEEPS and not chosen))
                follows = follows or (name in _AS_FIRST and numbers(read[0].sizes or ()) == numbers(value.sizes or ()))
                x = read[0] if follows else None
                kept = x is not None and x.strides == tensor.stride() and x.strided is not None and x.strided.dense
                self.note_strides(value, tensor.stride(), x.strided if x is not None and kept else None)


def _chosen(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
    """Whether the order in which its result lies is given to a call."""
    given = torch.memory_format in map(type, args) or "memory_format" in kwargs
    return given or (name == "contiguous" and len(args) > 1)


def _goes_by_kernel(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], read: list[Value]) -> bool:
    """Whether results may lie in another way than torch says without elements, of tensors that lie so."""
    unusual = [value.strides for value in read if value.strides]
    if not unusual:
        return False
    if name == "getitem":
        return any(isinstance(one, list) for one in (args[1] if isinstance(args[1], tuple) else args[1:]))
    modes = {item for item in (*args[1:], *kwargs.values()) if isinstance(item, str)}
    if name not in ("roll", "channel_shuffle") and not (name == "pad" and modes - {"constant"}):
        return False
    return any(len(strides) in (4, 5) and strides[1] == min(strides) for strides in unusual)  # channels last


def _normed(x: Value) -> Any:
    """As batch norm of a tensor lies: the channels last where they are in that, and else as usual."""
    sizes = numbers(x.sizes or ())
    own = torch.empty_strided(sizes, x.strides or row_major(sizes).strides, device="meta")
    formats = [torch.contiguous_format, *_CHANNELS_LAST.get(len(sizes), ())]
    order = next((one for one in formats if own.is_contiguous(memory_format=one)), suggest_memory_format(own))
    return torch.empty_like(own, memory_format=order)


def _mixes(index: tuple[Any, ...]) -> bool:
    """Whether an index chooses elements one by one, or adds dimensions and does more than that."""
    entries = index[0] if index and isinstance(index[0], tuple) else index
    more = any(entry not in (None, Ellipsis) and entry != slice(None) for entry in entries)
    return any(isinstance(entry, list) or (entry is None and more) for entry in entries)


def _after(
    name: str, operator: Operator, strided: Strided, before: tuple[Any, ...], sizes: tuple[Any, ...]
) -> Strided | None:
    """As :func:`after`, where dimensions of size 1 come and go by themselves, too."""
    if isinstance(operator, Reshape) and name in _ONES:
        return without_ones(strided, before, operator.shape)
    return after(operator, strided, sizes)


def _is_row_major(strided: Strided) -> bool:
    free = not strided.equations and not strided.copies
    return free and identical(strided.strides, row_major(strided.sizes).strides)


def _described(item: Any) -> Any:
    known = isinstance(item, Value)
    return (item.sizes and numbers(item.sizes), item.strides, item.dtype) if known else number_of(item)


def _apart(x: Value) -> Value:
    """The same, with gaps between all elements where it is not known how it lies: every view of it is one of all."""
    if x.strides != NOT_KNOWN:
        return x
    sizes = numbers(x.sizes or ())
    gaps = accumulate((n + 1 for n in sizes[:0:-1]), mul, initial=2)
    return replace(x, strides=tuple(gaps)[::-1])


def _refused(x: Value, sizes: Any) -> Exception:
    """Why torch does not make a view of other sizes."""
    if x.strides == NOT_KNOWN:
        return NotUnderstoodError(
            "whether torch can make this view depends on how its input lies in memory, which is not known; "
            "it takes reshape in place of view, or contiguous before it, in any case"
        )
    why = f"the elements of {numbers(x.sizes or ())} lie with strides {x.strides}, and would have to move"
    return RefusedError("view", sizes, f"{why}: needs reshape in place of view, or contiguous before it")
