"""What stands for something else passes for it while a module is read: proxies for tensors, sizes for ints.

A proxy cannot claim to be a tensor by itself: torch's own code in C would believe it and look for its memory. A size
claims to be an int, and one of torch's ``SymInt``, which its code in C takes without asking for the number. Code of
networks is to see neither: in every file that is not torch's, Python's or this library's, the functions that ask what
something is answer as when the network runs. The casts of a file take sizes with their terms: see
:mod:`~convmath.network.torch_import.casts`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from inspect import getattr_static, unwrap
from operator import is_
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch.fx import _symbolic_trace
from torch.nn.modules import transformer

from ..sizes.size import Quotient, Size
from ..sizes.watching import LIBRARIES, has_networks, package_of
from .casts import Standing, casts_for, related
from .registry import UntraceableError


class _Integer(int, torch.SymInt):  # type: ignore[misc]
    """What sizes pass for."""


class _Float(float, torch.SymFloat):  # type: ignore[misc]
    """What quotients of sizes pass for."""


PASSED_FOR = (_Integer, _Float)
"""The classes that sizes and their quotients pass for."""


class _Tracing:
    """In place of torch's note that something is traced: torch's own code is told so, and nobody else."""

    def __bool__(self) -> bool:
        """Whether code of torch asks."""
        frame = sys._getframe(1)
        while frame.f_globals is vars(_symbolic_trace) and frame.f_back is not None:
            frame = frame.f_back
        return package_of(frame.f_globals) == "torch"


STOOD_FOR: dict[type, Callable[[Any], Any]] = {Size: lambda _: 0, Quotient: lambda _: 0.0}
"""For each class that stands for another one what gives something of that one, as a network's own code sees it."""


def stood_for(item: Any) -> Any:
    """Something of the class for which an object stands; itself if it stands for nothing else."""
    of = STOOD_FOR.get(type(item))
    return item if of is None else of(item)


class _Type(Standing):
    """The class of what stands for ``type``."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The class for which its only argument passes; and else a class, as Python makes it."""
        if len(args) == 1 and not kwargs and self.stands:
            return type(stood_for(args[0]))
        return type.__call__(type if self.stands else self, *args, **kwargs)


def _isinstance(item: Any, kinds: Any) -> bool:
    """As for what the object stands for."""
    return isinstance(stood_for(item), kinds)


def _hasattr(item: Any, name: str) -> bool:
    """As of what the object stands for, and what the network's code has given it itself."""
    if type(item) not in STOOD_FOR:
        return hasattr(item, name)
    return hasattr(stood_for(item), name) or name in getattr(item, "given", ())


def _getattr(item: Any, name: str, *default: Any) -> Any:
    """As of what the object stands for."""
    if type(item) not in STOOD_FOR:
        return getattr(item, name, *default)
    if name == "__class__":
        return type(stood_for(item))
    if _hasattr(item, name):
        return getattr(item, name, *default)
    if default:
        return default[0]
    raise AttributeError(f"{type(stood_for(item)).__name__!r} object has no attribute {name!r}")


ANSWERS: Mapping[str, Any] = {
    "isinstance": _isinstance,
    "hasattr": _hasattr,
    "getattr": _getattr,
    "type": _Type("type", (type,), {"__module__": "builtins", "__doc__": type.__doc__}),
}
"""What answers in the files of networks in place of Python's own."""


_MATH: Mapping[str, Any] = {
    name: _symbolic_trace._create_wrapped_func(function)
    for name, function in vars(math).items()
    if callable(function) and not name.startswith("_")
}
"""What torch.fx puts in the place of Python's own functions of numbers, which it would make anew for each reading."""


class _Undecided:
    """Whether a mask is causal, where its elements say it: torch's own layers only pass that on."""

    def __bool__(self) -> bool:
        """Not known."""
        raise UntraceableError(
            "whether a mask is causal is decided by its elements, unless is_causal=True or False is given with it"
        )


def _is_causal(mask: Any, is_causal: bool | None = None, size: int | None = None) -> Any:
    """As torch's transformers ask it of their masks."""
    return _Undecided() if is_causal is None and mask is not None else is_causal is True


@cache
def _is_own(name: object) -> bool:
    """Whether a file of this name may be part of a network."""
    return str(name).partition(".")[0] not in LIBRARIES


class _Files:
    """The names of every file that may be part of a network, of those that are loaded."""

    def __init__(self) -> None:
        self._loaded: dict[Any, Any] = {}
        self._names: list[dict[str, Any]] = []

    def __call__(self) -> list[dict[str, Any]]:
        """Looked for anew where a file has been loaded, or another one in its place, or taken away."""
        loaded, before = sys.modules.copy(), self._loaded
        if [*loaded] != [*before] or not all(map(is_, loaded.values(), before.values())):
            found = [module for name, module in loaded.items() if _is_own(name) and isinstance(module, ModuleType)]
            self._loaded, self._names = loaded, list(map(vars, found))
        return self._names


_files = _Files()


def loaded_since(count: int) -> bool:
    """Whether files that may be part of a network were loaded since there were so many of all."""
    return any(map(_is_own, list(sys.modules)[count:]))


class Passing:
    """Lets the proxies of one kind pass for tensors, and sizes through the casts of a network's own files.

    Attributes: proxy: their class. casts: whether casts keep the terms of sizes.
    """

    def __init__(self, proxy: type, *, casts: bool) -> None:
        """Nothing is changed yet."""
        self.proxy, self.casts = proxy, casts
        self._answered: list[dict[str, Any]] = []
        self._changed: list[tuple[dict[str, Any], Mapping[str, Any]]] = []
        self._entered: set[type] = set()

    @contextmanager
    def on(self) -> Iterator[None]:
        """The files of networks, ``torch.is_tensor`` and the buffers of modules take what stands for something else.

        So do the functions of torch's that take masks. What changes is changed back at the end.
        """
        is_tensor, is_causal = torch.is_tensor, transformer._detect_is_causal_mask
        of_numbers = {name: vars(math)[name] for name in _MATH}
        try:
            vars(math).update(_MATH)
            torch.is_tensor = lambda item: type(item) is self.proxy or is_tensor(item)
            transformer._detect_is_causal_mask = _is_causal
            self._put(vars(torch.nn.functional), {"isinstance": _isinstance})
            self._put(vars(torch.nn.modules.module), {"isinstance": self._is_buffer})
            self._answer(_files())
            yield
        finally:
            vars(math).update(of_numbers)
            torch.is_tensor, transformer._detect_is_causal_mask = is_tensor, is_causal
            for names in self._answered:
                for name in ANSWERS:
                    names.pop(name, None)
            for names, added in self._changed:
                for name in added:
                    names.pop(name, None)
            self._answered.clear()
            self._changed.clear()
            self._entered.clear()

    def _is_buffer(self, item: Any, kinds: Any) -> bool:
        """As it is, but that a proxy may become a buffer."""
        return isinstance(item, kinds) or (kinds is torch.Tensor and type(item) is self.proxy)

    def begin(self) -> None:
        """Torch, which has begun to trace, says so to its own code only; it takes that back itself at the end."""
        _symbolic_trace._is_fx_tracing_flag = _Tracing()

    def enter(self, module: Any) -> None:
        """The file in which the forward of a module is written takes proxies, and its casts sizes."""
        if type(module) in self._entered:
            return
        self._entered.add(type(module))
        forward = unwrap(getattr_static(type(module), "forward", None))
        if not isinstance(forward, FunctionType) or not has_networks(forward.__globals__):
            return
        self._answer([forward.__globals__])
        for function in (forward, *related(forward)) if self.casts else ():
            self._put(function.__globals__, casts_for(function))

    def _answer(self, files: Iterable[dict[str, Any]]) -> None:
        """Let files take the answers, of which there are thousands; most of them have none of these names."""
        for names in files:
            if names.keys().isdisjoint(ANSWERS):
                self._answered.append(names)
                names.update(ANSWERS)
            else:
                self._put(names, ANSWERS)

    def _put(self, names: dict[str, Any], items: Mapping[str, Any]) -> None:
        """Add what a file has not."""
        if new := {name: items[name] for name in items if name not in names}:
            self._changed.append((names, new))
            names.update(new)
