"""What an operator makes of sizes that are placeholders: sizes, conditions, and what its windows leave over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import sympy

from ...assumptions import collect
from ...calculus.index import Term
from ...division import is_symbolic, mod
from ...errors import ConvmathError, UnsupportedError
from ...formulas.padding import reach, resolve_padding
from ...inert import CeilDiv, FloorDiv, Mod
from ..operators import Conv, Operator, Pool, Sizes, Unfold, Windows
from ..operators.convolution import per_axis
from ..sizes.in_operators import changed
from ..sizes.size import Size
from ..sizes.trail import Leaf, Operation, value
from ..sizes.trail import Term as Computed
from .terms import REMEMBERED, shown

Condition: TypeAlias = tuple[str, Any, Any]
"""A relation and its two sides."""


@dataclass(frozen=True)
class Output:
    """What an operator makes of sizes, in placeholders.

    Attributes: sizes: the sizes of its output. conditions: what it requires. lossless: what is so where its last
        windows leave no element of its input over. reason: why the rest is unknown, in words.
    """

    sizes: Sizes = ()
    conditions: tuple[Condition, ...] = ()
    lossless: tuple[Condition, ...] = ()
    reason: str = ""


@lru_cache(maxsize=REMEMBERED)
def output_of(operator: Operator, inputs: tuple[Sizes, ...]) -> Output:
    """What an operator makes of sizes; its own parameters may be terms in placeholders, too."""
    try:
        with collect() as conditions:
            sizes = tuple(map(whole, operator.sizes(*inputs)))
        sides = ((relation, whole(left), whole(right)) for relation, left, right in conditions)
        required = tuple(one for one in sides if one[0] != "==" or one[1] != one[2])
        wanted = tuple((relation, whole(left), whole(right)) for relation, left, right in _lossless(operator, inputs))
        return Output(sizes, required, wanted)
    except ConvmathError as error:
        return Output(reason=str(error))
    except TypeError:  # a parameter that is a term stands where the operator needs a number
        return Output(reason="its parameters are computed from sizes in a way that is not followed")


def _lossless(operator: Operator, inputs: tuple[Sizes, ...]) -> Iterator[Condition]:
    """For each axis with windows, that what comes after the last of them is padding.

    Where the count of windows is rounded up, one begins at each multiple of the stride among the elements; the last
    element is in a window if it is no further behind its begin than that reaches.
    """
    if isinstance(operator, Windows):
        yield "==", mod(inputs[0][operator.dim] - operator.size, operator.step), 0
    if not isinstance(operator, (Conv, Pool, Unfold)):
        return
    kernel, sizes = operator.kernel_size, inputs[0][2:]
    stride = per_axis(kernel if operator.stride is None else operator.stride, len(kernel))
    dilation = per_axis(operator.dilation, len(kernel))
    with collect():
        padding = resolve_padding(operator.padding, tuple(sizes), kernel, stride=stride, dilation=dilation)
    for n, k, s, d, (lo, hi) in zip(sizes, kernel, stride, dilation, padding, strict=True):
        if getattr(operator, "ceil_mode", False):
            rest, most = mod(n + lo - 1, s), reach(k, d)
        else:
            rest, most = mod(n + lo + hi - reach(k, d) - 1, s), hi
        if is_symbolic(s) or is_symbolic(most) or most < s - 1:
            yield ("<=", rest, most) if is_symbolic(most) or most else ("==", rest, 0)


def resolved(operator: Operator, at: Callable[[Leaf], Any], shared: Callable[[Term], Term]) -> Operator:
    """An operator with terms in placeholders for the sizes that the network computed for it.

    Args:
        operator: the operator.
        at: the placeholder, or the number, of a size.
        shared: the placeholder that is proved equal to a term; the term if there is none.

    Raises:
        UnsupportedError: a size is divided by another.
    """

    def placed(size: Size) -> Any:
        term = computed(size.term, at)
        return shared(term) if isinstance(term, sympy.Expr) and not term.is_Symbol else term

    return changed(operator, placed)


def computed(term: Computed, at: Callable[[Leaf], Any]) -> Any:
    """A size that a network computed, as a term.

    Raises:
        UnsupportedError: a size is divided by another.
    """
    return whole(value(term, at))


def divides_by_size(term: Computed) -> bool:
    """Whether a network divides a size by another one where it computes one.

    >>> from convmath.network.sizes.trail import Operation
    >>> n, m = Leaf("a", 0), Leaf("b", 0)
    >>> divides_by_size(Operation("//", n, 2, 1)), divides_by_size(Operation("+", Operation("//", n, m, 1), 1, 2))
    (False, True)
    """
    if not isinstance(term, Operation):
        return False
    own = term.name in ("//", "%") and not isinstance(term.right, int)
    return own or divides_by_size(term.left) or divides_by_size(term.right)


def whole(term: Any) -> Any:
    """The term without division by sizes, where they are factors of what is divided.

    Raises:
        UnsupportedError: a division by a size is left.

    >>> from convmath.calculus.index import integers
    >>> n, m = integers("n m")
    >>> whole(FloorDiv(3 * n * m, m) + FloorDiv(0, n) + FloorDiv(n, 2))
    3*n + FloorDiv(n, 2)
    """
    if not isinstance(term, sympy.Expr):
        return term
    for rounding in sorted(term.atoms(FloorDiv, CeilDiv, Mod), key=sympy.count_ops):
        over, under = rounding.args
        if not isinstance(under, sympy.Integer):
            exact = over / under
            if not exact.is_integer:
                raise UnsupportedError(f"the size {shown(over)} is divided by the size {shown(under)}")
            return whole(term.xreplace({rounding: sympy.Integer(0) if isinstance(rounding, Mod) else exact}))
    return term
