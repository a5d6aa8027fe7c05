"""What stands for something else passes for it while a module is read: proxies for tensors, sizes for ints.

A proxy cannot claim to be a tensor by itself: torch's own code in C would believe it and look for its memory. A size
claims to be an int, and one of torch's ``SymInt``, which its code in C takes without asking for the number. The casts
of a file take sizes with their terms: see :mod:`~convmath.network.torch_import.casts`.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import getattr_static, unwrap
from types import FunctionType, UnionType
from typing import Any, Union, get_args, get_origin

import torch

from ..sizes.size import Quotient, Size
from .casts import casts_for, related


class _Integer(int, torch.SymInt):  # type: ignore[misc]
    """What sizes pass for."""


class _Float(float, torch.SymFloat):  # type: ignore[misc]
    """What quotients of sizes pass for."""


PASSED_FOR = (_Integer, _Float)
"""The classes that sizes and their quotients pass for."""


_PLAIN: dict[type, type] = {Size: int, Quotient: float}
"""What a network's own code takes sizes and their quotients for, and no ``SymInt``."""


class Passing:
    """Lets the proxies of one kind pass for tensors, and sizes through the casts of a network's own files.

    Attributes: proxy: their class. casts: whether casts keep the terms of sizes.
    """

    def __init__(self, proxy: type, *, casts: bool) -> None:
        """Nothing is changed yet."""
        self.proxy, self.casts = proxy, casts
        self._changed: list[tuple[dict[str, Any], str]] = []
        self._entered: set[type] = set()

    @contextmanager
    def on(self) -> Iterator[None]:
        """``torch.is_tensor`` and the buffers of modules take proxies; what changes is changed back at the end."""
        is_tensor, set_attribute = torch.is_tensor, torch.nn.Module.__setattr__

        def set_buffer(module: Any, name: str, value: Any) -> None:
            if type(value) is self.proxy and name in vars(module).get("_buffers", ()):
                vars(module)["_buffers"][name] = value
            else:
                set_attribute(module, name, value)

        torch.is_tensor = lambda item: type(item) is self.proxy or is_tensor(item)
        torch.nn.Module.__setattr__ = set_buffer
        try:
            yield
        finally:
            torch.is_tensor, torch.nn.Module.__setattr__ = is_tensor, set_attribute
            for names, name in self._changed:
                names.pop(name, None)
            self._changed.clear()
            self._entered.clear()

    def enter(self, module: Any) -> None:
        """``isinstance`` takes proxies in the file in which the forward of a module is written, and casts sizes."""
        if type(module) in self._entered:
            return
        self._entered.add(type(module))
        forward = unwrap(getattr_static(type(module), "forward", None))
        if not isinstance(forward, FunctionType) or _is_torchs(forward.__globals__):
            return
        self._put(forward.__globals__, "isinstance", self._isinstance)
        for function in (forward, *related(forward)) if self.casts else ():
            for name, cast in casts_for(function).items():
                self._put(function.__globals__, name, cast)

    def _put(self, names: dict[str, Any], name: str, item: Any) -> None:
        if name not in names:
            self._changed.append((names, name))
            names[name] = item

    def _isinstance(self, item: Any, kinds: Any) -> bool:
        if type(item) in _PLAIN:
            return issubclass(_PLAIN[type(item)], kinds)
        return builtins.isinstance(item, kinds) or (type(item) is self.proxy and _has_tensor(kinds))


def _is_torchs(names: dict[str, Any]) -> bool:
    return str(names.get("__name__", "torch")).partition(".")[0] == "torch"


def _has_tensor(kinds: Any) -> bool:
    """Whether tensors are among the classes that are asked about."""
    if get_origin(kinds) in (Union, UnionType):
        kinds = get_args(kinds)
    return any(map(_has_tensor, kinds)) if isinstance(kinds, tuple) else kinds is torch.Tensor
