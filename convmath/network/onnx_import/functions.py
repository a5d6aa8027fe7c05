"""Functions that a model defines by nodes: what a call of one runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

import onnx

from ...errors import DomainError
from .call import GRAPHS, Call
from .registry import NotUnderstoodError
from .scope import nodes_in, texts_in

Key: TypeAlias = tuple[str, str, str]
"""The domain of a function, its name, and what tells it from others of this name."""


class Function(NamedTuple):
    """A function of a model: it itself, and how many nodes it runs."""

    proto: Any
    nodes: int


def functions_of(model: Any) -> dict[Key, Function]:
    """The functions of a model.

    Raises:
        DomainError: two are the same, or a text is none.
    """
    found: dict[Key, Function] = {}
    for function in model.functions:
        key = (function.domain, function.name, function.overload)
        wrong = next((text for text in (*key, *texts_in(function)) if not isinstance(text, str)), None)
        if wrong is not None:
            raise DomainError("functions", wrong, "the texts of a model are encoded as UTF-8")
        if key in found:
            raise DomainError(
                "functions", function.name, f"the domain {function.domain} has two functions of this name"
            )
        found[key] = Function(function, nodes_in(function))
    return found


def key_of(call: Call) -> Key:
    """The function that a node may call."""
    return call.domain, call.op, call.proto.overload


def opsets_of(function: Any) -> dict[str, int]:
    """The version of every set of operators by which a function is read.

    Raises:
        NotUnderstoodError: that of ONNX itself is none that is known.
    """
    opsets = {"" if one.domain == "ai.onnx" else one.domain: one.version for one in function.opset_import}
    if not 1 <= opsets.get("", 1) <= onnx.defs.onnx_opset_version():
        raise NotUnderstoodError(f"it is a function of the version {opsets['']} of ONNX's operators")
    return opsets


def nodes_of(function: Any, attributes: Iterable[Any]) -> Iterator[Any]:
    """The nodes of a function that is called with attributes, which its nodes refer to by name."""
    given = {one.name: one for one in (*function.attribute_proto, *attributes)}
    for node in function.node:
        yield _filled(node, given) if any(one.ref_attr_name for one in node.attribute) else node


def _filled(node: Any, given: Mapping[str, Any]) -> Any:
    """A node with attributes in place of their names; one that is not given is left out, and a graph stays a name."""
    found = onnx.NodeProto()
    found.CopyFrom(node)
    del found.attribute[:]
    for attribute in node.attribute:
        other = given.get(attribute.ref_attr_name) if attribute.ref_attr_name else attribute
        if other is not None and attribute.ref_attr_name and other.type in GRAPHS:
            other = attribute
        if other is not None:
            found.attribute.add().CopyFrom(other)
            found.attribute[-1].name = attribute.name
    return found
