"""A set of input sizes that is called complete has all that torch takes, or says of which sizes it says nothing."""

from __future__ import annotations

import copy
from contextlib import suppress
from dataclasses import replace

import pytest
import sympy
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.calculus.index import both, eq, integers, le
from convmath.errors import DomainError
from convmath.inert import CeilDiv, FloorDiv, Mod
from convmath.network import Graph
from convmath.network.closed_form import refusals
from convmath.network.closed_form.by_remainder import theorems_by_remainder
from convmath.network.closed_form.claims import Claim, satisfying
from convmath.network.closed_form.refusals import MOST_READ
from convmath.network.closed_form.scope import CLAUSES
from convmath.network.closed_form.sets import SizeSet
from convmath.network.operators import AdaptivePool, Concat, Conv, Pool, Slice

from .computing import Function

n = integers("n")
SIZES = (*range(1, 41), 63, 64, 65, 100)


def taken(module: nn.Module, size: int) -> bool:
    """Whether torch runs it on an image of that size, and returns a tensor with elements."""
    try:
        with torch.no_grad():
            return copy.deepcopy(module)(torch.zeros(1, 3, size, size)).numel() > 0
    except (IndexError, RuntimeError, TypeError, ValueError):
        return False


def forms(module: nn.Module, at: int | None = None):
    return network.from_torch(module, (3, "n", "n"), at=at).closed_forms()


def left_out(module: nn.Module, found) -> list[int]:
    """The sizes that torch takes though the set, which is complete, has not got them."""
    assert all(taken(module, size) for size in SIZES if size in found.valid)
    return [size for size in SIZES if taken(module, size) and size not in found.valid]


# What torch refuses, and the network's own code catches


def halved_and_doubled(x):
    return F.interpolate(F.avg_pool2d(x, 2), scale_factor=2)


def joined_or_not(x):
    try:
        return torch.cat([x, halved_and_doubled(x)], 1)
    except RuntimeError:
        return x


def added_or_not(x):
    try:
        return x + halved_and_doubled(x)
    except Exception:
        return x


def convolved_or_not(x, conv):
    try:
        return conv(x)
    except RuntimeError:
        return x


def as_often_as_it_goes(x, conv):
    for _ in range(5):
        try:
            x = conv(x)
        except RuntimeError:
            break
    return x


def last_of_several(x):
    for _ in range(4):
        x = F.max_pool2d(x, 2)
    try:
        return F.max_pool2d(x, 2)
    except RuntimeError:
        return x


def cropped_or_not(x):
    with suppress(RuntimeError):
        x = F.pad(x, (0, 0, -2, -3))
    return x[:, :, ::2]


CAUGHT = {
    "cropped or not": Function(cropped_or_not),
    "joined or not": Function(joined_or_not),
    "added or not": Function(added_or_not),
    "convolved or not": Function(convolved_or_not, nn.Conv2d(3, 3, 17)),
    "as often as it goes": Function(as_often_as_it_goes, nn.Conv2d(3, 3, 9)),
    "the last of several": Function(last_of_several),
}


@pytest.mark.parametrize("module", CAUGHT.values(), ids=CAUGHT)
def test_a_refusal_that_is_caught_leaves_sizes_of_which_nothing_is_said(module):
    found = forms(module, at=64)
    assert left_out(module, found)
    assert CLAUSES["read"] in found.valid.scope.clauses
    assert str(found.valid).endswith(", where the network is as it was read")
    assert found.output.label == "proved"


REFUSED = {
    "cropped": Function(lambda x: F.pad(x, (0, 0, -2, -3))[:, :, ::2]),
    "joined": Function(lambda x: torch.cat([x, halved_and_doubled(x)], 1)),
    "added": Function(lambda x: x + halved_and_doubled(x)),
    "convolved": Function(lambda x, conv: conv(x), nn.Conv2d(3, 3, 17)),
    "often": nn.Sequential(*(nn.Conv2d(3, 3, 9) for _ in range(5))),
}


@pytest.mark.parametrize("module", REFUSED.values(), ids=REFUSED)
def test_a_refusal_that_nobody_catches_leaves_none(module):
    found = forms(module, at=64)
    assert CLAUSES["read"] not in found.valid.scope.clauses
    assert [size for size in left_out(module, found) if size != 1] == []  # a size 1 is stretched


def test_what_catches_errors_of_another_kind_catches_nothing():
    """Torch raises RuntimeError, whatever this library raises."""

    def function(x):
        try:
            return torch.cat([x, halved_and_doubled(x)], 1)
        except ValueError:
            return x

    module = Function(function)
    assert (str(forms(module).valid), left_out(module, forms(module))) == ("n >= 2 with n mod 2 = 0", [])
    with pytest.raises(DomainError, match="concat needs equal sizes"):
        network.from_torch(module, (3, 65, 65))


@pytest.mark.parametrize("size", [64, 65])
def test_a_refusal_that_is_caught_is_read_as_torch_runs_it(size):
    module = Function(joined_or_not)
    shape = tuple(module(torch.zeros(1, 3, size, size)).shape)
    graph = network.from_torch(module, (3, size, size))
    report = graph.analyze()
    assert [report[name].output_size for name in graph.outputs] == [shape[1:]]


AS_LARGE = {
    "a product": lambda x: x @ torch.zeros(23, 3),
    "a sum of products": lambda x: torch.addmm(torch.zeros(1, 3), x, torch.zeros(23, 3)),
    "a layer": lambda x: F.linear(x, torch.zeros(3, 23)),
    "a view": lambda x: x.view(23)[None, :1],
    "rows": lambda x: torch.cat([x, torch.zeros(1, 23)])[:1, :1],
    "a part": lambda x: x.unflatten(1, (23, 1))[..., 0].relu()[:, :1],
}


@pytest.mark.parametrize("at", [5, 60])
@pytest.mark.parametrize("name", AS_LARGE)
def test_where_a_refusal_is_caught_the_sizes_that_are_not_refused_are_left_out(name, at):
    def function(x):
        with suppress(RuntimeError):
            return AS_LARGE[name](x)
        return x.sigmoid()

    found = network.from_torch(Function(function), ("n",), at=at).closed_forms()
    assert str(found.valid) == f"{'1 <= n <= 22' if at < 23 else 'n >= 24'}, where the network is as it was read"
    assert found["sigmoid"].valid == found.valid.sizes
    for n in (1, 22, 23, 24, 90):
        assert n not in found.valid or found.output.at(n) == tuple(function(torch.zeros(1, n)).shape)


def test_what_is_refused_at_every_size_leaves_out_none():
    def function(x):
        with suppress(RuntimeError):
            return F.conv1d(x[:, None], torch.zeros(4, 3, 3))
        return x.sigmoid()

    found = network.from_torch(Function(function), ("n",), at=60).closed_forms()
    assert (str(found.valid), found.output.at(3)) == ("n >= 1", tuple(function(torch.zeros(1, 3)).shape))


def test_for_one_of_several_symbols_a_refusal_that_is_caught_is_found_too():
    def function(x):
        try:
            return torch.cat([x, F.interpolate(F.avg_pool2d(x, (2, 1)), scale_factor=(2, 1))], 1)
        except RuntimeError:
            return x

    found = network.from_torch(Function(function), (3, "h", "w")).closed_forms()
    assert str(found.valid["h"]) == "h >= 2 with h mod 2 = 0, where the network is as it was read"
    assert str(found.valid["w"]) == "w >= 1"


def watched(graph: Graph) -> list[object]:
    """The sizes at which a graph is read again from now on."""
    read, source = [], graph.provenance.source
    graph.provenance = replace(graph.provenance, source=lambda sizes: read.append(sizes) or source(sizes))
    return read


def test_what_refuses_nothing_is_not_read_again_for_that():
    graph = network.from_torch(nn.Sequential(*(nn.Conv2d(3, 3, 3, 2, 1) for _ in range(9))), (3, 64, 64))
    read = watched(graph)
    assert str(graph.closed_forms().valid) == "n >= 1"
    assert len(read) == 1


def test_what_refuses_much_is_read_again_at_all_of_it_or_said_to_be_another_there(monkeypatch):
    chain = nn.Sequential(*(nn.Conv2d(3, 3, 3) for _ in range(20)))
    for most, clause, times in ((MOST_READ, "", 1 + 2 * 20), (0, f", {CLAUSES['read']}", 1 + 3)):
        monkeypatch.setattr(refusals, "MOST_READ", most)
        graph = network.from_torch(chain, (3, 96, 96))
        read = watched(graph)
        assert str(graph.closed_forms().valid) == f"n >= 41{clause}"
        assert len(read) == times


class Chain(nn.Module):
    """Layers that each need a larger input than those before; the refusal of one is caught."""

    def __init__(self, length: int, caught: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3, 3, 3) for _ in range(length))
        self.caught = caught

    def forward(self, x):
        for number, layer in enumerate(self.layers):
            try:
                x = layer(x)
            except RuntimeError:
                if number == self.caught:
                    return x
                raise
        return x


@pytest.mark.parametrize("caught", [2, 5, 11])
def test_of_twenty_layers_that_refuse_the_one_whose_refusal_is_caught_is_found(caught):
    module = Chain(20, caught)
    found = forms(module)
    assert set(left_out(module, found)) == {2 * caught + 1, 2 * caught + 2}
    assert str(found.valid) == "n >= 41, where the network is as it was read"
    assert str(forms(Chain(20, -1)).valid) == "n >= 41"


def summed_or_not(x):
    try:
        return F.conv2d(x, x.new_zeros(3, 3, 9, 9))
    except RuntimeError:
        y = x + torch.zeros(x.shape[2] // 2)
        return y[:, :, :1]


def of_one_size_or_refused(x):
    try:
        return F.conv2d(x, x.new_zeros(3, 3, 9, 9))
    except RuntimeError:
        if x.shape[2] == 5:
            return x
        raise


@pytest.mark.parametrize("function", [summed_or_not, of_one_size_or_refused])
def test_what_is_caught_and_refused_later_at_the_sizes_that_are_tried_is_found(function):
    found = forms(Function(function))
    assert set(left_out(Function(function), found)) <= {2, 3, 5}
    assert str(found.valid) == "n >= 9, where the network is as it was read"


# Sizes of tensors that the network's own code asks for


@pytest.mark.parametrize(
    "function",
    [
        lambda x: F.adaptive_avg_pool2d(x, max(x.shape[2] // 3 - 4, 1)),
        lambda x: x[:, :, 1:] if x[:, :, 1:].shape[2] else x,
        lambda x: F.interpolate(x, size=x.shape[2] - 5) if x.shape[2] > 5 else x,
    ],
)
def test_that_a_tensor_with_elements_is_returned_is_no_reason_that_the_code_goes_this_way(function):
    found = forms(Function(function))
    assert left_out(Function(function), found)
    assert found.valid.scope.clauses == (CLAUSES["read"],)


# Tensors without elements

EMPTY_ON_THE_WAY = {
    "halves exchanged": lambda x: torch.cat([x[:, :, x.shape[2] // 2 :], x[:, :, : x.shape[2] // 2]], 2),
    "cut to a multiple and padded": lambda x: F.pad(x[:, :, : x.shape[2] - x.shape[2] % 8], (0, 0, 0, 1)),
    "the sum of the rest": lambda x: x + x[:, :, 5:].sum(2, keepdim=True),
    "rolled by hand": lambda x: torch.cat([x[:, :, 3:], x[:, :, :3]], 2),
    "a product without terms": lambda x: x[..., 3:] @ x[:, :, 3:],
}


@pytest.mark.parametrize("function", EMPTY_ON_THE_WAY.values(), ids=EMPTY_ON_THE_WAY)
def test_where_a_tensor_on_the_way_may_be_empty_the_set_says_so(function):
    found = forms(Function(function))
    assert left_out(Function(function), found)
    assert CLAUSES["empty"] in found.valid.scope.clauses
    assert "where no tensor on the way is empty" in str(found.valid)


def test_a_crop_that_leaves_nothing_is_no_output():
    module = Function(lambda x: x[:, :, : x.shape[2] // 8 * 8])
    assert (str(forms(module).valid), left_out(module, forms(module))) == ("n >= 8", [])


def test_what_reads_windows_refuses_a_tensor_that_is_empty():
    module = Function(lambda x: F.max_pool2d(x[:, :, : x.shape[2] // 8 * 8], 3, 1, 1) + x.mean(2, keepdim=True))
    assert (str(forms(module).valid), left_out(module, forms(module))) == ("n >= 8", [])


def test_by_hand_every_layer_has_an_output():
    graph = Graph()
    image = graph.input((3, "n", 8))
    first, rest = graph.add("first", Slice(2, 0, 3), image), graph.add("rest", Pool("max", (4, 1), stride=1), image)
    graph.add("both", Concat(2), first, rest)
    assert str(graph.closed_forms().valid) == "n >= 4"


def test_circular_padding_that_crops_as_well_does_not_say_where_torch_refuses():
    def module(x):
        return F.pad(x, (5, -3, 0, 0), mode="circular")

    found = forms(Function(module))
    assert left_out(Function(module), found) == [5, 6, 7]
    assert str(found.valid) == "n >= 8, where the network is as it was read"
    whole = forms(Function(lambda x: F.pad(x, (5, 3, 0, 0), mode="circular")))
    assert str(whole.valid) == "n >= 5"


# What is lost


@pytest.mark.parametrize(
    ("layer", "lossless"),
    [
        (nn.Conv1d(1, 1, 3, stride=2, padding=1), "n >= 1"),
        (nn.Conv1d(1, 1, 1, stride=2), "n >= 1 with n mod 2 = 1"),
        (nn.Conv1d(1, 1, 5, stride=4, padding=1), "n >= 3 with n mod 4 in {0, 3}"),
        (nn.AvgPool1d(2, 4, ceil_mode=True), "n >= 1 with n mod 4 in {1, 2}"),
        (nn.AvgPool1d(4, 6, padding=1, ceil_mode=True), "n >= 1 with n mod 6 not in {4, 5}"),
        (nn.AvgPool1d(3, 2, ceil_mode=True), "n >= 2"),
        (Function(lambda x: x.unfold(2, 3, 2)), "n >= 3 with n mod 2 = 1"),
    ],
    ids=str,
)
def test_nothing_is_lost_where_the_last_element_has_a_gradient(layer, lossless):
    found = network.from_torch(layer, (1, 64)).closed_forms()
    for parameter in layer.parameters():
        nn.init.ones_(parameter)
    assert (str(found.lossless), found.lossless.label) == (lossless, "proved")
    for n in range(1, 40):
        image = torch.ones(1, 1, n, requires_grad=True)
        if n not in found.valid:
            assert n not in found.lossless
            continue
        layer(image).sum().backward()
        assert (n in found.lossless) == bool(image.grad[0, 0, -1]), n


def test_a_layer_that_loses_some_at_every_size_loses_at_all_of_them():
    def graph(stride: int) -> Graph:
        found = Graph()
        pooled = found.add("pooled", AdaptivePool("avg", (3,)), found.input((1, "n")))
        found.add("last", Conv(1, 1, (1,), stride=stride), pooled)
        return found

    lossy, other = graph(3).closed_forms(), graph(2).closed_forms()
    assert (str(lossy.lossless), lossy.lossless.label) == ("no n: last loses some at every size", "proved")
    assert (str(other.lossless), other.lossless.label, str(lossy.valid)) == ("n >= 1", "proved", "n >= 1")


# Sets of many remainders, and several ways


def test_sets_of_several_moduli_are_proved():
    even, sixes = SizeSet.of(2, None, 2, [0]), SizeSet.of(6, None, 6, [0])
    third = Claim.of("==", Mod(n, 3), sympy.Integer(0))
    found = theorems_by_remainder(third, even, sixes, n)
    assert {frozenset(theorem.trust) for theorem in found} == {frozenset({"kernel"})}
    for wrong in (even, SizeSet.of(12, None, 6, [0]), SizeSet.of(3, None, 6, [3]), SizeSet.of(1, None, 1, [])):
        assert theorems_by_remainder(third, even, wrong, n) is None, wrong


def test_long_sets_are_proved_to_their_ends():
    """Also where they are too long to look at their elements one by one."""
    third, long = Claim.of("==", Mod(n, 3), sympy.Integer(0)), SizeSet.of(1, 5000, 1, [0])
    assert theorems_by_remainder(third, long, SizeSet.of(3, 4998, 3, [0]), n)
    for wrong in (SizeSet.of(3, 1025, 3, [0]), SizeSet.of(3, 4995, 3, [0])):
        assert theorems_by_remainder(third, long, wrong, n) is None, wrong


def test_no_proof_is_claimed_where_there_are_too_many_remainders():
    rare, everything = Claim.of("==", Mod(n, 2048), sympy.Integer(0)), SizeSet.of(1, None, 1, [0])
    assert theorems_by_remainder(rare, everything, everything, n) is None


MANY = [
    Claim.of("==", FloorDiv(n, 15), FloorDiv(n + 2, 15)),
    Claim.of("==", CeilDiv(n, 5), CeilDiv(n, 7)),
    Claim.of("==", FloorDiv(n + 1, 4), CeilDiv(n + 7, 6)),
    Claim.of("<=", CeilDiv(n, 3), FloorDiv(n, 4) + 2),
]


@pytest.mark.parametrize("claim", MANY, ids=str)
def test_what_satisfies_a_claim_is_proved_remainder_by_remainder(claim):
    after = satisfying(claim, SizeSet())
    assert theorems_by_remainder(claim, SizeSet(), after, n)
    first = after.up_to(400)[0]
    without_first = SizeSet.of(first + 1, after.greatest, after.modulus, after.remainders)
    assert theorems_by_remainder(claim, SizeSet(), without_first, n) is None
    beyond = SizeSet.of(after.least, after.greatest, 1, [0])
    if beyond != after:
        assert theorems_by_remainder(claim, SizeSet(), beyond, n) is None


def test_a_form_on_several_ways_has_a_theorem_for_each():
    def function(x):
        return F.pad(x, (0, 0, 0, 32 - x.shape[2] % 32)) if x.shape[2] % 32 else x

    found = forms(Function(function), at=100).output
    assert (found.size, found.label, found.theorem) == (32 * CeilDiv(n, 32), "proved", None)
    assert [theorem.formula.args[1] for theorem in found.theorems] == [32 * CeilDiv(n, 32)] * 2
    padded, whole = ({hypothesis.body for hypothesis in theorem.hypotheses} for theorem in found.theorems)
    assert both(le(1, Mod(n, 32)), le(Mod(n, 32), 31)) in padded
    assert eq(Mod(n, 32), 0) in whole
    one = forms(Function(F.relu)).output
    assert one.theorems == (one.theorem,) != (None,)


def test_a_form_on_several_ways_without_a_proof_of_one_has_none(monkeypatch):
    monkeypatch.setattr("convmath.network.closed_form.ways.equal_on", lambda *_: None)

    def function(x):
        return F.pad(x, (0, 0, 0, 32 - x.shape[2] % 32)) if x.shape[2] % 32 else x

    found = forms(Function(function), at=100)
    assert (found.ways, CLAUSES["read"] in found.valid.scope.clauses) == ((), True)
