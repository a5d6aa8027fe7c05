"""Axes and stacks on which sizes are counted, and the values of the symbols of the statements about sizes on them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from convmath.calculus.evaluate import Model

from .cases import Axis, Stack, axes, count_windows, transposed_axes


def wide_axes() -> SearchStrategy[Axis]:
    """Longer axes than layers have."""
    return axes(taps=6, most=4, extra=20)


def long_axes() -> SearchStrategy[Axis]:
    """Long axes for what is found by trying all sizes."""
    return axes(taps=5, most=4, extra=12)


def long_transposed() -> SearchStrategy[Axis]:
    """Longer axes than transposed layers have."""
    return transposed_axes(taps=5, most=5, inputs=8)


def unit_axes() -> SearchStrategy[Axis]:
    """Axes without stride and dilation."""
    return wide_axes().map(lambda a: Axis(a.n + a.reach, a.k, 1, 1, a.lo, a.hi, 0, 0))


def bare_axes() -> SearchStrategy[Axis]:
    """Axes without padding, stride and dilation."""
    sizes = st.tuples(st.integers(1, 6), st.integers(0, 20))
    return sizes.map(lambda pair: Axis(pair[0] + pair[1], pair[0], 1, 1, 0, 0, 0, 0))


@st.composite
def pools(draw: DrawFn) -> Axis:
    """Pooling windows that torch admits: at most half a kernel of padding, the last window may run over the end."""
    k, s, d = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    lo = draw(st.integers(0, k // 2))
    hi = draw(st.one_of(st.just(lo), st.integers(0, k // 2)))
    n = max(1, d * (k - 1) + 1 - lo - hi - (s - 1)) + draw(st.integers(0, 12))
    return Axis(n, k, s, d, lo, hi, 0, 0)


@dataclass(frozen=True)
class Odd:
    """n elements under 2h + 1 taps, dilated."""

    n: int
    h: int
    d: int

    def model(self) -> Model:
        """The symbols of ``size.same_odd``."""
        return Model({"n": self.n, "h": self.h, "d": self.d})


ODD = st.builds(Odd, st.integers(1, 20), st.integers(0, 3), st.integers(1, 4))


def conv_model(axis: Axis) -> Model:
    """The symbols of ``size.conv``."""
    return Model({"n": axis.n, "k": axis.k, "s": axis.s, "d": axis.d, "p_l": axis.lo, "p_r": axis.hi})


def least_padding(axis: Axis) -> int:
    """By trying: the least total padding that gives a window for every s-th element."""
    wanted = len(range(0, axis.n, axis.s))
    return next(t for t in range(1000) if count_windows(axis.n, axis.k, axis.s, axis.d, 0, t) >= wanted)


def same_model(axis: Axis, total: int, lo: int) -> Model:
    """The same with ``lo`` of a total padding on the left."""
    return conv_model(axis).extended({"p_l": lo, "p_r": total - lo})


def transposed_model(axis: Axis) -> Model:
    """n is the size before the transposed convolution, a the output padding, T the size after it."""
    return conv_model(axis).extended({"n": axis.K, "a": axis.output_padding, "T": axis.n})


def preimage_model(axis: Axis) -> Model:
    """o is the number of windows; the input size is what is asked for."""
    numbers = conv_model(axis).variables
    return Model({name: number for name, number in numbers.items() if name != "n"} | {"o": axis.K})


def stack_sizes(stack: Stack) -> list[int]:
    """The shape after every layer, by torch."""
    x = torch.empty(1, 1, stack.n, device="meta")
    sizes = [x.shape[-1]]
    for layer in stack.layers:
        x = torch.nn.functional.pad(x, (layer.lo, layer.hi))
        x = torch.nn.functional.conv1d(x, torch.empty(1, 1, layer.k, device="meta"), stride=layer.s, dilation=layer.d)
        sizes.append(x.shape[-1])
    return sizes


def stack_model(stack: Stack) -> Model:
    """The sizes are torch's; the product of strides and the offset are added up along the layers."""
    products, offsets = [1], [0]
    for layer in stack.layers:
        offsets.append(offsets[-1] + products[-1] * (layer.lo + layer.hi - layer.reach - 1 + layer.s))
        products.append(products[-1] * layer.s)
    collected = {"n": stack_sizes(stack), "J": products, "E": offsets}
    sequences = {name: dict(enumerate(numbers)) for name, numbers in collected.items()}
    return Model({"n": stack.n}, stack.sequences | sequences)
