"""Calls of modules, as a hook of their forward would see them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from graphlib import TopologicalSorter
from inspect import unwrap
from types import FrameType
from typing import TYPE_CHECKING, Any

import torch

from ..origin import OPTIONS, Call, Origin
from ..sizes.watching import has_networks
from .registry import spelled

if TYPE_CHECKING:
    from .builder import Builder


def kind(module: Any) -> str:
    """The type of a module by its full name, of torch's own by the short one; empty for None.

    >>> from torch import nn
    >>> kind(nn.Conv2d(1, 1, 1)), kind(nn.Module())
    ('torch.nn.Conv2d', 'torch.nn.Module')
    """
    found: Any = type(module)
    return "" if module is None else _full_name(found)


@lru_cache(maxsize=1024)
def _full_name(found: type) -> str:
    own = found.__module__.startswith("torch.nn.modules.")
    return f"torch.nn.{found.__name__}" if own else f"{found.__module__}.{found.__qualname__}"


def origin(function: Any, module: Any) -> Origin:
    """Where what a function makes comes from, called in the forward of a module, if in any."""
    found = _origin(spelled(function), kind(module), module is not None and _held(function, module))
    return replace(found, cast=True) if casts_by_itself() else found


def casts_by_itself() -> bool:
    """Whether torch casts what its functions are given, within ``torch.autocast``."""
    return any(map(torch.is_autocast_enabled, ("cpu", "cuda")))


def stops_gradients(builder: Builder) -> bool:
    """Whether no gradient goes through what is computed now, as the network has turned them off itself."""
    return builder.learns and not torch.is_grad_enabled() and not builder.custom


@lru_cache(maxsize=1024)
def _origin(function: str, module: str, held: bool | None) -> Origin:
    return Origin(function, module, held)


def _held(function: Any, module: Any) -> bool | None:
    """Whether a function is called by a name that the module, or its file, has for it; None if that may be."""
    forward = getattr(type(module).forward, "__wrapped__", type(module).forward)
    names, name = _names(forward), getattr(function, "__name__", "")
    if name == "interpolate" and "upsample" in names and not hasattr(module, "upsample"):
        return None  # torch's upsample, which is counted too, calls it
    kept = [key for key, value in vars(module).items() if value is function]
    if kept:
        return None if name in names.difference(kept) else True
    if getattr(forward, "__globals__", {}).get(name) is function:
        return None if names & _ELSEWHERE else True
    return False


@lru_cache(maxsize=1024)
def _names(forward: Any) -> frozenset[str]:
    """The names that a forward looks up."""
    code = getattr(forward, "__code__", None)
    return frozenset(() if code is None else code.co_names)


_ELSEWHERE = {"F", "functional", "nn", "torch"}
"""Names by which a forward looks up functions in torch."""


def goes_by_mode(module: Any) -> bool:
    """Whether code that runs now, up to the forward of a module, names ``training``, the mode of a module."""
    if type(module).__module__.startswith("torch."):
        return True
    forward = getattr(unwrap(type(module).forward), "__code__", None)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        names = (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_consts)
        if "training" in names and (code is forward or has_networks(frame.f_globals)):
            return True
        frame = None if code is forward else frame.f_back
    return False


def called(builder: Builder, module: Any, inputs: tuple[int | None, ...], visits: int) -> Call:
    """A call of a module with the results of these steps."""
    weights = module._parameters.items()
    own = {name: builder.parameters.value(weight).sizes or () for name, weight in weights if weight is not None}
    held = vars(module)
    options = {name: held[name] for name in OPTIONS if name in held}
    options["bias"] = "bias" in own or _has(module, "bias")
    pruned = [name.removesuffix("_orig") for name in own if name.endswith("_orig")]
    options["masked"] = bool([name for name in pruned if f"{name}_mask" in module._buffers])
    return Call(kind(module), inputs, own, not parts(module), visits, options)


def _has(module: Any, name: str) -> bool:
    """Whether a module has an attribute of a name other than None, which is not computed to find out."""
    for place in (vars(module), module._parameters, module._buffers):
        if name in place:
            return place[name] is not None
    return getattr(type(module), name, None) is not None


def of_node(origin: Origin | None, call: Call | None, names: Sequence[str], *, used: bool) -> Origin | None:
    """Where a node comes from: the call of a module has the names of nodes for the numbers of steps."""
    if call is None and (origin is None or used):
        return origin
    if call is not None:
        inputs = tuple([None if given is None else names[given] for given in call.inputs])
        call = Call(call.kind, inputs, call.parameters, call.leaf, call.visits, call.options)
    return replace(origin or Origin(), used=used, call=call)


def parts(module: Any) -> set[Any]:
    """The modules that a module is made of, themselves without their own parts."""
    return {part for part in module._modules.values() if part is not None}


def visits(modules: Iterable[Any]) -> Mapping[Any, int]:
    """How often a walk over the parts of a module comes by each: a part of two comes up in both.

    Args:
        modules: the module and all modules in it, each once.

    >>> from torch import nn
    >>> shared = nn.ReLU()
    >>> visits(nn.Sequential(nn.Sequential(shared), nn.Sequential(shared)).modules())[shared]
    2
    """
    children = {module: parts(module) for module in modules}
    if sum(map(len, children.values())) == len(children) - 1:  # none is shared
        return dict.fromkeys(children, 1)
    found = dict.fromkeys(children, 0)
    found[next(iter(children))] = 1
    for part in reversed(list(TopologicalSorter(children).static_order())):
        for child in children[part]:
            found[child] += found[part]
    return found
