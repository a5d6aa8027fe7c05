"""The benchmark of networks measures all that it promises; how long that takes is for the benchmark to say."""

from __future__ import annotations

import gc
import importlib
import sys
from pathlib import Path

import pytest
from torch import nn

pytest.importorskip("thop")
pytest.importorskip("torchinfo")
pytest.importorskip("fvcore")
pytest.importorskip("ptflops")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch):
    """The benchmark, once around, with two sizes of a batch."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(sys, "path", list(sys.path))  # it appends to it
    found = importlib.import_module("bench_network")
    for name, value in {"INPUT": (3, 16, 16), "BATCHES": (1, 2), "QUICK": 1, "SLOW": 1, "LAYERS": 20}.items():
        assert hasattr(found, name)
        monkeypatch.setattr(found, name, value)
    gc.freeze()  # it collects garbage before each run, but not all that other tests have imported
    return found


@pytest.mark.filterwarnings("ignore")  # the tools warn of what they use
def test_every_figure_of_a_model_is_measured(benchmark):
    tiny = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).eval()
    figures = list(benchmark.bench_model("tiny", tiny))
    names = " ".join(figure.name for figure in figures)
    tools = ("torchinfo", "thop", "fvcore", "ptflops", "FlopCounterMode")
    assert all(f"{images}: own / {tool}" in names for images in ("1 image", "2 images") for tool in tools)
    assert all(f"own / {tool} on meta tensors" in names for tool in ("torchinfo", "FlopCounterMode"))
    assert "own / fx.symbolic_trace" in names
    assert len(figures) == 1 + 2 * len(tools) + 1 + 2
    assert all(figure.value > 0 for figure in figures)
    limits = {figure.name.split(": ", 1)[1]: figure.limit for figure in figures}
    assert limits["own / fx.symbolic_trace"] == 3
    assert limits["own / torchinfo on meta tensors"] == limits["own / FlopCounterMode on meta tensors"] == 1
    for images in ("1 image", "2 images"):
        assert {figure.limit for figure in figures if f"{images}: own" in figure.name} == {0.1}


def test_the_figures_of_many_layers_are_measured(benchmark):
    seconds, ratio = benchmark.bench_layers()
    assert (seconds.name, seconds.limit, seconds.unit) == ("20 layers analysed", 2, "s")
    assert seconds.value > 0
    assert ratio.value > 0
