"""Measure the analysis of networks against tracing and against the tools that run them, each pair in one run.

A tool that takes real tensors runs the network, and the analysis does not: it has to be ten times faster. Each tool is
measured on one image and on a batch as in training, with what the network alone takes beside it: a tool takes little
more than that, and with one image, on a machine that is fast at convolutions, it may be less than ten times what the
analysis takes. A line of its own says from how many images on the analysis is ten times faster than every tool.

``python benchmarks/bench_network.py`` prints one line per figure and exits with 1 if one misses its limit. It takes the
tools from the extra ``test``.
"""

from __future__ import annotations

import copy
import gc
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from time import perf_counter

import torch
from bench_helpers import Figure, paired, report
from torch import fx, nn
from torch.utils.flop_counter import FlopCounterMode

from convmath.network import Graph, from_torch

sys.path.append(str(Path(__file__).parents[1]))

from tests.models.resnet import resnet

INPUT = (3, 224, 224)
BATCHES = (1, 2, 4, 8, 16, 32)
"""Images at once, one and up to a batch as in training: the analysis takes no longer for these."""
TENTH = 0.1
LAYERS = 10_000
QUICK, SLOW = 9, 3
"""Rounds of what takes milliseconds, and of what runs the network."""


def timed(action: Callable[[], object]) -> Callable[[], float]:
    """A measurement of one run, in seconds, without the rubbish of the one before."""

    def seconds() -> float:
        gc.collect()
        start = perf_counter()
        action()
        return perf_counter() - start

    return seconds


def against(
    name: str, own: Callable[[], object], other: Callable[[], object], limit: float, rounds: int, remark: str = ""
) -> Figure:
    seconds, others, ratio = paired(timed(own), timed(other), rounds)
    return Figure(name, f"{seconds * 1e3:.0f} ms / {others * 1e3:.0f} ms{remark}", ratio, limit, "x")


def counted(model: nn.Module, image: torch.Tensor) -> None:
    with FlopCounterMode(display=False):
        model(image)


def bench_model(name: str, model: nn.Module) -> Iterator[Figure]:
    """``from_torch`` with the full analysis, against tracing alone and against each tool on real and meta tensors."""
    import torchinfo

    def own() -> object:
        return from_torch(model, input_size=INPUT).analyze()

    meta, abstract = torch.zeros(1, *INPUT, device="meta"), copy.deepcopy(model).to("meta")
    yield against(f"{name}: own / fx.symbolic_trace", own, lambda: fx.symbolic_trace(model), 3, QUICK)
    found = {images: list(bench_tools(name, model, images)) for images in BATCHES}
    yield from (*found[BATCHES[0]], *found[BATCHES[-1]])
    yield ten_times_faster(name, found)
    tools = {
        "torchinfo": lambda: torchinfo.summary(abstract, input_data=meta, verbose=0, device="meta"),
        "FlopCounterMode": lambda: counted(abstract, meta),
    }
    for tool, count in tools.items():
        yield against(f"{name}: own / {tool} on meta tensors", own, count, 1, QUICK)


def ten_times_faster(name: str, found: Mapping[int, Sequence[Figure]]) -> Figure:
    """The least number of images from which on the analysis takes a tenth of the time of every tool."""
    slowest = {images: max(figure.value for figure in figures) for images, figures in found.items()}
    least = min((n for n in BATCHES if all(slowest[m] <= TENTH for m in BATCHES if m >= n)), default=inf)
    measured = "largest ratio for " + ", ".join(f"{images}: {ratio:.2g}" for images, ratio in slowest.items())
    return Figure(f"{name}: images from which it is 10x faster than every tool", measured, least, BATCHES[-1], "images")


def bench_tools(name: str, model: nn.Module, images: int) -> Iterator[Figure]:
    """The same against each tool on a batch of real tensors, with the time of the network itself."""
    import ptflops
    import thop
    import torchinfo
    from fvcore.nn import FlopCountAnalysis

    def own() -> object:
        return from_torch(model, input_size=INPUT, batch_size=images).analyze()

    @torch.no_grad()
    def forward() -> None:
        model(batch)

    def fvcore() -> float:
        analysis = FlopCountAnalysis(model, batch)
        return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()

    batch, marked = torch.zeros(images, *INPUT), copy.deepcopy(model)  # thop leaves buffers behind
    tools = {
        "torchinfo": lambda: torchinfo.summary(model, input_data=batch, verbose=0),
        "thop": lambda: thop.profile(marked, (batch,), verbose=False),
        "fvcore": fvcore,
        "ptflops": lambda: ptflops.get_model_complexity_info(
            model, INPUT, False, False, input_constructor=lambda _: batch
        ),
        "FlopCounterMode": lambda: counted(model, batch),
    }
    alone = min(timed(forward)() for _ in range(SLOW + 1))  # the first one warms up
    remark = f" (the network: {alone * 1e3:.0f} ms)"
    words = f"{images} image{'s' if images > 1 else ''}"
    for tool, count in tools.items():
        yield against(f"{name}, {words}: own / {tool}", own, count, TENTH, SLOW, remark)


def chain(layers: int) -> Graph:
    """Convolutions one after the other, as they are traced."""
    model = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(layers)))
    return from_torch(model, input_size=(4, 32, 32))


def bench_layers() -> Iterator[Figure]:
    single, double = chain(LAYERS), chain(2 * LAYERS)
    single.analyze()
    seconds, others, ratio = paired(timed(single.analyze), timed(double.analyze), QUICK)
    yield Figure(f"{LAYERS} layers analysed", f"{seconds * 1e3:.0f} ms", seconds, 2, "s")
    yield Figure(
        "twice as many layers / as many", f"{others * 1e3:.0f} ms / {seconds * 1e3:.0f} ms", 1 / ratio, 2.8, "x"
    )


def figures() -> Iterator[Figure]:
    for layers in (50, 152):
        yield from bench_model(f"ResNet-{layers}", resnet(layers).eval())
    yield from bench_layers()


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # the tools warn of what they use
    logging.disable(logging.WARNING)
    sys.exit(report(list(figures())))
