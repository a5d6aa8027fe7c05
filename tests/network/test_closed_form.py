"""Closed forms of whole networks against their layers one by one and against torch; sets of sizes by brute force."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import pytest
import sympy
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from convmath.calculus.index import eq, integers
from convmath.calculus.recheck import Recheck
from convmath.calculus.trace import trace
from convmath.errors import DomainError
from convmath.formulas.padding import resolve_padding
from convmath.inert import CeilDiv, FloorDiv
from convmath.network import Graph
from convmath.network.analysis import sizes_of
from convmath.network.closed_form.forms import closed_forms
from convmath.network.closed_form.laws import proved
from convmath.network.operators import (
    Combine,
    Concat,
    Conv,
    ConvTranspose,
    Flatten,
    Input,
    Linear,
    Pad,
    PixelUnshuffle,
    Pool,
    Reshape,
    Resize,
    Slice,
    Unknown,
)
from convmath.network.views.forms import Forms, shown

from .networks import Layers, Network, networks

# Networks, each as a graph and as steps of torch


def conv(net: Network, name: str, into: int, out: int, kernel: int, **options) -> str:
    operator = Conv(into, out, (kernel, kernel), **options)
    return net.add(operator, nn.Conv2d(into, out, kernel, device="meta", **options), name)


def max_pool(net: Network, name: str, kernel: int, **options) -> str:
    return net.add(Pool("max", (kernel, kernel), **options), nn.MaxPool2d(kernel, **options), name)


def resnet50() -> Network:
    net = Network.of(3, 224, 224)
    last = max_pool(net, conv(net, "input", 3, 64, 7, stride=2, padding=3), 3, stride=2, padding=1)
    channels = 64
    for width, blocks, first in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            stride = first if block == 0 else 1
            main = conv(net, conv(net, last, channels, width, 1), width, width, 3, stride=stride, padding=1)
            main = conv(net, main, width, 4 * width, 1)
            other = conv(net, last, channels, 4 * width, 1, stride=stride) if block == 0 else last
            last, channels = net.add(Combine("add"), torch.add, main, other), 4 * width
    return net


def vgg16() -> Network:
    net = Network.of(3, 224, 224)
    last, channels = "input", 3
    for width, layers in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(layers):
            last, channels = conv(net, last, channels, width, 3, padding=1), width
        last = max_pool(net, last, 2)
    flat = net.add(Flatten(1), nn.Flatten(), last)
    net.add(Linear(25088, 10), nn.Linear(25088, 10, device="meta"), flat)
    return net


def alexnet() -> Network:
    net = Network.of(3, 224, 224)
    last = max_pool(net, conv(net, "input", 3, 8, 11, stride=4, padding=2), 3, stride=2)
    last = max_pool(net, conv(net, last, 8, 8, 5, padding=2), 3, stride=2)
    max_pool(net, conv(net, last, 8, 8, 3, padding=1), 3, stride=2)
    return net


def unet(depth: int = 4) -> Network:
    net = Network.of(1, 64, 64)
    last, channels, skips = "input", 1, []
    for level in range(depth):
        last, channels = conv(net, last, channels, 2 << level, 3, padding=1), 2 << level
        skips.append((last, channels))
        last = max_pool(net, last, 2)
    for skip, width in reversed(skips):
        up = nn.ConvTranspose2d(channels, width, 2, stride=2, device="meta")
        last = net.add(ConvTranspose(channels, width, (2, 2), stride=2), up, last)
        last = net.add(Concat(1), lambda *parts: torch.cat(parts, 1), last, skip)
        last, channels = conv(net, last, 2 * width, width, 3, padding=1), width
    return net


def autoencoder() -> Network:
    net = Network.of(1, 32, 32)
    last = "input"
    for into, out in ((1, 4), (4, 8)):
        last = conv(net, last, into, out, 4, stride=2, padding=1)
    for into, out in ((8, 4), (4, 1)):
        up = nn.ConvTranspose2d(into, out, 4, stride=2, padding=1, device="meta")
        last = net.add(ConvTranspose(into, out, (4, 4), stride=2, padding=1), up, last)
    return net


NETWORKS = {"resnet50": resnet50, "vgg16": vgg16, "alexnet": alexnet, "unet": unet, "autoencoder": autoencoder}


def at(graph: Graph, n: int) -> Graph:
    """The network for inputs of n elements on every axis."""
    inputs = {}
    for name in graph.inputs:
        operator = graph[name].operator
        shape = tuple(n if d in operator.axes else size for d, size in enumerate(operator.shape))
        inputs[name] = Input(shape, operator.axes)
    return graph.replaced(inputs)


def sizes_at(graph: Graph, n: int):
    """The sizes layer by layer, or None where they do not fit."""
    try:
        return sizes_of(at(graph, n))
    except DomainError:
        return None


def torch_sizes_at(net: Network, n: int):
    """The sizes by torch, or None where it refuses."""
    shape = (*net.sizes["input"][:2], n, n)
    try:
        values = Layers(net.steps)(torch.empty(shape, device="meta"))
    except RuntimeError:
        return None
    return {name: tuple(value.shape) for name, value in values.items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_closed_forms_are_the_sizes_that_torch_finds(name):
    net = NETWORKS[name]()
    forms = closed_forms(net.graph)
    for n in (*range(1, 70), 96, 223, 224, 225, 240, 255, 256, 257, 300):
        found = torch_sizes_at(net, n)
        assert (found is not None) == (n in forms.valid), f"{n}: {forms.valid}"
        if found is not None:
            assert {form.name: form.at(n) for form in forms} == found, n


@pytest.mark.parametrize(
    ("name", "size", "valid", "lossless"),
    [
        ("resnet50", "ceil(n/32)", "n >= 1", "n >= 1 with n mod 32 in {1, 2, 3, 4}"),
        ("vgg16", None, "224 <= n <= 255", "n = 224"),
        ("alexnet", "floor((n - 31)/32)", "n >= 63", "n >= 63 with n mod 32 in {0, 1, 31}"),
        ("unet", "n", "n >= 16 with n mod 16 = 0", "n >= 16 with n mod 16 = 0"),
        ("autoencoder", "4*floor(n/4)", "n >= 4", "n >= 4"),
    ],
)
def test_the_closed_forms_of_known_networks_are_proved(name, size, valid, lossless):
    forms = closed_forms(NETWORKS[name]().graph)
    assert size is None or f", {size})" in str(forms.output)
    assert {form.label for form in forms} == {"proved"}
    assert [str(forms.valid), str(forms.lossless)] == [valid, lossless]
    assert [forms.valid.label, forms.matching.label, forms.lossless.label] == ["proved"] * 3


def test_the_theorem_says_how_every_layer_makes_its_size():
    forms = closed_forms(vgg16().graph)
    pooled = forms["max_pool2d_18"]
    theorem = pooled.theorem
    assert theorem.trust == {"kernel"}
    assert theorem.formula.args[1] == pooled.size == FloorDiv(forms.symbol, 32)
    equations = [hypothesis.body for hypothesis in theorem.hypotheses]
    assert {equation.op for equation in equations} == {"=="}
    assert len(equations) == 18  # layers with windows up to there
    for n in (32, 223, 224, 300):
        sizes = {forms.symbol: n}
        while len(sizes) <= len(equations):
            for equation in equations:
                if equation.args[1].free_symbols <= set(sizes):
                    sizes[equation.args[0]] = equation.args[1].subs(sizes)
        assert sizes[theorem.formula.args[0]] == n // 32


def test_the_theorems_pass_the_recheck():
    forms = closed_forms(alexnet().graph)
    report = Recheck().report(trace(forms.output.theorem, *forms.lossless.theorems))
    assert report.steps
    assert [step.line() for step in report.steps if not step.ok] == []


def test_a_wrong_closed_form_is_refused():
    graph = single(*[Conv(1, 1, (3,), stride=2, padding=1)] * 3, size=(1, 64))
    theorem = closed_forms(graph).output.theorem
    size, form = theorem.formula.args
    layers = tuple(hypothesis.body for hypothesis in theorem.hypotheses)
    n = sympy.Symbol("n", integer=True)
    assert form == CeilDiv(n, 8)
    assert proved(eq(size, form), layers) is not None
    for wrong in (FloorDiv(n, 8), CeilDiv(n, 4), CeilDiv(n, 8) + 1):
        assert proved(eq(size, wrong), layers) is None


# Random networks


@settings(max_examples=max(30, settings.default.max_examples // 3))
@given(st.integers(1, 2).flatmap(lambda axes: networks(axes=axes, head=True)))
def test_closed_forms_of_random_networks_are_their_sizes(network):
    forms = closed_forms(network.graph)
    known = [form for form in forms if form.dimensions is not None and form.valid is not None]
    assert len(known) >= 1
    for n in range(1, 26):
        sizes = sizes_at(network.graph, n)
        for form in known:
            if n in form.valid and sizes is not None:
                assert form.at(n) == sizes[form.name], f"{form} at {n}"
        if len(known) == len(forms) and forms.valid.sizes is not None:
            inside = n in forms.valid
            matched = all(claim.holds(n) for claim in forms.matches)
            assert inside == (sizes is not None and matched), f"{n}: {forms.valid}"


@st.composite
def stacks(draw):
    """Layers with every kind of padding, in a row."""
    graph = Graph()
    last = graph.input((1, 64))
    for number in range(draw(st.integers(1, 5))):
        kernel, stride, dilation = (draw(st.integers(1, most)) for most in (5, 4, 2))
        kind = draw(st.sampled_from(["conv", "same", "pool", "ceil", "transpose", "resize", "pad"]))
        span = dilation * (kernel - 1) + 1
        operator = {
            "conv": Conv(1, 1, (kernel,), stride=stride, padding=((draw(st.integers(0, 2)), 1),), dilation=dilation),
            "same": Conv(1, 1, (kernel,), stride=stride, padding="same_lower", dilation=dilation),
            "pool": Pool("max", (kernel,), stride=stride, padding=kernel // 2),
            "ceil": Pool("avg", (kernel,), stride=stride, padding=kernel // 2, ceil_mode=True),
            "transpose": ConvTranspose(1, 1, (kernel,), stride=stride, padding=min(1, span // 2), dilation=dilation),
            "resize": Resize("nearest", scale=(Fraction(draw(st.integers(1, 4)), draw(st.integers(1, 3))),)),
            "pad": Pad(((0, 0), (0, 0), (draw(st.integers(-2, 3)), 1))),
        }[kind]
        last = graph.add(f"{kind}{number}", operator, last)
    return graph


def left_over(operator, n: int, windows: int) -> bool:
    """Whether the last of n elements comes after the last of so many windows."""
    if not isinstance(operator, (Conv, Pool)):
        return False
    (k,), s, d = operator.kernel_size, operator.stride, operator.dilation
    padding = operator.padding if isinstance(operator.padding, (str, int)) else operator.padding[0]
    first, _ = resolve_padding(padding, n, k, stride=s, dilation=d)
    return n - 1 > (windows - 1) * s - first + d * (k - 1)


@settings(max_examples=max(20, settings.default.max_examples // 5))
@given(stacks())
def test_closed_forms_and_sets_of_random_stacks_are_right_at_every_size(graph):
    forms = closed_forms(graph)
    assert "unknown" not in {form.label for form in forms}
    for n in range(1, 120):
        sizes = sizes_at(graph, n)
        assert (n in forms.valid) == (sizes is not None), f"{n}: {forms.valid}"
        if sizes is None:
            continue
        assert {form.name: form.at(n) for form in forms} == sizes, n
        if forms.lossless.sizes is not None:
            layers = [node for node in graph if node.inputs]
            lost = any(left_over(one.operator, sizes[one.inputs[0]][2], sizes[one.name][2]) for one in layers)
            assert (n in forms.lossless) == (not lost), f"{n}: {forms.lossless}"


@settings(max_examples=max(20, settings.default.max_examples // 5))
@given(stacks())
def test_stacks_with_a_single_rounding_are_proved(graph):
    forms = closed_forms(graph)
    assume(all(len(form.size.atoms(FloorDiv, CeilDiv)) <= 1 for form in forms))
    assert forms.label == "proved", "\n".join(map(str, forms))


def test_a_set_that_is_a_little_too_large_is_caught():
    graph = unet(2).graph
    forms = closed_forms(graph)
    wrong = replace(forms.valid, sizes=replace(forms.valid.sizes, modulus=2))
    assert any((n in wrong) != (sizes_at(graph, n) is not None) for n in range(1, 40))
    assert all((n in forms.valid) == (sizes_at(graph, n) is not None) for n in range(1, 200))


# Operators with conditions of their own, and what is not understood


def single(*operators, size: tuple[int, ...] = (1, 64, 64)) -> Graph:
    graph = Graph()
    last = graph.input(size)
    for number, operator in enumerate(operators):
        last = graph.add(f"node{number}", operator, last)
    return graph


@pytest.mark.parametrize(
    ("operators", "output", "valid"),
    [
        ([PixelUnshuffle(4)], "(16, floor(n/4), floor(n/4))", "n >= 4 with n mod 4 = 0"),
        ([Slice(2, 3, 20)], "(1, 17, n)", "n >= 20"),
        ([Reshape((1, -1))], "(n*n)", "n >= 1"),
        ([Reshape((1, 1, -1, 8))], "(1, floor((n*n)/8), 8)", "n >= 4 with n mod 4 = 0"),
        ([Resize("nearest", scale=(Fraction(3, 2), Fraction(3, 2)))], "(1, floor((3*n)/2), floor((3*n)/2))", "n >= 1"),
        ([Pad(((0, 0), (0, 0), (-3, -2), (0, 0)))], "(1, n - 5, n)", "n >= 6"),
        ([Pool("max", (3, 3), stride=2, ceil_mode=True)], "(1, floor(n/2), floor(n/2))", "n >= 2"),
        ([Conv(1, 1, (1, 1), stride=3, padding="same_upper")], "(1, ceil(n/3), ceil(n/3))", "n >= 1"),
    ],
)
def test_conditions_of_operators_become_sets(operators, output, valid):
    graph = single(*operators)
    forms = closed_forms(graph)
    assert output in str(forms.output)
    assert str(forms.valid) == valid
    assert [n for n in range(1, 60) if n in forms.valid] == [n for n in range(1, 60) if sizes_at(graph, n) is not None]


def test_one_axis_alone():
    graph = vgg16().graph
    forms = closed_forms(graph, "h", axis=0)
    pooled = forms["max_pool2d_18"]
    assert pooled.output_size == (512, FloorDiv(sympy.Symbol("h", integer=True), 32), 7)
    assert str(forms.valid) == "224 <= h <= 255"
    assert graph.closed_forms("h", axis=0).output == forms.output
    assert graph.analyze().closed_forms("h", axis=0)["max_pool2d_18"].size == pooled.size


def test_several_inputs_move_together_or_one_alone():
    graph = Graph()
    first, second = graph.input((1, 8), "first"), graph.input((1, 8), "second")
    half = graph.add("half", Pool("max", (2,)), first)
    graph.add("both", Concat(2), half, second)
    assert str(closed_forms(graph).output) == "both: (1, n + floor(n/2)) for n >= 2, proved"
    assert str(closed_forms(graph, source="first").output) == "both: (1, floor(n/2) + 8) for n >= 2, proved"
    graph.add("sum", Combine("add"), half, second)
    forms = closed_forms(graph)
    assert str(forms.valid) == "no n, where no size 1 is stretched"
    assert str(closed_forms(graph, source="second").valid) == "n = 4, where no size 1 is stretched"


def test_what_is_not_understood_is_unknown():
    graph = single(Conv(1, 1, (3, 3)), Unknown("my_op", "nobody knows it", (1, 1, 62, 62)), Conv(1, 1, (3, 3)))
    forms = closed_forms(graph)
    assert [form.label for form in forms] == ["proved", "proved", "unknown", "unknown"]
    assert "node1 (my_op) is not understood: nobody knows it" in forms["node2"].reason
    assert (forms.valid.sizes, forms.valid.label, forms.label) == (None, "unknown", "unknown")
    assert forms["node2"].sizes is forms["node2"].size is forms["node2"].theorem is None
    with pytest.raises(DomainError, match="unknown"):
        forms["node2"].at(64)


def test_sizes_that_the_network_does_not_take_are_refused():
    forms = closed_forms(single(Conv(1, 1, (7, 7))))
    with pytest.raises(DomainError, match=r"n=6: node0 needs n >= 7|n=6.*needs n >= 7"):
        forms.output.at(6)
    assert forms.output.at(7) == (1, 1, 1, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"symbol": ""},
        {"symbol": "2n"},
        {"symbol": sympy.Symbol("n", integer=True, positive=True)},
        {"symbol": 3},
        {"axis": 2},
        {"axis": -1},
        {"source": "node0"},
        {"source": "nothing"},
    ],
    ids=str,
)
def test_wrong_arguments_are_named(arguments):
    with pytest.raises(DomainError):
        closed_forms(single(Conv(1, 1, (3, 3))), **arguments)


def test_a_deep_network_takes_linear_time_and_a_hopeless_one_says_so():
    graph = single(*[Conv(1, 1, (3,), padding=1)] * 3000, size=(1, 64))
    assert str(closed_forms(graph).output) == "node2999: (1, n) for n >= 1, proved"
    graph = single(*[Conv(1, 1, (3,))] * 100, size=(1, 999))
    assert str(closed_forms(graph).output) == "node99: (1, n - 200) for n >= 201, proved"
    graph = single(*[Resize("nearest", scale=(Fraction(3, 2),))] * 60, size=(1, 64))
    assert "more than 32 roundings" in closed_forms(graph).output.reason
    graph = single(*[ConvTranspose(1, 1, (2**30,), stride=2**30)] * 5, size=(1, 64))
    assert "more than 64 bits" in closed_forms(graph).output.reason


WITHOUT_SCIPY = """
import sys
sys.modules["scipy"] = None
from convmath.network import Graph
from convmath.network.operators import Conv
from convmath.network.views.forms import Forms, shown
graph = Graph()
graph.add("conv", Conv(1, 1, (3,), stride=2), graph.input((1, 64)))
forms = graph.closed_forms()
print(forms.output)
print(forms.lossless, forms.lossless.label)
print(forms.output.theorem)
named = Graph()
named.add("conv", Conv(1, 1, (3,), stride=2, padding=1), named.input((1, "n")))
print(*shown(Forms.of(named)).notes)
"""


def test_without_scipy_the_closed_form_is_checked_and_says_so():
    done = subprocess.run([sys.executable, "-c", WITHOUT_SCIPY], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "conv: (1, ceil(n/2) - 1) for n >= 3, checked by sampling",
        "n >= 3 with n mod 2 = 1 checked by sampling",
        "None",
        "Checked by sampling, not proved: searching for certificates needs SciPy: pip install 'convmath[search]'.",
    ]


def test_with_scipy_nothing_is_to_be_installed():
    named = Graph()
    named.add("conv", Conv(1, 1, (3,), stride=2, padding=1), named.input((1, "n")))
    assert shown(Forms.of(named)).notes == ()


@pytest.mark.parametrize("letter", ["m", "n"])
def test_a_letter_in_an_operator_is_no_size_of_an_input(letter):
    graph = Graph()
    graph.add("part", Slice(2, 0, integers(letter)), graph.input((4, "n")))
    form = graph.closed_forms().output
    assert form.dimensions is None
    assert f"{letter} stands in the operator itself, which takes numbers; letters are for sizes of inputs" in str(form)
