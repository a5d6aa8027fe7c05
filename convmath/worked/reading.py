"""The numbers that a user gives: as text, or in a ``.csv`` or ``.npy`` file.

``;`` or the end of a line ends a row, spaces or a comma separate the numbers in it, ``|`` separates channels and ``||``
what stands before the channels: the output channels of a kernel, the input channels of a transposed convolution's.

    3 2 0 1; 0 2 1 2                   a matrix with two rows
    1 2; 3 4 | 5 6; 7 8                two channels
    1 0; 0 1 | 0 0; 0 0 || 1 2; 3 4 | 0 1; 1 0
                                       the kernels of two output channels for two input channels

A ``.csv`` file has a row on each line and may have lines ``|`` and ``||``. A ``.npy`` file has the axes themselves, and
a float in it stands for the shortest decimal that is rounded to it, or for the binary fraction that it holds.
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DomainError
from ..notebook import counted
from ..npy import load
from ..oracle.reference.arrays import ObjectArray
from .numbers import array, number, require_writable

MOST_BYTES = 2**20
SUFFIXES = (".csv", ".npy")


def signal(parameter: str, value: str, ndim: int = 2, *, binary: bool = False) -> ObjectArray:
    """Channels of an input or of an output's gradient: (C, *size); with ``binary`` floats are binary fractions.

    Raises:
        DomainError: the text or the file does not hold that.

    >>> signal("input", "3 2; 0 1").tolist()
    [[[3, 2], [0, 1]]]
    """
    found = kernel(parameter, value, ndim, binary=binary)
    if found.shape[0] != 1:
        raise DomainError(
            parameter,
            brief(value),
            f"has {counted(found.shape[0], 'sample')}, and a worked example has one: no || here",
        )
    return np.asarray(found[0])


def kernel(parameter: str, value: str, ndim: int = 2, *, binary: bool = False) -> ObjectArray:
    """The two channel axes of a kernel and its taps: (F, C, *kernel_size); missing first axes have one element.

    With ``binary`` a float in an ``.npy`` file stands for the binary fraction that it holds.

    Raises:
        DomainError: the text or the file does not hold that.

    >>> kernel("kernel", "1 2 | 3 4 || 5 6 | 7 8", ndim=1).tolist()
    [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]
    """
    if ndim not in (1, 2):
        raise DomainError("ndim", ndim, "needs 1 or 2")
    path = Path(value) if value.lower().endswith(SUFFIXES) else None
    if path is None:
        return _parsed(parameter, value, ndim, brief(value))
    _require_file(parameter, path)
    if path.suffix.lower() == ".npy":
        return _of_npy(parameter, path, ndim, binary)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DomainError(parameter, value, "needs a text file in UTF-8") from None
    return _parsed(parameter, text, ndim, value)


def vector(parameter: str, value: str, *, binary: bool = False) -> ObjectArray:
    """A number per channel, for a bias.

    >>> vector("bias", "1, 1/2").tolist()
    [1, Fraction(1, 2)]
    """
    found = kernel(parameter, value, 1, binary=binary)
    if found.shape[:2] != (1, 1):
        raise DomainError(parameter, brief(value), "needs one row of numbers, without | and ||")
    return np.asarray(found[0, 0])


def _parsed(parameter: str, text: str, ndim: int, shown: str) -> ObjectArray:
    """The array of a text in the notation above."""
    outer = [[_rows(parameter, block, shown) for block in part.split("|")] for part in text.split("||")]
    channels, size = len(outer[0]), (len(outer[0][0]), len(outer[0][0][0]))
    for part in outer:
        if len(part) != channels:
            raise DomainError(
                parameter, shown, f"has {counted(len(part), 'channel')} after one || and {channels} before"
            )
        for block in part:
            if (found := (len(block), len(block[0]))) != size:
                raise DomainError(
                    parameter,
                    shown,
                    f"has a channel of {found[0]}x{found[1]} numbers beside one of {size[0]}x{size[1]}",
                )
    if ndim == 2:
        return array(parameter, outer, (4,))
    if size[0] != 1:
        raise DomainError(parameter, shown, f"has {counted(size[0], 'row')}, and with one axis each channel is one row")
    return array(parameter, [[block[0] for block in part] for part in outer], (3,))


def _rows(parameter: str, block: str, shown: str) -> list[list[Any]]:
    rows = [re.split(r"\s*,\s*|\s+", row.strip()) for row in re.split(r"[;\n]", block) if row.strip()]
    if not rows:
        raise DomainError(parameter, shown, "has a channel without numbers")
    for row in rows:
        if len(row) != len(rows[0]):
            raise DomainError(
                parameter, shown, f"has a row of {counted(len(row), 'number')} after one of {len(rows[0])}"
            )
        if "" in row:
            raise DomainError(parameter, shown, f"lacks a number beside a comma in the row {','.join(row)!r}")
    return [[number(parameter, cell) for cell in row] for row in rows]


def _require_file(parameter: str, path: Path) -> None:
    if not path.is_file():
        raise DomainError(parameter, str(path), "needs a file that exists")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise DomainError(parameter, str(path), f"has {size} bytes (needs at most {MOST_BYTES})")


def holds_other_floats(value: str, found: ObjectArray) -> bool:
    """Whether this is an ``.npy`` file with floats that are not the numbers which were read.

    >>> holds_other_floats("0.1 0.2", signal("input", "0.1 0.2"))
    False
    """
    if not value.lower().endswith(".npy"):
        return False
    held = load("", Path(value))
    return held.dtype.kind == "f" and any(
        Fraction(*number.as_integer_ratio()) != read for number, read in zip(held.ravel(), found.ravel(), strict=True)
    )


def _of_npy(parameter: str, path: Path, ndim: int, binary: bool) -> ObjectArray:
    """The array of an ``.npy`` file, with missing first axes."""
    found = load(parameter, path)
    if found.dtype.kind not in "biuf":
        raise DomainError(parameter, str(path), f"needs real numbers, and has dtype {found.dtype}")
    if not ndim <= found.ndim <= ndim + 2:
        raise DomainError(parameter, found.shape, f"needs {ndim} to {ndim + 2} axes, and has {found.ndim}")
    require_writable(parameter, found.shape)
    return array(parameter, found.reshape((1,) * (ndim + 2 - found.ndim) + found.shape), (ndim + 2,), binary=binary)


def brief(text: str) -> str:
    """The start of a text that a message names."""
    return text if len(text) <= 40 else f"{text[:37]}..."
