"""The gradient for the input with indices from 1: torch's autograd, and the index as it was printed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import strategies as st

from convmath.calculus.evaluate import Model

from .cases import LayerCase, conv_axis, entries
from .claims import Claim, Grid, caught, claims, covers, differences, for_all, mistaken, refutes
from .reality import CPU, conv, gradient, tensor

_SIZE = st.tuples(st.integers(1, 3), st.integers(1, 3))
PLAIN = st.builds(
    lambda first, second, seed: LayerCase(
        tuple(conv_axis(k + outputs - 1, k, 1, 1, 0, 0) for outputs, k in (first, second)), 1, 1, 1, 1, seed
    ),
    _SIZE,
    _SIZE,
    st.integers(0, 2**16),
)
"""Stride 1, no padding, one channel."""


def printed_differences(stated: Claim, case: LayerCase, device=CPU) -> list[str]:
    x, w, delta = (case.arrays[name] for name in "xwy")
    found = gradient(lambda x: conv(case, x, tensor(w, device)), x, delta, device)[0, 0]
    tables = {
        name: {tuple(at + 1 for at in index): number for index, number in entries(array[0, 0]).items()}
        for name, array in (("x", x), ("w", w), ("delta", delta))
    }
    reality = Grid(("i", "j"), {"autograd": found}, (1, 1))
    return differences(stated, Model(case.numbers, tensors=tables), reality)


@covers("grad.input.index")
def test_the_corrected_index_is_the_loss_derivative(ndim, device):
    (stated,) = claims("grad.input.index", ndim)
    for_all(PLAIN, lambda case: printed_differences(stated, case, device))


@refutes("grad.input.index")
@pytest.mark.parametrize("index", ["i", "j"])
def test_a_wrong_index_is_caught(ndim, index):
    wrong = claims("grad.input.index", ndim)[0].wrong({index: ("+", index, -1)}, side=1)
    caught(PLAIN, lambda case: printed_differences(wrong, case))


@refutes("grad.input.index")
def test_the_printed_index_is_caught(ndim):
    caught(PLAIN, lambda case: printed_differences(mistaken("grad.input.index", ndim), case))


def test_the_printed_index_fails_on_the_least_layer():
    """One row, two outputs, a kernel of one element: the first input does not feed the second output."""
    case = LayerCase((conv_axis(1, 1, 1, 1, 0, 0), conv_axis(2, 1, 1, 1, 0, 0)), 1, 1, 1, 1, seed=0)
    ones = np.ones((1, 1, 1, 1))
    found = gradient(lambda x: conv(case, x, tensor(ones)), case.arrays["x"], np.array([[[[0, 1]]]]))
    assert found.tolist() == [[[[0, 1]]]]
