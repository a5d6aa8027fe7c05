"""How the result of a node lies in memory, as far as an importer knows it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Placement:
    """How the result of a node lies in memory.

    Attributes:
        dtype: the type of its elements, where that is another than the network's own; empty if it is not.
        shares: whether it lies in the memory of the first input, as views of it do, and what is written into it in
            place; None if the operator says it.
        stored: whether it is there before the network runs, as weights and constants are.
    """

    dtype: str = ""
    shares: bool | None = None
    stored: bool = False


USUAL = Placement()
"""What nobody says otherwise of."""

IN_PLACE = Placement(shares=True)
"""What is written into the memory of what it reads."""
