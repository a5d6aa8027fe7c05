"""The memory of a large case as the operating system counts it, BLAS and all, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[2] / "benchmarks/bench_oracle.py"


def memory(*arguments):
    """Bytes taken and bytes granted: three times what goes in and out, and 64 MiB."""
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("no /proc/self/clear_refs: the peak of memory cannot be started anew")
    run = subprocess.run([sys.executable, BENCHMARK, "memory", *arguments], capture_output=True, text=True, check=True)
    found = json.loads(run.stdout)
    return found["taken"], found["granted"]


@pytest.mark.parametrize("kind", ["conv", "conv_transpose", "grad_input", "grad_weight"])
def test_a_large_case_takes_little_memory(kind):
    taken, granted = memory(f"{kind} n8 c64 o64 i56x56 k3x3 p1x1 #0")
    assert 0 < taken <= granted


def test_one_block_for_all_patches_would_take_too_much():
    taken, granted = memory("conv n8 c64 o64 i56x56 k5x5 p2x2 #0", str(2**60))
    assert taken > granted
