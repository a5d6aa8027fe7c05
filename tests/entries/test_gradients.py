"""The gradients of a layer: torch's autograd, nested loops, and the page's own words carried out with NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from convmath.oracle import reference
from convmath.proofs.layer import Layer

from .cases import SHARE, LayerCase, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import Changes, wrong_parameters
from .reality import CPU, conv, exchanged_correlation, full_correlation, gradient, loop_options, tensor

POINTS = 4
"""Entries at which the two sides are evaluated in each example."""


def cotangent(case: LayerCase) -> np.ndarray:
    """The gradient of the loss for the output."""
    return case.arrays["y"]


def gradients(case: LayerCase, of: str, device=CPU) -> dict[str, np.ndarray]:
    """The gradient for x, w or the bias, by autograd and by loops."""
    arrays, delta = case.arrays, cotangent(case)

    def layer(variable: torch.Tensor) -> torch.Tensor:
        given = {name: tensor(arrays[name], device) for name in ("x", "w", *(["bias"] if of == "bias" else []))}
        return conv(case, *(given | {of: variable}).values())

    loops = {
        "x": lambda: reference.conv_grad_input(delta, arrays["w"], input_size=case.each("n"), **loop_options(case)),
        "w": lambda: reference.conv_grad_weight(arrays["x"], delta, kernel_size=case.each("k"), **loop_options(case)),
        "bias": lambda: reference.conv_grad_bias(delta),
    }
    return {"autograd": gradient(layer, arrays[of], delta, device), "loops": loops[of]()}


def indices(case: LayerCase, of: str) -> tuple[str, ...]:
    """The indices of an entry of x, w or the bias."""
    return {"x": ("b", "c", *names(case.ndim, "i")), "w": ("f", "u", *names(case.ndim, "m")), "bias": ("f",)}[of]


def gradient_differences(stated: tuple[Claim, ...], case: LayerCase, of: str, device=CPU, **more: Any) -> list[str]:
    """Where a claim about the gradient for x, w or the bias is not what autograd and the loops say."""
    model = case.model(**{name: case.arrays[name] for name in ("x", "w", "bias")}, delta=cotangent(case))
    reality = Grid(indices(case, of), gradients(case, of, device) | more)
    return [d for claim in stated for d in differences(claim, model, reality, limit=POINTS, seed=case.seed)]


def check_gradient(identifier: str, ndim: int, of: str, device) -> None:
    """The statements of an entry, in cases of this many axes."""
    stated = claims(identifier, ndim)
    for_all(layers(ndim), lambda case: gradient_differences(stated, case, of, device), share=SHARE[ndim])


def wrong_is_caught(wrong: Claim, ndim: int, of: str) -> None:
    """Some case tells the wrong claim from the gradient."""
    caught(layers(ndim), lambda case: gradient_differences((wrong,), case, of))


@covers("grad.input")
def test_the_loss_derivative_for_the_input_is_the_contraction_that_is_stated(ndim, device):
    check_gradient("grad.input", ndim, "x", device)


@refutes("grad.input")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_input_gradient_is_caught(ndim, mistake):
    (stated,) = claims("grad.input", ndim)
    wrong_is_caught(stated.wrong(wrong_parameters(ndim)[mistake], side=1), ndim, "x")


@refutes("grad.input")
def test_the_mistake_of_the_entry_about_the_input_is_caught(ndim):
    wrong_is_caught(mistaken("grad.input", ndim), ndim, "x")


@covers("grad.input.rot180")
def test_both_printed_forms_of_the_input_gradient_are_the_loss_derivative(ndim, device):
    stated = claims("grad.input.rot180", ndim)
    assert len(stated) == 2

    def differ(case: LayerCase) -> list[str]:
        delta = cotangent(case)
        forms = {"the flip": full_correlation(case, delta), "the roles exchanged": exchanged_correlation(case, delta)}
        return gradient_differences(stated, case, "x", device, **forms)

    for_all(layers(ndim), differ, share=SHARE[ndim])


@refutes("grad.input.rot180")
@pytest.mark.parametrize("mistake", wrong_parameters(1, flip=True))
def test_a_wrong_correlation_of_the_output_with_the_kernel_is_caught(ndim, mistake):
    wrong = claims("grad.input.rot180", ndim)[1].wrong(wrong_parameters(ndim, flip=True)[mistake], side=1)
    wrong_is_caught(wrong, ndim, "x")


@refutes("grad.input.rot180")
@pytest.mark.parametrize("mistake", [*wrong_parameters(1), "output not flipped"])
def test_a_wrong_correlation_of_the_kernel_with_the_output_is_caught(ndim, mistake):
    changes = {**wrong_parameters(ndim), "output not flipped": unflipped_output(ndim)}[mistake]
    wrong = claims("grad.input.rot180", ndim)[0].wrong(changes, side=1)
    wrong_is_caught(wrong, ndim, "x")


def unflipped_output(ndim: int) -> Changes:
    """Position t of the stretched output in place of s(K - 1) - t."""
    stretched = (symbol.name for symbol in Layer(ndim).fresh("t"))
    last = [("*", s, ("+", -1, size)) for s, size in zip(names(ndim, "s"), names(ndim, "K"), strict=True)]
    return {("+", ("*", -1, t), end): t for t, end in zip(stretched, last, strict=True)}


@refutes("grad.input.rot180")
def test_the_mistake_of_the_entry_about_the_flip_is_caught(ndim):
    wrong_is_caught(mistaken("grad.input.rot180", ndim), ndim, "x")


@covers("grad.weight")
def test_the_loss_derivative_for_the_kernel_is_the_contraction_that_is_stated(ndim, device):
    check_gradient("grad.weight", ndim, "w", device)


@refutes("grad.weight")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_kernel_gradient_is_caught(ndim, mistake):
    (stated,) = claims("grad.weight", ndim)
    wrong_is_caught(stated.wrong(wrong_parameters(ndim)[mistake], side=1), ndim, "w")


@refutes("grad.weight")
def test_the_mistake_of_the_entry_about_the_kernel_is_caught(ndim):
    wrong_is_caught(mistaken("grad.weight", ndim), ndim, "w")


@covers("grad.bias")
def test_the_loss_derivative_for_the_bias_is_the_sum_that_is_stated(ndim, device):
    check_gradient("grad.bias", ndim, "bias", device)


@refutes("grad.bias")
def test_a_bias_gradient_without_the_last_position_is_caught(ndim):
    (stated,) = claims("grad.bias", ndim)
    wrong_is_caught(stated.wrong({size: ("+", size, -1) for size in names(ndim, "K")}, side=1), ndim, "bias")


@refutes("grad.bias")
def test_the_mistake_of_the_entry_about_the_bias_is_caught(ndim):
    wrong_is_caught(mistaken("grad.bias", ndim), ndim, "bias")
