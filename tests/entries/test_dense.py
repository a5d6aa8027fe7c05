"""Dense and convolution layers: the matrix that torch's convolution has, and the weights that torch's layers hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis.strategies import SearchStrategy

from convmath.calculus.evaluate import Model

from .cases import SHARE, LayerCase, conv_axis, entries, fresh, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import wrong_parameters
from .reality import CPU, Array, conv, exact, loops_conv, matrix, tensor

POINTS = 4


def undilated(ndim: int) -> SearchStrategy[LayerCase]:
    """Layers of one group without dilation."""

    def plain(case: LayerCase) -> LayerCase:
        axes = tuple(conv_axis(a.n + a.reach, a.k, a.s, 1, a.lo, a.hi) for a in case.axes)
        return replace(case, axes=axes, groups=1, inputs_per_group=case.inputs, outputs_per_group=case.outputs)

    return layers(ndim).map(plain)


def weights(case: LayerCase) -> Array:
    """``a[f, k, c, i]``: the matrix of torch's convolution."""
    return matrix(case).reshape(*case.y_shape[1:], *case.x_shape[1:])


def windows(case: LayerCase) -> list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Some output positions and input positions, and the offset of one in the window of the other."""
    generator = np.random.default_rng(case.seed)
    found = []
    for _ in range(POINTS):
        k, i = (tuple(int(generator.integers(size)) for size in case.each(part)) for part in ("K", "n"))
        found.append((k, i, tuple(at - a.s * o + a.lo for at, a, o in zip(i, case.axes, k, strict=True))))
    return found


def wide_kernel(case: LayerCase) -> Callable[..., int]:
    """A kernel without end: weights that are shared and not local."""
    return lambda *index: (7 * sum((place + 2) * at for place, at in enumerate(index, 1))) % 5 - 2


def dense_differences(stated: Claim, case: LayerCase, device=CPU, *, local: bool = True) -> list[str]:
    """A dense layer whose weights are shared, and local unless said otherwise."""
    x, w = case.arrays["x"], entries(case.arrays["w"])
    kernel: Any = (lambda *index: w.get(index, 0)) if local else wide_kernel(case)
    a = weights(case)
    if not local:
        for at in np.ndindex(a.shape):
            f, k, c, i = at[0], at[1 : 1 + case.ndim], at[1 + case.ndim], at[-case.ndim :]
            a[at] = kernel(f, c, *(j - axis.s * o + axis.lo for j, axis, o in zip(i, case.axes, k, strict=True)))
    product = (x.reshape(case.batch, -1) @ a.reshape(prod(case.y_shape[1:]), -1).T).reshape(case.y_shape)
    sources = {"a dense layer": product}
    if local:
        sources |= {
            "torch": exact(conv(case, tensor(x, device), tensor(case.arrays["w"], device))),
            "loops": loops_conv(case, x, case.arrays["w"]),
        }
    model = Model(case.numbers | {"C": case.inputs}, tensors={"x": entries(x), "a": entries(a), "w": kernel})
    k, m = names(case.ndim, "k"), names(case.ndim, "m")
    outside = [(0, 0, *(a.k for a in case.axes)), (0, 0, *[-1] * case.ndim)]
    over = {
        ("f", *k, "c", *m): [(0, *at, 0, *offset) for at, _, offset in windows(case)],
        ("f", "c", *m): outside,
    }
    reality = Grid(("b", "f", *k), sources)
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


@covers("dense.to_convolution")
def test_a_dense_layer_with_shared_local_weights_is_torchs_convolution(ndim, device):
    (stated,) = claims("dense.to_convolution", ndim)
    for_all(undilated(ndim), lambda case: dense_differences(stated, case, device), share=SHARE[ndim])


@refutes("dense.to_convolution")
@pytest.mark.parametrize("mistake", ["stride dropped", "padding off by one", "padding sides exchanged"])
def test_a_wrong_correlation_in_place_of_the_dense_layer_is_caught(ndim, mistake):
    (stated,) = claims("dense.to_convolution", ndim)
    wrong = stated.wrong(wrong_parameters(ndim)[mistake], side=1)
    caught(undilated(ndim), lambda case: dense_differences(wrong, case))


@refutes("dense.to_convolution")
def test_the_mistake_that_sharing_alone_is_enough_is_caught(ndim):
    wrong = mistaken("dense.to_convolution", ndim)
    caught(undilated(ndim), lambda case: dense_differences(wrong, case, local=False))


def layer_model(case: LayerCase, **more: int) -> Model:
    x, w = case.arrays["x"], case.arrays["w"]
    return case.model(x=x, w=w, a=weights(case)).extended(more)


def weight_names(case: LayerCase) -> tuple[str, ...]:
    return ("f", *names(case.ndim, "k"), "c", *names(case.ndim, "i"))


def layer_over(case: LayerCase) -> dict[Any, Any]:
    """Where the definition of the weights is checked."""
    channels = (case.outputs - 1, case.inputs - 1)
    return {weight_names(case): [(channels[0], *k, channels[1], *i) for k, i, _ in windows(case)]}


def whole_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    x, w = case.arrays["x"], case.arrays["w"]
    sources = {"torch": exact(conv(case, tensor(x, device), tensor(w, device))), "loops": loops_conv(case, x, w)}
    reality = Grid(("b", "f", *names(case.ndim, "k")), sources)
    return differences(stated, layer_model(case), reality, limit=POINTS, seed=case.seed, over=layer_over(case))


def local_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    reality = Grid(weight_names(case), {"torch's matrix": weights(case)})
    return differences(stated, layer_model(case), reality, limit=4 * POINTS, seed=case.seed, over=layer_over(case))


def shared_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """From one window to another, where both and both input elements exist."""
    a, found = weights(case), []
    for (k, i, _), (other, _, _) in zip(windows(case), windows(case)[1:], strict=False):
        t = [there - here for there, here in zip(other, k, strict=True)]
        moved = tuple(at + axis.s * e for at, axis, e in zip(i, case.axes, t, strict=True))
        if not all(0 <= at < axis.n for at, axis in zip(moved, case.axes, strict=True)):
            continue
        point = dict(zip(weight_names(case), (0, *k, 0, *i), strict=True))
        numbers = point | dict(zip(fresh(case.ndim, "t"), t, strict=True))
        sources = {"here": a[0][k][0][i], "there": a[0][other][0][moved]}
        found += differences(stated, layer_model(case, **numbers), Grid((), sources), over=layer_over(case))
    return found


TO_DENSE = {"local": local_differences, "shared": shared_differences, "whole": whole_differences}
"""The statements of ``convolution.to_dense``, in its order."""


@covers("convolution.to_dense")
@pytest.mark.parametrize("statement", TO_DENSE)
def test_a_convolution_is_a_dense_layer_with_torchs_matrix(ndim, statement, device):
    stated = dict(zip(TO_DENSE, claims("convolution.to_dense", ndim), strict=True))[statement]
    for_all(layers(ndim), lambda case: TO_DENSE[statement](stated, case, device), share=SHARE[ndim])


@refutes("convolution.to_dense")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_layer_in_place_of_the_dense_one_is_caught(ndim, mistake):
    *_, whole = claims("convolution.to_dense", ndim)
    wrong = whole.wrong(wrong_parameters(ndim)[mistake], side=0)
    caught(layers(ndim), lambda case: whole_differences(wrong, case))


@refutes("convolution.to_dense")
@pytest.mark.parametrize("mistake", ["dilation dropped", "stride dropped", "padding off by one"])
def test_a_wrong_window_of_the_weights_is_caught(ndim, mistake):
    local, *_ = claims("convolution.to_dense", ndim)
    wrong = local.wrong(wrong_parameters(ndim)[mistake], side=1)
    caught(layers(ndim), lambda case: local_differences(wrong, case))


@refutes("convolution.to_dense")
def test_weights_that_move_without_the_stride_are_caught(ndim):
    _, shared, _ = claims("convolution.to_dense", ndim)
    caught(layers(ndim), lambda case: shared_differences(shared.wrong(dict.fromkeys(names(ndim, "s"), 1)), case))


@refutes("convolution.to_dense")
def test_the_mistake_of_the_entry_about_equal_weights_is_caught(ndim):
    wrong = mistaken("convolution.to_dense", ndim)
    caught(layers(ndim), lambda case: shared_differences(wrong, case))


_CONV = {1: torch.nn.Conv1d, 2: torch.nn.Conv2d, 3: torch.nn.Conv3d}


def count_differences(stated: tuple[Claim, Claim], case: LayerCase) -> list[str]:
    """What torch's layers hold."""
    of_conv, of_dense = stated
    layer = _CONV[case.ndim](case.inputs, case.outputs, case.each("k"), groups=case.groups, device="meta")
    dense = torch.nn.Linear(prod(case.x_shape[1:]), prod(case.y_shape[1:]), device="meta")
    model = Model(case.numbers | {"F": case.outputs, "C": case.inputs})
    return [
        difference
        for claim, held in ((of_conv, layer), (of_dense, dense))
        for difference in differences(claim, model, Grid((), {"torch": held.weight.numel()}))
    ]


@covers("dense.weights")
def test_the_numbers_of_weights_are_those_of_torchs_layers(ndim):
    stated = claims("dense.weights", ndim)
    for_all(layers(ndim), lambda case: count_differences(stated, case), share=SHARE[ndim])


@refutes("dense.weights")
@pytest.mark.parametrize("forgotten", ["F", "C_g", "M", "K", "C", "I"])
@pytest.mark.parametrize("side", [0, 1])
def test_forgetting_a_factor_of_the_number_of_weights_is_caught(ndim, side, forgotten):
    stated = claims("dense.weights", ndim)
    number = 0 if forgotten in ("C_g", "M") else 1
    wrong = stated[number].wrong({forgotten: 1}, side=side)
    pair = (wrong, stated[1]) if number == 0 else (stated[0], wrong)
    caught(layers(ndim), lambda case: count_differences(pair, case))


@refutes("dense.weights")
def test_the_mistake_of_the_entry_about_the_channels_is_caught(ndim):
    wrong = mistaken("dense.weights", ndim)
    caught(layers(ndim), lambda case: count_differences((claims("dense.weights", ndim)[0], wrong), case))


def test_a_dense_layer_on_a_picture_of_1920_by_1080_pixels_has_two_thousand_million_weights():
    _, of_dense = claims("dense.weights", 2)
    sizes = {"F": 1000, "K": 1, "L": 1, "C": 1, "I": 1080, "J": 1920}
    layer = torch.nn.Linear(1920 * 1080, 1000, device="meta")
    assert Model(sizes).value(of_dense.sides[1]) == layer.weight.numel() == 2_073_600_000
