"""The memory that activations take."""

from __future__ import annotations

from typing import Any

from ..errors import DomainError
from .operators import Flatten, Identity, Permute, Reshape
from .report import NetworkReport

_ITEMSIZE = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2}
_VIEWS = (Identity, Flatten, Permute, Reshape)


def itemsize(dtype: str) -> int:
    """Bytes of an element.

    Raises:
        DomainError: the dtype is unknown.
    """
    if dtype not in _ITEMSIZE:
        raise DomainError("dtype", dtype, f"needs one of {', '.join(_ITEMSIZE)}")
    return _ITEMSIZE[dtype]


def peak(report: NetworkReport) -> Any:
    """Elements that are alive at once at most.

    Nodes run in order; each has its inputs and its output at once, and what no later node reads is freed, the network's
    outputs aside. A node that only names elements anew makes none.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> one = net.add("one", Conv(1, 8, (3, 3), padding=1), net.input((1, 4, 4)))
    >>> two = net.add("two", Conv(8, 2, (3, 3), padding=1), one)
    >>> peak(net.analyze())  # the output of one and that of two
    160
    """
    owner: dict[str, str] = {}
    last: dict[str, int] = {}
    outputs = set(report.graph.outputs)
    for number, node in enumerate(report.graph):
        view = isinstance(node.operator, _VIEWS) and len(node.inputs) == 1
        owner[node.name] = owner[node.inputs[0]] if view else node.name
        for name in (node.name, *node.inputs):
            last[owner[name]] = number
        if node.name in outputs:
            outputs.add(owner[node.name])
    freed: dict[int, list[str]] = {}
    for name, number in last.items():
        if name not in outputs:
            freed.setdefault(number, []).append(name)
    alive = most = 0
    for number, row in enumerate(report):
        alive += row.elements if owner[row.name] == row.name else 0
        most = max(most, alive)
        alive -= sum(report[name].elements for name in freed.get(number, ()))
    return most
