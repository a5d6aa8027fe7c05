"""Measure the helpers against their limits, each paired with its baseline in one run.

``python benchmarks/bench_helpers.py`` prints one line per figure and exits with 1 if one misses its limit.
"""

from __future__ import annotations

import subprocess
import sys
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table

from convmath import conv_output_size


@dataclass(frozen=True)
class Figure:
    """What was measured, the two times in seconds or the one time, and the limit on their ratio or on the time."""

    name: str
    measured: str
    value: float
    limit: float
    unit: str


def paired(first: Callable[[], float], second: Callable[[], float], rounds: int) -> tuple[float, float, float]:
    """Median times of two measurements taken in turn, and the median ratio of the pairs."""
    pairs = [(first(), second()) for _ in range(rounds)]
    times = zip(*pairs, strict=True)
    return median(next(times)), median(next(times)), median(a / b for a, b in pairs)


def import_seconds(module: str) -> float:
    """Time of the import statement alone, in a fresh interpreter."""
    code = f"from time import perf_counter as t; a = t(); import {module}; print(t() - a)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return float(run.stdout)


def bench_import() -> Figure:
    import_seconds("convmath"), import_seconds("sympy")  # warm the file cache
    own, sympys, ratio = paired(lambda: import_seconds("convmath"), lambda: import_seconds("sympy"), 9)
    return Figure(
        "import convmath / import sympy", f"{own * 1e3:.2f} ms / {sympys * 1e3:.0f} ms", ratio, limit=0.1, unit="x"
    )


def bench_ints() -> Figure:
    values = {"n": 224, "k": 7, "s": 2, "p": 3, "d": 1, "conv_output_size": conv_output_size}
    setup = "; ".join(f"{name} = values[{name!r}]" for name in values)
    number = 100_000

    def seconds(statement: str) -> float:
        return min(timeit.repeat(statement, setup, globals={"values": values}, number=number, repeat=5)) / number

    own, bare, ratio = paired(
        lambda: seconds("conv_output_size(n, k, stride=s, padding=p, dilation=d)"),
        lambda: seconds("(n + 2*p - d*(k - 1) - 1)//s + 1"),
        7,
    )
    return Figure(
        "conv_output_size on ints / inline", f"{own * 1e9:.0f} ns / {bare * 1e9:.0f} ns", ratio, limit=10, unit="x"
    )


def bench_arrays() -> Figure:
    import numpy as np

    draw = np.random.default_rng(0)
    bounds = {"n": (50, 500), "k": (1, 8), "s": (1, 5), "p": (0, 4), "d": (1, 4)}
    n, k, s, p, d = (draw.integers(least, stop, 1_000_000) for least, stop in bounds.values())

    def own() -> float:
        start = perf_counter()
        conv_output_size(n, k, stride=s, padding=p, dilation=d)
        return perf_counter() - start

    def inline() -> float:
        start = perf_counter()
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        return perf_counter() - start

    seconds, bare, ratio = paired(own, inline, 15)
    return Figure(
        "1e6 sets as NumPy arrays", f"{seconds * 1e3:.0f} ms, {ratio:.1f}x inline ({bare * 1e3:.0f} ms)", seconds,
        limit=0.2, unit="s",
    )  # fmt: skip


def report(figures: Sequence[Figure], measured: str = "measured (median)") -> int:
    """Print the figures, and return the exit code: 1 if one misses its limit."""
    table = Table("figure", measured, "value", "limit", "met")
    for figure in figures:
        met = "yes" if figure.value <= figure.limit else "NO"
        value, limit = f"{figure.value:.3g} {figure.unit}", f"{figure.limit:g} {figure.unit}"
        table.add_row(figure.name, figure.measured, value, limit, met)
    Console(width=None if sys.stdout.isatty() else 110).print(table)
    return int(any(figure.value > figure.limit for figure in figures))


if __name__ == "__main__":
    sys.exit(report([bench_import(), bench_ints(), bench_arrays()]))
