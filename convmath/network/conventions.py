"""What counts as an operation: named conventions, among them those of the tools that people compare with.

Each tool is reproduced at a version, as it counts there; where that contradicts what its documentation says, ``why``
says so. A tool that counts modules is taken to find every operation in a module of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from ..errors import DomainError
from .operators import (
    Activation,
    AdaptivePool,
    Conv,
    ConvTranspose,
    Linear,
    MatMul,
    Norm,
    Pool,
    Resize,
    Softmax,
)
from .operators.base import product
from .report import Row

Count = Callable[[Row], Any]


@dataclass(frozen=True)
class Convention:
    """A way to count operations.

    Attributes:
        name: what it is called.
        why: what it counts and why its number differs from others, in a sentence.
        forward: the operations of a node; None where they are not known.
        backward: those of its gradients; None where the convention says nothing of them.
        version: the version of the tool whose numbers it reproduces; empty if it is none's.
    """

    name: str
    why: str
    forward: Count
    backward: Count | None = None
    version: str = ""


def flops(convention: str, *, backward: bool = False) -> Count:
    """The operations of a row by a convention, to be summed by :meth:`NetworkReport.total`.

    Raises:
        DomainError: the convention is unknown, or says nothing of the gradients.

    >>> from convmath.network import Graph
    >>> from convmath.network.operators import Conv
    >>> net = Graph()
    >>> _ = net.add("conv", Conv(3, 8, (3, 3)), net.input((3, 8, 8)))
    >>> [net.analyze().total(flops(name)).value for name in ("mac", "2mac", "exact", "torchinfo")]
    [7776, 15552, 15552, 8064]
    """
    if convention not in CONVENTIONS:
        raise DomainError("convention", convention, f"needs one of {', '.join(CONVENTIONS)}")
    found = CONVENTIONS[convention]
    if not backward:
        return found.forward
    if found.backward is None:
        able = ", ".join(name for name, one in CONVENTIONS.items() if one.backward)
        raise DomainError("convention", convention, f"says nothing of the gradients; needs one of {able}")
    return found.backward


def _exact(row: Row) -> Any:
    return 2 * row.work.macs - row.work.sums + row.work.bias + row.work.other


def _torchinfo(row: Row) -> Any:
    operator = row.operator
    if isinstance(operator, (Conv, ConvTranspose)):
        return operator.params * product((row.sizes or ())[:1]) * product((row.sizes or ())[2:])
    if isinstance(operator, (Linear, Norm, Activation)):
        return operator.params * product((row.sizes or ())[:1])
    return 0


def _thop(row: Row) -> Any:
    operator, out = row.operator, row.elements
    match operator:
        case Conv() | ConvTranspose():
            return out * (operator.in_channels // operator.groups) * product(operator.kernel_size)
        case Linear():
            return row.work.macs
        case Norm(name="batch_norm" | "instance_norm" | "layer_norm"):
            return out * (4 if operator.params else 2)
        case Activation(name="prelu"):
            return out
        case Softmax(dim=dim):
            return 3 * out - out // (row.sizes or (1,))[dim]
        case Pool(how="avg"):
            return out
        case AdaptivePool(how="avg"):
            window = prod(n / m for n, m in zip(_input(row)[2:], (row.sizes or ())[2:], strict=True))
            return int((window + 1) * out)
        case Resize(mode=mode):
            return out * _THOP_RESIZE.get((mode, len(_input(row)) - 2), 0)
    return 0


_THOP_RESIZE = {
    **{("nearest", axes): 1 for axes in (1, 2, 3)},
    ("linear", 1): 5,
    ("linear", 2): 11,
    ("cubic", 2): 259,
}


def _fvcore(row: Row) -> Any:
    operator, out = row.operator, row.elements
    match operator:
        case Conv() | ConvTranspose() | Linear() | MatMul():
            return row.work.macs
        case Norm(name="batch_norm"):
            return out * (2 if operator.params else 1)
        case Norm(name="group_norm" | "layer_norm" | "instance_norm"):
            return out * (5 if operator.params else 4)
        case AdaptivePool(how="avg") if len(_input(row)) == 4:
            return product(_input(row))
        case Resize(mode=mode) if len(_input(row)) == 4:
            return out * {"nearest": 1, "linear": 4}.get(mode, 0)
    return 0


def _ptflops(row: Row) -> Any:
    operator, out = row.operator, row.elements
    match operator:
        case Conv() | ConvTranspose() | Linear():
            return row.work.macs + row.work.bias
        case MatMul():
            return row.work.macs
        case Norm(name="batch_norm" | "instance_norm" | "group_norm"):
            return out * (2 if operator.params else 1)
        case Norm(name="layer_norm"):
            return out
        case Norm(name="local_response_norm"):
            return None  # the number of channels that it takes together, by which ptflops counts, is not kept
        case Activation(name=name):
            return out * _PTFLOPS_ACTIVATIONS.get(name, 0)
        case Softmax():
            return out
        case Pool() | AdaptivePool():
            return 2 * product(_input(row))
        case Resize(scale=scale):
            return out + (out if scale is None else int(product(_input(row)) * product(scale)))
    return 0


_PTFLOPS_ACTIVATIONS = {"relu": 2, "prelu": 2, "elu": 2, "gelu": 2, "leaky_relu": 1, "relu6": 1, "silu": 1}
"""Once for a module that is counted, once for a function that is."""


def _flop_counter(row: Row) -> Any:
    return 2 * row.work.macs


def _flop_counter_backward(row: Row) -> Any:
    groups = row.operator.groups if isinstance(row.operator, (Conv, ConvTranspose)) else 1
    return 2 * (row.backward_macs + (groups - 1) * row.work.macs)


def _input(row: Row) -> tuple[Any, ...]:
    return row.inputs[0] or ()


CONVENTIONS: Mapping[str, Convention] = {
    one.name: one
    for one in (
        Convention(
            "mac",
            "One for each multiply-accumulate of convolutions, dense layers and matrix products; nothing else.",
            lambda row: row.work.macs,
            lambda row: row.backward_macs,
        ),
        Convention(
            "2mac",
            "Two for each multiply-accumulate, a multiplication and an addition; nothing else.",
            lambda row: 2 * row.work.macs,
            lambda row: 2 * row.backward_macs,
        ),
        Convention(
            "exact",
            "Every multiplication, addition, comparison, division and function value: a sum of K products has K "
            "multiplications and K - 1 additions, a bias one addition more.",
            _exact,
        ),
        Convention(
            "torchinfo",
            "Multiply-adds of modules with parameters alone: of a convolution the weights and biases times the output "
            "positions, so that a bias counts as a multiply-add and a transposed convolution is counted at its output; "
            "of all other modules the parameters times the batch, so that a dense layer on a sequence counts once.",
            _torchinfo,
            version="1.8.0",
        ),
        Convention(
            "thop",
            "Multiply-adds without biases, a transposed convolution counted at its output, and four operations for "
            "every element that a normalisation with parameters makes (two without), one for average pooling, none "
            "for ReLU, maximum pooling, group normalisation and sums.",
            _thop,
            version="0.1.1.post2209072238",
        ),
        Convention(
            "fvcore",
            "One for each multiply-accumulate, as it says, and operations for normalisation in evaluation (two an "
            "element for batches with parameters, five for groups, layers and instances), adaptive average pooling "
            "and upsampling in two dimensions; none for biases, other pooling, activations and sums.",
            _fvcore,
            version="0.1.5.post20221221",
        ),
        Convention(
            "ptflops",
            "Multiply-adds with biases, and operations for normalisation, activations, pooling and upsampling at batch "
            "size 1; modules such as ReLU and the pooling layers count twice, once as a module and once as the "
            "function that the module calls, and sums written with + not at all.",
            _ptflops,
            version="0.7.5",
        ),
        Convention(
            "flop_counter",
            "torch.utils.flop_counter.FlopCounterMode: two for each multiply-accumulate, nothing else; backward, the "
            "gradient of a grouped convolution's weight is counted as if there were no groups.",
            _flop_counter,
            _flop_counter_backward,
            version="2.13.0",
        ),
    )
}
"""Every convention by its name."""
