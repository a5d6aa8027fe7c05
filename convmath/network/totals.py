"""Sums over the rows of a network, which say how complete they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ..errors import unknown
from ..notebook import brief
from .operators import Input
from .row import Row

Status = Literal["complete", "partial", "unknown"]

_SUMMED = ("params", "macs", "backward_macs", "elements")
"""What rows have a number of."""


@dataclass(frozen=True)
class Total:
    """A sum over the nodes.

    Attributes:
        value: the sum over what is understood.
        status: ``"complete"``, ``"partial"`` if nodes are missing in it, ``"unknown"`` if all are.
        missing: the names of the nodes that were not understood.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("odd", operators.Unknown("my_op", "it is not one of the operators"), net.input((3, 8, 8)))
    >>> total = net.analyze().total("macs")
    >>> total.value, total.status, total.missing
    (0, 'unknown', ('odd',))
    """

    value: Any
    status: Status
    missing: tuple[str, ...]

    def __repr__(self) -> str:
        """The value and what is missing in it."""
        from .views.cells import digits, status

        return brief(self, digits(self.value), status(self))


def status_of(rows: Sequence[Row], missing: Sequence[str]) -> Status:
    """How complete rows are without these, of which the inputs of a network are none.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("relu", operators.Activation("relu"), net.add("dense", operators.Linear(10, 4), net.input((10,))))
    >>> status_of(net.analyze().rows, ("dense",)), status_of(net.analyze().rows, ("dense", "relu"))
    ('partial', 'unknown')
    """
    computed = sum(not isinstance(row.operator, Input) for row in rows)
    return "complete" if not missing else "partial" if len(missing) < computed else "unknown"


def added(rows: Sequence[Row], values: Sequence[Any], lacks: Callable[[Row], bool] = lambda _: False) -> Total:
    """The sum of a value for each row, None where it is unknown; ``lacks`` says which of the others are not all.

    >>> from convmath.network import Graph, operators
    >>> net = Graph()
    >>> _ = net.add("relu", operators.Activation("relu"), net.add("dense", operators.Linear(10, 4), net.input((10,))))
    >>> added(net.analyze().rows, [0, 40, None])
    Total(40, partial: without 1 node)
    """
    both = zip(rows, values, strict=True)
    missing = tuple(row.name for row, value in both if value is None or lacks(row))
    return Total(sum(value for value in values if value is not None), status_of(rows, missing), missing)


def summed(rows: Sequence[Row], what: Callable[[Row], Any] | str) -> Total:
    """The sum of a number that rows have, or of what a function says of those that are understood.

    Raises:
        DomainError: a row has no such number.

    >>> from convmath.network import Graph
    >>> net = Graph()
    >>> _ = net.input((3,), "left"), net.input((3,), "right")
    >>> summed(net.analyze().rows, "elements")
    Total(6, complete)
    """
    if not callable(what) and what not in _SUMMED:
        raise unknown("what", what, _SUMMED, "sum over the rows", ", ".join(_SUMMED))
    values = [(None if row.reason else what(row)) if callable(what) else getattr(row, what) for row in rows]
    return added(rows, values, lambda row: row.lacks(what))
