"""The inputs of a forward by name, and how it takes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from inspect import Parameter, signature
from itertools import takewhile
from typing import Any

import torch

from ...errors import UnsupportedError


def unwrapped(module: Any) -> Any:
    """The module that a compiled one was made from, or that one on several devices copies.

    Raises:
        UnsupportedError: it is a script.
    """
    around = (torch.nn.DataParallel, torch.nn.parallel.DistributedDataParallel)
    while not isinstance(module, torch.jit.ScriptModule):
        name = "module" if isinstance(module, around) else "_orig_mod"
        if module._modules.get(name) is None:
            return module
        module = module._modules[name]
    name = getattr(module, "original_name", type(module).__name__)
    raise UnsupportedError(
        f"{name} is compiled by torch.jit, which leaves no forward to follow: pass the module it was made from"
    )


class Arguments:
    """What a forward takes.

    Attributes:
        names: its parameters, without those that stand for any number of arguments.
        rest: the name of the one that takes all other positional arguments; empty if there is none.
        open: whether it takes arguments of any name.
    """

    def __init__(self, module: Any) -> None:
        """The parameters of the forward of a module.

        Raises:
            UnsupportedError: they cannot be known, as of one that is built into Python.
        """
        try:
            self._found = list(signature(module.forward).parameters.values())
        except (TypeError, ValueError) as error:
            name = type(module).__name__
            raise UnsupportedError(f"the forward of {name} says nothing of its parameters: {error}") from None
        several = {one.kind: one.name for one in self._found if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}
        self.names = [one.name for one in self._found if one.name not in several.values()]
        self.rest = several.get(Parameter.VAR_POSITIONAL, "")
        self.open = Parameter.VAR_KEYWORD in several

    def has(self, name: str) -> bool:
        """Whether an input may have this name: of those that have none the number, as ``"xs.0"``."""
        base, dot, number = name.partition(".")
        return name in self.names or self.open or bool(dot and base == self.rest and number.isdecimal())

    def first(self, count: int) -> list[str]:
        """The names of so many inputs in order, or of fewer, if it takes fewer."""
        own = [one.name for one in self._found if one.kind != one.KEYWORD_ONLY and one.name in self.names]
        if self.rest:
            return [*own, *(f"{self.rest}.{number}" for number in range(count - len(own)))][:count]
        return self.names[:count]

    def lacking(self, given: Collection[str]) -> list[str]:
        """The parameters that need an argument and are given none."""
        return [
            one.name
            for one in self._found
            if one.name in self.names and one.default is one.empty and one.name not in given
        ]

    def bound(self, given: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """How to pass arguments that are given by name: by position as long as none lacks, and the rest by name."""
        numbered = [name for name in given if self.rest and name.startswith(f"{self.rest}.")]
        before = [one for one in self._found if one.name in self.names and one.kind != one.KEYWORD_ONLY]
        if not numbered:
            before = list(takewhile(lambda one: one.name in given, before))
        args = [given.get(one.name, one.default) for one in before]
        args += [given[name] for name in sorted(numbered, key=lambda name: int(name.partition(".")[2]))]
        taken = {*numbered, *(one.name for one in before)}
        return tuple(args), {name: value for name, value in given.items() if name not in taken}
