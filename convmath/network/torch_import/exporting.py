"""A module read by torch.export, where torch.fx cannot follow its flow of control."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

from ...errors import UnsupportedError
from ..sizes.in_operators import numbers
from . import calls
from .arguments import Arguments
from .builder import Builder
from .framework import silenced
from .registry import KEPT, name_of
from .values import Value, mapped, values_in


def read_exported(builder: Builder, module: Any, inputs: Mapping[str, Value], others: Mapping[str, Any]) -> list[Value]:
    """What a module's exported graph returns.

    Args:
        builder: what is read goes there.
        module: the module.
        inputs: values by the names of the parameters of its forward.
        others: the other arguments, by name.
    """
    builder.recorder.stray()  # torch.export follows the forward at these sizes
    program = _exported(builder, module, inputs, others)
    builder.checks.layouts = False  # it has asked torch for the views already
    tensors = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
        **program.constants,
    }
    signature = program.graph_signature
    fakes = (node.meta.get("val") for node in program.graph.nodes)
    builder.mode = next((fake.fake_mode for fake in fakes if isinstance(fake, torch.Tensor)), None)
    if any(isinstance(tensor, FakeTensor) for tensor in program.constants.values()):
        raise UnsupportedError(f"the forward of {type(module).__name__} could not be followed: {KEPT}")
    names = {
        **signature.inputs_to_parameters,
        **signature.inputs_to_buffers,
        **signature.inputs_to_lifted_tensor_constants,
    }
    given = iter(inputs.values())
    values: dict[Any, Any] = {}
    outputs: list[Value] = []
    layers = _Layers(builder, module)
    for node, last in _with_ends(program.graph.nodes):
        if node.op == "placeholder":
            name = names.get(node.name)
            values[node] = builder.constant(tensors[name], name) if name else _given(node, given)
        elif node.op == "call_function":
            values[node] = _called(builder, node, values, layers, last)
        elif node.op == "output":
            found = mapped(
                node.args[0], lambda item: values.get(item, item) if isinstance(item, torch.fx.Node) else item
            )
            outputs = values_in(found)
    return outputs


def _exported(builder: Builder, module: Any, inputs: Mapping[str, Value], others: Mapping[str, Any]) -> Any:
    with FakeTensorMode():
        tensors = {
            name: torch.empty(numbers(value.known), dtype=value.dtype, device=builder.device)
            for name, value in inputs.items()
        }
    with warnings.catch_warnings(), redirect_stderr(StringIO()), silenced(), torch.no_grad():
        warnings.simplefilter("ignore")  # what torch.export says on failing is in its error, too
        args, kwargs = Arguments(module).bound({**tensors, **others})
        return torch.export.export(module, args, kwargs, strict=False)


def _given(node: Any, given: Iterator[Value]) -> Any:
    """An input of the network; one that is no tensor stands for itself."""
    return next(given) if isinstance(node.meta.get("val"), torch.Tensor) else node.meta.get("val")


class _Layers:
    """The modules without parts, at whose last node their call is noted."""

    def __init__(self, builder: Builder, module: Any) -> None:
        self.builder = builder
        self.parts = dict(module.named_modules(remove_duplicate=False))
        self.own = {part: path for path, part in module.named_modules()}
        self.visits = calls.visits(module.modules())
        self.given: tuple[int | None, ...] = ()
        self.made: Value | None = None

    def enter(self, path: str, arguments: Any) -> None:
        """Before a node: what the first of a module reads of others is what the module is given."""
        self.builder.scope, self.builder.module = path, self.parts.get(path)
        if not self.given:
            self.given = tuple(value.step for value in values_in(arguments) if not value.constant)

    def made_by(self, node: Any, result: Any) -> None:
        """After a node: of several results that are taken apart at the end, the first is the module's."""
        apart = node.target is operator.getitem
        if isinstance(result, Value) and not (apart and self.made):
            self.made = result
        elif not apart:
            self.made = None

    def leave(self) -> None:
        """After the last node of a module, which has the module's name if that has no parts."""
        path, given, result = self.builder.scope, self.given, self.made
        self.given, self.made = (), None
        part = self.parts.get(path)
        leaf = part is not None and next(part.children(), None) is None
        if leaf and result is not None and result.step is not None:
            step = self.builder.steps[result.step]
            step.name = path or step.name
            step.layer = self.own[part]
            step.call = calls.called(self.builder, part, given, self.visits[part])


def _called(builder: Builder, node: Any, values: Mapping[Any, Any], layers: _Layers, last: bool) -> Any:
    """The results of a node, which may be the last of its module."""
    args, kwargs = (
        mapped(part, lambda item: _value(builder, values[item]) if isinstance(item, torch.fx.Node) else item)
        for part in (tuple(node.args), dict(node.kwargs))
    )
    layers.enter(_module(node), (args, kwargs))
    result = builder.call(name_of(node.target), node.target, args, kwargs)
    layers.made_by(node, result)
    if last:
        layers.leave()
    return result


def _value(builder: Builder, item: Any) -> Any:
    return builder.writing.seen(item) if isinstance(item, Value) else item


def _module(node: Any) -> str:
    """The path of the module that a node belongs to."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(stack[-1][0]) if stack else ""


def _with_ends(nodes: Any) -> Iterator[tuple[Any, bool]]:
    """Each node, and whether the next one belongs to another module, or to another call of the same."""
    found = list(nodes)
    keys = [list(node.meta.get("nn_module_stack", {})) for node in found]
    for node, own, following in zip(found, keys, [*keys[1:], None], strict=True):
        yield node, own != following
