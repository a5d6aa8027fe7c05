"""Wrong convolutions."""

from __future__ import annotations

import numpy as np

from convmath.oracle.formats import arithmetic

from .specimen import collector
from .twins import PLAIN, Conv, share, spatial

SPECIMENS, wrong = collector()


@wrong(ndim=1)
class KernelFlipped(Conv):
    """It is a true convolution: the kernel is flipped."""

    def __call__(self, x, w, bias, **options):
        return super().__call__(x, np.flip(w, spatial(w)), bias, **options)


@wrong(upstream="https://github.com/mlpack/mlpack/pull/3376")
class KernelAxesSwapped(Conv):
    """The two axes of a square kernel are swapped."""

    def multiplied(self, columns, w):
        square = w.shape[2] == w.shape[3]
        return super().multiplied(columns, w.swapaxes(2, 3) if square else w)


@wrong(upstream="https://github.com/mlpack/mlpack/issues/4050")
class StridesSwapped(Conv):
    """Windows step along each axis by the stride of the other."""

    def __call__(self, x, w, bias, *, stride, **options):
        return super().__call__(x, w, bias, stride=stride[::-1], **options)


@wrong(ndim=3, upstream="https://github.com/tracel-ai/burn/pull/4466")
class FirstDilationTwice(Conv):
    """The second axis takes the first one's dilation, where all taps stay inside the input."""

    def seen(self, tap, size, stride, dilation):
        return super().seen(tap, size, stride, (dilation[0], min(dilation[:2]), *dilation[2:]))


@wrong(upstream="https://github.com/CanReader/FastNN/issues/4")
class DilationOnlyInSize(Conv):
    """The output size knows the dilation, the taps do not."""

    def seen(self, tap, size, stride, dilation):
        return super().seen(tap, size, stride, (1,) * len(dilation))


@wrong(ndim=1)
class DilationLostWithStride(Conv):
    """The strided loop leaves the dilation out."""

    def seen(self, tap, size, stride, dilation):
        return super().seen(tap, size, stride, dilation if max(stride) == 1 else (1,) * len(dilation))


@wrong(ndim=1)
class DilationIsOneLess(Conv):
    """A tap is ``dilation * k`` further in the size, and ``(dilation - 1) * k + 1`` further in the loop."""

    def seen(self, tap, size, stride, dilation):
        axes = zip(tap, size, stride, dilation, strict=True)
        starts = [((d - 1) * k + min(k, 1), o, s) for k, o, s, d in axes]
        return [slice(start, start + s * (o - 1) + 1, s) for start, o, s in starts]


@wrong(ndim=1, upstream="https://github.com/ARM-software/ComputeLibrary/issues/743")
class PaddingSidesSwapped(Conv):
    """The padding of the end is put at the start."""

    def padded(self, x, padding):
        return super().padded(x, [(hi, lo) for lo, hi in padding])


@wrong(upstream="https://github.com/apache/tvm/pull/4511")
class PaddingSplitEvenly(Conv):
    """Asymmetric padding is divided evenly, the odd one at the end."""

    def padded(self, x, padding):
        return super().padded(x, [((lo + hi) // 2, (lo + hi + 1) // 2) for lo, hi in padding])


@wrong(upstream="https://github.com/Maratyszcza/NNPACK/issues/103")
class PaddingAboveKernelMoved(Conv):
    """Padding at the start is cut to the kernel size, the rest of it put at the end."""

    def __call__(self, x, w, bias, *, padding, **options):
        axes = zip(padding, w.shape[2:], strict=True)
        cut = [(min(lo, k), hi + lo - min(lo, k)) for (lo, hi), k in axes]
        return super().__call__(x, w, bias, padding=cut, **options)


@wrong(upstream="https://github.com/tinygrad/tinygrad/pull/17805")
class PaddingAxesReversed(Conv):
    """Padding is given last axis first, as torch's pad wants it."""

    def __call__(self, x, w, bias, *, padding, **options):
        return super().__call__(x, w, bias, padding=padding[::-1], **options)


@wrong(upstream="https://github.com/modular/modular/issues/6461")
class PaddingReadsTheNextRow(Conv):
    """At the end of a row a flat index runs on into the next row instead of the padding."""

    def padded(self, x, padding):
        padded, end = super().padded(x, padding), padding[-1][1]
        if end:
            padded[..., :-1, -end:] = padded[..., 1:, :end]
        return padded


@wrong(ndim=1, upstream="https://github.com/d2l-ai/d2l-zh/pull/1345")
class SizeRoundedUp(Conv):
    """The output size is rounded up; the last window ends in zeros."""

    def size(self, n, k, s, pads, d):
        return -(-(n + sum(pads) - d * (k - 1) - 1) // s) + 1

    def columns(self, padded, kernel, size, stride, dilation):
        more = [(0, 0), (0, 0), *((0, s) for s in stride)]
        return super().columns(np.pad(padded, more), kernel, size, stride, dilation)


@wrong(ndim=1)
class WindowsFromTheEnd(Conv):
    """The tail that no window covers is left at the start."""

    def columns(self, padded, kernel, size, stride, dilation):
        axes = zip(padded.shape[2:], kernel, size, stride, dilation, strict=True)
        tails = [slice(n - s * (o - 1) - d * (k - 1) - 1, None) for n, k, o, s, d in axes]
        return super().columns(padded[(..., *tails)], kernel, size, stride, dilation)


@wrong(upstream="https://github.com/ARM-software/ComputeLibrary/issues/78")
class EvenKernelCentred(Conv):
    """Along an axis with padding, an even kernel starts one element too early."""

    def __call__(self, x, w, bias, *, padding, **options):
        axes = zip(padding, w.shape[2:], strict=True)
        moved = [(lo + 1, hi - 1) if k % 2 == 0 and hi else (lo, hi) for (lo, hi), k in axes]
        return super().__call__(x, w, bias, padding=moved, **options)


@wrong(upstream="https://github.com/pytorch/pytorch/issues/19912")
class GroupStartsByOutputs(Conv):
    """A group's first input channel is counted in output channels."""

    def inputs(self, columns, group, groups, w):
        each = columns.shape[1] // groups
        start = min(group * (len(w) // groups), columns.shape[1] - each)
        return columns[:, start : start + each]


@wrong(ndim=1)
class EveryGroupReadsTheFirst(Conv):
    """Every group reads the channels of the first."""

    def inputs(self, columns, group, groups, w):
        return super().inputs(columns, 0, groups, w)


@wrong(ndim=3)
class ChannelsDealtOut(Conv):
    """Group ``g`` reads the channels ``g``, ``g + groups``, ..."""

    def inputs(self, columns, group, groups, w):
        return columns[:, group::groups]


@wrong(upstream="https://github.com/pytorch/pytorch/issues/180984")
class SliceReadAsPacked(Conv):
    """A group's slice of the channels is read as if its batches lay next to each other in memory."""

    def inputs(self, columns, group, groups, w):
        right = super().inputs(columns, group, groups, w)
        start = group * right[0].size
        return np.take(columns, np.arange(start, start + right.size), mode="wrap").reshape(right.shape)


@wrong(upstream="https://github.com/tensorflow/tensorflow/issues/33005")
class DepthwiseHasOneStride(Conv):
    """The depthwise loop uses the first axis's stride for every axis."""

    def __call__(self, x, w, bias, *, stride, groups, **options):
        depthwise = groups == x.shape[1]
        used = (stride[0],) * len(stride) if depthwise else stride
        return super().__call__(x, w, bias, stride=used, groups=groups, **options)


@wrong(upstream="https://github.com/microsoft/CNTK/issues/3294")
class DepthwiseMultiplierInTurn(Conv):
    """With several outputs for each channel, a depthwise output reads channel ``f % channels``."""

    def product(self, columns, w, groups):
        if groups == columns.shape[1]:
            columns = np.take(columns, np.arange(len(w)) % groups, axis=1)
            groups = len(w)
        return super().product(columns, w, groups)


@wrong()
class PointwiseForgetsStride(Conv):
    """The short cut for 1x1 kernels takes the first positions instead of every ``stride``-th."""

    def columns(self, padded, kernel, size, stride, dilation):
        steps = (1,) * len(stride) if set(kernel) == {1} else stride
        return super().columns(padded, kernel, size, steps, dilation)


@wrong(upstream="https://github.com/tensorflow/tensorflow/pull/1991")
class StrideCutToKernel(Conv):
    """A stride above the kernel size steps by the kernel size."""

    def columns(self, padded, kernel, size, stride, dilation):
        steps = [min(s, k) for s, k in zip(stride, kernel, strict=True)]
        return super().columns(padded, kernel, size, steps, dilation)


@wrong(ndim=1, upstream="https://github.com/ARM-software/CMSIS_5/issues/1168")
class OddOutputLost(Conv):
    """Outputs are computed two at a time along the last axis, and the odd one is left 0."""

    def product(self, columns, w, groups):
        y = super().product(columns, w, groups)
        if y.shape[-1] % 2 and y.shape[-1] > 1:
            y[..., -1] = 0
        return y


@wrong(upstream="https://github.com/Tencent/ncnn/issues/1014")
class RemainderOfFour(Conv):
    """Outputs are computed four at a time; of a remainder only the first is."""

    def product(self, columns, w, groups):
        y = super().product(columns, w, groups)
        flat = y.reshape(*y.shape[:2], -1)
        flat[..., flat.shape[-1] // 4 * 4 + 1 :] = 0
        return y


@wrong(ndim=3, upstream="https://github.com/NervanaSystems/neon/issues/361")
class BatchRemainderRepeated(Conv):
    """A batch is taken two at a time; the last of an odd one is that before it."""

    def columns(self, padded, *options):
        if len(padded) > 1 and len(padded) % 2:
            padded = np.concatenate([padded[:-1], padded[-2:-1]])
        return super().columns(padded, *options)


@wrong()
class CornerPixel(Conv):
    """The last output misses its last tap."""

    def columns(self, padded, *options):
        columns = super().columns(padded, *options)
        last = (-1,) * (columns.ndim - 2)
        columns[(PLAIN, PLAIN, *last)] = 0
        return columns


@wrong()
class BiasByGroup(Conv):
    """The bias is indexed within the group."""

    def __call__(self, x, w, bias, *, groups, **options):
        if bias is not None:
            bias = np.tile(bias[share(0, groups, len(bias))], groups)
        return super().__call__(x, w, bias, groups=groups, **options)


@wrong(ndim=3)
class BiasOncePerGroup(Conv):
    """The whole bias is added after each group."""

    def __call__(self, x, w, bias, *, groups, **options):
        return super().__call__(x, w, None if bias is None else groups * bias, groups=groups, **options)


@wrong(ndim=2, upstream="https://github.com/uxlfoundation/oneDNN/pull/5041", dtype="float32")
class HalfSums(Conv):
    """Sums of float32 are kept in float16."""

    def multiplied(self, columns, w):
        with np.errstate(over="ignore"):
            return super().multiplied(columns, w).astype(np.float16).astype(w.dtype)


@wrong(
    upstream="https://github.com/ARM-software/ComputeLibrary/pull/1287",
    dtype=arithmetic("float16", accumulator="float32"),
    mode="bounded",
)
class HalfAccumulator(Conv):
    """Sums of float16 are kept in float16, although float32 is promised."""

    def multiplied(self, columns, w):
        flat = columns.reshape(len(columns), w[0].size, -1)
        y = np.zeros((len(columns), len(w), flat.shape[-1]), np.float16)
        for k in range(w[0].size):
            y += w.reshape(len(w), -1)[:, k, None] * flat[:, None, k]
        return y.reshape(*y.shape[:2], *columns.shape[w.ndim :])


@wrong(ndim=1)
class SinglePrecision(Conv):
    """Numbers of float64 are computed with in float32."""

    def multiplied(self, columns, w):
        return super().multiplied(columns.astype(np.float32), w.astype(np.float32)).astype(w.dtype)


@wrong(ndim=1, upstream="https://github.com/ml-explore/mlx/pull/3143", max_macs=10_000)
class ShortIndex(Conv):
    """The position in the padded input overflows; at 8 bits here, at 32 in the original."""

    def columns(self, padded, kernel, size, stride, dilation):
        columns = super().columns(padded, kernel, size, stride, dilation)
        for tap in np.ndindex(*kernel):
            axes = zip(tap, size, stride, dilation, strict=True)
            places = [(s * np.arange(o) + d * k).astype(np.uint8) for k, o, s, d in axes]
            columns[(PLAIN, PLAIN, *tap)] = padded[np.ix_(*map(np.arange, padded.shape[:2]), *places)]
        return columns


@wrong(upstream="https://github.com/ROCm/MIOpen/issues/2532")
class StaleWorkspace(Conv):
    """The padded input lies in memory kept between calls, and its padding is not cleared again."""

    def __init__(self):
        self.workspace = np.zeros(0)

    def padded(self, x, padding):
        padded = super().padded(x, padding)
        if padded.size > self.workspace.size:
            self.workspace = padded.ravel()
            return padded
        reused = self.workspace[: padded.size].reshape(padded.shape)
        reused[(..., *(slice(lo, lo + n) for (lo, _), n in zip(padding, x.shape[2:], strict=True)))] = x
        return reused


@wrong(ndim=1, upstream="https://github.com/bhuman/CompiledNN/issues/7")
class WritesIntoTheKernel(Conv):
    """The kernel is reordered in place, and left so."""

    def __call__(self, x, w, bias, **options):
        y = super().__call__(x, w, bias, **options)
        w[...] = w[..., ::-1].copy()
        return y
