"""The counterexamples in NumPy and in torch: both sides of each false claim, computed from the witness's numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath.calculus.refute import Witness

Sides = tuple[Any, Any]
Replay = Callable[["Numbers"], Iterator[tuple[str, Sides]]]
REPLAYS: dict[str, Replay] = {}


@dataclass(frozen=True)
class Numbers:
    """The numbers of a witness."""

    witness: Witness

    def __getattr__(self, name: str) -> int:
        """A variable."""
        return self.witness.variables[name]

    def array(self, name: str, *stops: int, start: int = 0) -> np.ndarray[Any, Any]:
        """The entries of a tensor or a sequence from ``start`` on; those that the claim did not need are 0."""
        entries = {index: number for (_, found, index), number in self.witness.entries.items() if found == name}
        found = np.zeros([stop - start for stop in stops], dtype=np.int64)
        for index in np.ndindex(found.shape):
            found[index] = entries.get(tuple(at + start for at in index), 0)
        return found


def replays(identifier: str) -> Callable[[Replay], Replay]:
    def register(replay: Replay) -> Replay:
        REPLAYS[identifier] = replay
        return replay

    return register


def t(array: Any) -> torch.Tensor:
    """Numbers as float64, which is exact for small integers."""
    return array if isinstance(array, torch.Tensor) else torch.from_numpy(np.array(array, dtype=np.float64))


def layer(x: Any, w: Any, **options: Any) -> torch.Tensor:
    """torch's layer with one channel."""
    function = F.conv1d if np.ndim(w) == 1 else F.conv2d
    return function(t(x)[None, None], t(w)[None, None], **options)[0, 0]


def at(array: Any, index: int, origin: int = 0) -> Any:
    """An entry of an array whose first is at ``origin``; 0 outside."""
    return array[index - origin] if 0 <= index - origin < len(array) else 0


def full(x: Any, w: Any) -> tuple[Any, Any]:
    """Every position of a correlation, by NumPy and torch; the first is ``1 - len(w)``."""
    return np.correlate(x, w, "full"), layer(x, w, padding=len(w) - 1)


@replays("correlation.is_commutative")
def _(c):
    x, w = c.array("x", c.n), c.array("w", c.k)
    for name, ours, theirs in zip(("numpy", "torch"), full(x, w), full(w, x), strict=True):
        yield name, (at(ours, c.o, 1 - c.k), at(theirs, c.o, 1 - c.n))


@replays("correlation.is_associative")
def _(c):
    x, w, v = c.array("x", c.n), c.array("w", c.k), c.array("v", c.q)
    for number, name in enumerate(("numpy", "torch")):
        inner = np.asarray(full(x, v)[number])  # positions from 1 - q on
        kernel = np.asarray(full(v, w)[number])  # taps from 1 - k on
        yield (
            name,
            (
                at(full(inner, w)[number], c.o + c.q - 1, 1 - c.k),
                at(full(x, kernel)[number], c.o - c.k + 1, 2 - c.q - c.k),
            ),
        )


@replays("rot180.is_transpose")
def _(c):
    w = c.array("w", c.M, c.M)
    yield "numpy", (np.rot90(w, 2)[c.a, c.b], w.T[c.a, c.b])
    yield "torch", (t(w).flip(0, 1)[c.a, c.b], t(w).T[c.a, c.b])


@replays("rotation.commutes")
def _(c):
    x, w = c.array("x", c.n, c.n), c.array("w", c.M, c.M)

    def windows(image: Any) -> Any:
        return np.einsum("klab,ab->kl", np.lib.stride_tricks.sliding_window_view(image, w.shape), w)

    yield "numpy", (windows(np.rot90(x))[c.o, c.j], np.rot90(windows(x))[c.o, c.j])
    yield "torch", (layer(torch.rot90(t(x)), w)[c.o, c.j], torch.rot90(layer(x, w))[c.o, c.j])


@replays("scaling.commutes")
def _(c):
    length = 2 * (c.o + c.k)
    x, w = c.array("x", length), c.array("w", c.k)
    yield "numpy", (np.correlate(x[::2], w, "valid")[c.o], np.correlate(x, w, "valid")[::2][c.o])
    yield "torch", (layer(x[::2], w)[c.o], layer(x, w, stride=2)[c.o])


@replays("equivariance.any_shift")
def _(c):
    x, w = c.array("x", 20, start=-20), c.array("w", c.k)
    shifted = np.roll(x, c.t)
    place, back = 20 + c.s * c.o, 20 + c.s * (c.o - c.t)
    yield "numpy", (np.correlate(shifted, w, "valid")[place], np.correlate(x, w, "valid")[back])
    yield "torch", (layer(shifted, w)[place], layer(x, w)[back])


@replays("max_pool.is_invariant")
def _(c):
    x = c.array("x", 2 * c.o + 4)
    shifted = x[1:]
    yield "numpy", (shifted[2 * c.o : 2 * c.o + 2].max(), x[2 * c.o : 2 * c.o + 2].max())
    yield "torch", tuple(F.max_pool1d(t(values)[None], 2)[0, c.o] for values in (shifted, x))


@replays("padding.composes")
def _(c):
    taps = 2 * c.p + 1
    x, w, v = c.array("x", c.n), c.array("w", taps), c.array("v", taps)
    first = np.correlate(np.pad(x, c.p), w, "valid")
    composed = np.convolve(w, v)
    yield (
        "numpy",
        (
            np.correlate(np.pad(first, c.p), v, "valid")[c.o],
            np.correlate(np.pad(x, 2 * c.p), composed, "valid")[c.o],
        ),
    )
    yield (
        "torch",
        (layer(layer(x, w, padding=c.p), v, padding=c.p)[c.o], layer(x, composed, padding=2 * c.p)[c.o]),
    )


@replays("convolution.circular_is_linear")
def _(c):
    x, w = c.array("x", c.n), c.array("w", c.n)
    circular = np.fft.ifft(np.fft.fft(x) * np.fft.fft(w)).real.round()
    yield "numpy", (circular[c.o], np.convolve(x, w)[c.o])
    wrapped = F.pad(t(x)[None, None], (c.n - 1, 0), mode="circular") if c.n > 1 else t(x)[None, None]
    yield "torch", (F.conv1d(wrapped, t(w[::-1])[None, None])[0, 0, c.o], layer(x, w[::-1], padding=c.n - 1)[c.o])


def size(n: int, k: int, s: int = 1, p: int = 0, d: int = 1) -> Iterator[tuple[str, int]]:
    """The number of windows in NumPy, and torch's output size."""
    span = d * (k - 1) + 1
    yield "numpy", len(np.lib.stride_tricks.sliding_window_view(np.zeros(n + 2 * p), span)[::s])
    yield "torch", layer(np.zeros(n), np.zeros(k), stride=s, padding=p, dilation=d).shape[0]


@replays("size.divides")
def _(c):
    for name, out in size(c.n, c.k, c.s, c.p):
        yield name, (c.s * (out - 1) + c.k, c.n + 2 * c.p)


@replays("size.same_halves")
def _(c):
    total = max(0, (-(-c.n // 2) - 1) * 2 + c.k - c.n)
    for name, out in size(c.n + total, c.k, 2):
        yield name, (2 * out, c.n)


@replays("size.same_even")
def _(c):
    for name, out in size(c.n, c.k, p=c.k // 2):
        yield name, (out, c.n)


@replays("size.ignores_dilation")
def _(c):
    for (name, out), (_, plain) in zip(size(c.n, c.k, c.s, c.p, c.d), size(c.n, c.k, c.s, c.p), strict=True):
        yield name, (out, plain)


@replays("size.dilated_extent")
def _(c):
    for name, out in size(c.n, c.k, d=c.d):
        yield name, (out, c.n - c.d * c.k + 1)


@replays("size.truncates")
def _(c):
    """The kernel does not fit, and C's division says that there is a window."""
    truncated = int(np.trunc((c.n - c.k) / c.s)) + 1
    yield "numpy", (not np.arange(c.n)[c.k - 1 :].size, truncated < 1)
    tensors = torch.div(torch.tensor(c.n - c.k), c.s, rounding_mode="trunc") + 1
    try:
        layer(np.zeros(c.n), np.zeros(c.k), stride=c.s)
    except RuntimeError:
        yield "torch", (True, bool(tensors < 1))


@replays("size.strides_multiply")
def _(c):
    for (name, first), (_, once) in zip(size(c.n, c.k, c.s), size(c.n, c.k, c.s * c.t), strict=True):
        yield name, (dict(size(first, c.k, c.t))[name], once)


@replays("size.transpose_recovers")
def _(c):
    for name, out in size(c.n, c.k, c.s, c.p):
        image = np.zeros((out - 1) * c.s + c.k)[c.p : (out - 1) * c.s + c.k - c.p]
        back = F.conv_transpose1d(torch.zeros(1, 1, out), torch.zeros(1, 1, c.k), stride=c.s, padding=c.p).shape[2]
        yield name, (len(image) if name == "numpy" else back, c.n)


@replays("size.output_padding_up_to_stride")
def _(c):
    for name, out in size((c.n - 1) * c.s + c.k + c.s, c.k, c.s):
        yield name, (out, c.n)


@replays("size.ceil_without_clamp")
def _(c):
    rounded = -(-(c.n + 2 * c.p - c.k) // c.s) + 1
    starts = np.arange(rounded) * c.s - c.p
    yield "numpy", (int((starts < c.n).sum()), rounded)
    pooled = F.max_pool1d(torch.zeros(1, 1, c.n), c.k, c.s, c.p, ceil_mode=True)
    yield "torch", (pooled.shape[2], rounded)


def seen(steps: list[tuple[int, int, int]], length: int = 64) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """The inputs that position 0 after layers (kernel, stride, dilation) reads, by NumPy and by torch's gradient."""
    taps = np.array([0])
    for k, s, d in reversed(steps):
        taps = np.unique(np.add.outer(taps * s, np.arange(k) * d))
    yield "numpy", taps
    x = torch.zeros(1, 1, length, dtype=torch.float64, requires_grad=True)
    y = x
    for k, s, d in steps:
        y = F.conv1d(y, torch.ones(1, 1, k, dtype=torch.float64), stride=s, dilation=d)
    y[0, 0, 0].backward()
    yield "torch", np.flatnonzero(x.grad[0, 0].numpy())


@replays("receptive.doubles_plus_two")
def _(c):
    """So many layers (3, 2) that the field has R elements; one layer more."""
    layers = [(3, 2, 1)] * (c.J.bit_length() - 1)
    for (name, now), (_, then) in zip(seen(layers), seen([*layers, (3, 2, 1)]), strict=True):
        assert len(now) == c.R
        yield name, (len(then), 2 * len(now) + 2)


@replays("receptive.adds_kernels")
def _(c):
    for name, inputs in seen([(c.k_1, c.s, 1), (c.k_2, 1, 1)]):
        yield name, (inputs.max() + 1, c.k_1 + c.k_2)


@replays("dilation.reads_everything")
def _(c):
    for name, inputs in seen([(c.k, 1, c.d)]):
        yield name, (int((inputs == c.i).sum()), 1)


@replays("pool.index_without_stride")
def _(c):
    x = c.array("x", c.M * (c.o + 1) + c.M)
    yield "numpy", (x[c.o : c.o + c.M].sum(), x[c.M * c.o : c.M * c.o + c.M].sum())
    yield "torch", tuple((F.avg_pool1d(t(x)[None], c.M, stride) * c.M)[0, c.o] for stride in (1, c.M))


@replays("pool.divides_by_size")
def _(c):
    """Pooling ones: the sum over the window is the number of its elements that lie inside."""
    ones, start = np.ones(c.n), c.s * c.o - c.p
    yield "numpy", (ones[max(0, start) : max(0, start + c.M)].sum(), c.M)
    pooled = F.avg_pool1d(t(ones)[None], c.M, c.s, c.p, count_include_pad=True)[0, c.o] * c.M
    yield "torch", (pooled.round(), c.M)


@replays("transpose.inverts")
def _(c):
    x, w = c.array("x", c.n), np.ones(c.k)
    matrix = np.array([np.correlate(unit, w, "valid") for unit in np.eye(c.n)]).T
    yield "numpy", ((matrix.T @ matrix @ x)[c.i], x[c.i])
    yield "torch", (F.conv_transpose1d(layer(x, w)[None, None], t(w)[None, None])[0, 0, c.i], x[c.i])


@replays("grad.input.printed_index")
def _(c):
    delta, w = c.array("delta", c.n, c.n), c.array("w", c.M, c.M)
    column = w[:, c.j] if 0 <= c.j < c.M else np.zeros(c.M)
    printed = sum(at(column, c.i - row) * delta[row].sum() for row in range(c.n))
    size = max(c.n + c.M - 1, c.i + 1, c.j + 1)
    gradient = np.zeros((size, size))
    for row, col in np.ndindex(delta.shape):
        gradient[row : row + c.M, col : col + c.M] += delta[row, col] * w
    yield "numpy", (printed, gradient[c.i, c.j] if c.i >= 0 and c.j >= 0 else 0)
    x = torch.zeros(1, 1, c.n + c.M - 1, c.n + c.M - 1, dtype=torch.float64, requires_grad=True)
    F.conv2d(x, t(w)[None, None]).backward(t(delta)[None, None])
    yield "torch", (printed, at(at(x.grad[0, 0], c.i), c.j) if 0 <= c.i < x.shape[2] else 0)


@replays("dense.sharing_without_offset")
def _(c):
    x, w = c.array("x", c.o + c.k), c.array("w", c.k)
    yield "numpy", (x[: c.k] @ w, np.correlate(x, w, "valid")[c.o])
    yield "torch", (t(x)[: c.k] @ t(w), layer(x, w)[c.o])


PATCH = [[3, 0, 1], [1, 5, 8], [2, 7, 2]]


@replays("filters.edge_printed")
def _(c):
    printed = [[1, 0, c.c], [1, 0, -1], [1, 0, -1]]
    right = [[1, 0, -1]] * 3
    yield "numpy", (np.vdot(PATCH, printed), np.vdot(PATCH, right))
    yield "torch", (layer(PATCH, printed).item(), layer(PATCH, right).item())


@replays("cost.dense_printed")
def _(c):
    yield "numpy", (np.zeros((28, 28, c.F)).size * np.zeros((32, 32, c.C)).size, 4074 * 3072)
    with torch.device("meta"):
        dense = torch.nn.Linear(32 * 32 * c.C, 28 * 28 * c.F, bias=False)
    yield "torch", (dense.weight.numel(), 4074 * 3072)
