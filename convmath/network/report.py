"""What is known of a network: a row for every node, and totals that say how complete they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..errors import DomainError, unknown
from .field import Field
from .operators import Operator, Sizes, Unknown, Work
from .operators.base import Reads, product
from .spans import Spans

if TYPE_CHECKING:
    import sympy

    from .closed_form_report import ClosedForms
    from .graph import Graph

Status = Literal["complete", "partial", "unknown"]


@dataclass(frozen=True)
class ReceptiveFields:
    """What a position reads of an input, axis by axis, as if no tensor had a border.

    On each axis it is what any position of that index reads: where a path leaves positions out on one axis, as a
    transposed convolution may whose stride exceeds its kernel, the others still tell what its other positions read.

    Attributes: axes: the field on each axis.
    """

    axes: tuple[Field, ...]

    def __getitem__(self, axis: int) -> Field:
        """The field on an axis."""
        return self.axes[axis]

    def __len__(self) -> int:
        """The number of axes."""
        return len(self.axes)

    @property
    def size(self) -> tuple[int, ...]:
        """Elements of the hull on each axis."""
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """Elements from the field of one position to that of the next."""
        return tuple(axis.stride for axis in self.axes)

    @property
    def padding(self) -> tuple[int, ...]:
        """Elements by which the field of position 0 begins before element 0."""
        return tuple(axis.padding for axis in self.axes)

    @property
    def holes(self) -> tuple[bool | None, ...]:
        """Whether a position leaves out elements within its hull; None where that is not known.

        A position that reads nothing has no hull, and leaves nothing out.
        """
        return tuple(axis.holes for axis in self.axes)

    def center(self, *position: int) -> tuple[Fraction | None, ...]:
        """The centre of the hull of a position, where element j covers [j, j + 1); None where it reads nothing.

        Raises:
            DomainError: the position has not an index for each axis.
        """
        return tuple(axis.center(at) for axis, at in self._at(position))

    def interval(self, *position: int) -> tuple[tuple[int, int], ...]:
        """``(start, stop)`` of the hull of a position; ``(0, 0)`` where it reads nothing.

        Raises:
            DomainError: the position has not an index for each axis.
        """
        return tuple(axis.interval(at) for axis, at in self._at(position))

    def _at(self, position: tuple[int, ...]) -> Iterator[tuple[Field, int]]:
        if len(position) != len(self.axes):
            raise DomainError("position", position, f"needs an index for each of the {len(self.axes)} axes")
        return zip(self.axes, position, strict=True)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from ..notebook import html_table
        from .show import FIELD_HEAD, field_rows

        return html_table(FIELD_HEAD, field_rows(self), "Receptive field")


@dataclass(frozen=True)
class Misalignment:
    """Two paths that meet and do not agree where they look: their strides differ, or their centres.

    Attributes:
        node: where they meet.
        paths: the inputs of that node by which they come; the same twice where the node reads one two times.
        source: the input of the network and its axis.
        fields: the field by each path.

    Source: [AraujoNorrisSim2019, section on arbitrary computation graphs].
    """

    node: str
    paths: tuple[str, str]
    source: tuple[str, int]
    fields: tuple[Field, Field]

    def __str__(self) -> str:
        """One sentence."""
        first, second = self.fields
        strides = first.stride != second.stride
        what = "strides" if strides else "centres at position 0"
        one, other = (first.stride, second.stride) if strides else (first.offset, second.offset)
        where, paths = f"axis {self.source[1]} of {self.source[0]}", " and ".join(self.paths)
        return f"at {self.node} the {what} of {paths} disagree on {where}: {one} and {other}"


@dataclass(frozen=True)
class Row:
    """What is known of a node.

    Attributes:
        name: the name of the node.
        operator: what it computes.
        inputs: the sizes of what it reads, the batch first; None where they are unknown.
        sizes: the sizes of its output, the batch first; None if unknown.
        params: parameters that are learned; those that it shares with a node before it are counted there.
        work: what computing it takes.
        learned: for each input, whether it depends on parameters, so that training computes a gradient for it.
        fields: the receptive field in each input of the network, by name; empty where ``field_unknown`` says why.
        field_unknown: why the receptive field is unknown, in words.
        reason: why the node is not understood; empty if it is.
    """

    name: str
    operator: Operator
    inputs: tuple[Sizes | None, ...]
    sizes: Sizes | None
    params: int
    work: Work
    learned: tuple[bool, ...] = ()
    fields: Mapping[str, ReceptiveFields] = field(default_factory=dict)
    field_unknown: str = ""
    reason: str = ""

    @property
    def op(self) -> str:
        """The operation."""
        return self.operator.kind

    def lacks(self, what: Any) -> bool:
        """Whether a number of this row is unknown: of ``"params"``, ``"elements"`` or what computing it takes."""
        if what == "params":
            return isinstance(self.operator, Unknown) and self.operator.parameters is None
        return self.sizes is None if what == "elements" else bool(self.reason)

    @property
    def output_size(self) -> Sizes | None:
        """The sizes of its output without the batch."""
        return None if self.sizes is None else self.sizes[1:]

    @property
    def elements(self) -> Any:
        """Elements of its output; 0 if unknown."""
        return 0 if self.sizes is None else product(self.sizes)

    @property
    def receptive_field(self) -> ReceptiveFields | None:
        """The receptive field in the network's only, or first, input; None where it is unknown."""
        return next(iter(self.fields.values()), None)

    @property
    def macs(self) -> Any:
        """Multiply-accumulates."""
        return self.work.macs

    @property
    def backward_macs(self) -> Any:
        """Multiply-accumulates of the gradients for its weights and its inputs. Entry: cost.backward.

        A network's first layer has no gradient for its input.
        """
        if not self.work.macs:
            return 0
        inputs = self.operator.input_gradient_macs(
            [sizes or () for sizes in self.inputs], self.sizes or (), self.learned
        )
        return inputs + (self.work.macs if self.operator.params else 0)

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from .show import row_html

        return row_html(self)


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
            raise unknown("name", name, self._by_name, "node", "the report's rows")
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
        Total(value=0, status='unknown', missing=('odd',))
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
        """All operations, by a named convention.

        Args:
            convention: one of :data:`~convmath.network.conventions.CONVENTIONS`: ``"mac"``: one for each
                multiply-accumulate; ``"2mac"``: two; ``"exact"``: every multiplication, addition, comparison, division
                and function value; or the name of a tool, to get its number.
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

    def activation_bytes(self, dtype: str = "float32") -> Any:
        """Bytes of all outputs and inputs together.

        Raises:
            DomainError: the dtype is unknown.
        """
        from .memory import itemsize

        return self.activations * itemsize(dtype)

    def peak_bytes(self, dtype: str = "float32") -> Any:
        """Bytes that are alive at once at most, where each node runs in order and frees what no later one reads.

        Raises:
            DomainError: the dtype is unknown.
        """
        from .memory import itemsize, peak

        return peak(self) * itemsize(dtype)

    def closed_forms(self, symbol: str | sympy.Symbol = "n", *, axis: int | None = None) -> ClosedForms:
        """Every size as a term in the size of the input: see :func:`convmath.network.closed_form.closed_forms`."""
        return self.graph.closed_forms(symbol, axis=axis)

    def reads(self, name: str, *position: int) -> dict[str, tuple[Spans, ...]]:
        """Exactly what one position of a node reads of each input, borders and all, axis by axis.

        Raises:
            DomainError: there is no such node or position, or what it reads is unknown.
        """
        from .exact_field import exact_field

        return exact_field(self, name, position)

    def _repr_html_(self) -> str:
        """Tables for notebooks."""
        from .show_formats import fragment

        return fragment(self)
