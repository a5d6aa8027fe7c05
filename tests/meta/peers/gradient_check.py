"""``torch.autograd.gradcheck`` at its defaults, on one typical case.

The kernel is half of a ``torch.autograd.Function``, the other half is torch's own: a wrong forward pass has the right
backward pass, a wrong gradient the right forward pass. The case is the usual one that halves its input (kernel 3,
stride 2, padding 1; a transposed convolution has output_padding 1 to double it).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd import gradcheck

from .calls import FORWARD
from .torch_layers import conv_options, layer, pool_options

_BATCH, _INPUTS, _OUTPUTS = 2, 2, 4
_LENGTH = {1: 8, 2: 6, 3: 4}
_GIVEN = {"stride": 2, "padding": 1}


def caught(make: Callable[[], Callable[..., Any]], kind: str, ndim: int, dtype: str) -> bool:
    """Whether gradcheck raises."""
    torch.manual_seed(0)
    pool, transposed = "pool" in kind, kind == "conv_transpose"
    given = _GIVEN | ({"kernel_size": 3} if pool else {}) | ({"output_padding": 1} if transposed else {})
    options = (
        pool_options(FORWARD.get(kind, kind), ndim, (), given)
        if pool
        else conv_options((3,) * ndim, given, transposed=transposed)
    )
    channels = (_INPUTS, _OUTPUTS) if transposed else (_OUTPUTS, _INPUTS)
    shapes = [(_BATCH, _INPUTS, *(_LENGTH[ndim],) * ndim)]
    shapes += [] if pool else [(*channels, *(3,) * ndim), (_OUTPUTS,)]
    inputs = tuple(torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes)
    function = _function(make(), kind, options, lambda *tensors: layer(kind, ndim)(*tensors, **given))
    try:
        return not gradcheck(function, inputs)
    except Exception:  # its own error, or whatever a wrong kernel raises on the way
        return True


def _function(kernel: Callable[..., Any], kind: str, options: dict[str, Any], right: Callable[..., Any]) -> Any:
    def run(*tensors: Any, **more: Any) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(kernel(*(t.detach().numpy() for t in tensors), **more)))

    class Half(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *tensors: Any) -> Any:
            ctx.save_for_backward(*tensors)
            ctx.graph = None
            return right(*tensors) if kind in FORWARD else run(*tensors, **options).to(torch.float64)

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            if ctx.graph is None:  # gradcheck goes back through it once for each element of the output
                tensors = [tensor.detach().requires_grad_() for tensor in ctx.saved_tensors]
                with torch.enable_grad():
                    ctx.graph = tensors, right(*tensors)
            tensors, output = ctx.graph
            gradients = list(torch.autograd.grad(output, tensors, grad, retain_graph=True))
            if kind in FORWARD:
                place, arguments, more = _gradient(kind, tensors, grad)
                gradients[place] = run(*arguments, **({} if kind == "grad_bias" else options | more))
            return tuple(gradients)

    return Half.apply


def _gradient(kind: str, tensors: list[Any], grad: Any) -> tuple[int, tuple[Any, ...], dict[str, Any]]:
    """Which input a gradient belongs to, and what it is computed from."""
    x, *parameters = tensors
    size = {"input_size": tuple(x.shape[2:])}
    if "pool" in kind:
        return (0, (grad, x), {}) if kind == "max_pool_grad_input" else (0, (grad,), size)
    return {
        "grad_input": (0, (grad, parameters[0]), size),
        "grad_weight": (1, (x, grad), {"kernel_size": tuple(parameters[0].shape[2:])}),
        "grad_bias": (2, (grad,), {}),
    }[kind]
