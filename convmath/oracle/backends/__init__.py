"""Adapters of frameworks: each computes what ``check`` asks for with its framework's own operators.

``backends.torch``, ``backends.jax`` and so on are imported when they are first asked for, so that
``check(backends.torch.conv)`` and ``convmath check convmath.oracle.backends:torch.conv`` judge a framework like any
other function. :func:`backend` tells what one supports without importing the framework.
"""

from __future__ import annotations

from functools import cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

from ...errors import unknown
from .backend import Backend, Differentiable, Operator

__all__ = ["NAMES", "Backend", "Differentiable", "Operator", "backend", "installed", "load"]

_CLASSES = {
    "torch": f"{__name__}.torch_functional:Torch",
    "torch_cuda": f"{__name__}.torch_functional:TorchCuda",
    "jax": f"{__name__}.jax_lax:Jax",
    "onnxruntime": f"{__name__}.onnx_operators:OnnxRuntime",
    "onnx_reference": f"{__name__}.onnx_operators:OnnxReference",
    "scipy": f"{__name__}.scipy_arrays:Scipy",
    "tensorflow": f"{__name__}.tensorflow_nn:TensorFlow",
    "openvino": f"{__name__}.openvino_operators:OpenVino",
    "tinygrad": f"{__name__}.tinygrad_tensor:Tinygrad",
    "tinygrad_cpu": f"{__name__}.tinygrad_tensor:TinygradCpu",
}

NAMES = tuple(_CLASSES)
"""The backends by name."""


def backend(name: str) -> type[Backend]:
    """What a backend supports, without its framework; DomainError for a name that is none.

    >>> backend("jax").operators["conv"][0].name
    'jax.lax.conv_general_dilated'
    """
    if name not in _CLASSES:
        raise unknown("backend", name, NAMES, "backend", ", ".join(NAMES))
    found: type[Backend] = resolve_name(_CLASSES[name])
    return found


def installed() -> list[str]:
    """The backends that can be used here, by name.

    >>> "scipy" in installed()
    True
    """
    return [name for name in NAMES if not backend(name).absence()]


@cache
def load(name: str) -> Backend:
    """The backend, with its framework imported.

    Raises:
        DomainError: no backend has this name.
        UnsupportedError: its framework is not installed, or lacks a device; the sentence names the extra to install.
    """
    return backend(name)()


if not TYPE_CHECKING:  # a type checker would take any name for an export

    def __getattr__(name: str) -> Any:
        """Load a backend on its first use."""
        if name not in _CLASSES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return load(name)
