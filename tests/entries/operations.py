"""Operations counted while nested loops run: numbers that keep a tally of what is done with them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from convmath.calculus.evaluate import Model
from convmath.oracle import reference

from .cases import Axis, LayerCase
from .claims import Claim, Grid, differences
from .reality import loop_options


class Tally(Counter[str]):
    """How many multiplications, additions, divisions and comparisons were done."""

    @property
    def operations(self) -> int:
        """All of them."""
        return self.total()


class Number:
    """A number without a value, which counts what is done with it. Adding it to a plain 0 is a beginning, not counted.

    >>> tally = Tally()
    >>> x = Number(tally)
    >>> total = sum([x * x, x * x, x * x])
    >>> sorted(tally.items()), max([x, x], key=lambda number: number) is x, tally["comparisons"]
    ([('additions', 2), ('multiplications', 3)], True, 1)
    """

    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def _done(self, what: str) -> Number:
        self.tally[what] += 1
        return self

    def __mul__(self, other: Number) -> Number:
        return self._done("multiplications")

    def __add__(self, other: Number) -> Number:
        return self._done("additions")

    def __radd__(self, other: int) -> Number:
        assert other == 0, "a plain number is only a beginning"
        return self

    def __truediv__(self, divisor: int) -> Number:
        return self._done("divisions")

    def __gt__(self, other: Number) -> bool:
        self._done("comparisons")
        return False


def numbers(tally: Tally, shape: Sequence[int]) -> Any:
    """An array of such numbers."""
    array = np.empty(shape, object)
    for index in np.ndindex(*shape):
        array[index] = Number(tally)
    return array


def counted_conv(case: LayerCase, *, taps: str = "dense", bias: bool = False) -> Tally:
    """A convolution by loops; for dense taps the padding is part of the input."""
    tally, options = Tally(), loop_options(case)
    sizes = case.each("n")
    if taps == "dense":
        sizes = tuple(axis.lo + axis.n + axis.hi for axis in case.axes)
        options["padding"] = 0
    x, w = numbers(tally, (case.batch, case.inputs, *sizes)), numbers(tally, case.w_shape)
    reference.conv_forward(x, w, numbers(tally, (case.outputs,)) if bias else None, **options)
    return tally


def counted_conv_transpose(case: LayerCase, *, taps: str = "dense", bias: bool = False) -> Tally:
    """A transposed convolution by loops; for dense taps nothing is taken away from the output."""
    tally, options = Tally(), loop_options(case) | {"output_padding": case.each("output_padding")}
    if taps == "dense":
        options["padding"] = 0
    y, w = numbers(tally, case.y_shape), numbers(tally, case.w_shape)
    reference.conv_transpose_forward(y, w, numbers(tally, (case.inputs,)) if bias else None, **options)
    return tally


def counted_gradients(case: LayerCase, *, taps: str = "dense") -> tuple[Tally, Tally]:
    """The gradients of a convolution for its input and its weight, by loops."""
    of_input, of_weight, options = Tally(), Tally(), loop_options(case)
    sizes = case.each("n")
    if taps == "dense":
        sizes = tuple(axis.lo + axis.n + axis.hi for axis in case.axes)
        options["padding"] = 0
    reference.conv_grad_input(
        numbers(of_input, case.y_shape), numbers(of_input, case.w_shape), input_size=sizes, **options
    )
    x, dy = numbers(of_weight, (case.batch, case.inputs, *sizes)), numbers(of_weight, case.y_shape)
    reference.conv_grad_weight(x, dy, kernel_size=case.each("k"), **options)
    return of_input, of_weight


def counted_pool(pool: str, planes: tuple[int, int], axes: Sequence[Axis]) -> Tally:
    """Pooling of a padded input by loops, for the windows of the axes; every element of a window counts."""
    tally = Tally()
    sizes = [axis.s * (axis.K - 1) + axis.reach + 1 for axis in axes]
    options: dict[str, Any] = {"kernel_size": tuple(axis.k for axis in axes), "stride": tuple(axis.s for axis in axes)}
    options["dilation"] = tuple(axis.d for axis in axes)
    run = reference.max_pool if pool == "max" else reference.avg_pool
    run(numbers(tally, (*planes, *sizes)), **options)
    return tally


def counted_inside(pool: str, planes: tuple[int, int], axes: Sequence[Axis]) -> int:
    """Operations of pooling window by window, where the elements outside the input are passed over."""
    operations = 0
    for window in np.ndindex(*(axis.K for axis in axes)):
        inside = prod(
            sum(0 <= axis.s * k + axis.d * tap - axis.lo < axis.n for tap in range(axis.k))
            for axis, k in zip(axes, window, strict=True)
        )
        operations += max(0, inside - 1) if pool == "max" else inside
    return prod(planes) * operations


def counted_linear(inputs: int, outputs: int, batch: int, *, bias: bool) -> Tally:
    """A dense layer by loops."""
    tally = Tally()
    x, w, offsets = numbers(tally, (batch, inputs)), numbers(tally, (outputs, inputs)), numbers(tally, (outputs,))
    for image, output in np.ndindex(batch, outputs):
        products = [x[image, i] * w[output, i] for i in range(inputs)]
        sum([offsets[output], *products] if bias else products)
    return tally


def counted_matmul(m: int, n: int, p: int) -> Tally:
    """A matrix product by loops."""
    tally = Tally()
    a, b = numbers(tally, (m, n)), numbers(tally, (n, p))
    for row, column in np.ndindex(m, p):
        sum(a[row, i] * b[i, column] for i in range(n))
    return tally


def cost_model(case: LayerCase, **more: int) -> Model:
    """The symbols of a layer, the padding on the right, and the channels C and F."""
    right = ("p_r",) if case.ndim == 1 else tuple(f"p_r{axis + 1}" for axis in range(case.ndim))
    channels = {"C": case.inputs, "F": case.outputs}
    return Model({**case.numbers, **dict(zip(right, case.each("hi"), strict=True)), **channels, **more})


def off(stated: tuple[Claim, ...], case: LayerCase, *counts: int, **more: int) -> list[str]:
    """Where the statements are not the counts, one for each."""
    at = cost_model(case, **more)
    found = zip(stated, counts, strict=True)
    return [d for claim, number in found for d in differences(claim, at, Grid((), {"counted": number}))]
