"""What torch's autograd saves of sums of products: convolutions, dense layers, products of matrices, attention."""

from __future__ import annotations

from typing import Any

from ...formulas.padding import resolve_padding
from ..operators import Conv
from ..operators.base import product
from ..strides import stacked, viewed
from .site import INPUT, LAYOUT, NOTHING, OTHER, Answer, Keeps, Site, copied, in_order


def _computes_weight(site: Site) -> bool:
    """Whether the module makes its weight of other parameters, as pruning and spectral norms do."""
    call = site.row.origin.call if site.row.origin else None
    return call is not None and any(word in call.kind for word in _WEIGHTED) and "weight" not in call.parameters


_WEIGHTED = ("Conv", "Linear")
_COMPUTED = "its weight is made of others, and what is saved of these is not followed"


# Weighted sums


def conv(site: Site) -> Answer:
    """The input; where more is padded after it than before, what that makes."""
    operator: Any = site.row.operator
    if _computes_weight(site):
        return _COMPUTED
    if isinstance(operator.padding, int):
        return INPUT
    padded = operator.padded(site.source, site.sizes)[2:]
    window = {"stride": operator.stride, "dilation": operator.dilation}
    pairs = resolve_padding(operator.padding, padded, operator.kernel_size, **window)
    if all(low == high for low, high in pairs):
        return INPUT
    if operator.padding != "same" or not isinstance(operator, Conv):
        return "torch's convolutions pad both ends alike"
    longer = [n + high - low for n, (low, high) in zip(padded, pairs, strict=True)]
    return Keeps(besides=(("copy", product([*site.source[:2], *longer])),))


def linear(site: Site) -> Answer:
    """The input, for the gradient of the weight; laid out in rows where it is no matrix."""
    if _computes_weight(site):
        return _COMPUTED
    return _rows(site) if site.row.trained else NOTHING


def _rows(site: Site) -> Answer:
    """The first input as a matrix, or a copy of it where it does not lie so."""
    source, strides = site.source, site.strides[0]
    if len(source) < 3:
        return INPUT
    if strides is None:
        return LAYOUT
    if viewed(source, strides, (product(source[:-1]), source[-1])) is not None:
        return INPUT
    return copied(source)


_PRODUCTS = ("", "matmul", "mm", "bmm", "mv", "dot", "addmm", "baddbmm")


def matmul(site: Site) -> Answer:
    """Each factor, for the gradient of the other; a copy of a stack of matrices that does not lie one after the other.

    A stack times a single matrix is one product of two matrices.
    """
    first, second = (sizes or () for sizes in site.row.inputs)
    if site.called not in _PRODUCTS:
        return OTHER
    if len(second) == 2:
        left = _rows(site) if site.wanted(1) else NOTHING
        if isinstance(left, str):
            return left
        if not site.wanted(1) and len(first) > 2 and not in_order(site):
            return LAYOUT
        return Keeps((*left.inputs, *((1,) if site.wanted(0) else ())), besides=left.besides)
    if len(first) == 2:
        return "torch multiplies a matrix by a stack of them in an order of its own"
    batch, inputs, copies = site.sizes[:-2], [], []
    for number, (sizes, strides) in enumerate(zip((first, second), site.strides, strict=True)):
        if not site.wanted(1 - number):
            continue
        if strides is None:
            return LAYOUT
        if stacked(sizes, strides, batch):
            inputs.append(number)
        else:
            copies.append((*batch, *sizes[-2:]))
    return copied(*copies, inputs=tuple(inputs))


def attention(site: Site) -> Answer:
    """Of attention in one function its inputs, its output, and for every query the logarithm of a sum."""
    operator: Any = site.row.operator
    if site.called not in ("", "scaled_dot_product_attention") or operator.heads != 1:
        return "how torch's module lays out its heads is not followed"
    if not site.fused:
        return "which algorithm torch chooses goes by masks, dropout, sizes, strides and the device"
    return Keeps((0, 1, 2), output=True, besides=(site.widened("statistics", product(site.source[:-1])),))
