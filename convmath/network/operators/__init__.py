"""The operators that are understood, one value object each."""

from .attention import Attention
from .base import Operator, Sizes, Work
from .convolution import Conv, ConvTranspose, Linear, MatMul
from .einsum import Einsum
from .elementwise import Activation, Combine, Dropout, Identity, Input, LocalResponseNorm, Norm, Softmax, Unknown
from .interpolation import Interpolate, Repeat
from .layout import (
    Concat,
    Expand,
    ExpandKeeping,
    Flatten,
    Pad,
    Permute,
    Reshape,
    ReshapeKeeping,
    Slice,
    SliceFromEnd,
)
from .lookup import Lookup
from .pooling import AdaptivePool, Pool, Reduce
from .recurrent import LastState, Recurrent
from .resize import PixelShuffle, PixelUnshuffle, Resize
from .sequence import Cumulative, Embedding, Flip, Gather, Sort, Take
from .unfolding import Fold, Unfold, Windows

__all__ = [
    "Activation",
    "AdaptivePool",
    "Attention",
    "Combine",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Cumulative",
    "Dropout",
    "Einsum",
    "Embedding",
    "Expand",
    "ExpandKeeping",
    "Flatten",
    "Flip",
    "Fold",
    "Gather",
    "Identity",
    "Input",
    "Interpolate",
    "LastState",
    "Linear",
    "LocalResponseNorm",
    "Lookup",
    "MatMul",
    "Norm",
    "Operator",
    "Pad",
    "Permute",
    "PixelShuffle",
    "PixelUnshuffle",
    "Pool",
    "Recurrent",
    "Reduce",
    "Repeat",
    "Reshape",
    "ReshapeKeeping",
    "Resize",
    "Sizes",
    "Slice",
    "SliceFromEnd",
    "Softmax",
    "Sort",
    "Take",
    "Unfold",
    "Unknown",
    "Windows",
    "Work",
]
