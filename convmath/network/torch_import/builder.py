"""A graph that grows call by call: what torch is asked to do becomes operators, and what is not understood is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import torch

from ...errors import DomainError, UnsupportedError
from ..graph import Graph
from ..input_sizes import refused_at
from ..operators import Input, Lookup, Operator, Sizes, Unknown
from ..origin import Origin
from ..placement import USUAL, Placement
from ..sizes.in_operators import changed, numbers
from ..sizes.number import number_of
from ..sizes.trail import Recorder
from ..symbolic import axes_of
from . import calls, framework
from .finishing import ends_of, finished, kept_of
from .in_place import Writing
from .integers import INDICES, after
from .memory_layout import Checks
from .parameters import Parameters
from .passing import PASSED_FOR
from .registry import HANDLERS, LOOKUPS, NotUnderstoodError, RefusedError, torchs, usual
from .values import Step, Torch, Value, cut, found_in, frozen, mapped, trained, values_in

MOST_STEPS = 2**20
"""A forward that takes more is taken for one that never ends: so many take about 1.3 GB."""


class Builder:
    """The steps so far.

    Attributes:
        steps: what was done, in order.
        scope: the path of the module that is running.
        module: the module itself, or None.
        paths: the path of every module in the network.
        device: where the module's parameters are.
        recorder: what the forward sees of sizes.
        parameters: the tensors that the network holds.
        checks: what torch is asked about the calls.
        writing: what they write in place.
        learns: whether gradients were on before.
        custom: the class of ``torch.autograd.Function`` whose forward is running, where that has gradients; or empty.
        mode: that of the tensors without elements by which torch.export has followed the network, if it has.
        node: in place of the node that every proxy of torch.fx has: nothing reads it, and only these have it.
    """

    def __init__(self, device: Torch, kind: Torch = None, *, verify: bool = False) -> None:
        """Begin a graph.

        Args:
            device: where tensors without data are put when torch is asked for sizes.
            kind: the type of the elements of most tensors, by default torch's own.
            verify: whether torch is asked about every step.
        """
        self.steps: list[Step] = []
        self.recorder = Recorder(lambda: len(self.steps), PASSED_FOR, "torch")
        self.scope = ""
        self.module: Torch = None
        self.paths: dict[Torch, str] = {}
        self.device = device
        self.kind = kind or torch.get_default_dtype()
        self.suspended = False
        self.parameters = Parameters(self)
        self.checks = Checks(self, every=verify)
        self.writing = Writing(self)
        self.custom = ""
        self.mode: Any = None
        self.node = SimpleNamespace(name="tensor", meta={})
        self._called = ""
        self._origin = Origin()
        self._sizes: dict[tuple[Operator, tuple[Sizes, ...]], Sizes] = {}
        self._materialised: list[tuple[Value, int]] = []
        self.learns = torch.is_grad_enabled()

    # Values

    def input(self, name: str, sizes: Sizes, dtype: Torch, axes: tuple[int, ...] | None = None) -> Value:
        """An input of the network, with its axes: by default the dimensions after batch and channels."""
        step = Step(name, Input(sizes, axes_of(sizes) if axes is None else axes), (), 0, constant=False)
        step.placement = self.placed(dtype)
        self.steps.append(step)
        return Value(sizes, dtype, len(self.steps) - 1)

    def weights(self, module: Torch) -> None:
        """Enter the modules of a module with their paths, and parameters and buffers as constants with their names.

        Raises:
            DomainError: the sizes of one are not known yet.
        """
        for path, part in module.named_modules():
            self.paths[part] = path
            self.parameters.enter(part, path)

    def later(self, operator: Operator, *inputs: Value, sizes: Sizes, dtype: Torch = None, name: str = "") -> Value:
        """A result that becomes a step only where another one reads it."""
        constant = all(value.constant for value in inputs)
        dtype = dtype or inputs[0].dtype
        found = Value(sizes, dtype, None, constant, (operator, inputs), self.name(name or self._called))
        found.detached, found.trained = calls.stops_gradients(self), any(one.learns for one in inputs)
        return _with_integers(found, operator, inputs)

    def name(self, label: str) -> str:
        """A name in the module that is running."""
        return f"{self.scope}.{label}" if self.scope and label else self.scope or label

    def emit(
        self,
        operator: Operator,
        *inputs: Value,
        weights: Iterable[Value | None] = (),
        label: str = "",
        params: int = 0,
        dtype: Torch = None,
        function: str = "",
    ) -> Value:
        """Add a step and return its result.

        Args:
            operator: what it does.
            inputs: what it reads.
            weights: what it reads besides; None among them is none.
            label: its name within the module, by default that of the call.
            params: its learned parameters that are claimed already.
            dtype: the type of the result, by default that of the first input.
            function: what computes it, where that is not the one called.

        Raises:
            DomainError: the sizes do not fit.
        """
        if len(self.steps) >= MOST_STEPS:
            raise self._endless()
        given = [weight for weight in weights if weight is not None]
        params += self.parameters.claim(*given)
        untrained, computed = frozen(given, self.module), tuple([one.step for one in given if one.step is not None])
        steps = tuple(map(self.step_of, inputs))
        constant = bool(inputs) and all(value.constant for value in inputs)
        traced, operator = operator, self._plain(operator)
        try:
            sizes = self._output(operator, inputs)
        except DomainError:
            self._compare(traced, inputs)
            raise
        origin = Origin(function, calls.kind(self.module), cast=calls.casts_by_itself()) if function else self._origin
        origin = replace(origin, custom=self.custom) if self.custom else origin
        step = Step(self.name(label or self._called), operator, steps, params, constant, origin)
        step.traced, step.weights = traced if traced is not operator else None, computed
        if calls.stops_gradients(self):
            step.cut, step.frozen = tuple(range(len(inputs))), "all"
        else:
            step.cut, step.frozen = () if self.custom else cut(inputs), untrained
        dtype = dtype or inputs[0].dtype
        if dtype is not self.kind:
            step.placement = self.placed(dtype)
        self.steps.append(step)
        made = Value(sizes, dtype, len(self.steps) - 1, constant, trained=trained(step, inputs, given))
        if sizes is None:
            made.name = next((one.name for one in inputs if one.sizes is None), self._called)
        return _with_integers(made, traced, inputs)

    def _endless(self) -> UnsupportedError:
        """That the forward goes on and on; noted, as it may be caught."""
        name = type(next(iter(self.paths), None)).__name__
        needs = f"it takes more than {MOST_STEPS} steps: end the loop that takes them, or read its parts one by one"
        error = UnsupportedError(f"the forward of {name} could not be followed: {needs}")
        self.recorder.failure = error
        return error

    def placed(self, dtype: Torch, *, stored: bool = False) -> Placement:
        """How a tensor of a type lies in memory."""
        if dtype is self.kind and not stored:
            return USUAL
        return Placement("" if dtype is self.kind else str(dtype).removeprefix("torch."), stored=stored)

    def _plain(self, operator: Operator) -> Operator:
        """The operator without the terms of sizes; itself if it has none."""
        return changed(operator, number_of) if self.recorder.handed_out else operator

    def _output(self, operator: Operator, inputs: tuple[Value, ...]) -> Sizes | None:
        if isinstance(operator, Unknown):
            return operator.output
        known = tuple([value.sizes for value in inputs if value.sizes is not None])
        if len(known) < len(inputs):
            return None
        if self.recorder.handed_out:
            known = tuple(map(numbers, known))
        key = (operator, known)
        sizes = self._sizes.get(key)
        if sizes is None:
            sizes = self._sizes[key] = _sizes(operator, known)
        return sizes

    def _compare(self, operator: Operator, inputs: Sequence[Value]) -> None:
        """Note by which sizes an operator refuses its inputs: the network's own code may catch that, and goes by them.

        The steps of constants are taken back with the refusal; their own sizes stay.
        """
        constants = dict(self._materialised)
        with suppress(Exception):  # what it decides by in other ways is found by reading at other sizes
            _sizes(operator, [value.sizes or () if value in constants else value.carried for value in inputs])

    def settle(self, value: Value) -> None:
        """Make the step that a result was waiting for."""
        if isinstance(value.source, tuple):
            self.step_of(value)

    def step_of(self, value: Value) -> int:
        """The number of the step that makes a value, which is added if nothing has asked for it before."""
        if value.step is not None:
            return value.step
        if isinstance(value.source, tuple):
            operator, inputs = value.source
            scope, self.scope = self.scope, ""
            value.step = self.emit(operator, *inputs, label=value.name, dtype=value.dtype).step
            self.scope = scope
        else:
            params = self.parameters.claim(value)
            value.step = len(self.steps)
            traced = Input(value.sizes or ())
            operator = self._plain(traced)
            step = Step(value.name, operator, (), params, constant=True, learned=value.learns)
            step.traced = traced if traced is not operator else None
            step.frozen = frozen([value], self.module)
            step.placement = replace(
                self.placed(value.dtype, stored=value.source is not None), made=value.source is None
            )
            self.steps.append(step)
        made = int(value.step or 0)
        self._materialised.append((value, made))
        return made

    # Calls

    def call(self, name: str, function: Torch, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """What a call gives: values for tensors, plain Python for sizes and types.

        Args:
            name: the operation, with an underscore at its end if it writes into its first argument.
            function: what torch is asked with, where the operation is not understood.
            args: values and plain Python.
            kwargs: by name.

        Raises:
            TorchsError: the sizes do not fit, for torch either.
            UntraceableError: it needs the elements of a tensor.
        """
        operation = name.rstrip("_")
        args, kwargs = usual(args, kwargs)
        before = self._called, self._origin
        self._called, self._origin = operation.rpartition(".")[2], calls.origin(function, self.module)
        try:
            result = self._understood(operation, function, args, kwargs)
        finally:
            self._called, self._origin = before
        if isinstance(out := kwargs.get("out"), Value):
            out.storage.version += 1
            out.storage.changes += 1
            out.storage.constant = out.storage.constant and all(one.constant for one in values_in(result))
        if name != operation or name == "setitem" or kwargs.get("inplace") is True:
            return self.writing.written(operation, args, result)
        return self.writing.shared(operation, args, result)

    def _understood(self, name: str, function: Torch, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        mark = len(self.steps)
        handler = HANDLERS.get(name)
        try:
            if handler is None:
                raise NotUnderstoodError("it is not one of the operators that are understood")
            result = handler(self, *args, **{key: kwargs[key] for key in kwargs if key not in ("inplace", "out")})
            difference = self.checks.difference(name, result, function, args, kwargs)
        except NotUnderstoodError as error:
            return self._unknown(str(error), function, args, kwargs, mark)
        except DomainError as error:
            self._forget(mark)
            self.recorder.stray()  # whoever catches it knows something of the sizes
            refused = framework.Answer(refusal=str(error)) if isinstance(error, RefusedError) else None
            answer = refused or framework.ask(self, function, args, kwargs)
            if answer and answer.refusal:
                self.recorder.refuse()
                raise torchs(answer.kind)(refused_at(self.name(self._called), error)) from error
            return self._unknown(str(error), function, args, kwargs, mark)
        except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
            return self._unknown(f"its arguments are not understood: {error}", function, args, kwargs, mark)
        return self._unknown(difference, function, args, kwargs, mark) if difference else result

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
        given: framework.Made = []
        result = framework.outputs(self, function, args, kwargs, given)
        if result is not None and not found_in(result, torch.Tensor):
            self.recorder.stray()
            return result
        inputs = list(dict.fromkeys(values_in((args, kwargs))))
        weights = [value for value in inputs if value.step is None and isinstance(value.source, torch.nn.Parameter)]
        params = self.parameters.claim(*weights)
        read = [value for value in inputs if value not in weights]
        constant = bool(inputs) and all(value.constant for value in inputs)

        def made(tensor: Torch) -> Any:
            nonlocal params, weights
            if tensor is not None and not isinstance(tensor, torch.Tensor):
                return tensor
            sizes = None if tensor is None else tuple(map(int, tensor.shape))
            dtype = self.kind if tensor is None else tensor.dtype
            chosen = constant and sizes is not None and 0 not in sizes and self._called in LOOKUPS
            if chosen and self.recorder.handed_out:
                self.recorder.stray()  # these sizes are torch's, without their terms
            operator = Lookup(sizes or (), open=True) if chosen else Unknown(self._called, reason, sizes, params)
            value = self.emit(operator, *(inputs if chosen else read), weights=weights, params=params, dtype=dtype)
            if tensor is not None:
                with framework.suspended(self):
                    value = self.checks.note_as(value, tensor)
                    owner = framework.shared_with(given, tensor)
                if owner is not None:
                    value.storage, value.version, value.changes = owner.storage, owner.version, owner.changes
            self.steps[-1].constant = value.constant = constant
            params, weights = 0, []
            return value

        return mapped(result, made)

    def _forget(self, mark: int) -> None:
        """Take back the steps from ``mark`` on."""
        if mark < len(self.steps):
            del self.steps[mark:]
            self.recorder.forget(mark)
        self.parameters.forget(mark)
        while self._materialised and self._materialised[-1][1] >= mark:
            self._materialised.pop()[0].step = None

    def graph(self, outputs: Iterable[Value]) -> Graph:
        """What was read, without the constants that nothing reads."""
        ends = ends_of(self, outputs)
        kept = kept_of(self.steps, ends, self.recorder)
        self.parameters.settle(kept)
        return finished(self.steps, sorted(kept), ends, self.recorder, self.kind)


def _sizes(operator: Operator, given: Sequence[Sizes]) -> Sizes:
    """The sizes that an operator makes of others, each of at least 1."""
    sizes = operator.sizes(*given)
    if any(size < 1 for size in sizes):
        raise DomainError("sizes", sizes, f"{operator.kind} gives them; each needs at least 1")
    return sizes


def _with_integers(made: Value, operator: Operator, inputs: tuple[Value, ...]) -> Value:
    """What an operator makes, with what is known of its integers, if it is a constant."""
    if made.constant and made.dtype in INDICES and (held := inputs[0].integers) is not None:
        rest = [one.integers for one in inputs[1:]]
        made.integers = after(operator, held, rest, inputs[0].carried, made.carried)
    return made
