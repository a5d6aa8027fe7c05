"""Networks that torch exports: the size of every node against ONNX Runtime, and closed forms against those of torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper
from torch import nn

from convmath.network import NetworkReport, from_onnx, from_torch
from convmath.network.closed_form.forms import closed_forms

from .computing import SegFormerHead, UNet, resized
from .test_models import SMALL
from .test_onnx_import import exported
from .test_transformers import WHOLE, model_of

NETWORKS = SMALL | {
    "U-Net, resized": (lambda: UNet(resized), (3, 36, 44)),
    "SegFormer's head": (SegFormerHead, (3, 64, 64)),
}


def differing(
    path: Path, size: tuple[int, ...], read_at: tuple[int, ...] | None = None
) -> tuple[NetworkReport, int, list[str]]:
    """The nodes whose first output has another size in ONNX Runtime, and of how many."""
    proto, report = onnx.load(path), from_onnx(path, read_at).analyze()
    given = {info.name for info in proto.graph.output}
    tensors = {node.name: node.output[0] for node in proto.graph.node}
    proto.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in {*tensors.values()} - given)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    runtime = onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (read,) = runtime.get_inputs()
    results = runtime.run(None, {read.name: np.zeros((1, *size), np.float32)})
    real = dict(zip([one.name for one in runtime.get_outputs()], results, strict=True))
    compared = [row for row in report if row.name in tensors]
    wrong = [row.name for row in compared if row.sizes != real[tensors[row.name]].shape]
    return report, len(compared), wrong


OLDER = [(name, opset) for number, name in enumerate(NETWORKS) for opset in ((11, 13, 17, 20)[number % 4],)]
NEWER = [("resnet18", 18), ("tcn", 20), ("unet", 18), ("U-Net, resized", 20)]


@pytest.mark.parametrize(
    ("name", "opset", "dynamo"), [*((*one, False) for one in OLDER), *((*one, True) for one in NEWER)]
)
def test_every_node_of_a_networks_file_has_the_size_of_onnx_runtime(name, opset, dynamo, tmp_path):
    make, size = NETWORKS[name]
    options = {"optimize": True} if dynamo else {"training": torch.onnx.TrainingMode.EVAL, "do_constant_folding": True}
    path = exported(make().eval(), tmp_path / "net.onnx", size, opset, dynamo=dynamo, **options)
    report, compared, wrong = differing(path, size)
    assert (report.status, wrong) == ("complete", [])
    assert compared > 8
    assert report.macs == from_torch(make().eval(), size).analyze().macs


def test_another_size_is_found_by_the_comparison(tmp_path):
    make, size = NETWORKS["patchgan"]
    path = exported(make().eval(), tmp_path / "net.onnx", size, 17, dynamo=False)
    _, compared, wrong = differing(path, size, (6, 192, 192))
    assert len(wrong) > compared / 2


class Features(nn.Module):
    """A vision model's last result."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: torch.Tensor) -> Any:
        return self.model(pixel_values=image).last_hidden_state


@pytest.mark.parametrize(("family", "opset"), [("ResNet", 11), ("ConvNext", 13), ("Segformer", 17), ("PoolFormer", 20)])
def test_every_node_of_a_vision_models_file_has_the_size_of_onnx_runtime(family, opset, tmp_path):
    module = Features(model_of(family, WHOLE[family], device="cpu"))
    path = exported(module, tmp_path / "net.onnx", (3, 64, 64), opset, dynamo=False)
    report, compared, wrong = differing(path, (3, 64, 64))
    assert (report.status, wrong) == ("complete", [])
    assert compared > 40


OPEN = ("lenet", "vgg16", "resnet18", "resnet50", "unet", "tcn", "patchgan", "autoencoder")


@pytest.mark.parametrize("name", OPEN)
def test_closed_forms_of_a_file_are_those_of_the_module(name, tmp_path):
    make, size = SMALL[name]
    module, axes = make().eval(), {2 + axis: letter for axis, letter in zip(range(len(size) - 1), "hw", strict=False)}
    options = {"training": torch.onnx.TrainingMode.EVAL, "do_constant_folding": True, "dynamic_axes": {"image": axes}}
    path = exported(module, tmp_path / "net.onnx", size, 17, dynamo=False, **options)
    given = (size[0], *"n" * len(axes))
    ours, theirs = closed_forms(from_onnx(path, given)), closed_forms(from_torch(module, given))
    assert str(ours.output).split(": ")[1:] == str(theirs.output).split(": ")[1:]
    assert str(ours.valid) == str(theirs.valid)
    assert "n" in str(theirs.valid.sizes)
