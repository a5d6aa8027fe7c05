"""What torch's autograd saves of each operator, as on a CPU at version 2.13; what it does not decide is said so.

Of an operator that several of torch's functions compute, the function that was called says what is saved; of a network
that names none, every layer is taken for torch's module of its kind. A function that is written out in several nodes,
and what goes by the device or by another library, as recurrent layers do, is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Cumulative,
    Dropout,
    Einsum,
    Embedding,
    Expand,
    ExpandKeeping,
    Flatten,
    Flip,
    Fold,
    Identity,
    Input,
    Interpolate,
    LastState,
    Linear,
    LocalResponseNorm,
    MatMul,
    Norm,
    Operator,
    Pad,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Recurrent,
    Reduce,
    Repeat,
    Reshape,
    ReshapeKeeping,
    Resize,
    Slice,
    SliceFromEnd,
    Softmax,
    Sort,
    Unfold,
    Windows,
)
from ..operators.base import product
from .elements import activation, combine, dropout, identity, local_response_norm, norm, softmax
from .products import attention, conv, linear, matmul
from .site import BOTH, INPUT, NOTHING, OTHER, Answer, Keeps, Site


def kept(site: Site) -> Answer:
    """What torch saves of a node; the reason in words where that is not known."""
    rule = _RULES.get(type(site.row.operator))
    return OTHER if rule is None else rule(site)


# Pooling and reductions


def _pool(site: Site) -> Answer:
    """The input, and of maxima their places; an average over everything is a mean, of which nothing is kept."""
    operator: Any = site.row.operator
    if operator.how == "lp" or not (site.called == "" or "pool" in site.called or site.called == "interpolate"):
        return OTHER
    if operator.how == "max":
        return Keeps((0,), besides=(("indices", product(site.sizes), "int64"),))
    whole = isinstance(operator, AdaptivePool) and all(n == 1 for n in site.sizes[2:])
    return NOTHING if whole else INPUT


def _reduce(site: Site) -> Answer:
    """Of a sum nothing, of extrema along a dimension their places."""
    operator: Any = site.row.operator
    how, over, rank = operator.how, len(operator.dims), len(site.source)
    if how in ("amax", "amin") and site.called == how[1:] and rank > 1:
        return BOTH if over == rank else Keeps(besides=(("indices", product(site.sizes), "int64"),))
    if site.called not in ("", how) and not (how in _NORMS and site.called.endswith("norm")):
        return OTHER
    return {"mean": NOTHING, "sum": NOTHING, "var": INPUT, **dict.fromkeys(_BY_BOTH, BOTH)}.get(how, OTHER)


_NORMS = ("norm", "l0", "l1", "linf")
_BY_BOTH = ("amax", "amin", "std", "prod", "logsumexp", *_NORMS)


def _sort(site: Site) -> Answer:
    operator: Any = site.row.operator
    if operator.name not in ("sort", "topk") or site.called not in ("", operator.name):
        return OTHER
    return Keeps(besides=(("indices", product(site.sizes), "int64"),))


def _cumulative(site: Site) -> Answer:
    operator: Any = site.row.operator
    return {"cumsum": NOTHING, "cumprod": BOTH}.get(operator.name, OTHER)


# Moving elements


def _pad(site: Site) -> Answer:
    """The input, of which torch needs the sizes alone, where it is reflected or repeated."""
    operator: Any = site.row.operator
    if operator.mode == "wrap":
        return "torch has no such padding"
    return INPUT if operator.mode in ("reflect", "replicate") else NOTHING


def _nothing(site: Site) -> Answer:
    return NOTHING


def _because(reason: str) -> Callable[[Site], Answer]:
    return lambda site: reason


_RULES: Mapping[type[Operator], Callable[[Site], Answer]] = {
    Conv: conv,
    ConvTranspose: conv,
    Linear: linear,
    MatMul: matmul,
    Attention: attention,
    Activation: activation,
    Combine: combine,
    Identity: identity,
    Dropout: dropout,
    Softmax: softmax,
    Norm: norm,
    LocalResponseNorm: local_response_norm,
    Pool: _pool,
    AdaptivePool: _pool,
    Reduce: _reduce,
    Sort: _sort,
    Cumulative: _cumulative,
    Pad: _pad,
    Embedding: lambda site: INPUT,
    Einsum: _because("torch permutes and copies the factors of an einsum as it sees fit"),
    Recurrent: _because("what is kept of the steps goes by the library that computes them, oneDNN or cuDNN"),
    Interpolate: _because("torch interpolates in other places"),
    **dict.fromkeys(
        (
            *(Concat, Expand, Flatten, Flip, Fold, Input, LastState, Permute, PixelShuffle, PixelUnshuffle),
            *(ExpandKeeping, Repeat, Reshape, ReshapeKeeping, Resize, Slice, SliceFromEnd, Unfold, Windows),
        ),
        _nothing,
    ),
}
