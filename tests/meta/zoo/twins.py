"""The correct kernels, one of each kind, in plain NumPy, cut into the steps in which kernels go wrong.

They compute as real kernels do, each in its own way: ``Conv`` by im2col, ``ConvTranspose`` by scattering, ``GradInput``
by a full correlation of the zero-inserted gradient with the rotated kernel, ``GradWeight`` tap by tap over the outputs
that reach the input, pooling by tables of positions.
"""

from __future__ import annotations

import numpy as np

PLAIN = slice(None)


def spatial(array):
    """The spatial axes of an array (batch, channels, ...)."""
    return tuple(range(2, array.ndim))


def share(group, groups, channels):
    """The slice of the channels that belongs to a group."""
    each = channels // groups
    return slice(group * each, (group + 1) * each)


class Conv:
    """Every window becomes a column; each group's kernels are multiplied with the columns of its channels."""

    kind = "conv"

    def __call__(self, x, w, bias, *, stride, padding, dilation, groups):
        kernel = w.shape[2:]
        size = [self.size(*axis) for axis in zip(x.shape[2:], kernel, stride, padding, dilation, strict=True)]
        columns = self.columns(self.padded(x, padding), kernel, size, stride, dilation)
        return self.biased(self.product(columns, w, groups), bias).astype(x.dtype)

    def size(self, n, k, s, pads, d):
        return (n + sum(pads) - d * (k - 1) - 1) // s + 1

    def padded(self, x, padding):
        return np.pad(x, [(0, 0), (0, 0), *padding])

    def columns(self, padded, kernel, size, stride, dilation):
        columns = np.zeros((*padded.shape[:2], *kernel, *size), padded.dtype)
        for tap in np.ndindex(*kernel):
            columns[(PLAIN, PLAIN, *tap)] = padded[(..., *self.seen(tap, size, stride, dilation))]
        return columns

    def seen(self, tap, size, stride, dilation):
        axes = zip(tap, size, stride, dilation, strict=True)
        return [slice(d * k, d * k + s * (o - 1) + 1, s) for k, o, s, d in axes]

    def product(self, columns, w, groups):
        parts = [
            self.multiplied(self.inputs(columns, group, groups, w), w[share(group, groups, len(w))])
            for group in range(groups)
        ]
        return np.concatenate(parts, axis=1)

    def inputs(self, columns, group, groups, w):
        return columns[:, share(group, groups, columns.shape[1])]

    def multiplied(self, columns, w):
        size = columns.shape[w.ndim :]
        flat = columns.reshape(len(columns), w[0].size, int(np.prod(size)))
        wide = np.float32 if w.dtype == np.float16 else w.dtype
        return (w.reshape(len(w), -1).astype(wide) @ flat.astype(wide)).reshape(len(columns), len(w), *size)

    def biased(self, y, bias):
        return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


class ConvTranspose:
    """Each tap adds its share to a canvas that all windows fit on; the padding is cropped off it."""

    kind = "conv_transpose"

    def __call__(self, x, w, bias, *, stride, padding, dilation, groups, output_padding):
        axes = zip(x.shape[2:], w.shape[2:], stride, dilation, output_padding, strict=True)
        reach = [self.reach(*axis) for axis in axes]
        canvas = self.canvas((len(x), w.shape[1] * groups, *reach), x.dtype)
        self.scatter(canvas, x, w, stride, dilation, groups)
        return self.biased(self.cropped(canvas, padding, output_padding), bias)

    def reach(self, n, k, s, d, extra):
        return s * (n - 1) + d * (k - 1) + 1 + extra

    def canvas(self, shape, dtype):
        return np.zeros(shape, dtype)

    def scatter(self, canvas, x, w, stride, dilation, groups):
        for group in range(groups):
            mine, outputs = share(group, groups, len(w)), self.outputs(group, groups, w)
            for tap in np.ndindex(*w.shape[2:]):
                place = (PLAIN, outputs, *self.place(tap, x.shape[2:], stride, dilation))
                self.add(canvas, place, np.einsum("nc...,cf->nf...", x[:, mine], w[(mine, PLAIN, *tap)]))

    def outputs(self, group, groups, w):
        return share(group, groups, w.shape[1] * groups)

    def place(self, tap, size, stride, dilation):
        axes = zip(tap, size, stride, dilation, strict=True)
        return [slice(d * k, d * k + s * (n - 1) + 1, s) for k, n, s, d in axes]

    def add(self, canvas, place, values):
        canvas[place] += values

    def cropped(self, canvas, padding, output_padding):
        return canvas[(..., *(slice(lo, n - hi) for (lo, hi), n in zip(padding, canvas.shape[2:], strict=True)))]

    def biased(self, y, bias):
        return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


class GradInput:
    """A full correlation of the zero-inserted gradient with the kernel, rotated, its channels exchanged."""

    kind = "grad_input"

    def __call__(self, grad_output, w, *, input_size, stride, padding, dilation, groups):
        stretched, kernel = self.stretched(grad_output, stride), w.shape[2:]
        axes = zip(input_size, kernel, stretched.shape[2:], padding, dilation, strict=True)
        framed = self.framed(stretched, [self.frame(*axis) for axis in axes])
        shape = (len(grad_output), w.shape[1] * groups, *input_size)
        grad = self.start(shape, np.result_type(grad_output, w))
        self.correlate(grad, framed, self.rotated(w), dilation, groups)
        return grad

    def stretched(self, grad_output, stride):
        size = [s * (o - 1) + 1 for o, s in zip(grad_output.shape[2:], stride, strict=True)]
        stretched = np.zeros((*grad_output.shape[:2], *size), grad_output.dtype)
        stretched[(..., *(slice(None, None, s) for s in stride))] = grad_output
        return stretched

    def frame(self, n, k, length, pads, d):
        """The padding of the full correlation; negative where it crops."""
        low = d * (k - 1) - pads[0]
        return low, n + d * (k - 1) - length - low

    def framed(self, stretched, frame):
        added = [(max(lo, 0), max(hi, 0)) for lo, hi in frame]
        wide = np.pad(stretched, [(0, 0), (0, 0), *added])
        kept = [slice(max(-lo, 0), n - max(-hi, 0)) for (lo, hi), n in zip(frame, wide.shape[2:], strict=True)]
        return wide[(..., *kept)]

    def rotated(self, w):
        return np.flip(w, spatial(w))

    def start(self, shape, dtype):
        return np.zeros(shape, dtype)

    def correlate(self, grad, framed, w, dilation, groups):
        for group in range(groups):
            outputs, inputs = self.share(group, groups, len(w)), share(group, groups, grad.shape[1])
            for tap in np.ndindex(*w.shape[2:]):
                axes = zip(tap, grad.shape[2:], dilation, strict=True)
                seen = framed[(PLAIN, outputs, *(slice(d * k, d * k + n) for k, n, d in axes))]
                grad[:, inputs] += np.einsum("nf...,fc->nc...", seen, w[(outputs, PLAIN, *tap)])

    def share(self, group, groups, channels):
        return share(group, groups, channels)


class GradWeight:
    """For each tap, the gradient times what the tap sees, over the outputs whose window has it inside the input."""

    kind = "grad_weight"

    def __call__(self, x, grad_output, *, kernel_size, stride, padding, dilation, groups):
        c, f = x.shape[1] // groups, grad_output.shape[1]
        grad = self.start((f, c, *kernel_size), np.result_type(x, grad_output))
        for tap in np.ndindex(*kernel_size):
            axes = zip(tap, x.shape[2:], grad_output.shape[2:], stride, padding, dilation, strict=True)
            ranges = [self.outputs(*axis) for axis in axes]
            outputs = grad_output[(..., *(slice(first, last + 1) for first, last in ranges))]
            axes = zip(tap, ranges, stride, padding, dilation, strict=True)
            seen = x[np.ix_(*map(np.arange, x.shape[:2]), *(self.positions(*axis) for axis in axes))]
            self.add(grad, tap, self.contracted(seen, outputs, groups))
        return grad

    def start(self, shape, dtype):
        return np.zeros(shape, dtype)

    def outputs(self, k, n, o, s, pads, d):
        """The first and the last output whose tap ``k`` lies inside the input."""
        first = max(0, -((d * k - pads[0]) // s))
        return first, max(first - 1, min(o - 1, self.quotient(n - 1 + pads[0] - d * k, s)))

    def quotient(self, a, b):
        return a // b

    def positions(self, k, outputs, s, pads, d):
        return s * np.arange(outputs[0], outputs[1] + 1) + d * k - pads[0]

    def contracted(self, seen, outputs, groups):
        parts = []
        for group in range(groups):
            mine = outputs[:, share(group, groups, outputs.shape[1])]
            theirs = seen[:, self.share(group, groups, seen.shape[1])]
            summed = (0, *spatial(seen))
            parts.append(np.tensordot(mine, theirs, (summed, summed)))
        return np.concatenate(parts)

    def share(self, group, groups, channels):
        return share(group, groups, channels)

    def add(self, grad, tap, values):
        grad[(PLAIN, PLAIN, *tap)] += values


class GradBias:
    """The sum over batch and positions."""

    kind = "grad_bias"

    def __call__(self, grad_output):
        return grad_output.sum(axis=(0, *spatial(grad_output)))


class Pool:
    """Windows as tables of positions, one per axis: rows are outputs, columns taps."""

    def size(self, n, k, s, pads, d, ceil_mode):
        room = n + sum(pads) - d * (k - 1) - 1
        if not ceil_mode:
            return room // s + 1
        return self.clamped(-(-room // s) + 1, n, s, pads)

    def clamped(self, count, n, s, pads):
        """Without a last window that would start in the padding at the end."""
        return count - ((count - 1) * s >= n + pads[0])

    def tables(self, input_size, kernel_size, stride, padding, dilation, ceil_mode):
        axes = list(zip(input_size, kernel_size, stride, padding, dilation, strict=True))
        return [self.table(self.size(*axis, ceil_mode), *axis) for axis in axes]

    def table(self, count, n, k, s, pads, d):
        return s * np.arange(count)[:, None] + d * np.arange(k) - pads[0]

    def inside(self, tables, low, high):
        """Whether a position lies from ``low`` to before ``high``, for (outputs..., taps...)."""
        ndim, found = len(tables), np.ones((1,) * 2 * len(tables), bool)
        for axis, (table, least, end) in enumerate(zip(tables, low, high, strict=True)):
            shape = [1] * 2 * ndim
            shape[axis], shape[ndim + axis] = table.shape
            found = found & ((least <= table) & (table < end)).reshape(shape)
        return found

    def windows(self, x, tables, fill):
        """What each tap of each window meets, as (batch, channels, outputs..., taps...)."""
        ndim, found = len(tables), x
        for axis in reversed(range(ndim)):
            found = np.take(found, np.clip(tables[axis], 0, x.shape[2 + axis] - 1), axis=2 + axis)
        order = [0, 1, *range(2, 2 + 2 * ndim, 2), *range(3, 3 + 2 * ndim, 2)]
        return np.where(self.inside(tables, [0] * ndim, x.shape[2:]), found.transpose(order), fill)


class MaxPool(Pool):
    """The padding is lower than everything."""

    kind = "max_pool"
    lowest = -np.inf

    def __call__(self, x, *, kernel_size, stride, padding, dilation, ceil_mode):
        tables = self.tables(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
        windows = self.windows(x, tables, self.lowest)
        return windows.max(axis=tuple(range(-len(tables), 0))).astype(x.dtype)


class MaxPoolGradInput(Pool):
    """Each window sends its gradient to its largest element, the first of equals."""

    kind = "max_pool_grad_input"

    def __call__(self, grad_output, x, *, kernel_size, stride, padding, dilation, ceil_mode):
        tables = self.tables(x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
        windows = self.windows(x, tables, -np.inf)
        flat = windows.reshape(*windows.shape[: 2 + len(tables)], -1)
        grad = np.zeros_like(x)
        for n, c, *output in np.ndindex(grad_output.shape):
            for tap in self.winners(flat[(n, c, *output)]):
                at = np.unravel_index(tap, kernel_size)
                place = tuple(table[o, k] for table, o, k in zip(tables, output, at, strict=True))
                self.add(grad, (n, c, *place), grad_output[(n, c, *output)])
        return grad

    def winners(self, window):
        return [window.argmax()]

    def add(self, grad, place, value):
        grad[place] += value


class AvgPool(Pool):
    """The divisor counts the padding or not, and never what lies beyond it."""

    kind = "avg_pool"

    def __call__(self, x, *, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
        tables = self.tables(x.shape[2:], kernel_size, stride, padding, (1,) * len(stride), ceil_mode)
        sums = self.windows(x, tables, 0).sum(axis=tuple(range(-len(tables), 0)))
        counts = self.counts(tables, x.shape[2:], kernel_size, padding, count_include_pad)
        return self.divided(sums, counts, divisor_override, count_include_pad)

    def counts(self, tables, input_size, kernel_size, padding, count_include_pad):
        low, high = [0] * len(tables), list(input_size)
        if count_include_pad:
            low = [-lo for lo, _ in padding]
            high = [n + hi for n, (_, hi) in zip(input_size, padding, strict=True)]
        return self.inside(tables, low, high).sum(axis=tuple(range(-len(tables), 0)))

    def divided(self, sums, counts, divisor_override, count_include_pad):
        return sums / sums.dtype.type(divisor_override) if divisor_override else sums / counts.astype(sums.dtype)


class AvgPoolGradInput(AvgPool):
    """Each window shares its gradient out among its elements."""

    kind = "avg_pool_grad_input"

    def __call__(
        self,
        grad_output,
        *,
        input_size,
        kernel_size,
        stride,
        padding,
        ceil_mode,
        count_include_pad,
        divisor_override,
    ):
        tables = self.tables(input_size, kernel_size, stride, padding, (1,) * len(stride), ceil_mode)
        counts = self.counts(tables, input_size, kernel_size, padding, count_include_pad)
        each = self.divided(grad_output, counts, divisor_override, count_include_pad)
        grad = np.zeros((*grad_output.shape[:2], *input_size), grad_output.dtype)
        for tap in np.ndindex(*kernel_size):
            places = [table[:, k] for table, k in zip(tables, tap, strict=True)]
            kept = [(place >= 0) & (place < n) for place, n in zip(places, input_size, strict=True)]
            at = np.ix_(*(place[inside] for place, inside in zip(places, kept, strict=True)))
            grad[(PLAIN, PLAIN, *at)] += each[(..., *np.ix_(*kept))]
        return grad


TWINS = {
    twin.kind: twin
    for twin in (
        Conv,
        ConvTranspose,
        GradInput,
        GradWeight,
        GradBias,
        MaxPool,
        MaxPoolGradInput,
        AvgPool,
        AvgPoolGradInput,
    )
}
