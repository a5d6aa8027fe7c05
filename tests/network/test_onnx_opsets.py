"""One network at every opset, by both of torch's exporters: the rows are those of the module."""

from __future__ import annotations

from typing import Any

import onnx
import pytest
import torch
from onnx import defs, version_converter
from torch import nn

from convmath.network import NetworkReport, from_onnx, from_torch

from .test_models import SMALL
from .test_onnx_import import Decoder, Encoder, exported

NEWEST = defs.onnx_opset_version()
NETWORKS = SMALL | {"encoder": (Encoder, (3, 36, 28)), "decoder": (Decoder, (3, 36, 28))}


def rows(report: NetworkReport) -> list[Any]:
    return [(row.op, row.sizes, row.params, row.macs, row.receptive_field) for row in report]


def layers(report: NetworkReport) -> list[Any]:
    """The layers with weights or a window, in order."""
    kinds = ("conv", "max_pool", "avg_pool", "linear", "batch_norm")
    return [row for row in rows(report) if row[0].startswith(kinds)]


def different(module: nn.Module) -> nn.Module:
    """A module of which no two tensors are equal: those become one in a file."""
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.copy_(torch.rand(tensor.shape))
    return module.eval()


def without_norms(found: list[Any]) -> list[Any]:
    """The layers without norms, and without parameters, among which the exporter has put those of norms."""
    return [(op, sizes, macs, field) for op, sizes, _, macs, field in found if op != "batch_norm"]


EXPORTED = [("lenet", 7), ("encoder", 10), ("decoder", 11)]
"""The opset from which on torch writes the same nodes: before it, others for pooling in ceil mode and for resizing."""


@pytest.mark.parametrize(("name", "first"), EXPORTED)
def test_what_torch_exports_is_the_same_at_every_opset(tmp_path, name, first):
    make, size = NETWORKS[name]
    module = make().eval()
    wanted = rows(from_onnx(exported(module, tmp_path / "net.onnx", size, 13, dynamo=False)).analyze())
    for opset in range(first, 21):
        report = from_onnx(exported(module, tmp_path / "net.onnx", size, opset, dynamo=False)).analyze()
        assert rows(report) == wanted, opset


@pytest.mark.parametrize(("name", "first"), EXPORTED)
def test_what_is_converted_is_the_same_at_every_opset(tmp_path, name, first):
    make, size = NETWORKS[name]
    proto = onnx.load(exported(make().eval(), tmp_path / "net.onnx", size, 13, dynamo=False))
    wanted = rows(from_onnx(proto).analyze())
    for opset in range(13, NEWEST + 1):
        assert rows(from_onnx(version_converter.convert_version(proto, opset)).analyze()) == wanted, opset
    assert wanted[0][1] == (1, *size)


MODELS = ("lenet", "vgg16", "resnet18", "unet", "tcn", "patchgan", "autoencoder")


@pytest.mark.parametrize("dynamo", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_an_exported_model_is_the_module(tmp_path, name, dynamo):
    make, size = NETWORKS[name]
    module = different(make())
    path = exported(module, tmp_path / "net.onnx", size, 18, dynamo=dynamo)
    ours, theirs = from_onnx(path).analyze(), from_torch(module, size).analyze()
    if dynamo and "batch_norm" in [row.op for row in theirs]:
        assert without_norms(layers(ours)) == without_norms(layers(theirs))
    else:
        assert layers(ours) == layers(theirs)
        assert ours.params == theirs.params
    assert len(layers(ours)) > 3
    assert (ours.status, ours.macs, ours.backward_macs) == ("complete", theirs.macs, theirs.backward_macs)
    assert ours.output.sizes == theirs.output.sizes
    assert ours.output.receptive_field == theirs.output.receptive_field


def test_another_stride_is_no_longer_the_module(tmp_path):
    make, size = NETWORKS["lenet"]
    module = make().eval()
    proto = onnx.load(exported(module, tmp_path / "net.onnx", size, 18, dynamo=False))
    conv = next(node for node in proto.graph.node if node.op_type == "Conv")
    next(one for one in conv.attribute if one.name == "pads").ints[:] = [1, 0, 1, 0]
    try:
        changed = layers(from_onnx(proto).analyze())
    except Exception as error:  # the dense layer does not fit any longer
        changed = [str(error)]
    assert changed != layers(from_torch(module, size).analyze())
