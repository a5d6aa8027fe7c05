"""Closed forms of networks that are told sizes: what is not followed is never given, and what is sampled says so."""

from __future__ import annotations

import operator
import random
import re
from dataclasses import replace
from itertools import count

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - torch's own habit

from convmath import network
from convmath.network.closed_form.forms import closed_forms
from convmath.network.operators import Activation

from .computing import Function, checked

SIZE = 32


def forms(module: nn.Module, size: int = SIZE):
    return closed_forms(network.from_torch(module, (3, size, size)))


def watched(graph):
    """The sizes at which a graph is read again from now on."""
    read, source = [], graph.provenance.source
    graph.provenance = replace(
        graph.provenance, source=lambda sizes: read.append(tuple(sizes.values())) or source(sizes)
    )
    return read


LOST = {
    "as text": lambda x: F.interpolate(F.avg_pool2d(x, 2), size=int(str(x.shape[-1]))),
    "as the length of a range": lambda x: F.interpolate(F.avg_pool2d(x, 2), size=len(range(x.shape[-1]))),
    "as the length of a list": lambda x: F.interpolate(F.avg_pool2d(x, 2), size=len([0] * x.shape[-1])),
    "as a float": lambda x: F.adaptive_avg_pool2d(x, int(x.shape[-1] ** 0.5)),
    "as a rounded quotient": lambda x: F.adaptive_avg_pool2d(x, int(x.shape[-1] / 2)),
    "as a tensor of that size": lambda x: x + torch.zeros(1, 3, int(str(x.shape[2])), 1),
    "by a factor whose products torch rounds down": lambda x: F.interpolate(x, scale_factor=0.7),
    "as bits": lambda x: F.adaptive_avg_pool2d(x, x.shape[-1] ^ 1),
    "as a list": lambda x: torch.cat([x] * (x.shape[-1] // 16), 1),
    "as a number of steps": lambda x: [x := F.max_pool2d(x, 3, 1, 1) for _ in range(x.shape[-1] // 8)][-1],
    "in a dictionary": lambda x: {32: F.relu, 64: F.gelu}.get(x.shape[-1], torch.tanh)(x),
    "as a float that is compared": lambda x: F.avg_pool2d(x, 2) if int(x.shape[-1] / 7) < 5 else x,
}


@pytest.mark.parametrize("function", LOST.values(), ids=LOST)
def test_a_size_that_is_not_followed_is_no_closed_form(function):
    found = forms(Function(function))
    assert found.output.dimensions is None, str(found.output)
    assert "size" in found.output.reason
    assert found.label == "unknown"


TRUE = {
    "scaled up": lambda: nn.Upsample(scale_factor=2),
    "scaled down": lambda: nn.Upsample(scale_factor=0.5, mode="bilinear"),
    "pooled to a given size": lambda: nn.AdaptiveAvgPool2d(3),
    "convolved": lambda: nn.Conv2d(3, 4, 3, stride=2, padding=1),
    "normalised": lambda: nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.InstanceNorm2d(8)),
    "cropped": lambda: Function(lambda x: x[:, :, 1:-1, 2:]),
    "stretched": lambda: Function(lambda x: x * x.mean((2, 3), keepdim=True).expand_as(x)),
    "in windows": lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Flatten(2)),
    "resized to its input": lambda: Function(lambda x: F.interpolate(F.avg_pool2d(x, 2), size=x.shape[-2:])),
    "asked for nothing": lambda: Function(lambda x: (x.shape[-1], F.relu(x))[1]),
}


@pytest.mark.parametrize("make", TRUE.values(), ids=TRUE)
def test_code_that_is_told_no_number_is_proved_and_read_again_at_the_same_size_only(make):
    graph = network.from_torch(make(), (3, SIZE, SIZE))
    read = watched(graph)
    found = closed_forms(graph)
    assert read[0] == ((3, SIZE, SIZE),)
    others = [size[1] for (size,) in read[1:]]  # those that it refuses, and those of other ways
    assert found.scope or not any(size in found.valid for size in others)
    assert (found.output.label, found.output.reading, found.valid.label) == ("proved", "by construction", "proved")
    checked(make(), found, range(1, 60, 7))


TOLD = {
    "as a number": lambda x: F.interpolate(F.avg_pool2d(x, 2), size=[(int(n), n)[1] for n in x.shape[-2:]]),
    "and thrown away": lambda x: (hash(x.shape[-1]), F.relu(x))[1],
    "as text": lambda x: (f"{x!r}", F.relu(x))[1],
    "by a refused layer": lambda x: _either(x),
}


def _either(x):
    try:
        return F.max_pool2d(F.avg_pool2d(x, SIZE), 3)
    except Exception:
        return F.relu(x)


@pytest.mark.parametrize("function", TOLD.values(), ids=TOLD)
def test_code_that_is_told_a_size_is_never_called_proved(function):
    found = forms(Function(function))
    assert found.output.label in ("checked by sampling", "unknown"), str(found.output)
    assert found.valid.label == found.output.label
    if found.output.label != "unknown":
        assert found.output.algebra == "proved"
        assert re.search(r"read again at 1[12] other sizes", str(found.output))  # one of them may be refused


def test_layers_before_the_first_number_that_is_told_and_channels_stay_proved():
    class Late(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm = nn.Conv2d(3, 8, 3, stride=2), nn.InstanceNorm2d(8)

        def forward(self, x):
            y = self.norm(self.first(x))
            return F.relu(y) * operator.index(y.size(1)) * operator.index(y.size(2))

    found = forms(Late())
    assert [form.label for form in found] == [*["proved"] * 5, "checked by sampling"]


def test_what_is_lost_only_beyond_the_sizes_that_are_tried_is_called_sampled():
    found = forms(Function(lambda x: F.avg_pool2d(x, 2) if int(str(x.shape[-1])) < 10**6 else x))
    assert found.output.label == "checked by sampling"


def test_a_network_that_takes_some_sizes_only_is_known_at_those():
    module = nn.Sequential(nn.MaxPool2d(7), nn.Flatten(), nn.Linear(3 * 4 * 4, 10))
    found = forms(module, 28)
    assert (str(found.valid), found.output.label) == ("28 <= n <= 34", "proved")


def test_a_network_that_takes_one_size_only_is_known_at_that():
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * SIZE * SIZE, 10))
    found = forms(module)
    assert (str(found.valid), found.output.at(SIZE)) == (f"n = {SIZE}", (1, 10))


def test_a_network_that_asks_and_that_no_other_size_fits_is_unknown():
    module = Function(lambda x: F.relu(x) if int(str(x.shape[-1])) == SIZE else F.avg_pool2d(x, 10**6))
    assert "none of the other sizes" in forms(module).output.reason


class Stages(nn.Module):
    """Layers of which the size chooses one, in a way that is not followed."""

    def __init__(self, choose):
        super().__init__()
        self.choose = choose
        self.layers = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1), nn.Conv2d(3, 3, 3, stride=2, padding=1)])

    def forward(self, x):
        return self.choose([layer(x) for layer in self.layers], x.shape[2])


def test_what_is_returned_has_to_be_the_same_at_other_sizes():
    found = forms(Stages(lambda results, size: results[int(str(size)) % 2]))
    assert "reads otherwise" in found["layers.0"].reason
    same = forms(Stages(lambda results, size: results[0 * int(str(size))]))
    assert same["layers.0"].label == "checked by sampling"


def test_a_size_that_is_refused_has_to_be_refused_by_a_condition():
    found = forms(Stages(lambda results, size: results[int(str(size)) // 100]))
    assert "no condition says why" in found["layers.0"].reason
    assert "352" in found["layers.0"].reason
    said = forms(Stages(lambda results, size: results[0 if size <= 100 else 2]))
    assert said["layers.0"].label == "proved"
    assert 352 not in said.valid


def other_at(number):
    return Function(lambda x: (F.relu if int(str(x.shape[2])) == number else F.gelu)(x if x.shape[2] >= 10 else -x))


def test_a_network_that_was_told_a_size_is_read_again_at_the_first_and_last_that_its_conditions_leave():
    assert "reads otherwise with inputs of 3 x 10 x 10" in forms(other_at(10)).output.reason
    assert forms(other_at(11)).output.label == "checked by sampling"
    assert str(forms(other_at(9)).valid) == "n >= 10, where the network is as it was read"


@pytest.mark.parametrize("size", [8, 32, 64, 100])
def test_the_other_sizes_are_as_many_as_the_label_says(size):
    graph = network.from_torch(
        Function(lambda x: x.view(*map(abs, x.shape[:2]), -1) * int(x.shape[2])), (3, size, size)
    )
    read = watched(graph)
    found = closed_forms(graph)
    others = set(read) - {((3, size, size),)}
    assert found.output.reading == f"read again at {len(others)} other sizes"
    assert (len(others), len(read)) == (12, 13)


def by_turns(change):
    """A network whose result goes by what it has done before."""
    turns = count()
    return Function(lambda x: F.avg_pool2d(x, 2) if change(next(turns)) else F.relu(x))


def test_a_network_that_goes_by_what_it_has_done_before_is_unknown():
    found = forms(by_turns(lambda turn: turn % 2))
    assert "otherwise at the same sizes" in found.output.reason
    assert forms(by_turns(lambda turn: turn < 0)).output.label == "proved"


def test_a_network_that_goes_by_chance_is_unknown():
    chance = random.Random(7)  # noqa: S311 - no secret
    found = forms(Function(lambda x: F.interpolate(x, size=chance.randrange(10**9) + 1)))
    assert "otherwise at the same sizes" in found.output.reason
    assert found.label == "unknown"


def test_a_network_that_is_refused_the_second_time_is_unknown():
    def once(x):
        if next(turns):
            raise ValueError
        return F.relu(x)

    turns = count()
    assert "cannot be read again at the same sizes" in forms(Function(once)).output.reason


GONE = {
    "clipped": lambda x: F.interpolate(x, size=(int(np.clip(x.shape[2], 10, 50)), 3)),
    "among numbers": lambda x: F.interpolate(x, size=(len({x.shape[2], 40, 64}), 3)),
    "of large ones": lambda x: F.avg_pool2d(x, 2) if hash(x.shape[2]) < 100 else x,
    "of small ones": lambda x: F.avg_pool2d(x, 2) if hash(x.shape[2]) < 20 else x,
}


@pytest.mark.parametrize("size", [100, 224, 512])
@pytest.mark.parametrize("function", GONE.values(), ids=GONE)
def test_what_is_another_one_at_small_sizes_is_found_out(function, size):
    assert forms(Function(function), size).output.label == "unknown"


def test_sizes_of_different_axes_are_not_always_varied_together():
    def ratio(x):
        return F.interpolate(x, size=(-int(x.shape[3] / x.shape[2] / -1), 3))

    graph = network.from_torch(Function(ratio), (3, "h", "w"))
    read = watched(graph.reading)
    assert graph.closed_forms("h").output.label == "unknown"
    assert len({h == w for ((_, h, w),) in read}) == 2


def test_a_network_is_read_again_once_for_all_questions():
    graph = network.from_torch(Function(lambda x: F.relu(x) * hash(x.shape[2])), (3, "h", "w"))
    read = watched(graph.reading)
    first = graph.closed_forms()
    count = len(read)
    assert count == len(set(read)) == 13
    assert str(graph.closed_forms()) == str(first)
    graph.closed_forms("w")
    assert len(read) == count
    graph.reading.add("more", Activation("relu"), graph.reading.outputs[0])
    closed_forms(graph.reading)
    assert len(read) > count


def test_a_changed_network_that_was_told_a_size_is_read_again_with_its_changes():
    graph = network.from_torch(Function(lambda x: F.relu(x) * int(x.shape[2])), (3, SIZE, SIZE))
    changed = graph.replaced({"relu": Activation("tanh")})
    assert closed_forms(changed).output.reading == "read again at 12 other sizes"
    assert closed_forms(network.Graph(list(changed))).output.reading == "by construction"
