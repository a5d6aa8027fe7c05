"""TensorFlow: the layers of ``tf.nn`` on the CPU, channels last, and their gradients by ``tf.GradientTape``."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from .backend import Array, Convolution, Differentiable, Operator, Pooling, Tensor

_DOCS = "https://www.tensorflow.org/api_docs/python/tf/nn/"
_LAYOUTS = {1: "NWC", 2: "NHWC", 3: "NDHWC"}  # with 3 axes a gradient fails unless it is named
_CHANNELS_LAST = "channels go to the last axis and back"
_NO_STRIDE_AND_DILATION = {"dilated_stride": "has no stride and dilation at once"}
_CONV = (
    Operator(
        "tf.nn.convolution",
        _DOCS + "convolution",
        lacks=MappingProxyType(_NO_STRIDE_AND_DILATION),
        ndims=(1, 2),
        composed=f"tf.pad before the layer, the bias is added afterwards; {_CHANNELS_LAST}",
    ),
    Operator(
        "tf.nn.convolution",
        _DOCS + "convolution",
        lacks=MappingProxyType({**_NO_STRIDE_AND_DILATION, "groups": "has no groups with 3 axes"}),
        ndims=(3,),
        composed=f"tf.pad before the layer, the bias is added afterwards; {_CHANNELS_LAST}",
    ),
)
_CONV_TRANSPOSE = (
    Operator(
        "tf.nn.conv_transpose",
        _DOCS + "conv_transpose",
        lacks=MappingProxyType(
            {
                "groups": "has no groups",
                "output_padding_from_stride": "takes output shapes from which the input's follows",
            }
        ),
        composed=f"the output is cropped for the padding, the bias is added afterwards; {_CHANNELS_LAST}",
    ),
)
_POOL_LACKS = {"ceil_mode": "has no ceil_mode", "dilation": "has no dilation"}
_MAX_POOL = (
    Operator(
        "tf.nn.max_pool1d, max_pool2d",
        _DOCS + "max_pool2d",
        lacks=MappingProxyType(_POOL_LACKS),
        ndims=(1, 2),
        composed=_CHANNELS_LAST,
    ),
    Operator(
        "tf.nn.max_pool3d",
        _DOCS + "max_pool3d",
        lacks=MappingProxyType({**_POOL_LACKS, "padding": "has no padding by numbers"}),
        ndims=(3,),
        composed=_CHANNELS_LAST,
    ),
)
_AVG_POOL = (
    Operator(
        "tf.nn.avg_pool",
        _DOCS + "avg_pool",
        lacks=MappingProxyType(
            {**_POOL_LACKS, "padding": "has no padding by numbers", "divisor_override": "has no divisor_override"}
        ),
        composed=_CHANNELS_LAST,
    ),
)


class TensorFlow(Differentiable):
    """TensorFlow on the CPU."""

    name = "tensorflow"
    extra = "tensorflow"
    packages = ("tensorflow", "tensorflow-cpu")
    modules = ("tensorflow",)
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

    def _import(self) -> None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
        import tensorflow

        tensorflow.config.set_visible_devices([], "GPU")
        self._tf = tensorflow

    def _tensor(self, array: Array) -> Tensor:
        return self._tf.constant(array)

    def _moved(self, tensor: Tensor, source: int, target: int) -> Tensor:
        axes = list(range(len(tensor.shape)))
        axes.insert(target % len(axes), axes.pop(source))
        return self._tf.transpose(tensor, axes)

    def _filters(self, w: Tensor) -> Tensor:
        """The weight with its first two axes last, swapped."""
        return self._moved(self._moved(w, 0, -1), 0, -2)

    def _finished(self, y: Tensor, bias: Tensor | None) -> Tensor:
        return self._moved(y if bias is None else y + bias, len(y.shape) - 1, 1)

    def _conv(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        padded = self._tf.pad(self._moved(x, 1, -1), ((0, 0), *options.padding, (0, 0)))
        layout = _LAYOUTS[len(options.stride)]
        y = self._tf.nn.convolution(padded, self._filters(w), options.stride, "VALID", layout, options.dilation)
        return self._finished(y, bias)

    def _conv_transpose(self, x: Tensor, w: Tensor, bias: Tensor | None, options: Convolution) -> Tensor:
        sizes = zip(x.shape[2:], w.shape[2:], options.stride, options.dilation, options.output_padding, strict=True)
        full = [(n - 1) * s + d * (k - 1) + 1 + extra for n, k, s, d, extra in sizes]
        y = self._tf.nn.conv_transpose(
            self._moved(x, 1, -1),
            self._filters(w),
            [x.shape[0], *full, w.shape[1]],
            options.stride,
            padding="VALID",
            dilations=options.dilation,
        )
        inside = (slice(lo, size - hi) for (lo, hi), size in zip(options.padding, full, strict=True))
        return self._finished(y[(slice(None), *inside)], bias)

    def _max_pool(self, x: Tensor, options: Pooling) -> Tensor:
        pads = ((0, 0), *options.padding, (0, 0)) if any(map(any, options.padding)) else "VALID"
        pool = getattr(self._tf.nn, f"max_pool{len(options.stride)}d")
        return self._finished(pool(self._moved(x, 1, -1), options.kernel_size, options.stride, pads), None)

    def _avg_pool(self, x: Tensor, options: Pooling) -> Tensor:
        layout = _LAYOUTS[len(options.stride)]
        y = self._tf.nn.avg_pool(self._moved(x, 1, -1), options.kernel_size, options.stride, "VALID", layout)
        return self._finished(y, None)

    def _pullback(self, layer: Callable[[Tensor], Tensor], at: Array, grad_output: Array) -> Tensor:
        x = self._tensor(at)
        with self._tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x)
        return tape.gradient(y, x, output_gradients=self._tensor(np.ascontiguousarray(grad_output)))
