"""Stored tensors that are masks of attention: added to nothing but what a softmax makes weights of."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from .constants import elements
from .scope import graphs_in

_MOVES = {"Cast", "Expand", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
"""Those whose first input keeps its elements."""

_LOWEST = -1e4
"""What hides a position is at most this; exporters write -10000, the lowest number of the type, or its infinity."""


def masks(graph: Any) -> set[str]:
    """The names of the stored tensors of a graph that are masks.

    One is a matrix, with sizes of 1 before it, so the same for all heads; is read by nothing but additions whose sums
    nothing but Softmax reads; and holds 0 and very low numbers alone, where it is short enough to be looked at.
    """
    wanted = [tensor for tensor in graph.initializer if _is_matrix(tensor) and _hides(tensor)]
    if not wanted:
        return set()
    readers = defaultdict(list)
    for one in (graph, *graphs_in(*graph.node)):
        for info in one.output:
            readers[info.name].append((None, 0))
        for node in one.node:
            for number, name in enumerate(node.input):
                if name:
                    readers[name].append((node, number))
    return {tensor.name for tensor in wanted if _reaches(tensor.name, "Add", readers)}


def _is_matrix(tensor: Any) -> bool:
    dims = tuple(tensor.dims)
    return len(dims) > 1 and min(dims[-2:]) > 1 and set(dims[:-2]) <= {1}


def _hides(tensor: Any) -> bool:
    array = elements(tensor)
    if array is None:
        return True
    hidden = array <= _LOWEST
    return bool(hidden.any() and (hidden | (array == 0)).all())


def _reaches(name: str, op: str, readers: Any) -> bool:
    """Whether all that reads a tensor, once it is moved and cast, is an operator, and after additions Softmax."""
    waiting, seen, found = [name], {name}, False
    while waiting:
        for node, number in readers[waiting.pop()]:
            if node is None or node.domain not in ("", "ai.onnx") or not node.output:
                return False
            made = node.output[0]
            if node.op_type == op:
                found = True
                if op == "Add" and not _reaches(made, "Softmax", readers):
                    return False
            elif node.op_type not in _MOVES or number:
                return False
            elif made not in seen:
                waiting.append(made)
                seen.add(made)
    return found
