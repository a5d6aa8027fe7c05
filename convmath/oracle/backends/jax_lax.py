"""JAX: ``lax.conv_general_dilated`` and ``lax.reduce_window``, and their gradients by ``jax.vjp``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from .backend import Array, Convolution, Differentiable, Operator, Pooling, Tensor

_DOCS = "https://docs.jax.dev/en/latest/_autosummary/jax.lax."
_DTYPES = ("float16", "float32", "float64")
_CONV = (
    Operator(
        "jax.lax.conv_general_dilated",
        _DOCS + "conv_general_dilated.html",
        _DTYPES,
        composed="the bias is added afterwards",
    ),
)
_CONV_TRANSPOSE = (
    Operator(
        "jax.lax.conv_general_dilated",
        _DOCS + "conv_general_dilated.html",
        _DTYPES,
        composed="lhs_dilation is the stride, the kernel is flipped, channels are swapped within each group",
    ),
)
_NO_CEIL = {"ceil_mode": "has no ceil_mode"}
_MAX_POOL = (Operator("jax.lax.reduce_window", _DOCS + "reduce_window.html", _DTYPES, MappingProxyType(_NO_CEIL)),)
_MAX_POOL_GRADIENT = (
    Operator(
        "jax.lax.reduce_window",
        _DOCS + "reduce_window.html",
        _DTYPES,
        MappingProxyType({**_NO_CEIL, "dilation_above_1": "has no gradient of maxima with window_dilation"}),
    ),
)
_AVG_POOL = (
    Operator(
        "jax.lax.reduce_window",
        _DOCS + "reduce_window.html",
        _DTYPES,
        MappingProxyType({**_NO_CEIL, "divisor_override": "has no divisor_override"}),
        composed="sums over windows are divided by sums of ones",
    ),
)


class Jax(Differentiable):
    """JAX on its default device; float64 is enabled."""

    name = "jax"
    extra = "jax"
    packages = ("jax", "jaxlib")
    modules = ("jax",)
    operators = MappingProxyType(
        {
            "conv": _CONV,
            "conv_transpose": _CONV_TRANSPOSE,
            "grad_input": _CONV,
            "grad_weight": _CONV,
            "grad_bias": _CONV,
            "max_pool": _MAX_POOL,
            "avg_pool": _AVG_POOL,
            "max_pool_grad_input": _MAX_POOL_GRADIENT,
            "avg_pool_grad_input": _AVG_POOL,
        }
    )

    def _import(self) -> None:
        import jax

        jax.config.update("jax_enable_x64", True)
        self._jax = jax

    def _tensor(self, array: Array) -> Tensor:
        return self._jax.numpy.asarray(array)

    def _convolved(self, x: Tensor, w: Tensor, bias: Tensor | None, **options: Any) -> Tensor:
        lax = self._jax.lax

        def layer(x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
            y = lax.conv_general_dilated(x, w, precision=lax.Precision.HIGHEST, **options)
            return y if bias is None else y + bias.reshape(-1, *(1,) * (x.ndim - 2))

        return self._jax.jit(layer)(x, w, bias)

    def _conv(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        return self._convolved(
            x,
            w,
            bias,
            window_strides=options.stride,
            padding=options.padding,
            rhs_dilation=options.dilation,
            feature_group_count=options.groups,
        )

    def _conv_transpose(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        first, second, *kernel_size = w.shape
        spans = [d * (k - 1) for d, k in zip(options.dilation, kernel_size, strict=True)]
        sides = zip(spans, options.padding, options.output_padding, strict=True)
        groups, ndim = options.groups, len(kernel_size)
        grouped = w.reshape(groups, first // groups, second, *kernel_size).swapaxes(1, 2)
        flipped = self._jax.numpy.flip(grouped, axis=range(3, 3 + ndim))
        return self._convolved(
            x,
            flipped.reshape(groups * second, first // groups, *kernel_size),
            bias,
            window_strides=(1,) * ndim,
            padding=[(span - lo, span - hi + extra) for span, (lo, hi), extra in sides],
            lhs_dilation=options.stride,
            rhs_dilation=options.dilation,
            feature_group_count=groups,
        )

    def _reduced(self, x: Tensor, start: float, operation: Any, options: Pooling) -> Tensor:
        return self._jax.lax.reduce_window(
            x,
            np.dtype(x.dtype).type(start),
            operation,
            (1, 1, *options.kernel_size),
            (1, 1, *options.stride),
            ((0, 0), (0, 0), *options.padding),
            window_dilation=(1, 1, *options.dilation) if options.dilation else None,
        )

    def _max_pool(self, x: Tensor, options: Pooling) -> Tensor:
        return self._reduced(x, -np.inf, self._jax.lax.max, options)

    def _avg_pool(self, x: Tensor, options: Pooling) -> Tensor:
        add, numpy = self._jax.lax.add, self._jax.numpy

        def layer(x: Tensor) -> Tensor:
            counted, counting = numpy.ones_like(x), options
            if options.count_include_pad:
                counted = numpy.pad(counted, ((0, 0), (0, 0), *options.padding), constant_values=1)
                counting = replace(options, padding=((0, 0),) * len(options.padding))
            return self._reduced(x, 0.0, add, options) / self._reduced(counted, 0.0, add, counting)

        return self._jax.jit(layer)(x)

    def _pullback(self, layer: Callable[[Tensor], Tensor], at: Array, grad_output: Array) -> Tensor:
        def gradient(x: Tensor, grad_output: Tensor) -> Tensor:
            return self._jax.vjp(layer, x)[1](grad_output)[0]

        return self._jax.jit(gradient)(self._tensor(at), self._tensor(grad_output))
