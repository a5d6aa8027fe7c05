"""The matrix of a convolution: made by torch from unit vectors, and tap by tap; its transpose, and what is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model
from convmath.proofs.layer import Layer

from .cases import SHARE, Axis, LayerCase, conv_axis, entries, layers, names
from .claims import Claim, Grid, Point, caught, claims, covers, differences, for_all, mistaken, refutes
from .mistakes import wrong_parameters
from .reality import CPU, conv, conv_transpose, exact, loops_conv, matrix, tensor

POINTS = 6
PARAMETERS = wrong_parameters(1, channels=False)


def single(ndim: int) -> st.SearchStrategy[LayerCase]:
    """Layers of one channel."""
    return layers(ndim, channels=False)


def entry(case: LayerCase) -> Callable[..., int]:
    """The entry for windows and positions that may lie anywhere, summed tap by tap: window first, then position."""
    kernel = case.arrays["w"][0, 0]

    def at(*place: int) -> int:
        window, position = place[: case.ndim], place[case.ndim :]
        found = 0
        for tap in np.ndindex(*kernel.shape):
            spots = zip(case.axes, window, tap, strict=True)
            if position == tuple(a.s * k + a.d * m - a.lo for a, k, m in spots):
                found += int(kernel[tap])
        return found

    return at


def flat(case: LayerCase) -> Callable[..., int]:
    """The same by numbers that count windows and positions row by row, however far they run."""

    def at(row: int, column: int) -> int:
        return entry(case)(*_digits(row, case.each("K")), *_digits(column, case.each("n")))

    return at


def _digits(number: int, sizes: tuple[int, ...]) -> tuple[int, ...]:
    found: tuple[int, ...] = ()
    for size in reversed(sizes[1:]):
        number, last = divmod(number, size)
        found = (last, *found)
    return (number, *found)


def plane(case: LayerCase, name: str) -> np.ndarray:
    """A tensor without batch and channel."""
    return case.arrays[name][0, 0]


def model(case: LayerCase, **tensors: Any) -> Model:
    """The numbers of a layer and the tensors of one channel."""
    ours = {name: entries(plane(case, name)) for name in "xwy"}
    return Model(case.numbers, tensors=ours | tensors)


def rows_and_columns(case: LayerCase) -> list[tuple[int, ...]]:
    """Every row of the matrix with every column."""
    return list(np.ndindex(*matrix(case).shape))


def outputs(case: LayerCase, device=CPU) -> dict[str, Any]:
    """The convolution of one channel, position after position."""
    x, w = case.arrays["x"], case.arrays["w"]
    sources = {
        "torch": exact(conv(case, tensor(x, device), tensor(w, device))),
        "the matrix": matrix(case, device) @ x.ravel(),
        "loops": loops_conv(case, x, w),
    }
    return {name: np.asarray(array).ravel() for name, array in sources.items()}


def product_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    reality = Grid(("k",), outputs(case, device))
    over = {("k", "i"): rows_and_columns(case)}
    return differences(stated, model(case, T=entry(case)), reality, limit=POINTS, seed=case.seed, over=over)


def toeplitz_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    reality = Grid(("k", "i"), {"torch": matrix(case, device)})
    over = {("k", "i"): rows_and_columns(case)}
    return differences(stated, model(case, T=entry(case)), reality, limit=POINTS, seed=case.seed, over=over)


TOEPLITZ = {"product": product_differences, "offset": toeplitz_differences, "diagonal": toeplitz_differences}
"""The statements of ``matrix.toeplitz``, in its order."""


@covers("matrix.toeplitz")
@pytest.mark.parametrize("statement", TOEPLITZ)
def test_a_convolution_multiplies_with_a_toeplitz_matrix(statement, device):
    stated = dict(zip(TOEPLITZ, claims("matrix.toeplitz"), strict=True))[statement]
    for_all(single(1), lambda case: TOEPLITZ[statement](stated, case, device))


@refutes("matrix.toeplitz")
@pytest.mark.parametrize(("statement", "side", "mistake"), [
    *(("product", 0, mistake) for mistake in PARAMETERS),
    ("offset", 1, "stride dropped"),
    ("diagonal", 0, "stride dropped"),
])  # fmt: skip
def test_a_wrong_toeplitz_matrix_is_caught(statement, side, mistake):
    stated = dict(zip(TOEPLITZ, claims("matrix.toeplitz"), strict=True))[statement]
    caught(single(1), lambda case: TOEPLITZ[statement](stated.wrong(PARAMETERS[mistake], side=side), case))


@refutes("matrix.toeplitz")
def test_the_mistake_of_the_entry_about_the_diagonals_is_caught():
    caught(single(1), lambda case: toeplitz_differences(mistaken("matrix.toeplitz"), case))


@dataclass(frozen=True)
class Some(Grid):
    """The places that meet a condition."""

    keep: Callable[[Point], bool] = bool

    def points(self, limit: int, seed: int) -> Iterator[tuple[Point, Any]]:
        """At most ``limit`` of them."""
        every = super().points(10**6, seed)
        return islice((found for found in every if self.keep(found[0])), limit)


def row_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """The convolution against rows of the matrix, positions numbered row by row."""
    over = {("r", "q"): rows_and_columns(case)}
    reality = Grid(("r",), outputs(case, device))
    return differences(stated, model(case, A=flat(case)), reality, limit=POINTS, seed=case.seed, over=over)


def block_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    over = {("r", "q"): rows_and_columns(case)}
    reality = Grid(("r", "q"), {"torch": matrix(case, device)})
    return differences(stated, model(case, A=flat(case)), reality, limit=POINTS, seed=case.seed, over=over)


def in_block_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """Where the step stays in the block."""
    (_, size), (_, width), (_, stride) = case.each("K"), case.each("n"), case.each("s")

    def stays(at: Point) -> bool:
        return at["r"] % size + 1 < size and at["q"] % width + stride < width

    reality = Some(("r", "q"), {"torch": matrix(case, device)}, keep=stays)
    over = {("r", "q"): rows_and_columns(case)}
    return differences(stated, model(case, A=flat(case)), reality, limit=POINTS, seed=case.seed, over=over)


BLOCKS = {"product": row_differences, "blocks": block_differences, "inside": in_block_differences}
"""The statements of ``matrix.doubly_block_toeplitz``, in its order."""


@covers("matrix.doubly_block_toeplitz")
@pytest.mark.parametrize("statement", BLOCKS)
def test_the_matrix_on_two_axes_is_doubly_block_toeplitz(ndim, statement, device):
    stated = dict(zip(BLOCKS, claims("matrix.doubly_block_toeplitz", ndim), strict=True))[statement]
    for_all(single(ndim), lambda case: BLOCKS[statement](stated, case, device), share=SHARE[ndim])


@refutes("matrix.doubly_block_toeplitz")
@pytest.mark.parametrize(("statement", "changes"), [
    *(("product", wrong_parameters(2, channels=False)[mistake]) for mistake in PARAMETERS),
    ("blocks", {"s1": 1}),
    ("blocks", {"J": 1}),
    ("blocks", {"L": 1}),
    ("inside", {"s2": 1}),
])  # fmt: skip
def test_a_wrong_block_is_caught(ndim, statement, changes):
    stated = dict(zip(BLOCKS, claims("matrix.doubly_block_toeplitz", ndim), strict=True))[statement]
    caught(single(ndim), lambda case: BLOCKS[statement](stated.wrong(changes, side=0), case))


@refutes("matrix.doubly_block_toeplitz")
def test_the_mistake_of_the_entry_about_the_blocks_is_caught(ndim):
    caught(single(ndim), lambda case: block_differences(mistaken("matrix.doubly_block_toeplitz", ndim), case))


def column_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """The transposed convolution against columns of the same matrix."""
    y, w = case.arrays["y"], case.arrays["w"]
    sources = {
        "torch": exact(conv_transpose(case, tensor(y, device), tensor(w, device))).ravel(),
        "the matrix": matrix(case, device).T @ y.ravel(),
    }
    over = {("r", "q"): rows_and_columns(case)}
    reality = Grid(("q",), sources)
    return differences(stated, model(case, A=flat(case)), reality, limit=POINTS, seed=case.seed, over=over)


TRANSPOSE = {"rows": row_differences, "columns": column_differences}
"""The statements of ``matrix.transpose``, in its order."""


@covers("matrix.transpose")
@pytest.mark.parametrize("statement", TRANSPOSE)
def test_one_matrix_serves_both_convolutions_by_rows_and_by_columns(ndim, statement, device):
    stated = dict(zip(TRANSPOSE, claims("matrix.transpose", ndim), strict=True))[statement]
    for_all(single(ndim), lambda case: TRANSPOSE[statement](stated, case, device), share=SHARE[ndim])


@refutes("matrix.transpose")
@pytest.mark.parametrize("mistake", PARAMETERS)
@pytest.mark.parametrize("statement", TRANSPOSE)
def test_a_wrong_row_or_column_is_caught(ndim, statement, mistake):
    stated = dict(zip(TRANSPOSE, claims("matrix.transpose", ndim), strict=True))[statement]
    wrong = stated.wrong(wrong_parameters(ndim, channels=False)[mistake], side=0)
    caught(single(ndim), lambda case: TRANSPOSE[statement](wrong, case))


def position_differences(stated: Claim, case: LayerCase, found: np.ndarray) -> list[str]:
    reality = Grid(names(case.ndim, "i"), {"torch": found.reshape(case.each("n"))})
    return differences(stated, model(case), reality, limit=POINTS, seed=case.seed)


@refutes("matrix.transpose")
def test_the_mistake_of_the_entry_about_the_matrix_transpose_is_caught(ndim):
    def differ(case: LayerCase) -> list[str]:
        y, w = case.arrays["y"], case.arrays["w"]
        return position_differences(
            mistaken("matrix.transpose", ndim), case, exact(conv_transpose(case, tensor(y), tensor(w)))
        )

    caught(single(ndim), differ)


def back_and_forth(case: LayerCase, device=CPU) -> np.ndarray:
    """The transposed convolution of the convolution."""
    w = tensor(case.arrays["w"], device)
    return exact(conv_transpose(case, conv(case, tensor(case.arrays["x"], device), w), w))


def gram_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    gram = matrix(case, device).T @ matrix(case, device)
    places = [symbol.name for symbol in Layer(case.ndim).fresh("h")]
    sources = {"torch": back_and_forth(case, device)[0, 0], "A'A x": (gram @ case.arrays["x"].ravel())}
    sizes = case.each("n")
    reality = Grid(names(case.ndim, "i"), {name: array.reshape(sizes) for name, array in sources.items()})
    both = {"S": entries(gram.reshape(*sizes, *sizes))}
    over = {(*names(case.ndim, "i"), *places): list(islice(product(*map(range, (*sizes, *sizes))), 60))}
    return differences(stated, model(case, **both), reality, limit=POINTS, seed=case.seed, over=over)


def unpadded(case: LayerCase) -> LayerCase:
    """Without padding, the kernel changed so that it sums to 0."""
    along = tuple(conv_axis(a.n + a.reach, a.k, a.s, a.d, 0, 0) for a in case.axes)
    bare = replace(case, axes=along)
    kernel = bare.arrays["w"]
    kernel[(0,) * kernel.ndim] -= kernel.sum()
    return bare


def brighter_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    """The same output for an input and a brighter one."""
    x, w = case.arrays["x"], tensor(case.arrays["w"], device)
    sources = {
        name: exact(conv(case, tensor(x + more, device), w))[0, 0] for name, more in (("as it is", 0), ("brighter", 7))
    }
    reality = Grid(names(case.ndim, "k"), sources)
    return differences(stated, model(case, e={(0,): 7}), reality, limit=POINTS, seed=case.seed)


@covers("matrix.no_inverse")
def test_convolution_and_its_transpose_multiply_with_the_gram_matrix(ndim, device):
    stated, _ = claims("matrix.no_inverse", ndim)
    for_all(single(ndim), lambda case: gram_differences(stated, case, device), share=SHARE[ndim])


@covers("matrix.no_inverse")
def test_a_kernel_that_sums_to_0_forgets_a_constant(ndim, device):
    _, stated = claims("matrix.no_inverse", ndim)
    cases = single(ndim).map(unpadded)
    for_all(cases, lambda case: brighter_differences(stated, case, device), share=SHARE[ndim])


@refutes("matrix.no_inverse")
@pytest.mark.parametrize("mistake", PARAMETERS)
def test_a_wrong_gram_matrix_is_caught(ndim, mistake):
    wrong = claims("matrix.no_inverse", ndim)[0].wrong(wrong_parameters(ndim, channels=False)[mistake], side=0)
    caught(single(ndim), lambda case: gram_differences(wrong, case))


@refutes("matrix.no_inverse")
def test_a_kernel_that_does_not_sum_to_0_sees_the_constant(ndim):
    stated = replace(claims("matrix.no_inverse", ndim)[1], hypotheses=())

    def differ(case: LayerCase) -> list[str]:
        changed = unpadded(case)
        changed.arrays["w"][(0,) * (ndim + 2)] += 1
        x, w = changed.arrays["x"], tensor(changed.arrays["w"])
        reality = Grid(names(ndim, "k"), {"brighter": exact(conv(changed, tensor(x + 7), w))[0, 0]})
        return differences(stated, model(changed, e={(0,): 7}), reality, limit=POINTS, seed=case.seed)

    caught(single(ndim), differ)


@refutes("matrix.no_inverse")
def test_the_mistake_of_the_entry_about_the_inverse_is_caught(ndim):
    wrong = mistaken("matrix.no_inverse", ndim)
    caught(single(ndim), lambda case: position_differences(wrong, case, back_and_forth(case)[0, 0]))


def test_four_by_four_comes_back_in_shape_but_not_in_value():
    axis = Axis(4, 3, 1, 1, 0, 0, 2, 0)
    case = LayerCase((axis, axis), 1, 1, 1, 1, seed=2)
    assert matrix(case).shape == (4, 16)
    assert np.linalg.matrix_rank(matrix(case)) == 4
    assert back_and_forth(case).shape == case.x_shape
    assert not np.array_equal(back_and_forth(case), case.arrays["x"])
