"""The sizes of a tensor as its network's own code has them: with their terms, which torch's own class loses."""

from __future__ import annotations

from typing import Any

import torch

from ..operators.base import product
from ..sizes.number import Number, number_of
from .passing import STOOD_FOR


class Shape(tuple[Any, ...]):
    """Sizes with their terms, in place of a ``torch.Size``, for which it passes.

    That class is written in C: its ``numel`` would ask every size for its number.

    >>> shape = Shape((2, 3, 4))
    >>> shape, isinstance(shape, torch.Size), shape[1:].numel(), ((5,) + shape + (1,)).numel(), (2 * shape).numel()
    (torch.Size([2, 3, 4]), True, 12, 120, 576)
    """

    __slots__ = ()

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        """What ``isinstance`` takes it for."""
        return torch.Size

    def numel(self) -> Any:
        """The product of all sizes."""
        return product(self)

    def __repr__(self) -> str:
        """As torch writes it."""
        return f"torch.Size([{', '.join(map(repr, self))}])"

    def __reduce__(self) -> Any:
        """What it is made of."""
        return Shape, (tuple(self),)

    def __getitem__(self, index: Any) -> Any:
        """One size, or some of them."""
        found = super().__getitem__(index)
        return Shape(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Any:
        """With more sizes at the end."""
        return Shape((*self, *other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        """With more sizes at the beginning."""
        return Shape((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: Any) -> Any:
        """The same sizes several times."""
        return Shape(super().__mul__(count))

    __rmul__ = __mul__


STOOD_FOR[Shape] = lambda shape: torch.Size(map(number_of, shape))


def shape_of(sizes: tuple[Any, ...]) -> Any:
    """Sizes as torch gives them; with their terms if there are any."""
    return Shape(sizes) if any(isinstance(size, Number) for size in sizes) else torch.Size(sizes)
