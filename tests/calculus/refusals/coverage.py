"""The side conditions in the source of the trusted modules, and which of them a refusal exercises."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from convmath.calculus import certificate, index, kernel, reals, terms

from .case import frames

CHECKS = frozenset({"_need", "_theorem", "_closed", "_listed", "_pairs", "_number", "_monomial", "_statement"})
"""Functions that do nothing but refuse or hand back what they are given: each call of one is a side condition."""
TRUSTED = (certificate, index, reals, terms, kernel)
MESSENGER = "_need"
"""Raises what its caller has found: its own ``raise`` is no side condition."""


class Site(NamedTuple):
    """A place in the source where an input is refused."""

    file: str
    position: tuple[int | None, ...]
    text: str


def sites(source: str, file: str) -> list[Site]:
    """Every ``raise`` and every call of a check, the messenger's own aside; equal calls in a function count once."""
    found: dict[tuple[str, str], Site] = {}
    for function in _functions(ast.parse(source)):
        for node in sorted(
            _own_nodes(function), key=lambda node: (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
        ):
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CHECKS
            raised = isinstance(node, ast.Raise) and node.exc is not None and function.name != MESSENGER
            if called or raised:
                where = (node.lineno, node.end_lineno, node.col_offset, node.end_col_offset)
                text = ast.unparse(node)
                found.setdefault(
                    (f"{function.name}:{function.lineno}", text), Site(file, where, f"{function.name}: {text}")
                )
    return list(found.values())


def all_sites() -> list[Site]:
    """The side conditions of the trusted modules."""
    return [s for module in TRUSTED for s in sites(Path(module.__file__).read_text(), module.__file__)]


def covered(errors: Iterable[BaseException]) -> set[Site]:
    """The side conditions at which some of the errors arose, or through which they passed."""
    passed = {frame for error in errors for frame in frames(error)}
    return {site for site in all_sites() if (site.file, site.position) in passed}


def _functions(tree: ast.AST) -> Iterable[ast.FunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _own_nodes(function: ast.FunctionDef) -> Iterable[ast.AST]:
    """What stands in the function itself, not in a function inside it."""
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef):
            continue
        yield node
        stack.extend(ast.iter_child_nodes(node))
