"""torch: the layers of ``torch.nn.functional``, and their gradients by autograd."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np

from ..options import Index, Pairs
from .backend import Array, Convolution, Differentiable, Operator, Pooling, Tensor

_DOCS = "https://docs.pytorch.org/docs/stable/generated/torch.nn."
_DTYPES = ("float16", "float32", "float64")
_POOL_LACKS = MappingProxyType(
    {
        "asymmetric_padding": "pads both sides alike",
        "padding_above_half_kernel": "pads by at most half the kernel",
    }
)
_CONV = (
    Operator(
        "torch.nn.functional.conv1d, conv2d, conv3d",
        _DOCS + "Conv2d.html",
        _DTYPES,
        composed="padding beyond what both sides share goes to torch.nn.functional.pad before the layer",
    ),
)
_CONV_TRANSPOSE = (
    Operator(
        "torch.nn.functional.conv_transpose1d, conv_transpose2d, conv_transpose3d",
        _DOCS + "ConvTranspose2d.html",
        _DTYPES,
        composed="padding beyond what both sides share is cropped by torch.nn.functional.pad after the layer",
    ),
)
_MAX_POOL = (
    Operator("torch.nn.functional.max_pool1d, max_pool2d, max_pool3d", _DOCS + "MaxPool2d.html", _DTYPES, _POOL_LACKS),
)
_AVG_POOL = (
    Operator(
        "torch.nn.functional.avg_pool1d",
        _DOCS + "AvgPool1d.html",
        _DTYPES,
        MappingProxyType({**_POOL_LACKS, "divisor_override": "has no divisor_override"}),
        ndims=(1,),
    ),
    Operator("torch.nn.functional.avg_pool2d", _DOCS + "AvgPool2d.html", _DTYPES, _POOL_LACKS, ndims=(2,)),
    Operator(
        "torch.nn.functional.avg_pool3d", _DOCS + "AvgPool3d.html", ("float32", "float64"), _POOL_LACKS, ndims=(3,)
    ),
)


class Torch(Differentiable):
    """torch on the CPU."""

    name = "torch"
    extra = "torch"
    packages = ("torch",)
    modules = ("torch",)
    operators = MappingProxyType(
        {
            "conv": _CONV,
            "conv_transpose": _CONV_TRANSPOSE,
            "grad_input": _CONV,
            "grad_weight": _CONV,
            "grad_bias": _CONV,
            "max_pool": _MAX_POOL,
            "avg_pool": _AVG_POOL,
            "max_pool_grad_input": _MAX_POOL,
            "avg_pool_grad_input": _AVG_POOL,
        }
    )
    _device = "cpu"

    def _import(self) -> None:
        import torch

        self._torch = torch

    def _tensor(self, array: Array) -> Tensor:
        return self._torch.from_numpy(np.ascontiguousarray(array)).to(self._device)

    def _out(self, tensor: Tensor) -> Array:
        return np.asarray(tensor.cpu())

    def _layer(self, name: str, ndim: int) -> Callable[..., Tensor]:
        return getattr(self._torch.nn.functional, f"{name}{ndim}d")  # type: ignore[no-any-return]

    def _padded(self, tensor: Tensor, pads: list[tuple[int, int]]) -> Tensor:
        if not any(map(any, pads)):
            return tensor
        return self._torch.nn.functional.pad(tensor, [side for pair in reversed(pads) for side in pair])

    def _conv(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        shared = _shared(options.padding)
        rest = [(lo - both, hi - both) for (lo, hi), both in zip(options.padding, shared, strict=True)]
        layer = self._layer("conv", x.ndim - 2)
        return layer(self._padded(x, rest), w, bias, options.stride, shared, options.dilation, options.groups)

    def _conv_transpose(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        shared = _shared(options.padding)
        rest = [(both - lo, both - hi) for (lo, hi), both in zip(options.padding, shared, strict=True)]
        layer = self._layer("conv_transpose", x.ndim - 2)
        y = layer(x, w, bias, options.stride, shared, options.output_padding, options.groups, options.dilation)
        return self._padded(y, rest)

    def _max_pool(self, x: Tensor, options: Pooling) -> Tensor:
        layer = self._layer("max_pool", x.ndim - 2)
        pads = _shared(options.padding)
        return layer(x, options.kernel_size, options.stride, pads, options.dilation, options.ceil_mode)

    def _avg_pool(self, x: Tensor, options: Pooling) -> Tensor:
        layer, divisor = self._layer("avg_pool", x.ndim - 2), options.divisor_override
        rest = () if divisor is None else (divisor,)
        pads, counted = _shared(options.padding), options.count_include_pad
        return layer(x, options.kernel_size, options.stride, pads, options.ceil_mode, counted, *rest)

    def _pullback(self, layer: Callable[[Tensor], Tensor], at: Array, grad_output: Array) -> Tensor:
        x = self._tensor(at).requires_grad_()
        return self._torch.autograd.grad(layer(x), x, self._tensor(grad_output))[0]


class TorchCuda(Torch):
    """torch on a CUDA device, with float32 factors as they are and not rounded to TF32.

    cuDNN may choose Winograd's algorithm or a Fourier transform, which round where direct sums do not.
    """

    name = "torch_cuda"
    _device = "cuda"

    @classmethod
    def absence(cls) -> str:
        """As for any backend; a process of its own looks for a device, as CUDA once asked cannot be forked."""
        return super().absence() or _cuda_absence()

    def _settings(self) -> AbstractContextManager[Any]:
        return self._torch.backends.cudnn.flags(allow_tf32=False)  # type: ignore[no-any-return]


@cache
def _cuda_absence() -> str:
    command = [sys.executable, "-c", "import torch; raise SystemExit(not torch.cuda.is_available())"]
    if subprocess.run(command, capture_output=True, check=False).returncode == 0:  # noqa: S603
        return ""
    return "torch_cuda needs a CUDA device that torch can use: torch.cuda.is_available() is False"


def _shared(padding: Pairs) -> Index:
    """What both sides of each axis have, where that is no crop."""
    return tuple(max(0, min(pads)) for pads in padding)
