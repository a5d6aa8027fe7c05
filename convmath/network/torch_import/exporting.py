"""A module read by torch.export, where torch.fx cannot follow its flow of control."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import torch

from .builder import Builder
from .framework import silenced
from .registry import name_of
from .values import Value, mapped


def read_exported(builder: Builder, module: Any, inputs: Mapping[str, Value], others: Mapping[str, Any]) -> list[Value]:
    """What a module's exported graph returns.

    Args:
        builder: what is read goes there.
        module: the module.
        inputs: values by the names of the parameters of its forward.
        others: the other arguments, by name.
    """
    program = _exported(builder, module, inputs, others)
    tensors = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers()),
        **program.constants,
    }
    signature = program.graph_signature
    names = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    given = iter(inputs.values())
    values: dict[Any, Any] = {}
    outputs: list[Value] = []
    layers = {path for path, part in module.named_modules() if path and next(part.children(), None) is None}
    for node, last in _with_ends(program.graph.nodes):
        if node.op == "placeholder":
            name = names.get(node.name)
            values[node] = builder.constant(tensors[name], name) if name else _given(node, given)
        elif node.op == "call_function":
            values[node] = _called(builder, node, values, layers if last else set())
        elif node.op == "output":
            found = mapped(
                node.args[0], lambda item: values.get(item, item) if isinstance(item, torch.fx.Node) else item
            )
            outputs = [value for value in _flat(found) if isinstance(value, Value)]
    return outputs


def _exported(builder: Builder, module: Any, inputs: Mapping[str, Value], others: Mapping[str, Any]) -> Any:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        tensors = {
            name: torch.empty(value.known, dtype=value.dtype, device=builder.device) for name, value in inputs.items()
        }
    with warnings.catch_warnings(), redirect_stderr(StringIO()), silenced(), torch.no_grad():
        warnings.simplefilter("ignore")  # what torch.export says on failing is in its error, too
        return torch.export.export(module, (), {**tensors, **others}, strict=False)


def _given(node: Any, given: Iterator[Value]) -> Any:
    """An input of the network; one that is no tensor stands for itself."""
    return next(given) if isinstance(node.meta.get("val"), torch.Tensor) else node.meta.get("val")


def _called(builder: Builder, node: Any, values: Mapping[Any, Any], layers: set[str]) -> Any:
    """The results of a node; one that ends a module without parts has the module's name."""
    builder.scope = _module(node)
    args, kwargs = (
        mapped(part, lambda item: _value(builder, values[item]) if isinstance(item, torch.fx.Node) else item)
        for part in (tuple(node.args), dict(node.kwargs))
    )
    schema = getattr(node.target, "_schema", None)
    name = schema.name.partition("::")[2] if schema is not None else name_of(node.target)
    name = {"unfold": "tensor_unfold"}.get(name, name)
    result = builder.call(name.strip("_") if name.startswith("__") else name, node.target, args, kwargs)
    if builder.scope in layers and isinstance(result, Value) and result.step is not None:
        builder.steps[result.step].name = builder.scope
    return result


def _value(builder: Builder, item: Any) -> Any:
    return builder.seen(item) if isinstance(item, Value) else item


def _module(node: Any) -> str:
    """The path of the module that a node belongs to."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(stack[-1][0]) if stack else ""


def _with_ends(nodes: Any) -> Iterator[tuple[Any, bool]]:
    """Each node, and whether the next one belongs to another module."""
    found = list(nodes)
    for node, following in zip(found, [*found[1:], None], strict=True):
        yield node, following is None or _module(following) != _module(node)


def _flat(item: Any) -> Iterator[Any]:
    if isinstance(item, list | tuple):
        for part in item:
            yield from _flat(part)
    elif isinstance(item, dict):
        yield from _flat(list(item.values()))
    else:
        yield item
