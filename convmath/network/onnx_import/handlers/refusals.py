"""Operators that are not followed: why, and the sizes that they have nevertheless."""

from __future__ import annotations

from functools import partial
from typing import Any

from ....errors import DomainError
from ..call import Call
from ..registry import NotUnderstoodError, handles
from ..value import Value, sizes_of_stored

_HELD = "what it holds is not followed"

_REASONS = {
    "the elements that it samples are those that a computed grid names": ("GridSample",),
    "the elements that it samples lie at computed distances from the taps": ("DeformConv",),
    "the regions that it pools are computed": ("RoiAlign", "MaxRoiPool"),
    "the elements that it puts in place are those that computed indices name": (
        *("Scatter", "ScatterElements", "ScatterND", "TensorScatter"),
    ),
    "which elements it takes is not known beforehand": ("GatherElements", "GatherND"),
    "which elements it takes, and how many, is not known beforehand": ("NonZero", "Unique"),
    "which boxes it keeps, and how many, is not known beforehand": ("NonMaxSuppression",),
    "which classes it draws is a matter of chance": ("Multinomial",),
    "the places of its grid are computed, and no elements of an input": ("AffineGrid",),
    "a Fourier transform makes each element of all along an axis, which is not followed": ("DFT",),
    "a determinant, made of whole matrices, is not followed": ("Det",),
    "a loss is no layer of the network, and is not followed": (
        *("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"),
    ),
    "turning pairs of features by their place is not followed": ("RotaryEmbedding",),
    "the state that it takes from one part of a sequence to the next is not followed": (
        *("CausalConvWithState", "LinearAttention"),
    ),
    "what it fills is as large as the input of the network says, which is not known beforehand": (
        *("HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix"),
    ),
    _HELD: ("Shape", "Size", "RandomNormal", "RandomUniform"),
    "images in files and texts are no tensors of numbers": (
        *("ImageDecoder", "RegexFullMatch", "StringConcat", "StringNormalizer", "StringSplit", "TfIdfVectorizer"),
    ),
}


def _refused(reason: str, call: Call) -> Any:
    raise NotUnderstoodError(reason)


for _reason, _names in _REASONS.items():
    handles(*_names)(partial(_refused, _reason))


@handles("Constant")
def _constant(call: Call) -> Value:
    """A tensor that is too long to be kept has sizes nevertheless."""
    if (tensor := call.tensor("value")) is None:
        raise NotUnderstoodError(_HELD)
    return Value(sizes_of_stored(tensor))


@handles("MaxUnpool")
def _max_unpool(call: Call) -> Any:
    """Sizes may be given; otherwise they are those before a pooling layer that loses nothing."""
    given = tuple(call.whole(2)) if call.optional(2) is not None else None
    raise NotUnderstoodError("the elements that it puts in place are those that computed indices name", given)


@handles("STFT")
def _stft(call: Call) -> Any:
    """A window at every step, and in each the frequencies, half of them where the signal is real. [onnx.STFT]"""
    reason = "a Fourier transform makes each element of a whole window, which is not followed"
    window = call.optional(2)
    lengths = call.whole(3) if call.optional(3) is not None else list((window.sizes if window else None) or ())
    steps, sizes = call.whole(1), call.sizes()
    counts = (len(sizes), len(lengths), len(steps))
    if counts not in ((2, 1, 1), (3, 1, 1)) or min(*lengths, *steps) < 1 or lengths[0] > sizes[1]:
        needs = "needs one length of the window, at most that of the signal, and one step, each >= 1"
        raise DomainError("node", call.name, f"STFT {needs}, and not {lengths} and {steps} of {sizes}")
    batch, signal = sizes[:2]
    bins = lengths[0] // 2 + 1 if call.integer("onesided", 1) else lengths[0]
    raise NotUnderstoodError(reason, (batch, (signal - lengths[0]) // steps[0] + 1, bins, 2))
