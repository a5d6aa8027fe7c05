"""Layers that take one size to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import TypeAlias

from ...errors import DomainError
from ...formulas.inverse import conv_input_sizes, conv_transpose_output_padding
from ..operators.convolution import per_axis
from .answers import Answers

PerAxis: TypeAlias = int | tuple[int, ...]
"""One value for every axis, or one for each."""

MOST = 2**20
"""So many layers are tried at most."""


@dataclass(frozen=True, order=True)
class Window:
    """The parameters of a convolution or of pooling on every axis alike, in the order in which they are looked for.

    >>> print(Window(kernel_size=3, dilation=1, stride=2, padding=1))
    kernel_size=3, stride=2, padding=1, dilation=1
    """

    kernel_size: int
    dilation: int
    stride: int
    padding: int
    output_padding: int = 0

    def __str__(self) -> str:
        """As the options of a layer are written."""
        names = ("kernel_size", "stride", "padding", "dilation", *(["output_padding"] if self.output_padding else []))
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class Windows(Answers[Window]):
    """The parameters of layers.

    >>> print(layers(4, 2, max_kernel_size=2, max_padding=0, max_stride=2))
    kernel_size=1, stride=2, padding=0, dilation=1
    kernel_size=2, stride=2, padding=0, dilation=1
    kernel_size=2, stride=1, padding=0, dilation=2
    """

    __slots__ = ()


def layers(
    input_size: PerAxis,
    output_size: PerAxis,
    *,
    transposed: bool = False,
    max_kernel_size: int = 7,
    max_dilation: int = 2,
    max_stride: int = 4,
    max_padding: int = 3,
) -> Windows:
    """All parameters within bounds with which a layer takes one size to another, small kernels first.

    Args:
        input_size: elements per axis, an int or one per axis, each >= 1.
        output_size: positions per axis, >= 1.
        transposed: whether it is a transposed convolution.
        max_kernel_size: the most taps.
        max_dilation: the most elements between neighbouring taps; a kernel of one tap has 1 only.
        max_stride: the largest stride.
        max_padding: the largest padding, the same before and after.

    Raises:
        DomainError: a size or a bound is less than it can be, or the numbers of axes differ.

    Entry: size.preimage, size.conv_transpose.recovers.

    >>> layers(4, 2, max_kernel_size=2, max_stride=2, max_padding=0)[0]
    Window(kernel_size=1, dilation=1, stride=2, padding=0, output_padding=0)
    >>> layers(4, 8, transposed=True, max_kernel_size=3)[-1]
    Window(kernel_size=3, dilation=2, stride=3, padding=3, output_padding=0)
    """
    sizes, wanted = _pairs(input_size, output_size)
    least = {"max_kernel_size": 1, "max_dilation": 1, "max_stride": 1, "max_padding": 0}
    bounds = (max_kernel_size, max_dilation, max_stride, max_padding)
    for (name, low), bound in zip(least.items(), bounds, strict=True):
        if type(bound) is not int or bound < low:
            raise DomainError(name, bound, f"needs an integer {name} >= {low}")
    if prod((*bounds[:3], max_padding + 1)) > MOST:
        needs = f"with the other bounds there are more than {MOST} layers to try"
        raise DomainError("max_kernel_size", max_kernel_size, needs)
    find = _transposed_window if transposed else _window
    ranges = (range(low, bound + 1) for low, bound in zip(least.values(), bounds, strict=True))
    found = (find(Window(*numbers), sizes, wanted) for numbers in product(*ranges) if numbers[0] > 1 or numbers[1] == 1)
    return Windows(window for window in found if window is not None)


def _pairs(input_size: PerAxis, output_size: PerAxis) -> tuple[tuple[int, ...], tuple[int, ...]]:
    axes = max(len(size) if isinstance(size, tuple) else 1 for size in (input_size, output_size))
    pair = per_axis(input_size, axes), per_axis(output_size, axes)
    for name, size in zip(("input_size", "output_size"), pair, strict=True):
        if len(size) != axes or any(type(n) is not int or n < 1 for n in size):
            raise DomainError(name, size, f"needs sizes of at least 1, one for each of {axes} axes")
    return pair


def _window(window: Window, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Window | None:
    options = {"stride": window.stride, "padding": window.padding, "dilation": window.dilation}
    fits = (n in conv_input_sizes(m, window.kernel_size, **options) for n, m in zip(sizes, wanted, strict=True))
    return window if all(fits) else None


def _transposed_window(window: Window, sizes: tuple[int, ...], wanted: tuple[int, ...]) -> Window | None:
    options = {"stride": window.stride, "padding": window.padding, "dilation": window.dilation}
    try:
        paddings = set(conv_transpose_output_padding(sizes, wanted, (window.kernel_size,) * len(sizes), **options))
        (padding,) = paddings if len(paddings) == 1 else (None,)
    except DomainError:
        return None
    return None if padding is None else replace(window, output_padding=padding)
