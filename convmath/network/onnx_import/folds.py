"""What operators compute of short constants, by NumPy: from the elements of their inputs those of their output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import numpy_helper

from ...division import floor_div, is_symbolic
from ..operators import Sizes
from ..operators.base import product
from ..sizes.number import number_of
from ..sizes.size import Size
from .value import Array

if TYPE_CHECKING:
    from .call import Call

MOST = 512
"""The elements of longer tensors are not kept."""

KINDS = "biuf"
"""NumPy's letters for bools, ints and floats."""

FOLDS: dict[str, Callable[..., Array]] = {}
"""By operator: takes the call and the elements of its inputs, None for one that is left out."""


def as_array(found: Any) -> Array:
    """What NumPy gives, as an array: of a single object it gives the object itself."""
    return _objects([found]).reshape(()) if type(found) is Size else np.asarray(found)


def _objects(sizes: Sequence[Any]) -> Array:
    """An array of the sizes themselves, which NumPy does not ask for their numbers where they are put in one by one."""
    found = np.empty(len(sizes), dtype=object)
    for place, size in enumerate(sizes):
        found[place] = size
    return found


def elements(tensor: Any) -> Array | None:
    """The elements of a short tensor of the file; None where they are too many, elsewhere, or no numbers."""
    types = onnx.TensorProto
    if tensor.data_location == types.EXTERNAL or prod(tensor.dims) > MOST or min(tensor.dims, default=0) < 0:
        return None
    if tensor.data_type in (types.UNDEFINED, types.STRING) or tensor.HasField("segment"):
        return None
    try:
        array = numpy_helper.to_array(tensor)
    except (TypeError, ValueError, KeyError):
        return None
    return array if array.dtype.kind in KINDS else None


def array_of(sizes: Sequence[Any]) -> Array:
    """Sizes as elements: int64 as in ONNX, or objects where some are symbols."""
    kept = any(is_symbolic(size) or type(size) is Size for size in sizes)
    return _objects(sizes) if kept else np.array(list(sizes), dtype=np.int64)


def _folds(*names: str) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    def enter(fold: Callable[..., Array]) -> Callable[..., Array]:
        FOLDS.update(dict.fromkeys(names, fold))
        return fold

    return enter


def _small(sizes: Sequence[int]) -> tuple[int, ...]:
    """Sizes of a tensor that is short enough to be computed."""
    wanted = tuple(int(size) for size in sizes)
    if min(wanted, default=1) < 0 or prod(wanted) > MOST:
        raise ValueError("too many elements")
    return wanted


# Element by element


def _divided(a: Array, b: Array) -> Array:
    """Rounded towards zero for ints; symbols are sizes, and what they are divided by is a positive number."""
    if a.dtype == object or b.dtype == object:
        if any(is_symbolic(x) or x < 1 for x in b.flat) or any(not _never_negative(x) for x in a.flat):
            raise ValueError("which way to round is not known")
        return np.frompyfunc(floor_div, 2, 1)(a, b)
    if a.dtype.kind == "f":
        return a / b
    if not np.all(b):
        raise ZeroDivisionError
    return (np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(a.dtype)


def _never_negative(size: Any) -> bool:
    return bool(size.is_nonnegative if is_symbolic(size) else size >= 0)


_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": _divided,
    "Equal": np.equal,
    "Less": np.less,
    "LessOrEqual": np.less_equal,
    "Greater": np.greater,
    "GreaterOrEqual": np.greater_equal,
    "And": np.logical_and,
    "Or": np.logical_or,
}
_UNARY: dict[str, Callable[[Array], Array]] = {
    "Identity": np.asarray,
    "Neg": np.negative,
    "Abs": np.abs,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Round": np.round,
    "Sqrt": np.sqrt,
    "Not": np.logical_not,
}


@_folds(*_BINARY)
def _binary(call: Call, a: Array, b: Array) -> Array:
    _small(np.broadcast_shapes(a.shape, b.shape))
    return as_array(_BINARY[call.op](a, b))


@_folds(*_UNARY)
def _unary(call: Call, a: Array) -> Array:
    return as_array(_UNARY[call.op](a))


@_folds("Mod")
def _mod(call: Call, a: Array, b: Array) -> Array:
    _small(np.broadcast_shapes(a.shape, b.shape))
    if a.dtype.kind != "f" and not np.all(b):
        return None
    return np.fmod(a, b) if call.integer("fmod", 0) else np.mod(a, b)


@_folds("Max", "Min")
def _extremum(call: Call, *arrays: Array) -> Array:
    _small(np.broadcast_shapes(*(array.shape for array in arrays)))
    found = arrays[0]
    for array in arrays[1:]:
        found = np.maximum(found, array) if call.op == "Max" else np.minimum(found, array)
    return found


@_folds("Where")
def _where(_: Call, condition: Array, a: Array, b: Array) -> Array:
    _small(np.broadcast_shapes(condition.shape, a.shape, b.shape))
    return np.where(condition, a, b)


@_folds("Cast")
def _cast(call: Call, a: Array) -> Array:
    kind = onnx.helper.tensor_dtype_to_np_dtype(call.integer("to"))
    if a.dtype == object:
        return a if kind.kind in "iu" else None
    return a.astype(kind) if kind.kind in KINDS else None


@_folds("CastLike")
def _cast_like(_: Call, a: Array, other: Array) -> Array:
    return a.astype(other.dtype)


@_folds("DequantizeLinear")
def _dequantize(call: Call, a: Array, scale: Array, zero: Array = None) -> Array:
    scale, zero = _along(call, a, scale), _along(call, a, np.zeros(1, a.dtype) if zero is None else zero)
    return (a.astype(np.int64) - zero).astype(scale.dtype) * scale


@_folds("QuantizeLinear")
def _quantize(call: Call, a: Array, scale: Array, zero: Array = None) -> Array:
    if zero is None and call.integer("output_dtype", 0):
        return None
    scale, zero = _along(call, a, scale), _along(call, a, np.zeros(1, np.uint8) if zero is None else zero)
    bounds = np.iinfo(zero.dtype)
    return np.clip(np.rint(a / scale) + zero, bounds.min, bounds.max).astype(zero.dtype)


def _along(call: Call, a: Array, numbers: Array) -> Array:
    """One number for all elements, or one for each place of a dimension."""
    if numbers.size == 1:
        return numbers.reshape(())
    dimension = call.dimension(call.integer("axis", 1), a.ndim)
    if numbers.shape != a.shape[dimension : dimension + 1]:
        raise ValueError("a number for each block of elements")
    return numbers.reshape(-1, *[1] * (a.ndim - 1 - dimension))


# Sizes and constants


@_folds("Shape")
def _shape(call: Call, _: Array) -> Array:
    sizes: Sizes = call.sizes(0, kept=True)
    bounds = [call.integer("start", 0), call.integer("end", len(sizes))] if call.opset >= 15 else [0, len(sizes)]
    start, end = (max(0, min(len(sizes), bound + (len(sizes) if bound < 0 else 0))) for bound in bounds)
    return array_of(sizes[start:end])


@_folds("Size")
def _size(call: Call, _: Array) -> Array:
    total = product(call.sizes(0, kept=True))
    return array_of([total]).reshape(())


@_folds("Constant")
def _constant(call: Call) -> Array:
    if (tensor := call.tensor("value")) is not None:
        return elements(tensor)
    readers: dict[str, tuple[Callable[..., Any], Any]] = {
        "value_int": (call.integer, np.int64),
        "value_ints": (call.integers, np.int64),
        "value_float": (call.decimal, np.float32),
        "value_floats": (call.decimals, np.float32),
    }
    for name, (reader, kind) in readers.items():
        if (found := reader(name, None)) is not None:
            return np.array(found, dtype=kind)
    return None


@_folds("ConstantOfShape")
def _constant_of_shape(call: Call, shape: Array) -> Array:
    value = call.tensor("value")
    fill: Array = np.zeros(1, np.float32) if value is None else elements(value)
    return np.full(_small(shape.tolist()), fill.reshape(-1)[0])


@_folds("Range")
def _range(_: Call, start: Array, limit: Array, delta: Array) -> Array:
    first, last, step = start.item(), limit.item(), delta.item()
    _small([max(0, -int(-(last - first) // step))])
    return np.arange(first, last, step, dtype=start.dtype)


# Moving elements


@_folds("Concat")
def _concat(call: Call, *arrays: Array) -> Array:
    return np.concatenate(arrays, axis=call.integer("axis", 1 if call.opset < 4 else None))


@_folds("Gather")
def _gather(call: Call, data: Array, indices: Array) -> Array:
    axis = call.integer("axis", 0)
    _small((*indices.shape, *np.delete(data.shape, axis)))
    return np.take(data, indices, axis=axis)


@_folds("Reshape")
def _reshape(call: Call, data: Array, shape: Array = None) -> Array:
    wanted = list(call.integers("shape")) if shape is None else shape.tolist()
    if not call.integer("allowzero", 0):
        wanted = [data.shape[d] if size == 0 else size for d, size in enumerate(wanted)]
    return data.reshape(wanted)


@_folds("Squeeze")
def _squeeze(call: Call, data: Array, axes: Array = None) -> Array:
    chosen = call.integers("axes", None) if axes is None else axes.tolist()
    return np.squeeze(data, axis=None if chosen is None else tuple(chosen))


@_folds("Unsqueeze")
def _unsqueeze(call: Call, data: Array, axes: Array = None) -> Array:
    return np.expand_dims(data, tuple(call.integers("axes") if axes is None else axes.tolist()))


@_folds("Slice")
def _slice(call: Call, data: Array, *_: Array) -> Array:
    index: list[slice] = [slice(None)] * data.ndim
    for axis, *bounds in call.slices(data.ndim):
        start, end, step = map(number_of, bounds)
        if step < 0:  # backwards from the first element at least, other than in NumPy
            start, end = max(start, -data.shape[axis]), end if end >= -data.shape[axis] else None
        index[axis] = slice(start, end, step)
    return data[tuple(index)]


@_folds("Transpose")
def _transpose(call: Call, data: Array) -> Array:
    return np.transpose(data, call.integers("perm", None))


@_folds("Expand")
def _expand(_: Call, data: Array, shape: Array) -> Array:
    return np.broadcast_to(data, _small(np.broadcast_shapes(data.shape, tuple(shape.tolist()))))


@_folds("Tile")
def _tile(_: Call, data: Array, repeats: Array) -> Array:
    _small([size * times for size, times in zip(data.shape, repeats.tolist(), strict=True)])
    return np.tile(data, repeats)


@_folds("ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin")
def _reduce(call: Call, data: Array, axes: Array = None) -> Array:
    function: Any = {"ReduceProd": np.prod, "ReduceSum": np.sum, "ReduceMax": np.max, "ReduceMin": np.min}[call.op]
    chosen = call.integers("axes", None) if axes is None else axes.tolist()
    if not chosen and call.integer("noop_with_empty_axes", 0):
        return data
    over = tuple(chosen) if chosen else None
    return as_array(function(data, axis=over, keepdims=bool(call.integer("keepdims", 1)))).astype(data.dtype)
