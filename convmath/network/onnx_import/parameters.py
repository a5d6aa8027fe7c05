"""Parameters that are learned: which stored tensors are some, and which of them are counted already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import onnx

from ..operators.base import product
from .value import Learned, Value

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)

UNTOLD = "its elements, which are not read, would show whether it is a mask or learned: it is not counted"
"""The remark on a constant that may be a parameter."""


class Parameters:
    """Those of a model; each counts where the first node reads it that is there for it."""

    def __init__(self, said: Mapping[str, Learned]) -> None:
        """None is counted yet.

        Args:
            said: what the file says of stored tensors, by their names, or else shows of masks.
        """
        self._said = said
        self._says = not {Learned.YES, Learned.NO}.isdisjoint(said.values())
        self._counted: set[Value] = set()
        self._seen: tuple[set[Value], set[Value]] = (set(), set())

    def of(self, tensor: Any) -> Learned:
        """Whether a stored tensor is one: as the file says, if it says it of any; otherwise by its elements."""
        if tensor.name in self._said:
            return self._said[tensor.name]
        single = product(tensor.dims) == 1 if self._says else not tensor.dims
        return Learned.UNLIKELY if tensor.data_type not in _FLOATS or single else Learned.PERHAPS

    def fresh(self, weights: Iterable[Value | None]) -> int:
        """The elements of what weights are made of, without those that are counted already."""
        return sum(self._fresh(value) for value in weights if value is not None)

    def _fresh(self, value: Value) -> int:
        """The elements of the stored tensors that a weight is a part of, or is made of one by one.

        Where these are too few, integers of its size are the weight, and they their scales. Tensors that nodes say are
        some where nothing is stored, unless the file says what is a parameter; a single number that fills one is not.
        """
        size, waiting = product(value.sizes or ()), [value]
        found = known = whole = said = 0
        while waiting:
            one = waiting.pop()
            if not one.constant:
                continue
            own = product(one.sizes or ())
            if one in self._counted:
                known += own
                continue
            self._counted.add(one)
            waiting += one.parts
            if one.parts or one.learned is Learned.NO or (self._says and not one.stored):
                continue
            if one.learned in (Learned.YES, Learned.PERHAPS):
                found += own
            elif own >= size:
                whole += own
            elif not value.stored and own > 1:
                said += own
        return found if found + known >= size else whole or found or said

    def within(self, value: Value, *, learns: bool) -> int | None:
        """The elements of the parameters that an operand is made of, without those that are counted already.

        Where the operand is not there for parameters, only of those of which the file says what they are. None where
        it is untold whether it is made of parameters.
        """
        found, told, seen, waiting = 0, True, self._seen[learns], [value]
        while waiting:
            one = waiting.pop()
            if one in seen or not one.constant:
                continue
            seen.add(one)
            waiting += one.parts
            told = told and one.learned is not Learned.UNTOLD
            if one not in self._counted and (one.learned is Learned.YES or (learns and one.learned is Learned.PERHAPS)):
                self._counted.add(one)
                found += product(one.sizes or ())
        return found if told else None
