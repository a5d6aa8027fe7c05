"""Short tensors that depend on nothing but sizes and constants: what is computed of them is known beforehand."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...division import is_symbolic
from ..operators import Sizes
from ..sizes.in_operators import numbers
from ..sizes.number import look, number_of
from ..sizes.size import Size
from ..sizes.trail import Leaf, leaves
from .folds import FOLDS, KINDS, MOST, array_of, as_array
from .registry import NotUnderstoodError
from .value import Array, Value

if TYPE_CHECKING:
    from .call import Call

_MOST_READ = 8 * MOST
"""What reads more elements, each as often as it reads it, is not computed."""

MOST_OPERATIONS = 100
"""Sizes that are longer expressions are not kept, either."""

_SHAPES = ("Shape", "Size")
"""Those that take the sizes of their input, and not its elements."""

_SYMBOLIC = {"Add", "Sub", "Mul", "Div", "Cast", "Identity"}
_SYMBOLIC |= {"Concat", "Gather", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
"""Those that are right for symbols, too."""

_ARITHMETIC = {"Add", "Sub", "Mul", "Div", "Mod", "Neg", "Abs", "Max", "Min", "Identity", "Concat", "Where"}
_COMPARISONS = {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"}
_MOVES = {"Cast", "Gather", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze"}
_MOVES |= {"ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin"}
"""Those that keep the terms of sizes: of all their inputs, or of the first."""


_SHAPED_BY = {"ConstantOfShape": 0, "Range": 0} | dict.fromkeys(
    ("Expand", "Reshape", "Slice", "Tile", "Squeeze", "Unsqueeze", "ReduceProd", "ReduceSum", "ReduceMax", "ReduceMin"),
    1,
)
"""From which input on the elements of inputs say the sizes of the output."""

_DECIDED_BY = _SHAPED_BY | {"Gather": 1}
"""From which input on they say that, or which elements have to be there."""

MOST_TOLD = 64
"""Elements that go by more sizes are those at reading."""


def folded(call: Call) -> Value | None:
    """The only output, if its elements are known; None where they are not, or too many."""
    fold = FOLDS.get(call.op)
    if fold is None or not call.standard:
        return None
    inputs = [None if value is None else value.elements for value in call.inputs]
    if call.op in _SHAPES:
        array = _made(call, fold, inputs)
        return None if array is None else Value(array.shape, elements=array)
    if any(value is not None and array is None for value, array in zip(call.inputs, inputs, strict=True)):
        return None
    if any(map(_has_symbols, inputs)) and call.op not in _SYMBOLIC:
        return None
    if sum(array.size for array in inputs if array is not None) > _MOST_READ:
        return None
    array, told = _elements(call, fold, inputs)
    found = None if array is None else made(call, array.shape, constants(call), elements=array, told=told)
    return found.fixed if found is not None and len(told) > MOST_TOLD else found


def _elements(call: Call, fold: Callable[..., Array], inputs: Sequence[Array]) -> tuple[Array, frozenset[Leaf]]:
    """The elements, and the sizes by whose numbers they go; terms are kept where they can be."""
    told = frozenset[Leaf]().union(*(value.told for value in call.inputs if value is not None))
    termed = list(map(_has_terms, inputs))
    if not any(termed):
        return _made(call, fold, inputs), told
    keeps = call.op in _ARITHMETIC or call.op in _COMPARISONS or (call.op in _MOVES and not any(termed[1:]))
    array = _made(call, fold, inputs) if keeps and not any(map(_has_symbols, inputs)) else None
    if array is not None and (_has_terms(array) or call.op in _COMPARISONS):
        return array, told
    sizes = (size for array in inputs if array is not None and array.dtype == object for size in array.flat)
    told |= {leaf for size in sizes if type(size) is Size for leaf in leaves(size.term)}
    return _made(call, fold, [_numbers(array) for array in inputs]), told


def is_sized(call: Call) -> bool:
    """Whether a node of constants may make other sizes, or be refused, where the input of the network has others."""
    if call.op in _SHAPES or not all(value is None or value.constant for value in call.inputs):
        return False
    deciding = call.inputs[_DECIDED_BY.get(call.op, len(call.inputs)) :]
    return any(value.made for value in call.inputs if value) or any(goes_by_sizes(value) for value in deciding if value)


def goes_by_sizes(value: Value) -> bool:
    """Whether the elements of a constant, or how many there are, may be others where the input has other sizes."""
    return value.made or bool(value.told) or _has_terms(value.elements)


def constants(call: Call) -> tuple[Value, ...]:
    """The inputs of a node that are constants, without those that only say sizes."""
    inputs = call.inputs[: _SHAPED_BY.get(call.op)]
    return tuple(value for value in inputs if value is not None and value.constant)


def made(call: Call, sizes: Sizes | None, inputs: Sequence[Value], **more: Any) -> Value:
    """A constant that a node makes of constants.

    What is subtracted, divided by, compared or chosen by is no part of it, nor are bounds, scales and zero points,
    unless the file says that they are learned. But where nothing else in it is a tensor of several elements, as in
    1 - c and 1 / c, they are, until another constant is multiplied by this.
    """
    values = tuple(dict.fromkeys((*inputs, *call.weights)))
    own = {value for value in values if call.makes(value) and not value.lone}
    if any(value.stored > 1 for value in own):
        return Value(sizes, parts=tuple(value for value in values if value.said or value in own), **more)
    return Value(sizes, parts=values, lone=any(value.stored > 1 for value in values), **more)


def _has_terms(array: Array) -> bool:
    return array is not None and array.dtype == object and any(type(size) is Size for size in array.flat)


def without_terms(array: Array) -> Array:
    """The elements without the terms of sizes."""
    if array is not None and array.dtype == object:
        look(array.flat)
    return _numbers(array)


def _numbers(array: Array) -> Array:
    """The same, where nobody goes by the numbers yet."""
    if array is None or array.dtype != object:
        return array
    return array_of(numbers(tuple(array.flat))).reshape(array.shape)


def _has_symbols(array: Array) -> bool:
    return array is not None and array.dtype == object and any(map(is_symbolic, array.flat))


def _made(call: Call, fold: Callable[..., Array], inputs: Sequence[Array]) -> Array | None:
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = fold(call, *inputs)
    except RecursionError:
        raise
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RuntimeError, NotUnderstoodError):
        return None  # a RuntimeError is of NumPy where more than 32 dimensions are stretched
    array = None if found is None else as_array(found)
    if array is None or array.size > MOST:
        return None
    if array.dtype == object and all(type(size) is int for size in array.flat):
        array = array.astype(np.int64)
    if array.dtype == object:
        return array if all(map(_short, array.flat)) else None
    return array if array.dtype.kind in KINDS else None


def _short(size: Any) -> bool:
    """Whether a size, a symbol or an int, is short enough to be computed with."""
    if not is_symbolic(size):
        return isinstance(size, int) and abs(number_of(size)) < 2**63
    numbers = [one for one in size.atoms() if one.is_number]
    return bool(size.count_ops() <= MOST_OPERATIONS) and all(abs(one) < 2**63 for one in numbers)
