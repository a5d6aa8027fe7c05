"""Every operation of torch that is understood: its sizes against torch's own, its field against gradients."""

from __future__ import annotations

import copy
import math
import operator
import random
from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402, N812

from convmath.errors import DomainError  # noqa: E402
from convmath.network import from_torch  # noqa: E402
from convmath.network.fields.exact import indexed  # noqa: E402
from convmath.network.torch_import.builder import Builder  # noqa: E402
from convmath.network.torch_import.exporting import read_exported  # noqa: E402
from convmath.network.torch_import.handlers.pooling import _rounds_alike  # noqa: E402

from .applied import Apply  # noqa: E402
from .computing import Function  # noqa: E402


def same_map(x):
    return x * torch.linspace(0, 1, 10) + torch.arange(10) + torch.zeros(12, 1)


def with_coordinates(x):
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, 12), torch.arange(10) / 10, indexing="ij")
    return torch.cat([x, rows.expand(1, 1, 12, 10), columns[None, None]], 1)


def space_to_depth(x):
    n, c, h, w = x.shape
    return x.view(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


def depth_to_space(x):
    n, c, h, w = x.shape
    return x.view(n, c // 4, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * h, 2 * w)


def global_response_norm(x):
    x = x.permute(0, 2, 3, 1)
    lengths = torch.norm(x, p=2, dim=(1, 2), keepdim=True)
    return (x * lengths / (lengths.mean(dim=-1, keepdim=True) + 1e-6) + x).permute(0, 3, 1, 2)


def self_attention(x):
    n, c, h, w = x.shape
    pixels = x.flatten(2)
    weights = (pixels.transpose(1, 2) @ pixels).mul(0.01).softmax(-1)
    return (pixels @ weights.transpose(1, 2)).view(n, c, h, w)


def attention_in_windows(x, shift, rows=4, columns=5):
    n, c, h, w = x.shape
    x = torch.roll(x.permute(0, 2, 3, 1), (-shift, -shift), (1, 2))
    x = x.view(n, h // rows, rows, w // columns, columns, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, rows * columns, c)
    x = x + (x @ x.transpose(1, 2)).mul(0.01).softmax(-1) @ x
    x = x.view(n, h // rows, w // columns, rows, columns, c).permute(0, 1, 3, 2, 4, 5).reshape(n, h, w, c)
    return torch.roll(x, (shift, shift), (1, 2)).permute(0, 3, 1, 2)


OPERATIONS = {
    "conv1d": lambda x: F.conv1d(x.flatten(2), torch.ones(4, 8, 3), stride=2),
    "conv2d options": lambda x: F.conv2d(x, torch.ones(6, 4, 3, 2), torch.ones(6), (2, 1), (1, 2), (1, 2), 2),
    "conv2d same": lambda x: F.conv2d(x, torch.ones(6, 8, 4, 3), padding="same", dilation=2),
    "conv2d valid": lambda x: F.conv2d(x, torch.ones(6, 8, 4, 3), padding="valid"),
    "conv2d without batch": lambda x: F.conv2d(x[0], torch.ones(6, 8, 3, 3)),
    "conv3d": lambda x: F.conv3d(x[:, None], torch.ones(2, 1, 3, 3, 3)),
    "conv_transpose1d": lambda x: F.conv_transpose1d(x.flatten(2), torch.ones(8, 4, 3), stride=2),
    "conv_transpose2d": lambda x: F.conv_transpose2d(x, torch.ones(8, 3, 3, 3), None, 3, 1, 2, 2, 2),
    "conv_transpose3d": lambda x: F.conv_transpose3d(x[:, None], torch.ones(1, 2, 2, 2, 2), stride=2),
    "convolution": lambda x: torch.convolution(
        x, torch.ones(6, 4, 3, 2), None, [2, 1], [1, 2], [1, 2], False, [0, 0], 2
    ),
    "convolution, transposed": lambda x: torch.convolution(
        x, torch.ones(8, 3, 3, 3), torch.ones(6), [3], [1], [2], True, [2], 2
    ),
    "max_pool1d": lambda x: F.max_pool1d(x.flatten(2), 3),
    "max_pool2d": lambda x: F.max_pool2d(x, 3, 2, 1, ceil_mode=True),
    "max_pool2d dilated": lambda x: F.max_pool2d(x, 3, 1, 1, 2),
    "max_pool2d indices": lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
    "max_pool3d": lambda x: F.max_pool3d(x, 2),
    "avg_pool1d": lambda x: F.avg_pool1d(x.flatten(2), 2, padding=1),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 2, 1, True, False),
    "avg_pool3d": lambda x: F.avg_pool3d(x, (2, 3, 1)),
    "lp_pool2d": lambda x: F.lp_pool2d(x, 2, 3, 2),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, (5, None)),
    "adaptive_max_pool2d": lambda x: F.adaptive_max_pool2d(x, 7),
    "adaptive_max_pool2d indices": lambda x: F.adaptive_max_pool2d(x, 7, return_indices=True)[0],
    "adaptive_avg_pool1d": lambda x: F.adaptive_avg_pool1d(x.flatten(2), 7),
    "pad": lambda x: F.pad(x, (1, 2, 3, 4)),
    "pad crops": lambda x: F.pad(x, (-1, 2, -3, 0)),
    "pad reflect": lambda x: F.pad(x, (1, 1, 2, 2), mode="reflect"),
    "pad replicate": lambda x: F.pad(x, (1, 0, 1, 0), mode="replicate"),
    "pad circular": lambda x: F.pad(x, (3, 1, 0, 2), mode="circular"),
    "roll": lambda x: x.roll((1, -2), (2, 3)),
    "nearest": lambda x: F.interpolate(x, scale_factor=2),
    "nearest of a size": lambda x: F.interpolate(x, size=(7, 31)),
    "nearest-exact": lambda x: F.interpolate(x, scale_factor=1.5, mode="nearest-exact"),
    "bilinear": lambda x: F.interpolate(x, scale_factor=(2, 3), mode="bilinear"),
    "bilinear with corners": lambda x: F.interpolate(x, size=23, mode="bilinear", align_corners=True),
    "bicubic": lambda x: F.interpolate(x, scale_factor=1.7, mode="bicubic"),
    "linear": lambda x: F.interpolate(x.flatten(2), scale_factor=2, mode="linear"),
    "trilinear": lambda x: F.interpolate(x[None], scale_factor=2, mode="trilinear"),
    "area": lambda x: F.interpolate(x, size=(5, 4), mode="area"),
    "an odd scale": lambda x: F.interpolate(x, scale_factor=(0.6667, 1.31), mode="bilinear"),
    "a scale of one third": lambda x: F.interpolate(x, scale_factor=1 / 3),
    "a scale taken anew": lambda x: F.interpolate(x, scale_factor=1.3, recompute_scale_factor=True),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 4),
    "unfold": lambda x: F.unfold(x, 3, padding=1, stride=2),
    "fold": lambda x: F.fold(F.unfold(x, 3, padding=1), (12, 10), 3, padding=1),
    "linear layer": lambda x: F.linear(x, torch.ones(5, 10), torch.ones(5)),
    "batch_norm": lambda x: F.batch_norm(x, torch.zeros(8), torch.ones(8)),
    "layer_norm": lambda x: F.layer_norm(x, x.shape[2:]),
    "group_norm": lambda x: F.group_norm(x, 4),
    "instance_norm": lambda x: F.instance_norm(x),
    "local_response_norm": lambda x: F.local_response_norm(x, 3),
    "native_layer_norm": lambda x: torch.native_layer_norm(x, x.shape[2:], None, None, 1e-5)[0],
    "native_group_norm": lambda x: torch.native_group_norm(x, None, None, 1, 8, 120, 4, 1e-5)[0],
    "native_batch_norm of a batch": lambda x: torch._native_batch_norm_legit(x, None, None, True, 0.1, 1e-5)[0],
    "normalize": lambda x: F.normalize(x, dim=1),
    "activations": lambda x: F.gelu(F.silu(F.hardswish(F.leaky_relu(F.elu(x.relu().sigmoid().tanh()))))),
    "prelu": lambda x: F.prelu(x, torch.ones(8)),
    "glu": lambda x: F.glu(x, 1),
    "softmax": lambda x: F.softmax(x, 1) + F.log_softmax(x, -1),
    "squeeze and excitation": lambda x: (
        x * F.conv2d(F.adaptive_avg_pool2d(x, 1), torch.full((8, 8, 1, 1), 0.01)).sigmoid()
    ),
    "dropout": lambda x: F.dropout2d(F.dropout(x, training=False), training=False),
    "arithmetic": lambda x: (1 - x) / 2 + x**2 - x * x + abs(-x) % 3 // 1,
    "broadcast": lambda x: x + x.mean((2, 3), keepdim=True) * x[:, :1],
    "comparisons": lambda x: torch.where((x > 0) & ~(x >= 1), x, x.masked_fill(x == 0, 1.0)),
    "clamp": lambda x: x.clamp(0, 1).clip(max=2),
    "constants": same_map,
    "made like another": lambda x: torch.ones_like(x) + x.new_zeros(10) + x + torch.full((1,), 2.0),
    "cat": lambda x: torch.cat([x, x[:, :2]], dim=1),
    "stack": lambda x: torch.stack([x, x], -1),
    "flatten": lambda x: x.flatten(1),
    "reshape": lambda x: x.reshape(x.size(0), 4, 2, -1),
    "view": lambda x: x.view(x.shape[0], -1),
    "unflatten": lambda x: x.unflatten(1, (2, -1)),
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "transpose": lambda x: x.transpose(1, -1).mT,
    "movedim": lambda x: torch.movedim(x, 1, -1),
    "squeeze": lambda x: x[:, :1].squeeze(1).unsqueeze(0).squeeze(),
    "expand": lambda x: x[:, :1].expand(4, -1, 12, 10),
    "repeat": lambda x: x.repeat(2, 1, 1, 3),
    "chunk": lambda x: x.chunk(3, 1)[2],
    "split": lambda x: torch.split(x, [3, 5], 1)[1],
    "split in lengths": lambda x: x.split(5, 2)[2],
    "tensor_split": lambda x: torch.tensor_split(x, 5, 2)[1],
    "unbind": lambda x: x.unbind(2)[3],
    "narrow and select": lambda x: x.narrow(2, 1, 3).select(1, -1),
    "slices": lambda x: x[..., 1:-1, ::2],
    "indices": lambda x: x[:, -1:, None, 3],
    "iteration": lambda x: sum(list(x.transpose(0, 1))),
    "mean": lambda x: x.mean((2, 3)),
    "sum": lambda x: x.sum(1, keepdim=True),
    "amax": lambda x: x.amax(dim=(1, 2)),
    "max": lambda x: x.max(1).values + torch.max(x, 2 * x).max(dim=1, keepdim=True)[0],
    "argmax": lambda x: x.argmax(1),
    "spread": lambda x: x.var(1) + x.std((1,), keepdim=True).squeeze(1) + x.norm(dim=1),
    "var_mean": lambda x: torch.var_mean(x, (2, 3), keepdim=True)[1],
    "copies": lambda x: torch.cat([x]).add_(1) + x.repeat(1, 1, 1, 1).add_(1) + x,
    "matmul": lambda x: x @ x.transpose(2, 3),
    "matmul with a vector": lambda x: torch.matmul(x, torch.ones(10)),
    "bmm": lambda x: torch.bmm(x[0], x[0].mT),
    "meshgrid of one": lambda x: x + torch.stack(torch.meshgrid(x[0, 0, :1, 0], x[0, 0, 0, :1], indexing="ij")).sum(0),
    "attention": lambda x: F.scaled_dot_product_attention(x, x[:, :, :7], x[:, :, :7], torch.zeros(12, 7)),
    "attention in groups": lambda x: F.scaled_dot_product_attention(
        x.transpose(1, 2), x.transpose(1, 2)[:, 1:5], x.transpose(1, 2)[:, :3], enable_gqa=True
    ),
    "in place": lambda x: x.clone().add_(1).mul_(x).relu_(),
    "einsum": lambda x: torch.einsum("nchw,oc->nohw", x, torch.ones(5, 8)),
    "einsum over space": lambda x: torch.einsum("nchw,nkhw->nck", x, x),
    "einsum with an ellipsis": lambda x: torch.einsum("n...w,...w->n...", x, torch.ones(12, 10)),
    "einsum that permutes": lambda x: torch.einsum("nchw->nhwc", x),
    "einsum of three": lambda x: torch.einsum("nchw,oc,po->nphw", x, torch.ones(5, 8), torch.ones(2, 5)),
    "einsum of lists": lambda x: torch.einsum(x, [0, 1, ...], torch.ones(8, 4), [1, 2], [0, 2, ...]),
    "tensordot": lambda x: torch.tensordot(x, torch.ones(8, 4), dims=([1], [0])),
    "inner": lambda x: torch.inner(x, torch.ones(5, 10)),
    "bilinear forms": lambda x: F.bilinear(x, x[..., 1:], torch.ones(3, 10, 9), torch.ones(3)),
    "bilinear forms of rows": lambda x: F.bilinear(x[0, 0], x[0, 1], torch.ones(3, 10, 10)),
    "outer": lambda x: torch.outer(x[0, 0, 3], torch.ones(4)),
    "cosine similarity": lambda x: F.cosine_similarity(x, x.roll(1, 2)),
    "pairwise distance": lambda x: F.pairwise_distance(x, torch.ones(10), keepdim=True),
    "flip": lambda x: x.flip(2),
    "flip of both": lambda x: torch.fliplr(x.flip((2, -1))),
    "rot90": lambda x: torch.rot90(x, 1, (2, 3)),
    "rot90 backwards": lambda x: torch.rot90(x, -1, (2, 3)),
    "cumsum": lambda x: x.cumsum(2),
    "cumprod": lambda x: x.cumprod(3),
    "logcumsumexp": lambda x: x.logcumsumexp(2),
    "cummax": lambda x: x.cummax(1)[0],
    "diff": lambda x: x.diff(dim=2),
    "sort": lambda x: x.sort(1)[0],
    "sort of a row": lambda x: x.sort(dim=3, descending=True).values,
    "argsort": lambda x: x.argsort(1),
    "topk": lambda x: x.topk(3, 1)[0],
    "median": lambda x: x.median(1)[0] + x.kthvalue(2, 1).values + x.quantile(0.5, 1),
    "aminmax": lambda x: torch.sub(*torch.aminmax(x, dim=1)),
    "tensor_unfold": lambda x: x.unfold(2, 4, 4),
    "patches": lambda x: x.unfold(2, 3, 3).unfold(3, 5, 5).mean((4, 5)),
    "overlapping windows": lambda x: x.unfold(2, 4, 3).sum(-1),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 2),
    "one_hot": lambda x: F.one_hot(x.argmax(1), 8),
    "a list of indices": lambda x: x[:, [0, 3], 2:],
    "a list of rows": lambda x: x[:, :, [5, 0, 5]],
    "coordinates": with_coordinates,
    "affine grid": lambda x: x + F.affine_grid(torch.eye(2, 3)[None], (1, 1, 12, 10), align_corners=False)[..., 0],
    "masked": lambda x: x.masked_fill(torch.ones(12, 10).tril() > 0, 0.5) + x.triu(),
    "stacks": lambda x: torch.hstack([x, x]) + torch.vstack([x, x])[:1].repeat(1, 2, 1, 1),
    "broadcast_tensors": lambda x: torch.broadcast_tensors(x[:, :1], x)[0],
    "space to depth": lambda x: space_to_depth(x),
    "depth to space": lambda x: depth_to_space(x),
    "shuffled channels": lambda x: x.view(1, 4, 2, 12, 10).transpose(1, 2).reshape(1, 8, 12, 10),
    "norm of channels last": lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (8,)).permute(0, 3, 1, 2),
    "global response norm": global_response_norm,
    "self-attention": self_attention,
    "attention in windows": lambda x: attention_in_windows(x, 0),
    "attention in shifted windows": lambda x: attention_in_windows(x, 1),
    "nearest by expansion": lambda x: x[:, :, :, None, :, None].expand(1, 8, 12, 2, 10, 2).reshape(1, 8, 24, 20),
    "casts": lambda x: x.half().float().to(torch.float64).type_as(x).contiguous().detach(),
}

UNKNOWN = {
    "einsum of a diagonal": lambda x: torch.einsum("nchh->nch", x[..., :10, :]),
    "fold of maxima": lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2),
    "grid_sample": lambda x: F.grid_sample(x, torch.zeros(1, 4, 5, 2), align_corners=False),
    "antialias": lambda x: F.interpolate(x, size=5, mode="bilinear", antialias=True),
    "fft2": lambda x: torch.fft.fft2(x),
    "index by a tensor": lambda x: x[:, torch.tensor([0, 3])],
    "random windows": lambda x: F.fractional_max_pool2d(x, 2, output_size=(5, 4)),
    "roll of everything": lambda x: x.roll(1),
    "several quantiles": lambda x: x.quantile(torch.tensor([0.2, 0.8]), 1),
}


def executed(module, *sizes):
    return typed(module, *(torch.rand(size) for size in sizes))[0]


@torch.no_grad()
def typed(module, *tensors):
    """The sizes and the type of what a module gives."""
    result = module(*tensors)
    return tuple(result.shape), str(result.dtype).removeprefix("torch.")


def exported(module, size):
    """The graph by way of torch.export."""
    builder = Builder(torch.device("cpu"), verify=True)
    builder.weights(module)
    values = {"x": builder.input("x", (1, *size), torch.float32)}
    return builder.graph(read_exported(builder, module, values, {}))


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_understood_and_has_torchs_sizes(name):
    module = Apply(OPERATIONS[name]).eval()
    report = from_torch(module, (3, 12, 10), verify=True).analyze()
    assert report.missing == ()
    row = report[report.graph.outputs[0]]
    assert (row.sizes, row.dtype) == typed(module, torch.rand(1, 3, 12, 10))


TYPES = {
    "no less than a fraction": lambda x: x.clamp(min=0.5),
    "more exact numbers added in place": lambda x: x.clone().add_(torch.ones(8, dtype=torch.float64)),
    "compared in place": lambda x: x.clone().gt_(0),
    "cumsum": lambda x: x.cumsum(1),
    "cumprod": lambda x: torch.cumprod(x, 1),
    "cumsum dtype": lambda x: x.cumsum(1, dtype=torch.complex128),
    "sum": lambda x: x.sum(1),
    "prod": lambda x: x.prod(1),
    "all": lambda x: x.all(1),
    "any": lambda x: torch.any(x),
    "amax": lambda x: x.amax((1, 2)),
    "argmax": lambda x: x.argmax(1),
    "count_nonzero": lambda x: x.count_nonzero(1),
    "count_nonzero one by one": lambda x: x.count_nonzero(1, 2),
    "logsumexp": lambda x: x.logsumexp(1),
    "std": lambda x: x.std(1),
    "norm": lambda x: x.norm(dim=1),
    "norm dtype": lambda x: x.norm(dim=1, dtype=torch.float64),
    "vector_norm": lambda x: torch.linalg.vector_norm(x, dim=1),
    "abs": lambda x: x.abs(),
    "exp": lambda x: x.exp(),
    "relu": lambda x: x.relu(),
    "positive": lambda x: +x,
    "masked_fill": lambda x: x.masked_fill(x == 1, 0.5),
    "where": lambda x: torch.where(x == 1, x, 0.5),
    "clamp": lambda x: x.clamp(0.5, 2),
    "copysign": lambda x: x.copysign(x),
    "ldexp": lambda x: torch.ldexp(x, x),
    "float_power": lambda x: x.float_power(2),
    "pow": lambda x: x**2,
    "pow by a fraction": lambda x: x**0.5,
    "quotient": lambda x: x / 2,
    "quotient rounded down": lambda x: x // 2,
    "remainder": lambda x: x % 2.5,
    "comparison": lambda x: x >= 1,
    "cosine_similarity": lambda x: F.cosine_similarity(x, x + 0.5),
    "pairwise_distance": lambda x: F.pairwise_distance(x, x + 0.5),
    "full of integers": lambda x: x + torch.full((8,), 2),
    "full of flags": lambda x: torch.full((8,), True) & (x == 1),
    "full of fractions": lambda x: x * torch.full((8,), 0.5),
    "full of complex numbers": lambda x: x * torch.full((8,), 1j),
    "tensor of fractions": lambda x: x * torch.tensor([0.5] * 8),
    "tensor of flags": lambda x: x * torch.tensor([True] * 8),
    "chunk of a type": lambda x: x.chunk(2, 1)[0].to(torch.complex128),
    "unbind of a type": lambda x: x.unbind(1)[0].type(torch.complex64),
    "places of topk": lambda x: x.topk(2, 1)[1],
    "places of sort": lambda x: x.sort(1)[1],
    "places of max": lambda x: x.max(1)[1],
    "places of median": lambda x: x.median(1)[1],
    "places of kthvalue": lambda x: x.kthvalue(2, 1)[1],
    "places of cummax": lambda x: x.cummax(1)[1],
    "places of mode": lambda x: x.mode(1)[1],
    "places of max_pool": lambda x: F.max_pool1d(x, 2, return_indices=True)[1],
}
KINDS = [
    getattr(torch, name) for name in ("float32", "float16", "float64", "bool", "uint8", "int32", "int64", "complex64")
]


def results(name, dtype):
    """The sizes and the type of what torch gives, or None, and of what is read."""
    module = Function(TYPES[name])
    try:
        expected = typed(module, torch.ones(1, 4, 8, dtype=dtype))
    except (RuntimeError, NotImplementedError):
        return None, None
    report = from_torch(module, (4, 8), dtype=dtype).analyze()
    row = report[report.graph.outputs[0]]
    return expected, (row.sizes, row.dtype)


@pytest.mark.parametrize("name", TYPES)
def test_of_every_type_the_result_has_torchs(name):
    found = [results(name, dtype) for dtype in KINDS]
    assert any(expected for expected, _ in found)
    for expected, read in found:
        assert read == expected


LISTS = {"a list of indices", "a list of rows"}
"""Those whose lists of indices an exported program holds as tensors."""


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - LISTS))
def test_an_exported_operation_gives_the_same_sizes_and_fields(name):
    module = Apply(OPERATIONS[name]).eval()
    by_fx, by_export = (graph.analyze() for graph in (from_torch(module, (3, 12, 10)), exported(module, (3, 12, 10))))
    rows = [report[report.graph.outputs[0]] for report in (by_fx, by_export)]
    assert by_export.missing == ()
    assert rows[0].sizes == rows[1].sizes
    first = (0,) * len(indexed(by_fx, rows[0]))
    assert by_fx.reads(rows[0].name, *first) == by_export.reads(rows[1].name, *first)


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_operation_that_is_not_understood_is_reported_with_torchs_sizes(name):
    module = Apply(UNKNOWN[name]).eval()
    report = from_torch(module, (3, 12, 10)).analyze()
    assert report.status == "partial"
    assert report.missing
    last = report[report.graph.outputs[0]]
    assert last.sizes == executed(module, (1, 3, 12, 10))
    assert last.field_unknown


# Layers

LAYERS = {
    "same": (nn.Conv2d(3, 4, 4, padding="same", padding_mode="reflect"), (3, 9, 8), ["pad", "conv2d"]),
    "circular": (nn.Conv1d(3, 4, 3, padding=2, padding_mode="circular"), (3, 9), ["pad", "conv1d"]),
    "zero pad": (nn.ZeroPad2d((1, 2, 3, 4)), (3, 9, 8), ["pad"]),
    "replication pad": (nn.ReplicationPad3d(1), (3, 4, 5, 6), ["pad"]),
    "upsample": (nn.Upsample(scale_factor=2, mode="bilinear"), (3, 9, 8), None),
    "shared batch norm": (nn.SyncBatchNorm(3), (3, 9, 8), ["batch_norm"]),
    "batch norm without momentum": (nn.BatchNorm2d(3, momentum=None), (3, 9, 8), ["batch_norm"]),
    "unflatten": (nn.Unflatten(1, (3, 1)), (3, 9), ["reshape"]),
    "prelu": (nn.PReLU(3), (3, 9), ["prelu"]),
    "encoder": (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), (7, 16), None),
    "weight norm": (nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3)), (3, 9, 8), None),
    "spectral norm": (nn.utils.parametrizations.spectral_norm(nn.Conv2d(3, 4, 3)), (3, 9, 8), None),
}


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_understood_whole(name):
    layer, size, operations = LAYERS[name]
    report = from_torch(layer, size, verify=True).analyze()
    assert report.missing == ()
    assert report.params == sum(parameter.numel() for parameter in layer.parameters())
    if operations is not None:
        assert [row.op for row in report][1:] == operations


FAMILIES = ("activation", "dropout", "padding", "pooling", "instancenorm")
NOT_FOLLOWED = ("MultiheadAttention", "MaxUnpool", "FractionalMaxPool", "Lazy")
OPTIONS = {"Threshold": (0, 1), "PReLU": (4,), **dict.fromkeys(("Softmax", "LogSoftmax", "Softmin", "GLU"), (1,))}


def torch_layers():
    """The layers of whole families of torch.nn."""
    for family in FAMILIES:
        module = getattr(nn.modules, family)
        for name in module.__all__:
            if not name.startswith(NOT_FOLLOWED):
                yield family, name


@pytest.mark.parametrize(("family", "name"), list(torch_layers()))
def test_every_layer_of_a_family_is_understood(family, name):
    axes = int(name[-2]) if name[-2:] in ("1d", "2d", "3d") else 2
    needed = {"padding": (1, 2.0) if name.startswith("Constant") else (1,), "pooling": (2, 2), "instancenorm": (4,)}
    layer = getattr(nn, name)(*OPTIONS.get(name, needed.get(family, ())[: 1 if "Adaptive" in name else None]))
    report = from_torch(layer.eval(), (4, *(8,) * axes), verify=True).analyze()
    assert report.missing == ()
    assert report.output.sizes == executed(layer, (1, 4, *(8,) * axes))


def test_attention_counts_its_projections_and_products():
    layer = nn.MultiheadAttention(16, 4, kdim=6, vdim=10, batch_first=True)
    report = from_torch(layer, [(7, 16), (5, 6), (5, 10)], arguments={"need_weights": False}, verify=True).analyze()
    assert report.missing == ()
    assert report.params == sum(parameter.numel() for parameter in layer.parameters())
    assert report.macs == 7 * 16 * 16 + 5 * 6 * 16 + 5 * 10 * 16 + 2 * 7 * 5 * 16 + 7 * 16 * 16
    assert report.output.sizes == (1, 7, 16)


# Fields

WITHOUT_GRADIENT = {"argmax", "argsort", "arithmetic", "casts", "one_hot"}
"""Those through which no gradient goes in double precision."""

MERGED = {"fold"}
"""Those that lay both axes in one, so that each position is taken to read both whole, perhaps."""

MAXIMA = {"max_pool1d", "max_pool2d", "max_pool2d dilated", "max_pool2d indices", "max_pool3d", "amax", "clamp"}
MAXIMA |= {"constants"}
MAXIMA |= {"adaptive_max_pool2d", "adaptive_max_pool2d indices", "sort of a row", "masked"}
"""Those whose gradient is 0 at elements that are read."""


def support(module, position):
    """Per axis the elements of the image on which the gradient is not 0, at an index on each of some dimensions."""
    module = copy.deepcopy(module).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.rand(parameter.shape, generator=generator, dtype=torch.float64) + 0.5)
    image = torch.rand((1, 3, 12, 10), generator=generator, dtype=torch.float64).requires_grad_()
    result = module(image)
    here = result[tuple(position.get(dimension, slice(None)) for dimension in range(result.ndim))]
    weights = torch.rand(here.shape, generator=generator, dtype=here.dtype)
    (gradient,) = torch.autograd.grad((here * weights).sum(), image)
    found = gradient[0].abs().sum(0) != 0
    return tuple(set(found.any(dim=1 - axis).nonzero().flatten().tolist()) for axis in range(2))


def elements(reads):
    return tuple({element for start, stop in axis.parts for element in range(start, stop)} for axis in reads)


def some_positions(sizes):
    """The first, the last and one inside."""
    return sorted({tuple(0 for _ in sizes), tuple(n - 1 for n in sizes), tuple(n // 2 for n in sizes)})


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - WITHOUT_GRADIENT))
def test_an_operation_reads_what_its_gradient_says(name, double_precision):
    module = Apply(OPERATIONS[name]).eval()
    report = from_torch(module, (3, 12, 10)).analyze()
    row = report[report.graph.outputs[0]]
    if row.field_unknown:
        assert name in {"matmul", "bmm", "attention", "repeat"}  # both axes along one dimension; or copies in a row
        if name != "repeat":
            return
    for position in some_positions([row.sizes[dimension] for dimension in indexed(report, row)]):
        reads = report.reads(row.name, *position)
        found = elements(reads["x"]) if reads else (set(), set())
        wanted = support(module, dict(zip(indexed(report, row), position, strict=True)))
        assert all(one <= other for one, other in zip(wanted, found, strict=True)), position
        unsure = name in MERGED and not any(axis.exact for axis in reads["x"])
        assert found == wanted or name in MAXIMA or unsure, position


def test_a_dilation_that_is_dropped_is_found_by_the_comparison_with_gradients(double_precision):
    module, wrong = (Apply(lambda x, d=d: F.avg_pool2d(x[:, :, ::d], 2)) for d in (2, 1))
    report = from_torch(wrong, (3, 12, 10)).analyze()
    assert elements(report.reads(report.graph.outputs[0], 1, 1)["x"]) != support(module, {2: 1, 3: 1})


@pytest.fixture
def double_precision():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


# What torch refuses


def written(x, write):
    """The mean over the channels, written into together with all channels."""
    mean = x.mean(1, keepdim=True)
    return write(mean, x)


REFUSED = {
    "assertion": (lambda x: (torch._assert(x.shape[-1] == 8, "only of 8"), x)[1], lambda x: x),
    "groups": (lambda x: F.group_norm(x, 3), lambda x: F.group_norm(x, 4)),
    "group of one": (lambda x: F.group_norm(x[..., :1, :1], 8), lambda x: F.group_norm(x[..., :1, :1], 4)),
    "instance of one": (lambda x: F.instance_norm(x[..., :1, :1]), lambda x: F.instance_norm(x[..., :2, :1])),
    "bmm": (lambda x: torch.bmm(x, x.mT), lambda x: torch.bmm(x[0], x[0].mT)),
    "bmm, stretched": (lambda x: torch.bmm(x[0], x[0, :1].mT), lambda x: torch.bmm(x[0, :1], x[0, :1].mT)),
    "mm": (lambda x: torch.mm(x[0], x[0].mT), lambda x: torch.mm(x[0, 0], x[0, 0].mT)),
    "mv": (lambda x: torch.mv(x[0], x[0, 0, 0]), lambda x: torch.mv(x[0, 0], x[0, 0, 0])),
    "dot": (lambda x: torch.dot(x[0, 0], x[0, 0]), lambda x: torch.dot(x[0, 0, 0], x[0, 0, 0])),
    "addmm": (
        lambda x: torch.addmm(x[0], x[0, 0], x[0, 0].mT),
        lambda x: torch.addmm(x[0, 0, 0, 0], x[0, 0], x[0, 0].mT),
    ),
    "addmm in place": (
        lambda x: torch.zeros(1, 12).addmm_(x[0, 0], x[0, 0].mT),
        lambda x: torch.zeros(12, 12).addmm_(x[0, 0], x[0, 0].mT),
    ),
    "convolution": (
        lambda x: torch.convolution(x[0], torch.ones(4, 8, 3, 3), None, [1], [0], [1], False, [0], 1),
        lambda x: torch.convolution(x, torch.ones(4, 8, 3, 3), None, [1], [0], [1], False, [0], 1),
    ),
    "kthvalue": (lambda x: x.kthvalue(9, 1)[0], lambda x: x.kthvalue(8, 1)[0]),
    "kthvalue of 0": (lambda x: x.kthvalue(0, 1)[0], lambda x: x.kthvalue(1, 1)[0]),
    "add_": (lambda x: written(x, lambda a, b: a.add_(b)), lambda x: written(x, lambda a, b: b.clone().add_(a))),
    "+=": (lambda x: written(x, operator.iadd), lambda x: written(x, lambda a, b: operator.iadd(b.clone(), a))),
    "masked_fill_": (
        lambda x: written(x, lambda a, b: a.masked_fill_(b > 0, 1)),
        lambda x: written(x, lambda a, b: a.masked_fill(b > 0, 1)),
    ),
    "eq_": (lambda x: written(x, lambda a, b: a.eq_(b)), lambda x: written(x, lambda a, b: a.eq(b))),
    "arange against its step": (lambda x: x + torch.arange(0, 1, -0.1), lambda x: x + torch.arange(1, 0, -0.1)),
}
"""Functions that torch refuses, each with one that it takes."""


@pytest.mark.parametrize("name", REFUSED)
def test_what_torch_refuses_is_refused_and_what_it_takes_has_its_sizes(name):
    refused, taken = (Apply(function) for function in REFUSED[name])
    with pytest.raises((RuntimeError, ValueError, AssertionError)):
        executed(refused, (1, 3, 12, 10))
    with pytest.raises(DomainError, match="node="):
        from_torch(refused, (3, 12, 10))
    report = from_torch(taken, (3, 12, 10)).analyze()
    assert (report.missing, report.output.sizes) == ((), executed(taken, (1, 3, 12, 10)))


def test_a_condition_on_sizes_that_fails_is_refused_with_its_message_and_one_on_elements_is_not_checked():
    module = Apply(REFUSED["assertion"][0])
    with pytest.raises(DomainError, match=r"torch\._assert .*: only of 8"):
        from_torch(module, (3, 12, 10))
    assert from_torch(module, (3, 12, 8)).analyze().output.sizes == executed(module, (1, 3, 12, 8))
    of_elements = Apply(lambda x: (torch._assert((x > 0).all(), "only positive ones"), x * 1)[1])
    assert from_torch(of_elements, (3, 12, 10)).analyze().missing == ()


def test_statistics_of_a_batch_need_more_than_one_element():
    layer = nn.BatchNorm2d(3, track_running_stats=False)
    with pytest.raises(ValueError, match="more than 1 value"):
        executed(layer, (1, 3, 1, 1))
    with pytest.raises(DomainError, match="more than one element"):
        from_torch(layer, (3, 1, 1))
    assert from_torch(layer, (3, 1, 1), batch_size=2).analyze().output.sizes == executed(layer, (2, 3, 1, 1))


RANGES = ((0, 6, 0.6), (0.1, 0.8, 0.1), (0, 1, 1 / 161), (5, 0, -0.3), (0, 5, 0.5), (1, 7, 2), (0, 2**60, 2**59 - 1))


@pytest.mark.parametrize("bounds", RANGES)
def test_a_range_has_as_many_elements_as_torchs(bounds):
    report = from_torch(Apply(lambda x: x[0, 0, 0, 0] * torch.arange(*bounds)), (3, 12, 10)).analyze()
    assert report.output.sizes == tuple(torch.arange(*bounds).shape)


@pytest.mark.parametrize("bounds", [(0, 5.9, 1), (0.5, 5.4, 2), (-0.5, 3.5, 1)])
def test_a_range_of_integers_rounds_its_bounds_first(bounds):
    function = Apply(lambda x: x[0, 0, 0, 0] * torch.arange(*bounds, dtype=torch.int64))
    report = from_torch(function, (3, 12, 10)).analyze()
    assert report.output.sizes == executed(function, (1, 3, 12, 10))


def test_a_quotient_that_is_rounded_down_counts_one_element_more():
    """The controls of ranges: rounded in other ways, they have other lengths."""
    start, end, step = RANGES[0]
    assert -int((start - end) // step) == 11 != len(torch.arange(start, end, step))


@pytest.mark.parametrize("pad", [(-1, 2), (2, -1), (-2, -1), (-2, 4), (1, 2), (-1, 0, -3, 5)])
def test_circular_padding_crops_first_and_then_wraps(pad):
    function = lambda x: F.pad(x, pad, mode="circular")  # noqa: E731
    sizes = (1, 6) if len(pad) == 2 else (1, 9, 6)
    image = torch.arange(float(math.prod(sizes))).reshape(1, *sizes)
    padded = function(image)[0, 0]
    report = from_torch(Function(function), sizes).analyze()
    assert report.output.sizes == (1, 1, *padded.shape)
    for position in np.ndindex(*padded.shape):
        found = elements(report.reads(report.output.name, *position)["x"])
        wanted = np.unravel_index(int(padded[position]), sizes[1:])
        assert found == tuple({int(place)} for place in wanted)
    wrong = from_torch(Function(lambda x: F.pad(x, [max(0, n) for n in pad], mode="circular")), sizes).analyze()
    assert (wrong.output.sizes == report.output.sizes) == (min(pad) >= 0)


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
def test_interpolation_to_nothing_is_refused_as_torch_refuses_it(mode):
    shrink = Function(lambda x: F.interpolate(x, scale_factor=0.3, mode=mode))
    for n in range(1, 6):
        try:
            wanted = tuple(shrink(torch.zeros(1, 1, n, n)).shape[1:])
        except RuntimeError:
            with pytest.raises(DomainError, match="needs sizes >= 1"):
                from_torch(shrink, (1, n, n))
        else:
            assert from_torch(shrink, (1, n, n)).analyze().output.output_size == wanted


def test_positions_after_a_class_token_have_a_field_that_does_not_go_on_before_it():
    class Tokens(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.patches, self.dim = nn.Conv2d(3, 4, 4, 4), dim
            self.cls = nn.Parameter(torch.zeros(1, *((1, 4) if dim == 1 else (9, 1))))

        def forward(self, x):
            return torch.cat([self.cls, self.patches(x).flatten(2).transpose(1, 2)], self.dim)

    rows, columns = from_torch(Tokens(1), (3, 12, 12)).analyze().output.receptive_field.axes
    assert [rows.interval(at) for at in (0, 1, 4, 9)] == [(0, 0), (0, 4), (4, 8), (8, 12)]
    assert [columns.interval(at) for at in (0, 1, 5, 9)] == [(0, 0), (0, 4), (4, 8), (8, 12)]
    assert not from_torch(Tokens(2), (3, 12, 12)).analyze().output.field_unknown  # along the channels


def test_products_with_a_factor_are_rounded_down_as_those_with_its_fraction_wherever_that_is_said():
    """At all sizes up to 2,000, and where the product with the fraction is an integer, or just below one."""
    dice, others = random.Random(0), 0  # noqa: S311
    for p, q in ((dice.randint(1, 300), dice.randint(1, 300)) for _ in range(300)):
        ratio = Fraction(p, q)
        whole = [ratio.denominator * dice.randint(1, 2**31 // ratio.denominator) for _ in range(200)]
        sizes = [*range(1, 2000), *whole, *(n - 1 for n in whole)]
        alike = all(math.floor(n * (p / q)) == n * ratio.numerator // ratio.denominator for n in sizes)
        assert alike or not _rounds_alike(p / q), (p, q)
        others += not alike
    assert others


def test_an_interpolation_by_a_factor_that_differs_from_its_fraction_at_one_size_has_torchs_sizes_there():
    layer = nn.Upsample(scale_factor=57 / 79)
    for n in (5608, 5609):
        assert from_torch(layer, (1, n)).analyze().output.sizes == tuple(layer(torch.zeros(1, 1, n)).shape)
    assert layer(torch.zeros(1, 1, 5609)).shape[2] != 57 * 5609 // 79
    assert from_torch(layer, (1, "n")).closed_forms().output.label == "unknown"
