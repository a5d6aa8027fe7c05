"""A module comes back as it was, whatever its forward did to it, and so does what it keeps in other places."""

from __future__ import annotations

import copyreg
import gc
import random
import sys
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from operator import is_
from types import CellType, FunctionType, SimpleNamespace
from typing import Any

import torch
from torch import overrides
from torch._C import _functorch
from torch.utils import _python_dispatch

from ..sizes.watching import LIBRARIES

CONTAINERS = (dict, list, set, deque)
_NESTED = (*CONTAINERS, tuple)
_PLAIN = {type(None), bool, int, float, str, torch.Tensor, torch.nn.Parameter}
"""Of which nothing within is looked at."""

_CACHED = type(lru_cache(int))
_EMPTY = CellType()

MOST_LOOKED_AT = 1000
"""A class's or a file's own container of more elements is not looked at."""


@contextmanager
def untouched(modules: Collection[Any], stands: Callable[[Any], bool]) -> Iterator[None]:
    """On leaving, the attributes of these modules are what they were, and so is all that these hold.

    That is what is in containers, and in objects whose classes are the network's own, as deep as it may be, also where
    functions, these classes and their files hold them. The names of these have what they had instead of what stands for
    a tensor.
    """
    owners = _owners(modules)
    filled, empty = _held(modules, owners)
    named = [(owner, dict(vars(owner))) for owner in owners]
    try:
        yield
    finally:
        for container, before in filled:
            _restore(container, before)
        for container in empty:
            if container:
                container.clear()
        for owner, names in named:
            for name, one in list(vars(owner).items()):
                if one is not names.get(name) and any(map(stands, one if isinstance(one, tuple) else (one,))):
                    _set(owner, name, names)


@contextmanager
def going_on() -> Iterator[None]:
    """On leaving, random numbers go on from where they were, and what torch goes by in all calls is what it was."""
    before = [get() for get, _ in _STATES]
    with torch.random.fork_rng(devices=()):
        try:
            yield
        finally:
            for (get, put), state in zip(_STATES, before, strict=True):
                if get() != state:
                    put(state)


def _modes(kind: Any, modes: Callable[[], list[Any]]) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Which modes are on, of functions or of the dispatcher; and what puts others in their place."""

    def put(before: list[Any]) -> None:
        for _ in modes():
            kind._pop_mode()
        for mode in before:
            kind._push_mode(mode)

    return modes, put


def _autocast(device: str) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """Whether torch casts on a device, and to which type; and what sets that."""

    def put(before: tuple[bool, Any]) -> None:
        torch.set_autocast_enabled(device, before[0])
        torch.set_autocast_dtype(device, before[1])

    return lambda: (torch.is_autocast_enabled(device), torch.get_autocast_dtype(device)), put


def _put_device(before: Any) -> None:
    torch.set_default_device(None if before.type == "cpu" else before)


_STATES: tuple[tuple[Callable[[], Any], Callable[[Any], Any]], ...] = (
    (sys.getrecursionlimit, sys.setrecursionlimit),
    (random.getstate, random.setstate),
    (_functorch.get_dynamic_layer_stack_depth, _functorch.pop_dynamic_layer_stack_and_undo_to_depth),
    (torch.get_default_dtype, torch.set_default_dtype),
    (torch.get_default_device, _put_device),
    (torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled),
    *map(_autocast, ("cpu", "cuda")),
    _modes(_python_dispatch, _python_dispatch._get_current_dispatch_mode_stack),
    _modes(overrides, overrides._get_current_function_mode_stack),
)
"""What a forward may change for all that comes after it: what gives it, and what puts it back."""


def _set(owner: Any, name: str, names: Mapping[str, Any]) -> None:
    """Give a name the object that it had."""
    if name in names:
        setattr(owner, name, names[name])
    else:
        delattr(owner, name)


def _owners(modules: Iterable[Any]) -> set[Any]:
    """The classes of modules that are the network's own, and the files in which these are."""
    classes = {base for kind in set(map(type, modules)) for base in kind.__mro__ if _is_own(base)}
    return classes | {sys.modules[kind.__module__] for kind in classes if kind.__module__ in sys.modules}


def _is_own(kind: type) -> bool:
    """Whether a class is the network's own."""
    return str(kind.__module__).partition(".")[0] not in LIBRARIES


def _held(modules: Iterable[Any], owners: Iterable[Any]) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """The attributes and containers that modules, classes and files hold, with copies; and the empty ones."""
    filled: list[tuple[Any, Any]] = []
    empty: list[Any] = []
    seen: set[int] = set()
    waiting: list[Any] = [tuple(_named(owner)) for owner in owners]
    waiting += [vars(module) for module in modules]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        within = _copy(item) if isinstance(item, CONTAINERS) else item
        if within is not item:
            filled.append((item, within))
        for one in within.values() if isinstance(within, dict) else within:
            if type(one) in _PLAIN:
                continue
            if not _is_a(one, _NESTED):
                one = _attributes(one)
            if one:
                waiting.append(one)
            elif _is_a(one, CONTAINERS):
                empty.append(one)
    return filled, empty


def _is_a(item: Any, kinds: tuple[type, ...]) -> bool:
    """Whether an object is of one of these types, whatever it says itself of its class."""
    return issubclass(type(item), kinds)


def _copy(container: Any) -> Any:
    """A copy of it, of a dictionary as it is held: a class of its own may make something else of each look-up."""
    raw = isinstance(container, dict) and type(container) is not OrderedDict
    return dict(dict.items(container)) if raw else container.copy()


def _named(owner: Any) -> Iterator[Any]:
    """What the names of a class or a file say, but for what is too much to look at."""
    for name, one in list(vars(owner).items()):
        if not name.startswith("__") and not (_is_a(one, _NESTED) and len(one) > MOST_LOOKED_AT):
            yield one


def _attributes(item: Any) -> Any:
    """Those of a module, or of an object whose class is the network's own; of a function, what it has from outside."""
    if type(item) is FunctionType:
        return tuple(cell.cell_contents for cell in item.__closure__ or () if cell != _EMPTY)
    own = _is_a(item, (torch.nn.Module, SimpleNamespace)) or _is_own(type(item))
    return vars(item) if own and hasattr(item, "__dict__") else None


def forget(common: Any, stands: Callable[[Any], bool]) -> None:
    """Let go of all that stands for a tensor: caches of functions are emptied, lists and dictionaries lose it.

    What is a name of a file, or an attribute of an object without slots, stays.

    Args:
        common: what all of these have as an attribute.
        stands: whether an object is one of them.
    """
    frozen = gc.get_freeze_count() > 0
    gc.unfreeze()  # or the collector would not say who holds what
    holders = gc.get_referrers(common)
    attributes = [holder for holder in holders if type(holder) is dict]
    items = [one for one in (*holders, *_referring(attributes)) if stands(one)]
    while items:
        known = {id(item) for item in items}
        holders = gc.get_referrers(*items)
        items = [holder for holder in holders if type(holder) is tuple]
        namespaces = _namespaces([holder for holder in holders if type(holder) is dict])
        for holder in holders:
            if id(holder) not in namespaces:
                _let_go(holder, known)
    if frozen:
        gc.freeze()


def _referring(items: Sequence[Any]) -> list[Any]:
    """What refers to any of these."""
    return gc.get_referrers(*items) if items else []


def _let_go(holder: Any, items: Collection[int]) -> None:
    if type(holder) is _CACHED:
        holder.cache_clear()
    elif type(holder) is list:
        while holder and id(holder[-1]) in items:
            holder.pop()
        holder[:] = [None if id(one) in items else one for one in holder]
    elif type(holder) is dict:
        for name in [name for name, one in holder.items() if id(one) in items]:
            del holder[name]
    elif type(holder) is CellType:
        holder.cell_contents = None
    elif hasattr(type(holder), "__slots__"):
        for name in copyreg._slotnames(type(holder)):  # type: ignore[attr-defined]
            if id(getattr(holder, name, None)) in items:
                object.__setattr__(holder, name, None)


def _namespaces(found: Sequence[dict[str, Any]]) -> set[int]:
    """Those of dictionaries, by their ids, that hold the attributes of an object, or of a class."""
    owners = (owner for owner in _referring(found) if type(owner) is not dict)
    held = {id(getattr(owner, "__dict__", None)) for owner in owners}
    return {id(one) for one in found if id(one) in held or "__module__" in one}


def _restore(container: Any, before: Any) -> None:
    """Make a container hold what it held, where it does not."""
    if _holds(container, before):
        return
    container.clear()
    (container.extend if isinstance(container, list | deque) else container.update)(before)


def _holds(container: Any, before: Any) -> bool:
    """Whether a container holds the objects that it held, in their order."""
    now = _copy(container)
    if len(now) != len(before) or not all(map(is_, now, before)):
        return False
    return not isinstance(now, dict) or all(map(is_, now.values(), before.values()))
