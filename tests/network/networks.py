"""Random networks, each as a graph and as an equal torch module, and what the module really reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import prod
from typing import Any

import torch
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F  # noqa: N812

from convmath.network import Graph, NetworkReport
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Flip,
    Linear,
    Norm,
    Operator,
    Pad,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Reshape,
    Resize,
    Slice,
)

LARGEST = {1: 24, 2: 9, 3: 6}
"""Networks stay this small on each axis, by the number of axes, so that every position can be looked at."""

Layer = Callable[..., torch.Tensor]


class Layers(nn.Module):
    """Runs its layers in order and returns every result by its name."""

    def __init__(self, steps: Sequence[tuple[str, Layer, tuple[str, ...]]]) -> None:
        super().__init__()
        self.steps = list(steps)
        self.layers = nn.ModuleDict({name: layer for name, layer, _ in steps if isinstance(layer, nn.Module)})

    def forward(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        values = {"input": image}
        for name, layer, inputs in self.steps:
            values[name] = layer(*(values[other] for other in inputs))
        return values


@dataclass
class Network:
    """A graph and the steps of the module, built together."""

    graph: Graph
    sizes: dict[str, tuple[int, ...]]
    steps: list[tuple[str, Layer, tuple[str, ...]]] = field(default_factory=list)

    @classmethod
    def of(cls, *input_size: int) -> Network:
        graph = Graph()
        return cls(graph, {graph.input(input_size): (1, *input_size)})

    def add(self, operator: Operator, layer: Layer, *inputs: str) -> str:
        name = self.graph.add(f"{operator.kind}_{len(self.graph)}", operator, *inputs)
        self.sizes[name] = operator.sizes(*(self.sizes[other] for other in inputs))
        self.steps.append((name, layer, inputs))
        return name

    def module(self) -> Layers:
        """The module, every weight positive, in double precision and evaluation."""
        module = Layers(self.steps).double().eval()
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.copy_(torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.5)
        return module


def torch_sizes(network: Network) -> dict[str, tuple[int, ...]]:
    """The sizes of every result, by torch on meta tensors."""
    module = Layers(network.steps).to("meta").eval()
    values = module(torch.empty(network.sizes["input"], device="meta"))
    return {name: tuple(value.shape) for name, value in values.items()}


@dataclass(frozen=True)
class Support:
    """What each position of a result reads of the input: an array ``(*input axes, *output axes)`` of truth values.

    Attributes: projected: for each axis of the input, ``(elements, *output axes)``.
    """

    projected: tuple[Any, ...]

    @classmethod
    def of(cls, found: torch.Tensor, axes: int) -> Support:
        others = [[other for other in range(axes) if other != axis] for axis in range(axes)]
        return cls(tuple((found.any(dim=dims) if dims else found).numpy() for dims in others))

    def reads(self, axis: int, *position: int | slice) -> set[int]:
        """The elements of an axis of the input that a position reads; a slice takes positions together."""
        found = self.projected[axis][(slice(None), *position)]
        return set(found.reshape(len(found), -1).any(1).nonzero()[0].tolist())


def supports(network: Network) -> dict[str, Support]:
    """For every result, where the gradients of its positions for the input are not 0.

    At a positive point, batch and channels joined. One image of the batch for each position, so that one backward pass
    gives the gradients of all.
    """
    shape = network.sizes["input"]
    most = max(prod(sizes[2:]) for sizes in network.sizes.values())
    point = torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 1
    images = point.repeat(most, *(1,) * (len(shape) - 1)).requires_grad_()
    found = {}
    for name, value in network.module()(images).items():
        positions = prod(value.shape[2:])
        own = value.sum(1).reshape(most, positions)[:positions].diagonal().sum()
        (gradient,) = torch.autograd.grad(own, images, retain_graph=True)
        nonzero = (gradient[:positions] != 0).any(1)
        found[name] = Support.of(nonzero.movedim(0, -1).reshape(*shape[2:], *value.shape[2:]), len(shape) - 2)
    return found


def reached(network: Network) -> dict[str, Support]:
    """As :func:`supports`, by what each element alone changes, which is all that it reaches where maxima are taken.

    For networks without biases, of which all weights are positive: nothing hides a change from 0.
    """
    shape = network.sizes["input"]
    units = torch.eye(prod(shape), dtype=torch.float64).reshape(-1, *shape[1:])
    with torch.no_grad():
        values = network.module()(torch.cat([units, torch.zeros(shape, dtype=torch.float64)]))
    found = {}
    for name, value in values.items():
        nonzero = (value[:-1] != value[-1:]).reshape(prod(shape), value.shape[1], -1).any(1)
        found[name] = Support.of(nonzero.reshape(*shape[1:], *value.shape[2:]).any(0), len(shape) - 2)
    return found


def is_interior(report: NetworkReport, name: str, dimension: int, position: int) -> bool:
    """Whether a position depends on no border: on the way back through every path all that is read is there."""
    wanted = {name: {position}}
    for node in reversed(list(report.graph)):
        here = wanted.pop(node.name, set())
        row = report[node.name]
        if not here or not node.inputs:
            continue
        for other, shape, reads in zip(
            node.inputs, row.inputs, node.operator.reads(row.inputs, row.sizes), strict=True
        ):
            if reads[dimension] is None or reads[dimension][0] != dimension:
                return False
            seen = {
                element
                for at in here
                for start, stop in reads[dimension][1].reads(at).parts
                for element in range(start, stop)
            }
            if not seen <= set(range(shape[dimension])):
                return False
            wanted[other] = wanted.get(other, set()) | seen
    return True


# Strategies

SMALL = st.integers(1, 3)


def per_axis(draw: Callable[..., Any], values: st.SearchStrategy[int], axes: int) -> tuple[int, ...]:
    return tuple(draw(values) for _ in range(axes))


@dataclass
class Builder:
    """Draws layers one after the other, each valid for the sizes that it is given."""

    draw: Callable[..., Any]
    network: Network
    axes: int
    maxima: bool

    @property
    def largest(self) -> int:
        return LARGEST[self.axes]

    def of(self, kind: str, axes: int | None = None) -> Any:
        return getattr(nn, f"{kind}{axes or self.axes}d")

    def spatial(self, name: str) -> tuple[int, ...]:
        return self.network.sizes[name][2:]

    def channels(self, name: str) -> int:
        return self.network.sizes[name][1]

    def window(self, name: str) -> dict[str, Any] | None:
        """Kernel, stride, padding and dilation of which at least one window fits on every axis."""
        kernel, stride, dilation = (per_axis(self.draw, SMALL, self.axes) for _ in range(3))
        padding = per_axis(self.draw, st.integers(0, 2), self.axes)
        spans = [d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True)]
        fits = all(s <= n + 2 * p for s, n, p in zip(spans, self.spatial(name), padding, strict=True))
        return {"kernel_size": kernel, "stride": stride, "padding": padding, "dilation": dilation} if fits else None

    def conv(self, name: str, **options: Any) -> str | None:
        options = options or self.window(name)
        if options is None:
            return None
        into = self.channels(name)
        groups = self.draw(st.sampled_from([1, 1, into]))
        out = groups * self.draw(st.integers(1, 2))
        bias = self.draw(st.booleans()) and not self.maxima
        operator = Conv(into, out, groups=groups, bias=bias, **options)
        return self.network.add(operator, self.of("Conv")(into, out, groups=groups, bias=bias, **options), name)

    def conv_transpose(self, name: str) -> str | None:
        options = self.window(name)
        if options is None:
            return None
        room = zip(options["stride"], options["dilation"], strict=True)
        output_padding = tuple(self.draw(st.integers(0, max(s, d) - 1)) for s, d in room)
        windows = zip(self.spatial(name), *options.values(), strict=True)
        made = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in windows]
        if not all(1 <= n <= self.largest for n in made):
            return None
        into, out = self.channels(name), self.draw(st.integers(1, 2))
        options |= {"bias": False, "output_padding": output_padding}
        return self.network.add(
            ConvTranspose(into, out, **options), self.of("ConvTranspose")(into, out, **options), name
        )

    def pool(self, name: str) -> str | None:
        options = self.window(name)
        if options is None or any(2 * p > k for k, p in zip(options["kernel_size"], options["padding"], strict=True)):
            return None
        options["ceil_mode"] = self.draw(st.booleans())
        if self.maxima:
            return self.network.add(Pool("max", **options), self.of("MaxPool")(**options), name)
        del options["dilation"]
        spans = zip(options["kernel_size"], self.spatial(name), options["padding"], strict=True)
        if any(k > n + 2 * p for k, n, p in spans):
            return None
        return self.network.add(Pool("avg", **options), self.of("AvgPool")(**options), name)

    def adaptive(self, name: str) -> str:
        size = per_axis(self.draw, st.integers(1, 6), self.axes)
        return self.network.add(AdaptivePool("avg", size), self.of("AdaptiveAvgPool")(size), name)

    def upsample(self, name: str) -> str | None:
        mode = self.draw(st.sampled_from(["nearest", "linear"]))
        torch_mode = mode if mode == "nearest" else {1: "linear", 2: "bilinear", 3: "trilinear"}[self.axes]
        corners = {"align_corners": self.draw(st.booleans())} if mode == "linear" else {}
        if self.draw(st.booleans()):
            factor = self.draw(st.integers(1, 3))
            if max(self.spatial(name)) * factor > self.largest:
                return None
            operator = Resize(mode, scale=(Fraction(factor),) * self.axes, **corners)
            return self.network.add(operator, nn.Upsample(scale_factor=factor, mode=torch_mode, **corners), name)
        size = per_axis(self.draw, st.integers(1, self.largest), self.axes)
        return self.network.add(
            Resize(mode, output_size=size, **corners), nn.Upsample(size, mode=torch_mode, **corners), name
        )

    def pad(self, name: str) -> str | None:
        mode = self.draw(st.sampled_from(["constant", "reflect", "replicate", "circular"]))
        least = -1 if mode == "constant" else 0
        pairs = [(self.draw(st.integers(least, 2)), self.draw(st.integers(least, 2))) for _ in range(self.axes)]
        most = {"reflect": 1, "circular": 0}.get(mode, -3)
        if any(n - most <= max(pair) or n + sum(pair) < 1 for n, pair in zip(self.spatial(name), pairs, strict=True)):
            return None
        flat = [amount for pair in reversed(pairs) for amount in pair]
        return self.network.add(Pad(((0, 0), (0, 0), *pairs), mode), lambda x: F.pad(x, flat, mode=mode), name)

    def crop(self, name: str) -> str:
        dim = self.draw(st.integers(1, 1 + self.axes))
        n = self.network.sizes[name][dim]
        start = self.draw(st.integers(0, n - 1))
        stop, step = self.draw(st.integers(start + 1, n)), self.draw(st.integers(1, 2))
        index = (slice(None),) * dim + (slice(start, stop, step),)
        return self.network.add(Slice(dim, start, stop, step), lambda x: x[index], name)

    def shuffle(self, name: str) -> str | None:
        if self.axes != 2:
            return None
        if self.channels(name) % 4 == 0 and max(self.spatial(name)) * 2 <= self.largest:
            return self.network.add(PixelShuffle(2), nn.PixelShuffle(2), name)
        if all(n % 2 == 0 for n in self.spatial(name)) and self.channels(name) <= 2:
            return self.network.add(PixelUnshuffle(2), nn.PixelUnshuffle(2), name)
        return None

    def flip(self, name: str) -> str:
        dim = self.draw(st.integers(1, 1 + self.axes))
        return self.network.add(Flip((dim,)), lambda x: x.flip(dim), name)

    def space_to_depth(self, name: str) -> str | None:
        """The places of windows as channels, by reshaping and permuting; or channels as places."""
        n, channels, *spatial = self.network.sizes[name]
        axis, axes = self.draw(st.integers(0, self.axes - 1)), self.axes
        size = self.draw(st.integers(2, 3))
        if spatial[axis] % size == 0 and spatial[axis] > size and channels * size <= 6:
            shape = (n, channels, *spatial[:axis], spatial[axis] // size, size, *spatial[axis + 1 :])
            order = (0, 1, 3 + axis, *(2 + d + (d > axis) for d in range(axes)))
            whole = (n, channels * size, *spatial[:axis], spatial[axis] // size, *spatial[axis + 1 :])
        elif channels % size == 0 and spatial[axis] * size <= self.largest:
            shape = (n, channels // size, size, *spatial)
            order = (0, 1, *(3 + d for d in range(axis + 1)), 2, *(3 + d for d in range(axis + 1, axes)))
            whole = (n, channels // size, *spatial[:axis], spatial[axis] * size, *spatial[axis + 1 :])
        else:
            return None
        apart = self.network.add(Reshape(shape), lambda x: x.reshape(-1, *shape[1:]), name)
        turned = self.network.add(Permute(order), lambda x: x.permute(order), apart)
        return self.network.add(Reshape(whole), lambda x: x.reshape(-1, *whole[1:]), turned)

    def activation(self, name: str) -> str:
        if self.maxima or self.draw(st.booleans()):
            return self.network.add(Activation("relu"), nn.ReLU(), name)
        channels = self.channels(name)
        return self.network.add(Norm("batch_norm", 2 * channels), self.of("BatchNorm")(channels), name)

    def squeeze(self, name: str) -> str | None:
        """A squeeze-and-excitation branch, which reads everything at every position; no factor is 0."""
        if self.maxima:
            return None
        ones, channels = (1,) * self.axes, self.channels(name)
        pooled = self.network.add(AdaptivePool("avg", ones), self.of("AdaptiveAvgPool")(ones), name)
        gate = self.network.add(Conv(channels, channels, ones), self.of("Conv")(channels, channels, ones), pooled)
        return self.network.add(Combine("mul"), lambda x, y: (x + 1) * y / 100, name, gate)

    def branches(self, name: str) -> str | None:
        """Two paths of the same stride whose centres agree, or not: what a residual block has."""
        stride = per_axis(self.draw, st.integers(1, 2), self.axes)
        taps = per_axis(self.draw, st.integers(1, 2), self.axes)
        dilation = per_axis(self.draw, st.integers(1, 2), self.axes)
        padding = tuple(p * d for p, d in zip(taps, dilation, strict=True))
        kernel = tuple(2 * p + 1 for p in taps)
        first = self.conv(name, kernel_size=kernel, padding=padding, dilation=dilation, stride=stride)
        beside = self.shifted(name) if self.draw(st.booleans()) else name
        second = self.conv(beside, kernel_size=(1,) * self.axes, stride=stride)
        return None if first is None or second is None else self.join(first, second)

    def shifted(self, name: str) -> str:
        """One element later on every axis: padded before, cropped after."""
        operator = Pad(((0, 0), (0, 0), *((1, -1),) * self.axes))
        return self.network.add(operator, lambda x: F.pad(x, (1, -1) * self.axes), name)

    def join(self, first: str, second: str) -> str | None:
        """A sum or a concatenation of two results that fit."""
        sizes = self.network.sizes
        if sizes[first] == sizes[second] and self.draw(st.booleans()):
            return self.network.add(Combine("add"), torch.add, first, second)
        if sizes[first][2:] == sizes[second][2:]:
            return self.network.add(Concat(1), lambda *xs: torch.cat(xs, 1), first, second)
        return None

    def step(self) -> None:
        names = [name for name, sizes in self.network.sizes.items() if len(sizes) == 2 + self.axes]
        name = self.draw(st.sampled_from(names[-3:]))
        kinds = ["conv", "conv_transpose", "pool", "adaptive", "upsample", "pad", "crop", "shuffle", "activation"]
        kinds += ["flip", "space_to_depth"]
        kind = self.draw(st.sampled_from([*kinds, "squeeze", "branches", "branches", "join", "join"]))
        if kind == "join":
            fitting = [other for other in names if self.spatial(other) == self.spatial(name)]
            self.join(self.draw(st.sampled_from(fitting)), name)
        else:
            getattr(self, kind)(name)


@st.composite
def networks(draw: Callable[..., Any], *, axes: int, maxima: bool = False, head: bool = False) -> Network:
    """A random network; with ``maxima`` one that takes 0 to 0, so that maximum pooling may be in it.

    Attributes: head: whether a flattening and a dense layer may follow.
    """
    sizes = per_axis(draw, st.integers(4, LARGEST[axes] // 2 + 1), axes)
    builder = Builder(draw, Network.of(draw(st.integers(1, 2)), *sizes), axes, maxima)
    for _ in range(draw(st.integers(1, 6))):
        builder.step()
    if head and draw(st.booleans()):
        name = draw(st.sampled_from(list(builder.network.sizes)))
        flat = builder.network.add(Flatten(1), nn.Flatten(), name)
        features = builder.network.sizes[flat][1]
        builder.network.add(Linear(features, 2, bias=False), nn.Linear(features, 2, bias=False), flat)
    return builder.network
