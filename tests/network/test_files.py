"""Networks from TOML and YAML files: what the files say, and what is said of files that are wrong."""

from __future__ import annotations

from fractions import Fraction
from inspect import Parameter, signature
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sympy import Symbol
from torch import nn
from torch.nn import functional as F  # noqa: N812

from convmath.errors import ConvmathError, DomainError, UnsupportedError
from convmath.network import Graph, Node, from_torch, read, write
from convmath.network.files.layers import JOINS, LAYERS, SEVERAL
from convmath.network.files.reading import described
from convmath.network.files.writing import description
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Input,
    Interpolate,
    Linear,
    Norm,
    Pad,
    Pool,
    Resize,
)
from convmath.network.placement import Placement
from convmath.network.symbolic import resized as resized_to

from ..models.classics import LeNet
from ..models.dense_prediction import Autoencoder, UNet
from ..models.resnet import resnet
from .computing import Function

LENET = Path(__file__).with_name("lenet.toml")

UNET = """
inputs: {image: [1, 16, 16]}
layers:
  - {op: conv, name: down, out_channels: 4, kernel_size: 3, stride: 2, padding: 1}
  - {op: batch_norm, name: norm}
  - {op: relu}
  - {op: conv_transpose, name: up, out_channels: 4, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}
  - {op: resize, name: wide, inputs: norm, scale_factor: 2, mode: bilinear}
  - {op: concat, name: joined, inputs: [up, wide, image]}
outputs: [joined]
"""


def written(folder: Path, text: str, name: str = "net.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_a_toml_file_says_a_whole_network():
    report = read(LENET).analyze()
    images = {name: report[name].output_size for name in ("c1", "s2", "c3", "s4")}
    assert images == {"c1": (6, 28, 28), "s2": (6, 14, 14), "c3": (16, 10, 10), "s4": (16, 5, 5)}
    assert [report[name].output_size for name in ("f5", "f6", "output")] == [(120,), (84,), (10,)]
    assert report.params == (5 * 5 + 1) * 6 + (5 * 5 * 6 + 1) * 16 + (400 + 1) * 120 + (120 + 1) * 84 + (84 + 1) * 10
    assert report["s4"].receptive_field.size == (16, 16)


def test_a_yaml_file_says_branches_inputs_and_outputs(tmp_path):
    net = read(written(tmp_path, UNET, "net.yaml"))
    assert net.inputs == ("image",)
    assert net.outputs == ("joined",)
    assert net.analyze().output.output_size == (9, 16, 16)
    assert [type(net[name].operator) for name in ("down", "norm", "up", "wide", "joined")] == [
        Conv, Norm, ConvTranspose, Resize, Concat,
    ]  # fmt: skip


def by_hand() -> Graph:
    net = Graph()
    image = net.input((3, 9, 9))
    one = net.add("one", Conv(3, 4, (3, 3), 1, "same"), image)
    two = net.add("two", Pool("max", (3, 3), 1, 1), one)
    total = net.add("total", Combine("add"), one, two)
    wide = net.add("wide", Pad(((0, 0), (0, 0), (1, 2), (3, 3)), "reflect"), total)
    pooled = net.add("pooled", AdaptivePool("avg", (1, 1)), wide)
    net.add("dense", Linear(1, 5), pooled)
    return net


def test_a_description_is_the_graph_that_one_would_build_by_hand():
    layers = [
        {"op": "conv", "name": "one", "out_channels": 4, "kernel_size": 3, "stride": 1, "padding": "same"},
        {"op": "max_pool", "name": "two", "kernel_size": [3, 3], "stride": 1, "padding": 1},
        {"op": "add", "name": "total", "inputs": ["one", "two"]},
        {"op": "pad", "name": "wide", "amounts": [[1, 2], 3], "mode": "reflect"},
        {"op": "adaptive_avg_pool", "name": "pooled"},
        {"op": "linear", "name": "dense", "out_features": 5},
    ]
    assert list(described({"input": [3, 9, 9], "layers": layers})) == list(by_hand())
    layers[1]["stride"] = 2
    layers.pop(2)
    assert list(described({"input": [3, 9, 9], "layers": layers})) != list(by_hand())


REDUCTIONS = ("mean", "sum", "prod", "amax", "amin", "var", "std", "norm", "logsumexp")

OPTIONS: dict[str, dict[str, Any]] = {
    "conv": {"out_channels": 2, "kernel_size": 3},
    "conv_transpose": {"out_channels": 2, "kernel_size": 3},
    "max_pool": {"kernel_size": 2},
    "avg_pool": {"kernel_size": 2},
    "lp_pool": {"kernel_size": 2, "ceil_mode": True},
    **{op: {"dim": [2, -1]} for op in REDUCTIONS},
    "sum": {"dim": 1, "keepdim": True},
    "slice": {"dim": -1, "start": -3},
    "flip": {"dims": -1},
    "repeat": {"repeats": [1, 2, 1, 3]},
    "einsum": {"equation": "nchw->nhw"},
    "embedding": {"num_embeddings": 10, "embedding_dim": 3},
    "lstm": {"hidden_size": 3, "num_layers": 2, "bidirectional": True},
    "gru": {"hidden_size": 3},
    "rnn": {"hidden_size": 3, "bias": False},
    "topk": {"k": 2},
    "parameter": {"shape": [1, 4, 8]},
    "multi_head_attention": {"num_heads": 2, "dropout": 0.1},
    "linear": {"out_features": 3},
    "reshape": {"shape": [2, -1]},
    "squeeze": {"dim": 0},
    "unsqueeze": {"dim": -1},
    "expand": {"size": [2, -1, 4, -1, 8]},
    "permute": {"dims": [0, 2, 3, -3]},
    "pad": {"amounts": 1},
    "resize": {"scale_factor": 1.5, "mode": "bilinear", "align_corners": True},
    "flatten": {"start_dim": 2},
    "instance_norm": {"affine": True},
    "local_response_norm": {"size": 3},
    "layer_norm": {"elementwise_affine": False},
    "dropout": {"p": 0.1},
    "feature_dropout": {"p": 0},
    "attention": {"num_heads": 2, "dropout_p": 0.5, "is_causal": True},
    "unfold": {"kernel_size": 3, "dilation": 2},
    "fold": {"output_size": 8, "kernel_size": [2, 1], "padding": [[1, 0], 0]},
    "pixel_shuffle": {"upscale_factor": 2},
    "pixel_unshuffle": {"downscale_factor": 2},
}


TORCH: dict[str, Any] = {
    "conv": nn.Conv2d,
    "conv_transpose": nn.ConvTranspose2d,
    "max_pool": nn.MaxPool2d,
    "avg_pool": nn.AvgPool2d,
    "lp_pool": nn.LPPool2d,
    "adaptive_max_pool": nn.AdaptiveMaxPool2d,
    "adaptive_avg_pool": nn.AdaptiveAvgPool2d,
    "linear": nn.Linear,
    "batch_norm": nn.BatchNorm2d,
    "instance_norm": nn.InstanceNorm2d,
    "layer_norm": nn.LayerNorm,
    "rms_norm": nn.RMSNorm,
    "group_norm": nn.GroupNorm,
    "local_response_norm": nn.LocalResponseNorm,
    "prelu": nn.PReLU,
    "softmax": nn.Softmax,
    "dropout": nn.Dropout,
    "feature_dropout": nn.Dropout2d,
    "embedding": nn.Embedding,
    "flatten": nn.Flatten,
    "resize": F.interpolate,
    "unfold": nn.Unfold,
    "fold": nn.Fold,
    "pixel_shuffle": nn.PixelShuffle,
    "pixel_unshuffle": nn.PixelUnshuffle,
    "multi_head_attention": nn.MultiheadAttention,
    **dict.fromkeys(("lstm", "gru", "rnn"), nn.RNNBase),
}
"""What has the same options in Python; of the others torch shows the schema of its operator."""

SCHEMAS = {
    **{op: op for op in ("amax", "amin", "logsumexp")},
    **{op: f"{op}.dim" for op in ("mean", "var", "std")},
    "sum": "sum.dim_IntList",
    "prod": "prod.dim_int",
    "norm": "norm.ScalarOpt_dim",
    "attention": "scaled_dot_product_attention",
    "concat": "cat",
    "squeeze": "squeeze.dims",
    **{
        op: op
        for op in (
            "unsqueeze",
            "expand",
            "cumsum",
            "cumprod",
            "sort",
            "topk",
            "flip",
            "repeat",
            "permute",
            "reshape",
            "einsum",
        )
    },
}
OWN = {("cumsum", "reverse"), ("cumprod", "reverse"), ("attention", "num_heads"), ("slice", "stop")}
ALONG_CHANNELS = {("softmax", "dim"), ("concat", "dim"), ("cumsum", "dim"), ("cumprod", "dim")}
OF_TWO = {("lp_pool", "norm_type")}
TO_ONE = {("adaptive_max_pool", "output_size"), ("adaptive_avg_pool", "output_size"), ("group_norm", "num_groups")}


def torchs(op: str) -> dict[str, Any]:
    """The options of torch's own, with their defaults."""
    if op in TORCH:
        return {name: one.default for name, one in signature(TORCH[op]).parameters.items()}
    (schema,) = [one for one in torch._C._jit_get_all_schemas() if str(one).startswith(f"aten::{SCHEMAS[op]}(")]
    return {one.name: one.default_value if one.has_default_value() else Parameter.empty for one in schema.arguments}


@pytest.mark.parametrize("op", [*TORCH, *SCHEMAS])
def test_options_are_called_as_in_torch_and_have_its_defaults(op):
    known = torchs(op)
    for name, one in signature({**LAYERS, **SEVERAL}[op]).parameters.items():
        if one.kind is not Parameter.KEYWORD_ONLY or (op, name) in OWN:
            continue
        assert name in known, (op, name)
        if (op, name) not in ALONG_CHANNELS | TO_ONE | OF_TWO and one.default is not Parameter.empty:
            assert (one.default or None) == (known[name] or None), (op, name)  # torch has None for False now and then


def test_every_layer_with_options_is_compared_with_torchs_or_has_none_there():
    every = {op: signature(make).parameters.values() for op, make in {**LAYERS, **SEVERAL}.items()}
    with_options = {op for op, found in every.items() if any(one.kind is Parameter.KEYWORD_ONLY for one in found)}
    assert with_options - set(TORCH) - set(SCHEMAS) == {"slice", "pad", "parameter"}


SIZES = {**dict.fromkeys(("lstm", "gru", "rnn", "multi_head_attention"), (5, 8)), "fold": (8, 64)}
"""Of the inputs of layers that take no images."""

READ = {**dict.fromkeys(JOINS, 2), "attention": 3}
"""How many inputs layers need that take more than one."""


def alone(op: str) -> dict[str, Any]:
    """A network of one layer."""
    layer = {"op": op, **OPTIONS.get(op, {}), **({"inputs": ["input"] * READ[op]} if op in READ else {})}
    return {"input": [*SIZES.get(op, (4, 8, 8))], "layers": [layer]}


@pytest.mark.parametrize("op", [*LAYERS, *SEVERAL])
def test_every_layer_can_be_named(op):
    report = described(alone(op)).analyze()
    assert report.status == "complete"
    assert report.output.name == f"{op}1"


def effective(net: Graph) -> dict[str, Any]:
    """What is written of nodes, in any order: each with the parameters that it has."""
    return {
        one.name: (one.operator, one.inputs, one.operator.params if one.params is None else one.params) for one in net
    }


@pytest.mark.parametrize("suffix", [".toml", ".yaml"])
@pytest.mark.parametrize("op", [*LAYERS, *SEVERAL])
def test_every_layer_is_read_again_as_it_was_written(tmp_path, op, suffix):
    net = described(alone(op))
    write(net, tmp_path / f"net{suffix}")
    again = read(tmp_path / f"net{suffix}")
    assert (effective(again), again.outputs) == (effective(net), net.outputs)


@pytest.mark.parametrize(
    ("module", "size"),
    [(UNet, (1, 572, 572)), (Autoencoder, (1, 28, 28)), (LeNet, (1, 32, 32)), (lambda: resnet(18), (3, 64, 64))],
)
def test_a_network_from_torch_is_read_again_from_the_file_that_it_was_written_to(tmp_path, module, size):
    net = from_torch(module(), size, batch_size=2)
    write(net, tmp_path / "net.toml")
    again, report = read(tmp_path / "net.toml").analyze(), net.analyze()
    assert [(row.name, row.sizes, row.fields, row.macs, row.params) for row in again] == [
        (row.name, row.sizes, row.fields, row.macs, row.params) for row in report
    ]


CHOSEN = {
    "index": lambda x: x[:, 0],
    "select": lambda x: x.select(-1, 2),
    "token": lambda x: x.flatten(2).transpose(1, 2)[:, 0],
    "squeeze": lambda x: x.mean(2, keepdim=True).squeeze(2),
    "squeeze all": lambda x: x.mean((2, 3), keepdim=True).squeeze(),
    "unsqueeze": lambda x: x[:, None] + x.unsqueeze(1),
    "expand": lambda x: x[:, :1].expand(-1, 3, -1, -1),
    "view": lambda x: x.view(x.size(0), -1),
    "image": lambda x: x[0],
}


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("name", CHOSEN)
def test_a_part_and_other_dimensions_are_read_again_from_the_file_that_they_were_written_to(tmp_path, name, batch):
    net = from_torch(nn.Sequential(nn.Conv2d(3, 3, 3), Function(CHOSEN[name])), (3, 8, 8), batch_size=batch)
    write(net, tmp_path / "net.toml")
    again, report = read(tmp_path / "net.toml").analyze(), net.analyze()
    assert [(row.name, row.sizes, row.fields) for row in again] == [(row.name, row.sizes, row.fields) for row in report]
    assert [row.op for row in again] == [row.op for row in report]


def test_a_dimension_of_several_elements_is_not_squeezed():
    layers = [{"op": "squeeze", "dim": 2}]
    with pytest.raises(
        DomainError, match=r"dim=2: needs dimensions of size 1, and the input has the sizes \(1, 3, 8, 8"
    ):
        described({"input": [3, 8, 8], "layers": layers})
    assert described({"input": [3, 1, 8], "layers": layers}).analyze().output.sizes == (1, 3, 8)


@pytest.mark.parametrize(("op", "dim"), [*(("unsqueeze", dim) for dim in range(6)), ("squeeze", [0, 2])])
def test_a_dimension_of_size_1_stays_the_one_that_it_is_beside_others(op, dim):
    net = described({"input": [4, 1, 1, 8], "layers": [{"op": op, "dim": dim}]})
    assert [node.operator for node in described(description(net))] == [node.operator for node in net]


def test_a_reshape_to_other_sizes_that_moves_the_batch_is_not_written():
    net = from_torch(Function(lambda x: x.reshape(3, -1)), (3, 8, 8), batch_size=2)
    with pytest.raises(UnsupportedError, match="files have no layer for reshape, which is"):
        description(net)


@pytest.mark.parametrize("op", JOINS)
def test_a_layer_that_joins_others_is_not_given_the_one_before_it_alone(op):
    with pytest.raises(DomainError, match=rf"layers\[0\].inputs=None: {op} needs the names of at least two layers"):
        described({"input": [4, 8, 8], "layers": [{"op": op}]})
    assert [node.inputs for node in described(alone(op))] == [(), ("input", "input")]


def test_a_sum_with_a_constant_is_read_again_from_the_file_that_it_was_written_to(tmp_path):
    net = from_torch(nn.Sequential(nn.Conv2d(3, 4, 3), Function(lambda x: 2 * x + 1)), (3, 8, 8))
    write(net, tmp_path / "net.toml")
    assert [node.operator for node in net][2:] == [Combine("mul"), Combine("add")]
    assert effective(read(tmp_path / "net.toml")) == effective(net)


@pytest.mark.parametrize("suffix", [".toml", ".yaml"])
def test_letters_for_sizes_are_written_as_they_were_read(tmp_path, suffix):
    layers = [{"op": "conv", "out_channels": 4, "kernel_size": 3, "padding": 1}, {"op": "unsqueeze", "dim": 2}]
    joined = [{"op": "squeeze", "dim": 2}, {"op": "add", "inputs": ["input", "squeeze3"]}]
    net = described({"input": [4, "h", 8], "layers": [*layers, *joined, {"op": "linear", "out_features": 3}]})
    write(net, tmp_path / f"net{suffix}")
    again = read(tmp_path / f"net{suffix}")
    assert list(again) == list(net)
    assert [str(one) for one in again.symbols] == ["h"]


def test_names_of_any_characters_and_exact_factors_are_read_again(tmp_path):
    net = Graph()
    image = net.input((3, 9, 9), 'an "image"\n\x7f\x85 \N{GRINNING FACE}')
    net.add("c = [1]", Resize("linear", (Fraction(1, 3), Fraction(7, 3))), image)
    for name in ("net.toml", "net.yaml"):
        write(net, tmp_path / name)
        assert list(read(tmp_path / name)) == list(net)


def shared() -> Graph:
    return Graph([Node("input", Input((1, 4), ())), Node("one", Linear(4, 4), ("input",), 0)])


def resized() -> Graph:
    net = Graph()
    net.add("one", Interpolate("linear", (Fraction(2),), coordinates="asymmetric"), net.input((1, 4)))
    return net


@pytest.mark.parametrize("make", [shared, resized])
def test_what_files_have_no_layer_for_is_named_and_not_written(tmp_path, make):
    with pytest.raises(UnsupportedError, match="files have no layer for one, which is"):
        write(make(), tmp_path / "net.toml")
    assert not (tmp_path / "net.toml").exists()
    with pytest.raises(DomainError, match="an integer symbol without further assumptions"):
        description(Graph([Node("x", Input((1, 3, Symbol("n", integer=True, positive=True)), (2,)))]))
    with pytest.raises(DomainError, match="closed_forms"):
        description(from_torch(nn.ReLU(), (3, "n")))
    with pytest.raises(DomainError, match=r"needs a file that ends in \.toml"):
        write(by_hand(), tmp_path / "net.json")
    with pytest.raises(UnsupportedError, match="without an input"):
        description(Graph())


@pytest.mark.parametrize("size", [1, 2, (3, 2)])
def test_pooling_that_files_have_not_is_refused_in_a_sentence(size):
    for operator in (Pool("lp", (2, 2), size, 1), Pool("avg", (2, 2), size, dilation=2)):
        with pytest.raises(UnsupportedError, match=r"files have no layer for one, which is Pool\(how='"):
            description(with_input(operator))
    for pool in (nn.AvgPool2d(size), nn.LPPool2d(2, size)):
        assert described(description(from_torch(pool, (3, 8, 8)))).analyze().output.sizes == pool(SMALL).shape


SMALL = torch.ones(1, 3, 8, 8)


def test_a_copy_is_written_and_nothing_else_under_its_name():
    module = Function(lambda x: x.transpose(1, 2).contiguous().clone() + 1)
    net = from_torch(module, (3, 8, 8))
    assert [one["op"] for one in description(net)["layers"]] == ["permute", "identity", "identity", "add"]
    assert described(description(net)).analyze().output.sizes == net.analyze().output.sizes
    with pytest.raises(UnsupportedError, match="files have no layer for one, which is Activation"):
        description(with_input(Activation("contiguous")))


@pytest.mark.parametrize("path", [3, b"net.toml"])
def test_what_is_no_path_is_not_written(path):
    with pytest.raises(DomainError, match="needs the path of a file"):
        write(by_hand(), path)


@pytest.mark.parametrize("layer", [{"op": "squeeze", "dim": 2}, {"op": "add", "inputs": ["conv1", "input"]}])
def test_a_sentence_about_a_size_that_goes_by_an_open_one_has_no_name_for_it(layer):
    conv = {"op": "conv", "out_channels": 4, "kernel_size": 3}
    with pytest.raises(DomainError, match=r"\(1, 4, \?2, \?3\)"):
        described({"input": [3, "n", "m"], "layers": [conv, layer]})


class Centred(torch.nn.Module):
    """The first size of what it subtracts is that of the batch."""

    def __init__(self, register: Any) -> None:
        super().__init__()
        register(self, "mean", torch.zeros(1, 8))
        self.linear = torch.nn.Linear(8, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.linear(x - self.mean)


def learned(module: torch.nn.Module, name: str, value: torch.Tensor) -> None:
    module.register_parameter(name, torch.nn.Parameter(value))


def test_a_stored_constant_is_no_input_of_a_file():
    """It is neither given with every batch nor learned; what is learned is written, and counted in the same way."""
    with pytest.raises(UnsupportedError, match="files have no layer for mean, which is"):
        description(from_torch(Centred(torch.nn.Module.register_buffer), (8,)))
    constant = Node("c", Input((1, 8)), (), 0, placement=Placement(stored=True))
    with pytest.raises(UnsupportedError, match="files have no layer for c, which is"):
        description(Graph([Node("x", Input((1, 8))), constant, Node("a", Combine("add"), ("x", "c"))]))
    net = from_torch(Centred(learned), (8,))
    report, again = net.analyze(), described(description(net)).analyze()
    assert (again.params, again.activations) == (report.params, report.activations) == (44, 20)


class Two(torch.nn.Module):
    def __init__(self, detached: bool = False, trained: bool = True) -> None:
        super().__init__()
        self.first, self.second = torch.nn.Linear(8, 8).requires_grad_(trained), torch.nn.Linear(8, 4)
        self.detached = detached

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = self.first(x)
        return self.second(found.detach() if self.detached else found)


@pytest.mark.parametrize(
    ("module", "sentence"),
    [
        (Two(trained=False), "no layer for first, which is .*: training computes other gradients"),
        (Two(detached=True), "no layer for .*: training computes other gradients"),
    ],
)
def test_what_has_no_gradient_is_not_written_as_if_it_had_one(module, sentence):
    net, usual = from_torch(module, (8,)), from_torch(Two(), (8,))
    assert net.analyze().backward_macs < usual.analyze().backward_macs
    with pytest.raises(UnsupportedError, match=sentence):
        description(net)
    assert described(description(usual)).analyze().backward_macs == usual.analyze().backward_macs


def test_gradients_that_no_training_needs_are_nothing_that_a_file_would_have_to_say():
    """Those of integers, and of what nothing before it learns."""
    module = torch.nn.Sequential(torch.nn.Embedding(10, 4), torch.nn.Linear(4, 2))
    net = from_torch(module, (7,), dtype="int64")
    assert [node.cut for node in net] == [(), (0,), ()]
    assert described(description(net)).analyze().backward_macs == net.analyze().backward_macs


def test_sizes_that_do_not_fit_are_a_wrong_network_and_no_lack_of_files():
    with pytest.raises(DomainError, match=r"node='one': .*kernel_size"):
        description(with_input(Conv(3, 4, (10, 10))))


def with_input(operator: Any, name: str = "x", shape: tuple[int, ...] = (1, 3, 9, 9)) -> Graph:
    return Graph([Node(name, Input(shape, tuple(range(2, len(shape))))), Node("one", operator, (name,))])


@pytest.mark.parametrize(
    ("net", "sentence"),
    [
        (with_input(AdaptivePool("avg", (None, 2))), r"cannot say .*: layers\[0\].output_size\[0\]=None"),
        (with_input(Activation("relu"), shape=()), r"files have no layer for x, which is Input\(shape=\(\)"),
        (with_input(Activation("relu"), name="x\udc80"), r"files have no name 'x\\udc80'"),
    ],
    ids=["a size that is kept", "a number", "no text"],
)
def test_every_network_that_files_cannot_say_is_refused_in_the_same_way(net, sentence):
    with pytest.raises(UnsupportedError, match=sentence):
        description(net)
    usual = with_input(AdaptivePool("avg", (7, 2)), "\u00e4")
    assert list(described(description(usual))) == list(usual)


def named(name: str) -> Graph:
    return Graph([Node("x", Input((1, 8))), Node(name, Activation("relu"), ("x",))])


@pytest.mark.parametrize("suffix", [".toml", ".yaml"])
def test_a_file_is_no_longer_than_one_that_can_be_read(tmp_path, suffix):
    file = tmp_path / f"net{suffix}"
    with pytest.raises(UnsupportedError, match="a file that can be read has at most 1048576"):
        write(named("\u00e4" * 2**18), file)  # two bytes each, as a layer and as an output
    assert not file.exists()
    write(named("\u00e4" * 2**17), file)
    assert list(read(file)) == list(named("\u00e4" * 2**17))


def test_attention_of_several_heads_has_the_parameters_and_products_of_torchs():
    net = described({"input": [7, 12], "layers": [{"op": "multi_head_attention", "name": "mix", "num_heads": 3}]})
    module = SelfAttention()
    report, wanted = net.analyze(), from_torch(module, (7, 12)).analyze()
    assert (report.params, report.macs, report.backward_macs) == (wanted.params, wanted.macs, wanted.backward_macs)
    assert report.params == sum(one.numel() for one in module.parameters())
    assert [row.name for row in report] == ["input", "mix.query", "mix.key", "mix.value", "mix.attention", "mix"]
    crossed = {"inputs": {"q": [7, 12], "kv": [5, 8]}, "layers": [
        {"op": "multi_head_attention", "num_heads": 2, "inputs": ["q", "kv", "kv"]}]}  # fmt: skip
    assert described(crossed).analyze().params == 3 * 12 + (12 + 8 + 8) * 12 + (12 + 1) * 12


class SelfAttention(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = torch.nn.MultiheadAttention(12, 3, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
def test_a_recurrent_layer_of_a_file_is_torchs(cell):
    options = {"hidden_size": 6, "num_layers": 2, "bidirectional": True}
    net = described({"input": [7, 5], "layers": [{"op": cell, **options}]})
    module = getattr(torch.nn, cell.upper())(5, batch_first=True, **options)
    assert net.analyze().params == sum(one.numel() for one in module.parameters())
    assert net.analyze().output.sizes == tuple(module(torch.zeros(1, 7, 5))[0].shape)


VIT = """
input = [3, 32, 32]
[[layers]]
op = "conv"
out_channels = 16
kernel_size = 8
stride = 8
[[layers]]
op = "flatten"
start_dim = 2
[[layers]]
op = "permute"
name = "patches"
dims = [0, 2, 1]
[[layers]]
op = "parameter"
name = "token"
shape = [1, 1, 16]
[[layers]]
op = "concat"
name = "tokens"
inputs = ["token", "patches"]
[[layers]]
op = "multi_head_attention"
num_heads = 4
[[layers]]
op = "slice"
dim = 1
stop = 1
[[layers]]
op = "linear"
out_features = 10
"""


def test_a_vision_transformer_can_be_written_by_hand(tmp_path):
    report = read(written(tmp_path, VIT)).analyze()
    assert (report.status, report.output.output_size, report.output.receptive_field.size) == (
        "complete", (1, 10), (32, 32),
    )  # fmt: skip
    assert report["token"].params == 16
    assert report["tokens"].output_size == (17, 16)


LAST = """
inputs: {ids: [%s]}
layers:
  - {op: embedding, num_embeddings: 10, embedding_dim: 6}
  - {op: lstm, hidden_size: 5}
  - {op: slice, name: last, dim: 1, %s}
"""


class Last(torch.nn.Module):
    def __init__(self, start: int | None, stop: int | None, step: int) -> None:
        super().__init__()
        self.rows, self.cell, self.cut = nn.Embedding(10, 6), nn.LSTM(6, 5, batch_first=True), slice(start, stop, step)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.cell(self.rows(x))[0][:, self.cut]


@pytest.mark.parametrize("size", ["n", "50"])
@pytest.mark.parametrize("cut", [(-1, None, 1), (-9, -2, 2), (3, None, 1), (2, -4, 3)])
def test_what_is_counted_from_the_end_follows_the_size_of_the_input(tmp_path, cut, size):
    options = ", ".join(f"{key}: {one}" for key, one in zip(("start", "stop", "step"), cut, strict=True) if one)
    net = resized_to(read(written(tmp_path, LAST % (size, options), "net.yaml")), ("n",))
    wanted = from_torch(Last(*cut), ("n",), dtype="int64")
    for n in (10, 23, 50, 81):
        given = Last(*cut)(torch.zeros(1, n, dtype=torch.int64))
        report, other = net.at(n).analyze(), wanted.at(n).analyze()
        assert report.output.sizes == tuple(given.shape) == other.output.sizes
        assert [report.reads("last", at) for at in range(given.shape[1])] == [
            {"ids": other.reads(other.output.name, at)["x"]} for at in range(given.shape[1])
        ]
    forms = net.closed_forms()
    assert (forms.output.label, forms.valid.sizes.least) == ("proved", least_size(cut))


def least_size(cut: tuple[int | None, ...]) -> int:
    """The least size in which both ends lie, with something between them."""
    return next(n for n in range(1, 99) if range(n)[slice(*cut)] and all(-n <= one <= n for one in cut[:2] if one))


KEPT = {
    "squeeze": ([8, 1, 6], {"op": "squeeze", "dim": 2}, lambda x: x.squeeze(2)),
    "unsqueeze": ([8, 6], {"op": "unsqueeze", "dim": 1}, lambda x: x.unsqueeze(1)),
    "the last": ([8, 6], {"op": "unsqueeze", "dim": -1}, lambda x: x.unsqueeze(-1)),
    "expand": ([8, 6], {"op": "expand", "size": [4, -1, 8, -1]}, lambda x: x.expand(4, -1, 8, -1)),
}


@pytest.mark.parametrize("name", KEPT)
def test_sizes_that_are_kept_are_those_of_the_input_at_every_size(name):
    sizes, layer, function = KEPT[name]
    net = described({"input": sizes, "layers": [layer]})
    for n in (4, 6, 17):
        found = resized_to(net, (*sizes[:-1], n)).analyze()
        assert found.output.sizes == tuple(function(torch.zeros(1, *sizes[:-1], n)).shape)
    forms = resized_to(net, (*sizes[:-1], "n")).closed_forms()
    assert (forms.output.label, forms.valid.sizes.least, forms.valid.sizes.greatest) == ("proved", 1, None)
    first, last = (8, "n") if name == "expand" else ("m", "n")
    assert described({"input": [first, *sizes[1:-1], last], "layers": [layer]}).symbols
    if name != "expand":
        turned = (6, *sizes[1:-1], 8)  # as many elements
        assert resized_to(net, turned).analyze().output.sizes == tuple(function(torch.zeros(1, *turned)).shape)


def test_a_dimension_of_one_that_grows_is_not_left_out():
    net = described({"input": [8, 1, 6], "layers": [{"op": "squeeze", "dim": 2}]})
    sizes = resized_to(net, (8, "n", 6)).closed_forms().valid.sizes
    assert (sizes.least, sizes.greatest) == (1, 1)
    with pytest.raises(DomainError, match=r"needs as many elements as \(1, 8, 3, 6\) has"):
        resized_to(net, (8, 3, 6))


@pytest.mark.parametrize("size", [[2], [-1, 4, 8, 8, 8]])
def test_a_size_that_expand_cannot_keep_is_refused(size):
    with pytest.raises(DomainError, match="expand needs"):
        described({"input": [4, 8, 8], "layers": [{"op": "expand", "size": size}]})
    assert described(alone("expand")).analyze().output.sizes == (2, 1, 4, 8, 8)


def test_a_slice_with_ends_in_front_stays_in_front(tmp_path):
    net = resized_to(read(written(tmp_path, LAST % (50, "start: 3, stop: 7"), "net.yaml")), ("n",))
    forms = net.closed_forms()
    assert (forms.output.output_size, forms.valid.sizes.least) == ((4, 5), 7)
    assert net.at(81).analyze().reads("last", 0)["ids"] == net.at(7).analyze().reads("last", 0)["ids"]


def layer(**changes: Any) -> dict[str, Any]:
    conv = {"op": "conv", "out_channels": 2, "kernel_size": 3, **changes}
    return {"input": [3, 8, 8], "layers": [{key: value for key, value in conv.items() if value is not None}]}


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ([], "the file=.*needs a table"),
        ({"layers": []}, "needs either input or inputs"),
        ({"input": [3, 8], "layers": [{"op": "amax", "dim": []}]}, r"dim=\[\]: needs at least one integer"),
        ({"input": [3, 8], "inputs": {"x": [3]}, "layers": []}, "needs either input or inputs"),
        ({"input": [3, 8, 8]}, "layers=None: needs a list of at least one layer"),
        ({"input": 3, "layers": [{"op": "relu"}]}, "input=3: needs a list"),
        ({"input": [3, 0, 8], "layers": [{"op": "relu"}]}, r"input\[1\]=0: needs an integer >= 1"),
        ({"inputs": {}, "layers": [{"op": "relu"}]}, "inputs={}: needs a table of names"),
        ({"inputs": {"x": [3, True]}, "layers": [{"op": "relu"}]}, r"inputs.x\[1\]=True"),
        ({"input": [3], "layer": []}, "key='layer': no key has this name; did you mean layers"),
        (layer(op="con"), r"layers\[0\].op='con': no operator has this name; did you mean conv"),
        (layer(op=None), r"layers\[0\]=.*needs a table with an op"),
        (layer(kernal_size=3), r"layers\[0\].kernal_size': no key has this name; did you mean kernel_size"),
        (layer(kernel_size=None), r"layers\[0\].kernel_size=None: conv needs it"),
        (layer(kernel_size="3"), r"layers\[0\].kernel_size='3': needs an integer"),
        (layer(kernel_size=[3, 2.5]), r"layers\[0\].kernel_size\[1\]=2.5: needs an integer"),
        (layer(kernel_size=2**70), r"layers\[0\].kernel_size=.*: needs an integer"),
        (layer(bias=1), r"layers\[0\].bias=1: needs true or false"),
        (layer(out_channels=0), r"layers\[0\].out_channels=0: needs an integer >= 1"),
        (layer(kernel_size=9), r"layers\[0\]='conv1': kernel_size=9.*spans 9 elements"),
        (layer(inputs="other"), r"layers\[0\].inputs='other': no layer before it has this name"),
        (layer(name="a", inputs="a"), r"inputs='a': the layer of this name is not before it; .* no cycle"),
        (
            {"input": [3], "layers": [{"op": "add", "inputs": ["input", "b"]}, {"op": "relu", "name": "b"}]},
            r"layers\[0\].inputs='b': the layer of this name is not before it; .* no cycle",
        ),
        (layer(inputs=[]), r"layers\[0\].inputs=\[\]: needs a name"),
        (layer(name="input"), "there is a node of this name already"),
        (layer(name=7), r"layers\[0\].name=7: needs a text"),
        (layer(padding=2**62, stride=1), "each needs 1 <= size < 2"),
        ({**layer(), "outputs": ["nothing"]}, "outputs='nothing': no layer before it has this name"),
        ({**layer(), "batch_size": 0}, "batch_size=0: needs an integer >= 1"),
        ({"input": [3, 8], "layers": [{"op": "resize"}]}, "needs either scale_factor or size"),
        ({"input": [3], "layers": [{"op": "max_pool", "kernel_size": 2}]}, "channels and spatial axes"),
        ({"input": [3, 8, 8], "layers": [{"op": "pad", "amounts": [1, 2], "mode": "odd"}]}, "mode='odd'"),
        ({"input": [3, 8], "layers": [{"op": "mean", "dim": 3}]}, "dim=3: needs a dimension of 3"),
        ({"input": [3, 8], "layers": [{"op": "slice", "dim": 2, "start": -20}]}, "start=-20: needs start >= -8"),
        ({"input": [3, 8], "layers": [{"op": "slice", "dim": 2, "stop": -9}]}, "stop=-9: needs stop >= -8"),
        ({"input": [3, 8], "layers": [{"op": "slice", "dim": 2, "stop": 0}]}, "stop=0: needs a stop after its start"),
        ({"input": [3, 8], "layers": [{"op": "slice", "dim": 2, "start": 8}]}, "stop=0: .*after start=8"),
        ({"input": [3, 8], "layers": [{"op": "flip", "dims": -4}]}, "dim=-4: needs a dimension of 3"),
        ({"input": [3, 8, 8], "layers": [{"op": "lstm", "hidden_size": 2}]}, "lstm needs a sequence"),
        ({"input": [3, 8], "layers": [{"op": "einsum", "equation": "...c->...c"}]}, "needs a letter for each"),
        ({"input": [3, 8], "layers": [{"op": "einsum", "equation": "ab->a"}]}, "needs 2 dimensions for 'ab'"),
        ({"input": [3, 8], "layers": [{"op": "group_norm", "num_groups": 2}]}, "needs to divide the channels"),
        ({"input": [3, 8], "layers": [{"op": "multi_head_attention", "num_heads": 3}]}, "divide the 8 features"),
        (
            {"input": [3, 8], "layers": [{"op": "multi_head_attention", "num_heads": 2, "inputs": ["input", "input"]}]},
            "needs one for all, or query, key and value",
        ),
        ({"input": [3, 8], "layers": [{"op": "parameter", "shape": [3], "inputs": "input"}]}, "inputs.: no key"),
        ({"input": [3, 8], "layers": [{"op": "parameter", "shape": 0}]}, "its output would have the sizes"),
        ({"input": [3, 8], "layers": [{"op": "softmax", "dim": [1]}]}, "dim=.*needs one dimension"),
        ({"input": [3, 8], "layers": [{"op": "dropout", "p": 2}]}, "p=2: needs a number from 0 to 1"),
        ({"input": [3, 8], "layers": [{"op": "dropout", "p": True}]}, "p=True: needs a number from 0 to 1"),
        (
            {"input": [3, 8], "layers": [{"op": "resize", "scale_factor": 2, "mode": "bilinear"}]},
            "mode='bilinear': needs one of nearest, nearest-exact, linear, as torch has them for 3 dimensions",
        ),
        ({"input": [3, 8], "layers": [{"op": "resize", "scale_factor": "0/3"}]}, "or a fraction such as '2/3'"),
    ],
)
def test_a_wrong_key_or_value_is_named(description, sentence):
    with pytest.raises(DomainError, match=sentence):
        described(description)
    assert described(layer()).analyze().status == "complete"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("net.yaml", "\n", "the file is empty"),
        ("net.toml", 'input = [1, 2\n[[layers]]\nop = "conv"', "cannot be parsed: .*line 2"),
        ("net.yaml", "input: [1, 2\nlayers: {op: conv", "cannot be parsed: .*line 2"),
        ("net.yaml", "input: [3, 8]\ninput: [4, 8]", "cannot be parsed: the key 'input' occurs twice .*line 2"),
        ("net.yaml", "layers: [{op: relu, op: gelu}]", "cannot be parsed: the key 'op' occurs twice .*column 21"),
        ("net.yaml", "input: [3]\nlayers: !!map [a]", "cannot be parsed: .* found sequence .*line 2"),
        ("net.toml", "x = " + "[" * 100_000, "nested too deeply|cannot be parsed"),
        ("net.yml", "[" * 100_000, "nested too deeply|cannot be parsed"),
        ("net.yaml", "!!python/object/apply:os.system ['true']", "cannot be parsed: could not determine a constructor"),
        ("net.toml", "x = " + "9" * 5000, "cannot be parsed"),
        ("net.toml", "#" * 2**21, "longer than 1048576 bytes"),
        ("net.json", "{}", "needs a file that ends in .toml, .yaml, .yml"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path, name, text, sentence):
    with pytest.raises(DomainError, match=sentence):
        read(written(tmp_path, text, name))


@pytest.mark.parametrize("path", [3, None, b"net.toml", ["net.toml"]])
def test_what_is_no_path_is_refused(path):
    with pytest.raises(DomainError, match="needs the path of a file"):
        read(path)
    assert len(read(str(LENET))) == len(read(LENET))


def test_a_report_is_no_network_that_is_written(tmp_path):
    report = read(LENET).analyze()
    with pytest.raises(DomainError, match=r"graph='NetworkReport': needs a Graph, such as the \.graph of a report"):
        write(report, tmp_path / "net.toml")
    write(report.graph, tmp_path / "net.toml")
    assert list(read(tmp_path / "net.toml")) == list(read(LENET))


def test_a_file_that_is_not_there_or_no_text_is_said_to_be_so(tmp_path):
    with pytest.raises(DomainError, match="cannot be read: No such file"):
        read(tmp_path / "net.toml")
    with pytest.raises(DomainError, match="cannot be read: embedded null byte"):
        read("net\0.toml")
    (tmp_path / "net.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DomainError, match="not encoded as UTF-8: byte 0"):
        read(tmp_path / "net.toml")


def nested(alias, first, depth):
    """A list of YAML in which each element repeats the one before it ten times."""
    names = [f"x{number}" for number in range(depth)]
    repeated = [f"- &{b} {alias % ', '.join([f'*{a}'] * 10)}" for a, b in pairwise(names)]
    return "\n".join(["layers:", f"- &x0 {first}", *repeated, f"input: *{names[-1]}"])


@pytest.mark.parametrize(("alias", "first"), [("[%s]", "[x, x]"), ("{<<: [%s]}", "{op: relu}")])
def test_aliases_of_yaml_do_not_blow_up(tmp_path, alias, first):
    with pytest.raises(DomainError, match="cannot be parsed: aliases make more than 1048576 elements of it"):
        read(written(tmp_path, nested(alias, first, 30), "net.yaml"))
    with pytest.raises(DomainError, match=r"needs a table with an op|needs a list of 1 to 8"):
        read(written(tmp_path, nested(alias, first, 4), "net.yaml"))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats()
    | st.sampled_from(["conv", "add", "x", "same"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["op", "name", "inputs"]), inner),
    max_leaves=6,
)


@given(
    st.lists(st.tuples(st.sampled_from(["op", "name", "inputs", "kernel_size", "padding", "stride", "groups"]), VALUES))
)
def test_any_description_gives_a_sentence_or_a_graph(changes):
    try:
        described(layer(**dict(changes))).analyze()
    except ConvmathError as error:
        if not str(error):
            raise
