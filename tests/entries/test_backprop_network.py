"""The whole algorithm on a small CNN: every error by torch's autograd, every layer's derivative by its Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .claims import Claim, Grid, Instances, caught, claims, covers, differences, for_all, mistaken, refutes
from .reality import CPU, Array

Step = Callable[[torch.Tensor], torch.Tensor]
SIZE = 6
"""Elements of the input along each of its two axes."""


@dataclass(frozen=True)
class Network:
    """Convolution, ReLU, maximum pooling, convolution, leaky ReLU, average pooling, flattening and a dense layer.

    Layer l takes the net input of layer l - 1, which for l = 0 is the network's input, to its own: the activation of
    the layer below comes first. All numbers are integers or have a small power of 2 below, so that every sum is exact.
    """

    seed: int
    device: torch.device = CPU

    def numbers(self, name: str, *shape: int) -> torch.Tensor:
        """Integers from -2 to 2 as float64."""
        drawn = np.random.default_rng([self.seed, *name.encode()]).integers(-2, 3, shape)
        return torch.tensor(drawn, dtype=torch.float64, device=self.device)

    @cached_property
    def parameters(self) -> dict[int, torch.Tensor]:
        """The kernels and weights by layer."""
        return {
            1: self.numbers("first", 2, 1, 3, 3),
            3: self.numbers("second", 2, 2, 2, 2),
            5: self.numbers("dense", 3, 2),
        }

    def steps(self, parameters: dict[int, torch.Tensor]) -> list[Step]:
        """The layers, the first of them after the input."""
        functional = torch.nn.functional
        return [
            lambda z: functional.conv2d(z, parameters[1], padding=1),
            lambda z: functional.max_pool2d(torch.relu(z), 2),
            lambda z: functional.conv2d(z, parameters[3]),
            lambda z: functional.avg_pool2d(functional.leaky_relu(z, 2.0), 2),
            lambda z: functional.linear(torch.flatten(z, 1), parameters[5]),
        ]

    @property
    def input(self) -> torch.Tensor:
        """One image of one channel."""
        return self.numbers("input", 1, 1, SIZE, SIZE) + torch.arange(
            SIZE * SIZE, dtype=torch.float64, device=self.device
        ).reshape(1, 1, SIZE, SIZE)

    @property
    def loss(self) -> torch.Tensor:
        """The gradient of the loss for the last layer."""
        return self.numbers("loss", 1, 3)

    def run(self, parameters: dict[int, torch.Tensor]) -> list[torch.Tensor]:
        """The net inputs of all layers, each of which remembers its gradient."""
        found = [self.input.requires_grad_()]
        for step in self.steps(parameters):
            found.append(step(found[-1]))
        for layer in found[1:]:
            layer.retain_grad()
        found[-1].backward(self.loss)
        return found

    @cached_property
    def net_inputs(self) -> list[torch.Tensor]:
        """The net inputs with their gradients."""
        return self.run(self.parameters)

    @cached_property
    def errors(self) -> list[Array]:
        """What autograd leaves at every layer."""
        return [_exact(layer.grad).ravel() for layer in self.net_inputs]

    @cached_property
    def jacobians(self) -> list[Array]:
        """Each layer's derivative for the layer below; none for the input."""
        found = [np.empty((0, 0), object)]
        for step, below in zip(self.steps(self.parameters), self.net_inputs, strict=False):
            whole = torch.autograd.functional.jacobian(step, below.detach())
            found.append(_exact(whole).reshape(-1, below.numel()))
        return found

    def above(self, layer: int) -> list[Array]:
        """The derivatives of the layers above for one layer, its own first: torch's, through all steps at once."""
        here = self.net_inputs[layer].detach()
        found = [np.eye(here.numel(), dtype=int).astype(object)]
        for last in range(layer + 1, len(self.net_inputs)):

            def through(z: torch.Tensor, last: int = last) -> torch.Tensor:
                for step in self.steps(self.parameters)[layer:last]:
                    z = step(z)
                return z

            whole = torch.autograd.functional.jacobian(through, here)
            found.append(_exact(whole).reshape(-1, here.numel()))
        return found

    def parameter_jacobian(self, layer: int) -> Array:
        """The derivative of a layer's net input for its own parameters."""
        below = self.net_inputs[layer - 1].detach()

        def of(parameter: torch.Tensor) -> torch.Tensor:
            return self.steps(self.parameters | {layer: parameter})[layer - 1](below)

        whole = torch.autograd.functional.jacobian(of, self.parameters[layer])
        return _exact(whole).reshape(-1, self.parameters[layer].numel())

    def parameter_gradient(self, layer: int) -> Array:
        """autograd's gradient of the loss for a layer's parameters."""
        variable = self.parameters[layer].clone().requires_grad_()
        self.run(self.parameters | {layer: variable})
        return _exact(variable.grad).ravel()

    def model(self, layer: int) -> Model:
        """The symbols of ``backprop.network``, seen from a layer."""
        errors, jacobians, above = self.errors, self.jacobians, self.above(layer)
        sizes = {"n": {number: len(error) for number, error in enumerate(errors)}}
        tensors: dict[str, Any] = {
            "J": lambda upper, o, i: jacobians[upper][o, i],
            "delta": lambda at, unit: errors[at][unit],
            "gamma": _table(_exact(self.loss).ravel()),
            "P": lambda steps, o, unit: above[steps][o, unit],
        }
        if layer in self.parameters:
            tensors["D"] = _table(self.parameter_jacobian(layer))
        return Model({"L": len(errors) - 1, "h": layer}, sizes, tensors)

    def instances(self, layer: int) -> Instances:
        """The hypotheses at some units of every layer."""
        sizes = [min(3, len(error)) for error in self.errors]
        own = range(sizes[layer])
        return {
            ("l", "i"): [(at, unit) for at, size in enumerate(sizes[:-1]) for unit in range(size)],
            ("i",): [(unit,) for unit in range(sizes[-1])],
            ("o", "u"): list(product(own, own)),
            ("t", "o", "u"): [
                (steps, o, unit)
                for steps in range(len(sizes) - 1 - layer)
                for o, unit in product(range(sizes[layer + steps + 1]), own)
            ],
        }


def _exact(values: torch.Tensor | None) -> Array:
    """Every float64 as the fraction that it is."""
    assert values is not None
    array = values.detach().cpu().numpy()
    return np.array([Fraction(float(number)) for number in array.ravel()], object).reshape(array.shape)


def _table(array: Array) -> dict[tuple[int, ...], Fraction]:
    return dict(np.ndenumerate(array))


NETWORKS = st.builds(Network, st.integers(0, 2**16))
LAYERS = range(6)


def error_differences(stated: Claim, network: Network, layer: int) -> list[str]:
    reality = Grid(("u",), {"autograd": network.errors[layer]})
    over = network.instances(layer)
    return differences(stated, network.model(layer), reality, limit=4, seed=network.seed, over=over)


def parameter_differences(stated: Claim, network: Network, layer: int) -> list[str]:
    reality = Grid(("q",), {"autograd": network.parameter_gradient(layer)})
    over = network.instances(layer)
    return differences(stated, network.model(layer), reality, limit=4, seed=network.seed, over=over)


def on_device(network: Network, device: torch.device) -> Network:
    return Network(network.seed, device)


@covers("backprop.network")
@pytest.mark.parametrize("layer", LAYERS)
def test_the_errors_of_a_cnn_are_the_transposed_derivatives_times_the_gradient_at_the_end(layer, device):
    stated, _ = claims("backprop.network")
    for_all(NETWORKS, lambda network: error_differences(stated, on_device(network, device), layer), share=0.1)


@covers("backprop.network")
@pytest.mark.parametrize("layer", [1, 3, 5])
def test_the_gradient_for_the_parameters_of_a_cnn_is_one_product_with_the_errors(layer, device):
    _, stated = claims("backprop.network")
    for_all(NETWORKS, lambda network: parameter_differences(stated, on_device(network, device), layer), share=0.1)


@refutes("backprop.network")
@pytest.mark.parametrize("differ", [error_differences, parameter_differences])
def test_a_forgotten_unit_is_caught(differ):
    number = [error_differences, parameter_differences].index(differ)
    stated, size = claims("backprop.network")[number], ("at", "n", "Lh"[number])
    caught(NETWORKS, lambda network: differ(stated.wrong({size: ("+", size, -1)}, side=1), network, 3))


@refutes("backprop.network")
def test_the_mistake_of_the_entry_about_the_network_is_caught():
    """On a layer with as many units as the one below."""

    def differ(network: Network) -> list[str]:
        weights, errors = network.numbers("weights", 3, 3), network.numbers("errors", 3)
        below = torch.zeros(3, dtype=torch.float64, requires_grad=True)
        (found,) = torch.autograd.grad(torch.nn.functional.linear(below, weights), below, errors)
        tensors = {
            "J": lambda layer, o, i: _table(_exact(weights))[o, i],
            "delta": lambda layer, o: _table(_exact(errors))[o,],
        }
        model = Model({"l": 0, "L": 1}, {"n": {0: 3, 1: 3}}, tensors)
        return differences(mistaken("backprop.network"), model, Grid(("i",), {"autograd": _exact(found)}))

    caught(NETWORKS, differ)
