"""Operators whose places depend on what is computed: why they are not followed."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..call import Call
from ..registry import NotUnderstoodError, handles

_REASONS = {
    "the elements that it samples are those that a computed grid names": ("GridSample",),
    "the elements that it samples lie at computed distances from the taps": ("DeformConv",),
    "the regions that it pools are computed": ("RoiAlign", "MaxRoiPool"),
    "the elements that it puts in place are those that computed indices name": (
        *("MaxUnpool", "Scatter", "ScatterElements", "ScatterND", "TensorScatter"),
    ),
    "which elements it takes is not known beforehand": (
        *("GatherElements", "GatherND", "Compress", "NonZero", "Unique", "NonMaxSuppression"),
    ),
}


def _refused(reason: str, call: Call) -> Any:
    raise NotUnderstoodError(reason)


for _reason, _names in _REASONS.items():
    handles(*_names)(partial(_refused, _reason))
