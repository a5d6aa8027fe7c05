"""Operations along one dimension: running sums, reversal, sorting, windows, embeddings, recurrent layers."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch

from ....assumptions import require
from ....errors import DomainError
from ...operators import Combine, Cumulative, Embedding, Expand, Flip, Identity, LastState, Reduce, Reshape, Sort
from ...operators.lookup import Lookup
from ...operators.recurrent import GATES, Recurrent
from ...operators.unfolding import Windows
from ...sizes.in_operators import numbers
from ...sizes.number import number_of
from ..builder import Builder
from ..registry import NotUnderstoodError, handles
from ..values import Value
from .layout import transpose
from .pooling import Extremes, chosen, with_places
from .shared import dimension, dimensions, looked_up, of_constants, of_numbers, sizes_from, summed_type, without_value


@handles("flip")
def _flip(builder: Builder, x: Value, *dims: Any, **options: Any) -> Value:
    return builder.emit(Flip(dimensions(x, sizes_from((options["dims"],) if options else dims))), x)


@handles("fliplr")
def _fliplr(builder: Builder, x: Value) -> Value:
    return _flip(builder, x, 1)


@handles("flipud")
def _flipud(builder: Builder, x: Value) -> Value:
    return _flip(builder, x, 0)


@handles("rot90", strided=True)
def _rot90(builder: Builder, x: Value, k: int = 1, dims: Any = (0, 1)) -> Value:
    """By so many right angles from the first dimension towards the second."""
    first, second = (dimension(x, d) for d in dims)
    if k % 2 == 0:
        return _flip(builder, x, first, second) if k % 4 else builder.emit(Flip(()), x)
    turned = transpose(builder, x, first, second)
    return _flip(builder, turned, first if k % 4 == 1 else second)


# Running sums


def _cumulative(name: str, builder: Builder, x: Value, dim: int, *, dtype: Any = None, **_: Any) -> Value:
    return builder.emit(Cumulative(name, dimension(x, dim)), x, dtype=dtype or summed_type(x))


def _extreme(name: str, builder: Builder, x: Value, dim: int) -> Extremes:
    """With the places."""
    values = builder.emit(Cumulative(name, dimension(x, dim)), x)
    return with_places(builder, values, Cumulative(f"{name}_places", dimension(x, dim)), x, f"{name}_places")


for _name in ("cumsum", "cumprod", "logcumsumexp"):
    handles(_name)(partial(_cumulative, _name))
for _name in ("cummax", "cummin"):
    handles(_name)(partial(_extreme, _name))


@handles("diff")
def _diff(builder: Builder, x: Value, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None) -> Value:
    """Each element less the one before it."""
    from .indexing import part

    without_value(prepend, append)
    at = dimension(x, dim)
    if n < 0:
        raise DomainError("n", n, "diff needs n >= 0")
    x = x if n else builder.emit(Identity("copy"), x)
    for _ in range(n):
        size = x.carried[at]
        x = builder.emit(Combine("sub"), part(builder, x, at, 1, size), part(builder, x, at, 0, size - 1))
    return x


# Order


@handles("sort")
def _sort(builder: Builder, x: Value, dim: int = -1, *_: Any, **__: Any) -> Extremes:
    return _sorted(builder, x, "sort", dim)


@handles("msort")
def _msort(builder: Builder, x: Value) -> Value:
    return builder.emit(Sort("sort", dimension(x, 0)), x)


@handles("topk")
def _topk(builder: Builder, x: Value, k: int, dim: int = -1, *_: Any, **__: Any) -> Extremes:
    without_value(k)
    return _sorted(builder, x, "topk", dim, k)


def _sorted(builder: Builder, x: Value, name: str, dim: int, length: int | None = None) -> Extremes:
    """With the places."""
    values, places = (Sort(one, dimension(x, dim), length) for one in (name, f"arg{name}"))
    return with_places(builder, builder.emit(values, x), places, x, f"arg{name}")


@handles("argsort")
def _argsort(builder: Builder, x: Value, dim: int = -1, *_: Any, **__: Any) -> Value:
    return builder.emit(Sort("argsort", dimension(x, dim)), x, dtype=torch.int64)


for _name in ("median", "nanmedian"):
    handles(_name)(partial(chosen, _name, f"arg{_name}"))


@handles("mode")
def _mode(builder: Builder, x: Value, dim: int = -1, keepdim: bool = False) -> Any:
    return chosen("mode", "argmode", builder, x, dim, keepdim)


@handles("kthvalue")
def _kthvalue(builder: Builder, x: Value, k: int, dim: int = -1, keepdim: bool = False) -> Any:
    n = x.carried[dimension(x, dim)] if x.rank else 1
    for relation, left, right in (("<=", 1, k), ("<=", k, n)):
        require(relation, left, right, "k", f"kthvalue needs 1 <= k <= {number_of(n)}", k=k)
    return chosen("kthvalue", "argkthvalue", builder, x, dim, keepdim)


def _quantile(name: str, builder: Builder, x: Value, q: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Value:
    if not isinstance(q, float | int):
        raise NotUnderstoodError("several quantiles at once are not followed")
    return builder.emit(Reduce(name, dimensions(x, dim), bool(keepdim)), x)


for _name in ("quantile", "nanquantile"):
    handles(_name, strided=True)(partial(_quantile, _name))


@handles("aminmax")
def _aminmax(builder: Builder, x: Value, *, dim: Any = None, keepdim: bool = False) -> tuple[Value, Value]:
    found = (builder.emit(Reduce(how, dimensions(x, dim), bool(keepdim)), x) for how in ("amin", "amax"))
    low, high = found
    return low, high


# Windows and copies


@handles("tensor_unfold", views=True, strided=True)
def _unfold(builder: Builder, x: Value, dimension_: Any = None, size: Any = None, step: Any = None, **o: Any) -> Value:
    """The windows of a dimension; their elements become a last dimension."""
    given = o.get("dimension", dimension_)
    return builder.emit(Windows(dimension(x, given), size, step), x)


@handles("repeat_interleave")
def _repeat_interleave(builder: Builder, x: Value, repeats: Any, dim: int | None = None, **_: Any) -> Value:
    """Every element several times in a row."""
    if isinstance(repeats, Value) or dim is None:
        raise NotUnderstoodError("how often each element is repeated, and along which dimension, is to be given")
    at = dimension(x, dim)
    before, n, after = x.carried[:at], x.carried[at], x.carried[at + 1 :]
    apart = builder.emit(Reshape((*before, n, 1, *after)), x)
    copies = builder.emit(Expand((*before, n, repeats, *after)), apart)
    return builder.emit(Reshape((*before, n * repeats, *after)), copies)


@handles("one_hot")
def _one_hot(builder: Builder, x: Value, num_classes: int = -1) -> Value:
    """Each element compared with the number of every class."""
    if num_classes < 1:
        raise NotUnderstoodError("the number of classes is that of the largest element")
    of_numbers("one_hot", x)
    if x.constant:
        rows = Value((num_classes, num_classes), torch.int64, constant=True, name="classes")
        return looked_up(builder, Lookup((*x.carried, num_classes)), rows, [x], [num_classes])
    apart = builder.emit(Reshape((*x.carried, 1)), x)
    classes = Value((num_classes,), torch.int64, constant=True, name="classes")
    return builder.emit(Combine("one_hot"), apart, classes, dtype=torch.int64)


@handles("functional.embedding")
def _embedding(builder: Builder, indices: Value, weight: Value, *_: Any, **__: Any) -> Value:
    """A row of the weights for every index."""
    of_numbers("embedding", indices, torch.int32)
    of_constants(weight)
    if indices.constant:
        rows, features = weight.carried
        return looked_up(builder, Lookup((*indices.carried, features)), weight, [indices], [rows])
    rows, features = weight.known
    return builder.emit(Embedding(rows, features), indices, weights=(weight,), dtype=weight.dtype)


@handles("embedding")
def _aten_embedding(builder: Builder, weight: Value, indices: Value, *_: Any, **__: Any) -> Value:
    return _embedding(builder, indices, weight)


# Recurrent layers


def _recurrent(
    cell: str,
    builder: Builder,
    x: Value,
    hx: Any,
    weights: Any,
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool = False,
) -> tuple[Value, ...]:
    """The output of every step, and the state after the last one: of an LSTM that of the cell, too."""
    states = list(hx) if isinstance(hx, list | tuple) else [hx]
    if not isinstance(weights, list | tuple) or x.rank != 3:
        raise NotUnderstoodError("sequences of different lengths in one tensor are not followed")
    of_constants(*weights)
    hidden, features = weights[0].known[0] // GATES[cell], weights[1].known[1]
    layer = Recurrent(
        cell,
        weights[0].known[1],
        hidden,
        time=1 if batch_first else 0,
        layers=num_layers,
        bias=has_biases,
        both=bidirectional,
        projected=features if features != hidden else 0,
    )
    read = states if any(not one.constant or isinstance(one.source, torch.nn.Parameter) for one in states) else []
    output = builder.emit(layer, x, *read, weights=weights)
    if batch_first and output.sizes:  # torch computes it position by position, and transposes it
        images, _, width = numbers(output.sizes)
        builder.checks.note_strides(output, (width, images * width, 1))
    batch = 0 if batch_first else 1
    last = LastState((num_layers * layer.directions, x.carried[batch], features), batch)
    cells = LastState((num_layers * layer.directions, x.carried[batch], hidden), batch)
    ends = [("h_n", last)] + ([("c_n", cells)] if cell == "lstm" else [])
    return (output, *(builder.later(end, output, sizes=end.shape, name=name) for name, end in ends))


for _name, _cell in (("lstm", "lstm"), ("gru", "gru"), ("rnn_tanh", "rnn"), ("rnn_relu", "rnn")):
    handles(_name, contiguous=True)(partial(_recurrent, _cell))


def _one_step(
    cell: str,
    builder: Builder,
    x: Value,
    hx: Any,
    w_ih: Value,
    w_hh: Value,
    b_ih: Value | None = None,
    b_hh: Value | None = None,
) -> Any:
    """One step of a layer: the state after it, and of an LSTM that of the cell, too."""
    states = list(hx) if isinstance(hx, list | tuple) else [hx]
    weights = [one for one in (w_ih, w_hh, b_ih, b_hh) if one is not None]
    of_constants(*weights)
    hidden, batch = w_hh.known[1], x.carried[0]
    layer = Recurrent(cell, w_ih.known[1], hidden, bias=b_ih is not None)
    steps = [builder.emit(Reshape((1, *one.carried)), one) for one in (x, *(s for s in states if not s.constant))]
    after = builder.emit(layer, *steps, weights=weights)
    state = builder.emit(Reshape((batch, hidden)), after)
    if cell != "lstm":
        return state
    held = builder.emit(LastState((1, batch, hidden), 1), after, label="cell")
    return state, builder.emit(Reshape((batch, hidden)), held, label="cell")


for _name, _kind in (("lstm_cell", "lstm"), ("gru_cell", "gru"), ("rnn_tanh_cell", "rnn"), ("rnn_relu_cell", "rnn")):
    handles(_name)(partial(_one_step, _kind))
