"""A network as a graph: nodes with operators, each after those that it reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from ..errors import DomainError
from ..notebook import bracketed, brief, counted, html_table, listed, plain
from .node import Node, no_operator, ordered
from .operators import Input, Operator
from .operators.domains import COUNT
from .provenance import Edit, Provenance, Reader

if TYPE_CHECKING:
    import sympy

    from .closed_form.by_symbol import FormsBySymbol
    from .closed_form.forms import Letters
    from .closed_form.report import ClosedForms
    from .report import NetworkReport
    from .sizes.trail import Trail


class Graph:
    """A network. Nodes are added each after those that it reads; sizes are in elements.

    >>> from convmath.network.operators import Conv, Pool
    >>> net = Graph()
    >>> image = net.input((3, 224, 224))
    >>> stem = net.add("conv1", Conv(3, 64, (7, 7), stride=2, padding=3, bias=False), image)
    >>> pooled = net.add("pool1", Pool("max", (3, 3), stride=2, padding=1), stem)
    >>> net.inputs, net.outputs, net.symbols, net.unused, net.reread, net.reading, net.trail
    (('input',), ('pool1',), (), {}, None, None, None)
    >>> report = net.analyze()
    >>> report.output.output_size, report.output.receptive_field.size, report.macs
    ((64, 56, 56), (11, 11), 118013952)
    """

    def __init__(self, nodes: Iterable[Node] = (), outputs: Iterable[str] = ()) -> None:
        """A graph of nodes in any order, or a copy of a graph.

        A copy of a graph that was read from a model is known at other sizes as far as that is; nodes alone are taken to
        be the network as it is meant, at all sizes.

        Args:
            nodes: the nodes, or the graph.
            outputs: the names of those whose results the network returns; by default those that no other reads, and of
                a copy those of the graph.

        Raises:
            DomainError: a name occurs twice or is missing, or the nodes form a cycle.
        """
        self.provenance = Provenance()
        """How the graph is known."""
        self._nodes: dict[str, Node] = {}
        self._outputs = tuple(outputs)
        if isinstance(nodes, Graph):
            returned = self._outputs
            self.provenance = (
                nodes.provenance.edited(lambda other: Graph(other, returned)) if returned else nodes.provenance
            )
            self._outputs = returned or nodes._outputs
        for node in ordered(list(nodes)):
            self._append(node)
        for name in self._outputs:
            self[name]

    @property
    def reread(self) -> Reader | None:
        """Reads the same network at other sizes of its inputs, without the batch; None if no importer has read it."""
        return self.provenance.reread

    @property
    def trail(self) -> Trail | None:
        """What the network's own code saw of sizes, where an importer has followed it."""
        return self.provenance.trail

    @property
    def reading(self) -> Graph | None:
        """The same network at the sizes at which an importer has read it, where sizes of its inputs are symbols."""
        return self.provenance.settled.reading

    @property
    def unused(self) -> Mapping[str, int]:
        """Parts of the model that no node is made of, and the parameters in them.

        >>> Graph().unused  # a graph that is built by hand is made of nodes alone
        {}
        """
        return self.provenance.unused

    def input(self, input_size: Iterable[Any], name: str = "input", *, batch_size: Any = 1) -> str:
        """Add an input and return its name.

        Args:
            input_size: its sizes without the batch, the channels first: ``(3, 224, 224)``; those after the channels are
                its spatial axes. Sizes may be symbols, ``(3, "n", "n")``, or of a sequence ``("n",)``: see
                :meth:`closed_forms` and :meth:`at`.
            name: its name.
            batch_size: images at once.

        Raises:
            DomainError: a size is none, or the sizes are no list, or the name is no text, empty or taken.

        >>> net = Graph()
        >>> net.input((3, 8, 8)), net.input((3, "n", "n"), "other", batch_size=4), net.symbols
        ('input', 'other', (n,))
        """
        from .input_sizes import batch_given, sizes_given
        from .symbolic import axes_of, with_symbols

        sizes = with_symbols((batch_given(batch_size), *sizes_given(input_size)))
        return self.add(name, Input(sizes, axes_of(sizes)))

    def add(self, name: str, operator: Operator, *inputs: str) -> str:
        """Add a node and return its name.

        Args:
            name: its name, not empty.
            operator: one of :mod:`convmath.network.operators`.
            inputs: the names of the nodes that it reads, in order.

        Raises:
            DomainError: the name is empty or taken, the operator is none, or an input is not there.

        >>> net = Graph()
        >>> net.add("stem", "conv", net.input((3, 8, 8)))
        Traceback (most recent call last):
        convmath.errors.DomainError: operator='conv': needs an operator, not its name; did you mean Conv(...)?
        """
        node = Node(name, operator, inputs)
        self._append(node)
        self.provenance = self.provenance.longer(node)
        return name

    def longer(self, nodes: Iterable[Node]) -> Graph:
        """A copy with more nodes.

        Raises:
            DomainError: as :meth:`add`.

        >>> from convmath.network import Node, operators
        >>> net = Graph()
        >>> _ = net.input((3,))
        >>> longer = net.longer([Node("relu", operators.Activation("relu"), ("input",))])
        >>> net.outputs, longer.outputs
        (('input',), ('relu',))
        """
        found = Graph(self)
        for node in nodes:
            found.add(node.name, node.operator, *node.inputs)
        return found

    def _append(self, node: Node) -> None:
        for parameter, names in (("name", (node.name,)), ("inputs", node.inputs)):
            for name in names:
                if not isinstance(name, str):
                    raise DomainError(parameter, name, "needs the name of a node, which is a text")
        if not node.name:
            raise DomainError("name", node.name, "needs a name that is not empty")
        if not isinstance(node.operator, Operator):
            raise no_operator(node.operator)
        if node.params is not None and not COUNT.holds(node.params):
            raise DomainError("params", node.params, f"needs {COUNT.needs}, or None for those of the operator")
        if node.name in self._nodes:
            raise DomainError("name", node.name, "there is a node of this name already")
        missing = [name for name in node.inputs if name not in self._nodes]
        if missing:
            raise DomainError("inputs", missing[0], f"node {node.name} reads it, and there is no node of this name")
        self._nodes[node.name] = node

    def __getitem__(self, name: str) -> Node:
        """The node of a name.

        Raises:
            DomainError: there is none.
        """
        if not isinstance(name, str) or name not in self._nodes:
            from ..errors import unknown

            raise unknown("name", name, self._nodes, "node", listed(self._nodes))
        return self._nodes[name]

    def __contains__(self, item: object) -> bool:
        """Whether a node, or one of a name, is among them."""
        return item in self._nodes if isinstance(item, str) else item in self._nodes.values()

    def __iter__(self) -> Iterator[Node]:
        """The nodes, each after those that it reads."""
        return iter(self._nodes.values())

    def __len__(self) -> int:
        """The number of nodes."""
        return len(self._nodes)

    def __repr__(self) -> str:
        """Nodes and inputs, in a line."""
        inputs = [f"{node.name} {bracketed(node.operator.shape)}" for node in self if isinstance(node.operator, Input)]
        return brief(self, counted(len(self), "node"), listed(inputs))

    def __str__(self) -> str:
        """A line for each node: its operator and what it reads."""
        return "\n".join(
            f"{name}: {operator}{f' of {reads}' if reads else ''}" for name, operator, reads in self._lines()
        )

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        return html_table(("node", "operator", "reads"), self._lines())

    def _lines(self) -> Iterator[tuple[str, str, str]]:
        for node in self:
            yield plain(node.name), plain(repr(node.operator)), plain(", ".join(node.inputs))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the inputs that have spatial axes, in order.

        >>> net = Graph()
        >>> _ = net.input((3, 8, 8), "image"), net.input((4,), "label")
        >>> net.inputs  # four channels have no axes
        ('image',)
        """
        return tuple(node.name for node in self if isinstance(node.operator, Input) and node.operator.axes)

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of the nodes whose results the network returns.

        >>> from convmath.network import operators
        >>> net = Graph()
        >>> _ = net.add("twice", operators.Combine("add"), net.input((3,)), "input")
        >>> net.outputs
        ('twice',)
        """
        read = {name for node in self for name in node.inputs}
        return self._outputs or tuple(node.name for node in self if node.name not in read)

    def replaced(self, operators: Mapping[str, Operator]) -> Graph:
        """The same graph with other operators at some nodes.

        Raises:
            DomainError: there is no node of a name, or an operator is none.

        >>> from convmath.network import operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 2)), net.input((3, 8, 8)))
        >>> larger = net.replaced({"pool": operators.Pool("max", (4, 4))})
        >>> larger.analyze().output.output_size, net.analyze().output.output_size
        ((3, 2, 2), (3, 4, 4))
        """
        if not isinstance(operators, Mapping):
            raise DomainError("operators", operators, "needs a mapping of the names of nodes to their operators")
        for name, operator in operators.items():
            self[name]
            if not isinstance(operator, Operator):
                raise no_operator(operator)
        inner = {name: operator for name, operator in operators.items() if not isinstance(operator, Input)}

        def edit(other: Graph) -> Graph:
            return other.replaced({name: operator for name, operator in inner.items() if name in other._nodes})

        nodes = [node.computing(operators[node.name]) if node.name in operators else node for node in self]
        if not inner:
            return self._of(nodes, self._outputs, self.provenance)
        return self.rebuilt(nodes, self._outputs, edit, self.trail)

    def rebuilt(self, nodes: Iterable[Node], outputs: Iterable[str], edit: Edit, trail: Trail | None) -> Graph:
        """A changed copy of the graph, known at other sizes as far as this one is.

        Args:
            nodes: those of the copy.
            outputs: the names of those whose results it returns.
            edit: changes the graph in the same way where it is read again.
            trail: what the network's own code saw of sizes, with the positions that nodes have in the copy.

        >>> from convmath.network import operators
        >>> net = Graph()
        >>> _ = net.add("relu", operators.Activation("relu"), net.input((3,)))
        >>> net.rebuilt(list(net)[:1], (), lambda other: Graph(list(other)[:1]), None).outputs
        ('input',)
        """
        return self._of(nodes, outputs, replace(self.provenance.edited(edit), trail=trail))

    @staticmethod
    def _of(nodes: Iterable[Node], outputs: Iterable[str], provenance: Provenance) -> Graph:
        found = Graph(nodes, outputs)
        found.provenance = provenance
        return found

    @property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """The symbols in the sizes of the inputs, in order; empty where all of them are numbers.

        >>> net = Graph()
        >>> _ = net.input((3, "h", "w"))
        >>> net.symbols
        (h, w)
        """
        from .symbolic import symbols_of

        return tuple(symbols_of(self))

    def at(self, size: int | None = None, /, **sizes: int) -> Graph:
        """The network with numbers for the symbols in the sizes of its inputs, read again where an importer read it.

        Args:
            size: the number for every symbol.
            sizes: the number of each symbol, by its name.

        Raises:
            DomainError: there is no such symbol, one has no number, or the network does not take the numbers.

        >>> from convmath.network.operators import Pool
        >>> net = Graph()
        >>> _ = net.add("pool", Pool("max", (2, 2)), net.input((3, "h", "w")))
        >>> net.at(224).analyze().output.output_size, net.at(h=64, w=32).analyze().output.output_size
        ((3, 112, 112), (3, 32, 16))
        """
        from .symbolic import at_numbers

        return at_numbers(self, sizes if size is None else size)

    def analyze(self) -> NetworkReport:
        """Sizes, receptive fields and costs of every node, without running anything.

        Raises:
            DomainError: sizes do not fit; the message names the node. Or sizes of the inputs are symbols.

        >>> from convmath.network import operators
        >>> net = Graph()
        >>> _ = net.add("pool", operators.Pool("max", (2, 2)), net.input((3, 4, 4)))
        >>> net.analyze()
        NetworkReport(2 nodes, complete, 0 params, 0 MACs)
        """
        from .analysis import analyze
        from .symbolic import require_numbers

        require_numbers(self)
        return analyze(self)

    @overload
    def closed_forms(
        self, symbol: str | sympy.Symbol | None = None, *, axis: int | None = None, source: str | None = None
    ) -> ClosedForms | Any: ...

    @overload
    def closed_forms(self, symbol: Letters, *, axis: None = None, source: str | None = None) -> FormsBySymbol: ...

    def closed_forms(self, symbol: Any = None, *, axis: int | None = None, source: str | None = None) -> Any:
        """Every size as a term in the size of the input, or in those of its axes, ``("h", "w")``.

        Args and errors as for :func:`convmath.network.closed_form.closed_forms`.

        >>> from convmath.network import operators
        >>> net = Graph()
        >>> _ = net.add("conv", operators.Conv(3, 8, (3, 3), stride=2), net.input((3, "h", "w")))
        >>> print(net.closed_forms("h")["conv"])
        conv: (8, ceil(h/2) - 1, ceil(w/2) - 1) for h >= 3, proved
        """
        from .closed_form.forms import closed_forms

        return closed_forms(self, symbol, axis=axis, source=source)
