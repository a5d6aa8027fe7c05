"""Small integers that depend on nothing but a seed: the data of a case, the same on every machine and version."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from .options import Index

_MASK = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15


def fill(shape: Index, *, seed: int, stream: int, limit: int) -> npt.NDArray[np.int64]:
    """Integers between -limit and limit without 0, which would hide what it multiplies; each stream is its own.

    The generator is SplitMix64 [SteeleLeaFlood2014].

    >>> fill((2, 3), seed=1, stream=0, limit=4).tolist()
    [[-2, 2, -4], [1, 4, 1]]
    """
    start = (seed * 0xD1342543DE82EF95 + stream * 0x2545F4914F6CDD1D) & _MASK
    state = np.arange(1, prod(shape) + 1, dtype=np.uint64) * np.uint64(_STEP) + np.uint64(start)
    value = _mixed(state) % np.uint64(2 * limit)
    signed = value.astype(np.int64) - limit
    return (signed + (signed >= 0)).reshape(shape)


def _mixed(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
