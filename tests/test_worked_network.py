"""A network on a worked page: its sizes and parameters are torch's, and those that the course states."""

from __future__ import annotations

import re
from math import prod

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from convmath.errors import DomainError
from convmath.worked import Convolution, Dense, Network, Pooling, example, render

from .worked_pages import equations, wrong_sums

LENET = example("pf-network").parts[0]
# Rows and columns, channels, parameters: what the course states, layer by layer.
SHAPES = ((28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (120,), (84,), (10,))
PARAMETERS = (456, 0, 2416, 0, 48120, 10164, 850)
CONVOLUTIONS = st.builds(Convolution, st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2))
POOLINGS = st.builds(Pooling, st.integers(1, 2), st.sampled_from([None, 1, 2]), st.sampled_from(["max", "avg"]))
SPATIAL = st.lists(CONVOLUTIONS | POOLINGS, max_size=3)
DENSE = st.lists(st.builds(Dense, st.integers(1, 5)), max_size=2)
NETWORKS = st.builds(
    lambda size, channels, spatial, dense: Network(size, channels, (*spatial, *(dense or [Dense(2, softmax=True)]))),
    st.tuples(st.integers(24, 30), st.integers(24, 30)),
    st.integers(1, 3),
    SPATIAL,
    DENSE,
)


def in_torch(network: Network) -> tuple[list[tuple[int, ...]], list[int]]:
    """The outputs and the parameters of the same layers in torch, channels last."""
    x, shapes, parameters = torch.zeros(1, network.channels, *network.input_size), [], []
    for layer in network.layers:
        match layer:
            case Convolution(filters, size, stride, padding):
                module = torch.nn.Conv2d(x.shape[1], filters, size, stride, padding)
            case Pooling(size, stride, mode):
                module = (torch.nn.MaxPool2d if mode == "max" else torch.nn.AvgPool2d)(size, stride)
            case Dense(outputs):
                x = x.flatten(1)
                module = torch.nn.Linear(x.shape[1], outputs)
        x = module(x)
        shapes.append(tuple(x.movedim(1, -1).shape[1:]))
        parameters.append(sum(p.numel() for p in module.parameters()))
    return shapes, parameters


def test_the_network_of_the_course_has_its_sizes_and_parameters():
    assert LENET.shapes == SHAPES
    assert LENET.parameters == PARAMETERS


def test_a_module_of_torch_has_the_same():
    assert in_torch(LENET) == (list(SHAPES), list(PARAMETERS))


@given(NETWORKS)
def test_the_sizes_and_parameters_are_those_of_torch(network):
    assert in_torch(network) == (list(network.shapes), list(network.parameters))
    count, wrong = wrong_sums(render(network))
    assert wrong == []
    assert count >= len(network.layers)


def test_a_padding_too_many_is_caught():
    padded = Network((32, 32), 3, (Convolution(6, 5, padding=1), *LENET.layers[1:]))
    assert padded.shapes[0] != in_torch(LENET)[0][0]


def test_the_page_writes_every_formula_with_its_numbers():
    lines = list(equations(render(LENET)))
    assert lines[0] == "⌊(n + 2·p - f)/s⌋ + 1 = ⌊(32 + 2·0 - 5)/1⌋ + 1 = 28"
    assert lines[1] == "k·(c·f^2 + 1) = 6·(3·5^2 + 1) = 456"
    assert "I = 5·5·16 = 400" in lines
    assert "O·(I + 1) = 120·(400 + 1) = 48120" in lines
    assert lines[-1] == f"{' + '.join(str(count) for count in PARAMETERS if count)} = 62006"


def test_a_wrong_parameter_count_on_a_page_is_found():
    page = render(LENET).replace("6·(3·5^2 + 1) = 456", "6·(3·5^2 + 1) = 450")
    assert wrong_sums(page)[1] == ["k·(c·f^2 + 1) = 6·(3·5^2 + 1) = 450"]


def test_the_table_has_a_row_for_each_layer():
    rows = re.findall(r"^ +(\d) +([\dx ]+?)  +(\d+) +(\d+)$", render(LENET), re.MULTILINE)
    assert rows == [
        (str(number), " x ".join(map(str, shape)), str(prod(shape)), str(count))
        for number, (shape, count) in enumerate(zip(SHAPES, PARAMETERS, strict=True), 1)
    ]


@pytest.mark.parametrize(
    ("size", "layers", "sentence"),
    [
        ((32,), (Dense(1),), "input_size=(32,): needs rows and columns"),
        ((32, 32), (), "layers=(): needs at least one layer"),
        ((32, 32), (Dense(1), Pooling(2)), "needs every convolution and pooling before the dense layers"),
        ((4, 4), (Convolution(1, 5),), "spans 5 elements, but axis 0 has 4"),
        ((4, 4), (Dense(0),), "needs out_features >= 1"),
    ],
)
def test_a_network_without_an_output_is_refused(size, layers, sentence):
    with pytest.raises(DomainError) as caught:
        Network(size, 3, layers).parameters  # noqa: B018 - the property is the test
    assert sentence in str(caught.value)
