"""What is known of a network: a row for every node, and totals that say how complete they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..errors import DomainError, unknown
from ..notebook import brief, counted, listed
from .fields.receptive import Misalignment
from .fields.spans import Spans
from .operators.base import Reads
from .row import Row

if TYPE_CHECKING:
    import sympy

    from .closed_form.report import ClosedForms
    from .graph import Graph

Status = Literal["complete", "partial", "unknown"]


@dataclass(frozen=True)
class Total:
    """A sum over the nodes.

    Attributes:
        value: the sum over what is understood.
        status: ``"complete"``, ``"partial"`` if nodes are missing in it, ``"unknown"`` if all are.
        missing: the names of the nodes that were not understood.
    """

    value: Any
    status: Status
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        """The value and what is missing in it."""
        from .views.cells import digits, status

        return brief(self, digits(self.value), status(self))


@dataclass(frozen=True)
class NetworkReport:
    """The rows of a network, and what they come to.

    Attributes:
        graph: the network.
        rows: a row for every node, each after those that it reads.
        misaligned: where paths meet whose strides or centres disagree.
    """

    graph: Graph
    rows: tuple[Row, ...]
    misaligned: tuple[Misalignment, ...] = ()

    def __iter__(self) -> Iterator[Row]:
        """The rows in order."""
        return iter(self.rows)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.rows)

    def __getitem__(self, name: str) -> Row:
        """The row of a node.

        Raises:
            DomainError: there is none of this name.
        """
        if not isinstance(name, str):
            raise DomainError("name", name, "needs the name of a node; the rows in order are in .rows")
        if name not in self._by_name:
            raise unknown("name", name, self._by_name, "node", listed(self._by_name))
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Row]:
        return {row.name: row for row in self.rows}

    @cached_property
    def _accesses(self) -> dict[str, tuple[Reads, ...]]:
        return {}

    def accesses(self, name: str) -> tuple[Reads, ...]:
        """For each input of an understood node, what each dimension of its output reads of it.

        Raises:
            UnsupportedError: a relation is too long to write down.
        """
        if name not in self._accesses:
            row = self[name]
            inputs = [sizes or () for sizes in row.inputs]
            self._accesses[name] = row.operator.reads(inputs, row.sizes or ())
        return self._accesses[name]

    @property
    def output(self) -> Row:
        """The last row.

        Raises:
            DomainError: there are no rows.
        """
        if not self.rows:
            raise DomainError("rows", self.rows, "an empty network has no output")
        return self.rows[-1]

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the nodes that were not understood."""
        return tuple(row.name for row in self.rows if row.reason)

    @property
    def status(self) -> Status:
        """``"complete"``, ``"partial"`` if nodes were not understood, ``"unknown"`` if none was."""
        return self._status(len(self.missing))

    def _status(self, missing: int) -> Status:
        computed = sum(bool(row.op != "input") for row in self.rows)
        return "complete" if not missing else "partial" if missing < computed else "unknown"

    def total(self, what: Callable[[Row], Any] | str) -> Total:
        """A sum over the rows: of ``"params"``, ``"macs"``, or of what a function says of a row, None if unknown.

        >>> from convmath.network.operators import Unknown
        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.add("odd", Unknown("my_op", "it is not one of the operators"), net.input((3, 8, 8)))
        >>> net.analyze().total("macs")
        Total(0, unknown: without 1 node)
        """
        values = [what(row) if callable(what) else getattr(row, what) for row in self.rows]
        missing = tuple(
            row.name for row, value in zip(self.rows, values, strict=True) if value is None or row.lacks(what)
        )
        return Total(sum(value for value in values if value is not None), self._status(len(missing)), missing)

    @property
    def params(self) -> Any:
        """All parameters; ``total("params")`` says whether the sum is complete."""
        return self.total("params").value

    @property
    def macs(self) -> Any:
        """All multiply-accumulates; ``total("macs")`` says whether the sum is complete."""
        return self.total("macs").value

    @property
    def backward_macs(self) -> Any:
        """All multiply-accumulates of the gradients for weights and activations."""
        return self.total("backward_macs").value

    def flops(self, convention: str = "2mac", *, backward: bool = False) -> Any:
        """All operations, by a named convention; ``total(conventions.flops(name))`` says whether the sum is complete.

        Args:
            convention: one of :data:`~convmath.network.conventions.CONVENTIONS`: ``"mac"``: one for each
                multiply-accumulate; ``"2mac"``: two; ``"exact"``: every multiplication, addition, comparison, division
                and function value; or the name of a tool, to get its number: ``CONVENTIONS[name].why`` says what it
                counts, and why that is not what others count.
            backward: whether those of the gradients are meant, and not those of the outputs.

        Raises:
            DomainError: the convention is unknown, or says nothing of the gradients.
        """
        from .conventions import flops

        return self.total(flops(convention, backward=backward)).value

    @property
    def activations(self) -> Any:
        """Elements of all outputs and inputs together: what training keeps at most."""
        return self.total("elements").value

    def activation_bytes(self, dtype: Any = "float32") -> Any:
        """Bytes of all outputs and inputs together.

        Args:
            dtype: the name of a dtype of torch, or a dtype of torch or NumPy.

        Raises:
            DomainError: the dtype is unknown.
        """
        from .memory import itemsize

        return self.activations * itemsize(dtype)

    def peak_bytes(self, dtype: Any = "float32") -> Any:
        """Bytes that are alive at once at most, where each node runs in order and frees what no later one reads.

        Args:
            dtype: as in :meth:`activation_bytes`.

        Raises:
            DomainError: the dtype is unknown.
        """
        from .memory import itemsize, peak

        return peak(self) * itemsize(dtype)

    def closed_forms(
        self, symbol: str | sympy.Symbol | None = None, *, axis: int | None = None, source: str | None = None
    ) -> ClosedForms:
        """Every size as a term in the size of the input: see :func:`convmath.network.closed_form.closed_forms`."""
        return self.graph.closed_forms(symbol, axis=axis, source=source)

    def reads(self, name: str, *position: int) -> dict[str, tuple[Spans, ...]]:
        """Exactly what one position of a node reads of each input, borders and all, axis by axis.

        Args:
            name: the node.
            position: the index on each axis of its output after the channels, each from 0.

        Raises:
            DomainError: there is no such node or position, or what it reads is unknown.
        """
        from .fields.exact import exact_field

        return exact_field(self, name, position)

    def __repr__(self) -> str:
        """Nodes, whether all are understood, parameters and multiply-accumulates."""
        from .views.cells import digits

        missing = len(self.missing)
        status = f"{self.status}: {missing:,} not understood" if missing else self.status
        numbers = (f"{digits(self.params)} params", f"{digits(self.macs)} MACs")
        return brief(self, counted(len(self), "node"), status, *numbers)

    def __str__(self) -> str:
        """The tables that ``convmath net`` prints."""
        from ..notebook import printed
        from .views.terminal import view

        return printed(view(self))

    def _repr_html_(self) -> str:
        """Tables for notebooks."""
        from .views.documents import fragment

        return fragment(self)
