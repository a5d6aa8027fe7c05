"""Parameters that are learned: which stored tensors are some, and which of them are counted already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import onnx

from ..operators.base import product
from .value import Learned, Value

_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)


class Parameters:
    """Those of a model; each counts where the first node reads it that is there for it."""

    def __init__(self, said: Mapping[str, Learned]) -> None:
        """None is counted yet.

        Args:
            said: what the file says of stored tensors, by their names, or else shows of masks, which are unlikely.
        """
        self._said = said
        self._says = not set(said.values()) <= {Learned.UNLIKELY}
        self._counted: set[Value] = set()
        self._seen: tuple[set[Value], set[Value]] = (set(), set())

    def of(self, tensor: Any) -> Learned:
        """Whether a stored tensor is one: as the file says, if it says it of any; otherwise by its elements."""
        if tensor.name in self._said:
            return self._said[tensor.name]
        single = product(tensor.dims) == 1 if self._says else not tensor.dims
        return Learned.UNLIKELY if tensor.data_type not in _FLOATS or single else Learned.PERHAPS

    def fresh(self, weights: Iterable[Value | None]) -> int:
        """The elements of weights that are not all counted already."""
        return sum(product(value.sizes or ()) for value in weights if value is not None and self._is_fresh(value))

    def _is_fresh(self, value: Value) -> bool:
        """Whether a weight is made of something that is not counted yet, and not said to be no parameter."""
        fresh, waiting = False, [value]
        while waiting:
            one = waiting.pop()
            if one in self._counted or not one.constant:
                continue
            self._counted.add(one)
            fresh = fresh or not (one.parts or one.learned is Learned.NO)
            waiting += one.parts
        return fresh

    def within(self, value: Value, *, learns: bool) -> int:
        """The elements of the parameters that an operand is made of, without those that are counted already.

        Where the operand is not there for parameters, only of those of which the file says what they are.
        """
        found, seen, waiting = 0, self._seen[learns], [value]
        while waiting:
            one = waiting.pop()
            if one in seen or not one.constant:
                continue
            seen.add(one)
            waiting += one.parts
            if one not in self._counted and (one.learned is Learned.YES or (learns and one.learned is Learned.PERHAPS)):
                self._counted.add(one)
                found += product(one.sizes or ())
        return found
