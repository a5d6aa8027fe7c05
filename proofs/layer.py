"""A convolution layer on symbols: one access relation an axis, and the contractions over it.

Output position k, input position i and kernel tap m of one axis belong together when ``i = s*k + d*m - p``, with ``0
<= k < K``, ``0 <= i < I`` and ``0 <= m < M``. The padding p is the one on the left; the one on the right only enters
K. Output channel f reads, as its local channel u, the input channel ``c = C_g*floor(f/F_g) + u``: F_g output and C_g
input channels make a group, and there are G groups. The batch index b is the same on both sides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import sympy

from convmath.calculus.index import Formula, eq, integers, le, within
from convmath.calculus.reals import real_function
from convmath.calculus.terms import Application, Value, tensor, total, value
from convmath.inert import FloorDiv

Index = sympy.Symbol
_OUTPUTS, _INPUTS, _TAPS = integers("k l r"), integers("i j h"), integers("m n q")
_OUTPUT_SIZES, _INPUT_SIZES, _KERNEL_SIZES = integers("K L R"), integers("I J H"), integers("M N Q")

b, c, f, u, B, G, C_g, F_g = integers("b c f u B G C_g F_g")
x, w, y, z, beta, delta = map(tensor, ("x", "w", "y", "z", "beta", "delta"))
ACTIVATION = real_function("a")


@dataclass(frozen=True)
class Axis:
    """The symbols of one axis."""

    k: Index
    i: Index
    m: Index
    K: Any
    I: Any  # noqa: E741
    M: Any
    s: Any
    d: Any
    p: Any

    def relation(self, k: Any, i: Any, m: Any) -> tuple[Formula, ...]:
        """Tap m of window k lies at input position i, inside the input."""
        return (self.aligned(k, i, m), *within(0, i, self.I), *within(0, m, self.M))

    def aligned(self, k: Any, i: Any, m: Any) -> Formula:
        """``i = s*k + d*m - p``."""
        return eq(i, self.s * k + self.d * m - self.p)

    @property
    def outputs(self) -> tuple[Formula, ...]:
        """``0 <= k < K``."""
        return within(0, self.k, self.K)

    @property
    def stretched(self) -> Any:
        """The size of the output with s - 1 zeros between neighbours."""
        return self.s * (self.K - 1) + 1


class Layer:
    """A convolution layer with ``ndim`` spatial axes, batch, channels, groups, stride, dilation and padding."""

    def __init__(self, ndim: int) -> None:
        """Name the symbols: plain s, d, p on one axis, numbered on several."""
        ends = [""] if ndim == 1 else [str(axis + 1) for axis in range(ndim)]
        self.axes = tuple(
            Axis(
                _OUTPUTS[a],
                _INPUTS[a],
                _TAPS[a],
                _OUTPUT_SIZES[a],
                _INPUT_SIZES[a],
                _KERNEL_SIZES[a],
                *(integers(name + end) for name in "sdp"),
            )
            for a, end in enumerate(ends)
        )

    def each(self, name: str) -> tuple[Any, ...]:
        """One attribute of every axis, such as the taps ``"m"``."""
        return tuple(getattr(axis, name) for axis in self.axes)

    def fresh(self, name: str) -> tuple[Index, ...]:
        """One more index for every axis."""
        return tuple(integers(name if len(self.axes) == 1 else f"{name}{a + 1}") for a in range(len(self.axes)))

    @cached_property
    def positive(self) -> tuple[Formula, ...]:
        """Stride and dilation are at least 1."""
        return tuple(le(1, term) for axis in self.axes for term in (axis.s, axis.d))

    @property
    def symbols(self) -> dict[Any, str]:
        """What the symbols mean."""
        several = len(self.axes) > 1
        return {
            b: "index in the batch of B",
            B: "batch size",
            f: "output channel, from 0",
            u: "channel within a group",
            G: "number of groups",
            C_g: "input channels per group",
            F_g: "output channels per group",
            **{v: f"output position{_axis(a, several)}" for a, v in enumerate(self.each("k"))},
            **{v: f"input position{_axis(a, several)}" for a, v in enumerate(self.each("i"))},
            **{v: f"kernel tap{_axis(a, several)}" for a, v in enumerate(self.each("m"))},
            **{v: f"output size{_axis(a, several)}" for a, v in enumerate(self.each("K"))},
            **{v: f"input size{_axis(a, several)}" for a, v in enumerate(self.each("I"))},
            **{v: f"kernel size{_axis(a, several)}" for a, v in enumerate(self.each("M"))},
            **{v: f"stride{_axis(a, several)}" for a, v in enumerate(self.each("s"))},
            **{v: f"dilation{_axis(a, several)}" for a, v in enumerate(self.each("d"))},
            **{v: f"padding on the left{_axis(a, several)}" for a, v in enumerate(self.each("p"))},
            x: "input",
            w: "kernel",
            c: "input channel, from 0",
        }

    @property
    def outputs(self) -> tuple[Formula, ...]:
        """Every output position is in range."""
        return tuple(atom for axis in self.axes for atom in axis.outputs)

    @property
    def inputs(self) -> tuple[Formula, ...]:
        """Every input position is in range."""
        return tuple(atom for axis in self.axes for atom in within(0, axis.i, axis.I))

    @property
    def taps(self) -> tuple[Formula, ...]:
        """Every tap is in range."""
        return tuple(atom for axis in self.axes for atom in within(0, axis.m, axis.M))

    @property
    def relation(self) -> tuple[Formula, ...]:
        """The access relation of all axes, input and tap in range."""
        return tuple(atom for axis in self.axes for atom in axis.relation(axis.k, axis.i, axis.m))

    def forward(self, source: sympy.IndexedBase, kernel: sympy.IndexedBase) -> Value:
        """``y[b, f, k]``: the kernel contracted with the source over the relation."""
        product = value(kernel[(f, u, *self.each("m"))]) * source[(b, c, *self.each("i"))]
        bound = (c, u, *self.each("i"), *self.each("m"))
        return total(bound, (*CHANNEL, *self.relation), product)

    def transposed(self, source: sympy.IndexedBase, kernel: sympy.IndexedBase) -> Value:
        """``z[b, c, i]``: the kernel contracted with a source that lives on the output positions."""
        product = value(kernel[(f, u, *self.each("m"))]) * source[(b, f, *self.each("k"))]
        bound = (f, u, *self.each("k"), *self.each("m"))
        relation = [axis.aligned(axis.k, axis.i, axis.m) for axis in self.axes]
        return total(bound, (*within(0, f, G * F_g), *CHANNEL, *relation, *self.outputs, *self.taps), product)

    def weight(self, source: sympy.IndexedBase, output: sympy.IndexedBase) -> Value:
        """``w[f, u, m]``: the source contracted with a tensor on the output positions, over batch and relation."""
        product = value(output[(b, f, *self.each("k"))]) * source[(b, c, *self.each("i"))]
        bound = (b, c, *self.each("k"), *self.each("i"))
        relation = [atom for a in self.axes for atom in (a.aligned(a.k, a.i, a.m), *within(0, a.i, a.I))]
        return total(bound, (*within(0, b, B), SOURCE, *self.outputs, *relation), product)


SOURCE = eq(c, C_g * FloorDiv(f, F_g) + u)
"""Input channel c is local channel u of the group of output channel f."""
CHANNEL = (*within(0, u, C_g), SOURCE)


def activation(net_input: Any) -> Value:
    """The activation of a net input: some function of a number, the same for every element."""
    return value(Application(str(ACTIVATION), value(net_input)))


def renamed(source: Value, names: Mapping[Index, Index]) -> Value:
    """Other names for the bound indices of a value."""
    return Value(tuple(term.with_indices(names) for term in source.terms))


def pairs(first: Sequence[Any], second: Sequence[Any]) -> dict[Any, Any]:
    """First to second, axis by axis."""
    return dict(zip(first, second, strict=True))


def _axis(number: int, several: bool) -> str:
    return f" on axis {number + 1}" if several else ""
