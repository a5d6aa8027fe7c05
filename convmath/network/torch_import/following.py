"""A module read by the first way that goes through, and why none does, in words that name its own code.

Sizes remember how they were computed, and are no ints. Where a forward asks for sizes, it is followed with Python's own
ints, too: that is the network, and what the first reading saw of sizes is known of it where both readings are the same.
"""

from __future__ import annotations

import gc
import linecache
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from sys import getrefcount
from threading import RLock
from traceback import walk_tb
from typing import Any, TypeAlias
from weakref import ref

import torch
from torch._subclasses.fake_tensor import FakeTensor
from torch.fx.experimental import proxy_tensor

from ...errors import ConvmathError, DomainError, UnsupportedError, first_line
from ..graph import Graph
from ..node import Node
from ..operators import Operator, Sizes, Slice, Unknown
from ..operators.lookup import Chosen
from ..provenance import RefusedLaterError
from ..sizes.trail import Recorder
from ..sizes.watching import has_networks
from .builder import Builder
from .exporting import TRANSFORMS, read_exported
from .passing import loaded_since
from .registry import TorchsError, UntraceableError
from .tracing import TensorProxy, read_traced
from .untouched import forget, going_on, untouched
from .values import Value

Beginning: TypeAlias = Callable[[], tuple[Builder, dict[str, Value]]]
"""Makes a builder, and the values of the inputs in it by their names."""


def followed(module: Any, arguments: Mapping[str, Any], begin: Beginning) -> Graph:
    """The graph of a module.

    Args:
        module: the module.
        arguments: the other arguments of its forward, by name.
        begin: begins a reading.

    Raises:
        DomainError: the sizes do not fit, for torch either.
        UnsupportedError: neither torch.fx nor torch.export can follow the module.
    """
    reader = _Reader(module, arguments, begin)
    refusals: list[BaseException] = []
    for read in (reader.traced, reader.exported):
        try:
            return read()
        except TorchsError as error:
            kind = RefusedLaterError if reader.went_on else DomainError
            raise kind(*error.error.args) from error.__cause__
        except (ConvmathError, RecursionError, KeyboardInterrupt):
            raise
        except BaseException as error:  # whatever stands in the way of torch.fx, torch.export may do without
            refusals.append(error)
    raise UnsupportedError(f"the forward of {type(module).__name__} could not be followed: {_why(*refusals)}")


_ONE_AT_A_TIME = RLock()
"""What is changed for a reading, in torch and in the files of networks, is changed for all threads."""


class _Reader:
    """Reads a module as often as it takes."""

    def __init__(self, module: Any, arguments: Mapping[str, Any], begin: Beginning) -> None:
        self.module, self.arguments, self.begin = module, arguments, begin
        self.recorder: Recorder
        self.went_on = False

    def once(self, read: Any, **options: bool) -> Graph:
        """The graph as it is read one way; anew if the forward has loaded files that were not ready for that."""
        before = len(sys.modules)
        try:
            graph = self._once(read, **options)
        except Exception:
            if not loaded_since(before):
                raise
        else:
            if not loaded_since(before):
                return graph
        return self._once(read, **options)

    def _once(self, read: Any, *, casts: bool = False, plain: bool = False) -> Graph:
        """With casts that keep the terms of sizes, or with plain ints for sizes."""
        builder, values = self.begin()
        self.recorder = recorder = builder.recorder
        recorder.casts, recorder.plain = casts, plain
        if plain:
            recorder.stray()
        with _ONE_AT_A_TIME, _nothing_kept(builder), untouched(builder.paths, _stands), going_on(), recorder.on():
            try:
                found = read(builder, self.module, values, self.arguments)
                graph = builder.graph(found)
            finally:
                self.went_on |= recorder.went_on
        if isinstance(failure := recorder.failure, UntraceableError):
            forward = f"the forward of {type(self.module).__name__} goes another way than when it runs"
            raise UnsupportedError(f"{forward}: {_at(failure)}{failure}, and it goes on without; {failure.advice}")
        if failure is not None:
            raise UnsupportedError(str(failure))
        if not found:
            returned = f"the forward of {type(self.module).__name__} returns no tensor"
            raise UnsupportedError(f"{returned}: it needs to return what it computes")
        graph.provenance = replace(graph.provenance, unused=builder.parameters.unused(self.module))
        return graph

    def exported(self) -> Graph:
        """By torch.export."""
        return self.once(read_exported)

    def traced(self) -> Graph:
        """By torch.fx; with plain ints for sizes, where that makes another network of it."""
        try:
            graph = self.once(read_traced)
        except Exception:
            if not self.recorder.asked or self.recorder.failure:
                raise
            return self.once(read_traced, plain=True)
        if not self.recorder.asked:
            return graph
        others = self.with_casts(graph) if self.recorder.looked else ()
        plain = self.once(read_traced, plain=True)
        return next((found for found in (*others, graph) if _are_one(found, plain)), plain)

    def with_casts(self, graph: Graph) -> tuple[Graph, ...]:
        """The graph, read once more with casts that keep the terms of sizes, if it is the same network then."""
        try:
            return (self.once(read_traced, casts=True),)
        except Exception:  # the forward hands sizes to code that takes only Python's own numbers
            return ()


def _stands(item: Any) -> bool:
    """Whether it stands for a tensor while a module is read."""
    return type(item) in (TensorProxy, FakeTensor)


@contextmanager
def _nothing_kept(builder: Builder) -> Iterator[None]:
    """On leaving, what stood for tensors is gone, wherever the forward has kept it."""
    try:
        yield
    except BaseException as error:
        _clear_frames(error)
        raise
    finally:
        for let_go in (gc.collect, lambda: forget(builder.node, lambda item: type(item) is TensorProxy)):
            if getrefcount(builder.node) > _ALONE:
                let_go()
        if builder.mode is not None:
            mode, builder.mode = ref(builder.mode), None
            getattr(proxy_tensor, "_FAKE_TENSOR_ID_TO_PROXY_MAP_FOR_EXPORT", {}).clear()  # until the next, torch would
            gc.collect()  # what torch.export has made holds itself
            if (kept := mode()) is not None:  # by a tensor
                forget(kept, lambda item: type(item) is FakeTensor)


def _clear_frames(error: BaseException) -> None:
    """Let go of the local variables of the calls that ended in an error, and in those before it."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        if (one := waiting.pop()) is not None and id(one) not in seen:
            seen.add(id(one))
            for frame, _ in walk_tb(one.__traceback__):
                with suppress(RuntimeError):  # it goes on
                    frame.clear()
                    dict(frame.f_locals)  # or what somebody was told of them would stay
            waiting += (one.__context__, one.__cause__)


_ALONE = getrefcount(Builder(torch.device("meta")).node)
"""As many refer to the node that all proxies of a builder have, when none is left."""


def _are_one(first: Graph, second: Graph) -> bool:
    """Whether two graphs give the same; one of them may have nodes besides, whose sizes are computed with."""
    return _behind(first) == _behind(second)


def _behind(graph: Graph) -> tuple[list[Any], ...]:
    """What comes before the outputs, without names and slices of everything, which are none of ints."""
    whole = _whole(graph)
    outputs = [whole.get(name, name) for name in graph.outputs]
    inputs = {node.name: tuple(whole.get(name, name) for name in node.inputs) for node in graph}
    needed = set(outputs)
    for node in reversed(list(graph)):
        needed.update(inputs[node.name] if node.name in needed else ())
    kept = [node for node in graph if node.name in needed]
    places = {node.name: place for place, node in enumerate(kept)}
    nodes = [(tuple(map(places.__getitem__, inputs[node.name])), _made(node), node.params) for node in kept]
    return nodes, list(map(places.__getitem__, outputs))


def _made(node: Node) -> Operator:
    """What a node does, whichever indices are known: less is known of terms than of numbers."""
    one = node.operator
    return replace(one, least=(), greatest=(), open=False) if isinstance(one, Chosen) else one


def _whole(graph: Graph) -> dict[str, str]:
    """For each slice that is everything at the sizes of the reading, of what it is one."""
    sizes: dict[str, Sizes | None] = {}
    found: dict[str, str] = {}
    for node in graph if any(isinstance(node.operator, Slice) for node in graph) else ():
        operator, read = node.operator, tuple(sizes[name] for name in node.inputs)
        known = tuple(one for one in read if one is not None)
        if isinstance(operator, Unknown):
            sizes[node.name] = operator.output
        else:
            sizes[node.name] = operator.sizes(*known) if len(known) == len(read) else None
        if isinstance(operator, Slice) and sizes[node.name] == read[0]:
            found[node.name] = found.get(node.inputs[0], node.inputs[0])
    return found


def _why(traced: BaseException, exported: BaseException) -> str:
    """Why neither torch.fx nor torch.export followed a module."""
    if isinstance(traced, UntraceableError):
        return f"{_at(traced)}{traced}; {traced.advice}"
    if isinstance(exported, UntraceableError):
        return f"{_at(traced) if _is_in(traced, TRANSFORMS) else ''}{exported}; {exported.advice}"
    if (type(traced), first_line(traced)) == (type(exported), first_line(exported)):
        return said(traced)
    return f"torch.fx: {said(traced)}; torch.export: {said(exported)}"


def said(error: BaseException) -> str:
    """The first line of an error, with its kind, and where in the network's own code it comes from."""
    return f"{_at(error)}{first_line(error)}"


def _at(error: BaseException) -> str:
    """Where in the network's own code an error comes from, as file and line, with the line; empty if nowhere."""
    for file, number in reversed(list(_places(error))):
        inside = os.path.relpath(file) if os.path.isabs(file) else file
        line = linecache.getline(file, number).strip()
        return f"{file if inside.startswith('..') else inside}:{number}{f', {line!r}' if line else ''}: "
    return ""


def _is_in(error: BaseException, packages: tuple[str, ...]) -> bool:
    """Whether an error went through code of these packages."""
    names = (str(frame.f_globals.get("__name__", "")) for frame, _ in walk_tb(error.__traceback__))
    return any(name.startswith(packages) for name in names)


def _places(error: BaseException) -> Iterator[tuple[str, int]]:
    """The lines of the network's own code through which an error went."""
    for frame, number in walk_tb(error.__traceback__):
        if has_networks(frame.f_globals):
            yield frame.f_code.co_filename, number
