"""Recurrent layers and sums of products: parameters and work against what torch has and counts."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from convmath.errors import DomainError  # noqa: E402
from convmath.network import Graph, from_torch  # noqa: E402
from convmath.network.fields.spans import Spans  # noqa: E402
from convmath.network.operators import Einsum, Linear, Recurrent, Slice  # noqa: E402
from convmath.network.operators.einsum import pairwise, parsed  # noqa: E402

LAYERS = {
    "rnn": lambda: nn.RNN(3, 5),
    "rnn with relu": lambda: nn.RNN(3, 5, nonlinearity="relu", batch_first=True),
    "gru": lambda: nn.GRU(3, 5, bias=False, batch_first=True),
    "gru of two layers": lambda: nn.GRU(3, 5, 2, batch_first=True, dropout=0.5),
    "lstm": lambda: nn.LSTM(3, 5),
    "lstm of both directions": lambda: nn.LSTM(3, 5, batch_first=True, bidirectional=True),
    "lstm of two layers and both directions": lambda: nn.LSTM(3, 5, 2, batch_first=True, bidirectional=True),
    "lstm with a projection": lambda: nn.LSTM(3, 5, 2, batch_first=True, proj_size=2),
}


class Steps(nn.Module):
    """A layer of which only the output of the steps is returned."""

    def __init__(self, layer, before=None):
        super().__init__()
        self.before, self.layer = before, layer

    def forward(self, x):
        return self.layer(x if self.before is None else self.before(x))[0]


def counted(module, *sizes, backward=False):
    """Multiply-accumulates by torch's counter, in double precision on real tensors."""
    inputs = [torch.rand(size, dtype=torch.float64) for size in sizes]
    module = module.double().train(backward)
    with FlopCounterMode(display=False) as forward:
        result = module(*inputs)
    if not backward:
        return forward.get_total_flops() // 2
    with FlopCounterMode(display=False) as counter:
        result.sum().backward()
    return counter.get_total_flops() // 2


@pytest.mark.parametrize("name", LAYERS)
def test_a_recurrent_layer_has_torchs_sizes_and_parameters(name):
    layer = LAYERS[name]().eval()
    report = from_torch(layer, (7, 3), verify=True).analyze()
    assert report.missing == ()
    assert report.params == sum(parameter.numel() for parameter in layer.parameters())
    results = layer(torch.rand(1, 7, 3))
    ends = results[1] if isinstance(results[1], tuple) else (results[1],)
    assert [report[end].sizes for end in report.graph.outputs] == [tuple(one.shape) for one in (results[0], *ends)]


class Unrolled(nn.Module):
    """A cell that is called step by step."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x):
        state = None
        for step in x.unbind(1):
            state = self.cell(step, state)
        return state[0] if isinstance(state, tuple) else state


@pytest.mark.parametrize("cell", [nn.RNNCell, nn.GRUCell, nn.LSTMCell])
@pytest.mark.parametrize("bias", [True, False])
def test_a_cell_that_is_called_step_by_step_is_a_layer(cell, bias):
    module = Unrolled(cell(3, 5, bias=bias))
    report = from_torch(module, (4, 3), verify=True).analyze()
    assert report.missing == ()
    assert report.params == sum(parameter.numel() for parameter in module.parameters())
    assert report[report.graph.outputs[0]].sizes == (1, 5)
    assert report.macs == counted(module, (1, 4, 3))


def test_the_state_of_another_sequence_is_not_read():
    """Positions of an image as sequences of one step: each goes on from its own state."""

    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.cell = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 5, 3, padding=1), nn.GRUCell(4, 5)

        def forward(self, x):
            rows = [conv(x).permute(0, 2, 3, 1).flatten(0, 2) for conv in (self.first, self.second)]
            return self.cell(*rows).view(1, 6, 7, 5).permute(0, 3, 1, 2)

    row = from_torch(Gated(), (3, 6, 7)).analyze().output
    assert (row.receptive_field.size, row.receptive_field.stride) == ((3, 3), (1, 1))


def test_a_sequence_without_a_batch_is_read():
    class Single(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.GRU(3, 5)

        def forward(self, x):
            return self.layer(x[0])

    report = from_torch(Single(), (7, 3), verify=True).analyze()
    assert [report[end].sizes for end in report.graph.outputs] == [(7, 5), (1, 5)]


@pytest.mark.parametrize("name", LAYERS)
def test_a_recurrent_layer_takes_the_products_that_torch_counts(name):
    layer = Steps(LAYERS[name]())
    assert from_torch(layer, (7, 3)).analyze().macs == counted(layer, (1, 7, 3))


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("learned", [False, True])
def test_its_gradients_take_the_products_that_torch_counts(name, learned):
    layer = Steps(LAYERS[name](), nn.Linear(3, 3) if learned else None)
    if layer.layer.dropout:
        layer.layer.dropout = 0.0
    report = from_torch(layer, (7, 3)).analyze()
    assert report.backward_macs == counted(layer, (1, 7, 3), backward=True)


def test_a_recurrent_layer_without_its_state_is_caught():
    layer = nn.LSTM(3, 5)
    assert Recurrent("gru", 3, 5).params != sum(parameter.numel() for parameter in layer.parameters())
    assert counted(Steps(layer), (7, 1, 3)) != 7 * 4 * 5 * 3  # of the input alone


def test_a_step_reads_all_before_it_and_a_feature_of_both_directions_no_more_than_everything():
    for both, wanted in ((False, Spans.first(4)), (True, Spans.first(7).bounded())):
        graph = Graph()
        graph.add("steps", Recurrent("gru", 5, 2, time=2, both=both), graph.input((3, 7, 5)))
        assert graph.analyze()["steps"].receptive_field[0].reads(3).clipped(0, 7) == wanted


def test_each_half_of_the_features_of_both_directions_reads_from_its_end():
    graph = Graph()
    both = graph.add("both", Recurrent("lstm", 5, 2, time=2, both=True), graph.input((3, 7, 5)))
    graph.add("forwards", Slice(3, 0, 2), both)
    graph.add("backwards", Slice(3, 2, 4), both)
    graph.add("some", Slice(3, 1, 3), both)
    twice = graph.add("twice", Recurrent("lstm", 5, 2, time=2, layers=2, both=True), "input")
    graph.add("half", Slice(3, 0, 2), twice)
    graph.add("mixed", Linear(4, 2), both)
    report = graph.analyze()
    assert report.reads("forwards", 3, 0)["input"][0] == Spans.first(4)
    assert report.reads("backwards", 3, 1)["input"][0] == Spans.of([(3, 7)])
    for name, index in (("both", 1), ("both", 2), ("some", 0)):
        assert report.reads(name, 3, index)["input"][0] == (Spans.of([(3, 7)]) if index == 2 else Spans.first(4))
    assert report.reads("some", 3, 1)["input"][0] == Spans.of([(3, 7)])
    assert report.reads("both")["input"][0] == Spans.first(7)
    assert report.reads("mixed", 3, 0)["input"][0] == Spans.first(7)
    assert report["forwards"].receptive_field.holes[0] is None
    assert report.reads("half", 3, 0)["input"][0] == Spans.first(7)  # the second layer reads both of the first


EQUATIONS = {
    "nhqd,nhkd->nhqk": [(2, 2, 3, 4), (2, 2, 5, 4)],
    "nchw,oc->nohw": [(2, 3, 4, 5), (6, 3)],
    "nchw,nkhw->nck": [(2, 3, 4, 5), (2, 6, 4, 5)],
    "ab,bc,cd->ad": [(2, 3), (3, 4), (4, 5)],
    "abc,cd->ad": [(2, 3, 4), (4, 5)],
    "ab,ab->ab": [(2, 3), (2, 3)],
    "ab,ab->a": [(2, 3), (2, 3)],
    "...ij,...jk": [(2, 3, 4), (2, 4, 5)],
    "ab,cd->": [(2, 3), (4, 5)],
}


class Sum(nn.Module):
    def __init__(self, equation):
        super().__init__()
        self.equation = equation

    def forward(self, *xs):
        return torch.einsum(self.equation, *xs)


@pytest.fixture
def left_to_right():
    """Without an optimiser of the order, whether one is installed or not."""
    before, torch.backends.opt_einsum.enabled = torch.backends.opt_einsum.enabled, False
    yield
    torch.backends.opt_einsum.enabled = before


@pytest.mark.parametrize("equation", EQUATIONS)
def test_einsum_takes_the_products_that_torch_counts(equation, left_to_right):
    sizes = EQUATIONS[equation]
    module = Sum(equation)
    terms, output = parsed(equation, [len(size) for size in sizes])
    graph = Graph()
    names = [graph.input(size[1:], f"x{i}", batch_size=size[0]) for i, size in enumerate(sizes)]
    found = names[0]
    for number, (step, other) in enumerate(zip(pairwise(terms, output), names[1:], strict=True)):
        found = graph.add(f"product{number}", step, found, other)
    rows = graph.analyze()
    assert rows[found].sizes == tuple(module(*(torch.rand(size) for size in sizes)).shape)
    assert rows.macs == counted(module, *sizes)
    if len({size[0] for size in sizes}) == 1:
        inputs = {f"xs.{i}": size[1:] for i, size in enumerate(sizes)}
        assert from_torch(module, inputs, batch_size=sizes[0][0]).analyze().macs == rows.macs


def test_the_product_of_all_sizes_is_caught_where_one_is_summed_beforehand(left_to_right):
    assert counted(Sum("abc,cd->ad"), (2, 3, 4), (4, 5)) != 2 * 3 * 4 * 5


@pytest.mark.parametrize(
    ("equation", "ranks", "message"),
    [
        ("ab,bc", (2,), "letters for each of 1 inputs"),
        ("ab->c", (2,), "letters that its inputs have"),
        ("abc->a", (2,), "does not fit an input of 2"),
        ("a...b->a", (1,), "does not fit an input of 1"),
        ("a1->a", (2,), "does not fit"),
    ],
)
def test_an_equation_that_does_not_fit_is_refused(equation, ranks, message):
    with pytest.raises(DomainError, match=message):
        parsed(equation, ranks)


@pytest.mark.parametrize(
    ("inputs", "output", "message"),
    [
        (("ii",), "i", "each letter once"),
        (("a", "b", "c"), "abc", "one or two inputs"),
        (("a",), "b", "letters of its inputs"),
    ],
)
def test_letters_that_say_nothing_are_refused(inputs, output, message):
    with pytest.raises(DomainError, match=message):
        Einsum(inputs, output)
