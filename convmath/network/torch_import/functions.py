"""Functions with gradients of their own while a module is read: those of ``torch.autograd.Function``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeAlias

import torch
from torch.autograd.function import _SingleLevelFunction
from torch.utils.checkpoint import CheckpointFunction

from ..operators import Identity, Unknown
from ..sizes.trail import RECORDER
from . import calls
from .builder import Builder
from .values import Value, mapped

Apply: TypeAlias = Callable[..., Any]
"""What runs the forward of a function on its arguments, without gradients."""


@contextmanager
def functions_of(builder: Builder, called: Callable[[type, Apply, tuple[Any, ...]], Any]) -> Iterator[None]:
    """Every call of a function goes another way while a builder's module is read, by whatever name it is called.

    Args:
        builder: whose reading it is.
        called: gives the result, of the function, torch's way to run it, and the arguments.
    """

    def apply(function: type, *args: Any) -> Any:
        original = super(_SingleLevelFunction, function).apply
        reads = RECORDER.get() is builder.recorder and not builder.suspended
        return called(function, original, args) if reads else original(*args)

    before = vars(_SingleLevelFunction).get("apply")
    _SingleLevelFunction.apply = classmethod(apply)  # torch's own finds it before that in C
    try:
        yield
    finally:
        if before is None:
            del _SingleLevelFunction.apply
        else:
            _SingleLevelFunction.apply = before


@contextmanager
def noted(builder: Builder) -> Iterator[None]:
    """Take all that a builder reads after it for part of the functions that are called, if any is."""
    found: dict[str, None] = {}

    def called(function: type, original: Apply, args: tuple[Any, ...]) -> Any:
        if function is not CheckpointFunction:
            found[function.__name__] = None
        return original(*args)

    with functions_of(builder, called):
        yield
    builder.custom = ", ".join(found)


class Functions:
    """Reads what functions compute."""

    def __init__(self, builder: Builder, value: Callable[[Any], Any], proxies: Callable[[Any], Any]) -> None:
        """For a reading.

        Args:
            builder: what is read goes there.
            value: the value for which a proxy stands; anything else as it is.
            proxies: the proxies of values.
        """
        self.builder, self.value, self.proxies = builder, value, proxies

    def __call__(self, function: type, original: Apply, args: tuple[Any, ...]) -> Any:
        """The result of a function; a checkpoint has the gradients of what it runs, if it is given any that learns."""
        builder = self.builder
        given = [one for one in map(self.value, args) if isinstance(one, Value)]
        learns = any(one.learns for one in given)
        if function is CheckpointFunction:
            with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
                return args[0](*args[2:])
        if builder.custom or not learns or calls.stops_gradients(builder):
            return original(*args)
        mark, builder.custom = len(builder.steps), function.__name__
        try:
            return mapped(original(*args), partial(self._result, given, mark))
        finally:
            builder.custom = ""

    def _result(self, given: list[Value], mark: int, item: Any) -> Any:
        """One of its results: a step from ``mark`` on, through which gradients go back to what it is given."""
        made, name = self.value(item), self.builder.custom
        if not isinstance(made, Value) or not (made.dtype.is_floating_point or made.dtype.is_complex):
            return item
        if not made.trained:
            unknown = Unknown(name, "its result does not come of what it is given", made.sizes, 0)
            return self.proxies(self.builder.emit(unknown, made, *given, label=name))
        if made.detached or made.step is None or made.step < mark:
            return self.proxies(self.builder.emit(Identity(name), made, label=name))
        return item
