"""Elements that indices choose, and which of these are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from ...assumptions import require
from .base import Operator, Reads, Size, Sizes
from .domains import FLAG, INTEGERS, PAIRS, Domains


@dataclass(frozen=True, kw_only=True)
class Chosen(Operator):
    """Elements that indices choose.

    Attributes: least: the least indices that are known, each with how many there are to choose from. greatest: the
        greatest ones, too. back: whether negative ones are counted from the end. open: whether others are not known.
    """

    least: tuple[tuple[Size, Size], ...] = ()
    greatest: tuple[tuple[Size, Size], ...] = ()
    back: bool = False
    open: bool = False

    domains: ClassVar[Domains] = {"least": PAIRS, "greatest": PAIRS, "back": FLAG, "open": FLAG}

    @property
    def remarks(self) -> tuple[str, ...]:
        """What to say where some indices are not known."""
        return ("which rows are looked up is not known, and all are taken to be there",) if self.open else ()

    def require_rows(self) -> None:
        """Require the indices to be there.

        Raises:
            DomainError: one of them is not.
        """
        for index, rows in self.least:
            require("<=", -rows if self.back else 0, index, "index", self._needs(rows), index=index)
        for index, rows in self.greatest:
            require("<", index, rows, "index", self._needs(rows), index=index)

    def _needs(self, rows: Size) -> str:
        return f"what is looked up has {rows} rows: needs {-rows if self.back else 0} <= index < {rows}"


@dataclass(frozen=True)
class Lookup(Chosen):
    """Elements of a constant, chosen by constant indices: the constant, then the indices.

    Attributes: shape: the sizes of the output.

    >>> Lookup((4, 16)).sizes((10, 16), (4,))
    (4, 16)
    """

    shape: tuple[Size, ...]

    domains: ClassVar[Domains] = {**Chosen.domains, "shape": INTEGERS}

    def sizes(self, *inputs: Sizes) -> Sizes:
        """The given sizes."""
        if 0 not in self.shape:
            self.require_rows()
        return self.shape

    def reads(self, inputs: Sequence[Sizes], output: Sizes) -> tuple[Reads, ...]:
        """Which element is read where is not a matter of one dimension."""
        return tuple((None,) * len(output) for _ in inputs)
