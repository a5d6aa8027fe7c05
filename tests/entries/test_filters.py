"""Separable filters: torch's layer with the whole kernel, and with one-dimensional kernels axis by axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce

import numpy as np
import pytest
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .cases import SHARE, Axis, LayerCase, entries, layers, names
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import wrong_parameters
from .reality import CPU, Array, conv, correlated, exact, loops_conv, tensor

POINTS = 4
LABELS = ("v", "h", "e")
STILL = Axis(0, 1, 1, 1, 0, 0, 0, 0)
"""An axis along which nothing happens."""


def along(case: LayerCase, source: Array, kernel: Array, axis: int, device=CPU) -> Array:
    """torch's layer with a kernel that has taps along one axis only."""
    one = replace(case, axes=tuple(a if number == axis else STILL for number, a in enumerate(case.axes)))
    shape = [len(kernel) if number == axis else 1 for number in range(case.ndim)]
    found = conv(one, tensor(source[None, None], device), tensor(kernel.reshape(1, 1, *shape), device))
    return exact(found)[0, 0]


def separable_differences(stated: Claim, case: LayerCase, device=CPU, *, added: bool = False) -> list[str]:
    """A kernel of products, or of sums if that is asked for."""
    generator, x = np.random.default_rng(case.seed), case.arrays["x"][0, 0]
    factors = [generator.integers(-3, 4, size) for size in case.each("k")]
    w = reduce(np.add.outer if added else np.multiply.outer, factors)
    rest = x
    for axis in range(1, case.ndim):
        rest = along(case, rest, factors[axis], axis, device)
    sources = {
        "torch": exact(conv(case, tensor(x[None, None], device), tensor(w[None, None], device)))[0, 0],
        "loops": loops_conv(case, x[None, None], w[None, None])[0, 0],
    }
    if not added:
        sources["axis by axis"] = along(case, rest, factors[0], 0, device)
    model = case.model(x=x, w=w, z=rest, **dict(zip(LABELS, factors, strict=False)))
    over = {names(case.ndim, "m"): list(np.ndindex(w.shape)), ("i",): [(i,) for i in range(x.shape[0])]}
    reality = Grid(names(case.ndim, "k"), sources)
    return differences(stated, model, reality, limit=POINTS, seed=case.seed, over=over)


def plain(ndim: int):
    """Layers of one channel and one image."""
    return layers(ndim, channels=False)


@covers("filters.separable")
def test_a_kernel_of_products_can_be_applied_axis_by_axis(ndim, device):
    (stated,) = claims("filters.separable", ndim)
    for_all(plain(ndim), lambda case: separable_differences(stated, case, device), share=SHARE[ndim])


@refutes("filters.separable")
@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("mistake", wrong_parameters(1, channels=False))
def test_a_wrong_sequence_of_axes_is_caught(ndim, mistake, side):
    (stated,) = claims("filters.separable", ndim)
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=side)
    caught(plain(ndim), lambda case: separable_differences(wrong, case))


@refutes("filters.separable")
def test_the_mistake_of_a_kernel_of_sums_is_caught(ndim):
    wrong = mistaken("filters.separable", ndim)
    caught(plain(ndim), lambda case: separable_differences(wrong, case, added=True))


@dataclass(frozen=True)
class Edges:
    """A smoothing, the number of columns of the filter, and the seed of the image."""

    smoothing: tuple[int, ...]
    columns: int
    seed: int

    @property
    def filter(self) -> Array:
        """The smoothing times the difference, as books print it."""
        found = np.zeros((len(self.smoothing), self.columns), np.int64)
        found[:, 0], found[:, -1] = self.smoothing, np.negative(self.smoothing)
        return found

    @property
    def image(self) -> Array:
        """Room for some positions."""
        size = max(len(self.smoothing), self.columns) + 2
        return np.random.default_rng(self.seed).integers(-4, 5, (size, size))


SMOOTHINGS = st.one_of(
    st.sampled_from([(1, 2, 1), (3, 10, 3), (1, 1, 1)]), st.lists(st.integers(-3, 5), min_size=1, max_size=4).map(tuple)
)
EDGES = st.builds(Edges, SMOOTHINGS, st.integers(2, 4), st.integers(0, 2**16))


def on_torch(kernel: Array, image: Array, device=CPU) -> dict[str, Array]:
    """The filter on an image, without padding."""
    axes = tuple(Axis(n, k, 1, 1, 0, 0, n - k + 1, 0) for n, k in zip(image.shape, kernel.shape, strict=True))
    case = LayerCase(axes, 1, 1, 1, 1, 0)
    found = exact(conv(case, tensor(image[None, None], device), tensor(kernel[None, None], device)))[0, 0]
    return {"torch": found, "NumPy": correlated(kernel, image)}


def edge_differences(stated: Claim, case: Edges, statement: str, device=CPU) -> list[str]:
    """On any image, or on one that varies along one axis only; with the filter as it is or turned."""
    w, image = case.filter, case.image
    q = image[0]
    shown = {"any": image, "down": np.tile(q[:, None], (1, len(q))), "across": np.tile(q, (len(q), 1))}
    kernel, which = (np.rot90(w).copy(), "down") if statement == "turned" else (w, statement)
    sources = on_torch(kernel, shown[which], device)
    weights = entries(w)
    model = Model(
        {"M": len(case.smoothing), "N": case.columns},
        tensors={
            "w": lambda *index: weights.get(index, 0),
            "v": lambda m: case.smoothing[m],
            "x": entries(image),
            "q": entries(q),
        },
    )
    over = {("m", "n"): list(np.ndindex(w.shape))}
    return differences(stated, model, Grid(("k", "l"), sources), limit=POINTS, seed=case.seed, over=over)


SOBEL = ("any", "down", "across", "turned")
"""The statements of ``filters.sobel``, in its order."""


@covers("filters.sobel")
@pytest.mark.parametrize("statement", SOBEL)
def test_edge_filters_answer_as_torch_finds(statement, device):
    stated = dict(zip(SOBEL, claims("filters.sobel"), strict=True))[statement]
    for_all(EDGES, lambda case: edge_differences(stated, case, statement, device))


@refutes("filters.sobel")
@pytest.mark.parametrize("statement", SOBEL)
def test_a_difference_of_neighbours_is_caught(statement):
    stated = dict(zip(SOBEL, claims("filters.sobel"), strict=True))[statement]
    wrong = stated.wrong({"N": ("+", -1, "N")}, side=0) if statement == "down" else stated.wrong({"N": 2}, side=1)
    caught(EDGES, lambda case: edge_differences(wrong, case, statement))


@refutes("filters.sobel")
def test_the_mistake_that_it_detects_both_directions_is_caught():
    wrong = mistaken("filters.sobel")
    caught(EDGES, lambda case: edge_differences(wrong, case, "down"))


def test_the_filters_of_sobel_and_scharr_are_the_printed_ones():
    assert Edges((1, 2, 1), 3, 0).filter.tolist() == [[1, 0, -1], [2, 0, -2], [1, 0, -1]]
    assert Edges((3, 10, 3), 3, 0).filter.tolist() == [[3, 0, -3], [10, 0, -10], [3, 0, -3]]
