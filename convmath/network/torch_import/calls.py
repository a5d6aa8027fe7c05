"""Calls of modules, as a hook of their forward would see them."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING, Any

from ..origin import OPTIONS, Call, Origin
from .registry import spelled

if TYPE_CHECKING:
    from .builder import Builder


def kind(module: Any) -> str:
    """The type of a module by its full name, of torch's own by the short one; empty for None.

    >>> from torch import nn
    >>> kind(nn.Conv2d(1, 1, 1)), kind(nn.Module())
    ('torch.nn.Conv2d', 'torch.nn.Module')
    """
    found = type(module)
    if module is None:
        return ""
    own = found.__module__.startswith("torch.nn.modules.")
    return f"torch.nn.{found.__name__}" if own else f"{found.__module__}.{found.__qualname__}"


def origin(function: Any, module: Any) -> Origin:
    """Where what a function makes comes from, called in the forward of a module, if in any."""
    if module is None:
        return Origin(spelled(function))
    return Origin(spelled(function), kind(module), _held(function, module))


def _held(function: Any, module: Any) -> bool | None:
    """Whether a function is called by a name that the module, or its file, has for it; None if that may be."""
    forward = getattr(type(module).forward, "__wrapped__", type(module).forward)
    code, name = getattr(forward, "__code__", None), getattr(function, "__name__", "")
    names = set() if code is None else set(code.co_names)
    if name == "interpolate" and "upsample" in names and not hasattr(module, "upsample"):
        return None  # torch's upsample, which is counted too, calls it
    kept = [key for key, value in vars(module).items() if value is function]
    if kept:
        return None if name in names.difference(kept) else True
    if getattr(forward, "__globals__", {}).get(name) is function:
        return None if names & _ELSEWHERE else True
    return False


_ELSEWHERE = {"F", "functional", "nn", "torch"}
"""Names by which a forward looks up functions in torch."""


def called(builder: Builder, module: Any, inputs: tuple[int | None, ...], visits: int) -> Call:
    """A call of a module with the results of these steps."""
    weights = ((name, weight) for name, weight in module._parameters.items() if weight is not None)
    own = {name: builder.constant(weight).sizes or () for name, weight in weights}
    held = vars(module)
    options = {name: held[name] for name in OPTIONS if name in held}
    options |= {"bias": getattr(module, "bias", None) is not None}
    pruned = [name.removesuffix("_orig") for name in own if name.endswith("_orig")]
    options |= {"masked": any(f"{name}_mask" in module._buffers for name in pruned)}
    return Call(kind(module), inputs, own, not parts(module), visits, options)


def parts(module: Any) -> set[Any]:
    """The modules that a module is made of, themselves without their own parts."""
    return {part for part in module._modules.values() if part is not None}


def visits(module: Any) -> Mapping[Any, int]:
    """How often a walk over the parts of a module comes by each: a part of two comes up in both.

    >>> from torch import nn
    >>> shared = nn.ReLU()
    >>> visits(nn.Sequential(nn.Sequential(shared), nn.Sequential(shared)))[shared]
    2
    """
    children = {part: parts(part) for part in module.modules()}
    if sum(map(len, children.values())) == len(children) - 1:  # none is shared
        return dict.fromkeys(children, 1)
    found = dict.fromkeys(children, 0)
    found[module] = 1
    for part in reversed(list(TopologicalSorter(children).static_order())):
        for child in children[part]:
            found[child] += found[part]
    return found
