"""torch's layers, as kernels take their arguments and options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from .calls import FORWARD, pairs, per_axis, same_padding


def layer(kind: str, ndim: int) -> Callable[..., torch.Tensor]:
    """The function of torch that computes a kind, or whose gradient it is."""
    return getattr(torch.nn.functional, f"{FORWARD.get(kind, kind)}{ndim}d")


def conv_options(kernel_size: tuple[int, ...], given: Mapping[str, Any], *, transposed: bool) -> dict[str, Any]:
    """Keywords of a kernel for those of torch's convolution."""
    ndim = len(kernel_size)
    options = {name: per_axis(given.get(name, 1), ndim) for name in ("stride", "dilation")}
    padding = given.get("padding", 0)
    if isinstance(padding, str):
        both = same_padding(kernel_size, options["dilation"]) if padding == "same" else pairs(0, ndim)
    else:
        both = pairs(padding, ndim)
    options |= {"padding": both, "groups": given.get("groups", 1)}
    return options | ({"output_padding": per_axis(given.get("output_padding", 0), ndim)} if transposed else {})


_POOL_NAMES = {
    "max_pool": ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices"),
    "avg_pool": ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad", "divisor_override"),
}


def pool_options(kind: str, ndim: int, args: tuple[Any, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Keywords of a kernel for arguments of torch's pooling."""
    named = dict(zip(_POOL_NAMES[kind], args, strict=False)) | dict(given)
    kernel_size = per_axis(named["kernel_size"], ndim)
    options = {
        "kernel_size": kernel_size,
        "stride": per_axis(named.get("stride") or kernel_size, ndim),
        "padding": pairs(named.get("padding", 0), ndim),
        "ceil_mode": named.get("ceil_mode", False),
    }
    if kind == "max_pool":
        return options | {"dilation": per_axis(named.get("dilation", 1), ndim)}
    counted = {"count_include_pad": named.get("count_include_pad", True)}
    return options | counted | {"divisor_override": named.get("divisor_override")}
