"""Pooling with asymmetric padding against counting, and adaptive pooling against torch."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import sympy

from convmath import adaptive_pool_windows, pool_output_size
from convmath.formulas.pooling import adaptive_bounds, adaptive_pool_window


def windows_that_begin(n, k, s, lo, hi, d):
    """Windows of ceil mode, counted: each begins before the padding after the input, and the one before it stops short.

    A window that follows one which reaches the end of the padded input would add nothing.
    """
    count = 0
    while count * s < n + lo and (count == 0 or (count - 1) * s + d * (k - 1) + 1 < n + lo + hi):
        count += 1
    return count


POOLS = [
    (n, k, s, lo, hi, d)
    for n, k, s, lo, hi, d in itertools.product(range(1, 12), range(1, 7), range(1, 6), range(4), range(4), range(1, 4))
    if 2 * lo <= k and 2 * hi <= k and d * (k - 1) + 1 <= n + lo + hi + s - 1
]


def wrong_counts(formula):
    return [pool for pool in POOLS if formula(*pool) != windows_that_begin(*pool)]


def test_ceil_mode_counts_the_windows_that_begin_before_the_padding_after():
    def size(n, k, s, lo, hi, d):
        return pool_output_size(n, k, stride=s, padding=(lo, hi), dilation=d, ceil_mode=True)

    assert wrong_counts(size) == []


@pytest.mark.parametrize(
    "mistake",
    [
        lambda n, k, s, lo, hi, d: -(-(n + lo + hi - d * (k - 1) - 1) // s) + 1,  # no clamp
        lambda n, k, s, lo, hi, d: min(
            -(-(n + lo + hi - d * (k - 1) - 1) // s) + 1, -(-(n + hi) // s)
        ),  # sides swapped
        lambda n, k, s, lo, hi, d: (n + lo + hi - d * (k - 1) - 1) // s + 1,  # floor for ceil
        lambda n, k, s, lo, hi, d: min(-(-(n + lo + hi - k) // s) + 1, -(-(n + lo) // s)),  # dilation dropped
    ],
)
def test_a_wrong_ceil_mode_is_caught(mistake):
    assert wrong_counts(mistake) != []


@pytest.mark.parametrize("form", ["same_upper", "same_lower"])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_same_forms_give_ceil_n_over_s_in_both_modes(form, ceil_mode):
    for n, k, s, d in itertools.product(range(1, 14), range(1, 6), range(1, 6), range(1, 4)):
        size = pool_output_size(n, k, stride=s, padding=form, dilation=d, ceil_mode=ceil_mode)
        assert size == -(-n // s), (n, k, s, d)


def test_the_stride_is_the_kernel_size_unless_given():
    assert pool_output_size((12, 13), (3, 4)) == pool_output_size((12, 13), (3, 4), stride=(3, 4)) == (4, 3)
    assert pool_output_size((12, 13), (3, 4)) != pool_output_size((12, 13), (3, 4), stride=1)


ADAPTIVE = list(itertools.product(range(1, 16), range(1, 18)))


def support(n, m, i):
    """The elements that torch's adaptive average pooling reads for a position, from its gradient."""
    torch = pytest.importorskip("torch")
    x = torch.zeros(1, n, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.adaptive_avg_pool1d(x, m)[0, i].backward()
    return tuple(x.grad[0].nonzero()[:, 0].tolist())


def wrong_windows(bounds):
    return [(n, m, i) for n, m in ADAPTIVE[::5] for i in range(m) if tuple(range(*bounds(i, n, m))) != support(n, m, i)]


def test_adaptive_windows_are_torchs():
    assert wrong_windows(lambda i, n, m: adaptive_pool_windows(n, m)[i]) == []


@pytest.mark.parametrize(
    "mistake",
    [
        lambda i, n, m: (i * n // m, (i + 1) * n // m),  # floor for ceil
        lambda i, n, m: (i * (n // m), (i + 1) * (n // m)),  # equal windows
        lambda i, n, m: (-(-i * n // m), -(-(i + 1) * n // m)),  # ceil for floor
    ],
)
def test_wrong_adaptive_windows_are_caught(mistake):
    assert wrong_windows(mistake) != []


def test_adaptive_windows_cover_the_input_in_order():
    for n, m in ADAPTIVE:
        windows = adaptive_pool_windows(n, m)
        assert {j for start, stop in windows for j in range(start, stop)} == set(range(n))
        assert all(start < stop for start, stop in windows)
        assert list(windows) == sorted(windows)


def test_one_adaptive_window_is_the_one_among_all():
    for n, m in ADAPTIVE:
        assert tuple(adaptive_pool_window(i, n, m) for i in range(m)) == adaptive_pool_windows(n, m)
    assert adaptive_pool_window((1, 0), (10, 3), (4, 2)) == ((2, 5), (0, 2))


def test_adaptive_windows_of_arrays_and_symbols():
    sizes = np.arange(1, 16)
    starts, stops = zip(*adaptive_pool_windows(sizes, 4), strict=True)
    for place, n in enumerate(sizes.tolist()):
        expected = adaptive_pool_windows(n, 4)
        assert tuple((int(a[place]), int(b[place])) for a, b in zip(starts, stops, strict=True)) == expected
    n = sympy.Symbol("n", integer=True)
    assert [tuple(bound.subs(n, 10) for bound in window) for window in adaptive_pool_windows(n, 4)[1:]] == [
        adaptive_bounds(i, 10, 4) for i in (1, 2, 3)
    ]
