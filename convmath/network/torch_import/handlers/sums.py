"""Sums of products: Einstein's convention, and what is a case of it."""

from __future__ import annotations

from typing import Any

import torch

from ...operators import Combine, Permute, Reduce
from ...operators.einsum import Einsum, pairwise, parsed
from ...origin import CHAIN
from ..builder import Builder
from ..registry import NotUnderstoodError, handles
from ..values import Value
from .pooling import norm_of
from .shared import dimension, is_whole, promoted

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@handles("einsum", strided=True)
def _einsum(builder: Builder, equation: Any, *operands: Any, **_: Any) -> Value:
    """From left to right, two at a time; an optimiser of the order, where torch finds one, may do less."""
    tensors = operands[0] if operands and isinstance(operands[0], list | tuple) else operands
    if not isinstance(equation, str):
        equation, tensors = _written(equation, *operands)
    terms, output = parsed(equation, [tensor.rank for tensor in tensors])
    if any(len(set(term)) != len(term) for term in terms):
        raise NotUnderstoodError("it takes a diagonal, which is no matter of one dimension")
    return summed(builder, terms, output, *tensors)


def _written(*parts: Any) -> tuple[str, list[Any]]:
    """The equation of operands that are each followed by a list of numbers for its dimensions."""
    pairs = len(parts) // 2
    terms = ["".join("..." if one is Ellipsis else _LETTERS[one] for one in parts[2 * i + 1]) for i in range(pairs)]
    last = "".join("..." if one is Ellipsis else _LETTERS[one] for one in parts[-1]) if len(parts) % 2 else None
    return ",".join(terms) + ("" if last is None else f"->{last}"), [parts[2 * i] for i in range(pairs)]


def summed(builder: Builder, terms: Any, output: str, *tensors: Value) -> Value:
    """The sum of products by letters; a single tensor whose letters all stay is only permuted."""
    if len(terms) == 1 and sorted(terms[0]) == sorted(output):
        return builder.emit(Permute(tuple(terms[0].index(letter) for letter in output)), tensors[0])
    found = tensors[0]
    function = CHAIN if len(terms) > 2 else ""
    for step, other in zip(pairwise(terms, output), tensors[1:] or (None,), strict=True):
        found = builder.emit(step, *((found,) if other is None else (found, other)), function=function)
    return found


@handles("tensordot")
def _tensordot(builder: Builder, a: Value, b: Value, dims: Any = 2, *_: Any, **options: Any) -> Value:
    """Over the last dimensions of one and the first of the other, or over those that are given."""
    if "dims_self" in options or _:
        dims = (dims, _[0]) if _ else (options["dims_self"], options["dims_other"])
    if isinstance(dims, int):
        first, second = list(range(a.rank - dims, a.rank)), list(range(dims))
    else:
        first, second = ([dimension(x, d) for d in own] for x, own in zip((a, b), dims, strict=True))
    letters = _LETTERS[: a.rank]
    shared = {theirs: letters[ours] for ours, theirs in zip(first, second, strict=True)}
    other = "".join(shared.get(d, _LETTERS[a.rank + d]) for d in range(b.rank))
    both = set(shared.values())
    output = "".join(letter for letter in letters + other if letter not in both)
    return builder.emit(Einsum((letters, other), output), a, b)


@handles("outer", "ger")
def _outer(builder: Builder, a: Value, b: Value) -> Value:
    return builder.emit(Einsum(("i", "j"), "ij"), a, b, dtype=promoted(builder, a, b))


@handles("bilinear")
def _bilinear(builder: Builder, x1: Value, x2: Value, weight: Value, bias: Value | None = None) -> Value:
    """For each output the sum of all products of the features of both, each with a weight of its own."""
    stack = _LETTERS[3 : 2 + x1.rank]
    weighed = builder.emit(Einsum((f"{stack}a", "cab"), f"{stack}cb"), x1, weight, label="weighed")
    found = builder.emit(Einsum((f"{stack}cb", f"{stack}b"), f"{stack}c"), weighed, x2)
    return found if bias is None else builder.emit(Combine("add"), found, bias, label="bias")


@handles("inner")
def _inner(builder: Builder, a: Value, b: Value) -> Value:
    """Over the last dimension of both."""
    if 0 in (a.rank, b.rank):
        return builder.emit(Combine("mul"), a, b)
    first = _LETTERS[: a.rank]
    second = _LETTERS[a.rank : a.rank + b.rank - 1] + first[-1]
    return builder.emit(Einsum((first, second), first[:-1] + second[:-1]), a, b)


@handles("cosine_similarity")
def _cosine_similarity(builder: Builder, x1: Value, x2: Value, dim: int = 1, *_: Any, **__: Any) -> Value:
    """The sum of products along a dimension, over the lengths."""
    kind = promoted(builder, x1, x2)
    kind = torch.get_default_dtype() if is_whole(kind) else kind
    products = builder.emit(Combine("mul"), x1, x2, label="products", dtype=kind)
    return builder.emit(Reduce("cosine_similarity", (dimension(products, dim),)), products)


@handles("pairwise_distance")
def _pairwise_distance(
    builder: Builder, x1: Value, x2: Value, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Value:
    """The length of the difference along the last dimension."""
    difference = builder.emit(Combine("sub"), x1, x2, label="difference", dtype=promoted(builder, x1, x2))
    reduce = Reduce(norm_of(p), (difference.rank - 1,), bool(keepdim))
    return builder.emit(reduce, difference, dtype=difference.dtype.to_real())
