"""Stored tensors that are masks of attention: added to nothing but what a softmax makes weights of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import onnx

from .scope import graphs_in
from .value import Array, Learned

_TYPES = onnx.TensorProto
KINDS = {
    one: onnx.helper.tensor_dtype_to_np_dtype(one)
    for one in (_TYPES.FLOAT, _TYPES.FLOAT16, _TYPES.BFLOAT16, _TYPES.DOUBLE)
}
"""The types of masks that are added."""

_MOVES = {"Cast", "DequantizeLinear", "Expand", "Identity", "QuantizeLinear", "Reshape"}
_MOVES |= {"Slice", "Squeeze", "Transpose", "Unsqueeze"}
"""Those whose first input keeps its elements."""

_SUMS = {"Add", "Max", "Where"}
"""What is done with masks, and with what they are added to, before a softmax."""

_QUANTISED = {"DequantizeLinear": {0}, "QLinearAdd": {0, 3}, "QLinearMul": {0, 3}}
"""The inputs that hold small integers in place of numbers, by operator."""

_LOWEST = -1e4
"""What hides a position is at most this; exporters write -10000, the lowest number of the type, or its infinity."""


def masks(graph: Any) -> dict[str, Learned]:
    """The stored tensors of a graph that are masks, and those that may be some, by their names.

    One is a matrix, with sizes of 1 before it, so the same for all heads; is read by nothing but sums that nothing but
    Softmax reads; and holds 0 and very low numbers alone. Of data in other files, and of integers in place of numbers,
    it is not known what they hold.
    """
    floats = [tensor for tensor in graph.initializer if tensor.data_type in KINDS and _is_matrix(tensor)]
    integers = _integers(graph)
    weighed = _weighed(graph) if floats or integers else set()
    shown = {one.name: _telling_of(one) for one in floats if one.name in weighed}
    found = {name: Learned.UNTOLD for name, one in shown.items() if one is None}
    found |= {name: Learned.UNLIKELY for name, one in shown.items() if one is not None and one <= _LOWEST}
    for tensor, added in integers:
        may_be = _is_matrix(tensor) and (added or tensor.name in weighed)
        found[tensor.name] = Learned.UNTOLD if may_be else Learned.PERHAPS
    return found


def _integers(graph: Any) -> list[tuple[Any, bool]]:
    """The stored tensors that hold integers in place of numbers, and whether what adds or multiplies reads them so."""
    read = {
        name: node.op_type != "DequantizeLinear"
        for node in graph.node
        for place, name in enumerate(node.input)
        if place in _QUANTISED.get(node.op_type, ())
    }
    stored = (tensor for tensor in graph.initializer if tensor.dims and tensor.data_type not in KINDS)
    return [(tensor, read[tensor.name]) for tensor in stored if tensor.name in read]


def _weighed(graph: Any) -> set[str]:
    """The names of the tensors of which all that reads them makes, by sums and Softmax, weights."""
    outside = {info.name for info in graph.output}
    for one in graphs_in(*graph.node):
        outside.update(info.name for info in one.output)
        outside.update(name for node in one.node for name in node.input)
    found = set[str]()
    for node in reversed(graph.node):
        sums, makes = node.op_type in _SUMS, any(one in found and one not in outside for one in node.output[:1])
        weighs = node.op_type == "Softmax" or (makes and (sums or node.op_type in _MOVES))
        kept = 0 if node.domain not in ("", "ai.onnx") or not weighs else len(node.input) if sums else 1
        found.update(node.input[:kept])
        outside.update(node.input[kept:])
    return found - outside


def _is_matrix(tensor: Any) -> bool:
    dims = tuple(tensor.dims)
    return len(dims) > 1 and min(dims[-2:]) > 1 and set(dims[:-2]) <= {1}


def _telling_of(tensor: Any) -> Any:
    kind = KINDS[tensor.data_type]
    if tensor.data_location == _TYPES.EXTERNAL:
        return None
    if raw := tensor.raw_data:
        data = np.frombuffer(raw, kind, len(raw) // kind.itemsize)
        return telling(len(data), lambda start, stop: data[start:stop])
    if kind.itemsize == 2:
        halves = tensor.int32_data
        return telling(len(halves), lambda start, stop: np.array(halves[start:stop]).astype(np.uint16).view(kind))
    listed = tensor.float_data if kind.itemsize == 4 else tensor.double_data
    return telling(len(listed), lambda start, stop: np.array(listed[start:stop], kind))


def telling_bytes(read: Callable[[int, int], bytes], length: int, kind: int) -> bytes:
    """Of so many bytes, of elements of a type of masks, those of the element that tells whether they are a mask's."""
    size = KINDS[kind].itemsize
    shown = telling(length // size, lambda start, stop: np.frombuffer(read(start * size, stop * size), KINDS[kind]))
    return b"" if shown is None else shown.tobytes()


def telling(count: int, part: Callable[[int, int], Array]) -> Any:
    """The element that tells whether they are a mask's: the first that no mask holds, or else the least; None of none.

    Args:
        count: how many elements there are.
        part: gives those from a place to another.
    """
    found = None
    for start, stop in _bounds(count):
        elements = part(start, stop)
        others = elements[~((elements <= _LOWEST) | (elements == 0))]
        if others.size:
            return others[0]
        least = elements.min()
        found = least if found is None else min(found, least)
    return found


def _bounds(count: int) -> Iterator[tuple[int, int]]:
    """Parts that grow: the first elements of weights show already that they are no mask's."""
    start, step = 0, 64
    while start < count:
        yield start, min(start + step, count)
        start, step = start + step, min(2 * step, 2**16)
