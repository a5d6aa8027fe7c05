"""Costs of pooling, and of a depthwise-separable convolution against an ordinary one.

Sources: Howard and others, "MobileNets", section 3.1; the documentation of torch.nn.MaxPool2d and AvgPool2d.
"""

from __future__ import annotations

from math import prod
from typing import Any

import convmath as cm
from convmath.calculus.derive import Calc
from convmath.calculus.index import Formula, le, within
from convmath.calculus.terms import Equation, Statement, Value, total
from convmath.catalog import Example, Mistake, Proof, theorem

from .cost import IMAGES, C, Costs, F, counted
from .layer import B, b, c, f, pairs

CHANNELS, FILTERS = within(0, c, C), within(0, f, F)


class Pooling(Costs):
    """A pooling layer: windows of M elements on each of C channels."""

    sized = staticmethod(cm.pool_output_size)

    @property
    def options(self) -> dict[str, Any]:
        """All options of a helper."""
        return {"channels": C, "batch_size": B, **self.geometry}

    @property
    def results(self) -> Value:
        """The outputs."""
        return total((b, c, *self.each("k")), (*IMAGES, *CHANNELS, *self.outputs), 1)

    @property
    def elements(self) -> Value:
        """The elements of all windows."""
        return total((b, c, *self.each("k"), *self.each("m")), (*IMAGES, *CHANNELS, *self.outputs, *self.taps), 1)

    def counted(self, start: Value, more: dict[Any, Any]) -> Calc:
        """Outputs, or elements of their windows, counted."""
        calc = self.sized_guard(Calc(start, (*self.given, le(1, C))))
        return counted(calc, {b: B, c: C, **self.sizes, **more}, why="count each index")


def comparisons(g: Pooling) -> Calc:
    """The comparisons of maximum pooling."""
    each, less = g.counted(g.elements, pairs(g.each("m"), g.each("M"))), g.counted(g.results * -1, {})
    calc = Calc(g.elements - g.results, (*g.given, le(1, C)))
    calc.apply(each.theorem, why="an element of a window each,")
    calc.apply(less.theorem, why="but the first one is compared with nothing", term=1)
    calc.qed(g.returned(cm.pool_flops, mode="max", **g.options))
    return calc


@theorem(
    "cost.pool",
    title="Operations of pooling",
    ndims=(1, 2),
    sources=("torch.nn.MaxPool2d, shape", "torch.nn.AvgPool2d, shape"),
    helper="pool_flops",
)
def pool(ndim: int) -> Proof:
    """A maximum of K elements takes K - 1 comparisons, an average K - 1 additions and a division."""
    g = Pooling(ndim)
    largest = comparisons(g)
    mean = Calc((g.elements - g.results) + g.results, (*g.given, le(1, C)))
    mean.ring(g.elements, why="the division makes good for the first element, which is added to nothing")
    mean.apply(g.counted(g.elements, pairs(g.each("m"), g.each("M"))).theorem, why="an element of a window each")
    mean.qed(g.returned(cm.pool_flops, mode="avg", **g.options))
    numbers = {B: 1, C: 2}
    for axis, after in zip(g.axes, g.right, strict=True):
        numbers |= {axis.I: 4, axis.M: 2, axis.K: 2, axis.s: 2, axis.d: 1, axis.p: 0, after: 0}
    roles = {c: "channel, from 0", C: "number of channels", **dict.fromkeys(g.each("M"), "window size")}
    return Proof(
        parts=(
            largest.part("The comparisons of maximum pooling:"),
            mean.part("The additions and divisions of average pooling:"),
        ),
        special=(
            comparisons(Pooling(1, written=True)).part("The comparisons on one axis, the output size written out"),
        ),
        symbols=g.names | roles,
        example=Example(numbers),
        mistake=Mistake(
            "taking a comparison for every element of a window",
            Statement(Equation(largest.start, mean.value)),
            (*g.given, le(1, C)),
        ),
        main=2,
    )


class Separable(Costs):
    """A layer of C input and F output channels without groups, and the two parts of a separable one."""

    @property
    def options(self) -> dict[str, Any]:
        """All options of a helper."""
        return {"in_channels": C, "out_channels": F, "batch_size": B, **self.geometry}

    @property
    def given(self) -> tuple[Formula, ...]:
        """What the numbers have to meet."""
        return (*super().given, le(1, C), le(1, F))

    @property
    def depthwise(self) -> Value:
        """The products of the depthwise part: every channel by itself."""
        return total((b, c, *self.each("k"), *self.each("m")), (*IMAGES, *CHANNELS, *self.outputs, *self.taps), 1)

    @property
    def pointwise(self) -> Value:
        """The products of the 1x1 convolution after it."""
        return total((b, f, *self.each("k"), c), (*IMAGES, *FILTERS, *self.outputs, *CHANNELS), 1)

    @property
    def ordinary(self) -> Value:
        """The products of one convolution in their place."""
        bound = (b, f, *self.each("k"), c, *self.each("m"))
        return total(bound, (*IMAGES, *FILTERS, *self.outputs, *CHANNELS, *self.taps), 1)

    def counted(self, start: Value, factor: Any = 1) -> Calc:
        """Products times a factor."""
        calc = self.sized_guard(Calc(start * factor, self.given))
        sizes = {b: B, f: F, **self.sizes, c: C, **pairs(self.each("m"), self.each("M"))}
        (term,) = start.terms
        return counted(calc, {index: sizes[index] for index in term.bound}, why="count each index")


@theorem(
    "cost.depthwise_separable",
    title="A depthwise-separable convolution takes 1/F + 1/M of an ordinary one",
    ndims=(1, 2),
    sources=("HowardEtAl2017, section 3.1",),
    helper="depthwise_separable_macs",
)
def depthwise_separable(ndim: int) -> Proof:
    """With F output channels and M taps in all, depthwise and pointwise part take 1/F + 1/M of one convolution.

    In integers: F*M times what the two parts take is F + M times what the one convolution takes.
    """
    g, line = Separable(ndim), Separable(1, written=True)
    taps = prod(g.each("M"))

    def parts(layer: Separable) -> Calc:
        calc = Calc(layer.depthwise + layer.pointwise, layer.given)
        calc.apply(layer.counted(layer.depthwise).theorem, why="each channel by itself, tap by tap")
        calc.apply(layer.counted(layer.pointwise).theorem, why="and the channels mixed at every position", term=1)
        calc.qed(layer.returned(cm.depthwise_separable_macs, **layer.options))
        return calc

    ordinary = g.counted(g.ordinary)
    ordinary.qed(g.returned(cm.conv_macs, **g.options))

    def ratio(channels: Any) -> tuple[Value, Value]:
        """The products of both parts and of the one convolution, each times what makes them equal."""
        return (g.depthwise + g.pointwise) * (channels * taps), g.ordinary * (channels + taps)

    left, _ = ratio(F)
    equal = Calc(left, g.given)
    equal.apply(g.counted(g.depthwise, F * taps).theorem, why="each channel by itself, tap by tap")
    equal.apply(g.counted(g.pointwise, F * taps).theorem, why="and the channels mixed at every position", term=1)
    equal.meet(g.counted(g.ordinary, F + taps), why="count the products of one convolution")
    numbers = {B: 1, C: 2, F: 3}
    for axis, after in zip(g.axes, g.right, strict=True):
        numbers |= {axis.I: 3, axis.M: 2, axis.K: 2, axis.s: 1, axis.d: 1, axis.p: 0, after: 0}
    return Proof(
        parts=(
            parts(g).part("What the helper returns for the two parts, K being the output sizes:"),
            ordinary.part("And for one convolution:"),
            equal.part("The ratio, without fractions:"),
        ),
        special=(parts(line).part("The two parts on one axis, the output size written out"),),
        symbols=g.names | {c: "input channel, from 0"},
        example=Example(numbers),
        mistake=Mistake(
            "taking the input channels for the output channels in the ratio", Statement(Equation(*ratio(C))), g.given
        ),
        main=3,
    )
