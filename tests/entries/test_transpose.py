"""The transposed convolution: the matrix that torch's convolution has, its transpose, and torch's own function."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from convmath.calculus.evaluate import Model
from convmath.oracle import reference

from .cases import SHARE, Axis, LayerCase, count_windows, layers, names, transposed_axes
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import Changes, wrong_parameters
from .reality import (
    CPU,
    conv,
    conv_transpose,
    exact,
    full_correlation,
    gradient,
    loop_options,
    loops_conv,
    matrix,
    tensor,
)

POINTS = 4


def row_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """A convolution against the rows of its matrix."""
    x, w = case.arrays["x"], case.arrays["w"]
    sources = {
        "torch": exact(conv(case, tensor(x, device), tensor(w, device))),
        "the matrix": (x.reshape(case.batch, -1) @ matrix(case, device).T).reshape(case.y_shape),
        "loops": loops_conv(case, x, w),
    }
    reality = Grid(("b", "f", *names(case.ndim, "k")), sources)
    return differences(stated, case.model(x=x, w=w), reality, limit=POINTS, seed=case.seed)


def column_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """A transposed convolution against the columns of the same matrix."""
    y, w = case.arrays["y"], case.arrays["w"]
    sources = {
        "torch": exact(conv_transpose(case, tensor(y, device), tensor(w, device))),
        "the matrix": (y.reshape(case.batch, -1) @ matrix(case, device)).reshape(case.x_shape),
        "loops": reference.conv_grad_input(y, w, input_size=case.each("n"), **loop_options(case)),
    }
    reality = Grid(("b", "c", *names(case.ndim, "i")), sources)
    return differences(stated, case.model(y=y, w=w), reality, limit=POINTS, seed=case.seed)


def inner_product_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """``<y, A x>`` and ``<A' y, x>``, each from torch's own function."""
    x, w, y = (case.arrays[name] for name in "xwy")
    sources = {
        "<y, A x>": (exact(conv(case, tensor(x, device), tensor(w, device))) * y).sum(),
        "<A' y, x>": (exact(conv_transpose(case, tensor(y, device), tensor(w, device))) * x).sum(),
    }
    return differences(stated, case.model(x=x, w=w, y=y), Grid((), sources))


ADJOINT = {"rows": row_differences, "columns": column_differences, "inner products": inner_product_differences}
"""The statements of ``transpose.adjoint``, in its order."""


@covers("transpose.adjoint")
@pytest.mark.parametrize("statement", ADJOINT)
def test_convolution_and_transposed_convolution_are_a_matrix_and_its_transpose(ndim, statement, device):
    stated = dict(zip(ADJOINT, claims("transpose.adjoint", ndim), strict=True))[statement]
    for_all(layers(ndim), lambda case: ADJOINT[statement](stated, case, device), share=SHARE[ndim])


@refutes("transpose.adjoint")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
@pytest.mark.parametrize("statement", ADJOINT)
def test_a_wrong_matrix_is_caught(ndim, statement, mistake):
    stated = dict(zip(ADJOINT, claims("transpose.adjoint", ndim), strict=True))[statement]
    wrong = stated.wrong(wrong_parameters(ndim)[mistake], side=1)
    caught(layers(ndim), lambda case: ADJOINT[statement](wrong, case))


@refutes("transpose.adjoint")
def test_the_mistake_of_the_entry_about_the_transpose_is_caught(ndim):
    caught(layers(ndim), lambda case: column_differences(mistaken("transpose.adjoint", ndim), case))


def transposed_options(case: LayerCase) -> dict:
    """The options of the transposed convolution for the nested loops."""
    return {**loop_options(case), "output_padding": case.each("output_padding")}


def insertion_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    y, w = case.arrays["y"], case.arrays["w"]
    sources = {
        "torch": exact(conv_transpose(case, tensor(y, device), tensor(w, device))),
        "zeros inserted": full_correlation(case, y),
        "loops": reference.conv_transpose_forward(y, w, **transposed_options(case)),
    }
    reality = Grid(("b", "c", *names(case.ndim, "i")), sources)
    return differences(stated, case.model(y=y, w=w), reality, limit=POINTS, seed=case.seed)


@covers("transpose.zero_insertion")
def test_a_transposed_convolution_is_the_correlation_with_zeros_inserted(ndim, device):
    _, stated = claims("transpose.zero_insertion", ndim)
    strategy = layers(ndim, transposed=True)
    for_all(strategy, lambda case: insertion_differences(stated, case, device), share=SHARE[ndim])


@refutes("transpose.zero_insertion")
@pytest.mark.parametrize("mistake", wrong_parameters(1, flip=True))
def test_a_wrong_zero_insertion_is_caught(ndim, mistake):
    wrong = claims("transpose.zero_insertion", ndim)[1].wrong(wrong_parameters(ndim, flip=True)[mistake], side=1)
    caught(layers(ndim, transposed=True), lambda case: insertion_differences(wrong, case))


@refutes("transpose.zero_insertion")
def test_the_mistake_of_the_entry_about_zero_insertion_is_caught(ndim):
    wrong = mistaken("transpose.zero_insertion", ndim)
    caught(layers(ndim, transposed=True), lambda case: insertion_differences(wrong, case))


def size_differences(stated: Claim, axis: Axis, ndim: int) -> list[str]:
    """The two sizes on the first axis against torch's, and the windows of the stretched, padded input."""
    reach, meta = axis.reach, [torch.empty(1, 1, size, device="meta") for size in (axis.K, axis.k)]
    sources = {
        "torch": conv_transpose(LayerCase((axis,), 1, 1, 1, 1, 0), *meta).shape[-1],
        "windows": count_windows(
            axis.s * (axis.K - 1) + 1, axis.k, 1, axis.d, reach - axis.lo, reach - axis.hi + axis.output_padding
        ),
    }
    ours = {"K": axis.K, "M": axis.k, "s": axis.s, "d": axis.d, "p": axis.lo}
    numbers = {names(ndim, part)[0]: number for part, number in ours.items()}
    return differences(stated, Model({**numbers, "p_r": axis.hi, "a": axis.output_padding}), Grid((), sources))


@covers("transpose.zero_insertion")
def test_the_input_with_zeros_inserted_has_the_size_that_torch_gives(ndim):
    stated, _ = claims("transpose.zero_insertion", ndim)
    for_all(transposed_axes(beyond=0), lambda axis: size_differences(stated, axis, ndim))


def size_mistakes(ndim: int) -> dict[str, Changes]:
    """On the first axis."""
    s, d = (names(ndim, part)[0] for part in "sd")
    return {
        "dilation dropped": {d: 1},
        "stride and dilation exchanged": {s: d, d: s},
        "off by one": {1: 2},
        "output padding forgotten": {"a": 0},
        "padding on one side only": {"p_r": 0},
    }


@refutes("transpose.zero_insertion")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", size_mistakes(1))
def test_a_wrong_size_is_caught(ndim, side, mistake):
    wrong = claims("transpose.zero_insertion", ndim)[0].wrong(size_mistakes(ndim)[mistake], side=side)
    caught(transposed_axes(beyond=0), lambda axis: size_differences(wrong, axis, ndim))


def kernel_gradient_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    y, w, delta = case.arrays["y"], case.arrays["w"], case.arrays["x"]
    kernel_size = case.each("k")
    sources = {
        "autograd": gradient(lambda w: conv_transpose(case, tensor(y, device), w), w, delta, device),
        "loops": reference.conv_transpose_grad_weight(y, delta, kernel_size=kernel_size, **transposed_options(case)),
    }
    reality = Grid(("f", "u", *names(case.ndim, "m")), sources)
    return differences(stated, case.model(y=y, w=w, delta=delta), reality, limit=POINTS, seed=case.seed)


def input_gradient_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    y, w, delta = case.arrays["y"], case.arrays["w"], case.arrays["x"]
    input_size = case.each("K")
    sources = {
        "autograd": gradient(lambda y: conv_transpose(case, y, tensor(w, device)), y, delta, device),
        "loops": reference.conv_transpose_grad_input(delta, w, input_size=input_size, **transposed_options(case)),
    }
    reality = Grid(("b", "f", *names(case.ndim, "k")), sources)
    return differences(stated, case.model(y=y, w=w, delta=delta), reality, limit=POINTS, seed=case.seed)


GRADIENTS = {"kernel": kernel_gradient_differences, "input": input_gradient_differences}
"""The statements of ``transpose.grad``, in its order."""


@covers("transpose.grad")
@pytest.mark.parametrize("of", GRADIENTS)
def test_the_loss_derivative_of_a_transposed_convolution_is_the_contraction_that_is_stated(ndim, of, device):
    stated = dict(zip(GRADIENTS, claims("transpose.grad", ndim), strict=True))[of]
    strategy = layers(ndim, transposed=True)
    for_all(strategy, lambda case: GRADIENTS[of](stated, case, device), share=SHARE[ndim])


@refutes("transpose.grad")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
@pytest.mark.parametrize("of", GRADIENTS)
def test_a_wrong_gradient_of_a_transposed_convolution_is_caught(ndim, of, mistake):
    stated = dict(zip(GRADIENTS, claims("transpose.grad", ndim), strict=True))[of]
    wrong = stated.wrong(wrong_parameters(ndim)[mistake], side=1)
    caught(layers(ndim, transposed=True), lambda case: GRADIENTS[of](wrong, case))


@refutes("transpose.grad")
def test_the_mistake_of_the_entry_about_its_gradient_is_caught(ndim):
    wrong = mistaken("transpose.grad", ndim)
    caught(layers(ndim, transposed=True), lambda case: input_gradient_differences(wrong, case))


def test_the_matrix_of_a_convolution_has_the_kernel_in_its_rows():
    case = LayerCase((Axis(4, 2, 1, 1, 0, 0, 3, 0),), 1, 1, 1, 1, seed=1)
    first, second = case.arrays["w"][0, 0].tolist()
    rows = [[first, second, 0, 0], [0, first, second, 0], [0, 0, first, second]]
    assert matrix(case).tolist() == rows
    assert not np.array_equal(matrix(case), np.flip(rows))
