"""Modules of thousands of layers: read in memory that grows with them, and ten thousand analysed in two seconds."""

from __future__ import annotations

import gc
import tracemalloc
from time import process_time

import pytest
import torch
from torch import nn

from convmath.network import from_torch

LAYERS = 10_000


@pytest.fixture(scope="module")
def chain() -> nn.Sequential:
    with torch.device("meta"):
        return nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(LAYERS)))


def peak(module: nn.Module) -> int:
    """Bytes that reading and analysing a module take at most."""
    tracemalloc.start()
    try:
        from_torch(module, (3, 8, 8)).analyze()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_layers_take_memory_in_proportion(chain):
    peak(chain[:10])  # what is loaded and remembered once
    few, many = peak(chain[:250]), peak(chain[:1000])
    assert many < 5 * few
    assert few < 20e3 * 250  # so that ten thousand take less than 200 MB


def test_ten_thousand_layers_are_analysed_in_two_seconds(chain):
    graph = from_torch(chain, (3, 8, 8))
    taken = []
    for _ in range(3):
        gc.collect()
        gc.disable()  # what other tests have left in memory is no matter of the analysis
        try:
            start = process_time()
            report = graph.analyze()
            taken.append(process_time() - start)
        finally:
            gc.enable()
    assert (len(report), report.output.name) == (LAYERS + 1, str(LAYERS - 1))
    assert report.output.receptive_field.size == (2 * LAYERS + 1,) * 2
    assert min(taken) < 2
