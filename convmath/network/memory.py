"""The memory that activations take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..division import is_symbolic
from ..errors import DomainError, unknown
from .node import Node
from .operators import Dropout, Expand, Flatten, Identity, Permute, Reshape, Slice, Windows
from .row import Row
from .rows import Rows
from .totals import Total

_WIDTHS = {
    1: ("bool", "uint8", "int8", "quint8", "qint8", "quint4x2", "quint2x4", "bits8", "bits4x2", "bits2x4", "bits1x8"),
    2: ("float16", "half", "bfloat16", "int16", "short", "uint16", "bits16"),
    4: ("float32", "float", "int32", "int", "uint32", "qint32", "complex32", "chalf"),
    8: ("float64", "double", "int64", "long", "uint64", "complex64", "cfloat"),
    16: ("complex128", "cdouble"),
}
_SMALL = (
    *("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2"),
    *(f"{sign}int{bits}" for sign in ("", "u") for bits in range(1, 8)),
    "bit",
)
"""In a byte of its own, each element, or as many as the name says."""

_ITEMSIZE = {name: width for width, names in _WIDTHS.items() for name in names} | dict.fromkeys(_SMALL, 1)
_VIEWS = (Dropout, Expand, Flatten, Identity, Permute, Reshape, Slice, Windows)
_COPIES = ("cast", "clone", "contiguous", "copy")
"""Identities that lie in memory of their own."""


def itemsize(dtype: Any) -> int:
    """Bytes of an element.

    Args:
        dtype: the name of a dtype of torch, or a dtype of torch or NumPy.

    Raises:
        DomainError: the dtype is unknown.

    >>> [itemsize(name) for name in ("float32", "bfloat16", "int8", "float8_e4m3fn", "complex64")]
    [4, 2, 1, 1, 8]
    """
    name = (dtype if isinstance(dtype, str) else _name(dtype)).removeprefix("torch.")
    if name not in _ITEMSIZE:
        raise unknown("dtype", name, _ITEMSIZE, "dtype", ", ".join(("float32", "float16", "bfloat16", "int8")))
    return _ITEMSIZE[name]


def _name(dtype: Any) -> str:
    """The name of a dtype of torch or NumPy, of a scalar type of NumPy, or of what has one as these do."""
    scalar = (
        isinstance(dtype, type) and dtype.__module__ != "builtins"
    )  # Python's float is another in torch than in NumPy
    if not scalar and not isinstance(getattr(dtype, "itemsize", None), int):
        raise DomainError("dtype", dtype, "needs the name of a dtype, or a dtype of torch or NumPy")
    return str(getattr(dtype, "__name__" if scalar else "name", dtype))


def peak(rows: Rows, measure: Callable[[Row], Any] = lambda row: row.elements) -> Total:
    """Elements that are alive at once at most; with ``measure`` another number of those of a node.

    Nodes run in order; each has its inputs and its output at once, and what no later node reads is freed, the network's
    outputs aside. A node that only names elements anew, or some of them, or writes in place, makes none, and keeps all
    alive. Weights and constants, what a node needs besides while it runs, and what training keeps are not among them.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> one = net.add("one", Conv(1, 8, (3, 3), padding=1), net.input((1, 4, 4)))
    >>> two = net.add("two", Conv(8, 2, (3, 3), padding=1), one)
    >>> peak(net.analyze()).value  # the output of one and that of two
    160
    """
    owner: dict[str, str] = {}
    last: dict[str, int] = {}
    outputs = set(rows.graph.outputs)
    for number, node in enumerate(rows.graph):
        owner[node.name] = owner[node.inputs[0]] if shares(node) else node.name
        for name in (node.name, *node.inputs):
            last[owner[name]] = number
        if node.name in outputs:
            outputs.add(owner[node.name])
    freed: dict[int, list[str]] = {}
    for name, number in last.items():
        if name not in outputs:
            freed.setdefault(number, []).append(name)
    sizes = {row.name: 0 if row.sizes is None else measure(row) for row in rows}
    alive = most = 0
    for number, row in enumerate(rows):
        alive += sizes[row.name] if owner[row.name] == row.name else 0
        most = larger(most, alive)
        alive -= sum(sizes[name] for name in freed.get(number, ()))
    elements = rows.total("elements")
    return Total(most, elements.status, elements.missing)


def shares(node: Node) -> bool:
    """Whether a node's result lies in the memory of what it reads first.

    >>> shares(Node("tokens", Flatten(2), ("image",))), shares(Node("copy", Identity("clone"), ("image",)))
    (True, False)
    """
    if node.placement.shares is not None or not node.inputs:
        return bool(node.placement.shares)
    copies = isinstance(node.operator, Identity) and node.operator.name in _COPIES
    return isinstance(node.operator, _VIEWS) and len(node.inputs) == 1 and not copies


def larger(one: Any, other: Any) -> Any:
    """The larger of two numbers, as a term where they go by a symbol.

    >>> from sympy import Symbol
    >>> n = Symbol("N", positive=True)
    >>> larger(3 * n, 2 * n), larger(3 * n, n + 1), larger(3, 2)
    (3*N, Max(3*N, N + 1), 3)
    """
    if not is_symbolic(one) and not is_symbolic(other):
        return max(one, other)
    from sympy import Max

    return Max(one, other)
