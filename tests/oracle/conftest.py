"""torch's answer to a case: the truth from outside."""

from __future__ import annotations

import numpy as np
import pytest


def _tensor(torch, array, device, dtype, grad=False):
    return torch.from_numpy(np.ascontiguousarray(array)).to(device=device, dtype=dtype).requires_grad_(grad)


def _conv_layer(torch, case, x, w, b):
    functional = torch.nn.functional
    layer = getattr(functional, f"conv{'_transpose' if case.transposed else ''}{case.ndim}d")
    if case.transposed:
        return functional.pad(layer(x, w, b, **case.torch_kwargs()), case.torch_pad())
    return layer(functional.pad(x, case.torch_pad()), w, b, **case.torch_kwargs())


@pytest.fixture(autouse=True, scope="module")
def one_torch_thread():
    """Small cases lose more to waking threads than they gain, many times over where tests run side by side."""
    torch = pytest.importorskip("torch")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def torch_conv():
    """The layer's output and its gradients for x, w and bias, by autograd, as NumPy arrays."""
    torch = pytest.importorskip("torch")

    def answers(case, device, dtype=torch.float64):
        x, w = (_tensor(torch, array, device, dtype, grad=True) for array in (case.x, case.w))
        b = torch.zeros(case.out_channels, device=device, dtype=dtype)
        if case.b is not None:
            b = _tensor(torch, case.b, device, dtype)
        b = b.requires_grad_()
        y = _conv_layer(torch, case, x, w, b)
        y.backward(_tensor(torch, case.grad_output, device, dtype))
        found = {"y": y, "grad_input": x.grad, "grad_weight": w.grad, "grad_bias": b.grad}
        return {name: value.detach().cpu().numpy() for name, value in found.items()}

    return answers


@pytest.fixture(scope="session")
def torch_pool():
    """The layer's output, indices (of a maximum) and gradient for x, by autograd, as NumPy arrays."""
    torch = pytest.importorskip("torch")

    def answers(case, device, dtype=torch.float64):
        x = _tensor(torch, case.x, device, dtype, grad=True)
        kwargs = case.torch_kwargs()
        if case.averages:
            y, indices = getattr(torch.nn.functional, f"avg_pool{case.ndim}d")(x, **kwargs), None
        else:
            y, indices = getattr(torch.nn.functional, f"max_pool{case.ndim}d")(x, return_indices=True, **kwargs)
            indices = indices.cpu().numpy()
        y.backward(_tensor(torch, case.grad_output, device, dtype))
        return y.detach().cpu().numpy(), indices, x.grad.cpu().numpy()

    return answers
