"""Networks from TOML and YAML files: what the files say, and what is said of files that are wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convmath.errors import ConvmathError, DomainError
from convmath.network import Graph, read
from convmath.network.file_layers import LAYERS
from convmath.network.files import described
from convmath.network.operators import (
    AdaptivePool,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Linear,
    Norm,
    Pad,
    Pool,
    Resize,
)

LENET = Path(__file__).with_name("lenet.toml")

UNET = """
inputs: {image: [1, 16, 16]}
layers:
  - {op: conv, name: down, out_channels: 4, kernel_size: 3, stride: 2, padding: 1}
  - {op: batch_norm, name: norm}
  - {op: relu}
  - {op: conv_transpose, name: up, out_channels: 4, kernel_size: 3, stride: 2, padding: 1, output_padding: 1}
  - {op: resize, name: wide, inputs: norm, scale_factor: 2, mode: linear}
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


OPTIONS: dict[str, dict[str, Any]] = {
    "conv": {"out_channels": 2, "kernel_size": 3},
    "conv_transpose": {"out_channels": 2, "kernel_size": 3},
    "max_pool": {"kernel_size": 2},
    "avg_pool": {"kernel_size": 2},
    "mean": {"dims": [2, -1]},
    "linear": {"out_features": 3},
    "reshape": {"shape": [2, -1]},
    "permute": {"order": [0, 2, 3, 1]},
    "pad": {"amounts": 1},
    "resize": {"scale_factor": 1.5},
    "pixel_shuffle": {"factor": 2},
    "pixel_unshuffle": {"factor": 2},
}


@pytest.mark.parametrize("op", LAYERS)
def test_every_layer_can_be_named(op):
    report = described({"input": [4, 8, 8], "layers": [{"op": op, **OPTIONS.get(op, {})}]}).analyze()
    assert report.status == "complete"
    assert report.output.name == f"{op}1"


def layer(**changes: Any) -> dict[str, Any]:
    conv = {"op": "conv", "out_channels": 2, "kernel_size": 3, **changes}
    return {"input": [3, 8, 8], "layers": [{key: value for key, value in conv.items() if value is not None}]}


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ([], "the file=.*needs a table"),
        ({"layers": []}, "needs either input or inputs"),
        ({"input": [3, 8], "inputs": {"x": [3]}, "layers": []}, "needs either input or inputs"),
        ({"input": [3, 8, 8]}, "layers=None: needs a list of at least one layer"),
        ({"input": 3, "layers": [{"op": "relu"}]}, "input=3: needs a list"),
        ({"input": [3, 0, 8], "layers": [{"op": "relu"}]}, r"input\[1\]=0: needs an integer >= 1"),
        ({"inputs": {}, "layers": [{"op": "relu"}]}, "inputs={}: needs a table of names"),
        ({"inputs": {"x": [3, True]}, "layers": [{"op": "relu"}]}, r"inputs.x\[1\]=True"),
        ({"input": [3], "layer": []}, "key='layer': no key has this name; did you mean layers"),
        (layer(op="con"), r"layers\[0\].op='con': no operator has this name; did you mean conv"),
        (layer(op=None), r"layers\[0\]=.*needs a table with an op"),
        (layer(kernal_size=3), r"layers\[0\].kernal_size': no key has this name; did you mean layers\[0\].kernel_size"),
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
        ({"input": [3, 8], "layers": [{"op": "resize"}]}, "needs either scale_factor or output_size"),
        ({"input": [3], "layers": [{"op": "max_pool", "kernel_size": 2}]}, "channels and spatial axes"),
        ({"input": [3, 8, 8], "layers": [{"op": "pad", "amounts": [1, 2], "mode": "odd"}]}, "mode='odd'"),
    ],
)
def test_a_wrong_key_or_value_is_named(description, sentence):
    with pytest.raises(DomainError, match=sentence):
        described(description)
    assert described(layer()).analyze().status == "complete"


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("net.toml", 'input = [1, 2\n[[layers]]\nop = "conv"', "cannot be parsed: .*line 2"),
        ("net.yaml", "input: [1, 2\nlayers: {op: conv", "cannot be parsed: .*line 2"),
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


def test_a_file_that_is_not_there_or_no_text_is_said_to_be_so(tmp_path):
    with pytest.raises(DomainError, match="cannot be read: No such file"):
        read(tmp_path / "net.toml")
    with pytest.raises(DomainError, match="cannot be read: embedded null byte"):
        read("net\0.toml")
    (tmp_path / "net.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(DomainError, match="not encoded as UTF-8: byte 0"):
        read(tmp_path / "net.toml")


def test_aliases_of_yaml_do_not_blow_up(tmp_path):
    bomb = "a: &a [x, x]\n" + "\n".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
    )
    with pytest.raises(DomainError, match="no key has this name"):
        read(written(tmp_path, bomb, "net.yaml"))


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
