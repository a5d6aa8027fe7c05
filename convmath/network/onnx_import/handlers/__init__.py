"""What each operator of ONNX becomes; importing a module enters its handlers."""

from . import (
    control,
    dense,
    elementwise,
    layout,
    pooling,
    refusals,
    resizing,
    runtime,
    sequence,
    tensor_sequences,
    transformers,
    windows,
)

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
    "tensor_sequences",
    "transformers",
    "windows",
]
