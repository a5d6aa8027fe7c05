"""Keeps what came of proving entries, by a hash of all that it depends on; what has failed is never kept.

The hash covers the source of the engine, the proof's module with all modules of the catalogue that it uses, their
certificates, the versions of Python and of the libraries, and the options. A file that is damaged, or that belongs to
another hash, counts for nothing. This guards against mistakes, not against someone who writes the files on purpose.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from .calculus import store
from .catalog import Entry, entries, entry

PROOFS = "convmath.proofs"
ENGINE = ("calculus", "formulas")
"""The packages that prove and check, beside the modules at the top; how a theorem is shown does not decide it."""
_LIBRARIES = ("sympy", "mpmath", "z3-solver", "cvc5")
_FORM = 1
"""The form of the files."""


def default_folder() -> Path:
    """The folder of the user's caches, as the platform has it."""
    from platformdirs import user_cache_path

    return user_cache_path("convmath") / "proofs"


def key(item: Entry, options: Mapping[str, Any], certificates: Path | None = None) -> str | None:
    """The hash of all that proving an entry depends on; None for an entry that is not one of the catalogue.

    Args:
        item: the entry.
        options: what else the outcome depends on, as plain data.
        certificates: the folder of the certificates; by default the committed ones.
    """
    if not item.build.__module__.startswith(f"{PROOFS}."):
        return None
    modules = closure(item.build.__module__)
    known = sorted(other.id for other in entries() if other.build.__module__ in modules)
    files = [
        *engine(),
        *(_file(module) for module in sorted(modules)),
        *(store.file_of(identifier, certificates or store.committed()) for identifier in known),
    ]
    parts = [_FORM, item.id, sys.version, [_version(name) for name in _LIBRARIES], dict(options)]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode())
    for path in files:
        digest.update(f"\n{path.name} ".encode() + _hash(path))
    return digest.hexdigest()


def engine() -> list[Path]:
    """The source files that check proofs and their rechecks."""
    root = Path(__file__).parent
    return sorted([*root.glob("*.py"), *(path for name in ENGINE for path in (root / name).rglob("*.py"))])


def closure(module: str) -> set[str]:
    """A module of the catalogue, and those whose definitions or entries it uses, directly or through others."""
    found, waiting = set[str](), [module]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.add(current)
            waiting += uses(_file(current).read_text(encoding="utf-8"))
    return found


def _file(module: str) -> Path:
    source = sys.modules[PROOFS].__path__[0]
    return Path(source) / f"{module.removeprefix(f'{PROOFS}.').replace('.', '/')}.py"


@lru_cache(maxsize=512)
def uses(source: str) -> tuple[str, ...]:
    """The modules of the catalogue that a module of it uses: imports, and entries that it names by their ids.

    Where it looks entries up in a way that cannot be read off, all of them.
    """
    tree = ast.parse(source)
    nodes = list(ast.walk(tree))
    looked_up = {name.asname or name.name: name.name for name in _from_catalog(nodes)}
    everything = {item.build.__module__ for item in entries() if item.build.__module__.startswith(f"{PROOFS}.")}
    found = set(_imported(nodes))
    calls = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
    for node in nodes:
        if not isinstance(node, ast.Name) or node.id not in looked_up:
            continue
        call = calls.get(id(node))
        named = call.args[0] if call and call.args else None
        if looked_up[node.id] == "entry" and isinstance(named, ast.Constant):
            found.add(entry(str(named.value)).build.__module__)
        else:
            found |= everything
    indirect = any(isinstance(node, ast.Name) and node.id in ("import_module", "__import__") for node in nodes)
    return tuple(sorted(found | everything if indirect or "*" in looked_up else found))


def _from_catalog(nodes: Iterable[ast.AST]) -> Iterator[ast.alias]:
    """What is imported to look entries up, ``*`` for the whole module of the catalogue."""
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                if node.module in ("convmath.catalog", "catalog") and name.name in ("entry", "entries", "*"):
                    yield name
                elif name.name == "catalog":
                    yield ast.alias("*")
        elif isinstance(node, ast.Import):
            yield from (ast.alias("*") for name in node.names if name.name in ("convmath.catalog", PROOFS))


def _imported(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if not isinstance(node, ast.ImportFrom):
            continue
        base = f"{PROOFS}{'.' * bool(node.module)}{node.module or ''}" if node.level == 1 else node.module or ""
        for name in (base, *(f"{base}.{alias.name}" for alias in node.names)):
            if name.startswith(f"{PROOFS}.") and _file(name).is_file():
                yield name


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def _hash(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b"missing"


def read(path: Path, key: str) -> dict[str, Any] | None:
    """The outcome that was kept in a file under this key, or None."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        outcome: dict[str, Any] = data["outcome"]
        return outcome if (data["key"], data["check"]) == (key, _check(key, outcome)) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def text(key: str, outcome: Mapping[str, Any]) -> str:
    """The file that keeps an outcome, plain data, under its key."""
    return json.dumps({"key": key, "outcome": outcome, "check": _check(key, outcome)}) + "\n"


def _check(key: str, outcome: Any) -> str:
    return hashlib.sha256(f"{key} {json.dumps(outcome, sort_keys=True)}".encode()).hexdigest()
