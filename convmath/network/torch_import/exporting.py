"""A module read by torch.export, where torch.fx cannot follow its flow of control."""

from __future__ import annotations

import operator
import warnings
from collections.abc import Iterable, Iterator, Mapping
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
from .functions import noted
from .registry import KEPT, UntraceableError, name_of
from .values import Value, found_in, mapped, values_in

_AROUND: Mapping[str, Any] = {
    "wrap_with_autocast": torch.autocast,
    "wrap_with_set_grad_enabled": torch.set_grad_enabled,
}
"""The operators that call a graph within a mode of torch, and that mode."""

_AUTOCAST = ("_enter_autocast", "_exit_autocast")
"""The functions that begin and end a mode of which torch.export has made no graph."""

TRANSFORMS = ("torch._functorch", "torch._C._functorch")
"""Where torch.func's transforms are, and their parts, which change torch for all that follows."""

_OTHERS = "it runs graphs of its own, and which of them and how often may depend on the elements of tensors"


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
    left = iter(inputs.values())
    given = [
        builder.parameters.value(tensors[names[node.name]], names[node.name])
        if node.name in names
        else _given(node, left)
        for node in program.graph.find_nodes(op="placeholder")
    ]
    return values_in(_Graphs(builder, module, program.graph_module).run(program.graph_module, given))


def _exported(builder: Builder, module: Any, inputs: Mapping[str, Value], others: Mapping[str, Any]) -> Any:
    with FakeTensorMode():
        tensors = {
            name: torch.empty(numbers(value.known), dtype=value.dtype, device=builder.device)
            for name, value in inputs.items()
        }
    with warnings.catch_warnings(), redirect_stderr(StringIO()), silenced(), torch.no_grad():
        warnings.simplefilter("ignore")  # what torch.export says on failing is in its error, too
        args, kwargs = Arguments(module).bound({**tensors, **others})
        with noted(builder):
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


class _Graphs:
    """The graph of a network, and those that it calls."""

    def __init__(self, builder: Builder, module: Any, graph: Any) -> None:
        self.builder = builder
        self.layers = _Layers(builder, module)
        self.lasts = _lasts(graph)

    def run(self, graph: Any, given: Iterable[Any]) -> Any:
        """What a graph returns of what it is given."""
        values = dict(zip(graph.graph.find_nodes(op="placeholder"), given, strict=True))

        def valued(part: Any) -> Any:
            return mapped(part, lambda item: values[item] if isinstance(item, torch.fx.Node) else item)

        for node in graph.graph.nodes:
            if node.op == "get_attr":
                values[node] = getattr(graph, node.target)
            elif node.op == "call_function":
                values[node] = self._called(node, valued(tuple(node.args)), valued(dict(node.kwargs)))
            elif node.op == "output":
                return valued(node.args[0])
        return ()

    def _called(self, node: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """The results of a node, or of those of the graph that it calls within a mode."""
        name = name_of(node.target)
        if str(getattr(node.target, "__module__", "")).startswith(TRANSFORMS):
            how = "compute with the whole batch at once, and leave derivatives out"
            raise UntraceableError("it is computed by a transform of torch.func, such as torch.vmap", how)
        if name in _AUTOCAST:
            return node.target(*args)
        if name == "_set_grad_enabled":  # gradients are off while torch.export follows the forward
            return None
        graphs = found_in((args, kwargs), torch.fx.GraphModule)
        if name in _AROUND:
            at = args.index(graphs[0])
            with _AROUND[name](*args[:at]):
                return self.run(graphs[0], args[at + 1 :])
        return self._recorded(node, *(mapped(part, self._seen) for part in (args, kwargs)), runs=bool(graphs))

    def _recorded(self, node: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, runs: bool) -> Any:
        """The results of a call; of one that runs graphs, those that torch.export found."""
        name = name_of(node.target)
        self.layers.enter(_module(node), (args, kwargs))
        if runs:
            result = self.builder.unknown(name, _OTHERS, lambda *_, **__: node.meta.get("val"), args, kwargs)
        else:
            result = self.builder.call(name, node.target, args, kwargs)
        self.layers.made_by(node, result)
        if node in self.lasts:
            self.layers.leave()
        return result

    def _seen(self, item: Any) -> Any:
        return self.builder.writing.seen(item) if isinstance(item, Value) else item


def _module(node: Any) -> str:
    """The path of the module that a node belongs to."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return str(stack[-1][0]) if stack else ""


def _lasts(graph: Any) -> set[Any]:
    """The calls after which those of another module come, or of another call of the same."""
    found = list(_calls(graph))
    keys = [list(node.meta.get("nn_module_stack", {})) for node in found]
    return {node for node, own, following in zip(found, keys, [*keys[1:], None], strict=False) if own != following}


def _calls(graph: Any) -> Iterator[Any]:
    """The calls in a graph in their order, with those in the graphs that are called within a mode."""
    for node in graph.graph.nodes:
        if node.op == "call_function" and name_of(node.target) in _AROUND:
            inner = next(one for one in node.args if isinstance(one, torch.fx.Node) and one.op == "get_attr")
            yield from _calls(getattr(graph, inner.target))
        elif node.op == "call_function":
            yield node
