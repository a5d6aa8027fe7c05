"""PNG files of arrays of colours."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

Colors = npt.NDArray[np.uint8]
"""Rows, columns and red, green, blue."""


def png(colors: Colors) -> bytes:
    """The file: 8 bits for each of red, green and blue, not interlaced, no filter (PNG Specification, third edition).

    >>> png(np.zeros((1, 1, 3), np.uint8))[:8]
    b'\\x89PNG\\r\\n\\x1a\\n'
    """
    height, width, _ = colors.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)  # each begins with its filter: none
    rows[:, 1:] = colors.reshape(height, 3 * width)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def magnified(colors: Colors, by: int) -> Any:
    """Every pixel as a square of pixels."""
    return colors.repeat(by, axis=0).repeat(by, axis=1)
