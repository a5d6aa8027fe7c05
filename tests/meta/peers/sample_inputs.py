"""torch's OpInfo: its sample inputs for a layer, with torch's own layer, or its gradient, as what is expected."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
import torch
from hypothesis import settings
from torch.testing import assert_close

from .calls import FORWARD, Call, any_fails
from .torch_layers import conv_options, pool_options

SEED = 0


def caught(make: Callable[[], Callable[..., Any]], kind: str, ndim: int, dtype: str) -> bool:
    """Whether an output differs from torch's by more than ``torch.testing.assert_close`` allows."""
    return any_fails(
        make(), calls(kind, ndim, dtype), lambda got, expected: assert_close(torch.from_numpy(got), expected)
    )


@cache
def calls(kind: str, ndim: int, dtype: str) -> tuple[Call, ...]:
    """All sample inputs, as calls of a kernel."""
    op, samples = _samples(f"nn.functional.{FORWARD.get(kind, kind)}{ndim}d", getattr(torch, dtype))
    torch.manual_seed(SEED)
    return tuple(call for sample in samples for call in _calls(op, kind, ndim, sample))


@cache
def _samples(name: str, dtype: torch.dtype) -> tuple[Callable[..., Any], list[Any]]:
    """A layer of torch and its sample inputs; with gradients, for one layer's kinds are computed from the same."""
    profile = settings.get_current_profile_name()
    from torch.testing._internal.common_methods_invocations import op_db

    settings.load_profile(profile)  # torch loads one of its own
    (info,) = (op for op in op_db if op.name == name)
    torch.manual_seed(SEED)
    return info.op, list(info.sample_inputs("cpu", dtype, requires_grad=True))


def _calls(op: Callable[..., Any], kind: str, ndim: int, sample: Any) -> Iterator[Call]:
    """The call of a kernel that a sample is; a kernel has a batch axis, which a sample may lack."""
    x, args = sample.input, sample.args
    if "pool" in kind:
        options, parameters = pool_options(FORWARD.get(kind, kind), ndim, args, sample.kwargs), []
    else:
        weight, bias = (*args, None)[:2]
        options = conv_options(tuple(weight.shape[2:]), sample.kwargs, transposed=kind == "conv_transpose")
        parameters = [weight, bias]
    x = x if x.dim() == ndim + 2 else x.unsqueeze(0)
    y = op(x, *args, **sample.kwargs)
    y = y[0] if isinstance(y, tuple) else y
    if kind not in FORWARD:
        yield Call((_array(x), *map(_array, parameters)), options, y.detach())
    elif y.numel():
        yield from _gradients(kind, y, x, parameters, options)


def _gradients(kind: str, y: Any, x: Any, parameters: list[Any], options: dict[str, Any]) -> Iterator[Call]:
    grad_output = torch.randn_like(y)
    wanted = dict(zip(("grad_weight", "grad_bias"), parameters, strict=False)).get(kind, x)
    if wanted is None:
        return
    (expected,) = torch.autograd.grad(y, wanted, grad_output)
    given = _array(grad_output)
    sizes = {"input_size": tuple(x.shape[2:])}
    yield {
        "grad_input": lambda: Call((given, _array(parameters[0])), options | sizes, expected),
        "grad_weight": lambda: Call(
            (_array(x), given), options | {"kernel_size": tuple(parameters[0].shape[2:])}, expected
        ),
        "grad_bias": lambda: Call((given,), {}, expected),
        "max_pool_grad_input": lambda: Call((given, _array(x)), options, expected),
        "avg_pool_grad_input": lambda: Call((given,), options | sizes, expected),
    }[kind]()


def _array(tensor: Any) -> np.ndarray[Any, Any] | None:
    return None if tensor is None else tensor.detach().numpy()
