"""tinygrad: the methods of ``Tensor``, and their gradients by ``Tensor.gradient``."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import chain
from shutil import which
from types import MappingProxyType
from typing import Any

import numpy as np

from ..options import Index, Pairs
from .backend import Array, Convolution, Differentiable, Operator, Pooling, Tensor

_DOCS = "https://docs.tinygrad.org/tensor/ops/#tinygrad.Tensor."
_DTYPES = ("float32", "float64")
_CONV = (Operator("tinygrad.Tensor.conv2d", _DOCS + "conv2d", _DTYPES),)
_MAX_POOL = (Operator("tinygrad.Tensor.max_pool2d", _DOCS + "max_pool2d", _DTYPES),)
_AVG_POOL = (
    Operator(
        "tinygrad.Tensor.avg_pool2d",
        _DOCS + "avg_pool2d",
        _DTYPES,
        MappingProxyType({"divisor_override": "has no divisor_override"}),
    ),
)


class Tinygrad(Differentiable):
    """tinygrad in its own interpreter, which needs no compiler."""

    name = "tinygrad"
    extra = "tinygrad"
    packages = ("tinygrad",)
    modules = ("tinygrad",)
    operators = MappingProxyType(
        {
            "conv": _CONV,
            "conv_transpose": (Operator("tinygrad.Tensor.conv_transpose2d", _DOCS + "conv_transpose2d", _DTYPES),),
            "grad_input": _CONV,
            "grad_weight": _CONV,
            "grad_bias": _CONV,
            "max_pool": _MAX_POOL,
            "avg_pool": _AVG_POOL,
            "max_pool_grad_input": _MAX_POOL,
            "avg_pool_grad_input": _AVG_POOL,
        }
    )

    _device = "PYTHON"

    def _import(self) -> None:
        import tinygrad

        self._tinygrad = tinygrad

    def _settings(self) -> AbstractContextManager[Any]:
        """The device; and no compiled program is worth keeping on disk."""
        return self._tinygrad.helpers.Context(DEV=self._device, CACHELEVEL=0)  # type: ignore[no-any-return]

    def _tensor(self, array: Array) -> Tensor:
        return self._tinygrad.Tensor(np.ascontiguousarray(array))

    def _out(self, tensor: Tensor) -> Array:
        result: Array = tensor.numpy()
        return result

    def _conv(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        return x.conv2d(w, bias, options.groups, options.stride, options.dilation, _flat(options.padding))

    def _conv_transpose(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        return x.conv_transpose2d(
            w, bias, options.groups, options.stride, options.dilation, _flat(options.padding), options.output_padding
        )

    def _max_pool(self, x: Tensor, options: Pooling) -> Tensor:
        pads = _flat(options.padding)
        return x.max_pool2d(options.kernel_size, options.stride, options.dilation, pads, options.ceil_mode)

    def _avg_pool(self, x: Tensor, options: Pooling) -> Tensor:
        pads, counted = _flat(options.padding), options.count_include_pad
        return x.avg_pool2d(options.kernel_size, options.stride, 1, pads, options.ceil_mode, counted)

    def _pullback(self, layer: Callable[[Tensor], Tensor], at: Array, grad_output: Array) -> Tensor:
        x = self._tensor(at)
        return layer(x).gradient(x, gradient=self._tensor(grad_output))[0]


class TinygradCpu(Tinygrad):
    """tinygrad on the CPU, for which clang compiles."""

    name = "tinygrad_cpu"
    _device = "CPU"

    @classmethod
    def absence(cls) -> str:
        """As for any backend, and clang is needed."""
        compiler = os.environ.get("CC", "clang")
        return super().absence() or ("" if which(compiler) else f"tinygrad_cpu needs the compiler {compiler}")


def _flat(padding: Pairs) -> Index:
    """Padding as tinygrad takes it: both sides of the last axis first."""
    return tuple(chain.from_iterable(reversed(padding)))
