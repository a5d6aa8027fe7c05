"""Bytes of activations, and what is alive at once, against torch's own storages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from torch import nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from convmath.errors import DomainError
from convmath.network import Graph, from_onnx, from_torch
from convmath.network.memory import itemsize, peak
from convmath.network.operators import Activation, Flatten, Identity, Linear, Unknown

from .computing import Function
from .networks import Network, networks

DTYPES = {name: found for name in dir(torch) if isinstance(found := getattr(torch, name), torch.dtype)}


@pytest.mark.parametrize("name", DTYPES)
def test_an_element_of_every_dtype_of_torch_takes_what_torch_says(name):
    dtype = DTYPES[name]
    assert [itemsize(one) for one in (name, f"torch.{name}", dtype)] == [dtype.itemsize] * 3


NUMPY = ["bool", "int8", "uint8", "int16", "int32", "int64", "float16", "float32", "float64", "complex64", "complex128"]


@pytest.mark.parametrize("name", NUMPY)
def test_a_dtype_of_numpy_is_taken_by_its_name(name):
    dtype = np.dtype(name)
    assert (itemsize(dtype), itemsize(dtype.type)) == (dtype.itemsize,) * 2


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        ("int9", r"^dtype='int9': no dtype has this name; did you mean int"),
        ("bfloat61", r"did you mean bfloat16"),
        ("z", r"no dtype has this name; see: float32, float16, bfloat16, int8"),
        (np.dtype("U4"), r"dtype='str128': no dtype has this name"),
        (np.dtype(object), r"dtype='object': no dtype has this name"),
        (float, "dtype=<class 'float'>: needs the name of a dtype, or a dtype of torch or NumPy"),
        (4, "dtype=4: needs the name of a dtype"),
    ],
)
def test_what_is_no_dtype_is_refused_with_a_sentence(dtype, message):
    graph = Graph()
    graph.add("dense", Linear(3, 4), graph.input((3,)))
    report = graph.analyze()
    for ask in (report.activation_bytes, report.peak_bytes, report["dense"].activation_bytes):
        with pytest.raises(DomainError, match=message):
            ask(dtype)


def test_the_bytes_of_the_rows_come_to_those_of_the_report():
    graph = Graph()
    graph.add("odd", Unknown("odd", "it is odd"), graph.add("dense", Linear(3, 4), graph.input((5, 3))))
    report = graph.analyze()
    assert [row.activation_bytes("int8") for row in report] == [15, 20, None]
    assert [row.activation_bytes(torch.float16) for row in report] == [30, 40, None]
    assert report.activation_bytes(np.float32) == 4 * 35


def alive(network: Network, *, frees: bool = True) -> Iterator[int]:
    """Elements of the storages that torch holds while it runs a network and lets go of what no later layer reads."""
    readers = {name: number for number, (_, _, inputs) in enumerate(network.steps) for name in inputs}
    values = {"input": torch.rand(network.sizes["input"], dtype=torch.float64)}
    yield values["input"].numel()
    layers = network.module().layers
    for number, (name, layer, inputs) in enumerate(network.steps):
        values[name] = layers[name](*map(values.get, inputs)) if name in layers else layer(*map(values.get, inputs))
        storages = {value.untyped_storage().data_ptr(): value.untyped_storage() for value in values.values()}
        yield sum(storage.nbytes() for storage in storages.values()) // 8
        for one in list(values) if frees else []:
            if readers.get(one, number) <= number and one not in network.graph.outputs:
                del values[one]


@given(networks(axes=2, head=True))
def test_the_peak_is_what_torch_holds_at_most(network):
    with torch.no_grad():
        assert peak(network.graph.analyze()).value == max(alive(network))


def test_a_peak_that_nothing_is_freed_before_is_caught():
    network = Network.of(2, 6, 6)
    one = network.add(Linear(6, 60), torch.nn.Linear(6, 60), "input")
    network.add(Linear(60, 60), torch.nn.Linear(60, 60), network.add(Linear(60, 60), torch.nn.Linear(60, 60), one))
    with torch.no_grad():
        assert peak(network.graph.analyze()).value == max(alive(network)) < max(alive(network, frees=False))


class Alive(TorchDispatchMode):
    """The bytes of all storages that are alive after each operation at most, those of parameters aside."""

    def __init__(self, *inputs: torch.Tensor):
        super().__init__()
        self.found: dict[int, tuple[StorageWeakRef, int]] = {}
        self.most = 0
        self.see(inputs)

    def see(self, tensors: Any) -> None:
        for tensor in tree_leaves(tensors):
            if isinstance(tensor, torch.Tensor) and not isinstance(tensor, nn.Parameter):
                storage = tensor.untyped_storage()
                self.found[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
        self.most = max(self.most, sum(size for weak, size in self.found.values() if not weak.expired()))

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.see(result)
        return result


IMAGE = (3, 32, 32)
CALLS: dict[str, tuple[Callable[..., Any], list[nn.Module]]] = {
    "a ReLU in place": (lambda x, conv: nn.functional.relu_(conv(x)), [nn.Conv2d(3, 8, 3)]),
    "a module in place": (lambda x, conv, relu: relu(conv(x)), [nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True)]),
    "a sum in place": (lambda x, conv: conv(x).add_(1), [nn.Conv2d(3, 8, 3)]),
    "a sum by an operator in place": (lambda x, conv: _added(conv(x)), [nn.Conv2d(3, 8, 3)]),
    "a ReLU of its own": (nn.functional.relu, []),
    "another type": (lambda x: x.double(), []),
    "another type by to": (lambda x: x.to(torch.float16), []),
    "the same type": (lambda x: x.float(), []),
    "a clone": (lambda x: x.clone(), []),
    "in another order": (lambda x: x.permute(0, 2, 3, 1), []),
    "in another order, laid out": (lambda x: x.permute(0, 2, 3, 1).contiguous(), []),
    "laid out as it is": (lambda x: x.contiguous(), []),
    "reshaped as it lies": (lambda x: x.reshape(1, -1), []),
    "reshaped in another order": (lambda x: x.permute(0, 2, 3, 1).reshape(1, -1), []),
    "flattened in another order": (lambda x: x.permute(0, 2, 3, 1).flatten(1), []),
    "rows swapped and kept apart": (lambda x: x.transpose(1, 2).reshape(1, 32, 3, 16, 2), []),
    "a mask": (lambda x: x > 0, []),
    "places": (lambda x: x.argmax(1), []),
}


def _added(y: torch.Tensor) -> torch.Tensor:
    y += 1
    return y


def held(module: nn.Module, *inputs: torch.Tensor) -> int:
    """The bytes that torch holds at most while it runs a module."""
    with torch.no_grad(), Alive(*inputs) as alive:
        module(*inputs)
    return alive.most


@pytest.mark.parametrize("name", CALLS)
def test_the_peak_in_bytes_is_what_torch_holds_in_place_in_views_and_in_every_type(name):
    module = Function(CALLS[name][0], *CALLS[name][1])
    assert from_torch(module, IMAGE).analyze().peak_bytes() == held(module, torch.rand(1, *IMAGE))


def test_tokens_take_the_bytes_of_integers():
    module = nn.Embedding(10, 4)
    report = from_torch(module, (7,), dtype=torch.int64).analyze()
    assert report.peak_bytes() == held(module, torch.zeros(1, 7, dtype=torch.int64)) == 8 * 7 + 4 * 28
    assert report.activation_bytes("float16") == 8 * 7 + 2 * 28


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
@pytest.mark.parametrize("name", ["a ReLU in place", "a module in place", "another type", "a mask", "places"])
def test_a_network_takes_the_bytes_of_the_type_of_its_weights(name, dtype):
    module = Function(CALLS[name][0], *CALLS[name][1]).to(dtype)
    report = from_torch(module, IMAGE, dtype=None if CALLS[name][1] else dtype).analyze()
    assert report.dtype == str(dtype).removeprefix("torch.")
    assert report.peak_bytes() == held(module, torch.rand(1, *IMAGE, dtype=dtype)) != report.peak_bytes("float32")


def test_a_network_of_several_types_takes_the_bytes_of_each():
    """Its own is that of its first weights."""

    class Mixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.norm, self.two = nn.Conv2d(3, 3, 1).half(), nn.GroupNorm(1, 3), nn.Conv2d(3, 3, 1).double()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.two(self.norm(self.one(x).float()).double())

    report = from_torch(Mixed(), IMAGE).analyze()
    assert [row.dtype for row in report] == ["float16", "float16", "float32", "float32", "float64", "float64"]
    assert report.dtype == "float16"
    assert report.activation_bytes() == sum(3072 * getattr(torch, row.dtype).itemsize for row in report)
    assert report.activation_bytes("int8") == report.activation_bytes() - 2 * 3072


def test_buffers_tell_the_type_where_there_are_no_weights_and_the_default_where_there_is_nothing():
    norm = nn.BatchNorm2d(3, affine=False).half()
    assert from_torch(norm, IMAGE).analyze().dtype == "float16"
    assert from_torch(nn.ReLU(), IMAGE).analyze().dtype == "float32"
    graph = Graph()
    graph.add("dense", Linear(3, 4), graph.input((3,)))
    assert (graph.analyze().dtype, graph.analyze().activation_bytes()) == ("float32", 4 * 7)


ONNX_TYPES = {"FLOAT": "float32", "FLOAT16": "float16", "BFLOAT16": "bfloat16", "DOUBLE": "float64"}


@pytest.mark.parametrize("kind", ONNX_TYPES)
@pytest.mark.parametrize("weights", [True, False])
def test_an_onnx_file_takes_the_bytes_of_its_weights_or_else_of_its_input(kind, weights):
    onnx = pytest.importorskip("onnx")
    own = getattr(onnx.TensorProto, kind)
    image = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT if weights else own, [1, 4])
    ids = onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, [1, 4])
    weight = [onnx.TensorProto(name="w", data_type=own, dims=[4])] if weights else []
    node = onnx.helper.make_node("Mul", ["x", "w" if weights else "x"], ["y"])
    report = from_onnx(
        onnx.helper.make_model(onnx.helper.make_graph([node], "net", [ids, image], [], weight))
    ).analyze()
    assert (report.dtype, report["y"].dtype) == (ONNX_TYPES[kind],) * 2
    assert report["y"].activation_bytes() == 4 * itemsize(ONNX_TYPES[kind])


def test_a_model_of_halves_takes_the_bytes_that_are_asked_for():
    module = Function(lambda x, conv: conv(x) > 0, nn.Conv2d(3, 8, 3)).half()
    report = from_torch(module, IMAGE).analyze()
    assert report.peak_bytes() == report.peak_bytes("float16") == 2 * 7200 + 7200
    assert [row.activation_bytes("float32") for row in report] == [4 * 3072, 4 * 7200, 7200]


def test_weights_that_come_in_by_themselves_are_no_activations():
    class Placed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.place = nn.Parameter(torch.rand(1, *IMAGE))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.place

    report = from_torch(Placed(), IMAGE).analyze()
    assert (report.params, report.activations) == (3072, 2 * 3072)
    assert report.peak_bytes() == held(Placed(), torch.rand(1, *IMAGE)) == 8 * 3072
    assert [(row.op, row.elements) for row in report if row.params] == [("parameter", 0)]


def test_a_dense_layer_of_a_file_has_the_activations_of_its_products_and_sums():
    onnx = pytest.importorskip("onnx")
    image = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 4])
    weights = [
        onnx.helper.make_tensor(name, onnx.TensorProto.FLOAT, size, [1.0] * int(np.prod(size)))
        for name, size in (("w", [4, 5]), ("b", [5]))
    ]
    nodes = [onnx.helper.make_node("MatMul", ["x", "w"], ["p"]), onnx.helper.make_node("Add", ["p", "b"], ["y"])]
    report = from_onnx(onnx.helper.make_model(onnx.helper.make_graph(nodes, "net", [image], [], weights))).analyze()
    assert (report.params, report.activations) == (25, 4 + 5 + 5)
    assert report.peak_bytes() == 4 * (5 + 5)


def test_by_hand_casts_and_copies_take_memory_and_other_names_take_none():
    graph = Graph()
    name = graph.input((5, 3))
    for what in ("dropout", "cast", "identity", "clone"):
        name = graph.add(what, Identity(what), name)
    graph.add("flat", Flatten(1), name)
    assert graph.analyze().peak_bytes() == 2 * 4 * 15


def test_another_operator_writes_into_memory_of_its_own():
    graph = from_torch(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True)), IMAGE)
    pooled = graph.replaced({"1": Activation("sigmoid")})
    assert graph.analyze().peak_bytes() == 4 * (3072 + 7200)
    assert pooled.analyze().peak_bytes() == 4 * 2 * 7200


def test_a_peak_says_whether_sizes_are_missing():
    graph = Graph()
    first = graph.add("first", Linear(4, 4), graph.input((3, 4)))
    graph.add("last", Linear(4, 4), graph.add("odd", Unknown("odd", "it is odd"), first))
    report = graph.analyze()
    assert (report.peak().value, report.peak().status, report.peak().missing) == (96, "partial", ("odd", "last"))
    whole = Graph()
    whole.add("dense", Linear(4, 4), whole.input((3, 4)))
    assert whole.analyze().peak("float16") == peak(whole.analyze(), lambda row: 2 * row.elements)
    assert whole.analyze().peak().status == "complete"
