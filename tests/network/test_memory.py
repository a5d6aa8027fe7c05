"""Bytes of activations, and what is alive at once, against torch's own storages."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given

from convmath.errors import DomainError
from convmath.network import Graph
from convmath.network.memory import itemsize, peak
from convmath.network.operators import Linear, Unknown

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
        (None, "dtype=None: needs the name of a dtype"),
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
        assert peak(network.graph.analyze()) == max(alive(network))


def test_a_peak_that_nothing_is_freed_before_is_caught():
    network = Network.of(2, 6, 6)
    one = network.add(Linear(6, 60), torch.nn.Linear(6, 60), "input")
    network.add(Linear(60, 60), torch.nn.Linear(60, 60), network.add(Linear(60, 60), torch.nn.Linear(60, 60), one))
    with torch.no_grad():
        assert peak(network.graph.analyze()) == max(alive(network)) < max(alive(network, frees=False))
