"""The rows of a network, with the sums over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..errors import DomainError, unknown
from ..notebook import listed
from .row import Row
from .totals import Status, Total, status_of, summed

if TYPE_CHECKING:
    from .graph import Graph


@dataclass(frozen=True)
class Rows:
    """The rows of a network, each by the name of its node.

    Attributes:
        graph: the network.
        rows: a row for every node, each after those that it reads.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("dense", operators.Linear(10, 4), net.input((10,)))
    >>> rows = net.analyze()
    >>> [row.name for row in rows], len(rows), "dense" in rows, rows["dense"] is rows.output
    (['input', 'dense'], 2, True, True)
    """

    graph: Graph
    rows: tuple[Row, ...]

    def __iter__(self) -> Iterator[Row]:
        """The rows in order."""
        return iter(self.rows)

    def __contains__(self, item: object) -> bool:
        """Whether a row, or one of a name, is among them."""
        return item in self._by_name if isinstance(item, str) else item in self.rows

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

    @property
    def output(self) -> Row:
        """The row of the last node whose result the network returns; of several, :attr:`outputs` has all.

        Raises:
            DomainError: there are no rows.
        """
        if not self.rows:
            raise DomainError("rows", self.rows, "an empty network has no output")
        returned = set(self.graph.outputs)
        return next(row for row in reversed(self.rows) if row.name in returned)

    @property
    def outputs(self) -> tuple[Row, ...]:
        """The rows of the nodes whose results the network returns, in its order."""
        return tuple(self[name] for name in self.graph.outputs)

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the nodes that were not understood."""
        return tuple(row.name for row in self.rows if row.reason)

    @property
    def status(self) -> Status:
        """``"complete"``, ``"partial"`` if nodes were not understood, ``"unknown"`` if none was.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> odd = net.add("odd", operators.Unknown("my_op", "it is not one of the operators"), net.input((10,)))
        >>> _ = net.add("dense", operators.Linear(10, 4), "input")
        >>> net.analyze().status, net.analyze().missing
        ('partial', ('odd',))
        """
        return status_of(self.rows, self.missing)

    def total(self, what: Callable[[Row], Any] | str) -> Total:
        """A sum over the rows: of a number that they have, or of what a function says of those that are understood.

        Args:
            what: ``"params"``, ``"macs"``, ``"backward_macs"``, ``"elements"``, or a function of a row: a number, or
                None where it is unknown.

        Raises:
            DomainError: a row has no such number.

        >>> from convmath.network.operators import Unknown
        >>> from convmath.network import Graph
        >>> net = Graph()
        >>> _ = net.add("odd", Unknown("my_op", "it is not one of the operators"), net.input((3, 8, 8)))
        >>> net.analyze().total("macs")
        Total(0, unknown: without 1 node)
        """
        return summed(self.rows, what)

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
        """All multiply-accumulates of the gradients for weights and activations.

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> wide = net.add("wide", operators.Linear(10, 40), net.input((10,)))
        >>> _ = net.add("narrow", operators.Linear(40, 4), wide)
        >>> net.analyze().backward_macs  # 400 for the weights of wide, 160 for those of narrow and 160 for its input
        720
        """
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

        >>> from convmath.network import Graph, operators
        >>> net = Graph()
        >>> _ = net.add("dense", operators.Linear(10, 4), net.input((10,)))
        >>> report = net.analyze()
        >>> report.flops(), report.flops("exact"), report.flops("ptflops"), report.flops("2mac", backward=True)
        (80, 80, 44, 80)
        """
        from .conventions import flops

        return self.total(flops(convention, backward=backward)).value
