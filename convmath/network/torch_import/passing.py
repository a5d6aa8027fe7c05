"""Code that asks whether a proxy is a tensor is told so, while a module is read.

A proxy cannot claim to be a tensor by itself: torch's own code in C would believe it and look for its memory.
"""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import getattr_static
from types import UnionType
from typing import Any, Union, get_args, get_origin

import torch


class Passing:
    """Lets the proxies of one kind pass for tensors.

    Attributes: proxy: their class.
    """

    def __init__(self, proxy: type) -> None:
        """Nothing is changed yet."""
        self.proxy = proxy
        self._changed: dict[int, dict[str, Any]] = {}
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
            for names in self._changed.values():
                del names["isinstance"]
            self._changed.clear()
            self._entered.clear()

    def enter(self, module: Any) -> None:
        """``isinstance`` takes proxies in the file in which the forward of a module is written."""
        if type(module) in self._entered:
            return
        self._entered.add(type(module))
        forward = getattr_static(type(module), "forward", None)
        names: dict[str, Any] = getattr(getattr(forward, "__wrapped__", forward), "__globals__", {})
        own = str(names.get("__name__", "torch")).partition(".")[0] == "torch"
        if not own and "isinstance" not in names:
            self._changed[id(names)] = names
            names["isinstance"] = self._isinstance

    def _isinstance(self, item: Any, kinds: Any) -> bool:
        return builtins.isinstance(item, kinds) or (type(item) is self.proxy and _has_tensor(kinds))


def _has_tensor(kinds: Any) -> bool:
    """Whether tensors are among the classes that are asked about."""
    if get_origin(kinds) in (Union, UnionType):
        kinds = get_args(kinds)
    return any(map(_has_tensor, kinds)) if isinstance(kinds, tuple) else kinds is torch.Tensor
