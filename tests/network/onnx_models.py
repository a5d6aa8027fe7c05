"""ONNX models of one node, and what ONNX and ONNX Runtime say of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, defs, helper, numpy_helper, shape_inference

Arrays = Mapping[str, np.ndarray]


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[Any]],
    constants: Arrays = MappingProxyType({}),
    opset: int = 21,
) -> onnx.ModelProto:
    """A model whose output is the first output of its last node."""
    graph = helper.make_graph(
        list(nodes),
        "net",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, list(sizes)) for name, sizes in inputs.items()],
        [helper.make_empty_tensor_value_info(nodes[-1].output[0])],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10 if opset > 8 else 4)


def one_node(
    op: str, sizes: Sequence[int], *constants: np.ndarray | None, opset: int, outputs: int = 1, **attributes: Any
) -> onnx.ModelProto:
    """A model of the node ``y`` that reads the input ``x`` and constants."""
    named = {f"c{number}": array for number, array in enumerate(constants) if array is not None}
    reads = ["x", *(f"c{number}" if array is not None else "" for number, array in enumerate(constants))]
    node = helper.make_node(op, reads, ["y", *(f"y{n}" for n in range(1, outputs))], "y", **attributes)
    return model([node], {"x": sizes}, named, opset)


def inferred(proto: onnx.ModelProto) -> tuple[int, ...] | None:
    """The sizes of the output by ONNX's inference; None where it cannot say, or refuses."""
    try:
        found = shape_inference.infer_shapes(proto, strict_mode=True, data_prop=True).graph.output[0].type.tensor_type
    except shape_inference.InferenceError:
        return None
    dims = found.shape.dim
    known = found.HasField("shape") and all(dim.HasField("dim_value") for dim in dims)
    return tuple(dim.dim_value for dim in dims) if known else None


def session(proto: onnx.ModelProto) -> onnxruntime.InferenceSession | None:
    """ONNX Runtime with a model; None where it refuses it."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    proto = onnx.ModelProto.FromString(proto.SerializeToString())
    if not proto.graph.output[0].type.HasField("tensor_type"):
        proto.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    try:
        return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception:  # its errors have no common class
        return None


def run(proto: onnx.ModelProto, *arrays: np.ndarray) -> np.ndarray | None:
    """The output; None where ONNX Runtime refuses."""
    runtime = session(proto)
    if runtime is None:
        return None
    names = [one.name for one in runtime.get_inputs()]
    try:
        return runtime.run(None, dict(zip(names, arrays, strict=True)))[0]
    except Exception:  # as above
        return None


def depends(proto: onnx.ModelProto, sizes: Sequence[int]) -> dict[tuple[int, ...], set[tuple[int, ...]]] | None:
    """For every position of the output, the elements of the input whose change changes it."""
    base = run(proto, np.zeros(sizes, np.float32))
    if base is None:
        return None
    found: dict[tuple[int, ...], set[tuple[int, ...]]] = {position: set() for position in np.ndindex(base.shape)}
    runtime = session(proto)
    for element in np.ndindex(*sizes):
        spike = np.zeros(sizes, np.float32)
        spike[element] = 1
        changed = runtime.run(None, {runtime.get_inputs()[0].name: spike})[0] != base
        for position in zip(*np.nonzero(changed), strict=True):
            found[tuple(map(int, position))].add(element)
    return found


@cache
def versions(op: str) -> tuple[int, ...]:
    """The opsets in which an operator changed, and the newest one."""
    found = {
        schema.since_version
        for schema in defs.get_all_schemas_with_history()
        if schema.name == op and not schema.domain
    }
    return tuple(sorted({*found, defs.onnx_opset_version()}))
