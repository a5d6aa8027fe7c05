"""Small layers and stacks with integer data, built directly and leaning on the corners where mistakes hide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from convmath.calculus.evaluate import Model
from convmath.proofs.layer import Layer

Integers = np.ndarray[Any, np.dtype[np.int64]]


def count_windows(n: int, k: int, s: int, d: int, lo: int, hi: int) -> int:
    """Windows inside the padded axis, counted one by one.

    >>> count_windows(7, 3, 2, 1, 1, 1)
    4
    """
    padded = range(-lo, n + hi)
    return sum(all(start + d * tap in padded for tap in range(k)) for start in padded[::s])


@dataclass(frozen=True)
class Axis:
    """One axis: n elements, k taps, stride, dilation, padding, K windows.

    For a transposed convolution K is the input size and n the output size. ``output_padding`` is what makes n of K.
    """

    n: int
    k: int
    s: int
    d: int
    lo: int
    hi: int
    K: int
    output_padding: int

    @property
    def reach(self) -> int:
        """From the first tap to the last."""
        return self.d * (self.k - 1)


_LEAST = st.sampled_from([1, 2])
"""The least of several numbers: half of the cases have 1 nowhere, where a mistake that forgets one could hide."""


@st.composite
def axes(draw: DrawFn, *, taps: int = 3, most: int = 3, extra: int = 4) -> Axis:
    """An axis of a convolution: at least one window fits, and up to ``extra`` more elements, or one more stride."""
    least = draw(_LEAST)
    k, s, d = draw(st.integers(least, taps)), draw(st.integers(least, most + 1)), draw(st.integers(least, most))
    reach = d * (k - 1)
    lo, hi = draw(st.integers(0, reach + 2)), draw(st.integers(0, reach + 2))
    more = draw(st.integers(s if least > 1 else 0, max(s, extra)))
    return conv_axis(max(1, reach + 1 - lo - hi) + more, k, s, d, lo, hi)


def conv_axis(n: int, k: int, s: int, d: int, lo: int, hi: int) -> Axis:
    """The axis of a convolution with these parameters."""
    windows = count_windows(n, k, s, d, lo, hi)
    return Axis(n, k, s, d, lo, hi, windows, n + lo + hi - (s * (windows - 1) + d * (k - 1) + 1))


@st.composite
def transposed_axes(draw: DrawFn, *, taps: int = 3, most: int = 3, inputs: int = 3, beyond: int = 2) -> Axis:
    """An axis of a transposed convolution with any output padding, and padding up to ``beyond`` more than full."""
    least = draw(_LEAST)
    k, s, d = draw(st.integers(least, taps)), draw(st.integers(least, most + 1)), draw(st.integers(least, most))
    size, more = draw(st.integers(least, inputs)), draw(st.integers(0, max(s, d) - 1))
    written, full = s * (size - 1) + d * (k - 1) + 1 + more, d * (k - 1) + beyond
    lo = draw(st.integers(0, min(written - 1, full)))
    most_hi = min(written - 1 - lo, full)
    hi = draw(st.one_of(st.just(min(lo, most_hi)), st.integers(0, most_hi)))
    return Axis(written - lo - hi, k, s, d, lo, hi, size, more)


@dataclass(frozen=True)
class LayerCase:
    """A layer on 1 to 3 axes with batch, groups and channels, and the seed of its data."""

    axes: tuple[Axis, ...]
    batch: int
    groups: int
    inputs_per_group: int
    outputs_per_group: int
    seed: int

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.axes)

    @property
    def inputs(self) -> int:
        """Input channels."""
        return self.groups * self.inputs_per_group

    @property
    def outputs(self) -> int:
        """Output channels."""
        return self.groups * self.outputs_per_group

    def each(self, name: str) -> tuple[int, ...]:
        """One number of every axis."""
        return tuple(getattr(axis, name) for axis in self.axes)

    @property
    def x_shape(self) -> tuple[int, ...]:
        """Shape of the input."""
        return (self.batch, self.inputs, *self.each("n"))

    @property
    def w_shape(self) -> tuple[int, ...]:
        """Shape of the kernel."""
        return (self.outputs, self.inputs_per_group, *self.each("k"))

    @property
    def y_shape(self) -> tuple[int, ...]:
        """Shape of the output."""
        return (self.batch, self.outputs, *self.each("K"))

    @cached_property
    def arrays(self) -> dict[str, Integers]:
        """Integers from -4 to 4 for every tensor of a layer."""
        shapes = {"x": self.x_shape, "w": self.w_shape, "y": self.y_shape, "bias": (self.outputs,)}
        generator = np.random.default_rng(self.seed)
        return {name: generator.integers(-4, 5, shape) for name, shape in shapes.items()}

    @property
    def numbers(self) -> dict[str, int]:
        """The values of the symbols of a layer's statements, and the padding on the right as ``p_right``."""
        g = Layer(self.ndim)
        ours = {"K": "K", "I": "n", "M": "k", "s": "s", "d": "d", "p": "lo"}
        numbers = {
            v.name: n for theirs, our in ours.items() for v, n in zip(g.each(theirs), self.each(our), strict=True)
        }
        numbers |= {f"{p}_right": hi for p, hi in zip(names(self.ndim, "p"), self.each("hi"), strict=True)}
        channels = {"B": self.batch, "G": self.groups, "C_g": self.inputs_per_group, "F_g": self.outputs_per_group}
        return numbers | channels

    def model(self, **tensors: Any) -> Model:
        """Where the statements of a layer are evaluated; an entry beyond a tensor's shape has no value."""
        return Model(self.numbers, tensors={name: entries(array) for name, array in tensors.items()})


def entries(array: Any) -> dict[tuple[int, ...], int | Fraction]:
    """The entries of an array of integers or fractions by index."""
    return {
        index: number if isinstance(number, Fraction) else int(number)
        for index, number in np.ndenumerate(np.asarray(array))
    }


def fresh(ndim: int, name: str) -> tuple[str, ...]:
    """The names of one more index for every axis.

    >>> fresh(1, "t"), fresh(2, "t")
    (('t',), ('t1', 't2'))
    """
    return tuple(symbol.name for symbol in Layer(ndim).fresh(name))


def names(ndim: int, part: str) -> tuple[str, ...]:
    """The names of one symbol of :class:`convmath.proofs.layer.Axis` on every axis.

    >>> names(2, "s"), names(2, "i")
    (('s1', 's2'), ('i', 'j'))
    """
    return tuple(symbol.name for symbol in Layer(ndim).each(part))


SHARE = {1: 1, 2: 0.6, 3: 0.4}
"""How many of the profile's examples there are on so many axes."""


_CHANNELS = [
    (1, 1, 1),
    (1, 1, 2),
    (1, 2, 1),
    (1, 2, 2),
    (2, 1, 1),
    (3, 1, 1),
    (2, 1, 2),
    (2, 2, 1),
    (2, 2, 2),
    (3, 2, 2),
]
"""Groups, and input and output channels in each."""


@st.composite
def layers(draw: DrawFn, ndim: int, *, transposed: bool = False, channels: bool = True) -> LayerCase:
    """A layer; on several axes each axis is smaller."""
    taps, most, extra = {1: (3, 3, 4), 2: (3, 2, 2), 3: (2, 2, 2)}[ndim]
    of_conv, of_transposed = (
        axes(taps=taps, most=most, extra=extra),
        transposed_axes(taps=taps, most=most, inputs=extra),
    )
    of_axis = of_transposed if transposed else of_conv
    batch = draw(st.integers(1, 2)) if channels else 1
    groups, inputs, outputs = draw(st.sampled_from(_CHANNELS if channels else _CHANNELS[:1]))
    along = tuple(draw(of_axis) for _ in range(ndim))
    return LayerCase(along, batch, groups, inputs, outputs, draw(st.integers(0, 2**16)))


AXIS_CORNERS: dict[str, Callable[[Axis], bool]] = {
    "stride > kernel": lambda a: a.s > a.k > 1,
    "stride > dilated kernel": lambda a: a.s > a.reach + 1 and a.K > 1,
    "padding > reach": lambda a: a.lo > a.reach,
    "dilation": lambda a: a.d > 1 < a.k,
    "dilation with stride": lambda a: a.d > 1 < a.k and a.s > 1 < a.K,
    "unequal padding": lambda a: a.lo != a.hi,
    "more padding on the right": lambda a: a.lo < a.hi,
    "even kernel": lambda a: a.k == 2,
    "one element": lambda a: a.n == 1,
    "elements that the strides leave over": lambda a: a.output_padding > 0,
}
"""Where mistakes hide on an axis."""

TRANSPOSED_AXIS_CORNERS: dict[str, Callable[[Axis], bool]] = {
    **AXIS_CORNERS,
    "equal padding, which torch takes as an option": lambda a: a.lo == a.hi > 0,
    "output padding >= stride": lambda a: a.output_padding >= a.s,
    "output padding with padding": lambda a: a.output_padding > 0 and a.lo > 0,
}
"""The same for a transposed convolution."""

CHANNEL_CORNERS: dict[str, Callable[[LayerCase], bool]] = {
    "batch": lambda case: case.batch > 1,
    "groups": lambda case: case.groups > 1,
    "groups of several channels": lambda case: case.groups > 1 and case.inputs_per_group > 1 < case.outputs_per_group,
    "depthwise": lambda case: case.groups > 1 and case.inputs_per_group == case.outputs_per_group == 1,
    "unequal channels": lambda case: case.inputs_per_group != case.outputs_per_group,
    "axes that differ": lambda case: case.ndim == 1 or len(set(case.each("s"))) > 1 < len(set(case.each("n"))),
}
"""Where mistakes hide besides."""


@dataclass(frozen=True)
class Stack:
    """Layers on one axis, the first nearest the input of ``n`` elements."""

    n: int
    layers: tuple[Axis, ...]

    @property
    def sequences(self) -> dict[str, dict[int, int]]:
        """Kernel sizes, strides, dilations and paddings by layer, from 1."""
        parts = {"k": "k", "s": "s", "d": "d", "p": "lo", "q": "hi"}
        return {
            name: {number: getattr(layer, part) for number, layer in enumerate(self.layers, 1)}
            for name, part in parts.items()
        }


@st.composite
def stacks(draw: DrawFn, *, depth: int = 4, most: int = 3) -> Stack:
    """A stack of up to ``depth`` layers in which every layer has at least one window."""
    size = first = draw(st.integers(1, 40))
    found: list[Axis] = []
    for _ in range(draw(st.integers(0, depth))):
        k, s, d = (draw(st.integers(1, most)) for _ in range(3))
        lo, hi = draw(st.integers(0, 3)), draw(st.integers(0, 3))
        hi += max(0, d * (k - 1) + 1 - size - lo - hi)
        found.append(conv_axis(size, k, s, d, lo, hi))
        size = found[-1].K
    return Stack(first, tuple(found))
