"""A case in the words of torch, JAX and ONNX; none of them is imported.

Padding in torch is one number per axis, so the part that both sides share goes to the layer and the rest to ``pad``.
In JAX a transposed convolution is a convolution of the zero-inserted input with the flipped kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedError

if TYPE_CHECKING:
    from .conv_case import ConvCase
    from .pool_case import PoolCase


def torch_kwargs(case: ConvCase) -> dict[str, Any]:
    """Keywords of torch's functional layer."""
    kwargs = {
        "stride": case.stride,
        "padding": tuple(_shared(pads) for pads in case.padding),
        "dilation": case.dilation,
        "groups": case.groups,
    }
    return kwargs | ({"output_padding": case.output_padding} if case.transposed else {})


def torch_pad(case: ConvCase) -> tuple[int, ...]:
    """The padding beyond what both sides share, last axis first, as torch's ``pad`` takes it."""
    rest = [side - _shared(pads) for pads in reversed(case.padding) for side in pads]
    if case.transposed:
        if case.bias and min(rest) < 0:
            raise UnsupportedError(f"{case}: torch adds the bias before the output is padded")
        return tuple(-side for side in rest)
    return tuple(rest)


def torch_pool_kwargs(case: PoolCase) -> dict[str, Any]:
    """Keywords of torch's functional pooling layer."""
    if any(lo != hi or 2 * lo > k for (lo, hi), k in zip(case.padding, case.kernel_size, strict=True)):
        raise UnsupportedError(f"{case}: torch pads both sides alike, by at most half the kernel")
    kwargs: dict[str, Any] = {
        "kernel_size": case.kernel_size,
        "stride": case.stride,
        "padding": tuple(lo for lo, _ in case.padding),
        "ceil_mode": case.ceil_mode,
    }
    if not case.averages:
        return kwargs | {"dilation": case.dilation}
    if set(case.dilation) != {1}:
        raise UnsupportedError(f"{case}: torch has no dilated average")
    kwargs["count_include_pad"] = case.count_include_pad
    if case.divisor_override is None:
        return kwargs
    if case.ndim == 1:
        raise UnsupportedError(f"{case}: torch has no divisor_override in one dimension")
    return kwargs | {"divisor_override": case.divisor_override}


def jax_kwargs(case: ConvCase) -> dict[str, Any]:
    """Keywords of ``lax.conv_general_dilated``."""
    ones = (1,) * case.ndim
    if not case.transposed:
        return {
            "window_strides": case.stride,
            "padding": case.padding,
            "lhs_dilation": ones,
            "rhs_dilation": case.dilation,
            "feature_group_count": case.groups,
        }
    spans = [d * (k - 1) for d, k in zip(case.dilation, case.kernel_size, strict=True)]
    sides = zip(spans, case.padding, case.output_padding, strict=True)
    return {
        "window_strides": ones,
        "padding": tuple((span - lo, span - hi + extra) for span, (lo, hi), extra in sides),
        "lhs_dilation": case.stride,
        "rhs_dilation": case.dilation,
        "feature_group_count": case.groups,
    }


def jax_weight(case: ConvCase) -> npt.NDArray[np.int64]:
    """The weight in the layout that ``lax.conv_general_dilated`` expects."""
    if not case.transposed:
        return case.w
    first, second, *kernel_size = case.w_shape
    grouped = case.w.reshape(case.groups, first // case.groups, second, *kernel_size).swapaxes(1, 2)
    weight = grouped.reshape(case.groups * second, first // case.groups, *kernel_size)
    return np.flip(weight, axis=tuple(range(2, weight.ndim)))


def jax_pool_kwargs(case: PoolCase) -> dict[str, Any]:
    """Keywords of ``lax.reduce_window``."""
    pads = []
    for axis in case.axes:
        end = axis.stride * (axis.output_size - 1) + axis.dilation * (axis.kernel_size - 1) + 1 - axis.lo
        pads.append((axis.lo, max(axis.hi, end - axis.input_size)))
    return {
        "window_dimensions": (1, 1, *case.kernel_size),
        "window_strides": (1, 1, *case.stride),
        "padding": ((0, 0), (0, 0), *pads),
        "window_dilation": (1, 1, *case.dilation),
    }


def onnx_conv(case: ConvCase) -> dict[str, Any]:
    """The ONNX node of a convolution."""
    if case.kind not in ("conv", "conv_transpose"):
        raise UnsupportedError(f"{case}: ONNX has no operator for a gradient")
    attributes: dict[str, Any] = {"group": case.groups, **_onnx_window(case)}
    if not case.transposed:
        return {"op_type": "Conv", "attributes": attributes}
    return {"op_type": "ConvTranspose", "attributes": attributes | {"output_padding": list(case.output_padding)}}


def onnx_pool(case: PoolCase) -> dict[str, Any]:
    """The ONNX node of a pooling layer."""
    if case.kind not in ("max_pool", "avg_pool"):
        raise UnsupportedError(f"{case}: ONNX has no operator for a gradient")
    if case.divisor_override is not None:
        raise UnsupportedError(f"{case}: ONNX has no divisor_override")
    attributes = _onnx_window(case) | {"ceil_mode": int(case.ceil_mode)}
    if not case.averages:
        return {"op_type": "MaxPool", "attributes": attributes}
    return {"op_type": "AveragePool", "attributes": attributes | {"count_include_pad": int(case.count_include_pad)}}


def _onnx_window(case: ConvCase | PoolCase) -> dict[str, Any]:
    lows, highs = zip(*case.padding, strict=True)
    if min(lows + highs) < 0:
        raise UnsupportedError(f"{case}: ONNX has no negative padding")
    return {
        "kernel_shape": list(case.kernel_size),
        "strides": list(case.stride),
        "pads": [*lows, *highs],
        "dilations": list(case.dilation),
    }


def _shared(pads: tuple[int, int]) -> int:
    return max(0, min(pads))
