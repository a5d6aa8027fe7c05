"""The gradient for the bias of a transposed convolution: torch's autograd and loops."""

from __future__ import annotations

import pytest

from convmath.oracle import reference

from .cases import SHARE, LayerCase, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .reality import CPU, conv_transpose, gradient, tensor


def bias_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    y, w, delta = case.arrays["y"], case.arrays["w"], case.arrays["x"]
    beta = delta.sum((0, *range(2, delta.ndim)))
    shape = (1, -1, *[1] * case.ndim)
    sources = {
        "autograd": gradient(
            lambda bias: conv_transpose(case, tensor(y, device), tensor(w, device)) + bias.reshape(shape),
            beta,
            delta,
            device,
        ),
        "loops": reference.conv_grad_bias(delta),
    }
    model = case.model(y=y, w=w, delta=delta, beta=beta)
    return differences(stated, model, Grid(("c",), sources))


@covers("transpose.grad.bias")
def test_the_bias_of_a_transposed_convolution_gets_the_sum_of_the_output_gradient(ndim, device):
    (stated,) = claims("transpose.grad.bias", ndim)
    strategy = layers(ndim, transposed=True)
    for_all(strategy, lambda case: bias_differences(stated, case, device), share=SHARE[ndim])


@refutes("transpose.grad.bias")
@pytest.mark.parametrize("size", ["B", "I"])
def test_a_forgotten_image_or_position_is_caught(ndim, size):
    forgotten = "B" if size == "B" else names(ndim, "I")[-1]
    wrong = claims("transpose.grad.bias", ndim)[0].wrong({forgotten: ("+", forgotten, -1)}, side=1)
    caught(layers(ndim, transposed=True), lambda case: bias_differences(wrong, case))


@refutes("transpose.grad.bias")
def test_the_mistake_of_the_entry_about_the_transposed_bias_is_caught(ndim):
    def smaller_input(case: LayerCase) -> list[str]:
        within = all(axis.n >= axis.K for axis in case.axes)
        return bias_differences(mistaken("transpose.grad.bias", ndim), case) if within else []

    caught(layers(ndim, transposed=True), smaller_input)
