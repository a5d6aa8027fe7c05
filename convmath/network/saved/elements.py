"""What torch's autograd saves of operators that keep the sizes: activations, sums and products, norms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..operators import Norm
from ..operators.base import product
from .site import INPUT, LAYOUT, NOTHING, OTHER, OUTPUT, Answer, Besides, Keeps, Site, copied, in_order

_BY_OUTPUT = {
    *("relu", "sigmoid", "tanh", "exp", "expm1", "exp2", "sqrt", "rsqrt", "reciprocal", "tan"),
}
_BY_INPUT = {
    *("relu6", "hardtanh", "leaky_relu", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "hardsigmoid"),
    *("hardswish", "hardshrink", "softshrink", "threshold", "prelu", "abs", "log", "log2", "log10", "log1p"),
    *("square", "sin", "cos", "atan", "erf"),
}
_BY_OUTPUT_IN_PLACE = _BY_OUTPUT | {"leaky_relu", "elu", "selu", "celu"}
_BY_NOTHING = {"neg", "negative", "pos", "positive", "floor", "ceil", "round", "trunc", "sign", "tril", "triu"}
_ALIASES = {"relu6": ("hardtanh",), "threshold": ("_threshold",), "abs": ("absolute",)}


def activation(site: Site) -> Answer:
    """The input or the output, by which the slope is found; of an input that is overwritten a copy."""
    operator: Any = site.row.operator
    name = operator.name
    if site.called not in ("", name, *_ALIASES.get(name, ())):
        return OTHER
    if name in _BY_NOTHING or (not site.wanted(0) and name != "prelu"):
        return NOTHING
    if name in (_BY_OUTPUT_IN_PLACE if site.in_place else _BY_OUTPUT):
        return OUTPUT
    if name not in _BY_INPUT:
        return OTHER
    return copied(site.source) if site.in_place else INPUT


_SUMS = {"add", "sub", "subtract", "rsub"}
_FACTORS = {"mul", "multiply"}
_QUOTIENTS = {"div", "divide", "true_divide", "truediv"}
_LARGER = {"maximum", "minimum", "fmax", "fmin"}
_BOUNDS = {"clamp", "clip", "clamp_min", "clamp_max"}
_OPERATORS = {"addmm": "add", "baddbmm": "add"}


def combine(site: Site) -> Answer:
    """Of a product each factor for the gradient of the other; of a sum nothing."""
    operator: Any = site.row.operator
    name, count = operator.name, len(site.row.inputs)
    if site.called not in ("", name) and _OPERATORS.get(site.called) != name:
        return OTHER
    if name in _SUMS and count < 3:
        return NOTHING
    if name in _FACTORS or (name in _QUOTIENTS and (count == 2 or site.called)):
        return _product(site, quotient=name in _QUOTIENTS)
    if name in _LARGER and count == 2:
        return Keeps((0, 1))
    if name in _BOUNDS and count == 1:
        return copied(site.source) if site.in_place else INPUT
    masks = {("where", 3): 0, ("masked_fill", 2): 1, ("masked_fill", 3): 1}
    return Keeps((masks[name, count],)) if (name, count) in masks else OTHER


def _product(site: Site, *, quotient: bool) -> Answer:
    """A number among the factors is no tensor."""
    if len(site.row.inputs) == 1:
        return NOTHING
    if len(site.row.inputs) != 2:
        return OTHER
    second = site.wanted(0) or (quotient and site.wanted(1))
    inputs = (1,) if second else ()
    if not site.wanted(1):
        return Keeps(inputs)
    return copied(site.source, inputs=inputs) if site.in_place else Keeps((0, *inputs))


def identity(site: Site) -> Answer:
    """Nothing of another name or a copy."""
    operator: Any = site.row.operator
    if operator.name == "dropout":
        return "its rate is not known: it drops nothing at a rate of 0"
    return OTHER if operator.name == "fake_quantize" else NOTHING


def dropout(site: Site) -> Answer:
    """The factors: those of elements that are dropped are 0."""
    operator: Any = site.row.operator
    if not site.drops or not operator.p or not site.wanted(0):
        return NOTHING
    whole = 1 if operator.p == 1 else product(site.sizes[:2] if operator.channels else site.sizes)
    return Keeps(besides=(("mask", whole),))


def softmax(site: Site) -> Answer:
    """The result."""
    return OUTPUT if site.called in ("", "softmax", "log_softmax", "softmin") else OTHER


# Normalisation


def norm(site: Site) -> Answer:
    """The input, and mean and scale of each group of statistics that is taken."""
    operator: Any = site.row.operator
    name = operator.name
    if site.called not in ("", name) or name not in _STATISTICS:
        return OTHER
    if not (site.wanted(0) or site.row.trained):
        return NOTHING
    return _STATISTICS[name](site, operator)


def _statistics(count: Any) -> Besides:
    return "statistics", count


def _batch_norm(site: Site, operator: Norm) -> Answer:
    taken = 2 * site.source[1] if site.training or operator.dims else 0
    return Keeps((0,), besides=(_statistics(taken),) if taken else ())


def _instance_norm(site: Site, operator: Norm) -> Answer:
    """As of a batch whose images are one, for which weights and running statistics are repeated."""
    each = product(site.source[:2])
    count = (2 if site.training or operator.dims else 0) + (0 if operator.dims else 2) + (1 if operator.params else 0)
    return _laid(site, _statistics(count * each))


def _layer_norm(site: Site, operator: Norm) -> Answer:
    return Keeps((0,), besides=(_statistics(2 * _rows_of(site, operator)),))


def _rows_of(site: Site, operator: Norm) -> Any:
    return product([n for d, n in enumerate(site.source) if d not in operator.dims])


def _group_norm(site: Site, operator: Norm) -> Answer:
    return _laid(site, _statistics(2 * site.source[0] * operator.groups))


def _laid(site: Site, statistics: Besides) -> Answer:
    """The input, which is copied where it is not contiguous."""
    if site.strides[0] is None:
        return LAYOUT
    if in_order(site):
        return Keeps((0,), besides=(statistics,))
    if len(site.source) > 3:
        return LAYOUT  # channels may lie last, which some norms take as they are
    return Keeps(besides=(("copy", product(site.source)), statistics))


def local_response_norm(site: Site) -> Answer:
    """The input; of what torch composes it of, what is averaged, what is raised to a power, and what that gives."""
    operator: Any = site.row.operator
    if site.called not in ("", operator.kind):
        return OTHER
    if not site.wanted(0):
        return NOTHING
    batch, channels, *rest = site.source
    padded = (batch, channels + operator.size - 1, *rest)
    return copied(padded, site.source, site.source, inputs=(0,))


def _rms_norm(site: Site, operator: Norm) -> Answer:
    """For the gradient of the weight what it is multiplied by, too; of 16 bits a copy with 32."""
    copy = site.widened("copy", product(site.source))
    scaled = (copy,) if site.row.trained else ()
    if not site.wanted(0):
        return Keeps(besides=scaled)
    statistics = site.widened("statistics", _rows_of(site, operator))
    return Keeps(besides=(copy, statistics, *scaled)) if site.half else Keeps((0,), besides=(statistics, *scaled))


_STATISTICS: Mapping[str, Callable[[Site, Norm], Answer]] = {
    "batch_norm": _batch_norm,
    "instance_norm": _instance_norm,
    "layer_norm": _layer_norm,
    "group_norm": _group_norm,
    "rms_norm": _rms_norm,
}
