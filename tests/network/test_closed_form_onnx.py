"""Closed forms of ONNX files that compute with shapes, against ONNX Runtime at many sizes."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import helper
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath.network import from_onnx
from convmath.network.closed_form.forms import closed_forms

from .computing import Function, PaddedAsTensorFlow, SegFormerHead, UNet, cropped, padded, resized, shuffled
from .onnx_models import model, session
from .test_onnx_import import exported

OPEN = {"image": {2: "h", 3: "w"}}
FILES = {
    "U-Net, resized": (lambda: UNet(resized), "proved", "n >= 8"),
    "U-Net, padded": (lambda: UNet(padded), "proved", "n >= 8"),
    "U-Net, cropped": (lambda: UNet(cropped, 2, padding=0), "proved", "n >= 22"),
    "SegFormer's head": (SegFormerHead, "proved", "n >= 1"),
    "flat": (lambda: Function(lambda x: x.view(x.size(0), -1)), "proved", "n >= 1"),
    "flat in space": (lambda: Function(lambda x: x.view(*x.shape[:2], x.shape[2] * x.shape[3])), "proved", "n >= 1"),
    "shuffled": (lambda: Function(shuffled), "proved", "n >= 1"),
    "halved": (lambda: Function(lambda x: x[..., : x.shape[-1] // 2]), "proved", "n >= 2"),
    "with what the exporter fixed": (lambda: PaddedAsTensorFlow(3, 2), "proved", "1 <= n <= 65"),
    "to a multiple": (lambda: Function(lambda x: F.pad(x, (0, -x.shape[3] % 8))), "proved", "n >= 1"),
}
SIZES = (*range(1, 40, 3), 64, 65, 100)


@pytest.mark.parametrize(("make", "label", "valid"), FILES.values(), ids=FILES)
def test_a_file_that_computes_with_shapes_has_the_sizes_of_onnx_runtime(make, label, valid, tmp_path):
    path = exported(make().eval(), tmp_path / "net.onnx", (3, 64, 64), 17, dynamo=False, dynamic_axes=OPEN)
    found = closed_forms(from_onnx(path, (3, 64, 64)))
    assert (found.output.label, str(found.valid.sizes)) == (label, valid), str(found.output)
    runtime = session(onnx.load(path))
    for n in SIZES:
        if n in found.valid:
            (real,) = runtime.run(None, {"image": np.zeros((1, 3, n, n), np.float32)})
            assert found.output.at(n) == real.shape, n


def test_a_size_whose_term_is_lost_is_read_again():
    nodes = [
        helper.make_node("Shape", ["x"], ["shape"]),
        helper.make_node("Cast", ["shape"], ["float"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Cast", ["float"], ["whole"], to=onnx.TensorProto.INT64),
        helper.make_node("Expand", ["y", "whole"], ["z"], "expand"),
    ]
    proto = model(nodes, {"x": (1, 3, 32, 32), "y": (1, 3, 1, 1)})
    found = closed_forms(from_onnx(proto), source="x")
    assert "fixed to the size at reading" in found["expand"].reason
    del nodes[1:3]
    nodes[1].input[1] = "shape"
    found = closed_forms(from_onnx(model(nodes, {"x": (1, 3, 32, 32), "y": (1, 3, 1, 1)})), source="x")
    assert str(found["expand"]) == "expand: (3, n, n) for n >= 1, proved"
