"""Where training computes gradients: multiply-accumulates backward against what torch's counter sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.utils.flop_counter import FlopCounterMode

from convmath.network import Graph, from_torch
from convmath.network.conventions import flops
from convmath.network.operators import Activation, Combine, Conv, Cumulative, MatMul, Reduce, Sort

SIZE = (3, 8, 8)


class Two(nn.Module):
    """Two convolutions, and what is done with them."""

    def __init__(self, body: Callable[[Two, Any], Any], *, groups: int = 1) -> None:
        super().__init__()
        self.a, self.b = (nn.Conv2d(3, 3, 3, padding=1, groups=groups) for _ in range(2))
        self.scale = nn.Parameter(torch.ones(8, 8))
        self.register_buffer("filters", torch.ones(3, 3, 1, 1))
        self.body = body

    def forward(self, x: Any) -> Any:
        return self.body(self, x)


def without_gradients(s: Two, x: Any) -> Any:
    with torch.no_grad():
        fixed = s.a(x)
    return s.b(fixed)


@torch.no_grad()
def decorated(s: Two, x: Any) -> Any:
    return s.a(x)


def overwritten(weight: Any) -> Any:
    weight[..., 0] = 0
    return weight


BODIES: dict[str, Callable[[Two, Any], Any]] = {
    "both": lambda s, x: s.b(s.a(x)),
    "detached": lambda s, x: s.b(s.a(x).detach()),
    "detached and seen otherwise": lambda s, x: s.b(s.a(x).detach().clone().view(1, 3, 8, 8)),
    "the data": lambda s, x: s.b(s.a(x).data),
    "detached in place": lambda s, x: s.b(s.a(x).detach_()),
    "a mask": lambda s, x: s.a(x) * (s.b(x) > 0),
    "a mask as numbers": lambda s, x: s.a(x) * (s.b(x) > 0).float(),
    "through integers": lambda s, x: s.a(x) * s.b(x).long().float(),
    "where": lambda s, x: torch.where(s.b(x) > 0, s.a(x), x),
    "a place": lambda s, x: s.a(x) * s.b(x).argmax(1, keepdim=True),
    "a place of the first": lambda s, x: s.a(x) * s.b(x).topk(1, 1).indices,
    "the values of the first": lambda s, x: s.a(x) * s.b(x).topk(1, 1).values,
    "a maximum": lambda s, x: s.a(x) * s.b(x).max(1, keepdim=True).values,
    "rounded": lambda s, x: s.a(x) * s.b(x).round(),
    "no_grad": without_gradients,
    "no_grad around a call": lambda s, x: s.b(decorated(s, x)),
    "a branch that nobody reads": lambda s, x: (s.b(x), s.a(x))[1],
    "a skip around what is detached": lambda s, x: s.b(s.a(x).detach() + s.a(x)),
    "a product of both": lambda s, x: s.a(x) @ s.b(x),
    "a product with what is detached": lambda s, x: s.a(x) @ s.b(x).detach(),
    "a product with a parameter": lambda s, x: s.a(x) @ s.scale,
    "a product with a parameter of which a part is overwritten": lambda s, x: s.a(x) @ overwritten(2 * s.scale),
    "fixed filters": lambda s, x: nn.functional.conv2d(s.a(x), s.filters),
    "a detached weight": lambda s, x: nn.functional.conv2d(s.a(x), s.b.weight.detach(), padding=1),
}


def backward(module: nn.Module) -> int:
    """What torch counts on the way back from the sum of the result."""
    result = module.double().train()(torch.rand(1, *SIZE, dtype=torch.float64))
    with FlopCounterMode(display=False) as counter:
        result.sum().backward()
    return counter.get_total_flops()


def said(module: nn.Module) -> int:
    total = from_torch(module, SIZE).analyze().total(flops("flop_counter", backward=True))
    assert total.status == "complete"
    return total.value


@pytest.mark.parametrize("name", BODIES)
def test_a_gradient_is_counted_where_torch_computes_it(name):
    assert said(Two(BODIES[name])) == backward(Two(BODIES[name]))


FROZEN: dict[str, Callable[[Two], Any]] = {
    "the first": lambda s: s.a.requires_grad_(False),
    "the second": lambda s: s.b.requires_grad_(False),
    "the weights of the first": lambda s: s.a.weight.requires_grad_(False),
    "the weights of the second": lambda s: s.b.weight.requires_grad_(False),
    "the biases": lambda s: (s.a.bias.requires_grad_(False), s.b.bias.requires_grad_(False)),
}


@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("name", FROZEN)
def test_weights_that_training_leaves_as_they_are_have_no_gradient(name, groups):
    counts = []
    for count in (said, backward):
        module = Two(BODIES["both"], groups=groups)
        FROZEN[name](module)
        counts.append(count(module))
    assert counts[0] == counts[1]
    assert (counts[0] != said(Two(BODIES["both"], groups=groups))) == (name != "the biases")


def test_frozen_parameters_are_counted_as_parameters():
    module = Two(BODIES["both"])
    before = from_torch(module, SIZE).analyze().params
    module.requires_grad_(False)
    report = from_torch(module, SIZE).analyze()
    assert (report.params, report.backward_macs) == (before, 0)


def test_a_parameter_that_is_frozen_is_no_factor_that_is_learned():
    module = Two(BODIES["a product with a parameter"])
    module.scale.requires_grad_(False)
    assert said(module) == backward(module) != said(Two(BODIES["a product with a parameter"]))


def pruned(parameter: str = "") -> nn.Module:
    """Two convolutions, the second with weights and biases that hooks make of others, of which one is frozen."""
    second = prune.random_unstructured(prune.random_unstructured(nn.Conv2d(4, 4, 3), "weight", 0.5), "bias", 0.5)
    for name, one in second.named_parameters():
        one.requires_grad_(name != parameter)
    return nn.Sequential(nn.Conv2d(SIZE[0], 4, 3), second)


@pytest.mark.parametrize("parameter", ["", "weight_orig", "bias_orig"])
def test_a_pruned_weight_is_trained_where_the_one_of_its_own_name_is(parameter):
    assert said(pruned(parameter)) == backward(pruned(parameter))
    assert (said(pruned(parameter)) != said(pruned())) == (parameter == "weight_orig")


def test_multi_head_attention_that_is_frozen_has_gradients_for_its_inputs_only():
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.heads = nn.Linear(8, 8), nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            y = self.first(x)
            return self.heads(y, y, y)[0]

    free, frozen = Heads(), Heads()
    frozen.heads.requires_grad_(False)
    rows = [from_torch(module, (5, 8)).analyze()["heads.query"] for module in (free, frozen)]
    assert [row.backward_macs // row.macs for row in rows] == [2, 1]


def test_who_reads_a_network_without_gradients_is_told_those_of_its_training():
    with torch.no_grad():
        inside = said(Two(BODIES["both"]))
    assert inside == said(Two(BODIES["both"])) > 0


def test_every_input_counted_as_learned_is_caught():
    """The sum over all layers, whatever lies between them and the result."""
    detached = from_torch(Two(BODIES["detached"]), SIZE).analyze()
    assert detached.backward_macs < from_torch(Two(BODIES["both"]), SIZE).analyze().backward_macs


NOT_DIFFERENTIABLE = [
    *(Combine(name) for name in ("greater", "equal", "and", "one_hot")),
    *(Activation(name) for name in ("not", "isnan")),
    *(Reduce(how, (1,), keepdims=True) for how in ("argmax", "any", "count_nonzero")),
    *(Sort("argsort", 1), Cumulative("cummax_places", 1)),
]


@pytest.mark.parametrize("operator", NOT_DIFFERENTIABLE, ids=str)
def test_no_gradient_goes_through_a_comparison_of_a_network_that_no_framework_made(operator):
    def macs(between):
        graph = Graph()
        first = graph.add("first", Conv(3, 3, (1, 1)), graph.input(SIZE))
        graph.add(
            "product", MatMul(), graph.add("between", between, first), graph.add("own", Conv(3, 3, (1, 1)), "input")
        )
        return graph.analyze()["first"].backward_macs

    assert not operator.differentiable
    assert (macs(operator), macs(Activation("relu"))) == (0, 8 * 8 * 9)
