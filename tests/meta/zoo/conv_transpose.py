"""Wrong transposed convolutions."""

from __future__ import annotations

import numpy as np

from .specimen import collector
from .twins import ConvTranspose, spatial

SPECIMENS, wrong = collector()


@wrong(ndim=1)
class KernelFlipped(ConvTranspose):
    """The kernel is flipped, as in the convolution that computes it."""

    def __call__(self, x, w, bias, **options):
        return super().__call__(x, np.flip(w, spatial(w)), bias, **options)


@wrong()
class KernelFlippedInOneAxis(ConvTranspose):
    """The kernel is rotated by mirroring its last axis alone."""

    def __call__(self, x, w, bias, **options):
        return super().__call__(x, w[..., ::-1], bias, **options)


@wrong(ndim=1, upstream="https://github.com/tinygrad/tinygrad/pull/875")
class OutputPaddingAtStart(ConvTranspose):
    """What output_padding adds is kept at the start instead of the end."""

    def cropped(self, canvas, padding, output_padding):
        shifted = np.roll(canvas, output_padding, spatial(canvas))
        return super().cropped(shifted, padding, output_padding)


@wrong(upstream="https://github.com/pytorch/pytorch/issues/8816")
class OutputPaddingIsZero(ConvTranspose):
    """What output_padding adds is zero, although windows and the bias reach it."""

    def cropped(self, canvas, padding, output_padding):
        self.added = output_padding
        return super().cropped(canvas, padding, output_padding)

    def biased(self, y, bias):
        kept = (..., *(slice(0, n - extra) for n, extra in zip(y.shape[2:], self.added, strict=True)))
        zeroed = np.zeros_like(y)
        zeroed[kept] = super().biased(y, bias)[kept]
        return zeroed


@wrong(ndim=1, upstream="https://github.com/Tencent/ncnn/pull/1122")
class OutputPaddingHasNoBias(ConvTranspose):
    """What output_padding adds gets the windows' shares, but no bias."""

    def cropped(self, canvas, padding, output_padding):
        self.added = output_padding
        return super().cropped(canvas, padding, output_padding)

    def biased(self, y, bias):
        kept = (..., *(slice(0, n - extra) for n, extra in zip(y.shape[2:], self.added, strict=True)))
        y[kept] = super().biased(y[kept], bias)
        return y


@wrong(ndim=3)
class OutputPaddingReversed(ConvTranspose):
    """output_padding is given last axis first."""

    def __call__(self, x, w, bias, *, output_padding, **options):
        return super().__call__(x, w, bias, output_padding=output_padding[::-1], **options)


@wrong(ndim=1, upstream="https://github.com/pytorch/pytorch/issues/14099")
class SizeWithoutDilation(ConvTranspose):
    """The output size does not know the dilation; taps beyond it are dropped."""

    def __call__(self, x, w, bias, *, dilation, **options):
        y = super().__call__(x, w, bias, dilation=dilation, **options)
        axes = zip(y.shape[2:], w.shape[2:], dilation, strict=True)
        return y[(..., *(slice(0, max(n - (d - 1) * (k - 1), 1)) for n, k, d in axes))]


@wrong(upstream="https://github.com/pytorch/pytorch/issues/1565")
class TapsWithoutDilation(ConvTranspose):
    """The output size knows the dilation, the taps do not."""

    def place(self, tap, size, stride, dilation):
        return super().place(tap, size, stride, (1,) * len(dilation))


@wrong(upstream="https://github.com/apache/mxnet/issues/11203")
class DilationLostWithStride(ConvTranspose):
    """With a stride, windows are moved by half of what dilation adds to them, where there is padding for it."""

    def __call__(self, x, w, bias, *, stride, padding, dilation, **options):
        axes = zip(w.shape[2:], stride, padding, dilation, strict=True)
        padding = [self.moved(*axis) for axis in axes]
        return super().__call__(x, w, bias, stride=stride, padding=padding, dilation=dilation, **options)

    def moved(self, k, s, pads, d):
        shift = (d - 1) * (k - 1) // 2
        return (pads[0] - shift, pads[1] + shift) if s > 1 and pads[0] >= shift else pads


@wrong(upstream="https://github.com/Samsung/TICO/issues/420")
class PaddingOfTheInput(ConvTranspose):
    """Padding is put around the input instead of being cropped off the output."""

    def __call__(self, x, w, bias, *, padding, **options):
        wide = np.pad(x, [(0, 0), (0, 0), *padding])
        return super().__call__(wide, w, bias, padding=[(0, 0)] * len(padding), **options)


@wrong(ndim=1, upstream="https://github.com/robertknight/rten/pull/1399")
class PaddingSidesSwapped(ConvTranspose):
    """The padding of the end is cropped off the start."""

    def cropped(self, canvas, padding, output_padding):
        return super().cropped(canvas, [(hi, lo) for lo, hi in padding], output_padding)


@wrong(upstream="https://github.com/tinygrad/tinygrad/pull/840")
class PaddingOfTheStartTwice(ConvTranspose):
    """The padding of the start is cropped off both sides, and zeros fill what is missing."""

    def cropped(self, canvas, padding, output_padding):
        right = super().cropped(canvas, padding, output_padding)
        axes = zip(padding, right.shape[2:], strict=True)
        kept = (..., *(slice(0, n - max(lo - hi, 0)) for (lo, hi), n in axes))
        cut = np.zeros_like(right)
        cut[kept] = right[kept]
        return cut


@wrong(upstream="https://github.com/uxlfoundation/oneDNN/issues/352")
class GroupsInterleaved(ConvTranspose):
    """Outputs are laid down one of each group in turn."""

    def outputs(self, group, groups, w):
        return slice(group, None, groups)


@wrong(ndim=1, upstream="https://github.com/pytorch/pytorch/issues/5521")
class WeightReadAsConv(ConvTranspose):
    """The weight is read as (outputs, inputs of a group, ...), where that fits."""

    def __call__(self, x, w, bias, *, groups, **options):
        inputs, outputs = w.shape[0] // groups, w.shape[1]
        packed = w.reshape(groups, outputs, inputs, *w.shape[2:]).swapaxes(1, 2).reshape(w.shape)
        return super().__call__(x, packed, bias, groups=groups, **options)


@wrong()
class OverlapOverwritten(ConvTranspose):
    """Where windows overlap, the last one wins."""

    def add(self, canvas, place, values):
        canvas[place] = values


@wrong(ndim=3)
class BiasForTheFirstGroup(ConvTranspose):
    """Only the channels of the first group get their bias."""

    def __call__(self, x, w, bias, *, groups, **options):
        bias = None if bias is None else np.where(np.arange(len(bias)) < w.shape[1], bias, 0)
        return super().__call__(x, w, bias, groups=groups, **options)


@wrong(ndim=1)
class CanvasNotCleared(ConvTranspose):
    """The canvas is kept for calls of the same shape, and not set to zero."""

    def __init__(self):
        self.kept = {}

    def canvas(self, shape, dtype):
        size = int(np.prod(shape))
        if size not in self.kept:
            self.kept[size] = np.zeros(size, dtype)
        return self.kept[size].reshape(shape)


@wrong(ndim=2)
class BatchOfTheFirst(ConvTranspose):
    """The kernel's loop over the batch writes where the first one's shares belong."""

    def add(self, canvas, place, values):
        canvas[(slice(0, 1), *place[1:])] += values.sum(axis=0, keepdims=True)


@wrong(ndim=1)
class ChannelOffByOne(ConvTranspose):
    """The loop over a group's input channels ends one early, if there are more than two."""

    def scatter(self, canvas, x, w, stride, dilation, groups):
        if len(w) // groups > 2:
            x = x.copy()
            x[:, len(w) // groups - 1 :: len(w) // groups] = 0
        super().scatter(canvas, x, w, stride, dilation, groups)
