"""Tensors while a network is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from operator import is_
from typing import Any, Literal, TypeAlias, TypeVar

import torch

from ..operators import Operator, Sizes, Unknown
from ..origin import Call, Origin
from ..placement import USUAL, Placement
from ..sizes.in_operators import size_of_node, sizes_of_node
from ..sizes.number import look
from ..sizes.trail import RECORDER, recorders, stray
from ..strides import Strides
from .integers import Integers
from .registry import NotUnderstoodError, UntraceableError
from .strides import Strided

Torch: TypeAlias = Any
"""A tensor, a dtype or a function of torch."""

T = TypeVar("T")

Frozen: TypeAlias = Literal["", "weights", "all"]

NOT_KNOWN: Strides = ()
"""In place of strides that are not known."""


class Storage:
    """The memory that a tensor and its views share.

    Attributes:
        version: how often something was written into it in place that may come of elements in other places.
        changes: how often anything was written into it.
        constant: whether nothing was that depends on an input.
    """

    __slots__ = ("changes", "constant", "version")

    def __init__(self) -> None:
        """Nothing is written yet."""
        self.version = self.changes = 0
        self.constant = True


@dataclass(slots=True, eq=False)
class Value:
    """A tensor while the network is read.

    Attributes:
        sizes: its sizes; None if unknown.
        dtype: its type.
        step: the number of the step that makes it; None while no step has asked for it.
        constant: whether it depends on no input.
        source: while ``step`` is None: the parameter or constant that it is, or the operator and inputs that make it.
        name: the name of a parameter or constant; where the sizes are unknown, of the operation that leaves them so.
        storage: what it shares with its views.
        version: the writes into ``storage`` that it has seen.
        strides: how it lies in memory at these sizes; None if as usual, one row after the other, at all sizes.
        strided: how it lies at other sizes, too, where ``strides`` are not None; None if that is not known.
        detached: whether no gradient goes back from it, though its type has one.
        trained: whether it is a tensor that training changes, or is computed of some.
        changes: the changes of its elements that it has seen, by whatever name.
        integers: of a constant, what is known of the integers that it holds; None where nothing is.
    """

    sizes: Sizes | None
    dtype: Torch
    step: int | None = None
    constant: bool = False
    source: Any = None
    name: str = ""
    storage: Storage = field(default_factory=Storage)
    version: int = 0
    strides: Strides | None = None
    strided: Strided | None = None
    detached: bool = False
    trained: bool = False
    changes: int = 0
    integers: Integers | None = None

    @property
    def is_cut(self) -> bool:
        """Whether no gradient goes back from it."""
        return self.detached or not (self.dtype.is_floating_point or self.dtype.is_complex)

    @property
    def learns(self) -> bool:
        """Whether training computes a gradient for it, if anything that is returned depends on it."""
        return self.trained and not self.is_cut

    @property
    def carried(self) -> Sizes:
        """The sizes with their terms, for what keeps the terms, and decides by sizes only by comparing them.

        Raises:
            NotUnderstoodError: they are unknown.
        """
        note = RECORDER.get()
        if note is None:
            stray()
        if self.step is None or note is None or note.plain:
            return self._given
        note.handed_out = True
        return sizes_of_node(self.step, self._given)

    def compared(self, dimension: int) -> Any:
        """One of the sizes with its term, of a dimension counted from 0, for what only compares it."""
        size, note = self._given[dimension], RECORDER.get()
        if note is None:
            stray()
        return size if self.step is None or note is None or note.plain else size_of_node(self.step, dimension, size)

    @property
    def _given(self) -> Sizes:
        """The sizes, which are known."""
        if self.sizes is None:
            raise NotUnderstoodError("the sizes of its input are unknown")
        return self.sizes

    @property
    def known(self) -> Sizes:
        """The sizes with their terms, for what may go by their numbers.

        Raises:
            NotUnderstoodError: they are unknown.
        """
        sizes = self.carried
        look(sizes)
        return sizes

    @property
    def asked(self) -> Sizes:
        """The sizes with their terms, where the forward itself asks for them.

        Raises:
            UntraceableError: they are unknown.
        """
        _note_asked()
        return self.carried if self.asked_rank else ()

    @property
    def asked_rank(self) -> int:
        """The number of dimensions, where the forward itself asks for it; it tells nothing of the sizes.

        Raises:
            UntraceableError: it is unknown.
        """
        if self.sizes is None:
            stray()  # whether torch can say them may depend on sizes
            asks = f"it asks for the sizes of what comes from {self.name}, which is not understood"
            how = "compute it by operations that are understood, such as torch.where for a choice of elements"
            advice = f"{how}, or read the parts before and after it one by one"
            raise UntraceableError(f"{asks}, and torch does not say them without elements", advice)
        return len(self.sizes)

    def asked_of(self, dimension: int) -> Any:
        """One of the sizes, where the forward itself asks for it."""
        _note_asked()
        return self.carried[dimension % self.asked_rank]

    @property
    def rank(self) -> int:
        """The number of dimensions.

        Raises:
            NotUnderstoodError: it is unknown.
        """
        return len(self._given)


@dataclass(slots=True)
class Step:
    """A node that is still without its final name; ``traced`` is its operator with the terms of sizes, if any.

    ``cut``, ``frozen``, ``placement``, ``layer``, ``detached`` and ``learned`` are those of the node; ``weights`` are
    computed by these steps.
    """

    name: str
    operator: Operator
    inputs: tuple[int, ...]
    params: int
    constant: bool
    origin: Origin | None = None
    call: Call | None = None
    traced: Operator | None = None
    cut: tuple[int, ...] = ()
    frozen: Frozen = ""
    placement: Placement = USUAL
    layer: str = ""
    weights: tuple[int, ...] = ()
    detached: bool = False
    learned: bool = False

    def add(self, params: int) -> None:
        """Add to its parameters."""
        self.params += params
        if isinstance(self.operator, Unknown):
            self.operator = replace(self.operator, parameters=self.params)


def _note_asked() -> None:
    """Note that the forward asks for sizes."""
    for note in recorders():
        note.asked = True


def cut(inputs: Sequence[Value]) -> tuple[int, ...]:
    """The numbers of the inputs from which no gradient goes back."""
    for value in inputs:
        if value.is_cut:
            return tuple(number for number, one in enumerate(inputs) if one.is_cut)
    return ()


def frozen(weights: Sequence[Value], module: Torch = None) -> Frozen:
    """Which of these weights training leaves as they are: none, those that are more than a vector, or all.

    A weight that a hook of the module makes of another one, of its name and ``_orig``, is trained where that one is.
    """
    learns = [_is_trained(weight, module) for weight in weights]
    if all(learns):
        return ""
    if not any(learns):
        return "all"
    factors = [one for one, weight in zip(learns, weights, strict=True) if len(weight.sizes or ()) > 1]
    return "weights" if factors and not any(factors) else ""


def _is_trained(weight: Value, module: Torch) -> bool:
    own = isinstance(weight.source, torch.Tensor) and not weight.detached
    for name, before in getattr(module, "_parameters", {}).items() if own else ():
        if name.endswith("_orig") and vars(module).get(name.removesuffix("_orig")) is weight.source:
            return bool(before.requires_grad)
    return weight.learns


def trained(step: Step, inputs: Sequence[Value], weights: Sequence[Value]) -> bool:
    """Whether a step depends on tensors that training changes, by ways that are open."""
    own = bool(weights or step.params) or isinstance(step.operator, Unknown)
    if own and step.frozen != "all":
        return True
    passes = step.operator.differentiable or (step.origin is not None and step.origin.custom != "")
    return passes and any(one.trained for number, one in enumerate(inputs) if number not in step.cut)


def values_in(arguments: Any) -> list[Value]:
    """The values in nested lists, tuples, slices and dictionaries, in order."""
    return found_in(arguments, Value)


def found_in(arguments: Any, kind: type[T]) -> list[T]:
    """What is of a type in nested lists, tuples, slices and dictionaries, in order."""
    found: list[T] = []
    waiting = [arguments]
    while waiting:
        item = waiting.pop()
        if isinstance(item, kind):
            found.append(item)
        elif isinstance(item, list | tuple):
            waiting += reversed(item)
        elif isinstance(item, dict):
            waiting += reversed(list(item.values()))
        elif isinstance(item, slice):
            waiting += [item.step, item.stop, item.start]
    return found


def mapped(arguments: Any, change: Callable[[Any], Any]) -> Any:
    """The same nesting of lists, tuples, slices and dictionaries, with everything in it changed."""
    if not isinstance(arguments, _NESTED):
        return change(arguments)
    if isinstance(arguments, tuple):
        parts = [mapped(item, change) if isinstance(item, _NESTED) else change(item) for item in arguments]
        if all(map(is_, parts, arguments)):  # sizes stay what they are
            return arguments
        return type(arguments)(*parts) if hasattr(arguments, "_fields") else tuple(parts)
    if isinstance(arguments, list):
        return [mapped(item, change) for item in arguments]
    if isinstance(arguments, dict):
        return {key: mapped(item, change) for key, item in arguments.items()}
    return slice(*(mapped(item, change) for item in (arguments.start, arguments.stop, arguments.step)))


_NESTED = (tuple, list, dict, slice)
