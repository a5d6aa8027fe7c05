"""The usual mistakes in convolutions and pooling, each as a layer that makes it.

A mistake is a change of arguments and options, and sometimes of what comes out, so that its result is as exact, and its
error as well bounded, as that of the layer itself. Texts go after "matches if".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .axes import Axis
from .layer import Layer
from .options import Index, Pairs

Array: TypeAlias = npt.NDArray[Any]
Options: TypeAlias = dict[str, Any]

CONV, TRANSPOSE, INPUT, WEIGHT, BIAS = "conv", "conv_transpose", "grad_input", "grad_weight", "grad_bias"
SUMS = (CONV, TRANSPOSE, INPUT, WEIGHT)
KEPT = ", but in the output size"
POOLS = ("max_pool", "avg_pool", "max_pool_grad_input", "avg_pool_grad_input")


@dataclass(frozen=True)
class Wrong:
    """A wrong layer, what is done to its result, and whether that rounds."""

    layer: Layer
    after: Callable[[Array], Array] = np.asarray
    rounds: bool = False


Change: TypeAlias = Callable[[Layer], Wrong | Layer]


@dataclass(frozen=True)
class Mistake:
    """A usual mistake; ``change`` raises DomainError or ValueError where it makes the call impossible."""

    text: str
    kinds: tuple[str, ...]
    change: Change

    def wrong(self, layer: Layer) -> Wrong:
        """The layer with the mistake made."""
        changed = self.change(layer)
        return changed if isinstance(changed, Wrong) else Wrong(changed)


def mistakes(kind: str) -> list[Mistake]:
    """The usual mistakes of a kind, the commonest first.

    >>> mistakes("grad_bias")[0].text
    'only the first of the batch is summed'
    """
    return [mistake for mistake in _TABLE if kind in mistake.kinds]


def with_options(layer: Layer, **changes: Any) -> Layer:
    """The layer with other options."""
    return replace(layer, options=layer.options | changes)


def with_argument(layer: Layer, position: int, change: Callable[[Array], Array]) -> Layer:
    """The layer with one argument changed."""
    arguments = list(layer.arguments)
    arguments[position] = change(np.asarray(arguments[position]))
    return replace(layer, arguments=tuple(arguments))


def fitted(layer: Layer, **changes: Any) -> Layer:
    """The layer with other options, and the right padding that leaves all shapes as they were.

    >>> x, w = np.arange(5).reshape(1, 1, 5), np.ones((1, 1, 2), dtype=int)
    >>> options = {"stride": (1,), "padding": ((0, 0),), "dilation": (3,), "groups": 1}
    >>> fitted(Layer("conv", (x, w, None), options), dilation=(1,)).expected.high.tolist()
    [[[1.0, 3.0]]]
    """
    options = layer.options | changes
    sides = zip(layer.relation.axes, options["padding"], options["stride"], options["dilation"], strict=True)
    padding = tuple(
        (lo, stride * (axis.output_size - 1) + dilation * (axis.kernel_size - 1) + 1 - axis.input_size - lo)
        for axis, (lo, _), stride, dilation in sides
    )
    sizes = {"output_padding": (0,) * len(padding)} if layer.kind == TRANSPOSE else {}
    return replace(layer, options=options | {"padding": padding} | sizes)


def _option_changes() -> Iterator[tuple[str, Callable[[Options], Options]]]:
    yield "the dilation is ignored", lambda o: {"dilation": _ones(o)}
    yield "stride and dilation are swapped", lambda o: {"stride": o["dilation"], "dilation": o["stride"]}
    yield "the stride is ignored", lambda o: {"stride": _ones(o)}
    yield "the padding is ignored", lambda o: {"padding": ((0, 0),) * len(o["stride"])}
    yield "the padding's two sides are swapped", lambda o: {"padding": tuple((hi, lo) for lo, hi in o["padding"])}
    yield "the low padding is used on both sides", lambda o: {"padding": tuple((lo, lo) for lo, _ in o["padding"])}
    yield "the high padding is used on both sides", lambda o: {"padding": tuple((hi, hi) for _, hi in o["padding"])}
    yield "the padding is divided evenly, the odd one at the end", lambda o: {"padding": _even(o["padding"], 0)}
    yield "the padding is divided evenly, the odd one at the start", lambda o: {"padding": _even(o["padding"], 1)}
    for name in ("stride", "padding", "dilation"):
        yield f"the {name} of the axes is reversed", partial(_reversed, names=(name,))
        for place, word in ((0, "first"), (-1, "last")):
            yield f"the {name} of the {word} axis is used for every axis", partial(_spread, name=name, place=place)
    yield (
        "stride, padding and dilation of the axes are reversed",
        partial(_reversed, names=("stride", "padding", "dilation")),
    )


def _ones(options: Options) -> Index:
    return (1,) * len(options["stride"])


def _even(padding: Pairs, more: int) -> Pairs:
    return tuple(((lo + hi + more) // 2, (lo + hi + 1 - more) // 2) for lo, hi in padding)


def _reversed(options: Options, *, names: tuple[str, ...]) -> Options:
    return {name: options[name][::-1] for name in names}


def _spread(options: Options, *, name: str, place: int) -> Options:
    return {name: (options[name][place],) * len(options[name])}


def _changed(layer: Layer, *, change: Callable[[Options], Options], kept: bool) -> Layer:
    return (fitted if kept else with_options)(layer, **change(layer.options))


def _from_options() -> Iterator[Mistake]:
    """Each change of options; in gradients sizes are given, elsewhere the output may keep its size or not."""
    for text, change in _option_changes():
        yield Mistake(text, (INPUT, WEIGHT), partial(_changed, change=change, kept=True))
        yield Mistake(text, (CONV, TRANSPOSE, *POOLS), partial(_changed, change=change, kept=False))
        yield Mistake(text + KEPT, (CONV, TRANSPOSE), partial(_changed, change=change, kept=True))


def _flipped(array: Array, axes: tuple[int, ...] | None = None) -> Array:
    return np.flip(array, axis=axes or tuple(range(2, array.ndim)))


def _on_kernel(layer: Layer, *, change: Callable[[Array], Array]) -> Wrong | Layer:
    """A change of the weight, or of the gradient for it."""
    return Wrong(layer, change) if layer.kind == WEIGHT else with_argument(layer, 1, change)


def _one_axis(array: Array, *, axis: int) -> Array:
    return _flipped(array, (axis + 2,)) if array.ndim > 3 else array


def _from_kernel() -> Iterator[Mistake]:
    changes: list[tuple[str, Callable[[Array], Array]]] = [
        ("the kernel is flipped", _flipped),
        ("the spatial axes of the kernel are reversed", lambda w: w.transpose(0, 1, *range(w.ndim - 1, 1, -1))),
        ("the weight's two channel axes are swapped", lambda w: w.swapaxes(0, 1)),
        *((f"the kernel is flipped along axis {axis} alone", partial(_one_axis, axis=axis)) for axis in range(3)),
    ]
    for text, change in changes:
        yield Mistake(text, SUMS, partial(_on_kernel, change=change))


def _in_turn(groups: int, array: Array, axis: int) -> Array:
    """Where the channels go if they are dealt out to the groups in turn."""
    order = np.arange(array.shape[axis]).reshape(-1, groups).T.ravel()
    return array.take(order, axis)


def _back(groups: int, array: Array, axis: int) -> Array:
    order = np.arange(array.shape[axis]).reshape(-1, groups).T.ravel()
    return array.take(np.argsort(order), axis)


def _dealt_in(layer: Layer, *, position: int) -> Layer:
    return with_argument(layer, position, lambda a: _in_turn(layer.options["groups"], a, 1))


def _dealt_out(layer: Layer) -> Wrong:
    return Wrong(layer, lambda y: _back(layer.options["groups"], y, 1))


def _first_channels(layer: Layer) -> Layer:
    """Every group reads as many channels as a group has, from the first on."""
    groups = layer.options["groups"]

    def first(array: Array) -> Array:
        return np.concatenate([array[:, : array.shape[1] // groups]] * groups, axis=1)

    return with_argument(layer, 0, first)


def _from_groups() -> Iterator[Mistake]:
    yield Mistake("the groups are ignored", SUMS, lambda layer: with_options(layer, groups=1))
    yield Mistake("every group reads the channels of the first", SUMS, _first_channels)
    yield Mistake("channels are dealt out to the groups in turn", SUMS, partial(_dealt_in, position=0))
    yield Mistake("outputs are dealt out to the groups in turn", (CONV, TRANSPOSE, INPUT), _dealt_out)
    yield Mistake("gradients are dealt out to the groups in turn", (WEIGHT,), partial(_dealt_in, position=1))


def _with_bias(layer: Layer, *, change: Callable[[Array], Array | None]) -> Layer:
    x, w, bias = layer.arguments
    return replace(layer, arguments=(x, w, None if bias is None else change(np.asarray(bias))))


def _from_bias() -> Iterator[Mistake]:
    changes: list[tuple[str, Callable[[Array], Array | None]]] = [
        ("the bias is left out", lambda b: None),
        ("the bias is added twice", lambda b: b * 2),
        ("the bias is subtracted", lambda b: -b),
        ("the first bias is used for every channel", lambda b: np.full_like(b, b[0])),
    ]
    for text, change in changes:
        yield Mistake(text, (CONV, TRANSPOSE), partial(_with_bias, change=change))


def _reach(axis: Axis) -> int:
    """Where the last window ends, counted from the start of the first."""
    return axis.stride * (axis.output_size - 1) + axis.dilation * (axis.kernel_size - 1) + 1


def _tail(axis: Axis) -> int:
    return axis.lo + axis.input_size + axis.hi - _reach(axis)


def _rounded_up(layer: Layer) -> Layer:
    """Another window wherever a tail is left."""
    axes = layer.relation.axes
    return with_options(layer, padding=tuple((a.lo, a.hi + (a.stride - _tail(a)) % a.stride) for a in axes))


def _from_the_end(layer: Layer) -> Layer:
    """The tail that no window covers lies at the start."""
    return fitted(layer, padding=tuple((axis.lo - _tail(axis), axis.hi) for axis in layer.relation.axes))


def _cut_to_windows(layer: Layer) -> Layer:
    """The gradient ends where the last window does."""
    axes = layer.relation.axes
    size = tuple(min(axis.input_size, _reach(axis) - axis.lo) for axis in axes)
    padding = tuple((axis.lo, _reach(axis) - axis.lo - n) for axis, n in zip(axes, size, strict=True))
    return with_options(layer, input_size=size, padding=padding)


def _tail_kept(layer: Layer) -> Wrong:
    """The weight's gradient as a convolution with stride and dilation exchanged: a tail adds taps to the kernel."""
    x, dy = (np.swapaxes(argument, 0, 1) for argument in layer.arguments)
    exchanged = {"stride": layer.options["dilation"], "dilation": layer.options["stride"]}
    groups = layer.options["groups"]

    def own_channels(y: Array) -> Array:
        inputs, outputs, *kernel_size = y.shape
        grouped = y.swapaxes(0, 1).reshape(groups, outputs // groups, groups, inputs // groups, *kernel_size)
        diagonal = grouped[np.arange(groups), :, np.arange(groups)]
        return diagonal.reshape(outputs, inputs // groups, *kernel_size)

    options = exchanged | {"padding": layer.options["padding"], "groups": 1}
    return Wrong(Layer(CONV, (x, dy, None), options), own_channels)


def _without_output_padding(layer: Layer) -> Layer:
    return with_options(layer, output_padding=(0,) * len(layer.options["stride"]))


def _output_padding_at_start(layer: Layer) -> Layer:
    pads = zip(layer.options["padding"], layer.options["output_padding"], strict=True)
    return with_options(_without_output_padding(layer), padding=tuple((lo - extra, hi) for (lo, hi), extra in pads))


def _output_padding_zero(layer: Layer, *, end: bool) -> Wrong:
    """The added elements are 0, and have no bias."""
    sides = [(0, extra) if end else (extra, 0) for extra in layer.options["output_padding"]]
    return Wrong(_without_output_padding(layer), lambda y: np.pad(y, [(0, 0), (0, 0), *sides]))


def _from_sizes() -> Iterator[Mistake]:
    yield Mistake("the output size is rounded up", (CONV,), _rounded_up)
    yield Mistake("windows are counted from the end", (CONV, INPUT, WEIGHT), _from_the_end)
    yield Mistake("the gradient is cut to what the windows cover", (INPUT,), _cut_to_windows)
    yield Mistake("the uncovered tail adds taps to the kernel", (WEIGHT,), _tail_kept)
    yield Mistake("output_padding is ignored", (TRANSPOSE,), _without_output_padding)
    yield Mistake("output_padding is added at the start", (TRANSPOSE,), _output_padding_at_start)
    yield Mistake("what output_padding adds is left 0", (TRANSPOSE,), partial(_output_padding_zero, end=True))
    yield Mistake("output_padding adds zeros at the start", (TRANSPOSE,), partial(_output_padding_zero, end=False))


def _first_of_batch(layer: Layer) -> Layer:
    return replace(layer, arguments=tuple(np.asarray(argument)[:1] for argument in layer.arguments))


def _averaged(layer: Layer, *, everywhere: bool) -> Wrong:
    shape = np.shape(layer.arguments[0])
    count = shape[0] * (prod(shape[2:]) if everywhere else 1)
    return Wrong(layer, lambda y: y / count, rounds=True)


def _from_batch() -> Iterator[Mistake]:
    yield Mistake("only the first of the batch is summed", (WEIGHT, BIAS), _first_of_batch)
    yield Mistake("it is averaged over the batch", (WEIGHT, BIAS), partial(_averaged, everywhere=False))
    yield Mistake("it is averaged over batch and positions", (BIAS,), partial(_averaged, everywhere=True))


def _zero_padded(layer: Layer) -> Layer:
    """A maximum over padding that is 0 instead of lower than everything."""
    sides = [(0, 0), (0, 0), *layer.options["padding"]]
    padded = with_argument(layer, 0, lambda x: np.pad(x, sides))
    return with_options(padded, padding=((0, 0),) * len(layer.options["stride"]))


def _last_of_equals(layer: Layer) -> Layer:
    """Ties in a maximum go to the last; ranks take the place of numbers, which only order matters of."""

    def ranked(x: Array) -> Array:
        rank = np.unique(x, return_inverse=True)[1].reshape(x.shape)
        place = np.arange(prod(x.shape[2:])).reshape(x.shape[2:])
        return np.asarray(rank * place.size + place)

    return with_argument(layer, 1, ranked)


def _whole_kernel(layer: Layer) -> Layer:
    return with_options(layer, divisor_override=prod(layer.options["kernel_size"]))


def _from_pooling() -> Iterator[Mistake]:
    maxima, averages = ("max_pool", "max_pool_grad_input"), ("avg_pool", "avg_pool_grad_input")
    yield Mistake("ceil_mode is ignored", POOLS, lambda layer: with_options(layer, ceil_mode=False))
    yield Mistake("the output size is always rounded up", POOLS, lambda layer: with_options(layer, ceil_mode=True))
    yield Mistake(
        "the stride is taken to be the kernel size",
        POOLS,
        lambda layer: with_options(layer, stride=layer.options["kernel_size"]),
    )
    yield Mistake("the padding counts as zeros", maxima[:1], _zero_padded)
    yield Mistake("ties go to the last element", maxima[1:], _last_of_equals)
    for value, text in ((False, "the padding is never counted"), (True, "the padding is always counted")):
        yield Mistake(text, averages, lambda layer, value=value: with_options(layer, count_include_pad=value))  # type: ignore[misc]
    yield Mistake(
        "count_include_pad is negated",
        averages,
        lambda layer: with_options(layer, count_include_pad=not layer.options["count_include_pad"]),
    )
    yield Mistake("divisor_override is ignored", averages, lambda layer: with_options(layer, divisor_override=None))
    yield Mistake("the divisor is always the whole kernel", averages, _whole_kernel)


_TABLE = [
    *_from_kernel(),
    *_from_options(),
    *_from_groups(),
    *_from_bias(),
    *_from_sizes(),
    *_from_batch(),
    *_from_pooling(),
]
