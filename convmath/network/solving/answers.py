"""Answers to a question, as many as there are."""

from __future__ import annotations

from typing import TypeVar

_Value = TypeVar("_Value")


class Answers(tuple[_Value, ...]):
    """Answers in order: on paper a line each, in notebooks the table that the command line prints.

    >>> print(Answers(["first", "second"]), Answers(), sep=" | ")
    first
    second | none
    """

    __slots__ = ()

    nothing: str = "none"
    """What is read where there is none."""

    def __str__(self) -> str:
        """A line for each, or that there is none."""
        return "\n".join(map(str, self)) or self.nothing

    def _repr_html_(self) -> str:
        """A table for notebooks."""
        from ..views.answers import table

        return table(self)
