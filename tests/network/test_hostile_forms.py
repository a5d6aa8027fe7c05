"""Damaged models asked every question: closed forms, what is solved, every format of the command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from torch import nn
from typer.testing import CliRunner

from convmath import network
from convmath.cli import app
from convmath.errors import ConvmathError, DomainError
from convmath.network import from_onnx, from_torch
from convmath.network.closed_form import closed_forms

from .onnx_models import model
from .test_hostile_onnx import VALID, mutated


def said(question) -> str:
    """The answer as text, or the sentence that refuses it; any other error than one of this library's goes on."""
    try:
        return str(question())
    except ConvmathError as error:
        return str(error)


def answers(proto: onnx.ModelProto) -> list[str]:
    """What a user is told who asks all that can be asked of a network."""
    try:
        graph = from_onnx(proto)
    except ConvmathError as error:
        return [str(error)]
    questions = (
        lambda: closed_forms(graph),
        lambda: closed_forms(graph).lossless,
        lambda: closed_forms(graph)._repr_html_(),
        lambda: network.solve(graph, output_size=3),
        lambda: network.solve(graph, receptive_field=9),
        lambda: network.solve(graph, round_trip=True),
        lambda: graph.analyze(),
    )
    return [said(question) for question in questions]


@settings(max_examples=max(30, settings.default.max_examples // 2))
@given(mutated())
def test_a_damaged_model_answers_every_question_in_a_sentence_or_with_a_result(proto):
    assert all(answers(proto))


# Inputs without spatial axes


class Conditioned(nn.Module):
    """An image, and a vector that is added to its channels."""

    def forward(self, image: torch.Tensor, vector: torch.Tensor) -> torch.Tensor:
        return torch.relu(image) + vector[:, :, None, None]


def conditioned() -> onnx.ModelProto:
    """The same, the length of the vector left open."""
    nodes = [
        helper.make_node("Relu", ["image"], ["relu"], "relu"),
        helper.make_node("Unsqueeze", ["vector", "axes"], ["row"], "row"),
        helper.make_node("Add", ["relu", "row"], ["sum"], "sum"),
    ]
    return model(nodes, {"image": (1, 3, 8, 8), "vector": (1, "K")}, {"axes": np.array([2, 3])}, 13)


@pytest.mark.parametrize("by", ["torch", "onnx"])
def test_a_vector_beside_an_image_is_known_when_the_network_is_read_again(by):
    sizes = {"image": (3, 8, 8), "vector": (3,)}
    graph = from_torch(Conditioned(), sizes) if by == "torch" else from_onnx(conditioned(), sizes)
    found = closed_forms(graph)
    assert [form.label for form in found] == ["proved"] * len(found)
    assert (found.output.output_size, str(found.valid)) == ((3, found.symbol, found.symbol), "n >= 1")


def test_a_network_without_axes_has_no_closed_forms():
    with pytest.raises(DomainError, match="has no axis: needs a letter for a size"):
        closed_forms(from_torch(nn.Linear(3, 4), (3,)))


# The command line

COMMANDS = {
    "table": (),
    "json": ("--format", "json"),
    "html": ("--format", "html"),
    "latex": ("--format", "latex"),
    "exact": ("--convention", "exact"),
    "pixel": ("--node", "y", "--pixel", "0,0"),
    "letters": ("--input", "2,n,n"),
}


def command_line(path: Path, words: tuple[str, ...]) -> tuple[int, str]:
    """The exit code, and what is shown; a traceback is an error of the test."""
    result = CliRunner().invoke(app, ["net", str(path), *words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


@settings(max_examples=max(20, settings.default.max_examples // 4))
@given(mutated(), st.sampled_from(sorted(COMMANDS)))
def test_the_command_line_answers_a_damaged_model_with_a_sentence_or_a_table(tmp_path_factory, proto, name):
    path = tmp_path_factory.mktemp("models") / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    code, shown = command_line(path, COMMANDS[name])
    assert code in (0, 2)
    assert "Traceback" not in shown
    assert ("Error: " in shown) == (code == 2)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_command_line_answers_the_model_that_is_whole(tmp_path, name):
    path = tmp_path / "net.onnx"
    path.write_bytes(VALID)
    words = tuple("conv" if word == "y" else word for word in COMMANDS[name])
    assert command_line(path, words)[0] == 0


def test_an_error_of_python_would_be_seen(monkeypatch, tmp_path):
    def broken(*_: object, **__: object) -> None:
        raise KeyError("lost")

    monkeypatch.setattr("convmath.network.graph.Graph.analyze", broken)
    path = tmp_path / "net.onnx"
    path.write_bytes(VALID)
    with pytest.raises(KeyError):
        command_line(path, ())
