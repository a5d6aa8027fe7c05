"""Closed forms of networks that compute with sizes, against torch at many sizes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.errors import ConvmathError, DomainError
from convmath.network.closed_form.forms import closed_forms
from convmath.network.provenance import Provenance

from .computing import (
    Function,
    PaddedAsTensorFlow,
    SegFormerHead,
    UNet,
    VisionTransformer,
    checked,
    coordinates,
    cropped,
    padded,
    positioned,
    resized,
    resized_where_needed,
    shape_of,
    shuffled,
    waves,
    windows,
)

NETWORKS = {
    "U-Net, resized": (lambda: UNet(resized), "n >= 8"),
    "U-Net, padded": (lambda: UNet(padded), "n >= 8"),
    "U-Net, cropped": (lambda: UNet(cropped, 2, padding=0), "n >= 22"),
    "SegFormer's head": (SegFormerHead, "n >= 1"),
    "padded as TensorFlow, 3 by 2": (lambda: PaddedAsTensorFlow(3, 2), "n >= 1"),
    "padded as TensorFlow, 7 by 4": (lambda: PaddedAsTensorFlow(7, 4), "n >= 1"),
    "flat": (lambda: Function(lambda x: x.view(x.size(0), -1)), "n >= 1"),
    "flat, of weights that are computed for groups": (
        lambda: Function(
            lambda x, conv: conv(x).view(x.size(0), -1),
            torch.nn.utils.parametrizations.weight_norm(torch.nn.Conv2d(3, 6, 3, padding=1, groups=3)),
        ),
        "n >= 1",
    ),
    "flat in space": (lambda: Function(lambda x: x.view(*x.shape[:2], x.shape[2] * x.shape[3])), "n >= 1"),
    "stretched": (lambda: Function(lambda x: F.adaptive_avg_pool2d(x, 1).expand_as(x) + x), "n >= 1"),
    "stretched by sizes": (lambda: Function(lambda x: x.mean((2, 3), True).expand(*x.shape)), "n >= 1"),
    "pooled by its own size": (lambda: Function(lambda x: F.avg_pool2d(x, x.shape[2:])), "n >= 1"),
    "pooled to a quarter": (lambda: Function(lambda x: F.adaptive_avg_pool2d(x, x.shape[-1] // 4)), "n >= 4"),
    "padded to a multiple": (
        lambda: Function(lambda x: F.pad(x, (0, -x.shape[3] % 32, 0, -x.shape[2] % 32))),
        "n >= 1",
    ),
    "halved": (lambda: Function(lambda x: x[..., : x.shape[-1] // 2] * x[..., -(x.shape[-1] // 2) :]), "n >= 2"),
    "in windows of 7": (lambda: Function(windows), "n >= 7 with n mod 7 = 0"),
    "shuffled": (lambda: Function(shuffled), "n >= 1"),
    "with positions": (lambda: Function(positioned), "n >= 1"),
    "resized as a copy": (lambda: Function(lambda x: F.interpolate(x, (torch.zeros_like(x) * 2).shape[2:])), "n >= 1"),
    "coordinates": (lambda: Function(coordinates), "n >= 1"),
    "waves": (lambda: Function(waves), "n >= 1"),
    "patches with positions": (VisionTransformer, "n >= 8"),
    "rounded up": (lambda: Function(lambda x: F.interpolate(x, math.ceil(x.shape[-1] * 0.75))), "n >= 1"),
}
NETWORKS |= {
    "asserted": (
        lambda: Function(lambda x: (torch._assert(x.shape[-1] % 8 == 0, "8"), F.avg_pool2d(x, 2))[1]),
        "n >= 8 with n mod 8 = 0",
    ),
    "k-th value": (lambda: Function(lambda x: x.kthvalue(5, -1, keepdim=True)[0]), "n >= 5"),
    "instance norm": (lambda: Function(lambda x: F.instance_norm(F.max_pool2d(x, 2))), "n >= 4"),
    "groups of one": (lambda: Function(lambda x: F.group_norm(F.max_pool2d(x, 2), 3)), "n >= 4"),
}
SIZES = (*range(1, 50), 63, 64, 65, 96, 100, 112, 223, 224, 225, 333)


@pytest.mark.parametrize(("make", "valid"), NETWORKS.values(), ids=NETWORKS)
def test_the_closed_form_is_torchs_size_and_outside_torch_refuses(make, valid):
    module = make()
    found = closed_forms(network.from_torch(module, (3, 112, 112)))
    assert (found.output.label, found.output.reading) == ("proved", "by construction"), str(found.output)
    assert str(found.valid.sizes) == valid
    checked(module, found, SIZES)


READ = "where the network is as it was read"
BRANCHES = {
    "large": (lambda x: F.avg_pool2d(x, 2) if x.shape[-1] > 32 else x, "n >= 33"),
    "at most": (lambda x: x * 1 if x.shape[-1] <= 200 else F.avg_pool2d(x, 2), "1 <= n <= 200"),
    "even": (lambda x: x * 2 if x.shape[-1] % 2 == 0 else F.avg_pool2d(x, 2), "n >= 2 with n mod 2 = 0"),
    "a multiple": (lambda x: F.avg_pool2d(x, 3) if x.shape[-1] % 8 else x + 1, "n >= 8 with n mod 8 = 0"),
    "by a ratio": (lambda x: x + 1 if x.shape[-1] / 16 >= 4 else F.avg_pool2d(x, 2), "n >= 64"),
    "by two": (lambda x: x + 1 if 64 <= x.shape[-1] < 128 else F.avg_pool2d(x, 2), "64 <= n <= 127"),
}


@pytest.mark.parametrize(("function", "valid"), BRANCHES.values(), ids=BRANCHES)
def test_a_branch_narrows_the_input_sizes_to_those_that_take_it(function, valid):
    module = Function(function)
    found = closed_forms(network.from_torch(module, (3, 112, 112)))
    assert (str(found.valid), found.output.valid) == (f"{valid}, {READ}", found.valid.sizes)
    for n in SIZES:
        real = shape_of(module, n)
        if n in found.valid:
            assert found.output.at(n) == real, n
        else:
            assert real != tuple(size if isinstance(size, int) else size.subs("n", n) for size in found.output.sizes), n


SIZES_OF = {
    "height": lambda h, w: h,
    "half": lambda h, w: (h + 1) // 2,
    "third": lambda h, w: math.ceil(w / 3),
    "even": lambda h, w: h - h % 2 or 1,
    "sum": lambda h, w: h // 2 + w // 3,
    "less": lambda h, w: max(1, h - 5),
    "most": lambda h, w: min(h, 20),
    "apart": lambda h, w: abs(h - 10) + 1,
    "scaled": lambda h, w: math.floor(w * 0.75) + 1,
    "as text": lambda h, w: int(str(h)),
    "rounded": lambda h, w: round(h / 2) + 1,
    "counted": lambda h, w: len([0] * (w // 2)) + 1,
}
STEPS = {
    "resized": lambda x, a, b: F.interpolate(x, size=(a, b)),
    "pooled": lambda x, a, b: F.max_pool2d(x, 2, ceil_mode=True),
    "pooled to": lambda x, a, b: F.adaptive_avg_pool2d(x, (a, b)),
    "pooled by": lambda x, a, b: F.avg_pool2d(x, (a + 3) // 4),
    "padded": lambda x, a, b: F.pad(x, (0, a - x.shape[3], 0, b - x.shape[2])),
    "cropped": lambda x, a, b: x[:, :, :a, b // 4 :],
    "rolled": lambda x, a, b: torch.roll(x, a, 2),
    "narrowed": lambda x, a, b: x.narrow(2, 0, min(a, x.shape[2])),
    "split": lambda x, a, b: x.split(a, 2)[0],
    "in parts": lambda x, a, b: x.chunk(2, 3)[0].contiguous(),
    "stretched": lambda x, a, b: x.mean((2, 3), keepdim=True).expand(-1, -1, a, b),
    "new": lambda x, a, b: x.new_zeros(1, 3, a, b) + 1,
    "as tokens": lambda x, a, b: x.flatten(2).transpose(1, 2).reshape(1, *x.shape[2:], 3).permute(0, 3, 1, 2),
    "another way": lambda x, a, b: x * 2 if a > b else F.avg_pool2d(x, 2),
    "folded": lambda x, a, b: F.pixel_unshuffle(F.pad(x, (0, -x.shape[3] % 2, 0, -x.shape[2] % 2)), 2)[:, :3],
}
"""Steps with three channels, which take the image and two sizes that are computed of its own."""

programs = st.lists(
    st.tuples(*map(st.sampled_from, (list(STEPS), list(SIZES_OF), list(SIZES_OF)))), min_size=1, max_size=4
)


@settings(max_examples=settings.default.max_examples // 5)
@given(programs, st.integers(12, 45))
def test_a_closed_form_of_what_a_network_computes_is_never_wrong(program, size):
    def function(x):
        for step, first, second in program:
            x = STEPS[step](x, *(SIZES_OF[name](x.shape[2], x.shape[3]) for name in (first, second)))
        return x

    module = Function(function)
    try:
        graph = network.from_torch(module, (3, size, size))
    except ConvmathError:
        assume(False)
    forms = closed_forms(graph)
    found = forms[graph.outputs[0]]
    assume(found.dimensions is not None and found.valid is not None and forms.valid.sizes is not None)
    assert size in found.valid
    for n in (*range(1, 50, 3), 64, 97):
        if n in found.valid and n in forms.valid:
            assert found.at(n) == shape_of(module, n), (n, str(found))


def test_a_size_that_is_not_followed_is_wrong_where_nothing_is_read_again():
    module = Function(lambda x: F.interpolate(x, size=int(str(x.shape[2])) // 2))
    graph = network.from_torch(module, (3, 32, 32))
    graph.provenance = Provenance()
    assert closed_forms(graph).output.at(64) != shape_of(module, 64)


def test_a_decision_after_the_last_layer_narrows_its_closed_form():
    module = Function(lambda x: (y := F.avg_pool2d(x, 2), y if y.shape[-1] > 20 else x)[1])
    found = closed_forms(network.from_torch(module, (3, 64, 64)))
    assert str(found.output.valid) == "n >= 42"


@pytest.mark.parametrize("size", [64, 63])
def test_a_u_net_that_resizes_where_it_has_to_takes_every_size(size):
    module = UNet(resized_where_needed, 2)
    found = closed_forms(network.from_torch(module, (3, size, size)))
    assert (str(found.valid), str(found.output.size), len(found.ways)) == ("n >= 4", "n", 3)
    checked(module, found, SIZES)


def test_a_size_by_several_symbols_at_once_is_unknown():
    module = Function(lambda x: x.view(x.size(0), x.size(1), x.size(2) * x.size(3)))
    found = closed_forms(network.from_torch(module, (3, "h", "w")), "h")
    assert "h and w at once" in found.output.reason


def test_one_axis_may_move_alone():
    module = Function(lambda x: F.interpolate(F.max_pool2d(x, 2), size=x.shape[2:]))
    found = closed_forms(network.from_torch(module, (3, 40, 64)), "w", axis=1)
    assert found.output.output_size[:2] == (3, 40)
    assert (str(found.output.size), str(found.valid)) == ("w", "w >= 2")


def test_sizes_keep_their_terms_in_a_graph_whose_inputs_are_replaced():
    graph = network.from_torch(UNet(resized), (3, "n", "n"))
    assert str(graph.closed_forms().output).startswith("join.0: (4, n, n) for n >= 8")


def test_a_resize_without_its_term_is_caught():
    graph = network.from_torch(UNet(resized), (3, 112, 112))
    fixed = network.Graph([type(node)(node.name, node.operator, node.inputs) for node in graph])
    with pytest.raises(DomainError):
        closed_forms(fixed).output.at(96)
