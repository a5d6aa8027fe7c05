"""Operators along one dimension: running sums, reversal, order, choices, recurrent layers."""

from __future__ import annotations

from typing import Any

from ....errors import DomainError
from ...operators import Activation, Combine, Cumulative, Flip, Input, LastState, Permute, Recurrent, Reshape, Sort
from ...operators.recurrent import GATES
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..value import Value


@handles("CumSum", "CumProd")
def _cumulative(call: Call) -> Value:
    """From the start or the end, with the element in its place or without it."""
    axis = call.integer_of(1)
    reverse, exclusive = bool(call.integer("reverse", 0)), bool(call.integer("exclusive", 0))
    dim = call.dimension(axis, call.rank())
    return call.emit(Cumulative(call.op.lower(), dim, reverse, exclusive), call.value())


@handles("ReverseSequence")
def _reverse_sequence(call: Call) -> Value:
    """The whole dimension reversed, where every sequence has its length."""
    sizes = call.sizes()
    time = call.dimension(call.integer("time_axis", 0), len(sizes))
    if any(length != sizes[time] for length in call.whole(1)):
        raise NotUnderstoodError("it reverses sequences of different lengths")
    return call.emit(Flip((time,)), call.value())


@handles("TopK")
def _topk(call: Call) -> list[Value | None]:
    """The largest elements along a dimension, and their places."""
    sizes = call.sizes()
    axis = call.dimension(call.integer("axis", -1), len(sizes))
    count = call.integer("k") if call.opset < 10 else call.integer_of(1)
    if count < 1:
        raise DomainError("node", call.name, f"TopK needs k >= 1, and not {count}")
    values = call.emit(Sort("topk", axis, count), call.value())
    places = call.emit(Sort("argtopk", axis, count), call.value(), label="1") if call.used[1:2] == [True] else None
    return [values, places][: len(call.used)]


@handles("OneHot")
def _one_hot(call: Call) -> Value:
    """Each index compared with the number of every class, along a new dimension."""
    sizes, depth = call.sizes(), call.integer_of(1)
    if depth < 1:
        raise DomainError("node", call.name, f"OneHot needs a depth >= 1, and not {depth}")
    axis = call.dimension(call.integer("axis", -1), len(sizes) + 1)
    apart = call.emit(Reshape((*sizes[:axis], 1, *sizes[axis:])), call.value(), label="unsqueeze")
    classes = Value((depth, *(1,) * (len(sizes) - axis)), name=f"{call.name}/classes")
    return call.emit(Combine("one_hot"), apart, classes)


@handles("Trilu")
def _trilu(call: Call) -> Value:
    """Some elements stay and the others are 0."""
    return call.emit(Activation("trilu"), call.value())


@handles("SwiGLU")
def _swiglu(call: Call) -> Value:
    """The product of the second input with the Swish of the first."""
    gate = call.emit(Activation("silu"), call.value(0), label="swish")
    return call.emit(Combine("mul"), gate, call.value(1))


@handles("RandomNormalLike", "RandomUniformLike", "EyeLike")
def _like(call: Call) -> Value:
    """A constant of the sizes of the input."""
    return call.emit(Input(call.sizes(kept=True)))


_CELLS = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn"}


@handles(*_CELLS)
def _recurrent(call: Call) -> list[Value | None]:
    """One layer; its weights are ``(directions, gates*hidden, features)``. [onnx.LSTM]"""
    sizes, weights, state = call.sizes(kept=True), call.weight(1), call.weight(2)
    if len(sizes) != 3 or len(weights) != 3 or len(state) != 3:
        raise DomainError("node", call.name, f"{call.op} needs three dimensions, and not {sizes}, {weights}, {state}")
    gates = GATES[_CELLS[call.op]] * state[2]
    if weights[0] not in (1, 2) or state[:2] != (weights[0], gates) or weights[1] != gates:
        raise DomainError("node", call.name, f"{call.op} needs gates for one or two directions: {weights}, {state}")
    layout = call.integer("layout", 0) if call.opset >= 14 else 0
    _require_whole(call, sizes[1 if layout else 0])
    directions, hidden = weights[0], state[2]
    layer = Recurrent(
        _CELLS[call.op],
        weights[2],
        hidden,
        time=1 if layout else 0,
        bias=call.optional(3) is not None,
        both=directions == 2,
        reverse=call.text("direction", "forward") == "reverse",
    )
    params = call.params(*(call.optional(number) for number in (1, 2, 3)))
    states = [one for number in (5, 6) if (one := call.optional(number)) is not None and not one.constant]
    if layout:
        states = [call.emit(Permute((1, 0, 2)), one, label="transpose") for one in states]
    run = call.emit(layer, call.value(), *states, params=params, label="steps")
    apart = call.emit(Reshape((0, 0, directions, hidden)), run, label="directions" if not layout else "")
    output = apart if layout else call.emit(Permute((0, 2, 1, 3)), apart)
    batch = sizes[0 if layout else 1]
    shape: Any = (batch, directions, hidden) if layout else (directions, batch, hidden)
    ends = ("state", "cell") if call.op == "LSTM" else ("state",)
    used = [*call.used[1:], False, False]
    last = LastState(shape, None if layout else 1)
    found = [output, *(call.emit(last, run, label=end) if used[n] else None for n, end in enumerate(ends))]
    return found[: len(call.used)]


def _require_whole(call: Call, length: Any) -> None:
    """Require sequences that all have this length, and cells that do not look at their state before the gates."""
    if call.optional(4) is not None and any(one != length for one in call.whole(4)):
        raise NotUnderstoodError("it takes sequences of different lengths")
    if call.op == "LSTM" and call.optional(7) is not None:
        raise NotUnderstoodError("its peepholes are not followed")
