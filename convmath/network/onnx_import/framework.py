"""What ONNX itself says of the sizes that an operator gives."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import checker, defs, helper, numpy_helper, shape_inference

from ..operators import Sizes
from .constants import without_terms
from .registry import NotUnderstoodError
from .value import MOST_DIMENSIONS, Value

if TYPE_CHECKING:
    from .call import Call

_NEVER = {"Split", "SplitToSequence", "ConcatFromSequence", "SequenceMap"}
"""Those whose inference takes memory by what is written in the file."""


_RUNTIME = {"LayerNormalization", "MeanVarianceNormalization", "ThresholdedRelu"}
"""What ONNX Runtime has in every version, and its optimizer writes into the domain of ONNX itself."""


def require_there(call: Call) -> None:
    """Require that the version of a file has the operator, if any version has.

    Raises:
        NotUnderstoodError: it is there from a later version on.
    """
    if call.domain or call.op in _RUNTIME or not defs.has(call.op) or defs.has(call.op, call.opset):
        return
    there = f"{call.op} is there from version {_first(call.op)} of ONNX's operators on"
    raise NotUnderstoodError(f"{there}, and the model says {call.opset or 'none'}")


@cache
def _first(op: str) -> int:
    every = defs.get_all_schemas_with_history()
    return min(int(schema.since_version) for schema in every if schema.name == op and not schema.domain)


def inferred(call: Call) -> list[Sizes | None]:
    """The sizes of every output, None where ONNX cannot say."""
    nothing: list[Sizes | None] = [None] * len(call.proto.output)
    if call.domain or call.holds_graphs or call.op in _NEVER or any(a.ref_attr_name for a in call.proto.attribute):
        return nothing
    try:
        found = _inferred(call)
    except Exception:  # whatever it is, ONNX does not say
        return nothing
    return [_sizes(found.get(name)) for name in call.proto.output]


def _inferred(call: Call) -> dict[str, Any]:
    schema = defs.get_schema(call.op, call.opset, "")
    opsets = [helper.make_opsetid("", call.opset)]
    context = checker.C.CheckerContext()
    context.ir_version, context.opset_imports = onnx.IR_VERSION, {"": call.opset}
    checker.check_node(call.proto, context)
    types, data = {}, {}
    for number, (name, value) in enumerate(zip(call.proto.input, call.inputs, strict=True)):
        if value is None:
            continue
        formal = schema.inputs[min(number, len(schema.inputs) - 1)]
        types[name] = _type(value, formal.types)
        array = without_terms(value.array)
        if array is not None and array.dtype != object:
            data[name] = numpy_helper.from_array(np.array(array, order="C"), name)
            types[name] = helper.make_tensor_type_proto(data[name].data_type, array.shape)
    found: dict[str, Any] = shape_inference.infer_node_outputs(
        schema, call.proto, types, data, opset_imports=opsets, ir_version=onnx.IR_VERSION
    )
    return found


def _type(value: Value, allowed: set[str]) -> Any:
    """A tensor of the sizes of a value, and of a type that the operator takes."""
    kinds = {"tensor(float)": "FLOAT", "tensor(int64)": "INT64", "tensor(int32)": "INT32", "tensor(bool)": "BOOL"}
    kinds |= {"tensor(uint8)": "UINT8", "tensor(int8)": "INT8"}
    kind = next(code for name, code in kinds.items() if name in allowed)
    element = onnx.TensorProto.DataType.Value(kind)
    if value.sizes is None or _may_be_sizes(value, allowed):
        return helper.make_tensor_type_proto(element, None)
    return helper.make_tensor_type_proto(element, [size if isinstance(size, int) else None for size in value.sizes])


def _may_be_sizes(value: Value, allowed: set[str]) -> bool:
    """Whether it may say a number of dimensions that ONNX would write down one by one."""
    match value.sizes:
        case (int(length),):
            return length > MOST_DIMENSIONS and value.array is None and "tensor(float)" not in allowed
    return False


def _sizes(found: Any) -> Sizes | None:
    if found is None or not found.HasField("tensor_type") or not found.tensor_type.HasField("shape"):
        return None
    dims = found.tensor_type.shape.dim
    if len(dims) > MOST_DIMENSIONS or any(not dim.HasField("dim_value") or dim.dim_value < 1 for dim in dims):
        return None
    return tuple(int(dim.dim_value) for dim in dims)
