"""Convolution arithmetic that is proved, run and checked.

Every name here is loaded when it is first used: ``import convmath`` loads neither SymPy, NumPy nor torch.

>>> import convmath
>>> convmath.conv_output_size(224, 7, stride=2, padding=3)
112
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .catalog import Entry, entries, entry
    from .errors import DomainError, ProofError, UnsupportedError
    from .formulas.cost import (
        conv_backward_macs,
        conv_flops,
        conv_macs,
        conv_params,
        depthwise_separable_macs,
        depthwise_separable_params,
    )
    from .formulas.cost_linear import (
        elementwise_flops,
        linear_backward_macs,
        linear_flops,
        linear_macs,
        linear_params,
        matmul_flops,
    )
    from .formulas.cost_pool import pool_flops
    from .formulas.cost_transpose import conv_transpose_backward_macs, conv_transpose_flops, conv_transpose_macs
    from .formulas.inverse import conv_input_sizes, conv_transpose_output_padding
    from .formulas.padding import resolve_padding
    from .formulas.pooling import adaptive_pool_windows, pool_output_size
    from .formulas.receptive import ReceptiveField, receptive_field
    from .formulas.size import conv_output_size, conv_transpose_output_size
    from .geometry import Window
    from .winograd import WinogradTransform, winograd_transform

__all__ = [
    "DomainError",
    "Entry",
    "ProofError",
    "ReceptiveField",
    "UnsupportedError",
    "Window",
    "WinogradTransform",
    "adaptive_pool_windows",
    "conv_backward_macs",
    "conv_flops",
    "conv_input_sizes",
    "conv_macs",
    "conv_output_size",
    "conv_params",
    "conv_transpose_backward_macs",
    "conv_transpose_flops",
    "conv_transpose_macs",
    "conv_transpose_output_padding",
    "conv_transpose_output_size",
    "depthwise_separable_macs",
    "depthwise_separable_params",
    "elementwise_flops",
    "entries",
    "entry",
    "linear_backward_macs",
    "linear_flops",
    "linear_macs",
    "linear_params",
    "matmul_flops",
    "pool_flops",
    "pool_output_size",
    "receptive_field",
    "resolve_padding",
    "winograd_transform",
]

_MODULES = {
    "catalog": ("Entry", "entries", "entry"),
    "errors": ("DomainError", "ProofError", "UnsupportedError"),
    "formulas.cost": (
        "conv_backward_macs",
        "conv_flops",
        "conv_macs",
        "conv_params",
        "depthwise_separable_macs",
        "depthwise_separable_params",
    ),
    "formulas.cost_linear": (
        "elementwise_flops",
        "linear_backward_macs",
        "linear_flops",
        "linear_macs",
        "linear_params",
        "matmul_flops",
    ),
    "formulas.cost_pool": ("pool_flops",),
    "formulas.cost_transpose": ("conv_transpose_backward_macs", "conv_transpose_flops", "conv_transpose_macs"),
    "formulas.inverse": ("conv_input_sizes", "conv_transpose_output_padding"),
    "formulas.padding": ("resolve_padding",),
    "formulas.pooling": ("adaptive_pool_windows", "pool_output_size"),
    "formulas.receptive": ("ReceptiveField", "receptive_field"),
    "formulas.size": ("conv_output_size", "conv_transpose_output_size"),
    "geometry": ("Window",),
    "winograd": ("WinogradTransform", "winograd_transform"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


if not TYPE_CHECKING:  # a type checker would take any name for an export

    def __getattr__(name: str) -> Any:
        """Load an exported name on its first use."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    """List the exported names, loaded or not."""
    return sorted({*globals(), *__all__})
