"""Inputs on the command line: letters for what may change, numbers in their place, and a sentence for all else."""

from __future__ import annotations

import re
import sys

import pytest

from . import command_line

MODELS = """
import torch
from torch import nn


class Tagger(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.steps = nn.Embedding(30, 8), nn.LSTM(8, 6, batch_first=True)

    def forward(self, ids):
        return self.steps(self.table(ids))[0]


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 8, 3, padding=1), nn.ConvTranspose2d(8, 8, 2, stride=2)

    def forward(self, image):
        skip = self.down(image)
        return torch.cat([self.up(nn.functional.max_pool2d(skip, 2)), skip], 1)
"""

UNET = """
input = [1, 64, 64]
[[layers]]
op = "conv"
name = "down"
out_channels = 8
kernel_size = 3
padding = 1
[[layers]]
op = "max_pool"
name = "half"
kernel_size = 2
"""

TAGGER = """
[inputs]
ids = [16]
[[layers]]
op = "embedding"
name = "table"
num_embeddings = 30
embedding_dim = 8
[[layers]]
op = "lstm"
name = "steps"
hidden_size = 6
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of a user with models, files of layers, and files of ONNX with open sizes."""
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    (tmp_path / "asked.py").write_text(MODELS)
    (tmp_path / "un.toml").write_text(UNET)
    (tmp_path / "tag.toml").write_text(TAGGER)
    (tmp_path / "open.toml").write_text(UNET.replace("[1, 64, 64]", '[1, "h", "w"]'))
    kinds, pool = onnx.TensorProto, ["MaxPool", ["x"], ["y"], "pool"]
    row = onnx.helper.make_node("Unsqueeze", ["ids", "at"], ["y"], "row")
    at = onnx.helper.make_tensor("at", kinds.INT64, [1], [2])
    for name, node, dims, stored in (
        ("dyn", onnx.helper.make_node(*pool, kernel_shape=[2, 2], strides=[2, 2]), ["N", 3, "h", "w"], []),
        ("ids", row, ["batch", "t"], [at]),
        ("nameless", row, ["batch", None], [at]),
    ):
        ids = node is row
        given = onnx.helper.make_tensor_value_info("ids" if ids else "x", kinds.INT64 if ids else kinds.FLOAT, dims)
        graph = onnx.helper.make_graph([node], "net", [given], [onnx.helper.make_empty_tensor_value_info("y")], stored)
        opsets = [onnx.helper.make_opsetid("", 21)]
        onnx.save(onnx.helper.make_model(graph, opset_imports=opsets, ir_version=10), tmp_path / f"{name}.onnx")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "asked", raising=False)
    yield tmp_path
    sys.modules.pop("asked", None)


def printed(line: str) -> str:
    return command_line.printed(*line.split())


def cells(line: str) -> list[list[str]]:
    return [re.split(r"\s{2,}", row.strip()) for row in printed(line).splitlines()]


# Letters


@pytest.mark.parametrize(
    ("line", "row"),
    [
        ("tag.toml -i ids=n", ["steps", "lstm", "n, 6", "n >= 1", "proved"]),
        ("tag.toml -i n", ["steps", "lstm", "n, 6", "n >= 1", "proved"]),
        ("asked:Tagger -i ids=n --dtype int64", ["steps", "lstm", "n, 6", "n >= 1", "proved"]),
        ("ids.onnx", ["row", "reshape", "t, 1", "t >= 1", "proved"]),
        ("nameless.onnx -i ids=n", ["row", "reshape", "n, 1", "n >= 1", "proved"]),
        ("open.toml", ["half", "max_pool2d", "8, floor(h/2), floor(w/2)"]),
        ("un.toml -i 1,n,9", ["half", "max_pool2d", "8, floor(n/2), 4", "n >= 2", "proved"]),
    ],
)
def test_a_letter_may_stand_for_whatever_changes(folder, line, row):
    assert row in [found[: len(row)] for found in cells(f"net {line}")]


# Numbers


@pytest.mark.parametrize(
    ("line", "same"),
    [
        ("dyn.onnx --at h=100,w=60", "dyn.onnx -i 3,100,60"),
        ("dyn.onnx --at 60", "dyn.onnx -i 3,60,60"),
        ("un.toml -i 1,n,n --at 32", "un.toml -i 1,32,32"),
        ("open.toml --at h=32,w=9", "open.toml -i 1,32,9"),
        ("asked:UNet -i 3,h,w --at h=32,w=8", "asked:UNet -i 3,32,8"),
        ("asked:UNet -i 3,n,n --at 32 --read-at 6", "asked:UNet -i 3,32,32"),
    ],
)
def test_at_gives_the_network_at_numbers(folder, line, same):
    assert printed(f"net {line}") == printed(f"net {same}")
    assert "MACs" in printed(f"net {line}")
    assert "MACs" not in printed(f"net {re.sub('--at [^ ]*', '', line)}")


def test_a_question_is_answered_at_numbers(folder):
    asked = "solve dyn.onnx --receptive-field 3"
    assert printed(f"{asked} --at h=64,w=32") == printed(f"{asked} -i 3,64,32")
    said = command_line.refused(*asked.split())
    assert "receptive_field=3: the sizes are open, by h, w; --receptive-field needs numbers for them" in said
    assert "such as --at h=224,w=224" in said


def test_a_file_is_known_at_other_numbers(folder):
    assert ["half", "max_pool2d", "8x16x9", "4", "2", "0", "0"] in cells("net un.toml -i 1,32,18")
    assert "1x64x64" in printed("net un.toml")


# What is wrong

TAKES_NONE = "the network takes none of 224, 256"

WRONG = {
    "net un.toml -i 0,64,64": "input=(0, 64, 64): needs integers of at least 1, or letters such as 'n'",
    "net un.toml -i 1,-1,64": "input='1,-1,64': needs sizes such as 3,224,224",
    "net un.toml -i 1,1.5,64": "input='1,1.5,64': needs sizes such as 3,224,224",
    "net un.toml -i 1,,64": "input='1,,64': needs sizes such as 3,224,224",
    "net un.toml -i 4611686018427387904,1,1": "of at most 18 digits each",
    "net un.toml -i 1,True,64": "input='True': needs a name, or an integer symbol",
    "net un.toml -i 1,64": "input=(1, 64): the input input has other dimensions, (1, 64, 64)",
    "net un.toml -i 1,1,64,64": "input=(1, 1, 64, 64): sizes are without the batch: (1, 64, 64)",
    "net un.toml -i 3,64,64": "the network was made for (1, 64, 64), and its layers do not take this: node='down'",
    "net un.toml -i 3,n,n": "the network was made for (1, 64, 64), and its layers do not take this: node='down'",
    "net un.toml -i x=1,64,64": "input='x': no input has this name; see: input",
    "net un.toml -i 1,64,64 -i 1,64,64": "gives sizes for 2 inputs; the network has 1, input",
    "net un.toml -i input=1,8,8 -i input=1,8,8": "each name once",
    "net un.toml -i 1,n,n_in0": "input='n_in0': needs a name that does not begin with n_",
    "net un.toml --at 3": "at=3: the sizes of the inputs are numbers already; it is for letters among them",
    "net un.toml -i 1,n,n --at 0": "at=0: needs an integer from 1 to 2**63 - 1 for n",
    "net un.toml -i 1,n,n --at 1.5": "at='1.5': needs a number of at most 18 digits",
    "net un.toml -i 1,h,w --at h=3": "at={'h': 3}: needs a number for each of h, w; w has none",
    "net un.toml -i 1,n,n --at 1": "node='half': kernel_size=2 with dilation=1 spans 2 elements",
    "net un.toml -i 1,n,n --read-at 5": "read_at='5': un.toml is no model that is read at a number; --at gives",
    "net un.toml -b 4": "batch_size=4: un.toml says its own batch; change it there",
    "net tag.toml -i x=n": "input='x': no input has this name; see: ids",
    "net tag.toml -i 1,n": "input=(1, 'n'): sizes are without the batch: ('n',)",
    "net tag.toml -i n -i m": "gives sizes for 2 inputs; the network has 1, ids",
    "net asked:UNet -i 1,3,64,64": "input=(1, 3, 64, 64): sizes are without the batch: (3, 64, 64)",
    "net asked:UNet -i 1,3,n,n": "sizes are without the batch: (3, n, n)",
    "net asked:UNet -i n,64,64": f"input=(n, 64, 64): {TAKES_NONE}",
    "net asked:UNet -i n": f"input=(n,): {TAKES_NONE}",
    "net asked:UNet -i 3,n,n --read-at 0": "read_at=0: needs an integer from 1",
    "net asked:UNet -i 3,8,8 --read-at 8": "read_at=8: the sizes of the inputs are numbers already",
    "net asked:UNet -i 3,n,n --read-at m=8": "read_at='m': no symbol among the input sizes has this name; see: n",
    "net asked:UNet -i 3,8,8 -i 3,8,8": "gives 2 inputs to a forward that takes image",
    "net asked:UNet -i x=3,8,8": "input='x': no parameter of the forward has this name; see: image",
    "net asked:Tagger -i 1,16 --dtype int64": "input=(1, 16): sizes are without the batch: (16,)",
    "net asked:Tagger -i 1,n --dtype int64": "sizes are without the batch: (n,)",
    "net ids.onnx -i n,n": "batch_size='n': needs a letter of its own, which stands for no other size",
    "net ids.onnx -i 1,2,3": "the input ids has 2 dimensions: give 1 without the batch",
    "net ids.onnx -i x=3": "input='x': no input has this name; see: ids",
    "net ids.onnx --at q=3": "at='q': no symbol among the input sizes has this name; see: t",
    "net nameless.onnx": "such as (128,), or ('n',) for closed forms; -i n on the command line",
    "net dyn.onnx --at h=3": "at={'h': 3}: needs a number for each of h, w; w has none",
    "solve un.toml -i 1,n,n --receptive-field 9": "the sizes are open, by n; --receptive-field needs numbers for them",
    "solve un.toml --receptive-field 9 --at 5": "at=5: the sizes of the inputs are numbers already",
    "solve un.toml -i 1,1,n,n --output-size 7": "sizes are without the batch: (1, 'n', 'n')",
    "solve --from 3 --to 3 --at 4": "need MODEL",
    "solve --from 3 --to 3 --read-at 4": "need MODEL",
}


@pytest.mark.parametrize(("line", "sentence"), WRONG.items(), ids=WRONG)
def test_a_wrong_input_ends_as_a_sentence(folder, line, sentence):
    said = " ".join(command_line.refused(*line.split()).split())
    assert sentence in said
    assert not re.search(r"(see|inputs) *(:|only)? *$", said), "a list in it is empty"


def test_a_position_of_a_network_without_axes_is_said_to_need_a_letter(folder):
    """Not that it reads nothing: with a letter it reads ids."""
    pixel = ("--dtype", "int64", "--node", "steps", "--pixel", "3")
    for at, said in ((("ids=20",), "a letter makes its steps one"), (("ids=n", "--at", "20"), "0 to 3")):
        assert said in " ".join(command_line.printed("net", "asked:Tagger", "-i", *at, *pixel).split())


def test_a_network_of_ids_in_numbers_is_said_to_need_a_letter_for_fields(folder):
    """A line says how; with the letter there are fields, and no such line."""
    line = "net asked:Tagger --dtype int64"
    advice = "a letter for its size makes the steps of a sequence one, as in --input ids=n --at 16"
    assert advice in " ".join(printed(f"{line} -i 16").split())
    assert "makes the steps" not in printed(f"{line} -i ids=n --at 16")
    said = command_line.refused(*f"{line} -i 16 --pixel 3".split())
    assert "no input has axes, and a letter makes any dimension one, as in --input n --at 64" in " ".join(said.split())


MIXED = """
[inputs]
ids = [16]
[[layers]]
op = "embedding"
name = "table"
num_embeddings = 30
embedding_dim = 8
[[layers]]
op = "multi_head_attention"
name = "mixed"
num_heads = 2
[[layers]]
op = "linear"
name = "last"
out_features = 5
"""


def test_a_position_without_a_node_is_a_token_of_the_output_though_all_tokens_read_the_same(folder):
    """Not of a branch before the attention, where it reads itself alone; tokens are counted, and not features."""
    (folder / "mixed.toml").write_text(MIXED)
    line = "net mixed.toml -i n --at 16 --pixel"
    found = printed(f"{line} 11")
    assert "Position (11) of last, on dimension 1 of its output" in found
    assert "reads of ids, axis 0: 0 to 15" in found
    said = command_line.refused(*f"{line} 16".split())
    assert "needs 0 <= index < 16 on dimension 1 of last, and 16 is none" in " ".join(said.split())
    assert "reads of ids, axis 0 11" in " ".join(printed(f"{line} 11 --node table").split())
