"""What is known at every size of the integers that a constant holds, as those of positions: which rows they choose."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import zip_longest
from typing import Any, TypeAlias

import torch

from ..operators import (
    Activation,
    Concat,
    Cumulative,
    Expand,
    Flatten,
    Flip,
    Identity,
    Lookup,
    Operator,
    Permute,
    Reshape,
    Slice,
)
from ..operators.base import product
from ..sizes.in_operators import identical, same
from ..sizes.number import number_of

INDICES = (torch.int64, torch.int32)
"""The types of numbers of rows, which hold all of them."""

_MOST_ELEMENTS, _MOST_ENDS, _ENDLESS = 2**22, 8, 2**31

Ends: TypeAlias = tuple[Any, ...] | None

_Along: TypeAlias = tuple[Any, Any]
"""The step along a dimension, and its size."""


@dataclass(frozen=True, slots=True)
class Integers:
    """Integers in a tensor that is not empty.

    Attributes:
        least: integers, of which the least is the least in the tensor; None where that is not known.
        greatest: integers, of which the greatest is the greatest in the tensor; None where that is not known.
        low: a number, not a term, below which there is none; None where that is not known.
        high: a number above which there is none.
        first: where they are in equal steps, the one at the first place.
        steps: by how much the next one is greater along each dimension; None where the steps are not equal.
        sizes: those of the tensor, if there are steps; what is 1 at every size is a number, and no term.
    """

    least: Ends = None
    greatest: Ends = None
    low: int | None = None
    high: int | None = None
    first: Any = 0
    steps: tuple[Any, ...] | None = None
    sizes: tuple[Any, ...] = ()

    @property
    def single(self) -> Any:
        """The only integer that there is; None if there may be several."""
        return None if self.steps is None or any(map(_varies, self.steps)) else self.first

    @property
    def scattered(self) -> Integers:
        """The same integers in other places."""
        return Integers(self.least, self.greatest, self.low, self.high)

    @property
    def among(self) -> list[int]:
        """Numbers that are known to be in the tensor."""
        ends = (() if self.steps is None else (self.first,), self.least, self.greatest)
        return [some[0] for some in ends if some and len(some) == 1 and type(some[0]) is int]


NOTHING = Integers()
"""Of what nothing is known."""


def integer(value: Any) -> Integers:
    """A number as a tensor without dimensions; nothing is known of what is no integer."""
    return in_steps(value, (), ()) if isinstance(value, int) and not isinstance(value, bool) else NOTHING


def in_steps(first: Any, steps: Sequence[Any], sizes: Sequence[Any]) -> Integers:
    """Integers in equal steps along each dimension of a tensor of these sizes.

    >>> in_steps(0, (1, -1), (3, 5))
    Integers(least=(-4,), greatest=(2,), low=-4, high=2, first=0, steps=(1, -1), sizes=(3, 5))
    """
    steps, sizes = tuple(steps), tuple(sizes)
    least = greatest = (first,)
    low = high = first if type(first) is int else None
    for step, size in zip(steps, sizes, strict=True):
        if not _varies(step) or _is_one(size):
            continue
        reach = step * (size - 1)
        rises, falls = (type(step) is not int or step * sign > 0 for sign in (1, -1))
        least = _moved(least, reach, keep=rises) if falls else least
        greatest = _moved(greatest, reach, keep=falls) if rises else greatest
        low, high = None if falls else low, None if rises else high
    if len(least) > _MOST_ENDS:
        return Integers(first=first, steps=steps, sizes=sizes)
    low, high = (min(least) if _plain(least) else low), (max(greatest) if _plain(greatest) else high)
    return Integers(least, greatest, low, high, first, steps, sizes)


def in_tensor(tensor: Any) -> Integers | None:
    """The integers in a tensor of torch's; None where it has none, or no memory, or many."""
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.device.type == "meta":
        return None
    if tensor.dtype not in INDICES or not 0 < tensor.numel() <= _MOST_ELEMENTS:
        return None
    first = tensor[(0,) * tensor.ndim]
    steps = [tensor.select(d, int(n > 1))[(0,) * (tensor.ndim - 1)] - first for d, n in enumerate(tensor.shape)]
    alike = first.expand(tensor.shape)
    for d, step in enumerate(steps):
        places = torch.arange(tensor.shape[d], device=tensor.device)
        alike = alike + (step * places).view([-1 if one == d else 1 for one in range(tensor.ndim)])
    if torch.equal(alike, tensor):
        return in_steps(int(first), [int(step) for step in steps], tuple(tensor.shape))
    least, greatest = (int(end) for end in torch.aminmax(tensor))
    return Integers((least,), (greatest,), least, greatest)


def _varies(step: Any) -> bool:
    """Whether a step is a term, or not 0."""
    return type(step) is not int or step != 0


def _is_one(size: Any) -> bool:
    """Whether a size is 1 at every size."""
    return identical((size,), (1,))


def _plain(ends: tuple[Any, ...]) -> bool:
    """Whether these are numbers, and no terms."""
    return all(type(end) is int for end in ends)


def _moved(ends: tuple[Any, ...], by: Any, *, keep: bool) -> tuple[Any, ...]:
    """Each end so much further, and where it was if that may be the end."""
    return (ends if keep else ()) + tuple(end + by for end in ends)


def _times(step: Any, factor: Any) -> Any:
    """A product that is 0 where one of both is 0 at every size."""
    return step * factor if _varies(step) and _varies(factor) else 0


# What operators make of them


def after(
    operator: Operator, x: Integers, others: Sequence[Integers | None], given: Sequence[Any], made: Sequence[Any]
) -> Integers | None:
    """The integers in what an operator makes of some; None where nothing is known of them.

    Args:
        operator: what it does.
        x: those of its first input.
        others: those of the others.
        given: the sizes of the first input, as they are asked for.
        made: the sizes of what it makes.
    """
    match operator:
        case Identity():
            return x
        case Activation("neg" | "negative"):
            return linear(x, -1)
        case Activation("abs" | "absolute"):
            return absolute(x)
        case Concat():
            return together(x, *others)
        case Reshape() | Flatten() | Expand() | Permute() | Flip() if x.steps is None:
            return x
        case Slice() | Lookup() if x.steps is None or type(operator) is not Slice:
            return Integers(low=x.low, high=x.high)
    return None if x.steps is None else _in_steps_after(operator, x, x.steps, given, made)


def _in_steps_after(
    operator: Operator, x: Integers, steps: tuple[Any, ...], given: Sequence[Any], made: Sequence[Any]
) -> Integers | None:
    first, sizes = x.first, x.sizes
    match operator:
        case Reshape():
            return _regrouped(x, steps, given, operator.shape, made)
        case Flatten():
            end = operator.end % len(sizes)
            kept = [d for d in range(operator.start, end + 1) if not _is_one(sizes[d])]
            merged = given[kept[0]] if len(kept) == 1 else -1 if kept else 1
            return _regrouped(x, steps, given, [*given[: operator.start], merged, *given[end + 1 :]], made)
        case Expand():
            return _stretched(x, Integers(steps=(0,) * len(made), sizes=operator.shape))
        case Permute():
            return replace(
                x, steps=tuple(steps[d] for d in operator.order), sizes=tuple(sizes[d] for d in operator.order)
            )
        case Flip():
            turned = [_times(step, -1) if d in operator.dims else step for d, step in enumerate(steps)]
            return in_steps(first + sum(_times(steps[d], sizes[d] - 1) for d in operator.dims), turned, sizes)
        case Slice():
            d, step, by = operator.dim, steps[operator.dim], operator.step
            size = -((operator.start - operator.stop) // by) if _plain((operator.start, operator.stop)) else made[d]
            apart = (*steps[:d], _times(step, by), *steps[d + 1 :])
            return in_steps(first + _times(step, operator.start), apart, (*sizes[:d], size, *sizes[d + 1 :]))
        case Cumulative("cumsum", reverse=False, exclusive=False) if x.single is not None:
            return in_steps(first, [_times(first, int(d == operator.dim)) for d in range(len(sizes))], sizes)
    return None


def _regrouped(
    x: Integers, steps: tuple[Any, ...], given: Sequence[Any], shape: Sequence[Any], made: Sequence[Any]
) -> Integers:
    """The steps in other dimensions: where only some of size 1 come or go, or one dimension is split."""
    before = [d for d, size in enumerate(x.sizes) if not _is_one(size)]
    ones = [given[d] for d, size in enumerate(x.sizes) if _is_one(size)]
    now = [d for d, size in enumerate(shape) if not any(identical((size,), (one,)) for one in (1, *ones))]
    found, sizes = [0] * len(shape), [made[d] if d in now else 1 for d in range(len(shape))]
    pairs = list(zip(now, before, strict=False))
    if len(now) == len(before) and all(_is_rest(shape[d]) or same((shape[d],), (given[one],)) for d, one in pairs):
        for d, one in pairs:
            found[d], sizes[d] = steps[one], x.sizes[one]
    elif len(before) == 1:
        for d in now:
            found[d] = _times(steps[before[0]], product(tuple(sizes[d + 1 :])))
    elif any(map(_varies, steps)):
        return x.scattered
    return replace(x, steps=tuple(found), sizes=tuple(sizes))


def _is_rest(size: Any) -> bool:
    """Whether it stands for what is left of all elements."""
    return type(size) is int and size == -1


def _beside(x: Integers, y: Integers) -> list[tuple[_Along, _Along]] | None:
    """The steps and sizes of two tensors along each dimension that both have when they are stretched to fit.

    None where of two sizes of 1 it is not known which one is to be stretched at other sizes.
    """
    own, others = (list(zip(one.steps or (), one.sizes, strict=True))[::-1] for one in (x, y))
    each = list(zip_longest(own, others, fillvalue=(0, 1)))[::-1]
    pairs = [(_fitted(one, other[1]), _fitted(other, one[1])) for one, other in each]
    return None if any(map(_are_unsure, pairs)) else pairs


def _stretched(x: Integers, y: Integers) -> Integers:
    """The integers of a tensor that is stretched to fit another."""
    if x.steps is None:
        return x
    pairs = _beside(x, y)
    if y.steps is None or pairs is None:
        return x.scattered
    return replace(x, steps=tuple(step for (step, _), _ in pairs), sizes=tuple(size for (_, size), _ in pairs))


def _are_unsure(pair: tuple[_Along, _Along]) -> bool:
    (step, size), (other, more) = pair
    moves = _varies(step) or _varies(other)
    return moves and number_of(size) == number_of(more) == 1 and not identical((size,), (more,))


def _fitted(one: _Along, size: Any) -> _Along:
    """A step and a size beside another size to which it is stretched if it is 1."""
    own = number_of(one[1])
    return (0, size) if _is_one(one[1]) or (own == 1 and number_of(size) != 1) else one


def together(*parts: Integers | None) -> Integers | None:
    """The integers of several tensors; None where there is none, or some of one are not known."""
    if None in parts or not parts:
        return None
    ends = (("least", min), ("greatest", max))
    least, greatest = (_all([getattr(one, name) for one in parts], choose) for name, choose in ends)
    low, high = ([getattr(one, name) for one in parts] for name in ("low", "high"))
    return Integers(least, greatest, None if None in low else min(low), None if None in high else max(high))


def _all(ends: Sequence[Ends], choose: Callable[..., int] | None = None) -> Ends:
    """All of these ends, unless there are many; of numbers the one that counts, if it is said which one that is."""
    found = tuple(end for some in ends for end in some or ())
    if None not in ends and choose is not None:
        found = _end(choose, *found)
    return None if None in ends or len(found) > _MOST_ENDS else found


# Arithmetic


def linear(x: Integers, factor: Any, more: Any = 0) -> Integers:
    """Times a factor, and so many more.

    >>> linear(in_steps(0, (1,), (5,)), -2, 3)
    Integers(least=(-5,), greatest=(3,), low=-5, high=3, first=3, steps=(-2,), sizes=(5,))
    """
    least, greatest, low, high = x.least, x.greatest, x.low, x.high
    if type(factor) is not int:
        least = greatest = _all([least, greatest])
        low = high = None
    elif factor < 0:
        least, greatest, low, high = greatest, least, high, low
    least, greatest = (ends and tuple(_times(end, factor) + more for end in ends) for ends in (least, greatest))
    low, high = (None if end is None or type(more) is not int else end * factor + more for end in (low, high))
    if x.steps is None:
        return Integers(least, greatest, low, high)
    steps = tuple(_times(step, factor) for step in x.steps)
    return Integers(least, greatest, low, high, _times(x.first, factor) + more, steps, x.sizes)


def absolute(x: Integers) -> Integers:
    """Without the sign."""
    if x.low is not None and x.low >= 0:
        return x
    high = None if x.low is None or x.high is None else max(-x.low, x.high)
    return Integers((0,) if 0 in x.among else None, _all([linear(x, -1).greatest, x.greatest], max), 0, high)


def clamped(x: Integers, low: int | None, high: int | None) -> Integers:
    """Nothing less than one number, and nothing greater than another; None for no bound.

    >>> clamped(in_steps(0, (1, -1), (3, 5)), 0, 1)
    Integers(least=(0,), greatest=(1,), low=0, high=1, first=0, steps=None, sizes=())
    """
    if low is not None and (x.low is None or x.low < low):
        least = (low,) if any(one <= low for one in x.among) else None
        most = x.high if x.high is None or x.high > low else low
        x = Integers(least, x.greatest and _end(max, *x.greatest, low), low, most)
    if high is not None and (x.high is None or x.high > high):
        greatest = (high,) if any(one >= high for one in x.among) else None
        fewest = x.low if x.low is None or x.low < high else high
        x = Integers(x.least and _end(min, *x.least, high), greatest, fewest, high)
    return x


def _end(choose: Callable[..., int], *ends: Any) -> tuple[Any, ...]:
    """The least or the greatest of some, if these are no terms."""
    return (choose(ends),) if _plain(ends) else ends


def divided(x: Integers, by: int) -> Integers:
    """By a positive number, rounded down."""
    least, greatest = (ends and tuple(end // by for end in ends) for ends in (x.least, x.greatest))
    low, high = (None if end is None else end // by for end in (x.low, x.high))
    return Integers(least, greatest, low, high)


def _remainder(x: Integers, by: int) -> Integers:
    """Of the division by a positive number."""
    if x.low is not None and x.high is not None and 0 <= x.low <= x.high < by:
        return x
    return Integers(low=0, high=by - 1)


def _total(x: Integers, y: Integers) -> Integers:
    """The sums of two tensors."""
    if x.steps is not None and y.steps is not None and (pairs := _beside(x, y)) is not None:
        sizes = [size for (_, size), _ in pairs]
        return in_steps(x.first + y.first, [step + other for (step, _), (other, _) in pairs], sizes)
    for one, other in ((x, y), (y, x)):
        if other.single is not None:
            return linear(one, 1, other.single)
    return Integers(low=_sum(x.low, y.low), high=_sum(x.high, y.high))


def _sum(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one + other


CLAMPS = {"clamp": ("min", "max"), "clip": ("min", "max"), "clamp_min": ("min",), "clamp_max": ("max",)}
"""The bounds that those take which leave nothing beyond them."""


def computed(name: str, operands: Sequence[Any], options: Mapping[str, Any]) -> Integers | None:
    """The integers of 64 bits that torch computes of integers, as far as they are known; None where nothing is.

    Nothing is where one is so large that others may not fit.

    Args:
        name: the function.
        operands: those that it takes, a number as the only one in a tensor without dimensions; None for no bound.
        options: bounds by their names, as operands, and how to round.
    """
    found = _computed(name, operands, options)
    if found is None:
        return None
    known = (*(found.least or ()), *(found.greatest or ()), found.low, found.high, found.first, *(found.steps or ()))
    return None if any(type(one) is int and abs(one) >= _ENDLESS for one in known) else found


def _computed(name: str, operands: Sequence[Any], options: Mapping[str, Any]) -> Integers | None:
    if name in CLAMPS:
        bounds = {**dict(zip(CLAMPS[name], operands[1:], strict=False)), **options}
        given = {which: one for which, one in bounds.items() if one is not None}
        ends = {which: one.single for which, one in given.items()}
        x = reduce(_stretched, given.values(), operands[0])
        return clamped(x, ends.get("min"), ends.get("max")) if _plain(tuple(ends.values())) else None
    if len(operands) != 2 or not options.keys() <= {"rounding_mode"}:
        return None
    x, y = _stretched(*operands), _stretched(*reversed(operands))
    by = y.single if type(y.single) is int and y.single > 0 else 0
    match name, options.get("rounding_mode"):
        case "add", None:
            return _total(x, y)
        case "sub" | "subtract", None:
            return _total(x, linear(y, -1))
        case "rsub", None:
            return _total(linear(x, -1), y)
        case "mul" | "multiply", None if x.single is not None or y.single is not None:
            return linear(y, x.single) if y.single is None else linear(x, y.single)
        case ("floordiv" | "floor_divide", None) | ("div" | "divide", "floor") if by:
            return divided(x, by)
        case "mod" | "remainder", None if by:
            return _remainder(x, by)
        case "minimum", None if by:
            return clamped(x, None, by)
        case "maximum", None if by:
            return clamped(x, by, None)
    return None
