"""Costs of a convolution layer: its parameters, multiply-accumulates and operations, counted as sums of 1.

A parameter is an entry of the kernel or the bias. A multiply-accumulate is an output with one of the kernel entries
that it is made with: a triple of the access relation. A dense count also has the triples whose input position lies in
the padding: it drops the range of the input position. The numbers are those that the helpers return on symbols.

Sources: Molchanov and others, "Pruning Convolutional Neural Networks for Resource Efficient Inference", appendix A.1;
Howard and others, "MobileNets", section 3.1; the documentation of PyTorch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from math import prod
from typing import Any

import convmath as cm
from convmath.assumptions import collect
from convmath.calculus.derive import Calc, Step
from convmath.calculus.index import Formula, eq, formulas, integers, le, within
from convmath.calculus.terms import Equation, Statement, Value, total, value
from convmath.catalog import Example, Mistake, Proof, theorem
from convmath.inert import FloorDiv

from .inside import count
from .layer import CHANNEL, B, C_g, F_g, G, Layer, b, c, f, pairs, u

C, F = integers("C F")
PER_GROUP = FloorDiv(C_g * G, G)
"""What the helpers have for C_g: the input channels divided by the groups."""


class Costs(Layer):
    """A layer with the padding on the right, and what the helpers take and return for it.

    What they return has the output sizes written out; ``written=False`` calls them K, as the hypotheses allow.
    """

    def __init__(self, ndim: int, *, written: bool = False) -> None:
        """Name the symbols."""
        super().__init__(ndim)
        self.written = written

    sized = staticmethod(cm.conv_output_size)
    """The helper that gives the output sizes."""

    @cached_property
    def right(self) -> tuple[Any, ...]:
        """The padding on the right of every axis."""
        return tuple(integers("p_r" if len(self.axes) == 1 else f"p_r{n + 1}") for n in range(len(self.axes)))

    @property
    def geometry(self) -> dict[str, Any]:
        """The options of a helper that describe the windows."""
        padding = tuple(zip(self.each("p"), self.right, strict=True))
        return {"stride": self.each("s"), "padding": padding, "dilation": self.each("d")}

    @property
    def options(self) -> dict[str, Any]:
        """All options of a helper."""
        channels = {"in_channels": G * C_g, "out_channels": G * F_g, "groups": G}
        return {**self.geometry, **channels, "batch_size": B}

    @cached_property
    def given(self) -> tuple[Formula, ...]:
        """What the sizes have to meet, and what the output sizes are."""
        with collect() as conditions:
            self.sized(self.each("I"), self.each("M"), **self.geometry)
        windows = (eq(K, size) for K, size in self.output_sizes.items())
        return (*formulas(conditions), *windows, *(le(1, number) for number in (B, G, C_g, F_g)))

    @property
    def padded(self) -> tuple[Formula, ...]:
        """The access relation of all axes with the padding in place of zeros: every tap of every window."""
        return (*self.outputs, *self.taps, *(axis.aligned(axis.k, axis.i, axis.m) for axis in self.axes))

    @property
    def products(self) -> Value:
        """The products that make all outputs, those with padding included."""
        bound = (b, f, *self.each("k"), c, u, *self.each("i"), *self.each("m"))
        return total(bound, (*IMAGES, *FILTERS, *CHANNEL, *self.padded), 1)

    @property
    def results(self) -> Value:
        """The outputs."""
        return total((b, f, *self.each("k")), (*IMAGES, *FILTERS, *self.outputs), 1)

    @cached_property
    def output_sizes(self) -> dict[Any, Any]:
        """K on every axis, and the output size that it stands for, as the helpers have it."""
        found = on_symbols(self.sized, self.each("I"), self.each("M"), **self.geometry)
        return pairs(self.each("K"), found)

    @property
    def sizes(self) -> dict[Any, Any]:
        """The size of the range of every output position."""
        return pairs(self.each("k"), self.output_sizes.values() if self.written else self.each("K"))

    def returned(self, helper: Any, **options: Any) -> Any:
        """What a helper returns for the layer, its output sizes called K unless they are to be written out."""
        cost = on_symbols(helper, self.each("I"), self.each("M"), **options)
        return cost if self.written else cost.xreplace({size: K for K, size in self.output_sizes.items()})

    def sized_guard(self, calc: Calc) -> Calc:
        """The output positions in the ranges that the helpers have."""
        for axis, size in zip(self.axes, self.sizes.values(), strict=True):
            if self.written:
                calc.guard((within(0, axis.k, axis.K), within(0, axis.k, size)), why="the output size counts windows")
        return calc

    @property
    def names(self) -> dict[Any, str]:
        """What the symbols of a page about costs mean, with those of its special case on one axis."""
        own = {**self.symbols, **dict.fromkeys(self.right, "padding on the right"), **EXTRA}
        return own if len(self.axes) == 1 else {**Costs(1).names, **own}

    def example(self, **more: int) -> Example:
        """Two images, two groups of two input channels and one filter each; three elements and two taps an axis."""
        numbers = {B: 2, G: 2, C_g: 2, F_g: 1}
        for axis, after in zip(self.axes, self.right, strict=True):
            numbers |= {axis.I: 3, axis.M: 2, axis.K: 2, axis.s: 2, axis.d: 1, axis.p: 1, after: 0}
        return Example(numbers | {integers(name): number for name, number in more.items()})


IMAGES, FILTERS = within(0, b, B), within(0, f, G * F_g)
EXTRA = {C: "number of input channels", F: "number of output channels"}


def counted(calc: Calc, sizes: Mapping[Any, Any], why: str) -> Calc:
    """Count the indices of a sum of 1 over ranges in one line of the page."""
    before = len(calc.steps)
    count(calc, sizes, dict.fromkeys(sizes, ""))
    calc.steps[before:] = [Step(calc.value, why)]
    return calc


def named_products(g: Costs) -> Calc:
    """The products without the indices that the others determine."""
    calc = Calc(g.products, g.given)
    calc.one_point({c: C_g * FloorDiv(f, F_g) + u}, why="an output channel and a channel of its group name the input's")
    calc.one_point(
        {axis.i: axis.s * axis.k + axis.d * axis.m - axis.p for axis in g.axes},
        why="a window and a tap name the input position",
    )
    return calc


def plain_count(g: Costs) -> Calc:
    """The products counted, in the symbols of the layer."""
    calc = named_products(g)
    sizes = {b: B, f: G * F_g, **pairs(g.each("k"), g.each("K")), u: C_g, **pairs(g.each("m"), g.each("M"))}
    counted(calc, sizes, why="count each index")
    calc.qed(B * G * F_g * C_g * prod(g.each("K")) * prod(g.each("M")))
    return calc


def helper_count(g: Costs) -> Calc:
    """The products counted, as the helpers have them."""
    calc = g.sized_guard(named_products(g))
    calc.guard((within(0, u, C_g), within(0, u, PER_GROUP)), why="a group has its share of the input channels")
    sizes = {b: B, f: G * F_g, **g.sizes, u: PER_GROUP, **pairs(g.each("m"), g.each("M"))}
    return counted(calc, sizes, why="count each index")


def result_count(g: Costs, coefficient: int = 1) -> Calc:
    """The outputs counted."""
    calc = g.sized_guard(Calc(g.results * coefficient, g.given))
    return counted(calc, {b: B, f: G * F_g, **g.sizes}, why="count each index")


def on_symbols(helper: Any, *args: Any, **options: Any) -> Any:
    """What a helper returns on symbols."""
    with collect():
        return helper(*args, **options)


@theorem(
    "cost.conv.params",
    title="Parameters of a convolution",
    ndims=(1, 2, 3),
    sources=("torch.nn.Conv2d, variables",),
    helper="conv_params",
)
def params(ndim: int) -> Proof:
    """A filter has a weight for each tap and channel of its group, and a bias; the input size does not matter."""
    g = Costs(ndim)
    m, sizes = g.each("m"), g.each("M")
    given = [le(1, number) for number in (G, C_g, F_g, *sizes)]
    channels = {"in_channels": G * C_g, "out_channels": G * F_g, "groups": G}

    def weights() -> Calc:
        calc = Calc(total((f, u, *m), (*FILTERS, *within(0, u, C_g), *g.taps), 1), given)
        calc.guard((within(0, u, C_g), within(0, u, PER_GROUP)), why="a group has its share of the input channels")
        return counted(calc, {f: G * F_g, u: PER_GROUP, **pairs(m, sizes)}, why="count each index")

    without = weights()
    without.qed(on_symbols(cm.conv_params, sizes, **channels, bias=False))
    biases = counted(Calc(total((f,), FILTERS, 1), given), {f: G * F_g}, why="count the filters")
    whole = Calc(without.start + biases.start, given)
    whole.apply(without.theorem, why="the weights")
    whole.apply(biases.theorem, why="and a bias for each filter", term=1)
    found = on_symbols(cm.conv_params, sizes, **channels)
    whole.qed(found)
    every = total((f, c, *m), (*FILTERS, *within(0, c, G * C_g), *g.taps), 1)
    return Proof(
        parts=(
            without.part("Count the weights: every filter, channel of its group, and tap."),
            whole.part("With a bias for every filter:"),
        ),
        symbols={v: words for v, words in g.names.items() if v in (f, u, G, C_g, F_g, *m, *sizes)},
        example=Example({G: 1, C_g: 1, F_g: 6, **dict.fromkeys(sizes, 5)}),
        mistake=Mistake(
            "letting every filter read all channels although there are groups",
            Statement(Equation(every, value(without.value))),
            tuple(given),
        ),
        main=2,
    )


@theorem(
    "cost.conv.macs",
    title="Multiply-accumulates of a convolution",
    ndims=(1, 2),
    sources=("MolchanovTyreeKarrasAilaKautz2017, appendix A.1", "ZhangLiptonLiSmola2023, section 7.4"),
    helper="conv_macs",
)
def macs(ndim: int) -> Proof:
    """There is a product for each image, output channel, output position, channel of the group, and tap."""
    g, line = Costs(ndim), Costs(1, written=True)

    def helper(layer: Costs) -> Calc:
        calc = helper_count(layer)
        calc.qed(layer.returned(cm.conv_macs, **layer.options))
        return calc

    plain = plain_count(g)
    return Proof(
        parts=(
            helper(g).part("What the helper returns counts them, K being the output sizes:"),
            plain.part("In the symbols of the layer:"),
        ),
        special=(helper(line).part("One axis, the output size written out"),),
        symbols=g.names,
        example=g.example(),
        mistake=Mistake(
            "letting every output channel read all input channels although there are groups",
            Statement(Equation(g.products, plain.value * G)),
            g.given,
        ),
        main=2,
    )


@theorem(
    "cost.conv.flops",
    title="Operations of a convolution, counted exactly",
    ndims=(1, 2),
    sources=("MolchanovTyreeKarrasAilaKautz2017, appendix A.1",),
    helper="conv_flops",
)
def flops(ndim: int) -> Proof:
    """An output of K products takes K multiplications, K - 1 additions, and one more addition for a bias."""
    g, line = Costs(ndim), Costs(1, written=True)
    biased = operations_with_bias(g)
    return Proof(
        parts=(
            operations_without_bias(g).part("Without a bias:"),
            biased.part("With one addition more for each output, the bias:"),
        ),
        special=(operations_without_bias(line).part("One axis without a bias, the output size written out"),),
        symbols=g.names,
        example=g.example(),
        mistake=Mistake(
            "taking 2K operations for an output of K products without a bias",
            Statement(Equation(g.products + (g.products - g.results), biased.value)),
            g.given,
        ),
        main=2,
    )


def operations_without_bias(g: Costs) -> Calc:
    """Multiplications and additions."""
    each, outputs = helper_count(g), result_count(g, -1)
    calc = Calc(g.products + (g.products - g.results), g.given)
    calc.apply(each.theorem, why="the multiplications are the products")
    calc.apply(each.theorem, why="so are the additions,", term=1)
    calc.apply(outputs.theorem, why="but the first product of an output is added to nothing", term=2)
    calc.qed(g.returned(cm.conv_flops, convention="exact", bias=False, **g.options))
    return calc


def operations_with_bias(g: Costs) -> Calc:
    """Multiplications and additions, one of them for the bias of every output."""
    each = helper_count(g)
    calc = Calc(g.products + (g.products - g.results) + g.results, g.given)
    calc.ring(g.products + g.products, why="the bias makes good for the first product")
    calc.apply(each.theorem, why="the multiplications")
    calc.apply(each.theorem, why="and the additions", term=1)
    calc.qed(g.returned(cm.conv_flops, convention="exact", **g.options))
    return calc
