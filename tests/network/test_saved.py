"""What training keeps for the gradients, against the tensors that torch's autograd saves."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from weakref import WeakSet

import pytest
import torch
from hypothesis import given
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.checkpoint import checkpoint

from convmath.errors import DomainError
from convmath.network import Graph, NetworkReport, from_onnx, from_torch
from convmath.network.operators import Activation, Conv, Dropout, Identity, Linear, Norm, Pool, Unknown

from ..models.classics import VGG16
from ..models.dense_prediction import TCN, Autoencoder, PatchGAN, UNet
from ..models.resnet import resnet
from .computing import Function
from .countable import MODELS as LAYERS
from .networks import networks

IMAGE = (4, 8, 10)
TOKENS = (6, 8)


@dataclass(eq=False)
class Held:
    """A tensor, as long as the graph of gradients holds it."""

    tensor: torch.Tensor


def kept(module: nn.Module, *inputs: torch.Tensor) -> int:
    """The bytes of the storages that autograd holds at the end, but for parameters and buffers."""
    own = {tensor.untyped_storage()._cdata for tensor in (*module.parameters(), *module.buffers())}
    held = WeakSet[Held]()

    def keep(tensor: torch.Tensor) -> Held:
        held.add(one := Held(tensor.detach()))  # without the way back to what saves it
        return one

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda one: one.tensor):
        result = module(*inputs)
    assert result is not None
    storages = {one.tensor.untyped_storage()._cdata: one.tensor.untyped_storage() for one in held}
    return sum(storage.nbytes() for key, storage in storages.items() if key not in own)


def read(module: nn.Module, size: tuple[int, ...], batch_size: int = 2) -> tuple[NetworkReport, torch.Tensor]:
    """The report, and an input for the module."""
    report = from_torch(module, size, batch_size=batch_size).analyze()
    dtype = report.rows[0].placement.dtype
    image = torch.rand(batch_size, *size)
    return report, image.to(getattr(torch, dtype)) if dtype else image


# Every layer


PARTLY = {
    *("vector by matrices", "bilinear", "weight norm", "spectral norm", "pruned", "by keyword", "local response"),
    *(name for name in LAYERS if name.startswith(("attention", "encoder", "decoder", "transformer"))),
    *(name for name in LAYERS if name.startswith(("LSTM", "GRU", "RNN"))),
}
"""Where it is not known what some node saves."""


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths", "ignore:Implicit dimension choice")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_of_every_kind_of_layer_torch_keeps_what_is_said(name, training):
    make, size = LAYERS[name]
    for batch_size in (1, 2):
        module = make().train(training)
        report, image = read(module, size, batch_size)
        saved = report.saved(training=training)
        if saved.status == "complete":
            assert saved.value == kept(module, image)
        else:
            assert saved.missing
            assert name in PARTLY or report.missing


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ResNet-18": (lambda: resnet(18), (3, 64, 64)),
    "ResNet-50": (lambda: resnet(50), (3, 64, 64)),
    "VGG-16": (lambda: VGG16(width=8, hidden=64, size=64), (3, 64, 64)),
    "U-Net": (lambda: UNet(width=8, depth=2), (1, 60, 60)),
    "autoencoder": (lambda: Autoencoder(width=8), (1, 28, 28)),
    "PatchGAN": (lambda: PatchGAN(width=8), (6, 70, 70)),
    "TCN": (lambda: TCN(width=6), (1, 40)),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MODELS)
def test_of_a_whole_model_torch_keeps_what_is_said(name, training):
    make, size = MODELS[name]
    module = make().train(training)
    report, image = read(module, size)
    saved = report.saved(training=training)
    assert (saved.value, saved.status) == (kept(module, image), "complete")
    assert saved.value != report.activation_bytes()


# Every operation


def attended(x: Any, query: Any, key: Any, value: Any) -> Any:
    """Attention in heads, written out."""
    batch, length, width = x.shape
    q, k, v = (layer(x).view(batch, length, 2, width // 2).transpose(1, 2) for layer in (query, key, value))
    weights = (q @ k.transpose(-2, -1) / 2.0).softmax(-1)
    return (weights @ v).transpose(1, 2).reshape(batch, length, width)


def fused(x: Any, query: Any, key: Any, value: Any) -> Any:
    """Attention in heads, in one function."""
    batch, length, width = x.shape
    q, k, v = (layer(x).view(batch, length, 2, width // 2).transpose(1, 2) for layer in (query, key, value))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, length, width)


def packed(x: Any, projection: Any, turn: bool) -> Any:
    """Attention in one function, of parts of one projection; between queries lie keys and values."""
    batch, length, width = x.shape
    if turn:
        parts = projection(x).view(batch, length, 3, 2, width // 2).permute(2, 0, 3, 1, 4).unbind(0)
    else:
        parts = [p.view(batch, length, 2, width // 2).transpose(1, 2) for p in projection(x).split(width, 2)]
    attended = F.scaled_dot_product_attention(*parts, is_causal=True)
    return F.gelu((attended if turn else attended.transpose(1, 2)).reshape(batch, length, width))


def laid_out(x: Any, query: Any, key: Any, value: Any) -> Any:
    """The same, its heads side by side before they are projected; their features lie so already."""
    batch, length, width = x.shape
    q, k, v = (layer(x).view(batch, length, 2, width // 2).transpose(1, 2) for layer in (query, key, value))
    return query(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).contiguous().reshape(batch, length, width))


def inverted_residual(x: Any, widen: Any, depthwise: Any, narrow: Any, *norms: Any) -> Any:
    """A bottleneck that is wide in the middle."""
    y = F.relu6(norms[0](widen(x)), inplace=True)
    y = F.relu6(norms[1](depthwise(y)), inplace=True)
    return x + norms[2](narrow(y))


def squeezed(x: Any, conv: Any, one: Any, two: Any) -> Any:
    """A branch that weighs the channels."""
    y = F.silu(conv(x))
    return y * two(F.silu(one(y.mean((2, 3), keepdim=True)))).sigmoid()


def conv() -> nn.Module:
    return nn.Conv2d(4, 4, 3, padding=1)


def dense() -> nn.Module:
    return nn.Linear(8, 8)


ONE: dict[str, Callable[..., Any]] = {
    **{name: getattr(F, name) for name in ("relu", "relu6", "leaky_relu", "elu", "selu", "celu", "gelu", "silu")},
    **{name: getattr(F, name) for name in ("mish", "softplus", "hardsigmoid", "hardswish", "hardtanh", "hardshrink")},
    **{name: getattr(torch, name) for name in ("sigmoid", "tanh", "exp", "sqrt", "rsqrt", "reciprocal", "abs")},
    **{name: getattr(torch, name) for name in ("neg", "floor", "sign", "square", "sin", "cos", "erf", "log")},
    **{
        f"{name} in place": partial(getattr(F, name), inplace=True)
        for name in ("relu", "relu6", "leaky_relu", "elu", "silu", "mish", "hardsigmoid", "hardswish", "hardtanh")
    },
    "sigmoid in place": lambda x: x.sigmoid_(),
    "twice": lambda x: 2 * x,
    "half": lambda x: x / 2,
    "a half in place": lambda x: x.mul_(0.5),
    "squared": lambda x: x * x,
    "a sum": lambda x: x + x.mean(),
    "a sum in place": lambda x: x.add_(x),
    "a product": lambda x: x * x.sigmoid(),
    "a product in place": lambda x: torch.exp(x).mul_(x),
    "a quotient": lambda x: x / x.exp(),
    "clamped": lambda x: x.clamp(0, 1),
    "clamped in place": lambda x: x.clamp_(0, 1),
    "the larger": lambda x: torch.maximum(x, x.flip(2)),
    "where": lambda x: torch.where(x > 0, x, x.exp()),
    "masked": lambda x: x.masked_fill(x > 0, 0.0),
    "joined": lambda x: torch.cat([x, x.exp()], 1),
    "softmax": lambda x: F.softmax(x, 1),
    "log_softmax": lambda x: F.log_softmax(x, 1),
    "max pool": lambda x: F.max_pool2d(x, 3, 2, 1),
    "average pool": lambda x: F.avg_pool2d(x, 2),
    "adaptive average": lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
    "global average": lambda x: F.adaptive_avg_pool2d(x, 1),
    "adaptive maximum": lambda x: F.adaptive_max_pool2d(x, 2),
    "mean": lambda x: x.mean((2, 3)),
    "maximum of channels": lambda x: x.amax(1),
    "maximum with places": lambda x: x.max(1).values,
    "maximum of all": lambda x: x * x.max(),
    "variance": lambda x: x.var(1),
    "deviation": lambda x: x.std(1),
    "logsumexp": lambda x: x.logsumexp(1),
    "sorted": lambda x: x.sort(1).values,
    "first": lambda x: x.topk(2, 1).values,
    "running sum": lambda x: x.cumsum(1),
    "running product": lambda x: x.cumprod(1),
    "flipped": lambda x: x.flip(2).exp(),
    "rolled": lambda x: x.roll(1, 2).exp(),
    "repeated": lambda x: x.repeat(1, 2, 1, 1).exp(),
    **{
        f"interpolate {mode}": lambda x, mode=mode: F.interpolate(x, scale_factor=2, mode=mode).exp()
        for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")
    },
    **{
        f"pad {mode}": lambda x, mode=mode: F.pad(x, (1, 2, 2, 1), mode=mode).exp()
        for mode in ("constant", "reflect", "replicate", "circular")
    },
    "cropped": lambda x: F.pad(x, (-1, -1, -1, -1)).exp(),
    "shuffled": lambda x: F.pixel_shuffle(x, 2).exp(),
    "unshuffled": lambda x: F.pixel_unshuffle(x, 2).exp(),
    "windows": lambda x: F.unfold(x, 2).exp(),
    "a part": lambda x: F.avg_pool2d(x[:, 1:3, ::2], 2),
    "parts": lambda x: F.gelu(x.chunk(2, 1)[1]),
    "turned": lambda x: F.gelu(x.permute(0, 2, 3, 1)),
    "turned and laid out": lambda x: F.gelu(x.permute(0, 2, 3, 1).contiguous()),
    "tokens": lambda x: F.gelu(x.flatten(2).transpose(1, 2).reshape(2, 80, 2, 2)),
    "a copy": lambda x: F.gelu(x.clone()),
    "another type": lambda x: F.gelu(x.double()),
    "a type of half the size": lambda x: F.avg_pool2d(x.bfloat16(), 2),
    "layer norm": lambda x: F.layer_norm(x, (10,)),
    "layer norm, channels last": lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (4,)),
    "group norm": lambda x: F.group_norm(x, 2),
    "group norm of a sequence, turned": lambda x: F.group_norm(x.flatten(2).transpose(1, 2), 2),
    "instance norm": lambda x: F.instance_norm(x),
    "root mean square": lambda x: F.rms_norm(x, (10,)),
    "detached": lambda x: x.exp() * x.exp().detach(),
    "without gradients": lambda x: (x > 0).float() * x,
    "a branch that nobody reads": lambda x: (x.exp(), F.gelu(x))[1],
    "matrices": lambda x: x @ x.transpose(2, 3),
    "matrices turned": lambda x: x.permute(0, 2, 1, 3) @ x.permute(0, 2, 3, 1),
    "one matrix for all": lambda x: x @ x[:, :1].transpose(2, 3),
}


@pytest.mark.parametrize("batch_size", [1, 2])
@pytest.mark.parametrize("name", ONE)
def test_of_every_operation_torch_keeps_what_is_said(name, batch_size):
    module = Function(lambda x, conv: ONE[name](conv(x)), conv())
    if name == "tokens" and batch_size == 1:
        return
    report, image = read(module, IMAGE, batch_size)
    assert (report.saved().value, report.saved().status) == (kept(module, image), "complete")


MANY: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "attention written out": (lambda: Function(attended, dense(), dense(), dense()), TOKENS),
    "attention in one function": (lambda: Function(fused, dense(), dense(), dense()), TOKENS),
    "attention in one function, laid out": (lambda: Function(laid_out, dense(), dense(), dense()), TOKENS),
    **{
        f"attention in one function, of {name}": (
            lambda turn=turn: Function(partial(packed, turn=turn), nn.Linear(8, 24)),
            TOKENS,
        )
        for name, turn in (("a split", False), ("a permuted projection, its heads not put back", True))
    },
    "dense layers on what is turned": (
        lambda: Function(lambda x, one: one(x.transpose(1, 2)), nn.Linear(6, 3)),
        TOKENS,
    ),
    "dense layers on heads": (
        lambda: Function(lambda x, one: one(x.unflatten(2, (2, 4)).transpose(1, 2)), nn.Linear(4, 3)),
        TOKENS,
    ),
    "layer norm and turned": (
        lambda: Function(lambda x, norm, one: one(F.gelu(norm(x).transpose(1, 2))), nn.LayerNorm(8), nn.Linear(6, 3)),
        TOKENS,
    ),
    "inverted residual": (
        lambda: Function(
            inverted_residual,
            *(nn.Conv2d(4, 12, 1, bias=False), nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False)),
            *(nn.Conv2d(12, 4, 1, bias=False), nn.BatchNorm2d(12), nn.BatchNorm2d(12), nn.BatchNorm2d(4)),
        ),
        IMAGE,
    ),
    "squeezed": (lambda: Function(squeezed, conv(), nn.Conv2d(4, 2, 1), nn.Conv2d(2, 4, 1)), IMAGE),
    "padded at one end": (lambda: nn.Sequential(conv(), nn.Conv2d(4, 4, (4, 3), padding="same")), IMAGE),
    "one memory": (lambda: Function(lambda x, one: one(x) + one(F.relu(x)) + one(x.view(-1, 4, 8, 10)), conv()), IMAGE),
    "local response norm": (
        lambda: nn.Sequential(nn.LocalResponseNorm(3), conv(), nn.ReLU(), nn.LocalResponseNorm(4), conv()),
        IMAGE,
    ),
    "rms norm": (lambda: nn.Sequential(nn.RMSNorm(8), nn.Linear(8, 8), nn.RMSNorm(8)), TOKENS),
    "prelu": (lambda: nn.Sequential(nn.PReLU(4), conv(), nn.PReLU()), IMAGE),
    "instance norm": (lambda: nn.Sequential(conv(), nn.InstanceNorm2d(4, affine=True)), IMAGE),
    "instance norm by running statistics": (
        lambda: nn.Sequential(conv(), nn.InstanceNorm2d(4, affine=True, track_running_stats=True)),
        IMAGE,
    ),
    "batch norm without statistics": (
        lambda: nn.Sequential(conv(), nn.BatchNorm2d(4, track_running_stats=False)),
        IMAGE,
    ),
    "dropout": (lambda: nn.Sequential(conv(), nn.Dropout(0.3), conv(), nn.Dropout2d(), conv(), nn.Dropout(0.0)), IMAGE),
    "dropout in place": (lambda: nn.Sequential(conv(), nn.ReLU(), conv(), nn.Dropout(inplace=True), conv()), IMAGE),
    "dropout of the image": (lambda: nn.Sequential(nn.Dropout(), conv()), IMAGE),
    "alpha dropout": (lambda: nn.Sequential(conv(), nn.AlphaDropout(), conv(), nn.FeatureAlphaDropout()), IMAGE),
}


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", MANY)
def test_of_several_layers_torch_keeps_what_is_said(name, training):
    make, size = MANY[name]
    for batch_size in (1, 2):
        module = make().train(training)
        report, image = read(module, size, batch_size)
        saved = report.saved(training=training)
        assert (saved.value, saved.status) == (kept(module, image), "complete")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("family", ["ResNet", "MobileNetV2", "ConvNextV2", "PoolFormer", "ViT"])
def test_of_a_model_of_transformers_torch_keeps_what_is_said(family, training):
    pytest.importorskip("transformers")
    from .test_transformers import WHOLE, model_of

    options = WHOLE.get(family, {"num_hidden_layers": 2, "image_size": 64})
    module = model_of(family, options, device="cpu").train(training)
    report, image = read(module, (3, 64, 64))
    saved = report.saved(training=training)
    assert (saved.value, saved.status) == (kept(module, image), "complete")


@pytest.mark.parametrize("what", ["all of the first", "the weights of the second", "the biases", "everything", "norm"])
def test_of_layers_that_training_leaves_as_they_are_torch_keeps_what_is_said(what):
    module = nn.Sequential(conv(), nn.ReLU(), conv(), nn.BatchNorm2d(4), nn.Flatten(2), nn.Linear(80, 3))
    module[0].requires_grad_(what not in ("all of the first", "everything"))
    module[2].weight.requires_grad_(what not in ("the weights of the second", "everything"))
    module[3].requires_grad_(what not in ("norm", "everything"))
    module[5].requires_grad_(what != "everything")
    for part in (module[0], module[2]) if what in ("the biases", "everything") else ():
        part.bias.requires_grad_(False)
    report, image = read(module, IMAGE)
    assert (report.saved().value, report.saved().status) == (kept(module, image), "complete")
    assert (report.saved_bytes() == 0) == (what == "everything")


@given(networks(axes=2, head=True))
def test_of_random_networks_torch_keeps_what_is_said(network):
    module = network.module().float()
    report = from_torch(module, network.sizes["input"][1:], batch_size=network.sizes["input"][0]).analyze()
    saved = report.saved(training=module.training)
    assert (saved.value, saved.status) == (kept(module, torch.rand(network.sizes["input"])), "complete")


TYPED: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "convolutions": (
        lambda: nn.Sequential(conv(), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(), nn.Linear(5, 2)),
        IMAGE,
    ),
    "norms": (lambda: nn.Sequential(conv(), nn.GroupNorm(2, 4), nn.LayerNorm(10), nn.InstanceNorm2d(4)), IMAGE),
    "rms_norm": (
        lambda: nn.Sequential(dense(), nn.RMSNorm(8), dense(), nn.RMSNorm(8, elementwise_affine=False)),
        TOKENS,
    ),
    "rms_norm first": (lambda: nn.RMSNorm(8), TOKENS),
    "attention": (lambda: Function(fused, dense(), dense(), dense()), TOKENS),
    "another type between": (
        lambda: Function(lambda x, conv, drop: drop(F.silu(conv(x)).double().softmax(1)).float(), conv(), nn.Dropout()),
        IMAGE,
    ),
}


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", TYPED)
def test_the_bytes_are_those_of_the_type_of_the_module(name, dtype):
    """But for places, sums of halves, and what is cast."""
    make, size = TYPED[name]
    module = make().to(dtype)
    report, image = read(module, size)
    saved = report.saved()
    assert (report.dtype, saved.status) == (str(dtype).removeprefix("torch."), "complete")
    assert saved.value == kept(module, image.to(dtype))
    if name == "convolutions":
        assert from_torch(make(), size, batch_size=2).analyze().saved_bytes(dtype) == saved.value


# What is said where it is not known


def test_what_is_saved_of_recurrent_layers_is_said_not_to_be_known():
    report, _ = read(nn.LSTM(8, 6, batch_first=True), TOKENS)
    (name,) = report.saved().missing
    assert (report.saved().status, report.saved_tensors(name).nbytes()) == ("partial", None)
    assert "oneDNN or cuDNN" in report.saved_tensors(name).unknown


NOT_KNOWN: dict[str, Callable[[Any], Any]] = {
    "one by the elements": lambda x: 1 / x,
    "a power": lambda x: x**2,
    "a power of a number": lambda x: 2**x,
    "random choices": lambda x: F.gumbel_softmax(x),
    "a gate": lambda x: F.glu(x, 1),
    "a length": lambda x: F.normalize(x),
    "laid out as is not known": lambda x: F.gelu(F.interpolate(x.transpose(2, 3), scale_factor=2).reshape(2, -1)),
    "attention with a mask": lambda x: (
        F.scaled_dot_product_attention(x, x, x, is_causal=True, attn_mask=None)
        + F.scaled_dot_product_attention(x, x, x, attn_mask=x.detach()[:, :, :, :8] > 0)
    ),
    "attention without heads": lambda x: F.scaled_dot_product_attention(*[x.flatten(2)] * 3),
    "attention with dropout": lambda x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.5),
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_what_torch_composes_of_several_functions_is_never_guessed(name):
    report, _ = read(Function(lambda x, conv: NOT_KNOWN[name](conv(x)), conv()), IMAGE)
    assert report.saved().status == "partial"
    assert all(report.saved_tensors(missing).unknown for missing in report.saved().missing)


@pytest.mark.parametrize("trained", [True, False])
def test_of_a_part_of_weights_torch_keeps_what_is_said(trained):
    layer = nn.Conv2d(4, 8, 3).requires_grad_(trained)
    module = Function(lambda x, layer: F.conv2d(x, layer.weight.chunk(2)[0]), layer)
    report, image = read(module, IMAGE)
    assert (report.saved().value, report.saved().status) == (kept(module, image), "complete")
    assert (report.saved_bytes() > 0) == trained


@pytest.mark.parametrize("trained", [True, False])
def test_weights_that_are_computed_for_what_no_gradient_goes_through_are_not_kept(trained):
    def forward(x: Any, layer: Any, last: Any) -> Any:
        found = F.conv2d(x, layer.weight.exp())
        return last(x) + (found if trained else found.detach())

    report, image = read(module := Function(forward, nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)), IMAGE)
    saved = report.saved()
    assert saved.status == ("partial" if trained else "complete")
    assert trained or saved.value == kept(module, image)


RETURNED: dict[str, Callable[[Any, Any], Any]] = {
    "as it is": lambda x, conv: conv(F.gelu(conv(x))),
    "detached": lambda x, conv: conv(F.gelu(conv(x))).detach(),
    "as integers": lambda x, conv: conv(F.gelu(conv(x))).long(),
    "one of two detached": lambda x, conv: (conv(y := conv(x)), F.gelu(y).detach()),
    "learned from there on": lambda x, conv: F.gelu(conv(x).detach().requires_grad_()),
}


@pytest.mark.parametrize("name", RETURNED)
def test_for_what_is_returned_detached_torch_keeps_what_is_said(name):
    report, image = read(module := Function(RETURNED[name], conv()), IMAGE)
    assert (report.saved().value, report.saved().status) == (kept(module, image), "complete")
    assert (report.saved_bytes() == 0) == (name in ("detached", "as integers"))


class Clamped(torch.autograd.Function):
    """What lies between 0 and 1, with the gradient of the same."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x.sign())
        return x.clamp(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient


def test_what_a_function_with_gradients_of_its_own_saves_is_never_guessed():
    report, image = read(module := Function(lambda x, conv: conv(Clamped.apply(conv(x))), conv()), IMAGE)
    saved = report.saved()
    assert (saved.status, saved.missing) == ("partial", ("clamp",))
    assert saved.value < kept(module, image)
    assert all("Clamped" in report.saved_tensors(name).unknown for name in saved.missing)
    report, image = read(module := Function(lambda x, conv: conv(Clamped.apply(x)), conv()), IMAGE)
    assert (report.saved().value, report.saved().status) == (kept(module, image), "complete")


def test_what_a_checkpoint_leaves_out_is_not_seen_whichever_way_it_goes():
    values = []
    for reentrant in (True, False):
        run = partial(checkpoint, use_reentrant=reentrant)
        report, _ = read(Function(lambda x, one, run=run: one(run(lambda y: F.gelu(one(y)), one(x))), conv()), IMAGE)
        values.append(report.saved())
    report, image = read(plain := Function(lambda x, one: one(F.gelu(one(one(x)))), conv()), IMAGE)
    assert values == [report.saved()] * 2
    assert (values[0].value, values[0].status) == (kept(plain, image), "complete")


def test_a_copy_of_weights_is_not_said_to_be_the_weights():
    layer = nn.Conv2d(4, 8, 3)
    report, _ = read(Function(lambda x, layer: F.conv2d(x, layer.weight.clone()), layer), IMAGE)
    assert report.saved().status == "partial"


def test_weights_that_are_looked_at_first_are_there_anyhow_and_what_is_computed_of_them_is_not():
    looks = {
        "complete": (lambda x, layer: (layer.weight.norm(), layer(x)), lambda x, layer: layer(x) * layer.weight.norm()),
        "partial": (lambda x, layer: F.conv2d(x, layer.weight / layer.weight.norm()),),
    }
    for status, forwards in looks.items():
        for forward in forwards:
            report, image = read(module := Function(forward, nn.Conv2d(4, 8, 3)), IMAGE)
            assert report.saved().status == status
            assert (report.saved().value == kept(module, image)) == (status == "complete")


def test_weights_that_are_computed_are_never_guessed():
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.rand(3, 4, 1, 1))

        def forward(self, x: Any) -> Any:
            return F.conv2d(x, self.weight * self.weight.exp())

    for module in (Scaled(), nn.utils.parametrizations.weight_norm(conv())):
        assert from_torch(module, IMAGE).analyze().saved().status != "complete"


def test_what_is_not_understood_is_missing_where_a_gradient_goes_through_it_and_only_there():
    def status(*before: Conv) -> str:
        graph = Graph()
        name = graph.input((3, 4, 4))
        for number, operator in enumerate(before):
            name = graph.add(f"conv{number}", operator, name)
        graph.add("odd", Unknown("odd", "it is odd", (1, 3, 4, 4), 0), name)
        return graph.analyze().saved().status

    assert (status(), status(Conv(3, 3, (1, 1)))) == ("complete", "partial")


# By hand


def by_hand(*operators: Any, size: tuple[int, ...] = IMAGE) -> NetworkReport:
    graph = Graph()
    name = graph.input(size, batch_size=2)
    for number, operator in enumerate(operators):
        name = graph.add(f"layer{number}", operator, name)
    return graph.analyze()


def test_dropout_that_never_drops_keeps_nothing_and_one_that_is_read_in_evaluation_drops_in_training():
    def forward(x: Any, conv: Any, *, training: bool) -> Any:
        return F.dropout(conv(x), 0.5, training).exp()

    never = Function(partial(forward, training=False), conv())
    report, image = read(never, IMAGE)
    assert report.saved_bytes() == kept(never, image)
    report, image = read(nn.Sequential(conv(), nn.Dropout(), conv()).eval(), IMAGE)
    assert report.saved_bytes() == kept(nn.Sequential(conv(), nn.Dropout(), conv()), image)


class Cast(nn.Module):
    """A dense layer of what another one gives within ``torch.autocast``, or before it."""

    def __init__(self, cast: str) -> None:
        super().__init__()
        self.first, self.cast = nn.Linear(8, 8), cast

    def forward(self, x: Any) -> Any:
        x = self.first(x)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.cast != "off"):
            cast = self.first(x.detach() if self.cast == "detached" else x)
        return cast.float().exp()


@pytest.mark.parametrize("cast", ["off", "on", "detached"])
def test_what_torch_casts_by_itself_is_not_said_to_be_known(cast):
    report, image = read(Cast(cast), TOKENS)
    saved = report.saved()
    if cast == "off":
        assert (saved.value, saved.status) == (kept(Cast(cast), image), "complete")
    else:
        assert (saved.status, "first" in saved.missing) == ("partial", False)
        assert all("torch.autocast" in report.saved_tensors(name).unknown for name in saved.missing)
        assert set(saved.missing) >= {"first_1", "exp"}


class Attending(nn.Module):
    """A dense layer, and a function of it that may go by the mode of the module."""

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.dense, self.function = nn.Linear(8, 8), function

    def forward(self, x: Any) -> Any:
        return self.function(self, self.dense(x).unflatten(2, (2, 4)).transpose(1, 2)) * 2


class Kind(nn.Dropout):
    """Dropout of a class of its own."""


def helped(x: Any, *, training: bool) -> Any:
    return F.dropout(x, 0.5, training)


DROPPING: dict[str, tuple[Callable[[Any, Any], Any], bool]] = {
    "a function": (lambda m, x: F.dropout(x, 0.3).exp(), True),
    "a function that is told so": (lambda m, x: F.dropout2d(x, 0.3, True).exp(), True),
    "a function by the mode": (lambda m, x: F.dropout(x, 0.3, m.training).exp(), False),
    "a function by a helper": (lambda m, x: helped(x, training=m.training).exp(), False),
    "a function that never drops": (lambda m, x: F.dropout(x, 0.3, False).exp(), False),
    "all of it": (lambda m, x: F.dropout(x, 1.0).exp(), True),
    "a module": (lambda m, x: Kind(0.3).train(m.training)(x).exp(), False),
    "attention": (lambda m, x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.1), True),
    "attention by the mode": (
        lambda m, x: F.scaled_dot_product_attention(x, x, x, dropout_p=0.1 if m.training else 0.0),
        False,
    ),
}


@pytest.mark.parametrize("reading", [True, False])
@pytest.mark.parametrize("name", DROPPING)
def test_a_function_that_is_told_to_drop_does_so_in_evaluation_too(name, reading):
    function, always = DROPPING[name]
    report = from_torch(Attending(function).train(reading), TOKENS, batch_size=2).analyze()
    module = Attending(function).eval()
    saved = report.saved(training=False)
    if name == "attention":
        assert saved.status == "partial"
    else:
        assert (saved.value, saved.status) == (kept(module, torch.rand(2, *TOKENS)), "complete")
    assert any(row.origin.drops for row in report if row.origin) == always


@pytest.mark.parametrize("training", ["no", 1, None, []])
def test_whether_it_trains_is_true_or_false(training):
    report = by_hand(Conv(4, 4, (3, 3)), Norm("batch_norm", 8), Activation("gelu"))
    for ask in (report.saved_bytes, report.saved, lambda training: report.saved_tensors("layer0", training=training)):
        with pytest.raises(DomainError, match=f"training={re.escape(repr(training))}: needs True or False"):
            ask(training=training)
    assert report.saved_bytes(training=True) > report.saved_bytes(training=False)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_of_a_module_in_another_type_torch_keeps_what_is_said_of_that_type_and_not_of_float32(dtype):
    module = nn.Sequential(conv(), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), conv()).to(getattr(torch, dtype))
    report = from_torch(module, IMAGE, batch_size=2).analyze()
    held = kept(module, torch.rand(2, *IMAGE, dtype=getattr(torch, dtype)))
    assert report.saved_bytes() == report.saved_bytes(dtype) == held != report.saved_bytes("float32")
    assert sum(report.saved_tensors(row.name).nbytes() for row in report) == held


def test_the_rate_of_dropout_is_an_attribute_or_an_input_in_onnx():
    onnx = pytest.importorskip("onnx")
    import numpy as np

    from .onnx_models import one_node

    for opset, rates, options in ((7, (), {"ratio": 0.25}), (13, (np.float32(0.25),), {})):
        graph = from_onnx(one_node("Dropout", (2, 3, 4), *rates, opset=opset, **options))
        assert [node.operator for node in graph][1:] == [Dropout(0.25)], onnx.__version__
    assert [node.operator for node in from_onnx(one_node("Dropout", (2, 3), opset=13))][1:] == [Dropout(0.5)]


def test_a_network_by_hand_keeps_what_torchs_modules_of_its_kind_do():
    report = by_hand(Conv(4, 4, (3, 3), padding=1), Norm("batch_norm", 8), Activation("gelu"), Pool("max", (2, 2)))
    module = nn.Sequential(conv(), nn.BatchNorm2d(4), nn.GELU(), nn.MaxPool2d(2))
    assert report.saved_bytes() == kept(module, torch.rand(2, *IMAGE))
    assert report.saved_bytes(training=False) == kept(module.eval(), torch.rand(2, *IMAGE))
    assert [[one.what for one in report.saved_tensors(row.name).tensors] for row in report] == [
        *(["output"], ["output"], ["output", "statistics"], ["output"], ["indices"]),
    ]


def test_dropout_by_hand_drops_what_it_says():
    layers = (Linear(8, 8), Dropout(0.3), Linear(8, 8), Dropout(0), Linear(8, 2))
    modules = nn.Sequential(*(nn.Linear(8, 8), nn.Dropout(0.3), nn.Linear(8, 8), nn.Dropout(0.0), nn.Linear(8, 2)))
    assert by_hand(*layers, size=TOKENS).saved_bytes() == kept(modules, torch.rand(2, *TOKENS))
    unsaid = by_hand(Linear(8, 8), Identity("dropout"), size=TOKENS)
    assert "rate" in unsaid.saved_tensors("layer1").unknown
    for rate in (1.5, -1, "half", True):
        with pytest.raises(DomainError, match=r"p=.*needs a number from 0 to 1"):
            Dropout(rate)


def test_a_padding_that_torchs_convolutions_have_not_is_not_guessed():
    assert by_hand(Conv(4, 4, (3, 3), padding=((0, 1), (0, 1)))).saved().missing == ("layer0",)
    assert by_hand(Conv(4, 4, (3, 3), padding=((1, 1), (1, 1)))).saved().missing == ()


def test_another_dtype_and_name_are_refused():
    report = by_hand(Linear(8, 8), size=TOKENS)
    with pytest.raises(DomainError, match="int9"):
        report.saved_bytes("int9")
    with pytest.raises(DomainError, match="layer9"):
        report.saved_tensors("layer9")


def test_the_sum_of_all_results_is_caught_above_and_below():
    """Recurrent sums keep nothing of what they add, and a product keeps both of its factors."""
    sums, _ = read(Function(lambda x, conv: ((conv(x) + 1) + 2) + 3, conv()), IMAGE)
    gelus, _ = read(Function(lambda x, conv: F.silu(F.max_pool2d(conv(x), 2, 1), inplace=True), conv()), IMAGE)
    assert sums.saved_bytes() < sums.activation_bytes()
    assert gelus.saved_bytes() > gelus.activation_bytes()


def test_what_is_kept_without_training_is_less():
    module = nn.Sequential(conv(), nn.BatchNorm2d(4), nn.Dropout(), conv())
    report, image = read(module, IMAGE)
    assert report.saved_bytes(training=False) == kept(module.eval(), image) < report.saved_bytes()


@pytest.mark.parametrize("last", [1, 2])
def test_attention_of_what_lies_with_gaps_is_not_said_to_be_fused(last):
    """Torch takes it another way, and keeps other tensors."""

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.projection = nn.Linear(16, 3 * 16)

        def forward(self, x):
            q, k, v = self.projection(x).view(-1, 9, 3, 1, 16)[..., ::last].permute(2, 0, 3, 1, 4).unbind(0)
            return F.scaled_dot_product_attention(q, k, v)

    assert from_torch(Attention(), (9, 16), batch_size=2).analyze().saved().status == ("complete", "partial")[last - 1]
