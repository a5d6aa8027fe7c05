"""How the result of a node lies in memory, as far as an importer knows it."""

from __future__ import annotations

from dataclasses import dataclass

from .operators import Input, Operator

DTYPE = "float32"
"""The type of a network of which nobody says any."""


@dataclass(frozen=True, slots=True)
class Placement:
    """How the result of a node lies in memory.

    Attributes:
        dtype: the type of its elements, where that is known to be another than the network's own; empty if it is not.
        shares: whether it lies in the memory of the first input, as views of it do, and what is written into it in
            place; None if the operator says it.
        stored: whether it is there before the network runs, as weights and constants are.
        made: whether the network makes it of nothing while it runs, as ones and ranges.
        told: whether it is known if it is learned.

    >>> operation(Input((8,)), None, Placement(made=True))
    'constant'
    """

    dtype: str = ""
    shares: bool | None = None
    stored: bool = False
    made: bool = False
    told: bool = True


USUAL = Placement()
"""What nobody says otherwise of."""

IN_PLACE = Placement(shares=True)
"""What is written into the memory of what it reads."""


def operation(operator: Operator, params: int | None, placement: Placement) -> str:
    """The name of what a node computes; of a tensor that is not given, whether it is learned.

    >>> operation(Input((1, 3)), 3, Placement(stored=True)), operation(Input((1, 3)), 0, USUAL)
    ('parameter', 'input')
    """
    if isinstance(operator, Input) and (params or placement.stored or placement.made):
        return "parameter" if params else "constant"
    return operator.kind
