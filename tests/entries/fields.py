"""Receptive fields as torch sees them: the derivatives of all-ones stacks, which count the paths of a real network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from convmath.calculus.evaluate import Model
from convmath.errors import DomainError

from .reality import CPU, Array, exact


@dataclass(frozen=True)
class Layer:
    """Taps, stride, dilation and padding on both sides of one layer."""

    k: int
    s: int
    d: int
    p: int


@dataclass(frozen=True)
class Field:
    """A stack of layers, the first nearest the input, and the device on which torch differentiates it."""

    layers: tuple[Layer, ...]
    device: torch.device = CPU

    @property
    def depth(self) -> int:
        """The number of layers."""
        return len(self.layers)

    @cached_property
    def position(self) -> int:
        """The first output position from which no path touches the padding of any layer; nor do they from the next."""
        return next(o for o in range(10**6) if min(low for low, _ in self._needed(o)) >= 0)

    def _needed(self, position: int) -> list[tuple[int, int]]:
        """The first and the last position of every layer that one of the last layer sees; the input comes first."""
        spans = [(position, position)]
        for layer in reversed(self.layers):
            low, high = spans[0]
            spans.insert(0, (layer.s * low - layer.p, layer.s * high + layer.d * (layer.k - 1) - layer.p))
        return spans

    @cached_property
    def inputs(self) -> int:
        """Elements that the input needs for the paths from that position and the next to stay inside every layer."""
        spans = self._needed(self.position + 1)
        return next(
            n
            for n in range(spans[0][1] + 1, 10**6)
            if all(size > high for size, (_, high) in zip(self._sizes(n), spans, strict=True))
        )

    def _sizes(self, n: int) -> list[int]:
        sizes = [n]
        for layer in self.layers:
            sizes.append((sizes[-1] + 2 * layer.p - layer.d * (layer.k - 1) - 1) // layer.s + 1)
        return sizes

    @cached_property
    def paths(self) -> list[Array]:
        """``c[l][o, i]``: the derivative of position o after l layers for input i when every weight is 1."""
        return self.derivatives(None)

    def derivatives(self, seed: int | None) -> list[Array]:
        """The same with weights from 1 to 3, drawn with a seed."""
        generator = np.random.default_rng(seed)
        values = torch.eye(self.inputs, dtype=torch.float64, device=self.device)[:, None]
        found = [exact(values)[:, 0].T]
        for layer in self.layers:
            taps = np.ones(layer.k) if seed is None else generator.integers(1, 4, layer.k)
            kernel = torch.tensor(taps, dtype=torch.float64, device=self.device)[None, None]
            values = torch.nn.functional.conv1d(values, kernel, None, layer.s, layer.p, layer.d)
            found.append(exact(values)[:, 0].T)
        return found

    def autograd(self) -> Array:
        """The derivatives of the last layer at :attr:`position`, backwards."""
        x = torch.zeros(1, 1, self.inputs, dtype=torch.float64, device=self.device, requires_grad=True)
        values = x
        for layer in self.layers:
            kernel = torch.ones(1, 1, layer.k, dtype=torch.float64, device=self.device)
            values = torch.nn.functional.conv1d(values, kernel, None, layer.s, layer.p, layer.d)
        (gradient,) = torch.autograd.grad(values[0, 0, self.position], x)
        return exact(gradient)[0, 0]

    def span(self, layer: int, position: int) -> tuple[int, int]:
        """The first and the last input element that a position after some layers sees."""
        support = np.flatnonzero(self.paths[layer][position])
        return int(support[0]), int(support[-1])

    @cached_property
    def free(self) -> list[int]:
        """A position after each number of layers from which, as from the next, no path touches padding."""
        return [low for low, _ in self._needed(self.position)]

    @cached_property
    def measured(self) -> dict[str, list[int]]:
        """Size R, stride J and start P of the field after each number of layers, read off the derivatives."""
        found: dict[str, list[int]] = {"R": [], "J": [], "P": []}
        for layer, position in enumerate(self.free):
            (first, last), (after, _) = self.span(layer, position), self.span(layer, position + 1)
            found["R"].append(last - first + 1)
            found["J"].append(after - first)
            found["P"].append((after - first) * position - first)
        return found

    def model(self) -> Model:
        """The layers' parameters from 1, what was measured from 0, and the paths that were counted."""
        parameters = {
            name: {number: getattr(layer, name) for number, layer in enumerate(self.layers, 1)} for name in "ksdp"
        }
        sequences = parameters | {name: dict(enumerate(numbers)) for name, numbers in self.measured.items()}
        return Model({}, sequences, {"c": self._path})

    def _path(self, layer: int, o: int, i: int) -> int:
        """An entry of :attr:`paths`; beyond the layer or the input there is none."""
        counted = self.paths[layer]
        if not (0 <= o < len(counted) and 0 <= i < self.inputs):
            raise DomainError("c", (layer, o, i), f"needs o < {len(counted)} and i < {self.inputs}")
        return int(counted[o, i])


@st.composite
def fields(draw: DrawFn, *, least: int = 0) -> Field:
    """Up to three layers with strides, dilations and paddings."""
    one = st.builds(Layer, st.integers(1, 3), st.integers(1, 3), st.integers(1, 3), st.integers(0, 3))
    return Field(tuple(draw(one) for _ in range(draw(st.integers(least, 3)))))
