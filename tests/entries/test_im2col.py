"""im2col: torch's unfold and a matrix product against torch's convolution."""

from __future__ import annotations

from itertools import islice
from math import prod

import numpy as np
import pytest

from convmath.calculus.evaluate import Model

from .cases import SHARE, LayerCase, entries, layers, names
from .claims import Claim, Grid, Instances, caught, claims, covers, differences, for_all, mistaken, refutes
from .columns import unfolded
from .mistakes import wrong_parameters
from .reality import CPU, conv, exact, loops_conv, tensor

POINTS = 4
INSTANCES = 40
"""So many entries of the matrices are looked at in each example."""


def kernel_rows(case: LayerCase, *, taps_first: bool = False) -> np.ndarray:
    """Every kernel as a row, the taps running fastest, or the channels."""
    kernel = case.arrays["w"]
    return (np.moveaxis(kernel, 1, -1) if taps_first else kernel).reshape(case.outputs, -1)


def window_columns(case: LayerCase, device=CPU) -> np.ndarray:
    """The windows of each group as columns, by torch's unfold where it knows so many axes."""
    found = unfolded(case, case.arrays["x"], device)
    columns = found.get("torch", found["one-hot kernels"])
    return columns.reshape(case.batch, case.groups, case.inputs_per_group * prod(case.each("k")), *case.each("K"))


def product_of(rows: np.ndarray, columns: np.ndarray, case: LayerCase) -> np.ndarray:
    """The matrix product, group by group."""
    kernels = rows.reshape(case.groups, case.outputs_per_group, -1)
    flat = columns.reshape(*columns.shape[:3], -1)
    return np.einsum("gfv,bgvk->bgfk", kernels, flat).reshape(case.y_shape)


def im2col_differences(stated: Claim, case: LayerCase, device=CPU, *, taps_first: bool = False) -> list[str]:
    x, w = case.arrays["x"], case.arrays["w"]
    rows, columns = kernel_rows(case, taps_first=taps_first), window_columns(case, device)
    sources = {"torch": exact(conv(case, tensor(x, device), tensor(w, device))), "loops": loops_conv(case, x, w)}
    if not taps_first:
        sources["the matrix product"] = product_of(rows, columns, case)
    model = Model(
        case.numbers, tensors={name: entries(a) for name, a in zip("xwWX", (x, w, rows, columns), strict=True)}
    )
    reality = Grid(("b", "f", *names(case.ndim, "k")), sources)
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=instances(case))


def instances(case: LayerCase) -> Instances:
    """Some entries of both matrices."""
    local = (case.inputs_per_group, *case.each("k"))
    rows, columns = (case.outputs, *local), (case.batch, case.groups, *local, *case.each("K"))
    taps = ("u", *names(case.ndim, "m"))
    some = {("f", *taps): rows, ("b", "g", *taps, *names(case.ndim, "k")): columns}
    return {over: list(islice(np.ndindex(*shape), INSTANCES)) for over, shape in some.items()}


@covers("matrix.im2col")
def test_a_convolution_is_the_product_of_kernels_and_columns(ndim, device):
    (stated,) = claims("matrix.im2col", ndim)
    for_all(layers(ndim), lambda case: im2col_differences(stated, case, device), share=SHARE[ndim])


@refutes("matrix.im2col")
@pytest.mark.parametrize("mistake", wrong_parameters(1))
def test_a_wrong_layer_is_caught_by_the_product(ndim, mistake):
    wrong = claims("matrix.im2col", ndim)[0].wrong(wrong_parameters(ndim)[mistake], side=0)
    caught(layers(ndim), lambda case: im2col_differences(wrong, case))


@refutes("matrix.im2col")
@pytest.mark.parametrize("mistake", ["the first group for all", "a row forgotten"])
def test_a_wrong_product_is_caught(ndim, mistake):
    changes = {"the first group for all": {("div", "f", "F_g"): 0}, "a row forgotten": {"C_g": ("+", "C_g", -1)}}
    (stated,) = claims("matrix.im2col", ndim)
    wrong = stated.wrong(changes[mistake], side=1)
    caught(layers(ndim), lambda case: im2col_differences(wrong, case))


@refutes("matrix.im2col")
def test_the_mistake_of_the_entry_about_the_order_of_the_rows_is_caught(ndim):
    wrong = mistaken("matrix.im2col", ndim)
    caught(layers(ndim), lambda case: im2col_differences(wrong, case, taps_first=True))
