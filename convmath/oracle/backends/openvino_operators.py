"""OpenVINO: models of one operation, compiled for the CPU with float32 kept as it is."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from ..options import Pairs
from .backend import Array, Backend, Convolution, Operator, Pooling

_DOCS = "https://docs.openvino.ai/2026/documentation/openvino-ir-format/operation-sets/operation-specs/"
_DTYPES = ("float32",)
_ROUNDING = {False: "floor", True: "ceil_torch"}


class OpenVino(Backend):
    """OpenVINO's CPU plugin, on one thread."""

    name = "openvino"
    extra = "openvino"
    packages = ("openvino",)
    modules = ("openvino",)
    operators = MappingProxyType(
        {
            "conv": (
                Operator(
                    "Convolution, GroupConvolution",
                    _DOCS + "convolution/convolution-1.html",
                    _DTYPES,
                    composed="the bias is an operation Add",
                ),
            ),
            "conv_transpose": (
                Operator(
                    "ConvolutionBackpropData, GroupConvolutionBackpropData",
                    _DOCS + "convolution/convolution-backprop-data-1.html",
                    _DTYPES,
                    composed="the bias is an operation Add",
                ),
            ),
            "max_pool": (Operator("MaxPool", _DOCS + "pooling/max-pool-14.html", _DTYPES),),
            "avg_pool": (
                Operator(
                    "AvgPool",
                    _DOCS + "pooling/avg-pool-14.html",
                    _DTYPES,
                    MappingProxyType({"divisor_override": "has no divisor_override"}),
                ),
            ),
        }
    )

    def _import(self) -> None:
        import openvino
        import openvino.opset14

        self._openvino, self._opset = openvino, openvino.opset14
        self._core = openvino.Core()

    def _computed(self, x: Array, build: Any, bias: Array | None = None) -> Array:
        data = self._opset.parameter(x.shape, x.dtype)
        result = build(data)
        if bias is not None:
            result = self._opset.add(result, self._opset.constant(bias.reshape(1, -1, *(1,) * (x.ndim - 2))))
        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        compiled = self._core.compile_model(self._openvino.Model([result], [data]), "CPU", settings)
        return np.array(compiled(x)[0])

    def _conv(self, x: Array, w: Array, bias: Array | None, options: Convolution) -> Array:
        operation = self._opset.convolution if options.groups == 1 else self._opset.group_convolution
        weight, (lows, highs) = self._grouped(w, options.groups), _sides(options.padding)
        return self._computed(
            x, lambda data: operation(data, weight, list(options.stride), lows, highs, list(options.dilation)), bias
        )

    def _conv_transpose(self, x: Array, w: Array, bias: Array | None, options: Convolution) -> Array:
        name = "convolution_backprop_data" if options.groups == 1 else "group_convolution_backprop_data"
        weight, (lows, highs) = self._grouped(w, options.groups), _sides(options.padding)
        return self._computed(
            x,
            lambda data: getattr(self._opset, name)(
                data,
                weight,
                strides=list(options.stride),
                pads_begin=lows,
                pads_end=highs,
                dilations=list(options.dilation),
                output_padding=list(options.output_padding),
            ),
            bias,
        )

    def _grouped(self, w: Array, groups: int) -> Any:
        """The weight, with an axis of groups in front if there are several."""
        return self._opset.constant(w if groups == 1 else w.reshape(groups, len(w) // groups, *w.shape[1:]))

    def _max_pool(self, x: Array, options: Pooling) -> Array:
        (lows, highs), kernel_size = _sides(options.padding), list(options.kernel_size)
        stride, dilation = list(options.stride), list(options.dilation)
        return self._computed(
            x,
            lambda data: self._opset.max_pool(
                data, stride, dilation, lows, highs, kernel_size, _ROUNDING[options.ceil_mode]
            ).output(0),
        )

    def _avg_pool(self, x: Array, options: Pooling) -> Array:
        (lows, highs), kernel_size = _sides(options.padding), list(options.kernel_size)
        excluded, rounding = not options.count_include_pad, _ROUNDING[options.ceil_mode]
        return self._computed(
            x,
            lambda data: self._opset.avg_pool(data, list(options.stride), lows, highs, kernel_size, excluded, rounding),
        )


def _sides(padding: Pairs) -> tuple[list[int], list[int]]:
    return [lo for lo, _ in padding], [hi for _, hi in padding]
