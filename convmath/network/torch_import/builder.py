"""A graph that grows call by call: what torch is asked to do becomes operators, and what is not understood is said."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from ...errors import DomainError
from ..computed_sizes import Size, changed, numbers, sizes_in
from ..graph import Graph, Node
from ..operators import Input, Lookup, Operator, Sizes, Unknown
from ..operators.base import product
from ..origin import Origin
from ..trail import Recorder, leaves, renamed
from . import calls, framework
from .registry import BROADCASTS, HANDLERS, LOOKUPS, POINTWISE, VIEWS, NotUnderstoodError, RefusedError
from .values import Step, Torch, Value, mapped, require_room, values_in


class Builder:
    """The steps so far.

    Attributes:
        steps: what was done, in order.
        scope: the path of the module that is running.
        module: the module itself, or None.
        device: where the module's parameters are.
        recorder: what the forward sees of sizes.
    """

    def __init__(self, device: Torch, *, verify: bool = False) -> None:
        """Begin a graph.

        Args:
            device: where tensors without data are put when torch is asked for sizes.
            verify: whether torch is asked about every step.
        """
        self.steps: list[Step] = []
        self.recorder = Recorder(lambda: len(self.steps))
        self.scope = ""
        self.module: Torch = None
        self.device = device
        self.suspended = False
        self._verify = verify
        self._called = ""
        self._origin = Origin()
        self._sizes: dict[tuple[Operator, tuple[Sizes, ...]], Sizes] = {}
        self._constants: dict[int, Value] = {}
        self._claimed: dict[int, int] = {}
        self._materialised: list[tuple[Value, int]] = []
        self._kept: list[tuple[int, int]] = []

    # Values

    def input(self, name: str, sizes: Sizes, dtype: Torch) -> Value:
        """An input of the network; those of its dimensions after batch and channels are spatial axes."""
        self.steps.append(Step(name, Input(sizes, tuple(range(2, len(sizes)))), (), 0, constant=False))
        return Value(sizes, dtype, len(self.steps) - 1)

    def weights(self, module: Torch) -> None:
        """Enter the parameters and buffers of a module as constants, with their names.

        Raises:
            DomainError: the sizes of one are not known yet.
        """
        for name, tensor in (*module.named_parameters(), *module.named_buffers()):
            if torch.nn.parameter.is_lazy(tensor):
                raise DomainError("module", name, "its sizes are set by the first real input; needs to have seen one")
            self.constant(tensor, name)

    def constant(self, tensor: Torch, name: str = "constant") -> Value:
        """A parameter, a buffer or another tensor that is there before the network runs: one value for each tensor."""
        found = self._constants.get(id(tensor))
        if found is None:
            found = Value(tuple(tensor.shape), tensor.dtype, None, constant=True, source=tensor, name=name)
            self._constants[id(tensor)] = found
        return found

    def later(self, operator: Operator, *inputs: Value, sizes: Sizes, dtype: Torch = None, name: str = "") -> Value:
        """A result that becomes a step only where another one reads it."""
        constant = all(value.constant for value in inputs)
        dtype = dtype or inputs[0].dtype
        return Value(sizes, dtype, None, constant, (operator, inputs), self.name(name or self._called))

    def name(self, label: str) -> str:
        """A name in the module that is running."""
        return f"{self.scope}.{label}" if self.scope and label else self.scope or label

    def emit(
        self,
        operator: Operator,
        *inputs: Value,
        label: str = "",
        params: int = 0,
        dtype: Torch = None,
        function: str = "",
    ) -> Value:
        """Add a step and return its result; ``function`` is what computes it, where that is not the one called.

        Raises:
            DomainError: the sizes do not fit.
        """
        steps = tuple([value.step if value.step is not None else self._materialise(value) for value in inputs])
        constant = bool(inputs) and all(value.constant for value in inputs)
        traced, operator = operator, self._plain(operator)
        sizes = self._output(operator, inputs)
        origin = Origin(function, calls.kind(self.module)) if function else self._origin
        step = Step(self.name(label or self._called), operator, steps, params, constant, origin)
        step.traced = traced if traced is not operator else None
        self.steps.append(step)
        return Value(sizes, dtype or inputs[0].dtype, len(self.steps) - 1, constant)

    def _plain(self, operator: Operator) -> Operator:
        """The operator without the terms of sizes; itself if it has none."""
        return changed(operator, int) if self.recorder.told else operator

    def _output(self, operator: Operator, inputs: tuple[Value, ...]) -> Sizes | None:
        if isinstance(operator, Unknown):
            return operator.output
        known = tuple([value.sizes for value in inputs if value.sizes is not None])
        if len(known) < len(inputs):
            return None
        if self.recorder.told:
            known = tuple(map(numbers, known))
        key = (operator, known)
        if key not in self._sizes:
            sizes = operator.sizes(*known)
            if any(size < 1 for size in sizes):
                raise DomainError("sizes", sizes, f"{operator.kind} gives them; each needs at least 1")
            self._sizes[key] = sizes
        return self._sizes[key]

    def settle(self, value: Value) -> None:
        """Make the step that a result was waiting for."""
        if value.step is None and isinstance(value.source, tuple):
            self._materialise(value)

    def _materialise(self, value: Value) -> int:
        if isinstance(value.source, tuple):
            operator, inputs = value.source
            scope, self.scope = self.scope, ""
            value.step = self.emit(operator, *inputs, label=value.name).step
            self.scope = scope
        else:
            params = self.claim(value)
            value.step = len(self.steps)
            traced = Input(value.sizes or ())
            operator = self._plain(traced)
            step = Step(value.name, operator, (), params, constant=True)
            step.traced = traced if traced is not operator else None
            self.steps.append(step)
        made = int(value.step or 0)
        self._materialised.append((value, made))
        return made

    def claim(self, *weights: Value | None) -> int:
        """The learned parameters among the weights of the next step that no step before it has counted.

        Weights that are themselves computed stay in the graph.
        """
        found = 0
        for weight in weights:
            if weight is None:
                continue
            if weight.step is not None:
                self._kept.append((weight.step, len(self.steps)))
            elif isinstance(weight.source, torch.nn.Parameter):
                found += self.claim_parameters([weight.source])
        return found

    def claim_parameters(self, parameters: Iterable[Torch]) -> int:
        """As :meth:`claim`, of torch's parameters; None among them is none."""
        found = 0
        for parameter in parameters:
            if parameter is not None and id(parameter) not in self._claimed:
                self._claimed[id(parameter)] = len(self.steps)
                found += product(self.constant(parameter).sizes or ())
        return found

    @property
    def claimed(self) -> set[int]:
        """The ids of the learned parameters that the steps have."""
        return set(self._claimed)

    # Calls

    def call(self, name: str, function: Torch, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """What a call gives: values for tensors, plain Python for sizes and types.

        Args:
            name: the operation, with an underscore at its end if it writes into its first argument.
            function: what torch is asked with, where the operation is not understood.
            args: values and plain Python.
            kwargs: by name.

        Raises:
            DomainError: the sizes do not fit, for torch either.
            UntraceableError: it needs the elements of a tensor.
        """
        operation = name.rstrip("_")
        args, kwargs = _usual(args, kwargs)
        before = self._called, self._origin
        self._called, self._origin = operation.rpartition(".")[2], calls.origin(function, self.module)
        try:
            result = self._understood(operation, function, args, kwargs)
        finally:
            self._called, self._origin = before
        if isinstance(out := kwargs.get("out"), Value):
            out.storage.version += 1
        if name != operation or name == "setitem" or kwargs.get("inplace") is True:
            return self._written(operation, args, result)
        return self._shared(operation, args, result)

    def _understood(self, name: str, function: Torch, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        mark = len(self.steps)
        handler = HANDLERS.get(name)
        try:
            if handler is None:
                raise NotUnderstoodError("it is not one of the operators that are understood")
            result = handler(self, *args, **{key: kwargs[key] for key in kwargs if key not in ("inplace", "out")})
        except NotUnderstoodError as error:
            return self._unknown(str(error), function, args, kwargs, mark)
        except DomainError as error:
            self._forget(mark)
            self.recorder.stray()  # whoever catches it knows something of the sizes
            if isinstance(error, RefusedError) or framework.refuses(self, function, args, kwargs):
                raise DomainError("node", self.name(self._called), str(error)) from error
            return self._unknown(str(error), function, args, kwargs, mark)
        except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
            return self._unknown(f"its arguments are not understood: {error}", function, args, kwargs, mark)
        if self._verify and (difference := self._difference(result, function, args, kwargs)):
            return self._unknown(difference, function, args, kwargs, mark)
        return result

    def _difference(self, result: Any, function: Torch, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
        """Where torch's sizes are others, in words."""
        ours = [value.sizes and numbers(value.sizes) for value in values_in(result)]
        theirs = framework.outputs(self, function, args, kwargs) if ours else None
        told = [tuple(tensor.shape) for tensor in framework.tensors_in(theirs)]
        return f"the formulas give {ours}, torch gives {told}" if told and told != ours else ""

    def unknown(
        self,
        name: str,
        reason: str,
        function: Torch,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        *,
        mark: int | None = None,
    ) -> Any:
        """The results of an operation that is not understood, with the sizes that torch says they have.

        It takes the place of the steps from ``mark`` on.
        """
        before, self._called = self._called, name
        try:
            return self._unknown(reason, function, args, kwargs, len(self.steps) if mark is None else mark)
        finally:
            self._called = before

    def _unknown(
        self, reason: str, function: Torch, args: tuple[Any, ...], kwargs: Mapping[str, Any], mark: int
    ) -> Any:
        self._forget(mark)
        result = framework.outputs(self, function, args, kwargs)
        if result is not None and not framework.tensors_in(result):
            self.recorder.stray()
            return result
        inputs = list(dict.fromkeys(values_in((args, kwargs))))
        weights = [value for value in inputs if value.step is None and isinstance(value.source, torch.nn.Parameter)]
        params = self.claim(*weights)
        read = [value for value in inputs if value not in weights]
        constant = bool(inputs) and all(value.constant for value in inputs)

        def made(tensor: Torch) -> Any:
            nonlocal params
            if tensor is not None and not isinstance(tensor, torch.Tensor):
                return tensor
            sizes = None if tensor is None else tuple(map(int, tensor.shape))
            dtype = torch.get_default_dtype() if tensor is None else tensor.dtype
            chosen = constant and sizes is not None and self._called in LOOKUPS
            if chosen and self.recorder.told:
                self.recorder.stray()  # these sizes are torch's, without their terms
            operator = Lookup(sizes or ()) if chosen else Unknown(self._called, reason, sizes, params)
            value = self.emit(operator, *(inputs if chosen else read), params=params, dtype=dtype)
            self.steps[-1].constant = value.constant = constant
            params = 0
            return value

        return mapped(result, made)

    def _forget(self, mark: int) -> None:
        """Take back the steps from ``mark`` on."""
        if mark < len(self.steps):
            del self.steps[mark:]
            self.recorder.forget(mark)
        while self._claimed and next(reversed(self._claimed.values())) >= mark:
            self._claimed.popitem()
        while self._kept and self._kept[-1][1] >= mark:
            self._kept.pop()
        while self._materialised and self._materialised[-1][1] >= mark:
            self._materialised.pop()[0].step = None

    # Writing in place

    def seen(self, value: Value) -> Value:
        """A value before it is read: unknown where it was written into by way of another view."""
        if value.version != value.storage.version:
            value.version = value.storage.version
            reason = "a part of its memory was written in place by another name"
            step = self.emit(Unknown("written_in_place", reason, value.sizes), value, label="written_in_place").step
            value.step, value.constant = step, False
        return value

    def _written(self, name: str, args: tuple[Any, ...], result: Any) -> Any:
        """The value that is written into is the result from now on."""
        target = args[0]
        if not isinstance(target, Value) or not isinstance(result, Value):
            return result
        if name in BROADCASTS:
            self._require_room(name, target, result)
        if name not in POINTWISE:
            target.storage.version += 1
            target.version = target.storage.version
        target.step, target.sizes, target.constant = result.step, result.sizes, result.constant and target.constant
        return target

    def _require_room(self, name: str, target: Value, result: Value) -> None:
        try:
            require_room(target, result)
        except DomainError as error:
            self.recorder.stray()
            raise DomainError("node", self.name(name), str(error)) from error

    def _shared(self, name: str, args: tuple[Any, ...], result: Any) -> Any:
        if name in VIEWS and args and isinstance(args[0], Value):
            for value in values_in(result):
                value.storage, value.version = args[0].storage, args[0].version
        return result

    # The graph

    def graph(self, outputs: Iterable[Value]) -> Graph:
        """The nodes with their final names, without the constants that nothing reads."""
        seen = map(self.seen, outputs)
        ends = [value.step if value.step is not None else self._materialise(value) for value in seen]
        used = {step for step, _ in self._kept} | set(ends) | self.recorder.nodes
        for number in range(len(self.steps) - 1, -1, -1):
            step = self.steps[number]
            if not step.constant:
                used.add(number)
            if number in used:
                used.update(step.inputs)
                if step.traced is not None:
                    used.update(leaf.node for size in sizes_in(step.traced) for leaf in leaves(size.term))
        returned = self._behind(ends)
        names = _names([step.name for step in self.steps])
        kept = sorted(used)
        graph = Graph(
            (self._node(number, names, returned) for number in kept), dict.fromkeys(names[end] for end in ends)
        )
        graph.trail = self.recorder.trail(names.__getitem__, lambda step: bisect_left(kept, step))
        return graph

    def _behind(self, ends: Iterable[int]) -> set[int]:
        """The steps that these depend on, by their inputs or by weights that are computed, and they themselves."""
        weights: dict[int, list[int]] = {}
        for weight, reader in self._kept:
            weights.setdefault(reader, []).append(weight)
        found = set(ends)
        for number in range(max(found, default=-1), -1, -1):
            if number in found:
                found.update(self.steps[number].inputs, weights.get(number, ()))
        return found

    def _node(self, number: int, names: Sequence[str], returned: set[int]) -> Node:
        step = self.steps[number]
        origin, call = step.origin, step.call
        if call:
            call = replace(call, inputs=tuple([None if given is None else names[given] for given in call.inputs]))
        if call or (origin and number not in returned):
            origin = replace(origin or Origin(), call=call, used=number in returned)
        traced = step.traced and changed(step.traced, lambda size: Size(size, renamed(size.term, names.__getitem__)))
        inputs = tuple(names[i] for i in step.inputs)
        return Node(names[number], step.operator, inputs, step.params, origin, traced)


def _usual(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The first tensor by position, and torch's names of options for those of NumPy."""
    if args and _OPTIONS.keys().isdisjoint(kwargs):
        return args, kwargs
    options = {_OPTIONS.get(key, key): value for key, value in kwargs.items()}
    first = next((key for key in ("input", "self") if key in options), None) if not args else None
    return (args if first is None else (options.pop(first),)), options


_OPTIONS = {"axis": "dim", "axes": "dims", "keepdims": "keepdim"}


def _names(wanted: list[str]) -> list[str]:
    """Each name once: those that come again are numbered."""
    taken: set[str] = set(wanted)
    given: set[str] = set()
    counts: dict[str, int] = {}
    names = []
    for name in wanted:
        candidate = name
        while candidate in given or (candidate != name and candidate in taken):
            counts[name] = counts.get(name, 0) + 1
            candidate = f"{name}_{counts[name]}"
        given.add(candidate)
        names.append(candidate)
    return names
