"""Whole networks: sizes, receptive fields, costs and closed forms from the formulas, without running anything."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import UnsupportedError
from .fields.receptive import ReceptiveFields
from .files.reading import read
from .files.writing import write
from .graph import Graph
from .node import Node
from .report import NetworkReport
from .row import Row
from .solving import solve

if TYPE_CHECKING:
    from .onnx_import import from_onnx as from_onnx
    from .torch_import import from_torch as from_torch

__all__ = [
    "Graph",
    "NetworkReport",
    "Node",
    "ReceptiveFields",
    "Row",
    "from_onnx",
    "from_torch",
    "read",
    "solve",
    "write",
]

_IMPORTERS = {"from_onnx": ("onnx_import", "onnx"), "from_torch": ("torch_import", "torch")}
"""Where an importer is, and what it needs."""


if not TYPE_CHECKING:  # a type checker would take any name for an export

    def __getattr__(name: str) -> Any:
        """Load an importer, with its framework, on its first use."""
        if name not in _IMPORTERS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, framework = _IMPORTERS[name]
        try:
            value = getattr(import_module(f"{__name__}.{module}"), name)
        except ModuleNotFoundError as error:
            if error.name != framework:
                raise
            raise UnsupportedError(f"{name} needs {framework}: pip install 'convmath[{framework}]'") from None
        globals()[name] = value
        return value
