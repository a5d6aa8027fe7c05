"""What each operator of ONNX becomes; importing a module enters its handlers."""

from . import control, dense, elementwise, layout, pooling, refusals, resizing, runtime, sequence, sequences, windows

__all__ = [
    "control",
    "dense",
    "elementwise",
    "layout",
    "pooling",
    "refusals",
    "resizing",
    "runtime",
    "sequence",
    "sequences",
    "windows",
]
