"""How results lie in memory, as far as it decides whether torch copies them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from .operators import (
    Activation,
    Combine,
    Dropout,
    Embedding,
    Expand,
    Flatten,
    Identity,
    Linear,
    MatMul,
    Norm,
    Operator,
    Permute,
    Reshape,
    ReshapeKeeping,
    Sizes,
    Slice,
    Softmax,
)
from .operators.base import product

Strides: TypeAlias = tuple[Any, ...]
"""For each dimension, elements in memory from one index to the next."""


@lru_cache(maxsize=4096)
def contiguous(sizes: Sizes) -> Strides:
    """Those of elements one row after the other.

    >>> contiguous((2, 3, 4))
    (12, 4, 1)
    """
    found, apart = [], 1
    for size in reversed(sizes):
        found.append(apart)
        apart = apart * size
    return tuple(found[::-1])


def is_contiguous(sizes: Sizes, strides: Strides) -> bool:
    """Whether elements lie one row after the other, whatever the strides of dimensions of size 1 are."""
    rows = contiguous(sizes)
    return strides is rows or all(n == 1 or one == own for n, one, own in zip(sizes, strides, rows, strict=True))


def viewed(sizes: Sizes, strides: Strides, shape: Sizes) -> Strides | None:
    """The strides that torch gives a view of other sizes, to the last number; None where it has to copy the elements.

    It goes on as torch does, dimension by dimension: what it finds of terms is so where all that it compares is so.

    >>> viewed((2, 3, 8), (24, 1, 3), (2, 3, 4, 2)), viewed((2, 3, 8), (24, 1, 3), (6, 8))
    ((24, 1, 6, 3), None)
    """
    found: list[Any] = [1] * len(shape)
    at, count, innermost = len(shape) - 1 if sizes else -1, 1, strides[-1] if sizes else 1
    for d in range(len(sizes) - 1, -1, -1):
        count *= sizes[d]
        if d and (sizes[d - 1] == 1 or strides[d - 1] == count * innermost):
            continue
        made = 1
        while at >= 0 and (made != count or shape[at] == 1):
            found[at] = made * innermost
            made *= shape[at]
            at -= 1
        if made != count:
            return None
        count, innermost = 1, strides[d - 1] if d else 1
    return tuple(found) if at < 0 else None


def laid_out(
    operator: Operator, inputs: Sequence[Sizes | None], strides: Sequence[Strides | None], sizes: Sizes, *, shares: bool
) -> Strides | None:
    """The strides of a result; None where they are not known.

    Args:
        operator: what computes it.
        inputs: the sizes of what it reads.
        strides: how that lies.
        sizes: those of the result.
        shares: whether it lies in the memory of its first input.

    >>> laid_out(Permute((1, 0)), [(2, 3)], [(3, 1)], (3, 2), shares=True)
    (1, 3)
    """
    if shares:
        source, own = inputs[0], strides[0]
        return None if source is None or own is None else _view(operator, source, own, sizes)
    whole = contiguous(sizes)
    if _always_contiguous(operator):
        return whole
    if any(one is None for one in strides):
        return None
    both = zip(inputs, strides, strict=True)
    if all(source is not None and one is not None and is_contiguous(source, one) for source, one in both):
        return whole
    return _kept(operator, inputs, strides, sizes)


def _always_contiguous(operator: Operator) -> bool:
    kind = type(operator)
    if kind in (Identity, Norm):
        return operator.kind in ("contiguous", "layer_norm", "instance_norm")
    return kind in _IN_ROWS


_IN_ROWS = (Linear, MatMul, Embedding, Softmax, Reshape, ReshapeKeeping, Flatten)


def _kept(
    operator: Operator, inputs: Sequence[Sizes | None], strides: Sequence[Strides | None], sizes: Sizes
) -> Strides | None:
    """The strides of elements that are computed one by one, of inputs that lie alike and without gaps."""
    elementwise = isinstance(operator, (Activation, Combine, Dropout)) or (
        isinstance(operator, Identity) and operator.name != "contiguous"
    )
    first = strides[0] if strides else None
    if not elementwise or first is None or any(source != sizes for source in inputs) or len(set(strides)) > 1:
        return None
    return first if dense(sizes, first) else None


def dense(sizes: Sizes, strides: Strides) -> bool:
    """Whether elements fill their memory: some order of the dimensions has them one row after the other."""
    apart: Any = 1
    left = [(stride, n) for stride, n in zip(strides, sizes, strict=True) if n != 1]
    while left:
        found = next((one for one in left if one[0] == apart), None)
        if found is None:
            return False
        left.remove(found)
        apart = apart * found[1]
    return True


def packed(sizes: Sizes, strides: Strides) -> Strides | None:
    """The strides without gaps of dimensions in the order of some; None where that leaves their order open.

    >>> packed((2, 4, 5, 8), (480, 8, 96, 1)), packed((2, 3), (0, 1))
    ((160, 8, 32, 1), None)
    """
    apart: Any = 1
    found = list(contiguous(sizes))
    several = [d for d, n in enumerate(sizes) if n != 1]
    if len({strides[d] for d in several} - {0}) < len(several):
        return None
    for d in sorted(several, key=lambda d: strides[d]):
        found[d] = apart
        apart = apart * sizes[d]
    return tuple(found)


def _view(operator: Operator, source: Sizes, strides: Strides, sizes: Sizes) -> Strides | None:
    match operator:
        case Permute(order=order):
            return tuple(strides[d] for d in order)
        case Slice(dim=dim, step=step):
            return tuple(stride * step if d == dim else stride for d, stride in enumerate(strides))
        case Expand():
            new = len(sizes) - len(source)
            kept = (0 if n == 1 != m else s for n, s, m in zip(source, strides, sizes[new:], strict=True))
            return (*(0,) * new, *kept)
        case Reshape() | Flatten():
            return viewed(source, strides, sizes)
    return strides if source == sizes else None


def expanded(sizes: Sizes, strides: Strides, batch: Sizes) -> tuple[Sizes, Strides]:
    """A stack of matrices with the dimensions of a batch before them, those of size 1 stretched."""
    more = len(batch) + 2 - len(sizes)
    sizes, strides = (1,) * more + tuple(sizes), (0,) * more + strides
    apart = tuple(0 if n == 1 != m else s for n, s, m in zip(sizes, strides, batch, strict=False))
    return (*batch, *sizes[-2:]), (*apart, *strides[-2:])


def stacked(sizes: Sizes, strides: Strides, batch: Sizes) -> bool:
    """Whether torch can see a stack of matrices as one dimension of them, without copying."""
    whole, apart = expanded(sizes, strides, batch)
    return viewed(whole, apart, (product(batch), *whole[-2:])) is not None
