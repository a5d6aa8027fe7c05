"""What the values of options in a file may be: the options of layers are annotated with these kinds."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Any, TypeAlias

from ...errors import DomainError
from ..input_sizes import LARGEST
from ..operators import Sizes


def integer(value: Any, key: str) -> int:
    """An integer, for the key of a file."""
    if type(value) is not int or not -LARGEST <= value <= LARGEST:
        raise DomainError(key, value, "needs an integer")
    return value


def count(value: Any, key: str) -> int:
    """An integer of at least 1."""
    if type(value) is not int or not 1 <= value <= LARGEST:
        raise DomainError(key, value, "needs an integer >= 1")
    return value


def _each(value: Any, key: str) -> Any:
    if not isinstance(value, list):
        return integer(value, key)
    if not value:
        raise DomainError(key, value, "needs at least one integer")
    return tuple(integer(one, f"{key}[{number}]") for number, one in enumerate(value))


def _sides(value: Any, key: str) -> Any:
    if not isinstance(value, list):
        return value if isinstance(value, str) else integer(value, key)
    return tuple(_each(one, f"{key}[{number}]") for number, one in enumerate(value))


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise DomainError(key, value, "needs true or false")
    return value


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str):
        raise DomainError(key, value, "needs a text")
    return value


def _share(value: Any, key: str) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise DomainError(key, value, "needs a number from 0 to 1")
    return value


def _factor(value: Any, key: str) -> Any:
    if isinstance(value, list):
        return tuple(_factor(one, f"{key}[{number}]") for number, one in enumerate(value))
    if isinstance(value, str) and re.fullmatch("[1-9][0-9]{0,17}/[1-9][0-9]{0,17}", value):
        return Fraction(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < LARGEST:
        raise DomainError(key, value, "needs a number > 0 or a fraction such as '2/3', or one for each axis")
    return Fraction(str(value))


Integer: TypeAlias = Annotated[Any, integer]
Count: TypeAlias = Annotated[int, count]
Flag: TypeAlias = Annotated[bool, _flag]
Text: TypeAlias = Annotated[str, _text]
Share: TypeAlias = Annotated[float, _share]
Each: TypeAlias = Annotated[Any, _each]
"""An integer, or one for each axis."""
Sides: TypeAlias = Annotated[Any, _sides]
"""An integer or a text, or for each axis an integer or several."""
Factor: TypeAlias = Annotated[Any, _factor]
"""A number or a fraction, or one for each axis."""


def spread(value: Any, axes: int) -> tuple[Any, ...]:
    """What is said for each of so many axes, or for all at once."""
    return value if isinstance(value, tuple) else (value,) * axes


def axes_of_input(sizes: Sizes) -> int:
    """The number of spatial axes of an input."""
    axes = len(sizes) - 2
    if axes < 1:
        raise DomainError("inputs", sizes, "needs an input with channels and spatial axes")
    return axes


def dim_of(sizes: Sizes, dim: Any) -> int:
    """A dimension from 0, where it may be counted from the end."""
    if type(dim) is not int:
        raise DomainError("dim", dim, "needs one dimension, an integer")
    if not -len(sizes) <= dim < len(sizes):
        raise DomainError("dim", dim, f"needs a dimension of {len(sizes)}, from 0 or from -1 backwards")
    return dim % len(sizes)


def dims_of(sizes: Sizes, dims: Any) -> tuple[int, ...]:
    """One dimension or several, as :func:`dim_of`."""
    return tuple(dim_of(sizes, one) for one in spread(dims, 1))
