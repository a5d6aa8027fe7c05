"""Convolution and pooling in plain NumPy, as a user would write them."""

import numpy as np

LETTERS = "opq"


def spatial(ndim):
    return tuple(range(2, 2 + ndim))


def taps(kernel_size):
    return np.ndindex(*kernel_size)


def at_tap(tap, stride, dilation, output_size):
    """The slice of the padded input that a tap meets."""
    sizes = zip(tap, stride, dilation, output_size, strict=True)
    return (..., *(slice(k * d, k * d + s * (o - 1) + 1, s) for k, s, d, o in sizes))


def by_group(array, groups, axis=1):
    return array.reshape(*array.shape[:axis], groups, array.shape[axis] // groups, *array.shape[axis + 1 :])


def conv(x, w, bias, *, stride, padding, dilation, groups):
    """im2col: all windows as a view, then one contraction."""
    ndim = x.ndim - 2
    padded = np.pad(x, [(0, 0), (0, 0), *padding])
    spans = [d * (k - 1) + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    windows = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=spatial(ndim))
    steps = [slice(None, None, step) for step in (*stride, *dilation)]
    windows = by_group(windows[(slice(None), slice(None), *steps)], groups)
    outer, inner = LETTERS[:ndim], LETTERS[:ndim].upper()
    y = np.einsum(f"ngc{outer}{inner},gfc{inner}->ngf{outer}", windows, by_group(w, groups, 0))
    y = y.reshape(len(x), len(w), *y.shape[3:])
    return y if bias is None else y + bias.reshape(-1, *(1,) * ndim)


def scattered(dy, w, size, stride, dilation, groups):
    """Each tap adds its share to the padded input."""
    ndim = dy.ndim - 2
    dx = np.zeros((len(dy), groups, w.shape[1], *size), dy.dtype)
    for tap in taps(w.shape[2:]):
        share = np.einsum("ngf...,gfc->ngc...", by_group(dy, groups), by_group(w, groups, 0)[(..., *tap)])
        dx[at_tap(tap, stride, dilation, dy.shape[2:])] += share
    return dx.reshape(len(dy), groups * w.shape[1], *dx.shape[-ndim:])


def cropped(array, padding, size):
    return array[(..., *(slice(lo, lo + n) for (lo, _), n in zip(padding, size, strict=True)))]


def conv_transpose(x, w, bias, *, stride, padding, output_padding, dilation, groups):
    axes = zip(x.shape[2:], w.shape[2:], stride, dilation, output_padding, strict=True)
    full = [s * (o - 1) + d * (k - 1) + 1 + extra for o, k, s, d, extra in axes]
    size = [n - lo - hi for n, (lo, hi) in zip(full, padding, strict=True)]
    y = cropped(scattered(x, w, full, stride, dilation, groups), padding, size)
    return y if bias is None else y + bias.reshape(-1, *(1,) * len(size))


def grad_input(grad_output, w, *, input_size, stride, padding, dilation, groups):
    padded = [n + lo + hi for n, (lo, hi) in zip(input_size, padding, strict=True)]
    return cropped(scattered(grad_output, w, padded, stride, dilation, groups), padding, input_size)


def grad_weight(x, grad_output, *, kernel_size, stride, padding, dilation, groups):
    padded = by_group(np.pad(x, [(0, 0), (0, 0), *padding]), groups)
    dy = by_group(grad_output, groups).reshape(len(x), groups, grad_output.shape[1] // groups, -1)
    dw = np.zeros((groups, dy.shape[2], padded.shape[2], *kernel_size), x.dtype)
    for tap in taps(kernel_size):
        met = padded[at_tap(tap, stride, dilation, grad_output.shape[2:])]
        dw[(..., *tap)] = np.einsum("ngcp,ngfp->gfc", met.reshape(*met.shape[:3], -1), dy)
    return dw.reshape(-1, *dw.shape[2:])


def grad_bias(grad_output):
    return grad_output.sum(axis=(0, *range(2, grad_output.ndim)))


def pool_size(x, kernel_size, stride, padding, dilation, ceil_mode):
    sizes = []
    for n, k, s, (lo, hi), d in zip(x.shape[2:], kernel_size, stride, padding, dilation, strict=True):
        rest = n + lo + hi - d * (k - 1) - 1
        count = -(-rest // s) + 1 if ceil_mode else rest // s + 1
        sizes.append(count - (ceil_mode and (count - 1) * s >= n + lo))
    return sizes


def pool_windows(x, value, kernel_size, stride, padding, dilation, output_size):
    """The elements that each tap meets, stacked; ``value`` in the padding and beyond."""
    reach = [s * o + d * k for s, o, d, k in zip(stride, output_size, dilation, kernel_size, strict=True)]
    sides = [(lo, max(hi, more)) for (lo, hi), more in zip(padding, reach, strict=True)]
    padded = np.pad(x, [(0, 0), (0, 0), *sides], constant_values=value)
    return np.stack([padded[at_tap(tap, stride, dilation, output_size)] for tap in taps(kernel_size)])


def max_pool(x, *, kernel_size, stride, padding, dilation, ceil_mode):
    size = pool_size(x, kernel_size, stride, padding, dilation, ceil_mode)
    return pool_windows(x, -np.inf, kernel_size, stride, padding, dilation, size).max(axis=0)


def avg_pool(x, *, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override):
    ones = (1,) * len(stride)
    size = pool_size(x, kernel_size, stride, padding, ones, ceil_mode)
    sums = pool_windows(x, 0, kernel_size, stride, padding, ones, size).sum(axis=0)
    if divisor_override is not None:
        return sums / x.dtype.type(divisor_override)
    counted = np.ones_like(x)
    if count_include_pad:
        counted = np.pad(counted, [(0, 0), (0, 0), *padding], constant_values=1)
        padding = ((0, 0),) * len(stride)
    return sums / pool_windows(counted, 0, kernel_size, stride, padding, ones, size).sum(axis=0)
