"""Parameters of operators: each is refused where it lies outside of its domain, in a sentence that names it."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from fractions import Fraction

import numpy as np
import pytest

from convmath.errors import DomainError
from convmath.network import Graph, operators
from convmath.network.files.reading import described
from convmath.network.node import Node
from convmath.network.operators import (
    Activation,
    AdaptivePool,
    Attention,
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Cumulative,
    Dropout,
    Einsum,
    Embedding,
    Expand,
    ExpandKeeping,
    Flatten,
    Flip,
    Fold,
    Gather,
    Identity,
    Input,
    Interpolate,
    LastState,
    Linear,
    LocalResponseNorm,
    Lookup,
    Norm,
    Operator,
    Pad,
    Permute,
    PixelShuffle,
    PixelUnshuffle,
    Pool,
    Recurrent,
    Reduce,
    Repeat,
    Reshape,
    ReshapeKeeping,
    Resize,
    Slice,
    SliceFromEnd,
    Softmax,
    Sort,
    Take,
    Unfold,
    Unknown,
    Windows,
)

WRONG = {
    "no channels": (lambda: Conv(0, 4, (3,)), "in_channels"),
    "negative channels": (lambda: Conv(1, -4, (3,)), "out_channels"),
    "no groups": (lambda: Conv(3, 4, (1, 1), groups=0), "groups"),
    "groups that do not divide": (lambda: Conv(3, 4, (1, 1), groups=2), "groups"),
    "a stride of 0": (lambda: Conv(3, 4, (1, 1), stride=0), "stride"),
    "half a dilation": (lambda: Conv(3, 4, (1, 1), dilation=(1, 0.5)), "dilation"),
    "a form that is none": (lambda: Conv(3, 4, (1, 1), padding="some"), "padding"),
    "padding of three sides": (lambda: Conv(3, 4, (1, 1), padding=((1, 2, 3), 0)), "padding"),
    "a kernel of 0": (lambda: Pool("max", (2, 0)), "kernel_size"),
    "true channels": (lambda: Conv(True, 4, (3,)), "in_channels"),
    "a bias of 1": (lambda: Conv(3, 4, (3,), bias=1), "bias"),
    "negative output_padding": (lambda: ConvTranspose(3, 4, (3,), output_padding=-1), "output_padding"),
    "no features": (lambda: Linear(0, 4), "in_features"),
    "another pooling": (lambda: Pool("foo", (2, 2)), "how"),
    "pooling to nothing": (lambda: AdaptivePool("avg", (0,)), "output_size"),
    "pooling to a half": (lambda: AdaptivePool("avg", (1.5, 1)), "output_size"),
    "another reduction": (lambda: Reduce("foo", (2,)), "how"),
    "a dimension twice": (lambda: Reduce("sum", (2, 2)), "dims"),
    "a dimension from the end": (lambda: Norm("layer_norm", 0, (-1,)), "dims"),
    "another norm": (lambda: Norm("x", 0), "name"),
    "negative parameters": (lambda: Norm("batch_norm", -5), "parameters"),
    "negative slopes": (lambda: Activation("prelu", -7), "parameters"),
    "a name that is none": (lambda: Activation(7), "name"),
    "no name": (lambda: Combine(""), "name"),
    "softmax from the end": (lambda: Softmax(-1), "dim"),
    "another padding": (lambda: Pad(((0, 0), (0, 0), (2, 2)), "foo"), "mode"),
    "padding by one number": (lambda: Pad((1, 1)), "amounts"),
    "a shuffle by 0": (lambda: PixelShuffle(0), "factor"),
    "an unshuffle by 0": (lambda: PixelUnshuffle(0), "factor"),
    "a float for a scale": (lambda: Resize("linear", (2.0, 2.0)), "scale"),
    "neither scale nor size": (lambda: Resize("linear"), "scale"),
    "a size for another axis": (lambda: Resize("linear", (2, 2), (4,)), "output_size"),
    "nearest by corners": (lambda: Resize("nearest", (2, 2), align_corners=True), "align_corners"),
    "another interpolation": (lambda: Resize("foo", (2, 2)), "mode"),
    "another rounding": (lambda: Interpolate("nearest", (2,), rounding="up"), "rounding"),
    "corners by two names": (lambda: Interpolate("linear", (2,), align_corners=True), "align_corners"),
    "a scale beyond all sizes": (lambda: Interpolate("nearest", (Fraction(10**400),)), "scale"),
    "a scale below all sizes": (lambda: Resize("nearest", (Fraction(1, 10**400),)), "scale"),
    "other coordinates": (lambda: Interpolate("nearest", (2,), coordinates="mine"), "coordinates"),
    "another cell": (lambda: Recurrent("mgu", 4, 5), "cell"),
    "as many layers as nobody has": (lambda: Recurrent("lstm", 4, 5, layers=10**30), "layers"),
    "sizes that are none": (lambda: Unknown("odd", "it is odd", (1, "n")), "output"),
    "no reason": (lambda: Unknown("odd", None), "reason"),
    "no layers": (lambda: Recurrent("lstm", 4, 5, layers=0), "layers"),
    "a projection of another cell": (lambda: Recurrent("gru", 4, 5, projected=2), "projected"),
    "a projection to more": (lambda: Recurrent("lstm", 4, 5, projected=5), "projected"),
    "negative rows": (lambda: Embedding(-1, 4), "rows"),
    "more than all dropped": (lambda: Dropout(1.5), "p"),
    "weights dropped by a name": (lambda: Attention(2, "some"), "dropout"),
    "no heads": (lambda: Attention(0), "heads"),
    "another running sum": (lambda: Cumulative("foo", 0), "name"),
    "the first 0": (lambda: Sort("topk", 1, 0), "length"),
    "a negative place": (lambda: Take(0, (1, -1)), "places"),
    "windows of 0": (lambda: Windows(0, 0, 1), "size"),
    "no repetition": (lambda: Repeat((0, 1)), "times"),
    "a part of an element": (lambda: Reshape((2.5, 2)), "shape"),
    "a letter that is none": (lambda: Einsum((1, "ab"), "a"), "inputs"),
    "a flip of two in one": (lambda: Flip((1, 1)), "dims"),
    "a size that is none": (lambda: Input((1, 4.5, 8)), "shape"),
    "a true size": (lambda: Input((1, True, 8)), "shape"),
    "an axis beyond the rank": (lambda: Input((1, 3, 8), (2, 3)), "axes"),
    "a state without a batch": (lambda: LastState((1, 2), -1), "batch"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_parameter_outside_its_domain_is_refused_when_the_operator_is_made(name):
    make, parameter = WRONG[name]
    with pytest.raises(DomainError, match="needs") as caught:
        make()
    assert caught.value.parameter == parameter


WITHIN = (
    *(Conv(4, 6, (3, 3), groups=2), ConvTranspose(4, 6, (3,), output_padding=1), Linear(3, 4), Pool("lp", (2, 2))),
    *(AdaptivePool("max", (1, None)), Reduce("argmax", (1, 2)), Norm("rms_norm", 4, (3,)), Activation("prelu", 3)),
    LocalResponseNorm(3, 1),
    *(Combine("add"), Softmax(1), Pad(((0, 0), (1, -1)), "wrap"), PixelShuffle(2), PixelUnshuffle(2)),
    *(Resize("cubic", (Fraction(3, 2),), align_corners=True), Interpolate("linear", (2,)), Recurrent("lstm", 4, 5)),
    *(Embedding(4, 4), Attention(2), Cumulative("cummax", 0), Sort("sort", 1), Take(0, (1, 0)), Gather(1)),
    *(Repeat((1, 2)), Reshape((0, -1)), Einsum(("ab",), "a"), Flip((1,)), Input((1, 3, 8), (2,)), LastState((1, 2), 0)),
    *(Flatten(), Permute((0, 1)), Slice(1, 0, 2), Concat(1), Expand((2, 3)), Lookup((2,)), Unfold((2, 2))),
    *(Windows(0, 2, 1), Fold((4, 4), (2, 2)), Identity(), Dropout(0.1), Unknown("odd", "it is odd")),
    *(ExpandKeeping((2, -1)), SliceFromEnd(1, -1, 0), ReshapeKeeping((0, 1), (0,))),
)


def test_every_operator_names_a_domain_for_each_of_its_parameters():
    made = {type(operator) for operator in WITHIN}
    every = {one for one in vars(operators).values() if is_dataclass(one) and issubclass(one, Operator)}
    assert {one.__name__ for one in every - made} == {"MatMul"}  # it has no parameters
    lacking = {(one.__name__, field.name) for one in every for field in fields(one)}
    lacking -= {(one.__name__, name) for one in every for name in one.domains}
    assert lacking == set()


@pytest.mark.parametrize("operator", WITHIN, ids=lambda operator: type(operator).__name__)
def test_an_object_is_no_parameter(operator):
    """Whatever the parameter is, what is neither number, name nor tuple is refused in a sentence."""
    for name in operator.domains:
        with pytest.raises(DomainError) as caught:
            replace(operator, **{name: object()})
        assert caught.value.parameter == name


def test_integers_of_numpy_become_ints_and_integers_among_scales_fractions():
    conv = Conv(np.int64(3), 4, (np.int32(3), 3))
    assert (type(conv.in_channels), type(conv.kernel_size[0])) == (int, int)
    assert Resize("linear", (2,)) == Resize("linear", (Fraction(2),))


NOT_FITTING = {
    "softmax": (Softmax(9), "dims=\\(9,\\)"),
    "norm": (Norm("layer_norm", 0, (9,)), "dims=\\(9,\\)"),
    "slopes": (Activation("prelu", 7), "parameters=7"),
    "groups": (Norm("group_norm", 6, (1, 2, 3), 2), "groups=2"),
    "heads": (Attention(3), "heads=3"),
}


@pytest.mark.parametrize("name", NOT_FITTING)
def test_a_parameter_that_does_not_fit_the_input_is_refused_at_its_node(name):
    operator, message = NOT_FITTING[name]
    graph = Graph()
    graph.add("layer", operator, *(graph.input((3, 8, 8), f"x{n}") for n in range(3 if name == "heads" else 1)))
    with pytest.raises(DomainError, match=f"node='layer': {message}"):
        graph.analyze()


@pytest.mark.parametrize(
    ("operator", "count", "message"),
    [
        (Input((1, 3)), 1, "inputs=1: an input of the network reads no other node"),
        (LastState((1, 1, 5), 0), 2, "inputs=2: last_state needs one input"),
        (LastState((1, 1, 5), 4), 1, r"batch=\(4,\)"),
    ],
)
def test_what_reads_too_much_is_refused_at_its_node(operator, count, message):
    graph = Graph()
    graph.add("layer", operator, *(graph.input((3, 8, 8), f"x{n}") for n in range(count)))
    with pytest.raises(DomainError, match=f"node='layer': {message}"):
        graph.analyze()


@pytest.mark.parametrize("count", [1, 3, 8, 24])
def test_slopes_for_each_channel_or_each_element_of_a_dimension_fit(count):
    assert Activation("prelu", count).sizes((1, 3, 8, 8)) == (1, 3, 8, 8)


@pytest.mark.parametrize(
    ("layer", "parameter"),
    [
        ({"op": "softmax", "dim": 9}, "dim"),
        ({"op": "prelu", "num_parameters": -7}, "parameters"),
        ({"op": "group_norm", "num_groups": 0}, "groups"),
        ({"op": "group_norm", "num_groups": 2}, "groups"),
        ({"op": "resize", "scale_factor": 2, "align_corners": True}, "align_corners"),
    ],
)
def test_a_layer_of_a_file_is_refused_where_its_operator_is(layer, parameter):
    with pytest.raises(DomainError, match=f"{parameter}="):
        described({"input": [3, 8, 8], "layers": [layer]}).analyze()


class Stubborn(Operator):
    """It has sizes, and refuses every other question."""

    def sizes(self, *inputs):
        return inputs[0]

    def reads(self, inputs, output):
        raise DomainError("window", 3, "needs another")

    def work(self, inputs, output):
        raise DomainError("window", 3, "needs another")


class Stubborner(Stubborn):
    """It refuses to say how many parameters it has, too."""

    @property
    def params(self):
        raise DomainError("window", 3, "needs another")


@pytest.mark.parametrize("make", [Stubborn, Stubborner])
def test_every_error_of_an_operator_names_its_node(make):
    graph = Graph()
    graph.add("deep", make(), graph.input((3, 8, 8)))
    with pytest.raises(DomainError, match="node='deep': window=3: needs another"):
        graph.analyze()


@pytest.mark.parametrize("params", [-5, 1.5, True])
def test_a_node_has_a_number_of_parameters(params):
    graph = Graph()
    graph.input((3, 8, 8))
    with pytest.raises(DomainError, match="params="):
        Graph([*graph, Node("relu", Activation("relu"), ("input",), params)])


def test_a_graph_is_made_of_nodes_and_a_total_of_numbers_that_rows_have():
    with pytest.raises(DomainError, match="nodes=1: needs nodes"):
        Graph([1])
    graph = Graph()
    graph.input((3, 8, 8))
    with pytest.raises(DomainError, match=r"what='mac'.*did you mean macs"):
        graph.analyze().total("mac")
