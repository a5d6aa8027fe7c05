"""One node of an ONNX graph, as the handlers see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import onnx

from ...errors import DomainError
from ..operators import Operator, Sizes
from ..sizes.in_operators import sizes_of_node
from ..sizes.number import told
from ..sizes.trail import RECORDER
from .registry import NotUnderstoodError
from .roles import holds_weights, makes
from .scope import graphs_in
from .value import Array, Value

if TYPE_CHECKING:
    from .builder import Builder

GRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
"""The types of attributes that are graphs."""

_REQUIRED: Any = object()
_NOTHING: Mapping[str, Value] = MappingProxyType({})


class Call:
    """A node: its operator, its attributes with their types checked, and its inputs.

    Attributes:
        op: the operator.
        domain: the set of operators that it belongs to; empty for ONNX's own.
        opset: the version of that set.
        name: what the node is called in the graph.
        proto: the node as it is in the file.
        inputs: what it reads; None where an optional input is left out.
        used: whether each output is read, or an output of the network.
        weights: those of a layer that makes a constant, and no node.
    """

    def __init__(
        self, builder: Builder, proto: Any, name: str, opset: int, inputs: list[Value | None], used: list[bool]
    ) -> None:
        """The node ``proto``."""
        self.op: str = proto.op_type
        self.domain: str = "" if proto.domain == "ai.onnx" else proto.domain
        self.opset = opset
        self.name = name
        self.proto = proto
        self._take(inputs)
        self.used = used
        self._builder = builder
        self._attributes = {attribute.name: attribute for attribute in proto.attribute}

    def _take(self, inputs: Sequence[Value | None]) -> None:
        """Have these inputs, of which one may be there several times."""
        self.inputs = list(inputs)
        self._weighs: dict[Value | None, bool] = {}
        self._makes: dict[Value | None, bool] = {}
        learns = not any(one is not None and one.scales for one in inputs)
        for number, one in enumerate(inputs):
            self._weighs[one] = self._weighs.get(one, False) or (learns and holds_weights(self.op, number))
            self._makes[one] = self._makes.get(one, False) or makes(self.op, number)
        self._weighs_any = any(self._weighs.values())
        self.weights: tuple[Value, ...] = ()

    @property
    def standard(self) -> bool:
        """Whether the operator is one of ONNX's own."""
        return not self.domain

    @property
    def holds_graphs(self) -> bool:
        """Whether an attribute is a graph, as that of a loop is."""
        return any(attribute.type in GRAPHS for attribute in self.proto.attribute)

    @property
    def captured(self) -> Iterator[str]:
        """The names that the graphs inside of it read, and those inside of these."""
        for graph in graphs_in(self.proto):
            yield from (tensor for node in graph.node for tensor in node.input)
            yield from (info.name for info in graph.output)

    # Attributes

    def _attribute(self, name: str, kind: str, default: Any) -> Any:
        """An attribute of a type; None where the default applies."""
        attribute = self._attributes.get(name)
        if attribute is None:
            if default is _REQUIRED:
                raise DomainError("node", self.name, f"{self.op} needs the attribute {name}")
            return None
        types = onnx.AttributeProto.AttributeType
        if attribute.ref_attr_name:
            raise NotUnderstoodError(f"its attribute {name} is that of a function around it")
        if attribute.type and attribute.type != types.Value(kind):
            found = types.Name(attribute.type) if attribute.type in types.values() else attribute.type
            raise DomainError("node", self.name, f"its attribute {name} has the type {found}; {self.op} needs {kind}")
        return attribute

    def integer(self, name: str, default: Any = _REQUIRED) -> Any:
        """An attribute that is an int.

        Raises:
            DomainError: it is not there and has no default, or its type is another.
        """
        found = self._attribute(name, "INT", default)
        return default if found is None else found.i

    def integers(self, name: str, default: Any = _REQUIRED) -> Any:
        """An attribute that is a list of ints, as a tuple."""
        found = self._attribute(name, "INTS", default)
        return default if found is None else tuple(found.ints)

    def integer_each(self, name: str, count: int, default: int = 0) -> tuple[int, ...]:
        """An attribute that is a list of an int for each of so many axes or tensors."""
        found: tuple[int, ...] = self.integers(name, (default,) * count)
        if len(found) != count:
            raise DomainError("node", self.name, f"its attribute {name} has {len(found)} entries; needs {count}")
        return found

    def decimal(self, name: str, default: Any = _REQUIRED) -> Any:
        """An attribute that is a float."""
        found = self._attribute(name, "FLOAT", default)
        return default if found is None else found.f

    def decimals(self, name: str, default: Any = _REQUIRED) -> Any:
        """An attribute that is a list of floats, as a tuple."""
        found = self._attribute(name, "FLOATS", default)
        return default if found is None else tuple(found.floats)

    def text(self, name: str, default: str) -> str:
        """An attribute that is a string."""
        found = self._attribute(name, "STRING", default)
        return default if found is None else found.s.decode("utf-8", "replace")

    def tensor(self, name: str) -> Any:
        """An attribute that is a tensor; None if it is not there."""
        found = self._attribute(name, "TENSOR", None)
        return None if found is None else found.t

    def graph(self, name: str) -> Any:
        """An attribute that is a graph.

        Raises:
            DomainError: it is not there, or is none.
        """
        return self._attribute(name, "GRAPH", _REQUIRED).g

    # Inputs

    def optional(self, number: int) -> Value | None:
        """An input, or None where it is left out."""
        return self.inputs[number] if number < len(self.inputs) else None

    def value(self, number: int = 0) -> Value:
        """An input.

        Raises:
            DomainError: it is left out.
        """
        found = self.optional(number)
        if found is None:
            raise DomainError("node", self.name, f"{self.op} needs its input {number}, counted from 0")
        return found

    def values(self) -> list[Value]:
        """All inputs."""
        return [self.value(number) for number in range(max(1, len(self.inputs)))]

    def rank(self, number: int = 0) -> int:
        """The number of dimensions of an input.

        Raises:
            NotUnderstoodError: it is unknown.
        """
        found = self.value(number).sizes
        if found is None:
            raise NotUnderstoodError("the sizes of its input are unknown")
        return len(found)

    def sizes(self, number: int = 0, *, kept: bool = False) -> Sizes:
        """The sizes of an input.

        Args:
            number: of the input.
            kept: whether their terms are wanted, by what keeps them and decides by sizes only by comparing them.

        Raises:
            NotUnderstoodError: they are unknown.
        """
        return self.sizes_of(self.value(number), kept=kept)

    def sizes_of(self, value: Value, *, kept: bool = False) -> Sizes:
        """The sizes of a tensor, as those of an input."""
        if value.sizes is None:
            raise NotUnderstoodError("the sizes of its input are unknown")
        note = RECORDER.get()
        if note is None or not value.node:
            return value.sizes
        note.handed_out = True
        sizes = sizes_of_node(value.node, value.sizes)
        return sizes if kept else told(sizes)

    def axes_of(self, number: int = 0) -> int:
        """The number of spatial axes of an input, those after batch and channels."""
        axes = self.rank(number) - 2
        if axes < 1:
            raise DomainError("node", self.name, f"{self.op} needs an input with spatial axes, and not {self.sizes()}")
        return axes

    def weight(self, number: int) -> Sizes:
        """The sizes of an input that must be a constant.

        Raises:
            NotUnderstoodError: it depends on the network's input.
        """
        if not self.value(number).constant:
            raise NotUnderstoodError("its weights are computed from the input of the network")
        return self.sizes(number)

    def array(self, number: int) -> Array:
        """The elements of an input.

        Raises:
            NotUnderstoodError: they are not known.
        """
        found = self.value(number).array
        if found is None:
            raise NotUnderstoodError(f"the elements of its input {number}, counted from 0, are not known")
        return found

    def numbers(self, number: int, *, kept: bool = False) -> list[Any]:
        """The elements of an input, as Python's numbers; ``kept`` as for :meth:`sizes`."""
        found = self.array(number).reshape(-1).tolist()
        return found if kept else list(told(found))

    def whole(self, number: int, *, kept: bool = False) -> list[Any]:
        """The elements of an input that holds integers, as ints, or symbols; ``kept`` as for :meth:`sizes`.

        Raises:
            DomainError: they are no integers.
            NotUnderstoodError: they are not known.
        """
        if self.array(number).dtype.kind not in "iuO":
            raise DomainError("node", self.name, f"{self.op} needs integers in its input {number}, counted from 0")
        return self.numbers(number, kept=kept)

    def number(self, number: int, *, kept: bool = False) -> Any:
        """The only element of an input; ``kept`` as for :meth:`sizes`.

        Raises:
            DomainError: it has none, or several.
            NotUnderstoodError: it is not known.
        """
        found = self.numbers(number, kept=kept)
        if len(found) != 1:
            raise DomainError("node", self.name, f"{self.op} needs one number in its input {number}, and not {found}")
        return found[0]

    def integer_of(self, number: int) -> int:
        """The only element of an input, if it is an integer.

        Raises:
            DomainError: it has none, or several, or it is none.
            NotUnderstoodError: it is not known.
        """
        found = self.whole(number)
        if len(found) != 1 or not isinstance(found[0], int):
            raise DomainError("node", self.name, f"{self.op} needs one integer in its input {number}, and not {found}")
        return found[0]

    def axes(self, name: str, number: int, since: int) -> list[int] | None:
        """Dimensions that are an attribute, and from an opset on an input; None where they are left out."""
        if self.opset < since:
            found = self.integers(name, None)
            return None if found is None else list(found)
        return None if self.optional(number) is None else self.whole(number)

    def dimension(self, dimension: int, rank: int) -> int:
        """A dimension, counted from 0, where negative ones are counted from the end.

        Raises:
            DomainError: there is none.
        """
        if not -rank <= dimension < rank:
            raise DomainError("node", self.name, f"{self.op} needs a dimension of {rank}, and not {dimension}")
        return dimension % rank

    def slices(self, rank: int) -> list[tuple[int, int, int, int]]:
        """``(dimension, start, end, step)`` of a slice for each of its dimensions."""
        if self.opset < 10:
            starts, ends = list(self.integers("starts")), list(self.integers("ends"))
            chosen, steps = self.integers("axes", None), None
        else:
            starts, ends = self.whole(1, kept=True), self.whole(2, kept=True)
            chosen = self.whole(3) if self.optional(3) else None
            steps = self.whole(4) if self.optional(4) else None
        axes = range(len(starts)) if chosen is None else chosen
        steps = [1] * len(starts) if steps is None else steps
        if not len(starts) == len(ends) == len(axes) == len(steps) or 0 in steps:
            raise DomainError(
                "node", self.name, "Slice needs a start, an end and a step other than 0 for each dimension"
            )
        rows = zip(axes, starts, ends, steps, strict=True)
        return [(self.dimension(axis, rank), start, end, step) for axis, start, end, step in rows]

    def standing_for(self, op: str, inputs: Sequence[Value | None], label: str = "", opset: int = 0) -> Call:
        """The node as one of another operator of ONNX itself, or a part of it that has a label.

        Args:
            op: the operator.
            inputs: what that reads.
            label: what distinguishes it from other nodes that the same one becomes.
            opset: the version by which the operator is read; by default the newest.
        """
        found = copy(self)
        found.op, found.domain, found.opset = op, "", opset or onnx.defs.onnx_opset_version()
        found.name = f"{self.name}/{label}" if label else self.name
        found._take(inputs)
        return found

    # Graphs

    def run(self, graph: Any, inputs: Mapping[str, Value] = _NOTHING, label: str = "") -> list[Value]:
        """The outputs of a graph inside of the node: its nodes become nodes of the network.

        Args:
            graph: the graph.
            inputs: what it takes, by the names inside of it.
            label: what comes before the names of its nodes, after that of this one; none of both if empty.

        Raises:
            NotUnderstoodError: it lies too deep.
        """
        return self._builder.run(self, graph, inputs, label)

    def tried(self, graph: Any, inputs: Mapping[str, Value] = _NOTHING) -> list[Value]:
        """What a graph inside of the node would give, without any nodes of it.

        Raises:
            NotUnderstoodError: it lies too deep, is too long, or does not fit what it is given.
        """
        return self._builder.tried(self, graph, inputs)

    def take_steps(self, count: int) -> None:
        """Follow so many nodes of bodies.

        Raises:
            NotUnderstoodError: they are too many.
        """
        self._builder.steps.take(count)

    # Outputs

    def emit(self, operator: Operator, *inputs: Value, params: int | None = None, label: str = "") -> Value:
        """Add a node to the graph and return its output; a constant where all inputs are constants.

        Args:
            operator: what it does.
            inputs: what it reads.
            params: its parameters; by default those of the operator.
            label: what distinguishes it from other nodes that the same one becomes.
        """
        name = f"{self.name}/{label}" if label else self.name
        return self._builder.emit(self, name, operator, inputs, params)

    def remark(self, value: Value, sentence: str) -> None:
        """Say a sentence about the node that was added last, whose output this is."""
        self._builder.remark(value, sentence)

    def weighs(self, value: Value) -> bool:
        """Whether an input, or what is made of it, is there for learned parameters."""
        return self._weighs.get(value, self._weighs_any)

    def makes(self, value: Value) -> bool:
        """Whether a constant that the node makes is made of an input, or of what is made of that."""
        return self._makes.get(value, True) or not self.standard or self.holds_graphs

    def params(self, *weights: Value | None) -> int:
        """The elements of weights that no node before it has counted; none yet where the node makes a constant."""
        if any(value is not None and value.node for value in self.inputs):
            return self._builder.parameters.fresh(weights)
        self.weights = tuple(value for value in weights if value is not None)
        return 0

    def outputs(self, values: Sequence[Value | None]) -> list[Value | None]:
        """As many values as there are outputs."""
        count = len(self.proto.output)
        return [*values[:count], *[None] * (count - len(values))]
