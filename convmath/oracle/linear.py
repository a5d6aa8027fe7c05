"""Layers as linear maps: their matrix, and the check that one map is the transpose of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import UnsupportedError
from . import exact
from .base_case import require_moderate
from .conv_case import ConvCase
from .exact.arithmetic import contract, exact_numbers
from .fill import fill
from .options import Index
from .pool_case import PoolCase

_FORWARD = ("conv", "conv_transpose")


def matrix(case: ConvCase | PoolCase) -> npt.NDArray[Any]:
    """The matrix A of a case: the answer without bias, flattened, is A times the first argument, flattened.

    For ``grad_weight``, which is linear in both of its arguments, A multiplies ``grad_output``. int64, or an object
    array of Fractions for averages. UnsupportedError for ``max_pool``, which is not linear.

    >>> matrix(ConvCase(input_size=(3,), kernel_size=(2,), limit=1, seed=1)).tolist()
    [[1, -1, 0], [0, 1, -1]]
    """
    if isinstance(case, PoolCase):
        return _pool_matrix(case)
    rows, columns = case.expected.shape, (case.x if case.kind in _FORWARD else case.grad_output).shape
    require_moderate("matrix", (prod(rows), prod(columns)))
    found = np.zeros(rows + columns, dtype=np.int64)
    for row, column, entry in _entries(case):
        found[row + column] = entry
    return found.reshape(prod(rows), prod(columns))


def adjoint_check(
    forward: Callable[[npt.NDArray[Any]], Any],
    transpose: Callable[[npt.NDArray[Any]], Any],
    input_shape: Index,
    *,
    trials: int = 3,
    seed: int = 0,
    dtype: npt.DTypeLike = np.float64,
) -> None:
    """Raise AssertionError unless <A x, y> = <x, A' y>, exactly, for random integer x and y.

    ``forward`` takes an array of ``input_shape`` and ``dtype`` to A x, ``transpose`` one of the shape of A x to A' y.

    >>> adjoint_check(lambda x: x[1:] - x[:-1], lambda y: np.append(0, y) - np.append(y, 0), (5,))
    """
    for trial in range(seed, seed + trials):
        x = fill(input_shape, seed=trial, stream=0, limit=4).astype(dtype)
        ax = np.asarray(forward(x))
        y = fill(ax.shape, seed=trial, stream=1, limit=4).astype(dtype)
        aty = np.asarray(transpose(y))
        if aty.shape != x.shape:
            raise AssertionError(f"x has shape {x.shape}, but A' y has shape {aty.shape}")
        left, right = _inner("A x", ax, y), _inner("A' y", aty, x)
        if left != right:
            raise AssertionError(f"<A x, y> = {left}, but <x, A' y> = {right} (seed {trial})")


def _entries(case: ConvCase) -> Iterator[tuple[Index, Index, int]]:
    """Row, column and value of every entry that padding does not cancel."""
    if case.kind == "grad_bias":
        yield from (((o[1],), o, 1) for o in np.ndindex(case.y_shape))
        return
    for o, i, k in case.relation.triples():
        if case.kind == "conv":
            yield o, i, case.w[k]
        elif case.kind == "grad_weight":
            yield k, o, case.x[i]
        else:
            yield i, o, case.w[k]


def _pool_matrix(case: PoolCase) -> npt.NDArray[Any]:
    if case.kind == "max_pool":
        raise UnsupportedError(f"{case}: a maximum is not linear")
    planes, inputs, outputs = case.batch * case.channels, prod(case.input_size), prod(case.y_shape[2:])
    require_moderate("matrix", (planes * inputs, planes * outputs))
    if case.kind == "max_pool_grad_input":
        winners = exact.max_pool_indices(case.x, **case.options).reshape(planes, outputs)
        found = np.zeros((planes, inputs, planes, outputs), dtype=np.int64)
        for plane in range(planes):
            found[plane, winners[plane], plane, np.arange(outputs)] = 1
        return found.reshape(planes * inputs, planes * outputs)
    pool = exact.avg_pool if case.kind == "avg_pool" else exact.avg_pool_grad_input
    size = inputs if case.kind == "avg_pool" else outputs
    shape = case.input_size if case.kind == "avg_pool" else case.y_shape[2:]
    units = np.eye(size, dtype=np.int64).reshape(size, 1, *shape)
    return np.kron(np.eye(planes, dtype=np.int64), pool(units, **case.options).reshape(size, -1).T)


def _inner(name: str, a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Any:
    return contract(np.dot, exact_numbers(name, a.ravel()), exact_numbers(name, b.ravel()), terms=a.size).item()
