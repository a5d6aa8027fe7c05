"""Channels, groups and bias: torch's layer, nested loops, and correlations of single channels put together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis.strategies import SearchStrategy

from convmath.calculus.evaluate import Model

from .cases import SHARE, LayerCase, conv_axis, entries, fresh, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import Changes, wrong_parameters
from .reality import CPU, Array, conv, exact, loops_conv, tensor

POINTS = 4


def single(case: LayerCase) -> LayerCase:
    """The same windows, one channel in and one out."""
    return replace(case, groups=1, inputs_per_group=1, outputs_per_group=1)


def responses(case: LayerCase, x: Array, w: Array) -> Array:
    """``v[b, f, u, k]``: each channel of a group correlated by itself."""
    shape = (*case.y_shape[:2], case.inputs_per_group, *case.each("K"))
    found = np.zeros(shape, np.int64)
    for f in range(case.outputs):
        first = f // case.outputs_per_group * case.inputs_per_group
        for u in range(case.inputs_per_group):
            source, kernel = x[:, first + u : first + u + 1], w[f : f + 1, u : u + 1]
            found[:, f, u] = exact(conv(single(case), tensor(source), tensor(kernel)))[:, 0]
    return found


def sum_differences(stated: Claim, case: LayerCase, device=CPU, *, bias: bool = False) -> list[str]:
    x, w = case.arrays["x"], case.arrays["w"]
    beta = case.arrays["bias"] if bias else None
    sources = {
        "torch": exact(conv(case, tensor(x, device), tensor(w, device), tensor(beta, device) if bias else None)),
        "loops": loops_conv(case, x, w, beta),
    }
    more = {"beta": beta} if bias else {}
    model = case.model(x=x, w=w, v=responses(case, x, w), **more)
    reality = Grid(("b", "f", *names(case.ndim, "k")), sources)
    over = {("u",): [(u,) for u in range(case.inputs_per_group)]}
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


@covers("channels.sum")
def test_a_layer_adds_up_the_responses_of_its_channels(ndim, device):
    (stated,) = claims("channels.sum", ndim)
    for_all(layers(ndim), lambda case: sum_differences(stated, case, device), share=SHARE[ndim])


@refutes("channels.sum")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_layer_of_many_channels_is_caught(ndim, mistake):
    (stated,) = claims("channels.sum", ndim)
    wrong = stated.wrong(wrong_parameters(ndim)[mistake], side=0)
    caught(layers(ndim), lambda case: sum_differences(wrong, case))


@refutes("channels.sum")
def test_leaving_out_a_channel_is_caught(ndim):
    (stated,) = claims("channels.sum", ndim)
    wrong = stated.wrong({"C_g": ("+", -1, "C_g")}, side=1)
    caught(layers(ndim), lambda case: sum_differences(wrong, case))


@refutes("channels.sum")
def test_the_mistake_of_the_entry_about_the_first_channel_is_caught(ndim):
    caught(layers(ndim), lambda case: sum_differences(mistaken("channels.sum", ndim), case))


def group_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """The outputs of one group, from the whole layer and from a layer of its own."""
    group, outputs, inputs = case.seed % case.groups, case.outputs_per_group, case.inputs_per_group
    x, w = case.arrays["x"], case.arrays["w"]
    own = slice(group * outputs, (group + 1) * outputs)
    read = x[:, group * inputs : (group + 1) * inputs]
    sources = {
        "the layer": exact(conv(case, tensor(x, device), tensor(w, device)))[:, own],
        "a layer of its own": exact(conv(replace(case, groups=1), tensor(read, device), tensor(w[own], device))),
        "loops": loops_conv(case, x, w)[:, own],
    }
    model = case.model(x=x, w=w).extended({"g": group})
    return differences(stated, model, Grid(("b", "e", *names(case.ndim, "k")), sources), limit=POINTS, seed=case.seed)


@covers("channels.groups")
def test_a_group_is_a_layer_of_its_own(ndim, device):
    (stated,) = claims("channels.groups", ndim)
    for_all(layers(ndim), lambda case: group_differences(stated, case, device), share=SHARE[ndim])


def wrong_groups(ndim: int, side: int) -> dict[str, Changes]:
    """On the left the first group for all; on the right a group of the wrong size, or the wrong windows."""
    if side == 0:
        output = ("+", "e", ("*", "F_g", "g"))
        return {**wrong_parameters(ndim, channels=False), "the first group for all": {("div", output, "F_g"): 0}}
    return {
        **wrong_parameters(ndim, channels=False),
        "inputs counted by the outputs": {("*", "C_g", "g"): ("*", "F_g", "g")},
        "outputs counted by the inputs": {("*", "F_g", "g"): ("*", "C_g", "g")},
    }


@refutes("channels.groups")
@pytest.mark.parametrize(("side", "mistake"), [(side, name) for side in (0, 1) for name in wrong_groups(1, side)])
def test_a_wrong_group_is_caught(ndim, side, mistake):
    (stated,) = claims("channels.groups", ndim)
    wrong = stated.wrong(wrong_groups(ndim, side)[mistake], side=side)
    caught(layers(ndim), lambda case: group_differences(wrong, case))


@refutes("channels.groups")
def test_the_mistake_of_the_entry_about_groups_is_caught(ndim):
    caught(layers(ndim), lambda case: group_differences(mistaken("channels.groups", ndim), case))


def pixelwise(ndim: int) -> SearchStrategy[LayerCase]:
    """Layers with one tap, without padding, of one group."""

    def one_tap(case: LayerCase) -> LayerCase:
        axes = tuple(conv_axis(a.n, 1, a.s, a.d, 0, 0) for a in case.axes)
        return replace(case, axes=axes, groups=1, inputs_per_group=case.inputs, outputs_per_group=case.outputs)

    return layers(ndim).map(one_tap)


def pixel_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    x, w = case.arrays["x"], case.arrays["w"]
    steps = (slice(None), slice(None), *(slice(None, None, s) for s in case.each("s")))
    matrix = w.reshape(w.shape[:2])
    sources = {
        "torch": exact(conv(case, tensor(x, device), tensor(w, device))),
        "a matrix product": np.einsum("fc,bc...->bf...", matrix, x[steps]),
    }
    reality = Grid(("b", "f", *names(case.ndim, "k")), sources)
    return differences(stated, case.model(x=x, w=w), reality, limit=POINTS, seed=case.seed)


@covers("channels.one_by_one")
def test_a_1x1_convolution_is_a_matrix_product(ndim, device):
    (stated,) = claims("channels.one_by_one", ndim)
    for_all(pixelwise(ndim), lambda case: pixel_differences(stated, case, device), share=SHARE[ndim])


@refutes("channels.one_by_one")
@pytest.mark.parametrize("side", [0, 1])
def test_a_1x1_convolution_without_its_stride_is_caught(ndim, side):
    (stated,) = claims("channels.one_by_one", ndim)
    wrong = stated.wrong(dict.fromkeys(names(ndim, "s"), 1), side=side)
    caught(pixelwise(ndim), lambda case: pixel_differences(wrong, case))


@refutes("channels.one_by_one")
def test_the_mistake_of_the_transposed_matrix_is_caught(ndim):
    def square(case: LayerCase) -> LayerCase:
        return replace(case, outputs_per_group=case.inputs_per_group)

    wrong = mistaken("channels.one_by_one", ndim)
    caught(pixelwise(ndim).map(square), lambda case: pixel_differences(wrong, case))


def shape_differences(stated: Claim, case: LayerCase) -> list[str]:
    """The number of elements that torch's layer gives."""
    shape = conv(case, *(tensor(case.arrays[name]).to("meta") for name in "xw")).shape
    right = dict(zip(fresh(case.ndim, "p_r"), case.each("hi"), strict=True))
    numbers = case.numbers | dict(zip(names(case.ndim, "K"), shape[2:], strict=True)) | right
    return differences(stated, Model(numbers), Grid((), {"torch": shape.numel()}))


@covers("layer.forward")
def test_a_layer_adds_its_bias_to_the_responses(ndim, device):
    net, _, _ = claims("layer.forward", ndim)
    for_all(layers(ndim), lambda case: sum_differences(net, case, device, bias=True), share=SHARE[ndim])


ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "ReLU": torch.relu,
    "square": torch.square,
    "leaky ReLU": lambda z: torch.nn.functional.leaky_relu(z, 2.0),
}


def output_differences(stated: Claim, case: LayerCase, activation: str, device=CPU) -> list[str]:
    """torch's activation of torch's layer, and the same of the loops."""
    x, w, beta, function = case.arrays["x"], case.arrays["w"], case.arrays["bias"], ACTIVATIONS[activation]
    net = loops_conv(case, x, w, beta).astype(np.int64)
    sources = {
        "torch": exact(function(conv(case, tensor(x, device), tensor(w, device), tensor(beta, device)))),
        "loops": exact(function(tensor(net))),
    }
    model = case.model(x=x, w=w, v=responses(case, x, w), beta=beta, z=net, y=sources["torch"])
    model.tables["tensor"]["a"] = lambda number: int(function(tensor(number)))
    positions = names(case.ndim, "k")
    reality = Grid(("b", "f", *positions), sources)
    first = (0, 0, *[0] * case.ndim)
    over = {("u",): [(u,) for u in range(case.inputs_per_group)], ("b", "f", *positions): [first]}
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


@covers("layer.forward")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_layer_applies_one_activation_to_every_net_input(ndim, activation, device):
    _, stated, _ = claims("layer.forward", ndim)
    for_all(layers(ndim), lambda case: output_differences(stated, case, activation, device), share=SHARE[ndim])


@refutes("layer.forward")
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_an_activation_of_another_net_input_is_caught(ndim, activation):
    _, stated, _ = claims("layer.forward", ndim)
    wrong = stated.wrong({("tensor", "beta", "f"): ("tensor", "x", *[0] * (2 + ndim))}, side=1)
    caught(layers(ndim), lambda case: output_differences(wrong, case, activation))


@covers("layer.forward")
def test_a_layer_gives_as_many_elements_as_torch(ndim):
    _, _, shape = claims("layer.forward", ndim)
    for_all(layers(ndim), lambda case: shape_differences(shape, case), share=SHARE[ndim])


@refutes("layer.forward")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_net_input_is_caught(ndim, mistake):
    net, _, _ = claims("layer.forward", ndim)
    wrong = net.wrong(wrong_parameters(ndim)[mistake], side=0)
    caught(layers(ndim), lambda case: sum_differences(wrong, case, bias=True))


@refutes("layer.forward")
@pytest.mark.parametrize("mistake", ["dilation dropped", "stride dropped", "padding off by one"])
def test_a_wrong_number_of_windows_is_caught(ndim, mistake):
    _, _, shape = claims("layer.forward", ndim)
    wrong = shape.wrong(wrong_parameters(ndim)[mistake], side=0)
    caught(layers(ndim), lambda case: shape_differences(wrong, case))


@refutes("layer.forward")
def test_forgetting_the_batch_in_the_shape_is_caught(ndim):
    _, _, shape = claims("layer.forward", ndim)
    caught(layers(ndim), lambda case: shape_differences(shape.wrong({"B": 1}, side=1), case))


@refutes("layer.forward")
def test_the_mistake_of_the_entry_about_the_bias_is_caught(ndim):
    wrong = mistaken("layer.forward", ndim)
    caught(layers(ndim), lambda case: sum_differences(wrong, case, bias=True))


def test_the_responses_of_a_small_layer_add_up_by_hand():
    case = LayerCase((conv_axis(2, 1, 1, 1, 0, 0),), 1, 1, 2, 1, 0)
    x, w = np.array([[[1, 2], [10, 20]]]), np.array([[[3], [4]]])
    assert responses(case, x, w).tolist() == [[[[3, 6], [40, 80]]]]
    assert entries(responses(case, x, w))[0, 0, 1, 1] == 80
