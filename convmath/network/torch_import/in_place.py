"""What is written in place: it is the result from then on, and the other views of its memory are unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from ...errors import DomainError
from ..operators import Identity, Unknown
from ..placement import IN_PLACE, USUAL
from ..sizes.in_operators import numbers
from . import calls
from .memory_layout import MAY_COPY
from .registry import BROADCASTS, POINTWISE, VIEWS, RefusedError
from .values import Step, Value, values_in

if TYPE_CHECKING:
    from .builder import Builder

CAST = Identity("cast")
"""A copy as another type; as its own type a tensor is itself."""


class Writing:
    """Follows what the calls of a builder write in place."""

    def __init__(self, builder: Builder) -> None:
        """Nothing is written yet."""
        self._builder = builder

    def seen(self, value: Value) -> Value:
        """A value before it is read: unknown where it was written into by way of another view."""
        if value.changes != value.storage.changes:
            value.changes, value.integers = value.storage.changes, None
        if value.version != value.storage.version:
            value.version = value.storage.version
            reason = "a part of its memory was written in place by another name"
            unknown = Unknown("written_in_place", reason, value.sizes)
            value.step = self._builder.emit(unknown, value, label="written_in_place").step
            value.constant = value.constant and value.storage.constant
        return value

    def written(self, name: str, args: tuple[Any, ...], result: Any) -> Any:
        """The value that is written into: it is the result from now on.

        Raises:
            DomainError: the result has other sizes.
        """
        target = args[0]
        if not isinstance(target, Value) or not isinstance(result, Value):
            return result
        if name in BROADCASTS or name in POINTWISE:
            self._require(require_type, name, target, result)
        if name in BROADCASTS:
            self._require(require_room, name, target, result)
        elif name in POINTWISE and name not in VIEWS:
            self._require(require_apart, name, target)
        if name not in POINTWISE:
            target.storage.version += 1
            target.version = target.storage.version
        target.storage.changes += 1
        target.storage.constant = target.storage.constant and result.constant
        target.changes = target.storage.changes
        kept = calls.stops_gradients(self._builder)
        if result.step is not None:
            step = self._builder.steps[result.step]
            if result.dtype is not target.dtype:
                step.placement = self._builder.placed(target.dtype)
            if target.step in step.inputs[:1]:
                self._shares(result.step, shares=True)
            if kept and target.learns:
                self._keep_gradient(target, step)
        target.step, target.sizes, target.constant = result.step, result.sizes, result.constant and target.constant
        if name != "setitem":
            target.strides, target.strided = result.strides, result.strided
        target.integers = result.integers if result.dtype is target.dtype else None
        if not kept:
            target.detached, target.trained = result.detached, result.trained
        if result.step is None:
            target.source, target.name = result.source, result.name
        return target

    def _keep_gradient(self, target: Value, step: Step) -> None:
        """What is written without gradients leaves those of the tensor as they are."""
        if target.step in step.inputs[:1]:
            step.cut = step.cut[1:]
        else:
            step.learned, step.frozen = True, ""

    def shared(self, name: str, args: tuple[Any, ...], result: Any) -> Any:
        """The result of a call, in the memory of its first argument where it is a view of that."""
        if name in VIEWS and args and isinstance(args[0], Value):
            for value in values_in(result):
                if value.step not in (None, args[0].step) and self._builder.steps[value.step].operator == CAST:
                    continue
                value.storage, value.version, value.changes = args[0].storage, args[0].version, args[0].changes
                if name in MAY_COPY and args[0].strides is not None and value.step not in (None, args[0].step):
                    self._shares(value.step, shares=self._builder.checks.fits(args[0], value))
        return result

    def _shares(self, number: Any, *, shares: bool) -> None:
        """Note whether the result of a step lies in the memory of its first input."""
        step = self._builder.steps[number]
        usual = shares and step.placement is USUAL
        step.placement = IN_PLACE if usual else replace(step.placement, shares=shares)

    def _require(self, what: Callable[..., None], name: str, *values: Value) -> None:
        try:
            what(*values)
        except DomainError as error:
            self._builder.recorder.stray()
            raise DomainError("node", self._builder.name(name), str(error)) from error


def require_room(target: Value, result: Value) -> None:
    """Require a result to have the sizes of what it is written into, whose elements are apart in memory.

    Raises:
        RefusedError: it has others.
    """
    if target.sizes is None or result.sizes is None:
        return
    require_apart(target)
    own, wanted = numbers(target.sizes), numbers(result.sizes)
    if own != wanted or any(n == 1 and target.compared(d) != result.compared(d) for d, n in enumerate(own)):
        raise RefusedError("sizes", own, f"they stay as they are, and are not stretched to {wanted}")


def require_type(target: Value, result: Value) -> None:
    """Require a result to be of a type that goes into that of what it is written into.

    Raises:
        RefusedError: it is of another.
    """
    if result.sizes is not None and not torch.can_cast(result.dtype, target.dtype):
        needs = f"it holds no {result.dtype}: needs x.to({result.dtype}) before it, or no writing in place"
        raise RefusedError("dtype", target.dtype, needs)


def require_apart(target: Value) -> None:
    """Require what is written into to have a place in memory for each of its elements.

    Raises:
        RefusedError: it was stretched.
    """
    own = numbers(target.sizes or ())
    if target.strides and any(n > 1 and not stride for n, stride in zip(own, target.strides, strict=True)):
        raise RefusedError("sizes", own, "some of its elements are one in memory, as expand makes them: clone it first")
