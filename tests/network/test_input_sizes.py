"""Sizes of inputs as users give them: letters for what may change, other numbers, and a sentence for all else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from sympy import symbols
from torch import nn

from convmath.errors import DomainError
from convmath.network import Graph, from_onnx, from_torch, read, solve
from convmath.network.files.reading import described
from convmath.network.operators import Conv, Embedding, Linear, Recurrent
from convmath.network.symbolic import resized

n, m = symbols("n m", integer=True)


class Tagger(nn.Module):
    """Rows of a table, a recurrent layer over them, and a class for each."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(30, 8)
        self.steps = nn.LSTM(8, 6, batch_first=True)
        self.head = nn.Linear(6, 4)

    def forward(self, ids):
        return self.head(self.steps(self.table(ids))[0])


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(30, 8)

    def forward(self, ids, mask):
        return self.table(ids) * mask[..., None]


class Shaded(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, image, mask):
        return self.conv(image) * mask


def ids_model(*dims: Any) -> onnx.ModelProto:
    """Rows of a table for ids, and a linear layer."""
    constants = {"table": np.zeros((30, 8), np.float32), "weights": np.zeros((8, 4), np.float32)}
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"], "rows"),
        helper.make_node("MatMul", ["rows", "weights"], ["y"], "head"),
    ]
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, list(dims))]
    stored = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "net", inputs, [helper.make_empty_tensor_value_info("y")], stored)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def ids_file(size: Any) -> dict[str, Any]:
    layers = [
        {"op": "embedding", "name": "table", "num_embeddings": 30, "embedding_dim": 8},
        {"op": "lstm", "name": "steps", "hidden_size": 6},
        {"op": "linear", "name": "head", "out_features": 4},
    ]
    return {"inputs": {"ids": [size]}, "layers": layers}


def by_hand(size: Any) -> Graph:
    net = Graph()
    net.add("table", Embedding(30, 8), net.input((size,), "ids"))
    net.add("steps", Recurrent("lstm", 8, 6, time=1), "table")
    net.add("head", Linear(6, 4), "steps")
    return net


# The length of a sequence

SEQUENCES: dict[str, Callable[[Any], Graph]] = {
    "torch": lambda size: from_torch(Tagger(), (size,), dtype=torch.int64),
    "a dynamic axis of ONNX": lambda size: from_onnx(ids_model("batch", size)),
    "given to ONNX": lambda size: from_onnx(ids_model("batch", "t"), {"ids": (size,)}),
    "given to a file": lambda size: resized(described(ids_file(16)), {"ids": (size,)}),
    "said by a file": lambda size: described(ids_file(size)),
    "by hand": by_hand,
}


@pytest.mark.parametrize("make", SEQUENCES.values(), ids=SEQUENCES)
def test_the_length_of_a_sequence_may_be_a_letter_and_the_layers_say_their_steps(make):
    graph = make("n")
    forms = graph.closed_forms()
    assert graph.symbols == (n,)
    assert {form.output_size for form in forms if form.name != "ids"} <= {(n, 8), (n, 6), (n, 4)}
    assert forms.output.output_size == (n, 4)
    assert (str(forms.valid), forms.label) == ("n >= 1", "proved")
    for number in (1, 7, 24):
        at = graph.at(number).analyze()
        assert [row.sizes for row in at] == [row.sizes for row in make(number).analyze()]
        assert forms.output.at(number) == at.output.sizes == (1, number, 4)
    assert str(solve(graph, output_size=7)) == "n = 7"


def test_the_steps_of_a_module_are_torchs():
    module = Tagger().to("meta")
    output = from_torch(module, ("n",), dtype=torch.int64).closed_forms().output
    for length in (1, 2, 7, 40):
        real = module(torch.empty((1, length), dtype=torch.int64, device="meta"))
        assert output.at(length) == tuple(real.shape) != output.at(length + 1)


def test_a_letter_is_an_axis_along_which_fields_run():
    """An LSTM's step reads all ids up to its own; one of the table its own only."""
    for graph in (by_hand("n").at(9), SEQUENCES["torch"]("n").at(9)):
        report = graph.analyze()
        assert [report[name].receptive_field.size for name in ("ids", "table", "head")] == [(1,), (1,), (9,)]
        assert str(report.reads("table", 4)["ids"]) == "(Spans(4:5),)"
        assert str(report.reads("head", 4)["ids"]) == "(Spans(0:5),)"


SHAPES: dict[str, tuple[nn.Module, tuple[Any, ...], str]] = {
    "the positions of a convolution": (nn.Conv1d(8, 4, 3), (8, "n"), "(4, n - 2) for n >= 3"),
    "the steps of a layer": (nn.GRU(8, 4, batch_first=True), ("n", 8), "(n, 4) for n >= 1"),
    "the tokens of an encoder": (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), ("n", 8), "(n, 8) for n >= 1"),
    "rows of features": (nn.Linear(8, 4), ("n", 8), "(n, 4) for n >= 1"),
}


@pytest.mark.parametrize("name", SHAPES)
def test_every_dimension_that_is_no_channel_may_be_a_letter(name):
    module, size, form = SHAPES[name]
    graph = from_torch(module, size)
    row = next(one for one in graph.closed_forms() if one.name == graph.outputs[0])
    assert str(row) == f"{row.name}: {form}, proved"
    numbers = tuple(5 if one == "n" else one for one in size)
    assert graph.at(5).analyze()[row.name].sizes == from_torch(module, numbers).analyze()[row.name].sizes


def test_a_letter_for_channels_is_refused_by_the_layer_or_found_to_be_its_number():
    with pytest.raises(DomainError, match=r"\(n, 8, 8\): .* give the channels, .* as a number\. At 224: .* needs 3"):
        from_torch(nn.Conv2d(3, 4, 3), ("n", 8, 8))
    net = Graph()
    net.add("conv", Conv(3, 4, (3, 3)), net.input(("n", 8, 8)))
    assert str(net.closed_forms().output) == "conv: (4, 6, 6) for n = 3, proved"


def test_a_letter_for_the_batch_of_an_input_without_axes_is_one_in_closed_forms_too():
    forms = from_onnx(ids_model("batch", 5), ("N", 5)).closed_forms()
    assert [str(one) for one in forms.output.sizes] == ["N", "5", "4"]
    with pytest.raises(DomainError, match=r"symbol='n': n is the letter of the batch: .* closed_forms\('n_'\)"):
        from_onnx(ids_model("t"), ("n",)).closed_forms("n")
    with pytest.raises(DomainError, match="batch_size='n': needs a letter of its own"):
        from_onnx(ids_model("batch", "t"), ("n", "n"))


IDS: dict[str, Callable[[Any], Graph]] = {
    "torch": lambda size: from_torch(nn.Sequential(nn.Embedding(9, 4), nn.Linear(4, 3)), (size,), dtype=torch.int64),
    "onnx": lambda size: from_onnx(ids_model(1, "t"), (1, size)),
    "by hand": by_hand,
}


@pytest.mark.parametrize("make", IDS.values(), ids=IDS)
def test_of_sizes_that_are_all_numbers_and_no_axes_there_is_no_closed_form(make):
    graph = make(9)
    for asked in ({}, {"axis": 3}, {"symbol": "h"}):
        with pytest.raises(DomainError, match=r"input_size=\(9,\): .* has no axis: needs a letter .*, \('[nh]',\)$"):
            graph.closed_forms(**asked)
    assert 7 in make("n").closed_forms().output.at(7)


def test_a_model_that_does_not_name_what_it_leaves_open_says_which_sizes_would_do():
    for dims, sizes in {("batch", None): (128,), ("batch", None, 8): (128, 8), (None,): (128,)}.items():
        letters = tuple("n" if one == 128 else one for one in sizes)
        said = re.escape(f"such as {sizes}, or {letters} for closed forms; -i {','.join(map(str, letters))} on the")
        with pytest.raises(DomainError, match=said):
            from_onnx(ids_model(*dims))
        assert from_onnx(ids_model(*dims), sizes).analyze().status == "complete"
        assert from_onnx(ids_model(*dims), letters).closed_forms().output.label == "proved"


def test_a_letter_on_two_inputs_is_one_size_and_two_letters_are_two():
    types = {"ids": torch.int64, "mask": torch.float32}
    one = from_torch(Masked(), {"ids": ("n",), "mask": ("n",)}, dtype=types)
    assert one.symbols == (n,)
    assert str(one.closed_forms().output) == "mul: (n, 8) for n >= 1, proved"
    assert one.at(5).analyze().output.output_size == (5, 8)
    two = from_torch(Masked(), {"ids": ("n",), "mask": ("m",)}, dtype=types)
    assert two.symbols == (n, m)
    assert "goes by m and n at once" in two.closed_forms().output.reason
    with pytest.raises(DomainError, match="equal sizes"):
        two.at(n=5, m=6).analyze()


# Letters in files


def conv_file(*size: Any, **conv: Any) -> dict[str, Any]:
    conv = {"op": "conv", "out_channels": 4, "kernel_size": 3, **conv}
    return {"input": list(size), "layers": [conv, {"op": "max_pool", "kernel_size": 2}]}


@pytest.mark.parametrize("letters", ["nn", "hw"])
def test_a_file_may_leave_sizes_open(tmp_path, letters):
    (tmp_path / "net.toml").write_text(
        f'input = [3, "{letters[0]}", "{letters[1]}"]\n[[layers]]\nop = "conv"\nout_channels = 4\nkernel_size = 3\n'
    )
    graph = read(tmp_path / "net.toml")
    assert [str(one) for one in graph.symbols] == sorted(set(letters))
    assert (
        str(graph.closed_forms())
        == str(resized(described(conv_file(3, 9, 9)), (3, *letters)).closed_forms()).replace("", "")
        or len(graph.closed_forms()) == 2
    )
    assert graph.at(8).analyze().output.sizes == (1, 4, 6, 6)


@pytest.mark.parametrize(
    ("size", "layer", "sentence"),
    [
        (3, {"op": "linear", "out_features": 2}, r"layers\[1\]='linear2': its in_features goes by a size of the input"),
        ("n", {"op": "relu"}, r"layers\[0\]='conv1': its in_channels goes by a size of the input that the file leaves"),
        (3, {"op": "rms_norm"}, r"layers\[1\]='rms_norm2': its parameters goes by a size of the input"),
    ],
)
def test_a_layer_whose_parameters_go_by_a_letter_is_named(size, layer, sentence):
    conv = {"op": "conv", "out_channels": 4, "kernel_size": 3}
    with pytest.raises(DomainError, match=sentence):
        described({"input": [size, "n", "n"], "layers": [conv, layer]})
    described({"input": [3, 9, 9], "layers": [conv, layer]}).analyze()


# Other numbers


def test_a_network_that_says_its_own_sizes_is_known_at_others_as_far_as_its_layers_take_them():
    net = described(conv_file(3, 9, 9))
    assert resized(net, (3, 64, 32)).analyze().output.sizes == described(conv_file(3, 64, 32)).analyze().output.sizes
    assert resized(resized(net, (3, "n", "n")), (3, 64, 32)).analyze().output.output_size == (4, 31, 15)
    assert net.analyze().output.output_size == (4, 3, 3), "and the network itself is left as it was"
    said = r"=\(1, 64, 32\): the network was made for \(3, 9, 9\), and its layers do .*: node='conv1': channels=1"
    with pytest.raises(DomainError, match=said):
        resized(net, (1, 64, 32))
    dense = {"input": [1, 8, 8], "layers": [{"op": "flatten"}, {"op": "linear", "out_features": 2}]}
    with pytest.raises(DomainError, match=r"made for \(1, 8, 8\), .*features=100: linear needs 64"):
        resized(described(dense), (1, 10, 10))


def test_a_network_that_was_read_is_read_again_at_other_numbers():
    class Sized(nn.Module):
        def forward(self, image):
            return nn.functional.interpolate(nn.functional.avg_pool2d(image, 3), size=image.shape[2:])

    net = from_torch(Sized(), (3, 9, 9))
    assert resized(net, (3, 30, 18)).analyze().output.output_size == (3, 30, 18)
    half = resized(net, (3, "n", 18))
    assert half.closed_forms().output.output_size == (3, n, 18)
    assert half.reading["image"].operator.shape == (1, 3, 9, 18)
    with pytest.raises(DomainError, match="has no axis there: give letters where the model is read"):
        resized(net, ("n", 9, 9))


# What is no size

BATCHES = {0: "0", -1: "-1", 1.5: "1.5", None: "None", 2**63: "9223372036854775808", (1,): r"\(1,\)", "2 n": "'2 n'"}


@pytest.mark.parametrize("batch", [*BATCHES, True])
def test_what_is_no_batch_is_refused(batch):
    said = f"^batch_size={BATCHES[batch] if batch is not True else True}: needs "
    for make in (
        lambda: Graph().input((3, 8, 8), batch_size=batch),
        lambda: from_torch(nn.ReLU(), (3, 8, 8), batch_size=batch),
        lambda: from_onnx(ids_model("batch", 8), batch_size=batch),
    ):
        with pytest.raises(DomainError, match=said):
            make()


def test_a_network_without_axes_has_no_letters_and_the_message_no_empty_list():
    net = Graph()
    net.add("dense", Linear(8, 2), net.input((8,)))
    for ask in (
        lambda: net.closed_forms(("h", "w")),
        lambda: net.closed_forms(source="input"),
        lambda: resized(Graph(), {"x": (3,)}),
        lambda: Graph()["x"],
    ):
        with pytest.raises(DomainError, match=r"there is none$"):
            ask()


WAYS: dict[str, Callable[[Any], Any]] = {
    "by hand": lambda size: Graph().input(size),
    "from torch": lambda size: from_torch(nn.ReLU(), size),
    "from torch by name": lambda size: from_torch(nn.ReLU(), {"input": size}),
    "from ONNX": lambda size: from_onnx(ids_model("batch", "t"), size),
    "resized": lambda size: resized(by_hand(8), size),
}

NO_SIZES: dict[str, tuple[Any, str]] = {
    "zero": ((3, 0), r"=\(3, 0\): needs integers of at least 1, or letters"),
    "less": ((-1,), r"=\(-1,\): needs integers of at least 1, or letters"),
    "a fraction": ((1.5,), r"=\(1.5,\): needs integers of at least 1, or letters"),
    "a truth value": ((True,), r"=\(True,\): needs integers of at least 1, or letters"),
    "nothing": ((None,), r"=\(None,\): needs integers of at least 1, or letters"),
    "a list in it": ((3, [3]), r"=\(3, \(3,\)\): needs integers of at least 1, or letters"),
    "beyond 64 bits": ((2**63,), "=.9223372036854775808,.: needs sizes below 2"),
    "an empty name": (("",), "='': needs a name, or an integer symbol"),
    "a word of Python": (("lambda",), "='lambda': needs a name, or an integer symbol"),
    "a text": ("3,8,8", "='3,8,8': needs the sizes of the input without the batch"),
    "a number": (8, "=8: needs the sizes of the input without the batch"),
    "a set": ({8}, "='set': needs the sizes of the input without the batch"),
    "a tensor": (
        torch.zeros(1, 3, 8, 8),
        r"='Tensor': is data, .* \(1, 3, 8, 8\): .* without the batch, as \(3, 8, 8\)$",
    ),
    "an array": (np.zeros((3, 8, 8)), r"='ndarray': is data, of the sizes \(3, 8, 8\): give sizes"),
    "an array in it": ((np.zeros(3), 8), r"=\('ndarray', 8\): needs integers of at least 1, or letters"),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NO_SIZES)
def test_what_is_no_size_is_refused_in_a_short_sentence(way, name):
    size, sentence = NO_SIZES[name]
    with pytest.raises(DomainError, match=f"^input_size{sentence}") as refused:
        WAYS[way](size)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
    WAYS[way]((np.int64(8),))
    WAYS[way]([2**62])


def test_a_batch_among_the_sizes_is_found_where_the_network_takes_them_without():
    unet = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ConvTranspose2d(8, 3, 2, stride=2))
    for size, fit in {(1, 3, 64, 64): r"\(3, 64, 64\)", (8, 3, "n", "n"): r"\(3, n, n\)"}.items():
        with pytest.raises(DomainError, match=rf"^input_size=.*: sizes are without the batch: {fit}$"):
            from_torch(unet, size)
    with pytest.raises(DomainError, match=r"sizes are without the batch: \(9,\)$"):
        from_torch(Tagger(), (1, 9), dtype=torch.int64)
    fit = r"\{'image': \(3, 8, 8\), 'mask': \(1, 8, 8\)\}"
    with pytest.raises(DomainError, match=f"sizes are without the batch: {fit}$"):
        from_torch(Shaded(), {"image": (1, 3, 8, 8), "mask": (1, 1, 8, 8)})
    with pytest.raises(DomainError, match="sizes are without the batch"):
        resized(by_hand(8), (1, 8))
    net = Graph()
    net.add("conv", Conv(3, 4, (3, 3)), net.input((1, 3, 8, 8)))
    with pytest.raises(
        DomainError, match=r"needs 4 dimensions \(N, C, H, W\); input sizes are given without the batch"
    ):
        net.analyze()


def test_sizes_that_fit_neither_with_nor_without_a_batch_are_refused_by_the_layer():
    with pytest.raises(DomainError, match=r"^node='conv2d': ") as refused:
        from_torch(nn.Conv2d(3, 4, 3), (5, 4, 8, 8))
    assert "sizes are without the batch" not in str(refused.value)


CELLS = {name: getattr(nn, name)(8, 4, batch_first=True) for name in ("LSTM", "GRU", "RNN")}


@pytest.mark.parametrize("name", [*CELLS, "MultiheadAttention"])
def test_a_wrong_number_of_dimensions_for_a_sequence_is_the_cause_that_is_named(name):
    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = CELLS[name] if name in CELLS else nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.inner(x)[0] if name in CELLS else self.inner(x, x, x)[0]

    said = rf"^node='inner': its input has 5, \(1, 2, 2, 5, 8\) with the batch: {name} needs 2 or 3 dimensions$"
    with pytest.raises(DomainError, match=said):
        from_torch(Whole(), (2, 2, 5, 8))
    with pytest.raises(DomainError, match=r"node='inner.*features=7: \w+ needs 8$"):
        from_torch(Whole(), (5, 7))
    assert from_torch(Whole(), (5, 8)).analyze().status == "complete"


# Messages of files


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ({"op": "convolution"}, "op='convolution': no operator has this name; did you mean conv?$"),
        ({"op": "dense"}, "did you mean linear?$"),
        ({"op": "Conv2d"}, "did you mean conv?$"),
        ({"op": "ReLU"}, "did you mean relu?$"),
        ({"op": "MaxPool2d"}, "did you mean max_pool?$"),
        ({"op": "zzz"}, "no operator has this name; see: conv, "),
        (
            {"op": "relu", "activation": "gelu"},
            r"layers\[0\].activation='gelu': is a layer of its own, .* op = 'gelu'$",
        ),
        (
            {"op": "relu", "activation": ["x"]},
            r"layers\[0\].activation=\['x'\]: is a layer of its own, .* op = 'relu'$",
        ),
        ({"op": "relu", "batch_norm": True}, r"layers\[0\].batch_norm=True: is a layer of its own, after this one"),
        ({"op": "reshape", "shape": [5, -1]}, r"shape=\[5, -1\]: reshape needs as many elements"),
    ],
)
def test_a_wrong_layer_is_told_as_the_file_says_it(layer, sentence):
    with pytest.raises(DomainError, match=sentence.replace("?$", r"\?$")):
        described({"input": [3, 8, 8], "layers": [layer]})


WINDOW = r"kernel_size=11 with dilation=1 spans 11 elements, but axis 0 has 8 \+ 0 \+ 0 .*; "


def test_a_size_below_a_window_names_the_node_and_how_to_find_the_least():
    def by_hand(*size: Any) -> Graph:
        graph = Graph()
        graph.add("0", Conv(3, 4, (11, 11)), graph.input(size))
        return graph

    def exported(*size: Any) -> Graph:
        image = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, "h", "w"])
        weights = numpy_helper.from_array(np.zeros((4, 3, 11, 11), np.float32), "w")
        node = helper.make_node("Conv", ["x", "w"], ["y"], "0")
        return from_onnx(helper.make_model(helper.make_graph([node], "net", [image], [], [weights])), size)

    for make in (by_hand, exported, lambda *size: from_torch(nn.Sequential(nn.Conv2d(3, 4, 11)), size)):
        with pytest.raises(DomainError, match=rf"^node='0.*': {WINDOW}a letter for a size, as in 3,n,n, tells which"):
            make(3, 8, 8).analyze()
        forms = make(3, "n", "n").closed_forms()
        assert (forms.valid.sizes.least, make(3, 11, 11).analyze().output.output_size) == (11, (4, 1, 1))
    with pytest.raises(DomainError) as error:
        from_torch(nn.Sequential(nn.Conv2d(3, 4, 3)), (4, 8, 8))
    assert "letter" not in str(error.value)


@pytest.mark.parametrize(
    ("layer", "sizes"),
    [(nn.Conv1d(3, 4, 3), "C, W, as 3,224"), (nn.Conv2d(3, 4, 3), "C, H, W, as 3,224,224")],
)
def test_too_few_sizes_for_a_layer_say_which_there_are(layer, sizes):
    with pytest.raises(DomainError, match=rf"an input has the sizes {sizes}, without the batch"):
        from_torch(nn.Sequential(layer), () if isinstance(layer, nn.Conv1d) else (224,))
