"""Wrong pooling layers, and wrong gradients of them."""

from __future__ import annotations

import numpy as np

from .specimen import collector
from .twins import AvgPool, AvgPoolGradInput, MaxPool, MaxPoolGradInput

SPECIMENS, wrong = collector()


@wrong(upstream="https://github.com/pytorch/pytorch/issues/33384")
class PaddingIsZero(MaxPool):
    """The padding takes part as zeros."""

    lowest = 0.0


@wrong(ndim=1)
class SmallestPositiveStart(MaxPool):
    """The search starts from the least positive number, which C calls FLT_MIN."""

    def windows(self, x, tables, fill):
        return np.maximum(super().windows(x, tables, fill), np.finfo(x.dtype).tiny)


@wrong(ndim=1, upstream="https://github.com/pytorch/pytorch/issues/45357")
class LastWindowInPadding(MaxPool):
    """ceil_mode keeps a last window that starts beyond the input."""

    def clamped(self, count, n, s, pads):
        return count


@wrong(upstream="https://github.com/pytorch/pytorch/issues/46929")
class LastWindowMayStartInPadding(MaxPool):
    """ceil_mode drops a last window only if it starts beyond the padding too."""

    def clamped(self, count, n, s, pads):
        return count - ((count - 1) * s >= n + sum(pads))


@wrong(upstream="https://github.com/pytorch/pytorch/issues/6842")
class CeilModeIgnored(MaxPool):
    """ceil_mode changes nothing."""

    def __call__(self, x, *, ceil_mode, **options):
        return super().__call__(x, ceil_mode=False, **options)


@wrong(ndim=1, upstream="https://github.com/pytorch/xla/pull/2583")
class AlwaysRoundedUp(MaxPool):
    """The output size is rounded up with and without ceil_mode."""

    def __call__(self, x, *, ceil_mode, **options):
        return super().__call__(x, ceil_mode=True, **options)


@wrong(upstream="https://github.com/CanReader/FastNN/issues/4")
class MaxPoolWithoutDilation(MaxPool):
    """The output size knows the dilation, the taps do not."""

    def table(self, count, n, k, s, pads, d):
        return super().table(count, n, k, s, pads, 1)


@wrong(ndim=3)
class MaxPoolFirstDilation(MaxPool):
    """The taps of every axis are spread by the first axis's dilation."""

    def tables(self, input_size, kernel_size, stride, padding, dilation, ceil_mode):
        right = super().tables(input_size, kernel_size, stride, padding, dilation, ceil_mode)
        axes = zip(right, input_size, kernel_size, stride, padding, strict=True)
        return [self.table(len(table), *axis, dilation[0]) for table, *axis in axes]


@wrong(ndim=1)
class WindowClippedFirst(MaxPool):
    """A window that starts before the input is moved to its start, and keeps its length."""

    def table(self, count, n, k, s, pads, d):
        right = super().table(count, n, k, s, pads, d)
        return right - np.minimum(right[:, :1], 0)


@wrong(upstream="https://github.com/tenstorrent/tt-metal/issues/14260")
class LastRowMisread(MaxPool):
    """The windows of the last output row start one too early, where they have stride 1 and padding."""

    def table(self, count, n, k, s, pads, d):
        right = super().table(count, n, k, s, pads, d)
        if s == 1 and pads[1] and count > 1:
            right[-1] -= 1
        return right


@wrong(upstream="https://github.com/opencv/opencv/pull/12519")
class MaxPoolSidesAlike(MaxPool):
    """The windows start as if the padding of the end were at the start as well."""

    def table(self, count, n, k, s, pads, d):
        return super().table(count, n, k, s, pads[::-1], d)


@wrong(ndim=3)
class MaxPoolStridesReversed(MaxPool):
    """Windows step by the strides of the axes in reverse."""

    def __call__(self, x, *, stride, **options):
        return super().__call__(x, stride=stride[::-1], **options)


@wrong(ndim=1)
class StrideIsTheKernel(MaxPool):
    """The stride is taken to be the kernel size."""

    def __call__(self, x, *, kernel_size, stride, **options):
        return super().__call__(x, kernel_size=kernel_size, stride=kernel_size, **options)


@wrong()
class MaxPoolWritesIntoInput(MaxPool):
    """The least elements of the input are changed after the maximum is found."""

    def __call__(self, x, **options):
        y = super().__call__(x, **options)
        np.maximum(x, x.min() + 1, out=x)
        return y


@wrong(ndim=1, upstream="https://github.com/tensorflow/tensorflow/issues/51682")
class TiesToTheLast(MaxPoolGradInput):
    """Of equals, the last gets the gradient."""

    def winners(self, window):
        return [window.size - 1 - window[::-1].argmax()]


@wrong(upstream="https://github.com/Theano/Theano/issues/5248")
class TiesToAll(MaxPoolGradInput):
    """All of the equals get the gradient."""

    def winners(self, window):
        return np.flatnonzero(window == window.max())


@wrong()
class OverlapOverwrittenInGradient(MaxPoolGradInput):
    """The maximum of several windows gets the gradient of the last alone."""

    def add(self, grad, place, value):
        grad[place] = value


@wrong(upstream="https://github.com/tracel-ai/burn/pull/4466")
class GradientFirstDilation(MaxPoolGradInput):
    """Along every axis the taps are spread by the first one's dilation."""

    def tables(self, input_size, kernel_size, stride, padding, dilation, ceil_mode):
        right = super().tables(input_size, kernel_size, stride, padding, dilation, ceil_mode)
        axes = zip(right, input_size, kernel_size, stride, padding, strict=True)
        return [self.table(len(table), *axis, dilation[0]) for table, *axis in axes]


@wrong(ndim=3)
class MaskOfZero(MaxPoolGradInput):
    """No gradient goes to a maximum that is not positive."""

    def winners(self, window):
        return super().winners(window) if window.max() > 0 else []


@wrong(ndim=1)
class PaddingAlwaysCounted(AvgPool):
    """The padding counts, whatever count_include_pad is."""

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        return super().counts(tables, input_size, kernel_size, padding, True)


@wrong(upstream="https://github.com/kulinseth/pytorch/pull/273")
class PaddingNeverCounted(AvgPool):
    """The padding does not count, whatever count_include_pad is."""

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        return super().counts(tables, input_size, kernel_size, padding, False)


@wrong(upstream="https://github.com/microsoft/onnxruntime/issues/16203")
class OverhangCounted(AvgPool):
    """With count_include_pad, what hangs over the padding counts too."""

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        right = super().counts(tables, input_size, kernel_size, padding, count_include_pad)
        return np.full_like(right, np.prod(kernel_size)) if count_include_pad else right


@wrong(ndim=1, upstream="https://github.com/microsoft/onnxruntime/issues/24681")
class EndPaddingNotCounted(AvgPool):
    """With count_include_pad, the padding of the end does not count."""

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        return super().counts(tables, input_size, kernel_size, [(lo, 0) for lo, _ in padding], count_include_pad)


@wrong(upstream="https://github.com/pytorch/executorch/pull/18616")
class OverrideLostWithoutPad(AvgPool):
    """divisor_override is ignored where the padding does not count."""

    def divided(self, sums, counts, divisor_override, count_include_pad):
        return super().divided(sums, counts, divisor_override if count_include_pad else None, count_include_pad)


@wrong(ndim=3, upstream="https://github.com/pytorch/pytorch/issues/62636")
class OverrideAfterTheAverage(AvgPool):
    """divisor_override divides the average."""

    def divided(self, sums, counts, divisor_override, count_include_pad):
        average = super().divided(sums, counts, None, count_include_pad)
        return average / average.dtype.type(divisor_override or 1)


@wrong(upstream="https://github.com/tracel-ai/burn/issues/5791")
class AverageOfNothing(AvgPool):
    """ceil_mode keeps a last window that starts in the padding at the end."""

    def clamped(self, count, n, s, pads):
        return count

    def divided(self, sums, counts, divisor_override, count_include_pad):
        return super().divided(sums, np.maximum(counts, 1), divisor_override, count_include_pad)


@wrong(ndim=1)
class OutsideCountedAsOne(AvgPool):
    """Without count_include_pad a window with padding divides by one less than it should."""

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        right = super().counts(tables, input_size, kernel_size, padding, count_include_pad)
        return right - ((right > 1) & (right < np.prod(kernel_size)) & (not count_include_pad))


@wrong(ndim=3)
class CountsOfTheFirstAxis(AvgPool):
    """The divisor is found along the first axis, and taken to be the kernel size along the others."""

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        first = super().counts(tables[:1], input_size[:1], kernel_size[:1], padding[:1], count_include_pad)
        shape = [len(first), *(1 for _ in tables[1:])]
        return np.broadcast_to(first.reshape(shape) * np.prod(kernel_size[1:]), [len(table) for table in tables])


@wrong(ndim=1)
class AverageFromTheEnd(AvgPool):
    """The tail that no window covers is left at the start."""

    def table(self, count, n, k, s, pads, d):
        tail = n + sum(pads) - s * (count - 1) - k
        return super().table(count, n, k, s, pads, d) + max(tail, 0)


@wrong(upstream="https://github.com/tracel-ai/burn/issues/5604")
class GradientOverhangCounted(AvgPoolGradInput):
    """With count_include_pad each window's gradient is divided by the whole kernel."""

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        right = super().counts(tables, input_size, kernel_size, padding, count_include_pad)
        return np.full_like(right, np.prod(kernel_size)) if count_include_pad else right


@wrong(ndim=1, upstream="https://github.com/dotnet/TorchSharp/pull/189")
class GradientOverrideIgnored(AvgPoolGradInput):
    """divisor_override is ignored."""

    def divided(self, sums, counts, divisor_override, count_include_pad):
        return super().divided(sums, counts, None, count_include_pad)


@wrong(ndim=3)
class GradientPaddingCounted(AvgPoolGradInput):
    """The padding counts, whatever count_include_pad is."""

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        return super().counts(tables, input_size, kernel_size, padding, True)


@wrong()
class SumsAccumulate(AvgPool):
    """The sums are added to those of the last call of the same shape."""

    def __init__(self):
        self.kept = {}

    def windows(self, x, tables, fill):
        windows = super().windows(x, tables, fill)
        kept = self.kept.setdefault(windows.shape, np.zeros_like(windows))
        kept += windows
        return kept
