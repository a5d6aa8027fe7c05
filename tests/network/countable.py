"""Small networks that the tools count each in a way of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import product

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import prune

from .holding import Either, Kept, Named, Old


class Calls(nn.Module):
    """A forward that is a function of the input and of the parts."""

    def __init__(self, forward: Callable[..., torch.Tensor], **parts: nn.Module):
        super().__init__()
        self.forward = lambda x: forward(x, **parts)  # type: ignore[method-assign]
        for name, part in parts.items():
            self.add_module(name, part)


class Affine(nn.Module):
    """A layer of one's own, with parameters of several names."""

    def __init__(self, channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias_table = nn.Parameter(torch.ones(channels, 1, 1))
        self.gamma = nn.Parameter(torch.ones(channels, 1, 1))

    def forward(self, x):
        return x * self.weight + self.bias_table * self.gamma


class ConvAffine(Affine):
    """The same under a name in which torchinfo sees a convolution."""


class Conv2dSame(nn.Conv2d):
    """Torch's layer under another type."""


class Attention(nn.Module):
    """Multi-head attention of torch, by position."""

    def __init__(self, *, weights: bool = True, mask: int = 0, keys: bool = False, cross: int = 0, **options):
        super().__init__()
        self.inner = nn.MultiheadAttention(8, 2, **options)
        self.weights, self.mask, self.keys, self.cross = weights, mask, keys, cross

    def forward(self, x):
        other = x[:, :, : self.cross] if self.cross else x
        shape = (2 * x.shape[0], x.shape[1], x.shape[1])  # for every image and head, or for all
        mask = torch.zeros(shape[3 - self.mask :]) if self.mask else None
        hidden = None if not self.keys else torch.zeros(x.shape[:2]) if self.mask else x[..., 0] > 1
        weights = self.weights
        return self.inner(x, other, other, key_padding_mask=hidden, need_weights=weights, attn_mask=mask)[0]


class Written(nn.Module):
    """Attention written out with a way of multiplying."""

    def __init__(self, multiply: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], dimensions: int = 4):
        super().__init__()
        self.qkv = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8, bias=False)
        self.multiply, self.dimensions = multiply, dimensions

    def forward(self, x):
        batch, length, width = x.shape
        heads = (batch, length, 2, width // 2)
        query, key, value = (part.reshape(heads).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        if self.dimensions == 3:
            query, key, value = (part.flatten(0, 1) for part in (query, key, value))
        mixed = self.multiply(F.softmax(self.multiply(query, key.transpose(-2, -1)), -1), value)
        return self.out(mixed.reshape(batch, 2, length, width // 2).transpose(1, 2).reshape(x.shape))


class Fused(nn.Module):
    """Attention by torch's function."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(8, 8)

    def forward(self, x):
        y = self.inner(x)[:, None]
        return F.scaled_dot_product_attention(y, y, y)[:, 0]


class Functional(nn.Module):
    """A small network of functions alone."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 3, 3, 3))
        self.dense = nn.Parameter(torch.ones(5, 4))

    def forward(self, x):
        x = F.relu(F.conv2d(x, self.weight, padding=1))
        x = F.avg_pool2d(F.max_pool2d(F.gelu(x), 2), 2)
        return F.linear(F.adaptive_avg_pool2d(F.silu(x), 1).flatten(1), self.dense)


class Branches(nn.Module):
    """Sums and products of branches, as operators, functions and methods."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 1), nn.Conv2d(3, 6, 1)
        self.scale = nn.Parameter(torch.ones(9))

    def forward(self, x):
        a, b = self.one(x), self.two(x)
        return torch.cat([a + b, torch.add(a, b), a.mul(b), torch.mul(a, 2.0), torch.add(a, self.scale), a * b], 1)


class Shared(nn.Module):
    """One layer that is called twice, in one part or as part of two."""

    def __init__(self, *, apart: bool):
        super().__init__()
        conv, relu = nn.Conv2d(4, 4, 3, padding=1), nn.ReLU()
        if apart:
            self.first, self.second = nn.Sequential(conv, relu), nn.Sequential(conv, nn.Sequential(relu))
        else:
            self.first, self.second = conv, conv
            self.relu = relu

    def forward(self, x):
        return self.second(self.first(x))


class Deep(nn.Module):
    """A layer that is a part of two parts, which are parts of two parts each."""

    def __init__(self):
        super().__init__()
        one = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU())
        self.first, self.second = nn.Sequential(nn.Sequential(one), nn.Sequential(one)), nn.Sequential(one[0])

    def forward(self, x):
        return self.second(self.first(x))


class Decoder(nn.Module):
    """A layer of torch with attention to two sequences."""

    def __init__(self):
        super().__init__()
        self.inner = nn.TransformerDecoderLayer(8, 2, 16, batch_first=True)

    def forward(self, x):
        return self.inner(x, x[:, :3])


class ByKeyword(nn.Module):
    """Layers that are given their input by its name."""

    def __init__(self):
        super().__init__()
        self.conv, self.attention = nn.Conv1d(5, 5, 1), nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        x = self.conv(input=x)
        return self.attention(query=x, key=x, value=x)[0]


class Table(nn.Module):
    """A layer that is its parameters."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(5, 8))

    def forward(self):
        return self.weight


class Alone(nn.Module):
    """Layers that are given one image without a batch."""

    def __init__(self):
        super().__init__()
        self.conv, self.pool, self.dense = nn.Conv2d(3, 4, 3), nn.MaxPool2d(2), nn.Linear(5, 4)

    def forward(self, x):
        return self.dense(self.pool(self.conv(x[0])))


class Tied(nn.Module):
    """Two layers with one weight, the first of them called twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(8, 8), nn.Linear(8, 8)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.second(self.first(self.first(x)))


class Bare(nn.Module):
    """Layers whose forward is called without them."""

    def __init__(self):
        super().__init__()
        self.conv, self.act = nn.Conv2d(3, 4, 1), nn.ReLU()

    def forward(self, x):
        return self.act.forward(self.conv.forward(x))


class Listed(nn.Module):
    """Layers in a list."""

    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, k, padding=k // 2) for k in (1, 3, 5))

    def forward(self, x):
        return sum(layer(x) for layer in self.layers)


Made = Callable[[], nn.Module]


def _convolutions() -> dict[str, tuple[Made, tuple[int, ...]]]:
    kinds = {
        1: (nn.Conv1d, nn.ConvTranspose1d, (4, 11)),
        2: (nn.Conv2d, nn.ConvTranspose2d, (4, 9, 7)),
        3: (nn.Conv3d, nn.ConvTranspose3d, (4, 5, 6, 7)),
    }
    found: dict[str, tuple[Made, tuple[int, ...]]] = {}
    for axes, bias in product(kinds, (True, False)):
        conv, transposed, size = kinds[axes]
        named = f"{axes}d, bias={bias}"
        found[f"conv{named}"] = (lambda c=conv, b=bias: c(4, 6, 3, stride=2, padding=1, bias=b, groups=2), size)
        found[f"transposed conv{named}"] = (
            lambda c=transposed, b=bias: c(4, 6, 3, stride=2, bias=b, groups=2, output_padding=1),
            size,
        )
    for axes, (conv, _, size) in kinds.items():
        found[f"conv{axes}d, same"] = (lambda c=conv: c(4, 6, 2, padding="same", dilation=3), size)
        found[f"conv{axes}d, same, odd"] = (lambda c=conv: c(4, 6, 3, padding="same"), size)
        found[f"conv{axes}d, circular"] = (lambda c=conv: c(4, 6, 3, padding=1, padding_mode="circular"), size)
        found[f"conv{axes}d, valid"] = (lambda c=conv: c(4, 6, 3, padding="valid"), size)
    return found


def _layers() -> dict[str, tuple[Made, tuple[int, ...]]]:
    image, line, volume = (4, 8, 12), (4, 12), (4, 4, 6, 8)
    sized = {1: line, 2: image, 3: volume}
    found: dict[str, tuple[Made, tuple[int, ...]]] = {}
    for axes, size in sized.items():
        for name in ("MaxPool", "AvgPool"):
            found[f"{name}{axes}d"] = (lambda n=name, a=axes: getattr(nn, f"{n}{a}d")(2), size)
        for name in ("AdaptiveMaxPool", "AdaptiveAvgPool"):
            found[f"{name}{axes}d"] = (lambda n=name, a=axes: getattr(nn, f"{n}{a}d")(3), size)
        for name, options in product(("BatchNorm", "InstanceNorm"), ({"affine": True}, {"affine": False})):
            found[f"{name}{axes}d, {options}"] = (
                lambda n=name, a=axes, o=options: getattr(nn, f"{n}{a}d")(4, **o),
                size,
            )
        found[f"BatchNorm{axes}d of each batch"] = (
            lambda a=axes: getattr(nn, f"BatchNorm{a}d")(4, track_running_stats=False),
            size,
        )
        found[f"InstanceNorm{axes}d, running"] = (
            lambda a=axes: getattr(nn, f"InstanceNorm{a}d")(4, track_running_stats=True),
            size,
        )
        for mode in ("nearest", "nearest-exact", "area", {1: "linear", 2: "bilinear", 3: "trilinear"}[axes]):
            found[f"Upsample {mode} {axes}d"] = (lambda m=mode: nn.Upsample(scale_factor=2, mode=m), size)
    for name in (
        *("ReLU", "ReLU6", "LeakyReLU", "ELU", "GELU", "SiLU", "Hardswish", "Hardsigmoid", "Mish", "Sigmoid", "Tanh"),
        *(
            "Softplus",
            "SELU",
            "CELU",
            "Hardtanh",
            "LogSigmoid",
            "Softsign",
            "PReLU",
            "Identity",
            "Dropout",
            "Softmax2d",
        ),
        *("RReLU", "Threshold", "GLU", "Flatten"),
    ):
        found[name] = (lambda n=name: getattr(nn, n)(*((0.1, 2.0) if n == "Threshold" else ())), image)
    return found | {
        "Softmax": (lambda: nn.Softmax(1), image),
        "LogSoftmax": (lambda: nn.LogSoftmax(-1), image),
        "PReLU of channels": (lambda: nn.PReLU(4), image),
        "GroupNorm": (lambda: nn.GroupNorm(2, 4), image),
        "GroupNorm, not affine": (lambda: nn.GroupNorm(2, 4, affine=False), image),
        "LayerNorm": (lambda: nn.LayerNorm(12), image),
        "LayerNorm, no bias": (lambda: nn.LayerNorm((8, 12), bias=False), image),
        "LayerNorm, not affine": (lambda: nn.LayerNorm(12, elementwise_affine=False), image),
        "RMSNorm": (lambda: nn.RMSNorm(12), image),
        "bicubic": (lambda: nn.Upsample((9, 9), mode="bicubic"), image),
        "UpsamplingBilinear2d": (lambda: nn.UpsamplingBilinear2d(scale_factor=2), image),
        "UpsamplingNearest2d": (lambda: nn.UpsamplingNearest2d((5, 7)), image),
        "PixelShuffle": (lambda: nn.Sequential(nn.PixelShuffle(2), nn.PixelUnshuffle(4)), image),
        "padding": (lambda: nn.Sequential(nn.ZeroPad2d(1), nn.ReflectionPad2d(2), nn.ReplicationPad2d(1)), image),
        "Linear": (lambda: nn.Linear(12, 5), (12,)),
        "Linear on a sequence": (lambda: nn.Sequential(nn.Linear(12, 5), nn.Linear(5, 3, bias=False)), (7, 12)),
        "Linear on an image": (lambda: nn.Linear(12, 5), image),
        "Linear without bias on an image": (lambda: nn.Linear(12, 5, bias=False), image),
    }


def _networks() -> dict[str, tuple[Made, tuple[int, ...]]]:
    words, image = (5, 8), (3, 8, 12)
    square = (3, 3)
    return {
        "attention": (lambda: Attention(batch_first=True), words),
        "attention, batch second": (lambda: Attention(), words),
        "attention, no weights": (lambda: Attention(weights=False, batch_first=True), words),
        "attention, no bias": (lambda: Attention(batch_first=True, bias=False), words),
        "attention, mask": (lambda: Attention(mask=2, batch_first=True), words),
        "attention, mask, no weights": (lambda: Attention(mask=2, weights=False, batch_first=True), words),
        "attention, masks of heads": (lambda: Attention(mask=3, batch_first=True), words),
        "attention, mask of keys": (lambda: Attention(keys=True, batch_first=True), words),
        "attention, both masks": (lambda: Attention(keys=True, mask=2, batch_first=True, add_zero_attn=True), words),
        "attention, mask of keys, no weights": (lambda: Attention(keys=True, weights=False, batch_first=True), words),
        "attention, keys of its own": (lambda: Attention(add_bias_kv=True, batch_first=True), words),
        "attention, other widths": (lambda: Attention(cross=6, batch_first=True, kdim=6, vdim=6), words),
        "encoder layer": (lambda: nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), words),
        "encoder layer, gelu": (
            lambda: nn.TransformerEncoderLayer(8, 2, 16, activation=F.gelu, norm_first=True),
            words,
        ),
        "encoder": (lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), 2), words),
        "written, @": (lambda: Written(lambda a, b: a @ b), words),
        "written, torch.matmul": (lambda: Written(lambda a, b: torch.matmul(a, b)), words),
        "written, Tensor.matmul": (lambda: Written(lambda a, b: a.matmul(b)), words),
        "written, torch.bmm": (lambda: Written(lambda a, b: torch.bmm(a, b), 3), words),
        "written, Tensor.bmm": (lambda: Written(lambda a, b: a.bmm(b), 3), words),
        "fused": (lambda: Fused(), words),
        "functional": (lambda: Functional(), image),
        "branches": (lambda: Branches(), (3, 8, 9)),
        "shared in one": (lambda: Shared(apart=False), (4, 8, 12)),
        "shared by two": (lambda: Shared(apart=True), (4, 8, 12)),
        "listed": (lambda: Listed(), image),
        "own layer": (lambda: nn.Sequential(Affine(3), nn.Conv2d(3, 4, 3)), image),
        "own layer, named Conv": (lambda: nn.Sequential(ConvAffine(3), Conv2dSame(3, 4, 3)), image),
        "functions of torch": (lambda: Calls(lambda x: torch.relu(x).softmax(1).tanh().sigmoid()), image),
        "methods": (lambda: Calls(lambda x: x.relu().clamp(0, 1).mean((2, 3), keepdim=True)), image),
        "functions of functional": (
            lambda: Calls(lambda x: F.softmax(F.elu(F.relu6(F.leaky_relu(F.prelu(x, torch.ones(1))))), 1).sigmoid()),
            image,
        ),
        "interpolate": (lambda: Calls(lambda x: F.interpolate(F.interpolate(x, size=(5, 6)), scale_factor=1.5)), image),
        "weight norm": (lambda: nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))), image),
        "mm": (lambda: Calls(lambda x: torch.mm(x[0], x[0].t()) + x[0].mm(x[0].t())), square),
        "addmm": (lambda: Calls(lambda x: torch.addmm(x[0], x[0], x[0]) + x[0].addmm(x[0], x[0])), square),
        "baddbmm": (lambda: Calls(lambda x: torch.baddbmm(x, x, x) + x.baddbmm(x, x)), square),
        "mv": (lambda: Calls(lambda x: torch.mv(x[0], x[0, 0]) + torch.matmul(x[0], x[0, 1])), square),
        "addmm, stretched": (lambda: Calls(lambda x: torch.addmm(x[0, 0], x[0], x[0], beta=2)), square),
        "addmm times 0": (lambda: Calls(lambda x: torch.addmm(x[0, 0], x[0], x[0], beta=0)), square),
        "baddbmm, stretched": (lambda: Calls(lambda x: torch.baddbmm(x[0, 0], x, x)), square),
        "vector by matrix": (lambda: Calls(lambda x: torch.matmul(x[0, 0], x[0]) + x[0, 0] @ x[0]), square),
        "vector by matrices": (
            lambda: Calls(lambda x, conv: torch.matmul(x[0, 0], conv(x)), conv=nn.Linear(3, 4)),
            square,
        ),
        "RNNCell": (lambda: nn.RNNCell(8, 4), (8,)),
        "GRUCell": (lambda: nn.GRUCell(8, 4), (8,)),
        "LSTMCell": (lambda: nn.LSTMCell(8, 4, bias=False), (8,)),
        "GRUCell with a state": (lambda: Calls(lambda x, layer: layer(x, x[:, :4]), layer=nn.GRUCell(8, 4)), (8,)),
        "matmul, stretched": (lambda: Calls(lambda x: torch.matmul(x[:, :1], x.transpose(2, 3))), image),
        "vector": (lambda: Calls(lambda x, layer: layer(x[0, 0]), layer=nn.Linear(8, 4)), words),
        "einsum": (lambda: Calls(lambda x: torch.einsum("bnc,bmc->bnm", x, x)), words),
        "einsum, two of them": (
            lambda: Calls(
                lambda x: torch.einsum("bnc,bnd->bcd", x, x) + torch.einsum("bn,bn->b", x[..., 0], x[..., 1])[0]
            ),
            words,
        ),
        "einsum, 1000 products": (lambda: Calls(lambda x: torch.einsum("bhnc,bhmc->bhnm", x, x)), (3, 31, 37)),
        "einsum, products": (lambda: Calls(lambda x: torch.einsum("bnc,nc->bnc", x, x[0])), words),
        "einsum, apart": (lambda: Calls(lambda x: torch.einsum("bnc,bmd->bnm", x, x)), words),
        "einsum of three": (lambda: Calls(lambda x: torch.einsum("bnc,bmc,bnd->bmd", x, x, x)), words),
        "einsum of one": (lambda: Calls(lambda x: torch.einsum("bnc->bn", x)), words),
        "tensordot": (lambda: Calls(lambda x: torch.tensordot(x, x[0], dims=([2], [1]))), words),
        "outer": (lambda: Calls(lambda x: torch.outer(x[0, 0], x[0, 1])), words),
        "inner": (lambda: Calls(lambda x: torch.inner(x, x)), words),
        "embedding": (lambda: Calls(lambda x, layer: layer(0 * x.long()), layer=nn.Embedding(10, 4)), words),
        "LSTM": (lambda: Calls(lambda x, layer: layer(x)[0], layer=nn.LSTM(8, 5, 2, batch_first=True)), words),
        "LSTM both ways": (
            lambda: Calls(lambda x, layer: layer(x)[0], layer=nn.LSTM(8, 5, 2, batch_first=True, bidirectional=True)),
            words,
        ),
        "LSTM projected": (
            lambda: Calls(lambda x, layer: layer(x)[0], layer=nn.LSTM(8, 5, 2, bias=False, proj_size=3)),
            words,
        ),
        "GRU": (lambda: Calls(lambda x, layer: layer(x)[0], layer=nn.GRU(8, 5, bias=False)), words),
        "RNN": (lambda: Calls(lambda x, layer: layer(x)[0], layer=nn.RNN(8, 5, 2)), words),
        "decoder layer": (lambda: Decoder(), words),
        "unused": (lambda: Calls(lambda x, a, b: (b(x), a(x))[1], a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(3, 4, 1)), image),
        "shared part of a shared part": (lambda: Deep(), (4, 8, 12)),
        "kept function": (lambda: nn.Sequential(Kept(), nn.Conv2d(3, 4, 1)), image),
        "named function": (lambda: nn.Sequential(Named(), nn.Conv2d(3, 4, 1)), image),
        "kept function or not": (lambda: nn.Sequential(Either(), nn.Conv2d(3, 4, 1)), image),
        "by keyword": (ByKeyword, words),
        "table": (lambda: Calls(lambda x, table: x + table(), table=Table()), words),
        "one image": (Alone, image),
        "tied": (Tied, words),
        "bare forward": (Bare, image),
        "LPPool2d": (lambda: nn.LPPool2d(2, 2), image),
        "transformer": (
            lambda: Calls(lambda x, whole: whole(x, x), whole=nn.Transformer(8, 2, 1, 1, 16, batch_first=True)),
            words,
        ),
        "interpolate by two scales": (lambda: Calls(lambda x: F.interpolate(x, scale_factor=(1.5, 2))), image),
        "interpolate by a rounded scale": (
            lambda: Calls(lambda x: F.interpolate(x, scale_factor=1.3, recompute_scale_factor=True)),
            image,
        ),
        "interpolate to one size": (lambda: Calls(lambda x: F.interpolate(x, size=9)), image),
        "interpolate by area": (lambda: Calls(lambda x: F.interpolate(x, size=4, mode="area")), image),
        "Upsample by two scales": (lambda: nn.Upsample(scale_factor=(1.3, 1.7), mode="bilinear"), image),
        "upsample": (Old, image),
        "in place": (
            lambda: nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(inplace=True), nn.Conv2d(4, 4, 1), nn.SiLU(inplace=True)),
            image,
        ),
        "methods in place": (
            lambda: Calls(lambda x, conv: conv(x).add_(x).mul_(2).relu_().add(1), conv=nn.Conv2d(3, 3, 1)),
            image,
        ),
        "indices": (lambda: Calls(lambda x, pool: pool(x)[0], pool=nn.MaxPool2d(2, return_indices=True)), image),
        "norms": (lambda: Calls(lambda x: F.instance_norm(x) + F.layer_norm(x, (12,)) + F.group_norm(x, 1)), image),
        "softmax of no dimension": (lambda: nn.Softmax(), words),
        "spectral norm": (lambda: nn.Sequential(nn.utils.spectral_norm(nn.Conv2d(3, 4, 3))), image),
        "pruned": (lambda: nn.Sequential(prune.l1_unstructured(nn.Conv2d(3, 4, 3), "weight", 0.5)), image),
        "bilinear": (lambda: Calls(lambda x, layer: layer(x, x), layer=nn.Bilinear(8, 8, 3)), words),
        "local response": (
            lambda: nn.Sequential(nn.LocalResponseNorm(3), Calls(lambda x: F.local_response_norm(x.flatten(2), 4))),
            image,
        ),
        "unfold": (lambda: nn.Unfold(3), image),
        **{name: (partial(Calls, partial(_each, take), **_beside()), image) for name, take in _PARTS.items()},
    }


_PARTS: dict[str, Callable[[torch.Tensor], tuple[torch.Tensor, ...]]] = {
    "parts of a chunk": lambda x: x.chunk(3, 1),
    "parts of a split": lambda x: x.split((1, 1, 1), 1),
}
"""A tensor as three that have no node before a layer reads them."""


def _beside() -> dict[str, nn.Module]:
    """Layers that tools count by what they are given."""
    return {"conv": nn.Conv2d(1, 4, 3, padding=1), "norm": nn.BatchNorm2d(1), "pool": nn.AvgPool2d(3, 1, 1)}


def _each(take: Callable[..., tuple[torch.Tensor, ...]], x: torch.Tensor, **layers: nn.Module) -> torch.Tensor:
    return torch.cat([layer(part) for part, layer in zip(take(x), layers.values(), strict=True)], 1)


MODELS = {**_convolutions(), **_layers(), **_networks()}
