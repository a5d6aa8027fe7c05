"""Files of networks with attention and with recurrent layers: the rows are those of the modules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from convmath.network import NetworkReport, from_onnx, from_torch

from .test_onnx_import import exported

SIZE = (3, 12, 8)


class Transformer(nn.Module):
    """Patches as tokens, a class token, places that are learned, two layers of attention, a dense head."""

    def __init__(self, patch: int = 4, heads: int = 3) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 12, patch, patch)
        self.token = nn.Parameter(torch.rand(1, 1, 12))
        self.place = nn.Parameter(torch.rand(1, 1 + (12 // patch) * (8 // patch), 12))
        layer = nn.TransformerEncoderLayer(12, heads, 24, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(12, 5)
        for parameter in self.encoder.parameters():  # equal tensors become one in a file
            nn.init.uniform_(parameter)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        tokens = self.patches(image).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(image.shape[0], -1, -1), tokens], 1) + self.place
        return self.head(self.encoder(tokens)[:, 0])


def fields(report: NetworkReport, *kinds: str) -> list[Any]:
    """Sizes and fields of the nodes of these kinds, in order."""
    return [(row.op, row.output_size, row.receptive_field) for row in report if row.op in kinds]


def totals(report: NetworkReport) -> tuple[Any, ...]:
    return report.status, report.params, report.macs, report.backward_macs, report.output.output_size


EXPORTERS = [(False, 14), (False, 17), (True, 18), (True, 23)]


@pytest.mark.parametrize(("dynamo", "opset"), EXPORTERS)
def test_attention_in_a_file_is_that_of_the_module(tmp_path, dynamo, opset):
    module = Transformer().eval()
    path = exported(module, tmp_path / "net.onnx", SIZE, opset, dynamo=dynamo)
    ours, theirs = from_onnx(path).analyze(), from_torch(module, SIZE).analyze()
    assert totals(ours) == totals(theirs)
    assert ours.output.receptive_field.size == (12, 8)
    assert fields(ours, "conv2d", "concat") == fields(theirs, "conv2d", "concat")
    if opset >= 17:  # before it, a norm over features is a chain of nodes
        assert fields(ours, "layer_norm") == fields(theirs, "layer_norm")
    unknown = [row for row in ours if row.field_unknown]
    assert [row.op for row in unknown] == ([] if opset >= 23 else ["matmul"])
    for row in unknown:
        assert row.output_size == (3, 7, 7)
        assert "goes by two of its indices, on the dimensions 2 and 3 of the output" in row.field_unknown
        assert "report.reads, or --pixel, does for any position" in row.field_unknown
        read = ours.reads(row.name, 1, 6)["image"]  # token 1 is the patch (0, 0), token 6 the patch (2, 1)
        assert [axis.parts for axis in read] == [((0, 4), (8, 12)), ((0, 8),)]


def test_another_patch_is_not_what_the_file_has(tmp_path):
    path = exported(Transformer().eval(), tmp_path / "net.onnx", SIZE, 18, dynamo=True)
    ours, theirs = from_onnx(path).analyze(), from_torch(Transformer(patch=2).eval(), SIZE).analyze()
    assert totals(ours) != totals(theirs)
    assert fields(ours, "concat") != fields(theirs, "concat")


class Tagger(nn.Module):
    """A convolution over time, a recurrent layer, and a class for every step."""

    def __init__(self, cell: type[nn.Module], *, both: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(8, 6, 3, stride=2, padding=1)
        self.cells = cell(6, 5, batch_first=True, bidirectional=both)
        self.head = nn.Linear(5 + 5 * both, 3)

    def forward(self, signal: torch.Tensor) -> torch.Tensor:
        return self.head(self.cells(self.conv(signal).transpose(1, 2))[0])


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("cell", [nn.LSTM, nn.GRU, nn.RNN])
def test_every_row_of_a_recurrent_layer_in_a_file_shows_the_steps(tmp_path, cell, both):
    module = Tagger(cell, both=both).eval()
    path = exported(module, tmp_path / "net.onnx", (8, 20), 17, dynamo=False)
    ours, theirs = from_onnx(path).analyze(), from_torch(module, (8, 20)).analyze()
    assert totals(ours) == totals(theirs)
    kind = cell.__name__.lower()
    assert [row.output_size for row in ours if row.op == kind] == [(10, 5 + 5 * both)]
    assert ours.output.output_size == (10, 3)
    assert ours.output.receptive_field.size == theirs.output.receptive_field.size
    after = [row for row in ours if "cells" in row.name]
    assert len(after) >= 4
    assert all(10 in row.output_size for row in after if row.batch is not None), after
    assert {row.batch for row in after} > {0, 1}  # the steps go before the batch, and behind it again


def test_images_at_once_are_the_batch_wherever_they_are(tmp_path):
    module = Tagger(nn.LSTM, both=True).eval()
    path: Path = exported(module, tmp_path / "net.onnx", (8, 20), 17, dynamo=False, dynamic_axes={"image": {0: "N"}})
    report = from_onnx(path, batch_size=4).analyze()
    assert {row.batch_size for row in report if not row.placement.stored} == {4}
    assert {row.sizes[0] for row in report if "cells" in row.name} == {4, 10}


@pytest.mark.parametrize("first", [True, False])
def test_steps_that_are_taken_for_the_batch_are_remarked(first, tmp_path):
    """A file says nowhere which dimension of an input is the batch; its recurrent layers say which one is not."""

    class Steps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cells = nn.LSTM(4, 5, batch_first=first)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.cells(x)[0]

    path = exported(Steps().eval(), tmp_path / "net.onnx", (7, 4), 17, dynamo=False)
    report = from_onnx(path).analyze()
    (row,) = (one for one in report if one.op == "lstm")
    assert [remark.startswith("its steps are dimension 0") for remark in row.remarks] == ([] if first else [True])
    assert report.output.sizes == (1, 7, 5)


def test_the_steps_of_a_file_may_be_a_letter(tmp_path):
    """Wherever they are, and whatever the layer does with them, the closed forms show them."""
    module = Tagger(nn.LSTM, both=True).eval()
    options = {"dynamic_axes": {"image": {2: "n"}}}
    path = exported(module, tmp_path / "net.onnx", (8, 20), 17, dynamo=False, **options)
    forms = from_onnx(path).closed_forms()
    assert str(forms.output).endswith("(ceil(n/2), 3) for n >= 1, proved")
    found = [form for form in forms if "cells" in form.name and form.batch is not None]
    assert len(found) >= 4
    assert all(": (ceil(n/2), " in str(form) for form in found), found
    assert {form.batch for form in found} >= {0, 1}
