"""``int`` and ``float`` as they are in a network's own files while it is read: they take a size with its term.

Python's own give plain numbers, and so know what a size is; in files of networks they mostly say no more than that a
size is one. A cast is put in their place in a file that only calls them, asks by them of what kind something is, or
annotates with them: for anything but sizes it does what they do. In a file that does more with the name, as
``type(n) is int`` or ``dtype=int``, they stay what they are.
"""

from __future__ import annotations

import ast
import linecache
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any

from ..sizes.size import Quotient, Size
from ..sizes.trail import RECORDER


class Standing(type):
    """The class of classes that stand for their base, to which they are equal, and of what is derived from them."""

    @property
    def stands(cls) -> bool:
        """Whether it stands for its base itself."""
        return cls.__module__ == "builtins"

    def __instancecheck__(cls, item: Any) -> bool:
        """Whether it is one of the base."""
        return isinstance(item, cls.__base__) if cls.stands else super().__instancecheck__(item)  # type: ignore[arg-type]

    def __subclasscheck__(cls, kind: type) -> bool:
        """Whether it is one of the base."""
        return issubclass(kind, cls.__base__) if cls.stands else super().__subclasscheck__(kind)  # type: ignore[arg-type]

    def __eq__(cls, other: object) -> bool:
        """Whether it stands for the same."""
        return other is cls or (cls.stands and other is cls.__base__)

    def __hash__(cls) -> int:
        """That of the base."""
        return hash(cls.__base__) if cls.stands else super().__hash__()

    def __or__(cls, other: Any) -> Any:
        """The base or another."""
        return cls.__base__ | other if cls.stands else super().__or__(other)

    def __ror__(cls, other: Any) -> Any:
        """The base or another."""
        return other | cls.__base__ if cls.stands else super().__ror__(other)

    def __repr__(cls) -> str:
        """The base."""
        return repr(cls.__base__) if cls.stands else super().__repr__()


class _Cast(Standing):
    """The class of those that take sizes with their terms."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """As the base does; a size or quotient, and nothing else, keeps its term."""
        note = RECORDER.get()
        if note is None or not note.casts or len(args) != 1 or kwargs or type(args[0]) not in (Size, Quotient):
            return cls.__base__(*args, **kwargs)  # type: ignore[misc]
        if cls is CASTS["int"]:
            return math.trunc(args[0])
        size: Any = args[0]
        return size / 1 if type(size) is Size else size


CASTS: Mapping[str, Any] = {
    kind.__name__: _Cast(kind.__name__, (kind,), {"__module__": "builtins", "__slots__": (), "__doc__": kind.__doc__})
    for kind in (int, float)
}
"""What stands for ``int`` and for ``float``."""


def related(forward: FunctionType) -> Iterator[FunctionType]:
    """Functions of other files of the same package that a forward may call: one of each file."""
    names = forward.__globals__
    seen = {id(names)}
    for item in list(names.values()):
        beside = isinstance(item, ModuleType) and _is_beside(item.__name__, names)
        inside = list(vars(item).values()) if beside else [item]
        for function in inside:
            if not isinstance(function, FunctionType) or id(function.__globals__) in seen:
                continue
            if _is_beside(str(function.__globals__.get("__name__", "")), names):
                seen.add(id(function.__globals__))
                yield function


def _is_beside(name: str, names: Mapping[str, Any]) -> bool:
    """Whether a module is of the package of the one with these names."""
    return name.partition(".")[0] == str(names.get("__name__", "")).partition(".")[0]


def casts_for(function: FunctionType) -> dict[str, Any]:
    """The casts that may stand in the file in which a function is written, by name.

    Where there is no source nobody knows, and there are none.
    """
    source = "".join(linecache.getlines(function.__code__.co_filename, function.__globals__))
    return {name: CASTS[name] for name in _only_called(source)}


@lru_cache(maxsize=256)
def _only_called(source: str) -> tuple[str, ...]:
    """The names of casts that the functions of a source call, and beyond that only ask by or annotate with."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return ()
    inside, harmless = set(), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            inside |= _named(node.body if isinstance(node.body, list) else [node.body])
        harmless |= _named(_harmless(node))
    others = {node.id for node in inside - harmless}
    return tuple({node.id for node in inside} - others)


def _named(nodes: list[Any]) -> set[ast.Name]:
    """Where the names of casts are in parts of a source."""
    return {node for top in nodes for node in ast.walk(top) if isinstance(node, ast.Name) and node.id in CASTS}


def _harmless(node: ast.AST) -> list[Any]:
    """The parts of a node in which a class may be named for which a cast stands."""
    if isinstance(node, ast.Call):
        called = getattr(node.func, "id", "")
        asked = node.args[1:] if called in ("isinstance", "issubclass") else node.args[:1] if called == "map" else []
        return [part for part in (node.func, *asked) if isinstance(part, ast.Name | ast.Tuple | ast.BinOp)]
    if isinstance(node, ast.Compare) and all(isinstance(how, ast.Eq | ast.NotEq) for how in node.ops):
        return [part for part in (node.left, *node.comparators) if isinstance(part, ast.Name)]
    if isinstance(node, ast.Attribute):
        return [node.value]
    if isinstance(node, ast.arg | ast.AnnAssign):
        return [node.annotation] if node.annotation else []
    return [node.returns] if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns else []
