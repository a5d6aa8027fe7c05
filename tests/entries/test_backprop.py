"""Backpropagation through single layers: torch's autograd from the net input of one layer to that of the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model
from convmath.oracle import reference

from .cases import SHARE, LayerCase, conv_axis, entries, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, other_claims, refutes
from .mistakes import wrong_parameters
from .pooled import distinct, divisible, max_pool, mean, options, pool_model, pools, shares, taken_by_name
from .reality import CPU, conv, full_correlation, gradient, loop_options, tensor

POINTS = 4


def square(z: torch.Tensor) -> torch.Tensor:
    """An activation whose derivative, 2z, is an integer and hardly ever the same twice."""
    return z * z


@dataclass(frozen=True)
class Units:
    """A batch of units under weights, and the seed of the data."""

    batch: int
    inputs: int
    outputs: int
    seed: int

    def array(self, name: str, *shape: int) -> np.ndarray:
        """Integers from -4 to 4, other ones for each name."""
        return np.random.default_rng([self.seed, *name.encode()]).integers(-4, 5, shape)


UNITS = st.builds(Units, *[st.integers(1, 3)] * 3, st.integers(0, 2**16))
SQUARE = UNITS.map(lambda case: replace(case, outputs=case.inputs))
"""As many units out as in."""


def unit_model(case: Units, **tensors: np.ndarray) -> Model:
    """The numbers of a dense layer, n the units that an activation has."""
    numbers = {"B": case.batch, "C": case.inputs, "F": case.outputs, "n": case.inputs}
    return Model(numbers, tensors={name: entries(array) for name, array in tensors.items()})


def output_differences(stated: Claim, case: Units, device=CPU) -> list[str]:
    x, target = (case.array(name, case.batch, case.inputs) for name in ("x", "t"))
    doubled = gradient(lambda x: (x - tensor(target, device)).square().sum(), x, 1, device)
    half = gradient(
        lambda x: torch.nn.functional.mse_loss(x, tensor(target, device), reduction="sum") / 2, x, 1, device
    )
    reality = Grid(("b", "j"), {"autograd": half, "half of the square's": doubled // 2})
    return differences(stated, unit_model(case, x=x, t=target), reality)


@covers("backprop.output")
def test_backpropagation_begins_with_the_difference(device):
    (stated,) = claims("backprop.output")
    for_all(UNITS, lambda case: output_differences(stated, case, device))


@refutes("backprop.output")
def test_a_wrong_beginning_is_caught():
    caught(UNITS, lambda case: output_differences(claims("backprop.output")[0].wrong({"1/2": "1"}, side=0), case))
    caught(UNITS, lambda case: output_differences(mistaken("backprop.output"), case))


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "square": square,
    "ReLU": torch.relu,
    "leaky ReLU": lambda z: torch.nn.functional.leaky_relu(z, 2.0),
}


def activation_differences(stated: Claim, case: Units, activation: str, device=CPU) -> list[str]:
    function = ACTIVATIONS[activation]
    z, gamma = (case.array(name, case.batch, case.inputs) for name in ("z", "gamma"))
    slope = gradient(function, z, np.ones_like(z), device)
    reality = Grid(("b", "j"), {"autograd": gradient(function, z, gamma, device)})
    model = unit_model(
        case, alpha=slope, gamma=gamma, epsilon=np.zeros_like(z), x=function(tensor(z)).numpy().astype(int)
    )
    return differences(stated, model, reality)


@covers("backprop.activation")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_multiplies_with_its_derivative(activation, device):
    (stated,) = claims("backprop.activation")
    for_all(UNITS, lambda case: activation_differences(stated, case, activation, device))


@refutes("backprop.activation")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_wrong_derivative_of_an_activation_is_caught(activation):
    caught(UNITS, lambda case: activation_differences(mistaken("backprop.activation"), case, activation))


def conv_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """From the net input below, through an activation and the layer, to the net input of the layer."""
    z, w, delta = case.arrays["x"], case.arrays["w"], case.arrays["y"]
    loops = reference.conv_grad_input(delta, w, input_size=case.each("n"), **loop_options(case))
    sources = {
        "autograd": gradient(lambda z: conv(case, square(z), tensor(w, device)), z, delta, device),
        "loops": 2 * z * loops,
        "rot180": 2 * z * full_correlation(case, delta),
    }
    reality = Grid(("b", "c", *names(case.ndim, "i")), sources)
    model = case.model(w=w, delta=delta, alpha=2 * z, epsilon=np.zeros_like(z))
    return differences(stated, model, reality, limit=POINTS, seed=case.seed)


@covers("backprop.conv")
def test_the_error_goes_back_through_a_convolution_layer(ndim, device):
    (stated,) = claims("backprop.conv", ndim)
    for_all(layers(ndim), lambda case: conv_differences(stated, case, device), share=SHARE[ndim])


@refutes("backprop.conv")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_error_below_a_convolution_layer_is_caught(ndim, mistake):
    wrong = claims("backprop.conv", ndim)[0].wrong(wrong_parameters(ndim)[mistake], side=1)
    caught(layers(ndim), lambda case: conv_differences(wrong, case))


@refutes("backprop.conv")
def test_the_mistake_of_the_entry_about_the_convolution_layer_is_caught(ndim):
    caught(layers(ndim), lambda case: conv_differences(mistaken("backprop.conv", ndim), case))


@covers("backprop.conv")
def test_at_stride_1_the_flipped_kernel_slides_over_the_error(ndim):
    (stated,) = other_claims("backprop.conv", ndim).values()
    strategy = layers(ndim).map(at_stride_one)
    for_all(strategy, lambda case: conv_differences(stated, case), share=SHARE[ndim])
    last = names(ndim, "p")[-1]
    wrong = stated.wrong({last: ("+", last, 1)}, side=1)
    caught(strategy, lambda case: conv_differences(wrong, case))


def at_stride_one(case: LayerCase) -> LayerCase:
    """The layer with stride and dilation 1."""
    return replace(case, axes=tuple(conv_axis(a.n, a.k, 1, 1, a.lo, a.hi) for a in case.axes))


def error_model(case: LayerCase, z: np.ndarray, delta: np.ndarray) -> Model:
    tensors = {"delta": delta, "alpha": 2 * z, "epsilon": np.zeros_like(z)}
    tables = {name: entries(array) for name, array in tensors.items()}
    return pool_model(case, taken_by_name(case, z), **tables, v=shares(case, count_include_pad=True))


def mean_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    z, delta = distinct(case) + 1, divisible(case)
    loops = reference.avg_pool_grad_input(delta, input_size=case.each("n"), **options(case))
    sources = {
        "autograd": gradient(lambda z: mean(case, square(z), count_include_pad=True), z, delta, device),
        "loops": 2 * z * loops,
    }
    reality = Grid(("b", "c", *names(case.ndim, "i")), sources)
    return differences(stated, error_model(case, z, delta), reality, limit=POINTS, seed=case.seed)


def maximum_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    z, delta = distinct(case) + 1, case.arrays["y"]
    sources = {
        "autograd": gradient(lambda z: max_pool(case, square(z)), z, delta, device),
        "loops": 2 * z * reference.max_pool_grad_input(delta, z, **options(case)),
    }
    reality = Grid(("b", "c", *names(case.ndim, "i")), sources)
    return differences(stated, error_model(case, z, delta), reality, limit=POINTS, seed=case.seed)


POOLS = {"mean": mean_differences, "maximum": maximum_differences}
"""The statements of ``backprop.pool``, in its order."""


@covers("backprop.pool")
@pytest.mark.parametrize("statement", POOLS)
def test_the_error_goes_back_through_a_pooling_layer(ndim, statement, device):
    stated = dict(zip(POOLS, claims("backprop.pool", ndim), strict=True))[statement]
    for_all(pools(ndim), lambda case: POOLS[statement](stated, case, device), share=SHARE[ndim])


@refutes("backprop.pool")
@pytest.mark.parametrize("mistake", wrong_parameters(1, channels=False))
@pytest.mark.parametrize("statement", POOLS)
def test_a_wrong_error_below_a_pooling_layer_is_caught(ndim, statement, mistake):
    stated = dict(zip(POOLS, claims("backprop.pool", ndim), strict=True))[statement]
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=1)
    caught(pools(ndim), lambda case: POOLS[statement](wrong, case))


@refutes("backprop.pool")
def test_the_mistake_of_the_entry_about_the_pooling_layer_is_caught(ndim):
    caught(pools(ndim), lambda case: mean_differences(mistaken("backprop.pool", ndim), case))


def dense_arrays(case: Units) -> dict[str, np.ndarray]:
    shapes = {
        "w": (case.outputs, case.inputs),
        "beta": (case.outputs,),
        "z": (case.batch, case.inputs),
        "delta": (case.batch, case.outputs),
    }
    return {name: case.array(name, *shape) for name, shape in shapes.items()}


def dense_differences(stated: Claim, case: Units, of: str, device=CPU) -> list[str]:
    """The gradient for the bias, for the weights or for the net input below, by autograd."""
    a = dense_arrays(case)

    def response(changed: torch.Tensor) -> torch.Tensor:
        z, w, beta = (changed if name == of else tensor(a[name], device) for name in ("z", "w", "beta"))
        return torch.nn.functional.linear(square(z), w, beta)

    places = {"beta": ("f",), "w": ("f", "c"), "z": ("b", "c")}[of]
    reality = Grid(places, {"autograd": gradient(response, a[of], a["delta"], device)})
    tensors = {name: a[name] for name in ("w", "beta", "delta")}
    model = unit_model(case, **tensors, x=a["z"] ** 2, alpha=2 * a["z"], epsilon=np.zeros_like(a["z"]))
    return differences(stated, model, reality)


DENSE = ("beta", "w", "z")
"""What the statements of ``backprop.dense`` are the gradients for, in its order."""


@covers("backprop.dense")
@pytest.mark.parametrize("of", DENSE)
def test_the_error_goes_back_through_a_dense_layer(of, device):
    stated = dict(zip(DENSE, claims("backprop.dense"), strict=True))[of]
    for_all(UNITS, lambda case: dense_differences(stated, case, of, device))


@refutes("backprop.dense")
@pytest.mark.parametrize(("of", "changes"), [("beta", {"B": ("+", "B", -1)}), ("w", {"B": ("+", "B", -1)}),
                                             ("z", {"F": ("+", "F", -1)})])  # fmt: skip
def test_a_wrong_error_below_a_dense_layer_is_caught(of, changes):
    stated = dict(zip(DENSE, claims("backprop.dense"), strict=True))[of]
    caught(UNITS, lambda case: dense_differences(stated.wrong(changes, side=1), case, of))


@refutes("backprop.dense")
def test_the_mistake_of_the_entry_about_the_dense_layer_is_caught():
    caught(SQUARE, lambda case: dense_differences(mistaken("backprop.dense"), case, "z"))


def flatten_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    x = case.arrays["x"]
    flat = np.random.default_rng(case.seed).integers(-9, 10, (case.batch, prod(case.x_shape[1:])))
    sources = {
        "autograd": gradient(lambda x: torch.flatten(x, 1), x, flat, device),
        "reshaped": flat.reshape(case.x_shape),
    }
    reality = Grid(("b", "c", *names(case.ndim, "i")), sources)
    numbers: dict[str, Any] = {**case.numbers, "C": case.inputs}
    model = Model(numbers, tensors={"x": entries(x), "delta": entries(flat)})
    return differences(stated, model, reality, limit=POINTS, seed=case.seed)


@covers("backprop.flatten")
def test_the_gradient_of_flattening_goes_back_to_its_place(ndim, device):
    (stated,) = claims("backprop.flatten", ndim)
    for_all(layers(ndim), lambda case: flatten_differences(stated, case, device), share=SHARE[ndim])


@refutes("backprop.flatten")
def test_the_mistake_of_the_entry_about_flattening_is_caught(ndim):
    caught(layers(ndim), lambda case: flatten_differences(mistaken("backprop.flatten", ndim), case))
