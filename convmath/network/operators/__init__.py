"""The operators that are understood, one value object each."""

from .attention import Attention
from .base import Operator, Sizes, Work
from .convolution import Conv, ConvTranspose, Fold, Linear, MatMul, Unfold
from .elementwise import Activation, Combine, Identity, Input, Norm, Softmax, Unknown
from .interpolation import Interpolate, Repeat
from .layout import Concat, Expand, Flatten, Lookup, Pad, Permute, Reshape, Slice
from .pooling import AdaptivePool, Pool, Reduce
from .resize import PixelShuffle, PixelUnshuffle, Resize

__all__ = [
    "Activation",
    "AdaptivePool",
    "Attention",
    "Combine",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Expand",
    "Flatten",
    "Fold",
    "Identity",
    "Input",
    "Interpolate",
    "Linear",
    "Lookup",
    "MatMul",
    "Norm",
    "Operator",
    "Pad",
    "Permute",
    "PixelShuffle",
    "PixelUnshuffle",
    "Pool",
    "Reduce",
    "Repeat",
    "Reshape",
    "Resize",
    "Sizes",
    "Slice",
    "Softmax",
    "Unfold",
    "Unknown",
    "Work",
]
