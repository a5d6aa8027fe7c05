"""Where training computes gradients: multiply-accumulates backward against what torch's counter sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.nn.utils import prune
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from convmath.errors import UnsupportedError
from convmath.network import Graph, from_torch
from convmath.network.conventions import flops
from convmath.network.files.writing import description
from convmath.network.operators import Activation, Combine, Conv, Cumulative, MatMul, Reduce, Sort
from convmath.network.torch_import.builder import Builder
from convmath.network.torch_import.exporting import read_exported
from convmath.network.torch_import.functions import functions_of

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


@torch.no_grad()
def silently(write: Callable[..., Any], *options: float) -> Any:
    return write(*options)


def copied(s: Two, x: Any) -> Any:
    silently(lambda: s.b.weight.copy_(s.b.weight / s.b.weight.norm()))
    return s.b(s.a(x))


@torch.no_grad()
def dense(x: Any, weight: Any) -> Any:
    return F.linear(x, weight)


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
    "a computed weight": lambda s, x: F.conv2d(s.a(x), s.b.weight * 2, padding=1),
    "a weight that is computed of a buffer": lambda s, x: F.conv2d(s.a(x), s.filters * 2),
    "a weight that is computed and detached": lambda s, x: F.conv2d(s.a(x), (s.b.weight * 2).detach(), padding=1),
    "a product as a weight": lambda s, x: F.linear(s.a(x), s.scale @ s.scale),
    "a product as a detached weight": lambda s, x: F.linear(s.a(x), (s.scale @ s.scale).detach()),
    "a product as a weight of what is detached": lambda s, x: F.linear(s.a(x), s.scale @ s.scale).detach() + s.b(x),
    "a product as a weight without gradients": lambda s, x: s.b(dense(s.a(x), s.scale @ s.scale)),
    "a weight that is a factor, too": lambda s, x: F.linear(s.a(x), s.scale) @ s.scale,
    "a factor that is detached in one place": lambda s, x: s.a(x) @ s.scale.detach() @ s.scale,
    "a weight that is scaled without gradients": lambda s, x: (silently(s.b.weight.mul_, 2), s.b(s.a(x)))[1],
    "a weight that is copied without gradients": copied,
    "a result that is scaled without gradients": lambda s, x: s.b(silently(s.a(x).mul_, 2)),
    "detached and learned from there on": lambda s, x: s.b(s.a(x).detach().requires_grad_()),
    "learned already": lambda s, x: s.b(s.a(x).requires_grad_()),
    "an input that is learned": lambda s, x: s.a(x.requires_grad_()),
    "returned detached": lambda s, x: s.b(s.a(x)).detach(),
    "returned as integers": lambda s, x: s.b(s.a(x)).long(),
    "one of two is returned detached": lambda s, x: (s.b(y := s.a(x)), s.a(y).detach()),
    "returned as it is and detached": lambda s, x: (y := s.b(s.a(x)), y.detach()),
}


def backward(module: nn.Module) -> int:
    """What torch counts on the way back from the sum of the results."""
    result = module.double().train()(torch.rand(1, *SIZE, dtype=torch.float64))
    ends = [one.sum() for one in (result if isinstance(result, tuple) else (result,)) if one.requires_grad]
    with FlopCounterMode(display=False) as counter:
        if ends:
            sum(ends).backward()
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


@pytest.mark.parametrize("frozen", ["", "weight", "bias"])
def test_a_weight_that_is_computed_of_one_that_is_frozen_has_no_gradient(frozen):
    def module():
        two = Two(lambda s, x: F.conv2d(s.a(x), s.b.weight * 2, s.b.bias, padding=1))
        for name, one in two.b.named_parameters():
            one.requires_grad_(name != frozen)
        return two

    assert said(module()) == backward(module())
    assert (said(module()) != said(Two(BODIES["a computed weight"]))) == (frozen == "weight")


class Sign(torch.autograd.Function):
    """The sign, as if it were the same."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x.sign()

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return gradient


class Mask(Sign):
    """What is positive, as if it were the same."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return (x.detach() > 0).to(x.dtype)


class Reversed(Sign):
    """The same, with the gradient of its negative."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        return -gradient


class Convolved(torch.autograd.Function):
    """A convolution that says itself what its gradients are."""

    @staticmethod
    def forward(x: Any, weight: Any) -> Any:
        return F.conv2d(x, weight, padding=1)

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Any:
        x, weight = ctx.saved_tensors
        over = torch.nn.grad.conv2d_input(x.shape, weight, gradient, padding=1)
        return over, torch.nn.grad.conv2d_weight(x, weight.shape, gradient, padding=1)


sign = Sign.apply
FUNCTIONS: dict[str, tuple[Callable[[Two, Any], Any], tuple[str, ...]]] = {
    "a sign": (lambda s, x: s.b(Sign.apply(s.a(x))), ("sign",)),
    "a sign by another name": (lambda s, x: s.b(sign(s.a(x))), ("sign",)),
    "a mask": (lambda s, x: s.b(Mask.apply(s.a(x))), ("gt", "to")),
    "the same": (lambda s, x: s.b(Reversed.apply(s.a(x))), ("Reversed",)),
    "the input": (lambda s, x: s.b(s.a(Sign.apply(x))), ()),
    "what is detached": (lambda s, x: s.b(Sign.apply(s.a(x).detach())), ()),
    "without gradients": (lambda s, x: s.b(torch.no_grad()(sign)(s.a(x))), ()),
    "returned detached": (lambda s, x: (s.b(x), Sign.apply(s.a(x)).detach()), ()),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_go_through_a_function_with_gradients_of_its_own_and_what_these_take_is_missing(name):
    body, missing = FUNCTIONS[name]
    total = from_torch(Two(body), SIZE).analyze().total(flops("flop_counter", backward=True))
    assert (total.value, total.missing) == (backward(Two(body)), missing)


def test_a_function_that_convolves_is_missing_backward_and_not_forward():
    module = Two(lambda s, x: Convolved.apply(s.a(x), s.b.weight))
    report = from_torch(module, SIZE).analyze()
    total = report.total(flops("flop_counter", backward=True))
    assert (report.macs, report.status) == (from_torch(Two(BODIES["both"]), SIZE).analyze().macs, "complete")
    assert (total.status, total.missing, report.saved().missing) == ("partial", ("conv2d",), ("conv2d",))
    assert total.value == said(Two(lambda s, x: s.a(x))) < backward(module)
    assert report["conv2d"].flops("2mac", backward=True) is None
    with pytest.raises(UnsupportedError, match=r"conv2d.*: training computes other gradients there"):
        description(report.graph)


def test_a_result_that_does_not_come_of_what_a_function_is_given_is_not_guessed():
    class Ones(Sign):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return torch.ones(x.shape)

    report = from_torch(Two(lambda s, x: s.b(Ones.apply(s.a(x)))), SIZE).analyze()
    assert report.total("backward_macs").missing == report.missing == ("Ones",)
    assert report["b"].learned == (True,)


def test_where_torch_export_reads_a_network_every_node_may_be_part_of_a_function_that_it_calls():
    def missing(body: Callable[[Two, Any], Any]) -> tuple[str, ...]:
        builder = Builder(torch.device("cpu"))
        module = Two(body)
        builder.weights(module)
        with builder.recorder.on():
            given = {"x": builder.input("x", (1, *SIZE), torch.float32)}
            report = builder.graph(read_exported(builder, module, given, {})).analyze()
        assert report.total("backward_macs").missing == report.saved().missing
        return report.saved().missing

    assert missing(lambda s, x: s.b(Sign.apply(s.a(x)))) == ("a", "sign", "b")
    assert missing(BODIES["both"]) == missing(lambda s, x: checkpoint(s.b, s.a(x), use_reentrant=True)) == ()


def failing(s: Two, x: Any) -> Any:
    raise TypeError(type(Sign.apply(s.a(x))).__name__)


def test_after_a_reading_functions_are_called_as_before():
    builder, called = Builder(torch.device("cpu")), list[type]()

    def note(function: type, original: Callable[..., Any], args: tuple[Any, ...]) -> Any:
        called.append(function)
        return original(*args)

    with builder.recorder.on(), functions_of(builder, note):
        with functions_of(Builder(torch.device("cpu")), note):
            pass
        Sign.apply(torch.ones(2))
    assert called == [Sign]
    with pytest.raises(UnsupportedError, match="TypeError"):
        from_torch(Two(failing), SIZE)
    assert "apply" not in vars(torch.autograd.function._SingleLevelFunction)
    assert torch.equal(Sign.apply(torch.tensor([-2.0, 3.0])), torch.tensor([-1.0, 1.0]))


CHECKPOINTS: dict[str, tuple[Callable[[Two, Any], Any], Callable[[Two, Any], Any]]] = {
    "in the middle": (lambda s, x: s.a(checkpoint(s.b, s.a(x), use_reentrant=True)), lambda s, x: s.a(s.b(s.a(x)))),
    "of the input": (lambda s, x: s.a(checkpoint(s.b, x, use_reentrant=True)), lambda s, x: s.a(s.b(x).detach())),
}


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad=True")
@pytest.mark.parametrize("name", CHECKPOINTS)
def test_a_checkpoint_has_the_gradients_of_what_it_runs_if_it_is_given_any_that_learns(name):
    reports = [from_torch(Two(body), SIZE).analyze() for body in CHECKPOINTS[name]]
    assert [(row.learned, row.trained) for row in reports[0]] == [(row.learned, row.trained) for row in reports[1]]
    assert reports[0].total("backward_macs") == reports[1].total("backward_macs")
    run, plain = (backward(Two(body)) for body in CHECKPOINTS[name])
    again = 2 * reports[0]["b"].macs if name == "in the middle" else 0
    assert said(Two(CHECKPOINTS[name][0])) == plain == run - again


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


@pytest.mark.parametrize("part", ["", "in_proj", "out_proj", "bias", "weight"])
def test_multi_head_attention_may_be_frozen_in_parts(part):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.heads = nn.Linear(SIZE[-1], 8), nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.heads(y := self.first(x[:, 0]), y, y)[0]

    def frozen() -> nn.Module:
        module = Heads()
        for name, parameter in module.heads.named_parameters():
            parameter.requires_grad_(not part or part not in name)
        return module

    assert said(frozen()) == backward(frozen())


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
    for body in (BODIES["both"], FUNCTIONS["a sign"][0]):
        with torch.no_grad():
            inside = from_torch(Two(body), SIZE).analyze().total("backward_macs")
        assert inside == from_torch(Two(body), SIZE).analyze().total("backward_macs")
        assert inside.value > 0


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
