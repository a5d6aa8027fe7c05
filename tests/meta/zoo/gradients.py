"""Wrong gradients of a convolution."""

from __future__ import annotations

import numpy as np

from .specimen import collector
from .twins import GradBias, GradInput, GradWeight, share, spatial

SPECIMENS, wrong = collector()


@wrong(ndim=1, upstream="https://github.com/ddbourgin/numpy-ml/issues/27")
class KernelNotRotated(GradInput):
    """The full correlation takes the kernel as it is."""

    def rotated(self, w):
        return w


@wrong(upstream="https://github.com/amsukdu/SimplePythonCNN/issues/6")
class KernelRotatedByAQuarter(GradInput):
    """A square kernel is rotated by 90 degrees."""

    def rotated(self, w):
        return np.rot90(w, axes=(2, 3)) if w.shape[2] == w.shape[3] else super().rotated(w)


@wrong(upstream="https://github.com/jax-ml/jax/pull/567")
class GradInputWithoutDilation(GradInput):
    """The kernel of the full correlation is not dilated."""

    def __call__(self, grad_output, w, *, dilation, **options):
        return super().__call__(grad_output, w, dilation=(1,) * len(dilation), **options)


@wrong(ndim=1, upstream="https://github.com/jax-ml/jax/pull/567")
class DilationOnlyInFrame(GradInput):
    """The full padding knows the dilation, the taps do not."""

    def correlate(self, grad, framed, w, dilation, groups):
        super().correlate(grad, framed, w, (1,) * len(dilation), groups)


@wrong(upstream="https://github.com/Kulbear/deep-learning-coursera/pull/34")
class StrideNotMultiplied(GradInput):
    """The gradient is not spread out: output ``o`` is put at ``o`` instead of ``stride * o``."""

    def stretched(self, grad_output, stride):
        stretched = np.zeros_like(super().stretched(grad_output, stride))
        stretched[(..., *map(slice, grad_output.shape[2:]))] = grad_output
        return stretched


@wrong(upstream="https://github.com/apache/mxnet/pull/4704")
class StrideOfTheFirstAxis(GradInput):
    """The gradient is spread out by the first stride along every axis, as far as there is room."""

    def stretched(self, grad_output, stride):
        right = super().stretched(grad_output, stride)
        spread = super().stretched(grad_output, (stride[0],) * len(stride))
        kept = [slice(0, min(n, m)) for n, m in zip(right.shape[2:], spread.shape[2:], strict=True)]
        result = np.zeros_like(right)
        result[(..., *kept)] = spread[(..., *kept)]
        return result


@wrong(upstream="https://github.com/torch/DEPRECEATED-torch7-distro/issues/20")
class TailCutOff(GradInput):
    """The gradient ends where the last window ends, if that is before the input does."""

    def __call__(self, grad_output, w, *, input_size, stride, padding, dilation, **options):
        axes = zip(input_size, grad_output.shape[2:], w.shape[2:], stride, padding, dilation, strict=True)
        covered = [min(n, s * (o - 1) + d * (k - 1) + 1 - lo) for n, o, k, s, (lo, _), d in axes]
        options |= {"stride": stride, "padding": padding, "dilation": dilation}
        return super().__call__(grad_output, w, input_size=covered, **options)


@wrong(ndim=1, upstream="https://github.com/PKUFlyingPig/CMU10-714/issues/6")
class TailAtTheStart(GradInput):
    """The elements that no window covers are taken to be the first ones."""

    def frame(self, n, k, length, pads, d):
        low, high = super().frame(n, k, length, pads, d)
        tail = n + sum(pads) - length - d * (k - 1)
        return low + tail, high - tail


@wrong(upstream="https://github.com/renmengye/np-conv2d/pull/2")
class FrameOfTheFirstAxis(GradInput):
    """The last axis is framed by the gradient's height in place of its width, where the two fit."""

    def framed(self, stretched, frame):
        if stretched.shape[2] < stretched.shape[3]:
            frame = [frame[0], (frame[1][0], frame[1][1] + stretched.shape[3] - stretched.shape[2])]
            stretched = stretched[..., : stretched.shape[2]]
        return super().framed(stretched, frame)


@wrong(ndim=1, upstream="https://github.com/ml-explore/mlx/issues/833")
class CropTakenAsZero(GradInput):
    """Padding above the kernel would crop the frame; it is taken as 0 instead."""

    def frame(self, n, k, length, pads, d):
        low, high = super().frame(n, k, length, pads, d)
        return (0, high + low) if low < 0 else (low, high)


@wrong(ndim=1)
class GradInputSidesSwapped(GradInput):
    """The padding of the end is taken for that of the start."""

    def frame(self, n, k, length, pads, d):
        return super().frame(n, k, length, pads[::-1], d)


@wrong(ndim=3, upstream="https://github.com/jax-ml/jax/pull/384")
class GradInputOfTheFirstGroup(GradInput):
    """Every group's inputs get the gradient of the first group's outputs."""

    def share(self, group, groups, channels):
        return share(0, groups, channels)


@wrong(upstream="https://github.com/yonghenglh6/DepthwiseConvolution/issues/20")
class DepthwiseGradWithStride(GradInput):
    """With a stride, the depthwise gradient loses the last row and column of outputs."""

    def __call__(self, grad_output, w, *, stride, groups, **options):
        if w.shape[1] == 1 < groups and max(stride) > 1:
            grad_output = grad_output.copy()
            grad_output[..., -1, :] = grad_output[..., -1] = 0
        return super().__call__(grad_output, w, stride=stride, groups=groups, **options)


@wrong()
class GradInputAccumulates(GradInput):
    """The gradient is added to that of the last call of the same shape."""

    def __init__(self):
        self.kept = {}

    def start(self, shape, dtype):
        return self.kept.setdefault(shape, np.zeros(shape, dtype))


@wrong(upstream="https://github.com/meta-pytorch/opacus/pull/245")
class TailAddsTaps(GradWeight):
    """As a convolution with stride and dilation exchanged, it has more taps where a tail is left."""

    def __call__(self, x, grad_output, *, kernel_size, stride, padding, dilation, groups):
        axes = zip(x.shape[2:], grad_output.shape[2:], stride, padding, dilation, strict=True)
        taps = [(n + sum(pads) - s * (o - 1) - 1) // d + 1 for n, o, s, pads, d in axes]
        options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
        return super().__call__(x, grad_output, kernel_size=taps, **options)


@wrong(ndim=1, upstream="https://github.com/f-dangel/backpack/issues/30")
class TailCutAtTheStart(GradWeight):
    """The tail that no window covers is cut off at the start."""

    def __call__(self, x, grad_output, *, kernel_size, stride, padding, dilation, groups):
        axes = zip(x.shape[2:], grad_output.shape[2:], kernel_size, stride, padding, dilation, strict=True)
        tails = [n + sum(pads) - s * (o - 1) - d * (k - 1) - 1 for n, o, k, s, pads, d in axes]
        moved = [(lo - tail, hi + tail) for (lo, hi), tail in zip(padding, tails, strict=True)]
        options = {"stride": stride, "padding": moved, "dilation": dilation, "groups": groups}
        return super().__call__(x, grad_output, kernel_size=kernel_size, **options)


@wrong()
class GradWeightWithoutDilation(GradWeight):
    """The taps are not spread out by the dilation."""

    def __call__(self, x, grad_output, *, dilation, **options):
        return super().__call__(x, grad_output, dilation=(1,) * len(dilation), **options)


@wrong(ndim=1, upstream="https://github.com/sebgao/cTensor/issues/3")
class StrideAndDilationExchanged(GradWeight):
    """Stride and dilation are not exchanged when the gradient is computed as a convolution."""

    def __call__(self, x, grad_output, *, stride, dilation, **options):
        return super().__call__(x, grad_output, stride=dilation, dilation=stride, **options)


@wrong(upstream="https://github.com/sebgao/cTensor/issues/3")
class GradWeightAveraged(GradWeight):
    """It is divided by the number of terms."""

    def __call__(self, x, grad_output, **options):
        return super().__call__(x, grad_output, **options) / (grad_output.size // grad_output.shape[1])


@wrong(upstream="https://github.com/cbovar/ConvNetSharp/issues/128")
class GradWeightOfTheFirst(GradWeight):
    """Only the first of the batch is counted."""

    def __call__(self, x, grad_output, **options):
        return super().__call__(x[:1], grad_output[:1], **options)


@wrong(ndim=3)
class GradWeightOfTheFirstGroup(GradWeight):
    """Every group reads the input channels of the first."""

    def share(self, group, groups, channels):
        return share(0, groups, channels)


@wrong(ndim=1, upstream="https://github.com/Site1997/LeNet-python/issues/2")
class GradWeightFlipped(GradWeight):
    """The gradient belongs to the kernel of a true convolution."""

    def __call__(self, x, grad_output, **options):
        return np.flip(super().__call__(x, grad_output, **options), spatial(x))


@wrong(upstream="https://github.com/ROCm/composable_kernel/pull/2478")
class EvenChannelsSwapped(GradWeight):
    """For a kernel of one tap, an even number of outputs is stored pairwise exchanged."""

    def __call__(self, x, grad_output, *, kernel_size, **options):
        grad = super().__call__(x, grad_output, kernel_size=kernel_size, **options)
        if set(kernel_size) == {1} and len(grad) % 2 == 0:
            grad = grad.reshape(-1, 2, *grad.shape[1:])[:, ::-1].reshape(grad.shape)
        return grad


@wrong(ndim=1)
class TruncationForFloor(GradWeight):
    """The last output that reaches the input is rounded toward zero, where that is negative."""

    def quotient(self, a, b):
        return int(a / b)


@wrong()
class BorderRowSkipped(GradWeight):
    """With padding at the end, the last row of outputs is taken to lie in it."""

    def outputs(self, k, n, o, s, pads, d):
        first, last = super().outputs(k, n, o, s, pads, d)
        return first, last - (pads[1] > 0 and last > first and last == o - 1)


@wrong(ndim=3)
class GradWeightChannelsSwapped(GradWeight):
    """Where a group has as many inputs as outputs, the two are exchanged."""

    def contracted(self, seen, outputs, groups):
        right = super().contracted(seen, outputs, groups)
        each = len(right) // groups
        if each != right.shape[1]:
            return right
        return right.reshape(groups, each, each).swapaxes(1, 2).reshape(right.shape)


@wrong(ndim=1)
class GradWeightAccumulates(GradWeight):
    """The gradient is added to that of the last call of the same shape."""

    def __init__(self):
        self.kept = {}

    def start(self, shape, dtype):
        return self.kept.setdefault(shape, np.zeros(shape, dtype))


@wrong(upstream="https://github.com/mlpack/mlpack/pull/3679")
class GradBiasOfTheFirst(GradBias):
    """Only the first of the batch is counted."""

    def __call__(self, grad_output):
        return super().__call__(grad_output[:1])


@wrong(ndim=1, upstream="https://github.com/heyxhh/nnet-numpy/issues/1")
class GradBiasAveraged(GradBias):
    """It is averaged over the batch."""

    def __call__(self, grad_output):
        return super().__call__(grad_output) / len(grad_output)


@wrong(upstream="https://github.com/meta-pytorch/opacus/pull/245")
class GradBiasOfOneRow(GradBias):
    """One spatial axis is not summed: the first row stands for all."""

    def __call__(self, grad_output):
        return super().__call__(grad_output[:, :, :1])


@wrong(ndim=3)
class GradBiasInPairs(GradBias):
    """Positions are summed two at a time, and an odd one is left out."""

    def __call__(self, grad_output):
        flat = grad_output.reshape(*grad_output.shape[:2], -1)
        return super().__call__(flat[..., : max(flat.shape[-1] // 2 * 2, 1)])


@wrong(ndim=2, dtype="float32")
class GradBiasInHalf(GradBias):
    """The sum of float32 is kept in float16."""

    def __call__(self, grad_output):
        with np.errstate(over="ignore", invalid="ignore"):
            return super().__call__(grad_output.astype(np.float16)).astype(grad_output.dtype)


@wrong(ndim=3)
class GradBiasAccumulates(GradBias):
    """The gradient is added to that of the last call with as many channels."""

    def __init__(self):
        self.kept = {}

    def __call__(self, grad_output):
        grad = self.kept.setdefault(grad_output.shape[1], np.zeros(grad_output.shape[1], grad_output.dtype))
        grad += super().__call__(grad_output)
        return grad
