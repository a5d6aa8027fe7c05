"""What every case has: arguments and options to call an implementation with, the exact answer, and the comparison."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError
from .exact.arithmetic import FLOAT64_LIMIT, peak
from .options import Index

LIMIT = 4
LARGEST_LIMIT = 2**31
_LARGEST_ARRAY = 2**28


class Case(ABC):
    """A layer with its data: ``fn(*case.arguments, **case.options)`` ought to be ``case.expected``."""

    @property
    @abstractmethod
    def arguments(self) -> tuple[Any, ...]:
        """The arrays, of int64, that an implementation gets; None for a bias that is not there."""

    @property
    @abstractmethod
    def options(self) -> dict[str, Any]:
        """The keywords that an implementation gets."""

    @property
    @abstractmethod
    def features(self) -> frozenset[str]:
        """What the case exercises, by the names that reports and strategies use."""

    @abstractmethod
    def __str__(self) -> str:
        """The descriptor."""

    def __repr__(self) -> str:
        """What makes it again."""
        return f"{type(self).__name__}.parse({str(self)!r})"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """How Hypothesis and IPython print it."""
        printer.text(repr(self))

    def _set(self, name: str, value: Any) -> None:
        """Set a field of a frozen case while it is made."""
        object.__setattr__(self, name, value)

    @abstractmethod
    def _answer(self) -> npt.NDArray[Any]:
        """The exact answer."""

    @cached_property
    def expected(self) -> npt.NDArray[Any]:
        """The exact answer: int64, or an object array where that may not hold it."""
        return self._answer()

    def assert_matches(self, y: Any) -> None:
        """Raise AssertionError unless ``y`` has the expected shape and exactly the expected numbers.

        ``y`` is anything that ``numpy.asarray`` takes. The message names the first index, in row-major order, where the
        two differ.
        """
        __tracebackhide__ = True
        got, expected = np.asarray(y), self.expected
        if got.dtype.kind not in "biufOV":
            raise AssertionError(f"{self}: got elements of type {got.dtype}")
        if got.shape != expected.shape:
            raise AssertionError(f"{self}: expected shape {expected.shape}, got shape {got.shape}")
        differing = np.argwhere(_differs(got, expected))
        if len(differing):
            index = tuple(differing[0].tolist())
            raise AssertionError(
                f"{self}: {len(differing)} of {expected.size} elements differ, the first at index {index}: "
                f"expected {expected[index]}, got {got[index]}"
            )


def every_axis(values: Any, ndim: int = 1) -> Any:
    """``values`` per axis, where a single one stands for every axis.

    >>> every_axis((2,), 3), every_axis(2, 2), every_axis((1, 2), 2)
    ((2, 2, 2), (2, 2), (1, 2))
    """
    listed = tuple(values) if isinstance(values, (tuple, list)) else (values,)
    return listed * ndim if len(listed) == 1 else listed


def _differs(got: npt.NDArray[Any], expected: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Where two arrays differ as numbers; large integers are compared as Python's, for float64 would round them."""
    if got.dtype.kind == "V":  # bfloat16 and its like
        got = got.astype(np.float64)
    if expected.dtype == object or peak(expected) > FLOAT64_LIMIT:
        got, expected = got.astype(object), expected.astype(object)
    return np.asarray(got != expected, dtype=np.bool_)


def require_moderate(name: str, shape: Index) -> None:
    """Raise DomainError if an array of a case would be too large to make.

    >>> require_moderate("x", (1, 1, 3))
    """
    size = 1
    for length in shape:
        size *= length
    if size > _LARGEST_ARRAY:
        raise DomainError(name, shape, f"needs at most {_LARGEST_ARRAY} elements")
