"""The conventions against the tools whose numbers they reproduce, number by number."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import permutations, product

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

from convmath import conv_backward_macs
from convmath.errors import DomainError
from convmath.network import Graph, NetworkReport, from_torch
from convmath.network.conventions import CONVENTIONS, flops
from convmath.network.operators import (
    Activation,
    Attention,
    Combine,
    Conv,
    ConvTranspose,
    Flatten,
    Input,
    Linear,
    MatMul,
    Norm,
    Pool,
    Softmax,
    Unknown,
)
from convmath.network.torch_import.builder import Builder
from convmath.network.torch_import.exporting import read_exported

from ..models.classics import VGG16
from ..models.dense_prediction import TCN, Autoencoder, PatchGAN, UNet
from ..models.resnet import resnet
from .countable import MODELS as LAYERS
from .counting import TOOLS, counted


def every_kind() -> nn.Module:
    """Every module that a tool treats in a way of its own, in two dimensions."""
    return nn.Sequential(
        *(nn.ZeroPad2d(1), nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False), nn.InstanceNorm2d(8), nn.LeakyReLU()),
        *(nn.AvgPool2d(2), nn.Conv2d(8, 16, 1), nn.GroupNorm(4, 16), nn.PReLU(16)),
        *(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Upsample(scale_factor=1.5), nn.Upsample((13, 11))),
        *(nn.ConvTranspose2d(16, 6, 4, stride=2, padding=1, groups=2), nn.BatchNorm2d(6, affine=False)),
        *(
            nn.ELU(),
            nn.GELU(),
            nn.SiLU(),
            nn.ReLU6(),
            nn.Sigmoid(),
            nn.Tanh(),
            nn.Upsample(scale_factor=2, mode="bicubic"),
        ),
        *(nn.AdaptiveMaxPool2d((9, 8)), nn.AdaptiveAvgPool2d((5, 3)), nn.Flatten(), nn.Linear(90, 20)),
        *(nn.LayerNorm(20), nn.Dropout(), nn.Linear(20, 10, bias=False), nn.Softmax(1)),
    )


def one_dimension() -> nn.Module:
    """The same questions on sequences, and in three dimensions."""
    return nn.Sequential(
        *(nn.Conv1d(2, 4, 5, stride=2), nn.BatchNorm1d(4), nn.ReLU(), nn.MaxPool1d(2), nn.AvgPool1d(2)),
        *(nn.ConvTranspose1d(4, 3, 3, stride=2), nn.Upsample(scale_factor=2, mode="linear"), nn.AdaptiveAvgPool1d(12)),
        *(nn.Linear(12, 5), nn.LayerNorm(5, elementwise_affine=False), nn.Unflatten(1, (1, 1, 3))),
        *(nn.Conv3d(1, 2, (1, 2, 3)), nn.BatchNorm3d(2), nn.ReLU(), nn.AdaptiveAvgPool3d(1)),
    )


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "every kind": (every_kind, (3, 33, 37)),
    "one dimension": (one_dimension, (2, 61)),
    "VGG-16": (lambda: VGG16(width=8, hidden=64, size=64), (3, 64, 64)),
    "ResNet-18": (lambda: resnet(18), (3, 64, 64)),
    "ResNet-50": (lambda: resnet(50), (3, 64, 64)),
    "U-Net": (lambda: UNet(width=8, depth=2), (1, 60, 60)),
    "autoencoder": (lambda: Autoencoder(width=8), (1, 28, 28)),
    "PatchGAN": (lambda: PatchGAN(width=8), (6, 70, 70)),
    "TCN": (lambda: TCN(width=6), (1, 40)),
}


@pytest.fixture(scope="module", params=MODELS)
def analysed(request) -> tuple[nn.Module, tuple[int, ...], NetworkReport]:
    make, input_size = MODELS[request.param]
    model = make()
    return model, input_size, from_torch(model, input_size=input_size).analyze()


@pytest.mark.parametrize("tool", TOOLS)
def test_a_convention_gives_the_number_of_its_tool(analysed, tool):
    model, input_size, report = analysed
    total = report.total(flops(tool))
    assert total.status == "complete"
    assert (total.value, report.flops(tool)) == (counted(tool, model, (1, *input_size)),) * 2


NOT_KNOWN = {
    "mv": {"fvcore", "ptflops"},
    "einsum of one": {"fvcore"},
    "einsum of three": {"fvcore", "flop_counter"},
    **{name: {"flop_counter"} for name in ("LSTM", "LSTM both ways", "LSTM projected", "GRU", "RNN")},
    **{name: set() for name in ("RNNCell", "GRUCell", "LSTMCell", "GRUCell with a state")},  # but for the gradients
    "kept function or not": {"ptflops"},
    "by keyword": {"thop", "ptflops"},
    "interpolate by a rounded scale": {"ptflops"},
    "upsample": {"ptflops"},
    "softmax of no dimension": {"thop"},
    "pruned": {"torchinfo"},
}
"""What a convention says that it does not know of a network; some of these the tool fails at."""


@pytest.mark.parametrize("batch_size", [1, 3])
@pytest.mark.parametrize("name", LAYERS)
def test_of_every_kind_of_layer_a_convention_gives_the_number_of_its_tool_or_says_that_it_lacks_it(name, batch_size):
    make, input_size = LAYERS[name]
    report = from_torch(make().eval(), input_size, batch_size=batch_size).analyze()
    for tool in TOOLS:
        total = report.total(flops(tool))
        if report.missing or tool in NOT_KNOWN.get(name, ()):
            assert total.status != "complete", tool
        else:
            told = counted(tool, make(), (batch_size, *input_size))
            assert (tool, total.value, total.status) == (tool, told, "complete")


@pytest.mark.parametrize("name", ["RNNCell", "GRUCell", "LSTMCell"])
def test_the_gradients_of_one_step_of_a_recurrent_layer_are_said_to_be_missing(name):
    make, input_size = LAYERS[name]
    assert from_torch(make(), input_size).analyze().total(flops("flop_counter", backward=True)).status != "complete"


@pytest.mark.parametrize("tool", ["thop", "fvcore", "ptflops", "flop_counter"])
def test_a_step_of_other_cells_is_counted_otherwise(tool):
    layers = (nn.RNNCell(8, 4), nn.GRUCell(8, 4), nn.LSTMCell(8, 4))
    assert len({from_torch(layer, (8,)).analyze().flops(tool) for layer in layers} | {0}) == 4


@pytest.mark.parametrize(("tool", "other"), list(permutations(TOOLS, 2)))
def test_the_convention_of_another_tool_is_caught(tool, other):
    report = from_torch(every_kind(), (3, 33, 37)).analyze()
    assert report.flops(other) != counted(tool, every_kind(), (1, 3, 33, 37))


def exported(model: nn.Module, input_size: tuple[int, ...]) -> NetworkReport:
    """By way of torch.export."""
    name = next(iter(inspect.signature(model.forward).parameters))
    builder = Builder(torch.device("cpu"))
    builder.weights(model)
    values = {name: builder.input(name, (1, *input_size), torch.float32)}
    return builder.graph(read_exported(builder, model, values, {})).analyze()


BY_EXPORT = (
    *("conv2d, same", "conv2d, circular", "BatchNorm2d, {'affine': True}", "ReLU", "GELU", "Upsample area 2d"),
    *("AdaptiveAvgPool2d", "Linear on a sequence", "attention", "attention, no weights", "written, torch.matmul"),
    *("functional", "branches", "shared in one", "shared by two", "listed", "interpolate", "own layer", "mm"),
    *("LSTM both ways", "GRU", "GRUCell", "vector by matrix", "embedding", "shared part of a shared part", "unused"),
)


@pytest.mark.parametrize("name", BY_EXPORT)
def test_of_an_exported_network_no_convention_gives_another_number_as_complete(name):
    make, input_size = LAYERS[name]
    report = exported(make().eval(), input_size)
    for tool in TOOLS:
        total = report.total(flops(tool))
        told = counted(tool, make(), (1, *input_size))
        assert total.status != "complete" or (tool, total.value) == (tool, told)
        assert total.status == "complete" or tool in ("ptflops", *NOT_KNOWN.get(name, ()))


def test_of_an_exported_network_ptflops_says_where_it_does_not_know_what_was_called():
    report = exported(LAYERS["branches"][0]().eval(), (3, 8, 9))
    assert report.total(flops("ptflops")).missing == ("add", "add_1", "mul", "mul_1", "add_2", "mul_2")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_network_of_other_sizes_is_counted_at_these(tool):
    """A call of a module is noted without sizes, which may change."""
    make, _ = LAYERS["Upsample bilinear 2d"]
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), make(), nn.AvgPool2d(2))
    graph = from_torch(model, (3, 8, 8)).replaced({"input": Input((2, 3, 14, 11), (2, 3))})
    found, before = (one.analyze().flops(tool) for one in (graph, from_torch(model, (3, 8, 8))))
    assert found == counted(tool, model, (2, 3, 14, 11)) != before


@pytest.mark.parametrize("tool", TOOLS)
def test_a_layer_that_is_replaced_by_another_kind_is_counted_as_that(tool):
    model, other = (nn.Sequential(nn.Conv2d(3, 4, 3), pool(2)) for pool in (nn.MaxPool2d, nn.AvgPool2d))
    graph = from_torch(model, (3, 8, 8))
    assert graph.replaced({"1": Pool("avg", (2, 2))}).analyze().flops(tool) == counted(tool, other, (1, 3, 8, 8))
    wider = Conv(3, 8, (3, 3))
    assert graph.replaced({"0": wider})["0"].origin is None
    assert graph.replaced({"0": Conv(3, 4, (3, 3), padding=1)})["0"].origin == graph["0"].origin


@pytest.mark.parametrize("tool", TOOLS)
def test_what_no_framework_made_is_taken_for_modules_of_torch(tool):
    graph = Graph()
    conv = graph.add("conv", Conv(3, 8, (3, 3), groups=1), graph.input((3, 12, 12)))
    up = graph.add("up", ConvTranspose(8, 4, (2, 2), stride=2, groups=2), graph.add("relu", Activation("relu"), conv))
    norm = graph.add("norm", Norm("batch_norm", 8), graph.add("pool", Pool("max", (2, 2)), up))
    dense = graph.add("dense", Linear(400, 5), graph.add("flat", Flatten(1), norm))
    graph.add("softmax", Softmax(1), graph.add("prelu", Activation("prelu", 1), dense))
    model = nn.Sequential(
        *(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.ConvTranspose2d(8, 4, 2, 2, groups=2), nn.MaxPool2d(2)),
        *(nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(400, 5), nn.PReLU(), nn.Softmax(1)),
    )
    assert graph.analyze().flops(tool) == counted(tool, model, (1, 3, 12, 12))


# FlopCounterMode


FUSED = F.scaled_dot_product_attention


def on_a_gpu(query, key, value, **_):
    """The operator by which a GPU computes attention, on tensors without elements."""
    return torch.ops.aten._scaled_dot_product_flash_attention(query, key, value)[0]


def test_attention_in_one_function_is_counted_as_on_a_gpu_and_not_on_a_cpu(monkeypatch):
    make, input_size = LAYERS["fused"]
    report = from_torch(make(), input_size).analyze()
    with FlopCounterMode(display=False) as cpu:
        make()(torch.zeros(1, *input_size))
    attention = next(row for row in report if row.op == "attention")
    assert report.flops("flop_counter") - cpu.get_total_flops() == 2 * attention.macs > 0
    monkeypatch.setattr(F, "scaled_dot_product_attention", on_a_gpu)
    model = make().to("meta")
    with FlopCounterMode(display=False) as gpu:
        result = model(torch.empty(1, *input_size, device="meta"))
    assert report.flops("flop_counter") == gpu.get_total_flops()
    with FlopCounterMode(display=False) as gpu:
        result.sum().backward()
    assert report.flops("flop_counter", backward=True) == gpu.get_total_flops() != 2 * report.backward_macs


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("name", [name for name in LAYERS if name not in NOT_KNOWN])
def test_the_gradients_of_every_kind_of_layer_take_what_torch_counts(name):
    make, input_size = LAYERS[name]
    model = make().eval()
    report = from_torch(model, input_size, batch_size=2).analyze()
    if any(row.origin and row.origin.name == FUSED.__name__ for row in report):
        return  # on a CPU they are computed by an operator that is not counted
    assert report.total(flops("flop_counter", backward=True)).missing == report.missing
    result = model(torch.rand(2, *input_size))
    with FlopCounterMode(display=False) as counter:
        if result.requires_grad:
            result.sum().backward()
    assert report.flops("flop_counter", backward=True) == counter.get_total_flops()


def test_the_gradients_take_what_torch_counts(analysed):
    model, input_size, report = analysed
    results = model.eval()(torch.rand(1, *input_size))
    with FlopCounterMode(display=False) as counter:
        results.sum().backward()
    assert report.flops("flop_counter", backward=True) == counter.get_total_flops()
    assert report.flops("flop_counter", backward=True) != 2 * report.flops("flop_counter")  # the first layer's input


def test_the_conventions_differ_where_they_say_so():
    """On one network with all that they disagree about, no two give the same number."""
    report = from_torch(every_kind(), input_size=(3, 33, 37)).analyze()
    numbers = {name: report.flops(name) for name in CONVENTIONS if name != "2mac"}
    assert len(set(numbers.values())) == len(numbers)
    assert numbers["flop_counter"] == report.flops("2mac") == 2 * report.macs


def test_what_no_convention_counts_is_none_in_every_one():
    row = layer(Unknown("odd", "it is odd", (1, 3, 8, 8)), (3, 8, 8))["layer"]
    for name, one in CONVENTIONS.items():
        for backward in (False, True)[: 1 + (one.backward is not None)]:
            assert (flops(name, backward=backward)(row), row.flops(name, backward=backward)) == (None, None)
    assert flops("mac")(layer(Activation("relu"), (3, 8, 8))["layer"]) == 0


def test_every_convention_says_in_a_sentence_what_it_counts():
    assert all(one.why.endswith(".") and len(one.why) > 40 for one in CONVENTIONS.values())
    assert [name for name, one in CONVENTIONS.items() if one.version] == list(TOOLS)


def layer(operator, *sizes):
    graph = Graph()
    graph.add("layer", operator, *(graph.input(size, f"input{number}") for number, size in enumerate(sizes)))
    return graph.analyze()


def test_exact_counts_every_operation():
    assert layer(Linear(512, 1000), (512,)).flops("exact") == 1000 * (512 + 511 + 1)
    assert layer(Linear(512, 1000, bias=False), (512,)).flops("exact") == 1000 * (512 + 511)
    assert layer(MatMul(), (2, 3), (3, 4)).flops("exact") == 2 * 4 * (3 + 2)
    assert layer(Combine("add"), (2, 3), (2, 3)).flops("exact") == 6
    assert layer(Norm("batch_norm", 4), (2, 3)).flops("exact") == 12


def test_a_count_that_a_convention_does_not_know_is_reported():
    report = layer(Norm("layer_norm", 1, (1, 2)), (3, 4))
    assert (report.total(flops("exact")).status, report.total(flops("thop")).status) == ("unknown", "complete")


def test_another_convention_is_refused_with_the_names_of_all():
    report = layer(Activation("relu"), (3,))
    with pytest.raises(DomainError, match="needs one of mac, 2mac, exact, torchinfo"):
        report.flops("torchsummary")
    with pytest.raises(DomainError, match="says nothing of the gradients; needs one of mac, 2mac, flop_counter"):
        report.flops("thop", backward=True)


def chain() -> Graph:
    graph = Graph()
    one = graph.add("one", Conv(3, 8, (3, 3)), graph.input((3, 9, 9)))
    relu = graph.add("relu", Activation("relu"), one)
    graph.add("two", Conv(8, 4, (3, 3), bias=False), relu)
    return graph


def test_the_first_layer_has_no_gradient_for_its_input():
    report = chain().analyze()
    one = conv_backward_macs((9, 9), 3, in_channels=3, out_channels=8, input_gradient=False)
    two = conv_backward_macs((7, 7), 3, in_channels=8, out_channels=4)
    assert [report[name].backward_macs for name in ("one", "relu", "two")] == [one, 0, two]
    assert (report.backward_macs, report.flops("2mac", backward=True)) == (one + two, 2 * (one + two))


def test_a_product_of_two_results_has_a_gradient_for_each_that_is_learned():
    graph = Graph()
    image = graph.input((4, 4))
    graph.add("square", MatMul(), graph.add("learned", Linear(4, 4), image), image)
    graph.add("again", MatMul(), "learned", "square")
    report = graph.analyze()
    assert [report[name].backward_macs for name in ("square", "again")] == [64, 128]


def test_what_is_unknown_may_be_learned():
    graph = Graph()
    odd = graph.add("odd", Unknown("odd", "it is odd", (1, 4)), graph.input((4,)))
    graph.add("dense", Linear(4, 2), odd)
    assert graph.analyze()["dense"].backward_macs == 2 * 8


def attended(learned: tuple[bool, ...], *, written_out: bool) -> int:
    """The gradients of attention, as one node or as its two products; ``learned`` are dense layers, and the mask."""
    graph = Graph()
    shapes = ((5, 4), (4, 7), (7, 6), (5, 7)) if written_out else ((5, 4), (7, 4), (7, 6), (5, 7))
    read = [graph.input(shape, f"input{number}") for number, shape in enumerate(shapes)]
    for number, shape in enumerate(shapes):
        if learned[number]:
            read[number] = graph.add(f"dense{number}", Linear(shape[-1], shape[-1]), read[number])
    if not written_out:
        return graph.add("mixed", Attention(), *read) and graph.analyze()["mixed"].backward_macs
    masked = graph.add("masked", Combine("add"), graph.add("scores", MatMul(), read[0], read[1]), read[3])
    graph.add("mixed", MatMul(), graph.add("weights", Softmax(2), masked), read[2])
    report = graph.analyze()
    return report["scores"].backward_macs + report["mixed"].backward_macs


@pytest.mark.parametrize("learned", list(product([False, True], repeat=4)))
def test_the_gradients_of_attention_are_those_of_its_two_products(learned):
    assert attended(learned, written_out=False) == attended(learned, written_out=True)


class SelfAttention(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        return self.inner(x, x, x, need_weights=False)[0]


def test_the_gradients_of_attention_are_twice_its_products():
    attention = next(row for row in from_torch(SelfAttention(), (5, 8)).analyze() if row.op == "attention")
    assert attention.macs > 0
    assert attention.backward_macs == 2 * attention.macs


def test_relu6_keeps_its_name_and_is_counted_by_ptflops():
    net = nn.Sequential(nn.ReLU6(), nn.Hardtanh(), nn.Hardtanh(0, 1))
    report = from_torch(net, (3, 8, 8)).analyze()
    assert [row.op for row in report] == ["input", "relu6", "hardtanh", "hardtanh"]
    assert report.flops("ptflops") == 3 * 8 * 8
