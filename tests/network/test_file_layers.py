"""Layers of files against torch's: their sizes and parameters, and what is written of torch's."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from convmath.network import Graph, from_torch, read
from convmath.network.files.reading import described
from convmath.network.files.writing import description

from .computing import Function

LINE, PLANE, VOLUME = (4, 11), (4, 13, 10), (4, 6, 7, 8)

CONV = {"op": "conv", "out_channels": 6, "kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "groups": 2}
TRANSPOSED = {"op": "conv_transpose", "out_channels": 6, "kernel_size": 3, "stride": 2, "output_padding": 1}
UNFOLD = {"op": "unfold", "kernel_size": [3, 2], "stride": [2, 1], "padding": 1, "dilation": [1, 3]}
PADS = {
    "constant": nn.ZeroPad2d,
    "reflect": nn.ReflectionPad2d,
    "replicate": nn.ReplicationPad2d,
    "circular": nn.CircularPad2d,
}

LAYERS: list[tuple[tuple[int, ...], dict[str, Any], nn.Module]] = [
    (LINE, CONV, nn.Conv1d(4, 6, 3, 2, 1, 2, 2)),
    (PLANE, CONV, nn.Conv2d(4, 6, 3, 2, 1, 2, 2)),
    (VOLUME, CONV, nn.Conv3d(4, 6, 3, 2, 1, 2, 2)),
    (LINE, TRANSPOSED, nn.ConvTranspose1d(4, 6, 3, 2, 0, 1)),
    (PLANE, TRANSPOSED, nn.ConvTranspose2d(4, 6, 3, 2, 0, 1)),
    (VOLUME, TRANSPOSED, nn.ConvTranspose3d(4, 6, 3, 2, 0, 1)),
    (
        PLANE,
        {"op": "max_pool", "kernel_size": [3, 2], "stride": 3, "padding": 1, "dilation": [1, 2], "ceil_mode": True},
        nn.MaxPool2d((3, 2), 3, 1, (1, 2), ceil_mode=True),
    ),
    (VOLUME, {"op": "avg_pool", "kernel_size": 4, "ceil_mode": True}, nn.AvgPool3d(4, ceil_mode=True)),
    (
        PLANE,
        {"op": "lp_pool", "norm_type": 3, "kernel_size": [3, 4], "ceil_mode": True},
        nn.LPPool2d(3, (3, 4), ceil_mode=True),
    ),
    (LINE, {"op": "lp_pool", "kernel_size": 4, "stride": 3}, nn.LPPool1d(2, 4, 3)),
    (PLANE, {"op": "adaptive_avg_pool", "output_size": [5, 3]}, nn.AdaptiveAvgPool2d((5, 3))),
    (LINE, {"op": "adaptive_max_pool"}, nn.AdaptiveMaxPool1d(1)),
    (PLANE, {"op": "amax", "dim": [2, 3]}, Function(lambda x: x.amax((2, 3)))),
    (PLANE, {"op": "amin", "dim": -1, "keepdim": True}, Function(lambda x: x.amin(3, keepdim=True))),
    *(
        (PLANE, {"op": "pad", "amounts": [[1, 2], [3, 0]], "mode": mode}, pad((3, 0, 1, 2)))
        for mode, pad in PADS.items()
    ),
    (PLANE, {"op": "resize", "scale_factor": 2}, nn.Upsample(scale_factor=2)),
    (PLANE, {"op": "resize", "size": [20, 31], "mode": "bilinear"}, nn.Upsample((20, 31), mode="bilinear")),
    (PLANE, {"op": "pixel_shuffle", "upscale_factor": 2}, nn.PixelShuffle(2)),
    (PLANE, UNFOLD, nn.Unfold((3, 2), (1, 3), 1, (2, 1))),
    (PLANE, {"op": "unfold", "kernel_size": 3}, nn.Unfold(3)),
    (
        (24, 24),
        {"op": "fold", "output_size": [9, 8], "kernel_size": [3, 2], "stride": 2, "padding": [0, 2]},
        nn.Fold((9, 8), (3, 2), 1, (0, 2), 2),
    ),
    ((27, 36), {"op": "fold", "output_size": 8, "kernel_size": 3}, nn.Fold(8, 3)),
    (PLANE, {"op": "linear", "out_features": 3, "bias": False}, nn.Linear(10, 3, bias=False)),
    (PLANE, {"op": "batch_norm"}, nn.BatchNorm2d(4)),
    (PLANE, {"op": "instance_norm", "affine": True}, nn.InstanceNorm2d(4, affine=True)),
    (PLANE, {"op": "group_norm", "num_groups": 2}, nn.GroupNorm(2, 4)),
    (PLANE, {"op": "layer_norm"}, nn.LayerNorm(10)),
    (PLANE, {"op": "rms_norm"}, nn.RMSNorm(10)),
    (PLANE, {"op": "local_response_norm", "size": 3}, nn.LocalResponseNorm(3)),
    (PLANE, {"op": "prelu", "num_parameters": 4}, nn.PReLU(4)),
    (PLANE, {"op": "softmax"}, nn.Softmax(1)),
    (PLANE, {"op": "feature_dropout"}, nn.Dropout2d()),
    (PLANE, {"op": "flatten"}, nn.Flatten()),
    (PLANE, {"op": "reshape", "shape": [2, 2, -1, 10]}, nn.Unflatten(1, (2, 2))),
    (PLANE, {"op": "permute", "dims": [0, 2, 3, 1]}, Function(lambda x: x.permute(0, 2, 3, 1))),
]

PLAIN = {
    **{name.lower(): getattr(nn, name)() for name in ("ReLU", "ReLU6", "ELU", "SELU", "CELU", "GELU", "SiLU", "Mish")},
    **{name.lower(): getattr(nn, name)() for name in ("Sigmoid", "Tanh", "Softplus", "Softsign", "Hardsigmoid")},
    **{
        name.lower(): getattr(nn, name)()
        for name in ("Hardswish", "Hardtanh", "Hardshrink", "Softshrink", "Tanhshrink")
    },
    **{name: Function(getattr(torch, name)) for name in ("abs", "exp", "log", "sqrt", "square")},
    "leaky_relu": nn.LeakyReLU(),
    "log_sigmoid": nn.LogSigmoid(),
}
"""Functions of each element."""

EVERY = [*LAYERS, *((PLANE, {"op": name}, module) for name, module in PLAIN.items())]


def told(net: Graph) -> list[tuple[Any, ...]]:
    """What an analysis gives for each node, but for its name."""
    return [(row.op, row.sizes, row.params, row.work, [*row.fields.values()]) for row in net.analyze()]


@pytest.mark.parametrize(("sizes", "layer", "module"), EVERY, ids=[layer["op"] for _, layer, _ in EVERY])
def test_a_layer_of_a_file_has_the_sizes_and_parameters_of_torchs(sizes, layer, module):
    net = described({"input": [*sizes], "layers": [layer]})
    report = net.analyze()
    assert report.output.sizes == tuple(module(torch.ones(1, *sizes)).shape)
    assert report.params == sum(weight.numel() for weight in module.parameters())
    assert told(net) == told(described(description(from_torch(module, sizes))))
    assert (report.status, report.output.field_unknown) == ("complete", "")


@pytest.mark.parametrize(
    ("layer", "module", "sizes"),
    [(UNFOLD, nn.Unfold((3, 2), (1, 3), 1, 2), PLANE), (CONV, nn.Conv2d(4, 6, 3, 2, 1, 1, 2), PLANE)],
)
def test_a_layer_of_other_options_is_caught(layer, module, sizes):
    net = described({"input": [*sizes], "layers": [layer]})
    assert net.analyze().output.sizes != tuple(module(torch.ones(1, *sizes)).shape)
    assert told(net) != told(described(description(from_torch(module, sizes))))


class Excited(nn.Module):
    """A squeeze-excitation branch, columns of windows, and branches that are joined."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.drop = nn.Conv2d(4, 8, 3, padding=1), nn.Dropout(0.1)
        self.squeeze = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1))
        self.unfold, self.mix, self.fold = nn.Unfold(2, stride=2), nn.Linear(16, 16), nn.Fold((8, 8), 2, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        y = y * torch.sigmoid(self.squeeze(y))
        windows = self.mix(self.unfold(x).transpose(1, 2)).transpose(1, 2)
        return torch.cat([y + self.drop(y), self.fold(windows)], 1)


EXCITED = """
input: [4, 8, 8]
layers:
  - {op: conv, name: conv, out_channels: 8, kernel_size: 3, padding: 1}
  - {op: adaptive_avg_pool}
  - {op: conv, out_channels: 2, kernel_size: 1}
  - {op: relu}
  - {op: conv, out_channels: 8, kernel_size: 1}
  - {op: sigmoid, name: share}
  - {op: mul, name: scaled, inputs: [conv, share]}
  - {op: unfold, inputs: input, kernel_size: 2, stride: 2}
  - {op: permute, dims: [0, 2, 1]}
  - {op: linear, out_features: 16}
  - {op: permute, dims: [0, 2, 1]}
  - {op: fold, name: windows, output_size: 8, kernel_size: 2, stride: 2}
  - {op: dropout, name: dropped, inputs: scaled, p: 0.1}
  - {op: add, name: sum, inputs: [scaled, dropped]}
  - {op: concat, inputs: [sum, windows]}
"""


def test_squeeze_excitation_and_windows_of_a_file_are_those_of_torch(tmp_path):
    (tmp_path / "net.yaml").write_text(EXCITED)
    report, wanted = read(tmp_path / "net.yaml").analyze(), from_torch(Excited(), (4, 8, 8)).analyze()
    assert report.output.sizes == tuple(Excited()(torch.ones(1, 4, 8, 8)).shape)
    assert (report.params, report.macs, report.flops("exact")) == (wanted.params, wanted.macs, wanted.flops("exact"))
    assert report.output.fields == {"input": wanted.output.fields["x"]}
    without = described({"input": [4, 8, 8], "layers": [{"op": "conv", "out_channels": 8, "kernel_size": 3}]})
    assert report.params != without.analyze().params


def test_windows_of_an_open_size_have_a_closed_form():
    net = described({"input": [2, "n"], "layers": [{"op": "unfold", "kernel_size": 3, "stride": 2}]})
    assert str(net.closed_forms().output) == "unfold1: (6, ceil(n/2) - 1) for n >= 3, proved"
    columns = described(
        {"input": [18, "n"], "layers": [{"op": "fold", "output_size": 7, "kernel_size": 3, "stride": 2}]}
    )
    sizes = columns.closed_forms().valid.sizes
    assert (sizes.least, sizes.greatest) == (9, 9)
