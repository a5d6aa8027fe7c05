"""SciPy: ``signal.correlate`` and ``signal.convolve`` over channels and axes, ``ndimage.maximum_filter`` for maxima."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np

from ..options import Index
from .backend import Array, Backend, Convolution, Operator, Pooling

_DOCS = "https://docs.scipy.org/doc/scipy/reference/generated/scipy."


class Scipy(Backend):
    """SciPy, whose functions know neither stride nor dilation, groups nor batches."""

    name = "scipy"
    extra = "scipy"
    packages = ("scipy",)
    modules = ("scipy",)
    operators = MappingProxyType(
        {
            "conv": (
                Operator(
                    "scipy.signal.correlate",
                    _DOCS + "signal.correlate.html",
                    composed="the input is padded, the kernel filled up with zeros for a dilation, every stride-th "
                    "output kept; one call for each sample and output channel",
                ),
            ),
            "conv_transpose": (
                Operator(
                    "scipy.signal.convolve",
                    _DOCS + "signal.convolve.html",
                    composed="input and kernel are filled up with zeros for stride and dilation, the output cropped; "
                    "one call for each sample, input and output channel",
                ),
            ),
            "max_pool": (
                Operator(
                    "scipy.ndimage.maximum_filter",
                    _DOCS + "ndimage.maximum_filter.html",
                    lacks=MappingProxyType({"ceil_mode": "has no ceil_mode"}),
                    composed="the input is padded with -inf, the output of the whole windows cut out, and every "
                    "stride-th kept",
                ),
            ),
        }
    )

    def _import(self) -> None:
        import scipy.ndimage
        import scipy.signal

        self._scipy = scipy

    def _conv(self, x: Array, w: Array, bias: Array | None, options: Convolution) -> Array:
        padded, kernels = np.pad(x, ((0, 0), (0, 0), *options.padding)), _spread(w, options.dilation)
        kept = (slice(None), *(slice(None, None, s) for s in options.stride))
        samples = [
            np.concatenate(
                [self._valid(part, kernel)[kept] for part, kernel in _matched(sample, kernels, options.groups)]
            )
            for sample in padded
        ]
        return _biased(np.stack(samples), bias)

    def _valid(self, channels: Array, kernel: Array) -> Array:
        found: Array = self._scipy.signal.correlate(channels, kernel, mode="valid", method="direct")
        return found

    def _conv_transpose(self, x: Array, w: Array, bias: Array | None, options: Convolution) -> Array:
        signal, kernels = _spread(x, options.stride), _spread(w, options.dilation)
        whole = [n + k - 1 for n, k in zip(signal.shape[2:], kernels.shape[2:], strict=True)]
        full = [size + extra for size, extra in zip(whole, options.output_padding, strict=True)]
        y = np.zeros((len(x), w.shape[1] * options.groups, *full), x.dtype)
        per_group, inside = len(w) // options.groups, tuple(map(slice, whole))
        for n, c, f in np.ndindex(len(x), len(w), w.shape[1]):
            product = self._scipy.signal.convolve(signal[n, c], kernels[c, f], mode="full", method="direct")
            y[(n, c // per_group * w.shape[1] + f, *inside)] += product
        cropped: Any = (..., *(slice(lo, n - hi) for (lo, hi), n in zip(options.padding, full, strict=True)))
        return _biased(y[cropped], bias)

    def _max_pool(self, x: Array, options: Pooling) -> Array:
        padded = np.pad(x, ((0, 0), (0, 0), *options.padding), constant_values=-np.inf)
        footprint = _spread(np.ones((1, 1, *options.kernel_size), bool), options.dilation)
        maxima = self._scipy.ndimage.maximum_filter(padded, footprint=footprint, mode="constant", cval=-np.inf)
        sizes = zip(footprint.shape[2:], padded.shape[2:], options.stride, strict=True)
        whole: Any = (..., *(slice(k // 2, n - (k - 1) // 2, s) for k, n, s in sizes))
        result: Array = maxima[whole]
        return result


def _biased(y: Array, bias: Array | None) -> Array:
    return y if bias is None else y + bias.reshape(-1, *(1,) * (y.ndim - 2))


def _spread(array: Array, steps: Index) -> Array:
    """Zeros inserted between the elements of the spatial axes."""
    sizes = [s * (n - 1) + 1 for n, s in zip(array.shape[2:], steps, strict=True)]
    spread = np.zeros((*array.shape[:2], *sizes), array.dtype)
    kept: Any = (..., *(slice(None, None, s) for s in steps))
    spread[kept] = array
    return spread


def _matched(sample: Array, kernels: Array, groups: int) -> list[tuple[Any, Any]]:
    """Each kernel with the input channels that it reads."""
    parts, per_group = np.split(sample, groups), len(kernels) // groups
    return [(parts[number // per_group], kernel) for number, kernel in enumerate(kernels)]
