"""What several operations have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import torch

from ....errors import DomainError
from ...operators import Lookup, Reshape
from ...operators.lookup import Chosen
from ...sizes.in_operators import numbers
from ...sizes.number import number_of
from .. import calls, framework
from ..builder import Builder
from ..integers import NOTHING
from ..registry import NotUnderstoodError, RefusedError
from ..values import Value


def per_axis(value: Any, axes: int) -> tuple[Any, ...]:
    """One entry an axis, from a number or a list of one or of all."""
    entries = tuple(value) if isinstance(value, list | tuple) else (value,)
    return entries * axes if len(entries) == 1 else entries


def batched(builder: Builder, value: Value, axes: int, make: Callable[[Value], Value]) -> Value:
    """A layer of so many axes, of an input with or without a batch.

    Raises:
        DomainError: the sizes do not fit.
    """
    names = ", ".join(("C", *"DHW"[3 - axes :]))
    if value.sizes is None or len(value.sizes) != axes + 1:
        if value.sizes is not None and len(value.sizes) != axes + 2:
            example = ",".join(map(str, (3, *(224,) * axes)))
            needs = f"needs {axes + 1} or {axes + 2}: an input has the sizes {names}, as {example}, without the batch"
            raise DomainError("dimensions", len(value.sizes), needs)
        return make(value)
    one = builder.emit(Reshape((1, *value.carried)), value, label="unsqueeze")
    try:
        made = make(one)
    except DomainError as error:
        taken = (
            f"the sizes {numbers(value.sizes)}, the batch first, were taken for {names} of one image without a batch"
        )
        condition = f"{error.condition}; {taken}: an input needs {names}, {axes + 1} sizes"
        raise DomainError(error.parameter, error.value, condition, error.detail, error.axis) from error
    return builder.emit(Reshape(made.carried[1:]), made)


def dimension(value: Value, dim: int) -> int:
    """A dimension counted from 0.

    Raises:
        DomainError: there is none of this number.
    """
    return within(dim, value.rank)


def within(dim: Any, rank: int) -> int:
    """A dimension of ``rank``, counted from 0; DomainError where there is none of this number."""
    if isinstance(dim, bool) or not isinstance(dim, int):
        raise NotUnderstoodError(f"dim={dim!r} is no number")
    if not -max(rank, 1) <= dim < max(rank, 1):
        raise DomainError("dim", dim, f"needs a dimension of {rank}")
    return dim % max(rank, 1)


def dimensions(value: Value, dim: Any) -> tuple[int, ...]:
    """Dimensions counted from 0, in order; all of them for None or none."""
    if dim is None or (isinstance(dim, list | tuple) and not dim):
        return tuple(range(value.rank))
    found = [dimension(value, d) for d in (dim if isinstance(dim, list | tuple) else (dim,))]
    if len(set(found)) < len(found):
        raise DomainError("dim", dim, "needs each dimension once")
    return tuple(sorted(found))


def sizes_from(args: tuple[Any, ...]) -> tuple[int, ...]:
    """Sizes, given one by one or as one list."""
    sizes = tuple(args[0]) if len(args) == 1 and isinstance(args[0], list | tuple) else args
    if not all(isinstance(size, int) for size in sizes):
        raise NotUnderstoodError(f"the sizes {sizes} are not all integers")
    return sizes


def looked_up(
    builder: Builder, operator: Chosen, x: Value, indices: Sequence[Value], rows: Sequence[Any], others: Any = ()
) -> Value:
    """Elements that indices choose, each among so many rows: which ones constants choose of a constant does not matter.

    Others are what is written in their places.

    Raises:
        RefusedError: there are fewer than the indices choose from, as far as these are known.
    """
    least, greatest, unknown = list[Any](), list[Any](), False
    for index, count in zip(indices, rows, strict=True):
        held = index.integers or NOTHING
        if held.low is None or held.low < 0:
            least += [(end, count) for end in held.least or ()]
            unknown |= index.constant and held.least is None
        if held.high is None or type(count) is not int or held.high >= count:
            greatest += [(end, count) for end in held.greatest or ()]
            unknown |= index.constant and held.greatest is None
    known = replace(operator, least=tuple(least), greatest=tuple(greatest), open=unknown)
    try:
        weights = (x,) if isinstance(operator, Lookup) else ()
        return builder.emit(known, x, *indices, *others, weights=weights, dtype=x.dtype)
    except DomainError as error:
        if error.parameter != "index":
            raise
        raise RefusedError(error.parameter, error.value, error.condition, error.detail, error.axis) from error


def promoted(builder: Builder, *operands: Any) -> Any:
    """The type that torch promotes tensors and numbers to, where those without dimensions give way to others."""
    kinds = {value.dtype for value in operands if isinstance(value, Value)}
    if len(kinds) == 1 and next(iter(kinds)).is_floating_point:
        return kinds.pop()

    def alike(one: Any) -> Any:
        return torch.empty((1,) * bool(one.sizes), dtype=one.dtype, device="meta") if isinstance(one, Value) else one

    with framework.suspended(builder):
        parts = [alike(one) for one in map(number_of, operands) if isinstance(one, Value | int | float | complex)]
        return reduce(torch.add, parts).dtype


def summed_type(x: Value) -> Any:
    """The type of sums of elements: integers have 64 bits."""
    return torch.int64 if is_whole(x.dtype) else x.dtype


def is_whole(kind: Any) -> bool:
    """Whether a type is one of integers, or of true and false."""
    return not (kind.is_floating_point or kind.is_complex)


def of_one_type(x: Value, other: Value) -> None:
    """Require two factors of one type, where both are known, but for fractions that automatic casts make so.

    Raises:
        RefusedError: they are of two.
    """
    kinds = (x.dtype, other.dtype)
    if x.dtype is other.dtype or any(kind.is_complex for kind in kinds) or None in (x.sizes, other.sizes):
        return
    if all(kind.is_floating_point for kind in kinds) and calls.casts_by_itself():
        return
    needs = f"its factors, or weights, are of {other.dtype}: needs both of one type, as x.to({other.dtype}) makes it"
    how = "an input has the type that dtype or --dtype gives it"
    if x.dtype is not None and x.dtype.is_floating_point:
        weights = f"the weights that of module.to({x.dtype}), as by .half()"
        how = f"{how}, and {weights}; --activation-dtype alone counts activations in another type"
    raise RefusedError("dtype", x.dtype, f"{needs}; {how}")


def drops(builder: Builder, result: Value) -> Value:
    """The result of a function that is told to drop; noted where that is so whatever the mode of its module is."""
    module, step = builder.module, builder.steps[-1]
    if module is not None and step.origin is not None and not (module.training and calls.goes_by_mode(module)):
        step.origin = replace(step.origin, drops=True)
    return result


def of_numbers(name: str, x: Value, *others: Any) -> None:
    """Require numbers of rows or classes to be integers of 64 bits, or of other types, where it is known what they are.

    Raises:
        RefusedError: they are none.
    """
    if x.dtype not in (torch.int64, *others) and x.sizes is not None:
        needs = f"{name} takes token ids and the like, which are integers: needs int64"
        how = "of an input, by dtype='int64' in Python, or --dtype int64 on the command line"
        raise RefusedError("dtype", x.dtype, f"{needs}; {how}")


def of_fractions(name: str, x: Value, dtype: Any = None) -> None:
    """Require elements that are no integers, or become such first.

    Raises:
        RefusedError: they are.
    """
    kind = dtype or x.dtype
    if is_whole(kind):
        raise RefusedError("dtype", kind, f"{name} takes no integers: needs x.float() before it")


def of_constants(*weights: Any) -> None:
    """Require weights that do not depend on the network's inputs."""
    if any(isinstance(weight, Value) and not weight.constant for weight in weights):
        raise NotUnderstoodError("its weights depend on the input")


def without_value(*options: Any) -> None:
    """Require options that are no tensors."""
    if any(isinstance(option, Value) for option in options):
        raise NotUnderstoodError("its options are computed")
