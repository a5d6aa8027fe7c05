"""A graph that grows node by node of an ONNX graph."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import onnx

from ...errors import DomainError
from ..graph import Graph, Node
from ..operators import Input, Operator, Sizes, Unknown
from ..operators.base import product
from ..placement import Placement
from ..provenance import Provenance
from ..sizes.in_operators import changed, sizes_in
from ..sizes.number import look, number_of
from ..sizes.trail import Recorder
from . import framework, handlers, other_programs  # noqa: F401  (importing the handlers enters them)
from .call import Call
from .constants import elements, folded
from .registry import HANDLERS, NotUnderstoodError
from .value import MOST_DIMENSIONS, Kind, Value

MOST_GRAPHS = 30
"""Graphs inside of each other that are followed; the encoding of files has a limit of about this, too."""

LARGEST = 2**63 - 1
"""The largest size that ONNX can write down."""


class Builder:
    """The nodes so far, and what every tensor's name stands for."""

    def __init__(self, opsets: dict[str, int], used: frozenset[str], kinds: Mapping[str, Kind]) -> None:
        """Begin a graph.

        Args:
            opsets: the version of every set of operators, by domain.
            used: the names of the tensors that are read.
            kinds: what the file says of stored tensors, by their names.
        """
        self._kinds = kinds
        self._opsets = opsets
        self._used = used
        self._values: ChainMap[str, Value] = ChainMap()
        self._nodes: list[Node] = []
        self._names: dict[str, int] = {}
        self._sizes: dict[tuple[Operator, tuple[Sizes, ...]], Sizes] = {}
        self._operands: dict[Value, int] = {}
        self._counted: set[Value] = set()
        self._seen: tuple[set[Value], set[Value]] = (set(), set())
        self.recorder = Recorder(lambda: len(self._nodes))

    # What the graph begins with

    def input(self, name: str, sizes: Sizes, axes: tuple[int, ...]) -> None:
        """An input of the network."""
        _require_sizes(name, sizes)
        self._bind(name, Value(sizes, self._append(name, Input(sizes, axes), (), 0)))

    def foreign(self, name: str, reason: str) -> None:
        """An input that is no tensor."""
        self._bind(name, Value(None, self._append(name, Unknown("input", reason, None, 0), (), 0)))

    def initializer(self, tensor: Any) -> None:
        """A constant of the file."""
        sizes = tuple(tensor.dims)
        if len(sizes) > MOST_DIMENSIONS or min(sizes, default=0) < 0:
            raise DomainError("initializer", tensor.name, f"needs at most {MOST_DIMENSIONS} sizes, each >= 0")
        self._bind(tensor.name, Value(sizes, array=elements(tensor), name=tensor.name, kind=self._kind(tensor)))

    def _kind(self, tensor: Any) -> Kind:
        """What a stored tensor is: as the file says, if it says it of any; otherwise by its elements."""
        if tensor.name in self._kinds:
            return self._kinds[tensor.name]
        floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)
        single = product(tensor.dims) == 1 if self._kinds else not tensor.dims
        return Kind.OTHER if tensor.data_type not in floats or single else Kind.PERHAPS

    def sparse_initializer(self, tensor: Any) -> None:
        """A constant of the file of which only some elements are not 0."""
        self._bind(tensor.values.name, Value(tuple(tensor.dims), name=tensor.values.name))

    def _bind(self, name: str, value: Value) -> None:
        if name in self._values.maps[0]:
            raise DomainError("name", name, "two tensors of the graph have this name")
        self._values[name] = value

    # Nodes

    def step(self, proto: Any) -> None:
        """The next node.

        Raises:
            DomainError: it reads what is not there, or the sizes do not fit.
        """
        name = proto.name or next(filter(None, proto.output), proto.op_type)
        inputs = [self._read(name, tensor) if tensor else None for tensor in proto.input]
        domain = "" if proto.domain == "ai.onnx" else proto.domain
        used = [tensor in self._used for tensor in proto.output]
        call = Call(self, proto, name, self._opsets.get(domain, 0), inputs, used)
        for tensor, value in zip(proto.output, self._outputs(call), strict=False):
            if tensor and value is not None:
                self._bind(tensor, value)

    def _read(self, node: str, tensor: str) -> Value:
        if tensor not in self._values:
            reason = f"reads {tensor!r}, which no input, initializer or node before it gives; a graph has no cycle"
            raise DomainError("node", node, reason)
        return self._values[tensor]

    def _outputs(self, call: Call) -> Sequence[Value | None]:
        try:
            array = folded(call)
            if array is not None:
                return [Value(array.shape, array=array, parts=_constants(call))]
            values = self._understood(call)
        except NotUnderstoodError as error:
            return self._unknown(call, str(error), said=error.sizes)
        except DomainError as error:
            if error.parameter == "node":
                raise
            raise DomainError("node", call.name, str(error)) from error
        missing = [number for number, value in enumerate(values) if value is None and call.used[number]]
        if missing:
            others = self._unknown(call, "this output of the operator is not followed", missing)
            return [other if value is None else value for value, other in zip(values, others, strict=True)]
        return values

    def _understood(self, call: Call) -> list[Value | None]:
        if call.domain:
            raise NotUnderstoodError(f"the operators of the domain {call.domain} are not understood")
        if call.op == "If":
            return call.outputs(self._branch(call))
        handler = HANDLERS.get(call.op)
        if handler is None:
            raise NotUnderstoodError("it is not one of the operators that are understood")
        result = handler(call)
        values: list[Value | None] = [result] if isinstance(result, Value) else list(result)
        return call.outputs(values)

    def _branch(self, call: Call) -> list[Value | None]:
        """The outputs of the graph inside of an If that certainly runs: its nodes become nodes of the network."""
        condition = call.value().array
        if condition is None or condition.size != 1:
            raise NotUnderstoodError("which of its branches runs is not known beforehand")
        inner = call.graph("then_branch" if condition.reshape(-1)[0] else "else_branch")
        if len(self._values.maps) > MOST_GRAPHS:
            raise NotUnderstoodError(f"graphs lie in each other, more than {MOST_GRAPHS} deep")
        self._values = self._values.new_child()
        for tensor in inner.initializer:
            self.initializer(tensor)
        for tensor in inner.sparse_initializer:
            self.sparse_initializer(tensor)
        for proto in inner.node:
            self.step(proto)
        found: list[Value | None] = [self._read(call.name, info.name) for info in inner.output]
        self._values = self._values.parents
        return found

    def _unknown(
        self, call: Call, reason: str, numbers: Sequence[int] | None = None, *, said: Sizes | None = None
    ) -> list[Value | None]:
        """Outputs that are not understood, with the sizes that ONNX infers, or is said to give the first one."""
        sizes = framework.inferred(call)
        told = sizes[:1]
        if said is not None:
            _require_sizes(call.name, said)
            sizes[:1] = [said]
        constants = _constants(call)
        captured = (self._values[name] for name in call.captured if name in self._values)
        reads = tuple(dict.fromkeys(value.node for value in (*call.inputs, *captured) if value and value.node))
        if not reads:
            return [Value(one, parts=constants) for one in sizes]
        if numbers is None:
            numbers = [number for number, used in enumerate(call.used) if used] or list(range(len(sizes)))[:1]
        found: list[Value | None] = [None] * len(sizes)
        hidden = call.domain or call.holds_graphs
        for number in numbers:
            params = sum(self._learned(value, learns=call.weighs(value)) for value in constants)
            operator = Unknown(call.op, reason, sizes[number], None if hidden else params)
            name = f"{call.name}/{number}" if number else call.name
            value = found[number] = Value(sizes[number], self._append(name, operator, reads, params))
            for other in told if number == 0 else ():
                if other is not None:
                    other_programs.say(call, value, other, other_programs.INFERENCE, "against the text of the operator")
        return found

    def emit(
        self,
        name: str,
        operator: Operator,
        inputs: Sequence[Value],
        params: int | None,
        weighs: Callable[[Value], bool],
    ) -> Value:
        """Add a node and return its output; a constant, and no node, where all inputs are constants.

        Args:
            name: its name.
            operator: what it does.
            inputs: what it reads.
            params: its parameters; None for those of the operator.
            weighs: whether an input is there for learned parameters.

        Raises:
            DomainError: the sizes do not fit.
        """
        traced, operator = operator, changed(operator, number_of) if self.recorder.told else operator
        sizes = self._output(name, operator, inputs)
        if all(value.constant for value in inputs):
            look(sizes_in(traced))
            return Value(sizes, parts=tuple(inputs))
        reads = tuple(self._operand(value, learns=weighs(value)) for value in inputs)
        params = operator.params if params is None else params
        return Value(sizes, self._append(name, operator, reads, params, traced if traced is not operator else None))

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
                raise DomainError("node", name, str(error)) from error
            _require_sizes(name, sizes)
            self._sizes[key] = sizes
        return self._sizes[key]

    def _operand(self, value: Value, *, learns: bool) -> str:
        """The node of a value; a constant becomes one where a node first reads it, and has the parameters that it adds.

        They are counted where a node reads it that is there for them (``learns``).
        """
        if value.node:
            return value.node
        if value not in self._operands:
            self._operands[value] = len(self._nodes)
            lost = Unknown("constant", "its sizes are not known", None, 0)
            self._append(value.name or "constant", lost if value.sizes is None else Input(value.sizes), (), 0)
            self._nodes[-1] = replace(self._nodes[-1], placement=Placement(stored=True))
        place = self._operands[value]
        params = self._learned(value, learns=learns)
        if params:
            self._nodes[place] = replace(self._nodes[place], params=params + (self._nodes[place].params or 0))
        return self._nodes[place].name

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

    # Parameters

    def params(self, weights: Iterable[Value | None]) -> int:
        """The elements of weights that are not all counted already."""
        return sum(product(value.sizes or ()) for value in weights if value is not None and self._is_fresh(value))

    def _is_fresh(self, value: Value) -> bool:
        """Whether a weight is made of something that is not counted yet, and not said to be no parameter."""
        fresh, waiting = False, [value]
        while waiting:
            one = waiting.pop()
            if one in self._counted or not one.constant:
                continue
            self._counted.add(one)
            fresh = fresh or not (one.parts or one.kind is Kind.FIXED)
            waiting += one.parts
        return fresh

    def _learned(self, value: Value, *, learns: bool) -> int:
        """The elements of the parameters that an operand is made of, without those that are counted already.

        Where the operand is not there for parameters, only of those of which the file says what they are.
        """
        found, seen, waiting = 0, self._seen[learns], [value]
        while waiting:
            one = waiting.pop()
            if one in seen or not one.constant:
                continue
            seen.add(one)
            waiting += one.parts
            if one not in self._counted and (one.kind is Kind.LEARNED or (learns and one.kind is Kind.PERHAPS)):
                self._counted.add(one)
                found += product(one.sizes or ())
        return found

    def graph(self, outputs: Iterable[str]) -> Graph:
        """The graph that returns these tensors.

        Raises:
            DomainError: one of them is not there.
        """
        ends = [self._operand(self._read("graph", name), learns=False) for name in outputs]
        graph = Graph(self._nodes, dict.fromkeys(ends))
        graph.provenance = Provenance(trail=self.recorder.trail(str, lambda nodes: nodes))
        return graph


def _constants(call: Call) -> tuple[Value, ...]:
    return tuple(value for value in call.inputs if value is not None and value.constant)


def _require_sizes(name: str, sizes: Sizes) -> None:
    if len(sizes) > MOST_DIMENSIONS:
        raise DomainError("node", name, f"has {len(sizes)} dimensions; needs at most {MOST_DIMENSIONS}")
    for size in sizes:
        if isinstance(size, int) and not 1 <= size <= LARGEST:
            raise DomainError("node", name, f"its output would have the sizes {sizes}; each needs 1 <= size < 2**63")
