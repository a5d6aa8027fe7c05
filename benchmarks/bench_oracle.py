"""Measure the oracle against its limits.

``python benchmarks/bench_oracle.py`` prints one line per figure and exits with 1 if one misses its limit.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from bench_helpers import Figure, report

from convmath.oracle import check


def im2col(x: Any, w: Any, bias: Any, *, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """A convolution as a user would write it, with one matrix product for each group."""
    padded = np.pad(x, [(0, 0), (0, 0), *padding])
    spans = [d * (k - 1) + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(2, 3))
    windows = windows[:, :, :: stride[0], :: stride[1], :: dilation[0], :: dilation[1]]
    n, c, *size = windows.shape[:4]
    columns = windows.transpose(1, 4, 5, 0, 2, 3).reshape(groups, c // groups * w[0, 0].size, -1)
    y = (w.reshape(groups, len(w) // groups, -1) @ columns).reshape(len(w), n, *size).swapaxes(0, 1)
    return y if bias is None else y + bias.reshape(-1, 1, 1)


def cases_per_second(mode: str, isolated: bool) -> float:
    start = perf_counter()
    found = check(im2col, dtype="float32", mode=mode, examples=600, isolated=isolated)
    if not found.ok:
        raise SystemExit(f"the function of this benchmark {found.verdict}")
    return (found.passed + found.failed) / (perf_counter() - start)


def bench_rate(title: str, measure: Callable[[], float], limit: float) -> Figure:
    """A rate, as the milliseconds of one case: lower is better, as for every figure here."""
    measure()
    rate = median(measure() for _ in range(3))
    return Figure(title, f"{rate:.0f} cases/s", 1e3 / rate, 1e3 / limit, "ms")


if __name__ == "__main__":
    sys.exit(
        report(
            [
                bench_rate(
                    f"2-D check, {mode}, {'own' if isolated else 'same'} process",
                    lambda mode=mode, isolated=isolated: cases_per_second(mode, isolated),  # type: ignore[misc]
                    300,
                )
                for mode in ("exact", "bounded")
                for isolated in (True, False)
            ]
        )
    )
