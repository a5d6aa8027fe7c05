"""The only rounding code: floor division, ceiling division, remainder, minimum and maximum.

Each works on ints, NumPy integer arrays, ``torch.SymInt`` and SymPy expressions; the divisor must be positive.
Floor division rounds towards minus infinity for every sign. On SymPy expressions the result is inert
(:mod:`convmath.inert`), so that a proof sees the rounding that the code performs.
"""

from __future__ import annotations

import sys
from typing import Any


def is_symbolic(value: Any) -> bool:
    """Whether ``value`` is a SymPy object.

    >>> is_symbolic(3)
    False
    """
    sympy = sys.modules.get("sympy")
    return sympy is not None and isinstance(value, sympy.Basic)


def is_array(value: Any) -> bool:
    """Whether ``value`` is a NumPy array or NumPy scalar.

    >>> is_array(3)
    False
    """
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic))


def floor_div(a: Any, b: Any) -> Any:
    """``floor(a / b)``.

    >>> floor_div(7, 2), floor_div(-7, 2)
    (3, -4)
    """
    if type(a) is int is type(b):
        return a // b
    if is_symbolic(a) or is_symbolic(b):
        from .inert import FloorDiv

        return FloorDiv(a, b)
    return a // b


def ceil_div(a: Any, b: Any) -> Any:
    """``ceil(a / b)``.

    >>> ceil_div(7, 2), ceil_div(-7, 2)
    (4, -3)
    """
    if is_symbolic(a) or is_symbolic(b):
        from .inert import CeilDiv

        return CeilDiv(a, b)
    return -(-a // b)


def mod(a: Any, b: Any) -> Any:
    """``a - b * floor(a / b)``, between 0 and ``b - 1``.

    >>> mod(7, 2), mod(-7, 2)
    (1, 1)
    """
    if is_symbolic(a) or is_symbolic(b):
        from .inert import Mod

        return Mod(a, b)
    return a % b


def minimum(a: Any, b: Any) -> Any:
    """The smaller of the two.

    >>> minimum(3, 5)
    3
    """
    return _extremum(a, b, "Min", "minimum", "sym_min", min)


def maximum(a: Any, b: Any) -> Any:
    """The larger of the two.

    >>> maximum(3, 5)
    5
    """
    return _extremum(a, b, "Max", "maximum", "sym_max", max)


def _extremum(a: Any, b: Any, inert: str, numpy: str, torch: str, builtin: Any) -> Any:
    if type(a) is int is type(b):
        return builtin(a, b)
    if is_symbolic(a) or is_symbolic(b):
        from . import inert as functions

        return getattr(functions, inert)(a, b)
    if is_array(a) or is_array(b):
        return getattr(sys.modules["numpy"], numpy)(a, b)
    if "torch" in sys.modules:
        return getattr(sys.modules["torch"], torch)(a, b)
    return builtin(a, b)
