"""Measure the oracle against its limits.

``python benchmarks/bench_oracle.py`` prints one line per figure and exits with 1 if one misses its limit.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from bench_helpers import Figure, paired, report

from convmath.oracle import ConvCase, check, exact
from convmath.oracle.exact import kernels

BIG = "conv n8 c64 o64 i56x56 k3x3 #0"
SMALL = "conv n1 c3 o16 i16x16 k3x3 #0"
SMALLER = "conv n1 c3 o8 i16x16 k3x3 #0"
MIB = 2**20


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


def seconds(call: Callable[[], object], repeats: int) -> float:
    start = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - start) / repeats


def against_torch(threads: int) -> dict[str, tuple[float, float, float]]:
    """Times of ``exact.conv_forward`` and of torch, and their ratio, with so many threads for both."""
    import torch

    torch.set_num_threads(threads)
    found = {}
    measured = {
        "float64": (BIG, 15, 1),
        "int64": (BIG, 7, 1),
        "small": (SMALL, 15, 200),
        "smaller": (SMALLER, 15, 200),
    }
    for name, (text, rounds, repeats) in measured.items():
        case = ConvCase.parse(text)
        dtype = torch.int64 if name == "int64" else torch.float64
        x, w = (torch.from_numpy(array).to(dtype) for array in (case.x, case.w))

        def own(case: ConvCase = case, repeats: int = repeats) -> float:
            return seconds(lambda: exact.conv_forward(case.x, case.w), repeats)

        def torchs(x: Any = x, w: Any = w, repeats: int = repeats) -> float:
            return seconds(lambda: torch.nn.functional.conv2d(x, w), repeats)

        own(), torchs()
        found[name] = paired(own, torchs, rounds)
    return found


def memory(text: str) -> dict[str, int]:
    """What the answer of a case takes at most, in bytes, with its arguments; and what is granted."""
    case = ConvCase.parse(text)
    given = sum(array.nbytes for array in case.arguments if array is not None)
    exact.conv_forward([[[1]]], [[[1]]])  # loads what is loaded on first use
    ctypes.CDLL(None).malloc_trim(0)  # what the making of the arguments has left
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    returned = case.expected.nbytes
    peak = _status("VmHWM")
    return {"taken": peak - before + given, "granted": 3 * (given + returned) + 64 * MIB}


def _status(name: str) -> int:
    """A figure of this process in bytes: what it has in memory, or the most that it had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (kib,) = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(kib) * 1024


def in_fresh_process(threads: int, *arguments: str) -> Any:
    """The answer of this script, called with arguments, where BLAS and torch have so many threads."""
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    command = [sys.executable, __file__, *arguments]
    return json.loads(subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout)  # noqa: S603


def torch_figures(threads: int) -> list[Figure]:
    found = in_fresh_process(threads, "against_torch", str(threads))
    title, figures = f"{threads} thread{'s' * (threads > 1)}", []
    for name, what, limit in (
        ("float64", "(8, 64, 56, 56) by (64, 64, 3, 3) / torch float64", 2.0),
        ("int64", "the same / torch int64", 1 / 5),
        ("small", "(1, 3, 16, 16) by (16, 3, 3, 3) / torch float64", 8.0),
        ("smaller", "(1, 3, 16, 16) by (8, 3, 3, 3) / torch float64", 8.0),
    ):
        own, torchs, ratio = found[name]
        figures.append(Figure(f"{what}, {title}", f"{own * 1e3:.3g} ms / {torchs * 1e3:.3g} ms", ratio, limit, "x"))
    return figures


def memory_figure() -> Figure:
    found = in_fresh_process(1, "memory", BIG)
    taken, granted = found["taken"] / MIB, found["granted"] / MIB
    return Figure("memory of (8, 64, 56, 56) by (64, 64, 3, 3)", "with arguments and result", taken, granted, "MiB")


def figures() -> list[Figure]:
    threads = len(os.sched_getaffinity(0))
    if os.getloadavg()[0] > threads / 2:
        print(f"Others are at work here: times with {threads} threads will be those of waiting.", file=sys.stderr)
    found = [figure for count in sorted({1, threads}) for figure in torch_figures(count)]
    found.append(memory_figure())
    for mode in ("exact", "bounded"):
        for isolated in (True, False):
            title = f"2-D check, {mode}, {'own' if isolated else 'same'} process"
            found.append(bench_rate(title, lambda m=mode, i=isolated: cases_per_second(m, i), 300))  # type: ignore[misc]
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["against_torch", count]:
            print(json.dumps(against_torch(int(count))))
        case ["memory", text, *block]:
            kernels.BLOCK = int(block[0]) if block else kernels.BLOCK
            print(json.dumps(memory(text)))
        case _:
            sys.exit(report(figures()))
