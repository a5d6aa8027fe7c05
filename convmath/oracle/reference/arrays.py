"""Arrays of exact Python numbers: what the loops of the reference read and write."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from ...errors import DomainError
from ..options import Index, layer_shape

ObjectArray: TypeAlias = npt.NDArray[np.object_]


def exact_array(name: str, values: Any) -> ObjectArray:
    """An object array of Python numbers from nested lists or any array; NumPy scalars become Python numbers.

    >>> exact_array("bias", [1, 2**70])
    array([1, 1180591620717411303424], dtype=object)
    """
    array = np.array(values, dtype=object) if isinstance(values, (list, tuple)) else np.asarray(values).astype(object)
    for index, value in np.ndenumerate(array):
        if isinstance(value, np.generic):
            array[index] = value.item()
        elif isinstance(value, (list, tuple)):
            raise DomainError(name, values, f"needs rows of equal length, but has a list at index {index}")
    return array


def layer_array(name: str, values: Any) -> ObjectArray:
    """An exact array with a batch axis, a channel axis and 1 to 3 spatial axes.

    >>> layer_array("x", [[[1, 2]]]).shape
    (1, 1, 2)
    """
    array = exact_array(name, values)
    layer_shape(name, array.shape)
    return array


def zeros(shape: Index) -> ObjectArray:
    """An object array of Python's 0.

    >>> zeros((2,))
    array([0, 0], dtype=object)
    """
    return np.full(shape, 0, dtype=object)
