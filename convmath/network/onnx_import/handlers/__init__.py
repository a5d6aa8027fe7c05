"""What each operator of ONNX becomes; importing a module enters its handlers."""

from . import dense, elementwise, layout, pooling, refusals, resizing, sequence, windows

__all__ = ["dense", "elementwise", "layout", "pooling", "refusals", "resizing", "sequence", "windows"]
