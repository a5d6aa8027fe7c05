"""What every worked example is: its numbers, its result, and the sections of its page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np

from ..latex.page import Block, Paragraph, Section
from ..notebook import brief
from ..oracle.axes import Axis
from ..oracle.options import Index
from ..oracle.reference.arrays import ObjectArray
from ..phrases import say
from .layout import Writer

STEPS = 16
"""Elements whose calculation is written out unless another number is asked for."""


class Calculation(ABC):
    """A layer, a gradient or a matrix with numbers: a dataclass of what is given."""

    kind: ClassVar[str]

    @property
    @abstractmethod
    def title(self) -> str:
        """What is computed."""

    @property
    @abstractmethod
    def result(self) -> ObjectArray:
        """What comes out, exactly: (C, *size) for a layer."""

    @abstractmethod
    def sections(self, write: Writer, steps: int | None) -> Iterator[Section]:
        """The page: at most so many elements are written out, every one for None."""

    def __repr__(self) -> str:
        """The shapes of what is given, and the options that are not as usual."""
        return brief(self, *_given(self))

    def __str__(self) -> str:
        """The page as text."""
        from .render import render

        return render(self)

    def _repr_markdown_(self) -> str:
        """The page, for notebooks."""
        from .render import render

        return render(self, style="markdown")


def _given(calculation: Any) -> Iterator[str]:
    for field in fields(calculation):
        value = getattr(calculation, field.name)
        if isinstance(value, np.ndarray):
            yield f"{field.name} of shape {value.shape}"
        elif value != field.default:
            yield f"{field.name}={value}"


def options_in_words(write: Writer, axes: Sequence[Axis], groups: int = 1, output_padding: Index = ()) -> Block:
    """A sentence about stride, padding, dilation and groups."""
    return Paragraph(
        say(
            "Stride {stride}, padding {padding}, dilation {dilation}{more}.",
            stride=_per_axis([axis.stride for axis in axes]),
            padding=_per_axis([axis.lo if axis.lo == axis.hi else f"{axis.lo}:{axis.hi}" for axis in axes]),
            dilation=_per_axis([axis.dilation for axis in axes]),
            more="".join(
                [
                    say(", output padding {extra}", extra=_per_axis(output_padding)) if any(output_padding) else "",
                    say(", {groups} groups", groups=groups) if groups > 1 else "",
                ]
            ),
        )
    )


def _per_axis(values: Sequence[Any]) -> str:
    """ "2" where all axes agree, otherwise "(2, 1)"."""
    return str(values[0]) if len(set(values)) == 1 else f"({', '.join(map(str, values))})"


def stepwise(heading: str, groups: Iterable[Iterable[Block]]) -> Iterator[Section]:
    """A heading over groups of blocks that stand apart."""
    for group in groups:
        if blocks := tuple(group):
            yield Section(heading, blocks)
            heading = ""


def axis_names(ndim: int) -> list[str]:
    """The names of the axes of a matrix or a sequence."""
    return [say("positions")] if ndim == 1 else [say("rows"), say("columns")]
