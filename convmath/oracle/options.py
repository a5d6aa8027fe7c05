"""The options of a layer, brought to one form: an int or a pair per spatial axis.

A scalar means every axis. Each function raises DomainError on anything else than integers in range.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Required, TypeAlias, TypedDict

from ..errors import DomainError

Index: TypeAlias = tuple[int, ...]
Pairs: TypeAlias = tuple[tuple[int, int], ...]
IntOrAxes: TypeAlias = int | Sequence[int]
Padding: TypeAlias = int | Sequence[int | Sequence[int]]


class ConvOptions(TypedDict, total=False):
    """Options of a convolution: stride 1, padding 0, dilation 1, groups 1 unless given."""

    stride: IntOrAxes
    padding: Padding
    dilation: IntOrAxes
    groups: int


class ConvTransposeOptions(ConvOptions, total=False):
    """Options of a transposed convolution: those of a convolution, and output_padding 0."""

    output_padding: IntOrAxes


class PoolOptions(TypedDict, total=False):
    """Windows of a pooling layer: stride ``kernel_size``, padding 0, dilation 1, ceil_mode False unless given."""

    kernel_size: Required[IntOrAxes]
    stride: IntOrAxes | None
    padding: Padding
    dilation: IntOrAxes
    ceil_mode: bool


class PatchOptions(TypedDict, total=False):
    """Windows of ``unfold`` and ``fold``: stride 1, padding 0, dilation 1 unless given."""

    stride: IntOrAxes
    padding: Padding
    dilation: IntOrAxes


def integer(name: str, value: Any, *, least: int | None = None) -> int:
    """The int that ``value`` is; a bool or a float is none.

    >>> integer("groups", 2, least=1)
    2
    """
    if type(value) is int and (least is None or value >= least):  # by far the most frequent, and fast
        return value
    try:
        number = operator.index(value)
    except TypeError:
        raise DomainError(name, value, "needs an integer") from None
    if isinstance(value, bool):
        raise DomainError(name, value, "needs an integer")
    if least is not None and number < least:
        raise DomainError(name, value, f"needs {name} >= {least}")
    return number


def per_axis(name: str, value: Any, ndim: int, *, least: int | None = 1) -> Index:
    """One int per axis.

    >>> per_axis("stride", 2, 3), per_axis("stride", (2, 1, 1), 3)
    ((2, 2, 2), (2, 1, 1))
    """
    if not _is_sequence(value):
        return (integer(name, value, least=least),) * ndim
    if len(value) != ndim:
        raise DomainError(name, value, f"has {len(value)} entries for {ndim} axes")
    return tuple([integer(name, entry, least=least) for entry in value])


def padding_pairs(padding: Any, ndim: int) -> Pairs:
    """One (lo, hi) per axis, of any sign; an int stands for both sides.

    >>> padding_pairs(1, 2), padding_pairs((1, (0, 2)), 2)
    (((1, 1), (1, 1)), ((1, 1), (0, 2)))
    """
    if not _is_sequence(padding):
        return ((integer("padding", padding),) * 2,) * ndim
    if len(padding) != ndim:
        raise DomainError("padding", padding, f"has {len(padding)} entries for {ndim} axes")
    pairs = (per_axis("padding", entry, 2, least=None) for entry in padding)
    return tuple((lo, hi) for lo, hi in pairs)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (tuple, list)) or (isinstance(value, Sequence) and not isinstance(value, str))


def required_shape(name: str, shape: Sequence[int], needed: Sequence[int]) -> None:
    """Raise DomainError unless an array has the shape that the other arguments give it.

    >>> required_shape("grad_output", (1, 2), (1, 2))
    """
    if tuple(shape) != tuple(needed):
        raise DomainError(name, tuple(shape), f"needs shape {tuple(needed)}")


def layer_shape(name: str, shape: Sequence[int]) -> None:
    """Raise DomainError unless the shape has a batch axis, a channel axis and 1 to 3 spatial axes, the last two filled.

    >>> layer_shape("x", (0, 1, 2))
    """
    if not 3 <= len(shape) <= 5:
        raise DomainError(name, tuple(shape), "needs a shape of batch, channels and 1 to 3 axes")
    if 0 in tuple(shape)[1:]:
        raise DomainError(name, tuple(shape), "needs at least one channel and one element per axis")
