"""Operations whose places depend on what is computed: why they are not followed."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..builder import Builder
from ..registry import NotUnderstoodError, handles
from ..values import Value
from .shared import sizes_from

_REASONS = {
    "the elements that it samples are those that a computed grid names": (
        *("grid_sample", "grid_sampler", "grid_sampler_2d", "grid_sampler_3d"),
    ),
    "the elements that it puts in place are those that computed indices name": (
        *("max_unpool1d", "max_unpool2d", "max_unpool3d"),
    ),
    "its windows are drawn at random": (
        *("fractional_max_pool2d", "fractional_max_pool3d", "fractional_max_pool2d_with_indices"),
        *("fractional_max_pool3d_with_indices", "functional.fractional_max_pool2d"),
    ),
}


def _refused(reason: str, builder: Builder, *_: Any, **__: Any) -> Any:
    raise NotUnderstoodError(reason)


for _reason, _names in _REASONS.items():
    handles(*_names)(partial(_refused, _reason))


@handles("affine_grid", "affine_grid_generator")
def _affine_grid(builder: Builder, theta: Value, size: Any, *_: Any, **__: Any) -> Value:
    """A constant where its matrix is one."""
    if not theta.constant:
        raise NotUnderstoodError("its matrix is computed from the input of the network")
    batch, _channels, *spatial = sizes_from((size,))
    return Value((batch, *spatial, len(spatial)), theta.dtype, constant=True, name="affine_grid")
