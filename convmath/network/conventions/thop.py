"""The rules of thop."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

from ..operators import Operator, Recurrent, Resize, Sizes, Softmax
from ..operators.base import product
from ..operators.recurrent import GATES
from ..origin import Call
from ..row import Row
from .shared import given_to, origin_of, torchs, watching

_RESIZE = {
    **{("nearest", axes): 1 for axes in (1, 2, 3)},
    ("linear", 1): 5,
    ("linear", 2): 11,
    ("cubic", 2): 259,
}
"""Operations for an element, by the mode and the number of axes."""

_NORMS = ("BatchNorm", "InstanceNorm", "LayerNorm", "SyncBatchNorm")
_RESIZES = ("Upsample", "UpsamplingNearest", "UpsamplingBilinear")
_KNOWN = {
    *("Conv", "ConvTranspose", "Linear", "PReLU", "Softmax", "AvgPool", "AdaptiveAvgPool", "RNN", "GRU", "LSTM"),
    *("RNNCell", "GRUCell", "LSTMCell"),
    *(_NORMS + _RESIZES),
}


@watching
def thop(row: Row) -> Any:
    """Of a call of one of the modules that it knows, by its type.

    A module that is a part of several is hooked for each of them, and what its hooks count is summed for each again.
    """
    call, given = origin_of(row).call, given_to(row)
    if call is None or torchs(call) not in _KNOWN:
        return 0
    if row.sizes is None or not given or given[0] is None:
        return None
    counted = _module(call, given[0], row.sizes, row.operator)
    return None if counted is None else call.visits**2 * counted


def _module(call: Call, source: Sizes, output: Sizes, operator: Operator) -> Any:
    affine = call.options.get("affine") or call.options.get("elementwise_affine")
    match kind := torchs(call):
        case "Softmax" if call.options.get("dim") is None:
            return None  # it fails
        case "Conv" | "ConvTranspose":
            return product(output) * (source[1] // call.options["groups"]) * product(call.options["kernel_size"])
        case "Linear":
            return product(output) * call.options["in_features"]
        case "PReLU":
            return product(source)
        case "AvgPool":
            return product(output)
        case "AdaptiveAvgPool":
            window = prod(n / m for n, m in zip(source[2:], output[2:], strict=True))
            return int((window + 1) * product(output))
        case "RNNCell" | "GRUCell" | "LSTMCell":
            return source[0] * _cell(kind.removesuffix("Cell").lower(), call.parameters)
        case _ if kind in _NORMS:
            return product(source) * (4 if affine else 2)
    match operator:
        case Softmax(dim=dim):
            return 3 * product(source) - product(source) // source[dim]
        case Resize(mode=mode):
            return product(output) * _RESIZE.get((mode, len(output) - 2), 0)
        case Recurrent():
            return product(source[:-1]) * _cells(operator)
    return 0 if kind in _RESIZES else None


def _cells(operator: Recurrent) -> Any:
    """Of all layers, for one step of one sequence; a projection is left out."""
    hidden, directions = operator.hidden_size, operator.directions
    inputs = (operator.input_size, *[hidden * directions] * (operator.layers - 1))
    return directions * sum(_step(operator.cell, one, hidden, operator.bias) for one in inputs)


def _cell(kind: str, parameters: Mapping[str, Sizes]) -> Any:
    """Of a layer of one step, by its weights, for one sequence."""
    features, hidden = parameters["weight_ih"][1], parameters["weight_hh"][1]
    return _step(kind, features, hidden, "bias_ih" in parameters)


def _step(cell: str, features: Any, hidden: Any, bias: bool) -> Any:
    more = 0 if cell == "rnn" else 4 * hidden
    return GATES[cell] * (hidden * (features + hidden) + hidden + (2 * hidden if bias else 0)) + more
