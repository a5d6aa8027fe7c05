"""Of what kind a condition is that an operator has on sizes: what a network may still take where it does not hold."""

from __future__ import annotations

from ..operators import (
    AdaptivePool,
    Attention,
    Combine,
    Conv,
    ConvTranspose,
    Expand,
    Fold,
    MatMul,
    Operator,
    Pad,
    Pool,
    Resize,
    Slice,
    Unfold,
)
from .claims import Claim
from .scope import Kind

_STRETCHING = (Attention, Combine, Expand, MatMul)
_WINDOWED = (AdaptivePool, Conv, ConvTranspose, Fold, Pool, Resize, Unfold)


def needs_elements(operator: Operator) -> bool:
    """Whether an operator refuses tensors without elements, as what reads windows does.

    >>> from convmath.network.operators import Pool
    >>> needs_elements(Pool("max", (2, 2))), needs_elements(Combine("add"))
    (True, False)
    """
    return isinstance(operator, _WINDOWED) or (isinstance(operator, Pad) and operator.mode != "constant")


def kind_of_size(operator: Operator, *, imported: bool) -> Kind:
    """The kind of the condition that a size of its output is at least 1; by hand that is what a network has to be."""
    return "empty" if imported and not needs_elements(operator) else "needed"


def required(operator: Operator, claim: Claim, *, imported: bool) -> tuple[Claim, Kind]:
    """What an operator requires, with its kind.

    The ends of a slice were cut to the size at reading. That its start is before its stop, and not only at it, is that
    its output has elements, which is a condition of its own; padding that crops refuses a start after the stop.
    """
    if isinstance(operator, Slice) and imported:
        return (Claim.of("<=", *claim.formula.args), "needed") if claim.formula.op == "<" else (claim, "read")
    return claim, "equal" if claim.equal and isinstance(operator, _STRETCHING) else "needed"
