"""The gradients of a layer: torch's autograd, nested loops, and the page's own words carried out with NumPy."""

from __future__ import annotations

import numpy as np
import pytest

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


def input_gradient(case: LayerCase, device=CPU) -> dict[str, np.ndarray]:
    """By autograd and by loops."""
    x, w, delta = case.arrays["x"], case.arrays["w"], cotangent(case)
    return {
        "autograd": gradient(lambda x: conv(case, x, tensor(w, device)), x, delta, device),
        "loops": reference.conv_grad_input(delta, w, input_size=case.each("n"), **loop_options(case)),
    }


def input_differences(stated: tuple[Claim, ...], case: LayerCase, device=CPU, **more: np.ndarray) -> list[str]:
    model = case.model(x=case.arrays["x"], w=case.arrays["w"], delta=cotangent(case))
    reality = Grid(("b", "c", *names(case.ndim, "i")), input_gradient(case, device) | more)
    return [d for claim in stated for d in differences(claim, model, reality, limit=POINTS, seed=case.seed)]


@covers("grad.input")
def test_the_loss_derivative_for_the_input_is_the_contraction_that_is_stated(ndim, device):
    stated = claims("grad.input", ndim)
    for_all(layers(ndim), lambda case: input_differences(stated, case, device), share=SHARE[ndim])


@refutes("grad.input")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_input_gradient_is_caught(ndim, mistake):
    (stated,) = claims("grad.input", ndim)
    wrong = stated.wrong(wrong_parameters(ndim)[mistake], side=1)
    caught(layers(ndim), lambda case: input_differences((wrong,), case))


@refutes("grad.input")
def test_the_mistake_of_the_entry_about_the_input_is_caught(ndim):
    caught(layers(ndim), lambda case: input_differences((mistaken("grad.input", ndim),), case))


@covers("grad.input.rot180")
def test_both_printed_forms_of_the_input_gradient_are_the_loss_derivative(ndim, device):
    stated = claims("grad.input.rot180", ndim)
    assert len(stated) == 2

    def differ(case: LayerCase) -> list[str]:
        delta = cotangent(case)
        forms = {"the flip": full_correlation(case, delta), "the roles exchanged": exchanged_correlation(case, delta)}
        return input_differences(stated, case, device, **forms)

    for_all(layers(ndim), differ, share=SHARE[ndim])


@refutes("grad.input.rot180")
@pytest.mark.parametrize("mistake", wrong_parameters(1, flip=True))
def test_a_wrong_correlation_of_the_output_with_the_kernel_is_caught(ndim, mistake):
    wrong = claims("grad.input.rot180", ndim)[1].wrong(wrong_parameters(ndim, flip=True)[mistake], side=1)
    caught(layers(ndim), lambda case: input_differences((wrong,), case))


@refutes("grad.input.rot180")
@pytest.mark.parametrize("mistake", [*wrong_parameters(1), "output not flipped"])
def test_a_wrong_correlation_of_the_kernel_with_the_output_is_caught(ndim, mistake):
    changes = {**wrong_parameters(ndim), "output not flipped": unflipped_output(ndim)}[mistake]
    wrong = claims("grad.input.rot180", ndim)[0].wrong(changes, side=1)
    caught(layers(ndim), lambda case: input_differences((wrong,), case))


def unflipped_output(ndim: int) -> Changes:
    """Position t of the stretched output in place of s(K - 1) - t."""
    stretched = (symbol.name for symbol in Layer(ndim).fresh("t"))
    last = [("*", s, ("+", -1, size)) for s, size in zip(names(ndim, "s"), names(ndim, "K"), strict=True)]
    return {("+", ("*", -1, t), end): t for t, end in zip(stretched, last, strict=True)}


@refutes("grad.input.rot180")
def test_the_mistake_of_the_entry_about_the_flip_is_caught(ndim):
    caught(layers(ndim), lambda case: input_differences((mistaken("grad.input.rot180", ndim),), case))


def weight_differences(stated: tuple[Claim, ...], case: LayerCase, device=CPU) -> list[str]:
    x, w, delta = case.arrays["x"], case.arrays["w"], cotangent(case)
    reality = Grid(
        ("f", "u", *names(case.ndim, "m")),
        {
            "autograd": gradient(lambda w: conv(case, tensor(x, device), w), w, delta, device),
            "loops": reference.conv_grad_weight(x, delta, kernel_size=case.each("k"), **loop_options(case)),
        },
    )
    model = case.model(x=x, w=w, delta=delta)
    return [d for claim in stated for d in differences(claim, model, reality, limit=POINTS, seed=case.seed)]


@covers("grad.weight")
def test_the_loss_derivative_for_the_kernel_is_the_contraction_that_is_stated(ndim, device):
    stated = claims("grad.weight", ndim)
    for_all(layers(ndim), lambda case: weight_differences(stated, case, device), share=SHARE[ndim])


@refutes("grad.weight")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_kernel_gradient_is_caught(ndim, mistake):
    (stated,) = claims("grad.weight", ndim)
    wrong = stated.wrong(wrong_parameters(ndim)[mistake], side=1)
    caught(layers(ndim), lambda case: weight_differences((wrong,), case))


@refutes("grad.weight")
def test_the_mistake_of_the_entry_about_the_kernel_is_caught(ndim):
    caught(layers(ndim), lambda case: weight_differences((mistaken("grad.weight", ndim),), case))


def bias_differences(stated: tuple[Claim, ...], case: LayerCase, device=CPU) -> list[str]:
    x, w, bias, delta = case.arrays["x"], case.arrays["w"], case.arrays["bias"], cotangent(case)
    reality = Grid(
        ("f",),
        {
            "autograd": gradient(lambda b: conv(case, tensor(x, device), tensor(w, device), b), bias, delta, device),
            "loops": reference.conv_grad_bias(delta),
        },
    )
    model = case.model(x=x, w=w, bias=bias, delta=delta)
    return [d for claim in stated for d in differences(claim, model, reality, limit=POINTS, seed=case.seed)]


@covers("grad.bias")
def test_the_loss_derivative_for_the_bias_is_the_sum_that_is_stated(ndim, device):
    stated = claims("grad.bias", ndim)
    for_all(layers(ndim), lambda case: bias_differences(stated, case, device), share=SHARE[ndim])


@refutes("grad.bias")
def test_a_bias_gradient_without_the_last_position_is_caught(ndim):
    (stated,) = claims("grad.bias", ndim)
    wrong = stated.wrong({size: ("+", size, -1) for size in names(ndim, "K")}, side=1)
    caught(layers(ndim), lambda case: bias_differences((wrong,), case))


@refutes("grad.bias")
def test_the_mistake_of_the_entry_about_the_bias_is_caught(ndim):
    caught(layers(ndim), lambda case: bias_differences((mistaken("grad.bias", ndim),), case))
