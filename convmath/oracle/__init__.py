"""An oracle for convolutions: what a layer must compute, exactly, from its definition alone.

``reference`` holds nested loops over the definition, ``exact`` the same functions fast and as exact. ``ConvCase`` and
``PoolCase`` are single calls with data and answer, ``conv_cases`` and ``pool_cases`` draw them in Hypothesis tests.
``check`` judges a function on many of them, ``check_case`` on one; both give a ``Report``.
``matrix`` writes a case out as a matrix, ``adjoint_check`` holds two maps to be each other's transpose.

Every name is loaded when it is first used; only the two strategies and ``check`` need Hypothesis.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import exact, reference
    from .case import ConvCase, PoolCase, parse_case
    from .checking import check, check_case
    from .linear import adjoint_check, matrix
    from .report import Report
    from .strategies import conv_cases, pool_cases

__all__ = [
    "ConvCase",
    "PoolCase",
    "Report",
    "adjoint_check",
    "check",
    "check_case",
    "conv_cases",
    "exact",
    "matrix",
    "parse_case",
    "pool_cases",
    "reference",
]


def _load(name: str) -> Any:
    if name == "exact":
        return import_module(".exact", __name__)
    if name == "reference":
        return import_module(".reference", __name__)
    if name in ("conv_cases", "pool_cases"):
        return getattr(import_module(".strategies", __name__), name)
    if name in ("adjoint_check", "matrix"):
        return getattr(import_module(".linear", __name__), name)
    if name in ("check", "check_case"):
        return getattr(import_module(".checking", __name__), name)
    if name == "Report":
        return getattr(import_module(".report", __name__), name)
    return getattr(import_module(".case", __name__), name)


if not TYPE_CHECKING:  # a type checker would take any name for an export

    def __getattr__(name: str) -> Any:
        """Load an exported name on its first use."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = _load(name)
        globals()[name] = value
        return value
