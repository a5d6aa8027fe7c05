"""The tools that count operations, run on networks."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import import_module
from importlib.metadata import version

import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from convmath.network.conventions import CONVENTIONS

Count = Callable[[nn.Module, tuple[int, ...]], float]
"""Of a network in evaluation and the sizes of its input, the batch first."""


def torchinfo(model: nn.Module, sizes: tuple[int, ...]) -> float:
    return import_module("torchinfo").summary(model, sizes, verbose=0, mode="eval").total_mult_adds


def thop(model: nn.Module, sizes: tuple[int, ...]) -> float:
    return import_module("thop").profile(model, (torch.zeros(sizes),), verbose=False)[0]


def fvcore(model: nn.Module, sizes: tuple[int, ...]) -> float:
    analysis = import_module("fvcore.nn").FlopCountAnalysis(model, torch.zeros(sizes))
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()


def ptflops(model: nn.Module, sizes: tuple[int, ...]) -> float:
    """A batch is given by name, as ptflops divides by one that is given otherwise."""
    batch, *size = sizes
    whole, options = (model, {}) if batch == 1 else (nn.Sequential(model), {"input_constructor": _by_name(batch)})
    count = import_module("ptflops").get_model_complexity_info
    return count(whole, tuple(size), as_strings=False, print_per_layer_stat=False, **options)[0]


def _by_name(batch: int) -> Callable[[tuple[int, ...]], dict[str, torch.Tensor]]:
    return lambda size: {"input": torch.zeros(batch, *size)}


def flop_counter(model: nn.Module, sizes: tuple[int, ...]) -> float:
    """With attention in products, as the one function that a CPU has for it is not counted."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.zeros(sizes))
    return counter.get_total_flops()


TOOLS: dict[str, Count] = {
    "torchinfo": torchinfo,
    "thop": thop,
    "fvcore": fvcore,
    "ptflops": ptflops,
    "flop_counter": flop_counter,
}


def counted(tool: str, model: nn.Module, sizes: tuple[int, ...]) -> float:
    """What the tool counts; its imports and its tracing warn of their own old age."""
    if tool != "flop_counter":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pytest.importorskip(tool)
        installed = version(tool).replace("-", ".post")
        if installed != CONVENTIONS[tool].version:
            pytest.skip(f"{tool} {CONVENTIONS[tool].version} is not installed: this is {installed}")
    with _silence():
        return TOOLS[tool](model.eval(), sizes)


@contextmanager
def _silence() -> Iterator[None]:
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
