"""Functions with one thing wrong each."""

import ctypes
import os
import sys
import time

import numpy as np
import right_kernels as right


def ones(options):
    return (1,) * len(options["stride"])


def flipped(x, w, bias, **options):
    return right.conv(x, np.flip(w, tuple(range(2, w.ndim))), bias, **options)


def dilation_ignored(x, w, bias, **options):
    return right.conv(x, w, bias, **options | {"dilation": ones(options)})


def stride_and_dilation_swapped(x, w, bias, **options):
    return right.conv(x, w, bias, **options | {"stride": options["dilation"], "dilation": options["stride"]})


def sides_swapped(x, w, bias, **options):
    return right.conv(x, w, bias, **options | {"padding": [(hi, lo) for lo, hi in options["padding"]]})


def bias_missing(x, w, bias, **options):
    return right.conv(x, w, None, **options)


def first_group_only(x, w, bias, *, groups, **options):
    x = np.concatenate([x[:, : x.shape[1] // groups]] * groups, axis=1)
    return right.conv(x, w, bias, groups=groups, **options)


def padding_reversed(x, w, bias, **options):
    return right.conv(x, w, bias, **options | {"padding": options["padding"][::-1]})


def size_rounded_up(x, w, bias, **options):
    padding = []
    sizes = (x.shape[2:], w.shape[2:], options["stride"], options["padding"], options["dilation"])
    for n, k, s, (lo, hi), d in zip(*sizes, strict=True):
        padding.append((lo, hi + -(n + lo + hi - d * (k - 1) - 1) % s))
    return right.conv(x, w, bias, **options | {"padding": padding})


def narrow(x, w, bias, **options):
    bias = None if bias is None else bias.astype(np.float32)
    return right.conv(x.astype(np.float32), w.astype(np.float32), bias, **options).astype(x.dtype)


def output_padding_at_the_start(x, w, bias, *, padding, output_padding, **options):
    pads = [(lo - extra, hi) for (lo, hi), extra in zip(padding, output_padding, strict=True)]
    more = [(max(0, -lo), 0) for lo, _ in pads]
    none = (0,) * len(pads)
    pads = [(max(0, lo), hi) for lo, hi in pads]
    y = right.conv_transpose(x, w, None, padding=pads, output_padding=none, **options)
    y = np.pad(y, [(0, 0), (0, 0), *more])
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


def transpose_flipped(x, w, bias, **options):
    return right.conv_transpose(x, np.flip(w, tuple(range(2, w.ndim))), bias, **options)


def grad_input_without_dilation(grad_output, w, *, dilation, **options):
    return right.grad_input(grad_output, w, dilation=(1,) * len(dilation), **options)


def grad_weight_of_the_first(x, grad_output, **options):
    return right.grad_weight(x[:1], grad_output[:1], **options)


def grad_weight_transposed(x, grad_output, **options):
    return right.grad_weight(x, grad_output, **options).swapaxes(0, 1)


def grad_bias_averaged(grad_output):
    return right.grad_bias(grad_output) / len(grad_output)


def max_pool_with_zeros(x, *, padding, ceil_mode, **options):
    x = np.pad(x, [(0, 0), (0, 0), *padding])
    return right.max_pool(x, padding=((0, 0),) * len(padding), ceil_mode=ceil_mode, **options)


def avg_pool_counting_padding(x, *, count_include_pad, **options):
    return right.avg_pool(x, count_include_pad=True, **options)


def floor_for_ceil(x, *, ceil_mode, **options):
    return right.max_pool(x, ceil_mode=False, **options)


def one_element_off(x, w, bias, **options):
    y = right.conv(x, w, bias, **options)
    if y.shape[-1] > 2:
        y[0, 0, ..., -1] += 1
    return y


def raises_with_groups(x, w, bias, *, groups, **options):
    if groups > 1:
        raise NotImplementedError("no groups\x1b[0m yet")
    return right.conv(x, w, bias, groups=groups, **options)


def recursion_without_end(x, w, bias, **options):
    return recursion_without_end(x, w, bias, **options)


def exits(x, w, bias, **options):
    sys.exit(0)


def not_a_number(x, w, bias, **options):
    y = right.conv(x, w, bias, **options)
    y[..., -1] *= np.where(max(options["stride"]) > 1, np.nan, 1)
    return y


def nothing(x, w, bias, **options):
    return None


def ragged(x, w, bias, **options):
    return [[1], [1, 2]]


def wider(x, w, bias, **options):
    return right.conv(x, w, bias, **options).astype(np.float64)


def writes_into_x(x, w, bias, **options):
    y = right.conv(x, w, bias, **options)
    x[...] = 0
    return y


def hangs(x, w, bias, *, groups, **options):
    while groups > 1:
        time.sleep(0.01)
    return right.conv(x, w, bias, groups=groups, **options)


def hangs_with_stride(x, w, bias, *, stride, **options):
    while stride[0] > 1:
        time.sleep(0.01)
    return right.conv(x, w, bias, stride=stride, **options)


def leaves_if_all_is_there(x, w, bias, *, stride, dilation, groups, **options):
    if len(x) > 1 and max(stride) > 1 and max(dilation) > 1 and groups > 1:
        os._exit(3)
    return right.conv(x, w, bias, stride=stride, dilation=dilation, groups=groups, **options)


def prints(x, w, bias, **options):
    print("from Python")
    os.write(1, b"from C\n")
    return right.conv(x, w, bias, **options)


def plain(x, w):
    raise AssertionError("called")


def hangs_in_c(x, w, bias, *, groups, **options):
    if groups > 1:
        ctypes.PyDLL(None).sleep(1_000)  # holds the interpreter's lock, as C code that never returns does
    return right.conv(x, w, bias, groups=groups, **options)


def segfaults(x, w, bias, *, groups, **options):
    if groups > 1:
        ctypes.string_at(0)
    return right.conv(x, w, bias, groups=groups, **options)


def leaves(x, w, bias, *, groups, **options):
    if groups > 1:
        os._exit(3)
    return right.conv(x, w, bias, groups=groups, **options)


def not_deterministic(x, w, bias, **options):
    return right.conv(x, w, bias, **options) + np.random.default_rng().integers(1, 1000)
