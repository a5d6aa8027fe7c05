"""A failing call as a script that needs NumPy and the function, and nothing of this library."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .bounds import Bounded
from .formats import IntegerFormat, NumberFormat
from .report import Verdict

Array = npt.NDArray[Any]

_MOST_ELEMENTS = 20_000
_WIDTH = 79
NAMES = {
    "conv": ("x", "w", "bias"),
    "conv_transpose": ("x", "w", "bias"),
    "grad_input": ("grad_output", "w"),
    "grad_weight": ("x", "grad_output"),
    "grad_bias": ("grad_output",),
    "max_pool": ("x",),
    "avg_pool": ("x",),
    "max_pool_grad_input": ("grad_output", "x"),
    "avg_pool_grad_input": ("grad_output",),
}
"""The arguments of each kind."""


def snippet(
    verdict: Verdict,
    kind: str,
    path: str | None,
    arguments: Sequence[Any],
    options: dict[str, Any],
    bounded: Bounded,
    time_limit: float,
) -> str:
    """The script; it ends with an error as long as the call fails. "" if the arrays are too large to be written out.

    Without a path the function is to be filled in.
    """
    expected, rest = _expected(bounded)
    if sum(np.size(array) for array in (*arguments, expected)) > _MOST_ELEMENTS:
        return ""
    names = NAMES[kind][: len(arguments)]
    passed = [f"{name}={value!r}" for name, value in options.items()]
    arrays = [name for name, array in zip(names, arguments, strict=True) if array is not None]
    lines = [
        *(["import faulthandler", ""] if verdict is Verdict.HANG else []),
        "import numpy as np",
        *_import(path),
        *(f"{name} = {_literal(array)}" for name, array in zip(names, arguments, strict=True)),
        f"expected = {_literal(expected)}",
        "",
        *([f"faulthandler.dump_traceback_later({time_limit:g}, exit=True)"] if verdict is Verdict.HANG else []),
        *([f"before = [{', '.join(f'{name}.copy()' for name in arrays)}]"] if verdict is Verdict.INPUT_CHANGED else []),
        f"y = np.asarray(fn({', '.join([*names, *passed])}))",
        "assert y.shape == expected.shape, y.shape",
        *_comparison(bounded.bound, rest),
        _type(bounded.claim.output),
    ]
    if verdict is Verdict.INPUT_CHANGED:
        lines += [f"for array, copy in zip([{', '.join(arrays)}], before):", "    assert np.array_equal(array, copy)"]
    return "\n".join(map(_wrapped, lines)) + "\n"


def _wrapped(line: str) -> str:
    """A line broken within its brackets; an import has none."""
    if line.startswith("from "):
        return line
    return textwrap.fill(line, _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)


def _import(path: str | None) -> list[str]:
    if path is None:
        return ["", "fn = ...  # the function under test", ""]
    module, _, name = path.partition(":")
    first, dot, _ = name.partition(".")
    if dot:
        return [f"from {module} import {first}", "", f"fn = {name}", ""]
    return [f"from {module} import {first} as fn", ""]


def _type(wanted: NumberFormat) -> str:
    if wanted.name == wanted.container.name:
        return f"assert y.dtype == np.{wanted.name}, y.dtype"
    return f"assert y.dtype.name in ({wanted.name!r}, {wanted.container.name!r}), y.dtype"


def _expected(bounded: Bounded) -> tuple[Array, Array]:
    """The exact result, in the output's format if that holds it; in float64 otherwise, and what that leaves of it."""
    high, low = bounded.expected.high, bounded.expected.low
    if isinstance(bounded.claim.output, IntegerFormat):
        return np.asarray(high.astype(np.int64) + low.astype(np.int64)), np.zeros_like(low)
    return (high, low) if np.any(bounded.bound) else (high.astype(bounded.claim.output.container), low)


def _comparison(bound: Array, rest: Array) -> list[str]:
    if not np.any(bound):
        return ["np.testing.assert_array_equal(y, expected)"]
    return [
        f"bound = {_literal(bound)}",
        f"rest = {_literal(rest)}",
        "error = np.abs((y.astype(np.float64) - expected) - rest)",
        "assert np.all((error <= bound) | np.isinf(bound)), (error, bound)",
    ]


def _literal(array: Any) -> str:
    """An expression of an array with all its digits."""
    if array is None:
        return "None"
    values = array.ravel().tolist()
    if array.dtype.kind == "f" and all(float(value).is_integer() for value in values):
        values = [int(value) for value in values]
    listed = ", ".join(f"np.{value}" if value != value or abs(value) == np.inf else repr(value) for value in values)
    return f"np.array([{listed}], dtype=np.{array.dtype.name}).reshape({array.shape!r})"
