"""Tensors while a network is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from ..computed_sizes import look, numbers, sizes_of_node
from ..operators import Operator, Sizes
from ..origin import Call, Origin
from ..trail import RECORDER
from .registry import NotUnderstoodError, RefusedError, UntraceableError

Torch: TypeAlias = Any
"""A tensor, a dtype or a function of torch."""


class Storage:
    """The memory that a tensor and its views share; ``version`` counts what was written into it in place."""

    __slots__ = ("version",)

    def __init__(self) -> None:
        """Nothing is written yet."""
        self.version = 0


@dataclass(slots=True, eq=False)
class Value:
    """A tensor while the network is read.

    Attributes:
        sizes: its sizes; None if unknown.
        dtype: its type.
        step: the number of the step that makes it; None while no step has asked for it.
        constant: whether it depends on no input.
        source: while ``step`` is None: the parameter or constant that it is, or the operator and inputs that make it.
        name: the name of a parameter or constant.
        storage: what it shares with its views.
        version: the writes into ``storage`` that it has seen.
    """

    sizes: Sizes | None
    dtype: Torch
    step: int | None = None
    constant: bool = False
    source: Any = None
    name: str = ""
    storage: Storage = field(default_factory=Storage)
    version: int = 0

    @property
    def carried(self) -> Sizes:
        """The sizes with their terms, for what keeps the terms, and decides by sizes only by comparing them.

        Raises:
            NotUnderstoodError: they are unknown.
        """
        if self.sizes is None:
            raise NotUnderstoodError("the sizes of its input are unknown")
        note = RECORDER.get()
        if self.step is None or note is None:
            return self.sizes
        note.told = True
        return sizes_of_node(self.step, self.sizes)

    @property
    def known(self) -> Sizes:
        """The sizes with their terms, for what may lose the terms.

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
        return self.known if self.asked_rank else ()

    @property
    def asked_rank(self) -> int:
        """The number of dimensions, where the forward itself asks for it; it tells nothing of the sizes.

        Raises:
            UntraceableError: it is unknown.
        """
        if self.sizes is None:
            raise UntraceableError("it asks for the sizes of what comes from an operation that is not understood")
        return len(self.sizes)

    def asked_of(self, dimension: int) -> Any:
        """One of the sizes, where the forward itself asks for it."""
        size = self.carried[dimension % self.asked_rank]
        look((size,))
        return size

    @property
    def rank(self) -> int:
        """The number of dimensions.

        Raises:
            NotUnderstoodError: it is unknown.
        """
        if self.sizes is None:
            raise NotUnderstoodError("the sizes of its input are unknown")
        return len(self.sizes)


def require_room(target: Value, result: Value) -> None:
    """Require a result to have the sizes of what it is written into, which is not stretched.

    Raises:
        RefusedError: it has others.
    """
    if target.sizes is None or result.sizes is None:
        return
    own, wanted = numbers(target.sizes), numbers(result.sizes)
    if own != wanted or any(n == 1 and a != b for n, a, b in zip(own, target.carried, result.carried, strict=True)):
        raise RefusedError("sizes", own, f"they stay as they are, and are not stretched to {wanted}")


@dataclass(slots=True)
class Step:
    """A node that is still without its final name; ``traced`` is its operator with the terms of sizes, if any."""

    name: str
    operator: Operator
    inputs: tuple[int, ...]
    params: int
    constant: bool
    origin: Origin | None = None
    call: Call | None = None
    traced: Operator | None = None


def values_in(arguments: Any) -> list[Value]:
    """The values in nested lists, tuples, slices and dictionaries, in order."""
    found: list[Value] = []
    waiting = [arguments]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Value):
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
    if isinstance(arguments, tuple):
        parts = (mapped(item, change) for item in arguments)
        return type(arguments)(*parts) if hasattr(arguments, "_fields") else tuple(parts)
    if isinstance(arguments, list):
        return [mapped(item, change) for item in arguments]
    if isinstance(arguments, dict):
        return {key: mapped(item, change) for key, item in arguments.items()}
    if isinstance(arguments, slice):
        return slice(*(mapped(item, change) for item in (arguments.start, arguments.stop, arguments.step)))
    return change(arguments)
