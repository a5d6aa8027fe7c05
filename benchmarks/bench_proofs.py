"""Measure how long it takes to prove every entry, from the certificates alone and with the recheck on two processors.

``python benchmarks/bench_proofs.py`` prints one line per figure and exits with 1 if one misses its limit.
"""

from __future__ import annotations

import json
import subprocess
import sys
from time import perf_counter
from typing import Any

from bench_helpers import Figure, report


def proved(*options: str) -> tuple[float, dict[str, Any]]:
    """Wall-clock time of ``convmath prove`` in seconds, and its report."""
    command = [sys.executable, "-m", "convmath", "prove", "--format", "json", *options]
    start = perf_counter()
    run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)  # noqa: S603
    return perf_counter() - start, json.loads(run.stdout)


def figures() -> list[Figure]:
    """The times; a proof that fails is an error, not a time."""
    alone, entries = min((proved() for _ in range(3)), key=lambda timed: timed[0])
    slowest = max(entries["entries"], key=lambda entry: entry["seconds"])
    rechecked, _ = proved("--recheck", "--jobs", "2")
    return [
        Figure("every entry from certificates", f"{len(entries['entries'])} entries", alone, limit=15, unit="s"),
        Figure("the slowest of them", slowest["id"], slowest["seconds"], limit=5, unit="s"),
        Figure("every entry with recheck", "2 processes", rechecked, limit=90, unit="s"),
    ]


if __name__ == "__main__":
    sys.exit(report(figures(), "what"))
