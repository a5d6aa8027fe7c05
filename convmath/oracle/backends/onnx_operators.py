"""ONNX operators as models of one node: by ONNX Runtime on the CPU, and by ONNX's reference evaluator."""

from __future__ import annotations

import os
from abc import abstractmethod
from itertools import chain
from types import MappingProxyType
from typing import Any

from ..options import Pairs
from .backend import Array, Backend, Convolution, Operator, Pooling

_DOCS = "https://onnx.ai/onnx/operators/onnx__"
_OPSET = 22
_IR_VERSION = 10
_NO_DIVISOR = MappingProxyType({"divisor_override": "has no divisor_override"})


def _operators(*dtypes: str) -> MappingProxyType[str, tuple[Operator, ...]]:
    return MappingProxyType(
        {
            "conv": (Operator("Conv", _DOCS + "Conv.html", dtypes),),
            "conv_transpose": (Operator("ConvTranspose", _DOCS + "ConvTranspose.html", dtypes),),
            "max_pool": (Operator("MaxPool", _DOCS + "MaxPool.html", dtypes),),
            "avg_pool": (Operator("AveragePool", _DOCS + "AveragePool.html", dtypes, _NO_DIVISOR),),
        }
    )


class _Onnx(Backend):
    """What runs a node: :meth:`_run` computes a model's output."""

    def _import(self) -> None:
        import onnx

        self._onnx = onnx

    @abstractmethod
    def _run(self, model: Any, inputs: dict[str, Array]) -> Array:
        """The output of a model."""

    def _node(self, operator: str, arrays: tuple[Array | None, ...], padding: Pairs, **attributes: Any) -> Array:
        helper = self._onnx.helper
        inputs = {name: array for name, array in zip("xwb", arrays, strict=False) if array is not None}
        element = helper.np_dtype_to_tensor_dtype(inputs["x"].dtype)
        pads = list(chain(*zip(*padding, strict=True)))
        graph = helper.make_graph(
            [helper.make_node(operator, list(inputs), ["y"], pads=pads, **attributes)],
            operator,
            [helper.make_tensor_value_info(name, element, array.shape) for name, array in inputs.items()],
            [helper.make_tensor_value_info("y", element, [None] * inputs["x"].ndim)],
        )
        opsets = [helper.make_opsetid("", _OPSET)]
        return self._run(helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION), inputs)

    def _convolved(
        self, operator: str, arrays: tuple[Array, Array, Array | None], options: Convolution, **attributes: Any
    ) -> Array:
        return self._node(
            operator,
            arrays,
            options.padding,
            kernel_shape=arrays[1].shape[2:],
            strides=options.stride,
            dilations=options.dilation,
            group=options.groups,
            **attributes,
        )

    def _conv(self, x: Array, w: Array, bias: Array | None, options: Convolution) -> Array:
        return self._convolved("Conv", (x, w, bias), options)

    def _conv_transpose(self, x: Array, w: Array, bias: Array | None, options: Convolution) -> Array:
        return self._convolved("ConvTranspose", (x, w, bias), options, output_padding=options.output_padding)

    def _pooled(self, operator: str, x: Array, options: Pooling, **attributes: Any) -> Array:
        return self._node(
            operator,
            (x,),
            options.padding,
            kernel_shape=options.kernel_size,
            strides=options.stride,
            ceil_mode=int(options.ceil_mode),
            **attributes,
        )

    def _max_pool(self, x: Array, options: Pooling) -> Array:
        return self._pooled("MaxPool", x, options, dilations=options.dilation)

    def _avg_pool(self, x: Array, options: Pooling) -> Array:
        return self._pooled("AveragePool", x, options, count_include_pad=int(options.count_include_pad))


class OnnxRuntime(_Onnx):
    """ONNX Runtime's CPU provider, on one thread."""

    name = "onnxruntime"
    extra = "onnxruntime"
    packages = ("onnxruntime", "onnx")
    modules = ("onnxruntime", "onnx")
    operators = _operators("float32")

    def _import(self) -> None:
        super()._import()
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else importing it leaves a device id, and sends events
        import onnxruntime

        self._runtime = onnxruntime
        self._options = onnxruntime.SessionOptions()
        self._options.intra_op_num_threads = self._options.inter_op_num_threads = 1
        self._options.log_severity_level = 4

    def _run(self, model: Any, inputs: dict[str, Array]) -> Array:
        session = self._runtime.InferenceSession(
            model.SerializeToString(), self._options, providers=["CPUExecutionProvider"]
        )
        output: Array = session.run(None, inputs)[0]
        return output


class OnnxReference(_Onnx):
    """``onnx.reference.ReferenceEvaluator``, which is written in NumPy."""

    name = "onnx_reference"
    extra = "onnx"
    packages = ("onnx",)
    modules = ("onnx",)
    operators = _operators("float16", "float32", "float64")

    def _import(self) -> None:
        super()._import()
        from onnx.reference import ReferenceEvaluator

        self._evaluator = ReferenceEvaluator

    def _run(self, model: Any, inputs: dict[str, Array]) -> Array:
        output: Array = self._evaluator(model).run(None, inputs)[0]
        return output
