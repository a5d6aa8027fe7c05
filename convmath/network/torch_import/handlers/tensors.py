"""What a tensor says of itself, copies and casts, and tensors made from nothing."""

from __future__ import annotations

from functools import partial
from math import ceil, trunc
from typing import Any

import torch

from ....errors import DomainError
from ...operators import Identity
from ...operators.base import product
from ...sizes.in_operators import numbers
from ...sizes.number import look
from ...sizes.trail import stray
from .. import framework
from ..builder import Builder
from ..in_place import CAST
from ..integers import INDICES, in_steps, in_tensor, integer, together
from ..registry import NotUnderstoodError, RefusedError, UntraceableError, handles
from ..shapes import shape_of
from ..strides import Strided, follow, row_major
from ..values import NOT_KNOWN, Value, values_in
from .shared import dimension, sizes_from

_KINDS = {
    "float": torch.float32,
    "double": torch.float64,
    "half": torch.float16,
    "bfloat16": torch.bfloat16,
    "int": torch.int32,
    "long": torch.int64,
    "short": torch.int16,
    "char": torch.int8,
    "byte": torch.uint8,
    "bool": torch.bool,
}


@handles("size")
def _size(builder: Builder, x: Value, dim: int | None = None) -> Any:
    return shape_of(x.asked) if dim is None else x.asked_of(dimension(x, dim))


@handles("dim", "ndimension")
def _dim(builder: Builder, x: Value) -> int:
    return x.asked_rank


@handles("numel", "nelement")
def _numel(builder: Builder, x: Value) -> Any:
    return product(x.asked)


@handles("len")
def _len(builder: Builder, x: Value) -> int:
    return int(x.asked_of(0))


@handles("is_floating_point")
def _is_floating_point(builder: Builder, x: Value) -> bool:
    return bool(x.dtype.is_floating_point)


@handles("is_complex")
def _is_complex(builder: Builder, x: Value) -> bool:
    return bool(x.dtype.is_complex)


@handles("is_contiguous")
def _is_contiguous(builder: Builder, x: Value, **options: Any) -> bool:
    if x.strides is None and not options:
        return True
    known = None if options else _laid_out(x)
    return bool(_of_layout(builder, x, "is_contiguous", **options)) if known is None else follow(known)


@handles("stride")
def _stride(builder: Builder, x: Value, dim: int | None = None) -> Any:
    known = _laid_out(x)
    if known is None or (x.strides is not None and numbers(known.strides) != x.strides):
        found = _of_layout(builder, x, "stride")
    else:
        found = known.strides
    return found if dim is None else found[dimension(x, dim)]


def _laid_out(x: Value) -> Strided | None:
    """How a tensor lies at every size at which what is compared here is the same; None where that is not known."""
    sizes = x.asked
    if x.strides is None:
        return row_major(sizes)
    return x.strided if x.strided is not None and x.strided.hold() else None


def _of_layout(builder: Builder, x: Value, method: str, **options: Any) -> Any:
    """What a tensor that lies in memory as this one says of that.

    Raises:
        UntraceableError: that is not known.
    """
    look(x.asked)
    sizes = numbers(x.asked)
    if x.strides is not None:
        stray()  # it may lie so by other sizes than its own
    if x.strides == NOT_KNOWN:
        raise UntraceableError("it asks how a tensor lies in memory, which is not known")
    with framework.suspended(builder):
        alone = torch.empty(sizes, device="meta")
        tensor = alone if x.strides is None else torch.empty_strided(sizes, x.strides, device="meta")
        return getattr(tensor, method)(**options)


@handles("get_device", "element_size", "data_ptr", "storage_offset", "_is_view", "_base", "is_set_to")
def _memory(builder: Builder, x: Value, *_: Any) -> Any:
    raise UntraceableError("where a tensor lies in memory is not known")


@handles("item", "tolist", "numpy", "nonzero", "unique", "allclose", "equal", "bincount")
def _elements(builder: Builder, x: Value, *_: Any, **__: Any) -> Any:
    raise UntraceableError("the elements of a tensor are asked for")


@handles("_assert")
def _assert(builder: Builder, condition: Any, message: Any = "") -> None:
    """A condition on plain Python, which is checked; one on the elements of a tensor is no part of what is computed.

    Raises:
        RefusedError: it does not hold.
    """
    if not isinstance(condition, Value) and not condition:
        raise RefusedError("condition", bool(condition), f"torch._assert needs it to hold: {message}")


@handles("_assert_async", "_assert_scalar", "_assert_tensor_metadata", "sym_constrain_range_for_size")
def _assert_elements(builder: Builder, *_: Any, **__: Any) -> None:
    """A check of the exported program, no part of what it computes."""


# Copies and casts


@handles("lift_fresh_copy", "pin_memory", "retain_grad")
def _copy(builder: Builder, x: Value, *_: Any, **__: Any) -> Value:
    builder.settle(x)
    found = Value(x.sizes, x.dtype, x.step, x.constant, x.source, x.name, detached=x.detached, trained=x.trained)
    found.integers = x.integers
    return found


@handles("detach", "data", views=True)
def _detach(builder: Builder, x: Value, *_: Any, **__: Any) -> Value:
    """The same elements, through which no gradient goes back."""
    copy = _copy(builder, x)
    copy.detached = True
    return copy


for _name in (
    "alias",
    "lift_fresh",
    "cpu",
    "cuda",
    "conj",
    "resolve_conj",
    "resolve_neg",
    "pos",
    "positive",
):
    handles(_name, views=True)(_copy)


@handles("requires_grad", views=True)
def _requires_grad(builder: Builder, x: Value, required: bool = True) -> Value:
    """The same elements, for which training computes a gradient, though none goes on from there."""
    if x.learns or not required:
        return _copy(builder, x)
    found = builder.emit(Identity("requires_grad"), x)
    step = builder.steps[-1]
    step.cut, step.frozen, step.learned, found.trained = (0,), "", True, True
    return found


@handles("real", views=True)
def _real(builder: Builder, x: Value) -> Value:
    """Of what is not complex the tensor itself."""
    if x.dtype.is_complex:
        raise NotUnderstoodError("the parts of complex numbers are not followed")
    return _copy(builder, x)


@handles("clone")
def _clone(builder: Builder, x: Value, **_: Any) -> Value:
    """The same elements in memory of their own."""
    builder.settle(x)
    return _copy(builder, x) if x.step is None and x.source is None else builder.emit(Identity("clone"), x)


@handles("contiguous", views=True, contiguous=True)
def _contiguous(builder: Builder, x: Value, *_: Any, **__: Any) -> Value:
    """The same elements, in memory of their own if they do not lie as usual."""
    builder.settle(x)
    if x.strides is None or x.step is None or x.constant:
        return _copy(builder, x)
    return builder.emit(Identity("contiguous"), x)


@handles("to", "type", "type_as", "_to_copy", views=True)
def _to(builder: Builder, x: Value, *args: Any, **options: Any) -> Any:
    """Another type or device: the same elements."""
    builder.settle(x)
    found = [item for item in (*args, *options.values()) if isinstance(item, torch.dtype)]
    found += [item.dtype for item in args if isinstance(item, Value)]
    if found and found[0] != x.dtype and x.step is not None and not x.constant:
        return builder.emit(CAST, x, dtype=found[0])
    copy = _copy(builder, x)
    copy.detached = x.is_cut
    copy.dtype = found[0] if found else x.dtype
    copy.integers = x.integers if copy.dtype in INDICES else None
    return copy


for _name, _dtype in _KINDS.items():
    handles(_name, views=True)(partial(lambda dtype, builder, x, *_, **__: _to(builder, x, dtype), _dtype))


# From nothing

_FILLED = {"zeros": 0, "ones": 1}
"""What some are filled with."""


def _constant(name: str, sizes: tuple[int, ...], dtype: Any, fill: Any = None) -> Value:
    found = Value(sizes, dtype or torch.get_default_dtype(), constant=True, name=name)
    if found.dtype in INDICES and integer(fill).steps is not None:
        found.integers = in_steps(fill, (0,) * len(sizes), sizes)
    return found


def _not_negative(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if any(size < 0 for size in sizes):
        raise RefusedError("size", numbers(sizes), "a tensor needs sizes of at least 0")
    return sizes


def _of_sizes(name: str, builder: Builder, *size: Any, dtype: Any = None, **options: Any) -> Value:
    return _constant(name, _not_negative(sizes_from(size or (options["size"],))), dtype, _FILLED.get(name))


for _name in ("zeros", "ones", "empty", "rand", "randn"):
    handles(_name)(partial(_of_sizes, _name))


def _of_sizes_like(name: str, builder: Builder, x: Value, *size: Any, dtype: Any = None, **options: Any) -> Value:
    fill = _FILLED.get(name.removeprefix("new_"))
    return _constant(name, _not_negative(sizes_from(size or (options["size"],))), dtype or x.dtype, fill)


for _name in ("new_zeros", "new_ones", "new_empty"):
    handles(_name)(partial(_of_sizes_like, _name))


@handles("new_full")
def _new_full(builder: Builder, x: Value, size: Any, fill_value: Any, *, dtype: Any = None, **_: Any) -> Value:
    return _constant("new_full", _not_negative(sizes_from((size,))), dtype or x.dtype, fill_value)


def _type_of(number: Any) -> Any:
    """The type of a tensor that is made of a number, perhaps of a computed one."""
    if isinstance(number, Value | bool):
        return number.dtype if isinstance(number, Value) else torch.bool
    if isinstance(number, int):
        return torch.int64
    return torch.get_default_dtype().to_complex() if isinstance(number, complex) else None


@handles("full")
def _full(builder: Builder, size: Any, fill_value: Any, *, dtype: Any = None, **_: Any) -> Value:
    return _constant("full", _not_negative(sizes_from((size,))), dtype or _type_of(fill_value), fill_value)


def _like(name: str, builder: Builder, x: Value, *fill: Any, dtype: Any = None, **options: Any) -> Value:
    given = options.get("fill_value", *fill[:1]) if name == "full_like" else _FILLED.get(name.removesuffix("_like"))
    return _constant(name, x.carried, dtype or x.dtype, given)


for _name in ("zeros_like", "ones_like", "empty_like", "full_like", "rand_like", "randn_like"):
    handles(_name)(partial(_like, _name))


@handles("arange")
def _arange(builder: Builder, start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, **_: Any) -> Value:
    """As many as torch's quotient of doubles says, exactly where all bounds are integers."""
    first, last = (0, start) if end is None else (start, end)
    if values_in((first, last, step)):
        raise NotUnderstoodError("its bounds are computed")
    if step == 0 or (last < first if step > 0 else last > first):
        raise DomainError("step", step, f"arange needs a step that leads from {first} to {last}")
    if dtype is not None and not dtype.is_floating_point:
        first, last, step = (trunc(bound) for bound in (first, last, step))
    whole = all(isinstance(bound, int) for bound in (first, last, step))
    ahead = first - last if step > 0 else last - first
    count = -(ahead // abs(step)) if whole else ceil((last - first) / step)
    found = _constant("arange", (count,), dtype or (torch.int64 if whole else None))
    if whole and found.dtype in INDICES:
        found.integers = in_steps(first, (step,), (count,))
    return found


@handles("linspace")
def _linspace(builder: Builder, start: Any, end: Any, steps: int, *, dtype: Any = None, **_: Any) -> Value:
    return _constant("linspace", _not_negative((steps,)), dtype)


@handles("eye")
def _eye(builder: Builder, n: int, m: int | None = None, *, dtype: Any = None, **_: Any) -> Value:
    return _constant("eye", _not_negative((n, n if m is None else m)), dtype)


@handles("tensor", "as_tensor", "scalar_tensor", "new_tensor")
def _tensor(builder: Builder, data: Any, *rest: Any, dtype: Any = None, **_: Any) -> Value:
    if values_in((data, rest)):
        raise NotUnderstoodError("its elements are computed")
    sizes, inner = [], data
    while isinstance(inner, list | tuple):
        sizes.append(len(inner))
        inner = inner[0] if inner else None
    if inner is not None and not isinstance(inner, int | float | complex):  # such as an array
        with framework.suspended(builder):
            made = torch.tensor(data, dtype=dtype)
            found = _constant("tensor", tuple(made.shape), made.dtype)
            found.integers = in_tensor(made)
        return found
    found = _constant("tensor", tuple(sizes), dtype or _type_of(inner), data)
    if len(sizes) == 1 and found.dtype in INDICES:
        found.integers = together(*map(integer, data))
    return found
