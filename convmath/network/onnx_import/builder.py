"""A graph that grows node by node of an ONNX graph."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from onnx import TensorProto

from ...errors import DomainError
from ..graph import Graph
from ..input_sizes import refused_at
from ..node import Node
from ..operators import Expand, Identity, Input, Lookup, Operator, Permute, Reshape, Sizes, Slice, Unknown
from ..operators.lookup import Chosen
from ..placement import Placement
from ..provenance import Provenance
from ..sizes.in_operators import changed, sizes_in
from ..sizes.number import look, number_of
from ..sizes.trail import Recorder, leaves
from . import framework, handlers, other_programs  # noqa: F401  (importing the handlers enters them)
from .call import Call
from .constants import constants, folded, goes_by_sizes, is_sized, made
from .folds import elements
from .functions import Function, Key, key_of, nodes_of, opsets_of
from .parameters import UNTOLD, Parameters
from .registry import HANDLERS, NotUnderstoodError, key, not_understood
from .scope import LISTED, LONGEST, Scope, Steps, names_read, nodes_in
from .value import Learned, Value, require_sizes, sizes_of_stored

_MOVES = (Expand, Identity, Permute, Reshape, Slice)
"""What has elements of its input in other places; unless it is a cast."""

_LOOKUPS = {"GatherElements", "GatherND", "Scatter", "ScatterElements", "ScatterND"}
"""What refuses indices of elements that are not there, and is not followed further."""

_NOTHING: Mapping[Any, Any] = MappingProxyType({})


class Builder:
    """The nodes so far, and what every tensor's name stands for."""

    def __init__(
        self, scope: Scope, learned: Mapping[str, Learned] = _NOTHING, functions: Mapping[Key, Function] = _NOTHING
    ) -> None:
        """Begin a graph.

        Args:
            scope: where its nodes are read.
            learned: what the file says of stored tensors, by their names.
            functions: those of the model.
        """
        self.parameters = Parameters(learned)
        self.steps = Steps()
        self._learned = learned
        self._functions = functions
        self._scope = scope
        self._nodes: list[Node] = []
        self._names: dict[str, int] = {}
        self._sizes: dict[tuple[Operator, tuple[Sizes, ...]], Sizes] = {}
        self._operands: dict[Value, int] = {}
        self._claimed: set[Value] = set()
        self._made: set[str] = set()
        self.recorder = Recorder(lambda: len(self._nodes))

    # What the graph begins with

    def input(self, name: str, sizes: Sizes, axes: tuple[int, ...]) -> None:
        """An input of the network."""
        require_sizes(name, sizes)
        self._bind(name, Value(sizes, self._append(name, Input(sizes, axes), (), 0)))

    def foreign(self, name: str, reason: str) -> None:
        """An input that is no tensor."""
        self._bind(name, Value(None, self._append(name, Unknown("input", reason, None, 0), (), 0)))

    def initializer(self, tensor: Any) -> None:
        """A constant of the file."""
        sizes, learned = sizes_of_stored(tensor), self.parameters.of(tensor)
        self._bind(tensor.name, Value(sizes, elements=elements(tensor), name=tensor.name, learned=learned))

    def sparse_initializer(self, tensor: Any) -> None:
        """A constant of the file of which only some elements are not 0."""
        self._bind(tensor.values.name, Value(tuple(tensor.dims), name=tensor.values.name))

    def _bind(self, name: str, value: Value) -> None:
        if name in self._scope.values.maps[0]:
            raise DomainError("name", name, "two tensors of the graph have this name")
        self._scope.values[name] = value

    # Nodes

    def follow(self, graph: Any) -> None:
        """The constants and nodes of a graph, whose inputs are there already.

        Raises:
            DomainError: as for :meth:`step`.
        """
        for tensor in graph.initializer:
            self.initializer(tensor)
        for tensor in graph.sparse_initializer:
            self.sparse_initializer(tensor)
        for proto in graph.node:
            self.step(proto)

    def step(self, proto: Any) -> None:
        """The next node.

        Raises:
            DomainError: it reads what is not there, or the sizes do not fit.
        """
        own = proto.name or next(filter(None, proto.output), proto.op_type)
        name = f"{self._scope.prefix}{own}"[-LONGEST:]
        inputs = [self._read(name, tensor) if tensor else None for tensor in proto.input]
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        used = [tensor in self._scope.used for tensor in proto.output]
        call = Call(self, proto, name, self._scope.opsets.get(domain, 0), inputs, used)
        for tensor, value in zip(proto.output, self._outputs(call), strict=False):
            if tensor and value is not None:
                self._bind(tensor, value)

    def _read(self, node: str, tensor: str) -> Value:
        if tensor not in self._scope.values:
            needs = "nodes come in order, each after those that it reads, so that there is no cycle"
            reason = f"reads {tensor!r}, which no input, initializer or node before it gives: {needs}"
            raise DomainError("node", node, reason)
        return self._scope.values[tensor]

    def _returned(self, tensor: str) -> Value:
        if tensor not in self._scope.values:
            raise DomainError("output", tensor, "no input, initializer or node of the graph gives it")
        return self._scope.values[tensor]

    def _outputs(self, call: Call) -> Sequence[Value | None]:
        try:
            if key_of(call) not in self._functions:
                framework.require_there(call)
            known = folded(call)
            if known is not None and not is_sized(call):
                return [known]
            values = self._understood(call) if known is None else [self._sized(call, known)]
        except NotUnderstoodError as error:
            return self._unknown(call, str(error), said=error.sizes)
        except DomainError as error:
            if error.parameter == "node":
                raise
            raise DomainError("node", call.name, str(error)) from error
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            fault = f"{call.op} cannot be followed with these inputs: {type(error).__name__}: {error}"
            raise DomainError("node", call.name, fault) from error
        missing = [number for number, value in enumerate(values) if value is None and call.used[number]]
        if missing:
            others = self._unknown(call, "this output of the operator is not followed", missing)
            return [other if value is None else value for value, other in zip(values, others, strict=True)]
        return values

    def _sized(self, call: Call, known: Value) -> Value:
        """A node for elements that are known where its sizes go by those of the input; what it cannot be is fixed."""
        try:
            found = self._understood(call)[0] if known.elements.size and call.used else None
        except NotUnderstoodError:
            found = None
        if found is not None and found.made:
            return replace(found, elements=known.elements, told=known.told)
        return known.fixed

    def _understood(self, call: Call) -> list[Value | None]:
        if key_of(call) in self._functions:
            return call.outputs(self._called(call, self._functions[key_of(call)]))
        handler = HANDLERS.get(key(call.domain, call.op))
        if handler is None:
            raise NotUnderstoodError(not_understood(call.domain))
        result = handler(call)
        values: list[Value | None] = [result] if isinstance(result, Value) else list(result)
        return call.outputs(values)

    # Graphs inside of nodes

    @contextmanager
    def _within(self, scope: Scope) -> Iterator[None]:
        """Meanwhile names stand for what they do in a scope."""
        outer, self._scope = self._scope, scope
        try:
            yield
        finally:
            self._scope = outer

    def run(self, call: Call, graph: Any, inputs: Mapping[str, Value], label: str) -> list[Value]:
        """The outputs of a graph inside of a node: its nodes become nodes of the network.

        Args:
            call: the node.
            graph: the graph.
            inputs: what it takes, by the names inside of it.
            label: what comes before the names of its nodes, after that of the node; none of both if empty.

        Raises:
            NotUnderstoodError: it lies too deep.
        """
        with self._within(self._scope.inside(f"{call.proto.name or call.op}/{label}" if label else "")):
            for name, value in inputs.items():
                self._bind(name, value)
            self.follow(graph)
            return [self._read(call.name, info.name) for info in graph.output]

    def tried(self, call: Call, graph: Any, inputs: Mapping[str, Value]) -> list[Value]:
        """What a graph inside of a node would give, without any nodes of it.

        Raises:
            NotUnderstoodError: it lies too deep, is too long, or does not fit what it is given.
        """
        other = Builder(self._scope, self._learned, self._functions)
        other.steps = self.steps
        self.steps.take(nodes_in(graph))
        try:
            with other.recorder.on():
                return other.run(call, graph, inputs, "")
        except DomainError as error:
            raise NotUnderstoodError(f"the graph inside of it is not followed: {error}") from error

    def _called(self, call: Call, called: Function) -> list[Value | None]:
        """The outputs of a function of the model: its nodes become nodes of the network."""
        self.steps.take(called.nodes)
        function = called.proto
        used = names_read(function) | frozenset(function.output)
        with self._within(self._scope.apart(f"{call.proto.name or call.op}/", opsets_of(function), used)):
            for name, value in zip(function.input, call.inputs, strict=False):
                if value is not None:
                    self._bind(name, value)
            for proto in nodes_of(function, call.proto.attribute):
                self.step(proto)
            return [self._scope.values.get(name) for name in function.output]

    def _unknown(
        self, call: Call, reason: str, numbers: Sequence[int] | None = None, *, said: Sequence[Sizes | None] = ()
    ) -> list[Value | None]:
        """Outputs that are not understood, with the sizes that ONNX infers, or are said to be those of the first.

        Where a node reads very many tensors, its first output does, and the others read that one.
        """
        sizes = framework.inferred(call)
        told = sizes[:1]
        for number, one in enumerate(said[: len(sizes)]):
            if one is not None:
                require_sizes(call.name, one)
                sizes[number] = one
        around = self._scope.values
        captured = (around[name] for name in call.captured if name in around)
        values = dict.fromkeys((*call.inputs, *captured))
        tensors = [one for value in values if value for one in (value, *self._held(value))]
        reads = tuple(dict.fromkeys(one.node for one in tensors if one.node))
        parts = constants(call)
        if all(one.constant for one in tensors):
            look(size for one in tensors if one.sizes is not None for size in call.sizes_of(one, kept=True))
            if call.op in _LOOKUPS and sizes[0] is not None and any(map(goes_by_sizes, tensors)):
                return [call.emit(Lookup(sizes[0], open=True), *tensors)]
            return [made(call, one, parts) for one in sizes]
        if numbers is None:
            numbers = [number for number, used in enumerate(call.used) if used] or list(range(len(sizes)))[:1]
        found: list[Value | None] = [None] * len(sizes)
        hidden = call.domain or call.holds_graphs
        for number in numbers:
            within = [self.parameters.within(value, learns=call.weighs(value)) for value in parts]
            params, parts = sum(filter(None, within)), ()
            operator = Unknown(call.op, reason, sizes[number], None if hidden or None in within else params)
            name = f"{call.name}/{number}" if number else call.name
            value = found[number] = Value(sizes[number], self._append(name, operator, reads, params))
            for other in told if number == 0 else ():
                if other is not None:
                    other_programs.say(call, value, other, other_programs.INFERENCE, "against the text of the operator")
            if len(reads) > LISTED:
                reads = (value.node,)
        return found

    def _held(self, value: Value) -> Sequence[Value]:
        """What a sequence holds; nothing where no steps are left to list it, as it depends itself on one of these."""
        items = value.items or ()
        try:
            self.steps.take(len(items) // LISTED)
        except NotUnderstoodError:
            return ()
        return items

    def emit(self, call: Call, name: str, operator: Operator, inputs: Sequence[Value], params: int | None) -> Value:
        """Add a node and return its output; a constant, and no node, where all inputs are constants.

        Args:
            call: the node of the file.
            name: its name.
            operator: what it does.
            inputs: what it reads.
            params: its parameters; None for those of the operator.

        Raises:
            DomainError: the sizes do not fit.
        """
        traced, operator = operator, changed(operator, number_of) if self.recorder.handed_out else operator
        sizes = self._output(name, operator, inputs)
        constant = all(value.constant for value in inputs)
        plain = traced is operator and not (isinstance(operator, Chosen) and operator.open)
        if constant and plain and not any(value.node for value in inputs):
            return made(call, sizes, inputs)
        reads = tuple(self._operand(value, learns=call.weighs(value)) for value in inputs)
        params = operator.params if params is None else params
        node = self._append(name, operator, reads, params, traced if traced is not operator else None)
        if constant and not isinstance(operator, Chosen):  # which is refused where nobody reads it, too
            self._made.add(node)
        if not inputs:
            self._nodes[-1] = replace(self._nodes[-1], placement=Placement(made=True))
        if not constant:
            return Value(sizes, node)
        whole = call.op == "Cast" and call.integer("to") in (TensorProto.INT32, TensorProto.INT64)
        if not (whole or call.op == "Gather" or (isinstance(operator, _MOVES) and "Cast" not in call.op)):
            return made(call, sizes, inputs, node=node, made=True)
        last = None if isinstance(operator, (Lookup, Slice)) else inputs[0].last
        return made(call, sizes, inputs, node=node, made=True, last=last, around=inputs[0].bounds)

    def remark(self, value: Value, sentence: str) -> None:
        """Say a sentence about the last node, which has made the value; a constant has no node."""
        node = self._nodes[-1] if self._nodes else None
        if node is not None and node.name == value.node:
            self._nodes[-1] = replace(node, remarks=(*node.remarks, sentence))

    def _output(self, name: str, operator: Operator, inputs: Sequence[Value]) -> Sizes | None:
        known = tuple(value.sizes for value in inputs if value.sizes is not None)
        if len(known) < len(inputs):
            return None
        key = (operator, known)
        if key not in self._sizes:
            try:
                sizes = operator.sizes(*known)
            except DomainError as error:
                raise refused_at(name, error) from error
            require_sizes(name, sizes)
            self._sizes[key] = sizes
        return self._sizes[key]

    def _operand(self, value: Value, *, learns: bool) -> str:
        """The node of a value; a constant becomes one where a node first reads it, and has the parameters that it adds.

        They are counted where a node reads it that is there for them (``learns``).
        """
        if value.node:
            if learns:
                self._claim(value)
            return value.node
        if value not in self._operands:
            self._operands[value] = len(self._nodes)
            lost = Unknown("constant", "its sizes are not known", None, 0)
            self._append(value.name or "constant", lost if value.sizes is None else Input(value.sizes), (), 0)
            self._nodes[-1] = replace(self._nodes[-1], placement=Placement(stored=True))
        place = self._operands[value]
        params = self.parameters.within(value, learns=learns)
        if params is None:
            placement = Placement(stored=True, told=False)
            self._nodes[place] = replace(self._nodes[place], placement=placement, remarks=(UNTOLD,))
        elif params:
            self._nodes[place] = replace(self._nodes[place], params=params + (self._nodes[place].params or 0))
        return self._nodes[place].name

    def _claim(self, value: Value) -> None:
        """Count the parameters of which nodes make a tensor without an input."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            if one.made and one not in self._claimed:
                self._claimed.add(one)
                waiting += one.parts
            elif not one.node:
                self._operand(one, learns=True)

    def _append(
        self, wanted: str, operator: Operator, inputs: tuple[str, ...], params: int, traced: Operator | None = None
    ) -> str:
        name = self._unique("".join(letter if letter.isprintable() else "?" for letter in wanted))
        self._nodes.append(Node(name, operator, inputs, params, traced=traced))
        return name

    def _unique(self, wanted: str) -> str:
        name = wanted
        while name in self._names:
            self._names[wanted] += 1
            name = f"{wanted}_{self._names[wanted]}"
        self._names[name] = 1
        return name

    def graph(self, outputs: Iterable[str]) -> Graph:
        """The graph that returns these tensors, without the constants that nothing reads.

        Raises:
            DomainError: one of them is not there.
        """
        found = [self._returned(name) for name in outputs]
        tensors = [one for value in found for one in ((value,) if value.items is None else value.items)]
        ends = [self._operand(value, learns=False) for value in tensors]
        trail = self.recorder.trail(str, lambda nodes: nodes)
        used = {*ends, *self.recorder.nodes, *(leaf.node for _, leaf in trail.looked)}
        for node in reversed(self._nodes):
            if node.params or not (node.placement.stored or node.name in self._made):
                used.add(node.name)
            if node.name in used:
                used.update(node.inputs)
                used.update(leaf.node for size in sizes_in(node.traced or node.operator) for leaf in leaves(size.term))
        kept = [number for number, node in enumerate(self._nodes) if node.name in used]
        graph = Graph((self._nodes[number] for number in kept), dict.fromkeys(ends))
        graph.provenance = Provenance(trail=self.recorder.trail(str, lambda nodes: bisect_left(kept, nodes)))
        return graph
